//! Whether a service has the keys of its database. With others it would find nobody,
//! and everybody could be put on a waitlist a second time.

use sqlx::PgConnection;

use crate::domain::ids::REGISTRY_AREA;

/// The value that proves the keys; `proposed` becomes it where there is none.
pub async fn value(
    connection: &mut PgConnection,
    proposed: &[u8; 32],
) -> Result<Vec<u8>, sqlx::Error> {
    sqlx::query(
        "-- propose_key_check\n\
         INSERT INTO key_check (county_id, check_value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(REGISTRY_AREA)
    .bind(proposed.as_slice())
    .execute(&mut *connection)
    .await?;
    find(connection).await?.ok_or(sqlx::Error::RowNotFound)
}

/// The value that proves the keys, if there is one.
pub async fn find(connection: &mut PgConnection) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("-- key_check\nSELECT check_value FROM key_check WHERE county_id = $1")
        .bind(REGISTRY_AREA)
        .fetch_optional(connection)
        .await
}
