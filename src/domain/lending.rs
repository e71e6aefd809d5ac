//! Lending of quotas (utlån av kvoteplasser): whole places of one municipality's quota that
//! another may use for a while. A loan returns by itself and is never made by itself.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    calendar::Timestamp,
    ids::{LoanId, MunicipalityNumber},
};

/// Whole places that one municipality's quota lends to another's (utlån).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loan {
    /// The loan.
    pub loan_id: LoanId,
    /// Whose quota it is.
    pub from_municipality: MunicipalityNumber,
    /// Who may use it.
    pub to_municipality: MunicipalityNumber,
    /// How many whole places.
    pub places: u32,
    /// The first day.
    pub valid_from: Date,
    /// The first day after: the places return then by themselves. That of the first day is one
    /// that was taken back before it began.
    pub valid_to: Date,
    /// Why, in words; not about a person.
    pub reason: String,
    /// Who lent it.
    pub lent_by: String,
    /// When.
    pub lent_time: Timestamp,
    /// That it ends before the day that was agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<EndedEarly>,
}

/// That a loan ends before the day that was agreed on at first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedEarly {
    /// The day that was agreed on at first.
    pub agreed_valid_to: Date,
    /// Why, in words; not about a person.
    pub reason: String,
    /// Who ended it.
    pub ended_by: String,
    /// When that was said.
    pub ended_time: Timestamp,
}

impl Loan {
    /// Whether it holds on a date.
    pub fn covers(&self, date: Date) -> bool {
        self.valid_from <= date && date < self.valid_to
    }

    /// Whether a municipality lends or borrows by it.
    pub fn concerns(&self, number: &MunicipalityNumber) -> bool {
        self.from_municipality == *number || self.to_municipality == *number
    }
}
