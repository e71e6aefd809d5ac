//! The run: it walks the queue and gives each eligible person the first place they would take.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    account::AccountKey,
    allocation::{PASSED_OVER_NAMED, PassedOverReason, RunEnd, RunReport, room::Room},
    calendar::Timestamp,
    capacity::PlaceGroup,
    ids::{EntryId, PlaceGroupId},
    ledger::Ledger,
    measure::{MeasureType, ProviderChoice},
    refusal::Stop,
    waitlist::Entry,
};

/// Someone served: the entry, its place group and its second account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Whom.
    pub entry_id: EntryId,
    /// Where.
    pub place_group_id: PlaceGroupId,
    /// From which second account.
    pub account: AccountKey,
    /// The share of a place.
    pub participation_percent: u32,
}

/// What a run may give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunScope {
    /// When it is made: what is closed then, and whose objection still holds.
    pub at: Timestamp,
    /// To so many at most.
    pub max: usize,
    /// So much at most, in per cents of a place; `None` for all that is free.
    pub percent: Option<i64>,
    /// Only places in these groups; none means all.
    pub only_groups: BTreeSet<PlaceGroupId>,
    /// Whom it passes over, since their own offer was withdrawn just now.
    pub not_to: Option<EntryId>,
    /// What the measure type says of runs.
    pub rules: RunRules,
}

impl RunScope {
    /// A run over all groups, to so many at most.
    pub fn all(at: Timestamp, max: usize, rules: RunRules) -> Self {
        Self { at, max, percent: None, only_groups: BTreeSet::new(), not_to: None, rules }
    }
}

/// The first rules by which it counts who chooses among providers.
const CHOICE_RULES: u32 = 3;

/// What a measure type says of its runs. The default is that of one that says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunRules {
    /// Which of the groups that a person would take comes first.
    pub choice: ProviderChoice,
    /// After more passes than this over somebody whose share does not fit, what becomes free
    /// is kept for them; `None`: never.
    pub reserve_after_passes: Option<u32>,
}

impl RunRules {
    /// Of a version of a measure type, if there is one, as rules of a version have it.
    pub fn of(measure: Option<&MeasureType>, rules: u32) -> Self {
        measure.map_or_else(Self::default, |measure| Self {
            choice: measure
                .rules
                .provider_choice
                .filter(|_| rules >= CHOICE_RULES)
                .unwrap_or_default(),
            reserve_after_passes: measure.rules.reserve_after_passes,
        })
    }
}

/// What a run left free and kept for somebody, by account.
pub type Kept = BTreeMap<AccountKey, i64>;

/// Walks the ledger's one order over all its queues and gives each eligible entry
/// its first acceptable place group, if both accounts have room, until as many as may be
/// are served or nothing is left to give.
///
/// Whoever reserves fractions and cannot be served has what is free set aside, up to their
/// share, on their second account and in one group. Those ahead of them have been served by
/// then, and nobody behind them takes it.
pub fn run(ledger: &Ledger, scope: &RunScope) -> Result<(Vec<Served>, RunReport), Stop> {
    run_watched(ledger, scope, |_, _| {})
}

/// The same run; `watch` is told of each judgement as it is made.
pub fn run_watched(
    ledger: &Ledger,
    scope: &RunScope,
    watch: impl FnMut(EntryId, Result<(), PassedOverReason>),
) -> Result<(Vec<Served>, RunReport), Stop> {
    let (served, report, _) = walk(ledger, scope, watch)?;
    Ok((served, report))
}

/// The same run; whom it served, and what it kept.
pub fn run_and_keep(ledger: &Ledger, scope: &RunScope) -> Result<(Vec<Served>, Kept), Stop> {
    let (served, _, room) = walk(ledger, scope, |_, _| {})?;
    Ok((served, room.kept()))
}

fn walk<'a>(
    ledger: &'a Ledger,
    scope: &RunScope,
    mut watch: impl FnMut(EntryId, Result<(), PassedOverReason>),
) -> Result<(Vec<Served>, RunReport, Room<'a>), Stop> {
    let mut room = Room::new(ledger, scope);
    let mut walk = ledger.walk();
    let mut served = Vec::new();
    let mut waiting_judgement = Vec::new();
    let mut report = RunReport {
        end: RunEnd::AllProposed,
        passed_over: Vec::new(),
        passed_over_counts: BTreeMap::new(),
    };
    while served.len() < scope.max {
        if let Some(end) = room.nothing_left() {
            report.end = end;
            break;
        }
        let Some(entry) = walk.next_eligible()? else {
            report.end = RunEnd::NobodyEligible;
            break;
        };
        let judged = room.give(entry);
        watch(entry.entry_id, judged.as_ref().map(drop).map_err(|reason| *reason));
        match judged {
            Ok(one) => {
                served.push(one);
                report.pass_over(&mut waiting_judgement);
            }
            Err(reason) => waiting_judgement.push((entry.entry_id, reason)),
        }
    }
    Ok((served, report, room))
}

impl RunReport {
    /// Whoever stands before one who was served has been passed over.
    fn pass_over(&mut self, judged: &mut Vec<(EntryId, PassedOverReason)>) {
        for (entry_id, reason) in judged.drain(..) {
            *self.passed_over_counts.entry(reason).or_default() += 1;
            if self.passed_over.len() < PASSED_OVER_NAMED {
                self.passed_over.push((entry_id, reason));
            }
        }
    }
}

/// Whether a run would give a person a place in a group, if it had room for the whole share.
pub fn would_take(group: &PlaceGroup, entry: &Entry, at: Timestamp) -> bool {
    let preferred = &entry.preferred_place_groups;
    (preferred.is_empty() || preferred.contains(&group.place_group_id))
        && offers_wanted_work(group, entry)
        && !entry.declined_here.contains(&group.place_group_id)
        && !entry.is_objected_to(group.place_group_id, at)
}

/// What a run would say of an entry, if nobody stood ahead of it. Whatever the measure type
/// says of runs, it is the same: that orders the groups a person would take, and keeps what is
/// free from those behind.
pub fn judge_alone(l: &Ledger, scope: &RunScope, entry: &Entry) -> Result<(), PassedOverReason> {
    Room::new(l, scope).give(entry).map(drop)
}

pub(super) fn offers_wanted_work(group: &PlaceGroup, entry: &Entry) -> bool {
    entry.work_fields.is_empty()
        || entry.work_fields.iter().any(|field| group.work_fields.contains(field))
}
