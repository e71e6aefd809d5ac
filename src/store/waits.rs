//! What the estimate of a wait needs: who has waited in a queue, and how that ended.

use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};
use time::{Date, OffsetDateTime};

use crate::{
    domain::{
        account::AccountKey,
        calendar::Timestamp,
        ids::LedgerId,
        measure::Distribution,
        wait::{History, Left, Stay},
        waitlist::{ENTRIES_OF_A_ROW, OrderKey, QueueKey},
    },
    store::rows::{corrupt, parse},
};

/// How many entries of a ledger are looked at, the latest joined: many times those of the
/// largest ledger in the time that is counted.
pub const HISTORY_MAX: usize = 20_000;

/// Who has waited in a queue, as far as it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueHistory {
    /// Their times.
    pub history: History,
    /// How many of the queue's entries are left out, since how long they waited is not known.
    pub left_out: u64,
    /// Whether the ledger has more entries than were looked at.
    pub is_shortened: bool,
}

/// Reads who has waited in a queue of a ledger. When an entry joined is told by the log row
/// that let it in; who waits for a larger share has begun. It belongs to the queue from whose account it was first served, and until
/// then to that of whose quota it is.
pub async fn history(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    distribution: Distribution,
    queue: &QueueKey,
) -> Result<QueueHistory, sqlx::Error> {
    let rows = sqlx::query(
        "-- queue_history\n\
         SELECT e.municipality_number, e.order_time_us, e.registered_time_us, e.join_seq, \
         e.state, e.closed_us, l.at AS joined, p.account, p.start_date \
         FROM (SELECT entry_id, coalesce(doc->>'quota_municipality', municipality_number) \
         AS municipality_number, order_time_us, registered_time_us, \
         join_seq, state, (doc->'closed'->>'time')::bigint AS closed_us FROM entry \
         WHERE county_id = $1 AND measure_code = $2 AND join_seq > 0 \
         AND doc->>'increase_of' IS NULL \
         ORDER BY join_seq DESC LIMIT $3) e \
         CROSS JOIN LATERAL (SELECT at FROM ledger_log \
         WHERE county_id = $1 AND measure_code = $2 AND seq = \
         CASE WHEN e.join_seq < $4 THEN e.join_seq ELSE e.join_seq / $4 END LIMIT 1) l \
         LEFT JOIN LATERAL (SELECT (doc->>'start_date')::date AS start_date, \
         coalesce(doc->'past_debits'->0->'account', doc->'account') AS account FROM placement \
         WHERE county_id = $1 AND measure_code = $2 AND entry_id = e.entry_id \
         ORDER BY placement_id LIMIT 1) p ON true",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(i64::try_from(HISTORY_MAX + 1).unwrap_or(i64::MAX))
    .bind(ENTRIES_OF_A_ROW.cast_signed())
    .fetch_all(connection)
    .await?;
    let (mut first, mut stays, mut left_out) = (None::<Timestamp>, Vec::new(), 0);
    for row in rows.iter().take(HISTORY_MAX) {
        let joined = Timestamp::from_datetime(row.try_get::<OffsetDateTime, _>("joined")?);
        first = Some(first.map_or(joined, |first| first.min(joined)));
        if queue_of(row, distribution)? != *queue {
            continue;
        }
        match Stay::new(key(row)?, joined, left(row)?) {
            Some(stay) => stays.push(stay),
            None => left_out += 1,
        }
    }
    let history = History::new(stays, first);
    Ok(QueueHistory { history, left_out, is_shortened: rows.len() > HISTORY_MAX })
}

fn queue_of(row: &PgRow, distribution: Distribution) -> Result<QueueKey, sqlx::Error> {
    let account: Option<Json<AccountKey>> = row.try_get("account")?;
    match account {
        Some(Json(account)) => {
            QueueKey::of_account(&account).ok_or_else(|| corrupt("placement.account"))
        }
        None => {
            let municipality = parse(row.try_get("municipality_number")?)?;
            Ok(QueueKey::new(distribution, &municipality))
        }
    }
}

fn key(row: &PgRow) -> Result<OrderKey, sqlx::Error> {
    Ok(OrderKey {
        order_time: Timestamp::from_micros(row.try_get("order_time_us")?),
        registered_time: Timestamp::from_micros(row.try_get("registered_time_us")?),
        join_seq: row.try_get::<i64, _>("join_seq")?.cast_unsigned(),
    })
}

fn left(row: &PgRow) -> Result<Left, sqlx::Error> {
    if let Some(day) = row.try_get::<Option<Date>, _>("start_date")? {
        return Ok(Left::Started(day));
    }
    let closed = row.try_get::<Option<i64>, _>("closed_us")?.map(Timestamp::from_micros);
    Ok(match (row.try_get("state")?, closed) {
        ("CLOSED", Some(at)) => Left::Closed(at),
        ("CLOSED", None) => Left::Unknown,
        _ => Left::Not,
    })
}
