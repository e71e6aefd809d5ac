//! The only door to time and randomness, and what every part of the service shares.

use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{calendar::Timestamp, disclosure::Threshold, registry::Registry},
    keys::Keys,
    people_source::PeopleSource,
    recorder::Recorder,
    store::db::Db,
};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Makes what must be unlike anything before.
pub trait Ids: Send + Sync {
    /// A seed for the ids of one command.
    fn seed(&self) -> [u8; 16];
    /// A new id.
    fn id(&self) -> Uuid;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_datetime(OffsetDateTime::now_utc())
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[allow(clippy::disallowed_methods, reason = "the one place that makes random ids")]
    fn seed(&self) -> [u8; 16] {
        Uuid::now_v7().into_bytes()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that makes random ids")]
    fn id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// What every part of the service shares.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Ids and seeds.
    pub ids: Arc<dyn Ids>,
    /// The local keys.
    pub keys: Arc<Keys>,
    /// Who says of whom it is not shown who they are.
    pub people: PeopleSource,
    /// Writes down who has read what.
    pub recorder: Recorder,
    /// The registry as last seen.
    pub registry: RegistryCache,
    /// Below how many people counts of others are hidden.
    pub threshold: Threshold,
}

impl App {
    /// A service on a database, with these keys, that asks this source who is protected. Its
    /// recorder is a task, so this must be called where tasks can be.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        keys: Arc<Keys>,
        people: PeopleSource,
    ) -> Self {
        let names = Arc::clone(&ids);
        let recorder = Recorder::start(db.clone(), Arc::new(move || names.id()));
        let (registry, threshold) = (RegistryCache::default(), Threshold::default());
        Self { db, clock, ids, keys, people, recorder, registry, threshold }
    }

    /// Refuses a clock that would put events and deadlines at wrong times, and a database
    /// that does not answer.
    pub async fn require_clock(&self) -> Result<(), NotReady> {
        let before = self.clock.now().to_datetime();
        let theirs = self.db.time().await?;
        let after = self.clock.now().to_datetime();
        // The answer took its time: theirs lay somewhere between.
        let off = (before - theirs).max(theirs - after);
        if off <= CLOCK_OFF_MAX {
            return Ok(());
        }
        Err(NotReady::ClockOff {
            off_s: off.whole_seconds(),
            most_s: CLOCK_OFF_MAX.whole_seconds(),
        })
    }
}

/// The farthest the clock may be from the database's.
const CLOCK_OFF_MAX: time::Duration = time::Duration::seconds(5);

/// Why a service may not serve now.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Its clock is wrong, or the database's is.
    #[error("this clock is {off_s} s off the database's; set it right (at most {most_s} s)")]
    ClockOff {
        /// By how much.
        off_s: i64,
        /// How much it may be.
        most_s: i64,
    },
    /// The database does not answer.
    #[error("the database cannot be reached: {0}")]
    Database(#[from] sqlx::Error),
}

/// The registry as last seen. Whoever uses it asks the database for the version
/// first, so a stale one is never used, only replaced.
#[derive(Clone, Default)]
pub struct RegistryCache(Arc<Mutex<Arc<Registry>>>);

impl RegistryCache {
    /// The registry of this version, if it is the one last seen.
    pub fn get(&self, version: u64) -> Option<Arc<Registry>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (last.version == version).then(|| Arc::clone(&last))
    }

    /// Notes a registry, unless a later one was seen.
    pub fn put(&self, registry: Arc<Registry>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.version <= registry.version {
            *last = registry;
        }
    }

    /// The registry of the version the database has now.
    pub async fn current(
        &self,
        connection: &mut sqlx::PgConnection,
    ) -> Result<Arc<Registry>, sqlx::Error> {
        let version = crate::store::registry::version(connection).await?;
        if let Some(registry) = self.get(version) {
            return Ok(registry);
        }
        let registry = Arc::new(crate::store::registry::load(connection, version).await?);
        self.put(Arc::clone(&registry));
        Ok(registry)
    }
}
