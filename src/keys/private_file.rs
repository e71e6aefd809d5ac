//! Files that hold secrets: readable for their owner alone, and there either whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{KeyError, random};

/// Permission bits that group and others must not have.
const OTHERS: u32 = 0o077;
const PERMISSIONS: u32 = 0o7777;

/// The contents of a private file, or none where there is no such file.
pub(crate) fn load(path: &Path, max_bytes: usize) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
    let malformed =
        |reason: &str| KeyError::Malformed { path: path.to_owned(), reason: reason.to_owned() };
    // Looked at before it is opened, because opening a pipe would wait for ever.
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(malformed("it is not a regular file")),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    let file = File::open(path).map_err(unreadable)?;
    // The permissions are asked of the open file: a path can be exchanged between two looks.
    let mode = file.metadata().map_err(unreadable)?.mode() & PERMISSIONS;
    if mode & OTHERS != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode });
    }
    // All room is taken at once, since a vector that grows leaves copies of the secret behind.
    let mut contents = Zeroizing::new(Vec::with_capacity(max_bytes + 1));
    file.take(max_bytes as u64 + 1).read_to_end(&mut contents).map_err(unreadable)?;
    if contents.len() > max_bytes {
        return Err(malformed(&format!("it is longer than {max_bytes} bytes")));
    }
    Ok(Some(contents))
}

/// Makes a private file and gives what then stands in it: these contents, or those of another who
/// was faster.
///
/// The contents are written and synced under another name first and then linked to their own. A
/// rename was rejected: it would replace the key of a faster creator, who may have sealed
/// something with it.
pub(crate) fn create(
    path: &Path,
    contents: &[u8],
    max_bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let not_created = |source| KeyError::NotCreated { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let temporary = temporary_name(folder, path)?;
    let linked = write_new(&temporary, contents).and_then(|()| link_unless_there(&temporary, path));
    // Whatever came of it, no second name of the secret stays behind.
    let removed = match fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    linked.and(removed).map_err(not_created)?;
    // Nothing may be sealed with a key whose name a power cut could still take away.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(not_created)?;
    load(path, max_bytes)?.ok_or_else(|| KeyError::Missing { path: path.to_owned() })
}

/// Puts these contents in the place of a private file's: whoever reads it finds the old ones or
/// the new ones, whole, also after a power cut.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> Result<(), KeyError> {
    let not_changed = |source| KeyError::NotCreated { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let temporary = temporary_name(folder, path)?;
    let replaced = write_new(&temporary, contents).and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        // Whatever came of it, no second copy of the secret stays behind.
        let _ = fs::remove_file(&temporary);
    }
    replaced.map_err(not_changed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(not_changed)
}

/// A name in the same folder that nobody else uses.
fn temporary_name(folder: &Path, path: &Path) -> Result<PathBuf, KeyError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(folder.join(format!(".{name}.{}.tmp", hex::encode(random::<8>()?))))
}

fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

fn link_unless_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}
