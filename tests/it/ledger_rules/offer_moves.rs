//! The offer's state machine: every state with every move; then what each move brings about.

use tiltaksplass::domain::{
    allocation::PassedOverReason,
    event::{EntryChange, OfferChange},
    ledger::{Due, rows},
    measure::{DeclineRule, MeasureRules},
    waitlist::EntryState,
};

use super::{ruled::*, *};

fn offer_is(state: &'static str, transition: &'static str) -> Refusal {
    Refusal::WrongState { what: "the offer", state, transition }
}

/// Where an offer stands, with an open objection as a state of its own.
fn where_it_stands(offer: &Offer) -> String {
    let objected = if offer.is_objected_to() { "+OBJECTED_TO" } else { "" };
    format!("{}{objected}", offer.state.name())
}

const MOVES: [&str; 9] =
    ["CONFIRM", "ACCEPT", "DECLINE", "START", "OBJECT", "UPHOLD", "OVERRULE", "EXTEND", "WITHDRAW"];

fn command(transition: &str, id: OfferId) -> Command {
    match transition {
        "CONFIRM" => commands::confirm(&[id]),
        "ACCEPT" => commands::respond(id, true),
        "DECLINE" => commands::respond(id, false),
        "START" => commands::start(id, TODAY),
        "OBJECT" => object(id),
        "UPHOLD" => resolve(id, true),
        "OVERRULE" => resolve(id, false),
        "EXTEND" => extend(id, 10),
        "WITHDRAW" => withdraw(id),
        other => panic!("{other}"),
    }
}

/// Each state and how an offer comes there, then where each of [`MOVES`] takes it; `-` where
/// it is refused.
#[rustfmt::skip]
const TABLE: [(&str, &[&str], [&str; 9]); 13] = [
    ("PROPOSED", &[],
        ["OFFERED", "-", "-", "-", "-", "-", "-", "-", "WITHDRAWN"]),
    ("OFFERED", &["CONFIRM"],
        ["-", "ACCEPTED", "DECLINED", "-", "OFFERED+OBJECTED_TO", "-", "-", "OFFERED", "WITHDRAWN"]),
    ("OFFERED+OBJECTED_TO", &["CONFIRM", "OBJECT"],
        ["-", "ACCEPTED+OBJECTED_TO", "DECLINED", "-", "-", "OBJECTED", "OFFERED",
         "OFFERED+OBJECTED_TO", "WITHDRAWN"]),
    ("OFFERED", &["CONFIRM", "OBJECT", "OVERRULE"],
        ["-", "ACCEPTED", "DECLINED", "-", "-", "-", "-", "OFFERED", "WITHDRAWN"]),
    ("OFFERED", &["CONFIRM", "EXTEND"],
        ["-", "ACCEPTED", "DECLINED", "-", "OFFERED+OBJECTED_TO", "-", "-", "-", "WITHDRAWN"]),
    ("ACCEPTED", &["CONFIRM", "ACCEPT"],
        ["-", "-", "-", "STARTED", "ACCEPTED+OBJECTED_TO", "-", "-", "-", "WITHDRAWN"]),
    ("ACCEPTED+OBJECTED_TO", &["CONFIRM", "ACCEPT", "OBJECT"],
        ["-", "-", "-", "-", "-", "OBJECTED", "ACCEPTED", "-", "WITHDRAWN"]),
    ("ACCEPTED", &["CONFIRM", "OBJECT", "ACCEPT", "OVERRULE"],
        ["-", "-", "-", "STARTED", "-", "-", "-", "-", "WITHDRAWN"]),
    ("DECLINED", &["CONFIRM", "DECLINE"], ["-"; 9]),
    ("DECLINED", &["CONFIRM", "OBJECT", "DECLINE"], ["-"; 9]),
    ("STARTED", &["CONFIRM", "ACCEPT", "START"], ["-"; 9]),
    ("WITHDRAWN", &["CONFIRM", "WITHDRAW"], ["-"; 9]),
    ("OBJECTED", &["CONFIRM", "OBJECT", "UPHOLD"], ["-"; 9]),
];

fn proposed() -> (Ruled, OfferId) {
    let mut ruled = Ruled::new(&rules(), 1);
    ruled.join(1);
    let events = ruled.now(&commands::allocate(1, &[]));
    let id = offers_of(&events).next().unwrap().offer_id;
    (ruled, id)
}

#[test]
fn every_move_from_every_state() {
    for (state, way, row) in TABLE {
        let (mut ruled, id) = proposed();
        for transition in way {
            ruled.now(&command(transition, id));
        }
        assert_eq!(where_it_stands(ruled.offer(id)), state, "{way:?}");
        for (transition, to) in MOVES.into_iter().zip(row) {
            let mut ruled = ruled.clone();
            let outcome = ruled.happen(&command(transition, id), noon());
            match outcome {
                Ok(_) => {
                    assert_eq!(where_it_stands(ruled.offer(id)), to, "{way:?} {transition}");
                    let held = if ruled.offer(id).state.reserves() { 100 } else { 0 };
                    assert_eq!(ruled.figures().0, held, "{way:?} {transition}");
                }
                Err(Refusal::WrongState { what: "the offer", transition: told, .. }) => {
                    assert_eq!((to, told), ("-", transition), "{way:?}");
                }
                Err(refusal) => panic!("{way:?} {transition}: {refusal:?}"),
            }
        }
    }
}

/// By time an unanswered offer expires and an unconfirmed proposal lapses, and nothing else
/// moves: silence is nobody's no.
#[test]
fn time_moves_what_waits_and_nothing_else() {
    let late = hour(days_on(60), 0);
    for (state, way, _) in TABLE {
        let (mut ruled, id) = proposed();
        for transition in way {
            ruled.now(&command(transition, id));
        }
        ruled.happen(&Command::LapseProposal { offer_id: id }, late).unwrap();
        ruled.happen(&expire(id), late).unwrap();
        let expected = match state {
            "PROPOSED" => "LAPSED",
            "OFFERED" => "EXPIRED",
            other => other,
        };
        assert_eq!(where_it_stands(ruled.offer(id)), expected, "{way:?}");
    }
    for (state, by_time) in [("LAPSED", true), ("EXPIRED", false)] {
        let (mut ruled, id) = proposed();
        if !by_time {
            ruled.now(&command("CONFIRM", id));
        }
        ruled.happen(&Command::LapseProposal { offer_id: id }, late).unwrap();
        ruled.happen(&expire(id), late).unwrap();
        for transition in MOVES {
            let refused = ruled.happen(&command(transition, id), late).unwrap_err();
            assert_eq!(refused, offer_is(state, transition));
        }
    }
}

#[test]
fn a_move_is_refused_in_the_words_of_its_state() {
    let cases = [
        (vec!["CONFIRM", "OBJECT"], "OBJECT", "OBJECTED_TO"),
        (vec!["CONFIRM", "OBJECT", "OVERRULE"], "OBJECT", "OBJECTION_OVERRULED"),
        (vec!["CONFIRM", "OBJECT", "OVERRULE"], "UPHOLD", "OBJECTION_OVERRULED"),
        (vec!["CONFIRM"], "OVERRULE", "NOT_OBJECTED_TO"),
        (vec!["CONFIRM", "EXTEND"], "EXTEND", "EXTENDED"),
        (vec!["CONFIRM", "ACCEPT", "OBJECT"], "START", "OBJECTED_TO"),
        (vec![], "OBJECT", "PROPOSED"),
    ];
    for (way, transition, state) in cases {
        let (mut ruled, id) = proposed();
        for step in &way {
            ruled.now(&command(step, id));
        }
        let refused = ruled.happen(&command(transition, id), noon()).unwrap_err();
        assert_eq!(refused, offer_is(state, transition), "{way:?}");
    }
}

#[test]
fn a_provider_may_object_to_the_end_of_its_days_and_only_where_the_type_lets_it() {
    let mut ruled = Ruled::new(&rules(), 1);
    let (_, id) = ruled.offered(1);
    // On Tuesday; Wednesday and Thursday count.
    let object_by = hour(days_on(3), 0);
    assert_eq!(ruled.offer(id).object_by, Some(object_by));
    let refused = ruled.clone().happen(&object(id), object_by).unwrap_err();
    let what = "the time to object";
    assert_eq!(refused, Refusal::WrongState { what, state: "OVER", transition: "OBJECT" });
    let events = ruled.happen(&object(id), just_before(object_by)).unwrap();
    let [Event::OfferChanged { offer, change: OfferChange::ObjectedTo }] = &events[..] else {
        panic!("{events:?}")
    };
    let objection = offer.objection.as_ref().unwrap();
    assert_eq!(objection.objected_by, "https://issuer.example:county");
    assert_eq!(objection.text, Some(sealed()));
    let mut silent = Ruled::new(&MeasureRules::default(), 1);
    let (_, id) = silent.offered(1);
    let refused = silent.happen(&object(id), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::MeasureTypeRule(_)), "{refused:?}");
}

fn due(ruled: &Ruled) -> Vec<Due> {
    let due = rows(&ruled.ledger).due.into_iter().filter(|(_, stands)| *stands);
    due.map(|(due, _)| due).collect()
}

/// While an objection waits no deadline runs, and the person may still say yes. Overruled,
/// there is a whole answer deadline from then on.
#[test]
fn an_objection_costs_the_person_no_time() {
    let mut ruled = Ruled::new(&rules(), 1);
    let (_, id) = ruled.offered(1);
    let answer_by = ruled.answer_by(id);
    assert_eq!(due(&ruled), [Due::expiry(id, answer_by)]);
    ruled.now(&object(id));
    assert_eq!(due(&ruled), []);
    let later = hour(days_on(13), 12);
    assert_eq!(ruled.happen(&expire(id), later).unwrap(), [Event::NothingToDo]);
    let mut accepted = ruled.clone();
    accepted.happen(&commands::respond(id, true), later).unwrap();
    assert_eq!(where_it_stands(accepted.offer(id)), "ACCEPTED+OBJECTED_TO");
    // A Monday; Tuesday to Thursday count.
    ruled.happen(&resolve(id, false), later).unwrap();
    let anew = hour(days_on(17), 0);
    assert_eq!((ruled.answer_by(id), due(&ruled)), (anew, vec![Due::expiry(id, anew)]));
    let resolution = ruled.offer(id).objection.clone().unwrap().resolution.unwrap();
    assert!(!resolution.upheld && resolution.text == Some(sealed()));
    // One that lies later stays.
    let mut extended = Ruled::new(&rules(), 1);
    let (_, id) = extended.offered(1);
    for command in [extend(id, 20), object(id)] {
        extended.now(&command);
    }
    let before = extended.answer_by(id);
    extended.now(&resolve(id, false));
    assert_eq!((extended.answer_by(id), due(&extended)), (before, vec![Due::expiry(id, before)]));
}

/// Upheld, the place goes to the next in the same row, and the person waits where they stood;
/// 90 days on they may be proposed there again.
#[test]
fn an_upheld_objection_passes_the_place_on_and_keeps_the_turn() {
    for accepts_first in [false, true] {
        let mut ruled = Ruled::new(&rules(), 1);
        let (first, id) = ruled.offered(1);
        let (second, key) = (ruled.join(2), ruled.entry(first).key);
        ruled.now(&object(id));
        if accepts_first {
            ruled.now(&commands::respond(id, true));
        }
        let events = ruled.now(&resolve(id, true));
        let [upheld, freed, run, proposed] = &events[..] else { panic!("{events:?}") };
        assert!(matches!(upheld, Event::OfferChanged { change: OfferChange::ObjectionUpheld, .. }));
        assert!(matches!(freed, Event::EntryChanged { change: EntryChange::Freed, .. }));
        let Event::RunMade { report } = run else { panic!("{run:?}") };
        assert_eq!(report.passed_over, [(first, PassedOverReason::ObjectedHere)]);
        let Event::Proposed { offer } = proposed else { panic!("{proposed:?}") };
        assert_eq!(offer.entry_id, second);
        assert_eq!(where_it_stands(ruled.offer(id)), "OBJECTED");
        let entry = ruled.entry(first);
        assert_eq!((entry.state, entry.key), (EntryState::Waiting, key));
        assert!(entry.declined_here.is_empty() && entry.strikes == 0);
        assert_eq!(ruled.figures(), (100, 0));
        ruled.now(&Command::LeaveWaitlist(LeaveWaitlist {
            entry_id: second,
            grounds: None,
            case_reference: None,
        }));
        let at = |days| hour(days_on(days), 12);
        for (days, is_proposed) in [(89, false), (91, true)] {
            let mut then = ruled.clone();
            let events = then.happen(&commands::allocate(1, &[]), at(days)).unwrap();
            assert_eq!(offers_of(&events).count() == 1, is_proposed, "{days}");
        }
    }
}

#[test]
fn an_offer_is_extended_once_and_only_to_a_later_day() {
    let mut ruled = Ruled::new(&rules(), 1);
    let (_, id) = ruled.offered(1);
    let before = ruled.answer_by(id);
    let refused = ruled.happen(&extend(id, ANSWER_DAYS), noon()).unwrap_err();
    let same = Refusal::NotLater { field: "working_days", value: before, than: before };
    assert_eq!(refused, same);
    assert!(refused.to_string().contains(&before.to_string()));
    let refused = ruled.clone().happen(&extend(id, 1), before).unwrap_err();
    assert_eq!(refused, offer_is("EXPIRED", "EXTEND"));
    // Easter: eight working days from 14 April pass two holidays and two weekends.
    let mut easter = ruled.clone();
    easter.now(&object(id));
    easter.happen(&extend(id, 8), hour(date!(2011 - 04 - 14), 12)).unwrap();
    assert_eq!(easter.answer_by(id), start_of_day_in_norway(date!(2011 - 04 - 29)));
    ruled.now(&extend(id, ANSWER_DAYS + 1));
    let after = hour(days_on(7), 0);
    assert_eq!((ruled.answer_by(id), due(&ruled)), (after, vec![Due::expiry(id, after)]));
    let extension = ruled.offer(id).extension.clone().unwrap();
    assert_eq!((extension.answer_by_before, extension.text), (before, Some(sealed())));
    assert_eq!(ruled.clone().happen(&expire(id), before).unwrap(), [Event::NothingToDo]);
    ruled.happen(&expire(id), after).unwrap();
    assert_eq!(where_it_stands(ruled.offer(id)), "EXPIRED");
}

/// The place is not proposed to the same person in the same breath, but to the next; where
/// nobody else waits it stands free.
#[test]
fn a_withdrawn_offer_goes_to_somebody_else() {
    for steps in 0..3 {
        for others in [0, 1] {
            let (mut ruled, id) = proposed();
            let entry_id = ruled.offer(id).entry_id;
            let key = ruled.entry(entry_id).key;
            let next = (others == 1).then(|| ruled.join(2));
            for transition in &["CONFIRM", "ACCEPT"][..steps] {
                ruled.now(&command(transition, id));
            }
            let events = ruled.now(&withdraw(id));
            let proposed: Vec<EntryId> = offers_of(&events).map(|offer| offer.entry_id).collect();
            assert_eq!(proposed, next.into_iter().collect::<Vec<_>>());
            let was_offered = steps > 0;
            assert_eq!(ruled.offer(id).state, OfferState::Withdrawn { was_offered });
            let entry = ruled.entry(entry_id);
            assert_eq!((entry.state, entry.key), (EntryState::Waiting, key));
            assert_eq!(ruled.figures(), (100 * i64::from(others), 0));
            let Event::OfferChanged { change, .. } = &events[0] else { panic!("{events:?}") };
            assert_eq!(*change, OfferChange::Withdrawn { text: Some(sealed()) });
        }
    }
}

/// Old rows were decided without the new rules, whatever the registry says now.
#[test]
fn the_first_rules_know_no_objections_and_no_strikes() {
    let rules = MeasureRules {
        decline_rule: DeclineRule::LeaveAfter(1),
        cool_down_days: Some(7),
        without_confirmation: true,
        ..rules()
    };
    let mut ruled = Ruled::new(&rules, 1).by_version(1);
    let (entry_id, id) = ruled.offered(1);
    assert_eq!(ruled.offer(id).object_by, None);
    let events = ruled.now(&commands::respond(id, false));
    assert_eq!(events, [Event::OfferDeclined { offer_id: id, reason: None, let_go: None }]);
    assert_eq!(ruled.state(entry_id), EntryState::Waiting);
}
