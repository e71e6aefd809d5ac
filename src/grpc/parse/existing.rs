//! What stands in another system, from the wire's words to the domain's.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    domain::{
        calendar::Timestamp,
        command::Command,
        existing::{
            ARENA, ControlTotal, Existing, GroupName, ImportExisting, LeftOutReason, Meaning, Row,
            Standing, State, Sum, arena_status,
        },
        ids::{ExternalReference, LedgerId, PersonId, PlaceGroupId},
        refusal::{BadRow, Refusal},
    },
    error::Error,
    grpc::parse::{
        PREFERENCES_MAX, REFERENCE_MAX, SOURCE_MAX, SYSTEM_MAX, TEXT_MAX, Violations,
        join::Grounds, waitlist::identity,
    },
    proto::v1 as pb,
    write::{Draft, Joiner},
};

/// The most control totals of an import.
const CONTROL_TOTALS_MAX: usize = 2_000;
/// The most people, and per cents of a place, a control total may expect: far more than rows.
const EXPECTED_MAX: u32 = 1_000_000;
/// The longest participant status.
const STATUS_MAX: usize = 16;

/// What the old system says of a person, beside what an entry has a place for.
#[derive(Default, Serialize, Deserialize)]
pub(in crate::grpc) struct Original {
    /// Who gave the priority class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::grpc) priority_changed_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::grpc) priority_changed_time: Option<Timestamp>,
    /// The status in Arena's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arena_status: Option<String>,
    /// A digest of all else the row says, the grounds and the case worker among it: what a second import of the
    /// same row is known by. A plain one will do under the person's own key.
    content: String,
}

pub(in crate::grpc) fn import_existing(
    r: &pb::ImportExistingRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let cut_over_date = v.date("cut_over_date", r.cut_over_date.as_ref());
    let source = v.required_text("source", &r.source, SOURCE_MAX);
    let control_totals = control_totals(&mut v, &r.control_totals);
    if r.rows.is_empty() {
        v.add("rows", "is required");
    }
    let parsed = (|| Some((ledger?, cut_over_date?, source?, control_totals?)))();
    let (ledger, cut_over_date, source, control_totals) = v.finish(parsed)?;
    let (rows, people) = rows(&r.rows)?;
    let is_preview = r.validate_only;
    let import = ImportExisting { source, cut_over_date, rows, control_totals, is_preview };
    let command = Command::ImportExisting(import);
    Ok((ledger, Draft { identity: Some(people), ..Draft::of(command) }))
}

/// Every bad row is named by its place in the whole stream.
fn rows(rows: &[pb::ExistingRow]) -> Result<(Vec<Row>, Vec<Joiner>), Error> {
    let (mut parsed, mut people) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut bad = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut v = Violations::default();
        let one = one_row(&mut v, row);
        match v.finish(one) {
            Ok((row, about)) => {
                parsed.push(row);
                people.extend(about);
            }
            Err(problem) => bad.push(BadRow { index, problem: problem.to_string() }),
        }
    }
    if bad.is_empty() {
        Ok((parsed, people))
    } else {
        Err(Refusal::ExistingRowsInvalid(bad).into())
    }
}

/// A row, and who it is about where it comes in. Of one that does not, nothing else is read.
fn one_row(v: &mut Violations, r: &pb::ExistingRow) -> Option<(Row, Option<Joiner>)> {
    let reference = v.reference("external_reference", r.external_reference.as_ref());
    if reference == Some(None) {
        v.add("external_reference", "is required");
    }
    match meaning(v, r) {
        Some(Meaning::Out(reason)) => Some((left_out(reference??, reason), None)),
        Some(Meaning::In(state)) => incoming(v, r, reference.flatten(), Some(state)),
        None => incoming(v, r, reference.flatten(), None),
    }
}

fn left_out(reference: ExternalReference, reason: LeftOutReason) -> Row {
    Row::LeftOut { reference, reason }
}

/// How the person stands, in our word or in Arena's.
fn meaning(v: &mut Violations, r: &pb::ExistingRow) -> Option<Meaning> {
    let state = v.optional_choice::<pb::ExistingState>("state", r.state).map(state);
    let word = v.optional_text("arena_status", &r.arena_status, STATUS_MAX);
    match (state?, word?) {
        (None, None) => {
            v.add("state", "is required, or arena_status");
            None
        }
        (Some(_), Some(_)) => {
            v.add("arena_status", "must not stand beside state");
            None
        }
        (Some(state), None) => Some(Meaning::In(state)),
        (None, Some(word)) => {
            let meaning = arena_status(&word);
            if meaning.is_none() {
                let words = ARENA.map(|(status, _)| status).join(", ");
                v.add("arena_status", format!("must be one of {words}"));
            }
            meaning
        }
    }
}

pub(in crate::grpc) fn state(state: pb::ExistingState) -> Option<State> {
    match state {
        pb::ExistingState::Unspecified => None,
        pb::ExistingState::Waiting => Some(State::Waiting),
        pb::ExistingState::NotYetAssessed => Some(State::NotYetAssessed),
        pb::ExistingState::Offered => Some(State::Offered),
        pb::ExistingState::Accepted => Some(State::Accepted),
        pb::ExistingState::Placed => Some(State::Placed),
    }
}

/// Everything is read, also where the state is not known, so that all violations are told.
fn incoming(
    v: &mut Violations,
    r: &pb::ExistingRow,
    reference: Option<ExternalReference>,
    state: Option<State>,
) -> Option<(Row, Option<Joiner>)> {
    let identity = identity(v, &r.national_identity_number);
    let municipality_number = v.value("municipality_number", &r.municipality_number);
    let office = v.value("following_office_number", &r.following_office_number);
    let registered_time = v.optional_time("registered_time", r.registered_time.as_ref());
    if registered_time == Some(None) {
        v.add("registered_time", "is required");
    }
    let percent = match r.participation_percent {
        0 => Some(100),
        percent => v.within("participation_percent", percent, 1, 100),
    };
    let preferred = preferred(v, r);
    let work_fields = v.texts("work_fields", &r.work_fields, PREFERENCES_MAX);
    let priority_class = v.optional_value("priority_class", &r.priority_class);
    let priority_ground = v.optional_text("priority_ground", &r.priority_ground, TEXT_MAX);
    let changed_by = v.optional_text("priority_changed_by", &r.priority_changed_by, SYSTEM_MAX);
    let changed_time = v.optional_time("priority_changed_time", r.priority_changed_time.as_ref());
    let adviser_ident = v.optional_text("adviser_ident", &r.adviser_ident, SYSTEM_MAX);
    let case_reference = v.case(&r.case_reference);
    let standing = standing(v, r, state);
    let existing = Existing {
        reference: reference?,
        person_id: PersonId(Uuid::nil()),
        municipality_number: municipality_number?,
        following_office_number: office?,
        registered_time: registered_time??,
        participation_percent: percent?,
        preferred_place_groups: preferred?,
        work_fields: work_fields?,
        priority_class: priority_class?,
        grounds: None,
        adviser: None,
        original: None,
        case_reference: case_reference?,
        standing: standing?,
    };
    let plain = Grounds { priority_ground: priority_ground?, ..Grounds::default() }.plain();
    let adviser = adviser_ident?;
    let original = Original {
        priority_changed_by: changed_by?,
        priority_changed_time: changed_time?,
        arena_status: Some(r.arena_status.clone()).filter(|word| !word.is_empty()),
        content: content(&existing, plain.as_deref(), adviser.as_deref())?,
    };
    let original = Some(serde_json::to_string(&original).ok()?);
    let joiner = Joiner { identity: identity?, need_group: None, plain, adviser, original };
    Some((Row::New(Box::new(existing)), Some(joiner)))
}

fn content(existing: &Existing, grounds: Option<&str>, adviser: Option<&str>) -> Option<String> {
    let content = serde_json::to_vec(&(existing, grounds, adviser)).ok()?;
    Some(hex::encode(Sha256::digest(content)))
}

fn preferred(v: &mut Violations, r: &pb::ExistingRow) -> Option<Vec<GroupName>> {
    let field = "preferred_place_group_ids";
    let ids = v.place_groups(field, &r.preferred_place_group_ids, PREFERENCES_MAX);
    let field = "preferred_place_group_references";
    let references = &r.preferred_place_group_references;
    v.at_most(field, r.preferred_place_group_ids.len() + references.len(), PREFERENCES_MAX);
    let mut groups: Vec<GroupName> = ids?.into_iter().map(GroupName::Id).collect();
    for (index, reference) in references.iter().take(PREFERENCES_MAX).enumerate() {
        let field = format!("{field}[{index}]");
        let name = GroupName::Reference(v.reference(&field, Some(reference))??);
        if groups.contains(&name) {
            v.add(field, "stands twice");
            return None;
        }
        groups.push(name);
    }
    Some(groups)
}

/// A place group by id or by name, where there is one.
fn group(
    v: &mut Violations,
    id: &str,
    reference: Option<&pb::ExternalReference>,
) -> Option<Option<GroupName>> {
    let id = v.optional_uuid("place_group_id", id);
    let reference = v.reference("place_group_reference", reference);
    match (id?, reference?) {
        (Some(_), Some(_)) => {
            v.add("place_group_reference", "must not stand beside place_group_id");
            None
        }
        (Some(id), None) => Some(Some(GroupName::Id(PlaceGroupId(id)))),
        (None, reference) => Some(reference.map(GroupName::Reference)),
    }
}

/// How the person stands, with what belongs to it and nothing else.
fn standing(v: &mut Violations, r: &pb::ExistingRow, state: Option<State>) -> Option<Standing> {
    let group = group(v, &r.place_group_id, r.place_group_reference.as_ref());
    let since = v.optional_time("state_time", r.state_time.as_ref());
    let answer_by = v.optional_time("answer_by_time", r.answer_by_time.as_ref());
    let start_date = v.optional_date("start_date", r.start_date.as_ref());
    let planned_end_date = v.optional_date("planned_end_date", r.planned_end_date.as_ref());
    let (state, group) = (state?, group?);
    let (since, answer_by) = (since?, answer_by?);
    let (start_date, planned_end_date) = (start_date?, planned_end_date?);
    let holds = matches!(state, State::Offered | State::Accepted | State::Placed);
    let is_held = matches!(state, State::Offered | State::Accepted);
    let is_placed = state == State::Placed;
    // Field, whether it is there, whether it may be, whether it must be.
    let fields = [
        ("place_group_id", group.is_some(), holds, holds),
        ("state_time", since.is_some(), true, is_held),
        ("answer_by_time", answer_by.is_some(), state == State::Offered, state == State::Offered),
        ("start_date", start_date.is_some(), is_placed, is_placed),
        ("planned_end_date", planned_end_date.is_some(), is_placed, false),
    ];
    for (field, is_there, may_be, must_be) in fields {
        if must_be && !is_there {
            v.add(field, format!("is required of somebody who is {}", state.name()));
        } else if is_there && !may_be {
            v.add(field, format!("does not belong to somebody who is {}", state.name()));
        }
    }
    match state {
        State::Waiting => Some(Standing::Waiting),
        State::NotYetAssessed => Some(Standing::NotYetAssessed),
        State::Offered => {
            let (offered_time, answer_by) = (since?, answer_by?);
            Some(Standing::Offered { place_group: group?, offered_time, answer_by })
        }
        State::Accepted => Some(Standing::Accepted { place_group: group?, accepted_time: since? }),
        State::Placed => {
            let (place_group, start_date) = (group?, start_date?);
            Some(Standing::Placed { place_group, start_date, planned_end_date })
        }
    }
}

fn control_totals(v: &mut Violations, totals: &[pb::ControlTotal]) -> Option<Vec<ControlTotal>> {
    v.at_most("control_totals", totals.len(), CONTROL_TOTALS_MAX);
    let mut parsed = Vec::with_capacity(totals.len().min(CONTROL_TOTALS_MAX));
    let mut keys = BTreeSet::new();
    for (index, total) in totals.iter().take(CONTROL_TOTALS_MAX).enumerate() {
        let mut of_one = Violations::default();
        let one = control_total(&mut of_one, total);
        let field = format!("control_totals[{index}]");
        v.of_part(&field, of_one);
        let one = one?;
        if !keys.insert(format!("{:?}", ControlTotal { expected: Sum::default(), ..one.clone() })) {
            v.add(field, "stands twice");
        }
        parsed.push(one);
    }
    Some(parsed)
}

fn control_total(v: &mut Violations, total: &pb::ControlTotal) -> Option<ControlTotal> {
    let number = v.optional_value("organisation_number", &total.organisation_number);
    let group = group(v, &total.place_group_id, total.place_group_reference.as_ref());
    let municipality = v.optional_value("municipality_number", &total.municipality_number);
    let state = v.optional_choice::<pb::ExistingState>("state", total.state).map(state);
    let persons = v.within("persons", total.persons, 0, EXPECTED_MAX);
    let percent = v.within("percent", total.percent, 0, i64::from(EXPECTED_MAX) * 100);
    Some(ControlTotal {
        organisation_number: number?,
        place_group: group?,
        municipality_number: municipality?,
        state: state?,
        expected: Sum { persons: persons?, percent: percent? },
    })
}

impl Violations {
    /// A name in another system; none where none is given.
    fn reference(
        &mut self,
        field: &str,
        reference: Option<&pb::ExternalReference>,
    ) -> Option<Option<ExternalReference>> {
        let Some(reference) = reference else { return Some(None) };
        let system = format!("{field}.system");
        let system = self.required_text(&system, &reference.system, SYSTEM_MAX);
        let id = self.required_text(&format!("{field}.id"), &reference.id, REFERENCE_MAX);
        Some(Some(ExternalReference { system: system?, id: id? }))
    }
}
