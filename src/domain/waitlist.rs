//! Entries of a waitlist and the one order they stand in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::{
    account::AccountKey,
    calendar::Timestamp,
    ids::{
        EntryId, ExternalReference, MunicipalityNumber, OfferId, OfficeNumber, PersonId,
        PlaceGroupId, PlacementId, PriorityCode,
    },
    measure::Distribution,
};

/// What decides the order of a queue, and never changes with time. Compared field
/// by field in this order. As everyone ages at the same pace, "registered time less
/// a bonus" is exactly priority with ageing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderKey {
    /// Registered time less the priority class's bonus.
    pub order_time: Timestamp,
    /// Registered time.
    pub registered_time: Timestamp,
    /// The seq of the join: no two entries of a ledger have the same.
    pub join_seq: u64,
}

impl OrderKey {
    /// Before every other key.
    pub const MIN: Self = Self {
        order_time: Timestamp::from_micros(i64::MIN),
        registered_time: Timestamp::from_micros(i64::MIN),
        join_seq: 0,
    };
}

/// Which queue of a ledger: a municipality's, or the pool's only one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueueKey(Option<MunicipalityNumber>);

impl QueueKey {
    /// The queue of someone entitled in `municipality`.
    pub fn new(distribution: Distribution, municipality: &MunicipalityNumber) -> Self {
        match distribution {
            Distribution::CountyPool => Self(None),
            Distribution::ByMunicipality => Self(Some(municipality.clone())),
        }
    }

    /// The municipality; `None` for the pool.
    pub fn municipality(&self) -> Option<&MunicipalityNumber> {
        self.0.as_ref()
    }

    /// The account this queue's places are debited to.
    pub fn account(&self) -> AccountKey {
        self.0.clone().map_or(AccountKey::Pool, AccountKey::Quota)
    }

    /// The queue whose places are debited to an account; none for a place group.
    pub fn of_account(key: &AccountKey) -> Option<Self> {
        match key {
            AccountKey::Quota(number) => Some(Self(Some(number.clone()))),
            AccountKey::Pool => Some(Self(None)),
            AccountKey::PlaceGroup(_) => None,
        }
    }

    /// The text the database keeps: the number, or nothing for the pool.
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("", MunicipalityNumber::as_str)
    }

    /// From the text the database keeps.
    pub fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(None));
        }
        text.parse().ok().map(|number| Self(Some(number)))
    }
}

/// Ciphertext under a person's own key, which an erasure destroys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub String);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed")
    }
}

/// One person waiting in one ledger (ventelisteoppføring).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The entry.
    pub entry_id: EntryId,
    /// The person.
    pub person_id: PersonId,
    /// The entitled municipality (bostedskommune).
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up (oppfølgingskontor).
    pub following_office_number: OfficeNumber,
    /// The share of a place, 1-100.
    pub participation_percent: u32,
    /// Acceptable place groups, the most wanted first; none means any.
    pub preferred_place_groups: Vec<PlaceGroupId>,
    /// Acceptable work fields; none means any.
    pub work_fields: Vec<String>,
    /// The priority class.
    pub priority_class: Option<PriorityCode>,
    /// Why that class, and who the case worker is.
    pub grounds: Option<Sealed>,
    /// Its place in the order.
    pub key: OrderKey,
    /// Ids in other systems.
    pub external_references: Vec<ExternalReference>,
    /// The case in the case system.
    pub case_reference: Option<String>,
    /// Groups the person said no to, or did not answer in time.
    pub declined_here: BTreeSet<PlaceGroupId>,
    /// Where it stands.
    pub state: EntryState,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntryState {
    /// Waiting and eligible.
    Waiting,
    /// A place is proposed.
    Proposed(OfferId),
    /// A place is offered.
    Offered(OfferId),
    /// The person said yes.
    Accepted(OfferId),
    /// The person uses a place.
    Placed(PlacementId),
    /// It has ended.
    Closed,
}

impl EntryState {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Proposed(_) => "PROPOSED",
            Self::Offered(_) => "OFFERED",
            Self::Accepted(_) => "ACCEPTED",
            Self::Placed(_) => "PLACED",
            Self::Closed => "CLOSED",
        }
    }

    /// Whether it keeps the person's claim (I3).
    pub fn is_open(self) -> bool {
        self != Self::Closed
    }
}
