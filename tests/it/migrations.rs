//! Forward only: what a released version has stored is there, and right, after every later
//! migration, and a migration that was released is never edited.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sqlx::{Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use tiltaksplass::{domain::access::Role, keys::Keys, proto::v1::*, store::migrate::migrate};
use tokio_stream::StreamExt;

use crate::{
    schema::sample::sample_on,
    support::{Service, bare_database, limits, new_database, reason, set_ids_apart},
    world::{COUNTY, OFFICE, World, join, vta},
};

/// The migrations that data somewhere may have gone through, by the SHA-384 of their files.
/// A mistake in one is mended by a later one. A release adds its own to the list.
#[rustfmt::skip]
const RELEASED: &[(i64, &str)] = &[
    (1, "244510de620e031870fed6a40a92f04104675bb29780c62f60ec62791a2048278228e404a2e97fc6c04b1915528fcfa9"),
    (2, "75a68ae08dc9b935662635c90ed566d1d6fd8cb5b2e4f543dea76216f5f3dfcb7519ea0cfac7a021ec380269a74b2608"),
    (3, "0d804bfff1d6ac240a7ab8cde7f2122c3ba53ac1e4e92a4ec4bf68aab472e202c5de0d810d83a772c05e4f1a989fc969"),
    (4, "f441d8adcfdb063adb0a949b4d6db457a25cd54b4e13f911aeae5c0e5b0b847399768867e575f2487458613244579ce9"),
    (5, "d299643fd867039d4636700014e584f6a6020b5414ab4d517df6315f204adddd28fe039b20f2a7e0c7a8102cf2184f95"),
    (6, "7215a82580378dca2b6d579704a5812d68841031d46ffa82b0a3694f4e5eb4930e7278946c69587d1d9232f41d450302"),
];

/// The schema whose sample rows are kept, in `tests/data/schema`: `VERSION.sql`, and
/// `VERSION.keys.json`, which opens them. They were stored by the service of that version, by
/// `sample_rows_are_a_whole_database`.
const SAMPLE_VERSION: i64 = 6;
/// How many people the sample's waitlist has had.
const SAMPLE_PEOPLE: usize = 7;

async fn migrator() -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    Migrator::new(folder).await.unwrap()
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/schema").join(file)
}

#[tokio::test]
async fn released_migrations_are_never_edited() {
    let migrator = migrator().await;
    let found: Vec<(i64, String)> =
        migrator.iter().map(|one| (one.version, hex::encode(&one.checksum))).collect();
    let released: Vec<(i64, String)> =
        RELEASED.iter().map(|(version, sum)| (*version, (*sum).to_owned())).collect();
    let (old, new) = found.split_at(released.len().min(found.len()));
    assert_eq!(old, released, "a released migration was edited, removed, or put behind a new one");
    let last = RELEASED.last().map_or(0, |(version, _)| *version);
    assert!(new.iter().all(|(version, _)| *version > last), "{new:?}");
}

/// One table's rows, as `COPY` has them.
struct TableRows<'a> {
    table: &'a str,
    columns: &'a str,
    rows: &'a str,
}

/// What the file holds, in its order: the parents first.
fn sample_rows(text: &str) -> Vec<TableRows<'_>> {
    let sections = text.split("\nCOPY ").skip(1).map(|section| {
        let (head, rows) = section.split_once(" FROM stdin;\n").unwrap();
        let (table, columns) = head.split_once(' ').unwrap();
        let rows = rows.split_once("\\.\n").unwrap().0;
        TableRows { table, columns, rows }
    });
    sections.collect()
}

/// Puts rows into the tables that are there; answers the others.
async fn put_in<'a>(sql: &mut PgConnection, all: Vec<TableRows<'a>>) -> Vec<TableRows<'a>> {
    let mut left = Vec::new();
    for one in all {
        let TableRows { table, columns, rows } = one;
        let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(table)
            .fetch_one(&mut *sql)
            .await
            .unwrap();
        if !exists {
            left.push(one);
            continue;
        }
        let statement = format!("COPY {table} {columns} FROM STDIN");
        let mut copy = sql.copy_in_raw(&statement).await.unwrap();
        copy.send(rows.as_bytes()).await.unwrap();
        copy.finish().await.unwrap_or_else(|error| panic!("{table}: {error}"));
    }
    left
}

/// A database on which the migrations were run until this one, with the sample rows in it as
/// early as their tables were there.
async fn database_at(version: i64, sample: &str) -> PgConnectOptions {
    let database = bare_database().await;
    let migrator = migrator().await;
    let mut sql = PgConnection::connect_with(&database).await.unwrap();
    migrator.run_to(version.min(SAMPLE_VERSION), &mut sql).await.unwrap();
    let left = put_in(&mut sql, sample_rows(sample)).await;
    migrator.run_to(SAMPLE_VERSION, &mut sql).await.unwrap();
    assert!(put_in(&mut sql, left).await.is_empty(), "rows of a table that never was");
    migrator.run_to(version.max(SAMPLE_VERSION), &mut sql).await.unwrap();
    sql.close().await.unwrap();
    database
}

/// A folder with the keys that open the sample rows.
fn keys() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("main.json");
    fs::copy(data(&format!("{SAMPLE_VERSION:04}.keys.json")), &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

#[tokio::test]
async fn rows_of_every_schema_are_served_by_the_newest() {
    let sample = fs::read_to_string(data(&format!("{SAMPLE_VERSION:04}.sql"))).unwrap();
    let versions: Vec<i64> = migrator().await.iter().map(|one| one.version).collect();
    assert!(versions.contains(&SAMPLE_VERSION), "{versions:?}");
    for version in versions {
        let database = database_at(version, &sample).await;
        migrate(&database).await.unwrap_or_else(|error| panic!("on from {version}: {error}"));
        let mut service = Service::start_with_keys(database, keys()).await;
        service.verify().await;
        serves(&service).await;
        service.verify().await;
        service.stop().await;
    }
}

/// The rows are found, people are known again, and more can be added.
async fn serves(service: &Service) {
    let office = service.caller(Role::Office, OFFICE).await;
    let county = service.caller(Role::County, COUNTY).await;
    let mut found = 0;
    for state in
        [EntryState::Waiting, EntryState::Proposed, EntryState::Offered, EntryState::Placed]
    {
        let request = ListWaitlistEntriesRequest {
            ledger: Some(vta()),
            state: state.into(),
            ..ListWaitlistEntriesRequest::default()
        };
        let page = office.waitlist().list_waitlist_entries(request).await.unwrap().into_inner();
        assert!(!page.entries.is_empty(), "nobody is {state:?}");
        found += page.entries.len();
    }
    assert_eq!(found, SAMPLE_PEOPLE);
    let again = office.waitlist().join_waitlist(join(&vta(), 5)).await.unwrap_err();
    assert_eq!(reason(&again), "PERSON_ALREADY_WAITING");
    let joined = office.waitlist().join_waitlist(join(&vta(), 8)).await.unwrap().into_inner();
    let position = GetPositionRequest {
        ledger: Some(vta()),
        entry_id: joined.entry_id,
        at_least_seq: joined.revision.unwrap().seq,
        ..GetPositionRequest::default()
    };
    let position = county.waitlist().get_position(position).await.unwrap().into_inner();
    assert_eq!(position.state(), EntryState::Waiting);
    assert!(position.position_in_area > 1);
}

/// What is written down of a database is all of it: put into another, it comes out the same.
/// A release that changes the schema sets `SAMPLE_VERSION` to its last migration and runs this
/// alone with `UPDATE_GOLDEN=1`, which takes the rows of this very version in.
#[tokio::test]
async fn sample_rows_are_a_whole_database() {
    let is_update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if is_update {
        // Ids that no other test makes on top of them.
        set_ids_apart();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.json");
    let keys = Keys::load_or_create(&path).unwrap();
    let service = Service::start_in(new_database().await, keys, limits()).await;
    let mut world = sample_on(World::on(service).await).await;
    world.service.stop().await;
    let rows = rows_of(&mut world.service.sql().await).await;
    let copy = bare_database().await;
    migrate(&copy).await.unwrap();
    let mut sql = PgConnection::connect_with(&copy).await.unwrap();
    assert!(put_in(&mut sql, sample_rows(&rows)).await.is_empty());
    let back = rows_of(&mut sql).await;
    let differ = back.lines().zip(rows.lines()).find(|(one, other)| one != other);
    assert_eq!(differ, None);
    assert_eq!(back.len(), rows.len());
    let newest = migrator().await.iter().map(|one| one.version).max();
    if is_update && newest == Some(SAMPLE_VERSION) {
        fs::create_dir_all(data("")).unwrap();
        fs::copy(path, data(&format!("{SAMPLE_VERSION:04}.keys.json"))).unwrap();
        fs::write(data(&format!("{SAMPLE_VERSION:04}.sql")), rows).unwrap();
    }
}

/// The rows of all tables, as `psql` would take them.
async fn rows_of(sql: &mut PgConnection) -> String {
    // Tables in the order they were created in, so parents before children.
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.relname::text, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) \
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
         AND NOT a.attisdropped \
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace \
         AND c.relname <> '_sqlx_migrations' GROUP BY c.oid, c.relname ORDER BY c.oid",
    )
    .fetch_all(&mut *sql)
    .await
    .unwrap();
    let mut text = format!(
        "-- The rows of a small county of made-up people, as schema {SAMPLE_VERSION} has them.\n"
    );
    for (table, columns) in tables {
        text.extend(["\nCOPY ", &table, " (", &columns, ") FROM stdin;\n"]);
        // In an order of their own: that of the pages depends on where there was room.
        let rows = format!("SELECT * FROM {table} one ORDER BY one::text");
        let statement = format!("COPY ({rows}) TO STDOUT");
        let mut rows = sql.copy_out_raw(&statement).await.unwrap();
        while let Some(piece) = rows.next().await {
            text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        text.push_str("\\.\n");
    }
    text
}
