//! The fair-share service.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Method, Target},
        account::AccountKey,
        capacity::{Budget, PlacesInPeriod, Quota, QuotaBasis, places_on},
        ids::{LedgerId, MunicipalityNumber},
        ledger::Ledger,
        measure::Distribution,
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    grpc::{
        Api, Reader, answer, apportion, area_of,
        hidden::{self, PlacesShown},
        lending,
        parse::{
            fair_share::{self as parse, PlaceBudgetsQuery, QuotasQuery},
            lending as parse_lending, plan as parse_plan, progress as parse_progress,
            quota_move as parse_quota_move, shares as parse_shares,
        },
        plan_progress,
        plans::{
            self,
            By::{APerson, Anybody},
        },
        quota_move, redirections, require_ledger,
        shares::{self, empty},
        simulation,
    },
    proto::v1 as pb,
    proto::v1::{
        ApportionRequest, ApportionResponse, GetFairShareRequest, GetFairShareResponse,
        ListPlaceBudgetsRequest, ListPlaceBudgetsResponse, ListQuotasRequest, ListQuotasResponse,
        QuotaInPeriod, SetPlaceBudgetRequest, SetPlaceBudgetResponse, SetQuotasRequest,
        SetQuotasResponse, fair_share_service_server::FairShareService,
    },
    store::{self, budgets::Budgets},
};

/// How many ledgers' budgets are read at once, until a page is full.
const LEDGERS_AT_ONCE: usize = 20;

#[tonic::async_trait]
impl FairShareService for Api {
    async fn apportion(
        &self,
        r: Request<ApportionRequest>,
    ) -> Result<Response<ApportionResponse>, Status> {
        self.read(r, Method::Apportion, parse::apportion, apportion::apportion).await
    }

    async fn get_fair_share(
        &self,
        r: Request<GetFairShareRequest>,
    ) -> Result<Response<GetFairShareResponse>, Status> {
        self.read(r, Method::GetFairShare, parse_shares::get_fair_share, shares::fair_share).await
    }

    async fn set_place_budget(
        &self,
        r: Request<SetPlaceBudgetRequest>,
    ) -> Result<Response<SetPlaceBudgetResponse>, Status> {
        let method = Method::SetPlaceBudget;
        self.write(r, method, parse::set_place_budget, answer::set_place_budget).await
    }

    async fn set_quotas(
        &self,
        r: Request<SetQuotasRequest>,
    ) -> Result<Response<SetQuotasResponse>, Status> {
        self.write(r, Method::SetQuotas, parse::set_quotas, answer::set_quotas).await
    }

    async fn list_place_budgets(
        &self,
        r: Request<ListPlaceBudgetsRequest>,
    ) -> Result<Response<ListPlaceBudgetsResponse>, Status> {
        self.read(r, Method::ListPlaceBudgets, parse::list_place_budgets, place_budgets).await
    }

    async fn list_quotas(
        &self,
        r: Request<ListQuotasRequest>,
    ) -> Result<Response<ListQuotasResponse>, Status> {
        self.read(r, Method::ListQuotas, parse::list_quotas, quotas).await
    }

    async fn lend_quota(
        &self,
        r: Request<pb::LendQuotaRequest>,
    ) -> Result<Response<pb::LendQuotaResponse>, Status> {
        let parse = parse_lending::lend_quota;
        self.write(r, Method::LendQuota, parse, lending::lend_quota).await
    }

    async fn compare_fair_shares(
        &self,
        r: Request<pb::CompareFairSharesRequest>,
    ) -> Result<Response<pb::CompareFairSharesResponse>, Status> {
        let method = Method::CompareFairShares;
        self.read(r, method, parse_shares::compare, shares::compare).await
    }

    async fn propose_plan(
        &self,
        r: Request<pb::ProposePlanRequest>,
    ) -> Result<Response<pb::ProposePlanResponse>, Status> {
        let parse = parse_plan::propose_plan;
        self.plan(r, Method::ProposePlan, Anybody, parse, plans::propose_plan).await
    }

    async fn comment_plan(
        &self,
        r: Request<pb::CommentPlanRequest>,
    ) -> Result<Response<pb::CommentPlanResponse>, Status> {
        let parse = parse_plan::comment_plan;
        self.plan(r, Method::CommentPlan, APerson, parse, plans::comment_plan).await
    }

    async fn approve_plan(
        &self,
        r: Request<pb::ApprovePlanRequest>,
    ) -> Result<Response<pb::ApprovePlanResponse>, Status> {
        let parse = parse_plan::approve_plan;
        self.plan(r, Method::ApprovePlan, APerson, parse, plans::approve_plan).await
    }

    async fn withdraw_plan(
        &self,
        r: Request<pb::WithdrawPlanRequest>,
    ) -> Result<Response<pb::WithdrawPlanResponse>, Status> {
        let parse = parse_plan::withdraw_plan;
        self.plan(r, Method::WithdrawPlan, APerson, parse, plans::withdraw_plan).await
    }

    async fn get_plan(
        &self,
        r: Request<pb::GetPlanRequest>,
    ) -> Result<Response<pb::GetPlanResponse>, Status> {
        self.read(r, Method::GetPlan, parse_plan::get_plan, plans::plan).await
    }

    async fn list_plans(
        &self,
        r: Request<pb::ListPlansRequest>,
    ) -> Result<Response<pb::ListPlansResponse>, Status> {
        self.read(r, Method::ListPlans, parse_plan::list_plans, plans::plans).await
    }

    type SimulateRedistributionStream = simulation::Answers;

    async fn simulate_redistribution(
        &self,
        r: Request<pb::SimulateRedistributionRequest>,
    ) -> Result<Response<simulation::Answers>, Status> {
        self.simulate(r).await
    }

    async fn move_quota(
        &self,
        r: Request<pb::MoveQuotaRequest>,
    ) -> Result<Response<pb::MoveQuotaResponse>, Status> {
        let parse = parse_quota_move::move_quota;
        self.write(r, Method::MoveQuota, parse, quota_move::move_quota).await
    }

    async fn explain_redirection(
        &self,
        r: Request<pb::ExplainRedirectionRequest>,
    ) -> Result<Response<pb::ExplainRedirectionResponse>, Status> {
        let parse = parse_progress::explain_redirection;
        self.read(r, Method::ExplainRedirection, parse, redirections::redirection).await
    }

    async fn get_plan_progress(
        &self,
        r: Request<pb::GetPlanProgressRequest>,
    ) -> Result<Response<pb::GetPlanProgressResponse>, Status> {
        let parse = parse_progress::get_plan_progress;
        self.read(r, Method::GetPlanProgress, parse, plan_progress::progress).await
    }
}

/// A place budget with its place in the list: the ledger, and which of its budgets.
struct Listed {
    key: (LedgerId, usize),
    budget: Budget,
    /// Where it is in force: the sum of the quotas, and how many too many they are.
    in_force: Option<(u64, u32)>,
}

impl Listed {
    /// Whether it holds and must be looked at again by a day.
    fn is_due(&self, day: time::Date) -> bool {
        let review_by = self.budget.rests_on.review_by;
        self.in_force.is_some() && review_by.is_some_and(|review_by| review_by <= day)
    }
}

/// Place budgets ledger by ledger. Whoever may see one area only must name it.
async fn place_budgets(
    reader: Reader,
    query: PlaceBudgetsQuery,
) -> Result<ListPlaceBudgetsResponse, Error> {
    let (page, one) = (&query.page, query.ledger());
    let at_least = one.as_ref().map(|id| (id, page.at_least_seq));
    let (mut snapshot, registry) = reader.snapshot(at_least).await?;
    let area = Target { county_id: query.county_id.clone(), ..Target::default() };
    reader.require(&area, &registry)?;
    if let Some(id) = &one {
        require_ledger(id, &registry)?;
    }
    let after: Option<(LedgerId, usize)> = page.after(&reader.app.keys)?;
    let mut ids = store::ledger::list(&mut snapshot, query.county_id.as_ref()).await?;
    ids.retain(|id| {
        let asked_for = query.measure_code.as_ref().is_none_or(|code| id.measure_code == *code);
        asked_for && !id.is_registry() && after.as_ref().is_none_or(|(last, _)| id >= last)
    });
    ids.sort_unstable();
    let on = query.as_of.unwrap_or_else(|| reader.app.clock.now().date_in_norway());
    let (mut rows, mut revisions) = (Vec::new(), Vec::new());
    for chunk in ids.chunks(LEDGERS_AT_ONCE) {
        let mut found = store::budgets::of_ledgers(&mut snapshot, chunk).await?;
        found.sort_unstable_by(|one, other| one.ledger.cmp(&other.ledger));
        for budgets in found {
            revisions.push(answer::revision(&budgets.ledger, budgets.seq));
            let listed = listed(budgets, on, query.as_of.is_some());
            rows.extend(listed.filter(|row| {
                after.as_ref().is_none_or(|after| row.key > *after)
                    && query.review_due_by.is_none_or(|day| row.is_due(day))
            }));
        }
        if rows.len() > page.size {
            break;
        }
    }
    snapshot.rollback().await?;
    let (place_budgets, next_page_token) =
        page.cut(&reader.app.keys, rows, |row| row.key.clone(), |row| place_budget(&row))?;
    // A ledger that is asked for by name is shown, even where it has nothing to show.
    revisions.retain(|revision| {
        one.is_some() || place_budgets.iter().any(|shown| shown.ledger == revision.ledger)
    });
    if let (Some(id), true) = (&one, revisions.is_empty()) {
        revisions.push(answer::revision(id, 0));
    }
    Ok(ListPlaceBudgetsResponse { revisions, place_budgets, next_page_token })
}

/// A ledger's budgets in the order they were set: the last one that covers a date is in
/// force on it.
fn listed(of: Budgets, on: time::Date, only_in_force: bool) -> impl Iterator<Item = Listed> {
    let Budgets { ledger, frame, .. } = of;
    let in_force = frame.budgets.iter().rposition(|budget| budget.places.covers(on));
    let of_quotas = (frame.sum_of_quotas(on), frame.over_budget(on));
    frame
        .budgets
        .into_iter()
        .enumerate()
        .map(move |(index, budget)| Listed {
            key: (ledger.clone(), index),
            budget,
            in_force: (Some(index) == in_force).then_some(of_quotas),
        })
        .filter(move |row| row.in_force.is_some() || !only_in_force)
}

fn place_budget(row: &Listed) -> pb::PlaceBudget {
    let Budget { places, source, rests_on } = &row.budget;
    let (quotas, over) = row.in_force.unwrap_or_default();
    pb::PlaceBudget {
        ledger: Some(answer::ledger(&row.key.0)),
        places: places.places,
        valid_from_date: Some(answer::date(places.valid_from)),
        valid_to_date: places.valid_to.map(answer::date),
        in_force: row.in_force.is_some(),
        basis: rests_on.basis.map_or(pb::QuotaBasis::Unspecified, quota_basis).into(),
        basis_date: rests_on.basis_date.map(answer::date),
        source: source.clone(),
        review_by_date: rests_on.review_by.map(answer::date),
        quota_places: whole_places(quotas),
        quotas_over_budget_places: over,
    }
}

fn whole_places(places: u64) -> u32 {
    u32::try_from(places).unwrap_or(u32::MAX)
}

/// The quotas of a ledger: those that hold on a date, or all that were set and not
/// replaced.
async fn quotas(reader: Reader, query: QuotasQuery) -> Result<ListQuotasResponse, Error> {
    let (id, page) = (&query.ledger, &query.page);
    let (mut snapshot, registry) = reader.snapshot(Some((id, page.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    require_ledger(id, &registry)?;
    require_quotas(id, &registry)?;
    let ledger = store::ledger::find(&mut snapshot, id).await?.unwrap_or_else(|| empty(id));
    let told = hidden::places(&reader, &mut snapshot, &ledger, &registry).await?;
    snapshot.rollback().await?;
    let today = reader.app.clock.now().date_in_norway();
    let as_of = query.as_of.unwrap_or(today);
    let asked_for = |number: &&MunicipalityNumber| {
        query.municipality.as_ref().is_none_or(|only| only == *number)
    };
    let holders = ledger.frame().quota_holders().into_iter().filter(asked_for);
    let rows = holders.flat_map(|number| shown_quotas(number, &query, as_of, &ledger));
    let key = |row: &ShownQuota<'_>| {
        let valid_from = row.quota.as_ref().map(|(_, period)| period.valid_from);
        (row.number.clone(), valid_from)
    };
    let answer = |row: ShownQuota<'_>| row.answer((today, as_of), &ledger, &told, &registry);
    let (quotas, next_page_token) = page.cut(&reader.app.keys, rows, key, answer)?;
    let frame = ledger.frame();
    Ok(ListQuotasResponse {
        revisions: vec![answer::revision(id, ledger.head().seq)],
        quotas,
        next_page_token,
        place_budget: places_on(&frame.budgets, as_of),
        quota_places: whole_places(frame.sum_of_quotas(as_of)),
        quotas_over_budget_places: frame.over_budget(as_of),
    })
}

pub(super) fn require_quotas(id: &LedgerId, registry: &Registry) -> Result<(), Refusal> {
    match registry.ledger_distribution(id) {
        Some(Distribution::CountyPool) => Err(Refusal::MeasureTypeRule(
            "one pool serves the whole area in this measure type; it has no quotas",
        )),
        Some(Distribution::ByMunicipality | Distribution::ByHostArea) | None => Ok(()),
    }
}

/// When each quota of a municipality holds: until the next one begins.
fn periods(history: &[Quota]) -> impl Iterator<Item = (&Quota, PlacesInPeriod)> {
    let next = history.iter().skip(1).map(|next| Some(next.places.valid_from)).chain([None]);
    history.iter().zip(next).map(|(quota, next)| {
        let valid_to = next.or(quota.places.valid_to);
        (quota, PlacesInPeriod { valid_to, ..quota.places.clone() })
    })
}

/// A row of the list: a quota and when it holds, or a municipality that has none and borrows.
struct ShownQuota<'a> {
    number: &'a MunicipalityNumber,
    quota: Option<(&'a Quota, PlacesInPeriod)>,
}

/// The rows of one municipality.
fn shown_quotas<'a>(
    number: &'a MunicipalityNumber,
    query: &QuotasQuery,
    as_of: time::Date,
    ledger: &'a Ledger,
) -> Vec<ShownQuota<'a>> {
    let frame = ledger.frame();
    let history = frame.quotas.get(number).map_or(&[][..], Vec::as_slice);
    let rows = periods(history)
        .filter(|(_, period)| query.with_history || period.covers(as_of))
        .filter(|(quota, _)| query.review_due_by.is_none_or(|day| quota.is_due(day)))
        .map(|quota| ShownQuota { number, quota: Some(quota) });
    let rows: Vec<ShownQuota<'_>> = rows.collect();
    let only_borrows = query.with_history || frame.borrowed_places(number, as_of) > 0;
    if rows.is_empty() && only_borrows && query.review_due_by.is_none() {
        return vec![ShownQuota { number, quota: None }];
    }
    rows
}

impl ShownQuota<'_> {
    fn answer(
        &self,
        (today, as_of): (time::Date, time::Date),
        ledger: &Ledger,
        told: &PlacesShown,
        registry: &Registry,
    ) -> QuotaInPeriod {
        let (number, frame) = (self.number, ledger.frame());
        let municipality = registry.municipality(number);
        let key = AccountKey::Quota(number.clone());
        let usage = || hidden::usage(answer::usage(&ledger.account(&key)), told.of(&key));
        let period = self.quota.as_ref().map(|(_, period)| period);
        let holds_today =
            period.map_or(frame.borrowed_places(number, today) > 0, |period| period.covers(today));
        let without = pb::Quota { municipality_number: number.to_string(), ..pb::Quota::default() };
        QuotaInPeriod {
            quota: Some(self.quota.as_ref().map_or(without, |(quota, _)| quota_answer(quota))),
            municipality_name: municipality.map(|m| m.name.clone()).unwrap_or_default(),
            valid_from_date: period.map(|period| answer::date(period.valid_from)),
            valid_to_date: period.and_then(|period| period.valid_to).map(answer::date),
            usage: holds_today.then(usage),
            lending: lending::lending(frame, number, period, as_of),
            moves: quota_move::moves(frame, number, period),
        }
    }
}

fn quota_answer(quota: &Quota) -> pb::Quota {
    pb::Quota {
        municipality_number: quota.municipality_number.to_string(),
        places: quota.places.places,
        basis: quota_basis(quota.basis).into(),
        basis_date: quota.basis_date.map(answer::date),
        source: quota.source.clone(),
        review_by_date: quota.review_by.map(answer::date),
        committed_places: quota.committed_places,
    }
}

fn quota_basis(basis: QuotaBasis) -> pb::QuotaBasis {
    match basis {
        QuotaBasis::Population => pb::QuotaBasis::Population,
        QuotaBasis::NeedAssessment => pb::QuotaBasis::NeedAssessment,
        QuotaBasis::AlternativeService => pb::QuotaBasis::AlternativeService,
        QuotaBasis::History => pb::QuotaBasis::History,
        QuotaBasis::Other => pb::QuotaBasis::Other,
    }
}
