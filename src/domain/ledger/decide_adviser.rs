//! Decisions about who the case worker (fast veileder) of an entry is.

use crate::domain::{
    command::ReassignAdviser,
    event::{EntryChange, Event},
    ledger::{Context, Ledger, decide::YEAR},
    refusal::Refusal,
    waitlist::{Adviser, Entry},
};

/// Another case worker, or a deputy until a date: all entries or none. Nothing else of an entry
/// changes, its place in the order least of all. Who has the case worker or the deputy already
/// is left as they are.
pub(super) fn reassign(
    ledger: &Ledger,
    c: &ReassignAdviser,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    require_date(c, context)?;
    let mut events = Vec::with_capacity(c.advisers.len());
    for (entry_id, adviser) in &c.advisers {
        let entry = ledger
            .entry(*entry_id)
            .ok_or_else(|| Refusal::NotFound { what: "entry", id: entry_id.to_string() })?;
        if !entry.state.is_open() {
            let (what, state, transition) = ("the entry", entry.state.name(), "REASSIGN");
            return Err(Refusal::WrongState { what, state, transition });
        }
        if is_new(entry, adviser) {
            let entry = Entry { adviser: Some(adviser.clone()), ..entry.clone() };
            events.push(Event::EntryChanged { entry, change: EntryChange::AdviserSet });
        }
    }
    Ok(if events.is_empty() { vec![Event::NothingToDo] } else { events })
}

/// A deputy stands in from today to a coming day, not more than a year ahead.
fn require_date(c: &ReassignAdviser, context: &Context<'_>) -> Result<(), Refusal> {
    let Some(until) = c.until else { return Ok(()) };
    let today = context.today();
    if today < until && until <= today.saturating_add(YEAR) {
        return Ok(());
    }
    Err(Refusal::DateOutOfRange {
        field: "until_date",
        value: until.to_string(),
        expected: "from tomorrow to a year ahead",
    })
}

/// Whether it is somebody else: an ident sealed anew reads differently each time, its digest
/// does not.
fn is_new(entry: &Entry, adviser: &Adviser) -> bool {
    let who = |adviser: &Adviser| {
        let deputy = adviser.deputy.as_ref().map(|deputy| (deputy.digest.clone(), deputy.until));
        (adviser.digest.clone(), deputy)
    };
    entry.adviser.as_ref().map(who) != Some(who(adviser))
}
