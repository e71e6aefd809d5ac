//! `ListQuotas`.

use super::*;
use crate::world::{HEMNE, HEMNE_OFFICE, OTHER_COUNTY, OTHER_OFFICE, avklaring, date, vta};

/// Trondheim's quota in three steps, the last one to come; Hemne's in one, replaced.
async fn shared() -> World {
    let world = World::new().await;
    world.budget(&vta(), 20).await;
    quota(&world, &vta(), TRONDHEIM, 5, date(2024, 1, 1)).await;
    quota(&world, &vta(), TRONDHEIM, 8, date(2026, 1, 1)).await;
    quota(&world, &vta(), TRONDHEIM, 9, date(2027, 1, 1)).await;
    quota(&world, &vta(), HEMNE, 3, date(2026, 2, 1)).await;
    quota(&world, &vta(), HEMNE, 2, date(2026, 2, 1)).await;
    world
}

fn listing() -> ListQuotasRequest {
    ListQuotasRequest { ledger: Some(vta()), ..ListQuotasRequest::default() }
}

async fn list(caller: &Caller, request: ListQuotasRequest) -> ListQuotasResponse {
    caller.fair_share().list_quotas(request).await.unwrap().into_inner()
}

/// Municipality, places, from and to.
type Row = (String, u32, Option<Date>, Option<Date>);

fn rows(quotas: &[QuotaInPeriod]) -> Vec<Row> {
    let row = |one: &QuotaInPeriod| {
        let quota = one.quota.as_ref().unwrap();
        let number = quota.municipality_number.clone();
        (number, quota.places, one.valid_from_date, one.valid_to_date)
    };
    quotas.iter().map(row).collect()
}

fn row(number: &str, places: u32, from: Date, to: Option<Date>) -> Row {
    (number.to_owned(), places, Some(from), to)
}

#[tokio::test]
async fn quotas_as_they_hold_today_and_on_another_date() {
    let world = shared().await;
    let found = list(&world.county, listing()).await;
    let trondheim = row(TRONDHEIM, 8, date(2026, 1, 1), Some(date(2027, 1, 1)));
    let hemne = row(HEMNE, 2, date(2026, 2, 1), None);
    assert_eq!(rows(&found.quotas), [trondheim.clone(), hemne.clone()]);
    let first = &found.quotas[0];
    let quota = first.quota.as_ref().unwrap();
    assert_eq!(first.municipality_name, TRONDHEIM);
    assert_eq!((quota.basis(), quota.source.as_str()), (QuotaBasis::NeedAssessment, "Vedtak"));
    assert_eq!((quota.basis_date, quota.review_by_date), (Some(date(2026, 1, 1)), None));
    assert_eq!(first.usage.as_ref().unwrap().total_percent, 800);
    assert_eq!(found.revisions, [Revision { ledger: Some(vta()), seq: 6 }]);
    for (as_of, expected) in [
        (date(2023, 12, 31), vec![]),
        (date(2025, 12, 31), vec![row(TRONDHEIM, 5, date(2024, 1, 1), Some(date(2026, 1, 1)))]),
        (date(2026, 2, 1), vec![trondheim, hemne.clone()]),
        (date(2027, 1, 1), vec![row(TRONDHEIM, 9, date(2027, 1, 1), None), hemne]),
    ] {
        let request = ListQuotasRequest { as_of_date: Some(as_of), ..listing() };
        let found = list(&world.county, request).await;
        assert_eq!(rows(&found.quotas), expected, "{as_of:?}");
    }
}

#[tokio::test]
async fn history_has_what_was_set_and_not_replaced_and_usage_is_todays() {
    let world = shared().await;
    let group = world.place_group(&vta(), 5).await;
    world.join(&vta(), 1).await;
    assert_eq!(world.allocate(&vta(), 1).await.proposals[0].place_group_id, group);
    let request = ListQuotasRequest { with_history: true, ..listing() };
    let found = list(&world.county, request.clone()).await;
    let all = [
        row(TRONDHEIM, 5, date(2024, 1, 1), Some(date(2026, 1, 1))),
        row(TRONDHEIM, 8, date(2026, 1, 1), Some(date(2027, 1, 1))),
        row(TRONDHEIM, 9, date(2027, 1, 1), None),
        row(HEMNE, 2, date(2026, 2, 1), None),
    ];
    assert_eq!(rows(&found.quotas), all);
    let reserved: Vec<_> = found
        .quotas
        .iter()
        .map(|one| one.usage.as_ref().map(|usage| usage.reserved_percent))
        .collect();
    assert_eq!(reserved, [None, Some(100), None, Some(0)]);
    let hemne = ListQuotasRequest { municipality_number: HEMNE.into(), ..request.clone() };
    assert_eq!(rows(&list(&world.county, hemne).await.quotas), all[3..]);
    let both = ListQuotasRequest { as_of_date: Some(date(2026, 3, 2)), ..request.clone() };
    let refused = world.county.fair_share().list_quotas(both).await.unwrap_err();
    assert_eq!(told(&refused), invalid("INVALID_FIELDS"));
    let mut fair_share = world.county.fair_share();
    for (page_size, expected) in [(1, vec![1; 4]), (3, vec![3, 1])] {
        let request = ListQuotasRequest { page_size, ..request.clone() };
        let (shown, pages) = every_page!(fair_share, list_quotas, request, quotas);
        assert_eq!((rows(&shown).as_slice(), pages), (all.as_slice(), expected));
    }
    let first = ListQuotasRequest { page_size: 1, ..request };
    let page_token = list(&world.county, first.clone()).await.next_page_token;
    let other = ListQuotasRequest { page_token, with_history: false, ..first };
    let refused = fair_share.list_quotas(other).await.unwrap_err();
    assert_eq!(told(&refused), invalid("PAGE_TOKEN_INVALID"));
}

#[tokio::test]
async fn a_quota_that_does_not_hold_today_has_no_usage() {
    let world = shared().await;
    for (as_of, expected) in [(date(2025, 1, 1), None), (date(2026, 6, 1), Some(800))] {
        let request = ListQuotasRequest {
            municipality_number: TRONDHEIM.into(),
            as_of_date: Some(as_of),
            ..listing()
        };
        let found = list(&world.county, request).await;
        assert_eq!(found.quotas[0].usage.as_ref().map(|usage| usage.total_percent), expected);
    }
}

#[tokio::test]
async fn one_pool_has_no_quotas_and_an_empty_ledger_has_none_yet() {
    let world = World::new().await;
    let pool = ListQuotasRequest { ledger: Some(avklaring()), ..Default::default() };
    let refused = world.county.fair_share().list_quotas(pool).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "MEASURE_TYPE_RULE".to_owned()));
    let found = list(&world.county, listing()).await;
    assert_eq!((found.quotas.len(), found.revisions[0].seq), (0, 0));
}

#[tokio::test]
async fn quotas_are_shown_to_their_area_and_to_no_provider() {
    let world = shared().await;
    for role in Role::ALL {
        let found = caller(&world, role).await.fair_share().list_quotas(listing()).await;
        match (role, found) {
            (Role::Provider, found) => assert_eq!(told(&found.unwrap_err()), denied()),
            (_, found) => assert_eq!(found.unwrap().into_inner().quotas.len(), 2),
        }
    }
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    assert_eq!(list(&hemne, listing()).await.quotas.len(), 2);
    for (role, elsewhere) in [(Role::County, OTHER_COUNTY), (Role::Office, OTHER_OFFICE)] {
        let stranger = world.service.caller(role, elsewhere).await;
        let refused = stranger.fair_share().list_quotas(listing()).await.unwrap_err();
        assert_eq!(told(&refused), denied());
    }
}
