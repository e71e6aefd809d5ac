//! `ReassignAdviser`: who is found by an ident, whose people an office reaches, deputies until
//! their date, and what stays behind of it all.

use time::Duration;

use super::*;
use crate::world::{OTHER_COUNTY, OTHER_OFFICE, date};

fn reassign(ledger: &Ledger, to: &str) -> ReassignAdviserRequest {
    ReassignAdviserRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        to_adviser_ident: to.into(),
        case_reference: "sak 7".into(),
        ..ReassignAdviserRequest::default()
    }
}

fn by_id(ledger: &Ledger, ids: &[&String], to: &str) -> ReassignAdviserRequest {
    let entry_ids = ids.iter().map(|id| (*id).clone()).collect();
    ReassignAdviserRequest { entry_ids, ..reassign(ledger, to) }
}

fn all_of(ledger: &Ledger, from: &str, to: &str) -> ReassignAdviserRequest {
    ReassignAdviserRequest { from_adviser_ident: from.into(), ..reassign(ledger, to) }
}

async fn reassigned(caller: &Caller, request: ReassignAdviserRequest) -> (Vec<String>, u64) {
    let mut answer = caller.waitlist().reassign_adviser(request).await.unwrap().into_inner();
    answer.entry_ids.sort();
    (answer.entry_ids, answer.remaining_entries)
}

pub async fn refused(caller: &Caller, request: ReassignAdviserRequest) -> (Code, String) {
    told(&caller.waitlist().reassign_adviser(request).await.unwrap_err())
}

/// Somebody with a case worker, of Trondheim or of Hemne.
pub async fn with_adviser(
    world: &World,
    ledger: &Ledger,
    person: u32,
    hemne: bool,
    ident: &str,
) -> String {
    let plain = join(ledger, person);
    let municipality = if hemne { HEMNE } else { TRONDHEIM };
    let request = JoinWaitlistRequest {
        municipality_number: municipality.into(),
        following_office_number: if hemne { HEMNE_OFFICE.into() } else { "5701".into() },
        adviser_ident: ident.into(),
        ..plain
    };
    let joined = world.county.waitlist().join_waitlist(request).await.unwrap();
    joined.into_inner().entry_id
}

/// The case worker and who stands in until when.
pub async fn advisers(
    world: &World,
    ledger: &Ledger,
    entry_id: &str,
) -> (String, String, Option<(i32, i32, i32)>) {
    let request = GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        with_person: true,
        purpose: "vedtak".into(),
        ..GetWaitlistEntryRequest::default()
    };
    let answer = world.county.waitlist().get_waitlist_entry(request).await.unwrap().into_inner();
    let person = answer.person.unwrap();
    let until = person.deputy_until_date.map(|day| (day.year, day.month, day.day));
    (person.adviser_ident, person.deputy_adviser_ident, until)
}

pub fn alone(ident: &str) -> (String, String, Option<(i32, i32, i32)>) {
    (ident.to_owned(), String::new(), None)
}

#[tokio::test]
async fn entries_named_and_all_of_one_get_another_case_worker() {
    let (world, ledger, _) = two_municipalities([1, 1]).await;
    let first = with_adviser(&world, &ledger, 1, false, "Z990001").await;
    let second = with_adviser(&world, &ledger, 2, false, " z990001").await;
    let third = with_adviser(&world, &ledger, 3, false, "Z990009").await;
    let without = world.join(&ledger, 4).await;
    assert_eq!(advisers(&world, &ledger, &second).await, alone("z990001"));
    let position = async || world.position(&ledger, &without).await.position_in_area;
    let before = position().await;
    // A preview changes nothing.
    let preview =
        ReassignAdviserRequest { validate_only: true, ..all_of(&ledger, "Z990001", "Z990002") };
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    assert_eq!(reassigned(&world.office, preview).await, (both.clone(), 0));
    assert_eq!(advisers(&world, &ledger, &first).await, alone("Z990001"));
    // However the ident is written.
    let request = all_of(&ledger, "z990001 ", "Z990002");
    assert_eq!(reassigned(&world.office, request.clone()).await, (both.clone(), 0));
    assert_eq!(reassigned(&world.office, request).await, (both, 0), "a replay");
    for id in [&first, &second] {
        assert_eq!(advisers(&world, &ledger, id).await, alone("Z990002"));
    }
    assert_eq!(advisers(&world, &ledger, &third).await, alone("Z990009"));
    let nobody = all_of(&ledger, "Z990001", "Z990003");
    assert_eq!(reassigned(&world.office, nobody).await, (Vec::new(), 0));
    let request = by_id(&ledger, &[&third, &without], "Z990003");
    assert_eq!(reassigned(&world.county, request).await.0.len(), 2);
    assert_eq!(advisers(&world, &ledger, &without).await, alone("Z990003"));
    assert_eq!(position().await, before);
    left(&world.county, &ledger, &third).await;
    let closed = by_id(&ledger, &[&without, &third], "Z990001");
    assert_eq!(refused(&world.county, closed).await, is(Code::FailedPrecondition, "WRONG_STATE"));
    world.service.verify().await;
}

#[tokio::test]
async fn an_office_reaches_its_own_people_and_leaves_the_others() {
    let (world, ledger, _) = two_municipalities([1, 1]).await;
    let own = with_adviser(&world, &ledger, 1, false, "Z990001").await;
    let others = with_adviser(&world, &ledger, 2, true, "Z990001").await;
    let both = by_id(&ledger, &[&own, &others], "Z990002");
    assert_eq!(refused(&world.office, both).await, is(Code::NotFound, "NOT_FOUND"));
    let missing = by_id(&ledger, &[&nothing()], "Z990002");
    assert_eq!(refused(&world.office, missing).await, is(Code::NotFound, "NOT_FOUND"));
    let all = all_of(&ledger, "Z990001", "Z990002");
    assert_eq!(reassigned(&world.office, all).await, (vec![own.clone()], 0));
    assert_eq!(advisers(&world, &ledger, &others).await, alone("Z990001"));
    // Who serves nobody in the area, and another county, leave nothing in its log.
    let seq = async || world.position(&ledger, &own).await.revisions[0].seq;
    let before = seq().await;
    for (role, organisation) in [(Role::Office, OTHER_OFFICE), (Role::County, OTHER_COUNTY)] {
        let caller = world.service.caller(role, organisation).await;
        let request = all_of(&ledger, "Z990001", "Z990002");
        let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
        assert_eq!(refused(&caller, request).await, denied);
    }
    assert_eq!(seq().await, before);
    let all = all_of(&ledger, "Z990001", "Z990002");
    assert_eq!(reassigned(&world.county, all).await, (vec![others], 0));
    world.service.verify().await;
}

#[tokio::test]
async fn a_deputy_stands_in_until_the_day_and_no_longer() {
    let (mut world, ledger, _) = two_municipalities([1, 1]).await;
    let first = with_adviser(&world, &ledger, 1, false, "Z990001").await;
    let without = world.join(&ledger, 2).await;
    let until = |day| Some(date(2026, 3, day));
    let request =
        ReassignAdviserRequest { until_date: until(9), ..all_of(&ledger, "Z990001", "Z990005") };
    assert_eq!(reassigned(&world.office, request.clone()).await, (vec![first.clone()], 0));
    let again = ReassignAdviserRequest { request_id: request_id(), ..request };
    assert_eq!(reassigned(&world.office, again).await, (Vec::new(), 0), "in these hands already");
    let standing_in = ("Z990001".to_owned(), "Z990005".to_owned(), Some((2026, 3, 9)));
    assert_eq!(advisers(&world, &ledger, &first).await, standing_in);
    later(&mut world, Duration::days(6) + Duration::hours(13)).await;
    assert_eq!(advisers(&world, &ledger, &first).await, standing_in);
    later(&mut world, Duration::hours(1)).await;
    assert_eq!(advisers(&world, &ledger, &first).await, alone("Z990001"));
    // For good to the case worker themself ends what a deputy has.
    let longer =
        ReassignAdviserRequest { until_date: until(20), ..by_id(&ledger, &[&first], "Z990006") };
    reassigned(&world.office, longer).await;
    assert_eq!(advisers(&world, &ledger, &first).await.1, "Z990006");
    let back = all_of(&ledger, "Z990001", "z990001");
    assert_eq!(reassigned(&world.office, back).await, (vec![first.clone()], 0));
    assert_eq!(advisers(&world, &ledger, &first).await, alone("z990001"));
    // Nobody stands in for nobody, today or for more than a year.
    let refusals = [
        (until(20), vec![&without], "WRONG_STATE"),
        (until(9), vec![&first], "DATE_OUT_OF_RANGE"),
        (Some(date(2027, 3, 11)), vec![&first], "DATE_OUT_OF_RANGE"),
    ];
    for (until_date, ids, reason) in refusals {
        let request = ReassignAdviserRequest { until_date, ..by_id(&ledger, &ids, "Z990007") };
        assert_eq!(refused(&world.office, request).await, is(Code::FailedPrecondition, reason));
    }
    world.service.verify().await;
}

#[tokio::test]
async fn a_request_names_entries_or_a_case_worker_and_not_both() {
    let (world, ledger, _) = two_municipalities([1, 1]).await;
    let id = with_adviser(&world, &ledger, 1, false, "Z990001").await;
    let many: Vec<String> = (0..501).map(|n| Uuid::from_u128(1 + n).to_string()).collect();
    let wrong = [
        reassign(&ledger, "Z990002"),
        ReassignAdviserRequest {
            from_adviser_ident: "Z990001".into(),
            ..by_id(&ledger, &[&id], "Z990002")
        },
        by_id(&ledger, &[&id, &id], "Z990002"),
        by_id(&ledger, &[&id], "  "),
        by_id(&ledger, &[&id], &"Z".repeat(65)),
        by_id(&ledger, &many.iter().collect::<Vec<_>>(), "Z990002"),
    ];
    for request in wrong {
        let told = refused(&world.office, request.clone()).await;
        assert_eq!(told, is(Code::InvalidArgument, "INVALID_FIELDS"), "{request:?}");
    }
}

/// More than fit at once: the rest is told, and taken by a further call, for good and for a
/// deputy alike. Two calls at once take different ones.
#[tokio::test]
async fn more_than_fit_at_once_are_left_for_further_calls() {
    let (world, ledger, _) = two_municipalities([1, 1]).await;
    let mut joins = Vec::new();
    for person in 0..520 {
        let mut client = world.office.waitlist();
        let request =
            JoinWaitlistRequest { adviser_ident: "Z990001".into(), ..join(&ledger, person) };
        joins.push(tokio::spawn(async move { client.join_waitlist(request).await.map(drop) }));
    }
    for join in joins {
        join.await.unwrap().unwrap();
    }
    let deputy = || ReassignAdviserRequest {
        until_date: Some(date(2026, 4, 1)),
        ..all_of(&ledger, "Z990001", "Z990005")
    };
    let (first, left) = reassigned(&world.office, deputy()).await;
    assert_eq!((first.len(), left), (500, 20));
    let (second, left) = reassigned(&world.office, deputy()).await;
    assert_eq!((second.len(), left), (20, 0));
    assert!(second.iter().all(|id| !first.contains(id)));
    let one = reassigned(&world.office, all_of(&ledger, "Z990001", "Z990002"));
    let other = reassigned(&world.county, all_of(&ledger, "Z990001", "Z990003"));
    let ((one, _), (other, _)) = tokio::join!(one, other);
    assert_eq!(one.len() + other.len(), 520);
    assert!(one.iter().all(|id| !other.contains(id)));
    world.service.verify().await;
}

/// Entries from before the case worker was kept apart have it in their grounds.
#[tokio::test]
async fn whoever_joined_before_keeps_the_case_worker_of_the_grounds() {
    let (world, ledger, _) = two_municipalities([1, 1]).await;
    let id = world.join(&ledger, 1).await;
    let mut sql = world.service.sql().await;
    let (person, data_key): (Uuid, Vec<u8>) =
        sqlx::query_as("SELECT person_id, data_key FROM person").fetch_one(&mut sql).await.unwrap();
    let key = world.service.app.keys.unwrap_data_key(&data_key, person).unwrap();
    let sealed = key.seal("entry.grounds", br#"{"adviser_ident":"Z990001"}"#).unwrap();
    let sealed = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, sealed);
    sqlx::query("UPDATE entry SET doc = jsonb_set(doc, '{grounds}', to_jsonb($1::text))")
        .bind(sealed)
        .execute(&mut sql)
        .await
        .unwrap();
    assert_eq!(advisers(&world, &ledger, &id).await, alone("Z990001"));
    let request = ReassignAdviserRequest {
        until_date: Some(date(2026, 3, 9)),
        ..by_id(&ledger, &[&id], "Z990005")
    };
    assert_eq!(reassigned(&world.office, request).await, (vec![id.clone()], 0));
    let standing_in = ("Z990001".to_owned(), "Z990005".to_owned(), Some((2026, 3, 9)));
    assert_eq!(advisers(&world, &ledger, &id).await, standing_in);
    let request = all_of(&ledger, "Z990001", "Z990002");
    assert_eq!(reassigned(&world.office, request).await, (vec![id], 0));
}

/// A preview and a refusal tell of people: they are written down.
#[tokio::test]
async fn a_preview_is_written_down_with_whom_it_tells_of() {
    let (world, ledger, _) = two_municipalities([1, 1]).await;
    let id = with_adviser(&world, &ledger, 1, false, "Z990001").await;
    let preview =
        ReassignAdviserRequest { validate_only: true, ..all_of(&ledger, "Z990001", "Z990002") };
    reassigned(&world.office, preview).await;
    let late = ReassignAdviserRequest {
        until_date: Some(date(2026, 3, 2)),
        ..by_id(&ledger, &[&id], "Z990002")
    };
    refused(&world.county, late).await;
    let row = |organisation: &str| Access {
        organisation: organisation.into(),
        method: "ReassignAdviser".into(),
        purpose: "test".into(),
        entries: vec![id.clone()],
        people: 0,
        permitted: true,
    };
    assert_eq!(accesses(&mut world.service.sql().await).await, [row("5701"), row(COUNTY)]);
}
