//! What an apportionment costs: by the number of areas, and by the number of seats, which it should
//! not grow with.

#![allow(clippy::unwrap_used)] // A benchmark may stop at the first surprise.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use tiltaksplass::domain::apportionment::{Area, Method, apportion, certify};

const METHODS: [Method; 8] = [
    Method::SainteLague,
    Method::ModifiedSainteLague,
    Method::DHondt,
    Method::Adams,
    Method::HuntingtonHill,
    Method::Dean,
    Method::LargestRemainder,
    Method::Quota,
];
/// A county's municipalities, all of them, the most of a call, the most there may be.
const AREAS: [u64; 4] = [25, 357, 5_000, 1_000_000];
const SEATS: [u64; 6] = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// How many seats the areas of each size share.
const SEATS_OF_SIZES: u64 = 1_000_000;
/// All municipalities, as those whose seats grow.
const AREAS_OF_SEATS: u64 = 357;

/// Weights from 200 to 700,000, as Norwegian municipalities have inhabitants: most are small.
fn areas(count: u64) -> Vec<Area> {
    let weight = |index: u64| {
        let spread = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        200 + 700_000 / (spread % 3_500 + 1)
    };
    (0..count).map(|index| Area { weight: weight(index), min_seats: 0, max_seats: None }).collect()
}

fn by_areas(criterion: &mut Criterion) {
    for count in AREAS {
        let areas = areas(count);
        let mut group = criterion.benchmark_group(format!("apportion/areas/{count}"));
        group.throughput(Throughput::Elements(count)).sampling_mode(SamplingMode::Flat);
        for method in METHODS {
            group.bench_function(format!("{method:?}"), |bench| {
                bench.iter(|| apportion(method, SEATS_OF_SIZES, black_box(&areas)).unwrap());
            });
        }
    }
}

fn by_seats(criterion: &mut Criterion) {
    let areas = areas(AREAS_OF_SEATS);
    for method in METHODS {
        let mut group = criterion.benchmark_group(format!("apportion/seats/{method:?}"));
        for seats in SEATS {
            group.bench_with_input(BenchmarkId::from_parameter(seats), &seats, |bench, &seats| {
                bench.iter(|| apportion(method, seats, black_box(&areas)).unwrap());
            });
        }
    }
}

/// The quota method where bounds bind: one in ten areas stops at half its quota, or begins at twice
/// it.
fn by_seats_with_bounds(criterion: &mut Criterion) {
    for (name, bound) in [("maximums", true), ("minimums", false)] {
        let mut group = criterion.benchmark_group(format!("apportion/seats/Quota/{name}"));
        group.sampling_mode(SamplingMode::Flat);
        for (count, seats) in [(357, 1_000_000), (357, 10_000_000), (5_000, 10_000_000)] {
            let mut areas = areas(count);
            let total: u64 = areas.iter().map(|area| area.weight).sum();
            for area in areas.iter_mut().skip(1).step_by(10) {
                let quota = seats * area.weight / total;
                if bound {
                    area.max_seats = Some(quota / 2);
                } else {
                    area.min_seats = quota * 2;
                }
            }
            let id = BenchmarkId::new(format!("{count} areas"), seats);
            group.bench_with_input(id, &seats, |bench, &seats| {
                bench.iter(|| apportion(Method::Quota, seats, black_box(&areas)).unwrap());
            });
        }
    }
}

/// To check is cheaper than to compute.
fn certificates(criterion: &mut Criterion) {
    for count in AREAS {
        let areas = areas(count);
        let mut group = criterion.benchmark_group(format!("certify/areas/{count}"));
        group.throughput(Throughput::Elements(count)).sampling_mode(SamplingMode::Flat);
        for method in [Method::SainteLague, Method::HuntingtonHill, Method::LargestRemainder] {
            let answer = apportion(method, SEATS_OF_SIZES, &areas).unwrap();
            let seats: Vec<u64> = answer.shares.iter().map(|share| share.seats).collect();
            group.bench_function(format!("{method:?}"), |bench| {
                bench.iter(|| certify(method, SEATS_OF_SIZES, black_box(&areas), &seats).unwrap());
            });
        }
    }
}

fn main() {
    let settings = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    let mut criterion = settings.configure_from_args();
    by_areas(&mut criterion);
    by_seats(&mut criterion);
    by_seats_with_bounds(&mut criterion);
    certificates(&mut criterion);
    criterion.final_summary();
}
