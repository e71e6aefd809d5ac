//! The wire: the only code that knows tonic. One file per service; read it from the
//! top and you have the whole story of each call.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex, OnceLock, Weak},
};

use time::Date;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};
use tracing::Instrument;

mod access_grants;
mod adviser;
mod allocation;
mod answer;
mod apportion;
mod audit;
mod behalf;
mod caller;
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
mod forecast;
mod heavy;
mod held;
mod hidden;
mod hosts;
mod identity;
mod known;
mod lending;
mod localized;
mod measure;
mod own_case;
mod page;
mod parse;
mod participation;
mod people;
mod placements;
mod plan_progress;
mod plans;
mod progress;
mod protected;
mod quota_move;
mod record;
mod redirections;
mod registry;
mod report;
mod review;
mod shares;
mod simulation;
mod size;
mod staff;
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
        access::{Actor, CallId, Method, Role, Said, Standing, Target, permits},
        ids::{LedgerId, MunicipalityNumber, RequestId},
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    grpc::{caller::Caller, heavy::Heavy},
    proto::v1::{self as pb},
    store::held::seen_by,
    write::{Draft, Encode, Work, Writer},
};

/// How many reads may wait for a ledger to come further; one too many is answered at once.
const FOR_SEQ_WAITING: usize = 100;

/// What every service shares.
#[derive(Clone)]
pub struct Api {
    app: App,
    writer: Writer,
    reads: Arc<Semaphore>,
    heavy: Heavy,
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
    ChangeIdentityNumberRequest,
    MoveQuotaRequest,
    ProposePlanRequest,
    CommentPlanRequest,
    ApprovePlanRequest,
    WithdrawPlanRequest,
    ImportExistingRequest,
    LinkStaffRequest,
);

impl Api {
    /// The services of an application, with so many reads under way at most.
    pub fn new(app: App, writer: Writer, reads_max: usize) -> Self {
        let reads = Arc::new(Semaphore::new(reads_max));
        let for_seq = Arc::new(Semaphore::new(FOR_SEQ_WAITING));
        Self { app, writer, reads, heavy: Heavy::new(), for_seq }
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
            said: caller.said(),
            call_id: caller.call_id.clone(),
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
        self.read_for(request, method, |request, _| parse(request), story).await
    }

    /// The same, where why it is asked may stand in the request or in a header.
    async fn read_for<Q, P, A, F>(
        &self,
        request: Request<Q>,
        method: Method,
        parse: impl FnOnce(&Q, &Said) -> Result<P, Error>,
        story: fn(Reader, P) -> F,
    ) -> Result<Response<A>, Status>
    where
        P: Send + 'static,
        A: Send + 'static,
        F: Future<Output = Result<A, Error>> + Send + 'static,
    {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parsed = caller.require(method).and_then(|()| parse(&request, &caller.said()));
        let outcome = match parsed {
            Ok(query) => self.look(&caller, method, query, story).await,
            Err(error) => Err(error),
        };
        respond(method, outcome)
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
        let (said, call_id) = (caller.said(), caller.call_id.clone());
        // Whoever drops the call drops this too: long stories look whether it is there.
        let waiter = Arc::new(());
        let behind = Arc::new(OnceLock::new());
        let was_behind = Arc::clone(&behind);
        let reader = Reader {
            app: self.app.clone(),
            heavy: self.heavy.clone(),
            for_seq: Arc::clone(&self.for_seq),
            method,
            actor,
            standing,
            said,
            call_id,
            authority: None,
            hosted: Mutex::default(),
            waits: Arc::downgrade(&waiter),
            behind,
        };
        let reads = Arc::clone(&self.reads);
        let place = reads.try_acquire_owned().map_err(|_| Error::Overloaded)?;
        let story = story(reader, query);
        let told = async move {
            let answer = story.await;
            drop(place);
            answer
        };
        let task = tokio::spawn(told.in_current_span());
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
    for_seq: Arc<Semaphore>,
    method: Method,
    actor: Actor,
    standing: Arc<Standing>,
    /// Why, as the header says or, where a request says it itself, as that does.
    said: Said,
    call_id: CallId,
    /// The record a story rests on, where it tells one employer what the other answers for.
    authority: Option<uuid::Uuid>,
    /// The municipalities of those it has found, that the caller's office serves by hosting them.
    hosted: Mutex<BTreeSet<MunicipalityNumber>>,
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

    /// Whether the caller may see this. What may be seen is seen on behalf of whoever is hosted.
    fn permits(&self, target: &Target, registry: &Registry) -> bool {
        let permitted = permits(self.method, &self.actor, target, registry, self.today());
        if permitted {
            self.note_hosted(target.municipality_number.iter(), registry);
        }
        permitted
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
