//! Requests of the allocation service.

use crate::{
    domain::{
        allocation::Outcome,
        command::{AllocatePlaces, Command, ConfirmProposals, EndPlacement, RespondToOffer},
        ids::{EntryId, LedgerId, OfferId, PlaceGroupId, PlacementId},
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{TEXT_MAX, Violations},
    },
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
        Some((ledger?, Draft { plain: plain?, ..Draft::of(command) }))
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
        Some((ledger?, Draft { plain: plain?, ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

/// What `ListOffers` and `ListPlacements` ask for, `S` being where the rows stand.
pub(in crate::grpc) struct HeldQuery<S> {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) state: S,
    pub(in crate::grpc) entry_id: Option<EntryId>,
    pub(in crate::grpc) place_group_id: Option<PlaceGroupId>,
    pub(in crate::grpc) page: Page,
}

macro_rules! list_held {
    ($name:ident, $request:ident, $state:ident) => {
        pub(in crate::grpc) fn $name(r: &pb::$request) -> Result<HeldQuery<pb::$state>, Error> {
            let mut v = Violations::default();
            let ledger = v.ledger(r.ledger.as_ref());
            let state = v.optional_choice("state", r.state);
            let entry_id = v.optional_uuid("entry_id", &r.entry_id);
            let place_group_id = v.optional_uuid("place_group_id", &r.place_group_id);
            let page = Page::parse(&mut v, r);
            let parsed = (|| {
                Some(HeldQuery {
                    ledger: ledger?,
                    state: state?,
                    entry_id: entry_id?.map(EntryId),
                    place_group_id: place_group_id?.map(PlaceGroupId),
                    page: page?,
                })
            })();
            v.finish(parsed)
        }
    };
}

list_held!(list_offers, ListOffersRequest, OfferState);
list_held!(list_placements, ListPlacementsRequest, PlacementState);

/// Which decision `ExplainDecision` asks about.
#[derive(Debug, Clone, Copy)]
pub(in crate::grpc) enum Decision {
    Offer(OfferId),
    Run { seq: u64, entry_id: EntryId },
}

/// What `ExplainDecision` asks for.
pub(in crate::grpc) struct ExplainQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) decision: Decision,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn explain_decision(
    r: &pb::ExplainDecisionRequest,
) -> Result<ExplainQuery, Error> {
    use pb::explain_decision_request::Decision as Asked;
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let decision = match &r.decision {
        None => {
            v.add("decision", "is required: an offer_id, or a run");
            None
        }
        Some(Asked::OfferId(id)) => v.uuid("offer_id", id).map(|id| Decision::Offer(OfferId(id))),
        Some(Asked::Run(run)) => {
            let seq = v.within("run.seq", run.seq, 1, i64::MAX.cast_unsigned());
            let entry_id = v.uuid("run.entry_id", &run.entry_id);
            seq.zip(entry_id).map(|(seq, id)| Decision::Run { seq, entry_id: EntryId(id) })
        }
    };
    let at_least_seq = r.at_least_seq;
    let parsed = (|| Some(ExplainQuery { ledger: ledger?, decision: decision?, at_least_seq }))();
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
        pb::PlacementOutcome::SuitableWork => Some(Outcome::SuitableWork),
        pb::PlacementOutcome::Ill => Some(Outcome::Ill),
        pb::PlacementOutcome::DidNotMeet => Some(Outcome::DidNotMeet),
        pb::PlacementOutcome::OtherMeasure => Some(Outcome::OtherMeasure),
    }
}
