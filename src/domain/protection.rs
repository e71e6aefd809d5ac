//! People of whom it is not shown who they are but to those with a right to it of its own.

use std::str::FromStr;

use crate::domain::ids::Malformed;

/// Why somebody is protected, the strictest first: the order in which rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protection {
    /// An address abroad that is strictly confidential (strengt fortrolig utland, code 19).
    StrictlyConfidentialAbroad,
    /// An address that is strictly confidential (strengt fortrolig, code 6).
    StrictlyConfidential,
    /// An address that is confidential (fortrolig, code 7).
    Confidential,
    /// Own staff and their nearest (skjermet person).
    OwnStaff,
}

impl Protection {
    /// Every kind there is, in the order in which rules are asked.
    pub const ALL: [Self; 4] = [
        Self::StrictlyConfidentialAbroad,
        Self::StrictlyConfidential,
        Self::Confidential,
        Self::OwnStaff,
    ];

    /// The word for it, as NAV's registers have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StrictlyConfidentialAbroad => "STRENGT_FORTROLIG_UTLAND",
            Self::StrictlyConfidential => "STRENGT_FORTROLIG",
            Self::Confidential => "FORTROLIG",
            Self::OwnStaff => "SKJERMET",
        }
    }
}

impl FromStr for Protection {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(Malformed {
            expected: "STRENGT_FORTROLIG_UTLAND, STRENGT_FORTROLIG, FORTROLIG or SKJERMET",
        })
    }
}
