//! What a provider is told of what is held in its place groups: for whom, where and from when, and
//! whose quota pays. How the person came to it, and what else is known of them, is not its to know.

use super::{offer, placement, placement_of};
use crate::{
    domain::{
        access::{Role, is_known_by_offer, is_known_by_placement},
        allocation::{Offer, Placement},
        authority::Viewer,
        ids::PlacementId,
    },
    proto::v1 as pb,
    write::Done,
};

/// An offer. When it was proposed belongs to the queue; why somebody was chosen out of turn may
/// tell of their health. Whose it was is told no more once it is let go.
pub(in crate::grpc) fn offer_to_provider(of: &Offer) -> pb::Offer {
    let pb::Offer {
        offer_id,
        entry_id,
        place_group_id,
        municipality_number,
        participation_percent,
        state,
        answer_by_time,
        object_by_time,
        objection_code,
        objection_is_open,
        was_extended,
        ..
    } = offer(of);
    pb::Offer {
        offer_id,
        entry_id: if is_known_by_offer(of) { entry_id } else { String::new() },
        place_group_id,
        municipality_number,
        participation_percent,
        state,
        answer_by_time,
        object_by_time,
        objection_code,
        objection_is_open,
        was_extended,
        ..pb::Offer::default()
    }
}

/// A placement. What it led to may tell of income or health; reviews, a move of house and a larger
/// share that waits its turn are the office's. Whose it was is told for a while after its end.
pub(in crate::grpc) fn placement_to_provider(of: &Placement, viewer: &Viewer<'_>) -> pb::Placement {
    let pb::Placement {
        placement_id,
        entry_id,
        offer_id,
        place_group_id,
        municipality_number,
        participation_percent,
        start_date,
        end_date,
        state,
        planned_end_date,
        leave_from_date,
        leave_until_date,
        ..
    } = placement(of, None, viewer);
    pb::Placement {
        placement_id,
        entry_id: if is_known_by_placement(of, viewer.today()) { entry_id } else { String::new() },
        offer_id,
        place_group_id,
        municipality_number,
        participation_percent,
        start_date,
        end_date,
        state,
        planned_end_date,
        leave_from_date,
        leave_until_date,
        ..pb::Placement::default()
    }
}

/// A placement after a mutation, as whoever asked for it is told of it.
pub(super) fn placement_to_caller(done: &Done<'_>, id: PlacementId) -> Option<pb::Placement> {
    let found = done.ledger.placement(id)?;
    Some(match done.viewer.role() {
        Role::Provider => placement_to_provider(found, done.viewer),
        Role::Directorate
        | Role::County
        | Role::Office
        | Role::Municipality
        | Role::Service
        | Role::Auditor => placement_of(done, found),
    })
}
