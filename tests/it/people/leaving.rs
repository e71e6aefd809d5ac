//! `LeaveWaitlist`: the entry ends, what was held goes back, and the claim with it.

use base64::Engine as _;
use futures::future::join_all;
use prost::Message;

use super::*;
use crate::world::{OTHER_COUNTY, date};

/// An entry whose offer has come so far: 0 none, 1 proposed, 2 offered, 3 accepted.
async fn entry_at(world: &World, ledger: &Ledger, person: u32, step: u8) -> (String, String) {
    let entry_id = world.join(ledger, person).await;
    if step == 0 {
        return (entry_id, String::new());
    }
    let run = world.allocate(ledger, 1).await;
    let offer_id = run.proposals[0].offer_id.clone();
    assert_eq!(run.proposals[0].entry_id, entry_id);
    if step > 1 {
        world.confirm(ledger, vec![offer_id.clone()]).await;
    }
    if step > 2 {
        world.respond(ledger, &offer_id, OfferAnswer::Accept).await.unwrap();
    }
    (entry_id, offer_id)
}

async fn used(world: &World, ledger: &Ledger) -> (i64, i64) {
    let usage = world.availability(ledger).await;
    let (places, second) =
        (usage.places.clone().unwrap(), usage.second_accounts[0].usage.clone().unwrap());
    assert_eq!(places.reserved_percent, second.reserved_percent);
    (places.reserved_percent, places.in_use_percent)
}

#[tokio::test]
async fn from_each_step_everything_is_given_back_and_one_may_join_elsewhere() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    for step in 0..4_u8 {
        let person = u32::from(step);
        let (entry_id, offer_id) = entry_at(&world, &ledger, person, step).await;
        let request = leave(&ledger, &entry_id);
        let preview = LeaveWaitlistRequest { validate_only: true, ..request.clone() };
        let mut waitlist = world.office.waitlist();
        let preview = waitlist.leave_waitlist(preview).await.unwrap().into_inner();
        assert_eq!(used(&world, &ledger).await.0, if step == 0 { 0 } else { 100 });
        let answer = waitlist.leave_waitlist(request.clone()).await.unwrap().into_inner();
        assert_eq!(
            (&answer.entry_id, &answer.withdrawn_offer),
            (&entry_id, &preview.withdrawn_offer)
        );
        let again = waitlist.leave_waitlist(request).await.unwrap().into_inner();
        assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
        let withdrawn = answer.withdrawn_offer.unwrap_or_default();
        assert_eq!(withdrawn.offer_id, offer_id);
        let expected = if step == 0 { OfferState::Unspecified } else { OfferState::Withdrawn };
        assert_eq!(withdrawn.state(), expected);
        assert_eq!(used(&world, &ledger).await, (0, 0));
        let position = world.position(&ledger, &entry_id).await;
        assert_eq!((position.state(), position.position_in_area), (EntryState::Closed, 0));
        let elsewhere = Ledger { county_id: OTHER_COUNTY.into(), ..ledger.clone() };
        world.join(&elsewhere, person).await;
    }
    // No deadline is left to come.
    let mut sql = world.service.sql().await;
    let due: i64 = sqlx::query_scalar("SELECT count(*) FROM schedule WHERE kind <> 'BEGIN_DAY'")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(due, 0);
    world.service.verify().await;
}

#[tokio::test]
async fn whoever_may_not_leave_is_told_why() {
    let (world, ledger, _) = two_municipalities([2, 1]).await;
    let (placed, offer) = entry_at(&world, &ledger, 1, 3).await;
    world.start(&ledger, &offer, date(2026, 3, 2)).await;
    let (gone, _) = entry_at(&world, &ledger, 2, 0).await;
    left(&world.county, &ledger, &gone).await;
    let waits = world.join(&ledger, 3).await;
    let call = async |caller: &Caller, request: LeaveWaitlistRequest| {
        told(&caller.waitlist().leave_waitlist(request).await.unwrap_err())
    };
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    let wrong_state = is(Code::FailedPrecondition, "WRONG_STATE");
    let not_found = is(Code::NotFound, "NOT_FOUND");
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    for (caller, request, expected) in [
        (&world.office, leave(&ledger, &placed), &wrong_state),
        (&world.office, leave(&ledger, &gone), &wrong_state),
        (&world.county, leave(&ledger, &nothing()), &not_found),
        (&hemne(&world).await, leave(&ledger, &waits), &not_found),
        (&other, leave(&ledger, &waits), &denied),
        (&world.provider, leave(&ledger, &waits), &denied),
    ] {
        assert_eq!(call(caller, request).await, *expected);
    }
    let plain = leave(&ledger, &waits);
    for request in [
        LeaveWaitlistRequest { reason: 0, ..plain.clone() },
        LeaveWaitlistRequest { reason: 99, ..plain.clone() },
        LeaveWaitlistRequest { reason_text: "x".repeat(501), ..plain.clone() },
        LeaveWaitlistRequest { entry_id: "x".into(), ..plain.clone() },
        LeaveWaitlistRequest { ledger: None, ..plain },
    ] {
        assert_eq!(call(&world.office, request).await, invalid);
    }
    assert_eq!(world.position(&ledger, &waits).await.state(), EntryState::Waiting);
    world.service.verify().await;
}

/// The log has the grounds as ciphertext under the person's own key, and nowhere else.
#[tokio::test]
async fn the_grounds_are_the_persons_own() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let (entry_id, _) = entry_at(&world, &ledger, 1, 2).await;
    left(&world.office, &ledger, &entry_id).await;
    let mut sql = world.service.sql().await;
    let row = sqlx::query("SELECT kind, payload FROM ledger_log ORDER BY at DESC LIMIT 1")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>("kind"), "LEAVE_WAITLIST");
    let payload: serde_json::Value = serde_json::from_slice(row.get("payload")).unwrap();
    let text = payload.to_string();
    assert!(!text.contains("WORK") && !text.contains("butikk"), "{text}");
    let sealed = payload["events"][0]["LEFT"]["grounds"].as_str().unwrap();
    assert_eq!(payload["command"]["LEAVE_WAITLIST"]["grounds"], sealed);
    let sealed = base64::prelude::BASE64_STANDARD.decode(sealed).unwrap();
    let (person, wrapped): (Uuid, Vec<u8>) =
        sqlx::query_as("SELECT person_id, data_key FROM person").fetch_one(&mut sql).await.unwrap();
    let key = world.service.app.keys.unwrap_data_key(&wrapped, person).unwrap();
    let plain = key.open(&format!("entry/{entry_id}/left"), &sealed).unwrap();
    let plain: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!(plain, serde_json::json!({ "reason": "WORK", "text": "begynte i butikken" }));
}

/// What is due by now takes effect first: then there is nothing left to withdraw.
#[tokio::test]
async fn a_deadline_that_has_passed_comes_first() {
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    let (first, proposed) = entry_at(&world, &ledger, 1, 1).await;
    let (second, offered) = entry_at(&world, &ledger, 2, 2).await;
    world.service.clock.advance(time::Duration::days(20));
    let office = world.service.caller(Role::Office, crate::world::OFFICE).await;
    // The place of the second was passed on to the first, who waited again by then.
    for (entry_id, offer_id, state, has_another) in
        [(first, proposed, "LAPSED", true), (second, offered, "EXPIRED", false)]
    {
        let withdrawn = left(&office, &ledger, &entry_id).await.withdrawn_offer;
        assert_eq!(withdrawn.is_some(), has_another);
        assert!(withdrawn.is_none_or(|offer| offer.offer_id != offer_id));
        let mut sql = world.service.sql().await;
        let stored: String =
            sqlx::query_scalar("SELECT state FROM offer WHERE offer_id::text = $1")
                .bind(&offer_id)
                .fetch_one(&mut sql)
                .await
                .unwrap();
        assert_eq!(stored, state);
    }
    world.service.verify().await;
}

/// Leaving against confirming, answering and starting, through two replicas: whoever comes
/// second is refused, and every place is used or given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_races_with_what_goes_on() {
    const ROUNDS: u32 = 24;
    let world = World::new().await;
    let (ledger, _) = world.vta(ROUNDS).await;
    let mut replica = world.service.replica().await;
    let there = replica.caller(Role::County, &ledger.county_id).await;
    let mut rounds = Vec::new();
    for person in 0..ROUNDS {
        let step = u8::try_from(1 + person % 3).unwrap();
        let (entry_id, offer_id) = entry_at(&world, &ledger, person, step).await;
        rounds.push((step, entry_id, offer_id));
    }
    let race = |(step, entry_id, offer_id): (u8, String, String)| {
        let (here, there, ledger) = (world.county.clone(), there.clone(), ledger.clone());
        async move {
            let mut waitlist = here.waitlist();
            let leaves = waitlist.leave_waitlist(leave(&ledger, &entry_id));
            let (left, other) = futures::join!(leaves, go_on(&there, &ledger, step, &offer_id));
            (step, left.map(drop), other)
        }
    };
    for (step, left, other) in join_all(rounds.into_iter().map(race)).await {
        let wrong_state = is(Code::FailedPrecondition, "WRONG_STATE");
        match (left, other) {
            (Ok(()), Ok(())) => assert!(step < 3, "who has begun cannot leave"),
            (Ok(()), Err(refused)) | (Err(refused), Ok(())) => {
                assert_eq!(told(&refused), wrong_state);
            }
            both => panic!("neither happened: {both:?}"),
        }
    }
    let mut sql = world.service.sql().await;
    let placed: i64 =
        sqlx::query_scalar("SELECT count(*) FROM placement").fetch_one(&mut sql).await.unwrap();
    assert_eq!(used(&world, &ledger).await, (0, placed * 100));
    replica.stop().await;
    world.service.verify().await;
}

/// The next step of an offer.
async fn go_on(caller: &Caller, ledger: &Ledger, step: u8, offer_id: &str) -> Result<(), Status> {
    let (ledger, offer_id) = (Some(ledger.clone()), offer_id.to_owned());
    let mut allocation = caller.allocation();
    match step {
        1 => {
            let request = ConfirmProposalsRequest {
                request_id: request_id(),
                ledger,
                offer_ids: vec![offer_id],
                ..ConfirmProposalsRequest::default()
            };
            allocation.confirm_proposals(request).await.map(drop)
        }
        2 => {
            let request = RespondToOfferRequest {
                request_id: request_id(),
                ledger,
                offer_id,
                answer: OfferAnswer::Decline.into(),
                ..RespondToOfferRequest::default()
            };
            allocation.respond_to_offer(request).await.map(drop)
        }
        _ => {
            let request = StartPlacementRequest {
                request_id: request_id(),
                ledger,
                offer_id,
                start_date: Some(date(2026, 3, 2)),
                ..StartPlacementRequest::default()
            };
            allocation.start_placement(request).await.map(drop)
        }
    }
}
