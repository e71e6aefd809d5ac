//! What can be asked about loans of quotas.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::ids::{LoanId, MunicipalityNumber};

/// A quota is lent, or a loan returns before its day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LendQuota {
    /// Which of the two.
    pub ask: LoanAsk,
    /// The case.
    pub case_reference: Option<String>,
}

/// What may be asked of a loan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LoanAsk {
    /// It is made.
    Lend(LoanTerms),
    /// It returns before its day.
    EndEarly(LoanEnd),
}

/// Who lends what to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanTerms {
    /// Whose quota it is.
    pub from_municipality: MunicipalityNumber,
    /// Who may use it.
    pub to_municipality: MunicipalityNumber,
    /// How many whole places.
    pub places: u32,
    /// The first day.
    pub valid_from: Date,
    /// The first day after.
    pub valid_to: Date,
    /// Why, in words; not about a person.
    pub reason: String,
}

/// When a loan returns, before its day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanEnd {
    /// Which loan.
    pub loan_id: LoanId,
    /// The first day it no longer holds.
    pub valid_to: Date,
    /// Why, in words; not about a person.
    pub reason: String,
}
