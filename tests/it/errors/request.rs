//! Reasons that lie in the request, or in what it asks for.

use tiltaksplass::{domain::access::Role, proto::v1::*, worker};
use time::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{metadata, resource, words};
use crate::{
    support::{Caller, Service, request_id},
    world::{COUNTY, OFFICE, World, join, vta},
};

pub async fn invalid_fields() -> Status {
    let world = World::new().await;
    let request = JoinWaitlistRequest::default();
    let refused = world.office.waitlist().join_waitlist(request).await.unwrap_err();
    let named = refused.get_details_bad_request().unwrap().field_violations;
    let named: Vec<&str> = named.iter().map(|violation| violation.field.as_str()).collect();
    let missing = [
        "request_id",
        "ledger",
        "national_identity_number",
        "municipality_number",
        "following_office_number",
    ];
    assert_eq!(named, missing);
    assert_eq!(metadata(&refused, "violations"), "5");
    assert!(words(&refused)[0].starts_with("5 felt "));
    refused
}

pub async fn reused() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request = join(&ledger, 1);
    world.office.waitlist().join_waitlist(request.clone()).await.unwrap();
    let other = JoinWaitlistRequest { participation_percent: 50, ..request };
    world.office.waitlist().join_waitlist(other).await.unwrap_err()
}

pub async fn expired() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request = join(&ledger, 1);
    world.office.waitlist().join_waitlist(request.clone()).await.unwrap();
    world.service.clock.advance(Duration::days(30) + Duration::SECOND);
    worker::retire_answers(&world.service.app).await.unwrap();
    let office = world.service.caller(Role::Office, OFFICE).await;
    office.waitlist().join_waitlist(request).await.unwrap_err()
}

pub async fn page_token() -> Status {
    let world = World::new().await;
    let request = ListWaitlistEntriesRequest {
        ledger: Some(vta()),
        page_token: "of-another-list".into(),
        ..ListWaitlistEntriesRequest::default()
    };
    world.county.waitlist().list_waitlist_entries(request).await.unwrap_err()
}

pub async fn without_token() -> Status {
    let service = Service::start().await;
    let mut waitlist = waitlist_service_client::WaitlistServiceClient::new(service.channel().await);
    waitlist.join_waitlist(JoinWaitlistRequest::default()).await.unwrap_err()
}

pub async fn denied() -> Status {
    let world = World::new().await;
    let request = ListWaitlistEntriesRequest { ledger: Some(vta()), ..Default::default() };
    world.provider.waitlist().list_waitlist_entries(request).await.unwrap_err()
}

pub async fn no_ledger() -> Status {
    let world = World::new().await;
    let ledger = Ledger { county_id: "NO-99".into(), measure_code: "VTA".into() };
    let request = GetAvailabilityRequest { ledger: Some(ledger), ..Default::default() };
    let refused = world.directorate.capacity().get_availability(request).await.unwrap_err();
    assert_eq!(resource(&refused), ("ledger".to_owned(), "NO-99/VTA".to_owned()));
    refused
}

pub async fn no_offer() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let id = request_id();
    let refused = world.respond(&ledger, &id, OfferAnswer::Accept).await.unwrap_err();
    // Who may not know of it is told the same, and a county knows of all in its area.
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(resource(&refused), ("offer".to_owned(), id));
    refused
}

pub async fn no_office() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request =
        JoinWaitlistRequest { following_office_number: "9999".into(), ..join(&ledger, 1) };
    let refused = world.county.waitlist().join_waitlist(request).await.unwrap_err();
    assert_eq!(metadata(&refused, "field"), "following_office_number");
    assert_eq!(metadata(&refused, "value"), "9999");
    refused
}

async fn import(caller: &Caller, rows: Vec<RegistryRow>) -> Result<(), Status> {
    let request = ImportRegistryRequest { request_id: request_id(), rows, ..Default::default() };
    let pieces = tokio_stream::iter([request]);
    caller.registry().import_registry(pieces).await.map(drop)
}

pub async fn bad_rows() -> Status {
    let world = World::new().await;
    let municipality = |number: &str, county_id: &str| {
        let row = registry_row::Row::Municipality(Municipality {
            municipality_number: number.into(),
            name: number.into(),
            county_id: county_id.into(),
        });
        RegistryRow { row: Some(row) }
    };
    let rows = vec![municipality("1234", COUNTY), municipality("1235", "NO-99")];
    let refused = import(&world.directorate, rows).await.unwrap_err();
    let named = refused.get_details_bad_request().unwrap().field_violations;
    assert_eq!(named.len(), 1);
    assert_eq!(named[0].field, "rows[1]");
    assert_eq!(metadata(&refused, "bad_rows"), "1");
    refused
}

pub async fn no_key() -> Status {
    let world = World::new().await;
    let request = GetFairShareRequest {
        ledger: Some(vta()),
        key_name: "population".into(),
        key_date: Some(crate::world::date(1999, 1, 1)),
        ..GetFairShareRequest::default()
    };
    let refused = world.county.fair_share().get_fair_share(request).await.unwrap_err();
    let expected = ("distribution key".to_owned(), "population/1999-01-01".to_owned());
    assert_eq!(resource(&refused), expected);
    let [nb, en] = words(&refused);
    assert!(nb.contains("01.01.1999") && en.contains("1999-01-01"), "{nb} {en}");
    refused
}

pub async fn too_few_seats() -> Status {
    let world = World::new().await;
    let area = |id: &str| ApportionArea {
        area_id: id.into(),
        weight: 1,
        min_seats: 7,
        ..ApportionArea::default()
    };
    let request = ApportionRequest {
        method: ApportionmentMethod::SainteLague.into(),
        seats: 13,
        areas: vec![area("a"), area("b")],
    };
    let refused = world.office.fair_share().apportion(request).await.unwrap_err();
    for text in words(&refused) {
        assert!(text.contains("13") && text.contains("14"), "{text}");
    }
    refused
}

pub async fn ahead() -> Status {
    let world = World::new().await;
    let request = GetAvailabilityRequest {
        ledger: Some(vta()),
        at_least_seq: 1_000,
        ..GetAvailabilityRequest::default()
    };
    let refused = world.county.capacity().get_availability(request).await.unwrap_err();
    assert_eq!(metadata(&refused, "wanted_seq"), "1000");
    refused
}
