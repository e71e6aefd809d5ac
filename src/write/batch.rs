//! One batch: a county's jobs in one transaction. Read, decide, write, commit, in that order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sqlx::PgConnection;

use crate::{
    app::App,
    domain::{
        access::{Actor, Target, permits},
        calendar::Timestamp,
        command::{Command, Needs},
        event::{Event, RULES_VERSION},
        ids::{AreaId, IdSource, LedgerId, MunicipalityNumber, RequestId},
        ledger::{Context, Head, Ledger, apply, decide, rows},
        refusal::{Refusal, Stop},
        registry::{Registry, RegistryRow},
        waitlist::QueueKey,
    },
    error::Error,
    store::{
        self,
        access_log::Access,
        log::{Answer, Answered, LogRow, Replay},
    },
    write::{
        Job, Work,
        across::{self, Asked, Decision, Reach, answer_of},
        adviser::Reassigned,
        behalf::on_behalf_of,
        decision::{hidden_or_denied, log_row, targets},
        opening::{self, by_county, run_apart},
        own_case::names_themself,
        people::{Named, People, person_of},
    },
};

/// How many eligible people of each queue are read at first; each further read of a
/// queue doubles it.
const HEADS: i64 = 64;

/// What a batch answers.
pub(super) struct Ran {
    /// An answer for each job, in their order.
    pub(super) answers: Vec<Result<Vec<u8>, Error>>,
    /// Those of them that wait until they have been written down, by their place.
    pub(super) questions: BTreeMap<usize, Vec<Access>>,
}

/// What became of one transaction.
pub(super) enum Outcome {
    /// The jobs are done.
    Done(Ran),
    /// What was due has been stored first: the jobs are yet to be run.
    Again,
    /// Each ledger must have a batch of its own.
    Apart,
    /// Something is due in these, and the jobs are over several ledgers.
    DueFirst(Vec<LedgerId>),
    /// Some jobs reach into ledgers that are not locked, by their place.
    Across(BTreeMap<usize, BTreeSet<LedgerId>>),
}

/// Runs the jobs of one county.
pub(super) async fn run(app: &App, jobs: &[Arc<Job>]) -> Result<Ran, sqlx::Error> {
    loop {
        match attempt(app, jobs, &BTreeSet::new()).await? {
            Outcome::Done(ran) => return Ok(ran),
            Outcome::Again | Outcome::DueFirst(_) => {}
            Outcome::Apart => return run_apart(app, jobs).await,
            Outcome::Across(reach) => return across::run(app, jobs, reach).await,
        }
    }
}

/// Runs jobs in one transaction, with the locks of `beyond` beside those of their own ledgers.
pub(super) async fn attempt(
    app: &App,
    jobs: &[Arc<Job>],
    beyond: &BTreeSet<LedgerId>,
) -> Result<Outcome, sqlx::Error> {
    let mut transaction = app.db.begin_write().await?;
    let connection = &mut *transaction;
    let Some(mut batch) = Batch::open(app, connection, jobs, beyond).await? else {
        transaction.rollback().await?;
        return Ok(Outcome::Apart);
    };
    let more_is_due = batch.apply_due(connection).await?;
    if !beyond.is_empty() && batch.has_written() {
        // One of several ledgers may be new: it must not come to be with what is due.
        transaction.rollback().await?;
        return Ok(Outcome::DueFirst(batch.written().cloned().collect()));
    }
    // Who has just left by time may join in this very batch: claims are taken before the
    // batch's own are ended, so those are ended for good first.
    if more_is_due || batch.has_ended_claims() {
        batch.write(connection).await?;
        transaction.commit().await?;
        return Ok(Outcome::Again);
    }
    batch.read(connection, jobs).await?;
    let unlocked = batch.reach_out(connection, jobs).await?;
    if !unlocked.is_empty() {
        transaction.rollback().await?;
        return Ok(Outcome::Across(unlocked));
    }
    let mut answers = Vec::with_capacity(jobs.len());
    for (index, job) in jobs.iter().enumerate() {
        answers.push(match job.as_ref() {
            Job::Wake(_) => Ok(Vec::new()),
            Job::HandOver(ledger) => batch.hand_over(connection, index, ledger).await?,
            Job::Work(work) => batch.answer(connection, index, work).await?,
        });
    }
    if batch.has_written() {
        batch.people.settle(connection).await?;
        batch.write(connection).await?;
        transaction.commit().await?;
        app.registry.put(Arc::clone(&batch.registry));
    } else {
        transaction.rollback().await?;
    }
    Ok(Outcome::Done(Ran { answers, questions: batch.questions }))
}

/// A ledger under its lock, and what this batch adds to it.
pub(super) struct Open {
    pub(super) ledger: Ledger,
    before: Head,
    log: Vec<LogRow>,
    answers: Vec<Answer>,
}

pub(super) struct Batch<'a> {
    pub(super) app: &'a App,
    pub(super) registry: Arc<Registry>,
    new_registry_rows: Vec<(u64, Vec<RegistryRow>)>,
    pub(super) open: BTreeMap<LedgerId, Open>,
    pub(super) replays: BTreeMap<(LedgerId, RequestId), Replay>,
    pub(super) people: People,
    /// What each job reaches for in other ledgers, by its place.
    pub(super) reach: BTreeMap<usize, Reach>,
    pub(super) questions: BTreeMap<usize, Vec<Access>>,
}

impl<'a> Batch<'a> {
    /// Locks the ledgers, county by county so that all wait in one order, then reads the
    /// registry and the frame of each. `None` where each ledger must have a batch of its own.
    async fn open(
        app: &'a App,
        connection: &mut PgConnection,
        jobs: &[Arc<Job>],
        beyond: &BTreeSet<LedgerId>,
    ) -> Result<Option<Self>, sqlx::Error> {
        let ids: BTreeSet<&LedgerId> = jobs.iter().map(|job| job.ledger()).chain(beyond).collect();
        let mut registry = Arc::default();
        let mut open = BTreeMap::new();
        for (county_id, ids) in by_county(ids) {
            let alone = !beyond.is_empty();
            let opened = opening::lock(app, connection, county_id, &ids, alone).await?;
            let Some(opened) = opened else { return Ok(None) };
            registry = opened.registry;
            for mut ledger in opened.ledgers {
                store::ledger::load_frame(connection, &mut ledger).await?;
                let before = ledger.head();
                let id = ledger.id().clone();
                open.insert(id, Open { ledger, before, log: Vec::new(), answers: Vec::new() });
            }
        }
        Ok(Some(Self {
            app,
            registry,
            new_registry_rows: Vec::new(),
            open,
            replays: BTreeMap::new(),
            people: People::default(),
            reach: BTreeMap::new(),
            questions: BTreeMap::new(),
        }))
    }

    /// Reads what the batch's commands need: replays first, then rows and queue heads,
    /// then people and claims. A request id that is another's needs the rows too: whether
    /// its caller may is asked before it is told of the other.
    async fn read(
        &mut self,
        connection: &mut PgConnection,
        jobs: &[Arc<Job>],
    ) -> Result<(), sqlx::Error> {
        let works = || jobs.iter().enumerate().filter_map(|(i, job)| Some((i, job.work()?)));
        self.find_replays(connection, works().map(|(_, work)| work)).await?;
        let mut needs: BTreeMap<LedgerId, Needs> = BTreeMap::new();
        let fresh: Vec<(usize, &Work)> =
            works().filter(|(_, work)| self.own_replay(work).is_none()).collect();
        for (_, work) in &fresh {
            needs.entry(work.ledger.clone()).or_default().add(&work.draft.command);
        }
        for (id, needs) in &needs {
            self.load(connection, id, needs).await?;
        }
        let joins: Vec<(usize, &Work)> = fresh
            .iter()
            .filter(|(_, work)| work.draft.identity.is_some() && self.is_allowed(work))
            .filter(|(_, work)| self.replay_of(work).is_none() && !names_themself(work))
            .copied()
            .collect();
        let named = Named { joins, callers: self.callers(&fresh) };
        let reopened = self.reopened(&fresh);
        let county_id = &jobs[0].ledger().county_id;
        self.people = People::find(self.app, connection, county_id, &named, reopened).await?;
        let sealed = fresh
            .iter()
            .filter(|(_, work)| work.draft.plain.is_some() || work.draft.adviser.is_some());
        let people: Vec<_> = sealed
            .filter_map(|(_, work)| {
                person_of(&self.open.get(&work.ledger)?.ledger, &work.draft.command)
            })
            .collect();
        self.people.load_keys(self.app, connection, &people).await
    }

    async fn find_replays(
        &mut self,
        connection: &mut PgConnection,
        works: impl Iterator<Item = &Work>,
    ) -> Result<(), sqlx::Error> {
        let requests: Vec<_> =
            works.filter(|work| !work.validate_only).map(|work| work.request_id.0).collect();
        if requests.is_empty() {
            return Ok(());
        }
        for (county, codes) in self.codes_by_county() {
            let found = store::log::find_replays(connection, county.as_str(), &codes, &requests);
            for replay in found.await? {
                let is_its = |id: &&LedgerId| {
                    id.county_id == county && id.measure_code.as_str() == replay.measure_code
                };
                if let Some(id) = self.open.keys().find(is_its) {
                    self.replays.insert((id.clone(), replay.request_id), replay);
                }
            }
        }
        Ok(())
    }

    /// The measure types of the ledgers that are locked, by county.
    pub(super) fn codes_by_county(&self) -> BTreeMap<AreaId, Vec<String>> {
        let codes = |ids: BTreeSet<&LedgerId>| {
            ids.into_iter().map(|id| id.measure_code.to_string()).collect()
        };
        by_county(self.open.keys()).into_iter().map(|(c, ids)| (c.clone(), codes(ids))).collect()
    }

    /// What was done under its request id: in its ledger, or in any of the area where it is about
    /// all of them.
    fn replays_of<'b>(&'b self, work: &'b Work) -> impl Iterator<Item = &'b Replay> {
        let key = (work.ledger.clone(), work.request_id);
        let elsewhere = work.draft.everywhere.then(|| self.replays.iter()).into_iter().flatten();
        let elsewhere = elsewhere.filter(|((ledger, request_id), _)| {
            *request_id == work.request_id && ledger.county_id == work.ledger.county_id
        });
        let all = self.replays.get(&key).into_iter().chain(elsewhere.map(|(_, replay)| replay));
        all.filter(|_| !work.validate_only)
    }

    pub(super) fn replay_of<'b>(&'b self, work: &'b Work) -> Option<&'b Replay> {
        self.replays_of(work).next()
    }

    /// What this very caller was answered to this very call.
    pub(super) fn own_replay<'b>(&'b self, work: &'b Work) -> Option<&'b Answered> {
        self.replays_of(work).filter_map(|replay| replay.answered.as_ref()).find(|answered| {
            let stored = &answered.fingerprint;
            self.app.keys.fingerprint_matches(&[&work.identity_of_call], stored)
        })
    }

    pub(super) async fn load(
        &mut self,
        connection: &mut PgConnection,
        id: &LedgerId,
        needs: &Needs,
    ) -> Result<(), sqlx::Error> {
        let Some(open) = self.open.get_mut(id) else { return Ok(()) };
        store::ledger::load_needs(connection, &mut open.ledger, needs).await?;
        if needs.heads {
            let all = store::ledger::all_heads(connection, id, HEADS).await?;
            for (queue, heads) in all {
                let whole = is_whole(heads.len(), HEADS);
                open.ledger.load_heads(&queue, heads, whole);
            }
        }
        Ok(())
    }

    /// Whether the caller may do this to the rows in question.
    pub(super) fn is_allowed(&self, work: &Work) -> bool {
        self.open.contains_key(&work.ledger)
            && self.first_refused(work).is_none()
            && self.says_anothers(work).is_none()
    }

    /// The place of the first row in question that is not the caller's.
    fn first_refused(&self, work: &Work) -> Option<usize> {
        let open = self.open.get(&work.ledger)?;
        let today = self.app.clock.now().date_in_norway();
        let permitted =
            |target: &Target| permits(work.method, &work.actor, target, &self.registry, today);
        targets(&open.ledger, &work.draft.command).iter().position(|target| !permitted(target))
    }

    /// Answers one command: its own replay, then rights, then a request id that was used
    /// for another, then state.
    async fn answer(
        &mut self,
        connection: &mut PgConnection,
        index: usize,
        work: &Work,
    ) -> Result<Result<Vec<u8>, Error>, sqlx::Error> {
        if let Some(own) = self.own_replay(work) {
            return Ok(own.response.clone().ok_or(Error::RequestIdExpired));
        }
        if !self.open.contains_key(&work.ledger) {
            return Ok(Err(Refusal::LedgerNotFound(work.ledger.clone()).into()));
        }
        if let Some(first) = self.first_refused(work) {
            return Ok(Err(hidden_or_denied(work, first).into()));
        }
        if let Some(refusal) = self.own_case(index, work) {
            return Ok(Err(refusal.into()));
        }
        if let Some(withheld) = self.says_anothers(work) {
            return Ok(Err(withheld.into()));
        }
        if self.replay_of(work).is_some() {
            return Ok(Err(Error::RequestIdReused));
        }
        let Reassigned { mut command, others, remaining } =
            match self.complete(connection, index, work).await? {
                Ok(complete) => complete,
                Err(refusal) => {
                    self.note_question(index, work, &work.ledger, &work.draft.command, &[]);
                    return Ok(Err(refusal.into()));
                }
            };
        if let Some(refusal) = self.own_case_among(index, work, &command, &others) {
            return Ok(Err(refusal.into()));
        }
        self.fill_in(index, &mut command);
        let asked = Asked::of(work);
        let decisions = match self.decide_all(connection, &asked, &command, &others).await? {
            Ok(decisions) => decisions,
            Err(error) => {
                self.note_refused(index, work, &command, &others);
                return Ok(Err(error));
            }
        };
        if work.validate_only {
            self.note_preview(index, work, &decisions);
            return Ok(Ok(self.preview(work, &decisions, remaining)));
        }
        for Decision { ledger, command, decided } in &decisions {
            self.happen(ledger, work.request_id, command.clone(), &work.actor, decided);
        }
        Ok(Ok(self.keep_answer(work, &decisions, remaining)))
    }

    /// Decides, reading on where the loaded part of a queue runs out.
    pub(super) async fn decide(
        &mut self,
        connection: &mut PgConnection,
        id: &LedgerId,
        command: &Command,
        actor: &Actor,
        clock: Timestamp,
    ) -> Result<Result<Decided, Refusal>, sqlx::Error> {
        let seed = self.app.ids.seed();
        let mut limit = HEADS;
        loop {
            let ledger = &self.open[id].ledger;
            let at = ledger.next_time(clock);
            let context = Context { at, registry: &self.registry, actor, rules: RULES_VERSION };
            match decide(ledger, command, &context, &mut IdSource::new(seed, at)) {
                Ok(events) => {
                    let day = at.date_in_norway();
                    let on_behalf_of = on_behalf_of(ledger, command, actor, &self.registry, day);
                    return Ok(Ok(Decided { events, at, seed, on_behalf_of }));
                }
                Err(Stop::Refused(refusal)) => return Ok(Err(refusal)),
                Err(Stop::NeedMore(queue)) => {
                    self.read_on(connection, id, &queue, limit).await?;
                    limit *= 2;
                }
            }
        }
    }

    async fn read_on(
        &mut self,
        connection: &mut PgConnection,
        id: &LedgerId,
        queue: &QueueKey,
        limit: i64,
    ) -> Result<(), sqlx::Error> {
        let Some(open) = self.open.get_mut(id) else { return Ok(()) };
        let Some(from) = open.ledger.read_to(queue) else { return Ok(()) };
        let heads = store::ledger::heads(connection, id, queue, from, limit).await?;
        let whole = is_whole(heads.len(), limit);
        open.ledger.load_heads(queue, heads, whole);
        Ok(())
    }

    /// Lets it happen: to the state in memory, and as a row of the log.
    pub(super) fn happen(
        &mut self,
        id: &LedgerId,
        request_id: RequestId,
        command: Command,
        actor: &Actor,
        decided: &Decided,
    ) {
        let registry_version = self.registry.version;
        let Some(open) = self.open.get_mut(id) else { return };
        let row = log_row(&open.ledger, request_id, command, actor, registry_version, decided);
        for event in &decided.events {
            apply(&mut open.ledger, event);
            if let Some(rows) = event.registry_rows() {
                let mut registry = (*self.registry).clone();
                registry.apply(row.seq, &rows);
                self.registry = Arc::new(registry);
                self.new_registry_rows.push((row.seq, rows));
            }
            self.people.note(id, event);
        }
        open.ledger.advance(row.hash, row.at);
        open.log.push(row);
    }

    /// Makes the answer, and keeps it for whoever asks again.
    fn keep_answer(&mut self, work: &Work, decisions: &[Decision], remaining: u64) -> Vec<u8> {
        let fingerprint = self.app.keys.fingerprint(&[&work.identity_of_call]);
        let after: Vec<&Ledger> =
            decisions.iter().map(|one| &self.open[&one.ledger].ledger).collect();
        let response = answer_of(work, decisions, &after, &self.registry, remaining);
        let Head { seq, at, .. } = self.open[&work.ledger].ledger.head();
        let Some(open) = self.open.get_mut(&work.ledger) else { return Vec::new() };
        open.answers.push(Answer { seq, fingerprint, response: response.clone(), at });
        let replay = Replay {
            measure_code: work.ledger.measure_code.to_string(),
            request_id: work.request_id,
            answered: Some(Answered { fingerprint, response: Some(response.clone()) }),
        };
        self.replays.insert((work.ledger.clone(), work.request_id), replay);
        response
    }

    fn has_ended_claims(&self) -> bool {
        self.open.values().any(|open| !rows(&open.ledger).ended_claims.is_empty())
    }

    fn has_written(&self) -> bool {
        self.written().next().is_some()
    }

    /// The ledgers in which something has happened.
    fn written(&self) -> impl Iterator<Item = &LedgerId> {
        self.open.iter().filter(|(_, open)| !open.log.is_empty()).map(|(id, _)| id)
    }

    /// Writes everything, with a few statements of many rows.
    async fn write(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        for (id, open) in self.open.iter().filter(|(_, open)| !open.log.is_empty()) {
            let rows = rows(&open.ledger);
            store::log::append(connection, id, &open.log).await?;
            store::log::keep_answers(connection, id, &open.answers).await?;
            store::rows::write(connection, &open.ledger, open.before, &rows).await?;
            store::claim::end(connection, id, &rows.ended_claims).await?;
        }
        for (version, rows) in &self.new_registry_rows {
            store::registry::add(connection, *version, rows).await?;
        }
        Ok(())
    }
}

/// What was decided, and from what it recomputes.
pub(super) struct Decided {
    pub(super) events: Vec<Event>,
    pub(super) at: Timestamp,
    pub(super) seed: [u8; 16],
    /// For which hosted municipalities, where an office asked.
    pub(super) on_behalf_of: BTreeSet<MunicipalityNumber>,
}

fn is_whole(read: usize, limit: i64) -> bool {
    i64::try_from(read).unwrap_or(i64::MAX) < limit
}
