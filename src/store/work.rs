//! What work is told from, over all ledgers of an area: open offers, entries that wait, open
//! placements, and closures. Rows are handed on one by one as they are read, so that an area's
//! many take no room; the rules say which of them are due.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use serde::de::DeserializeOwned;
use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};
use time::Date;
use uuid::Uuid;

use crate::{
    domain::{
        allocation::{Offer, Placement},
        calendar::Timestamp,
        capacity::{Closure, Quota},
        ids::{AreaId, MeasureCode, MunicipalityNumber, PlaceGroupId},
        waitlist::Entry,
    },
    store::{
        held::{Seen, plan_for_these},
        rows::parse,
    },
};

/// Whose work.
#[derive(Debug, Clone)]
pub struct WorkFilter<'a> {
    /// The area.
    pub county_id: &'a AreaId,
    /// Whose the caller sees.
    pub seen: &'a Seen,
    /// The digests of a case worker's ident: only of their people, or of those they stand in for.
    pub adviser: Option<&'a [String]>,
    /// The day on which they stand in.
    pub today: Date,
}

/// How far each of the area's ledgers has come.
pub async fn heads(
    connection: &mut PgConnection,
    county_id: &AreaId,
) -> Result<Vec<(MeasureCode, u64)>, sqlx::Error> {
    let rows = sqlx::query(
        "-- heads_of_area\n\
         SELECT measure_code, seq FROM ledger WHERE county_id = $1 ORDER BY measure_code",
    )
    .bind(county_id.as_str())
    .fetch_all(connection)
    .await?;
    let head = |row: &PgRow| Ok((measure(row)?, row.try_get::<i64, _>("seq")?.cast_unsigned()));
    rows.iter().map(head).collect()
}

/// The quotas of those of the area's ledgers that have any.
pub async fn quotas(
    connection: &mut PgConnection,
    county_id: &AreaId,
) -> Result<Vec<(MeasureCode, BTreeMap<MunicipalityNumber, Vec<Quota>>)>, sqlx::Error> {
    let rows = sqlx::query(
        "-- quotas_of_area\n\
         SELECT measure_code, frame->'quotas' AS quotas FROM ledger \
         WHERE county_id = $1 AND frame->'quotas' <> '{}'",
    )
    .bind(county_id.as_str())
    .fetch_all(connection)
    .await?;
    let of_one = |row: &PgRow| {
        let Json(quotas) = row.try_get("quotas")?;
        Ok((measure(row)?, quotas))
    };
    rows.iter().map(of_one).collect()
}

/// The closures of those of the area's place groups that have any.
pub async fn closures(
    connection: &mut PgConnection,
    county_id: &AreaId,
) -> Result<BTreeMap<PlaceGroupId, Vec<Closure>>, sqlx::Error> {
    let rows = sqlx::query(
        "-- closures_of_area\n\
         SELECT place_group_id, doc->'closures' AS closures FROM place_group \
         WHERE county_id = $1 AND doc->'closures' IS NOT NULL",
    )
    .bind(county_id.as_str())
    .fetch_all(connection)
    .await?;
    let group = |row: &PgRow| {
        let Json(closures) = row.try_get("closures")?;
        Ok((PlaceGroupId(row.try_get::<Uuid, _>("place_group_id")?), closures))
    };
    rows.iter().map(group).collect()
}

/// Every proposal and offer that holds a place.
pub async fn offers(
    connection: &mut PgConnection,
    filter: &WorkFilter<'_>,
    each: impl FnMut(MeasureCode, Offer),
) -> Result<(), sqlx::Error> {
    let statement = "-- work_of_offers\n\
         SELECT h.measure_code, h.doc FROM offer h JOIN entry e ON e.county_id = h.county_id \
         AND e.measure_code = h.measure_code AND e.entry_id = h.entry_id \
         WHERE h.county_id = $1 AND h.state IN ('PROPOSED', 'OFFERED', 'ACCEPTED') \
         AND e.county_id = $1 AND e.state <> 'CLOSED' \
         AND ($2::text IS NULL OR e.municipality_number = ANY($3) \
              OR e.following_office_number = $2) \
         AND ($4::text[] IS NULL OR e.adviser_digest = ANY($4) \
              OR (e.deputy_digest = ANY($4) AND e.deputy_until > $5))";
    read(connection, statement, filter, None, each).await
}

/// Every placement that is not over.
pub async fn placements(
    connection: &mut PgConnection,
    filter: &WorkFilter<'_>,
    each: impl FnMut(MeasureCode, Placement),
) -> Result<(), sqlx::Error> {
    let statement = "-- work_of_placements\n\
         SELECT h.measure_code, h.doc FROM placement h JOIN entry e ON e.county_id = h.county_id \
         AND e.measure_code = h.measure_code AND e.entry_id = h.entry_id \
         WHERE h.county_id = $1 AND h.state <> 'ENDED' \
         AND e.county_id = $1 AND e.state <> 'CLOSED' \
         AND ($2::text IS NULL OR e.municipality_number = ANY($3) \
              OR e.following_office_number = $2) \
         AND ($4::text[] IS NULL OR e.adviser_digest = ANY($4) \
              OR (e.deputy_digest = ANY($4) AND e.deputy_until > $5))";
    read(connection, statement, filter, None, each).await
}

/// The entries of these measure types that wait, eligible or not, and were registered before a
/// time of each.
pub async fn entries(
    connection: &mut PgConnection,
    filter: &WorkFilter<'_>,
    registered_before: &[(MeasureCode, Timestamp)],
    each: impl FnMut(MeasureCode, Entry),
) -> Result<(), sqlx::Error> {
    let statement = "-- work_of_entries\n\
         SELECT e.measure_code, e.doc FROM unnest($6::text[], $7::bigint[]) \
         AS asked (measure_code, registered_before) \
         JOIN entry e ON e.measure_code = asked.measure_code \
         AND e.registered_time_us < asked.registered_before \
         WHERE e.county_id = $1 AND e.state IN ('WAITING', 'PAUSED', 'COOLING_DOWN') \
         AND ($2::text IS NULL OR e.municipality_number = ANY($3) \
              OR e.following_office_number = $2) \
         AND ($4::text[] IS NULL OR e.adviser_digest = ANY($4) \
              OR (e.deputy_digest = ANY($4) AND e.deputy_until > $5))";
    read(connection, statement, filter, Some(registered_before), each).await
}

/// Runs one of them, planned for the very filters asked for, and hands each row on.
async fn read<T: DeserializeOwned + Send + Unpin + 'static>(
    connection: &mut PgConnection,
    statement: &'static str,
    filter: &WorkFilter<'_>,
    registered_before: Option<&[(MeasureCode, Timestamp)]>,
    mut each: impl FnMut(MeasureCode, T),
) -> Result<(), sqlx::Error> {
    plan_for_these(connection).await?;
    let office = filter.seen.office.as_ref();
    let mut query = sqlx::query(statement)
        .bind(filter.county_id.as_str())
        .bind(office.map(|office| office.office_number.as_str()))
        .bind(office.map(|office| office.municipalities.as_slice()))
        .bind(filter.adviser)
        .bind(filter.today);
    if let Some(asked) = registered_before {
        let measures: Vec<&str> = asked.iter().map(|(measure, _)| measure.as_str()).collect();
        let times: Vec<i64> = asked.iter().map(|(_, at)| at.micros()).collect();
        query = query.bind(measures).bind(times);
    }
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await? {
        let Json(doc) = row.try_get("doc")?;
        each(measure(&row)?, doc);
    }
    Ok(())
}

fn measure(row: &PgRow) -> Result<MeasureCode, sqlx::Error> {
    parse(row.try_get("measure_code")?)
}
