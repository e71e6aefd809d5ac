//! The end.

use std::time::Duration;

use tiltaksplass::{domain::access::Role, proto::v1::ImportRegistryRequest, server::Limits};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;

use super::wire::{IMPORT, POSITION, PREFACE, SETTINGS, WATCH, Wire, framed, millis, said, write};
use crate::{
    support::{Service, limits, request_id},
    world::{COUNTY, registry},
};

/// How long it takes to stop.
async fn stop(service: &mut Service) -> Duration {
    let start = Instant::now();
    service.stop().await;
    start.elapsed()
}

#[tokio::test]
async fn what_is_idle_holds_up_no_end() {
    let mut service = Service::start().await;
    let address = service.address;
    let channel = service.caller(Role::County, COUNTY).await;
    let wire = Wire::open(address, None).await;
    // Alone, each of these keeps tonic waiting: one that is silent, one that has only
    // said what it must, one that watches health.
    let silent = said(address, b"").await;
    let spoken = said(address, PREFACE).await;
    let settled = said(address, &[PREFACE, SETTINGS].concat()).await;
    let mut watcher = Wire::open(address, None).await;
    let (answer, mut body) = watcher.begin(watcher.head(WATCH)).await;
    write(&mut body, framed(&HealthCheckRequest::default()), true).await.unwrap();
    let watching = answer.head().await;
    let took = stop(&mut service).await;
    assert!(took < millis(2_500), "{took:?}");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
    drop((channel, wire, silent, spoken, settled, watching));
}

#[tokio::test]
async fn ordinary_clients_leave_at_once() {
    let mut service = Service::start().await;
    let channel = service.caller(Role::County, COUNTY).await;
    let wire = Wire::open(service.address, None).await;
    let took = stop(&mut service).await;
    assert!(took < millis(450), "{took:?}");
    drop((channel, wire));
}

#[tokio::test]
async fn a_call_that_never_ends_is_cut_at_the_end_of_the_drain() {
    let mut service = Service::start_with(Limits { drain: millis(800), ..limits() }).await;
    let token = service.token(Role::County, COUNTY, "county-1");
    let mut wire = Wire::open(service.address, Some(token)).await;
    let (_answer, _body) = wire.begin(wire.head(POSITION)).await;
    sleep(millis(100)).await;
    let took = stop(&mut service).await;
    assert!(took >= millis(700) && took < millis(2_000), "{took:?}");
}

#[tokio::test]
async fn a_call_under_way_gets_its_answer() {
    let mut service = Service::start().await;
    let address = service.address;
    let token = service.token(Role::Directorate, "NAV", "nav-1");
    let mut wire = Wire::open(address, Some(token)).await;
    let (answer, mut body) = wire.begin(wire.head(IMPORT)).await;
    sleep(millis(100)).await;
    let stopping = tokio::spawn(async move { stop(&mut service).await });
    // Longer than idle connections have.
    sleep(millis(800)).await;
    assert!(!stopping.is_finished(), "it waits for the call");
    assert!(TcpStream::connect(address).await.is_err(), "nobody new is let in");
    let whole = ImportRegistryRequest {
        request_id: request_id(),
        source: "test".into(),
        rows: registry(),
        ..ImportRegistryRequest::default()
    };
    write(&mut body, framed(&whole), true).await.unwrap();
    let told = answer.told().await;
    assert_eq!(told.status.code(), Code::Ok, "{told:?}");
    let took = stopping.await.unwrap();
    assert!(took < millis(3_000), "{took:?}");
}

/// A read that waits for a lock is dropped with its call, but its task goes on.
#[tokio::test]
async fn a_database_that_does_not_answer_holds_up_no_end() {
    let quick = Limits { drain: millis(500), finish: millis(500), ..limits() };
    let mut service = Service::start_with(quick).await;
    let mut sql = service.sql().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")
        .execute(&mut sql)
        .await
        .unwrap();
    let token = service.token(Role::County, COUNTY, "county-1");
    let mut wire = Wire::open(service.address, Some(token)).await;
    let ask = tiltaksplass::proto::v1::GetPositionRequest {
        ledger: Some(crate::world::vta()),
        entry_id: request_id(),
        at_least_seq: 1,
        with_explanation: false,
    };
    let (_answer, mut body) = wire.begin(wire.head(POSITION)).await;
    write(&mut body, framed(&ask), true).await.unwrap();
    sleep(millis(100)).await;
    let took = stop(&mut service).await;
    assert!(took < millis(2_500), "{took:?}");
}
