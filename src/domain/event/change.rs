//! What an event changed of an entry, an offer or a placement.

use serde::{Deserialize, Serialize};

use crate::domain::{
    allocation::OutOfTurnReason,
    ids::{EntryId, LedgerId, MunicipalityNumber, PlaceGroupId},
    waitlist::Sealed,
};

/// What was changed of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntryChange {
    /// What the person wants, or who follows them up.
    Updated,
    /// It is not eligible for a while.
    Paused {
        /// Why.
        reason: Option<Sealed>,
    },
    /// It is eligible again, by hand.
    Resumed,
    /// It is eligible again, by time.
    Woken,
    /// It is not eligible for a while, since an offer was declined or expired.
    CooledDown,
    /// An offer was declined or expired, which the measure type's decline rule counts.
    StrikeCounted,
    /// What was held for it was given back for a reason that is not the person's: it waits
    /// again, with its turn.
    Freed,
    /// The place is still wanted.
    Confirmed,
    /// It was moved in the order by hand.
    Prioritized {
        /// Why, by code.
        reason: OutOfTurnReason,
        /// Why, in words.
        text: Option<Sealed>,
    },
    /// The person moved to another municipality of the area.
    Transferred {
        /// The municipality moved from.
        from_municipality: MunicipalityNumber,
        /// Why.
        reason: Option<Sealed>,
    },
    /// The person moved to another area, or another measure type took over; the entry went on
    /// there.
    SentOn {
        /// Where.
        to_ledger: LedgerId,
        /// Why.
        reason: Option<Sealed>,
    },
    /// The entry came in from another area, or from a measure type that this one took over
    /// from.
    Received {
        /// From where.
        from_ledger: LedgerId,
    },
    /// The person has begun in a measure that does not combine with this one.
    Suspended {
        /// Where.
        begun_in: LedgerId,
    },
    /// The person waits in the measure type that took over already: this one ends, and its
    /// time goes on there.
    ContinuedIn {
        /// Where.
        ledger: LedgerId,
        /// By which entry.
        entry_id: EntryId,
    },
    /// The person has waited longer in a measure type that this one took over from.
    WaitedBefore {
        /// Where.
        from_ledger: LedgerId,
        /// By which entry.
        from_entry: EntryId,
    },
    /// It left by the measure type's decline rule.
    LeftByRule,
    /// Another case worker, or a deputy.
    AdviserSet,
    /// A run of this row passed it over since its share did not fit, and the measure type counts
    /// that.
    PassedOver,
    /// That was once too often: from now on it reserves what becomes free until its share fits.
    ReservesFractions,
    /// A mistake was corrected (rettelse).
    Corrected {
        /// Why, in words.
        text: Option<Sealed>,
    },
    /// A mistake was corrected, and the place it cost is somebody else's now: it stands before
    /// all others. Out of turn, as what is prioritized by hand.
    PriorityByCorrection {
        /// Why, in words.
        text: Option<Sealed>,
    },
    /// A larger share of a place waits from now on.
    IncreaseAsked,
    /// The placement is somewhere else now; the larger share waits there.
    IncreaseFollowed,
    /// The larger share holds: it waits no longer.
    IncreaseHolds,
    /// The larger share was declined, or what it was for is no more.
    IncreaseEnded,
    /// The person has another identity number; who it is has not changed.
    IdentityNumberChanged {
        /// Why, in words.
        reason: Option<Sealed>,
    },
    /// It stands in the old system so (innført).
    Imported,
}

/// What was changed of a proposal or offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OfferChange {
    /// The provider objected.
    ObjectedTo,
    /// The office agreed with the provider; the place was given back.
    ObjectionUpheld,
    /// The office did not agree; the offer stands.
    ObjectionOverruled,
    /// It may be answered later.
    Extended,
    /// It was taken back.
    Withdrawn {
        /// Why, in words.
        text: Option<Sealed>,
    },
    /// The no to it was a yes: it holds a place again.
    Reinstated,
    /// It is debited to another municipality, as the entry's was wrong.
    Corrected,
    /// The larger share it was of holds.
    IncreaseHolds,
    /// It stands in the old system so (innført).
    Imported,
}

/// What was changed of a placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlacementChange {
    /// It began without an offer.
    StartedDirectly,
    /// The share of a place.
    Share,
    /// When it is planned to end.
    PlannedEnd,
    /// The person is away.
    WentOnLeave,
    /// The person is back.
    Returned,
    /// The leave is over, by time.
    LeaveOver,
    /// It goes on in another group.
    Moved {
        /// The group before.
        from_place_group: PlaceGroupId,
        /// Why, in words.
        text: Option<Sealed>,
    },
    /// It is debited to the municipality the person has moved to, or could not be.
    Reassigned {
        /// The municipality moved from.
        from_municipality: MunicipalityNumber,
    },
    /// It was ended by mistake and goes on.
    Reinstated,
    /// A date was wrong, or the municipality it is debited to.
    Corrected,
    /// Somebody has looked at it.
    Reviewed,
    /// The larger share that was waited for holds.
    Increased,
    /// It stands in the old system so (innført).
    Imported,
}
