//! Cancel-safety: calls that are dropped half-way leave nothing half done, and take
//! nothing from those that go on. A handler that held a transaction in its own future
//! would hand a connection on inside it, and the next acknowledged write would be lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration as Pause, Instant},
};

use tiltaksplass::proto::v1::*;

use crate::chaos::{
    Dice,
    check::check,
    client::{Client, Manners, Office},
    history::Outcome,
    scenario::Scenario,
};

/// How long calls are dropped.
const LENGTH: Pause = Pause::from_secs(8);
/// Clients that never wait for an answer, clients that read and never wait, and clients
/// that do.
const DROPPERS: u64 = 12;
const READERS: u64 = 8;
const PATIENT: u64 = 8;

/// Leaves the processors to others for a moment, on average as long as a call lasted.
async fn rest(dice: &mut Dice) {
    tokio::time::sleep(Pause::from_micros(dice.below(20_000))).await;
}

/// Begins a read and drops it.
async fn glance(office: &Office, dice: &mut Dice) {
    let index = usize::try_from(dice.below(office.ledgers.len() as u64)).unwrap();
    let ledger = Some(office.ledgers[index].clone());
    let Some(caller) = office.fleet.caller(&office.ledgers[index].county_id, dice) else { return };
    let patience = Pause::from_micros(dice.below(20_000));
    let read = async {
        match dice.below(3) {
            0 => {
                let request = ListWaitlistEntriesRequest { ledger, ..Default::default() };
                drop(caller.waitlist().list_waitlist_entries(request).await);
            }
            1 => {
                let request = GetAvailabilityRequest { ledger, ..Default::default() };
                drop(caller.capacity().get_availability(request).await);
            }
            _ => {
                let request = ListChangesRequest { ledger, ..Default::default() };
                drop(caller.change().list_changes(request).await);
            }
        }
    };
    drop(tokio::time::timeout(patience, read).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_dropped_take_nothing_with_them() {
    let scenario = Scenario::new(None).await;
    let replica = scenario.serve().await;
    // More connections: the transport gives one up on which too many calls were dropped.
    for _ in 0..7 {
        scenario.office.fleet.add(&replica);
    }
    let until = Instant::now() + LENGTH;
    let glances = Arc::new(AtomicU32::new(0));
    let mut tasks = Vec::new();
    for n in 0..DROPPERS + PATIENT {
        let manners = if n < DROPPERS { Manners::GONE } else { Manners::CALM };
        let mut client = Client { office: scenario.office.clone(), dice: Dice::new(n), manners };
        tasks.push(tokio::spawn(async move {
            while Instant::now() < until {
                client.act().await;
                if n < DROPPERS {
                    rest(&mut client.dice).await;
                }
            }
        }));
    }
    for n in 0..READERS {
        let (office, glances) = (scenario.office.clone(), Arc::clone(&glances));
        tasks.push(tokio::spawn(async move {
            let mut dice = Dice::new(1_000 + n);
            while Instant::now() < until {
                glance(&office, &mut dice).await;
                glances.fetch_add(1, Ordering::Relaxed);
                rest(&mut dice).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (history, state) = scenario.outcome(true, async |_| {}).await;
    drop(replica);
    let dropped = history.records.iter().filter(|r| r.outcome == Outcome::Unknown).count();
    let glances = glances.load(Ordering::Relaxed);
    println!("{dropped} dropped, {glances} reads, {}", crate::chaos::summary(&history, &state));
    assert_eq!(check(&history, &state), []);
    assert!(dropped > 500 && glances > 500, "too few were dropped: {dropped}, {glances}");
    let acknowledged = history.records.len() - dropped;
    assert!(acknowledged > 20, "too few went on: {acknowledged}");
}
