//! `ReportClosure`: nobody new, nobody out, and everybody told.

use super::*;
use crate::world::OTHER_PROVIDER;

fn closing(ledger: &Ledger, group: &str, from: Date, until: Option<Date>) -> ReportClosureRequest {
    ReportClosureRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        place_group_id: group.into(),
        from_date: Some(from),
        until_date: until,
        reason: "brann i lokalet".into(),
        ..ReportClosureRequest::default()
    }
}

async fn report(
    caller: &Caller,
    request: ReportClosureRequest,
) -> Result<ReportClosureResponse, Status> {
    Ok(caller.capacity().report_closure(request).await?.into_inner())
}

async fn blocks(world: &World, ledger: &Ledger) -> (Vec<VacancyBlock>, Vec<VacancyBlock>) {
    let request = ListVacanciesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let found = world.county.allocation().list_vacancies(request).await.unwrap().into_inner();
    let places = found.places.iter().map(PlaceVacancy::block).collect();
    (places, found.quotas.iter().map(QuotaVacancy::block).collect())
}

#[tokio::test]
async fn a_provider_closes_its_group_and_learns_who_is_there() {
    let (mut world, ledger, group) = two_municipalities(4, [4, 0]).await;
    let (_, stays) = placed(&world, &ledger, 1, 100).await;
    let (_, away) = placed(&world, &ledger, 2, 100).await;
    let (_, gone) = placed(&world, &ledger, 3, 100).await;
    let leave = changing(&ledger, &away.placement_id, leave(today(), date(2026, 6, 1)));
    change(&world.office, leave).await.unwrap();
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: gone.placement_id,
        end_date: Some(date(2026, 3, 10)),
        outcome: PlacementOutcome::Other.into(),
        ..EndPlacementRequest::default()
    };
    world.office.allocation().end_placement(end).await.unwrap();
    world.join(&ledger, 4).await;
    let request = closing(&ledger, &group, date(2026, 3, 10), Some(date(2026, 4, 1)));
    let preview = ReportClosureRequest { validate_only: true, ..request.clone() };
    let preview = report(&world.provider, preview).await.unwrap();
    // Who asked who is there has been written down, and whom it was told of.
    let mut sql = world.service.sql().await;
    let asked: Vec<i32> = sqlx::query_scalar(
        "SELECT cardinality(entry_ids) FROM access_log WHERE method = 'ReportClosure'",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(asked, [3]);
    let answer = report(&world.provider, request.clone()).await.unwrap();
    let again = report(&world.provider, request).await.unwrap();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    let mut there = [stays.placement_id, away.placement_id];
    there.sort();
    assert_eq!((&answer.placement_ids[..], answer.placements), (&there[..], 2));
    assert_eq!(preview.placement_ids, answer.placement_ids);
    assert_eq!(answer.place_group_id, group);
    // It is open until then.
    assert_eq!(world.allocate(&ledger, 1).await.proposals.len(), 1);
    world.service.clock.set(datetime!(2026-03-09 23:00 UTC));
    refresh(&mut world).await;
    world.join(&ledger, 5).await;
    assert_eq!(world.allocate(&ledger, 1).await.run_end(), RunEnd::NoFreePlace);
    let told = blocks(&world, &ledger).await;
    assert_eq!(told, (vec![VacancyBlock::Closed], vec![VacancyBlock::NoPlace]));
    // Nobody was put out but who was to leave that day, by then.
    assert_eq!(listed(&world.county, &ledger).await.len(), 2);
    world.service.verify().await;
    world.service.clock.set(datetime!(2026-03-31 22:00 UTC));
    refresh(&mut world).await;
    assert_eq!(world.allocate(&ledger, 1).await.proposals.len(), 1);
    world.service.verify().await;
}

#[tokio::test]
async fn closures_are_shown_until_they_are_over() {
    let (mut world, ledger, group) = two_municipalities(1, [1, 0]).await;
    report(&world.county, closing(&ledger, &group, date(2026, 5, 1), None)).await.unwrap();
    let until = Some(date(2026, 3, 10));
    report(&world.provider, closing(&ledger, &group, today(), until)).await.unwrap();
    let closures = async |world: &World| {
        let of_group = world.availability(&ledger).await.place_groups.remove(0).closures;
        assert!(of_group.iter().all(|closure| closure.reason.is_empty()));
        let request = ListCapacitiesRequest { ledger: Some(ledger.clone()), ..Default::default() };
        let listed = world.county.capacity().list_capacities(request).await.unwrap().into_inner();
        let listed = listed.capacities[0].closures.clone();
        assert!(listed.iter().all(|closure| closure.reason == "brann i lokalet"));
        let days = |of: Vec<Closure>| -> Vec<_> {
            of.into_iter().map(|closure| (closure.from_date.unwrap(), closure.until_date)).collect()
        };
        let of_group = days(of_group);
        assert_eq!(of_group, days(listed));
        of_group
    };
    let (first, second) = ((today(), until), (date(2026, 5, 1), None));
    assert_eq!(closures(&world).await, [first, second]);
    world.service.clock.set(datetime!(2026-03-10 09:00 UTC));
    refresh(&mut world).await;
    assert_eq!(closures(&world).await, [second]);
    world.service.verify().await;
}

#[tokio::test]
async fn who_may_not_close_a_group_is_told_why() {
    let (world, ledger, group) = two_municipalities(1, [1, 0]).await;
    let plain = closing(&ledger, &group, date(2026, 3, 5), Some(date(2026, 3, 9)));
    report(&world.county, plain.clone()).await.unwrap();
    let plain = ReportClosureRequest { request_id: request_id(), ..plain };
    let other_provider = world.service.caller(Role::Provider, OTHER_PROVIDER).await;
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    let not_found = is(Code::NotFound, "NOT_FOUND");
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    let out_of_range = is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE");
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    let missing = ReportClosureRequest { place_group_id: nothing(), ..plain.clone() };
    let from = |from| ReportClosureRequest { from_date: Some(from), ..plain.clone() };
    for (caller, request, expected) in [
        (&world.office, plain.clone(), &denied),
        (&other, plain.clone(), &denied),
        (&other_provider, plain.clone(), &not_found),
        (&world.provider, missing.clone(), &not_found),
        (&world.county, missing, &not_found),
        (&world.provider, from(date(2026, 3, 10)), &out_of_range),
        (&world.provider, from(date(2029, 3, 10)), &out_of_range),
        (&world.provider, ReportClosureRequest { from_date: None, ..plain.clone() }, &invalid),
        (
            &world.provider,
            ReportClosureRequest { reason: crate::world::identity(9), ..plain.clone() },
            &invalid,
        ),
    ] {
        let refused = report(caller, request.clone()).await.unwrap_err();
        assert_eq!(told(&refused), *expected, "{request:?}");
    }
    // It overlaps, and is told with what.
    let refused = report(&world.provider, plain).await.unwrap_err();
    assert_eq!(told(&refused), out_of_range);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.metadata["closed"], "from 2026-03-05 until 2026-03-09");
    world.service.verify().await;
}
