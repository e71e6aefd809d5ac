//! Every RPC by its descriptor, with every role that may call it: what tells of people is
//! written down before its answer, and is not answered where that fails.

use std::collections::BTreeSet;

use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use tiltaksplass::{
    cli::call::{CallError, DynamicClient},
    domain::access::Relation,
};

use super::*;
use crate::{
    contract::{Stage, name_of, reason as reason_of, roles_of, rpcs},
    rights::relations::organisation,
};

/// Fields by which an answer tells of somebody.
const TELLS: &[&str] = &[
    "entry_id",
    "entry_ids",
    "would_have_served_entry_id",
    "offer_id",
    "placement_id",
    "national_identity_number",
    "payload",
    "under_way",
    "participates",
];

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| all + &word[..1].to_uppercase() + &word[1..])
}

/// Whether an answer of this form can tell of somebody.
fn can_tell(message: &MessageDescriptor, seen: &mut BTreeSet<String>) -> bool {
    seen.insert(message.full_name().to_owned())
        && message.fields().any(|field| {
            let Kind::Message(inner) = field.kind() else { return TELLS.contains(&field.name()) };
            can_tell(&inner, seen)
        })
}

/// Whether an answer does.
fn tells(answer: &Value) -> bool {
    match answer {
        Value::Array(items) => items.iter().any(tells),
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let is_told = TELLS.iter().any(|told| camel(told) == *name) && !is_nothing(value);
            is_told || tells(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Number(_) | Value::Object(_) => false,
    }
}

async fn call(
    client: &mut DynamicClient,
    rpc: &MethodDescriptor,
    request: &Value,
) -> Result<Value, CallError> {
    let answers = client.stream_json(&name_of(rpc), std::slice::from_ref(request)).await;
    answers.map(|mut answers| answers.remove(0))
}

/// Whether a refusal is a want of rights, and not of form.
fn is_denied(error: &CallError) -> bool {
    ["PERMISSION_DENIED", "NOT_FOUND"].contains(&reason_of(error).as_str())
}

async fn rows(sql: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM access_log").fetch_one(sql).await.unwrap()
}

/// What may be asked, and of a list everything: what narrows it would leave nothing to tell.
fn requests(stage: &Stage, rpc: &MethodDescriptor) -> Vec<Value> {
    let mut requests = stage.requests(rpc);
    if rpc.name().starts_with("List") {
        let mut whole = requests[0].clone();
        for narrow in ["state", "kind", "adviserIdent", "dueByDate", "entryId", "placeGroupId"] {
            whole.as_object_mut().unwrap().remove(narrow);
        }
        requests.push(whole);
    }
    requests
}

/// Whether a call is a preview: what is stored is written down in the ledger's own log.
fn is_preview(rpc: &MethodDescriptor) -> bool {
    rpc.input().get_field_by_name("validate_only").is_some()
}

/// Whose the stage's rows are not.
fn others_organisation(role: Role) -> &'static str {
    match role {
        Role::Provider => organisation(role, Relation::OtherProvider),
        Role::County | Role::Office | Role::Municipality => organisation(role, Relation::OtherArea),
        Role::Directorate | Role::Service | Role::Auditor => organisation(role, Relation::Own),
    }
}

#[tokio::test]
async fn what_tells_of_people_is_written_down_or_not_answered() {
    let stage = Stage::new().await;
    let mut sql = stage.world.service.sql().await;
    let telling: Vec<MethodDescriptor> =
        rpcs().into_iter().filter(|rpc| can_tell(&rpc.output(), &mut BTreeSet::new())).collect();
    let (mut wrong, mut answered) = (Vec::new(), Vec::new());
    for role in Role::ALL {
        let mut own = stage.own(role).await;
        let mut foreign = stage.client(role, others_organisation(role)).await;
        for rpc in telling.iter().filter(|rpc| roles_of(rpc).contains(&role)) {
            for request in requests(&stage, rpc) {
                let what = format!("{} of {}", rpc.name(), role.as_str());
                let before = rows(&mut sql).await;
                if call(&mut own, rpc, &request).await.is_ok_and(|answer| tells(&answer)) {
                    if rows(&mut sql).await == before {
                        wrong.push(format!("{what} left no row"));
                    }
                    answered.push((what.clone(), role, rpc.clone(), request.clone()));
                }
                let before = rows(&mut sql).await;
                let denied =
                    call(&mut foreign, rpc, &request).await.is_err_and(|error| is_denied(&error));
                if denied && !is_preview(rpc) && rows(&mut sql).await == before {
                    wrong.push(format!("{what}, refused, left no row"));
                }
            }
        }
    }
    let revoke = AssertSqlSafe("REVOKE INSERT ON access_log FROM tiltaksplass_write");
    sqlx::raw_sql(revoke).execute(&mut sql).await.unwrap();
    let mut refused = BTreeSet::new();
    for (what, role, rpc, request) in answered {
        match call(&mut stage.own(role).await, &rpc, &request).await {
            Ok(answer) if tells(&answer) => wrong.push(format!("{what} answered {answer}")),
            Ok(answer) => wrong.push(format!("{what} answered something else: {answer}")),
            Err(error) => {
                let expected = ["INTERNAL", "DATABASE_UNAVAILABLE"];
                assert!(expected.contains(&reason_of(&error).as_str()), "{what}: {error}");
                refused.insert(rpc.name().to_owned());
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let expected = [
        "ExplainDecision",
        "GetWaitlistEntry",
        "ListAccesses",
        "ListChanges",
        "ListMyWork",
        "ListOffers",
        "ListPlacements",
        "ListWaitlistEntries",
        "LookupPerson",
        "ReviewAccesses",
    ];
    let missing: Vec<_> = expected.iter().filter(|name| !refused.contains(**name)).collect();
    assert!(missing.is_empty(), "no answer of {missing:?} told of anybody: {refused:?}");
}

#[test]
fn an_answer_that_tells_of_somebody_is_known() {
    use serde_json::json;
    assert!(tells(&json!({"entries": [{"entryId": "x"}]})));
    assert!(tells(&json!({"accesses": [{"entryIds": ["x"]}]})));
    assert!(tells(&json!({"participates": true})));
    assert!(!tells(&json!({"entries": [], "offer": {"offerId": ""}, "participates": false})));
}
