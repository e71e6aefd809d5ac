//! Each caller's share: a token bucket for each, so that one loop without a pause does
//! not take the service from all others, and a bound on the calls each has under way, so
//! that one who never ends a call does not take every place.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, Either, FutureExt};
use http::{Request, Response};
use tokio::time::Instant;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::{
    domain::access::{Actor, Caller},
    error::Error,
    grpc::refusal,
    server::{call::Call, limits::Limits},
};

/// Callers that are remembered. Those beyond share one bucket: whoever fills the memory
/// with names gains nothing by it.
const REMEMBERED_MAX: usize = 100_000;
/// How many are remembered before the first look for those that need not be.
const REMEMBERED_AT_FIRST: usize = 1_000;

/// When to try again who has too many calls under way: some of them have ended by then.
const OPEN_WAIT: Duration = Duration::from_secs(1);

/// Lets a call of a known caller through while the caller's bucket holds something
/// and the caller has not too many under way.
#[derive(Clone)]
pub(super) struct CallersLayer {
    buckets: Arc<Mutex<Buckets>>,
    open: Open,
}

/// A service in which each caller has a share.
#[derive(Clone)]
pub(super) struct Shared<S> {
    inner: S,
    buckets: Arc<Mutex<Buckets>>,
    open: Open,
}

impl CallersLayer {
    pub(super) fn new(limits: &Limits) -> Self {
        let buckets = Buckets::new(limits.caller_rate, limits.caller_burst, REMEMBERED_MAX);
        let open = Open { by_caller: Arc::default(), most: limits.calls_per_caller };
        Self { buckets: Arc::new(Mutex::new(buckets)), open }
    }
}

impl<S> Layer<S> for CallersLayer {
    type Service = Shared<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Shared { inner, buckets: Arc::clone(&self.buckets), open: self.open.clone() }
    }
}

impl<S> Service<Request<Body>> for Shared<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<
        BoxFuture<'static, Result<Response<Body>, Infallible>>,
        Either<S::Future, Ready<Result<Response<Body>, Infallible>>>,
    >;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let actor = request.extensions().get::<Caller>().map(|caller| &caller.actor);
        let Some(actor) = actor.filter(|_| Call::of(path).is_work()) else {
            return Either::Right(Either::Left(self.inner.call(request)));
        };
        match self.admit(name_of(actor)) {
            Ok(open) => {
                let answered = self.inner.call(request);
                Either::Left(answered.map(|answer| answer.map(|answer| kept(answer, open))).boxed())
            }
            Err(wait) => {
                let refused = refusal(path, &Error::RateLimited { wait });
                Either::Right(Either::Right(ready(Ok(refused.into_http()))))
            }
        }
    }
}

impl<S> Shared<S> {
    /// A call's share, or when there will be one. Who is refused for having too many under
    /// way has still made a call.
    fn admit(&self, name: Name) -> Result<OpenCall, Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.take(name.clone(), Instant::now())?;
        drop(buckets);
        self.open.begin(name).ok_or(OPEN_WAIT)
    }
}

/// An answer that takes its call's share along: it is given back when the answer is.
fn kept(mut answer: Response<Body>, open: OpenCall) -> Response<Body> {
    answer.extensions_mut().insert(open);
    answer
}

/// How many calls each caller has under way. Who has none is not in it, so it is no larger
/// than all calls under way.
#[derive(Clone)]
struct Open {
    by_caller: Arc<Mutex<HashMap<Name, usize>>>,
    most: usize,
}

/// A caller's call under way, until the last of its clones is dropped.
#[derive(Clone)]
pub(super) struct OpenCall {
    _guard: Arc<OpenGuard>,
}

struct OpenGuard {
    open: Open,
    name: Name,
}

impl Open {
    fn begin(&self, name: Name) -> Option<OpenCall> {
        let mut by_caller = self.lock();
        let count = by_caller.get(&name).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        by_caller.insert(name.clone(), count + 1);
        Some(OpenCall { _guard: Arc::new(OpenGuard { open: self.clone(), name }) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, usize>> {
        self.by_caller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        let mut by_caller = self.open.lock();
        match by_caller.get_mut(&self.name) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(by_caller.remove(&self.name)),
        }
    }
}

type Name = [String; 3];

fn name_of(actor: &Actor) -> Name {
    [actor.issuer.clone(), actor.subject.clone(), actor.organisation.clone()]
}

/// A bucket is the moment at which it is full again (GCRA): one that is full says nothing
/// and is forgotten.
struct Buckets {
    full_at: HashMap<Name, Instant>,
    /// The bucket of those who are not remembered.
    of_others: Option<Instant>,
    /// What one call takes.
    step: Duration,
    /// How long an empty bucket takes to fill.
    depth: Duration,
    most: usize,
    /// How many are remembered before those with a full bucket are looked for.
    look_at: usize,
}

impl Buckets {
    fn new(rate_per_second: u32, burst: u32, most: usize) -> Self {
        let step = Duration::from_secs(1) / rate_per_second.max(1);
        Self {
            full_at: HashMap::new(),
            of_others: None,
            step,
            depth: step * burst.max(1),
            most,
            look_at: REMEMBERED_AT_FIRST.min(most),
        }
    }

    /// Takes a call out of a bucket, or tells when there will be one.
    fn take(&mut self, name: Name, now: Instant) -> Result<(), Duration> {
        if self.full_at.len() >= self.look_at {
            self.full_at.retain(|_, full_at| *full_at > now);
            // Looking costs as much as there are; so not again before there are twice as
            // many.
            let twice = self.full_at.len().saturating_mul(2);
            self.look_at = twice.max(REMEMBERED_AT_FIRST).min(self.most);
        }
        let is_remembered = self.full_at.len() < self.most || self.full_at.contains_key(&name);
        let full_at = if is_remembered {
            self.full_at.entry(name).or_insert(now)
        } else {
            self.of_others.get_or_insert(now)
        };
        let full_after = (*full_at).max(now) + self.step;
        let wait = full_after.saturating_duration_since(now + self.depth);
        if !wait.is_zero() {
            return Err(wait);
        }
        *full_at = full_after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(subject: &str) -> Name {
        [String::new(), subject.to_owned(), String::new()]
    }

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_bucket_holds_a_burst_and_fills_at_the_rate() {
        let mut buckets = Buckets::new(10, 3, 100);
        let start = Instant::now();
        let wait = |milliseconds| Err(Duration::from_millis(milliseconds));
        for (at, outcome) in [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, wait(100)),
            (40, wait(60)),
            (100, Ok(())),
            (100, wait(100)),
            // It never holds more than the burst.
            (9_000, Ok(())),
            (9_000, Ok(())),
            (9_000, Ok(())),
            (9_000, wait(100)),
        ] {
            assert_eq!(buckets.take(name("a"), after(start, at)), outcome, "at {at} ms");
        }
        assert_eq!(buckets.take(name("b"), after(start, 9_000)), Ok(()));
    }

    #[test]
    fn who_has_no_call_under_way_is_forgotten() {
        let open = Open { by_caller: Arc::default(), most: 2 };
        let first = open.begin(name("a")).unwrap();
        let second = open.begin(name("a")).unwrap();
        assert!(open.begin(name("a")).is_none());
        assert!(open.begin(name("b")).is_some());
        drop(first);
        let third = open.begin(name("a")).unwrap();
        drop((second, third));
        assert!(open.lock().is_empty());
    }

    #[test]
    fn who_has_a_full_bucket_is_forgotten() {
        let mut buckets = Buckets::new(10, 3, 100_000);
        let start = Instant::now();
        for number in 0..10_000 {
            let now = after(start, number);
            assert_eq!(buckets.take(name(&number.to_string()), now), Ok(()));
            assert!(buckets.full_at.len() <= 1_100, "{}", buckets.full_at.len());
        }
    }

    #[test]
    fn those_beyond_the_memory_share_a_bucket() {
        let mut buckets = Buckets::new(10, 2, 3);
        let now = Instant::now();
        for subject in ["a", "b", "c", "d", "e", "a"] {
            assert_eq!(buckets.take(name(subject), now), Ok(()), "{subject}");
        }
        for subject in ["f", "a"] {
            assert!(buckets.take(name(subject), now).is_err(), "{subject}");
        }
        assert_eq!(buckets.full_at.len(), 3);
        // When theirs are full again, there is room.
        assert_eq!(buckets.take(name("f"), after(now, 1_000)), Ok(()));
        assert_eq!(buckets.full_at.len(), 1);
    }
}
