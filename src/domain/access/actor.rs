//! Who calls: what a verified token says of its bearer.

use std::{collections::BTreeSet, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::domain::{national_identity::NationalIdentityNumber, protection::Protection};

/// Who calls, and what holds of them for this call alone. No `Debug`: it may know an identity
/// number.
#[derive(Clone)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// What else their token says of them.
    pub standing: Arc<Standing>,
}

/// What a token says of its bearer that stands in no ledger's log.
#[derive(Default)]
pub struct Standing {
    /// A name to show to auditors; no right follows from it.
    pub name: Option<String>,
    /// Whether they lead their office (enhetsleder), and give access to what its other employer
    /// answers for.
    pub leads_office: bool,
    /// Of which protected people they may see who they are.
    pub clearances: BTreeSet<Protection>,
    /// Their own identity number, where the issuer says it: nobody decides on themself.
    pub identity: Option<NationalIdentityNumber>,
    /// The system they call by, as its issuer names it.
    pub client: Option<String>,
    /// On whose behalf they act, where it is not their own organisation's.
    pub on_behalf_of: Option<String>,
    /// Whether it is a system by itself that calls, and no person by one: nobody answers by name
    /// for what it says.
    pub is_system: bool,
}

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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
