//! What one join may say beyond who it is.

use tiltaksplass::domain::{calendar::Timestamp, national_identity::NationalIdentityNumber};

use super::*;
use crate::support::MONDAY;

#[tokio::test]
async fn a_join_says_when_and_in_which_programme_and_for_whom() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request = JoinWaitlistRequest {
        programme: "KVP".into(),
        on_behalf_of_municipality_number: HEMNE.into(),
        wants_by_date: Some(date(2026, 8, 1)),
        ..join(&ledger, 1)
    };
    // What a municipality answers for is said by its own.
    let office = world.municipal(TRONDHEIM).await;
    let joined = office.waitlist().join_waitlist(request).await.unwrap().into_inner();
    assert_eq!(joined.proposal, None);
    let list = ListWaitlistEntriesRequest {
        ledger: Some(ledger.clone()),
        ..ListWaitlistEntriesRequest::default()
    };
    let list = office.waitlist().list_waitlist_entries(list).await.unwrap().into_inner();
    let [entry] = &list.entries[..] else { panic!("{list:?}") };
    assert_eq!(entry.programme, "KVP");
    assert_eq!(entry.on_behalf_of_municipality_number, HEMNE);
    assert_eq!(entry.wants_by_date, Some(date(2026, 8, 1)));
    for (request, expected) in [
        (
            JoinWaitlistRequest { priority_ground: "haster".into(), ..join(&ledger, 2) },
            is(Code::InvalidArgument, "INVALID_FIELDS"),
        ),
        (
            JoinWaitlistRequest { programme: "x".repeat(17), ..join(&ledger, 2) },
            is(Code::InvalidArgument, "INVALID_FIELDS"),
        ),
        (
            JoinWaitlistRequest {
                on_behalf_of_municipality_number: "9999".into(),
                ..join(&ledger, 2)
            },
            is(Code::FailedPrecondition, "REGISTRY_MISMATCH"),
        ),
    ] {
        let refused = world.office.waitlist().join_waitlist(request).await.unwrap_err();
        assert_eq!(told(&refused), expected);
    }
    world.service.verify().await;
}

#[tokio::test]
async fn a_free_place_is_proposed_in_the_same_step() {
    let world = World::new().await;
    let (ledger, group) = world.vta(1).await;
    let hopeful = |person| JoinWaitlistRequest { propose_if_free: true, ..join(&ledger, person) };
    let preview = JoinWaitlistRequest { validate_only: true, ..hopeful(1) };
    let preview = world.office.waitlist().join_waitlist(preview).await.unwrap().into_inner();
    assert!(preview.proposal.is_some());
    assert_eq!(world.availability(&ledger).await.places.unwrap().reserved_percent, 0);
    let joined = world.office.waitlist().join_waitlist(hopeful(1)).await.unwrap().into_inner();
    let proposal = joined.proposal.unwrap();
    assert_eq!((&proposal.entry_id, &proposal.place_group_id), (&joined.entry_id, &group));
    assert_eq!(proposal.state(), OfferState::Proposed);
    let other = world.office.waitlist().join_waitlist(hopeful(2)).await.unwrap().into_inner();
    assert_eq!(other.proposal, None);
    // The preview told of a person, and of no entry that there is.
    let mut sql = world.service.sql().await;
    let row = sqlx::query("SELECT entry_ids, person_ids FROM access_log").fetch_one(&mut sql);
    let row = row.await.unwrap();
    assert!(row.get::<Vec<uuid::Uuid>, _>("entry_ids").is_empty());
    assert_eq!(row.get::<Vec<uuid::Uuid>, _>("person_ids").len(), 1);
    world.service.verify().await;
}

/// Only the answers are in the log: not the need group, and not the age.
#[tokio::test]
async fn a_measure_type_for_some_only_takes_nobody_else() {
    const LEAST: u32 = 40;
    let mut world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let mut sql = world.service.sql().await;
    let rules = format!(r#"{{"need_groups": ["LITTLE_CHANCE"], "minimum_age": {LEAST}}}"#);
    let changed = sqlx::query(
        "UPDATE registry_row SET doc = jsonb_set(doc, '{MEASURE_TYPE,rules}', $1::jsonb) \
         WHERE kind = 'MEASURE_TYPE' AND natural_key = 'VTA'",
    )
    .bind(rules)
    .execute(&mut sql)
    .await
    .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    world.service.restart().await;
    refresh(&mut world).await;
    let today = Timestamp::from_datetime(MONDAY).date_in_norway();
    let is_old = |n: &u32| NationalIdentityNumber::synthetic(*n).age_on(today) >= LEAST;
    let old: Vec<u32> = (1..99).filter(is_old).take(3).collect();
    let young = (1..99).find(|n| !is_old(n)).unwrap();
    let with = |person, group: NeedGroup| JoinWaitlistRequest {
        need_group: group.into(),
        ..join(&ledger, person)
    };
    for (request, ok) in [
        (with(old[0], NeedGroup::LittleChance), true),
        (with(old[1], NeedGroup::GoodChances), false),
        (with(old[2], NeedGroup::Unspecified), false),
        (with(young, NeedGroup::LittleChance), false),
    ] {
        let outcome = world.office.waitlist().join_waitlist(request).await;
        let refused = outcome.err().map(|status| reason(&status));
        assert_eq!(refused, (!ok).then(|| "MEASURE_TYPE_RULE".to_owned()));
    }
    let stored = stored(&mut sql).await;
    assert!(stored.contains(r#""eligibility":{"need_group":true,"age":true}"#), "{stored}");
    assert!(!stored.contains("LITTLE_CHANCE"));
}
