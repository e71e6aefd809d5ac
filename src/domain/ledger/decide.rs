//! `decide`: what a command makes happen, or why it is refused. Read each function
//! from the top: guards first, by permanence, then what happens.

use time::{Date, Duration};
use uuid::Uuid;

use crate::domain::{
    access::Actor,
    allocation::{Offer, OfferState, RunRules, RunScope, Served, run},
    calendar::{Timestamp, working_days_after},
    command::{AllocatePlaces, Command, ImportRegistry},
    event::Event,
    ids::{ExternalReference, IdSource, MunicipalityNumber, OfferId, PlaceGroupId},
    ledger::{
        Ledger, decide_access, decide_adviser, decide_capacity, decide_closure, decide_correction,
        decide_enforcement, decide_entry, decide_existing, decide_identity, decide_join,
        decide_loan, decide_objection, decide_offer, decide_place, decide_placement, decide_plan,
        decide_quota_move, decide_staff, decide_succession, decide_transfer, passes::passes,
        redirect,
    },
    measure::{Distribution, MeasureType},
    refusal::{Refusal, Stop},
    registry::Registry,
    waitlist::QueueKey,
};

/// What a decision may look at beside the ledger itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Ledger time.
    pub at: Timestamp,
    /// The registry as of the version the log row names.
    pub registry: &'a Registry,
    /// Who asks.
    pub actor: &'a Actor,
    /// Which rules decide: those of the log row, or this program's.
    pub rules: u32,
}

impl Context<'_> {
    /// Today, in Norway.
    pub(super) fn today(&self) -> Date {
        self.at.date_in_norway()
    }

    /// When an entry is closed by this decision, as it is kept since rules version 2.
    pub(super) fn closed_time(&self) -> Option<Timestamp> {
        (self.rules >= 2).then_some(self.at)
    }

    /// What the measure type says of a run that is made now; nothing where it is not known.
    pub(super) fn run_rules(&self, ledger: &Ledger) -> RunRules {
        RunRules::of(self.measure(ledger).ok(), self.rules)
    }

    /// The measure type of a ledger, as it is today. Registries that the first rules looked
    /// into have one version of each type, from ever on: it is found on every day.
    pub(super) fn measure(&self, ledger: &Ledger) -> Result<&MeasureType, Refusal> {
        self.registry
            .ledger_measure_on(&ledger.id, self.today())
            .ok_or_else(|| Refusal::LedgerNotFound(ledger.id.clone()))
    }

    /// Requires that no other measure type has taken over: nobody new is taken in then.
    pub(super) fn require_current(&self, measure: &MeasureType) -> Result<(), Refusal> {
        measure.superseded_on(self.today()).map_or(Ok(()), |superseded| {
            let measure = measure.code.clone();
            Err(Refusal::Superseded { measure, by: superseded.by.clone(), from: superseded.from })
        })
    }

    /// Whose quota somebody entitled in a municipality is given a place of today, where that is
    /// not its own.
    pub(super) fn quota_of(
        &self,
        ledger: &Ledger,
        entitled: &MunicipalityNumber,
    ) -> Option<MunicipalityNumber> {
        self.registry.quota_of(ledger.distribution, entitled, self.today())
    }

    /// The queue somebody entitled in a municipality would stand in.
    pub fn queue_of_newcomer(&self, ledger: &Ledger, entitled: &MunicipalityNumber) -> QueueKey {
        let host = self.quota_of(ledger, entitled);
        QueueKey::new(ledger.distribution, host.as_ref().unwrap_or(entitled))
    }

    /// Requires that a municipality has a quota of its own on a day, as one that another hosts
    /// has not where the ledger shares by host area.
    pub(super) fn require_not_hosted(
        &self,
        ledger: &Ledger,
        field: &'static str,
        number: &MunicipalityNumber,
        day: Date,
    ) -> Result<(), Refusal> {
        let is_hosted = self.registry.host_of(number, day) != number;
        if ledger.distribution != Distribution::ByHostArea || !is_hosted {
            return Ok(());
        }
        let problem = "is hosted by another municipality then, whose quota counts for both";
        Err(Refusal::RegistryMismatch { field, value: number.to_string(), problem })
    }

    /// Requires that a municipality belongs to the ledger's area.
    pub(super) fn require_in_area(
        &self,
        ledger: &Ledger,
        field: &'static str,
        number: &MunicipalityNumber,
    ) -> Result<(), Refusal> {
        let known = self.registry.municipality(number);
        if known.is_some_and(|m| m.county_id == ledger.id.county_id) {
            return Ok(());
        }
        let problem = "is not a municipality of this area";
        Err(Refusal::RegistryMismatch { field, value: number.to_string(), problem })
    }
}

/// Decides `command`: at least one event, or a reason.
pub fn decide(
    ledger: &Ledger,
    command: &Command,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    decide_transfer::require_here(ledger, command, context)?;
    let events = match command {
        Command::ImportRegistry(c) => import_registry(c, context)?,
        Command::ImportExisting(c) => decide_existing::import(ledger, c, context, ids)?,
        Command::SubmitCapacity(c) => decide_capacity::submit(ledger, c, context, ids)?,
        Command::ReviewCapacity(c) => decide_capacity::review(ledger, c, context)?,
        Command::SetPlaceBudget(c) => decide_capacity::set_budget(ledger, c, context)?,
        Command::SetQuotas(c) => decide_capacity::set_quotas(ledger, c, context)?,
        Command::BeginDay { date } => decide_capacity::begin_day(ledger, *date, context)?,
        Command::JoinWaitlist(c) => decide_join::join(ledger, c, context, ids)?,
        Command::AllocatePlaces(c) => allocate(ledger, c, context, ids)?,
        Command::ConfirmProposals(c) => decide_offer::confirm(ledger, c, context)?,
        Command::RespondToOffer(c) => decide_offer::respond(ledger, c, context, ids)?,
        Command::StartPlacement(c) => decide_offer::start(ledger, c, context, ids)?,
        Command::EndPlacement(c) => decide_offer::end(ledger, c, context, ids)?,
        Command::LeaveWaitlist(c) => decide_offer::leave(ledger, c, context, ids)?,
        Command::LapseProposal { offer_id } => decide_offer::lapse(ledger, *offer_id, context),
        Command::ExpireOffer { offer_id } => decide_offer::expire(ledger, *offer_id, context, ids)?,
        Command::FinishPlacement { placement_id } => {
            decide_offer::finish(ledger, *placement_id, context, ids)?
        }
        Command::UpdateEntry(c) => decide_entry::update(ledger, c, context)?,
        Command::PauseEntry(c) => decide_entry::pause(ledger, c, context, ids)?,
        Command::ResumeEntry(c) => decide_entry::resume(ledger, c)?,
        Command::ConfirmEntry(c) => decide_entry::confirm(ledger, c, context)?,
        Command::PrioritizeEntry(c) => decide_entry::prioritize(ledger, c)?,
        Command::ReassignAdviser(c) => decide_adviser::reassign(ledger, c, context)?,
        Command::WakeEntry { entry_id } => decide_entry::wake(ledger, *entry_id, context),
        Command::BatchJoinWaitlist(c) => decide_join::batch(ledger, c, context, ids)?,
        Command::TransferEntry(c) => decide_transfer::transfer(ledger, c, context, ids)?,
        Command::ReceiveEntry(c) => decide_transfer::receive(ledger, c, context)?,
        Command::SuspendEntry(c) => decide_transfer::suspend(ledger, c, context, ids)?,
        Command::PlacePerson(c) => decide_place::place_person(ledger, c, context, ids)?,
        Command::StartDirectly(c) => decide_place::start_directly(ledger, c, context, ids)?,
        Command::ObjectToOffer(c) => decide_objection::object(ledger, c, context)?,
        Command::ResolveObjection(c) => decide_objection::resolve(ledger, c, context, ids)?,
        Command::ExtendOffer(c) => decide_objection::extend(ledger, c, context)?,
        Command::WithdrawOffer(c) => decide_objection::withdraw(ledger, c, context, ids)?,
        Command::ChangePlacement(c) => decide_placement::change(ledger, c, context, ids)?,
        Command::MovePlacement(c) => decide_placement::move_to(ledger, c, context, ids)?,
        Command::ReassignPlacement(c) => decide_placement::reassign(ledger, c, context, ids)?,
        Command::EndLeave { placement_id } => {
            decide_placement::end_leave(ledger, *placement_id, context)
        }
        Command::Correct(c) => decide_correction::correct(ledger, c, context, ids)?,
        Command::HandOver(c) => decide_succession::hand_over(ledger, c, context)?,
        Command::TakeOver(c) => decide_succession::take_over(ledger, c, context)?,
        Command::ReportClosure(c) => decide_closure::report(ledger, c, context)?,
        Command::SetEnforcement(c) => decide_enforcement::set(ledger, c, context, ids)?,
        Command::ChangeClosure(c) => decide_closure::change(ledger, c, context)?,
        Command::ChangeIdentityNumber(c) => decide_identity::change(ledger, c)?,
        Command::LendQuota(c) => decide_loan::lend_quota(ledger, c, context, ids)?,
        Command::GrantAccess(c) => decide_access::grant(c, context, ids)?,
        Command::EndAccess(c) => decide_access::end(c, context)?,
        Command::ProposePlan(c) => decide_plan::propose(ledger, c, context, ids)?,
        Command::CommentPlan(c) => decide_plan::comment(ledger, c, context)?,
        Command::ApprovePlan(c) => decide_plan::approve(ledger, c, context)?,
        Command::WithdrawPlan(c) => decide_plan::withdraw(ledger, c, context)?,
        Command::MoveQuota(c) => decide_quota_move::move_quota(ledger, c, context)?,
        Command::BeginPlan { plan_id } => decide_plan::begin(ledger, *plan_id, context),
        Command::LinkStaff(c) => decide_staff::link(c, context, ids)?,
    };
    let events = redirect::redirected(ledger, events, context);
    debug_assert!(!events.is_empty(), "a decision has at least one event");
    Ok(events)
}

fn import_registry(c: &ImportRegistry, context: &Context<'_>) -> Result<Vec<Event>, Refusal> {
    let plan = context.registry.plan_import(&c.rows).map_err(Refusal::RegistryRowsInvalid)?;
    Ok(vec![Event::RegistryImported {
        rows: plan.rows,
        added: plan.added,
        changed: plan.changed,
        unchanged: plan.unchanged,
    }])
}

/// Every group that is named is one of the ledger's.
pub(super) fn require_place_groups<'a>(
    ledger: &Ledger,
    ids: impl Iterator<Item = &'a PlaceGroupId>,
) -> Result<(), Refusal> {
    for id in ids {
        if ledger.place_group(*id).is_none() {
            return Err(Refusal::NotFound { what: "place group", id: id.to_string() });
        }
    }
    Ok(())
}

/// A name in another system names one resource of a ledger. `own` may be named again.
pub(super) fn require_free_references(
    ledger: &Ledger,
    references: &[ExternalReference],
    own: Option<Uuid>,
) -> Result<(), Refusal> {
    let is_of_another = |reference: &&ExternalReference| {
        let named = ledger.references.get(reference);
        named.is_some_and(|resource| own.is_none_or(|own| own != *resource))
    };
    match references.iter().find(is_of_another) {
        None => Ok(()),
        Some(taken) => Err(Refusal::ExternalReferenceTaken {
            system: taken.system.clone(),
            id: taken.id.clone(),
        }),
    }
}

/// A run makes proposals; a person decides later (I12), where the measure type asks for one.
fn allocate(
    ledger: &Ledger,
    c: &AllocatePlaces,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let measure = context.measure(ledger)?;
    context.require_queue_here(ledger)?;
    require_place_groups(ledger, c.place_groups.iter())?;
    let max = usize::try_from(c.max_proposals).unwrap_or(usize::MAX);
    let only_groups = c.place_groups.clone();
    let rules = context.run_rules(ledger);
    let scope = RunScope { only_groups, ..RunScope::all(context.at, max, rules) };
    let (served, report) = run(ledger, &scope)?;
    let passed = passes(ledger, &[], &report, context);
    let mut events = vec![Event::RunMade { report }];
    events.extend(proposals(ledger, served, measure, context, ids));
    events.extend(passed);
    Ok(events)
}

/// What a run served, as proposals; at once as offers where the measure type needs nobody's
/// confirmation.
pub(super) fn proposals(
    ledger: &Ledger,
    served: Vec<Served>,
    measure: &MeasureType,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Vec<Event> {
    let holidays = context.registry.holidays();
    let confirm_by = working_days_after(context.at, measure.confirm_working_days, holidays);
    let by_rule = context.rules >= decide_offer::MORE_RULES && measure.rules.without_confirmation;
    let mut events = Vec::new();
    for one in served {
        let offer_id = OfferId(ids.next_id());
        let offer = Offer {
            offer_id,
            entry_id: one.entry_id,
            place_group_id: one.place_group_id,
            account: one.account,
            participation_percent: one.participation_percent,
            proposed_time: context.at,
            proposed_seq: ledger.seq + 1,
            out_of_turn: None,
            object_by: None,
            objection: None,
            extension: None,
            shadow: None,
            let_go: None,
            state: OfferState::Proposed { confirm_by },
        };
        events.push(Event::Proposed { offer });
        if by_rule {
            let by = CONFIRMED_BY_RULE.to_owned();
            events.push(decide_offer::confirmed(offer_id, by, measure, context));
        }
    }
    events
}

/// Who confirmed a proposal of a measure type that needs no named person for it.
const CONFIRMED_BY_RULE: &str = "rule";

/// The farthest a date may lie from today.
pub(super) const YEAR: Duration = Duration::days(366);
