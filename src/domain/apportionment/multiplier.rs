//! The multiplier `t` for which bounded quotas add up to the seats.
//!
//! The bounded quota of an area is `weight · t`, raised to the area's minimum or lowered to its
//! maximum. Their sum grows with `t` along straight pieces, which change where an area leaves its
//! minimum or reaches its maximum.

use super::problem::Problem;
use super::{Area, Fraction};
use std::cmp::Ordering;

/// The sum of all bounded quotas for every `t`, in ascending order.
pub(super) struct Pieces(Vec<Piece>);

/// A straight piece: from `t` = bound / weight on the sum of bounded quotas is fixed + slope · `t`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    bound: u64,
    weight: u64,
    /// The seats of the areas at a bound.
    pub(super) fixed: u64,
    /// The weight of the areas that grow on this piece, at most 10^18.
    pub(super) slope: u64,
}

impl Piece {
    /// The greatest whole number that `weight · t` reaches before the piece.
    pub(super) fn whole_before(&self, weight: u64) -> u64 {
        let whole = u128::from(self.bound) * u128::from(weight) / u128::from(self.weight);
        u64::try_from(whole).unwrap_or(u64::MAX)
    }

    fn order(&self, bound: u64, weight: u64) -> Ordering {
        let left = u128::from(self.bound) * u128::from(weight);
        left.cmp(&(u128::from(bound) * u128::from(self.weight)))
    }

    fn reaches(&self, seats: u64, next: &Self) -> bool {
        let missing = u128::from(seats.saturating_sub(self.fixed)) * u128::from(next.weight);
        u128::from(self.slope) * u128::from(next.bound) >= missing
    }
}

impl Pieces {
    /// All pieces up to the seats of the problem: at most two for each area, and one.
    pub(super) fn of(problem: &Problem) -> Self {
        let fixed = problem.minimums();
        let mut pieces = vec![Piece { bound: 0, weight: 1, fixed, slope: 0 }];
        for point in turning_points(problem) {
            let Some(mut piece) = pieces.last().copied() else { break };
            if piece.order(point.bound, point.weight).is_eq() {
                pieces.pop();
            }
            (piece.bound, piece.weight) = (point.bound, point.weight);
            if point.starts {
                piece.fixed -= point.bound;
                piece.slope += point.weight;
            } else {
                piece.fixed += point.bound;
                piece.slope -= point.weight;
            }
            pieces.push(piece);
        }
        Self(pieces)
    }

    /// The least `t` at which the bounded quotas add up to `seats`, which are no fewer than the
    /// minimums and no more than the areas can take. At most 10^7 over at most 10^18.
    pub(super) fn multiplier(&self, seats: u64) -> Multiplier {
        let index = self.0.windows(2).position(|pair| pair[0].reaches(seats, &pair[1]));
        let piece = index.and_then(|index| self.0.get(index)).or(self.0.last());
        let (fixed, slope) = piece.map_or((0, 0), |piece| (piece.fixed, piece.slope));
        Multiplier(Fraction {
            numerator: u128::from(seats.saturating_sub(fixed)),
            denominator: u128::from(slope.max(1)),
        })
    }

    /// The last piece that begins at `t` = bound / weight or before, and the one after it.
    pub(super) fn at(&self, bound: u64, weight: u64) -> (Piece, Option<&Piece>) {
        let after = self.0.partition_point(|piece| piece.order(bound, weight).is_le());
        (self.0[after.saturating_sub(1)], self.0.get(after))
    }
}

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

impl BoundedQuota {
    /// The seats of the quota rounded up.
    pub(super) fn rounded_up(&self) -> u64 {
        self.whole + u64::from(self.remainder > 0)
    }
}

impl Multiplier {
    /// The multiplier of all seats, at most 10^7 over at most 10^18.
    pub(super) fn exact(problem: &Problem) -> Self {
        Pieces::of(problem).multiplier(problem.seats)
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
