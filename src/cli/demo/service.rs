//! The service as a child process.

use std::{
    fs::File,
    future::Future,
    io,
    net::SocketAddr,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::process::ExitStatusExt as _,
    },
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

use crate::cli::{Failure, demo::place::DemoPlace, steered::clock_is_ahead};

/// What the service's first line begins with.
const LISTENING: &str = "listening on ";
/// How long the service may take to end: its own patience with calls, and some for its
/// database.
const STOP_WITHIN: Duration = Duration::from_secs(40);
/// How long the service may take to put its clock forward.
const STEER_WITHIN: Duration = Duration::from_secs(10);
/// How long a broken connection may be ahead of the news of a death.
const NEWS: Duration = Duration::from_millis(500);
/// How much of the log is shown.
const TAIL_LINES: usize = 20;

/// As what the service is started.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// On a free port, with a clock that we can put forward.
    Steered,
    /// As everybody starts it.
    Plain(SocketAddr),
}

/// A running service. Dropped, it is killed; its database ends with it.
pub(super) struct Service {
    child: Child,
    log: PathBuf,
    /// The pipe to its clock once more: it lives as long as this, whatever becomes of the
    /// wires, since a service that nobody can steer ends.
    _clock: Option<OwnedFd>,
}

/// What the service prints, and the pipe to its clock.
pub(super) struct Wires {
    output: Lines<BufReader<ChildStdout>>,
    clock: Option<ChildStdin>,
}

impl Service {
    /// Starts the service. It is in a process group of its own, so that Ctrl-C reaches us
    /// alone and we end it in order.
    pub(super) fn spawn(place: &DemoPlace, kind: Kind) -> Result<(Self, Wires), Failure> {
        let log = place.log();
        // Where it is started again, what it said before stays.
        let file = File::options().create(true).append(true).open(&log);
        let file = file.map_err(|e| format!("{} cannot be written: {e}", log.display()))?;
        let mut program = match kind {
            Kind::Steered => place.program(&["demo-service"])?,
            Kind::Plain(listen) => place.program(&["serve", "--listen", &listen.to_string()])?,
        };
        if let Kind::Steered = kind {
            program.stdin(Stdio::piped());
        }
        let mut child = program
            .stdout(Stdio::piped())
            .stderr(file)
            .process_group(0)
            .spawn()
            .map_err(|e| format!("the service cannot be started: {e}"))?;
        let output = child.stdout.take().ok_or("the service has no standard output")?;
        let clock = child.stdin.take();
        let held = clock.as_ref().map(|clock| clock.as_fd().try_clone_to_owned()).transpose()?;
        Ok((
            Self { child, log, _clock: held },
            Wires { output: BufReader::new(output).lines(), clock },
        ))
    }

    /// Does a part of the story while the service is watched: its end is the part's too, and
    /// says more than a broken connection does.
    pub(super) async fn watch<T>(
        &mut self,
        part: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let done = tokio::select! {
            failure = self.died() => return Err(failure),
            done = part => done,
        };
        match done {
            Ok(done) => Ok(done),
            Err(failure) => Err(self.explain(failure).await),
        }
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
    async fn explain(&mut self, failure: Failure) -> Failure {
        if let Ok(died) = tokio::time::timeout(NEWS, self.died()).await {
            return died;
        }
        match self.stop().await {
            Ok(()) => self.obituary(&failure.to_string()),
            Err(other) => format!("{failure}\n  {other}").into(),
        }
    }

    /// Ends the service without a word (SIGKILL), in the middle of whatever it does.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        Ok(self.child.kill().await?)
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

impl Wires {
    /// Where the service listens, as its first line says.
    pub(super) async fn address(&mut self) -> Result<String, Failure> {
        match self.output.next_line().await? {
            Some(line) => line
                .strip_prefix(LISTENING)
                .map(str::to_owned)
                .ok_or_else(|| format!("the service began with `{line}`").into()),
            // It has closed its output, so it is about to end, and whoever waits for that
            // knows more to tell.
            None => std::future::pending().await,
        }
    }

    /// Puts the service's clock so far ahead of the machine's, and waits until it is.
    pub(super) async fn put_clock_ahead(&mut self, seconds: i64) -> Result<(), Failure> {
        let clock = self.clock.as_mut().ok_or("this service's clock cannot be steered")?;
        clock.write_all(format!("{seconds}\n").as_bytes()).await?;
        let said = clock_is_ahead(seconds);
        let put = tokio::time::timeout(STEER_WITHIN, self.hears(&said));
        let within = STEER_WITHIN.as_secs();
        put.await.map_err(|_| format!("the clock was not put forward within {within} s"))??;
        Ok(())
    }

    /// Reads until this line has come.
    async fn hears(&mut self, wanted: &str) -> io::Result<()> {
        while let Some(line) = self.output.next_line().await? {
            if line == wanted {
                return Ok(());
            }
        }
        std::future::pending().await
    }
}
