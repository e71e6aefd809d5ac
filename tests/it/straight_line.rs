//! From capacity and join to start and end, over the port; then the log, checked as a
//! stranger would.

use sha2::{Digest, Sha256};
use tiltaksplass::{domain::access::Role, proto::v1::*};

use crate::{
    support::request_id,
    world::{COUNTY, HEMNE, HEMNE_OFFICE, TRONDHEIM, World, avklaring, date, join},
};

#[tokio::test]
async fn a_place_goes_from_free_to_proposed_offered_used_and_free_again() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    let first = world.join(&ledger, 1).await;
    let second = world.join(&ledger, 2).await;
    let third = world.join(&ledger, 3).await;
    assert_eq!(world.position(&ledger, &third).await.position_in_area, 3);
    assert_eq!(world.position(&ledger, &third).await.position_in_municipality, 3);

    let run = world.allocate(&ledger, 10).await;
    assert_eq!(run.proposals.iter().map(|o| &o.entry_id).collect::<Vec<_>>(), [&first, &second]);
    assert_eq!(run.run_end(), RunEnd::NoFreePlace);
    assert_usage(&world, &ledger, [200, 200, 0, 0]).await;
    let waiting = world.position(&ledger, &third).await;
    assert_eq!((waiting.position_in_area, waiting.state()), (1, EntryState::Waiting));
    let held = world.position(&ledger, &first).await;
    assert_eq!((held.position_in_area, held.state()), (0, EntryState::Proposed));

    let ids: Vec<String> = run.proposals.iter().map(|o| o.offer_id.clone()).collect();
    let offers = world.confirm(&ledger, ids.clone()).await;
    assert!(offers.iter().all(|offer| offer.state() == OfferState::Offered));
    let accepted = world.respond(&ledger, &ids[0], OfferAnswer::Accept).await.unwrap();
    assert_eq!(accepted.state(), OfferState::Accepted);
    let declined = world.respond(&ledger, &ids[1], OfferAnswer::Decline).await.unwrap();
    assert_eq!(declined.state(), OfferState::Declined);
    // Who declined keeps the turn, and the place is passed on in the same step.
    assert_eq!(world.position(&ledger, &second).await.position_in_area, 1);
    assert_eq!(world.position(&ledger, &third).await.state(), EntryState::Proposed);
    assert_usage(&world, &ledger, [200, 200, 0, 0]).await;

    let placement = world.start(&ledger, &ids[0], date(2026, 3, 2)).await;
    assert_eq!(placement.place_group_id, group);
    assert_eq!(placement.municipality_number, TRONDHEIM);
    assert_usage(&world, &ledger, [200, 100, 100, 0]).await;
    end(&world, &ledger, &placement.placement_id, date(2026, 3, 2)).await;
    assert_usage(&world, &ledger, [200, 100, 0, 100]).await;

    // The next run passes over who said no to this group, and says so.
    let fourth = world.join(&ledger, 4).await;
    let run = world.allocate(&ledger, 10).await;
    assert_eq!(run.proposals.len(), 1);
    assert_eq!(run.proposals[0].entry_id, fourth);
    assert_eq!(run.passed_over.len(), 1);
    assert_eq!(run.passed_over[0].entry_id, second);
    assert_eq!(run.passed_over[0].reason(), PassedOverReason::DeclinedHere);
    world.service.verify().await;
}

async fn end(
    world: &World,
    ledger: &Ledger,
    placement_id: &str,
    day: tiltaksplass::proto::google::r#type::Date,
) -> Placement {
    let request = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement_id.into(),
        end_date: Some(day),
        outcome: PlacementOutcome::OrdinaryWork.into(),
        ..EndPlacementRequest::default()
    };
    world
        .provider
        .allocation()
        .end_placement(request)
        .await
        .unwrap()
        .into_inner()
        .placement
        .unwrap()
}

/// Total, reserved, in use and free of the one place group.
async fn assert_usage(world: &World, ledger: &Ledger, expected: [i64; 4]) {
    let usage = world.availability(ledger).await.places.unwrap();
    let found =
        [usage.total_percent, usage.reserved_percent, usage.in_use_percent, usage.free_percent];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn one_pool_has_one_queue_and_municipalities_have_their_own() {
    let world = World::new().await;
    let pool = avklaring();
    world.budget(&pool, 1).await;
    world.place_group(&pool, 5).await;
    let trondheim = world.join(&pool, 1).await;
    let hemne = join_from(&world, &pool, HEMNE, HEMNE_OFFICE, 2).await;
    let position = world.position(&pool, &hemne).await;
    assert_eq!((position.position_in_area, position.position_in_municipality), (2, 0));
    let run = world.allocate(&pool, 5).await;
    assert_eq!(run.proposals.len(), 1);
    assert_eq!(run.proposals[0].entry_id, trondheim);
    assert_eq!(run.proposals[0].municipality_number, "");
    assert_eq!(run.run_end(), RunEnd::NoQuota);

    let (vta, _) = world.vta(2).await;
    let trondheim = world.join(&vta, 1).await;
    let hemne = join_from(&world, &vta, HEMNE, HEMNE_OFFICE, 2).await;
    let later = world.join(&vta, 3).await;
    let position = world.position(&vta, &hemne).await;
    assert_eq!((position.position_in_area, position.position_in_municipality), (2, 1));
    // Hemne has no quota: passed over with a reason, and who comes after is served.
    let run = world.allocate(&vta, 5).await;
    let served: Vec<_> = run.proposals.iter().map(|o| o.entry_id.clone()).collect();
    assert_eq!(served, [trondheim, later]);
    assert_eq!(run.passed_over[0].entry_id, hemne);
    assert_eq!(run.passed_over[0].reason(), PassedOverReason::NoQuota);
    world.service.verify().await;
}

async fn join_from(
    world: &World,
    ledger: &Ledger,
    municipality: &str,
    office: &str,
    person: u32,
) -> String {
    let request = JoinWaitlistRequest {
        municipality_number: municipality.into(),
        following_office_number: office.into(),
        ..join(ledger, person)
    };
    world.county.waitlist().join_waitlist(request).await.unwrap().into_inner().entry_id
}

#[tokio::test]
async fn who_was_registered_before_stands_before_if_the_county_says_so() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let first = world.join(&ledger, 1).await;
    let backdated = JoinWaitlistRequest {
        registered_time: Some(prost_types::Timestamp { seconds: 1_300_000_000, nanos: 0 }),
        ..join(&ledger, 2)
    };
    let refused = world.office.waitlist().join_waitlist(backdated.clone()).await.unwrap_err();
    assert_eq!(crate::support::reason(&refused), "PERMISSION_DENIED");
    let joined = world.county.waitlist().join_waitlist(backdated).await.unwrap().into_inner();
    assert_eq!(joined.registered_time.unwrap().seconds, 1_300_000_000);
    assert_eq!(world.position(&ledger, &joined.entry_id).await.position_in_area, 1);
    assert_eq!(world.position(&ledger, &first).await.position_in_area, 2);
    // A priority class takes days off, and no more than its days.
    let prioritized = JoinWaitlistRequest {
        priority_class: "FIRST".into(),
        priority_ground: "under 25 år".into(),
        ..join(&ledger, 3)
    };
    let joined = world.office.waitlist().join_waitlist(prioritized).await.unwrap().into_inner();
    assert_eq!(world.position(&ledger, &joined.entry_id).await.position_in_area, 2);
    world.service.verify().await;
}

#[tokio::test]
async fn pages_of_a_queue_are_whole_and_in_order() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let mut joined = Vec::new();
    for person in 0..25 {
        joined.push(world.join(&ledger, person).await);
    }
    let mut listed = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListWaitlistEntriesRequest {
            ledger: Some(ledger.clone()),
            page_size: 10,
            page_token,
            ..ListWaitlistEntriesRequest::default()
        };
        let page = world.office.waitlist().list_waitlist_entries(request).await.unwrap();
        let page = page.into_inner();
        listed.extend(page.entries.into_iter().map(|entry| entry.entry_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, joined);
    // A token of one list is none of another.
    let first = ListWaitlistEntriesRequest {
        ledger: Some(ledger.clone()),
        page_size: 10,
        ..ListWaitlistEntriesRequest::default()
    };
    let page = world.office.waitlist().list_waitlist_entries(first.clone()).await.unwrap();
    let request = ListWaitlistEntriesRequest {
        page_token: page.into_inner().next_page_token,
        state: EntryState::Closed.into(),
        ..first
    };
    let refused = world.office.waitlist().list_waitlist_entries(request).await.unwrap_err();
    assert_eq!(crate::support::reason(&refused), "PAGE_TOKEN_INVALID");
}

#[tokio::test]
async fn anyone_can_check_the_chain_of_the_change_feed() {
    let world = World::new().await;
    let (ledger, _) = world.vta(3).await;
    for person in 0..7 {
        world.join(&ledger, person).await;
    }
    world.allocate(&ledger, 2).await;
    let auditor = world.service.caller(Role::Auditor, "NAV").await;
    let seen = changes(&auditor, &ledger).await;
    let outsider = changes(&world.directorate, &ledger).await;
    assert_eq!(seen.len(), 12);
    let mut prev = vec![0; 32];
    for (seq, (change, blind)) in (1..).zip(seen.iter().zip(&outsider)) {
        assert_eq!(change.seq, seq);
        assert_eq!(change.prev_hash, prev);
        assert_eq!(change.payload_digest, Sha256::digest(&change.payload).as_slice());
        assert!(blind.payload.is_empty());
        let hash = Sha256::new()
            .chain_update(b"tiltaksplass.log.v1\0")
            .chain_update(&blind.prev_hash)
            .chain_update((blind.header.len() as u64).to_be_bytes())
            .chain_update(&blind.header)
            .chain_update(&blind.payload_digest)
            .finalize();
        assert_eq!(change.hash, hash.as_slice());
        prev.clone_from(&change.hash);
    }
    assert_eq!(seen.last().unwrap().kind, "ALLOCATE_PLACES");
}

async fn changes(caller: &crate::support::Caller, ledger: &Ledger) -> Vec<Change> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListChangesRequest {
            ledger: Some(ledger.clone()),
            page_size: 5,
            page_token,
            ..ListChangesRequest::default()
        };
        let page = caller.change().list_changes(request).await.unwrap().into_inner();
        all.extend(page.changes);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn summaries_count_by_municipality_and_preference() {
    let world = World::new().await;
    let (ledger, group) = world.vta(1).await;
    world.join(&ledger, 1).await;
    let prefers =
        JoinWaitlistRequest { preferred_place_group_ids: vec![group.clone()], ..join(&ledger, 2) };
    world.office.waitlist().join_waitlist(prefers).await.unwrap();
    let request = SummarizeQueuesRequest { county_id: COUNTY.into(), ..Default::default() };
    let summary = world.office.waitlist().summarize_queues(request).await.unwrap().into_inner();
    assert_eq!(summary.queues.len(), 1);
    let queue = &summary.queues[0];
    assert_eq!((queue.persons_waiting, queue.persons_without_preference), (2, 1));
    assert_eq!(queue.municipalities[0].municipality_number, TRONDHEIM);
    assert_eq!(queue.place_groups[0].place_group_id, group);
    assert_eq!(queue.place_groups[0].persons_waiting, 1);
}

#[tokio::test]
async fn a_preview_answers_like_the_real_thing_and_stores_nothing() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let preview = JoinWaitlistRequest { validate_only: true, ..join(&ledger, 1) };
    let answer = world.office.waitlist().join_waitlist(preview.clone()).await.unwrap();
    assert!(!answer.into_inner().entry_id.is_empty());
    let mut sql = world.service.sql().await;
    let people: i64 =
        sqlx::query_scalar("SELECT count(*) FROM person").fetch_one(&mut sql).await.unwrap();
    assert_eq!(people, 0);
    // The same request id is free for the real call.
    let real = JoinWaitlistRequest { validate_only: false, ..preview };
    let entry = world.office.waitlist().join_waitlist(real).await.unwrap().into_inner();
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        validate_only: true,
        ledger: Some(ledger.clone()),
        ..AllocatePlacesRequest::default()
    };
    let run = world.county.allocation().allocate_places(request).await.unwrap().into_inner();
    assert_eq!(run.proposals[0].entry_id, entry.entry_id);
    assert_usage(&world, &ledger, [100, 0, 0, 100]).await;
    assert_eq!(world.position(&ledger, &entry.entry_id).await.state(), EntryState::Waiting);
    world.service.verify().await;
}

#[tokio::test]
async fn a_read_waits_for_the_seq_it_is_asked_for_or_says_so() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let joined = world.office.waitlist().join_waitlist(join(&ledger, 1)).await.unwrap();
    let joined = joined.into_inner();
    let seq = joined.revision.unwrap().seq;
    let request = GetPositionRequest {
        ledger: Some(ledger.clone()),
        entry_id: joined.entry_id,
        at_least_seq: seq,
        ..GetPositionRequest::default()
    };
    let answer = world.office.waitlist().get_position(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.revisions[0].seq, seq);
    let request = GetPositionRequest { at_least_seq: seq + 1, ..request };
    let waiting = tokio::spawn({
        let office = world.office.clone();
        let request = request.clone();
        async move { office.waitlist().get_position(request).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    world.join(&ledger, 2).await;
    assert!(waiting.await.unwrap().is_ok());
    let request = GetPositionRequest { at_least_seq: seq + 9, ..request };
    let refused = world.office.waitlist().get_position(request).await.unwrap_err();
    assert_eq!(crate::support::reason(&refused), "NOT_YET_AT_SEQ");
    assert_eq!(refused.code(), tonic::Code::Unavailable);
}
