//! The tables as PostgreSQL has them: every key begins with the county, every role may
//! do what it must and no more, and the rules stand behind the program's own.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::support::new_database;

mod corruption;
mod one_county;
pub mod sample;

/// Keyed by person, since a person is one person in every area.
const OF_PERSONS: &[&str] = &["person", "person_claim", "person_former_number", "person_key"];

/// What each role may do with a table: letters as in PostgreSQL's own lists, `a`
/// (insert), `r` (select), `w` (update), `d` (delete). No role may truncate, refer to
/// a table from one of its own, or hang a trigger on it.
const RIGHTS: &[(&str, &str, &str)] = &[
    // table                 write   read
    ("_sqlx_migrations", "", ""),
    ("access_log", "a", "r"),
    ("access_recorder", "arw", "r"),
    ("account", "arw", "r"),
    ("capacity_submission", "arw", "r"),
    ("entry", "arw", "r"),
    ("external_reference", "ard", "r"),
    ("ledger", "arw", "r"),
    ("key_check", "ar", ""),
    ("key_holder", "arwd", ""),
    ("key_version", "ar", ""),
    ("ledger_answer", "ar", ""),
    ("ledger_log", "ar", "r"),
    ("offer", "arw", "r"),
    ("person", "ard", ""),
    ("person_claim", "arwd", "r"),
    ("person_former_number", "ar", ""),
    ("person_key", "ard", ""),
    ("place_group", "arw", "r"),
    ("placement", "arw", "r"),
    ("plan", "arw", "r"),
    ("queue", "arw", "r"),
    ("registry_row", "ar", "r"),
    ("schedule", "ard", "r"),
    ("waiting", "ard", "r"),
];

async fn connect() -> PgConnection {
    PgConnection::connect_with(&new_database().await).await.unwrap()
}

/// Runs statements that must succeed.
async fn run(sql: &mut PgConnection, statements: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(sql).await;
    done.unwrap_or_else(|error| panic!("{statements}: {error}"));
}

/// The SQLSTATE a statement is refused with; `None` where it is not.
async fn refusal(sql: &mut PgConnection, statement: &str) -> Option<String> {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(sql).await;
    let error = done.err()?;
    let error = error.as_database_error().unwrap_or_else(|| panic!("{statement}: {error}"));
    Some(error.code().unwrap_or_default().into_owned())
}

async fn tables(sql: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' \
         AND relnamespace = 'public'::regnamespace ORDER BY relname",
    )
    .fetch_all(sql)
    .await
    .unwrap()
}

/// The tables of ledgers, which are to lie with their county.
async fn tables_of_counties(sql: &mut PgConnection) -> Vec<String> {
    let others: BTreeSet<&str> = OF_PERSONS.iter().copied().chain(["_sqlx_migrations"]).collect();
    let tables = tables(sql).await;
    tables.into_iter().filter(|table| !others.contains(table.as_str())).collect()
}

/// Each unique key's and foreign key's name, table and first column.
async fn first_columns(sql: &mut PgConnection) -> Vec<(String, String, String)> {
    let rows = sqlx::query(
        "SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text, a.attname::text \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
         WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace \
         UNION ALL SELECT f.conname::text, f.conrelid::regclass::text, a.attname::text \
         FROM pg_constraint f \
         JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1] \
         WHERE f.contype = 'f' \
         UNION ALL SELECT f.conname::text || ' there', f.conrelid::regclass::text, a.attname::text \
         FROM pg_constraint f \
         JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = f.confkey[1] \
         WHERE f.contype = 'f'",
    )
    .fetch_all(sql)
    .await
    .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn every_key_begins_with_the_county() {
    let mut sql = connect().await;
    let of_counties = tables_of_counties(&mut sql).await;
    let keys = first_columns(&mut sql).await;
    let mut seen = BTreeSet::new();
    for (name, table, column) in keys.iter().filter(|(_, table, _)| of_counties.contains(table)) {
        assert_eq!(column, "county_id", "{name} of {table}");
        seen.insert(table.clone());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), of_counties, "a table without a key");
    // Each exception is one.
    for table in OF_PERSONS {
        let mut own = keys.iter().filter(|(_, of, _)| of == table);
        assert!(own.any(|(_, _, column)| column != "county_id"), "{table} is no exception");
    }
    // And the search finds what it should.
    run(&mut sql, "CREATE UNIQUE INDEX by_state ON entry (state, county_id)").await;
    let keys = first_columns(&mut sql).await;
    assert!(keys.contains(&("by_state".into(), "entry".into(), "state".into())));
}

#[tokio::test]
async fn every_table_can_be_divided_by_county() {
    let mut sql = connect().await;
    let of_counties = tables_of_counties(&mut sql).await;
    run(&mut sql, "CREATE SCHEMA divided").await;
    for table in &of_counties {
        divide(&mut sql, table).await;
    }
    let foreign: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT conname::text, conrelid::regclass::text, pg_get_constraintdef(oid) \
         FROM pg_constraint WHERE contype = 'f' ORDER BY 1",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    let mut kept = 0;
    for (name, table, definition) in foreign {
        if of_counties.contains(&table) {
            let definition = definition.replace("REFERENCES ", "REFERENCES divided.");
            run(
                &mut sql,
                &format!("ALTER TABLE divided.{table} ADD CONSTRAINT {name} {definition}"),
            )
            .await;
            kept += 1;
        }
    }
    assert!(kept >= 3, "only {kept} foreign keys were kept");
    // A key without the county cannot be divided: the trial tells.
    run(&mut sql, "CREATE TABLE wrong (county_id text, id uuid CONSTRAINT wrong_pk PRIMARY KEY)")
        .await;
    let statement = "CREATE TABLE divided.wrong (LIKE wrong INCLUDING ALL) \
                     PARTITION BY HASH (county_id)";
    assert_eq!(refusal(&mut sql, statement).await.as_deref(), Some("0A000"));
}

async fn divide(sql: &mut PgConnection, table: &str) {
    let parts: Vec<String> = (0..4)
        .map(|part| {
            format!(
                "CREATE TABLE divided.{table}_{part} PARTITION OF divided.{table} \
                 FOR VALUES WITH (MODULUS 4, REMAINDER {part});"
            )
        })
        .collect();
    let statements = format!(
        "CREATE TABLE divided.{table} (LIKE {table} INCLUDING ALL) PARTITION BY HASH (county_id); {}",
        parts.concat()
    );
    run(sql, &statements).await;
    let keys = "SELECT count(*) FROM pg_index WHERE indrelid = $1::regclass AND indisunique";
    let mut counts = Vec::new();
    for table in [table.to_owned(), format!("divided.{table}")] {
        let count: i64 = sqlx::query_scalar(keys).bind(table).fetch_one(&mut *sql).await.unwrap();
        counts.push(count);
    }
    assert_eq!(counts[0], counts[1], "{table} keeps its keys");
}

#[tokio::test]
async fn each_role_has_these_rights_and_no_more() {
    let mut sql = connect().await;
    let mut found: BTreeMap<String, (String, String)> = BTreeMap::new();
    for table in tables(&mut sql).await {
        let write = rights(&mut sql, "tiltaksplass_write", &table).await;
        let read = rights(&mut sql, "tiltaksplass_read", &table).await;
        found.insert(table, (write, read));
    }
    let expected = RIGHTS.iter().map(|(table, write, read)| {
        ((*table).to_owned(), ((*write).to_owned(), (*read).to_owned()))
    });
    assert_eq!(found, expected.collect());
    for role in ["tiltaksplass_write", "tiltaksplass_read"] {
        run(&mut sql, &format!("SET ROLE {role}")).await;
        assert_eq!(refusal(&mut sql, "CREATE TABLE mine ()").await.as_deref(), Some("42501"));
        run(&mut sql, "RESET ROLE").await;
    }
}

/// By asking for each right, not by reading a list of grants: what a role has through
/// another role or through everybody counts too.
async fn rights(sql: &mut PgConnection, role: &str, table: &str) -> String {
    let kinds = [
        ("INSERT", "a"),
        ("SELECT", "r"),
        ("UPDATE", "w"),
        ("DELETE", "d"),
        ("TRUNCATE", "D"),
        ("REFERENCES", "x"),
        ("TRIGGER", "t"),
    ];
    let mut rights = String::new();
    for (kind, letter) in kinds {
        let has: bool = sqlx::query_scalar("SELECT has_table_privilege($1, $2::regclass, $3)")
            .bind(role)
            .bind(table)
            .bind(kind)
            .fetch_one(&mut *sql)
            .await
            .unwrap();
        rights.push_str(if has { letter } else { "" });
    }
    rights
}

#[tokio::test]
async fn nobody_who_serves_may_change_a_log_or_read_who_someone_is() {
    let mut sql = connect().await;
    run(&mut sql, "SET ROLE tiltaksplass_write").await;
    let refused = [
        "UPDATE ledger_log SET kind = kind",
        "DELETE FROM ledger_log",
        "TRUNCATE ledger_log",
        "UPDATE registry_row SET doc = doc",
        "DELETE FROM registry_row",
        "TRUNCATE registry_row",
        "SELECT count(*) FROM access_log",
        "UPDATE access_log SET purpose = ''",
        "DELETE FROM access_log",
        "TRUNCATE access_log",
        "UPDATE ledger_answer SET fingerprint = ''",
        "UPDATE person SET person_id = person_id",
        "UPDATE person_key SET person_id = person_id",
        "UPDATE person_former_number SET person_id = person_id",
        "DELETE FROM person_former_number",
        "UPDATE key_version SET key_version = 1",
        "DELETE FROM key_version",
        "DELETE FROM ledger",
        "DELETE FROM entry",
        "DELETE FROM account",
        "ALTER TABLE ledger_log DROP CONSTRAINT ledger_log_pk",
    ];
    for statement in refused {
        assert_eq!(refusal(&mut sql, statement).await.as_deref(), Some("42501"), "{statement}");
    }
    run(&mut sql, "RESET ROLE; SET ROLE tiltaksplass_read").await;
    let refused = [
        "SELECT identity FROM person",
        "SELECT data_key FROM person",
        "SELECT * FROM person",
        "SELECT hmac FROM person_key",
        "SELECT identity FROM person_former_number",
        "SELECT p FROM person p",
        "SELECT 1 FROM person_key WHERE hmac = ''",
        "UPDATE access_log SET purpose = ''",
        "UPDATE access_recorder SET number = 1",
        "SELECT response FROM ledger_answer",
        "COPY person TO STDOUT",
    ];
    for statement in refused {
        assert_eq!(refusal(&mut sql, statement).await.as_deref(), Some("42501"), "{statement}");
    }
    run(&mut sql, "SELECT person_id FROM person; SELECT person_id FROM person_key").await;
    run(&mut sql, "RESET ROLE").await;
    for table in tables(&mut sql).await {
        run(&mut sql, "SET ROLE tiltaksplass_read").await;
        for statement in [
            format!("INSERT INTO {table} DEFAULT VALUES"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let code = refusal(&mut sql, &statement).await;
            assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        }
        run(&mut sql, "RESET ROLE").await;
    }
}

#[tokio::test]
async fn an_account_cannot_be_overused() {
    let mut sql = connect().await;
    let account = |limit: i64, reserved: i64, in_use: i64, ceiling: i64| {
        format!(
            "INSERT INTO account VALUES ('NO-16', 'VTA', 'POOL', {limit}, {reserved}, {in_use}, \
             {ceiling})"
        )
    };
    let refused = [
        account(100, 60, 50, 100),
        account(100, 60, 50, 120),
        account(100, -10, 50, 100),
        account(100, 0, -1, 100),
        account(-100, 0, 0, 0),
        account(100, 0, 0, 200),
    ];
    for statement in refused {
        assert_eq!(refusal(&mut sql, &statement).await.as_deref(), Some("23514"), "{statement}");
    }
    run(&mut sql, &account(100, 60, 40, 100)).await;
    let more = "UPDATE account SET reserved_percent = reserved_percent + 1";
    assert_eq!(refusal(&mut sql, more).await.as_deref(), Some("23514"));
    // Lowered below what is in use, it is over and takes nothing more.
    run(&mut sql, "UPDATE account SET limit_percent = 50, ceiling_percent = 100").await;
    assert_eq!(refusal(&mut sql, more).await.as_deref(), Some("23514"));
    run(&mut sql, "UPDATE account SET reserved_percent = 30, ceiling_percent = 70").await;
    assert_eq!(refusal(&mut sql, more).await.as_deref(), Some("23514"));
}

#[tokio::test]
async fn a_second_open_entry_offer_placement_or_claim_is_refused() {
    let mut sql = connect().await;
    let id = |n: u32| format!("'00000000-0000-7000-8000-{n:012}'");
    let entry = |n: u32, person: u32, state: &str| {
        let (entry, person) = (id(n), id(person));
        format!(
            "INSERT INTO entry VALUES ('NO-16', 'VTA', {entry}, {person}, '{state}', '1601', \
             '5701', 0, 0, {n}, '{{}}')"
        )
    };
    let held = |table: &str, n: u32, entry: u32, state: &str| {
        let (id, entry) = (id(n), id(entry));
        format!("INSERT INTO {table} VALUES ('NO-16', 'VTA', {id}, {entry}, '{state}', '{{}}')")
    };
    run(&mut sql, &entry(1, 1, "WAITING")).await;
    for state in ["WAITING", "PROPOSED", "OFFERED", "ACCEPTED", "PLACED"] {
        let code = refusal(&mut sql, &entry(2, 1, state)).await;
        assert_eq!(code.as_deref(), Some("23505"), "{state}");
    }
    run(&mut sql, &entry(3, 1, "CLOSED")).await;
    run(&mut sql, &held("offer", 10, 1, "PROPOSED")).await;
    for state in ["PROPOSED", "OFFERED", "ACCEPTED"] {
        let code = refusal(&mut sql, &held("offer", 11, 1, state)).await;
        assert_eq!(code.as_deref(), Some("23505"), "{state}");
    }
    run(&mut sql, &held("offer", 12, 1, "DECLINED")).await;
    run(&mut sql, &held("placement", 20, 1, "RUNNING")).await;
    for state in ["RUNNING", "ENDING"] {
        let code = refusal(&mut sql, &held("placement", 21, 1, state)).await;
        assert_eq!(code.as_deref(), Some("23505"), "{state}");
    }
    run(&mut sql, &held("placement", 22, 1, "ENDED")).await;
    // An offer or placement of nobody.
    for table in ["offer", "placement"] {
        let code = refusal(&mut sql, &held(table, 30, 99, "ENDED")).await;
        assert_eq!(code.as_deref(), Some("23503"), "{table}");
    }
    let person = id(1);
    run(&mut sql, &format!("INSERT INTO person VALUES ({person}, '', '')")).await;
    let claim = |county: &str| {
        format!("INSERT INTO person_claim VALUES ({person}, 'VTA', '{county}', NULL)")
    };
    run(&mut sql, &claim("NO-16")).await;
    assert_eq!(refusal(&mut sql, &claim("NO-17")).await.as_deref(), Some("23505"));
}
