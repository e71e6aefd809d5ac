//! `PlacePerson` and starts without an offer.

use tiltaksplass::domain::{
    allocation::{PassedOverReason, PlacementState},
    capacity::Closure,
    event::PlacementChange,
    measure::{DeclineRule, MeasureRules},
    waitlist::EntryState,
};

use super::{ruled::*, *};

fn direct() -> MeasureRules {
    MeasureRules { direct_start: true, ..rules() }
}

#[test]
fn a_named_person_goes_before_the_first_and_has_an_offer_at_once() {
    let mut ruled = Ruled::new(&rules(), 1);
    let (first, second) = (ruled.join(1), ruled.join(2));
    let events = ruled.now(&place(second, ruled.group));
    let [Event::Proposed { offer }, Event::ProposalConfirmed { confirmed_by, .. }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(confirmed_by, "https://issuer.example:county");
    assert_eq!(offer.out_of_turn.as_ref().unwrap().text, sealed());
    let id = offer.offer_id;
    assert_eq!(ruled.answer_by(id), hour(days_on(4), 0));
    assert_eq!(ruled.offer(id).object_by, Some(hour(days_on(3), 0)));
    assert_eq!(ruled.state(second), EntryState::Offered(id));
    assert_eq!(ruled.state(first), EntryState::Waiting);
    assert_eq!(ruled.figures(), (100, 0));
    // A no is passed on by the order.
    let events = ruled.now(&commands::respond(id, false));
    assert_eq!(offers_of(&events).next().unwrap().entry_id, first);
}

#[test]
fn who_cools_down_may_be_placed_and_who_holds_a_place_may_not() {
    let cool = MeasureRules { cool_down_days: Some(7), ..rules() };
    let mut ruled = Ruled::new(&cool, 1);
    let (entry_id, id) = ruled.offered(1);
    let refused = |state| Refusal::WrongState { what: "the entry", state, transition: "PLACE" };
    let command = place(entry_id, ruled.group);
    assert_eq!(ruled.happen(&command, noon()), Err(refused("OFFERED")));
    ruled.now(&commands::respond(id, false));
    assert_eq!(ruled.state(entry_id).name(), "COOLING_DOWN");
    // A named person may also be placed where they said no.
    ruled.now(&command);
    assert_eq!(ruled.state(entry_id).name(), "OFFERED");
    let leaves = MeasureRules { decline_rule: DeclineRule::LeaveAfter(1), ..rules() };
    let mut ruled = Ruled::new(&leaves, 1);
    let (entry_id, id) = ruled.offered(1);
    ruled.now(&commands::respond(id, false));
    let command = place(entry_id, ruled.group);
    assert_eq!(ruled.happen(&command, noon()), Err(refused("CLOSED")));
}

fn no_room(what: &'static str, free_percent: i64, needed_percent: i64) -> Refusal {
    Refusal::NoRoom { what, free_percent, needed_percent }
}

#[test]
fn both_accounts_must_have_room_for_the_share() {
    for direct_start in [false, true] {
        let mut ruled = Ruled::new(&direct(), 1);
        let command = |entry_id, group| {
            if direct_start { start_directly(entry_id, group) } else { place(entry_id, group) }
        };
        let joins = [commands::join_part(1, TRONDHEIM, 60), commands::join_part(2, TRONDHEIM, 50)];
        let [first, second] = joins.map(|join| {
            let events = ruled.now(&Command::JoinWaitlist(join));
            let [Event::Joined { entry }] = &events[..] else { panic!("{events:?}") };
            entry.entry_id
        });
        let group = ruled.group;
        ruled.now(&command(first, group));
        let refused = ruled.happen(&command(second, group), noon()).unwrap_err();
        assert_eq!(refused, no_room("the place group", 40, 50));
        let other = add_group(&mut ruled.ledger, 1, &[]);
        let refused = ruled.happen(&command(second, other), noon()).unwrap_err();
        assert_eq!(refused, no_room("the municipality's quota", 40, 50));
        assert!(refused.to_string().contains("40") && refused.to_string().contains("50"));
    }
}

#[test]
fn a_closed_or_unknown_group_takes_nobody_in() {
    let mut ruled = Ruled::new(&direct(), 1);
    let entry_id = ruled.join(1);
    let nowhere = PlaceGroupId(Uuid::from_u128(7));
    for command in [place(entry_id, nowhere), start_directly(entry_id, nowhere)] {
        let (what, id) = ("place group", nowhere.to_string());
        assert_eq!(ruled.happen(&command, noon()), Err(Refusal::NotFound { what, id }));
    }
    let nobody = EntryId(Uuid::from_u128(7));
    for command in [place(nobody, ruled.group), start_directly(nobody, ruled.group)] {
        let (what, id) = ("entry", nobody.to_string());
        assert_eq!(ruled.happen(&command, noon()), Err(Refusal::NotFound { what, id }));
    }
    let mut closed = ruled.ledger.place_group(ruled.group).unwrap().clone();
    let (from_date, reported_by) = (TODAY, "someone".to_owned());
    closed.closures.push(Closure { from_date, until_date: None, reason: None, reported_by });
    apply(&mut ruled.ledger, &Event::ClosureReported { place_group: closed, days: Vec::new() });
    for (command, transition) in
        [(place(entry_id, ruled.group), "PLACE"), (start_directly(entry_id, ruled.group), "START")]
    {
        let what = "the place group";
        let refused = Refusal::WrongState { what, state: "CLOSED", transition };
        assert_eq!(ruled.happen(&command, noon()), Err(refused));
    }
}

#[test]
fn whoever_is_first_begins_without_an_offer_where_the_type_lets_them() {
    let mut ruled = Ruled::new(&direct(), 2);
    let (first, second) = (ruled.join(1), ruled.join(2));
    let group = ruled.group;
    let refused = ruled.happen(&start_directly(second, group), noon());
    assert_eq!(refused, Err(Refusal::NotFirst));
    let events = ruled.now(&start_directly(first, group));
    let [Event::RunMade { .. }, Event::PlacementChanged { placement, change }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*change, PlacementChange::StartedDirectly);
    assert_eq!((placement.offer_id, &placement.state), (None, &PlacementState::Running));
    assert_eq!(ruled.state(first), EntryState::Placed(placement.placement_id));
    assert_eq!(ruled.figures(), (0, 100));
    ruled.now(&start_directly(second, group));
    assert_eq!(ruled.figures(), (0, 200));
    let again = ruled.happen(&start_directly(first, group), noon()).unwrap_err();
    let (what, state) = ("the entry", "PLACED");
    assert_eq!(again, Refusal::WrongState { what, state, transition: "START" });
    let mut bound = Ruled::new(&rules(), 1);
    let entry_id = bound.join(1);
    let refused = bound.happen(&start_directly(entry_id, bound.group), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::MeasureTypeRule(_)), "{refused:?}");
}

/// Whoever stands before and cannot take the place is passed over with a reason, as by a run;
/// whom the place is not for is told so.
#[test]
fn a_direct_start_judges_as_a_run_does() {
    let mut ruled = Ruled::new(&direct(), 1);
    let hemne = Command::JoinWaitlist(commands::join(1, HEMNE));
    let events = ruled.now(&hemne);
    let [Event::Joined { entry }] = &events[..] else { panic!("{events:?}") };
    let (ahead, entry_id) = (entry.entry_id, ruled.join(2));
    let events = ruled.clone().now(&start_directly(entry_id, ruled.group));
    let Event::RunMade { report } = &events[0] else { panic!("{events:?}") };
    assert_eq!(report.passed_over, [(ahead, PassedOverReason::NoQuota)]);
    ruled.now(&commands::allocate(1, &[]));
    let id = ruled.ledger.offers().next().unwrap().offer_id;
    ruled.now(&commands::confirm(&[id]));
    ruled.now(&commands::respond(id, false));
    let refused = ruled.happen(&start_directly(entry_id, ruled.group), noon()).unwrap_err();
    let (what, state) = ("this place to the entry", "DECLINED_HERE");
    assert_eq!(refused, Refusal::WrongState { what, state, transition: "START" });
}

#[test]
fn nobody_begins_ahead_of_time() {
    let ruled = Ruled::new(&direct(), 1);
    for (days, is_refused) in [(1, true), (0, false), (-366, false), (-367, true)] {
        let mut ruled = ruled.clone();
        let entry_id = ruled.join(1);
        let Command::StartDirectly(start) = start_directly(entry_id, ruled.group) else { panic!() };
        let start = Command::StartDirectly(tiltaksplass::domain::command::StartDirectly {
            start_date: days_on(days),
            ..start
        });
        let outcome = ruled.happen(&start, noon());
        let refused = matches!(outcome, Err(Refusal::DateOutOfRange { .. }));
        assert_eq!(refused, is_refused, "{days}: {outcome:?}");
    }
}
