//! What strangers do stands in the log, but they do not fill it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often one kind of refusal is said aloud.
const SAID_EVERY: Duration = Duration::from_secs(1);

/// Refusals of one kind, of those of whom nobody knows how many there are.
#[derive(Default)]
pub struct Strangers(Mutex<Unsaid>);

#[derive(Default)]
struct Unsaid {
    count: u64,
    said_at: Option<Instant>,
}

impl Strangers {
    /// Counts a refusal. Once a second, tells how many there were since it last told.
    pub fn count(&self) -> Option<u64> {
        self.count_at(Instant::now())
    }

    fn count_at(&self, now: Instant) -> Option<u64> {
        let mut unsaid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unsaid.count += 1;
        if unsaid.said_at.is_some_and(|said_at| now < said_at + SAID_EVERY) {
            return None;
        }
        unsaid.said_at = Some(now);
        Some(std::mem::take(&mut unsaid.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_once_a_second_of_all() {
        let (strangers, now) = (Strangers::default(), Instant::now());
        let then = now + SAID_EVERY;
        for (at, told) in [(now, Some(1)), (now, None), (now, None), (then, Some(3)), (then, None)]
        {
            assert_eq!(strangers.count_at(at), told);
        }
    }
}
