//! What a run decided about one entry: one structured answer, made from the ledger as it was
//! just before.

use std::collections::BTreeMap;

use crate::domain::{
    allocation::{Offer, OfferState, PassedOverReason, RunEnd, RunReport, run_watched},
    calendar::Timestamp,
    command::AllocatePlaces,
    disclosure::{Disclosed, Told, disclose, told},
    event::{Event, Header},
    explanation::standing::{FreePlaceGroup, Position, Site, Standing},
    ids::{EntryId, LedgerId, OfferId, PlaceGroupId},
    ledger::Ledger,
    refusal::Stop,
    registry::Registry,
    waitlist::{Entry, EntryState},
};

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
    /// Where it stood and what was free just before. It has a position only if it was
    /// eligible.
    pub standing: Standing,
    /// Offers of groups with something free that the person had said no to, or had not
    /// answered: of each group the latest, in the order of time.
    pub said_no: Vec<(Site, SaidNo)>,
    /// Whether the run was kept to some of the groups.
    pub kept_to_groups: bool,
    /// How many were served.
    pub served: usize,
    /// How many were passed over, by reason.
    pub passed_over_counts: BTreeMap<PassedOverReason, u64>,
    /// Why the run stopped.
    pub run_end: RunEnd,
    /// The proposal it made for the entry, and the group it is in.
    pub proposal: Option<(Offer, Site)>,
    /// What a person said to the proposal.
    pub confirmation: Confirmation,
}

/// How many others, as somebody may be told who does not see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Others {
    /// Served.
    pub served: Told,
    /// Passed over, by reason.
    pub passed_over: Disclosed<PassedOverReason>,
}

/// An offer that a person let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaidNo {
    /// When the person said no, or the offer expired.
    pub at: Timestamp,
    /// Whether the person said so; otherwise it was not answered in time.
    pub in_words: bool,
}

/// The latest offer in each place group that one entry's person has let go, gathered row by
/// row: the tables keep that it was so and not when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaidNos(BTreeMap<PlaceGroupId, SaidNo>);

impl SaidNos {
    /// Takes in what happened at a time to a ledger, which is as it was after.
    pub fn note(&mut self, ledger: &Ledger, entry_id: EntryId, events: &[Event], at: Timestamp) {
        for event in events {
            let Some((offer_id, in_words)) = let_go(event) else { continue };
            let offer = ledger.offer(offer_id).filter(|offer| offer.entry_id == entry_id);
            if let Some(offer) = offer {
                self.0.insert(offer.place_group_id, SaidNo { at, in_words });
            }
        }
    }
}

/// The offer that a person let go by an event, and whether in words.
fn let_go(event: &Event) -> Option<(OfferId, bool)> {
    if let Event::OfferDeclined { offer_id, .. } = event {
        return Some((*offer_id, true));
    }
    if let Event::OfferExpired { offer_id } = event { Some((*offer_id, false)) } else { None }
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
                | OfferState::Started { .. },
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

impl Explanation {
    /// How many others there were, with small counts hidden.
    pub fn others(&self) -> Others {
        let is_served = self.outcome == Outcome::PlaceProposed;
        let served = u64::try_from(self.served).unwrap_or(u64::MAX);
        let mut counts = self.passed_over_counts.clone();
        if let Outcome::PassedOver(own) = self.outcome
            && let Some(n) = counts.get_mut(&own)
        {
            *n = n.saturating_sub(1);
        }
        Others {
            served: told(served.saturating_sub(u64::from(is_served))),
            passed_over: disclose(&counts),
        }
    }
}

/// Explains a run to `entry`, as it is now; `before` is the whole ledger just before the
/// run, and `said_nos` what the person had said no to. Nothing has been said to the proposal
/// yet.
pub fn explain(
    before: &Ledger,
    run: &Run<'_>,
    entry: &Entry,
    said_nos: &SaidNos,
) -> Result<Explanation, Stop> {
    let Run { header, command, events, registry } = *run;
    let then = before.entry(entry.entry_id);
    let entry = then.unwrap_or(entry);
    let proposal = proposal_of(before, events, entry.entry_id, registry);
    let outcome = outcome(before, command, then)?;
    let eligible = !matches!(outcome, Outcome::NotEligible(_));
    let report = report_of(events);
    let standing = Standing::of(before, entry, eligible.then(|| position(before, entry)), registry);
    Ok(Explanation {
        ledger: before.id().clone(),
        seq: header.seq,
        decision_time: header.at,
        rules_version: header.rules_version,
        registry_version: header.registry_version,
        entry_id: entry.entry_id,
        outcome,
        said_no: said_no_to(&standing.free.place_groups, said_nos),
        standing,
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

/// Those of them that had something free.
fn said_no_to(free: &[FreePlaceGroup], SaidNos(said_nos): &SaidNos) -> Vec<(Site, SaidNo)> {
    let found = free.iter().filter_map(|group| {
        said_nos.get(&group.place_group_id).map(|said_no| (group.site.clone(), *said_no))
    });
    let mut found: Vec<(Site, SaidNo)> = found.collect();
    found.sort_by_key(|(_, said_no)| said_no.at);
    found
}

/// Makes the run again and listens for the entry, since a report names only the first of
/// those passed over.
fn outcome(
    before: &Ledger,
    command: &AllocatePlaces,
    entry: Option<&Entry>,
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
        Some((entry_id, EntryState::Waiting)) => entry_id,
    };
    let max = usize::try_from(command.max_proposals).unwrap_or(usize::MAX);
    let mut outcome = Outcome::NotReached(None);
    run_watched(before, max, &command.place_groups, |judged, judgement| {
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

fn proposal_of(
    before: &Ledger,
    events: &[Event],
    entry_id: EntryId,
    registry: &Registry,
) -> Option<(Offer, Site)> {
    let offers = events
        .iter()
        .filter_map(|event| if let Event::Proposed { offer } = event { Some(offer) } else { None });
    let offer = offers.into_iter().find(|offer| offer.entry_id == entry_id)?.clone();
    let group = before.place_group(offer.place_group_id)?;
    let site = Site::of(group, registry);
    Some((offer, site))
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
