//! What can be asked about places: the registry, capacity, budgets and quotas.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    capacity::{BudgetBasis, Closure, PlacesInPeriod, Quota, StatedWait},
    ids::{ExternalReference, MunicipalityNumber, OrganisationNumber, PlaceGroupId, SubmissionId},
    registry::RegistryRow,
};

/// Registry rows and where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRegistry {
    /// Where they come from.
    pub source: String,
    /// The rows.
    pub rows: Vec<RegistryRow>,
}

/// What a provider has in a place group from a date on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitCapacity {
    /// The group; `None` for a new one.
    pub place_group_id: Option<PlaceGroupId>,
    /// The provider.
    pub organisation_number: OrganisationNumber,
    /// The group's name.
    pub name: Option<String>,
    /// Where the places lie.
    pub site_municipality_number: Option<MunicipalityNumber>,
    /// Work fields.
    pub work_fields: Vec<String>,
    /// How many, and when.
    pub places: PlacesInPeriod,
    /// The agreement.
    pub agreement_reference: Option<String>,
    /// The provider's own statement of the wait.
    pub stated_wait: Option<StatedWait>,
    /// Ids in other systems.
    pub external_references: Vec<ExternalReference>,
    /// The group's place in the order of call-off (avropsrekkefølge).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_off_rank: Option<u32>,
}

/// Approval or rejection of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewCapacity {
    /// Which.
    pub submission_id: SubmissionId,
    /// Whether it holds.
    pub approve: bool,
    /// Why.
    pub reason: Option<String>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A place budget (plassramme) for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPlaceBudget {
    /// How many, and when.
    pub places: PlacesInPeriod,
    /// Where the figure comes from.
    pub source: String,
    /// The case.
    pub case_reference: Option<String>,
    /// What it rests on; `None` in rows from before it was asked for, of which the source was
    /// not kept beside the budget either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_on: Option<BudgetBasis>,
}

/// Quotas from a date on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetQuotas {
    /// One a municipality.
    pub quotas: Vec<Quota>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A place group takes nobody new in for a while, or for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportClosure {
    /// Which group.
    pub place_group_id: PlaceGroupId,
    /// When and why; who reported it is filled in by the decision.
    pub closure: Closure,
    /// The case.
    pub case_reference: Option<String>,
}

/// A closure that was reported wrongly is put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeClosure {
    /// Of which group.
    pub place_group_id: PlaceGroupId,
    /// The first day of the closure: no two of a group have the same.
    pub from_date: Date,
    /// What becomes of it.
    pub ask: ClosureAsk,
    /// Why, in words; not about a person.
    pub reason: Option<String>,
    /// The case.
    pub case_reference: Option<String>,
}

/// What becomes of a closure that is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClosureAsk {
    /// It lasts until another day.
    Until {
        /// The first day after; `None` for good.
        date: Option<Date>,
    },
    /// It never was.
    Withdraw,
}
