//! A ledger's plans beside its book of them: each is in one state, and one steers at most.

use std::collections::BTreeMap;

use crate::{
    domain::{
        ids::PlanId,
        ledger::Ledger,
        plan::{Plan, PlanBook},
    },
    verify::Report,
};

/// Looks at the plans of a ledger.
pub(super) fn check(ledger: &Ledger, plans: &[Plan], report: &mut Report) {
    let book = &ledger.frame().plans;
    let mut stands = decided(book);
    for plan in plans {
        let found = stands.remove(&plan.plan_id).unwrap_or(0);
        // Of drafts the book keeps those that could still be approved when it was last changed.
        let (is_approved, is_withdrawn) = (plan.approval.is_some(), plan.withdrawal.is_some());
        let expected = usize::from(is_approved && !is_withdrawn);
        let is_open = book.drafts.contains_key(&plan.plan_id);
        let owner = book.drafts_of.get(&plan.plan_id);
        let is_owned = !is_open || owner == plan.proposed_by_municipality.as_ref();
        if found != expected || (is_open && (is_approved || is_withdrawn)) || !is_owned {
            report.find(ledger.id(), format!("plan {} is not in one state", plan.plan_id));
        }
    }
    for plan_id in stands.keys() {
        report.find(ledger.id(), format!("plan {plan_id} steers or steered, and is not there"));
    }
    let given: Option<u32> = book.active.as_ref().map(|plan| plan.given.values().sum());
    if given != book.active.as_ref().map(|plan| plan.moved) {
        report.find(ledger.id(), "the active plan has moved what nobody gave");
    }
}

/// How often each plan stands among those that are approved, steer or have ended.
fn decided(book: &PlanBook) -> BTreeMap<PlanId, usize> {
    let active = book.active.iter().map(|plan| plan.plan_id);
    let ids = book.approved.keys().copied().chain(active);
    let mut stands = BTreeMap::new();
    for plan_id in ids.chain(book.past.iter().map(|past| past.plan_id)) {
        *stands.entry(plan_id).or_default() += 1;
    }
    stands
}
