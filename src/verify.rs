//! Checks a database whole: every hash of every log, every decision made again from
//! what it recorded, every table against the fold of its log, and the invariants.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

mod accesses;
mod answers;
mod people;
mod plans;

pub use people::KEY_CHECK;

use crate::{
    domain::{
        account::AccountKey,
        allocation::Placement,
        ids::{EntryId, LedgerId, PersonId, PlacementId},
        ledger::{Ledger, Rows, rows},
        waitlist::{Entry, EntryState},
    },
    keys::Keys,
    replay::{Fold, Registries, ReplayError},
    store::{self, db::Db, snapshot::Snapshot},
};

/// How many rows are read at once.
const PAGE: i64 = 500;
/// A larger share that waits: by which entry, of which placement and whose, and whether that
/// placement is under way.
type Increase = (EntryId, PlacementId, PersonId, bool);

/// How many findings are told; the first ones say enough.
const FINDINGS_MAX: usize = 20;

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many ledgers were checked.
    pub ledgers: usize,
    /// How many log rows were recomputed.
    pub log_rows: u64,
    /// How many entries, offers and placements were compared.
    pub state_rows: usize,
    /// How many accesses were found in their chains.
    pub accesses: u64,
    /// How many people's keys and ciphertexts were opened.
    pub people: u64,
    /// What is wrong; empty when all is well.
    pub findings: Vec<String>,
}

impl Report {
    fn find(&mut self, ledger: &LedgerId, what: impl std::fmt::Display) {
        self.tell(format!("{ledger}: {what}"));
    }

    fn tell(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// Checks everything; the service may go on meanwhile. Who people are is opened only where
/// the keys are at hand.
pub async fn verify(db: &Db, keys: Option<&Keys>) -> Result<Report, sqlx::Error> {
    let mut report = Report::default();
    check_ledgers(db, &mut report).await?;
    let mut transaction = db.begin_audit().await?;
    answers::check(&mut transaction, &mut report).await?;
    if let Some(keys) = keys {
        people::check(&mut transaction, keys, &mut report).await?;
    }
    transaction.rollback().await?;
    Ok(report)
}

/// Logs, tables, the registry and the accesses, as of one moment.
async fn check_ledgers(db: &Db, report: &mut Report) -> Result<(), sqlx::Error> {
    let mut transaction = db.begin_check().await?;
    let connection = &mut *transaction;
    let mut registries = Registries::default();
    let ids = store::ledger::list(connection, None).await?;
    // The registry first: the others were decided by its versions.
    let (registry, others): (Vec<_>, Vec<_>) = ids.into_iter().partition(LedgerId::is_registry);
    for id in registry.iter().chain(&others) {
        check_ledger(connection, id, &mut registries, report).await?;
    }
    if registries.rows() != store::registry::all(connection).await? {
        report.tell("the registry's rows are not what its log says".to_owned());
    }
    for (what, count) in store::snapshot::strays(connection).await? {
        if count > 0 {
            report.tell(format!("{count} {what}"));
        }
    }
    accesses::check(connection, report).await?;
    transaction.rollback().await
}

async fn check_ledger(
    connection: &mut PgConnection,
    id: &LedgerId,
    registries: &mut Registries,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let Some(snapshot) = store::snapshot::read(connection, id).await? else { return Ok(()) };
    report.ledgers += 1;
    let mut fold = Fold::new(id, registries);
    let folded = loop {
        match fold.next(connection, registries).await {
            Ok(Some(_)) => report.log_rows += 1,
            Ok(None) => break Ok(()),
            Err(ReplayError::Database(error)) => return Err(error),
            Err(wrong @ ReplayError::Wrong { .. }) => break Err(wrong),
        }
    };
    if let Err(wrong) = folded {
        report.find(id, wrong);
        return Ok(());
    }
    let ledger = fold.into_ledger();
    check_tables(&ledger, &snapshot, report);
    check_invariants(&ledger, &snapshot, report);
    plans::check(&ledger, &snapshot.rows.plans, report);
    Ok(())
}

/// The tables must be what the log folds to.
fn check_tables(ledger: &Ledger, snapshot: &Snapshot, report: &mut Report) {
    let id = ledger.id();
    let head = snapshot.ledger.head();
    if head != ledger.head() {
        report.find(id, "the head is not the log's last row");
    }
    let folded = rows(ledger);
    let stored = &snapshot.rows;
    report.state_rows += stored.entries.len() + stored.offers.len() + stored.placements.len();
    let differences = [
        ("how places are shared", ledger.distribution() == snapshot.ledger.distribution()),
        ("budgets and quotas", ledger.frame() == snapshot.ledger.frame()),
        ("place groups", folded.place_groups == stored.place_groups),
        ("accounts", folded.accounts == stored.accounts),
        ("submissions", folded.submissions == stored.submissions),
        ("plans", folded.plans == stored.plans),
        ("entries", folded.entries == stored.entries),
        ("offers", folded.offers == stored.offers),
        ("placements", folded.placements == stored.placements),
        ("external references", folded.references == stored.references),
        ("the schedule", standing(&folded) == standing(stored)),
        ("the waiting rows", waiting(ledger) == snapshot.waiting),
    ];
    for (what, _) in differences.into_iter().filter(|(_, same)| !same) {
        report.find(id, format!("{what} are not what the log says"));
    }
}

fn standing(rows: &Rows) -> BTreeSet<crate::domain::ledger::Due> {
    rows.due.iter().filter(|(_, stands)| *stands).map(|(due, _)| *due).collect()
}

fn waiting(ledger: &Ledger) -> BTreeSet<(uuid::Uuid, String)> {
    ledger
        .entries()
        .filter(|entry| entry.state == EntryState::Waiting)
        .map(|entry| (entry.entry_id.0, ledger.queue_of(entry).as_str().to_owned()))
        .collect()
}

fn check_invariants(ledger: &Ledger, snapshot: &Snapshot, report: &mut Report) {
    let id = ledger.id();
    let held = held(ledger);
    for (key, account) in ledger.accounts() {
        if !account.is_sound() {
            report.find(id, format!("I1/I2: account {key:?} is not sound"));
        }
        let (reserved, in_use) = held.get(key).copied().unwrap_or_default();
        if (account.reserved, account.in_use) != (reserved, in_use) {
            report.find(id, format!("I8: account {key:?} does not hold what is reserved and used"));
        }
    }
    let claims: BTreeSet<_> = ledger
        .entries()
        .filter(|entry| entry.state.is_open() && entry.has_claim())
        .map(|entry| (entry.person_id.0, Some(entry.entry_id.0)))
        .collect();
    if claims != snapshot.claims {
        report.find(id, "I3: the claims are not those of the open entries");
    }
    let people: BTreeSet<_> = claims.iter().map(|(person, _)| *person).collect();
    if people.len() != claims.len() {
        report.find(id, "I3: someone has two open entries");
    }
    if increases_waited_for(ledger) != increases_that_wait(ledger) {
        report.find(id, "I3: the larger shares that wait are not those placements wait for");
    }
    let watermarks: BTreeMap<_, _> = snapshot.rows.queues.iter().cloned().collect();
    for entry in ledger.entries().filter(|entry| entry.state == EntryState::Waiting) {
        let watermark = watermarks.get(&ledger.queue_of(entry));
        if watermark.is_none_or(|watermark| *watermark > entry.key) {
            report.find(
                id,
                format!("I6: entry {} stands before its queue's watermark", entry.entry_id),
            );
        }
    }
}

/// The larger shares that placements under way wait for: each one's own, of its own person.
fn increases_waited_for(ledger: &Ledger) -> Vec<Increase> {
    let of_one = |placement: &Placement| {
        let placed = ledger.entry(placement.entry_id)?;
        let uses = placement.state.uses();
        Some((placement.increase?, placement.placement_id, placed.person_id, uses))
    };
    let mut waited_for: Vec<Increase> = ledger.placements().filter_map(of_one).collect();
    waited_for.sort_unstable();
    waited_for
}

/// The open entries by which a larger share is waited for.
fn increases_that_wait(ledger: &Ledger) -> Vec<Increase> {
    let open = ledger.entries().filter(|entry| entry.state.is_open());
    let of_one = |entry: &Entry| Some((entry.entry_id, entry.increase_of?, entry.person_id, true));
    let mut wait: Vec<Increase> = open.filter_map(of_one).collect();
    wait.sort_unstable();
    wait
}

/// What open offers reserve and running placements use, by account.
fn held(ledger: &Ledger) -> BTreeMap<AccountKey, (i64, i64)> {
    let mut held: BTreeMap<AccountKey, (i64, i64)> = BTreeMap::new();
    for offer in ledger.offers().filter(|offer| offer.state.reserves()) {
        for key in [AccountKey::PlaceGroup(offer.place_group_id), offer.account.clone()] {
            held.entry(key).or_default().0 += i64::from(offer.participation_percent);
        }
    }
    let running = ledger.placements().filter(|placement| {
        !matches!(placement.state, crate::domain::allocation::PlacementState::Ended(_))
    });
    for placement in running {
        for key in [AccountKey::PlaceGroup(placement.place_group_id), placement.account.clone()] {
            held.entry(key).or_default().1 += i64::from(placement.participation_percent);
        }
    }
    held
}
