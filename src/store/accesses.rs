//! Reads of the access log: by person, by actor, by unit and by time. A person's accesses lie
//! in every area that has had to do with the person, and beside the registry's.

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::domain::{
    calendar::Timestamp,
    ids::{EntryId, PersonId},
};

/// How many entries of one person are looked for in the log: the latest.
pub const OF_ONE_PERSON_MAX: i64 = 1_000;

/// A row of the access log, as it is told.
#[derive(Debug, Clone)]
pub struct Noted {
    /// Its name.
    pub access_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// The area of the ledger.
    pub county_id: String,
    /// The measure type of the ledger.
    pub measure_code: String,
    /// Who vouched for the caller.
    pub issuer: String,
    /// The caller's name at the issuer.
    pub subject: String,
    /// The caller's own name.
    pub name: String,
    /// The system the caller used.
    pub client: String,
    /// What the caller was.
    pub role: String,
    /// Of which unit.
    pub organisation: String,
    /// Employed by whom.
    pub employer: String,
    /// On whose behalf.
    pub on_behalf_of: String,
    /// The record the right rested on.
    pub authority: Option<Uuid>,
    /// What was called.
    pub method: String,
    /// Why.
    pub purpose: String,
    /// For which case.
    pub case_reference: String,
    /// In which call.
    pub call_id: String,
    /// The entries it names: the asked person's, or the first ten.
    pub entries: Vec<EntryId>,
    /// How many entries it names in all.
    pub entry_count: u32,
    /// The first two people it names themselves: one alone is told from several.
    pub people: Vec<PersonId>,
    /// Whether it was allowed.
    pub permitted: bool,
}

/// Where a page begins, in the order of time and then of names.
pub type Place = (Timestamp, Uuid);

/// Which rows a page shows.
#[derive(Debug, Clone, Copy)]
pub struct AccessFilter<'a> {
    /// Of this area's ledgers only.
    pub county_id: Option<&'a str>,
    /// Of this person only, with all the person's entries.
    pub person: Option<(PersonId, &'a [EntryId])>,
    /// By this actor only.
    pub subject: Option<&'a str>,
    /// By this unit only.
    pub organisation: Option<&'a str>,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// Before this row only.
    pub before: Option<Place>,
    /// How many.
    pub limit: i64,
}

/// A page of the access log, the latest first. It is planned for what is asked, since each
/// question has an index of its own.
pub async fn page(
    connection: &mut PgConnection,
    filter: &AccessFilter<'_>,
) -> Result<Vec<Noted>, sqlx::Error> {
    let entries: Option<Vec<Uuid>> =
        filter.person.map(|(_, entries)| entries.iter().map(|entry| entry.0).collect());
    let rows = sqlx::query(
        "-- accesses_page\n\
         SELECT access_id, at, county_id, measure_code, issuer, subject, name, client, role, \
         organisation, employer, on_behalf_of, authority, method, purpose, case_reference, call_id, \
         permitted, cardinality(entry_ids) AS entry_count, person_ids[1:2] AS person_ids, \
         CASE WHEN $2::uuid IS NULL THEN entry_ids[1:10] ELSE array(SELECT e FROM \
              unnest(entry_ids) AS e WHERE e = ANY($3::uuid[])) END AS entry_ids \
         FROM access_log WHERE ($1::text IS NULL OR county_id = $1) \
         AND ($2::uuid IS NULL OR person_ids @> array[$2] OR entry_ids && $3::uuid[]) \
         AND ($4::text IS NULL OR subject = $4) AND ($5::text IS NULL OR organisation = $5) \
         AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7) \
         AND ($8::timestamptz IS NULL OR (at, access_id) < ($8, $9::uuid)) \
         ORDER BY at DESC, access_id DESC LIMIT $10",
    )
    .bind(filter.county_id)
    .bind(filter.person.map(|(person, _)| person.0))
    .bind(entries)
    .bind(filter.subject)
    .bind(filter.organisation)
    .bind(filter.from.map(Timestamp::to_datetime))
    .bind(filter.until.map(Timestamp::to_datetime))
    .bind(filter.before.map(|(at, _)| at.to_datetime()))
    .bind(filter.before.map(|(_, id)| id))
    .bind(filter.limit)
    .persistent(false)
    .fetch_all(connection)
    .await?;
    rows.iter().map(noted).collect()
}

/// The next rows behind a place and before a time, the earliest first; of one area, or of all
/// for an auditor.
pub async fn of_period(
    connection: &mut PgConnection,
    county_id: Option<&str>,
    after: Place,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Noted>, sqlx::Error> {
    let rows = sqlx::query(
        "-- accesses_of_period\n\
         SELECT access_id, at, county_id, measure_code, issuer, subject, name, client, role, \
         organisation, employer, on_behalf_of, authority, method, purpose, case_reference, call_id, \
         permitted, cardinality(entry_ids) AS entry_count, person_ids[1:2] AS person_ids, \
         entry_ids[1:10] AS entry_ids \
         FROM access_log WHERE ($1::text IS NULL OR county_id = $1) \
         AND (at, access_id) > ($2, $3) AND at < $4 ORDER BY at, access_id LIMIT $5",
    )
    .bind(county_id)
    .bind(after.0.to_datetime())
    .bind(after.1)
    .bind(until.to_datetime())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(noted).collect()
}

fn noted(row: &PgRow) -> Result<Noted, sqlx::Error> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let entries: Vec<Uuid> = row.try_get("entry_ids")?;
    let people: Vec<Uuid> = row.try_get("person_ids")?;
    let entry_count: i32 = row.try_get("entry_count")?;
    Ok(Noted {
        access_id: row.try_get("access_id")?,
        at: Timestamp::from_datetime(row.try_get("at")?),
        county_id: text("county_id")?,
        measure_code: text("measure_code")?,
        issuer: text("issuer")?,
        subject: text("subject")?,
        name: text("name")?,
        client: text("client")?,
        role: text("role")?,
        organisation: text("organisation")?,
        employer: text("employer")?,
        on_behalf_of: text("on_behalf_of")?,
        authority: row.try_get("authority")?,
        method: text("method")?,
        purpose: text("purpose")?,
        case_reference: text("case_reference")?,
        call_id: text("call_id")?,
        entries: entries.into_iter().map(EntryId).collect(),
        entry_count: u32::try_from(entry_count).unwrap_or(0),
        people: people.into_iter().map(PersonId).collect(),
        permitted: row.try_get("permitted")?,
    })
}

/// The entries of one person, in all areas: the latest registered first.
pub async fn entries_of(
    connection: &mut PgConnection,
    person: PersonId,
) -> Result<Vec<EntryId>, sqlx::Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "-- entry_ids_of_person\n\
         SELECT entry_id FROM entry WHERE person_id = $1 \
         ORDER BY registered_time_us DESC, entry_id DESC LIMIT $2",
    )
    .bind(person.0)
    .bind(OF_ONE_PERSON_MAX)
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(EntryId).collect())
}

/// Whose entries these are, by the ledgers of the rows that name them.
pub async fn people_of(
    connection: &mut PgConnection,
    entries: &[(&str, &str, EntryId)],
) -> Result<Vec<(EntryId, PersonId)>, sqlx::Error> {
    let counties: Vec<&str> = entries.iter().map(|(county, ..)| *county).collect();
    let measures: Vec<&str> = entries.iter().map(|(_, measure, _)| *measure).collect();
    let ids: Vec<Uuid> = entries.iter().map(|(.., entry)| entry.0).collect();
    let rows = sqlx::query(
        "-- people_of_entries\n\
         SELECT entry_id, person_id FROM entry WHERE (county_id, measure_code, entry_id) IN \
         (SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]))",
    )
    .bind(counties)
    .bind(measures)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let pair =
        |row: &PgRow| Ok((EntryId(row.try_get("entry_id")?), PersonId(row.try_get("person_id")?)));
    rows.iter().map(pair).collect()
}
