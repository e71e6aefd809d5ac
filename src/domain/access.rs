//! Who may call what, and where. Deny by default: what the table does not allow is
//! refused, and a test fails for an RPC without a row.

use time::Date;

use crate::domain::{
    ids::{AreaId, MunicipalityNumber, OfficeNumber, OrganisationNumber},
    registry::{Office, Registry},
};

mod actor;
mod behind;
mod call_id;
mod known;
mod method;
mod relation;
mod rights;
#[cfg(test)]
mod tests;

pub use actor::{Actor, ActorKey, Caller, Employer, Role, Standing};
pub use behind::{Behind, Own, behind};
pub use call_id::{CALL_ID_MAX, CallId, Said};
pub use known::{KNOWN_AFTER_END_DAYS, is_known_by_offer, is_known_by_placement};
pub use method::Method;
pub use relation::{Reach, Relation, reach, relation};
pub use rights::{Scope, rights, scope};

/// Whether a role sees the payloads of the change feed, and not their digests alone.
pub fn sees_payloads(role: Role) -> bool {
    match role {
        Role::County | Role::Auditor => true,
        Role::Directorate | Role::Office | Role::Municipality | Role::Provider | Role::Service => {
            false
        }
    }
}

/// Whether a role is told how few people there are: it sees each of them anyway.
pub fn sees_small_counts(role: Role) -> bool {
    match role {
        Role::County | Role::Auditor => true,
        Role::Directorate | Role::Office | Role::Municipality | Role::Provider | Role::Service => {
            false
        }
    }
}

/// Whether a role may say that a person was registered before, elsewhere: it moves the
/// person ahead of others.
pub fn may_backdate(role: Role) -> bool {
    match role {
        Role::County => true,
        Role::Directorate
        | Role::Office
        | Role::Municipality
        | Role::Provider
        | Role::Service
        | Role::Auditor => false,
    }
}

/// Whether a method tells who somebody is, or what there is of somebody who is named: of protected
/// people it does so only to those who are cleared for them.
pub fn tells_who(method: Method) -> bool {
    matches!(
        method,
        Method::LookupPerson
            | Method::GetWaitlistEntry
            | Method::CheckParticipation
            | Method::ListAccesses
    )
}

/// What a call reaches for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The area; `None` where the call concerns none.
    pub county_id: Option<AreaId>,
    /// The entitled municipality of the person or figures in question.
    pub municipality_number: Option<MunicipalityNumber>,
    /// The office that follows the person up.
    pub following_office_number: Option<OfficeNumber>,
    /// The provider whose place group it is.
    pub organisation_number: Option<OrganisationNumber>,
}

/// Whether `actor` may call `method` on `target`, as the registry is on a day: whether the right
/// reaches how the one stands to the other. Who somebody protected is needs a clearance beside it.
pub fn permits(
    method: Method,
    actor: &Actor,
    target: &Target,
    registry: &Registry,
    today: Date,
) -> bool {
    reach(method, actor.role, relation(actor, target, registry, today)) != Reach::No
}

/// The municipalities an office serves on a day (kontorets kommuner): its own, and those that one
/// of its own hosts then, in whatever area.
pub fn served_by<'a>(
    office: &'a Office,
    registry: &'a Registry,
    today: Date,
) -> impl Iterator<Item = &'a MunicipalityNumber> {
    let own = &office.municipality_numbers;
    own.iter().chain(own.iter().flat_map(move |host| registry.hosted_by(host, today)))
}

/// Whether an actor's office hosts any municipality on a day.
pub fn hosts_somebody(actor: &Actor, registry: &Registry, today: Date) -> bool {
    let office = office_of(actor, registry).filter(|_| actor.role == Role::Office);
    let own = office.into_iter().flat_map(|office| &office.municipality_numbers);
    own.into_iter().any(|host| registry.hosted_by(host, today).next().is_some())
}

/// On behalf of whom an office acts for people of a municipality on a day: the municipality
/// itself, where one that the office serves hosts it (på vegne av samarbeidskommunen). Nobody,
/// where the office is its own.
pub fn on_behalf_of<'a>(
    actor: &Actor,
    number: &'a MunicipalityNumber,
    registry: &Registry,
    today: Date,
) -> Option<&'a MunicipalityNumber> {
    if actor.role != Role::Office {
        return None;
    }
    let (office, host) = (office_of(actor, registry)?, registry.runs_nav_for(number, today)?);
    office.municipality_numbers.contains(host).then_some(number)
}

fn is_own(actor: &Actor, target: &Target, registry: &Registry, today: Date) -> bool {
    let own = actor.organisation.as_str();
    match actor.role {
        Role::County => target.county_id.as_ref().is_some_and(|area| area.as_str() == own),
        Role::Office => {
            let follows =
                target.following_office_number.as_ref().is_some_and(|o| o.as_str() == own);
            let serves = target.municipality_number.as_ref().is_some_and(|number| {
                office_of(actor, registry)
                    .is_some_and(|office| served_by(office, registry, today).any(|m| m == number))
            });
            follows || serves
        }
        Role::Municipality => {
            target.municipality_number.as_ref().is_some_and(|m| m.as_str() == own)
        }
        Role::Provider => target.organisation_number.as_ref().is_some_and(|o| o.as_str() == own),
        Role::Directorate | Role::Service | Role::Auditor => false,
    }
}

fn is_own_area(actor: &Actor, target: &Target, registry: &Registry, today: Date) -> bool {
    let Some(area) = &target.county_id else { return false };
    let lies_here = |number: &MunicipalityNumber| {
        registry.municipality(number).is_some_and(|m| m.county_id == *area)
    };
    match actor.role {
        Role::County => area.as_str() == actor.organisation,
        Role::Office => office_of(actor, registry)
            .is_some_and(|office| served_by(office, registry, today).any(lies_here)),
        Role::Municipality => actor.organisation.parse().is_ok_and(|number| lies_here(&number)),
        Role::Directorate | Role::Provider | Role::Service | Role::Auditor => false,
    }
}

/// The office an actor is of, if the registry has it.
pub fn office_of<'a>(actor: &Actor, registry: &'a Registry) -> Option<&'a Office> {
    actor.organisation.parse().ok().and_then(|number| registry.office(&number))
}
