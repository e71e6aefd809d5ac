//! Reasons that lie in what comes in from another system.

use tiltaksplass::proto::v1::*;
use tonic::Status;
use tonic_types::StatusExt;

use super::{metadata, words};
use crate::{
    existing::{import, placed, send, waiting},
    world::World,
};

pub async fn no_place_group() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let nowhere = "01980000-0000-7000-8000-000000000001";
    let rows = vec![waiting(1), placed(2, nowhere), placed(3, nowhere)];
    let refused = send(&world.county, import(&ledger, rows)).await.unwrap_err();
    let named = refused.get_details_bad_request().unwrap().field_violations;
    let named: Vec<&str> = named.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, ["rows[1]", "rows[2]"]);
    assert_eq!(metadata(&refused, "bad_rows"), "2");
    let [nb, en] = words(&refused);
    assert_eq!(nb, "Importen har 2 rader med feil. Ingenting ble lagret.");
    assert_eq!(en, "The import has 2 rows with errors. Nothing was stored.");
    refused
}

pub async fn one_too_few() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let control_totals = vec![ControlTotal { persons: 2, percent: 200, ..Default::default() }];
    let request = ImportExistingRequest { control_totals, ..import(&ledger, vec![waiting(1)]) };
    let refused = send(&world.county, request).await.unwrap_err();
    assert_eq!(metadata(&refused, "differing_lines"), "1");
    assert!(refused.message().contains("all: 1 persons and 100 % counted, 2 and 200 % expected"));
    refused
}
