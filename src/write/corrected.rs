//! What a correction needs from beyond its ledger: the claim of an entry that opens again, and
//! who the right person is.

use std::collections::BTreeSet;

use crate::{
    domain::{
        command::{Command, Correct, Correction},
        ids::{EntryId, LedgerId},
        ledger::Ledger,
        refusal::Refusal,
        waitlist::Entry,
    },
    store::claim::Claim,
    write::{
        Work,
        batch::Batch,
        decision::{GROUNDS, Known},
    },
};

/// The entry that may open again by a command, and holds a claim then: a larger share that waits
/// is part of what the entry of the place holds.
fn may_reopen<'a>(ledger: &'a Ledger, command: &Command) -> Option<&'a Entry> {
    let Command::Correct(Correct { correction, .. }) = command else { return None };
    if !correction.may_reopen() {
        return None;
    }
    ledger.entry_of(&command.subject()).filter(|entry| entry.has_claim())
}

/// Entries that may open again in a batch: of those that are closed the claims are to be
/// taken, and those that are open have theirs.
#[derive(Default)]
pub(super) struct Reopened {
    pub(super) wanted: BTreeSet<Claim>,
    pub(super) own: BTreeSet<EntryId>,
}

impl Reopened {
    fn add(&mut self, id: &LedgerId, ledger: &Ledger, command: &Command) {
        let Some(entry) = may_reopen(ledger, command) else { return };
        if entry.state.is_open() {
            self.own.insert(entry.entry_id);
        } else {
            self.wanted.insert((entry.person_id, id.measure_code.clone()));
        }
    }
}

impl Batch<'_> {
    /// The entries that may open again by these commands.
    pub(super) fn reopened(&self, fresh: &[(usize, &Work)]) -> Reopened {
        let mut reopened = Reopened::default();
        for (_, work) in fresh {
            if self.is_allowed(work) && self.replay_of(work).is_none() {
                reopened.add(&work.ledger, &self.open[&work.ledger].ledger, &work.draft.command);
            }
        }
        reopened
    }
}

impl Known<'_> {
    /// Says whether a closed entry may open again, and who the right person is.
    pub(super) fn complete_correction(
        &self,
        index: usize,
        work: &Work,
        command: &mut Command,
    ) -> Result<Result<(), Refusal>, sqlx::Error> {
        let may_claim = may_reopen(self.ledger, command).is_some_and(|entry| {
            let claim = (entry.person_id, work.ledger.measure_code.clone());
            self.people.may_reopen(entry.entry_id, &claim)
        });
        let Command::Correct(c) = command else { return Ok(Ok(())) };
        c.may_claim = may_claim;
        let Correction::Person(person) = &mut c.correction else { return Ok(Ok(())) };
        let Some(joiner) = work.draft.identity.iter().flatten().next() else { return Ok(Ok(())) };
        let found = self.people.of_command(index).first().copied().flatten();
        let claimed =
            found.filter(|id| self.people.may_claim(&(*id, work.ledger.measure_code.clone())));
        let Some(person_id) = claimed else { return Ok(Err(Refusal::PersonAlreadyWaiting)) };
        person.person_id = person_id;
        person.eligibility = self.eligibility(joiner);
        let plain = joiner.plain.as_deref();
        let seal = |plain| self.people.seal(person_id, GROUNDS, plain);
        person.grounds = plain.map(seal).transpose()?;
        person.adviser = self.sealed_adviser(person_id, joiner)?;
        Ok(Ok(()))
    }
}
