//! A database with something of everything in it.

use tiltaksplass::proto::v1::*;

use crate::{
    plans::stage::plan_terms,
    staff_links::link,
    support::request_id,
    world::{PROVIDER, TRONDHEIM, World, date, join},
};

/// A ledger with one who is placed, one placed until a coming day, one offered, one
/// proposed, one who left with a proposal, some who wait, an approved plan, a pending submission,
/// names in other systems, case workers with a deputy, one of the staff who is known as a person,
/// and accesses.
pub async fn sample() -> World {
    sample_on(World::new().await).await
}

/// The same in this world.
pub async fn sample_on(world: World) -> World {
    let (ledger, group) = world.vta(5).await;
    for person in 1..=7 {
        let request = JoinWaitlistRequest {
            external_references: vec![ExternalReference {
                system: "arena".into(),
                id: person.to_string(),
            }],
            adviser_ident: if person % 2 == 0 { "Z990002".into() } else { String::new() },
            preferred_place_group_ids: if person >= 6 { vec![group.clone()] } else { Vec::new() },
            ..join(&ledger, person)
        };
        world.office.waitlist().join_waitlist(request).await.unwrap();
    }
    let deputy = ReassignAdviserRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        from_adviser_ident: "Z990002".into(),
        to_adviser_ident: "Z990003".into(),
        until_date: Some(date(2026, 5, 1)),
        ..ReassignAdviserRequest::default()
    };
    world.office.waitlist().reassign_adviser(deputy).await.unwrap();
    let run = world.allocate(&ledger, 5).await;
    let offers: Vec<String> = run.proposals.iter().map(|offer| offer.offer_id.clone()).collect();
    world.confirm(&ledger, offers[..3].to_vec()).await;
    let mut placements = Vec::new();
    for offer in &offers[..2] {
        world.respond(&ledger, offer, OfferAnswer::Accept).await.unwrap();
        placements.push(world.start(&ledger, offer, date(2026, 3, 2)).await);
    }
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placements[1].placement_id.clone(),
        end_date: Some(date(2026, 4, 1)),
        outcome: PlacementOutcome::Education.into(),
        ..EndPlacementRequest::default()
    };
    world.office.allocation().end_placement(end).await.unwrap();
    let leave = LeaveWaitlistRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: run.proposals[4].entry_id.clone(),
        reason: LeaveReason::Moved.into(),
        ..LeaveWaitlistRequest::default()
    };
    world.office.waitlist().leave_waitlist(leave).await.unwrap();
    world.agreed(plan_terms(date(2026, 6, 1))).await;
    let submission = SubmitCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        place_group_id: group,
        organisation_number: PROVIDER.into(),
        site_municipality_number: TRONDHEIM.into(),
        places: 9,
        valid_from_date: Some(date(2026, 6, 1)),
        ..SubmitCapacityRequest::default()
    };
    world.provider.capacity().submit_capacity(submission).await.unwrap();
    // Somebody who waits nowhere.
    link(&world, "Z990009", 9).await;
    read(&world, &ledger).await;
    world.service.verify().await;
    world
}

/// Reads what is written down: a list, and where each of those who wait stands.
async fn read(world: &World, ledger: &Ledger) {
    let list = ListWaitlistEntriesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let list = world.office.waitlist().list_waitlist_entries(list).await.unwrap().into_inner();
    for entry in list.entries {
        let position = GetPositionRequest {
            ledger: Some(ledger.clone()),
            entry_id: entry.entry_id,
            ..Default::default()
        };
        world.county.waitlist().get_position(position).await.unwrap();
    }
}
