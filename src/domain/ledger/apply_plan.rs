//! `apply` for plans: what they are, which one steers, and the quotas that places go between.

use time::Date;

use crate::domain::{
    capacity::{PlacesInPeriod, Quota, QuotaBasis},
    event::Event,
    ids::{MunicipalityNumber, PlanId},
    ledger::{Due, Ledger},
    plan::{ActivePlan, PastPlan, Plan, PlanBook, Redirected},
};

/// Lets an event about plans happen; others are none of its affair.
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
    } else if let Event::PlanAimed { places, targets, .. } = event {
        ledger.change_plan(|plan| {
            plan.places = *places;
            plan.targets.clone_from(targets);
        });
    } else if let Event::Redirected { redirected } = event {
        ledger.redirect(redirected);
    } else if let Event::PlanCompleted { date, .. } = event {
        let ended = ledger.frame.plans.active.take();
        ledger.frame.plans.past.extend(ended.map(|plan| past(&plan, *date)));
        ledger.touched.frame = true;
    } else if let Event::PlanLapsed { plan_id, date } = event {
        ledger.lapse_plan(*plan_id, *date);
    }
}

impl Ledger {
    fn set_plan(&mut self, plan: &Plan) {
        let (plan_id, start) = (plan.plan_id, plan.terms.start_date);
        let book = &mut self.frame.plans;
        // Those that nobody approved in time are forgotten when the next one is proposed.
        let proposed = plan.proposed_time.date_in_norway();
        book.drafts.retain(|_, until| *until >= proposed);
        if plan.approval.is_none() {
            book.drafts.insert(plan_id, plan.terms.approved_until());
        } else {
            book.drafts.remove(&plan_id);
            book.approved.insert(plan_id, start);
            self.schedule([Due::begin_plan(plan_id, start)]);
        }
        self.touched.frame = true;
        self.touched.plans.insert(plan_id);
        self.plans.insert(plan_id, plan.clone());
    }

    fn begin_plan(&mut self, plan: &ActivePlan) {
        self.unschedule(Due::begin_plan(plan.plan_id, plan.terms.start_date));
        let PlanBook { active, approved, past: ended, .. } = &mut self.frame.plans;
        approved.remove(&plan.plan_id);
        if let Some(before) = active.replace(plan.clone()) {
            let superseded_by = Some(plan.plan_id);
            ended.push(PastPlan { superseded_by, ..past(&before, plan.begun) });
        }
        self.touched.frame = true;
    }

    fn lapse_plan(&mut self, plan_id: PlanId, date: Date) {
        let book = &mut self.frame.plans;
        let start = book.approved.remove(&plan_id).unwrap_or(date);
        book.past.push(PastPlan {
            plan_id,
            begun: date,
            ended: date,
            superseded_by: None,
            distance: 0,
            moved: 0,
            lapsed: true,
        });
        self.unschedule(Due::begin_plan(plan_id, start));
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
                self.move_quota(number, *date, places);
            }
        }
        self.change_plan(|plan| plan.count(redirected));
    }

    /// A quota of so many places more or less from a day on, whatever is set for later.
    fn move_quota(&mut self, number: &MunicipalityNumber, date: Date, places: i32) {
        let history = self.frame.quotas.entry(number.clone()).or_default();
        let changed = |of: u32| of.saturating_add_signed(places);
        let holds = history.iter().rposition(|quota| quota.places.covers(date));
        match holds {
            Some(at) if history[at].places.valid_from == date => {
                history[at].places.places = changed(history[at].places.places);
            }
            Some(at) => {
                let mut quota = history[at].clone();
                quota.places.valid_from = date;
                quota.places.places = changed(quota.places.places);
                history.insert(at + 1, quota);
            }
            None => history.insert(0, first_quota(number, date, changed(0))),
        }
        for quota in history.iter_mut().filter(|quota| quota.places.valid_from > date) {
            quota.places.places = changed(quota.places.places);
        }
        self.touched.frame = true;
    }
}

fn first_quota(number: &MunicipalityNumber, date: Date, places: u32) -> Quota {
    Quota {
        municipality_number: number.clone(),
        places: PlacesInPeriod { places, valid_from: date, valid_to: None },
        basis: QuotaBasis::Population,
        basis_date: None,
        source: String::new(),
        review_by: None,
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
        lapsed: false,
    }
}
