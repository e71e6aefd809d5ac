//! Heavy reads: a few at once, a few that wait, and of each caller one at a time, so that nobody
//! with many threads takes all the places and all that wait for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::{domain::access::Actor, error::Error, grpc::Reader};

/// How many reads at once may be such as read or compute much, and how many may wait for
/// that: explanations, which read a log from its first row on, vacancies, which take a run
/// over everyone who waits, work, which looks at all that is open in an area, estimates, which look
/// at all who have waited, a plan's progress, which may look at the registry of other days, and
/// apportionments whose cost grows with the seats.
const AT_ONCE: usize = 2;
const WAITING: usize = 32;
/// Simulations have a place of their own, since one may take seconds and others' reads take
/// milliseconds. Who comes when so many wait would not get an answer in time.
const SIMULATIONS_AT_ONCE: usize = 1;
const SIMULATIONS_WAITING: usize = 2;
/// How many of these one caller may have at once, and how many more may wait for their turn.
const OF_ONE_AT_ONCE: usize = 1;
const OF_ONE_WAITING: usize = 4;
/// When to try again who has so many: one of them is done by then.
const OF_ONE_WAIT: Duration = Duration::from_secs(1);

/// Who has a share, as the port counts callers.
type Name = [String; 3];

/// The places of heavy reads, those where one waits, and each caller's turns.
#[derive(Clone)]
pub(super) struct Heavy {
    reads: Lane,
    simulations: Lane,
    shares: Shares,
}

/// Places of one kind, and those where one waits for them.
#[derive(Clone)]
struct Lane {
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// What each caller has of them. Who has none is not in it.
#[derive(Clone, Default)]
struct Shares(Arc<Mutex<HashMap<Name, Share>>>);

struct Share {
    turns: Arc<Semaphore>,
    /// How many reads there are, those that wait among them.
    reads: usize,
}

/// A place among the heavy reads, given back when it is dropped.
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
    _own: Own,
}

/// One of a caller's reads.
struct Own {
    shares: Shares,
    name: Name,
}

impl Heavy {
    pub(super) fn new() -> Self {
        Self {
            reads: Lane::new(AT_ONCE, WAITING),
            simulations: Lane::new(SIMULATIONS_AT_ONCE, SIMULATIONS_WAITING),
            shares: Shares::default(),
        }
    }
}

impl Lane {
    fn new(at_once: usize, waiting: usize) -> Self {
        let room = |of| Arc::new(Semaphore::new(of));
        Self { places: room(at_once), waiting: room(waiting) }
    }
}

impl Shares {
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Share>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one more of a caller's in, if there may be one, with the turns it must wait for.
    fn begin(&self, name: Name) -> Option<(Own, Arc<Semaphore>)> {
        let mut shares = self.lock();
        let new = || Share { turns: Arc::new(Semaphore::new(OF_ONE_AT_ONCE)), reads: 0 };
        let share = shares.entry(name.clone()).or_insert_with(new);
        if share.reads >= OF_ONE_AT_ONCE + OF_ONE_WAITING {
            return None;
        }
        share.reads += 1;
        let turns = Arc::clone(&share.turns);
        Some((Own { shares: self.clone(), name }, turns))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let mut shares = self.shares.lock();
        match shares.get_mut(&self.name) {
            Some(share) if share.reads > 1 => share.reads -= 1,
            Some(_) | None => drop(shares.remove(&self.name)),
        }
    }
}

impl Reader {
    /// A place among the heavy reads. Whoever waits for one holds no connection, and whoever
    /// has stopped waiting gets none; one too many of all, or of this caller, is refused at once.
    /// Who waits for their own turn is in nobody's way.
    pub(super) async fn heavy_place(&self) -> Result<Place, Error> {
        self.place_in(&self.heavy.reads).await
    }

    /// A place for a simulation, on the same terms.
    pub(super) async fn simulation_place(&self) -> Result<Place, Error> {
        self.place_in(&self.heavy.simulations).await
    }

    async fn place_in(&self, Lane { places, waiting }: &Lane) -> Result<Place, Error> {
        let own = self.heavy.shares.begin(name_of(&self.actor));
        let (own, turns) = own.ok_or(Error::RateLimited { wait: OF_ONE_WAIT })?;
        let turn = turns.acquire_owned().await.map_err(|closed| fault(&closed))?;
        self.require_awaited()?;
        let waiting = Arc::clone(waiting).try_acquire_owned().map_err(|_| Error::Overloaded)?;
        let place = Arc::clone(places).acquire_owned().await.map_err(|closed| fault(&closed))?;
        drop(waiting);
        self.require_awaited()?;
        Ok(Place { _of_all: place, _turn: turn, _own: own })
    }

    fn require_awaited(&self) -> Result<(), Error> {
        if self.is_awaited() { Ok(()) } else { Err(Error::DeadlineExceeded) }
    }
}

fn name_of(actor: &Actor) -> Name {
    [actor.issuer.clone(), actor.subject.clone(), actor.organisation.clone()]
}

fn fault(closed: &AcquireError) -> Error {
    Error::Internal(closed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(subject: &str) -> Name {
        [String::new(), subject.to_owned(), String::new()]
    }

    #[test]
    fn one_caller_has_a_few_reads_and_is_forgotten_after_them() {
        let shares = Shares::default();
        let begin = |subject| shares.begin(name(subject));
        let mut own: Vec<_> = (0..5).map(|_| begin("a").unwrap()).collect();
        assert!(begin("a").is_none());
        let other = begin("b").unwrap();
        drop(own.pop());
        own.push(begin("a").unwrap());
        assert!(begin("a").is_none());
        drop((own, other));
        assert!(shares.lock().is_empty());
    }
}
