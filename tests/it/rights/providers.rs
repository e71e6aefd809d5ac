//! Whom a provider is told of: who was offered to it, from the offer on; no more of them than it
//! needs, and no longer.

use prost::Message as _;
use tiltaksplass::{
    domain::access::{KNOWN_AFTER_END_DAYS, Role},
    proto::v1::*,
};
use time::Duration;
use tonic::{Code, Status};

use super::said;
use crate::{
    support::{Caller, reason, request_id},
    world::{OTHER_PROVIDER, PROVIDER, World, date, identity, join, vta},
};

/// A ledger where one is placed, one has said yes, one is asked, one is proposed and one waits.
struct Scene {
    world: World,
    ledger: Ledger,
    entries: Vec<String>,
    offers: Vec<String>,
    placement: String,
}

const PLACED: usize = 0;
const ACCEPTED: usize = 1;
const OFFERED: usize = 2;
const PROPOSED: usize = 3;
const WAITING: usize = 4;

async fn scene() -> Scene {
    let world = World::new().await;
    let (ledger, group) = world.vta(4).await;
    let mut entries = Vec::new();
    for person in 1..=5 {
        let request = JoinWaitlistRequest {
            priority_class: "FIRST".into(),
            priority_ground: "helse".into(),
            adviser_ident: "Z990001".into(),
            preferred_place_group_ids: vec![group.clone()],
            ..join(&ledger, person)
        };
        let joined = world.county.waitlist().join_waitlist(request).await.unwrap();
        entries.push(joined.into_inner().entry_id);
    }
    let run = world.allocate(&ledger, 4).await;
    let offers: Vec<String> = run.proposals.iter().map(|offer| offer.offer_id.clone()).collect();
    world.confirm(&ledger, offers[..3].to_vec()).await;
    for offer in &offers[..2] {
        world.respond(&ledger, offer, OfferAnswer::Accept).await.unwrap();
    }
    let placement = world.start(&ledger, &offers[PLACED], date(2026, 3, 2)).await.placement_id;
    Scene { world, ledger, entries, offers, placement }
}

impl Scene {
    async fn ask(&self, who: &Caller, entry: &str) -> Result<GetWaitlistEntryResponse, Status> {
        let request = GetWaitlistEntryRequest {
            ledger: Some(self.ledger.clone()),
            entry_id: entry.into(),
            with_person: true,
            purpose: "oppmøte".into(),
            ..GetWaitlistEntryRequest::default()
        };
        who.waitlist().get_waitlist_entry(request).await.map(tonic::Response::into_inner)
    }

    /// It answers like an entry that is not there, in each word but the id.
    async fn is_not_there(&self, who: &Caller, entry: &str) {
        let nothing = "01980000-0000-7000-8000-000000000001";
        let refused = self.ask(who, entry).await.unwrap_err();
        let missing = self.ask(who, nothing).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "NOT_FOUND".to_owned()));
        assert_eq!(said(&refused, entry), said(&missing, nothing));
    }

    async fn provider(&self) -> Caller {
        self.world.service.caller(Role::Provider, PROVIDER).await
    }
}

/// Exactly this, and nothing else of the person or of the queue.
#[tokio::test]
async fn a_provider_sees_who_is_coming_and_nothing_more() {
    let scene = scene().await;
    let known = [
        (PLACED, EntryState::Placed),
        (ACCEPTED, EntryState::Accepted),
        (OFFERED, EntryState::Offered),
    ];
    for (index, state) in known {
        let answer = scene.ask(&scene.world.provider, &scene.entries[index]).await.unwrap();
        let entry = WaitlistEntry {
            entry_id: scene.entries[index].clone(),
            state: state.into(),
            following_office_number: "5701".into(),
            participation_percent: 100,
            ..WaitlistEntry::default()
        };
        assert_eq!(answer.entry.as_ref(), Some(&entry));
        let person = EntryPerson {
            national_identity_number: identity(u32::try_from(index).unwrap() + 1),
            ..EntryPerson::default()
        };
        assert_eq!(answer.person.as_ref(), Some(&person));
        let offer = answer.offer.map(|offer| (offer.offer_id, offer.proposed_time));
        let placement = answer.placement.map(|placement| placement.placement_id);
        if index == PLACED {
            assert_eq!((offer, placement), (None, Some(scene.placement.clone())));
        } else {
            assert_eq!((offer, placement), (Some((scene.offers[index].clone(), None)), None));
        }
    }
    // The office is told more of the same person.
    let office = scene.ask(&scene.world.office, &scene.entries[OFFERED]).await.unwrap();
    let person = office.person.unwrap();
    assert_eq!((person.priority_ground.as_str(), &*person.adviser_ident), ("helse", "Z990001"));
    scene.world.service.verify().await;
}

#[tokio::test]
async fn who_it_is_is_told_for_a_purpose_only_and_written_down() {
    let scene = scene().await;
    let request = GetWaitlistEntryRequest {
        ledger: Some(scene.ledger.clone()),
        entry_id: scene.entries[OFFERED].clone(),
        ..GetWaitlistEntryRequest::default()
    };
    let mut provider = scene.world.provider.saying(&[]).waitlist();
    let answer = provider.get_waitlist_entry(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.person, None);
    let nameless = GetWaitlistEntryRequest { with_person: true, ..request };
    let refused = provider.get_waitlist_entry(nameless).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    scene.ask(&scene.world.provider, &scene.entries[OFFERED]).await.unwrap();
    scene.is_not_there(&scene.world.provider, &scene.entries[WAITING]).await;
    let written: Vec<(String, i32, bool)> = sqlx::query_as(
        "SELECT purpose, cardinality(person_ids), permitted FROM access_log \
         WHERE organisation = $1 AND method = 'GetWaitlistEntry' ORDER BY access_id",
    )
    .bind(PROVIDER)
    .fetch_all(&mut scene.world.service.sql().await)
    .await
    .unwrap();
    let of_provider: Vec<_> = written
        .iter()
        .map(|(purpose, people, permitted)| (&**purpose, *people, *permitted))
        .collect();
    let expected =
        [("", 0, true), ("oppmøte", 1, true), ("oppmøte", 0, false), ("oppmøte", 0, false)];
    assert_eq!(of_provider, expected);
}

#[tokio::test]
async fn who_waits_or_is_only_proposed_or_is_anothers_is_not_there() {
    let scene = scene().await;
    for index in [PROPOSED, WAITING] {
        scene.is_not_there(&scene.world.provider, &scene.entries[index]).await;
    }
    let other = scene.world.service.caller(Role::Provider, OTHER_PROVIDER).await;
    for entry in &scene.entries {
        scene.is_not_there(&other, entry).await;
    }
}

#[tokio::test]
async fn whoever_says_no_or_is_withdrawn_is_not_known_any_more() {
    let scene = scene().await;
    let (offered, accepted) = (&scene.entries[OFFERED], &scene.entries[ACCEPTED]);
    let decline = OfferAnswer::Decline;
    scene.world.respond(&scene.ledger, &scene.offers[OFFERED], decline).await.unwrap();
    scene.is_not_there(&scene.world.provider, offered).await;
    let request = WithdrawOfferRequest {
        request_id: request_id(),
        ledger: Some(scene.ledger.clone()),
        offer_id: scene.offers[ACCEPTED].clone(),
        reason: "feil".into(),
        ..WithdrawOfferRequest::default()
    };
    scene.world.office.allocation().withdraw_offer(request).await.unwrap();
    scene.is_not_there(&scene.world.provider, accepted).await;
    // In its lists they count, without whose they were; and nobody finds them by an entry.
    for (state, offer, entry) in [
        (OfferState::Declined, &scene.offers[OFFERED], offered),
        (OfferState::Withdrawn, &scene.offers[ACCEPTED], accepted),
    ] {
        let all = ListOffersRequest {
            ledger: Some(scene.ledger.clone()),
            state: state.into(),
            ..ListOffersRequest::default()
        };
        let by_entry = ListOffersRequest { entry_id: entry.clone(), ..all.clone() };
        let mut provider = scene.world.provider.allocation();
        let listed = provider.list_offers(all).await.unwrap().into_inner().offers;
        let [one] = &listed[..] else { panic!("{listed:?}") };
        assert_eq!((&one.offer_id, one.entry_id.as_str()), (offer, ""));
        assert!(provider.list_offers(by_entry).await.unwrap().into_inner().offers.is_empty());
    }
}

#[tokio::test]
async fn an_ended_placement_is_known_for_thirty_days_and_no_longer() {
    let scene = scene().await;
    let request = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(scene.ledger.clone()),
        placement_id: scene.placement.clone(),
        end_date: Some(date(2026, 3, 2)),
        outcome: PlacementOutcome::Ill.into(),
        ..EndPlacementRequest::default()
    };
    let mut provider = scene.world.provider.allocation();
    let ended = provider.end_placement(request).await.unwrap().into_inner().placement.unwrap();
    assert_eq!(ended.outcome(), PlacementOutcome::Unspecified);
    let list = ListPlacementsRequest {
        ledger: Some(scene.ledger.clone()),
        state: PlacementState::Ended.into(),
        ..ListPlacementsRequest::default()
    };
    let by_entry =
        ListPlacementsRequest { entry_id: scene.entries[PLACED].clone(), ..list.clone() };
    for (days, is_known) in [(KNOWN_AFTER_END_DAYS - 1, true), (1, false)] {
        scene.world.service.clock.advance(Duration::days(days));
        let provider = scene.provider().await;
        let listed = async |request: &ListPlacementsRequest| {
            let page = provider.allocation().list_placements(request.clone()).await.unwrap();
            page.into_inner().placements
        };
        let all = listed(&list).await;
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].entry_id == scene.entries[PLACED], is_known);
        assert_eq!(all[0].entry_id.is_empty(), !is_known);
        assert_eq!(listed(&by_entry).await.len(), usize::from(is_known));
        if is_known {
            let answer = scene.ask(&provider, &scene.entries[PLACED]).await.unwrap();
            assert_eq!(answer.entry.unwrap().state(), EntryState::Closed);
        } else {
            scene.is_not_there(&provider, &scene.entries[PLACED]).await;
        }
    }
}

/// Another provider's offer to the same person stands in no answer to this one.
#[tokio::test]
async fn another_providers_offers_are_not_told_of() {
    let scene = scene().await;
    let answer = scene.ask(&scene.world.provider, &scene.entries[ACCEPTED]).await.unwrap();
    let bytes = answer.encode_to_vec();
    let text = String::from_utf8_lossy(&bytes);
    for offer in [PLACED, OFFERED, PROPOSED].map(|index| &scene.offers[index]) {
        assert!(!text.contains(offer.as_str()));
    }
    assert_eq!(scene.ledger, vta());
}
