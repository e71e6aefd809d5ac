//! Nobody decides on themself: whatever is about the person whom the token names, or who its
//! bearer is by a link of the staff, is refused, whoever else may ask for it.

use std::collections::BTreeSet;

use prost_reflect::{MessageDescriptor, MethodDescriptor};
use sqlx::Row;
use tiltaksplass::{
    auth::TokenRequest,
    cli::call::DynamicClient,
    domain::{access::Role, national_identity::NationalIdentityNumber, protection::Protection},
    proto::v1::*,
};
use time::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    contract::{self, Stage, name_of, roles_of, rpcs},
    existing::{import, send, waiting},
    staff_links::link,
    support::{Caller, Service, reason, request_id},
    world::{COUNTY, OFFICE, PROVIDER, World, identity, join},
};

/// Fields by which a request names somebody, or what is theirs.
const NAMES_SOMEBODY: &[&str] =
    &["national_identity_number", "entry_id", "entry_ids", "offer_id", "offer_ids", "placement_id"];
/// What names somebody and is refused to nobody for that: a list tells of entries by id, among
/// others', and other systems are no persons.
const OF_ALL: &[&str] = &["ListOffers", "ListPlacements", "CheckParticipation"];
/// Whom the stage's requests are about: who is placed, has an offer, waits, and comes in.
const ON_STAGE: [u32; 4] = [1, 2, 3, 9];
const STRANGER: u32 = 77;

fn request(role: Role, organisation: &str, person: u32) -> TokenRequest {
    let identity_number = Some(identity(person));
    TokenRequest {
        identity_number,
        ..TokenRequest::new("themself", role, organisation, Duration::hours(8))
    }
}

async fn caller(service: &Service, role: Role, organisation: &str, person: u32) -> Caller {
    service.caller_with(&request(role, organisation, person)).await
}

fn names_somebody(message: &MessageDescriptor) -> bool {
    message.fields().any(|field| {
        let part = field.kind().as_message().is_some_and(names_somebody);
        part || NAMES_SOMEBODY.contains(&field.name())
    })
}

/// How it is known who calls.
#[derive(Debug, Clone, Copy)]
enum Known {
    ByToken,
    ByLink,
}

async fn client(stage: &Stage, role: Role, person: u32, known: Known) -> DynamicClient {
    let organisation = match role {
        Role::County => COUNTY,
        Role::Office => OFFICE,
        Role::Provider => PROVIDER,
        Role::Directorate | Role::Municipality | Role::Service | Role::Auditor => "NAV",
    };
    let service = &stage.world.service;
    let by_token = request(role, organisation, person);
    let request = match known {
        Known::ByToken => by_token,
        Known::ByLink => {
            TokenRequest { subject: linked(person), identity_number: None, ..by_token }
        }
    };
    // What may be asked by who leads an office, or is cleared, they may ask.
    let request = TokenRequest {
        leads_office: role == Role::Office,
        clearances: if role == Role::Provider { Vec::new() } else { Protection::ALL.to_vec() },
        ..request
    };
    let token = service.token_of(&request);
    DynamicClient::connect(&format!("http://{}", service.address), Some(&token)).await.unwrap()
}

/// Who of the staff is linked to a person here.
fn linked(person: u32) -> String {
    format!("linked-{person}")
}

/// Whether any request of an RPC is refused as the caller's own case.
async fn is_refused(
    stage: &Stage,
    rpc: &MethodDescriptor,
    role: Role,
    person: u32,
    known: Known,
) -> bool {
    let mut client = client(stage, role, person, known).await;
    for body in stage.requests(rpc) {
        let body = stage.asked_by(role, &body);
        if let Err(error) = client.stream_json(&name_of(rpc), &[body]).await
            && contract::reason(&error) == "OWN_CASE"
        {
            assert_eq!(error.code(), "PERMISSION_DENIED");
            return true;
        }
    }
    false
}

#[tokio::test]
async fn every_call_that_names_somebody_is_refused_to_that_very_person() {
    let stage = Stage::new().await;
    for person in ON_STAGE.into_iter().chain([STRANGER]) {
        link(&stage.world, &linked(person), person).await;
    }
    let mut refused = 0;
    for rpc in rpcs() {
        if !names_somebody(&rpc.input()) || OF_ALL.contains(&rpc.name()) {
            continue;
        }
        for role in roles_of(&rpc) {
            if role == Role::Auditor {
                continue;
            }
            for known in [Known::ByToken, Known::ByLink] {
                let mut own = false;
                for person in ON_STAGE {
                    own = own || is_refused(&stage, &rpc, role, person, known).await;
                }
                assert!(own, "{} by {} {known:?}", rpc.name(), role.as_str());
                let other = is_refused(&stage, &rpc, role, STRANGER, known).await;
                assert!(!other, "{} by {} {known:?}", rpc.name(), role.as_str());
                refused += 1;
            }
        }
    }
    assert!(refused > 60, "only {refused} calls were asked");
}

fn own(status: &Status) -> String {
    assert_eq!((status.code(), reason(status)), (Code::PermissionDenied, "OWN_CASE".to_owned()));
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["effect"], "none");
    info.metadata.get("item").cloned().unwrap_or_default()
}

async fn people(world: &World) -> i64 {
    let mut sql = world.service.sql().await;
    sqlx::query_scalar("SELECT count(*) FROM person").fetch_one(&mut sql).await.unwrap()
}

#[tokio::test]
async fn one_of_many_refuses_all_and_is_named() {
    let world = World::new().await;
    let (ledger, _) = world.vta(3).await;
    let office = caller(&world.service, Role::Office, OFFICE, 2).await;
    let batch = |persons: [u32; 3]| BatchJoinWaitlistRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        joins: persons
            .map(|person| JoinWaitlistRequest {
                request_id: String::new(),
                ledger: None,
                adviser_ident: "A123456".into(),
                ..join(&ledger, person)
            })
            .to_vec(),
        ..BatchJoinWaitlistRequest::default()
    };
    let refused = office.waitlist().batch_join_waitlist(batch([1, 2, 3])).await.unwrap_err();
    assert_eq!(own(&refused), "joins[1]");
    assert_eq!(people(&world).await, 0, "nobody is kept of what was refused");
    let refused = office.waitlist().join_waitlist(join(&ledger, 2)).await.unwrap_err();
    assert_eq!(own(&refused), "");
    let county = caller(&world.service, Role::County, COUNTY, 2).await;
    let rows = import(&ledger, vec![waiting(1), waiting(2)]);
    assert_eq!(own(&send(&county, rows).await.unwrap_err()), "rows[1]");
    // Others of the office put them on the list.
    let joined = world.office.waitlist().batch_join_waitlist(batch([1, 2, 3])).await.unwrap();
    let entries = joined.into_inner().entry_ids;
    let run = world.allocate(&ledger, 3).await;
    let offers: Vec<String> = run.proposals.iter().map(|offer| offer.offer_id.clone()).collect();
    let confirm = |offer_ids: Vec<String>| ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_ids,
        ..ConfirmProposalsRequest::default()
    };
    let mut allocation = office.allocation();
    let refused = allocation.confirm_proposals(confirm(offers.clone())).await.unwrap_err();
    assert_eq!(own(&refused), "offer_ids[1]");
    allocation.confirm_proposals(confirm(vec![offers[0].clone()])).await.unwrap();
    let reassign = |entry_ids: &[String], from: &str| ReassignAdviserRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_ids: entry_ids.to_vec(),
        from_adviser_ident: from.into(),
        to_adviser_ident: "B123456".into(),
        ..ReassignAdviserRequest::default()
    };
    let mut waitlist = office.waitlist();
    let refused = waitlist.reassign_adviser(reassign(&entries, "")).await.unwrap_err();
    assert_eq!(own(&refused), "entry_ids[1]");
    // Also where it is found out under the lock whose they are, in a ledger or in an area.
    let refused = waitlist.reassign_adviser(reassign(&[], "A123456")).await.unwrap_err();
    assert_eq!(own(&refused), "");
    let everywhere = ReassignAdviserRequest {
        ledger: None,
        county_id: COUNTY.into(),
        ..reassign(&[], "A123456")
    };
    assert_eq!(own(&waitlist.reassign_adviser(everywhere).await.unwrap_err()), "");
    waitlist.reassign_adviser(reassign(&entries[..1], "")).await.unwrap();
    world.service.verify().await;
}

/// A person is one person by whatever number: one that got a new one is found by both.
#[tokio::test]
async fn an_earlier_number_is_the_same_person() {
    const NEW_NUMBER: u32 = 50;
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let mut sql = world.service.sql().await;
    let number = NationalIdentityNumber::parse(&identity(NEW_NUMBER)).unwrap();
    for (version, hmac) in world.service.app.keys.identity_hmacs(&number) {
        sqlx::query(
            "INSERT INTO person_key (key_version, hmac, person_id) \
             SELECT $1, $2, person_id FROM person",
        )
        .bind(version)
        .bind(hmac.as_slice())
        .execute(&mut sql)
        .await
        .unwrap();
    }
    let office = caller(&world.service, Role::Office, OFFICE, NEW_NUMBER).await;
    let leave = LeaveWaitlistRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id,
        reason: LeaveReason::Work.into(),
        ..LeaveWaitlistRequest::default()
    };
    own(&office.waitlist().leave_waitlist(leave).await.unwrap_err());
    own(&office.waitlist().join_waitlist(join(&ledger, 1)).await.unwrap_err());
    for person in [1, NEW_NUMBER] {
        let request = LookupPersonRequest {
            national_identity_number: identity(person),
            purpose: "nysgjerrig".into(),
            ..LookupPersonRequest::default()
        };
        own(&office.waitlist().lookup_person(request).await.unwrap_err());
    }
}

/// What was asked about oneself is written down, reads and changes alike, as denied.
#[tokio::test]
async fn what_is_asked_about_oneself_is_written_down_as_denied() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let county = caller(&world.service, Role::County, COUNTY, 1).await;
    let get = GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.clone(),
        with_person: true,
        purpose: "nysgjerrig".into(),
        ..GetWaitlistEntryRequest::default()
    };
    own(&county.waitlist().get_waitlist_entry(get).await.unwrap_err());
    let lookup = LookupPersonRequest {
        national_identity_number: identity(1),
        purpose: "nysgjerrig".into(),
        ..LookupPersonRequest::default()
    };
    own(&county.waitlist().lookup_person(lookup).await.unwrap_err());
    let pause = PauseEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger),
        entry_id,
        ..PauseEntryRequest::default()
    };
    own(&county.waitlist().pause_entry(pause).await.unwrap_err());
    let mut sql = world.service.sql().await;
    let rows = sqlx::query("SELECT method, permitted FROM access_log WHERE subject = 'themself'")
        .fetch_all(&mut sql)
        .await
        .unwrap();
    let told: BTreeSet<(String, bool)> =
        rows.iter().map(|row| (row.get("method"), row.get("permitted"))).collect();
    let denied = ["GetWaitlistEntry", "LookupPerson", "PauseEntry"];
    assert_eq!(told, denied.map(|method| (method.to_owned(), false)).into());
}
