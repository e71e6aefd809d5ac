//! Counts by kind, as texts and reports tell them.

use super::super::*;

fn disclosed(counts: &[u64]) -> (Told, Vec<u64>, bool) {
    let counts = counts.iter().enumerate().map(|(kind, n)| (kind, *n)).collect();
    let Disclosed { total, by_kind, is_hidden } = disclose::<usize>(&counts);
    (total, by_kind.into_values().collect(), is_hidden)
}

#[test]
fn none_and_many_are_told_and_few_are_not() {
    let each = [0, 1, 4, 5, 6].map(told);
    let many = Told::Exactly;
    assert_eq!(each, [many(0), Told::Few, Told::Few, many(5), many(6)]);
}

#[test]
fn what_is_left_out_cannot_be_worked_out_from_the_total() {
    type Shown = (Told, Vec<u64>, bool);
    let many = Told::Exactly;
    let cases: [(&[u64], Shown); 10] = [
        (&[], (many(0), vec![], false)),
        (&[0, 0], (many(0), vec![], false)),
        (&[5, 0, 9], (many(14), vec![5, 9], false)),
        (&[4], (Told::Few, vec![], true)),
        (&[2, 2], (Told::Few, vec![], true)),
        (&[2, 3], (many(5), vec![], true)),
        // The total less what is told would be the one that is small.
        (&[9, 3, 7], (many(19), vec![9], true)),
        (&[3, 7], (many(10), vec![], true)),
        // Two that are small, together so few that both are known to be one.
        (&[1, 1, 9, 20], (many(31), vec![20], true)),
        (&[4, 4, 9, 20], (many(37), vec![9, 20], true)),
    ];
    for (counts, expected) in cases {
        assert_eq!(disclosed(counts), expected, "{counts:?}");
    }
}

/// Every table of four kinds with up to seven people each.
#[test]
fn whatever_is_hidden_is_of_two_kinds_and_of_enough_people() {
    for code in 0..8_u64.pow(4) {
        let counts: BTreeMap<u32, u64> =
            (0..4).map(|kind| (kind, code / 8_u64.pow(kind) % 8)).collect();
        let Disclosed { total, by_kind, is_hidden } = disclose(&counts);
        let sum: u64 = counts.values().sum();
        assert_eq!(total, told(sum), "{counts:?}");
        assert!(by_kind.iter().all(|(k, n)| *n >= LEAST_TOLD && counts[k] == *n), "{counts:?}");
        let hidden: Vec<u64> = counts
            .iter()
            .filter(|(kind, n)| **n > 0 && !by_kind.contains_key(kind))
            .map(|(_, n)| *n)
            .collect();
        assert_eq!(is_hidden, !hidden.is_empty(), "{counts:?}");
        let small = counts.values().any(|n| (1..LEAST_TOLD).contains(n));
        assert_eq!(is_hidden, small, "{counts:?}");
        if is_hidden && total != Told::Few {
            assert!(hidden.len() > 1 && hidden.iter().sum::<u64>() >= LEAST_TOLD, "{counts:?}");
        }
    }
}
