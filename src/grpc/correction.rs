//! Corrections: which decisions rested on the mistake is read from the log before the ledger is
//! locked, so that no other call waits for it; then the writer corrects, and keeps both as one
//! answer.

use std::{collections::BTreeSet, time::Duration};

use prost::Message;
use sqlx::PgConnection;
use tokio::time::{Instant, timeout_at};
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::Method,
        command::{Command, Correct, Correction, Needs, Subject},
        event::{EntryChange, Event},
        explanation::{Affected, AffectedRun, Row, Search},
        ids::{EntryId, LedgerId, OfferId, PlacementId},
        waitlist::Entry,
    },
    error::Error,
    grpc::{
        Api, Caller, Reader, answer, area_of, explain::Way, parse::correction as parse, respond,
        waitlist::target,
    },
    proto::v1 as pb,
    replay::Registries,
    store,
    write::Done,
};

/// How long a place among the heavy reads is waited for, and the log read, for the decisions
/// that rested on a mistake: whoever corrects it waits meanwhile. If that was too short the
/// answer says that there may be more.
const LOOK_MAX: Duration = Duration::from_secs(3);

impl Api {
    pub(super) async fn correct_mistake(
        &self,
        request: Request<pb::CorrectRequest>,
    ) -> Result<Response<pb::CorrectResponse>, Status> {
        let (caller, method) = (Caller::of(&request)?, Method::Correct);
        let request = request.into_inner();
        let outcome = async {
            caller.require(method)?;
            let (ledger, mut draft) = parse::correct(&request)?;
            let question = (ledger.clone(), draft.command.clone());
            draft.affected = self.look(&caller, method, question, affected).await?;
            self.submit(&caller, &request, method, ledger, draft, corrected).await
        };
        respond(method, outcome.await)
    }
}

/// The decisions that rested on what is to be corrected. Of what is not the caller's, or is not
/// there, nothing is found: the writer says why.
async fn affected(
    reader: Reader,
    (id, command): (LedgerId, Command),
) -> Result<Option<Affected>, Error> {
    let Command::Correct(Correct { correction, .. }) = &command else { return Ok(None) };
    let until = Instant::now() + LOOK_MAX;
    let Some(entry_id) = visible(&reader, &id, &command).await? else { return Ok(None) };
    let search = Search::new(correction.clone(), entry_id);
    let Ok(place) = timeout_at(until, reader.heavy_place()).await else {
        return Ok(Some(search.finish(0, false)));
    };
    let place = place?;
    let (mut snapshot, _) = reader.snapshot(None).await?;
    let found = match searched(&mut snapshot, &reader, &id, search, until).await {
        Ok(found) => only_the_callers(&mut snapshot, &reader, &id, found).await,
        failed @ Err(_) => failed,
    };
    snapshot.rollback().await?;
    drop(place);
    let found = found?;
    let of_run = |run: &AffectedRun| [run.served.clone(), run.would_have_served.clone()].concat();
    let entries: BTreeSet<EntryId> = found.runs.iter().flat_map(of_run).collect();
    if !entries.is_empty() {
        reader.record(&id, entries.into_iter().collect(), true).await?;
    }
    Ok(Some(found))
}

/// All the decisions, with the people the caller sees: whom a run served instead may be another
/// office's.
async fn only_the_callers(
    snapshot: &mut PgConnection,
    reader: &Reader,
    id: &LedgerId,
    mut found: Affected,
) -> Result<Affected, Error> {
    let registry = reader.app.registry.current(snapshot).await?;
    if reader.permits(&area_of(id), &registry) {
        return Ok(found);
    }
    let Some(mut ledger) = store::ledger::find(snapshot, id).await? else { return Ok(found) };
    let named = found.runs.iter().flat_map(|run| run.served.iter().chain(&run.would_have_served));
    let needs = Needs { entries: named.copied().collect(), ..Needs::default() };
    store::ledger::load_needs(snapshot, &mut ledger, &needs).await?;
    let is_seen = |entry_id: &EntryId| {
        let entry = ledger.entry(*entry_id);
        entry.is_some_and(|entry| reader.permits(&target(id, entry), &registry))
    };
    for run in &mut found.runs {
        run.served.retain(is_seen);
        run.would_have_served.retain(is_seen);
    }
    Ok(found)
}

/// The entry a command is about, where the caller may see it. Their own is refused.
async fn visible(
    reader: &Reader,
    id: &LedgerId,
    command: &Command,
) -> Result<Option<EntryId>, Error> {
    let (mut snapshot, registry) = reader.snapshot(None).await?;
    let mut found = None;
    if let Some(mut ledger) = store::ledger::find(&mut snapshot, id).await? {
        let mut needs = Needs::default();
        needs.add(command);
        store::ledger::load_needs(&mut snapshot, &mut ledger, &needs).await?;
        let entry = ledger.entry_of(&command.subject());
        let entry = entry.filter(|entry| reader.permits(&target(id, entry), &registry));
        found = entry.cloned();
    }
    snapshot.rollback().await?;
    if let Some(entry) = &found {
        reader.require_another(id, entry, &registry).await?;
    }
    Ok(found.map(|entry| entry.entry_id))
}

/// Folds the log and looks at each row that gave places.
async fn searched(
    connection: &mut PgConnection,
    reader: &Reader,
    id: &LedgerId,
    mut search: Search,
    until: Instant,
) -> Result<Affected, Error> {
    if search.is_over() {
        let seq = store::ledger::seq(connection, id).await?.unwrap_or(0);
        return Ok(search.finish(seq, true));
    }
    let mut registries = Registries::default();
    let mut way = Way::new(connection, reader, &LedgerId::registry(), &mut registries);
    while way.next(&mut registries).await?.is_some() {
        if Instant::now() >= until {
            return Ok(search.finish(0, false));
        }
    }
    way.turn_to(id, &mut registries);
    let mut is_at_end = false;
    while !is_at_end && !search.is_over() && Instant::now() < until {
        let before = way.run_is_next().await?.then(|| way.ledger().clone());
        let Some((header, payload)) = way.next(&mut registries).await? else {
            is_at_end = true;
            continue;
        };
        let Some(before) = before else { continue };
        let registry = registries.at(header.registry_version).unwrap_or_default();
        let (command, events) = (&payload.command, payload.events.as_slice());
        let row = Row { header: &header, command, events, registry: &registry };
        let looked = search.look(&before, &row);
        looked.map_err(|stop| Error::Internal(format!("{stop:?}")))?;
    }
    Ok(search.finish(way.ledger().head().seq, is_at_end))
}

/// The answer: how what was wrong stands now, and which runs rested on it.
fn corrected(done: &Done<'_>) -> Vec<u8> {
    let subject = done.command.subject();
    let of_subject = done.ledger.entry_of(&subject).map(entry_answer);
    let right = right_person(done);
    let (entry, closed_entry) = match right {
        Some(id) => (done.ledger.entry(id).map(entry_answer), of_subject),
        None => (of_subject, None),
    };
    let (offer_id, placement_id) = (offer_of(done, &subject), placement_of(done, &subject));
    let affected = done.affected.cloned().unwrap_or_default();
    pb::CorrectResponse {
        revision: Some(answer::revision_of(done)),
        result: result(done.events).into(),
        entry,
        closed_entry,
        offer: offer_id.and_then(|id| answer::offer_after(done.ledger, id)),
        placement: placement_id.and_then(|id| answer::placement_after(done, id)),
        proposals: answer::proposals(done),
        affected_decisions: affected.runs.iter().map(affected_decision).collect(),
        affected_until_seq: affected.until_seq,
        affected_truncated: affected.is_truncated,
    }
    .encode_to_vec()
}

fn entry_answer(entry: &Entry) -> pb::CorrectedEntry {
    pb::CorrectedEntry {
        entry_id: entry.entry_id.to_string(),
        state: answer::entry_state(entry.state).into(),
        municipality_number: entry.municipality_number.to_string(),
        registered_time: Some(answer::timestamp(entry.key.registered_time)),
        order_time: Some(answer::timestamp(entry.key.order_time)),
        strikes: entry.strikes,
        closed_by_mistake: entry.closed.as_ref().is_some_and(|closed| closed.mistake.is_some()),
        priority_by_correction: entry.priority_by_correction.is_some(),
    }
}

fn result(events: &[Event]) -> pb::CorrectionResult {
    let waits_first = |event: &Event| {
        let Event::EntryChanged { change, .. } = event else { return false };
        matches!(change, EntryChange::PriorityByCorrection { .. })
    };
    if events.iter().any(waits_first) {
        pb::CorrectionResult::PriorityByCorrection
    } else if *events == [Event::NothingToDo] {
        pb::CorrectionResult::NothingChanged
    } else {
        pb::CorrectionResult::Corrected
    }
}

/// The entry that took another one's turn over.
fn right_person(done: &Done<'_>) -> Option<EntryId> {
    let Command::Correct(Correct { correction: Correction::Person(person), .. }) = done.command
    else {
        return None;
    };
    answer::from_events(done, |event| {
        let Event::EntryChanged { entry, .. } = event else { return None };
        (entry.entry_id != person.entry_id).then_some(entry.entry_id)
    })
}

fn offer_of(done: &Done<'_>, subject: &Subject<'_>) -> Option<OfferId> {
    if let Subject::Offers(ids) = subject {
        return ids.first().copied();
    }
    answer::from_events(done, |event| {
        if let Event::OfferWithdrawn { offer_id } = event {
            Some(*offer_id)
        } else if let Event::OfferChanged { offer, .. } = event {
            Some(offer.offer_id)
        } else {
            None
        }
    })
}

fn placement_of(done: &Done<'_>, subject: &Subject<'_>) -> Option<PlacementId> {
    if let Subject::Placement(id) = subject {
        return Some(*id);
    }
    answer::from_events(done, |event| {
        let Event::PlacementChanged { placement, .. } = event else { return None };
        Some(placement.placement_id)
    })
}

fn affected_decision(run: &AffectedRun) -> pb::AffectedDecision {
    let ids = |entries: &[EntryId]| entries.iter().map(ToString::to_string).collect();
    pb::AffectedDecision {
        seq: run.seq,
        decision_time: Some(answer::timestamp(run.at)),
        served_entry_ids: ids(&run.served),
        would_have_served_entry_ids: ids(&run.would_have_served),
    }
}
