//! Who of the staff is which person, set and ended.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ids::{OfficeNumber, PersonId},
    staff_link::StaffName,
};

/// Says which person one of the staff is, or no longer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStaff {
    /// The office whose leader asks: the caller's own; `None` of the directorate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub office_number: Option<OfficeNumber>,
    /// Who of the staff.
    pub staff: StaffName,
    /// What is to be.
    pub change: StaffLinkChange,
}

/// What a link is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StaffLinkChange {
    /// It is set.
    Set {
        /// The person, by random name.
        person_id: PersonId,
    },
    /// The one that holds is ended.
    End,
}
