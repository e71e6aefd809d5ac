//! On whose behalf an office reads: what it is shown of hosted municipalities' people is recorded
//! with them.

use std::sync::PoisonError;

use sqlx::PgConnection;

use crate::{
    domain::{
        access::{hosts_somebody, on_behalf_of},
        ids::{EntryId, LedgerId, MunicipalityNumber},
        registry::Registry,
    },
    error::Error,
    grpc::Reader,
    store::{self, access_log::in_words},
};

impl Reader {
    /// Notes of which hosted municipalities' people a story tells.
    pub(super) fn note_hosted<'a>(
        &self,
        numbers: impl Iterator<Item = &'a MunicipalityNumber>,
        registry: &Registry,
    ) {
        let today = self.today();
        let hosted = numbers.filter_map(|n| on_behalf_of(&self.actor, n, registry, today));
        let mut noted = self.hosted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(hosted.cloned());
    }

    /// The same of entries that are known by id alone; they are looked up for an office that hosts
    /// somebody today, and for nobody else.
    pub(super) async fn note_hosted_of(
        &self,
        snapshot: &mut PgConnection,
        registry: &Registry,
        ledger: &LedgerId,
        entries: impl Iterator<Item = EntryId>,
    ) -> Result<(), Error> {
        if !hosts_somebody(&self.actor, registry, self.today()) {
            return Ok(());
        }
        let entries: Vec<EntryId> = entries.collect();
        let numbers = store::held::municipalities_of(snapshot, ledger, &entries).await?;
        self.note_hosted(numbers.iter(), registry);
        Ok(())
    }

    /// On whose behalf, as it is written down.
    pub(super) fn on_behalf_of(&self) -> Option<String> {
        let hosted = || in_words(&self.hosted.lock().unwrap_or_else(PoisonError::into_inner));
        self.standing.on_behalf_of.clone().or_else(hosted)
    }
}
