//! What to beware of in an answer, found by asking the same with a little change.

use std::collections::BTreeMap;

use crate::domain::{
    apportionment::{Apportionment, ApportionmentError, Method},
    fair_share::{Grain, Pot},
    ids::MunicipalityNumber,
    registry::DistributionKey,
};

/// Something to beware of. Sharers are named by their index in the pot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// With one place more or fewer in all, the wrong way for somebody (the Alabama paradox).
    AlabamaParadox {
        /// Who.
        sharer: usize,
        /// So many places in all.
        at_places: u64,
        /// What it has of the budget.
        places: u64,
        /// What it would have of `at_places`: fewer of more, or more of fewer.
        other_places: u64,
    },
    /// The order of numbers alone decided.
    Tie {
        /// Between whom.
        sharers: Vec<usize>,
        /// How many places they had equal claims to.
        places: u64,
    },
    /// By another grain the same people have other places.
    Grain {
        /// The coarser of the two grains.
        coarse: Grain,
        /// Who, by the coarser grain: its id and name.
        sharer: (String, String),
        /// How many municipalities that is.
        members: usize,
        /// What it gets as a whole.
        whole: u64,
        /// What its municipalities get one by one, together.
        one_by_one: u64,
    },
    /// The key has no weight for a municipality.
    MissingWeight(MunicipalityNumber),
}

/// What to beware of in how a pot is shared; `other` is the same pot by another grain.
pub fn warnings(
    pot: &Pot,
    other: Option<&Pot>,
    key: &DistributionKey,
    method: Method,
    result: &Apportionment,
) -> Result<Vec<Warning>, ApportionmentError> {
    let mut warnings = paradoxes(pot, key, method, result)?;
    warnings.extend(
        result
            .ties
            .iter()
            .map(|tie| Warning::Tie { sharers: tie.areas.clone(), places: tie.seats_at_stake }),
    );
    if let Some(other) = other {
        let otherwise = other.apportion(key, method)?;
        let (this, that) = ((pot, result), (other, &otherwise));
        let is_coarser = pot.sharers.len() < other.sharers.len();
        let (coarse, fine) = if is_coarser { (this, that) } else { (that, this) };
        warnings.extend(grain_differs(coarse, fine));
    }
    let members = pot.sharers.iter().flat_map(|sharer| &sharer.members);
    let missing = members.filter(|number| !key.weights.contains_key(*number));
    warnings.extend(missing.cloned().map(Warning::MissingWeight));
    Ok(warnings)
}

/// Who would lose by one place more in all, and who would win by one fewer. Only largest remainder
/// can do that: divisor methods and the quota method are house monotone.
fn paradoxes(
    pot: &Pot,
    key: &DistributionKey,
    method: Method,
    result: &Apportionment,
) -> Result<Vec<Warning>, ApportionmentError> {
    let mut found = Vec::new();
    if method != Method::LargestRemainder || pot.budget == 0 {
        return Ok(found);
    }
    for at_places in [pot.budget - 1, pot.budget + 1] {
        let changed = pot.apportion_places(at_places, key, method)?;
        for (sharer, (now, then)) in result.shares.iter().zip(&changed.shares).enumerate() {
            let (places, other_places) = (now.seats, then.seats);
            let wrong_way =
                if at_places > pot.budget { other_places < places } else { other_places > places };
            if wrong_way {
                found.push(Warning::AlabamaParadox { sharer, at_places, places, other_places });
            }
        }
    }
    Ok(found)
}

/// Whose places as a whole are not the sum of its municipalities'.
fn grain_differs(
    (coarse, whole): (&Pot, &Apportionment),
    (fine, parts): (&Pot, &Apportionment),
) -> Vec<Warning> {
    let each = fine.sharers.iter().zip(&parts.shares);
    let each: BTreeMap<_, u64> =
        each.filter_map(|(sharer, share)| Some((sharer.members.first()?, share.seats))).collect();
    let pairs = coarse.sharers.iter().zip(&whole.shares);
    pairs
        .filter_map(|(sharer, share)| {
            let one_by_one = sharer.members.iter().filter_map(|number| each.get(number)).sum();
            (share.seats != one_by_one).then(|| Warning::Grain {
                coarse: coarse.grain,
                sharer: (sharer.id.clone(), sharer.name.clone()),
                members: sharer.members.len(),
                whole: share.seats,
                one_by_one,
            })
        })
        .collect()
}
