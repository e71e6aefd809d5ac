//! Whose people stand behind the figures a caller is told.

use std::collections::BTreeSet;

use time::Date;

use crate::domain::{
    access::{Actor, Role, office_of, served_by},
    ids::{MunicipalityNumber, OfficeNumber},
    registry::Registry,
};

/// Of whom a caller may know that they are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    /// Of everyone in any answer it gets: a county of its area, an auditor of all, a provider of its
    /// own place groups, and it is shown no others.
    Everyone,
    /// Of its own, and no figure may tell it of few others.
    Own(Own),
}

/// A caller's own people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// Whose figures are its own.
    pub municipalities: BTreeSet<MunicipalityNumber>,
    /// The office, which also sees each of the people; `None` for who sees figures alone.
    pub office: Option<OfficeNumber>,
}

/// Whose people stand behind what an actor is told.
pub fn behind(actor: &Actor, registry: &Registry, today: Date) -> Behind {
    match actor.role {
        Role::County | Role::Auditor | Role::Provider => Behind::Everyone,
        Role::Office => {
            let office = office_of(actor, registry);
            let served = office.into_iter().flat_map(|o| served_by(o, registry, today));
            Behind::Own(Own {
                municipalities: served.cloned().collect(),
                office: actor.organisation.parse().ok(),
            })
        }
        Role::Municipality => Behind::Own(Own {
            municipalities: actor.organisation.parse().into_iter().collect(),
            office: None,
        }),
        Role::Directorate | Role::Service => Behind::Own(Own::default()),
    }
}
