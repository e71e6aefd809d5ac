//! The replicas that serve right now, and the wire between clients and them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration as Pause,
};

use tiltaksplass::{app::Clock, domain::access::Role};
use time::{Duration, OffsetDateTime};
use tonic::{Code, Status, transport::Channel};

use crate::{
    chaos::{
        Dice,
        call::{Call, Reply},
    },
    support::{Bearer, Caller, Service, request_id},
};

/// Tokens are good for eight hours; these are renewed well before, if the clock lets.
const RENEW_AFTER: Duration = Duration::hours(4);

/// The replicas that serve, and tokens for them.
pub struct Fleet {
    /// Knows issuer, clock, keys and database; serves nobody itself.
    pub base: Service,
    channels: Mutex<BTreeMap<u64, Channel>>,
    tokens: Mutex<BTreeMap<String, (OffsetDateTime, Bearer)>>,
    numbers: AtomicU64,
}

impl Fleet {
    pub fn new(base: Service) -> Self {
        Self {
            base,
            channels: Mutex::default(),
            tokens: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// Puts a replica into service; its number.
    pub fn add(&self, replica: &Service) -> u64 {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let endpoint = Channel::from_shared(format!("http://{}", replica.address)).unwrap();
        self.channels.lock().unwrap().insert(number, endpoint.connect_lazy());
        number
    }

    pub fn remove(&self, number: u64) {
        self.channels.lock().unwrap().remove(&number);
    }

    /// A county's caller at any replica; `None` while there is none.
    pub fn caller(&self, county: &str, dice: &mut Dice) -> Option<Caller> {
        let mut channels: Vec<Channel> = self.channels.lock().unwrap().values().cloned().collect();
        let channel = dice.take(&mut channels)?;
        Some(Caller { channel, bearer: self.bearer(county) })
    }

    fn bearer(&self, county: &str) -> Bearer {
        let now = self.base.clock.now().to_datetime();
        let mut tokens = self.tokens.lock().unwrap();
        if let Some((since, bearer)) = tokens.get(county)
            && now - *since < RENEW_AFTER
        {
            return bearer.clone();
        }
        let bearer = Bearer::new(&self.base.token(Role::County, county, "county-1"));
        tokens.insert(county.to_owned(), (now, bearer.clone()));
        bearer
    }

    /// Of somebody who sees the change feed whole.
    pub fn auditor(&self) -> Bearer {
        Bearer::new(&self.base.token(Role::Auditor, "NAV", "auditor-1"))
    }

    /// Forgets a token that was refused.
    pub fn forget_token(&self, county: &str) {
        self.tokens.lock().unwrap().remove(county);
    }
}

/// A defect that is planted between client and service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// A join is acknowledged and never forwarded.
    LostWrite,
    /// The retry of a run is forwarded under a fresh request id.
    HappensTwice,
    /// The entries of two proposals change places in an answer.
    SwappedAnswer,
}

/// How many calls of the kind a defect concerns are left alone before it strikes.
const SPARED: u64 = 5;

/// The wire: hands calls on, but for one defect, once.
#[derive(Default)]
pub struct Wire {
    defect: Option<Defect>,
    seen: AtomicU64,
    /// The request whose first answer was held back.
    held_back: Mutex<Option<String>>,
}

impl Wire {
    pub fn new(defect: Option<Defect>) -> Self {
        Self { defect, ..Self::default() }
    }

    /// Whether the defect has struck.
    pub fn has_struck(&self) -> bool {
        self.seen.load(Ordering::Relaxed) > SPARED
    }

    pub async fn send(
        &self,
        call: &Call,
        caller: &Caller,
        deadline: Option<Pause>,
    ) -> Result<Reply, Status> {
        match (self.defect, call) {
            (Some(Defect::LostWrite), Call::Join(_)) if self.strikes() => {
                call.preview().send(caller, deadline).await
            }
            (Some(Defect::HappensTwice), Call::Allocate(_)) => {
                self.send_twice(call, caller, deadline).await
            }
            (Some(Defect::SwappedAnswer), Call::Allocate(_)) => {
                let reply = call.send(caller, deadline).await?;
                Ok(self.swap(reply))
            }
            _ => call.send(caller, deadline).await,
        }
    }

    fn strikes(&self) -> bool {
        self.seen.fetch_add(1, Ordering::Relaxed) == SPARED
    }

    async fn send_twice(
        &self,
        call: &Call,
        caller: &Caller,
        deadline: Option<Pause>,
    ) -> Result<Reply, Status> {
        let held_back = self.held_back.lock().unwrap().clone();
        if held_back.as_deref() == Some(call.request_id()) {
            return call.named(request_id()).send(caller, deadline).await;
        }
        let reply = call.send(caller, deadline).await?;
        if self.strikes() {
            *self.held_back.lock().unwrap() = Some(call.request_id().to_owned());
            return Err(Status::new(Code::Unavailable, "held back"));
        }
        Ok(reply)
    }

    fn swap(&self, mut reply: Reply) -> Reply {
        if let Reply::Allocate(run) = &mut reply
            && let [first, second, ..] = &mut run.proposals[..]
            && self.strikes()
        {
            std::mem::swap(&mut first.entry_id, &mut second.entry_id);
        }
        reply
    }
}
