//! A lane: collects commands, runs them in batches, answers.

use std::{collections::VecDeque, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::sync::{mpsc, watch};

use crate::{
    app::App,
    error::Error,
    store::db::{Class, classify},
    write::{
        BATCH_COMMANDS, Pending,
        batch::{self, Ran},
    },
};

/// How often a batch is tried again when the database does not answer, and how long
/// is waited before each.
const RETRIES: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Asked to end, once.
pub(super) struct Closing(pub(super) watch::Receiver<bool>);

impl Closing {
    async fn asked(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            // Nobody can ask any more; the channel's own end is waited for.
            std::future::pending::<()>().await;
        }
    }
}

/// Runs until nobody can hand work in any more, or until it is asked to end and what
/// was handed in is done.
pub(super) async fn run(app: App, mut incoming: mpsc::Receiver<Pending>, mut closing: Closing) {
    let mut waiting: VecDeque<Pending> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let first = tokio::select! {
                first = incoming.recv() => first,
                () = closing.asked() => {
                    // Nobody new; those already in are still served.
                    incoming.close();
                    incoming.recv().await
                }
            };
            let Some(first) = first else { return };
            waiting.push_back(first);
        }
        // What is not taken in stays in the channel, whose bound is then felt outside.
        while waiting.len() < BATCH_COMMANDS
            && let Ok(more) = incoming.try_recv()
        {
            waiting.push_back(more);
        }
        let batch = next_batch(&mut waiting);
        if !batch.is_empty() {
            run_batch(&app, batch).await;
        }
    }
}

/// Takes the commands of the first one's county, in the order they came. Callers that
/// have gone away are dropped: what has not begun need not be done.
fn next_batch(waiting: &mut VecDeque<Pending>) -> Vec<Pending> {
    waiting.retain(|pending| !pending.answer.is_closed());
    let Some(county) = waiting.front().map(|first| first.job.ledger().county_id.clone()) else {
        return Vec::new();
    };
    let mut batch = Vec::new();
    let mut others = VecDeque::new();
    let (mut weight, mut is_full) = (0, false);
    for pending in waiting.drain(..) {
        if pending.job.ledger().county_id != county {
            others.push_back(pending);
            continue;
        }
        // The first is taken, whatever it weighs; behind one that must wait all others do.
        weight += pending.job.weight();
        is_full |= !batch.is_empty() && weight > BATCH_COMMANDS;
        if is_full {
            others.push_back(pending);
        } else {
            batch.push(pending);
        }
    }
    *waiting = others;
    batch
}

/// Runs a batch; when something in it is at fault, each command alone, so that only
/// the culprit pays.
async fn run_batch(app: &App, batch: Vec<Pending>) {
    match attempt(app, &batch).await {
        Ok(ran) => answer(app, batch, ran),
        Err(Failure::Unavailable) => {
            for pending in batch {
                drop(pending.answer.send(Err(Error::DatabaseUnavailable)));
            }
        }
        Err(Failure::Fault(fault)) if batch.len() == 1 => {
            for pending in batch {
                drop(pending.answer.send(Err(Error::Internal(fault.clone()))));
            }
        }
        Err(Failure::Fault(fault)) => {
            tracing::error!(fault, commands = batch.len(), "a batch failed; running each alone");
            for pending in batch {
                Box::pin(run_batch(app, vec![pending])).await;
            }
        }
    }
}

/// Gives the answers out. Those about people wait until that has been written down, and the
/// lane does not wait with them.
fn answer(app: &App, batch: Vec<Pending>, ran: Ran) {
    let Ran { answers, mut questions } = ran;
    let (mut accesses, mut asked) = (Vec::new(), Vec::new());
    for (index, (pending, answer)) in batch.into_iter().zip(answers).enumerate() {
        if let Some(about) = questions.remove(&index) {
            accesses.extend(about);
            asked.push((pending.answer, answer));
        } else {
            // Whoever has gone away finds the answer again by the request id.
            drop(pending.answer.send(answer));
        }
    }
    if asked.is_empty() {
        return;
    }
    let recorder = app.recorder.clone();
    tokio::spawn(async move {
        let is_written = recorder.record(accesses).await.is_ok();
        for (sender, answer) in asked {
            // What was not written down is not answered (I11).
            let answer = if is_written { answer } else { Err(Error::DatabaseUnavailable) };
            drop(sender.send(answer));
        }
    });
}

/// Why a batch got nowhere.
enum Failure {
    Unavailable,
    Fault(String),
}

/// Runs a batch until the database answers, or does not for too long. After a lost
/// connection nobody knows whether the commit happened: running the batch again finds
/// out, since what did happen is found by its request ids.
async fn attempt(app: &App, batch: &[Pending]) -> Result<Ran, Failure> {
    let jobs: Vec<_> = batch.iter().map(|pending| pending.job.clone()).collect();
    for pause in RETRIES.iter().map(Some).chain([None]) {
        if batch.iter().all(|pending| pending.answer.is_closed()) {
            break;
        }
        let once = AssertUnwindSafe(batch::run(app, &jobs)).catch_unwind().await;
        let error = match once {
            Ok(Ok(ran)) => return Ok(ran),
            Ok(Err(error)) => error,
            Err(_) => return Err(Failure::Fault("a panic".to_owned())),
        };
        match classify(&error) {
            Class::Fault => return Err(Failure::Fault(error.to_string())),
            // One slow command must not hold up those it happened to travel with.
            Class::TooSlow if batch.len() > 1 => return Err(Failure::Fault(error.to_string())),
            Class::TooSlow | Class::Retry => {}
        }
        tracing::warn!(%error, "the database did not take a batch");
        match pause {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => break,
        }
    }
    Err(Failure::Unavailable)
}
