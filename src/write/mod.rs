//! The writer: every mutation of every ledger goes through here.
//!
//! A few lanes (counties assigned by hash) collect the commands that arrive while
//! their previous commit is under way and run those of one county as one batch in one
//! transaction. Handlers only wait for an answer: no database work runs in a call's
//! own future, so a call that is dropped cannot leave a transaction half begun.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

mod across;
mod adviser;
mod authority;
mod batch;
mod behalf;
mod corrected;
mod decision;
mod due;
mod everywhere;
mod existing;
mod identity;
mod lane;
mod opening;
mod own_case;
mod people;
mod question;
mod staff;
mod succession;

use crate::{
    app::App,
    domain::{
        access::{Actor, CallId, Method, Said, Standing},
        authority::Viewer,
        calendar::Timestamp,
        command::Command,
        event::Event,
        explanation::Affected,
        ids::{LedgerId, RequestId},
        ledger::Ledger,
        measure::NeedGroup,
        national_identity::NationalIdentityNumber,
    },
    error::Error,
};

/// How many lanes there are.
pub const LANES: usize = 4;
/// How many commands may wait in a lane; more are answered with "overloaded".
pub const LANE_QUEUE: usize = 2_000;
/// How many commands run in one transaction at most; each join of a batch of joins counts as
/// one, and a batch of more than these runs alone.
pub const BATCH_COMMANDS: usize = 128;

/// What a caller asks for, checked and in the domain's words.
pub struct Work {
    /// Which RPC.
    pub method: Method,
    /// The caller's name for the call.
    pub request_id: RequestId,
    /// Whether to decide and store nothing.
    pub validate_only: bool,
    /// Which ledger.
    pub ledger: LedgerId,
    /// Who asks.
    pub actor: Actor,
    /// What else holds of them.
    pub standing: Arc<Standing>,
    /// Why, as the caller said.
    pub said: Said,
    /// In which call.
    pub call_id: CallId,
    /// Caller and call, byte for byte: what a retry must repeat. Only a keyed digest of
    /// it is kept.
    pub identity_of_call: Vec<u8>,
    /// What.
    pub draft: Draft,
    /// Makes the answer's bytes.
    pub encode: Encode,
}

/// A command before the person in it has a name and a key.
pub struct Draft {
    /// The command; its person and its sealed texts are filled in by the writer.
    pub command: Command,
    /// Who joins, for each join of the command in its order, or who comes in by an import, for
    /// each row that does; `None` where nobody does.
    pub identity: Option<Vec<Joiner>>,
    /// Text to be sealed under the person's key. Of what is changed of an entry's grounds, a
    /// JSON object: what it names takes the place of what stands there, and `null` removes it.
    pub plain: Option<String>,
    /// The case worker's ident, to be sealed under the person's key and found by its digest.
    pub adviser: Option<String>,
    /// The ident of the case worker whose entries a reassignment is about; `None` where it
    /// names them.
    pub from_adviser: Option<String>,
    /// Whether a reassignment is about all ledgers of the area, and not only the one that keeps
    /// its answer.
    pub everywhere: bool,
    /// Which decisions rested on the mistake that is corrected: found before the ledger is
    /// locked, and told in the answer.
    pub affected: Option<Affected>,
    /// The number a person has from now on.
    pub new_number: Option<NationalIdentityNumber>,
    /// Whether the caller may be told whose that number is: otherwise it is refused where it is
    /// anybody's, the entry's own person's too, so that no entry is found by a number.
    pub may_tell_whose: bool,
}

/// Somebody who is to wait. What is said here never leaves the writer in the clear.
pub struct Joiner {
    /// Who.
    pub identity: NationalIdentityNumber,
    /// The need group, if one was named.
    pub need_group: Option<NeedGroup>,
    /// The grounds, to be sealed under the person's key.
    pub plain: Option<String>,
    /// The case worker's ident, to be sealed under the person's key and found by its digest.
    pub adviser: Option<String>,
    /// What the system somebody comes in from said of them, a JSON object to be sealed under
    /// the person's key; `None` of who joins here.
    pub original: Option<String>,
}

impl Joiner {
    /// Somebody of whom nothing else is said.
    pub fn of(identity: NationalIdentityNumber) -> Self {
        Self { identity, need_group: None, plain: None, adviser: None, original: None }
    }
}

impl Draft {
    /// A command about no person, or without text about one.
    pub fn of(command: Command) -> Self {
        Self {
            command,
            identity: None,
            plain: None,
            adviser: None,
            from_adviser: None,
            everywhere: false,
            affected: None,
            new_number: None,
            may_tell_whose: true,
        }
    }
}

/// What was done, for making an answer.
pub struct Done<'a> {
    /// The ledger after it.
    pub ledger: &'a Ledger,
    /// What was asked.
    pub command: &'a Command,
    /// What happened.
    pub events: &'a [Event],
    /// When.
    pub at: Timestamp,
    /// The other ledgers it was done in, after it, and what happened there.
    pub others: &'a [(&'a Ledger, &'a [Event])],
    /// How many more there are of what was asked for than are changed at once.
    pub remaining: u64,
    /// Which decisions rested on the mistake that was corrected.
    pub affected: Option<&'a Affected>,
    /// Who the answer is for.
    pub viewer: &'a Viewer<'a>,
}

/// Makes the answer's bytes. It must name nobody: answers are kept.
pub type Encode = fn(&Done<'_>) -> Vec<u8>;

/// What a lane may be asked to do in a ledger.
enum Job {
    /// A caller's command.
    Work(Box<Work>),
    /// Let what is due take effect.
    Wake(LedgerId),
    /// Let a page of those who wait go on in the measure type that took over.
    HandOver(LedgerId),
}

impl Job {
    fn ledger(&self) -> &LedgerId {
        match self {
            Self::Work(work) => &work.ledger,
            Self::Wake(ledger) | Self::HandOver(ledger) => ledger,
        }
    }

    fn work(&self) -> Option<&Work> {
        match self {
            Self::Work(work) => Some(work),
            Self::Wake(_) | Self::HandOver(_) => None,
        }
    }

    /// How many commands it counts as.
    fn weight(&self) -> usize {
        let joiners = self.work().and_then(|work| work.draft.identity.as_ref());
        joiners.map_or(1, |joiners| joiners.len().max(1))
    }
}

/// A job on its way, and where its answer goes.
struct Pending {
    job: Arc<Job>,
    answer: oneshot::Sender<Result<Vec<u8>, Error>>,
}

/// The lanes at work.
pub struct Lanes {
    close: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Lanes {
    /// Takes nothing more in, and waits until what was handed in is done. A connection
    /// that stays open may hold a `Writer` for ever; it is not waited for.
    pub async fn finish(self) {
        self.close.send_replace(true);
        for task in self.tasks {
            drop(task.await);
        }
    }
}

/// The way in.
#[derive(Clone)]
pub struct Writer {
    lanes: Vec<mpsc::Sender<Pending>>,
}

impl Writer {
    /// Starts the lanes.
    pub fn start(app: &App) -> (Self, Lanes) {
        let (close, closing) = watch::channel(false);
        let mut lanes = Vec::with_capacity(LANES);
        let mut tasks = Vec::with_capacity(LANES);
        for _ in 0..LANES {
            let (sender, receiver) = mpsc::channel(LANE_QUEUE);
            lanes.push(sender);
            let closing = lane::Closing(closing.clone());
            tasks.push(tokio::spawn(lane::run(app.clone(), receiver, closing)));
        }
        (Self { lanes }, Lanes { close, tasks })
    }

    /// Hands work in and waits for its answer's bytes. Dropping the wait drops nothing
    /// but the wait.
    pub async fn submit(&self, work: Work) -> Result<Vec<u8>, Error> {
        self.hand_in(Job::Work(Box::new(work))).await
    }

    /// Lets what is due in a ledger take effect.
    pub async fn wake(&self, ledger: LedgerId) -> Result<(), Error> {
        self.hand_in(Job::Wake(ledger)).await.map(drop)
    }

    /// Lets a page of those who wait in a ledger go on in the measure type that took over.
    pub async fn hand_over(&self, ledger: LedgerId) -> Result<(), Error> {
        self.hand_in(Job::HandOver(ledger)).await.map(drop)
    }

    async fn hand_in(&self, job: Job) -> Result<Vec<u8>, Error> {
        let (answer, wait) = oneshot::channel();
        let lane = &self.lanes[lane_of(job.ledger())];
        lane.try_send(Pending { job: Arc::new(job), answer }).map_err(|_| Error::Overloaded)?;
        wait.await.unwrap_or(Err(Error::DatabaseUnavailable))
    }
}

fn lane_of(ledger: &LedgerId) -> usize {
    let mut hasher = DefaultHasher::new();
    ledger.county_id.hash(&mut hasher);
    usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0)
}
