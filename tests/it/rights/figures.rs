//! Who is told of figures alone, and who reads everything and changes nothing.

use base64::Engine as _;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Value, json};
use tiltaksplass::domain::access::{Method, Role, Scope, scope};

use super::relations::call;
use crate::{
    contract::{Stage, method_of, pool, rpcs},
    world::{COUNTY, TRONDHEIM},
};

/// What a field may not be called where nobody is told of: an entry, what is held for one, or
/// somebody.
const OF_PEOPLE: &[&str] = &[
    "entry_id",
    "entry_ids",
    "offer_id",
    "offer_ids",
    "placement_id",
    "placement_ids",
    "person",
    "national_identity_number",
    "adviser_ident",
];

/// A refusal would say nothing: these are answered to a municipality.
const FIGURES: &[&str] = &[
    "GetAvailability",
    "SummarizeQueues",
    "ListVacancies",
    "ListPlaceBudgets",
    "ListQuotas",
    "GetFairShare",
    "ListCapacities",
    "CompareFairShares",
    "GetShadowReport",
    "GetPlan",
    "ListPlans",
    "ExplainRedirection",
    "GetPlanProgress",
];

fn is_of_people(field: &FieldDescriptor) -> bool {
    OF_PEOPLE
        .iter()
        .any(|name| field.name() == *name || field.name().ends_with(&format!("_{name}")))
}

/// Each field that is there, with the message it is in, and what stands there.
fn walk(message: &MessageDescriptor, at: &Value, take: &mut impl FnMut(&FieldDescriptor, &Value)) {
    for field in message.fields() {
        let value = &at[field.json_name()];
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for item in items.iter().filter(|item| !item.is_null()) {
            take(&field, item);
            if let Kind::Message(inner) = field.kind() {
                walk(&inner, item, take);
            }
        }
    }
}

/// What stands in a field, in words: bytes hold words too.
fn words(field: &FieldDescriptor, value: &Value) -> String {
    let text = value.to_string();
    if field.kind() != Kind::Bytes {
        return text;
    }
    let bytes = base64::prelude::BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The RPCs a role may call, but the one whose very question names somebody.
fn of_role(role: Role) -> Vec<MethodDescriptor> {
    let may = |rpc: &MethodDescriptor| {
        let method = method_of(rpc);
        scope(method, role) != Scope::No && method != Method::CheckParticipation
    };
    rpcs().into_iter().filter(may).collect()
}

#[tokio::test]
async fn municipality_directorate_and_service_are_told_of_nobody() {
    let stage = Stage::new().await;
    let names: Vec<String> = stage.names().into_iter().map(|(name, _)| name).collect();
    let people = &names[..4];
    let (mut fields, mut answered) = (0, Vec::new());
    for role in [Role::Municipality, Role::Directorate, Role::Service] {
        let mut client = stage.own(role).await;
        for rpc in of_role(role) {
            for request in stage.requests(&rpc) {
                let Ok(answer) = call(&mut client, &rpc, &request).await else { continue };
                if role == Role::Municipality {
                    answered.push(rpc.name().to_owned());
                }
                walk(&rpc.output(), &answer, &mut |field, value| {
                    let what = format!("{} of {}: {}", rpc.name(), role.as_str(), field.name());
                    assert!(!is_of_people(field), "{what}");
                    let words = words(field, value);
                    // What is only asked about figures by stands in no answer.
                    assert!(!people.iter().any(|id| words.contains(id)), "{what}: {words}");
                    fields += 1;
                });
            }
        }
    }
    assert!(FIGURES.iter().all(|name| answered.iter().any(|other| other == name)), "{answered:?}");
    assert!(fields > 300, "only {fields} fields were looked at");
}

/// The walk finds what it looks for: an auditor is told of people.
#[tokio::test]
async fn an_auditor_is_told_of_people_by_the_same_walk() {
    let stage = Stage::new().await;
    let mut client = stage.own(Role::Auditor).await;
    let rpc = rpcs().into_iter().find(|rpc| rpc.name() == "ListChanges").unwrap();
    let answer = call(&mut client, &rpc, &all_changes()).await.unwrap();
    let (entry, mut found) = (stage.names()[0].0.clone(), false);
    walk(&rpc.output(), &answer, &mut |field, value| found |= words(field, value).contains(&entry));
    assert!(found, "the payloads of {TRONDHEIM}'s joins name their entries");
    let entry = pool().get_message_by_name("tiltaksplass.v1.WaitlistEntry").unwrap();
    assert!(entry.fields().any(|field| is_of_people(&field)));
}

/// What a municipality says of the sharing of places, which is about no person.
const SAID_BY_MUNICIPALITIES: &[&str] = &["ProposePlan", "CommentPlan", "WithdrawPlan"];

#[test]
fn an_auditor_and_a_municipality_and_a_service_change_nothing() {
    let mutations: Vec<MethodDescriptor> =
        rpcs().into_iter().filter(|rpc| has(rpc, "request_id")).collect();
    assert!(mutations.len() > 30, "only {} mutations", mutations.len());
    for rpc in &mutations {
        assert!(has(rpc, "validate_only"), "{}", rpc.name());
        for role in [Role::Auditor, Role::Municipality, Role::Service] {
            let scope = scope(method_of(rpc), role);
            let is_said = SAID_BY_MUNICIPALITIES.contains(&rpc.name());
            let says = role == Role::Municipality && is_said;
            assert_eq!(scope != Scope::No, says, "{} of {}", rpc.name(), role.as_str());
        }
    }
    for rpc in rpcs().iter().filter(|rpc| !has(rpc, "request_id")) {
        assert!(!has(rpc, "validate_only"), "{} stores something", rpc.name());
    }
}

/// Every row of the stage's ledger.
fn all_changes() -> Value {
    json!({"ledger": {"countyId": COUNTY, "measureCode": "VTA"}, "pageSize": 500})
}

fn has(rpc: &MethodDescriptor, name: &str) -> bool {
    rpc.input().get_field_by_name(name).is_some()
}

/// The logs there are: every row of every ledger with what it holds, and why each place was given.
#[tokio::test]
async fn an_auditor_reads_all_logs() {
    for method in [Method::ListChanges, Method::ExplainDecision, Method::GetShadowReport] {
        assert_eq!(scope(method, Role::Auditor), Scope::All, "{method:?}");
    }
    let stage = Stage::new().await;
    let mut client = stage.own(Role::Auditor).await;
    for name in ["ListChanges", "ExplainDecision", "GetShadowReport"] {
        let rpc = rpcs().into_iter().find(|rpc| rpc.name() == name).unwrap();
        let request = stage.requests(&rpc).remove(0);
        call(&mut client, &rpc, &request).await.unwrap();
        if name == "ListChanges" {
            let answer = call(&mut client, &rpc, &all_changes()).await.unwrap();
            let changes = answer["changes"].as_array().unwrap();
            assert!(changes.len() > 1 && changes.iter().all(|c| !c["payload"].is_null()));
        }
    }
}
