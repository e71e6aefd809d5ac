//! A ledger's head and the parts of its state a command needs.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use crate::{
    domain::{
        account::Account,
        allocation::{Offer, Placement},
        calendar::Timestamp,
        capacity::{PlaceGroup, Submission},
        command::Needs,
        ids::{AreaId, ExternalReference, LedgerId, MeasureCode},
        ledger::{Due, DueKind, Frame, Head, Ledger},
        log_chain::GENESIS,
        measure::Distribution,
        plan::Plan,
        waitlist::{Entry, OrderKey, QueueKey},
    },
    store::rows::{account_key_from, bytes_to_hash, corrupt, distribution_from, parse},
};

/// Makes ledgers that are not there yet, empty.
pub async fn create(
    connection: &mut PgConnection,
    id: &LedgerId,
    distribution: Distribution,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "-- create_ledger\n\
         INSERT INTO ledger (county_id, measure_code, distribution, seq, head_hash, at, frame) \
         VALUES ($1, $2, $3, 0, $4, NULL, $5) ON CONFLICT DO NOTHING",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .bind(crate::store::rows::distribution_text(distribution))
    .bind(GENESIS.as_slice())
    .bind(Json(Frame::default()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks ledgers of one county, in one order and in a statement of its own: what is
/// read after it sees all that the last holder of the lock committed.
pub async fn lock(
    connection: &mut PgConnection,
    county_id: &AreaId,
    measure_codes: &[String],
) -> Result<Vec<Ledger>, sqlx::Error> {
    let rows = sqlx::query(
        "-- lock_ledgers\n\
         SELECT county_id, measure_code, distribution, seq, head_hash, at, frame FROM ledger \
         WHERE county_id = $1 AND measure_code = ANY($2) ORDER BY measure_code FOR UPDATE",
    )
    .bind(county_id.as_str())
    .bind(measure_codes)
    .fetch_all(connection)
    .await?;
    rows.iter().map(ledger_from).collect()
}

/// A ledger as a reader sees it, with its accounts and place groups.
pub async fn find(
    connection: &mut PgConnection,
    id: &LedgerId,
) -> Result<Option<Ledger>, sqlx::Error> {
    let row = sqlx::query(
        "-- find_ledger\n\
         SELECT county_id, measure_code, distribution, seq, head_hash, at, frame FROM ledger \
         WHERE county_id = $1 AND measure_code = $2",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let mut ledger = ledger_from(&row)?;
    load_places(connection, &mut ledger).await?;
    Ok(Some(ledger))
}

/// How far a ledger has come; `None` where nothing has happened.
pub async fn seq(connection: &mut PgConnection, id: &LedgerId) -> Result<Option<u64>, sqlx::Error> {
    let seq: Option<i64> = sqlx::query_scalar(
        "-- ledger_seq\nSELECT seq FROM ledger WHERE county_id = $1 AND measure_code = $2",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(seq.map(i64::cast_unsigned))
}

/// The ledgers of a county, or all there are.
pub async fn list(
    connection: &mut PgConnection,
    county_id: Option<&AreaId>,
) -> Result<Vec<LedgerId>, sqlx::Error> {
    let rows = sqlx::query(
        "-- list_ledgers\n\
         SELECT county_id, measure_code FROM ledger \
         WHERE ($1::text IS NULL OR county_id = $1) ORDER BY county_id, measure_code",
    )
    .bind(county_id.map(AreaId::as_str))
    .fetch_all(connection)
    .await?;
    rows.iter().map(id_from).collect()
}

/// A ledger's name.
pub(crate) fn id_from(row: &PgRow) -> Result<LedgerId, sqlx::Error> {
    let (county_id, measure_code) = (row.try_get("county_id")?, row.try_get("measure_code")?);
    LedgerId::from_texts(county_id, measure_code).map_err(|_| corrupt("a ledger's name"))
}

fn ledger_from(row: &PgRow) -> Result<Ledger, sqlx::Error> {
    let at: Option<time::OffsetDateTime> = row.try_get("at")?;
    let head = Head {
        seq: row.try_get::<i64, _>("seq")?.cast_unsigned(),
        hash: bytes_to_hash(row.try_get("head_hash")?)?,
        at: at.map_or(Head::EMPTY.at, Timestamp::from_datetime),
    };
    let distribution = distribution_from(row.try_get("distribution")?)?;
    let mut ledger = Ledger::new(id_from(row)?, distribution, head);
    let Json(frame) = row.try_get::<Json<Frame>, _>("frame")?;
    ledger.load_frame(frame);
    Ok(ledger)
}

/// Loads what every decision may look at: accounts, place groups, queues.
pub async fn load_frame(
    connection: &mut PgConnection,
    ledger: &mut Ledger,
) -> Result<(), sqlx::Error> {
    load_places(connection, ledger).await?;
    let rows = sqlx::query(
        "-- load_queues\n\
         SELECT queue, watermark_order_us, watermark_registered_us, watermark_seq FROM queue \
         WHERE county_id = $1 AND measure_code = $2",
    )
    .bind(ledger.id().county_id.as_str())
    .bind(ledger.id().measure_code.as_str())
    .fetch_all(connection)
    .await?;
    for row in &rows {
        let (key, watermark) = queue_from(row)?;
        ledger.load_queue(key, watermark);
    }
    Ok(())
}

/// A queue and its watermark.
pub(crate) fn queue_from(row: &PgRow) -> Result<(QueueKey, OrderKey), sqlx::Error> {
    let text: &str = row.try_get("queue")?;
    let key = QueueKey::from_text(text).ok_or_else(|| corrupt("queue"))?;
    let watermark = OrderKey {
        order_time: Timestamp::from_micros(row.try_get("watermark_order_us")?),
        registered_time: Timestamp::from_micros(row.try_get("watermark_registered_us")?),
        join_seq: row.try_get::<i64, _>("watermark_seq")?.cast_unsigned(),
    };
    Ok((key, watermark))
}

async fn load_places(
    connection: &mut PgConnection,
    ledger: &mut Ledger,
) -> Result<(), sqlx::Error> {
    let id = ledger.id().clone();
    let groups: Vec<Json<PlaceGroup>> = sqlx::query_scalar(
        "-- load_place_groups\n\
         SELECT doc FROM place_group WHERE county_id = $1 AND measure_code = $2",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .fetch_all(&mut *connection)
    .await?;
    for Json(group) in groups {
        ledger.load_place_group(group);
    }
    let accounts = sqlx::query(
        "-- load_accounts\n\
         SELECT account_key, limit_percent, reserved_percent, in_use_percent, ceiling_percent \
         FROM account WHERE county_id = $1 AND measure_code = $2",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .fetch_all(connection)
    .await?;
    for row in &accounts {
        let account = Account {
            limit: row.try_get("limit_percent")?,
            reserved: row.try_get("reserved_percent")?,
            in_use: row.try_get("in_use_percent")?,
            ceiling: row.try_get("ceiling_percent")?,
        };
        ledger.load_account(account_key_from(row.try_get("account_key")?)?, account);
    }
    Ok(())
}

/// Loads the rows that commands name, and those they hang on.
pub async fn load_needs(
    connection: &mut PgConnection,
    ledger: &mut Ledger,
    needs: &Needs,
) -> Result<(), sqlx::Error> {
    let offers: Vec<Uuid> = needs.offers.iter().map(|id| id.0).collect();
    let placements: Vec<Uuid> = needs.placements.iter().map(|id| id.0).collect();
    let mut entries: Vec<Uuid> = needs.entries.iter().map(|id| id.0).collect();
    let mut held_by = entries.clone();
    let references = needs.references.iter().chain(&needs.named_entries);
    load_references(connection, ledger, references).await?;
    entries.extend(needs.named_entries.iter().filter_map(|reference| ledger.named(reference)));
    if !offers.is_empty() {
        let found: Vec<Json<Offer>> = docs(connection, ledger.id(), LOAD_OFFERS, &offers).await?;
        for Json(offer) in found {
            entries.push(offer.entry_id.0);
            ledger.load_offer(offer);
        }
    }
    let named = load_placements(connection, ledger, LOAD_PLACEMENTS, &placements).await?;
    entries.extend(named.iter().map(|placement| placement.entry_id.0));
    let groups: Vec<Uuid> = needs.placements_in.iter().map(|id| id.0).collect();
    load_placements(connection, ledger, LOAD_PLACEMENTS_IN, &groups).await?;
    let of_entries = if needs.past_placements { entries.clone() } else { Vec::new() };
    let past = load_placements(connection, ledger, LOAD_PLACEMENTS_OF, &of_entries).await?;
    for placement in named.iter().chain(&past) {
        let increase = placement.increase.map(|id| id.0);
        entries.extend(increase);
        held_by.extend(increase);
    }
    if !held_by.is_empty() {
        let found: Vec<Json<Offer>> =
            docs(connection, ledger.id(), LOAD_OPEN_OFFERS, &held_by).await?;
        for Json(offer) in found {
            ledger.load_offer(offer);
        }
    }
    if !entries.is_empty() {
        let found: Vec<Json<Entry>> = docs(connection, ledger.id(), LOAD_ENTRIES, &entries).await?;
        let mut increased: Vec<Uuid> = Vec::new();
        for Json(entry) in found {
            let missing = entry.increase_of.filter(|id| ledger.placement(*id).is_none());
            increased.extend(missing.map(|id| id.0));
            ledger.load_entry(entry);
        }
        load_placements(connection, ledger, LOAD_PLACEMENTS, &increased).await?;
    }
    let submissions: Vec<Uuid> = needs.submissions.iter().map(|id| id.0).collect();
    if !submissions.is_empty() {
        let found: Vec<Json<Submission>> =
            docs(connection, ledger.id(), LOAD_SUBMISSIONS, &submissions).await?;
        for Json(submission) in found {
            ledger.load_submission(submission);
        }
    }
    let plans: Vec<Uuid> = needs.plans.iter().map(|id| id.0).collect();
    if !plans.is_empty() {
        let found: Vec<Json<Plan>> = docs(connection, ledger.id(), LOAD_PLANS, &plans).await?;
        for Json(plan) in found {
            ledger.load_plan(plan);
        }
    }
    Ok(())
}

/// Loads the placements that a statement finds by these ids, and answers them.
async fn load_placements(
    connection: &mut PgConnection,
    ledger: &mut Ledger,
    statement: &'static str,
    ids: &[Uuid],
) -> Result<Vec<Placement>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<Json<Placement>> = docs(connection, ledger.id(), statement, ids).await?;
    let placements: Vec<Placement> = found.into_iter().map(|Json(placement)| placement).collect();
    for placement in &placements {
        ledger.load_placement(placement.clone());
    }
    Ok(placements)
}

const LOAD_OFFERS: &str = "-- load_offers\n\
     SELECT doc FROM offer WHERE county_id = $1 AND measure_code = $2 AND offer_id = ANY($3)";
const LOAD_OPEN_OFFERS: &str = "-- load_open_offers\n\
     SELECT doc FROM offer WHERE county_id = $1 AND measure_code = $2 AND entry_id = ANY($3) \
     AND state IN ('PROPOSED', 'OFFERED', 'ACCEPTED')";
const LOAD_PLACEMENTS: &str = "-- load_placements\n\
     SELECT doc FROM placement \
     WHERE county_id = $1 AND measure_code = $2 AND placement_id = ANY($3)";
const LOAD_PLACEMENTS_IN: &str = "-- load_placements_in_groups\n\
     SELECT doc FROM placement WHERE county_id = $1 AND measure_code = $2 \
     AND (doc->>'place_group_id')::uuid = ANY($3) AND state <> 'ENDED'";
const LOAD_PLACEMENTS_OF: &str = "-- load_placements_of_entries\n\
     SELECT doc FROM placement \
     WHERE county_id = $1 AND measure_code = $2 AND entry_id = ANY($3)";
const LOAD_ENTRIES: &str = "-- load_entries\n\
     SELECT doc FROM entry WHERE county_id = $1 AND measure_code = $2 AND entry_id = ANY($3)";
const LOAD_SUBMISSIONS: &str = "-- load_submissions\n\
     SELECT doc FROM capacity_submission \
     WHERE county_id = $1 AND measure_code = $2 AND submission_id = ANY($3)";

const LOAD_PLANS: &str = "-- load_plans\n\
     SELECT doc FROM plan WHERE county_id = $1 AND measure_code = $2 AND plan_id = ANY($3)";

async fn docs<T>(
    connection: &mut PgConnection,
    id: &LedgerId,
    statement: &'static str,
    ids: &[Uuid],
) -> Result<Vec<Json<T>>, sqlx::Error>
where
    T: serde::de::DeserializeOwned + Send + Unpin + 'static,
{
    sqlx::query_scalar(statement)
        .bind(id.county_id.as_str())
        .bind(id.measure_code.as_str())
        .bind(ids)
        .fetch_all(connection)
        .await
}

/// What names in other systems stand for. Each is looked up by itself, within a limit that keeps
/// the planner from joining: without statistics, as after a first large import, it would compare
/// every name of the ledger with each of these.
async fn load_references(
    connection: &mut PgConnection,
    ledger: &mut Ledger,
    references: impl Iterator<Item = &ExternalReference>,
) -> Result<(), sqlx::Error> {
    let (systems, ids): (Vec<&str>, Vec<&str>) =
        references.map(|r| (r.system.as_str(), r.id.as_str())).unzip();
    if systems.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(
        "-- load_references\n\
         SELECT r.system, r.reference_id, r.resource_id \
         FROM unnest($3::text[], $4::text[]) AS n (system, reference_id) \
         CROSS JOIN LATERAL (SELECT system, reference_id, resource_id FROM external_reference \
         WHERE county_id = $1 AND measure_code = $2 \
         AND system = n.system AND reference_id = n.reference_id LIMIT 1) r",
    )
    .bind(ledger.id().county_id.as_str())
    .bind(ledger.id().measure_code.as_str())
    .bind(systems)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    for row in &rows {
        let reference =
            ExternalReference { system: row.try_get("system")?, id: row.try_get("reference_id")? };
        ledger.load_reference(reference, row.try_get("resource_id")?);
    }
    Ok(())
}

/// The eligible entries of a queue from a key on, in order. Each entry is looked up by
/// itself, within a limit that keeps the planner from joining otherwise: without statistics,
/// as after a first large import, it would read the whole ledger for each row.
pub async fn heads(
    connection: &mut PgConnection,
    id: &LedgerId,
    queue: &QueueKey,
    from: OrderKey,
    limit: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    let rows: Vec<Json<Entry>> = sqlx::query_scalar(
        "-- queue_heads\n\
         SELECT e.doc FROM waiting w CROSS JOIN LATERAL (SELECT doc FROM entry \
         WHERE county_id = $1 AND measure_code = $2 AND entry_id = w.entry_id LIMIT 1) e \
         WHERE w.county_id = $1 AND w.measure_code = $2 AND w.queue = $3 \
         AND w.order_time_us >= $4 \
         AND (w.order_time_us, w.registered_time_us, w.join_seq) >= ($4, $5, $6) \
         ORDER BY w.order_time_us, w.registered_time_us, w.join_seq LIMIT $7",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .bind(queue.as_str())
    .bind(from.order_time.micros())
    .bind(from.registered_time.micros())
    .bind(from.join_seq.cast_signed())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|Json(entry)| entry).collect())
}

/// The first eligible entries of every queue of a ledger beyond its watermark.
pub async fn all_heads(
    connection: &mut PgConnection,
    id: &LedgerId,
    limit: i64,
) -> Result<BTreeMap<QueueKey, Vec<Entry>>, sqlx::Error> {
    let rows = sqlx::query(
        "-- all_queue_heads\n\
         SELECT q.queue, w.doc FROM queue q LEFT JOIN LATERAL (\
         SELECT e.doc, w.order_time_us, w.registered_time_us, w.join_seq \
         FROM waiting w CROSS JOIN LATERAL (SELECT doc FROM entry \
         WHERE county_id = $1 AND measure_code = $2 AND entry_id = w.entry_id LIMIT 1) e \
         WHERE w.county_id = $1 AND w.measure_code = $2 AND w.queue = q.queue \
         AND w.order_time_us >= q.watermark_order_us \
         ORDER BY w.order_time_us, w.registered_time_us, w.join_seq LIMIT $3) w ON true \
         WHERE q.county_id = $1 AND q.measure_code = $2 \
         ORDER BY q.queue, w.order_time_us, w.registered_time_us, w.join_seq",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let mut heads: BTreeMap<QueueKey, Vec<Entry>> = BTreeMap::new();
    for row in &rows {
        let key = QueueKey::from_text(row.try_get("queue")?).ok_or_else(|| corrupt("queue"))?;
        let entry: Option<Json<Entry>> = row.try_get("doc")?;
        heads.entry(key).or_default().extend(entry.map(|Json(entry)| entry));
    }
    Ok(heads)
}

/// What is due in these ledgers of a county, in the order it takes effect.
pub async fn due(
    connection: &mut PgConnection,
    county_id: &AreaId,
    measure_codes: &[String],
    now: Timestamp,
    limit: i64,
) -> Result<BTreeMap<MeasureCode, Vec<Due>>, sqlx::Error> {
    let rows = sqlx::query(
        "-- what_is_due\n\
         SELECT measure_code, due_at, kind, thing FROM schedule \
         WHERE county_id = $1 AND measure_code = ANY($2) AND due_at <= $3 \
         ORDER BY due_at, array_position($5, kind), thing LIMIT $4",
    )
    .bind(county_id.as_str())
    .bind(measure_codes)
    .bind(now.to_datetime())
    .bind(limit)
    .bind(DueKind::ALL.map(DueKind::as_str))
    .fetch_all(connection)
    .await?;
    let mut found: BTreeMap<MeasureCode, Vec<Due>> = BTreeMap::new();
    for row in &rows {
        found.entry(parse(row.try_get("measure_code")?)?).or_default().push(due_from(row)?);
    }
    for due in found.values_mut() {
        due.sort_unstable();
    }
    Ok(found)
}

/// One row of the schedule.
pub(crate) fn due_from(row: &PgRow) -> Result<Due, sqlx::Error> {
    Ok(Due {
        at: Timestamp::from_datetime(row.try_get("due_at")?),
        kind: DueKind::from_text(row.try_get("kind")?).ok_or_else(|| corrupt("kind"))?,
        thing: row.try_get("thing")?,
    })
}

/// The ledgers in which something is due.
pub async fn with_something_due(
    connection: &mut PgConnection,
    now: Timestamp,
) -> Result<Vec<LedgerId>, sqlx::Error> {
    let rows = sqlx::query(
        "-- ledgers_with_something_due\n\
         SELECT DISTINCT county_id, measure_code FROM schedule WHERE due_at <= $1",
    )
    .bind(now.to_datetime())
    .fetch_all(connection)
    .await?;
    rows.iter().map(id_from).collect()
}
