//! How near each area is to one seat more or one less: by how much its weight alone would have to
//! change (flip margins). Exact, for divisor methods; where a seat depends on all quotas at once,
//! as with largest remainder, one area's weight moves those of all others, and there is no such
//! single number.

use super::divisor::{Claim, Divisor};
use super::problem::Problem;
use super::{ApportionmentError, Area, Method, Rule};

/// What would move a seat to an area, and what would move one from it. Where weights are small
/// beside the seats, one unit of weight may move several at once; these are the first of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flip {
    /// By how much the area's weight would have to grow, all others as they are, for one seat more;
    /// and whose seat that is. `None` where no weight would do.
    pub gains: Option<(u128, usize)>,
    /// By how much it would have to shrink for one seat less; and who would get that. `None` at its
    /// minimum, and where nobody else can take it.
    pub loses: Option<(u64, usize)>,
}

/// The flips of each area, in the order of the areas, where `held` is what `method` gives them.
/// `None` for largest remainder and the quota method. O(n), and for each area some forty steps.
///
/// # Errors
///
/// Refuses what [`super::apportion`] refuses.
pub fn flips(
    method: Method,
    areas: &[Area],
    held: &[u64],
) -> Result<Option<Vec<Flip>>, ApportionmentError> {
    let problem = Problem::check(held.iter().sum(), areas)?;
    Ok(match Rule::of(method) {
        Rule::Divisors(divisor) => Some(of_divisor(divisor, &problem, held)),
        Rule::LargestRemainder | Rule::Quota => None,
    })
}

fn of_divisor(divisor: Divisor, problem: &Problem, held: &[u64]) -> Vec<Flip> {
    let rows = || problem.areas.iter().zip(held).enumerate();
    let met = |(index, (area, &held)): (usize, (&Area, &u64))| divisor.met(index, area, held);
    let unmet = |(index, (area, &held)): (usize, (&Area, &u64))| divisor.unmet(index, area, held);
    // Two of each: an area is held against the others.
    let mut weakest = [None; 2];
    for claim in rows().filter_map(met) {
        keep(&mut weakest, claim, |one, other| one < other);
    }
    let mut strongest = [None; 2];
    for claim in rows().filter_map(unmet) {
        keep(&mut strongest, claim, |one, other| one > other);
    }
    let of_others = |two: [Option<Claim>; 2], index: usize| {
        two.into_iter().flatten().find(|claim| claim.area != index)
    };
    rows()
        .map(|row| {
            let (index, (area, &seats)) = row;
            let has_room = area.max_seats.is_none_or(|maximum| seats < maximum);
            let gains = of_others(weakest, index).filter(|_| has_room).and_then(|last| {
                let claim = divisor.claim(index, area, seats);
                let more = divisor.shortfall(&claim, area, seats, &last)?;
                // Without a weight there is no seat, also where everybody is owed a first one.
                Some((more.max(u128::from(area.weight == 0)), last.area))
            });
            let loses = of_others(strongest, index).and_then(|rival| {
                let least = least_weight_that_keeps(divisor, row, &rival)?;
                // With no weight at all there is no seat above the minimum: that is a loss too.
                let lost = area.weight.checked_sub(least)? + 1;
                (lost <= area.weight).then_some((lost, rival.area))
            });
            Flip { gains, loses }
        })
        .collect()
}

/// Keeps the two that are first by `before`.
fn keep(two: &mut [Option<Claim>; 2], claim: Claim, before: impl Fn(&Claim, &Claim) -> bool) {
    if two[0].is_none_or(|first| before(&claim, &first)) {
        *two = [Some(claim), two[0]];
    } else if two[1].is_none_or(|second| before(&claim, &second)) {
        two[1] = Some(claim);
    }
}

/// The least weight by which an area still holds its last seat against a rival's claim to it, found
/// by halving: with more weight a claim is never weaker. `None` at the area's minimum.
fn least_weight_that_keeps(
    divisor: Divisor,
    (index, (area, &held)): (usize, (&Area, &u64)),
    rival: &Claim,
) -> Option<u64> {
    let keeps = |weight: u64| {
        let claim = divisor.met(index, &Area { weight, ..*area }, held);
        weight > 0 && claim.is_some_and(|claim| claim > *rival)
    };
    divisor.met(index, area, held)?;
    let (mut below, mut from) = (0, area.weight);
    while below + 1 < from {
        let middle = below + (from - below) / 2;
        if keeps(middle) {
            from = middle;
        } else {
            below = middle;
        }
    }
    Some(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::apportionment::apportion;

    const DIVISORS: [Method; 6] = [
        Method::SainteLague,
        Method::ModifiedSainteLague,
        Method::DHondt,
        Method::Adams,
        Method::HuntingtonHill,
        Method::Dean,
    ];

    fn areas(weights: &[u64]) -> Vec<Area> {
        weights
            .iter()
            .map(|weight| Area { weight: *weight, min_seats: 0, max_seats: None })
            .collect()
    }

    fn seats(method: Method, count: u64, areas: &[Area]) -> Vec<u64> {
        let shares = apportion(method, count, areas).unwrap().shares;
        shares.into_iter().map(|share| share.seats).collect()
    }

    /// A seat went from one to another; and where it was one alone, nothing else happened.
    fn moved(before: &[u64], after: &[u64], from: usize, to: usize) -> bool {
        let mut one = before.to_vec();
        one[from] -= 1;
        one[to] += 1;
        let several = after[to].abs_diff(before[to]) > 1 || after[from].abs_diff(before[from]) > 1;
        after == one || (several && after[to] > before[to] && after[from] < before[from])
    }

    #[test]
    fn a_flip_is_the_least_change_that_moves_a_seat() {
        let cases: [&[u64]; 6] = [
            &[53, 24, 23],
            &[176_348, 4_221, 981, 4_399],
            &[7, 7, 7],
            &[1_000, 3, 2, 1],
            &[5, 0, 3],
            &[0, 40_000, 900, 0],
        ];
        for (method, weights) in
            DIVISORS.into_iter().flat_map(|method| cases.map(|case| (method, case)))
        {
            for count in [1, 2, 5, 7, 40] {
                let all = areas(weights);
                let held = seats(method, count, &all);
                let told = flips(method, &all, &held).unwrap().unwrap();
                for (index, flip) in told.iter().enumerate() {
                    let with = |weight: u64| {
                        let mut changed = all.clone();
                        changed[index].weight = weight;
                        seats(method, count, &changed)
                    };
                    let weight = all[index].weight;
                    let what = format!("{method:?} {weights:?} {count} {index} {flip:?}");
                    if let Some((more, from)) = flip.gains {
                        let more = u64::try_from(more).unwrap();
                        assert!(moved(&held, &with(weight + more), from, index), "{what}");
                        assert_eq!(with(weight + more - 1), held, "{what}");
                    }
                    // Who has no weight gets a seat by some where another has one to lose.
                    let others = held.iter().sum::<u64>() - held[index];
                    assert!(weight > 0 || others == 0 || flip.gains.is_some(), "{what}");
                    if let Some((fewer, to)) = flip.loses {
                        assert!(moved(&held, &with(weight - fewer), index, to), "{what}");
                        assert_eq!(with(weight - fewer + 1), held, "{what}");
                    }
                }
                assert!(told.iter().any(|flip| flip.gains.is_some()), "{method:?} {weights:?}");
            }
        }
    }

    #[test]
    fn methods_without_claims_have_no_flips() {
        let all = areas(&[5, 3]);
        for method in [Method::LargestRemainder, Method::Quota] {
            assert_eq!(flips(method, &all, &[3, 2]), Ok(None));
        }
    }
}
