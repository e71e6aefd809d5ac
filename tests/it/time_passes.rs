//! What takes effect by itself: deadlines, dated limits, ends. Each is applied before
//! anything else a ledger is asked, whether a worker was there or not.

use tiltaksplass::{domain::access::Role, proto::v1::*};
use time::{Duration, macros::datetime};

use crate::{
    support::{reason, request_id},
    world::{COUNTY, OFFICE, TRONDHEIM, World, date},
};

#[tokio::test]
async fn an_unconfirmed_proposal_lapses_and_the_person_keeps_the_turn() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry = world.join(&ledger, 1).await;
    let proposal = world.allocate(&ledger, 1).await.proposals.remove(0);
    // Five working days from Monday: to the end of the next Monday, in Norway.
    let deadline = proposal.confirm_by_time.unwrap();
    assert_eq!(deadline.seconds, datetime!(2026-03-09 23:00 UTC).unix_timestamp());
    let mut world = world;
    world.service.clock.set(datetime!(2026-03-09 22:59:59 UTC));
    refresh(&mut world).await;
    assert_eq!(world.position(&ledger, &entry).await.state(), EntryState::Proposed);
    world.service.clock.set(datetime!(2026-03-09 23:00 UTC));
    let confirm = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_ids: vec![proposal.offer_id],
        ..ConfirmProposalsRequest::default()
    };
    let late = world.office.allocation().confirm_proposals(confirm).await.unwrap_err();
    assert_eq!(reason(&late), "WRONG_STATE");
    let waiting = world.position(&ledger, &entry).await;
    assert_eq!((waiting.state(), waiting.position_in_area), (EntryState::Waiting, 1));
    assert_eq!(world.availability(&ledger).await.places.unwrap().free_percent, 100);
    // It was nobody's no: the same place may be proposed to the same person again.
    assert_eq!(world.allocate(&ledger, 1).await.proposals[0].entry_id, entry);
    world.service.verify().await;
}

#[tokio::test]
async fn an_offer_nobody_answers_expires_by_the_worker_alone() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry = world.join(&ledger, 1).await;
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    let offers = world.confirm(&ledger, vec![offer.clone()]).await;
    assert!(offers[0].answer_by_time.is_some());
    world.service.clock.advance(Duration::days(40));
    refresh(&mut world).await;
    for _ in 0..100 {
        if world.position(&ledger, &entry).await.state() == EntryState::Waiting {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(world.position(&ledger, &entry).await.state(), EntryState::Waiting);
    let late = world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap_err();
    assert_eq!(reason(&late), "WRONG_STATE");
    // The person had this place and let it go; it is not offered again and again.
    let run = world.allocate(&ledger, 1).await;
    assert!(run.proposals.is_empty());
    assert_eq!(run.run_end(), RunEnd::NobodyEligible);
    world.service.verify().await;
}

#[tokio::test]
async fn limits_take_effect_on_their_day() {
    let mut world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    submit(&world, &ledger, &group, 5, date(2026, 4, 1)).await;
    assert_eq!(world.availability(&ledger).await.places.unwrap().total_percent, 200);
    let as_of = GetAvailabilityRequest {
        ledger: Some(ledger.clone()),
        as_of_date: Some(date(2026, 4, 1)),
        ..GetAvailabilityRequest::default()
    };
    let then = world.county.capacity().get_availability(as_of).await.unwrap().into_inner();
    assert_eq!(then.places.unwrap().total_percent, 500);
    world.service.clock.set(datetime!(2026-03-31 22:00 UTC));
    refresh(&mut world).await;
    world.join(&ledger, 1).await;
    assert_eq!(world.availability(&ledger).await.places.unwrap().total_percent, 500);
    world.service.verify().await;
}

#[tokio::test]
async fn an_end_ahead_frees_the_place_when_it_comes() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    world.join(&ledger, 1).await;
    let next = world.join(&ledger, 2).await;
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    world.confirm(&ledger, vec![offer.clone()]).await;
    world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap();
    let placement = world.start(&ledger, &offer, date(2026, 3, 1)).await;
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement.placement_id,
        end_date: Some(date(2026, 6, 1)),
        outcome: PlacementOutcome::Education.into(),
        ..EndPlacementRequest::default()
    };
    let ending = world.office.allocation().end_placement(end).await.unwrap().into_inner();
    assert_eq!(ending.placement.unwrap().end_date, Some(date(2026, 6, 1)));
    assert_eq!(world.allocate(&ledger, 1).await.run_end(), RunEnd::NoFreePlace);
    world.service.clock.set(datetime!(2026-05-31 22:00 UTC));
    refresh(&mut world).await;
    let run = world.allocate(&ledger, 1).await;
    assert_eq!(run.proposals[0].entry_id, next);
    world.service.verify().await;
}

#[tokio::test]
async fn lowering_what_may_be_used_puts_nobody_out() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    world.join(&ledger, 1).await;
    world.join(&ledger, 2).await;
    assert_eq!(world.allocate(&ledger, 2).await.proposals.len(), 2);
    submit(&world, &ledger, &group, 1, date(2026, 3, 1)).await;
    let usage = world.availability(&ledger).await.places.unwrap();
    assert_eq!((usage.reserved_percent, usage.over_percent, usage.free_percent), (200, 100, 0));
    world.quotas(&ledger, &[(TRONDHEIM, 1)]).await;
    world.budget(&ledger, 0).await;
    let usage = world.availability(&ledger).await.second_accounts[0].usage.clone().unwrap();
    assert_eq!((usage.total_percent, usage.over_percent), (100, 100));
    world.service.verify().await;
}

async fn submit(
    world: &World,
    ledger: &Ledger,
    group: &str,
    places: u32,
    from: tiltaksplass::proto::google::r#type::Date,
) {
    let request = SubmitCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        place_group_id: group.into(),
        organisation_number: crate::world::PROVIDER.into(),
        places,
        valid_from_date: Some(from),
        ..SubmitCapacityRequest::default()
    };
    let submitted = world.provider.capacity().submit_capacity(request).await.unwrap().into_inner();
    let request = ReviewCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        submission_id: submitted.submission_id,
        decision: ReviewDecision::Approve.into(),
        ..ReviewCapacityRequest::default()
    };
    world.county.capacity().review_capacity(request).await.unwrap();
}

/// New tokens, since the clock has moved beyond the old ones.
async fn refresh(world: &mut World) {
    world.county = world.service.caller(Role::County, COUNTY).await;
    world.office = world.service.caller(Role::Office, OFFICE).await;
}
