//! What is asked of ledgers when a measure type has taken over from another: those who wait
//! go on there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    ids::{EntryId, LedgerId},
    waitlist::{Entry, OrderKey},
};

/// How many of those who wait go on in one row of the log.
pub const HANDED_OVER_MAX: i64 = 200;

/// Those who wait go on in the measure type that took over: a page of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// Where.
    pub to_ledger: LedgerId,
    /// Who, and by which entry the person is there already, if so.
    pub entries: BTreeMap<EntryId, Option<HeldThere>>,
}

/// A person's entry in the measure type that took over, in this area or another. It goes on,
/// and the one that would be the second ends (I3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldThere {
    /// Where.
    pub ledger: LedgerId,
    /// Which.
    pub entry_id: EntryId,
}

/// What comes in from a measure type that this one took over from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeOver {
    /// From where.
    pub from_ledger: LedgerId,
    /// The entries that go on here, as they stood there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// What those who have an entry here already bring with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waited: Vec<Waited>,
}

/// How long somebody has waited in a measure type that this one took over from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waited {
    /// The person's entry here.
    pub entry_id: EntryId,
    /// The one there, which ends.
    pub from_entry: EntryId,
    /// Its place in the order.
    pub key: OrderKey,
}
