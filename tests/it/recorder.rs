//! The record of accesses: no answer without a row, chains that stay whole when many read
//! at once and when a commit fails.

use std::collections::BTreeMap;

use futures::future::join_all;
use sqlx::{PgConnection, Row};
use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::Code;

use crate::{
    support::Caller,
    world::{COUNTY, World, join},
};

fn position(ledger: &Ledger, entry_id: &str) -> GetPositionRequest {
    GetPositionRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.to_owned(),
        ..GetPositionRequest::default()
    }
}

/// How many accesses each recorder has written, and how many rows share a commit.
async fn recorded(sql: &mut PgConnection) -> (BTreeMap<uuid::Uuid, i64>, i64) {
    let rows = sqlx::query("SELECT recorder_id, count(*) AS n FROM access_log GROUP BY 1")
        .fetch_all(&mut *sql)
        .await
        .unwrap();
    let commits: i64 = sqlx::query_scalar("SELECT count(DISTINCT xmin::text) FROM access_log")
        .fetch_one(sql)
        .await
        .unwrap();
    (rows.iter().map(|row| (row.get(0), row.get(1))).collect(), commits)
}

async fn waiting(world: &World) -> (Ledger, String) {
    let (ledger, _) = world.vta(1).await;
    let entry = world.office.waitlist().join_waitlist(join(&ledger, 1)).await.unwrap();
    (ledger, entry.into_inner().entry_id)
}

#[tokio::test]
async fn reads_at_once_share_commits_and_each_has_its_row() {
    const READS: usize = 200;
    let world = World::new().await;
    let (ledger, entry_id) = waiting(&world).await;
    let other = world.service.replica().await;
    let callers: [Caller; 2] = [
        other.caller(Role::County, COUNTY).await,
        world.service.caller(Role::County, COUNTY).await,
    ];
    let reads = (0..READS).map(|n| {
        let (mut client, request) = (callers[n % 2].waitlist(), position(&ledger, &entry_id));
        async move { client.get_position(request).await }
    });
    for answer in join_all(reads).await {
        answer.unwrap();
    }
    let (rows, commits) = recorded(&mut world.service.sql().await).await;
    assert_eq!(rows.values().sum::<i64>(), i64::try_from(READS).unwrap());
    assert_eq!(rows.len(), 2, "each service has a chain of its own: {rows:?}");
    assert!(commits < i64::try_from(READS / 2).unwrap(), "{commits} commits for {READS} reads");
    world.service.verify().await;
}

#[tokio::test]
async fn after_a_failed_commit_a_new_chain_begins() {
    let world = World::new().await;
    let (ledger, entry_id) = waiting(&world).await;
    let mut sql = world.service.sql().await;
    let mut client = world.county.waitlist();
    client.get_position(position(&ledger, &entry_id)).await.unwrap();
    // A rule that no access keeps: the read fails, and nothing of it is answered.
    let statement =
        "ALTER TABLE access_log ADD CONSTRAINT nothing_more CHECK (number < 1) NOT VALID";
    sqlx::raw_sql(statement).execute(&mut sql).await.unwrap();
    let refused = client.get_position(position(&ledger, &entry_id)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
    sqlx::raw_sql("ALTER TABLE access_log DROP CONSTRAINT nothing_more")
        .execute(&mut sql)
        .await
        .unwrap();
    client.get_position(position(&ledger, &entry_id)).await.unwrap();
    client.get_position(position(&ledger, &entry_id)).await.unwrap();
    let (rows, _) = recorded(&mut sql).await;
    let mut counts: Vec<i64> = rows.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
    world.service.verify().await;
}

/// Who asks about a person waits for the record; who travels in the same lane does not.
#[tokio::test]
async fn a_slow_record_keeps_nobody_else_waiting() {
    let world = World::new().await;
    let (ledger, _) = waiting(&world).await;
    let mut sql = world.service.sql().await;
    let held = "BEGIN; LOCK TABLE access_log IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(held).execute(&mut sql).await.unwrap();
    let preview = JoinWaitlistRequest { validate_only: true, ..join(&ledger, 2) };
    let mut office = world.office.waitlist();
    let asked = tokio::spawn(async move { office.join_waitlist(preview).await });
    // The preview is first in the lane, and the record of it is what everything would wait for.
    let is_waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted \
                      AND relation = 'access_log'::regclass";
    while sqlx::query_scalar::<_, i64>(is_waiting).fetch_one(&mut sql).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    world.office.waitlist().join_waitlist(join(&ledger, 3)).await.unwrap();
    assert!(!asked.is_finished(), "it is answered before it is written down");
    sqlx::raw_sql("ROLLBACK").execute(&mut sql).await.unwrap();
    asked.await.unwrap().unwrap();
    world.service.verify().await;
}
