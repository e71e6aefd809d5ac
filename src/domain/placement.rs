//! Placements: who uses a place, from when, how much of it, and how that ends.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    account::AccountKey,
    calendar::Timestamp,
    ids::{EntryId, OfferId, PlaceGroupId, PlacementId},
    unset::is_false,
    waitlist::Sealed,
};

/// Someone's use of a place from a date (deltakelse).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The placement.
    pub placement_id: PlacementId,
    /// Whose entry it came from.
    pub entry_id: EntryId,
    /// The offer it came from; `None` where it needed none, or came in from another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_id: Option<OfferId>,
    /// Where.
    pub place_group_id: PlaceGroupId,
    /// The second account it is debited to.
    pub account: AccountKey,
    /// The share of a place, 1-100.
    pub participation_percent: u32,
    /// The first day.
    pub start_date: Date,
    /// The shares it has had, as they were registered; none while it has had only one. The
    /// first is the one it began with, put there together with the second.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Share>,
    /// What it was debited to before, up to the day on which that changed; none while it has
    /// been debited in one way only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_debits: Vec<PastDebit>,
    /// When it is planned to end; shown and listed, and ends nothing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_end_date: Option<Date>,
    /// Whether it is debited to a municipality the person has moved from, since the quota of
    /// the one they moved to had no room.
    #[serde(default, skip_serializing_if = "is_false")]
    pub guest: bool,
    /// When somebody last looked at it; none while nobody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// The entry by which a larger share of it is waited for. It follows from that entry: it is
    /// set and cleared as the entry comes to be and ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub increase: Option<EntryId>,
    /// Where it stands.
    pub state: PlacementState,
}

impl Placement {
    /// The share it had, or has, on a day; that of its beginning on any day before.
    pub fn percent_on(&self, date: Date) -> u32 {
        let holds = self.shares.iter().rev().find(|share| share.valid_from <= date);
        holds.or(self.shares.first()).map_or(self.participation_percent, |share| share.percent)
    }

    /// It with another share from a day on, registered now. Its accounts change today.
    #[must_use]
    pub fn with_share(&self, percent: u32, valid_from: Date, registered_time: Timestamp) -> Self {
        let mut shares = self.shares.clone();
        let share = |percent, valid_from| Share { percent, valid_from, registered_time };
        if shares.is_empty() {
            shares.push(share(self.participation_percent, self.start_date));
        }
        shares.push(share(percent, valid_from));
        let past_debits = if percent == self.participation_percent {
            self.past_debits.clone()
        } else {
            self.debited_until(registered_time.date_in_norway())
        };
        Self { participation_percent: percent, shares, past_debits, ..self.clone() }
    }

    /// The first day on which it was debited as it is now.
    pub fn debited_since(&self) -> Date {
        self.past_debits.last().map_or(self.start_date, |past| past.until_date)
    }

    /// What it was debited to, once it is debited another way from `today` on. What stood for
    /// less than a day is left out.
    pub fn debited_until(&self, today: Date) -> Vec<PastDebit> {
        let mut past = self.past_debits.clone();
        let from_date = self.debited_since();
        if from_date < today {
            past.push(PastDebit {
                place_group_id: self.place_group_id,
                account: self.account.clone(),
                percent: self.participation_percent,
                from_date,
                until_date: today,
            });
        }
        past
    }
}

/// What a placement was debited to for a while: how long a place has stood empty is told
/// from it, when somebody has moved on to another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastDebit {
    /// The place group.
    pub place_group_id: PlaceGroupId,
    /// The second account.
    pub account: AccountKey,
    /// The share of a place, 1-100.
    pub percent: u32,
    /// The first day.
    pub from_date: Date,
    /// The first day after.
    pub until_date: Date,
}

/// The latest time somebody looked at a placement (oppfølging). Those before stand in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// When.
    pub date: Date,
    /// Who has said so.
    pub reviewed_by: String,
    /// What was found, in words.
    pub note: Option<Sealed>,
    /// When it is to be looked at next; `None` where the measure type's rounds say so.
    pub next_date: Option<Date>,
}

/// The most shares that are registered of one placement, and the most ways it is debited in.
pub const PLACEMENT_HISTORY_MAX: usize = 200;

/// The share of a place from a day on (deltakelsesprosent). One registered later replaces
/// all from its day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The share, 1-100.
    pub percent: u32,
    /// The first day.
    pub valid_from: Date,
    /// When it was registered.
    pub registered_time: Timestamp,
}

/// Where a placement stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlacementState {
    /// Under way, with no end known.
    Running,
    /// Under way, with an end in sight.
    Ending(End),
    /// Over.
    Ended(End),
    /// The person is away and may return (permisjon): the place is kept.
    OnLeave(Leave),
}

/// A time away from a place that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// The first day away.
    pub from_date: Date,
    /// The first day back.
    pub until_date: Date,
    /// Why, in words.
    pub reason: Option<Sealed>,
}

impl PlacementState {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Ending(_) => "ENDING",
            Self::Ended(_) => "ENDED",
            Self::OnLeave(_) => "ON_LEAVE",
        }
    }

    /// Whether it uses a place.
    pub fn uses(&self) -> bool {
        !matches!(self, Self::Ended(_))
    }

    /// Its end, if it has one.
    pub fn end(&self) -> Option<&End> {
        match self {
            Self::Running | Self::OnLeave(_) => None,
            Self::Ending(end) | Self::Ended(end) => Some(end),
        }
    }
}

/// How and when a placement ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The first day after the last one.
    pub end_date: Date,
    /// What it led to.
    pub outcome: Outcome,
    /// Free text.
    pub reason: Option<Sealed>,
}

/// What a placement led to: the rows of the audit's table 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Ordinary work.
    OrdinaryWork,
    /// School or education.
    Education,
    /// Permanent income security.
    PermanentIncomeSecurity,
    /// Temporary income security.
    TemporaryIncomeSecurity,
    /// Social assistance.
    SocialAssistance,
    /// Something else.
    Other,
    /// Work suited to the person, outside the measure.
    SuitableWork,
    /// Too ill to go on.
    Ill,
    /// Did not turn up.
    DidNotMeet,
    /// Another measure.
    OtherMeasure,
}
