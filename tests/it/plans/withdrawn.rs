//! Plans that are taken back, through the port.

use super::*;
use crate::support::{Caller, request_id};

pub(super) fn withdrawing(plan_id: &str) -> WithdrawPlanRequest {
    WithdrawPlanRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        plan_id: plan_id.into(),
        reason: "Folketallet var feil".into(),
        ..WithdrawPlanRequest::default()
    }
}

pub(super) async fn withdraw(
    caller: &Caller,
    request: WithdrawPlanRequest,
) -> Result<Plan, Status> {
    Ok(caller.fair_share().withdraw_plan(request).await?.into_inner().plan.unwrap())
}

#[tokio::test]
async fn a_municipality_takes_back_what_it_proposed() {
    let world = World::uneven().await;
    let hemne = world.municipality(HEMNE).await;
    let plan = propose(&hemne, proposing(&vta(), from_today())).await.unwrap();
    assert_eq!(plan.proposed_by_municipality_number, HEMNE);
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    let trondheim = world.municipality(TRONDHEIM).await;
    for caller in [&trondheim, &world.office, &world.provider] {
        let refused = withdraw(caller, withdrawing(&plan.plan_id)).await.unwrap_err();
        assert_eq!(told(&refused), denied);
    }
    for reason in ["", " \n", "\u{200b}\u{feff}"] {
        let silent = WithdrawPlanRequest { reason: reason.into(), ..withdrawing(&plan.plan_id) };
        let refused = withdraw(&hemne, silent).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::InvalidArgument, "INVALID_FIELDS"), "{reason:?}");
    }
    let preview = WithdrawPlanRequest {
        validate_only: true,
        reason: "Folketallet\r\nvar feil".into(),
        ..withdrawing(&plan.plan_id)
    };
    let preview = withdraw(&hemne, preview).await.unwrap();
    assert_eq!(preview.state(), PlanState::Withdrawn);
    assert_eq!(preview.withdrawal.unwrap().reason, "Folketallet\nvar feil");
    assert_eq!(get(&world.county, &plan.plan_id).await.unwrap().state(), PlanState::Draft);
    let request = withdrawing(&plan.plan_id);
    let taken = withdraw(&hemne, request.clone()).await.unwrap();
    assert_eq!(withdraw(&hemne, request).await.unwrap(), taken);
    let seen = get(&world.county, &plan.plan_id).await.unwrap();
    assert_eq!((seen.state(), seen.begun_date), (PlanState::Withdrawn, None));
    let withdrawal = seen.withdrawal.unwrap();
    assert_eq!(withdrawal.reason, "Folketallet var feil");
    assert!(withdrawal.withdrawn_by.ends_with(&format!("kommune-{HEMNE}")), "{withdrawal:?}");
    // It is listed as what it is, and is no draft any more.
    let listed = |state: PlanState| {
        let states = vec![state.into()];
        list(&world.county, ListPlansRequest { states, ..ListPlansRequest::default() })
    };
    assert_eq!(listed(PlanState::Withdrawn).await.unwrap().plans.len(), 1);
    assert_eq!(listed(PlanState::Draft).await.unwrap().plans, []);
    let wrong = is(Code::FailedPrecondition, "WRONG_STATE");
    let agrees = comment(&hemne, commenting(&plan.plan_id, HEMNE, PlanView::Agrees)).await;
    assert_eq!(told(&agrees.unwrap_err()), wrong);
    // The county's own it does not take back, and what is approved neither.
    let countys = world.propose_plan(&vta(), from_today()).await.plan_id;
    assert_eq!(told(&withdraw(&hemne, withdrawing(&countys)).await.unwrap_err()), denied);
    let own = propose(&hemne, proposing(&vta(), plan_terms(date(2026, 6, 1)))).await.unwrap();
    for number in [TRONDHEIM, HEMNE] {
        world.comment_plan(&own, number, PlanView::Agrees).await;
    }
    world.approve_plan(&vta(), &own.plan_id).await;
    assert_eq!(told(&withdraw(&hemne, withdrawing(&own.plan_id)).await.unwrap_err()), wrong);
    withdraw(&world.county, withdrawing(&own.plan_id)).await.unwrap();
    // Who saw it approved sees what became of it.
    let seen = get(&world.office, &own.plan_id).await.unwrap();
    assert_eq!(seen.state(), PlanState::Withdrawn);
    world.service.verify().await;
}

#[tokio::test]
async fn the_county_stops_the_plan_that_steers() {
    let world = World::uneven().await;
    let people: Vec<(u32, u32)> = (1..=10).map(|person| (person, 100)).collect();
    let placements = world.placed(HEMNE, &people).await;
    let plan_id = world.agreed(from_today()).await.plan_id;
    let seq = world.end(&placements[0], date(2026, 3, 2)).await;
    let moved = [(TRONDHEIM.to_owned(), 31), (HEMNE.to_owned(), 9)];
    assert_eq!(world.quota_places().await, moved);
    let taken = withdraw(&world.county, withdrawing(&plan_id)).await.unwrap();
    assert_eq!((taken.state(), taken.moved_places), (PlanState::Withdrawn, 1));
    assert_eq!(
        (taken.begun_date, taken.ended_date),
        (Some(date(2026, 3, 2)), Some(date(2026, 3, 2)))
    );
    assert_eq!((taken.areas.len(), taken.forecast), (0, None));
    world.end(&placements[1], date(2026, 3, 2)).await;
    assert_eq!(world.quota_places().await, moved);
    let request = GetPlanProgressRequest {
        ledger: Some(vta()),
        plan_id: plan_id.clone(),
        ..GetPlanProgressRequest::default()
    };
    let progress = world.county.fair_share().get_plan_progress(request).await.unwrap().into_inner();
    let progress = progress.progress.unwrap();
    assert_eq!((progress.is_active, progress.moved_places), (false, 1));
    // A row that it decided is still explained.
    let request = ExplainRedirectionRequest {
        ledger: Some(vta()),
        seq,
        ..ExplainRedirectionRequest::default()
    };
    world.county.fair_share().explain_redirection(request).await.unwrap();
    let again = withdraw(&world.county, withdrawing(&plan_id)).await.unwrap_err();
    assert_eq!(told(&again), is(Code::FailedPrecondition, "WRONG_STATE"));
    world.service.verify().await;
}
