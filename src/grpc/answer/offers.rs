//! The answers of mutations of single offers.

use prost::Message;

use super::{from_events, offer_after, proposals, provider::offer_to_provider, revision_of};
use crate::{
    domain::{event::Event, ids::OfferId},
    proto::v1 as pb,
    write::Done,
};

/// The offer that was changed.
fn changed(done: &Done<'_>) -> Option<OfferId> {
    from_events(done, |event| {
        if let Event::OfferChanged { offer, .. } = event { Some(offer.offer_id) } else { None }
    })
}

fn changed_offer(done: &Done<'_>) -> Option<pb::Offer> {
    changed(done).and_then(|id| offer_after(done.ledger, id))
}

pub(in crate::grpc) fn place_person(done: &Done<'_>) -> Vec<u8> {
    let made =
        from_events(
            done,
            |event| {
                if let Event::Proposed { offer } = event { Some(offer) } else { None }
            },
        );
    let shadow = made.and_then(|offer| offer.shadow.as_ref());
    pb::PlacePersonResponse {
        revision: Some(revision_of(done)),
        offer: proposals(done).into_iter().next(),
        passed_over: shadow.map_or(0, |shadow| shadow.ahead),
    }
    .encode_to_vec()
}

/// Only a provider objects.
pub(in crate::grpc) fn object_to_offer(done: &Done<'_>) -> Vec<u8> {
    let offer = changed(done).and_then(|id| done.ledger.offer(id)).map(offer_to_provider);
    pb::ObjectToOfferResponse { revision: Some(revision_of(done)), offer }.encode_to_vec()
}

pub(in crate::grpc) fn resolve_objection(done: &Done<'_>) -> Vec<u8> {
    let (offer, proposals) = (changed_offer(done), proposals(done));
    let revision = Some(revision_of(done));
    pb::ResolveObjectionResponse { revision, offer, proposals }.encode_to_vec()
}

pub(in crate::grpc) fn extend_offer(done: &Done<'_>) -> Vec<u8> {
    let offer = changed_offer(done);
    pb::ExtendOfferResponse { revision: Some(revision_of(done)), offer }.encode_to_vec()
}

pub(in crate::grpc) fn withdraw_offer(done: &Done<'_>) -> Vec<u8> {
    let (offer, proposals) = (changed_offer(done), proposals(done));
    let revision = Some(revision_of(done));
    pb::WithdrawOfferResponse { revision, offer, proposals }.encode_to_vec()
}
