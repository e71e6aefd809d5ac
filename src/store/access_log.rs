//! The access log: every read of personal data, before its answer (I11).

use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::domain::{
    access::{Actor, Employer, Method},
    calendar::Timestamp,
    ids::{EntryId, LedgerId},
};

/// One read of personal data.
#[derive(Debug, Clone)]
pub struct Access {
    /// Its name.
    pub access_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was called.
    pub method: Method,
    /// In which ledger.
    pub ledger: LedgerId,
    /// Why, as the caller said.
    pub purpose: String,
    /// Whose rows.
    pub entries: Vec<EntryId>,
    /// Whether it was allowed.
    pub permitted: bool,
}

/// Writes it down.
pub async fn record(
    mut transaction: Transaction<'static, Postgres>,
    access: &Access,
) -> Result<(), sqlx::Error> {
    let employer = match &access.actor.employer {
        None => String::new(),
        Some(Employer::State) => "STATE".to_owned(),
        Some(Employer::Municipal { municipality_number }) => {
            format!("MUNICIPAL/{municipality_number}")
        }
    };
    let entries: Vec<Uuid> = access.entries.iter().map(|entry| entry.0).collect();
    sqlx::query(
        "-- record_access\n\
         INSERT INTO access_log (county_id, access_id, at, issuer, subject, role, organisation, \
         employer, method, measure_code, purpose, entry_ids, permitted) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(access.ledger.county_id.as_str())
    .bind(access.access_id)
    .bind(access.at.to_datetime())
    .bind(&access.actor.issuer)
    .bind(&access.actor.subject)
    .bind(access.actor.role.as_str())
    .bind(&access.actor.organisation)
    .bind(employer)
    .bind(access.method.as_str())
    .bind(access.ledger.measure_code.as_str())
    .bind(&access.purpose)
    .bind(entries)
    .bind(access.permitted)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}
