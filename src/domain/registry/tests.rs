use time::macros::date;

use super::*;

fn area(id: &str) -> RegistryRow {
    RegistryRow::Area(Area { county_id: id.parse().unwrap(), name: "A".into() })
}

fn municipality(number: &str, area: &str) -> RegistryRow {
    RegistryRow::Municipality(Municipality {
        municipality_number: number.parse().unwrap(),
        name: "M".into(),
        county_id: area.parse().unwrap(),
    })
}

fn weight(year: i32, weight: u64) -> RegistryRow {
    RegistryRow::DistributionWeight(DistributionWeight {
        key_name: "population".into(),
        key_date: Date::from_calendar_date(year, time::Month::January, 1).unwrap(),
        municipality_number: "1601".parse().unwrap(),
        weight,
        source: "SSB 07459".into(),
        borders_date: None,
    })
}

#[test]
fn every_bad_row_is_named_and_nothing_is_taken() {
    let rows = [
        area("NO-16"),
        municipality("1601", "NO-17"),
        municipality("1612", "NO-16"),
        municipality("1612", "NO-16"),
    ];
    let bad = Registry::default().plan_import(&rows).unwrap_err();
    assert_eq!(bad.iter().map(|b| b.index).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn importing_again_changes_nothing() {
    let rows = [area("NO-16"), municipality("1601", "NO-16"), weight(2011, 5)];
    let mut registry = Registry::default();
    let plan = registry.plan_import(&rows).unwrap();
    assert_eq!((plan.added, plan.changed, plan.unchanged), (3, 0, 0));
    registry.apply(1, &plan.rows);
    let again = registry.plan_import(&rows).unwrap();
    assert_eq!((again.added, again.changed, again.unchanged), (0, 0, 3));
    assert!(again.rows.is_empty());
}

#[test]
fn the_latest_key_is_found_without_a_date() {
    let mut registry = Registry::default();
    registry.apply(
        1,
        &[area("NO-16"), municipality("1601", "NO-16"), weight(2010, 5), weight(2011, 6)],
    );
    let (latest, key) = registry.distribution_key("population", None).unwrap();
    assert_eq!((latest, key.weights.values().sum::<u64>()), (date!(2011 - 01 - 01), 6));
    assert!(registry.distribution_key("population", Some(date!(2012 - 01 - 01))).is_none());
    assert!(registry.distribution_key("need", None).is_none());
}
