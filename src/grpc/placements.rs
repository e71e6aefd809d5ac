//! Answers of what changes placements under way.

use prost::Message;

use crate::{
    domain::{
        allocation::{Placement, Share},
        command::{Command, Subject},
        waitlist::Entry,
    },
    grpc::answer::{self, revision_of},
    proto::v1 as pb,
    write::Done,
};

pub(super) fn change_placement(done: &Done<'_>) -> Vec<u8> {
    let placement = changed(done);
    let shares = placement.map(|placement| placement.shares.iter().map(share).collect());
    let increase = placement.and_then(|placement| done.ledger.entry(placement.increase?));
    pb::ChangePlacementResponse {
        revision: Some(revision_of(done)),
        placement: placement.map(|one| answer::placement_of(done, one)),
        shares: shares.unwrap_or_default(),
        waiting_increase: increase.map(waiting_increase),
    }
    .encode_to_vec()
}

pub(super) fn move_placement(done: &Done<'_>) -> Vec<u8> {
    let (revision, placement) =
        (Some(revision_of(done)), changed(done).map(|one| answer::placement_of(done, one)));
    pb::MovePlacementResponse { revision, placement }.encode_to_vec()
}

pub(super) fn reassign_placement(done: &Done<'_>) -> Vec<u8> {
    let (revision, placement) =
        (Some(revision_of(done)), changed(done).map(|one| answer::placement_of(done, one)));
    pb::ReassignPlacementResponse { revision, placement }.encode_to_vec()
}

/// The placement that was named, as it is now.
fn changed<'a>(done: &Done<'a>) -> Option<&'a Placement> {
    let command: &Command = done.command;
    if let Subject::Placement(id) = command.subject() { done.ledger.placement(id) } else { None }
}

fn waiting_increase(entry: &Entry) -> pb::WaitingIncrease {
    pb::WaitingIncrease {
        entry_id: entry.entry_id.to_string(),
        participation_percent: entry.participation_percent,
        registered_time: Some(answer::timestamp(entry.key.registered_time)),
        state: answer::entry_state(entry.state).into(),
    }
}

fn share(share: &Share) -> pb::RegisteredShare {
    pb::RegisteredShare {
        participation_percent: share.percent,
        valid_from_date: Some(answer::date(share.valid_from)),
        registered_time: Some(answer::timestamp(share.registered_time)),
    }
}
