//! Where PostgreSQL's programs are: the usual places, best first, and which of them will do.

use std::collections::HashSet;
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use super::Settings;
use super::account::Account;
use super::child;
use super::download;
use super::error::EmbeddedError;
use super::folder;

/// The oldest major version whose behaviour the service is tested on.
pub(super) const OLDEST_MAJOR: u32 = 15;

/// Where packages put their versions side by side: folder, prefix of the version's folder, rest of the path.
const SHELVES: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A version as the server tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) major: u32,
    text: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A folder whose programs run for the account.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    folder: PathBuf,
    pub(super) version: Version,
}

impl Binaries {
    /// The path of one of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The first place whose programs run for the account and fit the data: any supported version for new data,
/// the very major version for existing data, since PostgreSQL reads no other.
pub(super) fn find(
    settings: &Settings,
    account: &Account,
    data_dir: &Path,
    wanted: Option<u32>,
) -> Result<Binaries, EmbeddedError> {
    let mut search = Search { account, wanted, looked: Vec::new(), others: Vec::new() };
    let cluster = data_dir.join(folder::CLUSTER);
    if let Some(configured) = &settings.bin_dir {
        // What is configured is meant: nothing else is tried in its place.
        return search.take(configured).ok_or_else(|| search.configured_error(configured, cluster));
    }
    if let Some(found) = candidates().iter().find_map(|folder| search.take(folder)) {
        return Ok(found);
    }
    let cache = download::cache_dir(data_dir);
    if let Some(found) = search.take(&download::bin_dir(&cache)) {
        return Ok(found);
    }
    if wanted.is_none_or(|major| major == download::MAJOR) {
        if settings.allow_download {
            match download::fetch(&cache, account) {
                Ok(folder) => {
                    if let Some(found) = search.take(&folder) {
                        return Ok(found);
                    }
                }
                Err(error) => search.looked.push(format!("the download failed: {error}")),
            }
        } else {
            search.looked.push("downloading is switched off".to_owned());
        }
    }
    Err(search.error(cluster))
}

/// The places to look, best first, each once.
fn candidates() -> Vec<PathBuf> {
    let on_path: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let on_shelves = SHELVES.iter().flat_map(|(shelf, prefix, rest)| {
        newest_first(names(Path::new(shelf)), prefix)
            .into_iter()
            .map(move |name| Path::new(shelf).join(name).join(rest))
    });
    let mut candidates: Vec<PathBuf> = on_path.iter().cloned().chain(on_shelves).collect();
    candidates.extend(told_by_pg_config(&on_path));
    let mut seen = HashSet::new();
    // A relative entry of PATH would depend on where we happen to stand.
    candidates.retain(|folder| {
        folder.is_absolute() && fs::canonicalize(folder).is_ok_and(|real| seen.insert(real))
    });
    candidates
}

/// What has been looked at, and why it would not do.
struct Search<'a> {
    account: &'a Account,
    wanted: Option<u32>,
    looked: Vec<String>,
    /// Versions that run but are not the one the data needs.
    others: Vec<Version>,
}

impl Search<'_> {
    fn take(&mut self, folder: &Path) -> Option<Binaries> {
        if !["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()) {
            return None;
        }
        let version = match self.probe(folder) {
            Ok(version) => version,
            Err(error) => {
                self.looked.push(format!(
                    "{} does not run as {}: {error}",
                    folder.display(),
                    self.account.label()
                ));
                return None;
            }
        };
        if version.major < OLDEST_MAJOR {
            self.looked.push(format!("{} is version {version}", folder.display()));
            return None;
        }
        if self.wanted.is_some_and(|major| major != version.major) {
            if !self.others.contains(&version) {
                self.others.push(version);
            }
            return None;
        }
        Some(Binaries { folder: folder.to_owned(), version })
    }

    /// Asks as the account: a folder below /root has the programs but not for the user that will run them.
    fn probe(&self, folder: &Path) -> Result<Version, EmbeddedError> {
        let mut ask = child::command(&folder.join("postgres"), self.account, Signal::SIGTERM);
        ask.arg("--version");
        let said = child::run(ask, "")?;
        parse_version(&said).ok_or_else(|| EmbeddedError::Program {
            program: "postgres --version".to_owned(),
            status: "no version in its answer".to_owned(),
            output: child::tail(&said),
        })
    }

    fn error(self, cluster: PathBuf) -> EmbeddedError {
        match self.wanted {
            Some(found) => {
                let others = self.others.iter().map(|version| format!("there is {version}"));
                let here: Vec<String> = others.chain(self.looked).collect();
                let here = if here.is_empty() {
                    "there is none at all".to_owned()
                } else {
                    here.join("; ")
                };
                EmbeddedError::OtherMajor { path: cluster, found, here }
            }
            None => EmbeddedError::NoPostgres { looked: self.looked },
        }
    }

    fn configured_error(self, configured: &Path, cluster: PathBuf) -> EmbeddedError {
        if !self.others.is_empty() {
            return self.error(cluster);
        }
        let why = if self.looked.is_empty() {
            "`initdb` or `postgres` is missing in it".to_owned()
        } else {
            self.looked.join("; ")
        };
        EmbeddedError::BadBinaries { path: configured.to_owned(), why }
    }
}

/// From `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`; also `17beta1` and `18devel`.
fn parse_version(said: &str) -> Option<Version> {
    let text = said
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some(Version { major: text[..digits].parse().ok()?, text: text.to_owned() })
}

/// The names that are the prefix and a version number, the newest first. As text `9.6` would beat `15`.
fn newest_first(names: Vec<String>, prefix: &str) -> Vec<String> {
    let numbers = |name: &str| -> Option<Vec<u32>> {
        name.strip_prefix(prefix)?.split('.').map(|part| part.parse().ok()).collect()
    };
    let mut versions: Vec<(Vec<u32>, String)> =
        names.into_iter().filter_map(|name| Some((numbers(&name)?, name))).collect();
    versions.sort_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, name)| name).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// `pg_config` comes with the client's development package and knows where its server's programs would be.
fn told_by_pg_config(on_path: &[PathBuf]) -> Option<PathBuf> {
    let program =
        on_path.iter().map(|folder| folder.join("pg_config")).find(|program| program.is_file())?;
    let output = std::process::Command::new(program).arg("--bindir").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn newest_comes_first_by_number() {
        assert_eq!(
            newest_first(owned(&["9.6", "15", "17", "9.10", "16"]), ""),
            ["17", "16", "15", "9.10", "9.6"]
        );
        assert_eq!(
            newest_first(owned(&["pgsql-9.6", "pgsql-17", "pgsql-16"]), "pgsql-"),
            ["pgsql-17", "pgsql-16", "pgsql-9.6"]
        );
    }

    #[test]
    fn other_names_on_the_shelf_are_left_alone() {
        assert_eq!(
            newest_first(
                owned(&["postgresql", "postgresql@15", "redis", "postgresql@"]),
                "postgresql@"
            ),
            ["postgresql@15"]
        );
        assert!(newest_first(owned(&["lib", "latest", ""]), "").is_empty());
    }

    #[test]
    fn versions_are_read_as_the_server_tells_them() {
        let cases = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some((15, "15.18"))),
            ("postgres (PostgreSQL) 18.6\n", Some((18, "18.6"))),
            ("postgres (PostgreSQL) 17beta1\n", Some((17, "17beta1"))),
            ("postgres (PostgreSQL) 9.6.24\n", Some((9, "9.6.24"))),
            ("nothing of the kind\n", None),
        ];
        for (said, expected) in cases {
            let version = parse_version(said);
            assert_eq!(
                version.as_ref().map(|found| (found.major, found.text.as_str())),
                expected,
                "{said}"
            );
        }
    }
}
