//! The access log: every read of personal data, before its answer (I11). The rows of one
//! recorder in one county are a hash chain, so that none can be taken out unseen.

use std::{collections::BTreeSet, sync::Arc};

use sqlx::{PgConnection, Postgres, QueryBuilder, Row, Transaction, postgres::PgRow};
use uuid::Uuid;

use crate::{
    domain::{
        access::{Actor, CallId, Employer, Method, Said, Standing},
        calendar::Timestamp,
        ids::{AreaId, EntryId, LedgerId, MunicipalityNumber, PersonId},
        log_chain::{GENESIS, Hash, access_hash},
    },
    store::rows::{BATCH_ROWS, bytes_to_hash, execute_rows},
};

/// One read of personal data.
#[derive(Clone)]
pub struct Access {
    /// Its name.
    pub access_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What else holds of them.
    pub standing: Arc<Standing>,
    /// The record by which an employee of the state sees what a municipality answers for, or
    /// the other way about, where the read rested on one.
    pub authority: Option<Uuid>,
    /// On whose behalf, where it is not the actor's own organisation's: who a supplier acts for, or
    /// the municipalities that the office hosts, with commas between.
    pub on_behalf_of: Option<String>,
    /// What was called.
    pub method: Method,
    /// In which ledger.
    pub ledger: LedgerId,
    /// Why, as the caller said.
    pub said: Said,
    /// In which call.
    pub call_id: CallId,
    /// Whose rows, by entry.
    pub entries: Vec<EntryId>,
    /// Who was asked about, where no entry is named.
    pub people: Vec<PersonId>,
    /// Whether it was allowed.
    pub permitted: bool,
}

/// Municipalities as an access names them; `None` of none.
pub fn in_words(numbers: &BTreeSet<MunicipalityNumber>) -> Option<String> {
    let words: Vec<&str> = numbers.iter().map(MunicipalityNumber::as_str).collect();
    (!words.is_empty()).then(|| words.join(","))
}

/// Where a recorder's chain in a county ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainEnd {
    /// The county.
    pub county_id: String,
    /// The recorder.
    pub recorder_id: Uuid,
    /// The number of its last row; the first is 1.
    pub number: i64,
    /// That row's hash.
    pub hash: Hash,
}

impl ChainEnd {
    /// A chain without rows.
    pub fn empty(county_id: &AreaId, recorder_id: Uuid) -> Self {
        Self { county_id: county_id.to_string(), recorder_id, number: 0, hash: GENESIS }
    }
}

/// How a row from before [`FORM`] is hashed: it says nothing of [`Stored::more`].
const FIRST_FORM: i16 = 1;
/// How a row is hashed now.
const FORM: i16 = 2;

/// A row as it is stored.
struct Stored {
    form: i16,
    access_id: Uuid,
    at: Timestamp,
    /// Issuer, subject, role, organisation, employer, method, measure code, purpose.
    texts: [String; 8],
    entry_ids: Vec<Uuid>,
    person_ids: Vec<Uuid>,
    permitted: bool,
    authority: Option<Uuid>,
    /// On whose behalf, the actor's name, client, case reference, call id.
    more: [String; 5],
}

impl Stored {
    fn of(access: &Access) -> Self {
        let (actor, standing) = (&access.actor, &access.standing);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            form: FORM,
            access_id: access.access_id,
            at: access.at,
            texts: [
                actor.issuer.clone(),
                actor.subject.clone(),
                actor.role.as_str().to_owned(),
                actor.organisation.clone(),
                employer(actor),
                access.method.as_str().to_owned(),
                access.ledger.measure_code.to_string(),
                access.said.purpose.clone(),
            ],
            entry_ids: access.entries.iter().map(|entry| entry.0).collect(),
            person_ids: access.people.iter().map(|person| person.0).collect(),
            permitted: access.permitted,
            authority: access.authority,
            more: [
                text(&access.on_behalf_of),
                text(&standing.name),
                text(&standing.client),
                access.said.case_reference.clone(),
                access.call_id.as_str().to_owned(),
            ],
        }
    }

    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let text = |column: &str| row.try_get::<String, _>(column);
        Ok(Self {
            form: row.try_get("form")?,
            access_id: row.try_get("access_id")?,
            at: Timestamp::from_datetime(row.try_get("at")?),
            texts: [
                text("issuer")?,
                text("subject")?,
                text("role")?,
                text("organisation")?,
                text("employer")?,
                text("method")?,
                text("measure_code")?,
                text("purpose")?,
            ],
            entry_ids: row.try_get("entry_ids")?,
            person_ids: row.try_get("person_ids")?,
            permitted: row.try_get("permitted")?,
            authority: row.try_get("authority")?,
            more: [
                text("on_behalf_of")?,
                text("name")?,
                text("client")?,
                text("case_reference")?,
                text("call_id")?,
            ],
        })
    }

    /// The end of the chain with this row on it.
    fn follow(&self, end: &ChainEnd) -> ChainEnd {
        let bytes = |ids: &[Uuid]| ids.iter().flat_map(|id| id.into_bytes()).collect::<Vec<u8>>();
        let number = end.number + 1;
        let (at, entries) = (self.at.micros().to_be_bytes(), bytes(&self.entry_ids));
        let (counted, people) = (number.to_be_bytes(), bytes(&self.person_ids));
        let permitted = [u8::from(self.permitted)];
        let mut parts: Vec<&[u8]> =
            vec![end.county_id.as_bytes(), end.recorder_id.as_bytes(), &counted];
        parts.extend([self.access_id.as_bytes().as_slice(), &at]);
        parts.extend(self.texts.iter().map(String::as_bytes));
        parts.extend([entries.as_slice(), &people, &permitted]);
        let form = self.form.to_be_bytes();
        if self.form != FIRST_FORM {
            let authority = self.authority.as_ref().map_or(&[][..], |id| id.as_bytes());
            parts.extend([form.as_slice(), authority]);
            parts.extend(self.more.iter().map(String::as_bytes));
        }
        ChainEnd { number, hash: access_hash(&end.hash, parts), ..end.clone() }
    }
}

/// Writes accesses of one county down, in a transaction of their own, behind the end of a
/// recorder's chain; answers where the chain ends now.
pub async fn record(
    mut transaction: Transaction<'static, Postgres>,
    end: &ChainEnd,
    accesses: &[Access],
) -> Result<ChainEnd, sqlx::Error> {
    let mut last = end.clone();
    let mut rows = Vec::with_capacity(accesses.len());
    for access in accesses {
        let stored = Stored::of(access);
        let next = stored.follow(&last);
        rows.push((stored, last.hash, next.clone()));
        last = next;
    }
    for chunk in rows.chunks(BATCH_ROWS) {
        insert(&mut transaction, chunk).await?;
    }
    let done = sqlx::query(
        "-- end_access_chain\n\
         INSERT INTO access_recorder (county_id, recorder_id, number, hash) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (county_id, recorder_id) \
         DO UPDATE SET number = excluded.number, hash = excluded.hash \
         WHERE access_recorder.county_id = $1 AND access_recorder.number = $5",
    )
    .bind(&last.county_id)
    .bind(last.recorder_id)
    .bind(last.number)
    .bind(last.hash.as_slice())
    .bind(end.number)
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() != 1 {
        return Err(sqlx::Error::Decode("another recorder of this name goes on".into()));
    }
    transaction.commit().await?;
    Ok(last)
}

async fn insert(
    connection: &mut PgConnection,
    rows: &[(Stored, Hash, ChainEnd)],
) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<Postgres>::new(
        "-- record_accesses\n\
         INSERT INTO access_log (county_id, access_id, at, issuer, subject, role, \
         organisation, employer, method, measure_code, purpose, entry_ids, person_ids, \
         permitted, form, authority, on_behalf_of, name, client, case_reference, call_id, \
         recorder_id, number, prev_hash, hash) ",
    );
    query.push_values(rows, |mut values, (stored, prev, end)| {
        values
            .push_bind(&end.county_id)
            .push_bind(stored.access_id)
            .push_bind(stored.at.to_datetime());
        for text in &stored.texts {
            values.push_bind(text);
        }
        values
            .push_bind(&stored.entry_ids)
            .push_bind(&stored.person_ids)
            .push_bind(stored.permitted)
            .push_bind(stored.form)
            .push_bind(stored.authority);
        for text in &stored.more {
            values.push_bind(text);
        }
        values
            .push_bind(end.recorder_id)
            .push_bind(end.number)
            .push_bind(prev.as_slice())
            .push_bind(end.hash.as_slice());
    });
    execute_rows(connection, query, rows.len()).await
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

/// Where every chain ends, as it was noted.
pub async fn chain_ends(connection: &mut PgConnection) -> Result<Vec<ChainEnd>, sqlx::Error> {
    let rows = sqlx::query(
        "-- access_chain_ends\n\
         SELECT county_id, recorder_id, number, hash FROM access_recorder \
         ORDER BY county_id, recorder_id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ChainEnd {
                county_id: row.try_get("county_id")?,
                recorder_id: row.try_get("recorder_id")?,
                number: row.try_get("number")?,
                hash: bytes_to_hash(row.try_get("hash")?)?,
            })
        })
        .collect()
}

/// Follows a chain over its next rows, at most `limit`. `None` where a row does not follow
/// the one before it.
pub async fn follow_chain(
    connection: &mut PgConnection,
    end: &ChainEnd,
    limit: i64,
) -> Result<Option<ChainEnd>, sqlx::Error> {
    let rows = sqlx::query(
        "-- access_chain\n\
         SELECT access_id, at, issuer, subject, role, organisation, employer, method, \
         measure_code, purpose, entry_ids, person_ids, permitted, form, authority, on_behalf_of, \
         name, client, case_reference, call_id, number, prev_hash, hash \
         FROM access_log WHERE county_id = $1 AND recorder_id = $2 AND number > $3 \
         ORDER BY number LIMIT $4",
    )
    .bind(&end.county_id)
    .bind(end.recorder_id)
    .bind(end.number)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let mut last = end.clone();
    for row in &rows {
        let next = Stored::from_row(row)?.follow(&last);
        let number: i64 = row.try_get("number")?;
        let prev = bytes_to_hash(row.try_get("prev_hash")?)?;
        let hash = bytes_to_hash(row.try_get("hash")?)?;
        if (number, prev, hash) != (next.number, last.hash, next.hash) {
            return Ok(None);
        }
        last = next;
    }
    Ok(Some(last))
}
