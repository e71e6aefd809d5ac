//! `ListPlaceBudgets`.

use super::*;
use crate::world::{LEVANGER, OTHER_COUNTY, avklaring, date, vta};

async fn set(world: &World, ledger: &Ledger, places: u32, from: Date, to: Option<Date>) {
    let request = SetPlaceBudgetRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        places,
        valid_from_date: Some(from),
        valid_to_date: to,
        ..SetPlaceBudgetRequest::default()
    };
    world.directorate.fair_share().set_place_budget(request).await.unwrap();
}

fn elsewhere() -> Ledger {
    Ledger { county_id: OTHER_COUNTY.into(), measure_code: "VTA".into() }
}

/// Three ledgers: one with a plan for three years, one with one budget, one elsewhere.
async fn planned() -> World {
    let world = World::new().await;
    set(&world, &vta(), 209, date(2025, 1, 1), None).await;
    set(&world, &vta(), 220, date(2026, 1, 1), None).await;
    set(&world, &vta(), 230, date(2027, 1, 1), None).await;
    // Set last, for a few months: before and after them the others hold.
    set(&world, &vta(), 100, date(2026, 6, 1), Some(date(2026, 9, 1))).await;
    set(&world, &avklaring(), 40, date(2026, 1, 1), None).await;
    set(&world, &elsewhere(), 77, date(2026, 1, 1), None).await;
    world
}

fn listing(county_id: &str) -> ListPlaceBudgetsRequest {
    ListPlaceBudgetsRequest { county_id: county_id.into(), ..ListPlaceBudgetsRequest::default() }
}

async fn list(caller: &Caller, request: ListPlaceBudgetsRequest) -> ListPlaceBudgetsResponse {
    caller.fair_share().list_place_budgets(request).await.unwrap().into_inner()
}

fn places(answer: &ListPlaceBudgetsResponse) -> Vec<(u32, bool)> {
    answer.place_budgets.iter().map(|budget| (budget.places, budget.in_force)).collect()
}

#[tokio::test]
async fn budgets_stand_by_ledger_and_in_the_order_they_were_set() {
    let world = planned().await;
    let found = list(&world.county, listing(COUNTY)).await;
    let expected = [(40, true), (209, false), (220, true), (230, false), (100, false)];
    assert_eq!(places(&found), expected);
    let [first, .., last] = found.place_budgets.as_slice() else { panic!("{found:?}") };
    assert_eq!((first.ledger.as_ref(), last.ledger.as_ref()), (Some(&avklaring()), Some(&vta())));
    assert_eq!(last.valid_from_date, Some(date(2026, 6, 1)));
    assert_eq!((first.valid_to_date, last.valid_to_date), (None, Some(date(2026, 9, 1))));
    let revision = |ledger: Ledger, seq| Revision { ledger: Some(ledger), seq };
    assert_eq!(found.revisions, [revision(avklaring(), 1), revision(vta(), 4)]);
    let one = ListPlaceBudgetsRequest {
        measure_code: "AVKLARING".into(),
        at_least_seq: 1,
        ..listing(COUNTY)
    };
    let found = list(&world.county, one).await;
    assert_eq!(
        (places(&found), found.revisions),
        (vec![(40, true)], vec![revision(avklaring(), 1)])
    );
    // Of one measure type everywhere.
    let vta = ListPlaceBudgetsRequest { measure_code: "VTA".into(), ..listing("") };
    let found = list(&world.directorate, vta).await;
    assert_eq!(places(&found).last(), Some(&(77, true)));
    assert_eq!(found.place_budgets.len(), 5);
}

#[tokio::test]
async fn on_a_date_each_ledger_shows_the_budget_in_force() {
    let world = planned().await;
    for (as_of, expected) in [
        (date(2024, 12, 31), vec![]),
        (date(2025, 6, 1), vec![209]),
        (date(2026, 5, 31), vec![40, 220]),
        (date(2026, 6, 1), vec![40, 100]),
        (date(2026, 9, 1), vec![40, 220]),
        (date(2027, 1, 1), vec![40, 230]),
    ] {
        let request = ListPlaceBudgetsRequest { as_of_date: Some(as_of), ..listing(COUNTY) };
        let found = list(&world.county, request).await;
        let expected: Vec<_> = expected.into_iter().map(|places| (places, true)).collect();
        assert_eq!(places(&found), expected, "{as_of:?}");
        assert_eq!(found.revisions.len(), expected.len());
    }
}

#[tokio::test]
async fn page_by_page_each_budget_stands_once() {
    let world = planned().await;
    let mut fair_share = world.directorate.fair_share();
    let whole = list(&world.directorate, listing("")).await;
    assert_eq!(whole.place_budgets.len(), 6);
    for (page_size, expected) in [(1, vec![1; 6]), (2, vec![2, 2, 2]), (4, vec![4, 2])] {
        let request = ListPlaceBudgetsRequest { page_size, ..listing("") };
        let (shown, pages) = every_page!(fair_share, list_place_budgets, request, place_budgets);
        assert_eq!((&shown, pages), (&whole.place_budgets, expected));
    }
    let request =
        ListPlaceBudgetsRequest { page_size: 1, as_of_date: Some(date(2026, 6, 1)), ..listing("") };
    let (shown, pages) =
        every_page!(fair_share, list_place_budgets, request.clone(), place_budgets);
    let shown: Vec<u32> = shown.iter().map(|budget| budget.places).collect();
    assert_eq!((shown, pages), (vec![40, 100, 77], vec![1, 1, 1]));
    // A page names the ledgers on it.
    let first = list(&world.directorate, request.clone()).await;
    assert_eq!(first.revisions.len(), 1);
    let other = ListPlaceBudgetsRequest {
        page_token: first.next_page_token,
        measure_code: "VTA".into(),
        ..request
    };
    let refused = fair_share.list_place_budgets(other).await.unwrap_err();
    assert_eq!(told(&refused), invalid("PAGE_TOKEN_INVALID"));
}

#[tokio::test]
async fn whoever_may_see_one_area_must_name_it() {
    let world = planned().await;
    for role in [Role::County, Role::Office, Role::Municipality] {
        let here = caller(&world, role).await;
        assert_eq!(list(&here, listing(COUNTY)).await.place_budgets.len(), 5);
        for county_id in ["", OTHER_COUNTY] {
            let refused = here.fair_share().list_place_budgets(listing(county_id)).await;
            assert_eq!(told(&refused.unwrap_err()), denied(), "{} {county_id}", role.as_str());
        }
    }
    for role in [Role::Directorate, Role::Service, Role::Auditor] {
        let everywhere = caller(&world, role).await;
        assert_eq!(list(&everywhere, listing("")).await.place_budgets.len(), 6);
    }
    let there = world.service.caller(Role::Municipality, LEVANGER).await;
    assert_eq!(list(&there, listing(OTHER_COUNTY)).await.place_budgets.len(), 1);
    let provider = caller(&world, Role::Provider).await;
    let refused = provider.fair_share().list_place_budgets(listing(COUNTY)).await;
    assert_eq!(told(&refused.unwrap_err()), denied());
}

#[tokio::test]
async fn a_named_ledger_says_how_far_it_had_come_and_one_that_cannot_be_is_not_found() {
    let world = World::new().await;
    let of = |measure_code: &str| ListPlaceBudgetsRequest {
        measure_code: measure_code.into(),
        ..listing(COUNTY)
    };
    let found = list(&world.county, of("VTA")).await;
    assert_eq!(found.revisions, [Revision { ledger: Some(vta()), seq: 0 }]);
    let mut fair_share = world.county.fair_share();
    let refused = fair_share.list_place_budgets(of("AFT")).await.unwrap_err();
    assert_eq!(told(&refused), (Code::NotFound, "LEDGER_NOT_FOUND".to_owned()));
    let ahead = ListPlaceBudgetsRequest { at_least_seq: 1, ..of("VTA") };
    let refused = fair_share.list_place_budgets(ahead).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unavailable, "NOT_YET_AT_SEQ".to_owned()));
    let of_area = ListPlaceBudgetsRequest { at_least_seq: 1, ..listing(COUNTY) };
    let refused = fair_share.list_place_budgets(of_area).await.unwrap_err();
    assert_eq!(told(&refused), invalid("INVALID_FIELDS"));
}
