//! Where a second person is asked for, one person is one whatever their tokens say beside who they
//! are: issuer and subject. Whoever has two subjects, as with two issuers, is two.

use set_enforcement_request::Step;
use tiltaksplass::{auth::TokenRequest, domain::access::Role, proto::v1::*};
use time::Duration;
use tonic::{Code, Status};

use crate::{
    support::{Caller, reason, request_id},
    world::{COUNTY, PROVIDER, TRONDHEIM, World, date},
};

/// Kari, under a token of this role for this organisation.
async fn kari(world: &World, role: Role, organisation: &str) -> Caller {
    world.service.caller_as(role, organisation, "kari").await
}

fn four_eyes(status: &Status) {
    let told = (status.code(), reason(status));
    assert_eq!(told, (Code::FailedPrecondition, "FOUR_EYES".to_owned()), "{status:?}");
}

#[tokio::test]
async fn who_submits_as_a_provider_does_not_review_as_the_county() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
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
    let provider = kari(&world, Role::Provider, PROVIDER).await;
    let submitted = provider.capacity().submit_capacity(request).await.unwrap().into_inner();
    let review = |decision: ReviewDecision| ReviewCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        submission_id: submitted.submission_id.clone(),
        decision: decision.into(),
        reason: "for få".into(),
        ..ReviewCapacityRequest::default()
    };
    let county = kari(&world, Role::County, COUNTY).await;
    for decision in [ReviewDecision::Approve, ReviewDecision::Reject] {
        four_eyes(&county.capacity().review_capacity(review(decision)).await.unwrap_err());
        let preview = ReviewCapacityRequest { validate_only: true, ..review(decision) };
        four_eyes(&county.capacity().review_capacity(preview).await.unwrap_err());
    }
    let other = world.service.caller_as(Role::County, COUNTY, "ola").await;
    other.capacity().review_capacity(review(ReviewDecision::Approve)).await.unwrap();
}

#[tokio::test]
async fn who_proposes_an_enforcement_does_not_approve_it_under_another_token() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let change_id = world.propose_enforcement(&ledger, Enforcement::Observe).await;
    let approve = || SetEnforcementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        step: Some(Step::Approve(ApproveEnforcement { change_id: change_id.clone() })),
        ..SetEnforcementRequest::default()
    };
    // A later token of hers that says more of her.
    let token = TokenRequest {
        name: Some("Kari Nordmann".into()),
        leads_office: true,
        ..TokenRequest::new("kari", Role::County, COUNTY, Duration::hours(1))
    };
    let again = world.service.caller_with(&token).await;
    four_eyes(&again.allocation().set_enforcement(approve()).await.unwrap_err());
    let other = world.service.caller_as(Role::County, COUNTY, "ola").await;
    other.allocation().set_enforcement(approve()).await.unwrap();
    world.service.verify().await;
}
