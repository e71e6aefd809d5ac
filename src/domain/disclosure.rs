//! What may be told of how many others there are, to who may not see the people behind
//! the numbers.

use std::collections::BTreeMap;

/// The least count of other people that is told. "Counts below a threshold are hidden for
/// those without access to the people behind them, with secondary suppression; zero is
/// shown; own totals are shown": so says the rule of privacy and access.
pub const LEAST_TOLD: u64 = 5;

/// A count of other people, as it may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// None, or so many that nobody is recognised.
    Exactly(u64),
    /// At least one, and fewer than [`LEAST_TOLD`].
    Few,
}

/// Counts by kind, as they may be told together with their sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosed<K> {
    /// All kinds together.
    pub total: Told,
    /// The kinds that are told. One that is not there has nobody, or is hidden.
    pub by_kind: BTreeMap<K, u64>,
    /// Whether kinds are hidden.
    pub is_hidden: bool,
}

/// How one count may be told.
pub fn told(count: u64) -> Told {
    if is_small(count) { Told::Few } else { Told::Exactly(count) }
}

/// How counts by kind may be told. Small ones are hidden, and then the next smallest until
/// what is hidden is of two kinds and of as many people as may be told: otherwise the total
/// would give away what was left out.
pub fn disclose<K: Ord + Copy>(counts: &BTreeMap<K, u64>) -> Disclosed<K> {
    let mut rows: Vec<(u64, K)> = counts.iter().map(|(kind, n)| (*n, *kind)).collect();
    rows.retain(|(n, _)| *n > 0);
    rows.sort_unstable();
    let total: u64 = rows.iter().map(|(n, _)| *n).sum();
    let (mut kinds, mut people) = (0, 0);
    for (n, _) in &rows {
        let gives_away = kinds == 1 || is_small(people);
        if !is_small(*n) && !gives_away {
            break;
        }
        kinds += 1;
        people += n;
    }
    let by_kind = rows.iter().skip(kinds).map(|(n, kind)| (*kind, *n)).collect();
    Disclosed { total: told(total), by_kind, is_hidden: kinds > 0 }
}

fn is_small(count: u64) -> bool {
    (1..LEAST_TOLD).contains(&count)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let small = counts.values().any(|n| is_small(*n));
            assert_eq!(is_hidden, small, "{counts:?}");
            if is_hidden && total != Told::Few {
                assert!(hidden.len() > 1 && hidden.iter().sum::<u64>() >= LEAST_TOLD, "{counts:?}");
            }
        }
    }
}
