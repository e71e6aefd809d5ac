//! A checked question: all limits hold and an answer exists.

use super::{ApportionmentError, Area, Fraction, MAX_AREAS, MAX_SEATS, MAX_WEIGHT};

/// Seats and areas that passed every check of [`Problem::check`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem<'a> {
    /// The seats to share out, at most [`MAX_SEATS`].
    pub(super) seats: u64,
    /// The areas in tie order.
    pub(super) areas: &'a [Area],
    /// The sum of all weights, at most 10^18.
    pub(super) total: u128,
}

impl<'a> Problem<'a> {
    /// Checks limits first, then each area, then whether the bounds leave any answer.
    pub(super) fn check(seats: u64, areas: &'a [Area]) -> Result<Self, ApportionmentError> {
        if areas.len() > MAX_AREAS {
            return Err(ApportionmentError::TooManyAreas { count: areas.len(), limit: MAX_AREAS });
        }
        if seats > MAX_SEATS {
            return Err(ApportionmentError::TooManySeats { seats, limit: MAX_SEATS });
        }
        for (index, area) in areas.iter().enumerate() {
            check_area(index, area)?;
        }
        let problem =
            Self { seats, areas, total: areas.iter().map(|area| u128::from(area.weight)).sum() };
        problem.check_bounds()?;
        Ok(problem)
    }

    /// The most seats this area can get: its maximum or all seats, and its minimum without a weight.
    pub(super) fn ceiling(&self, area: &Area) -> u64 {
        if area.weight == 0 {
            return area.min_seats;
        }
        area.max_seats.unwrap_or(self.seats).min(self.seats)
    }

    /// The seats that all minimums take together.
    pub(super) fn minimums(&self) -> u64 {
        self.areas.iter().map(|area| area.min_seats).sum()
    }

    /// The exact share of the area without regard to bounds, over the total weight.
    pub(super) fn quota(&self, area: &Area) -> Fraction {
        Fraction {
            numerator: u128::from(self.seats) * u128::from(area.weight),
            denominator: self.total.max(1),
        }
    }

    fn check_bounds(&self) -> Result<(), ApportionmentError> {
        let seats = self.seats;
        let minimums: u128 = self.areas.iter().map(|area| u128::from(area.min_seats)).sum();
        if minimums > u128::from(seats) {
            return Err(ApportionmentError::MinimumsAboveSeats { minimums, seats });
        }
        let given = u64::try_from(minimums).unwrap_or(seats);
        if self.total == 0 && given < seats {
            return Err(ApportionmentError::NoWeight { seats_left: seats - given });
        }
        let maximums: u128 = self.areas.iter().map(|area| u128::from(self.ceiling(area))).sum();
        if maximums < u128::from(seats) {
            return Err(ApportionmentError::MaximumsBelowSeats { maximums, seats });
        }
        Ok(())
    }
}

fn check_area(index: usize, area: &Area) -> Result<(), ApportionmentError> {
    if area.weight > MAX_WEIGHT {
        return Err(ApportionmentError::WeightTooLarge {
            area: index,
            weight: area.weight,
            limit: MAX_WEIGHT,
        });
    }
    match area.max_seats {
        Some(maximum) if maximum < area.min_seats => Err(ApportionmentError::MinimumAboveMaximum {
            area: index,
            minimum: area.min_seats,
            maximum,
        }),
        Some(_) | None => Ok(()),
    }
}
