//! Reads of place budgets over several ledgers.

use sqlx::{PgConnection, Row, types::Json};

use crate::{
    domain::{ids::LedgerId, ledger::Frame},
    store::ledger::id_from,
};

/// A ledger's place budgets, in the order they were set.
#[derive(Debug, Clone)]
pub struct Budgets {
    /// The ledger.
    pub ledger: LedgerId,
    /// How far it had come.
    pub seq: u64,
    /// Its budgets, and the quotas they are shared by.
    pub frame: Frame,
}

/// The budgets of these ledgers, in any order.
pub async fn of_ledgers(
    connection: &mut PgConnection,
    ids: &[LedgerId],
) -> Result<Vec<Budgets>, sqlx::Error> {
    let counties: Vec<&str> = ids.iter().map(|id| id.county_id.as_str()).collect();
    let measures: Vec<&str> = ids.iter().map(|id| id.measure_code.as_str()).collect();
    let rows = sqlx::query(
        "-- budgets_of_ledgers\n\
         SELECT county_id, measure_code, seq, frame FROM ledger \
         WHERE (county_id, measure_code) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
    )
    .bind(counties)
    .bind(measures)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let Json(frame) = row.try_get("frame")?;
            let seq = row.try_get::<i64, _>("seq")?.cast_unsigned();
            Ok(Budgets { ledger: id_from(row)?, seq, frame })
        })
        .collect()
}
