//! What can be asked about redistribution plans.

use serde::{Deserialize, Serialize};

use crate::domain::{
    ids::{MunicipalityNumber, PlanId},
    plan::{PlanTerms, View},
};

/// A plan is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposePlan {
    /// What is planned.
    pub terms: PlanTerms,
    /// The case.
    pub case_reference: Option<String>,
    /// The name that the token of who asks has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_name: Option<String>,
    /// The municipality that proposes it; `None` for the county.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_municipality: Option<MunicipalityNumber>,
}

/// A municipality says what it thinks of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentPlan {
    /// Of which.
    pub plan_id: PlanId,
    /// Which municipality.
    pub municipality_number: MunicipalityNumber,
    /// What.
    pub view: View,
    /// Why, in words; not about a person.
    pub text: Option<String>,
    /// The name that the token of who asks has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_name: Option<String>,
}

/// A plan is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovePlan {
    /// Which.
    pub plan_id: PlanId,
    /// Why against the view of a municipality that does not agree.
    pub reason_against_views: Option<String>,
    /// The case.
    pub case_reference: Option<String>,
    /// The name that the token of who asks has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_name: Option<String>,
}

/// A plan is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawPlan {
    /// Which.
    pub plan_id: PlanId,
    /// Why, in words; not about a person.
    pub reason: String,
    /// The case.
    pub case_reference: Option<String>,
    /// The name that the token of who asks has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_name: Option<String>,
}
