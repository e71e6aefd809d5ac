//! Passing a place on: what is given back is proposed to whoever is next, in the same event.

use crate::domain::{
    allocation::{RunScope, run},
    event::Event,
    ids::{EntryId, IdSource, OfferId},
    ledger::{Context, Ledger, apply, decide::proposals},
    refusal::Stop,
};

/// The first rules that pass a place on.
const SINCE_RULES: u32 = 2;

/// Adds to `events`, which give the place of `offer_id` back, the proposal of that place to
/// whoever is next. As much is passed on as was held, and only in its place group; nothing is
/// added where nobody can take it. `not_to` is passed over: the person whose own offer was
/// withdrawn, for a reason that lies in the offer.
pub(super) fn propose_on(
    ledger: &Ledger,
    mut events: Vec<Event>,
    offer_id: OfferId,
    not_to: Option<EntryId>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let Some(offer) = ledger.offer(offer_id).filter(|_| context.rules >= SINCE_RULES) else {
        return Ok(events);
    };
    let measure = context.measure(ledger)?;
    let mut after = ledger.clone();
    for event in &events {
        apply(&mut after, event);
    }
    let scope = RunScope {
        percent: Some(i64::from(offer.participation_percent)),
        only_groups: [offer.place_group_id].into(),
        not_to,
        ..RunScope::all(context.at, usize::MAX)
    };
    let (served, report) = run(&after, &scope)?;
    if !served.is_empty() {
        events.push(Event::RunMade { report });
        events.extend(proposals(ledger, served, measure, context, ids));
    }
    Ok(events)
}
