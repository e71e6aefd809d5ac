//! The embedded default: a real PostgreSQL that the service starts, watches and stops itself.
//!
//! Without a database URL the service must still keep every promise it makes with one, so this is a
//! full server with durability on, not a replacement for tests. No crate was fit for it: those tried
//! fail as root or turn `fsync` off.
//!
//! One dedicated thread does everything: it finds the programs, creates the data folder once, starts
//! the postmaster and lives until it is gone. The kernel ties the life of a child to the *thread* that
//! started it (`PR_SET_PDEATHSIG`), so neither an async worker nor `spawn_blocking` will do.

mod account;
mod binaries;
mod child;
mod cluster;
mod download;
mod error;
mod folder;
mod pid_file;
mod postmaster;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use tokio::sync::{oneshot, watch};

use account::Account;
pub use error::EmbeddedError;
use postmaster::Launch;

/// The database that is created in a new data folder, and the only one the service uses.
pub const DATABASE: &str = "tiltaksplass";

/// The superuser of the embedded server. Nobody else can open its socket folder, so it has no password.
pub const OWNER: &str = "tiltaksplass";

/// Only part of the socket's file name: the server listens on no network address.
pub const PORT: u16 = 5432;

/// How the embedded server is to be run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The service's data folder. PostgreSQL's own folder is `postgres` in it, its log `postgres.log`,
    /// and its socket lies in `run`, or in a short folder below `/tmp` where that path is too long.
    pub data_dir: PathBuf,
    /// The folder with `initdb` and `postgres`. Without it the usual places are searched.
    pub bin_dir: Option<PathBuf>,
    /// Whether PostgreSQL may be fetched by `pip` where the machine has none. Off where nothing may be
    /// fetched at run time.
    pub allow_download: bool,
}

/// How to reach an embedded server as its owner: by a socket in a folder, since it has no network address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketAddress {
    /// The folder the socket lies in; `psql -h` takes it as the host.
    pub socket_dir: PathBuf,
    /// The number in the socket's file name; `psql -p` takes it.
    pub port: u16,
    /// The user to connect as, who owns every object.
    pub user: String,
}

/// A running, supervised postmaster. It ends with this value: [`Embedded::stop`] waits for that, a plain
/// drop only asks for it, and if the whole process is killed the kernel asks in its place.
#[derive(Debug)]
pub struct Embedded {
    address: SocketAddress,
    version: String,
    orders: mpsc::Sender<postmaster::Stop>,
    ended: watch::Receiver<Option<String>>,
}

impl Embedded {
    /// Starts the server and waits until it takes connections; creates its data folder the first time.
    ///
    /// Safe to cancel: a server that came up for nobody is stopped again.
    pub async fn start(settings: Settings) -> Result<Embedded, EmbeddedError> {
        let (report, started) = oneshot::channel();
        thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || live(&settings, report))
            .map_err(|source| EmbeddedError::Thread { source })?;
        started.await.map_err(|_| EmbeddedError::Lost)?
    }

    /// How to connect as the owner to [`DATABASE`].
    pub fn address(&self) -> &SocketAddress {
        &self.address
    }

    /// The server's version as it names itself, as in `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Resolves when the server has ended without being asked, and tells how. The service is of no use
    /// then and should end too: PostgreSQL itself restarts its own processes, so what ends the
    /// postmaster (no memory, a full disk, an operator) would meet a restart from here as well.
    pub fn ended(&self) -> impl Future<Output = EmbeddedError> + Send + use<> {
        let mut ended = self.ended.clone();
        async move {
            match ended.wait_for(Option::is_some).await {
                Ok(how) => EmbeddedError::Ended { how: how.clone().unwrap_or_default() },
                Err(_) => EmbeddedError::Lost,
            }
        }
    }

    /// Stops the server by a fast shutdown (SIGINT) and waits until it is gone: open transactions are
    /// rolled back, and the next start needs no recovery.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        let (done, stopped) = oneshot::channel();
        if self.orders.send(postmaster::Stop { done }).is_err() {
            // The thread has ended, and it only does so after the server has.
            return Ok(());
        }
        stopped.await.map_err(|_| EmbeddedError::Lost)?
    }
}

/// The server that another process of ours runs in this folder, if it runs.
///
/// `verify`, `token` and hints for `psql` use it beside a running `serve`. It answers nothing to a user
/// who may not read PostgreSQL's folder.
pub fn attach(data_dir: &Path) -> Option<SocketAddress> {
    let text = std::fs::read(data_dir.join(folder::CLUSTER).join(pid_file::NAME)).ok()?;
    let found = pid_file::parse(&text).filter(|found| found.ready)?;
    // The file outlives a killed server; a socket that answers does not.
    folder::answers(&found.socket_dir, found.port).then(|| SocketAddress {
        socket_dir: found.socket_dir,
        port: found.port,
        user: OWNER.to_owned(),
    })
}

/// What the dedicated thread does: start, report, then stay until the server is gone.
fn live(settings: &Settings, report: oneshot::Sender<Result<Embedded, EmbeddedError>>) {
    let launched = launch(settings, &|| report.is_closed());
    let (orders, inbox) = mpsc::channel();
    let (ended_at, ended) = watch::channel(None);
    match launched {
        Err(error) => {
            // Nobody left to hear it: the caller was cancelled, and nothing runs.
            let _ = report.send(Err(error));
        }
        Ok(launch) => {
            let address = launch.address.clone();
            let version = launch.version.clone();
            // If the caller is gone, the value comes back and its drop closes `inbox`: the server is stopped.
            drop(report.send(Ok(Embedded { address, version, orders, ended })));
            postmaster::supervise(launch, &inbox, &ended_at);
        }
    }
}

/// The whole story of a start, in order of permanence: what cannot change first.
fn launch(settings: &Settings, cancelled: &dyn Fn() -> bool) -> Result<Launch, EmbeddedError> {
    let data_dir = folder::create_data_dir(&settings.data_dir)?;
    let account = Account::choose(&data_dir)?;
    account.must_reach(&data_dir)?;
    let lock = folder::lock(&data_dir, &account)?;
    let found = cluster::inspect(&data_dir)?;
    let binaries = binaries::find(settings, &account, &data_dir, found)?;
    if found.is_none() {
        tracing::info!(folder = %data_dir.display(), version = %binaries.version, "creating the embedded database");
        cluster::create(&data_dir, &binaries, &account)?;
    }
    let socket_dir = folder::socket_dir(&data_dir, &account)?;
    postmaster::start(data_dir, socket_dir, &binaries, &account, lock, cancelled)
}
