//! Within an area: another municipality's queue, or only another office.

use super::*;

#[tokio::test]
async fn the_waiting_time_follows_into_the_other_municipalitys_queue() {
    let world = World::new().await;
    let ledger = vta();
    world.budget(&ledger, 4).await;
    world.quotas(&ledger, &[(TRONDHEIM, 2), (HEMNE, 2)]).await;
    let first = world.join(&ledger, 1).await;
    world.service.clock.advance(Duration::hours(1));
    let request = JoinWaitlistRequest {
        municipality_number: HEMNE.into(),
        following_office_number: HEMNE_OFFICE.into(),
        ..join(&ledger, 2)
    };
    let second = world.county.waitlist().join_waitlist(request).await.unwrap();
    let second = second.into_inner().entry_id;
    let before = entry(&world.service, &ledger, &first).await;
    assert_eq!(world.position(&ledger, &second).await.position_in_municipality, 1);
    let answer = transferred(&world.office, transfer(&ledger, &first, TO_HEMNE)).await.unwrap();
    let after = answer.entry.unwrap();
    assert_eq!((&*after.municipality_number, &*after.following_office_number), TO_HEMNE);
    assert_eq!(after.state(), EntryState::Waiting);
    assert_eq!(
        (after.registered_time, after.order_time),
        (before.registered_time, before.order_time)
    );
    assert_eq!((answer.to_revision, answer.withdrawn_offer), (None, None));
    assert_eq!(world.position(&ledger, &first).await.position_in_municipality, 1);
    assert_eq!(world.position(&ledger, &second).await.position_in_municipality, 2);
    // The office it left sees it no more.
    let refused = transferred(&world.office, transfer(&ledger, &first, TO_TRONDHEIM)).await;
    assert_eq!(told(&refused.unwrap_err()), is(Code::NotFound, "NOT_FOUND"));
    world.service.verify().await;
}

#[tokio::test]
async fn what_was_held_is_passed_on_in_the_same_row() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let moves = world.join(&ledger, 1).await;
    let next = world.join(&ledger, 2).await;
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0);
    world.confirm(&ledger, vec![offer.offer_id.clone()]).await;
    let request = transfer(&ledger, &moves, TO_HEMNE);
    let preview = TransferEntryRequest { validate_only: true, ..request.clone() };
    let preview = transferred(&world.office, preview).await.unwrap();
    let answer = transferred(&world.office, request).await.unwrap();
    assert_eq!(preview.entry, answer.entry);
    let withdrawn = answer.withdrawn_offer.unwrap();
    assert_eq!((&withdrawn.offer_id, withdrawn.state()), (&offer.offer_id, OfferState::Withdrawn));
    let [proposal] = &answer.proposals[..] else { panic!("{:?}", answer.proposals) };
    assert_eq!(proposal.entry_id, next);
    assert_eq!(answer.entry.unwrap().state(), EntryState::Waiting);
    world.service.verify().await;
}

#[tokio::test]
async fn another_office_only_leaves_the_offer() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let waits = world.join(&ledger, 1).await;
    world.allocate(&ledger, 1).await;
    let request = transfer(&ledger, &waits, (TRONDHEIM, HEMNE_OFFICE));
    let answer = transferred(&world.office, request).await.unwrap();
    let after = answer.entry.unwrap();
    assert_eq!(
        (after.state(), &*after.following_office_number),
        (EntryState::Proposed, HEMNE_OFFICE)
    );
    assert_eq!(answer.withdrawn_offer, None);
    // The same again changes nothing and is a row of its own.
    let again = transfer(&ledger, &waits, (TRONDHEIM, HEMNE_OFFICE));
    let again = transferred(&world.office, again).await.unwrap();
    assert_eq!(again.entry, Some(after));
    assert_eq!(again.revision.unwrap().seq, answer.revision.unwrap().seq + 1);
    world.service.verify().await;
}

#[tokio::test]
async fn who_has_a_place_or_moves_nowhere_is_refused() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let placed = world.join(&ledger, 1).await;
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    world.confirm(&ledger, vec![offer.clone()]).await;
    world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap();
    world.start(&ledger, &offer, date(2026, 3, 2)).await;
    let waits = world.join(&ledger, 2).await;
    for (entry_id, to, expected) in [
        (&placed, TO_HEMNE, "WRONG_STATE"),
        (&placed, TO_LEVANGER, "WRONG_STATE"),
        (&waits, ("9999", OFFICE), "REGISTRY_MISMATCH"),
        (&waits, (HEMNE, "9999"), "REGISTRY_MISMATCH"),
        (&waits, (LEVANGER, "9999"), "REGISTRY_MISMATCH"),
    ] {
        let refused = transferred(&world.county, transfer(&ledger, entry_id, to)).await;
        assert_eq!(told(&refused.unwrap_err()), is(Code::FailedPrecondition, expected));
    }
    assert_eq!(entry(&world.service, &ledger, &waits).await.state(), EntryState::Waiting);
    world.service.verify().await;
}
