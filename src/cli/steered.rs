//! The service that `demo` starts: `serve`, but for its clock, which can be put forward.
//!
//! How far stands in what is read from standard input, which must be a pipe. So only the
//! process that starts this one can put its clock forward: no option, no variable of the
//! environment and no call does, and `serve` does not read its standard input at all.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    os::{fd::AsFd as _, unix::fs::FileTypeExt as _},
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
};

use tokio::sync::oneshot;

use crate::{
    app::{Clock, SystemClock},
    cli::{Failure, place::PlaceArgs, say, serve},
    config::Config,
    domain::calendar::Timestamp,
    server::Limits,
};

/// The file with which `demo` marks its data folder.
pub(super) const MARK: &str = "demonstration";
/// The farthest the clock may be put forward, in seconds: a hundred years.
const AHEAD_MAX_SECONDS: i64 = 100 * 366 * 86_400;

/// Runs the service on a free port of the loopback address until it is told to stop, or
/// until whoever holds the other end of the pipe is gone.
pub(super) async fn serve_steered(place: &PlaceArgs) -> Result<ExitCode, Failure> {
    let pipe = inherited_pipe()?;
    require_demonstration(&place.folder()?)?;
    serve::log_to_stderr();
    let asked = serve::stop_asked()?;
    let clock = Arc::new(SteeredClock::default());
    let let_go = follow(pipe, Arc::clone(&clock))?;
    let stop = Box::pin(async move {
        tokio::select! {
            () = asked => {}
            // Whether something was wrong or the end was reached, nobody steers any more.
            _ = let_go => {}
        }
    });
    // Its clock is not to be the database's.
    let limits = Limits { readiness: None, ..Limits::default() };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    serve::run(listen, &Config::default(), place, clock, limits, stop).await
}

/// Standard input, if it is a pipe.
fn inherited_pipe() -> Result<File, Failure> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    if input.metadata()?.file_type().is_fifo() {
        return Ok(input);
    }
    Err("this command is a part of `demo`, which starts it with a pipe; use `serve`".into())
}

/// Refuses a folder that `demo` has not marked as its own. What is recorded at a time to come
/// keeps its ledger there, and no real one may ever be.
fn require_demonstration(folder: &Path) -> Result<(), Failure> {
    if folder.join(MARK).exists() {
        return Ok(());
    }
    Err("this command is a part of `demo`, which marks its folder; use `serve`".into())
}

/// Puts the clock forward as the lines of the pipe say, on a thread of its own: a read of
/// a pipe cannot be given up. Resolves at the end of the pipe, or at a line that is wrong.
fn follow(pipe: File, clock: Arc<SteeredClock>) -> Result<oneshot::Receiver<()>, Failure> {
    let (hold, let_go) = oneshot::channel::<()>();
    thread::Builder::new().name("steered clock".to_owned()).spawn(move || {
        let _hold = hold;
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let Some(seconds) = seconds_ahead(&line) else {
                tracing::error!("what came through the pipe is no number of seconds");
                return;
            };
            say(clock_is_ahead(clock.put_ahead(seconds)));
        }
    })?;
    Ok(let_go)
}

fn seconds_ahead(line: &str) -> Option<i64> {
    line.parse().ok().filter(|seconds| (0..=AHEAD_MAX_SECONDS).contains(seconds))
}

/// What is printed when the clock has been put forward.
pub(super) fn clock_is_ahead(seconds: i64) -> String {
    format!("the clock is {seconds} s ahead")
}

/// The machine's clock, put forward. It never goes back, whatever the machine's does.
#[derive(Default)]
struct SteeredClock {
    ahead_micros: AtomicI64,
    last_micros: AtomicI64,
}

impl SteeredClock {
    /// Puts the clock so far ahead of the machine's, unless it is already; answers how far
    /// it is.
    fn put_ahead(&self, seconds: i64) -> i64 {
        let micros = seconds * 1_000_000;
        self.ahead_micros.fetch_max(micros, Ordering::SeqCst).max(micros) / 1_000_000
    }
}

impl Clock for SteeredClock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now().micros() + self.ahead_micros.load(Ordering::SeqCst);
        let last = self.last_micros.fetch_max(now, Ordering::SeqCst);
        Timestamp::from_micros(now.max(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_forward_only() {
        let clock = SteeredClock::default();
        let machine = SystemClock.now();
        let first = clock.now();
        assert!(first >= machine);
        assert_eq!(clock.put_ahead(86_400), 86_400);
        let second = clock.now();
        assert!(second.minus_days(1) >= first);
        assert_eq!(clock.put_ahead(60), 86_400, "less is no step back");
        assert!(clock.now() >= second);
        clock.last_micros.store(second.micros() * 2, Ordering::SeqCst);
        assert_eq!(clock.now().micros(), second.micros() * 2, "nor is the machine's own");
    }

    #[test]
    fn a_line_is_a_number_of_seconds() {
        let cases = [("0", Some(0)), ("691201", Some(691_201)), ("-1", None), ("", None)];
        for (line, expected) in cases {
            assert_eq!(seconds_ahead(line), expected, "{line}");
        }
        assert_eq!(seconds_ahead(&(AHEAD_MAX_SECONDS + 1).to_string()), None);
    }
}
