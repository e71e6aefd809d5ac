use time::macros::date;

use super::*;
use crate::domain::registry::{Area, Municipality};

const DAY: Date = date!(2024 - 01 - 01);

fn weight(key_name: &str, number: &str, weight: u64) -> RegistryRow {
    RegistryRow::DistributionWeight(DistributionWeight {
        key_name: key_name.into(),
        key_date: DAY,
        municipality_number: number.parse().unwrap(),
        weight,
        source: "SSB".into(),
        borders_date: None,
    })
}

fn composite(name: &str, parts: &[(&str, u64)], normalised: bool) -> RegistryRow {
    let part = |(name, factor): &(&str, u64)| KeyPart {
        key_name: (*name).into(),
        key_date: DAY,
        factor: *factor,
    };
    RegistryRow::CompositeKey(CompositeKey {
        key_name: name.into(),
        key_date: DAY,
        parts: parts.iter().map(part).collect(),
        normalised,
        source: "vedtak".into(),
    })
}

/// Two municipalities; of people they have 300 and 100, of need 30 and 90.
fn rows() -> Vec<RegistryRow> {
    let municipality = |number: &str| {
        RegistryRow::Municipality(Municipality {
            municipality_number: number.parse().unwrap(),
            name: "M".into(),
            county_id: "NO-16".parse().unwrap(),
        })
    };
    let area = Area { county_id: "NO-16".parse().unwrap(), name: "A".into() };
    vec![
        RegistryRow::Area(area),
        municipality("1601"),
        municipality("1612"),
        weight("people", "1601", 300),
        weight("people", "1612", 100),
        weight("need", "1601", 30),
        weight("need", "1612", 90),
    ]
}

fn registry(more: &[RegistryRow]) -> Result<Registry, Vec<BadRow>> {
    let rows: Vec<RegistryRow> = rows().into_iter().chain(more.iter().cloned()).collect();
    let plan = Registry::default().plan_import(&rows)?;
    let mut registry = Registry::default();
    registry.apply(1, &plan.rows);
    Ok(registry)
}

fn weights(registry: &Registry, name: &str) -> Vec<u64> {
    registry.distribution_key(name, None).unwrap().1.weights.values().copied().collect()
}

#[test]
fn a_composite_key_is_the_exact_sum_of_its_parts() {
    let parts = [("people", 7), ("need", 3)];
    let rows = [composite("sum", &parts, false), composite("shares", &parts, true)];
    let registry = registry(&rows).unwrap();
    assert_eq!(weights(&registry, "sum"), [7 * 300 + 3 * 30, 7 * 100 + 3 * 90]);
    // 0.7 · 3/4 + 0.3 · 1/4 against 0.7 · 1/4 + 0.3 · 3/4: 24 to 16.
    assert_eq!(weights(&registry, "shares"), [3, 2]);
}

#[test]
fn a_composite_key_follows_its_parts_in_whatever_order_rows_come() {
    let sum = composite("sum", &[("people", 1), ("need", 1)], false);
    let mut registry = registry(std::slice::from_ref(&sum)).unwrap();
    let changed = [weight("people", "1601", 301)];
    let plan = registry.plan_import(&changed).unwrap();
    registry.apply(2, &plan.rows);
    assert_eq!(weights(&registry, "sum"), [331, 190]);
    // As the database has them: one of each, by kind and key.
    let mut loaded = Registry::default();
    let rows: Vec<RegistryRow> = registry.rows().cloned().collect();
    loaded.apply(2, &rows);
    assert_eq!(loaded, registry);
}

#[test]
fn what_cannot_be_summed_is_refused_with_why() {
    let problem = |rows: &[RegistryRow]| registry(rows).unwrap_err()[0].problem.clone();
    let limit = MAX_WEIGHT / 300;
    assert!(registry(&[composite("sum", &[("people", limit)], false)]).is_ok());
    let over = problem(&[composite("sum", &[("people", limit + 1)], false)]);
    let weight_over = (limit + 1) * 300;
    assert!(over.contains(&format!("{weight_over}; the most is {MAX_WEIGHT}")), "{over}");
    let unknown = problem(&[composite("sum", &[("people", 1), ("age", 1)], false)]);
    assert!(unknown.contains("no dataset age"), "{unknown}");
    let short = [weight("age", "1601", 5), composite("sum", &[("people", 1), ("age", 1)], false)];
    assert!(problem(&short).contains("age of 2024-01-01 has no weight for 1612"));
    let nested =
        [composite("sum", &[("people", 1)], false), composite("more", &[("sum", 1)], false)];
    assert!(problem(&nested).contains("is itself a composite key"));
    let both = [composite("people", &[("need", 1)], false)];
    let both = registry(&both).unwrap_err();
    assert!(both.iter().any(|bad| bad.problem.contains("not a dataset")), "{both:?}");
}

#[test]
fn a_weight_that_leaves_a_composite_key_incomplete_is_the_row_to_blame() {
    let sum = composite("sum", &[("people", 1), ("need", 1)], false);
    let mut registry = registry(std::slice::from_ref(&sum)).unwrap();
    let third = RegistryRow::Municipality(Municipality {
        municipality_number: "1613".parse().unwrap(),
        name: "M".into(),
        county_id: "NO-16".parse().unwrap(),
    });
    let alone = [third, weight("people", "1613", 5)];
    let bad = registry.plan_import(&alone).unwrap_err();
    assert_eq!((bad.len(), bad[0].index), (1, 1));
    assert!(bad[0].problem.contains("need of 2024-01-01 has no weight for 1613"), "{bad:?}");
    let whole: Vec<_> = alone.into_iter().chain([weight("need", "1613", 6)]).collect();
    let plan = registry.plan_import(&whole).unwrap();
    registry.apply(2, &plan.rows);
    assert_eq!(weights(&registry, "sum"), [330, 190, 11]);
}

#[test]
fn keys_of_different_borders_are_not_added() {
    let dated = |row: RegistryRow, year: i32| {
        let RegistryRow::DistributionWeight(row) = row else { panic!("{row:?}") };
        let borders_date = Date::from_calendar_date(year, time::Month::January, 1).ok();
        RegistryRow::DistributionWeight(DistributionWeight { borders_date, ..row })
    };
    let sum = composite("sum", &[("one", 1), ("other", 1)], false);
    let of =
        |year| vec![dated(weight("one", "1601", 1), 2020), dated(weight("other", "1601", 2), year)];
    let bad = registry(&[of(2024), vec![sum.clone()]].concat()).unwrap_err();
    assert!(bad[0].problem.contains("one follows the borders of 2020-01-01"), "{bad:?}");
    let known = registry(&[of(2020), vec![sum]].concat()).unwrap();
    let (_, key) = known.distribution_key("sum", None).unwrap();
    assert_eq!(key.borders_date, Some(date!(2020 - 01 - 01)));
    // One dataset, one date.
    let two = [dated(weight("one", "1601", 1), 2020), dated(weight("one", "1612", 1), 2024)];
    assert!(registry(&two).unwrap_err()[0].problem.contains("borders of one date"));
}
