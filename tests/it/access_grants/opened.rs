//! What each employer reads and says of a programme and of how a placement ended, with and
//! without access that was given.

use super::*;

/// Somebody of the office in an employment.
async fn worker(world: &World, subject: &str, employer: Employer) -> Caller {
    let request = TokenRequest {
        employer: Some(employer),
        ..TokenRequest::new(subject, Role::Office, OFFICE, Duration::hours(8))
    };
    world.service.caller_with(&request).await
}

fn of_municipality(number: &str) -> Employer {
    Employer::Municipal { municipality_number: number.to_owned() }
}

async fn entry(caller: &Caller, ledger: &Ledger, entry_id: &str) -> WaitlistEntry {
    let request = GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        ..GetWaitlistEntryRequest::default()
    };
    caller.waitlist().get_waitlist_entry(request).await.unwrap().into_inner().entry.unwrap()
}

fn update(ledger: &Ledger, entry_id: &str, paths: &[&str]) -> UpdateWaitlistEntryRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    UpdateWaitlistEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        update_mask: Some(prost_types::FieldMask { paths }),
        programme: "KVP".into(),
        wants_by_date: Some(date(2026, 9, 1)),
        ..UpdateWaitlistEntryRequest::default()
    }
}

async fn say(
    caller: &Caller,
    request: UpdateWaitlistEntryRequest,
) -> Result<WaitlistEntry, (Code, String)> {
    let answer = caller.waitlist().update_waitlist_entry(request).await;
    answer.map(|answer| answer.into_inner().entry.unwrap()).map_err(|status| told(&status))
}

async fn page(caller: &Caller, ledger: &Ledger) -> Vec<WaitlistEntry> {
    let request = ListWaitlistEntriesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    caller.waitlist().list_waitlist_entries(request).await.unwrap().into_inner().entries
}

#[tokio::test]
async fn a_programme_is_told_to_its_own_municipality_and_to_nobody_else() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let plain = world.join(&ledger, 1).await;
    let municipal_one = worker(&world, "municipal-1", of_municipality(TRONDHEIM)).await;
    let elsewhere = worker(&world, "municipal-2", of_municipality(HEMNE)).await;
    let strangers = [&world.office, &world.county, &elsewhere];
    let mut before = Vec::new();
    for stranger in strangers {
        before.push((entry(stranger, &ledger, &plain).await, page(stranger, &ledger).await));
    }
    let said = say(&municipal_one, update(&ledger, &plain, &["programme"])).await.unwrap();
    assert_eq!(said.programme, "KVP");
    assert_eq!(entry(&municipal_one, &ledger, &plain).await.programme, "KVP");
    assert_eq!(page(&municipal_one, &ledger).await[0].programme, "KVP");
    // To the others the entry is byte for byte as it was without.
    for (stranger, (one, all)) in strangers.iter().zip(&before) {
        let (now, listed) = (entry(stranger, &ledger, &plain).await, page(stranger, &ledger).await);
        assert_eq!(now.encode_to_vec(), one.encode_to_vec());
        assert_eq!(&listed, all);
        let lookup = LookupPersonRequest {
            national_identity_number: crate::world::identity(1),
            purpose: "test".into(),
            ..LookupPersonRequest::default()
        };
        let found = stranger.waitlist().lookup_person(lookup).await.unwrap().into_inner();
        assert_eq!(found.entries[0].entry.as_ref().unwrap(), one);
    }
    // Nor do they say it, not even that there is none; what else they say leaves it as it is.
    let denied = Err(is(Code::PermissionDenied, "PERMISSION_DENIED"));
    for stranger in strangers {
        let paths = ["wants_by_date", "programme"];
        assert_eq!(say(stranger, update(&ledger, &plain, &paths)).await, denied);
        let nothing = UpdateWaitlistEntryRequest {
            programme: String::new(),
            ..update(&ledger, &plain, &["programme"])
        };
        assert_eq!(say(stranger, nothing).await, denied);
        let joining = JoinWaitlistRequest { programme: "KVP".into(), ..join(&ledger, 2) };
        let refused = stranger.waitlist().join_waitlist(joining).await.unwrap_err();
        assert_eq!(Err::<WaitlistEntry, _>(told(&refused)), denied);
        let other = say(stranger, update(&ledger, &plain, &["wants_by_date"])).await.unwrap();
        assert_eq!(other.programme, "");
    }
    assert_eq!(entry(&municipal_one, &ledger, &plain).await.programme, "KVP");
    world.service.verify().await;
}

#[tokio::test]
async fn access_opens_it_to_one_person_from_day_to_day() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let municipal_one = worker(&world, "municipal-1", of_municipality(TRONDHEIM)).await;
    say(&municipal_one, update(&ledger, &entry_id, &["programme"])).await.unwrap();
    let leader = world.leader().await;
    let until = |subject: &str, role: AccessRole, to: Date| GrantAccessRequest {
        role: role.into(),
        valid_to_date: Some(to),
        ..World::opened(subject)
    };
    give(&leader, until("reader", AccessRole::Reader, date(2026, 3, 3))).await.unwrap();
    give(&leader, until("adviser", AccessRole::Adviser, date(2026, 3, 3))).await.unwrap();
    let state_one = |world: &World, subject: &'static str| {
        let service = &world.service;
        let request = TokenRequest::new(subject, Role::Office, OFFICE, Duration::hours(8));
        service.token_of(&request)
    };
    let reader = worker(&world, "reader", Employer::State).await;
    let adviser = worker(&world, "adviser", Employer::State).await;
    assert_eq!(entry(&reader, &ledger, &entry_id).await.programme, "KVP");
    assert_eq!(page(&adviser, &ledger).await[0].programme, "KVP");
    let denied = Err(is(Code::PermissionDenied, "PERMISSION_DENIED"));
    assert_eq!(say(&reader, update(&ledger, &entry_id, &["programme"])).await, denied);
    let said = say(&adviser, update(&ledger, &entry_id, &["programme"])).await.unwrap();
    assert_eq!(said.programme, "KVP");
    // Not to who has changed employers, nor at another office, nor to a namesake elsewhere.
    let changed = worker(&world, "reader", of_municipality(HEMNE)).await;
    assert_eq!(entry(&changed, &ledger, &entry_id).await.programme, "");
    assert_eq!(entry(&world.office, &ledger, &entry_id).await.programme, "");
    // From its last day on it is closed again.
    world.service.clock.advance(Duration::days(1));
    for subject in ["reader", "adviser"] {
        let bearer = crate::support::Bearer::new(&state_one(&world, subject));
        let caller = Caller { channel: world.service.channel().await, bearer };
        assert_eq!(entry(&caller, &ledger, &entry_id).await.programme, "", "{subject}");
        assert_eq!(say(&caller, update(&ledger, &entry_id, &["programme"])).await, denied);
    }
    world.county = world.service.caller(Role::County, COUNTY).await;
    world.service.verify().await;
}

/// Whoever may not know a benefit is told of something else, as of those who have none.
#[tokio::test]
async fn a_benefit_is_told_to_who_pays_it() {
    let world = World::new().await;
    let (ledger, _) = world.vta(3).await;
    let municipal_one = worker(&world, "municipal-1", of_municipality(TRONDHEIM)).await;
    let outcomes = [
        (PlacementOutcome::SocialAssistance, &municipal_one, &world.office),
        (PlacementOutcome::PermanentIncomeSecurity, &world.office, &municipal_one),
        (PlacementOutcome::Other, &world.office, &municipal_one),
    ];
    for person in 1..=3 {
        world.join(&ledger, person).await;
    }
    let run = world.allocate(&ledger, 3).await;
    let ids = run.proposals.iter().map(|offer| offer.offer_id.clone()).collect();
    let offers = world.confirm(&ledger, ids).await;
    for (offer, (outcome, own, other)) in offers.iter().zip(outcomes) {
        world.respond(&ledger, &offer.offer_id, OfferAnswer::Accept).await.unwrap();
        let placement = world.start(&ledger, &offer.offer_id, date(2026, 3, 2)).await;
        let ending = EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            placement_id: placement.placement_id.clone(),
            end_date: Some(date(2026, 3, 2)),
            outcome: outcome.into(),
            ..EndPlacementRequest::default()
        };
        if outcome != PlacementOutcome::Other {
            let again = EndPlacementRequest { request_id: request_id(), ..ending.clone() };
            let refused = other.allocation().end_placement(again).await.unwrap_err();
            assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
        }
        let ended = own.allocation().end_placement(ending).await.unwrap().into_inner();
        assert_eq!(ended.placement.unwrap().outcome(), outcome);
        for (caller, expected) in [(own, outcome), (other, PlacementOutcome::Other)] {
            let request = ListPlacementsRequest {
                ledger: Some(ledger.clone()),
                state: PlacementState::Ended.into(),
                entry_id: placement.entry_id.clone(),
                ..ListPlacementsRequest::default()
            };
            let list = caller.allocation().list_placements(request).await.unwrap().into_inner();
            assert_eq!(list.placements[0].outcome(), expected);
        }
    }
    // A provider knows what it has said itself and is told of no end; the county is the state's.
    let request = ListPlacementsRequest {
        ledger: Some(ledger.clone()),
        state: PlacementState::Ended.into(),
        ..ListPlacementsRequest::default()
    };
    let of = |list: ListPlacementsResponse| {
        list.placements.iter().map(Placement::outcome).collect::<Vec<_>>()
    };
    let list = world.provider.allocation().list_placements(request.clone()).await.unwrap();
    assert_eq!(of(list.into_inner()), [PlacementOutcome::Unspecified; 3]);
    let list = world.county.allocation().list_placements(request).await.unwrap();
    let mut seen = of(list.into_inner());
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            PlacementOutcome::PermanentIncomeSecurity,
            PlacementOutcome::Other,
            PlacementOutcome::Other
        ]
    );
    world.service.verify().await;
}

/// The county gets the rows that have room for a municipality's item as digests, whether one
/// stands there or not; the auditor gets them whole.
#[tokio::test]
async fn the_change_feed_says_nothing_by_what_it_leaves_out() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let municipal_one = worker(&world, "municipal-1", of_municipality(TRONDHEIM)).await;
    world.join(&ledger, 1).await;
    let joining = JoinWaitlistRequest { programme: "KVP".into(), ..join(&ledger, 2) };
    municipal_one.waitlist().join_waitlist(joining).await.unwrap();
    world.allocate(&ledger, 1).await;
    let auditor = world.service.caller(Role::Auditor, "NAV").await;
    let mut feeds = Vec::new();
    for caller in [&world.county, &auditor] {
        let request = ListChangesRequest { ledger: Some(ledger.clone()), ..Default::default() };
        let feed = caller.change().list_changes(request).await.unwrap().into_inner().changes;
        feeds.push(feed);
    }
    let [county, auditor] = &feeds[..] else { panic!("{feeds:?}") };
    let joins = |change: &&Change| change.kind == "JOIN_WAITLIST";
    let (hidden, whole): (Vec<_>, Vec<_>) =
        (county.iter().filter(joins).collect(), auditor.iter().filter(joins).collect());
    assert_eq!((hidden.len(), whole.len()), (2, 2));
    assert!(hidden.iter().all(|change| change.payload.is_empty()));
    let says = |change: &&&Change| String::from_utf8_lossy(&change.payload).contains("KVP");
    assert_eq!(whole.iter().filter(says).count(), 1);
    assert!(auditor.iter().all(|change| !change.payload.is_empty()));
    let told: Vec<&str> = county
        .iter()
        .filter(|change| !change.payload.is_empty())
        .map(|change| change.kind.as_str())
        .collect();
    assert!(told.contains(&"ALLOCATE_PLACES") && told.contains(&"SET_QUOTAS"), "{told:?}");
}
