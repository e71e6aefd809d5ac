//! Objections (innsigelser): who may object and until when, what stands meanwhile, and what
//! follows from the office's decision.

use time::{Duration, macros::datetime};

use super::*;

#[tokio::test]
async fn an_overruled_objection_leaves_the_offer_standing() {
    let offers = Offers::under(rules(), 1).await;
    let (entry_id, offer_id) = offers.offered(1).await;
    let answer = once!(offers.world.provider, object_to_offer, offers.object(&offer_id));
    let offer = answer.offer.unwrap();
    assert_eq!((offer.state(), offer.objection_is_open), (OfferState::Offered, true));
    assert_eq!(offer.objection_code(), ObjectionCode::Safety);
    // Wednesday is the second working day from Monday.
    assert_eq!(seconds(offer.object_by_time), datetime!(2026-03-04 23:00 UTC).unix_timestamp());
    for caller in [&offers.world.provider, &offers.world.office, &offers.world.county] {
        let listed = offers.listed(caller, OfferState::Offered).await;
        assert!(listed[0].objection_is_open && listed[0].offer_id == offer_id);
    }
    // The person may say yes, and begins when the office has decided.
    offers.accept(&offer_id).await.unwrap();
    let early = offers.start_by(&offers.world.provider, &offer_id).await.unwrap_err();
    assert_eq!(told(&early), refused("WRONG_STATE"));
    assert_eq!(
        (said(&early, "state"), said(&early, "move")),
        ("OBJECTED_TO".into(), "START".into())
    );
    let answer = once!(offers.world.office, resolve_objection, offers.resolve(&offer_id, false));
    let offer = answer.offer.unwrap();
    assert_eq!((offer.state(), offer.objection_is_open), (OfferState::Accepted, false));
    assert_eq!(offer.objection_code(), ObjectionCode::Safety);
    assert!(answer.proposals.is_empty());
    offers.start_by(&offers.world.provider, &offer_id).await.unwrap();
    assert_eq!(offers.state(&entry_id).await, EntryState::Placed);
    offers.world.service.verify().await;
}

#[tokio::test]
async fn an_upheld_objection_gives_the_place_to_the_next_in_the_same_row() {
    let offers = Offers::under(rules(), 1).await;
    let (entry_id, offer_id) = offers.offered(1).await;
    let next = offers.world.join(&offers.ledger, 2).await;
    once!(offers.world.provider, object_to_offer, offers.object(&offer_id));
    let answer = once!(offers.world.county, resolve_objection, offers.resolve(&offer_id, true));
    assert_eq!(answer.offer.unwrap().state(), OfferState::Objected);
    let [proposal] = &answer.proposals[..] else { panic!("{:?}", answer.proposals) };
    assert_eq!((proposal.entry_id.as_str(), proposal.state()), (&next[..], OfferState::Proposed));
    assert_eq!(proposal.place_group_id, offers.group);
    assert_eq!(offers.reserved().await, 100);
    let position = offers.world.position(&offers.ledger, &entry_id).await;
    assert_eq!((position.state(), position.position_in_area), (EntryState::Waiting, 1));
    // The provider sees what became of its objection, and nothing of whom it is proposed to.
    let provider = &offers.world.provider;
    assert_eq!(offers.listed(provider, OfferState::Objected).await[0].offer_id, offer_id);
    assert!(offers.listed(provider, OfferState::Unspecified).await.is_empty());
    let again = offers.resolve(&offer_id, false);
    let again = offers.world.office.allocation().resolve_objection(again).await.unwrap_err();
    assert_eq!((told(&again), said(&again, "state")), (refused("WRONG_STATE"), "OBJECTED".into()));
    offers.world.service.verify().await;
}

/// The worker is away for a week: the deadline does not run while the objection waits, and
/// runs whole from the office's decision on.
#[tokio::test]
async fn no_deadline_runs_while_an_objection_waits() {
    let mut offers = Offers::under(rules(), 2).await;
    let (first, accepted) = offers.offered(1).await;
    let (second, overruled) = offers.offered(2).await;
    for offer_id in [&accepted, &overruled] {
        once!(offers.world.provider, object_to_offer, offers.object(offer_id));
    }
    offers.world.service.clock.advance(Duration::days(14));
    offers.refresh().await;
    offers.accept(&accepted).await.unwrap();
    assert_eq!(offers.state(&first).await, EntryState::Accepted);
    assert_eq!(offers.state(&second).await, EntryState::Offered);
    let answer = once!(offers.world.office, resolve_objection, offers.resolve(&overruled, false));
    let answer_by = seconds(answer.offer.unwrap().answer_by_time);
    assert_eq!(answer_by, datetime!(2026-03-23 23:00 UTC).unix_timestamp());
    offers.world.service.verify().await;
    offers.world.service.clock.set(datetime!(2026-03-23 23:00 UTC));
    offers.refresh().await;
    let late = offers.accept(&overruled).await.unwrap_err();
    assert_eq!((told(&late), said(&late, "state")), (refused("WRONG_STATE"), "EXPIRED".into()));
    assert_eq!(offers.state(&second).await, EntryState::Waiting);
    offers.world.service.verify().await;
}

#[tokio::test]
async fn a_provider_is_told_why_it_may_not_object() {
    let mut offers = Offers::under(rules(), 2).await;
    let (_, offer_id) = offers.offered(1).await;
    once!(offers.world.provider, object_to_offer, offers.object(&offer_id));
    let twice = offers.world.provider.allocation().object_to_offer(offers.object(&offer_id)).await;
    let twice = twice.unwrap_err();
    assert_eq!(
        (told(&twice), said(&twice, "state")),
        (refused("WRONG_STATE"), "OBJECTED_TO".into())
    );
    let (_, late) = offers.offered(2).await;
    offers.world.service.clock.set(datetime!(2026-03-04 22:59:59.999999 UTC));
    offers.refresh().await;
    let preview = ObjectToOfferRequest { validate_only: true, ..offers.object(&late) };
    offers.world.provider.allocation().object_to_offer(preview).await.unwrap();
    offers.world.service.clock.set(datetime!(2026-03-04 23:00 UTC));
    let too_late = offers.world.provider.allocation().object_to_offer(offers.object(&late)).await;
    let too_late = too_late.unwrap_err();
    assert_eq!(
        (told(&too_late), said(&too_late, "state")),
        (refused("WRONG_STATE"), "OVER".into())
    );
    // A type without such a deadline.
    let silent = Offers::under(MeasureRules::default(), 1).await;
    let (_, offer_id) = silent.offered(1).await;
    let by_rule =
        silent.world.provider.allocation().object_to_offer(silent.object(&offer_id)).await;
    assert_eq!(told(&by_rule.unwrap_err()), refused("MEASURE_TYPE_RULE"));
    let object = offers.object(&late);
    for request in [
        ObjectToOfferRequest { code: 0, ..object.clone() },
        ObjectToOfferRequest { offer_id: "x".into(), ..object.clone() },
        ObjectToOfferRequest { reason: "x".repeat(501), ..object.clone() },
        ObjectToOfferRequest { code: ObjectionCode::Other.into(), reason: String::new(), ..object },
    ] {
        asked!(object_to_offer, request, [offers.world.provider => Err(invalid())]);
    }
    offers.world.service.verify().await;
}

#[tokio::test]
async fn who_may_object_and_who_decides() {
    let offers = Offers::under(rules(), 1).await;
    let (_, offer_id) = offers.offered(1).await;
    let Askers { hemne, other_county, other_provider } = offers.askers().await;
    let world = &offers.world;
    asked!(object_to_offer, offers.object(&offer_id), [
        world.provider => Ok(()),
        other_provider => Err(not_found()),
        world.office => Err(denied()),
        world.county => Err(denied()),
        world.directorate => Err(denied()),
    ]);
    once!(world.provider, object_to_offer, offers.object(&offer_id));
    for uphold in [true, false] {
        asked!(resolve_objection, offers.resolve(&offer_id, uphold), [
            world.office => Ok(()),
            world.county => Ok(()),
            hemne => Err(not_found()),
            other_county => Err(denied()),
            world.provider => Err(denied()),
        ]);
    }
}

/// To a provider there are no proposals: a guessed id answers word for word as one of nothing.
#[tokio::test]
async fn a_provider_learns_nothing_of_proposals() {
    let offers = Offers::under(rules(), 3).await;
    let (_, proposed) = offers.proposed(1).await;
    let (_, offered) = offers.offered(2).await;
    let (_, withdrawn) = offers.proposed(3).await;
    once!(offers.world.office, withdraw_offer, offers.withdraw(&withdrawn));
    let nothing = uuid::Uuid::from_u128(7).to_string();
    let provider = &offers.world.provider;
    let words = |status: Status, id: &str| (told(&status), status.message().replace(id, "ID"));
    let mut answers = Vec::new();
    for id in [&nothing, &proposed, &withdrawn] {
        let start = offers.start_by(provider, id).await.unwrap_err();
        let object = provider.allocation().object_to_offer(offers.object(id)).await.unwrap_err();
        answers.push((words(start, id), words(object, id)));
    }
    assert_eq!(answers[0].0.0, not_found());
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    // What was an offer once is known to it.
    let early = offers.start_by(provider, &offered).await.unwrap_err();
    assert_eq!(told(&early), refused("WRONG_STATE"));
}

#[tokio::test]
async fn what_is_said_of_a_person_is_the_persons_own() {
    let offers = Offers::under(rules(), 1).await;
    let (_, offer_id) = offers.offered(1).await;
    once!(offers.world.provider, object_to_offer, offers.object(&offer_id));
    let text_at = "/events/0/OFFER_CHANGED/offer/objection/text";
    offers.text_is_sealed("OBJECT_TO_OFFER", text_at, &format!("offer/{offer_id}/objection")).await;
    once!(offers.world.office, resolve_objection, offers.resolve(&offer_id, false));
    let text_at = "/events/0/OFFER_CHANGED/offer/objection/resolution/text";
    let context = format!("offer/{offer_id}/resolution");
    offers.text_is_sealed("RESOLVE_OBJECTION", text_at, &context).await;
    offers.world.service.verify().await;
}
