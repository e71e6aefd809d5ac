//! Claims: a person has at most one open entry per measure type, in all areas
//! together (I3). They are keyed by person and lie across ledgers.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Postgres, QueryBuilder, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    domain::ids::{AreaId, EntryId, LedgerId, MeasureCode, PersonId},
    store::rows::{BATCH_ROWS, corrupt, parse},
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

/// A claim as it stands: whose, in which ledger, and by which entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// Whose.
    pub person_id: PersonId,
    /// The ledger it is held in.
    pub ledger: LedgerId,
    /// The entry that holds it.
    pub entry_id: EntryId,
}

/// Every claim of these people. A claim is only changed under the lock of the ledger it is
/// held in: what is read under that lock stays so.
pub async fn of_people(
    connection: &mut PgConnection,
    people: &[PersonId],
) -> Result<Vec<Held>, sqlx::Error> {
    let people: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query(
        "-- claims_of_people\n\
         SELECT person_id, measure_code, county_id, entry_id FROM person_claim \
         WHERE person_id = ANY($1) AND entry_id IS NOT NULL",
    )
    .bind(people)
    .fetch_all(connection)
    .await?;
    let held = |row: &PgRow| {
        let (county_id, measure_code) =
            (parse(row.try_get("county_id")?)?, parse(row.try_get("measure_code")?)?);
        Ok(Held {
            person_id: PersonId(row.try_get("person_id")?),
            ledger: LedgerId { county_id, measure_code },
            entry_id: EntryId(row.try_get("entry_id")?),
        })
    };
    rows.iter().map(held).collect()
}

/// Lets claims be held in the ledgers their entries were sent on to.
pub async fn move_on(connection: &mut PgConnection, moved: &[Held]) -> Result<(), sqlx::Error> {
    for one in moved {
        let done = sqlx::query(
            "-- move_claim\n\
             UPDATE person_claim SET county_id = $3 \
             WHERE person_id = $1 AND measure_code = $2 AND entry_id = $4",
        )
        .bind(one.person_id.0)
        .bind(one.ledger.measure_code.as_str())
        .bind(one.ledger.county_id.as_str())
        .bind(one.entry_id.0)
        .execute(&mut *connection)
        .await?;
        if done.rows_affected() != 1 {
            return Err(corrupt("person_claim"));
        }
    }
    Ok(())
}

/// Ends the claims of a ledger's entries that are closed; one that was moved on with its
/// entry is another ledger's.
pub async fn end(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    ended: &[(PersonId, EntryId)],
) -> Result<(), sqlx::Error> {
    if ended.is_empty() {
        return Ok(());
    }
    let people: Vec<Uuid> = ended.iter().map(|(person, _)| person.0).collect();
    let entries: Vec<Uuid> = ended.iter().map(|(_, entry)| entry.0).collect();
    sqlx::query(
        "-- end_claims\n\
         DELETE FROM person_claim WHERE measure_code = $1 AND county_id = $4 \
         AND (person_id, entry_id) IN (SELECT * FROM unnest($2::uuid[], $3::uuid[]))",
    )
    .bind(ledger.measure_code.as_str())
    .bind(people)
    .bind(entries)
    .bind(ledger.county_id.as_str())
    .execute(connection)
    .await?;
    Ok(())
}
