//! Whoever has nothing to do with a ledger is not told how far it has come by being kept waiting.

use prost_reflect::Kind;
use serde_json::{Value, json};
use tiltaksplass::domain::access::{Reach, Relation, Role, reach};

use super::relations::{call, organisation, told};
use crate::contract::{Stage, method_of, reason, rpcs};

/// No ledger of the tests comes so far.
const FAR: u64 = 1_000_000;

/// Rights come before the wait: what is refused is refused in the same words, and without it.
#[tokio::test]
async fn what_is_not_the_callers_is_refused_before_anything_is_waited_for() {
    let stage = Stage::new().await;
    let mut refusals = 0;
    for role in Role::ALL {
        for relation in Relation::of_role(role) {
            let mut client = stage.client(role, organisation(role, *relation)).await;
            for rpc in rpcs() {
                let waits = rpc.input().get_field_by_name("at_least_seq");
                // A sibling has to do with the area: it is told of its figures, and may wait.
                let is_allowed = reach(method_of(&rpc), role, *relation) != Reach::No
                    || *relation == Relation::SiblingUnit;
                if is_allowed || waits.is_none_or(|field| field.kind() != Kind::Uint64) {
                    continue;
                }
                for request in stage.requests(&rpc) {
                    let request = stage.asked_by(role, &request);
                    let at_once = call(&mut client, &rpc, &request).await;
                    if at_once.is_ok() {
                        // A list of the caller's own rows, of which there are none.
                        continue;
                    }
                    let mut later = request.clone();
                    later["atLeastSeq"] = json!(FAR);
                    let refused = call(&mut client, &rpc, &later).await;
                    let what = format!("{} of {} on {relation:?}", rpc.name(), role.as_str());
                    assert_eq!(told(&refused), told(&at_once), "{what}: {request}");
                    refusals += 1;
                }
            }
        }
    }
    assert!(refusals > 40, "only {refusals} refusals");
}

#[tokio::test]
async fn whose_rows_they_are_is_told_that_the_ledger_is_behind() {
    let stage = Stage::new().await;
    for (role, name) in [
        (Role::Office, "GetWaitlistEntry"),
        (Role::Provider, "GetWaitlistEntry"),
        (Role::County, "ListQuotas"),
        (Role::Municipality, "ListQuotas"),
        (Role::Auditor, "ListChanges"),
    ] {
        let rpc = rpcs().into_iter().find(|rpc| rpc.name() == name).unwrap();
        let mut client = stage.own(role).await;
        let mut request: Value = stage.asked_by(role, &stage.requests(&rpc)[0]);
        request["atLeastSeq"] = json!(FAR);
        let error = call(&mut client, &rpc, &request).await.unwrap_err();
        assert_eq!(reason(&error), "NOT_YET_AT_SEQ", "{name} of {role:?}: {error}");
    }
}
