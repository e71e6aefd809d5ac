//! The formula against the queue it is of, its limits, and the counting.

use time::{Duration, macros::datetime};

use super::*;
use crate::domain::{calendar::Timestamp, waitlist::OrderKey};

/// A small generator, so that each run simulates the same.
struct Dice(u64);

impl Dice {
    /// Between 0 and 1, never 0 (splitmix64).
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (days((z ^ (z >> 31)) >> 11) + 0.5) / 9_007_199_254_740_992.0
    }

    fn exponential(&mut self, rate: f64) -> f64 {
        -self.unit().ln() / rate
    }

    /// With the shape n + ½ and the rate 1: n exponentials, and half a squared normal.
    fn gamma(&mut self, events: u32) -> f64 {
        let normal = (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos();
        (0..events).map(|_| self.exponential(1.0)).sum::<f64>() + normal * normal / 2.0
    }
}

/// A plain queue: each ahead has a time at which they give up, the queue is served one by
/// one, and whoever has given up is not served. When the last of the line is.
fn simulated(dice: &mut Dice, mu: f64, theta: f64, place: u32) -> f64 {
    let patience: Vec<f64> = (1..place).map(|_| dice.exponential(theta)).collect();
    let mut now = 0.0;
    let mut gone = vec![false; patience.len()];
    loop {
        now += dice.exponential(mu);
        let next = (0..patience.len()).find(|at| !gone[*at] && patience[*at] > now);
        match next {
            Some(served) => gone[served] = true,
            None => return now,
        }
    }
}

const RUNS: u32 = 20_000;
/// Four standard deviations of a share of so many runs: √(¼ / 20,000) is 0.0035.
const TOLERANCE: f64 = 0.0142;

fn share(times: &[f64], within: f64) -> f64 {
    let count = times.iter().filter(|time| **time <= within).count();
    days(count as u64) / days(times.len() as u64)
}

/// The mean of the formula.
fn mean(mu: f64, theta: f64, place: u32) -> f64 {
    (0..place).map(|ahead| 1.0 / (mu + f64::from(ahead) * theta)).sum()
}

#[test]
fn the_formula_is_the_queue() {
    let mut dice = Dice(1);
    for (mu, theta, place) in
        [(2.0, 0.04, 21), (0.5, 0.5, 4), (0.1, 2.0, 3), (3.0, 0.001, 10), (1.0, 1.0, 1)]
    {
        let times: Vec<f64> = (0..RUNS).map(|_| simulated(&mut dice, mu, theta, place)).collect();
        let mean = mean(mu, theta, place);
        for part in [0.2, 0.5, 0.8, 1.0, 1.25, 1.6, 2.5] {
            let (seen, told) = (
                share(&times, mean * part),
                served_within(mean * part, mu, theta, f64::from(place)),
            );
            let what = format!("{mu} {theta} {place} {part}: {seen} {told}");
            assert!((seen - told).abs() < TOLERANCE, "{what}");
        }
    }
}

/// The same distribution said in another way: fewer than k births in a time, which is a sum
/// of negative binomial terms, all of them positive.
fn by_terms(time: f64, mu: f64, theta: f64, place: u32) -> f64 {
    let (a, ln_born) = (mu / theta, (-(-theta * time).exp_m1()).ln());
    let term = |n: f64| {
        (ln_gamma(a + n) - ln_gamma(a) - ln_gamma(n + 1.0) - mu * time + n * ln_born).exp()
    };
    1.0 - (0..place).map(|n| term(f64::from(n))).sum::<f64>()
}

#[test]
fn every_way_to_compute_it_gives_the_same() {
    for place in [1, 2, 20, 300, 5_000] {
        for ratio in [1e-4, 0.5, 30.0, 999.0, 1_001.0, 1e4] {
            for part in [0.3, 0.8, 0.95, 1.0, 1.05, 1.3, 3.0] {
                let time = mean(ratio, 1.0, place) * part;
                let (told, terms) = (
                    served_within(time, ratio, 1.0, f64::from(place)),
                    by_terms(time, ratio, 1.0, place),
                );
                assert!((told - terms).abs() < 0.001, "{place} {ratio} {part}: {told} {terms}");
            }
        }
    }
}

#[test]
fn nobody_leaving_is_the_limit_of_few_leaving() {
    for place in [1.0, 7.0, 5_000.0] {
        for part in [0.5, 0.9, 1.0, 1.1, 2.0] {
            let time = place / 2.0 * part;
            let at_none = served_within(time, 2.0, 0.0, place);
            let gamma = gamma_cdf(place, 2.0 * time);
            assert!((at_none - gamma).abs() < 1e-6, "{place} {part}: {at_none} {gamma}");
            for theta in [1e-300, 1e-15, 1e-9] {
                let few = served_within(time, 2.0, theta, place);
                assert!((few - at_none).abs() < 1e-4, "{place} {part} {theta}: {few} {at_none}");
            }
        }
    }
}

/// What a rate may be, exact or by the cube of a normal variable.
#[test]
fn a_quantile_is_where_its_chance_is() {
    for shape in [0.5, 1.5, 29.5, 30.5, 400.5, 5_000.5] {
        for chance in [0.5 / 144.0, 0.1, 0.5, 0.9, 143.5 / 144.0] {
            let back = gamma_cdf(shape, gamma_quantile(shape, chance));
            assert!((back - chance).abs() < 0.001, "{shape} {chance} {back}");
        }
    }
}

#[test]
fn the_first_in_the_queue_waits_for_a_place_and_for_nothing_else() {
    for theta in [0.0, 1e-6, 0.3, 50.0, 1e6] {
        for time in [0.01, 1.0, 4.0, 100.0] {
            let (told, alone) = (served_within(time, 0.5, theta, 1.0), -(-0.5 * time).exp_m1());
            // The gamma distribution of θ far below μ is one with a hair's breadth less.
            assert!((told - alone).abs() < 1e-4, "{theta} {time}: {told} {alone}");
        }
    }
}

#[test]
fn where_nobody_is_served_nobody_is() {
    assert!(served_within(1e6, 0.0, 0.5, 3.0).abs() < 1e-12);
    assert!(served_within(1e3, 1e-12, 0.5, 3.0) < 1e-8);
    assert!(served_within(0.0, 1.0, 0.5, 3.0).abs() < 1e-12);
}

const QUEUE: Evidence =
    Evidence { starts: 24, window_days: 730, departures: 9, waiting_days: 20_000 };

fn band(evidence: &Evidence, place: u64) -> Band {
    match Estimator::default().estimate(evidence, place) {
        Estimate::Band(band) => band,
        Estimate::AtLeast { days } => panic!("at least {days}"),
    }
}

#[test]
fn further_back_never_waits_less() {
    let mut before = band(&QUEUE, 1);
    let places = (2..60).chain([100, 400, 1_000, 4_999, 5_000, 100_000, u64::MAX]);
    for place in places {
        let next = band(&QUEUE, place);
        assert!(next.p10_days >= before.p10_days, "{place}: {before:?} {next:?}");
        assert!(next.p50_days >= before.p50_days, "{place}: {before:?} {next:?}");
        assert!(next.p90_days >= before.p90_days, "{place}: {before:?} {next:?}");
        assert!(next.p10_days <= next.p50_days && next.p50_days <= next.p90_days, "{next:?}");
        before = next;
    }
    assert!(before.p90_days <= LONGEST_DAYS);
    assert_eq!(band(&QUEUE, u64::MAX), band(&QUEUE, FURTHEST_PLACE));
}

#[test]
fn equal_figures_give_equal_answers() {
    let mut used = Estimator::default();
    used.estimate(&Evidence { starts: 3, ..QUEUE }, 9);
    assert_eq!(used.estimate(&QUEUE, 40), Estimator::default().estimate(&QUEUE, 40));
}

/// Rates from their posteriors, a wait from each pair, and the quantiles of 20,000 of them:
/// what the lattice of equally likely pairs must come to, in chance, within the simulation's
/// own four standard deviations and one pair's weight.
#[test]
fn the_band_is_that_of_the_whole_model() {
    let mut dice = Dice(2);
    for (evidence, place) in [
        (QUEUE, 12),
        (Evidence { starts: 2, departures: 0, ..QUEUE }, 5),
        (Evidence { starts: 6, departures: 40, ..QUEUE }, 60),
    ] {
        let starts = u32::try_from(evidence.starts).unwrap();
        let departures = u32::try_from(evidence.departures).unwrap();
        let waits: Vec<f64> = (0..RUNS)
            .map(|_| {
                let mu = dice.gamma(starts) / days(evidence.window_days);
                let theta = dice.gamma(departures) / days(evidence.waiting_days);
                let stages =
                    (0..u32::try_from(place).unwrap()).map(|ahead| mu + f64::from(ahead) * theta);
                stages.map(|rate| dice.exponential(rate)).sum()
            })
            .collect();
        let band = band(&evidence, place);
        for (told, chance) in [(band.p10_days, 0.1), (band.p50_days, 0.5), (band.p90_days, 0.9)] {
            let seen = share(&waits, f64::from(told));
            let tolerance = TOLERANCE + 1.0 / f64::from(POINTS);
            assert!((seen - chance).abs() < tolerance, "{evidence:?} {band:?}: {seen} {chance}");
        }
    }
}

/// Twenty ahead, two starts a month, one in 24 leaving each month: place divided by starts is
/// a fifth too long, and the middle of the band is not.
#[test]
fn place_divided_by_starts_overstates_by_a_fifth() {
    let (mu, theta, place) = (2.0, 1.0 / 24.0, 21);
    let naive = f64::from(place) / mu;
    let overstated = naive / mean(mu, theta, place);
    assert!((1.19..1.24).contains(&overstated), "{overstated}");
    // The same as counts over ten years, so that little is unknown.
    let evidence =
        Evidence { starts: 240, window_days: 3_652, departures: 100, waiting_days: 73_050 };
    let middle = f64::from(band(&evidence, 21).p50_days);
    let overstated = naive * 30.4375 / middle;
    assert!((1.17..1.28).contains(&overstated), "{middle} {overstated}");
}

#[test]
fn where_nobody_was_served_only_the_lower_end_is_told() {
    for departures in [0, 7] {
        let nobody = Evidence { starts: 0, departures, ..QUEUE };
        let told = Estimator::default().estimate(&nobody, 5);
        let Estimate::AtLeast { days } = told else { panic!("{told:?}") };
        assert!((30..LONGEST_DAYS).contains(&days), "{days}");
    }
    // Without any time to look back on it is next to nothing, and no failure.
    let nothing = Evidence { starts: 0, window_days: 0, departures: 0, waiting_days: 0 };
    let told = Estimator::default().estimate(&nothing, 1);
    assert_eq!(told, Estimate::AtLeast { days: 0 });
}

#[test]
fn whether_a_wait_lies_in_the_band_is_what_the_band_says() {
    let mut estimator = Estimator::default();
    for place in [1, 8, 90] {
        let band = band(&QUEUE, place);
        for (ends, off) in [(band.p10_days, 1), (band.p90_days, 1)] {
            for waited in ends.saturating_sub(off)..=ends + off {
                let inside = (band.p10_days..=band.p90_days).contains(&waited);
                let told = estimator.is_in_band(&QUEUE, place, waited);
                assert_eq!(told, inside, "{place} {waited} {band:?}");
            }
        }
    }
}

#[test]
fn many_events_and_long_queues_stay_within_bounds() {
    let many = Evidence {
        starts: 2_000_000,
        window_days: 730,
        departures: 900_000,
        waiting_days: 900_000_000,
    };
    let band = band(&many, 90_000);
    assert!(band.p10_days > 20 && band.p90_days < 60, "{band:?}");
}

// ---- What is counted ----

const START: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

fn day(n: u32) -> Timestamp {
    START.plus_days(n)
}

fn key(n: u32) -> OrderKey {
    OrderKey { order_time: day(n), registered_time: day(n), join_seq: u64::from(n) + 1 }
}

fn stay(joined: u32, left: Left) -> Stay {
    Stay::new(key(joined), day(joined), left).unwrap()
}

fn started(n: u32) -> Left {
    Left::Started(day(n).date_in_norway())
}

#[test]
fn the_days_of_tests_are_days() {
    assert_eq!(START.to_datetime(), datetime!(2026-03-02 09:00 UTC));
    assert_eq!(day(1).to_datetime() - START.to_datetime(), Duration::DAY);
}

#[test]
fn what_ended_counts_as_it_ended_and_time_waited_is_summed() {
    let stays = vec![
        stay(0, Left::Not),
        stay(0, Left::Closed(day(10))),
        stay(2, started(6)),
        stay(5, Left::Closed(day(40))),
    ];
    let history = History::new(stays, Some(day(0)));
    let window = history.window(day(20));
    assert_eq!(window, Window { from: day(0), until: day(20) });
    let evidence = history.evidence(window);
    // 20 + 10 + 3.6 (a placement begins with its day) + 15.
    let expected = Evidence { starts: 1, window_days: 20, departures: 1, waiting_days: 49 };
    assert_eq!(evidence, expected);
}

#[test]
fn what_is_older_than_the_window_does_not_count() {
    let old = WINDOW_DAYS + 100;
    let stays = vec![stay(0, Left::Closed(day(50))), stay(0, started(60)), stay(0, Left::Not)];
    let history = History::new(stays, Some(day(0)));
    let window = history.window(day(old));
    assert_eq!(window.from, day(100));
    let expected = Evidence {
        starts: 0,
        window_days: u64::from(WINDOW_DAYS),
        departures: 0,
        waiting_days: u64::from(WINDOW_DAYS),
    };
    assert_eq!(history.evidence(window), expected);
}

/// Closed at a time nobody knows, or over before it came here.
#[test]
fn what_is_not_known_to_have_waited_here_is_left_out() {
    for left in [Left::Unknown, Left::Closed(day(4)), started(4)] {
        assert_eq!(Stay::new(key(5), day(5), left), None, "{left:?}");
    }
    assert!(Stay::new(key(5), day(5), started(5)).is_some(), "at once is here");
}

#[test]
fn those_who_were_served_are_measured_with_what_was_known_before() {
    // One is served every ten days, each fifty days after joining: the place is always five
    // or so, and the first who are told anything are those who joined after the first start.
    let regular = |n: u32| stay(n * 10, started(n * 10 + 50));
    let history = History::new((0..40).map(regular).collect(), Some(day(0)));
    let window = history.window(day(460));
    let mut estimator = Estimator::default();
    let coverage = history.coverage(window, &mut estimator);
    assert_eq!(coverage.without_band, 5, "those who joined before the first start");
    assert_eq!(coverage.measured, 35);
    assert!(coverage.covered >= 30, "{coverage:?}");
    // The same people, each served on the day after they joined with a queue before them: out
    // of turn, as nobody would have told.
    let mut stays: Vec<Stay> = (0..40).map(regular).collect();
    stays.extend((20..30).map(|n| stay(n * 10 + 1, started(n * 10 + 2))));
    let with_others = History::new(stays, Some(day(0)));
    let coverage = with_others.coverage(window, &mut estimator);
    assert_eq!(coverage.measured, 45);
    assert!(coverage.covered <= 36, "{coverage:?}");
}

#[test]
fn only_the_latest_are_measured_and_nobody_is_no_failure() {
    let many = (0..COVERAGE_MAX + 50).map(|n| stay(u32::try_from(n).unwrap(), started(600)));
    let history = History::new(many.collect(), Some(day(0)));
    let coverage = history.coverage(history.window(day(700)), &mut Estimator::default());
    let most = u64::try_from(COVERAGE_MAX).unwrap();
    assert_eq!(coverage, Coverage { covered: 0, measured: 0, without_band: most });
    let nobody = History::new(Vec::new(), None);
    let window = nobody.window(day(1));
    assert_eq!(nobody.coverage(window, &mut Estimator::default()), Coverage::default());
    assert_eq!(nobody.evidence(window).window_days, 0);
}
