//! Decisions about offers and placements.

use std::collections::BTreeSet;

use time::Date;

use crate::domain::{
    access::ActorKey,
    allocation::{End, Offer, OfferState, Placement, PlacementState},
    calendar::working_days_after,
    command::{ConfirmProposals, EndPlacement, LeaveWaitlist, RespondToOffer, StartPlacement},
    event::Event,
    ids::{IdSource, OfferId, PlacementId},
    ledger::{
        Context, Ledger,
        decide::YEAR,
        decide_increase,
        decide_transfer::require_combinable,
        declined,
        guards::{known_entry, wrong_entry_state},
        onward::propose_on,
    },
    measure::MeasureType,
    refusal::{Refusal, Stop},
    waitlist::{EntryState, Sealed},
};

/// The first rules by which a measure type has more rules than its deadlines.
pub(super) const MORE_RULES: u32 = 2;

/// What an offer is whose provider's objection waits for the office.
pub(super) const OBJECTED_TO: &str = "OBJECTED_TO";

/// All or nothing: one proposal that cannot be confirmed refuses the rest. One that is
/// named twice is confirmed once.
pub(super) fn confirm(
    ledger: &Ledger,
    c: &ConfirmProposals,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let measure = context.measure(ledger)?;
    let mut events = Vec::with_capacity(c.offer_ids.len());
    let mut named = BTreeSet::new();
    for offer_id in c.offer_ids.iter().filter(|id| named.insert(**id)) {
        let offer = known_offer(ledger, *offer_id)?;
        let OfferState::Proposed { confirm_by } = offer.state else {
            return Err(wrong_offer_state(offer.state.name(), "CONFIRM"));
        };
        if confirm_by <= context.at {
            return Err(wrong_offer_state(OfferState::Lapsed.name(), "CONFIRM"));
        }
        let confirmed_by = ActorKey::of(context.actor).to_string();
        events.push(confirmed(*offer_id, confirmed_by, measure, context));
    }
    Ok(events)
}

/// A proposal becomes an offer: from now on its deadlines run.
pub(super) fn confirmed(
    offer_id: OfferId,
    confirmed_by: String,
    measure: &MeasureType,
    context: &Context<'_>,
) -> Event {
    let after = |days| working_days_after(context.at, days, context.registry.holidays());
    let answer_by = after(measure.answer_working_days);
    let object_days = measure.rules.object_working_days.filter(|_| context.rules >= MORE_RULES);
    let object_by = object_days.map(after);
    Event::ProposalConfirmed { offer_id, confirmed_by, answer_by, object_by }
}

/// An answer on the deadline itself is too late. What is due is applied first, but the
/// deadline may pass between that and this decision.
pub(super) fn respond(
    ledger: &Ledger,
    c: &RespondToOffer,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let offer = known_offer(ledger, c.offer_id)?;
    let transition = if c.accept { "ACCEPT" } else { "DECLINE" };
    let OfferState::Offered { answer_by, .. } = offer.state else {
        return Err(wrong_offer_state(offer.state.name(), transition).into());
    };
    if answer_by <= context.at && !offer.is_objected_to() {
        return Err(wrong_offer_state(OfferState::Expired.name(), transition).into());
    }
    let offer_id = c.offer_id;
    if c.accept {
        return Ok(vec![Event::OfferAccepted { offer_id, accepted_time: context.at }]);
    }
    decline(ledger, offer, c.reason.clone(), context, ids)
}

/// The person says no, with what that costs; the place is passed on.
pub(super) fn decline(
    ledger: &Ledger,
    offer: &Offer,
    reason: Option<Sealed>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let (offer_id, let_go) = (offer.offer_id, declined::let_go(ledger, context));
    let mut events = vec![Event::OfferDeclined { offer_id, reason, let_go }];
    events.extend(declined::cost(ledger, offer, context)?);
    propose_on(ledger, events, offer_id, None, context, ids)
}

pub(super) fn start(
    ledger: &Ledger,
    c: &StartPlacement,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    let offer = known_offer(ledger, c.offer_id)?;
    let OfferState::Accepted { .. } = offer.state else {
        return Err(wrong_offer_state(offer.state.name(), "START"));
    };
    if offer.is_objected_to() {
        return Err(wrong_offer_state(OBJECTED_TO, "START"));
    }
    require_start_date(c.start_date, context)?;
    if let Some(increased) = known_entry(ledger, offer.entry_id)?.increase_of {
        return decide_increase::start(ledger, c, offer, increased, context);
    }
    require_combinable(ledger, &c.elsewhere, context)?;
    // From here it happens.
    let placement = Placement {
        placement_id: PlacementId(ids.next_id()),
        entry_id: offer.entry_id,
        offer_id: Some(offer.offer_id),
        place_group_id: offer.place_group_id,
        account: offer.account.clone(),
        participation_percent: offer.participation_percent,
        start_date: c.start_date,
        shares: Vec::new(),
        past_debits: Vec::new(),
        planned_end_date: None,
        guest: false,
        review: None,
        increase: None,
        state: PlacementState::Running,
    };
    Ok(vec![Event::PlacementStarted { placement }])
}

/// Nobody begins ahead of time.
pub(super) fn require_start_date(start_date: Date, context: &Context<'_>) -> Result<(), Refusal> {
    let today = context.today();
    if start_date <= today && start_date >= today.saturating_sub(YEAR) {
        return Ok(());
    }
    Err(Refusal::DateOutOfRange {
        field: "start_date",
        value: start_date.to_string(),
        expected: "today or up to a year back",
    })
}

pub(super) fn end(
    ledger: &Ledger,
    c: &EndPlacement,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let placement = ledger
        .placement(c.placement_id)
        .ok_or_else(|| Refusal::NotFound { what: "placement", id: c.placement_id.to_string() })?;
    if let PlacementState::Ended(_) = placement.state {
        let state = placement.state.name();
        let what = "the placement";
        return Err(Refusal::WrongState { what, state, transition: "END" }.into());
    }
    let today = context.today();
    require_end_date(c.end_date, placement.start_date, today)?;
    // From here it happens.
    let placement_id = c.placement_id;
    let end = End { end_date: c.end_date, outcome: c.outcome, reason: c.reason.clone() };
    let mut events = vec![Event::PlacementEndSet { placement_id, end }];
    if c.end_date > today {
        return Ok(events);
    }
    let closed_time = context.closed_time();
    events.push(Event::PlacementEnded { placement_id, closed_time });
    decide_increase::end(ledger, placement, events, context, ids)
}

pub(super) fn require_end_date(end: Date, start: Date, today: Date) -> Result<(), Refusal> {
    if end >= start && end <= today.saturating_add(YEAR) {
        return Ok(());
    }
    Err(Refusal::DateOutOfRange {
        field: "end_date",
        value: end.to_string(),
        expected: "not before the start and at most a year ahead",
    })
}

/// Leaving takes what was held for the person along, in one row: an offer never outlives
/// its entry. It is taken back also when its deadline has just passed, since it is given
/// back either way, and passed on.
pub(super) fn leave(
    ledger: &Ledger,
    c: &LeaveWaitlist,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let entry_id = c.entry_id;
    let entry = known_entry(ledger, entry_id)?;
    if let EntryState::Placed(_) | EntryState::Closed = entry.state {
        return Err(wrong_entry_state(entry, "LEAVE").into());
    }
    let (grounds, closed_time) = (c.grounds.clone(), context.closed_time());
    let left = Event::Left { entry_id, grounds, closed_time };
    let Some(offer_id) = entry.state.offer() else { return Ok(vec![left]) };
    let events = vec![left, Event::OfferWithdrawn { offer_id }];
    propose_on(ledger, events, offer_id, None, context, ids)
}

/// A deadline that no longer stands does nothing.
pub(super) fn lapse(ledger: &Ledger, offer_id: OfferId, context: &Context<'_>) -> Vec<Event> {
    let due = ledger.offer(offer_id).is_some_and(|offer| {
        matches!(offer.state, OfferState::Proposed { confirm_by } if confirm_by <= context.at)
    });
    vec![if due { Event::ProposalLapsed { offer_id } } else { Event::NothingToDo }]
}

pub(super) fn expire(
    ledger: &Ledger,
    offer_id: OfferId,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let due = ledger.offer(offer_id).filter(|offer| {
        !offer.is_objected_to()
            && matches!(offer.state, OfferState::Offered { answer_by, .. } if answer_by <= context.at)
    });
    let Some(offer) = due else { return Ok(vec![Event::NothingToDo]) };
    let mut events =
        vec![Event::OfferExpired { offer_id, let_go: declined::let_go(ledger, context) }];
    events.extend(declined::cost(ledger, offer, context)?);
    propose_on(ledger, events, offer_id, None, context, ids)
}

pub(super) fn finish(
    ledger: &Ledger,
    placement_id: PlacementId,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let due = ledger.placement(placement_id).filter(|placement| {
        matches!(&placement.state, PlacementState::Ending(end) if end.end_date <= context.today())
    });
    let Some(placement) = due else { return Ok(vec![Event::NothingToDo]) };
    let closed_time = context.closed_time();
    let events = vec![Event::PlacementEnded { placement_id, closed_time }];
    decide_increase::end(ledger, placement, events, context, ids)
}

pub(super) fn known_offer(ledger: &Ledger, offer_id: OfferId) -> Result<&Offer, Refusal> {
    let missing = || Refusal::NotFound { what: "offer", id: offer_id.to_string() };
    ledger.offer(offer_id).ok_or_else(missing)
}

pub(super) fn wrong_offer_state(state: &'static str, transition: &'static str) -> Refusal {
    Refusal::WrongState { what: "the offer", state, transition }
}
