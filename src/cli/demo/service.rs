//! The service as a child process.

use std::{
    fs::File, io, os::unix::process::ExitStatusExt as _, path::PathBuf, process::Stdio,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout},
};

use crate::cli::{Failure, demo::place::DemoPlace};

/// What the service's first line begins with.
const LISTENING: &str = "listening on ";
/// How long the service may take to end: its own patience with calls, and some for its
/// database.
const STOP_WITHIN: Duration = Duration::from_secs(40);
/// How long a broken connection may be ahead of the news of a death.
const NEWS: Duration = Duration::from_millis(500);
/// How much of the log is shown.
const TAIL_LINES: usize = 20;

/// A running service. Dropped, it is killed; its database ends with it.
pub(super) struct Service {
    child: Child,
    log: PathBuf,
}

/// What the service prints.
pub(super) struct Output(Lines<BufReader<ChildStdout>>);

impl Service {
    /// Starts the service on a free port. It is in a process group of its own, so that
    /// Ctrl-C reaches us alone and we end it in order.
    pub(super) fn spawn(place: &DemoPlace) -> Result<(Self, Output), Failure> {
        let log = place.log();
        let file =
            File::create(&log).map_err(|e| format!("{} cannot be written: {e}", log.display()))?;
        let mut child = place
            .program(&["serve", "--listen", "127.0.0.1:0"])?
            .stdout(Stdio::piped())
            .stderr(file)
            .process_group(0)
            .spawn()
            .map_err(|e| format!("the service cannot be started: {e}"))?;
        let output = child.stdout.take().ok_or("the service has no standard output")?;
        Ok((Self { child, log }, Output(BufReader::new(output).lines())))
    }

    /// Resolves when the service has ended, with what it said last.
    pub(super) async fn died(&mut self) -> Failure {
        match self.child.wait().await {
            Ok(status) => self.obituary(&format!("the service has ended ({status})")),
            Err(error) => self.obituary(&format!("the service cannot be watched: {error}")),
        }
    }

    /// A failed call has its cause in the service if that is no more; otherwise the service
    /// is stopped and the failure stands, with what the service had to say.
    pub(super) async fn explain(&mut self, failure: Failure) -> Failure {
        if let Ok(died) = tokio::time::timeout(NEWS, self.died()).await {
            return died;
        }
        match self.stop().await {
            Ok(()) => self.obituary(&failure.to_string()),
            Err(other) => format!("{failure}\n  {other}").into(),
        }
    }

    /// Asks the service to end, and waits until it and its database are gone.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) else {
            return Ok(());
        };
        // It may have ended by itself a moment ago, which the wait finds out.
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        match tokio::time::timeout(STOP_WITHIN, self.child.wait()).await {
            // Before it serves, the signal ends it as it ends any program.
            Ok(Ok(status))
                if status.success() || status.signal() == Some(Signal::SIGTERM as i32) =>
            {
                Ok(())
            }
            Ok(Ok(status)) => {
                Err(self.obituary(&format!("the service did not end well: {status}")))
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => {
                self.child.kill().await?;
                let seconds = STOP_WITHIN.as_secs();
                Err(self.obituary(&format!("the service did not end within {seconds} s")))
            }
        }
    }

    fn obituary(&self, what: &str) -> Failure {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n    ");
        let path = self.log.display();
        let tail = if tail.is_empty() { "(nothing)" } else { tail.as_str() };
        format!("{what}\nThe service's log {path} ends with:\n    {tail}").into()
    }
}

impl Output {
    /// Where the service listens, as its first line says. It may print on: somebody must
    /// read, or it would fail.
    pub(super) async fn address(mut self) -> Result<String, Failure> {
        let first = self.0.next_line().await?;
        tokio::spawn(async move { self.drain().await });
        match first {
            Some(line) => line
                .strip_prefix(LISTENING)
                .map(str::to_owned)
                .ok_or_else(|| format!("the service began with `{line}`").into()),
            // It has closed its output, so it is about to end, and whoever waits for that
            // knows more to tell.
            None => std::future::pending().await,
        }
    }

    async fn drain(&mut self) -> io::Result<()> {
        while self.0.next_line().await?.is_some() {}
        Ok(())
    }
}
