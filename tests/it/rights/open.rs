//! Without a token nothing answers but the question whether the service lives.

use std::time::Duration as StdDuration;

use prost_reflect::DescriptorPool;
use serde_json::json;
use tiltaksplass::{
    auth::{LocalIssuer, TokenRequest},
    domain::access::Role,
    proto::{FILE_DESCRIPTOR_SET, v1::*},
};
use time::Duration;
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::client;
use crate::{
    contract::{refused, rpcs},
    support::{Bearer, MONDAY, Service},
    world::COUNTY,
};

#[tokio::test]
async fn a_call_without_a_valid_token_is_refused_in_equal_words() {
    let service = Service::start().await;
    let valid = service.token(Role::County, COUNTY, "someone");
    let (body, signature) = valid.rsplit_once('.').unwrap();
    let swapped: String = signature.chars().rev().collect();
    let expired = service.token(Role::County, COUNTY, "someone");
    service.clock.advance(Duration::hours(9));
    let wrong = [
        None,
        Some("x".to_owned()),
        Some("a.b.c".to_owned()),
        Some(format!("{body}.{swapped}")),
        Some(format!("{body}.")),
        Some("x".repeat(7_000)),
        Some(expired),
        Some(a_strangers_token()),
    ];
    let mut told = Vec::new();
    for token in wrong {
        let mut client = client(&service, token.as_deref()).await;
        for rpc in rpcs() {
            told.push(refused(&mut client, &rpc, json!({})).await.to_json());
        }
    }
    assert_eq!(told[0]["code"], "UNAUTHENTICATED");
    let info = &told[0]["details"][0];
    assert_eq!(
        (&info["reason"], &info["domain"]),
        (&json!("UNAUTHENTICATED"), &json!("tiltaksplass"))
    );
    told.dedup();
    assert_eq!(told.len(), 1, "the refusals differ: {told:#?}");
}

/// Signed as it should be, by somebody else.
fn a_strangers_token() -> String {
    let folder = tempfile::tempdir().unwrap();
    let issuer = LocalIssuer::load_or_create(&folder.path().join("issuer.key")).unwrap();
    let request = TokenRequest::new("someone", Role::County, COUNTY, Duration::hours(24));
    issuer.mint(&request, MONDAY).unwrap()
}

#[tokio::test]
async fn two_tokens_are_none_even_if_each_is_good() {
    let service = Service::start().await;
    let token = service.token(Role::County, COUNTY, "someone");
    let bearer: MetadataValue<Ascii> = format!("Bearer {token}").parse().unwrap();
    let basic: MetadataValue<Ascii> = "Basic c29tZW9uZTpzZWNyZXQ=".parse().unwrap();
    let mut told = Vec::new();
    for headers in
        [vec![bearer.clone(), bearer.clone()], vec![bearer.clone(), basic.clone()], vec![basic]]
    {
        told.push(summary_with(&service, headers).await.unwrap_err());
    }
    let alone = summary_with(&service, Vec::new()).await.unwrap_err();
    for status in &told {
        assert_eq!(status.code(), Code::Unauthenticated);
        assert_eq!(status.message(), alone.message());
        assert_eq!(status.details(), alone.details());
    }
    // And the one token alone is let through, to a registry without anything in it.
    summary_with(&service, vec![bearer]).await.unwrap();
}

async fn summary_with(
    service: &Service,
    headers: Vec<MetadataValue<Ascii>>,
) -> Result<SummarizeQueuesResponse, Status> {
    let add = move |mut request: Request<()>| {
        for header in &headers {
            request.metadata_mut().append("authorization", header.clone());
        }
        Ok(request)
    };
    let channel = service.channel().await;
    let mut waitlist =
        waitlist_service_client::WaitlistServiceClient::with_interceptor(channel, add);
    let request = SummarizeQueuesRequest { county_id: COUNTY.into(), ..Default::default() };
    waitlist.summarize_queues(request).await.map(tonic::Response::into_inner)
}

/// Our own services, by full name.
fn services() -> Vec<String> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    pool.services().map(|service| service.full_name().to_owned()).collect()
}

#[tokio::test]
async fn probes_need_no_token() {
    let mut service = Service::start().await;
    let mut health = HealthClient::new(service.channel().await);
    let names = services();
    assert_eq!(names.len(), 9);
    for name in names.into_iter().chain([String::new()]) {
        let request = HealthCheckRequest { service: name.clone() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name}");
    }
    let unknown = HealthCheckRequest { service: "tiltaksplass.v1.Nothing".into() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);
    // Who watches is told of the end before it comes.
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let last = tokio::spawn(async move { watch.message().await });
    let stopped = tokio::time::timeout(StdDuration::from_secs(10), service.stop());
    let (last, _) = tokio::join!(last, stopped);
    assert_eq!(last.unwrap().unwrap().unwrap().status(), ServingStatus::NotServing);
}

macro_rules! reflected {
    ($version:ident, $service:expr, $bearer:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let channel = $service.channel().await;
        let without = ServerReflectionClient::new(channel.clone())
            .server_reflection_info(tokio_stream::iter([request.clone()]))
            .await;
        assert_eq!(without.unwrap_err().code(), Code::Unauthenticated);
        let mut answers = ServerReflectionClient::with_interceptor(channel, $bearer)
            .server_reflection_info(tokio_stream::iter([request]))
            .await
            .unwrap()
            .into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::ListServicesResponse(listed)) = answer else {
            panic!("not a list of services: {answer:?}")
        };
        listed.service.into_iter().map(|service| service.name).collect::<Vec<String>>()
    }};
}

#[tokio::test]
async fn reflection_needs_a_token_and_lists_everything() {
    let service = Service::start().await;
    let bearer = Bearer::new(&service.token(Role::Service, "test", "someone"));
    let listed =
        [reflected!(v1, service, bearer.clone()), reflected!(v1alpha, service, bearer.clone())];
    for listed in listed {
        let expected = services().into_iter().chain(["grpc.health.v1.Health".to_owned()]);
        for name in expected {
            assert!(listed.contains(&name), "{name} is not listed: {listed:?}");
        }
    }
}
