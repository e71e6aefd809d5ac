//! Decisions about how far the order binds who places people by hand: two people's.

use time::Duration;

use crate::domain::{
    access::ActorKey,
    calendar::start_of_day_in_norway,
    command::{EnforcementAsk, SetEnforcement},
    enforcement::{Approved, Change, Enforcement, EnforcementChange, LAPSES_AFTER_DAYS, Level},
    event::Event,
    ids::{EnforcementChangeId, IdSource},
    ledger::{Context, Ledger},
    refusal::Refusal,
};

/// One step of a change.
pub(super) fn set(
    ledger: &Ledger,
    c: &SetEnforcement,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    context.measure(ledger)?;
    let before = &ledger.frame.enforcement;
    match &c.ask {
        EnforcementAsk::Propose { level, reason } => propose(before, *level, reason, context, ids),
        EnforcementAsk::Approve { change_id } => approve(before, *change_id, context),
        EnforcementAsk::Reject { change_id, reason } => reject(before, *change_id, reason),
    }
}

/// One waits at a time: another takes the place of the one before.
fn propose(
    before: &Enforcement,
    level: Level,
    reason: &str,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    if before.level() == level {
        let (what, state) = ("the enforcement", level.as_str());
        return Err(Refusal::WrongState { what, state, transition: level.as_str() });
    }
    // From here it happens.
    let last = context.today().saturating_add(Duration::days(LAPSES_AFTER_DAYS));
    let change = Change {
        change_id: EnforcementChangeId(ids.next_id()),
        level,
        reason: reason.to_owned(),
        proposed_by: ActorKey::of(context.actor).to_string(),
        proposed_time: context.at,
        lapse_time: start_of_day_in_norway(last.saturating_add(Duration::DAY)),
    };
    let enforcement = Enforcement { pending: Some(change), ..before.clone() };
    Ok(vec![Event::EnforcementSet { enforcement, change: EnforcementChange::Proposed }])
}

/// It holds from this row on.
fn approve(
    before: &Enforcement,
    change_id: EnforcementChangeId,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    const MOVE: &str = "APPROVE";
    let change = waiting(before, change_id, MOVE)?;
    let approved_by = ActorKey::of(context.actor).to_string();
    if change.proposed_by == approved_by {
        return Err(Refusal::FourEyes);
    }
    if change.lapse_time <= context.at {
        return Err(wrong_state("LAPSED", MOVE));
    }
    // From here it happens.
    let holds = Approved { change: change.clone(), approved_by, approved_time: context.at };
    let enforcement = Enforcement { holds: Some(holds), pending: None };
    Ok(vec![Event::EnforcementSet { enforcement, change: EnforcementChange::Approved }])
}

/// Nothing changes by it, and so whoever proposed it may take it back alone.
fn reject(
    before: &Enforcement,
    change_id: EnforcementChangeId,
    reason: &str,
) -> Result<Vec<Event>, Refusal> {
    waiting(before, change_id, "REJECT")?;
    // From here it happens.
    let enforcement = Enforcement { pending: None, ..before.clone() };
    let change = EnforcementChange::Rejected { change_id, reason: reason.to_owned() };
    Ok(vec![Event::EnforcementSet { enforcement, change }])
}

/// The change that waits, if it is this one.
fn waiting<'a>(
    before: &'a Enforcement,
    change_id: EnforcementChangeId,
    transition: &'static str,
) -> Result<&'a Change, Refusal> {
    if before.holds.as_ref().is_some_and(|holds| holds.change.change_id == change_id) {
        return Err(wrong_state("APPROVED", transition));
    }
    let waits = before.pending.as_ref().filter(|change| change.change_id == change_id);
    let (what, id) = ("proposed change", change_id.to_string());
    waits.ok_or(Refusal::NotFound { what, id })
}

fn wrong_state(state: &'static str, transition: &'static str) -> Refusal {
    Refusal::WrongState { what: "the proposed change", state, transition }
}
