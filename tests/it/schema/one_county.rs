//! A statement about a ledger stays with its county: over tables that are divided by it,
//! each plan touches one part. What looks at all counties is named here, with the reason.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::{connect, divide, run, tables_of_counties};
use crate::tidy::source::{File, files};

/// Statements over all counties, and why they may be.
const ALL_COUNTIES: &[(&str, &str)] = &[
    ("access_chain_ends", "the check of a whole database"),
    ("answers_page", "the check of a whole database"),
    ("stray_answers", "the check of a whole database"),
    ("strays", "the check of a whole database"),
    ("budgets_of_ledgers", "the directorate's list over all areas"),
    ("entries_of_person", "a person's entries lie where the person has waited"),
    ("placements_of_person", "a person's placements lie where the person has waited"),
    ("list_ledgers", "an area's ledgers, or all for the check"),
    ("ledgers_with_something_due", "the worker's look for what is due anywhere"),
    ("accesses_page", "a person's accesses lie in several areas, an auditor's list in all"),
    ("accesses_of_period", "an auditor reviews all areas"),
    ("entry_ids_of_person", "a person's entries lie where the person has waited"),
    ("people_of_entries", "the accesses of an auditor's list lie in all areas"),
    ("retire_answers", "the worker forgets old answers everywhere"),
];

/// A value of each type that statements ask for.
fn sample(type_name: &str) -> &'static str {
    match type_name {
        "text" => "'NO-16'",
        "text[]" => "'{NO-16}'",
        "uuid" => "'01890a5d-ac96-774b-bcce-b302099a8057'",
        "uuid[]" => "'{01890a5d-ac96-774b-bcce-b302099a8057}'",
        "bigint" | "integer" => "1",
        "bigint[]" | "integer[]" => "'{1}'",
        "timestamp with time zone" => "'2026-03-02T09:00:00Z'",
        "timestamp with time zone[]" => "'{2026-03-02T09:00:00Z}'",
        "bytea" => "'\\x00'",
        "bytea[]" => "'{}'",
        "jsonb" => "'{}'",
        "jsonb[]" => "'{}'",
        "boolean" => "true",
        "date" => "'2026-03-02'",
        "date[]" => "'{2026-03-02}'",
        other => panic!("a sample of {other} is missing"),
    }
}

/// The name and text of each whole statement of the store; those that are put together of
/// pieces are rows to be inserted, each of which names its county.
fn statements() -> BTreeMap<String, String> {
    let whole = |text: &str| {
        let (name, body) = text.strip_prefix("-- ")?.split_once('\n')?;
        let complete = !body.starts_with("INSERT") || body.contains("VALUES (");
        let planned = ["SELECT", "WITH", "UPDATE", "DELETE", "INSERT"];
        let planned = planned.iter().any(|verb| body.starts_with(verb));
        (complete && planned).then(|| (name.to_owned(), body.to_owned()))
    };
    files("src/store", ".rs").iter().flat_map(File::texts).filter_map(whole).collect()
}

/// The tables of which a statement's plan touches more than one part, with every parameter
/// given and with those that may be left out left out.
async fn spread(sql: &mut PgConnection, statement: &str) -> BTreeSet<String> {
    let mut tables = parts_of(sql, statement, &BTreeSet::new()).await;
    let optional: BTreeSet<usize> = statement
        .split('$')
        .filter_map(|after| {
            let (name, rest) = after.split_once("::")?;
            let (_, rest) = rest.split_once(' ')?;
            rest.starts_with("IS NULL").then(|| name.parse().ok())?
        })
        .collect();
    if !optional.is_empty() {
        tables.extend(parts_of(sql, statement, &optional).await);
    }
    tables
}

async fn parts_of(
    sql: &mut PgConnection,
    statement: &str,
    left_out: &BTreeSet<usize>,
) -> BTreeSet<String> {
    run(sql, &format!("PREPARE tried AS {statement}")).await;
    let types: Vec<String> = sqlx::query_scalar(
        "SELECT t::text FROM pg_prepared_statements, unnest(parameter_types) WITH ORDINALITY u(t, n) \
         WHERE name = 'tried' ORDER BY n",
    )
    .fetch_all(&mut *sql)
    .await
    .unwrap();
    let value = |(index, name): (usize, &String)| {
        if left_out.contains(&(index + 1)) { "NULL" } else { sample(name) }
    };
    let values: Vec<&str> = types.iter().enumerate().map(value).collect();
    let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    let plan = AssertSqlSafe(format!("EXPLAIN EXECUTE tried{values}"));
    let rows = sqlx::raw_sql(plan).fetch_all(&mut *sql).await.unwrap();
    run(sql, "DEALLOCATE tried").await;
    let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let line: String = row.get(0);
        // What follows the name is an alias, which may look like a part's.
        let name = line.split_once(" on ").and_then(|(_, rest)| rest.split_whitespace().next());
        if let Some((table, part)) = name.and_then(|name| name.rsplit_once('_'))
            && ["0", "1", "2", "3"].contains(&part)
        {
            parts.entry(table.to_owned()).or_default().insert(part.to_owned());
        }
    }
    parts.into_iter().filter(|(_, parts)| parts.len() > 1).map(|(table, _)| table).collect()
}

#[tokio::test]
async fn each_statement_stays_with_its_county() {
    let mut sql = connect().await;
    run(&mut sql, "CREATE SCHEMA divided").await;
    for table in tables_of_counties(&mut sql).await {
        divide(&mut sql, &table).await;
    }
    run(&mut sql, "SET search_path = divided, public; SET plan_cache_mode = force_custom_plan")
        .await;
    let statements = statements();
    assert!(statements.len() > 40, "only {} statements were found", statements.len());
    let mut wrong = Vec::new();
    let mut spreads = BTreeSet::new();
    for (name, statement) in &statements {
        let tables = spread(&mut sql, statement).await;
        if !tables.is_empty() {
            spreads.insert(name.as_str());
            if !ALL_COUNTIES.iter().any(|(known, _)| known == name) {
                wrong.push(format!("{name} touches more than one part of {tables:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // And the search finds what it should.
    assert!(!spread(&mut sql, "SELECT FROM entry WHERE entry_id = $1").await.is_empty());
    for (name, _) in ALL_COUNTIES {
        assert!(spreads.contains(name), "{name} is no exception, or is gone");
    }
}
