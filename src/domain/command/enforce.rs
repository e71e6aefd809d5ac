//! What can be asked about how far a ledger's order binds.

use serde::{Deserialize, Serialize};

use crate::domain::{enforcement::Level, ids::EnforcementChangeId};

/// How far the order is to bind who places people by hand: one step of two people's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetEnforcement {
    /// Which step.
    pub ask: EnforcementAsk,
    /// The case.
    pub case_reference: Option<String>,
}

/// One step of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EnforcementAsk {
    /// The first person proposes it.
    Propose {
        /// What is to hold.
        level: Level,
        /// Why, in words. They are about no person, and so stand in the clear.
        reason: String,
    },
    /// A second person approves it.
    Approve {
        /// Which.
        change_id: EnforcementChangeId,
    },
    /// Somebody rejects it, or who proposed it takes it back.
    Reject {
        /// Which.
        change_id: EnforcementChangeId,
        /// Why, in words.
        reason: String,
    },
}
