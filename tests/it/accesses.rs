//! Who looked at whom: why each call is made, what it is called, what is written down before
//! its answer, and who may read that.

use sqlx::{PgConnection, Row};
use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::{Code, Status};

use crate::{
    support::{Caller, reason},
    world::{COUNTY, HEMNE_OFFICE, OFFICE, OTHER_COUNTY, World, identity, join},
};

mod listed;
mod named;
mod reviewed;
mod walk;

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

fn lookup(person: u32) -> LookupPersonRequest {
    LookupPersonRequest {
        national_identity_number: identity(person),
        ..LookupPersonRequest::default()
    }
}

fn position(ledger: &Ledger, entry_id: &str) -> GetPositionRequest {
    GetPositionRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.to_owned(),
        ..GetPositionRequest::default()
    }
}

async fn auditor(world: &World) -> Caller {
    world.service.caller(Role::Auditor, "Riksrevisjonen").await
}

/// The accesses of a person named by number.
fn of_number(person: u32) -> ListAccessesRequest {
    let number = list_accesses_request::Person::NationalIdentityNumber(identity(person));
    ListAccessesRequest {
        person: Some(number),
        purpose: "innsyn".into(),
        ..ListAccessesRequest::default()
    }
}

/// The same by an entry of the person's.
fn of_entry(ledger: &Ledger, entry_id: &str) -> ListAccessesRequest {
    let entry = AccessedEntry { ledger: Some(ledger.clone()), entry_id: entry_id.into() };
    ListAccessesRequest {
        person: Some(list_accesses_request::Person::Entry(entry)),
        ..of_everybody()
    }
}

fn of_everybody() -> ListAccessesRequest {
    ListAccessesRequest { purpose: "innsyn".into(), ..ListAccessesRequest::default() }
}

async fn listed(caller: &Caller, request: ListAccessesRequest) -> Vec<AccessRecord> {
    caller.audit().list_accesses(request).await.unwrap().into_inner().accesses
}

/// Of each access its method and unit.
fn who(accesses: &[AccessRecord]) -> Vec<(&str, &str)> {
    accesses.iter().map(|one| (one.method.as_str(), one.organisation.as_str())).collect()
}

/// Some column of the access log as text, in the order of time.
async fn column(sql: &mut PgConnection, column: &str) -> Vec<String> {
    let rows = sqlx::query("SELECT to_jsonb(a) AS row FROM access_log a ORDER BY at, access_id");
    let rows = rows.fetch_all(sql).await.unwrap();
    let value = |row: &sqlx::postgres::PgRow| {
        let row: serde_json::Value = row.get("row");
        row[column].as_str().map_or_else(|| row[column].to_string(), str::to_owned)
    };
    rows.iter().map(value).collect()
}
