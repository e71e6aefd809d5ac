//! A host acts on behalf of whom it hosts: the log names the office and the municipality.

use serde_json::Value;
use tiltaksplass::domain::access::Role;

use super::{
    served::{
        EVENES, FIRST, GRATANGEN, NARVIK, NAV_GRATANGEN, NAV_NARVIK, NORDLAND, TROMS, join_of,
        joined, narvik, north, vta_of,
    },
    *,
};

/// Each row's kind, organisation, and on whose behalf it was asked for, if that is said at all.
async fn rows(world: &World, area: &str) -> Vec<(String, String, Option<Vec<String>>)> {
    let county = world.service.caller(Role::County, area).await;
    let request = ListChangesRequest { ledger: Some(vta_of(area)), ..Default::default() };
    let changes = county.change().list_changes(request).await.unwrap().into_inner().changes;
    let row = |change: &Change| {
        let header: Value = serde_json::from_slice(&change.header).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let hosted = header.get("on_behalf_of");
        let hosted = hosted.map(|all| all.as_array().unwrap().iter().map(text).collect());
        (text(&header["kind"]), text(&header["actor"]["organisation"]), hosted)
    };
    changes.iter().map(row).filter(|(_, by, _)| by == NAV_NARVIK || by == NAV_GRATANGEN).collect()
}

fn row(kind: &str, by: &str, hosted: &[&str]) -> (String, String, Option<Vec<String>>) {
    let all = hosted.iter().map(|number| (*number).to_owned()).collect();
    (kind.to_owned(), by.to_owned(), (!hosted.is_empty()).then_some(all))
}

#[tokio::test]
async fn the_log_names_the_office_and_whom_it_acted_for() {
    let world = north().await;
    world.service.clock.set(FIRST);
    let (office, own) = (narvik(&world).await, NAV_NARVIK);
    joined(&office, join_of(NORDLAND, NARVIK, 1)).await;
    let moves = joined(&office, join_of(NORDLAND, EVENES, 2)).await;
    let some = [(NARVIK, 3), (EVENES, 4), (EVENES, 5)];
    let some = some.map(|(number, person)| JoinWaitlistRequest {
        request_id: String::new(),
        ledger: None,
        ..join_of(NORDLAND, number, person)
    });
    let batch = BatchJoinWaitlistRequest {
        request_id: request_id(),
        ledger: Some(vta_of(NORDLAND)),
        joins: some.to_vec(),
        ..Default::default()
    };
    office.waitlist().batch_join_waitlist(batch).await.unwrap();
    // What is sent on to the other area was asked for on behalf of where it came from.
    let transfer = TransferEntryRequest {
        request_id: request_id(),
        ledger: Some(vta_of(NORDLAND)),
        entry_id: moves,
        municipality_number: GRATANGEN.into(),
        following_office_number: NAV_NARVIK.into(),
        ..Default::default()
    };
    office.waitlist().transfer_entry(transfer).await.unwrap();
    joined(&office, join_of(TROMS, GRATANGEN, 6)).await;
    // An office of the hosted municipality acts for itself.
    let gratangen = world.service.caller(Role::Office, NAV_GRATANGEN).await;
    joined(&gratangen, join_of(TROMS, GRATANGEN, 7)).await;
    let expected = [
        row("JOIN_WAITLIST", own, &[]),
        row("JOIN_WAITLIST", own, &[EVENES]),
        row("BATCH_JOIN_WAITLIST", own, &[EVENES]),
        row("TRANSFER_ENTRY", own, &[EVENES]),
    ];
    assert_eq!(rows(&world, NORDLAND).await, expected);
    let expected = [
        row("RECEIVE_ENTRY", own, &[EVENES]),
        row("JOIN_WAITLIST", own, &[GRATANGEN]),
        row("JOIN_WAITLIST", NAV_GRATANGEN, &[]),
    ];
    assert_eq!(rows(&world, TROMS).await, expected);
    world.service.verify().await;
}
