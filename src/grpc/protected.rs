//! Protected people: who they are, and what there is of them by name, is told to who is cleared
//! for them and to nobody else.
//!
//! What is kept is the link between an identity and a row, since a row tells where somebody is to
//! be found. Rows themselves say nothing of anybody and are the same for everyone.

use crate::{
    domain::{
        ids::{LedgerId, PersonId},
        national_identity::NationalIdentityNumber,
        protection::{Grades, Look, Protection},
        waitlist::Entry,
    },
    error::Error,
    grpc::Reader,
    proto::v1 as pb,
};

/// Whose rows are looked for where somebody nobody knows was named, and where somebody is not to
/// be told of: by the same statements, and with the same answer.
const NOBODY: PersonId = PersonId(uuid::Uuid::nil());

/// What is to be told of somebody who was named.
pub(super) struct Named {
    /// Whose rows are looked for.
    pub(super) person: PersonId,
    /// Who was asked about, for the record.
    pub(super) asked_about: Vec<PersonId>,
    /// Whether it was allowed, for the record.
    pub(super) permitted: bool,
    /// Why they are protected, if it is told at all; nothing where nobody could say it.
    pub(super) grades: Option<Grades>,
}

/// Whose an entry is, as far as the caller may be told.
pub(super) enum Whose {
    /// Who it is.
    Told(Box<pb::EntryPerson>),
    /// It is kept from the caller.
    Withheld,
    /// Nobody could say whether the person is protected.
    NobodySays,
}

impl Reader {
    /// Whether who somebody is may be told to the caller. The source is asked each time.
    pub(super) async fn look(&self, person: &NationalIdentityNumber) -> Look {
        self.app.people.look(person, &self.standing.clearances).await
    }

    /// What is to be told of somebody who was named, whom the database knows or does not. The
    /// source is asked about either.
    pub(super) async fn named(
        &self,
        identity: &NationalIdentityNumber,
        known: Option<PersonId>,
    ) -> Named {
        let asked_about = known.into_iter().collect();
        let (person, permitted, grades) = match self.look(identity).await {
            Look::Permitted(grades) => (known.unwrap_or(NOBODY), true, Some(grades)),
            Look::Denied(_) => (NOBODY, false, Some(Grades::new())),
            Look::SourceDown => (NOBODY, false, None),
        };
        Named { person, asked_about, permitted, grades }
    }

    /// Writes down that an entry is shown, and whether whose it is; then that may be answered.
    /// That the entry was shown and that whose it is was not are two accesses.
    pub(super) async fn record_shown(
        &self,
        ledger: &LedgerId,
        entry: &Entry,
        whose: Option<Whose>,
    ) -> Result<Option<pb::EntryPerson>, Error> {
        let access =
            |people, permitted| self.access(ledger, vec![entry.entry_id], people, permitted);
        let of_person = |permitted| access(vec![entry.person_id], permitted);
        let (accesses, answer) = match whose {
            None => (vec![access(Vec::new(), true)], Ok(None)),
            Some(Whose::Told(person)) => (vec![of_person(true)], Ok(Some(*person))),
            Some(Whose::Withheld) => {
                let withheld = pb::EntryPerson { withheld: true, ..pb::EntryPerson::default() };
                (vec![access(Vec::new(), true), of_person(false)], Ok(Some(withheld)))
            }
            Some(Whose::NobodySays) => {
                (vec![of_person(false)], Err(Error::PersonSourceUnavailable))
            }
        };
        self.app.recorder.record(accesses).await?;
        answer
    }
}

/// The kinds, the strictest first.
pub(super) fn protections(grades: &Grades) -> Vec<i32> {
    grades.iter().map(|kind| protection(*kind).into()).collect()
}

fn protection(kind: Protection) -> pb::Protection {
    match kind {
        Protection::StrictlyConfidentialAbroad => pb::Protection::StrictlyConfidentialAbroad,
        Protection::StrictlyConfidential => pb::Protection::StrictlyConfidential,
        Protection::Confidential => pb::Protection::Confidential,
        Protection::OwnStaff => pb::Protection::OwnStaff,
    }
}
