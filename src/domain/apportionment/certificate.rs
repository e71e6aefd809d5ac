//! Checks that an apportionment is right, without computing it where the method allows that.

use super::divisor::{Divisor, Edge};
use super::problem::Problem;
use super::{ApportionmentError, Area, Method, Rule, quota_method, remainder};

/// Why seats are not the apportionment of a question. Areas are named by their index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The question itself is refused, so no answer to it is right.
    #[error("the question is impossible: {0}")]
    Impossible(#[from] ApportionmentError),
    /// There is not one number of seats for each area.
    #[error("{given} numbers of seats were given for {areas} areas")]
    WrongLength {
        /// How many numbers were given.
        given: usize,
        /// How many areas there are.
        areas: usize,
    },
    /// The seats of the areas do not add up to the seats shared out.
    #[error("the seats add up to {sum}, not {seats}")]
    WrongSum {
        /// What they add up to.
        sum: u128,
        /// What they should add up to.
        seats: u64,
    },
    /// An area has fewer seats than its minimum, more than its maximum, or more than its minimum
    /// without a weight.
    #[error("area {area} has {seats} seats, outside its bounds from {minimum} to {maximum}")]
    OutsideBounds {
        /// The first such area.
        area: usize,
        /// The seats it has.
        seats: u64,
        /// The fewest seats it can have.
        minimum: u64,
        /// The most seats it can have.
        maximum: u64,
    },
    /// An area has a seat that another has a stronger claim to (the max-min inequality).
    #[error("area {stronger} has a stronger claim to a seat than area {weaker}, which has it")]
    StrongerClaim {
        /// The area that should have one seat more.
        stronger: usize,
        /// The area that should have one seat less.
        weaker: usize,
    },
    /// An area's seats are not its bounded quota rounded up or down.
    #[error("area {area} has {seats} seats, not {whole} or, where there is a fraction, one more")]
    OutsideQuota {
        /// The first such area.
        area: usize,
        /// The seats it has.
        seats: u64,
        /// Its bounded quota rounded down.
        whole: u64,
    },
    /// An area has other seats than the quota method gives it.
    #[error("area {area} has {seats} seats, the method gives it {expected}")]
    Differs {
        /// The first such area.
        area: usize,
        /// The seats it has.
        seats: u64,
        /// The seats it should have.
        expected: u64,
    },
}

/// Checks that `seats_per_area` is an apportionment of `seats` to `areas` by `method`.
///
/// For a divisor method this is the max-min inequality in O(n): no area's claim to one seat more is
/// stronger than another's to the last seat it has. For largest remainder no remainder that was
/// rounded down exceeds one that was rounded up (O(n log n), for the bounds). Of tied areas any may
/// have the seats at stake. The quota method can have no such inequality unless NP = coNP
/// (docs/quota-method.md): it is computed again, and only the answer of the tie order passes.
///
/// # Errors
///
/// Names the first rule that is broken and the areas that break it.
pub fn certify(
    method: Method,
    seats: u64,
    areas: &[Area],
    seats_per_area: &[u64],
) -> Result<(), CertificateError> {
    let problem = Problem::check(seats, areas)?;
    check_shape(&problem, seats_per_area)?;
    match Rule::of(method) {
        Rule::Divisors(divisor) => check_claims(divisor, &problem, seats_per_area),
        Rule::LargestRemainder => check_remainders(&problem, seats_per_area),
        Rule::Quota => check_equal(&quota_method::apportion(&problem).held, seats_per_area),
    }
}

fn check_shape(problem: &Problem, seats_per_area: &[u64]) -> Result<(), CertificateError> {
    if seats_per_area.len() != problem.areas.len() {
        return Err(CertificateError::WrongLength {
            given: seats_per_area.len(),
            areas: problem.areas.len(),
        });
    }
    let sum: u128 = seats_per_area.iter().map(|&seats| u128::from(seats)).sum();
    if sum != u128::from(problem.seats) {
        return Err(CertificateError::WrongSum { sum, seats: problem.seats });
    }
    for (index, (area, &seats)) in problem.areas.iter().zip(seats_per_area).enumerate() {
        let maximum = problem.ceiling(area);
        if seats < area.min_seats || seats > maximum {
            return Err(CertificateError::OutsideBounds {
                area: index,
                seats,
                minimum: area.min_seats,
                maximum,
            });
        }
    }
    Ok(())
}

fn check_claims(
    divisor: Divisor,
    problem: &Problem,
    seats_per_area: &[u64],
) -> Result<(), CertificateError> {
    let edge = Edge::find(divisor, problem, seats_per_area);
    match (edge.weakest_met, edge.strongest_unmet) {
        (Some(met), Some(unmet)) if unmet.strength(&met).is_gt() => {
            Err(CertificateError::StrongerClaim { stronger: unmet.area, weaker: met.area })
        }
        _ => Ok(()),
    }
}

fn check_remainders(problem: &Problem, seats_per_area: &[u64]) -> Result<(), CertificateError> {
    let mut up: Option<(u128, usize)> = None;
    let mut down: Option<(u128, usize)> = None;
    let quotas = remainder::bounded_quotas(problem);
    for (area, (quota, &seats)) in quotas.iter().zip(seats_per_area).enumerate() {
        let this = (quota.remainder, area);
        if seats == quota.whole {
            down = down.max(Some(this));
        } else if seats == quota.whole + 1 && quota.remainder > 0 {
            up = Some(up.map_or(this, |least| least.min(this)));
        } else {
            return Err(CertificateError::OutsideQuota { area, seats, whole: quota.whole });
        }
    }
    match (up, down) {
        (Some((least_up, weaker)), Some((most_down, stronger))) if most_down > least_up => {
            Err(CertificateError::StrongerClaim { stronger, weaker })
        }
        _ => Ok(()),
    }
}

fn check_equal(expected: &[u64], seats_per_area: &[u64]) -> Result<(), CertificateError> {
    let pairs = expected.iter().zip(seats_per_area).enumerate();
    for (area, (&expected, &seats)) in pairs {
        if expected != seats {
            return Err(CertificateError::Differs { area, seats, expected });
        }
    }
    Ok(())
}
