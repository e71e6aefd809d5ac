//! Nobody decides on themself: where a token or the table of the staff says who its bearer is, what
//! they ask for is refused if it is about that very person, whatever number they go by, before any
//! state is looked at.

use std::collections::BTreeSet;

use crate::{
    domain::{
        command::{Command, LinkStaff, StaffLinkChange, Subject},
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

    /// Who a caller is: by the token's number, and by the table of the staff. Where the two name
    /// different people, the caller is both.
    pub(super) fn selves(&self, index: usize, work: &Work) -> BTreeSet<PersonId> {
        let linked = self.registry.person_of_staff(&work.actor);
        self.people.caller(index).into_iter().chain(linked).collect()
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
        let selves = self.selves(index, work);
        let first = [(&work.ledger, command)].into_iter();
        let mut parts = first.chain(others.iter().map(|(ledger, command)| (ledger, command)));
        parts.find_map(|(id, command)| of_people(&self.open.get(id)?.ledger, command, &selves))?;
        self.note_denied(index, work);
        Some(Refusal::OwnCase)
    }

    /// The place of the first of those a call is about who is its caller.
    fn first_of_caller(&self, index: usize, work: &Work) -> Option<usize> {
        let own = work.standing.identity.as_ref();
        let selves = self.selves(index, work);
        if own.is_none() && selves.is_empty() {
            return None;
        }
        let found = self.people.of_command(index);
        let mut joiners = work.draft.identity.iter().flatten().enumerate();
        let is_caller = |place: usize| {
            let person = found.get(place).copied().flatten();
            person.is_some_and(|person| selves.contains(&person))
        };
        let is_named = |joiner: &NationalIdentityNumber| {
            own.is_some_and(|own| own.expose() == joiner.expose())
        };
        let joins = joiners
            .find(|(place, joiner)| is_named(&joiner.identity) || is_caller(*place))
            .map(|(place, _)| place);
        if let Command::LinkStaff(c) = &work.draft.command {
            return joins.or_else(|| self.ends_link_of(c, &selves).then_some(0));
        }
        let ledger = &self.open.get(&work.ledger)?.ledger;
        joins.or_else(|| of_people(ledger, &work.draft.command, &selves))
    }

    /// Whether a link to be ended is the caller's own, by another name of theirs.
    fn ends_link_of(&self, c: &LinkStaff, selves: &BTreeSet<PersonId>) -> bool {
        let link = self.registry.staff_link(&c.staff.issuer, &c.staff.subject);
        c.change == StaffLinkChange::End
            && link.is_some_and(|link| selves.contains(&link.person_id))
    }
}

/// The place of the first entry, offer or placement of these people that a command is about.
fn of_people(ledger: &Ledger, command: &Command, people: &BTreeSet<PersonId>) -> Option<usize> {
    let is_theirs =
        |id: EntryId| ledger.entry(id).is_some_and(|entry| people.contains(&entry.person_id));
    let entry_ids: Vec<Option<EntryId>> = match command.subject() {
        Subject::Area
        | Subject::Provider(_)
        | Subject::PlaceGroup(_)
        | Subject::Plan(_)
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
