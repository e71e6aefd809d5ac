//! A plan on its way from the proposal to the approval.

use time::Date;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::{
    cli::{
        Failure,
        demo::stage::{Caller, missing, pb_date, refused, request_id},
    },
    proto::v1::{
        self as pb, ApprovePlanRequest, CommentPlanRequest, GetPlanRequest, PlanTerms, PlanView,
        ProposePlanRequest,
    },
};

/// What is planned wherever nothing else is said: targets by Sainte-Laguë and a population of this
/// date, the goals a yardstick, whoever is at the target protected.
pub(super) struct Planned {
    /// The ledger.
    pub(super) ledger: pb::Ledger,
    /// What the plan is called.
    pub(super) name: &'static str,
    /// The distribution key.
    pub(super) key_name: &'static str,
    /// The year of its dataset.
    pub(super) key_year: i32,
    /// The first day on which it steers.
    pub(super) start: Date,
    /// The last day for comments.
    pub(super) comment_until: Date,
    /// In how many years all shall have moved.
    pub(super) horizon_years: u32,
    /// The mean stay in months.
    pub(super) mean_stay_months: u32,
}

/// Proposes it.
pub(super) async fn propose(planner: &Caller, planned: &Planned) -> Result<pb::Plan, Failure> {
    let terms = PlanTerms {
        name: planned.name.to_owned(),
        key_name: planned.key_name.to_owned(),
        key_date: crate::cli::demo::stage::new_year(planned.key_year),
        start_date: Some(pb_date(planned.start)),
        comment_until_date: Some(pb_date(planned.comment_until)),
        horizon_years: planned.horizon_years,
        mean_stay_months: Some(planned.mean_stay_months),
        ..PlanTerms::default()
    };
    let request = ProposePlanRequest {
        request_id: request_id(),
        ledger: Some(planned.ledger.clone()),
        terms: Some(terms),
        ..ProposePlanRequest::default()
    };
    let answer = planner.fair_share().propose_plan(request).await;
    let answer = answer.map_err(refused("ProposePlan"))?.into_inner();
    answer.plan.ok_or_else(|| missing("the plan"))
}

/// A municipality says what it thinks of it.
pub(super) async fn comment(
    municipality: &Caller,
    ledger: &pb::Ledger,
    plan_id: &str,
    number: &str,
    (view, text): (PlanView, &str),
) -> Result<(), Failure> {
    let request = CommentPlanRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        plan_id: plan_id.to_owned(),
        municipality_number: number.to_owned(),
        view: view.into(),
        text: text.to_owned(),
        ..CommentPlanRequest::default()
    };
    let answer = municipality.fair_share().comment_plan(request).await;
    answer.map_err(refused("CommentPlan"))?;
    Ok(())
}

/// Approves it; answers the plan, or why not.
pub(super) async fn approve(
    by: &Caller,
    ledger: &pb::Ledger,
    plan_id: &str,
    reason_against_views: &str,
) -> Result<Result<pb::Plan, Status>, Failure> {
    let request = ApprovePlanRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        plan_id: plan_id.to_owned(),
        reason_against_views: reason_against_views.to_owned(),
        ..ApprovePlanRequest::default()
    };
    match by.fair_share().approve_plan(request).await {
        Ok(answer) => answer.into_inner().plan.map(Ok).ok_or_else(|| missing("the plan")),
        Err(status) => Ok(Err(status)),
    }
}

/// The plan as it is now.
pub(super) async fn plan(
    reader: &Caller,
    ledger: &pb::Ledger,
    plan_id: &str,
) -> Result<pb::Plan, Failure> {
    let request = GetPlanRequest {
        ledger: Some(ledger.clone()),
        plan_id: plan_id.to_owned(),
        ..GetPlanRequest::default()
    };
    let answer = reader.fair_share().get_plan(request).await;
    let answer = answer.map_err(refused("GetPlan"))?.into_inner();
    answer.plan.ok_or_else(|| missing("the plan"))
}

/// Why a call was refused, as programs read it.
pub(super) fn reason(refused: &Status) -> String {
    refused.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// A plan's state in a word.
pub(super) fn state(plan: &pb::Plan) -> &'static str {
    plan.state().as_str_name().trim_start_matches("PLAN_STATE_")
}
