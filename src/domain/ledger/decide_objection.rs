//! Decisions about offers that somebody has something against.

use crate::domain::{
    command::{ExtendOffer, ObjectToOffer, ResolveObjection, WithdrawOffer},
    event::Event,
    ids::IdSource,
    ledger::{Context, Ledger},
    refusal::{Refusal, Stop},
};

/// The provider objects.
pub(super) fn object(
    _ledger: &Ledger,
    _c: &ObjectToOffer,
    _context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// The office decides.
pub(super) fn resolve(
    _ledger: &Ledger,
    _c: &ResolveObjection,
    _context: &Context<'_>,
    _ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET").into())
}

/// Answered later.
pub(super) fn extend(
    _ledger: &Ledger,
    _c: &ExtendOffer,
    _context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// Taken back.
pub(super) fn withdraw(
    _ledger: &Ledger,
    _c: &WithdrawOffer,
    _context: &Context<'_>,
    _ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET").into())
}
