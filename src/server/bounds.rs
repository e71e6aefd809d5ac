//! The layer around all calls: what each may weigh and take, how many there may be, and
//! that each is answered in our words.

use std::{
    convert::Infallible,
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::{
    app::Ids,
    domain::access::CallId,
    error::Error,
    grpc::refusal,
    server::{
        answer::{Held, Patience, UnderWay, in_our_words},
        call::Call,
        connection::Cutter,
        limits::Limits,
        request::{RequestBody, asked_timeout, require_well_formed},
    },
};

/// The header with a call's name, in each answer and, where the caller gives one, in the call.
const CALL_ID: HeaderName = HeaderName::from_static("x-call-id");
/// The same, as NAV's other systems call it.
const NAV_CALL_ID: HeaderName = HeaderName::from_static("nav-call-id");

/// Puts bounds around a service.
#[derive(Clone)]
pub(super) struct BoundsLayer {
    limits: Arc<Limits>,
    calls: Arc<Semaphore>,
    under_way: UnderWay,
    ids: Arc<dyn Ids>,
}

/// A service within bounds.
#[derive(Clone)]
pub(super) struct Bounded<S> {
    inner: S,
    bounds: BoundsLayer,
}

impl BoundsLayer {
    pub(super) fn new(limits: &Limits, under_way: UnderWay, ids: Arc<dyn Ids>) -> Self {
        let calls = Arc::new(Semaphore::new(limits.calls));
        Self { limits: Arc::new(limits.clone()), calls, under_way, ids }
    }

    /// Gives the call a name, by which it is logged here and which its answer tells.
    async fn named<S>(
        self,
        arrived: Instant,
        mut request: Request<Body>,
        service: S,
    ) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let call_id = asked_name(request.headers()).unwrap_or_else(|| CallId::new(self.ids.id()));
        request.extensions_mut().insert(call_id.clone());
        // Of the highest level, so that whatever is logged at all is logged with it.
        let span = tracing::error_span!("call", call_id = call_id.as_str());
        let mut response = self.answer(arrived, request, service).instrument(span).await;
        if let Ok(name) = HeaderValue::from_str(call_id.as_str()) {
            response.headers_mut().insert(CALL_ID, name);
        }
        response
    }

    /// The story of a call, but for its own.
    async fn answer<S>(self, arrived: Instant, request: Request<Body>, service: S) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let path = request.uri().path().to_owned();
        let call = Call::of(&path);
        let mut held = Held::new(call.is_work().then(|| self.under_way.begin()));
        let patience = self.patience(call, &request);
        match self.within_bounds(call, arrived, request, service, &mut held).await {
            Ok(response) => in_our_words(response, call, &path, held, patience),
            Err(error) => refusal(&path, &error).into_http(),
        }
    }

    /// How long the answer of a call that is no conversation may take to be taken.
    fn patience(&self, call: Call, request: &Request<Body>) -> Option<Patience> {
        let most = call.taken(&self.limits)?;
        let cutter = request.extensions().get::<Cutter>()?.clone();
        Some(Patience { most, cutter })
    }

    async fn within_bounds<S>(
        &self,
        call: Call,
        arrived: Instant,
        request: Request<Body>,
        mut service: S,
        held: &mut Held,
    ) -> Result<Response<Body>, Error>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        require_well_formed(&request)?;
        let asked = asked_timeout(request.headers())?;
        let Some(longest) = call.longest(&self.limits) else {
            let Ok(response) = service.call(request).await;
            return Ok(response);
        };
        let timeout = longest.min(asked.unwrap_or(longest));
        if timeout.is_zero() {
            return Err(Error::DeadlineExceeded);
        }
        // Nobody waits for a place: what waits there is late when it gets one.
        let place = call.is_work().then(|| Arc::clone(&self.calls).try_acquire_owned());
        held.place = place.transpose().map_err(|_| Error::Overloaded)?;
        let (parts, body) = request.into_parts();
        let (body, fault) = RequestBody::new(body, call, &self.limits);
        let answered = service.call(Request::from_parts(parts, Body::new(body)));
        tokio::select! {
            biased;
            Ok(response) = answered => Ok(response),
            Ok(error) = fault => Err(error),
            () = sleep_until(arrived + timeout) => Err(Error::DeadlineExceeded),
        }
    }
}

/// The caller's own name for the call, where it has one that can be logged.
fn asked_name(headers: &HeaderMap) -> Option<CallId> {
    let values = [CALL_ID, NAV_CALL_ID].into_iter().filter_map(|name| headers.get(name));
    values.filter_map(|value| value.to_str().ok()).find_map(CallId::parse)
}

impl<S> Layer<S> for BoundsLayer {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bounded { inner, bounds: self.clone() }
    }
}

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that said it is ready goes with the call.
        let next = self.inner.clone();
        let service = mem::replace(&mut self.inner, next);
        let answer = self.bounds.clone().named(Instant::now(), request, service);
        Box::pin(async move { Ok(answer.await) })
    }
}
