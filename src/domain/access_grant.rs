//! Access across employers (tilgang på tvers av styringslinjene): what one employer answers for,
//! opened to one person of another by the office's leader, for a time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::{Date, Duration};

use crate::domain::{
    access::{Actor, Employer},
    calendar::Timestamp,
    ids::{AccessGrantId, AreaId, OfficeNumber},
    registry::{Office, Registry},
};

/// The longest that access is given at a time, and how far ahead it may begin: a year, so that
/// each is thought of anew.
pub const ACCESS_MAX: Duration = Duration::days(366);
/// How many days old a record is when the report counts it as old.
const OLD_AFTER: Duration = Duration::days(366);
/// The most records of an office that hold or are to come.
pub const OFFICE_GRANTS_MAX: usize = 500;

/// A record of access across employers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessGrant {
    /// Which.
    pub grant_id: AccessGrantId,
    /// At which office it holds, and whose leader gave it.
    pub office_number: OfficeNumber,
    /// Who has it.
    pub holder: Holder,
    /// What they may do.
    pub role: AccessRole,
    /// Whose responsibility is opened.
    pub opens: Employer,
    /// The first day.
    pub valid_from: Date,
    /// The first day after.
    pub valid_to: Date,
    /// Why (begrunnelse).
    pub ground: String,
    /// Who gave it.
    pub given_by: String,
    /// When.
    pub given_time: Timestamp,
    /// By whom and when it was ended before its day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndedAccess>,
}

/// Who has access.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// Who vouches for them.
    pub issuer: String,
    /// Their name there (NAV ident).
    pub subject: String,
    /// Who employs them: with another employer the access is void.
    pub employer: Employer,
}

/// What access lets a person do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccessRole {
    /// Reads (innsyn).
    Reader,
    /// Reads and writes (veileder).
    Adviser,
}

/// That access was ended before its day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedAccess {
    /// The day it was to end at first.
    pub agreed_valid_to: Date,
    /// Who ended it.
    pub ended_by: String,
    /// When.
    pub ended_time: Timestamp,
}

impl AccessGrant {
    /// Whether it holds on a day.
    pub fn covers(&self, day: Date) -> bool {
        self.valid_from <= day && day < self.valid_to
    }

    /// Whether it is the record of this very person, in the employment they have, at the office
    /// they act for.
    pub fn is_of(&self, actor: &Actor) -> bool {
        self.holder.subject == actor.subject
            && self.holder.issuer == actor.issuer
            && self.office_number.as_str() == actor.organisation
            && actor.employer.as_ref() == Some(&self.holder.employer)
    }

    /// The first day it no longer holds, by what was on record at the end of a day; `None` where
    /// it had not been given.
    fn known_end_on(&self, day: Date) -> Option<Date> {
        let not_ended = |ended: &&EndedAccess| ended.ended_time.date_in_norway() > day;
        (self.given_time.date_in_norway() <= day).then(|| {
            self.ended.as_ref().filter(not_ended).map_or(self.valid_to, |e| e.agreed_valid_to)
        })
    }
}

/// All records of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AccessGrants(BTreeMap<AccessGrantId, AccessGrant>);

impl AccessGrants {
    /// Takes one in, in place of the same one as it was.
    pub(super) fn put(&mut self, grant: AccessGrant) {
        self.0.insert(grant.grant_id, grant);
    }
}

/// An office's figures: how many people, each counted once, and how many records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfficeAccess {
    /// State employees with access to what a municipality answers for.
    pub state_with_municipal: usize,
    /// Municipal employees with access to what the state answers for.
    pub municipal_with_state: usize,
    /// Municipal employees with access to what another municipality answers for.
    pub municipal_with_other: usize,
    /// Records given more than a year before.
    pub older_than_a_year: usize,
    /// Records that are over.
    pub past: usize,
}

impl Registry {
    /// Every record of access across employers, the first given first.
    pub fn access_grants(&self) -> impl Iterator<Item = &AccessGrant> {
        self.access_grants.0.values()
    }

    /// A record of access across employers.
    pub fn access_grant(&self, id: AccessGrantId) -> Option<&AccessGrant> {
        self.access_grants.0.get(&id)
    }

    /// The offices that serve a municipality of an area.
    pub fn offices_of<'a>(&'a self, area: &'a AreaId) -> impl Iterator<Item = &'a Office> {
        self.offices().filter(move |office| {
            let mut served = office.municipality_numbers.iter();
            served.any(|number| self.municipality(number).is_some_and(|m| m.county_id == *area))
        })
    }

    /// The figures of an office as they were on a day.
    pub fn access_report(&self, office: &OfficeNumber, day: Date) -> OfficeAccess {
        let (mut to_municipal, mut to_state, mut to_other) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut report = OfficeAccess::default();
        for grant in self.access_grants().filter(|grant| grant.office_number == *office) {
            let Some(end) = grant.known_end_on(day) else { continue };
            let age = day - grant.given_time.date_in_norway();
            report.older_than_a_year += usize::from(age > OLD_AFTER);
            report.past += usize::from(end <= day);
            if grant.valid_from > day || end <= day {
                continue;
            }
            let person = (&grant.holder.issuer, &grant.holder.subject);
            match (&grant.holder.employer, &grant.opens) {
                (Employer::State, Employer::Municipal { .. }) => to_municipal.insert(person),
                (Employer::Municipal { .. }, Employer::State) => to_state.insert(person),
                (Employer::Municipal { .. }, Employer::Municipal { .. }) => to_other.insert(person),
                (Employer::State, Employer::State) => false,
            };
        }
        report.state_with_municipal = to_municipal.len();
        report.municipal_with_state = to_state.len();
        report.municipal_with_other = to_other.len();
        report
    }
}
