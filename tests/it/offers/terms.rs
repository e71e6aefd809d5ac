//! `ExtendOffer` and `WithdrawOffer`.

use time::{Duration, macros::datetime};

use super::*;

#[tokio::test]
async fn an_offer_may_be_answered_later_once() {
    let mut offers = Offers::under(rules(), 1).await;
    let (entry_id, offer_id) = offers.offered(1).await;
    let sooner = offers.world.office.allocation().extend_offer(offers.extend(&offer_id, 5)).await;
    let sooner = sooner.unwrap_err();
    assert_eq!(told(&sooner), refused("DATE_OUT_OF_RANGE"));
    assert_eq!(said(&sooner, "field"), "working_days");
    for name in ["value", "than"] {
        assert_eq!(said(&sooner, name), "2026-03-09T23:00:00Z");
    }
    let answer = once!(offers.world.office, extend_offer, offers.extend(&offer_id, 10));
    let offer = answer.offer.unwrap();
    assert_eq!((offer.state(), offer.was_extended), (OfferState::Offered, true));
    let until = datetime!(2026-03-16 23:00 UTC);
    assert_eq!(seconds(offer.answer_by_time), until.unix_timestamp());
    let twice = offers.world.county.allocation().extend_offer(offers.extend(&offer_id, 20)).await;
    let twice = twice.unwrap_err();
    assert_eq!((told(&twice), said(&twice, "state")), (refused("WRONG_STATE"), "EXTENDED".into()));
    let text_at = "/events/0/OFFER_CHANGED/offer/extension/text";
    let context = format!("offer/{offer_id}/extension");
    offers.text_is_sealed("EXTEND_OFFER", text_at, &context).await;
    // The old deadline passes while the worker is away, and the new one holds.
    offers.world.service.clock.advance(Duration::days(8));
    offers.refresh().await;
    assert_eq!(offers.state(&entry_id).await, EntryState::Offered);
    offers.world.service.verify().await;
    offers.world.service.clock.set(until);
    offers.refresh().await;
    let late = offers.accept(&offer_id).await.unwrap_err();
    assert_eq!((told(&late), said(&late, "state")), (refused("WRONG_STATE"), "EXPIRED".into()));
    offers.world.service.verify().await;
}

#[tokio::test]
async fn a_withdrawn_offer_is_passed_on_in_the_same_row() {
    let offers = Offers::under(rules(), 1).await;
    let (entry_id, offer_id) = offers.offered(1).await;
    let next = offers.world.join(&offers.ledger, 2).await;
    offers.accept(&offer_id).await.unwrap();
    let answer = once!(offers.world.office, withdraw_offer, offers.withdraw(&offer_id));
    assert_eq!(answer.offer.unwrap().state(), OfferState::Withdrawn);
    let [proposal] = &answer.proposals[..] else { panic!("{:?}", answer.proposals) };
    assert_eq!(proposal.entry_id, next);
    let position = offers.world.position(&offers.ledger, &entry_id).await;
    assert_eq!((position.state(), position.position_in_area), (EntryState::Waiting, 1));
    assert_eq!(offers.reserved().await, 100);
    // Withdrawn as a proposal, it comes back to the first, who may have it again.
    let proposal_id = proposal.offer_id.clone();
    let answer = once!(offers.world.county, withdraw_offer, offers.withdraw(&proposal_id));
    assert_eq!(answer.proposals[0].entry_id, entry_id);
    let known = offers.listed(&offers.world.provider, OfferState::Withdrawn).await;
    assert_eq!(known.iter().map(|offer| &offer.offer_id).collect::<Vec<_>>(), [&offer_id]);
    let gone = offers.world.office.allocation().withdraw_offer(offers.withdraw(&offer_id)).await;
    let gone = gone.unwrap_err();
    assert_eq!((told(&gone), said(&gone, "state")), (refused("WRONG_STATE"), "WITHDRAWN".into()));
    offers.world.service.verify().await;
}

#[tokio::test]
async fn the_reason_of_a_withdrawal_is_the_persons_own() {
    let offers = Offers::under(rules(), 1).await;
    let (_, offer_id) = offers.offered(1).await;
    once!(offers.world.office, withdraw_offer, offers.withdraw(&offer_id));
    let text_at = "/events/0/OFFER_CHANGED/change/WITHDRAWN/text";
    let context = format!("offer/{offer_id}/withdrawn");
    offers.text_is_sealed("WITHDRAW_OFFER", text_at, &context).await;
    offers.world.service.verify().await;
}

#[tokio::test]
async fn who_may_extend_and_withdraw() {
    let offers = Offers::under(rules(), 1).await;
    let (_, offer_id) = offers.offered(1).await;
    let Askers { hemne, other_county, .. } = offers.askers().await;
    let world = &offers.world;
    asked!(extend_offer, offers.extend(&offer_id, 10), [
        world.office => Ok(()),
        world.county => Ok(()),
        hemne => Err(not_found()),
        other_county => Err(denied()),
        world.provider => Err(denied()),
    ]);
    asked!(withdraw_offer, offers.withdraw(&offer_id), [
        world.office => Ok(()),
        world.county => Ok(()),
        hemne => Err(not_found()),
        other_county => Err(denied()),
        world.provider => Err(denied()),
    ]);
    let nothing = uuid::Uuid::from_u128(7).to_string();
    let wordless = ExtendOfferRequest { reason: String::new(), ..offers.extend(&offer_id, 10) };
    let silent = WithdrawOfferRequest { reason: " ".into(), ..offers.withdraw(&offer_id) };
    asked!(extend_offer, offers.extend(&nothing, 10), [world.county => Err(not_found())]);
    asked!(extend_offer, offers.extend(&offer_id, 0), [world.county => Err(invalid())]);
    asked!(extend_offer, offers.extend(&offer_id, 61), [world.county => Err(invalid())]);
    asked!(extend_offer, wordless, [world.county => Err(invalid())]);
    asked!(withdraw_offer, offers.withdraw(&nothing), [world.county => Err(not_found())]);
    asked!(withdraw_offer, silent, [world.county => Err(invalid())]);
    assert_eq!(offers.reserved().await, 100);
    offers.world.service.verify().await;
}
