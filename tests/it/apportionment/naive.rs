//! Naive counterparts of the methods, written apart from the service.

use tiltaksplass::domain::apportionment::{Area, Method};

/// d(held) as a fraction, squared for Huntington-Hill.
pub(super) fn divisor(method: Method, held: u64) -> (u128, u128) {
    let a = u128::from(held);
    match method {
        Method::ModifiedSainteLague if held == 0 => (14, 10),
        Method::SainteLague | Method::ModifiedSainteLague => (2 * a + 1, 1),
        Method::DHondt | Method::Quota => (a + 1, 1),
        Method::Adams => (a, 1),
        Method::HuntingtonHill => (a * a + a, 1),
        Method::Dean => (2 * a * a + 2 * a, 2 * a + 1),
        Method::LargestRemainder => panic!("not a divisor method"),
    }
}

/// True if the first area's claim is strictly stronger than the second's.
fn stronger(method: Method, first: (u64, u64), second: (u64, u64)) -> bool {
    let exponent = if method == Method::HuntingtonHill { 2 } else { 1 };
    let side = |(weight, held): (u64, u64)| {
        let (top, bottom) = divisor(method, held);
        (u128::from(weight).pow(exponent) * bottom, top)
    };
    let ((w1, d1), (w2, d2)) = (side(first), side(second));
    if d1 == 0 && d2 == 0 { w1 > w2 } else { w1 * d2 > w2 * d1 }
}

/// Seat by seat from the minimums; for the quota method only below the upper quota if anyone is.
pub(super) fn seat_by_seat(method: Method, seats: u64, areas: &[Area]) -> Vec<u64> {
    let total: u64 = areas.iter().map(|area| area.weight).sum();
    let mut held: Vec<u64> = areas.iter().map(|area| area.min_seats).collect();
    for house in held.iter().sum::<u64>() + 1..=seats {
        let can_take = |index: usize| {
            areas[index].weight > 0 && areas[index].max_seats.is_none_or(|max| held[index] < max)
        };
        let may = |index: usize| {
            method != Method::Quota || held[index] * total < house * areas[index].weight
        };
        let open: Vec<usize> = (0..areas.len()).filter(|&index| can_take(index)).collect();
        let within: Vec<usize> = open.iter().copied().filter(|&index| may(index)).collect();
        let beats = |a: usize, b: usize| {
            if within.is_empty() {
                return held[a] * areas[b].weight < held[b] * areas[a].weight;
            }
            stronger(method, (areas[a].weight, held[a]), (areas[b].weight, held[b]))
        };
        let pool = if within.is_empty() { &open } else { &within };
        let next =
            pool.iter().copied().reduce(|best, one| if beats(one, best) { one } else { best });
        held[next.unwrap()] += 1;
    }
    held
}

/// Largest remainder: areas whose share is below the minimum are set aside until none is.
pub(super) fn largest_remainder(seats: u64, areas: &[Area]) -> Vec<u64> {
    let mut aside = vec![false; areas.len()];
    loop {
        let (mut left, mut total) = (seats, 0);
        for (area, &aside) in areas.iter().zip(&aside) {
            if aside {
                left -= area.min_seats;
            } else {
                total += area.weight;
            }
        }
        let below = (0..areas.len())
            .filter(|&i| !aside[i] && left * areas[i].weight < areas[i].min_seats * total);
        let below: Vec<usize> = below.collect();
        if !below.is_empty() {
            for index in below {
                aside[index] = true;
            }
            continue;
        }
        let mut held: Vec<u64> = areas.iter().map(|area| area.min_seats).collect();
        let mut order: Vec<usize> = (0..areas.len()).filter(|&i| !aside[i]).collect();
        for &i in &order {
            held[i] = left * areas[i].weight / total.max(1);
        }
        order.sort_by_key(|&i| std::cmp::Reverse(left * areas[i].weight % total.max(1)));
        let missing = usize::try_from(seats - held.iter().sum::<u64>()).unwrap();
        order[..missing].iter().for_each(|&index| held[index] += 1);
        return held;
    }
}
