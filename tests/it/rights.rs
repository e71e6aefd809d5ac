//! Who may call what: every RPC with every role over the wire, by what the descriptors
//! say there is. Then whose rows each may reach, and what answers without a token.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};
use tiltaksplass::{
    cli::call::{CallError, DynamicClient},
    domain::access::{Method, Role, Scope, scope},
    proto::FILE_DESCRIPTOR_SET,
};

use crate::{
    support::Service,
    world::{COUNTY, OFFICE, PROVIDER, TRONDHEIM, World},
};

mod offices;
mod open;
mod own;

/// What an empty request is told beyond the fields that are marked as required: these
/// are required in some requests and not in others.
const REQUIRED_SOMETIMES: &[(&str, &str)] = &[
    ("ImportRegistry", "rows"),
    ("SubmitCapacity", "name"),
    ("SubmitCapacity", "site_municipality_number"),
    ("ExplainDecision", "decision"),
];

/// Without an area these are about all of them, which not everybody may see.
const OF_ALL_AREAS: &[&str] = &["ListPlaceBudgets"];

fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap()
}

/// Every RPC of our own services.
fn rpcs() -> Vec<MethodDescriptor> {
    let pool = pool();
    let own = pool.services().filter(|service| service.package_name() == "tiltaksplass.v1");
    let rpcs: Vec<MethodDescriptor> = own.flat_map(|s| s.methods().collect::<Vec<_>>()).collect();
    assert!(rpcs.len() >= 18, "only {} RPCs were found", rpcs.len());
    rpcs
}

fn method_of(rpc: &MethodDescriptor) -> Method {
    let found = Method::ALL.iter().find(|method| method.as_str() == rpc.name());
    *found.unwrap_or_else(|| panic!("{} has no Method", rpc.full_name()))
}

/// The name a client calls it by.
fn name_of(rpc: &MethodDescriptor) -> String {
    format!("{}/{}", rpc.parent_service().full_name(), rpc.name())
}

fn organisation(role: Role) -> &'static str {
    match role {
        Role::County => COUNTY,
        Role::Office => OFFICE,
        Role::Municipality => TRONDHEIM,
        Role::Provider => PROVIDER,
        Role::Directorate | Role::Service | Role::Auditor => "NAV",
    }
}

async fn client(service: &Service, token: Option<&str>) -> DynamicClient {
    DynamicClient::connect(&format!("http://{}", service.address), token).await.unwrap()
}

/// Calls with one request and wants no answer.
async fn refused(client: &mut DynamicClient, rpc: &MethodDescriptor, body: Value) -> CallError {
    let answered = client.stream_json(&name_of(rpc), &[body]).await;
    match answered {
        Err(error) => error,
        Ok(answer) => panic!("{} answered {answer:?}", rpc.full_name()),
    }
}

fn reason(error: &CallError) -> String {
    let info = error.details().iter().find(|detail| !detail["reason"].is_null());
    info.and_then(|info| info["reason"].as_str()).unwrap_or_default().to_owned()
}

#[test]
fn every_rpc_is_a_method_and_every_method_an_rpc() {
    let rpcs: Vec<String> = rpcs().iter().map(|rpc| rpc.name().to_owned()).collect();
    let names: BTreeSet<&str> = rpcs.iter().map(String::as_str).collect();
    assert_eq!(names.len(), rpcs.len(), "two RPCs have one name");
    let methods: BTreeSet<&str> = Method::ALL.iter().map(|method| method.as_str()).collect();
    assert_eq!(names, methods);
}

#[tokio::test]
async fn whoever_may_not_is_told_so_whatever_the_request() {
    let world = World::new().await;
    let mut refusals = 0;
    for role in Role::ALL {
        let token = world.service.token(role, organisation(role), "someone");
        let mut client = client(&world.service, Some(&token)).await;
        for rpc in rpcs().iter().filter(|rpc| scope(method_of(rpc), role) == Scope::No) {
            for body in [json!({}), filled(&rpc.input())] {
                let error = refused(&mut client, rpc, body).await;
                let told = (error.code(), reason(&error));
                let denied = ("PERMISSION_DENIED", "PERMISSION_DENIED".to_owned());
                assert_eq!(told, denied, "{} of {}", rpc.name(), role.as_str());
                refusals += 1;
            }
        }
    }
    assert!(refusals > 100, "only {refusals} calls were refused");
}

#[tokio::test]
async fn whoever_may_is_told_every_field_that_is_missing() {
    let world = World::new().await;
    let mut named = 0;
    for role in Role::ALL {
        let token = world.service.token(role, organisation(role), "someone");
        let mut client = client(&world.service, Some(&token)).await;
        for rpc in rpcs().iter().filter(|rpc| scope(method_of(rpc), role) != Scope::No) {
            let required = required_fields(&rpc.input());
            let everywhere = scope(method_of(rpc), role) == Scope::All;
            if OF_ALL_AREAS.contains(&rpc.name()) && !everywhere {
                assert_eq!(refused(&mut client, rpc, json!({})).await.code(), "PERMISSION_DENIED");
                continue;
            }
            if required.is_empty() {
                client.stream_json(&name_of(rpc), &[json!({})]).await.unwrap();
                continue;
            }
            let error = refused(&mut client, rpc, json!({})).await;
            let told = (error.code(), reason(&error));
            let expected = ("INVALID_ARGUMENT", "INVALID_FIELDS".to_owned());
            assert_eq!(told, expected, "{} of {}", rpc.name(), role.as_str());
            let sometimes = REQUIRED_SOMETIMES.iter().filter(|(name, _)| *name == rpc.name());
            let sometimes = sometimes.map(|(_, field)| (*field).to_owned());
            let expected: BTreeSet<String> = required.into_iter().chain(sometimes).collect();
            assert_eq!(violations(&error), expected, "{}", rpc.name());
            named += expected.len();
        }
    }
    assert!(named > 60, "only {named} fields were named");
}

fn violations(error: &CallError) -> BTreeSet<String> {
    let of_detail = |detail: &Value| detail["fieldViolations"].as_array().cloned();
    let all = error.details().iter().filter_map(of_detail).flatten();
    all.map(|violation| violation["field"].as_str().unwrap().to_owned()).collect()
}

/// The fields marked `REQUIRED`, which clients read from the same descriptors.
fn required_fields(message: &MessageDescriptor) -> BTreeSet<String> {
    let option = message
        .parent_pool()
        .get_extension_by_name("google.api.field_behavior")
        .expect("the descriptors know of google.api.field_behavior");
    let required = message.fields().filter(|field| {
        let options: DynamicMessage = field.options();
        let behaviors = options.get_extension(&option);
        let mut numbers = behaviors.as_list().unwrap().iter();
        numbers.any(|number| number.as_enum_number() == Some(2))
    });
    required.map(|field| field.name().to_owned()).collect()
}

#[test]
fn the_descriptors_keep_what_is_said_of_fields() {
    let join = pool().get_message_by_name("tiltaksplass.v1.JoinWaitlistRequest").unwrap();
    let required = required_fields(&join);
    let expected = [
        "following_office_number",
        "ledger",
        "municipality_number",
        "national_identity_number",
        "request_id",
    ];
    assert_eq!(required.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// A request with something in every field.
fn filled(message: &MessageDescriptor) -> Value {
    let mut fields = Map::new();
    let mut taken = BTreeSet::new();
    for field in message.fields() {
        // One branch of each choice.
        if field.containing_oneof().is_some_and(|one| !taken.insert(one.full_name().to_owned())) {
            continue;
        }
        let value = match field.kind() {
            Kind::Message(inner) if inner.full_name() == "google.protobuf.Timestamp" => {
                json!("2026-03-02T09:00:00Z")
            }
            Kind::Message(inner) => filled(&inner),
            Kind::String => json!("x"),
            Kind::Bool => json!(true),
            Kind::Bytes => json!("AA=="),
            Kind::Double
            | Kind::Float
            | Kind::Int32
            | Kind::Int64
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Sint32
            | Kind::Sint64
            | Kind::Fixed32
            | Kind::Fixed64
            | Kind::Sfixed32
            | Kind::Sfixed64
            | Kind::Enum(_) => json!(1),
        };
        let value = if field.is_list() { json!([value]) } else { value };
        fields.insert(field.json_name().to_owned(), value);
    }
    Value::Object(fields)
}
