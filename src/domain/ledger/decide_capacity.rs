//! Decisions about places: capacity, budgets, quotas, and days on which they change.

use std::collections::BTreeSet;

use time::Date;

use crate::domain::{
    access::ActorKey,
    account::{AccountKey, WHOLE_PLACE},
    capacity::{
        Budget, PlaceGroup, Quota, Submission, SubmissionState, boundaries_after, places_on,
    },
    command::{ReviewCapacity, SetPlaceBudget, SetQuotas, SubmitCapacity},
    event::Event,
    ids::{IdSource, PlaceGroupId, SubmissionId},
    ledger::{
        Context, Frame, HISTORY_MAX, Ledger, PLACE_GROUPS_MAX, decide::require_free_references,
        guards::require_one_more, quotas::days_of,
    },
    measure::Distribution,
    refusal::{Limited, Refusal},
};

pub(super) fn submit(
    ledger: &Ledger,
    c: &SubmitCapacity,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    context.measure(ledger)?;
    if context.registry.provider(&c.organisation_number).is_none() {
        return Err(Refusal::RegistryMismatch {
            field: "organisation_number",
            value: c.organisation_number.to_string(),
            problem: "is not a provider of the registry",
        });
    }
    if let Some(number) = &c.site_municipality_number {
        context.require_in_area(ledger, "site_municipality_number", number)?;
    }
    let place_group_id = match c.place_group_id {
        Some(id) => own_group(ledger, id, c)?,
        None => PlaceGroupId(ids.next_id()),
    };
    require_free_references(ledger, &c.external_references, Some(place_group_id.0))?;
    // From here it happens.
    let submission = Submission {
        submission_id: SubmissionId(ids.next_id()),
        place_group_id,
        organisation_number: c.organisation_number.clone(),
        name: c.name.clone(),
        site_municipality_number: c.site_municipality_number.clone(),
        work_fields: c.work_fields.clone(),
        places: c.places.clone(),
        agreement_reference: c.agreement_reference.clone(),
        stated_wait: c.stated_wait,
        external_references: c.external_references.clone(),
        call_off_rank: c.call_off_rank,
        submitted_by: ActorKey::of(context.actor).to_string(),
        submitted_time: context.at,
        state: SubmissionState::Submitted,
    };
    Ok(vec![Event::CapacitySubmitted { submission }])
}

/// A group of another provider answers like one that does not exist.
fn own_group(
    ledger: &Ledger,
    id: PlaceGroupId,
    c: &SubmitCapacity,
) -> Result<PlaceGroupId, Refusal> {
    ledger
        .place_group(id)
        .filter(|group| group.organisation_number == c.organisation_number)
        .map(|group| group.place_group_id)
        .ok_or_else(|| Refusal::NotFound { what: "place group", id: id.to_string() })
}

pub(super) fn review(
    ledger: &Ledger,
    c: &ReviewCapacity,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let submission = ledger
        .submission(c.submission_id)
        .ok_or_else(|| Refusal::NotFound { what: "submission", id: c.submission_id.to_string() })?;
    if submission.submitted_by == ActorKey::of(context.actor).to_string() {
        return Err(Refusal::FourEyes);
    }
    let transition = if c.approve { "APPROVE" } else { "REJECT" };
    let state = match submission.state {
        SubmissionState::Submitted => None,
        SubmissionState::Approved => Some("APPROVED"),
        SubmissionState::Rejected => Some("REJECTED"),
    };
    if let Some(state) = state {
        return Err(Refusal::WrongState { what: "the submission", state, transition });
    }
    let submission_id = c.submission_id;
    let reason = c.reason.clone();
    if !c.approve {
        return Ok(vec![Event::CapacityRejected { submission_id, reason }]);
    }
    let place_group = group_with(ledger, submission)?;
    // From here it happens.
    let today = context.today();
    let days = boundaries_after(std::slice::from_ref(&submission.places), today).collect();
    let id = place_group.place_group_id;
    let others = ledger.place_groups.values().filter(|group| group.place_group_id != id);
    let groups = others.chain([&place_group]);
    let changed = |key: &AccountKey| *key == AccountKey::PlaceGroup(id);
    let limits = limits_on(ledger, today, groups, &ledger.frame, changed);
    Ok(vec![
        Event::CapacityApproved { submission_id, place_group, reason, days },
        Event::LimitsSet { date: today, limits },
    ])
}

/// The group as it is with an approved submission in it.
fn group_with(ledger: &Ledger, submission: &Submission) -> Result<PlaceGroup, Refusal> {
    let mut group = match ledger.place_group(submission.place_group_id) {
        Some(group) => group.clone(),
        None => new_group(ledger, submission)?,
    };
    require_room(Limited::Capacities, group.capacity.len())?;
    if let Some(name) = &submission.name {
        group.name.clone_from(name);
    }
    if let Some(site) = &submission.site_municipality_number {
        group.site_municipality_number = site.clone();
    }
    if !submission.work_fields.is_empty() {
        group.work_fields.clone_from(&submission.work_fields);
    }
    if submission.stated_wait.is_some() {
        group.stated_wait = submission.stated_wait;
    }
    group.call_off_rank = submission.call_off_rank.or(group.call_off_rank);
    group.capacity.push(submission.places.clone());
    Ok(group)
}

/// One more dated decision must fit.
pub(super) fn require_room(what: Limited, so_far: usize) -> Result<(), Refusal> {
    require_one_more(what, so_far, HISTORY_MAX)
}

fn new_group(ledger: &Ledger, submission: &Submission) -> Result<PlaceGroup, Refusal> {
    require_one_more(Limited::PlaceGroups, ledger.place_groups.len(), PLACE_GROUPS_MAX)?;
    let missing = |field| Refusal::RegistryMismatch {
        field,
        value: String::new(),
        problem: "is required for a new place group",
    };
    let site = submission.site_municipality_number.clone();
    Ok(PlaceGroup {
        place_group_id: submission.place_group_id,
        organisation_number: submission.organisation_number.clone(),
        name: submission.name.clone().ok_or_else(|| missing("name"))?,
        site_municipality_number: site.ok_or_else(|| missing("site_municipality_number"))?,
        work_fields: Vec::new(),
        stated_wait: None,
        capacity: Vec::new(),
        closures: Vec::new(),
        call_off_rank: None,
    })
}

/// A budget may be set below what the quotas sum to: then "over" is shown (I9).
pub(super) fn set_budget(
    ledger: &Ledger,
    c: &SetPlaceBudget,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    context.measure(ledger)?;
    require_room(Limited::PlaceBudgets, ledger.frame.budgets.len())?;
    let today = context.today();
    let places = c.places.clone();
    let days = boundaries_after(std::slice::from_ref(&places), today).collect();
    // Rows from before it was asked what a budget rests on have the source in the command alone.
    let source = c.rests_on.map(|_| c.source.clone()).unwrap_or_default();
    let rests_on = c.rests_on.unwrap_or_default();
    let budget = Budget { places: places.clone(), source: source.clone(), rests_on };
    let mut events = vec![Event::PlaceBudgetSet { places, days, source, rests_on }];
    if ledger.distribution == Distribution::CountyPool {
        let mut frame = ledger.frame.clone();
        frame.budgets.push(budget);
        let groups = ledger.place_groups.values();
        let limits = limits_on(ledger, today, groups, &frame, |key| *key == AccountKey::Pool);
        events.push(Event::LimitsSet { date: today, limits });
    }
    Ok(events)
}

pub(super) fn set_quotas(
    ledger: &Ledger,
    c: &SetQuotas,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    context.measure(ledger)?;
    require_quotas(ledger)?;
    let today = context.today();
    for quota in &c.quotas {
        context.require_in_area(
            ledger,
            "quotas.municipality_number",
            &quota.municipality_number,
        )?;
        // One that is hosted from now on may still have its own quota taken away.
        if quota.places.places > 0 {
            let (number, day) = (&quota.municipality_number, quota.places.valid_from.max(today));
            context.require_not_hosted(ledger, "quotas.municipality_number", number, day)?;
        }
    }
    let quotas = with_committed(ledger, &c.quotas, today)?;
    let mut after = ledger.frame.quotas.clone();
    for quota in &quotas {
        let history = after.entry(quota.municipality_number.clone()).or_default();
        require_room(Limited::Quotas, history.len())?;
        put_quota(history, quota.clone());
    }
    let frame = Frame { quotas: after, ..ledger.frame.clone() };
    require_within_budget(ledger, &frame, &quotas, today)?;
    // From here it happens.
    let set: BTreeSet<AccountKey> =
        quotas.iter().map(|quota| AccountKey::Quota(quota.municipality_number.clone())).collect();
    let groups = ledger.place_groups.values();
    let limits = limits_on(ledger, today, groups, &frame, |key| set.contains(key));
    let mut days: Vec<Date> = quotas
        .iter()
        .flat_map(|quota| boundaries_after(std::slice::from_ref(&quota.places), today))
        .collect();
    days.sort_unstable();
    days.dedup();
    Ok(vec![Event::QuotasSet { quotas, days }, Event::LimitsSet { date: today, limits }])
}

/// The quotas with what their municipalities co-finance: where that is not told it stays what it
/// is on their first day, or today where that is past. None is raised above it; one that is above
/// it already, since less is co-financed than was, may stay as it is or be lowered.
fn with_committed(ledger: &Ledger, asked: &[Quota], today: Date) -> Result<Vec<Quota>, Refusal> {
    let frame = &ledger.frame;
    let of_one = |quota: &Quota| {
        let (number, places) = (&quota.municipality_number, quota.places.places);
        let date = quota.places.valid_from.max(today);
        let known = quota.committed_places.or_else(|| frame.committed_places(number, date));
        if let Some(committed) = known.filter(|most| places > *most)
            && places > frame.own_places(number, date)
        {
            let municipality = number.clone();
            return Err(Refusal::QuotaAboveCommitted { municipality, places, committed, date });
        }
        Ok(Quota { committed_places: known, ..quota.clone() })
    };
    asked.iter().map(of_one).collect()
}

/// Requires a measure type that is shared by municipality or host area.
pub(super) fn require_quotas(ledger: &Ledger) -> Result<(), Refusal> {
    match ledger.distribution {
        Distribution::ByMunicipality | Distribution::ByHostArea => Ok(()),
        Distribution::CountyPool => Err(Refusal::MeasureTypeRule(
            "one pool serves the whole area in this measure type; it has no quotas",
        )),
    }
}

/// On each day the change concerns, what the quotas may use together must fit the budget (I2) —
/// unless the change lowers it, which is never refused. What was lent counts even where the
/// lender's quota no longer covers it.
fn require_within_budget(
    ledger: &Ledger,
    after: &Frame,
    changed: &[Quota],
    today: Date,
) -> Result<(), Refusal> {
    let mut days: Vec<Date> = changed.iter().map(|q| q.places.valid_from.max(today)).collect();
    days.extend(after.quotas.values().flatten().flat_map(|quota| {
        boundaries_after(std::slice::from_ref(&quota.places), today).collect::<Vec<_>>()
    }));
    days.extend(boundaries_after(&ledger.frame.budgets, today));
    days.extend(after.loans.iter().flat_map(|loan| days_of(loan, today)));
    days.sort_unstable();
    days.dedup();
    for date in days {
        let budget = places_on(&ledger.frame.budgets, date);
        let (sum, before) = (after.sum_of_limits(date), ledger.frame.sum_of_limits(date));
        if sum > u64::from(budget) && sum > before {
            return Err(Refusal::QuotasExceedBudget { sum, budget, date });
        }
    }
    Ok(())
}

/// Adds a quota. It has no end, so what was to begin on its day or later never holds.
pub(super) fn put_quota(history: &mut Vec<Quota>, quota: Quota) {
    history.retain(|other| other.places.valid_from < quota.places.valid_from);
    history.push(quota);
}

/// Sets every limit to what holds today. `date` is the day that was due; a worker
/// that was away for a week catches up on the first of them.
pub(super) fn begin_day(
    ledger: &Ledger,
    date: Date,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    context.measure(ledger)?;
    let today = context.today();
    let groups = ledger.place_groups.values();
    let limits = limits_on(ledger, today, groups, &ledger.frame, |_| false);
    Ok(vec![Event::LimitsSet { date, limits }])
}

/// Every limit as it holds on `today`, once `groups` and `frame` do: those that
/// `changed` names, and whichever else differs. A decision may fall on a day whose own
/// beginning has not been let happen yet; as it settles that day's limits, all of them
/// must be in it.
pub(super) fn limits_on<'a>(
    ledger: &Ledger,
    today: Date,
    groups: impl Iterator<Item = &'a PlaceGroup>,
    frame: &Frame,
    changed: impl Fn(&AccountKey) -> bool,
) -> Vec<(AccountKey, i64)> {
    let groups = groups.map(|group| {
        let key = AccountKey::PlaceGroup(group.place_group_id);
        (key, in_percent(places_on(&group.capacity, today)))
    });
    let second: Vec<(AccountKey, i64)> = match ledger.distribution {
        Distribution::CountyPool => {
            vec![(AccountKey::Pool, in_percent(places_on(&frame.budgets, today)))]
        }
        Distribution::ByMunicipality | Distribution::ByHostArea => frame
            .quota_holders()
            .into_iter()
            .map(|n| (AccountKey::Quota(n.clone()), frame.quota_limit(n, today)))
            .collect(),
    };
    groups
        .chain(second)
        .filter(|(key, limit)| changed(key) || ledger.account(key).limit != *limit)
        .collect()
}

fn in_percent(places: u32) -> i64 {
    i64::from(places) * WHOLE_PLACE
}
