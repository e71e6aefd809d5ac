//! Time as an event: what takes effect by itself at an instant.

use time::Date;
use uuid::Uuid;

use crate::domain::{
    allocation::{Offer, OfferState, Placement, PlacementState},
    calendar::{Timestamp, start_of_day_in_norway},
    command::Command,
    ids::{EntryId, LedgerId, OfferId, PlacementId, PlanId, RequestId},
    waitlist::{Entry, EntryState},
};

/// Something that takes effect by itself; applied in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: DueKind,
    /// Of which thing.
    pub thing: Uuid,
}

/// What takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueKind {
    /// A day begins on which a limit may change.
    BeginDay,
    /// A plan's first day begins.
    BeginPlan,
    /// A placement's last day is over.
    FinishPlacement,
    /// A proposal lapses.
    LapseProposal,
    /// An offer expires.
    ExpireOffer,
    /// A pause, or the time after a declined offer, is over.
    WakeEntry,
    /// A leave is over.
    EndLeave,
}

impl DueKind {
    /// Every kind, in the order they take effect.
    pub const ALL: [Self; 7] = [
        Self::BeginDay,
        Self::BeginPlan,
        Self::FinishPlacement,
        Self::LapseProposal,
        Self::ExpireOffer,
        Self::WakeEntry,
        Self::EndLeave,
    ];

    /// The word the database keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeginDay => "BEGIN_DAY",
            Self::BeginPlan => "BEGIN_PLAN",
            Self::FinishPlacement => "FINISH_PLACEMENT",
            Self::LapseProposal => "LAPSE_PROPOSAL",
            Self::ExpireOffer => "EXPIRE_OFFER",
            Self::WakeEntry => "WAKE_ENTRY",
            Self::EndLeave => "END_LEAVE",
        }
    }

    /// From the word the database keeps.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The namespace of ids that follow from a thing and its due time.
const NAMESPACE: Uuid = Uuid::from_u128(0x7469_6c74_616b_4370_8c61_7373_0000_0001);

impl Due {
    /// The beginning of a day.
    pub fn day(date: Date) -> Self {
        let thing = Uuid::new_v5(&NAMESPACE, date.to_string().as_bytes());
        Self { at: start_of_day_in_norway(date), kind: DueKind::BeginDay, thing }
    }

    /// The first day of a plan.
    pub fn begin_plan(plan_id: PlanId, date: Date) -> Self {
        Self { at: start_of_day_in_norway(date), kind: DueKind::BeginPlan, thing: plan_id.0 }
    }

    /// A proposal's deadline.
    pub fn lapse(offer_id: OfferId, at: Timestamp) -> Self {
        Self { at, kind: DueKind::LapseProposal, thing: offer_id.0 }
    }

    /// An offer's deadline.
    pub fn expiry(offer_id: OfferId, at: Timestamp) -> Self {
        Self { at, kind: DueKind::ExpireOffer, thing: offer_id.0 }
    }

    /// The day after a placement's last.
    pub fn finish(placement_id: PlacementId, end_date: Date) -> Self {
        Self {
            at: start_of_day_in_norway(end_date),
            kind: DueKind::FinishPlacement,
            thing: placement_id.0,
        }
    }

    /// When an entry is eligible again.
    pub fn wake(entry_id: EntryId, at: Timestamp) -> Self {
        Self { at, kind: DueKind::WakeEntry, thing: entry_id.0 }
    }

    /// The first day back from a leave.
    pub fn end_leave(placement_id: PlacementId, until_date: Date) -> Self {
        Self {
            at: start_of_day_in_norway(until_date),
            kind: DueKind::EndLeave,
            thing: placement_id.0,
        }
    }

    /// The command that makes it happen.
    pub fn command(&self) -> Command {
        match self.kind {
            DueKind::BeginDay => Command::BeginDay { date: self.at.date_in_norway() },
            DueKind::BeginPlan => Command::BeginPlan { plan_id: PlanId(self.thing) },
            DueKind::FinishPlacement => {
                Command::FinishPlacement { placement_id: PlacementId(self.thing) }
            }
            DueKind::LapseProposal => Command::LapseProposal { offer_id: OfferId(self.thing) },
            DueKind::ExpireOffer => Command::ExpireOffer { offer_id: OfferId(self.thing) },
            DueKind::WakeEntry => Command::WakeEntry { entry_id: EntryId(self.thing) },
            DueKind::EndLeave => Command::EndLeave { placement_id: PlacementId(self.thing) },
        }
    }
}

/// The request id of what is due: it follows from ledger, thing and time, so that it
/// happens once whoever wakes the ledger. It is a UUID of version 8, which no client
/// may use: otherwise one could take the id before its time and block what is due.
pub fn due_request_id(ledger: &LedgerId, due: &Due) -> RequestId {
    let name = format!("{ledger}/{}/{}/{}", due.at.micros(), due.kind.as_str(), due.thing);
    let name = Uuid::new_v5(&NAMESPACE, name.as_bytes()).into_bytes();
    RequestId(uuid::Builder::from_custom_bytes(name).into_uuid())
}

/// The request id of a page that is handed over to the measure type that took over: it follows
/// from the ledger and the number of its row, so that of two who would hand the same page over
/// one does. Of version 8 like those of what is due.
pub fn hand_over_request_id(ledger: &LedgerId, seq: u64) -> RequestId {
    let name = Uuid::new_v5(&NAMESPACE, format!("{ledger}/HAND_OVER/{seq}").as_bytes());
    RequestId(uuid::Builder::from_custom_bytes(name.into_bytes()).into_uuid())
}

/// What an offer waits for.
pub(super) fn offer_due(offer: &Offer) -> Option<Due> {
    match &offer.state {
        OfferState::Proposed { confirm_by } => Some(Due::lapse(offer.offer_id, *confirm_by)),
        OfferState::Offered { answer_by, .. } => {
            let runs = !offer.is_objected_to();
            runs.then(|| Due::expiry(offer.offer_id, *answer_by))
        }
        OfferState::Accepted { .. }
        | OfferState::Declined { .. }
        | OfferState::Expired
        | OfferState::Lapsed
        | OfferState::Started { .. }
        | OfferState::Withdrawn { .. }
        | OfferState::Objected => None,
    }
}

/// What an entry waits for.
pub(super) fn entry_due(entry: &Entry) -> Option<Due> {
    match entry.state {
        EntryState::Paused { until } => {
            until.map(|until| Due::wake(entry.entry_id, start_of_day_in_norway(until)))
        }
        EntryState::CoolingDown { until } => Some(Due::wake(entry.entry_id, until)),
        EntryState::Waiting
        | EntryState::Proposed(_)
        | EntryState::Offered(_)
        | EntryState::Accepted(_)
        | EntryState::Placed(_)
        | EntryState::Closed => None,
    }
}

/// What a placement waits for.
pub(super) fn placement_due(placement: &Placement) -> Option<Due> {
    match &placement.state {
        PlacementState::Ending(end) => Some(Due::finish(placement.placement_id, end.end_date)),
        PlacementState::OnLeave(leave) => {
            Some(Due::end_leave(placement.placement_id, leave.until_date))
        }
        PlacementState::Running | PlacementState::Ended(_) => None,
    }
}
