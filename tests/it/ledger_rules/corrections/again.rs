//! What a correction must not leave behind: a turn that a later place has made good, a cost
//! that is taken off twice, and what was the wrong person's.

use tiltaksplass::domain::{
    measure::{DeclineRule, MeasureRules},
    waitlist::Imported,
};

use super::*;

/// Somebody whose place was lost by a mistake stands before all others until there is a place
/// again. What ends after that has ended.
#[test]
fn a_place_makes_good_what_a_mistake_cost() {
    let (mut one, lost) = OnePlace::started(Step::Accepted);
    let other = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
    one.happen(commands::end(lost, TODAY), noon()).unwrap();
    allocate(&mut one.ledger, 1);
    one.happen(goes_on(lost), noon()).unwrap();
    assert!(entry(&one.ledger, one.entry_id).priority_by_correction.is_some());
    let events = one.happen(commands::leave(other), noon()).unwrap();
    let again = offers_of(&events).next().unwrap().offer_id;
    one.happen(commands::confirm(&[again]), noon()).unwrap();
    one.happen(commands::respond(again, true), noon()).unwrap();
    let events = one.happen(commands::start(again, TODAY), noon()).unwrap();
    let [Event::PlacementStarted { placement }] = &events[..] else { panic!("{events:?}") };
    let found = placement.placement_id;
    assert_eq!(entry(&one.ledger, one.entry_id).priority_by_correction, None);

    one.happen(commands::end(found, TODAY), noon()).unwrap();
    let refused = |what, state| Refusal::WrongState { what, state, transition: "REINSTATE" };
    let outcome = one.happen(reinstate(one.entry_id), noon());
    assert_eq!(outcome, Err(refused("the entry", "PLACEMENT_ENDED")));
    let outcome = one.happen(goes_on(lost), noon());
    assert_eq!(outcome, Err(refused("the entry", "PLACED_SINCE")));
    one.happen(goes_on(found), noon()).unwrap();
    assert_eq!(entry(&one.ledger, one.entry_id).state, EntryState::Placed(found));
    sound(&one.ledger).unwrap();
}

/// Where the place is gone, the same answer may be corrected once more, when there may be
/// room; what the no cost is undone once.
#[test]
fn what_a_no_cost_is_undone_once() {
    let rules = MeasureRules { decline_rule: DeclineRule::Strike, ..MeasureRules::default() };
    let mut ruled = ruled::Ruled::new(&rules, 1);
    let (first, wrong) = ruled.offered(1);
    let second = ruled.join(2);
    ruled.now(&commands::respond(wrong, false));
    // A no that is one, to another offer.
    let held = |ruled: &ruled::Ruled, id| ruled.state(id).offer().unwrap();
    let passed_on = held(&ruled, second);
    let entry = Entry { strikes: 2, ..ruled.entry(first).clone() };
    apply(&mut ruled.ledger, &Event::EntryChanged { entry, change: EntryChange::StrikeCounted });
    for _ in 0..2 {
        ruled.now(&answer(wrong, true));
        assert_eq!(ruled.entry(first).strikes, 1);
    }
    assert!(ruled.offer(passed_on).state.reserves());
}

#[test]
fn the_right_person_has_nothing_of_the_wrong_one_but_the_turn() {
    let (mut ledger, entry_id, _) = at("WAITING");
    let imported = Imported {
        source: "Arena".to_owned(),
        cut_over_date: TODAY,
        was_not_assessed: false,
        original: Some(ruled::sealed()),
    };
    let wrong = Entry {
        programme: Some("KVP".to_owned()),
        case_reference: Some("2011/1".to_owned()),
        on_behalf_of: Some(municipality(HEMNE)),
        wants_by: Some(days_on(40)),
        imported: Some(imported),
        ..entry(&ledger, entry_id).clone()
    };
    let key = wrong.key;
    let change = EntryChange::Updated;
    apply(&mut ledger, &Event::EntryChanged { entry: wrong.clone(), change });
    happen(&mut ledger, is_another(entry_id), noon()).unwrap();
    let right = ledger.entries().find(|entry| entry.entry_id != entry_id).unwrap();
    assert_eq!((right.person_id, right.key), (commands::person(RIGHT), key));
    assert_eq!((&right.programme, &right.case_reference, right.wants_by), (&None, &None, None));
    assert_eq!((&right.on_behalf_of, &right.imported), (&None, &None));
    assert_eq!(entry(&ledger, entry_id).imported, wrong.imported);
}
