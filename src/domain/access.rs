//! Who may call what, and where. Deny by default: what the table does not allow is
//! refused, and a test fails for an RPC without a row.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{
    ids::{AreaId, MunicipalityNumber, OfficeNumber, OrganisationNumber},
    registry::Registry,
};

/// Who calls, as a verified token says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Who vouches for them.
    pub issuer: String,
    /// Their name at the issuer.
    pub subject: String,
    /// What they are.
    pub role: Role,
    /// For whom they act: `NO-50` for a county, an office number, a municipality
    /// number, an organisation number, or a system's name.
    pub organisation: String,
    /// Who employs an office's worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employer: Option<Employer>,
}

impl Actor {
    /// The program itself, when what is due takes effect.
    pub fn by_time() -> Self {
        Self {
            issuer: "tiltaksplass".to_owned(),
            subject: "time".to_owned(),
            role: Role::Service,
            organisation: "tiltaksplass".to_owned(),
            employer: None,
        }
    }
}

/// What tells one actor from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActorKey<'a> {
    issuer: &'a str,
    subject: &'a str,
}

impl<'a> ActorKey<'a> {
    /// Of this actor.
    pub fn of(actor: &'a Actor) -> Self {
        Self { issuer: &actor.issuer, subject: &actor.subject }
    }
}

impl fmt::Display for ActorKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.issuer, self.subject)
    }
}

/// What an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// The directorate (direktoratet).
    Directorate,
    /// A county's or NAV region's staff (fylke).
    County,
    /// A NAV office's staff (NAV-kontor).
    Office,
    /// A municipality (kommune).
    Municipality,
    /// A provider (tiltaksarrangør).
    Provider,
    /// Another system.
    Service,
    /// An auditor (revisor).
    Auditor,
}

impl Role {
    /// Every role, in the order of the table's columns.
    pub const ALL: [Self; 7] = [
        Self::Directorate,
        Self::County,
        Self::Office,
        Self::Municipality,
        Self::Provider,
        Self::Service,
        Self::Auditor,
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directorate => "directorate",
            Self::County => "county",
            Self::Office => "office",
            Self::Municipality => "municipality",
            Self::Provider => "provider",
            Self::Service => "service",
            Self::Auditor => "auditor",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = crate::domain::ids::Malformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(Self::Err {
            expected: "directorate, county, office, municipality, provider, service or auditor",
        })
    }
}

/// Who employs an office's worker; state and municipality share offices.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Employer {
    /// The state.
    State,
    /// A municipality.
    Municipal {
        /// Which.
        municipality_number: String,
    },
}

macro_rules! methods {
    ($($name:ident),* $(,)?) => {
        /// Every RPC there is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                $name,
            )*
        }

        impl Method {
            /// Every RPC there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name, as in the proto.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

methods!(
    ImportRegistry,
    SubmitCapacity,
    ReviewCapacity,
    GetAvailability,
    JoinWaitlist,
    GetPosition,
    ListWaitlistEntries,
    SummarizeQueues,
    AllocatePlaces,
    ConfirmProposals,
    RespondToOffer,
    StartPlacement,
    EndPlacement,
    Apportion,
    GetFairShare,
    SetPlaceBudget,
    SetQuotas,
    ListChanges,
    ListAreas,
    ListMunicipalities,
    ListOffices,
    ListMeasureTypes,
    ListProviders,
    ListDistributionKeys,
    ListCapacities,
    GetWaitlistEntry,
    LeaveWaitlist,
    LookupPerson,
    ListOffers,
    ListPlacements,
    ListVacancies,
    ExplainDecision,
    ListPlaceBudgets,
    ListQuotas,
    UpdateWaitlistEntry,
    PauseEntry,
    ResumeEntry,
    ConfirmEntry,
    PrioritizeEntry,
    TransferEntry,
    ReassignAdviser,
    BatchJoinWaitlist,
    ListMyWork,
    PlacePerson,
    ObjectToOffer,
    ResolveObjection,
    ExtendOffer,
    WithdrawOffer,
    ChangePlacement,
    MovePlacement,
    ReassignPlacement,
    CheckParticipation,
    SetEnforcement,
    GetShadowReport,
    Correct,
    EstimateWait,
    LendQuota,
    ReportClosure,
    ImportExisting,
);

/// How far a role's right to a method reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Nowhere.
    No,
    /// Everywhere.
    All,
    /// What belongs to the actor's own organisation: a county's area; the municipalities
    /// an office serves and the people it follows up; a municipality; a provider's
    /// place groups.
    Own,
    /// The area the actor's organisation lies in.
    OwnArea,
}

/// The table: a method's scope for each role, in the order of [`Role::ALL`].
pub fn rights(method: Method) -> [Scope; 7] {
    use Scope::{All, No, Own, OwnArea};
    match method {
        //                        directorate county office municipality provider service auditor
        Method::ImportRegistry => [All, No, No, No, No, No, No],
        Method::SubmitCapacity => [No, Own, No, No, Own, No, No],
        Method::ReviewCapacity => [No, Own, No, No, No, No, No],
        Method::GetAvailability => [All, Own, OwnArea, OwnArea, Own, All, All],
        Method::JoinWaitlist => [No, Own, Own, No, No, No, No],
        Method::GetPosition => [No, Own, Own, No, No, No, No],
        Method::ListWaitlistEntries => [No, Own, Own, No, No, No, No],
        Method::SummarizeQueues => [All, Own, OwnArea, OwnArea, No, All, All],
        Method::AllocatePlaces => [No, Own, No, No, No, No, No],
        Method::ConfirmProposals => [No, Own, Own, No, No, No, No],
        Method::RespondToOffer => [No, Own, Own, No, No, No, No],
        Method::StartPlacement => [No, Own, Own, No, Own, No, No],
        Method::EndPlacement => [No, Own, Own, No, Own, No, No],
        Method::Apportion => [All, All, All, All, All, All, All],
        Method::GetFairShare => [All, All, All, All, No, All, All],
        Method::SetPlaceBudget => [All, No, No, No, No, No, No],
        Method::SetQuotas => [No, Own, No, No, No, No, No],
        Method::ListChanges => [All, Own, No, No, No, All, All],
        Method::ListAreas
        | Method::ListMunicipalities
        | Method::ListOffices
        | Method::ListMeasureTypes
        | Method::ListProviders
        | Method::ListDistributionKeys => [All, All, All, All, All, All, All],
        Method::ListCapacities => [All, Own, OwnArea, OwnArea, Own, All, All],
        Method::GetWaitlistEntry | Method::LeaveWaitlist | Method::LookupPerson => {
            [No, Own, Own, No, No, No, No]
        }
        Method::ListOffers | Method::ListPlacements => [No, Own, Own, No, Own, No, No],
        Method::ListVacancies | Method::ListPlaceBudgets | Method::ListQuotas => {
            [All, Own, OwnArea, OwnArea, No, All, All]
        }
        Method::ExplainDecision => [No, Own, Own, No, No, No, All],
        Method::UpdateWaitlistEntry
        | Method::PauseEntry
        | Method::ResumeEntry
        | Method::ConfirmEntry
        | Method::TransferEntry
        | Method::ReassignAdviser
        | Method::BatchJoinWaitlist
        | Method::ListMyWork
        | Method::ResolveObjection
        | Method::ExtendOffer
        | Method::WithdrawOffer
        | Method::ChangePlacement
        | Method::MovePlacement
        | Method::ReassignPlacement => [No, Own, Own, No, No, No, No],
        Method::PrioritizeEntry | Method::PlacePerson | Method::ImportExisting => {
            [No, Own, No, No, No, No, No]
        }
        Method::ObjectToOffer => [No, No, No, No, Own, No, No],
        Method::Correct => [No, Own, Own, No, No, No, No],
        Method::EstimateWait => [No, Own, Own, No, No, No, No],
        Method::ReportClosure => [No, Own, No, No, Own, No, No],
        Method::SetEnforcement => [No, Own, No, No, No, No, No],
        Method::GetShadowReport => [All, Own, OwnArea, OwnArea, No, No, All],
        Method::LendQuota => [No, Own, No, No, No, No, No],
        Method::CheckParticipation => [No, No, No, No, No, All, No],
    }
}

/// The scope of `method` for `role`.
pub fn scope(method: Method, role: Role) -> Scope {
    let column = Role::ALL.iter().position(|r| *r == role);
    column.map_or(Scope::No, |column| rights(method)[column])
}

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

/// Whether `actor` may call `method` on `target`.
pub fn permits(method: Method, actor: &Actor, target: &Target, registry: &Registry) -> bool {
    match scope(method, actor.role) {
        Scope::No => false,
        Scope::All => true,
        Scope::Own => is_own(actor, target, registry),
        Scope::OwnArea => is_own_area(actor, target, registry),
    }
}

fn is_own(actor: &Actor, target: &Target, registry: &Registry) -> bool {
    let own = actor.organisation.as_str();
    match actor.role {
        Role::County => target.county_id.as_ref().is_some_and(|area| area.as_str() == own),
        Role::Office => {
            let follows =
                target.following_office_number.as_ref().is_some_and(|o| o.as_str() == own);
            let serves = target.municipality_number.as_ref().is_some_and(|number| {
                office_of(actor, registry)
                    .is_some_and(|office| office.municipality_numbers.contains(number))
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

fn is_own_area(actor: &Actor, target: &Target, registry: &Registry) -> bool {
    let Some(area) = &target.county_id else { return false };
    let lies_here = |number: &MunicipalityNumber| {
        registry.municipality(number).is_some_and(|m| m.county_id == *area)
    };
    match actor.role {
        Role::County => area.as_str() == actor.organisation,
        Role::Office => office_of(actor, registry)
            .is_some_and(|office| office.municipality_numbers.iter().any(lies_here)),
        Role::Municipality => actor.organisation.parse().is_ok_and(|number| lies_here(&number)),
        Role::Directorate | Role::Provider | Role::Service | Role::Auditor => false,
    }
}

fn office_of<'a>(
    actor: &Actor,
    registry: &'a Registry,
) -> Option<&'a crate::domain::registry::Office> {
    actor.organisation.parse().ok().and_then(|number| registry.office(&number))
}

#[cfg(test)]
mod tests;
