//! The same places by several methods and keys, and how near each answer is to another one.

use crate::domain::{
    apportionment::{Apportionment, ApportionmentError, Method, flips},
    fair_share::Pot,
    fairness::Indices,
    registry::DistributionKey,
};

/// The most sharers of a comparison.
pub const COMPARED_MAX: usize = 1_000;
/// The most flip margins that are told of one combination.
pub const FLIPS_TOLD: usize = 20;

/// One method with one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// What it gives.
    pub result: Apportionment,
    /// How far what is held lies from the key.
    pub current_indices: Option<Indices>,
    /// How far the answer lies from the key.
    pub entitled_indices: Option<Indices>,
    /// How many places would have to move.
    pub to_move: u64,
    /// The least changes of one weight that move a place, the least first; `None` for a method by
    /// which one area's weight moves all quotas.
    pub flips: Option<Vec<FlipMargin>>,
}

/// How small a change of one weight moves a place, the others as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlipMargin {
    /// Whose weight.
    pub sharer: usize,
    /// By how much: above 0 it gains a place, below 0 it loses one.
    pub change: i64,
    /// Who loses the place or gets it.
    pub other: usize,
}

/// Shares a pot by a key and a method, and looks how near another answer is.
pub fn compare(
    pot: &Pot,
    key: &DistributionKey,
    method: Method,
) -> Result<Combination, ApportionmentError> {
    if pot.sharers.len() > COMPARED_MAX {
        let (count, limit) = (pot.sharers.len(), COMPARED_MAX);
        return Err(ApportionmentError::TooManyAreas { count, limit });
    }
    let result = pot.apportion(key, method)?;
    let held: Vec<u64> = result.shares.iter().map(|share| share.seats).collect();
    let margins = flips(method, &pot.areas(key), &held)?.map(|flips| {
        let rows = flips.into_iter().enumerate();
        let mut margins: Vec<FlipMargin> = rows
            .flat_map(|(sharer, flip)| {
                let margin = |change, other| FlipMargin { sharer, change, other };
                let gains = flip
                    .gains
                    .and_then(|(more, other)| Some(margin(i64::try_from(more).ok()?, other)));
                let loses = flip
                    .loses
                    .and_then(|(fewer, other)| Some(margin(-i64::try_from(fewer).ok()?, other)));
                [gains, loses].into_iter().flatten()
            })
            .collect();
        margins.sort_by_key(|margin| (margin.change.unsigned_abs(), margin.sharer, margin.change));
        margins.truncate(FLIPS_TOLD);
        margins
    });
    Ok(Combination {
        current_indices: pot.current_indices(key),
        entitled_indices: pot.entitled_indices(key, &result),
        to_move: pot.to_move(&result),
        flips: margins,
        result,
    })
}
