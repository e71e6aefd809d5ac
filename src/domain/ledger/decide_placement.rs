//! Decisions about placements under way.

use crate::domain::{
    command::{ChangePlacement, MovePlacement, ReassignPlacement},
    event::Event,
    ids::PlacementId,
    ledger::{Context, Ledger},
    refusal::Refusal,
};

/// Share, planned end, leave.
pub(super) fn change(
    _ledger: &Ledger,
    _c: &ChangePlacement,
    _context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// Another place group.
pub(super) fn move_to(
    _ledger: &Ledger,
    _c: &MovePlacement,
    _context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// Moved house.
pub(super) fn reassign(
    _ledger: &Ledger,
    _c: &ReassignPlacement,
    _context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    Err(Refusal::MeasureTypeRule("NOT BUILT YET"))
}

/// A leave is over, by time.
pub(super) fn end_leave(
    _ledger: &Ledger,
    _placement_id: PlacementId,
    _context: &Context<'_>,
) -> Vec<Event> {
    vec![Event::NothingToDo]
}
