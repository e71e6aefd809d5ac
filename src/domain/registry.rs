//! The registry: what areas, municipalities, offices, measure types, providers,
//! distribution keys and holidays there are. A ledger of its own; its version is
//! that ledger's seq, and every other decision names the version it used.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    access_grant::{AccessGrant, AccessGrants},
    host::{HostAgreement, HostAgreements},
    ids::{AreaId, LedgerId, MeasureCode, MunicipalityNumber, OfficeNumber, OrganisationNumber},
    measure::{Distribution, MeasureType},
    refusal::BadRow,
    staff_link::{StaffLink, StaffLinks},
};

mod keys;

pub use keys::{CompositeKey, DistributionKey, DistributionWeight, KeyId, KeyPart};

/// One row of the registry.
#[allow(clippy::large_enum_variant, reason = "measure types are few, and rows are kept in lists")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RegistryRow {
    /// An allocation area (tildelingsområde).
    Area(Area),
    /// A municipality (kommune).
    Municipality(Municipality),
    /// A NAV office (NAV-kontor).
    Office(Office),
    /// A measure type (tiltakstype).
    MeasureType(MeasureType),
    /// A provider (tiltaksarrangør).
    Provider(Provider),
    /// One municipality's weight in a distribution key (fordelingsnøkkel).
    DistributionWeight(DistributionWeight),
    /// That one municipality hosts another (vertskommune, samarbeidskommune).
    HostAgreement(HostAgreement),
    /// A record of access across employers, which no import brings.
    AccessGrant(AccessGrant),
    /// That one of the staff is a certain person, which no import brings.
    StaffLink(StaffLink),
    /// That a distribution key is a weighted sum of others (sammensatt nøkkel).
    CompositeKey(CompositeKey),
    /// A public holiday (helligdag).
    Holiday(Holiday),
}

/// An allocation area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Its id.
    pub county_id: AreaId,
    /// Its name.
    pub name: String,
}

/// A municipality and its area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Municipality {
    /// Its number.
    pub municipality_number: MunicipalityNumber,
    /// Its name.
    pub name: String,
    /// Its area.
    pub county_id: AreaId,
}

/// A NAV office and the municipalities it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Office {
    /// Its number.
    pub office_number: OfficeNumber,
    /// Its name.
    pub name: String,
    /// Whom it serves.
    pub municipality_numbers: BTreeSet<MunicipalityNumber>,
}

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its number.
    pub organisation_number: OrganisationNumber,
    /// Its name.
    pub name: String,
}

/// A public holiday.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// The day.
    pub date: Date,
    /// Its name.
    pub name: String,
}

/// The kinds of rows, as the database names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKind {
    /// [`RegistryRow::Area`]
    Area,
    /// [`RegistryRow::Municipality`]
    Municipality,
    /// [`RegistryRow::Office`]
    Office,
    /// [`RegistryRow::MeasureType`]
    MeasureType,
    /// [`RegistryRow::Provider`]
    Provider,
    /// [`RegistryRow::DistributionWeight`]
    DistributionWeight,
    /// [`RegistryRow::HostAgreement`]
    HostAgreement,
    /// [`RegistryRow::AccessGrant`]
    AccessGrant,
    /// [`RegistryRow::StaffLink`]
    StaffLink,
    /// [`RegistryRow::CompositeKey`]
    CompositeKey,
    /// [`RegistryRow::Holiday`]
    Holiday,
}

impl RowKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Area => "AREA",
            Self::Municipality => "MUNICIPALITY",
            Self::Office => "OFFICE",
            Self::MeasureType => "MEASURE_TYPE",
            Self::Provider => "PROVIDER",
            Self::DistributionWeight => "DISTRIBUTION_WEIGHT",
            Self::HostAgreement => "HOST_AGREEMENT",
            Self::AccessGrant => "ACCESS_GRANT",
            Self::StaffLink => "STAFF_LINK",
            Self::CompositeKey => "COMPOSITE_KEY",
            Self::Holiday => "HOLIDAY",
        }
    }
}

impl RegistryRow {
    /// What makes two rows versions of the same thing.
    pub fn key(&self) -> (RowKind, String) {
        match self {
            Self::Area(row) => (RowKind::Area, row.county_id.to_string()),
            Self::Municipality(row) => (RowKind::Municipality, row.municipality_number.to_string()),
            Self::Office(row) => (RowKind::Office, row.office_number.to_string()),
            // One that holds from ever on has the key it had before there were versions.
            Self::MeasureType(row) => (
                RowKind::MeasureType,
                row.rules
                    .valid_from
                    .map_or_else(|| row.code.to_string(), |from| format!("{}@{from}", row.code)),
            ),
            Self::Provider(row) => (RowKind::Provider, row.organisation_number.to_string()),
            Self::DistributionWeight(row) => (
                RowKind::DistributionWeight,
                format!("{}/{}/{}", row.key_name, row.key_date, row.municipality_number),
            ),
            Self::HostAgreement(row) => {
                let (number, from) = row.key();
                (RowKind::HostAgreement, format!("{number}@{from}"))
            }
            Self::AccessGrant(row) => (RowKind::AccessGrant, row.grant_id.to_string()),
            Self::StaffLink(row) => (RowKind::StaffLink, row.link_id.to_string()),
            Self::CompositeKey(row) => {
                (RowKind::CompositeKey, format!("{}/{}", row.key_name, row.key_date))
            }
            Self::Holiday(row) => (RowKind::Holiday, row.date.to_string()),
        }
    }
}

/// The registry as of a version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// The registry ledger's seq.
    pub version: u64,
    rows: BTreeMap<(RowKind, String), RegistryRow>,
    areas: BTreeMap<AreaId, Area>,
    municipalities: BTreeMap<MunicipalityNumber, Municipality>,
    offices: BTreeMap<OfficeNumber, Office>,
    /// By code and the day from which a version holds; one that holds from ever on is first.
    measure_types: BTreeMap<(MeasureCode, Option<Date>), MeasureType>,
    providers: BTreeMap<OrganisationNumber, Provider>,
    distribution_keys: BTreeMap<KeyId, DistributionKey>,
    composite_keys: BTreeMap<KeyId, CompositeKey>,
    pub(super) host_agreements: HostAgreements,
    pub(super) access_grants: AccessGrants,
    pub(super) staff_links: StaffLinks,
    holidays: BTreeSet<Date>,
}

/// What an import would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportPlan {
    /// The rows that are new or changed; those that are the same are left out.
    pub rows: Vec<RegistryRow>,
    /// How many are new.
    pub added: u32,
    /// How many replace another.
    pub changed: u32,
    /// How many were there already.
    pub unchanged: u32,
}

impl Registry {
    /// The area with this id.
    pub fn area(&self, id: &AreaId) -> Option<&Area> {
        self.areas.get(id)
    }

    /// The municipality with this number.
    pub fn municipality(&self, number: &MunicipalityNumber) -> Option<&Municipality> {
        self.municipalities.get(number)
    }

    /// The municipalities of an area, by number.
    pub fn municipalities_of(&self, area: &AreaId) -> impl Iterator<Item = &Municipality> {
        self.municipalities.values().filter(move |m| m.county_id == *area)
    }

    /// The office with this number.
    pub fn office(&self, number: &OfficeNumber) -> Option<&Office> {
        self.offices.get(number)
    }

    /// The provider with this number.
    pub fn provider(&self, number: &OrganisationNumber) -> Option<&Provider> {
        self.providers.get(number)
    }

    /// The version of a measure type that holds on a day: the latest that has begun.
    pub fn measure_type_on(&self, code: &MeasureCode, day: Date) -> Option<&MeasureType> {
        let upto = (code.clone(), None)..=(code.clone(), Some(day));
        self.measure_types.range(upto).next_back().map(|(_, version)| version)
    }

    /// All versions of a measure type, by the day from which they hold.
    pub fn measure_versions(&self, code: &MeasureCode) -> impl Iterator<Item = &MeasureType> {
        let all = (code.clone(), None)..=(code.clone(), Some(Date::MAX));
        self.measure_types.range(all).map(|(_, version)| version)
    }

    /// The measure type of a ledger that may exist, as it is on a day.
    pub fn ledger_measure_on(&self, id: &LedgerId, day: Date) -> Option<&MeasureType> {
        self.area(&id.county_id).and_then(|_| self.measure_type_on(&id.measure_code, day))
    }

    /// How a ledger that may exist shares its places; `None` where there can be no such
    /// ledger. It needs no day: all versions of a measure type have the same, and what is
    /// planned for one that has not begun is planned in its ledger.
    pub fn ledger_distribution(&self, id: &LedgerId) -> Option<Distribution> {
        self.area(&id.county_id)?;
        self.measure_versions(&id.measure_code).next().map(|version| version.distribution)
    }

    /// The areas, by id.
    pub fn areas(&self) -> impl Iterator<Item = &Area> {
        self.areas.values()
    }

    /// The municipalities, by number.
    pub fn municipalities(&self) -> impl Iterator<Item = &Municipality> {
        self.municipalities.values()
    }

    /// The offices, by number.
    pub fn offices(&self) -> impl Iterator<Item = &Office> {
        self.offices.values()
    }

    /// Every version of the measure types, by code and the day from which it holds.
    pub fn measure_types(&self) -> impl Iterator<Item = &MeasureType> {
        self.measure_types.values()
    }

    /// The providers, by number.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.providers.values()
    }

    /// Public holidays.
    pub fn holidays(&self) -> &BTreeSet<Date> {
        &self.holidays
    }

    /// Every row, by kind and key.
    pub fn rows(&self) -> impl Iterator<Item = &RegistryRow> {
        self.rows.values()
    }

    /// Checks an import whole, against the registry as it would be.
    pub fn plan_import(&self, rows: &[RegistryRow]) -> Result<ImportPlan, Vec<BadRow>> {
        let mut after = self.clone();
        let mut seen = BTreeSet::new();
        let mut bad = Vec::new();
        let mut plan = ImportPlan { rows: Vec::new(), added: 0, changed: 0, unchanged: 0 };
        for (index, row) in rows.iter().enumerate() {
            let key = row.key();
            let before = self.rows.get(&key);
            if let Some(problem) = before.and_then(|old| forbidden_change(old, row)) {
                bad.push(BadRow { index, problem });
            }
            if !seen.insert(key) {
                bad.push(BadRow { index, problem: "the same key stands twice".to_owned() });
            }
            match before {
                Some(old) if old == row => plan.unchanged += 1,
                Some(_) => plan.changed += 1,
                None => plan.added += 1,
            }
            if before != Some(row) {
                plan.rows.push(row.clone());
                after.put(row.clone());
            }
        }
        for (index, row) in rows.iter().enumerate() {
            if let Some(problem) = after.dangling(row) {
                bad.push(BadRow { index, problem });
            }
        }
        bad.extend(after.bad_borders(rows));
        bad.extend(after.bad_compositions(rows));
        if bad.is_empty() { Ok(plan) } else { Err(bad) }
    }

    /// Takes checked rows in as a new version.
    pub fn apply(&mut self, version: u64, rows: &[RegistryRow]) {
        self.version = version;
        for row in rows {
            self.put(row.clone());
        }
        self.compose();
    }

    fn put(&mut self, row: RegistryRow) {
        match &row {
            RegistryRow::Area(r) => {
                self.areas.insert(r.county_id.clone(), r.clone());
            }
            RegistryRow::Municipality(r) => {
                self.municipalities.insert(r.municipality_number.clone(), r.clone());
            }
            RegistryRow::Office(r) => {
                self.offices.insert(r.office_number.clone(), r.clone());
            }
            RegistryRow::MeasureType(r) => {
                self.measure_types.insert((r.code.clone(), r.rules.valid_from), r.clone());
            }
            RegistryRow::Provider(r) => {
                self.providers.insert(r.organisation_number.clone(), r.clone());
            }
            RegistryRow::DistributionWeight(r) => {
                let key = (r.key_name.clone(), r.key_date);
                let key = self.distribution_keys.entry(key);
                let key = key.or_insert_with(|| DistributionKey::dataset(r));
                key.borders_date = r.borders_date;
                key.weights.insert(r.municipality_number.clone(), r.weight);
            }
            RegistryRow::CompositeKey(r) => {
                self.composite_keys.insert((r.key_name.clone(), r.key_date), r.clone());
            }
            RegistryRow::HostAgreement(r) => self.host_agreements.put(r.clone()),
            RegistryRow::AccessGrant(r) => self.access_grants.put(r.clone()),
            RegistryRow::StaffLink(r) => self.staff_links.put(r.clone()),
            RegistryRow::Holiday(r) => {
                self.holidays.insert(r.date);
            }
        }
        self.rows.insert(row.key(), row);
    }

    /// What a row names that is nowhere.
    fn dangling(&self, row: &RegistryRow) -> Option<String> {
        match row {
            RegistryRow::Municipality(r) if !self.areas.contains_key(&r.county_id) => {
                Some(format!("there is no area {}", r.county_id))
            }
            RegistryRow::Office(r) => r
                .municipality_numbers
                .iter()
                .find(|number| !self.municipalities.contains_key(number))
                .map(|number| format!("there is no municipality {number}")),
            RegistryRow::DistributionWeight(r) => self.bad_weight(r),
            RegistryRow::MeasureType(r) => {
                self.unknown_measure(r).or_else(|| self.other_distribution(r))
            }
            RegistryRow::HostAgreement(r) => self.bad_agreement(r),
            RegistryRow::Area(_)
            | RegistryRow::Municipality(_)
            | RegistryRow::Provider(_)
            | RegistryRow::AccessGrant(_)
            | RegistryRow::StaffLink(_)
            | RegistryRow::CompositeKey(_)
            | RegistryRow::Holiday(_) => None,
        }
    }

    /// A measure type that a row names and nobody knows.
    fn unknown_measure(&self, row: &MeasureType) -> Option<String> {
        let rules = &row.rules;
        let successor = rules.superseded_by.iter().map(|superseded| &superseded.by);
        let mut named = rules.combines_with.iter().flatten().chain(successor);
        named
            .find(|code| self.measure_versions(code).next().is_none())
            .map(|code| format!("there is no measure type {code}"))
    }

    /// A version that shares places otherwise: accounts stand on what all versions have.
    fn other_distribution(&self, row: &MeasureType) -> Option<String> {
        let mut versions = self.measure_versions(&row.code);
        let other = versions.find(|version| version.distribution != row.distribution)?;
        let named = |version: &MeasureType| {
            let from = version.rules.valid_from;
            let from =
                from.map_or_else(|| "from ever on".to_owned(), |from| format!("from {from}"));
            format!("{} {from}", version.distribution.as_str())
        };
        Some(format!(
            "all versions of {} must have one distribution; this one has {}, another {}",
            row.code,
            named(row),
            named(other)
        ))
    }
}

/// What no import may change, since ledgers already stand on it.
fn forbidden_change(old: &RegistryRow, new: &RegistryRow) -> Option<String> {
    match (old, new) {
        (RegistryRow::MeasureType(old), RegistryRow::MeasureType(new))
            if old.distribution != new.distribution =>
        {
            Some("the distribution of a measure type cannot be changed by an import".to_owned())
        }
        (RegistryRow::Municipality(old), RegistryRow::Municipality(new))
            if old.county_id != new.county_id =>
        {
            Some("a municipality cannot change its area by an import".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
