//! Corrections of placements. None of them puts anybody out (I9).

use time::Date;

use super::{Made, corrected, has_room, require_claim, require_in_time, waits_first};
use crate::domain::{
    allocation::{End, Placement, PlacementState},
    calendar::start_of_day_in_norway,
    command::Correct,
    event::{Event, PlacementChange},
    ids::{IdSource, PlacementId},
    ledger::{
        Context, Ledger, decide_increase,
        decide_offer::require_end_date,
        decide_placement::{known_placement, wrong_state},
        decide_transfer::require_combinable,
        guards::{known_entry, wrong_entry_state},
    },
    refusal::{Refusal, Stop},
    waitlist::{Entry, EntryState},
};

const REINSTATE: &str = "REINSTATE";

/// An end that was registered by mistake: one ahead is taken back, and one that has come goes
/// on if both accounts have room.
pub(super) fn reinstate(
    ledger: &Ledger,
    c: &Correct,
    id: PlacementId,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let before = known_placement(ledger, id)?;
    match &before.state {
        PlacementState::Ending(_) => {
            require_in_time(ledger, &Made::NotYet, context)?;
            Ok(vec![dated(Placement { state: PlacementState::Running, ..before.clone() })])
        }
        PlacementState::Ended(_) => go_on(ledger, c, before, PlacementState::Running, context),
        PlacementState::Running | PlacementState::OnLeave(_) => Err(wrong_state(before, REINSTATE)),
    }
}

/// A placement that is over goes on. It takes up the accounts it was debited to; where they are
/// somebody else's by now, the person waits before all others.
fn go_on(
    ledger: &Ledger,
    c: &Correct,
    before: &Placement,
    state: PlacementState,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let entry = known_entry(ledger, before.entry_id)?;
    let is_marked = entry.closed.as_ref().is_some_and(|closed| closed.mistake.is_some());
    if entry.state != EntryState::Closed || is_marked {
        return Err(wrong_entry_state(entry, REINSTATE));
    }
    // Ids rise with time: a later placement of the same entry is the one that was ended.
    let id = before.placement_id;
    let is_later = |other: &Placement| other.entry_id == entry.entry_id && other.placement_id > id;
    if ledger.placements().any(is_later) {
        let (what, state) = ("the entry", "PLACED_SINCE");
        return Err(Refusal::WrongState { what, state, transition: REINSTATE });
    }
    let closed = entry.closed.as_ref().map(|closed| closed.time);
    require_in_time(ledger, &closed.into(), context)?;
    require_claim(c)?;
    let (group, percent) = (before.place_group_id, before.participation_percent);
    if !has_room(ledger, group, &before.account, percent) {
        return Ok(vec![waits_first(ledger, c, entry.clone())]);
    }
    require_combinable(ledger, &c.elsewhere, context)?;
    // From here it happens.
    let placement = Placement { state, ..before.clone() };
    let state = EntryState::Placed(before.placement_id);
    let entry = Entry { state, closed: None, ..entry.clone() };
    let change = PlacementChange::Reinstated;
    Ok(vec![Event::PlacementChanged { placement, change }, corrected(c, entry)])
}

/// The first day. What it is debited to does not depend on it; whoever begins ahead has not
/// begun.
pub(super) fn start_date(
    ledger: &Ledger,
    id: PlacementId,
    date: Date,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let before = known_placement(ledger, id)?;
    if date == before.start_date {
        return Ok(vec![Event::NothingToDo]);
    }
    if date > context.today() || latest_start(before).is_some_and(|latest| date > latest) {
        return Err(Refusal::DateOutOfRange {
            field: "wrong_date.start.date",
            value: date.to_string(),
            expected: "today at the latest, and not after the first change of the placement \
                       or its end",
        });
    }
    // The day it began is at most the day that was registered.
    let made = Made::At(start_of_day_in_norway(before.start_date));
    require_in_time(ledger, &made, context)?;
    // From here it happens.
    let mut placement = Placement { start_date: date, ..before.clone() };
    if let Some(first) = placement.shares.first_mut() {
        first.valid_from = date;
    }
    if let Some(first) = placement.past_debits.first_mut() {
        first.from_date = date;
    }
    Ok(vec![dated(placement)])
}

/// The latest day on which a placement may have begun, by what was recorded of it since.
fn latest_start(placement: &Placement) -> Option<Date> {
    let second_share = placement.shares.get(1).map(|share| share.valid_from);
    let next_debit = placement.past_debits.first().map(|past| past.until_date);
    let leave = if let PlacementState::OnLeave(leave) = &placement.state {
        Some(leave.from_date)
    } else {
        None
    };
    let end = placement.state.end().map(|end| end.end_date);
    let all = [second_share, next_debit, leave, end, placement.planned_end_date];
    all.into_iter().flatten().min()
}

/// The first day after the last one. An end that moves into the past ends the placement now,
/// and one that moves ahead of today lets it go on until then, if both accounts have room.
pub(super) fn end_date(
    ledger: &Ledger,
    c: &Correct,
    id: PlacementId,
    date: Date,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let before = known_placement(ledger, id)?;
    let Some(end) = before.state.end() else {
        return Err(wrong_state(before, "WRONG_END_DATE").into());
    };
    let today = context.today();
    require_end_date(date, before.start_date, today)?;
    if date == end.end_date {
        return Ok(vec![Event::NothingToDo]);
    }
    let end = End { end_date: date, ..end.clone() };
    if let PlacementState::Ending(_) = before.state {
        require_in_time(ledger, &Made::NotYet, context)?;
        let mut events = vec![Event::PlacementEndSet { placement_id: id, end }];
        if date > today {
            return Ok(events);
        }
        let closed_time = context.closed_time();
        events.push(Event::PlacementEnded { placement_id: id, closed_time });
        return decide_increase::end(ledger, before, events, context, ids);
    }
    if date > today {
        return Ok(go_on(ledger, c, before, PlacementState::Ending(end), context)?);
    }
    let made = known_entry(ledger, before.entry_id)?.closed.as_ref().map(|closed| closed.time);
    require_in_time(ledger, &made.into(), context)?;
    Ok(vec![dated(Placement { state: PlacementState::Ended(end), ..before.clone() })])
}

fn dated(placement: Placement) -> Event {
    Event::PlacementChanged { placement, change: PlacementChange::Corrected }
}
