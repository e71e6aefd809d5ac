//! The wire: the only code that knows tonic. One file per service; read it from the
//! top and you have the whole story of each call.

use std::{future::Future, sync::Arc, time::Duration};

use sqlx::{Postgres, Transaction};
use tonic::{Request, Response, Status};

mod allocation;
mod answer;
mod capacity;
mod change;
mod fair_share;
mod localized;
mod page;
mod parse;
mod registry;
mod status;
mod waitlist;

pub use status::unauthenticated;

use crate::{
    app::App,
    domain::{
        access::{Actor, Method, Role, Scope, Target, permits, scope},
        ids::{EntryId, LedgerId, RequestId},
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    proto::v1::{self as pb},
    store::{self, access_log::Access},
    write::{Draft, Encode, Work, Writer},
};

/// How long a unary call may take at most.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How much earlier than the caller's own deadline we answer, so that it is our answer
/// that arrives and not the transport's.
const DEADLINE_MARGIN: Duration = Duration::from_millis(5);
/// How long a read waits for a ledger to come as far as the caller has seen it.
const AT_LEAST_SEQ_WAIT: Duration = Duration::from_secs(1);
/// How often it looks.
const AT_LEAST_SEQ_STEP: Duration = Duration::from_millis(20);
/// The longest purpose that is written down.
const PURPOSE_MAX: usize = 200;

/// What every service shares.
#[derive(Clone)]
pub struct Api {
    app: App,
    writer: Writer,
}

/// A mutation's own name and whether it is a preview.
trait Mutation: prost::Message + Clone + 'static {
    fn request_id(&self) -> &str;
    fn validate_only(&self) -> bool;
    fn as_stored(&self) -> Self;
}

macro_rules! mutations {
    ($($request:ident),* $(,)?) => {
        $(impl Mutation for pb::$request {
            fn request_id(&self) -> &str {
                &self.request_id
            }

            fn validate_only(&self) -> bool {
                self.validate_only
            }

            fn as_stored(&self) -> Self {
                Self { validate_only: false, ..self.clone() }
            }
        })*
    };
}

mutations!(
    SubmitCapacityRequest,
    ReviewCapacityRequest,
    JoinWaitlistRequest,
    AllocatePlacesRequest,
    ConfirmProposalsRequest,
    RespondToOfferRequest,
    StartPlacementRequest,
    EndPlacementRequest,
    LeaveWaitlistRequest,
    SetPlaceBudgetRequest,
    SetQuotasRequest,
    ImportRegistryRequest,
);

/// Who calls, why, and until when.
struct Caller {
    actor: Actor,
    purpose: String,
    timeout: Duration,
}

impl Caller {
    /// The layer in front has put the actor there; without one nothing goes on.
    fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let actor = request.extensions().get::<Actor>().ok_or_else(unauthenticated)?.clone();
        let metadata = request.metadata();
        let text = |name| metadata.get(name).and_then(|value| value.to_str().ok());
        let purpose = text("x-purpose").unwrap_or_default();
        let purpose = purpose.chars().take(PURPOSE_MAX).collect();
        let asked = text("grpc-timeout").and_then(parse_timeout).unwrap_or(CALL_TIMEOUT);
        let timeout = asked.min(CALL_TIMEOUT).saturating_sub(DEADLINE_MARGIN);
        Ok(Self { actor, purpose, timeout })
    }

    /// Refuses a role that may not call a method anywhere.
    fn require(&self, method: Method) -> Result<(), Error> {
        if scope(method, self.actor.role) == Scope::No {
            return Err(Refusal::PermissionDenied.into());
        }
        Ok(())
    }
}

/// The header's form: up to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let n: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(n * 3600)),
        "M" => Some(Duration::from_secs(n * 60)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

impl Api {
    /// The services of an application.
    pub fn new(app: App, writer: Writer) -> Self {
        Self { app, writer }
    }

    /// A mutation: parse, hand to the writer, wait.
    async fn write<Q: Mutation, A: prost::Message + Default>(
        &self,
        request: Request<Q>,
        method: Method,
        parse: fn(&Q) -> Result<(LedgerId, Draft), Error>,
        encode: Encode,
    ) -> Result<Response<A>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let outcome = async {
            caller.require(method)?;
            let (ledger, draft) = parse(&request)?;
            self.submit(&caller, &request, method, ledger, draft, encode).await
        };
        respond(method, outcome.await)
    }

    /// Hands a checked mutation to the writer and decodes its answer.
    async fn submit<Q: Mutation, A: prost::Message + Default>(
        &self,
        caller: &Caller,
        request: &Q,
        method: Method,
        ledger: LedgerId,
        draft: Draft,
        encode: Encode,
    ) -> Result<A, Error> {
        let request_id = uuid::Uuid::try_parse(request.request_id()).unwrap_or_default();
        let work = Work {
            method,
            request_id: RequestId(request_id),
            validate_only: request.validate_only(),
            ledger,
            actor: caller.actor.clone(),
            purpose: caller.purpose.clone(),
            identity_of_call: identity_of_call(&caller.actor, method, request),
            draft,
            encode,
        };
        let answer = tokio::time::timeout(caller.timeout, self.writer.submit(work)).await;
        let bytes = answer.map_err(|_| Error::DeadlineExceeded)??;
        A::decode(bytes.as_slice()).map_err(|error| Error::Internal(error.to_string()))
    }

    /// A read: parse, then the story in a task of its own, since a call that is dropped
    /// must not leave a transaction half begun.
    async fn read<Q, P, A, F>(
        &self,
        request: Request<Q>,
        method: Method,
        parse: fn(&Q) -> Result<P, Error>,
        story: fn(Reader, P) -> F,
    ) -> Result<Response<A>, Status>
    where
        P: Send + 'static,
        A: Send + 'static,
        F: Future<Output = Result<A, Error>> + Send + 'static,
    {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let outcome = async {
            caller.require(method)?;
            let query = parse(&request)?;
            let (actor, purpose) = (caller.actor, caller.purpose);
            let reader = Reader { app: self.app.clone(), method, actor, purpose };
            let task = tokio::spawn(story(reader, query));
            match tokio::time::timeout(caller.timeout, task).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(panic)) => Err(Error::Internal(panic.to_string())),
                Err(_) => Err(Error::DeadlineExceeded),
            }
        };
        respond(method, outcome.await)
    }
}

/// The one boundary at which an error is logged and becomes a status.
fn respond<A>(method: Method, outcome: Result<A, Error>) -> Result<Response<A>, Status> {
    let error = match outcome {
        Ok(answer) => return Ok(Response::new(answer)),
        Err(error) => error,
    };
    let method = method.as_str();
    if let Error::Internal(fault) = &error {
        tracing::error!(method, fault, "a call failed by our fault");
    } else {
        tracing::debug!(method, reason = %error, "a call was refused");
    }
    Err(status::status(&error))
}

/// Caller and call, byte for byte: each part behind its length. Unknown fields and the
/// order of fields on the wire do not count, since the request is encoded anew.
fn identity_of_call(actor: &Actor, method: Method, request: &impl Mutation) -> Vec<u8> {
    let body = request.as_stored().encode_to_vec();
    let parts: [&[u8]; 6] = [
        actor.issuer.as_bytes(),
        actor.subject.as_bytes(),
        actor.role.as_str().as_bytes(),
        actor.organisation.as_bytes(),
        method.as_str().as_bytes(),
        &body,
    ];
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// What a reading story works with.
struct Reader {
    app: App,
    method: Method,
    actor: Actor,
    purpose: String,
}

impl Reader {
    /// One state of the whole database, in which a ledger has come at least so far.
    async fn snapshot(
        &self,
        ledger: Option<(&LedgerId, u64)>,
    ) -> Result<(Transaction<'static, Postgres>, Arc<Registry>), Error> {
        let mut waited = Duration::ZERO;
        loop {
            let mut transaction = self.app.db.begin_read().await?;
            let behind = match ledger {
                Some((id, wanted)) if wanted > 0 => {
                    let seq = store::ledger::seq(&mut transaction, id).await?.unwrap_or(0);
                    (seq < wanted).then(|| (id.clone(), wanted))
                }
                _ => None,
            };
            let Some((ledger, wanted)) = behind else {
                let registry = self.app.registry.current(&mut transaction).await?;
                return Ok((transaction, registry));
            };
            transaction.rollback().await?;
            if waited >= AT_LEAST_SEQ_WAIT {
                return Err(Error::NotYetAtSeq { ledger, wanted });
            }
            tokio::time::sleep(AT_LEAST_SEQ_STEP).await;
            waited += AT_LEAST_SEQ_STEP;
        }
    }

    /// Whether the caller may see this.
    fn permits(&self, target: &Target, registry: &Registry) -> bool {
        permits(self.method, &self.actor, target, registry)
    }

    /// Refuses what the caller may not see.
    fn require(&self, target: &Target, registry: &Registry) -> Result<(), Error> {
        if self.permits(target, registry) {
            return Ok(());
        }
        Err(Refusal::PermissionDenied.into())
    }

    /// Writes the access down before the answer; if that fails, so does the read (I11).
    async fn record(
        &self,
        ledger: &LedgerId,
        entries: Vec<EntryId>,
        permitted: bool,
    ) -> Result<(), Error> {
        let access = Access {
            access_id: self.app.ids.id(),
            at: self.app.clock.now(),
            actor: self.actor.clone(),
            method: self.method,
            ledger: ledger.clone(),
            purpose: self.purpose.clone(),
            people: Vec::new(),
            entries,
            permitted,
        };
        let transaction = self.app.db.begin_record().await?;
        store::access_log::record(transaction, &[access]).await?;
        Ok(())
    }
}

/// The area of a ledger.
fn area_of(ledger: &LedgerId) -> Target {
    Target { county_id: Some(ledger.county_id.clone()), ..Target::default() }
}

/// Refuses a ledger that cannot be.
fn require_ledger(ledger: &LedgerId, registry: &Registry) -> Result<(), Error> {
    if *ledger == LedgerId::registry() || registry.ledger_measure(ledger).is_some() {
        return Ok(());
    }
    Err(Refusal::LedgerNotFound(ledger.clone()).into())
}

/// Whether a role sees an office's own people only.
fn is_office(actor: &Actor) -> bool {
    actor.role == Role::Office
}
