//! Many want the same thing at the same moment: places go out exactly, in order, and
//! of two that exclude each other one happens (I1, I2, I8).

use std::{future::Future, sync::Arc, time::Duration as Pause};

use futures::future::BoxFuture;
use tiltaksplass::{
    app::Clock,
    domain::access::Role,
    proto::{google::r#type::Date, v1::*},
};
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::sync::{Barrier, Semaphore};
use tonic::Status;

use crate::{
    chaos::Dice,
    support::{Caller, at_length, reason, request_id},
    world::{COUNTY, OFFICE, PROVIDER, World, date, join},
};

/// A Trondheim queue for one place group, and people enough.
struct Stage {
    world: World,
    ledger: Ledger,
    group: String,
    places: u32,
    people: u32,
    dice: Dice,
}

/// What a duel did: how often each side won.
#[derive(Default, Debug)]
struct Score {
    first: usize,
    second: usize,
}

impl Stage {
    async fn new(places: u32) -> Self {
        let world = World::new().await;
        let (ledger, group) = world.vta(places).await;
        Self { world, ledger, group, places, people: 0, dice: Dice::new(7) }
    }

    /// New tokens, since the clock moves.
    async fn refresh(&mut self) {
        let service = &self.world.service;
        self.world.directorate = service.caller(Role::Directorate, "NAV").await;
        self.world.county = service.caller(Role::County, COUNTY).await;
        self.world.office = service.caller(Role::Office, OFFICE).await;
        self.world.provider = service.caller(Role::Provider, PROVIDER).await;
    }

    async fn join(&mut self, count: u32) {
        let calls = (self.people..self.people + count).map(|person| {
            let (county, request) = (self.world.county.clone(), join(&self.ledger, person));
            async move { county.waitlist().join_waitlist(request).await.unwrap() }
        });
        at_once(calls).await;
        self.people += count;
    }

    fn allocation(&self, max_proposals: u32) -> AllocatePlacesRequest {
        AllocatePlacesRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            max_proposals,
            ..AllocatePlacesRequest::default()
        }
    }

    /// Proposals for every free place.
    async fn propose(&mut self) -> Vec<Offer> {
        self.join(self.places).await;
        self.world.allocate(&self.ledger, self.places).await.proposals
    }

    /// Offers for every free place.
    async fn offer(&mut self) -> Vec<Offer> {
        let proposals = self.propose().await;
        let ids = proposals.into_iter().map(|offer| offer.offer_id).collect();
        self.world.confirm(&self.ledger, ids).await
    }

    fn answer(&self, offer_id: &str) -> RespondToOfferRequest {
        RespondToOfferRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: offer_id.into(),
            answer: OfferAnswer::Accept.into(),
            ..RespondToOfferRequest::default()
        }
    }

    fn ending(&self, placement_id: &str) -> EndPlacementRequest {
        EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            placement_id: placement_id.into(),
            end_date: Some(self.today()),
            outcome: PlacementOutcome::Other.into(),
            ..EndPlacementRequest::default()
        }
    }

    fn today(&self) -> Date {
        let today = self.world.service.clock.now().date_in_norway();
        date(today.year(), u8::from(today.month()).into(), today.day().into())
    }

    /// Accepted offers become placements.
    async fn start(&self, offer_ids: &[String]) -> Vec<String> {
        let calls = offer_ids.iter().map(|offer_id| {
            let request = StartPlacementRequest {
                request_id: request_id(),
                ledger: Some(self.ledger.clone()),
                offer_id: offer_id.clone(),
                start_date: Some(self.today()),
                ..StartPlacementRequest::default()
            };
            let office = self.world.office.clone();
            async move { office.allocation().start_placement(request).await.unwrap() }
        });
        let started = at_once(calls).await;
        started.into_iter().map(|s| s.into_inner().placement.unwrap().placement_id).collect()
    }

    /// Placements end, and their places are free.
    async fn end(&self, placement_ids: &[String]) {
        let calls = placement_ids.iter().map(|id| {
            let (office, request) = (self.world.office.clone(), self.ending(id));
            async move { office.allocation().end_placement(request).await.unwrap() }
        });
        at_once(calls).await;
    }

    async fn clear(&self, accepted: &[String]) {
        let placements = self.start(accepted).await;
        self.end(&placements).await;
    }

    /// Every account of the ledger holds just so much, by its own count.
    async fn assert_held(&self, reserved_places: usize, used_places: usize) {
        let mut sql = self.world.service.sql().await;
        let rows: Vec<(i64, i64)> =
            sqlx::query_as("SELECT reserved_percent, in_use_percent FROM account")
                .fetch_all(&mut sql)
                .await
                .unwrap();
        let expected = (percent(reserved_places), percent(used_places));
        assert_eq!(rows, [expected, expected], "place group and quota");
    }

    async fn offer_state(&self, offer_id: &str) -> (String, String) {
        let mut sql = self.world.service.sql().await;
        sqlx::query_as(
            "SELECT o.state, e.state FROM offer o \
             JOIN entry e USING (county_id, measure_code, entry_id) WHERE offer_id = $1::uuid",
        )
        .bind(offer_id)
        .fetch_one(&mut sql)
        .await
        .unwrap()
    }
}

fn percent(places: usize) -> i64 {
    i64::try_from(places).unwrap() * 100
}

fn seq(revision: Option<&Revision>) -> u64 {
    revision.unwrap().seq
}

/// Runs all of them, none before all are ready.
async fn at_once<F>(calls: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let calls: Vec<F> = calls.into_iter().collect();
    let ready = Arc::new(Barrier::new(calls.len().max(1)));
    let tasks: Vec<_> = calls
        .into_iter()
        .map(|call| {
            let ready = Arc::clone(&ready);
            tokio::spawn(async move {
                ready.wait().await;
                call.await
            })
        })
        .collect();
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_get_thirty_places() {
    let mut stage = Stage::new(30).await;
    let mut queue = Vec::new();
    for person in 0..45 {
        let request = join(&stage.ledger, person);
        let joined = stage.world.county.waitlist().join_waitlist(request).await.unwrap();
        queue.push(joined.into_inner().entry_id);
    }
    for _ in 0..20 {
        let mut callers: Vec<Caller> = Vec::new();
        for _ in 0..8 {
            callers.push(stage.world.service.caller(Role::County, COUNTY).await);
        }
        let calls = (0..200).map(|n| {
            let (caller, request) = (callers[n % callers.len()].clone(), stage.allocation(1));
            async move { caller.allocation().allocate_places(request).await.unwrap().into_inner() }
        });
        let mut answers = at_once(calls).await;
        answers.sort_by_key(|answer| seq(answer.revision.as_ref()));
        for answer in &answers {
            let none = answer.proposals.is_empty();
            assert_eq!(none, answer.run_end() == RunEnd::NoFreePlace);
        }
        // In the order of the log the queue's first thirty, each once.
        let served: Vec<&Offer> = answers.iter().flat_map(|answer| &answer.proposals).collect();
        assert_eq!(
            served.iter().map(|o| &o.entry_id).collect::<Vec<_>>(),
            queue[..30].iter().collect::<Vec<_>>()
        );
        stage.assert_held(30, 0).await;
        // The proposals lapse and the places are free again.
        stage.world.service.clock.advance(Duration::days(8));
    }
    stage.refresh().await;
    stage.world.service.verify().await;
}

type Duel = BoxFuture<'static, Result<(), Status>>;

/// Makes a call for each offer while the clock moves to their deadline: at a moment of its
/// own, or with one of the answers, so that on a slow machine too both come first at times. Who was faster than the clock stands in the first of these states and
/// holds a place; who was not, in the second, and waits. Answers the first.
async fn race_against_clock(
    stage: &mut Stage,
    offers: &[Offer],
    states: [&str; 2],
    call: impl Fn(&Stage, &Offer) -> Duel,
) -> Vec<String> {
    let deadline = offers[0].answer_by_time.or(offers[0].confirm_by_time).unwrap();
    let deadline = OffsetDateTime::from_unix_timestamp(deadline.seconds).unwrap();
    stage.world.service.clock.set(deadline - Duration::SECOND);
    stage.refresh().await;
    let answered = Arc::new(Semaphore::new(0));
    let mut calls = Vec::new();
    for offer in offers {
        let answered = Arc::clone(&answered);
        let (call, pause) = (call(stage, offer), Pause::from_micros(stage.dice.below(16_000)));
        calls.push(async move {
            tokio::time::sleep(pause).await;
            let answer = call.await;
            answered.add_permits(1);
            answer
        });
    }
    let answers = [None, Some(1 + stage.dice.below(20))][usize::from(stage.dice.percent(50))];
    let clock = Arc::clone(&stage.world.service.clock);
    let mover = tokio::spawn(async move {
        match answers {
            Some(count) => drop(answered.acquire_many(u32::try_from(count).unwrap()).await),
            None => tokio::time::sleep(Pause::from_millis(8)).await,
        }
        clock.set(deadline);
    });
    let answers = at_once(calls).await;
    mover.await.unwrap();
    // Whatever comes next lets what is due happen first; somebody new would be passed a place.
    stage.world.budget(&stage.ledger, 100).await;
    let mut winners = Vec::new();
    for (offer, answer) in offers.iter().zip(answers) {
        let won = answer.map_err(|status| assert_eq!(reason(&status), "WRONG_STATE")).is_ok();
        let (offer_state, entry_state) = stage.offer_state(&offer.offer_id).await;
        let expected = if won { (states[0], states[0]) } else { (states[1], "WAITING") };
        assert_eq!((offer_state.as_str(), entry_state.as_str()), expected);
        winners.extend(won.then(|| offer.offer_id.clone()));
    }
    stage.assert_held(winners.len(), 0).await;
    winners
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_and_an_expiry_at_the_same_moment() {
    let mut stage = Stage::new(25).await;
    let mut score = Score::default();
    for _ in 0..12 {
        let offers = stage.offer().await;
        assert_eq!(offers.len(), 25);
        let states = ["ACCEPTED", "EXPIRED"];
        let accepted = race_against_clock(&mut stage, &offers, states, |stage, offer| {
            let (office, request) = (stage.world.office.clone(), stage.answer(&offer.offer_id));
            Box::pin(async move { office.allocation().respond_to_offer(request).await.map(drop) })
        });
        let accepted = accepted.await;
        score.first += accepted.len();
        score.second += offers.len() - accepted.len();
        stage.clear(&accepted).await;
        stage.assert_held(0, 0).await;
    }
    assert!(score.first > 0 && score.second > 0, "{score:?}");
    stage.world.service.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_and_a_lapse_at_the_same_moment() {
    let mut stage = Stage::new(25).await;
    let mut score = Score::default();
    for _ in 0..12 {
        let proposals = stage.propose().await;
        assert_eq!(proposals.len(), 25);
        let states = ["OFFERED", "LAPSED"];
        let confirmed = race_against_clock(&mut stage, &proposals, states, |stage, offer| {
            let request = ConfirmProposalsRequest {
                request_id: request_id(),
                ledger: Some(stage.ledger.clone()),
                offer_ids: vec![offer.offer_id.clone()],
                ..ConfirmProposalsRequest::default()
            };
            let office = stage.world.office.clone();
            Box::pin(async move { office.allocation().confirm_proposals(request).await.map(drop) })
        });
        let confirmed = confirmed.await;
        score.first += confirmed.len();
        score.second += proposals.len() - confirmed.len();
        for offer_id in &confirmed {
            stage.world.respond(&stage.ledger, offer_id, OfferAnswer::Accept).await.unwrap();
        }
        stage.clear(&confirmed).await;
        stage.assert_held(0, 0).await;
    }
    assert!(score.first > 0 && score.second > 0, "{score:?}");
    stage.world.service.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_and_an_allocation_at_the_same_moment() {
    let mut stage = Stage::new(10).await;
    let mut score = Score::default();
    let mut running = Vec::new();
    for _ in 0..25 {
        let offers = stage.offer().await;
        for offer in &offers {
            stage.world.respond(&stage.ledger, &offer.offer_id, OfferAnswer::Accept).await.unwrap();
        }
        let ids: Vec<String> = offers.into_iter().map(|offer| offer.offer_id).collect();
        running.extend(stage.start(&ids).await);
        assert_eq!(running.len(), 10, "the group is full");
        stage.join(10).await;
        let ends = running.iter().map(|id| {
            let (office, request) = (stage.world.office.clone(), stage.ending(id));
            let call = async move {
                let ended = office.allocation().end_placement(request).await.unwrap().into_inner();
                (seq(ended.revision.as_ref()), None)
            };
            Box::pin(call) as BoxFuture<'static, (u64, Option<usize>)>
        });
        let runs = (0..10).map(|_| {
            let (county, request) = (stage.world.county.clone(), stage.allocation(1));
            let call = async move {
                let run = county.allocation().allocate_places(request).await.unwrap().into_inner();
                (seq(run.revision.as_ref()), Some(run.proposals.len()))
            };
            Box::pin(call) as BoxFuture<'static, (u64, Option<usize>)>
        });
        let pairs: Vec<_> = ends.zip(runs).flat_map(|(end, run)| [end, run]).collect();
        let mut done = at_once(pairs).await;
        done.sort_unstable();
        // In the order of the log a run finds a place if one has been freed before it.
        let mut free = 0;
        for (_, run) in done {
            match run {
                None => free += 1,
                Some(given) => {
                    assert_eq!(given, usize::from(free > 0));
                    free -= given;
                    if given == 1 { score.first += 1 } else { score.second += 1 }
                }
            }
        }
        stage.assert_held(10 - free, 0).await;
        running.clear();
        stage.world.service.clock.advance(Duration::days(8));
        stage.refresh().await;
    }
    assert!(score.first > 0 && score.second > 0, "{score:?}");
    stage.world.service.verify().await;
}

/// A submission of so many places from this month on, ready to be reviewed.
async fn submission(stage: &Stage, places: u32) -> ReviewCapacityRequest {
    let request = SubmitCapacityRequest {
        request_id: request_id(),
        ledger: Some(stage.ledger.clone()),
        place_group_id: stage.group.clone(),
        organisation_number: PROVIDER.into(),
        places,
        valid_from_date: Some(date(2026, 3, 1)),
        ..SubmitCapacityRequest::default()
    };
    let provider = stage.world.provider.clone();
    let submitted = provider.capacity().submit_capacity(request).await.unwrap().into_inner();
    ReviewCapacityRequest {
        request_id: request_id(),
        ledger: Some(stage.ledger.clone()),
        submission_id: submitted.submission_id,
        decision: ReviewDecision::Approve.into(),
        ..ReviewCapacityRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lower_capacity_and_an_allocation_at_the_same_moment() {
    // A place group has no more than a thousand capacities: the long run takes three of them.
    for _ in 0..at_length(1, 3) {
        lower_while_allocating(at_length(25, 334)).await;
    }
}

async fn lower_while_allocating(rounds: u32) {
    let mut stage = Stage::new(10).await;
    stage.join(15).await;
    let mut score = Score::default();
    for _ in 0..rounds {
        let lower = submission(&stage, 5).await;
        let pause = Pause::from_micros(stage.dice.below(6_000));
        let county = stage.world.county.clone();
        let lowering = tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let reviewed = county.capacity().review_capacity(lower).await.unwrap().into_inner();
            seq(reviewed.revision.as_ref())
        });
        let runs = (0..10).map(|_| {
            let (county, request) = (stage.world.county.clone(), stage.allocation(1));
            let pause = Pause::from_micros(stage.dice.below(6_000));
            async move {
                tokio::time::sleep(pause).await;
                let run = county.allocation().allocate_places(request).await.unwrap().into_inner();
                (seq(run.revision.as_ref()), run.proposals.len())
            }
        });
        let runs: Vec<_> = runs.collect();
        let mut runs = at_once(runs).await;
        let lowered = lowering.await.unwrap();
        runs.sort_unstable();
        // Before the lowering every run finds a place, after it only below the new limit.
        let mut held = 0;
        for (seq, given) in runs {
            let limit = if seq < lowered { 10 } else { 5 };
            assert_eq!(given, usize::from(held < limit));
            held += given;
            if seq < lowered { score.first += 1 } else { score.second += 1 }
        }
        assert!((5..=10).contains(&held));
        let usage = stage.world.availability(&stage.ledger).await.places.unwrap();
        assert_eq!((usage.total_percent, usage.reserved_percent), (500, percent(held)));
        assert_eq!(usage.over_percent, percent(held) - 500);
        // Nobody was put out; the proposals lapse, and the places come back.
        stage.world.service.clock.advance(Duration::days(8));
        stage.refresh().await;
        let raise = submission(&stage, 10).await;
        stage.world.county.capacity().review_capacity(raise).await.unwrap();
    }
    assert!(score.first > 0 && score.second > 0, "{score:?}");
    stage.world.service.verify().await;
}

#[tokio::test]
async fn who_has_left_by_time_may_join_again_at_once() {
    let mut stage = Stage::new(1).await;
    let offer = stage.offer().await.remove(0).offer_id;
    stage.world.respond(&stage.ledger, &offer, OfferAnswer::Accept).await.unwrap();
    let placement = stage.world.start(&stage.ledger, &offer, stage.today()).await;
    let end = EndPlacementRequest {
        end_date: Some(date(2026, 6, 1)),
        ..stage.ending(&placement.placement_id)
    };
    stage.world.office.allocation().end_placement(end).await.unwrap();
    // No worker needs to have been there first.
    stage.world.service.clock.set(datetime!(2026-05-31 22:00 UTC));
    stage.refresh().await;
    let again = join(&stage.ledger, 0);
    stage.world.office.waitlist().join_waitlist(again).await.unwrap();
    stage.world.service.verify().await;
}
