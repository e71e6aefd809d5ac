//! The program itself, as a process: what it prints, what it takes, how it ends, and
//! what is left when it is killed.

use std::{fs, process::ExitStatus, time::Duration};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use tiltaksplass::{
    app::{Clock, SystemClock},
    auth::LocalIssuer,
    cli::import::read_file,
    domain::access::Role,
    postgres::{self, DATABASE},
};

use crate::support::new_database;

mod accessed;
mod defaults;
mod dev;
mod killed;
mod place;
mod rotation;
mod starved;
mod steered;
mod test_issuer;

use place::{Place, Serving};

const DEMO_DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/demo/data");

#[tokio::test]
async fn a_token_is_one_line_that_verifies() {
    let place = Place::new();
    let told = place
        .run(&[
            "token",
            "--role",
            "office",
            "--org",
            "5701",
            "--subject",
            "kari",
            "--employer",
            "state",
        ])
        .await;
    assert!(told.status.success(), "{told:?}");
    let (token, rest) = told.out.split_once('\n').unwrap();
    assert_eq!((rest, told.err.as_str()), ("", ""));
    let issuer = LocalIssuer::load_or_create(&place.data().join("keys/issuer.key")).unwrap();
    let actor = issuer.verify(token, SystemClock.now().to_datetime()).unwrap().actor;
    assert_eq!((actor.role, actor.organisation.as_str()), (Role::Office, "5701"));
    assert_eq!(actor.subject, "kari");
    // The same folder gives tokens of the same issuer, and another folder does not.
    let again = place.token("county", "NO-16").await;
    assert!(issuer.verify(&again, SystemClock.now().to_datetime()).is_ok());
    let stranger = Place::new().token("county", "NO-16").await;
    assert!(issuer.verify(&stranger, SystemClock.now().to_datetime()).is_err());
    let refused = place.run(&["token", "--role", "king", "--org", "NO-16"]).await;
    assert_eq!((code(refused.status), refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("directorate, county, office"), "{}", refused.err);
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// The answer of `tiltaksplass import` of a folder.
async fn import(serving: &Serving, place: &Place, folder: &str) -> Value {
    let token = place.token("directorate", "NAV").await;
    let told = place.run(&["import", folder, "--addr", &serving.address, "--token", &token]).await;
    assert!(told.status.success(), "{told:?}");
    serde_json::from_str(&told.out).unwrap()
}

#[tokio::test]
async fn it_serves_imports_answers_and_ends_when_told() {
    let place = Place::new();
    let mut serving = place.serve(&[]).await;
    let first = import(&serving, &place, DEMO_DATA).await;
    let rows = first["addedRows"].as_u64().unwrap();
    assert!(rows > 200, "{first}");
    let again = import(&serving, &place, DEMO_DATA).await;
    assert_eq!(again["unchangedRows"], json!(rows), "{again}");
    let nothing = [Value::Null, json!(0)];
    for count in ["addedRows", "changedRows"] {
        assert!(nothing.contains(&again[count]), "{again}");
    }

    let token = place.token("county", "NO-16").await;
    let body = r#"{"ledger": {"countyId": "NO-16", "measureCode": "VTA"}}"#;
    let method = "CapacityService/GetAvailability";
    let call = ["call", method, "-d", body, "--addr", &serving.address, "--token", &token];
    let told = place.run(&call).await;
    assert!(told.status.success(), "{told:?}");
    let answer: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(answer["revisions"][0]["ledger"]["measureCode"], "VTA");
    let told = place.run(&call[..6]).await;
    assert_eq!((code(told.status), told.out.as_str()), (1, ""));
    assert!(told.err.contains("UNAUTHENTICATED"), "{}", told.err);

    let second = place.run(&["serve", "--listen", "127.0.0.1:0"]).await;
    assert_eq!((code(second.status), second.out.as_str()), (1, ""));
    assert!(second.err.contains("already running"), "{}", second.err);
    let listen = serving.address.trim_start_matches("http://").to_owned();
    let elsewhere = Place::new();
    let taken = elsewhere.run(&["serve", "--listen", &listen]).await;
    assert_eq!((code(taken.status), taken.out.as_str()), (1, ""));
    assert!(taken.err.contains("--listen"), "{}", taken.err);

    let well = place.run(&["verify"]).await;
    assert_eq!(code(well.status), 0, "{well:?}");
    assert!(well.out.ends_with("all is well\n"), "{}", well.out);

    let status = serving.terminate().await;
    assert_eq!(code(status), 0, "{}", serving.err());
    assert!(postgres::attach(&place.data()).is_none(), "its PostgreSQL has ended too");
    // What is checked needs no service; a folder without data is not made one.
    let well = place.run(&["verify"]).await;
    assert!(well.out.ends_with("all is well\n"), "{well:?}");
    let empty = elsewhere.run(&["verify"]).await;
    assert_eq!(code(empty.status), 1);
    assert!(empty.err.contains("there is no database"), "{}", empty.err);
}

#[tokio::test]
async fn a_bad_row_is_named_by_file_and_line_and_nothing_is_stored() {
    let place = Place::new();
    let mut serving = place.serve(&[]).await;
    let token = place.token("directorate", "NAV").await;
    let folder = place.data().join("csv");
    fs::create_dir(&folder).unwrap();
    let areas = "county_id,name\nNO-16,Sør-Trøndelag\n";
    let good = "municipality_number,name,county_id\n1601,Trondheim,NO-16\n";
    let import = async |municipalities: &str, weights: &str| {
        fs::write(folder.join("areas.csv"), areas).unwrap();
        fs::write(folder.join("municipalities.csv"), municipalities).unwrap();
        let header = "key_name,key_date,municipality_number,weight,source\n";
        fs::write(folder.join("distribution_weights.csv"), format!("{header}{weights}")).unwrap();
        let path = folder.to_str().unwrap();
        place.run(&["import", path, "--addr", &serving.address, "--token", &token]).await
    };
    let weight = "population,2011-01-01,1601,many,SSB\n";
    let cases = [
        // What the program itself cannot read.
        (good.to_owned(), weight.to_owned(), vec!["distribution_weights.csv:2", "weight"]),
        // What the service refuses: the form of a field, and what is not there.
        (format!("{good}16,Hemne,NO-16\n"), String::new(), vec!["municipalities.csv:3"]),
        (
            format!("{good}1612,Hemne,NO-99\n1613,Snillfjord,NO-99\n"),
            String::new(),
            vec!["municipalities.csv:3", "municipalities.csv:4"],
        ),
        (format!("{good}1612,Hemne\n"), String::new(), vec!["municipalities.csv", "line: 3"]),
    ];
    for (municipalities, weights, named) in cases {
        let told = import(&municipalities, &weights).await;
        assert_eq!((code(told.status), told.out.as_str()), (1, ""), "{told:?}");
        for name in named {
            assert!(told.err.contains(name), "{name}: {}", told.err);
        }
    }
    // The first import that is stored is the first version.
    let told = import(good, "").await;
    assert!(told.status.success(), "{told:?}");
    let answer: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&answer["revision"]["seq"], &answer["addedRows"]), (&json!("1"), &json!(2)));
    assert_eq!(code(serving.terminate().await), 0);
}

/// Lines are counted as an editor does, blank ones and those of Windows too.
#[test]
fn lines_are_counted_as_an_editor_does() {
    let first = "municipality_number,name,county_id\n1601,Trondheim,NO-16\n";
    for (text, line) in [
        (format!("{first}1612,Hemne,NO-16\n"), 3),
        (format!("{first}\n\n1612,Hemne,NO-16"), 5),
        (format!("{first}1613,\"Snill\nfjord\",NO-16\n1612,Hemne,NO-16\n"), 5),
    ] {
        for end in ["\n", "\r\n"] {
            let rows = read_file("municipalities.csv", &text.replace('\n', end)).unwrap();
            let last = format!("{:?}", rows.last().unwrap());
            let place = format!("municipalities.csv:{line}\"");
            assert!(last.contains(&place), "{text:?} with {end:?}: {last}");
        }
    }
}

#[tokio::test]
async fn it_ends_in_order_however_early_it_is_told() {
    let url = url(&new_database().await);
    let place = Place::new();
    for _ in 0..5 {
        let mut serving = place.serve(&["--database-url", &url]).await;
        let status = serving.terminate().await;
        assert_eq!(status.code(), Some(0), "{status}");
    }
}

/// A database as `--database-url` takes it.
fn url(database: &PgConnectOptions) -> String {
    let socket = database.get_socket().unwrap().display();
    let (user, port) = (database.get_username(), database.get_port());
    let name = database.get_database().unwrap();
    format!("postgres://{user}@localhost:{port}/{name}?host={socket}")
}

#[tokio::test]
async fn a_database_that_could_forget_is_refused() {
    let database = new_database().await;
    let name = database.get_database().unwrap();
    let url = url(&database);
    let place = Place::new();
    let mut serving = place.serve(&["--database-url", &url]).await;
    let well = place.run(&["call", "Health/Check", "--addr", &serving.address]).await;
    assert!(well.status.success(), "{well:?}");
    assert_eq!(code(serving.terminate().await), 0);
    let mut sql = PgConnection::connect_with(&database).await.unwrap();
    let off = AssertSqlSafe(format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    sqlx::raw_sql(off).execute(&mut sql).await.unwrap();
    let told = place.run(&["serve", "--listen", "127.0.0.1:0", "--database-url", &url]).await;
    assert_eq!((code(told.status), told.out.as_str()), (1, ""), "{told:?}");
    assert!(told.err.contains("synchronous_commit off"), "{}", told.err);
}

#[tokio::test]
async fn keys_of_another_database_are_refused() {
    let url = url(&new_database().await);
    let place = Place::new();
    let mut serving = place.serve(&["--database-url", &url]).await;
    assert_eq!(code(serving.terminate().await), 0);
    let stranger = Place::new();
    let told = stranger.run(&["serve", "--listen", "127.0.0.1:0", "--database-url", &url]).await;
    assert_eq!((code(told.status), told.out.as_str()), (1, ""), "{told:?}");
    assert!(told.err.contains("are not those of this database"), "{}", told.err);
    let mut serving = place.serve(&["--database-url", &url]).await;
    assert_eq!(code(serving.terminate().await), 0);
}

/// The embedded database of a service, as its owner.
async fn owner(place: &Place) -> PgConnection {
    let address = postgres::attach(&place.data()).expect("its PostgreSQL runs");
    let options = PgConnectOptions::new_without_pgpass()
        .socket(&address.socket_dir)
        .port(address.port)
        .username(&address.user)
        .database(DATABASE);
    PgConnection::connect_with(&options).await.unwrap()
}

/// How long anything the program is asked for may take.
const PATIENCE: Duration = Duration::from_secs(20);
