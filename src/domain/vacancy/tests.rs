//! Lots by example, and against a queue of lots kept day by day.

use std::collections::VecDeque;

use proptest::prelude::*;
use time::{Duration, macros::date};

use super::*;

const FIRST: Date = date!(2011 - 01 - 01);

fn day(number: usize) -> Date {
    FIRST.saturating_add(Duration::days(i64::try_from(number).unwrap()))
}

fn changes(each: &[(usize, i64)]) -> Changes {
    each.iter().map(|(number, percent)| (day(*number), *percent)).collect()
}

fn account(limit: i64, reserved: i64, in_use: i64) -> Account {
    let mut account = Account { limit, reserved, in_use, ceiling: 0 };
    account.set_limit(limit);
    account
}

/// What the limit did, what use did, what is reserved; and the free lots.
type Case =
    (&'static str, &'static [(usize, i64)], &'static [(usize, i64)], i64, &'static [(usize, i64)]);

const CASES: &[Case] = &[
    ("never used", &[(1, 300)], &[], 0, &[(1, 300)]),
    ("all used", &[(1, 300)], &[(2, 300)], 0, &[]),
    ("one came and went", &[(1, 200)], &[(2, 100), (5, -100)], 0, &[(1, 100), (5, 100)]),
    ("the oldest are reserved", &[(1, 200)], &[(2, 100), (5, -100)], 100, &[(5, 100)]),
    ("part of a lot is reserved", &[(1, 200)], &[(2, 100), (5, -100)], 50, &[(1, 50), (5, 100)]),
    ("the oldest are used first", &[(1, 100), (5, 100)], &[(6, 100)], 0, &[(5, 100)]),
    ("a change of hands", &[(1, 100)], &[(2, 100), (4, 0)], 0, &[]),
    ("less than a place", &[(1, 100)], &[(2, 60)], 0, &[(1, 40)]),
    ("lowered, then raised", &[(1, 300), (3, -200), (7, 100)], &[], 0, &[(1, 100), (7, 100)]),
    // Two in use of one allowed: the first to leave frees nothing.
    ("over, then not", &[(1, 200), (3, -100)], &[(2, 200), (5, -100), (7, -100)], 0, &[(7, 100)]),
    ("over", &[(1, 200), (3, -200)], &[(2, 100)], 0, &[]),
    ("a change to come", &[(1, 100)], &[(2, 100), (5, -100), (99, 100)], 0, &[(5, 100)]),
];

#[test]
fn lots_by_example() {
    for (name, limit, used, reserved, expected) in CASES {
        let so_far =
            |each: &[(usize, i64)]| each.iter().filter(|(n, _)| *n <= 9).map(|(_, p)| p).sum();
        let account = account(so_far(limit), *reserved, so_far(used));
        let lots = free_lots(&account, &changes(limit), &changes(used), day(9));
        let expected: Vec<Lot> =
            expected.iter().map(|(n, percent)| Lot { since: day(*n), percent: *percent }).collect();
        assert_eq!(lots, expected, "{name}");
    }
}

#[test]
fn what_no_change_tells_of_is_as_old_as_the_first() {
    let since = |limit: &Changes| free_lots(&account(500, 0, 0), limit, &Changes::new(), day(9));
    let lot = |number, percent| Lot { since: day(number), percent };
    assert_eq!(since(&changes(&[(2, 100), (4, 100)])), [lot(2, 300), lot(2, 100), lot(4, 100)]);
    assert_eq!(since(&Changes::new()), [lot(9, 500)]);
}

#[test]
fn a_limit_changes_where_what_holds_does() {
    let period = |places, from, to: Option<usize>| PlacesInPeriod {
        places,
        valid_from: day(from),
        valid_to: to.map(day),
    };
    let history =
        [period(2, 1, None), period(5, 4, Some(6)), period(2, 8, None), period(9, 20, None)];
    let found = changes_of_limit(&history, day(19));
    let expected = changes(&[(1, 200), (4, 300), (6, -300), (8, 0)]);
    assert_eq!(found, expected);
    assert_eq!(changes_of_limit::<PlacesInPeriod>(&[], day(19)), Changes::new());
}

/// Limit and use of each day from the first on, and what is reserved on the last.
fn days() -> impl Strategy<Value = (Vec<(i64, i64)>, i64)> {
    let percent = prop_oneof![3 => (0..5_i64).prop_map(|n| n * 100), 1 => 0..500_i64];
    let each = prop::collection::vec((percent.clone(), percent), 1..30);
    (each, prop_oneof![1 => Just(0_i64), 1 => 0..300_i64])
}

/// A lot begins at the back when more is empty, and goes from the front when less is.
fn kept_day_by_day(days: &[(i64, i64)], reserved: i64) -> Vec<Lot> {
    let mut lots: VecDeque<Lot> = VecDeque::new();
    let take = |lots: &mut VecDeque<Lot>, mut percent: i64| {
        while percent > 0 {
            let Some(first) = lots.front_mut() else { break };
            let taken = first.percent.min(percent);
            first.percent -= taken;
            percent -= taken;
            if first.percent == 0 {
                lots.pop_front();
            }
        }
    };
    let mut empty = 0;
    for (number, (limit, used)) in days.iter().enumerate() {
        let now = (limit - used).max(0);
        if now > empty {
            lots.push_back(Lot { since: day(number), percent: now - empty });
        } else {
            take(&mut lots, empty - now);
        }
        empty = now;
    }
    take(&mut lots, reserved);
    lots.into()
}

fn differences(values: impl Iterator<Item = i64>) -> Changes {
    let mut before = 0;
    let mut changes = Changes::new();
    for (number, value) in values.enumerate() {
        if value != before {
            changes.insert(day(number), value - before);
        }
        before = value;
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lots_are_those_kept_day_by_day_and_sum_to_what_is_free((days, reserved) in days()) {
        let (limit, used) = days.last().copied().unwrap();
        let account = account(limit, reserved, used);
        let limits = differences(days.iter().map(|(limit, _)| *limit));
        let uses = differences(days.iter().map(|(_, used)| *used));
        let lots = free_lots(&account, &limits, &uses, day(days.len()));
        prop_assert_eq!(lots.iter().map(|lot| lot.percent).sum::<i64>(), account.free());
        prop_assert_eq!(lots, kept_day_by_day(&days, reserved));
    }
}
