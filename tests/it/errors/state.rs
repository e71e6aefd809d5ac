//! Reasons that lie in what the ledger holds.

use tiltaksplass::{
    domain::{access::Role, measure::MeasureRules},
    proto::v1::*,
};
use tonic::Status;

use super::{metadata, resource, words};
use crate::{
    support::request_id,
    world::{COUNTY, HEMNE, OFFICE, PROVIDER, TRONDHEIM, World, avklaring, date, identity, join},
};

pub async fn joining_twice() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry = world.join(&ledger, 1).await;
    let refused = world.office.waitlist().join_waitlist(join(&ledger, 1)).await.unwrap_err();
    // Which entry it is would tell where the person waits.
    assert_eq!(resource(&refused), ("entry".to_owned(), String::new()));
    assert!(!format!("{refused:?}").contains(&entry));
    refused
}

pub async fn number_of_another() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let (entry_id, other) = (world.join(&ledger, 1).await, world.join(&ledger, 2).await);
    let request = ChangeIdentityNumberRequest {
        request_id: request_id(),
        ledger: Some(ledger),
        entry_id,
        national_identity_number: identity(2),
        reason: "nytt nummer".into(),
        ..ChangeIdentityNumberRequest::default()
    };
    let refused = world.office.waitlist().change_identity_number(request).await.unwrap_err();
    assert_eq!(resource(&refused), ("person".to_owned(), String::new()));
    assert!(!format!("{refused:?}").contains(&other));
    refused
}

pub async fn reference_taken() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let named = |person| JoinWaitlistRequest {
        external_references: vec![ExternalReference { system: "arena".into(), id: "42".into() }],
        ..join(&ledger, person)
    };
    world.office.waitlist().join_waitlist(named(1)).await.unwrap();
    let refused = world.office.waitlist().join_waitlist(named(2)).await.unwrap_err();
    assert_eq!(resource(&refused), ("external reference".to_owned(), "arena/42".to_owned()));
    refused
}

pub async fn unconfirmed() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    world.join(&ledger, 1).await;
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    let refused = world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap_err();
    assert_eq!(metadata(&refused, "state"), "PROPOSED");
    assert_eq!(metadata(&refused, "move"), "ACCEPT");
    refused
}

pub async fn own_submission() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let kari = world.service.caller_as(Role::County, COUNTY, "kari").await;
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
    let submitted = kari.capacity().submit_capacity(request).await.unwrap().into_inner();
    let review = ReviewCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger),
        submission_id: submitted.submission_id,
        decision: ReviewDecision::Approve.into(),
        ..ReviewCapacityRequest::default()
    };
    kari.capacity().review_capacity(review).await.unwrap_err()
}

fn quotas(ledger: Ledger, places: u32) -> SetQuotasRequest {
    SetQuotasRequest {
        request_id: request_id(),
        ledger: Some(ledger),
        valid_from_date: Some(date(2026, 3, 2)),
        quotas: vec![Quota {
            municipality_number: TRONDHEIM.into(),
            places,
            basis: QuotaBasis::Population.into(),
            ..Quota::default()
        }],
        ..SetQuotasRequest::default()
    }
}

pub async fn quotas_of_a_pool() -> Status {
    let world = World::new().await;
    world.budget(&avklaring(), 1).await;
    world.county.fair_share().set_quotas(quotas(avklaring(), 1)).await.unwrap_err()
}

pub async fn one_quota_too_many() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(422).await;
    let refused = world.county.fair_share().set_quotas(quotas(ledger, 423)).await.unwrap_err();
    assert_eq!(metadata(&refused, "sum_places"), "423");
    assert_eq!(metadata(&refused, "budget_places"), "422");
    let [nb, en] = words(&refused);
    assert_eq!(nb, "Andelene ville bli 423 plasser i alt 02.03.2026. Plassrammen er 422.");
    assert_eq!(en, "The quotas would be 423 places in all on 2026-03-02. The budget is 422.");
    refused
}

pub async fn more_than_is_co_financed() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(422).await;
    let mut request = quotas(ledger, 3);
    request.quotas[0].committed_places = Some(2);
    request.quotas[0].municipality_number = HEMNE.into();
    let refused = world.county.fair_share().set_quotas(request).await.unwrap_err();
    assert_eq!(metadata(&refused, "places"), "3");
    assert_eq!(metadata(&refused, "committed_places"), "2");
    assert_eq!(metadata(&refused, "date"), "2026-03-02");
    let [nb, en] = words(&refused);
    assert_eq!(nb, "Andelen ville bli 3 plasser 02.03.2026. Kommunen medfinansierer 2.");
    assert_eq!(en, "The quota would be 3 places on 2026-03-02. The municipality co-finances 2.");
    refused
}

pub async fn registered_tomorrow() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let seconds = crate::support::MONDAY.unix_timestamp() + 24 * 3600;
    let request = JoinWaitlistRequest {
        registered_time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        ..join(&ledger, 1)
    };
    let refused = world.county.waitlist().join_waitlist(request).await.unwrap_err();
    assert_eq!(metadata(&refused, "field"), "registered_time");
    assert_eq!(metadata(&refused, "value"), "2026-03-03T09:00:00Z");
    refused
}

pub async fn full_group() -> Status {
    let world = World::new().await;
    let (ledger, group) = world.vta(1).await;
    world.join(&ledger, 1).await;
    assert_eq!(world.allocate(&ledger, 1).await.proposals.len(), 1);
    let request = PlacePersonRequest {
        request_id: request_id(),
        entry_id: world.join(&ledger, 2).await,
        ledger: Some(ledger),
        place_group_id: group,
        reason: OutOfTurnReason::Appeal.into(),
        reason_text: "klagen ble tatt til følge".into(),
        ..PlacePersonRequest::default()
    };
    let refused = world.county.allocation().place_person(request).await.unwrap_err();
    assert_eq!(metadata(&refused, "what"), "the place group");
    for (name, percent) in [("free_percent", "0"), ("needed_percent", "100")] {
        assert_eq!(metadata(&refused, name), percent);
        assert!(words(&refused).iter().all(|text| text.contains(percent)));
    }
    refused
}

pub async fn second_in_the_queue() -> Status {
    let world = World::new().await;
    let rules = MeasureRules { direct_start: true, ..MeasureRules::default() };
    world.rules("VTA", rules).await;
    let (ledger, group) = world.vta(1).await;
    world.join(&ledger, 1).await;
    let request = StartPlacementRequest {
        request_id: request_id(),
        entry_id: world.join(&ledger, 2).await,
        ledger: Some(ledger),
        place_group_id: group,
        start_date: Some(date(2026, 3, 2)),
        ..StartPlacementRequest::default()
    };
    world.office.allocation().start_placement(request).await.unwrap_err()
}

/// A ledger that has had a thousand budgets takes no other.
pub async fn one_budget_too_many() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let mut sql = world.service.sql().await;
    sqlx::raw_sql(
        "UPDATE ledger SET frame = jsonb_set(frame, '{budgets}', \
         (SELECT jsonb_agg(one) FROM (SELECT frame->'budgets'->0 AS one \
         FROM generate_series(1, 1000)) AS thousand)) \
         WHERE measure_code = 'VTA'",
    )
    .execute(&mut sql)
    .await
    .unwrap();
    let request = SetPlaceBudgetRequest {
        request_id: request_id(),
        ledger: Some(ledger),
        places: 1,
        valid_from_date: Some(date(2026, 3, 2)),
        ..SetPlaceBudgetRequest::default()
    };
    let refused = world.directorate.fair_share().set_place_budget(request).await.unwrap_err();
    assert_eq!(metadata(&refused, "what"), "place budgets of this ledger");
    assert_eq!(metadata(&refused, "would_be"), "1001");
    assert_eq!(metadata(&refused, "most"), "1000");
    let [nb, en] = words(&refused);
    assert_eq!(nb, "Dette ville bli 1001 plassrammer; grensen er 1000.");
    assert_eq!(en, "This would make 1001 place budgets of this ledger; the limit is 1000.");
    refused
}

pub async fn long_ago() -> Status {
    let mut world = World::new().await;
    world.rules("VTA", MeasureRules { correction_days: Some(14), ..MeasureRules::default() }).await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    world.service.clock.advance(time::Duration::days(15));
    world.office = world.service.caller(Role::Office, OFFICE).await;
    let request = CorrectRequest {
        request_id: request_id(),
        ledger: Some(ledger),
        reason: "feil".into(),
        correction: Some(correct_request::Correction::RegisteredByMistake(RegisteredByMistake {
            entry_id,
        })),
        ..CorrectRequest::default()
    };
    let refused = world.office.allocation().correct(request).await.unwrap_err();
    let [nb, en] = words(&refused);
    assert!(nb.contains("Fylket kan rette") && en.contains("The county may"), "{nb} {en}");
    assert_eq!(metadata(&refused, "until_date"), "2026-03-16");
    refused
}
