//! A data folder of a test's own, and the processes that work in it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::PATIENCE;

/// What the program reads from its surroundings must come from the test alone.
const FROM_OUTSIDE: &[&str] = &[
    "DATABASE_URL",
    "MIGRATE_DATABASE_URL",
    "NAIS_APP_NAME",
    "TILTAKSPLASS_ADDR",
    "TILTAKSPLASS_DATA_DIR",
    "TILTAKSPLASS_LISTEN",
    "TILTAKSPLASS_LOG",
    "TILTAKSPLASS_TOKEN",
];

/// A data folder. It goes when nothing works in it any more.
pub struct Place {
    folder: TempDir,
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Told {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("tiltaksplass-it-").tempdir().unwrap();
        // Root's PostgreSQL is another user, who must pass.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        Self { folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tiltaksplass"));
        for name in FROM_OUTSIDE {
            command.env_remove(name);
        }
        command.args(args).stdin(Stdio::null()).kill_on_drop(true);
        if !matches!(args[0], "import" | "call") {
            command.arg("--data-dir").arg(self.data());
        }
        command
    }

    /// Runs the program to its end.
    pub async fn run(&self, args: &[&str]) -> Told {
        let done = timeout(PATIENCE, self.command(args).output());
        let output = done.await.unwrap_or_else(|_| panic!("{args:?} does not end")).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Told { status: output.status, out: text(output.stdout), err: text(output.stderr) }
    }

    /// A token of this folder's issuer.
    pub async fn token(&self, role: &str, organisation: &str) -> String {
        let told = self.run(&["token", "--role", role, "--org", organisation]).await;
        assert!(told.status.success(), "{told:?}");
        told.out.trim().to_owned()
    }

    /// Starts the service on a free port and waits for its first line.
    pub async fn serve(&self, args: &[&str]) -> Serving {
        let log = self.folder.path().join("serve.log");
        let args = [&["serve", "--listen", "127.0.0.1:0"], args].concat();
        let mut child = self
            .command(&args)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = timeout(PATIENCE, out.next_line()).await.expect("a first line in time");
        let told = || fs::read_to_string(&log).unwrap();
        let first = first.unwrap().unwrap_or_else(|| panic!("it has ended: {}", told()));
        let address = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first}"));
        assert!(address.starts_with("http://127.0.0.1:"), "{first}");
        Serving { address: address.to_owned(), child, log, _out: out }
    }

    /// The process of the folder's own PostgreSQL, while there is one.
    fn postmaster(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.data().join("postgres/postmaster.pid")).ok()?;
        let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?);
        kill(pid, None).is_ok().then_some(pid)
    }
}

impl Drop for Place {
    /// A service that was killed takes its PostgreSQL with it, but not in an instant.
    fn drop(&mut self) {
        for _ in 0..200 {
            if self.postmaster().is_none() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A service that runs.
pub struct Serving {
    /// Where, as a URL.
    pub address: String,
    child: Child,
    log: PathBuf,
    /// Kept open: a program whose reader has gone may not care, but ours would be told.
    _out: Lines<BufReader<ChildStdout>>,
}

impl Serving {
    /// Asks it to end, and waits for that.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.send(Signal::SIGTERM);
        let ended = timeout(Duration::from_secs(10), self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("it does not end: {}", self.err())).unwrap()
    }

    /// Ends it without a word.
    pub async fn kill(&mut self) {
        self.send(Signal::SIGKILL);
        self.child.wait().await.unwrap();
    }

    fn send(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        let pid = self.child.id().expect("it has not ended yet");
        Pid::from_raw(i32::try_from(pid).unwrap())
    }

    /// What it has logged.
    pub fn err(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}
