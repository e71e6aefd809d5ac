//! Past the order: a place for a named person, or a move by hand.

use serde::{Deserialize, Serialize};

use crate::domain::waitlist::Sealed;

/// A place given to a named person and not to the first in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutOfTurn {
    /// Why, by code.
    pub reason: OutOfTurnReason,
    /// Why, in words.
    pub text: Sealed,
}

/// Why somebody goes out of turn, or is moved by hand in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutOfTurnReason {
    /// Life or health is in danger otherwise.
    Health,
    /// The place would be lost otherwise: one it suits, now, and nobody else.
    PlaceWouldBeLost,
    /// The person returns to a place they had.
    Returns,
    /// A court or an appeal has decided so.
    Appeal,
    /// A mistake was corrected (rettelse).
    Correction,
    /// Something else, told in words.
    Other,
}
