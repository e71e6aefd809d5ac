//! What a plan saves: so much a year when all have moved, and until then the part of it that has.
//!
//! In a year that part is what had moved when it began and half of what moves in it; it is
//! counted, and discounted, at the year's end.

/// Which part of all has moved by the end of each year.
#[derive(Debug, Clone, Copy)]
pub enum Shares<'a> {
    /// As the goals have it: so many of so many places.
    Goals(&'a [u64], u64),
    /// As is to be expected.
    Expected(&'a [f64]),
}

/// What is saved over some years, in whole kroner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saving {
    /// As it stands.
    pub total_nok: u64,
    /// What it is worth on the first day.
    pub present_value_nok: u64,
}

/// What is saved, where `nok_a_year` are when all have moved, and `before` is the part that had on
/// the first day.
pub fn saving(
    nok_a_year: u64,
    discount_basis_points: u32,
    mut before: f64,
    shares: Shares<'_>,
) -> Saving {
    let ends: Vec<f64> = match shares {
        Shares::Goals(goals, of) => goals.iter().map(|goal| part(*goal, of)).collect(),
        Shares::Expected(shares) => shares.to_vec(),
    };
    let rate = f64::from(discount_basis_points) / 10_000.0;
    let (mut total, mut worth, mut factor) = (0.0, 0.0, 1.0);
    for end in ends {
        factor /= 1.0 + rate;
        let saved = float(nok_a_year) * f64::midpoint(before, end);
        total += saved;
        worth += saved * factor;
        before = end;
    }
    Saving { total_nok: kroner(total), present_value_nok: kroner(worth) }
}

fn part(done: u64, of: u64) -> f64 {
    if of == 0 { 1.0 } else { float(done) / float(of) }
}

#[allow(clippy::cast_precision_loss, reason = "kroner, below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded, and of a sum of what is not negative"
)]
fn kroner(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::redistribution::goal;

    /// The audit's: a million a year, ten years, 97 places.
    #[test]
    fn the_audits_saving_by_its_goals() {
        let goals: Vec<u64> = (1..=10).map(|year| goal(97, year, 10)).collect();
        let plain = saving(1_000_000, 0, 0.0, Shares::Goals(&goals, 97));
        // The goals sum to 529; of the last half counts.
        assert_eq!(plain.total_nok, 4_953_608);
        assert_eq!(plain.present_value_nok, plain.total_nok);
        let discounted = saving(1_000_000, 400, 0.0, Shares::Goals(&goals, 97));
        assert_eq!(discounted.total_nok, plain.total_nok);
        let by_hand: f64 = goals
            .iter()
            .zip(std::iter::once(&0).chain(&goals))
            .zip(1..)
            .map(|((end, before), year)| {
                float(end + before) / 194.0 * 1_000_000.0 / 1.04_f64.powi(year)
            })
            .sum();
        assert_eq!(discounted.present_value_nok, kroner(by_hand));
        assert!(discounted.present_value_nok < plain.total_nok);
    }

    #[test]
    fn one_year_and_nothing_to_move() {
        let half = saving(1_001, 10_000, 0.0, Shares::Expected(&[1.0]));
        // Half of it, and half of that.
        assert_eq!(half, Saving { total_nok: 501, present_value_nok: 250 });
        assert_eq!(saving(100, 0, 0.0, Shares::Goals(&[0, 0], 0)).total_nok, 150);
        assert_eq!(saving(100, 0, 0.5, Shares::Expected(&[])).total_nok, 0);
        // Of what had moved by half when it began, three quarters count in the year.
        assert_eq!(saving(100, 0, 0.5, Shares::Expected(&[1.0])).total_nok, 75);
    }
}
