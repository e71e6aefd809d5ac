//! `ListOffers` and `ListPlacements`: whose rows each role sees, where they stand, pages.

use super::*;
use crate::world::{OTHER_COUNTY, OTHER_PROVIDER, date};

fn offers_in(ledger: &Ledger, state: OfferState) -> ListOffersRequest {
    ListOffersRequest {
        ledger: Some(ledger.clone()),
        state: state.into(),
        ..ListOffersRequest::default()
    }
}

async fn offers(caller: &Caller, request: ListOffersRequest) -> Vec<String> {
    let page = caller.allocation().list_offers(request).await.unwrap().into_inner();
    page.offers.into_iter().map(|offer| offer.offer_id).collect()
}

async fn placements(caller: &Caller, request: ListPlacementsRequest) -> Vec<String> {
    let page = caller.allocation().list_placements(request).await.unwrap().into_inner();
    page.placements.into_iter().map(|placement| placement.placement_id).collect()
}

/// Six of Trondheim's with an offer in each state there is, and one proposed in Hemne.
struct Scene {
    world: World,
    ledger: Ledger,
    group: String,
    entries: Vec<String>,
    offers: Vec<String>,
    hemne: String,
    placement: String,
}

async fn scene() -> Scene {
    let (world, ledger, group) = two_municipalities([7, 1]).await;
    let mut entries = Vec::new();
    for person in 0..7 {
        entries.push(world.join(&ledger, person).await);
    }
    join_hemne(&world, &ledger, 9).await;
    let mut ids = Vec::new();
    for _ in 0..8 {
        // A millisecond apart, so that their ids stand in the order they were made.
        world.service.clock.advance(time::Duration::milliseconds(2));
        ids.push(world.allocate(&ledger, 1).await.proposals[0].offer_id.clone());
    }
    let hemne = ids.pop().unwrap();
    world.confirm(&ledger, ids[1..6].to_vec()).await;
    for (offer, answer) in [
        (&ids[2], OfferAnswer::Accept),
        (&ids[3], OfferAnswer::Decline),
        (&ids[4], OfferAnswer::Accept),
    ] {
        world.respond(&ledger, offer, answer).await.unwrap();
    }
    let placement = world.start(&ledger, &ids[4], date(2026, 3, 2)).await.placement_id;
    // One leaves with an offer, one with a mere proposal.
    left(&world.county, &ledger, &entries[5]).await;
    left(&world.county, &ledger, &entries[6]).await;
    Scene { world, ledger, group, entries, offers: ids, hemne, placement }
}

#[tokio::test]
async fn each_role_sees_its_own_offers() {
    let Scene { world, ledger, offers: ids, hemne: hemnes, .. } = scene().await;
    let hemne = hemne(&world).await;
    let other = world.service.caller(Role::Provider, OTHER_PROVIDER).await;
    let id = |n: usize| ids[n].clone();
    let none = Vec::new;
    let rows = [
        // state, county, office, Hemne's office, provider: the latest first.
        (
            OfferState::Unspecified,
            vec![hemnes.clone(), id(2), id(1), id(0)],
            vec![id(2), id(1), id(0)],
            vec![hemnes.clone()],
            vec![id(2), id(1)],
        ),
        (OfferState::Proposed, vec![hemnes.clone(), id(0)], vec![id(0)], vec![hemnes], none()),
        (OfferState::Offered, vec![id(1)], vec![id(1)], none(), vec![id(1)]),
        (OfferState::Accepted, vec![id(2)], vec![id(2)], none(), vec![id(2)]),
        (OfferState::Declined, vec![id(3)], vec![id(3)], none(), vec![id(3)]),
        (OfferState::Started, vec![id(4)], vec![id(4)], none(), vec![id(4)]),
        (OfferState::Withdrawn, vec![id(6), id(5)], vec![id(6), id(5)], none(), vec![id(5)]),
        (OfferState::Expired, none(), none(), none(), none()),
        (OfferState::Lapsed, none(), none(), none(), none()),
    ];
    for (state, county, office, of_hemne, provider) in rows {
        let request = offers_in(&ledger, state);
        assert_eq!(offers(&world.county, request.clone()).await, county, "{state:?}");
        assert_eq!(offers(&world.office, request.clone()).await, office, "{state:?}");
        assert_eq!(offers(&hemne, request.clone()).await, of_hemne, "{state:?}");
        assert_eq!(offers(&world.provider, request.clone()).await, provider, "{state:?}");
        assert_eq!(offers(&other, request).await, none(), "{state:?}");
    }
    // By time, what was offered expires and what was proposed lapses.
    world.service.clock.advance(time::Duration::days(20));
    let county = world.service.caller(Role::County, COUNTY).await;
    let provider = world.service.caller(Role::Provider, crate::world::PROVIDER).await;
    let request = leave(&ledger, &nothing());
    county.waitlist().leave_waitlist(request).await.unwrap_err();
    let worker = tiltaksplass::proto::v1::AllocatePlacesRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        ..Default::default()
    };
    county.allocation().allocate_places(worker).await.unwrap();
    for (caller, state, expected) in [
        (&county, OfferState::Expired, vec![id(1)]),
        (&provider, OfferState::Expired, vec![id(1)]),
        (&provider, OfferState::Lapsed, none()),
    ] {
        assert_eq!(offers(caller, offers_in(&ledger, state)).await, expected, "{state:?}");
    }
    assert_eq!(offers(&county, offers_in(&ledger, OfferState::Lapsed)).await.len(), 2);
}

#[tokio::test]
async fn each_role_sees_its_own_placements() {
    let Scene { world, ledger, placement, .. } = scene().await;
    let other = world.service.caller(Role::Provider, OTHER_PROVIDER).await;
    let running = ListPlacementsRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let ended = ListPlacementsRequest { state: PlacementState::Ended.into(), ..running.clone() };
    for caller in [&world.county, &world.office, &world.provider] {
        assert_eq!(placements(caller, running.clone()).await, std::slice::from_ref(&placement));
        assert!(placements(caller, ended.clone()).await.is_empty());
    }
    for caller in [&hemne(&world).await, &other] {
        assert!(placements(caller, running.clone()).await.is_empty());
    }
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement.clone(),
        end_date: Some(date(2026, 3, 5)),
        outcome: PlacementOutcome::Education.into(),
        ..EndPlacementRequest::default()
    };
    let set = world.provider.allocation().end_placement(end.clone()).await.unwrap().into_inner();
    let request = ListPlacementsRequest { state: PlacementState::Ending.into(), ..running.clone() };
    let page = world.provider.allocation().list_placements(request).await.unwrap().into_inner();
    assert_eq!(page.placements, [set.placement.unwrap()]);
    assert_eq!(placements(&world.office, running.clone()).await.len(), 1);
    let now =
        EndPlacementRequest { request_id: request_id(), end_date: Some(date(2026, 3, 2)), ..end };
    world.office.allocation().end_placement(now).await.unwrap();
    assert!(placements(&world.office, running).await.is_empty());
    assert_eq!(placements(&world.provider, ended).await, [placement]);
}

#[tokio::test]
async fn filters_narrow_and_pages_follow_each_other() {
    let Scene { world, ledger, group, entries, offers: ids, .. } = scene().await;
    let all = offers_in(&ledger, OfferState::Unspecified);
    let of_entry = ListOffersRequest { entry_id: entries[1].clone(), ..all.clone() };
    assert_eq!(offers(&world.office, of_entry).await, [ids[1].clone()]);
    let in_group = ListOffersRequest { place_group_id: group.clone(), ..all.clone() };
    assert_eq!(offers(&world.office, in_group).await.len(), 3);
    let elsewhere = ListOffersRequest { place_group_id: nothing(), ..all.clone() };
    assert!(offers(&world.office, elsewhere).await.is_empty());
    let of_entry = ListPlacementsRequest {
        ledger: Some(ledger.clone()),
        entry_id: entries[4].clone(),
        place_group_id: group,
        ..ListPlacementsRequest::default()
    };
    assert_eq!(placements(&world.provider, of_entry).await.len(), 1);
    let mut seen = Vec::new();
    let mut request = ListOffersRequest { page_size: 1, ..all.clone() };
    loop {
        let page = world.office.allocation().list_offers(request.clone()).await.unwrap();
        let page = page.into_inner();
        assert_eq!((page.offers.len(), page.revisions.len()), (1, 1));
        seen.push(page.offers[0].offer_id.clone());
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, offers(&world.office, all.clone()).await);
    // A token is good for its own arguments.
    let invalid = is(Code::InvalidArgument, "PAGE_TOKEN_INVALID");
    let other = ListOffersRequest { state: OfferState::Offered.into(), ..request.clone() };
    for request in [other, ListOffersRequest { page_token: "x".into(), ..all }] {
        let refused = world.office.allocation().list_offers(request).await.unwrap_err();
        assert_eq!(told(&refused), invalid);
    }
}

#[tokio::test]
async fn what_is_refused_and_what_is_written_down() {
    let (world, ledger, _) = two_municipalities([1, 1]).await;
    let entry_id = world.join(&ledger, 1).await;
    world.allocate(&ledger, 1).await;
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    let all = offers_in(&ledger, OfferState::Unspecified);
    let placed = ListPlacementsRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    for request in [
        ListOffersRequest { ledger: None, ..all.clone() },
        ListOffersRequest { state: 99, ..all.clone() },
        ListOffersRequest { entry_id: "x".into(), ..all.clone() },
        ListOffersRequest { page_size: -1, ..all.clone() },
    ] {
        let refused = world.county.allocation().list_offers(request).await.unwrap_err();
        assert_eq!(told(&refused), invalid);
    }
    let nowhere = Ledger { measure_code: "INGEN".into(), ..ledger.clone() };
    let request = ListOffersRequest { ledger: Some(nowhere), ..all.clone() };
    let refused = world.county.allocation().list_offers(request).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::NotFound, "LEDGER_NOT_FOUND"));
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    let refused = other.allocation().list_offers(all.clone()).await.unwrap_err();
    assert_eq!(told(&refused), denied);
    let refused = other.allocation().list_placements(placed.clone()).await.unwrap_err();
    assert_eq!(told(&refused), denied);
    offers(&world.office, all).await;
    placements(&world.provider, placed).await;
    let row = |organisation: &str, method: &str, entries: &[&String], permitted| Access {
        organisation: organisation.into(),
        method: method.into(),
        purpose: "test".into(),
        entries: entries.iter().map(|id| (*id).clone()).collect(),
        people: 0,
        permitted,
    };
    let expected = [
        row(OTHER_COUNTY, "ListOffers", &[], false),
        row(OTHER_COUNTY, "ListPlacements", &[], false),
        row("5701", "ListOffers", &[&entry_id], true),
        row(crate::world::PROVIDER, "ListPlacements", &[], true),
    ];
    assert_eq!(accesses(&mut world.service.sql().await).await, expected);
}
