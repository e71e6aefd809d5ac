//! What can be asked about moving quotas.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::ids::MunicipalityNumber;

/// Whole places of one municipality's quota become another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveQuota {
    /// Whose they are.
    pub from_municipality: MunicipalityNumber,
    /// Whose they become.
    pub to_municipality: MunicipalityNumber,
    /// How many whole places.
    pub places: u32,
    /// The first day.
    pub valid_from: Date,
    /// Why, in words; not about a person.
    pub reason: String,
    /// The case.
    pub case_reference: Option<String>,
}
