//! `[disclosure]`: below how many people a count is hidden.

use serde::Deserialize;

/// What is told of few people.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disclosure {
    /// Counts of others from 1 up to this are hidden; by default 5. How far it may be set is checked
    /// where it is used.
    pub hide_below: Option<u64>,
}
