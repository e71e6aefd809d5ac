//! People: found by a keyed digest, never by a number.

use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::{domain::ids::PersonId, store::rows::execute_rows};

/// A person to be there after [`find_or_add`].
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which key made the digest.
    pub key_version: i32,
    /// The digest of the identity number.
    pub hmac: [u8; 32],
    /// Who it will be, if new.
    pub person_id: PersonId,
    /// The identity as ciphertext, if new.
    pub identity: Vec<u8>,
    /// The wrapped data key, if new.
    pub data_key: Vec<u8>,
}

/// A person who is there.
#[derive(Debug, Clone)]
pub struct Found {
    /// Who.
    pub person_id: PersonId,
    /// The wrapped data key.
    pub data_key: Vec<u8>,
}

/// Finds people by any of their digests, in the order asked for.
pub async fn find(
    connection: &mut PgConnection,
    digests: &[Vec<(i32, [u8; 32])>],
) -> Result<Vec<Option<Found>>, sqlx::Error> {
    let flat: Vec<(i32, &[u8])> =
        digests.iter().flatten().map(|(version, hmac)| (*version, hmac.as_slice())).collect();
    let versions: Vec<i32> = flat.iter().map(|(version, _)| *version).collect();
    let hmacs: Vec<&[u8]> = flat.iter().map(|(_, hmac)| *hmac).collect();
    let rows = sqlx::query(
        "-- find_people\n\
         SELECT k.key_version, k.hmac, p.person_id, p.data_key FROM person_key k \
         JOIN person p ON p.person_id = k.person_id \
         WHERE (k.key_version, k.hmac) IN (SELECT * FROM unnest($1::int[], $2::bytea[]))",
    )
    .bind(versions)
    .bind(hmacs)
    .fetch_all(connection)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let key: (i32, Vec<u8>) = (row.try_get("key_version")?, row.try_get("hmac")?);
        let person_id = PersonId(row.try_get::<Uuid, _>("person_id")?);
        found.push((key, Found { person_id, data_key: row.try_get("data_key")? }));
    }
    let is = |key: &(i32, Vec<u8>), (version, hmac): &(i32, [u8; 32])| {
        key.0 == *version && key.1 == hmac
    };
    Ok(digests
        .iter()
        .map(|own| {
            let hit = found.iter().find(|(key, _)| own.iter().any(|digest| is(key, digest)));
            hit.map(|(_, person)| person.clone())
        })
        .collect())
}

/// Adds people whose digest nobody has, in the order of the digests so that two
/// writers never wait for each other; answers who was added. The others have been
/// added by somebody else meanwhile.
pub async fn add(
    connection: &mut PgConnection,
    wanted: &mut [Wanted],
) -> Result<Vec<PersonId>, sqlx::Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    wanted.sort_by_key(|person| (person.key_version, person.hmac));
    let mut people = QueryBuilder::<Postgres>::new(
        "-- add_people\nINSERT INTO person (person_id, identity, data_key) ",
    );
    people.push_values(wanted.iter(), |mut values, person| {
        values
            .push_bind(person.person_id.0)
            .push_bind(&person.identity)
            .push_bind(&person.data_key);
    });
    execute_rows(connection, people, wanted.len()).await?;
    let mut keys = QueryBuilder::<Postgres>::new(
        "-- add_person_keys\nINSERT INTO person_key (key_version, hmac, person_id) ",
    );
    keys.push_values(wanted.iter(), |mut values, person| {
        values
            .push_bind(person.key_version)
            .push_bind(person.hmac.as_slice())
            .push_bind(person.person_id.0);
    });
    keys.push(" ON CONFLICT DO NOTHING RETURNING person_id");
    let rows = keys.build().persistent(false).fetch_all(&mut *connection).await?;
    let added: Vec<PersonId> =
        rows.iter().map(|row| row.try_get("person_id").map(PersonId)).collect::<Result<_, _>>()?;
    let lost: Vec<PersonId> =
        wanted.iter().map(|p| p.person_id).filter(|id| !added.contains(id)).collect();
    remove(connection, &lost).await?;
    Ok(added)
}

/// Removes people this transaction has added and nobody needs after all.
pub async fn remove(connection: &mut PgConnection, people: &[PersonId]) -> Result<(), sqlx::Error> {
    if people.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    sqlx::query("-- remove_person_keys\nDELETE FROM person_key WHERE person_id = ANY($1)")
        .bind(&ids)
        .execute(&mut *connection)
        .await?;
    sqlx::query("-- remove_people\nDELETE FROM person WHERE person_id = ANY($1)")
        .bind(&ids)
        .execute(connection)
        .await?;
    Ok(())
}

/// The wrapped data keys of people.
pub async fn data_keys(
    connection: &mut PgConnection,
    people: &[PersonId],
) -> Result<Vec<(PersonId, Vec<u8>)>, sqlx::Error> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query(
        "-- data_keys\nSELECT person_id, data_key FROM person WHERE person_id = ANY($1)",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((PersonId(row.try_get("person_id")?), row.try_get("data_key")?)))
        .collect()
}

/// What is kept of a person.
#[derive(Clone)]
pub struct Kept {
    /// Who.
    pub person_id: PersonId,
    /// The identity as ciphertext.
    pub identity: Vec<u8>,
    /// The wrapped data key.
    pub data_key: Vec<u8>,
    /// The digests to find the person by, with their key versions.
    pub digests: Vec<(i32, Vec<u8>)>,
}

/// A page of people, by id, with all that is kept of them: for `verify` alone.
pub async fn page(
    connection: &mut PgConnection,
    after: Option<PersonId>,
    limit: i64,
) -> Result<Vec<Kept>, sqlx::Error> {
    let rows = sqlx::query(
        "-- people_page\n\
         SELECT p.person_id, p.identity, p.data_key, \
         array(SELECT k.key_version FROM person_key k WHERE k.person_id = p.person_id \
               ORDER BY k.key_version, k.hmac) AS versions, \
         array(SELECT k.hmac FROM person_key k WHERE k.person_id = p.person_id \
               ORDER BY k.key_version, k.hmac) AS hmacs \
         FROM person p WHERE $1::uuid IS NULL OR p.person_id > $1 ORDER BY p.person_id LIMIT $2",
    )
    .bind(after.map(|person| person.0))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let versions: Vec<i32> = row.try_get("versions")?;
            let hmacs: Vec<Vec<u8>> = row.try_get("hmacs")?;
            Ok(Kept {
                person_id: PersonId(row.try_get("person_id")?),
                identity: row.try_get("identity")?,
                data_key: row.try_get("data_key")?,
                digests: versions.into_iter().zip(hmacs).collect(),
            })
        })
        .collect()
}
