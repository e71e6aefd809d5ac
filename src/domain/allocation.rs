//! From a free place to a person who is offered it: offers, and the run that walks the queue.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    account::AccountKey,
    calendar::Timestamp,
    ids::{EntryId, OfferId, PlaceGroupId, PlacementId},
    waitlist::Sealed,
};

mod room;
mod run;

pub use run::{
    Kept, RunRules, RunScope, Served, judge_alone, run, run_and_keep, run_watched, would_take,
};

pub use crate::domain::out_of_turn::{OutOfTurn, OutOfTurnReason};
pub use crate::domain::placement::{End, Leave, Outcome, Placement, PlacementState, Share};

/// One place held for one entry: a proposal (forslag) until a named person confirms
/// it, an offer (tilbud) from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The offer.
    pub offer_id: OfferId,
    /// For whom.
    pub entry_id: EntryId,
    /// Where.
    pub place_group_id: PlaceGroupId,
    /// The second account it is debited to.
    pub account: AccountKey,
    /// The share of a place, 1-100.
    pub participation_percent: u32,
    /// When it was proposed.
    pub proposed_time: Timestamp,
    /// The log row that decided it.
    pub proposed_seq: u64,
    /// Why a named person chose somebody out of turn (utenfor tur); `None` where the order did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_turn: Option<OutOfTurn>,
    /// Until when the provider may object; set when it becomes an offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_by: Option<Timestamp>,
    /// The provider's objection (innsigelse), and what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objection: Option<Objection>,
    /// That the answer deadline was extended, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// What the rules would have done (skygge), of a place that was given by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<crate::domain::shadow::Shadow>,
    /// When it was declined or expired; kept where the measure type says for how long a mistake
    /// may be corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub let_go: Option<LetGo>,
    /// Where it stands.
    pub state: OfferState,
}

/// That an offer was declined or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo {
    /// When.
    pub time: Timestamp,
    /// Whether the measure type's decline rule counted it.
    pub counted: bool,
}

impl Offer {
    /// Whether a provider's objection waits for the office. While it does no deadline runs:
    /// the objection must not cost the person the offer.
    pub fn is_objected_to(&self) -> bool {
        self.state.reserves() && self.objection.as_ref().is_some_and(Objection::is_open)
    }
}

/// What a provider has against a person it was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// Why, by code.
    pub code: ObjectionCode,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// Who objected.
    pub objected_by: String,
    /// When.
    pub objected_time: Timestamp,
    /// What the office decided; `None` while it has not.
    pub resolution: Option<Resolution>,
}

impl Objection {
    /// Whether the office has yet to decide on it.
    pub fn is_open(&self) -> bool {
        self.resolution.is_none()
    }
}

/// Why a provider objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ObjectionCode {
    /// The place is not free after all.
    NotAvailable,
    /// The work field does not suit.
    WorkField,
    /// The safety of the person or of others.
    Safety,
    /// The group is closed, or about to be.
    Closed,
    /// Something else, told in words.
    Other,
}

/// What an office decided on an objection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Whether the provider was right: then the place is given back.
    pub upheld: bool,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// Who decided.
    pub resolved_by: String,
    /// When.
    pub resolved_time: Timestamp,
}

/// That an offer's answer deadline was extended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Why, in words.
    pub text: Option<Sealed>,
    /// Who extended it.
    pub extended_by: String,
    /// The deadline before.
    pub answer_by_before: Timestamp,
}

/// Where a proposal or offer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OfferState {
    /// Proposed by rule.
    Proposed {
        /// It lapses then.
        confirm_by: Timestamp,
    },
    /// Confirmed by a named person.
    Offered {
        /// It expires then.
        answer_by: Timestamp,
        /// Who confirmed it.
        confirmed_by: String,
    },
    /// The person said yes.
    Accepted {
        /// When.
        accepted_time: Timestamp,
    },
    /// The person said no.
    Declined {
        /// Why.
        reason: Option<Sealed>,
    },
    /// Nobody answered in time.
    Expired,
    /// Nobody confirmed it in time.
    Lapsed,
    /// The placement has begun.
    Started {
        /// Which.
        placement_id: PlacementId,
    },
    /// The person left the waitlist first.
    Withdrawn {
        /// Whether it had been confirmed: an offer, and not a proposal any more.
        was_offered: bool,
    },
    /// The provider objected and the office agreed; the place was given back.
    Objected,
}

impl OfferState {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Proposed { .. } => "PROPOSED",
            Self::Offered { .. } => "OFFERED",
            Self::Accepted { .. } => "ACCEPTED",
            Self::Declined { .. } => "DECLINED",
            Self::Expired => "EXPIRED",
            Self::Lapsed => "LAPSED",
            Self::Started { .. } => "STARTED",
            Self::Withdrawn { .. } => "WITHDRAWN",
            Self::Objected => "OBJECTED",
        }
    }

    /// Whether it was ever more than a proposal: a provider learns of nothing else.
    pub fn was_offered(&self) -> bool {
        match self {
            Self::Proposed { .. } | Self::Lapsed => false,
            Self::Withdrawn { was_offered } => *was_offered,
            Self::Offered { .. }
            | Self::Accepted { .. }
            | Self::Declined { .. }
            | Self::Expired
            | Self::Started { .. }
            | Self::Objected => true,
        }
    }

    /// Whether it holds a reservation on both accounts (I8).
    pub fn reserves(&self) -> bool {
        match self {
            Self::Proposed { .. } | Self::Offered { .. } | Self::Accepted { .. } => true,
            Self::Declined { .. }
            | Self::Expired
            | Self::Lapsed
            | Self::Started { .. }
            | Self::Withdrawn { .. }
            | Self::Objected => false,
        }
    }
}

/// Why someone who stood ahead was not served (I6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PassedOverReason {
    /// The quota or pool has no room.
    NoQuota,
    /// No free place in a group the person would take.
    NoAcceptablePlace,
    /// Some room is free, but less than the person's share.
    ParticipationDoesNotFit,
    /// No free place in a wanted work field.
    WorkField,
    /// The person has said no to each group that is free.
    DeclinedHere,
    /// The provider of each group that is free has objected to the person.
    ObjectedHere,
    /// The person's own offer there was withdrawn just now, and the place is passed on.
    OfferWithdrawn,
    /// What would have been enough is kept for somebody ahead, who has been passed over too
    /// often for want of a larger share (reservert for en annen).
    ReservedForAnother,
}

/// Why a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunEnd {
    /// As many proposals as were asked for.
    AllProposed,
    /// No place group in question has room.
    NoFreePlace,
    /// No second account has room.
    NoQuota,
    /// Nobody eligible was left who could take what is free.
    NobodyEligible,
    /// What is left is kept for somebody who has been passed over too often.
    ReservedForAnother,
}

/// How many of the passed over a decision names; it counts them all.
pub const PASSED_OVER_NAMED: usize = 100;

/// What a run decided, and who was passed over: eligible, ahead of the last one
/// served, and not served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Why it stopped.
    pub end: RunEnd,
    /// The first [`PASSED_OVER_NAMED`] of them.
    pub passed_over: Vec<(EntryId, PassedOverReason)>,
    /// All of them, by reason.
    pub passed_over_counts: BTreeMap<PassedOverReason, u64>,
}
