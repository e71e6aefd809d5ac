//! Moves of quotas (flytting av kvoteplasser): whole places of one municipality's quota that
//! become another's for good, by hand and with a reason. People stay where they are.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    calendar::Timestamp,
    ids::{MunicipalityNumber, PlanId},
};

/// How many moves a ledger keeps at hand; the log has all of them.
pub const MOVES_KEPT: usize = 500;

/// Whole places that were moved from one municipality's quota to another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaMove {
    /// Whose they were.
    pub from_municipality: MunicipalityNumber,
    /// Whose they are.
    pub to_municipality: MunicipalityNumber,
    /// How many whole places.
    pub places: u32,
    /// The first day.
    pub valid_from: Date,
    /// Why, in words; not about a person.
    pub reason: String,
    /// Who moved them.
    pub moved_by: String,
    /// When that was said.
    pub moved_time: Timestamp,
    /// The redistribution plan that steered then, whose own count it is not part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<PlanId>,
}

impl QuotaMove {
    /// Whether a municipality gives or gets by it.
    pub fn concerns(&self, number: &MunicipalityNumber) -> bool {
        self.from_municipality == *number || self.to_municipality == *number
    }
}
