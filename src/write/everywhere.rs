//! A case worker who is to be another in all ledgers of an area: one transaction under the locks
//! of all of them, whether the case worker has anybody there or not. So of two calls at once one
//! comes second, and a retry finds what was done under its request id in whatever ledger.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use crate::{
    domain::{
        access::{Role, Target, permits},
        command::{Command, ReassignAdviser},
        ids::LedgerId,
        refusal::Refusal,
        waitlist::REASSIGNED_MAX,
    },
    store::advisers::ledgers_of_area,
    write::{
        Work,
        adviser::{Part, Reassigned, Reassigner},
        batch::Batch,
    },
};

impl Batch<'_> {
    /// The ledgers a reassignment in a whole area is over; none for another area's county, which
    /// is refused without a lock.
    pub(super) async fn area_of_adviser(
        &self,
        connection: &mut PgConnection,
        work: &Work,
    ) -> Result<BTreeSet<LedgerId>, sqlx::Error> {
        let county_id = &work.ledger.county_id;
        let area = Target { county_id: Some(county_id.clone()), ..Target::default() };
        let is_office = work.actor.role == Role::Office;
        let today = self.app.clock.now().date_in_norway();
        if !is_office && !permits(work.method, &work.actor, &area, &self.registry, today) {
            return Ok(BTreeSet::new());
        }
        let codes = ledgers_of_area(connection, county_id).await?;
        let ledger = |measure_code| LedgerId { county_id: county_id.clone(), measure_code };
        Ok(codes.into_iter().map(ledger).collect())
    }

    /// The reassignment with its entries, ledger by ledger. The one that keeps the answer has its
    /// part even where nobody is found there; of the others those have one in which somebody is.
    pub(super) async fn complete_everywhere(
        &mut self,
        connection: &mut PgConnection,
        work: &Work,
        c: &ReassignAdviser,
    ) -> Result<Result<Reassigned, Refusal>, sqlx::Error> {
        let reassigner = Reassigner { app: self.app, registry: &self.registry, work };
        let county_id = &work.ledger.county_id;
        let is_other = |id: &&LedgerId| **id != work.ledger && id.county_id == *county_id;
        let others = self.open.keys().filter(|_| work.draft.everywhere).filter(is_other);
        let ids: Vec<LedgerId> = [&work.ledger].into_iter().chain(others).cloned().collect();
        let (mut parts, mut room) = (Vec::with_capacity(ids.len()), REASSIGNED_MAX);
        let (mut remaining, mut may_look) = (0, false);
        for id in ids {
            let Some(open) = self.open.get_mut(&id) else {
                return Ok(Err(Refusal::LedgerNotFound(id)));
            };
            let (ledger, people) = (&mut open.ledger, &mut self.people);
            let part = reassigner.part(connection, ledger, people, c, room).await?;
            let Part { command, left, may_look: here } = match part {
                Ok(part) => part,
                Err(refusal) => return Ok(Err(refusal)),
            };
            room = room.saturating_sub(command.advisers.len());
            remaining += left;
            may_look |= here;
            if id == work.ledger || !command.advisers.is_empty() {
                parts.push((id, Command::ReassignAdviser(command)));
            }
        }
        if !may_look || parts.is_empty() {
            return Ok(Err(Refusal::PermissionDenied));
        }
        let (_, command) = parts.remove(0);
        Ok(Ok(Reassigned { command, others: parts, remaining }))
    }
}
