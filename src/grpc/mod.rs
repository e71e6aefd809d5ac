//! The wire: the only code that knows tonic. One file per service; read it from the
//! top and you have the whole story of each call.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{Arc, OnceLock, Weak},
};

use time::Date;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status};

mod adviser;
mod allocation;
mod answer;
mod capacity;
mod change;
mod closures;
mod correction;
mod enforcement;
mod entries;
mod estimate;
mod existing;
mod explain;
mod fair_share;
mod held;
mod known;
mod lending;
mod localized;
mod measure;
mod page;
mod parse;
mod participation;
mod people;
mod placements;
mod progress;
mod registry;
mod report;
mod size;
mod status;
mod transfer;
mod transport;
mod vacancies;
mod waitlist;
mod work;

pub use size::{
    ANSWER_MAX, BATCH_MAX, CHANGES_ANSWER_MAX, EXISTING_MAX, IMPORT_MAX, IMPORT_PIECE_MAX,
    REQUEST_MAX,
};
pub use status::unauthenticated;
pub use transport::{refused_answer, refused_request};

use crate::{
    app::App,
    domain::{
        access::{self, Actor, Method, Role, Scope, Standing, Target, permits, scope},
        ids::{EntryId, LedgerId, PersonId, RequestId},
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    grpc::parse::Violations,
    proto::v1::{self as pb},
    store::{access_log::Access, held::seen_by},
    write::{Draft, Encode, Work, Writer},
};

/// How many reads at once may be such as read or compute much, and how many may wait for
/// that: explanations, which read a log from its first row on, vacancies, which take a run
/// over everyone who waits, work, which looks at all that is open in an area, and estimates,
/// which look at all who have waited.
const HEAVY_AT_ONCE: usize = 2;
const HEAVY_WAITING: usize = 32;
/// How many reads may wait for a ledger to come further; one too many is answered at once.
const FOR_SEQ_WAITING: usize = 100;
/// The longest purpose that is written down.
const PURPOSE_MAX: usize = 200;

/// What every service shares.
#[derive(Clone)]
pub struct Api {
    app: App,
    writer: Writer,
    reads: Arc<Semaphore>,
    heavy: Heavy,
}

/// The places of heavy reads, and those where one waits.
#[derive(Clone)]
struct Heavy {
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// For those who wait for a ledger to come further.
    for_seq: Arc<Semaphore>,
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
    UpdateWaitlistEntryRequest,
    PauseEntryRequest,
    ResumeEntryRequest,
    ConfirmEntryRequest,
    PrioritizeEntryRequest,
    TransferEntryRequest,
    ReassignAdviserRequest,
    BatchJoinWaitlistRequest,
    PlacePersonRequest,
    ObjectToOfferRequest,
    ResolveObjectionRequest,
    ExtendOfferRequest,
    WithdrawOfferRequest,
    ChangePlacementRequest,
    MovePlacementRequest,
    ReassignPlacementRequest,
    SetEnforcementRequest,
    CorrectRequest,
    LendQuotaRequest,
    ReportClosureRequest,
    ImportExistingRequest,
);

/// Who calls, and why. Until when is the port's affair: it drops a call whose time is up.
struct Caller {
    actor: Actor,
    standing: Arc<Standing>,
    /// What the header says; `None` where it cannot be read.
    purpose: Option<String>,
}

impl Caller {
    /// The layer in front has put the actor there; without one nothing goes on.
    fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let caller = request.extensions().get::<access::Caller>().ok_or_else(unauthenticated)?;
        let access::Caller { actor, standing } = caller.clone();
        let said = request.metadata().get("x-purpose").map(|value| value.to_str());
        let purpose = said.map_or(Some(""), Result::ok).map(str::to_owned);
        Ok(Self { actor, standing, purpose })
    }

    /// Refuses a role that may not call a method anywhere, and a purpose that cannot be read or
    /// names somebody by number: it is written down in the clear.
    fn require(&self, method: Method) -> Result<(), Error> {
        if scope(method, self.actor.role) == Scope::No {
            return Err(Refusal::PermissionDenied.into());
        }
        let mut v = Violations::default();
        match &self.purpose {
            Some(purpose) => drop(v.text("x-purpose", purpose, PURPOSE_MAX)),
            None => v.add("x-purpose", "must be ASCII: a header can tell nothing else"),
        }
        v.finish(Some(()))
    }
}

impl Api {
    /// The services of an application, with so many reads under way at most.
    pub fn new(app: App, writer: Writer, reads_max: usize) -> Self {
        let reads = Arc::new(Semaphore::new(reads_max));
        let heavy = Heavy {
            places: Arc::new(Semaphore::new(HEAVY_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(HEAVY_WAITING)),
            for_seq: Arc::new(Semaphore::new(FOR_SEQ_WAITING)),
        };
        Self { app, writer, reads, heavy }
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
            standing: Arc::clone(&caller.standing),
            purpose: caller.purpose.clone().unwrap_or_default(),
            identity_of_call: identity_of_call(&caller.actor, method, request),
            draft,
            encode,
        };
        let bytes = self.writer.submit(work).await?;
        A::decode(bytes.as_slice()).map_err(|error| Error::Internal(error.to_string()))
    }

    /// A read: parse, then the story in a task of its own, since a call that is dropped
    /// must not leave a transaction half begun. The task owns its place among the reads
    /// under way: whoever drops calls to make new ones gains nothing.
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
            self.look(&caller, method, query, story).await
        };
        respond(method, outcome.await)
    }

    /// Tells a story in a task of its own.
    async fn look<P, A, F>(
        &self,
        caller: &Caller,
        method: Method,
        query: P,
        story: fn(Reader, P) -> F,
    ) -> Result<A, Error>
    where
        A: Send + 'static,
        F: Future<Output = Result<A, Error>> + Send + 'static,
    {
        let (actor, standing) = (caller.actor.clone(), Arc::clone(&caller.standing));
        let purpose = caller.purpose.clone().unwrap_or_default();
        // Whoever drops the call drops this too: long stories look whether it is there.
        let waiter = Arc::new(());
        let (app, heavy) = (self.app.clone(), self.heavy.clone());
        let waits = Arc::downgrade(&waiter);
        let behind = Arc::new(OnceLock::new());
        let was_behind = Arc::clone(&behind);
        let reader =
            Reader { app, heavy, method, actor, standing, purpose, authority: None, waits, behind };
        let reads = Arc::clone(&self.reads);
        let place = reads.try_acquire_owned().map_err(|_| Error::Overloaded)?;
        let story = story(reader, query);
        let task = tokio::spawn(async move {
            let answer = story.await;
            drop(place);
            answer
        });
        let answer = task.await;
        drop(waiter);
        // What a panic says may hold what it stumbled on.
        let answer = answer.unwrap_or_else(|_| Err(Error::Internal("a panic".to_owned())))?;
        match was_behind.get().cloned() {
            Some((ledger, wanted)) => Err(Error::NotYetAtSeq { ledger, wanted }),
            None => Ok(answer),
        }
    }
}

fn respond<A>(method: Method, outcome: Result<A, Error>) -> Result<Response<A>, Status> {
    outcome.map(Response::new).map_err(|error| refusal(method.as_str(), &error))
}

/// The one boundary at which an error is logged and becomes a status.
pub fn refusal(method: &str, error: &Error) -> Status {
    if let Error::Internal(fault) = error {
        tracing::error!(method, fault, "a call failed by our fault");
    } else {
        tracing::debug!(method, reason = %error, "a call was refused");
    }
    status::status(error)
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
    heavy: Heavy,
    method: Method,
    actor: Actor,
    standing: Arc<Standing>,
    purpose: String,
    /// The record a story rests on, where it tells one employer what the other answers for.
    authority: Option<uuid::Uuid>,
    waits: Weak<()>,
    /// The ledger that has not come as far as was asked, where that is told only to who is not
    /// refused.
    behind: Arc<OnceLock<(LedgerId, u64)>>,
}

impl Reader {
    /// Whether anybody still waits for the answer: long stories ask on their way.
    fn is_awaited(&self) -> bool {
        self.waits.strong_count() > 0
    }

    /// A place among the heavy reads. Whoever waits for one holds no connection, and whoever
    /// has stopped waiting gets none; one too many is refused at once.
    async fn heavy_place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let full = |_| Error::Overloaded;
        let waiting = Arc::clone(&self.heavy.waiting).try_acquire_owned().map_err(full)?;
        let place = Arc::clone(&self.heavy.places).acquire_owned().await;
        drop(waiting);
        let place = place.map_err(|closed| Error::Internal(closed.to_string()))?;
        if self.is_awaited() { Ok(place) } else { Err(Error::DeadlineExceeded) }
    }

    /// Whether the caller may see this.
    fn permits(&self, target: &Target, registry: &Registry) -> bool {
        permits(self.method, &self.actor, target, registry, self.today())
    }

    /// The day it is in Norway.
    fn today(&self) -> Date {
        self.app.clock.now().date_in_norway()
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
        self.record_of(ledger, entries, Vec::new(), permitted).await
    }

    /// The same, where it was asked about people themselves.
    async fn record_of(
        &self,
        ledger: &LedgerId,
        entries: Vec<EntryId>,
        people: Vec<PersonId>,
        permitted: bool,
    ) -> Result<(), Error> {
        let access = self.access(ledger, entries, people, permitted);
        self.app.recorder.record(vec![access]).await
    }

    /// The same, where entries of several ledgers are shown.
    async fn record_each(
        &self,
        entries: BTreeMap<LedgerId, BTreeSet<EntryId>>,
    ) -> Result<(), Error> {
        let of_one = |(ledger, entries): (LedgerId, BTreeSet<EntryId>)| {
            self.access(&ledger, entries.into_iter().collect(), Vec::new(), true)
        };
        self.app.recorder.record(entries.into_iter().map(of_one).collect()).await
    }

    fn access(
        &self,
        ledger: &LedgerId,
        entries: Vec<EntryId>,
        people: Vec<PersonId>,
        permitted: bool,
    ) -> Access {
        Access {
            access_id: self.app.ids.id(),
            at: self.app.clock.now(),
            actor: self.actor.clone(),
            standing: Arc::clone(&self.standing),
            authority: self.authority,
            method: self.method,
            ledger: ledger.clone(),
            purpose: self.purpose.clone(),
            people,
            entries,
            permitted,
        }
    }
}

/// The area of a ledger.
fn area_of(ledger: &LedgerId) -> Target {
    Target { county_id: Some(ledger.county_id.clone()), ..Target::default() }
}

/// Refuses a ledger that cannot be.
fn require_ledger(ledger: &LedgerId, registry: &Registry) -> Result<(), Error> {
    if *ledger == LedgerId::registry() || registry.ledger_distribution(ledger).is_some() {
        return Ok(());
    }
    Err(Refusal::LedgerNotFound(ledger.clone()).into())
}

/// Whether a role sees an office's own people only.
fn is_office(actor: &Actor) -> bool {
    actor.role == Role::Office
}
