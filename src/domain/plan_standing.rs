//! How a redistribution plan stands on a day: what is told of it. It follows from the ledger, the
//! registry and the day alone, so that a deadline passes without anybody having to say so.

use std::collections::BTreeMap;

use time::Date;

use crate::domain::{
    capacity::places_on,
    ids::{LedgerId, MeasureCode, MunicipalityNumber, PlanId},
    ledger::{Ledger, aim, plan_holders},
    plan::{ActivePlan, Holder, PastPlan, Plan, targets},
    redistribution::Off,
    registry::Registry,
};

/// How far a plan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanState {
    /// Proposed (utkast); municipalities may comment.
    Draft,
    /// Every affected municipality has commented, or the deadline is over (uttalt).
    Commented,
    /// Approved (vedtatt); its first day has not come.
    Approved,
    /// It steers (aktiv).
    Active,
    /// All have moved (fullført).
    Completed,
    /// Another plan has taken over, or another measure type (avløst).
    Superseded,
    /// Nobody approved it in time, or on its first day it could not be followed (bortfalt).
    Lapsed,
    /// It was taken back (trukket), before it steered or while it did.
    Withdrawn,
}

impl PlanState {
    /// Its name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "DRAFT",
            Self::Commented => "COMMENTED",
            Self::Approved => "APPROVED",
            Self::Active => "ACTIVE",
            Self::Completed => "COMPLETED",
            Self::Superseded => "SUPERSEDED",
            Self::Lapsed => "LAPSED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }

    /// Whether it steers, or may come to.
    pub fn lies_before(self) -> bool {
        match self {
            Self::Draft | Self::Commented | Self::Approved | Self::Active => true,
            Self::Completed | Self::Superseded | Self::Lapsed | Self::Withdrawn => false,
        }
    }
}

/// How a plan stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanStanding {
    /// How far it has come.
    pub state: PlanState,
    /// Since when it steers, or steered.
    pub begun: Option<Date>,
    /// Since when it does not any more.
    pub ended: Option<Date>,
    /// The plan that took over.
    pub superseded_by: Option<PlanId>,
    /// The measure type that took over.
    pub superseded_by_measure: Option<MeasureCode>,
    /// The places that are shared out.
    pub places: u32,
    /// How many have yet to move from who holds more than the target (D).
    pub remaining: u64,
    /// How many were to move when it began; before, as `remaining`.
    pub distance: u64,
    /// How many have moved.
    pub moved: u32,
    /// By municipality number, or by host; none of a plan that steers no more, of which the log
    /// tells.
    pub areas: Vec<AreaStanding>,
}

/// How a municipality stands in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaStanding {
    /// Whose weight, what it holds and may come to hold.
    pub holder: Holder,
    /// The places it is entitled to.
    pub target: u64,
    /// What it held when the plan began; before, what it holds.
    pub held_at_start: u64,
    /// How many it has given to others.
    pub given: u32,
    /// How many it has got.
    pub got: u32,
}

/// The municipalities that a plan of a ledger affects: all of its area, by number.
pub fn affected<'a>(
    id: &'a LedgerId,
    registry: &'a Registry,
) -> impl Iterator<Item = &'a MunicipalityNumber> {
    registry.municipalities_of(&id.county_id).map(|municipality| &municipality.municipality_number)
}

/// How far a plan has come by a day.
pub fn state(ledger: &Ledger, plan: &Plan, registry: &Registry, today: Date) -> PlanState {
    let (id, book) = (ledger.id(), &ledger.frame().plans);
    if plan.withdrawal.is_some() {
        return PlanState::Withdrawn;
    }
    if let Some(past) = past(ledger, plan) {
        return if past.superseded_by.is_some() {
            PlanState::Superseded
        } else if past.lapsed {
            PlanState::Lapsed
        } else {
            PlanState::Completed
        };
    }
    let is_superseded = superseded(ledger, registry, today).is_some();
    match (&book.active, &plan.approval) {
        (Some(active), _) if active.plan_id == plan.plan_id && is_superseded => {
            PlanState::Superseded
        }
        (Some(active), _) if active.plan_id == plan.plan_id => PlanState::Active,
        (_, Some(_)) if is_superseded => PlanState::Lapsed,
        (_, Some(_)) => PlanState::Approved,
        (_, None) if is_superseded || plan.terms.approved_until() < today => PlanState::Lapsed,
        (_, None) if plan.terms.comment_until < today => PlanState::Commented,
        (_, None) => {
            let all = affected(id, registry).all(|number| plan.comments.contains_key(number));
            if all { PlanState::Commented } else { PlanState::Draft }
        }
    }
}

/// How a plan stands on a day.
pub fn standing(ledger: &Ledger, plan: &Plan, registry: &Registry, today: Date) -> PlanStanding {
    let frame = ledger.frame();
    let state = state(ledger, plan, registry, today);
    let active = frame.plans.active.as_ref().filter(|active| active.plan_id == plan.plan_id);
    let past = past(ledger, plan);
    let taken_over = superseded(ledger, registry, today).filter(|_| active.is_some());
    let places = active.map_or_else(|| places_on(&frame.budgets, today), |active| active.places);
    let holders = plan_holders(ledger, &plan.terms, registry, today);
    // The registry may have changed since the ledger's last row: its next one will follow that.
    let as_of_today = active.map(|active| {
        let fresh = aim(ledger, active, registry, today).targets;
        ActivePlan { targets: fresh.unwrap_or_else(|| active.targets.clone()), ..active.clone() }
    });
    let areas = areas(plan, as_of_today.as_ref(), places, holders);
    let remaining = Off::of(areas.iter().map(|area| (area.holder.held, area.target))).distance();
    let was = active.map(|active| (active.begun, active.distance, active.moved));
    let was = was.or(past.map(|past| (past.begun, past.distance, past.moved)));
    let begun = was.map(|(begun, ..)| begun).filter(|_| past.is_none_or(|past| !past.lapsed));
    let ended = past.map(|past| past.ended).or(taken_over.as_ref().map(|(_, from)| *from));
    PlanStanding {
        state,
        begun,
        ended,
        superseded_by: past.and_then(|past| past.superseded_by),
        superseded_by_measure: taken_over.map(|(code, _)| code),
        places,
        remaining: if state == PlanState::Completed { 0 } else { remaining },
        distance: was.map_or(remaining, |(_, distance, _)| distance),
        moved: was.map_or(0, |(.., moved)| moved),
        areas: if past.is_some() { Vec::new() } else { areas },
    }
}

/// The measure type that has taken over from a ledger's by a day, and since when.
fn superseded(ledger: &Ledger, registry: &Registry, today: Date) -> Option<(MeasureCode, Date)> {
    let measure = registry.ledger_measure_on(ledger.id(), today)?;
    measure.superseded_on(today).map(|superseded| (superseded.by.clone(), superseded.from))
}

fn past<'a>(ledger: &'a Ledger, plan: &'a Plan) -> Option<&'a PastPlan> {
    let mut others = ledger.frame().plans.past.iter();
    plan.steered.as_deref().or_else(|| others.find(|past| past.plan_id == plan.plan_id))
}

fn areas(
    plan: &Plan,
    active: Option<&ActivePlan>,
    places: u32,
    holders: Vec<Holder>,
) -> Vec<AreaStanding> {
    let fresh = || -> BTreeMap<MunicipalityNumber, u64> {
        let told = targets(plan.terms.method, u64::from(places), &holders).unwrap_or_default();
        let numbers = holders.iter().map(|holder| holder.municipality_number.clone());
        numbers.zip(told).collect()
    };
    let targets = active.map_or_else(fresh, |active| {
        active.targets.iter().map(|(number, target)| (number.clone(), (*target).into())).collect()
    });
    let of_one = |holder: Holder| {
        let number = &holder.municipality_number;
        let count = |of: &BTreeMap<MunicipalityNumber, u32>| of.get(number).copied().unwrap_or(0);
        AreaStanding {
            target: targets.get(number).copied().unwrap_or(0),
            held_at_start: active.map_or(holder.held, |plan| count(&plan.held_at_start).into()),
            given: active.map_or(0, |plan| count(&plan.given)),
            got: active.map_or(0, |plan| count(&plan.got)),
            holder,
        }
    };
    holders.into_iter().map(of_one).collect()
}
