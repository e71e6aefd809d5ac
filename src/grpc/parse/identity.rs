//! The form of a change of an identity number.

use crate::{
    domain::{
        command::{ChangeIdentityNumber, Command},
        ids::{EntryId, LedgerId},
    },
    error::Error,
    grpc::parse::{TEXT_MAX, Violations, waitlist::identity},
    proto::v1 as pb,
    write::Draft,
};

pub(in crate::grpc) fn change_identity_number(
    r: &pb::ChangeIdentityNumberRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let number = identity(&mut v, &r.national_identity_number);
    let reason = v.required_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let (entry_id, case_reference) = (EntryId(entry_id?), case_reference?);
        let change = ChangeIdentityNumber { entry_id, reason: None, case_reference };
        let (new_number, plain) = (Some(number?), Some(reason?));
        let command = Command::ChangeIdentityNumber(change);
        Some((ledger?, Draft { plain, new_number, ..Draft::of(command) }))
    })();
    v.finish(parsed)
}
