//! Redistribution plans (omfordelingsplaner): how the quotas of an area are brought to the fair
//! shares, year by year, by places that become free or are new.

mod progress;

pub use progress::{
    CHANGES_KEPT, ChangeCause, Pace, PlanChange, STEPS_KEPT, Stayed, Step, YearOfPlan, ended_as,
};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Date, Duration, Month};

use crate::domain::{
    apportionment::{Area, Method, apportion},
    calendar::Timestamp,
    ids::{MunicipalityNumber, PlanId},
    redistribution::{Ground, Steering, cap, goal},
};

/// What is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTerms {
    /// What it is called.
    pub name: String,
    /// The divisor method of the targets.
    pub method: Method,
    /// The distribution key of the targets.
    pub key_name: String,
    /// The date of its dataset; `None` follows the latest there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_date: Option<Date>,
    /// The first day on which it steers.
    pub start_date: Date,
    /// In how many years all shall have moved.
    pub horizon_years: u32,
    /// Until when the municipalities may comment.
    pub comment_until: Date,
    /// Whether no more than the goal of each year moves; otherwise the goals are a yardstick.
    #[serde(default)]
    pub pace_is_goal: bool,
    /// How much of what it held at the start an area may give a year, in hundredths of a per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_basis_points: Option<u32>,
    /// Whether an area at or below its target keeps what is freed there.
    pub protect_at_target: bool,
    /// The most places a municipality may come to hold: what it co-finances.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub committed_places: BTreeMap<MunicipalityNumber, u32>,
    /// How many months a placement lasts on the average, for the forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_stay_months: Option<u32>,
    /// How many new places are expected a year, for the forecast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_places_a_year: Option<u32>,
    /// What is saved a year when all have moved, in whole kroner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saving_nok_a_year: Option<u64>,
    /// The rate by which coming years' savings are discounted, in hundredths of a per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_basis_points: Option<u32>,
}

/// How long after its first day and the last day for comments a plan may still be approved: who
/// spoke of it spoke of the figures of then.
pub const APPROVED_WITHIN: Duration = Duration::days(366);

impl PlanTerms {
    /// The last day on which it may be approved.
    pub fn approved_until(&self) -> Date {
        self.start_date.max(self.comment_until).saturating_add(APPROVED_WITHIN)
    }
}

/// A plan, with what was said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The plan.
    pub plan_id: PlanId,
    /// What is planned.
    pub terms: PlanTerms,
    /// Who proposed it.
    pub proposed_by: String,
    /// Their name, where their token has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_by_name: Option<String>,
    /// The municipality that they proposed it for; `None` for the county.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_by_municipality: Option<MunicipalityNumber>,
    /// When.
    pub proposed_time: Timestamp,
    /// What each affected municipality says of it; the latest of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub comments: BTreeMap<MunicipalityNumber, Comment>,
    /// That it was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// That it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawal: Option<Withdrawal>,
    /// What it was like then, if it steered. It stands here and not among those that steered, of
    /// which a ledger has a bounded number: else plans that are taken back would use that up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steered: Option<Box<PastPlan>>,
}

/// A municipality's comment (uttalelse).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// What it thinks of it.
    pub view: View,
    /// Why, in words; not about a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Who says so.
    pub commented_by: String,
    /// Their name, where their token has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commented_by_name: Option<String>,
    /// When.
    pub commented_time: Timestamp,
}

/// What a municipality thinks of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum View {
    /// It agrees (enig).
    Agrees,
    /// It agrees, with a remark (enig med merknad).
    AgreesWithRemark,
    /// It does not agree (uenig), and says why.
    Disagrees,
}

/// The approval of a plan, by another person than its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub approved_by: String,
    /// Their name, where their token has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by_name: Option<String>,
    /// When.
    pub approved_time: Timestamp,
    /// Why against the view of a municipality that does not agree; all see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_against_views: Option<String>,
    /// The affected municipalities that had said nothing by then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<MunicipalityNumber>,
}

/// That a plan was taken back (trukket): before it steered, or while it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Who.
    pub withdrawn_by: String,
    /// Their name, where their token has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_by_name: Option<String>,
    /// When.
    pub withdrawn_time: Timestamp,
    /// Why, in words; not about a person.
    pub reason: String,
}

/// What a ledger knows of its plans: those that are to steer, the one that does, and those that did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanBook {
    /// Those that are not approved, and the last day on which each may be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub drafts: BTreeMap<PlanId, Date>,
    /// Whose they are, of those that a municipality proposed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub drafts_of: BTreeMap<PlanId, MunicipalityNumber>,
    /// Those that are approved and have not begun, and their first days.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub approved: BTreeMap<PlanId, Date>,
    /// The one that steers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<ActivePlan>,
    /// Those that steered, or on their first day could not, in the order they ended; not those that
    /// were taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<PastPlan>,
}

/// A plan that steers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivePlan {
    /// Which.
    pub plan_id: PlanId,
    /// What is planned.
    pub terms: PlanTerms,
    /// Since when.
    pub begun: Date,
    /// How many places are to move in all: what has moved, and what had yet to when the targets
    /// were last computed (D at first).
    pub distance: u64,
    /// What each municipality held then.
    pub held_at_start: BTreeMap<MunicipalityNumber, u32>,
    /// The places that are shared out: the budget as the targets were computed by.
    pub places: u32,
    /// The targets as they are.
    pub targets: BTreeMap<MunicipalityNumber, u32>,
    /// How many places each has given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<MunicipalityNumber, u32>,
    /// How many places each has got.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub got: BTreeMap<MunicipalityNumber, u32>,
    /// How many have moved from one to another.
    #[serde(default)]
    pub moved: u32,
    /// The date of the dataset that the targets were computed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_date: Option<Date>,
    /// How many places that became free stayed where they were, and why.
    #[serde(default, skip_serializing_if = "Stayed::is_empty")]
    pub stayed: Stayed,
    /// How many places of municipalities above their targets have become free so far.
    #[serde(default)]
    pub vacancies_seen: u32,
    /// The latest changes under way, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PlanChange>,
    /// The latest redirections, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latest: Vec<Step>,
}

/// A plan that steers no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastPlan {
    /// Which.
    pub plan_id: PlanId,
    /// Since when it steered.
    pub begun: Date,
    /// Since when it does not.
    pub ended: Date,
    /// The plan that took over; `None` where all had moved, or it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<PlanId>,
    /// How many places were to move when it began (D).
    #[serde(default)]
    pub distance: u64,
    /// How many places moved from one municipality to another.
    pub moved: u32,
    /// What it was like then; kept of the latest ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_as: Option<Box<ActivePlan>>,
    /// Whether it never steered: on its first day it could not be followed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lapsed: bool,
}

/// One redirection (kanalisering): where a place went, and what it was decided by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirected {
    /// By which plan.
    pub plan_id: PlanId,
    /// Since when.
    pub date: Date,
    /// Whose it was; `None` for a new place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_municipality: Option<MunicipalityNumber>,
    /// Whose it is; `None` where nobody may take a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_municipality: Option<MunicipalityNumber>,
    /// Whether it stood free before, and nobody has left it now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stood_free: bool,
    /// Why.
    pub ground: Ground,
    /// The greatest claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Priority>,
    /// The next greatest, of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_up: Option<Priority>,
    /// How many places have yet to move, after this one (D).
    pub remaining: u64,
    /// How many more its municipality may give now; `None` without a cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_give: Option<u64>,
    /// How many more may move in all now; `None` without a ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_move: Option<u64>,
}

/// A claim to a place as it was decided by: weight / d(places held).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priority {
    /// Whose.
    pub municipality_number: MunicipalityNumber,
    /// Its weight in the distribution key.
    pub weight: u64,
    /// The places it held.
    pub held: u64,
    /// The places it is entitled to.
    pub target: u64,
}

impl PlanBook {
    /// Whether there has never been a plan.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How many may still be approved on a day.
    pub fn open_drafts(&self, day: Date) -> usize {
        self.drafts.values().filter(|until| **until >= day).count()
    }

    /// Whose those are that municipalities proposed.
    pub fn municipal_drafts(&self, day: Date) -> impl Iterator<Item = &MunicipalityNumber> {
        let is_open = move |id: &PlanId| self.drafts.get(id).is_some_and(|until| *until >= day);
        self.drafts_of.iter().filter(move |(id, _)| is_open(id)).map(|(_, number)| number)
    }

    /// A plan is no draft any more.
    pub fn forget_draft(&mut self, plan_id: PlanId) {
        self.drafts.remove(&plan_id);
        self.drafts_of.remove(&plan_id);
    }

    /// How many there are that are approved, steer or have ended.
    pub fn decided(&self) -> usize {
        self.approved.len() + usize::from(self.active.is_some()) + self.past.len()
    }

    /// Whether a plan steers or has steered.
    pub fn knows(&self, plan_id: PlanId) -> bool {
        self.active.as_ref().is_some_and(|plan| plan.plan_id == plan_id)
            || self.past.iter().any(|plan| plan.plan_id == plan_id)
    }
}

impl ActivePlan {
    /// The year of the plan a day lies in, 1 in the first.
    pub fn year_on(&self, day: Date) -> u32 {
        year_of(self.terms.start_date.max(self.begun), day)
    }

    /// How many more places may move by then, and why not more; `None` without a ceiling.
    pub fn may_move(&self, day: Date) -> Option<u64> {
        self.terms.pace_is_goal.then(|| {
            let goal = goal(self.distance, self.year_on(day), self.terms.horizon_years);
            goal.saturating_sub(u64::from(self.moved))
        })
    }

    /// How many more a municipality may give by then.
    pub fn may_give(&self, number: &MunicipalityNumber, day: Date) -> Option<u64> {
        let basis_points = self.terms.cap_basis_points?;
        let held = self.held_at_start.get(number).copied().unwrap_or(0);
        let given = self.given.get(number).copied().unwrap_or(0);
        let cap = cap(u64::from(held), basis_points, self.year_on(day));
        Some(cap.saturating_sub(u64::from(given)))
    }

    /// Counts a place that went from one municipality to another, or came to one.
    pub fn count(&mut self, redirected: &Redirected) {
        let add = |to: &mut BTreeMap<MunicipalityNumber, u32>, number: &MunicipalityNumber| {
            *to.entry(number.clone()).or_default() += 1;
        };
        if let Some(number) = &redirected.from_municipality {
            add(&mut self.given, number);
            self.moved += 1;
        }
        if let Some(number) = &redirected.to_municipality {
            add(&mut self.got, number);
        }
    }

    /// How it steers on a day.
    pub fn steering(&self, day: Date) -> Steering {
        Steering {
            method: self.terms.method,
            protect_at_target: self.terms.protect_at_target,
            may_move: self.may_move(day),
        }
    }
}

/// The year of a plan that began on a day, 1 in the first.
pub fn year_of(begun: Date, day: Date) -> u32 {
    let months = |date: Date| date.year() * 12 + i32::from(u8::from(date.month()));
    let mut whole = months(day) - months(begun);
    if day.day() < begun.day() && !is_last_of_february(begun, day) {
        whole -= 1;
    }
    u32::try_from(whole.max(0) / 12).unwrap_or(0) + 1
}

/// The last day of a year of a plan that began on a day: the next year begins the day after.
pub fn last_day_of(begun: Date, year: u32) -> Date {
    let years = i32::try_from(year).unwrap_or(i32::MAX);
    let next = begun.year().saturating_add(years);
    // 29 February has its day in other years on the 28th.
    let begins = begun
        .replace_year(next)
        .or_else(|_| Date::from_calendar_date(next, begun.month(), begun.day().saturating_sub(1)));
    begins.ok().and_then(Date::previous_day).unwrap_or(Date::MAX)
}

/// A year that began on 29 February is over on 28 February.
fn is_last_of_february(begun: Date, day: Date) -> bool {
    begun.month() == Month::February
        && begun.day() == 29
        && day.month() == Month::February
        && day.day() == 28
        && day.next_day().is_some_and(|next| next.month() == Month::March)
}

/// What municipalities hold, by what each weighs and may hold at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Which.
    pub municipality_number: MunicipalityNumber,
    /// Its weight in the distribution key.
    pub weight: u64,
    /// The places it holds.
    pub held: u64,
    /// The most it may come to hold.
    pub maximum: Option<u64>,
}

/// The targets of so many places; `None` where they cannot be shared out so.
pub fn targets(method: Method, places: u64, holders: &[Holder]) -> Option<Vec<u64>> {
    let area =
        |holder: &Holder| Area { weight: holder.weight, min_seats: 0, max_seats: holder.maximum };
    let areas: Vec<Area> = holders.iter().map(area).collect();
    let answer = apportion(method, places, &areas).ok()?;
    Some(answer.shares.iter().map(|share| share.seats).collect())
}
