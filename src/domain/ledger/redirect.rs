//! What an active plan makes of places that become free or are new: decided in the row that frees
//! them, with all it was decided by.
//!
//! A quota place is *freed* when a placement ends or shrinks and so many whole places more are free
//! on the quota it was debited to; what is over the quota frees nothing. It is *new* when the
//! budget rises. What a declined, lapsed or withdrawn offer gives back is not freed, nor is what
//! goes on to be paid for by another municipality: nobody has left that place. A place stays where
//! its quota could not be without it on all days to come. What *stands free* already is freed when a
//! plan begins, and when the budget, the key or the borders give it other targets; not when quotas
//! are set by hand, which would be taken back in the same row.

use std::collections::BTreeMap;

use time::Date;

use crate::domain::{
    account::{AccountKey, WHOLE_PLACE},
    apportionment::Claim,
    event::{Event, PlacementChange},
    ids::MunicipalityNumber,
    ledger::{
        Context, HISTORY_MAX, Ledger,
        aim::{Aim, aim},
        apply,
        decide_capacity::limits_on,
    },
    plan::{ActivePlan, ChangeCause, Holder, PlanChange, Priority, Redirected},
    redistribution::{Freed, Ground, Member, Redirection, redirect, remaining},
};

/// How many whole places more are free, by quota.
type FreedPlaces = BTreeMap<MunicipalityNumber, u64>;

/// The most new places that one row gives: each is an event. More than a country's measure has a
/// year; what is left stays in the budget, for the county to set quotas by.
const NEW_AT_ONCE: u64 = 2_000;

/// Since which rules what stands free moves when a plan aims anew, and stays without a word.
const STOOD_FREE_RULES: u32 = 4;

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
    let (after, freed) = after(ledger, &events);
    let Some(plan) = after.frame.plans.active.clone() else { return events };
    let before = ledger.frame.plans.active.as_ref().map(|plan| plan.plan_id);
    let begins = before != Some(plan.plan_id);
    let aim = aim(&after, &plan, context.registry, context.today());
    let mut work = Work::new(after, plan, &aim.holders, context);
    if begins {
        work.begin();
    } else {
        let is_aimed_anew = work.aim(ledger, aim);
        work.new_places(ledger);
        for (number, places) in freed {
            work.freed(&number, places);
        }
        if is_aimed_anew && work.rules >= STOOD_FREE_RULES {
            work.release();
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
                    | Event::QuotaMoved { .. }
                    | Event::LimitsSet { .. }
            )
}

/// The ledger after the events, and what placements that ended or shrank by them have freed: each
/// event for itself, so that what an offer gives back in the same row does not count, nor what is
/// taken again.
fn after(before: &Ledger, events: &[Event]) -> (Ledger, FreedPlaces) {
    let mut after = before.clone();
    let mut freed = FreedPlaces::new();
    for event in events {
        let number = shrinks(&after, event);
        let free = |ledger: &Ledger| number.as_ref().map_or(0, |number| free_on(ledger, number));
        let was = free(&after);
        apply(&mut after, event);
        let more = free(&after).saturating_sub(was);
        if let Some(number) = number.filter(|_| more > 0) {
            *freed.entry(number).or_default() += more;
        }
    }
    for (number, places) in &mut freed {
        *places = (*places).min(free_on(&after, number));
    }
    (after, freed)
}

/// Whose quota a placement is debited to that ends or shrinks by an event.
fn shrinks(ledger: &Ledger, event: &Event) -> Option<MunicipalityNumber> {
    let account = if let Event::PlacementEnded { placement_id, .. } = event {
        &ledger.placement(*placement_id)?.account
    } else if let Event::PlacementChanged { placement, change: PlacementChange::Share } = event {
        &placement.account
    } else {
        return None;
    };
    if let AccountKey::Quota(number) = account { Some(number.clone()) } else { None }
}

/// The whole places that are free on a quota.
fn free_on(ledger: &Ledger, number: &MunicipalityNumber) -> u64 {
    let free = ledger.account(&AccountKey::Quota(number.clone())).free();
    (free / WHOLE_PLACE).unsigned_abs()
}

/// A plan at work in one row.
struct Work {
    after: Ledger,
    today: Date,
    rules: u32,
    plan: ActivePlan,
    /// By municipality number, or by host.
    holders: Vec<Holder>,
    /// How many places each can do without on all days to come.
    spare: Vec<i64>,
    events: Vec<Event>,
}

impl Work {
    fn new(after: Ledger, plan: ActivePlan, holders: &[Holder], context: &Context<'_>) -> Self {
        let (today, rules) = (context.today(), context.rules);
        let spare = |holder: &Holder| after.frame.spare_places(&holder.municipality_number, today);
        let (spare, holders) = (holders.iter().map(spare).collect(), holders.to_vec());
        Self { after, today, rules, plan, holders, spare, events: Vec::new() }
    }

    /// The first row of a plan: what the budget has and nobody holds is new, and what stands free
    /// is freed.
    fn begin(&mut self) {
        self.give_new(self.after.frame.room_in_budget(self.today));
        self.release();
    }

    /// What stands free is freed, in the order of the municipalities.
    fn release(&mut self) {
        let numbers: Vec<MunicipalityNumber> =
            self.holders.iter().map(|holder| holder.municipality_number.clone()).collect();
        for number in numbers {
            let free = free_on(&self.after, &number).saturating_sub(self.gone_from(&number));
            for _ in 0..free {
                // What is protected stays without a word: nothing has become free there.
                let is_kept = self.plan.terms.protect_at_target && !self.is_over(&number);
                if is_kept || !self.free(&number, true) {
                    break;
                }
            }
        }
    }

    /// How many places of a municipality have gone in this row already.
    fn gone_from(&self, number: &MunicipalityNumber) -> u64 {
        let goes = |event: &&Event| {
            let Event::Redirected { redirected } = event else { return false };
            let Redirected { from_municipality, to_municipality, .. } = redirected;
            from_municipality.as_ref() == Some(number) && to_municipality.as_ref() != Some(number)
        };
        self.events.iter().filter(goes).count() as u64
    }

    /// Aims anew where the targets are other ones than before, or where quotas set by hand have
    /// left another way to go; and says so. Whether something else than such quotas was the cause.
    fn aim(&mut self, before: &Ledger, aim: Aim) -> bool {
        let remaining = aim.remaining();
        let Aim { places, targets, key_date, mut causes, .. } = aim;
        let Some(targets) = targets else { return false };
        let is_anew = !causes.is_empty();
        let day = before.at.date_in_norway();
        let was_held = |number| u64::from(before.frame.own_places(number, day));
        if self.holders.iter().any(|one| one.held != was_held(&one.municipality_number)) {
            causes.insert(ChangeCause::Quotas);
        }
        if causes.is_empty() {
            return false;
        }
        let date = self.today;
        let change = PlanChange { date, causes: causes.clone(), key_date, places, remaining };
        let held = self.holders.iter().map(|one| (&one.municipality_number, one.held));
        self.plan.aim_anew(change, &targets, held);
        let plan_id = self.plan.plan_id;
        let aimed =
            Event::PlanAimed { plan_id, date, causes, key_date, places, targets, remaining };
        self.events.push(aimed);
        is_anew
    }

    /// What the budget has risen by for good since the last row, as far as the quotas leave it free
    /// on all days to come.
    fn new_places(&mut self, before: &Ledger) {
        let was = before.frame.lasting_budget(before.at.date_in_norway());
        let risen = self.after.frame.lasting_budget(self.today).saturating_sub(was);
        self.give_new(u64::from(risen).min(self.after.frame.room_in_budget(self.today)));
    }

    fn give_new(&mut self, places: u64) {
        for _ in 0..places.min(NEW_AT_ONCE) {
            let members = self.members(None);
            let decided = redirect(&self.plan.steering(self.today), &members, Freed::New);
            if decided.to.is_none() {
                return;
            }
            self.note(None, &members, decided, false);
        }
    }

    fn freed(&mut self, number: &MunicipalityNumber, places: u64) {
        for _ in 0..places {
            if !self.free(number, false) {
                return;
            }
        }
    }

    fn is_over(&self, number: &MunicipalityNumber) -> bool {
        let target = self.plan.targets.get(number).copied().unwrap_or(0);
        let holder = self.holders.iter().find(|holder| holder.municipality_number == *number);
        holder.is_some_and(|holder| holder.held > u64::from(target))
    }

    /// One place of a municipality is free, now or before; whether it goes to another.
    fn free(&mut self, number: &MunicipalityNumber, stood_free: bool) -> bool {
        let at = self.holders.iter().position(|holder| holder.municipality_number == *number);
        let Some(at) = at.filter(|at| self.holders[*at].held > 0) else { return false };
        let members = self.members(Some(at));
        let mut decided = redirect(&self.plan.steering(self.today), &members, Freed::By(at));
        let lacks = |member: &Member| member.held < member.target;
        if decided.ground == Ground::GreatestClaim && !members.iter().any(lacks) {
            // The budget was lowered: all hold what they are entitled to, or more.
            let (to, ground) = (Some(at), Ground::NobodyMay);
            decided = Redirection { to, ground, claim: None, runner_up: None };
        } else if decided.ground == Ground::AreaCap
            && self.plan.may_give(number, self.today) != Some(0)
        {
            decided.ground = Ground::Bound;
        }
        let goes = decided.to != Some(at);
        let says_so = self.rules >= STOOD_FREE_RULES && stood_free;
        if goes || !says_so {
            self.note(Some(at), &members, decided, says_so);
        }
        goes
    }

    /// The areas as the rule sees them; one place of `freed` is free.
    fn members(&self, freed: Option<usize>) -> Vec<Member> {
        let of_one = |(index, holder): (usize, &Holder)| {
            let number = &holder.municipality_number;
            let is_full = self.is_full(number);
            let is_bound = is_full || self.spare[index] <= 0;
            Member {
                weight: holder.weight,
                held: holder.held - u64::from(freed == Some(index)),
                target: self.plan.targets.get(number).copied().map_or(0, u64::from),
                maximum: if is_full { Some(0) } else { holder.maximum },
                may_give: if is_bound { Some(0) } else { self.plan.may_give(number, self.today) },
            }
        };
        self.holders.iter().enumerate().map(of_one).collect()
    }

    /// Whether a quota has no room for another dated decision.
    fn is_full(&self, number: &MunicipalityNumber) -> bool {
        let history = self.after.frame.quotas.get(number).map_or(&[][..], Vec::as_slice);
        let has_today = history.iter().any(|quota| quota.places.valid_from == self.today);
        history.len() >= HISTORY_MAX && !has_today
    }

    /// Notes where a place goes, and lets it.
    fn note(
        &mut self,
        from: Option<usize>,
        members: &[Member],
        decided: Redirection,
        stood_free: bool,
    ) {
        let number = |at: usize| self.holders[at].municipality_number.clone();
        let priority = |claim: Claim| {
            let (at, member) = (claim.area(), members[claim.area()]);
            let Member { weight, held, target, .. } = member;
            Priority { municipality_number: number(at), weight, held, target }
        };
        let from_municipality = from.map(number);
        let may_give =
            from_municipality.as_ref().and_then(|number| self.plan.may_give(number, self.today));
        let mut redirected = Redirected {
            plan_id: self.plan.plan_id,
            date: self.today,
            from_municipality,
            to_municipality: decided.to.map(number),
            stood_free,
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
                self.spare[at] -= 1;
            }
            if let Some(at) = decided.to {
                self.holders[at].held += 1;
                self.spare[at] += 1;
            }
            self.plan.count(&redirected);
        }
        redirected.remaining = remaining(&self.members(None));
        self.events.push(Event::Redirected { redirected });
    }

    /// The events, and what they make of limits; a plan is over when nobody holds more than the
    /// target. Where nobody lacks anything since the budget was lowered, it goes on: there may be
    /// another one.
    fn finish(mut self) -> Vec<Event> {
        if self.members(None).iter().all(|member| member.held <= member.target) {
            let (plan_id, date) = (self.plan.plan_id, self.today);
            self.events.push(Event::PlanCompleted { plan_id, date });
        }
        let moves = |event: &Event| matches!(event, Event::Redirected { .. });
        if self.events.iter().any(moves) {
            let frame = after(&self.after, &self.events).0.frame;
            let groups = self.after.place_groups.values();
            let limits = limits_on(&self.after, self.today, groups, &frame, |_| false);
            if !limits.is_empty() {
                self.events.push(Event::LimitsSet { date: self.today, limits });
            }
        }
        self.events
    }
}
