//! Apportionment against golden cases, naive seat-by-seat sums, and the laws each method obeys; in
//! memory, and through the port with the certificate that a client checks.

#![allow(clippy::unwrap_used)] // A test may stop at the first surprise.

use tiltaksplass::domain::apportionment::{
    Apportionment, ApportionmentError, Area, CertificateError, MAX_AREAS, MAX_SEATS, MAX_WEIGHT,
    Method, apportion, certify,
};

mod client;
mod document;
mod golden;
mod laws;
mod naive;
mod vast;
mod wire;

const SOR_TRONDELAG_2010_2011: &str = include_str!("../data/golden/sor_trondelag_2010_2011.csv");
const SOR_TRONDELAG_2012: &str = include_str!("../data/golden/sor_trondelag_2012.csv");

const DIVISOR_METHODS: [Method; 6] = [
    Method::SainteLague,
    Method::ModifiedSainteLague,
    Method::DHondt,
    Method::Adams,
    Method::HuntingtonHill,
    Method::Dean,
];
const OTHER_METHODS: [Method; 2] = [Method::LargestRemainder, Method::Quota];

fn all_methods() -> impl Iterator<Item = Method> {
    DIVISOR_METHODS.into_iter().chain(OTHER_METHODS)
}

fn open(weights: &[u64]) -> Vec<Area> {
    let area = |&weight| Area { weight, min_seats: 0, max_seats: None };
    weights.iter().map(area).collect()
}

fn seats_of(answer: &Apportionment) -> Vec<u64> {
    answer.shares.iter().map(|share| share.seats).collect()
}

fn solve(method: Method, seats: u64, areas: &[Area]) -> Vec<u64> {
    seats_of(&apportion(method, seats, areas).unwrap())
}

// ---- Norwegian figures ----

fn column(csv_text: &str, name: &str) -> Vec<u64> {
    let mut reader = csv::Reader::from_reader(csv_text.as_bytes());
    let at = reader.headers().unwrap().iter().position(|header| header == name).unwrap();
    reader.records().map(|row| row.unwrap()[at].parse().unwrap()).collect()
}

#[test]
fn the_audit_of_trondheim_2011() {
    let population = open(&column(SOR_TRONDELAG_2010_2011, "population_2011"));
    let adults = open(&column(SOR_TRONDELAG_2010_2011, "pop_18_66_2011"));
    assert_eq!(population.len(), 25);
    for (method, trondheim) in [
        (Method::SainteLague, 249),
        (Method::LargestRemainder, 249),
        (Method::DHondt, 257),
        (Method::HuntingtonHill, 247),
        (Method::Adams, 241),
    ] {
        assert_eq!(solve(method, 422, &population)[0], trondheim, "{method:?}");
    }
    assert_eq!(solve(Method::SainteLague, 422, &adults)[0], 259);
}

#[test]
fn the_alabama_paradox_of_afjord_2012() {
    const AFJORD: usize = 9;
    let areas = open(&column(SOR_TRONDELAG_2012, "population"));
    let by_house: Vec<Vec<u64>> =
        (300..=700).map(|seats| solve(Method::LargestRemainder, seats, &areas)).collect();
    let takes_one = |house: &[Vec<u64>]| house[0].iter().zip(&house[1]).any(|(a, b)| b < a);
    assert!(by_house[107][AFJORD] < by_house[106][AFJORD], "407 against 406");
    // House sizes 301 to 699 at which a municipality has fewer than with one seat less.
    assert_eq!(by_house[..400].windows(2).filter(|pair| takes_one(pair)).count(), 37);
    for method in [Method::SainteLague, Method::Quota] {
        let by_house: Vec<Vec<u64>> =
            (300..=700).map(|seats| solve(method, seats, &areas)).collect();
        assert!(!by_house.windows(2).any(takes_one), "{method:?}");
    }
}

// ---- Edges ----

#[test]
fn every_impossible_question_has_its_own_reason() {
    let area = |weight, min_seats, max_seats| Area { weight, min_seats, max_seats };
    let refused = |seats, areas: &[Area]| apportion(Method::DHondt, seats, areas).unwrap_err();
    let many = vec![area(1, 0, None); MAX_AREAS + 1];
    assert_eq!(
        refused(1, &many),
        ApportionmentError::TooManyAreas { count: MAX_AREAS + 1, limit: MAX_AREAS }
    );
    assert_eq!(
        refused(MAX_SEATS + 1, &[area(1, 0, None)]),
        ApportionmentError::TooManySeats { seats: MAX_SEATS + 1, limit: MAX_SEATS }
    );
    assert_eq!(
        refused(1, &[area(1, 0, None), area(MAX_WEIGHT + 1, 0, None)]),
        ApportionmentError::WeightTooLarge { area: 1, weight: MAX_WEIGHT + 1, limit: MAX_WEIGHT }
    );
    assert_eq!(
        refused(9, &[area(1, 3, Some(2))]),
        ApportionmentError::MinimumAboveMaximum { area: 0, minimum: 3, maximum: 2 }
    );
    assert_eq!(
        refused(9, &[area(1, u64::MAX, None), area(1, 6, None)]),
        ApportionmentError::MinimumsAboveSeats { minimums: u128::from(u64::MAX) + 6, seats: 9 }
    );
    assert_eq!(
        refused(9, &[area(0, 5, None), area(0, 1, Some(50))]),
        ApportionmentError::NoWeight { seats_left: 3 }
    );
    assert_eq!(refused(1, &[]), ApportionmentError::NoWeight { seats_left: 1 });
    assert_eq!(
        refused(9, &[area(1, 0, Some(5)), area(0, 3, Some(50))]),
        ApportionmentError::MaximumsBelowSeats { maximums: 8, seats: 9 }
    );
    assert_eq!(
        refused(0, &[area(1, 1, None)]).to_string(),
        "the minimums add up to 1, but there are only 0 seats"
    );
}

#[test]
fn the_certificate_names_what_is_wrong() {
    let areas = open(&[60, 30, 10]);
    let verdict = |method, seats: &[u64]| certify(method, 10, &areas, seats).unwrap_err();
    let method = Method::SainteLague;
    assert_eq!(verdict(method, &[6, 4]), CertificateError::WrongLength { given: 2, areas: 3 });
    assert_eq!(verdict(method, &[6, 3, 2]), CertificateError::WrongSum { sum: 11, seats: 10 });
    assert_eq!(
        verdict(method, &[5, 4, 1]),
        CertificateError::StrongerClaim { stronger: 0, weaker: 1 }
    );
    assert_eq!(
        verdict(Method::LargestRemainder, &[5, 4, 1]),
        CertificateError::OutsideQuota { area: 0, seats: 5, whole: 6 }
    );
    assert_eq!(
        verdict(Method::Quota, &[5, 4, 1]),
        CertificateError::Differs { area: 0, seats: 5, expected: 6 }
    );
    let bounded = [Area { weight: 1, min_seats: 2, max_seats: Some(3) }, areas[0]];
    assert_eq!(
        certify(method, 5, &bounded, &[1, 4]),
        Err(CertificateError::OutsideBounds { area: 0, seats: 1, minimum: 2, maximum: 3 })
    );
    let refusal = certify(method, 1, &[], &[]).unwrap_err();
    assert_eq!(
        refusal,
        CertificateError::Impossible(ApportionmentError::NoWeight { seats_left: 1 })
    );
}

#[test]
fn nothing_to_share_out_is_an_answer() {
    for method in all_methods() {
        assert_eq!(solve(method, 0, &[]), Vec::<u64>::new());
        assert_eq!(solve(method, 0, &open(&[3, 0])), [0, 0]);
        let closed = [Area { weight: 0, min_seats: 4, max_seats: None }];
        assert_eq!(solve(method, 4, &closed), [4]);
    }
}

#[test]
fn capped_largest_remainder_shares_out_the_rest_by_weight() {
    let mut areas = open(&[70, 20, 10]);
    areas[0].max_seats = Some(4);
    assert_eq!(solve(Method::LargestRemainder, 10, &areas), [4, 4, 2]);
    areas[2].min_seats = 3;
    assert_eq!(solve(Method::LargestRemainder, 10, &areas), [4, 3, 3]);
}

/// Debug builds check every sum and product for overflow, so this run is the proof of the ranges.
#[test]
fn the_largest_numbers_fit() {
    let lopsided: Vec<u64> =
        (0..500).map(|index| if index % 7 == 0 { MAX_WEIGHT } else { index + 1 }).collect();
    let level = vec![MAX_WEIGHT; 500];
    let capped = |areas: &mut [Area]| areas[0].max_seats = Some(3);
    for method in all_methods() {
        let seats = MAX_SEATS - 1;
        for weights in
            [&lopsided, &level, &vec![MAX_WEIGHT, 1], &vec![1, 1, MAX_WEIGHT], &vec![1, 2]]
        {
            let mut areas = open(weights);
            for round in 0..2 {
                let answer = solve(method, seats, &areas);
                assert_eq!(answer.iter().sum::<u64>(), seats, "{method:?} {round}");
                assert_eq!(certify(method, seats, &areas, &answer), Ok(()), "{method:?} {round}");
                capped(&mut areas);
            }
        }
    }
}
