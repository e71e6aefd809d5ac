//! `SimulateRedistribution` and the forecast of `GetPlan`, through the port.

use std::time::Duration as Wait;

use futures::{StreamExt, stream::FuturesUnordered};
use prost::Message;
use tiltaksplass::{domain::access::Role, proto::v1::*};
use time::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    plans::stage::{from_today, get},
    support::{Caller, reason, request_id},
    world::{COUNTY, HEMNE, OFFICE, OTHER_COUNTY, TRONDHEIM, World, avklaring, date, vta},
};

use simulate_redistribution_request::Plan as Which;

/// A mean stay of ten years, and a saving of a million.
fn terms() -> PlanTerms {
    PlanTerms { mean_stay_months: Some(120), saving_nok_a_year: Some(1_000_000), ..from_today() }
}

fn asking(which: Which) -> SimulateRedistributionRequest {
    SimulateRedistributionRequest {
        ledger: Some(vta()),
        plan: Some(which),
        seed: Some(7),
        draws: 400,
        years: 60,
        ..SimulateRedistributionRequest::default()
    }
}

fn of_terms(terms: PlanTerms) -> SimulateRedistributionRequest {
    asking(Which::Terms(terms))
}

/// All answers, one after another.
async fn all(
    caller: &Caller,
    request: SimulateRedistributionRequest,
) -> Result<Vec<SimulateRedistributionResponse>, Status> {
    let mut series = caller.fair_share().simulate_redistribution(request).await?.into_inner();
    let mut answers = Vec::new();
    while let Some(answer) = series.message().await? {
        answers.push(answer);
    }
    Ok(answers)
}

async fn refused(caller: &Caller, request: SimulateRedistributionRequest) -> Status {
    all(caller, request).await.unwrap_err()
}

/// The fields a refusal names, and what it says of each.
fn named(status: &Status) -> Vec<(String, String)> {
    assert_eq!((status.code(), reason(status).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    let violations = status.get_details_bad_request().unwrap().field_violations;
    violations.into_iter().map(|one| (one.field, one.description)).collect()
}

/// Each time of a simulation beside that of the forecast, in days.
fn beside(
    drawn: &SimulateRedistributionResponse,
    told: &PlanForecast,
) -> Vec<(Option<u32>, Option<u32>)> {
    let pairs =
        [(drawn.half, told.half), (drawn.nine_tenths, told.nine_tenths), (drawn.all, told.all)];
    let of_one = |(drawn, told): (Option<SimulatedTime>, Option<ForecastBand>)| {
        let (drawn, told) = (drawn.unwrap().days.unwrap(), told.unwrap());
        [
            (drawn.p10_days, told.p10_days),
            (drawn.p50_days, told.p50_days),
            (drawn.p90_days, told.p90_days),
        ]
    };
    pairs.into_iter().flat_map(of_one).collect()
}

#[tokio::test]
async fn a_county_sees_the_future_before_it_proposes() {
    let world = World::uneven().await;
    let answers = all(&world.county, of_terms(terms())).await.unwrap();
    let told: Vec<(u32, bool)> = answers.iter().map(|one| (one.drawn, one.done)).collect();
    let expected: Vec<(u32, bool)> = (1..=20).map(|n| (20 * n, n == 20)).collect();
    assert_eq!(told, expected);
    for answer in &answers {
        assert_eq!((answer.seed, answer.draws, answer.distance_places), (7, 400, 9));
        assert_eq!((answer.years.len(), answer.areas.len()), (60, 2));
        assert_eq!(answer.forecast.is_some(), answer.done);
        assert_eq!(answer.revisions[0].ledger, Some(vta()));
    }
    let last = answers.last().unwrap();
    let stay = last.mean_stay.unwrap();
    assert_eq!((stay.days, stay.source()), (3652, MeanStaySource::Stated));
    assert!(last.vacancies >= 9 * 400, "{}", last.vacancies);
    assert_eq!(last.all.unwrap().reached_basis_points, 10_000);
    let years: Vec<u32> = last.years.iter().map(|year| year.year).collect();
    assert_eq!(years, (1..=60).collect::<Vec<_>>());
    for year in &last.years {
        let (moved, left) = (year.moved_places.unwrap(), year.remaining_places.unwrap());
        // The nearest ranks from below and from above are neighbours.
        assert!((8..=9).contains(&(moved.p10 + left.p90)), "year {}: {year:?}", year.year);
        assert!(moved.p10 <= moved.p50 && moved.p50 <= moved.p90, "year {}", year.year);
    }
    let done = SimulatedPlaces { p10: 9, p50: 9, p90: 9 };
    assert_eq!(last.years[59].moved_places, Some(done));
    let area = |area: &SimulatedArea| {
        let last = area.final_places.unwrap();
        (area.held_places, area.target_places, last.p10, last.p90, area.pushed_below_basis_points)
    };
    // Nobody is pushed below the target, since it is protected.
    let areas: Vec<_> = last.areas.iter().map(area).collect();
    assert_eq!(areas, [(30, 39, 39, 39, 0), (10, 1, 1, 1, 0)]);
    let forecast = last.forecast.clone().unwrap();
    // Hemne's nine of ten: H(10) - H(1) = 1.929 stays of 3,652 days.
    assert_eq!(forecast.areas.len(), 1);
    assert_eq!(forecast.areas[0].municipality_number, HEMNE);
    assert_eq!(forecast.areas[0].expected_days, Some(7045));
    assert_eq!((forecast.lower_bound_days, forecast.new_places_only), (Some(7045), Some(359)));
    for (drawn, told) in beside(last, &forecast) {
        let (drawn, told) = (f64::from(drawn.unwrap()), f64::from(told.unwrap()));
        assert!((drawn / told - 1.0).abs() < 0.15, "{drawn} and not {told}");
    }
}

#[tokio::test]
async fn a_seed_gives_the_same_bytes_and_none_is_told() {
    let world = World::uneven().await;
    let request = SimulateRedistributionRequest { draws: 30, years: 20, ..of_terms(terms()) };
    let bytes = async |request: SimulateRedistributionRequest| {
        let answers = all(&world.county, request).await.unwrap();
        answers.iter().map(Message::encode_to_vec).collect::<Vec<_>>()
    };
    let first = bytes(request.clone()).await;
    assert_eq!(first.len(), 15);
    assert_eq!(bytes(request.clone()).await, first);
    let other = SimulateRedistributionRequest { seed: Some(8), ..request.clone() };
    assert_ne!(bytes(other).await, first);
    let drawn = SimulateRedistributionRequest { seed: None, ..request };
    let answers = all(&world.county, drawn.clone()).await.unwrap();
    let again = SimulateRedistributionRequest { seed: Some(answers[0].seed), ..drawn.clone() };
    assert_eq!(all(&world.county, again).await.unwrap(), answers);
    assert_ne!(all(&world.county, drawn).await.unwrap()[0].seed, answers[0].seed);
}

#[tokio::test]
async fn what_cannot_be_simulated_is_refused() {
    let world = World::uneven().await;
    let county = &world.county;
    // 40 places that turn over monthly, for a hundred years, ten thousand times.
    let long = SimulateRedistributionRequest {
        draws: 10_000,
        years: 100,
        mean_stay_months: Some(1),
        ..of_terms(terms())
    };
    let too_long = named(&refused(county, long).await);
    assert_eq!(too_long[0].0, "draws");
    assert!(too_long[0].1.contains("480000000 vacancies"), "{too_long:?}");
    assert!(too_long[0].1.contains("the most is 50000000"), "{too_long:?}");
    let unknown = PlanTerms { mean_stay_months: None, ..terms() };
    assert_eq!(named(&refused(county, of_terms(unknown)).await)[0].0, "mean_stay_months");
    let method = ApportionmentMethod::LargestRemainder.into();
    let remainder = PlanTerms { method, ..terms() };
    assert_eq!(named(&refused(county, of_terms(remainder)).await)[0].0, "terms.method");
    let elsewhere = CommittedPlaces { municipality_number: "5001".into(), places: 3 };
    let elsewhere = PlanTerms { committed: vec![elsewhere], ..terms() };
    let fields = named(&refused(county, of_terms(elsewhere)).await);
    assert_eq!(fields[0].0, "terms.committed.municipality_number");
    let many = SimulateRedistributionRequest { draws: 10_001, years: 101, ..of_terms(terms()) };
    let fields: Vec<String> =
        named(&refused(county, many).await).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["draws", "years"]);
    let key = PlanTerms { key_name: "nobody".into(), ..terms() };
    assert_eq!(reason(&refused(county, of_terms(key)).await), "DISTRIBUTION_KEY_NOT_FOUND");
    let pool = SimulateRedistributionRequest { ledger: Some(avklaring()), ..of_terms(terms()) };
    assert_eq!(reason(&refused(county, pool).await), "MEASURE_TYPE_RULE");
    let nothing = asking(Which::PlanId("0198c0de-0000-7000-8000-000000000001".into()));
    assert_eq!(refused(county, nothing).await.code(), Code::NotFound);
    let stranger = world.service.caller(Role::County, OTHER_COUNTY).await;
    for caller in [&world.provider, &stranger] {
        assert_eq!(refused(caller, of_terms(terms())).await.code(), Code::PermissionDenied);
    }
}

#[tokio::test]
async fn a_plan_tells_what_is_to_be_expected_and_what_it_saves() {
    let world = World::uneven().await;
    let plan = world.propose_plan(&vta(), terms()).await;
    let told = get(&world.county, &plan.plan_id).await.unwrap().forecast.unwrap();
    assert_eq!((told.distance_places, told.new_places_only), (9, Some(359)));
    // Of the goals 0, 1 … 9 the last counts by half: 40.5 ninths of a million.
    let saving = told.saving_by_goals.unwrap();
    assert_eq!((saving.total_nok, saving.discount_basis_points), (4_500_000, 400));
    assert!(saving.present_value_nok < 4_000_000 && saving.present_value_nok > 3_000_000);
    let faster = told.saving_by_forecast.unwrap();
    assert!(faster.total_nok > 0 && faster.present_value_nok < faster.total_nok);
    // The same by the plan and by its terms.
    let request =
        SimulateRedistributionRequest { draws: 40, ..asking(Which::PlanId(plan.plan_id.clone())) };
    let by_plan = all(&world.county, request.clone()).await.unwrap();
    let by_terms =
        SimulateRedistributionRequest { plan: Some(Which::Terms(terms())), ..request.clone() };
    assert_eq!(all(&world.county, by_terms).await.unwrap(), by_plan);
    assert_eq!(by_plan.last().unwrap().forecast, Some(told));
    // A draft is not there for an office.
    let office = world.service.caller(Role::Office, OFFICE).await;
    assert_eq!(refused(&office, request.clone()).await.code(), Code::NotFound);
    // It moves what is free on its first day: nobody is placed. Then it is over.
    for number in [TRONDHEIM, HEMNE] {
        world.comment_plan(&plan, number, PlanView::Agrees).await;
    }
    world.approve_plan(&vta(), &plan.plan_id).await;
    let after = get(&world.county, &plan.plan_id).await.unwrap();
    assert_eq!((after.state(), after.forecast), (PlanState::Completed, None));
    assert_eq!(reason(&refused(&world.county, request).await), "WRONG_STATE");
}

/// Without a mean stay no time is told, and what needs none is.
#[tokio::test]
async fn a_mean_stay_is_measured_or_it_is_not_known() {
    let mut world = World::uneven().await;
    let people: Vec<(u32, u32)> = (1..=30).map(|person| (person, 100)).collect();
    let placements = world.placed(TRONDHEIM, &people).await;
    let plain = PlanTerms { mean_stay_months: None, ..terms() };
    let plan = world.propose_plan(&vta(), plain.clone()).await;
    world.service.clock.advance(Duration::days(73));
    world.refresh().await;
    for (number, placement_id) in (1..).zip(placements) {
        let told = get(&world.county, &plan.plan_id).await.unwrap().forecast.unwrap();
        assert_eq!((told.mean_stay, told.half, told.lower_bound_days), (None, None, None));
        assert_eq!((told.distance_places, told.areas[0].expected_days), (9, None), "{number}");
        assert!(told.saving_by_goals.is_some() && told.saving_by_forecast.is_none());
        let request = EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(vta()),
            placement_id,
            end_date: Some(date(2026, 5, 14)),
            outcome: PlacementOutcome::Other.into(),
            ..EndPlacementRequest::default()
        };
        world.county.allocation().end_placement(request).await.unwrap();
    }
    // Thirty who stayed 73 days each, none of whom is there any more.
    let measured = MeanStay {
        days: 73,
        source: MeanStaySource::Measured.into(),
        ended_placements: Some(30),
        measured_from_date: Some(date(2026, 3, 2)),
    };
    let told = get(&world.county, &plan.plan_id).await.unwrap().forecast.unwrap();
    assert_eq!(told.mean_stay, Some(measured));
    assert_eq!(told.areas[0].expected_days, Some(141));
    let request = SimulateRedistributionRequest { draws: 20, years: 2, ..of_terms(plain) };
    let answers = all(&world.county, request.clone()).await.unwrap();
    assert_eq!(answers[0].mean_stay, Some(measured));
    // Who asks knows better.
    let stated = SimulateRedistributionRequest { mean_stay_months: Some(6), ..request };
    let stay = all(&world.county, stated).await.unwrap()[0].mean_stay.unwrap();
    assert_eq!((stay.days, stay.source()), (183, MeanStaySource::Stated));
}

/// So small a cap that all vacancies are drawn, forty-eight million, and one place moves.
fn endless() -> SimulateRedistributionRequest {
    SimulateRedistributionRequest {
        draws: 10_000,
        years: 10,
        mean_stay_months: Some(1),
        ..of_terms(PlanTerms { cap_basis_points: Some(1), ..terms() })
    }
}

/// One is drawn, two wait, and more are told to come again; other heavy reads do not wait for them.
#[tokio::test]
async fn simulations_are_in_nobody_elses_way() {
    let world = World::uneven().await;
    let planner = async |number: u32| {
        world.service.caller_as(Role::County, COUNTY, &format!("p{number}")).await
    };
    let first = planner(1).await;
    let drawn = first.fair_share().simulate_redistribution(endless()).await.unwrap();
    let mut others = FuturesUnordered::new();
    for number in 2..=5 {
        let caller = planner(number).await;
        others.push(async move { all(&caller, endless()).await });
    }
    for _ in 0..2 {
        let first = tokio::time::timeout(Wait::from_secs(8), others.next()).await.unwrap();
        let refused = first.unwrap().unwrap_err();
        assert_eq!((refused.code(), &*reason(&refused)), (Code::ResourceExhausted, "OVERLOADED"));
    }
    let request = CompareFairSharesRequest { ledger: Some(vta()), ..Default::default() };
    let mut county = world.county.fair_share();
    let compared = county.compare_fair_shares(request);
    let compared = tokio::time::timeout(Wait::from_secs(6), compared).await.unwrap();
    assert!(!compared.unwrap().into_inner().combinations.is_empty());
    drop((drawn, others));
}

/// What a caller has stopped waiting for is not drawn on: the caller's next one, of which there is
/// one at a time, need not wait for it.
#[tokio::test]
async fn whoever_goes_stops_the_work() {
    let world = World::uneven().await;
    let county = world.service.caller(Role::County, COUNTY).await;
    let series = county.fair_share().simulate_redistribution(endless()).await.unwrap();
    drop(series);
    let next = SimulateRedistributionRequest { draws: 20, years: 1, ..of_terms(terms()) };
    let answered = tokio::time::timeout(Wait::from_secs(7), all(&county, next)).await;
    assert!(answered.unwrap().unwrap().last().unwrap().done);
}
