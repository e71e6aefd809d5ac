//! Golden cases with sources, in memory and through `tiltaksplass call`.

use std::collections::BTreeSet;

use serde_json::Value;
use tiltaksplass::{
    cli::call::DynamicClient,
    domain::{
        access::Role,
        apportionment::{Area, Method, Tie, apportion, certify},
    },
};

use super::client::{Question, number, seats_of as seats_told, tied};
use super::{open, seats_of};
use crate::{day::worker::Worker, support::Service, support::at_length, world::COUNTY};

const GOLDEN: &str = include_str!("../../data/golden/apportionment.json");
const APPORTION: &str = "FairShareService/Apportion";

/// An apportionment that is known.
struct Case {
    id: String,
    method: Method,
    seats: u64,
    areas: Vec<Area>,
    expected: Vec<u64>,
    tie: Option<Tie>,
}

impl Case {
    fn of(case: &Value) -> Self {
        let mut areas = open(&numbers(&case["weights"]).unwrap());
        let minimums = numbers(&case["min_seats"]).unwrap_or_default();
        let maximums = numbers(&case["max_seats"]).unwrap_or_default();
        areas.iter_mut().zip(minimums).for_each(|(area, minimum)| area.min_seats = minimum);
        areas.iter_mut().zip(maximums).for_each(|(area, maximum)| area.max_seats = Some(maximum));
        let index = |index: u64| usize::try_from(index).unwrap();
        let tie = numbers(&case["tie"]["contested"]).map(|contested| Tie {
            seats_at_stake: case["tie"]["seats_for_contested"].as_u64().unwrap(),
            areas: contested.into_iter().map(index).collect(),
        });
        Self {
            id: case["id"].as_str().unwrap().to_owned(),
            method: method_named(case["method"].as_str().unwrap()),
            seats: case["seats"].as_u64().unwrap(),
            expected: numbers(&case["expected"]).unwrap(),
            areas,
            tie,
        }
    }

    fn question(&self) -> Question<'_> {
        Question { method: self.method, seats: self.seats, areas: &self.areas }
    }

    fn body(&self) -> Value {
        self.question().to_json(name)
    }

    /// The answer is the known one, its certificate proves it, and no other.
    fn require(&self, mut answer: Value) {
        let id = &self.id;
        assert_eq!(seats_told(&answer), self.expected, "{id}");
        let ties = tied(&answer);
        match &self.tie {
            Some(tie) => {
                assert_eq!(ties, [tie.areas.iter().copied().map(name).collect::<Vec<_>>()], "{id}");
                assert_eq!(number(&answer["ties"][0]["seatsAtStake"]), tie.seats_at_stake, "{id}");
            }
            None if self.method == Method::Quota => {}
            None => assert!(ties.is_empty(), "{id}"),
        }
        assert_eq!(self.question().check(&answer), Ok(()), "{id}");
        for from in 0..self.areas.len() {
            let to = (from + 1) % self.areas.len();
            if self.expected[from] == 0 || from == to || self.method == Method::Quota {
                continue;
            }
            let are_tied = |tie: &Vec<String>| tie.contains(&name(from)) && tie.contains(&name(to));
            answer["areas"][from]["seats"] = (self.expected[from] - 1).to_string().into();
            answer["areas"][to]["seats"] = (self.expected[to] + 1).to_string().into();
            let verdict = self.question().check(&answer);
            assert!(verdict.is_err() || ties.iter().any(are_tied), "{id}: {from} to {to}");
            answer["areas"][from]["seats"] = self.expected[from].to_string().into();
            answer["areas"][to]["seats"] = self.expected[to].to_string().into();
        }
    }
}

fn cases() -> Vec<Case> {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let cases: Vec<Case> = golden["cases"].as_array().unwrap().iter().map(Case::of).collect();
    assert_eq!(cases.len(), 322);
    cases
}

fn method_named(name: &str) -> Method {
    match name {
        "sainte_lague" => Method::SainteLague,
        "modified_sainte_lague_1_4" => Method::ModifiedSainteLague,
        "dhondt" => Method::DHondt,
        "adams" => Method::Adams,
        "huntington_hill" => Method::HuntingtonHill,
        "dean" => Method::Dean,
        "hamilton" => Method::LargestRemainder,
        "quota_method" => Method::Quota,
        other => panic!("unknown method {other}"),
    }
}

fn numbers(value: &Value) -> Option<Vec<u64>> {
    Some(value.as_array()?.iter().map(|number| number.as_u64().unwrap()).collect())
}

fn name(index: usize) -> String {
    format!("area-{index:05}")
}

#[test]
fn golden_cases_with_their_ties() {
    for case in cases() {
        let Case { id, method, seats, areas, expected, tie } = case;
        let answer = apportion(method, seats, &areas).unwrap();
        assert_eq!(seats_of(&answer), expected, "{id}");
        assert_eq!(certify(method, seats, &areas, &expected), Ok(()), "{id}");
        match tie {
            Some(tie) => assert_eq!(answer.ties, [tie], "{id}"),
            None if method == Method::Quota => {}
            None => assert_eq!(answer.ties, [], "{id}"),
        }
    }
}

/// Each by the client that `tiltaksplass call` is.
#[tokio::test]
async fn every_golden_case_through_the_port() {
    let service = Service::start().await;
    let token = service.token(Role::County, COUNTY, "county-1");
    let address = format!("http://{}", service.address);
    let mut client = DynamicClient::connect(&address, Some(&token)).await.unwrap();
    for case in cases() {
        case.require(client.unary_json(APPORTION, case.body()).await.unwrap());
    }
}

/// By the built program: one of each kind, and in the long run every one.
#[tokio::test]
async fn golden_cases_by_the_program() {
    let service = Service::start().await;
    let worker = Worker::new(&service, Role::County, COUNTY);
    let all = at_length(0, 1) == 1;
    let mut kinds = BTreeSet::new();
    for case in cases() {
        let is_bounded = |area: &Area| area.min_seats > 0 || area.max_seats.is_some();
        let bounded = case.areas.iter().any(is_bounded);
        if kinds.insert((format!("{:?}", case.method), case.tie.is_some(), bounded)) || all {
            case.require(worker.asks(APPORTION, case.body()).await);
        }
    }
    assert!(kinds.len() > 15, "{kinds:?}");
}
