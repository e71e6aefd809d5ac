//! The rules of small counts, held to by who would find out what they hide.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::{
    account::AccountKey,
    ids::{MunicipalityNumber, PlaceGroupId},
};

mod texts;

/// What somebody sees of a list: each row or that it is hidden, and the sum or that it is.
type Seen = (Vec<Option<u64>>, Option<u64>);

fn seen(rows: &[u64], hidden: &Hidden) -> Seen {
    let row = |(n, is_hidden): (&u64, &bool)| (!is_hidden).then_some(*n);
    let sum = (!hidden.total).then(|| rows.iter().sum());
    (rows.iter().zip(&hidden.rows).map(row).collect(), sum)
}

/// Every list of so many rows from 0 up to a number.
fn lists(rows: u32, most: u64) -> impl Iterator<Item = Vec<u64>> {
    let base = most + 1;
    (0..base.pow(rows)).map(move |code| (0..rows).map(|row| code / base.pow(row) % base).collect())
}

/// What is known of the hidden rows together: 0 where their sum is hidden, and then so little that
/// no row is above what is looked at.
fn hidden_sum(rows: &[Option<u64>], sum: Option<u64>) -> u64 {
    sum.map_or(0, |sum| sum - rows.iter().flatten().sum::<u64>())
}

fn people(n: u64) -> Threshold {
    Threshold::new(n).expect("a threshold")
}

#[test]
fn a_threshold_is_from_three_to_a_hundred() {
    let of = |n| Threshold::new(n).map(Threshold::people);
    assert_eq!([2, 3, 100, 101].map(of), [None, Some(3), Some(100), None]);
    assert_eq!(Threshold::default().people(), 5);
    let small = |n| Threshold::default().is_small(n, 100);
    assert_eq!([0, 1, 499, 500].map(small), [false, true, true, false]);
}

#[test]
fn small_rows_are_hidden_and_so_many_others_that_nothing_follows() {
    let cases: [(&[u64], &[usize], bool); 12] = [
        (&[], &[], false),
        (&[0, 0], &[], false),
        (&[5, 0, 9], &[], false),
        (&[4], &[0], true),
        (&[3, 7], &[0, 1], false),
        // All below ten, where those below five are not enough.
        (&[9, 3, 7, 12], &[0, 1, 2], false),
        (&[2, 4, 3, 9, 20], &[0, 1, 2], false),
        // Who knows that each is below five knows two that are eight.
        (&[4, 4, 9, 20], &[0, 1, 2], false),
        (&[4, 4], &[0, 1], false),
        // Four and one are five: neither could be as many as five.
        (&[4, 1, 30], &[0, 1, 2], false),
        (&[4, 1], &[0, 1], true),
        // Who knows that none is nobody would know each of five that are five.
        (&[1, 1, 1, 1, 1], &[0, 1, 2, 3, 4], true),
    ];
    for (rows, expected, total) in cases {
        let hidden = hide(rows, 1, Threshold::default());
        let found: Vec<usize> = (0..rows.len()).filter(|row| hidden.rows[*row]).collect();
        assert_eq!((found.as_slice(), hidden.total), (expected, total), "{rows:?}");
    }
}

/// The attacker knows what is shown, that figures are whole and not below 0, that a hidden one is not
/// 0, and nothing else: a hidden row may be any number from 1 to the threshold at least.
#[test]
fn a_hidden_row_may_be_anything_up_to_the_threshold_for_all_that_is_shown() {
    for threshold in [3, 5] {
        for rows in lists(4, 8) {
            let hidden = hide(&rows, 1, people(threshold));
            let sum: u64 = rows.iter().sum();
            let told = rows.iter().zip(&hidden.rows).filter(|(_, hidden)| !**hidden);
            let told: u64 = told.map(|(n, _)| *n).sum();
            let count = hidden.rows.iter().filter(|hidden| **hidden).count() as u64;
            for (n, is_hidden) in rows.iter().zip(&hidden.rows) {
                assert!(*is_hidden || *n == 0 || *n >= threshold, "{rows:?}");
                assert!(!is_hidden || *n > 0, "{rows:?}: nobody is told");
                if *is_hidden && !hidden.total {
                    assert!(sum - told - (count - 1) >= threshold, "{rows:?}");
                }
            }
            assert!(!hidden.total || rows.iter().zip(&hidden.rows).all(|(n, h)| *h == (*n > 0)));
        }
    }
}

/// The attacker also knows this very rule: all lists that look alike once told, and in each hidden row
/// they hold at least two numbers.
#[test]
fn who_knows_the_rule_still_finds_at_least_two_numbers_for_each_hidden_row() {
    const MOST: u64 = 14;
    for threshold in [3, 5] {
        let mut alike: BTreeMap<Seen, Vec<BTreeSet<u64>>> = BTreeMap::new();
        for rows in lists(4, MOST) {
            let told = seen(&rows, &hide(&rows, 1, people(threshold)));
            let possible = alike.entry(told).or_insert_with(|| vec![BTreeSet::new(); rows.len()]);
            for (possible, n) in possible.iter_mut().zip(&rows) {
                possible.insert(*n);
            }
        }
        for ((rows, sum), possible) in alike {
            if hidden_sum(&rows, sum) > MOST {
                continue; // Some that are alike have rows that are not looked at.
            }
            for (row, possible) in rows.iter().zip(possible) {
                let numbers = possible.len();
                assert!(row.is_some() || numbers > 1, "{rows:?} {sum:?}: {possible:?}");
            }
        }
    }
}

/// Both lists are known to have one sum, and the attacker knows the rule.
#[test]
fn two_lists_of_one_sum_give_neither_away() {
    let threshold = people(3);
    let mut alike: BTreeMap<(Seen, Seen), Vec<BTreeSet<u64>>> = BTreeMap::new();
    for one in lists(3, 7) {
        let sum: u64 = one.iter().sum();
        for other in lists(2, 10).filter(|other| other.iter().sum::<u64>() == sum) {
            let (of_one, of_other) = hide_linked(&one, &other, 1, threshold);
            let told = (seen(&one, &of_one), seen(&other, &of_other));
            assert_eq!(told.0.1, told.1.1, "{one:?} {other:?}: one sum");
            let possible = alike.entry(told).or_insert_with(|| vec![BTreeSet::new(); 5]);
            for (possible, n) in possible.iter_mut().zip(one.iter().chain(&other)) {
                possible.insert(*n);
            }
        }
    }
    assert!(alike.len() > 200, "only {}", alike.len());
    for ((one, other), possible) in alike {
        if hidden_sum(&one.0, one.1) > 7 || hidden_sum(&other.0, other.1) > 10 {
            continue;
        }
        for (row, possible) in one.0.iter().chain(&other.0).zip(possible) {
            assert!(row.is_some() || possible.len() > 1, "{one:?} {other:?}: {possible:?}");
        }
    }
}

fn group(n: u128) -> AccountKey {
    AccountKey::PlaceGroup(PlaceGroupId(uuid::Uuid::from_u128(n)))
}

fn quota(n: u32) -> AccountKey {
    AccountKey::Quota(format!("160{n}").parse().expect("a number"))
}

fn held(reserved: u64, in_use: u64) -> Use {
    Use { reserved: reserved * 100, in_use: in_use * 100 }
}

/// What is shown of use: the row's used and reserved places, each if told; and the sum's.
type Shown = (Vec<(Option<u64>, Option<u64>)>, (Option<u64>, Option<u64>));

fn shown(rows: &[(AccountKey, Use)], threshold: Threshold) -> Shown {
    let told = PlacesTold::of_others(rows, threshold);
    let figures = |held: &Use, told: UseTold| {
        let used = told.used.then_some(held.reserved + held.in_use);
        (used, told.parts.then_some(held.reserved))
    };
    let mut sum = Use::default();
    for (_, held) in rows.iter().filter(|(key, _)| matches!(key, AccountKey::PlaceGroup(_))) {
        sum.reserved += held.reserved;
        sum.in_use += held.in_use;
    }
    let rows = rows.iter().map(|(key, held)| figures(held, told.of(key))).collect();
    (rows, figures(&sum, told.total))
}

/// Every use of two groups and two municipalities, by who knows the rule: where a figure is not told,
/// it is not known to be one of a few.
#[test]
fn what_is_reserved_or_in_use_somewhere_follows_from_nothing_that_is_told() {
    /// Of a row, what may be used, and what may be reserved.
    type Possible = (BTreeSet<u64>, BTreeSet<u64>);
    let threshold = people(3);
    let mut alike: BTreeMap<Shown, Vec<Possible>> = BTreeMap::new();
    let keys = [group(1), group(2), quota(1), quota(2)];
    for n in lists(4, 6) {
        let (reserved, in_use) = (n[0] + n[1], n[2] + n[3]);
        for split in 0..=reserved {
            for other in 0..=in_use {
                let use_of = [
                    held(n[0], n[2]),
                    held(n[1], n[3]),
                    held(split, other),
                    held(reserved - split, in_use - other),
                ];
                let rows: Vec<_> = keys.iter().cloned().zip(use_of).collect();
                let possible = alike.entry(shown(&rows, threshold)).or_default();
                possible.resize(4, (BTreeSet::new(), BTreeSet::new()));
                for ((used, parts), (_, held)) in possible.iter_mut().zip(&rows) {
                    used.insert(held.reserved + held.in_use);
                    parts.insert(held.reserved);
                    assert_eq!(held.reserved % 100, 0);
                }
            }
        }
    }
    let mut hidden = 0;
    for ((rows, sum), possible) in &alike {
        for ((used, reserved), (all_used, all_reserved)) in rows.iter().zip(possible) {
            if sum.0.is_some_and(|sum| sum > 600) {
                continue; // Some that are alike have more in one row than is looked at.
            }
            hidden += usize::from(used.is_none());
            assert!(used.is_some() || all_used.len() > 1, "{rows:?} {sum:?}");
            // A part that is known all the same is none, or so many that it could be told.
            if reserved.is_none() && all_reserved.len() == 1 {
                let part = *all_reserved.first().expect("one");
                assert!(!threshold.is_small(part, 100), "{rows:?} {sum:?}: {part}");
            }
        }
    }
    assert!(hidden > 20, "only {hidden} were hidden");
}

/// Who knows one municipality's figure takes it from the sum: the others' count.
#[test]
fn what_the_reader_knows_is_taken_off_before() {
    let of = |others: &[u64]| {
        let rows: Vec<_> = [group(1), quota(1), quota(2)]
            .into_iter()
            .zip(others.iter().map(|n| held(0, *n)))
            .collect();
        let told = PlacesTold::of_others(&rows, Threshold::default());
        [told.of(&group(1)).used, told.of(&quota(1)).used, told.of(&quota(2)).used, told.total.used]
    };
    // Nobody's own: thirty and two.
    assert_eq!(of(&[32, 30, 2]), [true, false, false, true]);
    // The thirty are the reader's own, and it knows in which group each of them is.
    assert_eq!(of(&[2, 0, 2]), [false, true, false, false]);
    // It knows them by their number alone.
    assert_eq!(of(&[32, 0, 2]), [false, true, false, false]);
}

/// By municipality and by preference the sum is one.
#[test]
fn a_queue_is_told_so_that_neither_municipality_nor_preference_follows() {
    type Told = (Vec<Option<u64>>, Option<u64>, Option<u64>, Option<u64>);
    let threshold = people(3);
    let mut alike: BTreeMap<Told, Vec<BTreeSet<u64>>> = BTreeMap::new();
    for rows in lists(3, 12) {
        let total: u64 = rows.iter().sum();
        for without_preference in 0..=total {
            // One group, and everyone who names any names it.
            let named = total - without_preference;
            let numbers = (0..3).map(|n| format!("160{n}").parse().expect("a number"));
            let id = PlaceGroupId(uuid::Uuid::from_u128(1));
            let waiting = Waiting {
                municipalities: numbers.clone().zip(rows.iter().copied()).collect(),
                place_groups: BTreeMap::from([(id, named)]),
                without_preference,
                with_preference: named,
                increases: 0,
            };
            let hidden = waiting.hidden(threshold);
            let municipality = |(number, n): (MunicipalityNumber, &u64)| {
                (!hidden.municipalities.contains(&number)).then_some(*n)
            };
            let told = (
                numbers.zip(&rows).map(municipality).collect(),
                (!hidden.total).then_some(total),
                (!hidden.without_preference).then_some(without_preference),
                hidden.place_groups.is_empty().then_some(named),
            );
            let possible = alike.entry(told).or_insert_with(|| vec![BTreeSet::new(); 5]);
            let figures = rows.iter().copied().chain([without_preference, named]);
            for (possible, n) in possible.iter_mut().zip(figures) {
                possible.insert(n);
            }
        }
    }
    for ((rows, total, without, group), possible) in alike {
        if total.is_some_and(|total| total > 12) {
            continue;
        }
        for (told, possible) in rows.iter().chain([&without, &group]).zip(possible) {
            assert!(told.is_some() || possible.len() > 1, "{rows:?} {total:?}: {possible:?}");
        }
    }
}
