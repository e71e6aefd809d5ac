//! Who someone is, and why, stands in no table, log, answer or refusal: words that can
//! be recognised go in, and are looked for everywhere. And every read of people is
//! written down before it is answered.

use std::fs;

use base64::Engine as _;
use prost::Message;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use tiltaksplass::{domain::access::Role, keys::Keys, proto::v1::*};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    support::{Service, limits, logs, new_database, reason, request_id},
    world::{HEMNE_OFFICE, PROVIDER, World, date, identity, join},
};

mod advisers;
mod questions;
mod renumbered;

/// Far from the numbers of other tests, which log into the same place.
const PERSON: u32 = 3_141_500;
const OTHER_PERSON: u32 = 3_141_501;
/// Who is only ever refused.
const REFUSED_PERSON: u32 = 3_141_502;
/// Whose number stands in the wrong fields; what is logged of it is not looked at.
const MISPLACED_PERSON: u32 = 3_141_503;
/// Who leaves the waitlist.
const LEAVING_PERSON: u32 = 3_141_504;

/// Who gets another number, which is the one after.
const RENUMBERED_PERSON: u32 = 3_141_505;

/// Words that stand for what is told in confidence.
const CONFIDED: &[&str] = &[
    "kanarifugl-grunn",
    "kanarifugl-veileder",
    "kanarifugl-nei",
    "kanarifugl-slutt",
    "kanarifugl-forlot",
    "kanarifugl-avloser",
    "kanarifugl-vikar",
    renumbered::REASON,
];

/// Everything that must be found nowhere, in each form it could take.
fn needles() -> Vec<String> {
    let bad = wrong_check_digits();
    let people = [
        PERSON,
        OTHER_PERSON,
        REFUSED_PERSON,
        LEAVING_PERSON,
        RENUMBERED_PERSON,
        RENUMBERED_PERSON + 1,
    ];
    let numbers = people.iter().map(|person| identity(*person)).chain([bad]);
    let mut needles = Vec::new();
    for number in numbers {
        needles.extend(forms(&number));
        // A digest without a key is guessed in minutes: there are few numbers.
        needles.push(hex::encode(Sha256::digest(&number)));
        needles.push(base64::prelude::BASE64_STANDARD.encode(Sha256::digest(&number)));
    }
    needles.extend(CONFIDED.iter().flat_map(|word| forms(word)));
    needles
}

/// As it is, as bytes that are shown in hexadecimal, and as base64.
pub fn forms(text: &str) -> [String; 3] {
    let base64 = base64::prelude::BASE64_STANDARD_NO_PAD.encode(text);
    // The last characters depend on what follows.
    [text.to_owned(), hex::encode(text), base64[..base64.len() - 2].to_owned()]
}

fn wrong_check_digits() -> String {
    let mut number = identity(PERSON + 7);
    let last = number.pop().unwrap().to_digit(10).unwrap();
    format!("{number}{}", (last + 1) % 10)
}

pub fn assert_clean(place: &str, text: &str, needles: &[String]) {
    for needle in needles {
        let at = text.find(needle.as_str());
        assert_eq!(at, None, "{place} holds {needle}");
    }
}

/// Every column of every table as text; bytes are in hexadecimal.
pub async fn dump(sql: &mut PgConnection) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT oid::regclass::text FROM pg_class \
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut *sql)
    .await
    .unwrap();
    assert!(tables.len() > 15, "only {tables:?}");
    let mut all = String::new();
    for table in tables {
        let rows = format!("SELECT t::text FROM {table} t");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut *sql).await.unwrap();
        all.push_str(&rows.join("\n"));
    }
    all
}

/// What a status says, with its details' bytes.
pub fn said(status: &Status) -> String {
    let details = String::from_utf8_lossy(status.details());
    format!("{status:?} {} {details} {}", status.message(), hex::encode(status.details()))
}

/// A join with everything that is told in confidence.
fn confided(ledger: &Ledger, person: u32) -> JoinWaitlistRequest {
    JoinWaitlistRequest {
        priority_class: "FIRST".into(),
        priority_ground: format!("fordi {}", CONFIDED[0]),
        adviser_ident: CONFIDED[1].into(),
        ..join(ledger, person)
    }
}

/// Two people through the whole story: one declines, one starts and ends.
async fn tell(world: &World, ledger: &Ledger) {
    for person in [PERSON, OTHER_PERSON] {
        world.office.waitlist().join_waitlist(confided(ledger, person)).await.unwrap();
    }
    let preview = JoinWaitlistRequest { validate_only: true, ..confided(ledger, REFUSED_PERSON) };
    world.office.waitlist().join_waitlist(preview).await.unwrap();
    let run = world.allocate(ledger, 2).await;
    let offers: Vec<String> = run.proposals.iter().map(|offer| offer.offer_id.clone()).collect();
    world.confirm(ledger, offers.clone()).await;
    let decline = RespondToOfferRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_id: offers[0].clone(),
        answer: OfferAnswer::Decline.into(),
        reason: CONFIDED[2].into(),
        ..RespondToOfferRequest::default()
    };
    world.office.allocation().respond_to_offer(decline).await.unwrap();
    world.respond(ledger, &offers[1], OfferAnswer::Accept).await.unwrap();
    let placement = world.start(ledger, &offers[1], date(2026, 3, 2)).await;
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement.placement_id,
        end_date: Some(date(2026, 3, 2)),
        outcome: PlacementOutcome::Other.into(),
        reason: CONFIDED[3].into(),
        ..EndPlacementRequest::default()
    };
    world.office.allocation().end_placement(end).await.unwrap();
    ask(world, ledger, &run.proposals[0].entry_id).await;
    let leaving = confided(ledger, LEAVING_PERSON);
    let joined = world.office.waitlist().join_waitlist(leaving).await.unwrap().into_inner();
    advisers::hand_over(world, ledger, &joined.entry_id).await;
    let leave = LeaveWaitlistRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: joined.entry_id,
        reason: LeaveReason::NoLongerSuitable.into(),
        reason_text: CONFIDED[4].into(),
        ..LeaveWaitlistRequest::default()
    };
    world.office.waitlist().leave_waitlist(leave).await.unwrap();
}

/// Who may know is told, and nothing of it stays behind.
async fn ask(world: &World, ledger: &Ledger, entry_id: &str) {
    let request = GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        with_person: true,
        purpose: "vedtak".into(),
        at_least_seq: 0,
    };
    let told = world.office.waitlist().get_waitlist_entry(request).await.unwrap().into_inner();
    let person = told.person.unwrap();
    assert_eq!(person.national_identity_number, identity(PERSON));
    assert!(person.priority_ground.contains(CONFIDED[0]) && person.adviser_ident == CONFIDED[1]);
    let request = LookupPersonRequest {
        national_identity_number: identity(OTHER_PERSON),
        purpose: "vedtak".into(),
        ..LookupPersonRequest::default()
    };
    let told = world.office.waitlist().lookup_person(request).await.unwrap().into_inner();
    assert_eq!(told.entries.len(), 1);
    assert_clean("a lookup", &format!("{told:?}"), &needles());
    questions::answered(world).await;
}

/// Calls that are refused at each step, from the form of a field to the database.
async fn refusals(world: &World, ledger: &Ledger) -> Vec<Status> {
    let stranger = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let provider = world.service.caller(Role::Provider, PROVIDER).await;
    let of = |request: JoinWaitlistRequest| async {
        world.office.waitlist().join_waitlist(request).await.unwrap_err()
    };
    let with = |person| confided(ledger, person);
    let first = with(OTHER_PERSON + 8);
    world.office.waitlist().join_waitlist(first.clone()).await.unwrap();
    let reused = JoinWaitlistRequest { request_id: first.request_id, ..with(REFUSED_PERSON) };
    let mut told = vec![
        of(JoinWaitlistRequest { national_identity_number: wrong_check_digits(), ..with(1) }).await,
        of(JoinWaitlistRequest {
            national_identity_number: format!(" {}", identity(REFUSED_PERSON)),
            ..with(1)
        })
        .await,
        // Somebody has put the number where the office belongs, or the class.
        of(JoinWaitlistRequest {
            following_office_number: identity(REFUSED_PERSON),
            ..with(REFUSED_PERSON)
        })
        .await,
        of(with(PERSON)).await,
        of(reused).await,
        of(JoinWaitlistRequest { following_office_number: "9999".into(), ..with(REFUSED_PERSON) })
            .await,
        of(JoinWaitlistRequest { priority_class: "SECOND".into(), ..with(REFUSED_PERSON) }).await,
        of(JoinWaitlistRequest {
            priority_ground: CONFIDED[0].repeat(100),
            ..with(REFUSED_PERSON)
        })
        .await,
        of(JoinWaitlistRequest {
            adviser_ident: format!("{}\u{202e}", CONFIDED[1]),
            ..with(REFUSED_PERSON)
        })
        .await,
    ];
    for caller in [&stranger, &provider] {
        told.push(caller.waitlist().join_waitlist(with(REFUSED_PERSON)).await.unwrap_err());
    }
    let mut sql = world.service.sql().await;
    let poison = "ALTER TABLE entry ADD CONSTRAINT poison \
                  CHECK (doc->>'case_reference' IS DISTINCT FROM 'POISON') NOT VALID";
    sqlx::raw_sql(poison).execute(&mut sql).await.unwrap();
    let request = JoinWaitlistRequest { case_reference: "POISON".into(), ..with(REFUSED_PERSON) };
    told.push(of(request).await);
    told
}

#[tokio::test]
async fn nobody_is_named_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("main.json");
    let keys = Keys::load_or_create(&file).unwrap();
    let world = World::on(Service::start_in(new_database().await, keys, limits()).await).await;
    let (ledger, _) = world.vta(2).await;
    tell(&world, &ledger).await;
    let mut refusals = renumbered::told(&world, &ledger).await;
    refusals.extend(self::refusals(&world, &ledger).await);
    let mut needles = needles();
    needles.extend(renumbered::rotate(&world, &file).await.iter().flat_map(|key| forms(key)));
    refusals.extend(questions::refused_lookups(&world).await);
    let reasons: Vec<String> = refusals.iter().map(reason).collect();
    for status in &refusals {
        assert_clean("a refusal", &said(status), &needles);
    }
    for expected in [
        "INVALID_FIELDS",
        "PERSON_ALREADY_WAITING",
        "IDENTITY_NUMBER_TAKEN",
        "REQUEST_ID_REUSED",
        "REGISTRY_MISMATCH",
        "PERMISSION_DENIED",
        "INTERNAL",
    ] {
        assert!(reasons.iter().any(|reason| reason == expected), "{expected}: {reasons:?}");
    }
    assert!(!reasons.contains(&String::new()), "{reasons:?}");
    let mut sql = world.service.sql().await;
    assert_clean("the database", &dump(&mut sql).await, &needles);
    assert_clean("the log", &logs(), &needles);
    assert_clean("the change feed", &changes(&world, &ledger).await, &needles);
    let kept: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT response FROM ledger_answer").fetch_all(&mut sql).await.unwrap();
    assert!(kept.len() > 10);
    for answer in kept {
        assert_clean("a kept answer", &String::from_utf8_lossy(&answer), &needles);
    }
    let server_log = fs::read_to_string(postgres_log(&mut sql).await).unwrap();
    assert!(server_log.contains("poison"), "the server's log is the one that is read");
    assert_clean("the server's log", &server_log, &needles);
}

/// A number that was put into the wrong field is not stored or repeated from there.
#[tokio::test]
async fn a_number_in_the_wrong_field_is_refused_and_not_repeated() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let number = identity(MISPLACED_PERSON);
    let reference = ExternalReference { system: "arena".into(), id: number.clone() };
    let plain = |person| join(&ledger, person);
    let misplaced = [
        JoinWaitlistRequest {
            priority_class: number.clone(),
            priority_ground: "grunn".into(),
            ..plain(11)
        },
        JoinWaitlistRequest { external_references: vec![reference], ..plain(12) },
        JoinWaitlistRequest { case_reference: number.clone(), ..plain(13) },
        JoinWaitlistRequest { work_fields: vec![format!("snekker {number}")], ..plain(14) },
    ];
    let mut wrong = Vec::new();
    for request in misplaced {
        match world.office.waitlist().join_waitlist(request.clone()).await {
            Ok(_) => wrong.push(format!("stored: {request:?}")),
            Err(refused) if said(&refused).contains(&number) => {
                wrong.push(format!("repeated: {refused:?}"));
            }
            Err(refused) => assert_eq!(reason(&refused), "INVALID_FIELDS"),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Everything the feed gives to who may see the most of it.
pub async fn changes(world: &World, ledger: &Ledger) -> String {
    let (ledger, page_size) = (Some(ledger.clone()), 500);
    let request = ListChangesRequest { ledger, page_size, ..ListChangesRequest::default() };
    let auditor = world.service.caller(Role::Auditor, "NAV").await;
    let answer = auditor.change().list_changes(request).await.unwrap().into_inner();
    assert!(answer.changes.iter().any(|change| change.payload.len() > 100));
    let whole = answer.encode_to_vec();
    format!("{} {}", String::from_utf8_lossy(&whole), hex::encode(&whole))
}

/// The embedded server logs beside its folder.
async fn postgres_log(sql: &mut PgConnection) -> String {
    let folder: String = sqlx::query_scalar("SHOW data_directory").fetch_one(sql).await.unwrap();
    format!("{folder}.log")
}

/// Each search finds what is there to be found.
#[tokio::test]
async fn what_is_planted_is_found() {
    let world = World::new().await;
    let mut sql = world.service.sql().await;
    let needles = needles();
    let found = |text: &str| needles.iter().any(|needle| text.contains(needle.as_str()));
    assert!(!found(&dump(&mut sql).await));
    let number = identity(PERSON);
    let plants = [
        ("area", format!("'{number}', 'x'::bytea")),
        ("bytes", format!("'x', '{number}'::bytea")),
        ("inside", format!("'x', '{{\"n\": \"{number}\"}}'::bytea")),
        ("digest", format!("'x', sha256('{number}')")),
        ("hex digest", format!("encode(sha256('{number}'), 'hex'), ''")),
        ("base64", format!("encode('{number}', 'base64'), ''")),
        ("word", format!("'{}', ''", CONFIDED[1])),
    ];
    for (what, values) in plants {
        let plant = format!(
            "CREATE TABLE planted (a text, b bytea); INSERT INTO planted VALUES ({values})"
        );
        sqlx::raw_sql(AssertSqlSafe(plant)).execute(&mut sql).await.unwrap();
        assert!(found(&dump(&mut sql).await), "{what}");
        sqlx::raw_sql("DROP TABLE planted").execute(&mut sql).await.unwrap();
    }
    tracing::trace!(target: "tiltaksplass", "planted-in-the-log");
    assert!(logs().contains("planted-in-the-log"));
    assert!(found(&said(&Status::with_details(Code::Internal, "", number.clone().into()))));
    assert!(found(&said(&Status::internal(format!("of {number}")))));
}

/// One row of the access log.
#[derive(Debug, PartialEq)]
struct Access {
    subject: String,
    organisation: String,
    method: String,
    purpose: String,
    entries: Vec<String>,
    permitted: bool,
}

async fn accesses(sql: &mut PgConnection) -> Vec<Access> {
    let rows = sqlx::query(
        "SELECT subject, organisation, method, purpose, entry_ids, permitted FROM access_log \
         ORDER BY access_id",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    let access = |row: &sqlx::postgres::PgRow| Access {
        subject: row.get("subject"),
        organisation: row.get("organisation"),
        method: row.get("method"),
        purpose: row.get("purpose"),
        entries: row.get::<Vec<Uuid>, _>("entry_ids").iter().map(Uuid::to_string).collect(),
        permitted: row.get("permitted"),
    };
    rows.iter().map(access).collect()
}

#[tokio::test]
async fn every_read_of_people_is_written_down() {
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    let entries = [world.join(&ledger, 1).await, world.join(&ledger, 2).await];
    let position = |id: &str| GetPositionRequest {
        ledger: Some(ledger.clone()),
        entry_id: id.into(),
        ..GetPositionRequest::default()
    };
    let list = ListWaitlistEntriesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let stranger = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let other = world.service.caller(Role::County, "NO-17").await;
    world.office.waitlist().get_position(position(&entries[0])).await.unwrap();
    stranger.waitlist().get_position(position(&entries[1])).await.unwrap_err();
    world.county.waitlist().list_waitlist_entries(list.clone()).await.unwrap();
    stranger.waitlist().list_waitlist_entries(list.clone()).await.unwrap();
    other.waitlist().list_waitlist_entries(list).await.unwrap_err();
    let row =
        |(subject, organisation): (&str, &str), method: &str, ids: &[String], permitted| Access {
            subject: subject.into(),
            organisation: organisation.into(),
            method: method.into(),
            purpose: "test".into(),
            entries: ids.to_vec(),
            permitted,
        };
    let expected = [
        row(("office-1", "5701"), "GetPosition", &entries[..1], true),
        row(("office-1", HEMNE_OFFICE), "GetPosition", &entries[1..], false),
        row(("county-1", "NO-16"), "ListWaitlistEntries", &entries, true),
        row(("office-1", HEMNE_OFFICE), "ListWaitlistEntries", &[], true),
        row(("county-1", "NO-17"), "ListWaitlistEntries", &[], false),
    ];
    let mut sql = world.service.sql().await;
    assert_eq!(accesses(&mut sql).await, expected);
}

#[tokio::test]
async fn what_cannot_be_written_down_cannot_be_read() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let mut sql = world.service.sql().await;
    let right = |verb: &str| AssertSqlSafe(format!("{verb} tiltaksplass_write"));
    sqlx::raw_sql(right("REVOKE INSERT ON access_log FROM")).execute(&mut sql).await.unwrap();
    let position =
        GetPositionRequest { ledger: Some(ledger.clone()), entry_id, ..Default::default() };
    let unknown = GetPositionRequest {
        entry_id: Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001).to_string(),
        ..position.clone()
    };
    let list = ListWaitlistEntriesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let other = world.service.caller(Role::County, "NO-17").await;
    let lookup = LookupPersonRequest {
        national_identity_number: identity(1),
        purpose: "vedtak".into(),
        ..LookupPersonRequest::default()
    };
    let offers = ListOffersRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let entry = GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: position.entry_id.clone(),
        with_person: true,
        purpose: "vedtak".into(),
        at_least_seq: 0,
    };
    let refused = [
        questions::unanswered(&world).await,
        world.office.waitlist().lookup_person(lookup).await.unwrap_err(),
        world.office.waitlist().get_waitlist_entry(entry).await.unwrap_err(),
        world.office.allocation().list_offers(offers).await.unwrap_err(),
        world.office.waitlist().get_position(position.clone()).await.unwrap_err(),
        world.office.waitlist().get_position(unknown).await.unwrap_err(),
        world.office.waitlist().list_waitlist_entries(list.clone()).await.unwrap_err(),
        other.waitlist().list_waitlist_entries(list.clone()).await.unwrap_err(),
    ];
    for status in &refused {
        assert_eq!((status.code(), reason(status)), (Code::Internal, "INTERNAL".to_owned()));
        assert!(!said(status).contains("access_log"), "database text never leaves");
    }
    assert!(accesses(&mut sql).await.is_empty());
    world.availability(&ledger).await; // Figures are not people.
    sqlx::raw_sql(right("GRANT INSERT ON access_log TO")).execute(&mut sql).await.unwrap();
    world.office.waitlist().get_position(position).await.unwrap();
    world.office.waitlist().list_waitlist_entries(list).await.unwrap();
    assert_eq!(accesses(&mut sql).await.len(), 2);
}
