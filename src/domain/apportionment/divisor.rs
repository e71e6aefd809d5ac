//! The divisor methods: rounded quotas first, then single seats by the order of claims.

use super::multiplier::Multiplier;
use super::problem::Problem;
use super::{Area, DivisorInterval, Fraction, Outcome, Tie};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// The divisor methods; [`super::Method`] tells what each is and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Divisor {
    SainteLague,
    ModifiedSainteLague,
    DHondt,
    Adams,
    HuntingtonHill,
    Dean,
}

impl Divisor {
    /// d(held): where a quota between `held` and `held + 1` is rounded up. Squared for
    /// Huntington-Hill. At most 2 · 10^14 over 2 · 10^7 + 1.
    fn point(self, held: u64) -> Fraction {
        let a = u128::from(held);
        let (numerator, denominator) = match self {
            Self::ModifiedSainteLague if held == 0 => (7, 10),
            Self::SainteLague | Self::ModifiedSainteLague => (2 * a + 1, 2),
            Self::DHondt => (a + 1, 1),
            Self::Adams => (a, 1),
            Self::HuntingtonHill => (a * (a + 1), 1),
            Self::Dean => (2 * a * (a + 1), 2 * a + 1),
        };
        Fraction { numerator, denominator }
    }

    /// The power of a weight that is compared with [`Self::point`]: two for Huntington-Hill.
    fn power(self, value: u128) -> u128 {
        match self {
            Self::HuntingtonHill => value * value,
            Self::SainteLague
            | Self::ModifiedSainteLague
            | Self::DHondt
            | Self::Adams
            | Self::Dean => value,
        }
    }

    /// The claim weight / d(held) of an area that has `held` seats to one more.
    pub(super) fn claim(self, index: usize, area: &Area, held: u64) -> Claim {
        let point = self.point(held);
        Claim {
            numerator: self.power(u128::from(area.weight)) * point.denominator,
            denominator: point.numerator,
            area: index,
        }
    }

    /// The claim by which an area holds the last of its seats; `None` at its minimum.
    pub(super) fn met(self, index: usize, area: &Area, held: u64) -> Option<Claim> {
        (held > area.min_seats).then(|| self.claim(index, area, held - 1))
    }

    /// The claim of an area to one seat more; `None` at its maximum or without a weight. An area
    /// that has all seats still has such a claim: it bounds the divisor from below.
    pub(super) fn unmet(self, index: usize, area: &Area, held: u64) -> Option<Claim> {
        let has_room = area.max_seats.is_none_or(|maximum| held < maximum);
        (area.weight > 0 && has_room).then(|| self.claim(index, area, held))
    }

    /// The seats that the quota weight · t is rounded to, up at the very point of rounding, within
    /// the area's bounds. The multiplier is a coarse one: squares stay below 2 · 10^38.
    fn round(self, multiplier: Multiplier, problem: &Problem, area: &Area) -> u64 {
        let whole = multiplier.bounded(problem, area).whole;
        if whole >= problem.ceiling(area) {
            return whole;
        }
        let quota = multiplier.of(area);
        let point = self.point(whole);
        let left = point.numerator * self.power(quota.denominator);
        let right = self.power(quota.numerator) * point.denominator;
        if left <= right { whole + 1 } else { whole }
    }

    /// The least weight by which `claim`'s area would have come before `rival`, less what it has.
    /// `None` where no weight would do: a first seat that everyone is owed comes before all others.
    pub(super) fn shortfall(
        self,
        claim: &Claim,
        area: &Area,
        held: u64,
        rival: &Claim,
    ) -> Option<u128> {
        let wins_ties = claim.area < rival.area;
        let weight = u128::from(area.weight);
        let point = self.point(held);
        let needed = match (point.numerator == 0, rival.denominator == 0) {
            (false, true) => return None,
            (true, false) => return Some(0),
            (true, true) if wins_ties => rival.numerator,
            (true, true) => rival.numerator + 1,
            (false, false) => {
                let dividend = rival.numerator * point.numerator;
                let divisor = rival.denominator * point.denominator;
                if wins_ties { dividend.div_ceil(divisor) } else { dividend / divisor + 1 }
            }
        };
        Some(self.root(needed).saturating_sub(weight))
    }

    /// The least number whose [`Self::power`] is at least `value`.
    fn root(self, value: u128) -> u128 {
        match self {
            Self::HuntingtonHill => {
                let root = value.isqrt();
                if root * root < value { root + 1 } else { root }
            }
            Self::SainteLague
            | Self::ModifiedSainteLague
            | Self::DHondt
            | Self::Adams
            | Self::Dean => value,
        }
    }
}

/// An area's claim to one seat: weight / d, squared for Huntington-Hill. The denominator is zero
/// for a first seat that everyone is owed; such claims come first, in order of weight.
///
/// The greater claim is served first; of equal values the one with the lower index is greater.
/// A comparison multiplies a numerator by a denominator. The largest product is Huntington-Hill's,
/// (10^12)² · 10^7 · (10^7 + 1), just over 10^38, and 128 bits hold 3.4 · 10^38.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    numerator: u128,
    denominator: u128,
    pub(super) area: usize,
}

impl Claim {
    /// Compares the claims without regard to the order of the areas.
    pub(super) fn strength(&self, other: &Self) -> Ordering {
        if self.denominator == 0 && other.denominator == 0 {
            return self.numerator.cmp(&other.numerator);
        }
        let left = self.numerator * other.denominator;
        left.cmp(&(other.numerator * self.denominator))
    }

    /// True if only the order of the areas decides between the two.
    pub(super) fn ties_with(&self, other: &Self) -> bool {
        self.strength(other).is_eq()
    }

    /// Whose claim it is.
    pub fn area(&self) -> usize {
        self.area
    }

    /// The value of the claim; `None` where the divisor is zero.
    pub fn value(&self) -> Option<Fraction> {
        (self.denominator > 0)
            .then_some(Fraction { numerator: self.numerator, denominator: self.denominator })
    }
}

impl Ord for Claim {
    fn cmp(&self, other: &Self) -> Ordering {
        self.strength(other).then_with(|| other.area.cmp(&self.area))
    }
}

impl PartialOrd for Claim {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Claim {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Claim {}

/// Rounds the quotas, which misses the seats by at most a few for each area, and then adds or takes
/// away single seats in the order of the claims.
pub(super) fn apportion(divisor: Divisor, problem: &Problem) -> Outcome {
    let multiplier = Multiplier::exact(problem).coarse();
    let mut held: Vec<u64> =
        problem.areas.iter().map(|area| divisor.round(multiplier, problem, area)).collect();
    let given: u64 = held.iter().sum();
    if given < problem.seats {
        add(divisor, problem, &mut held, problem.seats - given);
    } else {
        take_away(divisor, problem, &mut held, given - problem.seats);
    }
    let edge = Edge::find(divisor, problem, &held);
    Outcome {
        ties: edge.tie(divisor, problem, &held).into_iter().collect(),
        divisor: edge.interval(divisor),
        last_served: edge.weakest_met.map(|claim| claim.area),
        ..edge.runner_up(divisor, problem, held)
    }
}

/// Gives `count` seats to the strongest claims one after another.
fn add(divisor: Divisor, problem: &Problem, held: &mut [u64], count: u64) {
    let mut claims: BinaryHeap<Claim> = indexed(problem, held)
        .filter_map(|(index, area, held)| divisor.unmet(index, area, held))
        .collect();
    for _ in 0..count {
        let Some(mut strongest) = claims.peek_mut() else {
            return;
        };
        let index = strongest.area;
        held[index] += 1;
        match divisor.unmet(index, &problem.areas[index], held[index]) {
            Some(next) => *strongest = next,
            None => {
                PeekMut::pop(strongest);
            }
        }
    }
}

/// Takes `count` seats back from the weakest claims one after another.
fn take_away(divisor: Divisor, problem: &Problem, held: &mut [u64], count: u64) {
    let mut claims: BinaryHeap<Reverse<Claim>> = indexed(problem, held)
        .filter_map(|(index, area, held)| divisor.met(index, area, held).map(Reverse))
        .collect();
    for _ in 0..count {
        let Some(mut weakest) = claims.peek_mut() else {
            return;
        };
        let index = weakest.0.area;
        held[index] -= 1;
        match divisor.met(index, &problem.areas[index], held[index]) {
            Some(next) => *weakest = Reverse(next),
            None => {
                PeekMut::pop(weakest);
            }
        }
    }
}

/// Where the seats ran out: the two claims that every other one lies beyond.
pub(super) struct Edge {
    /// The claim that got the last seat; `None` if there are no seats above the minimums.
    pub(super) weakest_met: Option<Claim>,
    /// The claim that would get one seat more; `None` if no area can take any.
    pub(super) strongest_unmet: Option<Claim>,
}

impl Edge {
    pub(super) fn find(divisor: Divisor, problem: &Problem, held: &[u64]) -> Self {
        Self {
            weakest_met: indexed(problem, held)
                .filter_map(|(index, area, held)| divisor.met(index, area, held))
                .min(),
            strongest_unmet: indexed(problem, held)
                .filter_map(|(index, area, held)| divisor.unmet(index, area, held))
                .max(),
        }
    }

    /// All areas whose claims equal those on both sides of the edge.
    fn tie(&self, divisor: Divisor, problem: &Problem, held: &[u64]) -> Option<Tie> {
        let (met, unmet) = (self.weakest_met?, self.strongest_unmet?);
        if !met.ties_with(&unmet) {
            return None;
        }
        let mut tie = Tie { seats_at_stake: 0, areas: Vec::new() };
        for (index, area, held) in indexed(problem, held) {
            let is_level = |claim: Claim| claim.ties_with(&met);
            if divisor.met(index, area, held).is_some_and(is_level) {
                tie.seats_at_stake += 1;
                tie.areas.push(index);
            } else if divisor.unmet(index, area, held).is_some_and(is_level) {
                tie.areas.push(index);
            }
        }
        Some(tie)
    }

    fn interval(&self, divisor: Divisor) -> Option<DivisorInterval> {
        let lower = match self.strongest_unmet {
            Some(claim) => claim.value()?,
            None => Fraction { numerator: 0, denominator: 1 },
        };
        Some(DivisorInterval {
            lower,
            upper: self.weakest_met.and_then(|claim| claim.value()),
            squared: divisor == Divisor::HuntingtonHill,
        })
    }

    /// The strongest claim of another area than the one served last, and what it was short of.
    fn runner_up(&self, divisor: Divisor, problem: &Problem, held: Vec<u64>) -> Outcome {
        let runner_up = self.weakest_met.and_then(|last| {
            let claim = indexed(problem, &held)
                .filter(|&(index, _, _)| index != last.area)
                .filter_map(|(index, area, held)| divisor.unmet(index, area, held))
                .max()?;
            let (area, held) = (&problem.areas[claim.area], held[claim.area]);
            Some((claim.area, divisor.shortfall(&claim, area, held, &last)))
        });
        Outcome {
            held,
            runner_up: runner_up.map(|(area, _)| area),
            margin: runner_up.and_then(|(_, margin)| margin),
            ..Outcome::default()
        }
    }
}

fn indexed<'a>(
    problem: &Problem<'a>,
    held: &'a [u64],
) -> impl Iterator<Item = (usize, &'a Area, u64)> {
    let pairs = problem.areas.iter().zip(held).enumerate();
    pairs.map(|(index, (area, &held))| (index, area, held))
}
