//! Everything the tables hold for a ledger, for `verify`.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Row, types::Json};

use crate::{
    domain::{
        ids::{ExternalReference, LedgerId},
        ledger::{Ledger, Rows},
    },
    store::ledger::{due_from, find, queue_from},
};

/// A ledger's tables as they stand.
#[derive(Debug)]
pub struct Snapshot {
    /// The head, accounts and place groups.
    pub ledger: Ledger,
    /// The rest, sorted as `rows` sorts it.
    pub rows: Rows,
    /// The ids in `waiting`, with their queues.
    pub waiting: BTreeSet<(uuid::Uuid, String)>,
    /// Claims of this ledger: person and entry.
    pub claims: BTreeSet<(uuid::Uuid, Option<uuid::Uuid>)>,
}

/// Reads a ledger's tables.
pub async fn read(
    connection: &mut PgConnection,
    id: &LedgerId,
) -> Result<Option<Snapshot>, sqlx::Error> {
    let Some(ledger) = find(connection, id).await? else { return Ok(None) };
    let rows = Rows {
        frame: Some(ledger.frame().clone()),
        place_groups: docs(connection, id, PLACE_GROUPS).await?,
        accounts: ledger.accounts().map(|(key, account)| (key.clone(), *account)).collect(),
        submissions: docs(connection, id, SUBMISSIONS).await?,
        plans: docs(connection, id, PLANS).await?,
        entries: docs(connection, id, ENTRIES).await?,
        offers: docs(connection, id, OFFERS).await?,
        placements: docs(connection, id, PLACEMENTS).await?,
        references: references(connection, id).await?,
        gone_references: Vec::new(),
        queues: queues(connection, id).await?,
        due: due(connection, id).await?,
        ended_claims: Vec::new(),
    };
    let waiting = waiting(connection, id).await?;
    let claims = claims(connection, id).await?;
    Ok(Some(Snapshot { ledger, rows, waiting, claims }))
}

const SUBMISSIONS: &str = "-- all_submissions\n\
     SELECT doc FROM capacity_submission WHERE county_id = $1 AND measure_code = $2 \
     AND state = CASE WHEN jsonb_typeof(doc->'state') = 'string' THEN doc->>'state' \
                      ELSE (SELECT jsonb_object_keys(doc->'state')) END \
     AND submission_id::text = doc->>'submission_id' ORDER BY submission_id";
const PLANS: &str = "-- all_plans\n\
     SELECT doc FROM plan WHERE county_id = $1 AND measure_code = $2 \
     AND plan_id::text = doc->>'plan_id' ORDER BY plan_id";
const PLACE_GROUPS: &str = "-- all_place_groups\n\
     SELECT doc FROM place_group WHERE county_id = $1 AND measure_code = $2 \
     AND (place_group_id::text, organisation_number) \
       = (doc->>'place_group_id', doc->>'organisation_number') ORDER BY place_group_id";
const ENTRIES: &str = "-- all_entries\n\
     SELECT doc FROM entry WHERE county_id = $1 AND measure_code = $2 \
     AND state = CASE WHEN jsonb_typeof(doc->'state') = 'string' THEN doc->>'state' \
                      ELSE (SELECT jsonb_object_keys(doc->'state')) END \
     AND (entry_id::text, person_id::text, municipality_number, following_office_number) \
       = (doc->>'entry_id', doc->>'person_id', doc->>'municipality_number', \
          doc->>'following_office_number') \
     AND (order_time_us::text, registered_time_us::text, join_seq::text) \
       = (doc->'key'->>'order_time', doc->'key'->>'registered_time', doc->'key'->>'join_seq') \
     AND (adviser_digest, deputy_digest, deputy_until) IS NOT DISTINCT FROM \
         (doc->'adviser'->>'digest', doc->'adviser'->'deputy'->>'digest', \
          (doc->'adviser'->'deputy'->>'until')::date) \
     ORDER BY entry_id";
const OFFERS: &str = "-- all_offers\n\
     SELECT doc FROM offer WHERE county_id = $1 AND measure_code = $2 \
     AND state = CASE WHEN jsonb_typeof(doc->'state') = 'string' THEN doc->>'state' \
                      ELSE (SELECT jsonb_object_keys(doc->'state')) END \
     AND (offer_id::text, entry_id::text) = (doc->>'offer_id', doc->>'entry_id') \
     ORDER BY offer_id";
const PLACEMENTS: &str = "-- all_placements\n\
     SELECT doc FROM placement WHERE county_id = $1 AND measure_code = $2 \
     AND state = CASE WHEN jsonb_typeof(doc->'state') = 'string' THEN doc->>'state' \
                      ELSE (SELECT jsonb_object_keys(doc->'state')) END \
     AND (placement_id::text, entry_id::text) = (doc->>'placement_id', doc->>'entry_id') \
     ORDER BY placement_id";

async fn docs<T>(
    connection: &mut PgConnection,
    id: &LedgerId,
    statement: &'static str,
) -> Result<Vec<T>, sqlx::Error>
where
    T: serde::de::DeserializeOwned + Send + Unpin + 'static,
{
    let docs: Vec<Json<T>> = sqlx::query_scalar(statement)
        .bind(id.county_id.as_str())
        .bind(id.measure_code.as_str())
        .fetch_all(connection)
        .await?;
    Ok(docs.into_iter().map(|Json(doc)| doc).collect())
}

async fn references(
    connection: &mut PgConnection,
    id: &LedgerId,
) -> Result<Vec<(ExternalReference, uuid::Uuid)>, sqlx::Error> {
    let rows = sqlx::query(
        "-- all_references\n\
         SELECT system, reference_id, resource_id FROM external_reference \
         WHERE county_id = $1 AND measure_code = $2 \
         ORDER BY system COLLATE \"C\", reference_id COLLATE \"C\"",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let (system, id) = (row.try_get("system")?, row.try_get("reference_id")?);
            Ok((ExternalReference { system, id }, row.try_get("resource_id")?))
        })
        .collect()
}

async fn queues(
    connection: &mut PgConnection,
    id: &LedgerId,
) -> Result<Vec<(crate::domain::waitlist::QueueKey, crate::domain::waitlist::OrderKey)>, sqlx::Error>
{
    let rows = sqlx::query(
        "-- all_queues\n\
         SELECT queue, watermark_order_us, watermark_registered_us, watermark_seq FROM queue \
         WHERE county_id = $1 AND measure_code = $2 ORDER BY queue",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(queue_from).collect()
}

async fn due(
    connection: &mut PgConnection,
    id: &LedgerId,
) -> Result<Vec<(crate::domain::ledger::Due, bool)>, sqlx::Error> {
    let rows = sqlx::query(
        "-- all_due\n\
         SELECT due_at, kind, thing FROM schedule WHERE county_id = $1 AND measure_code = $2",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .fetch_all(connection)
    .await?;
    let mut due: Vec<_> =
        rows.iter().map(|row| Ok((due_from(row)?, true))).collect::<Result<_, sqlx::Error>>()?;
    due.sort_unstable();
    Ok(due)
}

/// Each row with its entry, which is looked up by itself: joined without statistics, every row
/// would be compared with every entry.
async fn waiting(
    connection: &mut PgConnection,
    id: &LedgerId,
) -> Result<BTreeSet<(uuid::Uuid, String)>, sqlx::Error> {
    let rows = sqlx::query(
        "-- all_waiting\n\
         SELECT w.entry_id, CASE WHEN e.agrees THEN w.queue ELSE 'of no entry' END AS queue \
         FROM waiting w LEFT JOIN LATERAL (SELECT \
         (o.order_time_us, o.registered_time_us, o.join_seq, o.municipality_number, \
          o.doc->'preferred_place_groups') \
         = (w.order_time_us, w.registered_time_us, w.join_seq, w.municipality_number, \
            to_jsonb(w.preferred)) AS agrees FROM entry o \
         WHERE o.county_id = $1 AND o.measure_code = $2 AND o.entry_id = w.entry_id LIMIT 1) e \
         ON true WHERE w.county_id = $1 AND w.measure_code = $2",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("entry_id")?, row.try_get("queue")?))).collect()
}

async fn claims(
    connection: &mut PgConnection,
    id: &LedgerId,
) -> Result<BTreeSet<(uuid::Uuid, Option<uuid::Uuid>)>, sqlx::Error> {
    let rows = sqlx::query(
        "-- all_claims\n\
         SELECT person_id, entry_id FROM person_claim WHERE county_id = $1 AND measure_code = $2",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("person_id")?, row.try_get("entry_id")?))).collect()
}

/// How many of something there are that should not be: what no fold of one log shows.
pub async fn strays(connection: &mut PgConnection) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let rows = sqlx::query(
        "-- strays\n\
         WITH rows AS (\
         SELECT 'place groups' AS what, county_id, measure_code FROM place_group \
         UNION ALL SELECT 'submissions', county_id, measure_code FROM capacity_submission \
         UNION ALL SELECT 'plans', county_id, measure_code FROM plan \
         UNION ALL SELECT 'accounts', county_id, measure_code FROM account \
         UNION ALL SELECT 'entries', county_id, measure_code FROM entry \
         UNION ALL SELECT 'waiting rows', county_id, measure_code FROM waiting \
         UNION ALL SELECT 'queues', county_id, measure_code FROM queue \
         UNION ALL SELECT 'offers', county_id, measure_code FROM offer \
         UNION ALL SELECT 'placements', county_id, measure_code FROM placement \
         UNION ALL SELECT 'due things', county_id, measure_code FROM schedule \
         UNION ALL SELECT 'external references', county_id, measure_code FROM external_reference) \
         SELECT what || ' of no ledger' AS what, count(*) AS n FROM rows r \
         WHERE NOT EXISTS (SELECT FROM ledger l WHERE l.county_id = r.county_id \
         AND l.measure_code = r.measure_code) GROUP BY 1 \
         UNION ALL SELECT 'accesses of no recorder', count(*) FROM access_log a \
         WHERE a.recorder_id IS NOT NULL AND NOT EXISTS (SELECT FROM access_recorder r \
         WHERE r.county_id = a.county_id AND r.recorder_id = a.recorder_id) \
         UNION ALL SELECT 'entries of nobody', count(*) FROM entry e \
         WHERE NOT EXISTS (SELECT FROM person p WHERE p.person_id = e.person_id) \
         UNION ALL SELECT 'links of the staff to nobody', count(*) FROM registry_row l \
         WHERE l.kind = 'STAFF_LINK' AND NOT EXISTS (SELECT FROM person p \
         WHERE p.person_id = (l.doc #>> '{STAFF_LINK,person_id}')::uuid) \
         UNION ALL SELECT 'people without a key', count(*) FROM person p \
         WHERE NOT EXISTS (SELECT FROM person_key k WHERE k.person_id = p.person_id) \
         UNION ALL SELECT 'entries that were sent on and did not arrive', count(*) FROM entry e \
         WHERE e.doc #> '{closed,moved_to}' IS NOT NULL AND NOT EXISTS (SELECT FROM entry t \
         WHERE t.county_id = e.doc #>> '{closed,moved_to,county_id}' \
         AND t.measure_code = e.doc #>> '{closed,moved_to,measure_code}' \
         AND t.entry_id = e.entry_id) \
         UNION ALL SELECT 'claims without an entry', count(*) FROM person_claim c \
         WHERE NOT EXISTS (SELECT FROM entry e WHERE e.county_id = c.county_id \
         AND e.measure_code = c.measure_code AND e.entry_id = c.entry_id AND e.state <> 'CLOSED')",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("what")?, row.try_get("n")?))).collect()
}
