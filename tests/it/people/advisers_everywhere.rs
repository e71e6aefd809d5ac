//! `ReassignAdviser` in all ledgers of an area: one call, one answer, in all of them or in none.

use prost::Message;

use super::{
    advisers::{advisers, alone, refused, with_adviser},
    *,
};
use crate::world::{OTHER_COUNTY, OTHER_OFFICE, avklaring, date};

fn aft() -> Ledger {
    Ledger { county_id: COUNTY.into(), measure_code: "AFT".into() }
}

/// Two measure types with quotas and one that shares out of a pool, without any ledger yet.
async fn three_types() -> World {
    let world = World::new().await;
    let aft = MeasureType {
        measure_code: "AFT".into(),
        name: "AFT".into(),
        distribution: Distribution::ByMunicipality.into(),
        confirm_working_days: 5,
        answer_working_days: 5,
        ..MeasureType::default()
    };
    let rows = vec![RegistryRow { row: Some(registry_row::Row::MeasureType(aft)) }];
    let source = "test".into();
    let piece =
        ImportRegistryRequest { request_id: request_id(), validate_only: false, source, rows };
    let pieces = tokio_stream::iter([piece]);
    world.directorate.registry().import_registry(pieces).await.unwrap();
    world
}

fn all_of(from: &str, to: &str) -> ReassignAdviserRequest {
    ReassignAdviserRequest {
        request_id: request_id(),
        county_id: COUNTY.into(),
        from_adviser_ident: from.into(),
        to_adviser_ident: to.into(),
        case_reference: "sak 7".into(),
        ..ReassignAdviserRequest::default()
    }
}

async fn answered(caller: &Caller, request: &ReassignAdviserRequest) -> ReassignAdviserResponse {
    caller.waitlist().reassign_adviser(request.clone()).await.unwrap().into_inner()
}

/// The ledgers of an answer, with who is another's there.
fn told_of(answer: &ReassignAdviserResponse) -> Vec<(String, Vec<String>)> {
    assert_eq!(answer.entry_ids, [""; 0]);
    assert!(answer.ledgers.iter().any(|one| one.revision == answer.revision));
    let of_one = |one: &ReassignedInLedger| {
        let ledger = one.revision.as_ref().unwrap().ledger.as_ref().unwrap();
        assert_eq!(ledger.county_id, COUNTY);
        let mut ids = one.entry_ids.clone();
        ids.sort();
        (ledger.measure_code.clone(), ids)
    };
    answer.ledgers.iter().map(of_one).collect()
}

fn of(ledger: &Ledger, ids: &[&String]) -> (String, Vec<String>) {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
    ids.sort();
    (ledger.measure_code.clone(), ids)
}

/// How many log rows there are.
async fn log_rows(world: &World) -> i64 {
    let rows = sqlx::query_scalar("SELECT count(*) FROM ledger_log WHERE county_id = $1");
    rows.bind(COUNTY).fetch_one(&mut world.service.sql().await).await.unwrap()
}

fn reused() -> (Code, String) {
    is(Code::InvalidArgument, "REQUEST_ID_REUSED")
}

#[tokio::test]
async fn a_deputy_in_all_ledgers_of_an_area_until_the_day() {
    let world = three_types().await;
    for ledger in [aft(), vta()] {
        world.budget(&ledger, 2).await;
        world.quotas(&ledger, &[(TRONDHEIM, 2)]).await;
        world.place_group(&ledger, 2).await;
    }
    world.budget(&avklaring(), 1).await;
    world.place_group(&avklaring(), 1).await;
    let in_vta = with_adviser(&world, &vta(), 1, false, "Z990001").await;
    let also_in_vta = with_adviser(&world, &vta(), 2, false, "z990001").await;
    let in_aft = with_adviser(&world, &aft(), 1, false, "Z990001").await;
    let of_another = with_adviser(&world, &aft(), 2, false, "Z990009").await;
    let in_pool = with_adviser(&world, &avklaring(), 3, false, "Z990001").await;
    for ledger in [aft(), avklaring(), vta()] {
        world.allocate(&ledger, 2).await;
    }
    let request = ReassignAdviserRequest {
        until_date: Some(date(2026, 3, 9)),
        ..all_of("Z990001", "Z990005")
    };
    let expected = [
        of(&aft(), &[&in_aft]),
        of(&avklaring(), &[&in_pool]),
        of(&vta(), &[&in_vta, &also_in_vta]),
    ];
    // A preview tells the same, changes nothing, and is written down with whom it tells of.
    let before = log_rows(&world).await;
    let preview = ReassignAdviserRequest { validate_only: true, ..request.clone() };
    let preview = answered(&world.office, &preview).await;
    assert_eq!(told_of(&preview), expected);
    assert_eq!(log_rows(&world).await, before);
    assert_eq!(advisers(&world, &vta(), &in_vta).await, alone("Z990001"));
    let written: Vec<Access> = accesses(&mut world.service.sql().await).await;
    let mut named: Vec<String> = written
        .iter()
        .filter(|row| row.method == "ReassignAdviser")
        .flat_map(|row| row.entries.clone())
        .collect();
    named.sort();
    let mut all = vec![in_aft.clone(), in_pool.clone(), in_vta.clone(), also_in_vta.clone()];
    all.sort();
    assert_eq!(named, all);
    let first = answered(&world.office, &request).await;
    assert_eq!(told_of(&first), expected);
    assert_eq!(first.remaining_entries, 0);
    assert_eq!(log_rows(&world).await, before + 3);
    for (ledger, id) in [(aft(), &in_aft), (avklaring(), &in_pool), (vta(), &also_in_vta)] {
        let (_, deputy, until) = advisers(&world, &ledger, id).await;
        assert_eq!((deputy.as_str(), until), ("Z990005", Some((2026, 3, 9))));
    }
    assert_eq!(advisers(&world, &aft(), &of_another).await, alone("Z990009"));
    let work = ListMyWorkRequest {
        county_id: COUNTY.into(),
        adviser_ident: "Z990005".into(),
        ..ListMyWorkRequest::default()
    };
    let work = world.office.waitlist().list_my_work(work).await.unwrap().into_inner();
    let mut waits: Vec<String> = work.items.into_iter().map(|item| item.entry_id).collect();
    waits.sort();
    assert_eq!(waits, all);
    // In these hands already: only the ledger that keeps the answer has a further row.
    let again = ReassignAdviserRequest { request_id: request_id(), ..request };
    assert_eq!(told_of(&answered(&world.office, &again).await), [of(&aft(), &[])]);
    assert_eq!(log_rows(&world).await, before + 4);
    world.service.verify().await;
}

/// Whoever has come or gone meanwhile, and wherever: what was answered once stays the answer.
#[tokio::test]
async fn a_retry_gives_the_same_bytes_and_another_learns_nothing() {
    let world = three_types().await;
    let in_vta = with_adviser(&world, &vta(), 1, false, "Z990001").await;
    let in_pool = with_adviser(&world, &avklaring(), 2, false, "Z990001").await;
    let request = all_of("Z990001", "Z990002");
    let answer = answered(&world.office, &request).await;
    assert_eq!(told_of(&answer), [of(&avklaring(), &[&in_pool]), of(&vta(), &[&in_vta])]);
    let bytes = answer.encode_to_vec();
    assert_eq!(answered(&world.office, &request).await.encode_to_vec(), bytes);
    // The case worker has got somebody new, in a ledger that comes before all others.
    let new = with_adviser(&world, &aft(), 3, false, "Z990001").await;
    assert_eq!(answered(&world.office, &request).await.encode_to_vec(), bytes);
    assert_eq!(advisers(&world, &aft(), &new).await, alone("Z990001"));
    // Another caller, another body, and another's own call under that id in a ledger of the area.
    let colleague = world.service.caller_as(Role::Office, OFFICE, "office-2").await;
    assert_eq!(refused(&colleague, request.clone()).await, reused());
    let elsewhere =
        ReassignAdviserRequest { to_adviser_ident: "Z990003".into(), ..request.clone() };
    assert_eq!(refused(&world.office, elsewhere.clone()).await, reused());
    for ledger in [avklaring(), vta()] {
        let ledger = Some(ledger);
        let in_one =
            ReassignAdviserRequest { county_id: String::new(), ledger, ..elsewhere.clone() };
        assert_eq!(refused(&colleague, in_one).await, reused());
    }
    // Where it has not been, it may be taken, and still does not come before the caller's own.
    let taken = JoinWaitlistRequest { request_id: request.request_id.clone(), ..join(&aft(), 4) };
    colleague.waitlist().join_waitlist(taken).await.unwrap();
    assert_eq!(answered(&world.office, &request).await.encode_to_vec(), bytes);
    assert_eq!(refused(&colleague, request.clone()).await, reused());
    // Taken before, it is another's wherever that was in the area.
    let own = request_id();
    let taken = JoinWaitlistRequest { request_id: own.clone(), ..join(&vta(), 5) };
    colleague.waitlist().join_waitlist(taken).await.unwrap();
    let request = ReassignAdviserRequest { request_id: own, ..all_of("Z990001", "Z990002") };
    assert_eq!(refused(&world.office, request).await, reused());
    assert_eq!(advisers(&world, &aft(), &new).await, alone("Z990001"));
    world.service.verify().await;
}

#[tokio::test]
async fn where_nobody_is_the_answer_is_kept_too() {
    let world = three_types().await;
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    let request = all_of("Z990001", "Z990002");
    assert_eq!(refused(&world.office, request.clone()).await, is(Code::NotFound, "NOT_FOUND"));
    with_adviser(&world, &vta(), 1, false, "Z990009").await;
    let nobody = answered(&world.office, &request).await;
    assert_eq!(told_of(&nobody), [of(&vta(), &[])]);
    let id = with_adviser(&world, &avklaring(), 2, false, "Z990001").await;
    assert_eq!(answered(&world.office, &request).await, nobody);
    // Who serves nobody in the area, and another county, leave nothing in any log.
    let before = log_rows(&world).await;
    for (role, organisation) in [(Role::Office, OTHER_OFFICE), (Role::County, OTHER_COUNTY)] {
        let caller = world.service.caller(role, organisation).await;
        assert_eq!(refused(&caller, all_of("Z990001", "Z990002")).await, denied);
    }
    assert_eq!(log_rows(&world).await, before);
    assert_eq!(advisers(&world, &avklaring(), &id).await, alone("Z990001"));
    world.service.verify().await;
}

#[tokio::test]
async fn an_office_takes_its_own_people_and_the_county_all() {
    let world = three_types().await;
    let own = with_adviser(&world, &vta(), 1, false, "Z990001").await;
    let hemne_in_vta = with_adviser(&world, &vta(), 2, true, "Z990001").await;
    let hemne_in_pool = with_adviser(&world, &avklaring(), 3, true, "Z990001").await;
    let by_office = answered(&world.office, &all_of("Z990001", "Z990002")).await;
    assert_eq!(told_of(&by_office), [of(&vta(), &[&own])]);
    assert_eq!(by_office.remaining_entries, 0);
    assert_eq!(advisers(&world, &vta(), &hemne_in_vta).await, alone("Z990001"));
    let by_county = answered(&world.county, &all_of("Z990001", "Z990002")).await;
    let rest = [of(&avklaring(), &[&hemne_in_pool]), of(&vta(), &[&hemne_in_vta])];
    assert_eq!(told_of(&by_county), rest);
    world.service.verify().await;
}

/// One that cannot be refuses all.
#[tokio::test]
async fn in_all_ledgers_or_in_none() {
    let world = three_types().await;
    let in_vta = with_adviser(&world, &vta(), 1, false, "Z990001").await;
    with_adviser(&world, &aft(), 2, false, "Z990001").await;
    let late = ReassignAdviserRequest {
        until_date: Some(date(2026, 3, 1)),
        ..all_of("Z990001", "Z990002")
    };
    let before = log_rows(&world).await;
    let told = refused(&world.office, late.clone()).await;
    assert_eq!(told, is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE"));
    assert_eq!(log_rows(&world).await, before);
    assert_eq!(advisers(&world, &vta(), &in_vta).await, alone("Z990001"));
    // What was refused is not kept: the same id may be right the next time.
    let right = ReassignAdviserRequest { until_date: None, ..late };
    assert_eq!(answered(&world.office, &right).await.ledgers.len(), 2);
    world.service.verify().await;
}

#[tokio::test]
async fn a_request_names_a_ledger_or_an_area_and_not_both() {
    let world = three_types().await;
    let id = with_adviser(&world, &vta(), 1, false, "Z990001").await;
    let request = all_of("Z990001", "Z990002");
    let wrong = [
        ReassignAdviserRequest { county_id: String::new(), ..request.clone() },
        ReassignAdviserRequest { ledger: Some(vta()), ..request.clone() },
        ReassignAdviserRequest { entry_ids: vec![id.clone()], ..request.clone() },
        ReassignAdviserRequest {
            entry_ids: vec![id],
            from_adviser_ident: String::new(),
            ..request.clone()
        },
        ReassignAdviserRequest { from_adviser_ident: String::new(), ..request.clone() },
        ReassignAdviserRequest { county_id: "Norge".into(), ..request },
    ];
    for request in wrong {
        let told = refused(&world.office, request.clone()).await;
        assert_eq!(told, is(Code::InvalidArgument, "INVALID_FIELDS"), "{request:?}");
    }
}

/// Duplicates over two replicas happen once and get the one answer; two different calls at once
/// take different people.
#[tokio::test]
async fn calls_at_once_over_two_replicas_take_turns() {
    let world = three_types().await;
    let mut replica = world.service.replica().await;
    for person in 1..=4 {
        with_adviser(&world, &vta(), person, false, "Z990001").await;
        with_adviser(&world, &avklaring(), person, false, "Z990001").await;
    }
    let offices = [world.office.clone(), replica.caller(Role::Office, OFFICE).await];
    let request = ReassignAdviserRequest {
        until_date: Some(date(2026, 4, 1)),
        ..all_of("Z990001", "Z990005")
    };
    let before = log_rows(&world).await;
    let calls: Vec<_> = (0..12)
        .map(|n| {
            let (office, request) = (offices[n % 2].clone(), request.clone());
            tokio::spawn(async move { answered(&office, &request).await })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(log_rows(&world).await, before + 2);
    let [first, second] = [all_of("Z990001", "Z990002"), all_of("Z990001", "Z990003")];
    let (one, other) = tokio::join!(answered(&offices[0], &first), answered(&offices[1], &second));
    let taken = |answer: &ReassignAdviserResponse| -> usize {
        answer.ledgers.iter().map(|one| one.entry_ids.len()).sum()
    };
    assert_eq!(taken(&one) + taken(&other), 8);
    assert!(taken(&one) == 0 || taken(&other) == 0);
    replica.stop().await;
    world.service.verify().await;
}

/// More than fit at once are told over all ledgers, and taken by a further call.
#[tokio::test]
async fn more_than_fit_at_once_in_all_ledgers_are_left_for_a_further_call() {
    let world = three_types().await;
    for (ledger, count) in [(aft(), 300), (avklaring(), 190), (vta(), 30)] {
        let joins = (0..count).map(|person| JoinWaitlistRequest {
            request_id: String::new(),
            ledger: None,
            adviser_ident: "Z990001".into(),
            ..join(&ledger, person)
        });
        let request = BatchJoinWaitlistRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            joins: joins.collect(),
            ..BatchJoinWaitlistRequest::default()
        };
        world.office.waitlist().batch_join_waitlist(request).await.unwrap();
    }
    let deputy = || ReassignAdviserRequest {
        until_date: Some(date(2026, 4, 1)),
        ..all_of("Z990001", "Z990005")
    };
    let counts = |answer: &ReassignAdviserResponse| -> Vec<(String, usize)> {
        told_of(answer).into_iter().map(|(measure, ids)| (measure, ids.len())).collect()
    };
    let is = |found: &[(&str, usize)]| -> Vec<(String, usize)> {
        found.iter().map(|(measure, count)| ((*measure).to_owned(), *count)).collect()
    };
    let first = answered(&world.office, &deputy()).await;
    assert_eq!(counts(&first), is(&[("AFT", 300), ("AVKLARING", 190), ("VTA", 10)]));
    assert_eq!(first.remaining_entries, 20);
    let second = answered(&world.office, &deputy()).await;
    assert_eq!(counts(&second), is(&[("VTA", 20)]));
    assert_eq!(second.remaining_entries, 0);
    world.service.verify().await;
}
