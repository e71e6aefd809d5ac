//! Reads what is there in the end: as owner from the tables, as a county from the feed.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tiltaksplass::{domain::event::Payload, proto::v1::*};

use crate::{
    chaos::{
        Dice,
        call::ledger_name,
        client::{Client, Manners, Office},
        history::{Change, FinalState, History, LedgerState, LogRow, Outcome},
    },
    support::Caller,
};

/// How many replays are under way at once.
const REPLAYS_AT_ONCE: usize = 32;

fn client(office: &std::sync::Arc<Office>, seed: u64) -> Client {
    Client { office: office.clone(), dice: Dice::new(seed), manners: Manners::CALM }
}

/// Asks for everything nobody knows about until it is known. What was given up for good
/// stays unknown.
pub async fn settle(office: &std::sync::Arc<Office>, given_up: bool) {
    let mut records = std::mem::take(&mut office.history.lock().unwrap().records);
    if !given_up {
        for record in records.iter_mut().filter(|r| r.outcome == Outcome::Unknown) {
            let (outcome, _, _) = client(office, 1).carry_out(&record.call).await;
            record.outcome = outcome;
            if let Outcome::Refused { clear, .. } = &mut record.outcome {
                *clear = false;
            }
            record.ended = u64::MAX;
        }
    }
    office.history.lock().unwrap().records = records;
}

/// Asks for everything that was acknowledged once more.
pub async fn replay(
    office: &std::sync::Arc<Office>,
    history: &History,
) -> BTreeMap<String, Outcome> {
    let acknowledged = history
        .records
        .iter()
        .filter(|record| matches!(record.outcome, Outcome::Acknowledged { .. }))
        .map(|record| record.call.clone());
    stream::iter(acknowledged)
        .map(|call| async move {
            let (outcome, _, _) = client(office, 2).carry_out(&call).await;
            (call.request_id().to_owned(), outcome)
        })
        .buffer_unordered(REPLAYS_AT_ONCE)
        .collect()
        .await
}

/// Where each log stands.
pub async fn heads(office: &Office) -> BTreeMap<String, u64> {
    let mut sql = office.fleet.base.sql().await;
    let heads: Vec<(String, i64)> =
        sqlx::query_as("SELECT county_id || '/' || measure_code, seq FROM ledger")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    heads.into_iter().map(|(name, seq)| (name, seq.cast_unsigned())).collect()
}

/// Everything but the replays.
pub async fn gather(office: &Office, baselines: &BTreeMap<String, u64>) -> FinalState {
    let mut sql = office.fleet.base.sql().await;
    let mut state =
        FinalState { in_transaction: left_in_transaction(&mut sql).await, ..FinalState::default() };
    let claims: Vec<(String, String, String, Option<String>)> = sqlx::query_as(
        "SELECT person_id::text, measure_code, county_id, entry_id::text FROM person_claim",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    state.claims = claims
        .into_iter()
        .map(|(person, measure, county, entry)| {
            (person, measure, county, entry.unwrap_or_default())
        })
        .collect();
    for ledger in &office.ledgers {
        let name = ledger_name(ledger);
        let caller = office.fleet.caller(&ledger.county_id, &mut Dice::new(1)).unwrap();
        let mut one = tables(&mut sql, ledger).await;
        let auditor = Caller { bearer: office.fleet.auditor(), ..caller };
        one.feed = feed(&auditor, ledger).await;
        one.baseline = baselines[&name];
        state.ledgers.insert(name, one);
    }
    state
}

/// Sessions of the service that are in a transaction after a moment of rest. The worker
/// is at work now and then, so one that lasts is meant.
async fn left_in_transaction(sql: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT state || ' since ' || xact_start || ': ' || query FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'tiltaksplass' \
         AND state LIKE 'idle in transaction%' \
         AND clock_timestamp() - state_change > interval '500 milliseconds'",
    )
    .fetch_all(sql)
    .await
    .unwrap()
}

async fn tables(sql: &mut PgConnection, ledger: &Ledger) -> LedgerState {
    LedgerState {
        log: log(sql, ledger).await,
        accounts: rows::<(String, i64, i64, i64)>(
            sql,
            ledger,
            "SELECT account_key, limit_percent, reserved_percent, in_use_percent FROM account \
             WHERE county_id = $1 AND measure_code = $2",
        )
        .await
        .into_iter()
        .map(|(key, limit, reserved, in_use)| (key, (limit, reserved, in_use)))
        .collect(),
        entries: rows::<(String, String, String)>(
            sql,
            ledger,
            "SELECT entry_id::text, person_id::text, state FROM entry \
             WHERE county_id = $1 AND measure_code = $2",
        )
        .await
        .into_iter()
        .map(|(entry, person, state)| (entry, (person, state)))
        .collect(),
        offers: rows(
            sql,
            ledger,
            "SELECT offer_id::text, state FROM offer WHERE county_id = $1 AND measure_code = $2",
        )
        .await
        .into_iter()
        .collect(),
        placements: rows(
            sql,
            ledger,
            "SELECT placement_id::text, state FROM placement \
             WHERE county_id = $1 AND measure_code = $2",
        )
        .await
        .into_iter()
        .collect(),
        ..LedgerState::default()
    }
}

async fn rows<T>(sql: &mut PgConnection, ledger: &Ledger, statement: &'static str) -> Vec<T>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    sqlx::query_as(statement)
        .bind(&ledger.county_id)
        .bind(&ledger.measure_code)
        .fetch_all(sql)
        .await
        .unwrap()
}

async fn log(sql: &mut PgConnection, ledger: &Ledger) -> Vec<LogRow> {
    let rows = rows::<(i64, String, String, Vec<u8>, Vec<u8>)>(
        sql,
        ledger,
        "SELECT seq, request_id::text, kind, hash, payload FROM ledger_log \
         WHERE county_id = $1 AND measure_code = $2 ORDER BY seq",
    )
    .await;
    rows.into_iter()
        .map(|(seq, request_id, kind, hash, payload)| LogRow {
            seq: seq.cast_unsigned(),
            request_id,
            kind,
            hash: hash.try_into().unwrap(),
            events: serde_json::from_slice::<Payload>(&payload).unwrap().events,
        })
        .collect()
}

/// The whole change feed of a ledger, page by page.
async fn feed(caller: &Caller, ledger: &Ledger) -> Vec<Change> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListChangesRequest {
            ledger: Some(ledger.clone()),
            page_size: 200,
            page_token,
            ..ListChangesRequest::default()
        };
        let page = caller.change().list_changes(request).await.unwrap().into_inner();
        all.extend(page.changes.into_iter().map(|change| {
            let hash = Sha256::new()
                .chain_update(b"tiltaksplass.log.v1\0")
                .chain_update(&change.prev_hash)
                .chain_update((change.header.len() as u64).to_be_bytes())
                .chain_update(&change.header)
                .chain_update(Sha256::digest(&change.payload))
                .finalize();
            Change {
                seq: change.seq,
                kind: change.kind,
                prev_hash: change.prev_hash,
                hash: change.hash,
                recomputed: hash.to_vec(),
            }
        }));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}
