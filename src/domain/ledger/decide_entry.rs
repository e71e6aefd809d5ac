//! Decisions about entries that wait.

use time::Date;

use crate::domain::{
    calendar::start_of_day_in_norway,
    command::{ConfirmEntry, PauseEntry, PrioritizeEntry, ResumeEntry, UpdateEntry},
    event::{EntryChange, Event},
    ids::{EntryId, IdSource},
    ledger::{
        Context, Ledger,
        decide::{YEAR, require_place_groups},
        decide_join::{bonus_days, require_share},
        guards::{
            known_entry, require_no_increase, require_office, require_rest, wrong_entry_state,
        },
        onward::propose_on,
    },
    measure::MeasureType,
    refusal::{Refusal, Stop},
    waitlist::{Entry, EntryState},
};

/// What the person wants, and who follows them up. Only a new priority class makes a new place
/// in the order. While a place is held or used, only what no place depends on may be changed.
pub(super) fn update(
    ledger: &Ledger,
    c: &UpdateEntry,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let measure = context.measure(ledger)?;
    let entry = known_entry(ledger, c.entry_id)?;
    if !may_update(entry.state, c) {
        return Err(wrong_entry_state(entry, "UPDATE_ENTRY"));
    }
    if asks_for_another_place(c) {
        require_no_increase(entry, "UPDATE_ENTRY")?;
    }
    if let Some(office) = &c.following_office_number {
        require_office(context, office)?;
    }
    if let Some(percent) = c.participation_percent {
        require_share(measure, percent)?;
    }
    require_place_groups(ledger, c.preferred_place_groups.iter().flatten())?;
    let mut changed = entry.clone();
    prefer(&mut changed, c);
    classify(&mut changed, c, measure)?;
    changed.following_office_number =
        c.following_office_number.clone().unwrap_or(changed.following_office_number);
    changed.wants_by = c.wants_by.unwrap_or(changed.wants_by);
    changed.programme = c.programme.clone().unwrap_or(changed.programme);
    changed.adviser = c.adviser.clone().or(changed.adviser);
    if changed == *entry {
        return Ok(vec![Event::NothingToDo]);
    }
    Ok(vec![changed_to(changed, EntryChange::Updated)])
}

/// Preferences, the share and the class decide who gets which place: they stand still while
/// one is held or used.
fn may_update(state: EntryState, c: &UpdateEntry) -> bool {
    match state {
        EntryState::Waiting | EntryState::Paused { .. } | EntryState::CoolingDown { .. } => true,
        EntryState::Proposed(_)
        | EntryState::Offered(_)
        | EntryState::Accepted(_)
        | EntryState::Placed(_) => !asks_for_another_place(c),
        EntryState::Closed => false,
    }
}

fn asks_for_another_place(c: &UpdateEntry) -> bool {
    c.preferred_place_groups.is_some()
        || c.work_fields.is_some()
        || c.participation_percent.is_some()
        || c.priority_class.is_some()
}

/// Another choice of groups lets every provider be asked again. A group that is named now and
/// was not before is wanted after all, so an earlier no to it no longer stands.
fn prefer(entry: &mut Entry, c: &UpdateEntry) {
    if let Some(groups) = &c.preferred_place_groups
        && *groups != entry.preferred_place_groups
    {
        entry.objected_here.clear();
        for group in groups.iter().filter(|group| !entry.preferred_place_groups.contains(group)) {
            entry.declined_here.remove(group);
        }
        entry.preferred_place_groups.clone_from(groups);
    }
    if let Some(work_fields) = &c.work_fields {
        entry.work_fields.clone_from(work_fields);
    }
    if let Some(percent) = c.participation_percent
        && percent != entry.participation_percent
    {
        entry.participation_percent = percent;
        entry.stop_reserving();
    }
}

/// Another class gives the bonus it has now, and ends one that was given by hand. The same
/// class again leaves the order as it is: new class data never touch a key. What a correction
/// gave stands for a lost place, and no class takes it away.
fn classify(entry: &mut Entry, c: &UpdateEntry, measure: &MeasureType) -> Result<(), Refusal> {
    let Some(class) = &c.priority_class else {
        entry.grounds = c.grounds.clone().or(entry.grounds.take());
        return Ok(());
    };
    let bonus_days = bonus_days(measure, class.as_ref())?;
    if *class != entry.priority_class {
        if entry.priority_by_correction.is_none() {
            entry.key = entry.key.with_bonus(bonus_days);
        }
        entry.priority_class.clone_from(class);
    }
    entry.grounds.clone_from(&c.grounds);
    Ok(())
}

/// What is held is given back and passed on; the turn is kept. One that is paused already
/// gets another end of its pause.
pub(super) fn pause(
    ledger: &Ledger,
    c: &PauseEntry,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let entry = known_entry(ledger, c.entry_id)?;
    if let EntryState::Placed(_) | EntryState::Closed = entry.state {
        return Err(wrong_entry_state(entry, "PAUSE").into());
    }
    require_pause_end(c.until, context.today())?;
    // One without an end lasts until somebody resumes it, and that is refused too soon.
    require_rest(ledger, entry, c.until.or(Some(Date::MAX)), "PAUSE")?;
    let state = EntryState::Paused { until: c.until };
    if entry.state == state {
        return Ok(vec![Event::NothingToDo]);
    }
    let change = EntryChange::Paused { reason: c.reason.clone() };
    let paused = changed_to(Entry { state, ..entry.clone() }, change);
    let Some(offer_id) = entry.state.offer() else { return Ok(vec![paused]) };
    let events = vec![Event::OfferWithdrawn { offer_id }, paused];
    propose_on(ledger, events, offer_id, None, context, ids)
}

fn require_pause_end(until: Option<Date>, today: Date) -> Result<(), Refusal> {
    let Some(until) = until else { return Ok(()) };
    if until > today && until <= today.saturating_add(YEAR).saturating_add(YEAR) {
        return Ok(());
    }
    Err(Refusal::DateOutOfRange {
        field: "until_date",
        value: until.to_string(),
        expected: "tomorrow or later, and at most two years ahead",
    })
}

/// Eligible again, in the turn it had.
pub(super) fn resume(ledger: &Ledger, c: &ResumeEntry) -> Result<Vec<Event>, Refusal> {
    let entry = known_entry(ledger, c.entry_id)?;
    let (EntryState::Paused { .. } | EntryState::CoolingDown { .. }) = entry.state else {
        return Err(wrong_entry_state(entry, "RESUME"));
    };
    require_rest(ledger, entry, None, "RESUME")?;
    Ok(vec![waiting_again(entry, EntryChange::Resumed)])
}

/// Still wanted. It moves nobody.
pub(super) fn confirm(
    ledger: &Ledger,
    c: &ConfirmEntry,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let entry = known_entry(ledger, c.entry_id)?;
    if let EntryState::Placed(_) | EntryState::Closed = entry.state {
        return Err(wrong_entry_state(entry, "CONFIRM"));
    }
    let confirmed = Entry { confirmed_time: Some(context.at), ..entry.clone() };
    Ok(vec![changed_to(confirmed, EntryChange::Confirmed)])
}

/// Moved by hand: this bonus stands in place of the class's until there is another class, or
/// it is moved again. It is recorded also where it moves nothing, since somebody decided so.
pub(super) fn prioritize(ledger: &Ledger, c: &PrioritizeEntry) -> Result<Vec<Event>, Refusal> {
    let entry = known_entry(ledger, c.entry_id)?;
    let (EntryState::Waiting | EntryState::Paused { .. } | EntryState::CoolingDown { .. }) =
        entry.state
    else {
        return Err(wrong_entry_state(entry, "PRIORITIZE"));
    };
    let key = entry.key.with_bonus(c.bonus_days);
    let moved = Entry { key, priority_by_correction: None, ..entry.clone() };
    let change = EntryChange::Prioritized { reason: c.reason, text: c.text.clone() };
    Ok(vec![changed_to(moved, change)])
}

/// Eligible again, by time: unless somebody has resumed, changed or ended the pause since.
pub(super) fn wake(ledger: &Ledger, entry_id: EntryId, context: &Context<'_>) -> Vec<Event> {
    let is_over = |entry: &&Entry| match entry.state {
        EntryState::Paused { until } => {
            until.is_some_and(|until| start_of_day_in_norway(until) <= context.at)
        }
        EntryState::CoolingDown { until } => until <= context.at,
        EntryState::Waiting
        | EntryState::Proposed(_)
        | EntryState::Offered(_)
        | EntryState::Accepted(_)
        | EntryState::Placed(_)
        | EntryState::Closed => false,
    };
    match ledger.entry(entry_id).filter(is_over) {
        Some(entry) => vec![waiting_again(entry, EntryChange::Woken)],
        None => vec![Event::NothingToDo],
    }
}

fn waiting_again(entry: &Entry, change: EntryChange) -> Event {
    changed_to(Entry { state: EntryState::Waiting, ..entry.clone() }, change)
}

fn changed_to(entry: Entry, change: EntryChange) -> Event {
    Event::EntryChanged { entry, change }
}
