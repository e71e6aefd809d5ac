//! Dated limits: what providers have, budgets and quotas, each as of a date.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    calendar::Timestamp,
    ids::{ExternalReference, MunicipalityNumber, OrganisationNumber, PlaceGroupId, SubmissionId},
};

/// A provider's own statement of the wait; shown as stated, never decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StatedWait {
    /// So many months.
    Months(u32),
    /// There is an intake only when someone leaves.
    OnlyWhenSomeoneLeaves,
}

/// A number of places that holds in a half-open period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacesInPeriod {
    /// How many places.
    pub places: u32,
    /// The first day.
    pub valid_from: Date,
    /// The first day after; `None` until changed.
    pub valid_to: Option<Date>,
}

impl PlacesInPeriod {
    /// Whether it holds on a date.
    pub fn covers(&self, date: Date) -> bool {
        self.valid_from <= date && self.valid_to.is_none_or(|to| date < to)
    }
}

impl AsRef<Self> for PlacesInPeriod {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// What holds on a date: the latest decision whose period covers it, else 0.
pub fn places_on<P: AsRef<PlacesInPeriod>>(history: &[P], date: Date) -> u32 {
    let mut latest_first = history.iter().rev().map(AsRef::as_ref);
    latest_first.find(|period| period.covers(date)).map_or(0, |period| period.places)
}

/// The dates after `date` on which what holds may change.
pub fn boundaries_after<P: AsRef<PlacesInPeriod>>(
    history: &[P],
    date: Date,
) -> impl Iterator<Item = Date> {
    history
        .iter()
        .map(AsRef::as_ref)
        .flat_map(|period| [Some(period.valid_from), period.valid_to])
        .flatten()
        .filter(move |boundary| *boundary > date)
}

/// A provider's places of one measure type at one site and stream (gjennomføring).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceGroup {
    /// The group.
    pub place_group_id: PlaceGroupId,
    /// The provider.
    pub organisation_number: OrganisationNumber,
    /// The group's name.
    pub name: String,
    /// Where the places lie.
    pub site_municipality_number: MunicipalityNumber,
    /// Work fields offered.
    pub work_fields: Vec<String>,
    /// The provider's own statement of the wait.
    pub stated_wait: Option<StatedWait>,
    /// Approved capacities in the order of approval.
    pub capacity: Vec<PlacesInPeriod>,
    /// When it is closed (stengt): nobody new comes in then, and those who are there stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closures: Vec<Closure>,
    /// Its place in the agreement's order of call-off (avropsrekkefølge), 1 first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_off_rank: Option<u32>,
}

/// A time in which a place group takes nobody new in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// The first day.
    pub from_date: Date,
    /// The first day after; `None` for good (nedlagt).
    pub until_date: Option<Date>,
    /// Why, in words.
    pub reason: Option<String>,
    /// Who reported it.
    pub reported_by: String,
}

impl Closure {
    /// Whether it holds on a date.
    pub fn covers(&self, date: Date) -> bool {
        self.from_date <= date && self.until_date.is_none_or(|until| date < until)
    }
}

impl PlaceGroup {
    /// Whether it is closed on a date.
    pub fn is_closed(&self, date: Date) -> bool {
        self.closures.iter().any(|closure| closure.covers(date))
    }
}

/// What a provider says it has, until someone else has looked at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The submission.
    pub submission_id: SubmissionId,
    /// Its place group.
    pub place_group_id: PlaceGroupId,
    /// The provider.
    pub organisation_number: OrganisationNumber,
    /// The group's name, when new or changed.
    pub name: Option<String>,
    /// The group's site, when new or changed.
    pub site_municipality_number: Option<MunicipalityNumber>,
    /// Work fields; none keeps those of the group.
    pub work_fields: Vec<String>,
    /// How many places, and when.
    pub places: PlacesInPeriod,
    /// The agreement.
    pub agreement_reference: Option<String>,
    /// The provider's own statement of the wait.
    pub stated_wait: Option<StatedWait>,
    /// Ids of a new group in other systems.
    pub external_references: Vec<ExternalReference>,
    /// Who submitted it.
    pub submitted_by: String,
    /// When.
    pub submitted_time: Timestamp,
    /// The group's place in the order of call-off; `None` keeps that of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_off_rank: Option<u32>,
    /// Where it stands.
    pub state: SubmissionState,
}

/// Where a submission stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubmissionState {
    /// Waits for another person's eyes.
    Submitted,
    /// Holds from its first day.
    Approved,
    /// Never holds.
    Rejected,
}

/// A place budget (plassramme) for a period, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// How many places, and when.
    #[serde(flatten)]
    pub places: PlacesInPeriod,
    /// Where the figure comes from; empty where that was not kept yet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "BudgetBasis::is_untold")]
    pub rests_on: BudgetBasis,
}

impl AsRef<PlacesInPeriod> for Budget {
    fn as_ref(&self) -> &PlacesInPeriod {
        &self.places
    }
}

/// What a place budget rests on, as far as that is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetBasis {
    /// What.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<QuotaBasis>,
    /// The date of that basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis_date: Option<Date>,
    /// When the budget must be looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<Date>,
}

impl BudgetBasis {
    /// Whether nothing of it is told.
    pub fn is_untold(&self) -> bool {
        *self == Self::default()
    }
}

/// What a quota or a place budget rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QuotaBasis {
    /// Population.
    Population,
    /// An assessment of need.
    NeedAssessment,
    /// The municipality has an alternative service.
    AlternativeService,
    /// It has always been so.
    History,
    /// Something else, told in the source.
    Other,
}

/// One municipality's quota (kommunens andel) from a date on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// The municipality.
    pub municipality_number: MunicipalityNumber,
    /// How many places, and when.
    pub places: PlacesInPeriod,
    /// What it rests on.
    pub basis: QuotaBasis,
    /// The date of that basis.
    pub basis_date: Option<Date>,
    /// Where the figure comes from.
    pub source: String,
    /// When it must be looked at again.
    pub review_by: Option<Date>,
    /// The most places the municipality co-finances (medfinansiering); `None`: no bound is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_places: Option<u32>,
}

impl Quota {
    /// Whether it must be looked at again by a day, or should have been.
    pub fn is_due(&self, day: Date) -> bool {
        self.review_by.is_some_and(|review_by| review_by <= day)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn the_latest_decision_that_covers_a_date_holds() {
        let history = [
            PlacesInPeriod { places: 202, valid_from: date!(2009 - 01 - 01), valid_to: None },
            PlacesInPeriod { places: 209, valid_from: date!(2010 - 01 - 01), valid_to: None },
            PlacesInPeriod {
                places: 0,
                valid_from: date!(2010 - 07 - 01),
                valid_to: Some(date!(2010 - 08 - 01)),
            },
        ];
        let expected = [
            (date!(2008 - 12 - 31), 0),
            (date!(2009 - 12 - 31), 202),
            (date!(2010 - 06 - 30), 209),
            (date!(2010 - 07 - 31), 0),
            (date!(2010 - 08 - 01), 209),
        ];
        for (day, places) in expected {
            assert_eq!(places_on(&history, day), places, "{day}");
        }
        let boundaries: Vec<_> = boundaries_after(&history, date!(2010 - 01 - 01)).collect();
        assert_eq!(boundaries, [date!(2010 - 07 - 01), date!(2010 - 08 - 01)]);
    }
}
