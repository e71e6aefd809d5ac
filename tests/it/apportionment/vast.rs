//! The largest weights, seats and numbers of areas, against sums that know nothing of the service.

use proptest::prelude::*;
use tiltaksplass::domain::apportionment::{
    Area, MAX_AREAS, MAX_SEATS, MAX_WEIGHT, Method, apportion, certify,
};

use super::naive::{bounded_remainder, seat_by_seat};
use super::{DIVISOR_METHODS, all_methods, open, solve};
use crate::support::at_length;

/// Weights up to the limit, some of nothing and some alike.
fn weight() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => 1..=MAX_WEIGHT,
        1 => MAX_WEIGHT - 3..=MAX_WEIGHT,
        1 => 0..4_u64,
        1 => prop::sample::select(vec![700_000_000_u64, 1_400_000_000, 2_100_000_000]),
    ]
}

/// Areas, some with bounds, and few or many seats for which there is an answer.
fn question(most_areas: usize) -> impl Strategy<Value = (u64, Vec<Area>)> {
    let bounds = prop_oneof![
        3 => Just((0, None)),
        1 => (0..5_u64, prop::option::of(0..30_u64)),
    ];
    let areas = prop::collection::vec((weight(), bounds), 1..most_areas);
    (areas, prop_oneof![0..12_u64, 0..150_u64]).prop_map(|(areas, extra)| {
        let area = |(weight, (min_seats, room)): (u64, (u64, Option<u64>))| {
            let max_seats = room.map(|room| min_seats + room);
            Area { weight, min_seats, max_seats }
        };
        let areas: Vec<Area> = areas.into_iter().map(area).collect();
        let minimums: u64 = areas.iter().map(|area| area.min_seats).sum();
        let room = |area: &Area| area.max_seats.map_or(150, |max| max - area.min_seats);
        let room: u64 = areas.iter().filter(|area| area.weight > 0).map(room).sum();
        (minimums + extra.min(room), areas)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_seat_by_seat((seats, areas) in question(14)) {
        for method in DIVISOR_METHODS.into_iter().chain([Method::Quota]) {
            let answer = solve(method, seats, &areas);
            prop_assert_eq!(&answer, &seat_by_seat(method, seats, &areas), "{:?}", method);
            prop_assert_eq!(certify(method, seats, &areas, &answer), Ok(()), "{:?}", method);
        }
    }

    #[test]
    fn largest_remainder_agrees_with_every_choice_of_bounds((seats, areas) in question(6)) {
        let answer = solve(Method::LargestRemainder, seats, &areas);
        prop_assert_eq!(answer, bounded_remainder(seats, &areas));
    }

    /// Where every quota is whole there is nothing to round.
    #[test]
    fn whole_quotas_are_the_answer(parts in prop::collection::vec(1..=MAX_SEATS / 12, 1..12), scale in 1..=MAX_WEIGHT / MAX_SEATS) {
        let seats: u64 = parts.iter().sum();
        let weights: Vec<u64> = parts.iter().map(|part| part * scale).collect();
        for method in all_methods() {
            // The first divisor of 1.4 takes nothing from those who have more than one.
            prop_assert_eq!(&solve(method, seats, &open(&weights)), &parts, "{:?}", method);
        }
    }
}

/// Two hundred thousand seats one by one, without bounds and with some that are met on the way.
#[test]
fn a_long_walk_arrives_at_the_same() {
    const SEATS: u64 = 200_000;
    let free = open(&[MAX_WEIGHT, 618_033_988_749, 3_141_592, 27, 271_828_182_845]);
    let mut bounded = free.clone();
    bounded[0].max_seats = Some(70_001);
    bounded[1].min_seats = 17;
    bounded[3].min_seats = 3;
    bounded[4].min_seats = 40_000;
    for (method, areas) in DIVISOR_METHODS
        .into_iter()
        .chain([Method::Quota])
        .flat_map(|method| [(method, &free), (method, &bounded)])
    {
        let expected = seat_by_seat(method, SEATS, areas);
        assert_eq!(solve(method, SEATS, areas), expected, "{method:?}");
    }
}

/// As many areas and seats as there may be: the answer proves itself. By the method with the largest
/// products, and in the long run by every one.
#[test]
fn a_million_areas() {
    let weight = |index: u64| index.wrapping_mul(0x9E37_79B9_7F4A_7C15) % MAX_WEIGHT + 1;
    let weights: Vec<u64> = (0..u64::try_from(MAX_AREAS).unwrap()).map(weight).collect();
    let areas = open(&weights);
    let is_long = at_length(0, 1) == 1;
    let methods: Vec<Method> =
        if is_long { all_methods().collect() } else { vec![Method::HuntingtonHill] };
    for method in methods {
        let answer = apportion(method, MAX_SEATS, &areas).unwrap();
        let seats: Vec<u64> = answer.shares.iter().map(|share| share.seats).collect();
        if method != Method::Quota {
            assert_eq!(certify(method, MAX_SEATS, &areas, &seats), Ok(()), "{method:?}");
        }
        assert_eq!(seats.iter().sum::<u64>(), MAX_SEATS, "{method:?}");
    }
}
