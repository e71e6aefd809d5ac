//! A client: does whatever there is to do, and tries again under the same request id
//! until it knows what became of it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration as Pause,
};

use tiltaksplass::{app::Clock, proto::google::r#type::Date, proto::v1::*};
use tonic::{Code, Status};

use crate::{
    chaos::{
        Dice,
        call::{Call, Reply, ledger_name},
        fleet::{Fleet, Wire},
        history::{History, Outcome, Record},
    },
    support::{reason, request_id},
    world::{date, join},
};

/// What clients have on their desks, by ledger.
#[derive(Default, Clone)]
struct Desk {
    proposals: Vec<String>,
    offers: Vec<String>,
    accepted: Vec<String>,
    running: Vec<String>,
    waiting: Vec<String>,
    groups: Vec<String>,
}

/// What all clients share.
pub struct Office {
    pub fleet: Fleet,
    pub wire: Wire,
    pub ledgers: Vec<Ledger>,
    pub history: Mutex<History>,
    desks: Mutex<BTreeMap<String, Desk>>,
    people: AtomicU32,
    steps: AtomicU64,
}

impl Office {
    /// With the place groups of each ledger.
    pub fn new(fleet: Fleet, wire: Wire, places: Vec<(Ledger, Vec<String>)>) -> Self {
        let ledgers = places.iter().map(|(ledger, _)| ledger.clone()).collect();
        let desks = places
            .into_iter()
            .map(|(ledger, groups)| (ledger_name(&ledger), Desk { groups, ..Desk::default() }));
        Self {
            fleet,
            wire,
            ledgers,
            history: Mutex::default(),
            desks: Mutex::new(desks.collect()),
            people: AtomicU32::new(0),
            steps: AtomicU64::new(1),
        }
    }

    fn step(&self) -> u64 {
        self.steps.fetch_add(1, Ordering::SeqCst)
    }
}

/// How a client behaves.
#[derive(Clone, Copy)]
pub struct Manners {
    /// Of a hundred attempts so many are dropped after 0 to 20 ms.
    pub drops_percent: u64,
    /// Of a hundred attempts so many have a deadline of 5 to 30 ms.
    pub hurries_percent: u64,
    /// How often a call is tried.
    pub attempts: u32,
}

impl Manners {
    pub const CALM: Self = Self { drops_percent: 0, hurries_percent: 0, attempts: 40 };
    pub const WILD: Self = Self { drops_percent: 15, hurries_percent: 5, attempts: 40 };
    pub const GONE: Self = Self { drops_percent: 100, hurries_percent: 0, attempts: 1 };
}

/// What one attempt came to.
enum Said {
    Yes(Box<Reply>),
    No(Status),
    /// Nobody knows whether it happened.
    Nothing,
    /// It certainly did not happen.
    NotNow,
}

/// A client.
pub struct Client {
    pub office: Arc<Office>,
    pub dice: Dice,
    pub manners: Manners,
}

impl Client {
    /// Does one thing.
    pub async fn act(&mut self) {
        let call = self.choose();
        let begun = self.office.step();
        let (outcome, attempts, reply) = self.carry_out(&call).await;
        let ended = self.office.step();
        if let Some(reply) = reply {
            self.file(&ledger_name(call.ledger()), reply);
        }
        let record = Record { call, begun, ended, attempts, outcome };
        self.office.history.lock().unwrap().records.push(record);
    }

    /// Sends a call until something is known.
    pub async fn carry_out(&mut self, call: &Call) -> (Outcome, u32, Option<Reply>) {
        let mut clear = true;
        for attempt in 1..=self.manners.attempts {
            match self.attempt(call).await {
                Said::Yes(reply) => {
                    let (seq, bytes) = (reply.seq(), reply.bytes());
                    return (Outcome::Acknowledged { seq, bytes }, attempt, Some(*reply));
                }
                Said::No(status) => {
                    let reason = reason(&status);
                    let expired = reason == "REQUEST_ID_EXPIRED";
                    let refused = Outcome::Refused { reason, clear };
                    return (if expired { Outcome::Expired } else { refused }, attempt, None);
                }
                Said::Nothing => clear = false,
                Said::NotNow => {}
            }
            if attempt < self.manners.attempts {
                let pause = self.dice.below(20 * u64::from(attempt.min(10)) + 1);
                tokio::time::sleep(Pause::from_millis(pause)).await;
            }
        }
        (Outcome::Unknown, self.manners.attempts, None)
    }

    async fn attempt(&mut self, call: &Call) -> Said {
        let county = &call.ledger().county_id;
        let Some(caller) = self.office.fleet.caller(county, &mut self.dice) else {
            return Said::NotNow;
        };
        let hurried = self.dice.percent(self.manners.hurries_percent);
        let deadline = hurried.then(|| Pause::from_millis(5 + self.dice.below(25)));
        let dropped = self.dice.percent(self.manners.drops_percent);
        let patience = if dropped {
            Pause::from_micros(self.dice.below(20_000))
        } else {
            Pause::from_secs(30)
        };
        let sent = self.office.wire.send(call, &caller, deadline);
        match tokio::time::timeout(patience, sent).await {
            Err(_) => {
                self.note("dropped".to_owned());
                Said::Nothing
            }
            Ok(Ok(reply)) => Said::Yes(Box::new(reply)),
            Ok(Err(status)) => self.understand(call, status),
        }
    }

    fn note(&self, why: String) {
        *self.office.history.lock().unwrap().in_vain.entry(why).or_default() += 1;
    }

    fn understand(&self, call: &Call, status: Status) -> Said {
        let why = format!("{:?} {}", status.code(), reason(&status));
        let said = self.sort(call, status);
        match said {
            Said::Yes(_) | Said::No(_) => {}
            Said::Nothing | Said::NotNow => self.note(why),
        }
        said
    }

    fn sort(&self, call: &Call, status: Status) -> Said {
        match status.code() {
            Code::Unauthenticated => {
                self.office.fleet.forget_token(&call.ledger().county_id);
                Said::NotNow
            }
            // Only the service knows that it did not begin; the transport does not.
            Code::ResourceExhausted if reason(&status) == "OVERLOADED" => Said::NotNow,
            Code::Internal if reason(&status) == "INTERNAL" => {
                let fault = format!("{call:?}: {status:?}");
                self.office.history.lock().unwrap().faults.push(fault);
                Said::Nothing
            }
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Internal
            | Code::ResourceExhausted
            | Code::Cancelled
            | Code::Unknown => Said::Nothing,
            Code::Ok
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss => Said::No(status),
        }
    }

    /// Puts what an answer brought on the desk. Now and then a proposal or an offer is
    /// forgotten, and time takes care of it.
    fn file(&mut self, ledger: &str, reply: Reply) {
        let goes_on = matches!(reply, Reply::Answer(_) | Reply::Start(_) | Reply::Join(_));
        if !goes_on && self.dice.percent(10) {
            return;
        }
        let mut desks = self.office.desks.lock().unwrap();
        let Some(desk) = desks.get_mut(ledger) else { return };
        match reply {
            Reply::Join(joined) => desk.waiting.push(joined.entry_id),
            Reply::End(_) | Reply::Leave(_) => {}
            Reply::Allocate(run) => {
                desk.proposals.extend(run.proposals.into_iter().map(|offer| offer.offer_id));
            }
            Reply::Confirm(done) => {
                desk.offers.extend(done.offers.into_iter().map(|offer| offer.offer_id));
            }
            Reply::Answer(done) => {
                let accepted = done.offer.filter(|o| o.state() == OfferState::Accepted);
                desk.accepted.extend(accepted.map(|offer| offer.offer_id));
            }
            Reply::Start(done) => desk.running.extend(done.placement.map(|p| p.placement_id)),
        }
    }

    /// Something to do in one of the ledgers.
    fn choose(&mut self) -> Call {
        let ledgers = &self.office.ledgers;
        let index = self.dice.below(ledgers.len() as u64);
        let ledger = ledgers[usize::try_from(index).unwrap()].clone();
        let office = Arc::clone(&self.office);
        let mut desks = office.desks.lock().unwrap();
        let desk = desks.get_mut(&ledger_name(&ledger)).unwrap();
        // Who does not wait for an answer takes nothing off the desk.
        let mut copy = desk.clone();
        let desk = if self.manners.attempts == 1 { &mut copy } else { desk };
        let of_desk = match self.dice.below(100) {
            0..25 => None,
            25..45 => Some(Call::Allocate(AllocatePlacesRequest {
                request_id: request_id(),
                ledger: Some(ledger.clone()),
                max_proposals: u32::try_from(1 + self.dice.below(4)).unwrap(),
                ..AllocatePlacesRequest::default()
            })),
            45..62 => self.confirm(&ledger, desk),
            62..78 => self.answer(&ledger, desk),
            78..89 => self.start(&ledger, desk),
            89..97 => self.end(&ledger, desk),
            _ => self.leave(&ledger, desk),
        };
        of_desk.unwrap_or_else(|| self.join(&ledger, desk))
    }

    fn join(&mut self, ledger: &Ledger, desk: &Desk) -> Call {
        // Every fifth wants what somebody has asked for before, here or elsewhere.
        let known = self.office.people.load(Ordering::Relaxed);
        let person = if known > 0 && self.dice.percent(20) {
            u32::try_from(self.dice.below(u64::from(known))).unwrap()
        } else {
            self.office.people.fetch_add(1, Ordering::Relaxed)
        };
        let mut request = join(ledger, person);
        if ledger.measure_code == "VTA" && self.dice.percent(20) {
            request.participation_percent = 50;
        }
        if self.dice.percent(10) {
            request.priority_class = "FIRST".into();
            request.priority_ground = "bør gå foran".into();
        }
        if self.dice.percent(20) {
            request.preferred_place_group_ids =
                self.dice.take(&mut desk.groups.clone()).into_iter().collect();
        }
        Call::Join(request)
    }

    fn confirm(&mut self, ledger: &Ledger, desk: &mut Desk) -> Option<Call> {
        let mut offer_ids = vec![self.dice.take(&mut desk.proposals)?];
        if self.dice.percent(50) {
            offer_ids.extend(self.dice.take(&mut desk.proposals));
        }
        Some(Call::Confirm(ConfirmProposalsRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            offer_ids,
            ..ConfirmProposalsRequest::default()
        }))
    }

    fn answer(&mut self, ledger: &Ledger, desk: &mut Desk) -> Option<Call> {
        let offer_id = self.dice.take(&mut desk.offers)?;
        let accepts = self.dice.percent(80);
        let answer = if accepts { OfferAnswer::Accept } else { OfferAnswer::Decline };
        Some(Call::Answer(RespondToOfferRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            offer_id,
            answer: answer.into(),
            reason: "for langt å reise".into(),
            ..RespondToOfferRequest::default()
        }))
    }

    fn start(&mut self, ledger: &Ledger, desk: &mut Desk) -> Option<Call> {
        let offer_id = self.dice.take(&mut desk.accepted)?;
        Some(Call::Start(StartPlacementRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            offer_id,
            start_date: Some(self.day(0)),
            ..StartPlacementRequest::default()
        }))
    }

    /// Half of the ends lie some days ahead and come by time.
    fn end(&mut self, ledger: &Ledger, desk: &mut Desk) -> Option<Call> {
        let placement_id = self.dice.take(&mut desk.running)?;
        let days = if self.dice.percent(50) { 0 } else { self.dice.below(5) };
        Some(Call::End(EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            placement_id,
            end_date: Some(self.day(days)),
            outcome: PlacementOutcome::OrdinaryWork.into(),
            reason: "fikk jobb".into(),
            ..EndPlacementRequest::default()
        }))
    }

    /// Somebody of all who have joined: some wait, some hold an offer, some have begun.
    fn leave(&mut self, ledger: &Ledger, desk: &mut Desk) -> Option<Call> {
        let entry_id = self.dice.take(&mut desk.waiting)?;
        Some(Call::Leave(LeaveWaitlistRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            entry_id,
            reason: LeaveReason::Work.into(),
            reason_text: "fikk jobb".into(),
            ..LeaveWaitlistRequest::default()
        }))
    }

    fn day(&self, days: u64) -> Date {
        let today = self.office.fleet.base.clock.now().date_in_norway();
        let day = today + time::Duration::days(days.cast_signed());
        date(day.year(), u8::from(day.month()).into(), day.day().into())
    }
}
