//! Closures of place groups: the answer to one that is reported, and those there are.

use prost::Message;
use time::Date;

use crate::{
    domain::{
        allocation::Placement,
        capacity::{Closure, PlaceGroup},
        event::Event,
    },
    grpc::answer::{self, from_events, revision_of},
    proto::v1 as pb,
    write::Done,
};

/// How many of those who are placed in a group the answer names; it counts them all.
const PLACEMENTS_NAMED: usize = 500;

/// Who is placed in the group when it closes, as far as is known: nobody is put out. Of a closure
/// that was withdrawn there is nobody to be told of.
pub(super) fn report_closure(done: &Done<'_>) -> Vec<u8> {
    let changed = from_events(done, changed);
    let group = changed.map(|(group, _)| group);
    let closure = changed.and_then(|(_, closure)| closure);
    let there: Vec<&Placement> = group
        .zip(closure)
        .into_iter()
        .flat_map(|(group, closure)| {
            let placements = done.ledger.placements_in(group.place_group_id);
            placements.filter(|placement| is_there_on(placement, closure.from_date))
        })
        .collect();
    let named = there.iter().take(PLACEMENTS_NAMED);
    pb::ReportClosureResponse {
        revision: Some(revision_of(done)),
        place_group_id: group.map(|group| group.place_group_id.to_string()).unwrap_or_default(),
        placement_ids: named.map(|placement| placement.placement_id.to_string()).collect(),
        placements: there.len() as u64,
    }
    .encode_to_vec()
}

/// The group, and its closure that was reported or changed; `None` of one that was withdrawn.
fn changed(event: &Event) -> Option<(&PlaceGroup, Option<&Closure>)> {
    if let Event::ClosureReported { place_group, .. } = event {
        Some((place_group, place_group.closures.last()))
    } else if let Event::ClosureChanged { place_group, from_date, .. } = event {
        let meant = |closure: &&Closure| closure.from_date == *from_date;
        Some((place_group, place_group.closures.iter().find(meant)))
    } else {
        None
    }
}

/// Whether a placement under way is not known to be over by a day.
fn is_there_on(placement: &Placement, date: Date) -> bool {
    placement.state.end().is_none_or(|end| end.end_date > date)
}

/// The first closures of a group that hold on a date or later.
pub(super) fn closures(group: &PlaceGroup, as_of: Date, most: usize) -> Vec<pb::Closure> {
    let to_come = |closure: &&Closure| closure.until_date.is_none_or(|until| until > as_of);
    let mut closures: Vec<&Closure> = group.closures.iter().filter(to_come).collect();
    closures.sort_by_key(|closure| closure.from_date);
    closures.into_iter().take(most).map(closure).collect()
}

fn closure(closure: &Closure) -> pb::Closure {
    pb::Closure {
        from_date: Some(answer::date(closure.from_date)),
        until_date: closure.until_date.map(answer::date),
        reason: closure.reason.clone().unwrap_or_default(),
    }
}
