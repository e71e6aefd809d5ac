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
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::PATIENCE;

/// What the program reads from its surroundings must come from the test alone.
const FROM_OUTSIDE: &[&str] = &[
    "DATABASE_URL",
    "MIGRATE_DATABASE_URL",
    "NAIS_APP_NAME",
    "TILTAKSPLASS_ACTING_AS",
    "TILTAKSPLASS_ADDR",
    "TILTAKSPLASS_CONFIG",
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
        if !matches!(args[0], "import" | "call" | "dev" | "test-issuer") {
            command.arg("--data-dir").arg(self.data());
        }
        command
    }

    /// Where a command makes temporary folders.
    pub fn scratch(&self) -> PathBuf {
        let folder = self.folder.path().join("tmp");
        if !folder.exists() {
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).unwrap();
        }
        folder
    }

    /// Runs the program to its end.
    pub async fn run(&self, args: &[&str]) -> Told {
        Self::finish(self.command(args), args).await
    }

    /// The same, with a pipe as its standard input, which ends at once.
    pub async fn run_with_pipe(&self, args: &[&str]) -> Told {
        let mut command = self.command(args);
        command.stdin(Stdio::piped());
        Self::finish(command, args).await
    }

    async fn finish(mut command: Command, args: &[&str]) -> Told {
        let done = timeout(PATIENCE, command.output());
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
        let args = [&["serve", "--listen", "127.0.0.1:0"], args].concat();
        self.start(self.command(&args)).await
    }

    /// Starts a command that serves, with a pipe to its standard input.
    pub async fn serve_with_pipe(&self, args: &[&str]) -> (Serving, ChildStdin) {
        let mut command = self.command(args);
        command.stdin(Stdio::piped());
        let mut serving = self.start(command).await;
        let pipe = serving.child.stdin.take().unwrap();
        (serving, pipe)
    }

    /// Starts `dev` on a free port; answers what it prints until it is ready.
    pub async fn dev(&self, args: &[&str]) -> (Serving, String) {
        let args = [&["dev", "--listen", "127.0.0.1:0"], args].concat();
        let mut command = self.command(&args);
        command.env("TMPDIR", self.scratch());
        let (child, out, log) = self.spawn(command, "serve.log");
        let mut serving = Serving { address: String::new(), child, log, out };
        let mut printed = String::new();
        while !printed.contains("# Ready.") {
            printed.push_str(&serving.line().await);
            printed.push('\n');
        }
        serving.address = after(&printed, "TILTAKSPLASS_ADDR=");
        (serving, printed)
    }

    /// Starts a command that tells how far it has come.
    pub fn begin(&self, args: &[&str]) -> Serving {
        let (child, out, log) = self.spawn(self.command(args), "begun.log");
        Serving { address: String::new(), child, log, out }
    }

    async fn start(&self, command: Command) -> Serving {
        let (child, out, log) = self.spawn(command, "serve.log");
        let mut serving = Serving { address: String::new(), child, log, out };
        let first = serving.line().await;
        let address = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first}"));
        assert!(address.starts_with("http://127.0.0.1:"), "{first}");
        address.clone_into(&mut serving.address);
        serving
    }

    fn spawn(
        &self,
        mut command: Command,
        log: &str,
    ) -> (Child, Lines<BufReader<ChildStdout>>, PathBuf) {
        let log = self.folder.path().join(log);
        let mut child =
            command.stdout(Stdio::piped()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, out, log)
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
    out: Lines<BufReader<ChildStdout>>,
}

impl Serving {
    /// The next line it prints.
    pub async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.out.next_line()).await.expect("a line in time");
        line.unwrap().unwrap_or_else(|| panic!("it has ended: {}", self.err()))
    }

    /// Presses Ctrl-C, and waits for the end.
    pub async fn interrupt(&mut self) -> ExitStatus {
        self.send(Signal::SIGINT);
        self.ended().await
    }

    /// Asks it to end, and waits for that.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.send(Signal::SIGTERM);
        self.ended().await
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> ExitStatus {
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

/// What stands between this and the end of the line.
pub fn after(text: &str, start: &str) -> String {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start}: {text}"));
    rest.lines().next().unwrap_or_default().to_owned()
}
