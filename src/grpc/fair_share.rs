//! The fair-share service.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Method, Target},
        account::AccountKey,
        apportionment::{self, Apportionment},
        capacity::{PlacesInPeriod, Quota, QuotaBasis},
        fair_share::{FairShare, FairShares, fair_shares},
        ids::{LedgerId, MunicipalityNumber},
        ledger::{Head, Ledger},
        measure::Distribution,
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    grpc::{
        Api, Reader, answer, area_of,
        hidden::{self, PlacesShown},
        lending,
        parse::{
            fair_share::{
                self as parse, ApportionQuery, FairShareQuery, PlaceBudgetsQuery, QuotasQuery,
            },
            lending as parse_lending, plan as parse_plan,
        },
        plans::{
            self,
            By::{APerson, Anybody},
        },
        require_ledger, simulation,
    },
    proto::v1 as pb,
    proto::v1::{
        ApportionRequest, ApportionResponse, ApportionTie, ApportionedArea, GetFairShareRequest,
        GetFairShareResponse, ListPlaceBudgetsRequest, ListPlaceBudgetsResponse, ListQuotasRequest,
        ListQuotasResponse, QuotaInPeriod, SetPlaceBudgetRequest, SetPlaceBudgetResponse,
        SetQuotasRequest, SetQuotasResponse, fair_share_service_server::FairShareService,
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
        self.read(r, Method::Apportion, parse::apportion, apportion).await
    }

    async fn get_fair_share(
        &self,
        r: Request<GetFairShareRequest>,
    ) -> Result<Response<GetFairShareResponse>, Status> {
        self.read(r, Method::GetFairShare, parse::get_fair_share, fair_share).await
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
}

/// A pure calculation. It runs where it may take its time without holding others up.
async fn apportion(_: Reader, query: ApportionQuery) -> Result<ApportionResponse, Error> {
    let calculation = tokio::task::spawn_blocking(move || {
        let result = apportionment::apportion(query.method, query.seats, &query.areas)?;
        Ok(apportion_answer(&query, &result))
    });
    calculation.await.map_err(|panic| Error::Internal(panic.to_string()))?
}

/// The areas stand as asked for; the calculation had them by `area_id`.
fn apportion_answer(query: &ApportionQuery, result: &Apportionment) -> ApportionResponse {
    let mut areas = vec![ApportionedArea::default(); query.areas.len()];
    for ((name, share), place) in query.names.iter().zip(&result.shares).zip(&query.places) {
        let (n, d) = (share.quota.numerator, share.quota.denominator.max(1));
        areas[*place] = ApportionedArea {
            area_id: name.clone(),
            seats: share.seats,
            quota_whole: u64::try_from(n / d).unwrap_or(u64::MAX),
            quota_millionths: u32::try_from((n % d) * 1_000_000 / d).unwrap_or(0),
        };
    }
    let ties = ties(&result.ties, |index| query.names[index].clone());
    ApportionResponse { areas, ties }
}

fn ties(ties: &[apportionment::Tie], name: impl Fn(usize) -> String) -> Vec<ApportionTie> {
    ties.iter()
        .map(|tie| ApportionTie {
            area_ids: tie.areas.iter().map(|index| name(*index)).collect(),
            seats_at_stake: tie.seats_at_stake,
        })
        .collect()
}

async fn fair_share(reader: Reader, query: FairShareQuery) -> Result<GetFairShareResponse, Error> {
    let id = &query.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    require_ledger(id, &registry)?;
    let (key_date, key) = registry.distribution_key(&query.key_name, query.key_date).ok_or(
        Error::DistributionKeyNotFound { name: query.key_name.clone(), date: query.key_date },
    )?;
    let ledger = store::ledger::find(&mut snapshot, id).await?;
    snapshot.rollback().await?;
    let ledger = ledger.unwrap_or_else(|| empty(id));
    let today = reader.app.clock.now().date_in_norway();
    let shares = fair_shares(&ledger, &registry, key, query.method, today)?;
    Ok(fair_share_answer(&query, key_date, &key.source, &ledger, &shares))
}

/// A ledger in which nothing has happened: no budget, and nobody has anything.
pub(super) fn empty(id: &LedgerId) -> Ledger {
    Ledger::new(id.clone(), Distribution::CountyPool, Head::EMPTY)
}

fn fair_share_answer(
    query: &FairShareQuery,
    key_date: time::Date,
    source: &str,
    ledger: &Ledger,
    shares: &FairShares,
) -> GetFairShareResponse {
    let name = |index: usize| shares.shares[index].municipality_number.to_string();
    GetFairShareResponse {
        revisions: vec![answer::revision(ledger.id(), ledger.head().seq)],
        place_budget: shares.budget,
        key_name: query.key_name.clone(),
        key_date: Some(answer::date(key_date)),
        key_source: source.to_owned(),
        method: query.wire_method.into(),
        ties: ties(&shares.ties, name),
        shares: shares.shares.iter().map(share).collect(),
    }
}

fn share(share: &FairShare) -> pb::FairShare {
    let whole = |places: u64| u32::try_from(places).unwrap_or(u32::MAX);
    let gap = i64::try_from(share.entitled).unwrap_or(i64::MAX)
        - i64::try_from(share.current).unwrap_or(i64::MAX);
    pb::FairShare {
        municipality_number: share.municipality_number.to_string(),
        name: share.name.clone(),
        weight: share.weight,
        weight_share_basis_points: share.weight_share_basis_points,
        entitled_places: whole(share.entitled),
        current_places: whole(share.current),
        gap_places: i32::try_from(gap).unwrap_or(i32::MAX),
    }
}

/// A place budget with its place in the list: the ledger, and which of its budgets.
struct Listed {
    key: (LedgerId, usize),
    places: PlacesInPeriod,
    in_force: bool,
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
            rows.extend(listed.filter(|row| after.as_ref().is_none_or(|after| row.key > *after)));
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
    let in_force = of.budgets.iter().rposition(|budget| budget.covers(on));
    let Budgets { ledger, budgets, .. } = of;
    budgets
        .into_iter()
        .enumerate()
        .map(move |(index, places)| Listed {
            key: (ledger.clone(), index),
            places,
            in_force: Some(index) == in_force,
        })
        .filter(move |row| row.in_force || !only_in_force)
}

fn place_budget(row: &Listed) -> pb::PlaceBudget {
    pb::PlaceBudget {
        ledger: Some(answer::ledger(&row.key.0)),
        places: row.places.places,
        valid_from_date: Some(answer::date(row.places.valid_from)),
        valid_to_date: row.places.valid_to.map(answer::date),
        in_force: row.in_force,
    }
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
    let revisions = vec![answer::revision(id, ledger.head().seq)];
    Ok(ListQuotasResponse { revisions, quotas, next_page_token })
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
        .map(|quota| ShownQuota { number, quota: Some(quota) });
    let rows: Vec<ShownQuota<'_>> = rows.collect();
    let only_borrows = query.with_history || frame.borrowed_places(number, as_of) > 0;
    if rows.is_empty() && only_borrows {
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
