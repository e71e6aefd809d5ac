//! A ledger: one measure type in one allocation area, as the fold of its log.
//!
//! `decide` says what a command makes happen, `apply` lets it happen; both are pure.
//! A ledger may be loaded in part: the frame (accounts, place groups, budgets,
//! quotas) always, entries and queues as far as a command needs them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

mod aim;
mod apply;
mod apply_plan;
mod decide;
mod decide_access;
mod decide_adviser;
mod decide_capacity;
mod decide_closure;
mod decide_correction;
mod decide_enforcement;
mod decide_entry;
mod decide_existing;
mod decide_identity;
mod decide_increase;
mod decide_join;
mod decide_loan;
mod decide_objection;
mod decide_offer;
mod decide_place;
mod decide_placement;
mod decide_plan;
mod decide_quota_move;
mod decide_staff;
mod decide_succession;
mod decide_transfer;
mod declined;
mod due;
mod guards;
mod onward;
mod passes;
mod quotas;
mod redirect;
mod rows;
mod subject;
mod walk;

pub use aim::{Aim, aim, plan_holders};
pub use apply::apply;
pub use decide::{Context, decide};
pub use decide_correction::goes_on;
pub use decide_existing::reconcile;
pub use decide_join::{Newcomer, key_of_newcomer};
pub use decide_transfer::follow_ups;
pub use due::{Due, DueKind, due_request_id, hand_over_request_id};
pub use rows::{Rows, rows};
pub use walk::{Queue, Walk};

use crate::domain::{
    account::{Account, AccountKey},
    allocation::{Offer, Placement},
    calendar::Timestamp,
    capacity::{Budget, PlaceGroup, Quota, Submission},
    enforcement::Enforcement,
    ids::{
        EntryId, ExternalReference, LedgerId, MunicipalityNumber, OfferId, PlaceGroupId,
        PlacementId, PlanId, References, SubmissionId,
    },
    lending::Loan,
    log_chain::{GENESIS, Hash},
    measure::Distribution,
    plan::{Plan, PlanBook},
    quota_move::QuotaMove,
    waitlist::{Entry, EntryState, OrderKey, QueueKey},
};

/// The most place groups a ledger may have.
pub const PLACE_GROUPS_MAX: usize = 2_000;

/// The most dated decisions of one budget, quota or place group. Each batch reads them.
pub const HISTORY_MAX: usize = 1_000;

/// The state of a ledger, whole or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    id: LedgerId,
    distribution: Distribution,
    seq: u64,
    head: Hash,
    at: Timestamp,
    frame: Frame,
    place_groups: BTreeMap<PlaceGroupId, PlaceGroup>,
    accounts: BTreeMap<AccountKey, Account>,
    submissions: BTreeMap<SubmissionId, Submission>,
    plans: BTreeMap<PlanId, Plan>,
    entries: BTreeMap<EntryId, Entry>,
    offers: BTreeMap<OfferId, Offer>,
    placements: BTreeMap<PlacementId, Placement>,
    references: References,
    queues: BTreeMap<QueueKey, Queue>,
    touched: Touched,
}

/// What a ledger has once and keeps whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Place budgets, in the order they were set.
    pub budgets: Vec<Budget>,
    /// Quotas of each municipality, in the order they were set.
    pub quotas: BTreeMap<MunicipalityNumber, Vec<Quota>>,
    /// How far the order binds who places people by hand.
    #[serde(default, skip_serializing_if = "Enforcement::is_untouched")]
    pub enforcement: Enforcement,
    /// What quotas have lent to each other, in the order it was lent; also what is over, since
    /// what a quota was on a day follows from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loans: Vec<Loan>,
    /// The plan that steers, and those that did.
    #[serde(default, skip_serializing_if = "PlanBook::is_empty")]
    pub plans: PlanBook,
    /// What was moved between quotas by hand, in the order it was moved: the latest
    /// [`MOVES_KEPT`](crate::domain::quota_move::MOVES_KEPT).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<QuotaMove>,
}

/// Which rows changed since the ledger was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Touched {
    frame: bool,
    place_groups: BTreeSet<PlaceGroupId>,
    accounts: BTreeSet<AccountKey>,
    submissions: BTreeSet<SubmissionId>,
    plans: BTreeSet<PlanId>,
    entries: BTreeSet<EntryId>,
    offers: BTreeSet<OfferId>,
    placements: BTreeSet<PlacementId>,
    references: BTreeSet<ExternalReference>,
    gone_references: BTreeSet<ExternalReference>,
    queues: BTreeSet<QueueKey>,
    due: BTreeMap<Due, bool>,
}

/// Where a ledger's log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The latest row's number; 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// Its time.
    pub at: Timestamp,
}

impl Head {
    /// Before the first row.
    pub const EMPTY: Self = Self { seq: 0, hash: GENESIS, at: Timestamp::from_micros(i64::MIN) };
}

impl Ledger {
    /// A ledger with nothing loaded but where its log stands.
    pub fn new(id: LedgerId, distribution: Distribution, head: Head) -> Self {
        Self {
            id,
            distribution,
            seq: head.seq,
            head: head.hash,
            at: head.at,
            frame: Frame::default(),
            place_groups: BTreeMap::new(),
            accounts: BTreeMap::new(),
            submissions: BTreeMap::new(),
            plans: BTreeMap::new(),
            entries: BTreeMap::new(),
            offers: BTreeMap::new(),
            placements: BTreeMap::new(),
            references: References::new(),
            queues: BTreeMap::new(),
            touched: Touched::default(),
        }
    }

    /// Its name.
    pub fn id(&self) -> &LedgerId {
        &self.id
    }

    /// How it shares its places.
    pub fn distribution(&self) -> Distribution {
        self.distribution
    }

    /// Where its log stands.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.head, at: self.at }
    }

    /// The time of the next command: the clock's, and always later than the last.
    pub fn next_time(&self, clock: Timestamp) -> Timestamp {
        clock.max(self.at.next())
    }

    /// Notes that a log row was appended.
    pub fn advance(&mut self, hash: Hash, at: Timestamp) {
        self.seq += 1;
        self.head = hash;
        self.at = at;
    }

    /// Budgets, quotas and loans.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Notes that something due has been dealt with, whether it did anything or not.
    pub fn dealt_with(&mut self, due: Due) {
        self.touched.due.insert(due, false);
    }

    /// The place groups.
    pub fn place_groups(&self) -> impl Iterator<Item = &PlaceGroup> {
        self.place_groups.values()
    }

    /// A place group.
    pub fn place_group(&self, id: PlaceGroupId) -> Option<&PlaceGroup> {
        self.place_groups.get(&id)
    }

    /// An account; one nobody has set holds nothing.
    pub fn account(&self, key: &AccountKey) -> Account {
        self.accounts.get(key).copied().unwrap_or_default()
    }

    /// Every account.
    pub fn accounts(&self) -> impl Iterator<Item = (&AccountKey, &Account)> {
        self.accounts.iter()
    }

    /// The pool, or the quotas.
    pub fn second_accounts(&self) -> impl Iterator<Item = (&AccountKey, &Account)> {
        self.accounts.iter().filter(|(key, _)| !matches!(key, AccountKey::PlaceGroup(_)))
    }

    /// An entry that was loaded.
    pub fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// Every entry that was loaded.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// An offer that was loaded.
    pub fn offer(&self, id: OfferId) -> Option<&Offer> {
        self.offers.get(&id)
    }

    /// Every offer that was loaded.
    pub fn offers(&self) -> impl Iterator<Item = &Offer> {
        self.offers.values()
    }

    /// A placement that was loaded.
    pub fn placement(&self, id: PlacementId) -> Option<&Placement> {
        self.placements.get(&id)
    }

    /// Every placement that was loaded.
    pub fn placements(&self) -> impl Iterator<Item = &Placement> {
        self.placements.values()
    }

    /// What a name in another system names, if it was loaded.
    pub fn named(&self, reference: &ExternalReference) -> Option<uuid::Uuid> {
        self.references.get(reference).copied()
    }

    /// The placements under way in a place group, as far as they were loaded.
    pub fn placements_in(&self, id: PlaceGroupId) -> impl Iterator<Item = &Placement> {
        self.placements.values().filter(move |one| one.place_group_id == id && one.state.uses())
    }

    /// A submission that was loaded.
    pub fn submission(&self, id: SubmissionId) -> Option<&Submission> {
        self.submissions.get(&id)
    }

    /// A plan that was loaded.
    pub fn plan(&self, id: PlanId) -> Option<&Plan> {
        self.plans.get(&id)
    }

    /// Which queue an entry stands in.
    pub fn queue_of(&self, entry: &Entry) -> QueueKey {
        QueueKey::of_entry(self.distribution, entry)
    }

    /// Walks all queues in the one order.
    pub fn walk(&self) -> Walk<'_> {
        Walk::new(self)
    }

    /// The queues that are known.
    pub fn queues(&self) -> impl Iterator<Item = (&QueueKey, &Queue)> {
        self.queues.iter()
    }
}

/// Loading: what the store puts in before a command is decided. Nothing here counts
/// as touched.
impl Ledger {
    /// Puts the frame in.
    pub fn load_frame(&mut self, frame: Frame) {
        self.frame = frame;
    }

    /// Puts a place group in.
    pub fn load_place_group(&mut self, group: PlaceGroup) {
        self.place_groups.insert(group.place_group_id, group);
    }

    /// Puts an account in.
    pub fn load_account(&mut self, key: AccountKey, account: Account) {
        self.accounts.insert(key, account);
    }

    /// Puts a submission in.
    pub fn load_submission(&mut self, submission: Submission) {
        self.submissions.insert(submission.submission_id, submission);
    }

    /// Puts a plan in.
    pub fn load_plan(&mut self, plan: Plan) {
        self.plans.insert(plan.plan_id, plan);
    }

    /// Puts an entry in, unless it is there: what was loaded before may have moved on.
    pub fn load_entry(&mut self, entry: Entry) {
        self.entries.entry(entry.entry_id).or_insert(entry);
    }

    /// Puts an offer in, unless it is there.
    pub fn load_offer(&mut self, offer: Offer) {
        self.offers.entry(offer.offer_id).or_insert(offer);
    }

    /// Puts a placement in, unless it is there.
    pub fn load_placement(&mut self, placement: Placement) {
        self.placements.entry(placement.placement_id).or_insert(placement);
    }

    /// Puts a name in another system in.
    pub fn load_reference(&mut self, reference: ExternalReference, resource: uuid::Uuid) {
        self.references.insert(reference, resource);
    }

    /// Makes a queue known, with nothing of it read.
    pub fn load_queue(&mut self, key: QueueKey, watermark: OrderKey) {
        self.queues.entry(key).or_insert_with(|| Queue::unread(watermark));
    }

    /// Puts the next eligible entries of a queue in; `whole` when there are no more.
    /// What is loaded already may have moved on and then counts, not what was read.
    pub fn load_heads(&mut self, key: &QueueKey, heads: Vec<Entry>, whole: bool) {
        let Some(queue) = self.queues.get_mut(key) else { return };
        let last = heads.last().map(|entry| entry.key);
        for head in heads {
            let read = head.key;
            let entry = self.entries.entry(head.entry_id).or_insert(head);
            // One that has got another key since stands where that put it, which may lie beyond
            // what has been read.
            if entry.state == EntryState::Waiting && entry.key == read {
                queue.read(entry.key, entry.entry_id);
            }
        }
        queue.extend(if whole { None } else { last });
    }

    /// How far a queue has been read: what is eligible up to there is loaded.
    pub fn read_to(&self, key: &QueueKey) -> Option<OrderKey> {
        self.queues.get(key).and_then(Queue::read_to)
    }
}
