//! Exact apportionment of whole places to areas in proportion to their weights.
//!
//! All arithmetic is on integers (`u128`), so the answer is the same on every machine and a client
//! can check it. The order of the slice of [`Area`]s is the tie order: of areas with equal claims
//! the earlier one is served first, and [`Apportionment::ties`] names everyone who tied.
//!
//! # Bounds
//!
//! Minimums and maximums mean the following, method by method:
//!
//! - *Divisor methods*: an area takes part above its minimum with the claims it would have there
//!   anyway, and stops at its maximum. The divisor interval then holds for the areas that are
//!   strictly between their bounds.
//! - *Largest remainder*: quotas are first bounded. One multiplier `t` is found for which the
//!   numbers `weight · t`, each raised to its minimum or lowered to its maximum, add up to the
//!   seats; these are rounded down, and the largest remainders get what is left.
//! - *Quota method*: the minimums are given first, then seat by seat to those below their bounded
//!   quota rounded up, bounded as for the largest remainder. So it stays house monotone and within
//!   the bounded quota, rounded up or down.
//!
//! An area of weight zero gets its minimum and nothing else, under every method.
//!
//! # Cost
//!
//! O(n log n) for n areas whatever the number of seats: the work starts from rounded quotas and at
//! most O(n) single seats are added or taken away with a heap. The quota method depends on every
//! smaller number of seats, and for it no such bound can hold unless P = NP (docs/quota-method.md):
//! it counts through some of them, without bounds at most total weight / lightest weight
//! ([`deadlines`]).

mod certificate;
mod deadlines;
mod divisor;
mod flips;
mod multiplier;
mod problem;
mod quota_method;
mod remainder;

pub use certificate::{CertificateError, certify};

pub use divisor::Claim;
use divisor::Divisor;
pub use flips::{Flip, flips};
use problem::Problem;
use serde::{Deserialize, Serialize};

/// The largest number of areas in one apportionment.
pub const MAX_AREAS: usize = 1_000_000;

/// The largest number of seats (places) in one apportionment.
pub const MAX_SEATS: u64 = 10_000_000;

/// The largest weight of one area, in whatever unit the distribution key counts.
pub const MAX_WEIGHT: u64 = 1_000_000_000_000;

/// How whole seats are shared out by weight.
///
/// A divisor method gives each seat in turn to the area with the largest weight / d(seats it has),
/// or, which is the same, divides all weights by one common divisor and rounds at the points d.
/// The names d below follow M. L. Balinski and H. P. Young, *Fair Representation* (1982).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Method {
    /// Sainte-Laguë (Webster): d(a) = a + 1/2, that is the divisors 1, 3, 5, … Unbiased between
    /// large and small areas. Source: A. Sainte-Laguë, "La représentation proportionnelle et la
    /// méthode des moindres carrés" (1910); valgloven (2002) § 11-3.
    SainteLague,
    /// Modified Sainte-Laguë: the first divisor is 1.4 in place of 1, that is d(0) = 0.7, so a
    /// first seat is harder to get. Source: valgloven (2002) § 11-4 (1.4, 3, 5, …).
    ModifiedSainteLague,
    /// D'Hondt (Jefferson): d(a) = a + 1, the divisors 1, 2, 3, … Favours large areas. Source:
    /// V. D'Hondt, *Système pratique et raisonné de représentation proportionnelle* (1882).
    #[serde(rename = "DHONDT")]
    DHondt,
    /// Adams: d(a) = a, the divisors 0, 1, 2, … Favours small areas. Everyone with a weight gets a
    /// first seat before anyone gets a second. Source: Balinski and Young (1982), ch. 4.
    Adams,
    /// Huntington-Hill (equal proportions): d(a) = √(a(a + 1)), compared by its square. Everyone
    /// with a weight gets a first seat before anyone gets a second. Source: E. V. Huntington (1921)
    /// and Title 2 U.S. Code § 2a.
    HuntingtonHill,
    /// Dean (harmonic mean): d(a) = 2a(a + 1)/(2a + 1). Everyone with a weight gets a first seat
    /// before anyone gets a second. Source: Balinski and Young (1982), ch. 4.
    Dean,
    /// Largest remainder (Hamilton, Hare's quota): quotas rounded down, then one seat more for the
    /// largest fractions. Stays within quota, but is not house monotone: one more seat in all may
    /// take a seat from an area (the Alabama paradox). Source: Balinski and Young (1982), ch. 3.
    LargestRemainder,
    /// The quota method: at each number of seats h = 1, 2, …, the seat goes to the largest
    /// weight / (seats + 1) among the areas that stay within their upper quota ⌈h · weight / total⌉
    /// (of the bounded quota where there are bounds).
    /// House monotone and within quota. Source: M. L. Balinski and H. P. Young, "The Quota Method
    /// of Apportionment", American Mathematical Monthly 82 (1975) 701-730.
    Quota,
}

/// One area that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The area's weight by the distribution key, from 0 to [`MAX_WEIGHT`]; most often inhabitants.
    pub weight: u64,
    /// The seats the area gets whatever its weight.
    pub min_seats: u64,
    /// The seats the area gets at most; `None` means that there is no maximum.
    pub max_seats: Option<u64>,
}

/// An exact fraction of two non-negative integers. It is not reduced, and the denominator is never
/// zero, so two equal values may have different parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    /// The part above the line.
    pub numerator: u128,
    /// The part below the line; never zero.
    pub denominator: u128,
}

/// What one area gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The whole seats of the area.
    pub seats: u64,
    /// The exact share before rounding, seats · weight / total weight, without regard to bounds.
    /// The denominator is the total weight (1 where that is zero), the same in all areas.
    pub quota: Fraction,
}

/// Areas whose claims to the last seats are exactly equal, so that the order of the slice decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    /// How many seats the tied areas competed for; fewer than there are tied areas.
    pub seats_at_stake: u64,
    /// The indices of all tied areas in ascending order, both those served and those not.
    pub areas: Vec<usize>,
}

/// The divisors that give the apportionment: an area strictly between its bounds has the seats
/// that weight / divisor rounds to, for every divisor between the two ends.
///
/// For Sainte-Laguë and D'Hondt this is the number of inhabitants per seat that elections publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DivisorInterval {
    /// The lower end: the strongest claim that was not met; 0/1 when all areas are at their maximum.
    pub lower: Fraction,
    /// The upper end: the weakest claim that was met; `None` means that there is no upper end.
    pub upper: Option<Fraction>,
    /// True for Huntington-Hill only: the ends are the squares of the divisors, since the divisors
    /// themselves are not rational.
    pub squared: bool,
}

/// The answer: who gets what, and enough about the last seat to check and to explain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apportionment {
    /// One share per area, in the order of the areas.
    pub shares: Vec<Share>,
    /// The ties that the order of the areas decided; empty when nothing hung on the order. Divisor
    /// methods and largest remainder have at most one. The quota method has one for each strength
    /// of claim that some of the areas that made it got a seat by and others did not.
    pub ties: Vec<Tie>,
    /// The certificate of a divisor method. `None` for the other methods, and where an area has no
    /// seat while the method owes it one (fewer seats than areas under Adams and its like).
    pub divisor: Option<DivisorInterval>,
    /// For largest remainder and the quota method: weight · multiplier within the bounds is what was
    /// rounded, up or down. `None` for the other methods.
    pub multiplier: Option<Fraction>,
    /// The index of the area that got the last seat. By a divisor method that is the weakest claim
    /// that was met; by the quota method the strongest of those that could be met at this number of
    /// seats, and a weaker one may have been met before. `None` when
    /// the minimums, or whole quotas under largest remainder, left no seat to compete for.
    pub last_served: Option<usize>,
    /// The index of the area that would have had the last seat but for the one that got it. `None`
    /// when there was no such seat or nobody else could take it.
    pub runner_up: Option<usize>,
    /// The least weight that the runner-up had needed in addition to take the last seat, all other
    /// weights as they are; at least 1. `None` without a runner-up, where no weight would do, and
    /// for the methods that are not divisor methods.
    pub margin: Option<u128>,
}

/// Why an apportionment is impossible. Areas are named by their index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApportionmentError {
    /// There are more areas than [`MAX_AREAS`].
    #[error("{count} areas are more than the limit of {limit}")]
    TooManyAreas {
        /// The number of areas given.
        count: usize,
        /// The largest number allowed.
        limit: usize,
    },
    /// There are more seats than [`MAX_SEATS`].
    #[error("{seats} seats are more than the limit of {limit}")]
    TooManySeats {
        /// The number of seats given.
        seats: u64,
        /// The largest number allowed.
        limit: u64,
    },
    /// An area weighs more than [`MAX_WEIGHT`].
    #[error("area {area}: a weight of {weight} is more than the limit of {limit}")]
    WeightTooLarge {
        /// The first such area.
        area: usize,
        /// Its weight.
        weight: u64,
        /// The largest weight allowed.
        limit: u64,
    },
    /// An area's minimum is above its maximum.
    #[error("area {area}: the minimum of {minimum} seats is above the maximum of {maximum}")]
    MinimumAboveMaximum {
        /// The first such area.
        area: usize,
        /// Its minimum in seats.
        minimum: u64,
        /// Its maximum in seats.
        maximum: u64,
    },
    /// The minimums together are more than the seats.
    #[error("the minimums add up to {minimums}, but there are only {seats} seats")]
    MinimumsAboveSeats {
        /// The sum of all minimums in seats.
        minimums: u128,
        /// The seats to share out.
        seats: u64,
    },
    /// Seats are left when the minimums are given, and no area has a weight to claim them by.
    #[error("{seats_left} seats are left over the minimums and no area has a weight")]
    NoWeight {
        /// The seats that nobody can claim.
        seats_left: u64,
    },
    /// The maximums together are fewer than the seats. An area of weight zero counts with its
    /// minimum, as it can take no more.
    #[error("the areas can take {maximums} seats at most, but there are {seats}")]
    MaximumsBelowSeats {
        /// The sum of what the areas can take.
        maximums: u128,
        /// The seats to share out.
        seats: u64,
    },
}

/// Shares out `seats` seats to `areas` by `method`.
///
/// The seats of the answer add up to `seats` and honour every minimum and maximum. The order of
/// `areas` breaks ties, so callers sort them by municipality number first.
///
/// # Errors
///
/// Refuses, in this order: too many areas or seats, too large a weight, a minimum above its maximum,
/// minimums above the seats, seats left without any weight, maximums below the seats.
pub fn apportion(
    method: Method,
    seats: u64,
    areas: &[Area],
) -> Result<Apportionment, ApportionmentError> {
    let problem = Problem::check(seats, areas)?;
    let outcome = match Rule::of(method) {
        Rule::Divisors(divisor) => divisor::apportion(divisor, &problem),
        Rule::LargestRemainder => remainder::apportion(&problem),
        Rule::Quota => quota_method::apportion(&problem),
    };
    let shares = outcome
        .held
        .iter()
        .zip(areas)
        .map(|(&held, area)| Share { seats: held, quota: problem.quota(area) })
        .collect();
    Ok(Apportionment {
        shares,
        ties: outcome.ties,
        divisor: outcome.divisor,
        multiplier: outcome.multiplier,
        last_served: outcome.last_served,
        runner_up: outcome.runner_up,
        margin: outcome.margin,
    })
}

/// The claim of an area that has `held` seats to one more by a divisor method: of several the
/// greatest comes first, and of equal ones that of the lower index. `None` for the methods that
/// know no such claims, since there a seat depends on all others, and without a weight.
pub fn claim(method: Method, index: usize, weight: u64, held: u64) -> Option<Claim> {
    let area = Area { weight, min_seats: 0, max_seats: None };
    match Rule::of(method) {
        Rule::Divisors(divisor) if weight > 0 => Some(divisor.claim(index, &area, held)),
        Rule::Divisors(_) | Rule::LargestRemainder | Rule::Quota => None,
    }
}

/// The three procedures behind the methods.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Divisors(Divisor),
    LargestRemainder,
    Quota,
}

impl Rule {
    fn of(method: Method) -> Self {
        match method {
            Method::SainteLague => Self::Divisors(Divisor::SainteLague),
            Method::ModifiedSainteLague => Self::Divisors(Divisor::ModifiedSainteLague),
            Method::DHondt => Self::Divisors(Divisor::DHondt),
            Method::Adams => Self::Divisors(Divisor::Adams),
            Method::HuntingtonHill => Self::Divisors(Divisor::HuntingtonHill),
            Method::Dean => Self::Divisors(Divisor::Dean),
            Method::LargestRemainder => Self::LargestRemainder,
            Method::Quota => Self::Quota,
        }
    }
}

/// What a procedure finds out; the fields mean what they mean in [`Apportionment`].
#[derive(Debug, Default)]
struct Outcome {
    held: Vec<u64>,
    ties: Vec<Tie>,
    divisor: Option<DivisorInterval>,
    multiplier: Option<Fraction>,
    last_served: Option<usize>,
    runner_up: Option<usize>,
    margin: Option<u128>,
}
