//! A ledger beside the model, with the real names of what the model has in lists.

use proptest::{prelude::*, test_runner::TestCaseError};
use tiltaksplass::domain::{
    access::{Actor, Role},
    account::AccountKey,
    allocation::{OfferState, OutOfTurn, OutOfTurnReason, PlacementState},
    calendar::Timestamp,
    capacity::{PlacesInPeriod, Quota, QuotaBasis},
    command::*,
    event::{Event, RULES_VERSION},
    ids::{EntryId, IdSource, LedgerId, OfferId, PersonId, PlaceGroupId, PlacementId},
    ledger::{Context, Head, Ledger, apply, decide},
    measure::{DeclineRule, Distribution, MeasureRules, MeasureType},
    refusal::{Refusal, Stop},
    registry::{Area, Municipality, Office, Provider, Registry, RegistryRow},
    waitlist::{EntryState, Sealed},
};
use time::{Date, Duration, macros::date};
use uuid::Uuid;

use super::{
    ops::{MUNICIPALITIES, Op},
    reference::Model,
    things::{ANSWER_DAYS, CONFIRM_DAYS, COOL_DOWN_DAYS, OBJECT_DAYS, STRIKES, State},
};

pub const OFFICE: &str = "5701";
const PROVIDER: &str = "974760673";
const MONDAY: Date = date!(2011 - 02 - 28);

/// The rules a sequence goes by: something of everything that bears on who gets what.
pub fn rules() -> MeasureRules {
    MeasureRules {
        object_working_days: Some(OBJECT_DAYS),
        decline_rule: DeclineRule::LeaveAfter(STRIKES),
        cool_down_days: Some(COOL_DOWN_DAYS),
        ..MeasureRules::default()
    }
}

pub fn registry() -> Registry {
    let municipality = |number: &&str| {
        RegistryRow::Municipality(Municipality {
            municipality_number: number.parse().unwrap(),
            name: (*number).to_owned(),
            county_id: "NO-16".parse().unwrap(),
        })
    };
    let mut rows = vec![
        RegistryRow::Area(Area { county_id: "NO-16".parse().unwrap(), name: "A".to_owned() }),
        RegistryRow::Office(Office {
            office_number: OFFICE.parse().unwrap(),
            name: "NAV".to_owned(),
            municipality_numbers: MUNICIPALITIES.iter().map(|n| n.parse().unwrap()).collect(),
        }),
        RegistryRow::Provider(Provider {
            organisation_number: PROVIDER.parse().unwrap(),
            name: "P".to_owned(),
        }),
        RegistryRow::MeasureType(MeasureType {
            code: "VTA".parse().unwrap(),
            name: "VTA".to_owned(),
            distribution: Distribution::ByMunicipality,
            part_time_allowed: true,
            confirm_working_days: CONFIRM_DAYS,
            answer_working_days: ANSWER_DAYS,
            priority_classes: Vec::new(),
            aliases: Vec::new(),
            rules: rules(),
        }),
    ];
    rows.extend(MUNICIPALITIES.iter().map(municipality));
    let mut registry = Registry::default();
    let plan = registry.plan_import(&rows).unwrap();
    registry.apply(1, &plan.rows);
    registry
}

/// A ledger beside the model, with the real names of what the model has in lists.
pub struct Real<'a> {
    registry: &'a Registry,
    pub ledger: Ledger,
    pub clock: Timestamp,
    pub groups: Vec<PlaceGroupId>,
    pub entries: Vec<EntryId>,
    pub offers: Vec<OfferId>,
    pub placements: Vec<PlacementId>,
}

impl<'a> Real<'a> {
    pub fn new(registry: &'a Registry, clock: Timestamp) -> Self {
        let county_id = "NO-16".parse().unwrap();
        let id = LedgerId { county_id, measure_code: "VTA".parse().unwrap() };
        let ledger = Ledger::new(id, Distribution::ByMunicipality, Head::EMPTY);
        let (groups, entries, offers, placements) = Default::default();
        Self { registry, ledger, clock, groups, entries, offers, placements }
    }

    /// Decides and lets it happen.
    pub fn happen(&mut self, who: &str, command: &Command) -> Result<Vec<Event>, Refusal> {
        let at = self.ledger.next_time(self.clock);
        let actor = Actor {
            issuer: "i".to_owned(),
            subject: who.to_owned(),
            role: Role::County,
            organisation: "NO-16".to_owned(),
            employer: None,
        };
        let context = Context { at, registry: self.registry, actor: &actor, rules: RULES_VERSION };
        let seed = u128::from(self.ledger.head().seq).to_be_bytes();
        let events = match decide(&self.ledger, command, &context, &mut IdSource::new(seed, at)) {
            Ok(events) => events,
            Err(Stop::Refused(refusal)) => return Err(refusal),
            Err(Stop::NeedMore(queue)) => panic!("a whole ledger misses some of {queue:?}"),
        };
        self.absorb(&events, at);
        Ok(events)
    }

    /// Lets it happen, and notes the names of what is new.
    pub fn absorb(&mut self, events: &[Event], at: Timestamp) {
        for event in events {
            apply(&mut self.ledger, event);
            match event {
                Event::CapacityApproved { place_group, .. } => {
                    self.groups.push(place_group.place_group_id);
                    self.groups.sort_unstable();
                    self.groups.dedup();
                }
                Event::Joined { entry } => self.entries.push(entry.entry_id),
                Event::Proposed { offer } => self.offers.push(offer.offer_id),
                Event::PlacementStarted { placement } => {
                    self.placements.push(placement.placement_id);
                }
                _ => {}
            }
        }
        self.ledger.advance([0; 32], at);
    }

    pub fn budget(&mut self) {
        let places = PlacesInPeriod { places: 1_000, valid_from: MONDAY, valid_to: None };
        let budget =
            SetPlaceBudget { places, source: "s".to_owned(), case_reference: None, rests_on: None };
        self.happen("d", &Command::SetPlaceBudget(budget)).unwrap();
    }

    pub fn today(&self) -> Date {
        self.clock.date_in_norway()
    }

    fn period(&self, places: i64) -> PlacesInPeriod {
        let places = u32::try_from(places).unwrap();
        PlacesInPeriod { places, valid_from: self.today(), valid_to: None }
    }

    fn submission(&self, group: usize, places: i64) -> SubmitCapacity {
        SubmitCapacity {
            place_group_id: self.groups.get(group).copied(),
            organisation_number: PROVIDER.parse().unwrap(),
            name: Some("g".to_owned()),
            site_municipality_number: Some(MUNICIPALITIES[0].parse().unwrap()),
            work_fields: Vec::new(),
            places: self.period(places),
            agreement_reference: None,
            stated_wait: None,
            call_off_rank: None,
            external_references: Vec::new(),
        }
    }

    /// Capacity takes two: one who submits and one who approves.
    fn capacity(&mut self, group: usize, places: i64) {
        let submit = Command::SubmitCapacity(self.submission(group, places));
        let events = self.happen("p", &submit).unwrap();
        let Event::CapacitySubmitted { submission, .. } = &events[0] else { panic!() };
        let (submission_id, approve) = (submission.submission_id, true);
        let review = ReviewCapacity { submission_id, approve, reason: None, case_reference: None };
        self.happen("c", &Command::ReviewCapacity(review)).unwrap();
    }

    pub fn ask(&mut self, op: &Op) -> Result<Vec<Event>, Refusal> {
        match op {
            Op::Advance { .. } => Ok(Vec::new()),
            Op::Capacity { group, places } => {
                self.capacity(*group, *places);
                Ok(Vec::new())
            }
            _ => self.happen("c", &self.command(op)),
        }
    }

    fn command(&self, op: &Op) -> Command {
        let case_reference = None;
        let number = |m: usize| MUNICIPALITIES[m].parse().unwrap();
        let following_office_number = OFFICE.parse().unwrap();
        let groups = |some: &[usize]| some.iter().map(|g| self.groups[*g]).collect::<Vec<_>>();
        match *op {
            Op::Advance { .. } | Op::Capacity { .. } => unreachable!("{op:?} is no one command"),
            Op::Quota { municipality, places } => Command::SetQuotas(SetQuotas {
                quotas: vec![Quota {
                    municipality_number: number(municipality),
                    places: self.period(places),
                    basis: QuotaBasis::Population,
                    basis_date: None,
                    source: "s".to_owned(),
                    review_by: None,
                    committed_places: None,
                }],
                case_reference,
            }),
            Op::Join { person, municipality, percent, ref wants } => {
                Command::JoinWaitlist(JoinWaitlist {
                    person_id: PersonId(Uuid::from_u128(u128::from(person))),
                    municipality_number: number(municipality),
                    following_office_number,
                    participation_percent: u32::try_from(percent).unwrap(),
                    preferred_place_groups: groups(wants),
                    work_fields: Vec::new(),
                    priority_class: None,
                    grounds: None,
                    registered_time: None,
                    external_references: Vec::new(),
                    case_reference,
                    propose_if_free: false,
                    adviser: None,
                    programme: None,
                    on_behalf_of: None,
                    wants_by: None,
                    eligibility: None,
                })
            }
            Op::Allocate { max } => Command::AllocatePlaces(AllocatePlaces {
                max_proposals: u32::try_from(max).unwrap(),
                place_groups: std::collections::BTreeSet::new(),
                case_reference,
            }),
            _ => self.command_about_an_entry(op),
        }
    }

    fn command_about_an_entry(&self, op: &Op) -> Command {
        let case_reference = None;
        let text = || Some(Sealed("sealed".to_owned()));
        let reason = OutOfTurnReason::Health;
        let number = |m: usize| MUNICIPALITIES[m].parse().unwrap();
        let following_office_number = OFFICE.parse().unwrap();
        let groups = |some: &[usize]| some.iter().map(|g| self.groups[*g]).collect::<Vec<_>>();
        match *op {
            Op::Prefer { entry, ref wants } => Command::UpdateEntry(UpdateEntry {
                entry_id: self.entries[entry],
                preferred_place_groups: Some(groups(wants)),
                work_fields: None,
                participation_percent: None,
                priority_class: None,
                following_office_number: None,
                wants_by: None,
                programme: None,
                adviser: None,
                grounds: None,
                case_reference,
            }),
            Op::Pause { entry, days } => Command::PauseEntry(PauseEntry {
                entry_id: self.entries[entry],
                until: days.map(|d| self.today().saturating_add(Duration::days(i64::from(d)))),
                reason: None,
                case_reference,
            }),
            Op::Resume { entry } => {
                Command::ResumeEntry(ResumeEntry { entry_id: self.entries[entry], case_reference })
            }
            Op::Prioritize { entry, days: bonus_days } => {
                let (entry_id, text) = (self.entries[entry], text());
                Command::PrioritizeEntry(PrioritizeEntry {
                    entry_id,
                    bonus_days,
                    reason,
                    text,
                    case_reference,
                })
            }
            Op::Transfer { entry, municipality } => Command::TransferEntry(TransferEntry {
                entry_id: self.entries[entry],
                municipality_number: number(municipality),
                following_office_number,
                to_ledger: None,
                reason: None,
                case_reference,
            }),
            Op::Leave { entry } => Command::LeaveWaitlist(LeaveWaitlist {
                entry_id: self.entries[entry],
                grounds: None,
                case_reference,
            }),
            Op::Place { entry, group } => Command::PlacePerson(PlacePerson {
                entry_id: self.entries[entry],
                place_group_id: self.groups[group],
                out_of_turn: text().map(|text| OutOfTurn { reason, text }),
                reason: Some(reason),
                case_reference,
            }),
            _ => self.command_about_an_offer(op),
        }
    }

    fn command_about_an_offer(&self, op: &Op) -> Command {
        let (case_reference, text) = (None, Some(Sealed("sealed".to_owned())));
        let offer_id = |offer: usize| self.offers[offer];
        match *op {
            Op::Confirm { offer } => Command::ConfirmProposals(ConfirmProposals {
                offer_ids: vec![offer_id(offer)],
                case_reference,
            }),
            Op::Respond { offer, accept } => Command::RespondToOffer(RespondToOffer {
                offer_id: offer_id(offer),
                accept,
                reason: None,
                case_reference,
            }),
            Op::Withdraw { offer } => Command::WithdrawOffer(WithdrawOffer {
                offer_id: offer_id(offer),
                text,
                case_reference,
            }),
            Op::Object { offer } => Command::ObjectToOffer(ObjectToOffer {
                offer_id: offer_id(offer),
                code: tiltaksplass::domain::allocation::ObjectionCode::Other,
                text,
                case_reference,
            }),
            Op::Resolve { offer, uphold } => Command::ResolveObjection(ResolveObjection {
                offer_id: offer_id(offer),
                uphold,
                text,
                case_reference,
            }),
            Op::Extend { offer, days: working_days } => Command::ExtendOffer(ExtendOffer {
                offer_id: offer_id(offer),
                working_days,
                text,
                case_reference,
            }),
            Op::Start { offer } => Command::StartPlacement(StartPlacement {
                offer_id: offer_id(offer),
                start_date: self.today(),
                case_reference,
                elsewhere: Vec::new(),
            }),
            _ => self.command_about_a_placement(op),
        }
    }

    fn command_about_a_placement(&self, op: &Op) -> Command {
        let (case_reference, text) = (None, Some(Sealed("sealed".to_owned())));
        let placement_id = |placement: usize| self.placements[placement];
        match *op {
            Op::End { placement } => Command::EndPlacement(EndPlacement {
                placement_id: placement_id(placement),
                end_date: self.today(),
                outcome: tiltaksplass::domain::allocation::Outcome::Other,
                reason: None,
                case_reference,
            }),
            Op::Share { placement, percent } => Command::ChangePlacement(ChangePlacement {
                placement_id: placement_id(placement),
                change: PlacementAsk::Share {
                    percent: u32::try_from(percent).unwrap(),
                    valid_from: self.today(),
                    wait_if_full: false,
                },
                case_reference,
            }),
            Op::Change { placement, group } => Command::MovePlacement(MovePlacement {
                placement_id: placement_id(placement),
                place_group_id: self.groups[group],
                text,
                case_reference,
            }),
            Op::Reassign { placement, municipality } => {
                Command::ReassignPlacement(ReassignPlacement {
                    placement_id: placement_id(placement),
                    municipality_number: MUNICIPALITIES[municipality].parse().unwrap(),
                    following_office_number: OFFICE.parse().unwrap(),
                    case_reference,
                })
            }
            _ => unreachable!("{op:?} is about nothing there is"),
        }
    }

    /// The same things in the same places, and the same sums on every account.
    pub fn is_as(&self, model: &Model) -> Result<(), TestCaseError> {
        for (entry, id) in model.entries.iter().zip(&self.entries) {
            let real = self.ledger.entry(*id).unwrap();
            let state = match entry.state {
                State::Waiting => EntryState::Waiting,
                State::Cooling(until) => EntryState::CoolingDown { until },
                State::Paused(until) => {
                    EntryState::Paused { until: until.map(Timestamp::date_in_norway) }
                }
                State::Held(offer) => match model.offers[offer].state {
                    "PROPOSED" => EntryState::Proposed(self.offers[offer]),
                    "OFFERED" => EntryState::Offered(self.offers[offer]),
                    _ => EntryState::Accepted(self.offers[offer]),
                },
                State::Placed(placement) => EntryState::Placed(self.placements[placement]),
                State::Closed => EntryState::Closed,
            };
            prop_assert_eq!(real.state, state);
            let key = (real.key.order_time, real.key.registered_time, real.key.join_seq);
            prop_assert_eq!(key, entry.key);
            prop_assert_eq!(real.strikes, entry.strikes);
            let municipality = real.municipality_number.as_str();
            prop_assert_eq!(municipality, MUNICIPALITIES[entry.municipality]);
        }
        for (offer, id) in model.offers.iter().zip(&self.offers) {
            let real = self.ledger.offer(*id).unwrap();
            prop_assert_eq!(real.state.name(), offer.state);
            prop_assert_eq!(real.place_group_id, self.groups[offer.group]);
            prop_assert_eq!(i64::from(real.participation_percent), offer.percent);
            if let OfferState::Offered { answer_by, .. } = real.state {
                prop_assert_eq!(answer_by, offer.until);
            }
        }
        for (placement, id) in model.placements.iter().zip(&self.placements) {
            let real = self.ledger.placement(*id).unwrap();
            prop_assert_eq!(!matches!(real.state, PlacementState::Ended(_)), placement.running);
            prop_assert_eq!(real.place_group_id, self.groups[placement.group]);
            let quota = AccountKey::Quota(MUNICIPALITIES[placement.municipality].parse().unwrap());
            prop_assert_eq!(&real.account, &quota);
            prop_assert_eq!(i64::from(real.participation_percent), placement.percent);
        }
        let listed = (self.entries.len(), self.offers.len(), self.placements.len());
        let modelled = (model.entries.len(), model.offers.len(), model.placements.len());
        prop_assert_eq!(listed, modelled);
        for (group, id) in self.groups.iter().enumerate() {
            let real = self.ledger.account(&AccountKey::PlaceGroup(*id));
            prop_assert_eq!(real.used(), model.held(Some(group), None), "I1, I8: group {}", group);
        }
        for (index, number) in MUNICIPALITIES.iter().enumerate() {
            let real = self.ledger.account(&AccountKey::Quota(number.parse().unwrap()));
            prop_assert_eq!(real.used(), model.held(None, Some(index)), "I2, I8: {}", number);
        }
        Ok(())
    }

    /// Tells the model the names of what is new: what is due at one instant happens by them.
    pub fn name(&self, model: &mut Model) {
        let news = model.entries.iter_mut().zip(&self.entries).rev();
        news.take_while(|(e, _)| e.id == 0).for_each(|(e, id)| e.id = id.0.as_u128());
        let news = model.offers.iter_mut().zip(&self.offers).rev();
        news.take_while(|(o, _)| o.id == 0).for_each(|(o, id)| o.id = id.0.as_u128());
    }
}
