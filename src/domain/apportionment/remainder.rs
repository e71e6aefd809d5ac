//! The method of the largest remainder, on bounded quotas.

use super::multiplier::{BoundedQuota, Multiplier};
use super::problem::Problem;
use super::{Outcome, Tie};
use std::cmp::Reverse;

/// Rounds all bounded quotas down and gives one seat more to the largest remainders.
pub(super) fn apportion(problem: &Problem) -> Outcome {
    let multiplier = Multiplier::exact(problem);
    let quotas = quotas_by(multiplier, problem);
    let mut held: Vec<u64> = quotas.iter().map(|quota| quota.whole).collect();
    let mut by_remainder: Vec<usize> =
        (0..quotas.len()).filter(|&index| quotas[index].remainder > 0).collect();
    by_remainder.sort_unstable_by_key(|&index| (Reverse(quotas[index].remainder), index));
    // Each remainder is below one seat, so the seats left are fewer than the areas that have one.
    let given: u64 = held.iter().sum();
    let left = usize::try_from(problem.seats - given).unwrap_or(by_remainder.len());
    let (served, passed_over) = by_remainder.split_at(left.min(by_remainder.len()));
    for &index in served {
        held[index] += 1;
    }
    let (last_served, runner_up) = (served.last().copied(), passed_over.first().copied());
    let tie = last_served.zip(runner_up).and_then(|(last, next)| {
        let remainder = quotas[last].remainder;
        let is_level = |&&index: &&usize| quotas[index].remainder == remainder;
        let mut areas: Vec<usize> = served.iter().rev().take_while(is_level).copied().collect();
        let seats_at_stake = areas.iter().map(|_| 1).sum();
        areas.extend(passed_over.iter().take_while(is_level));
        areas.sort_unstable();
        (quotas[next].remainder == remainder).then_some(Tie { seats_at_stake, areas })
    });
    Outcome {
        held,
        ties: tie.into_iter().collect(),
        multiplier: Some(multiplier.value()),
        last_served,
        runner_up: last_served.and(runner_up),
        ..Outcome::default()
    }
}

/// The bounded quota of each area; they add up to the seats.
pub(super) fn bounded_quotas(problem: &Problem) -> Vec<BoundedQuota> {
    quotas_by(Multiplier::exact(problem), problem)
}

fn quotas_by(multiplier: Multiplier, problem: &Problem) -> Vec<BoundedQuota> {
    problem.areas.iter().map(|area| multiplier.bounded(problem, area)).collect()
}
