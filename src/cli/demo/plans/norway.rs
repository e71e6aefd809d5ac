//! All of Norway: 15 areas and the 357 municipalities of 2024, a ledger and a plan in each area.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::json;
use time::Duration;

use crate::{
    cli::{
        Failure,
        call::DynamicClient,
        demo::{
            page::{grouped, say},
            plans::{
                MONTH, SEED, aps,
                arrival::{AFTER_LAST, Arrival, BEFORE_LAST},
                existing::{Alike, take_in},
                field::{Field, Ways},
                life,
                proposal::Planned,
                years,
            },
            share,
            stage::{Caller, Stage, missing, new_year, refused, request_id},
            vacancies::VTA,
        },
        import::{self, Row},
    },
    domain::{access::Role, national_identity::organisation_number_is_valid, simulation::Chance},
    proto::v1::{
        ApportionArea, ApportionRequest, Ledger, Quota, QuotaBasis, ReviewCapacityRequest,
        ReviewDecision, SetPlaceBudgetRequest, SetQuotasRequest, SubmitCapacityRequest,
    },
};

const MUNICIPALITIES: &str = include_str!("../data/norway_2024.csv");
/// The distribution key, on the borders of 2024, and the years of its datasets.
const KEY: &str = "population_borders_2024";
const HELD_BY: i32 = 2006;
const ENTITLED_BY: i32 = 2024;
const KEY_SOURCE: &str = "SSB 07459, on the borders of 2024 (see SOURCES.md)";
/// How many places all areas have together.
const PLACES: u32 = 3_000;
const STAY_MONTHS: u32 = 60;
const HORIZON: u32 = 10;
/// After how many years the last area arrives by the seed, counted by another program.
const TOOK: &str = "10.5";
/// How far the clock goes at a time.
const STEP: Duration = MONTH;
/// The first of the made-up people, and how many numbers each area has.
const PEOPLE_FROM: u32 = 300_000;
const PEOPLE_APART: u32 = 100_000;
/// The made-up offices and providers, one for each area.
const FIRST_OFFICE: u32 = 9001;
const FIRST_PROVIDER: u32 = 11_000_000;

/// A municipality as the file has it.
#[derive(Deserialize)]
struct Municipality {
    county: String,
    county_name: String,
    number: String,
    name: String,
    people_2006: u64,
    people_2024: u64,
}

/// An area with its municipalities.
struct AreaOf2024 {
    county_id: String,
    name: String,
    municipalities: Vec<Municipality>,
    office: String,
    provider: String,
    ledger: Ledger,
}

pub(super) async fn carry_out(stage: &mut Stage) -> Result<(), Failure> {
    stage.page.heading("All of Norway: 15 areas, 357 municipalities, a plan in each area");
    let areas = areas()?;
    register(stage, &areas).await?;
    let budgets = budgets(stage, &areas).await?;
    let chances = 100_u64..;
    let people = (PEOPLE_FROM..).step_by(PEOPLE_APART as usize);
    let begin = areas.iter().zip(budgets).zip(chances.zip(people));
    let stage_now = &*stage;
    let fields = begin.map(|((area, budget), with)| begin_area(stage_now, area, budget, with));
    let mut fields = try_join_all(fields).await?;
    let distance: u64 = fields.iter().map(|field| field.distance).sum();
    say!();
    say!(
        "A plan in each area, with which every municipality agrees: {distance} places have to move. A"
    );
    say!(
        "placement lasts {STAY_MONTHS} months on the average (assumed); the clock goes a month at a time."
    );
    life::go_on(stage, &mut fields, STEP).await?;
    arrived(stage, &areas, &fields).await
}

fn areas() -> Result<Vec<AreaOf2024>, Failure> {
    let mut reader = csv::Reader::from_reader(MUNICIPALITIES.as_bytes());
    let mut by_county: BTreeMap<String, Vec<Municipality>> = BTreeMap::new();
    for row in reader.deserialize() {
        let row: Municipality = row?;
        by_county.entry(row.county.clone()).or_default().push(row);
    }
    let areas = by_county.into_iter().zip(FIRST_OFFICE..).enumerate().map(
        |(n, ((county, municipalities), office))| {
            let county_id = format!("NO-{county}");
            AreaOf2024 {
                ledger: Ledger { county_id: county_id.clone(), measure_code: VTA.to_owned() },
                name: municipalities.first().map(|m| m.county_name.clone()).unwrap_or_default(),
                municipalities,
                office: office.to_string(),
                provider: organisation_number(n),
                county_id,
            }
        },
    );
    Ok(areas.collect())
}

/// The n-th made-up organisation number: eight digits, and a check digit that fits.
fn organisation_number(n: usize) -> String {
    let fits = |text: &String| organisation_number_is_valid(text, true);
    let stems = FIRST_PROVIDER..FIRST_PROVIDER + 1_000;
    let numbers = stems.filter_map(|stem| (0..10).map(|digit| format!("{stem}{digit}")).find(fits));
    numbers.into_iter().nth(n).unwrap_or_default()
}

/// The registry's rows, all or nothing.
async fn register(stage: &mut Stage, areas: &[AreaOf2024]) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut add = |what: &str, value| rows.push(Row::new(what.to_owned(), value));
    for area in areas {
        let AreaOf2024 { county_id, name, municipalities, office, provider, .. } = area;
        let numbers: Vec<&String> = municipalities.iter().map(|m| &m.number).collect();
        add(county_id, json!({ "area": { "countyId": county_id, "name": name } }));
        for one in municipalities {
            let number = &one.number;
            add(
                number,
                json!({ "municipality": {
                "municipalityNumber": number, "name": one.name, "countyId": county_id,
            } }),
            );
            for (year, people) in [(HELD_BY, one.people_2006), (ENTITLED_BY, one.people_2024)] {
                add(
                    number,
                    json!({ "distributionWeight": {
                    "keyName": KEY, "keyDate": { "year": year, "month": 1, "day": 1 },
                    "municipalityNumber": number, "weight": people.to_string(),
                    "source": KEY_SOURCE,
                } }),
                );
            }
        }
        add(
            office,
            json!({ "office": {
            "officeNumber": office, "name": format!("NAV {name} (oppdiktet)"),
            "municipalityNumbers": numbers,
        } }),
        );
        add(
            provider,
            json!({ "provider": {
            "organisationNumber": provider, "name": format!("Tiltaksarrangør i {name} (oppdiktet)"),
        } }),
        );
    }
    let token = stage.desk.token(Role::Directorate, "directorate", "directorate-registrar")?;
    let mut client = DynamicClient::connect(stage.desk.address(), Some(&token)).await?;
    let source = "the demonstration: Norway in 2024, see SOURCES.md";
    let answer = import::send(&mut client, &rows, source, false).await?;
    let added = answer["addedRows"].as_u64().unwrap_or(0);
    let all: usize = areas.iter().map(|area| area.municipalities.len()).sum();
    let people: u64 = areas.iter().flat_map(|a| &a.municipalities).map(|m| m.people_2024).sum();
    say!(
        "ImportRegistry: {added} rows added. {} areas have {all} municipalities with {} people",
        areas.len(),
        grouped(people)
    );
    say!(
        "(2024). Assumed: {} VTA places in all, by population; that each municipality holds what",
        grouped(PLACES)
    );
    say!("the population of {HELD_BY} gave it; and one made-up office and provider for each area.");
    let shown = format!("{} areas, {all} municipalities", areas.len());
    stage.page.check("Norway: areas and municipalities", shown, "15 areas, 357 municipalities");
    Ok(())
}

/// How many places each area has.
async fn budgets(stage: &Stage, areas: &[AreaOf2024]) -> Result<Vec<u32>, Failure> {
    let weights = areas.iter().map(|area| {
        (area.county_id.clone(), area.municipalities.iter().map(|m| m.people_2024).sum())
    });
    let shared = apportion(&stage.directorate, PLACES, weights).await?;
    Ok(shared.into_iter().map(|(_, places)| places).collect())
}

async fn apportion(
    caller: &Caller,
    places: u32,
    weights: impl Iterator<Item = (String, u64)>,
) -> Result<Vec<(String, u32)>, Failure> {
    let area = |(area_id, weight)| ApportionArea { area_id, weight, min_seats: 0, max_seats: None };
    let request = ApportionRequest {
        method: share::METHOD.into(),
        seats: places.into(),
        areas: weights.map(area).collect(),
    };
    let answer = caller.fair_share().apportion(request).await;
    let areas = answer.map_err(refused("Apportion"))?.into_inner().areas;
    areas.into_iter().map(|area| Ok((area.area_id, u32::try_from(area.seats)?))).collect()
}

/// Budget, quotas, places, those who use them, and a plan that steers.
async fn begin_area(
    stage: &Stage,
    area: &AreaOf2024,
    budget: u32,
    (chance, people): (u64, u32),
) -> Result<Field, Failure> {
    let county = stage.desk.caller(Role::County, &area.county_id, "county-allocator")?;
    let weights = area.municipalities.iter().map(|m| (m.number.clone(), m.people_2006));
    let held = apportion(&county, budget, weights).await?;
    give(stage, &county, area, budget, &held).await?;
    let group = submit(stage, &county, area, budget).await?;
    let offices: BTreeMap<String, String> =
        held.iter().map(|(number, _)| (number.clone(), area.office.clone())).collect();
    let all: Vec<Alike> = held
        .into_iter()
        .map(|(municipality_number, people)| Alike {
            municipality_number,
            office_number: area.office.clone(),
            place_group_id: Some(group.clone()),
            participation_percent: 100,
            people,
        })
        .collect();
    take_in(&county, &area.ledger, stage.now(), &all, people).await?;
    let today = stage.day();
    let planned = Planned {
        ledger: area.ledger.clone(),
        name: "VTA etter folketallet i 2024",
        key_name: KEY,
        key_year: ENTITLED_BY,
        start: today,
        comment_until: today,
        horizon_years: HORIZON,
        mean_stay_months: STAY_MONTHS,
    };
    let plan = aps::agreed_by_all(stage, &area.county_id, &planned).await?;
    let ways = Ways { mean_stay: MONTH * STAY_MONTHS, halves: false };
    let with = (stage.now(), Chance::of(SEED, chance), people + PEOPLE_APART / 2);
    Field::begin(&county, &plan, offices, ways, with).await
}

/// The budget, by the directorate, and the quotas, by the county.
async fn give(
    stage: &Stage,
    county: &Caller,
    area: &AreaOf2024,
    budget: u32,
    held: &[(String, u32)],
) -> Result<(), Failure> {
    let request = SetPlaceBudgetRequest {
        request_id: request_id(),
        ledger: Some(area.ledger.clone()),
        places: budget,
        valid_from_date: new_year(ENTITLED_BY),
        source: "assumed".to_owned(),
        ..SetPlaceBudgetRequest::default()
    };
    let answer = stage.directorate.fair_share().set_place_budget(request).await;
    answer.map_err(refused("SetPlaceBudget"))?;
    let quota = |(number, places): &(String, u32)| Quota {
        municipality_number: number.clone(),
        places: *places,
        basis: QuotaBasis::Population.into(),
        basis_date: new_year(HELD_BY),
        source: format!("assumed: the population of {HELD_BY}"),
        ..Quota::default()
    };
    let request = SetQuotasRequest {
        request_id: request_id(),
        ledger: Some(area.ledger.clone()),
        valid_from_date: new_year(ENTITLED_BY),
        quotas: held.iter().map(quota).collect(),
        ..SetQuotasRequest::default()
    };
    let answer = county.fair_share().set_quotas(request).await;
    answer.map_err(refused("SetQuotas"))?;
    Ok(())
}

/// One place group with all places of an area; answers its id.
async fn submit(
    stage: &Stage,
    county: &Caller,
    area: &AreaOf2024,
    budget: u32,
) -> Result<String, Failure> {
    let provider = stage.desk.caller(Role::Provider, &area.provider, "provider-reporter")?;
    let site = area.municipalities.first().ok_or_else(|| missing("a municipality"))?;
    let request = SubmitCapacityRequest {
        request_id: request_id(),
        ledger: Some(area.ledger.clone()),
        organisation_number: area.provider.clone(),
        name: format!("VTA {} (oppdiktet)", area.name),
        site_municipality_number: site.number.clone(),
        places: budget,
        valid_from_date: new_year(ENTITLED_BY),
        ..SubmitCapacityRequest::default()
    };
    let submitted = provider.capacity().submit_capacity(request).await;
    let submission_id = submitted.map_err(refused("SubmitCapacity"))?.into_inner().submission_id;
    let request = ReviewCapacityRequest {
        request_id: request_id(),
        ledger: Some(area.ledger.clone()),
        submission_id,
        decision: ReviewDecision::Approve.into(),
        ..ReviewCapacityRequest::default()
    };
    let reviewed = county.capacity().review_capacity(request).await;
    Ok(reviewed.map_err(refused("ReviewCapacity"))?.into_inner().place_group_id)
}

/// What came of it, area by area.
async fn arrived(stage: &mut Stage, areas: &[AreaOf2024], fields: &[Field]) -> Result<(), Failure> {
    say!();
    say!(
        "{:<28} {:>7} {:>6} {:>6} {:>6} {:>9} {:>6}  forecast",
        "",
        "munici-",
        "",
        "",
        "",
        "",
        "took,"
    );
    say!(
        "{:<28} {:>7} {:>6} {:>6} {:>6} {:>9} {:>6}  p10-p90",
        "area",
        "palities",
        "places",
        "D",
        "moved",
        "at target",
        "years"
    );
    let mut sums = Sums::default();
    for (area, field) in areas.iter().zip(fields) {
        let county = stage.desk.caller(Role::County, &area.county_id, "county-allocator")?;
        let arrival = Arrival::of(field, &county).await?;
        let (all, held) = (field.targets.len(), arrival.held.iter().map(|(_, held)| held).sum());
        let moved = u64::from(arrival.moved);
        let took = field.seen.over.last().map_or(0.0, |at| years(*at - field.begun));
        let band = field.forecast.all.unwrap_or_default();
        let [p10, p90] = [band.p10_days, band.p90_days]
            .map(|days| years(Duration::days(days.unwrap_or(0).into())));
        let (name, distance, at) = (&area.name, field.distance, arrival.at_target);
        say!(
            "{name:<28} {all:>7} {held:>6} {distance:>6} {moved:>6} {at:>9} {took:>6.1}  {p10:.1}-{p90:.1}"
        );
        sums.add(field, &arrival, held, took);
    }
    sums.check(stage, fields);
    Ok(())
}

/// All areas together.
#[derive(Default)]
struct Sums {
    places: i64,
    distance: u64,
    moved: u64,
    at_target: usize,
    completed: usize,
    not_before: usize,
    years: f64,
    put_out: usize,
    left: usize,
    below: u32,
    unlike: u32,
}

impl Sums {
    fn add(&mut self, field: &Field, arrival: &Arrival, held: i64, took: f64) {
        let seen = &field.seen;
        self.years = self.years.max(took);
        self.places += held;
        self.distance += field.distance;
        self.moved += u64::from(arrival.moved);
        self.at_target += arrival.at_target;
        self.put_out += arrival.put_out;
        self.left += seen.left.len();
        self.below += seen.below;
        self.unlike += seen.unlike;
        let is_over = field.distance == 0 || seen.after_last == AFTER_LAST;
        self.completed += usize::from(is_over);
        let was_not = field.distance == 0 || seen.before_last == BEFORE_LAST;
        self.not_before += usize::from(was_not);
    }

    fn check(&self, stage: &mut Stage, fields: &[Field]) {
        let over: usize = fields.iter().map(|field| field.seen.over.len()).sum();
        say!();
        say!(
            "{} people left in all, {over} of them a municipality above its target; {} of 357 are",
            grouped(self.left),
            self.at_target
        );
        say!(
            "at their target, {} were put out. Where nothing has to move, the plan is over as it begins.",
            self.put_out
        );
        let page = &mut stage.page;
        page.check("Norway: vacancies above the target", over, self.distance);
        page.check("Norway: places that moved", self.moved, self.distance);
        page.check("Norway: plans completed with the last of them", self.completed, fields.len());
        page.check("Norway: plans with one to go before it", self.not_before, fields.len());
        page.check("Norway: municipalities at their target", self.at_target, 357);
        page.check("Norway: years by this seed", format!("{:.1}", self.years), TOOK);
        page.check("Norway: places held at the end", self.places, PLACES);
        page.check("Norway: who left but was not drawn to", self.put_out, 0);
        page.check("Norway: times somebody fell below the target", self.below, 0);
        page.check("Norway: quotas other than by the rule", self.unlike, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_areas_of_2024_are_whole() {
        let areas = areas().expect("the file is sound");
        let all: Vec<&Municipality> = areas.iter().flat_map(|area| &area.municipalities).collect();
        let people: u64 = all.iter().map(|one| one.people_2024).sum();
        assert_eq!((areas.len(), all.len(), people), (15, 357, 5_550_203));
        let providers: BTreeSet<&str> = areas.iter().map(|area| area.provider.as_str()).collect();
        assert_eq!(providers.len(), 15);
        assert!(providers.iter().all(|number| organisation_number_is_valid(number, true)));
        assert!(areas.iter().all(|area| area.office.len() == 4));
    }
}
