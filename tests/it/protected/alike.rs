//! Two services with the same keys, ids and story: in one some people are protected, in the other
//! they are as anybody. For who is not cleared the two answer every call with the same bytes.

use std::path::Path;

use prost::Message;
use prost_reflect::MethodDescriptor;
use serde_json::{Value, json};
use tiltaksplass::domain::access::tells_who;

use super::{
    walk::{Came, call},
    *,
};
use crate::{
    contract::{Stage, method_of, rpcs},
    support::alike,
    world::vta,
};

/// All who are in the story: two with a place each, one who waits, and one who would come in.
const PROTECTED: [u32; 4] = [1, 2, 3, 9];
/// Of them, one who uses a place, and one who waits.
const NAMED: [u32; 2] = [1, 3];
/// Somebody nobody knows.
const UNKNOWN: u32 = 77;

/// What was answered, by what was asked.
type Answers = Vec<(String, Came)>;

/// What one service answered.
struct Story {
    /// To every call of every role.
    walk: Answers,
    /// To who asked whose an entry is.
    who: Answers,
}

/// Tells the story, and asks everything. Those who are named are `named`.
async fn story(keys: &Path, grades: &Grades, named: [u32; 2]) -> Story {
    let register = Register::with(&PROTECTED, grades);
    let told = async {
        let keys = Keys::load_or_create(keys).unwrap();
        let service = Service::start_asking(keys, register.source()).await;
        let stage = Stage::on(World::on(service).await).await;
        let mut walk = Answers::new();
        for role in Role::ALL {
            let caller = cleared(&stage.world, role, &Grades::new()).await;
            for rpc in rpcs() {
                for body in bodies(&stage, &rpc, named) {
                    let came = call(&caller, &rpc, &body).await;
                    walk.push((format!("{} {}", role.as_str(), rpc.name()), came));
                }
            }
        }
        let run = stage.world.allocate(&vta(), 5).await.encode_to_vec();
        let told = stage.world.availability(&vta()).await.encode_to_vec();
        walk.extend([run, told].map(|bytes| ("afterwards".to_owned(), Came::answer(bytes))));
        let who = who_they_are(&stage).await;
        stage.world.service.verify().await;
        Story { walk, who }
    };
    Box::pin(alike(1, told)).await
}

/// The requests of an RPC, lists with a page of one and with all. Where it tells what there is of
/// somebody who is named, it is asked about each of those who are.
fn bodies(stage: &Stage, rpc: &MethodDescriptor, named: [u32; 2]) -> Vec<Value> {
    let mut bodies = stage.requests(rpc);
    let whole =
        bodies.iter().filter(|body| !body["pageSize"].is_null()).cloned().map(|mut body| {
            body["pageSize"] = json!(0);
            body
        });
    bodies.extend(whole.collect::<Vec<_>>());
    if !tells_who(method_of(rpc)) || rpc.name() == "GetWaitlistEntry" {
        return bodies;
    }
    // Accesses that are listed otherwise are the looks themselves, which differ by who was named.
    bodies.retain(|body| body["nationalIdentityNumber"].is_string());
    assert!(!bodies.is_empty(), "{}: who is named?", rpc.name());
    let about = |body: &Value, person: u32| {
        let mut body = body.clone();
        body["nationalIdentityNumber"] = json!(identity(person));
        body
    };
    bodies.iter().flat_map(|body| named.map(|person| about(body, person))).collect()
}

/// Whose the entry is, as everyone who may ask is told.
async fn who_they_are(stage: &Stage) -> Answers {
    let rpc = rpcs().into_iter().find(|rpc| rpc.name() == "GetWaitlistEntry").unwrap();
    let mut answers = Answers::new();
    for role in Role::ALL {
        let caller = cleared(&stage.world, role, &Grades::new()).await;
        for mut body in stage.requests(&rpc) {
            body["withPerson"] = json!(true);
            answers.push((role.as_str().to_owned(), call(&caller, &rpc, &body).await));
        }
    }
    answers
}

fn assert_alike(left: &Answers, right: &Answers, grades: &Grades) {
    assert_eq!(left.len(), right.len());
    for ((asked, ordinary), (also_asked, protected)) in left.iter().zip(right) {
        assert_eq!(asked, also_asked);
        assert!(ordinary == protected, "{asked} {grades:?}\n{ordinary:?}\n{protected:?}");
    }
}

#[tokio::test]
async fn nobody_without_the_clearance_can_tell_who_is_protected() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("main.json");
    // Of people who are as anybody everything is told; so who is named there is nobody.
    let ordinary = story(&keys, &Grades::new(), [UNKNOWN; 2]).await;
    let answered = ordinary.walk.iter().filter(|(_, came)| came.is_answer()).count();
    assert!(answered > 150, "only {answered} of {} calls were answered", ordinary.walk.len());
    let mut kept: Option<Answers> = None;
    for grades in grades_in_turn() {
        let protected = story(&keys, &grades, NAMED).await;
        assert_alike(&ordinary.walk, &protected.walk, &grades);
        // Nor is one kind told from another.
        let first = kept.get_or_insert(protected.who.clone());
        assert_alike(first, &protected.who, &grades);
        assert!(*first != ordinary.who, "who it is, is kept from them");
    }
}

/// The comparison would find it: who is as anybody is told of.
#[tokio::test]
async fn who_is_not_protected_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("main.json");
    let unknown = story(&keys, &Grades::new(), [UNKNOWN; 2]).await;
    let known = story(&keys, &Grades::new(), NAMED).await;
    let differ = unknown.walk.iter().zip(&known.walk).filter(|(left, right)| left != right);
    let mut asked: Vec<&str> = differ.map(|((asked, _), _)| asked.as_str()).collect();
    asked.sort_unstable();
    asked.dedup();
    let told = [
        "auditor ListAccesses",
        "county ListAccesses",
        "county LookupPerson",
        "office ListAccesses",
        "office LookupPerson",
        "service CheckParticipation",
    ];
    assert_eq!(asked, told);
}
