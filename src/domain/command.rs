//! What can be asked of a ledger. A command is recorded with its events, so that
//! the decision can be made again from the log alone. It names nobody.

mod access;
mod correct;
mod enforce;
mod held;
mod identity;
mod lending;
mod needs;
mod places;
mod plan;
mod quota_move;
mod staff;
mod succession;
mod waits;

pub use access::{EndAccess, GrantAccess};
pub use correct::{Correct, Correction, RightPerson};
pub use enforce::{EnforcementAsk, SetEnforcement};
pub use held::{
    AllocatePlaces, ChangePlacement, ConfirmProposals, Elsewhere, EndPlacement, ExtendOffer,
    MovePlacement, ObjectToOffer, PlacePerson, PlacementAsk, ReassignPlacement, ResolveObjection,
    RespondToOffer, ReviewMade, StartDirectly, StartPlacement, WithdrawOffer,
};
pub use identity::ChangeIdentityNumber;
pub use lending::{LendQuota, LoanAsk, LoanEnd, LoanTerms};
pub use needs::Needs;
pub use places::{
    ChangeClosure, ClosureAsk, ImportRegistry, ReportClosure, ReviewCapacity, SetPlaceBudget,
    SetQuotas, SubmitCapacity,
};
pub use plan::{ApprovePlan, CommentPlan, ProposePlan, WithdrawPlan};
pub use quota_move::MoveQuota;
pub use staff::{LinkStaff, StaffLinkChange};
pub use succession::{HANDED_OVER_MAX, HandOver, HeldThere, TakeOver, Waited};
pub use waits::{
    BatchJoinWaitlist, ConfirmEntry, Eligibility, JoinWaitlist, LeaveWaitlist, PauseEntry,
    PrioritizeEntry, ReassignAdviser, ReceiveEntry, ResumeEntry, SuspendEntry, TransferEntry,
    UpdateEntry,
};

use std::slice;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    existing::ImportExisting,
    ids::{
        EntryId, MunicipalityNumber, OfferId, OfficeNumber, OrganisationNumber, PlaceGroupId,
        PlacementId, PlanId,
    },
};

/// A command to one ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Command {
    /// Take registry rows in.
    ImportRegistry(ImportRegistry),
    /// Take in what stands in another system.
    ImportExisting(ImportExisting),
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
    /// How far the order binds who places people by hand.
    SetEnforcement(SetEnforcement),
    /// A mistake is corrected.
    Correct(Correct),
    /// A closure that was reported is another one, or none.
    ChangeClosure(ChangeClosure),
    /// A quota is lent to another municipality, or a loan returns before its day.
    LendQuota(LendQuota),
    /// Access across employers is given.
    GrantAccess(GrantAccess),
    /// Access across employers ends before its day.
    EndAccess(EndAccess),
    /// A redistribution plan is proposed.
    ProposePlan(ProposePlan),
    /// A municipality says what it thinks of a plan.
    CommentPlan(CommentPlan),
    /// A plan is approved.
    ApprovePlan(ApprovePlan),
    /// A plan is taken back.
    WithdrawPlan(WithdrawPlan),
    /// By time: the first day of a plan has come.
    BeginPlan {
        /// Which.
        plan_id: PlanId,
    },
    /// One of the staff is a certain person, or no longer.
    LinkStaff(LinkStaff),
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
    /// By time: those who wait go on in the measure type that took over.
    HandOver(HandOver),
    /// By time: what another measure type's ledger handed over comes in.
    TakeOver(TakeOver),
    /// A person has another identity number.
    ChangeIdentityNumber(ChangeIdentityNumber),
    /// Whole places of one municipality's quota become another's.
    MoveQuota(MoveQuota),
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
            Self::ImportExisting(_) => "IMPORT_EXISTING",
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
            Self::SetEnforcement(_) => "SET_ENFORCEMENT",
            Self::Correct(_) => "CORRECT",
            Self::ChangeClosure(_) => "CHANGE_CLOSURE",
            Self::ChangeIdentityNumber(_) => "CHANGE_IDENTITY_NUMBER",
            Self::LendQuota(_) => "LEND_QUOTA",
            Self::GrantAccess(_) => "GRANT_ACCESS",
            Self::EndAccess(_) => "END_ACCESS",
            Self::ProposePlan(_) => "PROPOSE_PLAN",
            Self::CommentPlan(_) => "COMMENT_PLAN",
            Self::ApprovePlan(_) => "APPROVE_PLAN",
            Self::WithdrawPlan(_) => "WITHDRAW_PLAN",
            Self::BeginPlan { .. } => "BEGIN_PLAN",
            Self::LinkStaff(_) => "LINK_STAFF",
            Self::WakeEntry { .. } => "WAKE_ENTRY",
            Self::EndLeave { .. } => "END_LEAVE",
            Self::BeginDay { .. } => "BEGIN_DAY",
            Self::LapseProposal { .. } => "LAPSE_PROPOSAL",
            Self::ExpireOffer { .. } => "EXPIRE_OFFER",
            Self::HandOver(_) => "HAND_OVER",
            Self::TakeOver(_) => "TAKE_OVER",
            Self::MoveQuota(_) => "MOVE_QUOTA",
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
    /// A plan: whose it is depends on who proposed it.
    Plan(PlanId),
    /// People of several municipalities.
    Residents(Vec<&'a MunicipalityNumber>),
    /// What an office's employees have access to.
    Office(&'a OfficeNumber),
}

impl Command {
    /// What it reaches for.
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Self::ImportRegistry(_)
            | Self::ImportExisting(_)
            | Self::ReviewCapacity(_)
            | Self::SetPlaceBudget(_)
            | Self::SetQuotas(_)
            | Self::AllocatePlaces(_)
            | Self::ReceiveEntry(_)
            | Self::SetEnforcement(_)
            | Self::LendQuota(_)
            | Self::ProposePlan(_)
            | Self::ApprovePlan(_)
            | Self::BeginPlan { .. }
            | Self::MoveQuota(_)
            | Self::BeginDay { .. } => Subject::Area,
            Self::WithdrawPlan(c) => Subject::Plan(c.plan_id),
            Self::CommentPlan(c) => Subject::Resident(&c.municipality_number),
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
            Self::ChangeClosure(c) => Subject::PlaceGroup(c.place_group_id),
            Self::SubmitCapacity(c) => Subject::Provider(&c.organisation_number),
            // Who follows a person up gives no right to put people on another's list.
            Self::JoinWaitlist(c) => Subject::Resident(&c.municipality_number),
            Self::ConfirmProposals(c) => Subject::Offers(&c.offer_ids),
            Self::RespondToOffer(c) => Subject::Offers(slice::from_ref(&c.offer_id)),
            Self::StartPlacement(c) => Subject::Offers(slice::from_ref(&c.offer_id)),
            Self::EndPlacement(c) => Subject::Placement(c.placement_id),
            Self::LeaveWaitlist(c) => Subject::Entry(c.entry_id),
            Self::Correct(c) => c.correction.subject(),
            Self::LapseProposal { offer_id } | Self::ExpireOffer { offer_id } => {
                Subject::Offers(slice::from_ref(offer_id))
            }
            Self::GrantAccess(c) => Subject::Office(&c.office_number),
            Self::EndAccess(c) => Subject::Office(&c.office_number),
            Self::LinkStaff(c) => c.office_number.as_ref().map_or(Subject::Area, Subject::Office),
            Self::HandOver(_) | Self::TakeOver(_) => Subject::Area,
            Self::ChangeIdentityNumber(c) => Subject::Entry(c.entry_id),
            Self::FinishPlacement { placement_id } => Subject::Placement(*placement_id),
        }
    }
}
