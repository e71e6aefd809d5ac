//! `apply` for plans: what they are, which one steers, and the quotas that places go between, by a
//! plan or by hand.

use time::Date;

use crate::domain::{
    capacity::QuotaBasis,
    event::Event,
    ledger::{Due, Ledger, decide_quota_move::put_move, quotas::shift},
    plan::{ActivePlan, PastPlan, Plan, PlanBook, Redirected},
};

/// Lets an event about plans, or about a move by hand, happen; others are none of its affair.
pub(super) fn apply(ledger: &mut Ledger, event: &Event) {
    if let Event::PlanSet { plan } = event {
        ledger.set_plan(plan);
    } else if let Event::PlanBegun { plan } = event {
        ledger.begin_plan(plan);
    } else if let Event::PlanAimed { places, targets, .. } = event {
        ledger.change_plan(|plan| {
            plan.places = *places;
            plan.targets.clone_from(targets);
        });
    } else if let Event::Redirected { redirected } = event {
        ledger.redirect(redirected);
    } else if let Event::QuotaMoved { quota_move, days } = event {
        put_move(&mut ledger.frame, quota_move);
        ledger.touched.frame = true;
        ledger.schedule(days.iter().copied().map(Due::day));
    } else if let Event::PlanCompleted { date, .. } = event {
        let ended = ledger.frame.plans.active.take();
        ledger.frame.plans.past.extend(ended.map(|plan| past(plan, *date)));
        ledger.touched.frame = true;
    }
}

impl Ledger {
    fn set_plan(&mut self, plan: &Plan) {
        let (plan_id, start) = (plan.plan_id, plan.terms.start_date);
        if plan.approval.is_some() && !self.frame.plans.knows(plan_id) {
            self.schedule([Due::begin_plan(plan_id, start)]);
        }
        self.touched.plans.insert(plan_id);
        self.plans.insert(plan_id, plan.clone());
    }

    fn begin_plan(&mut self, plan: &ActivePlan) {
        self.unschedule(Due::begin_plan(plan.plan_id, plan.terms.start_date));
        let PlanBook { active, past: ended } = &mut self.frame.plans;
        if let Some(before) = active.replace(plan.clone()) {
            let superseded_by = Some(plan.plan_id);
            ended.push(PastPlan { superseded_by, ..past(before, plan.begun) });
        }
        self.touched.frame = true;
    }

    fn change_plan(&mut self, change: impl FnOnce(&mut ActivePlan)) {
        if let Some(plan) = &mut self.frame.plans.active {
            change(plan);
            self.touched.frame = true;
        }
    }

    fn redirect(&mut self, redirected: &Redirected) {
        let Redirected { from_municipality, to_municipality, date, .. } = redirected;
        if from_municipality == to_municipality {
            return;
        }
        for (number, places) in [(from_municipality, -1), (to_municipality, 1)] {
            if let Some(number) = number {
                shift(&mut self.frame, number, *date, places, QuotaBasis::Population);
            }
        }
        self.touched.frame = true;
        self.change_plan(|plan| plan.count(redirected));
    }
}

fn past(plan: ActivePlan, ended: Date) -> PastPlan {
    PastPlan {
        plan_id: plan.plan_id,
        begun: plan.begun,
        ended,
        superseded_by: None,
        moved: plan.moved,
    }
}
