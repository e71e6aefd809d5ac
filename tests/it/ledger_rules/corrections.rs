//! Mistakes and what is right (rettelser): which may be corrected where, what that changes, and
//! that nobody loses a place by it.

use tiltaksplass::domain::{
    allocation::PlacementState,
    command::{Correct, Correction, Needs, RightPerson},
    event::{EntryChange, OfferChange, PlacementChange},
    measure::{DeclineRule, MeasureRules},
    waitlist::{EntryState, Mistake, PRIORITY_BY_CORRECTION_DAYS, Sealed},
};

use super::{invariants::sound, *};

mod affected;
mod again;
mod in_time;
mod municipalities;
mod sequences;

/// The right person, where an entry was made for the wrong one.
const RIGHT: u32 = 77;

pub(super) fn correct(correction: Correction) -> Command {
    Command::Correct(Correct {
        correction,
        text: Some(Sealed("c2VhbGVk".to_owned())),
        case_reference: None,
        may_claim: true,
        elsewhere: Vec::new(),
    })
}

fn by_mistake(entry_id: EntryId) -> Command {
    correct(Correction::RegisteredByMistake { entry_id })
}

fn reinstate(entry_id: EntryId) -> Command {
    correct(Correction::ReinstateEntry { entry_id })
}

fn goes_on(placement_id: PlacementId) -> Command {
    correct(Correction::ReinstatePlacement { placement_id })
}

fn answer(offer_id: OfferId, accept: bool) -> Command {
    correct(Correction::Answer { offer_id, accept })
}

fn ends(placement_id: PlacementId, date: Date) -> Command {
    correct(Correction::EndDate { placement_id, date })
}

fn began(placement_id: PlacementId, date: Date) -> Command {
    correct(Correction::StartDate { placement_id, date })
}

fn registered(entry_id: EntryId, time: Timestamp) -> Command {
    correct(Correction::RegisteredTime { entry_id, time })
}

fn lives_in(entry_id: EntryId, number: &str) -> Command {
    let municipality_number = municipality(number);
    correct(Correction::Municipality { entry_id, municipality_number })
}

fn is_another(entry_id: EntryId) -> Command {
    correct(Correction::Person(RightPerson {
        entry_id,
        person_id: commands::person(RIGHT),
        grounds: None,
        adviser: None,
        eligibility: None,
    }))
}

/// Every state an entry can be in, in the order of the table below.
const STATES: [&str; 8] =
    ["WAITING", "PAUSED", "COOLING_DOWN", "PROPOSED", "OFFERED", "ACCEPTED", "PLACED", "CLOSED"];

/// Each correction of an entry, its name in a refusal, and where it leads from each state; `-`
/// where it is refused.
const CORRECTIONS: [(&str, [&str; 8]); 5] = {
    const W: &str = "WAITING";
    const P: &str = "PAUSED";
    const D: &str = "COOLING_DOWN";
    const C: &str = "CLOSED";
    const PR: &str = "PROPOSED";
    const O: &str = "OFFERED";
    const A: &str = "ACCEPTED";
    const PL: &str = "PLACED";
    [
        ("REINSTATE", ["-", "-", "-", "-", "-", "-", "-", W]),
        ("REGISTERED_BY_MISTAKE", [C, C, C, C, C, C, "-", C]),
        ("WRONG_PERSON", [C, C, C, C, C, C, "-", "-"]),
        ("WRONG_MUNICIPALITY", [W, P, D, PR, O, A, PL, "-"]),
        ("REGISTERED_TIME", [W, P, D, PR, O, A, PL, "-"]),
    ]
};

fn correction_of(name: &str, entry_id: EntryId) -> Command {
    match name {
        "REINSTATE" => reinstate(entry_id),
        "REGISTERED_BY_MISTAKE" => by_mistake(entry_id),
        "WRONG_PERSON" => is_another(entry_id),
        "WRONG_MUNICIPALITY" => lives_in(entry_id, HEMNE),
        "REGISTERED_TIME" => registered(entry_id, hour(days_on(-30), 12)),
        _ => panic!("{name}"),
    }
}

/// Two places, and two quotas of one; an entry of Trondheim's in this state.
fn at(state: &str) -> (Ledger, EntryId, PlaceGroupId) {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 1)]);
    let group = add_group(&mut ledger, 2, &[]);
    let entry_id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let cooling = EntryState::CoolingDown { until: hour(days_on(5), 12) };
    let put = |ledger: &mut Ledger, state| {
        let entry = Entry { state, ..entry(ledger, entry_id).clone() };
        apply(ledger, &Event::EntryChanged { entry, change: EntryChange::CooledDown });
    };
    let steps = ["PROPOSED", "OFFERED", "ACCEPTED", "PLACED"];
    let step = steps.iter().position(|step| *step == state);
    match (state, step) {
        ("PAUSED", _) => put(&mut ledger, EntryState::Paused { until: Some(days_on(5)) }),
        ("COOLING_DOWN", _) => put(&mut ledger, cooling),
        ("CLOSED", _) => drop(happen(&mut ledger, commands::leave(entry_id), noon()).unwrap()),
        (_, Some(step)) => {
            let id = offers_of(&allocate(&mut ledger, 1)).next().unwrap().offer_id;
            let way = [commands::confirm(&[id]), commands::respond(id, true)];
            for command in way.into_iter().chain([commands::start(id, TODAY)]).take(step) {
                happen(&mut ledger, command, noon()).unwrap();
            }
        }
        (_, None) => {}
    }
    assert_eq!(entry(&ledger, entry_id).state.name(), state);
    (ledger, entry_id, group)
}

#[test]
fn every_correction_of_an_entry_from_every_state() {
    for (name, to) in CORRECTIONS {
        for (state, to) in STATES.into_iter().zip(to) {
            let (mut ledger, entry_id, _) = at(state);
            let before = ledger.clone();
            let outcome = happen(&mut ledger, correction_of(name, entry_id), noon());
            if to == "-" {
                let refused = Refusal::WrongState { what: "the entry", state, transition: name };
                assert_eq!(outcome, Err(refused), "{name} of {state}");
                assert_eq!(ledger, before);
                continue;
            }
            outcome.unwrap();
            assert_eq!(entry(&ledger, entry_id).state.name(), to, "{name} of {state}");
            sound(&ledger).unwrap();
        }
        let nobody = EntryId(Uuid::from_u128(7));
        let missing = Refusal::NotFound { what: "entry", id: nobody.to_string() };
        assert_eq!(happen(&mut vta(), correction_of(name, nobody), noon()), Err(missing), "{name}");
    }
}

/// The drawing in `ARCHITECTURE.md` has each of these moves.
#[test]
fn the_drawing_shows_the_corrections() {
    let text = include_str!("../../../ARCHITECTURE.md");
    for arrow in [
        "CLOSED --> WAITING: Correct, reinstated",
        "CLOSED --> PLACED: Correct, the placement goes on",
        "CLOSED --> ACCEPTED: Correct, the no was a yes",
        "WAITING --> CLOSED: Correct, registered by mistake or for the wrong person",
        "DECLINED --> ACCEPTED: Correct",
        "EXPIRED --> ACCEPTED: Correct",
        "ACCEPTED --> DECLINED: Correct",
        "ENDED --> RUNNING: Correct",
        "ENDING --> RUNNING: Correct",
    ] {
        assert!(text.contains(arrow), "{arrow}");
    }
}

/// Two people and one place, of which the first was offered it.
fn two(step: Step) -> (OnePlace, EntryId) {
    let mut one = one_place(step);
    let second = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
    (one, second)
}

#[test]
fn what_was_registered_by_mistake_leaves_the_place_to_the_next() {
    for step in [Step::Proposed, Step::Offered, Step::Accepted] {
        let (mut one, second) = two(step);
        let events = one.happen(by_mistake(one.entry_id), noon()).unwrap();
        assert_eq!(offers_of(&events).next().unwrap().entry_id, second);
        let closed = entry(&one.ledger, one.entry_id).closed.clone().unwrap();
        assert_eq!(closed.mistake, Some(Mistake::RegisteredByMistake));
        assert_eq!(one.figures(), (100, 0));
        let again = one.happen(by_mistake(one.entry_id), noon()).unwrap_err();
        assert!(matches!(again, Refusal::WrongState { state: "CLOSED", .. }), "{again:?}");
        // That was a mistake too.
        one.happen(reinstate(one.entry_id), noon()).unwrap();
        assert_eq!(entry(&one.ledger, one.entry_id).closed, None);
        sound(&one.ledger).unwrap();
    }
}

#[test]
fn a_reinstated_entry_has_its_turn_and_only_with_its_claim() {
    let (mut one, second) = two(Step::Offered);
    let key = entry(&one.ledger, one.entry_id).key;
    one.happen(commands::leave(one.entry_id), noon()).unwrap();
    let Command::Correct(c) = reinstate(one.entry_id) else { panic!() };
    let without = Command::Correct(Correct { may_claim: false, ..c });
    assert_eq!(one.happen(without, noon()), Err(Refusal::PersonAlreadyWaiting));
    one.happen(reinstate(one.entry_id), noon()).unwrap();
    let first = entry(&one.ledger, one.entry_id);
    assert_eq!((first.state, first.key, &first.closed), (EntryState::Waiting, key, &None));
    // The place stays with the one who has it by now, and the turn comes before all later ones.
    assert!(matches!(entry(&one.ledger, second).state, EntryState::Proposed(_)));
    let third = add_entry(&mut one.ledger, commands::join(3, TRONDHEIM));
    let events = one.happen(commands::leave(second), noon()).unwrap();
    assert_eq!(offers_of(&events).next().unwrap().entry_id, one.entry_id);
    assert_eq!(entry(&one.ledger, third).state, EntryState::Waiting);
}

/// What ended with a placement is opened by the placement.
#[test]
fn an_entry_that_was_placed_is_not_reinstated_by_itself() {
    let (mut one, placement_id) = OnePlace::started(Step::Accepted);
    one.happen(commands::end(placement_id, TODAY), noon()).unwrap();
    let refused = one.happen(reinstate(one.entry_id), noon()).unwrap_err();
    let (what, state) = ("the entry", "PLACEMENT_ENDED");
    assert_eq!(refused, Refusal::WrongState { what, state, transition: "REINSTATE" });
    let refused = one.happen(answer(one.offer_id, true), noon()).unwrap_err();
    let (what, state) = ("the offer", "STARTED");
    assert_eq!(refused, Refusal::WrongState { what, state, transition: "CORRECT_TO_ACCEPTED" });
}

#[test]
fn a_placement_that_was_ended_by_mistake_goes_on_where_there_is_room() {
    for end in [TODAY, days_on(9)] {
        let (mut one, id) = OnePlace::started(Step::Accepted);
        let refused = one.happen(goes_on(id), noon()).unwrap_err();
        assert!(matches!(refused, Refusal::WrongState { state: "RUNNING", .. }), "{refused:?}");
        one.happen(commands::end(id, end), noon()).unwrap();
        let events = one.happen(goes_on(id), noon()).unwrap();
        let ended = end == TODAY;
        let expected = if ended { PlacementChange::Reinstated } else { PlacementChange::Corrected };
        let Event::PlacementChanged { change, .. } = &events[0] else { panic!("{events:?}") };
        assert_eq!(*change, expected);
        assert_eq!(placement(&one.ledger, id).state, PlacementState::Running);
        assert_eq!(entry(&one.ledger, one.entry_id).state, EntryState::Placed(id));
        assert_eq!(one.figures(), (0, 100));
        sound(&one.ledger).unwrap();
    }
}

/// Whoever has the place keeps it (I9); the person stands before all others, whatever they
/// wait for.
#[test]
fn whose_place_is_gone_stands_before_all_others() {
    let (mut one, id) = OnePlace::started(Step::Accepted);
    let mut early = commands::join(2, TRONDHEIM);
    early.registered_time = Some(hour(date!(1985 - 01 - 01), 12));
    early.priority_class = Some("YOUNG".parse().unwrap());
    let early = add_entry(&mut one.ledger, early);
    one.happen(commands::end(id, TODAY), noon()).unwrap();
    let offer = offers_of(&allocate(&mut one.ledger, 1)).next().unwrap().clone();
    assert_eq!(offer.entry_id, early);
    let events = one.happen(goes_on(id), noon()).unwrap();
    let [Event::EntryChanged { change: EntryChange::PriorityByCorrection { text }, .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert!(text.is_some());
    let first = entry(&one.ledger, one.entry_id).clone();
    let key = first.key;
    assert_eq!(key.order_time, key.registered_time.minus_days(PRIORITY_BY_CORRECTION_DAYS));
    assert_eq!(first.priority_by_correction.clone().unwrap().seq, one.ledger.head().seq);
    assert!(matches!(placement(&one.ledger, id).state, PlacementState::Ended(_)));
    assert!(one.ledger.offer(offer.offer_id).unwrap().state.reserves());
    // No class takes it away, and the next free place is theirs.
    let class = Some(Some("YOUNG".parse().unwrap()));
    let update = UpdateEntry { priority_class: class, ..commands::update(one.entry_id) };
    one.happen(Command::UpdateEntry(update), noon()).unwrap();
    assert_eq!(entry(&one.ledger, one.entry_id).key, key);
    let mut oldest = commands::join(3, TRONDHEIM);
    oldest.registered_time = Some(hour(date!(1950 - 01 - 01), 12));
    add_entry(&mut one.ledger, oldest);
    let events = one.happen(commands::leave(early), noon()).unwrap();
    assert_eq!(offers_of(&events).next().unwrap().entry_id, one.entry_id);
    sound(&one.ledger).unwrap();
}

/// A no of each kind that was a yes, with what it cost.
#[test]
fn a_no_that_was_a_yes_costs_nothing() {
    use DeclineRule::{LeaveAfter, Nothing, Strike};
    let costs = [(Nothing, None), (Nothing, Some(7)), (Strike, None), (LeaveAfter(1), None)];
    for (decline_rule, cool_down_days) in costs {
        for by_time in [false, true] {
            for taken in [false, true] {
                let rules = MeasureRules {
                    decline_rule,
                    cool_down_days,
                    correction_days: Some(14),
                    ..MeasureRules::default()
                };
                let what = format!("{rules:?} {by_time} {taken}");
                let mut ruled = ruled::Ruled::new(&rules, 1);
                let (entry_id, id) = ruled.offered(1);
                let key = ruled.entry(entry_id).key;
                let next = taken.then(|| ruled.join(2));
                let at = if by_time { ruled.answer_by(id) } else { noon() };
                let no = if by_time { ruled::expire(id) } else { commands::respond(id, false) };
                ruled.happen(&no, at).unwrap();
                let counts = decline_rule != Nothing;
                assert_eq!(ruled.offer(id).let_go.unwrap().counted, counts, "{what}");
                let events = ruled.happen(&answer(id, true), at).unwrap();
                let entry = ruled.entry(entry_id);
                assert_eq!((entry.strikes, entry.declined_here.len()), (0, 0), "{what}");
                assert_eq!(ruled.figures(), (100, 0), "{what}");
                if let Some(next) = next {
                    assert_eq!(entry.state, EntryState::Waiting, "{what}");
                    assert!(entry.priority_by_correction.is_some() && entry.key < key);
                    assert!(matches!(ruled.state(next), EntryState::Proposed(_)));
                } else {
                    assert_eq!((entry.state, entry.key), (EntryState::Accepted(id), key), "{what}");
                    let Event::OfferChanged { change, .. } = &events[0] else { panic!() };
                    assert_eq!(*change, OfferChange::Reinstated);
                    ruled.happen(&commands::start(id, TODAY), at).unwrap();
                }
                sound(&ruled.ledger).unwrap();
            }
        }
    }
}

#[test]
fn a_yes_that_was_a_no_is_a_no_now() {
    let rules = MeasureRules { decline_rule: DeclineRule::Strike, ..MeasureRules::default() };
    let mut ruled = ruled::Ruled::new(&rules, 1);
    let (entry_id, id) = ruled.offered(1);
    let next = ruled.join(2);
    for state in ["OFFERED", "ACCEPTED", "DECLINED"] {
        assert_eq!(ruled.offer(id).state.name(), state);
        let outcome = ruled.happen(&answer(id, false), noon());
        if state == "ACCEPTED" {
            let events = outcome.unwrap();
            assert_eq!(offers_of(&events).next().unwrap().entry_id, next);
            assert_eq!(ruled.entry(entry_id).strikes, 1);
        } else {
            let transition = "CORRECT_TO_DECLINED";
            let refused = Refusal::WrongState { what: "the offer", state, transition };
            assert_eq!(outcome, Err(refused));
            drop(ruled.happen(&commands::respond(id, true), noon()));
        }
    }
    sound(&ruled.ledger).unwrap();
}

/// Whoever holds or uses another place by now is not given a second one.
#[test]
fn a_yes_finds_the_person_elsewhere() {
    let mut one = one_place(Step::Offered);
    one.happen(commands::respond(one.offer_id, false), noon()).unwrap();
    add_group(&mut one.ledger, 1, &[]);
    let second = offers_of(&allocate(&mut one.ledger, 1)).next().unwrap().offer_id;
    assert_eq!(one.ledger.offer(second).unwrap().entry_id, one.entry_id);
    let refused = one.happen(answer(one.offer_id, true), noon()).unwrap_err();
    let (what, transition) = ("the entry", "CORRECT_TO_ACCEPTED");
    assert_eq!(refused, Refusal::WrongState { what, state: "PROPOSED", transition });
}

#[test]
fn the_right_persons_turn_is_the_wrong_ones() {
    for state in ["WAITING", "PAUSED", "PROPOSED", "OFFERED", "ACCEPTED"] {
        let (mut ledger, wrong, _) = at(state);
        let before = entry(&ledger, wrong).clone();
        let events = happen(&mut ledger, is_another(wrong), noon()).unwrap();
        let right = ledger.entries().find(|entry| entry.entry_id != wrong).unwrap().clone();
        assert_eq!((right.key, right.person_id), (before.key, commands::person(RIGHT)));
        let went_on_as = right.entry_id;
        let closed = entry(&ledger, wrong).closed.clone().unwrap();
        assert_eq!(closed.mistake, Some(Mistake::WrongPerson { went_on_as }));
        // What was held is proposed anew: nobody has asked this person yet.
        let held = before.state.offer().is_some();
        assert_eq!(offers_of(&events).count(), usize::from(held), "{state}");
        let expected = if held { "PROPOSED" } else { state };
        assert_eq!(right.state.name(), expected, "{state}");
        let refused = happen(&mut ledger, reinstate(wrong), noon()).unwrap_err();
        assert!(matches!(refused, Refusal::WrongState { state: "OF_ANOTHER_PERSON", .. }));
        sound(&ledger).unwrap();
    }
}

#[test]
fn dates_of_placements_move_the_accounts_with_them() {
    // (the end that was set, the right one, in use, the placement's state)
    let cases = [
        (days_on(5), days_on(9), 100, "ENDING"),
        (days_on(5), TODAY, 0, "ENDED"),
        (TODAY, days_on(9), 100, "ENDING"),
        (TODAY, days_on(-1), 0, "ENDED"),
    ];
    for (wrong, right, in_use, state) in cases {
        let mut one = one_place(Step::Accepted);
        let start = commands::start(one.offer_id, days_on(-3));
        let events = one.happen(start, noon()).unwrap();
        let [Event::PlacementStarted { placement: started }] = &events[..] else { panic!() };
        let id = started.placement_id;
        let refused = one.happen(ends(id, right), noon()).unwrap_err();
        assert!(matches!(refused, Refusal::WrongState { state: "RUNNING", .. }), "{refused:?}");
        one.happen(commands::end(id, wrong), noon()).unwrap();
        one.happen(ends(id, right), noon()).unwrap();
        let after = placement(&one.ledger, id);
        assert_eq!(after.state.name(), state, "{wrong} {right}");
        assert_eq!(after.state.end().unwrap().end_date, right);
        assert_eq!(one.figures(), (0, in_use), "{wrong} {right}");
        sound(&one.ledger).unwrap();
        let before_start = one.happen(ends(id, days_on(-4)), noon()).unwrap_err();
        assert!(matches!(before_start, Refusal::DateOutOfRange { .. }), "{before_start:?}");
        one.happen(began(id, days_on(-20)), noon()).unwrap();
        assert_eq!(placement(&one.ledger, id).start_date, days_on(-20));
        let late = [days_on(1), right.max(TODAY).saturating_add(Duration::days(1))];
        for date in late {
            let refused = one.happen(began(id, date), noon()).unwrap_err();
            assert!(matches!(refused, Refusal::DateOutOfRange { .. }), "{refused:?}");
        }
    }
}

#[test]
fn another_registered_time_is_another_turn() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    add_group(&mut ledger, 1, &[]);
    add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let second = add_entry(&mut ledger, commands::join(2, TRONDHEIM));
    let before = entry(&ledger, second).key;
    let tomorrow = hour(days_on(1), 12);
    let refused = happen(&mut ledger, registered(second, tomorrow), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::DateOutOfRange { .. }));
    let time = hour(days_on(-400), 12);
    let office = Actor { role: Role::Office, organisation: "5701".into(), ..actor("office") };
    let denied = happen_as(&mut ledger, &office, &registered(second, time), noon());
    assert_eq!(denied, Err(Refusal::PermissionDenied));
    happen(&mut ledger, registered(second, time), noon()).unwrap();
    let key = entry(&ledger, second).key;
    assert_eq!((key.registered_time, key.join_seq), (time, before.join_seq));
    let events = allocate(&mut ledger, 1);
    assert_eq!(served(&events)[0].0, second);
    sound(&ledger).unwrap();
}

/// What is read for a correction is all it looks at: the placements of its entry among it.
#[test]
fn a_correction_needs_what_it_looks_at() {
    let (entry_id, offer_id) = (EntryId(Uuid::from_u128(1)), OfferId(Uuid::from_u128(2)));
    let placement_id = PlacementId(Uuid::from_u128(3));
    for command in [reinstate(entry_id), answer(offer_id, true), goes_on(placement_id)] {
        let mut needs = Needs::default();
        needs.add(&command);
        let named = needs.entries.len() + needs.offers.len() + needs.placements.len();
        assert!(named == 1 && needs.past_placements && needs.heads, "{needs:?}");
    }
}
