//! How far a ledger has come: who may wait for it to come further.

use std::{sync::Arc, time::Duration};

use sqlx::{PgConnection, Postgres, Transaction};

use crate::{
    domain::{
        access::{Relation, Role, relation},
        ids::LedgerId,
        registry::Registry,
    },
    error::Error,
    grpc::{Reader, area_of},
    store::{self, capacity::GroupFilter},
};

/// How long a read waits for a ledger to come as far as the caller has seen it.
const AT_LEAST_SEQ_WAIT: Duration = Duration::from_secs(1);
/// How often it looks.
const AT_LEAST_SEQ_STEP: Duration = Duration::from_millis(20);

impl Reader {
    /// One state of the whole database, in which a ledger has come at least so far. Whoever has
    /// nothing to do with the ledger is not kept waiting for it: the story goes on as it is, so
    /// that what is not theirs is refused in the same words and as fast as ever, and only where
    /// nothing is refused are they told that the ledger is behind.
    pub(super) async fn snapshot(
        &self,
        ledger: Option<(&LedgerId, u64)>,
    ) -> Result<(Transaction<'static, Postgres>, Arc<Registry>), Error> {
        let (mut waited, mut place) = (Duration::ZERO, None);
        loop {
            let mut transaction = self.app.db.begin_read().await?;
            let registry = self.app.registry.current(&mut transaction).await?;
            let behind = match ledger {
                Some((id, wanted)) if wanted > 0 => {
                    let seq = store::ledger::seq(&mut transaction, id).await?.unwrap_or(0);
                    (seq < wanted).then(|| (id.clone(), wanted))
                }
                _ => None,
            };
            let Some((ledger, wanted)) = behind else {
                return Ok((transaction, registry));
            };
            if !self.may_wait_for(&mut transaction, &ledger, &registry).await? {
                let _ = self.behind.set((ledger, wanted));
                return Ok((transaction, registry));
            }
            transaction.rollback().await?;
            // A place among those who wait: whoever asks for what never comes keeps no read
            // from its own.
            place = place.or_else(|| Arc::clone(&self.for_seq).try_acquire_owned().ok());
            if waited >= AT_LEAST_SEQ_WAIT || place.is_none() {
                return Err(Error::NotYetAtSeq { ledger, wanted });
            }
            tokio::time::sleep(AT_LEAST_SEQ_STEP).await;
            waited += AT_LEAST_SEQ_STEP;
        }
    }

    /// Whether the caller has to do with a ledger: by its right to the area, by lying in it, or,
    /// a provider, by places there.
    async fn may_wait_for(
        &self,
        connection: &mut PgConnection,
        ledger: &LedgerId,
        registry: &Registry,
    ) -> Result<bool, Error> {
        let area = area_of(ledger);
        if self.permits(&area, registry) {
            return Ok(true);
        }
        if self.actor.role != Role::Provider {
            let relation = relation(&self.actor, &area, registry, self.today());
            return Ok(matches!(relation, Relation::Own | Relation::SiblingUnit));
        }
        let Ok(own) = self.actor.organisation.parse() else { return Ok(false) };
        let filter = GroupFilter { organisation_number: Some(own), state: None };
        let groups = store::capacity::group_ids(connection, ledger, &filter, None, 1).await?;
        Ok(!groups.is_empty())
    }
}
