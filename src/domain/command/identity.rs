//! A person who gets another identity number.

use serde::{Deserialize, Serialize};

use crate::domain::{ids::EntryId, waitlist::Sealed};

/// The person of an entry has another identity number from now on. Neither number stands here:
/// the log names nobody, and who it is has not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeIdentityNumber {
    /// An entry of the person's.
    pub entry_id: EntryId,
    /// Why.
    pub reason: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}
