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
    ledger::{Context, Ledger, decide::YEAR, onward::propose_on},
    refusal::{Refusal, Stop},
    waitlist::EntryState,
};

/// All or nothing: one proposal that cannot be confirmed refuses the rest. One that is
/// named twice is confirmed once.
pub(super) fn confirm(
    ledger: &Ledger,
    c: &ConfirmProposals,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let measure = context.measure(ledger)?;
    let holidays = context.registry.holidays();
    let answer_by = working_days_after(context.at, measure.answer_working_days, holidays);
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
        events.push(Event::ProposalConfirmed { offer_id: *offer_id, confirmed_by, answer_by });
    }
    Ok(events)
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
    if answer_by <= context.at {
        return Err(wrong_offer_state(OfferState::Expired.name(), transition).into());
    }
    let offer_id = c.offer_id;
    if c.accept {
        return Ok(vec![Event::OfferAccepted { offer_id, accepted_time: context.at }]);
    }
    let declined = Event::OfferDeclined { offer_id, reason: c.reason.clone() };
    propose_on(ledger, vec![declined], offer_id, None, context, ids)
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
    let today = context.today();
    if c.start_date > today || c.start_date < today.saturating_sub(YEAR) {
        return Err(Refusal::DateOutOfRange {
            field: "start_date",
            value: c.start_date.to_string(),
            expected: "today or up to a year back",
        });
    }
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
        planned_end_date: None,
        guest: false,
        state: PlacementState::Running,
    };
    Ok(vec![Event::PlacementStarted { placement }])
}

pub(super) fn end(
    ledger: &Ledger,
    c: &EndPlacement,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let placement = ledger
        .placement(c.placement_id)
        .ok_or_else(|| Refusal::NotFound { what: "placement", id: c.placement_id.to_string() })?;
    if let PlacementState::Ended(_) = placement.state {
        let state = placement.state.name();
        return Err(Refusal::WrongState { what: "the placement", state, transition: "END" });
    }
    let today = context.today();
    require_end_date(c.end_date, placement.start_date, today)?;
    // From here it happens.
    let placement_id = c.placement_id;
    let end = End { end_date: c.end_date, outcome: c.outcome, reason: c.reason.clone() };
    let mut events = vec![Event::PlacementEndSet { placement_id, end }];
    if c.end_date <= today {
        events.push(Event::PlacementEnded { placement_id });
    }
    Ok(events)
}

fn require_end_date(end: Date, start: Date, today: Date) -> Result<(), Refusal> {
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
    let entry = ledger
        .entry(entry_id)
        .ok_or_else(|| Refusal::NotFound { what: "entry", id: entry_id.to_string() })?;
    if let EntryState::Placed(_) | EntryState::Closed = entry.state {
        let state = entry.state.name();
        return Err(Refusal::WrongState { what: "the entry", state, transition: "LEAVE" }.into());
    }
    let left = Event::Left { entry_id, grounds: c.grounds.clone() };
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
    let due = ledger.offer(offer_id).is_some_and(|offer| {
        matches!(offer.state, OfferState::Offered { answer_by, .. } if answer_by <= context.at)
    });
    if !due {
        return Ok(vec![Event::NothingToDo]);
    }
    propose_on(ledger, vec![Event::OfferExpired { offer_id }], offer_id, None, context, ids)
}

pub(super) fn finish(
    ledger: &Ledger,
    placement_id: PlacementId,
    context: &Context<'_>,
) -> Vec<Event> {
    let due = ledger.placement(placement_id).is_some_and(|placement| {
        matches!(&placement.state, PlacementState::Ending(end) if end.end_date <= context.today())
    });
    vec![if due { Event::PlacementEnded { placement_id } } else { Event::NothingToDo }]
}

pub(super) fn known_offer(ledger: &Ledger, offer_id: OfferId) -> Result<&Offer, Refusal> {
    let missing = || Refusal::NotFound { what: "offer", id: offer_id.to_string() };
    ledger.offer(offer_id).ok_or_else(missing)
}

pub(super) fn wrong_offer_state(state: &'static str, transition: &'static str) -> Refusal {
    Refusal::WrongState { what: "the offer", state, transition }
}
