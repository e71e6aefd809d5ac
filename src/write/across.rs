//! Commands over several ledgers. Each is found out under the locks of its own ledger, and
//! then runs alone: one transaction that locks all its ledgers in one order, finds out again
//! what it reaches for, and decides each ledger's part. Its request id stands in each log, its
//! answer with the ledger it named.

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
    sync::Arc,
};

use sqlx::PgConnection;

use crate::{
    app::App,
    domain::{
        access::Actor,
        authority::Viewer,
        combining::{any_excludes, combine},
        command::{Command, Elsewhere, Needs, TransferEntry},
        ids::{LedgerId, PersonId, RequestId},
        ledger::{Ledger, apply, follow_ups, goes_on},
        refusal::Refusal,
        registry::Registry,
        waitlist::EntryState,
    },
    error::Error,
    store::claim,
    write::{
        Done, Job, Work,
        batch::{self, Batch, Decided, Outcome, Ran},
        people::person_of,
        succession::Page,
    },
};

/// How often a command over several ledgers begins anew because what it reaches for has
/// changed before it had the locks, or something was due first.
const TRIES: usize = 8;

/// What a job reaches for in other ledgers.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Where its entry goes.
    to_ledger: Option<LedgerId>,
    /// What the person holds that does not combine with what begins here.
    elsewhere: Vec<Elsewhere>,
    /// Who goes on in the measure type that took over.
    pub(super) page: Option<Page>,
    /// All ledgers of the area, where a case worker is to be another in each.
    area: BTreeSet<LedgerId>,
    /// Its own ledger, where what it does stands in no ledger's tables: others of the batch
    /// could not see it.
    own: Option<LedgerId>,
}

impl Reach {
    fn of_page(page: Page) -> Self {
        Self { page: Some(page), ..Self::default() }
    }

    fn ledgers(&self) -> impl Iterator<Item = &LedgerId> {
        let named = self.elsewhere.iter().map(|one| &one.ledger).chain(&self.to_ledger);
        let named = named.chain(self.page.iter().flat_map(Page::ledgers)).chain(&self.area);
        named.chain(&self.own)
    }
}

/// Who asks what ledger, under which name.
pub(super) struct Asked<'a> {
    pub(super) ledger: &'a LedgerId,
    pub(super) request_id: RequestId,
    pub(super) actor: &'a Actor,
}

impl<'a> Asked<'a> {
    /// By a caller.
    pub(super) fn of(work: &'a Work) -> Self {
        Self { ledger: &work.ledger, request_id: work.request_id, actor: &work.actor }
    }
}

/// A command to a ledger, and what was decided.
pub(super) struct Decision {
    pub(super) ledger: LedgerId,
    pub(super) command: Command,
    pub(super) decided: Decided,
}

/// Runs jobs of which some reach into other ledgers: each of those alone, and the others as
/// batches between them, in the order they came.
pub(super) async fn run(
    app: &App,
    jobs: &[Arc<Job>],
    reach: BTreeMap<usize, BTreeSet<LedgerId>>,
) -> Result<Ran, sqlx::Error> {
    let mut all = Ran { answers: Vec::with_capacity(jobs.len()), questions: BTreeMap::new() };
    for (place, ledgers) in reach {
        all.add(rest(app, &jobs[all.answers.len()..place]).await?);
        all.add(alone(app, &jobs[place], ledgers).await?);
    }
    all.add(rest(app, &jobs[all.answers.len()..]).await?);
    Ok(all)
}

impl Ran {
    fn add(&mut self, next: Self) {
        let from = self.answers.len();
        self.questions.extend(next.questions.into_iter().map(|(at, about)| (from + at, about)));
        self.answers.extend(next.answers);
    }
}

async fn rest(app: &App, jobs: &[Arc<Job>]) -> Result<Ran, sqlx::Error> {
    if jobs.is_empty() {
        return Ok(Ran { answers: Vec::new(), questions: BTreeMap::new() });
    }
    Box::pin(batch::run(app, jobs)).await
}

/// Runs one job over its own ledger and these. The claims that say which they are may change
/// until the locks are there: then it begins anew with those it turned out to be.
async fn alone(
    app: &App,
    job: &Arc<Job>,
    mut ledgers: BTreeSet<LedgerId>,
) -> Result<Ran, sqlx::Error> {
    for _ in 0..TRIES {
        match batch::attempt(app, slice::from_ref(job), &ledgers).await? {
            Outcome::Done(ran) => return Ok(ran),
            Outcome::Again | Outcome::Apart => {}
            Outcome::Across(reach) => ledgers = reach.into_values().flatten().collect(),
            Outcome::DueFirst(due_in) => {
                for ledger in due_in {
                    rest(app, &[Arc::new(Job::Wake(ledger))]).await?;
                }
            }
        }
    }
    tracing::warn!(tries = TRIES, "a command over several ledgers did not get to hold them");
    Ok(Ran { answers: vec![Err(Error::Overloaded)], questions: BTreeMap::new() })
}

impl Batch<'_> {
    /// Finds out what each job reaches for in other ledgers. Answers, by the job's place,
    /// those that are not locked; none once all are.
    pub(super) async fn reach_out(
        &mut self,
        connection: &mut PgConnection,
        jobs: &[Arc<Job>],
    ) -> Result<BTreeMap<usize, BTreeSet<LedgerId>>, sqlx::Error> {
        let mut begin: BTreeMap<usize, PersonId> = BTreeMap::new();
        for (index, job) in jobs.iter().enumerate() {
            if let Job::HandOver(ledger) = job.as_ref() {
                let page = self.page_of(connection, ledger).await?;
                self.reach.extend(page.map(|page| (index, Reach::of_page(page))));
            }
            let Some(work) = job.work() else { continue };
            if work.draft.everywhere && self.own_replay(work).is_none() {
                let area = self.area_of_adviser(connection, work).await?;
                self.reach.insert(index, Reach { area, ..Reach::default() });
                continue;
            }
            if self.replay_of(work).is_some() || !self.is_allowed(work) {
                continue;
            }
            // What is the caller's own case is refused, so it reaches nowhere.
            if self.is_own_case(index, work) {
                continue;
            }
            if let Command::TransferEntry(c) = &work.draft.command {
                let to_ledger = self.area_of(work, c);
                self.reach.insert(index, Reach { to_ledger, ..Reach::default() });
            }
            if let Command::ChangeIdentityNumber(_) = &work.draft.command {
                let own = Some(work.ledger.clone());
                self.reach.insert(index, Reach { own, ..Reach::default() });
            }
            begin.extend(self.who_begins(work).map(|person| (index, person)));
        }
        self.find_elsewhere(connection, jobs, &begin).await?;
        let mut unlocked: BTreeMap<usize, BTreeSet<LedgerId>> = BTreeMap::new();
        for (index, reach) in &self.reach {
            let all: BTreeSet<LedgerId> = reach.ledgers().cloned().collect();
            // A ledger that cannot be is refused by the decision.
            let is_open = |id: &LedgerId| {
                self.open.contains_key(id) || self.registry.ledger_distribution(id).is_none()
            };
            // What others of the batch do is not in the tables yet, where a page is found.
            let is_alone = reach.page.is_some() || reach.own.is_some();
            let is_with_others = is_alone && jobs.len() > 1;
            if is_with_others || !all.iter().all(is_open) {
                unlocked.insert(*index, all);
            }
        }
        if unlocked.is_empty() {
            self.look_elsewhere(connection).await?;
            self.claim_pages(connection).await?;
        }
        Ok(unlocked)
    }

    /// The ledger an entry is sent on to; `None` where it stays, or goes nowhere there is.
    fn area_of(&self, work: &Work, c: &TransferEntry) -> Option<LedgerId> {
        let municipality = self.registry.municipality(&c.municipality_number)?;
        let county_id = municipality.county_id.clone();
        let measure_code = work.ledger.measure_code.clone();
        (county_id != work.ledger.county_id).then_some(LedgerId { county_id, measure_code })
    }

    /// Who would begin to use a place, where that may leave anything out. A larger share of a
    /// place begins nothing: the person uses it already.
    fn who_begins(&self, work: &Work) -> Option<PersonId> {
        let command = &work.draft.command;
        let begins = if let Command::Correct(c) = command {
            c.correction.may_go_on()
        } else {
            matches!(command, Command::StartPlacement(_) | Command::StartDirectly(_))
        };
        if !begins || !any_excludes(&self.registry) {
            return None;
        }
        let ledger = &self.open.get(&work.ledger)?.ledger;
        if let Command::StartPlacement(c) = &work.draft.command {
            let entry = ledger.entry(ledger.offer(c.offer_id)?.entry_id)?;
            if entry.increase_of.is_some() {
                return None;
            }
        }
        person_of(ledger, &work.draft.command)
    }

    /// What those who begin hold in types that do not combine with what they begin in. A claim
    /// only changes under the lock of the ledger it is held in, and whoever begins there finds
    /// the claim held here: so of two starts at once one comes second and sees the other.
    async fn find_elsewhere(
        &mut self,
        connection: &mut PgConnection,
        jobs: &[Arc<Job>],
        begin: &BTreeMap<usize, PersonId>,
    ) -> Result<(), sqlx::Error> {
        if begin.is_empty() {
            return Ok(());
        }
        let people: Vec<PersonId> = begin.values().copied().collect();
        let mut held = claim::of_people(connection, &people).await?;
        held.sort_unstable();
        let today = self.app.clock.now().date_in_norway();
        for (index, person) in begin {
            let own = &jobs[*index].ledger().measure_code;
            let others = held.iter().filter(|one| one.person_id == *person);
            let excluded =
                others.filter(|one| !combine(&self.registry, own, &one.ledger.measure_code, today));
            let elsewhere: Vec<Elsewhere> = excluded
                .map(|one| Elsewhere {
                    ledger: one.ledger.clone(),
                    entry_id: one.entry_id,
                    placed: false,
                })
                .collect();
            if !elsewhere.is_empty() {
                self.reach.insert(*index, Reach { elsewhere, ..Reach::default() });
            }
        }
        Ok(())
    }

    /// Looks, under the locks, how the entries held elsewhere stand.
    async fn look_elsewhere(&mut self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut reach = std::mem::take(&mut self.reach);
        for other in reach.values_mut().flat_map(|reach| &mut reach.elsewhere) {
            let entries = BTreeSet::from([other.entry_id]);
            let needs = Needs { entries, ..Needs::default() };
            self.load(connection, &other.ledger, &needs).await?;
            let entry = self.open.get(&other.ledger).and_then(|o| o.ledger.entry(other.entry_id));
            other.placed = entry.is_some_and(|e| matches!(e.state, EntryState::Placed(_)));
        }
        self.reach = reach;
        Ok(())
    }

    /// Tells a command what it reaches for: it is recorded with it.
    pub(super) fn fill_in(&self, index: usize, command: &mut Command) {
        let Some(reach) = self.reach.get(&index) else { return };
        if let Command::TransferEntry(c) = command {
            c.to_ledger.clone_from(&reach.to_ledger);
        } else if let Command::StartPlacement(c) = command {
            c.elsewhere.clone_from(&reach.elsewhere);
        } else if let Command::StartDirectly(c) = command {
            c.elsewhere.clone_from(&reach.elsewhere);
        } else if let Command::Correct(c) = command {
            c.elsewhere.clone_from(&reach.elsewhere);
        }
    }

    /// Decides a command, and with it what other ledgers are asked for: what follows from it,
    /// and `further`. What one of them refuses refuses the whole.
    pub(super) async fn decide_all(
        &mut self,
        connection: &mut PgConnection,
        asked: &Asked<'_>,
        command: &Command,
        further: &[(LedgerId, Command)],
    ) -> Result<Result<Vec<Decision>, Error>, sqlx::Error> {
        let mut others = follow_ups(&self.open[asked.ledger].ledger, command);
        let corrects = matches!(command, Command::Correct(_));
        let first = self.decide_one(connection, asked, asked.ledger, command.clone()).await?;
        let mut decisions = match first {
            Ok(first) => vec![first],
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        // A correction lets somebody begin again only where there is room.
        if corrects && !goes_on(&decisions[0].decided.events) {
            others.clear();
        }
        others.extend_from_slice(further);
        for (ledger, command) in others {
            if self.replays.contains_key(&(ledger.clone(), asked.request_id)) {
                return Ok(Err(Error::RequestIdReused));
            }
            let mut needs = Needs::default();
            needs.add(&command);
            self.load(connection, &ledger, &needs).await?;
            match self.decide_one(connection, asked, &ledger, command).await? {
                Ok(next) => decisions.push(next),
                Err(refusal) => return Ok(Err(refusal.into())),
            }
        }
        // What comes in elsewhere names no entry of that ledger yet: it was sent on for the same.
        let sent_for = decisions[0].decided.on_behalf_of.clone();
        for one in &mut decisions {
            if matches!(one.command, Command::ReceiveEntry(_)) {
                one.decided.on_behalf_of.clone_from(&sent_for);
            }
        }
        Ok(Ok(decisions))
    }

    async fn decide_one(
        &mut self,
        connection: &mut PgConnection,
        asked: &Asked<'_>,
        ledger: &LedgerId,
        command: Command,
    ) -> Result<Result<Decision, Refusal>, sqlx::Error> {
        let clock = self.app.clock.now();
        let decided = self.decide(connection, ledger, &command, asked.actor, clock).await?;
        let decided = decided.map_err(|refusal| refusal.told_to(asked.actor.role));
        Ok(decided.map(|decided| Decision { ledger: ledger.clone(), command, decided }))
    }

    /// The answer there would be.
    pub(super) fn preview(&self, work: &Work, decisions: &[Decision], remaining: u64) -> Vec<u8> {
        let after = |one: &Decision| {
            let mut ledger = self.open[&one.ledger].ledger.clone();
            for event in &one.decided.events {
                apply(&mut ledger, event);
            }
            ledger
        };
        let after: Vec<Ledger> = decisions.iter().map(after).collect();
        let after: Vec<&Ledger> = after.iter().collect();
        answer_of(work, decisions, &after, &self.registry, remaining)
    }
}

/// Makes the answer's bytes; `after` are the ledgers of the decisions as they are then.
pub(super) fn answer_of(
    work: &Work,
    decisions: &[Decision],
    after: &[&Ledger],
    registry: &Registry,
    remaining: u64,
) -> Vec<u8> {
    let own = &decisions[0];
    let events = decisions.iter().map(|one| one.decided.events.as_slice());
    let others: Vec<_> = after.iter().copied().zip(events).skip(1).collect();
    let viewer = Viewer::new(&work.actor, registry, own.decided.at.date_in_norway());
    let done = Done {
        ledger: after[0],
        command: &own.command,
        events: &own.decided.events,
        at: own.decided.at,
        others: &others,
        remaining,
        affected: work.draft.affected.as_ref(),
        viewer: &viewer,
    };
    (work.encode)(&done)
}
