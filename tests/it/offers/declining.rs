//! What a no costs, and offers that need nobody's confirmation.

use tiltaksplass::domain::measure::DeclineRule;
use time::Duration;

use super::*;
use crate::world::{avklaring, join};

#[tokio::test]
async fn so_many_times_no_and_the_person_leaves_the_waitlist() {
    let rules = MeasureRules { decline_rule: DeclineRule::LeaveAfter(1), ..rules() };
    let offers = Offers::under(rules, 1).await;
    let (entry_id, offer_id) = offers.offered(1).await;
    let next = offers.world.join(&offers.ledger, 2).await;
    let answer = offers.decline(&offer_id).await;
    assert_eq!(answer.offer.unwrap().state(), OfferState::Declined);
    assert_eq!(answer.proposals[0].entry_id, next);
    assert_eq!(offers.state(&entry_id).await, EntryState::Closed);
    // The claim has ended with the entry: the person may join anew.
    offers.world.join(&offers.ledger, 1).await;
    offers.world.service.verify().await;
}

/// An offer that expires while the worker is away closes the entry, and the same person's next
/// join, which is what wakes the ledger, is taken.
#[tokio::test]
async fn who_has_left_by_time_may_join_in_the_same_breath() {
    let rules = MeasureRules { decline_rule: DeclineRule::LeaveAfter(1), ..rules() };
    let mut offers = Offers::under(rules, 1).await;
    let (entry_id, _) = offers.offered(1).await;
    offers.world.service.clock.advance(Duration::days(7) + Duration::hours(15));
    offers.refresh().await;
    let joined = offers.world.office.waitlist().join_waitlist(join(&offers.ledger, 1)).await;
    let joined = joined.unwrap().into_inner();
    assert_ne!(joined.entry_id, entry_id);
    assert_eq!(offers.state(&entry_id).await, EntryState::Closed);
    assert_eq!(offers.state(&joined.entry_id).await, EntryState::Waiting);
    assert_eq!(offers.reserved().await, 0);
    offers.world.service.verify().await;
}

#[tokio::test]
async fn who_cools_down_keeps_the_turn_and_is_proposed_nothing() {
    let rules =
        MeasureRules { decline_rule: DeclineRule::Strike, cool_down_days: Some(7), ..rules() };
    let offers = Offers::under(rules, 1).await;
    let (entry_id, offer_id) = offers.offered(1).await;
    assert!(offers.decline(&offer_id).await.proposals.is_empty());
    let position = offers.world.position(&offers.ledger, &entry_id).await;
    assert_eq!((position.state(), position.position_in_area), (EntryState::CoolingDown, 0));
    offers.world.place_group(&offers.ledger, 1).await;
    let run = offers.world.allocate(&offers.ledger, 1).await;
    assert!(run.proposals.is_empty() && run.passed_over.is_empty());
    let mut sql = offers.world.service.sql().await;
    let wakes: i64 = sqlx::query_scalar("SELECT count(*) FROM schedule WHERE kind = 'WAKE_ENTRY'")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(wakes, 1);
    offers.world.service.verify().await;
}

#[tokio::test]
async fn without_confirmation_a_run_makes_offers() {
    let world = World::new().await;
    let rules = MeasureRules { without_confirmation: true, ..rules() };
    world.rules("AVKLARING", rules).await;
    let ledger = avklaring();
    world.budget(&ledger, 1).await;
    let group = world.place_group(&ledger, 1).await;
    let offers = Offers { world, ledger, group };
    let first = offers.world.join(&offers.ledger, 1).await;
    let second = offers.world.join(&offers.ledger, 2).await;
    let run = offers.world.allocate(&offers.ledger, 2).await;
    let [offer] = &run.proposals[..] else { panic!("{run:?}") };
    assert_eq!((offer.entry_id.as_str(), offer.state()), (&first[..], OfferState::Offered));
    assert!(offer.answer_by_time.is_some() && offer.object_by_time.is_some());
    let answer = offers.decline(&offer.offer_id).await;
    let [passed_on] = &answer.proposals[..] else { panic!("{answer:?}") };
    assert_eq!(
        (passed_on.entry_id.as_str(), passed_on.state()),
        (&second[..], OfferState::Offered)
    );
    offers.accept(&passed_on.offer_id).await.unwrap();
    assert_eq!(offers.state(&second).await, EntryState::Accepted);
    offers.world.service.verify().await;
}
