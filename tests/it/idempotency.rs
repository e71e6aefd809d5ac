//! The same request id of the same actor gives the same bytes, once and for 30 days;
//! of another actor or with another body it gives nothing away (I4, I5).

use prost::Message;
use tiltaksplass::{
    domain::{
        access::Role,
        calendar::Timestamp,
        ids::LedgerId,
        ledger::{Due, DueKind, due_request_id},
    },
    proto::v1::*,
    worker,
};
use time::Duration;
use tonic::Code;

use crate::{
    support::{reason, request_id},
    world::{COUNTY, OFFICE, TRONDHEIM, World, date, join},
};

#[tokio::test]
async fn a_retry_gives_the_same_bytes_and_happens_once() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request = join(&ledger, 1);
    let first = world.office.waitlist().join_waitlist(request.clone()).await.unwrap();
    let first = first.into_inner().encode_to_vec();
    world.join(&ledger, 2).await;
    world.service.clock.advance(Duration::hours(1));
    let again = world.office.waitlist().join_waitlist(request.clone()).await.unwrap();
    assert_eq!(again.into_inner().encode_to_vec(), first);
    // Also after a restart, and over another connection with a new token.
    world.service.restart().await;
    let office = world.service.caller(Role::Office, OFFICE).await;
    let again = office.waitlist().join_waitlist(request).await.unwrap();
    assert_eq!(again.into_inner().encode_to_vec(), first);
    let mut sql = world.service.sql().await;
    let entries: i64 =
        sqlx::query_scalar("SELECT count(*) FROM entry").fetch_one(&mut sql).await.unwrap();
    assert_eq!(entries, 2);
    world.service.verify().await;
}

#[tokio::test]
async fn concurrent_duplicates_all_get_the_one_answer() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    for person in 0..20 {
        let request = join(&ledger, person);
        let calls = (0..25).map(|_| {
            let (office, request) = (world.office.clone(), request.clone());
            tokio::spawn(async move { office.waitlist().join_waitlist(request).await })
        });
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.unwrap().unwrap().into_inner().encode_to_vec());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
    }
    let mut sql = world.service.sql().await;
    let entries: i64 =
        sqlx::query_scalar("SELECT count(*) FROM entry").fetch_one(&mut sql).await.unwrap();
    assert_eq!(entries, 20);
    world.service.verify().await;
}

#[tokio::test]
async fn another_body_or_actor_learns_nothing() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request = join(&ledger, 1);
    world.office.waitlist().join_waitlist(request.clone()).await.unwrap();
    let other_body = JoinWaitlistRequest { participation_percent: 50, ..request.clone() };
    let refused = world.office.waitlist().join_waitlist(other_body).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), reused());
    let colleague = world.service.caller_as(Role::Office, OFFICE, "office-2").await;
    let refused = colleague.waitlist().join_waitlist(request.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), reused());
    // Another call under the same id.
    let allocate = AllocatePlacesRequest {
        request_id: request.request_id,
        ledger: Some(ledger.clone()),
        ..AllocatePlacesRequest::default()
    };
    let refused = world.county.allocation().allocate_places(allocate).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), reused());
    assert!(!refused.message().contains(TRONDHEIM));
}

fn reused() -> (Code, String) {
    (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned())
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let first = world.join(&ledger, 1).await;
    let request = join(&ledger, 1);
    let refused = world.county.waitlist().join_waitlist(request.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), waiting_already());
    // The person is placed and leaves; then the same call is right.
    let run = world.allocate(&ledger, 1).await;
    assert_eq!(run.proposals[0].entry_id, first);
    let offer = run.proposals[0].offer_id.clone();
    world.confirm(&ledger, vec![offer.clone()]).await;
    world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap();
    let placement = world.start(&ledger, &offer, date(2026, 3, 2)).await;
    let refused = world.county.waitlist().join_waitlist(request.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), waiting_already());
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement.placement_id,
        end_date: Some(date(2026, 3, 2)),
        outcome: PlacementOutcome::Other.into(),
        ..EndPlacementRequest::default()
    };
    world.office.allocation().end_placement(end).await.unwrap();
    let joined = world.county.waitlist().join_waitlist(request).await.unwrap().into_inner();
    assert_ne!(joined.entry_id, first);
    world.service.verify().await;
}

fn waiting_already() -> (Code, String) {
    (Code::AlreadyExists, "PERSON_ALREADY_WAITING".to_owned())
}

#[tokio::test]
async fn after_thirty_days_a_retry_is_refused_and_nothing_happens_twice() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request = join(&ledger, 1);
    world.office.waitlist().join_waitlist(request.clone()).await.unwrap();
    world.service.clock.advance(Duration::days(30) - Duration::minutes(1));
    worker::retire_answers(&world.service.app).await.unwrap();
    let office = world.service.caller(Role::Office, OFFICE).await;
    office.waitlist().join_waitlist(request.clone()).await.unwrap();
    world.service.clock.advance(Duration::minutes(2));
    worker::retire_answers(&world.service.app).await.unwrap();
    let refused = office.waitlist().join_waitlist(request.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "REQUEST_ID_EXPIRED");
    // Nobody else learns even that.
    let colleague = world.service.caller_as(Role::Office, OFFICE, "office-2").await;
    let refused = colleague.waitlist().join_waitlist(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), reused());
    world.service.verify().await;
}

#[tokio::test]
async fn nobody_can_take_the_id_of_what_is_due() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    world.join(&ledger, 1).await;
    world.allocate(&ledger, 1).await;
    let mut sql = world.service.sql().await;
    let due = sqlx::query_as("SELECT due_at, thing FROM schedule").fetch_one(&mut sql).await;
    let (at, thing): (time::OffsetDateTime, uuid::Uuid) = due.unwrap();
    let id = LedgerId::from_texts(&ledger.county_id, &ledger.measure_code).unwrap();
    let due = Due { at: Timestamp::from_datetime(at), kind: DueKind::LapseProposal, thing };
    let taken = JoinWaitlistRequest {
        request_id: due_request_id(&id, &due).to_string(),
        ..join(&ledger, 2)
    };
    let refused = world.office.waitlist().join_waitlist(taken).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::InvalidArgument, "INVALID_FIELDS".into())
    );
    world.service.clock.advance(Duration::days(30));
    world.county = world.service.caller(Role::County, COUNTY).await;
    world.join(&ledger, 3).await;
    world.service.verify().await;
}

#[tokio::test]
async fn asking_about_a_person_by_a_join_leaves_a_trace() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    world.join(&ledger, 1).await;
    world.office.waitlist().join_waitlist(join(&ledger, 1)).await.unwrap_err();
    let preview = JoinWaitlistRequest { validate_only: true, ..join(&ledger, 1) };
    world.office.waitlist().join_waitlist(preview).await.unwrap_err();
    let preview = JoinWaitlistRequest { validate_only: true, ..join(&ledger, 2) };
    world.office.waitlist().join_waitlist(preview).await.unwrap();
    // Refused for something else: so this person does not wait.
    let wrong =
        JoinWaitlistRequest { preferred_place_group_ids: vec![request_id()], ..join(&ledger, 3) };
    world.office.waitlist().join_waitlist(wrong).await.unwrap_err();
    let mut sql = world.service.sql().await;
    let traces: Vec<(String, String, i32)> = sqlx::query_as(
        "SELECT organisation, purpose, cardinality(person_ids) FROM access_log \
         WHERE method = 'JoinWaitlist'",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(traces, vec![(OFFICE.to_owned(), "test".to_owned(), 1); 4]);
}

#[tokio::test]
async fn a_preview_of_a_run_leaves_a_trace_of_those_it_names() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry = world.join(&ledger, 1).await;
    let preview = AllocatePlacesRequest {
        request_id: request_id(),
        validate_only: true,
        ledger: Some(ledger.clone()),
        ..AllocatePlacesRequest::default()
    };
    let shown = world.county.allocation().allocate_places(preview).await.unwrap().into_inner();
    assert_eq!(shown.proposals[0].entry_id, entry);
    let traces: Vec<Vec<uuid::Uuid>> =
        sqlx::query_scalar("SELECT entry_ids FROM access_log WHERE method = 'AllocatePlaces'")
            .fetch_all(&mut world.service.sql().await)
            .await
            .unwrap();
    assert_eq!(traces, [vec![entry.parse::<uuid::Uuid>().unwrap()]]);
}

#[tokio::test]
async fn a_name_in_another_system_prevents_a_second_entry() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let named = |person| JoinWaitlistRequest {
        external_references: vec![ExternalReference { system: "arena".into(), id: "42".into() }],
        ..join(&ledger, person)
    };
    world.office.waitlist().join_waitlist(named(1)).await.unwrap();
    let refused = world.office.waitlist().join_waitlist(named(2)).await.unwrap_err();
    assert_eq!(reason(&refused), "EXTERNAL_REFERENCE_TAKEN");
    let mut sql = world.service.sql().await;
    let people: i64 =
        sqlx::query_scalar("SELECT count(*) FROM person").fetch_one(&mut sql).await.unwrap();
    assert_eq!(people, 1, "who was refused is not kept");
    world.service.verify().await;
}
