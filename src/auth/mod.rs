//! Who calls: tokens in, actors out, in one layer around everything that listens on the port.
//!
//! It is a tower layer and not a tonic interceptor, because calls that do not come as gRPC pass no
//! interceptor and must be known all the same.

mod acting_as;
mod grant;
mod issuers;
mod json;
mod jwks;
mod jwt;
mod key_source;
mod kind;
mod local_issuer;
mod pattern;
mod rules;
mod settings;
mod strangers;
mod test_issuer;
mod token;

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, Either};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use time::OffsetDateTime;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::domain::access::Caller;
use issuers::Refused;

pub use acting_as::{ACTING_AS, NotAdmitted};
pub use issuers::Issuers;
pub use key_source::{ASKED_AT_MOST_EVERY, FETCHED_EVERY};
pub use local_issuer::{IssuerError, LOCAL_ISSUER, LocalIssuer, TokenRequest};
pub use rules::{GRANTS_MAX, ISSUERS_MAX, SettingsError};
pub use settings::{GrantSection, IssuerKind, IssuerSection, LocalIssuerSection};
pub use strangers::Strangers;
pub use test_issuer::{TEST_AUDIENCE, TEST_ISSUER, TestIssuer, TestIssuerError};
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

/// Makes the answer to a call that does not get through: to a caller who is not known the same for
/// every reason, and to one whose token is genuine, what they must say.
pub type Refusal = Arc<dyn Fn(&str, Option<&NotAdmitted>) -> Response<Body> + Send + Sync>;

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
    issuers: Arc<Issuers>,
    clock: Clock,
    refusal: Refusal,
    strangers: Arc<Strangers>,
}

impl AuthLayer {
    /// A layer that takes tokens of these issuers. Statuses are made elsewhere, so the refusal is
    /// an argument: of the call's path, and of what its caller must say if their token is genuine.
    pub fn new(
        issuers: Arc<Issuers>,
        clock: Clock,
        refusal: impl Fn(&str, Option<&NotAdmitted>) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let (refusal, strangers) = (Arc::new(refusal), Arc::default());
        Self { gate: Gate { issuers, clock, refusal, strangers } }
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
    S: Service<Request<B>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<
        Either<S::Future, Ready<Result<S::Response, S::Error>>>,
        BoxFuture<'static, Result<S::Response, S::Error>>,
    >;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if OPEN_TO_ALL.contains(&request.uri().path()) {
            // Nothing behind the gate needs the token, and what is not there cannot be logged.
            request.headers_mut().remove(AUTHORIZATION);
            return Either::Left(Either::Left(self.inner.call(request)));
        }
        let keys = match self.gate.caller(request.headers()) {
            Ok(caller) => {
                return Either::Left(Either::Left(self.inner.call(admitted(request, caller))));
            }
            Err(Refused::UnknownKey(keys)) => keys,
            Err(refused) => {
                let answer = self.gate.refuse(request.uri().path(), &refused);
                return Either::Left(Either::Right(ready(Ok(answer))));
            }
        };
        // The clone has not been asked whether it is ready, so it stays and the other goes.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let gate = self.gate.clone();
        Either::Right(Box::pin(async move {
            keys.ask((gate.clock)()).await;
            match gate.caller(request.headers()) {
                Ok(caller) => inner.call(admitted(request, caller)).await,
                Err(refused) => Ok(gate.refuse(request.uri().path(), &refused)),
            }
        }))
    }
}

/// A request as it goes on: with who calls, and without the token.
fn admitted<B>(mut request: Request<B>, caller: Caller) -> Request<B> {
    request.headers_mut().remove(AUTHORIZATION);
    request.extensions_mut().insert(caller);
    request
}

impl Gate {
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refused> {
        let token = bearer_token(headers)?;
        self.issuers.caller(token, headers, (self.clock)())
    }

    /// Says in our log what was wrong, and to the caller what they may know of it.
    fn refuse(&self, path: &str, refused: &Refused) -> Response<Body> {
        let reason = match refused {
            Refused::Bearer(why) => return (self.refusal)(path, Some(why)),
            Refused::Token(rejected) => rejected.reason(),
            Refused::UnknownKey(_) => RejectionReason::UnknownKey,
        };
        tracing::debug!(%reason, "a call without a valid token was refused");
        if let Some(count) = self.strangers.count() {
            tracing::warn!(count, %reason, "calls without a valid token were refused");
        }
        (self.refusal)(path, None)
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
