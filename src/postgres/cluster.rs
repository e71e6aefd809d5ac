//! PostgreSQL's data folder: what is in it, and how a new one is made in one step.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use nix::sys::signal::Signal;

use super::account::Account;
use super::binaries::Binaries;
use super::child;
use super::error::{EmbeddedError, io as io_error};
use super::folder;
use super::{DATABASE, OWNER};

/// A folder is prepared under a name that begins so and renamed when it is complete, so a data folder is
/// there in full or not at all.
const UNFINISHED: &str = "data.init.";

/// Appended to `postgresql.conf` once, for the operator to change. What the service relies on is not here but
/// on the command line of every start (`postmaster.rs`), where the file cannot undo it.
const CONFIGURATION: &str = "
# Written by tiltaksplass when it created this folder; yours to change.
max_connections = 100
shared_buffers = 128MB
log_checkpoints = off
# No DETAIL lines in the log: they quote the rows that broke a constraint.
log_error_verbosity = terse
";

/// The major version of the data in the folder; nothing if there is no data yet.
pub(super) fn inspect(data_dir: &Path) -> Result<Option<u32>, EmbeddedError> {
    let cluster = data_dir.join(folder::CLUSTER);
    let version = match fs::read_to_string(cluster.join("PG_VERSION")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // An empty folder is fine: it may have been made to say who shall own it.
            let entries = fs::read_dir(&cluster).map(Iterator::count).unwrap_or_default();
            return if entries == 0 {
                Ok(None)
            } else {
                Err(EmbeddedError::NotACluster { path: cluster })
            };
        }
        Err(error) => return Err(io_error("read", &cluster.join("PG_VERSION"))(error)),
    };
    let major = version.trim().split('.').next().and_then(|major| major.parse().ok());
    major.map(Some).ok_or(EmbeddedError::NotACluster { path: cluster })
}

/// Makes the data folder with the service's database in it. The lock on the data folder must be held.
pub(super) fn create(
    data_dir: &Path,
    binaries: &Binaries,
    account: &Account,
) -> Result<(), EmbeddedError> {
    account.must_have_name()?;
    clear_unfinished(data_dir)?;
    let unfinished = data_dir.join(format!("{UNFINISHED}{}", std::process::id()));
    let prepared = prepare(&unfinished, binaries, account);
    let placed = prepared.and_then(|()| {
        let cluster = data_dir.join(folder::CLUSTER);
        fs::rename(&unfinished, &cluster).map_err(io_error("move the new data to", &cluster))
    });
    if placed.is_err() {
        // The error that led here is the one to tell; the next start clears what stays.
        let _ = fs::remove_dir_all(&unfinished);
    }
    placed?;
    folder::sync_dir(data_dir)
}

fn prepare(unfinished: &Path, binaries: &Binaries, account: &Account) -> Result<(), EmbeddedError> {
    folder::private_dir(unfinished, account)?;
    // Text sorts by bytes, the same on every machine. Letters beyond ASCII have case only where the C library
    // knows C.UTF-8; where it does not, plain C still works.
    let mut made = initdb(unfinished, binaries, account, "C.UTF-8");
    if matches!(&made, Err(EmbeddedError::Program { output, .. }) if output.contains("invalid locale"))
    {
        made = initdb(unfinished, binaries, account, "C");
    }
    made?;
    configure(unfinished, account)?;
    create_database(unfinished, binaries, account)?;
    sync_all(unfinished, binaries, account)
}

fn initdb(
    unfinished: &Path,
    binaries: &Binaries,
    account: &Account,
    ctype: &str,
) -> Result<(), EmbeddedError> {
    let mut initdb = child::command(&binaries.program("initdb"), account, Signal::SIGTERM);
    initdb.args([
        "--username",
        OWNER,
        "--auth-local=trust",
        "--auth-host=reject",
        "--data-checksums",
    ]);
    initdb
        .args([
            "--encoding=UTF8",
            "--locale=C",
            "--lc-ctype",
            ctype,
            "--no-instructions",
            "--no-sync",
            "--pgdata",
        ])
        .arg(unfinished);
    child::run(initdb, "").map(drop)
}

fn configure(unfinished: &Path, account: &Account) -> Result<(), EmbeddedError> {
    let path = unfinished.join("postgresql.conf");
    let mut file = folder::open_own(OpenOptions::new().append(true), &path, account)?;
    file.write_all(CONFIGURATION.as_bytes()).map_err(io_error("write", &path))
}

/// By a single-user server, while the folder is still unfinished: then no start ever finds a folder without
/// the database, and no connection of another kind is needed for one statement.
fn create_database(
    unfinished: &Path,
    binaries: &Binaries,
    account: &Account,
) -> Result<(), EmbeddedError> {
    let mut single = child::command(&binaries.program("postgres"), account, Signal::SIGTERM);
    // Without exit_on_error it would report the error, go on and succeed. With -F it leaves the syncing to us.
    single.args(["--single", "-F", "-c", "exit_on_error=on", "-D"]).arg(unfinished).arg("postgres");
    child::run(single, &format!("CREATE DATABASE {DATABASE}\n")).map(drop)
}

/// Makes the whole folder durable before it gets its name. Once for everything: syncing its thousand files one
/// by one is what takes most of a first start on a slow disk (7.6 s against 1.1 s at 3 ms for each).
#[cfg(target_os = "linux")]
fn sync_all(
    unfinished: &Path,
    _binaries: &Binaries,
    _account: &Account,
) -> Result<(), EmbeddedError> {
    let synced = fs::File::open(unfinished).and_then(|folder| Ok(nix::unistd::syncfs(folder)?));
    synced.map_err(io_error("sync", unfinished))
}

/// Elsewhere no call syncs one file system and waits for it, so the files are synced one by one.
#[cfg(not(target_os = "linux"))]
fn sync_all(
    unfinished: &Path,
    binaries: &Binaries,
    account: &Account,
) -> Result<(), EmbeddedError> {
    let mut initdb = child::command(&binaries.program("initdb"), account, Signal::SIGTERM);
    initdb.args(["--sync-only", "--pgdata"]).arg(unfinished);
    child::run(initdb, "").map(drop)
}

/// Removes what interrupted starts left. Nobody else is at work here: the lock is ours.
fn clear_unfinished(data_dir: &Path) -> Result<(), EmbeddedError> {
    for entry in fs::read_dir(data_dir).map_err(io_error("read the folder", data_dir))? {
        let path = entry.map_err(io_error("read the folder", data_dir))?.path();
        let ours =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED));
        if ours {
            fs::remove_dir_all(&path).map_err(io_error("remove the unfinished folder", &path))?;
        }
    }
    Ok(())
}
