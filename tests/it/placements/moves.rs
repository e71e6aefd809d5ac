//! `MovePlacement` and `ReassignPlacement`.

use super::*;

#[tokio::test]
async fn a_move_takes_the_person_along_and_leaves_the_quota() {
    let (mut world, ledger, old) = two_municipalities(1, [2, 0]).await;
    let (_, placement) = placed(&world, &ledger, 1, 100).await;
    let id = &placement.placement_id;
    let new = world.place_group(&ledger, 1).await;
    world.service.clock.set(datetime!(2026-03-12 09:00 UTC));
    refresh(&mut world).await;
    let request = moving(&ledger, id, &new);
    let mut allocation = world.office.allocation();
    let preview = MovePlacementRequest { validate_only: true, ..request.clone() };
    allocation.move_placement(preview).await.unwrap();
    assert_eq!(listed(&world.county, &ledger).await[0].place_group_id, old);
    let answer = allocation.move_placement(request.clone()).await.unwrap().into_inner();
    let again = allocation.move_placement(request).await.unwrap().into_inner();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    let expected = Placement { place_group_id: new.clone(), ..placement.clone() };
    assert_eq!(answer.placement, Some(expected));
    assert_eq!(in_use(&world, &ledger).await, (100, vec![100, 0]));
    let (kind, payload) = last_payload(&world.service).await;
    assert_eq!(kind, "MOVE_PLACEMENT");
    assert!(!payload.to_string().contains("hjemmet"), "{payload}");
    let sealed = &payload["command"]["MOVE_PLACEMENT"]["text"];
    let context = format!("placement/{id}/moved");
    assert_eq!(opened(&world.service, &context, sealed).await, "nærmere hjemmet");
    // The old place has stood empty since the move, and not since ever.
    world.service.clock.set(datetime!(2026-03-15 09:00 UTC));
    refresh(&mut world).await;
    world.join(&ledger, 2).await;
    let request = ListVacanciesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let found = world.county.allocation().list_vacancies(request).await.unwrap().into_inner();
    let [place] = &found.places[..] else { panic!("{found:?}") };
    let empty = (place.place_group_id.clone(), place.empty_since_date, place.days_empty);
    assert_eq!(empty, (old.clone(), Some(date(2026, 3, 12)), 3));
    // And the freed place is the next one's.
    assert_eq!(world.allocate(&ledger, 1).await.proposals[0].place_group_id, old);
    world.service.verify().await;
}

#[tokio::test]
async fn who_may_not_move_somebody_is_told_why() {
    let (world, ledger, old) = two_municipalities(1, [2, 0]).await;
    let (_, placement) = placed(&world, &ledger, 1, 100).await;
    let id = &placement.placement_id;
    let new = world.place_group(&ledger, 1).await;
    let plain = moving(&ledger, id, &new);
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let wrong_state = is(Code::FailedPrecondition, "WRONG_STATE");
    let to = |group: &str| MovePlacementRequest { place_group_id: group.into(), ..plain.clone() };
    for (caller, request, expected) in [
        (&world.provider, plain.clone(), is(Code::PermissionDenied, "PERMISSION_DENIED")),
        (&other, plain.clone(), is(Code::PermissionDenied, "PERMISSION_DENIED")),
        (&hemne, plain.clone(), is(Code::NotFound, "NOT_FOUND")),
        (&world.office, to(&nothing()), is(Code::NotFound, "NOT_FOUND")),
        (&world.office, to(&old), wrong_state.clone()),
        (
            &world.office,
            MovePlacementRequest { reason: String::new(), ..plain.clone() },
            is(Code::InvalidArgument, "INVALID_FIELDS"),
        ),
    ] {
        let refused = caller.allocation().move_placement(request.clone()).await.unwrap_err();
        assert_eq!(told(&refused), expected, "{request:?}");
    }
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: id.clone(),
        end_date: Some(today()),
        outcome: PlacementOutcome::Ill.into(),
        ..EndPlacementRequest::default()
    };
    world.office.allocation().end_placement(end).await.unwrap();
    let refused = world.office.allocation().move_placement(plain).await.unwrap_err();
    assert_eq!(told(&refused), wrong_state);
    world.service.verify().await;
}

#[tokio::test]
async fn the_office_moved_to_follows_up_and_its_quota_pays() {
    let (world, ledger, _) = two_municipalities(2, [1, 1]).await;
    let (entry_id, placement) = placed(&world, &ledger, 1, 70).await;
    let id = &placement.placement_id;
    let request = reassigning(&ledger, id, HEMNE);
    let mut allocation = world.office.allocation();
    let preview = ReassignPlacementRequest { validate_only: true, ..request.clone() };
    let preview = allocation.reassign_placement(preview).await.unwrap().into_inner();
    assert_eq!(in_use(&world, &ledger).await, (70, vec![70, 0]));
    let answer = allocation.reassign_placement(request.clone()).await.unwrap().into_inner();
    // Also to the office that may not see the person any more.
    let again = allocation.reassign_placement(request.clone()).await.unwrap().into_inner();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    let expected = Placement { municipality_number: HEMNE.into(), ..placement.clone() };
    assert_eq!(
        (preview.placement, answer.placement.as_ref()),
        (answer.placement.clone(), Some(&expected))
    );
    assert_eq!(in_use(&world, &ledger).await, (70, vec![0, 70]));
    assert_eq!(listed(&world.office, &ledger).await, []);
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    assert_eq!(listed(&hemne, &ledger).await, [expected]);
    let lost = ReassignPlacementRequest { request_id: request_id(), ..request };
    let refused = allocation.reassign_placement(lost).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
    let state = world.position(&ledger, &entry_id).await;
    assert_eq!(state.state(), EntryState::Placed);
    world.service.verify().await;
}

#[tokio::test]
async fn a_guest_keeps_the_place_until_the_other_quota_has_room() {
    let (world, ledger, _) = two_municipalities(2, [1, 1]).await;
    let (_, placement) = placed(&world, &ledger, 1, 100).await;
    let there = JoinWaitlistRequest {
        municipality_number: HEMNE.into(),
        following_office_number: HEMNE_OFFICE.into(),
        ..join(&ledger, 2)
    };
    let (_, other) = begin(&world, &ledger, there).await;
    let reassign = async |number: &str| {
        let request = reassigning(&ledger, &placement.placement_id, number);
        let answer = world.county.allocation().reassign_placement(request).await.unwrap();
        let placement = answer.into_inner().placement.unwrap();
        (placement.municipality_number, placement.is_guest)
    };
    assert_eq!(reassign(HEMNE).await, (TRONDHEIM.to_owned(), true));
    assert_eq!(reassign(TRONDHEIM).await, (TRONDHEIM.to_owned(), false));
    assert_eq!(reassign(HEMNE).await, (TRONDHEIM.to_owned(), true));
    assert_eq!(in_use(&world, &ledger).await, (200, vec![100, 100]));
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: other.placement_id,
        end_date: Some(today()),
        outcome: PlacementOutcome::OtherMeasure.into(),
        ..EndPlacementRequest::default()
    };
    world.county.allocation().end_placement(end).await.unwrap();
    assert_eq!(reassign(HEMNE).await, (HEMNE.to_owned(), false));
    assert_eq!(in_use(&world, &ledger).await, (100, vec![0, 100]));
    world.service.verify().await;
}

#[tokio::test]
async fn who_is_reassigned_stays_in_the_area_and_in_its_pool() {
    let world = World::new().await;
    let ledger = avklaring();
    world.budget(&ledger, 1).await;
    world.place_group(&ledger, 1).await;
    let (_, placement) = placed(&world, &ledger, 1, 100).await;
    let plain = reassigning(&ledger, &placement.placement_id, HEMNE);
    let away = ReassignPlacementRequest { municipality_number: LEVANGER.into(), ..plain.clone() };
    let nowhere =
        ReassignPlacementRequest { following_office_number: "9999".into(), ..plain.clone() };
    for request in [away, nowhere] {
        let refused = world.office.allocation().reassign_placement(request).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::FailedPrecondition, "REGISTRY_MISMATCH"));
    }
    let stranger = world.service.caller(Role::Office, OTHER_OFFICE).await;
    let refused = stranger.allocation().reassign_placement(plain.clone()).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
    let refused = world.provider.allocation().reassign_placement(plain.clone()).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    let answer = world.office.allocation().reassign_placement(plain).await.unwrap().into_inner();
    assert_eq!(answer.placement, Some(placement.clone()));
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    assert_eq!(listed(&hemne, &ledger).await, [placement]);
    world.service.verify().await;
}
