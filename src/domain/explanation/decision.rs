//! What a run decided about one entry: one structured answer, made from the ledger as it was
//! just before.

use std::collections::BTreeMap;

use crate::domain::{
    allocation::{
        Offer, OfferState, OutOfTurnReason, PassedOverReason, RunEnd, RunReport, RunRules,
        RunScope, run_watched,
    },
    calendar::Timestamp,
    command::Command,
    disclosure::{Disclosed, Told, disclose, told},
    event::{EntryChange, Event, Header},
    explanation::{
        runs::{is_that_run, report_of, run_of, scopes, served},
        standing::{FreePlaceGroup, Position, Site, Standing},
    },
    ids::{EntryId, LedgerId, OfferId, PlaceGroupId},
    ledger::{Ledger, apply},
    measure::{DecisionText, MeasureVersion},
    refusal::Stop,
    registry::Registry,
    shadow::Verdict,
    waitlist::{Entry, EntryState},
};

/// A log row in which places were given.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its header.
    pub header: &'a Header,
    /// What was asked.
    pub command: &'a Command,
    /// What it decided.
    pub events: &'a [Event],
    /// The registry it looked into.
    pub registry: &'a Registry,
}

/// Whether a row's events have a run, or a place given without one, to explain.
pub fn gives_places(events: &[Event]) -> bool {
    let gives = |event: &Event| matches!(event, Event::RunMade { .. });
    events.iter().any(|event| gives(event) || by_hand(event).is_some())
}

/// The offer that a named person made by hand by an event.
fn by_hand(event: &Event) -> Option<&Offer> {
    let (Event::Proposed { offer } | Event::OfferChanged { offer, .. }) = event else {
        return None;
    };
    let chosen = offer.out_of_turn.is_some() || offer.shadow.is_some();
    (chosen && offer.state.reserves()).then_some(offer)
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
    /// Which version of the measure type held on that day.
    pub measure_version: Option<MeasureVersion>,
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
    /// What the run was about.
    pub occasion: Occasion,
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
    /// What the rules would have done with a place that was given by hand.
    pub by_rules: Option<ByRules>,
    /// Legal basis and appeal in words, as the measure type has them.
    pub legal_texts: Vec<DecisionText>,
}

/// What the rules would have done with a place that was given by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByRules {
    /// How that compares with what was done.
    pub verdict: Verdict,
    /// Whether the entry in question would have got it.
    pub to_this_one: bool,
}

/// What a run was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Free places were shared out: all, or those of some groups.
    SharedOut {
        /// Whether only some groups' were.
        some_groups: bool,
    },
    /// A place that was given back was passed on.
    PassedOn,
    /// Somebody joined or came while a place was free.
    Came,
    /// Nothing: a named person chose somebody.
    Chosen,
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
            if let Event::EntryChanged { entry, change } = event
                && entry.entry_id == entry_id
                && is_correction(change)
            {
                // A no that was a yes was never said.
                self.0.retain(|group, _| entry.declined_here.contains(group));
            }
            let Some((offer_id, in_words)) = let_go(event) else { continue };
            let offer = ledger.offer(offer_id).filter(|offer| offer.entry_id == entry_id);
            if let Some(offer) = offer {
                self.0.insert(offer.place_group_id, SaidNo { at, in_words });
            }
        }
    }
}

fn is_correction(change: &EntryChange) -> bool {
    matches!(change, EntryChange::Corrected { .. } | EntryChange::PriorityByCorrection { .. })
}

/// The offer that a person let go by an event, and whether in words.
fn let_go(event: &Event) -> Option<(OfferId, bool)> {
    if let Event::OfferDeclined { offer_id, .. } = event {
        return Some((*offer_id, true));
    }
    if let Event::OfferExpired { offer_id, .. } = event { Some((*offer_id, false)) } else { None }
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
    /// A named person gave it a place by hand; why, where a reason was given.
    OutOfTurn(Option<OutOfTurnReason>),
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
    /// It was on pause.
    Paused,
    /// Its person had let an offer go lately.
    CoolingDown,
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
    /// It was taken back before anybody did.
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

/// Explains a row to `entry`, as it is now; `before` is the whole ledger just before the
/// row, and `said_nos` what the person had said no to. Nothing has been said to the proposal
/// yet. Of several runs in a row it is the one that served the entry, or the last.
pub fn explain(
    before: &Ledger,
    row: &Row<'_>,
    entry: &Entry,
    said_nos: &SaidNos,
) -> Result<Explanation, Stop> {
    let Row { header, command, registry, .. } = *row;
    let (earlier, events) = run_of(row.events, entry.entry_id);
    let (mut at_run, mut said_nos) = (before.clone(), said_nos.clone());
    for event in earlier {
        apply(&mut at_run, event);
    }
    said_nos.note(&at_run, entry.entry_id, earlier, header.at);
    let then = at_run.entry(entry.entry_id);
    let entry = then.unwrap_or(entry);
    let measure = registry.ledger_measure_on(before.id(), header.at.date_in_norway());
    let rules = RunRules::of(measure, header.rules_version);
    let scopes = scopes(before, &at_run, command, header.at, rules);
    let outcome = outcome(&at_run, &scopes, events, then)?;
    let report = report_of(events);
    let eligible = then.is_some_and(|entry| entry.state == EntryState::Waiting);
    let position = eligible.then(|| position(&at_run, entry));
    let standing = Standing::of(&at_run, entry, position, registry, header.at);
    let proposal = proposal_of(&at_run, events, entry.entry_id, registry);
    Ok(Explanation {
        ledger: before.id().clone(),
        seq: header.seq,
        decision_time: header.at,
        rules_version: header.rules_version,
        registry_version: header.registry_version,
        measure_version: MeasureVersion::of_decision(header, registry),
        entry_id: entry.entry_id,
        outcome,
        said_no: said_no_to(&standing.free.place_groups, &said_nos),
        standing,
        occasion: occasion(command, &scopes, report),
        served: served(events).count(),
        passed_over_counts: report.map(|r| r.passed_over_counts.clone()).unwrap_or_default(),
        run_end: report.map_or(RunEnd::AllProposed, |report| report.end),
        confirmation: match &proposal {
            Some((Offer { state: OfferState::Proposed { .. }, .. }, _)) => Confirmation::Waits,
            Some(_) | None => Confirmation::NothingProposed,
        },
        proposal,
        by_rules: by_rules(events, entry.entry_id),
        legal_texts: measure.map(|measure| measure.rules.texts.clone()).unwrap_or_default(),
    })
}

fn occasion(command: &Command, scopes: &[RunScope], report: Option<&RunReport>) -> Occasion {
    match (command, report) {
        (_, None) => Occasion::Chosen,
        (Command::AllocatePlaces(c), _) => {
            Occasion::SharedOut { some_groups: !c.place_groups.is_empty() }
        }
        (_, _) if scopes.iter().any(|scope| scope.percent.is_some()) => Occasion::PassedOn,
        (_, _) => Occasion::Came,
    }
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
/// those passed over. A run that comes out the same in no scope is told from its report.
fn outcome(
    at_run: &Ledger,
    scopes: &[RunScope],
    events: &[Event],
    entry: Option<&Entry>,
) -> Result<Outcome, Stop> {
    let Some(entry) = entry else {
        return Ok(Outcome::NotEligible(Ineligible::NotYetJoined));
    };
    let mut chosen = events.iter().filter_map(by_hand);
    if let Some(offer) = chosen.find(|offer| offer.entry_id == entry.entry_id) {
        return Ok(Outcome::OutOfTurn(offer.out_of_turn.as_ref().map(|why| why.reason)));
    }
    if let Some(why) = ineligible(entry.state) {
        return Ok(Outcome::NotEligible(why));
    }
    for scope in scopes {
        let mut outcome = Outcome::NotReached(None);
        let (served, report) = run_watched(at_run, scope, |judged, judgement| {
            outcome = match (outcome, judgement) {
                (_, Ok(())) if judged == entry.entry_id => Outcome::PlaceProposed,
                (_, Err(reason)) if judged == entry.entry_id => Outcome::NotReached(Some(reason)),
                // Whoever stands before one who is served has been passed over.
                (Outcome::NotReached(Some(reason)), Ok(())) => Outcome::PassedOver(reason),
                (so_far, _) => so_far,
            };
        })?;
        if is_that_run(&served, &report, events) {
            return Ok(outcome);
        }
    }
    Ok(reported(events, entry.entry_id))
}

/// The shadow of the place that a row gave by hand, as it is told to an entry.
fn by_rules(events: &[Event], entry_id: EntryId) -> Option<ByRules> {
    let offer = events.iter().find_map(by_hand)?;
    let shadow = offer.shadow.as_ref()?;
    let to_this_one = shadow.would_have_served == Some(entry_id);
    Some(ByRules { verdict: shadow.verdict(offer.entry_id), to_this_one })
}

fn ineligible(state: EntryState) -> Option<Ineligible> {
    match state {
        EntryState::Waiting => None,
        EntryState::Proposed(_) | EntryState::Offered(_) | EntryState::Accepted(_) => {
            Some(Ineligible::HoldsPlace)
        }
        EntryState::Placed(_) => Some(Ineligible::Placed),
        EntryState::Closed => Some(Ineligible::Closed),
        EntryState::Paused { .. } => Some(Ineligible::Paused),
        EntryState::CoolingDown { .. } => Some(Ineligible::CoolingDown),
    }
}

fn reported(events: &[Event], entry_id: EntryId) -> Outcome {
    if served(events).any(|offer| offer.entry_id == entry_id) {
        return Outcome::PlaceProposed;
    }
    let named = report_of(events).map(|report| report.passed_over.as_slice()).unwrap_or_default();
    let reason = named.iter().find(|(passed_over, _)| *passed_over == entry_id);
    reason.map_or(Outcome::NotReached(None), |(_, reason)| Outcome::PassedOver(*reason))
}

fn proposal_of(
    before: &Ledger,
    events: &[Event],
    entry_id: EntryId,
    registry: &Registry,
) -> Option<(Offer, Site)> {
    let chosen = events.iter().filter_map(by_hand);
    let mut offers = served(events).chain(chosen);
    let offer = offers.find(|offer| offer.entry_id == entry_id)?.clone();
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
