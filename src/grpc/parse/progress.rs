//! Questions about how a plan goes, and why a place went where it went.

use crate::{
    domain::ids::{LedgerId, PlanId},
    error::Error,
    grpc::parse::Violations,
    proto::v1 as pb,
};

/// The highest price of a place and year, in kroner.
const NOK_PER_PLACE_YEAR_MAX: u64 = 1_000_000_000;

/// What `ExplainRedirection` asks for.
pub(in crate::grpc) struct RedirectionQuery {
    pub(in crate::grpc) ledger: LedgerId,
    /// The row that freed the place.
    pub(in crate::grpc) seq: u64,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn explain_redirection(
    r: &pb::ExplainRedirectionRequest,
) -> Result<RedirectionQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let seq = v.within("seq", r.seq, 1, i64::MAX.unsigned_abs());
    let at_least_seq = r.at_least_seq;
    let parsed = ledger.zip(seq);
    v.finish(parsed.map(|(ledger, seq)| RedirectionQuery { ledger, seq, at_least_seq }))
}

/// What `GetPlanProgress` asks for.
pub(in crate::grpc) struct ProgressQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) plan_id: PlanId,
    pub(in crate::grpc) nok_per_place_year: Option<u64>,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn get_plan_progress(
    r: &pb::GetPlanProgressRequest,
) -> Result<ProgressQuery, Error> {
    let mut v = Violations::default();
    let (ledger, plan_id) = (v.ledger(r.ledger.as_ref()), v.uuid("plan_id", &r.plan_id));
    let price = match r.nok_per_place_year {
        None => Some(None),
        Some(nok) => v.within("nok_per_place_year", nok, 0, NOK_PER_PLACE_YEAR_MAX).map(Some),
    };
    let at_least_seq = r.at_least_seq;
    let parsed = (|| {
        let (ledger, plan_id) = (ledger?, PlanId(plan_id?));
        Some(ProgressQuery { ledger, plan_id, nok_per_place_year: price?, at_least_seq })
    })();
    v.finish(parsed)
}
