//! What an active plan makes of places that become free or are new: decided in the row that frees
//! them, with all it was decided by.
//!
//! A quota place is *freed* when a placement ends or shrinks and so many whole places more are free
//! on the quota it was debited to; what is over the quota frees nothing. It is *new* when the
//! budget rises. What a declined, lapsed or withdrawn offer gives back is not freed.

use std::collections::{BTreeMap, BTreeSet};

use time::Date;

use crate::domain::{
    account::{AccountKey, WHOLE_PLACE},
    apportionment::Claim,
    capacity::places_on,
    event::{Event, PlacementChange},
    ids::MunicipalityNumber,
    ledger::{
        Context, HISTORY_MAX, Ledger, decide_capacity::limits_on, decide_plan::holders_of,
        onward::after,
    },
    plan::{ActivePlan, Holder, Priority, Redirected, targets},
    redistribution::{Freed, Member, Redirection, redirect, remaining},
};

/// Adds to `events` what the active plan makes of the places they free and of new ones.
pub(super) fn redirected(
    ledger: &Ledger,
    mut events: Vec<Event>,
    context: &Context<'_>,
) -> Vec<Event> {
    if !events.iter().any(|event| concerns_plans(ledger, event)) {
        return events;
    }
    // A plan ends with its measure type: nobody gets a place of it any more.
    let measure = context.measure(ledger);
    if !measure.is_ok_and(|measure| context.require_current(measure).is_ok()) {
        return events;
    }
    let after = after(ledger, &events);
    let Some(plan) = &after.frame.plans.active else { return events };
    let begins =
        ledger.frame.plans.active.as_ref().map(|before| before.plan_id) != Some(plan.plan_id);
    let mut work = Work::new(&after, plan.clone(), context);
    work.aim();
    if begins {
        work.begin();
    } else {
        work.new_places(plan.places);
        for (number, places) in freed(ledger, &after, &events) {
            work.freed(&number, places);
        }
    }
    events.extend(work.finish());
    events
}

/// Whether an event may free a place, make new ones, or begin a plan; where no plan steers only
/// the last counts.
fn concerns_plans(ledger: &Ledger, event: &Event) -> bool {
    matches!(event, Event::PlanBegun { .. })
        || ledger.frame.plans.active.is_some()
            && matches!(
                event,
                Event::PlacementEnded { .. }
                    | Event::PlacementChanged { .. }
                    | Event::PlaceBudgetSet { .. }
                    | Event::QuotasSet { .. }
                    | Event::LimitsSet { .. }
            )
}

/// How many whole places more are free on each quota that placements of these events were debited
/// to, since they ended or shrank.
fn freed(before: &Ledger, after: &Ledger, events: &[Event]) -> BTreeMap<MunicipalityNumber, u64> {
    let ended = |event: &Event| {
        if let Event::PlacementEnded { placement_id, .. } = event {
            before.placement(*placement_id).map(|placement| placement.account.clone())
        } else if let Event::PlacementChanged { placement, change: PlacementChange::Share } = event
        {
            Some(placement.account.clone())
        } else {
            None
        }
    };
    let accounts: BTreeSet<AccountKey> = events.iter().filter_map(ended).collect();
    let risen = |key: AccountKey| {
        let AccountKey::Quota(number) = key.clone() else { return None };
        let (was, is) = (before.account(&key), after.account(&key));
        let places = (is.free() / WHOLE_PLACE - was.free() / WHOLE_PLACE).max(0);
        (places > 0).then_some((number, places.unsigned_abs()))
    };
    accounts.into_iter().filter_map(risen).collect()
}

/// A plan at work in one row.
struct Work {
    after: Ledger,
    today: Date,
    plan: ActivePlan,
    /// By municipality number, or by host.
    holders: Vec<Holder>,
    events: Vec<Event>,
}

impl Work {
    fn new(after: &Ledger, plan: ActivePlan, context: &Context<'_>) -> Self {
        let today = context.today();
        let holders = holders_of(after, &plan.terms, context);
        Self { after: after.clone(), today, plan, holders, events: Vec::new() }
    }

    /// The first row of a plan: what the budget has and nobody holds is new, and what is free
    /// already is freed, in the order of the municipalities.
    fn begin(&mut self) {
        let held: u64 = self.holders.iter().map(|holder| holder.held).sum();
        self.give_new(u64::from(self.plan.places).saturating_sub(held));
        let numbers: Vec<MunicipalityNumber> =
            self.holders.iter().map(|holder| holder.municipality_number.clone()).collect();
        for number in numbers {
            let free = self.after.account(&AccountKey::Quota(number.clone())).free() / WHOLE_PLACE;
            for _ in 0..free {
                if !self.is_over(&number) || !self.free(&number) {
                    break;
                }
            }
        }
    }

    /// Computes the targets anew; says so where they are other ones than before.
    fn aim(&mut self) {
        let budget = places_on(&self.after.frame.budgets, self.today);
        let told = targets(self.plan.terms.method, u64::from(budget), &self.holders);
        let Some(told) = told else { return };
        let numbers = self.holders.iter().map(|holder| holder.municipality_number.clone());
        let told = told.into_iter().map(|places| u32::try_from(places).unwrap_or(u32::MAX));
        let told: BTreeMap<MunicipalityNumber, u32> = numbers.zip(told).collect();
        if told == self.plan.targets && budget == self.plan.places {
            return;
        }
        self.plan.targets.clone_from(&told);
        self.plan.places = budget;
        self.events.push(Event::PlanAimed {
            plan_id: self.plan.plan_id,
            places: budget,
            targets: told,
            remaining: remaining(&self.members(None)),
        });
    }

    /// What the budget has risen by since the targets were last computed.
    fn new_places(&mut self, before: u32) {
        let held: u64 = self.holders.iter().map(|holder| holder.held).sum();
        let room = u64::from(self.plan.places).saturating_sub(held);
        self.give_new(u64::from(self.plan.places.saturating_sub(before)).min(room));
    }

    fn give_new(&mut self, places: u64) {
        for _ in 0..places {
            let members = self.members(None);
            let decided = redirect(&self.plan.steering(self.today), &members, Freed::New);
            if decided.to.is_none() {
                return;
            }
            self.note(None, &members, decided);
        }
    }

    fn freed(&mut self, number: &MunicipalityNumber, places: u64) {
        for _ in 0..places {
            if !self.free(number) {
                return;
            }
        }
    }

    fn is_over(&self, number: &MunicipalityNumber) -> bool {
        let target = self.plan.targets.get(number).copied().unwrap_or(0);
        let holder = self.holders.iter().find(|holder| holder.municipality_number == *number);
        holder.is_some_and(|holder| holder.held > u64::from(target))
    }

    /// One place of a municipality is free; whether it goes to another.
    fn free(&mut self, number: &MunicipalityNumber) -> bool {
        let at = self.holders.iter().position(|holder| holder.municipality_number == *number);
        let Some(at) = at.filter(|at| self.holders[*at].held > 0) else { return false };
        let members = self.members(Some(at));
        let decided = redirect(&self.plan.steering(self.today), &members, Freed::By(at));
        self.note(Some(at), &members, decided);
        decided.to != Some(at)
    }

    /// The areas as the rule sees them; one place of `freed` is free.
    fn members(&self, freed: Option<usize>) -> Vec<Member> {
        let of_one = |(index, holder): (usize, &Holder)| {
            let number = &holder.municipality_number;
            let history = self.after.frame.quotas.get(number).map_or(0, Vec::len);
            let is_full = history >= HISTORY_MAX;
            Member {
                weight: holder.weight,
                held: holder.held - u64::from(freed == Some(index)),
                target: self.plan.targets.get(number).copied().map_or(0, u64::from),
                maximum: if is_full { Some(0) } else { holder.maximum },
                may_give: if is_full { Some(0) } else { self.plan.may_give(number, self.today) },
            }
        };
        self.holders.iter().enumerate().map(of_one).collect()
    }

    /// Notes where a place goes, and lets it.
    fn note(&mut self, from: Option<usize>, members: &[Member], decided: Redirection) {
        let number = |at: usize| self.holders[at].municipality_number.clone();
        let priority = |claim: Claim| {
            let (at, member) = (claim.area(), members[claim.area()]);
            let Member { weight, held, target, .. } = member;
            Priority { municipality_number: number(at), weight, held, target }
        };
        let may_give = from.and_then(|at| members[at].may_give);
        let mut redirected = Redirected {
            plan_id: self.plan.plan_id,
            date: self.today,
            from_municipality: from.map(number),
            to_municipality: decided.to.map(number),
            ground: decided.ground,
            claim: decided.claim.map(priority),
            runner_up: decided.runner_up.map(priority),
            remaining: 0,
            may_give,
            may_move: self.plan.may_move(self.today),
        };
        if decided.to != from {
            if let Some(at) = from {
                self.holders[at].held -= 1;
            }
            if let Some(at) = decided.to {
                self.holders[at].held += 1;
            }
            self.plan.count(&redirected);
        }
        redirected.remaining = remaining(&self.members(None));
        self.events.push(Event::Redirected { redirected });
    }

    /// The events, and what they make of limits; a plan by which all have moved is over.
    fn finish(mut self) -> Vec<Event> {
        if remaining(&self.members(None)) == 0 {
            let (plan_id, date) = (self.plan.plan_id, self.today);
            self.events.push(Event::PlanCompleted { plan_id, date });
        }
        let moves = |event: &Event| matches!(event, Event::Redirected { .. });
        if self.events.iter().any(moves) {
            let frame = after(&self.after, &self.events).frame;
            let groups = self.after.place_groups.values();
            let limits = limits_on(&self.after, self.today, groups, &frame, |_| false);
            if !limits.is_empty() {
                self.events.push(Event::LimitsSet { date: self.today, limits });
            }
        }
        self.events
    }
}
