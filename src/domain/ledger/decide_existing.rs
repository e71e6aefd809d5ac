//! What stands in another system comes in as it is: nothing is decided anew, and what exceeds a
//! limit is over until it fits.

use std::collections::BTreeMap;

use crate::domain::{
    allocation::{Offer, OfferState, Placement, PlacementState},
    calendar::{Timestamp, start_of_day_in_norway},
    event::{EntryChange, Event, OfferChange, PlacementChange},
    existing::{
        Existing, GroupName, ImportExisting, Line, LineKey, Reconciliation, Row, Standing, State,
        Sum,
    },
    ids::{
        EntryId, ExternalReference, IdSource, OfferId, PersonId, PlaceGroupId, PlacementId,
        PriorityCode,
    },
    ledger::{Context, Ledger},
    measure::MeasureType,
    refusal::{BadRow, Refusal},
    waitlist::{Entry, EntryState, Imported, OrderKey, QueueKey},
};

/// How many of the lines that differ a refusal tells of; it counts them all.
const DIFFERING_TOLD: usize = 3;

/// All or nothing. The claims that keep a person to one open entry (I3) lie across ledgers: the
/// writer has taken them, and has found which rows came in before.
pub(super) fn import(
    ledger: &Ledger,
    c: &ImportExisting,
    context: &Context<'_>,
    ids: &mut IdSource,
) -> Result<Vec<Event>, Refusal> {
    let measure = context.measure(ledger)?;
    if c.cut_over_date > context.today() {
        return Err(Refusal::DateOutOfRange {
            field: "cut_over_date",
            value: c.cut_over_date.to_string(),
            expected: "today or earlier",
        });
    }
    let bad = bad_rows(ledger, c, context, measure);
    if !bad.is_empty() {
        return Err(Refusal::ExistingRowsInvalid(bad));
    }
    let reconciliation = reconcile(ledger, c)?;
    let differing: Vec<&Line> = reconciliation.differing().collect();
    if !differing.is_empty() && !c.is_preview {
        let first: Vec<String> = differing.iter().take(DIFFERING_TOLD).map(|l| told(l)).collect();
        let (lines, first) = (differing.len(), first.join("; "));
        return Err(Refusal::ReconciliationDiffers { lines, first });
    }
    // From here it happens.
    let mut incoming = Incoming { ledger, c, context, measure, ids };
    let mut events = Vec::new();
    for (index, row) in (0..).zip(&c.rows) {
        if let Row::New(existing) = row {
            incoming.take(index, existing, &mut events);
        }
    }
    if events.is_empty() {
        events.push(Event::NothingToDo);
    }
    Ok(events)
}

fn told(line: &Line) -> String {
    let Line { key, counted, .. } = line;
    let expected = line.expected.unwrap_or_default();
    format!(
        "{key}: {} persons and {} % counted, {} and {} % expected",
        counted.persons, counted.percent, expected.persons, expected.percent
    )
}

/// Rows on their way in.
struct Incoming<'a> {
    ledger: &'a Ledger,
    c: &'a ImportExisting,
    context: &'a Context<'a>,
    measure: &'a MeasureType,
    ids: &'a mut IdSource,
}

impl Incoming<'_> {
    fn take(&mut self, index: u64, row: &Existing, events: &mut Vec<Event>) {
        let entry_id = EntryId(self.ids.next_id());
        let group = row.standing.place_group().and_then(|name| resolve(self.ledger, name));
        // Every group was there when the row was checked.
        let group = group.unwrap_or(PlaceGroupId(uuid::Uuid::nil()));
        let (state, held) = match &row.standing {
            Standing::Waiting => (EntryState::Waiting, None),
            Standing::NotYetAssessed => (EntryState::Paused { until: None }, None),
            Standing::Offered { offered_time, answer_by, .. } => {
                let confirmed_by = self.c.source.clone();
                let state = OfferState::Offered { answer_by: *answer_by, confirmed_by };
                let offer = self.offer(row, entry_id, group, *offered_time, state);
                let state = EntryState::Offered(offer.offer_id);
                (state, Some(Event::OfferChanged { offer, change: OfferChange::Imported }))
            }
            Standing::Accepted { accepted_time, .. } => {
                let state = OfferState::Accepted { accepted_time: *accepted_time };
                let offer = self.offer(row, entry_id, group, *accepted_time, state);
                let state = EntryState::Accepted(offer.offer_id);
                (state, Some(Event::OfferChanged { offer, change: OfferChange::Imported }))
            }
            Standing::Placed { start_date, planned_end_date, .. } => {
                let placement = Placement {
                    placement_id: PlacementId(self.ids.next_id()),
                    entry_id,
                    offer_id: None,
                    place_group_id: group,
                    account: self.queue(row).account(),
                    participation_percent: row.participation_percent,
                    start_date: *start_date,
                    shares: Vec::new(),
                    past_debits: Vec::new(),
                    planned_end_date: *planned_end_date,
                    review: None,
                    increase: None,
                    guest: false,
                    state: PlacementState::Running,
                };
                let state = EntryState::Placed(placement.placement_id);
                let change = PlacementChange::Imported;
                (state, Some(Event::PlacementChanged { placement, change }))
            }
        };
        let entry = self.entry(index, row, entry_id, state);
        events.push(Event::EntryChanged { entry, change: EntryChange::Imported });
        events.extend(held);
    }

    fn queue(&self, row: &Existing) -> QueueKey {
        self.context.queue_of_newcomer(self.ledger, &row.municipality_number)
    }

    fn offer(
        &mut self,
        row: &Existing,
        entry_id: EntryId,
        place_group_id: PlaceGroupId,
        proposed_time: Timestamp,
        state: OfferState,
    ) -> Offer {
        Offer {
            offer_id: OfferId(self.ids.next_id()),
            entry_id,
            place_group_id,
            account: self.queue(row).account(),
            participation_percent: row.participation_percent,
            proposed_time,
            proposed_seq: self.ledger.seq + 1,
            out_of_turn: None,
            object_by: None,
            objection: None,
            extension: None,
            shadow: None,
            let_go: None,
            state,
        }
    }

    fn entry(&self, index: u64, row: &Existing, entry_id: EntryId, state: EntryState) -> Entry {
        let registered_time = row.registered_time;
        let bonus_days = bonus_days(self.measure, row.priority_class.as_ref()).unwrap_or(0);
        let preferred = row.preferred_place_groups.iter();
        Entry {
            entry_id,
            person_id: row.person_id,
            municipality_number: row.municipality_number.clone(),
            quota_municipality: self.context.quota_of(self.ledger, &row.municipality_number),
            following_office_number: row.following_office_number.clone(),
            participation_percent: row.participation_percent,
            preferred_place_groups: preferred.filter_map(|n| resolve(self.ledger, n)).collect(),
            work_fields: row.work_fields.clone(),
            priority_class: row.priority_class.clone(),
            grounds: row.grounds.clone(),
            key: OrderKey {
                order_time: registered_time.minus_days(bonus_days),
                registered_time,
                join_seq: OrderKey::join_seq(self.ledger.seq + 1, index),
            },
            external_references: vec![row.reference.clone()],
            case_reference: row.case_reference.clone(),
            declined_here: std::collections::BTreeSet::new(),
            objected_here: BTreeMap::new(),
            strikes: 0,
            passes: 0,
            reserving_since: None,
            increase_of: None,
            priority_by_correction: None,
            adviser: row.adviser.clone(),
            programme: None,
            on_behalf_of: None,
            wants_by: None,
            confirmed_time: None,
            closed: None,
            imported: Some(Imported {
                source: self.c.source.clone(),
                cut_over_date: self.c.cut_over_date,
                was_not_assessed: row.standing.state() == State::NotYetAssessed,
                original: row.original.clone(),
            }),
            state,
        }
    }
}

fn bonus_days(measure: &MeasureType, code: Option<&PriorityCode>) -> Option<u32> {
    code.map_or(Some(0), |code| measure.priority_class(code).map(|class| class.bonus_days))
}

/// The group of a name; its name in another system must have been read.
fn resolve(ledger: &Ledger, name: &GroupName) -> Option<PlaceGroupId> {
    let id = match name {
        GroupName::Id(id) => *id,
        GroupName::Reference(reference) => PlaceGroupId(*ledger.references.get(reference)?),
    };
    ledger.place_group(id).map(|group| group.place_group_id)
}

fn in_words(name: &GroupName) -> String {
    match name {
        GroupName::Id(id) => id.to_string(),
        GroupName::Reference(ExternalReference { system, id }) => format!("{system}/{id}"),
    }
}

/// Every row that may not come in, with all that is wrong with it.
fn bad_rows(
    ledger: &Ledger,
    c: &ImportExisting,
    context: &Context<'_>,
    measure: &MeasureType,
) -> Vec<BadRow> {
    let next_day = c.cut_over_date.saturating_add(time::Duration::DAY);
    let mut check = Check {
        ledger,
        c,
        context,
        measure,
        cut_over_end: start_of_day_in_norway(next_day),
        references: BTreeMap::new(),
        people: BTreeMap::new(),
        problems: Vec::new(),
    };
    let mut bad = Vec::new();
    for (index, row) in c.rows.iter().enumerate() {
        check.row(index, row);
        if !check.problems.is_empty() {
            let problem = std::mem::take(&mut check.problems).join("; ");
            bad.push(BadRow { index, problem });
        }
    }
    bad
}

/// What each row is checked against, the rows before it among it.
struct Check<'a> {
    ledger: &'a Ledger,
    c: &'a ImportExisting,
    context: &'a Context<'a>,
    measure: &'a MeasureType,
    /// The first moment that lies after the cut-over date.
    cut_over_end: Timestamp,
    references: BTreeMap<&'a ExternalReference, usize>,
    people: BTreeMap<PersonId, usize>,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    fn row(&mut self, index: usize, row: &'a Row) {
        match row {
            Row::New(existing) => {
                self.reference(index, &existing.reference);
                if self.ledger.references.contains_key(&existing.reference) {
                    self.add("external_reference names another resource of this ledger");
                }
                if let Some(first) = self.people.insert(existing.person_id, index) {
                    self.add(format!("the same person stands in rows[{first}]"));
                }
                self.registry(existing);
                self.dates(existing);
            }
            Row::Unchanged(unchanged) => {
                self.reference(index, &unchanged.reference);
                let entry = self.ledger.entry(unchanged.entry_id);
                if entry.is_none_or(|entry| entry.imported.is_none()) {
                    self.add("did not come in by an import");
                }
            }
            Row::LeftOut { reference, .. } => self.reference(index, reference),
            Row::Bad(problem) => self.add(problem.clone()),
        }
    }

    fn add(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    fn reference(&mut self, index: usize, reference: &'a ExternalReference) {
        if let Some(first) = self.references.insert(reference, index) {
            self.add(format!("external_reference stands in rows[{first}]"));
        }
    }

    /// What the registry and the ledger must have.
    fn registry(&mut self, row: &Existing) {
        let number = &row.municipality_number;
        let municipality = self.context.registry.municipality(number);
        if municipality.is_none_or(|m| m.county_id != self.ledger.id.county_id) {
            self.add(format!("municipality_number {number} is not a municipality of this area"));
        }
        let number = &row.following_office_number;
        if self.context.registry.office(number).is_none() {
            self.add(format!("following_office_number {number} is not an office of the registry"));
        }
        if row.participation_percent < 100 && !self.measure.part_time_allowed {
            self.add("participation_percent must be 100 for this measure type");
        }
        if let Some(code) = &row.priority_class
            && self.measure.priority_class(code).is_none()
        {
            self.add(format!("priority_class {code} is not one of this measure type"));
        }
        for name in row.groups() {
            if resolve(self.ledger, name).is_none() {
                self.add(format!("there is no place group {}", in_words(name)));
            }
        }
    }

    /// What came before what, all of it by the end of the cut-over date.
    fn dates(&mut self, row: &Existing) {
        let registered = row.registered_time;
        self.by_cut_over("registered_time", registered);
        match row.standing {
            Standing::Waiting | Standing::NotYetAssessed => {}
            Standing::Offered { offered_time, answer_by, .. } => {
                self.since("state_time", offered_time, registered);
                if answer_by <= self.context.at {
                    self.add(format!("answer_by_time {answer_by} must be still to come"));
                }
            }
            Standing::Accepted { accepted_time, .. } => {
                self.since("state_time", accepted_time, registered);
            }
            Standing::Placed { start_date, planned_end_date, .. } => {
                if start_date > self.c.cut_over_date {
                    self.add(format!("start_date {start_date} lies after the cut-over date"));
                }
                if start_date < registered.date_in_norway() {
                    self.add(format!("start_date {start_date} lies before registered_time"));
                }
                if let Some(end) = planned_end_date.filter(|end| *end <= start_date) {
                    self.add(format!("planned_end_date {end} must be after start_date"));
                }
            }
        }
    }

    fn since(&mut self, field: &str, at: Timestamp, registered: Timestamp) {
        if at < registered {
            self.add(format!("{field} {at} lies before registered_time"));
        }
        self.by_cut_over(field, at);
    }

    fn by_cut_over(&mut self, field: &str, at: Timestamp) {
        if at >= self.cut_over_end {
            self.add(format!("{field} {at} lies after the cut-over date"));
        }
    }
}

/// What the rows sum to, beside what they were to sum to.
pub fn reconcile(ledger: &Ledger, c: &ImportExisting) -> Result<Reconciliation, Refusal> {
    let mut counted: BTreeMap<LineKey, Sum> = BTreeMap::new();
    let mut total = Sum::default();
    for (key, percent) in c.rows.iter().filter_map(|row| counts_as(ledger, row)) {
        counted.entry(key).or_default().add(percent);
        total.add(percent);
    }
    let mut expected: BTreeMap<LineKey, Sum> = BTreeMap::new();
    for of in &c.control_totals {
        let missing = |name| Refusal::NotFound { what: "place group", id: in_words(name) };
        let group = of.place_group.as_ref();
        let place_group_id =
            group.map(|name| resolve(ledger, name).ok_or_else(|| missing(name))).transpose()?;
        let key = LineKey {
            organisation_number: of.organisation_number.clone(),
            place_group_id,
            municipality_number: of.municipality_number.clone(),
            state: of.state,
        };
        expected.insert(key, of.expected);
    }
    let is_covered =
        |key: &LineKey| expected.is_empty() || expected.keys().any(|one| one.covers(key));
    let all = LineKey::default();
    let sum = |key: &LineKey| {
        let covered = counted.iter().filter(|(one, _)| key.covers(one));
        covered.fold(Sum::default(), |sum, (_, one)| Sum {
            persons: sum.persons + one.persons,
            percent: sum.percent + one.percent,
        })
    };
    let keys: std::collections::BTreeSet<&LineKey> =
        counted.keys().chain(expected.keys()).filter(|key| **key != all).collect();
    let line = |key: &LineKey| Line {
        // A total of several municipalities, say, is of more than is counted under its own key.
        counted: if expected.contains_key(key) { sum(key) } else { counted[key] },
        expected: expected.get(key).copied(),
        is_covered: is_covered(key),
        key: key.clone(),
    };
    let lines = keys.into_iter().map(line).collect();
    let total = Line {
        counted: total,
        expected: expected.get(&all).copied(),
        is_covered: true,
        key: all.clone(),
    };
    Ok(Reconciliation { lines, total })
}

/// Under which line a row counts, and how much; none where it does not come in.
fn counts_as(ledger: &Ledger, row: &Row) -> Option<(LineKey, u32)> {
    let (group, municipality_number, state, percent) = match row {
        Row::New(r) => {
            let state = r.standing.state();
            (r.counts_with(), &r.municipality_number, state, r.participation_percent)
        }
        Row::Unchanged(r) => {
            (r.place_group.as_ref(), &r.municipality_number, r.state, r.participation_percent)
        }
        Row::LeftOut { .. } | Row::Bad(_) => return None,
    };
    let place_group_id = group.and_then(|name| resolve(ledger, name));
    let provider = place_group_id.and_then(|id| ledger.place_group(id));
    let key = LineKey {
        organisation_number: provider.map(|group| group.organisation_number.clone()),
        place_group_id,
        municipality_number: Some(municipality_number.clone()),
        state: Some(state),
    };
    Some((key, percent))
}
