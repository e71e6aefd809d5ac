//! Host areas: a municipality that runs NAV for others too (vertskommune), and those it does it
//! for (samarbeidskommuner).

use std::collections::BTreeMap;

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
    pub fn key(&self) -> (MunicipalityNumber, Date) {
        (self.municipality_number.clone(), self.valid_from)
    }

    fn covers(&self, day: Date) -> bool {
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

/// All agreements of a registry, by who is hosted and the first day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HostAgreements(BTreeMap<(MunicipalityNumber, Date), HostAgreement>);

impl HostAgreements {
    /// Takes one in, in place of another of the same key.
    pub(super) fn put(&mut self, agreement: HostAgreement) {
        self.0.insert(agreement.key(), agreement);
    }
}

impl Registry {
    /// The municipality whose host area another belongs to on a day: its host, or itself where
    /// nobody hosts it.
    pub fn host_of<'a>(
        &'a self,
        number: &'a MunicipalityNumber,
        day: Date,
    ) -> &'a MunicipalityNumber {
        let upto = (number.clone(), Date::MIN)..=(number.clone(), day);
        let latest = self.host_agreements.0.range(upto).next_back().map(|(_, latest)| latest);
        let holds = latest.filter(|agreement| agreement.covers(day));
        holds.map_or(number, |agreement| &agreement.host_municipality_number)
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
        let areas = [host, hosted].map(|number| {
            self.municipality(number)
                .map(|known| &known.county_id)
                .ok_or_else(|| format!("there is no municipality {number}"))
        });
        let [host_area, area] = match areas {
            [Ok(host_area), Ok(area)] => [host_area, area],
            [Err(unknown), _] | [_, Err(unknown)] => return Some(unknown),
        };
        if host_area != area {
            return Some(format!("{host} is of {host_area}, {hosted} of {area}"));
        }
        self.against(row)
    }

    /// On a day a municipality has one host at most, and a host has none.
    fn against(&self, row: &HostAgreement) -> Option<String> {
        let others = self.host_agreements.0.values().filter(|other| other.key() != row.key());
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
