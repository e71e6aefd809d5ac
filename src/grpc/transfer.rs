//! The answer to the transfer of an entry.

use prost::Message;

use crate::{
    domain::{command::Command, event::Event},
    grpc::{answer, waitlist::entry_answer},
    proto::v1 as pb,
    write::Done,
};

/// The entry is shown as it stands in the ledger it is in now.
pub(super) fn transfer_entry(done: &Done<'_>) -> Vec<u8> {
    let to = done.others.first().map(|(ledger, _)| *ledger);
    let entry_id =
        if let Command::TransferEntry(c) = done.command { Some(c.entry_id) } else { None };
    let ledger = to.unwrap_or(done.ledger);
    let withdrawn = answer::from_events(done, |event| {
        if let Event::OfferWithdrawn { offer_id } = event { Some(*offer_id) } else { None }
    });
    pb::TransferEntryResponse {
        revision: Some(answer::revision_of(done)),
        entry: entry_id
            .and_then(|id| ledger.entry(id))
            .map(|entry| entry_answer(entry, done.viewer)),
        to_revision: to.map(|to| answer::revision(to.id(), to.head().seq)),
        withdrawn_offer: withdrawn.and_then(|id| answer::offer_after(done.ledger, id)),
        proposals: answer::proposals(done),
    }
    .encode_to_vec()
}
