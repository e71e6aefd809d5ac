//! How a batch begins: every ledger it touches under its lock, and those that are new
//! made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sqlx::PgConnection;

use crate::{
    app::App,
    domain::{
        ids::{AreaId, LedgerId},
        ledger::Ledger,
        measure::Distribution,
        registry::Registry,
    },
    store,
    write::{
        Job,
        batch::{self, Ran},
    },
};

/// The ledgers of a batch under their locks, and the registry as of then.
pub(super) struct Opened {
    pub(super) ledgers: Vec<Ledger>,
    pub(super) registry: Arc<Registry>,
}

/// Locks the ledgers of one county in one sorted statement. `None` where one of several
/// is not there yet: a ledger is made by a batch of its own, since one whose first
/// command is refused must not come to be with what happens in another. A command that runs
/// `alone` over several happens in all of them or in none.
pub(super) async fn lock(
    app: &App,
    connection: &mut PgConnection,
    county_id: &AreaId,
    ids: &BTreeSet<&LedgerId>,
    alone: bool,
) -> Result<Option<Opened>, sqlx::Error> {
    let codes: Vec<String> = ids.iter().map(|id| id.measure_code.to_string()).collect();
    let ledgers = store::ledger::lock(connection, county_id, &codes).await?;
    let registry = app.registry.current(connection).await?;
    let known: BTreeSet<&LedgerId> = ledgers.iter().map(Ledger::id).collect();
    let missing = ids.difference(&known).copied();
    let new: Vec<(&LedgerId, Distribution)> =
        missing.filter_map(|id| Some((id, distribution_of(id, &registry)?))).collect();
    if new.is_empty() {
        return Ok(Some(Opened { ledgers, registry }));
    }
    if !alone && ids.len() > 1 {
        return Ok(None);
    }
    for (id, distribution) in new {
        store::ledger::create(connection, id, distribution).await?;
    }
    let ledgers = store::ledger::lock(connection, county_id, &codes).await?;
    Ok(Some(Opened { ledgers, registry }))
}

/// Ledgers by county, both in the order in which they are locked.
pub(super) fn by_county<'i>(
    ids: impl IntoIterator<Item = &'i LedgerId>,
) -> BTreeMap<&'i AreaId, BTreeSet<&'i LedgerId>> {
    let mut counties: BTreeMap<&AreaId, BTreeSet<&LedgerId>> = BTreeMap::new();
    for id in ids {
        counties.entry(&id.county_id).or_default().insert(id);
    }
    counties
}

/// How a ledger that is not there yet would share its places; `None` where there can
/// be no such ledger.
fn distribution_of(id: &LedgerId, registry: &Registry) -> Option<Distribution> {
    if *id == LedgerId::registry() {
        return Some(Distribution::CountyPool);
    }
    registry.ledger_distribution(id)
}

/// Runs the jobs of each ledger as a batch of its own.
pub(super) async fn run_apart(app: &App, jobs: &[Arc<Job>]) -> Result<Ran, sqlx::Error> {
    let ids: BTreeSet<&LedgerId> = jobs.iter().map(|job| job.ledger()).collect();
    let mut answers = BTreeMap::new();
    let mut questions = BTreeMap::new();
    for id in ids {
        let places: Vec<usize> =
            (0..jobs.len()).filter(|place| jobs[*place].ledger() == id).collect();
        let of_ledger: Vec<Arc<Job>> = places.iter().map(|at| Arc::clone(&jobs[*at])).collect();
        let ran = Box::pin(batch::run(app, &of_ledger)).await?;
        answers.extend(places.iter().copied().zip(ran.answers));
        questions.extend(ran.questions.into_iter().map(|(at, about)| (places[at], about)));
    }
    Ok(Ran { answers: answers.into_values().collect(), questions })
}
