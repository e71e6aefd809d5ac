//! What is refused before a handler sees it, and in which words.

use bytes::Bytes;
use futures::StreamExt;
use http::Request;
use tiltaksplass::{
    domain::access::Role,
    proto::v1::{
        GetAvailabilityRequest, GetPositionRequest, ImportRegistryRequest, ListChangesRequest,
        Municipality, RegistryRow, registry_row::Row,
    },
};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};

use super::wire::{CHECK, IMPORT, POSITION, Told, WATCH, Wire, frame, framed, promise, write};
use crate::{
    support::{Caller, Service, reason, request_id},
    world::{COUNTY, World},
};

const KB: usize = 1024;

/// What may be in no answer of ours: how the transport speaks of itself.
const FOREIGN: &[&str] = &["decod", "protocol error", "stream", "EOF", "registered", "symbol '"];

#[track_caller]
fn assert_refused(told: &Told, code: Code, reason: &str, what: &str) {
    assert_eq!(told.http, 200, "{what}: {told:?}");
    assert_eq!(told.code_and_reason(), (code, reason.to_owned()), "{what}: {told:?}");
    let message = told.status.message();
    assert!(!message.is_empty(), "{what}");
    for word in FOREIGN {
        assert!(!message.contains(word), "{what}: {message}");
    }
}

async fn wires() -> (Service, Wire, Wire) {
    let service = Service::start().await;
    let county = service.token(Role::County, COUNTY, "county-1");
    let county = Wire::open(service.address, Some(county)).await;
    let directorate = service.token(Role::Directorate, "NAV", "nav-1");
    let directorate = Wire::open(service.address, Some(directorate)).await;
    (service, county, directorate)
}

#[tokio::test]
async fn what_is_no_message_is_malformed() {
    let (_service, mut county, mut directorate) = wires().await;
    let cut_off = frame(0, b"0123456789").slice(..8);
    for (body, what) in [
        (Bytes::new(), "nothing"),
        (Bytes::from_static(&[0, 0]), "half a frame"),
        (cut_off, "a message that is cut off"),
        (frame(0, &[0xff; 20]), "bytes that are no message"),
        (frame(1, &[]), "compressed, in an unknown way"),
        (frame(7, &[]), "a flag that does not exist"),
    ] {
        let told = county.call(county.head(POSITION), body.clone()).await;
        assert_refused(&told, Code::InvalidArgument, "MESSAGE_MALFORMED", what);
        if !body.is_empty() {
            let told = directorate.call(directorate.head(IMPORT), body).await;
            assert_refused(&told, Code::InvalidArgument, "MESSAGE_MALFORMED", what);
        }
    }
    let mut head = county.head(POSITION);
    head.headers_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    let told = county.call(head, frame(1, &[])).await;
    assert_refused(&told, Code::InvalidArgument, "INVALID_FIELDS", "gzip");
    assert_eq!(told.field(), "grpc-encoding");
}

#[tokio::test]
async fn what_is_too_large_is_told_the_most() {
    let (_service, mut county, mut directorate) = wires().await;
    let small = framed(&GetPositionRequest::default());
    let many = small.repeat(300 * KB / small.len());
    // An unknown field: what is skipped has weight too.
    let mut unknown = vec![0xfa, 0x07, 0x80, 0x80, 0x14];
    unknown.resize(320 * KB, 0);
    let areas = "/tiltaksplass.v1.RegistryService/ListAreas";
    let offers = "/tiltaksplass.v1.AllocationService/ListOffers";
    let most = (256 * KB).to_string();
    for (path, body, what) in [
        (offers, promise(262_145), "one byte more"),
        (POSITION, promise(u32::MAX), "the most that can be promised"),
        (POSITION, many.into(), "many messages where one is due"),
        (areas, frame(0, &unknown), "a service that has larger pieces"),
    ] {
        let told = directorate.call(directorate.head(path), body).await;
        assert_refused(&told, Code::InvalidArgument, "MESSAGE_TOO_LARGE", what);
        assert_eq!(told.most_bytes(), most, "{what}");
    }
    for path in [CHECK, WATCH] {
        let told = county.call(county.head(path), promise(4_097)).await;
        assert_refused(&told, Code::InvalidArgument, "MESSAGE_TOO_LARGE", path);
        assert_eq!(told.most_bytes(), "4096", "{path}");
    }
    let told = directorate.call(directorate.head(IMPORT), promise(4_194_305)).await;
    assert_refused(&told, Code::InvalidArgument, "MESSAGE_TOO_LARGE", "one piece");
    assert_eq!(told.most_bytes(), (4 * KB * KB).to_string());
    // Just as large as may be: it is looked at, and refused for what it says.
    let mut fits = vec![0xfa, 0x07, 0xfb, 0xff, 0x0f];
    fits.resize(256 * KB, 0);
    let told = county.call(county.head(POSITION), frame(0, &fits)).await;
    assert_refused(&told, Code::InvalidArgument, "INVALID_FIELDS", "as large as may be");
}

#[tokio::test]
async fn an_import_has_a_size_in_all() {
    let (_service, _county, mut directorate) = wires().await;
    let (answer, mut body) = directorate.begin(directorate.head(IMPORT)).await;
    let told = tokio::spawn(answer.told());
    let piece = framed(&ImportRegistryRequest {
        request_id: "the same".into(),
        source: "x".repeat(3 * KB * KB),
        ..ImportRegistryRequest::default()
    });
    for _ in 0..6 {
        if write(&mut body, piece.clone(), false).await.is_err() {
            break;
        }
    }
    let told = told.await.unwrap();
    assert_refused(&told, Code::InvalidArgument, "MESSAGE_TOO_LARGE", "in all");
    assert_eq!(told.most_bytes(), (16 * KB * KB).to_string());
}

#[tokio::test]
async fn what_is_not_here_is_unknown() {
    let (_service, mut county, _directorate) = wires().await;
    for path in [
        "/tiltaksplass.v1.WaitlistService/NoSuchMethod",
        "/tiltaksplass.v9.WaitlistService/GetPosition",
        "/grpc.health.v1.Health/NoSuchMethod",
        "/WaitlistService",
        "/",
    ] {
        let told = county.call(county.head(path), framed(&GetPositionRequest::default())).await;
        assert_refused(&told, Code::Unimplemented, "UNKNOWN_METHOD", path);
    }
    let (parts, ()) = county.head(POSITION).into_parts();
    let mut head = Request::from_parts(parts, ());
    *head.method_mut() = http::Method::GET;
    let told = county.call(head, Bytes::new()).await;
    assert_refused(&told, Code::Unimplemented, "UNKNOWN_METHOD", "GET");
}

#[tokio::test]
async fn a_name_that_health_and_reflection_do_not_know_is_not_found() {
    let (service, mut county, _directorate) = wires().await;
    let ask = HealthCheckRequest { service: "nobody.v1.Nothing".into() };
    for path in [CHECK, WATCH] {
        let told = county.call(county.head(path), framed(&ask)).await;
        assert_refused(&told, Code::NotFound, "NOT_FOUND", path);
    }
    // This one comes behind the head of an answer, in trailers.
    let Caller { channel, bearer } = service.caller(Role::County, COUNTY).await;
    let mut reflection = ServerReflectionClient::with_interceptor(channel, bearer);
    let ask = ServerReflectionRequest {
        message_request: Some(MessageRequest::FileContainingSymbol("nobody.Nothing".into())),
        ..ServerReflectionRequest::default()
    };
    let stream = reflection.server_reflection_info(tokio_stream::iter([ask])).await.unwrap();
    let status = stream.into_inner().next().await.unwrap().unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
    assert!(!status.message().contains("nobody"), "{status:?}");
}

#[tokio::test]
async fn too_many_headers_are_told_the_most() {
    let (_service, mut county, _directorate) = wires().await;
    let mut with = async |bytes: usize| {
        let mut head = county.head(POSITION);
        head.headers_mut().insert("x-padding", "x".repeat(bytes).parse().unwrap());
        county.call(head, framed(&GetPositionRequest::default())).await
    };
    let told = with(10 * KB).await;
    assert_eq!(told.field(), "ledger", "it is looked at: {told:?}");
    let told = with(12 * KB).await;
    assert_refused(&told, Code::InvalidArgument, "INVALID_FIELDS", "headers");
    assert_eq!(told.field(), "headers");
    assert!(told.status.message().contains("the most is 12288"), "{told:?}");
    let told = with(70 * KB).await;
    assert_refused(&told, Code::InvalidArgument, "INVALID_FIELDS", "more headers");
    // Beyond, HTTP/2 itself refuses.
    assert_eq!(with(80 * KB).await.http, 431);
}

/// What a long token lets a call hold is nothing: it is refused, and the connection goes on.
#[tokio::test]
async fn many_long_tokens_at_once_are_refused_and_the_connection_goes_on() {
    let (_service, mut county, _directorate) = wires().await;
    let long = format!("Bearer {}", "A".repeat(70 * KB));
    let mut open = Vec::new();
    for _ in 0..90 {
        let mut head = county.head(POSITION);
        head.headers_mut().insert("authorization", long.parse().unwrap());
        // The body stays open: no place is kept for it.
        open.push(county.begin(head).await);
    }
    for (answer, _body) in open {
        let told = answer.told().await;
        assert_refused(&told, Code::Unauthenticated, "UNAUTHENTICATED", "a long token");
    }
    let told = county.call(county.head(POSITION), framed(&GetPositionRequest::default())).await;
    assert_eq!(told.field(), "ledger", "it is looked at: {told:?}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_our_fault() {
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    let mut sql = world.service.sql().await;
    let bloat = "UPDATE place_group SET doc = jsonb_set(doc, '{name}', to_jsonb(repeat('x', $1)))";
    for (length, fits) in [(4_000_000, true), (4_300_000, false)] {
        sqlx::query(bloat).bind(length).execute(&mut sql).await.unwrap();
        let ask = GetAvailabilityRequest {
            ledger: Some(ledger.clone()),
            ..GetAvailabilityRequest::default()
        };
        let answer = world.county.capacity().get_availability(ask).await;
        assert_eq!(answer.is_ok(), fits, "{length}");
        if let Err(status) = answer {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "INTERNAL"));
            assert!(!status.message().contains("4194304"), "{status:?}");
        }
    }
    assert!(crate::support::logs().contains("an answer was larger than may be sent"));
}

#[tokio::test]
async fn a_change_is_delivered_however_large_it_is() {
    let world = World::new().await;
    let row = |number: u32| {
        let municipality = Municipality {
            municipality_number: (2_000 + number).to_string(),
            name: "x".repeat(100),
            county_id: COUNTY.into(),
        };
        RegistryRow { row: Some(Row::Municipality(municipality)) }
    };
    let piece = ImportRegistryRequest {
        request_id: request_id(),
        source: "test".into(),
        rows: (0..5_000).map(row).collect(),
        ..ImportRegistryRequest::default()
    };
    let imported = world.directorate.registry().import_registry(tokio_stream::iter([piece])).await;
    let ledger = imported.unwrap().into_inner().revision.unwrap().ledger;
    let auditor = world.service.caller(Role::Auditor, "RIKSREVISJONEN").await;
    let ask = ListChangesRequest { ledger, after_seq: 1, ..ListChangesRequest::default() };
    let answer = auditor.change().list_changes(ask).await.unwrap().into_inner();
    assert_eq!(answer.changes.len(), 1);
    assert!(answer.changes[0].payload.len() > 1_100_000, "{}", answer.changes[0].payload.len());
}
