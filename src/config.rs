//! What an installation says of itself in a file: whose tokens count, and what others are asked.
//! One file in TOML. A word it does not know is refused: a setting that is mistyped must not
//! silently be the default.

mod disclosure;

pub use disclosure::Disclosure;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{
    auth::{IssuerSection, LocalIssuerSection},
    people_source::PeopleSection,
};

/// A longer file is something else.
const FILE_MAX_BYTES: u64 = 256 * 1024;

/// What a text begins with that stands for a variable of the environment.
const VARIABLE: char = '$';

/// The whole file. All of it is optional.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Others whose tokens count.
    pub issuer: Vec<IssuerSection>,
    /// Whether the service's own tokens do.
    pub local_issuer: LocalIssuerSection,
    /// What is told of few people.
    pub disclosure: Disclosure,
    /// Of whom it is not shown who they are.
    pub people: PeopleSection,
}

/// Why the file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The operating system did not let it be read.
    #[error("the configuration file {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is too long.
    #[error("the configuration file {path} has {bytes} bytes; the most is {FILE_MAX_BYTES}")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// How long it is.
        bytes: u64,
    },
    /// It does not say what it should.
    #[error("the configuration file {path} is not usable: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}

impl Config {
    /// Reads a file; without one everything is as it is by default.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        if bytes > FILE_MAX_BYTES {
            return Err(ConfigError::TooLong { path: path.to_owned(), bytes });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let variable = |name: &str| std::env::var(name).ok();
        Self::parse(&text, &variable)
            .map_err(|reason| ConfigError::Malformed { path: path.to_owned(), reason })
    }

    /// Reads the text of a file. A text in it that begins with `$` is the name of a variable of
    /// the environment, so that one file serves where the platform names issuers and audiences.
    pub fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        // Read as it stands first: only so can it be said on which line a word is wrong.
        let _as_it_stands: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut file: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        for (name, value) in &mut file {
            put_in(value, name, variable)?;
        }
        file.try_into().map_err(|error: toml::de::Error| error.to_string())
    }
}

/// Puts the values of variables where their names stand.
fn put_in(
    value: &mut toml::Value,
    place: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), String> {
    match value {
        toml::Value::String(text) => {
            let Some(name) = text.strip_prefix(VARIABLE) else { return Ok(()) };
            let found = variable(name).filter(|found| !found.trim().is_empty());
            *text = found.ok_or_else(|| {
                format!(
                    "{place} is the variable {name}, and the environment has none or an empty one"
                )
            })?;
            Ok(())
        }
        toml::Value::Array(values) => {
            let mut numbered = (1..).zip(values);
            numbered.try_for_each(|(n, value)| put_in(value, &format!("{place} {n}"), variable))
        }
        toml::Value::Table(table) => table
            .iter_mut()
            .try_for_each(|(name, value)| put_in(value, &format!("{place}.{name}"), variable)),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => Ok(()),
    }
}
