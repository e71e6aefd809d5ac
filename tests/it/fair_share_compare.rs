//! `CompareFairShares`: methods by keys, and by how little a place would move.

use tiltaksplass::{
    domain::apportionment::{Area, Method, apportion},
    proto::v1::*,
};

use crate::{
    fair_share_detail::{hold, sor_trondelag},
    support::reason,
    world::{TRONDHEIM, World, date, vta},
};

/// The populations on 1.1.2012 once more, for the rule alone.
const YEAR_2012: &str = include_str!("../data/golden/sor_trondelag_2012.csv");

fn key(key_name: &str, year: i32) -> KeyChoice {
    KeyChoice { key_name: key_name.into(), key_date: Some(date(year, 1, 1)) }
}

async fn ask(world: &World, request: CompareFairSharesRequest) -> CompareFairSharesResponse {
    world.county.fair_share().compare_fair_shares(request).await.unwrap().into_inner()
}

fn asked(keys: Vec<KeyChoice>) -> CompareFairSharesRequest {
    CompareFairSharesRequest { ledger: Some(vta()), keys, ..CompareFairSharesRequest::default() }
}

#[tokio::test]
async fn methods_and_keys_stand_side_by_side() {
    let world = sor_trondelag().await;
    hold(&world).await;
    let keys = vec![key("population", 2011), key("population_18_66", 2011)];
    let answer = ask(&world, asked(keys)).await;
    assert_eq!((answer.combinations.len(), answer.shares.len()), (16, 25));
    let city = answer.shares.iter().find(|share| share.area_id == TRONDHEIM).unwrap();
    let at = |method: ApportionmentMethod, name: &str| {
        let found = answer
            .combinations
            .iter()
            .position(|one| one.method() == method && one.key_name == name);
        city.entitled_places[found.unwrap()]
    };
    assert_eq!(at(ApportionmentMethod::SainteLague, "population"), 249);
    assert_eq!(at(ApportionmentMethod::SainteLague, "population_18_66"), 259);
    assert_eq!(at(ApportionmentMethod::Dhondt, "population"), 257);
    assert_eq!(
        (city.current_places, city.most_places),
        (152, *city.entitled_places.iter().max().unwrap())
    );
    assert!(city.least_places <= 249 && city.most_places > 259);
    for (index, one) in answer.combinations.iter().enumerate() {
        let column = answer.shares.iter().map(|share| share.entitled_places[index]);
        assert_eq!(column.sum::<u64>(), 422, "{one:?}");
        let over = |share: &ComparedShare| {
            share.current_places.saturating_sub(share.entitled_places[index])
        };
        assert_eq!(answer.shares.iter().map(over).sum::<u64>(), one.places_to_move);
        let has_none = [ApportionmentMethod::LargestRemainder, ApportionmentMethod::Quota];
        assert_eq!(one.has_flips, !has_none.contains(&one.method()), "{one:?}");
        assert_eq!(one.flips.is_empty(), !one.has_flips);
        // All hold the same now; the answers differ.
        assert!(one.entitled_indices.unwrap().gini < one.current_indices.unwrap().gini);
    }
}

#[tokio::test]
async fn so_many_people_more_or_fewer_move_one_place_and_one_less_moves_none() {
    let world = sor_trondelag().await;
    hold(&world).await;
    let answer = ask(&world, asked(vec![key("population", 2011)])).await;
    let places_of = |weights: &[ApportionArea], method: ApportionmentMethod| {
        let request =
            ApportionRequest { method: method.into(), seats: 422, areas: weights.to_vec() };
        let mut county = world.county.fair_share();
        async move {
            let answer = county.apportion(request).await.unwrap().into_inner();
            answer.areas.into_iter().map(|area| (area.area_id, area.seats)).collect::<Vec<_>>()
        }
    };
    let request = GetFairShareRequest {
        ledger: Some(vta()),
        key_date: Some(date(2011, 1, 1)),
        ..GetFairShareRequest::default()
    };
    let shares = world.county.fair_share().get_fair_share(request).await.unwrap().into_inner();
    let people: Vec<ApportionArea> = shares
        .shares
        .iter()
        .map(|share| ApportionArea {
            area_id: share.municipality_number.clone(),
            weight: share.weight,
            ..ApportionArea::default()
        })
        .collect();
    for (index, one) in answer.combinations.iter().enumerate() {
        // The least first; two of each method.
        let sizes: Vec<u64> =
            one.flips.iter().map(|flip| flip.weight_change.unsigned_abs()).collect();
        assert!(sizes.is_sorted());
        for flip in one.flips.iter().take(2) {
            let with = |change: i64| {
                let mut people = people.clone();
                let area = people.iter_mut().find(|area| area.area_id == flip.area_id).unwrap();
                area.weight = area.weight.checked_add_signed(change).unwrap();
                people
            };
            let now: Vec<(String, u64)> = answer
                .shares
                .iter()
                .map(|share| (share.area_id.clone(), share.entitled_places[index]))
                .collect();
            let short = flip.weight_change - flip.weight_change.signum();
            assert_eq!(places_of(&with(short), one.method()).await, now, "{flip:?}");
            let gains = flip.weight_change > 0;
            let after = places_of(&with(flip.weight_change), one.method()).await;
            let moved = |(name, places): &(String, u64)| {
                let (winner, loser) = if gains {
                    (&flip.area_id, &flip.other_area_id)
                } else {
                    (&flip.other_area_id, &flip.area_id)
                };
                (name.clone(), places + u64::from(name == winner) - u64::from(name == loser))
            };
            assert_eq!(after, now.iter().map(moved).collect::<Vec<_>>(), "{flip:?}");
        }
    }
}

#[tokio::test]
async fn what_is_too_much_or_not_there_is_refused() {
    let world = sor_trondelag().await;
    let refused = |request: CompareFairSharesRequest| {
        let mut county = world.county.fair_share();
        async move { county.compare_fair_shares(request).await.unwrap_err() }
    };
    let many = refused(asked(vec![key("population", 2011); 11])).await;
    assert_eq!(reason(&many), "INVALID_FIELDS");
    assert!(many.message().contains("11") && many.message().contains("10"), "{many}");
    let twice = CompareFairSharesRequest { methods: vec![1, 1], ..asked(Vec::new()) };
    assert!(refused(twice).await.message().contains("methods[1]"));
    let unknown = refused(asked(vec![key("need", 2011)])).await;
    assert_eq!(reason(&unknown), "DISTRIBUTION_KEY_NOT_FOUND");
    // Without anything asked for: all methods by the latest population.
    let all = ask(&world, asked(Vec::new())).await;
    assert_eq!(all.combinations.len(), 8);
    assert!(all.combinations.iter().all(|one| one.key_date == Some(date(2012, 1, 1))));
}

/// The rule alone, over the numbers of places that the warning is about.
#[test]
fn largest_remainder_takes_a_place_from_somebody_37_times_between_301_and_699() {
    let areas: Vec<Area> = YEAR_2012
        .lines()
        .skip(1)
        .map(|line| {
            let weight = line.split(',').nth(5).unwrap().parse().unwrap();
            Area { weight, min_seats: 0, max_seats: None }
        })
        .collect();
    assert_eq!(areas.len(), 25);
    let seats = |count: u64| {
        let shares = apportion(Method::LargestRemainder, count, &areas).unwrap().shares;
        shares.into_iter().map(|share| share.seats).collect::<Vec<_>>()
    };
    let loses =
        |count: &u64| seats(count + 1).iter().zip(seats(*count)).any(|(then, now)| *then < now);
    let times: Vec<u64> = (300..699).filter(loses).collect();
    assert!(times.contains(&406));
    assert_eq!(times.len(), 37, "{times:?}");
}
