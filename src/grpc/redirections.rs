//! `ExplainRedirection`: why the places of a row went where the active plan sent them. The log is
//! folded up to the row, the decision made again, and told in figures and words.

use crate::{
    domain::{
        apportionment,
        event::{Event, Header, Payload},
        explanation::{
            RedirectionExplanation, RedirectionStep, divisor, explain_redirections,
            redirection_paragraphs,
        },
        ids::{LedgerId, MunicipalityNumber},
        plan::{ChangeCause, Holder, PlanChange, Priority, Redirected},
        redistribution::Ground,
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    grpc::{
        Reader, answer, area_of,
        explain::{Way, texts},
        parse::progress::RedirectionQuery,
        plans::whole,
        require_ledger,
    },
    proto::v1 as pb,
    replay::Registries,
    store,
};

/// Explains the redirections of a row. That a placement ended is not told, nor whose: a place
/// became free.
pub(super) async fn redirection(
    reader: Reader,
    query: RedirectionQuery,
) -> Result<pb::ExplainRedirectionResponse, Error> {
    let id = &query.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    require_ledger(id, &registry)?;
    let missing = || Refusal::NotFound { what: "redirection", id: query.seq.to_string() };
    let seq = store::ledger::seq(&mut snapshot, id).await?.unwrap_or(0);
    let rows = store::log::page(&mut snapshot, id, query.seq - 1, 1).await?;
    let row = rows.first().filter(|row| row.seq == query.seq).ok_or_else(missing)?;
    let wrong = |_| Error::Internal(format!("{id} row {} cannot be read", query.seq));
    let payload: Payload = serde_json::from_slice(&row.payload).map_err(wrong)?;
    let is_told =
        |event: &Event| matches!(event, Event::Redirected { .. } | Event::PlanAimed { .. });
    if !payload.events.iter().any(is_told) {
        return Err(missing().into());
    }
    // Whoever waits for a place holds no connection.
    snapshot.rollback().await?;
    let place = reader.heavy_place().await?;
    let (mut snapshot, _) = reader.snapshot(None).await?;
    let mut registries = Registries::default();
    let (before, header, payload) = {
        let mut way = Way::new(&mut snapshot, &reader, &LedgerId::registry(), &mut registries);
        while way.next(&mut registries).await?.is_some() {}
        way.turn_to(id, &mut registries);
        let ends = || Error::Internal(format!("{id}: the log ends before row {}", query.seq));
        while way.ledger().head().seq + 1 < query.seq {
            way.next(&mut registries).await?.ok_or_else(ends)?;
        }
        let before = way.ledger().clone();
        let (header, payload) = way.next(&mut registries).await?.ok_or_else(ends)?;
        (before, header, payload)
    };
    snapshot.rollback().await?;
    drop(place);
    let then = registries.at(header.registry_version).unwrap_or_default();
    let told = explain_redirections(&before, &payload.events, &then, header.at);
    let told = told.ok_or_else(missing)?;
    let revisions = vec![answer::revision(id, seq)];
    Ok(pb::ExplainRedirectionResponse { revisions, ..explanation(&told, &header, &then) })
}

fn explanation(
    told: &RedirectionExplanation,
    header: &Header,
    registry: &Registry,
) -> pb::ExplainRedirectionResponse {
    let scene = Scene { method: told.method, registry };
    pb::ExplainRedirectionResponse {
        revisions: Vec::new(),
        seq: header.seq,
        decision_time: Some(answer::timestamp(header.at)),
        rules_version: header.rules_version,
        registry_version: header.registry_version,
        // It was: otherwise there would be no answer.
        recomputed: true,
        plan_id: told.plan_id.to_string(),
        plan_name: told.plan_name.clone(),
        method: super::plans::method(told.method).into(),
        redirections: told.steps.iter().map(|step| scene.step(step)).collect(),
        changes: told.changes.iter().map(change).collect(),
        plan_completed: told.completed,
        texts: texts(|language| redirection_paragraphs(told, registry, language)),
    }
}

/// What redirections are told by.
struct Scene<'a> {
    method: apportionment::Method,
    registry: &'a Registry,
}

impl Scene<'_> {
    fn step(&self, step: &RedirectionStep) -> pb::RedirectionExplanation {
        let Redirected { from_municipality, to_municipality, .. } = &step.redirected;
        let (held, target) = step.from.unwrap_or_default();
        let number = |of: &Option<MunicipalityNumber>| {
            of.as_ref().map(ToString::to_string).unwrap_or_default()
        };
        let name = |of: &Option<MunicipalityNumber>| {
            of.as_ref().map(|number| self.name(number)).unwrap_or_default()
        };
        pb::RedirectionExplanation {
            from_municipality_number: number(from_municipality),
            from_municipality_name: name(from_municipality),
            to_municipality_number: number(to_municipality),
            to_municipality_name: name(to_municipality),
            ground: ground(step.redirected.ground).into(),
            claim: step.redirected.claim.as_ref().map(|claim| self.claim(claim)),
            runner_up: step.redirected.runner_up.as_ref().map(|claim| self.claim(claim)),
            from_held_places: whole(held),
            from_target_places: whole(target),
            remaining_places: whole(step.redirected.remaining),
            may_give_places: step.redirected.may_give.map(whole),
            may_move_places: step.redirected.may_move.map(whole),
            at_maximum: step.at_maximum.iter().map(|holder| self.at_maximum(holder)).collect(),
            stood_free: step.redirected.stood_free,
        }
    }

    fn claim(&self, claim: &Priority) -> pb::RedirectionClaim {
        let divisor = divisor(self.method, claim.held);
        pb::RedirectionClaim {
            municipality_number: claim.municipality_number.to_string(),
            municipality_name: self.name(&claim.municipality_number),
            weight: claim.weight,
            divisor_numerator: divisor.map_or(0, |divisor| divisor.numerator),
            divisor_denominator: divisor.map_or(1, |divisor| divisor.denominator),
            divisor_is_squared: divisor.is_some_and(|divisor| divisor.is_squared),
            held_places: whole(claim.held),
            target_places: whole(claim.target),
        }
    }

    fn at_maximum(&self, holder: &Holder) -> pb::AtMaximum {
        pb::AtMaximum {
            municipality_number: holder.municipality_number.to_string(),
            municipality_name: self.name(&holder.municipality_number),
            maximum_places: whole(holder.maximum.unwrap_or(0)),
        }
    }

    fn name(&self, number: &MunicipalityNumber) -> String {
        self.registry.municipality(number).map(|m| m.name.clone()).unwrap_or_default()
    }
}

/// A change under way that the log tells of.
pub(super) fn change(change: &PlanChange) -> pb::PlanChange {
    pb::PlanChange {
        date: Some(answer::date(change.date)),
        causes: change.causes.iter().map(|one| cause(*one).into()).collect(),
        key_date: change.key_date.map(answer::date),
        place_budget: change.places,
        remaining_places: whole(change.remaining),
        is_pending: false,
    }
}

fn cause(cause: ChangeCause) -> pb::PlanChangeCause {
    match cause {
        ChangeCause::Budget => pb::PlanChangeCause::Budget,
        ChangeCause::Key => pb::PlanChangeCause::Key,
        ChangeCause::Borders => pb::PlanChangeCause::Borders,
        ChangeCause::Quotas => pb::PlanChangeCause::Quotas,
    }
}

pub(super) fn ground(ground: Ground) -> pb::RedirectionGround {
    match ground {
        Ground::Protected => pb::RedirectionGround::Protected,
        Ground::AreaCap => pb::RedirectionGround::AreaCap,
        Ground::PlanCap => pb::RedirectionGround::PlanCap,
        Ground::GreatestClaim => pb::RedirectionGround::GreatestClaim,
        Ground::NobodyMay => pb::RedirectionGround::NobodyMay,
        Ground::Bound => pb::RedirectionGround::Bound,
    }
}
