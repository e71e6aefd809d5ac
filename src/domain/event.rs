//! What has happened to a ledger. Fields are only ever added; old logs stay readable.

mod change;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::Date;

use crate::domain::{
    access_grant::AccessGrant,
    account::AccountKey,
    allocation::{End, LetGo, Offer, Placement, RunReport},
    calendar::Timestamp,
    capacity::{BudgetBasis, PlaceGroup, PlacesInPeriod, Quota, Submission},
    command::Command,
    enforcement::{Enforcement, EnforcementChange},
    ids::{EntryId, MunicipalityNumber, OfferId, PlacementId, PlanId, SubmissionId},
    lending::Loan,
    plan::{ActivePlan, ChangeCause, Comment, Plan, Redirected, Withdrawal},
    quota_move::QuotaMove,
    registry::RegistryRow,
    staff_link::StaffLink,
    waitlist::{Entry, Sealed},
};

pub use change::{EntryChange, OfferChange, PlacementChange};

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Event {
    /// The registry took rows in.
    RegistryImported {
        /// The rows that were new or changed.
        rows: Vec<RegistryRow>,
        /// How many were new.
        added: u32,
        /// How many replaced another.
        changed: u32,
        /// How many were there already.
        unchanged: u32,
    },
    /// A provider told what it has.
    CapacitySubmitted {
        /// What.
        submission: Submission,
    },
    /// A submission holds; its group is as follows.
    CapacityApproved {
        /// Which.
        submission_id: SubmissionId,
        /// The group with the approved capacity in it.
        place_group: PlaceGroup,
        /// Why.
        reason: Option<String>,
        /// Coming days on which the group's limit may change.
        days: Vec<Date>,
    },
    /// A submission never holds.
    CapacityRejected {
        /// Which.
        submission_id: SubmissionId,
        /// Why.
        reason: Option<String>,
    },
    /// A place budget was set.
    PlaceBudgetSet {
        /// How many, and when.
        places: PlacesInPeriod,
        /// Coming days on which the pool's limit may change.
        days: Vec<Date>,
        /// Where the figure comes from; empty where that was not kept yet.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        source: String,
        /// What it rests on.
        #[serde(default, skip_serializing_if = "BudgetBasis::is_untold")]
        rests_on: BudgetBasis,
    },
    /// Quotas were set.
    QuotasSet {
        /// One a municipality.
        quotas: Vec<Quota>,
        /// Coming days on which a quota may change.
        days: Vec<Date>,
    },
    /// Limits of accounts, as they hold from the beginning of a day. Those that stay
    /// the same are left out.
    LimitsSet {
        /// The day.
        date: Date,
        /// Each account's new limit, in per cents of a place.
        limits: Vec<(AccountKey, i64)>,
    },
    /// A person waits.
    Joined {
        /// The entry.
        entry: Entry,
    },
    /// A run was made; its proposals follow.
    RunMade {
        /// What it decided.
        report: RunReport,
    },
    /// A place is held for an entry.
    Proposed {
        /// The proposal.
        offer: Offer,
    },
    /// A named person confirmed a proposal.
    ProposalConfirmed {
        /// Which.
        offer_id: OfferId,
        /// Who.
        confirmed_by: String,
        /// The answer deadline.
        answer_by: Timestamp,
        /// Until when the provider may object; `None` where it may not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        object_by: Option<Timestamp>,
    },
    /// Nobody confirmed a proposal in time.
    ProposalLapsed {
        /// Which.
        offer_id: OfferId,
    },
    /// The person said yes.
    OfferAccepted {
        /// To which.
        offer_id: OfferId,
        /// When.
        accepted_time: Timestamp,
    },
    /// The person said no.
    OfferDeclined {
        /// To which.
        offer_id: OfferId,
        /// Why.
        reason: Option<Sealed>,
        /// When; kept where the measure type says for how long a mistake may be corrected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        let_go: Option<LetGo>,
    },
    /// Nobody answered in time.
    OfferExpired {
        /// Which.
        offer_id: OfferId,
        /// When; kept where the measure type says for how long a mistake may be corrected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        let_go: Option<LetGo>,
    },
    /// The person has begun.
    PlacementStarted {
        /// The placement.
        placement: Placement,
    },
    /// A placement's end is known.
    PlacementEndSet {
        /// Which.
        placement_id: PlacementId,
        /// How and when.
        end: End,
    },
    /// A placement is over; its place is free.
    PlacementEnded {
        /// Which.
        placement_id: PlacementId,
        /// When that closed its entry; kept since rules version 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closed_time: Option<Timestamp>,
    },
    /// The person has left the waitlist; the entry has ended.
    Left {
        /// Which entry.
        entry_id: EntryId,
        /// Why.
        grounds: Option<Sealed>,
        /// When; kept since rules version 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closed_time: Option<Timestamp>,
    },
    /// The place held for someone who left was given back.
    OfferWithdrawn {
        /// Which proposal or offer.
        offer_id: OfferId,
    },
    /// An entry is as follows from now on.
    EntryChanged {
        /// The entry, whole.
        entry: Entry,
        /// What was changed.
        change: EntryChange,
    },
    /// A proposal or offer is as follows from now on.
    OfferChanged {
        /// The offer, whole.
        offer: Offer,
        /// What was changed.
        change: OfferChange,
    },
    /// A placement is as follows from now on.
    PlacementChanged {
        /// The placement, whole.
        placement: Placement,
        /// What was changed.
        change: PlacementChange,
    },
    /// A place group is closed for a while or for good.
    ClosureReported {
        /// The group, whole, with the closure in it.
        place_group: PlaceGroup,
        /// Coming days on which it closes or opens.
        days: Vec<Date>,
    },
    /// How far the ledger's order binds, and what waits for a second person, are as follows.
    EnforcementSet {
        /// As it is from now on, whole.
        enforcement: Enforcement,
        /// What was done.
        change: EnforcementChange,
    },
    /// A closure that was reported is another one, or none.
    ClosureChanged {
        /// The group, whole, with its closures as they are now.
        place_group: PlaceGroup,
        /// The first day of the closure that was changed.
        from_date: Date,
        /// Coming days on which it opens.
        days: Vec<Date>,
    },
    /// A loan of a quota is as follows from now on: made, or ended early.
    LoanSet {
        /// The loan, whole.
        loan: Loan,
        /// Coming days on which it begins or returns.
        days: Vec<Date>,
    },
    /// A record of access across employers is as follows from now on: given, or ended early.
    AccessSet {
        /// The record, whole.
        grant: AccessGrant,
    },
    /// A plan is as follows from now on: proposed, or approved.
    PlanSet {
        /// The plan, whole.
        plan: Plan,
    },
    /// A municipality says what it thinks of a plan; what it said before is replaced.
    PlanCommented {
        /// Of which.
        plan_id: PlanId,
        /// Which municipality.
        municipality_number: MunicipalityNumber,
        /// What.
        comment: Comment,
    },
    /// A plan steers from now on; one that did is superseded.
    PlanBegun {
        /// As it steers.
        plan: ActivePlan,
    },
    /// The active plan's targets are other ones, or the way there is: the budget, the key, the
    /// borders, or quotas set by hand have changed it.
    PlanAimed {
        /// Of which.
        plan_id: PlanId,
        /// Since when.
        date: Date,
        /// Why.
        causes: BTreeSet<ChangeCause>,
        /// The date of the distribution key's dataset.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_date: Option<Date>,
        /// The places that are shared out.
        places: u32,
        /// The targets from now on.
        targets: BTreeMap<MunicipalityNumber, u32>,
        /// How many places have yet to move (D).
        remaining: u64,
    },
    /// A place that became free or is new went where the active plan says.
    Redirected {
        /// Where, and why.
        redirected: Redirected,
    },
    /// All have moved; the plan steers no more.
    PlanCompleted {
        /// Which.
        plan_id: PlanId,
        /// Since when.
        date: Date,
    },
    /// A link of one of the staff to a person is as follows from now on: set, or ended.
    StaffLinkSet {
        /// The link, whole.
        link: StaffLink,
    },
    /// Whole places of one municipality's quota are another's.
    QuotaMoved {
        /// What was moved, and why.
        quota_move: QuotaMove,
        /// Coming days on which it begins.
        days: Vec<Date>,
    },
    /// A plan cannot be followed on its first day: the places cannot be shared out so, or another
    /// measure type has taken over.
    PlanLapsed {
        /// Which.
        plan_id: PlanId,
        /// Since when.
        date: Date,
    },
    /// A plan is taken back; if it steered, it does no more.
    PlanWithdrawn {
        /// Which.
        plan_id: PlanId,
        /// By whom, when and why.
        withdrawal: Withdrawal,
    },
    /// The command was right and changed nothing.
    NothingToDo,
}

impl Event {
    /// The registry's rows that are new or changed by it.
    pub fn registry_rows(&self) -> Option<Vec<RegistryRow>> {
        if let Self::RegistryImported { rows, .. } = self {
            Some(rows.clone())
        } else if let Self::AccessSet { grant } = self {
            Some(vec![RegistryRow::AccessGrant(grant.clone())])
        } else if let Self::StaffLinkSet { link } = self {
            Some(vec![RegistryRow::StaffLink(link.clone())])
        } else {
            None
        }
    }

    /// The entry it brings into the service, whose person holds a claim from then on.
    pub fn brought_in(&self) -> Option<&Entry> {
        if let Self::Joined { entry }
        | Self::EntryChanged { entry, change: EntryChange::Imported } = self
        {
            Some(entry)
        } else {
            None
        }
    }
}

/// One log row's payload: the command and everything it made happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// What was asked.
    pub command: Command,
    /// What the ids it made follow from, in hexadecimal.
    pub id_seed: String,
    /// What happened, in order; at least one.
    pub events: Vec<Event>,
}

/// One log row's header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The ledger.
    pub ledger: crate::domain::ids::LedgerId,
    /// The row's number.
    pub seq: u64,
    /// The request.
    pub request_id: crate::domain::ids::RequestId,
    /// The command's kind.
    pub kind: String,
    /// Ledger time, microseconds since 1970.
    pub at: Timestamp,
    /// Which rules decided.
    pub rules_version: u32,
    /// Which registry they looked into.
    pub registry_version: u64,
    /// Who asked.
    pub actor: crate::domain::access::Actor,
    /// The municipalities on whose behalf, where who asked is an office of one that hosts them
    /// (samarbeidskommuner).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub on_behalf_of: BTreeSet<MunicipalityNumber>,
}

/// The rules of this program. A changed `decide` gets a new number and keeps the old
/// behaviour, so that old logs still recompute. Version 2 passes on a place that was given
/// back, in the same event; version 3 heeds who chooses among providers; by version 4 what stands
/// free moves also when a plan aims at other targets, and not only when it begins.
pub const RULES_VERSION: u32 = 4;
