//! Claims: a person has at most one open entry per measure type, in all areas
//! together (I3). They are keyed by person and lie across ledgers.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::{
    domain::ids::{AreaId, EntryId, MeasureCode, PersonId},
    store::rows::{BATCH_ROWS, parse},
};

/// A person in a measure type.
pub type Claim = (PersonId, MeasureCode);

/// Takes claims for a county, in one order over all writers; answers which were free. Who
/// asks for a claim that another transaction is just taking waits for its end.
pub async fn take(
    connection: &mut PgConnection,
    county_id: &AreaId,
    claims: &BTreeSet<Claim>,
) -> Result<BTreeSet<Claim>, sqlx::Error> {
    let claims: Vec<&Claim> = claims.iter().collect();
    let mut taken = BTreeSet::new();
    for chunk in claims.chunks(BATCH_ROWS) {
        let mut query = QueryBuilder::<Postgres>::new(
            "-- take_claims\nINSERT INTO person_claim (person_id, measure_code, county_id) ",
        );
        query.push_values(chunk, |mut values, (person, measure)| {
            values.push_bind(person.0).push_bind(measure.as_str()).push_bind(county_id.as_str());
        });
        query.push(" ON CONFLICT DO NOTHING RETURNING person_id, measure_code");
        for row in query.build().persistent(false).fetch_all(&mut *connection).await? {
            let person = PersonId(row.try_get("person_id")?);
            taken.insert((person, parse(row.try_get("measure_code")?)?));
        }
    }
    Ok(taken)
}

/// Names the entries that claims are held by.
pub async fn name_entries(
    connection: &mut PgConnection,
    held: &[(Claim, EntryId)],
) -> Result<(), sqlx::Error> {
    if held.is_empty() {
        return Ok(());
    }
    let people: Vec<Uuid> = held.iter().map(|((person, _), _)| person.0).collect();
    let measures: Vec<&str> = held.iter().map(|((_, measure), _)| measure.as_str()).collect();
    let entries: Vec<Uuid> = held.iter().map(|(_, entry)| entry.0).collect();
    sqlx::query(
        "-- name_claims\n\
         UPDATE person_claim c SET entry_id = v.entry_id \
         FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS v (person_id, measure_code, entry_id) \
         WHERE c.person_id = v.person_id AND c.measure_code = v.measure_code",
    )
    .bind(people)
    .bind(measures)
    .bind(entries)
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives claims back that this transaction took for commands that were refused.
pub async fn give_back(
    connection: &mut PgConnection,
    claims: &BTreeSet<Claim>,
) -> Result<(), sqlx::Error> {
    if claims.is_empty() {
        return Ok(());
    }
    let people: Vec<Uuid> = claims.iter().map(|(person, _)| person.0).collect();
    let measures: Vec<&str> = claims.iter().map(|(_, measure)| measure.as_str()).collect();
    sqlx::query(
        "-- give_claims_back\n\
         DELETE FROM person_claim WHERE entry_id IS NULL AND (person_id, measure_code) IN \
         (SELECT * FROM unnest($1::uuid[], $2::text[]))",
    )
    .bind(people)
    .bind(measures)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the claims of entries that are closed.
pub async fn end(
    connection: &mut PgConnection,
    measure: &MeasureCode,
    ended: &[(PersonId, EntryId)],
) -> Result<(), sqlx::Error> {
    if ended.is_empty() {
        return Ok(());
    }
    let people: Vec<Uuid> = ended.iter().map(|(person, _)| person.0).collect();
    let entries: Vec<Uuid> = ended.iter().map(|(_, entry)| entry.0).collect();
    sqlx::query(
        "-- end_claims\n\
         DELETE FROM person_claim WHERE measure_code = $1 AND (person_id, entry_id) IN \
         (SELECT * FROM unnest($2::uuid[], $3::uuid[]))",
    )
    .bind(measure.as_str())
    .bind(people)
    .bind(entries)
    .execute(connection)
    .await?;
    Ok(())
}
