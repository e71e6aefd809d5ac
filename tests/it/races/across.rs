//! Commands over several ledgers against each other: two transfers of one entry, a transfer
//! against a confirmation, two starts in measures that do not combine, a start against a
//! transfer of what it suspends. One comes second, and no two ever wait for each other.

use std::{collections::BTreeMap, sync::LazyLock};

use super::*;
use crate::{
    support::at_length,
    transfer::{
        TO_HEMNE, TO_LEVANGER, TO_TRONDHEIM,
        combining::{accepted, combines_only_with, pool, start},
        entry, transfer,
    },
    world::avklaring,
};

/// How many rounds a duel has.
static ROUNDS: LazyLock<u32> = LazyLock::new(|| at_length(200, 1_000));

/// Two callers of the county, each at a service of its own.
async fn two_counties(world: &World, replica: &Service) -> [Caller; 2] {
    [world.county.clone(), replica.caller(Role::County, COUNTY).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_transfers_of_one_entry_one_comes_second() {
    let world = World::new().await;
    let replica = world.service.replica().await;
    let here = two_counties(&world, &replica).await;
    let there = [
        world.service.caller(Role::County, OTHER_COUNTY).await,
        replica.caller(Role::County, OTHER_COUNTY).await,
    ];
    // Every other one moves the other way, so that the two ledgers are wanted in both orders.
    let firsts = rounds(0..*ROUNDS, |person| {
        let outwards = person % 2 == 0;
        let (callers, ledger, to) = if outwards {
            (here.clone(), vta(), TO_LEVANGER)
        } else {
            (there.clone(), other_vta(), TO_TRONDHEIM)
        };
        async move {
            let joined = callers[0].waitlist().join_waitlist(join(&ledger, person)).await.unwrap();
            let entry_id = joined.into_inner().entry_id;
            let [mut first, mut second] = callers.map(|caller| caller.waitlist());
            let (first, second) = futures::join!(
                first.transfer_entry(transfer(&ledger, &entry_id, to)),
                second.transfer_entry(transfer(&ledger, &entry_id, to)),
            );
            let is_first = first.is_ok();
            let refused = match (first, second) {
                (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
                both => panic!("one of the two must come second: {both:?}"),
            };
            assert_eq!(reason(&refused), "MOVED", "{refused:?}");
            is_first
        }
    })
    .await;
    let first = firsts.iter().filter(|first| **first).count();
    assert!(first > 0 && first < firsts.len(), "both must win at times: {first}");
    let mut sql = world.service.sql().await;
    let claims: Vec<(String, i64)> =
        sqlx::query_as("SELECT county_id, count(*) FROM person_claim GROUP BY 1 ORDER BY 1")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    let half = i64::from(*ROUNDS / 2);
    assert_eq!(claims, [(COUNTY.to_owned(), half), (OTHER_COUNTY.to_owned(), half)]);
    assert_sound(world, replica).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_against_a_confirmation_leaves_no_offer_behind() {
    let world = World::new().await;
    let (ledger, _) = world.vta(*ROUNDS).await;
    let replica = world.service.replica().await;
    let callers = two_counties(&world, &replica).await;
    for person in 0..*ROUNDS {
        world.join(&ledger, person).await;
    }
    let proposals = world.propose(&ledger, *ROUNDS).await;
    assert_eq!(proposals.len(), *ROUNDS as usize);
    let moved = rounds(0..*ROUNDS, |round| {
        let (callers, ledger) = (callers.clone(), ledger.clone());
        let Offer { offer_id, entry_id, .. } = proposals[round as usize].clone();
        // Half of them stay in the area, in another municipality.
        let to = if round % 2 == 0 { TO_LEVANGER } else { TO_HEMNE };
        async move {
            let [one, other] = callers;
            let (mut waitlist, mut allocation) = (one.waitlist(), other.allocation());
            let confirm = ConfirmProposalsRequest {
                request_id: request_id(),
                ledger: Some(ledger.clone()),
                offer_ids: vec![offer_id],
                ..ConfirmProposalsRequest::default()
            };
            let moved = waitlist.transfer_entry(transfer(&ledger, &entry_id, to));
            // A transfer over two ledgers takes the longer way and may lose every race: some
            // confirmations wait for it, so that both ends of it are seen.
            let (moved, confirmed) = if round % 4 < 2 {
                (moved.await, allocation.confirm_proposals(confirm).await)
            } else {
                futures::join!(moved, allocation.confirm_proposals(confirm))
            };
            let withdrawn = moved.unwrap().into_inner().withdrawn_offer.unwrap();
            assert_eq!(withdrawn.state(), OfferState::Withdrawn);
            let second = if to == TO_LEVANGER { "MOVED" } else { "WRONG_STATE" };
            confirmed.map_err(|refused| assert_eq!(reason(&refused), second)).is_ok()
        }
    })
    .await;
    let confirmed = moved.iter().filter(|confirmed| **confirmed).count();
    assert!(confirmed > 0 && confirmed <= moved.len() / 2, "each first at times: {confirmed}");
    assert_sound(world, replica).await;
}

/// People who have said yes in both measures, and their two offers.
async fn twice_accepted(world: &World) -> Vec<[String; 2]> {
    let (ledger, _) = world.vta(*ROUNDS).await;
    pool(world, &avklaring(), *ROUNDS).await;
    combines_only_with(&world.service, "AVKLARING", &[]).await;
    let mut people: BTreeMap<String, usize> = BTreeMap::new();
    for person in 0..*ROUNDS {
        for ledger in [&ledger, &avklaring()] {
            people.insert(world.join(ledger, person).await, person as usize);
        }
    }
    // At the head of both queues at once.
    let pooled = avklaring();
    let (here, there) =
        futures::join!(accepted(world, &ledger, *ROUNDS), accepted(world, &pooled, *ROUNDS));
    let mut offers = vec![[String::new(), String::new()]; *ROUNDS as usize];
    for (at, offer) in here.into_iter().map(|o| (0, o)).chain(there.into_iter().map(|o| (1, o))) {
        offers[people[&offer.entry_id]][at] = offer.offer_id;
    }
    offers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_starts_that_do_not_combine_one_comes_second() {
    let world = World::new().await;
    let offers = twice_accepted(&world).await;
    let replica = world.service.replica().await;
    let callers = two_counties(&world, &replica).await;
    let firsts = rounds(0..*ROUNDS, |round| {
        let callers = callers.clone();
        let [here, there] = offers[round as usize].clone();
        async move {
            let [mut first, mut second] = callers.map(|caller| caller.allocation());
            let (first, second) = futures::join!(
                first.start_placement(start(&vta(), &here)),
                second.start_placement(start(&avklaring(), &there)),
            );
            let is_first = first.is_ok();
            let refused = match (first, second) {
                (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
                both => panic!("one of the two must come second: {both:?}"),
            };
            // What the second had was taken back with the first.
            assert_eq!(reason(&refused), "WRONG_STATE", "{refused:?}");
            is_first
        }
    })
    .await;
    let first = firsts.iter().filter(|first| **first).count();
    assert!(first > 0 && first < firsts.len(), "both must win at times: {first}");
    let mut sql = world.service.sql().await;
    let states: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, count(*) FROM entry GROUP BY 1 ORDER BY 1")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    let all = i64::from(*ROUNDS);
    assert_eq!(states, [("PAUSED".to_owned(), all), ("PLACED".to_owned(), all)]);
    assert_sound(world, replica).await;
}

/// What a start suspends may move meanwhile: it is found where it is, and waits in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_finds_what_it_suspends_wherever_it_has_moved() {
    let world = World::new().await;
    let (ledger, _) = world.vta(*ROUNDS).await;
    combines_only_with(&world.service, "VTA", &[]).await;
    let mut waits = BTreeMap::new();
    let mut people = BTreeMap::new();
    for person in 0..*ROUNDS {
        people.insert(world.join(&ledger, person).await, person);
        waits.insert(person, world.join(&avklaring(), person).await);
    }
    let offers = accepted(&world, &ledger, *ROUNDS).await;
    let replica = world.service.replica().await;
    let callers = two_counties(&world, &replica).await;
    rounds(0..*ROUNDS, |round| {
        let callers = callers.clone();
        let offer = offers[round as usize].clone();
        let waits = waits[&people[&offer.entry_id]].clone();
        async move {
            let [one, other] = callers;
            let (mut allocation, mut waitlist) = (one.allocation(), other.waitlist());
            let (started, moved) = futures::join!(
                allocation.start_placement(start(&vta(), &offer.offer_id)),
                waitlist.transfer_entry(transfer(&avklaring(), &waits, TO_LEVANGER)),
            );
            started.unwrap();
            moved.unwrap();
        }
    })
    .await;
    let there = Ledger { county_id: OTHER_COUNTY.into(), ..avklaring() };
    for entry_id in waits.values() {
        let state = entry(&world.service, &there, entry_id).await.state();
        assert_eq!(state, EntryState::Paused);
    }
    assert_sound(world, replica).await;
}
