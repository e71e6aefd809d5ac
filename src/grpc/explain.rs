//! Why somebody got, or did not get, a place: the log is folded up to the decision, the
//! decision made again, and told in figures and words.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::PgConnection;

use crate::{
    domain::{
        access::sees_small_counts,
        allocation::{Offer, OfferState, PassedOverReason},
        calendar::Timestamp,
        disclosure::{Disclosed, Told},
        event::{Event, Header, Payload},
        explanation::{
            Confirmation, Explanation, Language, Others, Outcome, Position, Row, SaidNos, explain,
            explain_position, gives_places, organisation_name, paragraphs, position_paragraphs,
        },
        ids::{EntryId, LedgerId, OfferId},
        ledger::Ledger,
        refusal::Refusal,
        registry::Registry,
        waitlist::Entry,
    },
    error::Error,
    grpc::{
        Reader, answer,
        parse::allocation::{Decision, ExplainQuery},
        require_ledger,
        waitlist::target,
    },
    proto::v1 as pb,
    replay::{Fold, Registries, ReplayError},
    store,
};

/// What is asked about, when the caller may ask.
struct Question {
    entry: Entry,
    /// The run's number in the log.
    seq: u64,
    /// The registry by which the caller may.
    registry: Arc<Registry>,
}

/// How many place groups with something free are named.
const FREE_PLACE_GROUPS_MAX: usize = 100;

/// Explains a decision. What is another's answers like what is not there, and every
/// question is written down.
pub(super) async fn decision(
    reader: Reader,
    query: ExplainQuery,
) -> Result<pb::ExplainDecisionResponse, Error> {
    let id = &query.ledger;
    let question = question(&reader, &query).await?;
    reader.require_another(id, &question.entry, &question.registry).await?;
    let place = reader.heavy_place().await?;
    let (mut snapshot, _) = reader.snapshot(None).await?;
    let seq = store::ledger::seq(&mut snapshot, id).await?.unwrap_or(0);
    let told = tell(&mut snapshot, id, &question, &reader).await;
    let offer = match &told {
        Ok(Explanation { proposal: Some((offer, _)), .. }) => {
            store::held::find_offer(&mut snapshot, id, offer.offer_id).await?
        }
        Ok(_) | Err(_) => None,
    };
    snapshot.rollback().await?;
    drop(place);
    reader.record(id, vec![question.entry.entry_id], true).await?;
    let explanation = told?;
    let counts = if sees_small_counts(reader.actor.role) {
        Counts::whole(&explanation)
    } else {
        Counts::hidden(&explanation)
    };
    Ok(pb::ExplainDecisionResponse {
        revisions: vec![answer::revision(id, seq)],
        explanation: Some(explanation_answer(&explanation, counts, offer.as_ref())),
        texts: texts(|language| paragraphs(&explanation, language)),
    })
}

/// Says in words where an entry stands, to who has been found to be allowed to know.
pub(super) async fn position_texts(
    snapshot: &mut PgConnection,
    id: &LedgerId,
    registry: &Registry,
    entry: &Entry,
    position: Option<Position>,
    now: Timestamp,
) -> Result<Vec<pb::ExplanationText>, Error> {
    let missing = || Error::Internal(format!("{id}: what {} holds is missing", entry.entry_id));
    let ledger = store::ledger::find(snapshot, id).await?.ok_or_else(missing)?;
    let mut held = store::held::of_entries(snapshot, id, &[entry.entry_id]).await?;
    let offers = held.offers.remove(&entry.entry_id).unwrap_or_default();
    let placements = held.placements.remove(&entry.entry_id).unwrap_or_default();
    let explanation =
        explain_position(&ledger, registry, entry, position, (&offers, &placements), now)
            .ok_or_else(missing)?;
    Ok(texts(|language| position_paragraphs(&explanation, language)))
}

pub(super) fn texts(paragraphs: impl Fn(Language) -> Vec<String>) -> Vec<pb::ExplanationText> {
    let text = |language: Language| pb::ExplanationText {
        language_code: language.code().to_owned(),
        paragraphs: paragraphs(language),
    };
    Language::ALL.map(text).into()
}

/// Finds what is asked about, and asks whether the caller may know of it.
async fn question(reader: &Reader, query: &ExplainQuery) -> Result<Question, Error> {
    let id = &query.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    require_ledger(id, &registry)?;
    let (what, name, entry_id, seq) = match query.decision {
        Decision::Offer(offer_id) => {
            let offer = store::held::find_offer(&mut snapshot, id, offer_id).await?;
            let (entry_id, seq) = offer.map(|o| (o.entry_id, o.proposed_seq)).unzip();
            ("offer", offer_id.to_string(), entry_id, seq)
        }
        Decision::Run { seq, entry_id } => {
            ("entry", entry_id.to_string(), Some(entry_id), Some(seq))
        }
    };
    let found = match entry_id {
        Some(entry_id) => store::queues::find_entry(&mut snapshot, id, entry_id).await?,
        None => None,
    };
    let visible = found.filter(|entry| reader.permits(&target(id, entry), &registry));
    let refused = match visible.zip(seq) {
        None => Refusal::NotFound { what, id: name },
        Some((entry, seq)) if is_explained(&mut snapshot, id, seq).await? => {
            snapshot.rollback().await?;
            return Ok(Question { entry, seq, registry });
        }
        Some((_, seq)) => Refusal::NotFound { what: "run", id: seq.to_string() },
    };
    snapshot.rollback().await?;
    reader.record(id, entry_id.into_iter().collect(), false).await?;
    Err(refused.into())
}

/// Whether a row gives places: a run, or what passes a place on or gives one out of turn.
async fn is_explained(
    connection: &mut PgConnection,
    id: &LedgerId,
    seq: u64,
) -> Result<bool, Error> {
    let rows = store::log::page(connection, id, seq.saturating_sub(1), 1).await?;
    let Some(row) = rows.first().filter(|row| row.seq == seq) else { return Ok(false) };
    let payload: Payload = serde_json::from_slice(&row.payload)
        .map_err(|_| Error::Internal(format!("{id} row {seq} cannot be read")))?;
    Ok(gives_places(&payload.events))
}

/// Folds the log up to the run, explains it, and folds on until a person has said something
/// to its proposal.
async fn tell(
    connection: &mut PgConnection,
    id: &LedgerId,
    question: &Question,
    reader: &Reader,
) -> Result<Explanation, Error> {
    let mut registries = Registries::default();
    let mut way = Way::new(connection, reader, &LedgerId::registry(), &mut registries);
    while way.next(&mut registries).await?.is_some() {}
    way.turn_to(id, &mut registries);
    let ends = || Error::Internal(format!("{id}: the log ends before row {}", question.seq));
    let mut said_nos = SaidNos::default();
    while way.fold.ledger().head().seq + 1 < question.seq {
        let (header, payload) = way.next(&mut registries).await?.ok_or_else(ends)?;
        let entry_id = question.entry.entry_id;
        said_nos.note(way.fold.ledger(), entry_id, &payload.events, header.at);
    }
    let before = way.fold.ledger().clone();
    let (header, payload) = way.next(&mut registries).await?.ok_or_else(ends)?;
    let row = (&header, &payload);
    let mut explanation = explain_row(&before, row, &mut registries, &question.entry, &said_nos)?;
    if let Some((offer, _)) = &explanation.proposal {
        explanation.confirmation = way.confirmation(&mut registries, offer.offer_id).await?;
    }
    Ok(explanation)
}

fn explain_row(
    before: &Ledger,
    (header, payload): (&Header, &Payload),
    registries: &mut Registries,
    entry: &Entry,
    said_nos: &SaidNos,
) -> Result<Explanation, Error> {
    let registry = registries.at(header.registry_version).unwrap_or_default();
    let (command, events) = (&payload.command, payload.events.as_slice());
    let row = Row { header, command, events, registry: &registry };
    explain(before, &row, entry, said_nos).map_err(|stop| Error::Internal(format!("{stop:?}")))
}

/// A fold on its way, as long as somebody waits for it.
pub(super) struct Way<'a> {
    connection: &'a mut PgConnection,
    fold: Fold,
    reader: &'a Reader,
}

impl<'a> Way<'a> {
    /// Before the first row of a ledger.
    pub(super) fn new(
        connection: &'a mut PgConnection,
        reader: &'a Reader,
        id: &LedgerId,
        registries: &mut Registries,
    ) -> Self {
        Self { connection, fold: Fold::new(id, registries), reader }
    }

    /// Before the first row of another ledger.
    pub(super) fn turn_to(&mut self, id: &LedgerId, registries: &mut Registries) {
        self.fold = Fold::new(id, registries);
    }

    /// The ledger as of the last row.
    pub(super) fn ledger(&self) -> &Ledger {
        self.fold.ledger()
    }

    /// Whether a run is made in the next row.
    pub(super) async fn run_is_next(&mut self) -> Result<bool, Error> {
        let found = self.fold.run_is_next(self.connection).await;
        found.map_err(|error| wrong_log(self.fold.ledger().id(), error))
    }

    /// The next row. It stops between rows and not within one: what is dropped half-way
    /// would leave the connection in the middle of an answer.
    pub(super) async fn next(
        &mut self,
        registries: &mut Registries,
    ) -> Result<Option<(Header, Payload)>, Error> {
        // A row takes a while, and others wait for their turn on this thread.
        tokio::task::yield_now().await;
        if !self.reader.is_awaited() {
            return Err(Error::DeadlineExceeded);
        }
        let next = self.fold.next(self.connection, registries).await;
        next.map_err(|error| wrong_log(self.fold.ledger().id(), error))
    }

    /// Reads on for as long as the proposal waits: to its confirmation, its end, or the end
    /// of the log.
    async fn confirmation(
        &mut self,
        registries: &mut Registries,
        id: OfferId,
    ) -> Result<Confirmation, Error> {
        loop {
            let offer = self.fold.ledger().offer(id);
            if !offer.is_some_and(|o| matches!(o.state, OfferState::Proposed { .. })) {
                return Ok(Confirmation::without(offer));
            }
            let Some((header, payload)) = self.next(registries).await? else {
                return Ok(Confirmation::Waits);
            };
            let confirms = |event: &Event| matches!(event, Event::ProposalConfirmed { offer_id, .. } if *offer_id == id);
            if payload.events.iter().any(confirms) {
                let (at, organisation) = (header.at, header.actor.organisation);
                let registry = registries.at(header.registry_version).unwrap_or_default();
                let organisation_name = organisation_name(&organisation, &registry);
                return Ok(Confirmation::Confirmed { at, organisation, organisation_name });
            }
        }
    }
}

fn wrong_log(id: &LedgerId, error: ReplayError) -> Error {
    match error {
        ReplayError::Database(error) => error.into(),
        wrong @ ReplayError::Wrong { .. } => Error::Internal(format!("{id}: {wrong}")),
    }
}

/// How many were served and passed over, as one caller may be told.
struct Counts {
    served: Option<u64>,
    passed_over: BTreeMap<PassedOverReason, u64>,
    passed_over_total: Option<u64>,
    reasons_hidden: bool,
}

impl Counts {
    /// To who sees everybody.
    fn whole(e: &Explanation) -> Self {
        Self {
            served: Some(u64::try_from(e.served).unwrap_or(u64::MAX)),
            passed_over: e.passed_over_counts.clone(),
            passed_over_total: Some(e.passed_over_counts.values().sum()),
            reasons_hidden: false,
        }
    }

    /// To who sees this entry: how few others there were is not told, and the entry itself
    /// is counted with them where they are.
    fn hidden(e: &Explanation) -> Self {
        let Others { served, passed_over } = e.others();
        let Disclosed { total, mut by_kind, is_hidden } = passed_over;
        let own = if let Outcome::PassedOver(reason) = e.outcome { Some(reason) } else { None };
        if let Some(own) = own {
            if let Some(count) = by_kind.get_mut(&own) {
                *count += 1;
            } else if !is_hidden {
                by_kind.insert(own, 1);
            }
        }
        let exactly = |told, own: bool| match told {
            Told::Exactly(others) => Some(others + u64::from(own)),
            Told::Few => None,
        };
        Self {
            served: exactly(served, e.outcome == Outcome::PlaceProposed),
            passed_over: by_kind,
            passed_over_total: exactly(total, own.is_some()),
            reasons_hidden: is_hidden,
        }
    }
}

fn explanation_answer(
    e: &Explanation,
    counts: Counts,
    offer: Option<&Offer>,
) -> pb::DecisionExplanation {
    let (outcome, reason) = match e.outcome {
        Outcome::PlaceProposed => (pb::DecisionOutcome::PlaceProposed, None),
        Outcome::PassedOver(reason) => (pb::DecisionOutcome::PassedOver, Some(reason)),
        Outcome::NotReached(_) => (pb::DecisionOutcome::NotReached, None),
        Outcome::NotEligible(_) => (pb::DecisionOutcome::NotEligible, None),
        Outcome::OutOfTurn(_) => (pb::DecisionOutcome::OutOfTurn, None),
    };
    let reason = reason.map_or(pb::PassedOverReason::Unspecified, answer::passed_over_reason);
    let (confirmed, organisation) = match &e.confirmation {
        Confirmation::Confirmed { at, organisation, .. } => (Some(*at), organisation.clone()),
        Confirmation::NothingProposed
        | Confirmation::Waits
        | Confirmation::Lapsed
        | Confirmation::Withdrawn => (None, String::new()),
    };
    let standing = &e.standing;
    let position = standing.position;
    pb::DecisionExplanation {
        ledger: Some(answer::ledger(&e.ledger)),
        seq: e.seq,
        decision_time: Some(answer::timestamp(e.decision_time)),
        rules_version: e.rules_version,
        registry_version: e.registry_version,
        // It was: otherwise there would be no answer.
        recomputed: true,
        entry_id: EntryId::to_string(&e.entry_id),
        outcome: outcome.into(),
        passed_over_reason: reason.into(),
        position_in_area: position.map_or(0, |position| position.in_area),
        position_in_municipality: position.and_then(|p| p.in_municipality).unwrap_or(0),
        registered_time: Some(answer::timestamp(standing.key.registered_time)),
        order_time: Some(answer::timestamp(standing.key.order_time)),
        priority_class: standing
            .priority_class
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        municipality_number: standing
            .municipality
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        free_second_account_percent: standing.free.second_account_percent,
        free_place_groups: free_place_groups(e),
        served: u32::try_from(counts.served.unwrap_or(0)).unwrap_or(u32::MAX),
        served_hidden: counts.served.is_none(),
        passed_over_counts: passed_over_counts(counts.passed_over),
        passed_over_counts_hidden: counts.reasons_hidden,
        passed_over_total: counts.passed_over_total.unwrap_or(0),
        passed_over_total_hidden: counts.passed_over_total.is_none(),
        run_end: answer::run_end(e.run_end).into(),
        offer: offer.map(answer::offer),
        confirmed_time: confirmed.map(answer::timestamp),
        confirmed_by_organisation: organisation,
        shadow_verdict: answer::shadow_verdict(e.by_rules.map(|by_rules| by_rules.verdict)).into(),
        measure_version: e.measure_version.as_ref().map(|version| pb::MeasureVersion {
            valid_from_date: version.valid_from.map(answer::date),
            source: version.source.clone().unwrap_or_default(),
        }),
    }
}

fn free_place_groups(e: &Explanation) -> Vec<pb::FreePlaceGroup> {
    let groups = e.standing.free.place_groups.iter().take(FREE_PLACE_GROUPS_MAX);
    let answer = groups.map(|group| pb::FreePlaceGroup {
        place_group_id: group.place_group_id.to_string(),
        name: group.site.name.clone(),
        free_percent: group.free_percent,
        provider_name: group.site.provider_name.clone().unwrap_or_default(),
        would_take: group.would_take,
    });
    answer.collect()
}

fn passed_over_counts(counts: BTreeMap<PassedOverReason, u64>) -> Vec<pb::PassedOverCount> {
    let counts = counts.into_iter().map(|(reason, count)| pb::PassedOverCount {
        reason: answer::passed_over_reason(reason).into(),
        count,
    });
    counts.collect()
}
