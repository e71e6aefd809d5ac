//! `GetWaitlistEntry`: one entry, and whose it is only when asked for with a purpose.

use super::*;
use crate::world::{OTHER_COUNTY, date, identity};

fn get(ledger: &Ledger, entry_id: &str) -> GetWaitlistEntryRequest {
    GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        ..GetWaitlistEntryRequest::default()
    }
}

fn with_person(ledger: &Ledger, entry_id: &str, purpose: &str) -> GetWaitlistEntryRequest {
    GetWaitlistEntryRequest { with_person: true, purpose: purpose.into(), ..get(ledger, entry_id) }
}

async fn got(caller: &Caller, request: GetWaitlistEntryRequest) -> GetWaitlistEntryResponse {
    caller.waitlist().get_waitlist_entry(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn an_entry_is_shown_with_what_is_held_for_it() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let answer = got(&world.office, get(&ledger, &entry_id)).await;
    let entry = answer.entry.unwrap();
    assert_eq!((entry.entry_id.as_str(), entry.state()), (entry_id.as_str(), EntryState::Waiting));
    assert_eq!((answer.person, answer.offer, answer.placement), (None, None, None));
    let run = world.allocate(&ledger, 1).await;
    let seq = run.revision.unwrap().seq;
    let request = GetWaitlistEntryRequest { at_least_seq: seq, ..get(&ledger, &entry_id) };
    let answer = got(&world.county, request).await;
    assert_eq!(answer.offer, Some(run.proposals[0].clone()));
    assert_eq!(answer.revisions[0].seq, seq);
    let offer_id = run.proposals[0].offer_id.clone();
    world.confirm(&ledger, vec![offer_id.clone()]).await;
    world.respond(&ledger, &offer_id, OfferAnswer::Accept).await.unwrap();
    let placement = world.start(&ledger, &offer_id, date(2026, 3, 2)).await;
    let answer = got(&world.office, get(&ledger, &entry_id)).await;
    assert_eq!((answer.offer, answer.placement), (None, Some(placement)));
    assert_eq!(answer.entry.unwrap().state(), EntryState::Placed);
}

#[tokio::test]
async fn who_it_is_is_told_for_a_purpose_alone() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request = JoinWaitlistRequest {
        priority_class: "FIRST".into(),
        priority_ground: "haster".into(),
        adviser_ident: "Z990001".into(),
        ..join(&ledger, 1)
    };
    let joined = world.office.waitlist().join_waitlist(request).await.unwrap().into_inner();
    let without_grounds = world.join(&ledger, 2).await;
    let person = async |entry_id: &str| {
        got(&world.office, with_person(&ledger, entry_id, "vedtak")).await.person.unwrap()
    };
    let expected = EntryPerson {
        national_identity_number: identity(1),
        priority_ground: "haster".into(),
        adviser_ident: "Z990001".into(),
        ..EntryPerson::default()
    };
    assert_eq!(person(&joined.entry_id).await, expected);
    let expected = EntryPerson { national_identity_number: identity(2), ..EntryPerson::default() };
    assert_eq!(person(&without_grounds).await, expected);
    for purpose in ["", "  ", &"x".repeat(201), &identity(1)] {
        let request = with_person(&ledger, &without_grounds, purpose);
        let silent = world.office.saying(&[]);
        let refused = silent.waitlist().get_waitlist_entry(request).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::InvalidArgument, "INVALID_FIELDS"), "{purpose}");
    }
    let request = with_person(&ledger, &without_grounds, &"x".repeat(200));
    got(&world.office, request).await;
}

#[tokio::test]
async fn each_access_is_written_down_with_its_purpose_and_person() {
    let (world, ledger, _) = two_municipalities([1, 1]).await;
    let entry_id = world.join(&ledger, 1).await;
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    got(&world.office, get(&ledger, &entry_id)).await;
    got(&world.county, with_person(&ledger, &entry_id, "klagesak 7")).await;
    for (caller, id) in
        [(&hemne(&world).await, &entry_id), (&other, &entry_id), (&world.county, &nothing())]
    {
        let request = with_person(&ledger, id, "nysgjerrig");
        let refused = caller.waitlist().get_waitlist_entry(request).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
    }
    let row = |organisation: &str, purpose: &str, entry: &str, people, permitted| Access {
        organisation: organisation.into(),
        method: "GetWaitlistEntry".into(),
        purpose: purpose.into(),
        entries: vec![entry.to_owned()],
        people,
        permitted,
    };
    let expected = [
        row("5701", "test", &entry_id, 0, true),
        row("NO-16", "klagesak 7", &entry_id, 1, true),
        row(HEMNE_OFFICE, "nysgjerrig", &entry_id, 0, false),
        row(OTHER_COUNTY, "nysgjerrig", &entry_id, 0, false),
        row("NO-16", "nysgjerrig", &nothing(), 0, false),
    ];
    assert_eq!(accesses(&mut world.service.sql().await).await, expected);
}
