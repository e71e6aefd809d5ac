//! What is refused so that the rest is answered.

use sqlx::PgConnection;
use tiltaksplass::{
    domain::access::Role,
    proto::v1::{GetPositionRequest, GetPositionResponse, SummarizeQueuesRequest},
    server::Limits,
};
use tokio::time::sleep;
use tonic::{Code, Request, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt;

use super::wire::{IMPORT, POSITION, Wire, framed, millis};
use crate::{
    support::{Caller, Service, limits, reason, request_id},
    world::{COUNTY, OTHER_COUNTY, World, vta},
};

fn ask() -> GetPositionRequest {
    GetPositionRequest {
        ledger: Some(vta()),
        entry_id: request_id(),
        at_least_seq: 0,
        ..GetPositionRequest::default()
    }
}

async fn position(caller: &Caller) -> Result<GetPositionResponse, Status> {
    Ok(caller.waitlist().get_position(ask()).await?.into_inner())
}

async fn require_health(service: &Service) {
    let mut health = HealthClient::new(service.channel().await);
    health.check(HealthCheckRequest::default()).await.unwrap();
}

#[tokio::test]
async fn one_call_too_many_is_refused_at_once() {
    let service = Service::start_with(Limits { calls: 2, ..limits() }).await;
    let token = service.token(Role::Directorate, "NAV", "nav-1");
    let mut wire = Wire::open(service.address, Some(token)).await;
    // Two calls whose bodies are still to come, a unary one and a stream.
    let unary = wire.begin(wire.head(POSITION)).await;
    let import = wire.begin(wire.head(IMPORT)).await;
    sleep(millis(50)).await;
    let told = wire.call(wire.head(POSITION), framed(&ask())).await;
    assert_eq!(told.code_and_reason(), (Code::ResourceExhausted, "OVERLOADED".to_owned()));
    assert!(told.retry_after().is_some_and(|wait| wait > millis(100)), "{told:?}");
    require_health(&service).await;
    drop(unary);
    sleep(millis(50)).await;
    let told = wire.call(wire.head(POSITION), framed(&ask())).await;
    assert_eq!(told.reason(), "PERMISSION_DENIED", "a place was given back");
    drop(import);
}

/// Makes every read of a ledger wait until the connection is dropped.
async fn hold_reads(service: &Service) -> PgConnection {
    let mut sql = service.sql().await;
    let hold = "BEGIN; LOCK TABLE registry_row, ledger IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(hold).execute(&mut sql).await.unwrap();
    sql
}

#[tokio::test]
async fn a_read_that_was_dropped_keeps_its_place_until_it_is_done() {
    let world = World::on(Service::start_with(Limits { reads: 1, ..limits() }).await).await;
    let held = hold_reads(&world.service).await;
    let mut impatient = Request::new(ask());
    impatient.set_timeout(millis(100));
    let status = world.county.waitlist().get_position(impatient).await.unwrap_err();
    assert_eq!(reason(&status), "DEADLINE_EXCEEDED", "{status:?}");
    let status = position(&world.county).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(reason(&status), "OVERLOADED");
    assert!(status.get_details_retry_info().is_some());
    drop(held);
    let mut last = None;
    for _ in 0..50 {
        sleep(millis(20)).await;
        last = Some(reason(&position(&world.county).await.unwrap_err()));
        if last.as_deref() == Some("NOT_FOUND") {
            break;
        }
    }
    assert_eq!(last.as_deref(), Some("NOT_FOUND"), "the place was given back");
}

#[tokio::test]
async fn each_caller_has_a_share() {
    let shares = Limits { caller_rate: 2, caller_burst: 3, ..limits() };
    let service = Service::start_with(shares).await;
    let caller = service.caller_as(Role::County, COUNTY, "busy").await;
    for _ in 0..3 {
        let status = position(&caller).await.unwrap_err();
        assert_ne!(reason(&status), "RATE_LIMITED");
    }
    let status = position(&caller).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "RATE_LIMITED")
    );
    let wait = status.get_details_retry_info().and_then(|info| info.retry_delay).unwrap();
    assert!(wait > millis(50) && wait <= millis(500), "{wait:?}");
    // A new token and another connection are the same caller.
    service.clock.advance(time::Duration::seconds(1));
    let again = service.caller_as(Role::County, COUNTY, "busy").await;
    let status = again.waitlist().summarize_queues(SummarizeQueuesRequest::default()).await;
    assert_eq!(reason(&status.unwrap_err()), "RATE_LIMITED");
    // Others are not concerned: by name, or by organisation.
    for (organisation, subject) in [(COUNTY, "other"), (OTHER_COUNTY, "busy")] {
        let other = service.caller_as(Role::County, organisation, subject).await;
        assert_ne!(reason(&position(&other).await.unwrap_err()), "RATE_LIMITED");
    }
    // Health and reflection are for the operators.
    for _ in 0..5 {
        require_health(&service).await;
        reflect(&caller).await;
    }
    sleep(wait).await;
    let status = position(&caller).await.unwrap_err();
    assert_ne!(reason(&status), "RATE_LIMITED", "after the wait it was told");
}

#[tokio::test]
async fn one_caller_does_not_take_all_places() {
    let service = Service::start_with(Limits { calls_per_caller: 2, ..limits() }).await;
    let token = |subject| Some(service.token(Role::County, COUNTY, subject));
    let mut wire = Wire::open(service.address, token("greedy")).await;
    let mut again = Wire::open(service.address, token("greedy")).await;
    let first = wire.begin(wire.head(POSITION)).await;
    let second = again.begin(again.head(POSITION)).await;
    sleep(millis(50)).await;
    let told = again.call(again.head(POSITION), framed(&ask())).await;
    assert_eq!(told.code_and_reason(), (Code::ResourceExhausted, "RATE_LIMITED".to_owned()));
    assert!(told.retry_after().is_some_and(|wait| wait > millis(100)), "{told:?}");
    // Others are not concerned, and health is for the operators.
    let mut other = Wire::open(service.address, token("modest")).await;
    let told = other.call(other.head(POSITION), framed(&ask())).await;
    assert_ne!(told.reason(), "RATE_LIMITED");
    require_health(&service).await;
    // Each call that ends, however it does, makes room for one.
    drop(first);
    sleep(millis(50)).await;
    for _ in 0..5 {
        let told = wire.call(wire.head(POSITION), framed(&ask())).await;
        assert_ne!(told.reason(), "RATE_LIMITED");
    }
    drop(second);
}

async fn reflect(caller: &Caller) {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest,
    };
    let Caller { channel, bearer } = caller.clone();
    let mut reflection = ServerReflectionClient::with_interceptor(channel, bearer);
    let ask = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let answer = reflection.server_reflection_info(tokio_stream::iter([ask])).await.unwrap();
    assert!(answer.into_inner().message().await.unwrap().is_some());
}
