//! `PlacePerson`, and `StartPlacement` without an offer.

use super::*;
use crate::world::TRONDHEIM;

fn direct() -> MeasureRules {
    MeasureRules { direct_start: true, ..rules() }
}

fn start(offers: &Offers, entry_id: &str) -> StartPlacementRequest {
    StartPlacementRequest {
        request_id: request_id(),
        ledger: Some(offers.ledger.clone()),
        start_date: Some(date(2026, 3, 2)),
        entry_id: entry_id.into(),
        place_group_id: offers.group.clone(),
        ..StartPlacementRequest::default()
    }
}

#[tokio::test]
async fn a_named_person_has_an_offer_at_once() {
    let offers = Offers::under(rules(), 1).await;
    let first = offers.world.join(&offers.ledger, 1).await;
    let named = offers.world.join(&offers.ledger, 2).await;
    let answer = once!(offers.world.county, place_person, offers.place(&named));
    let offer = answer.offer.unwrap();
    assert_eq!((offer.entry_id.as_str(), offer.state()), (&named[..], OfferState::Offered));
    assert_eq!(offer.out_of_turn_reason(), OutOfTurnReason::Health);
    assert!(offer.answer_by_time.is_some() && offer.object_by_time.is_some());
    assert_eq!(offers.reserved().await, 100);
    let position = offers.world.position(&offers.ledger, &first).await;
    assert_eq!((position.state(), position.position_in_area), (EntryState::Waiting, 1));
    // Why is not told to the provider: it may say something of the person's health.
    let shown = offers.listed(&offers.world.provider, OfferState::Offered).await;
    assert_eq!(shown[0].offer_id, offer.offer_id);
    assert_eq!(shown[0].out_of_turn_reason(), OutOfTurnReason::Unspecified);
    let shown = offers.listed(&offers.world.office, OfferState::Offered).await;
    assert_eq!(shown[0].out_of_turn_reason(), OutOfTurnReason::Health);
    offers.accept(&offer.offer_id).await.unwrap();
    offers.start_by(&offers.world.provider, &offer.offer_id).await.unwrap();
    let full = offers.world.county.allocation().place_person(offers.place(&first)).await;
    let full = full.unwrap_err();
    assert_eq!(told(&full), refused("NO_ROOM"));
    assert_eq!(
        (said(&full, "free_percent"), said(&full, "needed_percent")),
        ("0".into(), "100".into())
    );
    let placed = offers.world.county.allocation().place_person(offers.place(&named)).await;
    let placed = placed.unwrap_err();
    assert_eq!((told(&placed), said(&placed, "state")), (refused("WRONG_STATE"), "PLACED".into()));
    offers.world.service.verify().await;
}

#[tokio::test]
async fn why_somebody_goes_out_of_turn_is_the_persons_own() {
    let offers = Offers::under(rules(), 1).await;
    let named = offers.world.join(&offers.ledger, 1).await;
    once!(offers.world.county, place_person, offers.place(&named));
    let text_at = "/events/0/PROPOSED/offer/out_of_turn/text";
    let context = format!("entry/{named}/out_of_turn");
    offers.text_is_sealed("PLACE_PERSON", text_at, &context).await;
    offers.world.service.verify().await;
}

#[tokio::test]
async fn only_the_county_chooses_somebody_and_says_why() {
    let offers = Offers::under(rules(), 1).await;
    let named = offers.world.join(&offers.ledger, 1).await;
    let Askers { hemne, other_county, .. } = offers.askers().await;
    let world = &offers.world;
    asked!(place_person, offers.place(&named), [
        world.county => Ok(()),
        world.office => Err(denied()),
        hemne => Err(denied()),
        other_county => Err(denied()),
        world.provider => Err(denied()),
    ]);
    let nothing = uuid::Uuid::from_u128(7).to_string();
    let nowhere = PlacePersonRequest { place_group_id: nothing.clone(), ..offers.place(&named) };
    let wordless = PlacePersonRequest { reason_text: String::new(), ..offers.place(&named) };
    let reasonless = PlacePersonRequest { reason: 0, ..offers.place(&named) };
    asked!(place_person, offers.place(&nothing), [world.county => Err(not_found())]);
    asked!(place_person, nowhere, [world.county => Err(not_found())]);
    asked!(place_person, wordless, [world.county => Err(invalid())]);
    asked!(place_person, reasonless, [world.county => Err(invalid())]);
    assert_eq!(offers.reserved().await, 0);
}

#[tokio::test]
async fn the_first_in_the_queue_begins_without_an_offer_where_the_type_lets_them() {
    let offers = Offers::under(direct(), 2).await;
    let first = offers.world.join(&offers.ledger, 1).await;
    let second = offers.world.join(&offers.ledger, 2).await;
    let third = offers.world.join(&offers.ledger, 3).await;
    let early = offers.world.office.allocation().start_placement(start(&offers, &second)).await;
    assert_eq!(told(&early.unwrap_err()), refused("NOT_FIRST"));
    let answer = once!(offers.world.office, start_placement, start(&offers, &first));
    let placement = answer.placement.unwrap();
    assert_eq!((placement.entry_id.as_str(), placement.offer_id.as_str()), (&first[..], ""));
    assert_eq!(
        (placement.state(), &placement.municipality_number[..]),
        (PlacementState::Running, TRONDHEIM)
    );
    once!(offers.world.county, start_placement, start(&offers, &second));
    let full = offers.world.office.allocation().start_placement(start(&offers, &third)).await;
    assert_eq!(told(&full.unwrap_err()), refused("NO_ROOM"));
    let again = offers.world.office.allocation().start_placement(start(&offers, &first)).await;
    assert_eq!(told(&again.unwrap_err()), refused("WRONG_STATE"));
    let usage = offers.world.availability(&offers.ledger).await.places.unwrap();
    assert_eq!((usage.reserved_percent, usage.in_use_percent), (0, 200));
    offers.world.service.verify().await;
    let bound = Offers::under(rules(), 1).await;
    let entry_id = bound.world.join(&bound.ledger, 1).await;
    let by_rule = bound.world.office.allocation().start_placement(start(&bound, &entry_id)).await;
    assert_eq!(told(&by_rule.unwrap_err()), refused("MEASURE_TYPE_RULE"));
}

#[tokio::test]
async fn a_start_is_by_an_offer_or_without_one_and_a_provider_needs_one() {
    let offers = Offers::under(direct(), 1).await;
    let (_, offer_id) = offers.offered(1).await;
    let waits = offers.world.join(&offers.ledger, 2).await;
    let Askers { hemne, other_county, .. } = offers.askers().await;
    let world = &offers.world;
    let request = start(&offers, &waits);
    let both = StartPlacementRequest { offer_id: offer_id.clone(), ..request.clone() };
    let neither = StartPlacementRequest {
        entry_id: String::new(),
        place_group_id: String::new(),
        ..request.clone()
    };
    let nowhere = StartPlacementRequest { place_group_id: String::new(), ..request.clone() };
    let nobody = StartPlacementRequest { entry_id: String::new(), ..request.clone() };
    asked!(start_placement, both, [world.office => Err(invalid())]);
    asked!(start_placement, neither, [world.office => Err(invalid())]);
    asked!(start_placement, nowhere, [world.office => Err(invalid())]);
    asked!(start_placement, nobody, [world.office => Err(invalid())]);
    // The only place is held: whoever may ask is told so.
    asked!(start_placement, request, [
        world.office => Err(refused("NO_ROOM")),
        world.county => Err(refused("NO_ROOM")),
        hemne => Err(not_found()),
        other_county => Err(denied()),
        world.provider => Err(not_found()),
    ]);
    offers.world.service.verify().await;
}
