//! Joins: of one person, or of several at once.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    domain::{
        command::{BatchJoinWaitlist, Command, JoinWaitlist},
        ids::{LedgerId, PersonId},
        measure::NeedGroup,
    },
    error::Error,
    grpc::parse::{PREFERENCES_MAX, SYSTEM_MAX, TEXT_MAX, Violations, waitlist::identity},
    proto::v1 as pb,
    write::{Draft, Joiner},
};

/// The most people who may join at once.
const JOINS_MAX: usize = 500;
/// The longest code of a programme, in characters.
const PROGRAMME_MAX: usize = 16;

/// What is sealed under the person's own key at a join.
#[derive(Default, PartialEq, Serialize, Deserialize)]
pub(in crate::grpc) struct Grounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::grpc) priority_ground: Option<String>,
    /// The case worker of an entry from before that was kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::grpc) adviser_ident: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::grpc) need_group: Option<NeedGroup>,
}

impl Grounds {
    /// As they are sealed; `None` where nothing was said.
    pub(super) fn plain(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }
}

pub(in crate::grpc) fn join_waitlist(
    r: &pb::JoinWaitlistRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let joining = joining(&mut v, r);
    let parsed = (|| {
        let (command, joiner) = joining?;
        let command = Command::JoinWaitlist(command);
        Some((ledger?, Draft { identity: Some(vec![joiner]), ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn batch_join(
    r: &pb::BatchJoinWaitlistRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    if r.joins.is_empty() {
        v.add("joins", "is required");
    }
    v.at_most("joins", r.joins.len(), JOINS_MAX);
    let mut seen = BTreeSet::new();
    let (mut joins, mut joiners) = (Vec::new(), Vec::new());
    for (index, join) in r.joins.iter().take(JOINS_MAX).enumerate() {
        let mut part = Violations::default();
        require_no_call(&mut part, join);
        let parsed = joining(&mut part, join);
        if !seen.insert(&join.national_identity_number) && parsed.is_some() {
            part.add("national_identity_number", "stands twice");
        }
        v.of_part(&format!("joins[{index}]"), part);
        if let Some((join, joiner)) = parsed {
            joins.push(join);
            joiners.push(joiner);
        }
    }
    let parsed = (|| {
        let command = Command::BatchJoinWaitlist(BatchJoinWaitlist { joins });
        Some((ledger?, Draft { identity: Some(joiners), ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

/// A join of a batch is no call of its own: it says nothing of what the batch says for all.
fn require_no_call(v: &mut Violations, r: &pb::JoinWaitlistRequest) {
    if !r.request_id.is_empty() {
        v.add("request_id", "must be empty: the batch has one for all");
    }
    if r.validate_only {
        v.add("validate_only", "must be false: the batch says it for all");
    }
    if r.ledger.is_some() {
        v.ledger(r.ledger.as_ref());
        v.add("ledger", "must be absent: the batch names one for all");
    }
}

/// What a join says of one person, wherever it stands.
fn joining(v: &mut Violations, r: &pb::JoinWaitlistRequest) -> Option<(JoinWaitlist, Joiner)> {
    let identity = identity(v, &r.national_identity_number);
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
    let priority_ground = priority_ground(v, &r.priority_class, &r.priority_ground);
    let adviser_ident = v.optional_text("adviser_ident", &r.adviser_ident, SYSTEM_MAX);
    let registered_time = v.optional_time("registered_time", r.registered_time.as_ref());
    let references = v.references("external_references", &r.external_references);
    let case_reference = v.case(&r.case_reference);
    let programme = programme(v, &r.programme);
    let host_for = &r.on_behalf_of_municipality_number;
    let on_behalf_of = v.optional_value("on_behalf_of_municipality_number", host_for);
    let wants_by = v.optional_date("wants_by_date", r.wants_by_date.as_ref());
    let need_group = v.optional_choice("need_group", r.need_group).map(need_group);
    let join = JoinWaitlist {
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
        programme: programme?,
        on_behalf_of: on_behalf_of?,
        wants_by: wants_by?,
        eligibility: None,
    };
    let (identity, need_group) = (identity?, need_group?);
    let priority_ground = priority_ground?;
    let plain = Grounds { priority_ground, need_group, ..Grounds::default() }.plain();
    Some((join, Joiner { identity, need_group, plain, adviser: adviser_ident?, original: None }))
}

/// Why a class; both or none.
pub(super) fn priority_ground(
    v: &mut Violations,
    class: &str,
    ground: &str,
) -> Option<Option<String>> {
    let parsed = v.optional_text("priority_ground", ground, TEXT_MAX);
    match &parsed {
        Some(None) if !class.is_empty() => {
            v.add("priority_ground", "is required with a priority_class");
        }
        Some(Some(_)) if class.is_empty() => {
            v.add("priority_ground", "is only for a priority_class");
        }
        Some(_) | None => {}
    }
    parsed
}

/// The code of a programme.
pub(super) fn programme(v: &mut Violations, text: &str) -> Option<Option<String>> {
    let code = v.optional_text("programme", text, PROGRAMME_MAX)?;
    let is_code =
        |code: &String| code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if code.as_ref().is_some_and(|code| !is_code(code)) {
        v.add("programme", "must be capital letters and digits, for example `KVP`");
        return None;
    }
    Some(code)
}

pub(super) fn need_group(group: pb::NeedGroup) -> Option<NeedGroup> {
    match group {
        pb::NeedGroup::Unspecified => None,
        pb::NeedGroup::GoodChances => Some(NeedGroup::GoodChances),
        pb::NeedGroup::NeedsGuidance => Some(NeedGroup::NeedsGuidance),
        pb::NeedGroup::NeedsGuidanceReducedAbility => Some(NeedGroup::NeedsGuidanceReducedAbility),
        pb::NeedGroup::WorkInPart => Some(NeedGroup::WorkInPart),
        pb::NeedGroup::LittleChance => Some(NeedGroup::LittleChance),
    }
}
