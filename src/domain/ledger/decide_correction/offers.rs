//! Corrections of answers.

use super::{
    corrected, entries::was_placed, has_room, require_claim, require_in_time, waits_first,
};
use crate::domain::{
    allocation::{LetGo, Offer, OfferState},
    command::Correct,
    event::{Event, OfferChange},
    ids::{IdSource, OfferId},
    ledger::{
        Context, Ledger, decide_offer,
        decide_offer::{known_offer, wrong_offer_state},
        guards::{known_entry, wrong_entry_state},
    },
    measure::DeclineRule,
    refusal::{Refusal, Stop},
    waitlist::{Entry, EntryState},
};

/// A no that was a yes. What the no cost is undone; the place is held again if both accounts
/// have room, and if not the person waits before all others.
pub(super) fn accept(
    ledger: &Ledger,
    c: &Correct,
    offer_id: OfferId,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    const MOVE: &str = "CORRECT_TO_ACCEPTED";
    let offer = known_offer(ledger, offer_id)?;
    let (OfferState::Declined { .. } | OfferState::Expired) = offer.state else {
        return Err(wrong_offer_state(offer.state.name(), MOVE));
    };
    let entry = known_entry(ledger, offer.entry_id)?;
    let is_marked = entry.closed.as_ref().is_some_and(|closed| closed.mistake.is_some());
    match entry.state {
        EntryState::Waiting | EntryState::Paused { .. } | EntryState::CoolingDown { .. } => {}
        EntryState::Closed if !is_marked && !was_placed(ledger, entry) => {}
        EntryState::Closed
        | EntryState::Proposed(_)
        | EntryState::Offered(_)
        | EntryState::Accepted(_)
        | EntryState::Placed(_) => return Err(wrong_entry_state(entry, MOVE)),
    }
    require_in_time(ledger, &offer.let_go.map(|let_go| let_go.time).into(), context)?;
    if entry.state == EntryState::Closed {
        require_claim(c)?;
    }
    // From here it happens.
    let entry = without_cost(ledger, entry, offer, context)?;
    let account = ledger.queue_of(&entry).account();
    let (group, percent) = (offer.place_group_id, offer.participation_percent);
    let is_open = ledger.place_group(group).is_some_and(|g| !g.is_closed(context.today()));
    if !is_open || !has_room(ledger, group, &account, percent) {
        // What the no cost is undone once.
        let time = offer.let_go.map_or(context.at, |let_go| let_go.time);
        let let_go = Some(LetGo { time, counted: false });
        let offer = Offer { let_go, ..offer.clone() };
        let change = OfferChange::Corrected;
        let first = waits_first(ledger, c, entry);
        return Ok(vec![Event::OfferChanged { offer, change }, first]);
    }
    let state = OfferState::Accepted { accepted_time: context.at };
    let offer = Offer { account, let_go: None, state, ..offer.clone() };
    let entry = Entry { state: EntryState::Accepted(offer_id), closed: None, ..entry };
    let change = OfferChange::Reinstated;
    Ok(vec![Event::OfferChanged { offer, change }, corrected(c, entry)])
}

/// The entry as if the offer had not been let go of: without its strike, and proposed there
/// again. Whether it was counted is told by today's rule where it was not kept.
fn without_cost(
    ledger: &Ledger,
    entry: &Entry,
    offer: &Offer,
    context: &Context<'_>,
) -> Result<Entry, Refusal> {
    let counts = context.measure(ledger)?.rules.decline_rule != DeclineRule::Nothing;
    let counted = offer.let_go.map_or(counts, |let_go| let_go.counted);
    let mut entry = entry.clone();
    entry.strikes = entry.strikes.saturating_sub(u32::from(counted));
    entry.declined_here.remove(&offer.place_group_id);
    Ok(entry)
}

/// A yes that was a no, before anybody has begun: as if the person said no now.
pub(super) fn decline(
    ledger: &Ledger,
    c: &Correct,
    offer_id: OfferId,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let offer = known_offer(ledger, offer_id)?;
    let OfferState::Accepted { accepted_time } = offer.state else {
        return Err(wrong_offer_state(offer.state.name(), "CORRECT_TO_DECLINED").into());
    };
    require_in_time(ledger, &super::Made::At(accepted_time), context)?;
    decide_offer::decline(ledger, offer, c.text.clone(), context, ids)
}
