//! Decisions that give a place without a run.

use crate::domain::{
    command::{PlacePerson, StartDirectly},
    event::Event,
    ids::IdSource,
    ledger::{Context, Ledger},
    refusal::{Refusal, Stop},
};

/// Out of turn.
pub(super) fn place_person(
    _ledger: &Ledger,
    _c: &PlacePerson,
    _context: &Context<'_>,
    _ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// Without an offer.
pub(super) fn start_directly(
    _ledger: &Ledger,
    _c: &StartDirectly,
    _context: &Context<'_>,
    _ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET").into())
}
