//! `ChangePlacement`.

use super::*;

#[tokio::test]
async fn a_share_is_changed_once_and_frees_the_rest() {
    let (world, ledger, _) = two_municipalities(1, [1, 0]).await;
    let (_, placement) = placed(&world, &ledger, 1, 100).await;
    let next = JoinWaitlistRequest { participation_percent: 60, ..join(&ledger, 2) };
    world.county.waitlist().join_waitlist(next).await.unwrap();
    let request = changing(&ledger, &placement.placement_id, share(40, today()));
    let preview = ChangePlacementRequest { validate_only: true, ..request.clone() };
    let preview = change(&world.office, preview).await.unwrap();
    assert_eq!(in_use(&world, &ledger).await, (100, vec![100, 0]));
    let answer = change(&world.office, request.clone()).await.unwrap();
    let again = change(&world.office, request).await.unwrap();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    let changed = answer.placement.unwrap();
    assert_eq!(preview.placement, Some(changed.clone()));
    assert_eq!(changed, Placement { participation_percent: 40, ..placement.clone() });
    let shares: Vec<_> =
        answer.shares.iter().map(|s| (s.participation_percent, s.valid_from_date)).collect();
    assert_eq!(shares, [(100, Some(today())), (40, Some(today()))]);
    assert_eq!(in_use(&world, &ledger).await, (40, vec![40, 0]));
    // The rest waits for a run, and then there is no room to grow back into.
    assert_eq!(world.allocate(&ledger, 1).await.proposals.len(), 1);
    let back = changing(&ledger, &placement.placement_id, share(100, today()));
    let refused = change(&world.office, back).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "NO_ROOM"));
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(
        (&info.metadata["free_percent"][..], &info.metadata["needed_percent"][..]),
        ("0", "60")
    );
    world.service.verify().await;
}

#[tokio::test]
async fn a_planned_end_is_set_and_cleared_and_ends_nothing() {
    let (mut world, ledger, _) = two_municipalities(1, [1, 0]).await;
    let (_, placement) = placed(&world, &ledger, 1, 100).await;
    let id = &placement.placement_id;
    let plan = |date| change_placement_request::Change::PlannedEnd(PlannedEnd { date });
    let planned = changing(&ledger, id, plan(Some(date(2026, 3, 5))));
    let answer = change(&world.office, planned).await.unwrap();
    assert_eq!(answer.placement.unwrap().planned_end_date, Some(date(2026, 3, 5)));
    assert_eq!(answer.shares, []);
    world.service.clock.set(datetime!(2026-04-01 09:00 UTC));
    refresh(&mut world).await;
    world.join(&ledger, 2).await;
    assert_eq!(listed(&world.county, &ledger).await[0].state(), PlacementState::Running);
    let answer = change(&world.office, changing(&ledger, id, plan(None))).await.unwrap();
    assert_eq!(answer.placement.unwrap().planned_end_date, None);
    world.service.verify().await;
}

#[tokio::test]
async fn a_leave_is_over_by_time_and_its_reason_is_the_persons_own() {
    let (mut world, ledger, _) = two_municipalities(1, [1, 0]).await;
    let (_, placement) = placed(&world, &ledger, 1, 100).await;
    let id = &placement.placement_id;
    let request = changing(&ledger, id, leave(today(), date(2026, 4, 1)));
    let answer = change(&world.office, request).await.unwrap();
    let away = answer.placement.unwrap();
    assert_eq!(away.state(), PlacementState::OnLeave);
    let days = (away.leave_from_date, away.leave_until_date);
    assert_eq!(days, (Some(today()), Some(date(2026, 4, 1))));
    // The place is kept.
    assert_eq!(in_use(&world, &ledger).await, (100, vec![100, 0]));
    let (kind, payload) = last_payload(&world.service).await;
    assert_eq!(kind, "CHANGE_PLACEMENT");
    assert!(!payload.to_string().contains("permisjon"), "{payload}");
    let sealed = &payload["command"]["CHANGE_PLACEMENT"]["change"]["GO_ON_LEAVE"]["reason"];
    let context = format!("placement/{id}/leave");
    assert_eq!(opened(&world.service, &context, sealed).await, "fødselspermisjon");
    let state = &payload["events"][0]["PLACEMENT_CHANGED"]["placement"]["state"];
    assert_eq!(state["ON_LEAVE"]["reason"], *sealed);
    world.service.verify().await;
    for (person, now, state) in [
        (2, datetime!(2026-03-31 21:59:59 UTC), PlacementState::OnLeave),
        (3, datetime!(2026-03-31 22:00 UTC), PlacementState::Running),
    ] {
        world.service.clock.set(now);
        refresh(&mut world).await;
        // Whatever is asked of the ledger, what is due comes first.
        world.join(&ledger, person).await;
        assert_eq!(listed(&world.county, &ledger).await[0].state(), state, "{now}");
    }
    assert_eq!(in_use(&world, &ledger).await, (100, vec![100, 0]));
    world.service.verify().await;
}

#[tokio::test]
async fn who_is_on_leave_may_return_or_end() {
    let (world, ledger, _) = two_municipalities(2, [2, 0]).await;
    let (_, first) = placed(&world, &ledger, 1, 100).await;
    let (_, second) = placed(&world, &ledger, 2, 100).await;
    for placement in [&first, &second] {
        let away = changing(&ledger, &placement.placement_id, leave(today(), date(2027, 1, 1)));
        change(&world.office, away).await.unwrap();
    }
    let back = change_placement_request::Change::Return(PlacementReturn {});
    let back = changing(&ledger, &first.placement_id, back);
    let answer = change(&world.office, back.clone()).await.unwrap();
    assert_eq!(answer.placement, Some(first));
    let twice = ChangePlacementRequest { request_id: request_id(), ..back };
    let refused = change(&world.office, twice).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "WRONG_STATE"));
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: second.placement_id,
        end_date: Some(today()),
        outcome: PlacementOutcome::DidNotMeet.into(),
        ..EndPlacementRequest::default()
    };
    let ended = world.office.allocation().end_placement(end).await.unwrap().into_inner();
    let ended = ended.placement.unwrap();
    assert_eq!(ended.state(), PlacementState::Ended);
    assert_eq!(ended.outcome(), PlacementOutcome::DidNotMeet);
    let mut sql = world.service.sql().await;
    let due: i64 = sqlx::query_scalar("SELECT count(*) FROM schedule WHERE kind <> 'BEGIN_DAY'")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(due, 0);
    world.service.verify().await;
}

#[tokio::test]
async fn who_may_not_change_is_told_why() {
    let (world, ledger, _) = two_municipalities(1, [1, 0]).await;
    let (_, placement) = placed(&world, &ledger, 1, 100).await;
    let id = &placement.placement_id;
    let plain = changing(&ledger, id, share(50, today()));
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let wrong = |change| ChangePlacementRequest { change: Some(change), ..plain.clone() };
    for (caller, request, expected) in [
        (&world.provider, plain.clone(), is(Code::PermissionDenied, "PERMISSION_DENIED")),
        (&other, plain.clone(), is(Code::PermissionDenied, "PERMISSION_DENIED")),
        (&hemne, plain.clone(), is(Code::NotFound, "NOT_FOUND")),
        (
            &world.county,
            ChangePlacementRequest { placement_id: nothing(), ..plain.clone() },
            is(Code::NotFound, "NOT_FOUND"),
        ),
        (
            &world.office,
            wrong(share(50, date(2026, 3, 3))),
            is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE"),
        ),
        (
            &world.office,
            wrong(leave(today(), today())),
            is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE"),
        ),
        (&world.office, wrong(share(0, today())), is(Code::InvalidArgument, "INVALID_FIELDS")),
        (&world.office, wrong(share(101, today())), is(Code::InvalidArgument, "INVALID_FIELDS")),
        (
            &world.office,
            ChangePlacementRequest { change: None, ..plain.clone() },
            is(Code::InvalidArgument, "INVALID_FIELDS"),
        ),
    ] {
        let refused = change(caller, request.clone()).await.unwrap_err();
        assert_eq!(told(&refused), expected, "{request:?}");
    }
    assert_eq!(in_use(&world, &ledger).await, (100, vec![100, 0]));
    world.service.verify().await;
}
