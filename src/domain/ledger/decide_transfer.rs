//! Decisions that concern another ledger too: an entry that moves, and a start in a measure
//! that does not combine. Each ledger decides its own part from its own log; the writer puts
//! the parts into one transaction.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    access::{Actor, Role},
    combining::combine,
    command::{
        Command, Correct, Elsewhere, ReceiveEntry, StartDirectly, StartPlacement, Subject,
        SuspendEntry, TransferEntry,
    },
    event::{EntryChange, Event},
    ids::{EntryId, IdSource, LedgerId},
    ledger::{
        Context, Ledger,
        decide::require_free_references,
        decide_succession::asked_of_others,
        guards::{known_entry, require_no_increase, require_office},
        onward::propose_on,
    },
    measure::Distribution,
    refusal::{Refusal, Stop},
    waitlist::{Closed, Entry, EntryState, OrderKey},
};

/// Whoever names an entry that went on elsewhere, or what was held for it, is told where.
/// A provider is not: where somebody has moved is no affair of the one whose place it was.
/// What happens by time has nobody to be told.
pub(super) fn require_here(
    ledger: &Ledger,
    command: &Command,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    if context.actor.role == Role::Provider || *context.actor == Actor::by_time() {
        return Ok(());
    }
    let of_offer = |id| ledger.offer(id).map(|offer| offer.entry_id);
    let entries: Vec<EntryId> = match command.subject() {
        Subject::Entry(id) => vec![id],
        Subject::Entries(ids) => ids,
        Subject::Offers(ids) => ids.iter().filter_map(|id| of_offer(*id)).collect(),
        Subject::Placement(id) => {
            ledger.placement(id).map(|one| one.entry_id).into_iter().collect()
        }
        Subject::Area
        | Subject::Provider(_)
        | Subject::Plan(_)
        | Subject::PlaceGroup(_)
        | Subject::Resident(_)
        | Subject::Office(_)
        | Subject::Residents(_) => Vec::new(),
    };
    let moved_to = |id: &EntryId| ledger.entry(*id)?.closed.as_ref()?.moved_to.clone();
    match entries.iter().find_map(moved_to) {
        Some(to) => Err(Refusal::Moved { to }),
        None => Ok(()),
    }
}

/// The person moved; the waiting time follows. What is held for the person stays where the
/// municipality it is debited to is the same.
pub(super) fn transfer(
    ledger: &Ledger,
    c: &TransferEntry,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let entry = known_entry(ledger, c.entry_id)?;
    if let EntryState::Placed(_) | EntryState::Closed = entry.state {
        let state = entry.state.name();
        let refused = Refusal::WrongState { what: "the entry", state, transition: "TRANSFER" };
        return Err(refused.into());
    }
    require_no_increase(entry, "TRANSFER")?;
    require_office(context, &c.following_office_number)?;
    if let Some(to_ledger) = &c.to_ledger {
        return send_on(ledger, entry, c, to_ledger, context, ids);
    }
    context.require_in_area(ledger, "municipality_number", &c.municipality_number)?;
    let quota_municipality = context.quota_of(ledger, &c.municipality_number);
    let moved = Entry {
        municipality_number: c.municipality_number.clone(),
        quota_municipality,
        following_office_number: c.following_office_number.clone(),
        ..entry.clone()
    };
    if moved == *entry {
        return Ok(vec![Event::NothingToDo]);
    }
    // From here it happens.
    let state =
        if keeps_what_is_held(ledger, entry, &moved) { entry.state } else { waits_on(entry.state) };
    let change = EntryChange::Transferred {
        from_municipality: entry.municipality_number.clone(),
        reason: c.reason.clone(),
    };
    give_back(ledger, entry, Entry { state, ..moved }, change, context, ids)
}

/// What is held stays with who moves within a municipality, or a host area: the quota it is
/// debited to is the same.
fn keeps_what_is_held(ledger: &Ledger, entry: &Entry, moved: &Entry) -> bool {
    match ledger.distribution {
        Distribution::ByHostArea => ledger.queue_of(entry) == ledger.queue_of(moved),
        Distribution::CountyPool | Distribution::ByMunicipality => {
            entry.municipality_number == moved.municipality_number
        }
    }
}

/// The entry ends here and goes on in another area's ledger, in the same transaction.
fn send_on(
    ledger: &Ledger,
    entry: &Entry,
    c: &TransferEntry,
    to_ledger: &LedgerId,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let known = context.registry.municipality(&c.municipality_number);
    let lies_there = known.is_some_and(|m| m.county_id == to_ledger.county_id);
    if !lies_there || *to_ledger == ledger.id || to_ledger.measure_code != ledger.id.measure_code {
        let (field, value) = ("municipality_number", c.municipality_number.to_string());
        let problem = "is not a municipality of the area it would go to";
        return Err(Refusal::RegistryMismatch { field, value, problem }.into());
    }
    if context.registry.ledger_distribution(to_ledger).is_none() {
        return Err(Refusal::LedgerNotFound(to_ledger.clone()).into());
    }
    // From here it happens.
    let change = EntryChange::SentOn { to_ledger: to_ledger.clone(), reason: c.reason.clone() };
    let closed = Closed { moved_to: Some(to_ledger.clone()), ..Closed::at(context.at) };
    let sent = Entry { state: EntryState::Closed, closed: Some(closed), ..entry.clone() };
    give_back(ledger, entry, sent, change, context, ids)
}

/// What another ledger sent on comes in. Its time in the order is kept; what it said of the
/// other area's place groups says nothing here, nor how often it was passed over there. Somebody may come back to where they were:
/// the entry that was sent on from here then opens again.
pub(super) fn receive(
    ledger: &Ledger,
    c: &ReceiveEntry,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    context.measure(ledger)?;
    context.require_queue_here(ledger)?;
    context.require_in_area(ledger, "municipality_number", &c.municipality_number)?;
    let entry_id = c.entry.entry_id;
    if ledger.entry(entry_id).is_some_and(|entry| entry.state.is_open()) {
        return Err(Refusal::PersonAlreadyWaiting);
    }
    require_free_references(ledger, &c.entry.external_references, Some(entry_id.0))?;
    // From here it happens.
    let mut entry = Entry {
        municipality_number: c.municipality_number.clone(),
        quota_municipality: context.quota_of(ledger, &c.municipality_number),
        following_office_number: c.following_office_number.clone(),
        preferred_place_groups: Vec::new(),
        declined_here: BTreeSet::new(),
        objected_here: BTreeMap::new(),
        key: OrderKey { join_seq: ledger.seq + 1, ..c.entry.key },
        closed: None,
        ..Entry::clone(&c.entry)
    };
    entry.stop_reserving();
    let change = EntryChange::Received { from_ledger: c.from_ledger.clone() };
    Ok(vec![Event::EntryChanged { entry, change }])
}

/// The person has begun in a measure that does not combine: the entry keeps its place in the
/// order and is not eligible until somebody says so.
pub(super) fn suspend(
    ledger: &Ledger,
    c: &SuspendEntry,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let entry = known_entry(ledger, c.entry_id)?;
    let state = EntryState::Paused { until: None };
    if let EntryState::Placed(_) | EntryState::Closed = entry.state {
        let state = entry.state.name();
        let refused = Refusal::WrongState { what: "the entry", state, transition: "SUSPEND" };
        return Err(refused.into());
    }
    require_no_increase(entry, "SUSPEND")?;
    if entry.state == state {
        return Ok(vec![Event::NothingToDo]);
    }
    let suspended = Entry { state, ..entry.clone() };
    let change = EntryChange::Suspended { begun_in: c.begun_in.clone() };
    give_back(ledger, entry, suspended, change, context, ids)
}

/// Refuses a start while the person uses a place in a type that does not combine with this
/// one.
pub(super) fn require_combinable(
    ledger: &Ledger,
    elsewhere: &[Elsewhere],
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let own = &ledger.id.measure_code;
    let excludes = |other: &&Elsewhere| {
        other.placed && !combine(context.registry, own, &other.ledger.measure_code, context.today())
    };
    match elsewhere.iter().find(excludes) {
        Some(other) => Err(Refusal::NotCombinable { with: other.ledger.measure_code.clone() }),
        None => Ok(()),
    }
}

/// What other ledgers are asked for with a command that this one has decided, and in the same
/// transaction: to receive entries as they wait on, or not to serve meanwhile who begins here.
/// The ledger is as it was before the command.
pub fn follow_ups(ledger: &Ledger, command: &Command) -> Vec<(LedgerId, Command)> {
    if let Command::TransferEntry(c) = command {
        return send(ledger, c).into_iter().collect();
    }
    if let Command::HandOver(c) = command {
        return asked_of_others(ledger, c);
    }
    let (Command::StartPlacement(StartPlacement { elsewhere, .. })
    | Command::StartDirectly(StartDirectly { elsewhere, .. })
    | Command::Correct(Correct { elsewhere, .. })) = command
    else {
        return Vec::new();
    };
    let suspend = |other: &Elsewhere| {
        let begun_in = ledger.id.clone();
        let command = SuspendEntry { entry_id: other.entry_id, begun_in };
        (other.ledger.clone(), Command::SuspendEntry(command))
    };
    elsewhere.iter().map(suspend).collect()
}

fn send(ledger: &Ledger, c: &TransferEntry) -> Option<(LedgerId, Command)> {
    let to_ledger = c.to_ledger.clone()?;
    let entry = ledger.entry(c.entry_id)?;
    let command = ReceiveEntry {
        from_ledger: ledger.id.clone(),
        entry: Box::new(Entry { state: waits_on(entry.state), ..entry.clone() }),
        municipality_number: c.municipality_number.clone(),
        following_office_number: c.following_office_number.clone(),
    };
    Some((to_ledger, Command::ReceiveEntry(command)))
}

/// The entry changes to `after`. What was held for it, where that is no longer so, is taken
/// back in the same event and passed on.
pub(super) fn give_back(
    ledger: &Ledger,
    before: &Entry,
    after: Entry,
    change: EntryChange,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let held = before.state.offer().filter(|_| after.state != before.state);
    let changed = Event::EntryChanged { entry: after, change };
    let Some(offer_id) = held else { return Ok(vec![changed]) };
    let events = vec![Event::OfferWithdrawn { offer_id }, changed];
    propose_on(ledger, events, offer_id, None, context, ids)
}

/// How an entry waits on without what was held for it: a pause goes on.
pub(super) fn waits_on(state: EntryState) -> EntryState {
    match state {
        EntryState::Paused { .. } | EntryState::CoolingDown { .. } => state,
        EntryState::Waiting
        | EntryState::Proposed(_)
        | EntryState::Offered(_)
        | EntryState::Accepted(_)
        | EntryState::Placed(_)
        | EntryState::Closed => EntryState::Waiting,
    }
}
