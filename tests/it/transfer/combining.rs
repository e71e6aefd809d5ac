//! Measures that do not combine: who begins in one waits in the other no more, and keeps the
//! place in the queue; who uses a place in one does not begin in the other.

use tiltaksplass::{
    domain::{
        access::{Actor, CallId, Method, Said},
        command::{Command, ImportRegistry},
        ids::{LedgerId, RequestId},
        measure::MeasureRules,
        registry::RegistryRow as Row,
    },
    write::{Done, Draft, Work, Writer},
};

use super::*;
use crate::world::avklaring;

/// Lets a measure type combine with these only.
pub async fn combines_only_with(service: &Service, code: &str, with: &[&str]) {
    let app = &service.app;
    let mut transaction = app.db.begin_read().await.unwrap();
    let registry = app.registry.current(&mut transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    let mut measure = registry.measure_versions(&code.parse().unwrap()).next().unwrap().clone();
    let with = with.iter().map(|code| code.parse().unwrap()).collect();
    measure.rules = MeasureRules { combines_with: Some(with), ..measure.rules };
    let rows = vec![Row::MeasureType(measure)];
    let command = Command::ImportRegistry(ImportRegistry { source: "test".into(), rows });
    let (writer, _lanes) = Writer::start(app);
    let work = Work {
        method: Method::ImportRegistry,
        request_id: RequestId(request_id().parse().unwrap()),
        validate_only: false,
        ledger: LedgerId::registry(),
        actor: Actor {
            issuer: "test".into(),
            subject: "directorate-1".into(),
            role: Role::Directorate,
            organisation: "NAV".into(),
            employer: None,
        },
        standing: std::sync::Arc::default(),
        said: Said::default(),
        call_id: CallId::new(uuid::Uuid::nil()),
        identity_of_call: Vec::new(),
        draft: Draft::of(command),
        encode: imported,
    };
    writer.submit(work).await.unwrap();
}

fn imported(done: &Done<'_>) -> Vec<u8> {
    let id = done.ledger.id();
    let (county_id, measure_code) = (id.county_id.to_string(), id.measure_code.to_string());
    let revision =
        Revision { ledger: Some(Ledger { county_id, measure_code }), seq: done.ledger.head().seq };
    ImportRegistryResponse { revision: Some(revision), ..ImportRegistryResponse::default() }
        .encode_to_vec()
}

pub fn start(ledger: &Ledger, offer_id: &str) -> StartPlacementRequest {
    StartPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_id: offer_id.into(),
        start_date: Some(date(2026, 3, 2)),
        ..StartPlacementRequest::default()
    }
}

/// Places for so many in a pool.
pub async fn pool(world: &World, ledger: &Ledger, places: u32) {
    world.budget(ledger, places).await;
    world.place_group(ledger, places).await;
}

/// The offers of a run, confirmed and accepted.
pub async fn accepted(world: &World, ledger: &Ledger, max: u32) -> Vec<Offer> {
    let proposals = world.propose(ledger, max).await;
    let offers = world.confirm_all(ledger, &proposals).await;
    for offer in &offers {
        world.respond(ledger, &offer.offer_id, OfferAnswer::Accept).await.unwrap();
    }
    offers
}

#[tokio::test]
async fn a_start_suspends_what_does_not_combine_and_passes_its_place_on() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    pool(&world, &avklaring(), 1).await;
    combines_only_with(&world.service, "AVKLARING", &[]).await;
    world.join(&ledger, 1).await;
    let waits = world.join(&avklaring(), 1).await;
    let next = world.join(&avklaring(), 2).await;
    world.allocate(&avklaring(), 1).await;
    let offer = accepted(&world, &ledger, 1).await.remove(0);
    let request = start(&ledger, &offer.offer_id);
    let preview = StartPlacementRequest { validate_only: true, ..request.clone() };
    world.office.allocation().start_placement(preview).await.unwrap();
    let before = entry(&world.service, &avklaring(), &waits).await;
    assert_eq!(before.state(), EntryState::Proposed);
    let first = world.office.allocation().start_placement(request.clone()).await.unwrap();
    let after = entry(&world.service, &avklaring(), &waits).await;
    assert_eq!((after.state(), after.eligible_again_time), (EntryState::Paused, None));
    assert_eq!(after.order_time, before.order_time);
    assert_eq!(entry(&world.service, &avklaring(), &next).await.state(), EntryState::Proposed);
    let mut sql = world.service.sql().await;
    let row = ("SUSPEND_ENTRY".to_owned(), request.request_id.clone());
    assert_eq!(last_row(&mut sql, &avklaring()).await, row);
    let again = world.office.allocation().start_placement(request).await.unwrap();
    assert_eq!(first.into_inner().encode_to_vec(), again.into_inner().encode_to_vec());
    world.service.verify().await;
}

#[tokio::test]
async fn who_uses_a_place_that_does_not_combine_begins_nowhere_else() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let there = Ledger { measure_code: "AVKLARING".into(), ..other_vta() };
    world.join(&ledger, 1).await;
    let offer = accepted(&world, &ledger, 1).await.remove(0);
    // In another area, and only the other type's rules leave this one out.
    let (begins, placement_id) = placed_in(&world, &there, 1).await;
    combines_only_with(&world.service, "AVKLARING", &[]).await;
    let allocation = || world.office.allocation();
    let refused = allocation().start_placement(start(&ledger, &offer.offer_id)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "NOT_COMBINABLE"));
    assert!(refused.message().contains("AVKLARING") && !refused.message().contains(&begins));
    // To the provider it is said without the measure: that is not its to know.
    let mut provider = world.provider.allocation();
    let refused = provider.start_placement(start(&ledger, &offer.offer_id)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "MEASURE_TYPE_RULE"));
    assert!(!String::from_utf8_lossy(refused.details()).contains("AVKLARING"));
    assert!(!refused.message().contains("AVKLARING"));
    // Once that has ended, or combines, it may begin.
    let request = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(there.clone()),
        placement_id,
        end_date: Some(date(2026, 3, 2)),
        outcome: PlacementOutcome::Education.into(),
        ..EndPlacementRequest::default()
    };
    world.caller_of(&there).await.allocation().end_placement(request).await.unwrap();
    allocation().start_placement(start(&ledger, &offer.offer_id)).await.unwrap();
    world.service.verify().await;
}

/// Somebody who uses a place of a pool: the entry and the placement.
async fn placed_in(world: &World, ledger: &Ledger, person: u32) -> (String, String) {
    pool(world, ledger, 1).await;
    let entry_id = world.join(ledger, person).await;
    let county = world.caller_of(ledger).await;
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        max_proposals: 1,
        ..AllocatePlacesRequest::default()
    };
    let run = county.allocation().allocate_places(request).await.unwrap().into_inner();
    let offer_id = run.proposals[0].offer_id.clone();
    let request = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_ids: vec![offer_id.clone()],
        ..ConfirmProposalsRequest::default()
    };
    county.allocation().confirm_proposals(request).await.unwrap();
    let request = RespondToOfferRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_id: offer_id.clone(),
        answer: OfferAnswer::Accept.into(),
        ..RespondToOfferRequest::default()
    };
    county.allocation().respond_to_offer(request).await.unwrap();
    let started = county.allocation().start_placement(start(ledger, &offer_id)).await.unwrap();
    (entry_id, started.into_inner().placement.unwrap().placement_id)
}

#[tokio::test]
async fn what_combines_stays_as_it_is() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    combines_only_with(&world.service, "VTA", &["AVKLARING"]).await;
    world.join(&ledger, 1).await;
    let waits = world.join(&avklaring(), 1).await;
    let offer = accepted(&world, &ledger, 1).await.remove(0);
    let mut sql = world.service.sql().await;
    let before = last_row(&mut sql, &avklaring()).await;
    world.start(&ledger, &offer.offer_id, date(2026, 3, 2)).await;
    assert_eq!(last_row(&mut sql, &avklaring()).await, before);
    assert_eq!(entry(&world.service, &avklaring(), &waits).await.state(), EntryState::Waiting);
    world.service.verify().await;
}
