//! What a command is about, in the ledger.

use crate::domain::{command::Subject, ledger::Ledger, waitlist::Entry};

impl Ledger {
    /// The one entry that something is about, by itself, its offer or its placement, as far as
    /// it was loaded.
    pub fn entry_of(&self, subject: &Subject<'_>) -> Option<&Entry> {
        let entry_id = match subject {
            Subject::Offers(ids) => self.offer(*ids.first()?)?.entry_id,
            Subject::Placement(id) => self.placement(*id)?.entry_id,
            Subject::Entry(id) => *id,
            Subject::Area
            | Subject::Provider(_)
            | Subject::Plan(_)
            | Subject::PlaceGroup(_)
            | Subject::Resident(_)
            | Subject::Office(_)
            | Subject::Residents(_)
            | Subject::Entries(_) => return None,
        };
        self.entry(entry_id)
    }
}
