//! Whose area, whose place groups, whose submission.

use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::{Code, Status};

use crate::{
    support::{Caller, reason, request_id},
    world::{
        COUNTY, HEMNE_OFFICE, LEVANGER, OTHER_COUNTY, OTHER_OFFICE, OTHER_PROVIDER, PROVIDER,
        TRONDHEIM, World, date, join,
    },
};

fn denied(status: &Status) {
    let told = (status.code(), reason(status));
    assert_eq!(told, (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()), "{status:?}");
}

fn listing(ledger: &Ledger) -> ListWaitlistEntriesRequest {
    ListWaitlistEntriesRequest { ledger: Some(ledger.clone()), ..Default::default() }
}

fn availability(ledger: &Ledger) -> GetAvailabilityRequest {
    GetAvailabilityRequest { ledger: Some(ledger.clone()), ..GetAvailabilityRequest::default() }
}

#[tokio::test]
async fn a_county_is_refused_another_countys_queue() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    world.join(&ledger, 1).await;
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    denied(&other.waitlist().list_waitlist_entries(listing(&ledger)).await.unwrap_err());
    denied(&other.waitlist().join_waitlist(join(&ledger, 2)).await.unwrap_err());
    denied(&other.capacity().get_availability(availability(&ledger)).await.unwrap_err());
    let request = SummarizeQueuesRequest { county_id: COUNTY.into(), ..Default::default() };
    denied(&other.waitlist().summarize_queues(request).await.unwrap_err());
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        place_group_ids: vec![group],
        ..AllocatePlacesRequest::default()
    };
    denied(&other.allocation().allocate_places(request.clone()).await.unwrap_err());
    let preview = AllocatePlacesRequest { validate_only: true, ..request };
    denied(&other.allocation().allocate_places(preview).await.unwrap_err());
    let request = SetQuotasRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        valid_from_date: Some(date(2026, 3, 2)),
        quotas: vec![Quota {
            municipality_number: TRONDHEIM.into(),
            basis: QuotaBasis::History.into(),
            ..Quota::default()
        }],
        ..SetQuotasRequest::default()
    };
    denied(&other.fair_share().set_quotas(request).await.unwrap_err());
    let request = ListChangesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    denied(&other.change().list_changes(request).await.unwrap_err());
    // The registry's log is nobody's own.
    let registry = Ledger { county_id: "NO".into(), measure_code: "REGISTRY".into() };
    let request = ListChangesRequest { ledger: Some(registry), ..Default::default() };
    denied(&world.county.change().list_changes(request.clone()).await.unwrap_err());
    let changes = world.directorate.change().list_changes(request).await.unwrap().into_inner();
    assert_eq!(changes.changes.len(), 1);
    world.service.verify().await;
}

#[tokio::test]
async fn offices_and_municipalities_see_the_figures_of_their_own_area() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let summary = SummarizeQueuesRequest { county_id: COUNTY.into(), ..Default::default() };
    for (role, here, there) in [
        (Role::Office, HEMNE_OFFICE, OTHER_OFFICE),
        (Role::Municipality, TRONDHEIM, LEVANGER),
        (Role::Municipality, TRONDHEIM, "9999"),
        (Role::Office, HEMNE_OFFICE, "9999"),
    ] {
        let here = world.service.caller(role, here).await;
        here.waitlist().summarize_queues(summary.clone()).await.unwrap();
        here.capacity().get_availability(availability(&ledger)).await.unwrap();
        let there = world.service.caller(role, there).await;
        denied(&there.waitlist().summarize_queues(summary.clone()).await.unwrap_err());
        denied(&there.capacity().get_availability(availability(&ledger)).await.unwrap_err());
    }
    // Who serves nobody here puts nobody on a list here.
    for office in [OTHER_OFFICE, HEMNE_OFFICE, "9999"] {
        let office = world.service.caller(Role::Office, office).await;
        denied(&office.waitlist().join_waitlist(join(&ledger, 1)).await.unwrap_err());
    }
    world.service.verify().await;
}

#[tokio::test]
async fn an_office_lists_the_people_it_serves_and_those_it_follows_up() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let own = world.join(&ledger, 1).await;
    let followed =
        JoinWaitlistRequest { following_office_number: HEMNE_OFFICE.into(), ..join(&ledger, 2) };
    let joined = world.office.waitlist().join_waitlist(followed).await.unwrap().into_inner();
    let listed = async |caller: &Caller| -> Vec<String> {
        let page = caller.waitlist().list_waitlist_entries(listing(&ledger)).await.unwrap();
        page.into_inner().entries.into_iter().map(|entry| entry.entry_id).collect()
    };
    assert_eq!(listed(&world.office).await, [own, joined.entry_id.clone()]);
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    assert_eq!(listed(&hemne).await, [joined.entry_id]);
    let stranger = world.service.caller(Role::Office, OTHER_OFFICE).await;
    assert!(listed(&stranger).await.is_empty());
}

#[tokio::test]
async fn a_provider_sees_and_submits_its_own_groups_only() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    let seen = world.provider.capacity().get_availability(availability(&ledger)).await.unwrap();
    let seen = seen.into_inner();
    assert_eq!(seen.place_groups.len(), 1);
    assert!(seen.second_accounts.is_empty());
    let other = world.service.caller(Role::Provider, OTHER_PROVIDER).await;
    let seen = other.capacity().get_availability(availability(&ledger)).await.unwrap().into_inner();
    assert!(seen.place_groups.is_empty());
    assert_eq!(seen.places.unwrap_or_default().total_percent, 0);
    let request =
        GetAvailabilityRequest { organisation_number: PROVIDER.into(), ..availability(&ledger) };
    denied(&other.capacity().get_availability(request).await.unwrap_err());
    let nobody = world.service.caller(Role::Provider, "nobody").await;
    denied(&nobody.capacity().get_availability(availability(&ledger)).await.unwrap_err());
    // In another's name, or into another's group.
    let request = SubmitCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        place_group_id: group,
        organisation_number: PROVIDER.into(),
        places: 99,
        valid_from_date: Some(date(2026, 3, 2)),
        ..SubmitCapacityRequest::default()
    };
    denied(&other.capacity().submit_capacity(request.clone()).await.unwrap_err());
    let own_name = SubmitCapacityRequest { organisation_number: OTHER_PROVIDER.into(), ..request };
    let refused = other.capacity().submit_capacity(own_name).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::NotFound, "NOT_FOUND".to_owned()));
    world.service.verify().await;
}

#[tokio::test]
async fn four_eyes_are_two_subjects_and_not_two_tokens() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    for (role, organisation) in [(Role::County, COUNTY), (Role::Provider, PROVIDER)] {
        let submitter = world.service.caller_as(role, organisation, "kari").await;
        let request = SubmitCapacityRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            organisation_number: PROVIDER.into(),
            name: "Ny".into(),
            site_municipality_number: TRONDHEIM.into(),
            places: 1,
            valid_from_date: Some(date(2026, 3, 2)),
            ..SubmitCapacityRequest::default()
        };
        let submitted = submitter.capacity().submit_capacity(request).await.unwrap().into_inner();
        let review = ReviewCapacityRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            submission_id: submitted.submission_id,
            decision: ReviewDecision::Approve.into(),
            ..ReviewCapacityRequest::default()
        };
        let same = world.service.caller_as(Role::County, COUNTY, "kari").await;
        let refused = same.capacity().review_capacity(review.clone()).await.unwrap_err();
        let told = (refused.code(), reason(&refused));
        assert_eq!(told, (Code::FailedPrecondition, "FOUR_EYES".to_owned()));
        world.county.capacity().review_capacity(review).await.unwrap();
    }
    world.service.verify().await;
}
