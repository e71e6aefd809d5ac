//! `ReportClosure` of a closure that was reported wrongly: it is withdrawn, or opens another day.

use super::*;
use crate::world::OTHER_PROVIDER;

fn closing(
    ledger: &Ledger,
    group: &str,
    days: (Date, Option<Date>),
    change: ClosureChange,
) -> ReportClosureRequest {
    ReportClosureRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        place_group_id: group.into(),
        from_date: Some(days.0),
        until_date: days.1,
        change: change.into(),
        ..ReportClosureRequest::default()
    }
}

async fn report(
    caller: &Caller,
    request: ReportClosureRequest,
) -> Result<ReportClosureResponse, Status> {
    Ok(caller.capacity().report_closure(request).await?.into_inner())
}

/// The closures that are shown, by their days.
async fn shown(world: &World, ledger: &Ledger) -> Vec<(Option<Date>, Option<Date>)> {
    let closures = world.availability(ledger).await.place_groups.remove(0).closures;
    closures.into_iter().map(|closure| (closure.from_date, closure.until_date)).collect()
}

#[tokio::test]
async fn one_to_come_is_withdrawn_and_one_that_runs_opens_today() {
    let (mut world, ledger, group) = two_municipalities(2, [2, 0]).await;
    let (_, there) = placed(&world, &ledger, 1, 100).await;
    let wrong = (date(2026, 3, 2), None);
    let new = |days| closing(&ledger, &group, days, ClosureChange::Unspecified);
    let coming = (date(2026, 5, 1), Some(date(2026, 6, 1)));
    for days in [(wrong.0, Some(date(2026, 4, 1))), coming] {
        report(&world.provider, new(days)).await.unwrap();
    }
    world.join(&ledger, 2).await;
    assert_eq!(world.allocate(&ledger, 1).await.run_end(), RunEnd::NoFreePlace);
    let withdrawn = closing(&ledger, &group, (coming.0, None), ClosureChange::Withdrawn);
    let answer = report(&world.provider, withdrawn.clone()).await.unwrap();
    let again = report(&world.provider, withdrawn).await.unwrap();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    assert_eq!((answer.placements, &answer.place_group_id), (0, &group));
    world.service.clock.set(datetime!(2026-03-09 09:00 UTC));
    refresh(&mut world).await;
    // For good, as it seems; and then open from today on.
    let lasting = closing(&ledger, &group, wrong, ClosureChange::UntilDate);
    let answer = report(&world.county, lasting).await.unwrap();
    assert_eq!((answer.placement_ids, answer.placements), (vec![there.placement_id], 1));
    assert_eq!(shown(&world, &ledger).await, [(Some(wrong.0), None)]);
    let (kind, _) = last_payload(&world.service).await;
    assert_eq!(kind, "CHANGE_CLOSURE");
    let opens = (wrong.0, Some(date(2026, 3, 9)));
    let opens = closing(&ledger, &group, opens, ClosureChange::UntilDate);
    let preview = ReportClosureRequest { validate_only: true, ..opens.clone() };
    report(&world.provider, preview).await.unwrap();
    assert_eq!(shown(&world, &ledger).await.len(), 1);
    report(&world.provider, opens).await.unwrap();
    assert_eq!(shown(&world, &ledger).await, []);
    assert_eq!(world.allocate(&ledger, 1).await.proposals.len(), 1);
    world.service.verify().await;
}

#[tokio::test]
async fn what_may_not_be_put_right_is_told() {
    let (mut world, ledger, group) = two_municipalities(1, [1, 0]).await;
    for (from, until) in [(2, 4), (5, 20), (25, 28)] {
        let days = (date(2026, 3, from), Some(date(2026, 3, until)));
        let new = closing(&ledger, &group, days, ClosureChange::Unspecified);
        report(&world.provider, new).await.unwrap();
    }
    world.service.clock.set(datetime!(2026-03-09 09:00 UTC));
    refresh(&mut world).await;
    let other_provider = world.service.caller(Role::Provider, OTHER_PROVIDER).await;
    let wrong_state = is(Code::FailedPrecondition, "WRONG_STATE");
    let not_found = is(Code::NotFound, "NOT_FOUND");
    let out_of_range = is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE");
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    let day = |day| date(2026, 3, day);
    let withdraw = |from| closing(&ledger, &group, (day(from), None), ClosureChange::Withdrawn);
    let until = |from, until| {
        closing(&ledger, &group, (day(from), Some(day(until))), ClosureChange::UntilDate)
    };
    let both = ReportClosureRequest { until_date: Some(day(27)), ..withdraw(25) };
    let unknown = ReportClosureRequest { change: 9, ..withdraw(25) };
    for (caller, request, expected) in [
        (&world.provider, withdraw(2), &wrong_state),
        (&world.provider, until(2, 9), &wrong_state),
        (&world.provider, withdraw(5), &wrong_state),
        (&world.provider, until(5, 8), &out_of_range),
        (&world.provider, until(5, 26), &out_of_range),
        (&world.provider, withdraw(6), &not_found),
        (&other_provider, withdraw(25), &not_found),
        (&world.office, withdraw(25), &is(Code::PermissionDenied, "PERMISSION_DENIED")),
        (&world.provider, both, &invalid),
        (&world.provider, unknown, &invalid),
    ] {
        let refused = report(caller, request.clone()).await.unwrap_err();
        assert_eq!(told(&refused), *expected, "{request:?}");
    }
    assert_eq!(shown(&world, &ledger).await.len(), 2);
    world.service.verify().await;
}
