//! `decide`: what a command makes happen, or why it is refused. Read each function
//! from the top: guards first, by permanence, then what happens.

use time::{Date, Duration};

use crate::domain::{
    access::{Actor, may_backdate},
    allocation::{Offer, OfferState, run},
    calendar::{Timestamp, working_days_after},
    command::{AllocatePlaces, Command, ImportRegistry, JoinWaitlist},
    event::Event,
    ids::{EntryId, ExternalReference, IdSource, MunicipalityNumber, OfferId, PlaceGroupId},
    ledger::{Ledger, decide_capacity, decide_offer},
    measure::MeasureType,
    refusal::{Refusal, Stop},
    registry::Registry,
    waitlist::{Entry, EntryState, OrderKey},
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
}

impl Context<'_> {
    /// Today, in Norway.
    pub(super) fn today(&self) -> Date {
        self.at.date_in_norway()
    }

    /// The measure type of a ledger.
    pub(super) fn measure(&self, ledger: &Ledger) -> Result<&MeasureType, Refusal> {
        self.registry
            .ledger_measure(&ledger.id)
            .ok_or_else(|| Refusal::LedgerNotFound(ledger.id.clone()))
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
    let events = match command {
        Command::ImportRegistry(c) => import_registry(c, context)?,
        Command::SubmitCapacity(c) => decide_capacity::submit(ledger, c, context, ids)?,
        Command::ReviewCapacity(c) => decide_capacity::review(ledger, c, context)?,
        Command::SetPlaceBudget(c) => decide_capacity::set_budget(ledger, c, context)?,
        Command::SetQuotas(c) => decide_capacity::set_quotas(ledger, c, context)?,
        Command::BeginDay { date } => decide_capacity::begin_day(ledger, *date, context)?,
        Command::JoinWaitlist(c) => join(ledger, c, context, ids)?,
        Command::AllocatePlaces(c) => allocate(ledger, c, context, ids)?,
        Command::ConfirmProposals(c) => decide_offer::confirm(ledger, c, context)?,
        Command::RespondToOffer(c) => decide_offer::respond(ledger, c, context)?,
        Command::StartPlacement(c) => decide_offer::start(ledger, c, context, ids)?,
        Command::EndPlacement(c) => decide_offer::end(ledger, c, context)?,
        Command::LeaveWaitlist(c) => decide_offer::leave(ledger, c)?,
        Command::LapseProposal { offer_id } => decide_offer::lapse(ledger, *offer_id, context),
        Command::ExpireOffer { offer_id } => decide_offer::expire(ledger, *offer_id, context),
        Command::FinishPlacement { placement_id } => {
            decide_offer::finish(ledger, *placement_id, context)
        }
    };
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

/// The claim that keeps a person to one open entry per measure type (I3) lies across
/// ledgers: the writer has taken it before this is asked.
fn join(
    ledger: &Ledger,
    c: &JoinWaitlist,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    let measure = context.measure(ledger)?;
    if c.registered_time.is_some() && !may_backdate(context.actor.role) {
        return Err(Refusal::PermissionDenied);
    }
    context.require_in_area(ledger, "municipality_number", &c.municipality_number)?;
    require_office(context, c)?;
    if c.participation_percent < 100 && !measure.part_time_allowed {
        return Err(Refusal::MeasureTypeRule("only whole places are given of this measure type"));
    }
    let bonus_days = bonus_days(measure, c)?;
    require_place_groups(ledger, c.preferred_place_groups.iter())?;
    require_free_references(ledger, &c.external_references, None)?;
    let registered_time = c.registered_time.unwrap_or(context.at);
    if registered_time > context.at {
        return Err(Refusal::DateOutOfRange {
            field: "registered_time",
            value: registered_time.to_string(),
            expected: "now or earlier",
        });
    }
    // From here it happens.
    let key = OrderKey {
        order_time: registered_time.minus_days(bonus_days),
        registered_time,
        join_seq: ledger.seq + 1,
    };
    let entry = Entry {
        entry_id: EntryId(ids.next_id()),
        person_id: c.person_id,
        municipality_number: c.municipality_number.clone(),
        following_office_number: c.following_office_number.clone(),
        participation_percent: c.participation_percent,
        preferred_place_groups: c.preferred_place_groups.clone(),
        work_fields: c.work_fields.clone(),
        priority_class: c.priority_class.clone(),
        grounds: c.grounds.clone(),
        key,
        external_references: c.external_references.clone(),
        case_reference: c.case_reference.clone(),
        declined_here: std::collections::BTreeSet::new(),
        state: EntryState::Waiting,
    };
    Ok(vec![Event::Joined { entry }])
}

fn require_office(context: &Context<'_>, c: &JoinWaitlist) -> Result<(), Refusal> {
    let number = &c.following_office_number;
    if context.registry.office(number).is_some() {
        return Ok(());
    }
    let (field, problem) = ("following_office_number", "is not an office of the registry");
    Err(Refusal::RegistryMismatch { field, value: number.to_string(), problem })
}

fn bonus_days(measure: &MeasureType, c: &JoinWaitlist) -> Result<u32, Refusal> {
    let Some(code) = &c.priority_class else { return Ok(0) };
    let class = measure.priority_class(code).ok_or_else(|| Refusal::RegistryMismatch {
        field: "priority_class",
        value: code.to_string(),
        problem: "is not a priority class of this measure type",
    })?;
    Ok(class.bonus_days)
}

fn require_place_groups<'a>(
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
    own: Option<PlaceGroupId>,
) -> Result<(), Refusal> {
    let is_of_another = |reference: &&ExternalReference| {
        let named = ledger.references.get(reference);
        named.is_some_and(|resource| own.is_none_or(|own| own.0 != *resource))
    };
    match references.iter().find(is_of_another) {
        None => Ok(()),
        Some(taken) => Err(Refusal::ExternalReferenceTaken {
            system: taken.system.clone(),
            id: taken.id.clone(),
        }),
    }
}

/// A run makes proposals; a person decides later (I12).
fn allocate(
    ledger: &Ledger,
    c: &AllocatePlaces,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let measure = context.measure(ledger)?;
    require_place_groups(ledger, c.place_groups.iter())?;
    let max = usize::try_from(c.max_proposals).unwrap_or(usize::MAX);
    let (served, report) = run(ledger, max, &c.place_groups)?;
    let holidays = context.registry.holidays();
    let confirm_by = working_days_after(context.at, measure.confirm_working_days, holidays);
    let proposals = served.into_iter().map(|one| Event::Proposed {
        offer: Offer {
            offer_id: OfferId(ids.next_id()),
            entry_id: one.entry_id,
            place_group_id: one.place_group_id,
            account: one.account,
            participation_percent: one.participation_percent,
            proposed_time: context.at,
            proposed_seq: ledger.seq + 1,
            state: OfferState::Proposed { confirm_by },
        },
    });
    let mut events = vec![Event::RunMade { report }];
    events.extend(proposals);
    Ok(events)
}

/// The farthest a date may lie from today.
pub(super) const YEAR: Duration = Duration::days(366);
