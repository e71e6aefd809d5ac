//! Entries that move: within an area, and to another area's ledger with all that is theirs.

use prost::Message;
use sqlx::PgConnection;
use tiltaksplass::{domain::access::Role, proto::v1::*};
use time::Duration;
use tonic::{Code, Status};

use crate::{
    support::{Caller, Service, reason, request_id},
    world::{
        COUNTY, HEMNE, HEMNE_OFFICE, LEVANGER, OFFICE, OTHER_COUNTY, OTHER_OFFICE, TRONDHEIM,
        World, date, join, vta,
    },
};

mod across;
pub mod combining;
mod moved;
mod succession;
mod within;

pub fn other_vta() -> Ledger {
    Ledger { county_id: OTHER_COUNTY.into(), measure_code: "VTA".into() }
}

pub fn transfer(ledger: &Ledger, entry_id: &str, to: (&str, &str)) -> TransferEntryRequest {
    TransferEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        municipality_number: to.0.into(),
        following_office_number: to.1.into(),
        reason: "flyttet til slektninger".into(),
        ..TransferEntryRequest::default()
    }
}

pub const TO_HEMNE: (&str, &str) = (HEMNE, HEMNE_OFFICE);
pub const TO_LEVANGER: (&str, &str) = (LEVANGER, OTHER_OFFICE);
pub const TO_TRONDHEIM: (&str, &str) = (TRONDHEIM, OFFICE);

async fn transferred(
    caller: &Caller,
    request: TransferEntryRequest,
) -> Result<TransferEntryResponse, Status> {
    caller.waitlist().transfer_entry(request).await.map(tonic::Response::into_inner)
}

/// An entry as its county sees it.
pub async fn entry(service: &Service, ledger: &Ledger, entry_id: &str) -> WaitlistEntry {
    let request = GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        ..GetWaitlistEntryRequest::default()
    };
    let county = service.caller(Role::County, &ledger.county_id).await;
    county.waitlist().get_waitlist_entry(request).await.unwrap().into_inner().entry.unwrap()
}

/// Each log row's kind and request, in a ledger, from the last row on back.
async fn last_row(sql: &mut PgConnection, ledger: &Ledger) -> (String, String) {
    sqlx::query_as(
        "SELECT kind, request_id::text FROM ledger_log WHERE county_id = $1 AND measure_code = $2 \
         ORDER BY seq DESC LIMIT 1",
    )
    .bind(&ledger.county_id)
    .bind(&ledger.measure_code)
    .fetch_one(sql)
    .await
    .unwrap()
}

/// Where each claim is held, and by which entry.
async fn claims(sql: &mut PgConnection) -> Vec<(String, String)> {
    sqlx::query_as("SELECT county_id, entry_id::text FROM person_claim ORDER BY 2")
        .fetch_all(sql)
        .await
        .unwrap()
}

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}
