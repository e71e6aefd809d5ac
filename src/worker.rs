//! What happens without a call: ledgers with something due are woken, answers that
//! were kept long enough are retired. The worker decides nothing: what is due takes
//! effect in the writer, before anything else a batch does, so several workers, or
//! none for a week, give the same log.

use std::time::Duration;

use crate::{app::App, error::Error, store, write::Writer};

/// How often the worker looks for something due.
const TICK: Duration = Duration::from_secs(1);
/// How many ticks lie between two retirements of answers.
const RETIRE_EVERY: u32 = 3_600;
/// How many answers one transaction retires.
const RETIRE_AT_ONCE: i64 = 2_000;
/// How long an answer is kept, in days.
pub const ANSWER_DAYS: u32 = 30;

/// Looks again and again, until it is dropped.
pub async fn run(app: App, writer: Writer) {
    let mut ticks: u32 = 0;
    loop {
        if let Err(error) = wake_due(&app, &writer).await {
            tracing::warn!(%error, "what is due could not take effect; trying again");
        }
        if ticks.is_multiple_of(RETIRE_EVERY) {
            match retire_answers(&app).await {
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
