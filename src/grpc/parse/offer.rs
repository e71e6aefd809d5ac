//! Requests about single offers, and about a place for a named person.

use crate::{
    domain::{
        allocation::{ObjectionCode, OutOfTurnReason},
        command::{
            Command, ExtendOffer, ObjectToOffer, PlacePerson, ResolveObjection, StartDirectly,
            StartPlacement, WithdrawOffer,
        },
        ids::{EntryId, LedgerId, OfferId, PlaceGroupId},
    },
    error::Error,
    grpc::parse::{TEXT_MAX, Violations},
    proto::v1 as pb,
    write::Draft,
};

/// The most working days an answer deadline may be extended to from now.
const EXTENSION_WORKING_DAYS_MAX: u32 = 60;

pub(in crate::grpc) fn place_person(
    r: &pb::PlacePersonRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let place_group_id = v.uuid("place_group_id", &r.place_group_id);
    let reason = v.optional_choice("reason", r.reason).map(out_of_turn_reason);
    let plain = v.optional_text("reason_text", &r.reason_text, TEXT_MAX);
    match (&reason, &plain) {
        (Some(Some(_)), Some(None)) => v.add("reason_text", "is required with reason"),
        (Some(None), Some(Some(_))) => v.add("reason", "is required with reason_text"),
        _ => {}
    }
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::PlacePerson(PlacePerson {
            entry_id: EntryId(entry_id?),
            place_group_id: PlaceGroupId(place_group_id?),
            out_of_turn: None,
            reason: reason?,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain: plain?, ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn object_to_offer(
    r: &pb::ObjectToOfferRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let offer_id = v.uuid("offer_id", &r.offer_id);
    let code = v.choice("code", r.code).and_then(objection_code);
    let plain = v.optional_text("reason", &r.reason, TEXT_MAX);
    if code == Some(ObjectionCode::Other) && plain == Some(None) {
        v.add("reason", "is required with OBJECTION_CODE_OTHER");
    }
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::ObjectToOffer(ObjectToOffer {
            offer_id: OfferId(offer_id?),
            code: code?,
            text: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain: plain?, ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn resolve_objection(
    r: &pb::ResolveObjectionRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let offer_id = v.uuid("offer_id", &r.offer_id);
    let plain = v.required_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::ResolveObjection(ResolveObjection {
            offer_id: OfferId(offer_id?),
            uphold: r.uphold,
            text: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain: Some(plain?), ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn extend_offer(
    r: &pb::ExtendOfferRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let offer_id = v.uuid("offer_id", &r.offer_id);
    let working_days = v.within("working_days", r.working_days, 1, EXTENSION_WORKING_DAYS_MAX);
    let plain = v.required_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::ExtendOffer(ExtendOffer {
            offer_id: OfferId(offer_id?),
            working_days: working_days?,
            text: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain: Some(plain?), ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn withdraw_offer(
    r: &pb::WithdrawOfferRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let offer_id = v.uuid("offer_id", &r.offer_id);
    let plain = v.required_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::WithdrawOffer(WithdrawOffer {
            offer_id: OfferId(offer_id?),
            text: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain: Some(plain?), ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

/// By an accepted offer; or, without one, by entry and place group.
pub(in crate::grpc) fn start_placement(
    r: &pb::StartPlacementRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let start_date = v.date("start_date", r.start_date.as_ref());
    let case_reference = v.case(&r.case_reference);
    if r.offer_id.is_empty() && !(r.entry_id.is_empty() && r.place_group_id.is_empty()) {
        let entry_id = v.uuid("entry_id", &r.entry_id);
        let place_group_id = v.uuid("place_group_id", &r.place_group_id);
        let parsed = (|| {
            let command = StartDirectly {
                entry_id: EntryId(entry_id?),
                place_group_id: PlaceGroupId(place_group_id?),
                start_date: start_date?,
                case_reference: case_reference?,
                elsewhere: Vec::new(),
            };
            Some((ledger?, Draft::of(Command::StartDirectly(command))))
        })();
        return v.finish(parsed);
    }
    let offer_id = v.uuid("offer_id", &r.offer_id);
    for (field, text) in [("entry_id", &r.entry_id), ("place_group_id", &r.place_group_id)] {
        if !text.is_empty() {
            v.add(field, "must be empty where offer_id says who begins where");
        }
    }
    let parsed = (|| {
        let command = StartPlacement {
            offer_id: OfferId(offer_id?),
            start_date: start_date?,
            case_reference: case_reference?,
            elsewhere: Vec::new(),
        };
        Some((ledger?, Draft::of(Command::StartPlacement(command))))
    })();
    v.finish(parsed)
}

fn objection_code(code: pb::ObjectionCode) -> Option<ObjectionCode> {
    match code {
        pb::ObjectionCode::Unspecified => None,
        pb::ObjectionCode::NotAvailable => Some(ObjectionCode::NotAvailable),
        pb::ObjectionCode::WorkField => Some(ObjectionCode::WorkField),
        pb::ObjectionCode::Safety => Some(ObjectionCode::Safety),
        pb::ObjectionCode::Closed => Some(ObjectionCode::Closed),
        pb::ObjectionCode::Other => Some(ObjectionCode::Other),
    }
}

fn out_of_turn_reason(reason: pb::OutOfTurnReason) -> Option<OutOfTurnReason> {
    match reason {
        pb::OutOfTurnReason::Unspecified => None,
        pb::OutOfTurnReason::Health => Some(OutOfTurnReason::Health),
        pb::OutOfTurnReason::PlaceWouldBeLost => Some(OutOfTurnReason::PlaceWouldBeLost),
        pb::OutOfTurnReason::Returns => Some(OutOfTurnReason::Returns),
        pb::OutOfTurnReason::Appeal => Some(OutOfTurnReason::Appeal),
        pb::OutOfTurnReason::Correction => Some(OutOfTurnReason::Correction),
        pb::OutOfTurnReason::Other => Some(OutOfTurnReason::Other),
    }
}
