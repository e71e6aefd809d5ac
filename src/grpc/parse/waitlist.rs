//! Requests of the waitlist service.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    domain::{
        command::{Command, JoinWaitlist, LeaveWaitlist},
        ids::{AreaId, EntryId, LedgerId, MeasureCode, MunicipalityNumber, PersonId},
        national_identity::NationalIdentityNumber,
    },
    error::Error,
    grpc::{
        PURPOSE_MAX,
        page::Page,
        parse::{PREFERENCES_MAX, SYSTEM_MAX, TEXT_MAX, Violations},
    },
    proto::v1 as pb,
    write::Draft,
};

/// What is sealed under the person's own key at a join.
#[derive(Default, Serialize, Deserialize)]
pub(in crate::grpc) struct Grounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::grpc) priority_ground: Option<String>,
    /// The case worker of an entry from before that was kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::grpc) adviser_ident: Option<String>,
}

/// What is sealed under the person's own key when it leaves.
#[derive(Serialize)]
struct LeaveGrounds {
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

pub(in crate::grpc) fn join_waitlist(
    r: &pb::JoinWaitlistRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let identity = identity(&mut v, &r.national_identity_number);
    let municipality_number = v.value("municipality_number", &r.municipality_number);
    let office = v.value("following_office_number", &r.following_office_number);
    let percent = match r.participation_percent {
        0 => Some(100),
        percent => v.within("participation_percent", percent, 1, 100),
    };
    let preferred =
        v.place_groups("preferred_place_group_ids", &r.preferred_place_group_ids, PREFERENCES_MAX);
    let work_fields = v.texts("work_fields", &r.work_fields, PREFERENCES_MAX);
    let priority_class = v.optional_value("priority_class", &r.priority_class);
    let priority_ground = v.optional_text("priority_ground", &r.priority_ground, TEXT_MAX);
    if !r.priority_class.is_empty() && priority_ground == Some(None) {
        v.add("priority_ground", "is required with a priority_class");
    }
    let adviser_ident = v.optional_text("adviser_ident", &r.adviser_ident, SYSTEM_MAX);
    let registered_time = v.optional_time("registered_time", r.registered_time.as_ref());
    let references = v.references("external_references", &r.external_references);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = JoinWaitlist {
            person_id: PersonId(Uuid::nil()),
            municipality_number: municipality_number?,
            following_office_number: office?,
            participation_percent: percent?,
            preferred_place_groups: preferred?,
            work_fields: work_fields?,
            priority_class: priority_class?,
            grounds: None,
            registered_time: registered_time?,
            external_references: references?,
            case_reference: case_reference?,
            propose_if_free: r.propose_if_free,
            adviser: None,
            programme: None,
            on_behalf_of: None,
            wants_by: None,
            eligibility: None,
        };
        let draft = Draft {
            identity: Some(identity?),
            plain: grounds(priority_ground?),
            adviser: adviser_ident?,
            ..Draft::of(Command::JoinWaitlist(command))
        };
        Some((ledger?, draft))
    })();
    v.finish(parsed)
}

fn grounds(priority_ground: Option<String>) -> Option<String> {
    priority_ground.as_ref()?;
    serde_json::to_string(&Grounds { priority_ground, ..Grounds::default() }).ok()
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
fn identity(v: &mut Violations, text: &str) -> Option<NationalIdentityNumber> {
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
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn get_position(r: &pb::GetPositionRequest) -> Result<PositionQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let at_least_seq = r.at_least_seq;
    let parsed =
        (|| Some(PositionQuery { ledger: ledger?, entry_id: EntryId(entry_id?), at_least_seq }))();
    v.finish(parsed)
}

/// What `GetWaitlistEntry` asks for.
pub(in crate::grpc) struct EntryQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) entry_id: EntryId,
    pub(in crate::grpc) with_person: bool,
    pub(in crate::grpc) purpose: Option<String>,
    pub(in crate::grpc) at_least_seq: u64,
}

pub(in crate::grpc) fn get_entry(r: &pb::GetWaitlistEntryRequest) -> Result<EntryQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let purpose = v.optional_text("purpose", &r.purpose, PURPOSE_MAX);
    if r.with_person && purpose == Some(None) {
        v.add("purpose", "is required with with_person");
    }
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

pub(in crate::grpc) fn lookup_person(r: &pb::LookupPersonRequest) -> Result<PersonQuery, Error> {
    let mut v = Violations::default();
    let identity = identity(&mut v, &r.national_identity_number);
    let purpose = v.required_text("purpose", &r.purpose, PURPOSE_MAX);
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
