//! The same import once more.

use tiltaksplass::proto::v1::*;

use super::{
    bad_rows, days_ago, end, import, log_rows, offered, placed, placements, send, waiting,
};
use crate::{
    support::request_id,
    world::{World, date},
};

#[tokio::test]
async fn an_import_that_is_made_again_changes_nothing() {
    let world = World::new().await;
    let (ledger, group) = world.vta(3).await;
    let rows = vec![
        ExistingRow {
            priority_class: "FIRST".into(),
            priority_ground: "grunn".into(),
            priority_changed_by: "Z123456".into(),
            priority_changed_time: Some(days_ago(50)),
            ..waiting(1)
        },
        placed(2, &group),
        offered(3, &group),
    ];
    let request = import(&ledger, rows);
    let first = send(&world.county, request.clone()).await.unwrap();
    assert_eq!((first.imported_rows, first.unchanged_rows), (3, 0));
    // The very same call: the same bytes, and no row of the log.
    let rows_before = log_rows(&world).await;
    assert_eq!(send(&world.county, request.clone()).await.unwrap(), first);
    assert_eq!(log_rows(&world).await, rows_before);

    // The same rows in a call of their own, in another order and with one more.
    let before = world.availability(&ledger).await;
    let mut rows = request.rows.clone();
    rows.reverse();
    let again = ImportExistingRequest {
        request_id: request_id(),
        cut_over_date: Some(date(2026, 3, 1)),
        rows: rows.clone(),
        ..request.clone()
    };
    let answer = send(&world.county, again.clone()).await.unwrap();
    assert_eq!((answer.imported_rows, answer.unchanged_rows), (0, 3));
    assert_eq!(answer.lines, first.lines);
    let after = world.availability(&ledger).await;
    assert_eq!((after.place_groups, after.places), (before.place_groups, before.places));
    rows.push(waiting(4));
    let more = ImportExistingRequest { request_id: request_id(), rows, ..again };
    let answer = send(&world.county, more).await.unwrap();
    assert_eq!((answer.imported_rows, answer.unchanged_rows), (1, 3));
    world.service.verify().await;
}

#[tokio::test]
async fn what_has_become_of_an_entry_since_does_not_count() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    let request = import(&ledger, vec![placed(1, &group), offered(2, &group)]);
    send(&world.county, request.clone()).await.unwrap();
    let placement = placements(&world, &ledger).await.remove(0);
    assert_eq!(placement.offer_id, "");
    assert_eq!(placement.start_date, Some(date(2026, 1, 5)));
    end(&world, &ledger, &placement.placement_id).await;
    let again = ImportExistingRequest { request_id: request_id(), ..request };
    let answer = send(&world.county, again).await.unwrap();
    assert_eq!((answer.imported_rows, answer.unchanged_rows), (0, 2));
    world.service.verify().await;
}

#[tokio::test]
async fn a_row_that_says_something_else_is_named() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    let rows = vec![waiting(1), ExistingRow { adviser_ident: "Z1".into(), ..waiting(2) }];
    let request = import(&ledger, rows);
    send(&world.county, request.clone()).await.unwrap();
    let row = |row| vec![waiting(1), row];
    for changed in [
        ExistingRow { adviser_ident: "Z2".into(), ..waiting(2) },
        ExistingRow { registered_time: Some(days_ago(101)), ..request.rows[1].clone() },
        ExistingRow { priority_changed_by: "Z1".into(), ..request.rows[1].clone() },
        ExistingRow {
            national_identity_number: waiting(3).national_identity_number,
            ..request.rows[1].clone()
        },
        ExistingRow { adviser_ident: "Z1".into(), ..placed(2, &group) },
    ] {
        let rows = row(changed);
        let changed = ImportExistingRequest { request_id: request_id(), rows, ..request.clone() };
        let refused = send(&world.county, changed).await.unwrap_err();
        let [(place, problem)] = &bad_rows(&refused)[..] else { panic!("{refused:?}") };
        assert_eq!(place, "rows[1]");
        assert!(problem.contains("differs from what was imported"), "{problem}");
    }
    world.service.verify().await;
}
