//! `rows`: what the database's tables must hold for a ledger. The writer writes it,
//! `verify` folds the whole log and compares.

use crate::domain::{
    account::{Account, AccountKey},
    allocation::{Offer, Placement},
    capacity::{PlaceGroup, Submission},
    ids::{EntryId, ExternalReference, PersonId},
    ledger::{Due, Frame, Ledger},
    plan::Plan,
    waitlist::{Entry, OrderKey, QueueKey},
};

/// The rows that changed since a ledger was loaded; after a fold of the whole log,
/// all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Budgets, quotas and loans.
    pub frame: Option<Frame>,
    /// Place groups.
    pub place_groups: Vec<PlaceGroup>,
    /// Accounts.
    pub accounts: Vec<(AccountKey, Account)>,
    /// Submissions.
    pub submissions: Vec<Submission>,
    /// Plans.
    pub plans: Vec<Plan>,
    /// Entries; those that wait have a lean row in `waiting` too.
    pub entries: Vec<Entry>,
    /// Offers.
    pub offers: Vec<Offer>,
    /// Placements.
    pub placements: Vec<Placement>,
    /// Names in other systems.
    pub references: Vec<(ExternalReference, uuid::Uuid)>,
    /// Names in other systems that became free; some may have been taken again.
    pub gone_references: Vec<ExternalReference>,
    /// Queues and their watermarks.
    pub queues: Vec<(QueueKey, OrderKey)>,
    /// What is due, and what no longer is.
    pub due: Vec<(Due, bool)>,
    /// Claims that end, since their entries are closed.
    pub ended_claims: Vec<(PersonId, EntryId)>,
}

/// The rows of `ledger` that changed since it was loaded.
pub fn rows(ledger: &Ledger) -> Rows {
    let touched = &ledger.touched;
    let entries: Vec<Entry> = pick(&touched.entries, |id| ledger.entries.get(id));
    let ended_claims = entries
        .iter()
        .filter(|entry| !entry.state.is_open() && entry.has_claim())
        .map(|entry| (entry.person_id, entry.entry_id))
        .collect();
    let queues = touched
        .queues
        .iter()
        .filter_map(|key| ledger.queues.get(key).map(|queue| (key.clone(), queue.watermark())));
    let references = touched.references.iter().filter_map(|reference| {
        ledger.references.get(reference).map(|resource| (reference.clone(), *resource))
    });
    Rows {
        frame: touched.frame.then(|| ledger.frame.clone()),
        place_groups: pick(&touched.place_groups, |id| ledger.place_groups.get(id)),
        accounts: touched.accounts.iter().map(|k| (k.clone(), ledger.account(k))).collect(),
        submissions: pick(&touched.submissions, |id| ledger.submissions.get(id)),
        plans: pick(&touched.plans, |id| ledger.plans.get(id)),
        entries,
        offers: pick(&touched.offers, |id| ledger.offers.get(id)),
        placements: pick(&touched.placements, |id| ledger.placements.get(id)),
        references: references.collect(),
        gone_references: touched.gone_references.iter().cloned().collect(),
        queues: queues.collect(),
        due: touched.due.iter().map(|(due, stands)| (*due, *stands)).collect(),
        ended_claims,
    }
}

fn pick<'a, K: 'a, V: Clone + 'a>(
    keys: impl IntoIterator<Item = &'a K>,
    get: impl Fn(&K) -> Option<&'a V>,
) -> Vec<V> {
    keys.into_iter().filter_map(|key| get(key).cloned()).collect()
}
