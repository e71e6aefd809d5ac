//! A plan's life: deadlines that pass by the clock, its first day, its end, another in its place,
//! and how many there may be.

use time::{OffsetDateTime, macros::datetime};

use super::withdrawn::{withdraw, withdrawing};
use super::*;
use crate::{
    errors::words,
    support::{Bearer, Caller, request_id},
    tokens::{OTHER, client_of, port, signed, token_of},
    world::registry,
};

async fn comes(world: &mut World, at: OffsetDateTime) {
    world.service.clock.set(at);
    world.refresh().await;
}

/// The state of a plan once nothing else happens: the worker lets days begin.
async fn comes_to(world: &World, plan_id: &str, state: PlanState) -> Plan {
    for _ in 0..200 {
        let plan = get(&world.county, plan_id).await.unwrap();
        if plan.state() == state {
            return plan;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let plan = get(&world.county, plan_id).await.unwrap();
    panic!("{plan:?} did not come to {state:?}");
}

#[tokio::test]
async fn a_plan_begins_on_its_first_day_and_another_takes_over() {
    let mut world = World::uneven().await;
    let capped = PlanTerms {
        name: "Langsomt".into(),
        cap_basis_points: Some(1_000),
        ..plan_terms(date(2026, 3, 10))
    };
    let first = world.agreed(capped).await.plan_id;
    let second = world.agreed(plan_terms(date(2026, 3, 20))).await.plan_id;
    // No two begin on one day.
    let third = world.propose_plan(&vta(), plan_terms(date(2026, 3, 20))).await;
    for number in [TRONDHEIM, HEMNE] {
        world.comment_plan(&third, number, PlanView::Agrees).await;
    }
    let same_day = approve(&world.county, approving(&third.plan_id)).await.unwrap_err();
    assert_eq!(told(&same_day), is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE"));
    let [nb, en] = words(&same_day);
    assert_eq!(nb, "Datoen 20.03.2026 ligger utenfor det som er tillatt her.");
    assert_eq!(en, "The date 2026-03-20 lies outside what is allowed here.");
    comes(&mut world, datetime!(2026-03-09 22:59:59 UTC)).await;
    let plan = get(&world.county, &first).await.unwrap();
    assert_eq!((plan.state(), plan.moved_places, plan.begun_date), (PlanState::Approved, 0, None));
    comes(&mut world, datetime!(2026-03-09 23:00 UTC)).await;
    // All of Hemne's are free; its cap lets one of ten go in the first year.
    let plan = comes_to(&world, &first, PlanState::Active).await;
    assert_eq!((plan.moved_places, plan.distance_places, plan.remaining_places), (1, 9, 8));
    assert_eq!(plan.begun_date, Some(date(2026, 3, 10)));
    let of = |area: &PlanArea| (area.held_at_start_places, area.given_places, area.got_places);
    assert_eq!(plan.areas.iter().map(of).collect::<Vec<_>>(), [(30, 0, 1), (10, 1, 0)]);
    assert_eq!(world.quota_places().await, [(TRONDHEIM.to_owned(), 31), (HEMNE.to_owned(), 9)]);
    comes(&mut world, datetime!(2026-03-19 23:00 UTC)).await;
    let plan = comes_to(&world, &first, PlanState::Superseded).await;
    assert_eq!((&plan.superseded_by_plan_id, plan.moved_places), (&second, 1));
    assert_eq!(plan.ended_date, Some(date(2026, 3, 20)));
    let plan = get(&world.county, &second).await.unwrap();
    assert_eq!(
        (plan.state(), plan.distance_places, plan.moved_places),
        (PlanState::Completed, 8, 8)
    );
    assert_eq!((plan.remaining_places, plan.superseded_by_plan_id.as_str()), (0, ""));
    world.service.verify().await;
}

#[tokio::test]
async fn deadlines_pass_by_the_clock() {
    let mut world = World::uneven().await;
    let comment_until_date = Some(date(2026, 3, 5));
    let terms = PlanTerms { comment_until_date, ..plan_terms(date(2026, 6, 1)) };
    let draft = world.propose_plan(&vta(), terms.clone()).await;
    let plan_id = world.propose_plan(&vta(), terms).await.plan_id;
    assert_eq!(draft.approve_until_date, Some(date(2027, 6, 2)));
    let hemne = commenting(&plan_id, HEMNE, PlanView::AgreesWithRemark);
    comes(&mut world, datetime!(2026-03-05 22:59:59 UTC)).await;
    comment(&world.municipality(HEMNE).await, hemne.clone()).await.unwrap();
    assert_eq!(get(&world.county, &plan_id).await.unwrap().state(), PlanState::Draft);
    comes(&mut world, datetime!(2026-03-05 23:00 UTC)).await;
    assert_eq!(get(&world.county, &plan_id).await.unwrap().state(), PlanState::Commented);
    let late = CommentPlanRequest { request_id: request_id(), ..hemne };
    let late = comment(&world.municipality(HEMNE).await, late).await.unwrap_err();
    assert_eq!(told(&late), is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE"));
    // Who said nothing is named, and stays so.
    let preview = ApprovePlanRequest { validate_only: true, ..approving(&plan_id) };
    let preview = approve(&world.county, preview).await.unwrap();
    let said = [(TRONDHEIM, PlanView::Unspecified), (HEMNE, PlanView::AgreesWithRemark)];
    assert_eq!(views(&preview), said);
    let approval = approve(&world.county, approving(&plan_id)).await.unwrap().approval.unwrap();
    assert_eq!(approval.silent_municipality_numbers, [TRONDHEIM]);
    // What nobody approves lapses.
    comes(&mut world, datetime!(2027-06-02 21:59:59 UTC)).await;
    let open = get(&world.county, &draft.plan_id).await.unwrap();
    assert_eq!(open.state(), PlanState::Commented);
    comes(&mut world, datetime!(2027-06-02 22:00 UTC)).await;
    let lapsed = get(&world.county, &draft.plan_id).await.unwrap();
    assert_eq!(lapsed.state(), PlanState::Lapsed);
    // What was never approved stays unknown to who had no say in it.
    let hidden = get(&world.office, &draft.plan_id).await.unwrap_err();
    assert_eq!(told(&hidden), is(Code::NotFound, "NOT_FOUND"));
    let refused = approve(&world.county, approving(&draft.plan_id)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "WRONG_STATE"));
    world.service.verify().await;
}

#[tokio::test]
async fn twenty_may_wait_for_approval() {
    let mut world = World::uneven().await;
    let terms = plan_terms(date(2026, 6, 1));
    let planner = world.planner().await;
    // Three of one municipality, so that others may, and the county always.
    let hemne = world.municipality(HEMNE).await;
    for caller in std::iter::repeat_n(&hemne, 3) {
        propose(caller, proposing(&vta(), terms.clone())).await.unwrap();
    }
    let refused = propose(&hemne, proposing(&vta(), terms.clone())).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "LIMIT_REACHED"));
    assert!(refused.message().contains('4') && refused.message().contains('3'), "{refused:?}");
    for _ in 0..17 {
        propose(&planner, proposing(&vta(), terms.clone())).await.unwrap();
    }
    let refused = propose(&planner, proposing(&vta(), terms)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "LIMIT_REACHED"));
    assert!(refused.message().contains("21") && refused.message().contains("20"), "{refused:?}");
    // Those that lapse make room.
    comes(&mut world, datetime!(2027-06-03 09:00 UTC)).await;
    let terms =
        PlanTerms { comment_until_date: Some(date(2027, 6, 3)), ..plan_terms(date(2027, 6, 3)) };
    let planner = world.planner().await;
    propose(&planner, proposing(&vta(), terms)).await.unwrap();
    world.service.verify().await;
}

/// From 9 March another measure type takes over.
async fn taken_over(world: &World) {
    let measure = |row: RegistryRow| {
        if let Some(registry_row::Row::MeasureType(vta)) = row.row { Some(vta) } else { None }
    };
    let vta = registry().into_iter().find_map(measure).unwrap();
    let from_date = Some(date(2026, 3, 9));
    let superseded_by = Some(Supersession { measure_code: "AFT".into(), from_date });
    let valid_from_date = Some(date(2026, 3, 3));
    let types = [
        MeasureType { measure_code: "AFT".into(), name: "AFT".into(), ..vta.clone() },
        MeasureType { superseded_by, valid_from_date, ..vta },
    ];
    let row = |one| RegistryRow { row: Some(registry_row::Row::MeasureType(one)) };
    let request = ImportRegistryRequest {
        request_id: request_id(),
        validate_only: false,
        source: "test".into(),
        rows: types.into_iter().map(row).collect(),
    };
    let pieces = tokio_stream::iter([request]);
    world.directorate.registry().import_registry(pieces).await.unwrap();
}

#[tokio::test]
async fn a_plan_ends_with_its_measure_type() {
    let mut world = World::uneven().await;
    let people: Vec<(u32, u32)> = (1..=10).map(|person| (person, 100)).collect();
    let placements = world.placed(HEMNE, &people).await;
    let plan_id = world.agreed(from_today()).await.plan_id;
    let later = world.agreed(plan_terms(date(2026, 3, 12))).await.plan_id;
    let draft = world.propose_plan(&vta(), plan_terms(date(2026, 6, 1))).await;
    taken_over(&world).await;
    comes(&mut world, datetime!(2026-03-08 22:59 UTC)).await;
    world.end(&placements[0], date(2026, 3, 8)).await;
    let plan = get(&world.county, &plan_id).await.unwrap();
    assert_eq!((plan.state(), plan.moved_places), (PlanState::Active, 1));
    comes(&mut world, datetime!(2026-03-09 09:00 UTC)).await;
    world.end(&placements[1], date(2026, 3, 9)).await;
    let plan = get(&world.county, &plan_id).await.unwrap();
    assert_eq!((plan.state(), plan.moved_places), (PlanState::Superseded, 1));
    assert_eq!(plan.superseded_by_measure_code, "AFT");
    assert_eq!(plan.ended_date, Some(date(2026, 3, 9)));
    assert_eq!(world.quota_places().await, [(TRONDHEIM.to_owned(), 31), (HEMNE.to_owned(), 9)]);
    // Nothing is planned any more, and nothing begins.
    let rule = is(Code::FailedPrecondition, "MEASURE_TYPE_RULE");
    let terms =
        PlanTerms { comment_until_date: Some(date(2026, 3, 9)), ..plan_terms(date(2026, 6, 1)) };
    let refused = propose(&world.planner().await, proposing(&vta(), terms)).await.unwrap_err();
    assert_eq!(told(&refused), rule);
    let refused = approve(&world.county, approving(&draft.plan_id)).await.unwrap_err();
    assert_eq!(told(&refused), rule);
    comes(&mut world, datetime!(2026-03-12 09:00 UTC)).await;
    world.end(&placements[2], date(2026, 3, 12)).await;
    let lapsed = get(&world.county, &later).await.unwrap();
    assert_eq!((lapsed.state(), lapsed.begun_date), (PlanState::Lapsed, None));
    assert_eq!(world.quota_places().await, [(TRONDHEIM.to_owned(), 31), (HEMNE.to_owned(), 9)]);
    world.service.verify().await;
}

#[tokio::test]
async fn no_system_by_itself_comments_or_takes_back() {
    let world = World::on(port::service().await).await;
    world.budget(&vta(), 40).await;
    world.quotas(&vta(), &[(TRONDHEIM, 30), (HEMNE, 10)]).await;
    let plan_id = world.propose_plan(&vta(), from_today()).await.plan_id;
    let system = client_of("974760673", "nav:tiltaksplass/municipality");
    let by_itself = serde_json::json!({
        "sub": "fagsystem", "client_id": "fagsystem", "groups": ["places-in-1601"],
    });
    let by_itself = token_of(OTHER, by_itself);
    let person = serde_json::json!({
        "sub": "ola", "name": "Ola Nordmann", "client_id": "fagsystem",
        "groups": ["places-in-1601"],
    });
    let person = token_of(OTHER, person);
    for (claims, outcome) in [(system, false), (by_itself, false), (person, true)] {
        let channel = world.service.channel().await;
        let caller = Caller { channel, bearer: Bearer::new(&signed(&claims)) };
        let request = commenting(&plan_id, TRONDHEIM, PlanView::Agrees);
        match comment(&caller, request).await {
            Ok(plan) => {
                assert!(outcome, "{claims}");
                assert_eq!(plan.positions[0].commented_by_name, "Ola Nordmann");
                assert_eq!(plan.positions[0].commented_by, format!("{OTHER}:ola"));
            }
            Err(refused) => {
                assert!(!outcome, "{claims}: {refused:?}");
                assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
            }
        }
        // Proposals are no positions: a system may bring one in.
        if !outcome {
            let plan = propose(&caller, proposing(&vta(), from_today())).await.unwrap();
            assert_eq!(plan.proposed_by_municipality_number, TRONDHEIM);
            let refused = withdraw(&caller, withdrawing(&plan.plan_id)).await.unwrap_err();
            assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
        }
    }
    world.service.verify().await;
}
