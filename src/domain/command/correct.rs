//! What can be asked where something was recorded that was wrong (rettelse).

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    calendar::Timestamp,
    command::{Eligibility, Elsewhere, Needs, Subject},
    ids::{EntryId, MunicipalityNumber, OfferId, PersonId, PlacementId},
    unset::is_false,
    waitlist::{Adviser, Sealed},
};

/// A mistake is corrected: what was recorded stays, and what is right is recorded after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correct {
    /// What was wrong, and what is right.
    pub correction: Correction,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
    /// Whether the person's claim was free, or the entry's own, where a closed entry may open
    /// again; filled in by the writer, since claims lie across ledgers.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may_claim: bool,
    /// What the person has in types that do not combine with this one, where a placement may
    /// go on; filled in by the writer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
}

/// A mistake, and what is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Correction {
    /// An entry was closed that should have stayed open.
    ReinstateEntry {
        /// Which.
        entry_id: EntryId,
    },
    /// A placement was ended that should have gone on.
    ReinstatePlacement {
        /// Which.
        placement_id: PlacementId,
    },
    /// A yes was taken for a no, or a no for a yes.
    Answer {
        /// To which offer.
        offer_id: OfferId,
        /// Whether the person said yes.
        accept: bool,
    },
    /// A placement began on another day.
    StartDate {
        /// Which.
        placement_id: PlacementId,
        /// The first day.
        date: Date,
    },
    /// A placement ends, or ended, on another day.
    EndDate {
        /// Which.
        placement_id: PlacementId,
        /// The first day after the last one.
        date: Date,
    },
    /// The person was registered at another time.
    RegisteredTime {
        /// Which entry.
        entry_id: EntryId,
        /// When.
        time: Timestamp,
    },
    /// The entry was made for somebody else.
    Person(RightPerson),
    /// The entitled municipality was wrong from the start.
    Municipality {
        /// Which entry.
        entry_id: EntryId,
        /// The entitled municipality.
        municipality_number: MunicipalityNumber,
    },
    /// The entry should never have been (feilregistrert).
    RegisteredByMistake {
        /// Which.
        entry_id: EntryId,
    },
}

/// Whose entry it should have been. What is known of them is filled in by the writer: nothing
/// that was sealed for the wrong person is of use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightPerson {
    /// The entry that was made for somebody else.
    pub entry_id: EntryId,
    /// The person, by random name.
    pub person_id: PersonId,
    /// Why the entry's priority class.
    pub grounds: Option<Sealed>,
    /// The case worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adviser: Option<Adviser>,
    /// Whether the person is of those the measure type is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
}

impl Correction {
    /// What it reaches for.
    pub(in crate::domain) fn subject(&self) -> Subject<'_> {
        match self {
            Self::ReinstateEntry { entry_id }
            | Self::RegisteredTime { entry_id, .. }
            | Self::Person(RightPerson { entry_id, .. })
            | Self::Municipality { entry_id, .. }
            | Self::RegisteredByMistake { entry_id } => Subject::Entry(*entry_id),
            Self::ReinstatePlacement { placement_id }
            | Self::StartDate { placement_id, .. }
            | Self::EndDate { placement_id, .. } => Subject::Placement(*placement_id),
            Self::Answer { offer_id, .. } => Subject::Offers(std::slice::from_ref(offer_id)),
        }
    }

    /// Whether a closed entry may open again by it.
    pub fn may_reopen(&self) -> bool {
        match self {
            Self::ReinstateEntry { .. }
            | Self::ReinstatePlacement { .. }
            | Self::EndDate { .. }
            | Self::Answer { accept: true, .. } => true,
            Self::Answer { accept: false, .. }
            | Self::StartDate { .. }
            | Self::RegisteredTime { .. }
            | Self::Person(_)
            | Self::Municipality { .. }
            | Self::RegisteredByMistake { .. } => false,
        }
    }

    /// Whether a place may be used again by it.
    pub fn may_go_on(&self) -> bool {
        match self {
            Self::ReinstatePlacement { .. } | Self::EndDate { .. } => true,
            Self::ReinstateEntry { .. }
            | Self::Answer { .. }
            | Self::StartDate { .. }
            | Self::RegisteredTime { .. }
            | Self::Person(_)
            | Self::Municipality { .. }
            | Self::RegisteredByMistake { .. } => false,
        }
    }
}

impl Needs {
    /// Adds what a correction must have read: what it names, whether its entry was ever placed,
    /// and the heads of the queues where a place may be passed on.
    pub(super) fn correction(&mut self, correction: &Correction) {
        match correction.subject() {
            Subject::Entry(id) => drop(self.entries.insert(id)),
            Subject::Placement(id) => drop(self.placements.insert(id)),
            Subject::Offers(ids) => self.offers.extend(ids),
            Subject::Area
            | Subject::Provider(_)
            | Subject::Plan(_)
            | Subject::Resident(_)
            | Subject::Residents(_)
            | Subject::Office(_)
            | Subject::Entries(_)
            | Subject::PlaceGroup(_) => {}
        }
        self.past_placements = true;
        self.heads = true;
    }
}
