//! Requests about case workers (faste veiledere) and their work.

use time::Date;

use crate::{
    domain::{
        command::{Command, ReassignAdviser},
        ids::{AreaId, EntryId, LedgerId},
        waitlist::{Adviser, REASSIGNED_MAX},
        work::WorkKind,
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{SYSTEM_MAX, Violations},
    },
    proto::v1 as pb,
    write::Draft,
};

/// Where a case worker is to be another.
pub(in crate::grpc) enum Where {
    /// In one ledger.
    Ledger(LedgerId),
    /// In all ledgers of an area, and until when: which one keeps the answer is looked up.
    Area(AreaId, Option<Date>),
}

pub(in crate::grpc) fn reassign_adviser(
    r: &pb::ReassignAdviserRequest,
) -> Result<(Where, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let (ledger, county_id) = if r.county_id.is_empty() {
        (v.ledger(r.ledger.as_ref()), None)
    } else {
        (None, area(&mut v, r))
    };
    let ids = v.uuids("entry_ids", &r.entry_ids, REASSIGNED_MAX);
    let from = v.optional_text("from_adviser_ident", &r.from_adviser_ident, SYSTEM_MAX);
    let to = v.required_text("to_adviser_ident", &r.to_adviser_ident, SYSTEM_MAX);
    let until = v.optional_date("until_date", r.until_date.as_ref());
    let case_reference = v.case(&r.case_reference);
    match &from {
        Some(None) if !r.county_id.is_empty() => {
            v.add("from_adviser_ident", "is required with a county_id");
        }
        Some(None) if r.entry_ids.is_empty() => {
            v.add("entry_ids", "is required without a from_adviser_ident");
        }
        Some(Some(_)) if !r.entry_ids.is_empty() => {
            v.add("entry_ids", "must be empty with a from_adviser_ident");
        }
        _ => {}
    }
    let parsed = (|| {
        let advisers = ids?.into_iter().map(|id| (EntryId(id), Adviser::UNNAMED)).collect();
        let (until, case_reference) = (until?, case_reference?);
        let command = Command::ReassignAdviser(ReassignAdviser { advisers, until, case_reference });
        let from_adviser = from?;
        let everywhere = ledger.is_none();
        let place = match ledger {
            Some(ledger) => Where::Ledger(ledger),
            None => Where::Area(county_id?, until),
        };
        let draft = Draft { adviser: Some(to?), from_adviser, everywhere, ..Draft::of(command) };
        Some((place, draft))
    })();
    v.finish(parsed)
}

/// An area, and then no ledger.
fn area(v: &mut Violations, r: &pb::ReassignAdviserRequest) -> Option<AreaId> {
    if r.ledger.is_some() {
        v.add("county_id", "must be empty with a ledger");
    }
    v.value("county_id", &r.county_id)
}

/// What `ListMyWork` asks for.
pub(in crate::grpc) struct WorkQuery {
    pub(in crate::grpc) county_id: AreaId,
    pub(in crate::grpc) adviser_ident: Option<String>,
    pub(in crate::grpc) kind: Option<WorkKind>,
    pub(in crate::grpc) due_by: Option<Date>,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_my_work(r: &pb::ListMyWorkRequest) -> Result<WorkQuery, Error> {
    let mut v = Violations::default();
    let county_id = v.value("county_id", &r.county_id);
    let adviser_ident = v.optional_text("adviser_ident", &r.adviser_ident, SYSTEM_MAX);
    let kind = v.optional_choice("kind", r.kind);
    let due_by = v.optional_date("due_by_date", r.due_by_date.as_ref());
    let page = Page::parse(&mut v, r);
    let parsed = (|| {
        Some(WorkQuery {
            county_id: county_id?,
            adviser_ident: adviser_ident?,
            kind: work_kind(kind?),
            due_by: due_by?,
            page: page?,
        })
    })();
    v.finish(parsed)
}

/// One kind; `None` for all.
fn work_kind(kind: pb::WorkKind) -> Option<WorkKind> {
    match kind {
        pb::WorkKind::Unspecified => None,
        pb::WorkKind::ConfirmProposal => Some(WorkKind::ConfirmProposal),
        pb::WorkKind::AnswerOffer => Some(WorkKind::AnswerOffer),
        pb::WorkKind::ResolveObjection => Some(WorkKind::ResolveObjection),
        pb::WorkKind::StartPlacement => Some(WorkKind::StartPlacement),
        pb::WorkKind::ConfirmEntry => Some(WorkKind::ConfirmEntry),
        pb::WorkKind::ReviewPlacement => Some(WorkKind::ReviewPlacement),
        pb::WorkKind::EndOfLeave => Some(WorkKind::EndOfLeave),
        pb::WorkKind::Closure => Some(WorkKind::Closure),
        pb::WorkKind::ReviewQuota => Some(WorkKind::ReviewQuota),
    }
}
