//! Requests of the waitlist service.

use serde::Serialize;

use crate::{
    domain::{
        access::Said,
        command::{Command, LeaveWaitlist},
        ids::{AreaId, EntryId, LedgerId, MeasureCode, MunicipalityNumber},
        national_identity::NationalIdentityNumber,
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{TEXT_MAX, Violations, purpose::purpose},
    },
    proto::v1 as pb,
    write::Draft,
};

/// What is sealed under the person's own key when it leaves.
#[derive(Serialize)]
struct LeaveGrounds {
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

pub(in crate::grpc) fn leave_waitlist(
    r: &pb::LeaveWaitlistRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let reason: Option<pb::LeaveReason> = v.choice("reason", r.reason);
    let text = v.optional_text("reason_text", &r.reason_text, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::LeaveWaitlist(LeaveWaitlist {
            entry_id: EntryId(entry_id?),
            grounds: None,
            case_reference: case_reference?,
        });
        let reason = reason?.as_str_name().trim_start_matches("LEAVE_REASON_");
        let plain = serde_json::to_string(&LeaveGrounds { reason, text: text? }).ok();
        Some((ledger?, Draft { plain, ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

/// A violation never repeats the number.
pub(in crate::grpc) fn identity(v: &mut Violations, text: &str) -> Option<NationalIdentityNumber> {
    let field = "national_identity_number";
    if text.is_empty() {
        v.add(field, "is required");
        return None;
    }
    match NationalIdentityNumber::parse(text) {
        Ok(identity) => Some(identity),
        Err(error) => {
            v.add(field, error.to_string());
            None
        }
    }
}

/// What `GetPosition` asks for.
pub(in crate::grpc) struct PositionQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) entry_id: EntryId,
    pub(in crate::grpc) with_explanation: bool,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn get_position(r: &pb::GetPositionRequest) -> Result<PositionQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let parsed = (|| {
        Some(PositionQuery {
            ledger: ledger?,
            entry_id: EntryId(entry_id?),
            with_explanation: r.with_explanation,
            at_least_seq: r.at_least_seq,
        })
    })();
    v.finish(parsed)
}

/// What `GetWaitlistEntry` asks for.
pub(in crate::grpc) struct EntryQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) entry_id: EntryId,
    pub(in crate::grpc) with_person: bool,
    pub(in crate::grpc) purpose: String,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn get_entry(
    r: &pb::GetWaitlistEntryRequest,
    said: &Said,
) -> Result<EntryQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let purpose = purpose(&mut v, &r.purpose, said, r.with_person);
    let parsed = (|| {
        Some(EntryQuery {
            ledger: ledger?,
            entry_id: EntryId(entry_id?),
            with_person: r.with_person,
            purpose: purpose?,
            at_least_seq: r.at_least_seq,
        })
    })();
    v.finish(parsed)
}

/// What `LookupPerson` asks for.
pub(in crate::grpc) struct PersonQuery {
    pub(in crate::grpc) identity: NationalIdentityNumber,
    pub(in crate::grpc) purpose: String,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn lookup_person(
    r: &pb::LookupPersonRequest,
    said: &Said,
) -> Result<PersonQuery, Error> {
    let mut v = Violations::default();
    let identity = identity(&mut v, &r.national_identity_number);
    let purpose = purpose(&mut v, &r.purpose, said, true);
    let page = Page::parse(&mut v, r);
    let parsed = (|| Some(PersonQuery { identity: identity?, purpose: purpose?, page: page? }))();
    v.finish(parsed)
}

/// What `ListWaitlistEntries` asks for.
pub(in crate::grpc) struct EntriesQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) municipality: Option<MunicipalityNumber>,
    pub(in crate::grpc) state: pb::EntryState,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_entries(
    r: &pb::ListWaitlistEntriesRequest,
) -> Result<EntriesQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let municipality = v.optional_value("municipality_number", &r.municipality_number);
    let state = v.optional_choice::<pb::EntryState>("state", r.state);
    let page = Page::parse(&mut v, r);
    let parsed = (|| {
        Some(EntriesQuery {
            ledger: ledger?,
            municipality: municipality?,
            state: state?,
            page: page?,
        })
    })();
    v.finish(parsed)
}

/// What `SummarizeQueues` asks for.
pub(in crate::grpc) struct SummaryQuery {
    pub(in crate::grpc) county_id: AreaId,
    pub(in crate::grpc) measure_code: Option<MeasureCode>,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn summarize_queues(
    r: &pb::SummarizeQueuesRequest,
) -> Result<SummaryQuery, Error> {
    let mut v = Violations::default();
    let county_id = v.value("county_id", &r.county_id);
    let measure_code = v.optional_value("measure_code", &r.measure_code);
    if r.at_least_seq > 0 && r.measure_code.is_empty() {
        v.add("at_least_seq", "is only for one measure_code");
    }
    let at_least_seq = r.at_least_seq;
    let parsed = (|| {
        Some(SummaryQuery { county_id: county_id?, measure_code: measure_code?, at_least_seq })
    })();
    v.finish(parsed)
}
