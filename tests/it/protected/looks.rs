//! Who is told who somebody is: each method that tells it, by role, grade and clearance.

use std::collections::BTreeSet;

use prost::Message;
use prost_reflect::{Kind, MessageDescriptor};
use tiltaksplass::domain::access::{Method, Scope, scope, tells_who};

use super::*;
use crate::contract::{method_of, rpcs};

/// What of a look came back.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// The person, or what there is of them.
    Told,
    /// What is told of somebody nobody knows, or of nobody.
    Kept,
    /// The role may not ask at all.
    NotAsked,
}

async fn looked_up(caller: &Caller, person: u32) -> Result<ListAccessesResponse, Status> {
    let number = list_accesses_request::Person::NationalIdentityNumber(identity(person));
    let request = ListAccessesRequest {
        person: Some(number),
        purpose: "innsyn".into(),
        ..ListAccessesRequest::default()
    };
    caller.audit().list_accesses(request).await.map(tonic::Response::into_inner)
}

/// A look at who is placed, by each of the methods that tell it.
async fn look(caller: &Caller, ledger: &Ledger, entry_id: &str, method: Method) -> Came {
    let came = if method == Method::LookupPerson {
        found(caller, 1).await.map(|answer| {
            let is_kept = answer == LookupPersonResponse::default();
            assert!(is_kept || answer.entries.len() == 1, "{answer:?}");
            is_kept
        })
    } else if method == Method::CheckParticipation {
        takes_part(caller, 1).await.map(|answer| {
            assert_eq!(answer.participates, !answer.participations.is_empty());
            answer == CheckParticipationResponse::default()
        })
    } else if method == Method::ListAccesses {
        // The looks by number are written down with who was named, also those that were denied.
        looked_up(caller, 1).await.map(|answer| answer.accesses.is_empty())
    } else {
        assert_eq!(method, Method::GetWaitlistEntry, "it tells who somebody is: how?");
        told(caller, ledger, entry_id).await.map(|person| {
            let nothing = EntryPerson { withheld: true, ..EntryPerson::default() };
            assert!(person == nothing || person.national_identity_number == identity(1));
            person.withheld
        })
    };
    match came {
        Ok(true) => Came::Kept,
        Ok(false) => Came::Told,
        Err(status) => {
            assert_eq!(reason(&status), "PERMISSION_DENIED", "{method:?} {status:?}");
            Came::NotAsked
        }
    }
}

#[tokio::test]
async fn each_kind_asks_for_its_own_clearance_whoever_asks() {
    let register = Register::default();
    let world = world_asking(register.source()).await;
    let (ledger, entries) = scene(&world).await;
    let methods = Method::ALL.iter().copied().filter(|method| tells_who(*method));
    let methods: Vec<Method> = methods.collect();
    let everything: Grades = Protection::ALL.into_iter().collect();
    let mut rows = 0;
    for role in Role::ALL {
        let one = Protection::ALL.map(|kind| Grades::from([kind]));
        let clearances = one.into_iter().chain([Grades::new(), everything.clone()]);
        for clearances in clearances {
            let caller = cleared(&world, role, &clearances).await;
            for grades in grades_in_turn().into_iter().chain([Grades::new()]) {
                register.protect(1, &grades);
                for method in &methods {
                    let expected = if scope(*method, role) == Scope::No {
                        Came::NotAsked
                    } else if grades.is_subset(&clearances) {
                        Came::Told
                    } else {
                        Came::Kept
                    };
                    let came = look(&caller, &ledger, &entries[&1], *method).await;
                    assert_eq!(came, expected, "{method:?} {role:?} {grades:?} {clearances:?}");
                    rows += 1;
                }
            }
        }
    }
    assert_eq!(rows, methods.len() * Role::ALL.len() * 6 * 6);
    assert!(methods.len() >= 4);
}

#[tokio::test]
async fn who_is_cleared_is_told_to_be_careful() {
    let everything: Grades = Protection::ALL.into_iter().collect();
    let world = world_asking(Register::with(&[1, 9], &everything).source()).await;
    let (ledger, entries) = scene(&world).await;
    let caller = cleared(&world, Role::Office, &everything).await;
    // The strictest first, as the rules are asked.
    let person = told(&caller, &ledger, &entries[&1]).await.unwrap();
    assert_eq!((person.protections, person.withheld), (vec![1, 2, 3, 4], false));
    assert_eq!(found(&caller, 1).await.unwrap().protections, [1, 2, 3, 4]);
    // Of who is not protected nothing, and of who has nothing here not even that.
    assert_eq!(told(&caller, &ledger, &entries[&2]).await.unwrap().protections, [0; 0]);
    assert_eq!(found(&caller, 2).await.unwrap().protections, [0; 0]);
    assert_eq!(found(&caller, 9).await.unwrap(), LookupPersonResponse::default());
}

#[tokio::test]
async fn a_changed_grade_acts_at_once() {
    let register = Register::default();
    let world = world_asking(register.source()).await;
    let (ledger, entries) = scene(&world).await;
    let office = cleared(&world, Role::Office, &Grades::new()).await;
    let service = cleared(&world, Role::Service, &Grades::new()).await;
    for grades in grades_in_turn() {
        for (grades, is_told) in [(&grades, false), (&Grades::new(), true)] {
            register.protect(1, grades);
            assert_eq!(found(&office, 1).await.unwrap().entries.len(), usize::from(is_told));
            assert_eq!(takes_part(&service, 1).await.unwrap().participates, is_told);
            let person = told(&office, &ledger, &entries[&1]).await.unwrap();
            assert_eq!(person.withheld, !is_told, "{grades:?}");
        }
    }
}

/// The same bytes, after as many questions to the source and as many accesses.
#[tokio::test]
async fn who_is_protected_answers_like_who_is_not_known() {
    let register = Register::with(&[1, 8], &Grades::from([Protection::Confidential]));
    let world = world_asking(register.source()).await;
    scene(&world).await;
    let office = cleared(&world, Role::Office, &Grades::new()).await;
    let service = cleared(&world, Role::Service, &Grades::new()).await;
    let (mut looked, mut checked) = (BTreeSet::new(), BTreeSet::new());
    // Protected and here, unknown, protected and unknown.
    for person in [1, 9, 8] {
        register.asked();
        looked.insert(found(&office, person).await.unwrap().encode_to_vec());
        assert_eq!(register.asked(), 1, "{person}");
        checked.insert(takes_part(&service, person).await.unwrap().encode_to_vec());
        assert_eq!(register.asked(), 1, "{person}");
    }
    assert_eq!((looked.len(), checked.len()), (1, 1));
    let rows = accesses(&world).await;
    let expected =
        [(1, false), (0, true), (0, false)].into_iter().flat_map(|(people, permitted)| {
            ["LookupPerson", "CheckParticipation"]
                .map(|method| access(method, people, 0, permitted))
        });
    assert!(rows.ends_with(&expected.collect::<Vec<_>>()), "{rows:?}");
}

/// The entry was shown, and who it is was not: two accesses, before the answer.
#[tokio::test]
async fn a_denied_look_is_recorded_as_denied() {
    let world = world_asking(Register::with(&[1], &grades_in_turn()[0]).source()).await;
    let (ledger, entries) = scene(&world).await;
    let before = accesses(&world).await.len();
    let kept = told(&world.office, &ledger, &entries[&1]).await.unwrap();
    assert!(kept.withheld);
    let others = told(&world.office, &ledger, &entries[&2]).await.unwrap();
    assert_eq!(others.national_identity_number, identity(2));
    let plain = GetWaitlistEntryRequest { with_person: false, ..who(&ledger, &entries[&1]) };
    world.office.waitlist().get_waitlist_entry(plain).await.unwrap();
    let rows = accesses(&world).await.split_off(before);
    let of = |people, permitted| access("GetWaitlistEntry", people, 1, permitted);
    assert_eq!(rows, [of(0, true), of(1, false), of(1, true), of(0, true)]);
    world.service.verify().await;
}

/// A new read that is asked about somebody by number, or answers with one, must be among those
/// that tell who somebody is, and so in the tests above.
#[test]
fn every_read_that_names_somebody_tells_who() {
    let mut telling = 0;
    for rpc in rpcs() {
        let reads = rpc.input().get_field_by_name("request_id").is_none();
        let named = names_somebody(&rpc.input(), &mut BTreeSet::new());
        let names = names_somebody(&rpc.output(), &mut BTreeSet::new());
        let tells = names || (reads && named);
        assert_eq!(tells_who(method_of(&rpc)), tells, "{}", rpc.name());
        telling += usize::from(tells);
    }
    assert!(telling >= 3);
}

/// Whether an identity number has a place in a message or in a part of it.
fn names_somebody(message: &MessageDescriptor, seen: &mut BTreeSet<String>) -> bool {
    message.fields().any(|field| {
        let Kind::Message(part) = field.kind() else {
            return field.name().contains("identity_number");
        };
        seen.insert(part.full_name().to_owned()) && names_somebody(&part, seen)
    })
}
