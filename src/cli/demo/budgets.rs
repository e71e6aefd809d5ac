//! The directorate gives place budgets, and the county shares them by municipality.

use crate::{
    cli::{
        Failure,
        demo::{
            audit::{CITY, YEARS},
            capacity::{Plan, establish},
            page::say,
            share,
            stage::{Stage, ledger, new_year, refused, request_id, total},
        },
    },
    proto::v1::{
        ApportionArea, ApportionRequest, FairShare, Quota, QuotaBasis, SetPlaceBudgetRequest,
        SetQuotasRequest,
    },
};

/// The county's VTA places: the audit says that Trondheim's 152 are 36 per cent of them.
const VTA_BUDGET: u32 = 422;
/// What Trondheim may use of VTA and APS, by table 2.
const SHARED: [(&str, u32, u32, &str); 2] = [
    ("VTA", VTA_BUDGET, 152, "the audit: Trondheim's are 36 % of it"),
    ("APS", 418, 209, "assumed: twice as many as in Trondheim"),
];
const POOL_SOURCE: &str = "assumed: one pool, as large as the places";

/// What a measure type was given.
struct Given {
    code: String,
    /// Its budget today.
    budget: u32,
    /// Trondheim's quota and the sum of all, where there are quotas.
    quotas: Option<(String, u32)>,
    source: &'static str,
}

/// All budgets and quotas.
pub(super) struct AllGiven {
    measures: Vec<Given>,
    /// How many providers outside Trondheim have places.
    providers_elsewhere: usize,
}

/// Sets budgets and quotas, and has the places elsewhere submitted.
pub(super) async fn give(stage: &Stage) -> Result<AllGiven, Failure> {
    let municipalities = share::fair_share(stage, "population", share::METHOD).await?.shares;
    let mut measures = Vec::new();
    for (code, budget, own, source) in SHARED {
        let today = set_budget(stage, code, &[(YEARS[0], budget)], source).await?;
        let sum = set_quotas(stage, code, today, own, &municipalities).await?;
        let quotas = Some((own_quota(stage, code).await?, sum));
        measures.push(Given { code: code.to_owned(), budget: today, quotas, source });
    }
    for code in stage.audit.measures() {
        if SHARED.iter().any(|(shared, ..)| code == *shared) {
            continue;
        }
        let mut dated = YEARS.map(|year| (year, stage.audit.places(&code, year))).to_vec();
        dated.dedup_by_key(|(_, places)| *places);
        let budget = set_budget(stage, &code, &dated, POOL_SOURCE).await?;
        measures.push(Given { code, budget, quotas: None, source: POOL_SOURCE });
    }
    let providers_elsewhere = elsewhere(stage, &municipalities).await?;
    Ok(AllGiven { measures, providers_elsewhere })
}

/// Sets budgets and quotas, and shows them.
pub(super) async fn set(stage: &mut Stage) -> Result<(), Failure> {
    stage.page.heading("Place budgets (plassrammer) and quotas (kommunenes andeler)");
    let given = give(stage).await?;
    say!(
        "{:<10} {:>12} {:>10} {:>13}  {}",
        "",
        "budget today",
        "Trondheim",
        "24 others",
        "where it comes from"
    );
    for Given { code, budget, quotas, source } in given.measures {
        let Some((quota, sum)) = quotas else {
            say!("{code:<10} {budget:>12} {:>10} {:>13}  {source}", "-", "-");
            continue;
        };
        let others = sum.saturating_sub(quota.parse().unwrap_or(0));
        say!("{code:<10} {budget:>12} {quota:>10} {others:>13}  {source}");
        stage.page.check(format!("{code}: sum of the quotas, and the budget"), sum, budget);
    }
    say!();
    say!("VTA and APS are shared by municipality. How the 24 others share theirs is not in the");
    say!("audit: here by Apportion (Sainte-Laguë, population of 2011), which is an assumption.");
    let providers = given.providers_elsewhere;
    say!("{providers} made-up providers there have as many VTA places as their quota, all free.");
    Ok(())
}

/// Sets a budget from the years on that are named; answers what holds today.
pub(super) async fn set_budget(
    stage: &Stage,
    code: &str,
    dated: &[(i32, u32)],
    source: &str,
) -> Result<u32, Failure> {
    let mut today = 0;
    for (year, places) in dated {
        let request = SetPlaceBudgetRequest {
            request_id: request_id(),
            ledger: ledger(code),
            places: *places,
            valid_from_date: new_year(*year),
            source: source.to_owned(),
            ..SetPlaceBudgetRequest::default()
        };
        let answer = stage.directorate.fair_share().set_place_budget(request).await;
        today = answer.map_err(refused("SetPlaceBudget"))?.into_inner().place_budget;
    }
    Ok(today)
}

/// Trondheim's quota as the audit has it; what is left shared among the others.
async fn set_quotas(
    stage: &Stage,
    code: &str,
    budget: u32,
    own: u32,
    municipalities: &[FairShare],
) -> Result<u32, Failure> {
    let others = municipalities.iter().filter(|m| m.municipality_number != CITY);
    let areas = others.map(|m| ApportionArea {
        area_id: m.municipality_number.clone(),
        weight: m.weight,
        min_seats: 0,
        max_seats: None,
    });
    let request = ApportionRequest {
        method: share::METHOD.into(),
        seats: u64::from(budget.saturating_sub(own)),
        areas: areas.collect(),
    };
    let shared = stage.county.fair_share().apportion(request).await;
    let shared = shared.map_err(refused("Apportion"))?.into_inner();
    let mut quotas = vec![Quota {
        municipality_number: CITY.to_owned(),
        places: own,
        basis: QuotaBasis::History.into(),
        source: "the audit of 2011, table 2".to_owned(),
        ..Quota::default()
    }];
    for area in shared.areas {
        quotas.push(Quota {
            municipality_number: area.area_id,
            places: u32::try_from(area.seats)?,
            basis: QuotaBasis::Population.into(),
            basis_date: new_year(2011),
            source: "assumed: the rest by Sainte-Laguë".to_owned(),
            ..Quota::default()
        });
    }
    let request = SetQuotasRequest {
        request_id: request_id(),
        ledger: ledger(code),
        valid_from_date: new_year(YEARS[0]),
        quotas,
        ..SetQuotasRequest::default()
    };
    let answer = stage.county.fair_share().set_quotas(request).await;
    Ok(answer.map_err(refused("SetQuotas"))?.into_inner().total_places)
}

async fn own_quota(stage: &Stage, code: &str) -> Result<String, Failure> {
    let answer = stage.availability(code, None).await?;
    let own = answer.second_accounts.iter().find(|a| a.municipality_number == CITY);
    Ok(total(own.and_then(|account| account.usage.as_ref())))
}

/// A made-up provider in each other municipality has as many VTA places as its quota.
async fn elsewhere(stage: &Stage, municipalities: &[FairShare]) -> Result<usize, Failure> {
    let answer = stage.availability("VTA", None).await?;
    let mut plans = Vec::new();
    for municipality in municipalities.iter().filter(|m| m.municipality_number != CITY) {
        let number = &municipality.municipality_number;
        let quota = answer.second_accounts.iter().find(|a| a.municipality_number == *number);
        let percent =
            quota.and_then(|account| account.usage.as_ref()).map_or(0, |u| u.total_percent);
        let name = &municipality.name;
        plans.push(Plan {
            measure_code: "VTA".to_owned(),
            organisation_number: stage.audit.provider(&format!("Tiltaksarrangør i {name} "))?,
            name: format!("VTA {name} (oppdiktet)"),
            site: number.clone(),
            dated: vec![(YEARS[0], u32::try_from(percent / 100)?)],
            wait: None,
        });
    }
    Ok(establish(stage, &plans).await?.groups.len())
}
