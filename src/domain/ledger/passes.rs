//! How often somebody is passed over since their share of a place does not fit, and what comes of
//! that: without it, a person who needs a whole place waits behind halves for ever.

use crate::domain::{
    allocation::{PassedOverReason, RunReport},
    event::{EntryChange, Event},
    ids::EntryId,
    ledger::{Context, Ledger},
    waitlist::Entry,
};

/// The entries that a run of this row passes over since their share does not fit, each once more
/// passed over than before, where the measure type counts that. Once it was more often than the
/// rule's number an entry reserves fractions, and is counted no more.
///
/// A pass is what the run's report says it is: somebody behind was served. So a run that served
/// nobody, or nobody behind, passes nobody over; one that is stored nowhere, a preview, counts
/// nothing; and of very many only those that the report names are counted. Several runs in one
/// row count once. `ledger` is as the run found it, `so_far` what the row has made happen.
pub(super) fn passes(
    ledger: &Ledger,
    so_far: &[Event],
    report: &RunReport,
    context: &Context<'_>,
) -> Vec<Event> {
    let Some(most) = context.run_rules(ledger).reserve_after_passes else { return Vec::new() };
    let named = report.passed_over.iter();
    let unfit = named.filter(|(_, reason)| *reason == PassedOverReason::ParticipationDoesNotFit);
    unfit
        .filter(|(entry_id, _)| !is_counted(*entry_id, so_far))
        .filter_map(|(entry_id, _)| ledger.entry(*entry_id))
        .filter(|entry| entry.reserving_since.is_none())
        .map(|entry| passed_over(entry, most, context))
        .collect()
}

fn is_counted(id: EntryId, so_far: &[Event]) -> bool {
    let is_pass = |change: &EntryChange| {
        matches!(change, EntryChange::PassedOver | EntryChange::ReservesFractions)
    };
    so_far.iter().any(|event| {
        matches!(event, Event::EntryChanged { entry, change }
            if entry.entry_id == id && is_pass(change))
    })
}

fn passed_over(entry: &Entry, most: u32, context: &Context<'_>) -> Event {
    let passes = entry.passes.saturating_add(1);
    let reserves = passes > most;
    let change = if reserves { EntryChange::ReservesFractions } else { EntryChange::PassedOver };
    let reserving_since = reserves.then_some(context.at);
    Event::EntryChanged { entry: Entry { passes, reserving_since, ..entry.clone() }, change }
}
