//! The service is killed in the middle of two hundred calls, and started again.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use prost::Message as _;

use crate::{
    cli::{
        Failure,
        demo::{
            audit::CITY,
            page::{Page, say, seconds},
            place::DemoPlace,
            raw::RawCall,
            rush::{ARR, reserved},
            service::{Kind, Service},
            stage::{
                IN_FLIGHT, Stage, entries_in, ledger, missing, places, refused, request_id,
                together,
            },
        },
    },
    domain::national_identity::NationalIdentityNumber,
    proto::v1::{
        ConfirmProposalsRequest, EntryState, JoinWaitlistRequest, JoinWaitlistResponse, Offer,
        OfferAnswer, RespondToOfferRequest,
    },
};

/// How many calls there are in all; those that are no answers to offers are joins.
const CALLS: usize = 200;
/// After so many answers the service is killed.
const ENOUGH: usize = 60;
/// How long the first answers may take to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// What was sent, and the answer if one came.
struct Sent {
    call: RawCall,
    is_join: bool,
    answer: Option<Vec<u8>>,
}

/// What the ledger holds, as its answers say.
struct Held {
    entries: usize,
    accepted: usize,
    reserved: String,
    seq: u64,
}

/// Kills the service in mid-run and compares what it had acknowledged with what is there.
pub(super) async fn in_mid_run(
    stage: &mut Stage,
    service: &mut Service,
    place: &DemoPlace,
    proposals: Vec<Offer>,
) -> Result<(), Failure> {
    stage.page.heading("Killed in the middle of two hundred calls (kill -9), and started again");
    let (mut sent, before) = service.watch(prepare(stage, proposals)).await?;
    // Not watched: this is where it dies.
    storm(stage, service, &mut sent).await?;
    let clock = Instant::now();
    let wires;
    (*service, wires) = Service::spawn(place, Kind::Steered)?;
    service.watch(stage.reconnect(wires)).await?;
    let started = clock.elapsed();
    let found = service.watch(again(stage, &sent, &before)).await?;
    show(&found, &before, place.has_own_database(), started);
    check(&mut stage.page, &found, &before);
    Ok(())
}

/// Thirty offers to be answered, and as many joins as make it two hundred calls.
async fn prepare(stage: &mut Stage, proposals: Vec<Offer>) -> Result<(Vec<Sent>, Held), Failure> {
    let request = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: ledger(ARR),
        offer_ids: proposals.into_iter().map(|offer| offer.offer_id).collect(),
        ..ConfirmProposalsRequest::default()
    };
    let confirmed = stage.county.allocation().confirm_proposals(request).await;
    let offers = confirmed.map_err(refused("ConfirmProposals"))?.into_inner().offers;
    let joins = CALLS.saturating_sub(offers.len());
    let mut sent: Vec<Sent> = Vec::new();
    let mut answers = offers.iter().map(answer);
    // An answer after every few joins, so that both are under way at every moment.
    let between = (joins / offers.len().max(1)).max(1);
    for n in 0..joins {
        sent.push(join(stage)?);
        if n % between == 0 {
            sent.extend(answers.next());
        }
    }
    sent.extend(answers);
    say!(
        "The 30 proposals for ARR are confirmed. {} calls follow, {IN_FLIGHT} at a time, each with",
        sent.len()
    );
    say!(
        "a request id of its own: {joins} JoinWaitlist and {} RespondToOffer (yes).",
        offers.len()
    );
    let held = held(stage).await?;
    Ok((sent, held))
}

fn join(stage: &mut Stage) -> Result<Sent, Failure> {
    let number = NationalIdentityNumber::synthetic(stage.people);
    stage.people += 1;
    let office = stage.audit.offices.first().ok_or_else(|| missing("an office"))?;
    let request = JoinWaitlistRequest {
        request_id: request_id(),
        ledger: ledger(ARR),
        national_identity_number: number.expose().to_owned(),
        municipality_number: CITY.to_owned(),
        following_office_number: office.number.clone(),
        ..JoinWaitlistRequest::default()
    };
    let path = "/tiltaksplass.v1.WaitlistService/JoinWaitlist";
    let call = RawCall { path, request: request.encode_to_vec() };
    Ok(Sent { call, is_join: true, answer: None })
}

fn answer(offer: &Offer) -> Sent {
    let request = RespondToOfferRequest {
        request_id: request_id(),
        ledger: ledger(ARR),
        offer_id: offer.offer_id.clone(),
        answer: OfferAnswer::Accept.into(),
        ..RespondToOfferRequest::default()
    };
    let path = "/tiltaksplass.v1.AllocationService/RespondToOffer";
    let call = RawCall { path, request: request.encode_to_vec() };
    Sent { call, is_join: false, answer: None }
}

/// Makes the calls, and kills the service when enough of them have been answered.
async fn storm(stage: &Stage, service: &mut Service, sent: &mut [Sent]) -> Result<(), Failure> {
    let calls: Vec<RawCall> = sent.iter().map(|one| one.call.clone()).collect();
    let calls = calls.into_iter().enumerate().map(|(index, call)| {
        let county = &stage.county;
        async move { (index, call.by(county).await.ok()) }
    });
    let mut answers = stream::iter(calls).buffer_unordered(IN_FLIGHT);
    let mut count = 0;
    let enough = async {
        while count < ENOUGH
            && let Some((index, answer)) = answers.next().await
        {
            count += usize::from(answer.is_some());
            sent[index].answer = answer;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, enough).await;
    service.kill().await?;
    if waited.is_err() || count < ENOUGH {
        return Err(format!("only {count} of {CALLS} calls were answered; {ENOUGH} must be").into());
    }
    // What had been answered before the kill may still arrive; the rest fails at once.
    while let Some((index, answer)) = answers.next().await {
        sent[index].answer = answer;
    }
    Ok(())
}

/// What is there after the kill, and after all calls were sent again.
struct Aftermath {
    joins: usize,
    /// How many calls were answered before the kill.
    acknowledged: usize,
    /// How many calls the ledger had when it was started again.
    survived: u64,
    /// How many of the acknowledged calls were answered with the same bytes again.
    same: usize,
    /// How many entries the joins answer.
    different: usize,
    after: Held,
}

/// All calls once more, with the same request ids.
async fn again(stage: &Stage, sent: &[Sent], before: &Held) -> Result<Aftermath, Failure> {
    let survived = held(stage).await?.seq.saturating_sub(before.seq);
    let answers = together(sent.iter().map(|one| one.call.by(&stage.county))).await?;
    let pairs = || sent.iter().zip(&answers);
    let mut entries = BTreeSet::new();
    for (_, answer) in pairs().filter(|(one, _)| one.is_join) {
        entries.insert(JoinWaitlistResponse::decode(answer.as_slice())?.entry_id);
    }
    Ok(Aftermath {
        joins: sent.iter().filter(|one| one.is_join).count(),
        acknowledged: sent.iter().filter(|one| one.answer.is_some()).count(),
        survived,
        same: pairs().filter(|(one, answer)| one.answer.as_ref() == Some(answer)).count(),
        different: entries.len(),
        after: held(stage).await?,
    })
}

fn show(found: &Aftermath, before: &Held, has_own_database: bool, took: Duration) {
    let Aftermath { acknowledged, survived, same, after, .. } = found;
    let fate = if has_own_database { "and its PostgreSQL with it" } else { "not its database" };
    let unanswered = CALLS.saturating_sub(*acknowledged);
    let unheard = survived.saturating_sub(*acknowledged as u64);
    let more = after.entries.saturating_sub(before.entries);
    let (accepted, changes) = (after.accepted, after.seq.saturating_sub(before.seq));
    say!();
    say!("After {ENOUGH} answers the service is killed, {fate}: {acknowledged} calls were");
    say!(
        "acknowledged, {unanswered} were not. It is started again on the same data, in {}.",
        seconds(took)
    );
    say!("The ledger has {survived} of the calls: {unheard} had happened and nobody was told.");
    say!();
    say!(
        "All {CALLS} are sent again with the same request ids. Of the {acknowledged} acknowledged ones, {same}"
    );
    say!(
        "are answered with the same bytes. There are {} entries, {more} more than before; {accepted}",
        after.entries
    );
    say!("have said yes; the ledger has {changes} changes more.");
}

fn check(page: &mut Page, found: &Aftermath, before: &Held) {
    let Aftermath { joins, acknowledged, survived, same, different, after } = found;
    let of_acknowledged = |some: usize| format!("{some} of {acknowledged}");
    let kept = usize::try_from(*survived).unwrap_or(usize::MAX).min(*acknowledged);
    page.check(
        "Killed: acknowledged, and there again",
        of_acknowledged(kept),
        of_acknowledged(*acknowledged),
    );
    page.check(
        "Killed: acknowledged, and the same bytes again",
        of_acknowledged(*same),
        of_acknowledged(*acknowledged),
    );
    page.check("Killed: different entries in the answers", different, joins);
    page.check("Killed: entries in all", after.entries, before.entries + joins);
    let answered = format!("{}, {}", after.accepted, after.reserved);
    let expected = format!("{}, {}", CALLS - joins, before.reserved);
    page.check("Killed: who said yes, and places reserved", answered, expected);
    page.check("Killed: changes in the ledger", after.seq.saturating_sub(before.seq), CALLS);
}

/// Counts over the port.
async fn held(stage: &Stage) -> Result<Held, Failure> {
    let waiting = entries_in(stage, ARR, EntryState::Waiting).await?.len();
    let offered = entries_in(stage, ARR, EntryState::Offered).await?.len();
    let accepted = entries_in(stage, ARR, EntryState::Accepted).await?.len();
    let (usage, seq) = reserved(stage).await?;
    let reserved = places(usage.reserved_percent);
    Ok(Held { entries: waiting + offered + accepted, accepted, reserved, seq })
}
