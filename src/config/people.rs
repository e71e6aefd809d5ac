//! The section `[people]`: of whom it is not shown who they are, and who says so.

use std::path::PathBuf;

use serde::Deserialize;

/// Who is asked of whom it is not shown who they are. Without either nobody is protected.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleConfig {
    /// The address of a service that is asked by POST, as `docs/protection.md` says.
    pub protection_url: Option<String>,
    /// `$` and the name of the environment variable that holds the bearer token for it.
    pub protection_token: Option<String>,
    /// A file that says it instead, for installations without such a service.
    pub protection_file: Option<PathBuf>,
}
