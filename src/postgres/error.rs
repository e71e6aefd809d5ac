//! What can go wrong with the embedded server, each message with what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// Why the embedded server could not be started or stopped. The messages are for the person who typed
/// the command: each says what was found and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No usable `initdb` and `postgres` anywhere.
    #[error(
        "no usable PostgreSQL (version {} or newer) was found{}. Install it (Debian, Ubuntu: `apt install postgresql`; \
         Fedora: `dnf install postgresql-server`; macOS: `brew install postgresql@17`), name the folder that holds \
         `initdb` and `postgres`, or use a database of your own by --database-url",
        crate::postgres::binaries::OLDEST_MAJOR,
        listed(looked)
    )]
    NoPostgres {
        /// What was looked at and why it would not do, one sentence each.
        looked: Vec<String>,
    },

    /// The configured folder does not hold what it should.
    #[error(
        "the configured PostgreSQL folder {} cannot be used: {why}. It must hold `initdb` and `postgres`, as \
         /usr/lib/postgresql/15/bin does",
        path.display()
    )]
    BadBinaries {
        /// The folder as configured.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },

    /// The data folder was written by a major version that is not here.
    #[error(
        "the data in {} was written by PostgreSQL {found}, which cannot be found here ({here}). Install PostgreSQL {found}, or \
         move the data: `pg_dump` with version {found}, then restore into a new folder",
        path.display()
    )]
    OtherMajor {
        /// PostgreSQL's own folder.
        path: PathBuf,
        /// The major version in it.
        found: u32,
        /// The versions that were found in its place, and what else was looked at.
        here: String,
    },

    /// PostgreSQL's folder holds something else.
    #[error("{} is not empty and not a data folder of PostgreSQL (it has no readable PG_VERSION). Move it away or choose another --data-dir", path.display())]
    NotACluster {
        /// The folder in the way.
        path: PathBuf,
    },

    /// A live service has the folder.
    #[error("the service is already running on {} ({holder}). Stop it first, or choose another --data-dir", path.display())]
    AlreadyRunning {
        /// The data folder.
        path: PathBuf,
        /// Who holds it, as in `process 4711`.
        holder: String,
    },

    /// A server that is not of our making, or that does not end, has PostgreSQL's folder.
    #[error(
        "another PostgreSQL ({holder}) still has {} after {waited_seconds} s. If it is shutting down, try again; if somebody \
         started it by hand, stop it with `pg_ctl stop -D {}`",
        path.display(),
        path.display()
    )]
    OtherServer {
        /// PostgreSQL's own folder.
        path: PathBuf,
        /// Who holds it, as in `process 4711`.
        holder: String,
        /// How long the start has waited for it.
        waited_seconds: u64,
    },

    /// PostgreSQL refuses to run as root, and there is nobody else to run it as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody` on this machine. Create one \
         (`useradd --system postgres`), give the data folder to an ordinary user, or use --database-url"
    )]
    NobodyToRunAs,

    /// The user that runs PostgreSQL may not pass one of the folders above the data.
    #[error(
        "PostgreSQL runs as user {user} here, who may not pass the folder {}. Choose another --data-dir (as /var/lib/tiltaksplass), \
         or let others pass it: `chmod o+x {}`",
        path.display(),
        path.display()
    )]
    Unreachable {
        /// Who will run PostgreSQL.
        user: String,
        /// The outermost folder that stops that user.
        path: PathBuf,
    },

    /// The data belongs to another user than the one that must run PostgreSQL.
    #[error(
        "{} belongs to {owner}, and PostgreSQL would run as {user} here. Run the service as the \
         folder's owner, give the folder away as root (`chown -R {user} {}`), or choose another --data-dir",
        path.display(),
        path.display()
    )]
    NotOwner {
        /// The folder in question.
        path: PathBuf,
        /// Whose it is.
        owner: String,
        /// Who would run PostgreSQL.
        user: String,
    },

    /// `initdb` asks the user database for its own name and gives up without one.
    #[error(
        "user id {uid} has no entry in /etc/passwd, and PostgreSQL's `initdb` needs one. In a container run as a named user or \
         add a line (`echo 'tiltaksplass:x:{uid}:{gid}::/tmp:/bin/false' >> /etc/passwd`), or use --database-url"
    )]
    NoPasswdEntry {
        /// The user without a name.
        uid: u32,
        /// The group it has.
        gid: u32,
    },

    /// A folder below `/tmp` that we would use for the socket is somebody else's.
    #[error(
        "the path of {} is too long for a socket (over {limit} bytes), and the folder {} that would be used in its place is not \
         ours. Remove that folder, or choose a shorter --data-dir",
        data_dir.display(),
        path.display()
    )]
    SocketFolder {
        /// The data folder with the long path.
        data_dir: PathBuf,
        /// The folder below `/tmp`.
        path: PathBuf,
        /// How long a socket's path may be.
        limit: usize,
    },

    /// A program of PostgreSQL failed.
    #[error("{program} failed ({status}): {output}")]
    Program {
        /// Which program, as in `initdb`.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        output: String,
    },

    /// The server ended before it was ready.
    #[error("PostgreSQL ended while starting ({status}). The end of {}: {output}", log.display())]
    NotStarted {
        /// How it ended.
        status: String,
        /// Where the whole log is.
        log: PathBuf,
        /// The end of its log.
        output: String,
    },

    /// The server is alive but did not become ready.
    #[error("PostgreSQL was not ready after {seconds} s and was stopped. It may be recovering from a crash: see {}", log.display())]
    NotReady {
        /// How long the start has waited.
        seconds: u64,
        /// Where its log is.
        log: PathBuf,
    },

    /// The server does not end, even by SIGQUIT.
    #[error(
        "PostgreSQL (process {pid}) did not stop within {seconds} s. See whether its disk hangs; the data is safe if it is killed"
    )]
    NotStopped {
        /// The postmaster.
        pid: u32,
        /// How long the stop has waited.
        seconds: u64,
    },

    /// The server ended by itself.
    #[error("the embedded PostgreSQL has ended unexpectedly: {how}")]
    Ended {
        /// How it ended and what its log said last.
        how: String,
    },

    /// A file or folder could not be used.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },

    /// The supervising thread could not be started.
    #[error("cannot start the thread that supervises PostgreSQL: {source}")]
    Thread {
        /// What the operating system answered.
        source: io::Error,
    },

    /// The start was given up by its caller.
    #[error("the start of PostgreSQL was cancelled")]
    Cancelled,

    /// The supervising thread ended without an answer, which is a defect of ours.
    #[error(
        "the thread that supervises PostgreSQL has ended without an answer; please report this"
    )]
    Lost,
}

/// For `map_err`: an I/O error with what was tried on which path.
pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    let path = path.to_owned();
    move |source| EmbeddedError::Io { what, path, source }
}

fn listed(looked: &[String]) -> String {
    if looked.is_empty() { String::new() } else { format!(" ({})", looked.join("; ")) }
}
