//! The embedded PostgreSQL as an operator meets it: first start, restart, kill -9, two at once, and the
//! folders it must refuse. Each test has a data folder of its own; all of them work as root and otherwise.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};
use tempfile::TempDir;
use tiltaksplass::postgres::{self, Embedded, EmbeddedError, Settings, SocketAddress};

/// Names the data folder of a service that [`serves_until_killed`] shall be.
const SERVE: &str = "TILTAKSPLASS_TEST_SERVE";
/// What that service prints when it is ready.
const READY: &str = "the embedded server is ready";
/// No test waits longer than this for a server that shall end.
const PATIENCE_STEPS: u32 = 500;
const STEP: Duration = Duration::from_millis(10);

#[tokio::test]
async fn data_outlives_a_restart_and_a_move() {
    let mut place = Place::new();
    // What a first start leaves that was interrupted: it must not be in the way of this one.
    let unfinished = place.data.join("data.init.1");
    fs::create_dir_all(unfinished.join("base")).expect("unfinished folder");
    let first = place.start().await.expect("first start");
    assert!(!unfinished.exists());
    assert_eq!(postgres::attach(&place.data), Some(first.address().clone()));
    write_note(first.address(), "kept").await;
    first.stop().await.expect("stop");
    assert_eq!(postgres::attach(&place.data), None);

    let second = place.start().await.expect("second start");
    assert_eq!(notes(second.address()).await, ["kept"]);
    second.stop().await.expect("stop");

    // A path that is too long for a socket has its socket elsewhere.
    let long = place.root.path().canonicalize().expect("its real path").join("x".repeat(100));
    fs::rename(&place.data, &long).expect("move");
    place.data = long;
    let third = place.start().await.expect("start at a long path");
    let socket_dir = third.address().socket_dir.clone();
    assert!(
        socket_dir.starts_with("/tmp") && !socket_dir.starts_with(&place.data),
        "{}",
        socket_dir.display()
    );
    assert_eq!(notes(third.address()).await, ["kept"]);
    third.stop().await.expect("stop");
    assert!(!socket_dir.exists());
}

#[tokio::test]
async fn of_two_first_starts_one_wins_and_is_durable_and_private() {
    let place = Place::new();
    let (one, other) = tokio::join!(place.start(), place.start());
    let (winner, loser) = match (one, other) {
        (Ok(winner), Err(loser)) | (Err(loser), Ok(winner)) => (winner, loser),
        (one, other) => panic!("{one:?} and {other:?}"),
    };
    assert!(matches!(loser, EmbeddedError::AlreadyRunning { .. }), "{loser}");
    assert!(loser.to_string().contains(&format!("process {}", std::process::id())), "{loser}");
    let third =
        tokio::time::timeout(Duration::from_secs(5), place.start()).await.expect("an answer soon");
    assert!(matches!(third, Err(EmbeddedError::AlreadyRunning { .. })), "{third:?}");

    assert!(winner.version().starts_with(|c: char| c.is_ascii_digit()), "{}", winner.version());
    let mode =
        fs::metadata(&winner.address().socket_dir).expect("socket folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    expect_settings(winner.address()).await;
    winner.stop().await.expect("stop");
}

#[tokio::test]
async fn a_killed_service_takes_its_server_with_it_and_loses_nothing() {
    let place = Place::new();
    for round in ["one", "two"] {
        let mut service = serve(&place.data);
        let address = postgres::attach(&place.data).expect("the other process's server");
        write_note(&address, round).await;
        service.kill().expect("kill -9");
        // No wait for anything: the postmaster is still shutting down now.
        let next = place.start().await.expect("start after the kill");
        assert!(notes(next.address()).await.contains(&round.to_owned()));
        next.stop().await.expect("stop");
        service.wait().expect("reap");
    }
    let mut service = serve(&place.data);
    // An idle connection must not keep the server alive.
    let _idle = connect(&postgres::attach(&place.data).expect("server")).await;
    service.kill().expect("kill -9");
    service.wait().expect("reap");
    assert!(gone(&place.data).await);
}

#[tokio::test]
async fn a_cancelled_start_and_a_dropped_server_end() {
    let place = Place::new();
    assert!(tokio::time::timeout(STEP, place.start()).await.is_err(), "cancelled while it starts");
    drop(place.start_when_free().await);
    let last = place.start_when_free().await;
    last.stop().await.expect("stop");
    assert!(gone(&place.data).await);
}

/// Not a test of its own: [`serve`] runs this very program again for it, to have a process to kill.
#[tokio::test]
async fn serves_until_killed() {
    let Some(data_dir) = std::env::var_os(SERVE) else {
        return;
    };
    let _server = Embedded::start(settings(Path::new(&data_dir))).await.expect("start");
    println!("\n{READY}");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn folders_that_are_not_ours_are_refused() {
    let place = Place::new();
    let cluster = place.data.join("postgres");
    fs::create_dir_all(&cluster).expect("folder");
    give_to_runner(&cluster);
    fs::write(cluster.join("letter.txt"), "dear").expect("file");
    let error = place.start().await.expect_err("not a data folder");
    assert!(matches!(error, EmbeddedError::NotACluster { .. }), "{error}");

    fs::write(cluster.join("PG_VERSION"), "13\n").expect("file");
    let error = place.start().await.expect_err("no such version here");
    assert!(matches!(error, EmbeddedError::OtherMajor { found: 13, .. }), "{error}");
    assert!(error.to_string().contains("Install PostgreSQL 13"), "{error}");
}

#[tokio::test]
async fn a_configured_folder_without_programs_is_named() {
    let place = Place::new();
    let bin_dir = Some(place.root.path().to_owned());
    let error = Embedded::start(Settings { bin_dir, ..settings(&place.data) })
        .await
        .expect_err("no programs");
    assert!(matches!(error, EmbeddedError::BadBinaries { .. }), "{error}");
    assert!(error.to_string().contains(&*place.root.path().to_string_lossy()), "{error}");
}

#[tokio::test]
async fn root_is_told_which_folder_stops_the_other_user() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    fs::set_permissions(place.root.path(), Permissions::from_mode(0o700)).expect("permissions");
    let error = place.start().await.expect_err("unreachable");
    let EmbeddedError::Unreachable { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path, place.root.path());
}

/// A data folder of one test. Root runs PostgreSQL as another user, who must be able to pass.
struct Place {
    root: TempDir,
    data: PathBuf,
}

impl Place {
    fn new() -> Place {
        let root = TempDir::new().expect("temporary folder");
        fs::set_permissions(root.path(), Permissions::from_mode(0o711)).expect("permissions");
        let data = root.path().canonicalize().expect("its real path").join("data");
        Place { root, data }
    }

    async fn start(&self) -> Result<Embedded, EmbeddedError> {
        Embedded::start(settings(&self.data)).await
    }

    /// A server that was dropped keeps the lock until it is gone.
    async fn start_when_free(&self) -> Embedded {
        for _ in 0..PATIENCE_STEPS {
            match self.start().await {
                Err(EmbeddedError::AlreadyRunning { .. }) => tokio::time::sleep(STEP).await,
                started => return started.expect("start"),
            }
        }
        panic!("the lock was never given back");
    }
}

fn settings(data_dir: &Path) -> Settings {
    Settings { data_dir: data_dir.to_owned(), bin_dir: None, allow_download: false }
}

/// Runs this test program again as a service on the folder, and waits until it is ready.
fn serve(data_dir: &Path) -> Child {
    let module = module_path!().split_once("::").map_or("", |(_, module)| module);
    let mut service = Command::new(std::env::current_exe().expect("this program"))
        .args([&format!("{module}::serves_until_killed"), "--exact", "--nocapture"])
        .env(SERVE, data_dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("service");
    let mut lines = BufReader::new(service.stdout.take().expect("its output")).lines();
    assert!(
        lines.any(|line| line.is_ok_and(|line| line == READY)),
        "the service ended before it was ready"
    );
    service
}

async fn gone(data_dir: &Path) -> bool {
    for _ in 0..PATIENCE_STEPS {
        if !data_dir.join("postgres/postmaster.pid").exists() {
            return true;
        }
        tokio::time::sleep(STEP).await;
    }
    false
}

/// As root, PostgreSQL's folder must belong to somebody else.
fn give_to_runner(folder: &Path) {
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("nobody").expect("user database").expect("nobody");
        nix::unistd::chown(folder, Some(user.uid), Some(user.gid)).expect("chown");
    }
}

async fn connect(address: &SocketAddress) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass()
        .socket(&address.socket_dir)
        .port(address.port)
        .username(&address.user)
        .database(postgres::DATABASE);
    PgConnection::connect_with(&options).await.expect("connection")
}

async fn expect_settings(address: &SocketAddress) {
    let mut connection = connect(address).await;
    let expected = [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("max_connections", "100"),
        ("shared_buffers", "128MB"),
    ];
    for (name, value) in expected {
        let row = sqlx::query("SELECT current_setting($1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .expect("setting");
        assert_eq!(row.get::<String, _>(0), value, "{name}");
    }
    connection.close().await.expect("close");
}

async fn write_note(address: &SocketAddress, text: &str) {
    let mut connection = connect(address).await;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS note (text text NOT NULL)")
        .execute(&mut connection)
        .await
        .expect("table");
    sqlx::query("INSERT INTO note (text) VALUES ($1)")
        .bind(text)
        .execute(&mut connection)
        .await
        .expect("row");
    connection.close().await.expect("close");
}

async fn notes(address: &SocketAddress) -> Vec<String> {
    let mut connection = connect(address).await;
    let rows = sqlx::query("SELECT text FROM note ORDER BY text")
        .fetch_all(&mut connection)
        .await
        .expect("rows");
    connection.close().await.expect("close");
    rows.iter().map(|row| row.get(0)).collect()
}
