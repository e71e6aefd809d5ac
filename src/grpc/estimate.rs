//! `EstimateWait`: how long somebody probably has to wait, what that is told from, and how
//! often such estimates were right.

use sqlx::{PgConnection, Postgres, Transaction};

use crate::{
    domain::{
        access::Target,
        calendar::Timestamp,
        event::RULES_VERSION,
        explanation::{Language, WaitExplanation, no_wait_summary, wait_paragraphs, wait_summary},
        ids::{EntryId, LedgerId},
        ledger::{Context, Head, Ledger, Newcomer, key_of_newcomer},
        measure::Distribution,
        refusal::Refusal,
        registry::Registry,
        wait::{Estimate, Forecast},
        waitlist::{Entry, QueueKey},
    },
    error::Error,
    grpc::{
        Reader, answer, area_of, explain, hidden,
        parse::Violations,
        require_ledger,
        waitlist::{place_in_queue, target},
    },
    proto::v1 as pb,
    proto::v1::{
        EstimateWaitRequest, EstimateWaitResponse, WaitCoverage, WaitEstimate, WaitEvidence,
        estimate_wait_request::Who as PbWho,
    },
    store::{self, waits::QueueHistory},
};

/// What `EstimateWait` asks for.
pub(super) struct EstimateQuery {
    ledger: LedgerId,
    who: Who,
    language: Language,
    at_least_seq: u64,
}

enum Who {
    Entry(EntryId),
    New(Newcomer),
}

pub(super) fn parse(r: &EstimateWaitRequest) -> Result<EstimateQuery, Error> {
    let mut v = Violations::default();
    let ledger = v.ledger(r.ledger.as_ref());
    let who = match &r.who {
        Some(PbWho::EntryId(id)) => v.uuid("entry_id", id).map(|id| Who::Entry(EntryId(id))),
        Some(PbWho::PositionOfNew(new)) => newcomer(&mut v, new).map(Who::New),
        None => {
            v.add("who", "is required: entry_id or position_of_new");
            None
        }
    };
    let language = v.optional_value("language_code", &r.language_code);
    let at_least_seq = r.at_least_seq;
    let parsed = (|| {
        let language = language?.unwrap_or_default();
        Some(EstimateQuery { ledger: ledger?, who: who?, language, at_least_seq })
    })();
    v.finish(parsed)
}

fn newcomer(v: &mut Violations, r: &pb::PositionOfNew) -> Option<Newcomer> {
    let municipality = v.value("position_of_new.municipality_number", &r.municipality_number);
    let class = v.optional_value("position_of_new.priority_class", &r.priority_class);
    let percent = match r.participation_percent {
        0 => Some(100),
        percent => v.within("position_of_new.participation_percent", percent, 1, 100),
    };
    Some(Newcomer {
        municipality_number: municipality?,
        priority_class: class?,
        participation_percent: percent?,
    })
}

/// A read of all who have waited in a ledger, so it takes a place among the heavy ones.
pub(super) async fn estimate(
    reader: Reader,
    query: EstimateQuery,
) -> Result<EstimateWaitResponse, Error> {
    let id = &query.ledger;
    let _place = reader.heavy_place().await?;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    require_ledger(id, &registry)?;
    let none = || Refusal::LedgerNotFound(id.clone());
    let distribution = registry.ledger_distribution(id).ok_or_else(none)?;
    let found = store::ledger::find(&mut snapshot, id).await?;
    let ledger = found.unwrap_or_else(|| Ledger::new(id.clone(), distribution, Head::EMPTY));
    // The ledger's own time may be ahead by as much as its rows came fast.
    let at = reader.app.clock.now().max(ledger.head().at);
    let scene = Scene { ledger, distribution, at, language: query.language };
    match query.who {
        Who::Entry(entry_id) => of_entry(&reader, snapshot, &registry, scene, entry_id).await,
        Who::New(newcomer) => of_newcomer(&reader, snapshot, &registry, scene, &newcomer).await,
    }
}

/// What both questions are asked of.
struct Scene {
    ledger: Ledger,
    distribution: Distribution,
    at: Timestamp,
    language: Language,
}

/// An entry that is not the caller's answers like one that is not there.
async fn of_entry(
    reader: &Reader,
    mut snapshot: Transaction<'static, Postgres>,
    registry: &Registry,
    scene: Scene,
    entry_id: EntryId,
) -> Result<EstimateWaitResponse, Error> {
    let id = scene.ledger.id().clone();
    let found = store::queues::find_entry(&mut snapshot, &id, entry_id).await?;
    let visible = found.filter(|entry| reader.permits(&target(&id, entry), registry));
    let Some(entry) = visible else {
        snapshot.rollback().await?;
        reader.record(&id, vec![entry_id], false).await?;
        let (what, id) = ("entry", entry_id.to_string());
        return Err(Refusal::NotFound { what, id }.into());
    };
    let answer = match place_in_queue(&mut snapshot, &id, registry, &entry).await? {
        Some(place) => {
            let place = place.in_municipality.unwrap_or(place.in_area);
            let queue = QueueKey::of_entry(scene.distribution, &entry);
            let asked = Asked { queue, place, is_new: false };
            let answer = waiting(reader, &mut snapshot, registry, &scene, asked).await?;
            EstimateWaitResponse { state: answer::entry_state(entry.state).into(), ..answer }
        }
        None => not_waiting(&mut snapshot, registry, &scene, &entry).await?,
    };
    snapshot.rollback().await?;
    reader.require_another(&id, &entry, registry).await?;
    reader.record(&id, vec![entry.entry_id], true).await?;
    Ok(answer)
}

/// Nobody is told of here, so nothing is written down.
async fn of_newcomer(
    reader: &Reader,
    mut snapshot: Transaction<'static, Postgres>,
    registry: &Registry,
    scene: Scene,
    newcomer: &Newcomer,
) -> Result<EstimateWaitResponse, Error> {
    let id = scene.ledger.id();
    let municipality_number = Some(newcomer.municipality_number.clone());
    reader.require(&Target { municipality_number, ..area_of(id) }, registry)?;
    let context = Context { at: scene.at, registry, actor: &reader.actor, rules: RULES_VERSION };
    let key = key_of_newcomer(&scene.ledger, newcomer, &context)?;
    let queue = context.queue_of_newcomer(&scene.ledger, &newcomer.municipality_number);
    let before = store::queues::count_before(&mut snapshot, id, Some(&queue), key).await?;
    let asked = Asked { queue, place: before + 1, is_new: true };
    let answer = waiting(reader, &mut snapshot, registry, &scene, asked).await?;
    snapshot.rollback().await?;
    Ok(answer)
}

/// A place in a queue.
struct Asked {
    queue: QueueKey,
    place: u64,
    is_new: bool,
}

async fn waiting(
    reader: &Reader,
    snapshot: &mut PgConnection,
    registry: &Registry,
    scene: &Scene,
    asked: Asked,
) -> Result<EstimateWaitResponse, Error> {
    let Asked { queue, place, is_new } = asked;
    let id = scene.ledger.id();
    let read = store::waits::history(snapshot, id, scene.distribution, &queue).await?;
    let (read, forecast) = forecast(read, place, scene.at).await?;
    let has_room = scene.ledger.account(&queue.account()).free() > 0;
    let sees_queue = hidden::sees_people_of(reader, registry, &queue.account());
    let e = WaitExplanation::of(id, registry, queue, is_new, forecast, scene.at);
    let e = WaitExplanation { has_room, ..e };
    let evidence = evidence_answer(&read, &forecast);
    let coverage = coverage_answer(&forecast);
    let (evidence, coverage) = if sees_queue {
        (evidence, coverage)
    } else {
        let threshold = reader.app.threshold;
        let coverage = hidden::coverage(coverage, evidence.starts, threshold);
        (hidden::evidence(evidence, threshold), coverage)
    };
    Ok(EstimateWaitResponse {
        revisions: vec![answer::revision(id, scene.ledger.head().seq)],
        state: pb::EntryState::Unspecified.into(),
        position: place,
        estimate: Some(estimate_answer(&forecast.estimate)),
        evidence: Some(evidence),
        coverage: Some(coverage),
        summary: wait_summary(&e, scene.language),
        texts: explain::texts(|language| wait_paragraphs(&e, language)),
    })
}

/// Where it may take its time without holding others up. What has just happened counts.
async fn forecast(
    read: QueueHistory,
    place: u64,
    at: Timestamp,
) -> Result<(QueueHistory, Forecast), Error> {
    let computed = tokio::task::spawn_blocking(move || {
        let forecast = read.history.forecast(place, at.next());
        (read, forecast)
    });
    computed.await.map_err(|_| Error::Internal("a panic".to_owned()))
}

/// Without a place there is no wait to tell of: the words are those of the position.
async fn not_waiting(
    snapshot: &mut PgConnection,
    registry: &Registry,
    scene: &Scene,
    entry: &Entry,
) -> Result<EstimateWaitResponse, Error> {
    let id = scene.ledger.id();
    let texts = explain::position_texts(snapshot, id, registry, entry, None, scene.at).await?;
    Ok(EstimateWaitResponse {
        revisions: vec![answer::revision(id, scene.ledger.head().seq)],
        state: answer::entry_state(entry.state).into(),
        summary: no_wait_summary(entry.state, scene.language).unwrap_or_default(),
        texts,
        ..EstimateWaitResponse::default()
    })
}

fn estimate_answer(estimate: &Estimate) -> WaitEstimate {
    match estimate {
        Estimate::AtLeast { days } => {
            WaitEstimate { p10_days: *days, lower_only: true, ..WaitEstimate::default() }
        }
        Estimate::Band(band) => WaitEstimate {
            p10_days: band.p10_days,
            p50_days: band.p50_days,
            p90_days: band.p90_days,
            lower_only: false,
        },
    }
}

fn evidence_answer(read: &QueueHistory, forecast: &Forecast) -> WaitEvidence {
    let Forecast { window, evidence, .. } = forecast;
    WaitEvidence {
        window_from_time: Some(answer::timestamp(window.from)),
        window_to_time: Some(answer::timestamp(window.until)),
        starts: evidence.starts,
        departures: evidence.departures,
        window_days: evidence.window_days,
        waiting_days: evidence.waiting_days,
        entries_left_out: read.left_out,
        is_shortened: read.is_shortened,
        hidden_fields: Vec::new(),
    }
}

fn coverage_answer(forecast: &Forecast) -> WaitCoverage {
    WaitCoverage {
        covered: forecast.coverage.covered,
        measured: forecast.coverage.measured,
        without_band: forecast.coverage.without_band,
        hidden_fields: Vec::new(),
    }
}
