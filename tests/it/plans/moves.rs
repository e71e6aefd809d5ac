//! What a plan makes of places that become free or are new: in the row that frees them, through
//! the port.

use super::*;
use crate::{
    support::request_id,
    world::{HEMNE_OFFICE, identity, join},
};

/// Today.
fn today() -> tiltaksplass::proto::google::r#type::Date {
    date(2026, 3, 2)
}

/// Six places, all of which are Trondheim's by its people; it has three, and Hemne has three.
async fn halves() -> World {
    let world = World::new().await;
    world.budget(&vta(), 6).await;
    world.quotas(&vta(), &[(TRONDHEIM, 3), (HEMNE, 3)]).await;
    world.place_group(&vta(), 20).await;
    world
}

async fn held(world: &World) -> [u32; 2] {
    let [(_, trondheim), (_, hemne)] = &world.quota_places().await[..] else { panic!("two") };
    [*trondheim, *hemne]
}

#[tokio::test]
async fn whole_places_that_are_freed_or_new_go_where_the_plan_says() {
    let world = halves().await;
    let placements = world.placed(HEMNE, &[(1, 100), (2, 50), (3, 50), (4, 100)]).await;
    // Without a plan it stays, and is somebody's of Hemne again.
    world.end(&placements[3], today()).await;
    assert_eq!(held(&world).await, [3, 3]);
    let request = JoinWaitlistRequest {
        national_identity_number: identity(5),
        municipality_number: HEMNE.into(),
        following_office_number: HEMNE_OFFICE.into(),
        ..join(&vta(), 5)
    };
    world.county.waitlist().join_waitlist(request).await.unwrap();
    let offer = world.allocate(&vta(), 1).await.proposals.remove(0).offer_id;
    let request = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        offer_ids: vec![offer.clone()],
        ..ConfirmProposalsRequest::default()
    };
    world.county.allocation().confirm_proposals(request).await.unwrap();
    let plan = world.agreed(from_today()).await;
    assert_eq!((plan.state(), plan.distance_places, plan.moved_places), (PlanState::Active, 3, 0));
    // What an offer gives back is not freed.
    world.answer(&offer, OfferAnswer::Decline).await;
    assert_eq!(held(&world).await, [3, 3]);
    // Half a place is none; with the other half it is one, in the row that ends it.
    world.end(&placements[1], today()).await;
    assert_eq!(held(&world).await, [3, 3]);
    world.end(&placements[2], today()).await;
    assert_eq!(held(&world).await, [4, 2]);
    let seen = get(&world.county, &plan.plan_id).await.unwrap();
    assert_eq!((seen.moved_places, seen.remaining_places), (1, 2));
    // What the budget rises by is new, and the targets are other ones.
    // What has stood free since the offer was declined goes by those.
    world.budget(&vta(), 8).await;
    assert_eq!(held(&world).await, [7, 1]);
    let seen = get(&world.county, &plan.plan_id).await.unwrap();
    assert_eq!((seen.place_budget, seen.moved_places, seen.remaining_places), (8, 2, 1));
    let of = |area: &PlanArea| (area.target_places, area.given_places, area.got_places);
    assert_eq!(seen.areas.iter().map(of).collect::<Vec<_>>(), [(8, 0, 4), (0, 2, 0)]);
    world.end(&placements[0], today()).await;
    assert_eq!(held(&world).await, [8, 0]);
    // Nothing that moved is taken back, and nobody in it is put out.
    world.budget(&vta(), 4).await;
    assert_eq!(held(&world).await, [8, 0]);
    world.service.verify().await;
}

#[tokio::test]
async fn the_feed_tells_plans_and_where_places_went() {
    let world = halves().await;
    let placements = world.placed(HEMNE, &[(1, 100), (2, 100), (3, 100)]).await;
    let plan_id = world.agreed(from_today()).await.plan_id;
    world.end(&placements[0], today()).await;
    let request =
        ListChangesRequest { ledger: Some(vta()), page_size: 500, ..ListChangesRequest::default() };
    let changes = world.service.caller(Role::Auditor, "Riksrevisjonen").await;
    let changes = changes.change().list_changes(request).await.unwrap().into_inner().changes;
    let kinds: Vec<&str> = changes.iter().map(|change| change.kind.as_str()).collect();
    let planned: Vec<&&str> = kinds.iter().filter(|kind| kind.ends_with("_PLAN")).collect();
    assert_eq!(planned, [&"PROPOSE_PLAN", &"COMMENT_PLAN", &"COMMENT_PLAN", &"APPROVE_PLAN"]);
    let payload = |kind: &str| {
        let change = changes.iter().rev().find(|change| change.kind == kind).unwrap();
        serde_json::from_slice::<serde_json::Value>(&change.payload).unwrap()["events"].clone()
    };
    let begun = payload("APPROVE_PLAN");
    assert_eq!(begun[1]["PLAN_BEGUN"]["plan"]["plan_id"], plan_id);
    assert_eq!(begun[1]["PLAN_BEGUN"]["plan"]["distance"], 3);
    let ended = payload("END_PLACEMENT");
    let went = ended.as_array().unwrap().iter().find_map(|event| event.get("REDIRECTED")).unwrap();
    let went = &went["redirected"];
    assert_eq!(
        (&went["from_municipality"], &went["to_municipality"]),
        (&HEMNE.into(), &TRONDHEIM.into())
    );
    assert_eq!((&went["plan_id"], &went["remaining"]), (&plan_id.into(), &2.into()));
    let claim = &went["claim"];
    assert_eq!(
        (&claim["weight"], &claim["held"], &claim["target"]),
        (&173_486.into(), &3.into(), &6.into())
    );
    world.service.verify().await;
}
