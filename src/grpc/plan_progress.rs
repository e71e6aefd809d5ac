//! `GetPlanProgress`: how a plan goes, what keeps it, and quota and places that do not meet.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use time::Date;

use crate::{
    domain::{
        account::AccountKey,
        apart::{Apart, PlacesApart, apart, cost},
        calendar::start_of_day_in_norway,
        forecast::{Giver, expected_by},
        ids::MunicipalityNumber,
        ledger::{Aim, Ledger, aim},
        plan::{ActivePlan, Pace, PastPlan, PlanChange, Step},
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    grpc::{
        Reader, answer, area_of,
        fair_share::require_quotas,
        hidden,
        parse::progress::ProgressQuery,
        plans::whole,
        redirections::{change, ground},
        require_ledger,
        shares::empty,
    },
    proto::v1 as pb,
    store,
};

/// Days of an average month, for a mean stay in months.
const DAYS_OF_MONTH: f64 = 365.25 / 12.0;

/// How a plan that has begun goes.
pub(super) async fn progress(
    reader: Reader,
    query: ProgressQuery,
) -> Result<pb::GetPlanProgressResponse, Error> {
    let id = &query.ledger;
    let _place = reader.heavy_place().await?;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    require_ledger(id, &registry)?;
    require_quotas(id, &registry)?;
    let ledger = store::ledger::find(&mut snapshot, id).await?.unwrap_or_else(|| empty(id));
    let today = reader.today();
    let book = &ledger.frame().plans;
    let active = book.active.as_ref().filter(|plan| plan.plan_id == query.plan_id);
    let past = book.past.iter().find(|past| past.plan_id == query.plan_id && !past.lapsed);
    let withdrawn = match (active, past) {
        (None, None) => store::plans::find(&mut snapshot, id, query.plan_id).await?,
        _ => None,
    };
    let past = past.or(withdrawn.as_ref().and_then(|plan| plan.steered.as_deref()));
    let told = if let Some(plan) = active {
        let aim = aim(&ledger, plan, &registry, today);
        let pending = pending(&mut snapshot, &ledger, plan, &aim, today).await?;
        let apart = places_apart(&reader, &mut snapshot, &ledger, &registry, &query).await?;
        let shown = Shown { ledger: &ledger, registry: &registry, today };
        pb::PlanProgress { apart: Some(apart), ..shown.active(plan, &aim, pending) }
    } else if let Some(past) = past {
        let shown = Shown { ledger: &ledger, registry: &registry, today: past.ended };
        shown.past(past)
    } else {
        let (what, id) = ("plan that has begun", query.plan_id.to_string());
        return Err(Refusal::NotFound { what, id }.into());
    };
    snapshot.rollback().await?;
    let revisions = vec![answer::revision(id, ledger.head().seq)];
    Ok(pb::GetPlanProgressResponse { revisions, progress: Some(told) })
}

/// What has changed since the plan last took aim, which the ledger's next row will follow; and
/// since when.
async fn pending(
    connection: &mut PgConnection,
    ledger: &Ledger,
    plan: &ActivePlan,
    aim_now: &Aim,
    today: Date,
) -> Result<Option<PlanChange>, Error> {
    if aim_now.causes.is_empty() {
        return Ok(None);
    }
    Ok(Some(PlanChange {
        date: changed_on(connection, ledger, plan, today).await?,
        causes: aim_now.causes.clone(),
        key_date: aim_now.key_date,
        places: aim_now.places,
        remaining: aim_now.remaining(),
    }))
}

/// The first day on which the plan aimed otherwise than the registry of that day had it, found by
/// halving the days since it last took aim.
async fn changed_on(
    connection: &mut PgConnection,
    ledger: &Ledger,
    plan: &ActivePlan,
    today: Date,
) -> Result<Date, Error> {
    let last = plan.changes.last().map_or(plan.begun, |change| change.date);
    let mut before = last.previous_day().unwrap_or(last);
    let mut since = today;
    while (since - before).whole_days() > 1 {
        let middle: Date = before + (since - before) / 2;
        let end = start_of_day_in_norway(middle.next_day().unwrap_or(middle));
        let version = store::registry::version_before(connection, end).await?;
        let registry = store::registry::load(connection, version).await?;
        if aim(ledger, plan, &registry, middle).causes.is_empty() {
            before = middle;
        } else {
            since = middle;
        }
    }
    Ok(since)
}

/// Quota and places that do not meet; hidden where it would tell of few people.
async fn places_apart(
    reader: &Reader,
    connection: &mut PgConnection,
    ledger: &Ledger,
    registry: &Registry,
    query: &ProgressQuery,
) -> Result<pb::PlacesApart, Error> {
    let told = hidden::places(reader, connection, ledger, registry).await?;
    let keys: Vec<&AccountKey> = ledger.accounts().map(|(key, _)| key).collect();
    if !told.total().used || keys.iter().any(|key| !told.of(key).used) {
        return Ok(pb::PlacesApart { is_hidden: true, ..pb::PlacesApart::default() });
    }
    let used = store::vacancies::changes_of_use(connection, ledger.id(), &keys).await?;
    let PlacesApart { quotas, places } = apart(ledger, &used, reader.today());
    let price = query.nok_per_place_year;
    let all: u64 = places.iter().map(|one| one.percent_days).sum();
    let of_quota = |one: &Apart| {
        let number = answer::account_municipality(&one.key);
        let name = number.parse::<MunicipalityNumber>().ok();
        let name = name.and_then(|number| registry.municipality(&number));
        pb::QuotaWithoutPlace {
            municipality_name: name.map(|m| m.name.clone()).unwrap_or_default(),
            municipality_number: number,
            percent: one.percent,
            empty_since_date: Some(answer::date(one.since)),
            days_empty: one.days,
            place_days_empty: one.place_days(),
        }
    };
    Ok(pb::PlacesApart {
        is_hidden: false,
        quotas: quotas.iter().map(of_quota).collect(),
        places: places.iter().filter_map(|one| place_without(ledger, one, price)).collect(),
        places_cost_nok: price.map(|price| cost(all, price)),
    })
}

fn place_without(
    ledger: &Ledger,
    one: &Apart,
    price: Option<u64>,
) -> Option<pb::PlaceWithoutQuota> {
    let AccountKey::PlaceGroup(id) = &one.key else { return None };
    let group = ledger.place_group(*id)?;
    Some(pb::PlaceWithoutQuota {
        place_group_id: id.to_string(),
        organisation_number: group.organisation_number.to_string(),
        name: group.name.clone(),
        site_municipality_number: group.site_municipality_number.to_string(),
        percent: one.percent,
        empty_since_date: Some(answer::date(one.since)),
        days_empty: one.days,
        place_days_empty: one.place_days(),
        cost_nok: price.map(|price| one.cost(price)),
    })
}

/// What progress is told by.
struct Shown<'a> {
    ledger: &'a Ledger,
    registry: &'a Registry,
    today: Date,
}

impl Shown<'_> {
    /// Of the plan that steers: its targets are those of today, whether a row has followed them
    /// yet or not.
    fn active(
        &self,
        plan: &ActivePlan,
        aim: &Aim,
        pending: Option<PlanChange>,
    ) -> pb::PlanProgress {
        let mut as_of_today = plan.clone();
        if let Some((change, targets)) = pending.clone().zip(aim.targets.as_ref()) {
            let held = aim.holders.iter().map(|one| (&one.municipality_number, one.held));
            as_of_today.aim_anew(change, targets, held);
        }
        let year = as_of_today.year_of_plan(self.today);
        let mut changes: Vec<pb::PlanChange> = plan.changes.iter().map(change).collect();
        let is_pending = true;
        changes.extend(pending.map(|new| pb::PlanChange { is_pending, ..change(&new) }));
        let status = match as_of_today.pace(self.today) {
            Pace::Ahead => pb::PlanPaceStatus::Ahead,
            Pace::On => pb::PlanPaceStatus::On,
            Pace::Behind => pb::PlanPaceStatus::Behind,
        };
        let remaining = if aim.targets.is_some() { aim.remaining() } else { left(plan) };
        pb::PlanProgress {
            is_active: true,
            year: year.year,
            year_first_date: Some(answer::date(year.first)),
            year_last_date: Some(answer::date(year.last)),
            remaining_places: whole(remaining),
            goal_now_places: whole(year.goal_now),
            goal_at_year_end_places: whole(year.goal_at_end),
            status: status.into(),
            vacancies_seen: plan.vacancies_seen,
            vacancies_expected: expected(plan, self.today),
            areas: self.areas(&as_of_today),
            changes,
            latest: plan.latest.iter().map(step).collect(),
            targets_impossible: aim.targets.is_none(),
            ..self.head(&as_of_today)
        }
    }

    /// Of a plan that steers no more: as it was when it ended, as far as that is kept.
    fn past(&self, past: &PastPlan) -> pb::PlanProgress {
        let Some(plan) = &past.ended_as else {
            return pb::PlanProgress {
                plan_id: past.plan_id.to_string(),
                as_of_date: Some(answer::date(past.ended)),
                moved_places: past.moved,
                distance_places: whole(past.distance),
                remaining_places: whole(past.distance.saturating_sub(past.moved.into())),
                ..pb::PlanProgress::default()
            };
        };
        let year = plan.year_of_plan(self.today);
        pb::PlanProgress {
            year: year.year,
            year_first_date: Some(answer::date(year.first)),
            year_last_date: Some(answer::date(year.last)),
            remaining_places: whole(left(plan)),
            goal_now_places: whole(year.goal_now),
            goal_at_year_end_places: whole(year.goal_at_end),
            vacancies_seen: plan.vacancies_seen,
            vacancies_expected: expected(plan, self.today),
            areas: self.areas(plan),
            changes: plan.changes.iter().map(change).collect(),
            ..self.head(plan)
        }
    }

    fn head(&self, plan: &ActivePlan) -> pb::PlanProgress {
        let kept = plan
            .stayed
            .iter()
            .map(|(why, places)| pb::PlacesKept { ground: ground(*why).into(), places: *places });
        pb::PlanProgress {
            plan_id: plan.plan_id.to_string(),
            plan_name: plan.terms.name.clone(),
            as_of_date: Some(answer::date(self.today)),
            moved_places: plan.moved,
            distance_places: whole(plan.distance),
            kept: kept.collect(),
            ..pb::PlanProgress::default()
        }
    }

    fn areas(&self, plan: &ActivePlan) -> Vec<pb::PlanProgressArea> {
        let count = |of: &BTreeMap<MunicipalityNumber, u32>, number: &MunicipalityNumber| {
            of.get(number).copied().unwrap_or(0)
        };
        let of_one = |(number, target): (&MunicipalityNumber, &u32)| {
            let held = self.ledger.frame().own_places(number, self.today);
            let name = self.registry.municipality(number).map(|m| m.name.clone());
            pb::PlanProgressArea {
                municipality_number: number.to_string(),
                municipality_name: name.unwrap_or_default(),
                held_places: held,
                target_places: *target,
                given_places: count(&plan.given, number),
                got_places: count(&plan.got, number),
                to_give_places: held.saturating_sub(*target),
                to_get_places: target.saturating_sub(held),
                may_give_places: plan.may_give(number, self.today).map(whole),
                maximum_places: plan.terms.committed_places.get(number).copied(),
            }
        };
        plan.targets.iter().map(of_one).collect()
    }
}

/// How many have yet to move, as the plan itself counts.
fn left(plan: &ActivePlan) -> u64 {
    plan.distance.saturating_sub(plan.moved.into())
}

/// How many places of municipalities above their targets were to become free by a day.
fn expected(plan: &ActivePlan, day: Date) -> Option<u32> {
    let stay = f64::from(plan.terms.mean_stay_months?) * DAYS_OF_MONTH;
    let givers: Vec<Giver> = plan
        .held_at_start
        .iter()
        .map(|(number, held)| Giver {
            held: (*held).into(),
            target: plan.targets.get(number).copied().unwrap_or(0).into(),
        })
        .collect();
    let days = i32::try_from((day - plan.begun).whole_days().max(0)).unwrap_or(i32::MAX);
    Some(whole(expected_by(&givers, f64::from(days) / stay)))
}

fn step(step: &Step) -> pb::PlanRedirection {
    let number =
        |of: &Option<MunicipalityNumber>| of.as_ref().map(ToString::to_string).unwrap_or_default();
    pb::PlanRedirection {
        seq: step.seq,
        date: Some(answer::date(step.date)),
        from_municipality_number: number(&step.from_municipality),
        to_municipality_number: number(&step.to_municipality),
        ground: ground(step.ground).into(),
    }
}
