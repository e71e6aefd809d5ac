//! `ConfirmProposals`, `RespondToOffer`, `StartPlacement` and `EndPlacement`.

use tiltaksplass::domain::{allocation::PlacementState, ledger::rows, waitlist::EntryState};

use super::*;

fn offer_is(state: &'static str, transition: &'static str) -> Refusal {
    Refusal::WrongState { what: "the offer", state, transition }
}

/// An offer in each state there is.
fn every_offer() -> Vec<(OnePlace, &'static str)> {
    let mut declined = one_place(Step::Offered);
    declined.happen(commands::respond(declined.offer_id, false), noon()).unwrap();
    let mut lapsed = one_place(Step::Proposed);
    let command = Command::LapseProposal { offer_id: lapsed.offer_id };
    lapsed.happen(command, hour(days_on(10), 0)).unwrap();
    let mut expired = one_place(Step::Offered);
    let command = Command::ExpireOffer { offer_id: expired.offer_id };
    expired.happen(command, hour(days_on(10), 0)).unwrap();
    let mut withdrawn = one_place(Step::Offered);
    withdrawn.happen(commands::leave(withdrawn.entry_id), noon()).unwrap();
    vec![
        (one_place(Step::Proposed), "PROPOSED"),
        (one_place(Step::Offered), "OFFERED"),
        (one_place(Step::Accepted), "ACCEPTED"),
        (declined, "DECLINED"),
        (lapsed, "LAPSED"),
        (expired, "EXPIRED"),
        (withdrawn, "WITHDRAWN"),
        (OnePlace::started(Step::Accepted).0, "STARTED"),
    ]
}

#[test]
fn each_move_has_its_one_state() {
    for (one, state) in every_offer() {
        assert_eq!(one.offer_state().name(), state);
        let id = one.offer_id;
        let moves = [
            (commands::confirm(&[id]), "CONFIRM", "PROPOSED", "OFFERED"),
            (commands::respond(id, true), "ACCEPT", "OFFERED", "ACCEPTED"),
            (commands::respond(id, false), "DECLINE", "OFFERED", "DECLINED"),
            (commands::start(id, TODAY), "START", "ACCEPTED", "STARTED"),
        ];
        for (command, transition, only_from, to) in moves {
            let mut ledger = one.ledger.clone();
            match happen(&mut ledger, command, noon()) {
                Ok(_) => {
                    assert_eq!(state, only_from, "{transition}");
                    assert_eq!(ledger.offer(id).unwrap().state.name(), to);
                }
                Err(refusal) => {
                    assert_ne!(state, only_from, "{transition}");
                    assert_eq!(refusal, offer_is(state, transition));
                }
            }
        }
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let (offer, at) = (OfferId(Uuid::from_u128(7)), noon());
    for command in [
        commands::confirm(&[offer]),
        commands::respond(offer, true),
        commands::respond(offer, false),
        commands::start(offer, TODAY),
    ] {
        let refusal = happen(&mut vta(), command, at).unwrap_err();
        assert_eq!(refusal, Refusal::NotFound { what: "offer", id: offer.to_string() });
    }
    let unknown = PlacementId(Uuid::from_u128(7));
    let refusal = happen(&mut vta(), commands::end(unknown, TODAY), at).unwrap_err();
    assert_eq!(refusal, Refusal::NotFound { what: "placement", id: unknown.to_string() });
}

#[test]
fn all_proposals_are_confirmed_or_none() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3)]);
    add_group(&mut ledger, 3, &[]);
    for number in 0..3 {
        add_entry(&mut ledger, commands::join(number, TRONDHEIM));
    }
    let events = allocate(&mut ledger, 3);
    let ids: Vec<OfferId> = offers_of(&events).map(|offer| offer.offer_id).collect();
    happen(&mut ledger, commands::confirm(&ids[1..2]), noon()).unwrap();
    let refusal = happen(&mut ledger, commands::confirm(&ids), noon()).unwrap_err();
    assert_eq!(refusal, offer_is("OFFERED", "CONFIRM"));
    assert_eq!(ledger.offer(ids[0]).unwrap().state.name(), "PROPOSED");
    let events = happen(&mut ledger, commands::confirm(&[ids[2], ids[0]]), noon()).unwrap();
    assert_eq!(events.len(), 2);
}

/// A list that names one twice confirms it once.
#[test]
fn one_named_twice_is_confirmed_once() {
    let mut one = one_place(Step::Proposed);
    let events = one.happen(commands::confirm(&[one.offer_id; 2]), noon()).unwrap();
    assert_eq!(events.len(), 1);
}

#[test]
fn a_confirmed_proposal_names_who_and_until_when() {
    let one = one_place(Step::Offered);
    // On Tuesday; Wednesday to Friday count.
    let answer_by = hour(days_on(4), 0);
    let confirmed_by = "https://issuer.example:county".to_owned();
    assert_eq!(*one.offer_state(), OfferState::Offered { answer_by, confirmed_by });
    let state = entry(&one.ledger, one.entry_id).state;
    assert_eq!(state, EntryState::Offered(one.offer_id));
    assert_eq!(one.figures(), (100, 0));
}

#[test]
fn a_no_gives_the_place_back_and_keeps_the_turn() {
    let mut one = one_place(Step::Offered);
    let key = entry(&one.ledger, one.entry_id).key;
    one.happen(commands::respond(one.offer_id, false), noon()).unwrap();
    let entry = entry(&one.ledger, one.entry_id);
    assert_eq!((entry.state, entry.key), (EntryState::Waiting, key));
    assert_eq!(entry.declined_here, BTreeSet::from([one.group]));
    assert_eq!(one.figures(), (0, 0));
}

#[test]
fn a_placement_begins_today_or_up_to_a_year_back() {
    for (days, allowed) in [(0, true), (-366, true), (-367, false), (1, false)] {
        let mut one = one_place(Step::Accepted);
        match one.happen(commands::start(one.offer_id, days_on(days)), noon()) {
            Ok(events) => {
                assert!(allowed, "{days}");
                let [Event::PlacementStarted { placement }] = events.as_slice() else {
                    panic!("{events:?}")
                };
                assert_eq!(placement.start_date, days_on(days));
                assert_eq!(placement.state, PlacementState::Running);
                assert_eq!(one.figures(), (0, 100));
                let state = entry(&one.ledger, one.entry_id).state;
                assert_eq!(state, EntryState::Placed(placement.placement_id));
            }
            Err(refusal) => {
                assert!(!allowed, "{days}");
                let (field, value) = ("start_date", days_on(days).to_string());
                let expected = "today or up to a year back";
                assert_eq!(refusal, Refusal::DateOutOfRange { field, value, expected });
                assert_eq!(one.figures(), (100, 0));
            }
        }
    }
}

#[test]
fn a_placement_ends_today_or_back_at_once_and_later_when_its_day_comes() {
    // Started today, ended a month later: when, and whether it is over at once.
    let now = hour(days_on(30), 12);
    let cases = [
        (-1, None),
        (0, Some(true)),
        (7, Some(true)),
        (30, Some(true)),
        (31, Some(false)),
        (30 + 366, Some(false)),
        (30 + 367, None),
    ];
    for (days, over) in cases {
        let (mut one, placement_id) = OnePlace::started(Step::Accepted);
        let outcome = one.happen(commands::end(placement_id, days_on(days)), now);
        let Some(over) = over else {
            let (field, value) = ("end_date", days_on(days).to_string());
            let expected = "not before the start and at most a year ahead";
            let refusal = outcome.unwrap_err();
            assert_eq!(refusal, Refusal::DateOutOfRange { field, value, expected });
            continue;
        };
        assert_eq!(outcome.unwrap().len(), 1 + usize::from(over), "{days}");
        let state = &placement(&one.ledger, placement_id).state;
        assert_eq!(state.name(), if over { "ENDED" } else { "ENDING" });
        assert_eq!(state.end().unwrap().end_date, days_on(days));
        let entry_state = entry(&one.ledger, one.entry_id).state;
        let placed = EntryState::Placed(placement_id);
        assert_eq!(entry_state, if over { EntryState::Closed } else { placed });
        assert_eq!(one.figures(), (0, if over { 0 } else { 100 }));
        let claims = rows(&one.ledger).ended_claims;
        assert_eq!(claims.len(), usize::from(over));
    }
}

#[test]
fn an_end_in_sight_may_be_moved_and_an_end_may_not() {
    let (mut one, placement_id) = OnePlace::started(Step::Accepted);
    for days in [20, 9, 15, 15] {
        one.happen(commands::end(placement_id, days_on(days)), noon()).unwrap();
        let due = rows(&one.ledger).due.into_iter().filter(|(_, stands)| *stands);
        let due: Vec<Timestamp> = due.map(|(due, _)| due.at).collect();
        assert_eq!(due, [start_of_day_in_norway(days_on(days))]);
    }
    one.happen(commands::end(placement_id, TODAY), noon()).unwrap();
    assert!(rows(&one.ledger).due.iter().all(|(_, stands)| !stands));
    let refusal = one.happen(commands::end(placement_id, TODAY), noon()).unwrap_err();
    let (what, state) = ("the placement", "ENDED");
    assert_eq!(refusal, Refusal::WrongState { what, state, transition: "END" });
}

/// What is due takes effect first; where it has not yet, an answer is too late all the same.
#[test]
fn on_the_deadline_it_is_too_late() {
    let mut one = one_place(Step::Proposed);
    let OfferState::Proposed { confirm_by } = *one.offer_state() else { panic!() };
    let confirm = commands::confirm(&[one.offer_id]);
    let refusal = one.happen(confirm.clone(), confirm_by).unwrap_err();
    assert_eq!(refusal, offer_is("LAPSED", "CONFIRM"));
    one.happen(confirm, just_before(confirm_by)).unwrap();
    let OfferState::Offered { answer_by, .. } = *one.offer_state() else { panic!() };
    for (accept, transition) in [(true, "ACCEPT"), (false, "DECLINE")] {
        let answer = commands::respond(one.offer_id, accept);
        let refusal = one.happen(answer, answer_by).unwrap_err();
        assert_eq!(refusal, offer_is("EXPIRED", transition));
    }
    let answer = commands::respond(one.offer_id, true);
    one.happen(answer, just_before(answer_by)).unwrap();
}
