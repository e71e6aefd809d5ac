//! What the clients were told, and what is there in the end: two values, so that the
//! checks between them are pure.

use std::collections::{BTreeMap, BTreeSet};

use tiltaksplass::domain::{event::Event, log_chain::Hash};

use crate::chaos::call::Call;

/// Everything the clients asked for.
#[derive(Default, Clone)]
pub struct History {
    pub records: Vec<Record>,
    /// Answers that say the service itself was at fault.
    pub faults: Vec<String>,
    /// Why attempts came to nothing, and how often.
    pub in_vain: BTreeMap<String, u64>,
}

/// One mutation, with all its retries.
#[derive(Clone)]
pub struct Record {
    pub call: Call,
    /// When it was first sent, by a count all clients share.
    pub begun: u64,
    /// When its last answer came.
    pub ended: u64,
    pub attempts: u32,
    pub outcome: Outcome,
}

/// What became of a mutation, as its client knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Acknowledged {
        seq: u64,
        bytes: Vec<u8>,
    },
    Refused {
        reason: String,
        /// Whether no earlier attempt was left without an answer.
        clear: bool,
    },
    /// It was acknowledged so long ago that its answer is gone.
    Expired,
    /// Nobody knows; it may have happened once.
    Unknown,
}

/// What is there in the end.
#[derive(Default, Clone)]
pub struct FinalState {
    pub ledgers: BTreeMap<String, LedgerState>,
    /// Person, measure type, county and entry.
    pub claims: BTreeSet<(String, String, String, String)>,
    /// Sessions of the service that are inside a transaction though nobody calls.
    pub in_transaction: Vec<String>,
    /// What each acknowledged request was told when it was sent once more.
    pub replays: BTreeMap<String, Outcome>,
    /// How many days have passed: answers are kept for thirty.
    pub days: u64,
    /// What the service's own check found.
    pub verify: Vec<String>,
}

/// One ledger.
#[derive(Default, Clone)]
pub struct LedgerState {
    /// Where the log stood before the clients began.
    pub baseline: u64,
    pub log: Vec<LogRow>,
    pub feed: Vec<Change>,
    /// Limit, reserved and in use, by account.
    pub accounts: BTreeMap<String, (i64, i64, i64)>,
    /// Person and state, by entry.
    pub entries: BTreeMap<String, (String, String)>,
    /// State, by offer.
    pub offers: BTreeMap<String, String>,
    /// State, by placement.
    pub placements: BTreeMap<String, String>,
}

/// One row of a log.
#[derive(Clone)]
pub struct LogRow {
    pub seq: u64,
    pub request_id: String,
    pub kind: String,
    pub hash: Hash,
    pub events: Vec<Event>,
}

/// One change as the feed tells it.
#[derive(Clone)]
pub struct Change {
    pub seq: u64,
    pub kind: String,
    pub prev_hash: Vec<u8>,
    pub hash: Vec<u8>,
    /// What the hash must be, from the bytes of the feed.
    pub recomputed: Vec<u8>,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The invariant, by its number.
    pub invariant: &'static str,
    pub what: String,
}

impl Finding {
    pub fn new(invariant: &'static str, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}
