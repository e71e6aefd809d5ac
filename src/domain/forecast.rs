//! How long a plan will take (innfasing), where only places that become free by themselves move.
//!
//! # The model
//!
//! Each placement ends by itself; how long one has yet to go is exponential with the mean stay L,
//! whatever it has lasted. An over-holding area i with hᵢ places and the target tᵢ gives up
//! Dᵢ = hᵢ − tᵢ of them. Those it gives are not filled again there, so its j-th place to end
//! comes after a further time with the mean L/(hᵢ − j + 1), and
//!
//! > E\[Tᵢ\] = L · (H(hᵢ) − H(tᵢ)),   H_n = 1 + 1/2 + … + 1/n.
//!
//! At the time t each of the hᵢ has ended with the probability p = 1 − e^(−t/L), so how many have
//! ended is Binomial(hᵢ, p), and P(Tᵢ ≤ t) = P(Bin(hᵢ, p) ≥ Dᵢ) = I_p(Dᵢ, tᵢ + 1), the
//! regularised incomplete beta function. Areas are independent: all is done at the largest of
//! them, P(T ≤ t) = Π P(Tᵢ ≤ t). How many have moved at t is Σ min(Dᵢ, Bin(hᵢ, p)); when half
//! or nine tenths of D have, is told by that sum's distribution, area by area folded into one.
//!
//! The form with one area, L · (H_n − H_{n−D}), n being all places of over-holding areas, is a
//! lower bound: it lets any of them give what one has given already. It is told as such.
//!
//! Where places are new on the first day of later years, the targets of each year are known
//! beforehand, tᵢ(y), and do not fall. An over-holding area gets none of the new ones while others
//! lie below their targets, so with Dᵢ(y) = hᵢ − tᵢ(y) the same holds year by year:
//! P(Tᵢ ≤ t) = P(Bin(hᵢ, p) ≥ Dᵢ(y)), and by t min(Dᵢ, Dᵢ − Dᵢ(y) + Bin(hᵢ, p)) are done.
//!
//! Where the budget is lower than what is held, over-holding areas hold more above their targets
//! than others lack, D = Σ max(0, tᵢ − hᵢ) by what those hold. Places move until D have, whoever
//! gave them: by t min(D, Σ min(Dᵢ, Bin(hᵢ, p))). Which area gives how many is then chance, and no
//! area has a time of its own. D is that of the first year also where more places come later.
//!
//! Sources: A. Rényi, "On the theory of order statistics", *Acta Mathematica Hungarica* 4 (1953)
//! 191-231 (a sum of exponentials); the rest is elementary.
//!
//! Like estimates of waits this is in floating point: nothing is decided by it.

#![allow(clippy::doc_markdown, reason = "names in formulas are no code")]

use statrs::function::beta::checked_beta_reg;

mod saving;

pub use saving::{Saving, Shares, saving};

/// The most places to be moved that are folded one by one; beyond, the sum of the areas is taken
/// for a normal one, which is then right to some hundredths of a year.
const FOLDED_MAX: u64 = 1_000;
/// How often a time is halved in looking for a quantile: to about a second in a century.
const HALVINGS: u32 = 36;
/// The longest time that is told, in mean stays.
const LONGEST_STAYS: f64 = 40.0;
/// In how many steps an average is summed up, from the beginning to when it is all but certain.
const STEPS: u32 = 400;
/// What is so unlikely to be still to come adds nothing to it.
const UNLIKELY: f64 = 1e-9;
/// From here on Σ 1/k is told by its expansion, which is right to 1e-17 there.
const HARMONIC_SUMMED: u64 = 256;
/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// What areas hold, and what they are entitled to year by year.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The places each area holds.
    pub held: Vec<u64>,
    /// What each is entitled to in the first year, the second and so on; the last goes on.
    pub targets: Vec<Vec<u64>>,
    /// How long a year is, in mean stays.
    pub year: f64,
}

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
    /// `None` where chance decides how many each gives.
    pub expected: Option<Vec<f64>>,
    /// When half of D has moved.
    pub half: Times,
    /// When nine tenths have.
    pub nine_tenths: Times,
    /// When all have.
    pub all: Times,
    /// When all have, on the average: ∫ P(T > t) dt.
    pub all_mean: f64,
    /// The one-area form: a lower bound of `all_mean`.
    pub lower_bound: f64,
}

/// The same year by year.
struct Owing {
    held: u64,
    /// What it has to give in each year; it does not rise.
    gives: Vec<u64>,
}

/// A course as those see it who give.
struct Givers {
    all: Vec<Owing>,
    years: usize,
    year: f64,
    /// How many others lack: no more move.
    lacked: u64,
}

/// How many places the areas are to be expected to have given by a time in mean stays, to the
/// nearest whole: Σ E\[min(Dᵢ, Bin(hᵢ, p))\].
pub fn expected_by(givers: &[Giver], t: f64) -> u64 {
    let p = ended(t);
    let of_one = |giver: &Giver| -> f64 {
        (1..=giver.gives()).map(|count| at_least_of(giver.held, count, p)).sum()
    };
    let sum: f64 = givers.iter().map(of_one).sum();
    let all: u64 = givers.iter().map(|giver| giver.gives()).sum();
    (0..=all).rev().find(|count| float(*count) - 0.5 <= sum).unwrap_or(0)
}

/// What is to be expected of a course.
pub fn forecast_of(course: &Course) -> Forecast {
    let givers = Givers::of(course);
    let distance = givers.distance(0);
    let held: u64 = givers.all.iter().map(|giver| giver.held).sum();
    let at_last = givers.distance(givers.years.saturating_sub(1));
    let part = |numerator: u64| (distance * numerator).div_ceil(10);
    let moved = |count: u64| times(|t| givers.at_least(count, t));
    let expected = |area: usize| {
        let giver = Owing::of(course, area);
        giver.map_or(0.0, |giver| expected(&giver, course.year))
    };
    Forecast {
        distance,
        expected: (!givers.is_rationed()).then(|| (0..course.held.len()).map(expected).collect()),
        half: moved(part(5)),
        nine_tenths: moved(part(9)),
        all: times(|t| givers.all_given(t)),
        all_mean: mean(|t| givers.all_given(t)),
        lower_bound: harmonic(held) - harmonic(held - at_last),
    }
}

/// Which part of D is done on the average by the end of each year, up to so many years.
pub fn curve(course: &Course, years: u32) -> Vec<f64> {
    let givers = Givers::of(course);
    let distance = float(givers.distance(0));
    let share = |year: u32| {
        let t = f64::from(year) * course.year;
        // What the targets of the next year make of it counts from then on.
        let at = usize::try_from(year.saturating_sub(1)).unwrap_or(usize::MAX);
        if distance > 0.0 { givers.done(at, ended(t)) / distance } else { 1.0 }
    };
    (1..=years).map(share).collect()
}

impl Owing {
    fn of(course: &Course, area: usize) -> Option<Self> {
        let held = course.held[area];
        let mut least = u64::MAX;
        let gives = course.targets.iter().map(|targets| {
            least = least.min(held.saturating_sub(targets[area]));
            least
        });
        let gives: Vec<u64> = gives.collect();
        (gives.first().is_some_and(|gives| *gives > 0)).then_some(Self { held, gives })
    }

    fn gives(&self, year: usize) -> u64 {
        self.gives.get(year).or(self.gives.last()).copied().unwrap_or(0)
    }

    /// How many of those it had to give at first are done on the average:
    /// E\[min(D, X)\], with those that need not be given any more.
    fn done(&self, year: usize, p: f64) -> f64 {
        let gives = self.gives(year);
        let (given, _) = moments(self.held, gives, p);
        float(self.gives(0) - gives) + given
    }
}

impl Givers {
    fn of(course: &Course) -> Self {
        let all = (0..course.held.len()).filter_map(|area| Owing::of(course, area));
        let first = course.held.iter().zip(course.targets.first().into_iter().flatten());
        let lacked = first.map(|(held, target)| target.saturating_sub(*held)).sum();
        let years = course.targets.len().max(1);
        Self { all: all.collect(), years, year: course.year, lacked }
    }

    /// How much is held above the targets of a year.
    fn over(&self, year: usize) -> u64 {
        self.all.iter().map(|giver| giver.gives(year)).sum()
    }

    /// How many have to be given in a year in all (D).
    fn distance(&self, year: usize) -> u64 {
        self.over(year).min(self.lacked)
    }

    /// Whether others lack less than is held above the targets.
    fn is_rationed(&self) -> bool {
        self.lacked < self.over(0)
    }

    /// How many of D are done on the average in a year, when each place has been freed with the
    /// probability `p`.
    fn done(&self, year: usize, p: f64) -> f64 {
        if !self.is_rationed() {
            return self.all.iter().map(|giver| giver.done(year, p)).sum();
        }
        let distance = self.distance(year);
        let given = if self.over(year) > FOLDED_MAX {
            least_of_normal(float(distance), self.moments(year, p))
        } else {
            let least = |count: usize| float((count as u64).min(distance));
            self.folded(year, p).iter().enumerate().map(|(count, p)| least(count) * p).sum()
        };
        float(self.distance(0) - distance) + given
    }

    /// The year that a time lies in.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number that is not negative"
    )]
    fn year_at(&self, t: f64) -> usize {
        if self.years == 1 {
            return 0;
        }
        ((t / self.year) as usize).min(self.years - 1)
    }

    /// How likely all is done by a time.
    fn all_given(&self, t: f64) -> f64 {
        if self.is_rationed() {
            return self.at_least(self.distance(0), t);
        }
        let (year, p) = (self.year_at(t), ended(t));
        self.all.iter().map(|giver| at_least_of(giver.held, giver.gives(year), p)).product()
    }

    /// How likely `count` of the places to be moved are done by a time.
    fn at_least(&self, count: u64, t: f64) -> f64 {
        let (year, p) = (self.year_at(t), ended(t));
        let count = count.saturating_sub(self.distance(0) - self.distance(year));
        if self.over(year) > FOLDED_MAX {
            return self.at_least_normal(year, count, p);
        }
        let folded = self.folded(year, p);
        let from = usize::try_from(count).unwrap_or(usize::MAX).min(folded.len());
        folded[from..].iter().sum::<f64>().min(1.0)
    }

    /// The distribution of how many have been given, as though nothing bounded them all together.
    fn folded(&self, year: usize, p: f64) -> Vec<f64> {
        let givers = self.all.iter().filter(|giver| giver.gives(year) > 0);
        let of_one = |giver: &Owing| truncated(giver.held, giver.gives(year), p);
        givers.fold(vec![1.0], |folded, giver| fold(&folded, &of_one(giver)))
    }

    /// The mean and the variance of that.
    fn moments(&self, year: usize, p: f64) -> (f64, f64) {
        let (mut mean, mut variance) = (0.0, 0.0);
        for giver in &self.all {
            let (first, second) = moments(giver.held, giver.gives(year), p);
            mean += first;
            variance += (second - first * first).max(0.0);
        }
        (mean, variance)
    }

    /// [`Self::at_least`] by a normal distribution of the same mean and variance.
    fn at_least_normal(&self, year: usize, count: u64, p: f64) -> f64 {
        let (mean, variance) = self.moments(year, p);
        if variance <= f64::EPSILON {
            return if mean + 0.5 >= float(count) { 1.0 } else { 0.0 };
        }
        1.0 - normal((float(count) - 0.5 - mean) / variance.sqrt())
    }
}

/// The standard normal distribution Φ.
fn normal(z: f64) -> f64 {
    0.5 * statrs::function::erf::erfc(-z / std::f64::consts::SQRT_2)
}

/// E\[min(most, X)\] of a normal X: μ + (most − μ)(1 − Φ(z)) − σφ(z), z = (most − μ)/σ.
fn least_of_normal(most: f64, (mean, variance): (f64, f64)) -> f64 {
    if variance <= f64::EPSILON {
        return mean.min(most);
    }
    let deviation = variance.sqrt();
    let z = (most - mean) / deviation;
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    mean + (most - mean) * (1.0 - normal(z)) - deviation * density
}

/// When an area has given all it gives, on the average: ∫ P(T > t) dt, year by year. While j of n
/// have ended the next ends at the rate n − j, so the time spent at j between two times is the
/// difference of P(X ≥ j + 1) by n − j.
fn expected(giver: &Owing, year: f64) -> f64 {
    let last = giver.gives.len() - 1;
    if last == 0 {
        return harmonic(giver.held) - harmonic(giver.held - giver.gives[0]);
    }
    let by = |k: u64, at: usize| at_least_of(giver.held, k, ended(float(at as u64) * year));
    let of_year = |at: usize| -> f64 {
        let spent = |j: u64| {
            let end = if at == last { 1.0 } else { by(j + 1, at + 1) };
            (end - by(j + 1, at)) / float(giver.held - j)
        };
        (0..giver.gives[at]).map(spent).sum()
    };
    (0..=last).map(of_year).sum()
}

/// H_n, the sum of 1/k for k up to n.
pub fn harmonic(n: u64) -> f64 {
    if n <= HARMONIC_SUMMED {
        return (1..=n).rev().map(|k| 1.0 / float(k)).sum();
    }
    let x = float(n);
    x.ln() + EULER + 1.0 / (2.0 * x) - 1.0 / (12.0 * x.powi(2)) + 1.0 / (120.0 * x.powi(4))
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

/// The first two moments of min(d, X), X being Bin(n, p) and d at most n, since
/// k·P(Bin(n, p) = k) = n·p·P(Bin(n − 1, p) = k − 1).
fn moments(n: u64, d: u64, p: f64) -> (f64, f64) {
    let below = |fewer: u64| 1.0 - at_least_of(n.saturating_sub(fewer), d.saturating_sub(fewer), p);
    let all = float(d) * at_least_of(n, d, p);
    let once = float(n) * p * below(1);
    let twice = float(n) * float(n.saturating_sub(1)) * p * p * below(2);
    (once + all, twice + once + float(d) * all)
}

/// The distribution of how many an area has given: those that have ended, up to what it gives.
fn truncated(held: u64, gives: u64, p: f64) -> Vec<f64> {
    let tails: Vec<f64> = (0..=gives).map(|k| at_least_of(held, k, p)).collect();
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

/// When something that grows likelier happens, on the average: ∫ P(T > t) dt by Simpson's rule.
fn mean(likely: impl Fn(f64) -> f64) -> f64 {
    let step = quantile(&likely, 1.0 - UNLIKELY) / f64::from(STEPS);
    let weighed = |at: u32| {
        let weight = match at {
            0 | STEPS => 1.0,
            _ if at % 2 == 1 => 4.0,
            _ => 2.0,
        };
        weight * (1.0 - likely(f64::from(at) * step))
    };
    (0..=STEPS).map(weighed).sum::<f64>() * step / 3.0
}

/// The times by which something that grows likelier has happened.
fn times(likely: impl Fn(f64) -> f64) -> Times {
    let by = |wanted: f64| quantile(&likely, wanted);
    Times { p10: by(0.1), p50: by(0.5), p90: by(0.9) }
}

/// By when something has happened with a probability.
fn quantile(likely: &impl Fn(f64) -> f64, wanted: f64) -> f64 {
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
}

#[allow(clippy::cast_precision_loss, reason = "numbers of places, far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
