//! Requests for simulations.

use crate::{
    domain::{
        ids::{LedgerId, PlanId},
        plan::PlanTerms,
    },
    error::Error,
    grpc::parse::{
        Violations,
        plan::{STAY_MONTHS_MAX, plan_terms},
    },
    proto::v1 as pb,
};

/// The most futures of one call.
const DRAWS_MAX: u32 = 10_000;
/// How many where nobody says so.
const DRAWS: u32 = 1_000;
/// The most years that are looked at.
const YEARS_MAX: u32 = 100;

/// What `SimulateRedistribution` asks for.
pub(in crate::grpc) struct SimulationQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) planned: Planned,
    pub(in crate::grpc) seed: Option<u64>,
    pub(in crate::grpc) draws: u32,
    pub(in crate::grpc) years: Option<u32>,
    pub(in crate::grpc) mean_stay_months: Option<u32>,
    pub(in crate::grpc) at_least_seq: u64,
}

/// Which plan is looked into.
pub(in crate::grpc) enum Planned {
    Plan(PlanId),
    Terms(Box<PlanTerms>),
}

pub(in crate::grpc) fn simulate_redistribution(
    r: &pb::SimulateRedistributionRequest,
) -> Result<SimulationQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let planned = planned(&mut v, r.plan.as_ref());
    let draws = match r.draws {
        0 => Some(DRAWS),
        draws => v.within("draws", draws, 1, DRAWS_MAX),
    };
    let years = v.within("years", r.years, 0, YEARS_MAX);
    let stay =
        r.mean_stay_months.map(|months| v.within("mean_stay_months", months, 1, STAY_MONTHS_MAX));
    let parsed = (|| {
        Some(SimulationQuery {
            ledger: ledger?,
            planned: planned?,
            seed: r.seed,
            draws: draws?,
            years: years.map(|years| (years > 0).then_some(years))?,
            mean_stay_months: match stay {
                Some(months) => Some(months?),
                None => None,
            },
            at_least_seq: r.at_least_seq,
        })
    })();
    v.finish(parsed)
}

fn planned(
    v: &mut Violations,
    plan: Option<&pb::simulate_redistribution_request::Plan>,
) -> Option<Planned> {
    use pb::simulate_redistribution_request::Plan;
    match plan {
        None => {
            v.add("plan", "is required: plan_id, or terms");
            None
        }
        Some(Plan::PlanId(id)) => v.uuid("plan_id", id).map(|id| Planned::Plan(PlanId(id))),
        Some(Plan::Terms(terms)) => plan_terms(v, Some(terms)).map(Box::new).map(Planned::Terms),
    }
}
