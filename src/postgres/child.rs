//! Programs of PostgreSQL as children: as whom they run, with which environment, and how they end with us.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use nix::sys::signal::Signal;

use super::account::Account;
use super::error::EmbeddedError;

/// How much of a failed program's words goes into an error.
const TAIL_BYTES: usize = 2_000;

/// Kept from our own environment. Everything else is dropped: `PGPORT`, `PGDATA` and `PGOPTIONS` would
/// change the server, `LC_*` its messages, and `NOTIFY_SOCKET` would let it tell systemd that *we* are ready.
const KEPT_VARIABLES: [&str; 2] = ["PATH", "LD_LIBRARY_PATH"];

/// A command that runs as the account, outside our folder and our process group, and that gets `on_death`
/// when the calling thread ends.
pub(super) fn command(program: &Path, account: &Account, on_death: Signal) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
    for name in KEPT_VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // Our own working folder need not be one that the account may enter, and initdb insists on entering it.
    command.current_dir("/");
    if let Some((uid, gid)) = account.switch_to() {
        // The standard library drops the supplementary groups of root as well when it sets a uid.
        command.uid(uid.as_raw()).gid(gid.as_raw());
    }
    tie(&mut command, on_death);
    command
}

/// Puts the command in a process group of its own, so that Ctrl-C reaches the service first and it decides,
/// and asks the kernel to send `on_death` when the thread that spawns it ends.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub(super) fn tie(command: &mut Command, on_death: Signal) {
    let parent = nix::unistd::getpid();
    command.process_group(0);
    let ask = move || {
        nix::sys::prctl::set_pdeathsig(on_death)?;
        // The parent may have died before the kernel was asked; then no signal will ever come.
        if nix::unistd::getppid() == parent {
            Ok(())
        } else {
            Err(std::io::Error::from(nix::errno::Errno::ESRCH))
        }
    };
    // SAFETY: between fork and exec the closure makes two system calls that are async-signal-safe, allocates
    // nothing and takes no lock. The standard library runs it after it has set gid and uid, which matters:
    // a change of user id clears the request.
    unsafe { command.pre_exec(ask) };
}

/// Elsewhere the kernel offers nothing like it: a server that outlives us is stopped by the next start.
#[cfg(not(target_os = "linux"))]
pub(super) fn tie(command: &mut Command, _on_death: Signal) {
    command.process_group(0);
}

/// Runs a command to its end, with `input` on its standard input, and gives what it wrote to standard output.
pub(super) fn run(mut command: Command, input: &str) -> Result<String, EmbeddedError> {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let failed = |status: String, output: String| EmbeddedError::Program {
        program: program.clone(),
        status,
        output,
    };
    let not_run =
        |error: std::io::Error| failed("it could not be run".to_owned(), error.to_string());

    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(not_run)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading its input says more by its status than a broken pipe does.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(not_run)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(failed(
        ended(output.status),
        tail(&format!("{said}\n{}", String::from_utf8_lossy(&output.stderr))),
    ))
}

/// How a child ended, in words.
pub(super) fn ended(status: ExitStatus) -> String {
    status.to_string()
}

/// The end of a text, on one line, as an error can carry it.
pub(super) fn tail(text: &str) -> String {
    let text = text.trim();
    let from = text.len().saturating_sub(TAIL_BYTES);
    let from = (from..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    let mut end = String::new();
    for line in text[from..].lines().map(str::trim).filter(|line| !line.is_empty()) {
        let separator = if end.is_empty() { "" } else { " | " };
        // Writing to a string cannot fail.
        let _ = write!(end, "{separator}{line}");
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_one_line_and_bounded() {
        assert_eq!(tail("\n a\n\n  b \n"), "a | b");
        assert_eq!(tail(""), "");
        assert!(tail(&"æ".repeat(5_000)).len() <= TAIL_BYTES);
    }
}
