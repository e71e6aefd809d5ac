//! What the question of vacancies needs: who waits, and how use has changed.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row, types::Json};

use crate::domain::{
    account::AccountKey,
    ids::LedgerId,
    vacancy::Changes,
    waitlist::{Entry, OrderKey, QueueKey},
};

/// The next eligible entries of some queues together after `after`, in the one order.
pub async fn next_waiting(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    queues: &[QueueKey],
    after: OrderKey,
    limit: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    let queues: Vec<&str> = queues.iter().map(QueueKey::as_str).collect();
    let rows: Vec<Json<Entry>> = sqlx::query_scalar(
        "-- next_waiting\n\
         SELECT e.doc FROM waiting w CROSS JOIN LATERAL (SELECT doc FROM entry \
         WHERE county_id = $1 AND measure_code = $2 AND entry_id = w.entry_id LIMIT 1) e \
         WHERE w.county_id = $1 AND w.measure_code = $2 AND w.queue = ANY($3) \
         AND w.order_time_us >= $4 \
         AND (w.order_time_us, w.registered_time_us, w.join_seq) > ($4, $5, $6) \
         ORDER BY w.order_time_us, w.registered_time_us, w.join_seq LIMIT $7",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(queues)
    .bind(after.order_time.micros())
    .bind(after.registered_time.micros())
    .bind(after.join_seq.cast_signed())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|Json(entry)| entry).collect())
}

/// How the use of these accounts has changed, by day: more when a placement began, less
/// when it was over, and both when it was debited another way from a day on. Days are summed where they are kept, so that a group's many
/// placements are as few rows as it has had changes.
pub async fn changes_of_use(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    accounts: &[&AccountKey],
) -> Result<BTreeMap<AccountKey, Changes>, sqlx::Error> {
    let accounts: Vec<Json<&AccountKey>> = accounts.iter().map(|key| Json(*key)).collect();
    let rows = sqlx::query(
        "-- changes_of_use\n\
         SELECT debit.account, change.day, sum(change.percent)::bigint AS percent \
         FROM placement p CROSS JOIN LATERAL (\
         SELECT p.doc->'place_group_id' AS place_group, p.doc->'account' AS account, \
         p.doc->'participation_percent' AS percent, \
         coalesce(p.doc->'past_debits'->-1->>'until_date', p.doc->>'start_date') AS from_date, \
         p.doc->'state'->'ENDED'->>'end_date' AS until_date \
         UNION ALL SELECT past->'place_group_id', past->'account', past->'percent', \
         past->>'from_date', past->>'until_date' \
         FROM jsonb_array_elements(p.doc->'past_debits') AS past) AS held \
         CROSS JOIN LATERAL (VALUES (held.account), \
         (jsonb_build_object('PLACE_GROUP', held.place_group))) AS debit (account) \
         JOIN unnest($3::jsonb[]) AS wanted (account) ON wanted.account = debit.account \
         CROSS JOIN LATERAL (VALUES (held.from_date::date, held.percent::bigint), \
         (held.until_date::date, -held.percent::bigint)) AS change (day, percent) \
         WHERE p.county_id = $1 AND p.measure_code = $2 AND change.day IS NOT NULL \
         GROUP BY debit.account, change.day HAVING sum(change.percent) <> 0",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(accounts)
    .fetch_all(connection)
    .await?;
    let mut changes: BTreeMap<AccountKey, Changes> = BTreeMap::new();
    for row in &rows {
        let Json(account) = row.try_get("account")?;
        let of_account = changes.entry(account).or_default();
        of_account.insert(row.try_get("day")?, row.try_get("percent")?);
    }
    Ok(changes)
}
