//! Decisions that concern another ledger too.

use crate::domain::{
    command::{ReceiveEntry, SuspendEntry, TransferEntry},
    event::Event,
    ids::IdSource,
    ledger::{Context, Ledger},
    refusal::{Refusal, Stop},
};

/// The person moved; the waiting time follows.
pub(super) fn transfer(
    _ledger: &Ledger,
    _c: &TransferEntry,
    _context: &Context<'_>,
    _ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET").into())
}

/// What another ledger sent on comes in.
pub(super) fn receive(
    _ledger: &Ledger,
    _c: &ReceiveEntry,
    _context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// Begun in a measure that does not combine.
pub(super) fn suspend(
    _ledger: &Ledger,
    _c: &SuspendEntry,
    _context: &Context<'_>,
    _ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET").into())
}
