//! What a no costs, as data of the measure type; and offers that need nobody's confirmation.

use tiltaksplass::domain::{
    event::EntryChange,
    ledger::rows,
    measure::{DeclineRule, MeasureRules},
    waitlist::{Closed, EntryState},
};

use super::{ruled::*, *};

/// Lets an offer go: by a no at noon, or by time on its deadline.
fn let_go(ruled: &mut Ruled, id: OfferId, by_time: bool) -> (Vec<Event>, Timestamp) {
    let at = if by_time { ruled.answer_by(id) } else { noon() };
    let command = if by_time { expire(id) } else { commands::respond(id, false) };
    let events = ruled.happen(&command, at).unwrap();
    (events, ruled.ledger.head().at)
}

fn change(events: &[Event]) -> Option<&EntryChange> {
    let changes = events.iter().filter_map(|event| {
        if let Event::EntryChanged { change, .. } = event { Some(change) } else { None }
    });
    let changes: Vec<_> = changes.collect();
    assert!(changes.len() <= 1, "{changes:?}");
    changes.first().copied()
}

#[test]
fn a_no_costs_what_the_measure_type_says() {
    use DeclineRule::{LeaveAfter, Nothing, Strike};
    use EntryChange::{CooledDown, LeftByRule, StrikeCounted};
    let cases = [
        (Nothing, None, 0, "WAITING", None),
        (Nothing, Some(7), 0, "COOLING_DOWN", Some(CooledDown)),
        (Strike, None, 1, "WAITING", Some(StrikeCounted)),
        (Strike, Some(7), 1, "COOLING_DOWN", Some(CooledDown)),
        (LeaveAfter(2), None, 1, "WAITING", Some(StrikeCounted)),
        (LeaveAfter(2), Some(7), 1, "COOLING_DOWN", Some(CooledDown)),
        (LeaveAfter(1), None, 1, "CLOSED", Some(LeftByRule)),
        (LeaveAfter(1), Some(7), 1, "CLOSED", Some(LeftByRule)),
    ];
    for (decline_rule, cool_down_days, strikes, state, expected) in cases {
        for by_time in [false, true] {
            let rules = MeasureRules { decline_rule, cool_down_days, ..rules() };
            let mut ruled = Ruled::new(&rules, 1);
            let (entry_id, id) = ruled.offered(1);
            let next = ruled.join(2);
            let (events, at) = let_go(&mut ruled, id, by_time);
            let what = format!("{decline_rule:?} {cool_down_days:?} {by_time}");
            assert_eq!(change(&events), expected.as_ref(), "{what}");
            let entry = ruled.entry(entry_id);
            assert_eq!((entry.strikes, entry.state.name()), (strikes, state), "{what}");
            assert_eq!(entry.declined_here, BTreeSet::from([ruled.group]), "{what}");
            if let EntryState::CoolingDown { until } = entry.state {
                assert_eq!(until, at.plus_days(7));
                let wakes = rows(&ruled.ledger).due.into_iter();
                assert_eq!(wakes.filter(|(due, on)| *on && due.at == until).count(), 1);
            }
            let closed = Closed::at(at);
            assert_eq!(entry.closed, (state == "CLOSED").then_some(closed), "{what}");
            let ended = rows(&ruled.ledger).ended_claims;
            assert_eq!(ended.len(), usize::from(state == "CLOSED"), "{what}");
            // The next has the place in the same row, whatever the no costs.
            assert_eq!(offers_of(&events).next().unwrap().entry_id, next, "{what}");
            assert_eq!(ruled.figures(), (100, 0), "{what}");
        }
    }
}

/// The second no of two that are allowed, in another group than the first.
#[test]
fn strikes_add_up_over_groups() {
    let rules = MeasureRules { decline_rule: DeclineRule::LeaveAfter(2), ..rules() };
    let mut ruled = Ruled::new(&rules, 1);
    let (entry_id, first) = ruled.offered(1);
    ruled.now(&commands::respond(first, false));
    add_group(&mut ruled.ledger, 1, &[]);
    let events = ruled.now(&commands::allocate(1, &[]));
    let second = offers_of(&events).next().unwrap();
    assert_eq!(second.entry_id, entry_id);
    assert_ne!(second.place_group_id, ruled.group);
    let second = second.offer_id;
    ruled.now(&commands::confirm(&[second]));
    ruled.now(&commands::respond(second, false));
    let entry = ruled.entry(entry_id);
    assert_eq!((entry.state, entry.strikes), (EntryState::Closed, 2));
}

/// A proposal that nobody confirmed, and an offer that the office took back or a provider
/// objected to, are nobody's no.
#[test]
fn what_is_not_the_persons_costs_nothing() {
    let rules = MeasureRules {
        decline_rule: DeclineRule::LeaveAfter(1),
        cool_down_days: Some(7),
        ..rules()
    };
    for last in ["LAPSE", "WITHDRAW", "UPHOLD"] {
        let mut ruled = Ruled::new(&rules, 1);
        let entry_id = ruled.join(1);
        let events = ruled.now(&commands::allocate(1, &[]));
        let id = offers_of(&events).next().unwrap().offer_id;
        match last {
            "LAPSE" => {
                let lapse = Command::LapseProposal { offer_id: id };
                ruled.happen(&lapse, hour(days_on(30), 0)).unwrap();
            }
            "WITHDRAW" => drop(ruled.now(&withdraw(id))),
            _ => {
                for command in [commands::confirm(&[id]), object(id), resolve(id, true)] {
                    ruled.now(&command);
                }
            }
        }
        let entry = ruled.entry(entry_id);
        assert_eq!((entry.state, entry.strikes), (EntryState::Waiting, 0), "{last}");
        assert!(entry.declined_here.is_empty(), "{last}");
    }
}

/// At one and the same microsecond an answer and the deadline are two rows, one after the
/// other: the deadline wins on its instant, the answer the instant before.
#[test]
fn an_answer_and_the_deadline_never_both_happen() {
    let mut ruled = Ruled::new(&rules(), 1);
    let (_, id) = ruled.offered(1);
    let answer_by = ruled.answer_by(id);
    let accept = commands::respond(id, true);
    let expired =
        |transition| Refusal::WrongState { what: "the offer", state: "EXPIRED", transition };
    // On the instant: the answer first, then the deadline; and the other way about.
    let mut late = ruled.clone();
    assert_eq!(late.happen(&accept, answer_by).unwrap_err(), expired("ACCEPT"));
    late.happen(&expire(id), answer_by).unwrap();
    assert_eq!(late.offer(id).state, OfferState::Expired);
    let mut late = ruled.clone();
    late.happen(&expire(id), answer_by).unwrap();
    assert_eq!(late.happen(&accept, answer_by).unwrap_err(), expired("ACCEPT"));
    // The instant before, in both orders.
    let early = just_before(answer_by);
    let mut one = ruled.clone();
    one.happen(&accept, early).unwrap();
    assert_eq!(one.happen(&expire(id), answer_by).unwrap(), [Event::NothingToDo]);
    assert_eq!(one.offer(id).state.name(), "ACCEPTED");
    // The row of the deadline took the instant before: the answer comes on the deadline.
    let mut other = ruled;
    assert_eq!(other.happen(&expire(id), early).unwrap(), [Event::NothingToDo]);
    assert_eq!(other.happen(&accept, early).unwrap_err(), expired("ACCEPT"));
}

/// Where the type needs no named person, a run and what is passed on are offers in the same
/// row, and say that the rule confirmed them.
#[test]
fn without_confirmation_a_run_offers() {
    let rules = MeasureRules { without_confirmation: true, ..rules() };
    let mut ruled = Ruled::new(&rules, 1);
    let (first, second) = (ruled.join(1), ruled.join(2));
    let events = ruled.now(&commands::allocate(5, &[]));
    let [Event::RunMade { .. }, Event::Proposed { offer }, confirmed] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(offer.entry_id, first);
    let id = offer.offer_id;
    let (answer_by, object_by) = (hour(days_on(4), 0), Some(hour(days_on(3), 0)));
    let confirmed_by = "rule".to_owned();
    let expected = Event::ProposalConfirmed { offer_id: id, confirmed_by, answer_by, object_by };
    assert_eq!(*confirmed, expected);
    assert_eq!(ruled.state(first), EntryState::Offered(id));
    let events = ruled.now(&commands::respond(id, false));
    let passed_on = offers_of(&events).next().unwrap().offer_id;
    assert_eq!(ruled.state(second), EntryState::Offered(passed_on));
    assert_eq!(ruled.answer_by(passed_on), answer_by);
    let due = rows(&ruled.ledger).due.into_iter().filter(|(_, stands)| *stands);
    assert_eq!(due.map(|(due, _)| due.at).collect::<Vec<_>>(), [answer_by]);
}
