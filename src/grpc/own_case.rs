//! Nobody reads their own case by their office: where the token says who the caller is, what is
//! kept of that very person is refused, and written down as denied.

use crate::{
    domain::{
        ids::{LedgerId, PersonId},
        national_identity::NationalIdentityNumber,
        refusal::Refusal,
        waitlist::Entry,
    },
    error::Error,
    grpc::Reader,
    store::{self, people::Found},
};

impl Reader {
    /// Refuses an entry of the caller's own. Nobody is looked up whose token does not say who
    /// they are.
    pub(super) async fn require_another(
        &self,
        ledger: &LedgerId,
        entry: &Entry,
    ) -> Result<(), Error> {
        let Some(own) = &self.standing.identity else { return Ok(()) };
        let [person] = self.find_people([own]).await?;
        if person != Some(entry.person_id) {
            return Ok(());
        }
        self.record_of(ledger, vec![entry.entry_id], Vec::new(), false).await?;
        Err(Refusal::OwnCase.into())
    }

    /// Who somebody is that the caller names by number; refused where it is the caller, by
    /// whatever number.
    pub(super) async fn find_another(
        &self,
        identity: &NationalIdentityNumber,
    ) -> Result<Option<PersonId>, Error> {
        let Some(own) = &self.standing.identity else {
            let [person] = self.find_people([identity]).await?;
            return Ok(person);
        };
        let [person, caller] = self.find_people([identity, own]).await?;
        let is_own = identity.expose() == own.expose() || (person.is_some() && person == caller);
        if !is_own {
            return Ok(person);
        }
        let people = person.into_iter().collect();
        self.record_of(&LedgerId::registry(), Vec::new(), people, false).await?;
        Err(Refusal::OwnCase.into())
    }

    /// Who these are, in one look.
    async fn find_people<const N: usize>(
        &self,
        identities: [&NationalIdentityNumber; N],
    ) -> Result<[Option<PersonId>; N], Error> {
        let digests = identities.map(|identity| self.app.keys.identity_hmacs(identity));
        let mut people = self.app.db.begin_people().await?;
        let mut found = store::people::find(&mut people, &digests).await?.into_iter();
        people.rollback().await?;
        Ok(digests.map(|_| found.next().flatten().map(|Found { person_id, .. }| person_id)))
    }
}
