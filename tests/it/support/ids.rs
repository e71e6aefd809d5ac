//! Ids that a test run can be repeated with.

use std::sync::atomic::{AtomicU64, Ordering};

use tiltaksplass::app::Ids;
use uuid::Uuid;

/// Ids that follow from a count, so that a test run can be repeated.
pub struct SeededIds(AtomicU64, u64);

impl SeededIds {
    /// Those of a service that is to begin.
    pub fn of_next_service() -> Self {
        let service = ALIKE.try_with(|alike| alike.ids).unwrap_or_else(|_| next(&SERVICES));
        Self(AtomicU64::new(1), service)
    }

    fn next(&self) -> u128 {
        (u128::from(self.1) << 64) | u128::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

impl Ids for SeededIds {
    fn seed(&self) -> [u8; 16] {
        self.next().to_be_bytes()
    }

    fn id(&self) -> Uuid {
        uuid::Builder::from_u128(self.next()).with_version(uuid::Version::SortRand).into_uuid()
    }
}

/// How many services there have been, and how many requests: their ids follow from it.
static SERVICES: AtomicU64 = AtomicU64::new(1);
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// Lets all ids from here on be unlike those of any other run, for data that are kept.
pub fn set_ids_apart() {
    SERVICES.store(1 << 40, Ordering::Relaxed);
    REQUESTS.store(1 << 40, Ordering::Relaxed);
}

/// A new request id.
pub fn request_id() -> String {
    let count = ALIKE.try_with(|alike| next(&alike.requests));
    let count = u128::from(count.unwrap_or_else(|_| next(&REQUESTS)));
    Uuid::from_u128((0xc11e_0000_0000_7000_8000_u128 << 48) | count).to_string()
}

/// What two stories share that are to be told with the same words: their ids, and those of the
/// requests.
struct Alike {
    ids: u64,
    requests: AtomicU64,
}

tokio::task_local! {
    static ALIKE: Alike;
}

/// Tells a story by the same ids as every other of this name, if its service is started in it.
pub async fn alike<T>(name: u64, story: impl Future<Output = T>) -> T {
    ALIKE.scope(Alike { ids: name << 32, requests: AtomicU64::new(name << 32) }, story).await
}

fn next(count: &AtomicU64) -> u64 {
    count.fetch_add(1, Ordering::Relaxed)
}
