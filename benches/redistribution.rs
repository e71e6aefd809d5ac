//! What a redirection costs, and how many vacancies a second a simulation has.

#![allow(clippy::unwrap_used)] // A benchmark may stop at the first surprise.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput};
use tiltaksplass::domain::{
    apportionment::{Area, Method, apportion},
    redistribution::{Freed, Member, Steering, redirect},
    simulation::{Chance, Prepared, Scenario, Start, World},
};

/// Norway's counties, a county's municipalities, all of them.
const AREAS: [u64; 3] = [15, 25, 357];
/// How many places each area has on the average.
const PLACES: u64 = 17;

fn weight(index: u64) -> u64 {
    let spread = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    200 + 700_000 / (spread % 3_500 + 1)
}

/// Places shared alike, where they should be shared by weight.
fn members(count: u64) -> Vec<Member> {
    let areas: Vec<Area> = (0..count)
        .map(|index| Area { weight: weight(index), min_seats: 0, max_seats: None })
        .collect();
    let targets = apportion(Method::SainteLague, PLACES * count, &areas).unwrap();
    let member = |(area, share): (&Area, u64)| Member {
        weight: area.weight,
        held: PLACES,
        target: share,
        maximum: None,
        may_give: None,
    };
    areas.iter().zip(targets.shares.iter().map(|share| share.seats)).map(member).collect()
}

fn redirections(criterion: &mut Criterion) {
    let steering =
        Steering { method: Method::SainteLague, protect_at_target: true, may_move: None };
    let mut group = criterion.benchmark_group("redirect");
    group.throughput(Throughput::Elements(1));
    for count in AREAS {
        let mut members = members(count);
        let giver = members.iter().position(|member| member.held > member.target).unwrap();
        members[giver].held -= 1;
        group.bench_with_input(BenchmarkId::from_parameter(count), &members, |bench, members| {
            bench.iter(|| redirect(&steering, black_box(members), Freed::By(giver)));
        });
    }
}

/// Twenty futures of thirty years each: the throughput is in vacancies. With a cap most vacancies
/// stay where they are, and there are many more of them before all has moved.
fn simulations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulate");
    for (name, cap_basis_points) in [("free", None), ("capped", Some(300))] {
        for count in AREAS {
            let prepared = Prepared::new(scenario(count, cap_basis_points)).unwrap();
            let mut world = World::new(&prepared);
            let mut futures = || -> u64 {
                let draw = |number| world.draw(Chance::of(1, number), || true).unwrap().vacancies;
                (0..20).map(draw).sum()
            };
            group.throughput(Throughput::Elements(futures()));
            group.bench_function(BenchmarkId::new(name, count), |bench| bench.iter(&mut futures));
        }
    }
}

fn scenario(count: u64, cap_basis_points: Option<u32>) -> Scenario {
    let start = |index| Start {
        weight: weight(index),
        held: PLACES,
        maximum: None,
        held_at_start: PLACES,
        given: 0,
    };
    Scenario {
        areas: (0..count).map(start).collect(),
        places: PLACES * count,
        method: Method::SainteLague,
        protect_at_target: true,
        cap_basis_points,
        pace_is_goal: false,
        horizon_years: 10,
        behind: None,
        years: 30,
        mean_stay_years: 1.0,
        new_places: Vec::new(),
    }
}

fn main() {
    let settings = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    let mut criterion = settings.configure_from_args();
    redirections(&mut criterion);
    simulations(&mut criterion);
    criterion.final_summary();
}
