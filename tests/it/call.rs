//! `tiltaksplass call` against small servers made here, so that what is tested is the
//! command and not the service.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::task::{Context, Poll};

use clap::{CommandFactory, Parser};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tiltaksplass::cli::call::{CallArgs, DynamicClient, call};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::{ClientStreamingService, Grpc, NamedService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tonic_types::{ErrorDetails, StatusExt};

const CHECK: &str = "grpc.health.v1.Health/Check";
const IMPORT: &str = "RegistryService/ImportRegistry";

#[tokio::test]
async fn ok_is_answered_in_canonical_json() {
    let mut client = client(serve().await).await;
    for method in [CHECK, "Health/Check", "/grpc.health.v1.Health/Check"] {
        let answer = client.unary_json(method, json!({})).await;
        assert_eq!(answer.expect(method), json!({ "status": "SERVING" }));
    }
}

#[tokio::test]
async fn the_services_refusal_is_shown_as_json() {
    let mut client = client(serve().await).await;
    let body = json!({ "service": "nobody.v1.Nothing" });
    let error = client.unary_json(CHECK, body).await.expect_err("unknown");
    assert_eq!(
        error.to_json(),
        json!({ "code": "NOT_FOUND", "message": "service not registered", "details": [] })
    );
    let shown: Value = serde_json::from_str(&error.to_string()).expect("Display is JSON");
    assert_eq!(shown, error.to_json());
}

#[tokio::test]
async fn details_are_decoded_and_unknown_ones_kept() {
    let mut client = client(serve().await).await;
    let error = client
        .unary_json("CapacityService/GetAvailability", json!({}))
        .await
        .expect_err("always refused");
    assert_eq!(error.code(), "FAILED_PRECONDITION");
    assert_eq!(error.message(), "The measure is full.");
    let detail = |name: &str| {
        let url = format!("type.googleapis.com/{name}");
        let found = error.details().iter().find(|detail| detail["@type"] == url);
        found.unwrap_or_else(|| panic!("no {name} in {error:#}"))
    };
    assert_eq!(
        detail("google.rpc.ErrorInfo"),
        &json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "FULL", "domain": "tiltaksplass", "metadata": { "places": "0" },
        })
    );
    assert_eq!(detail("google.rpc.RetryInfo")["retryDelay"], "1.500s");
    assert_eq!(
        detail("google.rpc.BadRequest")["fieldViolations"],
        json!([{ "field": "ledger", "description": "is missing" }])
    );
    assert_eq!(
        detail("google.rpc.PreconditionFailure")["violations"],
        json!([{ "type": "PLACES", "subject": "VTA", "description": "none free" }])
    );
    assert_eq!(detail("google.rpc.ResourceInfo")["resourceName"], "VTA");
    assert_eq!(detail("google.rpc.LocalizedMessage")["message"], "Tiltaket er fullt.");
    assert_eq!(detail("nobody.v1.Nothing")["@value"], "AQID");
}

#[tokio::test]
async fn a_stream_of_requests_arrives_whole_and_in_order() {
    let mut client = client(serve().await).await;
    let pieces = [json!({ "requestId": "a" }), json!({ "request_id": "b" })];
    let answers = client.stream_json(IMPORT, &pieces).await.expect("imported");
    // The fake tells the ids it saw as the ledger, and 2^60 + 1 as its sequence number,
    // which would not survive as a JSON number.
    assert_eq!(
        answers,
        [
            json!({ "addedRows": 2, "revision": { "ledger": { "countyId": "ab" }, "seq": "1152921504606846977" } })
        ]
    );
}

#[tokio::test]
async fn streams_go_both_ways() {
    let mut client = client(serve().await).await;
    let question = json!({ "host": "here", "listServices": "" });
    let answers = client
        .stream_json("ServerReflection/ServerReflectionInfo", &[question.clone(), question])
        .await
        .expect("reflected");
    assert_eq!(answers.len(), 2);
    let services = &answers[1]["listServicesResponse"]["service"];
    assert!(services.to_string().contains("grpc.health.v1.Health"), "{services}");
}

#[tokio::test]
async fn a_stream_of_answers_is_not_one_answer() {
    let mut client = client(serve().await).await;
    let error = client
        .unary_json("Health/Watch", json!({}))
        .await
        .expect_err("Watch answers with a stream");
    assert_eq!(error.code(), "INVALID_ARGUMENT");
}

#[tokio::test]
async fn an_unknown_name_lists_what_there_is() {
    let mut client = client(serve().await).await;
    let listing = [
        ("Health/Chekc", "grpc.health.v1.Health/Check,"),
        ("CapacityService", "CapacityService/GetAvailability,"),
        ("CapacityService/", "CapacityService/SubmitCapacity."),
        ("Nothing/Check", "CapacityService, "),
        ("", "grpc.health.v1.Health, "),
    ];
    for (method, named) in listing {
        let error = client.unary_json(method, json!({})).await;
        let error = error.expect_err(method);
        assert_eq!(error.code(), "UNIMPLEMENTED", "{error}");
        assert!(error.message().contains(named), "{error}");
    }
}

#[tokio::test]
async fn bad_json_is_refused_by_the_name_of_its_field() {
    let mut client = client(serve().await).await;
    let submit = "CapacityService/SubmitCapacity";
    let review = "CapacityService/ReviewCapacity";
    let ledger = json!({ "countyId": "NO-50", "measure": "VTA" });
    let date = json!({ "year": 2026, "month": "June" });
    let refused = [
        (CHECK, json!({ "servise": "" }), "servise", "it has service"),
        (CHECK, json!({ "service": 1 }), "service", "string"),
        (submit, json!({ "ledger": ledger }), "ledger.measure", "measureCode"),
        (submit, json!({ "valid_from_date": date }), "valid_from_date.month", "June"),
        (submit, json!({ "places": -1 }), "places", "-1 is not uint32"),
        (review, json!({ "decision": "YES" }), "decision", "REVIEW_DECISION_REJECT"),
        (submit, json!({ "workFields": ["a", 7] }), "workFields[1]", "string"),
        (IMPORT, json!({ "rows": [{}, { "area": { "x": 1 } }] }), "rows[1].area.x", "countyId"),
        (IMPORT, json!({ "rows": [{ "area": {}, "office": {} }] }), "rows[0]", "oneof"),
    ];
    for (method, body, field, said) in refused {
        let error = client.unary_json(method, body).await.expect_err(field);
        assert_eq!(error.code(), "INVALID_ARGUMENT");
        let violation = &error.details()[0]["fieldViolations"][0];
        assert_eq!(violation["field"], field, "{error}");
        let description = violation["description"].as_str().expect("a description");
        assert!(description.contains(said), "{error}");
        assert!(error.message().contains(&format!("`{field}`")), "{error}");
    }
    let error = client.unary_json(CHECK, json!([])).await;
    assert_eq!(error.expect_err("no object").code(), "INVALID_ARGUMENT");
}

#[tokio::test]
async fn a_bad_request_in_a_stream_is_named_by_its_number() {
    let mut client = client(serve().await).await;
    let pieces = [json!({}), json!({ "rowz": [] })];
    let error = client.stream_json(IMPORT, &pieces).await;
    let error = error.expect_err("an unknown field");
    assert!(error.message().starts_with("Request 2: `rowz`"), "{error}");
}

#[tokio::test]
async fn nobody_there_says_what_to_do_next() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = free.local_addr().expect("an address");
    drop(free);
    let error = DynamicClient::connect(&format!("http://{addr}"), None).await;
    let error = error.expect_err("nobody listens");
    assert_eq!(error.code(), "UNAVAILABLE");
    assert!(error.message().contains("`tiltaksplass serve`"), "{error}");
}

#[tokio::test]
async fn the_time_limit_holds_for_a_stream_that_has_begun() {
    let addr = format!("http://{}", serve().await);
    let limit = Some(std::time::Duration::from_millis(200));
    let client = DynamicClient::connect_within(&addr, None, limit).await;
    let error = client
        .expect("connected")
        .stream_json("Health/Watch", &[json!({})])
        .await
        .expect_err("Watch does not end");
    assert_eq!(error.code(), "DEADLINE_EXCEEDED");
    assert!(error.message().contains("0.2 s"), "{error}");
}

#[tokio::test]
async fn addresses_and_tokens_are_checked_before_use() {
    for addr in ["https://127.0.0.1:1", "127.0.0.1:8137", "localhost", "", "http://"] {
        let error = DynamicClient::connect(addr, None).await.expect_err(addr);
        assert_eq!(error.code(), "INVALID_ARGUMENT", "{addr}");
        assert!(error.message().contains("http://HOST:PORT"), "{error}");
    }
    let error = DynamicClient::connect("http://127.0.0.1:1", Some("se\ncret")).await;
    let error = error.expect_err("no header holds a line break");
    assert_eq!(error.code(), "INVALID_ARGUMENT");
    assert!(!error.to_string().contains("cret"), "{error}");
}

#[tokio::test]
async fn the_token_is_sent_as_a_bearer_token() {
    let addr = format!("http://{}", serve().await);
    for (token, seen) in [(Some("abc"), "Bearer abc"), (Some(" "), ""), (None, "")] {
        let client = DynamicClient::connect(&addr, token).await;
        let error = client
            .expect("connected")
            .unary_json("CapacityService/ReviewCapacity", json!({}))
            .await
            .expect_err("always refused");
        assert_eq!(error.code(), "UNAUTHENTICATED");
        assert_eq!(error.message(), format!("authorization: {seen}"));
    }
}

#[tokio::test]
async fn the_command_ends_with_0_or_1() {
    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: CallArgs,
    }
    Cli::command().debug_assert();
    let addr = format!("http://{}", serve().await);
    let run = async |method, data| {
        let line = ["call", method, "-d", data, "--addr", &addr, "--token", "t"];
        call(Cli::parse_from(line).args).await
    };
    assert_eq!(run("Health/Check", "{}").await, ExitCode::SUCCESS);
    assert_eq!(run(IMPORT, "[{}, {}]").await, ExitCode::SUCCESS);
    assert_eq!(run(IMPORT, "{} {}\n{}").await, ExitCode::SUCCESS);
    for bad in ["{} {}", "", "{", "@/nowhere/at/all", r#"{"service": "x"}"#] {
        assert_eq!(run("Health/Check", bad).await, ExitCode::FAILURE, "{bad}");
    }
}

async fn client(addr: SocketAddr) -> DynamicClient {
    let client = DynamicClient::connect(&format!("http://{addr}"), None).await;
    client.expect("the server of this test answers")
}

/// Serves health, reflection and two fakes until the test's runtime ends.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let (_reporter, health) = tonic_health::server::health_reporter();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("valid descriptors");
    let server = Server::builder()
        .add_service(health)
        .add_service(reflection)
        .add_service(FakeCapacity)
        .add_service(FakeRegistry)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    addr
}

/// Refuses everything: `ReviewCapacity` by repeating the token, all else with details.
#[derive(Clone)]
struct FakeCapacity;

impl NamedService for FakeCapacity {
    const NAME: &'static str = "tiltaksplass.v1.CapacityService";
}

impl tower::Service<http::Request<Body>> for FakeCapacity {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let status = if request.uri().path().ends_with("/ReviewCapacity") {
            let token = request.headers().get("authorization");
            let token = token.map_or("", |token| token.to_str().expect("ASCII"));
            Status::unauthenticated(format!("authorization: {token}"))
        } else {
            full()
        };
        std::future::ready(Ok(status.into_http()))
    }
}

/// A refusal with every detail the service uses, and one that nobody knows.
fn full() -> Status {
    let mut details = ErrorDetails::new();
    details
        .set_error_info("FULL", "tiltaksplass", [("places".into(), "0".into())])
        .set_retry_info(Some(std::time::Duration::from_millis(1500)))
        .add_bad_request_violation("ledger", "is missing")
        .add_precondition_failure_violation("PLACES", "VTA", "none free")
        .set_resource_info("measure", "VTA", "", "")
        .set_localized_message("nb", "Tiltaket er fullt.");
    let known = Status::with_error_details(Code::FailedPrecondition, "", details);
    let mut status: tonic_types::pb::Status =
        prost::Message::decode(known.details()).expect("a google.rpc.Status");
    status.details.push(prost_types::Any {
        type_url: "type.googleapis.com/nobody.v1.Nothing".to_owned(),
        value: vec![1, 2, 3],
    });
    let details = prost::Message::encode_to_vec(&status);
    Status::with_details(Code::FailedPrecondition, "The measure is full.", details.into())
}

/// The fields of `ImportRegistryRequest` that the fake reads.
#[derive(Clone, PartialEq, prost::Message)]
struct Piece {
    #[prost(string, tag = "1")]
    request_id: String,
}

/// The fields of `ImportRegistryResponse` that the fake fills, down to the ledger.
#[derive(Clone, PartialEq, prost::Message)]
struct Imported {
    #[prost(message, optional, tag = "1")]
    revision: Option<Revision>,
    #[prost(uint32, tag = "2")]
    added_rows: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Revision {
    #[prost(message, optional, tag = "1")]
    ledger: Option<Ledger>,
    #[prost(uint64, tag = "2")]
    seq: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Ledger {
    #[prost(string, tag = "1")]
    county_id: String,
}

/// Counts the requests of an import and joins their ids.
#[derive(Clone)]
struct FakeRegistry;

impl NamedService for FakeRegistry {
    const NAME: &'static str = "tiltaksplass.v1.RegistryService";
}

impl tower::Service<http::Request<Body>> for FakeRegistry {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        async {
            let mut grpc = Grpc::new(ProstCodec::<Imported, Piece>::default());
            Ok(grpc.client_streaming(FakeRegistry, request).await)
        }
        .boxed()
    }
}

impl ClientStreamingService<Piece> for FakeRegistry {
    type Response = Imported;
    type Future = BoxFuture<'static, Result<Response<Imported>, Status>>;

    fn call(&mut self, request: Request<Streaming<Piece>>) -> Self::Future {
        async {
            let mut pieces = request.into_inner();
            let (mut added_rows, mut county_id) = (0, String::new());
            while let Some(piece) = pieces.next().await {
                added_rows += 1;
                county_id += &piece?.request_id;
            }
            let revision =
                Some(Revision { ledger: Some(Ledger { county_id }), seq: (1 << 60) + 1 });
            Ok(Response::new(Imported { revision, added_rows }))
        }
        .boxed()
    }
}
