//! Every RPC, every role that may call it for its own: the same well-formed request
//! about the same things is answered to whose they are, and to nobody else. A new RPC is
//! covered by being there.

use prost_reflect::MethodDescriptor;
use serde_json::Value;
use tiltaksplass::{
    cli::call::{CallError, DynamicClient},
    domain::access::{Role, Scope, scope},
};

use crate::contract::{Stage, method_of, name_of, reason, rpcs};

/// Whether a refusal tells that the rows are not the caller's.
fn is_kept_away(error: &CallError) -> bool {
    let told = (error.code(), reason(error));
    let of = |code: &str| (code.to_owned(), code.to_owned());
    let told = (told.0.to_owned(), told.1);
    told == of("PERMISSION_DENIED") || told == of("NOT_FOUND")
}

/// Whether an answer holds nothing but how far ledgers had come.
fn is_empty(answer: &Value) -> bool {
    let Value::Object(fields) = answer else { return false };
    fields.iter().filter(|(name, _)| *name != "revisions").all(|(_, value)| match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(_) => is_empty(value),
        Value::String(text) => text.is_empty() || text == "0",
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(yes) => !yes,
        Value::Null => true,
    })
}

async fn call(
    client: &mut DynamicClient,
    rpc: &MethodDescriptor,
    request: &Value,
) -> Result<Value, CallError> {
    let answers = client.stream_json(&name_of(rpc), std::slice::from_ref(request)).await;
    answers.map(|mut answers| answers.remove(0))
}

#[tokio::test]
async fn what_is_anothers_is_answered_to_nobody_else() {
    let stage = Stage::new().await;
    let mut kept_away = 0;
    for role in Role::ALL {
        let (mut own, mut foreign) = (stage.own(role).await, stage.foreign(role).await);
        for rpc in rpcs() {
            if !matches!(scope(method_of(&rpc), role), Scope::Own | Scope::OwnArea) {
                continue;
            }
            let what = format!("{} of {}", rpc.name(), role.as_str());
            for request in stage.requests(&rpc) {
                // Whatever else may stand in its way, it is not a want of rights.
                if let Err(error) = call(&mut own, &rpc, &request).await {
                    assert!(!is_kept_away(&error), "{what}: {error} to {request}");
                }
                match call(&mut foreign, &rpc, &request).await {
                    Ok(answer) => assert!(is_empty(&answer), "{what}: {answer} to {request}"),
                    Err(error) => assert!(is_kept_away(&error), "{what}: {error} to {request}"),
                }
                kept_away += 1;
            }
        }
    }
    assert!(kept_away > 30, "only {kept_away} calls");
}

#[test]
fn an_empty_answer_is_told_from_one_that_holds_something() {
    use serde_json::json;
    assert!(is_empty(&json!({"revisions": [{"seq": "3"}], "places": {"totalPercent": "0"}})));
    assert!(!is_empty(&json!({"places": {"totalPercent": "100"}})));
    assert!(!is_empty(&json!({"entries": [{}]})));
}
