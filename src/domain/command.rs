//! What can be asked of a ledger. A command is recorded with its events, so that
//! the decision can be made again from the log alone. It names nobody.

use std::{collections::BTreeSet, slice};

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    allocation::Outcome,
    calendar::Timestamp,
    capacity::{PlacesInPeriod, Quota, StatedWait},
    ids::{
        EntryId, ExternalReference, MunicipalityNumber, OfferId, OfficeNumber, OrganisationNumber,
        PersonId, PlaceGroupId, PlacementId, PriorityCode, SubmissionId,
    },
    registry::RegistryRow,
    waitlist::Sealed,
};

/// A command to one ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Command {
    /// Take registry rows in.
    ImportRegistry(ImportRegistry),
    /// A provider tells what it has.
    SubmitCapacity(SubmitCapacity),
    /// Someone else looks at it.
    ReviewCapacity(ReviewCapacity),
    /// The directorate gives places.
    SetPlaceBudget(SetPlaceBudget),
    /// The county shares them.
    SetQuotas(SetQuotas),
    /// A person is put on the waitlist.
    JoinWaitlist(JoinWaitlist),
    /// Free places are proposed.
    AllocatePlaces(AllocatePlaces),
    /// A named person confirms proposals.
    ConfirmProposals(ConfirmProposals),
    /// The person answers.
    RespondToOffer(RespondToOffer),
    /// The person begins.
    StartPlacement(StartPlacement),
    /// The person leaves.
    EndPlacement(EndPlacement),
    /// The person waits no longer.
    LeaveWaitlist(LeaveWaitlist),
    /// By time: a day begins on which a limit may change.
    BeginDay {
        /// The day.
        date: Date,
    },
    /// By time: nobody confirmed a proposal.
    LapseProposal {
        /// Which.
        offer_id: OfferId,
    },
    /// By time: nobody answered an offer.
    ExpireOffer {
        /// Which.
        offer_id: OfferId,
    },
    /// By time: the day after a placement's last has come.
    FinishPlacement {
        /// Which.
        placement_id: PlacementId,
    },
}

impl Command {
    /// The word for its kind, in headers, metrics and the change feed.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ImportRegistry(_) => "IMPORT_REGISTRY",
            Self::SubmitCapacity(_) => "SUBMIT_CAPACITY",
            Self::ReviewCapacity(_) => "REVIEW_CAPACITY",
            Self::SetPlaceBudget(_) => "SET_PLACE_BUDGET",
            Self::SetQuotas(_) => "SET_QUOTAS",
            Self::JoinWaitlist(_) => "JOIN_WAITLIST",
            Self::AllocatePlaces(_) => "ALLOCATE_PLACES",
            Self::ConfirmProposals(_) => "CONFIRM_PROPOSALS",
            Self::RespondToOffer(_) => "RESPOND_TO_OFFER",
            Self::StartPlacement(_) => "START_PLACEMENT",
            Self::EndPlacement(_) => "END_PLACEMENT",
            Self::LeaveWaitlist(_) => "LEAVE_WAITLIST",
            Self::BeginDay { .. } => "BEGIN_DAY",
            Self::LapseProposal { .. } => "LAPSE_PROPOSAL",
            Self::ExpireOffer { .. } => "EXPIRE_OFFER",
            Self::FinishPlacement { .. } => "FINISH_PLACEMENT",
        }
    }
}

/// What a command reaches for: whose right to it counts, and whose person it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The area as a whole.
    Area,
    /// A provider's places.
    Provider(&'a OrganisationNumber),
    /// A person of a municipality.
    Resident(&'a MunicipalityNumber),
    /// Someone's entry.
    Entry(EntryId),
    /// Proposals and offers.
    Offers(&'a [OfferId]),
    /// A placement.
    Placement(PlacementId),
}

impl Command {
    /// What it reaches for.
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Self::ImportRegistry(_)
            | Self::ReviewCapacity(_)
            | Self::SetPlaceBudget(_)
            | Self::SetQuotas(_)
            | Self::AllocatePlaces(_)
            | Self::BeginDay { .. } => Subject::Area,
            Self::SubmitCapacity(c) => Subject::Provider(&c.organisation_number),
            // Who follows a person up gives no right to put people on another's list.
            Self::JoinWaitlist(c) => Subject::Resident(&c.municipality_number),
            Self::ConfirmProposals(c) => Subject::Offers(&c.offer_ids),
            Self::RespondToOffer(c) => Subject::Offers(slice::from_ref(&c.offer_id)),
            Self::StartPlacement(c) => Subject::Offers(slice::from_ref(&c.offer_id)),
            Self::EndPlacement(c) => Subject::Placement(c.placement_id),
            Self::LeaveWaitlist(c) => Subject::Entry(c.entry_id),
            Self::LapseProposal { offer_id } | Self::ExpireOffer { offer_id } => {
                Subject::Offers(slice::from_ref(offer_id))
            }
            Self::FinishPlacement { placement_id } => Subject::Placement(*placement_id),
        }
    }
}

/// Registry rows and where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRegistry {
    /// Where they come from.
    pub source: String,
    /// The rows.
    pub rows: Vec<RegistryRow>,
}

/// What a provider has in a place group from a date on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitCapacity {
    /// The group; `None` for a new one.
    pub place_group_id: Option<PlaceGroupId>,
    /// The provider.
    pub organisation_number: OrganisationNumber,
    /// The group's name.
    pub name: Option<String>,
    /// Where the places lie.
    pub site_municipality_number: Option<MunicipalityNumber>,
    /// Work fields.
    pub work_fields: Vec<String>,
    /// How many, and when.
    pub places: PlacesInPeriod,
    /// The agreement.
    pub agreement_reference: Option<String>,
    /// The provider's own statement of the wait.
    pub stated_wait: Option<StatedWait>,
    /// Ids in other systems.
    pub external_references: Vec<ExternalReference>,
}

/// Approval or rejection of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewCapacity {
    /// Which.
    pub submission_id: SubmissionId,
    /// Whether it holds.
    pub approve: bool,
    /// Why.
    pub reason: Option<String>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A place budget (plassramme) for a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPlaceBudget {
    /// How many, and when.
    pub places: PlacesInPeriod,
    /// Where the figure comes from.
    pub source: String,
    /// The case.
    pub case_reference: Option<String>,
}

/// Quotas from a date on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetQuotas {
    /// One a municipality.
    pub quotas: Vec<Quota>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A person to be put on the waitlist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinWaitlist {
    /// The person, by random name.
    pub person_id: PersonId,
    /// The entitled municipality.
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up.
    pub following_office_number: OfficeNumber,
    /// The share of a place, 1-100.
    pub participation_percent: u32,
    /// Acceptable place groups.
    pub preferred_place_groups: Vec<PlaceGroupId>,
    /// Acceptable work fields.
    pub work_fields: Vec<String>,
    /// A priority class.
    pub priority_class: Option<PriorityCode>,
    /// Why that class, and who the case worker is.
    pub grounds: Option<Sealed>,
    /// When the person was registered, if elsewhere and before.
    pub registered_time: Option<Timestamp>,
    /// Ids in other systems.
    pub external_references: Vec<ExternalReference>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A run over the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatePlaces {
    /// At most so many proposals.
    pub max_proposals: u32,
    /// Only these groups; none means all.
    pub place_groups: BTreeSet<PlaceGroupId>,
    /// The case.
    pub case_reference: Option<String>,
}

/// Proposals to be made offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmProposals {
    /// Which.
    pub offer_ids: Vec<OfferId>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RespondToOffer {
    /// To which offer.
    pub offer_id: OfferId,
    /// Yes or no.
    pub accept: bool,
    /// Why.
    pub reason: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A person begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartPlacement {
    /// By which accepted offer.
    pub offer_id: OfferId,
    /// The first day.
    pub start_date: Date,
    /// The case.
    pub case_reference: Option<String>,
}

/// A person leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndPlacement {
    /// Which placement.
    pub placement_id: PlacementId,
    /// The first day after the last one.
    pub end_date: Date,
    /// What it led to.
    pub outcome: Outcome,
    /// Free text.
    pub reason: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A person waits no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveWaitlist {
    /// Which entry.
    pub entry_id: EntryId,
    /// Why: the reason and more of it in words.
    pub grounds: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// What a command must have read of its ledger before it is decided, beyond the
/// frame (accounts, place groups, budgets, quotas), which is always there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Entries by id, each with the proposal or offer it holds.
    pub entries: BTreeSet<EntryId>,
    /// Offers by id, with their entries.
    pub offers: BTreeSet<OfferId>,
    /// Placements by id, with their entries.
    pub placements: BTreeSet<PlacementId>,
    /// Submissions by id.
    pub submissions: BTreeSet<SubmissionId>,
    /// Names in other systems.
    pub references: BTreeSet<ExternalReference>,
    /// The heads of all queues.
    pub heads: bool,
}

impl Needs {
    /// Adds what `command` must have read.
    pub fn add(&mut self, command: &Command) {
        match command {
            Command::ImportRegistry(_)
            | Command::SetPlaceBudget(_)
            | Command::SetQuotas(_)
            | Command::BeginDay { .. } => {}
            Command::SubmitCapacity(c) => {
                self.references.extend(c.external_references.iter().cloned());
            }
            Command::ReviewCapacity(c) => {
                self.submissions.insert(c.submission_id);
            }
            Command::JoinWaitlist(c) => {
                self.references.extend(c.external_references.iter().cloned());
            }
            Command::AllocatePlaces(_) => self.heads = true,
            Command::ConfirmProposals(c) => self.offers.extend(&c.offer_ids),
            Command::RespondToOffer(c) => {
                self.offers.insert(c.offer_id);
            }
            Command::StartPlacement(c) => {
                self.offers.insert(c.offer_id);
            }
            Command::EndPlacement(c) => {
                self.placements.insert(c.placement_id);
            }
            Command::LeaveWaitlist(c) => {
                self.entries.insert(c.entry_id);
            }
            Command::LapseProposal { offer_id } | Command::ExpireOffer { offer_id } => {
                self.offers.insert(*offer_id);
            }
            Command::FinishPlacement { placement_id } => {
                self.placements.insert(*placement_id);
            }
        }
    }
}
