//! Another case worker: `ReassignAdviser`, in one ledger or in all of an area.

use prost::Message;
use time::Date;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    domain::{
        access::Method,
        event::{EntryChange, Event},
        ids::{AreaId, LedgerId, RequestId},
        ledger::Ledger,
        refusal::Refusal,
    },
    error::Error,
    grpc::{
        Api, Caller, Reader, answer,
        parse::adviser::{self as parse, Where},
        respond, seen_by,
    },
    proto::v1 as pb,
    store::advisers::{OfAdviser, first_of_area},
    write::Done,
};

impl Api {
    pub(super) async fn reassign(
        &self,
        request: Request<pb::ReassignAdviserRequest>,
    ) -> Result<Response<pb::ReassignAdviserResponse>, Status> {
        let (caller, method) = (Caller::of(&request)?, Method::ReassignAdviser);
        let request = request.into_inner();
        let outcome = async {
            caller.require(method)?;
            let (place, draft) = parse::reassign_adviser(&request)?;
            let (county_id, until) = match place {
                Where::Ledger(ledger) => {
                    return self.submit(&caller, &request, method, ledger, draft, reassigned).await;
                }
                Where::Area(county_id, until) => (county_id, until),
            };
            let request_id = Uuid::try_parse(&request.request_id).unwrap_or_default();
            let question = Question {
                county_id,
                request_id: RequestId(request_id),
                from: draft.from_adviser.clone().unwrap_or_default(),
                to: draft.adviser.clone().unwrap_or_default(),
                until,
            };
            let ledger = self.look(&caller, method, question, keeper).await?;
            self.submit(&caller, &request, method, ledger, draft, reassigned_everywhere).await
        };
        respond(method, outcome.await)
    }
}

/// Which ledger is to keep the answer.
struct Question {
    county_id: AreaId,
    request_id: RequestId,
    from: String,
    to: String,
    until: Option<Date>,
}

/// The ledger that keeps the answer. It tells nothing: whoever has come or gone meanwhile, the
/// writer finds under the locks.
async fn keeper(reader: Reader, question: Question) -> Result<LedgerId, Error> {
    let Question { county_id, request_id, from, to, until } = question;
    let (mut snapshot, registry) = reader.snapshot(None).await?;
    let digests = reader.app.keys.adviser_digests(&from);
    let seen = seen_by(&reader.actor, &registry, reader.today());
    let of = OfAdviser {
        digests: &digests,
        seen: &seen,
        but: &[],
        but_in_hands: &reader.app.keys.adviser_digests(&to),
        until,
        limit: 1,
    };
    let first = first_of_area(&mut snapshot, &county_id, request_id, &of).await;
    snapshot.rollback().await?;
    let id = county_id.to_string();
    let none = || Refusal::NotFound { what: "area with a ledger", id };
    Ok(first?.map(|measure_code| LedgerId { county_id, measure_code }).ok_or_else(none)?)
}

/// Who has another case worker or deputy now.
fn reassigned(done: &Done<'_>) -> Vec<u8> {
    pb::ReassignAdviserResponse {
        revision: Some(answer::revision_of(done)),
        entry_ids: changed(done.events),
        remaining_entries: done.remaining,
        ..pb::ReassignAdviserResponse::default()
    }
    .encode_to_vec()
}

/// The same in all ledgers of an area. It begins with the revision of the ledger that keeps it, as
/// every answer does.
fn reassigned_everywhere(done: &Done<'_>) -> Vec<u8> {
    let mut all = vec![(done.ledger, done.events)];
    all.extend_from_slice(done.others);
    let of_one = |(ledger, events): (&Ledger, &[Event])| pb::ReassignedInLedger {
        revision: Some(answer::revision(ledger.id(), ledger.head().seq)),
        entry_ids: changed(events),
    };
    all.sort_by(|(one, _), (other, _)| one.id().cmp(other.id()));
    pb::ReassignAdviserResponse {
        revision: Some(answer::revision_of(done)),
        remaining_entries: done.remaining,
        ledgers: all.into_iter().map(of_one).collect(),
        ..pb::ReassignAdviserResponse::default()
    }
    .encode_to_vec()
}

fn changed(events: &[Event]) -> Vec<String> {
    let of_one = |event: &Event| {
        if let Event::EntryChanged { entry, change: EntryChange::AdviserSet } = event {
            Some(entry.entry_id.to_string())
        } else {
            None
        }
    };
    events.iter().filter_map(of_one).collect()
}
