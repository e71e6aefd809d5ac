//! Trondheim in 2010 as the audit has it: table 2's VTA places in use, table 3's queues.

use std::collections::BTreeMap;

use serde::Deserialize;
use tiltaksplass::proto::v1::{
    ExistingState::{Placed, Waiting},
    *,
};

use super::{days_ago, group, import, placed, reference, send, waiting};
use crate::{
    support::request_id,
    world::{COUNTY, OTHER_PROVIDER, PROVIDER, TRONDHEIM, World},
};

#[derive(Deserialize)]
struct PlacesRow {
    measure_code: String,
    year: i32,
    places: u32,
}

#[derive(Deserialize)]
struct QueueRow {
    measure_code: String,
    place_group: String,
    places: u32,
    persons_waiting: u32,
}

fn table<T: for<'a> Deserialize<'a>>(text: &str) -> Vec<T> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap()
}

/// Table 2, of 2010.
fn places() -> BTreeMap<String, u32> {
    let rows: Vec<PlacesRow> = table(include_str!("../../data/trondheim/places_by_measure.csv"));
    let rows = rows.into_iter().filter(|row| row.year == 2010);
    rows.map(|row| (row.measure_code, row.places)).collect()
}

/// Table 3.
fn queues() -> Vec<QueueRow> {
    table(include_str!("../../data/trondheim/provider_queues.csv"))
}

fn ledger(measure_code: &str) -> Ledger {
    Ledger { county_id: COUNTY.into(), measure_code: measure_code.into() }
}

/// The measure types that the small county lacks, then Prima's groups and one for the rest of
/// each measure type; their ids by measure code and name.
async fn establish(world: &World) -> BTreeMap<(String, String), String> {
    let types = ["APS", "AB", "KIA", "TIA"].map(|code| RegistryRow {
        row: Some(registry_row::Row::MeasureType(MeasureType {
            measure_code: code.into(),
            name: code.into(),
            distribution: if code == "APS" {
                Distribution::ByMunicipality.into()
            } else {
                Distribution::CountyPool.into()
            },
            part_time_allowed: true,
            confirm_working_days: 5,
            answer_working_days: 5,
            ..MeasureType::default()
        })),
    });
    let pieces = tokio_stream::iter([ImportRegistryRequest {
        request_id: request_id(),
        source: "test".into(),
        rows: types.into(),
        ..ImportRegistryRequest::default()
    }]);
    world.directorate.registry().import_registry(pieces).await.unwrap();
    let mut groups = BTreeMap::new();
    let mut left = places();
    for row in queues() {
        let ledger = ledger(&row.measure_code);
        let id = group(world, &ledger, PROVIDER, &row.place_group, row.places).await;
        *left.get_mut(&row.measure_code).unwrap() -= row.places;
        groups.insert((row.measure_code, row.place_group), id);
    }
    for (code, places) in left {
        let id = group(world, &ledger(&code), OTHER_PROVIDER, "Andre", places).await;
        groups.insert((code, "Andre".to_owned()), id);
    }
    for (code, places) in places() {
        world.budget(&ledger(&code), places).await;
        if ["VTA", "APS"].contains(&code.as_str()) {
            world.quotas(&ledger(&code), &[(TRONDHEIM, places)]).await;
        }
    }
    groups
}

/// So many places in use, the last of them by two who share it.
fn in_use(first_person: u32, places: u32, group: &str, halves: bool) -> Vec<ExistingRow> {
    let whole = if halves { places - 1 } else { places };
    let mut rows: Vec<ExistingRow> =
        (first_person..first_person + whole).map(|person| placed(person, group)).collect();
    if halves {
        let next = first_person + whole;
        rows.extend(
            [next, next + 1]
                .map(|person| ExistingRow { participation_percent: 50, ..placed(person, group) }),
        );
    }
    rows
}

fn queue(first_person: u32, row: &QueueRow) -> Vec<ExistingRow> {
    let one = |person| ExistingRow {
        registered_time: Some(days_ago(1_000 - i64::from(person % 900))),
        preferred_place_group_references: vec![reference(&format!("T {}", row.place_group))],
        state: 0,
        arena_status: "VENTELISTE".into(),
        ..waiting(person)
    };
    (first_person..first_person + row.persons_waiting).map(one).collect()
}

fn total(group: &str, state: ExistingState, persons: u32, percent: i64) -> ControlTotal {
    ControlTotal {
        place_group_id: group.into(),
        state: state.into(),
        persons,
        percent,
        ..ControlTotal::default()
    }
}

#[tokio::test]
async fn the_audits_tables_come_in_and_reconcile() {
    let world = World::new().await;
    let groups = establish(&world).await;
    let of = |code: &str, name: &str| groups[&(code.to_owned(), name.to_owned())].clone();
    let (vta, prima, others) = (ledger("VTA"), of("VTA", "VTA"), of("VTA", "Andre"));
    let table_2 = i64::from(places()["VTA"]) * 100;
    assert_eq!(table_2, 15_200);

    // VTA: 152 places in use by 153 people, and table 3's queue of 15.
    let [queued] =
        &queues().into_iter().filter(|q| q.measure_code == "VTA").collect::<Vec<_>>()[..]
    else {
        panic!("table 3 has one VTA queue")
    };
    let rest = places()["VTA"] - queued.places;
    let mut rows = in_use(1, queued.places, &prima, true);
    rows.extend(in_use(500, rest, &others, false));
    rows.extend(queue(1_000, queued));
    let all = ControlTotal {
        state: ExistingState::Placed.into(),
        municipality_number: TRONDHEIM.into(),
        persons: 153,
        percent: table_2,
        ..ControlTotal::default()
    };
    let control_totals = vec![
        all.clone(),
        total(&prima, ExistingState::Placed, 106, 10_500),
        total(&prima, ExistingState::Waiting, 15, 1_500),
        ControlTotal { persons: 168, percent: 16_700, ..ControlTotal::default() },
    ];
    let whole = ImportExistingRequest { control_totals, ..import(&vta, rows) };
    let preview = ImportExistingRequest { validate_only: true, ..whole.clone() };
    let before = super::log_rows(&world).await;
    let told = send(&world.county, preview).await.unwrap();
    assert_eq!(super::log_rows(&world).await, before, "a preview stores nothing");
    let answer = send(&world.county, whole).await.unwrap();
    assert_eq!((&answer.lines, &answer.total), (&told.lines, &told.total));
    assert_eq!((answer.imported_rows, answer.differing_lines), (168, 0));
    assert!(answer.over_accounts.is_empty());
    let sum = answer.total.unwrap();
    assert_eq!((sum.persons, sum.percent, sum.is_expected), (168, 16_700, true));
    let lines: Vec<_> = answer
        .lines
        .iter()
        .map(|l| (l.place_group_id.as_str(), l.state(), l.persons, l.percent, l.expected_percent))
        .collect();
    assert!(lines.contains(&("", Placed, 153, 15_200, 15_200)), "{lines:?}");
    // As finely as they can be told, beside the totals that are of more.
    for line in [
        (prima.as_str(), Placed, 106, 10_500, 10_500),
        (prima.as_str(), Placed, 106, 10_500, 0),
        (others.as_str(), Placed, 47, 4_700, 0),
        (prima.as_str(), Waiting, 15, 1_500, 0),
    ] {
        assert!(lines.contains(&line), "{line:?} {lines:?}");
    }
    let free = world.availability(&vta).await.places.unwrap();
    assert_eq!((free.in_use_percent, free.free_percent, free.over_percent), (15_200, 0, 0));
    world.service.verify().await;
}

#[tokio::test]
async fn table_threes_queues_stand_at_each_group() {
    let world = World::new().await;
    let groups = establish(&world).await;
    let mut by_measure: BTreeMap<String, Vec<ExistingRow>> = BTreeMap::new();
    let mut totals: BTreeMap<String, Vec<ControlTotal>> = BTreeMap::new();
    let mut person = 1;
    for row in queues() {
        by_measure.entry(row.measure_code.clone()).or_default().extend(queue(person, &row));
        person += row.persons_waiting;
        let group = &groups[&(row.measure_code.clone(), row.place_group.clone())];
        let (count, percent) = (row.persons_waiting, i64::from(row.persons_waiting) * 100);
        let one = total(group, ExistingState::Waiting, count, percent);
        totals.entry(row.measure_code.clone()).or_default().push(one);
    }
    by_measure.retain(|_, rows| !rows.is_empty());
    for (code, rows) in by_measure {
        let control_totals = totals[&code].clone();
        let request = ImportExistingRequest { control_totals, ..import(&ledger(&code), rows) };
        assert_eq!(send(&world.county, request).await.unwrap().differing_lines, 0, "{code}");
    }
    let request = SummarizeQueuesRequest { county_id: COUNTY.into(), ..Default::default() };
    let queued = world.county.waitlist().summarize_queues(request).await.unwrap().into_inner();
    let mut found = BTreeMap::new();
    for queue in &queued.queues {
        for group in &queue.place_groups {
            found.insert(group.place_group_id.clone(), group.persons_waiting);
        }
    }
    let table_3 = queues();
    for row in &table_3 {
        let group = &groups[&(row.measure_code.clone(), row.place_group.clone())];
        let count = found.get(group).copied().unwrap_or_default();
        assert_eq!(count, u64::from(row.persons_waiting), "{}", row.place_group);
    }
    let sum: u32 = table_3.iter().map(|row| row.persons_waiting).sum();
    assert_eq!((sum, found.values().sum::<u64>()), (176, 176));
    world.service.verify().await;
}

#[tokio::test]
async fn sums_that_differ_refuse_an_import_and_are_told_by_a_preview() {
    let world = World::new().await;
    let (ledger, group) = world.vta(3).await;
    let rows = vec![placed(1, &group), placed(2, &group), waiting(3)];
    let control_totals = vec![total(&group, ExistingState::Placed, 3, 300)];
    let request = ImportExistingRequest { control_totals, ..import(&ledger, rows) };
    let preview = ImportExistingRequest { validate_only: true, ..request.clone() };
    let told = send(&world.county, preview).await.unwrap();
    // The placements are one short, and nobody has counted who waits.
    assert_eq!((told.differing_lines, told.imported_rows), (2, 3));
    let differences: Vec<(i64, i64)> =
        told.lines.iter().map(|l| (l.difference_persons, l.difference_percent)).collect();
    assert!(differences.contains(&(-1, -100)) && differences.contains(&(1, 100)), "{told:?}");
    let before = super::log_rows(&world).await;
    let refused = send(&world.county, request.clone()).await.unwrap_err();
    assert_eq!(crate::support::reason(&refused), "RECONCILIATION_DIFFERS");
    assert!(refused.message().contains("2 persons and 200 % counted, 3 and 300 % expected"));
    assert_eq!(super::log_rows(&world).await, before);
    let control_totals = vec![
        total(&group, ExistingState::Placed, 2, 200),
        ControlTotal { persons: 3, percent: 300, ..ControlTotal::default() },
    ];
    let right = ImportExistingRequest { control_totals, ..request };
    assert_eq!(send(&world.county, right).await.unwrap().imported_rows, 3);
    world.service.verify().await;
}
