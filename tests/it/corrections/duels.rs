//! A correction and a run at once: each place is somebody's once, and nobody loses one.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};

use super::*;
use crate::support::at_length;

/// How often the duel is fought in one database. Each correction reads the log, which grows
/// with it, so that the long run takes one after another.
const ROUNDS: u32 = 60;
/// How many rounds are under way at once.
const IN_FLIGHT: usize = 4;

/// As many who said no by mistake as places, which are free, and as many others who wait.
async fn stage() -> (Wrong, Vec<Offer>) {
    let wrong = Wrong::new(ROUNDS).await;
    let together = |people: std::ops::Range<u32>| BatchJoinWaitlistRequest {
        request_id: request_id(),
        ledger: Some(wrong.ledger.clone()),
        joins: people
            .map(|person| JoinWaitlistRequest {
                request_id: String::new(),
                ledger: None,
                ..join(&wrong.ledger, person)
            })
            .collect(),
        ..BatchJoinWaitlistRequest::default()
    };
    let mut waitlist = wrong.world.county.waitlist();
    waitlist.batch_join_waitlist(together(0..ROUNDS)).await.unwrap();
    let proposed = wrong.world.allocate(&wrong.ledger, ROUNDS).await.proposals;
    let ids = proposed.iter().map(|offer| offer.offer_id.clone()).collect();
    let offers = wrong.world.confirm(&wrong.ledger, ids).await;
    for offer in &offers {
        wrong.answer(&offer.offer_id, OfferAnswer::Decline).await;
    }
    waitlist.batch_join_waitlist(together(ROUNDS..2 * ROUNDS)).await.unwrap();
    assert_eq!(wrong.figures().await, (0, 0));
    (wrong, offers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn correcting_against_allocating() {
    for _ in 0..at_length(1, 17) {
        duel().await;
    }
}

async fn duel() {
    let (wrong, offers) = stage().await;
    let wrong = &wrong;
    let rounds = stream::iter(&offers).map(|offer| async move {
        let yes = answered(&offer.offer_id, RightAnswer::Accept);
        let (corrected, _) =
            futures::join!(wrong.correct(yes), wrong.world.allocate(&wrong.ledger, 1));
        (offer.entry_id.clone(), corrected.result())
    });
    let results: Vec<(String, CorrectionResult)> =
        rounds.buffer_unordered(IN_FLIGHT).collect().await;
    let mut held: BTreeMap<String, u32> = BTreeMap::new();
    let mut sql = wrong.world.service.sql().await;
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT entry_id::text, state FROM offer WHERE state IN ('PROPOSED', 'ACCEPTED')",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    for (entry_id, _) in &found {
        *held.entry(entry_id.clone()).or_default() += 1;
    }
    assert!(held.values().all(|offers| *offers == 1), "one place each");
    assert_eq!(found.len(), usize::try_from(ROUNDS).unwrap(), "each place once");
    assert_eq!(wrong.figures().await, (i64::from(ROUNDS) * 100, 0));
    for (entry_id, result) in results {
        match result {
            // Who got the place back has it.
            CorrectionResult::Corrected => {
                assert!(found.contains(&(entry_id, "ACCEPTED".to_owned())));
            }
            CorrectionResult::PriorityByCorrection => {
                let entry =
                    crate::transfer::entry(&wrong.world.service, &wrong.ledger, &entry_id).await;
                assert!(entry.priority_by_correction);
            }
            CorrectionResult::Unspecified | CorrectionResult::NothingChanged => {
                panic!("{result:?}")
            }
        }
    }
    wrong.world.service.verify().await;
}
