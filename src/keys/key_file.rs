//! What stands in the key file.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use super::envelope::{Secret, random};
use super::{KeyError, Keys, VersionKeys};

/// Room for some hundred versions; what is longer is not a key file.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// The form of the file, as a person who mends one is told it.
const FORM: &str = r#"{"current":1,"keys":{"1":"<64 hexadecimal digits>"}}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    current: i32,
    keys: BTreeMap<i32, String>,
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.keys.values_mut().for_each(Zeroize::zeroize);
    }
}

/// The text of a new key file with one random key.
pub(super) fn generate() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let main = Secret::new(random::<32>()?);
    let digits = Zeroizing::new(hex::encode(main.bytes()));
    let text = format!("{{\"current\":1,\"keys\":{{\"1\":\"{}\"}}}}\n", digits.as_str());
    Ok(Zeroizing::new(text.into_bytes()))
}

/// The keys that a file holds. Errors say where the mistake is, never what stands there.
pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Keys, KeyError> {
    let malformed = |reason: String| KeyError::Malformed { path: path.to_owned(), reason };
    let contents: Contents = serde_json::from_slice(text).map_err(|error| {
        // The parser's own message may quote a key, so only the place is told.
        let (line, column) = (error.line(), error.column());
        malformed(format!("line {line}, column {column} is not as in {FORM}"))
    })?;
    let mut current = None;
    let mut others = Vec::new();
    for (&version, digits) in contents.keys.iter().rev() {
        if version < 1 {
            return Err(malformed("key versions are whole numbers from 1 on".to_owned()));
        }
        let mut main = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(digits, main.as_mut_slice())
            .map_err(|_| malformed(format!("key {version} is not 64 hexadecimal digits")))?;
        if *main == [0; 32] {
            return Err(malformed(format!("key {version} is all zeros")));
        }
        let keys = VersionKeys::derive(version, &Secret::new(*main));
        if version == contents.current {
            current = Some(keys);
        } else {
            others.push(keys);
        }
    }
    let current = current.ok_or_else(|| {
        malformed(format!("\"current\" names key {}, which is not there", contents.current))
    })?;
    Ok(Keys { current, others })
}
