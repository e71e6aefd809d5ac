//! How a plan goes on: what it has moved and kept back, and changes under way (endringer
//! underveis) of what it aims at.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    ids::MunicipalityNumber,
    plan::{ActivePlan, Redirected, last_day_of},
    redistribution::{Ground, goal},
};

/// How many of the latest changes under way a plan keeps; all are in the log.
pub const CHANGES_KEPT: usize = 100;

/// How many of the latest redirections a plan keeps; all are in the log.
pub const STEPS_KEPT: usize = 100;

/// Since when a plan aims at other targets than before, and why. Nothing that has moved is taken
/// back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChange {
    /// Since when.
    pub date: Date,
    /// Why.
    pub causes: BTreeSet<ChangeCause>,
    /// The date of the distribution key's dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_date: Option<Date>,
    /// The places that are shared out from then on.
    pub places: u32,
    /// How many places had yet to move then (D).
    pub remaining: u64,
}

/// Why a plan aims at other targets, or has another way to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChangeCause {
    /// There is another place budget.
    Budget,
    /// The distribution key has a newer dataset, or other figures.
    Key,
    /// Other municipalities have quotas: one has come, gone, or is hosted by another.
    Borders,
    /// Quotas were set by hand.
    Quotas,
}

/// A redirection as a plan remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The row of the log.
    pub seq: u64,
    /// Since when.
    pub date: Date,
    /// Whose the place was; `None` for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_municipality: Option<MunicipalityNumber>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_municipality: Option<MunicipalityNumber>,
    /// Why.
    pub ground: Ground,
}

/// How a plan goes, held to the goals of its years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// More have moved than shall have at the year's end.
    Ahead,
    /// As many as shall have by now, or more.
    On,
    /// Fewer than shall have by now.
    Behind,
}

/// The year of a plan that a day lies in, with its goals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YearOfPlan {
    /// 1 in the first.
    pub year: u32,
    /// Its first day.
    pub first: Date,
    /// Its last day.
    pub last: Date,
    /// How many places shall have moved by now: what the year has to move is spread evenly over
    /// its days.
    pub goal_now: u64,
    /// How many shall have at its end.
    pub goal_at_end: u64,
}

impl ActivePlan {
    /// Aims at other targets. The goals of all years follow what has moved and what has yet to;
    /// whoever is new in the plan held at its start what it holds now.
    pub fn aim_anew<'a>(
        &mut self,
        change: PlanChange,
        targets: &BTreeMap<MunicipalityNumber, u32>,
        held: impl Iterator<Item = (&'a MunicipalityNumber, u64)>,
    ) {
        for (number, held) in held {
            let held = u32::try_from(held).unwrap_or(u32::MAX);
            self.held_at_start.entry(number.clone()).or_insert(held);
        }
        self.targets.clone_from(targets);
        self.places = change.places;
        self.key_date = change.key_date;
        self.distance = u64::from(self.moved) + change.remaining;
        keep_latest(&mut self.changes, change, CHANGES_KEPT);
    }

    /// Notes where a place went, or that it stayed. What stays since nothing else was to be is
    /// counted and not remembered one by one. `held` is what its municipality held before.
    pub fn note_step(&mut self, seq: u64, redirected: &Redirected, held: u32) {
        let Redirected { date, from_municipality, to_municipality, ground, .. } = redirected;
        if let Some(number) = from_municipality {
            let target = self.targets.get(number).copied().unwrap_or(0);
            self.vacancies_seen += u32::from(held > target && !redirected.stood_free);
        }
        if from_municipality == to_municipality {
            *self.stayed.entry(*ground).or_default() += 1;
        } else {
            self.count(redirected);
        }
        if *ground == Ground::Protected {
            return;
        }
        let step = Step {
            seq,
            date: *date,
            from_municipality: from_municipality.clone(),
            to_municipality: to_municipality.clone(),
            ground: *ground,
        };
        keep_latest(&mut self.latest, step, STEPS_KEPT);
    }

    /// The year of the plan that a day lies in.
    pub fn year_of_plan(&self, day: Date) -> YearOfPlan {
        let begun = self.terms.start_date.max(self.begun);
        let (year, years) = (self.year_on(day), self.terms.horizon_years);
        let before = (year > 1).then(|| last_day_of(begun, year - 1));
        let first = before.map_or(begun, |last| last.next_day().unwrap_or(Date::MAX));
        let last = last_day_of(begun, year);
        let before = goal(self.distance, year - 1, years);
        let goal_at_end = goal(self.distance, year, years);
        let days = |from: Date, to: Date| (to - from).whole_days().max(0).unsigned_abs();
        let (gone, whole) = (days(first, day), days(first, last).saturating_add(1));
        let so_far = u128::from(goal_at_end - before) * u128::from(gone) / u128::from(whole);
        YearOfPlan {
            year,
            first,
            last,
            goal_now: before + u64::try_from(so_far).unwrap_or(u64::MAX),
            goal_at_end,
        }
    }

    /// How it goes on a day.
    pub fn pace(&self, day: Date) -> Pace {
        let (moved, year) = (u64::from(self.moved), self.year_of_plan(day));
        if moved > year.goal_at_end {
            Pace::Ahead
        } else if moved >= year.goal_now {
            Pace::On
        } else {
            Pace::Behind
        }
    }
}

/// What a plan was like when it ended, without its latest steps.
pub fn ended_as(plan: &ActivePlan) -> ActivePlan {
    ActivePlan { latest: Vec::new(), ..plan.clone() }
}

fn keep_latest<T>(kept: &mut Vec<T>, one: T, most: usize) {
    if kept.len() >= most {
        kept.drain(..=kept.len() - most);
    }
    kept.push(one);
}

/// Counts by ground, as a plan keeps them.
pub type Stayed = BTreeMap<Ground, u32>;
