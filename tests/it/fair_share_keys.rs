//! Distribution keys that are weighted sums of others, through the port: imported, listed, refused,
//! and used like any other; and the log makes them again.

use tiltaksplass::{cli::import::read_file, proto::v1::*};
use tonic_types::StatusExt;

use crate::{
    fair_share_detail::{import, weight},
    support::reason,
    world::{HEMNE, LEVANGER, TRONDHEIM, World, date, vta},
};

use registry_row::Row;

fn composite(key_name: &str, parts: &[(&str, u64)], normalised: bool) -> Row {
    let part = |(name, factor): &(&str, u64)| KeyPart {
        key_name: (*name).into(),
        key_date: Some(date(2011, 1, 1)),
        factor: *factor,
    };
    Row::CompositeKey(CompositeKey {
        key_name: key_name.into(),
        key_date: Some(date(2011, 1, 1)),
        parts: parts.iter().map(part).collect(),
        normalised,
        source: "vedtak 1".into(),
    })
}

async fn key(world: &World, key_name: &str) -> DistributionKey {
    let request = ListDistributionKeysRequest {
        key_name: key_name.into(),
        with_weights: true,
        ..ListDistributionKeysRequest::default()
    };
    let found = world.office.registry().list_distribution_keys(request).await.unwrap();
    let [key] = &found.into_inner().distribution_keys[..] else { panic!("not one {key_name}") };
    key.clone()
}

fn weights(key: &DistributionKey) -> Vec<(&str, u64)> {
    key.weights.iter().map(|one| (&*one.municipality_number, one.weight)).collect()
}

#[tokio::test]
async fn a_sum_of_keys_is_exact_listed_with_its_parts_and_used_by_name() {
    let world = World::new().await;
    world.budget(&vta(), 10).await;
    let parts = [("population", 7), ("need", 3)];
    let rows = vec![
        weight("need", 2011, TRONDHEIM, 100),
        weight("need", 2011, HEMNE, 300),
        composite("vektet", &parts, false),
        composite("andeler", &parts, true),
    ];
    import(&world, rows).await.unwrap();
    let sum = key(&world, "vektet").await;
    let (of_trondheim, of_hemne) = (7 * 173_486 + 3 * 100, 7 * 4_232 + 3 * 300);
    assert_eq!(weights(&sum), [(TRONDHEIM, of_trondheim), (HEMNE, of_hemne)]);
    assert_eq!((sum.parts.len(), sum.parts[0].factor, sum.normalised), (2, 7, false));
    assert_eq!((sum.source.as_str(), sum.total_weight), ("vedtak 1", of_trondheim + of_hemne));
    // 0.7 · 173,486 / 177,718 + 0.3 · 1/4, and what is left of 1, as whole numbers.
    let shares = key(&world, "andeler").await;
    let [(_, t), (_, h)] = weights(&shares)[..] else { panic!("{shares:?}") };
    let whole: u128 = 4 * 177_718 * 10;
    let part = 4 * 7 * 173_486 + 177_718 * 3;
    assert_eq!(u128::from(t) * whole, u128::from(t + h) * part);
    assert!(shares.normalised);
    let request = GetFairShareRequest {
        ledger: Some(vta()),
        key_name: "andeler".into(),
        ..GetFairShareRequest::default()
    };
    let told = world.county.fair_share().get_fair_share(request).await.unwrap().into_inner();
    let entitled: Vec<u32> = told.shares.iter().map(|share| share.entitled_places).collect();
    // 75.8 per cent and 24.2.
    assert_eq!((entitled, told.key_parts.len()), (vec![8, 2], 2));
    // A weight of a part that changes changes the sum, and the log makes all of it again.
    import(&world, vec![weight("need", 2011, HEMNE, 301)]).await.unwrap();
    assert_eq!(weights(&key(&world, "vektet").await)[1], (HEMNE, of_hemne + 3));
    world.service.verify().await;
}

#[tokio::test]
async fn a_sum_that_cannot_be_is_refused_with_both_numbers_or_what_is_missing() {
    let world = World::new().await;
    let refused = |rows: Vec<Row>| {
        let world = &world;
        async move {
            let refused = import(world, rows).await.unwrap_err();
            assert_eq!(reason(&refused), "REGISTRY_ROWS_INVALID");
            let named = refused.get_details_bad_request().unwrap().field_violations.remove(0);
            (named.field, named.description)
        }
    };
    let (field, why) = refused(vec![
        weight("need", 2011, TRONDHEIM, 1_000_000_000_000),
        composite("vektet", &[("need", 2)], false),
    ])
    .await;
    assert_eq!(field, "rows[1]");
    assert!(why.contains("2000000000000") && why.contains("1000000000000"), "{why}");
    let (_, why) = refused(vec![
        weight("need", 2011, TRONDHEIM, 5),
        composite("vektet", &[("population", 1), ("need", 1)], false),
    ])
    .await;
    assert!(why.contains("need of 2011-01-01 has no weight for 1612"), "{why}");
    let (_, why) = refused(vec![composite("vektet", &[("need", 1)], false)]).await;
    assert!(why.contains("no dataset need"), "{why}");
    let (_, why) = refused(vec![composite("vektet", &[], false)]).await;
    assert!(why.contains("composite_key.parts"), "{why}");
    // A weight that came later would leave a sum incomplete.
    import(&world, vec![composite("vektet", &[("population", 1)], false)]).await.unwrap();
    import(&world, vec![weight("population", 2011, LEVANGER, 3)]).await.unwrap();
    assert_eq!(key(&world, "vektet").await.municipalities, 3);
}

#[tokio::test]
async fn a_key_says_which_borders_it_follows() {
    let world = World::new().await;
    let dated = |number: &str, year: i32| {
        let Row::DistributionWeight(row) = weight("need", 2011, number, 5) else { panic!() };
        let borders_date = Some(date(year, 1, 1));
        Row::DistributionWeight(DistributionWeight { borders_date, ..row })
    };
    import(&world, vec![dated(TRONDHEIM, 2010), dated(HEMNE, 2010)]).await.unwrap();
    assert_eq!(key(&world, "need").await.borders_date, Some(date(2010, 1, 1)));
    // Not half of it.
    let refused = import(&world, vec![dated(HEMNE, 2020)]).await.unwrap_err();
    assert!(refused.message().contains("borders") || reason(&refused) == "REGISTRY_ROWS_INVALID");
    import(&world, vec![dated(TRONDHEIM, 2020), dated(HEMNE, 2020)]).await.unwrap();
    world.budget(&vta(), 4).await;
    let request = GetFairShareRequest {
        ledger: Some(vta()),
        key_name: "need".into(),
        ..GetFairShareRequest::default()
    };
    let told = world.county.fair_share().get_fair_share(request).await.unwrap().into_inner();
    assert_eq!(told.key_borders_date, Some(date(2020, 1, 1)));
}

#[test]
fn a_file_of_sums_is_read() {
    let header = "key_name,key_date,parts,normalised,source\n";
    let row = "vektet,2011-01-01,population@2011-01-01:7|need@2011-01-01:3,true,vedtak";
    let text = format!("{header}{row}");
    let rows = format!("{:?}", read_file("composite_keys.csv", &text).unwrap());
    for said in ["\"vektet\"", "\"population\"", "\"7\"", "\"need\"", "Bool(true)", "2011"] {
        assert!(rows.contains(said), "{said}: {rows}");
    }
    for (good, bad) in [("@2011-01-01:7", ":7"), (":7", ":x"), (",true,", ",ja,")] {
        let read = read_file("composite_keys.csv", &text.replace(good, bad));
        assert!(read.is_err(), "{good} {bad}");
    }
}
