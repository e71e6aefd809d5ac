//! A case worker's people, found by the digest of the ident.

use sqlx::{PgConnection, Row, types::Json};
use time::Date;
use uuid::Uuid;

use crate::{
    domain::{ids::LedgerId, waitlist::Entry},
    store::held::Seen,
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
