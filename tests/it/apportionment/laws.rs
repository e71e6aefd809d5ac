//! The laws each method obeys, on random questions.

use super::naive::{divisor, largest_remainder, seat_by_seat};
use super::{DIVISOR_METHODS, OTHER_METHODS, all_methods, open, seats_of, solve};
use proptest::prelude::*;
use tiltaksplass::domain::apportionment::{Area, Fraction, Method, apportion, certify};

/// Weights of mixed sizes, small ones often equal, at least one above zero.
fn weights() -> impl Strategy<Value = Vec<u64>> {
    let weight = prop_oneof![0..6u64, 1..40u64, 1..200_000u64];
    prop::collection::vec(weight, 1..12)
        .prop_filter("a weight", |weights| weights.iter().any(|&weight| weight > 0))
}

/// Areas, half of the time with bounds, and seats for which an answer exists.
fn bounded() -> impl Strategy<Value = (u64, Vec<Area>)> {
    let bound = (0..8u64, prop::option::of(0..20u64));
    let bounds = prop::option::of(prop::collection::vec(bound, 12));
    (weights(), bounds, 0..120u64).prop_map(|(weights, bounds, extra)| {
        let mut areas = open(&weights);
        for (area, (min_seats, room)) in areas.iter_mut().zip(bounds.unwrap_or_default()) {
            area.min_seats = min_seats;
            area.max_seats = room.map(|room| min_seats + room);
        }
        let minimums: u64 = areas.iter().map(|area| area.min_seats).sum();
        let room = |area: &Area| area.max_seats.map_or(120, |max| max - area.min_seats);
        let room: u64 = areas.iter().filter(|area| area.weight > 0).map(room).sum();
        (minimums + extra.min(room), areas)
    })
}

fn moved(seats: &[u64], from: usize, to: usize) -> Vec<u64> {
    let mut seats = seats.to_vec();
    seats[from] -= 1;
    seats[to] += 1;
    seats
}

/// True if the divisor `end` (squared if asked) rounds the area's weight to its seats, ends included.
fn rounds_to(method: Method, area: &Area, seats: u64, end: Fraction) -> bool {
    let exponent = if method == Method::HuntingtonHill { 2 } else { 1 };
    let halves =
        if matches!(method, Method::SainteLague | Method::ModifiedSainteLague) { 2 } else { 1 };
    let quota = u128::from(area.weight).pow(exponent) * halves * end.denominator;
    let at = |held| {
        let (top, bottom) = divisor(method, held);
        (top * end.numerator, quota * bottom)
    };
    let (low, high) = (seats.checked_sub(1).map(at), at(seats));
    (seats == area.min_seats || low.is_none_or(|(point, quota)| point <= quota))
        && (Some(seats) == area.max_seats || area.weight == 0 || high.0 >= high.1)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_seat_by_seat((seats, areas) in bounded()) {
        for method in DIVISOR_METHODS.into_iter().chain([Method::Quota]) {
            prop_assert_eq!(solve(method, seats, &areas), seat_by_seat(method, seats, &areas), "{:?}", method);
        }
    }

    #[test]
    fn largest_remainder_agrees_above_minimums((seats, mut areas) in bounded()) {
        for area in &mut areas {
            area.max_seats = None;
        }
        let answer = solve(Method::LargestRemainder, seats, &areas);
        prop_assert_eq!(answer, largest_remainder(seats, &areas));
    }

    #[test]
    fn house_monotone((seats, areas) in bounded()) {
        for method in DIVISOR_METHODS.into_iter().chain([Method::Quota]) {
            let Ok(more) = apportion(method, seats + 1, &areas) else { continue };
            let fewer = solve(method, seats, &areas);
            prop_assert!(seats_of(&more).iter().zip(fewer).all(|(more, fewer)| *more >= fewer));
        }
    }

    #[test]
    fn population_monotone(before in weights(), change in weights(), seats in 0..150u64) {
        let after: Vec<u64> = before.iter().enumerate()
            .map(|(index, weight)| weight + change.get(index).copied().unwrap_or(0) % 50).collect();
        for method in DIVISOR_METHODS {
            let (old, new) = (solve(method, seats, &open(&before)), solve(method, seats, &open(&after)));
            for (grown, kept) in (0..before.len()).flat_map(|i| (0..before.len()).map(move |j| (i, j))) {
                let only_one_grew = after[grown] >= before[grown] && after[kept] == before[kept];
                prop_assert!(!(only_one_grew && new[grown] < old[grown] && new[kept] > old[kept]));
            }
        }
    }

    #[test]
    fn within_quota((seats, areas) in bounded()) {
        for method in OTHER_METHODS {
            let answer = apportion(method, seats, &areas).unwrap();
            let Fraction { numerator, denominator } = answer.multiplier.unwrap();
            let mut sum = 0;
            for (area, share) in areas.iter().zip(&answer.shares) {
                let most = if area.weight == 0 { Some(area.min_seats) } else { area.max_seats };
                let bound = |seats: u64| u128::from(seats) * denominator;
                let quota = (u128::from(area.weight) * numerator)
                    .min(most.map_or(u128::MAX, bound)).max(bound(area.min_seats));
                let held = u128::from(share.seats);
                prop_assert!(held >= quota / denominator && held <= quota.div_ceil(denominator), "{:?}", method);
                sum += quota;
            }
            prop_assert_eq!(sum, u128::from(seats) * denominator);
        }
    }

    /// What docs/quota-method.md rests on. `clocks` areas of weights up to 60, three light ones of
    /// five, and one that fills up.
    #[test]
    fn a_light_area_waits_for_a_good_approximation(clocks in prop::collection::vec(20..=60_u64, 0..8), filler in 100..400_u64) {
        const LIGHT: u64 = 15;
        let mut areas = open(&[5, 5, 5, filler]);
        areas.extend(open(&clocks));
        let total: u64 = areas.iter().map(|area| area.weight).sum();
        // Nobody else's seat that is released by then has a deadline after the first of a light one.
        let least = clocks.iter().copied().min().unwrap_or(filler).min(filler);
        let sizes = (total / 5).saturating_sub(total.div_ceil(least));
        let error = |size: u64| clocks.iter().map(|weight| {
            (total - size * weight % total) % total
        }).sum::<u64>();
        let first = (1..=sizes).find(|&size| error(size) + total <= LIGHT * size);
        for size in 1..=sizes {
            let has_one = solve(Method::Quota, size, &areas)[0] > 0;
            prop_assert_eq!(has_one, first.is_some_and(|first| size >= first), "{} of {:?}", size, areas);
        }
    }

    #[test]
    fn scale_does_not_matter((seats, areas) in bounded(), factor in 1..1_000_000u64) {
        let scale = |area: &Area| Area { weight: area.weight * factor, ..*area };
        let scaled: Vec<Area> = areas.iter().map(scale).collect();
        for method in all_methods() {
            let (plain, scaled) = (apportion(method, seats, &areas).unwrap(), apportion(method, seats, &scaled).unwrap());
            prop_assert_eq!(seats_of(&plain), seats_of(&scaled));
            prop_assert_eq!((plain.ties, plain.runner_up), (scaled.ties, scaled.runner_up));
        }
    }

    #[test]
    fn order_matters_among_the_tied_only((seats, areas) in bounded(), turn in 0..12usize) {
        let turn = turn % areas.len();
        let mut turned = areas.clone();
        turned.rotate_left(turn);
        turned.reverse();
        for method in all_methods() {
            let plain = apportion(method, seats, &areas).unwrap();
            let mut back = solve(method, seats, &turned);
            back.reverse();
            back.rotate_right(turn);
            for (index, share) in plain.shares.iter().enumerate() {
                let tied = plain.ties.iter().any(|tie| tie.areas.contains(&index));
                prop_assert!(tied || share.seats == back[index], "{:?}", method);
            }
        }
    }

    #[test]
    fn the_quota_method_names_all_it_ties(weights in prop::collection::vec(1..7u64, 1..9), seats in 0..40u64, turn in 0..9usize) {
        let turn = turn % weights.len();
        let mut turned = weights.clone();
        turned.rotate_left(turn);
        let plain = apportion(Method::Quota, seats, &open(&weights)).unwrap();
        let mut back = solve(Method::Quota, seats, &open(&turned));
        back.rotate_right(turn);
        for tie in &plain.ties {
            prop_assert!(tie.seats_at_stake > 0 && tie.seats_at_stake < tie.areas.len() as u64);
            let sum = |seats: &[u64]| tie.areas.iter().map(|&index| seats[index]).sum::<u64>();
            prop_assert_eq!(sum(&seats_of(&plain)), sum(&back));
        }
        for (index, share) in plain.shares.iter().enumerate() {
            let tied = plain.ties.iter().any(|tie| tie.areas.contains(&index));
            prop_assert!(tied || share.seats == back[index]);
        }
    }

    #[test]
    fn certificate_accepts_the_answer_and_rejects_a_moved_seat((seats, areas) in bounded()) {
        for method in all_methods() {
            let answer = apportion(method, seats, &areas).unwrap();
            let right = seats_of(&answer);
            prop_assert_eq!(certify(method, seats, &areas, &right), Ok(()));
            for (from, to) in (0..areas.len()).flat_map(|i| (0..areas.len()).map(move |j| (i, j))) {
                if from == to || right[from] == 0 { continue }
                let in_tie = answer.ties.iter().any(|tie| tie.areas.contains(&from) && tie.areas.contains(&to));
                let verdict = certify(method, seats, &areas, &moved(&right, from, to));
                prop_assert!(verdict.is_err() || in_tie, "{:?} {} to {}", method, from, to);
            }
        }
    }

    #[test]
    fn divisor_interval_rounds_to_the_answer((seats, areas) in bounded()) {
        for method in DIVISOR_METHODS {
            let answer = apportion(method, seats, &areas).unwrap();
            let Some(interval) = answer.divisor else { continue };
            prop_assert_eq!(interval.squared, method == Method::HuntingtonHill);
            for end in interval.upper.into_iter().chain([interval.lower]).filter(|end| end.numerator > 0) {
                for (area, share) in areas.iter().zip(&answer.shares) {
                    prop_assert!(rounds_to(method, area, share.seats, end), "{:?} {:?}", method, answer);
                }
            }
        }
    }

    #[test]
    fn margin_is_what_the_runner_up_lacked((seats, areas) in bounded()) {
        for method in DIVISOR_METHODS {
            let answer = apportion(method, seats, &areas).unwrap();
            let (Some(up), Some(margin)) = (answer.runner_up, answer.margin) else { continue };
            let Ok(margin) = u64::try_from(margin) else { continue };
            if margin > 100_000_000 { continue }
            prop_assert!(margin > 0);
            let with = |weight| {
                let mut areas = areas.clone();
                areas[up].weight += weight;
                solve(method, seats, &areas)
            };
            let last = answer.last_served.unwrap();
            prop_assert_eq!(with(margin - 1), seats_of(&answer));
            // One unit of weight may be worth more than one seat, so not all else stays.
            let after = with(margin);
            prop_assert!(after[up] > answer.shares[up].seats && after[last] <= answer.shares[last].seats);
        }
    }
}
