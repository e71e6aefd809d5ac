//! What a reading story writes down before its answer (I11).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::ids::{EntryId, LedgerId, PersonId},
    error::Error,
    grpc::Reader,
    store::access_log::Access,
};

impl Reader {
    /// Writes the access down before the answer; if that fails, so does the read (I11).
    pub(super) async fn record(
        &self,
        ledger: &LedgerId,
        entries: Vec<EntryId>,
        permitted: bool,
    ) -> Result<(), Error> {
        self.record_of(ledger, entries, Vec::new(), permitted).await
    }

    /// The same, where it was asked about people themselves.
    pub(super) async fn record_of(
        &self,
        ledger: &LedgerId,
        entries: Vec<EntryId>,
        people: Vec<PersonId>,
        permitted: bool,
    ) -> Result<(), Error> {
        let access = self.access(ledger, entries, people, permitted);
        self.app.recorder.record(vec![access]).await
    }

    /// The same, where entries of several ledgers are shown.
    pub(super) async fn record_each(
        &self,
        entries: BTreeMap<LedgerId, BTreeSet<EntryId>>,
    ) -> Result<(), Error> {
        let of_one = |(ledger, entries): (LedgerId, BTreeSet<EntryId>)| {
            self.access(&ledger, entries.into_iter().collect(), Vec::new(), true)
        };
        self.app.recorder.record(entries.into_iter().map(of_one).collect()).await
    }

    pub(super) fn access(
        &self,
        ledger: &LedgerId,
        entries: Vec<EntryId>,
        people: Vec<PersonId>,
        permitted: bool,
    ) -> Access {
        Access {
            access_id: self.app.ids.id(),
            at: self.app.clock.now(),
            actor: self.actor.clone(),
            standing: Arc::clone(&self.standing),
            authority: self.authority,
            on_behalf_of: self.on_behalf_of(),
            method: self.method,
            ledger: ledger.clone(),
            said: self.said.clone(),
            call_id: self.call_id.clone(),
            people,
            entries,
            permitted,
        }
    }
}
