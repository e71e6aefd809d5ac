//! Answers of what changes placements under way.

use prost::Message;

use crate::{
    domain::{
        allocation::{Placement, Share},
        event::Event,
        waitlist::EntryState,
    },
    grpc::answer::{self, from_events, placement_after, revision_of},
    proto::v1 as pb,
    write::Done,
};

pub(super) fn change_placement(done: &Done<'_>) -> Vec<u8> {
    let placement = changed(done);
    let shares = placement.map(|placement| placement.shares.iter().map(share).collect());
    pb::ChangePlacementResponse {
        revision: Some(revision_of(done)),
        placement: placement.map(answer::placement),
        shares: shares.unwrap_or_default(),
    }
    .encode_to_vec()
}

pub(super) fn move_placement(done: &Done<'_>) -> Vec<u8> {
    let (revision, placement) = (Some(revision_of(done)), changed(done).map(answer::placement));
    pb::MovePlacementResponse { revision, placement }.encode_to_vec()
}

/// Where one pool serves the area only the entry has changed.
pub(super) fn reassign_placement(done: &Done<'_>) -> Vec<u8> {
    let placed = from_events(done, |event| {
        let Event::EntryChanged { entry, .. } = event else { return None };
        if let EntryState::Placed(id) = entry.state { Some(id) } else { None }
    });
    let placement = placed.and_then(|id| placement_after(done.ledger, id));
    let revision = Some(revision_of(done));
    pb::ReassignPlacementResponse { revision, placement }.encode_to_vec()
}

fn changed<'a>(done: &Done<'a>) -> Option<&'a Placement> {
    from_events(done, |event| {
        if let Event::PlacementChanged { placement, .. } = event { Some(placement) } else { None }
    })
}

fn share(share: &Share) -> pb::RegisteredShare {
    pb::RegisteredShare {
        participation_percent: share.percent,
        valid_from_date: Some(answer::date(share.valid_from)),
        registered_time: Some(answer::timestamp(share.registered_time)),
    }
}
