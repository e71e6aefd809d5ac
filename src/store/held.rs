//! Reads of what is held for people: offers and placements, by ledger and by person.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Postgres, QueryBuilder, Row, types::Json};
use uuid::Uuid;

use crate::{
    domain::{
        allocation::{Offer, Placement},
        calendar::Timestamp,
        ids::{EntryId, LedgerId, OfferId, PersonId, PlaceGroupId, PlacementId},
        waitlist::Entry,
    },
    store::rows::corrupt,
};

/// How many offers, and how many placements, of one entry are shown at most.
pub const OF_ONE_ENTRY_MAX: i64 = 100;

/// Whose rows a caller sees; nothing said is everybody's.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Those of this area.
    pub county_id: Option<String>,
    /// Those of an office's people.
    pub office: Option<OfficeSees>,
    /// Those of this provider's places.
    pub organisation_number: Option<String>,
}

/// Whose rows an office sees.
#[derive(Debug, Clone)]
pub struct OfficeSees {
    /// People of these municipalities.
    pub municipalities: Vec<String>,
    /// And people whom it follows up itself.
    pub office_number: String,
}

/// Which rows a page shows, `before` being where it begins.
#[derive(Debug, Clone)]
pub struct HeldFilter<'a> {
    /// Where they stand.
    pub states: &'a [&'static str],
    /// Of this entry only.
    pub entry_id: Option<EntryId>,
    /// In this place group only.
    pub place_group_id: Option<PlaceGroupId>,
    /// Whose the caller sees.
    pub seen: &'a Seen,
    /// Ids below this one only; they are made of their time, the latest the highest.
    pub before: Option<Uuid>,
    /// How many.
    pub limit: i64,
}

/// A page of offers, the latest first.
pub async fn offers(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    filter: &HeldFilter<'_>,
) -> Result<Vec<Offer>, sqlx::Error> {
    let mut query = QueryBuilder::<Postgres>::new(
        "-- offers_page\nSELECT h.doc FROM offer h WHERE h.county_id = ",
    );
    push_filter(&mut query, ledger, filter);
    if filter.seen.organisation_number.is_some() {
        // What was never more than a proposal is no provider's business.
        query.push(
            " AND h.state NOT IN ('PROPOSED', 'LAPSED') \
             AND h.doc->'state'->'WITHDRAWN'->>'was_offered' IS DISTINCT FROM 'false'",
        );
    }
    push_page(&mut query, "h.offer_id", filter);
    let rows: Vec<Json<Offer>> =
        query.build_query_scalar().persistent(false).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|Json(offer)| offer).collect())
}

/// A page of placements, the latest made first.
pub async fn placements(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    filter: &HeldFilter<'_>,
) -> Result<Vec<Placement>, sqlx::Error> {
    let mut query = QueryBuilder::<Postgres>::new(
        "-- placements_page\nSELECT h.doc FROM placement h WHERE h.county_id = ",
    );
    push_filter(&mut query, ledger, filter);
    push_page(&mut query, "h.placement_id", filter);
    let rows: Vec<Json<Placement>> =
        query.build_query_scalar().persistent(false).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|Json(placement)| placement).collect())
}

/// Only the conditions asked for, so that each mix is planned for itself.
fn push_filter(query: &mut QueryBuilder<Postgres>, ledger: &LedgerId, filter: &HeldFilter<'_>) {
    let county = || ledger.county_id.as_str().to_owned();
    let measure = || ledger.measure_code.as_str().to_owned();
    query.push_bind(county()).push(" AND h.measure_code = ").push_bind(measure());
    // As they are, and not as parameters: so the indexes of what is open can be used.
    query.push(" AND h.state IN ('").push(filter.states.join("', '")).push("')");
    if let Some(entry_id) = filter.entry_id {
        query.push(" AND h.entry_id = ").push_bind(entry_id.0);
    }
    if let Some(group) = filter.place_group_id {
        query.push(" AND h.doc->>'place_group_id' = ").push_bind(group.to_string());
    }
    if let Some(office) = &filter.seen.office {
        query.push(" AND EXISTS (SELECT FROM entry e WHERE e.county_id = ").push_bind(county());
        query.push(" AND e.measure_code = ").push_bind(measure());
        query.push(" AND e.entry_id = h.entry_id AND (e.municipality_number = ANY(");
        query.push_bind(office.municipalities.clone());
        query.push(") OR e.following_office_number = ").push_bind(office.office_number.clone());
        query.push("))");
    }
    if let Some(number) = &filter.seen.organisation_number {
        query.push(" AND EXISTS (SELECT FROM place_group g WHERE g.county_id = ");
        query.push_bind(county()).push(" AND g.measure_code = ").push_bind(measure());
        query.push(" AND g.place_group_id = (h.doc->>'place_group_id')::uuid");
        query.push(" AND g.organisation_number = ").push_bind(number.clone()).push(")");
    }
}

fn push_page(query: &mut QueryBuilder<Postgres>, id: &'static str, filter: &HeldFilter<'_>) {
    if let Some(before) = filter.before {
        query.push(" AND ").push(id).push(" < ").push_bind(before);
    }
    query.push(" ORDER BY ").push(id).push(" DESC LIMIT ").push_bind(filter.limit);
}

/// An offer by id.
pub async fn find_offer(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    offer_id: OfferId,
) -> Result<Option<Offer>, sqlx::Error> {
    let found: Option<Json<Offer>> = sqlx::query_scalar(
        "-- find_offer\n\
         SELECT doc FROM offer WHERE county_id = $1 AND measure_code = $2 AND offer_id = $3",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(offer_id.0)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|Json(offer)| offer))
}

/// What was held for entries of one ledger: of each the latest first.
#[derive(Debug, Clone, Default)]
pub struct HeldByEntry {
    /// Proposals and offers.
    pub offers: BTreeMap<EntryId, Vec<Offer>>,
    /// Placements.
    pub placements: BTreeMap<EntryId, Vec<Placement>>,
}

/// What was held for these entries, at most [`OF_ONE_ENTRY_MAX`] of a kind for each.
pub async fn of_entries(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    entries: &[EntryId],
) -> Result<HeldByEntry, sqlx::Error> {
    let ids: Vec<Uuid> = entries.iter().map(|id| id.0).collect();
    let (county, measure) = (ledger.county_id.as_str(), ledger.measure_code.as_str());
    let mut held = HeldByEntry::default();
    let offers: Vec<Json<Offer>> = sqlx::query_scalar(
        "-- offers_of_entries\n\
         SELECT h.doc FROM unnest($3::uuid[]) AS w (entry_id), LATERAL (\
         SELECT offer_id, doc FROM offer \
         WHERE county_id = $1 AND measure_code = $2 AND entry_id = w.entry_id \
         ORDER BY offer_id DESC LIMIT $4) h ORDER BY h.offer_id DESC",
    )
    .bind(county)
    .bind(measure)
    .bind(&ids)
    .bind(OF_ONE_ENTRY_MAX)
    .fetch_all(&mut *connection)
    .await?;
    for Json(offer) in offers {
        held.offers.entry(offer.entry_id).or_default().push(offer);
    }
    let placements: Vec<Json<Placement>> = sqlx::query_scalar(
        "-- placements_of_entries\n\
         SELECT h.doc FROM unnest($3::uuid[]) AS w (entry_id), LATERAL (\
         SELECT placement_id, doc FROM placement \
         WHERE county_id = $1 AND measure_code = $2 AND entry_id = w.entry_id \
         ORDER BY placement_id DESC LIMIT $4) h ORDER BY h.placement_id DESC",
    )
    .bind(county)
    .bind(measure)
    .bind(&ids)
    .bind(OF_ONE_ENTRY_MAX)
    .fetch_all(connection)
    .await?;
    for Json(placement) in placements {
        held.placements.entry(placement.entry_id).or_default().push(placement);
    }
    Ok(held)
}

/// One person's entries in all areas that the caller sees, the latest registered first,
/// below `before`. It is keyed by person: the named exception from one county.
pub async fn entries_of_person(
    connection: &mut PgConnection,
    person_id: PersonId,
    seen: &Seen,
    before: Option<(Timestamp, EntryId)>,
    limit: i64,
) -> Result<Vec<(LedgerId, Entry)>, sqlx::Error> {
    let (registered, entry_id) =
        before.map_or((i64::MAX, Uuid::max()), |(at, id)| (at.micros(), id.0));
    let rows = sqlx::query(
        "-- entries_of_person\n\
         SELECT county_id, measure_code, doc FROM entry WHERE person_id = $1 \
         AND ($2::text IS NULL OR county_id = $2) \
         AND ($3::text[] IS NULL OR municipality_number = ANY($3) \
              OR following_office_number = $4) \
         AND (registered_time_us, entry_id) < ($5, $6) \
         ORDER BY registered_time_us DESC, entry_id DESC LIMIT $7",
    )
    .bind(person_id.0)
    .bind(seen.county_id.as_deref())
    .bind(seen.office.as_ref().map(|office| &office.municipalities))
    .bind(seen.office.as_ref().map(|office| &office.office_number))
    .bind(registered)
    .bind(entry_id)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let (county, measure) = (row.try_get("county_id")?, row.try_get("measure_code")?);
            let ledger = LedgerId::from_texts(county, measure);
            let Json(entry) = row.try_get("doc")?;
            Ok((ledger.map_err(|_| corrupt("a ledger's name"))?, entry))
        })
        .collect()
}

/// A placement's id or an offer's, as a page's cursor.
pub trait Held {
    /// The id.
    fn id(&self) -> Uuid;
    /// Whose.
    fn entry_id(&self) -> EntryId;
}

impl Held for Offer {
    fn id(&self) -> Uuid {
        let OfferId(id) = self.offer_id;
        id
    }

    fn entry_id(&self) -> EntryId {
        self.entry_id
    }
}

impl Held for Placement {
    fn id(&self) -> Uuid {
        let PlacementId(id) = self.placement_id;
        id
    }

    fn entry_id(&self) -> EntryId {
        self.entry_id
    }
}
