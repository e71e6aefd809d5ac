//! Reasons that lie in what another ledger holds.

use tonic::Status;

use super::{metadata, words};
use crate::{
    transfer::{
        TO_LEVANGER,
        combining::{accepted, combines_only_with, pool, start},
        transfer,
    },
    world::{OTHER_COUNTY, World, avklaring},
};

pub async fn sent_on() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry = world.join(&ledger, 1).await;
    let mut waitlist = world.office.waitlist();
    waitlist.transfer_entry(transfer(&ledger, &entry, TO_LEVANGER)).await.unwrap();
    let again = transfer(&ledger, &entry, TO_LEVANGER);
    let refused = waitlist.transfer_entry(again).await.unwrap_err();
    assert_eq!(metadata(&refused, "county_id"), OTHER_COUNTY);
    assert_eq!(metadata(&refused, "measure_code"), "VTA");
    for text in words(&refused) {
        assert!(text.contains(OTHER_COUNTY), "{text}");
    }
    refused
}

pub async fn placed_elsewhere() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    pool(&world, &avklaring(), 1).await;
    world.join(&ledger, 1).await;
    world.join(&avklaring(), 1).await;
    let [here, there] = [
        accepted(&world, &ledger, 1).await.remove(0).offer_id,
        accepted(&world, &avklaring(), 1).await.remove(0).offer_id,
    ];
    let mut allocation = world.office.allocation();
    allocation.start_placement(start(&avklaring(), &there)).await.unwrap();
    combines_only_with(&world.service, "AVKLARING", &[]).await;
    let refused = allocation.start_placement(start(&ledger, &here)).await.unwrap_err();
    assert_eq!(metadata(&refused, "measure_code"), "AVKLARING");
    for text in words(&refused) {
        assert!(text.contains("AVKLARING"), "{text}");
    }
    refused
}
