//! Time as an event: what is due in the ledgers of a batch takes effect before anything else.

use sqlx::PgConnection;

use crate::{
    domain::{
        access::Actor,
        calendar::Timestamp,
        command::Needs,
        ids::LedgerId,
        ledger::{Due, due_request_id},
    },
    store,
    write::batch::Batch,
};

/// How many due things take effect in one transaction at most.
const DUE_AT_ONCE: i64 = 2_000;

impl Batch<'_> {
    /// Lets what is due take effect, before anything else is looked at. Says whether
    /// there is more than one transaction should hold.
    pub(super) async fn apply_due(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<bool, sqlx::Error> {
        let now = self.app.clock.now();
        let mut more = false;
        for (county, codes) in self.codes_by_county() {
            let due = store::ledger::due(connection, &county, &codes, now, DUE_AT_ONCE).await?;
            let count: usize = due.values().map(Vec::len).sum();
            let mut happened = false;
            for (measure_code, due) in due {
                let id = LedgerId { county_id: county.clone(), measure_code };
                happened |= self.apply_due_of(connection, &id, due, now).await?;
            }
            // Where none of so many could take effect, trying again changes nothing.
            more |= happened && i64::try_from(count).unwrap_or(i64::MAX) >= DUE_AT_ONCE;
        }
        Ok(more)
    }

    /// Lets what is due in one ledger take effect; says whether any of it did.
    async fn apply_due_of(
        &mut self,
        connection: &mut PgConnection,
        id: &LedgerId,
        due: Vec<Due>,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let actor = Actor::by_time();
        let mut needs = Needs::default();
        for due in &due {
            needs.add(&due.command());
        }
        self.load(connection, id, &needs).await?;
        let mut happened = false;
        for due in due {
            let command = due.command();
            // Never before its time, should the clock step back meanwhile.
            let clock = now.max(due.at);
            let decided = self.decide(connection, id, &command, &actor, clock).await?;
            if let Ok(decided) = decided {
                self.happen(id, due_request_id(id, &due), command, &actor, &decided);
                if let Some(open) = self.open.get_mut(id) {
                    open.ledger.dealt_with(due);
                    happened = true;
                }
            }
        }
        Ok(happened)
    }
}
