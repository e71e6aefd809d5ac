//! `MoveQuota`, through the port: whole places become another municipality's, with a reason, and
//! nobody is put out by it.

use prost::Message;
use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::{Code, Status};

use crate::{
    support::{Caller, reason, request_id},
    world::{
        HEMNE, LEVANGER, OTHER_COUNTY, TRONDHEIM, World, avklaring, date, identity, join, vta,
    },
};

fn asking(places: u32) -> MoveQuotaRequest {
    MoveQuotaRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        from_municipality_number: TRONDHEIM.into(),
        to_municipality_number: HEMNE.into(),
        places,
        valid_from_date: Some(date(2026, 3, 2)),
        reason: "Enige kommuner".into(),
        case_reference: "2026/7".into(),
        ..MoveQuotaRequest::default()
    }
}

async fn move_quota(
    caller: &Caller,
    request: MoveQuotaRequest,
) -> Result<MoveQuotaResponse, Status> {
    Ok(caller.fair_share().move_quota(request).await?.into_inner())
}

async fn list(world: &World, request: ListQuotasRequest) -> ListQuotasResponse {
    let request = ListQuotasRequest { ledger: Some(vta()), ..request };
    world.county.fair_share().list_quotas(request).await.unwrap().into_inner()
}

/// Trondheim's quota of so many places, all in use, and Hemne's of one.
async fn in_use(places: u32) -> World {
    let world = World::new().await;
    world.budget(&vta(), places + 1).await;
    world.quotas(&vta(), &[(TRONDHEIM, places), (HEMNE, 1)]).await;
    world.place_group(&vta(), places + 1).await;
    for person in 1..=places {
        world.join(&vta(), person).await;
    }
    let offers = world.propose(&vta(), places).await;
    for offer in world.confirm_all(&vta(), &offers).await {
        world.respond(&vta(), &offer.offer_id, OfferAnswer::Accept).await.unwrap();
        world.start(&vta(), &offer.offer_id, date(2026, 3, 2)).await;
    }
    world
}

/// Municipality, own places, what its account may use, and what is over.
fn figures(answer: &ListQuotasResponse) -> Vec<(String, u32, i64, i64)> {
    let of_one = |one: &QuotaInPeriod| {
        let (quota, usage) = (one.quota.clone().unwrap(), one.usage.clone().unwrap_or_default());
        (quota.municipality_number, quota.places, usage.total_percent, usage.over_percent)
    };
    answer.quotas.iter().map(of_one).collect()
}

fn row(number: &str, places: u32, over: i64) -> (String, u32, i64, i64) {
    (number.to_owned(), places, i64::from(places) * 100, over)
}

#[tokio::test]
async fn places_move_in_one_row_and_who_uses_them_stays() {
    let world = in_use(2).await;
    let request = asking(2);
    let preview = MoveQuotaRequest { validate_only: true, ..request.clone() };
    let preview = move_quota(&world.county, preview).await.unwrap();
    let now = list(&world, ListQuotasRequest::default()).await;
    assert_eq!(figures(&now), [row(TRONDHEIM, 2, 0), row(HEMNE, 1, 0)]);
    let answer = move_quota(&world.county, request.clone()).await.unwrap();
    let again = move_quota(&world.county, request.clone()).await.unwrap();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    let other = MoveQuotaRequest { reason: "Noe annet".into(), ..request };
    let refused = move_quota(&world.county, other).await.unwrap_err();
    assert_eq!(reason(&refused), "REQUEST_ID_REUSED");
    assert_eq!((&preview.from, &preview.to), (&answer.from, &answer.to));
    let (from, to) = (answer.from.unwrap(), answer.to.unwrap());
    assert_eq!((from.places, from.later_quotas, from.usage.unwrap().over_percent), (0, 0, 200));
    assert_eq!((to.places, to.usage.unwrap().free_percent), (3, 300));
    let now = list(&world, ListQuotasRequest::default()).await;
    assert_eq!(figures(&now), [row(TRONDHEIM, 0, 200), row(HEMNE, 3, 0)]);
    assert_eq!((now.quota_places, now.place_budget, now.quotas_over_budget_places), (3, 3, 0));
    // The reason stands at both ends.
    let moved = answer.quota_move.unwrap();
    assert_eq!(
        (moved.reason.as_str(), moved.places, moved.plan_id.as_str()),
        ("Enige kommuner", 2, "")
    );
    for one in &now.quotas {
        assert_eq!(one.moves, std::slice::from_ref(&moved));
    }
    // What held before the day has nothing of it.
    let before = ListQuotasRequest { as_of_date: Some(date(2026, 3, 1)), ..Default::default() };
    assert!(list(&world, before).await.quotas.iter().all(|one| one.moves.is_empty()));
    // Nobody was put out, and Hemne's people get the places that are free.
    let request = ListPlacementsRequest { ledger: Some(vta()), ..Default::default() };
    let placed = world.county.allocation().list_placements(request).await.unwrap().into_inner();
    assert_eq!(placed.placements.len(), 2);
    assert!(placed.placements.iter().all(|one| one.state() == PlacementState::Running));
    let hemne = JoinWaitlistRequest { municipality_number: HEMNE.into(), ..join(&vta(), 9) };
    world.county.waitlist().join_waitlist(hemne).await.unwrap();
    world.join(&vta(), 10).await;
    assert_eq!(world.allocate(&vta(), 9).await.proposals.len(), 1);
    world.service.verify().await;
}

#[tokio::test]
async fn what_is_set_for_later_is_shifted_as_well() {
    let world = World::new().await;
    world.budget(&vta(), 20).await;
    world.quotas(&vta(), &[(TRONDHEIM, 8), (HEMNE, 4)]).await;
    let later = SetQuotasRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        valid_from_date: Some(date(2027, 1, 1)),
        quotas: vec![Quota {
            municipality_number: TRONDHEIM.into(),
            places: 5,
            basis: QuotaBasis::History.into(),
            ..Quota::default()
        }],
        ..SetQuotasRequest::default()
    };
    world.county.fair_share().set_quotas(later).await.unwrap();
    let request = MoveQuotaRequest { valid_from_date: Some(date(2026, 6, 1)), ..asking(3) };
    let answer = move_quota(&world.county, request).await.unwrap();
    let (from, to) = (answer.from.unwrap(), answer.to.unwrap());
    assert_eq!([(from.places, from.later_quotas), (to.places, to.later_quotas)], [(5, 1), (7, 0)]);
    for (day, expected) in
        [(date(2026, 5, 31), [8, 4]), (date(2026, 6, 1), [5, 7]), (date(2027, 1, 1), [2, 7])]
    {
        let as_of = ListQuotasRequest { as_of_date: Some(day), ..Default::default() };
        let found = list(&world, as_of).await;
        let places: Vec<u32> =
            found.quotas.iter().map(|one| one.quota.as_ref().unwrap().places).collect();
        assert_eq!(places, expected, "{day:?}");
        assert_eq!(found.quota_places, places.iter().sum::<u32>());
    }
    // More than there is of it later is refused today.
    let refused = move_quota(&world.county, asking(3)).await.unwrap_err();
    assert_eq!(reason(&refused), "NO_ROOM");
    assert!(refused.message().contains("has 2 places to give on 2027-01-01"), "{refused:?}");
    world.service.verify().await;
}

#[tokio::test]
async fn what_may_not_be_moved_is_refused() {
    use Code::{FailedPrecondition, InvalidArgument, PermissionDenied};
    let world = World::new().await;
    world.budget(&vta(), 5).await;
    world.quotas(&vta(), &[(TRONDHEIM, 3), (HEMNE, 1)]).await;
    world.budget(&avklaring(), 1).await;
    let stranger = world.service.caller(Role::County, OTHER_COUNTY).await;
    let municipality = world.service.caller(Role::Municipality, TRONDHEIM).await;
    let to = |number: &str| MoveQuotaRequest { to_municipality_number: number.into(), ..asking(1) };
    let on = |day| MoveQuotaRequest { valid_from_date: day, ..asking(1) };
    let why = |reason: String| MoveQuotaRequest { reason, ..asking(1) };
    let of_pool = MoveQuotaRequest { ledger: Some(avklaring()), ..asking(1) };
    let cases = [
        (&world.county, asking(4), FailedPrecondition, "NO_ROOM"),
        (&world.county, asking(0), InvalidArgument, "INVALID_FIELDS"),
        (&world.county, asking(100_001), InvalidArgument, "INVALID_FIELDS"),
        (&world.county, to(TRONDHEIM), FailedPrecondition, "REGISTRY_MISMATCH"),
        (&world.county, to(LEVANGER), FailedPrecondition, "REGISTRY_MISMATCH"),
        (&world.county, on(Some(date(2026, 3, 1))), FailedPrecondition, "DATE_OUT_OF_RANGE"),
        (&world.county, on(Some(date(2029, 3, 2))), FailedPrecondition, "DATE_OUT_OF_RANGE"),
        (&world.county, on(None), InvalidArgument, "INVALID_FIELDS"),
        (&world.county, why(" ".into()), InvalidArgument, "INVALID_FIELDS"),
        (&world.county, why("x".repeat(501)), InvalidArgument, "INVALID_FIELDS"),
        (&world.county, why(identity(1)), InvalidArgument, "INVALID_FIELDS"),
        (&world.county, of_pool, FailedPrecondition, "MEASURE_TYPE_RULE"),
        (&stranger, asking(1), PermissionDenied, "PERMISSION_DENIED"),
        (&municipality, asking(1), PermissionDenied, "PERMISSION_DENIED"),
        (&world.directorate, asking(1), PermissionDenied, "PERMISSION_DENIED"),
    ];
    for (caller, request, code, expected) in cases {
        let refused = move_quota(caller, request.clone()).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (code, expected), "{request:?}");
    }
    let now = list(&world, ListQuotasRequest::default()).await;
    assert_eq!(figures(&now), [row(TRONDHEIM, 3, 0), row(HEMNE, 1, 0)]);
}

/// The log explains it: who, how many, and why.
#[tokio::test]
async fn the_change_feed_tells_of_a_move() {
    let world = World::new().await;
    world.budget(&vta(), 5).await;
    world.quotas(&vta(), &[(TRONDHEIM, 3)]).await;
    let seq = move_quota(&world.county, asking(1)).await.unwrap().revision.unwrap().seq;
    let request = ListChangesRequest {
        ledger: Some(vta()),
        after_seq: seq - 1,
        ..ListChangesRequest::default()
    };
    let changes = world.county.change().list_changes(request).await.unwrap().into_inner().changes;
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(change.kind, "MOVE_QUOTA");
    let payload: serde_json::Value = serde_json::from_slice(&change.payload).unwrap();
    let moved = &payload["events"][0]["QUOTA_MOVED"]["quota_move"];
    assert_eq!(
        (moved["places"].as_u64(), moved["reason"].as_str()),
        (Some(1), Some("Enige kommuner"))
    );
    world.service.verify().await;
}
