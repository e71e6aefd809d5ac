//! Moves of quotas: the answer to one, and those that are shown.

use prost::Message;

use crate::{
    domain::{
        account::AccountKey, capacity::PlacesInPeriod, event::Event, ids::MunicipalityNumber,
        ledger::Frame, quota_move::QuotaMove,
    },
    grpc::answer::{self, from_events, revision_of},
    proto::v1 as pb,
    write::Done,
};

/// How many moves are shown of one quota, as the proto says.
const MOVES_SHOWN: usize = 20;

pub(super) fn move_quota(done: &Done<'_>) -> Vec<u8> {
    let moved = from_events(done, |event| {
        if let Event::QuotaMoved { quota_move, .. } = event { Some(quota_move) } else { None }
    });
    let end = |of: fn(&QuotaMove) -> &MunicipalityNumber| {
        moved.map(|moved| moved_quota(done, of(moved), moved.valid_from))
    };
    pb::MoveQuotaResponse {
        revision: Some(revision_of(done)),
        quota_move: moved.map(move_answer),
        from: end(|moved| &moved.from_municipality),
        to: end(|moved| &moved.to_municipality),
    }
    .encode_to_vec()
}

fn moved_quota(done: &Done<'_>, number: &MunicipalityNumber, from: time::Date) -> pb::MovedQuota {
    let (ledger, frame) = (done.ledger, done.ledger.frame());
    let history = frame.quotas.get(number).into_iter().flatten();
    let later = history.filter(|quota| quota.places.valid_from > from).count();
    pb::MovedQuota {
        places: frame.own_places(number, from),
        usage: Some(answer::usage(&ledger.account(&AccountKey::Quota(number.clone())))),
        later_quotas: u32::try_from(later).unwrap_or(u32::MAX),
    }
}

/// What was moved to or from a municipality in a period, the latest first; none without one.
pub(super) fn moves(
    frame: &Frame,
    number: &MunicipalityNumber,
    period: Option<&PlacesInPeriod>,
) -> Vec<pb::QuotaMove> {
    let latest_first = frame.moves.iter().rev();
    let is_within = |moved: &&QuotaMove| {
        moved.concerns(number) && period.is_some_and(|period| period.covers(moved.valid_from))
    };
    latest_first.filter(is_within).take(MOVES_SHOWN).map(move_answer).collect()
}

fn move_answer(moved: &QuotaMove) -> pb::QuotaMove {
    pb::QuotaMove {
        from_municipality_number: moved.from_municipality.to_string(),
        to_municipality_number: moved.to_municipality.to_string(),
        places: moved.places,
        valid_from_date: Some(answer::date(moved.valid_from)),
        reason: moved.reason.clone(),
        moved_time: Some(answer::timestamp(moved.moved_time)),
        plan_id: moved.plan_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}
