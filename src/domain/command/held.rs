//! What can be asked about places that are held: proposals, offers and placements.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    allocation::{Leave, ObjectionCode, OutOfTurn, OutOfTurnReason, Outcome},
    ids::{
        EntryId, LedgerId, MunicipalityNumber, OfferId, OfficeNumber, PlaceGroupId, PlacementId,
    },
    unset::is_false,
    waitlist::Sealed,
};

/// A run over the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatePlaces {
    /// At most so many proposals.
    pub max_proposals: u32,
    /// Only these groups; none means all.
    pub place_groups: BTreeSet<PlaceGroupId>,
    /// The case.
    pub case_reference: Option<String>,
}

/// Proposals to be made offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmProposals {
    /// Which.
    pub offer_ids: Vec<OfferId>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RespondToOffer {
    /// To which offer.
    pub offer_id: OfferId,
    /// Yes or no.
    pub accept: bool,
    /// Why.
    pub reason: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A person begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartPlacement {
    /// By which accepted offer.
    pub offer_id: OfferId,
    /// The first day.
    pub start_date: Date,
    /// The case.
    pub case_reference: Option<String>,
    /// What the person holds in measure types that do not combine with this one, as the
    /// writer found it under its locks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
}

/// An open entry of the same person in another ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The ledger.
    pub ledger: LedgerId,
    /// The entry there.
    pub entry_id: EntryId,
    /// Whether a place is in use there.
    pub placed: bool,
}

/// A person leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndPlacement {
    /// Which placement.
    pub placement_id: PlacementId,
    /// The first day after the last one.
    pub end_date: Date,
    /// What it led to.
    pub outcome: Outcome,
    /// Free text.
    pub reason: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A named person gets a place out of turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacePerson {
    /// Whose entry.
    pub entry_id: EntryId,
    /// Where.
    pub place_group_id: PlaceGroupId,
    /// Why; filled in by the writer, which seals the words.
    pub out_of_turn: Option<OutOfTurn>,
    /// Why, by code; `None` where no reason was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<OutOfTurnReason>,
    /// The case.
    pub case_reference: Option<String>,
}

/// The provider objects to a person it was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectToOffer {
    /// To which offer.
    pub offer_id: OfferId,
    /// Why, by code.
    pub code: ObjectionCode,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// The office decides on an objection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveObjection {
    /// To which offer.
    pub offer_id: OfferId,
    /// Whether the provider is right.
    pub uphold: bool,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// An offer may be answered later; once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendOffer {
    /// Which offer.
    pub offer_id: OfferId,
    /// Working days from now on.
    pub working_days: u32,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A proposal or offer is taken back; the person keeps the turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawOffer {
    /// Which.
    pub offer_id: OfferId,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A person begins without an offer, where the measure type lets them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartDirectly {
    /// Whose entry.
    pub entry_id: EntryId,
    /// Where.
    pub place_group_id: PlaceGroupId,
    /// The first day.
    pub start_date: Date,
    /// The case.
    pub case_reference: Option<String>,
    /// What the person holds in measure types that do not combine with this one, as the
    /// writer found it under its locks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
}

/// Something about a placement is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePlacement {
    /// Which placement.
    pub placement_id: PlacementId,
    /// What.
    pub change: PlacementAsk,
    /// The case.
    pub case_reference: Option<String>,
}

/// What may be changed of a placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlacementAsk {
    /// The share of a place from a day on.
    Share {
        /// The share, 1-100.
        percent: u32,
        /// The first day.
        valid_from: Date,
        /// Whether a larger share waits its turn where there is no room for it.
        #[serde(default, skip_serializing_if = "is_false")]
        wait_if_full: bool,
    },
    /// When it is planned to end.
    PlannedEnd {
        /// The first day after; `None` for no such day.
        date: Option<Date>,
    },
    /// The person is away for a while.
    GoOnLeave(Leave),
    /// The person is back before the leave is over.
    Return,
    /// Somebody has looked at it.
    Review(ReviewMade),
}

/// That somebody has looked at a placement (oppfølging).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewMade {
    /// When.
    pub date: Date,
    /// What was found, in words.
    pub note: Option<Sealed>,
    /// When it is to be looked at next; `None` where the measure type's rounds say so.
    pub next_date: Option<Date>,
}

/// A placement goes on in another place group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovePlacement {
    /// Which placement.
    pub placement_id: PlacementId,
    /// Where to.
    pub place_group_id: PlaceGroupId,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// The person who is placed has moved house, within the area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReassignPlacement {
    /// Which placement.
    pub placement_id: PlacementId,
    /// The municipality moved to.
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up from now on.
    pub following_office_number: OfficeNumber,
    /// The case.
    pub case_reference: Option<String>,
}
