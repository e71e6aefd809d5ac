//! Any sequence of these moves among all others, under a moving clock: each account holds what
//! is held and nothing else, and no move takes it over its limit.

use proptest::{prelude::*, test_runner::TestCaseError};

use super::{
    super::{
        invariants::Step as Checked,
        sequences::{LENGTH, Op, World, either_ledger, op, runner},
    },
    *,
};

/// A move of some placement, or a closure of some group.
#[derive(Debug, Clone)]
enum Change {
    Share { percent: u32, days_back: i64 },
    PlannedEnd { days: Option<i64> },
    Leave { days_back: i64, days: i64 },
    Return,
    Move { group: u16 },
    Reassign { municipality: usize },
    Close { group: u16, from: i64, days: Option<i64> },
}

#[derive(Debug, Clone)]
enum Any {
    Other(Op),
    Change { pick: u16, change: Change },
}

fn change_of_any() -> impl Strategy<Value = Change> {
    let percent = prop_oneof![2 => Just(100_u32), 2 => Just(50), 3 => 1..101_u32];
    prop_oneof![
        6 => (percent, -1..30_i64)
            .prop_map(|(percent, days_back)| Change::Share { percent, days_back }),
        1 => proptest::option::of(-10..4_000_i64).prop_map(|days| Change::PlannedEnd { days }),
        3 => (-1..10_i64, -5..30_i64)
            .prop_map(|(days_back, days)| Change::Leave { days_back, days }),
        2 => Just(Change::Return),
        6 => any::<u16>().prop_map(|group| Change::Move { group }),
        6 => (0..4_usize).prop_map(|municipality| Change::Reassign { municipality }),
        1 => (any::<u16>(), -10..30_i64, proptest::option::weighted(0.9, 0..10_i64))
            .prop_map(|(group, from, days)| Change::Close { group, from, days }),
    ]
}

fn any_op() -> impl Strategy<Value = Any> {
    let change = (any::<u16>(), change_of_any());
    prop_oneof![
        2 => op().prop_map(Any::Other),
        1 => change.prop_map(|(pick, change)| Any::Change { pick, change }),
    ]
}

fn choose<T: Copy>(some: &[T], pick: u16) -> Option<T> {
    if some.is_empty() { None } else { Some(some[usize::from(pick) % some.len()]) }
}

/// What a change means here: mostly of a placement under way.
fn command_of(world: &World, pick: u16, change: &Change) -> Option<Command> {
    let ledger = &world.ledger;
    let fits = |one: &&Placement| pick.is_multiple_of(16) || one.state.uses();
    let placements: Vec<_> = ledger.placements().filter(fits).map(|p| p.placement_id).collect();
    let groups: Vec<_> = ledger.place_groups().map(|group| group.place_group_id).collect();
    let day = |days: i64| world.clock.date_in_norway().saturating_add(Duration::days(days));
    let id = choose(&placements, pick / 16);
    Some(match change {
        Change::Share { percent, days_back } => share(id?, *percent, day(-days_back)),
        Change::PlannedEnd { days } => plan_end(id?, days.map(day)),
        Change::Leave { days_back, days } => go_on_leave(id?, day(-days_back), day(*days)),
        Change::Return => come_back(id?),
        Change::Move { group } => move_to(id?, choose(&groups, *group)?),
        Change::Reassign { municipality } => {
            reassign(id?, [TRONDHEIM, HEMNE, ORKDAL, STEINKJER][*municipality])
        }
        Change::Close { group, from, days } => {
            close(choose(&groups, *group)?, day(*from), days.map(|days| day(from + days)))
        }
    })
}

/// One command and everything that must hold after it; the kinds of change that happened.
fn checked(
    world: &mut World,
    command: &Command,
    happened: &mut BTreeSet<String>,
) -> Result<(), TestCaseError> {
    let before = world.ledger.clone();
    let outcome = world.happen(command);
    for event in outcome.iter().flatten() {
        if let Event::PlacementChanged { placement, change } = event {
            let name = format!("{change:?}");
            happened.insert(name.split([' ', '{']).next().unwrap().to_owned());
            if placement.guest {
                happened.insert("Guest".to_owned());
            }
        } else if let Event::EntryChanged { change, .. } = event {
            happened.insert(format!("{change:?}").split([' ', '{']).next().unwrap().to_owned());
        }
    }
    Checked { before: &before, command, outcome: &outcome, after: &world.ledger }.check()?;
    placements_tell_their_story(&world.ledger)
}

/// What a placement was debited to follows day by day, and the share that holds is the one
/// registered last.
fn placements_tell_their_story(ledger: &Ledger) -> Result<(), TestCaseError> {
    let today = ledger.head().at.date_in_norway();
    for placement in ledger.placements() {
        let mut from = placement.start_date;
        for past in &placement.past_debits {
            prop_assert_eq!(past.from_date, from);
            prop_assert!(past.until_date > from && past.until_date <= today);
            from = past.until_date;
        }
        if let Some(last) = placement.shares.last() {
            prop_assert_eq!(last.percent, placement.participation_percent);
            prop_assert_eq!(placement.percent_on(today), last.percent);
        }
        if placement.guest {
            let entry = entry(ledger, placement.entry_id);
            prop_assert_ne!(&placement.account, &ledger.queue_of(entry).account());
        }
    }
    Ok(())
}

#[test]
fn the_invariants_hold_after_any_sequence_of_moves() {
    let sequences = (either_ledger(), prop::collection::vec(any_op(), LENGTH));
    let happened = std::cell::RefCell::new(BTreeSet::new());
    let outcome = runner(100).run(&sequences, |(ledger, ops)| {
        let mut happened = happened.borrow_mut();
        let mut world = World::new(ledger);
        for op in World::beginning().into_iter().map(Any::Other).chain(ops) {
            let command = match &op {
                Any::Other(Op::Advance { hours }) => {
                    world.move_clock(*hours);
                    for due in world.due() {
                        checked(&mut world, &due.command(), &mut happened)?;
                    }
                    prop_assert_eq!(world.due(), []);
                    None
                }
                Any::Other(op) => world.command(op),
                Any::Change { pick, change } => command_of(&world, *pick, change),
            };
            if let Some(command) = command {
                checked(&mut world, &command, &mut happened)?;
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // The rare ones, a leave that ends by itself among them, have tests of their own.
    let usual =
        ["Moved", "Reassigned", "Share", "IncreaseAsked", "IncreaseFollowed", "IncreaseEnded"];
    assert!(usual.into_iter().all(|kind| happened.borrow().contains(kind)), "{happened:?}");
}
