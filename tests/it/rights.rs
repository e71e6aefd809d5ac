//! Who may call what: every RPC with every role over the wire, by what the descriptors
//! say there is. Then whose rows each may reach, and what answers without a token.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value, json};
use tiltaksplass::{
    cli::call::DynamicClient,
    domain::access::{Method, Role, Scope, scope},
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetail, StatusExt};

use crate::{
    contract::{method_of, reason, refused, rpcs, sample::own_organisation},
    support::Service,
    world::World,
};

mod figures;
mod offices;
mod open;
mod own;
mod providers;
pub mod relations;
mod waits;

async fn client(service: &Service, token: Option<&str>) -> DynamicClient {
    DynamicClient::connect(&format!("http://{}", service.address), token).await.unwrap()
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
        let token = world.service.token(role, own_organisation(role), "someone");
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

/// All that a refusal says, with one name for the id that was asked for. What is told of the
/// reason is a map, which has no order on the wire.
fn said(status: &Status, id: &str) -> (Code, String, Vec<String>) {
    let words = |detail: ErrorDetail| {
        if let ErrorDetail::ErrorInfo(info) = detail {
            let metadata: BTreeMap<String, String> = info.metadata.into_iter().collect();
            return format!("{} {} {metadata:?}", info.reason, info.domain);
        }
        format!("{detail:?}")
    };
    let details = status.get_error_details_vec().into_iter().map(words);
    let details = details.map(|detail| detail.replace(id, "ID")).collect();
    (status.code(), status.message().replace(id, "ID"), details)
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
            Kind::Message(inner) if inner.full_name() == "google.protobuf.FieldMask" => json!("x"),
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
