//! Decisions about redistribution plans: proposed, commented, approved by another person, and
//! from its first day on the one that steers.

use std::collections::BTreeMap;

use time::Duration;

use crate::domain::{
    access::{ActorKey, Role},
    apportionment::claim,
    calendar::start_of_day_in_norway,
    capacity::places_on,
    command::{ApprovePlan, CommentPlan, ProposePlan, WithdrawPlan},
    event::Event,
    ids::{IdSource, MunicipalityNumber, PlanId},
    ledger::{
        Context, Ledger,
        aim::{plan_holders, targets, yet_to_move},
        decide_capacity::require_quotas,
        guards::require_one_more,
    },
    plan::{ActivePlan, Approval, Comment, Holder, Plan, PlanTerms, View, Withdrawal},
    plan_standing::{self, PlanState},
    refusal::{Limited, Refusal},
};

/// How far ahead a plan may begin, and how long municipalities may have to comment: two years.
const AHEAD_MAX: Duration = Duration::days(2 * 366);
/// How many plans of a ledger may be open to comments and approval at once.
const DRAFTS_MAX: usize = 20;
/// How many of those may be municipalities', so that the county always may.
const MUNICIPAL_MAX: usize = 10;
/// How many of those may be one municipality's.
const MUNICIPAL_EACH_MAX: usize = 3;
/// How many plans of a ledger may ever be approved: it keeps what became of each.
const DECIDED_MAX: usize = 200;

/// A plan is proposed; nothing moves by it yet.
pub(super) fn propose(
    ledger: &Ledger,
    c: &ProposePlan,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    context.require_current(context.measure(ledger)?)?;
    require_quotas(ledger)?;
    require_terms(ledger, &c.terms, context)?;
    targets_of(ledger, &c.terms, context)?;
    let open = ledger.frame.plans.open_drafts(context.today());
    // Rows from before a command said whose a proposal is counted all of them.
    let is_unnamed = context.actor.role == Role::Municipality && c.by_municipality.is_none();
    let most = if is_unnamed { MUNICIPAL_MAX } else { DRAFTS_MAX };
    require_one_more(Limited::OpenPlans, open, most)?;
    if let Some(number) = &c.by_municipality {
        let municipal = || ledger.frame.plans.municipal_drafts(context.today());
        require_one_more(Limited::MunicipalOpenPlans, municipal().count(), MUNICIPAL_MAX)?;
        let own = municipal().filter(|of| *of == number).count();
        require_one_more(Limited::OwnOpenPlans, own, MUNICIPAL_EACH_MAX)?;
    }
    // From here it happens.
    let plan = Plan {
        plan_id: PlanId(ids.next_id()),
        terms: c.terms.clone(),
        proposed_by: ActorKey::of(context.actor).to_string(),
        proposed_by_name: c.by_name.clone(),
        proposed_by_municipality: c.by_municipality.clone(),
        proposed_time: context.at,
        comments: BTreeMap::new(),
        approval: None,
        withdrawal: None,
        steered: None,
    };
    Ok(vec![Event::PlanSet { plan }])
}

/// What a municipality thinks, by a named person; the latest counts.
pub(super) fn comment(
    ledger: &Ledger,
    c: &CommentPlan,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    context.require_in_area(ledger, "municipality_number", &c.municipality_number)?;
    let plan = draft(ledger, c.plan_id, "COMMENT", context)?;
    let until = plan.terms.comment_until;
    if context.today() > until {
        return Err(Refusal::DateOutOfRange {
            field: "comment_until_date",
            value: until.to_string(),
            expected: "today at the earliest: the time to comment on the plan is over",
        });
    }
    // From here it happens.
    let comment = Comment {
        view: c.view,
        text: c.text.clone(),
        commented_by: ActorKey::of(context.actor).to_string(),
        commented_by_name: c.by_name.clone(),
        commented_time: context.at,
    };
    let (plan_id, municipality_number) = (c.plan_id, c.municipality_number.clone());
    Ok(vec![Event::PlanCommented { plan_id, municipality_number, comment }])
}

/// A plan is approved by another person than its author, when each affected municipality has
/// said what it thinks or the time for that is over. It steers from its first day on.
pub(super) fn approve(
    ledger: &Ledger,
    c: &ApprovePlan,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let plan = draft(ledger, c.plan_id, "APPROVE", context)?;
    let by = ActorKey::of(context.actor).to_string();
    if plan.proposed_by == by {
        return Err(Refusal::FourEyes);
    }
    let silent: Vec<MunicipalityNumber> = plan_standing::affected(&ledger.id, context.registry)
        .filter(|number| !plan.comments.contains_key(*number))
        .cloned()
        .collect();
    let until = plan.terms.comment_until;
    if !silent.is_empty() && context.today() <= until {
        let from = until.next_day().unwrap_or(until);
        return Err(Refusal::CommentsOpen { silent: silent.len(), from });
    }
    require_reason(plan, c)?;
    require_first_day(ledger, plan, context)?;
    require_one_more(Limited::ApprovedPlans, ledger.frame.plans.decided(), DECIDED_MAX)?;
    let targets = targets_of(ledger, &plan.terms, context)?;
    // From here it happens.
    let approval = Approval {
        approved_by: by,
        approved_by_name: c.by_name.clone(),
        approved_time: context.at,
        reason_against_views: c.reason_against_views.clone(),
        silent,
    };
    let plan = Plan { approval: Some(approval), ..plan.clone() };
    let begun =
        (plan.terms.start_date <= context.today()).then(|| begun(ledger, &plan, targets, context));
    Ok([Event::PlanSet { plan }].into_iter().chain(begun).collect())
}

/// A plan is taken back: one that is proposed, one that is approved, or the one that steers. What
/// has moved stays where it went. A municipality takes back what it has proposed itself, until that
/// is approved.
pub(super) fn withdraw(
    ledger: &Ledger,
    c: &WithdrawPlan,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let missing = || Refusal::NotFound { what: "plan", id: c.plan_id.to_string() };
    let plan = ledger.plan(c.plan_id).ok_or_else(missing)?;
    let state = plan_standing::state(ledger, plan, context.registry, context.today());
    let is_countys = plan.approval.is_some() && context.actor.role == Role::Municipality;
    if !state.lies_before() || is_countys {
        let state = state.as_str();
        return Err(Refusal::WrongState { what: "the plan", state, transition: "WITHDRAW" });
    }
    // From here it happens.
    let withdrawal = Withdrawal {
        withdrawn_by: ActorKey::of(context.actor).to_string(),
        withdrawn_by_name: c.by_name.clone(),
        withdrawn_time: context.at,
        reason: c.reason.clone(),
    };
    Ok(vec![Event::PlanWithdrawn { plan_id: c.plan_id, withdrawal }])
}

/// Against the view of a municipality only with a reason, which all see.
fn require_reason(plan: &Plan, c: &ApprovePlan) -> Result<(), Refusal> {
    let disagrees = plan.comments.values().any(|comment| comment.view == View::Disagrees);
    if !disagrees || c.reason_against_views.is_some() {
        return Ok(());
    }
    let why =
        "a municipality does not agree, and all shall see why the plan is approved all the same";
    Err(Refusal::FieldRequired { field: "reason_against_views", why })
}

/// No two plans begin on one day: one of them would never steer.
fn require_first_day(ledger: &Ledger, plan: &Plan, context: &Context<'_>) -> Result<(), Refusal> {
    let start = plan.terms.start_date;
    let mut others = ledger.frame.plans.approved.values();
    if start <= context.today() || !others.any(|other| *other == start) {
        return Ok(());
    }
    Err(Refusal::DateOutOfRange {
        field: "start_date",
        value: start.to_string(),
        expected: "another day than that on which an approved plan of the ledger begins",
    })
}

/// The first day of a plan that was approved before has come.
pub(super) fn begin(ledger: &Ledger, plan_id: PlanId, context: &Context<'_>) -> Vec<Event> {
    let ready = ledger.plan(plan_id).filter(|plan| {
        plan.approval.is_some()
            && plan.withdrawal.is_none()
            && start_of_day_in_norway(plan.terms.start_date) <= context.at
            && !ledger.frame.plans.knows(plan_id)
    });
    let Some(plan) = ready else { return vec![Event::NothingToDo] };
    let is_current =
        context.measure(ledger).is_ok_and(|measure| context.require_current(measure).is_ok());
    let targets = targets_of(ledger, &plan.terms, context).ok().filter(|_| is_current);
    // What cannot be followed any more is left to a new plan.
    let lapsed = || Event::PlanLapsed { plan_id, date: context.today() };
    vec![targets.map_or_else(lapsed, |targets| begun(ledger, plan, targets, context))]
}

fn begun(
    ledger: &Ledger,
    plan: &Plan,
    (places, targets): (u32, BTreeMap<MunicipalityNumber, u32>),
    context: &Context<'_>,
) -> Event {
    let holders = holders_of(ledger, &plan.terms, context);
    let key = context.registry.distribution_key(&plan.terms.key_name, plan.terms.key_date);
    let distance = yet_to_move(&holders, &targets);
    let held = |holder: Holder| {
        (holder.municipality_number, u32::try_from(holder.held).unwrap_or(u32::MAX))
    };
    Event::PlanBegun {
        plan: ActivePlan {
            plan_id: plan.plan_id,
            terms: plan.terms.clone(),
            begun: context.today(),
            distance,
            held_at_start: holders.into_iter().map(held).collect(),
            places,
            targets,
            given: BTreeMap::new(),
            got: BTreeMap::new(),
            moved: 0,
            key_date: key.map(|(date, _)| date),
            stayed: BTreeMap::new(),
            vacancies_seen: 0,
            changes: Vec::new(),
            latest: Vec::new(),
        },
    }
}

/// A plan that nobody has approved yet, and that may be.
fn draft<'a>(
    ledger: &'a Ledger,
    plan_id: PlanId,
    transition: &'static str,
    context: &Context<'_>,
) -> Result<&'a Plan, Refusal> {
    let missing = || Refusal::NotFound { what: "plan", id: plan_id.to_string() };
    let plan = ledger.plan(plan_id).ok_or_else(missing)?;
    context.require_current(context.measure(ledger)?)?;
    let state = if plan.withdrawal.is_some() {
        PlanState::Withdrawn.as_str()
    } else if plan.approval.is_some() {
        PlanState::Approved.as_str()
    } else if plan.terms.approved_until() < context.today() {
        PlanState::Lapsed.as_str()
    } else {
        return Ok(plan);
    };
    Err(Refusal::WrongState { what: "the plan", state, transition })
}

fn require_terms(ledger: &Ledger, terms: &PlanTerms, context: &Context<'_>) -> Result<(), Refusal> {
    if claim(terms.method, 0, 1, 0).is_none() {
        return Err(Refusal::RegistryMismatch {
            field: "terms.method",
            value: String::new(),
            problem: "must be a divisor method: by others no place has a claim of its own",
        });
    }
    let today = context.today();
    for (field, value) in
        [("terms.start_date", terms.start_date), ("terms.comment_until_date", terms.comment_until)]
    {
        if value < today || value > today.saturating_add(AHEAD_MAX) {
            return Err(Refusal::DateOutOfRange {
                field,
                value: value.to_string(),
                expected: "today at the earliest, and at most two years ahead",
            });
        }
    }
    for number in terms.committed_places.keys() {
        context.require_in_area(ledger, "terms.committed.municipality_number", number)?;
    }
    Ok(())
}

/// Who holds quotas, with the weights of the plan's key.
pub(super) fn holders_of(ledger: &Ledger, terms: &PlanTerms, context: &Context<'_>) -> Vec<Holder> {
    plan_holders(ledger, terms, context.registry, context.today())
}

/// The places there are today, and what each municipality is entitled to of them.
fn targets_of(
    ledger: &Ledger,
    terms: &PlanTerms,
    context: &Context<'_>,
) -> Result<(u32, BTreeMap<MunicipalityNumber, u32>), Refusal> {
    let known = context.registry.distribution_key(&terms.key_name, terms.key_date);
    let wrong = |field, value: &str, problem| {
        Err(Refusal::RegistryMismatch { field, value: value.to_owned(), problem })
    };
    if known.is_none() {
        return wrong("terms.key_name", &terms.key_name, "is not a distribution key of that date");
    }
    let holders = holders_of(ledger, terms, context);
    let places = places_on(&ledger.frame.budgets, context.today());
    let Some(told) = targets(terms, places, &holders) else {
        // Nobody has a weight, or the maximums sum to less than the places.
        let weighs = holders.iter().any(|holder| holder.weight > 0);
        let problem = "places cannot be shared out so: the maximums allow fewer";
        return if weighs {
            wrong("terms.committed", &places.to_string(), problem)
        } else {
            wrong("terms.key_name", &terms.key_name, "has no weight for any municipality here")
        };
    };
    Ok((places, told))
}
