//! The request to transfer an entry.

use crate::{
    domain::{
        command::{Command, TransferEntry},
        ids::{EntryId, LedgerId},
    },
    error::Error,
    grpc::parse::{TEXT_MAX, Violations},
    proto::v1 as pb,
    write::Draft,
};

pub(in crate::grpc) fn transfer_entry(
    r: &pb::TransferEntryRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let municipality_number = v.value("municipality_number", &r.municipality_number);
    let office = v.value("following_office_number", &r.following_office_number);
    let plain = v.optional_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::TransferEntry(TransferEntry {
            entry_id: EntryId(entry_id?),
            municipality_number: municipality_number?,
            following_office_number: office?,
            to_ledger: None,
            reason: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain: plain?, ..Draft::of(command) }))
    })();
    v.finish(parsed)
}
