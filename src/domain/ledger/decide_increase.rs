//! Decisions about larger shares that wait (økt deltakelse): an entry of its own stands in the
//! one order for what a placement lacks, and is over when it holds, is declined, or what it is
//! for is no more. Nothing that becomes of it touches the share the person has.

use std::collections::{BTreeMap, BTreeSet};

use time::Date;

use crate::domain::{
    account::AccountKey,
    allocation::{Offer, OfferState, Placement, PlacementState},
    command::StartPlacement,
    event::{EntryChange, Event, OfferChange, PlacementChange},
    ids::{EntryId, IdSource, MunicipalityNumber, PlacementId},
    ledger::{
        Context, Ledger, decide_placement::require_history, decide_transfer::waits_on,
        guards::known_entry, onward::propose_on,
    },
    refusal::{Refusal, Stop},
    waitlist::{Closed, Entry, EntryState, OrderKey},
};

/// A larger share that there is no room for waits its turn from now on. It has waited no day
/// yet, and no class gives it any: that was for a place, which the person has.
pub(super) fn wait(
    ledger: &Ledger,
    placement: &Placement,
    percent: u32,
    case_reference: Option<&String>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    let transition = "WAIT_FOR_LARGER_SHARE";
    context.require_current(context.measure(ledger)?)?;
    require_may_wait(placement, transition)?;
    let placed = known_entry(ledger, placement.entry_id)?;
    // From here it happens.
    let (municipality_number, quota_municipality) = payer(ledger, placement, placed);
    let entry = Entry {
        entry_id: EntryId(ids.next_id()),
        municipality_number,
        quota_municipality,
        participation_percent: percent.saturating_sub(placement.participation_percent),
        preferred_place_groups: vec![placement.place_group_id],
        work_fields: Vec::new(),
        priority_class: None,
        grounds: None,
        key: OrderKey {
            order_time: context.at,
            registered_time: context.at,
            join_seq: OrderKey::join_seq(ledger.head().seq + 1, 0),
        },
        external_references: Vec::new(),
        case_reference: case_reference.cloned(),
        declined_here: BTreeSet::new(),
        objected_here: BTreeMap::new(),
        strikes: 0,
        wants_by: None,
        confirmed_time: None,
        imported: None,
        passes: 0,
        reserving_since: None,
        priority_by_correction: None,
        increase_of: Some(placement.placement_id),
        state: EntryState::Waiting,
        ..placed.clone()
    };
    Ok(vec![Event::EntryChanged { entry, change: EntryChange::IncreaseAsked }])
}

/// A wait for a larger share that ended by mistake: it goes on in the turn it had, for the
/// placement as it is now.
pub(super) fn again(
    ledger: &Ledger,
    increase: &Entry,
    placement_id: PlacementId,
    transition: &'static str,
) -> Result<Entry, Refusal> {
    let missing = || Refusal::NotFound { what: "placement", id: placement_id.to_string() };
    let placement = ledger.placement(placement_id).ok_or_else(missing)?;
    require_may_wait(placement, transition)?;
    if placement.participation_percent + increase.participation_percent > 100 {
        return Err(Refusal::WrongState { what: "the placement", state: "WHOLE", transition });
    }
    let placed = known_entry(ledger, placement.entry_id)?;
    let (municipality_number, quota_municipality) = payer(ledger, placement, placed);
    Ok(Entry {
        municipality_number,
        quota_municipality,
        following_office_number: placed.following_office_number.clone(),
        preferred_place_groups: vec![placement.place_group_id],
        declined_here: BTreeSet::new(),
        closed: None,
        state: EntryState::Waiting,
        ..increase.clone()
    })
}

/// Requires a placement that somebody is at, and of which no larger share is waited for yet:
/// nobody is offered more of a place they are away from.
fn require_may_wait(placement: &Placement, transition: &'static str) -> Result<(), Refusal> {
    let state = match &placement.state {
        PlacementState::Running | PlacementState::Ending(_) if placement.increase.is_none() => {
            return Ok(());
        }
        PlacementState::Running | PlacementState::Ending(_) => "WAITING_FOR_LARGER_SHARE",
        PlacementState::OnLeave(_) | PlacementState::Ended(_) => placement.state.name(),
    };
    Err(Refusal::WrongState { what: "the placement", state, transition })
}

/// In whose queue a larger share stands: the rest is debited to the account that the share in
/// use is debited to, also where that is a municipality the person has moved from. The entitled
/// municipality, and whose quota that is where it is another's.
fn payer(
    ledger: &Ledger,
    placement: &Placement,
    placed: &Entry,
) -> (MunicipalityNumber, Option<MunicipalityNumber>) {
    match &placement.account {
        AccountKey::Quota(number) if ledger.queue_of(placed).account() != placement.account => {
            (number.clone(), None)
        }
        AccountKey::Quota(_) | AccountKey::Pool | AccountKey::PlaceGroup(_) => {
            (placed.municipality_number.clone(), placed.quota_municipality.clone())
        }
    }
}

/// What an accepted offer of a larger share holds is used from now on, by the placement there
/// is. Nothing begins, so what the person holds elsewhere stays as it is.
pub(super) fn start(
    ledger: &Ledger,
    c: &StartPlacement,
    offer: &Offer,
    placement_id: PlacementId,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let missing = || Refusal::NotFound { what: "placement", id: placement_id.to_string() };
    let placement = ledger.placement(placement_id).ok_or_else(missing)?;
    require_not_before(c.start_date, placement.start_date)?;
    require_history(placement)?;
    let increase = known_entry(ledger, offer.entry_id)?;
    // From here it happens.
    let percent = placement.participation_percent.saturating_add(offer.participation_percent);
    let placement = placement.with_share(percent, c.start_date, context.at);
    let offer = Offer { state: OfferState::Started { placement_id }, ..offer.clone() };
    // Given back and then used, in one event: what both accounts hold is the same.
    Ok(vec![
        Event::OfferChanged { offer, change: OfferChange::IncreaseHolds },
        Event::PlacementChanged { placement, change: PlacementChange::Increased },
        Event::EntryChanged { entry: over(increase, context), change: EntryChange::IncreaseHolds },
    ])
}

fn require_not_before(start: Date, first_day: Date) -> Result<(), Refusal> {
    if start >= first_day {
        return Ok(());
    }
    Err(Refusal::DateOutOfRange {
        field: "start_date",
        value: start.to_string(),
        expected: "not before the placement's start",
    })
}

/// A no to more of the place, or none given in time, ends the wait for it and costs nothing: it
/// is no place that was turned down, and there is no other it would be offered.
pub(super) fn declined(increase: &Entry, offer: &Offer, context: &Context<'_>) -> Event {
    let mut entry = over(increase, context);
    entry.declined_here.insert(offer.place_group_id);
    Event::EntryChanged { entry, change: EntryChange::IncreaseEnded }
}

/// Adds to `events`, after which there is nothing left to wait for, that the wait is over.
pub(super) fn end(
    ledger: &Ledger,
    placement: &Placement,
    events: Vec<Event>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let Some(increase) = waiting(ledger, placement)? else { return Ok(events) };
    let after = over(increase, context);
    becomes(ledger, increase, after, EntryChange::IncreaseEnded, events, context, ids)
}

/// Adds to `events`, which change where the placement is or who pays for it, that the larger
/// share waits there, with its turn. What is held for it elsewhere is passed on.
pub(super) fn follow(
    ledger: &Ledger,
    placement: &Placement,
    placed: &Entry,
    events: Vec<Event>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let Some(increase) = waiting(ledger, placement)? else { return Ok(events) };
    let before = ledger.placement(placement.placement_id);
    let debited = |placement: &Placement| (placement.place_group_id, placement.account.clone());
    let is_elsewhere = before.map(debited) != Some(debited(placement));
    let (municipality_number, quota_municipality) = payer(ledger, placement, placed);
    let after = Entry {
        municipality_number,
        quota_municipality,
        following_office_number: placed.following_office_number.clone(),
        preferred_place_groups: vec![placement.place_group_id],
        state: if is_elsewhere { waits_on(increase.state) } else { increase.state },
        ..increase.clone()
    };
    if after == *increase {
        return Ok(events);
    }
    becomes(ledger, increase, after, EntryChange::IncreaseFollowed, events, context, ids)
}

/// Adds to `events`, by which the person is away, that the larger share waits without being
/// eligible until the first day back. One that is on pause for longer stays so.
pub(super) fn rest(
    ledger: &Ledger,
    placement: &Placement,
    until: Date,
    events: Vec<Event>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let Some(increase) = waiting(ledger, placement)? else { return Ok(events) };
    if let EntryState::Paused { until: own } = increase.state
        && own.is_none_or(|own| own >= until)
    {
        return Ok(events);
    }
    let after = Entry { state: EntryState::Paused { until: Some(until) }, ..increase.clone() };
    let change = EntryChange::Paused { reason: None };
    becomes(ledger, increase, after, change, events, context, ids)
}

/// Adds to `events`, by which the person is back before the leave was over, that the larger
/// share is eligible again: the one that rests until then, and not one that somebody has put on
/// pause for another while.
pub(super) fn resume(
    ledger: &Ledger,
    placement: &Placement,
    until: Date,
    mut events: Vec<Event>,
) -> Result<Vec<Event>, Refusal> {
    let rests = EntryState::Paused { until: Some(until) };
    if let Some(increase) = waiting(ledger, placement)?.filter(|entry| entry.state == rests) {
        let entry = Entry { state: EntryState::Waiting, ..increase.clone() };
        events.push(Event::EntryChanged { entry, change: EntryChange::Resumed });
    }
    Ok(events)
}

/// The entry by which a larger share is waited for, if one is.
fn waiting<'a>(ledger: &'a Ledger, placement: &Placement) -> Result<Option<&'a Entry>, Refusal> {
    placement.increase.map(|id| known_entry(ledger, id)).transpose()
}

/// An entry that has ended now.
fn over(increase: &Entry, context: &Context<'_>) -> Entry {
    let closed = Some(Closed::at(context.at));
    Entry { state: EntryState::Closed, closed, ..increase.clone() }
}

/// Adds that the entry is `after` from now on. What was held for it, where that is no longer so,
/// is taken back in the same event and passed on.
fn becomes(
    ledger: &Ledger,
    increase: &Entry,
    after: Entry,
    change: EntryChange,
    mut events: Vec<Event>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let held = increase.state.offer().filter(|_| after.state != increase.state);
    events.extend(held.map(|offer_id| Event::OfferWithdrawn { offer_id }));
    events.push(Event::EntryChanged { entry: after, change });
    match held {
        Some(offer_id) => propose_on(ledger, events, offer_id, None, context, ids),
        None => Ok(events),
    }
}
