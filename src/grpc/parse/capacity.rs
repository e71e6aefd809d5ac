//! Requests of the capacity service.

use crate::{
    domain::{
        capacity::{Closure, StatedWait, SubmissionState},
        command::{
            ChangeClosure, ClosureAsk, Command, ReportClosure, ReviewCapacity, SubmitCapacity,
        },
        ids::{LedgerId, OrganisationNumber, PlaceGroupId, SubmissionId},
    },
    error::Error,
    grpc::{
        page::Page,
        parse::{NAME_MAX, PREFERENCES_MAX, REFERENCE_MAX, TEXT_MAX, Violations},
    },
    proto::v1 as pb,
    write::Draft,
};

/// The most places one place group may have.
const PLACES_MAX: u32 = 10_000;
/// The greatest rank in an order of call-off: a ledger has no more place groups.
const CALL_OFF_RANK_MAX: u32 = 2_000;
/// The longest wait that may be stated, in months.
const STATED_MONTHS_MAX: u32 = 600;

pub(in crate::grpc) fn submit_capacity(
    r: &pb::SubmitCapacityRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let place_group_id = match r.place_group_id.as_str() {
        "" => Some(None),
        text => v.uuid("place_group_id", text).map(|id| Some(PlaceGroupId(id))),
    };
    let organisation_number = v.value("organisation_number", &r.organisation_number);
    let name = v.optional_text("name", &r.name, NAME_MAX);
    let site = v.optional_value("site_municipality_number", &r.site_municipality_number);
    if place_group_id == Some(None) {
        for (field, text) in
            [("name", &r.name), ("site_municipality_number", &r.site_municipality_number)]
        {
            if text.is_empty() {
                v.add(field, "is required for a new place group");
            }
        }
    } else if !r.external_references.is_empty() {
        v.add("external_references", "are only for a new place group");
    }
    let work_fields = v.texts("work_fields", &r.work_fields, PREFERENCES_MAX);
    let (from, to) = (r.valid_from_date.as_ref(), r.valid_to_date.as_ref());
    let places = v.places(r.places, PLACES_MAX, from, to);
    let agreement = v.optional_text("agreement_reference", &r.agreement_reference, REFERENCE_MAX);
    let stated_wait = stated_wait(&mut v, r.stated_wait.as_ref());
    let references = v.references("external_references", &r.external_references);
    let call_off_rank = call_off_rank(&mut v, r.call_off_rank);
    let parsed = (|| {
        let command = SubmitCapacity {
            place_group_id: place_group_id?,
            organisation_number: organisation_number?,
            name: name?,
            site_municipality_number: site?,
            work_fields: work_fields?,
            places: places?,
            agreement_reference: agreement?,
            stated_wait: stated_wait?,
            external_references: references?,
            call_off_rank: call_off_rank?,
        };
        Some((ledger?, Draft::of(Command::SubmitCapacity(command))))
    })();
    v.finish(parsed)
}

fn call_off_rank(v: &mut Violations, rank: Option<u32>) -> Option<Option<u32>> {
    let Some(rank) = rank else { return Some(None) };
    v.within("call_off_rank", rank, 1, CALL_OFF_RANK_MAX).map(Some)
}

fn stated_wait(v: &mut Violations, wait: Option<&pb::StatedWait>) -> Option<Option<StatedWait>> {
    use pb::stated_wait::Wait;
    match wait.and_then(|wait| wait.wait.as_ref()) {
        None | Some(Wait::OnlyWhenSomeoneLeaves(false)) => Some(None),
        Some(Wait::OnlyWhenSomeoneLeaves(true)) => Some(Some(StatedWait::OnlyWhenSomeoneLeaves)),
        Some(Wait::Months(months)) => v
            .within("stated_wait.months", *months, 0, STATED_MONTHS_MAX)
            .map(|months| Some(StatedWait::Months(months))),
    }
}

pub(in crate::grpc) fn review_capacity(
    r: &pb::ReviewCapacityRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let submission_id = v.uuid("submission_id", &r.submission_id);
    let decision: Option<pb::ReviewDecision> = v.choice("decision", r.decision);
    let approve = decision.map(|decision| decision == pb::ReviewDecision::Approve);
    let reason = v.optional_text("reason", &r.reason, TEXT_MAX);
    if approve == Some(false) && reason == Some(None) {
        v.add("reason", "is required to reject");
    }
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = ReviewCapacity {
            submission_id: SubmissionId(submission_id?),
            approve: approve?,
            reason: reason?,
            case_reference: case_reference?,
        };
        Some((ledger?, Draft::of(Command::ReviewCapacity(command))))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn report_closure(
    r: &pb::ReportClosureRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let place_group_id = v.uuid("place_group_id", &r.place_group_id);
    let from_date = v.date("from_date", r.from_date.as_ref());
    let until_date = v.optional_date("until_date", r.until_date.as_ref());
    let reason = v.optional_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let change = v.optional_choice("change", r.change);
    if change == Some(pb::ClosureChange::Withdrawn) && r.until_date.is_some() {
        v.add("until_date", "is not for a closure that is withdrawn");
    }
    let parsed = (|| {
        let (place_group_id, case_reference) = (PlaceGroupId(place_group_id?), case_reference?);
        let (from_date, until_date, reason) = (from_date?, until_date?, reason?);
        let ask = match change? {
            pb::ClosureChange::Unspecified => None,
            pb::ClosureChange::UntilDate => Some(ClosureAsk::Until { date: until_date }),
            pb::ClosureChange::Withdrawn => Some(ClosureAsk::Withdraw),
        };
        let command = if let Some(ask) = ask {
            let command = ChangeClosure { place_group_id, from_date, ask, reason, case_reference };
            Command::ChangeClosure(command)
        } else {
            let reported_by = String::new();
            let closure = Closure { from_date, until_date, reason, reported_by };
            Command::ReportClosure(ReportClosure { place_group_id, closure, case_reference })
        };
        Some((ledger?, Draft::of(command)))
    })();
    v.finish(parsed)
}

/// What `GetAvailability` asks for.
pub(in crate::grpc) struct AvailabilityQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) organisation_number: Option<OrganisationNumber>,
    pub(in crate::grpc) site: Option<crate::domain::ids::MunicipalityNumber>,
    pub(in crate::grpc) as_of: Option<time::Date>,
    pub(in crate::grpc) at_least_seq: u64,
}

impl AvailabilityQuery {
    /// Whether it asks for some of the groups only.
    pub(in crate::grpc) fn is_narrowed(&self) -> bool {
        self.organisation_number.is_some() || self.site.is_some()
    }
}

pub(in crate::grpc) fn get_availability(
    r: &pb::GetAvailabilityRequest,
) -> Result<AvailabilityQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let organisation_number = v.optional_value("organisation_number", &r.organisation_number);
    let site = v.optional_value("site_municipality_number", &r.site_municipality_number);
    let as_of = v.optional_date("as_of_date", r.as_of_date.as_ref());
    let parsed = (|| {
        Some(AvailabilityQuery {
            ledger: ledger?,
            organisation_number: organisation_number?,
            site: site?,
            as_of: as_of?,
            at_least_seq: r.at_least_seq,
        })
    })();
    v.finish(parsed)
}

/// What `ListCapacities` asks for.
pub(in crate::grpc) struct CapacitiesQuery {
    pub(in crate::grpc) ledger: LedgerId,
    pub(in crate::grpc) organisation_number: Option<OrganisationNumber>,
    pub(in crate::grpc) as_of: Option<time::Date>,
    pub(in crate::grpc) state: Option<SubmissionState>,
    pub(in crate::grpc) page: Page,
}

pub(in crate::grpc) fn list_capacities(
    r: &pb::ListCapacitiesRequest,
) -> Result<CapacitiesQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let organisation_number = v.optional_value("organisation_number", &r.organisation_number);
    let as_of = v.optional_date("as_of_date", r.as_of_date.as_ref());
    let state = v.optional_choice("submission_state", r.submission_state).map(submission_state);
    let page = Page::parse(&mut v, r);
    let parsed = (|| {
        Some(CapacitiesQuery {
            ledger: ledger?,
            organisation_number: organisation_number?,
            as_of: as_of?,
            state: state?,
            page: page?,
        })
    })();
    v.finish(parsed)
}

fn submission_state(state: pb::SubmissionState) -> Option<SubmissionState> {
    match state {
        pb::SubmissionState::Unspecified => None,
        pb::SubmissionState::Submitted => Some(SubmissionState::Submitted),
        pb::SubmissionState::Approved => Some(SubmissionState::Approved),
        pb::SubmissionState::Rejected => Some(SubmissionState::Rejected),
    }
}
