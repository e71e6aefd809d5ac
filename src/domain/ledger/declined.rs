//! What a declined or expired offer costs, as the measure type's rules say.

use crate::domain::{
    allocation::{LetGo, Offer},
    event::{EntryChange, Event},
    ledger::{Context, Ledger, decide_increase, decide_offer::MORE_RULES},
    measure::DeclineRule,
    refusal::Refusal,
    waitlist::{Closed, Entry, EntryState},
};

/// The entry of an offer that is let go of, where that costs it anything: a strike, some
/// time in which it is not eligible, or, at so many strikes, its place on the waitlist.
pub(super) fn cost(
    ledger: &Ledger,
    offer: &Offer,
    context: &Context<'_>,
) -> Result<Option<Event>, Refusal> {
    let entry = ledger.entry(offer.entry_id).filter(|_| context.rules >= MORE_RULES);
    let Some(entry) = entry else { return Ok(None) };
    if entry.increase_of.is_some() {
        return Ok(Some(decide_increase::declined(entry, offer, context)));
    }
    let rules = &context.measure(ledger)?.rules;
    let (counts, leaves_after) = match rules.decline_rule {
        DeclineRule::Nothing => (false, None),
        DeclineRule::Strike => (true, None),
        DeclineRule::LeaveAfter(strikes) => (true, Some(strikes)),
    };
    let strikes = entry.strikes.saturating_add(u32::from(counts));
    let (state, change) = if leaves_after.is_some_and(|most| strikes >= most) {
        (EntryState::Closed, EntryChange::LeftByRule)
    } else if let Some(days) = rules.cool_down_days {
        (EntryState::CoolingDown { until: context.at.plus_days(days) }, EntryChange::CooledDown)
    } else if counts {
        (EntryState::Waiting, EntryChange::StrikeCounted)
    } else {
        return Ok(None);
    };
    let closed = (!state.is_open()).then(|| Closed::at(context.at));
    let mut entry = Entry { strikes, closed, state, ..entry.clone() };
    entry.declined_here.insert(offer.place_group_id);
    Ok(Some(Event::EntryChanged { entry, change }))
}

/// That an offer is let go of now, where the measure type says for how long that may be
/// corrected.
pub(super) fn let_go(ledger: &Ledger, context: &Context<'_>) -> Option<LetGo> {
    let measure = context.measure(ledger).ok()?;
    measure.rules.correction_days?;
    let counted = measure.rules.decline_rule != DeclineRule::Nothing;
    Some(LetGo { time: context.at, counted })
}
