//! Reads of what is held for people: offers and placements, by ledger and by person.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row, types::Json};
use time::Date;
use uuid::Uuid;

use crate::{
    domain::{
        access::{Actor, Role, office_of, served_by},
        allocation::{Offer, Placement},
        calendar::Timestamp,
        ids::{
            EntryId, LedgerId, MunicipalityNumber, OfferId, PersonId, PlaceGroupId, PlacementId,
        },
        registry::Registry,
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

/// Whose rows a caller's scope reaches, as a filter: what `permits` says of one row, said
/// of all. A role that sees everybody's has its area checked beside it.
pub fn seen_by(actor: &Actor, registry: &Registry, today: Date) -> Seen {
    let own = actor.organisation.clone();
    match actor.role {
        Role::County => Seen { county_id: Some(own), ..Seen::default() },
        Role::Office => {
            let office = office_of(actor, registry);
            let serves = office.map(|office| served_by(office, registry, today));
            let municipalities = serves.into_iter().flatten().map(ToString::to_string).collect();
            Seen {
                office: Some(OfficeSees { municipalities, office_number: own }),
                ..Seen::default()
            }
        }
        Role::Provider => Seen { organisation_number: Some(own), ..Seen::default() },
        Role::Directorate | Role::Municipality | Role::Service | Role::Auditor => Seen::default(),
    }
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

/// A page of offers, the latest first. A provider sees none that was never more than a
/// proposal.
pub async fn offers(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    filter: &HeldFilter<'_>,
) -> Result<Vec<Offer>, sqlx::Error> {
    page(
        connection,
        "-- offers_page\n\
         SELECT h.doc FROM offer h WHERE h.county_id = $1 AND h.measure_code = $2 \
         AND h.state = ANY($3) \
         AND ($4::uuid IS NULL OR h.entry_id = $4) \
         AND ($5::uuid IS NULL OR h.doc->>'place_group_id' = $5::text) \
         AND ($6::text IS NULL OR EXISTS (SELECT FROM entry e \
              WHERE e.county_id = $1 AND e.measure_code = $2 AND e.entry_id = h.entry_id \
              AND (e.municipality_number = ANY($7) OR e.following_office_number = $6))) \
         AND ($8::text IS NULL OR (h.state NOT IN ('PROPOSED', 'LAPSED') \
              AND h.doc->'state'->'WITHDRAWN'->>'was_offered' IS DISTINCT FROM 'false' \
              AND EXISTS (SELECT FROM place_group g \
              WHERE g.county_id = $1 AND g.measure_code = $2 AND g.organisation_number = $8 \
              AND g.place_group_id = (h.doc->>'place_group_id')::uuid))) \
         AND ($9::uuid IS NULL OR h.offer_id < $9) ORDER BY h.offer_id DESC LIMIT $10",
        ledger,
        filter,
    )
    .await
}

/// A page of placements, the latest made first.
pub async fn placements(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    filter: &HeldFilter<'_>,
) -> Result<Vec<Placement>, sqlx::Error> {
    page(
        connection,
        "-- placements_page\n\
         SELECT h.doc FROM placement h WHERE h.county_id = $1 AND h.measure_code = $2 \
         AND h.state = ANY($3) \
         AND ($4::uuid IS NULL OR h.entry_id = $4) \
         AND ($5::uuid IS NULL OR h.doc->>'place_group_id' = $5::text) \
         AND ($6::text IS NULL OR EXISTS (SELECT FROM entry e \
              WHERE e.county_id = $1 AND e.measure_code = $2 AND e.entry_id = h.entry_id \
              AND (e.municipality_number = ANY($7) OR e.following_office_number = $6))) \
         AND ($8::text IS NULL OR EXISTS (SELECT FROM place_group g \
              WHERE g.county_id = $1 AND g.measure_code = $2 AND g.organisation_number = $8 \
              AND g.place_group_id = (h.doc->>'place_group_id')::uuid)) \
         AND ($9::uuid IS NULL OR h.placement_id < $9) ORDER BY h.placement_id DESC LIMIT $10",
        ledger,
        filter,
    )
    .await
}

/// From here on each statement of the transaction is planned for the very filters it is
/// asked with.
pub(crate) async fn plan_for_these(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("-- plan_for_these\nSET LOCAL plan_cache_mode = force_custom_plan")
        .execute(connection)
        .await
        .map(drop)
}

/// Runs one of the two, planned for the very filters asked for: with a plan for all mixes
/// each would read the whole ledger.
async fn page<T>(
    connection: &mut PgConnection,
    statement: &'static str,
    ledger: &LedgerId,
    filter: &HeldFilter<'_>,
) -> Result<Vec<T>, sqlx::Error>
where
    T: serde::de::DeserializeOwned + Send + Unpin + 'static,
{
    plan_for_these(connection).await?;
    let office = filter.seen.office.as_ref();
    let rows: Vec<Json<T>> = sqlx::query_scalar(statement)
        .bind(ledger.county_id.as_str())
        .bind(ledger.measure_code.as_str())
        .bind(filter.states)
        .bind(filter.entry_id.map(|id| id.0))
        .bind(filter.place_group_id.map(|id| id.0))
        .bind(office.map(|office| office.office_number.as_str()))
        .bind(office.map(|office| office.municipalities.as_slice()))
        .bind(filter.seen.organisation_number.as_deref())
        .bind(filter.before)
        .bind(filter.limit)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|Json(row)| row).collect())
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

/// The municipalities whose people these entries are of.
pub async fn municipalities_of(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    entries: &[EntryId],
) -> Result<Vec<MunicipalityNumber>, sqlx::Error> {
    let ids: Vec<Uuid> = entries.iter().map(|id| id.0).collect();
    let numbers: Vec<String> = sqlx::query_scalar(
        "-- municipalities_of_entries\n\
         SELECT DISTINCT municipality_number FROM entry \
         WHERE county_id = $1 AND measure_code = $2 AND entry_id = ANY($3)",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(&ids)
    .fetch_all(connection)
    .await?;
    let number = |text: String| text.parse().map_err(|_| corrupt("a municipality's number"));
    numbers.into_iter().map(number).collect()
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
/// below `before`; one that moved, or that another measure type took over, stands once in each
/// ledger. It is keyed by person: the named exception from one county.
pub async fn entries_of_person(
    connection: &mut PgConnection,
    person_id: PersonId,
    seen: &Seen,
    before: Option<(Timestamp, EntryId, LedgerId)>,
    limit: i64,
) -> Result<Vec<(LedgerId, Entry)>, sqlx::Error> {
    let (registered, entry_id) =
        before.as_ref().map_or((i64::MAX, Uuid::max()), |(at, id, _)| (at.micros(), id.0));
    let rows = sqlx::query(
        "-- entries_of_person\n\
         SELECT county_id, measure_code, doc FROM entry WHERE person_id = $1 \
         AND ($2::text IS NULL OR county_id = $2) \
         AND ($3::text[] IS NULL OR municipality_number = ANY($3) \
              OR following_office_number = $4) \
         AND (registered_time_us, entry_id) <= ($5, $6) \
         AND (registered_time_us, entry_id, county_id, measure_code) < ($5, $6, $8, $9) \
         ORDER BY registered_time_us DESC, entry_id DESC, county_id DESC, measure_code DESC \
         LIMIT $7",
    )
    .bind(person_id.0)
    .bind(seen.county_id.as_deref())
    .bind(seen.office.as_ref().map(|office| &office.municipalities))
    .bind(seen.office.as_ref().map(|office| &office.office_number))
    .bind(registered)
    .bind(entry_id)
    .bind(limit)
    .bind(before.as_ref().map_or("", |(.., ledger)| ledger.county_id.as_str()))
    .bind(before.as_ref().map_or("", |(.., ledger)| ledger.measure_code.as_str()))
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
