//! Redistribution plans, through the port: proposed, commented on, approved by another, and what
//! they move.

use prost::Message;
use tiltaksplass::{auth::TokenRequest, domain::access::Role, proto::v1::*};
use time::Duration;
use tonic::{Code, Status};

use crate::{
    support::reason,
    world::{
        COUNTY, HEMNE, LEVANGER, OFFICE, OTHER_COUNTY, TRONDHEIM, World, avklaring, date, vta,
    },
};

mod life;
mod moves;
pub mod stage;
mod withdrawn;

use stage::{
    approve, approving, comment, commenting, from_today, get, list, plan_terms, propose, proposing,
};

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

fn views(plan: &Plan) -> Vec<(&str, PlanView)> {
    plan.positions.iter().map(|one| (one.municipality_number.as_str(), one.view())).collect()
}

#[tokio::test]
async fn a_plan_is_proposed_commented_on_and_approved_by_another() {
    let world = World::uneven().await;
    let planner = world.planner().await;
    let request = proposing(&vta(), from_today());
    let preview = ProposePlanRequest { validate_only: true, ..request.clone() };
    propose(&planner, preview).await.unwrap();
    assert_eq!(list(&world.county, ListPlansRequest::default()).await.unwrap().plans, []);
    let plan = propose(&planner, request.clone()).await.unwrap();
    let again = propose(&planner, request).await.unwrap();
    assert_eq!(again.encode_to_vec(), plan.encode_to_vec());
    assert_eq!((plan.state(), plan.place_budget), (PlanState::Draft, 40));
    assert_eq!((plan.distance_places, plan.remaining_places, plan.moved_places), (9, 9, 0));
    let goals: Vec<u32> = plan.goals.iter().map(|goal| goal.places).collect();
    assert_eq!(goals, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(plan.goals[9].last_date, Some(date(2036, 3, 1)));
    let area = |area: &PlanArea| (area.held_places, area.target_places, area.weight);
    assert_eq!(
        plan.areas.iter().map(area).collect::<Vec<_>>(),
        [(30, 39, 173_486), (10, 1, 4_232)]
    );
    assert_eq!(views(&plan), [(TRONDHEIM, PlanView::Unspecified), (HEMNE, PlanView::Unspecified)]);
    let terms = plan.terms.clone().unwrap();
    assert_eq!(terms.key_name, "population");
    assert_eq!(
        (terms.method(), terms.pace()),
        (ApportionmentMethod::SainteLague, PlanPace::Yardstick)
    );
    assert_eq!(terms.protect_at_target, Some(true));
    // A comment, and another one in its place.
    let plan_id = plan.plan_id;
    let kari = TokenRequest {
        name: Some("Kari Nordmann".into()),
        ..TokenRequest::new("kari", Role::Municipality, HEMNE, Duration::hours(1))
    };
    let kari = world.service.caller_with(&kari).await;
    for view in [PlanView::AgreesWithRemark, PlanView::Disagrees] {
        let plan = comment(&kari, commenting(&plan_id, HEMNE, view)).await.unwrap();
        assert_eq!((plan.positions[1].view(), plan.state()), (view, PlanState::Draft));
    }
    let trondheim = world.municipality(TRONDHEIM).await;
    let open = approve(&world.county, approving(&plan_id)).await.unwrap_err();
    assert_eq!(told(&open), is(Code::FailedPrecondition, "WRONG_STATE"));
    comment(&trondheim, commenting(&plan_id, TRONDHEIM, PlanView::Agrees)).await.unwrap();
    // Another than its author, with a reason that all see.
    let own = approve(&planner, approving(&plan_id)).await.unwrap_err();
    assert_eq!(told(&own), is(Code::FailedPrecondition, "FOUR_EYES"));
    let unreasoned = approve(&world.county, approving(&plan_id)).await.unwrap_err();
    assert_eq!(told(&unreasoned), is(Code::InvalidArgument, "INVALID_FIELDS"));
    let reason_against_views = "Fylkets samlede behov".to_owned();
    let request = ApprovePlanRequest { reason_against_views, ..approving(&plan_id) };
    let preview = ApprovePlanRequest { validate_only: true, ..request.clone() };
    let preview = approve(&world.county, preview).await.unwrap();
    assert_eq!(get(&world.county, &plan_id).await.unwrap().state(), PlanState::Commented);
    let approved = approve(&world.county, request).await.unwrap();
    assert_eq!(preview, approved);
    // Hemne's ten are free: nine go at once, and the plan is over.
    assert_eq!((approved.state(), approved.moved_places), (PlanState::Completed, 9));
    assert_eq!(world.quota_places().await, [(TRONDHEIM.to_owned(), 39), (HEMNE.to_owned(), 1)]);
    let seen = get(&world.municipality(HEMNE).await, &plan_id).await.unwrap();
    assert_eq!(seen, approved);
    let approval = seen.approval.unwrap();
    assert_eq!(approval.reason_against_views, "Fylkets samlede behov");
    assert!(approval.approved_by.ends_with(":county-1"), "{}", approval.approved_by);
    let hemne = &seen.positions[1];
    assert_eq!((&hemne.commented_by_name[..], hemne.text.is_empty()), ("Kari Nordmann", false));
    world.service.verify().await;
}

#[tokio::test]
async fn who_may_propose_comment_and_approve() {
    let world = World::uneven().await;
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    let stranger = world.municipality(LEVANGER).await;
    let other_county = world.service.caller(Role::County, OTHER_COUNTY).await;
    for caller in [&stranger, &other_county] {
        let refused = propose(caller, proposing(&vta(), from_today())).await.unwrap_err();
        assert_eq!(told(&refused), denied);
    }
    let hemne = world.municipality(HEMNE).await;
    let plan_id = propose(&hemne, proposing(&vta(), from_today())).await.unwrap().plan_id;
    let for_another = commenting(&plan_id, TRONDHEIM, PlanView::Agrees);
    assert_eq!(told(&comment(&hemne, for_another).await.unwrap_err()), denied);
    let elsewhere = comment(&stranger, commenting(&plan_id, LEVANGER, PlanView::Agrees)).await;
    let not_here = is(Code::FailedPrecondition, "REGISTRY_MISMATCH");
    assert_eq!(told(&elsewhere.unwrap_err()), not_here);
    assert_eq!(told(&approve(&other_county, approving(&plan_id)).await.unwrap_err()), denied);
    assert_eq!(told(&approve(&hemne, approving(&plan_id)).await.unwrap_err()), denied);
    // Without a ground nobody disagrees.
    let bare = CommentPlanRequest {
        text: String::new(),
        ..commenting(&plan_id, HEMNE, PlanView::Disagrees)
    };
    let refused = comment(&hemne, bare).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::InvalidArgument, "INVALID_FIELDS"));
    for method in [ApportionmentMethod::LargestRemainder, ApportionmentMethod::Quota] {
        let terms = PlanTerms { method: method.into(), ..from_today() };
        let refused = propose(&hemne, proposing(&vta(), terms)).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::InvalidArgument, "INVALID_FIELDS"));
    }
    // A ceiling on what moves, and nobody protected: such a plan might never end.
    let pace = PlanPace::Goal.into();
    let terms = PlanTerms { pace, protect_at_target: Some(false), ..from_today() };
    let refused = propose(&hemne, proposing(&vta(), terms)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::InvalidArgument, "INVALID_FIELDS"));
    let terms = PlanTerms { pace, ..from_today() };
    propose(&hemne, proposing(&vta(), terms)).await.unwrap();
    let pool = propose(&world.county, proposing(&avklaring(), from_today())).await.unwrap_err();
    assert_eq!(told(&pool), is(Code::FailedPrecondition, "MEASURE_TYPE_RULE"));
}

#[tokio::test]
async fn what_is_not_approved_is_seen_by_those_who_have_a_say_in_it() {
    let world = World::uneven().await;
    let later = plan_terms(date(2026, 6, 1));
    let draft = world.propose_plan(&vta(), later.clone()).await.plan_id;
    world.service.clock.advance(Duration::seconds(1));
    let approved = world.agreed(later).await.plan_id;
    let service = &world.service;
    let all = [draft.clone(), approved.clone()];
    for (role, organisation, seen) in [
        (Role::Directorate, "NAV", &all[..]),
        (Role::County, COUNTY, &all[..]),
        (Role::Municipality, TRONDHEIM, &all[..]),
        (Role::Auditor, "Riksrevisjonen", &all[..]),
        (Role::Office, OFFICE, &all[1..]),
        (Role::Service, "statistikk", &all[1..]),
    ] {
        let caller = service.caller(role, organisation).await;
        let plans = list(&caller, ListPlansRequest::default()).await.unwrap().plans;
        let listed: Vec<String> = plans.into_iter().map(|plan| plan.plan_id).collect();
        assert_eq!(listed, seen, "{}", role.as_str());
        let looked = get(&caller, &draft).await.map(|plan| plan.plan_id);
        if seen.len() == 2 {
            assert_eq!(looked.unwrap(), draft);
        } else {
            assert_eq!(told(&looked.unwrap_err()), is(Code::NotFound, "NOT_FOUND"));
        }
    }
    // A page of one, by state.
    let request = ListPlansRequest { page_size: 1, ..ListPlansRequest::default() };
    let first = list(&world.county, request.clone()).await.unwrap();
    assert_eq!(first.plans[0].plan_id, draft);
    assert!(first.plans[0].areas.is_empty());
    let next = ListPlansRequest { page_token: first.next_page_token, ..request };
    let next = list(&world.county, next).await.unwrap();
    assert_eq!((&next.plans[0].plan_id, &next.next_page_token[..]), (&approved, ""));
    let states = vec![PlanState::Approved.into()];
    let request = ListPlansRequest { states, ..ListPlansRequest::default() };
    let found = list(&world.county, request).await.unwrap().plans;
    assert_eq!(found.iter().map(|plan| &plan.plan_id).collect::<Vec<_>>(), [&approved]);
}
