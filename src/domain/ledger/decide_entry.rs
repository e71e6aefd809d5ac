//! Decisions about entries that wait.

use crate::domain::{
    command::{ConfirmEntry, PauseEntry, PrioritizeEntry, ResumeEntry, UpdateEntry},
    event::Event,
    ids::{EntryId, IdSource},
    ledger::{Context, Ledger},
    refusal::{Refusal, Stop},
};

/// What the person wants.
pub(super) fn update(
    _ledger: &Ledger,
    _c: &UpdateEntry,
    _context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// What is held is given back and passed on; the turn is kept.
pub(super) fn pause(
    _ledger: &Ledger,
    _c: &PauseEntry,
    _context: &Context<'_>,
    _ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET").into())
}

/// Eligible again.
pub(super) fn resume(_ledger: &Ledger, _c: &ResumeEntry) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// Still wanted.
pub(super) fn confirm(
    _ledger: &Ledger,
    _c: &ConfirmEntry,
    _context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// Moved by hand.
pub(super) fn prioritize(_ledger: &Ledger, _c: &PrioritizeEntry) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// Eligible again, by time.
pub(super) fn wake(_ledger: &Ledger, _entry_id: EntryId, _context: &Context<'_>) -> Vec<Event> {
    vec![Event::NothingToDo]
}
