//! What may be done to an entry that is there.

use crate::{
    domain::{
        allocation::OutOfTurnReason,
        command::{Command, ConfirmEntry, PauseEntry, PrioritizeEntry, ResumeEntry, UpdateEntry},
        ids::{EntryId, LedgerId},
    },
    error::Error,
    grpc::parse::{
        PREFERENCES_MAX, SYSTEM_MAX, TEXT_MAX, Violations,
        join::{priority_ground, programme},
    },
    proto::v1 as pb,
    write::Draft,
};

/// The most days a manual move may take off the registered time: ten years.
const BONUS_DAYS_MAX: u32 = 3_650;

/// The fields of an update that a mask may name. The ground is changed with the class: who
/// names one of them names both.
const UPDATABLE: [&str; 9] = [
    "preferred_place_group_ids",
    "work_fields",
    "participation_percent",
    "priority_class",
    "priority_ground",
    "following_office_number",
    "wants_by_date",
    "programme",
    "adviser_ident",
];

/// Which fields an update names.
struct Mask<'a>(&'a [String]);

impl<'a> Mask<'a> {
    fn parse(v: &mut Violations, mask: Option<&'a prost_types::FieldMask>) -> Self {
        let paths = mask.map_or(&[][..], |mask| mask.paths.as_slice());
        if paths.is_empty() {
            v.add("update_mask", "is required, and must name a field");
        }
        v.at_most("update_mask", paths.len(), UPDATABLE.len());
        let unknown = |path: &&String| !UPDATABLE.contains(&path.as_str());
        // What it names is not repeated: it may be anything.
        let unknown = paths.iter().filter(unknown).count();
        if unknown > 0 {
            let known = UPDATABLE.join(", ");
            v.add("update_mask", format!("names {unknown} that are none of {known}"));
        }
        Self(paths)
    }

    fn names(&self, field: &str) -> bool {
        self.0.iter().any(|path| path == field)
    }

    /// A value, where its field is named. What is not named is checked all the same.
    fn of<T>(&self, field: &str, value: Option<T>) -> Option<Option<T>> {
        value.map(|value| self.names(field).then_some(value))
    }
}

pub(in crate::grpc) fn update_entry(
    r: &pb::UpdateWaitlistEntryRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let mask = Mask::parse(&mut v, r.update_mask.as_ref());
    let preferred =
        v.place_groups("preferred_place_group_ids", &r.preferred_place_group_ids, PREFERENCES_MAX);
    let work_fields = v.texts("work_fields", &r.work_fields, PREFERENCES_MAX);
    let percent = match r.participation_percent {
        0 if !mask.names("participation_percent") => Some(0),
        percent => v.within("participation_percent", percent, 1, 100),
    };
    let class = v.optional_value("priority_class", &r.priority_class);
    let ground = priority_ground(&mut v, &r.priority_class, &r.priority_ground);
    let office = v.optional_value("following_office_number", &r.following_office_number);
    if mask.names("following_office_number") && r.following_office_number.is_empty() {
        v.add("following_office_number", "is required where it is named");
    }
    let wants_by = v.optional_date("wants_by_date", r.wants_by_date.as_ref());
    let programme = programme(&mut v, &r.programme);
    let adviser = v.optional_text("adviser_ident", &r.adviser_ident, SYSTEM_MAX);
    if mask.names("adviser_ident") && adviser == Some(None) {
        v.add("adviser_ident", "is required where it is named");
    }
    let case_reference = v.case(&r.case_reference);
    let is_classified = mask.names("priority_class") || mask.names("priority_ground");
    let parsed = (|| {
        let command = Command::UpdateEntry(UpdateEntry {
            entry_id: EntryId(entry_id?),
            preferred_place_groups: mask.of("preferred_place_group_ids", preferred)?,
            work_fields: mask.of("work_fields", work_fields)?,
            participation_percent: mask.of("participation_percent", percent)?,
            priority_class: class.map(|class| is_classified.then_some(class))?,
            following_office_number: mask.of("following_office_number", office)?.flatten(),
            wants_by: mask.of("wants_by_date", wants_by)?,
            programme: mask.of("programme", programme)?,
            adviser: None,
            grounds: None,
            case_reference: case_reference?,
        });
        let change = serde_json::json!({ "priority_ground": ground? });
        let plain = is_classified.then(|| change.to_string());
        let adviser = mask.of("adviser_ident", adviser)?.flatten();
        Some((ledger?, Draft { plain, adviser, ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn pause_entry(r: &pb::PauseEntryRequest) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let until = v.optional_date("until_date", r.until_date.as_ref());
    let plain = v.optional_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::PauseEntry(PauseEntry {
            entry_id: EntryId(entry_id?),
            until: until?,
            reason: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain: plain?, ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn resume_entry(
    r: &pb::ResumeEntryRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let (entry_id, case_reference) = (EntryId(entry_id?), case_reference?);
        let command = Command::ResumeEntry(ResumeEntry { entry_id, case_reference });
        Some((ledger?, Draft::of(command)))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn confirm_entry(
    r: &pb::ConfirmEntryRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let (entry_id, case_reference) = (EntryId(entry_id?), case_reference?);
        let command = Command::ConfirmEntry(ConfirmEntry { entry_id, case_reference });
        Some((ledger?, Draft::of(command)))
    })();
    v.finish(parsed)
}

pub(in crate::grpc) fn prioritize_entry(
    r: &pb::PrioritizeEntryRequest,
) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let entry_id = v.uuid("entry_id", &r.entry_id);
    let bonus_days = v.within("bonus_days", r.bonus_days, 0, BONUS_DAYS_MAX);
    let reason = v.choice("reason", r.reason).and_then(out_of_turn_reason);
    let text = v.required_text("reason_text", &r.reason_text, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let parsed = (|| {
        let command = Command::PrioritizeEntry(PrioritizeEntry {
            entry_id: EntryId(entry_id?),
            bonus_days: bonus_days?,
            reason: reason?,
            text: None,
            case_reference: case_reference?,
        });
        Some((ledger?, Draft { plain: Some(text?), ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

/// `None` for the one that is refused.
fn out_of_turn_reason(reason: pb::OutOfTurnReason) -> Option<OutOfTurnReason> {
    match reason {
        pb::OutOfTurnReason::Unspecified => None,
        pb::OutOfTurnReason::Health => Some(OutOfTurnReason::Health),
        pb::OutOfTurnReason::PlaceWouldBeLost => Some(OutOfTurnReason::PlaceWouldBeLost),
        pb::OutOfTurnReason::Returns => Some(OutOfTurnReason::Returns),
        pb::OutOfTurnReason::Appeal => Some(OutOfTurnReason::Appeal),
        pb::OutOfTurnReason::Correction => Some(OutOfTurnReason::Correction),
        pb::OutOfTurnReason::Other => Some(OutOfTurnReason::Other),
    }
}
