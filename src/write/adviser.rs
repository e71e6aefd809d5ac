//! Case workers. Whose people they are is found by a keyed digest; who they are lies sealed
//! under each person's own key.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use time::Date;
use uuid::Uuid;

use crate::{
    app::App,
    domain::{
        access::{Role, Target, permits},
        command::{Command, ReassignAdviser},
        ids::{EntryId, LedgerId, PersonId},
        ledger::Ledger,
        refusal::Refusal,
        registry::Registry,
        waitlist::{Adviser, Deputy, Entry},
    },
    keys::Keys,
    store::{
        advisers::{OfAdviser, open_entries},
        held::{Seen, seen_by},
    },
    write::{
        Work,
        batch::Batch,
        decision::{Known, complete},
        people::{People, person_of},
    },
};

/// A person's case worker, by a plain ident.
pub(super) fn sealed(
    keys: &Keys,
    people: &People,
    person: PersonId,
    ident: &str,
) -> Result<Adviser, sqlx::Error> {
    let digest = keys.adviser_digest(ident);
    let ident = people.seal(person, Adviser::CONTEXT, ident)?;
    Ok(Adviser { digest, ident, deputy: None })
}

/// The case worker a command about one entry names; none where it names nobody, or where there
/// is no such entry, as the decision says.
pub(super) fn named(
    keys: &Keys,
    ledger: &Ledger,
    people: &People,
    work: &Work,
) -> Result<Option<Adviser>, sqlx::Error> {
    match (&work.draft.adviser, person_of(ledger, &work.draft.command)) {
        (Some(ident), Some(person)) => sealed(keys, people, person, ident).map(Some),
        _ => Ok(None),
    }
}

/// What a reassignment is decided with, beside the ledger.
pub(super) struct Reassigner<'a> {
    pub(super) app: &'a App,
    pub(super) registry: &'a Registry,
    pub(super) work: &'a Work,
}

/// A reassignment whose entries are known, and how many of the case worker's are left.
pub(super) struct Reassigned {
    pub(super) command: Command,
    /// The same in the other ledgers of the area.
    pub(super) others: Vec<(LedgerId, Command)>,
    pub(super) remaining: u64,
}

/// What a reassignment is in one ledger.
pub(super) struct Part {
    pub(super) command: ReassignAdviser,
    /// How many of the case worker's are left.
    pub(super) left: u64,
    /// Whether somebody was found, or the caller may look for them although nobody was.
    pub(super) may_look: bool,
}

/// Entries of a case worker, how many more there are, and whether the caller may know.
struct Found {
    entries: BTreeSet<EntryId>,
    left: u64,
    may_look: bool,
}

impl Found {
    const DENIED: Self = Self { entries: BTreeSet::new(), left: 0, may_look: false };
}

impl Batch<'_> {
    /// The command with all that only the writer knows, and how many entries it leaves for
    /// another.
    pub(super) async fn complete(
        &mut self,
        connection: &mut PgConnection,
        index: usize,
        work: &Work,
    ) -> Result<Result<Reassigned, Refusal>, sqlx::Error> {
        if let Command::ReassignAdviser(c) = &work.draft.command {
            return self.complete_everywhere(connection, work, c).await;
        }
        if let Command::ChangeIdentityNumber(c) = &work.draft.command
            && let Err(refused) = self.renumber(connection, index, work, c).await?
        {
            return Ok(Err(refused));
        }
        let Some(open) = self.open.get_mut(&work.ledger) else {
            return Ok(Err(Refusal::LedgerNotFound(work.ledger.clone())));
        };
        let (ledger, people, registry) = (&open.ledger, &self.people, &self.registry);
        let today = ledger.next_time(self.app.clock.now()).date_in_norway();
        let known = Known { keys: &self.app.keys, ledger, people, registry, today };
        let complete = complete(&known, index, work)?;
        Ok(complete.map(|command| Reassigned { command, others: Vec::new(), remaining: 0 }))
    }
}

impl Reassigner<'_> {
    /// Finds the entries where they are a case worker's, and names the new one in each, under
    /// the ledger's lock: so many at most. Those named by id have been asked for the caller's
    /// right to them.
    pub(super) async fn part(
        &self,
        connection: &mut PgConnection,
        ledger: &mut Ledger,
        people: &mut People,
        c: &ReassignAdviser,
        most: usize,
    ) -> Result<Result<Part, Refusal>, sqlx::Error> {
        let mut command = c.clone();
        let (mut left, mut may_look) = (0, true);
        if let Some(from) = &self.work.draft.from_adviser {
            let found = self.find(connection, ledger, c, from, most).await?;
            command.advisers = found.entries.into_iter().map(unnamed).collect();
            (left, may_look) = (found.left, found.may_look);
        }
        let open = |id: &EntryId| ledger.entry(*id).filter(|entry| entry.state.is_open());
        let persons: Vec<PersonId> =
            command.advisers.iter().filter_map(|(id, _)| Some(open(id)?.person_id)).collect();
        people.load_keys(self.app, connection, &persons).await?;
        for (entry_id, adviser) in &mut command.advisers {
            // Without an open entry the decision refuses.
            let Some(entry) = open(entry_id) else { continue };
            match self.adviser(people, entry, c)? {
                Some(named) => *adviser = named,
                None => return Ok(Err(without_adviser())),
            }
        }
        Ok(Ok(Part { command, left, may_look }))
    }

    /// The new case worker of an entry; or the one it has, with a deputy. `None` where there is
    /// nobody to stand in for.
    fn adviser(
        &self,
        people: &People,
        entry: &Entry,
        c: &ReassignAdviser,
    ) -> Result<Option<Adviser>, sqlx::Error> {
        let keys = &self.app.keys;
        let (person, to) = (entry.person_id, self.work.draft.adviser.as_deref().unwrap_or(""));
        let Some(until) = c.until else { return sealed(keys, people, person, to).map(Some) };
        let present = match &entry.adviser {
            Some(adviser) => Some(adviser.clone()),
            None => before(people, entry)?
                .map(|ident| sealed(keys, people, person, &ident))
                .transpose()?,
        };
        let ident = people.seal(person, Deputy::CONTEXT, to)?;
        let deputy = Some(Deputy { digest: keys.adviser_digest(to), ident, until });
        Ok(present.map(|adviser| Adviser { deputy, ..adviser }))
    }

    /// The first of the case worker's open entries that are the caller's own, and how many are
    /// left. What this batch has done counts, and is not stored yet.
    async fn find(
        &self,
        connection: &mut PgConnection,
        ledger: &mut Ledger,
        c: &ReassignAdviser,
        from: &str,
        most: usize,
    ) -> Result<Found, sqlx::Error> {
        let seen = seen_by(&self.work.actor, self.registry, self.today());
        let area = Target { county_id: Some(ledger.id().county_id.clone()), ..Target::default() };
        let is_office = self.work.actor.role == Role::Office;
        if !is_office && !self.permits(&area) {
            return Ok(Found::DENIED);
        }
        let keys = &self.app.keys;
        let digests = keys.adviser_digests(from);
        let to = keys.adviser_digests(self.work.draft.adviser.as_deref().unwrap_or(""));
        let known: Vec<Uuid> = ledger.entries().map(|entry| entry.entry_id.0).collect();
        let of = OfAdviser {
            digests: &digests,
            seen: &seen,
            but: &known,
            but_in_hands: &to,
            until: c.until,
            // How many there are is told by a row.
            limit: i64::try_from(most.max(1)).unwrap_or(i64::MAX),
        };
        let (stored, total) = open_entries(connection, ledger.id(), &of).await?;
        let in_memory = ledger.entries().filter(|entry| {
            let target = Target {
                municipality_number: Some(entry.municipality_number.clone()),
                following_office_number: Some(entry.following_office_number.clone()),
                ..area.clone()
            };
            is_of(entry, &of) && self.permits(&target)
        });
        let mut found: BTreeSet<EntryId> = in_memory.map(|entry| entry.entry_id).collect();
        let total = total + found.len() as u64;
        found.extend(stored.iter().map(|entry| entry.entry_id));
        for entry in stored {
            ledger.load_entry(entry);
        }
        let may_look = !is_office || total > 0 || self.serves_in(&seen, ledger);
        let entries: BTreeSet<EntryId> = found.into_iter().take(most).collect();
        let left = total.saturating_sub(entries.len() as u64);
        Ok(Found { entries, left, may_look })
    }

    fn permits(&self, target: &Target) -> bool {
        permits(self.work.method, &self.work.actor, target, self.registry, self.today())
    }

    fn today(&self) -> Date {
        self.app.clock.now().date_in_norway()
    }

    /// Whether an office serves somebody of the ledger's area: another learns nothing of it and
    /// leaves no row in its log.
    fn serves_in(&self, seen: &Seen, ledger: &Ledger) -> bool {
        let served = seen.office.iter().flat_map(|office| &office.municipalities);
        served
            .filter_map(|number| self.registry.municipality(&number.parse().ok()?))
            .any(|municipality| municipality.county_id == ledger.id().county_id)
    }
}

/// An entry whose new case worker is yet to be named.
fn unnamed(entry_id: EntryId) -> (EntryId, Adviser) {
    (entry_id, Adviser::UNNAMED)
}

/// What the statement asks of a stored entry, asked of one in memory.
fn is_of(entry: &Entry, of: &OfAdviser<'_>) -> bool {
    let Some(adviser) = entry.adviser.as_ref().filter(|_| entry.state.is_open()) else {
        return false;
    };
    let in_hands = match (&adviser.deputy, of.until) {
        (None, None) => of.but_in_hands.contains(&adviser.digest),
        (Some(deputy), Some(until)) => {
            deputy.until == until && of.but_in_hands.contains(&deputy.digest)
        }
        (Some(_), None) | (None, Some(_)) => false,
    };
    of.digests.contains(&adviser.digest) && !in_hands
}

/// The ident of a case worker who was named before that was kept apart: it stood in the grounds
/// of the join.
fn before(people: &People, entry: &Entry) -> Result<Option<String>, sqlx::Error> {
    let Some(grounds) = &entry.grounds else { return Ok(None) };
    let grounds = people.open(entry.person_id, "entry.grounds", grounds)?;
    let ident = grounds.get("adviser_ident").and_then(serde_json::Value::as_str);
    Ok(ident.map(str::to_owned))
}

/// A deputy stands in for somebody.
fn without_adviser() -> Refusal {
    let (what, state, transition) = ("the entry", "WITHOUT_ADVISER", "REASSIGN_UNTIL");
    Refusal::WrongState { what, state, transition }
}
