//! The queue that comes in is the queue that is served.

use tiltaksplass::proto::v1::*;

use super::{days_ago, entries, import, send, waiting};
use crate::{
    support::request_id,
    world::{World, join},
};

fn registered(person: u32, days: i64) -> ExistingRow {
    ExistingRow { registered_time: Some(days_ago(days)), ..waiting(person) }
}

/// The ids in the old system, in the order of the queue.
async fn queue(world: &World, ledger: &Ledger) -> Vec<String> {
    let entries = entries(world, ledger, EntryState::Waiting).await;
    let name = |entry: WaitlistEntry| match &entry.external_references[..] {
        [one] => one.id.clone(),
        _ => "new".to_owned(),
    };
    entries.into_iter().map(name).collect()
}

#[tokio::test]
async fn the_queue_is_served_by_registered_time_and_goes_on_from_there() {
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    world.join(&ledger, 1).await;
    // FIRST stands ahead by 90 days; 3, 4 and 5 have the same time.
    let rows = vec![
        registered(2, 10),
        registered(3, 200),
        registered(4, 200),
        ExistingRow { priority_class: "FIRST".into(), ..registered(5, 110) },
        registered(6, 300),
    ];
    send(&world.county, import(&ledger, rows)).await.unwrap();
    // 5 counts as if registered when 3 and 4 were, and was registered later.
    let order = ["D6", "D3", "D4", "D5", "D2", "new"];
    let found = queue(&world, &ledger).await;
    assert_eq!(found, order);
    let run = world.allocate(&ledger, 2).await;
    let left = queue(&world, &ledger).await;
    assert_eq!(run.proposals.len(), 2);
    assert_eq!(left, found[2..]);
    let late = JoinWaitlistRequest { registered_time: Some(days_ago(250)), ..join(&ledger, 7) };
    world.county.waitlist().join_waitlist(late).await.unwrap();
    assert_eq!(queue(&world, &ledger).await[0], "new");
    world.service.verify().await;
}

/// Two imports with the same times, and many of them: no two entries have one place in the order.
#[tokio::test]
async fn equal_times_stand_in_the_order_of_the_rows() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let rows = |from: u32| (from..from + 40).map(|person| registered(person, 100)).collect();
    send(&world.county, import(&ledger, rows(1))).await.unwrap();
    send(&world.county, import(&ledger, rows(101))).await.unwrap();
    let found = queue(&world, &ledger).await;
    let own = |from: u32| (from..from + 40).map(|person| format!("D{person}"));
    // The import that came first is ahead, and within each its rows as they came.
    let expected: Vec<String> = own(1).chain(own(101)).collect();
    assert_eq!(found, expected);
    world.service.verify().await;
}

/// Who was not assessed keeps the turn, and gets nothing by rule.
#[tokio::test]
async fn who_is_not_yet_assessed_is_paused() {
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    let not_assessed = |person, word: &str| ExistingRow {
        state: 0,
        arena_status: word.into(),
        ..registered(person, 300)
    };
    let rows = vec![not_assessed(1, "AKTUELL"), not_assessed(2, "INFOMOETE"), registered(3, 10)];
    let request = ImportExistingRequest { request_id: request_id(), ..import(&ledger, rows) };
    send(&world.county, request).await.unwrap();
    let paused = entries(&world, &ledger, EntryState::Paused).await;
    assert_eq!(paused.len(), 2);
    for entry in &paused {
        let imported = entry.imported.clone().unwrap();
        assert_eq!((imported.source.as_str(), imported.was_not_assessed), ("Arena", true));
        assert_eq!(imported.cut_over_date, Some(crate::world::date(2026, 2, 28)));
    }
    assert_eq!(world.allocate(&ledger, 2).await.proposals.len(), 1);
    world.service.verify().await;
}
