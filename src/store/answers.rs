//! The kept answers beside the log, for `verify`.

use sqlx::{PgConnection, Row};

use crate::{domain::ids::LedgerId, store::rows::corrupt};

/// An answer as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The ledger.
    pub ledger: LedgerId,
    /// Of which log row.
    pub seq: u64,
    /// The bytes; `None` once they have been retired.
    pub response: Option<Vec<u8>>,
}

/// How many answers and log rows do not belong together. What took effect by time, with a
/// request id of version 8, has nobody to answer; and a call over several ledgers is answered
/// once, in the ledger it named, or in one of the area it named.
pub async fn strays(connection: &mut PgConnection) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let rows = sqlx::query(
        "-- stray_answers\n\
         SELECT 'answers to no log row' AS what, count(*) AS n FROM ledger_answer a \
         WHERE NOT EXISTS (SELECT FROM ledger_log l WHERE l.county_id = a.county_id \
         AND l.measure_code = a.measure_code AND l.seq = a.seq AND l.at = a.at) \
         UNION ALL SELECT 'log rows of a caller without an answer', count(*) FROM ledger_log l \
         WHERE substr(l.request_id::text, 15, 1) <> '8' \
         AND l.kind NOT IN ('RECEIVE_ENTRY', 'SUSPEND_ENTRY') \
         AND NOT EXISTS (SELECT FROM ledger_answer a WHERE a.county_id = l.county_id \
         AND a.measure_code = l.measure_code AND a.seq = l.seq) \
         AND NOT EXISTS (SELECT FROM ledger_log o JOIN ledger_answer a \
         ON a.county_id = o.county_id AND a.measure_code = o.measure_code AND a.seq = o.seq \
         WHERE l.kind = 'REASSIGN_ADVISER' AND o.kind = 'REASSIGN_ADVISER' \
         AND o.county_id = l.county_id AND o.request_id = l.request_id) \
         UNION ALL SELECT 'log rows that follow from no call in another ledger', count(*) \
         FROM ledger_log l WHERE l.kind IN ('RECEIVE_ENTRY', 'SUSPEND_ENTRY') \
         AND NOT EXISTS (SELECT FROM ledger_log o WHERE o.request_id = l.request_id \
         AND o.kind IN ('TRANSFER_ENTRY', 'START_PLACEMENT', 'START_DIRECTLY', 'CORRECT')) \
         UNION ALL SELECT 'queues that were handed over by nobody', count(*) \
         FROM ledger_log l WHERE l.kind = 'TAKE_OVER' AND NOT EXISTS (SELECT FROM ledger_log o \
         WHERE o.request_id = l.request_id AND o.kind = 'HAND_OVER') \
         UNION ALL SELECT 'queues that nobody took over', count(*) \
         FROM ledger_log l WHERE l.kind = 'HAND_OVER' AND NOT EXISTS (SELECT FROM ledger_log o \
         WHERE o.request_id = l.request_id AND o.kind = 'TAKE_OVER') \
         UNION ALL SELECT 'answers with a malformed fingerprint', count(*) FROM ledger_answer \
         WHERE length(fingerprint) <> 32 \
         UNION ALL SELECT 'answers to what nobody called', count(*) FROM ledger_answer a \
         JOIN ledger_log l ON l.county_id = a.county_id AND l.measure_code = a.measure_code \
         AND l.seq = a.seq WHERE substr(l.request_id::text, 15, 1) = '8'",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("what")?, row.try_get("n")?))).collect()
}

/// A page of answers, by ledger and number.
pub async fn page(
    connection: &mut PgConnection,
    after: Option<&(LedgerId, u64)>,
    limit: i64,
) -> Result<Vec<Kept>, sqlx::Error> {
    let rows = sqlx::query(
        "-- answers_page\n\
         SELECT county_id, measure_code, seq, response FROM ledger_answer \
         WHERE $1::text IS NULL OR (county_id, measure_code, seq) > ($1, $2, $3) \
         ORDER BY county_id, measure_code, seq LIMIT $4",
    )
    .bind(after.map(|(ledger, _)| ledger.county_id.as_str()))
    .bind(after.map(|(ledger, _)| ledger.measure_code.as_str()))
    .bind(after.map(|(_, seq)| seq.cast_signed()))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let (county, measure): (String, String) =
                (row.try_get("county_id")?, row.try_get("measure_code")?);
            let ledger =
                LedgerId::from_texts(&county, &measure).map_err(|_| corrupt("ledger_answer"))?;
            let seq = row.try_get::<i64, _>("seq")?.cast_unsigned();
            Ok(Kept { ledger, seq, response: row.try_get("response")? })
        })
        .collect()
}
