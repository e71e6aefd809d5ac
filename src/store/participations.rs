//! What one person takes part in, in all areas.

use sqlx::{PgConnection, Row, types::Json};
use time::Date;

use crate::{
    domain::{
        allocation::Placement,
        ids::{LedgerId, MeasureCode, PersonId},
    },
    store::rows::corrupt,
};

/// How many placements of one person are looked at: the latest made.
pub const OF_ONE_PERSON_MAX: i64 = 1_000;

/// One person's placements that had begun by a day, of these measure types or, where none
/// is named, of any: the latest made first. It is keyed by person: the named exception from
/// one county.
pub async fn begun_by(
    connection: &mut PgConnection,
    person_id: PersonId,
    measure_codes: Option<&[MeasureCode]>,
    day: Date,
) -> Result<Vec<(LedgerId, Placement)>, sqlx::Error> {
    let codes: Option<Vec<&str>> =
        measure_codes.map(|codes| codes.iter().map(MeasureCode::as_str).collect());
    let rows = sqlx::query(
        "-- placements_of_person\n\
         SELECT e.county_id, e.measure_code, p.doc FROM entry e \
         JOIN placement p ON p.county_id = e.county_id AND p.measure_code = e.measure_code \
         AND p.entry_id = e.entry_id \
         WHERE e.person_id = $1 AND ($2::text[] IS NULL OR e.measure_code = ANY($2)) \
         AND (p.doc->>'start_date')::date <= $3 ORDER BY p.placement_id DESC LIMIT $4",
    )
    .bind(person_id.0)
    .bind(codes)
    .bind(day)
    .bind(OF_ONE_PERSON_MAX)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let (county, measure) = (row.try_get("county_id")?, row.try_get("measure_code")?);
            let ledger = LedgerId::from_texts(county, measure);
            let Json(placement) = row.try_get("doc")?;
            Ok((ledger.map_err(|_| corrupt("a ledger's name"))?, placement))
        })
        .collect()
}
