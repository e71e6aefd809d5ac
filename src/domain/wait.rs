//! How long somebody in a queue has yet to wait (forventet ventetid).
//!
//! # The model
//!
//! Let n people stand before somebody, so that the place in the queue is k = n + 1. The queue
//! as a whole is served at the rate μ: so many placements begin from its account in a time.
//! Each who waits leaves by themselves at the rate θ: gets work, moves, does not want it any
//! more. While j stand before, the next of them is served or leaves after a time that is
//! exponential with the rate μ + jθ; at the head, j = 0, only being served is left. Given that
//! this person stays, the wait is so a sum of independent times,
//!
//! > W = E₀ + E₁ + … + Eₙ,  Eⱼ ~ Exp(μ + jθ).
//!
//! A sum of Exp(a + j), j = 0 … k − 1, is distributed as −ln B with B ~ Beta(a, k): B is the
//! product of independent Beta(a + j, 1), and −ln of each of those is Exp(a + j). With
//! a = μ/θ and time counted in 1/θ,
//!
//! > W = −ln(B)/θ,  B ~ Beta(μ/θ, k),  P(W ≤ t) = I₁₋ₓ(k, μ/θ) with x = exp(−θt),
//!
//! I being the regularised incomplete beta function. For θ → 0 it is Gamma(k, μ); for k = 1
//! it is Exp(μ), whatever θ is. The mean is Σ 1/(μ + jθ), about ln(1 + kθ/μ)/θ, while "place
//! divided by starts", k/μ, counts as if nobody ahead ever left: a fifth too much at
//! kθ/μ ≈ 0.42 (20 ahead, 2 starts a month, one in 24 leaving each month), and more further
//! back. The pure birth process is in W. Feller, *An Introduction to Probability Theory and
//! Its Applications*, vol. 1, ch. XVII; queues that people leave in D. Y. Barrer, "Queuing
//! with impatient customers and ordered service", *Operations Research* 5 (1957), 650–656; the
//! sum as a logarithm in A. Rényi, "On the theory of order statistics", *Acta Mathematica
//! Hungarica* 4 (1953), 191–231.
//!
//! # What is not known
//!
//! Both rates are. Each is given by events over an exposure: starts over the days the queue
//! was looked at, departures over the days people waited in it. With Jeffreys' prior a rate
//! is then Gamma(events + ½, exposure). The wait that is told is the mixture over both: its
//! distribution function is averaged over [`POINTS`] pairs of rates, all equally likely, and
//! inverted by bisection over whole days. Nothing is drawn by chance: the same figures always
//! give the same answer, and a place further back never a shorter wait.
//!
//! # Why there are fractions here
//!
//! Nothing else in the domain counts in floating point, and nothing of this is decided on: no
//! command looks at an estimate, no log has one, and what is told is whole days.

use std::{collections::BTreeMap, sync::Arc};

use statrs::{
    distribution::{ContinuousCDF, Gamma},
    function::{
        beta::checked_beta_reg,
        erf::{erfc, erfc_inv},
        gamma::{checked_gamma_lr, ln_gamma},
    },
};

mod history;
#[cfg(test)]
mod tests;

pub use history::{COVERAGE_MAX, Coverage, Forecast, History, Left, Stay, WINDOW_DAYS, Window};

/// The longest wait that is told, in days: 50 years, beyond any working life. What is longer
/// is told as this.
pub const LONGEST_DAYS: u32 = 18_262;
/// The furthest place that is computed with; nobody stands so far back, and who would is told
/// of this place's wait, which is shorter.
pub const FURTHEST_PLACE: u64 = 100_000;
/// How many pairs of rates stand for what may be true of both: a Fibonacci lattice, in which
/// each of the two takes each of so many equally likely values once.
pub const POINTS: u32 = 144;
/// What pairs them: the Fibonacci number before.
const LATTICE_STEP: u32 = 89;
/// Where μ is so many times θ, the sum is told by a gamma distribution of the same mean and
/// variance: it differs by less than one per mille, and the incomplete beta function loses
/// its digits there. θ → 0 ends in it.
const FEW_LEAVE: f64 = 1_000.0;
/// From this shape on a gamma distribution is the cube of a normal one (Wilson and Hilferty),
/// to five digits, at a cost that does not grow.
const LARGE_SHAPE: f64 = 1_000.0;
/// The same for what a rate may be, which need not be told that closely: from this shape on the
/// cube is right to about one part in a thousand, far from the middle too.
const LARGE_SHAPE_OF_RATE: f64 = 30.0;
/// When what is left of a sum is less than this, only its last part counts.
const NEGLIGIBLE: f64 = 1e-12;

/// What the rates are told from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Placements begun from the queue's account.
    pub starts: u64,
    /// Over so many days.
    pub window_days: u64,
    /// Entries of the queue that were closed without a placement.
    pub departures: u64,
    /// Over so many days that people waited, all together.
    pub waiting_days: u64,
}

/// How long a queue must have been looked at before the wait is told from it. In a shorter time
/// rates are those of a day's chance: the first days after a list is taken over above all.
pub const WINDOW_LEAST_DAYS: u64 = 30;

impl Evidence {
    /// Whether it tells how long a wait may be at most.
    pub fn tells_a_band(&self) -> bool {
        self.starts > 0 && self.window_days >= WINDOW_LEAST_DAYS
    }
}

/// How long the wait will be, in whole days from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// With equal chances it is shorter or longer than the middle, and four times out of five
    /// between the ends.
    Band(Band),
    /// Nobody was served yet, or it was looked at for too short a time, so nobody knows how long
    /// it may be; nine times out of ten it is longer than this.
    AtLeast {
        /// So many days.
        days: u32,
    },
}

/// Three quantiles of the wait, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Band {
    /// One in ten waits less long.
    pub p10_days: u32,
    /// One in two.
    pub p50_days: u32,
    /// Nine in ten.
    pub p90_days: u32,
}

/// Computes estimates. It keeps what follows from a count of events, which many estimates
/// share.
#[derive(Debug, Default)]
pub struct Estimator {
    /// Equally likely values of a rate after so many events in a unit of exposure.
    rates: BTreeMap<u64, Arc<[f64]>>,
}

impl Estimator {
    /// The wait at a place in the queue; the first is 1.
    pub fn estimate(&mut self, evidence: &Evidence, place: u64) -> Estimate {
        let wait = self.wait(evidence, place);
        let p10_days = wait.days_within(0.1, 0.0, 0);
        if !evidence.tells_a_band() {
            return Estimate::AtLeast { days: p10_days };
        }
        let p50_days = wait.days_within(0.5, -0.5, p10_days);
        let p90_days = wait.days_within(0.9, -1.0, p50_days);
        Estimate::Band(Band { p10_days, p50_days, p90_days })
    }

    /// Whether a wait of so many days lies in the band that would be told: the same as to
    /// compute the band and to compare, at a tenth of the cost.
    pub fn is_in_band(&mut self, evidence: &Evidence, place: u64, days: u32) -> bool {
        let wait = self.wait(evidence, place);
        let days = f64::from(days.min(LONGEST_DAYS));
        wait.chance_within(days + 1.0) > 0.1 && wait.chance_within(days - 1.0) < 0.9
    }

    fn wait(&mut self, evidence: &Evidence, place: u64) -> Wait {
        let starts = self.rates(evidence.starts);
        let departures = self.rates(evidence.departures);
        // Who has looked for less than a day has looked for a day: a rate over no time at all
        // could be anything.
        let (window, waiting) =
            (days(evidence.window_days.max(1)), days(evidence.waiting_days.max(1)));
        let pair = |(at, start): (u32, &f64)| {
            let other = departures.get(lattice(at)).copied().unwrap_or_default();
            (start / window, other / waiting)
        };
        let rates = (0..).zip(starts.iter()).map(pair).collect();
        Wait { rates, place: days(place.clamp(1, FURTHEST_PLACE)) }
    }

    /// Equally likely values of a rate per unit of exposure, from the least to the largest.
    fn rates(&mut self, events: u64) -> Arc<[f64]> {
        let rates = self.rates.entry(events).or_insert_with(|| {
            let shape = days(events) + 0.5;
            (0..POINTS)
                .map(|at| gamma_quantile(shape, (f64::from(at) + 0.5) / f64::from(POINTS)))
                .collect()
        });
        Arc::clone(rates)
    }
}

/// Which value of the second rate stands beside the `at`-th of the first.
fn lattice(at: u32) -> usize {
    usize::try_from(at * LATTICE_STEP % POINTS).unwrap_or_default()
}

/// Counts as fractions: all that are counted here are far below 2⁵³.
#[allow(clippy::cast_precision_loss, reason = "counts of people and days are far below 2^53")]
fn days(count: u64) -> f64 {
    count as f64
}

/// A wait whose two rates are one of these pairs, each as likely as any other.
struct Wait {
    /// How many are served, and how many of each who waits leave, a day.
    rates: Vec<(f64, f64)>,
    place: f64,
}

impl Wait {
    /// The chance of being served within so many days.
    fn chance_within(&self, days: f64) -> f64 {
        let chances =
            self.rates.iter().map(|(mu, theta)| served_within(days, *mu, *theta, self.place));
        chances.sum::<f64>() / f64::from(POINTS)
    }

    /// The largest number of whole days within which, `shift` added, no more than this chance
    /// lies; not less than `least`. So the tenth is rounded down, the half to the nearest, and
    /// the ninth up.
    fn days_within(&self, chance: f64, shift: f64, least: u32) -> u32 {
        let is_within = |days: u32| self.chance_within(f64::from(days) + shift) <= chance;
        if !is_within(least) {
            return least;
        }
        // Up in steps that double, then between the last two.
        let (mut low, mut step) = (least, (least / 4).max(16));
        let mut high = loop {
            let next = low.saturating_add(step).min(LONGEST_DAYS);
            if !is_within(next) {
                break next;
            }
            if next == LONGEST_DAYS {
                return LONGEST_DAYS;
            }
            (low, step) = (next, step * 2);
        };
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if is_within(middle) { low = middle } else { high = middle }
        }
        low
    }
}

/// The chance that the `place`-th in the queue, who stays, is served within a time, where the
/// queue is served at the rate `mu` and each in it leaves at the rate `theta`.
fn served_within(time: f64, mu: f64, theta: f64, place: f64) -> f64 {
    if time <= 0.0 || mu <= 0.0 {
        return 0.0;
    }
    let chance = if mu >= FEW_LEAVE * theta {
        few_leave(time, mu, theta, place)
    } else {
        by_beta(time, mu, theta, place)
    };
    chance.clamp(0.0, 1.0)
}

/// By the gamma distribution of the same mean and variance. With c = μ/θ − ½ the mean is
/// ln(1 + k/c)/θ and the variance k/(c (c + k) θ²), to c⁻²; written so that θ = 0 is no other
/// case.
fn few_leave(time: f64, mu: f64, theta: f64, place: f64) -> f64 {
    let first = mu - theta / 2.0;
    let ratio = place * theta / first;
    // ln(1 + r)/r, which is 1 at r = 0.
    let shrunk = if ratio < 1e-9 { 1.0 } else { ratio.ln_1p() / ratio };
    let mean = place / first * shrunk;
    let variance = place / (first * (first + place * theta));
    gamma_cdf(mean * mean / variance, time * mean / variance)
}

/// By the incomplete beta function, from the side on which nothing is lost.
fn by_beta(time: f64, mu: f64, theta: f64, place: f64) -> f64 {
    let (a, left) = (mu / theta, (-theta * time).exp());
    if left * place < NEGLIGIBLE {
        // All ahead are gone: only the person's own turn is left.
        let own_turn = ln_gamma(a + place) - ln_gamma(a + 1.0) - ln_gamma(place) - mu * time;
        return 1.0 - own_turn.min(0.0).exp();
    }
    // Both are asked within their limits, so neither is refused.
    if left < 0.5 {
        1.0 - checked_beta_reg(a, place, left).unwrap_or(0.0)
    } else {
        checked_beta_reg(place, a, -(-theta * time).exp_m1()).unwrap_or(0.0)
    }
}

/// The chance that a gamma variable of this shape and the rate 1 is at most `x`.
fn gamma_cdf(shape: f64, x: f64) -> f64 {
    if shape <= LARGE_SHAPE {
        return checked_gamma_lr(shape, x).unwrap_or(0.0);
    }
    let spread = 1.0 / (9.0 * shape);
    let z = ((x / shape).cbrt() - (1.0 - spread)) / spread.sqrt();
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// What a gamma variable of this shape and the rate 1 is at most with this chance.
fn gamma_quantile(shape: f64, chance: f64) -> f64 {
    if shape <= LARGE_SHAPE_OF_RATE {
        return Gamma::new(shape, 1.0).map_or(shape, |gamma| gamma.inverse_cdf(chance));
    }
    let spread = 1.0 / (9.0 * shape);
    let z = -std::f64::consts::SQRT_2 * erfc_inv(2.0 * chance);
    shape * (1.0 - spread + z * spread.sqrt()).powi(3)
}
