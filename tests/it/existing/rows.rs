//! Rows that may not come in: all of them are named, and nothing comes in with them.

use tiltaksplass::{
    domain::existing::{ARENA, Meaning},
    proto::v1::{LeftOutReason as R, *},
};

use super::{
    accepted, bad_rows, days_ago, import, log_rows, offered, placed, reference, send, waiting,
};
use crate::{
    support::request_id,
    world::{LEVANGER, OTHER_COUNTY, World, date, identity, join},
};

/// Rows, and what is said of each; the last but two is right.
fn cases(group: &str) -> Vec<(ExistingRow, &'static str)> {
    let nowhere = "01980000-0000-7000-8000-000000000001";
    vec![
        (waiting(50), "the person has an open entry"),
        (waiting(51), "the person has an open entry"),
        (
            ExistingRow { external_reference: Some(reference("taken")), ..waiting(1) },
            "names another resource",
        ),
        (ExistingRow { municipality_number: LEVANGER.into(), ..waiting(2) }, "of this area"),
        (ExistingRow { following_office_number: "9999".into(), ..waiting(3) }, "not an office"),
        (ExistingRow { priority_class: "LAST".into(), ..waiting(4) }, "priority_class LAST"),
        (placed(5, nowhere), "there is no place group"),
        (
            ExistingRow {
                preferred_place_group_references: vec![reference("no group")],
                ..waiting(6)
            },
            "there is no place group arena/no group",
        ),
        (ExistingRow { registered_time: Some(days_ago(0)), ..waiting(7) }, "after the cut-over"),
        (
            ExistingRow { state_time: Some(days_ago(101)), ..offered(8, group) },
            "lies before registered_time",
        ),
        (
            ExistingRow { state_time: Some(days_ago(0)), ..accepted(9, group) },
            "lies after the cut-over date",
        ),
        (
            ExistingRow { answer_by_time: Some(days_ago(1)), ..offered(10, group) },
            "must be still to come",
        ),
        (
            ExistingRow { start_date: Some(date(2026, 3, 1)), ..placed(11, group) },
            "start_date 2026-03-01 lies after",
        ),
        (
            ExistingRow { start_date: Some(date(2025, 1, 1)), ..placed(12, group) },
            "lies before registered_time",
        ),
        (
            ExistingRow { planned_end_date: Some(date(2026, 1, 5)), ..placed(13, group) },
            "planned_end_date 2026-01-05 must be after",
        ),
        (waiting(14), ""),
        (
            ExistingRow { external_reference: Some(reference("D14")), ..waiting(15) },
            "external_reference stands in rows[15]",
        ),
        (
            ExistingRow { external_reference: Some(reference("other")), ..waiting(14) },
            "the same person stands in rows[15]",
        ),
    ]
}

#[tokio::test]
async fn every_bad_row_is_named_with_what_is_wrong() {
    let world = World::new().await;
    let (ledger, group) = world.vta(9).await;
    // Somebody who waits here, and somebody who waits in another area.
    world.join(&ledger, 50).await;
    let elsewhere = Ledger { county_id: OTHER_COUNTY.into(), ..ledger.clone() };
    world.join(&elsewhere, 51).await;
    let named =
        JoinWaitlistRequest { external_references: vec![reference("taken")], ..join(&ledger, 52) };
    world.county.waitlist().join_waitlist(named).await.unwrap();
    let cases = cases(&group);
    let before = log_rows(&world).await;
    // A status has room for some of them.
    for (first, some) in [(0, &cases[..8]), (8, &cases[8..15]), (15, &cases[15..])] {
        let rows: Vec<ExistingRow> = cases.iter().map(|(row, _)| row.clone()).collect();
        let padding = rows[15].clone();
        let mut rows: Vec<ExistingRow> = (0..first)
            .map(|n| ExistingRow {
                external_reference: Some(reference(&format!("fine {n}"))),
                national_identity_number: identity(1_000 + n),
                ..padding.clone()
            })
            .collect();
        rows.extend(some.iter().map(|(row, _)| row.clone()));
        let refused = send(&world.county, import(&ledger, rows)).await.unwrap_err();
        let expected = (first..).zip(some).filter(|(_, (_, problem))| !problem.is_empty());
        let expected: Vec<(String, &str)> =
            expected.map(|(n, (_, problem))| (format!("rows[{n}]"), *problem)).collect();
        let bad = bad_rows(&refused);
        assert_eq!(bad.len(), expected.len(), "{bad:?}");
        for ((place, problem), (expected_place, expected)) in bad.iter().zip(expected) {
            assert_eq!(*place, expected_place);
            assert!(problem.contains(expected), "{place} {problem}: {expected}");
        }
    }
    assert_eq!(log_rows(&world).await, before, "nothing came in");
    world.service.verify().await;
}

#[tokio::test]
async fn what_a_state_lacks_or_has_too_much_is_named() {
    let world = World::new().await;
    let (ledger, group) = world.vta(9).await;
    let cases = [
        (ExistingRow { state: 0, ..waiting(1) }, "state is required"),
        (ExistingRow { arena_status: "VENTELISTE".into(), ..waiting(1) }, "beside state"),
        (ExistingRow { state: 0, arena_status: "VENTER".into(), ..waiting(1) }, "one of AKTUELL"),
        (ExistingRow { answer_by_time: None, ..offered(1, &group) }, "answer_by_time is required"),
        (ExistingRow { state_time: None, ..accepted(1, &group) }, "state_time is required"),
        (ExistingRow { start_date: None, ..placed(1, &group) }, "start_date is required"),
        (placed(1, ""), "place_group_id is required"),
        (ExistingRow { place_group_id: group.clone(), ..waiting(1) }, "does not belong"),
        (ExistingRow { start_date: Some(date(2026, 1, 1)), ..waiting(1) }, "does not belong"),
        (
            ExistingRow { place_group_reference: Some(reference("x")), ..placed(1, &group) },
            "beside place_group_id",
        ),
        (ExistingRow { external_reference: None, ..waiting(1) }, "external_reference is required"),
    ];
    for (row, expected) in cases {
        let rows = vec![waiting(2), row];
        let refused = send(&world.county, import(&ledger, rows)).await.unwrap_err();
        let [(place, problem)] = &bad_rows(&refused)[..] else { panic!("{refused:?}") };
        assert_eq!(place, "rows[1]");
        assert!(problem.contains(expected), "{problem}: {expected}");
    }
}

#[tokio::test]
async fn what_has_ended_does_not_come_in_and_is_listed() {
    let world = World::new().await;
    let (ledger, group) = world.vta(9).await;
    let row = |person, word: &str, comes_in: ExistingRow| ExistingRow {
        external_reference: Some(reference(&format!("D{person}"))),
        national_identity_number: identity(person),
        state: 0,
        arena_status: word.into(),
        ..comes_in
    };
    let mut rows = Vec::new();
    for (person, (word, meaning)) in (1..).zip(ARENA) {
        let like = match meaning {
            Meaning::In(state) if state.name() == "OFFERED" => offered(person, &group),
            Meaning::In(state) if state.name() == "ACCEPTED" => accepted(person, &group),
            Meaning::In(state) if state.name() == "PLACED" => placed(person, &group),
            Meaning::In(_) => waiting(person),
            // Of what does not come in nothing else need be right.
            Meaning::Out(_) => ExistingRow::default(),
        };
        rows.push(row(person, word, like));
    }
    let request = import(&ledger, rows);
    let answer = send(&world.county, request.clone()).await.unwrap();
    assert_eq!(answer.imported_rows, 6);
    let listed: Vec<(u32, LeftOutReason)> =
        answer.left_out_rows.iter().map(|row| (row.index, row.reason())).collect();
    let reasons = [
        R::BrokenOff,
        R::Completed,
        R::DidNotMeet,
        R::NoLongerRelevant,
        R::Declined,
        R::Rejected,
        R::RegisteredByMistake,
    ];
    assert_eq!(listed, (6..).zip(reasons).collect::<Vec<_>>());
    assert_eq!(answer.total.unwrap().persons, 6);
    // Nobody was made of who did not come in.
    let mut sql = world.service.sql().await;
    let people: i64 =
        sqlx::query_scalar("SELECT count(*) FROM person").fetch_one(&mut sql).await.unwrap();
    assert_eq!(people, 6);
    let again = ImportExistingRequest { request_id: request_id(), ..request };
    let answer = send(&world.county, again).await.unwrap();
    assert_eq!((answer.unchanged_rows, answer.left_out_rows.len()), (6, 7));
    world.service.verify().await;
}
