//! Two hundred callers at once try for thirty places, and then ask again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use futures::future::try_join_all;
use prost::Message as _;
use tonic::transport::Channel;

use crate::{
    cli::{
        Failure,
        demo::{
            audit::{AREA, CITY},
            budgets::set_budget,
            capacity::{Plan, REST, establish},
            page::{say, seconds},
            people::{Wish, join, spread},
            raw::RawCall,
            stage::{Stage, ledger, places, request_id},
        },
    },
    domain::access::Role,
    proto::v1::{AllocatePlacesRequest, AllocatePlacesResponse, Offer, RunEnd, Usage},
};

/// A measure type with one pool for the county.
pub(super) const ARR: &str = "ARR";
const PLACES: u32 = 30;
const CALLERS: usize = 200;
const CONNECTIONS: usize = 4;
/// When those who wait were registered.
const REGISTERED_FROM: i64 = time::macros::datetime!(2010-01-04 08:00 UTC).unix_timestamp();
const YEAR: i32 = 2011;

/// Prepares thirty places and two hundred people, and lets everybody call at once; answers
/// the thirty proposals.
pub(super) async fn rush(stage: &mut Stage) -> Result<Vec<Offer>, Failure> {
    stage.page.heading("Two hundred calls at once for thirty places, and all of them once more");
    let queue = prepare(stage).await?;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(stage.desk.another_connection().await?);
    }
    let requests: Vec<RawCall> = (0..CALLERS).map(|_| request()).collect();
    let (first, took) = call_all(stage, &connections, &requests, 0).await?;
    let usage = show_first(stage, &first, &queue, took.as_secs_f64()).await?;
    let seq = usage.1;
    // A retry may come over another connection: what counts is who calls, and what for.
    let (again, took) = call_all(stage, &connections, &requests, 1).await?;
    let same = first.iter().zip(&again).filter(|(one, other)| one == other).count();
    let (reserved, seq_after) = reserved(stage).await?;
    stage.page.check("Retries: answers with the same bytes", same, CALLERS);
    let moved = format!("{} places, seq {seq_after}", places(reserved.reserved_percent));
    let expected = format!("{PLACES} places, seq {seq}");
    stage.page.check("Retries: reserved, and the ledger's last change", &moved, expected);
    say!();
    say!(
        "The same {} calls with the same request ids, over other connections: {}.",
        again.len(),
        seconds(took)
    );
    say!(
        "{same} of {} answers are the same, byte for byte; {} places are reserved. The last",
        again.len(),
        places(reserved.reserved_percent)
    );
    say!("change of the ledger is number {seq_after}; before these calls it was number {seq}.");
    let mut proposals = Vec::new();
    for bytes in &first {
        proposals.extend(AllocatePlacesResponse::decode(bytes.as_slice())?.proposals);
    }
    Ok(proposals)
}

/// Thirty places, a pool of thirty, and two hundred who wait; answers their entries in the
/// order of the queue.
async fn prepare(stage: &mut Stage) -> Result<Vec<String>, Failure> {
    let plan = Plan {
        measure_code: ARR.to_owned(),
        organisation_number: stage.audit.provider(REST)?,
        name: "Rehabilitering (oppdiktet)".to_owned(),
        site: CITY.to_owned(),
        dated: vec![(YEAR, PLACES)],
        wait: None,
    };
    establish(stage, &[plan]).await?;
    let budget = set_budget(stage, ARR, &[(YEAR, PLACES)], "made up for the demonstration").await?;
    let wishes = spread(REGISTERED_FROM, u32::try_from(CALLERS)?).map(|registered| Wish {
        measure_code: ARR.to_owned(),
        place_group_id: None,
        registered,
    });
    let joined = join(stage, wishes.collect()).await?;
    let waiting: u64 = stage.queues(ARR).await?.iter().map(|queue| queue.persons_waiting).sum();
    let free = places(reserved(stage).await?.0.free_percent);
    say!(
        "Arbeidsrettet rehabilitering (ARR), made up: {free} free places, a pool of {budget} for the"
    );
    say!("county, {waiting} people waiting.");
    say!();
    Ok(joined.into_iter().map(|one| one.entry_id).collect())
}

fn request() -> RawCall {
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: ledger(ARR),
        max_proposals: 1,
        ..AllocatePlacesRequest::default()
    };
    let path = "/tiltaksplass.v1.AllocationService/AllocatePlaces";
    RawCall { path, request: request.encode_to_vec() }
}

/// Makes all calls at once, each by a caller of its own; `shift` moves them to other
/// connections. Answers the bytes and the time.
async fn call_all(
    stage: &Stage,
    connections: &[Channel],
    requests: &[RawCall],
    shift: usize,
) -> Result<(Vec<Vec<u8>>, std::time::Duration), Failure> {
    let mut callers = Vec::new();
    for index in 0..requests.len() {
        let channel = connections[(index + shift) % connections.len()].clone();
        let who = format!("county-caller-{index:03}");
        callers.push(stage.desk.caller_on(channel, Role::County, AREA, &who)?);
    }
    let begun = Instant::now();
    let calls = callers.iter().zip(requests).map(|(caller, call)| call.by(caller));
    let answers = try_join_all(calls).await?;
    Ok((answers, begun.elapsed()))
}

/// Who got what, from the answers.
async fn show_first(
    stage: &mut Stage,
    answers: &[Vec<u8>],
    queue: &[String],
    seconds: f64,
) -> Result<(Usage, u64), Failure> {
    let (mut served, mut without, mut ends) = (Vec::new(), 0, BTreeMap::new());
    for bytes in answers {
        let answer = AllocatePlacesResponse::decode(bytes.as_slice())?;
        if answer.proposals.is_empty() {
            without += 1;
            let end = RunEnd::as_str_name(&answer.run_end()).trim_start_matches("RUN_END_");
            *ends.entry(end).or_insert(0) += 1;
        }
        served.extend(answer.proposals.into_iter().map(|offer| offer.entry_id));
    }
    let different: BTreeSet<&String> = served.iter().collect();
    let first: BTreeSet<&String> = queue.iter().take(served.len()).collect();
    let are_first = if different == first { "the first" } else { "not the first" };
    let (reserved, seq) = reserved(stage).await?;
    let (held, free) = (places(reserved.reserved_percent), places(reserved.free_percent));
    let over = places(reserved.over_percent);
    let (got, unlike) = (served.len(), different.len());
    let page = &mut stage.page;
    page.check("200 calls, 30 places: proposals", got, PLACES);
    page.check("200 calls, 30 places: different people", unlike, PLACES);
    page.check("200 calls, 30 places: who got them", are_first, "the first");
    page.check("200 calls, 30 places: answers without one", without, CALLERS - PLACES as usize);
    page.check("200 calls: reserved, free, over", format!("{held}, {free}, {over}"), "30, 0, 0");
    let ends: Vec<String> = ends.iter().map(|(end, n)| format!("{end} {n}")).collect();
    let all = answers.len();
    say!(
        "{all} AllocatePlaces over {CONNECTIONS} connections, each with a caller and a request id of its"
    );
    say!(
        "own: {seconds:.2} s. {got} answers have a proposal, to {unlike} different people, who are {are_first}"
    );
    say!("of the queue; {without} have none ({}). {held} places are reserved,", ends.join(", "));
    say!("{free} free, {over} over.");
    Ok((reserved, seq))
}

/// The account of the thirty places, and the ledger's last change.
pub(super) async fn reserved(stage: &Stage) -> Result<(Usage, u64), Failure> {
    let answer = stage.availability(ARR, None).await?;
    let seq = answer.revisions.first().map_or(0, |revision| revision.seq);
    Ok((answer.places.unwrap_or_default(), seq))
}
