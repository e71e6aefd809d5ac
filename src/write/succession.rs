//! A queue that goes on in the measure type that took over: page by page, each page one
//! transaction over the old ledger, the new one, and those of other areas in which somebody of
//! the page is already. Nobody calls: the worker asks for a page at a time.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use crate::{
    domain::{
        access::Actor,
        command::{Command, HANDED_OVER_MAX, HandOver, HeldThere, Needs},
        ids::{EntryId, LedgerId, PersonId},
        ledger::hand_over_request_id,
        succession::successor_of,
    },
    error::Error,
    store::{
        claim::{self, Claim},
        succession,
    },
    write::{
        across::{Asked, Decision},
        batch::Batch,
    },
};

/// Those of a ledger who are to go on elsewhere next, and whose entries they are.
#[derive(Debug)]
pub(super) struct Page {
    command: HandOver,
    people: Vec<(PersonId, EntryId)>,
}

impl Page {
    /// The ledgers it goes to.
    pub(super) fn ledgers(&self) -> impl Iterator<Item = &LedgerId> {
        let held = self.command.entries.values().flatten().map(|held| &held.ledger);
        held.chain([&self.command.to_ledger])
    }
}

impl Batch<'_> {
    /// Who goes on elsewhere next; `None` where nobody does, or nowhere is. Who is there already
    /// is looked up too: a claim only changes under the lock of the ledger it is held in.
    pub(super) async fn page_of(
        &mut self,
        connection: &mut PgConnection,
        ledger: &LedgerId,
    ) -> Result<Option<Page>, sqlx::Error> {
        let today = self.app.clock.now().date_in_norway();
        let Some(to_ledger) = successor_of(&self.registry, ledger, today) else { return Ok(None) };
        let people = succession::page(connection, ledger, HANDED_OVER_MAX).await?;
        if people.is_empty() {
            return Ok(None);
        }
        let ids: Vec<PersonId> = people.iter().map(|(person, _)| *person).collect();
        let mut held = claim::of_people(connection, &ids).await?;
        held.retain(|one| one.ledger.measure_code == to_ledger.measure_code);
        let entries = people.iter().map(|(person, entry_id)| {
            let there = held.iter().find(|one| one.person_id == *person);
            let there =
                there.map(|one| HeldThere { ledger: one.ledger.clone(), entry_id: one.entry_id });
            (*entry_id, there)
        });
        let entries = entries.collect();
        Ok(Some(Page { command: HandOver { to_ledger, entries }, people }))
    }

    /// Takes, under the locks, the claims in the new measure type of those who had none. Who
    /// has got one meanwhile goes with the next page.
    pub(super) async fn claim_pages(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        let mut reach = std::mem::take(&mut self.reach);
        for page in reach.values_mut().filter_map(|reach| reach.page.as_mut()) {
            let Page { command, people } = page;
            let claim_of = |person| -> Claim { (person, command.to_ledger.measure_code.clone()) };
            let new = people.iter().filter(|(_, id)| command.entries[id].is_none());
            let wanted: BTreeSet<Claim> = new.map(|(person, _)| claim_of(*person)).collect();
            let county_id = &command.to_ledger.county_id;
            let taken = self.people.take(connection, county_id, &wanted).await?;
            for (person, id) in people {
                let claim = claim_of(*person);
                if wanted.contains(&claim) && !taken.contains(&claim) {
                    command.entries.remove(id);
                }
            }
        }
        self.reach = reach;
        Ok(())
    }

    /// Hands over the page that was found, in the program's own name.
    pub(super) async fn hand_over(
        &mut self,
        connection: &mut PgConnection,
        index: usize,
        ledger: &LedgerId,
    ) -> Result<Result<Vec<u8>, Error>, sqlx::Error> {
        let page = self.reach.remove(&index).and_then(|reach| reach.page);
        let page = page.filter(|page| !page.command.entries.is_empty());
        let (Some(page), Some(open)) = (page, self.open.get(ledger)) else {
            return Ok(Ok(Vec::new()));
        };
        let actor = Actor::by_time();
        let request_id = hand_over_request_id(ledger, open.ledger.head().seq + 1);
        let asked = Asked { ledger, request_id, actor: &actor };
        let command = Command::HandOver(page.command);
        let mut needs = Needs::default();
        needs.add(&command);
        self.load(connection, ledger, &needs).await?;
        let decisions = match self.decide_all(connection, &asked, &command, &[]).await? {
            Ok(decisions) => decisions,
            Err(error) => return Ok(Err(error)),
        };
        for Decision { ledger, command, decided } in decisions {
            self.happen(&ledger, request_id, command, &actor, &decided);
        }
        Ok(Ok(Vec::new()))
    }
}
