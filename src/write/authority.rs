//! What a command says of somebody that another employer than the caller's answers for.

use crate::{
    domain::{
        authority::{Act, Authority, Viewer, item_of},
        command::{Command, JoinWaitlist},
        ids::MunicipalityNumber,
        ledger::Ledger,
        personal_data::Item,
        refusal::Refusal,
    },
    write::{Work, batch::Batch},
};

impl Batch<'_> {
    /// The refusal of a command that says what only another employer may say. It is asked after
    /// the right to the row: who may not reach it learns nothing of this.
    pub(super) fn says_anothers(&self, work: &Work) -> Option<Refusal> {
        let ledger = &self.open.get(&work.ledger)?.ledger;
        let today = self.app.clock.now().date_in_norway();
        let viewer = Viewer::new(&work.actor, &self.registry, today);
        let may = |item, municipality: Option<&MunicipalityNumber>| {
            viewer.authority(item, municipality, Act::Write) != Authority::None
        };
        let joins_well = |join: &JoinWaitlist| {
            join.programme.is_none() || may(Item::Programme, Some(&join.municipality_number))
        };
        let command = &work.draft.command;
        if let Command::JoinWaitlist(join) = command {
            return (!joins_well(join)).then_some(Refusal::PermissionDenied);
        }
        if let Command::BatchJoinWaitlist(c) = command {
            let first = c.joins.iter().position(|join| !joins_well(join));
            return first.map(|index| Refusal::PermissionDenied.of_join(index));
        }
        let (item, entitled) = said_of_one(ledger, command)?;
        (!may(item, entitled)).then_some(Refusal::PermissionDenied)
    }
}

/// The item that a command says of somebody who is in the ledger, and where they are entitled.
fn said_of_one<'a>(
    ledger: &'a Ledger,
    command: &Command,
) -> Option<(Item, Option<&'a MunicipalityNumber>)> {
    let entitled = |id| ledger.entry(id).map(|entry| &entry.municipality_number);
    if let Command::UpdateEntry(c) = command {
        // Nothing may be said of it either: that would take away what stands there.
        return c.programme.is_some().then(|| (Item::Programme, entitled(c.entry_id)));
    }
    if let Command::EndPlacement(c) = command {
        let placement = ledger.placement(c.placement_id);
        return item_of(c.outcome).map(|item| (item, placement.and_then(|p| entitled(p.entry_id))));
    }
    None
}
