//! Which runs rested on a mistake, and whom they would have served without it. Each run is made
//! again on the ledger as it was, with what was wrong put right and nothing else.

use crate::domain::{
    allocation::{End, Offer, Placement},
    allocation::{OfferState, PlacementState, RunRules, RunScope, Served, run},
    calendar::Timestamp,
    command::Correction,
    event::{EntryChange, Event, OfferChange, PlacementChange},
    explanation::{
        decision::Row,
        runs::{is_that_run, runs, scopes},
    },
    ids::{EntryId, PlacementId},
    ledger::{Ledger, apply},
    refusal::Stop,
    registry::Registry,
    waitlist::{Entry, EntryState},
};

/// How many runs are told of, and how many entries of each.
pub const AFFECTED_MAX: usize = 100;

/// The runs that rested on a mistake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// In the order they were made.
    pub runs: Vec<AffectedRun>,
    /// The log was read up to this row.
    pub until_seq: u64,
    /// Whether there may be more.
    pub is_truncated: bool,
}

/// A run that would have come out otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffectedRun {
    /// Its log row.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Whom it served and would not have served.
    pub served: Vec<EntryId>,
    /// Whom it did not serve and would have served.
    pub would_have_served: Vec<EntryId>,
}

/// A search for such runs through a log, row by row.
#[derive(Debug)]
pub struct Search {
    correction: Correction,
    /// Whose turn it is about.
    entry_id: EntryId,
    found: Affected,
    is_over: bool,
}

impl Search {
    /// Before the first row. Where no run looks at what was wrong it is over at once: the right
    /// person has the wrong one's turn, and a place is held until the start whenever that is.
    pub fn new(correction: Correction, entry_id: EntryId) -> Self {
        let is_over = matches!(correction, Correction::Person(_) | Correction::StartDate { .. });
        Self { correction, entry_id, found: Affected::default(), is_over }
    }

    /// Whether nothing more can be found.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What was found in a log that was read up to a row, to its end or not.
    pub fn finish(self, until_seq: u64, is_at_end: bool) -> Affected {
        let is_truncated = self.found.is_truncated || !(is_at_end || self.is_over);
        Affected { until_seq, is_truncated, ..self.found }
    }

    /// Looks at a row; `before` is the whole ledger just before it.
    pub fn look(&mut self, before: &Ledger, row: &Row<'_>) -> Result<(), Stop> {
        let at = row.header.at;
        let measure = row.registry.ledger_measure_on(before.id(), at.date_in_norway());
        let rules = RunRules::of(measure, row.header.rules_version);
        for (earlier, events) in runs(row.events) {
            let mut at_run = before.clone();
            for event in earlier {
                apply(&mut at_run, event);
            }
            let Some(righted) = righted(&at_run, &self.correction, row.registry, at) else {
                continue;
            };
            let served = events.iter().filter(|event| matches!(event, Event::Proposed { .. }));
            let mut scopes = scopes(before, &at_run, row.command, at, rules);
            scopes.push(RunScope::all(at, served.count(), rules));
            for scope in &scopes {
                let (gave, report) = run(&at_run, scope)?;
                if is_that_run(&gave, &report, events) {
                    let (would_give, _) = run(&righted, scope)?;
                    self.compare(row.header.seq, at, &gave, &would_give);
                    break;
                }
            }
        }
        Ok(())
    }

    /// From where the person would have had a place they would have been in no later run: what
    /// came after is as it was, but for whom that place went to.
    fn compare(&mut self, seq: u64, at: Timestamp, gave: &[Served], would_give: &[Served]) {
        let (served, would_have_served) = (beyond(gave, would_give), beyond(would_give, gave));
        if self.is_over || (served.is_empty() && would_have_served.is_empty()) {
            return;
        }
        self.is_over = would_have_served.contains(&self.entry_id);
        self.found.runs.push(AffectedRun { seq, at, served, would_have_served });
        if self.found.runs.len() == AFFECTED_MAX && !self.is_over {
            self.found.is_truncated = true;
            self.is_over = true;
        }
    }
}

/// Those of the first who are not among the others.
fn beyond(some: &[Served], others: &[Served]) -> Vec<EntryId> {
    let among = |one: &&Served| others.iter().any(|other| other.entry_id == one.entry_id);
    let beyond = some.iter().filter(|one| !among(one)).map(|one| one.entry_id);
    beyond.take(AFFECTED_MAX).collect()
}

/// The ledger with the mistake put right; `None` where it had not been made yet, or makes no
/// difference as things stood.
fn righted(
    ledger: &Ledger,
    correction: &Correction,
    registry: &Registry,
    at: Timestamp,
) -> Option<Ledger> {
    let changed = |entry: Entry| {
        let change = EntryChange::Corrected { text: None };
        vec![Event::EntryChanged { entry, change }]
    };
    let in_state = |id: EntryId, state: EntryState| {
        ledger.entry(id).filter(|entry| entry.state == state).cloned()
    };
    let waiting = |id: EntryId| in_state(id, EntryState::Waiting);
    let events = match correction {
        Correction::ReinstateEntry { entry_id } => {
            let entry = in_state(*entry_id, EntryState::Closed)?;
            changed(Entry { state: EntryState::Waiting, closed: None, ..entry })
        }
        Correction::RegisteredByMistake { entry_id } => {
            changed(Entry { state: EntryState::Closed, ..waiting(*entry_id)? })
        }
        Correction::RegisteredTime { entry_id, time } => {
            let entry = waiting(*entry_id)?;
            changed(Entry { key: entry.key.registered_at(*time), ..entry })
        }
        Correction::Municipality { entry_id, municipality_number } => {
            let municipality_number = municipality_number.clone();
            let day = at.date_in_norway();
            let quota_municipality =
                registry.quota_of(ledger.distribution(), &municipality_number, day);
            changed(Entry { municipality_number, quota_municipality, ..waiting(*entry_id)? })
        }
        Correction::Answer { offer_id, accept } => {
            let offer = ledger.offer(*offer_id)?;
            let entry = ledger.entry(offer.entry_id)?.clone();
            if *accept { said_yes(offer, entry)? } else { said_no(offer, entry)? }
        }
        Correction::ReinstatePlacement { placement_id } => used(ledger, *placement_id, true)?,
        Correction::EndDate { placement_id, date } => {
            used(ledger, *placement_id, at.date_in_norway() < *date)?
        }
        Correction::StartDate { .. } | Correction::Person(_) => return None,
    };
    let mut righted = ledger.clone();
    for event in &events {
        apply(&mut righted, event);
    }
    Some(righted)
}

/// After a no that was a yes: whoever got a place meanwhile stood behind this person. So the
/// entry is eligible, as if it had never said no.
fn said_yes(offer: &Offer, entry: Entry) -> Option<Vec<Event>> {
    let (OfferState::Declined { .. } | OfferState::Expired) = offer.state else { return None };
    match entry.state {
        EntryState::Waiting | EntryState::CoolingDown { .. } | EntryState::Closed => {}
        EntryState::Proposed(_)
        | EntryState::Offered(_)
        | EntryState::Accepted(_)
        | EntryState::Placed(_)
        | EntryState::Paused { .. } => return None,
    }
    let mut entry = Entry { state: EntryState::Waiting, closed: None, ..entry };
    entry.declined_here.remove(&offer.place_group_id);
    let change = EntryChange::Corrected { text: None };
    Some(vec![Event::EntryChanged { entry, change }])
}

/// After a yes that was a no: the place was free.
fn said_no(offer: &Offer, entry: Entry) -> Option<Vec<Event>> {
    let OfferState::Accepted { .. } = offer.state else { return None };
    let mut entry = Entry { state: EntryState::Waiting, ..entry };
    entry.declined_here.insert(offer.place_group_id);
    let offer = Offer { state: OfferState::Declined { reason: None }, ..offer.clone() };
    let given_back = Event::OfferChanged { offer, change: OfferChange::Corrected };
    let change = EntryChange::Corrected { text: None };
    Some(vec![given_back, Event::EntryChanged { entry, change }])
}

/// The placement in use or not, where it was otherwise.
fn used(ledger: &Ledger, id: PlacementId, uses: bool) -> Option<Vec<Event>> {
    let placement = ledger.placement(id).filter(|placement| placement.state.uses() != uses)?;
    let state = match placement.state.end() {
        Some(end) if !uses => PlacementState::Ended(End::clone(end)),
        Some(_) | None => PlacementState::Running,
    };
    let placement = Placement { state, ..placement.clone() };
    let change = PlacementChange::Corrected;
    Some(vec![Event::PlacementChanged { placement, change }])
}
