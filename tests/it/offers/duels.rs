//! Two who ask at once, many times over: each offer goes one way, and every place is held by
//! somebody or free.

use std::{collections::BTreeSet, sync::LazyLock};

use futures::{StreamExt, stream};
use time::macros::datetime;

use super::*;
use crate::support::at_length;

/// How often each duel is fought.
static ROUNDS: LazyLock<u32> = LazyLock::new(|| at_length(200, 1_000));
/// How many rounds are under way at once.
const IN_FLIGHT: usize = 16;

/// As many places, each held for somebody: as a proposal or as an offer.
async fn stage(confirmed: bool) -> (Offers, Vec<Offer>) {
    let offers = Offers::under(rules(), *ROUNDS).await;
    for person in 0..*ROUNDS {
        offers.world.join(&offers.ledger, person).await;
    }
    let mut held = offers.world.propose(&offers.ledger, *ROUNDS).await;
    assert_eq!(held.len(), usize::try_from(*ROUNDS).unwrap());
    if confirmed {
        held = offers.world.confirm_all(&offers.ledger, &held).await;
    }
    (offers, held)
}

/// Where each offer stands at the end.
async fn states(offers: &Offers) -> Vec<(String, String, Option<bool>)> {
    let mut sql = offers.world.service.sql().await;
    sqlx::query_as(
        "SELECT offer_id::text, state, (doc->'state'->'WITHDRAWN'->>'was_offered')::bool \
         FROM offer",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap()
}

/// In the midst of the answers their deadline comes. Whoever was told yes has the place, and
/// whoever was told that it is too late has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepting_against_the_deadline() {
    let (mut offers, held) = stage(true).await;
    let deadline = datetime!(2026-03-09 23:00 UTC);
    assert_eq!(seconds(held[0].answer_by_time), deadline.unix_timestamp());
    offers.world.service.clock.set(deadline - time::Duration::MINUTE);
    offers.refresh().await;
    let offers = &offers;
    let answers = stream::iter(held.iter().enumerate()).map(|(round, offer)| async move {
        if round == held_half() {
            offers.world.service.clock.set(deadline);
        }
        (offer.offer_id.clone(), offers.accept(&offer.offer_id).await)
    });
    let answers: Vec<_> = answers.buffer_unordered(IN_FLIGHT).collect().await;
    let mut accepted = BTreeSet::new();
    for (offer_id, answer) in answers {
        match answer {
            Ok(_) => assert!(accepted.insert(offer_id)),
            Err(late) => {
                let expected = (refused("WRONG_STATE"), "EXPIRED".to_owned());
                assert_eq!((told(&late), said(&late, "state")), expected);
            }
        }
    }
    // Those before the deadline was set, and none of those after, whatever was between.
    let at_least = held_half() - IN_FLIGHT;
    let at_most = held_half() + IN_FLIGHT;
    assert!((at_least..=at_most).contains(&accepted.len()), "{}", accepted.len());
    for (offer_id, state, _) in states(offers).await {
        let expected = if accepted.contains(&offer_id) { "ACCEPTED" } else { "EXPIRED" };
        assert_eq!(state, expected);
    }
    let reserved = i64::try_from(accepted.len()).unwrap() * 100;
    assert_eq!(offers.reserved().await, reserved);
    offers.world.service.verify().await;
}

fn held_half() -> usize {
    usize::try_from(*ROUNDS / 2).unwrap()
}

/// A withdrawal comes through either way; a confirmation only before it, and then the offer
/// was one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn confirming_against_withdrawing() {
    let (offers, held) = stage(false).await;
    let offers = &offers;
    let rounds = stream::iter(&held).map(|offer| async move {
        let confirm = ConfirmProposalsRequest {
            request_id: request_id(),
            ledger: Some(offers.ledger.clone()),
            offer_ids: vec![offer.offer_id.clone()],
            ..ConfirmProposalsRequest::default()
        };
        let (mut office, mut county) =
            (offers.world.office.allocation(), offers.world.county.allocation());
        let (confirmed, withdrawn) = futures::join!(
            office.confirm_proposals(confirm),
            county.withdraw_offer(offers.withdraw(&offer.offer_id)),
        );
        withdrawn.unwrap();
        if let Err(late) = &confirmed {
            let expected = (refused("WRONG_STATE"), "WITHDRAWN".to_owned());
            assert_eq!((told(late), said(late, "state")), expected);
        }
        (offer.offer_id.clone(), confirmed.is_ok())
    });
    let rounds: Vec<(String, bool)> = rounds.buffer_unordered(IN_FLIGHT).collect().await;
    let states = states(offers).await;
    for (offer_id, was_confirmed) in rounds {
        let state = states.iter().find(|(id, ..)| *id == offer_id).unwrap();
        assert_eq!((state.1.as_str(), state.2), ("WITHDRAWN", Some(was_confirmed)));
    }
    // What was passed on in between is held once, and no more.
    let proposed = states.iter().filter(|(_, state, _)| state == "PROPOSED").count();
    assert_eq!(offers.reserved().await, i64::try_from(proposed).unwrap() * 100);
    offers.world.service.verify().await;
}

/// A place that is given back goes to one of those who wait: in the row that gave it back, or
/// by a run, and never by both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declining_against_allocating() {
    let (offers, held) = stage(true).await;
    let mut waiting = BTreeSet::new();
    for person in *ROUNDS..2 * *ROUNDS {
        waiting.insert(offers.world.join(&offers.ledger, person).await);
    }
    let offers = &offers;
    let rounds = stream::iter(&held).map(|offer| async move {
        let (declined, run) = futures::join!(
            offers.decline(&offer.offer_id),
            offers.world.allocate(&offers.ledger, 1),
        );
        let proposals = declined.proposals.into_iter().chain(run.proposals);
        proposals.map(|proposal| proposal.entry_id).collect::<Vec<_>>()
    });
    let served: Vec<Vec<String>> = rounds.buffer_unordered(IN_FLIGHT).collect().await;
    let served: Vec<String> = served.into_iter().flatten().collect();
    assert_eq!(served.len(), waiting.len(), "each place once");
    assert_eq!(served.into_iter().collect::<BTreeSet<_>>(), waiting, "each person once");
    assert_eq!(offers.reserved().await, i64::from(*ROUNDS) * 100);
    offers.world.service.verify().await;
}
