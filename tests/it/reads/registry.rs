//! The registry's lists.

use registry_row::Row;

use super::*;
use crate::world::{
    HEMNE, HEMNE_OFFICE, LEVANGER, OTHER_COUNTY, OTHER_OFFICE, OTHER_PROVIDER, date,
};

async fn import(world: &World, rows: Vec<Row>) {
    let piece = ImportRegistryRequest {
        request_id: request_id(),
        source: "test".into(),
        rows: rows.into_iter().map(|row| RegistryRow { row: Some(row) }).collect(),
        ..ImportRegistryRequest::default()
    };
    let pieces = tokio_stream::iter([piece]);
    world.directorate.registry().import_registry(pieces).await.unwrap();
}

fn weight(name: &str, year: i32, number: &str, weight: u64) -> Row {
    Row::DistributionWeight(DistributionWeight {
        key_name: name.into(),
        key_date: Some(date(year, 1, 1)),
        municipality_number: number.into(),
        weight,
        source: if name == "population" { "SSB 07459".into() } else { "Kartlegging".into() },
        borders_date: None,
    })
}

#[tokio::test]
async fn each_list_shows_its_rows_as_they_were_imported() {
    let world = World::new().await;
    let mut imported = crate::world::registry().into_iter().filter_map(|row| row.row);
    let mut registry = world.provider.registry();
    let areas = registry.list_areas(ListAreasRequest::default()).await.unwrap().into_inner();
    assert!(imported.by_ref().take(2).eq(areas.areas.into_iter().map(Row::Area)));
    let request = ListMunicipalitiesRequest::default();
    let found = registry.list_municipalities(request).await.unwrap().into_inner().municipalities;
    assert!(imported.by_ref().take(3).eq(found.into_iter().map(Row::Municipality)));
    let found = registry.list_offices(ListOfficesRequest::default()).await.unwrap().into_inner();
    assert!(imported.by_ref().take(3).eq(found.offices.into_iter().map(Row::Office)));
    let request = ListProvidersRequest::default();
    let found = registry.list_providers(request).await.unwrap().into_inner().providers;
    assert!(imported.by_ref().take(2).eq(found.into_iter().map(Row::Provider)));
    let request = ListMeasureTypesRequest::default();
    let found = registry.list_measure_types(request).await.unwrap().into_inner().measure_types;
    // By code; they were imported the other way round.
    let found = found.into_iter().rev().map(Row::MeasureType);
    assert!(imported.skip(2).eq(found));
}

#[tokio::test]
async fn page_by_page_each_row_stands_once_and_in_order() {
    let world = World::new().await;
    let mut registry = world.office.registry();
    let request = ListAreasRequest { page_size: 1, ..Default::default() };
    let (areas, pages) = every_page!(registry, list_areas, request, areas);
    let ids: Vec<_> = areas.iter().map(|area| area.county_id.as_str()).collect();
    assert_eq!((ids, pages), (vec![COUNTY, OTHER_COUNTY], vec![1, 1]));
    let request = ListMunicipalitiesRequest { page_size: 2, ..Default::default() };
    let (found, pages) = every_page!(registry, list_municipalities, request, municipalities);
    let numbers: Vec<_> = found.iter().map(|m| m.municipality_number.as_str()).collect();
    assert_eq!((numbers, pages), (vec![TRONDHEIM, HEMNE, LEVANGER], vec![2, 1]));
    let request = ListOfficesRequest { page_size: 1, ..Default::default() };
    let (offices, pages) = every_page!(registry, list_offices, request, offices);
    let numbers: Vec<_> = offices.iter().map(|office| office.office_number.as_str()).collect();
    assert_eq!((numbers, pages), (vec![OFFICE, HEMNE_OFFICE, OTHER_OFFICE], vec![1, 1, 1]));
    let request = ListMeasureTypesRequest { page_size: 1, ..Default::default() };
    let (types, pages) = every_page!(registry, list_measure_types, request, measure_types);
    let codes: Vec<_> = types.iter().map(|measure| measure.measure_code.as_str()).collect();
    assert_eq!((codes, pages), (vec!["AVKLARING", "VTA"], vec![1, 1]));
    let request = ListProvidersRequest { page_size: 1, ..Default::default() };
    let (providers, pages) = every_page!(registry, list_providers, request, providers);
    let numbers: Vec<_> = providers.iter().map(|p| p.organisation_number.as_str()).collect();
    assert_eq!((numbers, pages), (vec![PROVIDER, OTHER_PROVIDER], vec![1, 1]));
}

#[tokio::test]
async fn lists_keep_to_an_area_and_to_a_municipality() {
    let world = World::new().await;
    let mut registry = world.county.registry();
    for (county_id, expected) in
        [(COUNTY, vec![TRONDHEIM, HEMNE]), (OTHER_COUNTY, vec![LEVANGER]), ("NO-99", vec![])]
    {
        let request =
            ListMunicipalitiesRequest { county_id: county_id.into(), ..Default::default() };
        let found = registry.list_municipalities(request).await.unwrap().into_inner();
        let numbers: Vec<_> =
            found.municipalities.iter().map(|m| m.municipality_number.as_str()).collect();
        assert_eq!(numbers, expected);
    }
    // An office that serves two municipalities is found by each of them.
    let both = Row::Office(Office {
        office_number: "5730".into(),
        name: "Begge".into(),
        municipality_numbers: vec![HEMNE.into(), LEVANGER.into()],
    });
    import(&world, vec![both]).await;
    for (number, expected) in [
        (TRONDHEIM, vec![OFFICE]),
        (HEMNE, vec![HEMNE_OFFICE, "5730"]),
        (LEVANGER, vec![OTHER_OFFICE, "5730"]),
        ("0301", vec![]),
    ] {
        let request =
            ListOfficesRequest { municipality_number: number.into(), ..Default::default() };
        let found = registry.list_offices(request).await.unwrap().into_inner();
        let numbers: Vec<_> = found.offices.iter().map(|o| o.office_number.as_str()).collect();
        assert_eq!(numbers, expected);
    }
}

#[tokio::test]
async fn distribution_keys_stand_by_name_and_the_latest_date_first() {
    let world = World::new().await;
    import(
        &world,
        vec![
            weight("population", 2012, TRONDHEIM, 176_348),
            weight("population", 2012, HEMNE, 4_244),
            weight("population", 2012, LEVANGER, 18_922),
            weight("need", 2011, HEMNE, 7),
        ],
    )
    .await;
    let mut registry = world.county.registry();
    let request = ListDistributionKeysRequest { page_size: 1, ..Default::default() };
    let (keys, pages) = every_page!(registry, list_distribution_keys, request, distribution_keys);
    let key = |name: &str, year, source: &str, municipalities, total_weight| DistributionKey {
        key_name: name.into(),
        key_date: Some(date(year, 1, 1)),
        source: source.into(),
        municipalities,
        total_weight,
        ..DistributionKey::default()
    };
    let expected = [
        key("need", 2011, "Kartlegging", 1, 7),
        key("population", 2012, "SSB 07459", 3, 199_514),
        key("population", 2011, "SSB 07459", 2, 177_718),
    ];
    assert_eq!((keys.as_slice(), pages), (expected.as_slice(), vec![1, 1, 1]));
    let request = ListDistributionKeysRequest {
        key_name: "population".into(),
        key_date: Some(date(2011, 1, 1)),
        with_weights: true,
        ..Default::default()
    };
    let found = registry.list_distribution_keys(request).await.unwrap().into_inner();
    let [key] = found.distribution_keys.as_slice() else { panic!("{found:?}") };
    let weights: Vec<_> =
        key.weights.iter().map(|w| (w.municipality_number.as_str(), w.weight)).collect();
    assert_eq!(weights, [(TRONDHEIM, 173_486), (HEMNE, 4_232)]);
    let request = ListDistributionKeysRequest { with_weights: true, ..Default::default() };
    let refused = registry.list_distribution_keys(request).await.unwrap_err();
    assert_eq!(told(&refused), invalid("INVALID_FIELDS"));
    assert!(refused.message().contains("with_weights"), "{}", refused.message());
}

#[tokio::test]
async fn a_page_with_weights_has_at_most_20_keys() {
    let world = World::new().await;
    import(&world, (1990..2015).map(|year| weight("need", year, HEMNE, 1)).collect()).await;
    let mut registry = world.county.registry();
    let request = ListDistributionKeysRequest {
        key_name: "need".into(),
        page_size: 500,
        ..Default::default()
    };
    let with_weights = ListDistributionKeysRequest { with_weights: true, ..request.clone() };
    let (_, pages) = every_page!(registry, list_distribution_keys, request, distribution_keys);
    assert_eq!(pages, [25]);
    let (keys, pages) =
        every_page!(registry, list_distribution_keys, with_weights, distribution_keys);
    assert_eq!(pages, [20, 5]);
    assert!(keys.iter().all(|key| key.weights.len() == 1));
}

#[tokio::test]
async fn a_list_waits_for_the_registry_and_says_how_far_it_had_come() {
    let world = World::new().await;
    let mut registry = world.county.registry();
    let request = ListAreasRequest { at_least_seq: 1, ..Default::default() };
    let found = registry.list_areas(request).await.unwrap().into_inner();
    let id = Ledger { county_id: "NO".into(), measure_code: "REGISTRY".into() };
    assert_eq!(found.revisions, [Revision { ledger: Some(id), seq: 1 }]);
    let request = ListAreasRequest { at_least_seq: 2, ..Default::default() };
    let refused = registry.list_areas(request).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unavailable, "NOT_YET_AT_SEQ".to_owned()));
    // Nothing is in a registry that has never been filled.
    let empty = crate::support::Service::start().await;
    let county = empty.caller(Role::County, COUNTY).await;
    let found = county.registry().list_areas(ListAreasRequest::default()).await.unwrap();
    let found = found.into_inner();
    assert_eq!((found.areas.len(), found.revisions[0].seq), (0, 0));
}

#[tokio::test]
async fn a_token_is_good_for_one_list_and_what_it_asks_for() {
    let world = World::new().await;
    let mut registry = world.county.registry();
    let first = ListMunicipalitiesRequest { page_size: 1, ..Default::default() };
    let answer = registry.list_municipalities(first.clone()).await.unwrap().into_inner();
    let page_token = answer.next_page_token;
    let next = ListMunicipalitiesRequest { page_token: page_token.clone(), ..first };
    // How much at a time may change.
    let more = ListMunicipalitiesRequest { page_size: 9, at_least_seq: 1, ..next.clone() };
    let answer = registry.list_municipalities(more).await.unwrap().into_inner();
    assert_eq!(answer.municipalities.len(), 2);
    let other = ListMunicipalitiesRequest { county_id: COUNTY.into(), ..next.clone() };
    let refused = registry.list_municipalities(other).await.unwrap_err();
    assert_eq!(told(&refused), invalid("PAGE_TOKEN_INVALID"));
    let other = ListOfficesRequest { page_token: page_token.clone(), ..Default::default() };
    let refused = registry.list_offices(other).await.unwrap_err();
    assert_eq!(told(&refused), invalid("PAGE_TOKEN_INVALID"));
    let other = ListAreasRequest { page_token: format!("{page_token}x"), ..Default::default() };
    let refused = registry.list_areas(other).await.unwrap_err();
    assert_eq!(told(&refused), invalid("PAGE_TOKEN_INVALID"));
    for page_size in [-1, 501] {
        let other = ListMunicipalitiesRequest { page_size, ..next.clone() };
        let refused = registry.list_municipalities(other).await.unwrap_err();
        assert_eq!(told(&refused), invalid("INVALID_FIELDS"));
    }
}
