//! From a free place to a person who is offered it: offers, and the run that walks the queue.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::{
    account::AccountKey,
    calendar::Timestamp,
    capacity::PlaceGroup,
    ids::{EntryId, OfferId, PlaceGroupId, PlacementId},
    ledger::Ledger,
    refusal::Stop,
    waitlist::{Entry, Sealed},
};

pub use crate::domain::out_of_turn::{OutOfTurn, OutOfTurnReason};
pub use crate::domain::placement::{End, Leave, Outcome, Placement, PlacementState, Share};

/// One place held for one entry: a proposal (forslag) until a named person confirms
/// it, an offer (tilbud) from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The offer.
    pub offer_id: OfferId,
    /// For whom.
    pub entry_id: EntryId,
    /// Where.
    pub place_group_id: PlaceGroupId,
    /// The second account it is debited to.
    pub account: AccountKey,
    /// The share of a place, 1-100.
    pub participation_percent: u32,
    /// When it was proposed.
    pub proposed_time: Timestamp,
    /// The log row that decided it.
    pub proposed_seq: u64,
    /// Why a named person chose somebody out of turn (utenfor tur); `None` where the order did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_turn: Option<OutOfTurn>,
    /// Until when the provider may object; set when it becomes an offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_by: Option<Timestamp>,
    /// The provider's objection (innsigelse), and what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objection: Option<Objection>,
    /// That the answer deadline was extended, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// When it was declined or expired; kept where the measure type says for how long a mistake
    /// may be corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub let_go: Option<LetGo>,
    /// Where it stands.
    pub state: OfferState,
}

/// That an offer was declined or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo {
    /// When.
    pub time: Timestamp,
    /// Whether the measure type's decline rule counted it.
    pub counted: bool,
}

impl Offer {
    /// Whether a provider's objection waits for the office. While it does no deadline runs:
    /// the objection must not cost the person the offer.
    pub fn is_objected_to(&self) -> bool {
        self.state.reserves() && self.objection.as_ref().is_some_and(Objection::is_open)
    }
}

/// What a provider has against a person it was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// Why, by code.
    pub code: ObjectionCode,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// Who objected.
    pub objected_by: String,
    /// When.
    pub objected_time: Timestamp,
    /// What the office decided; `None` while it has not.
    pub resolution: Option<Resolution>,
}

impl Objection {
    /// Whether the office has yet to decide on it.
    pub fn is_open(&self) -> bool {
        self.resolution.is_none()
    }
}

/// Why a provider objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ObjectionCode {
    /// The place is not free after all.
    NotAvailable,
    /// The work field does not suit.
    WorkField,
    /// The safety of the person or of others.
    Safety,
    /// The group is closed, or about to be.
    Closed,
    /// Something else, told in words.
    Other,
}

/// What an office decided on an objection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// Whether the provider was right: then the place is given back.
    pub upheld: bool,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// Who decided.
    pub resolved_by: String,
    /// When.
    pub resolved_time: Timestamp,
}

/// That an offer's answer deadline was extended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Why, in words.
    pub text: Option<Sealed>,
    /// Who extended it.
    pub extended_by: String,
    /// The deadline before.
    pub answer_by_before: Timestamp,
}

/// Where a proposal or offer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OfferState {
    /// Proposed by rule.
    Proposed {
        /// It lapses then.
        confirm_by: Timestamp,
    },
    /// Confirmed by a named person.
    Offered {
        /// It expires then.
        answer_by: Timestamp,
        /// Who confirmed it.
        confirmed_by: String,
    },
    /// The person said yes.
    Accepted {
        /// When.
        accepted_time: Timestamp,
    },
    /// The person said no.
    Declined {
        /// Why.
        reason: Option<Sealed>,
    },
    /// Nobody answered in time.
    Expired,
    /// Nobody confirmed it in time.
    Lapsed,
    /// The placement has begun.
    Started {
        /// Which.
        placement_id: PlacementId,
    },
    /// The person left the waitlist first.
    Withdrawn {
        /// Whether it had been confirmed: an offer, and not a proposal any more.
        was_offered: bool,
    },
    /// The provider objected and the office agreed; the place was given back.
    Objected,
}

impl OfferState {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Proposed { .. } => "PROPOSED",
            Self::Offered { .. } => "OFFERED",
            Self::Accepted { .. } => "ACCEPTED",
            Self::Declined { .. } => "DECLINED",
            Self::Expired => "EXPIRED",
            Self::Lapsed => "LAPSED",
            Self::Started { .. } => "STARTED",
            Self::Withdrawn { .. } => "WITHDRAWN",
            Self::Objected => "OBJECTED",
        }
    }

    /// Whether it was ever more than a proposal: a provider learns of nothing else.
    pub fn was_offered(&self) -> bool {
        match self {
            Self::Proposed { .. } | Self::Lapsed => false,
            Self::Withdrawn { was_offered } => *was_offered,
            Self::Offered { .. }
            | Self::Accepted { .. }
            | Self::Declined { .. }
            | Self::Expired
            | Self::Started { .. }
            | Self::Objected => true,
        }
    }

    /// Whether it holds a reservation on both accounts (I8).
    pub fn reserves(&self) -> bool {
        match self {
            Self::Proposed { .. } | Self::Offered { .. } | Self::Accepted { .. } => true,
            Self::Declined { .. }
            | Self::Expired
            | Self::Lapsed
            | Self::Started { .. }
            | Self::Withdrawn { .. }
            | Self::Objected => false,
        }
    }
}

/// Why someone who stood ahead was not served (I6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PassedOverReason {
    /// The quota or pool has no room.
    NoQuota,
    /// No free place in a group the person would take.
    NoAcceptablePlace,
    /// Some room is free, but less than the person's share.
    ParticipationDoesNotFit,
    /// No free place in a wanted work field.
    WorkField,
    /// The person has said no to each group that is free.
    DeclinedHere,
    /// The provider of each group that is free has objected to the person.
    ObjectedHere,
    /// The person's own offer there was withdrawn just now, and the place is passed on.
    OfferWithdrawn,
}

/// Why a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunEnd {
    /// As many proposals as were asked for.
    AllProposed,
    /// No place group in question has room.
    NoFreePlace,
    /// No second account has room.
    NoQuota,
    /// Nobody eligible was left who could take what is free.
    NobodyEligible,
}

/// How many of the passed over a decision names; it counts them all.
pub const PASSED_OVER_NAMED: usize = 100;

/// What a run decided, and who was passed over: eligible, ahead of the last one
/// served, and not served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Why it stopped.
    pub end: RunEnd,
    /// The first [`PASSED_OVER_NAMED`] of them.
    pub passed_over: Vec<(EntryId, PassedOverReason)>,
    /// All of them, by reason.
    pub passed_over_counts: BTreeMap<PassedOverReason, u64>,
}

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
}

impl RunScope {
    /// A run over all groups, to so many at most.
    pub fn all(at: Timestamp, max: usize) -> Self {
        Self { at, max, percent: None, only_groups: BTreeSet::new(), not_to: None }
    }
}

/// Walks the ledger's one order over all its queues and gives each eligible entry
/// its first acceptable place group, if both accounts have room, until as many as may be
/// are served or nothing is left to give.
pub fn run(ledger: &Ledger, scope: &RunScope) -> Result<(Vec<Served>, RunReport), Stop> {
    run_watched(ledger, scope, |_, _| {})
}

/// The same run; `watch` is told of each judgement as it is made.
pub fn run_watched(
    ledger: &Ledger,
    scope: &RunScope,
    mut watch: impl FnMut(EntryId, Result<(), PassedOverReason>),
) -> Result<(Vec<Served>, RunReport), Stop> {
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
        let judged = room.give(ledger, scope, entry);
        watch(entry.entry_id, judged.as_ref().map(drop).map_err(|reason| *reason));
        match judged {
            Ok(one) => {
                served.push(one);
                report.pass_over(&mut waiting_judgement);
            }
            Err(reason) => waiting_judgement.push((entry.entry_id, reason)),
        }
    }
    Ok((served, report))
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

/// What is free while a run goes on.
struct Room<'a> {
    groups: BTreeMap<PlaceGroupId, (&'a PlaceGroup, i64)>,
    accounts: BTreeMap<AccountKey, i64>,
    /// What the run itself may still give.
    left: i64,
}

impl<'a> Room<'a> {
    fn new(ledger: &'a Ledger, scope: &RunScope) -> Self {
        let only = &scope.only_groups;
        let wanted = |id: &PlaceGroupId| only.is_empty() || only.contains(id);
        let today = scope.at.date_in_norway();
        let groups = ledger
            .place_groups()
            .filter(|group| wanted(&group.place_group_id) && !group.is_closed(today))
            .map(|group| {
                let free = ledger.account(&AccountKey::PlaceGroup(group.place_group_id)).free();
                (group.place_group_id, (group, free))
            })
            .filter(|(_, (_, free))| *free > 0)
            .collect();
        let accounts = ledger.second_accounts().map(|(key, a)| (key.clone(), a.free())).collect();
        Self { groups, accounts, left: scope.percent.unwrap_or(i64::MAX) }
    }

    fn nothing_left(&self) -> Option<RunEnd> {
        if self.left <= 0 {
            Some(RunEnd::AllProposed)
        } else if self.groups.values().all(|(_, free)| *free == 0) {
            Some(RunEnd::NoFreePlace)
        } else if self.accounts.values().all(|free| *free == 0) {
            Some(RunEnd::NoQuota)
        } else {
            None
        }
    }

    fn give(
        &mut self,
        ledger: &Ledger,
        scope: &RunScope,
        entry: &Entry,
    ) -> Result<Served, PassedOverReason> {
        let percent = i64::from(entry.participation_percent);
        if scope.not_to == Some(entry.entry_id) {
            return Err(PassedOverReason::OfferWithdrawn);
        }
        let account = ledger.queue_of(entry).account();
        let account_free = self.accounts.get(&account).copied().unwrap_or(0);
        if account_free == 0 {
            return Err(PassedOverReason::NoQuota);
        }
        if account_free.min(self.left) < percent {
            return Err(PassedOverReason::ParticipationDoesNotFit);
        }
        let place_group_id = self.first_acceptable(entry, scope.at)?;
        if let Some((_, free)) = self.groups.get_mut(&place_group_id) {
            *free -= percent;
        }
        self.accounts.insert(account.clone(), account_free - percent);
        self.left = self.left.saturating_sub(percent);
        Ok(Served {
            entry_id: entry.entry_id,
            place_group_id,
            account,
            participation_percent: entry.participation_percent,
        })
    }

    /// Narrows the groups with any room down, step by step; the step at which none
    /// is left is the reason.
    fn first_acceptable(
        &self,
        entry: &Entry,
        at: Timestamp,
    ) -> Result<PlaceGroupId, PassedOverReason> {
        let percent = i64::from(entry.participation_percent);
        let mut groups: Vec<&(&PlaceGroup, i64)> = if entry.preferred_place_groups.is_empty() {
            self.groups.values().collect()
        } else {
            entry.preferred_place_groups.iter().filter_map(|id| self.groups.get(id)).collect()
        };
        groups.retain(|(_, free)| *free > 0);
        let mut narrow = |keep: &dyn Fn(&PlaceGroup, i64) -> bool, reason| {
            groups.retain(|(group, free)| keep(group, *free));
            if groups.is_empty() { Err(reason) } else { Ok(groups[0].0.place_group_id) }
        };
        narrow(&|_, _| true, PassedOverReason::NoAcceptablePlace)?;
        narrow(&|group, _| offers_wanted_work(group, entry), PassedOverReason::WorkField)?;
        narrow(
            &|group, _| !entry.declined_here.contains(&group.place_group_id),
            PassedOverReason::DeclinedHere,
        )?;
        narrow(
            &|group, _| !entry.is_objected_to(group.place_group_id, at),
            PassedOverReason::ObjectedHere,
        )?;
        narrow(&|_, free| free >= percent, PassedOverReason::ParticipationDoesNotFit)
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

/// What a run would say at a time of an entry, if nobody stood ahead of it.
pub fn judge_alone(ledger: &Ledger, entry: &Entry, at: Timestamp) -> Result<(), PassedOverReason> {
    let scope = RunScope::all(at, 1);
    Room::new(ledger, &scope).give(ledger, &scope, entry).map(drop)
}

fn offers_wanted_work(group: &PlaceGroup, entry: &Entry) -> bool {
    entry.work_fields.is_empty()
        || entry.work_fields.iter().any(|field| group.work_fields.contains(field))
}
