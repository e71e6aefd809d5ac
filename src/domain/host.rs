//! Host areas: a municipality that runs NAV for others too (vertskommune), and those it does it
//! for (samarbeidskommuner), of whatever area. Rights follow every agreement; quotas follow those
//! within one area, since a ledger is of one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{ids::MunicipalityNumber, measure::Distribution, registry::Registry};

/// That one municipality hosts another, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAgreement {
    /// The host (vertskommune).
    pub host_municipality_number: MunicipalityNumber,
    /// The one it hosts (samarbeidskommune).
    pub municipality_number: MunicipalityNumber,
    /// Who answers for the office.
    pub kind: HostKind,
    /// The first day.
    pub valid_from: Date,
    /// The first day after it; none while nobody has ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Date>,
}

/// Who answers for the office of a host area. For the queue and the quota it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HostKind {
    /// The host runs it (administrativt vertskommunesamarbeid).
    Host,
    /// They run it together, through a common board (felles folkevalgt nemnd).
    Joint,
}

impl HostAgreement {
    /// What makes two rows versions of the same agreement.
    pub fn key(&self) -> Key {
        (self.municipality_number.clone(), self.valid_from)
    }

    /// Whether it lasts on a day; its end is the first day on which it does not.
    pub fn covers(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day < end)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let begins_before = |end: Option<Date>, from: Date| end.is_none_or(|end| from < end);
        begins_before(self.valid_to, other.valid_from)
            && begins_before(other.valid_to, self.valid_from)
    }

    fn in_words(&self) -> String {
        let end = self.valid_to.map_or_else(|| "on".to_owned(), |end| format!("until {end}"));
        let (host, hosted) = (&self.host_municipality_number, &self.municipality_number);
        format!("{host} hosts {hosted} from {} {end}", self.valid_from)
    }
}

/// What makes two rows versions of the same agreement: who is hosted, and the first day.
type Key = (MunicipalityNumber, Date);

/// All agreements of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HostAgreements {
    all: BTreeMap<Key, HostAgreement>,
    by_host: BTreeMap<MunicipalityNumber, BTreeSet<Key>>,
}

impl HostAgreements {
    /// Takes one in, in place of another of the same key.
    pub(super) fn put(&mut self, agreement: HostAgreement) {
        let (key, host) = (agreement.key(), agreement.host_municipality_number.clone());
        let before = self.all.insert(key.clone(), agreement);
        let before = before.and_then(|old| self.by_host.get_mut(&old.host_municipality_number));
        if let Some(of_host) = before {
            of_host.remove(&key);
        }
        self.by_host.entry(host).or_default().insert(key);
    }

    /// The one by which a municipality is hosted on a day.
    fn of_hosted(&self, number: &MunicipalityNumber, day: Date) -> Option<&HostAgreement> {
        let upto = (number.clone(), Date::MIN)..=(number.clone(), day);
        let latest = self.all.range(upto).next_back().map(|(_, latest)| latest);
        latest.filter(|agreement| agreement.covers(day))
    }
}

impl Registry {
    /// The agreements, by who is hosted and the first day.
    pub fn host_agreements(&self) -> impl Iterator<Item = &HostAgreement> {
        self.host_agreements.all.values()
    }

    /// Those whom a municipality hosts on a day, in whatever area.
    pub fn hosted_by(
        &self,
        host: &MunicipalityNumber,
        day: Date,
    ) -> impl Iterator<Item = &MunicipalityNumber> {
        let of_host = self.host_agreements.by_host.get(host).into_iter().flatten();
        of_host
            .filter_map(|key| self.host_agreements.all.get(key))
            .filter(move |agreement| agreement.covers(day))
            .map(|agreement| &agreement.municipality_number)
    }

    /// Who runs NAV for a municipality on a day, of whatever area: its host, if it has one.
    pub fn runs_nav_for(
        &self,
        number: &MunicipalityNumber,
        day: Date,
    ) -> Option<&MunicipalityNumber> {
        let agreement = self.host_agreements.of_hosted(number, day);
        agreement.map(|agreement| &agreement.host_municipality_number)
    }

    /// The municipality whose host area another belongs to on a day: its host, or itself where
    /// nobody of its own area hosts it. A quota never crosses an area's border, whoever runs the
    /// office.
    pub fn host_of<'a>(
        &'a self,
        number: &'a MunicipalityNumber,
        day: Date,
    ) -> &'a MunicipalityNumber {
        let area_of = |number| self.municipality(number).map(|known| &known.county_id);
        let host = self.runs_nav_for(number, day);
        host.filter(|host| area_of(host) == area_of(number)).unwrap_or(number)
    }

    /// Whose quota somebody entitled in a municipality is given a place of, where that is not its
    /// own: its host's on a day, where places are shared by host area.
    pub fn quota_of(
        &self,
        distribution: Distribution,
        entitled: &MunicipalityNumber,
        day: Date,
    ) -> Option<MunicipalityNumber> {
        match distribution {
            Distribution::CountyPool | Distribution::ByMunicipality => None,
            Distribution::ByHostArea => {
                let host = self.host_of(entitled, day);
                (host != entitled).then(|| host.clone())
            }
        }
    }

    /// Why an agreement cannot stand beside the others of this registry.
    pub(super) fn bad_agreement(&self, row: &HostAgreement) -> Option<String> {
        let (host, hosted) = (&row.host_municipality_number, &row.municipality_number);
        if host == hosted {
            return Some("a municipality does not host itself".to_owned());
        }
        let unknown = [host, hosted].into_iter().find(|n| self.municipality(n).is_none());
        unknown
            .map(|number| format!("there is no municipality {number}"))
            .or_else(|| self.against(row))
    }

    /// On a day a municipality has one host at most, and a host has none.
    fn against(&self, row: &HostAgreement) -> Option<String> {
        let others = self.host_agreements().filter(|other| other.key() != row.key());
        let collides = |other: &&HostAgreement| {
            (other.municipality_number == row.municipality_number
                || other.municipality_number == row.host_municipality_number
                || other.host_municipality_number == row.municipality_number)
                && other.overlaps(row)
        };
        let other = others.into_iter().find(collides)?;
        Some(format!(
            "a municipality has one host at most, and a host none: {} already",
            other.in_words()
        ))
    }
}
