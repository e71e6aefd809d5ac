//! Every RPC, every role, every way a row can stand to a caller: what the table of rights allows is
//! not refused for want of rights, and what it does not is refused as such, or answered in the
//! very words in which what does not exist is. A new RPC is covered by being there.

use prost_reflect::MethodDescriptor;
use serde_json::Value;
use tiltaksplass::{
    cli::call::{CallError, DynamicClient},
    domain::access::{
        Actor, Method, Reach, Relation, Role, Scope, Target, reach, relation, scope, tells_who,
    },
    domain::registry::Registry,
};
use time::macros::date;

use crate::{
    contract::{
        Stage, method_of, name_of, reason, rpcs,
        sample::{own_organisation, replaced},
    },
    world::{
        COUNTY, HEMNE, HEMNE_OFFICE, LEVANGER, OFFICE, OTHER_COUNTY, OTHER_OFFICE, OTHER_PROVIDER,
        PROVIDER, TRONDHEIM,
    },
};

/// What an office asks of itself, whoever else's rows there are: `access_grants` and `staff_links`
/// look at them.
const OF_ONES_OWN: &[&str] = &["GrantAccess", "EndAccess", "ListAccessGrants", "LinkStaff"];

/// An organisation to which the stage's rows, of Trondheim and in the provider's group, stand so.
pub fn organisation(role: Role, relation: Relation) -> &'static str {
    match (role, relation) {
        (_, Relation::Own) => own_organisation(role),
        (Role::County, Relation::OtherArea) => OTHER_COUNTY,
        (Role::Office, Relation::SiblingUnit) => HEMNE_OFFICE,
        (Role::Office, Relation::OtherArea) => OTHER_OFFICE,
        (Role::Municipality, Relation::SiblingUnit) => HEMNE,
        (Role::Municipality, Relation::OtherArea) => LEVANGER,
        (Role::Provider, Relation::OtherProvider) => OTHER_PROVIDER,
        (Role::Directorate | Role::Service | Role::Auditor, _) => "NAV",
        (role, relation) => panic!("nothing stands so to {role:?}: {relation:?}"),
    }
}

/// Whose the stage's rows are.
fn row() -> Target {
    Target {
        county_id: COUNTY.parse().ok(),
        municipality_number: TRONDHEIM.parse().ok(),
        following_office_number: OFFICE.parse().ok(),
        organisation_number: PROVIDER.parse().ok(),
    }
}

/// Whether a refusal tells that the rows are not the caller's, or not there.
fn is_kept_away(error: &CallError) -> bool {
    let told = (error.code(), reason(error));
    let is = |code: &str| told.0 == code && told.1 == code;
    is("PERMISSION_DENIED") || is("NOT_FOUND")
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

pub async fn call(
    client: &mut DynamicClient,
    rpc: &MethodDescriptor,
    request: &Value,
) -> Result<Value, CallError> {
    let answers = client.stream_json(&name_of(rpc), std::slice::from_ref(request)).await;
    answers.map(|mut answers| answers.remove(0))
}

/// All that a caller is told: of a refusal, each word and detail of it.
pub fn told(outcome: &Result<Value, CallError>) -> Value {
    match outcome {
        Ok(answer) => answer.clone(),
        Err(error) => error.to_json(),
    }
}

/// The stage's requests as a role would make them, and each without its choice of a state: a
/// list that shows nothing because of that tells nothing about rights.
fn requests(stage: &Stage, rpc: &MethodDescriptor, role: Role) -> Vec<Value> {
    let mut requests = Vec::new();
    for request in stage.requests(rpc) {
        let request = stage.asked_by(role, &request);
        if request.get("state").is_some() {
            let mut all = request.clone();
            all.as_object_mut().unwrap().remove("state");
            requests.push(all);
        }
        requests.push(request);
    }
    requests
}

#[tokio::test]
async fn each_method_reaches_for_each_role_the_relations_of_the_table_and_no_other() {
    let stage = Stage::new().await;
    let names = stage.names();
    let back: Vec<(String, String)> =
        names.iter().map(|(name, nothing)| (nothing.clone(), name.clone())).collect();
    let (mut let_in, mut kept_away) = (0, 0);
    for role in Role::ALL {
        for relation in Relation::of_role(role) {
            let mut client = stage.client(role, organisation(role, *relation)).await;
            for rpc in rpcs() {
                let what = format!("{} of {} on {relation:?}", rpc.name(), role.as_str());
                if role == Role::Office && OF_ONES_OWN.contains(&rpc.name()) {
                    continue;
                }
                let is_allowed = reach(method_of(&rpc), role, *relation) != Reach::No;
                for request in requests(&stage, &rpc, role) {
                    let outcome = call(&mut client, &rpc, &request).await;
                    if is_allowed {
                        // Whatever else may stand in its way, it is not a want of rights.
                        if let Err(error) = &outcome {
                            assert!(!is_kept_away(error), "{what}: {error} to {request}");
                        }
                        let_in += 1;
                        continue;
                    }
                    match &outcome {
                        Ok(answer) => assert!(is_empty(answer), "{what}: {answer} to {request}"),
                        Err(error) => assert!(is_kept_away(error), "{what}: {error} to {request}"),
                    }
                    let of_nothing = call(&mut client, &rpc, &replaced(&request, &names)).await;
                    assert_eq!(told(&outcome), replaced(&told(&of_nothing), &back), "{what}");
                    kept_away += 1;
                }
            }
        }
    }
    assert!(let_in > 250 && kept_away > 800, "{let_in} calls were let in, {kept_away} kept away");
}

/// The columns above are what they are called: the rows stand so to the callers.
#[tokio::test]
async fn the_stages_rows_stand_to_its_callers_as_the_table_is_asked() {
    let stage = Stage::new().await;
    let app = &stage.world.service.app;
    let mut transaction = app.db.begin_read().await.unwrap();
    let registry = app.registry.current(&mut transaction).await.unwrap();
    for role in Role::ALL {
        for expected in Relation::of_role(role) {
            let actor = actor(role, organisation(role, *expected));
            let found = relation(&actor, &row(), &registry, date!(2026 - 03 - 02));
            assert_eq!(found, *expected, "{role:?}");
        }
    }
    // To who has no area of its own, whatever there is lies elsewhere.
    let nowhere = relation(
        &actor(Role::County, COUNTY),
        &Target::default(),
        &Registry::default(),
        date!(2026 - 03 - 02),
    );
    assert_eq!(nowhere, Relation::OtherArea);
}

fn actor(role: Role, organisation: &str) -> Actor {
    Actor {
        issuer: "i".into(),
        subject: "s".into(),
        role,
        organisation: organisation.into(),
        employer: None,
    }
}

/// Whether somebody is protected is asked beside whose they are, by what tells who it is: the
/// rows over the port stand with the test of protected people.
#[test]
fn protected_people_and_own_staff_are_told_of_with_clearance_only() {
    let mut with_clearance = 0;
    for method in Method::ALL {
        for role in Role::ALL {
            for of_person in [Relation::Protected, Relation::OwnStaff] {
                let expected = match (scope(*method, role), tells_who(*method)) {
                    (Scope::No, _) => Reach::No,
                    (_, true) => Reach::WithClearance,
                    (_, false) => Reach::Yes,
                };
                assert_eq!(reach(*method, role, of_person), expected, "{method:?} {role:?}");
                with_clearance += u32::from(expected == Reach::WithClearance);
            }
        }
    }
    // Three methods: two roles look people up, three read an entry, one asks of participation.
    assert!(with_clearance >= 12, "only {with_clearance}");
}

#[test]
fn an_empty_answer_is_told_from_one_that_holds_something() {
    use serde_json::json;
    assert!(is_empty(&json!({"revisions": [{"seq": "3"}], "places": {"totalPercent": "0"}})));
    assert!(!is_empty(&json!({"places": {"totalPercent": "100"}})));
    assert!(!is_empty(&json!({"entries": [{}]})));
}
