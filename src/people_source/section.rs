//! The section `[people]` of the settings: who says who is protected.

use std::path::PathBuf;

use serde::Deserialize;

/// Who is asked. Without either nobody is protected.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleSection {
    /// The address of a service that is asked by POST, as `docs/protection.md` says.
    pub protection_url: Option<String>,
    /// The name of the environment variable that holds the bearer token for it. Never the token
    /// itself: settings are read by more people than secrets are.
    pub protection_token_variable: Option<String>,
    /// A file that says it instead, for installations without such a service.
    pub protection_file: Option<PathBuf>,
}
