//! The runs of a log row, as its events tell of them, and what each may have been kept to.

use crate::domain::{
    allocation::{Offer, RunReport, RunRules, RunScope, Served},
    calendar::Timestamp,
    command::Command,
    event::Event,
    ids::EntryId,
    ledger::Ledger,
};

/// The run of a row that is about an entry: what happened before it, and from it on to the
/// next one.
pub(super) fn run_of(events: &[Event], entry_id: EntryId) -> (&[Event], &[Event]) {
    let runs = runs(events);
    let serves = |run: &&(&[Event], &[Event])| served(run.1).any(|o| o.entry_id == entry_id);
    runs.iter().find(serves).or(runs.last()).copied().unwrap_or((&[], events))
}

/// Each run of a row: what happened before it, and from it on to the next one.
pub(super) fn runs(events: &[Event]) -> Vec<(&[Event], &[Event])> {
    let is_run = |event: &Event| matches!(event, Event::RunMade { .. });
    let begins = |(at, event)| is_run(event).then_some(at);
    let starts: Vec<usize> = events.iter().enumerate().filter_map(begins).collect();
    let ends = starts.iter().skip(1).copied().chain([events.len()]);
    let run = |(start, end): (&usize, usize)| (&events[..*start], &events[*start..end]);
    starts.iter().zip(ends).map(run).collect()
}

/// What a run may have been kept to. Rows that are no runs themselves pass a place on that
/// was given back, or serve somebody who comes: which of these it was shows when it is made
/// again.
pub(super) fn scopes(
    before: &Ledger,
    at_run: &Ledger,
    command: &Command,
    at: Timestamp,
    rules: RunRules,
) -> Vec<RunScope> {
    if let Command::AllocatePlaces(c) = command {
        let max = usize::try_from(c.max_proposals).unwrap_or(usize::MAX);
        let only_groups = c.place_groups.clone();
        return vec![RunScope { only_groups, ..RunScope::all(at, max, rules) }];
    }
    let Some(offer) = given_back(before, at_run) else {
        return vec![RunScope::all(at, 1, rules)];
    };
    let on = RunScope {
        percent: Some(i64::from(offer.participation_percent)),
        only_groups: [offer.place_group_id].into(),
        ..RunScope::all(at, usize::MAX, rules)
    };
    vec![on.clone(), RunScope { not_to: Some(offer.entry_id), ..on }]
}

/// The offer whose place was given back from one state of a ledger to the other.
fn given_back<'a>(before: &'a Ledger, after: &Ledger) -> Option<&'a Offer> {
    let reserves = |offer: &Offer| offer.state.reserves();
    let mut held = before.offers().filter(|offer| reserves(offer));
    held.find(|offer| !after.offer(offer.offer_id).is_some_and(reserves))
}

/// Whether a run that was made again came out as the one these events tell of.
pub(super) fn is_that_run(gave: &[Served], report: &RunReport, events: &[Event]) -> bool {
    let told = served(events).map(|offer| (offer.entry_id, offer.place_group_id));
    let again = gave.iter().map(|one| (one.entry_id, one.place_group_id));
    report_of(events) == Some(report) && again.eq(told)
}

/// The proposals of a run.
pub(super) fn served(events: &[Event]) -> impl Iterator<Item = &Offer> {
    events
        .iter()
        .filter_map(|event| if let Event::Proposed { offer } = event { Some(offer) } else { None })
}

/// What the first run of these events decided.
pub(super) fn report_of(events: &[Event]) -> Option<&RunReport> {
    events.iter().find_map(
        |event| {
            if let Event::RunMade { report } = event { Some(report) } else { None }
        },
    )
}
