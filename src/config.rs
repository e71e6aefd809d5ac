//! What an installation says of itself in a file: whose tokens count, and what others are asked.
//! One file in TOML. A word it does not know is refused: a setting that is mistyped must not
//! silently be the default.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::people_source::PeopleSection;

/// A longer file is something else.
const FILE_MAX_BYTES: u64 = 256 * 1024;

/// The whole file. All of it is optional.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
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
        toml::from_str(&text).map_err(|error| ConfigError::Malformed {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }
}
