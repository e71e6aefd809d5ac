//! What can be asked of a ledger. A command is recorded with its events, so that
//! the decision can be made again from the log alone. It names nobody.

use std::{collections::BTreeSet, slice};

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    allocation::{Leave, ObjectionCode, OutOfTurn, OutOfTurnReason, Outcome},
    calendar::Timestamp,
    capacity::{Closure, PlacesInPeriod, Quota, StatedWait},
    ids::{
        EntryId, ExternalReference, LedgerId, MunicipalityNumber, OfferId, OfficeNumber,
        OrganisationNumber, PersonId, PlaceGroupId, PlacementId, PriorityCode, SubmissionId,
    },
    registry::RegistryRow,
    waitlist::{Adviser, Entry, Sealed},
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
    /// What an entry wants is changed.
    UpdateEntry(UpdateEntry),
    /// An entry is not eligible for a while.
    PauseEntry(PauseEntry),
    /// A paused entry is eligible again.
    ResumeEntry(ResumeEntry),
    /// The place is still wanted.
    ConfirmEntry(ConfirmEntry),
    /// An entry is moved in the order by hand.
    PrioritizeEntry(PrioritizeEntry),
    /// The person has moved to another municipality or area.
    TransferEntry(TransferEntry),
    /// What another ledger sent on by a transfer comes in.
    ReceiveEntry(ReceiveEntry),
    /// The person has begun in a measure that does not combine with this one.
    SuspendEntry(SuspendEntry),
    /// Entries get another case worker, or a deputy.
    ReassignAdviser(ReassignAdviser),
    /// Several people are put on the waitlist.
    BatchJoinWaitlist(BatchJoinWaitlist),
    /// A named person gets a place out of turn.
    PlacePerson(PlacePerson),
    /// The provider objects to a person it was offered.
    ObjectToOffer(ObjectToOffer),
    /// The office decides on an objection.
    ResolveObjection(ResolveObjection),
    /// An offer may be answered later.
    ExtendOffer(ExtendOffer),
    /// An offer is taken back.
    WithdrawOffer(WithdrawOffer),
    /// A person begins without an offer.
    StartDirectly(StartDirectly),
    /// Something about a placement is changed.
    ChangePlacement(ChangePlacement),
    /// A placement goes on in another place group.
    MovePlacement(MovePlacement),
    /// The person who is placed has moved house.
    ReassignPlacement(ReassignPlacement),
    /// A place group takes nobody new in.
    ReportClosure(ReportClosure),
    /// By time: a pause or the time after a declined offer is over.
    WakeEntry {
        /// Whose.
        entry_id: EntryId,
    },
    /// By time: a leave is over.
    EndLeave {
        /// Whose.
        placement_id: PlacementId,
    },
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
            Self::UpdateEntry(_) => "UPDATE_WAITLIST_ENTRY",
            Self::PauseEntry(_) => "PAUSE_ENTRY",
            Self::ResumeEntry(_) => "RESUME_ENTRY",
            Self::ConfirmEntry(_) => "CONFIRM_ENTRY",
            Self::PrioritizeEntry(_) => "PRIORITIZE_ENTRY",
            Self::TransferEntry(_) => "TRANSFER_ENTRY",
            Self::ReceiveEntry(_) => "RECEIVE_ENTRY",
            Self::SuspendEntry(_) => "SUSPEND_ENTRY",
            Self::ReassignAdviser(_) => "REASSIGN_ADVISER",
            Self::BatchJoinWaitlist(_) => "BATCH_JOIN_WAITLIST",
            Self::PlacePerson(_) => "PLACE_PERSON",
            Self::ObjectToOffer(_) => "OBJECT_TO_OFFER",
            Self::ResolveObjection(_) => "RESOLVE_OBJECTION",
            Self::ExtendOffer(_) => "EXTEND_OFFER",
            Self::WithdrawOffer(_) => "WITHDRAW_OFFER",
            Self::StartDirectly(_) => "START_DIRECTLY",
            Self::ChangePlacement(_) => "CHANGE_PLACEMENT",
            Self::MovePlacement(_) => "MOVE_PLACEMENT",
            Self::ReassignPlacement(_) => "REASSIGN_PLACEMENT",
            Self::ReportClosure(_) => "REPORT_CLOSURE",
            Self::WakeEntry { .. } => "WAKE_ENTRY",
            Self::EndLeave { .. } => "END_LEAVE",
            Self::BeginDay { .. } => "BEGIN_DAY",
            Self::LapseProposal { .. } => "LAPSE_PROPOSAL",
            Self::ExpireOffer { .. } => "EXPIRE_OFFER",
            Self::FinishPlacement { .. } => "FINISH_PLACEMENT",
        }
    }
}

/// What a command reaches for: whose right to it counts, and whose person it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Entries.
    Entries(Vec<EntryId>),
    /// A place group.
    PlaceGroup(PlaceGroupId),
    /// People of several municipalities.
    Residents(Vec<&'a MunicipalityNumber>),
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
            | Self::ReceiveEntry(_)
            | Self::BeginDay { .. } => Subject::Area,
            Self::UpdateEntry(c) => Subject::Entry(c.entry_id),
            Self::PauseEntry(c) => Subject::Entry(c.entry_id),
            Self::ResumeEntry(c) => Subject::Entry(c.entry_id),
            Self::ConfirmEntry(c) => Subject::Entry(c.entry_id),
            Self::PrioritizeEntry(c) => Subject::Entry(c.entry_id),
            Self::TransferEntry(c) => Subject::Entry(c.entry_id),
            Self::SuspendEntry(c) => Subject::Entry(c.entry_id),
            Self::PlacePerson(c) => Subject::Entry(c.entry_id),
            Self::StartDirectly(c) => Subject::Entry(c.entry_id),
            Self::WakeEntry { entry_id } => Subject::Entry(*entry_id),
            Self::ReassignAdviser(c) => {
                Subject::Entries(c.advisers.iter().map(|(entry_id, _)| *entry_id).collect())
            }
            Self::BatchJoinWaitlist(c) => {
                Subject::Residents(c.joins.iter().map(|join| &join.municipality_number).collect())
            }
            Self::ObjectToOffer(c) => Subject::Offers(slice::from_ref(&c.offer_id)),
            Self::ResolveObjection(c) => Subject::Offers(slice::from_ref(&c.offer_id)),
            Self::ExtendOffer(c) => Subject::Offers(slice::from_ref(&c.offer_id)),
            Self::WithdrawOffer(c) => Subject::Offers(slice::from_ref(&c.offer_id)),
            Self::ChangePlacement(c) => Subject::Placement(c.placement_id),
            Self::MovePlacement(c) => Subject::Placement(c.placement_id),
            Self::ReassignPlacement(c) => Subject::Placement(c.placement_id),
            Self::EndLeave { placement_id } => Subject::Placement(*placement_id),
            Self::ReportClosure(c) => Subject::PlaceGroup(c.place_group_id),
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
    /// Whether a place is proposed in the same event, if one is free and nobody eligible
    /// stands before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub propose_if_free: bool,
    /// The case worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adviser: Option<Adviser>,
    /// The programme the person is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
    /// The municipality a host acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<MunicipalityNumber>,
    /// When the person wants to begin at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants_by: Option<Date>,
    /// Whether the person is of those the measure type is for, as values: their grounds
    /// are sealed. `None` where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whether a person is of those a measure type is for: the answers, without their grounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eligibility {
    /// Whether the need group is among those of the type; `None` where none was named.
    pub need_group: Option<bool>,
    /// Whether the person is old enough on the day.
    pub age: bool,
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
    /// What the person holds in measure types that do not combine with this one, as the
    /// writer found it under its locks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
}

/// An open entry of the same person in another ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The ledger.
    pub ledger: LedgerId,
    /// The entry there.
    pub entry_id: EntryId,
    /// Whether a place is in use there.
    pub placed: bool,
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

/// What is to be changed of what an entry wants; `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// Acceptable place groups.
    pub preferred_place_groups: Option<Vec<PlaceGroupId>>,
    /// Acceptable work fields.
    pub work_fields: Option<Vec<String>>,
    /// The share of a place, 1-100.
    pub participation_percent: Option<u32>,
    /// The priority class; `Some(None)` for none.
    #[serde(default, with = "some_none", skip_serializing_if = "Option::is_none")]
    pub priority_class: Option<Option<PriorityCode>>,
    /// The office that follows the person up.
    pub following_office_number: Option<OfficeNumber>,
    /// When the person wants to begin at the latest; `Some(None)` for no such date.
    #[serde(default, with = "some_none", skip_serializing_if = "Option::is_none")]
    pub wants_by: Option<Option<Date>>,
    /// The programme; `Some(None)` for none.
    #[serde(default, with = "some_none", skip_serializing_if = "Option::is_none")]
    pub programme: Option<Option<String>>,
    /// The case worker.
    pub adviser: Option<Adviser>,
    /// Why that class.
    pub grounds: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// Keeps "set to nothing" apart from "left as it is" in JSON: the first is `null`.
mod some_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde asks by reference")]
    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }
}

/// An entry is not eligible for a while; what it holds is given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// The first day it is eligible again; `None` until somebody says so.
    pub until: Option<Date>,
    /// Why, in words.
    pub reason: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A paused entry, or one that cools down, is eligible again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// The case.
    pub case_reference: Option<String>,
}

/// Somebody says that the place is still wanted (fortsatt aktuell).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// The case.
    pub case_reference: Option<String>,
}

/// An entry is moved in the order by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrioritizeEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// Days that are taken off the registered time from now on, in place of the class's.
    pub bonus_days: u32,
    /// Why, by code.
    pub reason: OutOfTurnReason,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// The person has moved; the waiting time follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// The municipality moved to.
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up from now on.
    pub following_office_number: OfficeNumber,
    /// The area moved to; `None` where it is the same.
    pub to_ledger: Option<LedgerId>,
    /// Why, in words.
    pub reason: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// What comes in from another ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiveEntry {
    /// From where.
    pub from_ledger: LedgerId,
    /// The entry as it waits on: as it stood there, without what was held for it.
    pub entry: Box<Entry>,
    /// The municipality moved to.
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up from now on.
    pub following_office_number: OfficeNumber,
}

/// The person has begun in a measure that does not combine with this ledger's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspendEntry {
    /// Which entry.
    pub entry_id: EntryId,
    /// Where the person has begun.
    pub begun_in: LedgerId,
}

/// Entries get another case worker, or a deputy for one who is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReassignAdviser {
    /// Each entry's case worker from now on; filled in by the writer, which finds and seals.
    pub advisers: Vec<(EntryId, Adviser)>,
    /// The first day the case worker is back; `None` for good.
    pub until: Option<Date>,
    /// The case.
    pub case_reference: Option<String>,
}

/// Several people are put on the waitlist, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchJoinWaitlist {
    /// The people.
    pub joins: Vec<JoinWaitlist>,
}

/// A named person gets a place out of turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacePerson {
    /// Whose entry.
    pub entry_id: EntryId,
    /// Where.
    pub place_group_id: PlaceGroupId,
    /// Why; filled in by the writer, which seals the words.
    pub out_of_turn: Option<OutOfTurn>,
    /// Why, by code.
    pub reason: OutOfTurnReason,
    /// The case.
    pub case_reference: Option<String>,
}

/// The provider objects to a person it was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectToOffer {
    /// To which offer.
    pub offer_id: OfferId,
    /// Why, by code.
    pub code: ObjectionCode,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// The office decides on an objection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveObjection {
    /// To which offer.
    pub offer_id: OfferId,
    /// Whether the provider is right.
    pub uphold: bool,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// An offer may be answered later; once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendOffer {
    /// Which offer.
    pub offer_id: OfferId,
    /// Working days from now on.
    pub working_days: u32,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A proposal or offer is taken back; the person keeps the turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawOffer {
    /// Which.
    pub offer_id: OfferId,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// A person begins without an offer, where the measure type lets them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartDirectly {
    /// Whose entry.
    pub entry_id: EntryId,
    /// Where.
    pub place_group_id: PlaceGroupId,
    /// The first day.
    pub start_date: Date,
    /// The case.
    pub case_reference: Option<String>,
    /// What the person holds in measure types that do not combine with this one, as the
    /// writer found it under its locks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
}

/// Something about a placement is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePlacement {
    /// Which placement.
    pub placement_id: PlacementId,
    /// What.
    pub change: PlacementAsk,
    /// The case.
    pub case_reference: Option<String>,
}

/// What may be changed of a placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlacementAsk {
    /// The share of a place from a day on.
    Share {
        /// The share, 1-100.
        percent: u32,
        /// The first day.
        valid_from: Date,
    },
    /// When it is planned to end.
    PlannedEnd {
        /// The first day after; `None` for no such day.
        date: Option<Date>,
    },
    /// The person is away for a while.
    GoOnLeave(Leave),
    /// The person is back before the leave is over.
    Return,
}

/// A placement goes on in another place group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovePlacement {
    /// Which placement.
    pub placement_id: PlacementId,
    /// Where to.
    pub place_group_id: PlaceGroupId,
    /// Why, in words.
    pub text: Option<Sealed>,
    /// The case.
    pub case_reference: Option<String>,
}

/// The person who is placed has moved house, within the area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReassignPlacement {
    /// Which placement.
    pub placement_id: PlacementId,
    /// The municipality moved to.
    pub municipality_number: MunicipalityNumber,
    /// The office that follows the person up from now on.
    pub following_office_number: OfficeNumber,
    /// The case.
    pub case_reference: Option<String>,
}

/// A place group takes nobody new in for a while, or for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportClosure {
    /// Which group.
    pub place_group_id: PlaceGroupId,
    /// When and why; who reported it is filled in by the decision.
    pub closure: Closure,
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
    /// Place groups whose placements under way are told of in the answer.
    pub placements_in: BTreeSet<PlaceGroupId>,
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
            Command::ReportClosure(c) => {
                self.placements_in.insert(c.place_group_id);
            }
            Command::SubmitCapacity(c) => {
                self.references.extend(c.external_references.iter().cloned());
            }
            Command::ReviewCapacity(c) => {
                self.submissions.insert(c.submission_id);
            }
            Command::JoinWaitlist(c) => {
                self.references.extend(c.external_references.iter().cloned());
                self.heads |= c.propose_if_free;
            }
            Command::BatchJoinWaitlist(c) => {
                for join in &c.joins {
                    self.references.extend(join.external_references.iter().cloned());
                    self.heads |= join.propose_if_free;
                }
            }
            Command::ReceiveEntry(c) => {
                self.entries.insert(c.entry.entry_id);
                self.references.extend(c.entry.external_references.iter().cloned());
            }
            Command::ReassignAdviser(c) => {
                self.entries.extend(c.advisers.iter().map(|(entry_id, _)| *entry_id));
            }
            Command::AllocatePlaces(_) => self.heads = true,
            Command::ConfirmProposals(c) => self.offers.extend(&c.offer_ids),
            Command::RespondToOffer(c) => self.given_back(c.offer_id, !c.accept),
            Command::ResolveObjection(c) => self.given_back(c.offer_id, c.uphold),
            Command::WithdrawOffer(c) => self.given_back(c.offer_id, true),
            Command::ExpireOffer { offer_id } => self.given_back(*offer_id, true),
            Command::LapseProposal { offer_id } => self.given_back(*offer_id, false),
            Command::StartPlacement(c) => self.given_back(c.offer_id, false),
            Command::ObjectToOffer(c) => self.given_back(c.offer_id, false),
            Command::ExtendOffer(c) => self.given_back(c.offer_id, false),
            Command::LeaveWaitlist(c) => self.entry(c.entry_id, true),
            Command::PauseEntry(c) => self.entry(c.entry_id, true),
            Command::TransferEntry(c) => self.entry(c.entry_id, true),
            Command::SuspendEntry(c) => self.entry(c.entry_id, true),
            Command::StartDirectly(c) => self.entry(c.entry_id, true),
            Command::UpdateEntry(c) => self.entry(c.entry_id, false),
            Command::ResumeEntry(c) => self.entry(c.entry_id, false),
            Command::ConfirmEntry(c) => self.entry(c.entry_id, false),
            Command::PrioritizeEntry(c) => self.entry(c.entry_id, false),
            Command::PlacePerson(c) => self.entry(c.entry_id, false),
            Command::WakeEntry { entry_id } => self.entry(*entry_id, false),
            Command::EndPlacement(c) => self.placement(c.placement_id),
            Command::ChangePlacement(c) => self.placement(c.placement_id),
            Command::MovePlacement(c) => self.placement(c.placement_id),
            Command::ReassignPlacement(c) => self.placement(c.placement_id),
            Command::FinishPlacement { placement_id } | Command::EndLeave { placement_id } => {
                self.placement(*placement_id);
            }
        }
    }

    /// An offer; with the heads of the queues where its place may be passed on.
    fn given_back(&mut self, offer_id: OfferId, heads: bool) {
        self.offers.insert(offer_id);
        self.heads |= heads;
    }

    /// An entry; with the heads of the queues where a place may be passed on.
    fn entry(&mut self, entry_id: EntryId, heads: bool) {
        self.entries.insert(entry_id);
        self.heads |= heads;
    }

    fn placement(&mut self, placement_id: PlacementId) {
        self.placements.insert(placement_id);
    }
}
