//! Answers that nobody takes.

use bytes::Bytes;
use tiltaksplass::{domain::access::Role, proto::v1::GetAvailabilityRequest, server::Limits};
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

use super::wire::{AVAILABILITY, Answer, PATIENCE, Wire, framed, millis};
use crate::{
    support::{Service, limits},
    world::{COUNTY, World},
};

async fn world(limits: Limits) -> (World, Bytes) {
    let world = World::on(Service::start_with(limits).await).await;
    let (ledger, _) = world.vta(1).await;
    let ask = GetAvailabilityRequest { ledger: Some(ledger), ..GetAvailabilityRequest::default() };
    (world, framed(&ask))
}

async fn county(world: &World, room: u32) -> Wire {
    let token = world.service.token(Role::County, COUNTY, "county-1");
    Wire::open_with_room(world.service.address, Some(token), room).await
}

/// A whole question, of whose answer only the head is taken.
async fn ask_only(wire: &mut Wire, question: &Bytes) -> h2::RecvStream {
    let (answer, mut body): (Answer, _) = wire.begin(wire.head(AVAILABILITY)).await;
    body.send_data(question.clone(), true).unwrap();
    let (headers, answer) = answer.head().await;
    assert!(!headers.contains_key("grpc-status"), "an answer is to come: {headers:?}");
    answer
}

#[tokio::test]
async fn an_answer_has_its_place_until_it_was_taken() {
    let few = Limits { calls: 2, answer: millis(800), ..limits() };
    let (world, question) = world(few).await;
    let mut others = county(&world, 65_535).await;
    let mut takes_nothing = county(&world, 0).await;
    let start = Instant::now();
    let held = [
        ask_only(&mut takes_nothing, &question).await,
        ask_only(&mut takes_nothing, &question).await,
    ];
    let told = others.call(others.head(AVAILABILITY), question.clone()).await;
    assert_eq!(told.code_and_reason(), (Code::ResourceExhausted, "OVERLOADED".to_owned()));
    // It answers PINGs, and is cut all the same.
    drop(timeout(PATIENCE, takes_nothing.connection).await.expect("it is cut"));
    let lived = start.elapsed();
    assert!(lived >= millis(700) && lived < millis(2_500), "{lived:?}");
    sleep(millis(50)).await;
    let told = others.call(others.head(AVAILABILITY), question).await;
    assert_eq!(told.status.code(), Code::Ok, "the places were given back: {told:?}");
    sleep(millis(1_000)).await;
    assert!(!others.connection.is_finished(), "who takes answers stays");
    drop(held);
}

#[tokio::test]
async fn an_answer_nobody_takes_holds_up_no_end() {
    let (mut world, question) = world(Limits { answer: millis(400), ..limits() }).await;
    let mut takes_nothing = county(&world, 0).await;
    let held = ask_only(&mut takes_nothing, &question).await;
    let start = Instant::now();
    world.service.stop().await;
    let took = start.elapsed();
    assert!(took < millis(3_000), "{took:?}");
    drop(held);
}
