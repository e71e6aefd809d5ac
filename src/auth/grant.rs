//! From what a token says to what its bearer may be here. Pure.

use std::collections::BTreeSet;

use super::json::Claims;
use super::pattern::{Capture, Pattern};
use crate::domain::access::{Employer, Role};
use crate::domain::protection::Protection;

/// A rule of the file: who fits gets a role for an organisation.
pub(super) struct Grant {
    /// What must hold, all of it; at most one reads something.
    pub(super) conditions: Vec<Condition>,
    pub(super) role: Role,
    pub(super) organisation: Said,
    pub(super) employer: Option<EmployerRule>,
    pub(super) leads_office: bool,
    pub(super) clearances: BTreeSet<Protection>,
}

/// What a token must have.
pub(super) enum Condition {
    /// A group of a person.
    Group(Pattern),
    /// A role that an application was given at the issuer.
    AppRole(Pattern),
    /// A scope.
    Scope(Pattern),
    /// A claim of another name.
    Claim { name: String, pattern: Pattern },
    /// The client that asked for the token.
    Client(Pattern),
    /// For which organisation a client of Maskinporten acts.
    Consumer(Pattern),
}

impl Condition {
    pub(super) fn pattern(&self) -> &Pattern {
        match self {
            Self::Group(pattern)
            | Self::AppRole(pattern)
            | Self::Scope(pattern)
            | Self::Claim { pattern, .. }
            | Self::Client(pattern)
            | Self::Consumer(pattern) => pattern,
        }
    }
}

/// A word of the file, or what the condition has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Exactly(String),
    Read(Capture),
}

/// Who employs them.
pub(super) enum EmployerRule {
    State,
    Municipal(Said),
}

/// What of a token conditions are asked of. What does not count for its kind of bearer is empty.
#[derive(Default)]
pub(super) struct Facts<'t> {
    pub(super) groups: Vec<&'t str>,
    pub(super) app_roles: Vec<&'t str>,
    pub(super) scopes: Vec<&'t str>,
    pub(super) claims: Option<&'t Claims>,
    pub(super) client: Option<&'t str>,
    pub(super) consumer: Option<&'t str>,
}

impl<'t> Facts<'t> {
    /// The texts that a condition is asked of.
    fn of(&self, condition: &Condition) -> Vec<&'t str> {
        match condition {
            Condition::Group(_) => self.groups.clone(),
            Condition::AppRole(_) => self.app_roles.clone(),
            Condition::Scope(_) => self.scopes.clone(),
            Condition::Claim { name, .. } => {
                self.claims.map(|claims| claims.texts(name)).unwrap_or_default()
            }
            Condition::Client(_) => self.client.into_iter().collect(),
            Condition::Consumer(_) => self.consumer.into_iter().collect(),
        }
    }
}

/// What a token gives: a role for an organisation, by one rule or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) role: Role,
    pub(super) organisation: String,
    pub(super) employer: Option<Employer>,
    pub(super) leads_office: bool,
    pub(super) clearances: BTreeSet<Protection>,
}

/// Two rules that fit say that one and the same is employed by two.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TwoEmployers;

/// All that a token gives, each role and organisation once. What several rules say of one adds
/// up, but nobody has two employers.
pub(super) fn granted(grants: &[Grant], facts: &Facts<'_>) -> Result<Vec<Granted>, TwoEmployers> {
    let mut all: Vec<Granted> = Vec::new();
    for one in grants.iter().flat_map(|grant| grant.fits(facts)) {
        let same = all
            .iter_mut()
            .find(|other| other.role == one.role && other.organisation == one.organisation);
        match same {
            None => all.push(one),
            Some(other) if other.employer != one.employer => return Err(TwoEmployers),
            Some(other) => {
                other.leads_office |= one.leads_office;
                other.clearances.extend(one.clearances);
            }
        }
    }
    Ok(all)
}

impl Grant {
    /// What it gives: nothing, one role, or one for each text in which something was read.
    fn fits(&self, facts: &Facts<'_>) -> Vec<Granted> {
        let mut read: Vec<Option<&str>> = vec![None];
        for condition in &self.conditions {
            let pattern = condition.pattern();
            let found: Vec<_> =
                facts.of(condition).into_iter().filter_map(|text| pattern.read(text)).collect();
            if found.is_empty() {
                return Vec::new();
            }
            if pattern.capture().is_some() {
                read = found;
            }
        }
        read.into_iter().map(|read| self.give(read.unwrap_or_default())).collect()
    }

    fn give(&self, read: &str) -> Granted {
        let said = |said: &Said| match said {
            Said::Exactly(text) => text.clone(),
            Said::Read(_) => read.to_owned(),
        };
        let employer = self.employer.as_ref().map(|employer| match employer {
            EmployerRule::State => Employer::State,
            EmployerRule::Municipal(number) => {
                Employer::Municipal { municipality_number: said(number) }
            }
        });
        Granted {
            role: self.role,
            organisation: said(&self.organisation),
            employer,
            leads_office: self.leads_office,
            clearances: self.clearances.clone(),
        }
    }
}
