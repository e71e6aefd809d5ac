//! Entries of a waitlist and the one order they stand in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use time::Date;

use crate::domain::{
    account::AccountKey,
    calendar::Timestamp,
    ids::{
        EntryId, ExternalReference, LedgerId, MunicipalityNumber, OfferId, OfficeNumber, PersonId,
        PlaceGroupId, PlacementId, PriorityCode,
    },
    measure::Distribution,
    unset::{is_false, is_zero},
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
    /// The place of the join in the log: no two entries of a ledger have the same. See
    /// [`OrderKey::join_seq`].
    pub join_seq: u64,
}

/// How many entries one log row may let in. The place of a join is its row's number times
/// this, and its own place within the row.
pub const ENTRIES_OF_A_ROW: u64 = 1 << 20;

impl OrderKey {
    /// Before every other key.
    pub const MIN: Self = Self {
        order_time: Timestamp::from_micros(i64::MIN),
        registered_time: Timestamp::from_micros(i64::MIN),
        join_seq: 0,
    };

    /// The place of the join in the log: of the entry that is the `index`-th of its row.
    /// Until rules version 2 a row let one entry in and this was the row's number alone; all
    /// those stand before all that came later, as they should.
    pub fn join_seq(row: u64, index: u64) -> u64 {
        row.saturating_mul(ENTRIES_OF_A_ROW).saturating_add(index)
    }

    /// The key of the same join with another bonus: how long somebody has waited is never
    /// touched.
    #[must_use]
    pub fn with_bonus(self, days: u32) -> Self {
        Self { order_time: self.registered_time.minus_days(days), ..self }
    }

    /// The key of the same join, with the same bonus, had it been registered at another time.
    #[must_use]
    pub fn registered_at(self, time: Timestamp) -> Self {
        let later = time.micros().saturating_sub(self.registered_time.micros());
        let order_time = Timestamp::from_micros(self.order_time.micros().saturating_add(later));
        Self { order_time, registered_time: time, ..self }
    }
}

/// The registered times of the entries that one log row brings, so that no two of them have
/// the same place in the order: who asks for a time that is taken gets the next free
/// microsecond. So those who come later in the row stand behind.
#[derive(Debug, Default)]
pub struct RegisteredTimes {
    /// For each time that is taken, where to look on.
    next: BTreeMap<Timestamp, Timestamp>,
}

impl RegisteredTimes {
    /// The first free time from `wanted` on; it is taken from then on.
    pub fn take(&mut self, wanted: Timestamp) -> Timestamp {
        let mut free = wanted;
        while let Some(next) = self.next.get(&free) {
            free = *next;
        }
        self.next.insert(free, free.next());
        // Whoever asks for the same does not walk past all who have.
        self.next.insert(wanted, free.next());
        free
    }
}

/// Which queue of a ledger: a municipality's, or the pool's only one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueueKey(Option<MunicipalityNumber>);

impl QueueKey {
    /// The queue for places of the quota of `municipality`: the entitled one, or its host.
    pub fn new(distribution: Distribution, municipality: &MunicipalityNumber) -> Self {
        match distribution {
            Distribution::CountyPool => Self(None),
            Distribution::ByMunicipality | Distribution::ByHostArea => {
                Self(Some(municipality.clone()))
            }
        }
    }

    /// The queue an entry stands in.
    pub fn of_entry(distribution: Distribution, entry: &Entry) -> Self {
        let number = entry.quota_municipality.as_ref().unwrap_or(&entry.municipality_number);
        Self::new(distribution, number)
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
    /// Whose quota and queue it is, where that is another's: the host (vertskommune) of the
    /// entitled municipality when this was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_municipality: Option<MunicipalityNumber>,
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
    /// Groups whose provider objected to the person, and when that was upheld: no place is
    /// proposed there until the preferences change or [`OBJECTED_DAYS`] have passed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objected_here: BTreeMap<PlaceGroupId, Timestamp>,
    /// How many offers the person has declined or let expire, as the measure type's
    /// decline rule counts them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub strikes: u32,
    /// The case worker (fast veileder), where named apart from the grounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adviser: Option<Adviser>,
    /// The programme the person is in, for example `KVP` (kvalifiseringsprogrammet).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
    /// The municipality a host acted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<MunicipalityNumber>,
    /// When the person wants to begin at the latest; shown, never decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants_by: Option<Date>,
    /// When somebody last confirmed that the place is still wanted (fortsatt aktuell).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_time: Option<Timestamp>,
    /// The placement of which a larger share is waited for (økt deltakelse); `None` where it is
    /// a place that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub increase_of: Option<PlacementId>,
    /// When it was closed, and why it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
    /// Where it came from, when it was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<Imported>,
    /// In how many rows of the log it was passed over since its share did not fit; counted
    /// where the measure type reserves fractions, until it does reserve.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub passes: u32,
    /// Since when it reserves what becomes free until its share fits (reserverer brøkdeler).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserving_since: Option<Timestamp>,
    /// That it stands before all others, since the place it lost by a mistake is somebody
    /// else's now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_by_correction: Option<PriorityByCorrection>,
    /// Where it stands.
    pub state: EntryState,
}

impl Entry {
    /// Whether a provider's upheld objection keeps its group's places from the person.
    pub fn is_objected_to(&self, group: PlaceGroupId, at: Timestamp) -> bool {
        let upheld = self.objected_here.get(&group);
        upheld.is_some_and(|upheld| *upheld > at.minus_days(OBJECTED_DAYS))
    }

    /// Nothing is counted or reserved for it any more: it has got a place, asks for another
    /// share of one, or has left.
    pub fn stop_reserving(&mut self) {
        self.passes = 0;
        self.reserving_since = None;
    }

    /// Whether the person's claim is its own (I3). A larger share is part of the claim that the
    /// entry of the place holds.
    pub fn has_claim(&self) -> bool {
        self.increase_of.is_none()
    }
}

/// How long a provider's upheld objection keeps its places from being proposed again.
pub const OBJECTED_DAYS: u32 = 90;

/// The case worker of an entry. Who it is stays under the person's key; the digest is the
/// keyed HMAC of the ident, by which all of one adviser's people are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adviser {
    /// The digest, in hexadecimal.
    pub digest: String,
    /// The ident, sealed under [`Adviser::CONTEXT`].
    pub ident: Sealed,
    /// Who stands in, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deputy: Option<Deputy>,
}

impl Adviser {
    /// What the ident's ciphertext is bound to, beside the person.
    pub const CONTEXT: &str = "entry.adviser";

    /// Of a command, until the writer has filled in who it is.
    pub const UNNAMED: Self =
        Self { digest: String::new(), ident: Sealed(String::new()), deputy: None };

    /// Who stands in on a day: a deputy whose time is over simply no longer counts.
    pub fn deputy_on(&self, day: Date) -> Option<&Deputy> {
        self.deputy.as_ref().filter(|deputy| day < deputy.until)
    }
}

/// How many entries may get another case worker at once.
pub const REASSIGNED_MAX: usize = 500;

/// Who stands in for a case worker who is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deputy {
    /// The digest of the ident, in hexadecimal.
    pub digest: String,
    /// The ident, sealed under [`Deputy::CONTEXT`].
    pub ident: Sealed,
    /// The first day the case worker is back.
    pub until: Date,
}

impl Deputy {
    /// What the ident's ciphertext is bound to, beside the person.
    pub const CONTEXT: &str = "entry.deputy";
}

/// That an entry came in from another system (innført).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Where it came from.
    pub source: String,
    /// The day as of whose end it stood so.
    pub cut_over_date: Date,
    /// Whether the person was not assessed there; the entry is paused until somebody has.
    #[serde(default, skip_serializing_if = "is_false")]
    pub was_not_assessed: bool,
    /// What else was said of the person there, and what a second import of the same row is
    /// known by; sealed under [`Imported::CONTEXT`].
    pub original: Option<Sealed>,
}

impl Imported {
    /// What the ciphertext is bound to, beside the person.
    pub const CONTEXT: &str = "entry.imported";
}

/// How an entry ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub time: Timestamp,
    /// The ledger it went on in, where the person moved or another measure type took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<LedgerId>,
    /// That it should never have been, or not for this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mistake: Option<Mistake>,
}

impl Closed {
    /// Closed for good reason, and gone on nowhere.
    pub fn at(time: Timestamp) -> Self {
        Self { time, moved_to: None, mistake: None }
    }
}

/// What was wrong with an entry that a correction closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mistake {
    /// It should never have been (feilregistrert).
    RegisteredByMistake,
    /// It was made for the wrong person.
    WrongPerson {
        /// The right person's entry.
        went_on_as: EntryId,
    },
}

/// That an entry stands before all others (prioritert ved rettelse).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityByCorrection {
    /// The log row that corrected the mistake.
    pub seq: u64,
    /// Why, in words.
    pub text: Option<Sealed>,
}

/// Days that a correction takes off the registered time where nobody can be put out to give a
/// place back: a hundred years, more than anybody waits and any class or hand may give. Among
/// those it is given to, who was registered first stands first.
pub const PRIORITY_BY_CORRECTION_DAYS: u32 = 36_525;

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
    /// Waiting, and by wish not eligible now (satt på pause): the turn is kept.
    Paused {
        /// The first day it is eligible again; without one until somebody says so.
        until: Option<Date>,
    },
    /// Waiting, and not eligible for a while after an offer was declined or expired; the
    /// turn is kept.
    CoolingDown {
        /// It is eligible again then.
        until: Timestamp,
    },
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
            Self::Paused { .. } => "PAUSED",
            Self::CoolingDown { .. } => "COOLING_DOWN",
        }
    }

    /// The proposal or offer it holds.
    pub fn offer(self) -> Option<OfferId> {
        match self {
            Self::Proposed(id) | Self::Offered(id) | Self::Accepted(id) => Some(id),
            Self::Waiting
            | Self::Placed(_)
            | Self::Closed
            | Self::Paused { .. }
            | Self::CoolingDown { .. } => None,
        }
    }

    /// Whether the person waits with nothing held: in turn, or not eligible for a while.
    pub fn waits(self) -> bool {
        match self {
            Self::Waiting | Self::Paused { .. } | Self::CoolingDown { .. } => true,
            Self::Proposed(_)
            | Self::Offered(_)
            | Self::Accepted(_)
            | Self::Placed(_)
            | Self::Closed => false,
        }
    }

    /// How it waits on with nothing held, and asked again at once: only a pause goes on.
    #[must_use]
    pub fn pause_or_waiting(self) -> Self {
        match self {
            Self::Paused { .. } => self,
            Self::Waiting
            | Self::Proposed(_)
            | Self::Offered(_)
            | Self::Accepted(_)
            | Self::Placed(_)
            | Self::Closed
            | Self::CoolingDown { .. } => Self::Waiting,
        }
    }

    /// Whether it has not ended: then it keeps the person's claim, if it has one (I3).
    pub fn is_open(self) -> bool {
        self != Self::Closed
    }
}
