//! A case worker's people, found by the digest of the ident.

use sqlx::{PgConnection, Row, types::Json};
use time::Date;
use uuid::Uuid;

use crate::{
    domain::{
        ids::{AreaId, LedgerId, MeasureCode, RequestId},
        waitlist::Entry,
    },
    store::{held::Seen, rows::corrupt},
};

/// Which of a case worker's open entries are looked for.
#[derive(Debug, Clone)]
pub struct OfAdviser<'a> {
    /// The digests of the ident, under every key there is.
    pub digests: &'a [String],
    /// Whose the caller sees.
    pub seen: &'a Seen,
    /// None of these: what the writer has in memory counts, not what is stored.
    pub but: &'a [Uuid],
    /// None that are in these hands already: with this deputy until the day, or for good.
    pub but_in_hands: &'a [String],
    /// That day; `None` for good.
    pub until: Option<Date>,
    /// How many.
    pub limit: i64,
}

/// The first of them by id, and how many there are.
pub async fn open_entries(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    of: &OfAdviser<'_>,
) -> Result<(Vec<Entry>, u64), sqlx::Error> {
    let office = of.seen.office.as_ref();
    let rows = sqlx::query(
        "-- entries_of_adviser\n\
         SELECT doc, count(*) OVER () AS n FROM entry WHERE county_id = $1 AND measure_code = $2 \
         AND state <> 'CLOSED' AND adviser_digest = ANY($3) AND entry_id <> ALL($4) \
         AND ($5::text IS NULL OR municipality_number = ANY($6) OR following_office_number = $5) \
         AND NOT coalesce(CASE WHEN $7::date IS NULL \
              THEN adviser_digest = ANY($8) AND deputy_digest IS NULL \
              ELSE deputy_digest = ANY($8) AND deputy_until = $7 END, false) \
         ORDER BY entry_id LIMIT $9",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(of.digests)
    .bind(of.but)
    .bind(office.map(|office| office.office_number.as_str()))
    .bind(office.map(|office| office.municipalities.as_slice()))
    .bind(of.until)
    .bind(of.but_in_hands)
    .bind(of.limit)
    .fetch_all(connection)
    .await?;
    let total: i64 = rows.first().map_or(Ok(0), |row| row.try_get("n"))?;
    let entries = rows.iter().map(|row| row.try_get("doc").map(|Json(entry)| entry));
    Ok((entries.collect::<Result<_, _>>()?, total.cast_unsigned()))
}

/// The measure types of an area's ledgers, those there are.
pub async fn ledgers_of_area(
    connection: &mut PgConnection,
    county_id: &AreaId,
) -> Result<Vec<MeasureCode>, sqlx::Error> {
    let codes: Vec<String> = sqlx::query_scalar(
        "-- ledgers_of_area\n\
         SELECT measure_code FROM ledger WHERE county_id = $1 ORDER BY measure_code",
    )
    .bind(county_id.as_str())
    .fetch_all(connection)
    .await?;
    codes.iter().map(|code| code.parse().map_err(|_| corrupt("a ledger's name"))).collect()
}

/// Which of an area's ledgers keeps the answer of a reassignment in all of them: where its request
/// id stands already, else the first in which somebody is found, else the first. `None` where the
/// area has no ledger.
pub async fn first_of_area(
    connection: &mut PgConnection,
    county_id: &AreaId,
    request_id: RequestId,
    of: &OfAdviser<'_>,
) -> Result<Option<MeasureCode>, sqlx::Error> {
    let office = of.seen.office.as_ref();
    let code: Option<String> = sqlx::query_scalar(
        "-- first_of_area\n\
         SELECT l.measure_code FROM ledger l WHERE l.county_id = $1 ORDER BY \
         EXISTS (SELECT FROM ledger_log o WHERE o.county_id = $1 \
              AND o.measure_code = l.measure_code AND o.request_id = $2) DESC, \
         EXISTS (SELECT FROM entry e WHERE e.county_id = $1 \
              AND e.measure_code = l.measure_code AND e.state <> 'CLOSED' \
              AND e.adviser_digest = ANY($3) AND ($4::text IS NULL \
              OR e.municipality_number = ANY($5) OR e.following_office_number = $4) \
              AND NOT coalesce(CASE WHEN $6::date IS NULL \
              THEN e.adviser_digest = ANY($7) AND e.deputy_digest IS NULL \
              ELSE e.deputy_digest = ANY($7) AND e.deputy_until = $6 END, false)) DESC, \
         l.measure_code LIMIT 1",
    )
    .bind(county_id.as_str())
    .bind(request_id.0)
    .bind(of.digests)
    .bind(office.map(|office| office.office_number.as_str()))
    .bind(office.map(|office| office.municipalities.as_slice()))
    .bind(of.until)
    .bind(of.but_in_hands)
    .fetch_optional(connection)
    .await?;
    code.map(|code| code.parse().map_err(|_| corrupt("a ledger's name"))).transpose()
}
