//! What may be told of how many others there are, to who may not see the people behind
//! the numbers.

use std::collections::BTreeMap;

mod places;
mod queue;
mod rows;
#[cfg(test)]
mod tests;

pub use places::{PlacesTold, Use, UseTold};
pub use queue::{QueueHidden, Waiting};
pub use rows::{Hidden, Threshold, hide, hide_linked};

/// The least count of other people that is told. "Counts below a threshold are hidden for
/// those without access to the people behind them, with secondary suppression; zero is
/// shown; own totals are shown": so says the rule of privacy and access.
pub const LEAST_TOLD: u64 = 5;

/// A count of other people, as it may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// None, or so many that nobody is recognised.
    Exactly(u64),
    /// At least one, and fewer than the threshold.
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

/// How one count may be told in a text, which names the number.
pub fn told(count: u64) -> Told {
    told_below(count, Threshold::default())
}

/// How one count may be told.
pub fn told_below(count: u64, threshold: Threshold) -> Told {
    if threshold.is_small(count, 1) { Told::Few } else { Told::Exactly(count) }
}

/// How counts by kind may be told in a text, which names the number.
pub fn disclose<K: Ord + Copy>(counts: &BTreeMap<K, u64>) -> Disclosed<K> {
    disclose_below(counts, Threshold::default())
}

/// How counts by kind may be told, where a kind with nobody is not told from one that is hidden. Small ones are hidden, and then the next smallest until
/// what is hidden is of two kinds and of as many people as may be told: otherwise the total
/// would give away what was left out.
pub fn disclose_below<K: Ord + Copy>(
    counts: &BTreeMap<K, u64>,
    threshold: Threshold,
) -> Disclosed<K> {
    let is_small = |count| threshold.is_small(count, 1);
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
    Disclosed { total: told_below(total, threshold), by_kind, is_hidden: kinds > 0 }
}
