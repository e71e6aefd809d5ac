//! Places become free, and the queue moves.

use std::collections::BTreeMap;

use crate::{
    cli::{
        Failure,
        demo::{
            capacity::PRIMA,
            page::say,
            people::{Joined, at_prima},
            stage::{
                Caller, Stage, date_of, last_day, ledger, missing, pb_date, places, refused,
                request_id, short, today, together,
            },
        },
    },
    domain::access::Role,
    proto::v1::{
        AllocatePlacesRequest, AllocatePlacesResponse, ConfirmProposalsRequest,
        EndPlacementRequest, EntryState, ExplainDecisionRequest, GetPositionRequest,
        GetPositionResponse, Offer, OfferAnswer, OfferState, Placement, PlacementOutcome,
        RespondToOfferRequest, RespondToOfferResponse, RunAndEntry, RunEnd, StartPlacementRequest,
        explain_decision_request,
    },
};

/// The measure type that this is about.
pub(super) const VTA: &str = "VTA";
/// How many places become free.
const VACANCIES: u32 = 8;
/// How many of the queue are shown.
const SHOWN: usize = 10;
/// What the eight placements led to.
const OUTCOMES: [PlacementOutcome; 8] = [
    PlacementOutcome::OrdinaryWork,
    PlacementOutcome::PermanentIncomeSecurity,
    PlacementOutcome::TemporaryIncomeSecurity,
    PlacementOutcome::Education,
    PlacementOutcome::PermanentIncomeSecurity,
    PlacementOutcome::SocialAssistance,
    PlacementOutcome::OrdinaryWork,
    PlacementOutcome::Other,
];

/// What is left open.
pub(super) struct Offered {
    /// The offers nobody has answered, in the order of the queue.
    pub(super) open: Vec<Offer>,
    /// The proposal to the next in the queue, which nobody has confirmed.
    pub(super) next: Offer,
}

/// Frees eight places and gives them to those first in the queue.
pub(super) async fn share_out(
    stage: &mut Stage,
    placements: &[Placement],
    waiting: &[Joined],
) -> Result<Offered, Failure> {
    stage.page.heading("Eight VTA places at Prima become free, and the queue moves");
    let group = prima_group(stage).await?;
    end_some(stage, &group, placements).await?;
    let queue: Vec<&Joined> = waiting.iter().filter(|one| one.measure_code == VTA).collect();
    let before = positions(stage, &queue).await?;
    let run = allocate(stage, VACANCIES).await?;
    let after = positions(stage, &queue).await?;
    show_queue(&queue, &before, &after);
    check_order(stage, &run, &queue, &before);
    let offers = confirm(stage, &run.proposals).await?;
    let [first, second, open @ ..] = offers.as_slice() else {
        return Err(missing("eight offers"));
    };
    accept_and_start(stage, first).await?;
    let answer = decline(stage, second).await?;
    let next = passed_on(stage, second, &answer, &queue, &before).await?;
    Ok(Offered { open: open.to_vec(), next })
}

pub(super) async fn prima_group(stage: &Stage) -> Result<String, Failure> {
    let answer = stage.availability(VTA, None).await?;
    let group = at_prima(&answer, VTA).ok_or_else(|| missing("Prima's VTA places"))?;
    Ok(group.place_group_id.clone())
}

pub(super) async fn free_at_prima(stage: &Stage) -> Result<String, Failure> {
    let answer = stage.availability(VTA, None).await?;
    let group = at_prima(&answer, VTA).ok_or_else(|| missing("Prima's VTA places"))?;
    Ok(places(group.usage.as_ref().map_or(0, |usage| usage.free_percent)))
}

/// Shows what comes of it when eight have left.
async fn end_some(stage: &mut Stage, group: &str, all: &[Placement]) -> Result<(), Failure> {
    let ended = end_eight(stage, group, all).await?;
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for placement in &ended {
        *outcomes
            .entry(words(placement.outcome().as_str_name(), "PLACEMENT_OUTCOME_"))
            .or_default() += 1;
    }
    let outcomes: Vec<String> = outcomes.iter().map(|(what, n)| format!("{what} {n}")).collect();
    let free = free_at_prima(stage).await?;
    stage.page.check("VTA at Prima: free after eight have left", &free, VACANCIES);
    say!("Prima reports {} ended placements (EndPlacement):", ended.len());
    for some in outcomes.chunks(3) {
        say!("  {}", some.join(", "));
    }
    say!("{free} places are free. AllocatePlaces for {VACANCIES} of them:");
    Ok(())
}

/// The provider itself reports who has left.
pub(super) async fn end_eight(
    stage: &Stage,
    group: &str,
    all: &[Placement],
) -> Result<Vec<Placement>, Failure> {
    let provider = stage.audit.provider(PRIMA)?;
    let prima = stage.desk.caller(Role::Provider, &provider, "prima-reporter")?;
    let here = all.iter().filter(|placement| placement.place_group_id == group);
    let calls = here.zip(OUTCOMES).map(|(placement, outcome)| {
        let request = EndPlacementRequest {
            request_id: request_id(),
            ledger: ledger(VTA),
            placement_id: placement.placement_id.clone(),
            end_date: Some(pb_date(today())),
            outcome: outcome.into(),
            ..EndPlacementRequest::default()
        };
        let prima = &prima;
        async move {
            let answer = prima.allocation().end_placement(request).await;
            let answer = answer.map_err(refused("EndPlacement"))?.into_inner();
            answer.placement.ok_or_else(|| missing("the placement"))
        }
    });
    together(calls).await
}

/// Where each of the queue stands.
pub(super) async fn positions(
    stage: &Stage,
    queue: &[&Joined],
) -> Result<Vec<GetPositionResponse>, Failure> {
    together(queue.iter().map(|one| position(stage, &one.entry_id))).await
}

async fn position(stage: &Stage, entry_id: &str) -> Result<GetPositionResponse, Failure> {
    let request = GetPositionRequest {
        ledger: ledger(VTA),
        entry_id: entry_id.to_owned(),
        at_least_seq: 0,
        ..GetPositionRequest::default()
    };
    let answer = stage.county.waitlist().get_position(request).await;
    Ok(answer.map_err(refused("GetPosition"))?.into_inner())
}

pub(super) async fn allocate(
    stage: &Stage,
    max_proposals: u32,
) -> Result<AllocatePlacesResponse, Failure> {
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: ledger(VTA),
        max_proposals,
        ..AllocatePlacesRequest::default()
    };
    let answer = stage.county.allocation().allocate_places(request).await;
    Ok(answer.map_err(refused("AllocatePlaces"))?.into_inner())
}

fn show_queue(queue: &[&Joined], before: &[GetPositionResponse], after: &[GetPositionResponse]) {
    say!();
    say!("{:<14} {:<12} {:>16}   {}", "entry", "registered", "position before", "after the run");
    for ((one, before), after) in queue.iter().zip(before).zip(after).take(SHOWN) {
        let entry = short(&one.entry_id);
        let (registered, position) =
            (date_of(one.registered_time), before.position_in_municipality);
        let now = match after.state() {
            EntryState::Waiting => format!("position {}", after.position_in_municipality),
            other @ (EntryState::Unspecified
            | EntryState::Proposed
            | EntryState::Offered
            | EntryState::Accepted
            | EntryState::Placed
            | EntryState::Closed
            | EntryState::Paused
            | EntryState::CoolingDown) => words(other.as_str_name(), "ENTRY_STATE_"),
        };
        say!("{entry:<14} {registered:<12} {position:>16}   {now}");
    }
    let others = queue.len().saturating_sub(SHOWN);
    say!("… and {others} more");
    say!();
}

/// The proposals are those of the first in the queue, in its order.
fn check_order(
    stage: &mut Stage,
    run: &AllocatePlacesResponse,
    queue: &[&Joined],
    before: &[GetPositionResponse],
) {
    let position_of = |entry_id: &str| {
        let found = queue.iter().zip(before).find(|(one, _)| one.entry_id == entry_id);
        found.map_or(0, |(_, position)| position.position_in_municipality)
    };
    let served: Vec<String> =
        run.proposals.iter().map(|p| position_of(&p.entry_id).to_string()).collect();
    let served = served.join(" ");
    let expected: Vec<String> = (1..=VACANCIES).map(|n| n.to_string()).collect();
    stage.page.check("VTA run: positions that were served", &served, expected.join(" "));
    let (count, end) = (run.proposals.len(), run_end(run));
    say!("{count} proposals (forslag) to positions {served}; run end {end}.");
}

/// A program has proposed; a named person decides.
async fn confirm(stage: &Stage, proposals: &[Offer]) -> Result<Vec<Offer>, Failure> {
    let office = stage.audit.offices.first().ok_or_else(|| missing("an office"))?;
    let kari = worker(stage)?;
    let request = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: ledger(VTA),
        offer_ids: proposals.iter().map(|offer| offer.offer_id.clone()).collect(),
        ..ConfirmProposalsRequest::default()
    };
    let answer = kari.allocation().confirm_proposals(request).await;
    let offers = answer.map_err(refused("ConfirmProposals"))?.into_inner().offers;
    let offered = offers.iter().filter(|offer| offer.state() == OfferState::Offered).count();
    let last = last_day(offers.first().and_then(|offer| offer.answer_by_time));
    let name = &office.name;
    say!("A program proposes, a person decides: Kari Nordmann (made up) of {name} confirms.");
    say!("{offered} offers (tilbud), to be answered by the end of {last}.");
    Ok(offers)
}

pub(super) fn worker(stage: &Stage) -> Result<Caller, Failure> {
    let office = stage.audit.offices.first().ok_or_else(|| missing("an office"))?;
    stage.desk.caller(Role::Office, &office.number, "kari.nordmann")
}

async fn answered(
    stage: &Stage,
    offer: &Offer,
    answer: OfferAnswer,
    reason: &str,
) -> Result<RespondToOfferResponse, Failure> {
    let request = RespondToOfferRequest {
        request_id: request_id(),
        ledger: ledger(VTA),
        offer_id: offer.offer_id.clone(),
        answer: answer.into(),
        reason: reason.to_owned(),
        ..RespondToOfferRequest::default()
    };
    let answer = worker(stage)?.allocation().respond_to_offer(request).await;
    Ok(answer.map_err(refused("RespondToOffer"))?.into_inner())
}

async fn accept_and_start(stage: &mut Stage, offer: &Offer) -> Result<(), Failure> {
    let accepted = answered(stage, offer, OfferAnswer::Accept, "").await?;
    let accepted = accepted.offer.ok_or_else(|| missing("the offer"))?;
    let request = StartPlacementRequest {
        request_id: request_id(),
        ledger: ledger(VTA),
        offer_id: offer.offer_id.clone(),
        start_date: Some(pb_date(today())),
        ..StartPlacementRequest::default()
    };
    let started = worker(stage)?.allocation().start_placement(request).await;
    started.map_err(refused("StartPlacement"))?;
    let entry = short(&offer.entry_id).to_owned();
    let entry_state = position(stage, &offer.entry_id).await?.state();
    let (said, now) = (state_of(&accepted), words(entry_state.as_str_name(), "ENTRY_STATE_"));
    stage.page.check("VTA: who said yes and started is", &now, "placed");
    say!();
    say!("{entry} says yes (offer {said}) and starts today: the entry is {now}.");
    Ok(())
}

/// Who says no keeps the turn, and the place is passed on in the same step.
async fn decline(stage: &mut Stage, offer: &Offer) -> Result<RespondToOfferResponse, Failure> {
    let answer = answered(stage, offer, OfferAnswer::Decline, "Too far from home").await?;
    let said = answer.offer.as_ref().map(state_of).unwrap_or_default();
    let now = position(stage, &offer.entry_id).await?;
    let (free, position) = (free_at_prima(stage).await?, now.position_in_municipality);
    stage.page.check("VTA: who said no stands at", position, 1);
    stage.page.check("VTA at Prima: free after the no", &free, 0);
    let entry = short(&offer.entry_id);
    say!("{entry} says no (offer {said}), and keeps the turn, at position {position} of those");
    say!("who wait; {free} places are free, as the place is passed on in the same step.");
    Ok(answer)
}

/// Who said no to Prima and wants nothing else is passed over there, with a reason.
async fn passed_on(
    stage: &mut Stage,
    declined: &Offer,
    answer: &RespondToOfferResponse,
    queue: &[&Joined],
    before: &[GetPositionResponse],
) -> Result<Offer, Failure> {
    let [next] = answer.proposals.as_slice() else { return Err(missing("one proposal")) };
    let seq = answer.revision.as_ref().map_or(0, |revision| revision.seq);
    let run = RunAndEntry { seq, entry_id: declined.entry_id.clone() };
    let request = ExplainDecisionRequest {
        ledger: ledger(VTA),
        decision: Some(explain_decision_request::Decision::Run(run)),
        at_least_seq: 0,
    };
    let explained = stage.county.allocation().explain_decision(request).await;
    let explained = explained.map_err(refused("ExplainDecision"))?.into_inner().explanation;
    let explained = explained.ok_or_else(|| missing("the explanation"))?;
    let found = queue.iter().zip(before).find(|(one, _)| one.entry_id == next.entry_id);
    let position = found.map_or(0, |(_, position)| position.position_in_municipality);
    let outcome = explained.outcome().as_str_name().trim_start_matches("DECISION_OUTCOME_");
    let why = explained.passed_over_reason().as_str_name();
    let why = why.trim_start_matches("PASSED_OVER_REASON_");
    stage.page.check("VTA, passed on: who is served stood before at", position, VACANCIES + 1);
    stage.page.check(
        "VTA, passed on: who said no",
        format!("{outcome}, {why}"),
        "PASSED_OVER, DECLINED_HERE",
    );
    say!();
    say!("{} ({outcome}, {why}) is passed over there;", short(&declined.entry_id));
    say!("{} is proposed it, who stood at position {position} before.", short(&next.entry_id));
    Ok(next.clone())
}

fn state_of(offer: &Offer) -> String {
    words(offer.state().as_str_name(), "OFFER_STATE_")
}

fn run_end(run: &AllocatePlacesResponse) -> &'static str {
    RunEnd::as_str_name(&run.run_end()).trim_start_matches("RUN_END_")
}

/// An enum's value in small letters.
fn words(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase().replace('_', " ")
}
