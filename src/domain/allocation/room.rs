//! What is free while a run goes on, what it gives of it, and what it keeps.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::domain::{
    account::{Account, AccountKey},
    allocation::{
        PassedOverReason, RunEnd,
        run::{Kept, RunScope, Served, offers_wanted_work, would_take},
    },
    capacity::PlaceGroup,
    ids::PlaceGroupId,
    ledger::Ledger,
    measure::ProviderChoice,
    waitlist::Entry,
};

/// What is free while a run goes on.
pub(super) struct Room<'a> {
    ledger: &'a Ledger,
    scope: RunScope,
    /// The open groups with something free. Where fractions are reserved these are all there
    /// are: what is kept does not depend on where a run may give.
    groups: BTreeMap<PlaceGroupId, GroupRoom<'a>>,
    accounts: BTreeMap<AccountKey, Free>,
    /// What the run itself may still give.
    left: i64,
    /// Whether anything is kept.
    keeps: bool,
}

/// What is free on an account, and how much of it is kept for somebody.
#[derive(Debug, Clone, Copy, Default)]
struct Free {
    free: i64,
    kept: i64,
}

impl Free {
    fn new(account: &Account) -> Self {
        Self { free: account.free(), kept: 0 }
    }

    /// What may be given.
    fn left(self) -> i64 {
        self.free - self.kept
    }

    /// Keeps what may be given, up to `percent`.
    fn keep(&mut self, percent: i64) {
        self.kept += self.left().min(percent);
    }
}

/// A place group with something free.
struct GroupRoom<'a> {
    group: &'a PlaceGroup,
    /// Whether the run may give from it.
    in_scope: bool,
    room: Free,
    /// What is reserved and in use, and what this run has given.
    used: i64,
    limit: i64,
}

impl GroupRoom<'_> {
    /// Which has used the smaller share of what it has: `used / limit`, compared exactly. No
    /// group with something free has a limit of 0.
    fn cmp_use(&self, other: &Self) -> Ordering {
        let product = |used: i64, limit: i64| i128::from(used) * i128::from(limit);
        product(self.used, other.limit).cmp(&product(other.used, self.limit))
    }
}

/// What of the room a judgement looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// What may be given.
    Left,
    /// All that is free, as if nothing were kept.
    Free,
}

impl Of {
    fn percent(self, room: Free) -> i64 {
        match self {
            Self::Left => room.left(),
            Self::Free => room.free,
        }
    }
}

impl<'a> Room<'a> {
    pub(super) fn new(ledger: &'a Ledger, scope: &RunScope) -> Self {
        let only = &scope.only_groups;
        let today = scope.at.date_in_norway();
        let reserves = scope.rules.reserve_after_passes.is_some();
        let groups = ledger.place_groups().filter(|group| !group.is_closed(today)).map(|group| {
            let id = group.place_group_id;
            let account = ledger.account(&AccountKey::PlaceGroup(id));
            let in_scope = only.is_empty() || only.contains(&id);
            let (room, used, limit) = (Free::new(&account), account.used(), account.limit);
            (id, GroupRoom { group, in_scope, room, used, limit })
        });
        let accounts = ledger.second_accounts().map(|(key, a)| (key.clone(), Free::new(a)));
        Self {
            ledger,
            scope: scope.clone(),
            groups: groups
                .filter(|(_, group)| group.room.free > 0 && (group.in_scope || reserves))
                .collect(),
            accounts: accounts.collect(),
            left: scope.percent.unwrap_or(i64::MAX),
            keeps: false,
        }
    }

    /// Why nothing can be given any more.
    pub(super) fn nothing_left(&self) -> Option<RunEnd> {
        let groups = || self.groups.values().filter(|group| group.in_scope).map(|group| group.room);
        let accounts = || self.accounts.values();
        if self.left <= 0 {
            Some(RunEnd::AllProposed)
        } else if groups().all(|room| room.free == 0) {
            Some(RunEnd::NoFreePlace)
        } else if accounts().all(|room| room.free == 0) {
            Some(RunEnd::NoQuota)
        } else if groups().all(|room| room.left() == 0) || accounts().all(|room| room.left() == 0) {
            Some(RunEnd::ReservedForAnother)
        } else {
            None
        }
    }

    /// What each account keeps.
    pub(super) fn kept(&self) -> Kept {
        let groups =
            self.groups.iter().map(|(id, group)| (AccountKey::PlaceGroup(*id), group.room));
        let accounts = self.accounts.iter().map(|(key, room)| (key.clone(), *room));
        let kept = groups.chain(accounts).map(|(key, room)| (key, room.kept));
        kept.filter(|(_, kept)| *kept > 0).collect()
    }

    /// Gives an entry its place, or says why not; then what it reserves is kept.
    pub(super) fn give(&mut self, entry: &Entry) -> Result<Served, PassedOverReason> {
        let account = self.ledger.queue_of(entry).account();
        match self.judge(entry, Of::Left) {
            Ok(place_group_id) => Ok(self.take(entry, place_group_id, account)),
            Err(reason) => {
                let reason =
                    if self.keeps { self.reason_but_for_what_is_kept(entry) } else { reason };
                if self.reserves(entry) {
                    self.keep(entry, &account);
                }
                Err(reason)
            }
        }
    }

    fn take(&mut self, entry: &Entry, place_group_id: PlaceGroupId, account: AccountKey) -> Served {
        let participation_percent = entry.participation_percent;
        let percent = i64::from(participation_percent);
        if let Some(group) = self.groups.get_mut(&place_group_id) {
            group.room.free -= percent;
            group.used += percent;
        }
        if let Some(room) = self.accounts.get_mut(&account) {
            room.free -= percent;
        }
        self.left = self.left.saturating_sub(percent);
        Served { entry_id: entry.entry_id, place_group_id, account, participation_percent }
    }

    /// What stands in the way of an entry also where nothing is kept; if nothing does, it is
    /// what is kept.
    fn reason_but_for_what_is_kept(&self, entry: &Entry) -> PassedOverReason {
        self.judge(entry, Of::Free).err().unwrap_or(PassedOverReason::ReservedForAnother)
    }

    fn reserves(&self, entry: &Entry) -> bool {
        self.scope.rules.reserve_after_passes.is_some() && entry.reserving_since.is_some()
    }

    /// The group an entry would be given a place in.
    fn judge(&self, entry: &Entry, of: Of) -> Result<PlaceGroupId, PassedOverReason> {
        let percent = i64::from(entry.participation_percent);
        if self.scope.not_to == Some(entry.entry_id) {
            return Err(PassedOverReason::OfferWithdrawn);
        }
        let account = self.accounts.get(&self.ledger.queue_of(entry).account()).copied();
        let free = of.percent(account.unwrap_or_default());
        if free == 0 {
            return Err(PassedOverReason::NoQuota);
        }
        // Of a place that is passed on only so much is given as was held. To whoever reserves,
        // what became free before is given with it.
        let may_give = if self.reserves(entry) { i64::MAX } else { self.left };
        if free.min(may_give) < percent {
            return Err(PassedOverReason::ParticipationDoesNotFit);
        }
        self.first_acceptable(entry, of)
    }

    /// Narrows the groups with any room down, step by step; the step at which none
    /// is left is the reason.
    fn first_acceptable(&self, entry: &Entry, of: Of) -> Result<PlaceGroupId, PassedOverReason> {
        let (percent, at) = (i64::from(entry.participation_percent), self.scope.at);
        let mut groups = self.wanted(entry, |one| one.in_scope && of.percent(one.room) > 0);
        let mut narrow = |keep: &dyn Fn(&GroupRoom<'_>) -> bool, reason| {
            groups.retain(|group| keep(group));
            groups.first().map(|first| first.group.place_group_id).ok_or(reason)
        };
        narrow(&|_| true, PassedOverReason::NoAcceptablePlace)?;
        narrow(&|one| offers_wanted_work(one.group, entry), PassedOverReason::WorkField)?;
        narrow(
            &|one| !entry.declined_here.contains(&one.group.place_group_id),
            PassedOverReason::DeclinedHere,
        )?;
        narrow(
            &|one| !entry.is_objected_to(one.group.place_group_id, at),
            PassedOverReason::ObjectedHere,
        )?;
        narrow(&|one| of.percent(one.room) >= percent, PassedOverReason::ParticipationDoesNotFit)
    }

    /// Of the groups that an entry's preferences name, or of all, those that are `eligible`; in
    /// the order that the measure type says.
    fn wanted(
        &self,
        entry: &Entry,
        eligible: impl Fn(&GroupRoom<'_>) -> bool,
    ) -> Vec<&GroupRoom<'a>> {
        let preferred = &entry.preferred_place_groups;
        let mut groups: Vec<&GroupRoom<'a>> = if preferred.is_empty() {
            self.groups.values().filter(|one| eligible(one)).collect()
        } else {
            let named = preferred.iter().filter_map(|id| self.groups.get(id));
            named.filter(|one| eligible(one)).collect()
        };
        let id = |one: &GroupRoom<'_>| one.group.place_group_id;
        match self.scope.rules.choice {
            ProviderChoice::Person => {}
            ProviderChoice::CallOffRank => groups.sort_by_key(|one| {
                let rank = one.group.call_off_rank;
                (rank.is_none(), rank, id(one))
            }),
            ProviderChoice::EvenByVolume => {
                groups.sort_by(|a, b| a.cmp_use(b).then_with(|| id(a).cmp(&id(b))));
            }
        }
        groups
    }

    /// Keeps what is free for an entry, up to its share: on its second account, and in the
    /// first group where all of it would fit, else in the first with anything free. Which groups
    /// this run may give from makes no difference. Nothing is kept where the account has
    /// nothing, or has enough and no group has: then it is not fractions that are missing.
    fn keep(&mut self, entry: &Entry, account: &AccountKey) {
        let (percent, at) = (i64::from(entry.participation_percent), self.scope.at);
        let would_take = |group: &PlaceGroup| would_take(group, entry, at);
        let groups = self.wanted(entry, |one| one.room.left() > 0 && would_take(one.group));
        let whole = groups.iter().find(|one| one.room.left() >= percent);
        let group = whole.or(groups.first()).map(|one| one.group.place_group_id);
        let today = at.date_in_norway();
        let mut open = self.ledger.place_groups().filter(|group| !group.is_closed(today));
        let takes_none = !open.any(would_take);
        let Some(room) = self.accounts.get_mut(account) else { return };
        if takes_none || room.left() == 0 || (group.is_none() && room.left() >= percent) {
            return;
        }
        room.keep(percent);
        if let Some(group) = group.and_then(|id| self.groups.get_mut(&id)) {
            group.room.keep(percent);
        }
        self.keeps = true;
    }
}
