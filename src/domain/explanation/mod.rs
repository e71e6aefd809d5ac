//! Why a run did or did not give somebody a place: one structured answer, made from the
//! ledger as it was just before, and the words that follow from it. Nobody else is named.

mod text;

pub use text::{Language, paragraphs};

use std::collections::BTreeMap;

use crate::domain::{
    account::AccountKey,
    allocation::{Offer, OfferState, PassedOverReason, RunEnd, RunReport, RunScope, run_watched},
    calendar::Timestamp,
    command::AllocatePlaces,
    event::{Event, Header},
    ids::{EntryId, LedgerId, MunicipalityNumber, PlaceGroupId, PriorityCode},
    ledger::Ledger,
    refusal::Stop,
    registry::Registry,
    waitlist::{Entry, EntryState, OrderKey},
};

/// How many place groups with something free are named.
pub const FREE_PLACE_GROUPS_MAX: usize = 100;

/// A run as its log row tells it.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The row's header.
    pub header: &'a Header,
    /// What was asked.
    pub command: &'a AllocatePlaces,
    /// What it decided.
    pub events: &'a [Event],
    /// The registry it looked into.
    pub registry: &'a Registry,
}

/// What a run decided about one entry, by which rules, on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The ledger.
    pub ledger: LedgerId,
    /// The measure type's name.
    pub measure_name: String,
    /// The area's name.
    pub area_name: String,
    /// The decision's number in the log.
    pub seq: u64,
    /// When.
    pub decision_time: Timestamp,
    /// Which rules.
    pub rules_version: u32,
    /// Which registry.
    pub registry_version: u64,
    /// The entry.
    pub entry_id: EntryId,
    /// What was decided about it.
    pub outcome: Outcome,
    /// Where it stood just before; nowhere when it was not eligible.
    pub position: Option<Position>,
    /// What its place in the order follows from.
    pub key: OrderKey,
    /// The priority class.
    pub priority_class: Option<PriorityCode>,
    /// The share of a place it asks for.
    pub participation_percent: u32,
    /// The municipality whose quota counted, and its name; `None` where one pool serves
    /// the area.
    pub municipality: Option<(MunicipalityNumber, String)>,
    /// What that quota, or the pool, had free just before, in per cents of a place.
    pub free_second_account_percent: i64,
    /// The groups with something free just before, by name and id: the first
    /// [`FREE_PLACE_GROUPS_MAX`].
    pub free_place_groups: Vec<FreePlaceGroup>,
    /// Whether the run was kept to some of the groups.
    pub kept_to_groups: bool,
    /// How many were served.
    pub served: usize,
    /// How many were passed over, by reason.
    pub passed_over_counts: BTreeMap<PassedOverReason, u64>,
    /// Why the run stopped.
    pub run_end: RunEnd,
    /// The proposal it made for the entry, and the name of the group it is in.
    pub proposal: Option<(Offer, String)>,
    /// What a person said to the proposal.
    pub confirmation: Confirmation,
}

/// What a run decided about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was given a place.
    PlaceProposed,
    /// It stood ahead of someone served and could not be.
    PassedOver(PassedOverReason),
    /// Nobody behind it was served; the reason, where the run came as far as to it.
    NotReached(Option<PassedOverReason>),
    /// It was not eligible.
    NotEligible(Ineligible),
}

/// Why an entry was not eligible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ineligible {
    /// It was not there yet.
    NotYetJoined,
    /// A place was held for it already.
    HoldsPlace,
    /// Its person used a place.
    Placed,
    /// It had ended.
    Closed,
}

/// Where an entry stood among the eligible; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// In the whole ledger's queue.
    pub in_area: u64,
    /// In its municipality's own; `None` where one pool serves the area.
    pub in_municipality: Option<u64>,
}

/// A place group with something free.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreePlaceGroup {
    /// Its name.
    pub name: String,
    /// Which.
    pub place_group_id: PlaceGroupId,
    /// How much was free, in per cents of a place.
    pub free_percent: i64,
}

/// What became of a proposal before a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// There was none to confirm.
    NothingProposed,
    /// Nobody has confirmed it yet.
    Waits,
    /// Nobody did in time.
    Lapsed,
    /// The person left before anybody did.
    Withdrawn,
    /// A named person did.
    Confirmed {
        /// When.
        at: Timestamp,
        /// For whom that person acted.
        organisation: String,
        /// What the registry calls it.
        organisation_name: Option<String>,
    },
}

impl Confirmation {
    /// What an offer's state alone says; who confirmed it stands in the log.
    pub fn without(offer: Option<&Offer>) -> Self {
        match offer.map(|offer| &offer.state) {
            None => Self::NothingProposed,
            Some(OfferState::Lapsed) => Self::Lapsed,
            Some(OfferState::Withdrawn { .. }) => Self::Withdrawn,
            Some(
                OfferState::Proposed { .. }
                | OfferState::Offered { .. }
                | OfferState::Accepted { .. }
                | OfferState::Declined { .. }
                | OfferState::Expired
                | OfferState::Started { .. }
                | OfferState::Objected,
            ) => Self::Waits,
        }
    }
}

/// What the registry calls an organisation that confirms proposals: an office, or an area.
pub fn organisation_name(organisation: &str, registry: &Registry) -> Option<String> {
    let office = organisation.parse().ok().and_then(|number| registry.office(&number));
    let area = organisation.parse().ok().and_then(|id| registry.area(&id));
    office.map(|office| office.name.clone()).or_else(|| area.map(|area| area.name.clone()))
}

/// Explains a run to `entry`, as it is now; `before` is the whole ledger just before the
/// run. Nothing has been said to the proposal yet.
pub fn explain(before: &Ledger, run: &Run<'_>, entry: &Entry) -> Result<Explanation, Stop> {
    let Run { header, command, events, registry } = *run;
    let then = before.entry(entry.entry_id);
    let entry = then.unwrap_or(entry);
    let id = before.id();
    let queue = before.queue_of(entry);
    let municipality = queue.municipality().map(|number| {
        let known = registry.municipality(number);
        (number.clone(), known.map_or_else(|| number.to_string(), |m| m.name.clone()))
    });
    let proposal = proposal_of(before, events, entry.entry_id);
    let outcome = outcome(before, command, then, header.at)?;
    let eligible = !matches!(outcome, Outcome::NotEligible(_));
    let report = report_of(events);
    Ok(Explanation {
        ledger: id.clone(),
        measure_name: registry
            .ledger_measure_on(id, header.at.date_in_norway())
            .map_or_else(|| id.measure_code.to_string(), |measure| measure.name.clone()),
        area_name: registry
            .area(&id.county_id)
            .map_or_else(|| id.county_id.to_string(), |area| area.name.clone()),
        seq: header.seq,
        decision_time: header.at,
        rules_version: header.rules_version,
        registry_version: header.registry_version,
        entry_id: entry.entry_id,
        outcome,
        position: eligible.then(|| position(before, entry)),
        key: entry.key,
        priority_class: entry.priority_class.clone(),
        participation_percent: entry.participation_percent,
        municipality,
        free_second_account_percent: before.account(&queue.account()).free(),
        free_place_groups: free_place_groups(before),
        kept_to_groups: !command.place_groups.is_empty(),
        served: events.iter().filter(|event| matches!(event, Event::Proposed { .. })).count(),
        passed_over_counts: report.map(|r| r.passed_over_counts.clone()).unwrap_or_default(),
        run_end: report.map_or(RunEnd::AllProposed, |report| report.end),
        confirmation: if proposal.is_some() {
            Confirmation::Waits
        } else {
            Confirmation::NothingProposed
        },
        proposal,
    })
}

/// Makes the run again and listens for the entry, since a report names only the first of
/// those passed over.
fn outcome(
    before: &Ledger,
    command: &AllocatePlaces,
    entry: Option<&Entry>,
    at: Timestamp,
) -> Result<Outcome, Stop> {
    let state = entry.map(|entry| (entry.entry_id, entry.state));
    let entry_id = match state {
        None => return Ok(Outcome::NotEligible(Ineligible::NotYetJoined)),
        Some((_, EntryState::Proposed(_) | EntryState::Offered(_) | EntryState::Accepted(_))) => {
            return Ok(Outcome::NotEligible(Ineligible::HoldsPlace));
        }
        Some((_, EntryState::Placed(_))) => {
            return Ok(Outcome::NotEligible(Ineligible::Placed));
        }
        Some((_, EntryState::Closed)) => return Ok(Outcome::NotEligible(Ineligible::Closed)),
        Some((_, EntryState::Paused { .. } | EntryState::CoolingDown { .. })) => {
            return Ok(Outcome::NotEligible(Ineligible::Closed)); // NOT BUILT YET
        }
        Some((entry_id, EntryState::Waiting)) => entry_id,
    };
    let max = usize::try_from(command.max_proposals).unwrap_or(usize::MAX);
    let mut outcome = Outcome::NotReached(None);
    let only_groups = command.place_groups.clone();
    let scope = RunScope { only_groups, ..RunScope::all(at, max) };
    run_watched(before, &scope, |judged, judgement| {
        outcome = match (outcome, judgement) {
            (_, Ok(())) if judged == entry_id => Outcome::PlaceProposed,
            (_, Err(reason)) if judged == entry_id => Outcome::NotReached(Some(reason)),
            // Whoever stands before one who is served has been passed over.
            (Outcome::NotReached(Some(reason)), Ok(())) => Outcome::PassedOver(reason),
            (so_far, _) => so_far,
        };
    })?;
    Ok(outcome)
}

fn report_of(events: &[Event]) -> Option<&RunReport> {
    events.iter().find_map(
        |event| {
            if let Event::RunMade { report } = event { Some(report) } else { None }
        },
    )
}

fn proposal_of(before: &Ledger, events: &[Event], entry_id: EntryId) -> Option<(Offer, String)> {
    let offers = events
        .iter()
        .filter_map(|event| if let Event::Proposed { offer } = event { Some(offer) } else { None });
    let offer = offers.into_iter().find(|offer| offer.entry_id == entry_id)?.clone();
    let name = before.place_group(offer.place_group_id).map(|group| group.name.clone());
    Some((offer, name.unwrap_or_default()))
}

fn position(before: &Ledger, entry: &Entry) -> Position {
    let queue = before.queue_of(entry);
    let (mut in_area, mut in_queue) = (1, 1);
    let waiting = before.entries().filter(|other| other.state == EntryState::Waiting);
    for ahead in waiting.filter(|other| other.key < entry.key) {
        in_area += 1;
        in_queue += u64::from(before.queue_of(ahead) == queue);
    }
    Position { in_area, in_municipality: queue.municipality().map(|_| in_queue) }
}

fn free_place_groups(before: &Ledger) -> Vec<FreePlaceGroup> {
    let free = before.place_groups().map(|group| FreePlaceGroup {
        name: group.name.clone(),
        place_group_id: group.place_group_id,
        free_percent: before.account(&AccountKey::PlaceGroup(group.place_group_id)).free(),
    });
    let mut free: Vec<_> = free.filter(|group| group.free_percent > 0).collect();
    free.sort_unstable();
    free.truncate(FREE_PLACE_GROUPS_MAX);
    free
}
