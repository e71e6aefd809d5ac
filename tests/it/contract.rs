//! What every RPC promises, asked of all of them by their descriptors: a new one is
//! covered by being there.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use serde_json::{Value, json};
use tiltaksplass::{
    cli::call::{CallError, DynamicClient},
    domain::access::{Method, Role, Scope, scope},
    proto::FILE_DESCRIPTOR_SET,
};

pub mod comments;
mod fields;
mod lists;
mod places;
pub mod sample;
mod shape;

pub use sample::Stage;

/// What an empty request is told beyond the fields that are marked as required: these
/// are required in some requests and not in others.
const REQUIRED_SOMETIMES: &[(&str, &str)] = &[
    ("ImportRegistry", "rows"),
    ("ImportExisting", "rows"),
    ("SubmitCapacity", "name"),
    ("SubmitCapacity", "site_municipality_number"),
    ("ExplainDecision", "decision"),
    ("ChangePlacement", "change"),
    ("StartPlacement", "offer_id"),
    ("SetEnforcement", "step"),
    ("Correct", "correction"),
    ("EstimateWait", "who"),
    ("LendQuota", "action"),
    ("LinkStaff", "change"),
    ("SimulateRedistribution", "plan"),
    ("ReassignAdviser", "ledger"),
    ("ReassignAdviser", "entry_ids"),
    ("LookupPerson", "purpose"),
    ("CheckParticipation", "purpose"),
    ("ListAccesses", "purpose"),
    ("ReviewAccesses", "purpose"),
];

/// Required in a call of its own, and said for all of a batch in a part of one.
const NOT_IN_A_PART: &[&str] = &["joins.request_id", "joins.ledger"];

pub fn pool() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap()
}

/// Every RPC of our own services.
pub fn rpcs() -> Vec<MethodDescriptor> {
    let pool = pool();
    let own = pool.services().filter(|service| service.package_name() == "tiltaksplass.v1");
    let rpcs: Vec<MethodDescriptor> = own.flat_map(|s| s.methods().collect::<Vec<_>>()).collect();
    assert!(rpcs.len() >= 34, "only {} RPCs were found", rpcs.len());
    rpcs
}

pub fn method_of(rpc: &MethodDescriptor) -> Method {
    let found = Method::ALL.iter().find(|method| method.as_str() == rpc.name());
    *found.unwrap_or_else(|| panic!("{} has no Method", rpc.full_name()))
}

/// The name a client calls it by.
pub fn name_of(rpc: &MethodDescriptor) -> String {
    format!("{}/{}", rpc.parent_service().full_name(), rpc.name())
}

/// The roles that may call it somewhere.
pub fn roles_of(rpc: &MethodDescriptor) -> Vec<Role> {
    let method = method_of(rpc);
    Role::ALL.into_iter().filter(|role| scope(method, *role) != Scope::No).collect()
}

pub fn reason(error: &CallError) -> String {
    let info = error.details().iter().find(|detail| !detail["reason"].is_null());
    info.and_then(|info| info["reason"].as_str()).unwrap_or_default().to_owned()
}

/// Calls with one request and wants no answer.
pub async fn refused(client: &mut DynamicClient, rpc: &MethodDescriptor, body: Value) -> CallError {
    match client.stream_json(&name_of(rpc), std::slice::from_ref(&body)).await {
        Err(error) => error,
        Ok(answer) => panic!("{} answered {answer:?} to {body}", rpc.full_name()),
    }
}

/// The fields a refusal names, without the places of items in lists. Of an import they
/// stand within the row's problem.
pub fn violations(error: &CallError) -> BTreeSet<String> {
    let of_detail = |detail: &Value| detail["fieldViolations"].as_array().cloned();
    let all = error.details().iter().filter_map(of_detail).flatten();
    let mut fields = BTreeSet::new();
    for violation in all {
        let field = without_places(violation["field"].as_str().unwrap());
        if reason(error).ends_with("_ROWS_INVALID") {
            let problem = without_places(violation["description"].as_str().unwrap());
            for one in problem.split("; ") {
                let (name, _) = one.split_once(' ').unwrap_or((one, ""));
                fields.insert(format!("{field}.{name}"));
            }
        }
        fields.insert(field);
    }
    fields
}

fn without_places(field: &str) -> String {
    let parts = field.split('[').enumerate().map(|(at, part)| match part.split_once(']') {
        Some((_, rest)) if at > 0 => rest,
        _ => part,
    });
    parts.collect()
}

/// The fields marked `REQUIRED`, which clients read from the same descriptors.
pub fn required_fields(message: &MessageDescriptor) -> BTreeSet<String> {
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

#[test]
fn places_in_lists_are_left_out() {
    assert_eq!(without_places("a[12].b[0]"), "a.b");
    assert_eq!(without_places("a.b"), "a.b");
}

/// Each role that may call it is told each field that is missing; where none is, there
/// is an answer.
#[tokio::test]
async fn an_empty_request_is_told_every_field_that_is_missing() {
    let stage = Stage::new().await;
    let mut named = 0;
    for role in Role::ALL {
        let mut client = stage.own(role).await;
        for rpc in rpcs().iter().filter(|rpc| roles_of(rpc).contains(&role)) {
            let required = required_fields(&rpc.input());
            let sometimes = REQUIRED_SOMETIMES.iter().filter(|(name, _)| *name == rpc.name());
            let sometimes = sometimes.map(|(_, field)| (*field).to_owned());
            let expected: BTreeSet<String> = required.into_iter().chain(sometimes).collect();
            if expected.is_empty() {
                // Who sees but an area's rows may have to name it.
                let all = scope(method_of(rpc), role) == Scope::All;
                let answered = client.stream_json(&name_of(rpc), &[json!({})]).await;
                assert!(answered.is_ok() || !all, "{}: {answered:?}", rpc.name());
                continue;
            }
            let error = refused(&mut client, rpc, json!({})).await;
            let told = (error.code(), reason(&error));
            let invalid = ("INVALID_ARGUMENT", "INVALID_FIELDS".to_owned());
            assert_eq!(told, invalid, "{} of {}", rpc.name(), role.as_str());
            assert_eq!(violations(&error), expected, "{}", rpc.name());
            named += expected.len();
        }
    }
    assert!(named > 60, "only {named} fields were named");
}

/// No parent hides what its parts lack.
#[tokio::test]
async fn an_empty_part_is_told_every_field_that_is_missing() {
    let stage = Stage::new().await;
    let mut named = 0;
    for rpc in rpcs() {
        let mut client = stage.own(roles_of(&rpc)[0]).await;
        for body in stage.requests(&rpc) {
            for place in places::places(&rpc.input(), &body) {
                let Some(part) = place.part() else { continue };
                let required = required_fields(&part);
                if required.is_empty() {
                    continue;
                }
                let error = refused(&mut client, &rpc, place.set(&body, json!({}))).await;
                let told = violations(&error);
                for field in required {
                    let path = format!("{}.{field}", place.name());
                    if NOT_IN_A_PART.contains(&path.as_str()) {
                        continue;
                    }
                    assert!(told.contains(&path), "{}: no {path}: {error}", rpc.name());
                    named += 1;
                }
            }
        }
    }
    assert!(named > 20, "only {named} fields were named");
}
