//! The service's data folder: its lock, its folders, and where the socket lies.
//!
//! As root we work in folders that an ordinary user may own, so nothing here follows a symbolic link that
//! such a user could have put in the way.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::unistd::geteuid;
use sha2::{Digest as _, Sha256};

use super::PORT;
use super::account::Account;
use super::error::{EmbeddedError, io as io_error};
use super::pid_file;

/// PostgreSQL's own folder in the data folder.
pub(super) const CLUSTER: &str = "postgres";
/// What the server writes to standard error, in the data folder.
pub(super) const LOG: &str = "postgres.log";
/// A log above this size is set aside at the next start, and one such is kept.
const LOG_LIMIT_BYTES: u64 = 16 * 1024 * 1024;
/// The socket's folder in the data folder.
const RUN: &str = "run";
/// The lock that a live service holds, so that it is told apart from a server that is only dying.
const LOCK: &str = "tiltaksplass.lock";
/// How often a held lock is tried, and with which pause: a second in all.
const LOCK_TRIES: u32 = 100;
const LOCK_STEP: Duration = Duration::from_millis(10);
/// The kernel's limit for a socket's path, without the closing zero byte: 107 bytes on Linux, 103 elsewhere.
const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Creates the data folder where it is missing and gives its real path. What root creates can be passed by
/// others, since PostgreSQL will run as one of them; what anybody else creates is for that user alone.
pub(super) fn create_data_dir(path: &Path) -> Result<PathBuf, EmbeddedError> {
    let path = std::path::absolute(path).map_err(io_error("resolve", path))?;
    let mut missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    missing.reverse();
    for folder in missing {
        let created = DirBuilder::new().mode(0o700).create(folder);
        match created {
            Ok(()) if geteuid().is_root() => set_mode(&open_dir(folder)?, folder, 0o711)?,
            Ok(()) => {}
            // Another start was faster; the lock will tell the two apart.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io_error("create the folder", folder)(error)),
        }
    }
    fs::canonicalize(&path).map_err(io_error("resolve", &path))
}

/// Takes the service's lock on the data folder. The kernel gives it back when the process ends, however it
/// ends; but a process that was killed needs a moment to end, and whoever types `kill -9` and starts the
/// service again is faster. So a held lock is looked at again for a second before it counts.
pub(super) fn lock(data_dir: &Path, account: &Account) -> Result<Flock<File>, EmbeddedError> {
    let path = data_dir.join(LOCK);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o644);
    let mut file = open_own(&mut options, &path, account)?;
    for _ in 0..LOCK_TRIES {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut held) => {
                let noted =
                    held.set_len(0).and_then(|()| writeln!(&mut *held, "{}", std::process::id()));
                noted.map_err(io_error("write", &path))?;
                return Ok(held);
            }
            Err((unlocked, Errno::EWOULDBLOCK)) => file = unlocked,
            Err((_, errno)) => return Err(io_error("lock", &path)(errno.into())),
        }
        thread::sleep(LOCK_STEP);
    }
    let holder = pid_file::holder(&fs::read(&path).unwrap_or_default());
    Err(EmbeddedError::AlreadyRunning { path: data_dir.to_owned(), holder })
}

/// Creates a folder that only the account can enter, or makes an existing one so.
pub(super) fn private_dir(path: &Path, account: &Account) -> Result<(), EmbeddedError> {
    create_dir_0700(path)?;
    let folder = open_dir(path)?;
    let metadata = folder.metadata().map_err(io_error("look at", path))?;
    let (uid, gid) = account.ids();
    if metadata.uid() != uid.as_raw() {
        fchown(&folder, Some(uid.as_raw()), Some(gid.as_raw()))
            .map_err(io_error("give away", path))?;
    }
    set_mode(&folder, path, 0o700)
}

/// The folder for the socket: in the data folder, or below `/tmp` where that path is too long.
pub(super) fn socket_dir(data_dir: &Path, account: &Account) -> Result<PathBuf, EmbeddedError> {
    let run = data_dir.join(RUN);
    if fits(&run) {
        private_dir(&run, account)?;
        return Ok(run);
    }
    // Anybody may create folders in /tmp, so here an existing one must already be the account's own:
    // in a folder of another user the socket could be replaced.
    let short = short_socket_dir(data_dir);
    if create_dir_0700(&short)? {
        private_dir(&short, account)?;
    }
    let metadata = fs::symlink_metadata(&short).map_err(io_error("look at", &short))?;
    let (uid, _) = account.ids();
    if metadata.is_dir() && metadata.uid() == uid.as_raw() && metadata.mode() & 0o777 == 0o700 {
        Ok(short)
    } else {
        Err(EmbeddedError::SocketFolder {
            data_dir: data_dir.to_owned(),
            path: short,
            limit: SOCKET_PATH_LIMIT,
        })
    }
}

/// Clears what a stop leaves: nothing in the data folder, the empty folder below `/tmp`.
pub(super) fn leave_socket_dir(data_dir: &Path, socket_dir: &Path) {
    if !socket_dir.starts_with(data_dir) {
        // It is reused by the next start if it stays, so a failure is no matter.
        let _ = fs::remove_dir(socket_dir);
    }
}

/// Whether a server answers on the socket in this folder.
pub(super) fn answers(socket_dir: &Path, port: u16) -> bool {
    UnixStream::connect(socket_dir.join(socket_name(port))).is_ok()
}

/// Opens the server's log for appending; the server inherits it as its standard error.
pub(super) fn open_log(
    data_dir: &Path,
    account: &Account,
) -> Result<(PathBuf, File), EmbeddedError> {
    let path = data_dir.join(LOG);
    if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.len() > LOG_LIMIT_BYTES) {
        let old = data_dir.join(format!("{LOG}.1"));
        fs::rename(&path, &old).map_err(io_error("set aside", &path))?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    let file = open_own(&mut options, &path, account)?;
    Ok((path, file))
}

/// Makes renames and new files in a folder durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), EmbeddedError> {
    open_dir(path)?.sync_all().map_err(io_error("sync", path))
}

/// Opens a plain file that nobody has linked elsewhere. What root creates is given to the account, so that
/// the owner of the data can run the service later without root.
pub(super) fn open_own(
    options: &mut OpenOptions,
    path: &Path,
    account: &Account,
) -> Result<File, EmbeddedError> {
    let file = options
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
        .map_err(io_error("open", path))?;
    let metadata = file.metadata().map_err(io_error("look at", path))?;
    if !metadata.is_file() || metadata.nlink() != 1 {
        return Err(io_error("open", path)(io::Error::other("it is not a plain file of its own")));
    }
    let (uid, gid) = account.ids();
    if metadata.uid() != uid.as_raw() {
        fchown(&file, Some(uid.as_raw()), Some(gid.as_raw()))
            .map_err(io_error("give away", path))?;
    }
    Ok(file)
}

fn open_dir(path: &Path) -> Result<File, EmbeddedError> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY).bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(io_error("open the folder", path))
}

/// Whether the folder was missing and is new.
fn create_dir_0700(path: &Path) -> Result<bool, EmbeddedError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io_error("create the folder", path)(error)),
    }
}

fn set_mode(opened: &File, path: &Path, mode: u32) -> Result<(), EmbeddedError> {
    opened
        .set_permissions(Permissions::from_mode(mode))
        .map_err(io_error("set the permissions of", path))
}

fn socket_name(port: u16) -> String {
    format!(".s.PGSQL.{port}")
}

fn fits(socket_dir: &Path) -> bool {
    let name = socket_name(PORT);
    bytes(socket_dir).len() + 1 + name.len() <= SOCKET_PATH_LIMIT
}

/// Named after the data folder, so that every start of the same data finds the same one.
fn short_socket_dir(data_dir: &Path) -> PathBuf {
    let digest = hex::encode(Sha256::digest(bytes(data_dir)));
    PathBuf::from(format!("/tmp/tiltaksplass-{}", &digest[..16]))
}

fn bytes(path: &Path) -> &[u8] {
    OsStr::as_bytes(path.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_that_fits_is_exact() {
        let folder_of = |length: usize| PathBuf::from(format!("/{}", "x".repeat(length - 1)));
        let longest = SOCKET_PATH_LIMIT - "/.s.PGSQL.5432".len();
        assert!(fits(&folder_of(longest)));
        assert!(!fits(&folder_of(longest + 1)));
    }

    #[test]
    fn a_path_is_measured_in_bytes() {
        assert!(fits(Path::new(&format!("/{}", "o".repeat(90)))));
        assert!(!fits(Path::new(&format!("/{}", "ø".repeat(90)))));
    }

    #[test]
    fn the_short_folder_is_short_and_the_datas_own() {
        let one = short_socket_dir(Path::new("/a/very/long/path"));
        assert!(fits(&one));
        assert_eq!(one, short_socket_dir(Path::new("/a/very/long/path")));
        assert_ne!(one, short_socket_dir(Path::new("/a/very/long/path2")));
    }
}
