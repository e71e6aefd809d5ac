//! People under another key: what is sealed and found under an older version, page by page.

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::domain::ids::PersonId;

/// Somebody who is not yet wholly under a key version.
pub struct Older {
    /// Who.
    pub person_id: PersonId,
    /// The identity as ciphertext.
    pub identity: Vec<u8>,
    /// The wrapped data key.
    pub data_key: Vec<u8>,
}

/// A number somebody had before.
pub struct Former {
    /// Whose.
    pub person_id: PersonId,
    /// Which.
    pub former_id: Uuid,
    /// The number as ciphertext.
    pub identity: Vec<u8>,
}

/// A page of people of whom something is sealed under an older version, or who are not found
/// under this one by each of their numbers; by id. Their rows are locked, and those that another
/// has locked are left out: whoever looks again finds them.
pub async fn older(
    connection: &mut PgConnection,
    version: i32,
    after: Option<PersonId>,
    limit: i64,
) -> Result<Vec<Older>, sqlx::Error> {
    let rows = sqlx::query(
        "-- people_under_older_keys\n\
         SELECT p.person_id, p.identity, p.data_key FROM person p \
         WHERE ($1::uuid IS NULL OR p.person_id > $1) \
         AND (substring(p.identity from 1 for 4) < $2 OR substring(p.data_key from 1 for 4) < $2 \
              OR EXISTS (SELECT FROM person_former_number f WHERE f.person_id = p.person_id \
                         AND substring(f.identity from 1 for 4) < $2) \
              OR (SELECT count(*) FROM person_key k \
                  WHERE k.person_id = p.person_id AND k.key_version = $3) \
                 < 1 + (SELECT count(*) FROM person_former_number f \
                        WHERE f.person_id = p.person_id)) \
         ORDER BY p.person_id LIMIT $4 FOR NO KEY UPDATE OF p SKIP LOCKED",
    )
    .bind(after.map(|person| person.0))
    .bind(version.to_be_bytes().as_slice())
    .bind(version)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Older {
                person_id: PersonId(row.try_get("person_id")?),
                identity: row.try_get("identity")?,
                data_key: row.try_get("data_key")?,
            })
        })
        .collect()
}

/// How many people there are of whom something is sealed under another version than this one, or
/// who are not found under it by each of their numbers.
pub async fn count_left(connection: &mut PgConnection, version: i32) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "-- count_people_left\n\
         SELECT count(*) FROM person p \
         WHERE substring(p.identity from 1 for 4) <> $1 \
         OR substring(p.data_key from 1 for 4) <> $1 \
         OR EXISTS (SELECT FROM person_former_number f WHERE f.person_id = p.person_id \
                    AND substring(f.identity from 1 for 4) <> $1) \
         OR (SELECT count(*) FROM person_key k \
             WHERE k.person_id = p.person_id AND k.key_version = $2) \
            < 1 + (SELECT count(*) FROM person_former_number f WHERE f.person_id = p.person_id)",
    )
    .bind(version.to_be_bytes().as_slice())
    .bind(version)
    .fetch_one(connection)
    .await
}

/// Puts what was sealed anew in the place of what was there; of whom this transaction has the
/// locks.
pub async fn replace(connection: &mut PgConnection, people: &[Older]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.person_id.0).collect();
    let identities: Vec<&[u8]> = people.iter().map(|person| person.identity.as_slice()).collect();
    let data_keys: Vec<&[u8]> = people.iter().map(|person| person.data_key.as_slice()).collect();
    sqlx::query(
        "-- seal_people_anew\n\
         UPDATE person p SET identity = n.identity, data_key = n.data_key \
         FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS n (person_id, identity, data_key) \
         WHERE p.person_id = n.person_id",
    )
    .bind(ids)
    .bind(identities)
    .bind(data_keys)
    .execute(connection)
    .await?;
    Ok(())
}

/// The numbers people had before.
pub async fn formers(
    connection: &mut PgConnection,
    people: &[PersonId],
) -> Result<Vec<Former>, sqlx::Error> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query(
        "-- former_numbers\n\
         SELECT person_id, former_id, identity FROM person_former_number \
         WHERE person_id = ANY($1) ORDER BY person_id, former_id",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Former {
                person_id: PersonId(row.try_get("person_id")?),
                former_id: row.try_get("former_id")?,
                identity: row.try_get("identity")?,
            })
        })
        .collect()
}

/// Puts former numbers that were sealed anew in the place of what was there.
pub async fn replace_formers(
    connection: &mut PgConnection,
    formers: &[Former],
) -> Result<(), sqlx::Error> {
    let people: Vec<Uuid> = formers.iter().map(|former| former.person_id.0).collect();
    let ids: Vec<Uuid> = formers.iter().map(|former| former.former_id).collect();
    let identities: Vec<&[u8]> = formers.iter().map(|former| former.identity.as_slice()).collect();
    sqlx::query(
        "-- seal_former_numbers_anew\n\
         UPDATE person_former_number f SET identity = n.identity \
         FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS n (person_id, former_id, identity) \
         WHERE f.person_id = n.person_id AND f.former_id = n.former_id",
    )
    .bind(people)
    .bind(ids)
    .bind(identities)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets some of the digests under a version that nobody has any more; says how many.
pub async fn forget_digests(
    connection: &mut PgConnection,
    version: i32,
    limit: i64,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "-- forget_digests\n\
         DELETE FROM person_key WHERE key_version = $1 AND hmac IN \
         (SELECT hmac FROM person_key WHERE key_version = $1 LIMIT $2)",
    )
    .bind(version)
    .bind(limit)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// A person's identity as ciphertext, under a lock: nobody gives the person a number or seals it
/// anew until the transaction's end.
pub async fn lock_identity(
    connection: &mut PgConnection,
    person: PersonId,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar(
        "-- lock_identity\nSELECT identity FROM person WHERE person_id = $1 FOR NO KEY UPDATE",
    )
    .bind(person.0)
    .fetch_optional(connection)
    .await
}

/// Keeps a number somebody had before, or puts it in the place of another of theirs.
pub async fn keep_former(
    connection: &mut PgConnection,
    former: &Former,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "-- keep_former_number\n\
         INSERT INTO person_former_number (person_id, former_id, identity) VALUES ($1, $2, $3) \
         ON CONFLICT (person_id, former_id) DO UPDATE SET identity = excluded.identity",
    )
    .bind(former.person_id.0)
    .bind(former.former_id)
    .bind(&former.identity)
    .execute(connection)
    .await?;
    Ok(())
}

/// The number a person has from now on, as ciphertext.
pub async fn change_identity(
    connection: &mut PgConnection,
    person: PersonId,
    identity: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query("-- change_identity\nUPDATE person SET identity = $2 WHERE person_id = $1")
        .bind(person.0)
        .bind(identity)
        .execute(connection)
        .await?;
    Ok(())
}
