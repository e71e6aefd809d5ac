//! Whom a provider knows: people from the offer on (fra tilbud), and no longer than it needs them.

use time::{Date, Duration};

use crate::domain::allocation::{Offer, OfferState, Placement, PlacementState};

/// For how many days from a placement's end its provider still sees whose it was: to report on it
/// and to settle it.
pub const KNOWN_AFTER_END_DAYS: i64 = 30;

/// Whether the provider of an offer knows for whom it is. A proposal is nobody's offer yet, and who
/// said no, did not answer or was taken back is none of the provider's any more. Of what has
/// begun the placement tells.
pub fn is_known_by_offer(offer: &Offer) -> bool {
    match offer.state {
        OfferState::Offered { .. } | OfferState::Accepted { .. } => true,
        OfferState::Proposed { .. }
        | OfferState::Lapsed
        | OfferState::Declined { .. }
        | OfferState::Expired
        | OfferState::Withdrawn { .. }
        | OfferState::Objected
        | OfferState::Started { .. } => false,
    }
}

/// Whether the provider of a placement knows on a day whose it is.
pub fn is_known_by_placement(placement: &Placement, today: Date) -> bool {
    match &placement.state {
        PlacementState::Running | PlacementState::OnLeave(_) | PlacementState::Ending(_) => true,
        PlacementState::Ended(end) => {
            today < end.end_date.saturating_add(Duration::days(KNOWN_AFTER_END_DAYS))
        }
    }
}
