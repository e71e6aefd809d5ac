//! `ListHostAgreements`.

use super::{
    served::{EVENES, GRATANGEN, NARVIK, NORDLAND, TROMS, north},
    *,
};

async fn listed(world: &World, request: ListHostAgreementsRequest) -> Vec<(String, String)> {
    let answer = world.provider.registry().list_host_agreements(request).await.unwrap();
    let pair = |row: HostAgreement| (row.host_municipality_number, row.municipality_number);
    answer.into_inner().host_agreements.into_iter().map(pair).collect()
}

#[tokio::test]
async fn agreements_are_listed_by_party_area_and_day() {
    let world = north().await;
    import(&world, vec![Row::HostAgreement(agreement(TRONDHEIM, HEMNE))]).await.unwrap();
    let pair = |host: &str, number: &str| (host.to_owned(), number.to_owned());
    let trondheim = pair(TRONDHEIM, HEMNE);
    let (evenes, gratangen) = (pair(NARVIK, EVENES), pair(NARVIK, GRATANGEN));
    let all = [trondheim, evenes, gratangen];
    let any = ListHostAgreementsRequest::default;
    let of = |number: &str| ListHostAgreementsRequest {
        municipality_number: number.into(),
        ..ListHostAgreementsRequest::default()
    };
    let in_area = |area: &str| ListHostAgreementsRequest {
        county_id: area.into(),
        ..ListHostAgreementsRequest::default()
    };
    let on = |day| ListHostAgreementsRequest {
        on_date: Some(date(2026, 3, day)),
        ..ListHostAgreementsRequest::default()
    };
    assert_eq!(listed(&world, any()).await, all);
    assert_eq!(listed(&world, of(NARVIK)).await, all[1..]);
    assert_eq!(listed(&world, of(GRATANGEN)).await, all[2..]);
    assert_eq!(listed(&world, in_area(NORDLAND)).await, all[1..]);
    // An agreement across a border stands in both areas.
    assert_eq!(listed(&world, in_area(TROMS)).await, all[2..]);
    assert_eq!(listed(&world, in_area(COUNTY)).await, all[..1]);
    for (day, found) in [(8, &all[..1]), (9, &all[..]), (22, &all[..]), (23, &all[..1])] {
        assert_eq!(listed(&world, on(day)).await, found, "{day}");
    }
    // Page by page, with what each says whole.
    let mut registry = world.provider.registry();
    let mut request = ListHostAgreementsRequest { page_size: 2, ..any() };
    let first = registry.list_host_agreements(request.clone()).await.unwrap().into_inner();
    assert_eq!(first.host_agreements.len(), 2);
    let expected = HostAgreement {
        kind: HostKind::Host.into(),
        valid_from_date: Some(date(2026, 3, 9)),
        valid_to_date: Some(date(2026, 3, 23)),
        ..agreement(NARVIK, EVENES)
    };
    assert_eq!(first.host_agreements[1], expected);
    request.page_token = first.next_page_token;
    let last = registry.list_host_agreements(request).await.unwrap().into_inner();
    assert_eq!((last.host_agreements.len(), &*last.next_page_token), (1, ""));
}
