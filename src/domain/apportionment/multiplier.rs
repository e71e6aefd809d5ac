//! The multiplier `t` for which bounded quotas add up to the seats.
//!
//! The bounded quota of an area is `weight · t`, raised to the area's minimum or lowered to its
//! maximum. Their sum grows with `t` along straight pieces, which change where an area leaves its
//! minimum or reaches its maximum. Walking those points in order finds the piece with the seats.

use super::problem::Problem;
use super::{Area, Fraction};
use std::cmp::Ordering;

/// A common factor that turns weights into quotas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Multiplier(Fraction);

/// An area's bounded quota, split at the decimal point.
#[derive(Clone, Copy, Debug)]
pub(super) struct BoundedQuota {
    /// The whole seats.
    pub(super) whole: u64,
    /// The rest, in units of one seat over the multiplier's denominator; zero at a bound.
    pub(super) remainder: u128,
}

impl Multiplier {
    /// Finds the exact multiplier, at most 10^7 over at most 10^18.
    pub(super) fn exact(problem: &Problem) -> Self {
        let mut walk = Walk::at_minimums(problem);
        for point in turning_points(problem) {
            if walk.reaches_seats_by(&point) {
                break;
            }
            walk.pass(&point);
        }
        Self(Fraction { numerator: walk.seats_left, denominator: walk.slope.max(1) })
    }

    /// The factor itself.
    pub(super) fn value(self) -> Fraction {
        self.0
    }

    /// The same multiplier rounded down to at most 10^7 over at most 10^12, so that squares of its
    /// products with weights fit into 128 bits. The weights of n areas add up to at most n · 10^12,
    /// so the quotas lose no more than n seats together.
    pub(super) fn coarse(self) -> Self {
        const LARGEST_DENOMINATOR: u128 = 1_000_000_000_000;
        let Fraction { numerator, denominator } = self.0;
        if denominator <= LARGEST_DENOMINATOR {
            return self;
        }
        Self(Fraction {
            numerator: numerator * LARGEST_DENOMINATOR / denominator,
            denominator: LARGEST_DENOMINATOR,
        })
    }

    /// `weight · t` before bounds, as an exact fraction.
    pub(super) fn of(self, area: &Area) -> Fraction {
        Fraction {
            numerator: self.0.numerator * u128::from(area.weight),
            denominator: self.0.denominator,
        }
    }

    /// `weight · t` within the area's bounds.
    pub(super) fn bounded(self, problem: &Problem, area: &Area) -> BoundedQuota {
        let quota = self.of(area);
        let whole = quota.numerator / quota.denominator;
        let at_bound = |whole| BoundedQuota { whole, remainder: 0 };
        if whole < u128::from(area.min_seats) {
            return at_bound(area.min_seats);
        }
        match u64::try_from(whole) {
            Ok(whole) if whole < problem.ceiling(area) => {
                BoundedQuota { whole, remainder: quota.numerator % quota.denominator }
            }
            Ok(_) | Err(_) => at_bound(problem.ceiling(area)),
        }
    }
}

/// A value of `t`, bound / weight, at which an area starts or stops to grow.
#[derive(Clone, Copy, Debug)]
struct TurningPoint {
    bound: u64,
    weight: u64,
    starts: bool,
}

impl TurningPoint {
    fn order(&self, other: &Self) -> Ordering {
        let left = u128::from(self.bound) * u128::from(other.weight);
        let right = u128::from(other.bound) * u128::from(self.weight);
        left.cmp(&right)
    }
}

/// All turning points in ascending order. An area without a maximum has no point of its own there,
/// since no quota exceeds all seats.
fn turning_points(problem: &Problem) -> Vec<TurningPoint> {
    let mut points = Vec::with_capacity(problem.areas.len());
    for area in problem.areas.iter().filter(|area| area.weight > 0) {
        points.push(TurningPoint { bound: area.min_seats, weight: area.weight, starts: true });
        if area.max_seats.is_some() {
            points.push(TurningPoint {
                bound: problem.ceiling(area),
                weight: area.weight,
                starts: false,
            });
        }
    }
    // Stable, so that of equal bounds an area's start stays ahead of its stop.
    points.sort_by(TurningPoint::order);
    points
}

/// The straight piece that the walk is on: the sum of quotas at `t` is fixed + slope · t.
struct Walk {
    /// The seats less the fixed part of the sum.
    seats_left: u128,
    /// The weight of the areas that grow on this piece.
    slope: u128,
}

impl Walk {
    fn at_minimums(problem: &Problem) -> Self {
        let minimums: u128 = problem.areas.iter().map(|area| u128::from(area.min_seats)).sum();
        Self { seats_left: u128::from(problem.seats).saturating_sub(minimums), slope: 0 }
    }

    fn reaches_seats_by(&self, point: &TurningPoint) -> bool {
        self.slope * u128::from(point.bound) >= self.seats_left * u128::from(point.weight)
    }

    /// An area that starts takes its minimum out of the fixed part, one that stops puts its maximum
    /// in. The fixed part stays below the seats as long as they are not reached.
    fn pass(&mut self, point: &TurningPoint) {
        let (bound, weight) = (u128::from(point.bound), u128::from(point.weight));
        if point.starts {
            self.seats_left += bound;
            self.slope += weight;
        } else {
            self.seats_left -= bound;
            self.slope -= weight;
        }
    }
}
