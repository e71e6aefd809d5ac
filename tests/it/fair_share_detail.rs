//! `GetFairShare` as it is asked: as of a day, for a measure group, over all areas, by another grain;
//! with what proves it, and what to beware of. Over the port, beside figures of other programs.

use tiltaksplass::proto::v1::*;

use crate::{
    support::{reason, request_id},
    world::{COUNTY, HEMNE, LEVANGER, OTHER_COUNTY, TRONDHEIM, World, date, vta},
};

use registry_row::Row;

/// The populations of Sør-Trøndelag's 25 municipalities on 1.1.2010 and 2011, and 2012.
const YEARS_2010_2011: &str = include_str!("../data/golden/sor_trondelag_2010_2011.csv");
const YEAR_2012: &str = include_str!("../data/golden/sor_trondelag_2012.csv");
/// Disproportionality by another program.
const METRICS: &str = include_str!("../data/golden/metrics.json");
/// What all VTA places of the county were in 2011, and those of Trondheim.
const BUDGET: u32 = 422;
const HELD_BY_TRONDHEIM: u32 = 152;
const AAFJORD: &str = "1630";

pub async fn import(world: &World, rows: Vec<Row>) -> Result<(), tonic::Status> {
    let piece = ImportRegistryRequest {
        request_id: request_id(),
        source: "test".into(),
        rows: rows.into_iter().map(|row| RegistryRow { row: Some(row) }).collect(),
        ..ImportRegistryRequest::default()
    };
    let pieces = tokio_stream::iter([piece]);
    world.directorate.registry().import_registry(pieces).await.map(|_| ())
}

pub fn municipality(number: &str, name: &str, county_id: &str) -> Row {
    Row::Municipality(Municipality {
        municipality_number: number.into(),
        name: name.into(),
        county_id: county_id.into(),
    })
}

pub fn weight(key_name: &str, year: i32, number: &str, weight: u64) -> Row {
    Row::DistributionWeight(DistributionWeight {
        key_name: key_name.into(),
        key_date: Some(date(year, 1, 1)),
        municipality_number: number.into(),
        weight,
        source: "SSB 07459".into(),
        borders_date: None,
    })
}

fn measure(code: &str, distribution: Distribution) -> Row {
    Row::MeasureType(MeasureType {
        measure_code: code.into(),
        name: code.into(),
        distribution: distribution.into(),
        confirm_working_days: 5,
        answer_working_days: 5,
        ..MeasureType::default()
    })
}

pub fn ledger(measure_code: &str) -> Ledger {
    Ledger { county_id: COUNTY.into(), measure_code: measure_code.into() }
}

/// The county with all its municipalities, and the keys of three years.
pub async fn sor_trondelag() -> World {
    let world = World::new().await;
    let mut rows = Vec::new();
    for line in YEARS_2010_2011.lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        let figure = |column: usize| f[column].parse::<u64>().unwrap();
        rows.push(municipality(f[0], f[1], COUNTY));
        rows.push(weight("population", 2010, f[0], figure(2)));
        rows.push(weight("population", 2011, f[0], figure(3)));
        rows.push(weight("population_18_66", 2011, f[0], figure(5)));
    }
    for line in YEAR_2012.lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        rows.push(weight("population", 2012, f[0], f[5].parse().unwrap()));
    }
    rows.push(measure("VTAO", Distribution::CountyPool));
    rows.push(measure("TAO", Distribution::ByHostArea));
    import(&world, rows).await.unwrap();
    world
}

/// Trondheim's 152 VTA places, and the other 270 with the others.
pub async fn hold(world: &World) {
    world.budget(&vta(), BUDGET).await;
    let others: Vec<&str> =
        YEARS_2010_2011.lines().skip(2).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(others.len(), 24);
    let each = |(index, number)| (number, if index < 6 { 12 } else { 11 });
    let mut quotas: Vec<(&str, u32)> = others.into_iter().enumerate().map(each).collect();
    quotas.push((TRONDHEIM, HELD_BY_TRONDHEIM));
    assert_eq!(quotas.iter().map(|(_, places)| places).sum::<u32>(), BUDGET);
    world.quotas(&vta(), &quotas).await;
}

fn of_2011(ledger: Ledger) -> GetFairShareRequest {
    GetFairShareRequest {
        ledger: Some(ledger),
        key_date: Some(date(2011, 1, 1)),
        ..GetFairShareRequest::default()
    }
}

async fn ask(world: &World, request: GetFairShareRequest) -> GetFairShareResponse {
    world.county.fair_share().get_fair_share(request).await.unwrap().into_inner()
}

fn of<'a>(answer: &'a GetFairShareResponse, number: &str) -> &'a FairShare {
    answer.shares.iter().find(|share| share.municipality_number == number).unwrap()
}

fn kinds(answer: &GetFairShareResponse) -> Vec<FairShareWarningKind> {
    answer.warnings.iter().map(FairShareWarning::kind).collect()
}

#[tokio::test]
async fn trondheim_is_97_short_of_249_and_the_answer_proves_it() {
    let world = sor_trondelag().await;
    hold(&world).await;
    let request = GetFairShareRequest { place_price_nok_a_year: 12 * 16_848, ..of_2011(vta()) };
    let answer = ask(&world, request).await;
    let city = of(&answer, TRONDHEIM);
    assert_eq!((city.entitled_places, city.current_places, city.gap_places), (249, 152, 97));
    assert_eq!((city.weight_share_basis_points, city.place_share_basis_points), (5900, 3602));
    assert_eq!(city.gap_nok_a_year, 97 * 12 * 16_848);
    // 422 · 173,486 / 294,066 = 248.9614…
    assert_eq!((city.quota_whole, city.quota_millionths), (248, 961_430));
    assert_eq!((answer.current_places, answer.place_budget), (422, 422));
    assert_eq!((&*city.county_id, city.member_municipality_numbers.len()), (COUNTY, 0));
    let over: i32 = answer.shares.iter().map(|share| (-share.gap_places).max(0)).sum();
    assert_eq!(answer.places_to_move, u64::try_from(over).unwrap());
    assert_eq!(answer.warnings, []);
    // As the certificate says: upper <= weight / (seats - 1/2), weight / (seats + 1/2) <= lower.
    let certificate = answer.certificate.unwrap();
    assert_eq!(certificate.total_weight, 294_066);
    let interval = certificate.divisor.unwrap();
    let part = |fraction: ExactFraction| -> (u128, u128) {
        (fraction.numerator.parse().unwrap(), fraction.denominator.parse().unwrap())
    };
    let (lower, upper) = (part(interval.lower.unwrap()), part(interval.upper.unwrap()));
    assert!(lower.0 * upper.1 < upper.0 * lower.1 && !interval.squared);
    for share in &answer.shares {
        let (weight, seats) = (u128::from(share.weight), u128::from(share.entitled_places));
        assert!(2 * weight * lower.1 <= lower.0 * (2 * seats + 1), "{share:?}");
        assert!(seats == 0 || 2 * weight * upper.1 >= upper.0 * (2 * seats - 1), "{share:?}");
    }
    assert!(certificate.runner_up_margin.unwrap() > 0);
    assert_ne!(certificate.runner_up_area_id, certificate.last_served_area_id);
}

#[tokio::test]
async fn places_in_ordinary_companies_count_towards_the_same_share() {
    let world = sor_trondelag().await;
    hold(&world).await;
    world.budget(&ledger("VTAO"), 20).await;
    world.place_group(&ledger("VTAO"), 20).await;
    let measure_codes = ["VTAO", "TAO"].map(str::to_owned).to_vec();
    let answer = ask(&world, GetFairShareRequest { measure_codes, ..of_2011(vta()) }).await;
    let city = of(&answer, TRONDHEIM);
    assert_eq!(answer.place_budget, 442);
    assert_eq!((city.entitled_places, city.current_places, city.gap_places), (261, 172, 89));
    assert_eq!(answer.measure_codes, ["TAO", "VTA", "VTAO"]);
    assert_eq!(answer.revisions.len(), 3);
    // A measure type that is none.
    let request = GetFairShareRequest { measure_codes: vec!["NIX".into()], ..of_2011(vta()) };
    let refused = world.county.fair_share().get_fair_share(request).await.unwrap_err();
    assert_eq!(reason(&refused), "LEDGER_NOT_FOUND");
}

#[tokio::test]
async fn one_place_more_for_the_county_takes_one_from_aafjord() {
    let world = sor_trondelag().await;
    for (budget, at_places, places, other_places, words) in
        [(406, 407, 5, 4, "takes one from"), (407, 406, 4, 5, "gives one more to")]
    {
        world.budget(&vta(), budget).await;
        let request = GetFairShareRequest {
            ledger: Some(vta()),
            key_date: Some(date(2012, 1, 1)),
            method: ApportionmentMethod::LargestRemainder.into(),
            ..GetFairShareRequest::default()
        };
        let answer = ask(&world, request.clone()).await;
        let [warning] = &answer.warnings[..] else { panic!("{:?}", answer.warnings) };
        assert_eq!(warning.kind(), FairShareWarningKind::AlabamaParadox);
        let figures = (warning.at_places, warning.places, warning.other_places);
        assert_eq!(figures, (at_places, places, other_places));
        assert_eq!(warning.area_ids, [AAFJORD]);
        let told = &warning.description;
        assert!(told.contains("2012-01-01") && told.contains("Åfjord") && told.contains(words));
        // The default has no such thing.
        let sainte_lague = GetFairShareRequest { method: 0, ..request };
        assert_eq!(kinds(&ask(&world, sainte_lague).await), []);
    }
}

#[tokio::test]
async fn budget_quotas_borders_and_key_are_those_of_the_day() {
    let world = sor_trondelag().await;
    hold(&world).await;
    let later = SetPlaceBudgetRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        places: 500,
        valid_from_date: Some(date(2027, 1, 1)),
        ..SetPlaceBudgetRequest::default()
    };
    world.directorate.fair_share().set_place_budget(later).await.unwrap();
    let agreement = HostAgreement {
        host_municipality_number: TRONDHEIM.into(),
        municipality_number: HEMNE.into(),
        kind: HostKind::Host.into(),
        valid_from_date: Some(date(2027, 1, 1)),
        valid_to_date: None,
    };
    import(&world, vec![Row::HostAgreement(agreement)]).await.unwrap();
    let on = |year| GetFairShareRequest {
        ledger: Some(vta()),
        as_of_date: Some(date(year, 6, 1)),
        grain: FairShareGrain::HostArea.into(),
        ..GetFairShareRequest::default()
    };
    for (year, budget, current, key_year, shares) in [
        (2010, 0, 0, 2010, 25),
        (2011, 422, 422, 2011, 25),
        (2026, 422, 422, 2012, 25),
        (2027, 500, 422, 2012, 24),
    ] {
        let answer = ask(&world, on(year)).await;
        let told = (answer.place_budget, answer.current_places, answer.key_date.unwrap().year);
        assert_eq!(told, (budget, current, key_year), "{year}");
        assert_eq!((answer.shares.len(), answer.as_of_date), (shares, Some(date(year, 6, 1))));
    }
    let hosted = ask(&world, on(2027)).await;
    assert_eq!(of(&hosted, TRONDHEIM).member_municipality_numbers, [TRONDHEIM, HEMNE]);
    // No key is as old as that.
    let refused = world.county.fair_share().get_fair_share(on(2009)).await.unwrap_err();
    assert_eq!(reason(&refused), "DISTRIBUTION_KEY_NOT_FOUND");
}

#[tokio::test]
async fn a_grain_that_changes_the_answer_a_tie_and_a_missing_weight_are_told() {
    let world = World::new().await;
    let agreement = HostAgreement {
        host_municipality_number: TRONDHEIM.into(),
        municipality_number: HEMNE.into(),
        kind: HostKind::Host.into(),
        valid_from_date: Some(date(2011, 1, 1)),
        valid_to_date: None,
    };
    let rows = vec![
        municipality("1613", "Snillfjord", COUNTY),
        weight("need", 2011, TRONDHEIM, 2),
        weight("need", 2011, HEMNE, 2),
        weight("need", 2011, "1613", 5),
        Row::HostAgreement(agreement),
    ];
    import(&world, rows).await.unwrap();
    world.budget(&vta(), 3).await;
    let by = |grain: FairShareGrain, key_name: &str| GetFairShareRequest {
        key_name: key_name.into(),
        grain: grain.into(),
        ..of_2011(vta())
    };
    // 5, 2, 2 are one each; 5 and 4 are two and one.
    let fine = ask(&world, by(FairShareGrain::Municipality, "need")).await;
    let entitled = |answer: &GetFairShareResponse| -> Vec<u32> {
        answer.shares.iter().map(|share| share.entitled_places).collect()
    };
    assert_eq!(entitled(&fine), [1, 1, 1]);
    let coarse = ask(&world, by(FairShareGrain::HostArea, "need")).await;
    assert_eq!(entitled(&coarse), [1, 2]);
    for (answer, places, other) in [(&fine, [2, 1], [1, 2]), (&coarse, [1, 2], [2, 1])] {
        let told =
            answer.warnings.iter().map(|one| (&*one.area_ids[0], one.places, one.other_places));
        let expected = [(TRONDHEIM, places[0], other[0]), ("1613", places[1], other[1])];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        assert!(kinds(answer).iter().all(|kind| *kind == FairShareWarningKind::Grain));
    }
    // Two with equal claims to the second place.
    world.budget(&vta(), 2).await;
    let tied = ask(&world, by(FairShareGrain::Municipality, "need")).await;
    let tie = tied.warnings.iter().find(|one| one.kind() == FairShareWarningKind::Tie).unwrap();
    assert_eq!((&tie.area_ids[..], tie.places), (&[TRONDHEIM.to_owned(), HEMNE.to_owned()][..], 1));
    // Population says nothing of the third.
    let short = ask(&world, by(FairShareGrain::Municipality, "population")).await;
    let missing = short.warnings.last().unwrap();
    assert_eq!(missing.kind(), FairShareWarningKind::MissingWeight);
    assert_eq!(missing.area_ids, ["1613"]);
}

#[tokio::test]
async fn one_measure_over_all_areas() {
    let world = World::new().await;
    let mut rows = vec![weight("population", 2011, LEVANGER, 18_580)];
    // 357 municipalities in all.
    for number in 4_000..4_354 {
        let (number, county) = (number.to_string(), [COUNTY, OTHER_COUNTY][number % 2]);
        rows.push(municipality(&number, &number, county));
        rows.push(weight("population", 2011, &number, 4_900));
    }
    import(&world, rows).await.unwrap();
    let there = Ledger { county_id: OTHER_COUNTY.into(), measure_code: "VTA".into() };
    world.budget(&vta(), 300).await;
    world.budget(&there, 500).await;
    world.quotas(&vta(), &[(TRONDHEIM, 30)]).await;
    world.quotas(&there, &[(LEVANGER, 10)]).await;
    let by = |grain: FairShareGrain| GetFairShareRequest {
        all_areas: true,
        grain: grain.into(),
        ..of_2011(vta())
    };
    let areas = ask(&world, by(FairShareGrain::AllocationArea)).await;
    let told: Vec<_> = areas
        .shares
        .iter()
        .map(|share| (&*share.county_id, share.weight, share.entitled_places, share.current_places))
        .collect();
    let half = 177 * 4_900;
    assert_eq!(told, [(COUNTY, 177_718 + half, 433, 300), (OTHER_COUNTY, 18_580 + half, 367, 500)]);
    assert!(areas.shares.iter().all(|share| share.municipality_number.is_empty()));
    assert_eq!((areas.place_budget, areas.places_to_move), (800, 133));
    let each = ask(&world, by(FairShareGrain::Municipality)).await;
    assert_eq!(each.shares.len(), 357);
    assert_eq!(each.shares.iter().map(|share| share.entitled_places).sum::<u32>(), 800);
    assert_eq!((of(&each, TRONDHEIM).current_places, of(&each, LEVANGER).current_places), (30, 10));
    assert_eq!(each.revisions.len(), 2);
}

#[tokio::test]
async fn indices_are_those_of_another_program_to_twelve_decimals() {
    let world = World::new().await;
    let golden: serde_json::Value = serde_json::from_str(METRICS).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    let number = |index: usize| (4_000 + index).to_string();
    let figures = |case: &serde_json::Value, name: &str| -> Vec<u64> {
        case[name].as_array().unwrap().iter().map(|figure| figure.as_u64().unwrap()).collect()
    };
    let mut rows: Vec<Row> =
        (0..12).map(|index| municipality(&number(index), "M", COUNTY)).collect();
    for case in cases {
        let name = case["id"].as_str().unwrap();
        let weights = figures(case, "weights").into_iter().enumerate();
        rows.extend(weights.map(|(index, figure)| weight(name, 2011, &number(index), figure)));
    }
    import(&world, rows).await.unwrap();
    world.budget(&vta(), 10_000).await;
    for case in cases {
        let mut places = figures(case, "places");
        places.resize(12, 0);
        let names: Vec<String> = (0..12).map(number).collect();
        let quotas: Vec<(&str, u32)> = names
            .iter()
            .zip(&places)
            .map(|(name, places)| (name.as_str(), u32::try_from(*places).unwrap()))
            .collect();
        world.quotas(&vta(), &quotas).await;
        let key_name = case["id"].as_str().unwrap().to_owned();
        let answer = ask(&world, GetFairShareRequest { key_name, ..of_2011(vta()) }).await;
        let told = answer.current_indices.unwrap();
        for (name, value) in [
            ("loosemore_hanby", told.loosemore_hanby),
            ("gallagher", told.gallagher),
            ("sainte_lague", told.sainte_lague.unwrap()),
            ("gini", told.gini),
        ] {
            let expected = case[name].as_f64().unwrap();
            assert!((value - expected).abs() < 1e-12, "{} {name}: {value}", case["id"]);
        }
        // What is shared out lies nearer than what is held.
        let entitled = answer.entitled_indices.unwrap();
        assert!(entitled.sainte_lague.unwrap() <= told.sainte_lague.unwrap());
    }
    // Trondheim has places and, in this key, no weight: there is no end to that.
    world.quotas(&vta(), &[(TRONDHEIM, 1)]).await;
    let key_name = cases[0]["id"].as_str().unwrap().to_owned();
    let answer = ask(&world, GetFairShareRequest { key_name, ..of_2011(vta()) }).await;
    assert_eq!(answer.current_indices.unwrap().sainte_lague, None);
}
