//! What follows from a link: nobody reads or decides their own case by their office, whichever way
//! it is known who they are.

use sqlx::Row;
use tiltaksplass::rotation::seal_page;

use super::*;
use crate::support::{Service, keys_of, limits, new_database};

async fn worker(service: &Service, subject: &str, number: Option<u32>) -> Caller {
    let identity_number = number.map(identity);
    let request = TokenRequest { identity_number, ..token(subject, Role::Office, OFFICE) };
    service.caller_with(&request).await
}

fn get(ledger: &Ledger, entry_id: &str) -> GetWaitlistEntryRequest {
    GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        ..GetWaitlistEntryRequest::default()
    }
}

fn pause(ledger: &Ledger, entry_id: &str) -> PauseEntryRequest {
    PauseEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        validate_only: true,
        until_date: Some(crate::world::date(2026, 4, 1)),
        ..PauseEntryRequest::default()
    }
}

fn lookup(person: u32) -> LookupPersonRequest {
    LookupPersonRequest {
        national_identity_number: identity(person),
        purpose: "nysgjerrig".into(),
        ..LookupPersonRequest::default()
    }
}

/// What somebody is told who reads of a person, looks them up, and decides on them.
async fn asked(
    caller: &Caller,
    ledger: &Ledger,
    entry_id: &str,
    person: u32,
) -> [Result<(), Status>; 3] {
    let read = caller.waitlist().get_waitlist_entry(get(ledger, entry_id)).await;
    let looked = caller.waitlist().lookup_person(lookup(person)).await;
    let decided = caller.waitlist().pause_entry(pause(ledger, entry_id)).await;
    [read.map(drop), looked.map(drop), decided.map(drop)]
}

fn own_case(outcomes: [Result<(), Status>; 3]) -> [(Code, String, usize, Vec<String>); 3] {
    outcomes.map(|outcome| {
        let status = outcome.unwrap_err();
        assert_eq!(told(&status), is(Code::PermissionDenied, "OWN_CASE"));
        words(&status)
    })
}

#[tokio::test]
async fn who_is_linked_is_refused_exactly_as_who_says_it_in_the_token() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    // Linked to somebody nobody knows yet, who then waits.
    link(&world, "Z990001", 1).await;
    let entry_id = world.join(&ledger, 1).await;
    let other = world.join(&ledger, 2).await;
    let linked = worker(&world.service, "Z990001", None).await;
    let says_it = worker(&world.service, "Z990002", Some(1)).await;
    let colleague = worker(&world.service, "Z990003", None).await;
    let by_link = own_case(asked(&linked, &ledger, &entry_id, 1).await);
    let by_token = own_case(asked(&says_it, &ledger, &entry_id, 1).await);
    assert_eq!(by_link, by_token);
    for outcome in asked(&colleague, &ledger, &entry_id, 1).await {
        outcome.unwrap();
    }
    for outcome in asked(&linked, &ledger, &other, 2).await {
        outcome.unwrap();
    }
    // Whoever it is at another issuer, or with another role, is the subject that counts.
    let as_county = world.service.caller_as(Role::County, COUNTY, "Z990001").await;
    own_case(asked(&as_county, &ledger, &entry_id, 1).await);
    let join_again = linked.waitlist().join_waitlist(join(&ledger, 1)).await.unwrap_err();
    assert_eq!(told(&join_again), is(Code::PermissionDenied, "OWN_CASE"));
    // All of it is on record as denied, for linked and said alike.
    let rows = sqlx::query(
        "SELECT subject, method, cardinality(entry_ids) + cardinality(person_ids) > 0 AS of_somebody \
         FROM access_log WHERE NOT permitted AND subject IN ('Z990001', 'Z990002') \
         AND organisation = '5701' ORDER BY 1, 2",
    )
    .fetch_all(&mut world.service.sql().await)
    .await
    .unwrap();
    let rows: Vec<(String, String, bool)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let mut expected = Vec::new();
    for (subject, method) in [
        ("Z990001", "GetWaitlistEntry"),
        ("Z990001", "JoinWaitlist"),
        ("Z990001", "LookupPerson"),
        ("Z990001", "PauseEntry"),
        ("Z990002", "GetWaitlistEntry"),
        ("Z990002", "LookupPerson"),
        ("Z990002", "PauseEntry"),
    ] {
        expected.push((subject.to_owned(), method.to_owned(), true));
    }
    assert_eq!(rows, expected);
    // A link that is over holds no longer.
    ask(&directorate(&world).await, end("Z990001")).await.unwrap();
    for outcome in asked(&linked, &ledger, &entry_id, 1).await {
        outcome.unwrap();
    }
    own_case(asked(&says_it, &ledger, &entry_id, 1).await);
    world.service.verify().await;
}

#[tokio::test]
async fn where_token_and_link_name_two_people_the_caller_is_both() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entries = [world.join(&ledger, 1).await, world.join(&ledger, 2).await];
    link(&world, "Z990001", 2).await;
    let both = worker(&world.service, "Z990001", Some(1)).await;
    for (entry_id, person) in entries.iter().zip([1, 2]) {
        own_case(asked(&both, &ledger, entry_id, person).await);
    }
    let third = world.join(&ledger, 3).await;
    for outcome in asked(&both, &ledger, &third, 3).await {
        outcome.unwrap();
    }
    world.service.verify().await;
}

#[tokio::test]
async fn a_link_holds_though_the_person_gets_another_number() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    link(&world, "Z990001", 1).await;
    let change = ChangeIdentityNumberRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.clone(),
        national_identity_number: identity(50),
        reason: "nytt nummer".into(),
        ..ChangeIdentityNumberRequest::default()
    };
    let linked = worker(&world.service, "Z990001", None).await;
    let own = linked.waitlist().change_identity_number(change.clone()).await.unwrap_err();
    assert_eq!(told(&own), is(Code::PermissionDenied, "OWN_CASE"));
    world.office.waitlist().change_identity_number(change).await.unwrap();
    for person in [1, 50] {
        own_case(asked(&linked, &ledger, &entry_id, person).await);
    }
    // Linked by the new number is the same person.
    link(&world, "Z990002", 50).await;
    let second = worker(&world.service, "Z990002", None).await;
    own_case(asked(&second, &ledger, &entry_id, 1).await);
    world.service.verify().await;
}

/// Who is linked and waits nowhere is sealed anew as everybody is.
#[tokio::test]
async fn a_link_holds_through_a_change_of_keys() {
    const FIRST: (i32, char) = (1, '1');
    const SECOND: (i32, char) = (2, '2');
    let service = Service::start_in(new_database().await, keys_of(&[FIRST]), limits()).await;
    let world = World::on(service).await;
    let (ledger, _) = world.vta(1).await;
    link(&world, "Z990001", 1).await;
    let both = world.service.replica_with(keys_of(&[SECOND, FIRST])).await;
    let page = seal_page(&both.app.db, &both.app.keys, None).await.unwrap();
    assert!(page.sealed == 1 && page.failed.is_empty());
    let mut sql = world.service.sql().await;
    sqlx::raw_sql("DELETE FROM person_key WHERE key_version = 1").execute(&mut sql).await.unwrap();
    let linked = worker(&both, "Z990001", None).await;
    let own = linked.waitlist().join_waitlist(join(&ledger, 1)).await.unwrap_err();
    assert_eq!(told(&own), is(Code::PermissionDenied, "OWN_CASE"));
    let own = linked.waitlist().lookup_person(lookup(1)).await.unwrap_err();
    assert_eq!(told(&own), is(Code::PermissionDenied, "OWN_CASE"));
    both.verify().await;
}
