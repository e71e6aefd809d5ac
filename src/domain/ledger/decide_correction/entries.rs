//! Corrections of entries.

use std::collections::{BTreeMap, BTreeSet};

use super::{Made, corrected, require_claim, require_in_time};
use crate::domain::{
    access::may_backdate,
    allocation::Offer,
    calendar::Timestamp,
    command::{Correct, RightPerson},
    event::{EntryChange, Event, OfferChange, PlacementChange},
    ids::{EntryId, IdSource, MunicipalityNumber, PlacementId},
    ledger::{
        Context, Ledger, decide_increase,
        decide_join::{join_seq, require_eligible},
        decide_offer::known_offer,
        decide_placement::{debited_to, known_placement, require_history},
        decide_transfer::give_back,
        guards::{known_entry, require_free, wrong_entry_state},
        onward::propose_on,
    },
    measure::Distribution,
    refusal::{Refusal, Stop},
    waitlist::{Closed, Entry, EntryState, Mistake, OrderKey, PriorityByCorrection},
};

/// Open again, in the turn it had. What was held for it when it was closed is somebody else's by
/// now; the turn is what the mistake cost, and it is whole. One that had a place is opened by
/// its placement, and one that was made for the wrong person goes on as another.
pub(super) fn reinstate(
    ledger: &Ledger,
    c: &Correct,
    entry_id: EntryId,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    const MOVE: &str = "REINSTATE";
    let entry = known_entry(ledger, entry_id)?;
    if entry.state != EntryState::Closed {
        return Err(wrong_entry_state(entry, MOVE));
    }
    let refused = |state| Refusal::WrongState { what: "the entry", state, transition: MOVE };
    let closed = entry.closed.as_ref();
    if let Some(Mistake::WrongPerson { .. }) = closed.and_then(|closed| closed.mistake) {
        return Err(refused(OF_ANOTHER_PERSON));
    }
    if was_placed(ledger, entry) {
        return Err(refused("PLACEMENT_ENDED"));
    }
    require_in_time(ledger, &closed.map(|closed| closed.time).into(), context)?;
    if let Some(placement_id) = entry.increase_of {
        let again = decide_increase::again(ledger, entry, placement_id, MOVE)?;
        return Ok(vec![corrected(c, again)]);
    }
    require_claim(c)?;
    Ok(vec![corrected(c, Entry { state: EntryState::Waiting, closed: None, ..entry.clone() })])
}

/// What an entry is that was closed since it was made for the wrong person.
const OF_ANOTHER_PERSON: &str = "OF_ANOTHER_PERSON";

/// Whether an entry was closed by the end of a placement. One that has waited since for the
/// place it lost may be closed otherwise.
pub(super) fn was_placed(ledger: &Ledger, entry: &Entry) -> bool {
    let mut placements = ledger.placements();
    entry.priority_by_correction.is_none()
        && placements.any(|placement| placement.entry_id == entry.entry_id)
}

/// Feilregistrert: what is held for it is given back and passed on, and the person may join
/// anew. An entry that is closed already is marked.
pub(super) fn registered_by_mistake(
    ledger: &Ledger,
    c: &Correct,
    entry_id: EntryId,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let entry = known_entry(ledger, entry_id)?;
    let is_marked = entry.closed.as_ref().is_some_and(|closed| closed.mistake.is_some());
    if is_marked || matches!(entry.state, EntryState::Placed(_)) {
        return Err(wrong_entry_state(entry, "REGISTERED_BY_MISTAKE").into());
    }
    require_in_time(ledger, &Made::At(entry.key.registered_time), context)?;
    // From here it happens.
    let before = entry.closed.clone().unwrap_or_else(|| Closed::at(context.at));
    let closed = Some(Closed { mistake: Some(Mistake::RegisteredByMistake), ..before });
    let after = Entry { state: EntryState::Closed, closed, ..entry.clone() };
    let change = EntryChange::Corrected { text: c.text.clone() };
    give_back(ledger, entry, after, change, context, ids)
}

/// The right person takes the wrong one's turn over, key and all. What was held is withdrawn:
/// nobody has asked this person yet. It is passed on in the same row to whoever's turn it is,
/// which is theirs unless somebody stands before them. What the wrong person said no to, and
/// what is sealed under their key, stays with them.
pub(super) fn person(
    ledger: &Ledger,
    c: &Correct,
    person: &RightPerson,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let entry = known_entry(ledger, person.entry_id)?;
    if let EntryState::Placed(_) | EntryState::Closed = entry.state {
        return Err(wrong_entry_state(entry, "WRONG_PERSON").into());
    }
    require_in_time(ledger, &Made::At(entry.key.registered_time), context)?;
    require_eligible(&context.measure(ledger)?.rules, person.eligibility)?;
    // From here it happens.
    let right = right_entry(EntryId(ids.next_id()), entry, person);
    let mistake = Some(Mistake::WrongPerson { went_on_as: right.entry_id });
    let wrong = Entry {
        // No two entries have the same key: this one is never in a queue again.
        key: OrderKey { join_seq: join_seq(ledger, 0, context), ..entry.key },
        closed: Some(Closed { mistake, ..Closed::at(context.at) }),
        state: EntryState::Closed,
        ..entry.clone()
    };
    let without_text = Correct { text: None, ..c.clone() };
    let changed = [corrected(c, wrong), corrected(&without_text, right)];
    let Some(offer_id) = entry.state.offer() else { return Ok(changed.into()) };
    let withdrawn = [Event::OfferWithdrawn { offer_id }];
    let events = withdrawn.into_iter().chain(changed).collect();
    propose_on(ledger, events, offer_id, None, context, ids)
}

fn right_entry(entry_id: EntryId, wrong: &Entry, person: &RightPerson) -> Entry {
    let priority = |before: &PriorityByCorrection| PriorityByCorrection { text: None, ..*before };
    Entry {
        entry_id,
        person_id: person.person_id,
        grounds: person.grounds.clone(),
        adviser: person.adviser.clone(),
        external_references: Vec::new(),
        case_reference: None,
        programme: None,
        on_behalf_of: None,
        wants_by: None,
        imported: None,
        declined_here: BTreeSet::new(),
        objected_here: BTreeMap::new(),
        strikes: 0,
        confirmed_time: None,
        priority_by_correction: wrong.priority_by_correction.as_ref().map(priority),
        state: wrong.state.pause_or_waiting(),
        ..wrong.clone()
    }
}

/// Another time makes another key, so only who may backdate a join may say so.
pub(super) fn registered_time(
    ledger: &Ledger,
    c: &Correct,
    entry_id: EntryId,
    time: Timestamp,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let entry = known_entry(ledger, entry_id)?;
    if entry.state == EntryState::Closed {
        return Err(wrong_entry_state(entry, "REGISTERED_TIME"));
    }
    if time > context.at {
        return Err(Refusal::DateOutOfRange {
            field: "wrong_date.registered.time",
            value: time.to_string(),
            expected: "now or earlier",
        });
    }
    if !may_backdate(context.actor.role) {
        return Err(Refusal::PermissionDenied);
    }
    let key = entry.key.registered_at(time);
    if key == entry.key {
        return Ok(vec![Event::NothingToDo]);
    }
    Ok(vec![corrected(c, Entry { key, ..entry.clone() })])
}

/// What is held goes on with the right municipality's quota, if that has room; if not it is
/// given back and passed on. Who is placed stays: as a guest, where there is no room.
pub(super) fn municipality(
    ledger: &Ledger,
    c: &Correct,
    entry_id: EntryId,
    number: &MunicipalityNumber,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let entry = known_entry(ledger, entry_id)?;
    if entry.state == EntryState::Closed {
        return Err(wrong_entry_state(entry, "WRONG_MUNICIPALITY").into());
    }
    context.require_in_area(ledger, "wrong_municipality.municipality_number", number)?;
    let quota_municipality = context.quota_of(ledger, number);
    let after = Entry { municipality_number: number.clone(), quota_municipality, ..entry.clone() };
    if after == *entry {
        return Ok(vec![Event::NothingToDo]);
    }
    require_in_time(ledger, &Made::At(entry.key.registered_time), context)?;
    // From here it happens.
    if let EntryState::Placed(placement_id) = entry.state {
        let events = vec![corrected(c, after.clone())];
        return placed_elsewhere(ledger, placement_id, &after, events, context, ids);
    }
    let Some(offer_id) = entry.state.offer() else { return Ok(vec![corrected(c, after)]) };
    let (offer, account) = (known_offer(ledger, offer_id)?, ledger.queue_of(&after).account());
    if offer.account == account {
        return Ok(vec![corrected(c, after)]);
    }
    if require_free(ledger, &account, i64::from(offer.participation_percent)).is_ok() {
        let offer = Offer { account, ..offer.clone() };
        let offer = Event::OfferChanged { offer, change: OfferChange::Corrected };
        return Ok(vec![offer, corrected(c, after)]);
    }
    let change = EntryChange::Corrected { text: c.text.clone() };
    give_back(ledger, entry, Entry { state: EntryState::Waiting, ..after }, change, context, ids)
}

/// Who pays for a placement from now on, and where a larger share of it waits.
fn placed_elsewhere(
    ledger: &Ledger,
    placement_id: PlacementId,
    placed: &Entry,
    mut events: Vec<Event>,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    let mut placement = known_placement(ledger, placement_id)?.clone();
    if ledger.distribution != Distribution::CountyPool {
        require_history(&placement)?;
        placement = debited_to(ledger, &placement, placed, context);
        let change = PlacementChange::Corrected;
        events.push(Event::PlacementChanged { placement: placement.clone(), change });
    }
    decide_increase::follow(ledger, &placement, placed, events, context, ids)
}
