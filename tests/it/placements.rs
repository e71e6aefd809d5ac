//! Placements under way, through the port: shares, planned ends, leaves, moves, and people who
//! move house. Who may, what is told, what is kept, and what happens by time.

use base64::Engine as _;
use prost::Message;
use sqlx::Row;
use tiltaksplass::{
    domain::access::Role,
    proto::{google::r#type::Date, v1::*},
};
use time::macros::datetime;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::{
    support::{Caller, Service, reason, request_id},
    world::{
        COUNTY, HEMNE, HEMNE_OFFICE, LEVANGER, OFFICE, OTHER_COUNTY, OTHER_OFFICE, PROVIDER,
        TRONDHEIM, World, avklaring, date, join, vta,
    },
};

mod changes;
mod closure_changes;
mod closures;
mod increases;
mod moves;
mod reviews;

/// The day the clock stands on.
fn today() -> Date {
    date(2026, 3, 2)
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

/// VTA with so many places in one group and for each of two municipalities.
async fn two_municipalities(places: u32, quotas: [u32; 2]) -> (World, Ledger, String) {
    let world = World::new().await;
    let ledger = vta();
    world.budget(&ledger, quotas[0] + quotas[1]).await;
    world.quotas(&ledger, &[(TRONDHEIM, quotas[0]), (HEMNE, quotas[1])]).await;
    let group = world.place_group(&ledger, places).await;
    (world, ledger, group)
}

/// Somebody of Trondheim begins today with so much of a place: the entry and the placement.
async fn placed(world: &World, ledger: &Ledger, person: u32, percent: u32) -> (String, Placement) {
    let request = JoinWaitlistRequest { participation_percent: percent, ..join(ledger, person) };
    begin(world, ledger, request).await
}

async fn begin(
    world: &World,
    ledger: &Ledger,
    request: JoinWaitlistRequest,
) -> (String, Placement) {
    let joined = world.county.waitlist().join_waitlist(request).await.unwrap().into_inner();
    let offer = world.allocate(ledger, 1).await.proposals.remove(0);
    assert_eq!(offer.entry_id, joined.entry_id);
    let respond = RespondToOfferRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_id: offer.offer_id.clone(),
        answer: OfferAnswer::Accept.into(),
        ..RespondToOfferRequest::default()
    };
    let confirm = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_ids: vec![offer.offer_id.clone()],
        ..ConfirmProposalsRequest::default()
    };
    let start = StartPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_id: offer.offer_id,
        start_date: Some(today()),
        ..StartPlacementRequest::default()
    };
    let mut allocation = world.county.allocation();
    allocation.confirm_proposals(confirm).await.unwrap();
    allocation.respond_to_offer(respond).await.unwrap();
    let started = allocation.start_placement(start).await.unwrap().into_inner();
    (joined.entry_id, started.placement.unwrap())
}

fn changing(
    ledger: &Ledger,
    placement_id: &str,
    change: change_placement_request::Change,
) -> ChangePlacementRequest {
    ChangePlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement_id.into(),
        change: Some(change),
        ..ChangePlacementRequest::default()
    }
}

fn share(percent: u32, day: Date) -> change_placement_request::Change {
    change_placement_request::Change::Share(PlacementShare {
        participation_percent: percent,
        valid_from_date: Some(day),
        wait_if_full: false,
    })
}

fn leave(from: Date, until: Date) -> change_placement_request::Change {
    change_placement_request::Change::Leave(PlacementLeave {
        from_date: Some(from),
        until_date: Some(until),
        reason: "fødselspermisjon".into(),
    })
}

async fn change(
    caller: &Caller,
    request: ChangePlacementRequest,
) -> Result<ChangePlacementResponse, Status> {
    Ok(caller.allocation().change_placement(request).await?.into_inner())
}

fn moving(ledger: &Ledger, placement_id: &str, group: &str) -> MovePlacementRequest {
    MovePlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement_id.into(),
        place_group_id: group.into(),
        reason: "nærmere hjemmet".into(),
        ..MovePlacementRequest::default()
    }
}

fn reassigning(ledger: &Ledger, placement_id: &str, number: &str) -> ReassignPlacementRequest {
    let office = if number == TRONDHEIM { OFFICE } else { HEMNE_OFFICE };
    ReassignPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement_id.into(),
        municipality_number: number.into(),
        following_office_number: office.into(),
        ..ReassignPlacementRequest::default()
    }
}

/// In use: in the groups together, and of each municipality's quota.
async fn in_use(world: &World, ledger: &Ledger) -> (i64, Vec<i64>) {
    let found = world.availability(ledger).await;
    let second = found.second_accounts.iter().map(|a| a.usage.as_ref().unwrap().in_use_percent);
    (found.places.unwrap().in_use_percent, second.collect())
}

/// New tokens, since the clock has moved beyond the old ones.
async fn refresh(world: &mut World) {
    world.county = world.service.caller(Role::County, COUNTY).await;
    world.office = world.service.caller(Role::Office, OFFICE).await;
    world.provider = world.service.caller(Role::Provider, PROVIDER).await;
}

async fn listed(caller: &Caller, ledger: &Ledger) -> Vec<Placement> {
    let request =
        ListPlacementsRequest { ledger: Some(ledger.clone()), ..ListPlacementsRequest::default() };
    caller.allocation().list_placements(request).await.unwrap().into_inner().placements
}

/// The latest log row's kind and payload.
async fn last_payload(service: &Service) -> (String, serde_json::Value) {
    let mut sql = service.sql().await;
    let row = sqlx::query("SELECT kind, payload FROM ledger_log ORDER BY at DESC LIMIT 1")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    (row.get("kind"), serde_json::from_slice(row.get("payload")).unwrap())
}

/// What is sealed opens under the key of the only person, in its own context and no other.
async fn opened(service: &Service, context: &str, sealed: &serde_json::Value) -> String {
    let mut sql = service.sql().await;
    let (person, wrapped): (Uuid, Vec<u8>) =
        sqlx::query_as("SELECT person_id, data_key FROM person").fetch_one(&mut sql).await.unwrap();
    let key = service.app.keys.unwrap_data_key(&wrapped, person).unwrap();
    let sealed = base64::prelude::BASE64_STANDARD.decode(sealed.as_str().unwrap()).unwrap();
    assert!(key.open("placement/another", &sealed).is_err());
    String::from_utf8(key.open(context, &sealed).unwrap().to_vec()).unwrap()
}
