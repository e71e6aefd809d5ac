//! The port's own bounds: the largest questions, and what is said of impossible ones.

use serde_json::{Value, json};
use tiltaksplass::{
    cli::call::{CallError, DynamicClient},
    domain::{
        access::Role,
        apportionment::{Area, MAX_SEATS, MAX_WEIGHT, Method},
    },
};

use super::client::{Question, seats_of, tied};
use super::{all_methods, open};
use crate::{support::Service, world::COUNTY};

/// As the proto has them.
const AREAS_MAX: u64 = 5_000;
const NAME_MAX: usize = 64;

async fn client(service: &Service) -> DynamicClient {
    let token = service.token(Role::County, COUNTY, "county-1");
    DynamicClient::connect(&format!("http://{}", service.address), Some(&token)).await.unwrap()
}

async fn ask(client: &mut DynamicClient, body: Value) -> Result<Value, CallError> {
    client.unary_json("FairShareService/Apportion", body).await
}

/// With the longest names, and once with all areas tied, so that each is named twice.
#[tokio::test]
async fn the_largest_question_fits() {
    let service = Service::start().await;
    let mut client = client(&service).await;
    let name = |index| format!("{index:å>NAME_MAX$}");
    let mixed: Vec<u64> = (1..=AREAS_MAX).map(|index| MAX_WEIGHT / index).collect();
    let level = vec![MAX_WEIGHT; 5_000];
    for (method, weights, seats) in all_methods()
        .map(|method| (method, &mixed, MAX_SEATS))
        .chain([(Method::Dean, &mixed, 17), (Method::SainteLague, &level, MAX_SEATS - 1)])
    {
        let areas = open(weights);
        let question = Question { method, seats, areas: &areas };
        let answer = ask(&mut client, question.to_json(name)).await.unwrap();
        assert_eq!(question.check(&answer), Ok(()), "{method:?}");
        if weights[0] == weights[1] {
            assert_eq!(tied(&answer)[0].len(), 5_000);
        }
    }
    service.verify().await;
}

/// As many seats as by the other methods, with bounds and without.
#[tokio::test]
async fn the_quota_method_takes_ten_million_seats() {
    let service = Service::start().await;
    let mut client = client(&service).await;
    let area = |weight, min_seats, max_seats| Area { weight, min_seats, max_seats };
    let name = |index: usize| index.to_string();
    let free = [area(700, 0, None), area(300, 0, None)];
    let bounded = [area(700, 0, Some(5_000_003)), area(299, 3, None), area(1, 1_000_007, None)];
    let cases = [
        (&free[..], vec![7_000_000, 3_000_000]),
        (&bounded, vec![5_000_003, 3_999_990, 1_000_007]),
    ];
    for (areas, expected) in cases {
        let question = Question { method: Method::Quota, seats: MAX_SEATS, areas };
        let answer = ask(&mut client, question.to_json(name)).await.unwrap();
        assert_eq!(seats_of(&answer), expected);
        assert_eq!(question.check(&answer), Ok(()));
    }
    let question = Question { method: Method::Quota, seats: MAX_SEATS + 1, areas: &free };
    let refused = ask(&mut client, question.to_json(name)).await.unwrap_err();
    assert!(refused.message().contains("seats is 10000001; must be 0 to 10000000"), "{refused}");
}

/// Which area it is, and both numbers.
#[tokio::test]
async fn what_is_impossible_is_told_with_both_numbers() {
    let service = Service::start().await;
    let mut client = client(&service).await;
    let area = |id: &str, weight: u64, least: u64, most: Option<u64>| {
        let mut area = json!({ "areaId": id, "weight": weight, "minSeats": least });
        if let Some(most) = most {
            area["maxSeats"] = json!(most);
        }
        area
    };
    let many: Vec<Value> =
        (0..=AREAS_MAX).map(|index| area(&index.to_string(), 1, 0, None)).collect();
    let cases = [
        (
            9,
            vec![area("b", 1, 0, None), area("a", 1, 3, Some(2))],
            "areas[1].max_seats is 2; must be at least min_seats, 3",
        ),
        (
            9,
            vec![area("a", MAX_WEIGHT + 1, 0, None)],
            "areas[0].weight is 1000000000001; must be 0 to 1000000000000",
        ),
        (
            9,
            vec![area("a", 1, MAX_SEATS + 1, None)],
            "areas[0].min_seats is 10000001; must be 0 to 10000000",
        ),
        (MAX_SEATS + 1, vec![area("a", 1, 0, None)], "seats is 10000001; must be 0 to 10000000"),
        (9, many, "areas has 5001 items; the most is 5000"),
        (9, vec![], "areas is required"),
        (
            9,
            vec![area("a", 1, 5, None), area("b", 1, 6, None)],
            "the minimums add up to 11, but there are only 9 seats",
        ),
        (
            9,
            vec![area("a", 0, 5, None), area("b", 0, 1, None)],
            "3 seats are left over the minimums and no area has a weight",
        ),
        (
            9,
            vec![area("a", 1, 0, Some(5)), area("b", 0, 3, Some(50))],
            "the areas can take 8 seats at most, but there are 9",
        ),
    ];
    for (seats, areas, said) in cases {
        let body = json!({
            "method": "APPORTIONMENT_METHOD_SAINTE_LAGUE", "seats": seats, "areas": areas,
        });
        let refused = ask(&mut client, body).await.unwrap_err();
        assert!(refused.to_string().contains(said), "{said}: {refused:#}");
    }
}
