//! Requests about how a ledger is enforced.

use crate::{
    domain::{
        command::{Command, EnforcementAsk, SetEnforcement},
        enforcement::Level,
        ids::{EnforcementChangeId, LedgerId},
    },
    error::Error,
    grpc::parse::{TEXT_MAX, Violations},
    proto::v1::{self as pb, set_enforcement_request::Step},
    write::Draft,
};

pub(in crate::grpc) fn set_enforcement(
    r: &pb::SetEnforcementRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let ask = step(&mut v, r.step.as_ref());
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = SetEnforcement { ask: ask?, case_reference: case_reference? };
        Some((ledger?, Draft::of(Command::SetEnforcement(command))))
    })();
    v.finish(parsed)
}

fn step(v: &mut Violations, step: Option<&Step>) -> Option<EnforcementAsk> {
    match step {
        None => {
            v.add("step", "is required: propose, approve or reject");
            None
        }
        Some(Step::Propose(propose)) => {
            let level = v.choice("propose.enforcement", propose.enforcement).and_then(level);
            let reason = v.required_text("propose.reason", &propose.reason, TEXT_MAX);
            Some(EnforcementAsk::Propose { level: level?, reason: reason? })
        }
        Some(Step::Approve(approve)) => {
            let change_id = v.uuid("approve.change_id", &approve.change_id)?;
            Some(EnforcementAsk::Approve { change_id: EnforcementChangeId(change_id) })
        }
        Some(Step::Reject(reject)) => {
            let change_id = v.uuid("reject.change_id", &reject.change_id);
            let reason = v.required_text("reject.reason", &reject.reason, TEXT_MAX);
            let change_id = EnforcementChangeId(change_id?);
            Some(EnforcementAsk::Reject { change_id, reason: reason? })
        }
    }
}

fn level(level: pb::Enforcement) -> Option<Level> {
    match level {
        pb::Enforcement::Unspecified => None,
        pb::Enforcement::Observe => Some(Level::Observe),
        pb::Enforcement::Advise => Some(Level::Advise),
        pb::Enforcement::Bind => Some(Level::Bind),
    }
}
