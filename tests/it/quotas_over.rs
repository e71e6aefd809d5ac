//! A changed budget never fails because of what is in use: it is shown what is over.

use tiltaksplass::proto::v1::*;

use crate::{
    support::{reason, request_id},
    world::{HEMNE, TRONDHEIM, World, avklaring, date, vta},
};

async fn budget(world: &World, ledger: &Ledger, places: u32) -> SetPlaceBudgetResponse {
    let request = SetPlaceBudgetRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        places,
        valid_from_date: Some(date(2026, 3, 2)),
        ..SetPlaceBudgetRequest::default()
    };
    world.directorate.fair_share().set_place_budget(request).await.unwrap().into_inner()
}

async fn quotas(world: &World, places: &[(&str, u32)]) -> Result<SetQuotasResponse, tonic::Status> {
    let quota = |(number, places): &(&str, u32)| Quota {
        municipality_number: (*number).into(),
        places: *places,
        basis: QuotaBasis::History.into(),
        ..Quota::default()
    };
    let request = SetQuotasRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        valid_from_date: Some(date(2026, 3, 2)),
        quotas: places.iter().map(quota).collect(),
        ..SetQuotasRequest::default()
    };
    Ok(world.county.fair_share().set_quotas(request).await?.into_inner())
}

async fn placed(world: &World, ledger: &Ledger, people: std::ops::RangeInclusive<u32>) {
    let count = u32::try_from(people.clone().count()).unwrap();
    for person in people {
        world.join(ledger, person).await;
    }
    let offers = world.propose(ledger, count).await;
    for offer in world.confirm_all(ledger, &offers).await {
        world.respond(ledger, &offer.offer_id, OfferAnswer::Accept).await.unwrap();
        world.start(ledger, &offer.offer_id, date(2026, 3, 2)).await;
    }
}

/// How many places too many the quotas are, as each read tells it.
async fn over(world: &World) -> [u32; 3] {
    let listing = ListQuotasRequest { ledger: Some(vta()), ..ListQuotasRequest::default() };
    let found = world.county.fair_share().list_quotas(listing).await.unwrap().into_inner();
    let listing = ListPlaceBudgetsRequest {
        county_id: vta().county_id,
        measure_code: vta().measure_code,
        as_of_date: Some(date(2026, 3, 2)),
        ..ListPlaceBudgetsRequest::default()
    };
    let budgets = world.county.fair_share().list_place_budgets(listing).await.unwrap().into_inner();
    let [budget] = &budgets.place_budgets[..] else { panic!("{budgets:?}") };
    assert_eq!(budget.quota_places, found.quota_places);
    let available = world.availability(&vta()).await;
    [
        found.quotas_over_budget_places,
        budget.quotas_over_budget_places,
        available.quotas_over_budget_places,
    ]
}

#[tokio::test]
async fn a_budget_falls_to_nought_under_full_use_and_rises_again() {
    let world = World::new().await;
    let (ledger, _) = world.vta(3).await;
    quotas(&world, &[(TRONDHEIM, 2), (HEMNE, 1)]).await.unwrap();
    placed(&world, &ledger, 1..=2).await;
    let lend = LendQuotaRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        action: Some(lend_quota_request::Action::Lend(QuotaLoanTerms {
            from_municipality_number: HEMNE.into(),
            to_municipality_number: TRONDHEIM.into(),
            places: 1,
            valid_from_date: Some(date(2026, 3, 2)),
            valid_to_date: Some(date(2026, 9, 1)),
            reason: "Ingen venter".into(),
        })),
        ..LendQuotaRequest::default()
    };
    world.county.fair_share().lend_quota(lend).await.unwrap();
    placed(&world, &ledger, 3..=3).await;
    assert_eq!(over(&world).await, [0; 3]);
    let answer = budget(&world, &ledger, 0).await;
    let told = (answer.place_budget, answer.quota_places, answer.quotas_over_budget_places);
    assert_eq!(told, (0, 3, 3));
    assert_eq!(over(&world).await, [3; 3]);
    // Quotas may be lowered below what is in use, and below what is lent; none is raised.
    let refused = quotas(&world, &[(TRONDHEIM, 3)]).await.unwrap_err();
    assert_eq!(reason(&refused), "QUOTAS_EXCEED_BUDGET");
    let answer = quotas(&world, &[(TRONDHEIM, 0), (HEMNE, 0)]).await.unwrap();
    assert_eq!(answer.total_places, 0);
    // A place that Hemne no longer has is lent all the same, until it returns.
    assert_eq!(over(&world).await, [1; 3]);
    let available = world.availability(&ledger).await;
    let trondheim =
        available.second_accounts.iter().find(|one| one.municipality_number == TRONDHEIM).unwrap();
    let usage = trondheim.usage.as_ref().unwrap();
    assert_eq!((usage.total_percent, usage.in_use_percent, usage.over_percent), (100, 300, 200));
    assert_eq!(world.allocate(&ledger, 9).await.proposals, []);
    let answer = budget(&world, &ledger, 4).await;
    assert_eq!((answer.place_budget, answer.quotas_over_budget_places), (4, 0));
    quotas(&world, &[(TRONDHEIM, 2), (HEMNE, 1)]).await.unwrap();
    let available = world.availability(&ledger).await;
    assert!(
        available.second_accounts.iter().all(|one| one.usage.as_ref().unwrap().over_percent == 0)
    );
    assert_eq!(available.places.unwrap().in_use_percent, 300);
    world.service.verify().await;
}

#[tokio::test]
async fn a_pool_falls_to_nought_under_full_use_and_rises_again() {
    let world = World::new().await;
    let ledger = avklaring();
    world.budget(&ledger, 2).await;
    world.place_group(&ledger, 3).await;
    placed(&world, &ledger, 1..=2).await;
    let pool = async || {
        let available = world.availability(&ledger).await;
        let usage = available.second_accounts[0].usage.clone().unwrap();
        (usage.total_percent, usage.in_use_percent, usage.over_percent)
    };
    assert_eq!(budget(&world, &ledger, 0).await.place_budget, 0);
    assert_eq!(pool().await, (0, 200, 200));
    world.join(&ledger, 3).await;
    assert_eq!(world.allocate(&ledger, 1).await.proposals, []);
    budget(&world, &ledger, 3).await;
    assert_eq!(pool().await, (300, 200, 0));
    assert_eq!(world.allocate(&ledger, 1).await.proposals.len(), 1);
    world.service.verify().await;
}
