//! How a row stands to who asks for it, and which of these ways a right reaches.

use time::Date;

use crate::domain::{
    access::{Actor, Method, Role, Scope, Target, is_own, is_own_area, scope, tells_who},
    registry::Registry,
};

/// How a row stands to a caller. One of the first four says whose it is; the last two are the
/// person's, and stand beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// The caller's own: a county's area; the people of the municipalities an office serves, and
    /// those it follows up; a municipality; a provider's places, and what is held in them.
    Own,
    /// Of another office or municipality of the caller's area, or of that area as a whole.
    SiblingUnit,
    /// Of another area. To who has no area (directorate, service, auditor) every row is.
    OtherArea,
    /// Another provider's, or no provider's yet: what is only proposed is none's.
    OtherProvider,
    /// Of a person whose address is protected (adressebeskyttet: codes 6, 7 and 19).
    Protected,
    /// Of somebody of the caller's own staff, or their nearest (skjermet person).
    OwnStaff,
}

impl Relation {
    /// Every relation, in the order of the table's legend.
    pub const ALL: [Self; 6] = [
        Self::Own,
        Self::SiblingUnit,
        Self::OtherArea,
        Self::OtherProvider,
        Self::Protected,
        Self::OwnStaff,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::SiblingUnit => "sibling unit",
            Self::OtherArea => "other area",
            Self::OtherProvider => "other provider",
            Self::Protected => "protected",
            Self::OwnStaff => "own staff",
        }
    }

    /// The relations in which a row can stand to a role, whoever the person is.
    pub fn of_role(role: Role) -> &'static [Self] {
        match role {
            Role::County => &[Self::Own, Self::OtherArea],
            Role::Office | Role::Municipality => &[Self::Own, Self::SiblingUnit, Self::OtherArea],
            Role::Provider => &[Self::Own, Self::OtherProvider],
            Role::Directorate | Role::Service | Role::Auditor => &[Self::OtherArea],
        }
    }
}

/// How what is reached for stands to a caller on a day.
pub fn relation(actor: &Actor, target: &Target, registry: &Registry, today: Date) -> Relation {
    if is_own(actor, target, registry, today) {
        return Relation::Own;
    }
    if actor.role == Role::Provider {
        return Relation::OtherProvider;
    }
    if is_own_area(actor, target, registry, today) {
        Relation::SiblingUnit
    } else {
        Relation::OtherArea
    }
}

/// Whether a right reaches rows that stand so to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It does not.
    No,
    /// It does.
    Yes,
    /// It does for who is cleared for such people.
    WithClearance,
}

/// What a role's right to a method reaches: the table of rights, cell by cell.
pub fn reach(method: Method, role: Role, relation: Relation) -> Reach {
    let scope = scope(method, role);
    let is_reached = match relation {
        Relation::Own => scope != Scope::No,
        Relation::SiblingUnit => matches!(scope, Scope::OwnArea | Scope::All),
        Relation::OtherArea | Relation::OtherProvider => scope == Scope::All,
        Relation::Protected | Relation::OwnStaff if tells_who(method) && scope != Scope::No => {
            return Reach::WithClearance;
        }
        Relation::Protected | Relation::OwnStaff => scope != Scope::No,
    };
    if is_reached { Reach::Yes } else { Reach::No }
}
