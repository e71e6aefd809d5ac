//! What a command must have read of its ledger before it is decided.

use std::collections::BTreeSet;

use crate::domain::{
    command::{ApprovePlan, Command, CommentPlan, JoinWaitlist, TakeOver, WithdrawPlan},
    existing::{GroupName, ImportExisting, Row},
    ids::{EntryId, ExternalReference, OfferId, PlaceGroupId, PlacementId, PlanId, SubmissionId},
};

/// What a command must have read of its ledger before it is decided, beyond the
/// frame (accounts, place groups, budgets, quotas, loans), which is always there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Entries by id, each with the proposal or offer it holds, and the placement of which it
    /// waits for a larger share.
    pub entries: BTreeSet<EntryId>,
    /// Offers by id, with their entries and what those are by id.
    pub offers: BTreeSet<OfferId>,
    /// Placements by id, with their entries, and the entries by which a larger share is waited
    /// for, as those are by id.
    pub placements: BTreeSet<PlacementId>,
    /// Submissions by id.
    pub submissions: BTreeSet<SubmissionId>,
    /// Plans by id.
    pub plans: BTreeSet<PlanId>,
    /// Names in other systems.
    pub references: BTreeSet<ExternalReference>,
    /// Names in other systems, with the entries they name.
    pub named_entries: BTreeSet<ExternalReference>,
    /// Place groups whose placements under way are told of in the answer.
    pub placements_in: BTreeSet<PlaceGroupId>,
    /// The placements of each entry that is read, over or not.
    pub past_placements: bool,
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
            | Command::SetEnforcement(_)
            | Command::LendQuota(_)
            | Command::GrantAccess(_)
            | Command::EndAccess(_)
            | Command::ProposePlan(_)
            | Command::LinkStaff(_)
            | Command::MoveQuota(_)
            | Command::BeginDay { .. } => {}
            Command::CommentPlan(CommentPlan { plan_id, .. })
            | Command::ApprovePlan(ApprovePlan { plan_id, .. })
            | Command::WithdrawPlan(WithdrawPlan { plan_id, .. })
            | Command::BeginPlan { plan_id } => drop(self.plans.insert(*plan_id)),
            Command::ImportExisting(c) => self.existing(c),
            Command::ReportClosure(c) => drop(self.placements_in.insert(c.place_group_id)),
            Command::ChangeClosure(c) => drop(self.placements_in.insert(c.place_group_id)),
            Command::SubmitCapacity(c) => self.named(&c.external_references),
            Command::ReviewCapacity(c) => self.submissions.extend([c.submission_id]),
            Command::JoinWaitlist(c) => self.join(c),
            Command::BatchJoinWaitlist(c) => c.joins.iter().for_each(|join| self.join(join)),
            Command::ReceiveEntry(c) => {
                self.entries.insert(c.entry.entry_id);
                self.named(&c.entry.external_references);
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
            // Where the rules' own choice is recorded, the decision asks for the heads itself.
            Command::PlacePerson(c) => self.entry(c.entry_id, false),
            Command::WakeEntry { entry_id } => self.entry(*entry_id, false),
            Command::EndPlacement(c) => self.placement(c.placement_id),
            Command::ChangePlacement(c) => self.placement(c.placement_id),
            Command::MovePlacement(c) => self.placement(c.placement_id),
            Command::ReassignPlacement(c) => self.placement(c.placement_id),
            Command::Correct(c) => self.correction(&c.correction),
            Command::HandOver(c) => self.entries.extend(c.entries.keys()),
            Command::TakeOver(c) => self.taken_over(c),
            Command::ChangeIdentityNumber(c) => self.entry(c.entry_id, false),
            Command::FinishPlacement { placement_id } | Command::EndLeave { placement_id } => {
                self.placement(*placement_id);
            }
        }
    }

    fn named(&mut self, references: &[ExternalReference]) {
        self.references.extend(references.iter().cloned());
    }

    fn join(&mut self, join: &JoinWaitlist) {
        self.named(&join.external_references);
        self.heads |= join.propose_if_free;
    }

    /// What an import names: entries that may have come in before, and place groups.
    fn existing(&mut self, c: &ImportExisting) {
        let mut group = |name: &GroupName| {
            if let GroupName::Reference(reference) = name {
                self.references.insert(reference.clone());
            }
        };
        for row in &c.rows {
            if let Row::New(row) = row {
                row.groups().for_each(&mut group);
            } else if let Row::Unchanged(row) = row {
                row.place_group.iter().for_each(&mut group);
            }
        }
        c.control_totals.iter().filter_map(|total| total.place_group.as_ref()).for_each(group);
        let named = c.rows.iter().filter_map(Row::reference).cloned();
        self.named_entries.extend(named);
    }

    /// Those who come, with their names in other systems, and those who are there already.
    fn taken_over(&mut self, c: &TakeOver) {
        self.entries.extend(c.entries.iter().map(|entry| entry.entry_id));
        self.entries.extend(c.waited.iter().map(|waited| waited.entry_id));
        let names = c.entries.iter().flat_map(|entry| &entry.external_references);
        self.references.extend(names.cloned());
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
