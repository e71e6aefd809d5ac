//! One person, two places to ask: two areas, two replicas of the service, or both
//! (I3, I5). Whoever comes second is refused, or is told what the first was told.

use std::future::Future;

use futures::{StreamExt, stream};
use prost::Message;
use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::{Code, Response, Status};

use crate::{
    chaos::Dice,
    support::{Caller, Service, reason, request_id},
    world::{COUNTY, OTHER_COUNTY, TRONDHEIM, World, join, vta},
};

mod across;

/// How many rounds are under way at once.
const IN_FLIGHT: usize = 16;

fn other_vta() -> Ledger {
    Ledger { county_id: OTHER_COUNTY.into(), measure_code: "VTA".into() }
}

/// Runs rounds, several at once.
async fn rounds<F>(people: std::ops::Range<u32>, round: impl Fn(u32) -> F) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let rounds = stream::iter(people).map(|person| tokio::spawn(round(person)));
    rounds.buffer_unordered(IN_FLIGHT).map(Result::unwrap).collect().await
}

type Joined = Result<Response<JoinWaitlistResponse>, Status>;

/// Of two joins one was taken and the other refused as of someone who waits already;
/// whether it was the first, and its entry.
fn one_of(joins: (Joined, Joined)) -> (bool, String) {
    let (first, taken, refused) = match joins {
        (Ok(taken), Err(refused)) => (true, taken, refused),
        (Err(refused), Ok(taken)) => (false, taken, refused),
        both => panic!("one of the two must be taken: {both:?}"),
    };
    assert_eq!(refused.code(), Code::AlreadyExists, "{refused:?}");
    assert_eq!(reason(&refused), "PERSON_ALREADY_WAITING");
    (first, taken.into_inner().entry_id)
}

/// The claims are those of the winners, each in the county that was faster.
async fn assert_claims(service: &Service, winners: &[(bool, String)]) {
    let mut sql = service.sql().await;
    let claims: Vec<(String, String)> =
        sqlx::query_as("SELECT county_id, entry_id::text FROM person_claim ORDER BY 1, 2")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    let mut expected: Vec<(String, String)> = winners
        .iter()
        .map(|(first, entry)| {
            let county = if *first { COUNTY } else { OTHER_COUNTY };
            (county.to_owned(), entry.clone())
        })
        .collect();
    expected.sort_unstable();
    assert_eq!(claims, expected);
    let people: i64 =
        sqlx::query_scalar("SELECT count(*) FROM person").fetch_one(&mut sql).await.unwrap();
    assert_eq!(usize::try_from(people).unwrap(), winners.len(), "nobody twice, nobody idle");
}

/// Checks the database whole; and with one order of locks no two writers may ever have
/// stood in each other's way. Ended sessions have told all they counted.
async fn assert_sound(mut world: World, mut replica: Service) {
    world.service.verify().await;
    replica.stop().await;
    world.service.stop().await;
    let mut sql = world.service.sql().await;
    let deadlocks: i64 = sqlx::query_scalar(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert_eq!(deadlocks, 0);
}

async fn join_both(here: Caller, there: Caller, person: u32) -> (bool, String) {
    let (mut first, mut second) = (here.waitlist(), there.waitlist());
    let joins = futures::join!(
        first.join_waitlist(join(&vta(), person)),
        second.join_waitlist(join(&other_vta(), person)),
    );
    one_of(joins)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_in_two_areas_at_once_gets_one_entry() {
    let world = World::new().await;
    let replica = world.service.replica().await;
    let here = world.county.clone();
    let beside = world.service.caller(Role::County, OTHER_COUNTY).await;
    let elsewhere = replica.caller(Role::County, OTHER_COUNTY).await;
    // A thousand rounds in one service, three hundred with an area in each replica.
    let mut winners =
        rounds(0..1_000, |person| join_both(here.clone(), beside.clone(), person)).await;
    winners.extend(
        rounds(1_000..1_300, |person| join_both(here.clone(), elsewhere.clone(), person)).await,
    );
    let first = winners.iter().filter(|(first, _)| *first).count();
    assert!(first > 0 && first < winners.len(), "both areas must win at times: {first}");
    assert_claims(&world.service, &winners).await;
    assert_sound(world, replica).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_in_one_ledger_through_two_replicas_gets_one_entry() {
    let world = World::new().await;
    let replica = world.service.replica().await;
    let (here, there) = (world.county.clone(), replica.caller(Role::County, COUNTY).await);
    let winners = rounds(0..300, |person| {
        let (here, there) = (here.clone(), there.clone());
        async move {
            let (mut first, mut second) = (here.waitlist(), there.waitlist());
            one_of(futures::join!(
                first.join_waitlist(join(&vta(), person)),
                second.join_waitlist(join(&vta(), person)),
            ))
        }
    })
    .await;
    let first = winners.iter().filter(|(first, _)| *first).count();
    assert!(first > 0 && first < winners.len(), "both replicas must win at times: {first}");
    let entries: Vec<_> = winners.into_iter().map(|(_, entry)| (true, entry)).collect();
    assert_claims(&world.service, &entries).await;
    assert_sound(world, replica).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_to_two_replicas_has_one_answer() {
    let world = World::new().await;
    let (ledger, _) = world.vta(400).await;
    let replica = world.service.replica().await;
    let (here, there) = (world.county.clone(), replica.caller(Role::County, COUNTY).await);
    let entries = rounds(0..300, |person| {
        let (here, there, request) = (here.clone(), there.clone(), join(&ledger, person));
        async move {
            let (mut first, mut second) = (here.waitlist(), there.waitlist());
            let (first, second) = futures::join!(
                first.join_waitlist(request.clone()),
                second.join_waitlist(request),
            );
            let first = first.unwrap().into_inner();
            assert_eq!(first.encode_to_vec(), second.unwrap().into_inner().encode_to_vec());
            first.entry_id
        }
    })
    .await;
    let served = rounds(0..300, |_| {
        let (here, there) = (here.clone(), there.clone());
        let request = AllocatePlacesRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            max_proposals: 1,
            ..AllocatePlacesRequest::default()
        };
        async move {
            let (mut first, mut second) = (here.allocation(), there.allocation());
            let (first, second) = futures::join!(
                first.allocate_places(request.clone()),
                second.allocate_places(request),
            );
            let mut first = first.unwrap().into_inner();
            assert_eq!(first.encode_to_vec(), second.unwrap().into_inner().encode_to_vec());
            assert_eq!(first.proposals.len(), 1);
            first.proposals.remove(0).entry_id
        }
    })
    .await;
    let (mut entries, mut served) = (entries, served);
    entries.sort_unstable();
    served.sort_unstable();
    assert_eq!(entries, served, "each once");
    assert_sound(world, replica).await;
}

/// Takes one person from the join to the end; says which rows of the log it made.
async fn whole_way(callers: [Caller; 2], ledger: Ledger, person: u32) -> Vec<u64> {
    let mut dice = Dice::new(u64::from(person));
    let mut any = || callers[usize::from(dice.percent(50))].clone();
    let mut seqs = Vec::new();
    let mut note = |revision: Option<Revision>| seqs.push(revision.unwrap().seq);
    let joined = any().waitlist().join_waitlist(join(&ledger, person)).await.unwrap();
    note(joined.into_inner().revision);
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        max_proposals: 1,
        ..AllocatePlacesRequest::default()
    };
    let run = any().allocation().allocate_places(request).await.unwrap().into_inner();
    note(run.revision);
    let offer_id = run.proposals[0].offer_id.clone();
    let request = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_ids: vec![offer_id.clone()],
        ..ConfirmProposalsRequest::default()
    };
    let confirmed = any().allocation().confirm_proposals(request).await.unwrap();
    note(confirmed.into_inner().revision);
    let request = RespondToOfferRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_id: offer_id.clone(),
        answer: OfferAnswer::Accept.into(),
        ..RespondToOfferRequest::default()
    };
    note(any().allocation().respond_to_offer(request).await.unwrap().into_inner().revision);
    let today = crate::world::date(2026, 3, 2);
    let request = StartPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_id,
        start_date: Some(today),
        ..StartPlacementRequest::default()
    };
    let started = any().allocation().start_placement(request).await.unwrap().into_inner();
    note(started.revision);
    let request = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: started.placement.unwrap().placement_id,
        end_date: Some(today),
        outcome: PlacementOutcome::Education.into(),
        ..EndPlacementRequest::default()
    };
    note(any().allocation().end_placement(request).await.unwrap().into_inner().revision);
    seqs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed_commands_through_two_replicas_leave_no_gap() {
    let world = World::new().await;
    let (ledger, _) = world.vta(u32::try_from(IN_FLIGHT).unwrap()).await;
    let replica = world.service.replica().await;
    let callers = [world.county.clone(), replica.caller(Role::County, COUNTY).await];
    let mut sql = world.service.sql().await;
    let head = "SELECT seq FROM ledger WHERE county_id = 'NO-16'";
    let before: i64 = sqlx::query_scalar(head).fetch_one(&mut sql).await.unwrap();
    let ways = rounds(0..200, |person| whole_way(callers.clone(), ledger.clone(), person)).await;
    let mut seqs: Vec<u64> = ways.into_iter().flatten().collect();
    seqs.sort_unstable();
    let after: i64 = sqlx::query_scalar(head).fetch_one(&mut sql).await.unwrap();
    let expected: Vec<u64> = (before + 1..=after).map(i64::cast_unsigned).collect();
    assert_eq!(seqs, expected, "every row is someone's acknowledged command");
    assert_eq!(seqs.len(), 200 * 6);
    let usage = world.availability(&ledger).await.places.unwrap();
    assert_eq!((usage.reserved_percent, usage.in_use_percent), (0, 0));
    assert_eq!(world.availability(&ledger).await.second_accounts[0].municipality_number, TRONDHEIM);
    assert_sound(world, replica).await;
}
