//! `ListMyWork`: what waits for a case worker.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use time::{Date, Duration};

use crate::{
    domain::{
        access::{Role, Target},
        allocation::Placement,
        calendar::{Timestamp, start_of_day_in_norway},
        ids::{AreaId, EntryId, LedgerId, MeasureCode},
        measure::MeasureRules,
        refusal::Refusal,
        registry::Registry,
        work::{
            WorkItem, WorkKey, WorkKind, WorkOf, of_entry, of_offer, of_placement, of_quotas,
            registered_before,
        },
    },
    error::Error,
    grpc::{Reader, answer, is_office, parse::adviser::WorkQuery, seen_by},
    proto::v1 as pb,
    store::{self, work::WorkFilter},
};

/// How many days ahead work is listed where nothing is asked for, as the proto says.
const DAYS_AHEAD: i64 = 30;

/// What waits for the caller, what is due first first. Each page looks at all that is open in
/// the area and keeps the rows of the page alone. That is a heavy read; one case worker's people
/// are found by an index, and are few.
pub(super) async fn list(
    reader: Reader,
    query: WorkQuery,
) -> Result<pb::ListMyWorkResponse, Error> {
    let (page, keys, county_id) = (&query.page, &reader.app.keys, &query.county_id);
    let after: Option<WorkKey> = page.after(keys)?;
    let adviser = query.adviser_ident.as_deref().map(|ident| keys.adviser_digests(ident));
    let _place = if adviser.is_none() { Some(reader.heavy_place().await?) } else { None };
    let (mut snapshot, registry) = reader.snapshot(None).await?;
    let area = Target { county_id: Some(county_id.clone()), ..Target::default() };
    if !is_office(&reader.actor) && !reader.permits(&area, &registry) {
        snapshot.rollback().await?;
        // What lies in no one ledger is written down beside the registry's.
        reader.record(&LedgerId::registry(), Vec::new(), false).await?;
        return Err(Refusal::PermissionDenied.into());
    }
    let now = reader.app.clock.now();
    let today = now.date_in_norway();
    let seen = seen_by(&reader.actor, &registry, reader.today());
    let filter = WorkFilter { county_id, seen: &seen, adviser: adviser.as_deref(), today };
    let heads = store::work::heads(&mut snapshot, county_id).await?;
    let last = query.due_by.unwrap_or_else(|| today.saturating_add(Duration::days(DAYS_AHEAD)));
    let mut work = Work {
        rules: rules(&registry, today, county_id, heads.iter().map(|(measure, _)| measure)),
        kind: query.kind,
        end: last.saturating_add(Duration::DAY),
        with_quotas: reader.actor.role == Role::County && adviser.is_none(),
        after,
        most: page.size.saturating_add(1),
        first: BTreeMap::new(),
    };
    work.read(&mut snapshot, &filter).await?;
    for measure in work.first.values().map(|(measure, _)| measure).collect::<BTreeSet<_>>() {
        let id = LedgerId { county_id: county_id.clone(), measure_code: measure.clone() };
        let items = work.first.values().take(page.size).filter(|(of, _)| of == measure);
        let entries = items.filter_map(|(_, item)| item.entry_id());
        reader.note_hosted_of(&mut snapshot, &registry, &id, entries).await?;
    }
    snapshot.rollback().await?;
    let ledger = |measure: &MeasureCode| LedgerId {
        county_id: county_id.clone(),
        measure_code: measure.clone(),
    };
    let found: Vec<(LedgerId, WorkItem)> =
        work.first.into_values().map(|(measure, item)| (ledger(&measure), item)).collect();
    let (items, next_page_token) =
        page.fill(keys, &found, |(_, item)| item.key(), |(id, item)| item_answer(id, item, now))?;
    record(&reader, found.get(..items.len()).unwrap_or_default()).await?;
    let revisions = heads.iter().map(|(measure, seq)| answer::revision(&ledger(measure), *seq));
    Ok(pb::ListMyWorkResponse { revisions: revisions.collect(), items, next_page_token })
}

/// The rules of an area's measure types; one the registry no longer has binds nobody.
fn rules<'a>(
    registry: &'a Registry,
    today: Date,
    county_id: &AreaId,
    measures: impl Iterator<Item = &'a MeasureCode>,
) -> BTreeMap<MeasureCode, &'a MeasureRules> {
    let of_one = |measure: &MeasureCode| {
        let id = LedgerId { county_id: county_id.clone(), measure_code: measure.clone() };
        registry.ledger_measure_on(&id, today).map(|known| (measure.clone(), &known.rules))
    };
    measures.filter_map(of_one).collect()
}

/// The first of what is due, as it is read.
struct Work<'a> {
    rules: BTreeMap<MeasureCode, &'a MeasureRules>,
    kind: Option<WorkKind>,
    /// Only what is due before this day.
    end: Date,
    /// Whether quotas are listed too: they are nobody's people, and a county's to look at.
    with_quotas: bool,
    after: Option<WorkKey>,
    /// How many are kept.
    most: usize,
    first: BTreeMap<WorkKey, (MeasureCode, WorkItem)>,
}

impl Work<'_> {
    async fn read(
        &mut self,
        connection: &mut PgConnection,
        filter: &WorkFilter<'_>,
    ) -> Result<(), Error> {
        if self.kind.is_none_or(WorkKind::is_of_offer) {
            let take = |measure, offer| {
                for item in of_offer(&offer) {
                    self.take(&measure, item);
                }
            };
            store::work::offers(connection, filter, take).await?;
        }
        if self.kind.is_none_or(WorkKind::is_of_placement) {
            self.read_placements(connection, filter).await?;
        }
        if self.kind.is_none_or(|kind| kind == WorkKind::ConfirmEntry) {
            self.read_entries(connection, filter).await?;
        }
        if self.with_quotas && self.kind.is_none_or(|kind| kind == WorkKind::ReviewQuota) {
            for (measure, quotas) in store::work::quotas(connection, filter.county_id).await? {
                for item in of_quotas(&measure, &quotas, filter.today) {
                    self.take(&measure, item);
                }
            }
        }
        Ok(())
    }

    async fn read_placements(
        &mut self,
        connection: &mut PgConnection,
        filter: &WorkFilter<'_>,
    ) -> Result<(), Error> {
        let closures = store::work::closures(connection, filter.county_id).await?;
        let unset = MeasureRules::default();
        let take = |measure: MeasureCode, placement: Placement| {
            let rules = self.rules.get(&measure).copied().unwrap_or(&unset);
            let closures = closures.get(&placement.place_group_id).map_or(&[][..], Vec::as_slice);
            for item in of_placement(&placement, rules, closures, filter.today) {
                self.take(&measure, item);
            }
        };
        store::work::placements(connection, filter, take).await?;
        Ok(())
    }

    async fn read_entries(
        &mut self,
        connection: &mut PgConnection,
        filter: &WorkFilter<'_>,
    ) -> Result<(), Error> {
        let asked: Vec<(MeasureCode, Timestamp)> = self
            .rules
            .iter()
            .filter_map(|(measure, rules)| {
                Some((measure.clone(), registered_before(rules, self.end)?))
            })
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let take = |measure: MeasureCode, entry| {
            let rules = self.rules.get(&measure).copied();
            let item = rules.and_then(|rules| of_entry(&entry, rules));
            if let Some(item) = item {
                self.take(&measure, item);
            }
        };
        store::work::entries(connection, filter, &asked, take).await?;
        Ok(())
    }

    /// Keeps an item that stands on this page, as far as is known yet.
    fn take(&mut self, measure: &MeasureCode, item: WorkItem) {
        let key = item.key();
        let is_wanted = self.kind.is_none_or(|kind| kind == item.kind)
            && item.due < start_of_day_in_norway(self.end)
            && self.after.as_ref().is_none_or(|after| key > *after);
        if is_wanted {
            self.first.insert(key, (measure.clone(), item));
            if self.first.len() > self.most {
                self.first.pop_last();
            }
        }
    }
}

/// Writes down whose work is shown, beside each ledger; where it is nobody's, that it was asked.
async fn record(reader: &Reader, shown: &[(LedgerId, WorkItem)]) -> Result<(), Error> {
    let mut entries: BTreeMap<LedgerId, BTreeSet<EntryId>> = BTreeMap::new();
    for (ledger, item) in shown {
        let Some(entry_id) = item.entry_id() else { continue };
        entries.entry(ledger.clone()).or_default().insert(entry_id);
    }
    if entries.is_empty() {
        return reader.record(&LedgerId::registry(), Vec::new(), true).await;
    }
    reader.record_each(entries).await
}

fn item_answer(ledger: &LedgerId, item: &WorkItem, now: Timestamp) -> pb::WorkItem {
    let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    pb::WorkItem {
        kind: kind_answer(item.kind).into(),
        ledger: Some(answer::ledger(ledger)),
        entry_id: id(item.entry_id().map(|id| id.0)),
        offer_id: id(item.offer_id.map(|id| id.0)),
        placement_id: id(item.placement_id.map(|id| id.0)),
        due_time: Some(answer::timestamp(item.due)),
        is_overdue: item.due <= now,
        municipality_number: match &item.of {
            WorkOf::Entry(_) => String::new(),
            WorkOf::Quota(_, number) => number.to_string(),
        },
    }
}

fn kind_answer(kind: WorkKind) -> pb::WorkKind {
    match kind {
        WorkKind::ConfirmProposal => pb::WorkKind::ConfirmProposal,
        WorkKind::AnswerOffer => pb::WorkKind::AnswerOffer,
        WorkKind::ResolveObjection => pb::WorkKind::ResolveObjection,
        WorkKind::StartPlacement => pb::WorkKind::StartPlacement,
        WorkKind::ConfirmEntry => pb::WorkKind::ConfirmEntry,
        WorkKind::ReviewPlacement => pb::WorkKind::ReviewPlacement,
        WorkKind::EndOfLeave => pb::WorkKind::EndOfLeave,
        WorkKind::Closure => pb::WorkKind::Closure,
        WorkKind::ReviewQuota => pb::WorkKind::ReviewQuota,
    }
}
