//! Who may connect.

use std::net::Ipv4Addr;

use bytes::Bytes;
use tiltaksplass::server::Limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::sleep,
};
use tonic::Code;

use super::wire::{PATIENCE, POSITION, PREFACE, SETTINGS, Wire, closed_after, millis, said};
use crate::support::{Service, limits, logs};

#[tokio::test]
async fn who_says_nothing_is_closed_in_time() {
    let service = Service::start_with(Limits { preface: millis(300), ..limits() }).await;
    // Neither nothing nor half a word holds a connection.
    for bytes in [&b""[..], &PREFACE[..10]] {
        let closed = closed_after(said(service.address, bytes).await).await;
        assert!(closed >= millis(200) && closed < millis(1_500), "{bytes:?}: {closed:?}");
    }
}

#[tokio::test]
async fn who_speaks_something_else_is_closed_at_once() {
    let service = Service::start_with(Limits { preface: PATIENCE, ..limits() }).await;
    for bytes in [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], b"\x16\x03\x01", b"PRI * HTTP/1"] {
        let closed = closed_after(said(service.address, bytes).await).await;
        assert!(closed < millis(1_500), "{bytes:?}: {closed:?}");
    }
}

/// Reads the head of the SETTINGS frame each HTTP/2 connection is greeted with.
async fn is_greeted(stream: &mut TcpStream) -> bool {
    let mut head = [0; 9];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut head)).await.unwrap();
    read.is_ok() && head[3] == 4
}

#[tokio::test]
async fn a_preface_may_come_in_pieces() {
    let service = Service::start_with(Limits { preface: PATIENCE, ..limits() }).await;
    let mut stream = said(service.address, &PREFACE[..1]).await;
    for bytes in [&PREFACE[1..23], &PREFACE[23..], SETTINGS] {
        sleep(millis(30)).await;
        stream.write_all(bytes).await.unwrap();
    }
    assert!(is_greeted(&mut stream).await);
}

async fn knock(service: &Service) -> Option<TcpStream> {
    let mut stream = said(service.address, PREFACE).await;
    is_greeted(&mut stream).await.then_some(stream)
}

#[tokio::test]
async fn connections_are_counted_up_and_down() {
    let service = Service::start_with(Limits { connections: 2, ..limits() }).await;
    let first = knock(&service).await.expect("one of two");
    let second = knock(&service).await.expect("two of two");
    assert!(knock(&service).await.is_none(), "one too many");
    // One that has not spoken yet has a seat as well.
    drop(first);
    sleep(millis(100)).await;
    let silent = said(service.address, b"").await;
    sleep(millis(100)).await;
    assert!(knock(&service).await.is_none(), "one too many");
    drop(silent);
    sleep(millis(100)).await;
    let _third = knock(&service).await.expect("a seat was given back");
    drop(second);
}

/// How many lines of the log, above debug, say this.
fn said_aloud(what: &str) -> usize {
    let logs = logs();
    let aloud = logs.lines().filter(|line| line.contains("WARN") || line.contains("INFO"));
    aloud.filter(|line| line.contains(what)).count()
}

#[tokio::test]
async fn strangers_do_not_fill_the_log() {
    let service = Service::start_with(Limits { connections: 1, ..limits() }).await;
    let mut wire = Wire::open(service.address, None).await;
    let (without_token, too_many) = ("without a valid token", "connections too many");
    let before = (said_aloud(without_token), said_aloud(too_many));
    for _ in 0..300 {
        let told = wire.call(wire.head(POSITION), Bytes::new()).await;
        assert_eq!(told.status.code(), Code::Unauthenticated);
        assert!(knock(&service).await.is_none(), "one too many");
    }
    // Other tests have services of their own, with lines of their own.
    for (what, before) in [(without_token, before.0), (too_many, before.1)] {
        let lines = said_aloud(what) - before;
        assert!((1..100).contains(&lines), "{what}: {lines}");
    }
}

async fn knock_from(address: Ipv4Addr, service: &Service) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    let mut stream = socket.connect(service.address).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    is_greeted(&mut stream).await.then_some(stream)
}

#[tokio::test]
async fn one_address_does_not_take_all_seats() {
    let service = Service::start_with(Limits { connections_per_peer: 1, ..limits() }).await;
    let first = knock_from([127, 0, 0, 1].into(), &service).await.expect("one of one");
    assert!(knock_from([127, 0, 0, 1].into(), &service).await.is_none(), "one too many");
    let _other = knock_from([127, 0, 0, 2].into(), &service).await.expect("another address");
    drop(first);
    sleep(millis(100)).await;
    knock_from([127, 0, 0, 1].into(), &service).await.expect("its seat was given back");
}
