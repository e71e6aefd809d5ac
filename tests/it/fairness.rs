//! The indices of disproportionality, beside golden figures.

#![allow(clippy::unwrap_used)] // A test may stop at the first surprise.

use tiltaksplass::domain::fairness::indices;

const GOLDEN: &str = include_str!("../data/golden/metrics.json");

#[test]
fn golden_indices_to_twelve_decimals() {
    let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let numbers = |name: &str| -> Vec<u64> {
            case[name].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
        };
        let areas: Vec<(u64, u64)> =
            numbers("weights").into_iter().zip(numbers("places")).collect();
        let told = indices(&areas).unwrap();
        let near = |name: &str, value: f64| {
            let expected = case[name].as_f64().unwrap();
            assert!((value - expected).abs() < 1e-12, "{} {name}: {value}", case["id"]);
        };
        near("loosemore_hanby", told.loosemore_hanby);
        near("gallagher", told.gallagher);
        near("sainte_lague", told.sainte_lague.unwrap());
        near("gini", told.gini);
    }
}
