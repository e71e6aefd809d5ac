//! The waitlist service.

use std::sync::Arc;

use sqlx::PgConnection;
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Method, Target},
        authority::Viewer,
        calendar::start_of_day_in_norway,
        explanation::Position,
        ids::LedgerId,
        ledger::Ledger,
        refusal::Refusal,
        registry::Registry,
        waitlist::{Entry, EntryState, OrderKey, QueueKey},
    },
    error::Error,
    grpc::{
        Api, Reader, answer, area_of, entries, estimate, existing, explain, hidden, is_office,
        parse::{
            adviser, entry, join,
            transfer::transfer_entry,
            waitlist::{self as parse, EntriesQuery, PositionQuery, SummaryQuery},
        },
        people, require_ledger, seen_by, transfer, work,
    },
    proto::v1 as pb,
    proto::v1::{
        GetPositionRequest, GetPositionResponse, GetWaitlistEntryRequest, GetWaitlistEntryResponse,
        JoinWaitlistRequest, JoinWaitlistResponse, LeaveWaitlistRequest, LeaveWaitlistResponse,
        ListWaitlistEntriesRequest, ListWaitlistEntriesResponse, LookupPersonRequest,
        LookupPersonResponse, MunicipalityQueue, PlaceGroupQueue, QueueSummary,
        SummarizeQueuesRequest, SummarizeQueuesResponse, WaitlistEntry,
        waitlist_service_server::WaitlistService,
    },
    store::{
        self,
        queues::{PageFilter, QueueCounts},
    },
};

#[tonic::async_trait]
impl WaitlistService for Api {
    async fn join_waitlist(
        &self,
        r: Request<JoinWaitlistRequest>,
    ) -> Result<Response<JoinWaitlistResponse>, Status> {
        self.write(r, Method::JoinWaitlist, join::join_waitlist, answer::join_waitlist).await
    }

    async fn get_position(
        &self,
        r: Request<GetPositionRequest>,
    ) -> Result<Response<GetPositionResponse>, Status> {
        self.read(r, Method::GetPosition, parse::get_position, position).await
    }

    async fn list_waitlist_entries(
        &self,
        r: Request<ListWaitlistEntriesRequest>,
    ) -> Result<Response<ListWaitlistEntriesResponse>, Status> {
        self.read(r, Method::ListWaitlistEntries, parse::list_entries, entries).await
    }

    async fn summarize_queues(
        &self,
        r: Request<SummarizeQueuesRequest>,
    ) -> Result<Response<SummarizeQueuesResponse>, Status> {
        self.read(r, Method::SummarizeQueues, parse::summarize_queues, summary).await
    }

    async fn get_waitlist_entry(
        &self,
        r: Request<GetWaitlistEntryRequest>,
    ) -> Result<Response<GetWaitlistEntryResponse>, Status> {
        self.read_for(r, Method::GetWaitlistEntry, parse::get_entry, people::entry).await
    }

    async fn leave_waitlist(
        &self,
        r: Request<LeaveWaitlistRequest>,
    ) -> Result<Response<LeaveWaitlistResponse>, Status> {
        self.write(r, Method::LeaveWaitlist, parse::leave_waitlist, answer::leave_waitlist).await
    }

    async fn lookup_person(
        &self,
        r: Request<LookupPersonRequest>,
    ) -> Result<Response<LookupPersonResponse>, Status> {
        self.read_for(r, Method::LookupPerson, parse::lookup_person, people::lookup).await
    }

    async fn update_waitlist_entry(
        &self,
        r: Request<pb::UpdateWaitlistEntryRequest>,
    ) -> Result<Response<pb::UpdateWaitlistEntryResponse>, Status> {
        self.write(r, Method::UpdateWaitlistEntry, entry::update_entry, entries::update).await
    }

    async fn pause_entry(
        &self,
        r: Request<pb::PauseEntryRequest>,
    ) -> Result<Response<pb::PauseEntryResponse>, Status> {
        self.write(r, Method::PauseEntry, entry::pause_entry, entries::pause).await
    }

    async fn resume_entry(
        &self,
        r: Request<pb::ResumeEntryRequest>,
    ) -> Result<Response<pb::ResumeEntryResponse>, Status> {
        self.write(r, Method::ResumeEntry, entry::resume_entry, entries::resume).await
    }

    async fn confirm_entry(
        &self,
        r: Request<pb::ConfirmEntryRequest>,
    ) -> Result<Response<pb::ConfirmEntryResponse>, Status> {
        self.write(r, Method::ConfirmEntry, entry::confirm_entry, entries::confirm).await
    }

    async fn prioritize_entry(
        &self,
        r: Request<pb::PrioritizeEntryRequest>,
    ) -> Result<Response<pb::PrioritizeEntryResponse>, Status> {
        self.write(r, Method::PrioritizeEntry, entry::prioritize_entry, entries::prioritize).await
    }

    async fn transfer_entry(
        &self,
        r: Request<pb::TransferEntryRequest>,
    ) -> Result<Response<pb::TransferEntryResponse>, Status> {
        let method = Method::TransferEntry;
        self.write(r, method, transfer_entry, transfer::transfer_entry).await
    }

    async fn reassign_adviser(
        &self,
        r: Request<pb::ReassignAdviserRequest>,
    ) -> Result<Response<pb::ReassignAdviserResponse>, Status> {
        self.reassign(r).await
    }

    async fn batch_join_waitlist(
        &self,
        r: Request<pb::BatchJoinWaitlistRequest>,
    ) -> Result<Response<pb::BatchJoinWaitlistResponse>, Status> {
        self.write(r, Method::BatchJoinWaitlist, join::batch_join, entries::batch_join).await
    }

    async fn list_my_work(
        &self,
        r: Request<pb::ListMyWorkRequest>,
    ) -> Result<Response<pb::ListMyWorkResponse>, Status> {
        self.read(r, Method::ListMyWork, adviser::list_my_work, work::list).await
    }

    async fn estimate_wait(
        &self,
        r: Request<pb::EstimateWaitRequest>,
    ) -> Result<Response<pb::EstimateWaitResponse>, Status> {
        self.read(r, Method::EstimateWait, estimate::parse, estimate::estimate).await
    }

    async fn change_identity_number(
        &self,
        r: Request<pb::ChangeIdentityNumberRequest>,
    ) -> Result<Response<pb::ChangeIdentityNumberResponse>, Status> {
        self.renumber(r).await
    }
}

/// An entry that is not the caller's answers like one that is not there.
async fn position(reader: Reader, query: PositionQuery) -> Result<GetPositionResponse, Error> {
    let id = &query.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    require_ledger(id, &registry)?;
    let found = store::queues::find_entry(&mut snapshot, id, query.entry_id).await?;
    let visible = found.filter(|entry| reader.permits(&target(id, entry), &registry));
    let Some(entry) = visible else {
        snapshot.rollback().await?;
        reader.record(id, vec![query.entry_id], false).await?;
        let (what, id) = ("entry", query.entry_id.to_string());
        return Err(Refusal::NotFound { what, id }.into());
    };
    let seq = store::ledger::seq(&mut snapshot, id).await?.unwrap_or(0);
    let place = place_in_queue(&mut snapshot, id, &registry, &entry).await?;
    let texts = if query.with_explanation {
        let now = reader.app.clock.now();
        explain::position_texts(&mut snapshot, id, &registry, &entry, place, now).await?
    } else {
        Vec::new()
    };
    snapshot.rollback().await?;
    reader.require_another(id, &entry, &registry).await?;
    reader.record(id, vec![entry.entry_id], true).await?;
    Ok(GetPositionResponse {
        revisions: vec![answer::revision(id, seq)],
        state: answer::entry_state(entry.state).into(),
        position_in_area: place.map_or(0, |place| place.in_area),
        position_in_municipality: place.and_then(|place| place.in_municipality).unwrap_or(0),
        texts,
    })
}

/// How many stand before an entry; nothing for one that does not wait.
pub(super) async fn place_in_queue(
    snapshot: &mut PgConnection,
    id: &LedgerId,
    registry: &Registry,
    entry: &Entry,
) -> Result<Option<Position>, Error> {
    if entry.state != EntryState::Waiting {
        return Ok(None);
    }
    let before = store::queues::count_before(snapshot, id, None, entry.key).await?;
    let queue = registry
        .ledger_distribution(id)
        .map(|distribution| QueueKey::of_entry(distribution, entry))
        .filter(|queue| queue.municipality().is_some());
    let in_municipality = match queue {
        Some(queue) => {
            let own = store::queues::count_before(snapshot, id, Some(&queue), entry.key).await?;
            Some(own + 1)
        }
        None => None,
    };
    Ok(Some(Position { in_area: before + 1, in_municipality }))
}

/// A page of those the caller may see, in the order of the queue.
async fn entries(
    mut reader: Reader,
    query: EntriesQuery,
) -> Result<ListWaitlistEntriesResponse, Error> {
    let (id, page, keys) = (&query.ledger, &query.page, Arc::clone(&reader.app.keys));
    let keys = &*keys;
    let after: OrderKey = page.after(keys)?.unwrap_or(OrderKey::MIN);
    let (mut snapshot, registry) = reader.snapshot(Some((id, page.at_least_seq))).await?;
    require_ledger(id, &registry)?;
    if !is_office(&reader.actor) && !reader.permits(&area_of(id), &registry) {
        snapshot.rollback().await?;
        reader.record(id, Vec::new(), false).await?;
        return Err(Refusal::PermissionDenied.into());
    }
    let filter = page_filter(&reader, &query, &registry);
    let rows = page.rows_to_read();
    let found = store::queues::page(&mut snapshot, id, &filter, after, rows).await?;
    let seq = store::ledger::seq(&mut snapshot, id).await?.unwrap_or(0);
    snapshot.rollback().await?;
    let (entries, next_page_token) = reader.answering(&registry, |viewer| {
        page.fill(keys, &found, |entry| entry.key, |entry| entry_answer(entry, viewer))
    })?;
    let shown = || found.iter().take(entries.len());
    reader.note_hosted(shown().map(|entry| &entry.municipality_number), &registry);
    reader.record(id, shown().map(|entry| entry.entry_id).collect(), true).await?;
    let revisions = vec![answer::revision(id, seq)];
    Ok(ListWaitlistEntriesResponse { revisions, entries, next_page_token })
}

/// An office sees those of the municipalities it serves and those it follows up.
fn page_filter(reader: &Reader, query: &EntriesQuery, registry: &Registry) -> PageFilter {
    let state = match query.state {
        pb::EntryState::Unspecified | pb::EntryState::Waiting => "WAITING",
        pb::EntryState::Proposed => "PROPOSED",
        pb::EntryState::Offered => "OFFERED",
        pb::EntryState::Accepted => "ACCEPTED",
        pb::EntryState::Placed => "PLACED",
        pb::EntryState::Closed => "CLOSED",
        pb::EntryState::Paused => "PAUSED",
        pb::EntryState::CoolingDown => "COOLING_DOWN",
    };
    let (municipalities, office) = seen_by(&reader.actor, registry, reader.today())
        .office
        .map(|office| (office.municipalities, office.office_number))
        .unzip();
    PageFilter { state, municipalities, office, only_municipality: query.municipality.clone() }
}

/// An entry as something that may be reached for.
pub(super) fn target(ledger: &LedgerId, entry: &Entry) -> Target {
    Target {
        municipality_number: Some(entry.municipality_number.clone()),
        following_office_number: Some(entry.following_office_number.clone()),
        ..area_of(ledger)
    }
}

/// An entry, without who it is, and as far as the caller's employer may know.
pub(super) fn entry_answer(entry: &Entry, viewer: &Viewer<'_>) -> WaitlistEntry {
    WaitlistEntry {
        entry_id: entry.entry_id.to_string(),
        state: answer::entry_state(entry.state).into(),
        municipality_number: entry.municipality_number.to_string(),
        following_office_number: entry.following_office_number.to_string(),
        participation_percent: entry.participation_percent,
        preferred_place_group_ids: entry
            .preferred_place_groups
            .iter()
            .map(ToString::to_string)
            .collect(),
        work_fields: entry.work_fields.clone(),
        priority_class: entry.priority_class.as_ref().map(ToString::to_string).unwrap_or_default(),
        registered_time: Some(answer::timestamp(entry.key.registered_time)),
        order_time: Some(answer::timestamp(entry.key.order_time)),
        external_references: entry.external_references.iter().map(answer::reference).collect(),
        eligible_again_time: match entry.state {
            EntryState::Paused { until } => until.map(start_of_day_in_norway),
            EntryState::CoolingDown { until } => Some(until),
            EntryState::Waiting
            | EntryState::Proposed(_)
            | EntryState::Offered(_)
            | EntryState::Accepted(_)
            | EntryState::Placed(_)
            | EntryState::Closed => None,
        }
        .map(answer::timestamp),
        confirmed_time: entry.confirmed_time.map(answer::timestamp),
        wants_by_date: entry.wants_by.map(answer::date),
        programme: viewer.programme(entry).unwrap_or_default().to_owned(),
        on_behalf_of_municipality_number: entry
            .on_behalf_of
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        strikes: entry.strikes,
        closed_time: entry.closed.as_ref().map(|closed| answer::timestamp(closed.time)),
        moved_to_ledger: entry
            .closed
            .as_ref()
            .and_then(|closed| closed.moved_to.as_ref())
            .map(answer::ledger),
        imported: entry.imported.as_ref().map(existing::imported),
        reserving_since_time: entry.reserving_since.map(answer::timestamp),
        closed_by_mistake: entry.closed.as_ref().is_some_and(|closed| closed.mistake.is_some()),
        priority_by_correction: entry.priority_by_correction.is_some(),
        increase_of_placement_id: entry
            .increase_of
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        quota_municipality_number: entry
            .quota_municipality
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

/// Figures only: how many wait, never who, and of few others not even that.
async fn summary(reader: Reader, query: SummaryQuery) -> Result<SummarizeQueuesResponse, Error> {
    let one = query
        .measure_code
        .clone()
        .map(|measure_code| LedgerId { county_id: query.county_id.clone(), measure_code });
    let at_least = one.as_ref().map(|id| (id, query.at_least_seq));
    let (mut snapshot, registry) = reader.snapshot(at_least).await?;
    let area = Target { county_id: Some(query.county_id.clone()), ..Target::default() };
    reader.require(&area, &registry)?;
    if let Some(id) = &one {
        require_ledger(id, &registry)?;
    }
    let ids = match one {
        Some(id) => vec![id],
        None => store::ledger::list(&mut snapshot, Some(&query.county_id)).await?,
    };
    let mut answer = SummarizeQueuesResponse::default();
    for id in ids {
        let Some(ledger) = store::ledger::find(&mut snapshot, &id).await? else {
            answer.revisions.push(answer::revision(&id, 0));
            continue;
        };
        let counts = store::queues::counts(&mut snapshot, &id).await?;
        answer.revisions.push(answer::revision(&id, ledger.head().seq));
        let summary = queue_summary(&ledger, &counts);
        let of = (&ledger, &counts);
        let told = hidden::queue(&reader, &mut snapshot, &registry, of, summary).await?;
        answer.queues.push(told);
    }
    snapshot.rollback().await?;
    Ok(answer)
}

fn queue_summary(ledger: &Ledger, counts: &QueueCounts) -> QueueSummary {
    let municipalities = counts.municipalities.iter().map(|(number, n)| MunicipalityQueue {
        municipality_number: number.to_string(),
        persons_waiting: *n,
        hidden_fields: Vec::new(),
    });
    let place_groups = counts.place_groups.iter().filter_map(|(group_id, n)| {
        let group = ledger.place_group(*group_id)?;
        Some(PlaceGroupQueue {
            place_group_id: group_id.to_string(),
            organisation_number: group.organisation_number.to_string(),
            name: group.name.clone(),
            persons_waiting: *n,
            hidden_fields: Vec::new(),
        })
    });
    QueueSummary {
        ledger: Some(answer::ledger(ledger.id())),
        persons_waiting: counts.municipalities.iter().map(|(_, n)| n).sum(),
        municipalities: municipalities.collect(),
        place_groups: place_groups.collect(),
        persons_without_preference: counts.without_preference,
        earliest_registered_time: counts.earliest.map(answer::timestamp),
        increases: counts.increases,
        hidden_fields: Vec::new(),
    }
}
