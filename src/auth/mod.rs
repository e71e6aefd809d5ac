//! Who calls: tokens in, actors out, in one layer around everything that listens on the port.
//!
//! It is a tower layer and not a tonic interceptor, because calls that do not come as gRPC pass no
//! interceptor and must be known all the same.

mod local_issuer;
mod strangers;
mod token;

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::Either;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use time::OffsetDateTime;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::domain::access::Caller;

pub use local_issuer::{IssuerError, LOCAL_ISSUER, LocalIssuer, TokenRequest};
pub use strangers::Strangers;
pub use token::{
    AUDIENCE, CLAIM_MAX_BYTES, CLOCK_SKEW, RejectionReason, TOKEN_MAX_BYTES, TOKEN_MAX_LIFETIME,
    TokenRejected,
};

/// What answers without a token: probes know no one's name, and say nothing of anyone.
const OPEN_TO_ALL: [&str; 3] =
    ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List"];

const BEARER: &str = "bearer";

/// The service's clock.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Makes the answer to a caller who is not known: the same for every reason.
pub type Unauthenticated = Arc<dyn Fn() -> Response<Body> + Send + Sync>;

/// Lets only calls with a valid token through, and tells those behind it who calls.
#[derive(Clone)]
pub struct AuthLayer {
    gate: Gate,
}

/// `AuthLayer` around a service. Behind it, the request's extensions hold the `Caller`.
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    gate: Gate,
}

#[derive(Clone)]
struct Gate {
    issuer: Arc<LocalIssuer>,
    clock: Clock,
    unauthenticated: Unauthenticated,
    strangers: Arc<Strangers>,
}

impl AuthLayer {
    /// A layer that takes tokens of this issuer. Statuses are made elsewhere, so the refusal is
    /// an argument.
    pub fn new(
        issuer: Arc<LocalIssuer>,
        clock: Clock,
        unauthenticated: impl Fn() -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let (unauthenticated, strangers) = (Arc::new(unauthenticated), Arc::default());
        Self { gate: Gate { issuer, clock, unauthenticated, strangers } }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthService { inner, gate: self.gate.clone() }
    }
}

impl<S, B> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if !OPEN_TO_ALL.contains(&request.uri().path()) {
            match self.gate.caller(request.headers()) {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                }
                Err(rejected) => {
                    let reason = rejected.reason();
                    tracing::debug!(%reason, "a call without a valid token was refused");
                    if let Some(count) = self.gate.strangers.count() {
                        tracing::warn!(count, %reason, "calls without a valid token were refused");
                    }
                    return Either::Right(ready(Ok((self.gate.unauthenticated)())));
                }
            }
        }
        // Nothing behind the gate needs the token, and what is not there cannot be logged.
        request.headers_mut().remove(AUTHORIZATION);
        Either::Left(self.inner.call(request))
    }
}

impl Gate {
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, TokenRejected> {
        let token = bearer_token(headers)?;
        self.issuer.verify(token, (self.clock)())
    }
}

/// The token of the only authorization header. Two are refused even where both are valid: those
/// in front of the service and the service itself might each believe another one.
fn bearer_token(headers: &HeaderMap) -> Result<&str, RejectionReason> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(RejectionReason::Missing)?;
    if values.next().is_some() {
        return Err(RejectionReason::Repeated);
    }
    if value.len() > BEARER.len() + 1 + TOKEN_MAX_BYTES {
        return Err(RejectionReason::TooLong);
    }
    let text = value.to_str().map_err(|_| RejectionReason::NotBearer)?;
    let (scheme, token) = text.split_once(' ').ok_or(RejectionReason::NotBearer)?;
    let is_token = !token.is_empty()
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if scheme.eq_ignore_ascii_case(BEARER) && is_token {
        Ok(token)
    } else {
        Err(RejectionReason::NotBearer)
    }
}
