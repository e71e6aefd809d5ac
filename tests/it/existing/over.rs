//! What comes in may be over; nobody is put out, and nothing new is given until it fits.

use tiltaksplass::proto::v1::*;

use super::{accepted, end, import, offered, placed, placements, send, usage, waiting};
use crate::world::{World, date};

#[tokio::test]
async fn what_is_over_is_told_and_gives_nothing_until_it_fits() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    let mut rows: Vec<ExistingRow> = (1..=3).map(|person| placed(person, &group)).collect();
    rows.push(offered(4, &group));
    rows.push(accepted(5, &group));
    rows.push(waiting(6));
    let answer = send(&world.county, import(&ledger, rows)).await.unwrap();
    assert_eq!(answer.over_accounts.len(), 2, "the group and the quota: {answer:?}");
    for account in &answer.over_accounts {
        assert_eq!(account.usage.as_ref().unwrap().over_percent, 300);
    }
    assert_eq!(usage(&world, &ledger, &group).await, (200, 300, 0, 300));
    assert!(world.allocate(&ledger, 9).await.proposals.is_empty());
    world.service.verify().await;

    // What came in goes on as if it had begun here, while it is over.
    let request = ListOffersRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let offers = world.county.allocation().list_offers(request).await.unwrap().into_inner().offers;
    let of = |state: OfferState| {
        offers.iter().find(|offer| offer.state() == state).unwrap().offer_id.clone()
    };
    world.start(&ledger, &of(OfferState::Accepted), date(2026, 3, 2)).await;
    assert_eq!(usage(&world, &ledger, &group).await, (100, 400, 0, 300));
    let answer = OfferAnswer::Decline;
    world.respond(&ledger, &of(OfferState::Offered), answer).await.unwrap();
    assert_eq!(usage(&world, &ledger, &group).await, (0, 400, 0, 200));
    for left in [3, 2] {
        let placement = placements(&world, &ledger).await.remove(0);
        end(&world, &ledger, &placement.placement_id).await;
        let (_, in_use, free, _) = usage(&world, &ledger, &group).await;
        assert_eq!((in_use, free), (left * 100, 0));
        assert!(world.allocate(&ledger, 9).await.proposals.is_empty());
    }
    let placement = placements(&world, &ledger).await.remove(0);
    end(&world, &ledger, &placement.placement_id).await;
    assert_eq!(world.allocate(&ledger, 9).await.proposals.len(), 1);
    assert_eq!(usage(&world, &ledger, &group).await, (100, 100, 0, 0));
    world.service.verify().await;
}

/// An offer with a deadline to come expires like any other, and its place is passed on.
#[tokio::test]
async fn an_offer_that_came_in_expires_by_time() {
    let world = World::new().await;
    let (ledger, group) = world.vta(1).await;
    let rows = vec![offered(1, &group), waiting(2)];
    send(&world.county, import(&ledger, rows)).await.unwrap();
    world.service.clock.advance(time::Duration::days(8));
    let county = world.service.caller(tiltaksplass::domain::access::Role::County, "NO-16").await;
    let request = AllocatePlacesRequest {
        request_id: crate::support::request_id(),
        ledger: Some(ledger.clone()),
        max_proposals: 9,
        ..AllocatePlacesRequest::default()
    };
    county.allocation().allocate_places(request).await.unwrap();
    let request = ListOffersRequest {
        ledger: Some(ledger.clone()),
        state: OfferState::Proposed.into(),
        ..Default::default()
    };
    let proposed = county.allocation().list_offers(request).await.unwrap().into_inner().offers;
    assert_eq!(proposed.len(), 1);
    world.service.verify().await;
}
