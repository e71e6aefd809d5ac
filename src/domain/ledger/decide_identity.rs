//! A person who gets another identity number.

use crate::domain::{
    command::ChangeIdentityNumber,
    event::{EntryChange, Event},
    ledger::{Ledger, guards::known_entry},
    refusal::Refusal,
};

/// Who the entry is of stays, so the entry does; that there is another number is told, and which
/// is not. In whatever state the entry is: the person may come again.
pub(super) fn change(ledger: &Ledger, c: &ChangeIdentityNumber) -> Result<Vec<Event>, Refusal> {
    let entry = known_entry(ledger, c.entry_id)?.clone();
    let change = EntryChange::IdentityNumberChanged { reason: c.reason.clone() };
    Ok(vec![Event::EntryChanged { entry, change }])
}
