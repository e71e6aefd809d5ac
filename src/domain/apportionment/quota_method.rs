//! The quota method: seat by seat, D'Hondt's order among those below their bounded quota rounded up.
//!
//! Which areas have been served at a number of seats depends on when each became eligible at all
//! smaller numbers. The state before the last seat is counted ([`super::deadlines`]).
//!
//! # Ties
//!
//! A claim weight / (seats + 1) to seat a + 1 can be met from the house size on at which the bounded
//! quota exceeds a. How many claims of one strength are met at the end does not depend on how ties
//! were broken on the way, since the stronger ones go first whatever happens among equals. So a tie
//! is a strength at which some were served and others, who could have had one of their seats, were
//! not.

use super::deadlines::{self, Reached};
use super::divisor::{Claim, Divisor};
use super::multiplier::Pieces;
use super::problem::Problem;
use super::{Outcome, Tie};
use std::cmp::Reverse;

/// Gives the minimums and all seats but the last, and then the last by the rule itself.
pub(super) fn apportion(problem: &Problem) -> Outcome {
    let pieces = Pieces::of(problem);
    let multiplier = Some(pieces.multiplier(problem.seats).value());
    if problem.minimums() == problem.seats {
        let held = problem.areas.iter().map(|area| area.min_seats).collect();
        return Outcome { held, multiplier, ..Outcome::default() };
    }
    let mut reached = deadlines::reach(problem, &pieces, problem.seats - 1);
    let mut eligible = eligible(problem, &pieces, &reached.held);
    eligible.sort_unstable_by_key(|&claim| Reverse(claim));
    let mut unserved = eligible.into_iter();
    let last_served = unserved.next().map(|claim| claim.area);
    if let Some(area) = last_served {
        reached.held[area] += 1;
        reached.served_at[area] = problem.seats;
    }
    Outcome {
        multiplier,
        ties: ties(problem, &pieces, &reached, unserved.as_slice()),
        held: reached.held,
        last_served,
        runner_up: unserved.next().map(|claim| claim.area),
        ..Outcome::default()
    }
}

/// The claims of the areas below their bounded quota rounded up.
fn eligible(problem: &Problem, pieces: &Pieces, held: &[u64]) -> Vec<Claim> {
    let quotas = deadlines::quotas(problem, pieces, problem.seats);
    let areas = problem.areas.iter().zip(held).zip(quotas).enumerate();
    areas
        .filter(|(_, ((_, held), quota))| **held < quota.rounded_up())
        .map(|(index, ((area, &held), _))| Divisor::DHondt.claim(index, area, held))
        .collect()
}

/// The ties that the order of the areas decided, strongest claims first. Nobody is served at size 0.
fn ties(problem: &Problem, pieces: &Pieces, reached: &Reached, unserved: &[Claim]) -> Vec<Tie> {
    if unserved.is_empty() {
        return Vec::new();
    }
    let contender = |claim: Claim, seat: u64, served_at: Option<u64>| {
        let eligible_from = deadlines::release(pieces, &problem.areas[claim.area], seat);
        Contender { claim, eligible_from, served_at }
    };
    let served = (0..reached.held.len()).filter(|&area| reached.served_at[area] > 0).map(|area| {
        let seat = reached.held[area] - 1;
        let claim = Divisor::DHondt.claim(area, &problem.areas[area], seat);
        contender(claim, seat, Some(reached.served_at[area]))
    });
    let unserved = unserved.iter().map(|&claim| contender(claim, reached.held[claim.area], None));
    let mut contenders: Vec<Contender> = unserved.chain(served).collect();
    contenders.sort_unstable_by_key(|one| Reverse(one.claim));
    contenders
        .chunk_by(|left, right| left.claim.ties_with(&right.claim))
        .filter_map(tie_among)
        .collect()
}

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
