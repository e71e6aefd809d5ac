//! How long what may take.

use bytes::Bytes;
use h2::Reason;
use tiltaksplass::{
    domain::access::Role,
    proto::v1::{GetPositionRequest, ImportRegistryRequest, RegistryRow},
    server::Limits,
};
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;

use super::wire::{CHECK, IMPORT, POSITION, WATCH, Wire, framed, millis, promise, write};
use crate::{
    support::{Service, limits, logs, request_id},
    world::{COUNTY, registry, vta},
};

async fn county(service: &Service) -> Wire {
    let token = service.token(Role::County, COUNTY, "county-1");
    Wire::open(service.address, Some(token)).await
}

async fn directorate(service: &Service) -> Wire {
    let token = service.token(Role::Directorate, "NAV", "nav-1");
    Wire::open(service.address, Some(token)).await
}

/// How many rows the logs have.
async fn log_rows(service: &Service) -> i64 {
    let mut sql = service.sql().await;
    sqlx::query_scalar("SELECT count(*) FROM ledger_log").fetch_one(&mut sql).await.unwrap()
}

#[tokio::test]
async fn a_unary_call_ends_though_its_body_never_does() {
    let service = Service::start_with(Limits { call: millis(600), ..limits() }).await;
    let mut wire = county(&service).await;
    for (path, asked, least, most) in [
        (POSITION, None, millis(500), millis(1_500)),
        (CHECK, None, millis(500), millis(1_500)),
        // A caller may ask for less, not for more.
        (POSITION, Some("1H"), millis(500), millis(1_500)),
        (POSITION, Some("100m"), millis(50), millis(500)),
        (POSITION, Some("1n"), millis(0), millis(300)),
    ] {
        let mut head = wire.head(path);
        if let Some(asked) = asked {
            head.headers_mut().insert("grpc-timeout", asked.parse().unwrap());
        }
        let start = Instant::now();
        let (answer, _body) = wire.begin(head).await;
        let told = answer.told().await;
        let took = start.elapsed();
        let expected = (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned());
        assert_eq!(told.code_and_reason(), expected, "{asked:?}");
        assert!(took >= least && took < most, "{asked:?}: {took:?}");
    }
}

#[tokio::test]
async fn a_unary_request_arrives_soon_or_not_at_all() {
    let service = Service::start_with(Limits { arrival: millis(400), ..limits() }).await;
    let mut wire = county(&service).await;
    for path in [POSITION, CHECK] {
        let start = Instant::now();
        let (answer, _body) = wire.begin(wire.head(path)).await;
        let told = answer.told().await;
        let took = start.elapsed();
        let expected = (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned());
        assert_eq!(told.code_and_reason(), expected, "{path}");
        assert!(took >= millis(300) && took < millis(1_500), "{path}: {took:?}");
    }
    // A byte now and then does not help.
    let (answer, mut body) = wire.begin(wire.head(POSITION)).await;
    let told = tokio::spawn(answer.told());
    let start = Instant::now();
    for byte in promise(1_000) {
        drop(write(&mut body, Bytes::copy_from_slice(&[byte]), false).await);
        sleep(millis(150)).await;
    }
    let told = told.await.unwrap();
    assert_eq!(told.code_and_reason(), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert!(start.elapsed() < millis(1_500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_waits_for_the_database_ends_too() {
    let service = Service::start_with(Limits { call: millis(400), ..limits() }).await;
    let mut wire = county(&service).await;
    let mut sql = service.sql().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")
        .execute(&mut sql)
        .await
        .unwrap();
    let ask = GetPositionRequest {
        ledger: Some(vta()),
        entry_id: request_id(),
        at_least_seq: 1,
        ..GetPositionRequest::default()
    };
    let told = wire.call(wire.head(POSITION), framed(&ask)).await;
    assert_eq!(told.code_and_reason(), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
}

#[tokio::test]
async fn a_timeout_that_is_none_is_refused() {
    let service = Service::start().await;
    let mut wire = county(&service).await;
    for text in ["5", "S", "5s", "+5S", "123456789S", "1.5S", "soon"] {
        let mut head = wire.head(POSITION);
        head.headers_mut().insert("grpc-timeout", text.parse().unwrap());
        let told = wire.call(head, framed(&GetPositionRequest::default())).await;
        let expected = (Code::InvalidArgument, "INVALID_FIELDS".to_owned());
        assert_eq!(told.code_and_reason(), expected, "{text}");
        assert_eq!(told.field(), "grpc-timeout", "{text}");
    }
}

/// One piece of an import for each row, all of the same request.
fn pieces() -> Vec<Bytes> {
    let request_id = request_id();
    let piece = |row: RegistryRow| {
        framed(&ImportRegistryRequest {
            request_id: request_id.clone(),
            source: "test".into(),
            rows: vec![row],
            ..ImportRegistryRequest::default()
        })
    };
    registry().into_iter().map(piece).collect()
}

#[tokio::test]
async fn an_import_may_last_but_not_pause() {
    let quick = Limits { call: millis(200), stream_idle: millis(400), ..limits() };
    let service = Service::start_with(quick).await;
    let mut wire = directorate(&service).await;
    let (answer, mut body) = wire.begin(wire.head(IMPORT)).await;
    let start = Instant::now();
    write(&mut body, pieces()[0].clone(), false).await.unwrap();
    let told = answer.told().await;
    assert_eq!(told.code_and_reason(), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert!(start.elapsed() >= millis(300), "{:?}", start.elapsed());
    assert_eq!(log_rows(&service).await, 0, "nothing was stored");
    // Far longer than any unary call, and longer than one pause, but never idle.
    let (answer, mut body) = wire.begin(wire.head(IMPORT)).await;
    for piece in pieces() {
        write(&mut body, piece, false).await.unwrap();
        sleep(millis(60)).await;
    }
    body.send_data(Bytes::new(), true).unwrap();
    let told = answer.told().await;
    assert_eq!(told.status.code(), Code::Ok, "{told:?}");
}

#[tokio::test]
async fn an_import_ends_though_it_never_pauses() {
    let service = Service::start_with(Limits { stream: millis(500), ..limits() }).await;
    let mut wire = directorate(&service).await;
    let (answer, mut body) = wire.begin(wire.head(IMPORT)).await;
    let told = tokio::spawn(answer.told());
    let start = Instant::now();
    for piece in pieces().into_iter().cycle() {
        if write(&mut body, piece, false).await.is_err() || told.is_finished() {
            break;
        }
        sleep(millis(50)).await;
    }
    let told = told.await.unwrap();
    assert_eq!(told.code_and_reason(), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert!(start.elapsed() < millis(2_000), "{:?}", start.elapsed());
    assert_eq!(log_rows(&service).await, 0, "nothing was stored");
}

/// The transport takes a stream that its sender cancelled for one that has come to its
/// end. The call is dropped right after it was read, and so hardly ever stored; but the
/// log tells what it was taken for.
#[tokio::test]
async fn half_an_import_is_not_taken_for_a_whole_one() {
    let service = Service::start().await;
    let mut wire = directorate(&service).await;
    let refusals = || {
        let logs = logs();
        let of_imports = logs.lines().filter(|line| line.contains("\"ImportRegistry\""));
        of_imports.filter(|line| line.contains("the message is malformed")).count()
    };
    let before = refusals();
    for _ in 0..50 {
        let (_answer, mut body) = wire.begin(wire.head(IMPORT)).await;
        write(&mut body, pieces()[0].clone(), false).await.unwrap();
        sleep(millis(10)).await;
        body.send_reset(Reason::CANCEL);
    }
    sleep(millis(300)).await;
    let refused = refusals() - before;
    assert!(refused >= 50, "{refused}");
    assert_eq!(log_rows(&service).await, 0, "nothing was stored");
}

#[tokio::test]
async fn who_watches_health_may_watch_on() {
    let quick = Limits { call: millis(100), stream: millis(100), ..limits() };
    let mut service = Service::start_with(quick).await;
    let mut wire = Wire::open(service.address, None).await;
    let (answer, mut body) = wire.begin(wire.head(WATCH)).await;
    write(&mut body, framed(&HealthCheckRequest::default()), true).await.unwrap();
    let (_, mut updates) = answer.head().await;
    let serving = updates.data().await.unwrap().unwrap();
    assert_eq!(serving[5..], [8, 1], "SERVING");
    assert!(timeout(millis(500), updates.data()).await.is_err(), "it is still open");
    service.stop().await;
    let gone = timeout(millis(500), updates.data()).await.unwrap().unwrap().unwrap();
    assert_eq!(gone[5..], [8, 2], "NOT_SERVING");
}
