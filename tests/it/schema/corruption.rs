//! `verify` finds whatever somebody with the database in hand has changed.

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use tiltaksplass::verify::verify;

use super::{run, sample::sample};
use crate::world::World;

/// What is changed: the table, and how. Each leaves every constraint as it was, so that
/// nothing but `verify` can tell.
const CHANGES: &[(&str, &str)] = &[
    // The log: a byte that means nothing to JSON, its columns, its rows.
    ("ledger_log", "UPDATE ledger_log SET payload = payload || ' '::bytea WHERE seq = 5"),
    ("ledger_log", "UPDATE ledger_log SET header = header || ' '::bytea WHERE seq = 5"),
    ("ledger_log", "UPDATE ledger_log SET kind = 'NOTHING' WHERE seq = 5"),
    ("ledger_log", "UPDATE ledger_log SET at = at + interval '1 us' WHERE seq = 5"),
    ("ledger_log", "UPDATE ledger_log SET request_id = entry_id FROM entry WHERE seq = 5"),
    ("ledger_log", "UPDATE ledger_log SET hash = sha256(hash) WHERE seq = 5"),
    ("ledger_log", "UPDATE ledger_log SET prev_hash = sha256(hash) WHERE seq = 5"),
    ("ledger_log", "DELETE FROM ledger_log WHERE measure_code = 'VTA' AND seq = 5"),
    ("ledger_log", "DELETE FROM ledger_log WHERE measure_code = 'VTA' AND seq > 10"),
    ("ledger_log", "DELETE FROM ledger_log WHERE measure_code = 'VTA'"),
    ("ledger_log", "DELETE FROM ledger_log WHERE measure_code = 'REGISTRY'"),
    ("ledger", "UPDATE ledger SET seq = seq + 1 WHERE measure_code = 'VTA'"),
    ("ledger", "UPDATE ledger SET head_hash = sha256(head_hash) WHERE measure_code = 'VTA'"),
    (
        "ledger",
        "UPDATE ledger SET frame = jsonb_set(frame, '{budgets,0,places}', '99') \
                WHERE measure_code = 'VTA'",
    ),
    // The state.
    ("account", "UPDATE account SET limit_percent = 900, ceiling_percent = 900"),
    ("account", "UPDATE account SET reserved_percent = reserved_percent - 1"),
    ("account", "UPDATE account SET in_use_percent = 0"),
    ("account", "DELETE FROM account WHERE account_key LIKE 'QUOTA%'"),
    (
        "entry",
        "UPDATE entry SET doc = jsonb_set(doc, '{participation_percent}', '50') \
               WHERE state = 'WAITING'",
    ),
    ("entry", "UPDATE entry SET state = 'CLOSED' WHERE state = 'WAITING'"),
    ("entry", "UPDATE entry SET order_time_us = order_time_us - 1 WHERE state = 'WAITING'"),
    ("entry", "UPDATE entry SET municipality_number = '1612' WHERE state = 'WAITING'"),
    ("entry", "DELETE FROM entry WHERE state = 'WAITING'"),
    ("waiting", "DELETE FROM waiting WHERE join_seq = (SELECT min(join_seq) FROM waiting)"),
    ("waiting", "UPDATE waiting SET order_time_us = order_time_us + 1"),
    ("waiting", "UPDATE waiting SET queue = '1612'"),
    ("waiting", "UPDATE waiting SET municipality_number = '1612'"),
    (
        "waiting",
        "INSERT INTO waiting SELECT county_id, measure_code, '1601', order_time_us, \
                 registered_time_us, join_seq, entry_id, municipality_number, '{}' FROM entry \
                 WHERE state = 'PLACED'",
    ),
    ("queue", "UPDATE queue SET watermark_order_us = 1 + (SELECT min(order_time_us) FROM waiting)"),
    ("queue", "DELETE FROM queue"),
    ("offer", "UPDATE offer SET doc = jsonb_set(doc, '{participation_percent}', '50')"),
    (
        "offer",
        "UPDATE offer SET doc = jsonb_set(doc, '{state}', '\"EXPIRED\"') \
               WHERE state = 'PROPOSED'",
    ),
    ("offer", "DELETE FROM offer WHERE state = 'PROPOSED'"),
    (
        "offer",
        "UPDATE offer SET doc = jsonb_set(doc, '{state,WITHDRAWN,was_offered}', 'true') \
               WHERE state = 'WITHDRAWN'",
    ),
    ("placement", "UPDATE placement SET doc = jsonb_set(doc, '{start_date}', '\"2026-02-27\"')"),
    ("placement", "DELETE FROM placement"),
    ("place_group", "UPDATE place_group SET doc = jsonb_set(doc, '{name}', '\"Ingenting\"')"),
    ("place_group", "DELETE FROM place_group"),
    (
        "capacity_submission",
        "UPDATE capacity_submission \
                             SET doc = jsonb_set(doc, '{places,places}', '10')",
    ),
    ("capacity_submission", "DELETE FROM capacity_submission"),
    ("plan", "UPDATE plan SET doc = jsonb_set(doc, '{terms,horizon_years}', '99')"),
    ("plan", "UPDATE plan SET doc = doc #- '{comments,1612}'"),
    ("plan", "DELETE FROM plan"),
    ("schedule", "DELETE FROM schedule WHERE kind = 'BEGIN_PLAN'"),
    ("schedule", "DELETE FROM schedule WHERE kind LIKE '%OFFER%'"),
    ("schedule", "UPDATE schedule SET due_at = due_at + interval '1 day'"),
    (
        "schedule",
        "INSERT INTO schedule SELECT county_id, measure_code, due_at, kind, entry_id \
                  FROM schedule JOIN entry USING (county_id, measure_code) LIMIT 1",
    ),
    ("external_reference", "DELETE FROM external_reference WHERE reference_id = '1'"),
    (
        "external_reference",
        "UPDATE external_reference SET reference_id = '99' \
                            WHERE reference_id = '1'",
    ),
    // The registry.
    (
        "registry_row",
        "UPDATE registry_row SET doc = replace(doc::text, '1601', '1602')::jsonb \
                      WHERE natural_key = '1601'",
    ),
    ("registry_row", "DELETE FROM registry_row WHERE natural_key = '1612'"),
    (
        "registry_row",
        "INSERT INTO registry_row SELECT county_id, kind, '9999', version, \
                      replace(doc::text, '1612', '9999')::jsonb \
                      FROM registry_row WHERE natural_key = '1612'",
    ),
    (
        "registry_row",
        "UPDATE registry_row SET doc = jsonb_set(doc, '{STAFF_LINK,person_id}', \
         (SELECT to_jsonb(person_id) FROM entry LIMIT 1)) WHERE kind = 'STAFF_LINK'",
    ),
    ("registry_row", "DELETE FROM registry_row WHERE kind = 'STAFF_LINK'"),
    (
        "person",
        "DELETE FROM person WHERE person_id IN (SELECT (doc #>> '{STAFF_LINK,person_id}')::uuid \
         FROM registry_row WHERE kind = 'STAFF_LINK')",
    ),
    // People.
    (
        "person_claim",
        "DELETE FROM person_claim WHERE entry_id = (SELECT entry_id FROM waiting LIMIT 1)",
    ),
    (
        "person_claim",
        "INSERT INTO person_claim SELECT person_id, measure_code, county_id, entry_id \
                      FROM entry WHERE state = 'CLOSED'",
    ),
    ("person_claim", "UPDATE person_claim SET entry_id = NULL"),
    ("person_claim", "UPDATE person_claim SET county_id = 'NO-17'"),
    (
        "person_claim",
        "INSERT INTO person_claim SELECT person_id, 'AVKLARING', county_id, entry_id \
                      FROM person_claim",
    ),
    (
        "person_key",
        "DELETE FROM person_key WHERE person_id = (SELECT person_id FROM entry LIMIT 1)",
    ),
    (
        "person_key",
        "UPDATE person_key SET hmac = sha256(hmac) \
         WHERE person_id = (SELECT person_id FROM entry LIMIT 1)",
    ),
    ("person_key", "UPDATE person_key SET key_version = key_version + 1"),
    ("person", "DELETE FROM person WHERE person_id = (SELECT person_id FROM entry LIMIT 1)"),
    (
        "person",
        "UPDATE person SET identity = set_byte(identity, 20, 1 + get_byte(identity, 20) % 255)",
    ),
    (
        "person",
        "UPDATE person SET identity = other.identity FROM person other \
         WHERE other.person_id = (SELECT max(person_id::text)::uuid FROM person) \
         AND person.person_id <> other.person_id",
    ),
    ("person", "UPDATE person SET data_key = identity"),
    ("key_check", "UPDATE key_check SET check_value = sha256(check_value)"),
    ("key_check", "DELETE FROM key_check"),
    ("key_version", "INSERT INTO key_version VALUES ('NO', 1, true)"),
    ("key_version", "INSERT INTO key_version VALUES ('NO', 2, false)"),
    (
        "person_former_number",
        "INSERT INTO person_former_number SELECT person_id, person_id, data_key FROM person",
    ),
    // Answers.
    ("ledger_answer", "DELETE FROM ledger_answer WHERE measure_code = 'VTA' AND seq = 5"),
    ("ledger_answer", "UPDATE ledger_answer SET at = at + interval '1 us' WHERE seq = 5"),
    ("ledger_answer", "UPDATE ledger_answer SET fingerprint = 'x' WHERE seq = 5"),
    (
        "ledger_answer",
        "UPDATE ledger_answer SET response = (SELECT response FROM ledger_answer \
         WHERE measure_code = 'VTA' AND seq = 6) WHERE measure_code = 'VTA' AND seq = 5",
    ),
    ("ledger_answer", "UPDATE ledger_answer SET seq = seq + 1000 WHERE seq = 5"),
    // Accesses.
    ("access_log", "DELETE FROM access_log WHERE number = 1"),
    ("access_log", "DELETE FROM access_log WHERE number = 2"),
    ("access_log", "DELETE FROM access_log WHERE number = (SELECT max(number) FROM access_log)"),
    ("access_log", "DELETE FROM access_log"),
    ("access_log", "UPDATE access_log SET purpose = 'noe annet' WHERE number = 2"),
    ("access_log", "UPDATE access_log SET subject = 'en annen' WHERE number = 2"),
    ("access_log", "UPDATE access_log SET at = at - interval '1 hour' WHERE number = 2"),
    ("access_log", "UPDATE access_log SET entry_ids = '{}' WHERE entry_ids <> '{}'"),
    ("access_log", "UPDATE access_log SET permitted = NOT permitted WHERE number = 1"),
    (
        "access_log",
        "UPDATE access_log SET recorder_id = NULL, number = NULL, prev_hash = NULL, hash = NULL \
         WHERE number = 1",
    ),
    ("access_log", "UPDATE access_log SET call_id = 'en-annen' WHERE number = 2"),
    ("access_log", "UPDATE access_log SET case_reference = 'en annen' WHERE number = 2"),
    ("access_log", "UPDATE access_log SET name = 'En Annen' WHERE number = 2"),
    ("access_log", "UPDATE access_log SET client = 'et annet' WHERE number = 2"),
    ("access_log", "UPDATE access_log SET on_behalf_of = '1612' WHERE number = 2"),
    ("access_log", "UPDATE access_log SET on_behalf_of = name, name = 'x' WHERE number = 2"),
    ("access_log", "UPDATE access_log SET authority = access_id WHERE number = 2"),
    (
        "access_log",
        "UPDATE access_log SET form = 1, authority = NULL, on_behalf_of = '', name = '', \
         client = '', case_reference = '', call_id = '' WHERE number = 2",
    ),
    ("access_recorder", "DELETE FROM access_recorder"),
    ("access_recorder", "UPDATE access_recorder SET number = number - 1"),
    ("access_recorder", "UPDATE access_recorder SET hash = sha256(hash)"),
];

#[tokio::test]
async fn every_change_by_hand_is_found() {
    let world = sample().await;
    let mut sql = world.service.sql().await;
    let missed = missed(&world, &mut sql, CHANGES).await;
    assert!(missed.is_empty(), "nothing was found after {missed:#?}");
}

/// What says nothing of anybody, and is written anew every two seconds.
const OF_THE_MOMENT: &[&str] = &["_sqlx_migrations", "key_holder"];

/// A table nobody has thought of is one nobody checks.
#[tokio::test]
async fn every_table_is_changed_once_at_least() {
    let mut sql = super::connect().await;
    let tables = super::tables(&mut sql).await;
    let changed = |table: &String| CHANGES.iter().any(|(name, _)| name == table);
    let missing: Vec<_> = tables
        .into_iter()
        .filter(|t| !OF_THE_MOMENT.contains(&t.as_str()) && !changed(t))
        .collect();
    assert!(missing.is_empty(), "no change of {missing:?} is tried");
}

/// The changes after which `verify` says that all is well. Each is taken back.
async fn missed(
    world: &World,
    sql: &mut PgConnection,
    changes: &[(&'static str, &'static str)],
) -> Vec<&'static str> {
    // References between tables are not what is tried here.
    run(sql, "SET session_replication_role = replica").await;
    let mut missed = Vec::new();
    for (table, change) in changes {
        run(sql, &format!("CREATE TEMP TABLE before AS TABLE {table}")).await;
        let done = sqlx::raw_sql(AssertSqlSafe(*change)).execute(&mut *sql).await;
        let changed = done.unwrap_or_else(|error| panic!("{change}: {error}")).rows_affected();
        assert!(changed > 0, "nothing to change: {change}");
        if !is_found(world).await {
            missed.push(*change);
        }
        run(
            sql,
            &format!("DELETE FROM {table}; INSERT INTO {table} TABLE before; DROP TABLE before"),
        )
        .await;
    }
    run(sql, "RESET session_replication_role").await;
    world.service.verify().await;
    missed
}

/// A value that cannot be read at all counts too: then the check itself fails.
async fn is_found(world: &World) -> bool {
    verify(&world.service.app.db, Some(&world.service.app.keys))
        .await
        .map_or(true, |report| !report.findings.is_empty())
}

/// Whoever can make the hashes anew as well still cannot make the decision.
#[tokio::test]
async fn a_forged_decision_with_hashes_that_fit_is_found() {
    let world = sample().await;
    let mut sql = world.service.sql().await;
    let last = sqlx::query(
        "SELECT seq, header, payload, prev_hash FROM ledger_log WHERE measure_code = 'VTA' \
         ORDER BY seq DESC LIMIT 1",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    let (header, payload): (Vec<u8>, Vec<u8>) = (last.get("header"), last.get("payload"));
    let payload = String::from_utf8(payload).unwrap();
    let (command, events) = payload.split_once("\"events\"").unwrap();
    let forged = format!("{command}\"events\"{}", events.replacen("9,", "8,", 1));
    assert_ne!(payload, forged, "there is something to forge");
    let hash = Sha256::new()
        .chain_update(b"tiltaksplass.log.v1\0")
        .chain_update(last.get::<Vec<u8>, _>("prev_hash"))
        .chain_update((header.len() as u64).to_be_bytes())
        .chain_update(&header)
        .chain_update(Sha256::digest(&forged))
        .finalize();
    sqlx::query(
        "UPDATE ledger_log SET payload = $1, hash = $2 WHERE measure_code = 'VTA' AND seq = $3",
    )
    .bind(forged.as_bytes())
    .bind(hash.as_slice())
    .bind(last.get::<i64, _>("seq"))
    .execute(&mut sql)
    .await
    .unwrap();
    sqlx::query("UPDATE ledger SET head_hash = $1 WHERE measure_code = 'VTA'")
        .bind(hash.as_slice())
        .execute(&mut sql)
        .await
        .unwrap();
    let report = verify(&world.service.app.db, Some(&world.service.app.keys)).await.unwrap();
    let found = report.findings.iter().any(|finding| finding.contains("recomputes"));
    assert!(found, "{:#?}", report.findings);
}

/// Columns beside a row's document: they decide who may see it and what is unique.
const COLUMNS: &[(&str, &str)] = &[
    ("entry", "UPDATE entry SET following_office_number = '5712'"),
    ("entry", "UPDATE entry SET municipality_number = '1612' WHERE state = 'PLACED'"),
    ("entry", "UPDATE entry SET order_time_us = 0 WHERE state = 'PLACED'"),
    ("entry", "UPDATE entry SET person_id = entry_id"),
    ("entry", "UPDATE entry SET adviser_digest = NULL WHERE adviser_digest IS NOT NULL"),
    ("entry", "UPDATE entry SET adviser_digest = 'x' WHERE adviser_digest IS NULL"),
    ("entry", "UPDATE entry SET deputy_digest = adviser_digest WHERE deputy_digest IS NOT NULL"),
    ("entry", "UPDATE entry SET deputy_until = deputy_until + 1 WHERE deputy_until IS NOT NULL"),
    ("entry", "UPDATE entry SET deputy_until = '2026-04-01' WHERE deputy_until IS NULL"),
    ("offer", "UPDATE offer SET state = 'EXPIRED' WHERE state = 'PROPOSED'"),
    ("offer", "UPDATE offer SET state = 'LAPSED' WHERE state = 'WITHDRAWN'"),
    ("offer", "UPDATE offer SET entry_id = offer_id"),
    ("entry", "UPDATE entry SET state = 'WAITING' WHERE state = 'CLOSED'"),
    ("placement", "UPDATE placement SET state = 'ENDED'"),
    ("placement", "UPDATE placement SET entry_id = placement_id"),
    ("place_group", "UPDATE place_group SET organisation_number = '100000016'"),
    ("capacity_submission", "UPDATE capacity_submission SET state = 'APPROVED'"),
    ("plan", "UPDATE plan SET plan_id = (SELECT entry_id FROM waiting LIMIT 1)"),
    ("ledger", "UPDATE ledger SET distribution = 'COUNTY_POOL' WHERE measure_code = 'VTA'"),
    ("ledger", "UPDATE ledger SET at = at + interval '1 year' WHERE measure_code = 'VTA'"),
    ("registry_row", "UPDATE registry_row SET natural_key = '9999' WHERE natural_key = '1612'"),
    ("waiting", "UPDATE waiting SET preferred = '{}' WHERE preferred <> '{}'"),
];

#[tokio::test]
async fn a_column_that_is_not_what_its_document_says_is_found() {
    let world = sample().await;
    let mut sql = world.service.sql().await;
    let missed = missed(&world, &mut sql, COLUMNS).await;
    assert!(missed.is_empty(), "nothing was found after {missed:#?}");
}

/// Rows of things that no log knows.
const STRAYS: &[(&str, &str)] = &[
    (
        "waiting",
        "INSERT INTO waiting SELECT county_id, measure_code, queue, order_time_us - 1, \
                 registered_time_us, join_seq, offer_id, municipality_number, '{}' \
                 FROM waiting JOIN offer USING (county_id, measure_code) LIMIT 1",
    ),
    (
        "entry",
        "INSERT INTO entry SELECT county_id, 'AVKLARING', entry_id, person_id, state, \
               municipality_number, following_office_number, order_time_us, registered_time_us, \
               join_seq, doc FROM entry",
    ),
    ("account", "INSERT INTO account VALUES ('NO-16', 'AVKLARING', 'POOL', 900, 0, 0, 900)"),
    (
        "schedule",
        "INSERT INTO schedule SELECT county_id, 'AVKLARING', due_at, kind, thing \
                  FROM schedule",
    ),
    (
        "registry_row",
        "INSERT INTO registry_row SELECT county_id, kind, natural_key, version + 1, \
                      doc FROM registry_row WHERE natural_key = '1612'",
    ),
];

#[tokio::test]
async fn a_row_that_no_log_knows_is_found() {
    let world = sample().await;
    let mut sql = world.service.sql().await;
    let missed = missed(&world, &mut sql, STRAYS).await;
    assert!(missed.is_empty(), "nothing was found after {missed:#?}");
}
