//! The life of an entry: which move is allowed where, what it changes, and what it leaves alone.

use tiltaksplass::domain::{
    event::EntryChange,
    ledger::{Due, rows},
    waitlist::{EntryState, OrderKey},
};

use super::*;

/// Every state an entry can be in, in the order of the table below.
const STATES: [&str; 8] =
    ["WAITING", "PAUSED", "COOLING_DOWN", "PROPOSED", "OFFERED", "ACCEPTED", "PLACED", "CLOSED"];

/// Each move, its name in a refusal, and where it leads from each state; `-` where it is
/// refused.
const MOVES: [(&str, &str, [&str; 8]); 9] = {
    const W: &str = "WAITING";
    const P: &str = "PAUSED";
    const D: &str = "COOLING_DOWN";
    const C: &str = "CLOSED";
    const PR: &str = "PROPOSED";
    const O: &str = "OFFERED";
    const A: &str = "ACCEPTED";
    const PL: &str = "PLACED";
    [
        ("UpdateWaitlistEntry of wishes", "UPDATE_ENTRY", [W, P, D, "-", "-", "-", "-", "-"]),
        ("UpdateWaitlistEntry", "UPDATE_ENTRY", [W, P, D, PR, O, A, PL, "-"]),
        ("PauseEntry", "PAUSE", [P, P, P, P, P, P, "-", "-"]),
        ("ResumeEntry", "RESUME", ["-", W, W, "-", "-", "-", "-", "-"]),
        ("ConfirmEntry", "CONFIRM", [W, P, D, PR, O, A, "-", "-"]),
        ("PrioritizeEntry", "PRIORITIZE", [W, P, D, "-", "-", "-", "-", "-"]),
        ("LeaveWaitlist", "LEAVE", [C, C, C, C, C, C, "-", "-"]),
        ("ChangeIdentityNumber", "", [W, P, D, PR, O, A, PL, C]),
        ("by time", "", [W, W, W, PR, O, A, PL, C]),
    ]
};

fn command(name: &str, entry_id: EntryId) -> Command {
    match name {
        "UpdateWaitlistEntry of wishes" => Command::UpdateEntry(UpdateEntry {
            participation_percent: Some(50),
            ..commands::update(entry_id)
        }),
        "UpdateWaitlistEntry" => Command::UpdateEntry(UpdateEntry {
            following_office_number: Some("5702".parse().unwrap()),
            wants_by: Some(Some(days_on(60))),
            programme: Some(Some("KVP".to_owned())),
            ..commands::update(entry_id)
        }),
        "PauseEntry" => commands::pause(entry_id, Some(days_on(9))),
        "ResumeEntry" => commands::resume(entry_id),
        "ConfirmEntry" => commands::still_wanted(entry_id),
        "PrioritizeEntry" => commands::prioritize(entry_id, 10),
        "LeaveWaitlist" => commands::leave(entry_id),
        "ChangeIdentityNumber" => commands::another_number(entry_id),
        "by time" => Command::WakeEntry { entry_id },
        _ => panic!("{name}"),
    }
}

fn set_state(ledger: &mut Ledger, entry_id: EntryId, state: EntryState) {
    let entry = Entry { state, ..entry(ledger, entry_id).clone() };
    apply(ledger, &Event::EntryChanged { entry, change: EntryChange::CooledDown });
}

/// A ledger with one place and one entry in this state.
fn at(state: &str) -> (Ledger, EntryId) {
    let one = match state {
        "PROPOSED" => one_place(Step::Proposed),
        "OFFERED" => one_place(Step::Offered),
        "ACCEPTED" => one_place(Step::Accepted),
        "PLACED" => OnePlace::started(Step::Accepted).0,
        _ => {
            let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
            add_group(&mut ledger, 1, &[]);
            let entry_id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
            let cooling = EntryState::CoolingDown { until: hour(days_on(5), 12) };
            match state {
                "WAITING" => {}
                "PAUSED" => set_state(&mut ledger, entry_id, PAUSED),
                "COOLING_DOWN" => set_state(&mut ledger, entry_id, cooling),
                "CLOSED" => drop(happen(&mut ledger, commands::leave(entry_id), noon()).unwrap()),
                _ => panic!("{state}"),
            }
            return (ledger, entry_id);
        }
    };
    (one.ledger, one.entry_id)
}

const PAUSED: EntryState = EntryState::Paused { until: Some(date!(2011 - 03 - 06)) };

#[test]
fn every_move_from_every_state() {
    for (name, transition, to) in MOVES {
        for (state, to) in STATES.into_iter().zip(to) {
            let (mut ledger, entry_id) = at(state);
            assert_eq!(entry(&ledger, entry_id).state.name(), state);
            let before = ledger.clone();
            let when = if name == "by time" { hour(days_on(30), 0) } else { noon() };
            let outcome = happen(&mut ledger, command(name, entry_id), when);
            if to == "-" {
                let refused = Refusal::WrongState { what: "the entry", state, transition };
                assert_eq!(outcome, Err(refused), "{name} of {state}");
                assert_eq!(ledger, before);
            } else {
                outcome.unwrap();
                assert_eq!(entry(&ledger, entry_id).state.name(), to, "{name} of {state}");
                invariants::accounts_add_up(&ledger).unwrap();
                invariants::queues_hold_the_eligible(&ledger).unwrap();
            }
        }
    }
    for (name, ..) in MOVES.iter().filter(|(name, ..)| *name != "by time") {
        let nobody = EntryId(Uuid::from_u128(7));
        let missing = Refusal::NotFound { what: "entry", id: nobody.to_string() };
        assert_eq!(happen(&mut vta(), command(name, nobody), noon()), Err(missing), "{name}");
    }
}

/// The drawing in `ARCHITECTURE.md` has an arrow for each move of the table that leads
/// elsewhere, and no other of these moves.
#[test]
fn the_drawing_shows_these_moves() {
    let text = include_str!("../../../ARCHITECTURE.md");
    let (_, section) = text.split_once("## State machines").unwrap();
    let (_, drawing) = section.split_once("### An entry").unwrap();
    let (_, drawing) = drawing.split_once("```mermaid").unwrap();
    let (drawing, _) = drawing.split_once("```").unwrap();
    let name_of = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
    let moves: BTreeSet<String> = MOVES.iter().map(|(name, ..)| name_of(name)).collect();
    let arrow = |line: &str| {
        let (states, by) = line.trim().split_once(": ")?;
        let (from, to) = states.split_once(" --> ")?;
        Some((from.to_owned(), to.to_owned(), by.to_owned()))
    };
    let drawn: BTreeSet<_> = drawing
        .lines()
        .filter_map(arrow)
        .filter(|(_, _, by)| moves.contains(&name_of(by)))
        .collect();
    let mut expected = BTreeSet::new();
    for (name, _, to) in MOVES {
        let arrows = STATES.into_iter().zip(to).filter(|(from, to)| *to != "-" && from != to);
        expected.extend(arrows.map(|(from, to)| (from.to_owned(), to.to_owned(), name.to_owned())));
    }
    assert_eq!(drawn, expected);
}

#[test]
fn a_pause_keeps_the_turn() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3)]);
    let [first, second] = [1, 2].map(|n| add_entry(&mut ledger, commands::join(n, TRONDHEIM)));
    let key = entry(&ledger, first).key;
    happen(&mut ledger, commands::pause(first, None), noon()).unwrap();
    assert_eq!(due(&ledger), []);
    add_group(&mut ledger, 1, &[]);
    assert_eq!(served(&allocate(&mut ledger, 5)).len(), 1);
    assert_eq!(entry(&ledger, second).state.name(), "PROPOSED");
    // Nobody wakes a pause that has no end.
    let wake = Command::WakeEntry { entry_id: first };
    assert_eq!(happen(&mut ledger, wake, hour(days_on(1), 0)).unwrap(), [Event::NothingToDo]);
    let third = add_entry(&mut ledger, commands::join(3, TRONDHEIM));
    add_group(&mut ledger, 1, &[]);
    happen(&mut ledger, commands::resume(first), noon()).unwrap();
    assert_eq!(entry(&ledger, first).key, key);
    assert_eq!(served(&allocate(&mut ledger, 1))[0].0, first);
    assert_eq!(entry(&ledger, third).state, EntryState::Waiting);
}

fn due(ledger: &Ledger) -> Vec<Due> {
    let wakes = |due: &Due| matches!(due.command(), Command::WakeEntry { .. });
    let due = rows(ledger).due.into_iter().filter(|(_, stands)| *stands);
    due.map(|(due, _)| due).filter(wakes).collect()
}

#[test]
fn a_pause_gives_back_what_is_held_and_the_next_gets_it_in_the_same_row() {
    for step in [Step::Proposed, Step::Offered, Step::Accepted] {
        let mut one = one_place(step);
        let next = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
        let (entry_id, offer_id) = (one.entry_id, one.offer_id);
        let until = Some(days_on(1));
        let events = one.happen(commands::pause(entry_id, until), noon()).unwrap();
        let [
            Event::OfferWithdrawn { offer_id: withdrawn },
            Event::EntryChanged { change: EntryChange::Paused { reason: None }, .. },
            Event::RunMade { .. },
            Event::Proposed { offer },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!((*withdrawn, offer.entry_id, offer.place_group_id), (offer_id, next, one.group));
        assert_eq!(one.offer_state().name(), "WITHDRAWN");
        assert_eq!(one.figures(), (100, 0));
        assert_eq!(entry(&one.ledger, entry_id).state, EntryState::Paused { until });
        invariants::accounts_add_up(&one.ledger).unwrap();
        // What was withdrawn was no no.
        assert!(entry(&one.ledger, entry_id).declined_here.is_empty());
    }
}

#[test]
fn a_pause_ends_when_its_day_begins_and_not_before() {
    let (mut ledger, entry_id) = at("WAITING");
    for (days, ok) in [(0, false), (-1, false), (1, true), (732, true), (733, false)] {
        let pause = commands::pause(entry_id, Some(days_on(days)));
        let outcome = happen(&mut ledger.clone(), pause, noon());
        let is_refused =
            matches!(outcome, Err(Refusal::DateOutOfRange { field: "until_date", .. }));
        assert_eq!((outcome.is_ok(), is_refused), (ok, !ok), "{days}");
    }
    happen(&mut ledger, commands::pause(entry_id, Some(days_on(9))), noon()).unwrap();
    let again = happen(&mut ledger, commands::pause(entry_id, Some(days_on(9))), noon());
    assert_eq!(again.unwrap(), [Event::NothingToDo]);
    // Another end: the first is nothing that is waited for any more.
    happen(&mut ledger, commands::pause(entry_id, Some(days_on(4))), noon()).unwrap();
    let ends = hour(days_on(4), 0);
    assert_eq!(due(&ledger), [Due::wake(entry_id, ends)]);
    let wake = || Command::WakeEntry { entry_id };
    let early = happen(&mut ledger, wake(), just_before(ends)).unwrap();
    assert_eq!(early, [Event::NothingToDo]);
    let events = happen(&mut ledger, wake(), ends).unwrap();
    assert!(
        matches!(&events[..], [Event::EntryChanged { change: EntryChange::Woken, .. }]),
        "{events:?}"
    );
    assert_eq!(entry(&ledger, entry_id).state, EntryState::Waiting);
    assert_eq!(due(&ledger), []);
    let late = happen(&mut ledger, wake(), hour(days_on(9), 0)).unwrap();
    assert_eq!(late, [Event::NothingToDo]);
}

#[test]
fn whoever_cools_down_is_eligible_again_at_the_very_instant() {
    let (mut ledger, entry_id) = at("COOLING_DOWN");
    let until = hour(days_on(5), 12);
    assert_eq!(due(&ledger), [Due::wake(entry_id, until)]);
    assert_eq!(served(&allocate(&mut ledger, 1)), []);
    let wake = || Command::WakeEntry { entry_id };
    let early = happen(&mut ledger, wake(), just_before(until)).unwrap();
    assert_eq!(early, [Event::NothingToDo]);
    happen(&mut ledger, wake(), until).unwrap();
    assert_eq!(served(&allocate(&mut ledger, 1)).len(), 1);
}

#[test]
fn another_class_or_a_hand_moves_an_entry_and_nothing_else() {
    let (mut ledger, entry_id) = at("WAITING");
    let joined = entry(&ledger, entry_id).key;
    let with_bonus =
        |days: u32| OrderKey { order_time: joined.registered_time.minus_days(days), ..joined };
    let class = |code: Option<&str>| {
        Command::UpdateEntry(UpdateEntry {
            priority_class: Some(code.map(|code| code.parse().unwrap())),
            ..commands::update(entry_id)
        })
    };
    let prioritize = commands::prioritize(entry_id, 100);
    let nothing = [Event::NothingToDo];
    for (command, days, changes) in [
        (class(None), 0, false),
        (class(Some("YOUNG")), BONUS_DAYS, true),
        (class(Some("YOUNG")), BONUS_DAYS, false),
        (prioritize.clone(), 100, true),
        // The same class again leaves what a hand has moved where it is.
        (class(Some("YOUNG")), 100, false),
        (commands::still_wanted(entry_id), 100, true),
        (commands::pause(entry_id, None), 100, true),
        (class(None), 0, true),
        (prioritize, 100, true),
        (commands::resume(entry_id), 100, true),
        (commands::prioritize(entry_id, 0), 0, true),
    ] {
        let events = happen(&mut ledger, command.clone(), noon()).unwrap();
        assert_eq!(entry(&ledger, entry_id).key, with_bonus(days), "{command:?}");
        assert_eq!(events != nothing, changes, "{command:?}");
        invariants::queues_hold_the_eligible(&ledger).unwrap();
    }
    let refused = happen(&mut ledger, class(Some("OLD")), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::RegistryMismatch { field: "priority_class", .. }));
}

#[test]
fn whoever_is_moved_ahead_is_served_first() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3)]);
    let [first, second] = [1, 2].map(|n| add_entry(&mut ledger, commands::join(n, TRONDHEIM)));
    happen(&mut ledger, commands::prioritize(second, 1), noon()).unwrap();
    add_group(&mut ledger, 1, &[]);
    assert_eq!(served(&allocate(&mut ledger, 1))[0].0, second);
    assert_eq!(entry(&ledger, first).state, EntryState::Waiting);
}

#[test]
fn other_preferences_ask_again_and_a_group_named_anew_is_wanted_after_all() {
    let (mut ledger, entry_id) = at("WAITING");
    let groups: [PlaceGroupId; 3] = [1, 2, 3].map(|n| add_group(&mut ledger, n, &[]));
    let [a, b, c] = groups;
    let marked = Entry {
        preferred_place_groups: vec![a],
        declined_here: [a, b, c].into(),
        objected_here: [(a, noon()), (b, noon())].into(),
        ..entry(&ledger, entry_id).clone()
    };
    let change = EntryChange::Updated;
    apply(&mut ledger, &Event::EntryChanged { entry: marked.clone(), change });
    let mut prefer = |groups: &[PlaceGroupId]| {
        let update = UpdateEntry {
            preferred_place_groups: Some(groups.to_vec()),
            ..commands::update(entry_id)
        };
        let events = happen(&mut ledger, Command::UpdateEntry(update), noon()).unwrap();
        (events, entry(&ledger, entry_id).clone())
    };
    // The same again is no change.
    assert_eq!(prefer(&[a]), (vec![Event::NothingToDo], marked.clone()));
    let (_, changed) = prefer(&[b, a]);
    assert_eq!(changed.declined_here, BTreeSet::from([a, c]));
    assert!(changed.objected_here.is_empty());
    let (_, changed) = prefer(&[]);
    assert_eq!(changed.declined_here, BTreeSet::from([a, c]));
    assert_eq!(changed.key, marked.key);
    let unknown = PlaceGroupId(Uuid::from_u128(5));
    let update =
        UpdateEntry { preferred_place_groups: Some(vec![unknown]), ..commands::update(entry_id) };
    let refused = happen(&mut ledger, Command::UpdateEntry(update), noon()).unwrap_err();
    assert_eq!(refused, Refusal::NotFound { what: "place group", id: unknown.to_string() });
}

#[test]
fn an_update_keeps_to_the_rules_of_a_join() {
    let mut ledger = avklaring();
    let entry_id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let part = UpdateEntry { participation_percent: Some(50), ..commands::update(entry_id) };
    let refused = happen(&mut ledger, Command::UpdateEntry(part), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::MeasureTypeRule(_)), "{refused:?}");
    let office = UpdateEntry {
        following_office_number: Some("9999".parse().unwrap()),
        ..commands::update(entry_id)
    };
    let refused = happen(&mut ledger, Command::UpdateEntry(office), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::RegistryMismatch { field: "following_office_number", .. }));
    // A date that is set to nothing is changed; one that is left out is not.
    for (wants_by, expected) in
        [(Some(Some(TODAY)), Some(TODAY)), (None, Some(TODAY)), (Some(None), None)]
    {
        let update = UpdateEntry { wants_by, ..commands::update(entry_id) };
        happen(&mut ledger, Command::UpdateEntry(update), noon()).unwrap();
        assert_eq!(entry(&ledger, entry_id).wants_by, expected);
    }
}

#[test]
fn a_confirmation_says_when_and_moves_nobody() {
    let (mut ledger, entry_id) = at("WAITING");
    let before = entry(&ledger, entry_id).clone();
    happen(&mut ledger, commands::still_wanted(entry_id), hour(days_on(3), 8)).unwrap();
    let confirmed_time = Some(hour(days_on(3), 8));
    assert_eq!(*entry(&ledger, entry_id), Entry { confirmed_time, ..before });
}

/// `null` sets to nothing, and what is not there is left as it is: a log keeps them apart.
#[test]
fn an_update_in_the_log_keeps_nothing_apart_from_left_out() {
    let entry_id = EntryId(Uuid::from_u128(7));
    for wants_by in [None, Some(None), Some(Some(TODAY))] {
        let update = UpdateEntry { wants_by, ..commands::update(entry_id) };
        let command = Command::UpdateEntry(update);
        let text = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command, "{text}");
    }
}
