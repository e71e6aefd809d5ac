//! How long a plan will take (innfasing), where only places that become free by themselves move.
//!
//! # The model
//!
//! Each placement ends by itself; how long one has yet to go is exponential with the mean stay L,
//! whatever it has lasted. An over-holding area i with h_i places and the target t_i gives up
//! D_i = h_i − t_i of them. Those it gives are not filled again there, so its j-th place to end
//! comes after a further time with the mean L/(h_i − j + 1), and
//!
//! > E\[T_i\] = L · (H_{h_i} − H_{t_i}),   H_n = 1 + 1/2 + … + 1/n.
//!
//! At the time t each of the h_i has ended with the probability p = 1 − e^(−t/L), so how many have
//! ended is Binomial(h_i, p), and P(T_i ≤ t) = P(Bin(h_i, p) ≥ D_i) = I_p(D_i, t_i + 1), the
//! regularised incomplete beta function. Areas are independent: all is done at the largest of
//! them, P(T ≤ t) = Π P(T_i ≤ t). How many have moved at t is Σ min(D_i, Bin(h_i, p)); when half
//! or nine tenths of D have, is told by that sum's distribution, area by area folded into one.
//!
//! The form with one area, L · (H_n − H_{n−D}), n being all places of over-holding areas, is a
//! lower bound: it lets any of them give what one has given already. It is told as such.
//!
//! Sources: A. Rényi, "On the theory of order statistics", *Acta Mathematica Hungarica* 4 (1953)
//! 191-231 (a sum of exponentials); the rest is elementary.
//!
//! Like estimates of waits this is in floating point: nothing is decided by it.

use statrs::function::beta::checked_beta_reg;

/// The most places to be moved that are folded one by one; beyond, the sum of the areas is taken
/// for a normal one, which is then right to some hundredths of a year.
const FOLDED_MAX: u64 = 2_000;
/// How often a time is halved in looking for a quantile: to about a day in a century.
const HALVINGS: u32 = 48;
/// The longest time that is told, in mean stays.
const LONGEST_STAYS: f64 = 40.0;
/// From here on Σ 1/k is told by its expansion, which is right to 1e-17 there.
const HARMONIC_SUMMED: u64 = 256;
/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// An area that holds more than its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Giver {
    /// The places it holds.
    pub held: u64,
    /// The places it is entitled to, fewer than it holds.
    pub target: u64,
}

impl Giver {
    fn gives(self) -> u64 {
        self.held.saturating_sub(self.target)
    }
}

/// A time as a distribution, in mean stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// One in ten is done by then.
    pub p10: f64,
    /// Half.
    pub p50: f64,
    /// Nine in ten.
    pub p90: f64,
}

/// What is to be expected of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// How many places are to move (D).
    pub distance: u64,
    /// When each area has given what it gives, on the average, in mean stays; in their order.
    pub expected: Vec<f64>,
    /// When half of D has moved.
    pub half: Times,
    /// When nine tenths have.
    pub nine_tenths: Times,
    /// When all have.
    pub all: Times,
    /// The one-area form: a lower bound of the average of `all`.
    pub lower_bound: f64,
}

/// What is to be expected where these areas give what they hold above their targets.
pub fn forecast(givers: &[Giver]) -> Forecast {
    let givers: Vec<Giver> = givers.to_vec();
    let distance: u64 = givers.iter().map(|giver| giver.gives()).sum();
    let held: u64 = givers.iter().filter(|giver| giver.gives() > 0).map(|giver| giver.held).sum();
    let part = |numerator: u64| (distance * numerator).div_ceil(10);
    let moved = |count: u64| times(|t| at_least(&givers, distance, count, t));
    Forecast {
        distance,
        expected: givers
            .iter()
            .map(|g| harmonic(g.held) - harmonic(g.target.min(g.held)))
            .collect(),
        half: moved(part(5)),
        nine_tenths: moved(part(9)),
        all: times(|t| givers.iter().map(|giver| given(*giver, t)).product()),
        lower_bound: harmonic(held) - harmonic(held - distance),
    }
}

/// H_n, the sum of 1/k for k up to n.
pub fn harmonic(n: u64) -> f64 {
    if n <= HARMONIC_SUMMED {
        return (1..=n).rev().map(|k| 1.0 / float(k)).sum();
    }
    let x = float(n);
    x.ln() + EULER + 1.0 / (2.0 * x) - 1.0 / (12.0 * x.powi(2)) + 1.0 / (120.0 * x.powi(4))
}

/// How many places the areas are to be expected to have given by a time in mean stays, to the
/// nearest whole: Σ `E[min(D_i, Bin(h_i, p))]`.
pub fn expected_by(givers: &[Giver], t: f64) -> u64 {
    let p = ended(t);
    let of_one = |giver: &Giver| -> f64 {
        (1..=giver.gives()).map(|count| at_least_of(giver.held, count, p)).sum()
    };
    let sum: f64 = givers.iter().map(of_one).sum();
    let all: u64 = givers.iter().map(|giver| giver.gives()).sum();
    (0..=all).rev().find(|count| float(*count) - 0.5 <= sum).unwrap_or(0)
}

/// How likely an area has given all it gives by a time.
fn given(giver: Giver, t: f64) -> f64 {
    at_least_of(giver.held, giver.gives(), ended(t))
}

/// How likely one placement has ended by a time.
fn ended(t: f64) -> f64 {
    -(-t).exp_m1()
}

/// P(Bin(n, p) ≥ k).
fn at_least_of(n: u64, k: u64, p: f64) -> f64 {
    if k == 0 || p >= 1.0 {
        return 1.0;
    }
    if p <= 0.0 {
        return 0.0;
    }
    let told = checked_beta_reg(float(k), float(n - k) + 1.0, p);
    told.unwrap_or(1.0).clamp(0.0, 1.0)
}

/// How likely `count` of the places to be moved have moved by a time.
fn at_least(givers: &[Giver], distance: u64, count: u64, t: f64) -> f64 {
    let p = ended(t);
    if distance > FOLDED_MAX {
        return at_least_normal(givers, count, p);
    }
    let mut folded = vec![1.0];
    for giver in givers.iter().filter(|giver| giver.gives() > 0) {
        folded = fold(&folded, &truncated(*giver, p));
    }
    let from = usize::try_from(count).unwrap_or(usize::MAX).min(folded.len());
    folded[from..].iter().sum::<f64>().min(1.0)
}

/// The distribution of how many an area has given: those that have ended, up to what it gives.
fn truncated(giver: Giver, p: f64) -> Vec<f64> {
    let tails: Vec<f64> = (0..=giver.gives()).map(|k| at_least_of(giver.held, k, p)).collect();
    let next = tails.iter().skip(1).copied().chain([0.0]);
    tails.iter().zip(next).map(|(at_least, more)| (at_least - more).max(0.0)).collect()
}

fn fold(left: &[f64], right: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; left.len() + right.len() - 1];
    for (i, a) in left.iter().enumerate() {
        for (j, b) in right.iter().enumerate() {
            sum[i + j] += a * b;
        }
    }
    sum
}

/// The same by a normal distribution of the same mean and variance.
fn at_least_normal(givers: &[Giver], count: u64, p: f64) -> f64 {
    let (mut mean, mut variance) = (0.0, 0.0);
    for giver in givers.iter().filter(|giver| giver.gives() > 0) {
        // E[X] = Σ P(X ≥ k), E[X²] = Σ (2k − 1) P(X ≥ k).
        let (mut first, mut second) = (0.0, 0.0);
        for k in 1..=giver.gives() {
            let tail = at_least_of(giver.held, k, p);
            first += tail;
            second += (2.0 * float(k) - 1.0) * tail;
        }
        mean += first;
        variance += second - first * first;
    }
    if variance <= f64::EPSILON {
        return if mean + 0.5 >= float(count) { 1.0 } else { 0.0 };
    }
    let off = (float(count) - 0.5 - mean) / variance.sqrt();
    0.5 * statrs::function::erf::erfc(off / std::f64::consts::SQRT_2)
}

/// The times by which something that grows likelier has happened.
fn times(likely: impl Fn(f64) -> f64) -> Times {
    let quantile = |wanted: f64| {
        let (mut low, mut high) = (0.0, LONGEST_STAYS);
        if likely(low) >= wanted {
            return 0.0;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if likely(middle) >= wanted {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    };
    Times { p10: quantile(0.1), p50: quantile(0.5), p90: quantile(0.9) }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of places, far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64, by: f64) {
        assert!((value - expected).abs() <= by, "{value} and not {expected}");
    }

    #[test]
    fn harmonic_numbers_meet_where_the_sum_gives_way_to_the_expansion() {
        near(harmonic(0), 0.0, 0.0);
        near(harmonic(4), 25.0 / 12.0, 1e-15);
        let summed: f64 = (1..=1_000_u64).rev().map(|k| 1.0 / float(k)).sum();
        near(harmonic(1_000), summed, 1e-14);
        near(harmonic(257) - harmonic(256), 1.0 / 257.0, 1e-14);
    }

    /// Trondheim against one rest of 270 places, 97 of them to move.
    #[test]
    fn the_one_area_form_of_the_audits_plan() {
        let told = forecast(&[Giver { held: 270, target: 173 }]);
        assert_eq!(told.distance, 97);
        near(told.expected[0], 0.4441, 5e-5);
        near(told.lower_bound, told.expected[0], 1e-12);
        // Ten years where a stay is 22.5 years.
        near(told.lower_bound * 22.5, 10.0, 0.01);
        assert!(told.half.p50 < told.nine_tenths.p50 && told.nine_tenths.p50 < told.all.p50);
        assert!(told.all.p10 < told.all.p50 && told.all.p50 < told.all.p90);
        near(told.all.p50, told.expected[0], 0.01);
    }

    /// Two places of one area: the later of two exponentials, in closed form.
    #[test]
    fn small_cases_in_closed_form() {
        let told = forecast(&[Giver { held: 2, target: 0 }]);
        near(told.expected[0], 1.5, 1e-12);
        // (1 − e^(−t))² = ½, and for half of it, one of two: 1 − e^(−2t) = ½.
        near(told.all.p50, -(1.0 - 0.5_f64.sqrt()).ln(), 1e-9);
        near(told.half.p50, 0.5_f64.ln() / -2.0, 1e-9);
        let apart = forecast(&[Giver { held: 1, target: 0 }; 2]);
        near(apart.all.p50, told.all.p50, 1e-9);
        near(apart.lower_bound, 1.5, 1e-12);
        // What is there already takes no time.
        let done = forecast(&[Giver { held: 3, target: 3 }, Giver { held: 0, target: 0 }]);
        assert_eq!((done.distance, done.all.p90, done.half.p90), (0, 0.0, 0.0));
        near(done.lower_bound, 0.0, 0.0);
        assert_eq!(forecast(&[]).all.p50, 0.0);
    }

    /// Where the fold gives way to the normal distribution, both tell nearly the same.
    #[test]
    fn many_places_are_told_nearly_alike_either_way() {
        let givers: Vec<Giver> =
            (0..40_u64).map(|i| Giver { held: 60 + i, target: 20 + i }).collect();
        for t in [0.2, 0.4, 0.6, 0.8] {
            let p = ended(t);
            let mean: f64 = givers
                .iter()
                .flat_map(|g| (1..=g.gives()).map(|k| at_least_of(g.held, k, p)))
                .sum();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let count = mean as u64;
            let exact = at_least(&givers, 1_600, count, t);
            near(at_least_normal(&givers, count, p), exact, 0.02);
        }
    }
}
