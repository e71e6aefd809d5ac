//! The change feed: the log, as anyone may check it.

use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Method, Role, sees_payloads},
        authority::has_room_for_anothers,
        event::Payload,
        log_chain::payload_digest,
        refusal::Refusal,
    },
    error::Error,
    grpc::{
        Api, Reader, answer, area_of,
        parse::fair_share::{ChangesQuery, list_changes},
        require_ledger,
    },
    proto::v1::{
        Change, ListChangesRequest, ListChangesResponse, change_service_server::ChangeService,
    },
    store::{self, log::LogRow},
};

/// A page ends when it holds so many bytes, whatever its size.
const PAGE_BYTES_MAX: usize = 512 * 1024;
/// How many rows are read at once: few, since one may be large.
const ROWS_AT_ONCE: i64 = 20;

#[tonic::async_trait]
impl ChangeService for Api {
    async fn list_changes(
        &self,
        r: Request<ListChangesRequest>,
    ) -> Result<Response<ListChangesResponse>, Status> {
        self.read(r, Method::ListChanges, list_changes, changes).await
    }
}

async fn changes(reader: Reader, query: ChangesQuery) -> Result<ListChangesResponse, Error> {
    let (id, page, keys) = (&query.ledger, &query.page, &reader.app.keys);
    let after = page.after(keys)?.unwrap_or(query.after_seq);
    let (mut snapshot, registry) = reader.snapshot(Some((id, page.at_least_seq))).await?;
    if !reader.permits(&area_of(id), &registry) {
        snapshot.rollback().await?;
        reader.record(id, Vec::new(), false).await?;
        return Err(Refusal::PermissionDenied.into());
    }
    require_ledger(id, &registry)?;
    let seq = store::ledger::seq(&mut snapshot, id).await?.unwrap_or(0);
    let with_payloads = sees_payloads(reader.actor.role);
    let mut changes: Vec<Change> = Vec::new();
    let (mut bytes, mut left) = (0, i64::try_from(page.size).unwrap_or(i64::MAX));
    while left > 0 && bytes < PAGE_BYTES_MAX {
        let last = changes.last().map_or(after, |change| change.seq);
        let rows = store::log::page(&mut snapshot, id, last, left.min(ROWS_AT_ONCE)).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let is_told = with_payloads && tells_payload(reader.actor.role, &row);
            let change = change(row, is_told);
            bytes += change.header.len() + change.payload.len();
            if bytes > PAGE_BYTES_MAX && !changes.is_empty() {
                break;
            }
            changes.push(change);
            left -= 1;
        }
    }
    snapshot.rollback().await?;
    if with_payloads {
        // Payloads name people by ids: who has read them is written down.
        reader.record(id, Vec::new(), true).await?;
    }
    let next_page_token = match changes.last() {
        Some(last) if last.seq < seq => page.token(keys, &last.seq)?,
        _ => String::new(),
    };
    Ok(ListChangesResponse { revisions: vec![answer::revision(id, seq)], changes, next_page_token })
}

/// A county's staff are the state's: of a row that has room for what a municipality answers for
/// they get the digest, whether anything stands there or not.
fn tells_payload(role: Role, row: &LogRow) -> bool {
    let is_free = || {
        let payload = serde_json::from_slice::<Payload>(&row.payload);
        payload.is_ok_and(|payload| !has_room_for_anothers(&payload))
    };
    role != Role::County || is_free()
}

fn change(row: LogRow, with_payload: bool) -> Change {
    Change {
        seq: row.seq,
        kind: row.kind,
        change_time: Some(answer::timestamp(row.at)),
        header: row.header,
        payload_digest: payload_digest(&row.payload).to_vec(),
        payload: if with_payload { row.payload } else { Vec::new() },
        prev_hash: row.prev_hash.to_vec(),
        hash: row.hash.to_vec(),
    }
}
