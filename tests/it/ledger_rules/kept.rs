//! What is kept for whoever reserves fractions, from whom and how long, and what is told of it.

use tiltaksplass::domain::{
    allocation::{PassedOverReason, RunEnd, RunRules},
    command::{ReceiveEntry, TransferEntry},
    event::Header,
    explanation::{Language, Outcome as Decided, Row, SaidNos, explain, paragraphs},
    vacancy::{Block, outlook},
    waitlist::EntryState,
};

use super::{
    reserving::{Stream, counted, proposed, report, reserving_after},
    ruled::place,
    *,
};

/// One who reserves: a half is kept, and halves wait behind.
fn reserving(groups: u32) -> Stream {
    let mut stream = Stream::new(&reserving_after(1), groups);
    while !stream.passes().1 {
        stream.round(0);
    }
    stream
}

#[test]
fn whoever_stands_ahead_is_served_as_ever() {
    let mut stream = reserving(1);
    stream.free_in(stream.groups[0]);
    let half = stream.half();
    assert_eq!(proposed(&stream.run()), []);
    let mut ahead = commands::join_part(91, TRONDHEIM, 50);
    ahead.priority_class = Some("YOUNG".parse().unwrap());
    stream.ruled.now(&Command::JoinWaitlist(ahead));
    let events = stream.run();
    let served = proposed(&events)[0].1;
    assert!(served != half && served != stream.whole);
    assert!(stream.ruled.entry(served).key < stream.ruled.entry(stream.whole).key);
    assert_eq!(counted(&events), []);
}

/// Where there is more than what is kept, others are served past it; who would have needed
/// what is kept is told so.
#[test]
fn only_what_is_kept_is_kept() {
    let mut stream = reserving(2);
    let [first, second] = stream.groups[..] else { panic!() };
    for group in [first, second] {
        stream.free_in(group);
    }
    let kept_out = stream.join(50, &[first]);
    let served = stream.join(50, &[second]);
    let events = stream.run();
    // Both halves of the quota are kept, as is one group's: nobody behind has room.
    assert_eq!((proposed(&events), report(&events).end), (vec![], RunEnd::ReservedForAnother));
    let quota = commands::quota(TRONDHEIM, from(3, TODAY));
    stream.ruled.now(&commands::quotas(vec![quota]));
    let events = stream.run();
    assert_eq!(proposed(&events).iter().map(|(_, id)| *id).collect::<Vec<_>>(), [served]);
    let expected = [
        (stream.whole, PassedOverReason::ParticipationDoesNotFit),
        (kept_out, PassedOverReason::ReservedForAnother),
    ];
    assert_eq!(report(&events).passed_over, expected);
}

/// What is kept does not depend on which groups a run may give from.
#[test]
fn a_run_over_another_group_keeps_the_same() {
    let mut stream = reserving(2);
    let [first, second] = stream.groups[..] else { panic!() };
    let mut wants_first = commands::update(stream.whole);
    wants_first.preferred_place_groups = Some(vec![first]);
    stream.ruled.now(&Command::UpdateEntry(wants_first));
    assert!(stream.passes().1);
    for group in [first, second] {
        stream.free_in(group);
    }
    stream.half();
    // A quota of two with one place in use: all of the other is kept.
    let events = stream.ruled.now(&commands::allocate(9, &[second]));
    assert_eq!((proposed(&events), report(&events).end), (vec![], RunEnd::ReservedForAnother));
    let quota = commands::quota(TRONDHEIM, from(3, TODAY));
    stream.ruled.now(&commands::quotas(vec![quota]));
    let events = stream.ruled.now(&commands::allocate(9, &[second]));
    assert_eq!((proposed(&events).len(), stream.free(&AccountKey::PlaceGroup(first))), (1, 50));
}

/// Nothing is kept for who waits for a group in which nothing is free: no other's place stands
/// empty for one that is not there at all.
#[test]
fn nothing_is_kept_where_it_is_not_fractions_that_are_missing() {
    let mut stream = reserving(2);
    let [first, second] = stream.groups[..] else { panic!() };
    let mut wants_first = commands::update(stream.whole);
    wants_first.preferred_place_groups = Some(vec![first]);
    stream.ruled.now(&Command::UpdateEntry(wants_first));
    for _ in 0..2 {
        stream.free_in(second);
    }
    let halves = [stream.half(), stream.half()];
    let events = stream.run();
    assert_eq!(proposed(&events).iter().map(|(_, id)| *id).collect::<Vec<_>>(), halves);
    assert_eq!(report(&events).passed_over, [(stream.whole, PassedOverReason::NoAcceptablePlace)]);
}

/// The place that a named person gives out of turn is not given by the order.
#[test]
fn a_named_person_may_give_what_is_kept() {
    let mut stream = reserving(1);
    let group = stream.groups[0];
    stream.free_in(group);
    let half = stream.half();
    assert_eq!(proposed(&stream.run()), []);
    let events = stream.ruled.now(&place(half, group));
    assert_eq!((proposed(&events).len(), stream.passes()), (1, (2, true)));
}

// ---- When it ends ----

#[test]
fn it_ends_when_the_share_changes_and_with_the_wait() {
    let stream = reserving(1);
    let id = stream.whole;
    let update = |stream: &mut Stream, percent| {
        let mut update = commands::update(id);
        update.participation_percent = Some(percent);
        stream.ruled.now(&Command::UpdateEntry(update));
    };
    let mut same = stream.clone();
    update(&mut same, 100);
    assert_eq!(same.passes(), (2, true));
    let mut other = stream.clone();
    update(&mut other, 60);
    assert_eq!(other.passes(), (0, false));
    let mut left = stream.clone();
    left.ruled.now(&commands::leave(id));
    assert_eq!(left.passes(), (0, false));
    // Moved within the area, the person waits on in the same order.
    let mut moved = stream.clone();
    let transfer = |to_ledger| {
        Command::TransferEntry(TransferEntry {
            entry_id: id,
            municipality_number: municipality(HEMNE),
            following_office_number: "5702".parse().unwrap(),
            to_ledger,
            reason: None,
            case_reference: None,
        })
    };
    moved.ruled.now(&transfer(None));
    assert_eq!(moved.passes(), (2, true));
    // What comes in from elsewhere was not passed over here.
    let mut received = stream.clone();
    received.ruled.now(&commands::leave(id));
    let entry = Entry { state: EntryState::Waiting, ..stream.ruled.entry(id).clone() };
    received.ruled.now(&Command::ReceiveEntry(ReceiveEntry {
        from_ledger: LedgerId { county_id: "NO-17".parse().unwrap(), ..ledger_id("VTA") },
        entry: Box::new(entry),
        municipality_number: municipality(TRONDHEIM),
        following_office_number: "5701".parse().unwrap(),
    }));
    assert_eq!((received.ruled.state(id), received.passes()), (EntryState::Waiting, (0, false)));
}

#[test]
fn a_pause_keeps_nothing_and_goes_on_where_it_was() {
    let mut stream = reserving(1);
    let id = stream.whole;
    stream.ruled.now(&commands::pause(id, None));
    assert_eq!(stream.passes(), (2, true));
    stream.free_in(stream.groups[0]);
    let half = stream.half();
    assert_eq!(proposed(&stream.begin_all())[0].1, half);
    stream.ruled.now(&commands::resume(id));
    let events = stream.round(0);
    assert_eq!((proposed(&events), stream.passes()), (Vec::new(), (2, true)));
}

/// A version of the measure type without the rule keeps nothing any more.
#[test]
fn without_the_rule_nothing_is_kept() {
    let mut stream = reserving(1);
    stream.free_in(stream.groups[0]);
    stream.half();
    let mut without = stream.clone();
    without.ruled.registry = REGISTRY.clone();
    assert_eq!(proposed(&stream.run()), []);
    assert_eq!(proposed(&without.run()).len(), 1);
}

// ---- What is told of it ----

#[test]
fn vacancies_tell_what_is_kept() {
    let mut stream = reserving(1);
    let group = AccountKey::PlaceGroup(stream.groups[0]);
    stream.free_in(stream.groups[0]);
    stream.half();
    let rules = RunRules { reserve_after_passes: Some(1), ..RunRules::default() };
    let told = |stream: &Stream, rules| {
        let found = outlook(&stream.ruled.ledger, true, rules).unwrap();
        assert!(found.is_settled());
        [found.of(&group), found.of(&quota_of(TRONDHEIM))]
    };
    assert_eq!(told(&stream, rules), [(0, Block::ReservedForAnother); 2]);
    assert_eq!(told(&stream, RunRules::default()), [(50, Block::None); 2]);
    // Part of what is free is kept, and of the rest there is no room elsewhere.
    add_group(&mut stream.ruled.ledger, 1, &[]);
    let found = outlook(&stream.ruled.ledger, true, rules).unwrap();
    assert_eq!(found.of(&quota_of(TRONDHEIM)), (0, Block::ReservedForAnother));
}

#[test]
fn whoever_is_kept_out_is_told_why() {
    let mut stream = reserving(1);
    stream.free_in(stream.groups[0]);
    let half = stream.half();
    let before = stream.ruled.ledger.clone();
    let command = commands::allocate(9, &[]);
    let events = stream.ruled.now(&command);
    let header = Header {
        ledger: before.id().clone(),
        seq: stream.ruled.ledger.head().seq,
        request_id: samples::request_id(),
        kind: command.kind().to_owned(),
        at: stream.ruled.ledger.head().at,
        rules_version: RULES_VERSION,
        registry_version: 1,
        actor: actor("county"),
        on_behalf_of: BTreeSet::new(),
    };
    let registry = &stream.ruled.registry;
    let row = Row { header: &header, command: &command, events: &events, registry };
    let told = explain(&before, &row, stream.ruled.entry(half), &SaidNos::default()).unwrap();
    assert_eq!(
        (told.outcome, told.run_end),
        (Decided::NotReached(None), RunEnd::ReservedForAnother)
    );
    let words = paragraphs(&told, Language::ALL[0]).join(" ");
    assert!(words.contains("var holdt av til noen foran deg i køen"), "{words}");
    let whole = stream.ruled.entry(stream.whole);
    let told = explain(&before, &row, whole, &SaidNos::default()).unwrap();
    let reason = PassedOverReason::ParticipationDoesNotFit;
    assert_eq!(told.outcome, Decided::NotReached(Some(reason)));
}
