//! People: found by a keyed digest, never by a number.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::{
    domain::ids::PersonId,
    store::rows::{BATCH_ROWS, execute_rows},
};

/// A digest of an identity number, and the version of the key that made it.
pub type Digest = (i32, [u8; 32]);

/// A person to be there after [`add`].
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The digests of the identity number, under every key there is: so a replica that
    /// begins with another key finds the same person.
    pub digests: Vec<Digest>,
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
    /// The versions of the keys under which this person is found.
    pub key_versions: Vec<i32>,
}

/// Finds people by any of their digests, in the order asked for.
pub async fn find(
    connection: &mut PgConnection,
    digests: &[Vec<Digest>],
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
    let mut found: BTreeMap<(i32, Vec<u8>), (PersonId, Vec<u8>)> = BTreeMap::new();
    for row in &rows {
        let digest = (row.try_get("key_version")?, row.try_get("hmac")?);
        let person_id = PersonId(row.try_get::<Uuid, _>("person_id")?);
        found.insert(digest, (person_id, row.try_get("data_key")?));
    }
    let one = |own: &Vec<Digest>| {
        let hit =
            |(version, hmac): &Digest| Some((*version, found.get(&(*version, hmac.to_vec()))?));
        let mut hits = own.iter().filter_map(hit);
        let (version, (person_id, data_key)) = hits.next()?;
        let others = hits.filter(|(_, (other, _))| other == person_id).map(|(v, _)| v);
        let key_versions = [version].into_iter().chain(others).collect();
        Some(Found { person_id: *person_id, data_key: data_key.clone(), key_versions })
    };
    Ok(digests.iter().map(one).collect())
}

/// Adds people whose digests nobody has; answers who was added. The others have been
/// added by somebody else meanwhile.
pub async fn add(
    connection: &mut PgConnection,
    wanted: &[Wanted],
) -> Result<Vec<PersonId>, sqlx::Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    for chunk in wanted.chunks(BATCH_ROWS) {
        let mut people = QueryBuilder::<Postgres>::new(
            "-- add_people\nINSERT INTO person (person_id, identity, data_key) ",
        );
        people.push_values(chunk, |mut values, person| {
            values
                .push_bind(person.person_id.0)
                .push_bind(&person.identity)
                .push_bind(&person.data_key);
        });
        execute_rows(&mut *connection, people, chunk.len()).await?;
    }
    let digests = wanted.iter().flat_map(|p| p.digests.iter().map(|d| (*d, p.person_id)));
    let taken = add_digests(connection, digests.collect()).await?;
    // One of whose digests another has is that other.
    let has_all = |p: &&Wanted| taken.get(&p.person_id) == Some(&p.digests.len());
    let (added, lost): (Vec<&Wanted>, Vec<&Wanted>) = wanted.iter().partition(has_all);
    let lost: Vec<PersonId> = lost.iter().map(|person| person.person_id).collect();
    remove(connection, &lost).await?;
    Ok(added.iter().map(|person| person.person_id).collect())
}

/// Adds digests to people, in the order of the digests so that two writers never wait for
/// each other; answers how many each person got, where nobody had them.
pub async fn add_digests(
    connection: &mut PgConnection,
    mut digests: Vec<(Digest, PersonId)>,
) -> Result<BTreeMap<PersonId, usize>, sqlx::Error> {
    let mut taken = BTreeMap::new();
    digests.sort_unstable();
    for chunk in digests.chunks(BATCH_ROWS) {
        let mut keys = QueryBuilder::<Postgres>::new(
            "-- add_person_keys\nINSERT INTO person_key (key_version, hmac, person_id) ",
        );
        keys.push_values(chunk, |mut values, ((version, hmac), person)| {
            values.push_bind(version).push_bind(hmac.as_slice()).push_bind(person.0);
        });
        keys.push(" ON CONFLICT DO NOTHING RETURNING person_id");
        for row in keys.build().persistent(false).fetch_all(&mut *connection).await? {
            *taken.entry(PersonId(row.try_get("person_id")?)).or_default() += 1;
        }
    }
    Ok(taken)
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

/// A person's identity as ciphertext, and the wrapped data key.
pub async fn sealed(
    connection: &mut PgConnection,
    person: PersonId,
) -> Result<Option<(Vec<u8>, Vec<u8>)>, sqlx::Error> {
    let row =
        sqlx::query("-- sealed_person\nSELECT identity, data_key FROM person WHERE person_id = $1")
            .bind(person.0)
            .fetch_optional(connection)
            .await?;
    row.map(|row| Ok((row.try_get("identity")?, row.try_get("data_key")?))).transpose()
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

/// The identities of people as ciphertext, of those who are there.
pub async fn identities(
    connection: &mut PgConnection,
    people: &[PersonId],
) -> Result<Vec<(PersonId, Vec<u8>)>, sqlx::Error> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query(
        "-- identities\nSELECT person_id, identity FROM person WHERE person_id = ANY($1)",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((PersonId(row.try_get("person_id")?), row.try_get("identity")?)))
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
    /// The numbers the person had before, as ciphertext.
    pub formers: Vec<Vec<u8>>,
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
               ORDER BY k.key_version, k.hmac) AS hmacs, \
         array(SELECT f.identity FROM person_former_number f WHERE f.person_id = p.person_id \
               ORDER BY f.former_id) AS formers \
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
                formers: row.try_get("formers")?,
                digests: versions.into_iter().zip(hmacs).collect(),
            })
        })
        .collect()
}
