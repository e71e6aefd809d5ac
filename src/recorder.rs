//! The recorder: whoever reads personal data waits here until that is written down (I11).
//!
//! Accesses that arrive while the previous ones are being committed share the next commit.
//! Each county's accesses are a hash chain of this recorder's own. Where a commit fails
//! nobody knows whether it happened, so a new chain is begun and those who waited are told
//! that the read failed: a row without an answer harms nobody, an answer without a row does.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};
use uuid::Uuid;

use crate::{
    domain::ids::AreaId,
    error::Error,
    store::{
        access_log::{self, Access, ChainEnd},
        db::{Class, Db, classify},
    },
};

/// How many reads may wait to be written down; more are answered with "overloaded".
const QUEUE: usize = 2_000;
/// How many share one transaction at most.
const BATCH: usize = 128;

/// Names recorders.
pub type NewId = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// Accesses on their way, all of one county, and who waits for them.
struct Pending {
    county_id: AreaId,
    accesses: Vec<Access>,
    written: oneshot::Sender<Result<(), NotWritten>>,
}

/// Why accesses were not written down; each that waits is told the same.
#[derive(Debug, Clone, Copy)]
enum NotWritten {
    /// The database did not answer.
    Unavailable,
    /// It refused them.
    Fault,
}

/// The way in.
#[derive(Clone)]
pub struct Recorder(mpsc::Sender<Pending>);

impl Recorder {
    /// Starts a recorder; it ends when nobody can hand anything in any more.
    pub fn start(db: Db, new_id: NewId) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(run(db, new_id, receiver));
        Self(sender)
    }

    /// Writes accesses down. Only when this has succeeded may what was read be answered.
    pub async fn record(&self, accesses: Vec<Access>) -> Result<(), Error> {
        let mut by_county: BTreeMap<AreaId, Vec<Access>> = BTreeMap::new();
        for access in accesses {
            by_county.entry(access.ledger.county_id.clone()).or_default().push(access);
        }
        let mut waits = Vec::with_capacity(by_county.len());
        for (county_id, accesses) in by_county {
            let (written, wait) = oneshot::channel();
            let pending = Pending { county_id, accesses, written };
            self.0.try_send(pending).map_err(|refused| match refused {
                TrySendError::Full(_) => Error::Overloaded,
                TrySendError::Closed(_) => Error::DatabaseUnavailable,
            })?;
            waits.push(wait);
        }
        for wait in waits {
            match wait.await.unwrap_or(Err(NotWritten::Unavailable)) {
                Ok(()) => {}
                Err(NotWritten::Unavailable) => return Err(Error::DatabaseUnavailable),
                Err(NotWritten::Fault) => {
                    return Err(Error::Internal("an access could not be written down".to_owned()));
                }
            }
        }
        Ok(())
    }
}

async fn run(db: Db, new_id: NewId, mut incoming: mpsc::Receiver<Pending>) {
    let mut chains = Chains { db, recorder_id: new_id(), new_id, ends: BTreeMap::new() };
    let mut batch = Vec::with_capacity(BATCH);
    while incoming.recv_many(&mut batch, BATCH).await > 0 {
        let mut by_county: BTreeMap<AreaId, Vec<Pending>> = BTreeMap::new();
        for pending in batch.drain(..) {
            by_county.entry(pending.county_id.clone()).or_default().push(pending);
        }
        for (county_id, waiting) in by_county {
            chains.write(county_id, waiting).await;
        }
    }
}

/// Where this recorder's chains end.
struct Chains {
    db: Db,
    recorder_id: Uuid,
    new_id: NewId,
    ends: BTreeMap<AreaId, ChainEnd>,
}

impl Chains {
    async fn write(&mut self, county_id: AreaId, waiting: Vec<Pending>) {
        let (accesses, waiting): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|pending| (pending.accesses, pending.written)).unzip();
        let result = match self.append(county_id, &accesses.concat()).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "accesses could not be written down");
                self.recorder_id = (self.new_id)();
                self.ends.clear();
                match classify(&error) {
                    Class::Retry | Class::TooSlow => Err(NotWritten::Unavailable),
                    Class::Fault => Err(NotWritten::Fault),
                }
            }
        };
        for written in waiting {
            // Who has given up waiting does not want to know.
            let _ = written.send(result);
        }
    }

    async fn append(&mut self, county_id: AreaId, accesses: &[Access]) -> Result<(), sqlx::Error> {
        let empty = || ChainEnd::empty(&county_id, self.recorder_id);
        let end = self.ends.get(&county_id).cloned().unwrap_or_else(empty);
        let transaction = self.db.begin_record().await?;
        let end = access_log::record(transaction, &end, accesses).await?;
        self.ends.insert(county_id, end);
        Ok(())
    }
}
