//! As whom PostgreSQL runs: it refuses root, so a service that runs as root must choose somebody else.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, User, getegid, geteuid};

use super::child;
use super::error::{EmbeddedError, io as io_error};
use super::folder;

/// Whom root runs PostgreSQL as where the data folder names nobody, best first.
const FALLBACKS: [&str; 2] = ["postgres", "nobody"];

/// The user that runs PostgreSQL.
#[derive(Debug, Clone)]
pub(super) struct Account {
    uid: Uid,
    gid: Gid,
    name: Option<String>,
    /// Whether we are root and must become this user first.
    switch: bool,
}

impl Account {
    /// Ourselves; or, as root, the owner of PostgreSQL's folder, else of the data folder, else `postgres`,
    /// else `nobody`.
    pub(super) fn choose(data_dir: &Path) -> Result<Account, EmbeddedError> {
        let cluster = data_dir.join(folder::CLUSTER);
        let ours = owner(data_dir)?;
        let theirs = if cluster.exists() { Some(owner(&cluster)?) } else { None };
        let account = if geteuid().is_root() {
            let named = theirs
                .filter(|(uid, _)| !uid.is_root())
                .or(Some(ours).filter(|(uid, _)| !uid.is_root()));
            Account {
                switch: true,
                ..named.map_or_else(fallback, |(uid, gid)| Ok(account_of(uid, gid)))?
            }
        } else {
            account_of(geteuid(), getegid())
        };
        match theirs {
            Some((uid, gid)) if uid != account.uid => Err(EmbeddedError::NotOwner {
                path: cluster,
                owner: account_of(uid, gid).label(),
                user: account.label(),
            }),
            Some(_) | None => Ok(account),
        }
    }

    /// The user and group to become, if we are root.
    pub(super) fn switch_to(&self) -> Option<(Uid, Gid)> {
        self.switch.then_some((self.uid, self.gid))
    }

    /// Whom a folder of PostgreSQL must belong to.
    pub(super) fn ids(&self) -> (Uid, Gid) {
        (self.uid, self.gid)
    }

    /// The user's name, or its number where it has none.
    pub(super) fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("uid {}", self.uid))
    }

    /// `initdb` looks up its own name. Only a new data folder needs that; a server starts without.
    pub(super) fn must_have_name(&self) -> Result<(), EmbeddedError> {
        match self.name {
            Some(_) => Ok(()),
            None => {
                Err(EmbeddedError::NoPasswdEntry { uid: self.uid.as_raw(), gid: self.gid.as_raw() })
            }
        }
    }

    /// Tries whether the user may enter the folder. It is tried, not computed from permission bits: access
    /// control lists and security modules have a say too.
    pub(super) fn must_reach(&self, path: &Path) -> Result<(), EmbeddedError> {
        let mut enter = child::command(Path::new("/bin/sh"), self, Signal::SIGTERM);
        enter.args(["-c", ":"]).current_dir(path).stdin(Stdio::null());
        match enter.status() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(EmbeddedError::Unreachable { user: self.label(), path: self.stopped_at(path) })
            }
            Err(error) => Err(io_error("enter the folder", path)(error)),
        }
    }

    /// The outermost folder whose permission bits stop the user; the folder itself where they explain nothing.
    fn stopped_at(&self, path: &Path) -> PathBuf {
        let passes = |folder: &Path| {
            let Ok(metadata) = fs::metadata(folder) else {
                return false;
            };
            let shift = if metadata.uid() == self.uid.as_raw() {
                6
            } else if metadata.gid() == self.gid.as_raw() {
                3
            } else {
                0
            };
            metadata.permissions().mode() >> shift & 1 == 1
        };
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        ancestors.into_iter().find(|folder| !passes(folder)).unwrap_or(path).to_owned()
    }
}

fn owner(path: &Path) -> Result<(Uid, Gid), EmbeddedError> {
    let metadata = fs::symlink_metadata(path).map_err(io_error("look at", path))?;
    Ok((Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid())))
}

/// The account of a user id; `gid` is what it gets where the user database does not know it.
fn account_of(uid: Uid, gid: Gid) -> Account {
    match User::from_uid(uid).ok().flatten() {
        Some(user) => Account { uid, gid: user.gid, name: Some(user.name), switch: false },
        None => Account { uid, gid, name: None, switch: false },
    }
}

fn fallback() -> Result<Account, EmbeddedError> {
    let known = FALLBACKS.iter().find_map(|name| User::from_name(name).ok().flatten());
    known.map(|user| account_of(user.uid, user.gid)).ok_or(EmbeddedError::NobodyToRunAs)
}
