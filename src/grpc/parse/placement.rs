//! Requests about placements under way.

use crate::{
    domain::{
        allocation::Leave,
        command::{
            ChangePlacement, Command, MovePlacement, PlacementAsk, ReassignPlacement, ReviewMade,
        },
        ids::{LedgerId, PlaceGroupId, PlacementId},
    },
    error::Error,
    grpc::parse::{TEXT_MAX, Violations},
    proto::v1 as pb,
    write::Draft,
};

/// One whole place.
const WHOLE_PERCENT: u32 = 100;

pub(in crate::grpc) fn change_placement(
    r: &pb::ChangePlacementRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let placement_id = v.uuid("placement_id", &r.placement_id);
    let change = change(&mut v, r.change.as_ref());
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let (change, plain) = change?;
        let command = Command::ChangePlacement(ChangePlacement {
            placement_id: PlacementId(placement_id?),
            change,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain, ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

/// What is changed, and what is told in confidence of it.
fn change(
    v: &mut Violations,
    change: Option<&pb::change_placement_request::Change>,
) -> Option<(PlacementAsk, Option<String>)> {
    use pb::change_placement_request::Change;
    match change {
        None => {
            v.add("change", "is required: a share, planned_end, leave, return, or review");
            None
        }
        Some(Change::Share(share)) => {
            let percent = share.participation_percent;
            let percent = v.within("share.participation_percent", percent, 1, WHOLE_PERCENT);
            let valid_from = v.date("share.valid_from_date", share.valid_from_date.as_ref());
            let (percent, valid_from) = (percent?, valid_from?);
            let wait_if_full = share.wait_if_full;
            Some((PlacementAsk::Share { percent, valid_from, wait_if_full }, None))
        }
        Some(Change::PlannedEnd(planned)) => {
            let date = v.optional_date("planned_end.date", planned.date.as_ref())?;
            Some((PlacementAsk::PlannedEnd { date }, None))
        }
        Some(Change::Leave(leave)) => {
            let from_date = v.date("leave.from_date", leave.from_date.as_ref());
            let until_date = v.date("leave.until_date", leave.until_date.as_ref());
            let plain = v.optional_text("leave.reason", &leave.reason, TEXT_MAX);
            let leave = Leave { from_date: from_date?, until_date: until_date?, reason: None };
            Some((PlacementAsk::GoOnLeave(leave), plain?))
        }
        Some(Change::Return(pb::PlacementReturn {})) => Some((PlacementAsk::Return, None)),
        Some(Change::Review(review)) => {
            let date = v.date("review.review_date", review.review_date.as_ref());
            let plain = v.optional_text("review.note", &review.note, TEXT_MAX);
            let next = review.next_review_date.as_ref();
            let next_date = v.optional_date("review.next_review_date", next);
            let made = ReviewMade { date: date?, note: None, next_date: next_date? };
            Some((PlacementAsk::Review(made), plain?))
        }
    }
}

pub(in crate::grpc) fn move_placement(
    r: &pb::MovePlacementRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let placement_id = v.uuid("placement_id", &r.placement_id);
    let place_group_id = v.uuid("place_group_id", &r.place_group_id);
    let plain = v.required_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::MovePlacement(MovePlacement {
            placement_id: PlacementId(placement_id?),
            place_group_id: PlaceGroupId(place_group_id?),
            text: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain: Some(plain?), ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn reassign_placement(
    r: &pb::ReassignPlacementRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let placement_id = v.uuid("placement_id", &r.placement_id);
    let municipality_number = v.value("municipality_number", &r.municipality_number);
    let office = v.value("following_office_number", &r.following_office_number);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = ReassignPlacement {
            placement_id: PlacementId(placement_id?),
            municipality_number: municipality_number?,
            following_office_number: office?,
            case_reference: case_reference?,
        };
        Some((ledger?, Draft::of(Command::ReassignPlacement(command))))
    })();
    v.finish(parsed)
}
