//! What happens without a call: ledgers with something due are woken, queues go on in the
//! measure types that took over, answers that were kept long enough are retired. The worker
//! decides nothing: what is due takes effect in the writer, before anything else a batch does,
//! so several workers, or none for a week, give the same log.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    app::App,
    domain::{
        ids::LedgerId,
        succession::{successor_of, superseded_on},
    },
    error::Error,
    rotation::{BEAT, Beats},
    store,
    write::Writer,
};

/// How often the worker looks for something due.
const TICK: Duration = Duration::from_secs(1);
/// How many ticks lie between two looks for queues that are to go on elsewhere, as long as
/// there is none: what is looked for begins on a day and ends with an offer.
const HAND_OVER_EVERY: u32 = 10;
/// How many ticks lie between two retirements of answers.
const RETIRE_EVERY: u32 = 3_600;
/// How many answers one transaction retires.
const RETIRE_AT_ONCE: i64 = 2_000;
/// How long an answer is kept, in days.
pub const ANSWER_DAYS: u32 = 30;

/// Looks again and again, until it is dropped.
pub async fn run(app: App, writer: Writer) {
    tokio::join!(look_after_ledgers(&app, &writer), look_after_keys(&app));
}

/// Reads the key file again and does what a change of keys leaves to be done. It waits for no
/// ledger, and no ledger for it.
async fn look_after_keys(app: &App) {
    let mut beats = Beats::default();
    loop {
        if let Err(error) = beats.next(&app.db, &app.keys).await {
            tracing::warn!(%error, "the keys could not be looked after; trying again");
        }
        tokio::time::sleep(BEAT).await;
    }
}

async fn look_after_ledgers(app: &App, writer: &Writer) {
    let (mut ticks, mut hand_overs) = (0_u32, HandOvers::default());
    loop {
        if let Err(error) = wake_due(app, writer).await {
            tracing::warn!(%error, "what is due could not take effect; trying again");
        }
        if (hand_overs.go_on || ticks.is_multiple_of(HAND_OVER_EVERY))
            && let Err(error) = hand_overs.next_pages(app, writer).await
        {
            tracing::warn!(%error, "a queue could not go on elsewhere; trying again");
        }
        if ticks.is_multiple_of(RETIRE_EVERY) {
            match retire_answers(app).await {
                Ok(0) => {}
                Ok(retired) => tracing::info!(retired, "answers older than 30 days were retired"),
                Err(error) => tracing::warn!(%error, "answers could not be retired; trying later"),
            }
        }
        ticks = ticks.wrapping_add(1);
        tokio::time::sleep(TICK).await;
    }
}

/// Wakes each ledger with something due; says how many. One that cannot be woken does
/// not keep the others asleep.
pub async fn wake_due(app: &App, writer: &Writer) -> Result<usize, Error> {
    let now = app.clock.now();
    let mut transaction = app.db.begin_read().await?;
    let ledgers = store::ledger::with_something_due(&mut transaction, now).await?;
    transaction.rollback().await?;
    let count = ledgers.len();
    let mut failed = None;
    for ledger in ledgers {
        failed = writer.wake(ledger).await.err().or(failed);
    }
    failed.map_or(Ok(count), Err)
}

/// Queues that go on in the measure types that took over.
#[derive(Debug, Default)]
pub struct HandOvers {
    /// Whether there was somebody to hand over at the last look.
    go_on: bool,
    /// Queues of which it has been told that they cannot go on.
    told: BTreeSet<LedgerId>,
}

impl HandOvers {
    /// Lets a page of each queue go on that is to go on elsewhere; says of how many. So much and
    /// no more, so that calls come between. A queue that cannot go on stays where it is, and
    /// that is told once.
    pub async fn next_pages(&mut self, app: &App, writer: &Writer) -> Result<usize, Error> {
        let today = app.clock.now().date_in_norway();
        let mut transaction = app.db.begin_read().await?;
        let registry = app.registry.current(&mut transaction).await?;
        let superseded = superseded_on(&registry, today);
        let codes: Vec<&str> = superseded.iter().map(|code| code.as_str()).collect();
        let mut ledgers = Vec::new();
        // Where nothing is superseded nothing is asked.
        for area in registry.areas().filter(|_| !codes.is_empty()) {
            let county_id = &area.county_id;
            let found = store::succession::waited_in(&mut transaction, county_id, &codes).await?;
            let ledger = |measure_code| LedgerId { county_id: county_id.clone(), measure_code };
            ledgers.extend(found.into_iter().map(ledger));
        }
        transaction.rollback().await?;
        let (mut count, mut failed) = (0, None);
        for ledger in ledgers {
            if successor_of(&registry, &ledger, today).is_none() {
                self.tell_once(ledger, "what took over has not begun, or leads back here");
                continue;
            }
            match writer.hand_over(ledger.clone()).await {
                Ok(()) => count += 1,
                Err(Error::Refused(refusal)) => self.tell_once(ledger, &refusal.to_string()),
                Err(error) => failed = Some(error),
            }
        }
        self.go_on = count > 0;
        failed.map_or(Ok(count), Err)
    }

    fn tell_once(&mut self, ledger: LedgerId, why: &str) {
        if !self.told.contains(&ledger) {
            tracing::warn!(%ledger, why, "a superseded queue stays where it is");
            self.told.insert(ledger);
        }
    }
}

/// Forgets answers older than [`ANSWER_DAYS`]; what they answered stays in the log.
pub async fn retire_answers(app: &App) -> Result<u64, Error> {
    let before = app.clock.now().minus_days(ANSWER_DAYS);
    let mut retired = 0;
    loop {
        let mut transaction = app.db.begin_write().await?;
        let now = store::log::retire_answers(&mut transaction, before, RETIRE_AT_ONCE).await?;
        transaction.commit().await?;
        retired += now;
        if now < RETIRE_AT_ONCE.cast_unsigned() {
            return Ok(retired);
        }
    }
}
