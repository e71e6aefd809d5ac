//! How a ledger is enforced, on the wire.

use prost::Message;

use crate::{
    domain::{
        access::Role,
        calendar::Timestamp,
        enforcement::{Change, Enforcement, Level},
    },
    grpc::answer,
    proto::v1 as pb,
    write::Done,
};

/// What holds and what waits, after a step. Only counties take one.
pub(super) fn set(done: &Done<'_>) -> Vec<u8> {
    pb::SetEnforcementResponse {
        revision: Some(answer::revision_of(done)),
        enforcement: shown(&done.ledger.frame().enforcement, Role::County, done.at),
    }
    .encode_to_vec()
}

/// How a ledger is enforced, as a role is told at a time; nothing of it to a provider, which
/// sees its own place groups alone. What waits is a county's own affair.
pub(super) fn shown(of: &Enforcement, role: Role, at: Timestamp) -> Option<pb::LedgerEnforcement> {
    let with_pending = match role {
        Role::Provider => return None,
        Role::County => true,
        Role::Directorate | Role::Office | Role::Municipality | Role::Service | Role::Auditor => {
            false
        }
    };
    let holds = of.holds.as_ref();
    Some(pb::LedgerEnforcement {
        enforcement: level(of.level()).into(),
        since_time: holds.map(|holds| answer::timestamp(holds.approved_time)),
        reason: holds.map(|holds| holds.change.reason.clone()).unwrap_or_default(),
        pending: of.pending_at(at).filter(|_| with_pending).map(pending),
    })
}

fn pending(change: &Change) -> pb::PendingEnforcement {
    pb::PendingEnforcement {
        change_id: change.change_id.to_string(),
        enforcement: level(change.level).into(),
        reason: change.reason.clone(),
        proposed_time: Some(answer::timestamp(change.proposed_time)),
        lapse_time: Some(answer::timestamp(change.lapse_time)),
    }
}

fn level(level: Level) -> pb::Enforcement {
    match level {
        Level::Observe => pb::Enforcement::Observe,
        Level::Advise => pb::Enforcement::Advise,
        Level::Bind => pb::Enforcement::Bind,
    }
}
