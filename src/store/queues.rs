//! Reads of queues: positions, pages, counts.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row, types::Json};
use uuid::Uuid;

use crate::{
    domain::{
        access::Own,
        calendar::Timestamp,
        ids::{EntryId, LedgerId, MunicipalityNumber, OfficeNumber, PlaceGroupId},
        waitlist::{Entry, OrderKey, QueueKey},
    },
    store::rows::parse,
};

/// An entry by id.
pub async fn find_entry(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    entry_id: EntryId,
) -> Result<Option<Entry>, sqlx::Error> {
    let found: Option<Json<Entry>> = sqlx::query_scalar(
        "-- find_entry\n\
         SELECT doc FROM entry WHERE county_id = $1 AND measure_code = $2 AND entry_id = $3",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(entry_id.0)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|Json(entry)| entry))
}

/// Where those of these entries are entitled.
pub async fn entitled(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    entries: &[EntryId],
) -> Result<BTreeMap<EntryId, MunicipalityNumber>, sqlx::Error> {
    let ids: Vec<Uuid> = entries.iter().map(|id| id.0).collect();
    let rows = sqlx::query(
        "-- entitled\n\
         SELECT entry_id, municipality_number FROM entry \
         WHERE county_id = $1 AND measure_code = $2 AND entry_id = ANY($3)",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let number: &str = row.try_get("municipality_number")?;
            Ok((EntryId(row.try_get("entry_id")?), parse(number)?))
        })
        .collect()
}

/// How many eligible people stand before `key`, in one queue or in the whole ledger.
pub async fn count_before(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    queue: Option<&QueueKey>,
    key: OrderKey,
) -> Result<u64, sqlx::Error> {
    let count: i64 = sqlx::query_scalar(
        "-- count_before\n\
         SELECT count(*) FROM waiting WHERE county_id = $1 AND measure_code = $2 \
         AND ($3::text IS NULL OR queue = $3) AND order_time_us <= $4 \
         AND (order_time_us, registered_time_us, join_seq) < ($4, $5, $6)",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(queue.map(QueueKey::as_str))
    .bind(key.order_time.micros())
    .bind(key.registered_time.micros())
    .bind(key.join_seq.cast_signed())
    .fetch_one(connection)
    .await?;
    Ok(count.cast_unsigned())
}

/// Which entries a page shows.
#[derive(Debug, Clone)]
pub struct PageFilter {
    /// In this state.
    pub state: &'static str,
    /// Of these municipalities, or followed up by `office`; `None` for all.
    pub municipalities: Option<Vec<String>>,
    /// Followed up by this office.
    pub office: Option<String>,
    /// Of this municipality only.
    pub only_municipality: Option<MunicipalityNumber>,
}

/// A page of entries after `after`, in the order of the queue.
pub async fn page(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    filter: &PageFilter,
    after: OrderKey,
    limit: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    let rows: Vec<Json<Entry>> = sqlx::query_scalar(
        "-- entries_page\n\
         SELECT doc FROM entry WHERE county_id = $1 AND measure_code = $2 AND state = $3 \
         AND ($4::text[] IS NULL OR municipality_number = ANY($4) \
              OR following_office_number = $5) \
         AND ($6::text IS NULL OR municipality_number = $6) \
         AND order_time_us >= $7 \
         AND (order_time_us, registered_time_us, join_seq) > ($7, $8, $9) \
         ORDER BY order_time_us, registered_time_us, join_seq LIMIT $10",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(filter.state)
    .bind(filter.municipalities.as_ref())
    .bind(filter.office.as_ref())
    .bind(filter.only_municipality.as_ref().map(MunicipalityNumber::as_str))
    .bind(after.order_time.micros())
    .bind(after.registered_time.micros())
    .bind(after.join_seq.cast_signed())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|Json(entry)| entry).collect())
}

/// How many wait in a ledger, and for what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// By entitled municipality.
    pub municipalities: Vec<(MunicipalityNumber, u64)>,
    /// By preferred place group; who names several is counted at each.
    pub place_groups: Vec<(PlaceGroupId, u64)>,
    /// Without a preference.
    pub without_preference: u64,
    /// The earliest registered time.
    pub earliest: Option<Timestamp>,
    /// How many wait for a larger share of the place they have; none of them is counted above.
    pub increases: u64,
}

/// Counts who waits in a ledger.
pub async fn counts(
    connection: &mut PgConnection,
    ledger: &LedgerId,
) -> Result<QueueCounts, sqlx::Error> {
    count(connection, ledger, None).await
}

/// Counts those of them whom an office follows up or whose municipality it serves.
pub async fn counts_of(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    own: &Own,
) -> Result<QueueCounts, sqlx::Error> {
    count(connection, ledger, Some(own)).await
}

/// Counts who waits in a ledger, or of its own those of an office. Those who wait for a larger share
/// are few beside the others, and found by an index of their own.
async fn count(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    own: Option<&Own>,
) -> Result<QueueCounts, sqlx::Error> {
    let municipalities =
        own.map(|own| own.municipalities.iter().map(MunicipalityNumber::as_str).collect());
    let office = own.and_then(|own| own.office.as_ref()).map(OfficeNumber::as_str);
    let of = Of {
        county: ledger.county_id.as_str(),
        measure: ledger.measure_code.as_str(),
        municipalities,
        office,
    };
    let mut counts = QueueCounts::default();
    of.by_municipality(connection, &mut counts).await?;
    of.by_place_group(connection, &mut counts).await?;
    counts.increases = of.increases(connection).await?;
    Ok(counts)
}

/// Of whom it is asked: of everyone in a ledger where no municipalities are named.
struct Of<'a> {
    county: &'a str,
    measure: &'a str,
    municipalities: Option<Vec<&'a str>>,
    office: Option<&'a str>,
}

impl Of<'_> {
    async fn by_municipality(
        &self,
        connection: &mut PgConnection,
        counts: &mut QueueCounts,
    ) -> Result<(), sqlx::Error> {
        let municipalities = sqlx::query(
            "-- count_by_municipality\n\
             SELECT municipality_number, count(*) AS n, min(registered_time_us) AS earliest, \
             count(*) FILTER (WHERE preferred = '{}') AS free FROM waiting \
             WHERE county_id = $1 AND measure_code = $2 AND entry_id NOT IN (\
             SELECT entry_id FROM entry WHERE county_id = $1 AND measure_code = $2 \
             AND state <> 'CLOSED' AND doc->>'increase_of' IS NOT NULL) \
             AND ($3::text[] IS NULL OR municipality_number = ANY($3) OR entry_id IN (\
             SELECT entry_id FROM entry WHERE county_id = $1 AND measure_code = $2 \
             AND state = 'WAITING' AND following_office_number = $4)) GROUP BY 1 ORDER BY 1",
        )
        .bind(self.county)
        .bind(self.measure)
        .bind(self.municipalities.as_ref())
        .bind(self.office)
        .fetch_all(connection)
        .await?;
        for row in &municipalities {
            let number = parse(row.try_get("municipality_number")?)?;
            counts.municipalities.push((number, row.try_get::<i64, _>("n")?.cast_unsigned()));
            counts.without_preference += row.try_get::<i64, _>("free")?.cast_unsigned();
            let earliest = Timestamp::from_micros(row.try_get("earliest")?);
            counts.earliest = Some(counts.earliest.map_or(earliest, |least| least.min(earliest)));
        }
        Ok(())
    }

    async fn by_place_group(
        &self,
        connection: &mut PgConnection,
        counts: &mut QueueCounts,
    ) -> Result<(), sqlx::Error> {
        let groups = sqlx::query(
            "-- count_by_place_group\n\
             SELECT place_group_id, count(*) AS n \
             FROM waiting, unnest(preferred) AS place_group_id \
             WHERE county_id = $1 AND measure_code = $2 AND entry_id NOT IN (\
             SELECT entry_id FROM entry WHERE county_id = $1 AND measure_code = $2 \
             AND state <> 'CLOSED' AND doc->>'increase_of' IS NOT NULL) \
             AND ($3::text[] IS NULL OR municipality_number = ANY($3) OR entry_id IN (\
             SELECT entry_id FROM entry WHERE county_id = $1 AND measure_code = $2 \
             AND state = 'WAITING' AND following_office_number = $4)) GROUP BY 1 ORDER BY 1",
        )
        .bind(self.county)
        .bind(self.measure)
        .bind(self.municipalities.as_ref())
        .bind(self.office)
        .fetch_all(connection)
        .await?;
        for row in &groups {
            let id = PlaceGroupId(row.try_get::<Uuid, _>("place_group_id")?);
            counts.place_groups.push((id, row.try_get::<i64, _>("n")?.cast_unsigned()));
        }
        Ok(())
    }

    async fn increases(&self, connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
        let increases: i64 = sqlx::query_scalar(
            "-- count_increases\n\
             SELECT count(*) FROM entry WHERE county_id = $1 AND measure_code = $2 \
             AND state = 'WAITING' AND state <> 'CLOSED' AND doc->>'increase_of' IS NOT NULL \
             AND ($3::text[] IS NULL OR municipality_number = ANY($3) \
             OR following_office_number = $4)",
        )
        .bind(self.county)
        .bind(self.measure)
        .bind(self.municipalities.as_ref())
        .bind(self.office)
        .fetch_one(connection)
        .await?;
        Ok(increases.cast_unsigned())
    }
}
