//! Reads of places that were given by hand, and of what the rules would have done.

use sqlx::{PgConnection, Row, types::Json};

use crate::{
    domain::{
        allocation::{Offer, OutOfTurnReason},
        calendar::Timestamp,
        ids::LedgerId,
        shadow::Verdict,
        shadow_report::Cell,
    },
    store::rows::parse,
};

/// From when on, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant after.
    pub until: Timestamp,
}

/// What was given by hand in a period, summed where it is kept.
pub async fn cells(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    period: Period,
) -> Result<Vec<Cell>, sqlx::Error> {
    let rows = sqlx::query(
        "-- count_by_hand\n\
         SELECT doc->'shadow'->>'municipality_number' AS municipality_number, \
         doc->'shadow'->>'would_have_served' = doc->>'entry_id' AS agrees, \
         doc->'out_of_turn'->'reason' AS reason, count(*) AS n, \
         sum((doc->'shadow'->>'ahead')::bigint)::bigint AS passed_over, \
         max((doc->'shadow'->>'ahead')::bigint) AS most, \
         bool_or(doc->'shadow'->'ahead_is_least' IS NOT NULL) AS is_least \
         FROM offer WHERE county_id = $1 AND measure_code = $2 AND doc->'shadow' IS NOT NULL \
         AND (doc->>'proposed_time')::bigint >= $3 AND (doc->>'proposed_time')::bigint < $4 \
         GROUP BY 1, 2, 3",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(period.from.micros())
    .bind(period.until.micros())
    .fetch_all(connection)
    .await?;
    let count = |row: &sqlx::postgres::PgRow, name| row.try_get::<i64, _>(name);
    let cell = |row| {
        let reason: Option<Json<OutOfTurnReason>> = Row::try_get(row, "reason")?;
        Ok(Cell {
            municipality_number: parse(Row::try_get(row, "municipality_number")?)?,
            verdict: match Row::try_get::<Option<bool>, _>(row, "agrees")? {
                None => Verdict::Nobody,
                Some(true) => Verdict::Agrees,
                Some(false) => Verdict::Deviates,
            },
            reason: reason.map(|Json(reason)| reason),
            count: count(row, "n")?.cast_unsigned(),
            passed_over: count(row, "passed_over")?.cast_unsigned(),
            passed_over_most: count(row, "most")?.cast_unsigned(),
            passed_over_is_least: Row::try_get(row, "is_least")?,
        })
    };
    rows.iter().map(cell).collect()
}

/// The latest places given by hand in a period that the rules would have given to somebody
/// else, the latest first.
pub async fn latest_deviations(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    period: Period,
    limit: i64,
) -> Result<Vec<Offer>, sqlx::Error> {
    let rows: Vec<Json<Offer>> = sqlx::query_scalar(
        "-- latest_deviations\n\
         SELECT doc FROM offer WHERE county_id = $1 AND measure_code = $2 \
         AND doc->'shadow' IS NOT NULL \
         AND (doc->>'proposed_time')::bigint >= $3 AND (doc->>'proposed_time')::bigint < $4 \
         AND doc->'shadow'->>'would_have_served' <> doc->>'entry_id' \
         ORDER BY (doc->>'proposed_time')::bigint DESC, offer_id LIMIT $5",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(period.from.micros())
    .bind(period.until.micros())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|Json(offer)| offer).collect())
}
