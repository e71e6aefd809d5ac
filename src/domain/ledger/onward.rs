//! Passing a place on: what is given back is proposed to whoever is next, in the same event,
//! and what is free to whoever joins, if it is their turn.

use std::collections::BTreeSet;

use crate::domain::{
    allocation::{RunReport, RunScope, Served, run},
    event::Event,
    ids::{EntryId, IdSource, OfferId},
    ledger::{Context, Ledger, apply, decide::proposals, passes::passes},
    refusal::Stop,
};

/// The first rules that pass a place on.
const SINCE_RULES: u32 = 2;

/// Adds to `events`, which give the place of `offer_id` back, the proposal of that place to
/// whoever is next. As much is passed on as was held, and only in its place group, with what is
/// kept there for whoever gets it; nothing is added where nobody can take it, or where the queue
/// has gone on in another measure type. `not_to` is passed over: the person whose own offer was
/// withdrawn, for a reason that lies in the offer.
pub(super) fn propose_on(
    ledger: &Ledger,
    events: Vec<Event>,
    offer_id: OfferId,
    not_to: Option<EntryId>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let Some(offer) = ledger.offer(offer_id).filter(|_| context.rules >= SINCE_RULES) else {
        return Ok(events);
    };
    if context.require_queue_here(ledger).is_err() {
        return Ok(events);
    }
    let scope = RunScope {
        percent: Some(i64::from(offer.participation_percent)),
        only_groups: [offer.place_group_id].into(),
        not_to,
        ..RunScope::all(context.at, usize::MAX, context.run_rules(ledger))
    };
    let after = after(ledger, &events);
    let ran = run(&after, &scope)?;
    with_run(ledger, &after, events, ran, context, ids)
}

/// Adds to `events`, which let people in, the proposals that a run would make to the `hopeful`
/// among them before it came to anybody else. The run is made as far as that and no farther:
/// whoever waits already is served by `AllocatePlaces`.
pub(super) fn propose_to(
    ledger: &Ledger,
    events: Vec<Event>,
    hopeful: &BTreeSet<EntryId>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    if hopeful.is_empty() {
        return Ok(events);
    }
    let after = after(ledger, &events);
    let rules = context.run_rules(ledger);
    let (served, report) = run(&after, &RunScope::all(context.at, hopeful.len(), rules))?;
    let theirs = served.iter().take_while(|one| hopeful.contains(&one.entry_id)).count();
    let ran = if theirs == served.len() {
        (served, report)
    } else {
        run(&after, &RunScope::all(context.at, theirs, rules))?
    };
    with_run(ledger, &after, events, ran, context, ids)
}

/// The ledger after what happens before the run.
pub(super) fn after(ledger: &Ledger, events: &[Event]) -> Ledger {
    let mut after = ledger.clone();
    for event in events {
        apply(&mut after, event);
    }
    after
}

/// Adds a run, its proposals and whom it passed over, if it made any. It was made on the ledger
/// as it is `after` the events before it.
fn with_run(
    ledger: &Ledger,
    after: &Ledger,
    mut events: Vec<Event>,
    (served, report): (Vec<Served>, RunReport),
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    if !served.is_empty() {
        let measure = context.measure(ledger)?;
        let passed = passes(after, &events, &report, context);
        events.push(Event::RunMade { report });
        events.extend(proposals(ledger, served, measure, context, ids));
        events.extend(passed);
    }
    Ok(events)
}
