//! Vacancies (ledige plasser, ubrukt andel): how long what is free has stood empty, and
//! what keeps it from being used.

use std::collections::{BTreeMap, BTreeSet};

use time::Date;

use crate::domain::{
    account::{Account, AccountKey, WHOLE_PLACE},
    allocation::{Kept, RunRules, RunScope, run_and_keep},
    capacity::{PlacesInPeriod, boundaries_after, places_on},
    ids::EntryId,
    ledger::Ledger,
    refusal::Stop,
    waitlist::QueueKey,
};

#[cfg(test)]
mod tests;

/// By how much something has grown, by day; below 0 where it has shrunk.
pub type Changes = BTreeMap<Date, i64>;

/// So much that has stood empty since one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// The first day.
    pub since: Date,
    /// How much, in per cents of a place.
    pub percent: i64,
}

/// How long an account's free lots have stood empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Since when the oldest has.
    pub since: Date,
    /// Days from then to today.
    pub days: u32,
    /// All lots' days together, in days of a whole place, rounded down.
    pub place_days: u64,
}

impl Standing {
    /// Whether it has stood empty for longer than a measure type lets a place; never where that
    /// says nothing.
    pub fn is_idle(&self, idle_days: Option<u32>) -> bool {
        idle_days.is_some_and(|days| self.days > days)
    }
}

/// How long what is free on an account has stood empty; `None` where nothing is. `used`
/// is how its use has changed, by placements that have begun or are over.
pub fn standing(
    ledger: &Ledger,
    key: &AccountKey,
    used: &Changes,
    today: Date,
) -> Option<Standing> {
    let lots = free_lots_of(ledger, key, used);
    let oldest = lots.first()?;
    let days_of = |lot: &Lot| (today - lot.since).whole_days().max(0);
    let percent_days: i128 =
        lots.iter().map(|lot| i128::from(lot.percent) * i128::from(days_of(lot))).sum();
    Some(Standing {
        since: oldest.since,
        days: u32::try_from(days_of(oldest)).unwrap_or(u32::MAX),
        place_days: u64::try_from(percent_days / i128::from(WHOLE_PLACE)).unwrap_or(u64::MAX),
    })
}

/// The lots that are free on an account, the oldest first.
pub fn free_lots_of(ledger: &Ledger, key: &AccountKey, used: &Changes) -> Vec<Lot> {
    // What the ledger has not let happen yet has not happened to its accounts either.
    let as_of = ledger.head().at.date_in_norway();
    let limit = limit_of(ledger, key, as_of);
    free_lots(&ledger.account(key), &limit, used, as_of)
}

/// How an account's limit has changed up to and with a day, by the dated decisions it follows
/// from. A place that is lent stands empty with the borrower from the day it was lent, and with
/// the lender from the day it returned.
fn limit_of(ledger: &Ledger, key: &AccountKey, as_of: Date) -> Changes {
    match key {
        AccountKey::PlaceGroup(id) => {
            let capacity = ledger.place_group(*id).map(|group| group.capacity.as_slice());
            changes_of_limit(capacity.unwrap_or_default(), as_of)
        }
        AccountKey::Quota(number) => {
            let frame = ledger.frame();
            let days = frame.quota_days_after(number, Date::MIN);
            changes_on(days, as_of, |day| frame.quota_limit(number, day))
        }
        AccountKey::Pool => changes_of_limit(&ledger.frame().budgets, as_of),
    }
}

/// How a limit has changed up to and with a day.
pub fn changes_of_limit<P: AsRef<PlacesInPeriod>>(history: &[P], as_of: Date) -> Changes {
    let days = boundaries_after(history, Date::MIN).collect();
    changes_on(days, as_of, |day| i64::from(places_on(history, day)) * WHOLE_PLACE)
}

fn changes_on(days: BTreeSet<Date>, as_of: Date, limit_on: impl Fn(Date) -> i64) -> Changes {
    let mut changes = Changes::new();
    let mut before = 0;
    for day in days.into_iter().filter(|day| *day <= as_of) {
        let limit = limit_on(day);
        changes.insert(day, limit - before);
        before = limit;
    }
    changes
}

/// The lots that are free, the oldest first; together they are what is free.
///
/// What a limit allows and no placement uses is empty. On a day on which more becomes
/// empty a lot begins; where less does, the oldest lots are used first, and what is
/// reserved is of the oldest too. So what is free is of the latest lots: enough of them,
/// counted from today backwards.
pub fn free_lots(account: &Account, limit: &Changes, used: &Changes, as_of: Date) -> Vec<Lot> {
    let mut emptied = limit.clone();
    for (day, percent) in used.range(..=as_of) {
        *emptied.entry(*day).or_default() -= percent;
    }
    let mut left = account.free();
    let mut empty = account.limit - account.in_use;
    let mut lots = Vec::new();
    for (day, change) in emptied.iter().rev() {
        let before = empty - change;
        // Below 0 nothing is empty: a limit was lowered below what was in use.
        let percent = (empty.max(0) - before.max(0)).clamp(0, left);
        if percent > 0 {
            lots.push(Lot { since: *day, percent });
        }
        left -= percent;
        empty = before;
    }
    if left > 0 {
        // Of what no change tells, the first one is the least that can be said.
        let since = emptied.keys().next().copied().unwrap_or(as_of);
        lots.push(Lot { since, percent: left });
    }
    lots.reverse();
    lots
}

/// What keeps free room from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Nothing: a run would propose all of it now.
    None,
    /// Places, but no second account has room.
    NoQuota,
    /// Room on a second account, but no place group has any.
    NoPlace,
    /// Nobody waits whose second account has room.
    NobodyWaits,
    /// Such people wait, but none would take it.
    NobodyAccepts,
    /// More people wait than were walked past.
    NotDetermined,
    /// The group is closed now.
    Closed,
    /// It is kept for somebody whose share of a place does not fit yet.
    ReservedForAnother,
}

/// What a run over the whole ledger would do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// What it would propose of each account, place groups and second ones.
    given: BTreeMap<AccountKey, i64>,
    /// What it would leave free and could give.
    left: BTreeMap<AccountKey, i64>,
    /// What it would leave free and keep for somebody.
    kept: Kept,
    /// Groups that take nobody in now, whatever they have free.
    closed: BTreeSet<AccountKey>,
    /// Second accounts with something left, and somebody who waits for it.
    waited_for: BTreeSet<AccountKey>,
    everyone: bool,
}

/// The queues of second accounts with something free: nobody else can be served.
pub fn open_queues(ledger: &Ledger) -> Vec<QueueKey> {
    let open = ledger.second_accounts().filter(|(_, account)| account.free() > 0);
    open.filter_map(|(key, _)| QueueKey::of_account(key)).collect()
}

/// Runs over those that were loaded, with nothing stored. They must be the first of all
/// open queues together; `everyone` where no others wait. A run over the first so many
/// begins as a run over everyone does. `rules` are what the measure type says of a run now.
pub fn outlook(ledger: &Ledger, everyone: bool, rules: RunRules) -> Result<Outlook, Stop> {
    let scope = RunScope::all(ledger.head().at, usize::MAX, rules);
    let (served, kept) = run_and_keep(ledger, &scope)?;
    let today = ledger.head().at.date_in_norway();
    let closed: BTreeSet<AccountKey> = ledger
        .place_groups()
        .filter(|group| group.is_closed(today))
        .map(|group| AccountKey::PlaceGroup(group.place_group_id))
        .collect();
    let free = ledger.accounts().map(|(key, account)| (key.clone(), account.free()));
    let mut left: BTreeMap<AccountKey, i64> =
        free.filter(|(key, free)| *free > 0 && !closed.contains(key)).collect();
    let mut given: BTreeMap<AccountKey, i64> = BTreeMap::new();
    let mut placed: BTreeSet<EntryId> = BTreeSet::new();
    for one in served {
        let percent = i64::from(one.participation_percent);
        for key in [AccountKey::PlaceGroup(one.place_group_id), one.account] {
            *left.entry(key.clone()).or_default() -= percent;
            *given.entry(key).or_default() += percent;
        }
        placed.insert(one.entry_id);
    }
    for (key, percent) in &kept {
        *left.entry(key.clone()).or_default() -= percent;
    }
    let waited_for = ledger
        .queues()
        .filter(|(_, queue)| queue.eligible().any(|(_, entry)| !placed.contains(entry)))
        .map(|(key, _)| key.account())
        .filter(|key| left.get(key).is_some_and(|left| *left > 0))
        .collect();
    Ok(Outlook { given, left, kept, closed, waited_for, everyone })
}

impl Outlook {
    /// Whether those who were not loaded could change nothing.
    pub fn is_settled(&self) -> bool {
        self.everyone || !self.place_left() || !self.quota_left()
    }

    /// Of what is free on an account, what a run would propose; and what keeps the rest.
    pub fn of(&self, key: &AccountKey) -> (i64, Block) {
        if self.closed.contains(key) {
            return (0, Block::Closed);
        }
        let allocable = self.given.get(key).copied().unwrap_or(0);
        let is_group = is_place(key);
        if self.left.get(key).is_none_or(|left| *left == 0) {
            let kept = self.kept.contains_key(key);
            return (allocable, if kept { Block::ReservedForAnother } else { Block::None });
        }
        let waited_for =
            if is_group { !self.waited_for.is_empty() } else { self.waited_for.contains(key) };
        let block = if is_group && !self.quota_left() {
            if self.is_kept(is_second) { Block::ReservedForAnother } else { Block::NoQuota }
        } else if !is_group && !self.place_left() {
            if self.is_kept(is_place) { Block::ReservedForAnother } else { Block::NoPlace }
        } else if !self.everyone {
            Block::NotDetermined
        } else if waited_for {
            Block::NobodyAccepts
        } else {
            Block::NobodyWaits
        };
        (allocable, block)
    }

    fn place_left(&self) -> bool {
        self.any_left(is_place)
    }

    fn quota_left(&self) -> bool {
        self.any_left(is_second)
    }

    fn is_kept(&self, of: impl Fn(&AccountKey) -> bool) -> bool {
        self.kept.keys().any(of)
    }

    fn any_left(&self, of: impl Fn(&AccountKey) -> bool) -> bool {
        self.left.iter().any(|(key, left)| of(key) && *left > 0)
    }
}

fn is_place(key: &AccountKey) -> bool {
    matches!(key, AccountKey::PlaceGroup(_))
}

fn is_second(key: &AccountKey) -> bool {
    !is_place(key)
}
