//! The worked example of `docs/fair-share.md`, worked again.

use tiltaksplass::domain::apportionment::{Fraction, Method, apportion};

use super::{SOR_TRONDELAG_2010_2011, column, open};

const DOCUMENT: &str = include_str!("../../../docs/fair-share.md");
const PLACES: u64 = 422;

/// A fraction with two decimals, rounded down.
fn decimals(top: u128, bottom: u128) -> String {
    format!("{}.{:02}", top / bottom, top % bottom * 100 / bottom)
}

fn end(end: Fraction) -> String {
    format!("{}/{}", end.numerator, end.denominator)
}

fn names() -> Vec<String> {
    let mut reader = csv::Reader::from_reader(SOR_TRONDELAG_2010_2011.as_bytes());
    reader.records().map(|row| row.unwrap()[1].to_owned()).collect()
}

/// What the document says of the VTA places of Sør-Trøndelag by the inhabitants of 2011.
fn example() -> String {
    let (names, weights) = (names(), column(SOR_TRONDELAG_2010_2011, "population_2011"));
    let answer = apportion(Method::SainteLague, PLACES, &open(&weights)).unwrap();
    let mut lines = vec![
        "| municipality | weight w | seats s | w / (s - 1/2) | w / (s + 1/2) |".to_owned(),
        "| --- | --: | --: | --: | --: |".to_owned(),
    ];
    for ((name, &weight), share) in names.iter().zip(&weights).zip(&answer.shares) {
        let (weight, seats) = (u128::from(weight), u128::from(share.seats));
        let met = decimals(2 * weight, 2 * seats - 1);
        let unmet = decimals(2 * weight, 2 * seats + 1);
        lines.push(format!("| {name} | {weight} | {seats} | {met} | {unmet} |"));
    }
    let divisor = answer.divisor.unwrap();
    let (lower, upper) = (divisor.lower, divisor.upper.unwrap());
    let (last, next) = (answer.last_served.unwrap(), answer.runner_up.unwrap());
    lines.push(format!(
        "\nThe certificate: upper {} = {} (the last place, {}), lower {} = {} (the runner-up, {},\n\
         which had needed {} more inhabitants).",
        end(upper),
        decimals(upper.numerator, upper.denominator),
        names[last],
        end(lower),
        decimals(lower.numerator, lower.denominator),
        names[next],
        answer.margin.unwrap(),
    ));
    lines.join("\n")
}

/// What it must be is written beside the build, to be copied.
#[test]
fn the_worked_example_is_worked_right() {
    let example = example();
    if !DOCUMENT.contains(&example) {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/fair-share-example.md");
        std::fs::write(path, &example).unwrap();
        panic!("docs/fair-share.md must have the example as it is in {path}");
    }
}

/// Every method has its paragraph.
#[test]
fn every_method_is_told_of() {
    let comments = include_str!("../../../proto/tiltaksplass/v1/apportionment.proto");
    let prefix = "  APPORTIONMENT_METHOD_";
    let named = comments.lines().filter_map(|line| line.strip_prefix(prefix)?.split(' ').next());
    let methods: Vec<&str> = named.filter(|name| *name != "UNSPECIFIED").collect();
    assert_eq!(methods.len(), 8);
    for method in methods {
        assert!(DOCUMENT.contains(&format!("(`{method}`")), "{method} is not in the document");
    }
}
