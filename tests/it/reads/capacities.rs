//! `ListCapacities`.

use SubmissionState::{Approved, Rejected, Submitted, Unspecified};

use super::*;
use crate::world::{HEMNE, LEVANGER, OTHER_COUNTY, OTHER_OFFICE, OTHER_PROVIDER, date, vta};

fn listing(ledger: &Ledger) -> ListCapacitiesRequest {
    ListCapacitiesRequest { ledger: Some(ledger.clone()), ..ListCapacitiesRequest::default() }
}

async fn list(caller: &Caller, request: ListCapacitiesRequest) -> ListCapacitiesResponse {
    caller.capacity().list_capacities(request).await.unwrap().into_inner()
}

fn ids(answer: &ListCapacitiesResponse) -> Vec<&str> {
    answer.capacities.iter().map(|capacity| capacity.place_group_id.as_str()).collect()
}

fn of_other(ledger: &Ledger, places: u32) -> SubmitCapacityRequest {
    SubmitCapacityRequest {
        organisation_number: OTHER_PROVIDER.into(),
        name: "Ny gruppe".into(),
        site_municipality_number: HEMNE.into(),
        work_fields: vec!["Kantine".into()],
        agreement_reference: "Avtale 7".into(),
        call_off_rank: Some(7),
        valid_to_date: Some(date(2027, 1, 1)),
        ..submission(ledger, "", places, date(2026, 5, 1))
    }
}

#[tokio::test]
async fn a_group_shows_what_holds_on_any_date_and_what_was_submitted() {
    let world = World::new().await;
    let ledger = vta();
    let group = approved(&world, submission(&ledger, "", 3, date(2026, 1, 1))).await;
    let summer = SubmitCapacityRequest {
        valid_to_date: Some(date(2026, 8, 1)),
        name: "Vilje viser vei, sommer".into(),
        ..submission(&ledger, &group, 1, date(2026, 7, 1))
    };
    approved(&world, summer).await;
    let pending = submit(&world, submission(&ledger, &group, 9, date(2026, 12, 1))).await;
    let found = list(&world.county, listing(&ledger)).await;
    let seq = found.revisions[0].seq;
    assert_eq!(found.revisions, [Revision { ledger: Some(ledger.clone()), seq: 5 }], "{seq}");
    let [shown] = found.capacities.as_slice() else { panic!("{found:?}") };
    assert_eq!((shown.place_group_id.as_str(), shown.places), (group.as_str(), 3));
    assert_eq!(
        (shown.organisation_number.as_str(), shown.provider_name.as_str()),
        (PROVIDER, PROVIDER)
    );
    // As approved last; what waits for review does not hold yet.
    assert_eq!(shown.name, "Vilje viser vei, sommer");
    assert_eq!(shown.site_municipality_number, TRONDHEIM);
    let states: Vec<_> = shown.submissions.iter().map(|s| (s.state(), s.places)).collect();
    assert_eq!(states, [(Submitted, 9), (Approved, 1), (Approved, 3)]);
    assert_eq!(shown.submissions[0].submission_id, pending.submission_id);
    assert_eq!(shown.submissions[1].valid_to_date, Some(date(2026, 8, 1)));
    for (as_of, places, next) in [
        (date(2025, 12, 31), 0, Some(date(2026, 1, 1))),
        (date(2026, 1, 1), 3, Some(date(2026, 7, 1))),
        (date(2026, 7, 1), 1, Some(date(2026, 8, 1))),
        (date(2026, 8, 1), 3, None),
        (date(2026, 12, 1), 3, None),
    ] {
        let request = ListCapacitiesRequest { as_of_date: Some(as_of), ..listing(&ledger) };
        let found = list(&world.county, request).await;
        let shown = &found.capacities[0];
        assert_eq!((shown.places, shown.next_change_date), (places, next), "{as_of:?}");
    }
    // Read what was just written.
    let ahead = ListCapacitiesRequest { at_least_seq: seq, ..listing(&ledger) };
    assert_eq!(list(&world.county, ahead).await, found);
}

#[tokio::test]
async fn a_group_nobody_has_approved_is_shown_as_submitted() {
    let world = World::new().await;
    let ledger = vta();
    let submitted = submit(&world, of_other(&ledger, 4)).await;
    let found = list(&world.county, listing(&ledger)).await;
    let [shown] = found.capacities.as_slice() else { panic!("{found:?}") };
    let expected = Capacity {
        place_group_id: submitted.place_group_id,
        organisation_number: OTHER_PROVIDER.into(),
        provider_name: OTHER_PROVIDER.into(),
        name: "Ny gruppe".into(),
        site_municipality_number: HEMNE.into(),
        work_fields: vec!["Kantine".into()],
        places: 0,
        next_change_date: None,
        submissions: vec![CapacitySubmission {
            submission_id: submitted.submission_id,
            state: SubmissionState::Submitted.into(),
            places: 4,
            valid_from_date: Some(date(2026, 5, 1)),
            valid_to_date: Some(date(2027, 1, 1)),
            agreement_reference: "Avtale 7".into(),
            submitted_time: shown.submissions[0].submitted_time,
            call_off_rank: Some(7),
        }],
        closures: Vec::new(),
        call_off_rank: Some(7),
    };
    assert_eq!(*shown, expected);
    let at = shown.submissions[0].submitted_time.unwrap();
    assert_eq!(at.seconds, crate::support::MONDAY.unix_timestamp());
}

#[tokio::test]
async fn groups_are_found_by_provider_and_by_the_state_of_a_submission() {
    let world = World::new().await;
    let ledger = vta();
    let first = approved(&world, submission(&ledger, "", 3, date(2026, 1, 1))).await;
    let rejected = submit(&world, of_other(&ledger, 1)).await;
    review(&world, &ledger, &rejected.submission_id, ReviewDecision::Reject).await;
    let waiting = submit(&world, of_other(&ledger, 2)).await;
    submit(&world, submission(&ledger, &first, 5, date(2026, 6, 1))).await;
    let mut all =
        [first.as_str(), rejected.place_group_id.as_str(), waiting.place_group_id.as_str()];
    all.sort_unstable();
    let found = async |state: SubmissionState, number: &str| {
        let request = ListCapacitiesRequest {
            submission_state: state.into(),
            organisation_number: number.into(),
            ..listing(&ledger)
        };
        let answer = list(&world.county, request).await;
        ids(&answer).into_iter().map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(found(Unspecified, "").await, all);
    assert_eq!(found(Approved, "").await, [first.as_str()]);
    assert_eq!(found(Rejected, "").await, [rejected.place_group_id.as_str()]);
    let mut both = [first.as_str(), waiting.place_group_id.as_str()];
    both.sort_unstable();
    assert_eq!(found(Submitted, "").await, both);
    assert_eq!(found(Submitted, OTHER_PROVIDER).await, [waiting.place_group_id.as_str()]);
    assert_eq!(found(Approved, OTHER_PROVIDER).await, Vec::<String>::new());
    // A group that is found by one submission shows all of them.
    let request = ListCapacitiesRequest {
        submission_state: Submitted.into(),
        organisation_number: PROVIDER.into(),
        ..listing(&ledger)
    };
    assert_eq!(list(&world.county, request).await.capacities[0].submissions.len(), 2);
    let unknown = ListCapacitiesRequest { submission_state: 99, ..listing(&ledger) };
    let refused = world.county.capacity().list_capacities(unknown).await.unwrap_err();
    assert_eq!(told(&refused), invalid("INVALID_FIELDS"));
    world.service.verify().await;
}

#[tokio::test]
async fn page_by_page_each_group_stands_once() {
    let world = World::new().await;
    let ledger = vta();
    for places in 1..=3 {
        approved(&world, submission(&ledger, "", places, date(2026, 1, 1))).await;
    }
    submit(&world, of_other(&ledger, 4)).await;
    submit(&world, of_other(&ledger, 5)).await;
    let whole = list(&world.county, listing(&ledger)).await;
    assert_eq!(whole.capacities.len(), 5);
    assert!(ids(&whole).is_sorted());
    let mut capacity = world.county.capacity();
    for (page_size, expected) in [(1, vec![1; 5]), (2, vec![2, 2, 1]), (5, vec![5])] {
        let request = ListCapacitiesRequest { page_size, ..listing(&ledger) };
        let (shown, pages) = every_page!(capacity, list_capacities, request, capacities);
        assert_eq!((&shown, pages), (&whole.capacities, expected));
    }
    let first = ListCapacitiesRequest { page_size: 1, ..listing(&ledger) };
    let page_token = list(&world.county, first.clone()).await.next_page_token;
    let next = ListCapacitiesRequest { page_token, ..first };
    for other in [
        ListCapacitiesRequest { as_of_date: Some(date(2026, 3, 2)), ..next.clone() },
        ListCapacitiesRequest { submission_state: 1, ..next.clone() },
        ListCapacitiesRequest { organisation_number: PROVIDER.into(), ..next.clone() },
    ] {
        let refused = world.county.capacity().list_capacities(other).await.unwrap_err();
        assert_eq!(told(&refused), invalid("PAGE_TOKEN_INVALID"));
    }
}

#[tokio::test]
async fn of_many_submissions_the_latest_20_are_shown() {
    let world = World::new().await;
    let ledger = vta();
    let group = approved(&world, submission(&ledger, "", 1, date(2026, 1, 1))).await;
    for places in 2..=23 {
        submit(&world, submission(&ledger, &group, places, date(2026, 6, 1))).await;
    }
    let found = list(&world.county, listing(&ledger)).await;
    let places: Vec<_> = found.capacities[0].submissions.iter().map(|s| s.places).collect();
    assert_eq!(places, (4..=23).rev().collect::<Vec<u32>>());
}

#[tokio::test]
async fn a_provider_sees_its_own_and_everybody_else_their_area() {
    let world = World::new().await;
    let ledger = vta();
    let own = approved(&world, submission(&ledger, "", 3, date(2026, 1, 1))).await;
    let others = submit(&world, of_other(&ledger, 4)).await.place_group_id;
    assert_eq!(ids(&list(&world.provider, listing(&ledger)).await), [own.as_str()]);
    let other = world.service.caller(Role::Provider, OTHER_PROVIDER).await;
    assert_eq!(ids(&list(&other, listing(&ledger)).await), [others.as_str()]);
    let named = ListCapacitiesRequest { organisation_number: PROVIDER.into(), ..listing(&ledger) };
    assert_eq!(ids(&list(&world.provider, named.clone()).await), [own.as_str()]);
    let refused = other.capacity().list_capacities(named).await.unwrap_err();
    assert_eq!(told(&refused), denied());
    let nobody = world.service.caller(Role::Provider, "nobody").await;
    let refused = nobody.capacity().list_capacities(listing(&ledger)).await.unwrap_err();
    assert_eq!(told(&refused), denied());
    for role in [Role::Directorate, Role::County, Role::Office, Role::Municipality, Role::Auditor] {
        let found = list(&caller(&world, role).await, listing(&ledger)).await;
        assert_eq!(found.capacities.len(), 2, "{}", role.as_str());
    }
    for (role, elsewhere) in
        [(Role::County, OTHER_COUNTY), (Role::Office, OTHER_OFFICE), (Role::Municipality, LEVANGER)]
    {
        let stranger = world.service.caller(role, elsewhere).await;
        let refused = stranger.capacity().list_capacities(listing(&ledger)).await.unwrap_err();
        assert_eq!(told(&refused), denied());
    }
}

#[tokio::test]
async fn a_ledger_in_which_nothing_happened_has_no_groups() {
    let world = World::new().await;
    let found = list(&world.county, listing(&vta())).await;
    assert_eq!((found.capacities.len(), found.revisions[0].seq), (0, 0));
    let unknown = Ledger { county_id: COUNTY.into(), measure_code: "AFT".into() };
    let refused = world.county.capacity().list_capacities(listing(&unknown)).await.unwrap_err();
    assert_eq!(told(&refused), (Code::NotFound, "LEDGER_NOT_FOUND".to_owned()));
}
