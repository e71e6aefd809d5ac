//! The audit's tables and the registry's files, as they lie beside this code.
//!
//! They are what the demonstration puts in, and what it compares answers with. Nothing of
//! them is printed as a result.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cli::{
    Failure,
    import::{Row, read_file},
};

/// County 16, Sør-Trøndelag, as one allocation area.
pub(super) const AREA: &str = "NO-16";
/// Trondheim.
pub(super) const CITY: &str = "1601";
/// The years of table 2.
pub(super) const YEARS: [i32; 3] = [2009, 2010, 2011];

const PLACES: &str = include_str!("data/places_by_measure.csv");
const QUEUES: &str = include_str!("data/provider_queues.csv");
const PROVIDERS: &str = include_str!("data/providers.csv");
const OFFICES: &str = include_str!("data/offices.csv");

/// The files of the registry.
const REGISTRY: [(&str, &str); 7] = [
    ("areas.csv", include_str!("data/areas.csv")),
    ("municipalities.csv", include_str!("data/municipalities.csv")),
    ("offices.csv", OFFICES),
    ("measure_types.csv", include_str!("data/measure_types.csv")),
    ("providers.csv", PROVIDERS),
    ("distribution_weights.csv", include_str!("data/distribution_weights.csv")),
    ("holidays.csv", include_str!("data/holidays.csv")),
];

/// The rows of the registry, to be imported.
pub(super) fn registry() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for (file, text) in REGISTRY {
        rows.extend(read_file(file, text)?);
    }
    Ok(rows)
}

/// What the audit prints, and who is in the registry.
pub(super) struct Audit {
    places: Vec<PlacesRow>,
    /// Table 3.
    pub(super) queues: Vec<QueueRow>,
    providers: Vec<Provider>,
    /// The NAV offices of Trondheim.
    pub(super) offices: Vec<Office>,
}

/// A row of table 2: places in Trondheim.
#[derive(Deserialize)]
struct PlacesRow {
    measure_code: String,
    year: i32,
    places: u32,
}

/// A row of table 3: one place group at Prima AS.
#[derive(Deserialize)]
pub(super) struct QueueRow {
    /// The provider.
    pub(super) provider: String,
    /// The measure type.
    pub(super) measure_code: String,
    /// The place group's name.
    pub(super) place_group: String,
    /// How many places.
    pub(super) places: u32,
    /// The stated wait; where there is no number, one gets in only when someone leaves.
    #[serde(rename = "estimated_wait_months")]
    pub(super) months: Option<u32>,
    /// How many wait.
    pub(super) persons_waiting: u32,
}

#[derive(Deserialize)]
struct Provider {
    organisation_number: String,
    name: String,
}

/// A NAV office.
#[derive(Deserialize)]
pub(super) struct Office {
    /// Its number.
    #[serde(rename = "office_number")]
    pub(super) number: String,
    /// Its name.
    pub(super) name: String,
    municipality_numbers: String,
}

impl Audit {
    /// Reads the tables.
    pub(super) fn read() -> Result<Self, Failure> {
        let mut offices: Vec<Office> = table(OFFICES)?;
        offices.retain(|office| office.municipality_numbers == CITY);
        if offices.is_empty() {
            return Err("the registry has no office in Trondheim".into());
        }
        Ok(Self {
            places: table(PLACES)?,
            queues: table(QUEUES)?,
            providers: table(PROVIDERS)?,
            offices,
        })
    }

    /// The measure types of table 2, in its order.
    pub(super) fn measures(&self) -> Vec<String> {
        let mut codes: Vec<String> = Vec::new();
        for row in &self.places {
            if !codes.contains(&row.measure_code) {
                codes.push(row.measure_code.clone());
            }
        }
        codes
    }

    /// Table 2: the places of a measure type in a year.
    pub(super) fn places(&self, measure_code: &str, year: i32) -> u32 {
        let of = |row: &&PlacesRow| row.measure_code == measure_code && row.year == year;
        self.places.iter().find(of).map_or(0, |row| row.places)
    }

    /// Table 2: the sum of a year.
    pub(super) fn sum(&self, year: i32) -> u32 {
        self.places.iter().filter(|row| row.year == year).map(|row| row.places).sum()
    }

    /// The number of a provider whose name begins so.
    pub(super) fn provider(&self, name: &str) -> Result<String, Failure> {
        let found = self.providers.iter().find(|provider| provider.name.starts_with(name));
        let number = found.map(|provider| provider.organisation_number.clone());
        number.ok_or_else(|| format!("the registry has no provider {name}").into())
    }
}

/// The first office of each municipality.
pub(super) fn office_of_each() -> Result<BTreeMap<String, String>, Failure> {
    let mut of_each = BTreeMap::new();
    for office in table::<Office>(OFFICES)? {
        for municipality in office.municipality_numbers.split('|') {
            of_each.entry(municipality.to_owned()).or_insert_with(|| office.number.clone());
        }
    }
    Ok(of_each)
}

fn table<T: for<'a> Deserialize<'a>>(text: &str) -> Result<Vec<T>, Failure> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_sum_to_what_the_audit_prints() {
        let audit = Audit::read().expect("the tables are sound");
        assert_eq!(YEARS.map(|year| audit.sum(year)), [803, 818, 842]);
        let waiting: u32 = audit.queues.iter().map(|row| row.persons_waiting).sum();
        assert_eq!((audit.queues.len(), waiting, audit.offices.len()), (8, 176, 4));
        assert_eq!(audit.places("VTA", 2009), 150);
        let offices = office_of_each().expect("the offices are sound");
        assert_eq!((offices.len(), offices[CITY].as_str()), (25, "9601"));
        assert!(audit.provider("Prima AS").is_ok());
        assert!(audit.provider("Nobody").is_err());
        assert!(registry().is_ok());
    }
}
