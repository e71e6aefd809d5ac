//! SQL stands in one place, has a name, takes its time from the program, and names
//! what it promises.

use std::collections::BTreeMap;

use super::{
    assert_kept,
    source::{File, files},
};

/// How a statement begins.
const VERBS: &str = "ALTER BEGIN CALL COMMIT COPY CREATE DELETE DO DROP EXPLAIN GRANT INSERT \
                     LISTEN LOCK MERGE NOTIFY REVOKE ROLLBACK SAVEPOINT SELECT SET TRUNCATE \
                     UPDATE VACUUM VALUES WITH";
/// The embedded server's own database is made by `postgres --single`, before there is
/// anyone to connect to.
const SINGLE_USER: (&str, &str) = ("src/postgres/cluster.rs", "CREATE DATABASE {DATABASE}\n");
/// The database's clock is asked for one thing: how far the service's own is off it.
const CLOCKS_COMPARED: &str = "-- database_time\nSELECT clock_timestamp()";
/// What makes times and ids where nobody can repeat them.
const NOT_REPEATABLE: &[&str] = &[
    "now",
    "clock_timestamp",
    "current_date",
    "current_time",
    "current_timestamp",
    "gen_random_uuid",
    "localtime",
    "localtimestamp",
    "nextval",
    "random",
    "statement_timestamp",
    "timeofday",
    "transaction_timestamp",
    "uuid_generate_v4",
];

#[test]
fn queries_stand_in_the_store() {
    assert_kept(
        queries,
        &files("src", ".rs"),
        &[
            ("src/write/batch.rs", "fn f() { sqlx::query(\"-- f\\nSELECT 1\"); }"),
            ("src/grpc/mod.rs", "use sqlx::{Row, query_scalar};"),
            ("src/verify.rs", "use sqlx::QueryBuilder;"),
            ("src/cli/serve.rs", "fn f() { sqlx::raw_sql(x); }"),
            ("src/app.rs", "fn f() { c.execute(\"DELETE FROM entry\"); }"),
            ("src/app.rs", "fn f() { sqlx::query_as!(T, \"x\"); }"),
            ("src/postgres/cluster.rs", "fn f() { c.execute(\"CREATE TABLE x ()\"); }"),
        ],
    );
}

fn queries(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| !file.path.starts_with("src/store/")) {
        let asks = |path: &Vec<String>| {
            let of_sqlx = path[0] == "sqlx";
            let query = |part: &String| part.starts_with("query") || part == "raw_sql";
            of_sqlx && path.iter().any(query) || path.iter().any(|part| part == "QueryBuilder")
        };
        if file.paths().iter().any(asks) {
            problems.push(format!("{} asks the database by itself", file.path));
        }
        for text in file.texts().filter(|text| is_statement(text)) {
            if (file.path.as_str(), text) != SINGLE_USER {
                problems.push(format!("{} has SQL: {text}", file.path));
            }
        }
    }
    problems
}

/// Whether a text is a statement, with or without its name.
fn is_statement(text: &str) -> bool {
    let text = text.trim_start();
    let body = match text.strip_prefix("--") {
        Some(named) => named.split_once('\n').map_or("", |(_, body)| body.trim_start()),
        None => text,
    };
    let verb = body.split(|c: char| !c.is_ascii_uppercase()).next().unwrap_or("");
    let rest = &body[verb.len()..];
    VERBS.split(' ').any(|known| known == verb)
        && (rest.is_empty() || rest.starts_with([' ', '\n']))
}

#[test]
fn each_statement_has_a_name_of_its_own() {
    assert_kept(
        names,
        &files("src", ".rs"),
        &[
            ("src/store/a.rs", "fn f() { sqlx::query(\"SELECT 1\"); }"),
            ("src/store/a.rs", "const A: &str = \"-- Not a name\\nSELECT 1\";"),
            ("src/store/a.rs", "const A: &str = \"--a\\nSELECT 1\";"),
            ("src/store/a.rs", "fn f() { QueryBuilder::<Postgres>::new(\"INSERT INTO a \"); }"),
            ("src/store/a.rs", "fn f() { sqlx::query(\"-- a\\n ROLLBACK\"); }"),
            ("src/store/a.rs", "fn f() { sqlx::query(\"\\nSELECT 1\"); }"),
            (
                "src/store/a.rs",
                "const A: &str = \"-- a\\nSELECT 1\"; const B: &str = \"-- a\\nSELECT 2\";",
            ),
        ],
    );
    let named = files("src/store", ".rs");
    let count = named.iter().flat_map(File::texts).filter(|text| is_statement(text)).count();
    assert!(count > 40, "only {count} statements were found");
}

fn names(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for file in files {
        for text in file.texts().filter(|text| is_statement(text)) {
            if (file.path.as_str(), text) == SINGLE_USER {
                continue;
            }
            let Some(name) = name(text) else {
                problems.push(format!("{}: no name: {text}", file.path));
                continue;
            };
            if let Some(other) = known.insert(name, &file.path) {
                problems.push(format!("{}: {name} is a statement of {other} too", file.path));
            }
        }
    }
    problems
}

/// The name in a statement's first line, which the next follows at once.
fn name(text: &str) -> Option<&str> {
    let (name, body) = text.strip_prefix("-- ")?.split_once('\n')?;
    let sound = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    (sound && !name.is_empty() && !body.starts_with(' ')).then_some(name)
}

#[test]
fn times_and_ids_come_from_the_program() {
    let mut all = files("src/store", ".rs");
    all.extend(files("migrations", ".sql"));
    assert_kept(
        repeatable,
        &all,
        &[
            ("src/store/a.rs", "const A: &str = \"-- a\\nSELECT now()\";"),
            ("src/store/a.rs", "const A: &str = \"-- a\\nSELECT NOW ( )\";"),
            ("src/store/a.rs", "fn f() { query.push(\" VALUES (CURRENT_TIMESTAMP)\"); }"),
            ("migrations/1.sql", "CREATE TABLE a (at timestamptz DEFAULT Current_Timestamp);"),
            ("migrations/1.sql", "CREATE TABLE a (id uuid DEFAULT gen_random_uuid());"),
            ("migrations/1.sql", "SELECT pg_catalog.now();"),
        ],
    );
}

fn repeatable(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files {
        let text = if file.is("sql") {
            file.text.clone()
        } else {
            let texts = file.texts().filter(|text| *text != CLOCKS_COMPARED);
            texts.collect::<Vec<_>>().join("\n")
        };
        let words = words(&text);
        let found = words.iter().filter(|word| NOT_REPEATABLE.contains(&word.as_str()));
        problems.extend(found.map(|word| format!("{} has {word}", file.path)));
    }
    problems
}

#[test]
fn each_constraint_has_a_name() {
    assert_kept(
        constraints,
        &files("migrations", ".sql"),
        &[
            ("migrations/1.sql", "CREATE TABLE a (id uuid PRIMARY KEY);"),
            ("migrations/1.sql", "CREATE TABLE a (id uuid, PRIMARY KEY (id));"),
            ("migrations/1.sql", "CREATE TABLE a (id uuid UNIQUE);"),
            ("migrations/1.sql", "CREATE TABLE a (n int CHECK (n > 0));"),
            ("migrations/1.sql", "CREATE TABLE a (b uuid REFERENCES b (id));"),
            ("migrations/1.sql", "CREATE TABLE a (b uuid, FOREIGN KEY (b) REFERENCES b (id));"),
            ("migrations/1.sql", "CREATE TABLE a (CONSTRAINT n CHECK (b), n int check (n > 0));"),
            ("migrations/1.sql", "CREATE UNIQUE INDEX ON a (b);"),
            ("migrations/1.sql", "ALTER TABLE a ADD EXCLUDE USING gist (b WITH &&);"),
        ],
    );
}

/// After `CONSTRAINT name`, and nowhere else.
fn constraints(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files {
        let words = words(&file.text);
        let before = |at: usize, back: usize| {
            at.checked_sub(back).and_then(|at| words.get(at)).map_or("", String::as_str)
        };
        for (at, word) in words.iter().enumerate() {
            let sound = match word.as_str() {
                "unique" if before(at, 1) == "create" => {
                    before(at + 3, 1) != "on" && before(at + 2, 1) == "index"
                }
                "primary" | "unique" | "check" | "foreign" | "exclude" => {
                    before(at, 2) == "constraint"
                }
                // The columns of a foreign key stand between it and what it refers to.
                "references" => words[..at].iter().rev().take(12).any(|word| word == "foreign"),
                _ => true,
            };
            if !sound {
                let around = words[at.saturating_sub(3)..(at + 3).min(words.len())].join(" ");
                problems.push(format!("{}: a constraint without a name: {around}", file.path));
            }
        }
    }
    problems
}

/// The words of SQL in small letters, without comments and texts.
fn words(sql: &str) -> Vec<String> {
    let lines: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or("")).collect();
    let without_comments = lines.join(
        "
",
    );
    let mut words = Vec::new();
    for (part, outside) in without_comments.split('\'').zip([true, false].into_iter().cycle()) {
        if outside {
            let found = part.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            words.extend(found.filter(|word| !word.is_empty()).map(str::to_lowercase));
        }
    }
    words
}
