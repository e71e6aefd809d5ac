//! The registry's rows, by version.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Postgres, QueryBuilder, Row, types::Json};

use crate::{
    domain::{
        calendar::Timestamp,
        ids::{LedgerId, REGISTRY_AREA},
        registry::{Registry, RegistryRow},
    },
    store::{
        ledger,
        rows::{BATCH_ROWS, execute_rows},
    },
};

/// The registry's version; 0 before the first import.
pub async fn version(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    Ok(ledger::seq(connection, &LedgerId::registry()).await?.unwrap_or(0))
}

/// The version that was the latest just before a time; 0 where there was none.
pub async fn version_before(
    connection: &mut PgConnection,
    time: Timestamp,
) -> Result<u64, sqlx::Error> {
    let id = LedgerId::registry();
    let seq: Option<i64> = sqlx::query_scalar(
        "-- registry_version_before\n\
         SELECT seq FROM ledger_log WHERE county_id = $1 AND measure_code = $2 AND at < $3 \
         ORDER BY seq DESC LIMIT 1",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .bind(time.to_datetime())
    .fetch_optional(connection)
    .await?;
    Ok(seq.map_or(0, i64::cast_unsigned))
}

/// The registry as of a version.
pub async fn load(connection: &mut PgConnection, version: u64) -> Result<Registry, sqlx::Error> {
    let rows: Vec<Json<RegistryRow>> = sqlx::query_scalar(
        "-- load_registry\n\
         SELECT DISTINCT ON (kind, natural_key) doc FROM registry_row \
         WHERE county_id = $1 AND version <= $2 ORDER BY kind, natural_key, version DESC",
    )
    .bind(REGISTRY_AREA)
    .bind(version.cast_signed())
    .fetch_all(connection)
    .await?;
    let rows: Vec<RegistryRow> = rows.into_iter().map(|Json(row)| row).collect();
    let mut registry = Registry::default();
    registry.apply(version, &rows);
    Ok(registry)
}

/// Every row there is, whatever it claims to be: version, kind, natural key.
pub async fn all(
    connection: &mut PgConnection,
) -> Result<BTreeMap<(u64, String, String), RegistryRow>, sqlx::Error> {
    let rows = sqlx::query(
        "-- all_registry_rows\n\
         SELECT version, kind, natural_key, doc FROM registry_row WHERE county_id = $1",
    )
    .bind(REGISTRY_AREA)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let version = row.try_get::<i64, _>("version")?.cast_unsigned();
            let Json(doc) = row.try_get("doc")?;
            Ok(((version, row.try_get("kind")?, row.try_get("natural_key")?), doc))
        })
        .collect()
}

/// Adds rows of a new version.
pub async fn add(
    connection: &mut PgConnection,
    version: u64,
    rows: &[RegistryRow],
) -> Result<(), sqlx::Error> {
    for chunk in rows.chunks(BATCH_ROWS) {
        let mut query = QueryBuilder::<Postgres>::new(
            "-- add_registry_rows\n\
             INSERT INTO registry_row (county_id, kind, natural_key, version, doc) ",
        );
        query.push_values(chunk, |mut values, row| {
            let (kind, key) = row.key();
            values
                .push_bind(REGISTRY_AREA)
                .push_bind(kind.as_str())
                .push_bind(key)
                .push_bind(version.cast_signed())
                .push_bind(Json(row));
        });
        execute_rows(connection, query, chunk.len()).await?;
    }
    Ok(())
}
