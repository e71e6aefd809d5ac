//! Those who wait in measure types that another took over from. Each of their states is looked
//! up by itself, so that the index by state leads to the first ones without a sort. Who waits for a
//! larger share waits on with the place, which stays.

use sqlx::{PgConnection, Row};

use crate::{
    domain::ids::{AreaId, EntryId, LedgerId, MeasureCode, PersonId},
    store::rows::parse,
};

/// The states in which somebody waits and holds nothing.
const WAITS: [&str; 3] = ["WAITING", "PAUSED", "COOLING_DOWN"];

/// Which of these measure types somebody still waits in, in one county.
pub async fn waited_in(
    connection: &mut PgConnection,
    county_id: &AreaId,
    measure_codes: &[&str],
) -> Result<Vec<MeasureCode>, sqlx::Error> {
    let found: Vec<String> = sqlx::query_scalar(
        "-- superseded_and_waited_in\n\
         SELECT l.measure_code FROM ledger l WHERE l.county_id = $1 AND l.measure_code = ANY($2) \
         AND EXISTS (SELECT FROM unnest($3::text[]) AS s (state), LATERAL (\
         SELECT FROM entry WHERE state = s.state AND county_id = $1 \
         AND measure_code = l.measure_code AND doc->>'increase_of' IS NULL LIMIT 1) e) ORDER BY 1",
    )
    .bind(county_id.as_str())
    .bind(measure_codes)
    .bind(WAITS)
    .fetch_all(connection)
    .await?;
    found.iter().map(|code| parse(code)).collect()
}

/// The first of those who wait in a ledger, in the order of the queue.
pub async fn page(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    limit: i64,
) -> Result<Vec<(PersonId, EntryId)>, sqlx::Error> {
    let rows = sqlx::query(
        "-- page_to_hand_over\n\
         SELECT e.person_id, e.entry_id FROM unnest($3::text[]) AS s (state), LATERAL (\
         SELECT person_id, entry_id, order_time_us, registered_time_us, join_seq FROM entry \
         WHERE state = s.state AND county_id = $1 AND measure_code = $2 \
         AND doc->>'increase_of' IS NULL ORDER BY order_time_us, registered_time_us, join_seq LIMIT $4) e \
         ORDER BY e.order_time_us, e.registered_time_us, e.join_seq LIMIT $4",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(WAITS)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let one = |row: &sqlx::postgres::PgRow| {
        Ok((PersonId(row.try_get("person_id")?), EntryId(row.try_get("entry_id")?)))
    };
    rows.iter().map(one).collect()
}
