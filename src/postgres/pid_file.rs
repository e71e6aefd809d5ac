//! `postmaster.pid`: what a running server says of itself in its data folder.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The file's name in PostgreSQL's folder.
pub(super) const NAME: &str = "postmaster.pid";

/// The lines of the file that matter here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    pub(super) port: u16,
    pub(super) socket_dir: PathBuf,
    pub(super) ready: bool,
}

/// Reads a file that is complete as far as its socket folder (line 5). The server writes it line by line
/// while it starts, so anything less means "not yet". A single-user server writes a negative number.
pub(super) fn parse(text: &[u8]) -> Option<PidFile> {
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let number = |line: usize| std::str::from_utf8(lines.get(line)?).ok().map(str::trim);
    let socket_dir = lines.get(4).filter(|line| !line.is_empty())?;
    Some(PidFile {
        pid: number(0)?.parse().ok()?,
        port: number(3)?.parse().ok()?,
        socket_dir: PathBuf::from(OsStr::from_bytes(socket_dir)),
        ready: number(7).is_some_and(|status| status == "ready"),
    })
}

/// Who holds the file, in words; a file that is being written or was left half written names nobody.
pub(super) fn holder(text: &[u8]) -> String {
    let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match std::str::from_utf8(first).ok().and_then(|line| line.trim().parse::<i64>().ok()) {
        Some(pid) => format!("process {}", pid.unsigned_abs()),
        None => "process unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &[u8] =
        b"4711\n/data/postgres\n1790000000\n5432\n/data/run\n\n  9830419     32768\nready   \n";

    #[test]
    fn reads_a_ready_server() {
        let expected =
            PidFile { pid: 4711, port: 5432, socket_dir: "/data/run".into(), ready: true };
        assert_eq!(parse(READY), Some(expected));
    }

    #[test]
    fn a_server_that_starts_or_stops_is_not_ready() {
        for status in ["starting", "stopping", "standby ", ""] {
            let text = String::from_utf8_lossy(READY).replace("ready   ", status);
            assert_eq!(parse(text.as_bytes()).map(|found| found.ready), Some(false), "{status}");
        }
        let seven_lines =
            b"4711\n/data/postgres\n1790000000\n5432\n/data/run\n\n  9830419     32768\n";
        assert_eq!(parse(seven_lines).map(|found| found.ready), Some(false));
    }

    #[test]
    fn half_a_file_says_nothing() {
        let cases: [&[u8]; 5] = [
            b"",
            b"4711\n",
            b"4711\n/data/postgres\n1790000000\n",
            b"x\n/d\n1\n5432\n/run\n",
            b"4711\n/d\n1\n5432\n\n",
        ];
        for text in cases {
            assert_eq!(parse(text), None, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_single_user_server_is_no_server() {
        assert_eq!(parse(b"-4711\n/data\n1\n5432\n/run\n\n\nready\n"), None);
        assert_eq!(holder(b"-4711\n/data\n1\n"), "process 4711");
        assert_eq!(holder(b""), "process unknown");
    }

    #[test]
    fn a_path_need_not_be_utf8() {
        let text = b"1\n/d\n1\n5432\n/r\xffn\n\n1 1\nready   \n";
        assert_eq!(
            parse(text).map(|found| found.socket_dir),
            Some(PathBuf::from(OsStr::from_bytes(b"/r\xffn")))
        );
    }
}
