//! What was told in confidence stands nowhere in the clear, and comes back to who may see it.

use tiltaksplass::proto::v1::*;

use super::{bad_rows, days_ago, entries, import, placed, send, waiting};
use crate::{
    canary::{assert_clean, changes, dump, forms, said},
    support::logs,
    world::{World, identity},
};

/// Far from the numbers of other tests.
const PERSON: u32 = 3_241_500;
const OTHER_PERSON: u32 = 3_241_501;
const CONFIDED: &[&str] =
    &["kanarifugl-prioritert", "kanarifugl-av-hvem", "kanarifugl-innfort-veileder"];

fn confided(row: ExistingRow) -> ExistingRow {
    ExistingRow {
        priority_class: "FIRST".into(),
        priority_ground: format!("fordi {}", CONFIDED[0]),
        priority_changed_by: CONFIDED[1].into(),
        priority_changed_time: Some(days_ago(40)),
        adviser_ident: CONFIDED[2].into(),
        ..row
    }
}

#[tokio::test]
async fn nothing_of_a_person_stands_in_the_clear() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    let rows = vec![confided(waiting(PERSON)), confided(placed(OTHER_PERSON, &group))];
    // The ids in the old system are not what is looked for.
    let rows: Vec<ExistingRow> = (0..)
        .zip(rows)
        .map(|(n, row)| ExistingRow {
            external_reference: Some(super::reference(&format!("A{n}"))),
            ..row
        })
        .collect();
    let request = import(&ledger, rows);
    let preview = ImportExistingRequest { validate_only: true, ..request.clone() };
    send(&world.county, preview).await.unwrap();
    let answer = send(&world.county, request.clone()).await.unwrap();
    let again = ImportExistingRequest {
        request_id: crate::support::request_id(),
        rows: vec![ExistingRow { adviser_ident: "Z1".into(), ..request.rows[0].clone() }],
        ..request
    };
    let refused = send(&world.county, again).await.unwrap_err();
    assert_eq!(bad_rows(&refused).len(), 1);

    let needles: Vec<String> = [identity(PERSON), identity(OTHER_PERSON)]
        .iter()
        .map(String::as_str)
        .chain(CONFIDED.iter().copied())
        .flat_map(forms)
        .collect();
    assert_clean("a refusal", &said(&refused), &needles);
    assert_clean("the answer", &format!("{answer:?}"), &needles);
    let mut sql = world.service.sql().await;
    assert_clean("the database", &dump(&mut sql).await, &needles);
    assert_clean("the log", &logs(), &needles);
    assert_clean("the change feed", &changes(&world, &ledger).await, &needles);

    let entry_id = entries(&world, &ledger, EntryState::Waiting).await.remove(0).entry_id;
    let request = GetWaitlistEntryRequest {
        ledger: Some(ledger.clone()),
        entry_id,
        with_person: true,
        purpose: "vedtak".into(),
        at_least_seq: 0,
    };
    let entry = world.office.waitlist().get_waitlist_entry(request).await.unwrap().into_inner();
    let person = entry.person.unwrap();
    assert_eq!(person.national_identity_number, identity(PERSON));
    assert_eq!(person.priority_ground, format!("fordi {}", CONFIDED[0]));
    assert_eq!(person.priority_changed_by, CONFIDED[1]);
    assert_eq!(person.priority_changed_time, Some(days_ago(40)));
    assert_eq!(person.adviser_ident, CONFIDED[2]);
    world.service.verify().await;
}

/// A preview tells who has an open entry, so it is written down whom it was asked about.
#[tokio::test]
async fn a_preview_and_a_refusal_are_written_down() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    send(&world.county, import(&ledger, vec![waiting(1), waiting(2)])).await.unwrap();
    let accesses = async || -> Vec<i64> {
        let mut sql = world.service.sql().await;
        let count = "SELECT cardinality(person_ids)::bigint FROM access_log \
                     WHERE method = 'ImportExisting' ORDER BY access_id";
        sqlx::query_scalar(count).fetch_all(&mut sql).await.unwrap()
    };
    assert!(accesses().await.is_empty());
    let rows = vec![waiting(1), ExistingRow { adviser_ident: "Z".into(), ..waiting(2) }];
    for (validate_only, rows) in [(true, rows[..1].to_vec()), (false, rows)] {
        let request = ImportExistingRequest { validate_only, ..import(&ledger, rows) };
        let _ = send(&world.county, request).await;
    }
    assert_eq!(accesses().await, [1, 2]);
}
