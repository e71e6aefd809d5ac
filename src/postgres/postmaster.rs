//! The running server: started, waited for, watched and stopped by the one thread that owns it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::Flock;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};

use super::account::Account;
use super::binaries::Binaries;
use super::error::{EmbeddedError, io as io_error};
use super::{OWNER, PORT, SocketAddress, child, folder, pid_file};

/// How often a server that starts or stops is looked at.
const STEP: Duration = Duration::from_millis(10);
/// How often a running server is looked at.
const WATCH: Duration = Duration::from_millis(500);
/// How long a dying predecessor is waited for: its kernel signal has been sent, it only has to finish.
const PREDECESSOR_LIMIT: Duration = Duration::from_secs(10);
/// How often a start is tried again while a predecessor dies. Each try is two lines in the log.
const RETRY: Duration = Duration::from_millis(100);
/// How long a server may take until it is ready; recovery after a crash reads what was written since the
/// last checkpoint, at most some gigabytes.
const READY_LIMIT: Duration = Duration::from_mins(10);
/// How often a long start says that it is still under way.
const STILL_STARTING: Duration = Duration::from_secs(10);
/// How long a fast shutdown may take, which writes a last checkpoint, before it becomes an immediate one.
const FAST_LIMIT: Duration = Duration::from_mins(1);
/// How long an immediate shutdown may take, which writes nothing.
const IMMEDIATE_LIMIT: Duration = Duration::from_secs(10);
/// Two ways in which a server says that another one still has its data.
const PREDECESSOR_SIGNS: [&str; 2] =
    ["lock file \"postmaster.pid\" already exists", "pre-existing shared memory block"];

/// What the service relies on, whatever the configuration file says. Durability above all: an answer is a
/// promise, and a promise must outlive the power.
const FIXED: [(&str, &str); 11] = [
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
    // The signs above are read from the log.
    ("lc_messages", "C"),
    ("restart_after_crash", "on"),
];

/// A server that has come up, with all that its thread must keep until it is gone.
pub(super) struct Launch {
    pub(super) address: SocketAddress,
    pub(super) version: String,
    server: Server,
}

/// Asks the supervising thread to stop the server and to say when it is gone.
pub(super) struct Stop {
    pub(super) done: oneshot::Sender<Result<(), EmbeddedError>>,
}

/// Starts the server and waits until it is ready. While another server is dying in the same folder, it tries
/// again: the lock says that no live service has the folder.
pub(super) fn start(
    data_dir: PathBuf,
    socket_dir: PathBuf,
    binaries: &Binaries,
    account: &Account,
    lock: Flock<File>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Launch, EmbeddedError> {
    let cluster = data_dir.join(folder::CLUSTER);
    let tries = steps(PREDECESSOR_LIMIT, RETRY);
    for _ in 0..tries {
        let stale = fs::read(cluster.join(pid_file::NAME)).unwrap_or_default();
        let (log, written) = folder::open_log(&data_dir, account)?;
        let length = written.metadata().map_err(io_error("look at", &log))?.len();
        let child = spawn(postgres(binaries, account, &cluster, &socket_dir), written)?;
        let mut starting =
            Starting { child, stale, cluster: &cluster, log: &log, log_from: length };
        match starting.wait(cancelled)? {
            Outcome::Ready => {
                let address = SocketAddress { socket_dir, port: PORT, user: OWNER.to_owned() };
                let server = Server {
                    child: starting.child,
                    data_dir,
                    socket_dir: address.socket_dir.clone(),
                    log,
                    lock,
                };
                return Ok(Launch { address, version: binaries.version.to_string(), server });
            }
            Outcome::Predecessor => {
                stop_orphan(&starting.stale, &socket_dir);
                thread::sleep(RETRY);
            }
        }
        if cancelled() {
            return Err(EmbeddedError::Cancelled);
        }
    }
    let holder = pid_file::holder(&fs::read(cluster.join(pid_file::NAME)).unwrap_or_default());
    Err(EmbeddedError::OtherServer {
        path: cluster,
        holder,
        waited_seconds: PREDECESSOR_LIMIT.as_secs(),
    })
}

/// Stays with the server until it is gone: by an order, because nobody holds it any more, or by itself.
pub(super) fn supervise(
    launch: Launch,
    orders: &Receiver<Stop>,
    ended: &watch::Sender<Option<String>>,
) {
    let mut server = launch.server;
    loop {
        match orders.recv_timeout(WATCH) {
            Ok(Stop { done }) => {
                // The caller may have stopped waiting; the server is stopped all the same.
                let _ = done.send(server.stop());
                return;
            }
            Err(RecvTimeoutError::Disconnected) => {
                if let Err(error) = server.stop() {
                    tracing::error!(%error, "the embedded PostgreSQL could not be stopped");
                }
                return;
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Ok(Some(status)) = server.child.try_wait() {
                    let how = format!("{}, see {}", child::ended(status), server.log.display());
                    tracing::error!(how, "the embedded PostgreSQL has ended unexpectedly");
                    ended.send_replace(Some(how));
                    return;
                }
            }
        }
    }
}

/// The server's process with what must outlive it: above all the lock.
struct Server {
    child: Child,
    data_dir: PathBuf,
    socket_dir: PathBuf,
    log: PathBuf,
    lock: Flock<File>,
}

impl Server {
    /// When this answers, the next start finds the folder free.
    fn stop(mut self) -> Result<(), EmbeddedError> {
        let stopped = stop_child(&mut self.child);
        if stopped.is_ok() {
            folder::leave_socket_dir(&self.data_dir, &self.socket_dir);
        }
        drop(self.lock);
        stopped
    }
}

/// A server that was spawned and is not ready yet.
struct Starting<'a> {
    child: Child,
    /// The pid file as it was before. It may be that of a killed server with the very same number, as happens
    /// in a container, so a file that has not changed is no news of this one.
    stale: Vec<u8>,
    cluster: &'a Path,
    log: &'a Path,
    log_from: u64,
}

enum Outcome {
    Ready,
    /// It gave up since another server has the data.
    Predecessor,
}

impl Starting<'_> {
    fn wait(&mut self, cancelled: &dyn Fn() -> bool) -> Result<Outcome, EmbeddedError> {
        for step in 1..=steps(READY_LIMIT, STEP) {
            if let Some(status) =
                self.child.try_wait().map_err(io_error("wait for the server in", self.cluster))?
            {
                return self.gave_up(status);
            }
            if self.is_ready() {
                return Ok(Outcome::Ready);
            }
            if cancelled() {
                stop_child(&mut self.child)?;
                return Err(EmbeddedError::Cancelled);
            }
            if step % steps(STILL_STARTING, STEP) == 0 {
                tracing::info!(log = %self.log.display(), "the embedded PostgreSQL is still starting, perhaps recovering from a crash");
            }
            thread::sleep(STEP);
        }
        stop_child(&mut self.child)?;
        Err(EmbeddedError::NotReady { seconds: READY_LIMIT.as_secs(), log: self.log.to_owned() })
    }

    fn is_ready(&self) -> bool {
        let text = fs::read(self.cluster.join(pid_file::NAME)).unwrap_or_default();
        text != self.stale
            && pid_file::parse(&text)
                .is_some_and(|found| found.ready && found.pid == self.child.id())
    }

    fn gave_up(&self, status: ExitStatus) -> Result<Outcome, EmbeddedError> {
        let log = fs::read(self.log).unwrap_or_default();
        let from = usize::try_from(self.log_from).unwrap_or(usize::MAX).min(log.len());
        let said = String::from_utf8_lossy(&log[from..]);
        if PREDECESSOR_SIGNS.iter().any(|sign| said.contains(sign)) {
            return Ok(Outcome::Predecessor);
        }
        Err(EmbeddedError::NotStarted {
            status: child::ended(status),
            log: self.log.to_owned(),
            output: child::tail(&said),
        })
    }
}

fn postgres(binaries: &Binaries, account: &Account, cluster: &Path, socket_dir: &Path) -> Command {
    let mut command = child::command(&binaries.program("postgres"), account, Signal::SIGINT);
    command.arg("-D").arg(cluster).arg("-c").arg(format!("port={PORT}"));
    for (name, value) in FIXED {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.arg("-c").arg(socket_setting(socket_dir));
    command
}

/// The setting is a list separated by commas; in quotes a path may hold any byte.
fn socket_setting(socket_dir: &Path) -> OsString {
    let mut setting = b"unix_socket_directories=\"".to_vec();
    for &byte in socket_dir.as_os_str().as_bytes() {
        if byte == b'"' {
            setting.push(byte);
        }
        setting.push(byte);
    }
    setting.push(b'"');
    OsString::from_vec(setting)
}

fn spawn(mut command: Command, log: File) -> Result<Child, EmbeddedError> {
    let not_run = |error: std::io::Error| EmbeddedError::Program {
        program: "postgres".to_owned(),
        status: "it could not be run".to_owned(),
        output: error.to_string(),
    };
    let also_log = log.try_clone().map_err(not_run)?;
    command.stdin(Stdio::null()).stdout(also_log).stderr(log).spawn().map_err(not_run)
}

/// The kernel tells a server when we die, but not on every system and not one started without us. A server
/// that answers on our private socket is ours, and since the lock is held nobody uses it.
fn stop_orphan(pid_file: &[u8], socket_dir: &Path) {
    let Some(found) = pid_file::parse(pid_file) else {
        return;
    };
    if found.socket_dir == socket_dir && folder::answers(socket_dir, found.port) {
        // If it ends by itself in between, the better.
        let _ = signal(found.pid, Signal::SIGINT);
    }
}

/// Fast shutdown, and an immediate one if that hangs: the next start then recovers from the log.
fn stop_child(child: &mut Child) -> Result<(), EmbeddedError> {
    for (order, limit) in [(Signal::SIGINT, FAST_LIMIT), (Signal::SIGQUIT, IMMEDIATE_LIMIT)] {
        // Only its own parent reaps it, so the number is still the server's.
        let _ = signal(child.id(), order);
        for _ in 0..steps(limit, STEP) {
            // An error means that there is nothing left to wait for.
            if !matches!(child.try_wait(), Ok(None)) {
                return Ok(());
            }
            thread::sleep(STEP);
        }
    }
    Err(EmbeddedError::NotStopped {
        pid: child.id(),
        seconds: (FAST_LIMIT + IMMEDIATE_LIMIT).as_secs(),
    })
}

fn signal(pid: u32, order: Signal) -> Result<(), Errno> {
    let pid = i32::try_from(pid).map_err(|_| Errno::ESRCH)?;
    kill(Pid::from_raw(pid), order)
}

/// Time is counted in steps: only `app.rs` reads a clock.
fn steps(limit: Duration, step: Duration) -> u128 {
    limit.as_millis() / step.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_folder_is_quoted() {
        assert_eq!(socket_setting(Path::new("/a, b")), "unix_socket_directories=\"/a, b\"");
        assert_eq!(socket_setting(Path::new("/a\"b")), "unix_socket_directories=\"/a\"\"b\"");
    }

    #[test]
    fn nothing_turns_durability_off() {
        for name in ["fsync", "full_page_writes", "synchronous_commit"] {
            assert!(FIXED.contains(&(name, "on")), "{name}");
        }
    }
}
