//! `ImportExisting`: what stands in another system comes in as it is, through the port and into
//! a real database.

use tiltaksplass::proto::v1::*;
use tonic::Status;

use crate::{
    support::{Caller, MONDAY, reason, request_id},
    world::{COUNTY, OFFICE, PROVIDER, TRONDHEIM, World, date, identity},
};

mod again;
mod calls;
mod onward;
mod order;
mod over;
mod privacy;
mod rows;
mod trondheim;

/// A moment so many days before Monday, 2 March 2026.
fn days_ago(days: i64) -> prost_types::Timestamp {
    let seconds = MONDAY.unix_timestamp() - days * 86_400;
    prost_types::Timestamp { seconds, nanos: 0 }
}

fn reference(id: &str) -> ExternalReference {
    ExternalReference { system: "arena".into(), id: id.into() }
}

/// Somebody of Trondheim who has waited for a hundred days.
pub fn waiting(person: u32) -> ExistingRow {
    ExistingRow {
        external_reference: Some(reference(&format!("D{person}"))),
        national_identity_number: identity(person),
        municipality_number: TRONDHEIM.into(),
        following_office_number: OFFICE.into(),
        registered_time: Some(days_ago(100)),
        state: ExistingState::Waiting.into(),
        ..ExistingRow::default()
    }
}

fn offered(person: u32, group: &str) -> ExistingRow {
    ExistingRow {
        state: ExistingState::Offered.into(),
        place_group_id: group.into(),
        state_time: Some(days_ago(3)),
        answer_by_time: Some(days_ago(-7)),
        ..waiting(person)
    }
}

fn accepted(person: u32, group: &str) -> ExistingRow {
    ExistingRow {
        state: ExistingState::Accepted.into(),
        answer_by_time: None,
        ..offered(person, group)
    }
}

pub fn placed(person: u32, group: &str) -> ExistingRow {
    ExistingRow {
        state: ExistingState::Placed.into(),
        place_group_id: group.into(),
        start_date: Some(date(2026, 1, 5)),
        planned_end_date: Some(date(2027, 1, 5)),
        ..waiting(person)
    }
}

/// As of the Saturday before.
pub fn import(ledger: &Ledger, rows: Vec<ExistingRow>) -> ImportExistingRequest {
    ImportExistingRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        cut_over_date: Some(date(2026, 2, 28)),
        source: "Arena".into(),
        rows,
        ..ImportExistingRequest::default()
    }
}

pub async fn send(
    caller: &Caller,
    request: ImportExistingRequest,
) -> Result<ImportExistingResponse, Status> {
    let answer = caller.registry().import_existing(tokio_stream::iter([request])).await?;
    Ok(answer.into_inner())
}

/// What is said of each bad row, by its number.
fn bad_rows(status: &Status) -> Vec<(String, String)> {
    use tonic_types::StatusExt;
    assert_eq!(reason(status), "EXISTING_ROWS_INVALID", "{status:?}");
    let named = status.get_details_bad_request().unwrap().field_violations;
    named.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

/// A place group of so many places, with a name in the old system.
async fn group(world: &World, ledger: &Ledger, provider: &str, name: &str, places: u32) -> String {
    use tiltaksplass::domain::access::Role;
    let request = SubmitCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        organisation_number: provider.into(),
        name: name.into(),
        site_municipality_number: TRONDHEIM.into(),
        places,
        valid_from_date: Some(date(2010, 1, 1)),
        external_references: vec![reference(&format!("T {name}"))],
        ..SubmitCapacityRequest::default()
    };
    let provider = world.service.caller(Role::Provider, provider).await;
    let submitted = provider.capacity().submit_capacity(request).await.unwrap().into_inner();
    let review = ReviewCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        submission_id: submitted.submission_id,
        decision: ReviewDecision::Approve.into(),
        ..ReviewCapacityRequest::default()
    };
    world.county.capacity().review_capacity(review).await.unwrap();
    submitted.place_group_id
}

async fn entries(world: &World, ledger: &Ledger, state: EntryState) -> Vec<WaitlistEntry> {
    let request = ListWaitlistEntriesRequest {
        ledger: Some(ledger.clone()),
        state: state.into(),
        page_size: 500,
        ..ListWaitlistEntriesRequest::default()
    };
    world.county.waitlist().list_waitlist_entries(request).await.unwrap().into_inner().entries
}

async fn placements(world: &World, ledger: &Ledger) -> Vec<Placement> {
    let request = ListPlacementsRequest {
        ledger: Some(ledger.clone()),
        page_size: 500,
        ..ListPlacementsRequest::default()
    };
    world.county.allocation().list_placements(request).await.unwrap().into_inner().placements
}

async fn end(world: &World, ledger: &Ledger, placement_id: &str) {
    let request = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement_id.into(),
        end_date: Some(date(2026, 3, 2)),
        outcome: PlacementOutcome::OrdinaryWork.into(),
        ..EndPlacementRequest::default()
    };
    world.county.allocation().end_placement(request).await.unwrap();
}

/// Reserved, in use, free and over of a place group, in per cents.
async fn usage(world: &World, ledger: &Ledger, group: &str) -> (i64, i64, i64, i64) {
    let answer = world.availability(ledger).await;
    let found = answer.place_groups.iter().find(|one| one.place_group_id == group);
    let usage = found.unwrap().usage.clone().unwrap();
    (usage.reserved_percent, usage.in_use_percent, usage.free_percent, usage.over_percent)
}

async fn log_rows(world: &World) -> i64 {
    let mut sql = world.service.sql().await;
    sqlx::query_scalar("SELECT count(*) FROM ledger_log").fetch_one(&mut sql).await.unwrap()
}

/// The rest of the tests' own county, where a test needs its name.
const OWN: (&str, &str) = (COUNTY, PROVIDER);
