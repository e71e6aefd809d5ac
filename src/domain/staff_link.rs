//! Who of the staff is which person (ansatt, egen sak): a caller by issuer and subject, and a
//! person by the random name they have as anybody has. A changed number changes nothing of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    access::Actor,
    calendar::Timestamp,
    ids::{OfficeNumber, PersonId, StaffLinkId},
    registry::Registry,
};

/// The most links that hold at once: several times the administration's staff.
pub const STAFF_LINKS_MAX: usize = 100_000;
/// The most links that an office may ever set, ended ones among them: they are kept. Where it has,
/// the directorate sets them.
pub const OFFICE_LINKS_MAX: usize = 5_000;

/// A name of the staff: who vouches for it, and the name there (NAV ident).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StaffName {
    /// The issuer of the tokens.
    pub issuer: String,
    /// The name there.
    pub subject: String,
}

/// That one of the staff is a certain person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffLink {
    /// Which.
    pub link_id: StaffLinkId,
    /// Who of the staff.
    pub staff: StaffName,
    /// Which person.
    pub person_id: PersonId,
    /// The office whose leader set it; `None` where the directorate did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub office_number: Option<OfficeNumber>,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set_time: Timestamp,
    /// That it holds no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndedLink>,
}

/// That a link was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedLink {
    /// By whom.
    pub by: String,
    /// When.
    pub time: Timestamp,
}

/// All links of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StaffLinks {
    all: BTreeMap<StaffLinkId, StaffLink>,
    /// Those that hold: by issuer, then by subject, so that a call is looked up without a copy of
    /// its caller's name.
    in_force: BTreeMap<String, BTreeMap<String, StaffLinkId>>,
}

impl StaffLinks {
    /// Takes one in, in place of the same one as it was.
    pub(super) fn put(&mut self, link: StaffLink) {
        let StaffName { issuer, subject } = &link.staff;
        let holding = self.in_force.entry(issuer.clone()).or_default();
        if link.ended.is_none() {
            holding.insert(subject.clone(), link.link_id);
        } else if holding.get(subject) == Some(&link.link_id) {
            holding.remove(subject);
        }
        self.all.insert(link.link_id, link);
    }
}

impl Registry {
    /// Every link there ever was, the first set first.
    pub fn staff_links(&self) -> impl Iterator<Item = &StaffLink> {
        self.staff_links.all.values()
    }

    /// The link that holds of one of the staff.
    pub fn staff_link(&self, issuer: &str, subject: &str) -> Option<&StaffLink> {
        let links = &self.staff_links;
        links.all.get(links.in_force.get(issuer)?.get(subject)?)
    }

    /// Which person a caller is, where that is on record.
    pub fn person_of_staff(&self, actor: &Actor) -> Option<PersonId> {
        self.staff_link(&actor.issuer, &actor.subject).map(|link| link.person_id)
    }

    /// How many links an office has set.
    pub fn staff_links_of(&self, office: &OfficeNumber) -> usize {
        self.staff_links().filter(|link| link.office_number.as_ref() == Some(office)).count()
    }

    /// How many links hold.
    pub fn staff_links_in_force(&self) -> usize {
        self.staff_links.in_force.values().map(BTreeMap::len).sum()
    }
}
