//! `LeaveWaitlist`: what is held for somebody goes with them, in one row.

use tiltaksplass::domain::{ledger::rows, waitlist::EntryState};

use super::*;

fn stands(ledger: &Ledger) -> usize {
    rows(ledger).due.iter().filter(|(_, stands)| *stands).count()
}

#[test]
fn whoever_waits_just_leaves() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let entry_id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let next = add_entry(&mut ledger, commands::join(2, TRONDHEIM));
    add_group(&mut ledger, 1, &[]);
    let events = happen(&mut ledger, commands::leave(entry_id), noon()).unwrap();
    let closed_time = Some(ledger.head().at);
    assert_eq!(events, [Event::Left { entry_id, grounds: None, closed_time }]);
    let closed = entry(&ledger, entry_id).closed.as_ref();
    assert_eq!(closed.map(|closed| closed.time), closed_time);
    assert_eq!(entry(&ledger, entry_id).state, EntryState::Closed);
    assert_eq!(rows(&ledger).ended_claims, [(commands::person(1), entry_id)]);
    assert_eq!(served(&allocate(&mut ledger, 2)).len(), 1);
    assert!(matches!(entry(&ledger, next).state, EntryState::Proposed(_)));
}

#[test]
fn what_is_held_is_given_back_on_both_accounts_and_has_no_deadline() {
    for (step, was_offered) in
        [(Step::Proposed, false), (Step::Offered, true), (Step::Accepted, true)]
    {
        let mut one = one_place(step);
        let (entry_id, offer_id) = (one.entry_id, one.offer_id);
        assert_eq!(one.figures(), (100, 0));
        let events = one.happen(commands::leave(entry_id), noon()).unwrap();
        let closed_time = Some(one.ledger.head().at);
        let left = Event::Left { entry_id, grounds: None, closed_time };
        assert_eq!(events, [left, Event::OfferWithdrawn { offer_id }]);
        assert_eq!(*one.offer_state(), OfferState::Withdrawn { was_offered });
        assert_eq!(entry(&one.ledger, entry_id).state, EntryState::Closed);
        assert_eq!(one.figures(), (0, 0));
        assert_eq!(stands(&one.ledger), 0);
        for late in [Command::LapseProposal { offer_id }, Command::ExpireOffer { offer_id }] {
            assert_eq!(one.happen(late, hour(days_on(20), 0)).unwrap(), [Event::NothingToDo]);
        }
        // The place is the next one's, and the person may join again.
        let again = add_entry(&mut one.ledger, commands::join(1, TRONDHEIM));
        assert_eq!(served(&allocate(&mut one.ledger, 1)), [(again, one.group)]);
        assert!(entry(&one.ledger, again).declined_here.is_empty());
    }
}

/// The deadline may pass between what is due and this command: the place is given back
/// either way, once.
#[test]
fn leaving_just_after_the_deadline_takes_the_offer_along() {
    for step in [Step::Proposed, Step::Offered] {
        let mut one = one_place(step);
        one.happen(commands::leave(one.entry_id), hour(days_on(30), 0)).unwrap();
        assert_eq!(one.offer_state().name(), "WITHDRAWN");
        assert_eq!(one.figures(), (0, 0));
    }
}

#[test]
fn whoever_has_a_place_or_has_left_cannot_leave() {
    let refused = |state| Refusal::WrongState { what: "the entry", state, transition: "LEAVE" };
    let (mut one, placement_id) = OnePlace::started(Step::Accepted);
    let leave = commands::leave(one.entry_id);
    assert_eq!(one.happen(leave.clone(), noon()), Err(refused("PLACED")));
    one.happen(commands::end(placement_id, TODAY), noon()).unwrap();
    assert_eq!(one.happen(leave.clone(), noon()), Err(refused("CLOSED")));
    let mut one = one_place(Step::Offered);
    one.happen(leave.clone(), noon()).unwrap();
    assert_eq!(one.happen(leave, noon()), Err(refused("CLOSED")));
    let nobody = EntryId(Uuid::from_u128(7));
    let missing = Refusal::NotFound { what: "entry", id: nobody.to_string() };
    assert_eq!(one.happen(commands::leave(nobody), noon()), Err(missing));
}

/// As at the end of a placement: an id of another system names one resource for good.
#[test]
fn a_name_in_another_system_stays_taken() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let join = |number| JoinWaitlist {
        external_references: vec![reference("entry 1")],
        ..commands::join(number, TRONDHEIM)
    };
    let entry_id = add_entry(&mut ledger, join(1));
    happen(&mut ledger, commands::leave(entry_id), noon()).unwrap();
    let refused = happen(&mut ledger, Command::JoinWaitlist(join(2)), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::ExternalReferenceTaken { .. }), "{refused:?}");
}
