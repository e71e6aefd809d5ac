//! Nobody new comes into a group that is closed, and nobody there is put out.

use tiltaksplass::domain::{
    allocation::RunRules,
    vacancy::{Block, outlook},
};

use super::*;

fn days(from: Date, until: Option<Date>) -> Days {
    Days { from, until }
}

#[test]
fn a_closed_group_takes_nobody_in() {
    let mut placed = Placed::new(100);
    let (id, group) = (placed.id, placed.group);
    let elsewhere = add_group(&mut placed.ledger, 1, &[]);
    let waiting = add_entry(&mut placed.ledger, commands::join(2, HEMNE));
    let run = |ledger: &mut Ledger, at: Timestamp| {
        let command = commands::allocate(1, &[group]);
        let events = happen(&mut ledger.clone(), command, at).unwrap();
        let Event::RunMade { report } = &events[0] else { panic!("{events:?}") };
        (report.end, served(&events))
    };
    let open = (RunEnd::AllProposed, vec![(waiting, group)]);
    assert_eq!(run(&mut placed.ledger, noon()), open);
    let events = placed.happen(close(group, days_on(2), Some(days_on(5)))).unwrap();
    let [Event::ClosureReported { place_group, days }] = &events[..] else { panic!("{events:?}") };
    let [closure] = &place_group.closures[..] else { panic!() };
    assert_eq!(
        (closure.reported_by.contains("county"), days),
        (true, &vec![days_on(2), days_on(5)])
    );
    // A day begins when it closes, and when it opens.
    let begin_days: Vec<Due> = rows(&placed.ledger)
        .due
        .into_iter()
        .filter(|(due, stands)| *stands && due.kind == DueKind::BeginDay)
        .map(|(due, _)| due)
        .collect();
    assert_eq!(begin_days, [Due::day(days_on(2)), Due::day(days_on(5))]);
    let closed = (RunEnd::NoFreePlace, Vec::new());
    for (at, expected) in [
        (just_before(hour(days_on(2), 0)), &open),
        (hour(days_on(2), 0), &closed),
        (just_before(hour(days_on(5), 0)), &closed),
        (hour(days_on(5), 0), &open),
    ] {
        assert_eq!(run(&mut placed.ledger, at), *expected, "{at}");
    }
    // Who is there stays, and may leave, take more, and go elsewhere.
    let then = hour(days_on(3), 12);
    happen(&mut placed.ledger, share(id, 50, days_on(3)), then).unwrap();
    happen(&mut placed.ledger, share(id, 100, days_on(3)), then).unwrap();
    happen(&mut placed.ledger, move_to(id, elsewhere), then).unwrap();
    let refused = happen(&mut placed.ledger, move_to(id, group), then).unwrap_err();
    assert_eq!(refused, wrong_state("the place group", "CLOSED", "MOVE"));
}

#[test]
fn an_offer_stands_while_its_group_is_closed_and_is_not_passed_on_there() {
    let mut one = one_place(crate::ledger_rules::Step::Offered);
    let next = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
    let group = one.group;
    one.happen(close(group, TODAY, None), noon()).unwrap();
    assert_eq!(one.offer_state().name(), "OFFERED");
    let events = one.happen(commands::respond(one.offer_id, false), noon()).unwrap();
    assert_eq!(served(&events), []);
    assert_eq!(entry(&one.ledger, next).state, EntryState::Waiting);
    assert_eq!(one.figures(), (0, 0));
    let mut one = one_place(crate::ledger_rules::Step::Accepted);
    let group = one.group;
    one.happen(close(group, TODAY, None), noon()).unwrap();
    one.happen(commands::start(one.offer_id, TODAY), noon()).unwrap();
    assert_eq!(one.figures(), (0, 100));
}

#[test]
fn closures_of_one_group_lie_apart() {
    let mut placed = Placed::new(100);
    let group = placed.group;
    placed.does(close(group, days_on(10), Some(days_on(20))));
    for (from, until) in [(10, Some(20)), (19, None), (0, Some(11)), (5, None), (12, Some(13))] {
        let (from, until) = (days_on(from), until.map(days_on));
        let refused = placed.refused(close(group, from, until));
        let (asked, other) = (days(from, until), days(days_on(10), Some(days_on(20))));
        assert_eq!(refused, Refusal::ClosuresOverlap { asked, other });
    }
    let other = days(days_on(10), Some(days_on(20)));
    assert_eq!(
        Refusal::ClosuresOverlap { asked: days(TODAY, None), other }.to_string(),
        "the group would be closed from 2011-03-01 on, and it is closed from 2011-03-11 until \
         2011-03-21 already"
    );
    placed.does(close(group, days_on(0), Some(days_on(10))));
    placed.does(close(group, days_on(20), None));
    // Another group has its own.
    let another = add_group(&mut placed.ledger, 1, &[]);
    placed.does(close(another, days_on(12), None));
}

#[test]
fn a_closure_is_reported_a_year_back_to_two_years_ahead() {
    let mut placed = Placed::new(100);
    let group = placed.group;
    for (from, until, field) in [
        (-367, None, "from_date"),
        (733, None, "from_date"),
        (3, Some(3), "until_date"),
        (3, Some(2), "until_date"),
    ] {
        let refused = placed.refused(close(group, days_on(from), until.map(days_on)));
        assert_eq!(out_of_range(&refused), field);
    }
    placed.does(close(group, days_on(-366), Some(days_on(-365))));
    placed.does(close(group, days_on(732), None));
}

#[test]
fn a_group_has_so_many_closures_at_most() {
    let mut placed = Placed::new(100);
    let group = placed.group;
    let mut full = placed.ledger.place_group(group).unwrap().clone();
    let closure = |n: i64| Closure {
        from_date: days_on(-9_000 + n),
        until_date: Some(days_on(-8_999 + n)),
        reason: None,
        reported_by: String::new(),
    };
    full.closures = (0..1_000).map(closure).collect();
    placed.ledger.load_place_group(full);
    let what = Limited::Closures;
    let expected = Refusal::LimitReached { what, would_be: 1_001, most: 1_000 };
    assert_eq!(placed.refused(close(group, TODAY, None)), expected);
}

#[test]
fn a_closed_groups_places_are_told_of_as_closed_and_are_no_places_for_a_quota() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3)]);
    let (open, closed) = (add_group(&mut ledger, 1, &[]), add_group(&mut ledger, 1, &[]));
    for person in 1..=3 {
        add_entry(&mut ledger, commands::join(person, TRONDHEIM));
    }
    happen(&mut ledger, close(closed, TODAY, None), noon()).unwrap();
    let found = outlook(&ledger, true, RunRules::default()).unwrap();
    let of_group = |group| found.of(&AccountKey::PlaceGroup(group));
    assert_eq!((of_group(open), of_group(closed)), ((100, Block::None), (0, Block::Closed)));
    assert_eq!(found.of(&quota_of(TRONDHEIM)), (100, Block::NoPlace));
    // Whoever else waits, nothing is left to give.
    assert!(outlook(&ledger, false, RunRules::default()).unwrap().is_settled());
}
