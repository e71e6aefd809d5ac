//! The rules of a ledger, without a database: what each command makes happen, why it is refused,
//! and what holds after any sequence of commands.

#![allow(clippy::unwrap_used)] // A test may stop at the first surprise.
#![allow(clippy::needless_pass_by_value)] // A command is made for one call.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use tiltaksplass::domain::{
    access::{Actor, Role},
    account::{Account, AccountKey},
    allocation::{Offer, OfferState, OutOfTurnReason, Outcome, Placement},
    calendar::{Timestamp, start_of_day_in_norway},
    capacity::{PlacesInPeriod, Quota, QuotaBasis},
    command::{
        AllocatePlaces, BatchJoinWaitlist, ChangeIdentityNumber, ChangePlacement, Command,
        ConfirmEntry, ConfirmProposals, EndPlacement, JoinWaitlist, LeaveWaitlist, PauseEntry,
        PlacementAsk, PrioritizeEntry, RespondToOffer, ResumeEntry, ReviewCapacity, SetPlaceBudget,
        SetQuotas, StartPlacement, SubmitCapacity, UpdateEntry,
    },
    event::{Event, RULES_VERSION},
    ids::{
        EntryId, ExternalReference, IdSource, LedgerId, MunicipalityNumber, OfferId, PersonId,
        PlaceGroupId, PlacementId, SubmissionId,
    },
    ledger::{Context, Head, Ledger, apply, decide},
    measure::{Distribution, MeasureType, PriorityClass},
    refusal::{Limited, Refusal, Stop},
    registry::{
        Area, DistributionWeight, Holiday, Municipality, Office, Provider, Registry, RegistryRow,
    },
    waitlist::Entry,
};
use time::{Date, Duration, macros::date};
use uuid::Uuid;

mod advisers;
mod answers;
mod by_time;
mod capacity;
mod choosing;
mod commands;
mod corrections;
mod declines;
mod enforcement;
mod entries;
mod existing;
mod explained;
mod hosts;
mod imports;
mod invariants;
mod joins;
mod joins_together;
mod kept;
mod leaving;
mod limits;
mod loans;
mod measures;
mod offer_moves;
mod offer_sequences;
mod partial;
mod passed_over;
mod payloads;
mod placements;
mod placing;
mod plain;
mod plans;
mod positions;
mod quota_moves;
mod reserving;
mod ruled;
mod runs;
mod samples;
mod sequences;
mod staff;
mod succession;
mod tables;
mod transfers;
mod vacancies;
mod waits;
mod words;

const AREA: &str = "NO-16";
const TRONDHEIM: &str = "1601";
const HEMNE: &str = "1612";
const ORKDAL: &str = "1638";
/// In another area.
const STEINKJER: &str = "1702";
const PROVIDER: &str = "974760673";
const OTHER_PROVIDER: &str = "123456785";

/// Tuesday; the working days of tests begin here.
const TODAY: Date = date!(2011 - 03 - 01);
const CONFIRM_DAYS: u32 = 2;
const ANSWER_DAYS: u32 = 3;
const BONUS_DAYS: u32 = 30;

// ---- The registry ----

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::default();
    let plan = registry.plan_import(&registry_rows()).unwrap();
    registry.apply(1, &plan.rows);
    registry
});

fn registry_rows() -> Vec<RegistryRow> {
    let area = |id: &str| {
        RegistryRow::Area(Area { county_id: id.parse().unwrap(), name: format!("Area {id}") })
    };
    let municipality = |number: &str, area: &str| {
        RegistryRow::Municipality(Municipality {
            municipality_number: number.parse().unwrap(),
            name: format!("Municipality {number}"),
            county_id: area.parse().unwrap(),
        })
    };
    let office = |number: &str, serves: &[&str]| {
        RegistryRow::Office(Office {
            office_number: number.parse().unwrap(),
            name: format!("NAV {number}"),
            municipality_numbers: serves.iter().map(|n| n.parse().unwrap()).collect(),
        })
    };
    let provider = |number: &str| {
        let organisation_number = number.parse().unwrap();
        RegistryRow::Provider(Provider { organisation_number, name: format!("AS {number}") })
    };
    let weight = |number: &str, weight: u64| {
        RegistryRow::DistributionWeight(DistributionWeight {
            key_name: "population".to_owned(),
            key_date: date!(2011 - 01 - 01),
            municipality_number: number.parse().unwrap(),
            weight,
            source: "SSB 07459".to_owned(),
            borders_date: None,
        })
    };
    vec![
        area(AREA),
        area("NO-17"),
        municipality(TRONDHEIM, AREA),
        municipality(HEMNE, AREA),
        municipality(ORKDAL, AREA),
        municipality(STEINKJER, "NO-17"),
        office("5701", &[TRONDHEIM]),
        office("5702", &[HEMNE, ORKDAL]),
        provider(PROVIDER),
        provider(OTHER_PROVIDER),
        weight(TRONDHEIM, 60_000),
        weight(HEMNE, 25_000),
        weight(ORKDAL, 15_000),
        measure("VTA", Distribution::ByMunicipality, true),
        measure("AVKLARING", Distribution::CountyPool, false),
        RegistryRow::Holiday(Holiday { date: date!(2011 - 04 - 21), name: "Skjærtorsdag".into() }),
        RegistryRow::Holiday(Holiday { date: date!(2011 - 04 - 22), name: "Langfredag".into() }),
    ]
}

fn measure(code: &str, distribution: Distribution, part_time_allowed: bool) -> RegistryRow {
    RegistryRow::MeasureType(MeasureType {
        code: code.parse().unwrap(),
        name: code.to_owned(),
        distribution,
        part_time_allowed,
        confirm_working_days: CONFIRM_DAYS,
        answer_working_days: ANSWER_DAYS,
        priority_classes: vec![PriorityClass {
            code: "YOUNG".parse().unwrap(),
            bonus_days: BONUS_DAYS,
        }],
        aliases: Vec::new(),
        rules: tiltaksplass::domain::measure::MeasureRules::default(),
    })
}

// ---- Ledgers and what happens to them ----

fn ledger_id(code: &str) -> LedgerId {
    LedgerId { county_id: AREA.parse().unwrap(), measure_code: code.parse().unwrap() }
}

fn vta() -> Ledger {
    Ledger::new(ledger_id("VTA"), Distribution::ByMunicipality, Head::EMPTY)
}

fn avklaring() -> Ledger {
    Ledger::new(ledger_id("AVKLARING"), Distribution::CountyPool, Head::EMPTY)
}

fn actor(subject: &str) -> Actor {
    Actor {
        issuer: "https://issuer.example".to_owned(),
        subject: subject.to_owned(),
        role: Role::County,
        organisation: AREA.to_owned(),
        employer: None,
    }
}

/// Decides, lets the events happen, and moves the log on.
fn happen(ledger: &mut Ledger, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    happen_as(ledger, &actor("county"), &command, at)
}

fn happen_as(
    ledger: &mut Ledger,
    actor: &Actor,
    command: &Command,
    at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    happen_by(ledger, actor, command, at, RULES_VERSION)
}

/// The same by the rules of some version.
fn happen_by(
    ledger: &mut Ledger,
    actor: &Actor,
    command: &Command,
    at: Timestamp,
    rules: u32,
) -> Result<Vec<Event>, Refusal> {
    let at = ledger.next_time(at);
    let context = Context { at, registry: &REGISTRY, actor, rules };
    let mut ids = IdSource::new(seed(ledger.head().seq), at);
    let events = match decide(ledger, command, &context, &mut ids) {
        Ok(events) => events,
        Err(Stop::Refused(refusal)) => return Err(refusal),
        Err(Stop::NeedMore(queue)) => panic!("a whole ledger misses some of queue {queue:?}"),
    };
    for event in &events {
        apply(ledger, event);
    }
    ledger.advance([0; 32], at);
    Ok(events)
}

fn seed(seq: u64) -> [u8; 16] {
    u128::from(seq).to_be_bytes()
}

/// So many hours into a day, as the clock of Norway in winter shows it.
fn hour(day: Date, hours: i64) -> Timestamp {
    Timestamp::from_micros(start_of_day_in_norway(day).micros() + hours * 3_600_000_000)
}

fn noon() -> Timestamp {
    hour(TODAY, 12)
}

fn days_on(days: i64) -> Date {
    TODAY.saturating_add(Duration::days(days))
}

fn just_before(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.micros() - 1)
}

fn municipality(number: &str) -> MunicipalityNumber {
    number.parse().unwrap()
}

fn quota_of(number: &str) -> AccountKey {
    AccountKey::Quota(municipality(number))
}

fn from(places: u32, valid_from: Date) -> PlacesInPeriod {
    PlacesInPeriod { places, valid_from, valid_to: None }
}

fn reference(id: &str) -> ExternalReference {
    ExternalReference { system: "arena".to_owned(), id: id.to_owned() }
}

/// Reserved and in use.
fn figures(ledger: &Ledger, key: &AccountKey) -> (i64, i64) {
    let Account { reserved, in_use, .. } = ledger.account(key);
    (reserved, in_use)
}

fn group_figures(ledger: &Ledger, group: PlaceGroupId) -> (i64, i64) {
    figures(ledger, &AccountKey::PlaceGroup(group))
}

fn limit(ledger: &Ledger, key: &AccountKey) -> i64 {
    ledger.account(key).limit
}

// ---- Ready-made ledgers ----

/// VTA with a budget of 100 and these quotas, from today on.
fn vta_with_quotas(quotas: &[(&str, u32)]) -> Ledger {
    let mut ledger = vta();
    happen(&mut ledger, commands::budget(from(100, TODAY)), noon()).unwrap();
    let quotas = quotas.iter().map(|(n, places)| commands::quota(n, from(*places, TODAY)));
    happen(&mut ledger, commands::quotas(quotas.collect()), noon()).unwrap();
    ledger
}

/// Another group of so many places, approved today.
fn add_group(ledger: &mut Ledger, places: u32, work_fields: &[&str]) -> PlaceGroupId {
    let mut submit = commands::submission(from(places, TODAY));
    submit.work_fields = work_fields.iter().map(|&field| field.to_owned()).collect();
    let submission_id = submitted(ledger, submit);
    let review = commands::review(submission_id, true);
    let events = happen(ledger, review, noon()).unwrap();
    let [Event::CapacityApproved { place_group, .. }, ..] = events.as_slice() else {
        panic!("{events:?}")
    };
    place_group.place_group_id
}

fn submitted(ledger: &mut Ledger, submit: SubmitCapacity) -> SubmissionId {
    let command = Command::SubmitCapacity(submit);
    let events = happen_as(ledger, &actor("provider"), &command, noon()).unwrap();
    let [Event::CapacitySubmitted { submission, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    submission.submission_id
}

/// Someone joins, a second later than the last one did.
fn add_entry(ledger: &mut Ledger, join: JoinWaitlist) -> EntryId {
    let events = happen(ledger, Command::JoinWaitlist(join), noon()).unwrap();
    let [Event::Joined { entry }] = events.as_slice() else { panic!("{events:?}") };
    entry.entry_id
}

fn allocate(ledger: &mut Ledger, max: u32) -> Vec<Event> {
    happen(ledger, commands::allocate(max, &[]), noon()).unwrap()
}

/// Who was served by a run, in order, and where.
fn served(events: &[Event]) -> Vec<(EntryId, PlaceGroupId)> {
    offers_of(events).map(|offer| (offer.entry_id, offer.place_group_id)).collect()
}

fn offers_of(events: &[Event]) -> impl Iterator<Item = &Offer> {
    events.iter().filter_map(
        |event| {
            if let Event::Proposed { offer } = event { Some(offer) } else { None }
        },
    )
}

fn entry(ledger: &Ledger, id: EntryId) -> &Entry {
    ledger.entry(id).unwrap()
}

fn placement(ledger: &Ledger, id: PlacementId) -> &Placement {
    ledger.placement(id).unwrap()
}

/// One place, one person, and an offer as far as `step` says.
struct OnePlace {
    ledger: Ledger,
    group: PlaceGroupId,
    entry_id: EntryId,
    offer_id: OfferId,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Step {
    Proposed,
    Offered,
    Accepted,
}

fn one_place(step: Step) -> OnePlace {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let group = add_group(&mut ledger, 1, &[]);
    let entry_id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let offer_id = offers_of(&allocate(&mut ledger, 1)).next().unwrap().offer_id;
    if step >= Step::Offered {
        happen(&mut ledger, commands::confirm(&[offer_id]), noon()).unwrap();
    }
    if step >= Step::Accepted {
        happen(&mut ledger, commands::respond(offer_id, true), noon()).unwrap();
    }
    OnePlace { ledger, group, entry_id, offer_id }
}

impl OnePlace {
    /// The placement begins today.
    fn started(step: Step) -> (Self, PlacementId) {
        let mut one = one_place(step);
        let start = commands::start(one.offer_id, TODAY);
        let events = happen(&mut one.ledger, start, noon()).unwrap();
        let [Event::PlacementStarted { placement }] = events.as_slice() else {
            panic!("{events:?}")
        };
        let placement_id = placement.placement_id;
        (one, placement_id)
    }

    fn happen(&mut self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        happen(&mut self.ledger, command, at)
    }

    /// Reserved and in use, which both accounts must show alike.
    fn figures(&self) -> (i64, i64) {
        let group = group_figures(&self.ledger, self.group);
        assert_eq!(group, figures(&self.ledger, &quota_of(TRONDHEIM)));
        group
    }

    fn offer_state(&self) -> &OfferState {
        &self.ledger.offer(self.offer_id).unwrap().state
    }
}
