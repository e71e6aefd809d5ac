//! Decisions about joins: of one person, or of several in one row of the log.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    access::may_backdate,
    command::{BatchJoinWaitlist, Eligibility, JoinWaitlist},
    event::Event,
    ids::{EntryId, IdSource, MunicipalityNumber, PriorityCode},
    ledger::{
        Context, Ledger, apply,
        decide::{require_free_references, require_place_groups},
        guards::require_office,
        onward::propose_to,
    },
    measure::{MeasureRules, MeasureType},
    refusal::{Refusal, Stop},
    waitlist::{Entry, EntryState, OrderKey},
};

/// The first rules that number the entries of a row.
const NUMBERED_SINCE_RULES: u32 = 2;

/// The claim that keeps a person to one open entry per measure type (I3) lies across
/// ledgers: the writer has taken it before this is asked.
pub(super) fn join(
    ledger: &Ledger,
    c: &JoinWaitlist,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let entry = joined(ledger, c, 0, context, ids)?;
    let hopeful = c.propose_if_free.then_some(entry.entry_id).into_iter().collect();
    propose_to(ledger, vec![Event::Joined { entry }], &hopeful, context, ids)
}

/// All or none: the first person who may not join refuses the rest. Places are proposed when
/// everybody is in, since a later one of the list may stand before an earlier one.
pub(super) fn batch(
    ledger: &Ledger,
    c: &BatchJoinWaitlist,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    // Names in other systems that one of them takes are taken for the next.
    let mut after = ledger.clone();
    let (mut events, mut people, mut hopeful) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (index, join) in c.joins.iter().enumerate() {
        if !people.insert(join.person_id) {
            return Err(Refusal::PersonAlreadyWaiting.of_join(index).into());
        }
        let entry = joined(&after, join, index, context, ids);
        let entry = entry.map_err(|refusal| refusal.of_join(index))?;
        if join.propose_if_free {
            hopeful.insert(entry.entry_id);
        }
        let event = Event::Joined { entry };
        apply(&mut after, &event);
        events.push(event);
    }
    propose_to(ledger, events, &hopeful, context, ids)
}

/// The entry of somebody who may join, the `index`-th of its row.
fn joined(
    ledger: &Ledger,
    c: &JoinWaitlist,
    index: usize,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Entry, Refusal> {
    let measure = context.measure(ledger)?;
    context.require_current(measure)?;
    if c.registered_time.is_some() && !may_backdate(context.actor.role) {
        return Err(Refusal::PermissionDenied);
    }
    context.require_in_area(ledger, "municipality_number", &c.municipality_number)?;
    require_office(context, &c.following_office_number)?;
    require_host_acts_for(context, c)?;
    require_share(measure, c.participation_percent)?;
    require_eligible(&measure.rules, c.eligibility)?;
    let bonus_days = bonus_days(measure, c.priority_class.as_ref())?;
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
        join_seq: join_seq(ledger, index, context),
    };
    let quota_municipality = context.quota_of(ledger, &c.municipality_number);
    let entry = new_entry(EntryId(ids.next_id()), key, c);
    Ok(Entry { quota_municipality, ..entry })
}

/// Somebody who might join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// The entitled municipality.
    pub municipality_number: MunicipalityNumber,
    /// The priority class.
    pub priority_class: Option<PriorityCode>,
    /// The share of a place, 1-100.
    pub participation_percent: u32,
}

/// The place in the order of somebody who would join now, or why they could not.
pub fn key_of_newcomer(
    ledger: &Ledger,
    newcomer: &Newcomer,
    context: &Context<'_>,
) -> Result<OrderKey, Refusal> {
    let measure = context.measure(ledger)?;
    context.require_current(measure)?;
    context.require_in_area(ledger, "municipality_number", &newcomer.municipality_number)?;
    require_share(measure, newcomer.participation_percent)?;
    let bonus_days = bonus_days(measure, newcomer.priority_class.as_ref())?;
    Ok(OrderKey {
        order_time: context.at.minus_days(bonus_days),
        registered_time: context.at,
        join_seq: join_seq(ledger, 0, context),
    })
}

/// The place of a join in the log.
pub(super) fn join_seq(ledger: &Ledger, index: usize, context: &Context<'_>) -> u64 {
    let row = ledger.seq + 1;
    if context.rules < NUMBERED_SINCE_RULES {
        return row;
    }
    OrderKey::join_seq(row, u64::try_from(index).unwrap_or(u64::MAX))
}

fn new_entry(entry_id: EntryId, key: OrderKey, c: &JoinWaitlist) -> Entry {
    Entry {
        entry_id,
        person_id: c.person_id,
        municipality_number: c.municipality_number.clone(),
        quota_municipality: None,
        following_office_number: c.following_office_number.clone(),
        participation_percent: c.participation_percent,
        preferred_place_groups: c.preferred_place_groups.clone(),
        work_fields: c.work_fields.clone(),
        priority_class: c.priority_class.clone(),
        grounds: c.grounds.clone(),
        key,
        external_references: c.external_references.clone(),
        case_reference: c.case_reference.clone(),
        declined_here: BTreeSet::new(),
        objected_here: BTreeMap::new(),
        strikes: 0,
        adviser: c.adviser.clone(),
        programme: c.programme.clone(),
        on_behalf_of: c.on_behalf_of.clone(),
        wants_by: c.wants_by,
        confirmed_time: None,
        increase_of: None,
        closed: None,
        imported: None,
        passes: 0,
        reserving_since: None,
        priority_by_correction: None,
        state: EntryState::Waiting,
    }
}

/// A host may act for any municipality, if the registry has it.
fn require_host_acts_for(context: &Context<'_>, c: &JoinWaitlist) -> Result<(), Refusal> {
    let Some(number) = &c.on_behalf_of else { return Ok(()) };
    if context.registry.municipality(number).is_some() {
        return Ok(());
    }
    let field = "on_behalf_of_municipality_number";
    let problem = "is not a municipality of the registry";
    Err(Refusal::RegistryMismatch { field, value: number.to_string(), problem })
}

/// Part of a place, where the measure type is given in parts.
pub(super) fn require_share(measure: &MeasureType, percent: u32) -> Result<(), Refusal> {
    if percent < 100 && !measure.part_time_allowed {
        return Err(Refusal::MeasureTypeRule("only whole places are given of this measure type"));
    }
    Ok(())
}

/// The person is one of those the measure type is for. What they are stays sealed: the
/// writer has looked, and the command has the answers.
pub(super) fn require_eligible(
    rules: &MeasureRules,
    eligibility: Option<Eligibility>,
) -> Result<(), Refusal> {
    if !rules.need_groups.is_empty() {
        let rule = match eligibility.and_then(|eligibility| eligibility.need_group) {
            Some(true) => None,
            Some(false) => Some("this measure type is for people of other need groups"),
            None => Some("this measure type is for some need groups, and none was given"),
        };
        if let Some(rule) = rule {
            return Err(Refusal::MeasureTypeRule(rule));
        }
    }
    let is_old_enough = eligibility.is_some_and(|eligibility| eligibility.age);
    if rules.minimum_age.is_some() && !is_old_enough {
        return Err(Refusal::MeasureTypeRule("the person is too young for this measure type"));
    }
    Ok(())
}

/// The days a class takes off the registered time; none without a class.
pub(super) fn bonus_days(
    measure: &MeasureType,
    class: Option<&PriorityCode>,
) -> Result<u32, Refusal> {
    let Some(code) = class else { return Ok(0) };
    let class = measure.priority_class(code).ok_or_else(|| Refusal::RegistryMismatch {
        field: "priority_class",
        value: code.to_string(),
        problem: "is not a priority class of this measure type",
    })?;
    Ok(class.bonus_days)
}
