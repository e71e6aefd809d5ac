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

/// Seat by seat from the minimums; for the quota method only below the quota rounded up.
pub(super) fn seat_by_seat(method: Method, seats: u64, areas: &[Area]) -> Vec<u64> {
    let mut held: Vec<u64> = areas.iter().map(|area| area.min_seats).collect();
    for house in held.iter().sum::<u64>() + 1..=seats {
        let may_have = |index: &usize| {
            let area = &areas[*index];
            let has_room = area.max_seats.is_none_or(|max| held[*index] < max);
            area.weight > 0
                && has_room
                && (method != Method::Quota || is_below_quota(area, held[*index], house, areas))
        };
        let beats = |a: usize, b: usize| {
            stronger(method, (areas[a].weight, held[a]), (areas[b].weight, held[b]))
        };
        let next = (0..areas.len())
            .filter(may_have)
            .reduce(|best, one| if beats(one, best) { one } else { best });
        held[next.unwrap()] += 1;
    }
    held
}

/// Whether an area's bounded quota is above its seats: by the multiplier that would make it equal,
/// all bounded quotas together are below the house.
fn is_below_quota(area: &Area, held: u64, house: u64, areas: &[Area]) -> bool {
    let quota = |other: &Area| {
        let most = other.max_seats.map_or(u64::MAX, |max| max * area.weight);
        (other.weight * held).min(most).max(other.min_seats * area.weight)
    };
    areas.iter().map(quota).sum::<u64>() < house * area.weight
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

/// Largest remainder within bounds: every choice of who stands at the minimum, who at the maximum
/// and who between is tried until one is consistent; then the remainders decide.
pub(super) fn bounded_remainder(seats: u64, areas: &[Area]) -> Vec<u64> {
    let count = u32::try_from(areas.len()).unwrap();
    (0..3_u32.pow(count)).find_map(|choice| by_choice(seats, areas, choice)).unwrap()
}

/// A digit of base three for each area: 0 at the minimum, 1 at the maximum, 2 between.
fn by_choice(seats: u64, areas: &[Area], choice: u32) -> Option<Vec<u64>> {
    let digits: Vec<u32> = (0..areas.len())
        .scan(choice, |rest, _| Some(std::mem::replace(rest, *rest / 3) % 3))
        .collect();
    let most = |area: &Area| area.max_seats.unwrap_or(seats).min(seats);
    let (mut fixed, mut total) = (0, 0_u128);
    for (area, digit) in areas.iter().zip(&digits) {
        match (area.weight, digit) {
            (0, 1 | 2) => return None,
            (_, 0) => fixed += area.min_seats,
            (_, 1) => fixed += most(area),
            _ => total += u128::from(area.weight),
        }
    }
    let left = u128::from(seats.checked_sub(fixed)?);
    if total == 0 && left > 0 {
        return None;
    }
    // Where nobody is between there is a multiplier if those at a maximum reach it before those at
    // a minimum leave theirs.
    if total == 0 {
        let ratio = |seats: u64, area: &Area| (u128::from(seats), u128::from(area.weight));
        let full = areas.iter().zip(&digits).filter(|(_, digit)| **digit == 1);
        let low = areas.iter().zip(&digits).filter(|(area, digit)| **digit == 0 && area.weight > 0);
        let low: Vec<_> = low.map(|(area, _)| ratio(area.min_seats, area)).collect();
        let fits = full
            .map(|(area, _)| ratio(most(area), area))
            .all(|(top, bottom)| low.iter().all(|(least, weight)| top * weight <= least * bottom));
        let held =
            |(area, digit): (&Area, &u32)| if *digit == 1 { most(area) } else { area.min_seats };
        return fits.then(|| areas.iter().zip(&digits).map(held).collect());
    }
    let mut held = Vec::new();
    let mut rests = Vec::new();
    for (index, (area, digit)) in areas.iter().zip(&digits).enumerate() {
        let quota = left * u128::from(area.weight);
        let (least, most) = (u128::from(area.min_seats) * total, u128::from(most(area)) * total);
        let fits = match digit {
            0 => quota <= least || area.weight == 0,
            1 => quota >= most,
            _ => quota >= least && quota <= most,
        };
        if !fits {
            return None;
        }
        let bounded = if *digit == 2 {
            quota
        } else if *digit == 1 {
            most
        } else {
            least
        };
        held.push(u64::try_from(bounded / total).unwrap());
        rests.push((std::cmp::Reverse(bounded % total), index));
    }
    rests.sort_unstable();
    let missing = usize::try_from(seats - held.iter().sum::<u64>()).unwrap();
    rests[..missing].iter().for_each(|(_, index)| held[*index] += 1);
    Some(held)
}
