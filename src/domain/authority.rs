//! Whether a caller's employer may know or say an item of personal data: by its own
//! responsibility, by the tasks the employers share, or by a record of access. What it may not
//! know is absent from answers, so that nobody can tell what was left out.

use std::cell::Cell;

use time::Date;

use crate::domain::{
    access::{Actor, Employer, Method, Role, Target, permits},
    access_grant::{AccessGrant, AccessRole},
    allocation::Outcome,
    command::Command,
    event::{Event, Payload},
    ids::{AccessGrantId, EntryId, MunicipalityNumber},
    ledger::Ledger,
    personal_data::{Controller, Item},
    registry::Registry,
    waitlist::Entry,
};

/// On what a caller reads or writes an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Their own employer answers for it, or both do.
    OwnEmployer,
    /// The other employer does; the common office's tasks need it (NAV-loven § 14).
    CommonTask,
    /// The other employer does; it was opened to them.
    Grant(AccessGrantId),
    /// None.
    None,
}

/// What is done with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is told to the caller.
    Read,
    /// The caller says it.
    Write,
}

/// On what `actor` reads or writes an item about somebody entitled in a municipality, as the
/// registry is on a day.
pub fn authority(
    actor: &Actor,
    item: Item,
    municipality: &MunicipalityNumber,
    act: Act,
    registry: &Registry,
    today: Date,
) -> Authority {
    Viewer::new(actor, registry, today).authority(item, Some(municipality), act)
}

/// Who an answer is for. It remembers which record of access the answer rests on.
pub struct Viewer<'a> {
    actor: &'a Actor,
    registry: &'a Registry,
    today: Date,
    grants: Vec<&'a AccessGrant>,
    used: Cell<Option<AccessGrantId>>,
}

impl<'a> Viewer<'a> {
    /// A caller on a day.
    pub fn new(actor: &'a Actor, registry: &'a Registry, today: Date) -> Self {
        let is_worker = actor.role == Role::Office;
        let own = |grant: &&AccessGrant| grant.is_of(actor) && grant.covers(today);
        let grants = registry.access_grants().filter(|_| is_worker).filter(own).collect();
        Self { actor, registry, today, grants, used: Cell::new(None) }
    }

    /// What the caller is.
    pub fn role(&self) -> Role {
        self.actor.role
    }

    /// The day of the answer.
    pub fn today(&self) -> Date {
        self.today
    }

    /// The registry the answer looks into.
    pub fn registry(&self) -> &'a Registry {
        self.registry
    }

    /// Whether a place that is proposed for an entry of a ledger is the caller's to know.
    pub fn sees(&self, ledger: &Ledger, entry_id: EntryId) -> bool {
        let Some(entry) = ledger.entry(entry_id) else { return false };
        let target = Target {
            county_id: Some(ledger.id().county_id.clone()),
            municipality_number: Some(entry.municipality_number.clone()),
            following_office_number: Some(entry.following_office_number.clone()),
            organisation_number: None,
        };
        permits(Method::ListOffers, self.actor, &target, self.registry, self.today)
    }

    /// The record that what was told rests on: the first, where it is several.
    pub fn used(&self) -> Option<AccessGrantId> {
        self.used.get()
    }

    /// On what the caller reads or writes an item about somebody entitled in a municipality;
    /// where it is not known which, none of them answers for it.
    pub fn authority(
        &self,
        item: Item,
        municipality: Option<&MunicipalityNumber>,
        act: Act,
    ) -> Authority {
        let row = item.row();
        let responsible = match (row.controller, municipality) {
            (Controller::Joint, _) => return Authority::OwnEmployer,
            (Controller::State, _) => Employer::State,
            (Controller::Municipal, None) => return Authority::None,
            (Controller::Municipal, Some(number)) => {
                Employer::Municipal { municipality_number: number.to_string() }
            }
        };
        let own = match self.actor.role {
            Role::Office => self.actor.employer.clone(),
            // A county's staff and the directorate's are the state's.
            Role::County | Role::Directorate => Some(Employer::State),
            Role::Municipality => {
                let municipality_number = self.actor.organisation.clone();
                Some(Employer::Municipal { municipality_number })
            }
            // Supervision sees what both do.
            Role::Auditor => return Authority::OwnEmployer,
            // Nobody's employer: such an item says what the caller knows, and is not told.
            Role::Provider if act == Act::Write => return Authority::OwnEmployer,
            Role::Provider | Role::Service => None,
        };
        if own.as_ref().is_some_and(|own| self.answers_for(own, municipality, &responsible)) {
            return Authority::OwnEmployer;
        }
        if own.is_some() && row.is_shared {
            return Authority::CommonTask;
        }
        let allows = |grant: &&&AccessGrant| {
            grant.opens == responsible && (act == Act::Read || grant.role == AccessRole::Adviser)
        };
        let grant = self.grants.iter().find(allows);
        grant.map_or(Authority::None, |grant| Authority::Grant(grant.grant_id))
    }

    /// A municipality answers for its own people, and a host for those of whom it hosts.
    fn answers_for(
        &self,
        own: &Employer,
        municipality: Option<&MunicipalityNumber>,
        responsible: &Employer,
    ) -> bool {
        let host = municipality.map(|number| self.registry.host_of(number, self.today));
        own == responsible
            || match (own, responsible) {
                (Employer::Municipal { municipality_number }, Employer::Municipal { .. }) => {
                    host.is_some_and(|host| host.as_str() == municipality_number)
                }
                (Employer::State | Employer::Municipal { .. }, _) => false,
            }
    }

    fn is_told(&self, item: Item, municipality: Option<&MunicipalityNumber>) -> bool {
        match self.authority(item, municipality, Act::Read) {
            Authority::OwnEmployer | Authority::CommonTask => true,
            Authority::Grant(id) => {
                self.used.set(self.used.get().or(Some(id)));
                true
            }
            Authority::None => false,
        }
    }

    /// The programme an entry's person is in, where the caller may know.
    pub fn programme<'e>(&self, entry: &'e Entry) -> Option<&'e str> {
        let programme = entry.programme.as_deref()?;
        let municipality = Some(&entry.municipality_number);
        self.is_told(Item::Programme, municipality).then_some(programme)
    }

    /// How a placement ended, as far as the caller may know: what only another employer knows is
    /// something else (annet), as it is of those of whom there is nothing to know.
    pub fn outcome(&self, outcome: Outcome, municipality: Option<&MunicipalityNumber>) -> Outcome {
        let told = item_of(outcome).is_none_or(|item| self.is_told(item, municipality));
        if told { outcome } else { Outcome::Other }
    }
}

/// Whether a row of a log has room for an item that only one employer reads: the programme of an
/// entry, or how a placement ended. Whether one stands there does not count, since a row that is
/// withheld only then would say so.
pub fn has_room_for_anothers(payload: &Payload) -> bool {
    let by_command = matches!(
        payload.command,
        Command::JoinWaitlist(_)
            | Command::BatchJoinWaitlist(_)
            | Command::UpdateEntry(_)
            | Command::ReceiveEntry(_)
            | Command::TakeOver(_)
            | Command::EndPlacement(_)
    );
    let by_event = |event: &Event| {
        matches!(
            event,
            Event::Joined { .. }
                | Event::EntryChanged { .. }
                | Event::PlacementEndSet { .. }
                | Event::PlacementChanged { .. }
        )
    };
    by_command || payload.events.iter().any(by_event)
}

/// The item that an outcome by itself is: a benefit is known to who pays it.
pub fn item_of(outcome: Outcome) -> Option<Item> {
    match outcome {
        Outcome::SocialAssistance => Some(Item::SocialAssistance),
        Outcome::PermanentIncomeSecurity | Outcome::TemporaryIncomeSecurity => {
            Some(Item::StateBenefit)
        }
        Outcome::OrdinaryWork
        | Outcome::Education
        | Outcome::Other
        | Outcome::SuitableWork
        | Outcome::Ill
        | Outcome::DidNotMeet
        | Outcome::OtherMeasure => None,
    }
}
