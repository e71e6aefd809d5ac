//! Enforcement (håndheving): how far a ledger's order binds whoever places people by hand.
//! The accounts bind at every level (I1, I2).

use serde::{Deserialize, Serialize};

use crate::domain::{calendar::Timestamp, ids::EnforcementChangeId};

/// How many whole days a proposed change can be approved after the day it was proposed on.
pub const LAPSES_AFTER_DAYS: i64 = 14;

/// How far the order binds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// People are placed as before; what the rules would have done is recorded.
    Observe,
    /// A deviation needs a reason; what the rules would have done is recorded.
    Advise,
    /// Every placement by hand needs a reason: so it is where nobody has changed it.
    #[default]
    Bind,
}

impl Level {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "OBSERVE",
            Self::Advise => "ADVISE",
            Self::Bind => "BIND",
        }
    }
}

/// How a ledger is enforced, and what waits for a second person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforcement {
    /// The change that holds; `None` where nobody has made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<Approved>,
    /// The change that was proposed last, if nobody has approved or rejected it. It may have
    /// lapsed: nothing is done at that time, since nothing follows from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Change>,
}

/// A change that two people have made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// As it was proposed.
    pub change: Change,
    /// Who approved it.
    pub approved_by: String,
    /// When; it holds since then.
    pub approved_time: Timestamp,
}

/// A change that somebody has proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its name.
    pub change_id: EnforcementChangeId,
    /// What is to hold.
    pub level: Level,
    /// Why, in words.
    pub reason: String,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    pub proposed_time: Timestamp,
    /// It cannot be approved from then on.
    pub lapse_time: Timestamp,
}

/// What was done to a ledger's enforcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EnforcementChange {
    /// A change was proposed.
    Proposed,
    /// It holds.
    Approved,
    /// It never holds.
    Rejected {
        /// Which.
        change_id: EnforcementChangeId,
        /// Why, in words.
        reason: String,
    },
}

impl Enforcement {
    /// Whether nobody has ever proposed anything.
    pub fn is_untouched(&self) -> bool {
        *self == Self::default()
    }

    /// How far the order binds now.
    pub fn level(&self) -> Level {
        self.holds.as_ref().map(|holds| holds.change.level).unwrap_or_default()
    }

    /// Whether what the rules would have done is recorded: from the first change on, at every
    /// level. Before it nobody has asked for it, and older logs have nothing of the kind.
    pub fn is_recorded(&self) -> bool {
        self.holds.is_some()
    }

    /// The change that can be approved at a time.
    pub fn pending_at(&self, at: Timestamp) -> Option<&Change> {
        self.pending.as_ref().filter(|change| at < change.lapse_time)
    }
}
