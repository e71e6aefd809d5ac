//! What budgets and quotas rest on, and that those to be looked at again are found.

use tiltaksplass::proto::{google::r#type::Date, v1::*};
use tonic::Status;

use crate::{
    support::{Caller, reason, request_id},
    world::{COUNTY, HEMNE, TRONDHEIM, World, avklaring, date, vta},
};

fn budget(ledger: &Ledger, places: u32, review_by: Option<Date>) -> SetPlaceBudgetRequest {
    SetPlaceBudgetRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        places,
        valid_from_date: Some(date(2026, 1, 1)),
        source: "Tildelingsbrev 2026".into(),
        basis: QuotaBasis::Population.into(),
        basis_date: Some(date(2026, 1, 1)),
        review_by_date: review_by,
        ..SetPlaceBudgetRequest::default()
    }
}

fn quota(number: &str, places: u32, review_by: Option<Date>) -> Quota {
    Quota {
        municipality_number: number.into(),
        places,
        basis: QuotaBasis::NeedAssessment.into(),
        review_by_date: review_by,
        ..Quota::default()
    }
}

async fn set(world: &World, from: Date, quotas: Vec<Quota>) -> Result<SetQuotasResponse, Status> {
    let request = SetQuotasRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        valid_from_date: Some(from),
        quotas,
        ..SetQuotasRequest::default()
    };
    Ok(world.county.fair_share().set_quotas(request).await?.into_inner())
}

async fn listed(caller: &Caller, request: ListPlaceBudgetsRequest) -> Vec<PlaceBudget> {
    caller.fair_share().list_place_budgets(request).await.unwrap().into_inner().place_budgets
}

async fn quotas(world: &World, request: ListQuotasRequest) -> Vec<Quota> {
    let request = ListQuotasRequest { ledger: Some(vta()), ..request };
    let found = world.county.fair_share().list_quotas(request).await.unwrap().into_inner();
    found.quotas.into_iter().map(|one| one.quota.unwrap()).collect()
}

#[tokio::test]
async fn a_budget_says_what_it_rests_on_and_is_found_when_it_is_to_be_looked_at() {
    let world = World::new().await;
    let directorate = &world.directorate;
    // One that says nothing of it, as callers of before did; one replaced; one to come.
    world.budget(&vta(), 9).await;
    for request in [
        budget(&vta(), 8, Some(date(2026, 2, 1))),
        budget(&vta(), 7, Some(date(2026, 6, 30))),
        SetPlaceBudgetRequest {
            valid_from_date: Some(date(2027, 1, 1)),
            ..budget(&vta(), 6, Some(date(2026, 6, 30)))
        },
        budget(&avklaring(), 5, Some(date(2026, 9, 1))),
    ] {
        directorate.fair_share().set_place_budget(request).await.unwrap();
    }
    let all = listed(directorate, ListPlaceBudgetsRequest::default()).await;
    let told: Vec<_> = all
        .iter()
        .map(|one| (one.places, one.basis(), one.source.as_str(), one.review_by_date, one.in_force))
        .collect();
    let population = QuotaBasis::Population;
    let letter = "Tildelingsbrev 2026";
    assert_eq!(
        told,
        [
            (5, population, letter, Some(date(2026, 9, 1)), true),
            (9, QuotaBasis::Unspecified, "", None, false),
            (8, population, letter, Some(date(2026, 2, 1)), false),
            (7, population, letter, Some(date(2026, 6, 30)), true),
            (6, population, letter, Some(date(2026, 6, 30)), false),
        ]
    );
    assert_eq!(all[3].basis_date, Some(date(2026, 1, 1)));
    let due_by = async |day| {
        let request =
            ListPlaceBudgetsRequest { review_due_by_date: Some(day), ..Default::default() };
        listed(directorate, request).await.iter().map(|one| one.places).collect::<Vec<_>>()
    };
    assert_eq!(due_by(date(2026, 6, 29)).await, Vec::<u32>::new());
    assert_eq!(due_by(date(2026, 6, 30)).await, [7]);
    assert_eq!(due_by(date(2026, 9, 1)).await, [5, 7]);
    world.service.verify().await;
}

#[tokio::test]
async fn quotas_that_are_to_be_looked_at_are_listed() {
    let world = World::new().await;
    world.budget(&vta(), 20).await;
    let soon = Some(date(2026, 3, 20));
    let late = Some(date(2026, 8, 1));
    // What is replaced is nobody's to look at, nor what has not begun.
    set(&world, date(2025, 1, 1), vec![quota(TRONDHEIM, 3, Some(date(2025, 6, 1)))]).await.unwrap();
    let now = vec![quota(TRONDHEIM, 4, soon), quota(HEMNE, 2, late)];
    set(&world, date(2026, 1, 1), now).await.unwrap();
    set(&world, date(2026, 4, 1), vec![quota(HEMNE, 2, soon)]).await.unwrap();
    let due = async |day, with_history| {
        let request = ListQuotasRequest {
            review_due_by_date: Some(day),
            with_history,
            ..ListQuotasRequest::default()
        };
        let found = quotas(&world, request).await;
        found.into_iter().map(|one| (one.municipality_number, one.places)).collect::<Vec<_>>()
    };
    let row = |number: &str, places: u32| (number.to_owned(), places);
    assert_eq!(due(date(2026, 3, 19), false).await, []);
    assert_eq!(due(date(2026, 3, 20), false).await, [row(TRONDHEIM, 4)]);
    assert_eq!(due(date(2026, 8, 1), false).await, [row(TRONDHEIM, 4), row(HEMNE, 2)]);
    let all = [row(TRONDHEIM, 3), row(TRONDHEIM, 4), row(HEMNE, 2)];
    assert_eq!(due(date(2026, 3, 20), true).await, all);
    world.service.verify().await;
}

async fn work(caller: &Caller, request: ListMyWorkRequest) -> Vec<WorkItem> {
    let request = ListMyWorkRequest { county_id: COUNTY.into(), ..request };
    caller.waitlist().list_my_work(request).await.unwrap().into_inner().items
}

/// Every item, a page of one at a time.
async fn paged(caller: &Caller, request: ListMyWorkRequest) -> Vec<WorkItem> {
    let mut request = ListMyWorkRequest { county_id: COUNTY.into(), page_size: 1, ..request };
    let mut items = Vec::new();
    loop {
        let page = caller.waitlist().list_my_work(request.clone()).await.unwrap().into_inner();
        items.extend(page.items);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return items;
        }
    }
}

#[tokio::test]
async fn a_county_is_told_which_of_its_quotas_are_to_be_looked_at() {
    let world = World::new().await;
    world.budget(&vta(), 20).await;
    let (soon, late) = (Some(date(2026, 3, 20)), Some(date(2026, 8, 1)));
    let now = vec![quota(TRONDHEIM, 4, soon), quota(HEMNE, 2, late)];
    set(&world, date(2026, 1, 1), now).await.unwrap();
    set(&world, date(2026, 4, 1), vec![quota(HEMNE, 2, soon)]).await.unwrap();
    let items = work(&world.county, ListMyWorkRequest::default()).await;
    let [item] = &items[..] else { panic!("{items:?}") };
    let told = (item.kind(), item.municipality_number.as_str(), item.entry_id.as_str());
    assert_eq!(told, (WorkKind::ReviewQuota, TRONDHEIM, ""));
    assert_eq!((item.ledger.clone(), item.is_overdue), (Some(vta()), false));
    let midnight = prost_types::Timestamp { seconds: 1_773_961_200, nanos: 0 };
    assert_eq!(item.due_time, Some(midnight), "the beginning of the day in Norway");
    // With people's work, in the order in which it is due, page by page.
    world.place_group(&vta(), 2).await;
    let entry_id = world.join(&vta(), 1).await;
    world.propose(&vta(), 1).await;
    let far = ListMyWorkRequest { due_by_date: late, ..ListMyWorkRequest::default() };
    let seen: Vec<_> = paged(&world.county, far)
        .await
        .into_iter()
        .map(|one| (one.kind(), one.entry_id, one.municipality_number))
        .collect();
    let review = |number: &str| (WorkKind::ReviewQuota, String::new(), number.to_owned());
    let proposal = (WorkKind::ConfirmProposal, entry_id, String::new());
    assert_eq!(seen, [proposal, review(TRONDHEIM), review(HEMNE)]);
    let only =
        ListMyWorkRequest { kind: WorkKind::ReviewQuota.into(), ..ListMyWorkRequest::default() };
    assert_eq!(work(&world.county, only.clone()).await.len(), 1);
    // It is nobody's people, and an office sets no quotas.
    let one = ListMyWorkRequest { adviser_ident: "Z990001".into(), ..Default::default() };
    assert_eq!(work(&world.county, one).await, []);
    assert_eq!(work(&world.office, only).await, []);
    // Set anew, it is settled.
    set(&world, date(2026, 3, 2), vec![quota(TRONDHEIM, 4, None)]).await.unwrap();
    let items = work(&world.county, ListMyWorkRequest::default()).await;
    assert_eq!(items.iter().map(WorkItem::kind).collect::<Vec<_>>(), [WorkKind::ConfirmProposal]);
    world.service.verify().await;
}

#[tokio::test]
async fn what_a_municipality_co_finances_bounds_its_quota() {
    let world = World::new().await;
    world.budget(&vta(), 20).await;
    let committed = |places, most| Quota { committed_places: most, ..quota(HEMNE, places, None) };
    let today = date(2026, 3, 2);
    let refused = set(&world, today, vec![committed(4, Some(3))]).await.unwrap_err();
    assert_eq!(reason(&refused), "QUOTA_ABOVE_COMMITTED");
    set(&world, today, vec![committed(3, Some(3))]).await.unwrap();
    let found = quotas(&world, ListQuotasRequest::default()).await;
    assert_eq!(found[0].committed_places, Some(3));
    // Not told, it stays; told to be less, what there is stays and is not raised.
    assert_eq!(
        reason(&set(&world, today, vec![committed(4, None)]).await.unwrap_err()),
        "QUOTA_ABOVE_COMMITTED"
    );
    set(&world, today, vec![committed(3, Some(2))]).await.unwrap();
    let found = quotas(&world, ListQuotasRequest::default()).await;
    assert_eq!((found[0].places, found[0].committed_places), (3, Some(2)));
    set(&world, today, vec![committed(9, Some(100_000))]).await.unwrap();
    let most = set(&world, today, vec![committed(9, Some(100_001))]).await.unwrap_err();
    assert_eq!(reason(&most), "INVALID_FIELDS");
    world.service.verify().await;
}
