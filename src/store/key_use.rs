//! Which keys the running services have, and which versions are or were written under.

use sqlx::{PgConnection, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::ids::REGISTRY_AREA;

/// Names the lock under which services tell of their keys and rotations take their steps.
const LOCK: i64 = 0x7469_6c74_6b65_7973;

/// Which keys a running service has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The version it writes under.
    pub current: i32,
    /// All it has.
    pub versions: Vec<i32>,
}

/// A version that is or was written under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Which.
    pub version: i32,
    /// Whether nobody may write under it any more.
    pub retired: bool,
}

/// Waits until nobody else looks at or changes who has which keys; until the transaction's end.
pub async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("-- lock_key_use\nSELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes which keys a service has at this time, and forgets those not seen since.
pub async fn report(
    connection: &mut PgConnection,
    holder_id: Uuid,
    holder: &Holder,
    at: OffsetDateTime,
    since: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "-- forget_key_holders\nDELETE FROM key_holder WHERE county_id = $1 AND seen_at < $2",
    )
    .bind(REGISTRY_AREA)
    .bind(since)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "-- report_key_holder\n\
         INSERT INTO key_holder (county_id, holder_id, current_version, versions, seen_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (county_id, holder_id) DO UPDATE \
         SET current_version = excluded.current_version, versions = excluded.versions, \
         seen_at = excluded.seen_at",
    )
    .bind(REGISTRY_AREA)
    .bind(holder_id)
    .bind(holder.current)
    .bind(&holder.versions)
    .bind(at)
    .execute(connection)
    .await?;
    Ok(())
}

/// A service that ends has no keys any more.
pub async fn leave(connection: &mut PgConnection, holder_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "-- key_holder_leaves\nDELETE FROM key_holder WHERE county_id = $1 AND holder_id = $2",
    )
    .bind(REGISTRY_AREA)
    .bind(holder_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// The services that were seen since.
pub async fn holders(
    connection: &mut PgConnection,
    since: OffsetDateTime,
) -> Result<Vec<Holder>, sqlx::Error> {
    let rows = sqlx::query(
        "-- key_holders\n\
         SELECT current_version, versions FROM key_holder \
         WHERE county_id = $1 AND seen_at >= $2 ORDER BY holder_id",
    )
    .bind(REGISTRY_AREA)
    .bind(since)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Holder {
                current: row.try_get("current_version")?,
                versions: row.try_get("versions")?,
            })
        })
        .collect()
}

/// The versions that are or were written under since the first rotation.
pub async fn used(connection: &mut PgConnection) -> Result<Vec<Used>, sqlx::Error> {
    let rows = sqlx::query(
        "-- used_key_versions\n\
         SELECT key_version, retired FROM key_version WHERE county_id = $1 ORDER BY key_version",
    )
    .bind(REGISTRY_AREA)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Used { version: row.try_get("key_version")?, retired: row.try_get("retired")? })
        })
        .collect()
}

/// The versions nobody may write under any more, and those that are in use.
pub fn by_state(used: &[Used]) -> (Vec<i32>, Vec<i32>) {
    let of = |retired| used.iter().filter(move |used| used.retired == retired);
    (of(true).map(|used| used.version).collect(), of(false).map(|used| used.version).collect())
}

/// Notes of a version whether it is written under, or never will be again.
pub async fn note(connection: &mut PgConnection, used: Used) -> Result<(), sqlx::Error> {
    sqlx::query(
        "-- note_key_version\n\
         INSERT INTO key_version (county_id, key_version, retired) VALUES ($1, $2, $3) \
         ON CONFLICT (county_id, key_version) DO UPDATE SET retired = excluded.retired",
    )
    .bind(REGISTRY_AREA)
    .bind(used.version)
    .bind(used.retired)
    .execute(connection)
    .await?;
    Ok(())
}
