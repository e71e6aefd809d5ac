//! Who of the staff is which person, through the port: what follows from a link, who sets and ends
//! it, and that nobody is told who the person is. `own_case` asks every RPC of who is linked.

use std::collections::BTreeMap;

use prost::Message;
use tiltaksplass::{
    auth::TokenRequest,
    domain::{access::Role, protection::Protection},
    proto::v1::{link_staff_request::Change, *},
};
use time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetail, StatusExt};

use crate::{
    canary::{assert_clean, dump, forms, said},
    support::{Caller, logs, reason, request_id},
    world::{COUNTY, HEMNE_OFFICE, OFFICE, World, identity, join},
};

mod people;

/// The issuer of the tokens of all tests here.
pub const ISSUER: &str = "tiltaksplass-local";

/// Who is cleared for all protected people.
pub async fn cleared(world: &World, request: TokenRequest) -> Caller {
    let clearances = Protection::ALL.to_vec();
    world.service.caller_with(&TokenRequest { clearances, ..request }).await
}

pub fn token(subject: &str, role: Role, organisation: &str) -> TokenRequest {
    TokenRequest::new(subject, role, organisation, Duration::hours(8))
}

/// The directorate's, who may link anybody.
pub async fn directorate(world: &World) -> Caller {
    cleared(world, token("nav-2", Role::Directorate, "NAV")).await
}

/// The leader of an office.
async fn leader(world: &World, office: &str) -> Caller {
    let leads = TokenRequest { leads_office: true, ..token("leader-1", Role::Office, office) };
    cleared(world, leads).await
}

pub fn set(subject: &str, number: String) -> LinkStaffRequest {
    LinkStaffRequest {
        request_id: request_id(),
        issuer: ISSUER.into(),
        subject: subject.into(),
        change: Some(Change::NationalIdentityNumber(number)),
        ..LinkStaffRequest::default()
    }
}

pub fn end(subject: &str) -> LinkStaffRequest {
    LinkStaffRequest { change: Some(Change::End(EndStaffLink {})), ..set(subject, String::new()) }
}

pub async fn ask(caller: &Caller, request: LinkStaffRequest) -> Result<StaffLink, Status> {
    Ok(caller.access().link_staff(request).await?.into_inner().link.unwrap())
}

/// A subject is this person from now on.
pub async fn link(world: &World, subject: &str, person: u32) -> StaffLink {
    ask(&directorate(world).await, set(subject, identity(person))).await.unwrap()
}

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// All that a refusal says; `ErrorInfo` says it in any order.
fn words(status: &Status) -> (Code, String, usize, Vec<String>) {
    let said = |detail| {
        let ErrorDetail::ErrorInfo(info) = detail else { return format!("{detail:?}") };
        let metadata: BTreeMap<_, _> = info.metadata.into_iter().collect();
        format!("{} {} {metadata:?}", info.reason, info.domain)
    };
    let details = status.get_error_details_vec().into_iter().map(said).collect();
    (status.code(), status.message().to_owned(), status.details().len(), details)
}

async fn refused(caller: &Caller, request: LinkStaffRequest) -> (Code, String) {
    told(&ask(caller, request).await.unwrap_err())
}

async fn listed(caller: &Caller, request: ListStaffLinksRequest) -> Vec<StaffLink> {
    caller.access().list_staff_links(request).await.unwrap().into_inner().links
}

/// How many people, claims and links there are.
async fn kept(world: &World) -> (i64, i64, i64) {
    let count = "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM person_claim), \
                 (SELECT count(*) FROM registry_row WHERE kind = 'STAFF_LINK')";
    sqlx::query_as(count).fetch_one(&mut world.service.sql().await).await.unwrap()
}

#[tokio::test]
async fn a_link_is_set_once_and_ended_and_both_are_on_record() {
    let world = World::new().await;
    let directorate = directorate(&world).await;
    let request = set("Z990001", identity(1));
    let preview = LinkStaffRequest { validate_only: true, ..request.clone() };
    let shown = ask(&directorate, preview).await.unwrap();
    assert_eq!(
        (shown.subject.as_str(), shown.set_by.as_str()),
        ("Z990001", "tiltaksplass-local:nav-2")
    );
    assert_eq!(kept(&world).await, (0, 0, 0), "a preview keeps nobody");
    let first = directorate.access().link_staff(request.clone()).await.unwrap().into_inner();
    let again = directorate.access().link_staff(request).await.unwrap().into_inner();
    assert_eq!(first.encode_to_vec(), again.encode_to_vec());
    // The person is kept though nobody waits, and holds no claim.
    assert_eq!(kept(&world).await, (1, 0, 1));
    let link = first.link.unwrap();
    assert_eq!((link.office_number.as_str(), link.ended_time), ("", None));
    let all = ListStaffLinksRequest::default();
    assert_eq!(listed(&directorate, all.clone()).await, std::slice::from_ref(&link));
    let ended = ask(&directorate, end("Z990001")).await.unwrap();
    assert_eq!(
        (ended.link_id.as_str(), ended.ended_by.as_str()),
        (link.link_id.as_str(), "tiltaksplass-local:nav-2")
    );
    assert!(ended.ended_time.is_some());
    assert_eq!(listed(&directorate, all).await, []);
    // A new one is another, and what was stays on record.
    world.service.clock.advance(Duration::seconds(1));
    let other = ask(&directorate, set("Z990001", identity(2))).await.unwrap();
    let with_ended = ListStaffLinksRequest { include_ended: true, ..Default::default() };
    assert_eq!(listed(&directorate, with_ended).await, [ended, other]);
    let kinds: Vec<String> =
        sqlx::query_scalar("SELECT kind FROM ledger_log WHERE county_id = 'NO' ORDER BY seq")
            .fetch_all(&mut world.service.sql().await)
            .await
            .unwrap();
    assert_eq!(kinds, ["IMPORT_REGISTRY", "LINK_STAFF", "LINK_STAFF", "LINK_STAFF"]);
    world.service.verify().await;
}

#[tokio::test]
async fn a_subject_is_one_person_and_a_person_may_be_several_subjects() {
    let world = World::new().await;
    let directorate = directorate(&world).await;
    link(&world, "Z990001", 1).await;
    // A guess is told neither right nor wrong: the words are the same to the byte.
    let right = ask(&directorate, set("Z990001", identity(1))).await.unwrap_err();
    let wrong = ask(&directorate, set("Z990001", identity(2))).await.unwrap_err();
    assert_eq!(told(&right), is(Code::FailedPrecondition, "WRONG_STATE"));
    assert_eq!(words(&right), words(&wrong));
    world.service.clock.advance(Duration::seconds(1));
    link(&world, "Z990002", 1).await;
    // The same name at another issuer is somebody else.
    world.service.clock.advance(Duration::seconds(1));
    let elsewhere =
        LinkStaffRequest { issuer: "https://login.example".into(), ..set("Z990001", identity(3)) };
    ask(&directorate, elsewhere).await.unwrap();
    assert_eq!(listed(&directorate, ListStaffLinksRequest::default()).await.len(), 3);
    ask(&directorate, end("Z990001")).await.unwrap();
    assert_eq!(refused(&directorate, end("Z990001")).await, is(Code::NotFound, "NOT_FOUND"));
    let page = ListStaffLinksRequest { page_size: 1, include_ended: true, ..Default::default() };
    let answer = directorate.access().list_staff_links(page.clone()).await.unwrap().into_inner();
    assert_eq!((answer.links.len(), answer.links[0].subject.as_str()), (1, "Z990001"));
    let next = ListStaffLinksRequest { page_token: answer.next_page_token, ..page };
    assert_eq!(listed(&directorate, next).await[0].subject, "Z990002");
    assert_eq!(kept(&world).await, (2, 0, 4));
    world.service.verify().await;
}

#[tokio::test]
async fn who_may_set_and_end_a_link() {
    let world = World::new().await;
    let (leader_here, there) = (leader(&world, OFFICE).await, leader(&world, HEMNE_OFFICE).await);
    let directorate = directorate(&world).await;
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    let (uncleared, adviser) = (world.leader().await, token("Z990003", Role::Office, OFFICE));
    let some = TokenRequest {
        clearances: vec![Protection::OwnStaff],
        leads_office: true,
        ..token("leader-2", Role::Office, OFFICE)
    };
    let some = world.service.caller_with(&some).await;
    for caller in [
        &uncleared,
        &some,
        &world.directorate,
        &cleared(&world, adviser).await,
        &cleared(&world, token("c", Role::County, COUNTY)).await,
        &cleared(&world, token("a", Role::Auditor, "RIKSREVISJONEN")).await,
    ] {
        assert_eq!(refused(caller, set("Z990001", identity(1))).await, denied);
    }
    assert_eq!(kept(&world).await, (0, 0, 0));
    let here = ask(&leader_here, set("Z990001", identity(1))).await.unwrap();
    assert_eq!(here.office_number, OFFICE);
    // Another office's is told like one that is not there.
    let others = ask(&there, end("Z990001")).await.unwrap_err();
    let none = ask(&there, end("Z990009")).await.unwrap_err();
    assert_eq!(told(&others), is(Code::NotFound, "NOT_FOUND"));
    assert_eq!(others.message().replace("Z990001", "Z990009"), none.message());
    link(&world, "Z990002", 2).await;
    assert_eq!(refused(&leader_here, end("Z990002")).await, is(Code::NotFound, "NOT_FOUND"));
    // To end one tells nothing of anybody, so it needs no clearance.
    ask(&uncleared, end("Z990001")).await.unwrap();
    // The directorate ends an office's too.
    ask(&leader_here, set("Z990001", identity(1))).await.unwrap();
    ask(&directorate, end("Z990001")).await.unwrap();
    let auditor = world.service.caller(Role::Auditor, "RIKSREVISJONEN").await;
    let with_ended = ListStaffLinksRequest { include_ended: true, ..Default::default() };
    assert_eq!(listed(&auditor, with_ended.clone()).await.len(), 3);
    let of_office = ListStaffLinksRequest { office_number: OFFICE.into(), ..with_ended };
    assert_eq!(listed(&auditor, of_office.clone()).await.len(), 2);
    let there_alone = ListStaffLinksRequest { office_number: HEMNE_OFFICE.into(), ..of_office };
    assert_eq!(listed(&auditor, there_alone).await, []);
    for caller in [&leader_here, &world.county, &world.provider] {
        let refused = caller.access().list_staff_links(ListStaffLinksRequest::default()).await;
        assert_eq!(told(&refused.unwrap_err()), denied);
    }
    world.service.verify().await;
}

#[tokio::test]
async fn nobody_sets_or_ends_a_link_of_their_own() {
    let world = World::new().await;
    let directorate = directorate(&world).await;
    let four_eyes = is(Code::FailedPrecondition, "FOUR_EYES");
    assert_eq!(refused(&directorate, set("nav-2", identity(1))).await, four_eyes);
    let own_case = is(Code::PermissionDenied, "OWN_CASE");
    // By the number in the token, and by the link.
    let known = TokenRequest {
        identity_number: Some(identity(5)),
        ..token("nav-3", Role::Directorate, "NAV")
    };
    let known = cleared(&world, known).await;
    assert_eq!(refused(&known, set("Z990005", identity(5))).await, own_case);
    link(&world, "nav-3", 6).await;
    assert_eq!(refused(&known, end("nav-3")).await, own_case);
    for person in [5, 6] {
        assert_eq!(refused(&known, set("Z990007", identity(person))).await, own_case);
    }
    link(&world, "Z990006", 6).await;
    assert_eq!(refused(&known, end("Z990006")).await, own_case);
    ask(&known, set("Z990007", identity(7))).await.unwrap();
    link(&world, "nav-2-as-well", 8).await;
    assert_eq!(refused(&directorate, end("nav-2")).await, four_eyes);
    world.service.verify().await;
}

#[tokio::test]
async fn requests_are_told_what_is_wrong_with_them() {
    let world = World::new().await;
    let directorate = directorate(&world).await;
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    let good = || set("Z990001", identity(1));
    for request in [
        LinkStaffRequest { change: None, ..good() },
        LinkStaffRequest { issuer: String::new(), ..good() },
        LinkStaffRequest { subject: "x".repeat(201), ..good() },
        // Tokens are not trimmed, and such a link would never hold.
        LinkStaffRequest { subject: "Z990001 ".into(), ..good() },
        LinkStaffRequest { subject: "Z990001\nZ".into(), ..good() },
        // A number is not a name.
        LinkStaffRequest { subject: identity(1), ..good() },
        set("Z990001", "12345678901".into()),
        set("Z990001", String::new()),
    ] {
        assert_eq!(refused(&directorate, request).await, invalid);
    }
    let office = leader(&world, "0001").await;
    let mismatch = is(Code::FailedPrecondition, "REGISTRY_MISMATCH");
    assert_eq!(refused(&office, good()).await, mismatch);
    assert_eq!(kept(&world).await, (0, 0, 0));
}

/// Who it is stands in no table, log or answer.
#[tokio::test]
async fn the_number_of_who_is_linked_is_found_nowhere() {
    /// Far from the numbers of other tests, which log into the same place.
    const LINKED: u32 = 2_718_280;
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let directorate = directorate(&world).await;
    let mut answers = vec![format!("{:?}", link(&world, "Z990001", LINKED).await)];
    answers.push(said(&ask(&directorate, set("Z990001", identity(LINKED))).await.unwrap_err()));
    let mine = world.service.caller_as(Role::Office, OFFICE, "Z990001").await;
    let own = mine.waitlist().join_waitlist(join(&ledger, LINKED)).await.unwrap_err();
    assert_eq!(reason(&own), "OWN_CASE");
    answers.push(said(&own));
    let list = ListStaffLinksRequest { include_ended: true, ..Default::default() };
    answers.push(format!("{:?}", listed(&directorate, list).await));
    let auditor = world.service.caller(Role::Auditor, "RIKSREVISJONEN").await;
    let changes = ListChangesRequest {
        ledger: Some(Ledger { county_id: "NO".into(), measure_code: "REGISTRY".into() }),
        ..ListChangesRequest::default()
    };
    let changes = auditor.change().list_changes(changes).await.unwrap().into_inner().changes;
    assert_eq!(changes.last().unwrap().kind, "LINK_STAFF");
    let payloads = changes.iter().flat_map(|change| change.payload.clone()).collect();
    answers.push(String::from_utf8(payloads).unwrap());
    let mut needles = forms(&identity(LINKED)).to_vec();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(identity(LINKED));
    needles.push(hex::encode(digest));
    assert_clean("an answer", &answers.join("\n"), &needles);
    let tables = dump(&mut world.service.sql().await).await;
    assert!(tables.contains("STAFF_LINK"));
    assert_clean("a table", &tables, &needles);
    assert_clean("the log", &logs(), &needles);
}
