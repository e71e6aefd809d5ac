//! `apply` for plans: what they are, which one steers, and the quotas that places go between, by a
//! plan or by hand.

use std::collections::BTreeMap;

use time::Date;

use crate::domain::{
    capacity::QuotaBasis,
    event::Event,
    ids::{MunicipalityNumber, PlanId},
    ledger::{Due, Ledger, decide_quota_move::put_move, quotas::shift},
    plan::{ActivePlan, PastPlan, Plan, PlanBook, PlanChange, Redirected, Withdrawal, ended_as},
};

/// Of how many of the plans that steered it is kept what they were like in the end.
const PAST_KEPT_WHOLE: usize = 10;

/// Lets an event about plans, or about a move by hand, happen; others are none of its affair.
pub(super) fn apply(ledger: &mut Ledger, event: &Event) {
    if let Event::PlanSet { plan } = event {
        ledger.set_plan(plan);
    } else if let Event::PlanCommented { plan_id, municipality_number, comment } = event {
        if let Some(plan) = ledger.plans.get_mut(plan_id) {
            plan.comments.insert(municipality_number.clone(), comment.clone());
            ledger.touched.plans.insert(*plan_id);
        }
    } else if let Event::PlanBegun { plan } = event {
        ledger.begin_plan(plan);
    } else if let Event::PlanAimed { date, causes, key_date, places, targets, remaining, .. } =
        event
    {
        let (causes, remaining) = (causes.clone(), *remaining);
        let change =
            PlanChange { date: *date, causes, key_date: *key_date, places: *places, remaining };
        ledger.aim(change, targets);
    } else if let Event::Redirected { redirected } = event {
        ledger.redirect(redirected);
    } else if let Event::QuotaMoved { quota_move, days } = event {
        put_move(&mut ledger.frame, quota_move);
        ledger.touched.frame = true;
        ledger.schedule(days.iter().copied().map(Due::day));
    } else if let Event::PlanCompleted { date, .. } = event {
        let ended = ledger.frame.plans.active.take();
        ledger.end_plan(ended.map(|plan| past(&plan, *date)));
    } else if let Event::PlanLapsed { plan_id, date } = event {
        ledger.lapse_plan(*plan_id, *date);
    } else if let Event::PlanWithdrawn { plan_id, withdrawal } = event {
        ledger.withdraw_plan(*plan_id, withdrawal);
    }
}

impl Ledger {
    fn set_plan(&mut self, plan: &Plan) {
        let (plan_id, start) = (plan.plan_id, plan.terms.start_date);
        let book = &mut self.frame.plans;
        // Those that nobody approved in time are forgotten when the next one is proposed.
        let proposed = plan.proposed_time.date_in_norway();
        book.drafts.retain(|_, until| *until >= proposed);
        let PlanBook { drafts, drafts_of, .. } = book;
        drafts_of.retain(|plan_id, _| drafts.contains_key(plan_id));
        if plan.approval.is_none() {
            book.drafts.insert(plan_id, plan.terms.approved_until());
            book.drafts_of
                .extend(plan.proposed_by_municipality.clone().map(|number| (plan_id, number)));
        } else {
            book.forget_draft(plan_id);
            book.approved.insert(plan_id, start);
            self.schedule([Due::begin_plan(plan_id, start)]);
        }
        self.touched.frame = true;
        self.touched.plans.insert(plan_id);
        self.plans.insert(plan_id, plan.clone());
    }

    fn begin_plan(&mut self, plan: &ActivePlan) {
        self.unschedule(Due::begin_plan(plan.plan_id, plan.terms.start_date));
        let book = &mut self.frame.plans;
        book.approved.remove(&plan.plan_id);
        let before = book.active.replace(plan.clone());
        let superseded_by = Some(plan.plan_id);
        self.end_plan(before.map(|old| PastPlan { superseded_by, ..past(&old, plan.begun) }));
    }

    /// A plan is one of those that steered; of the latest of them it is known what they were like.
    fn end_plan(&mut self, ended: Option<PastPlan>) {
        let past = &mut self.frame.plans.past;
        past.extend(ended);
        let older = past.len().saturating_sub(PAST_KEPT_WHOLE);
        for plan in &mut past[..older] {
            plan.ended_as = None;
        }
        self.touched.frame = true;
    }

    fn aim(&mut self, change: PlanChange, targets: &BTreeMap<MunicipalityNumber, u32>) {
        let date = change.date;
        let held: Vec<(&MunicipalityNumber, u64)> =
            targets.keys().map(|n| (n, u64::from(self.frame.own_places(n, date)))).collect();
        self.change_plan(|plan| plan.aim_anew(change, targets, held.into_iter()));
    }

    fn lapse_plan(&mut self, plan_id: PlanId, date: Date) {
        let start = self.frame.plans.approved.remove(&plan_id).unwrap_or(date);
        self.end_plan(Some(PastPlan {
            plan_id,
            begun: date,
            ended: date,
            superseded_by: None,
            distance: 0,
            moved: 0,
            lapsed: true,
            ended_as: None,
        }));
        self.unschedule(Due::begin_plan(plan_id, start));
    }

    fn withdraw_plan(&mut self, plan_id: PlanId, withdrawal: &Withdrawal) {
        let book = &mut self.frame.plans;
        book.forget_draft(plan_id);
        let begins = book.approved.remove(&plan_id);
        let steered = book.active.take_if(|active| active.plan_id == plan_id);
        self.touched.frame = true;
        if let Some(start) = begins {
            self.unschedule(Due::begin_plan(plan_id, start));
        }
        let today = withdrawal.withdrawn_time.date_in_norway();
        if let Some(plan) = self.plans.get_mut(&plan_id) {
            plan.withdrawal = Some(withdrawal.clone());
            plan.steered = steered.map(|plan| Box::new(past(&plan, today)));
            self.touched.plans.insert(plan_id);
        }
    }

    fn change_plan(&mut self, change: impl FnOnce(&mut ActivePlan)) {
        if let Some(plan) = &mut self.frame.plans.active {
            change(plan);
            self.touched.frame = true;
        }
    }

    fn redirect(&mut self, redirected: &Redirected) {
        let Redirected { from_municipality, to_municipality, date, .. } = redirected;
        let seq = self.seq + 1;
        let held = from_municipality.as_ref().map_or(0, |n| self.frame.own_places(n, *date));
        self.change_plan(|plan| plan.note_step(seq, redirected, held));
        if from_municipality == to_municipality {
            return;
        }
        for (number, places) in [(from_municipality, -1), (to_municipality, 1)] {
            if let Some(number) = number {
                shift(&mut self.frame, number, *date, places, QuotaBasis::Population);
            }
        }
        self.touched.frame = true;
    }
}

fn past(plan: &ActivePlan, ended: Date) -> PastPlan {
    PastPlan {
        plan_id: plan.plan_id,
        begun: plan.begun,
        ended,
        superseded_by: None,
        distance: plan.distance,
        moved: plan.moved,
        ended_as: Some(Box::new(ended_as(plan))),
        lapsed: false,
    }
}
