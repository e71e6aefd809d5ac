//! A measure type that is shared by host area, through the port: agreements come in, the host has
//! the quota and the queue, and the log makes it all again.

use tiltaksplass::{cli::import::read_file, proto::v1::*};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    support::{reason, request_id},
    world::{COUNTY, HEMNE, HEMNE_OFFICE, LEVANGER, TRONDHEIM, World, date, join},
};

mod behalf;
mod listed;
mod served;

use registry_row::Row;

fn tao() -> Ledger {
    Ledger { county_id: COUNTY.into(), measure_code: "TAO".into() }
}

fn agreement(host: &str, number: &str) -> HostAgreement {
    HostAgreement {
        host_municipality_number: host.into(),
        municipality_number: number.into(),
        kind: HostKind::Joint.into(),
        valid_from_date: Some(date(2020, 1, 1)),
        valid_to_date: None,
    }
}

async fn import(world: &World, rows: Vec<Row>) -> Result<ImportRegistryResponse, Status> {
    let piece = ImportRegistryRequest {
        request_id: request_id(),
        rows: rows.into_iter().map(|row| RegistryRow { row: Some(row) }).collect(),
        ..ImportRegistryRequest::default()
    };
    let answer = world.directorate.registry().import_registry(tokio_stream::iter([piece])).await?;
    Ok(answer.into_inner())
}

/// Trondheim hosts Hemne, and TAO is shared by host area.
async fn hosted() -> World {
    let world = World::new().await;
    let measure = MeasureType {
        measure_code: "TAO".into(),
        name: "TAO".into(),
        distribution: Distribution::ByHostArea.into(),
        confirm_working_days: 5,
        answer_working_days: 5,
        ..MeasureType::default()
    };
    let rows = vec![Row::HostAgreement(agreement(TRONDHEIM, HEMNE)), Row::MeasureType(measure)];
    assert_eq!(import(&world, rows).await.unwrap().added_rows, 2);
    world
}

async fn join_in_hemne(world: &World, person: u32) -> String {
    let request = JoinWaitlistRequest {
        municipality_number: HEMNE.into(),
        following_office_number: HEMNE_OFFICE.into(),
        ..join(&tao(), person)
    };
    world.county.waitlist().join_waitlist(request).await.unwrap().into_inner().entry_id
}

async fn set_quota(world: &World, number: &str, places: u32) -> Result<(), Status> {
    let quota = Quota {
        municipality_number: number.into(),
        places,
        basis: QuotaBasis::Population.into(),
        ..Quota::default()
    };
    let request = SetQuotasRequest {
        request_id: request_id(),
        ledger: Some(tao()),
        valid_from_date: Some(date(2026, 1, 1)),
        quotas: vec![quota],
        ..SetQuotasRequest::default()
    };
    world.county.fair_share().set_quotas(request).await.map(|_| ())
}

#[tokio::test]
async fn a_host_and_those_it_hosts_share_a_queue_and_a_quota() {
    let world = hosted().await;
    world.budget(&tao(), 3).await;
    set_quota(&world, TRONDHEIM, 1).await.unwrap();
    let refused = set_quota(&world, HEMNE, 1).await.unwrap_err();
    let told = (refused.code(), reason(&refused));
    assert_eq!(told, (Code::FailedPrecondition, "REGISTRY_MISMATCH".to_owned()));
    world.place_group(&tao(), 3).await;
    let first = join_in_hemne(&world, 1).await;
    let second = world.join(&tao(), 2).await;
    let third = join_in_hemne(&world, 3).await;
    let mut places = Vec::new();
    for entry in [&first, &second, &third] {
        places.push(world.position(&tao(), entry).await.position_in_municipality);
    }
    assert_eq!(places, [1, 2, 3]);
    let new = PositionOfNew { municipality_number: HEMNE.into(), ..PositionOfNew::default() };
    let request = EstimateWaitRequest {
        ledger: Some(tao()),
        who: Some(estimate_wait_request::Who::PositionOfNew(new)),
        ..EstimateWaitRequest::default()
    };
    let estimate = world.county.waitlist().estimate_wait(request).await.unwrap().into_inner();
    assert_eq!(estimate.position, 4);
    let run = world.allocate(&tao(), 3).await;
    let served: Vec<&String> = run.proposals.iter().map(|offer| &offer.entry_id).collect();
    assert_eq!(served, [&first]);
    assert_eq!(world.position(&tao(), &second).await.position_in_municipality, 1);
    world.service.verify().await;
}

#[tokio::test]
async fn counts_are_by_entitled_municipality_and_quotas_and_shares_by_host() {
    let world = hosted().await;
    world.budget(&tao(), 3).await;
    set_quota(&world, TRONDHEIM, 2).await.unwrap();
    world.place_group(&tao(), 3).await;
    let entry_id = join_in_hemne(&world, 1).await;
    world.join(&tao(), 2).await;
    let request = SummarizeQueuesRequest {
        county_id: COUNTY.into(),
        measure_code: "TAO".into(),
        ..SummarizeQueuesRequest::default()
    };
    let queues = world.county.waitlist().summarize_queues(request).await.unwrap().into_inner();
    let waiting: Vec<(String, u64)> = queues.queues[0]
        .municipalities
        .iter()
        .map(|one| (one.municipality_number.clone(), one.persons_waiting))
        .collect();
    assert_eq!(waiting, [(TRONDHEIM.to_owned(), 1), (HEMNE.to_owned(), 1)]);
    let request = ListVacanciesRequest { ledger: Some(tao()), ..Default::default() };
    let found = world.county.allocation().list_vacancies(request).await.unwrap().into_inner();
    let quotas: Vec<&str> = found.quotas.iter().map(|q| &*q.municipality_number).collect();
    assert_eq!(quotas, [TRONDHEIM]);
    let request = GetFairShareRequest { ledger: Some(tao()), ..GetFairShareRequest::default() };
    let shares = world.county.fair_share().get_fair_share(request).await.unwrap().into_inner();
    let shares: Vec<(String, u64, u32, u32)> = shares
        .shares
        .into_iter()
        .map(|s| (s.municipality_number, s.weight, s.entitled_places, s.current_places))
        .collect();
    assert_eq!(shares, [(TRONDHEIM.to_owned(), 173_486 + 4_232, 3, 2)]);
    // The host's office sees them too.
    let request = GetWaitlistEntryRequest {
        ledger: Some(tao()),
        entry_id,
        ..GetWaitlistEntryRequest::default()
    };
    for caller in [&world.county, &world.office] {
        let found = caller.waitlist().get_waitlist_entry(request.clone()).await.unwrap();
        let found = found.into_inner().entry.unwrap();
        let told = (&*found.municipality_number, &*found.quota_municipality_number);
        assert_eq!(told, (HEMNE, TRONDHEIM));
    }
}

#[tokio::test]
async fn bad_agreements_are_named_and_nothing_comes_in() {
    let world = World::new().await;
    let rows = vec![
        Row::HostAgreement(agreement(TRONDHEIM, HEMNE)),
        Row::HostAgreement(agreement("9999", LEVANGER)),
        Row::HostAgreement(agreement(HEMNE, TRONDHEIM)),
    ];
    let bad = |status: Status| {
        assert_eq!(reason(&status), "REGISTRY_ROWS_INVALID");
        let named = status.get_details_bad_request().unwrap().field_violations;
        named.into_iter().map(|one| one.field).collect::<Vec<_>>()
    };
    let refused = import(&world, rows).await.unwrap_err();
    assert_eq!(bad(refused), ["rows[0]", "rows[1]", "rows[2]"]);
    let nothing_said = HostAgreement { kind: 0, ..agreement(TRONDHEIM, HEMNE) };
    let backwards =
        HostAgreement { valid_to_date: Some(date(2020, 1, 1)), ..agreement(TRONDHEIM, HEMNE) };
    let rows = vec![
        Row::HostAgreement(agreement(TRONDHEIM, HEMNE)),
        Row::HostAgreement(nothing_said),
        Row::HostAgreement(backwards),
    ];
    assert_eq!(bad(import(&world, rows).await.unwrap_err()), ["rows[1]", "rows[2]"]);
}

#[test]
fn a_file_of_agreements_is_read() {
    let header = "host_municipality_number,municipality_number,kind,valid_from,valid_to\n";
    let text = format!("{header}1601,1612,HOST,2020-01-01,\n1601,1613,JOINT,2020-01-01,2024-01-01");
    let rows = format!("{:?}", read_file("host_agreements.csv", &text).unwrap());
    for said in ["HOST_KIND_HOST", "HOST_KIND_JOINT", "2024", "1613"] {
        assert!(rows.contains(said), "{rows}");
    }
    assert!(read_file("host_agreements.csv", &text.replace("2024-01-01", "2024")).is_err());
}
