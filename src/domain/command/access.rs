//! Access across employers, given and ended.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    access::Employer,
    access_grant::{AccessRole, Holder},
    ids::{AccessGrantId, OfficeNumber},
};

/// Opens to somebody what another employer answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantAccess {
    /// The office whose leader gives it: the caller's own.
    pub office_number: OfficeNumber,
    /// To whom.
    pub holder: Holder,
    /// What they may do.
    pub role: AccessRole,
    /// Whose responsibility is opened.
    pub opens: Employer,
    /// The first day.
    pub valid_from: Date,
    /// The first day after.
    pub valid_to: Date,
    /// Why.
    pub ground: String,
}

/// Lets access end before its day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndAccess {
    /// The office whose leader ends it: the caller's own.
    pub office_number: OfficeNumber,
    /// Which.
    pub grant_id: AccessGrantId,
    /// The first day it no longer holds.
    pub valid_to: Date,
}
