//! What can be asked about those who wait.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    allocation::OutOfTurnReason,
    calendar::Timestamp,
    ids::{
        EntryId, ExternalReference, LedgerId, MunicipalityNumber, OfficeNumber, PersonId,
        PlaceGroupId, PriorityCode,
    },
    unset::is_false,
    waitlist::{Adviser, Entry, Sealed},
};

/// A person to be put on the waitlist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinWaitlist {
    /// The person, by random name.
    pub person_id: PersonId,
    /// The entitled municipality.
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up.
    pub following_office_number: OfficeNumber,
    /// The share of a place, 1-100.
    pub participation_percent: u32,
    /// Acceptable place groups.
    pub preferred_place_groups: Vec<PlaceGroupId>,
    /// Acceptable work fields.
    pub work_fields: Vec<String>,
    /// A priority class.
    pub priority_class: Option<PriorityCode>,
    /// Why that class, and who the case worker is.
    pub grounds: Option<Sealed>,
    /// When the person was registered, if elsewhere and before.
    pub registered_time: Option<Timestamp>,
    /// Ids in other systems.
    pub external_references: Vec<ExternalReference>,
    /// The case.
    pub case_reference: Option<String>,
    /// Whether a place is proposed in the same event, if one is free and nobody eligible
    /// stands before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub propose_if_free: bool,
    /// The case worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adviser: Option<Adviser>,
    /// The programme the person is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
    /// The municipality a host acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<MunicipalityNumber>,
    /// When the person wants to begin at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants_by: Option<Date>,
    /// Whether the person is of those the measure type is for, as values: their grounds
    /// are sealed. `None` where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
}

/// Whether a person is of those a measure type is for: the answers, without their grounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eligibility {
    /// Whether the need group is among those of the type; `None` where none was named.
    pub need_group: Option<bool>,
    /// Whether the person is old enough on the day.
    pub age: bool,
}

/// A person waits no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveWaitlist {
    /// Which entry.
    pub entry_id: EntryId,
    /// Why: the reason and more of it in words.
    pub grounds: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// What is to be changed of what an entry wants; `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// Acceptable place groups.
    pub preferred_place_groups: Option<Vec<PlaceGroupId>>,
    /// Acceptable work fields.
    pub work_fields: Option<Vec<String>>,
    /// The share of a place, 1-100.
    pub participation_percent: Option<u32>,
    /// The priority class; `Some(None)` for none.
    #[serde(default, with = "some_none", skip_serializing_if = "Option::is_none")]
    pub priority_class: Option<Option<PriorityCode>>,
    /// The office that follows the person up.
    pub following_office_number: Option<OfficeNumber>,
    /// When the person wants to begin at the latest; `Some(None)` for no such date.
    #[serde(default, with = "some_none", skip_serializing_if = "Option::is_none")]
    pub wants_by: Option<Option<Date>>,
    /// The programme; `Some(None)` for none.
    #[serde(default, with = "some_none", skip_serializing_if = "Option::is_none")]
    pub programme: Option<Option<String>>,
    /// The case worker.
    pub adviser: Option<Adviser>,
    /// Why that class.
    pub grounds: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// Keeps "set to nothing" apart from "left as it is" in JSON: the first is `null`.
mod some_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde asks by reference")]
    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }
}

/// An entry is not eligible for a while; what it holds is given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// The first day it is eligible again; `None` until somebody says so.
    pub until: Option<Date>,
    /// Why, in words.
    pub reason: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A paused entry, or one that cools down, is eligible again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// The case.
    pub case_reference: Option<String>,
}

/// Somebody says that the place is still wanted (fortsatt aktuell).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// The case.
    pub case_reference: Option<String>,
}

/// An entry is moved in the order by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrioritizeEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// Days that are taken off the registered time from now on, in place of the class's.
    pub bonus_days: u32,
    /// Why, by code.
    pub reason: OutOfTurnReason,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// The person has moved; the waiting time follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// The municipality moved to.
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up from now on.
    pub following_office_number: OfficeNumber,
    /// The area moved to; `None` where it is the same.
    pub to_ledger: Option<LedgerId>,
    /// Why, in words.
    pub reason: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// What comes in from another ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiveEntry {
    /// From where.
    pub from_ledger: LedgerId,
    /// The entry as it waits on: as it stood there, without what was held for it.
    pub entry: Box<Entry>,
    /// The municipality moved to.
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up from now on.
    pub following_office_number: OfficeNumber,
}

/// The person has begun in a measure that does not combine with this ledger's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspendEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// Where the person has begun.
    pub begun_in: LedgerId,
}

/// Entries get another case worker, or a deputy for one who is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReassignAdviser {
    /// Each entry's case worker from now on; filled in by the writer, which finds and seals.
    pub advisers: Vec<(EntryId, Adviser)>,
    /// The first day the case worker is back; `None` for good.
    pub until: Option<Date>,
    /// The case.
    pub case_reference: Option<String>,
}

/// Several people are put on the waitlist, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchJoinWaitlist {
    /// The people.
    pub joins: Vec<JoinWaitlist>,
}
