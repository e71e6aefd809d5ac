//! How long placements lasted.

use sqlx::{PgConnection, Row};
use time::{Date, Duration};

use crate::{
    domain::{
        ids::LedgerId,
        prospect::{MEASURED_DAYS, Measured},
    },
    store::rows::corrupt,
};

/// How long a ledger's placements lasted in the years before a day, and how many ended. It is
/// looked no further back than the ledger has been kept: of those that ended before, none came in,
/// while those that went on did. `None` where it has no log.
pub async fn measured(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    today: Date,
) -> Result<Option<Measured>, sqlx::Error> {
    let row = sqlx::query(
        "-- measured_stays\n\
         WITH since AS (SELECT greatest(min(at AT TIME ZONE 'Europe/Oslo')::date, $3) AS day \
         FROM ledger_log WHERE county_id = $1 AND measure_code = $2 AND seq = 1), \
         stays AS (SELECT (doc->>'start_date')::date AS started, \
         coalesce(doc->'state'->'ENDED'->>'end_date', doc->'state'->'ENDING'->>'end_date')::date \
         AS ended FROM placement WHERE county_id = $1 AND measure_code = $2) \
         SELECT since.day, \
         count(*) FILTER (WHERE ended > since.day AND ended <= $4 AND ended > started) AS ends, \
         coalesce(sum(greatest(least(ended, $4) - greatest(started, since.day), 0)) \
         FILTER (WHERE started IS NOT NULL), 0) AS days \
         FROM since LEFT JOIN stays ON true WHERE since.day IS NOT NULL GROUP BY since.day",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(today.saturating_sub(Duration::days(MEASURED_DAYS)))
    .bind(today)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let count = |name: &str| {
            u64::try_from(row.try_get::<i64, _>(name)?).map_err(|_| corrupt("a number of stays"))
        };
        Ok(Measured {
            placement_days: count("days")?,
            ended: count("ends")?,
            since: row.try_get("day")?,
        })
    })
    .transpose()
}
