//! Calls about one person: leaving, who somebody is, what is kept of them, and why a
//! decision about them went as it did.

use sqlx::{PgConnection, Row};
use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    support::{Caller, reason, request_id},
    world::{COUNTY, HEMNE, HEMNE_OFFICE, OFFICE, TRONDHEIM, World, join, vta},
};

mod advisers;
mod advisers_everywhere;
mod entry;
mod estimate;
mod explain;
mod held;
mod leaving;
mod lookup;
mod participation;
mod position;
mod renumbered;
mod rotation;
mod work;

/// One row of the access log.
#[derive(Debug, PartialEq, Eq)]
struct Access {
    organisation: String,
    method: String,
    purpose: String,
    entries: Vec<String>,
    people: usize,
    permitted: bool,
}

async fn accesses(sql: &mut PgConnection) -> Vec<Access> {
    let rows = sqlx::query("SELECT * FROM access_log ORDER BY access_id").fetch_all(sql);
    let access = |row: &sqlx::postgres::PgRow| Access {
        organisation: row.get("organisation"),
        method: row.get("method"),
        purpose: row.get("purpose"),
        entries: row.get::<Vec<Uuid>, _>("entry_ids").iter().map(Uuid::to_string).collect(),
        people: row.get::<Vec<Uuid>, _>("person_ids").len(),
        permitted: row.get("permitted"),
    };
    rows.await.unwrap().iter().map(access).collect()
}

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

fn nothing() -> String {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001).to_string()
}

fn leave(ledger: &Ledger, entry_id: &str) -> LeaveWaitlistRequest {
    LeaveWaitlistRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        reason: LeaveReason::Work.into(),
        reason_text: "begynte i butikken".into(),
        ..LeaveWaitlistRequest::default()
    }
}

async fn left(caller: &Caller, ledger: &Ledger, entry_id: &str) -> LeaveWaitlistResponse {
    let answer = caller.waitlist().leave_waitlist(leave(ledger, entry_id)).await;
    answer.unwrap().into_inner()
}

/// Somebody of Hemne joins, followed up by Hemne's own office.
async fn join_hemne(world: &World, ledger: &Ledger, person: u32) -> String {
    let request = JoinWaitlistRequest {
        municipality_number: HEMNE.into(),
        following_office_number: HEMNE_OFFICE.into(),
        ..join(ledger, person)
    };
    let joined = world.county.waitlist().join_waitlist(request).await.unwrap();
    joined.into_inner().entry_id
}

/// Lets time pass; tokens last for some hours only, so the callers get new ones.
async fn later(world: &mut World, by: time::Duration) {
    world.service.clock.advance(by);
    world.county = world.service.caller(Role::County, COUNTY).await;
    world.office = world.service.caller(Role::Office, OFFICE).await;
}

/// VTA with so many places for Trondheim and so many for Hemne, in one group.
async fn two_municipalities(places: [u32; 2]) -> (World, Ledger, String) {
    let world = World::new().await;
    let ledger = vta();
    world.budget(&ledger, places[0] + places[1]).await;
    world.quotas(&ledger, &[(TRONDHEIM, places[0]), (HEMNE, places[1])]).await;
    let group = world.place_group(&ledger, places[0] + places[1]).await;
    (world, ledger, group)
}

async fn hemne(world: &World) -> Caller {
    world.service.caller(Role::Office, HEMNE_OFFICE).await
}
