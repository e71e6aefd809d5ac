//! Requests of the allocation service.

use crate::{
    domain::{
        allocation::Outcome,
        command::{
            AllocatePlaces, Command, ConfirmProposals, EndPlacement, RespondToOffer, StartPlacement,
        },
        ids::{LedgerId, OfferId, PlacementId},
    },
    error::Error,
    grpc::parse::{TEXT_MAX, Violations},
    proto::v1 as pb,
    write::Draft,
};

/// The most proposals one run may make, and one call may confirm.
const PROPOSALS_MAX: u32 = 500;
/// The most place groups a run may be kept to.
const RUN_PLACE_GROUPS_MAX: usize = 100;

pub(in crate::grpc) fn allocate_places(
    r: &pb::AllocatePlacesRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let max = v.within("max_proposals", r.max_proposals.max(1), 1, PROPOSALS_MAX);
    let groups = v.place_groups("place_group_ids", &r.place_group_ids, RUN_PLACE_GROUPS_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = AllocatePlaces {
            max_proposals: max?,
            place_groups: groups?.into_iter().collect(),
            case_reference: case_reference?,
        };
        Some((ledger?, Draft::of(Command::AllocatePlaces(command))))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn confirm_proposals(
    r: &pb::ConfirmProposalsRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    if r.offer_ids.is_empty() {
        v.add("offer_ids", "is required");
    }
    let offer_ids = v.uuids("offer_ids", &r.offer_ids, PROPOSALS_MAX as usize);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = ConfirmProposals {
            offer_ids: offer_ids?.into_iter().map(OfferId).collect(),
            case_reference: case_reference?,
        };
        Some((ledger?, Draft::of(Command::ConfirmProposals(command))))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn respond_to_offer(
    r: &pb::RespondToOfferRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let offer_id = v.uuid("offer_id", &r.offer_id);
    let answer: Option<pb::OfferAnswer> = v.choice("answer", r.answer);
    let plain = v.optional_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::RespondToOffer(RespondToOffer {
            offer_id: OfferId(offer_id?),
            accept: answer? == pb::OfferAnswer::Accept,
            reason: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { command, identity: None, plain: plain? }))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn start_placement(
    r: &pb::StartPlacementRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let offer_id = v.uuid("offer_id", &r.offer_id);
    let start_date = v.date("start_date", r.start_date.as_ref());
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = StartPlacement {
            offer_id: OfferId(offer_id?),
            start_date: start_date?,
            case_reference: case_reference?,
        };
        Some((ledger?, Draft::of(Command::StartPlacement(command))))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn end_placement(
    r: &pb::EndPlacementRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let placement_id = v.uuid("placement_id", &r.placement_id);
    let end_date = v.date("end_date", r.end_date.as_ref());
    let outcome = v.choice("outcome", r.outcome).and_then(outcome);
    let plain = v.optional_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::EndPlacement(EndPlacement {
            placement_id: PlacementId(placement_id?),
            end_date: end_date?,
            outcome: outcome?,
            reason: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { command, identity: None, plain: plain? }))
    })();
    v.finish(parsed)
}

fn outcome(outcome: pb::PlacementOutcome) -> Option<Outcome> {
    match outcome {
        pb::PlacementOutcome::Unspecified => None,
        pb::PlacementOutcome::OrdinaryWork => Some(Outcome::OrdinaryWork),
        pb::PlacementOutcome::Education => Some(Outcome::Education),
        pb::PlacementOutcome::PermanentIncomeSecurity => Some(Outcome::PermanentIncomeSecurity),
        pb::PlacementOutcome::TemporaryIncomeSecurity => Some(Outcome::TemporaryIncomeSecurity),
        pb::PlacementOutcome::SocialAssistance => Some(Outcome::SocialAssistance),
        pb::PlacementOutcome::Other => Some(Outcome::Other),
    }
}
