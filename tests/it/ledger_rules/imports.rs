//! `ImportRegistry`: all rows or none, and what no import may change.

use tiltaksplass::domain::{
    command::ImportRegistry, refusal::BadRow, registry::DistributionWeight,
};

use super::*;

fn import(rows: Vec<RegistryRow>) -> Result<Vec<Event>, Refusal> {
    let mut ledger = Ledger::new(LedgerId::registry(), Distribution::CountyPool, Head::EMPTY);
    let source = "NAV".to_owned();
    happen(&mut ledger, Command::ImportRegistry(ImportRegistry { source, rows }), noon())
}

fn place(number: &str, area: &str) -> RegistryRow {
    RegistryRow::Municipality(Municipality {
        municipality_number: municipality(number),
        name: "Ny".to_owned(),
        county_id: area.parse().unwrap(),
    })
}

fn weight(number: &str, source: &str) -> RegistryRow {
    RegistryRow::DistributionWeight(DistributionWeight {
        key_name: "population".to_owned(),
        key_date: TODAY,
        municipality_number: municipality(number),
        weight: 7,
        source: source.to_owned(),
        borders_date: None,
    })
}

fn office(serves: &str) -> RegistryRow {
    RegistryRow::Office(Office {
        office_number: "5799".parse().unwrap(),
        name: "NAV Ny".to_owned(),
        municipality_numbers: BTreeSet::from([municipality(serves)]),
    })
}

#[test]
fn each_wrong_row_is_named_with_its_place() {
    let cases = [
        (vec![place("1900", "NO-19")], 0, "there is no area NO-19"),
        (vec![place("1900", AREA), place("1900", AREA)], 1, "the same key stands twice"),
        (vec![office("1900")], 0, "there is no municipality 1900"),
        (vec![weight("1900", "SSB")], 0, "there is no municipality 1900"),
        (
            vec![weight(HEMNE, "SSB"), weight(ORKDAL, "NAV")],
            1,
            "one key has one source; this row names another",
        ),
        (vec![place(TRONDHEIM, "NO-17")], 0, "a municipality cannot change its area by an import"),
        (
            vec![measure("VTA", Distribution::CountyPool, true)],
            0,
            "the distribution of a measure type cannot be changed by an import",
        ),
    ];
    for (rows, index, problem) in cases {
        let bad = BadRow { index, problem: problem.to_owned() };
        assert_eq!(import(rows), Err(Refusal::RegistryRowsInvalid(vec![bad])));
    }
}

#[test]
fn only_what_is_new_or_changed_is_taken_in() {
    let new = place("1900", AREA);
    let changed = place(TRONDHEIM, AREA);
    let mut rows = registry_rows();
    let there = u32::try_from(rows.len()).unwrap();
    rows.retain(|row| row.key() != changed.key());
    rows.extend([new.clone(), changed.clone(), office("1900")]);
    let events = import(rows).unwrap();
    let expected = Event::RegistryImported {
        rows: vec![new, changed, office("1900")],
        added: 2,
        changed: 1,
        unchanged: there - 1,
    };
    assert_eq!(events, [expected]);
}

#[test]
fn importing_the_same_again_is_recorded_and_changes_nothing() {
    let unchanged = u32::try_from(registry_rows().len()).unwrap();
    let (rows, added, changed) = (Vec::new(), 0, 0);
    let expected = Event::RegistryImported { rows, added, changed, unchanged };
    assert_eq!(import(registry_rows()).unwrap(), [expected]);
}
