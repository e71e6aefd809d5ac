//! A change of keys: one person stays one person, before it, during it and after it.

use super::*;
use crate::{
    support::{Service, keys_of, limits, new_database},
    world::{OTHER_COUNTY, avklaring, identity},
};

const FIRST: (i32, char) = (1, '1');
const SECOND: (i32, char) = (2, '2');

async fn start(versions: &[(i32, char)]) -> Service {
    Service::start_in(new_database().await, keys_of(versions), limits()).await
}

async fn digests(service: &Service) -> Vec<(i64, Vec<i32>)> {
    sqlx::query_as(
        "SELECT row_number() OVER (ORDER BY person_id), array_agg(key_version ORDER BY key_version) \
         FROM person_key GROUP BY person_id ORDER BY 1",
    )
    .fetch_all(&mut service.sql().await)
    .await
    .unwrap()
}

async fn lookup(service: &Service, person: u32) -> Vec<PersonEntry> {
    let county = service.caller(Role::County, "NO-16").await;
    let request = LookupPersonRequest {
        national_identity_number: identity(person),
        purpose: "henvendelse".into(),
        ..LookupPersonRequest::default()
    };
    county.waitlist().lookup_person(request).await.unwrap().into_inner().entries
}

#[tokio::test]
async fn one_person_stays_one_person_while_keys_change() {
    let world = World::on(start(&[FIRST]).await).await;
    let (ledger, _) = world.vta(1).await;
    world.join(&ledger, 1).await;
    assert_eq!(digests(&world.service).await, [(1, vec![1])]);
    // The new key is current: the person is found by the old digest and gets the new one,
    // and a person of today is found by both.
    let during = world.service.replica_with(keys_of(&[SECOND, FIRST])).await;
    let county = during.caller(Role::County, "NO-16").await;
    let beside = during.caller(Role::County, OTHER_COUNTY).await;
    let there = Ledger { county_id: OTHER_COUNTY.into(), ..ledger.clone() };
    let twice = beside.waitlist().join_waitlist(join(&there, 1)).await.unwrap_err();
    assert_eq!(told(&twice), is(Code::AlreadyExists, "PERSON_ALREADY_WAITING"));
    assert_eq!(lookup(&during, 1).await.len(), 1);
    county.waitlist().join_waitlist(join(&avklaring(), 1)).await.unwrap();
    county.waitlist().join_waitlist(join(&ledger, 2)).await.unwrap();
    assert_eq!(digests(&world.service).await, [(1, vec![1, 2]), (2, vec![1, 2])]);
    // A replica that has the new key and still writes under the old one knows both.
    let still = world.service.replica_with(keys_of(&[FIRST, SECOND])).await;
    assert_eq!(lookup(&still, 1).await.len(), 2);
    let county = still.caller(Role::County, "NO-16").await;
    let twice = county.waitlist().join_waitlist(join(&ledger, 2)).await.unwrap_err();
    assert_eq!(told(&twice), is(Code::AlreadyExists, "PERSON_ALREADY_WAITING"));
    // Digests of the old key are no longer needed to find anybody.
    let mut sql = world.service.sql().await;
    sqlx::raw_sql("DELETE FROM person_key WHERE key_version = 1").execute(&mut sql).await.unwrap();
    assert_eq!(lookup(&during, 1).await.len(), 2);
    assert_eq!(lookup(&during, 2).await.len(), 1);
    during.verify().await;
}

/// Two replicas, each with another current key, and the same newcomer at both: one person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_at_two_replicas_with_two_keys_is_one_person() {
    let world = World::on(start(&[FIRST, SECOND]).await).await;
    let other = world.service.replica_with(keys_of(&[SECOND, FIRST])).await;
    let there = other.caller(Role::County, OTHER_COUNTY).await;
    let ledger = vta();
    let elsewhere = Ledger { county_id: OTHER_COUNTY.into(), ..ledger.clone() };
    for person in 0..30 {
        let (mut first, mut second) = (world.county.waitlist(), there.waitlist());
        let (first, second) = futures::join!(
            first.join_waitlist(join(&ledger, person)),
            second.join_waitlist(join(&elsewhere, person)),
        );
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    }
    let found = digests(&world.service).await;
    assert_eq!(found.len(), 30);
    assert!(found.iter().all(|(_, versions)| *versions == [1, 2]), "{found:?}");
    world.service.verify().await;
}
