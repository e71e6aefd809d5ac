//! Nobody decides on themself: where a token says who its bearer is, what they ask for is refused
//! if it is about that very person, whatever number they go by, before any state is looked at.

use crate::{
    domain::{
        command::{Command, Subject},
        existing::Row,
        ids::{EntryId, LedgerId, PersonId},
        ledger::Ledger,
        national_identity::NationalIdentityNumber,
        refusal::Refusal,
    },
    write::{Work, batch::Batch},
};

/// Whether a call names its own caller, by the number in the token. Whom it names by another
/// number of theirs is found out with everybody else.
pub(super) fn names_themself(work: &Work) -> bool {
    let Some(own) = &work.standing.identity else { return false };
    let mut joiners = work.draft.identity.iter().flatten();
    joiners.any(|joiner| joiner.identity.expose() == own.expose())
}

impl Batch<'_> {
    /// The callers whose tokens say who they are, for the one look-up of people; nobody is asked
    /// for where no token says it.
    pub(super) fn callers<'b>(
        &self,
        fresh: &[(usize, &'b Work)],
    ) -> Vec<(usize, &'b NationalIdentityNumber)> {
        let known = fresh
            .iter()
            .filter_map(|(index, work)| Some((*index, *work, work.standing.identity.as_ref()?)));
        known
            .filter(|(_, work, _)| self.is_allowed(work))
            .map(|(index, _, identity)| (index, identity))
            .collect()
    }

    /// Whether a call is about its own caller.
    pub(super) fn is_own_case(&self, index: usize, work: &Work) -> bool {
        self.first_of_caller(index, work).is_some()
    }

    /// Refuses a call about its own caller, and writes down that it was asked: one of many refuses
    /// all of them, and is named.
    pub(super) fn own_case(&mut self, index: usize, work: &Work) -> Option<Refusal> {
        let place = self.first_of_caller(index, work)?;
        self.note_denied(index, work);
        Some(named(&work.draft.command, place))
    }

    /// The same for entries that were only found under the lock: of a case worker who is to be
    /// another, the people may be anybody.
    pub(super) fn own_case_among(
        &mut self,
        index: usize,
        work: &Work,
        command: &Command,
        others: &[(LedgerId, Command)],
    ) -> Option<Refusal> {
        work.draft.from_adviser.as_ref()?;
        let person = self.people.caller(index)?;
        let first = [(&work.ledger, command)].into_iter();
        let mut parts = first.chain(others.iter().map(|(ledger, command)| (ledger, command)));
        parts.find_map(|(id, command)| of_person(&self.open.get(id)?.ledger, command, person))?;
        self.note_denied(index, work);
        Some(Refusal::OwnCase)
    }

    /// The place of the first of those a call is about who is its caller.
    fn first_of_caller(&self, index: usize, work: &Work) -> Option<usize> {
        let own = work.standing.identity.as_ref()?;
        let person = self.people.caller(index);
        let found = self.people.of_command(index);
        let mut joiners = work.draft.identity.iter().flatten().enumerate();
        let is_caller = |place: usize| {
            person.is_some_and(|person| found.get(place).copied().flatten() == Some(person))
        };
        let joins = joiners
            .find(|(place, joiner)| joiner.identity.expose() == own.expose() || is_caller(*place))
            .map(|(place, _)| place);
        let ledger = &self.open.get(&work.ledger)?.ledger;
        joins.or_else(|| of_person(ledger, &work.draft.command, person?))
    }
}

/// The place of the first entry, offer or placement of a person that a command is about.
fn of_person(ledger: &Ledger, command: &Command, person: PersonId) -> Option<usize> {
    let is_theirs = |id: EntryId| ledger.entry(id).is_some_and(|entry| entry.person_id == person);
    let entry_ids: Vec<Option<EntryId>> = match command.subject() {
        Subject::Area
        | Subject::Provider(_)
        | Subject::PlaceGroup(_)
        | Subject::Office(_)
        | Subject::Resident(_)
        | Subject::Residents(_) => Vec::new(),
        Subject::Entry(id) => vec![Some(id)],
        Subject::Entries(ids) => ids.into_iter().map(Some).collect(),
        Subject::Offers(ids) => ids.iter().map(|id| Some(ledger.offer(*id)?.entry_id)).collect(),
        Subject::Placement(id) => vec![ledger.placement(id).map(|held| held.entry_id)],
    };
    entry_ids.into_iter().position(|id| id.is_some_and(is_theirs))
}

/// The refusal of a command by the place of what is the caller's own: where there may be several,
/// it is named as the request has it.
fn named(command: &Command, place: usize) -> Refusal {
    let of = |list, index| Refusal::OwnCase.of_one(list, index);
    if let Command::BatchJoinWaitlist(_) = command {
        of("joins", place)
    } else if let Command::ConfirmProposals(_) = command {
        of("offer_ids", place)
    } else if let Command::ReassignAdviser(_) = command {
        of("entry_ids", place)
    } else if let Command::ImportExisting(c) = command {
        let rows = c.rows.iter().enumerate();
        let new = rows.filter(|(_, row)| matches!(row, Row::New(_))).map(|(index, _)| index);
        of("rows", new.into_iter().nth(place).unwrap_or(place))
    } else {
        Refusal::OwnCase
    }
}
