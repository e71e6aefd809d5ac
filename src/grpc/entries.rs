//! The answers of what is done to entries. None of them says who the person is.

use prost::Message;

use crate::{
    domain::{command::Subject, event::Event},
    grpc::{answer, waitlist::entry_answer},
    proto::v1 as pb,
    write::Done,
};

/// The entry a command is about, as it is after it, whether anything was changed or not.
fn entry_after(done: &Done<'_>) -> Option<pb::WaitlistEntry> {
    let Subject::Entry(id) = done.command.subject() else { return None };
    done.ledger.entry(id).map(|entry| entry_answer(entry, done.viewer))
}

pub(super) fn update(done: &Done<'_>) -> Vec<u8> {
    let (revision, entry) = (Some(answer::revision_of(done)), entry_after(done));
    pb::UpdateWaitlistEntryResponse { revision, entry }.encode_to_vec()
}

pub(super) fn pause(done: &Done<'_>) -> Vec<u8> {
    let withdrawn = answer::from_events(done, |event| {
        if let Event::OfferWithdrawn { offer_id } = event { Some(*offer_id) } else { None }
    });
    pb::PauseEntryResponse {
        revision: Some(answer::revision_of(done)),
        entry: entry_after(done),
        withdrawn_offer: withdrawn.and_then(|id| answer::offer_after(done.ledger, id)),
        proposals: answer::proposals(done),
    }
    .encode_to_vec()
}

pub(super) fn resume(done: &Done<'_>) -> Vec<u8> {
    let (revision, entry) = (Some(answer::revision_of(done)), entry_after(done));
    pb::ResumeEntryResponse { revision, entry }.encode_to_vec()
}

pub(super) fn confirm(done: &Done<'_>) -> Vec<u8> {
    let (revision, entry) = (Some(answer::revision_of(done)), entry_after(done));
    pb::ConfirmEntryResponse { revision, entry }.encode_to_vec()
}

pub(super) fn prioritize(done: &Done<'_>) -> Vec<u8> {
    let (revision, entry) = (Some(answer::revision_of(done)), entry_after(done));
    pb::PrioritizeEntryResponse { revision, entry }.encode_to_vec()
}

pub(super) fn batch_join(done: &Done<'_>) -> Vec<u8> {
    let entry_ids = done.events.iter().filter_map(|event| {
        if let Event::Joined { entry } = event { Some(entry.entry_id.to_string()) } else { None }
    });
    pb::BatchJoinWaitlistResponse {
        revision: Some(answer::revision_of(done)),
        entry_ids: entry_ids.collect(),
        proposals: answer::proposals(done),
    }
    .encode_to_vec()
}
