//! The quota method: seat by seat, D'Hondt's order among those below their upper quota.
//!
//! Which areas have been served at a number of seats depends on when each became eligible at all
//! smaller numbers. Without binding bounds the state before the last seat is counted
//! ([`super::deadlines`]); else every seat is given in turn, and each costs O(log n).
//!
//! # Ties
//!
//! A claim weight / (seats + 1) to seat a + 1 can be met from the house size on at which the upper
//! quota exceeds a. How many claims of one strength are met at the end does not depend on how ties
//! were broken on the way (without bounds), since the stronger ones go first whatever happens among
//! equals. So a tie is a strength at which some were served and others, who could have had one of
//! their seats, were not.

use super::deadlines::{self, Reached};
use super::divisor::{Claim, Divisor};
use super::problem::Problem;
use super::{Outcome, Tie};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Gives the minimums and all seats but the last, and then the last by the rule itself.
pub(super) fn apportion(problem: &Problem) -> Outcome {
    let house = House::at_minimums(problem);
    let before_last = problem.seats.saturating_sub(1);
    if house.size >= before_last {
        return house.finish();
    }
    match deadlines::reach(problem, before_last) {
        Some(reached) => House::at(problem, reached).finish(),
        None => house.finish(),
    }
}

/// The apportionment of the first `size` seats.
struct House<'a> {
    problem: &'a Problem<'a>,
    size: u64,
    held: Vec<u64>,
    /// The house size at which each area got its latest seat; 0 for those at their minimum.
    served_at: Vec<u64>,
    /// The claims of the areas below their upper quota.
    eligible: BinaryHeap<Claim>,
    /// The areas at or above their upper quota.
    waiting: BinaryHeap<Reverse<Waiting>>,
}

impl<'a> House<'a> {
    fn at_minimums(problem: &'a Problem<'a>) -> Self {
        let held: Vec<u64> = problem.areas.iter().map(|area| area.min_seats).collect();
        let served_at = vec![0; held.len()];
        Self::at(problem, Reached { held, served_at })
    }

    fn at(problem: &'a Problem<'a>, reached: Reached) -> Self {
        let Reached { held, served_at } = reached;
        let mut house = Self {
            problem,
            size: held.iter().sum(),
            served_at,
            held,
            eligible: BinaryHeap::new(),
            waiting: BinaryHeap::new(),
        };
        house.waiting =
            (0..house.held.len()).filter_map(|area| house.wait(area).map(Reverse)).collect();
        house
    }

    /// Gives the seats that are left one by one.
    fn finish(mut self) -> Outcome {
        let mut last_served = None;
        let mut runner_up = None;
        while self.size < self.problem.seats {
            self.grow();
            let Some(area) = self.take_next() else {
                break;
            };
            last_served = Some(area);
            if self.size == self.problem.seats {
                runner_up = self.eligible.peek().map(|claim| claim.area);
            }
            self.serve(area);
        }
        Outcome { ties: self.ties(), held: self.held, last_served, runner_up, ..Outcome::default() }
    }

    /// One seat more, and the areas whose upper quota rises by it become eligible.
    fn grow(&mut self) {
        self.size += 1;
        while let Some(Reverse(first)) = self.waiting.peek() {
            // Multiplied out, since a division for each seat would be most of the work.
            let held = u128::from(first.held) * self.problem.total;
            if held >= u128::from(self.size) * u128::from(first.weight) {
                return;
            }
            let (area, held) = (first.area, first.held);
            self.waiting.pop();
            self.eligible.push(self.claim(area, held));
        }
    }

    /// The area that gets this seat, taken out of its heap.
    fn take_next(&mut self) -> Option<usize> {
        match self.eligible.pop() {
            Some(claim) => Some(claim.area),
            None => self.waiting.pop().map(|Reverse(first)| first.area),
        }
    }

    fn serve(&mut self, area: usize) {
        self.held[area] += 1;
        self.served_at[area] = self.size;
        if let Some(waiting) = self.wait(area) {
            self.waiting.push(Reverse(waiting));
        }
    }

    fn wait(&self, area: usize) -> Option<Waiting> {
        let (held, spec) = (self.held[area], &self.problem.areas[area]);
        (held < self.problem.ceiling(spec)).then_some(Waiting { held, weight: spec.weight, area })
    }

    fn claim(&self, area: usize, held: u64) -> Claim {
        Divisor::DHondt.claim(area, &self.problem.areas[area], held)
    }

    fn eligible_from(&self, area: usize, held: u64) -> u64 {
        deadlines::first_size(self.problem, &self.problem.areas[area], held)
    }

    /// The ties that the order of the areas decided, strongest claims first. Nobody is
    /// served at size 0.
    fn ties(&self) -> Vec<Tie> {
        if self.eligible.is_empty() {
            return Vec::new();
        }
        let unserved = self.eligible.iter().map(|&claim| Contender {
            claim,
            eligible_from: self.eligible_from(claim.area, self.held[claim.area]),
            served_at: None,
        });
        let served =
            (0..self.held.len()).filter(|&area| self.served_at[area] > 0).map(|area| Contender {
                claim: self.claim(area, self.held[area] - 1),
                eligible_from: self.eligible_from(area, self.held[area] - 1),
                served_at: Some(self.served_at[area]),
            });
        let mut contenders: Vec<Contender> = unserved.chain(served).collect();
        contenders.sort_unstable_by_key(|one| Reverse(one.claim));
        contenders
            .chunk_by(|left, right| left.claim.ties_with(&right.claim))
            .filter_map(tie_among)
            .collect()
    }
}

/// An area that waits for its upper quota to rise: the fewest seats by weight first, then the index.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    held: u64,
    weight: u64,
    area: usize,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        // At most 10^7 seats times a weight of 10^12, which fits into 64 bits.
        let left = self.held * other.weight;
        let right = other.held * self.weight;
        left.cmp(&right).then_with(|| self.area.cmp(&other.area))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

/// A claim that was met at a house size, or was not met though it could have been.
#[derive(Clone, Copy, Debug)]
struct Contender {
    claim: Claim,
    eligible_from: u64,
    served_at: Option<u64>,
}

/// The tie among claims of equal strength: the unserved, and those whose seats could have gone to
/// them, directly or because one who was served could have had an earlier one's seat.
fn tie_among(level: &[Contender]) -> Option<Tie> {
    let unserved = level.iter().filter(|one| one.served_at.is_none());
    let mut reach = unserved.clone().map(|one| one.eligible_from).min()?;
    let mut served: Vec<&Contender> = level.iter().filter(|one| one.served_at.is_some()).collect();
    served.sort_unstable_by_key(|one| Reverse(one.served_at));
    let last_seat = served.first()?.served_at?;
    let mut areas = Vec::new();
    let mut seats_at_stake = 0;
    for one in served {
        if one.served_at < Some(reach) {
            break;
        }
        reach = reach.min(one.eligible_from);
        seats_at_stake += 1;
        areas.push(one.claim.area);
    }
    if areas.is_empty() {
        return None;
    }
    areas.extend(unserved.filter(|one| one.eligible_from <= last_seat).map(|one| one.claim.area));
    areas.sort_unstable();
    Some(Tie { seats_at_stake, areas })
}

#[cfg(test)]
mod tests {
    use super::super::Area;
    use super::*;
    use proptest::prelude::*;

    /// Areas of very different weights, some with bounds that seldom bind, and up to 3,000 seats.
    fn question() -> impl Strategy<Value = (u64, Vec<Area>)> {
        let weight = prop_oneof![0..9_u64, 1..500_u64, 1..1_000_000_000_000_u64];
        let area = (weight, prop_oneof![4 => Just(0), 1 => 0..4_u64], prop::bool::weighted(0.1));
        let areas = prop::collection::vec(area, 1..14);
        (areas, 0..3_000_u64).prop_map(|(areas, seats)| {
            let total: u128 = areas.iter().map(|one| u128::from(one.0)).sum();
            let seats = if total == 0 { 0 } else { seats.max(60) };
            let areas = areas.into_iter().map(|(weight, min_seats, capped)| {
                let quota = (u128::from(seats) * u128::from(weight)).div_ceil(total.max(1));
                let most = u64::try_from(quota).unwrap().max(min_seats);
                let min_seats = if total == 0 { 0 } else { min_seats };
                Area { weight, min_seats, max_seats: capped.then_some(most) }
            });
            (seats, areas.collect())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

        #[test]
        fn the_count_and_the_walk_find_the_same((seats, areas) in question()) {
            let Ok(problem) = Problem::check(seats, &areas) else { return Ok(()) };
            let walked = House::at_minimums(&problem).finish();
            prop_assert_eq!(format!("{:?}", apportion(&problem)), format!("{walked:?}"));
        }

        #[test]
        fn without_bounds_nothing_is_walked((seats, mut areas) in question()) {
            for area in &mut areas {
                (area.min_seats, area.max_seats) = (0, None);
            }
            let Ok(problem) = Problem::check(seats, &areas) else { return Ok(()) };
            prop_assert!(seats == 0 || deadlines::reach(&problem, seats - 1).is_some());
        }
    }
}
