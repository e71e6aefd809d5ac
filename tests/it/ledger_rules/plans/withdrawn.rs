//! Plans that are taken back: before anybody approved them, before their first day, and while they
//! steer.

use tiltaksplass::domain::command::WithdrawPlan;

use super::*;

fn withdraw(plan_id: PlanId) -> Command {
    Command::WithdrawPlan(WithdrawPlan {
        plan_id,
        reason: "Tallene var feil".to_owned(),
        case_reference: None,
        by_name: None,
    })
}

fn propose_for(ledger: &mut Ledger, number: &str) -> Result<PlanId, Refusal> {
    let command = Command::ProposePlan(ProposePlan {
        terms: terms(),
        case_reference: None,
        by_name: None,
        by_municipality: Some(municipality(number)),
    });
    let municipal = Actor { role: Role::Municipality, ..actor(number) };
    let events = happen_as(ledger, &municipal, &command, noon())?;
    let [Event::PlanSet { plan }] = events.as_slice() else { panic!("{events:?}") };
    Ok(plan.plan_id)
}

fn state_of(result: Result<Vec<Event>, Refusal>) -> &'static str {
    match result {
        Err(Refusal::WrongState { state, .. }) => state,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_draft_that_is_taken_back_is_over_and_makes_room() {
    let mut ledger = uneven();
    let own: Vec<PlanId> = (0..3).map(|_| propose_for(&mut ledger, HEMNE).unwrap()).collect();
    let fourth = propose_for(&mut ledger, HEMNE);
    assert!(
        matches!(fourth, Err(Refusal::LimitReached { would_be: 4, most: 3, .. })),
        "{fourth:?}"
    );
    propose_for(&mut ledger, ORKDAL).unwrap();
    let events = happen(&mut ledger, withdraw(own[0]), noon()).unwrap();
    let [Event::PlanWithdrawn { plan_id, withdrawal }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*plan_id, withdrawal.reason.as_str()), (own[0], "Tallene var feil"));
    let plans = &ledger.frame().plans;
    assert_eq!((plans.open_drafts(TODAY), plans.drafts_of.len()), (3, 3));
    assert_eq!((plans.decided(), plans.past.len()), (0, 0));
    let agrees = comment(own[0], HEMNE, View::Agrees);
    assert_eq!(state_of(happen(&mut ledger, agrees, noon())), "WITHDRAWN");
    assert_eq!(state_of(happen(&mut ledger, approve(own[0], None), noon())), "WITHDRAWN");
    assert_eq!(state_of(happen(&mut ledger, withdraw(own[0]), noon())), "WITHDRAWN");
    propose_for(&mut ledger, HEMNE).unwrap();
    // What lapses makes room, too.
    let later = hour(days_on(400), 9);
    let command = Command::ProposePlan(ProposePlan {
        terms: PlanTerms { start_date: days_on(400), comment_until: days_on(400), ..terms() },
        case_reference: None,
        by_name: None,
        by_municipality: Some(municipality(HEMNE)),
    });
    happen(&mut ledger, command, later).unwrap();
    assert_eq!(ledger.frame().plans.drafts_of.len(), 1);
}

#[test]
fn municipalities_leave_room_for_the_county() {
    let mut ledger = uneven();
    // The county's own leave room for them, too.
    for _ in 0..3 {
        propose(&mut ledger, terms()).unwrap();
    }
    for number in [TRONDHEIM, HEMNE, ORKDAL, "5027"] {
        for _ in 0..3 {
            let proposed = propose_for(&mut ledger, number);
            let open = ledger.frame().plans.open_drafts(TODAY);
            match proposed {
                Ok(_) => assert!(open <= 13),
                Err(Refusal::LimitReached { most: 10, .. }) => assert_eq!(open, 13),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(ledger.frame().plans.municipal_drafts(TODAY).count(), 10);
    for _ in 0..7 {
        propose(&mut ledger, terms()).unwrap();
    }
    let refused = propose(&mut ledger, terms());
    assert!(matches!(refused, Err(Refusal::LimitReached { would_be: 21, most: 20, .. })));
}

#[test]
fn an_approved_plan_that_is_taken_back_never_begins() {
    let mut ledger = uneven();
    let start_date = days_on(LATER);
    let later = PlanTerms { start_date, ..terms() };
    let events = begin(&mut ledger, later.clone());
    let Some(Event::PlanSet { plan }) = events.first() else { panic!("{events:?}") };
    let plan_id = plan.plan_id;
    // A municipality takes back no decision of the county's.
    let municipal = Actor { role: Role::Municipality, ..actor(HEMNE) };
    let refused = happen_as(&mut ledger, &municipal, &withdraw(plan_id), noon());
    assert_eq!(state_of(refused), "APPROVED");
    happen(&mut ledger, withdraw(plan_id), noon()).unwrap();
    let due = rows(&ledger).due;
    let begins = |(due, stands): &(Due, bool)| *stands && due.kind == DueKind::BeginPlan;
    assert!(!due.iter().any(begins), "{due:?}");
    assert!(ledger.frame().plans.approved.is_empty());
    // Its day is free for another.
    assert_eq!(begin(&mut ledger, later).len(), 1);
    let begun = happen(&mut ledger, Command::BeginPlan { plan_id }, hour(start_date, 0)).unwrap();
    assert_eq!(begun, [Event::NothingToDo]);
}

#[test]
fn a_plan_that_is_taken_back_while_it_steers_moves_nothing_more() {
    let mut ledger = uneven();
    let placements = placed(&mut ledger, &[(HEMNE, 100); 8]);
    begin(&mut ledger, terms());
    let goes = [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)];
    assert_eq!(told(&end(&mut ledger, placements[0])), goes);
    let plan_id = ledger.frame().plans.active.as_ref().unwrap().plan_id;
    let held = places(&ledger);
    happen(&mut ledger, withdraw(plan_id), noon()).unwrap();
    // It is not counted among those of which there are a bounded number.
    let plans = &ledger.frame().plans;
    assert!(plans.past.is_empty() && plans.active.is_none() && plans.decided() == 0);
    let past = ledger.plan(plan_id).unwrap().steered.as_ref().unwrap();
    assert_eq!((past.plan_id, past.ended, past.superseded_by), (plan_id, TODAY, None));
    assert!(!past.lapsed && past.moved > 0 && past.ended_as.is_some());
    assert_eq!(told(&end(&mut ledger, placements[1])), []);
    happen(&mut ledger, commands::budget(from(22, TODAY)), noon()).unwrap();
    assert_eq!(places(&ledger), held);
    assert_eq!(state_of(happen(&mut ledger, withdraw(plan_id), noon())), "WITHDRAWN");
    // Another takes it from there.
    let again = begin(&mut ledger, terms());
    assert!(!redirections(&again).is_empty(), "{again:?}");
}

#[test]
fn what_is_over_is_not_taken_back() {
    let mut ledger = uneven();
    begin(&mut ledger, terms());
    let plan_id = ledger.frame().plans.past[0].plan_id;
    assert_eq!(state_of(happen(&mut ledger, withdraw(plan_id), noon())), "COMPLETED");
    let unknown = happen(&mut ledger, withdraw(PlanId(Uuid::from_u128(1))), noon());
    assert!(matches!(unknown, Err(Refusal::NotFound { what: "plan", .. })), "{unknown:?}");
}
