//! A person who gets another identity number, and stays who they are: both numbers find them, and
//! the last one is shown. It runs alone in its transaction, since whose a number is stands in no
//! ledger: what is written here happens with the log row, or not at all.

use sqlx::PgConnection;

use crate::{
    app::App,
    domain::{
        command::ChangeIdentityNumber,
        ids::PersonId,
        national_identity::NationalIdentityNumber,
        refusal::{Limited, Refusal},
    },
    store::{
        people::{self, Digest},
        rekey::{self, Former},
    },
    write::{
        Work,
        batch::Batch,
        people::{People, key_error},
    },
};

/// How many numbers of one person are kept beside the last: more are not a person's.
const FORMER_NUMBERS_MAX: usize = 10;

impl Batch<'_> {
    /// Gives the person of the entry the number. Without such an entry the decision refuses.
    pub(super) async fn renumber(
        &mut self,
        connection: &mut PgConnection,
        index: usize,
        work: &Work,
        c: &ChangeIdentityNumber,
    ) -> Result<Result<(), Refusal>, sqlx::Error> {
        let open = self.open.get(&work.ledger);
        let entry = open.and_then(|open| open.ledger.entry(c.entry_id));
        let (Some(entry), Some(number)) = (entry, &work.draft.new_number) else {
            return Ok(Ok(()));
        };
        let may_tell_whose = work.draft.may_tell_whose;
        let person = entry.person_id;
        let renumbering = Renumbering { app: self.app, person, number, may_tell_whose };
        renumbering.take(connection, index, work.validate_only, &mut self.people).await
    }
}

/// Whom, and the new number.
struct Renumbering<'a> {
    app: &'a App,
    person: PersonId,
    number: &'a NationalIdentityNumber,
    /// Whether the caller may be told whose that is.
    may_tell_whose: bool,
}

impl Renumbering<'_> {
    async fn take(
        &self,
        connection: &mut PgConnection,
        index: usize,
        is_preview: bool,
        named: &mut People,
    ) -> Result<Result<(), Refusal>, sqlx::Error> {
        let Some(identity) = rekey::lock_identity(connection, self.person).await? else {
            return Err(key_error("an entry's person is not there"));
        };
        let digests = self.app.keys.identity_hmacs(self.number);
        let holder = self.holder(connection, &digests).await?;
        let is_taken = |holder: &PersonId| *holder != self.person || !self.may_tell_whose;
        if let Some(holder) = holder.filter(is_taken) {
            named.name(index, [self.person, holder]);
            return Ok(Err(Refusal::IdentityNumberTaken));
        }
        let formers = rekey::formers(connection, &[self.person]).await?;
        let present = self.open(&identity)?;
        if present.expose() == self.number.expose() {
            return Ok(Ok(()));
        }
        let again = formers.iter().map(|former| self.open(&former.identity));
        let again: Vec<NationalIdentityNumber> = again.collect::<Result<_, _>>()?;
        let again = again.iter().position(|former| former.expose() == self.number.expose());
        if again.is_none() && formers.len() >= FORMER_NUMBERS_MAX {
            let (what, most) = (Limited::IdentityNumbers, FORMER_NUMBERS_MAX + 1);
            return Ok(Err(Refusal::LimitReached { what, would_be: most + 1, most }));
        }
        if is_preview {
            return Ok(Ok(()));
        }
        let wanted = digests.iter().map(|digest| (*digest, self.person)).collect();
        people::add_digests(connection, wanted).await?;
        if self.holder(connection, &digests).await?.is_some_and(|holder| holder != self.person) {
            // Asked again, it is refused; this transaction keeps nothing.
            let meanwhile = "somebody has come in with this number meanwhile";
            return Err(sqlx::Error::Protocol(meanwhile.to_owned()));
        }
        // The place of a number that is the person's again is taken by the last one.
        let former_id = again.map_or_else(|| self.app.ids.id(), |at| formers[at].former_id);
        let former = Former { person_id: self.person, former_id, identity };
        rekey::keep_former(connection, &former).await?;
        let sealed = self.app.keys.seal_identity(self.number, self.person.0).map_err(key_error)?;
        rekey::change_identity(connection, self.person, &sealed).await?;
        Ok(Ok(()))
    }

    /// Who has the number.
    async fn holder(
        &self,
        connection: &mut PgConnection,
        digests: &[Digest],
    ) -> Result<Option<PersonId>, sqlx::Error> {
        let mut found = people::find(connection, &[digests.to_vec()]).await?;
        Ok(found.pop().flatten().map(|found| found.person_id))
    }

    fn open(&self, sealed: &[u8]) -> Result<NationalIdentityNumber, sqlx::Error> {
        self.app.keys.open_identity(sealed, self.person.0).map_err(key_error)
    }
}
