//! A storm of calls that nobody waits for: mutations and reads over many connections,
//! each dropped within 20 ms. What was acknowledged is there, once; nothing else of the
//! service is left behind by those who went away.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration as Pause, Instant},
};

use prost::Message;
use sqlx::PgConnection;
use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::Status;

use crate::{
    chaos::Dice,
    support::{Caller, reason, request_id},
    world::{COUNTY, LEVANGER, OTHER_COUNTY, TRONDHEIM, World, join},
};

/// How many calls are begun.
const CALLS: usize = 20_000;
/// How many go on at once, and over how many connections.
const AT_ONCE: u64 = 32;
const CONNECTIONS: usize = 12;
/// The longest anybody waits, in microseconds.
const PATIENCE_US: u64 = 20_000;
/// How many of a hundred calls read.
const READS_PERCENT: u64 = 30;
/// Clients that do wait, among all those who do not.
const PATIENT: u64 = 8;

/// A mutation that was acknowledged: how it was asked for and what was answered.
#[derive(Clone)]
enum Done {
    Joined(Box<JoinWaitlistRequest>, JoinWaitlistResponse),
    Allocated(AllocatePlacesRequest, AllocatePlacesResponse),
}

/// What all clients share.
struct Storm {
    callers: BTreeMap<&'static str, Vec<Caller>>,
    begun: AtomicUsize,
    people: AtomicU32,
    /// Nobody waited for these.
    dropped: AtomicUsize,
    /// These the transport gave up, with a connection on which too many were dropped.
    lost: AtomicUsize,
    done: Mutex<Vec<(Caller, Done)>>,
}

fn ledger(county: &str) -> Ledger {
    Ledger { county_id: county.into(), measure_code: "VTA".into() }
}

impl Storm {
    async fn new(world: &World) -> Self {
        let mut callers = BTreeMap::new();
        for county in [COUNTY, OTHER_COUNTY] {
            let mut all = Vec::new();
            for n in 0..CONNECTIONS / 2 {
                let name = format!("county-{n}");
                all.push(world.service.caller_as(Role::County, county, &name).await);
            }
            callers.insert(county, all);
        }
        Self {
            callers,
            begun: AtomicUsize::new(0),
            people: AtomicU32::new(0),
            dropped: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            done: Mutex::default(),
        }
    }

    fn caller(&self, dice: &mut Dice) -> (&'static str, Caller) {
        let county = [COUNTY, OTHER_COUNTY][usize::from(dice.percent(50))];
        let callers = &self.callers[county];
        let one = usize::try_from(dice.below(callers.len() as u64)).unwrap();
        (county, callers[one].clone())
    }

    /// Asks for something new; whether it was acknowledged.
    async fn mutate(&self, dice: &mut Dice) -> Result<(), Status> {
        let (county, caller) = self.caller(dice);
        let ledger = ledger(county);
        let done = if dice.percent(80) {
            let person = self.people.fetch_add(1, Ordering::Relaxed);
            let request = join(&ledger, person);
            let answer = caller.waitlist().join_waitlist(request.clone()).await?;
            Done::Joined(Box::new(request), answer.into_inner())
        } else {
            let request = AllocatePlacesRequest {
                request_id: request_id(),
                ledger: Some(ledger),
                max_proposals: 2,
                ..AllocatePlacesRequest::default()
            };
            let answer = caller.allocation().allocate_places(request.clone()).await?;
            Done::Allocated(request, answer.into_inner())
        };
        self.done.lock().unwrap().push((caller, done));
        Ok(())
    }

    async fn read(&self, dice: &mut Dice) -> Result<(), Status> {
        let (county, caller) = self.caller(dice);
        let ledger = Some(ledger(county));
        match dice.below(3) {
            0 => {
                let page_size = 10;
                let request =
                    ListWaitlistEntriesRequest { ledger, page_size, ..Default::default() };
                caller.waitlist().list_waitlist_entries(request).await.map(drop)
            }
            1 => {
                let request = GetAvailabilityRequest { ledger, ..Default::default() };
                caller.capacity().get_availability(request).await.map(drop)
            }
            _ => {
                let request = ListChangesRequest { ledger, page_size: 10, ..Default::default() };
                caller.change().list_changes(request).await.map(drop)
            }
        }
    }

    /// Begins calls and drops them, until enough were begun.
    async fn rage(&self, mut dice: Dice) {
        while self.begun.fetch_add(1, Ordering::Relaxed) < CALLS {
            // Up to the longest, but mostly short: dropped before it was sent, on its way,
            // while it waits, while it is done.
            let longest = 1 + dice.below(PATIENCE_US);
            let patience = Pause::from_micros(dice.below(longest));
            let reads = dice.percent(READS_PERCENT);
            let call = async {
                if reads { self.read(&mut dice).await } else { self.mutate(&mut dice).await }
            };
            match tokio::time::timeout(patience, call).await {
                Ok(Ok(())) => {}
                Ok(Err(status)) => self.note(&status),
                Err(_) => drop(self.dropped.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    /// The transport may give a connection up, and there may be too much to do; nothing
    /// else may go wrong.
    fn note(&self, status: &Status) {
        let reason = reason(status);
        assert!(["", "OVERLOADED"].contains(&reason.as_str()), "{status:?}");
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for each answer as long as the storm lasts.
    async fn endure(&self, mut dice: Dice) {
        while self.begun.load(Ordering::Relaxed) < CALLS {
            if let Err(status) = self.mutate(&mut dice).await {
                self.note(&status);
            }
            tokio::time::sleep(Pause::from_millis(5)).await;
        }
    }
}

/// Sends what was acknowledged once more: the same caller is answered the same bytes.
async fn assert_acknowledged(done: &[(Caller, Done)]) {
    for (caller, done) in done {
        let (told, again) = match done {
            Done::Joined(request, answer) => {
                let again = caller.waitlist().join_waitlist((**request).clone()).await;
                (answer.encode_to_vec(), again.unwrap().into_inner().encode_to_vec())
            }
            Done::Allocated(request, answer) => {
                let again = caller.allocation().allocate_places(request.clone()).await;
                (answer.encode_to_vec(), again.unwrap().into_inner().encode_to_vec())
            }
        };
        assert_eq!(told, again);
    }
}

/// The effects of what was acknowledged, each once; and nobody and nothing twice, also of
/// what nobody knows of.
async fn assert_effects(sql: &mut PgConnection, done: &[(Caller, Done)]) {
    let ids = async |sql: &mut PgConnection, query: &'static str| -> Vec<String> {
        sqlx::query_scalar(query).fetch_all(sql).await.unwrap()
    };
    let requests = ids(sql, "SELECT request_id::text FROM ledger_log").await;
    let entries = ids(sql, "SELECT entry_id::text FROM entry").await;
    let offers = ids(sql, "SELECT offer_id::text FROM offer").await;
    let joins =
        ids(sql, "SELECT request_id::text FROM ledger_log WHERE kind = 'JOIN_WAITLIST'").await;
    let people = ids(sql, "SELECT DISTINCT person_id::text FROM entry").await;
    assert_eq!(entries.len(), joins.len(), "a join is an entry");
    assert_eq!(people.len(), entries.len(), "nobody waits twice");
    let set = |all: Vec<String>| {
        let count = all.len();
        let set: BTreeSet<String> = all.into_iter().collect();
        assert_eq!(set.len(), count, "nothing happens twice");
        set
    };
    let (requests, entries, offers) = (set(requests), set(entries), set(offers));
    for (_, done) in done {
        match done {
            Done::Joined(request, answer) => {
                assert!(requests.contains(&request.request_id));
                assert!(entries.contains(&answer.entry_id));
            }
            Done::Allocated(request, answer) => {
                assert!(requests.contains(&request.request_id));
                assert!(answer.proposals.iter().all(|offer| offers.contains(&offer.offer_id)));
            }
        }
    }
}

/// The service's sessions that are inside a transaction.
async fn in_transaction(sql: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT state || ': ' || query FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'tiltaksplass' \
         AND (xact_start IS NOT NULL OR state LIKE 'idle in transaction%')",
    )
    .fetch_all(sql)
    .await
    .unwrap()
}

/// What was under way ends by itself, and then no session is left inside a transaction.
async fn assert_quiet(sql: &mut PgConnection) {
    let mut left = Vec::new();
    for _ in 0..200 {
        left = in_transaction(sql).await;
        if left.is_empty() {
            return;
        }
        tokio::time::sleep(Pause::from_millis(50)).await;
    }
    panic!("still in a transaction: {left:#?}");
}

/// More callers than there are connections to the database, each answered.
async fn assert_serves(world: &World) {
    let calls = (0..60).map(|n| {
        let (caller, ledger) = (world.county.clone(), ledger(COUNTY));
        async move {
            if n % 2 == 0 {
                let ledger = Some(ledger);
                let request = ListWaitlistEntriesRequest { ledger, ..Default::default() };
                caller.waitlist().list_waitlist_entries(request).await.map(drop)
            } else {
                let request = join(&ledger, 1_000_000 + n);
                caller.waitlist().join_waitlist(request).await.map(drop)
            }
        }
    });
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_dropped_calls_takes_nothing_with_it() {
    let world = World::new().await;
    for (county, municipality) in [(COUNTY, TRONDHEIM), (OTHER_COUNTY, LEVANGER)] {
        world.budget(&ledger(county), 300).await;
        world.quotas(&ledger(county), &[(municipality, 300)]).await;
        world.place_group(&ledger(county), 300).await;
    }
    let storm = Arc::new(Storm::new(&world).await);
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..AT_ONCE + PATIENT {
        let storm = Arc::clone(&storm);
        tasks.push(tokio::spawn(async move {
            let dice = Dice::new(n);
            if n < AT_ONCE { storm.rage(dice).await } else { storm.endure(dice).await }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let stormed = begun.elapsed();
    let mut sql = world.service.sql().await;
    assert_quiet(&mut sql).await;
    let done = storm.done.lock().unwrap().clone();
    let dropped = storm.dropped.load(Ordering::Relaxed);
    let lost = storm.lost.load(Ordering::Relaxed);
    println!("{} acknowledged, {dropped} dropped, {lost} lost, {stormed:?}", done.len());
    assert_effects(&mut sql, &done).await;
    assert_acknowledged(&done).await;
    assert_serves(&world).await;
    assert_quiet(&mut sql).await;
    world.service.verify().await;
    assert!(dropped > CALLS / 4, "only {dropped} were dropped");
    assert!(lost < CALLS / 4, "{lost} were lost by the transport");
    assert!(done.len() > 40, "only {} were acknowledged", done.len());
}
