//! `LookupPerson`: one person in all areas, as far as the caller may see.

use prost::Message;

use super::*;
use crate::world::{LEVANGER, OTHER_COUNTY, OTHER_OFFICE, avklaring, identity};

fn lookup(person: u32) -> LookupPersonRequest {
    LookupPersonRequest {
        national_identity_number: identity(person),
        purpose: "henvendelse".into(),
        ..LookupPersonRequest::default()
    }
}

async fn found(caller: &Caller, request: LookupPersonRequest) -> LookupPersonResponse {
    caller.waitlist().lookup_person(request).await.unwrap().into_inner()
}

fn entries(answer: &LookupPersonResponse) -> Vec<(String, String)> {
    let one = |entry: &PersonEntry| {
        let ledger = entry.ledger.clone().unwrap();
        let name = format!("{}/{}", ledger.county_id, ledger.measure_code);
        (name, entry.entry.clone().unwrap().entry_id)
    };
    answer.entries.iter().map(one).collect()
}

/// Somebody who left one list of Trøndelag's, waits on another, and waits in the other
/// county; every join a minute after the last.
struct Scene {
    world: World,
    left: String,
    clarified: String,
    elsewhere: String,
    offer: Offer,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let left_entry = world.join(&ledger, 1).await;
    let offer = world.allocate(&ledger, 1).await.proposals[0].clone();
    left(&world.county, &ledger, &left_entry).await;
    world.service.clock.advance(time::Duration::minutes(1));
    let clarified = world.join(&avklaring(), 1).await;
    world.service.clock.advance(time::Duration::minutes(1));
    let there = Ledger { county_id: OTHER_COUNTY.into(), ..ledger.clone() };
    let elsewhere = world.join(&there, 1).await;
    world.join(&ledger, 2).await;
    Scene { world, left: left_entry, clarified, elsewhere, offer }
}

#[tokio::test]
async fn a_person_is_found_in_every_list_the_caller_sees() {
    let Scene { world, left, clarified, elsewhere, offer } = scene().await;
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    let levanger = world.service.caller(Role::Office, OTHER_OFFICE).await;
    let own = [("NO-16/AVKLARING".to_owned(), clarified), ("NO-16/VTA".to_owned(), left.clone())];
    let others = [("NO-17/VTA".to_owned(), elsewhere)];
    let answer = found(&world.county, lookup(1)).await;
    assert_eq!(entries(&answer), own);
    assert_eq!(entries(&found(&world.office, lookup(1)).await), own);
    assert_eq!(entries(&found(&other, lookup(1)).await), others);
    assert_eq!(entries(&found(&levanger, lookup(1)).await), others);
    // With all that came of each, and how far each ledger has come.
    let was = &answer.entries[1];
    assert_eq!(was.offers.len(), 1);
    assert_eq!(
        (&was.offers[0].offer_id, was.offers[0].state()),
        (&offer.offer_id, OfferState::Withdrawn)
    );
    assert_eq!(answer.entries[0].offers, []);
    assert_eq!(answer.revisions.len(), 2);
    assert!(answer.revisions.iter().all(|revision| revision.seq > 0));
    assert!(!answer.encode_to_vec().windows(11).any(|w| w == identity(1).as_bytes()));
}

/// An office sees whom it follows up, wherever they live.
#[tokio::test]
async fn who_follows_a_person_up_sees_the_person() {
    let world = World::new().await;
    let there = Ledger { county_id: OTHER_COUNTY.into(), measure_code: "VTA".into() };
    let request = JoinWaitlistRequest {
        municipality_number: LEVANGER.into(),
        following_office_number: HEMNE_OFFICE.into(),
        ..join(&there, 1)
    };
    let county = world.service.caller(Role::County, OTHER_COUNTY).await;
    let joined = county.waitlist().join_waitlist(request).await.unwrap().into_inner();
    let answer = found(&hemne(&world).await, lookup(1)).await;
    assert_eq!(entries(&answer), [("NO-17/VTA".to_owned(), joined.entry_id)]);
    assert!(found(&world.office, lookup(1)).await.entries.is_empty());
}

#[tokio::test]
async fn an_unknown_person_answers_like_one_of_whom_nothing_is_to_be_seen() {
    let Scene { world, .. } = scene().await;
    let hemne = hemne(&world).await;
    let [unseen, unknown] = [found(&hemne, lookup(1)).await, found(&hemne, lookup(9)).await];
    assert_eq!(unseen, LookupPersonResponse::default());
    assert_eq!(unseen, unknown);
    let seen = found(&world.county, lookup(2)).await;
    let row = |organisation: &str, entries: Vec<String>, people| Access {
        organisation: organisation.into(),
        method: "LookupPerson".into(),
        purpose: "henvendelse".into(),
        entries,
        people,
        permitted: true,
    };
    let expected = [
        row(HEMNE_OFFICE, Vec::new(), 1),
        row(HEMNE_OFFICE, Vec::new(), 0),
        row(COUNTY, vec![entries(&seen)[0].1.clone()], 1),
    ];
    assert_eq!(accesses(&mut world.service.sql().await).await, expected);
}

#[tokio::test]
async fn pages_follow_each_other_and_belong_to_one_person() {
    let Scene { world, left, clarified, .. } = scene().await;
    let first = found(&world.county, LookupPersonRequest { page_size: 1, ..lookup(1) }).await;
    assert_eq!(entries(&first)[0].1, clarified);
    let next = |person| LookupPersonRequest {
        page_size: 1,
        page_token: first.next_page_token.clone(),
        ..lookup(person)
    };
    let second = found(&world.county, next(1)).await;
    assert_eq!(entries(&second)[0].1, left);
    assert_eq!(second.next_page_token, "");
    let refused = world.county.waitlist().lookup_person(next(2)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::InvalidArgument, "PAGE_TOKEN_INVALID"));
}

#[tokio::test]
async fn a_number_and_a_purpose_are_needed() {
    let world = World::new().await;
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    for request in [
        LookupPersonRequest { purpose: String::new(), ..lookup(1) },
        LookupPersonRequest { purpose: "x".repeat(201), ..lookup(1) },
        LookupPersonRequest { national_identity_number: String::new(), ..lookup(1) },
        LookupPersonRequest { national_identity_number: "12345678901".into(), ..lookup(1) },
        LookupPersonRequest { page_size: 501, ..lookup(1) },
    ] {
        let silent = world.county.saying(&[]);
        let refused = silent.waitlist().lookup_person(request).await.unwrap_err();
        assert_eq!(told(&refused), invalid);
    }
    let refused = world.provider.waitlist().lookup_person(lookup(1)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    assert!(accesses(&mut world.service.sql().await).await.is_empty());
}
