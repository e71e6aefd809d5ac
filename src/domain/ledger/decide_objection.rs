//! Decisions about offers that somebody has something against, or needs more time for.

use crate::domain::{
    access::ActorKey,
    allocation::{Extension, Objection, Offer, OfferState, Resolution},
    calendar::{Timestamp, working_days_after},
    command::{ExtendOffer, ObjectToOffer, ResolveObjection, WithdrawOffer},
    event::{EntryChange, Event, OfferChange},
    ids::{EntryId, IdSource},
    ledger::{
        Context, Ledger,
        decide_offer::{OBJECTED_TO, known_offer, wrong_offer_state},
        onward::propose_on,
    },
    refusal::{Refusal, Stop},
    waitlist::{Entry, EntryState},
};

/// The provider objects, once. The offer stands as it did, but that its deadline no longer
/// runs and nobody begins by it, until the office has decided.
pub(super) fn object(
    ledger: &Ledger,
    c: &ObjectToOffer,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    const MOVE: &str = "OBJECT";
    let offer = known_offer(ledger, c.offer_id)?;
    require_not_over(offer, MOVE, context)?;
    match &offer.objection {
        None => {}
        Some(objection) => return Err(wrong_offer_state(objection_state(objection), MOVE)),
    }
    let Some(object_by) = offer.object_by else {
        let rule = "a provider may not object to an offer of this measure type";
        return Err(Refusal::MeasureTypeRule(rule));
    };
    if object_by <= context.at {
        let what = "the time to object";
        return Err(Refusal::WrongState { what, state: "OVER", transition: MOVE });
    }
    let objection = Objection {
        code: c.code,
        text: c.text.clone(),
        objected_by: ActorKey::of(context.actor).to_string(),
        objected_time: context.at,
        resolution: None,
    };
    let offer = Offer { objection: Some(objection), ..offer.clone() };
    Ok(vec![Event::OfferChanged { offer, change: OfferChange::ObjectedTo }])
}

/// The office decides. Upheld, the place goes on to the next and the person keeps the turn;
/// overruled, the person has as long to answer as anybody who was offered a place now.
pub(super) fn resolve(
    ledger: &Ledger,
    c: &ResolveObjection,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let transition = if c.uphold { "UPHOLD" } else { "OVERRULE" };
    let offer = known_offer(ledger, c.offer_id)?;
    match offer.state {
        OfferState::Offered { .. } | OfferState::Accepted { .. } => {}
        OfferState::Proposed { .. }
        | OfferState::Declined { .. }
        | OfferState::Expired
        | OfferState::Lapsed
        | OfferState::Started { .. }
        | OfferState::Withdrawn { .. }
        | OfferState::Objected => {
            return Err(wrong_offer_state(offer.state.name(), transition).into());
        }
    }
    let objection = match &offer.objection {
        Some(objection) if objection.is_open() => objection.clone(),
        Some(objection) => {
            return Err(wrong_offer_state(objection_state(objection), transition).into());
        }
        None => return Err(wrong_offer_state("NOT_OBJECTED_TO", transition).into()),
    };
    let resolution = Resolution {
        upheld: c.uphold,
        text: c.text.clone(),
        resolved_by: ActorKey::of(context.actor).to_string(),
        resolved_time: context.at,
    };
    let objection = Some(Objection { resolution: Some(resolution), ..objection });
    if c.uphold {
        let offer = Offer { objection, state: OfferState::Objected, ..offer.clone() };
        let objected_here = (offer.place_group_id, context.at);
        let freed = freed(ledger, offer.entry_id, Some(objected_here));
        let (offer_id, change) = (offer.offer_id, OfferChange::ObjectionUpheld);
        let events = [Event::OfferChanged { offer, change }].into_iter().chain(freed).collect();
        return propose_on(ledger, events, offer_id, None, context, ids);
    }
    let state = overruled_state(ledger, offer, context)?;
    let offer = Offer { objection, state, ..offer.clone() };
    Ok(vec![Event::OfferChanged { offer, change: OfferChange::ObjectionOverruled }])
}

/// The time an objection took is not the person's: whoever has yet to answer gets a whole
/// answer deadline from now, unless the one there is lies later.
fn overruled_state(
    ledger: &Ledger,
    offer: &Offer,
    context: &Context<'_>,
) -> Result<OfferState, Refusal> {
    let OfferState::Offered { answer_by, confirmed_by } = &offer.state else {
        return Ok(offer.state.clone());
    };
    let days = context.measure(ledger)?.answer_working_days;
    let from_now = working_days_after(context.at, days, context.registry.holidays());
    let answer_by = from_now.max(*answer_by);
    Ok(OfferState::Offered { answer_by, confirmed_by: confirmed_by.clone() })
}

/// Answered later, once.
pub(super) fn extend(
    ledger: &Ledger,
    c: &ExtendOffer,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    const MOVE: &str = "EXTEND";
    let offer = known_offer(ledger, c.offer_id)?;
    let OfferState::Offered { answer_by: before, confirmed_by } = &offer.state else {
        return Err(wrong_offer_state(offer.state.name(), MOVE));
    };
    require_not_over(offer, MOVE, context)?;
    if offer.extension.is_some() {
        return Err(wrong_offer_state("EXTENDED", MOVE));
    }
    let answer_by = working_days_after(context.at, c.working_days, context.registry.holidays());
    if answer_by <= *before {
        let field = "working_days";
        return Err(Refusal::NotLater { field, value: answer_by, than: *before });
    }
    let extension = Extension {
        text: c.text.clone(),
        extended_by: ActorKey::of(context.actor).to_string(),
        answer_by_before: *before,
    };
    let state = OfferState::Offered { answer_by, confirmed_by: confirmed_by.clone() };
    let offer = Offer { extension: Some(extension), state, ..offer.clone() };
    Ok(vec![Event::OfferChanged { offer, change: OfferChange::Extended }])
}

/// Taken back: the person keeps the turn, and the place goes on to somebody else. It may be
/// taken back also when its deadline has just passed, since it is given back either way.
pub(super) fn withdraw(
    ledger: &Ledger,
    c: &WithdrawOffer,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let offer = known_offer(ledger, c.offer_id)?;
    if !offer.state.reserves() {
        return Err(wrong_offer_state(offer.state.name(), "WITHDRAW").into());
    }
    let (entry_id, was_offered) = (offer.entry_id, offer.state.was_offered());
    let offer = Offer { state: OfferState::Withdrawn { was_offered }, ..offer.clone() };
    let change = OfferChange::Withdrawn { text: c.text.clone() };
    let freed = freed(ledger, entry_id, None);
    let events = [Event::OfferChanged { offer, change }].into_iter().chain(freed).collect();
    propose_on(ledger, events, c.offer_id, Some(entry_id), context, ids)
}

/// The entry waits again where it stood; not for places of a group whose provider was right
/// to object.
fn freed(
    ledger: &Ledger,
    entry_id: EntryId,
    objected_here: Option<(crate::domain::ids::PlaceGroupId, Timestamp)>,
) -> Option<Event> {
    let mut entry = Entry { state: EntryState::Waiting, ..ledger.entry(entry_id)?.clone() };
    entry.objected_here.extend(objected_here);
    Some(Event::EntryChanged { entry, change: EntryChange::Freed })
}

/// Requires an offer that a person may still answer, or has said yes to. What is due is
/// applied first, but the deadline may pass between that and this decision.
fn require_not_over(
    offer: &Offer,
    transition: &'static str,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let state = match &offer.state {
        OfferState::Accepted { .. } => return Ok(()),
        OfferState::Offered { answer_by, .. }
            if *answer_by > context.at || offer.is_objected_to() =>
        {
            return Ok(());
        }
        OfferState::Offered { .. } => OfferState::Expired.name(),
        OfferState::Proposed { .. }
        | OfferState::Declined { .. }
        | OfferState::Expired
        | OfferState::Lapsed
        | OfferState::Started { .. }
        | OfferState::Withdrawn { .. }
        | OfferState::Objected => offer.state.name(),
    };
    Err(wrong_offer_state(state, transition))
}

/// What an offer is that has an objection and stands.
fn objection_state(objection: &Objection) -> &'static str {
    if objection.is_open() { OBJECTED_TO } else { "OBJECTION_OVERRULED" }
}
