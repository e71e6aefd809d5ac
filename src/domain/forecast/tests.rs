//! Forecasts against closed forms, sums and the audit's figures.

use super::*;
use crate::domain::{
    apportionment::Method,
    plan::{Holder, targets},
    prospect::new_places_only,
};

fn near(value: f64, expected: f64, by: f64) {
    assert!((value - expected).abs() <= by, "{value} and not {expected}");
}

/// One place too many of one, that another lacks; and a second year with a place more.
fn growing() -> Course {
    Course { held: vec![1, 0], targets: vec![vec![0, 1], vec![1, 1]], year: 0.5 }
}

fn of_area(told: &Forecast, area: usize) -> f64 {
    told.expected.as_ref().unwrap()[area]
}

/// Areas that hold so much and are entitled to so much, without growth.
fn course(areas: &[(u64, u64)]) -> Course {
    let (held, targets) = areas.iter().copied().unzip();
    Course { held, targets: vec![targets], year: 1.0 }
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
    let told = forecast_of(&course(&[(152, 249), (270, 173)]));
    assert_eq!(told.distance, 97);
    near(of_area(&told, 0), 0.0, 0.0);
    near(of_area(&told, 1), 0.4441, 5e-5);
    near(told.lower_bound, of_area(&told, 1), 1e-12);
    // Ten years where a stay is 22.5 years, 4.4 % a year.
    near(told.lower_bound * 22.5, 10.0, 0.01);
    near(1.0 / 22.5, 0.044, 0.0005);
    assert!(told.half.p50 < told.nine_tenths.p50 && told.nine_tenths.p50 < told.all.p50);
    assert!(told.all.p10 < told.all.p50 && told.all.p50 < told.all.p90);
    near(told.all.p50, of_area(&told, 1), 0.01);
}

/// Two places of one area: the later of two exponentials, in closed form.
#[test]
fn small_cases_in_closed_form() {
    let told = forecast_of(&course(&[(2, 0), (0, 2)]));
    near(of_area(&told, 0), 1.5, 1e-12);
    near(told.all_mean, 1.5, 1e-3);
    // (1 − e^(−t))² = ½, and for half of it, one of two: 1 − e^(−2t) = ½.
    near(told.all.p50, -(1.0 - 0.5_f64.sqrt()).ln(), 1e-8);
    near(told.half.p50, 0.5_f64.ln() / -2.0, 1e-8);
    let apart = forecast_of(&course(&[(1, 0), (1, 0), (0, 2)]));
    near(apart.all.p50, told.all.p50, 1e-8);
    near(apart.lower_bound, 1.5, 1e-12);
    // What is there already takes no time.
    let done = forecast_of(&course(&[(3, 3), (0, 0)]));
    assert_eq!((done.distance, done.all.p90, done.half.p90), (0, 0.0, 0.0));
    near(done.lower_bound, 0.0, 0.0);
    near(forecast_of(&course(&[])).all.p50, 0.0, 0.0);
}

/// Where the fold gives way to the normal distribution, both tell nearly the same.
#[test]
fn many_places_are_told_nearly_alike_either_way() {
    let givers: Vec<(u64, u64)> = (0..20_u64).map(|i| (60 + i, 20 + i)).collect();
    let areas = [givers, vec![(0, 800)]].concat();
    let givers = Givers::of(&course(&areas));
    for t in [0.2, 0.4, 0.6, 0.8] {
        let p = ended(t);
        let mean: f64 = givers.all.iter().map(|giver| giver.done(0, p)).sum();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let count = mean as u64;
        near(givers.at_least_normal(0, count, p), givers.at_least(count, t), 0.02);
    }
}

/// One place too many, and in the second year a target that is one higher: it is over at the end
/// of the first year at the latest, and half-way by min(X, year) with X exponential.
#[test]
fn growth_ends_what_it_makes_room_for() {
    let growing = growing();
    let told = forecast_of(&growing);
    // E[min(X, ½)] = 1 − e^(−½).
    near(of_area(&told, 0), -(-0.5_f64).exp_m1(), 1e-12);
    near(told.all.p10, -(0.9_f64).ln(), 1e-8);
    near(told.all.p50, 0.5, 1e-8);
    near(told.lower_bound, 0.0, 0.0);
    // Targets that stay are the same as none.
    let areas = [(40, 25), (33, 12), (7, 43)];
    let plain = forecast_of(&course(&areas));
    let still = Course { targets: vec![vec![25, 12, 43]; 9], year: 0.07, ..course(&areas) };
    let told = forecast_of(&still);
    for area in 0..3 {
        near(of_area(&told, area), of_area(&plain, area), 1e-9);
    }
    near(told.all.p90, plain.all.p90, 1e-8);
    near(told.nine_tenths.p10, plain.nine_tenths.p10, 1e-8);
}

/// The budget was lowered: two areas hold two above their targets each, and another lacks one. The
/// first of four that ends, or the first of so many, is all there is to move.
#[test]
fn a_lowered_budget_moves_no_more_than_is_lacked() {
    let told = forecast_of(&course(&[(2, 0), (2, 0), (0, 1)]));
    assert_eq!((told.distance, told.expected), (1, None));
    // The first of four exponentials: 1 − e^(−4t).
    near(told.all.p50, 0.5_f64.ln() / -4.0, 1e-8);
    near(told.all_mean, 0.25, 1e-3);
    near(told.lower_bound, 0.25, 1e-12);
    assert_eq!((told.half, told.nine_tenths), (told.all, told.all));
    for (year, share) in (1..).zip(curve(&course(&[(2, 0), (2, 0), (0, 1)]), 3)) {
        near(share, -(-4.0 * f64::from(year)).exp_m1(), 1e-12);
    }
    // Two of 347, by the first two of so many: far less than a stay, and told as well.
    let told = forecast_of(&course(&[(347, 100), (0, 2)]));
    near(told.all_mean, 1.0 / 347.0 + 1.0 / 346.0, 1e-7);
    near(told.lower_bound, told.all_mean, 1e-7);
    // The second of three: 1 − e^(−3t) − 3 e^(−2t) (1 − e^(−t)).
    let told = forecast_of(&course(&[(3, 0), (0, 2)]));
    near(told.all_mean, 1.0 / 3.0 + 1.0 / 2.0, 1e-3);
    near(told.lower_bound, told.all_mean, 1e-3);
}

/// Many: by the normal distribution, beside the fold of nearly as many.
#[test]
fn many_lacked_places_are_told_nearly_alike_either_way() {
    let of = |areas: u64| {
        let givers: Vec<(u64, u64)> = (0..areas).map(|_| (60, 10)).collect();
        let all = course(&[givers, vec![(0, areas * 25)]].concat());
        // In the second year about as many have ended as are lacked.
        curve(&Course { year: 0.27, ..all }, 2)
    };
    // 1,000 above the targets are folded, 1,050 are not.
    for (folded, normal) in of(20).iter().zip(of(21)) {
        near(*folded, normal, 0.005);
    }
    // E[min(0, X)] of a standard normal is −1/√(2π).
    near(least_of_normal(0.0, (0.0, 1.0)), -1.0 / (2.0 * std::f64::consts::PI).sqrt(), 1e-12);
    near(least_of_normal(9.0, (3.0, 0.0)), 3.0, 0.0);
}

/// min(d, X) of a binomial X, and its square, summed up by the binomial's own terms.
#[test]
fn moments_are_those_that_are_summed_up() {
    let cases: [(i32, i32, f64); 5] =
        [(1, 1, 0.3), (5, 2, 0.5), (7, 7, 0.9), (12, 4, 0.05), (40, 31, 0.8)];
    for (n, d, p) in cases {
        let mut of_count = (1.0 - p).powi(n);
        let (mut first, mut second) = (0.0, 0.0);
        for count in 0..=n {
            let given = f64::from(count.min(d));
            first += given * of_count;
            second += given * given * of_count;
            of_count *= f64::from(n - count) / f64::from(count + 1) * p / (1.0 - p);
        }
        let (n, d) = (n.unsigned_abs().into(), d.unsigned_abs().into());
        let told = moments(n, d, p);
        near(told.0, first, 1e-9);
        near(told.1, second, 1e-8);
    }
}

/// Of two, one has ended after a while of ln 2 on the average.
#[test]
fn so_many_are_expected_by_a_time() {
    let two = [Giver { held: 2, target: 0 }];
    assert_eq!((expected_by(&two, 0.0), expected_by(&two, 2.0_f64.ln())), (0, 1));
    assert_eq!((expected_by(&two, 40.0), expected_by(&[], 1.0)), (2, 0));
}

#[test]
fn the_curve_rises_to_all_of_it() {
    let shares = curve(&course(&[(2, 0), (0, 2)]), 3);
    // Each of two has ended with the probability 1 − e^(−year).
    for (year, share) in (1..).zip(&shares) {
        near(*share, -(-f64::from(year)).exp_m1(), 1e-12);
    }
    let shares = curve(&growing(), 2);
    near(shares[0], -(-0.5_f64).exp_m1(), 1e-12);
    near(shares[1], 1.0, 1e-12);
    for share in curve(&course(&[(1, 1)]), 2) {
        near(share, 1.0, 0.0);
    }
}

const POPULATIONS: &str = include_str!("../../../tests/data/golden/sor_trondelag_2010_2011.csv");

/// The municipalities of Sør-Trøndelag on 1.1.2011, Trondheim first.
fn populations() -> Vec<(String, u64)> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        (cells[0].to_owned(), cells[3].parse().unwrap())
    };
    POPULATIONS.lines().skip(1).map(row).collect()
}

fn holder(number: &str, weight: u64, held: u64) -> Holder {
    Holder { municipality_number: number.parse().unwrap(), weight, held, maximum: None }
}

/// Trondheim's 152, and the other 270 shared among the 24 by population.
fn audited() -> Vec<Holder> {
    let mut holders: Vec<Holder> =
        populations().iter().map(|(number, weight)| holder(number, *weight, 0)).collect();
    let rest = targets(Method::SainteLague, 270, &holders[1..]).unwrap();
    holders[0].held = 152;
    for (holder, held) in holders[1..].iter_mut().zip(rest) {
        holder.held = held;
    }
    holders
}

#[test]
fn the_24_municipalities_take_longer_than_one_rest() {
    let holders = audited();
    let fair = targets(Method::SainteLague, 422, &holders).unwrap();
    assert_eq!((holders.len(), fair[0], fair[1..].iter().sum::<u64>()), (25, 249, 173));
    let areas: Vec<(u64, u64)> =
        holders.iter().zip(&fair).map(|(holder, target)| (holder.held, *target)).collect();
    let told = forecast_of(&course(&areas));
    assert_eq!(told.distance, 97);
    near(told.lower_bound, 0.4441, 5e-5);
    // About half a stay for nine tenths, and 1.2 for all on the average.
    near(told.nine_tenths.p50, 0.5, 0.06);
    near(told.all_mean, 1.2, 0.05);
    assert!(told.lower_bound < told.all_mean && told.all_mean < told.all.p90);
}

#[test]
fn with_new_places_only_237_would_be_needed() {
    let all = audited();
    assert_eq!(new_places_only(Method::SainteLague, 422, &all), Some(237));
    // And no fewer: that is what is counted.
    let fits = |more: u64| {
        let fair = targets(Method::SainteLague, 422 + more, &all).unwrap();
        all.iter().zip(fair).all(|(holder, fair)| holder.held <= fair)
    };
    assert!(fits(237) && !fits(236));
    // Against one rest it would be one less.
    let rest = all[1..].iter().map(|holder| holder.weight).sum();
    let two = [all[0].clone(), holder("1612", rest, 270)];
    assert_eq!(new_places_only(Method::SainteLague, 422, &two), Some(236));
    assert_eq!(new_places_only(Method::SainteLague, 422, &audited()[..1]), Some(0));
    // Who has no weight never comes to hold by right what it has.
    let none = [holder("1601", 5, 3), holder("1612", 0, 1)];
    assert_eq!(new_places_only(Method::SainteLague, 4, &none), None);
    // Who holds more than its maximum keeps it.
    let full = [holder("1601", 5, 3), Holder { maximum: Some(2), ..holder("1612", 5, 3) }];
    assert_eq!(new_places_only(Method::SainteLague, 6, &full), Some(0));
    assert_eq!(new_places_only(Method::LargestRemainder, 4, &two), None);
}
