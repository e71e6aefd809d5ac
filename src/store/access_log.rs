//! The access log: every read of personal data, before its answer (I11).

use sqlx::{Postgres, QueryBuilder, Transaction};
use uuid::Uuid;

use crate::{
    domain::{
        access::{Actor, Employer, Method},
        calendar::Timestamp,
        ids::{EntryId, LedgerId, PersonId},
    },
    store::rows::{BATCH_ROWS, execute_rows},
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
    /// Whose rows, by entry.
    pub entries: Vec<EntryId>,
    /// Who was asked about, where no entry is named.
    pub people: Vec<PersonId>,
    /// Whether it was allowed.
    pub permitted: bool,
}

/// Writes them down, in a transaction of their own.
pub async fn record(
    mut transaction: Transaction<'static, Postgres>,
    accesses: &[Access],
) -> Result<(), sqlx::Error> {
    for chunk in accesses.chunks(BATCH_ROWS) {
        let mut query = QueryBuilder::<Postgres>::new(
            "-- record_accesses\n\
             INSERT INTO access_log (county_id, access_id, at, issuer, subject, role, \
             organisation, employer, method, measure_code, purpose, entry_ids, person_ids, \
             permitted) ",
        );
        query.push_values(chunk, |mut values, access| {
            let entries: Vec<Uuid> = access.entries.iter().map(|entry| entry.0).collect();
            let people: Vec<Uuid> = access.people.iter().map(|person| person.0).collect();
            values
                .push_bind(access.ledger.county_id.as_str())
                .push_bind(access.access_id)
                .push_bind(access.at.to_datetime())
                .push_bind(&access.actor.issuer)
                .push_bind(&access.actor.subject)
                .push_bind(access.actor.role.as_str())
                .push_bind(&access.actor.organisation)
                .push_bind(employer(&access.actor))
                .push_bind(access.method.as_str())
                .push_bind(access.ledger.measure_code.as_str())
                .push_bind(&access.purpose)
                .push_bind(entries)
                .push_bind(people)
                .push_bind(access.permitted);
        });
        execute_rows(&mut transaction, query, chunk.len()).await?;
    }
    transaction.commit().await
}

fn employer(actor: &Actor) -> String {
    match &actor.employer {
        None => String::new(),
        Some(Employer::State) => "STATE".to_owned(),
        Some(Employer::Municipal { municipality_number }) => {
            format!("MUNICIPAL/{municipality_number}")
        }
    }
}
