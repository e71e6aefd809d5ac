//! The log and the answers: added to, never changed.

use sqlx::{PgConnection, Postgres, QueryBuilder, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    domain::{
        calendar::Timestamp,
        ids::{LedgerId, RequestId},
        log_chain::Hash,
    },
    store::rows::{BATCH_ROWS, bytes_to_hash, execute_rows},
};

/// One row of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Its number.
    pub seq: u64,
    /// The request.
    pub request_id: RequestId,
    /// The kind of command.
    pub kind: String,
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The payload's bytes.
    pub payload: Vec<u8>,
    /// The hash before.
    pub prev_hash: Hash,
    /// The hash.
    pub hash: Hash,
    /// Ledger time.
    pub at: Timestamp,
}

/// What a caller was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Of which log row.
    pub seq: u64,
    /// Whose call it was, and what it said, as a keyed digest.
    pub fingerprint: [u8; 32],
    /// The very bytes.
    pub response: Vec<u8>,
    /// When.
    pub at: Timestamp,
}

/// What is known of a request id that was acknowledged before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The ledger.
    pub measure_code: String,
    /// The request.
    pub request_id: RequestId,
    /// What was answered, where anybody was.
    pub answered: Option<Answered>,
}

/// What was answered to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Whose call it was, and what it said, as a keyed digest.
    pub fingerprint: [u8; 32],
    /// The very bytes; `None` once they have been retired.
    pub response: Option<Vec<u8>>,
}

/// Which of these requests have been acknowledged in these ledgers of a county.
pub async fn find_replays(
    connection: &mut PgConnection,
    county_id: &str,
    measure_codes: &[String],
    request_ids: &[Uuid],
) -> Result<Vec<Replay>, sqlx::Error> {
    let rows = sqlx::query(
        "-- find_replays\n\
         SELECT l.measure_code, l.request_id, a.fingerprint, a.response \
         FROM ledger_log l LEFT JOIN ledger_answer a \
         ON a.county_id = $1 AND a.measure_code = l.measure_code AND a.seq = l.seq \
         WHERE l.county_id = $1 AND l.measure_code = ANY($2) AND l.request_id = ANY($3)",
    )
    .bind(county_id)
    .bind(measure_codes)
    .bind(request_ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let fingerprint: Option<Vec<u8>> = row.try_get("fingerprint")?;
            let response: Option<Vec<u8>> = row.try_get("response")?;
            let fingerprint = fingerprint.map(|bytes| bytes_to_hash(&bytes)).transpose()?;
            Ok(Replay {
                measure_code: row.try_get("measure_code")?,
                request_id: RequestId(row.try_get("request_id")?),
                answered: fingerprint.map(|fingerprint| Answered { fingerprint, response }),
            })
        })
        .collect()
}

/// Adds rows to a log.
pub async fn append(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    rows: &[LogRow],
) -> Result<(), sqlx::Error> {
    for chunk in rows.chunks(BATCH_ROWS) {
        let mut query = QueryBuilder::<Postgres>::new(
            "-- append_log\n\
             INSERT INTO ledger_log (county_id, measure_code, seq, request_id, kind, header, \
             payload, prev_hash, hash, at) ",
        );
        query.push_values(chunk, |mut values, row| {
            values
                .push_bind(ledger.county_id.as_str())
                .push_bind(ledger.measure_code.as_str())
                .push_bind(row.seq.cast_signed())
                .push_bind(row.request_id.0)
                .push_bind(&row.kind)
                .push_bind(&row.header)
                .push_bind(&row.payload)
                .push_bind(row.prev_hash.as_slice())
                .push_bind(row.hash.as_slice())
                .push_bind(row.at.to_datetime());
        });
        execute_rows(connection, query, chunk.len()).await?;
    }
    Ok(())
}

/// Keeps answers.
pub async fn keep_answers(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    answers: &[Answer],
) -> Result<(), sqlx::Error> {
    for chunk in answers.chunks(BATCH_ROWS) {
        let mut query = QueryBuilder::<Postgres>::new(
            "-- keep_answers\n\
             INSERT INTO ledger_answer (county_id, measure_code, seq, fingerprint, response, at) ",
        );
        query.push_values(chunk, |mut values, answer| {
            values
                .push_bind(ledger.county_id.as_str())
                .push_bind(ledger.measure_code.as_str())
                .push_bind(answer.seq.cast_signed())
                .push_bind(answer.fingerprint.as_slice())
                .push_bind(&answer.response)
                .push_bind(answer.at.to_datetime());
        });
        execute_rows(connection, query, chunk.len()).await?;
    }
    Ok(())
}

/// Retires answers that were given before `before`, so many at once; says how many.
/// The fingerprint stays: a retry is still told from another's call.
pub async fn retire_answers(
    connection: &mut PgConnection,
    before: Timestamp,
    limit: i64,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "-- retire_answers\n\
         UPDATE ledger_answer SET response = NULL WHERE (county_id, measure_code, seq) IN (\
         SELECT county_id, measure_code, seq FROM ledger_answer \
         WHERE at < $1 AND response IS NOT NULL LIMIT $2)",
    )
    .bind(before.to_datetime())
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// A page of a log: at most `limit` rows after `after_seq`, by seq.
pub async fn page(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    after_seq: u64,
    limit: i64,
) -> Result<Vec<LogRow>, sqlx::Error> {
    let rows = sqlx::query(
        "-- log_page\n\
         SELECT seq, request_id, kind, header, payload, prev_hash, hash, at FROM ledger_log \
         WHERE county_id = $1 AND measure_code = $2 AND seq > $3 ORDER BY seq LIMIT $4",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(i64::try_from(after_seq).unwrap_or(i64::MAX))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(log_row).collect()
}

fn log_row(row: &PgRow) -> Result<LogRow, sqlx::Error> {
    Ok(LogRow {
        seq: row.try_get::<i64, _>("seq")?.cast_unsigned(),
        request_id: RequestId(row.try_get("request_id")?),
        kind: row.try_get("kind")?,
        header: row.try_get("header")?,
        payload: row.try_get("payload")?,
        prev_hash: bytes_to_hash(row.try_get("prev_hash")?)?,
        hash: bytes_to_hash(row.try_get("hash")?)?,
        at: Timestamp::from_datetime(row.try_get("at")?),
    })
}
