//! Decisions of a queue that goes on in the measure type that took over. What is offered or
//! used in the old one lives on there to its end, and nobody is put out (I9); what waits goes
//! on in the new one with its time. Each ledger decides its part from its own log.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    command::{Command, HandOver, HeldThere, TakeOver, Waited},
    event::{EntryChange, Event},
    ids::{ExternalReference, LedgerId},
    ledger::{
        Context, Ledger, apply,
        guards::{known_entry, require_no_increase, wrong_entry_state},
    },
    measure::MeasureType,
    refusal::Refusal,
    succession::{Succession, succession_on, successor_of},
    waitlist::{Closed, Entry, EntryState, OrderKey},
};

impl Context<'_> {
    /// Requires that the queue has not gone on in another measure type: from that day on no
    /// place is given here any more.
    pub(super) fn require_queue_here(&self, ledger: &Ledger) -> Result<(), Refusal> {
        let measure = &ledger.id.measure_code;
        match succession_on(self.registry, measure, self.today()) {
            Succession::Stays | Succession::HasNowhereToGo(_) => Ok(()),
            Succession::GoesOn { superseded, .. } => Err(Refusal::Superseded {
                measure: measure.clone(),
                by: superseded.by.clone(),
                from: superseded.from,
            }),
        }
    }
}

/// Each entry ends here and goes on where the queue does. Who holds a place or an offer is not
/// among them: they come when that has come to nothing.
pub(super) fn hand_over(
    ledger: &Ledger,
    c: &HandOver,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    if successor_of(context.registry, &ledger.id, context.today()).as_ref() != Some(&c.to_ledger) {
        return Err(Refusal::MeasureTypeRule("its queue does not go on there"));
    }
    let mut events = Vec::with_capacity(c.entries.len());
    for (id, held) in &c.entries {
        let entry = known_entry(ledger, *id)?;
        require_no_increase(entry, "HAND_OVER")?;
        match entry.state {
            EntryState::Waiting | EntryState::Paused { .. } | EntryState::CoolingDown { .. } => {}
            EntryState::Proposed(_)
            | EntryState::Offered(_)
            | EntryState::Accepted(_)
            | EntryState::Placed(_)
            | EntryState::Closed => return Err(wrong_entry_state(entry, "HAND_OVER")),
        }
        events.push(handed_over(entry, held.as_ref(), &c.to_ledger, context));
    }
    Ok(or_nothing(events))
}

fn handed_over(
    entry: &Entry,
    held: Option<&HeldThere>,
    to_ledger: &LedgerId,
    context: &Context<'_>,
) -> Event {
    let (moved_to, change) = match held {
        None => {
            let to_ledger = to_ledger.clone();
            (Some(to_ledger.clone()), EntryChange::SentOn { to_ledger, reason: None })
        }
        Some(HeldThere { ledger, entry_id }) => {
            (None, EntryChange::ContinuedIn { ledger: ledger.clone(), entry_id: *entry_id })
        }
    };
    let closed = Some(Closed { moved_to, ..Closed::at(context.at) });
    let entry = Entry { state: EntryState::Closed, closed, ..entry.clone() };
    Event::EntryChanged { entry, change }
}

/// What is handed over comes in, in its own order, each with its time. Nobody is asked again
/// whether the measure is for them: they wait already.
pub(super) fn take_over(
    ledger: &Ledger,
    c: &TakeOver,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let measure = context.measure(ledger)?;
    context.require_queue_here(ledger)?;
    let mut entries: Vec<&Entry> = c.entries.iter().collect();
    entries.sort_by_key(|entry| entry.key);
    // A name in another system that one of them takes is taken for the next.
    let mut after = ledger.clone();
    let mut events = Vec::with_capacity(entries.len() + c.waited.len());
    for (index, entry) in entries.into_iter().enumerate() {
        if after.entry(entry.entry_id).is_some_and(|own| own.state.is_open()) {
            return Err(Refusal::PersonAlreadyWaiting);
        }
        let index = u64::try_from(index).unwrap_or(u64::MAX);
        let join_seq = OrderKey::join_seq(ledger.seq + 1, index);
        let entry = Entry {
            key: OrderKey { join_seq, ..entry.key },
            external_references: free_names(&after, entry),
            quota_municipality: context.quota_of(ledger, &entry.municipality_number),
            ..taken_over(entry, measure)
        };
        let change = EntryChange::Received { from_ledger: c.from_ledger.clone() };
        let event = Event::EntryChanged { entry, change };
        apply(&mut after, &event);
        events.push(event);
    }
    for waited in &c.waited {
        events.extend(waited_before(ledger, waited, &c.from_ledger)?);
    }
    Ok(or_nothing(events))
}

/// An entry as it waits on. What it says of the old measure's place groups says nothing here,
/// and neither does a class that there is none of here, nor how often it was passed over
/// there; the key that class has given stays.
fn taken_over(entry: &Entry, measure: &MeasureType) -> Entry {
    let class = entry.priority_class.clone();
    let mut taken = Entry {
        preferred_place_groups: Vec::new(),
        declined_here: BTreeSet::new(),
        objected_here: BTreeMap::new(),
        priority_class: class.filter(|code| measure.priority_class(code).is_some()),
        closed: None,
        ..entry.clone()
    };
    taken.stop_reserving();
    taken
}

/// Its names in other systems but those that are another's here. Nobody is there to choose
/// others, and nobody is to lose the turn for a name.
fn free_names(ledger: &Ledger, entry: &Entry) -> Vec<ExternalReference> {
    let is_free = |name: &&ExternalReference| {
        ledger.references.get(*name).is_none_or(|resource| *resource == entry.entry_id.0)
    };
    entry.external_references.iter().filter(is_free).cloned().collect()
}

/// Who is here already gets the time of the entry that ended, if that is the earlier one. Also
/// while a place is held, which may yet come to nothing; not once it is used.
fn waited_before(
    ledger: &Ledger,
    waited: &Waited,
    from_ledger: &LedgerId,
) -> Result<Option<Event>, Refusal> {
    let entry = known_entry(ledger, waited.entry_id)?;
    let key = OrderKey { join_seq: entry.key.join_seq, ..waited.key };
    match entry.state {
        EntryState::Waiting
        | EntryState::Paused { .. }
        | EntryState::CoolingDown { .. }
        | EntryState::Proposed(_)
        | EntryState::Offered(_)
        | EntryState::Accepted(_) => {}
        EntryState::Placed(_) | EntryState::Closed => return Ok(None),
    }
    if key >= entry.key {
        return Ok(None);
    }
    let change = EntryChange::WaitedBefore {
        from_ledger: from_ledger.clone(),
        from_entry: waited.from_entry,
    };
    Ok(Some(Event::EntryChanged { entry: Entry { key, ..entry.clone() }, change }))
}

fn or_nothing(events: Vec<Event>) -> Vec<Event> {
    if events.is_empty() { vec![Event::NothingToDo] } else { events }
}

/// What the other ledgers are asked for with a page: the one that takes over, and those of
/// other areas in which somebody of the page is already. The ledger is as it was before.
pub(super) fn asked_of_others(ledger: &Ledger, c: &HandOver) -> Vec<(LedgerId, Command)> {
    let mut asked: BTreeMap<&LedgerId, TakeOver> = BTreeMap::new();
    for (id, held) in &c.entries {
        let Some(entry) = ledger.entry(*id) else { continue };
        let to = held.as_ref().map_or(&c.to_ledger, |held| &held.ledger);
        let of_one = asked.entry(to).or_insert_with(|| TakeOver {
            from_ledger: ledger.id.clone(),
            entries: Vec::new(),
            waited: Vec::new(),
        });
        match held {
            None => of_one.entries.push(entry.clone()),
            Some(held) => of_one.waited.push(Waited {
                entry_id: held.entry_id,
                from_entry: *id,
                key: entry.key,
            }),
        }
    }
    let command = |(to, asked): (&LedgerId, _)| (to.clone(), Command::TakeOver(asked));
    asked.into_iter().map(command).collect()
}
