//! Questions about people that leave no row in a log.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{
        command::Command,
        event::Event,
        ids::{EntryId, LedgerId, PersonId},
    },
    store::access_log::{Access, in_words},
    write::{
        Work, across::Decision, batch::Batch, behalf::shown_on_behalf_of, decision::entries_of,
    },
};

impl Batch<'_> {
    /// A preview, and what is refused, leave no log row and yet tell of people: that one does
    /// not wait, where an offer stands, who would be next. So the question itself is written
    /// down (I11).
    pub(super) fn note_question(
        &mut self,
        index: usize,
        work: &Work,
        ledger: &LedgerId,
        command: &Command,
        events: &[Event],
    ) {
        let people: BTreeSet<_> = self.people.of_command(index).iter().flatten().copied().collect();
        let entries = entries_of(&self.open[ledger].ledger, command, events);
        if people.is_empty() && entries.is_empty() {
            return;
        }
        let people = people.into_iter().collect();
        let access = self.access(work, ledger, entries, people, true);
        self.questions.entry(index).or_default().push(access);
    }

    /// That somebody asked for what is about themself.
    pub(super) fn note_denied(&mut self, index: usize, work: &Work) {
        let entries = entries_of(&self.open[&work.ledger].ledger, &work.draft.command, &[]);
        let people = self.selves(index, work).into_iter().collect();
        let access = self.access(work, &work.ledger, entries, people, false);
        self.questions.entry(index).or_default().push(access);
    }

    fn access(
        &self,
        work: &Work,
        ledger: &LedgerId,
        entries: Vec<EntryId>,
        people: Vec<PersonId>,
        permitted: bool,
    ) -> Access {
        let at = self.app.clock.now();
        let (held, day) = (&self.open[ledger].ledger, at.date_in_norway());
        let hosted = shown_on_behalf_of(held, &entries, &work.actor, &self.registry, day);
        Access {
            access_id: self.app.ids.id(),
            at,
            actor: work.actor.clone(),
            standing: Arc::clone(&work.standing),
            authority: None,
            on_behalf_of: work.standing.on_behalf_of.clone().or_else(|| in_words(&hosted)),
            method: work.method,
            ledger: ledger.clone(),
            said: work.said.clone(),
            call_id: work.call_id.clone(),
            entries,
            people,
            permitted,
        }
    }

    /// The question of a command that was refused, in each ledger that was asked by itself.
    pub(super) fn note_refused(
        &mut self,
        index: usize,
        work: &Work,
        command: &Command,
        others: &[(LedgerId, Command)],
    ) {
        self.note_question(index, work, &work.ledger, command, &[]);
        for (ledger, command) in others {
            self.note_question(index, work, ledger, command, &[]);
        }
    }

    /// The question of a preview: about the ledger it names, and about every one where it is about
    /// all of an area. What merely follows in another ledger tells of nobody else.
    pub(super) fn note_preview(&mut self, index: usize, work: &Work, decisions: &[Decision]) {
        let told = if work.draft.everywhere { decisions } else { &decisions[..1] };
        for Decision { ledger, command, decided } in told {
            self.note_question(index, work, ledger, command, &decided.events);
        }
    }
}
