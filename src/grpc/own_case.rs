//! Nobody reads their own case by their office: where the token or the table of the staff says who
//! the caller is, what is kept of that very person is refused, and written down as denied.

use crate::{
    domain::{
        ids::{LedgerId, PersonId},
        national_identity::NationalIdentityNumber,
        refusal::Refusal,
        registry::Registry,
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
        registry: &Registry,
    ) -> Result<(), Error> {
        let mut is_own = registry.person_of_staff(&self.actor) == Some(entry.person_id);
        if let (false, Some(own)) = (is_own, &self.standing.identity) {
            let [person] = self.find_people([own]).await?;
            is_own = person == Some(entry.person_id);
        }
        if !is_own {
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
        let (person, caller) = match &self.standing.identity {
            Some(own) => self.find_people([identity, own]).await?.into(),
            None => (self.find_people([identity]).await?[0], None),
        };
        let (snapshot, registry) = self.snapshot(None).await?;
        snapshot.rollback().await?;
        let selves = [caller, registry.person_of_staff(&self.actor)];
        let own = self.standing.identity.as_ref();
        let is_own = own.is_some_and(|own| identity.expose() == own.expose())
            || (person.is_some() && selves.contains(&person));
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
