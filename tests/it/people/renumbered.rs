//! A person who gets another identity number stays one person: both numbers find them, the last
//! one is shown, and a change of keys loses neither.

use prost::Message;
use tiltaksplass::{
    auth::TokenRequest,
    domain::protection::Protection,
    keys::{self, Keys},
    rotation::seal_page,
};

use super::*;
use crate::{
    support::{Service, limits, new_database},
    world::{OTHER_COUNTY, identity},
};

fn change(ledger: &Ledger, entry_id: &str, person: u32) -> ChangeIdentityNumberRequest {
    ChangeIdentityNumberRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        national_identity_number: identity(person),
        reason: "D-nummer ble til fødselsnummer".into(),
        ..ChangeIdentityNumberRequest::default()
    }
}

async fn changed(
    caller: &Caller,
    request: ChangeIdentityNumberRequest,
) -> Result<ChangeIdentityNumberResponse, Status> {
    caller.waitlist().change_identity_number(request).await.map(tonic::Response::into_inner)
}

/// The entries somebody finds under a number.
async fn found(caller: &Caller, person: u32) -> Vec<String> {
    let request = LookupPersonRequest {
        national_identity_number: identity(person),
        purpose: "henvendelse".into(),
        ..LookupPersonRequest::default()
    };
    let answer = caller.waitlist().lookup_person(request).await.unwrap().into_inner();
    answer.entries.into_iter().map(|entry| entry.entry.unwrap().entry_id).collect()
}

/// The number that is shown.
async fn shown(caller: &Caller, ledger: &Ledger, entry_id: &str) -> String {
    let request = GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        with_person: true,
        purpose: "vedtak".into(),
        at_least_seq: 0,
    };
    let answer = caller.waitlist().get_waitlist_entry(request).await.unwrap().into_inner();
    answer.person.unwrap().national_identity_number
}

async fn count(world: &World, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    let mut sql = world.service.sql().await;
    sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&mut sql).await.unwrap()
}

#[tokio::test]
async fn both_numbers_find_one_person_and_the_last_one_is_shown() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let request = change(&ledger, &entry_id, 2);
    // Looked at first, it changes nothing.
    let preview = ChangeIdentityNumberRequest { validate_only: true, ..request.clone() };
    changed(&world.office, preview).await.unwrap();
    assert_eq!(found(&world.county, 2).await, Vec::<String>::new());
    assert_eq!(
        (count(&world, "person_key").await, count(&world, "person_former_number").await),
        (1, 0)
    );
    let answer = changed(&world.office, request.clone()).await.unwrap();
    let again = changed(&world.office, request).await.unwrap();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    for person in [1, 2] {
        assert_eq!(found(&world.county, person).await, std::slice::from_ref(&entry_id));
        // One person has one turn, whichever number is given (I3).
        let twice = world.county.waitlist().join_waitlist(join(&ledger, person)).await;
        assert_eq!(told(&twice.unwrap_err()), is(Code::AlreadyExists, "PERSON_ALREADY_WAITING"));
    }
    assert_eq!(shown(&world.office, &ledger, &entry_id).await, identity(2));
    // A third, and the first again: no number is kept twice. That it was this person's own is not
    // told to everybody.
    changed(&world.office, change(&ledger, &entry_id, 3)).await.unwrap();
    let refused = changed(&world.office, change(&ledger, &entry_id, 1)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::AlreadyExists, "IDENTITY_NUMBER_TAKEN"));
    let cleared = TokenRequest {
        clearances: Protection::ALL.to_vec(),
        ..TokenRequest::new("cleared", Role::Office, OFFICE, time::Duration::hours(8))
    };
    let cleared = world.service.caller_with(&cleared).await;
    changed(&cleared, change(&ledger, &entry_id, 1)).await.unwrap();
    changed(&cleared, change(&ledger, &entry_id, 1)).await.unwrap();
    assert_eq!(shown(&world.office, &ledger, &entry_id).await, identity(1));
    assert_eq!(
        (count(&world, "person").await, count(&world, "person_former_number").await),
        (1, 2)
    );
    assert_eq!(found(&world.county, 2).await, [entry_id]);
    world.service.verify().await;
}

#[tokio::test]
async fn a_number_of_another_known_person_is_refused_and_the_question_written_down() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let other = world.join(&ledger, 2).await;
    let refused = changed(&world.office, change(&ledger, &entry_id, 2)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::AlreadyExists, "IDENTITY_NUMBER_TAKEN"));
    let asked = accesses(&mut world.service.sql().await).await.pop().unwrap();
    assert_eq!((asked.method.as_str(), asked.people), ("ChangeIdentityNumber", 2));
    assert_eq!(asked.entries, std::slice::from_ref(&entry_id));
    assert_eq!(found(&world.county, 1).await, std::slice::from_ref(&entry_id));
    assert_eq!(found(&world.county, 2).await, [other]);
    assert_eq!(shown(&world.office, &ledger, &entry_id).await, identity(1));
    // Who may not see the entry learns of neither.
    let stranger = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    for person in [2, 3] {
        let refused = changed(&stranger, change(&ledger, &entry_id, person)).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
    }
    world.service.verify().await;
}

/// An entry that is over still says who it is of, and the turn somebody has since stays theirs.
#[tokio::test]
async fn a_closed_entry_leads_to_the_person_too() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let before = world.join(&ledger, 1).await;
    left(&world.county, &ledger, &before).await;
    let now = world.join(&ledger, 1).await;
    changed(&world.office, change(&ledger, &before, 2)).await.unwrap();
    assert_eq!(found(&world.county, 2).await, found(&world.county, 1).await);
    assert_eq!(shown(&world.office, &ledger, &now).await, identity(2));
    let twice = world.county.waitlist().join_waitlist(join(&ledger, 2)).await.unwrap_err();
    assert_eq!(told(&twice), is(Code::AlreadyExists, "PERSON_ALREADY_WAITING"));
    world.service.verify().await;
}

/// The same number for two people of two counties, and for somebody who comes in with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_who_take_a_number_at_once_one_gets_it() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let there = Ledger { county_id: OTHER_COUNTY.into(), ..ledger.clone() };
    let beside = world.service.caller(Role::County, OTHER_COUNTY).await;
    for round in 0..8 {
        let (first, second, wanted) = (100 + round, 200 + round, 300 + round);
        let entry = world.join(&ledger, first).await;
        let other = world.join(&there, second).await;
        let (changes, changes_there, joins) = futures::join!(
            changed(&world.county, change(&ledger, &entry, wanted)),
            changed(&beside, change(&there, &other, wanted)),
            async {
                let mut waitlist = beside.waitlist();
                waitlist.join_waitlist(join(&there, wanted)).await.map(drop)
            },
        );
        let got = [changes.is_ok(), changes_there.is_ok(), joins.is_ok()];
        assert_eq!(got.iter().filter(|got| **got).count(), 1, "{got:?}");
        for refused in
            [changes.map(drop), changes_there.map(drop)].into_iter().filter_map(Result::err)
        {
            assert_eq!(told(&refused), is(Code::AlreadyExists, "IDENTITY_NUMBER_TAKEN"));
        }
    }
    world.service.verify().await;
}

#[tokio::test]
async fn every_number_of_a_person_goes_through_a_change_of_keys() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("main.json");
    let own = Keys::load_or_create(&file).unwrap();
    let world = World::on(Service::start_in(new_database().await, own, limits()).await).await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    changed(&world.office, change(&ledger, &entry_id, 2)).await.unwrap();
    let app = &world.service.app;
    keys::add_version(&file).unwrap();
    app.keys.reload().unwrap();
    keys::use_version(&file, 2).unwrap();
    app.keys.reload().unwrap();
    // A change under the new key of who is sealed under the old one.
    changed(&world.office, change(&ledger, &entry_id, 3)).await.unwrap();
    let page = seal_page(&app.db, &app.keys, None).await.unwrap();
    assert!(page.failed.is_empty() && page.next.is_none());
    assert_eq!(tiltaksplass::rotation::progress(&app.db, 2).await.unwrap().people_left, 0);
    assert_eq!(keys::retire_versions(&file).unwrap(), [1]);
    app.keys.reload().unwrap();
    for person in 1..4 {
        assert_eq!(found(&world.county, person).await, std::slice::from_ref(&entry_id));
    }
    assert_eq!(shown(&world.office, &ledger, &entry_id).await, identity(3));
    world.service.verify().await;
}

#[tokio::test]
async fn nobody_has_more_numbers_than_a_person_can_have() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    for person in 2..12 {
        changed(&world.office, change(&ledger, &entry_id, person)).await.unwrap();
    }
    let refused = changed(&world.office, change(&ledger, &entry_id, 12)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "LIMIT_REACHED"));
    assert_eq!(shown(&world.office, &ledger, &entry_id).await, identity(11));
    assert_eq!(found(&world.county, 1).await, [entry_id]);
    world.service.verify().await;
}
