//! Writes the rows of a ledger's state, and the small translations between values
//! and columns.

use sqlx::{PgConnection, Postgres, QueryBuilder, types::Json};
use uuid::Uuid;

use crate::domain::{
    account::AccountKey,
    capacity::SubmissionState,
    ids::{LedgerId, MunicipalityNumber, PlaceGroupId},
    ledger::{Frame, Head, Ledger, Rows},
    log_chain::Hash,
    measure::Distribution,
    waitlist::{Entry, EntryState, QueueKey},
};

/// Rows in one statement: enough to share its cost, few enough for its parameters.
pub const BATCH_ROWS: usize = 500;

/// Runs a multi-row statement, which must touch just so many rows.
pub(crate) async fn execute_rows(
    connection: &mut PgConnection,
    mut query: QueryBuilder<Postgres>,
    expected: usize,
) -> Result<(), sqlx::Error> {
    let done = query.build().persistent(expected <= 8).execute(connection).await?;
    if done.rows_affected() == expected as u64 {
        return Ok(());
    }
    Err(sqlx::Error::Decode(
        format!("a statement touched {} rows, not {expected}", done.rows_affected()).into(),
    ))
}

/// Writes what changed in a ledger since it was loaded at `before`.
pub async fn write(
    connection: &mut PgConnection,
    ledger: &Ledger,
    before: Head,
    rows: &Rows,
) -> Result<(), sqlx::Error> {
    write_head(connection, ledger, before, rows.frame.as_ref()).await?;
    write_places(connection, ledger.id(), rows).await?;
    write_entries(connection, ledger, &rows.entries).await?;
    write_queues(connection, ledger.id(), rows).await?;
    write_offers(connection, ledger.id(), rows).await?;
    write_references(connection, ledger.id(), rows).await?;
    write_schedule(connection, ledger.id(), rows).await
}

async fn write_head(
    connection: &mut PgConnection,
    ledger: &Ledger,
    before: Head,
    frame: Option<&Frame>,
) -> Result<(), sqlx::Error> {
    let head = ledger.head();
    let done = sqlx::query(
        "-- write_head\n\
         UPDATE ledger SET seq = $3, head_hash = $4, at = $5, frame = coalesce($6, frame) \
         WHERE county_id = $1 AND measure_code = $2 AND seq = $7",
    )
    .bind(ledger.id().county_id.as_str())
    .bind(ledger.id().measure_code.as_str())
    .bind(head.seq.cast_signed())
    .bind(head.hash.as_slice())
    .bind(head.at.to_datetime())
    .bind(frame.map(Json))
    .bind(before.seq.cast_signed())
    .execute(connection)
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(corrupt("ledger.seq")) }
}

/// An insert of many rows into one ledger's table; a row that is there is replaced.
struct Upsert<'a> {
    ledger: &'a LedgerId,
    into: &'static str,
    on_conflict: &'static str,
}

impl Upsert<'_> {
    async fn run<'v, T>(
        &self,
        connection: &mut PgConnection,
        items: &'v [T],
        bind: impl Fn(&mut sqlx::query_builder::Separated<'_, Postgres, &'static str>, &'v T),
    ) -> Result<(), sqlx::Error> {
        for chunk in items.chunks(BATCH_ROWS) {
            let mut query = QueryBuilder::<Postgres>::new(self.into);
            query.push_values(chunk, |mut values, item| {
                values.push_bind(self.ledger.county_id.as_str().to_owned());
                values.push_bind(self.ledger.measure_code.as_str().to_owned());
                bind(&mut values, item);
            });
            query.push(self.on_conflict);
            execute_rows(connection, query, chunk.len()).await?;
        }
        Ok(())
    }
}

async fn write_places(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    rows: &Rows,
) -> Result<(), sqlx::Error> {
    let groups = Upsert {
        ledger,
        into: "-- write_place_groups\n\
               INSERT INTO place_group \
               (county_id, measure_code, place_group_id, organisation_number, doc) ",
        on_conflict: " ON CONFLICT (county_id, measure_code, place_group_id) DO UPDATE \
                      SET organisation_number = excluded.organisation_number, doc = excluded.doc",
    };
    groups
        .run(connection, &rows.place_groups, |values, group| {
            values
                .push_bind(group.place_group_id.0)
                .push_bind(group.organisation_number.as_str().to_owned())
                .push_bind(Json(group));
        })
        .await?;
    let submissions = Upsert {
        ledger,
        into: "-- write_submissions\n\
               INSERT INTO capacity_submission \
               (county_id, measure_code, submission_id, state, doc) ",
        on_conflict: " ON CONFLICT (county_id, measure_code, submission_id) DO UPDATE \
                      SET state = excluded.state, doc = excluded.doc",
    };
    submissions
        .run(connection, &rows.submissions, |values, submission| {
            values
                .push_bind(submission.submission_id.0)
                .push_bind(submission_state(&submission.state))
                .push_bind(Json(submission));
        })
        .await?;
    let plans = Upsert {
        ledger,
        into: "-- write_plans\n\
               INSERT INTO plan (county_id, measure_code, plan_id, doc) ",
        on_conflict: " ON CONFLICT (county_id, measure_code, plan_id) DO UPDATE \
                      SET doc = excluded.doc",
    };
    plans
        .run(connection, &rows.plans, |values, plan| {
            values.push_bind(plan.plan_id.0).push_bind(Json(plan));
        })
        .await?;
    let accounts = Upsert {
        ledger,
        into: "-- write_accounts\n\
               INSERT INTO account (county_id, measure_code, account_key, limit_percent, \
               reserved_percent, in_use_percent, ceiling_percent) ",
        on_conflict: " ON CONFLICT (county_id, measure_code, account_key) DO UPDATE \
                      SET limit_percent = excluded.limit_percent, \
                      reserved_percent = excluded.reserved_percent, \
                      in_use_percent = excluded.in_use_percent, \
                      ceiling_percent = excluded.ceiling_percent",
    };
    accounts
        .run(connection, &rows.accounts, |values, (key, account)| {
            values
                .push_bind(account_key_text(key))
                .push_bind(account.limit)
                .push_bind(account.reserved)
                .push_bind(account.in_use)
                .push_bind(account.ceiling);
        })
        .await
}

async fn write_entries(
    connection: &mut PgConnection,
    ledger: &Ledger,
    entries: &[Entry],
) -> Result<(), sqlx::Error> {
    let upsert = Upsert {
        ledger: ledger.id(),
        into: "-- write_entries\n\
               INSERT INTO entry (county_id, measure_code, entry_id, person_id, state, \
               municipality_number, following_office_number, order_time_us, registered_time_us, \
               join_seq, adviser_digest, deputy_digest, deputy_until, doc) ",
        on_conflict: " ON CONFLICT (county_id, measure_code, entry_id) DO UPDATE \
                      SET state = excluded.state, doc = excluded.doc, \
                      municipality_number = excluded.municipality_number, \
                      following_office_number = excluded.following_office_number, \
                      order_time_us = excluded.order_time_us, \
                      registered_time_us = excluded.registered_time_us, \
                      join_seq = excluded.join_seq, \
                      adviser_digest = excluded.adviser_digest, \
                      deputy_digest = excluded.deputy_digest, \
                      deputy_until = excluded.deputy_until",
    };
    // What has ended first: of one person's entries, and of the larger shares that one placement
    // waits for, only one is open, row by row.
    let (open, over): (Vec<_>, Vec<_>) = entries.iter().partition(|e| e.state.is_open());
    upsert
        .run(connection, &[over, open].concat(), |values, entry| {
            let adviser = entry.adviser.as_ref();
            let deputy = adviser.and_then(|adviser| adviser.deputy.as_ref());
            values
                .push_bind(entry.entry_id.0)
                .push_bind(entry.person_id.0)
                .push_bind(entry.state.name())
                .push_bind(entry.municipality_number.as_str())
                .push_bind(entry.following_office_number.as_str())
                .push_bind(entry.key.order_time.micros())
                .push_bind(entry.key.registered_time.micros())
                .push_bind(entry.key.join_seq.cast_signed())
                .push_bind(adviser.map(|adviser| adviser.digest.as_str()))
                .push_bind(deputy.map(|deputy| deputy.digest.as_str()))
                .push_bind(deputy.map(|deputy| deputy.until))
                .push_bind(Json(entry));
        })
        .await?;
    write_waiting(connection, ledger, entries).await
}

/// The lean rows of those entries that are eligible, and of no others.
async fn write_waiting(
    connection: &mut PgConnection,
    ledger: &Ledger,
    entries: &[Entry],
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = entries.iter().map(|entry| entry.entry_id.0).collect();
    if !ids.is_empty() {
        sqlx::query(
            "-- leave_waiting\n\
             DELETE FROM waiting \
             WHERE county_id = $1 AND measure_code = $2 AND entry_id = ANY($3)",
        )
        .bind(ledger.id().county_id.as_str())
        .bind(ledger.id().measure_code.as_str())
        .bind(ids)
        .execute(&mut *connection)
        .await?;
    }
    let waiting: Vec<(&Entry, QueueKey)> = entries
        .iter()
        .filter(|entry| entry.state == EntryState::Waiting)
        .map(|entry| (entry, ledger.queue_of(entry)))
        .collect();
    let upsert = Upsert {
        ledger: ledger.id(),
        into: "-- enter_waiting\n\
               INSERT INTO waiting (county_id, measure_code, queue, order_time_us, \
               registered_time_us, join_seq, entry_id, municipality_number, preferred) ",
        on_conflict: "",
    };
    upsert
        .run(connection, &waiting, |values, (entry, queue)| {
            let preferred: Vec<Uuid> = entry.preferred_place_groups.iter().map(|g| g.0).collect();
            values
                .push_bind(queue.as_str())
                .push_bind(entry.key.order_time.micros())
                .push_bind(entry.key.registered_time.micros())
                .push_bind(entry.key.join_seq.cast_signed())
                .push_bind(entry.entry_id.0)
                .push_bind(entry.municipality_number.as_str())
                .push_bind(preferred);
        })
        .await
}

async fn write_queues(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    rows: &Rows,
) -> Result<(), sqlx::Error> {
    let upsert = Upsert {
        ledger,
        into: "-- write_queues\n\
               INSERT INTO queue (county_id, measure_code, queue, watermark_order_us, \
               watermark_registered_us, watermark_seq) ",
        on_conflict: " ON CONFLICT (county_id, measure_code, queue) DO UPDATE \
                      SET watermark_order_us = excluded.watermark_order_us, \
                      watermark_registered_us = excluded.watermark_registered_us, \
                      watermark_seq = excluded.watermark_seq",
    };
    upsert
        .run(connection, &rows.queues, |values, (queue, watermark)| {
            values
                .push_bind(queue.as_str())
                .push_bind(watermark.order_time.micros())
                .push_bind(watermark.registered_time.micros())
                .push_bind(watermark.join_seq.cast_signed());
        })
        .await
}

async fn write_offers(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    rows: &Rows,
) -> Result<(), sqlx::Error> {
    let offers = Upsert {
        ledger,
        into: "-- write_offers\n\
               INSERT INTO offer (county_id, measure_code, offer_id, entry_id, state, doc) ",
        on_conflict: " ON CONFLICT (county_id, measure_code, offer_id) DO UPDATE \
                      SET state = excluded.state, doc = excluded.doc",
    };
    // What is given back first: of one entry's offers only one is open, row by row.
    let (open, over): (Vec<_>, Vec<_>) = rows.offers.iter().partition(|o| o.state.reserves());
    offers
        .run(connection, &[over, open].concat(), |values, offer| {
            values
                .push_bind(offer.offer_id.0)
                .push_bind(offer.entry_id.0)
                .push_bind(offer.state.name())
                .push_bind(Json(offer));
        })
        .await?;
    let placements = Upsert {
        ledger,
        into: "-- write_placements\n\
               INSERT INTO placement \
               (county_id, measure_code, placement_id, entry_id, state, doc) ",
        on_conflict: " ON CONFLICT (county_id, measure_code, placement_id) DO UPDATE \
                      SET state = excluded.state, doc = excluded.doc",
    };
    placements
        .run(connection, &rows.placements, |values, placement| {
            values
                .push_bind(placement.placement_id.0)
                .push_bind(placement.entry_id.0)
                .push_bind(placement.state.name())
                .push_bind(Json(placement));
        })
        .await
}

async fn write_references(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    rows: &Rows,
) -> Result<(), sqlx::Error> {
    if !rows.gone_references.is_empty() {
        let systems: Vec<&str> = rows.gone_references.iter().map(|r| r.system.as_str()).collect();
        let ids: Vec<&str> = rows.gone_references.iter().map(|r| r.id.as_str()).collect();
        sqlx::query(
            "-- free_references\n\
             DELETE FROM external_reference WHERE county_id = $1 AND measure_code = $2 AND \
             (system, reference_id) IN (SELECT * FROM unnest($3::text[], $4::text[]))",
        )
        .bind(ledger.county_id.as_str())
        .bind(ledger.measure_code.as_str())
        .bind(systems)
        .bind(ids)
        .execute(&mut *connection)
        .await?;
    }
    let upsert = Upsert {
        ledger,
        into: "-- write_references\n\
               INSERT INTO external_reference \
               (county_id, measure_code, system, reference_id, resource_id) ",
        on_conflict: "",
    };
    upsert
        .run(connection, &rows.references, |values, (reference, resource)| {
            values
                .push_bind(reference.system.as_str())
                .push_bind(reference.id.as_str())
                .push_bind(*resource);
        })
        .await
}

async fn write_schedule(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    rows: &Rows,
) -> Result<(), sqlx::Error> {
    let (stands, gone): (Vec<_>, Vec<_>) = rows.due.iter().partition(|(_, stands)| *stands);
    if !gone.is_empty() {
        let at: Vec<_> = gone.iter().map(|(due, _)| due.at.to_datetime()).collect();
        let kinds: Vec<&str> = gone.iter().map(|(due, _)| due.kind.as_str()).collect();
        let things: Vec<Uuid> = gone.iter().map(|(due, _)| due.thing).collect();
        sqlx::query(
            "-- leave_schedule\n\
             DELETE FROM schedule WHERE county_id = $1 AND measure_code = $2 AND \
             (due_at, kind, thing) IN \
             (SELECT * FROM unnest($3::timestamptz[], $4::text[], $5::uuid[]))",
        )
        .bind(ledger.county_id.as_str())
        .bind(ledger.measure_code.as_str())
        .bind(at)
        .bind(kinds)
        .bind(things)
        .execute(&mut *connection)
        .await?;
    }
    for chunk in stands.chunks(BATCH_ROWS) {
        // The same day may be scheduled by several budgets: once is enough.
        let mut query = QueryBuilder::<Postgres>::new(
            "-- write_schedule\n\
             INSERT INTO schedule (county_id, measure_code, due_at, kind, thing) ",
        );
        query.push_values(chunk, |mut values, (due, _)| {
            values
                .push_bind(ledger.county_id.as_str())
                .push_bind(ledger.measure_code.as_str())
                .push_bind(due.at.to_datetime())
                .push_bind(due.kind.as_str())
                .push_bind(due.thing);
        });
        query.push(" ON CONFLICT DO NOTHING");
        query.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// An account's key as the database keeps it.
pub fn account_key_text(key: &AccountKey) -> String {
    match key {
        AccountKey::PlaceGroup(id) => format!("PLACE_GROUP/{id}"),
        AccountKey::Quota(number) => format!("QUOTA/{number}"),
        AccountKey::Pool => "POOL".to_owned(),
    }
}

/// From what the database keeps.
pub(crate) fn account_key_from(text: &str) -> Result<AccountKey, sqlx::Error> {
    if text == "POOL" {
        return Ok(AccountKey::Pool);
    }
    if let Some(number) = text.strip_prefix("QUOTA/") {
        return Ok(AccountKey::Quota(parse::<MunicipalityNumber>(number)?));
    }
    let id = text.strip_prefix("PLACE_GROUP/").and_then(|id| Uuid::parse_str(id).ok());
    id.map(|id| AccountKey::PlaceGroup(PlaceGroupId(id))).ok_or_else(|| corrupt("account_key"))
}

/// A distribution as the database keeps it.
pub(crate) fn distribution_text(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::CountyPool => "COUNTY_POOL",
        Distribution::ByMunicipality => "BY_MUNICIPALITY",
        Distribution::ByHostArea => "BY_HOST_AREA",
    }
}

/// From what the database keeps.
pub(crate) fn distribution_from(text: &str) -> Result<Distribution, sqlx::Error> {
    [Distribution::CountyPool, Distribution::ByMunicipality, Distribution::ByHostArea]
        .into_iter()
        .find(|distribution| distribution_text(*distribution) == text)
        .ok_or_else(|| corrupt("distribution"))
}

/// A submission's state as the database keeps it.
pub(crate) fn submission_state(state: &SubmissionState) -> &'static str {
    match state {
        SubmissionState::Submitted => "SUBMITTED",
        SubmissionState::Approved => "APPROVED",
        SubmissionState::Rejected => "REJECTED",
    }
}

/// A value the database should not hold.
pub(crate) fn corrupt(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the database holds an impossible value in {column}").into())
}

/// Reads an id.
pub(crate) fn parse<T: std::str::FromStr>(text: &str) -> Result<T, sqlx::Error> {
    text.parse().map_err(|_| corrupt("an id"))
}

/// Reads a digest.
pub(crate) fn bytes_to_hash(bytes: &[u8]) -> Result<Hash, sqlx::Error> {
    Hash::try_from(bytes).map_err(|_| corrupt("a digest"))
}
