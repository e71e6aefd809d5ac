//! Guards that several decisions begin with: what they name must be there, be in the right
//! state, and have room.

use time::Date;

use crate::domain::{
    account::AccountKey,
    allocation::PlacementState,
    ids::{EntryId, OfficeNumber, PlaceGroupId},
    ledger::{Context, Ledger},
    refusal::{Limited, Refusal},
    waitlist::Entry,
};

/// Requires that there may be one more of something.
pub(super) fn require_one_more(what: Limited, so_far: usize, most: usize) -> Result<(), Refusal> {
    let would_be = so_far + 1;
    if would_be > most { Err(Refusal::LimitReached { what, would_be, most }) } else { Ok(()) }
}

/// The entry, if the ledger has it.
pub(super) fn known_entry(ledger: &Ledger, id: EntryId) -> Result<&Entry, Refusal> {
    ledger.entry(id).ok_or_else(|| Refusal::NotFound { what: "entry", id: id.to_string() })
}

/// A move that the state of an entry does not allow.
pub(super) fn wrong_entry_state(entry: &Entry, transition: &'static str) -> Refusal {
    Refusal::WrongState { what: "the entry", state: entry.state.name(), transition }
}

/// Requires an entry that waits for a place: what a larger share waits for follows from the
/// placement it is of.
pub(super) fn require_no_increase(entry: &Entry, transition: &'static str) -> Result<(), Refusal> {
    if entry.increase_of.is_none() {
        return Ok(());
    }
    Err(Refusal::WrongState { what: "the entry", state: "INCREASE", transition })
}

/// Requires that a larger share is not waited for by somebody who is away from the place: it
/// rests until the first day back, or until a later day.
pub(super) fn require_rest(
    ledger: &Ledger,
    increase: &Entry,
    until: Option<Date>,
    transition: &'static str,
) -> Result<(), Refusal> {
    let placement = increase.increase_of.and_then(|id| ledger.placement(id));
    let Some(PlacementState::OnLeave(leave)) = placement.map(|placement| &placement.state) else {
        return Ok(());
    };
    if until.is_some_and(|until| until >= leave.until_date) {
        return Ok(());
    }
    Err(Refusal::WrongState { what: "the placement", state: "ON_LEAVE", transition })
}

/// Requires an office of the registry; any may follow a person up.
pub(super) fn require_office(context: &Context<'_>, number: &OfficeNumber) -> Result<(), Refusal> {
    if context.registry.office(number).is_some() {
        return Ok(());
    }
    let (field, problem) = ("following_office_number", "is not an office of the registry");
    Err(Refusal::RegistryMismatch { field, value: number.to_string(), problem })
}

/// Requires a place group that takes people in today.
pub(super) fn require_open_group(
    ledger: &Ledger,
    id: PlaceGroupId,
    context: &Context<'_>,
    transition: &'static str,
) -> Result<(), Refusal> {
    let missing = || Refusal::NotFound { what: "place group", id: id.to_string() };
    if ledger.place_group(id).ok_or_else(missing)?.is_closed(context.today()) {
        let what = "the place group";
        return Err(Refusal::WrongState { what, state: "CLOSED", transition });
    }
    Ok(())
}

/// Requires that an account has so much free, in per cents of a place.
pub(super) fn require_free(
    ledger: &Ledger,
    key: &AccountKey,
    needed_percent: i64,
) -> Result<(), Refusal> {
    let free_percent = ledger.account(key).free();
    if free_percent >= needed_percent {
        return Ok(());
    }
    let what = match key {
        AccountKey::PlaceGroup(_) => "the place group",
        AccountKey::Quota(_) => "the municipality's quota",
        AccountKey::Pool => "the pool",
    };
    Err(Refusal::NoRoom { what, free_percent, needed_percent })
}
