//! Decisions about mistakes (rettelse): an event after what was recorded, and never an edit of
//! it. Nobody loses a place because of another's correction (I9): what is somebody else's by now
//! stays so, and whose place it was stands before all others.

use crate::domain::{
    access::Role,
    account::AccountKey,
    calendar::Timestamp,
    command::{Correct, Correction},
    event::{EntryChange, Event, PlacementChange},
    ids::{IdSource, PlaceGroupId},
    ledger::{
        Context, Ledger,
        guards::{require_free, require_no_increase},
    },
    refusal::{Refusal, Stop},
    waitlist::{Entry, PRIORITY_BY_CORRECTION_DAYS, PriorityByCorrection},
};

mod entries;
mod offers;
mod placements;

pub(super) fn correct(
    ledger: &Ledger,
    c: &Correct,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Stop> {
    if let Some(entry) = ledger.entry_of(&c.correction.subject())
        && !matches!(c.correction, Correction::ReinstateEntry { .. })
    {
        require_no_increase(entry, "CORRECT")?;
    }
    Ok(match &c.correction {
        Correction::ReinstateEntry { entry_id } => {
            entries::reinstate(ledger, c, *entry_id, context)?
        }
        Correction::ReinstatePlacement { placement_id } => {
            placements::reinstate(ledger, c, *placement_id, context)?
        }
        Correction::Answer { offer_id, accept: true } => {
            offers::accept(ledger, c, *offer_id, context)?
        }
        Correction::Answer { offer_id, accept: false } => {
            offers::decline(ledger, c, *offer_id, context, ids)?
        }
        Correction::StartDate { placement_id, date } => {
            placements::start_date(ledger, *placement_id, *date, context)?
        }
        Correction::EndDate { placement_id, date } => {
            placements::end_date(ledger, c, *placement_id, *date, context, ids)?
        }
        Correction::RegisteredTime { entry_id, time } => {
            entries::registered_time(ledger, c, *entry_id, *time, context)?
        }
        Correction::Person(person) => entries::person(ledger, c, person, context, ids)?,
        Correction::Municipality { entry_id, municipality_number } => {
            entries::municipality(ledger, c, *entry_id, municipality_number, context, ids)?
        }
        Correction::RegisteredByMistake { entry_id } => {
            entries::registered_by_mistake(ledger, c, *entry_id, context, ids)?
        }
    })
}

/// Whether a place is used again by these events.
pub fn goes_on(events: &[Event]) -> bool {
    events.iter().any(|event| {
        matches!(event, Event::PlacementChanged { change: PlacementChange::Reinstated, .. })
    })
}

/// When a mistake was made, as far as the ledger knows.
enum Made {
    /// At this time.
    At(Timestamp),
    /// It has not taken effect yet: nothing rests on it.
    NotYet,
    /// Nobody kept it.
    Unknown,
}

impl From<Option<Timestamp>> for Made {
    fn from(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Unknown, Self::At)
    }
}

/// For so many days an office corrects by itself, later only the county: its own call is its
/// approval.
fn require_in_time(ledger: &Ledger, made: &Made, context: &Context<'_>) -> Result<(), Refusal> {
    let Some(days) = context.measure(ledger)?.rules.correction_days else { return Ok(()) };
    if context.actor.role == Role::County {
        return Ok(());
    }
    let until = match made {
        Made::NotYet => return Ok(()),
        Made::At(time) => Some(time.plus_days(days).date_in_norway()),
        Made::Unknown => None,
    };
    if until.is_some_and(|until| context.today() <= until) {
        return Ok(());
    }
    Err(Refusal::CorrectionTooLate { until })
}

/// Whether an entry may open again: its person has no other one in this measure type (I3).
fn require_claim(c: &Correct) -> Result<(), Refusal> {
    if c.may_claim { Ok(()) } else { Err(Refusal::PersonAlreadyWaiting) }
}

/// Whether a place group and a second account both have so much free.
fn has_room(ledger: &Ledger, group: PlaceGroupId, second: &AccountKey, percent: u32) -> bool {
    let needed = i64::from(percent);
    let both = [AccountKey::PlaceGroup(group), second.clone()];
    both.iter().all(|key| require_free(ledger, key, needed).is_ok())
}

fn corrected(c: &Correct, entry: Entry) -> Event {
    Event::EntryChanged { entry, change: EntryChange::Corrected { text: c.text.clone() } }
}

/// The entry waits before all others for the place it lost; a pause goes on.
fn waits_first(ledger: &Ledger, c: &Correct, entry: Entry) -> Event {
    let text = c.text.clone();
    let state = entry.state.pause_or_waiting();
    let entry = Entry {
        key: entry.key.with_bonus(PRIORITY_BY_CORRECTION_DAYS),
        priority_by_correction: Some(PriorityByCorrection {
            seq: ledger.head().seq + 1,
            text: text.clone(),
        }),
        closed: None,
        state,
        ..entry
    };
    Event::EntryChanged { entry, change: EntryChange::PriorityByCorrection { text } }
}
