//! The settings of HTTP/2 and the life of a connection.

use std::collections::BTreeMap;

use tiltaksplass::server::Limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;

use super::wire::{
    IMPORT, PATIENCE, PREFACE, SETTINGS, WATCH, Wire, closed_after, framed, millis, said, write,
};
use crate::{
    support::{Service, limits},
    world::registry,
};
use tiltaksplass::{domain::access::Role, proto::v1::ImportRegistryRequest};

const MAX_CONCURRENT_STREAMS: u16 = 3;
const MAX_HEADER_LIST_SIZE: u16 = 6;

#[tokio::test]
async fn a_connection_is_told_its_bounds() {
    let service = Service::start().await;
    let mut stream = said(service.address, PREFACE).await;
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "SETTINGS come first");
    let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
    stream.read_exact(&mut payload).await.unwrap();
    let settings: BTreeMap<u16, u32> = payload
        .chunks(6)
        .map(|one| {
            let value = u32::from_be_bytes(one[2..].try_into().unwrap());
            (u16::from_be_bytes([one[0], one[1]]), value)
        })
        .collect();
    assert_eq!(settings[&MAX_CONCURRENT_STREAMS], 100);
    assert_eq!(settings[&MAX_HEADER_LIST_SIZE], 80 * 1024);
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_closed() {
    let quick =
        Limits { keepalive_interval: millis(200), keepalive_timeout: millis(200), ..limits() };
    let service = Service::start_with(quick).await;
    let answers = Wire::open(service.address, None).await;
    let silent = said(service.address, &[PREFACE, SETTINGS].concat()).await;
    let closed = closed_after(silent).await;
    assert!(closed >= millis(200) && closed < millis(2_000), "{closed:?}");
    sleep(millis(600)).await;
    assert!(!answers.connection.is_finished(), "who answers stays");
}

/// PING answers fill all buffers, and so keep the transport from noticing anything.
#[tokio::test]
async fn who_takes_nothing_is_cut() {
    let quick =
        Limits { keepalive_interval: millis(250), keepalive_timeout: millis(250), ..limits() };
    let service = Service::start_with(quick).await;
    let mut stream = said(service.address, &[PREFACE, SETTINGS].concat()).await;
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].repeat(1_000);
    // The connection is reset while we still write, though we never read.
    let refused = async { while stream.write_all(&ping).await.is_ok() {} };
    timeout(PATIENCE, refused).await.expect("it is cut");
}

#[tokio::test]
async fn an_old_connection_is_asked_to_end_and_its_calls_finish() {
    let aging = Limits { connection_age: millis(300), ..limits() };
    let service = Service::start_with(aging).await;
    let idle = Wire::open(service.address, None).await;
    let token = service.token(Role::Directorate, "NAV", "nav-1");
    let mut busy = Wire::open(service.address, Some(token)).await;
    let (answer, mut body) = busy.begin(busy.head(IMPORT)).await;
    // It is told to go, and does.
    timeout(PATIENCE, idle.connection).await.expect("it ends").unwrap().unwrap();
    sleep(millis(200)).await;
    let piece = ImportRegistryRequest {
        request_id: crate::support::request_id(),
        source: "test".into(),
        rows: registry(),
        ..ImportRegistryRequest::default()
    };
    write(&mut body, framed(&piece), true).await.unwrap();
    let told = answer.told().await;
    assert_eq!(told.status.code(), Code::Ok, "{told:?}");
}

#[tokio::test]
async fn a_connection_that_does_not_go_is_cut() {
    let aging = Limits { connection_age: millis(200), connection_grace: millis(300), ..limits() };
    let service = Service::start_with(aging).await;
    let start = Instant::now();
    let mut wire = Wire::open(service.address, None).await;
    let (answer, mut body) = wire.begin(wire.head(WATCH)).await;
    write(&mut body, framed(&HealthCheckRequest::default()), true).await.unwrap();
    let (_, mut updates) = answer.head().await;
    updates.data().await.expect("it is told").unwrap();
    drop(timeout(PATIENCE, wire.connection).await.expect("it ends"));
    let lived = start.elapsed();
    assert!(lived >= millis(400) && lived < millis(2_000), "{lived:?}");
}
