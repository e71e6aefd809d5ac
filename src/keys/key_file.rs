//! What stands in the key file, and how a rotation changes it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use super::envelope::{Secret, random};
use super::{Held, KeyError, RetiredKeys, VersionKeys, Versions, private_file};

/// Room for some eighty versions; what is longer is not a key file.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// The form of the file, as a person who mends one is told it.
const FORM: &str = r#"{"current":1,"keys":{"1":"<64 hexadecimal digits>"}}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    current: i32,
    keys: BTreeMap<i32, String>,
    /// What is left of versions under which nobody is sealed or found any more.
    #[serde(default)]
    retired: BTreeMap<i32, RetiredContents>,
}

/// The two sub-keys that the log needs for good: it cannot be written anew. Neither the main key
/// nor any other sub-key follows from them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetiredContents {
    adviser: String,
    fingerprint: String,
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.keys.values_mut().for_each(Zeroize::zeroize);
        for retired in self.retired.values_mut() {
            retired.adviser.zeroize();
            retired.fingerprint.zeroize();
        }
    }
}

/// The text of a new key file with one random key.
pub(super) fn generate() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let keys = BTreeMap::from([(1, new_key()?)]);
    Ok(render(&Contents { current: 1, keys, retired: BTreeMap::new() }))
}

/// The keys that a file holds. Errors say where the mistake is, never what stands there.
pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Versions, KeyError> {
    versions(path, &contents(path, text)?)
}

/// Adds a version with a random key that is not yet used for writing; says which. One that was
/// added and is not used yet is not followed by another.
pub fn add_version(path: &Path) -> Result<i32, KeyError> {
    change(path, |contents| {
        let held = contents.held();
        if let Some(pending) = held.pending() {
            return Err(KeyError::Step(format!(
                "key version {pending} has been added and is not used yet: go on with `keys use`"
            )));
        }
        let old = held.older();
        if !old.is_empty() {
            return Err(KeyError::Step(format!(
                "{} is not retired yet: finish that rotation with `keys retire` first",
                named(&old)
            )));
        }
        let last = contents.keys.keys().chain(contents.retired.keys()).max();
        let version = last.copied().unwrap_or(0) + 1;
        contents.keys.insert(version, new_key()?);
        Ok(version)
    })
}

/// Makes a version the one that is written under.
pub fn use_version(path: &Path, version: i32) -> Result<(), KeyError> {
    change(path, |contents| {
        contents.current = version;
        Ok(())
    })
}

/// Takes the main keys of all versions before the current one out of the file, and leaves what the
/// log needs of them; says of which.
pub fn retire_versions(path: &Path) -> Result<Vec<i32>, KeyError> {
    change(path, |contents| {
        let old = contents.held().older();
        for version in &old {
            let Some(mut digits) = contents.keys.remove(version) else { continue };
            let main = secret(path, *version, &digits);
            digits.zeroize();
            let keys = VersionKeys::derive(*version, &main?);
            let retired = RetiredContents {
                adviser: hex::encode(keys.adviser_hmac.bytes()),
                fingerprint: hex::encode(keys.fingerprint.bytes()),
            };
            contents.retired.insert(*version, retired);
        }
        Ok(old)
    })
}

/// Changes the file as a whole: two changes at once come one after the other, and whoever reads
/// it finds it as it was before or after.
fn change<T>(
    path: &Path,
    by: impl FnOnce(&mut Contents) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    let not_changed = |source| KeyError::NotCreated { path: path.to_owned(), source };
    let folder = folder_of(path);
    let lock = File::open(&folder).map_err(not_changed)?;
    lock.lock().map_err(not_changed)?;
    let text = private_file::load(path, MAX_BYTES)?
        .ok_or_else(|| KeyError::Missing { path: path.to_owned() })?;
    let mut contents = contents(path, &text)?;
    versions(path, &contents)?;
    let done = by(&mut contents)?;
    // What is about to be written must be readable.
    let text = render(&contents);
    parse(path, &text)?;
    if text.len() > MAX_BYTES {
        return Err(KeyError::Malformed {
            path: path.to_owned(),
            reason: format!("with one more version it would be longer than {MAX_BYTES} bytes"),
        });
    }
    private_file::replace(path, &text)?;
    Ok(done)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Versions in words.
fn named(versions: &[i32]) -> String {
    let all: Vec<String> = versions.iter().map(i32::to_string).collect();
    format!("key version {}", all.join(", "))
}

fn new_key() -> Result<String, KeyError> {
    let main = Secret::new(random::<32>()?);
    Ok(hex::encode(main.bytes()))
}

impl Contents {
    fn held(&self) -> Held {
        Held {
            current: self.current,
            versions: self.keys.keys().copied().collect(),
            retired: self.retired.keys().copied().collect(),
        }
    }
}

/// The text of a file. All room is taken at once, since text that grows leaves copies behind.
fn render(contents: &Contents) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(String::with_capacity(2 * MAX_BYTES));
    // Writing into a string does not fail.
    let _ = write!(text, "{{\"current\":{},\"keys\":{{", contents.current);
    for (at, (version, digits)) in contents.keys.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\"{version}\":\"{digits}\"");
    }
    text.push('}');
    for (at, (version, retired)) in contents.retired.iter().enumerate() {
        let before = if at == 0 { ",\"retired\":{" } else { "," };
        let RetiredContents { adviser, fingerprint } = retired;
        let _ = write!(
            text,
            "{before}\"{version}\":{{\"adviser\":\"{adviser}\",\"fingerprint\":\"{fingerprint}\"}}"
        );
    }
    text.push_str(if contents.retired.is_empty() { "}\n" } else { "}}\n" });
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn contents(path: &Path, text: &[u8]) -> Result<Contents, KeyError> {
    serde_json::from_slice(text).map_err(|error| {
        // The parser's own message may quote a key, so only the place is told.
        let (line, column) = (error.line(), error.column());
        malformed(path, format!("line {line}, column {column} is not as in {FORM}"))
    })
}

fn versions(path: &Path, contents: &Contents) -> Result<Versions, KeyError> {
    let mut current = None;
    let mut others = Vec::new();
    for (&version, digits) in contents.keys.iter().rev() {
        let keys = VersionKeys::derive(version, &secret(path, version, digits)?);
        if version == contents.current {
            current = Some(keys);
        } else {
            others.push(keys);
        }
    }
    let current = current.ok_or_else(|| {
        let reason = format!("\"current\" names key {}, which is not there", contents.current);
        malformed(path, reason)
    })?;
    let mut retired = Vec::new();
    for (&version, left) in contents.retired.iter().rev() {
        if contents.keys.contains_key(&version) {
            return Err(malformed(path, format!("key {version} is there and retired")));
        }
        let adviser_hmac = secret(path, version, &left.adviser)?;
        let fingerprint = secret(path, version, &left.fingerprint)?;
        retired.push(RetiredKeys { version, adviser_hmac, fingerprint });
    }
    Ok(Versions { current, others, retired })
}

fn secret(path: &Path, version: i32, digits: &str) -> Result<Secret, KeyError> {
    if version < 1 {
        return Err(malformed(path, "key versions are whole numbers from 1 on".to_owned()));
    }
    let mut bytes = Zeroizing::new([0_u8; 32]);
    hex::decode_to_slice(digits, bytes.as_mut_slice())
        .map_err(|_| malformed(path, format!("key {version} is not 64 hexadecimal digits")))?;
    if *bytes == [0; 32] {
        return Err(malformed(path, format!("key {version} is all zeros")));
    }
    Ok(Secret::new(*bytes))
}

fn malformed(path: &Path, reason: String) -> KeyError {
    KeyError::Malformed { path: path.to_owned(), reason }
}
