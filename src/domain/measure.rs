//! Measure types (tiltakstyper) and their rules, which are data.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ExternalReference, MeasureCode, PriorityCode};

/// Which second account a place is debited to, beside its place group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Distribution {
    /// One pool for the area, and one queue.
    CountyPool,
    /// Each municipality's quota (kommunens andel), and a queue for each.
    ByMunicipality,
}

/// A measure type with its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureType {
    /// The code, for example `VTA`.
    pub code: MeasureCode,
    /// The Norwegian name.
    pub name: String,
    /// The second account.
    pub distribution: Distribution,
    /// Whether a person may take part of a place.
    pub part_time_allowed: bool,
    /// Working days within which a proposal must be confirmed.
    pub confirm_working_days: u32,
    /// Working days within which an offer must be answered.
    pub answer_working_days: u32,
    /// Priority classes.
    pub priority_classes: Vec<PriorityClass>,
    /// Other systems' codes.
    pub aliases: Vec<ExternalReference>,
}

impl MeasureType {
    /// The class with this code.
    pub fn priority_class(&self, code: &PriorityCode) -> Option<&PriorityClass> {
        self.priority_classes.iter().find(|class| class.code == *code)
    }
}

/// A priority class: who is in it stands ahead by a fixed number of days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityClass {
    /// The code.
    pub code: PriorityCode,
    /// Days taken off the registered time.
    pub bonus_days: u32,
}
