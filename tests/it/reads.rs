//! Lists of the registry, of capacities, budgets and quotas, and of vacancies: what each
//! shows, to whom, and page by page.

use tiltaksplass::{
    domain::access::Role,
    proto::{google::r#type::Date, v1::*},
};
use tonic::{Code, Status};

use crate::{
    support::{Caller, Service, reason, request_id},
    world::{COUNTY, OFFICE, PROVIDER, TRONDHEIM, World},
};

mod budgets;
mod bytes;
mod capacities;
mod idle;
mod measures;
mod quotas;
mod registry;
mod vacancies;

/// Follows a list's tokens to its end: its rows, and how many stood on each page.
macro_rules! every_page {
    ($client:expr, $method:ident, $request:expr, $rows:ident) => {{
        let mut request = $request;
        let (mut rows, mut pages) = (Vec::new(), Vec::new());
        loop {
            let answer = $client.$method(request.clone()).await.unwrap().into_inner();
            pages.push(answer.$rows.len());
            rows.extend(answer.$rows);
            if answer.next_page_token.is_empty() {
                break (rows, pages);
            }
            assert!(pages.len() < 100, "the list has no end");
            request.page_token = answer.next_page_token;
        }
    }};
}
use every_page;

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn denied() -> (Code, String) {
    (Code::PermissionDenied, "PERMISSION_DENIED".to_owned())
}

fn invalid(reason: &str) -> (Code, String) {
    (Code::InvalidArgument, reason.to_owned())
}

/// A role's usual caller, in the area of the world.
async fn caller(world: &World, role: Role) -> Caller {
    let organisation = match role {
        Role::County => COUNTY,
        Role::Office => OFFICE,
        Role::Municipality => TRONDHEIM,
        Role::Provider => PROVIDER,
        Role::Directorate | Role::Service | Role::Auditor => "NAV",
    };
    world.service.caller(role, organisation).await
}

/// Capacity as a provider tells it, of a new group or of one there is.
fn submission(ledger: &Ledger, group: &str, places: u32, from: Date) -> SubmitCapacityRequest {
    let new = group.is_empty();
    SubmitCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        place_group_id: group.into(),
        organisation_number: PROVIDER.into(),
        name: if new { "Vilje viser vei".into() } else { String::new() },
        site_municipality_number: if new { TRONDHEIM.into() } else { String::new() },
        places,
        valid_from_date: Some(from),
        ..SubmitCapacityRequest::default()
    }
}

/// The provider submits.
async fn submit(world: &World, request: SubmitCapacityRequest) -> SubmitCapacityResponse {
    let number = request.organisation_number.clone();
    let provider = world.service.caller(Role::Provider, &number).await;
    provider.capacity().submit_capacity(request).await.unwrap().into_inner()
}

/// The county reviews.
async fn review(world: &World, ledger: &Ledger, submission_id: &str, decision: ReviewDecision) {
    let request = ReviewCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        submission_id: submission_id.into(),
        decision: decision.into(),
        reason: "Slik avtalen er".into(),
        ..ReviewCapacityRequest::default()
    };
    let county = world.caller_of(ledger).await;
    county.capacity().review_capacity(request).await.unwrap();
}

/// Both; the group's id.
async fn approved(world: &World, request: SubmitCapacityRequest) -> String {
    let ledger = request.ledger.clone().unwrap();
    let submitted = submit(world, request).await;
    review(world, &ledger, &submitted.submission_id, ReviewDecision::Approve).await;
    submitted.place_group_id
}

/// A quota from a date on.
async fn quota(world: &World, ledger: &Ledger, number: &str, places: u32, from: Date) {
    let request = SetQuotasRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        valid_from_date: Some(from),
        quotas: vec![Quota {
            municipality_number: number.into(),
            places,
            basis: QuotaBasis::NeedAssessment.into(),
            basis_date: Some(from),
            source: "Vedtak".into(),
            ..Quota::default()
        }],
        ..SetQuotasRequest::default()
    };
    world.caller_of(ledger).await.fair_share().set_quotas(request).await.unwrap();
}
