//! The log of a day (`day.rs`), as the service wrote it once, in `tests/data/log/day.jsonl`:
//! each later release makes every one of its decisions again, and the same. Rows are only
//! taken in anew on purpose, with `UPDATE_GOLDEN=1`, and only before a release has written
//! others.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection, Row as _, postgres::PgRow};
use tiltaksplass::{
    domain::{ids::LedgerId, ledger::Ledger},
    replay::{Fold, Registries},
};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use crate::support::new_database;

#[derive(Serialize, Deserialize)]
struct Row {
    county_id: String,
    measure_code: String,
    seq: i64,
    request_id: Uuid,
    kind: String,
    /// The very bytes, which are JSON.
    header: String,
    payload: String,
    prev_hash: String,
    hash: String,
    #[serde(with = "rfc3339")]
    at: OffsetDateTime,
}

impl Row {
    fn of(row: &PgRow) -> Self {
        Self {
            county_id: row.get("county_id"),
            measure_code: row.get("measure_code"),
            seq: row.get("seq"),
            request_id: row.get("request_id"),
            kind: row.get("kind"),
            header: row.get("header"),
            payload: row.get("payload"),
            prev_hash: row.get("prev_hash"),
            hash: row.get("hash"),
            at: row.get("at"),
        }
    }
}

fn kept() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/log/day.jsonl")
}

/// Keeps the log of a database, where that is wanted.
pub async fn keep(sql: &mut PgConnection) {
    if std::env::var_os("UPDATE_GOLDEN").is_none() {
        return;
    }
    let rows = sqlx::query(
        "SELECT county_id, measure_code, seq, request_id, kind, convert_from(header, 'UTF8') AS \
         header, convert_from(payload, 'UTF8') AS payload, encode(prev_hash, 'hex') AS prev_hash, \
         encode(hash, 'hex') AS hash, at \
         FROM ledger_log ORDER BY measure_code <> 'REGISTRY', county_id, measure_code, seq",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    let lines: Vec<String> =
        rows.iter().map(|row| serde_json::to_string(&Row::of(row)).unwrap() + "\n").collect();
    fs::write(kept(), lines.concat()).unwrap();
}

/// Puts a row where the service would find it.
async fn put(sql: &mut PgConnection, row: &Row) {
    sqlx::query(
        "INSERT INTO ledger (county_id, measure_code, distribution, seq, head_hash, frame) \
         VALUES ($1, $2, 'COUNTY_POOL', 0, decode(repeat('00', 32), 'hex'), '{}') \
         ON CONFLICT DO NOTHING",
    )
    .bind(&row.county_id)
    .bind(&row.measure_code)
    .execute(&mut *sql)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO ledger_log (county_id, measure_code, seq, request_id, kind, header, payload, \
         prev_hash, hash, at) VALUES ($1, $2, $3, $4, $5, $6, $7, decode($8, 'hex'), \
         decode($9, 'hex'), $10)",
    )
    .bind(&row.county_id)
    .bind(&row.measure_code)
    .bind(row.seq)
    .bind(row.request_id)
    .bind(&row.kind)
    .bind(row.header.as_bytes())
    .bind(row.payload.as_bytes())
    .bind(&row.prev_hash)
    .bind(&row.hash)
    .bind(row.at)
    .execute(sql)
    .await
    .unwrap();
}

#[tokio::test]
async fn every_decision_of_a_kept_day_is_made_again_and_the_same() {
    let text = fs::read_to_string(kept()).unwrap();
    let rows: Vec<Row> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut sql = PgConnection::connect_with(&new_database().await).await.unwrap();
    let mut ledgers: Vec<LedgerId> = Vec::new();
    for row in &rows {
        put(&mut sql, row).await;
        let ledger = LedgerId::from_texts(&row.county_id, &row.measure_code).unwrap();
        if !ledgers.contains(&ledger) {
            ledgers.push(ledger);
        }
    }
    // The registry's log stands first: the others look into it.
    assert_eq!(ledgers[0], LedgerId::registry());
    let mut registries = Registries::default();
    let mut kinds = BTreeSet::new();
    let mut folded = 0;
    for id in &ledgers {
        let mut fold = Fold::new(id, &mut registries);
        while let Some((header, payload)) =
            fold.next(&mut sql, &mut registries).await.unwrap_or_else(|e| panic!("{id}: {e}"))
        {
            folded += 1;
            kinds.insert(header.kind);
            let bytes = serde_json::to_string(&payload).unwrap();
            assert!(rows.iter().any(|row| row.payload == bytes), "read and written otherwise");
        }
        let ledger: Ledger = fold.into_ledger();
        assert!(ledger.accounts().all(|(_, account)| account.is_sound()));
    }
    assert_eq!(folded, rows.len());
    assert!(kinds.len() >= 30, "the day leaves much out: {kinds:?}");
}
