//! Reasons that lie in the service and what it stands on.

use std::time::Duration as Pause;

use futures::{StreamExt, stream::FuturesUnordered};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tiltaksplass::{
    domain::access::Role,
    proto::v1::*,
    write::{BATCH_COMMANDS, LANE_QUEUE},
};
use tonic::{Code, Request, Status};

use crate::{
    support::{Service, logs, reason, request_id},
    world::{COUNTY, World, join},
};

/// Calls that share a connection, below what the port lets one carry at once.
const CALLS_PER_CONNECTION: usize = 90;

async fn let_in(service: &Service, allowed: bool) {
    let name = service.database.get_database().unwrap().to_owned();
    let options = service.database.clone().database("postgres");
    let mut admin = PgConnection::connect_with(&options).await.unwrap();
    for statement in [
        format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"),
        format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND NOT {allowed}"
        ),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    }
}

/// The database is gone and comes back: the same request happens once.
pub async fn no_database() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let_in(&world.service, false).await;
    let request = join(&ledger, 1);
    let mutation = world.office.waitlist().join_waitlist(request.clone()).await.unwrap_err();
    let read = GetAvailabilityRequest { ledger: Some(ledger), ..Default::default() };
    let read = world.county.capacity().get_availability(read).await.unwrap_err();
    assert_eq!((read.code(), reason(&read)), (mutation.code(), reason(&mutation)));
    let_in(&world.service, true).await;
    let joined = world.office.waitlist().join_waitlist(request.clone()).await.unwrap();
    let again = world.office.waitlist().join_waitlist(request).await.unwrap();
    assert_eq!(joined.into_inner(), again.into_inner());
    world.service.verify().await;
    mutation
}

/// Holds a ledger's lock until the connection is dropped.
async fn hold(world: &World) -> PgConnection {
    let mut sql = world.service.sql().await;
    sqlx::raw_sql("BEGIN; SELECT FROM ledger WHERE measure_code = 'VTA' FOR UPDATE")
        .execute(&mut sql)
        .await
        .unwrap();
    sql
}

/// While one transaction waits for a ledger, as many calls as its lane holds, and more.
pub async fn full_lane() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let holder = hold(&world).await;
    let mut calls = FuturesUnordered::new();
    let count = LANE_QUEUE + 2 * BATCH_COMMANDS;
    for connection in 0..count.div_ceil(CALLS_PER_CONNECTION) {
        let name = format!("county-{connection}");
        let caller = world.service.caller_as(Role::County, COUNTY, &name).await;
        for _ in 0..CALLS_PER_CONNECTION {
            let request = AllocatePlacesRequest {
                request_id: request_id(),
                ledger: Some(ledger.clone()),
                ..AllocatePlacesRequest::default()
            };
            let caller = caller.clone();
            calls.push(async move { caller.allocation().allocate_places(request).await });
        }
    }
    let refused = calls.next().await.unwrap().unwrap_err();
    // It was refused at once, and nothing that was taken in is lost for it.
    holder.close().await.unwrap();
    let (mut done, mut overloaded) = (0, 1);
    while let Some(answer) = calls.next().await {
        match answer {
            Ok(_) => done += 1,
            Err(status) => {
                assert_eq!(reason(&status), "OVERLOADED", "{status:?}");
                overloaded += 1;
            }
        }
    }
    assert!(done >= LANE_QUEUE, "{done} were done, {overloaded} refused");
    let mut sql = world.service.sql().await;
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM ledger_log WHERE kind = 'ALLOCATE_PLACES'")
            .fetch_one(&mut sql)
            .await
            .unwrap();
    assert_eq!(usize::try_from(rows).unwrap(), done, "who was refused changed nothing");
    refused
}

/// Another session holds the ledger. The transport of the client gives up at the same
/// deadline, and now and then before our answer is there.
pub async fn held_ledger() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let holder = hold(&world).await;
    let mut told = None;
    for person in 0..50 {
        let mut request = Request::new(join(&ledger, person));
        request.set_timeout(Pause::from_millis(300));
        let refused = world.office.waitlist().join_waitlist(request).await.unwrap_err();
        if !reason(&refused).is_empty() {
            told = Some(refused);
            break;
        }
        assert_eq!(refused.code(), Code::Cancelled, "{refused:?}");
    }
    drop(holder);
    told.expect("our own answer came first in one of fifty calls")
}

/// A row that somebody has changed by hand.
pub async fn corrupted_row() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let mut sql = world.service.sql().await;
    sqlx::raw_sql("UPDATE entry SET doc = '{\"kanarifugl\": 1}'").execute(&mut sql).await.unwrap();
    let request = GetPositionRequest {
        ledger: Some(ledger),
        entry_id,
        at_least_seq: 0,
        ..GetPositionRequest::default()
    };
    let refused = world.county.waitlist().get_position(request).await.unwrap_err();
    let said = format!("{refused:?} {}", String::from_utf8_lossy(refused.details()));
    for word in ["kanarifugl", "column", "missing field", "doc"] {
        assert!(!said.contains(word), "database text never leaves: {said}");
    }
    assert!(logs().contains("a call failed by our fault"));
    refused
}
