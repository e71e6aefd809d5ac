//! The source is down: looks are closed, and places are shared out as ever.

use super::*;

#[tokio::test]
async fn every_look_is_closed_and_recorded_as_denied() {
    let register = Register::default();
    let world = world_asking(register.source()).await;
    let (ledger, entries) = scene(&world).await;
    let everything: Grades = Protection::ALL.into_iter().collect();
    let office = cleared(&world, Role::Office, &everything).await;
    let service = cleared(&world, Role::Service, &everything).await;
    register.set_down(true);
    let before = accesses(&world).await.len();
    // Whoever asks, about whomever: known or not.
    for person in [1, 9] {
        assert!(is_closed(&found(&office, person).await.unwrap_err()));
        assert!(is_closed(&takes_part(&service, person).await.unwrap_err()));
    }
    assert!(is_closed(&told(&office, &ledger, &entries[&1]).await.unwrap_err()));
    let expected = [
        access("LookupPerson", 1, 0, false),
        access("CheckParticipation", 1, 0, false),
        access("LookupPerson", 0, 0, false),
        access("CheckParticipation", 0, 0, false),
        access("GetWaitlistEntry", 1, 1, false),
    ];
    assert_eq!(accesses(&world).await.split_off(before), expected);
    // The row itself tells of nobody.
    let plain = GetWaitlistEntryRequest { with_person: false, ..who(&ledger, &entries[&1]) };
    office.waitlist().get_waitlist_entry(plain).await.unwrap();
    // And it opens by itself.
    register.set_down(false);
    assert_eq!(found(&office, 1).await.unwrap().entries.len(), 1);
    world.service.verify().await;
}

#[tokio::test]
async fn places_are_shared_out_meanwhile() {
    let register = Register::with(&[1, 2, 3], &grades_in_turn()[1]);
    register.set_down(true);
    let world = world_asking(register.source()).await;
    // Joins, a run, a confirmation, an answer and a start.
    let (ledger, entries) = scene(&world).await;
    assert_eq!(world.position(&ledger, &entries[&2]).await.position_in_area, 1);
    assert_eq!(world.position(&ledger, &entries[&3]).await.position_in_area, 2);
    let listed = ListWaitlistEntriesRequest {
        ledger: Some(ledger.clone()),
        ..ListWaitlistEntriesRequest::default()
    };
    let listed = world.office.waitlist().list_waitlist_entries(listed).await.unwrap();
    let listed: Vec<String> =
        listed.into_inner().entries.into_iter().map(|entry| entry.entry_id).collect();
    assert_eq!(listed, [entries[&2].clone(), entries[&3].clone()]);
    assert_eq!(register.asked(), 0, "nothing of this asks who is protected");
    world.service.verify().await;
}
