//! `BatchJoinWaitlist`: all or none.

use super::*;

fn together(ledger: &Ledger, joins: Vec<JoinWaitlistRequest>) -> BatchJoinWaitlistRequest {
    let part = |join| JoinWaitlistRequest { request_id: String::new(), ledger: None, ..join };
    BatchJoinWaitlistRequest {
        request_id: request_id(),
        validate_only: false,
        ledger: Some(ledger.clone()),
        joins: joins.into_iter().map(part).collect(),
    }
}

fn of_hemne(ledger: &Ledger, person: u32) -> JoinWaitlistRequest {
    JoinWaitlistRequest {
        municipality_number: HEMNE.into(),
        following_office_number: HEMNE_OFFICE.into(),
        ..join(ledger, person)
    }
}

/// What a refusal says it is about.
fn item(status: &Status) -> String {
    use tonic_types::StatusExt;
    let info = status.get_details_error_info().unwrap();
    info.metadata.get("item").cloned().unwrap_or_default()
}

async fn people(sql: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM person").fetch_one(sql).await.unwrap()
}

#[tokio::test]
async fn all_are_in_or_none_is() {
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    let mut sql = world.service.sql().await;
    let hopeful = JoinWaitlistRequest { propose_if_free: true, ..join(&ledger, 1) };
    let confided = JoinWaitlistRequest {
        priority_class: "FIRST".into(),
        priority_ground: CONFIDED.into(),
        ..join(&ledger, 2)
    };
    let request = together(&ledger, vec![hopeful, confided, of_hemne(&ledger, 3)]);
    let before = seq(&mut sql, &ledger).await;
    let preview = BatchJoinWaitlistRequest { validate_only: true, ..request.clone() };
    let mut waitlist = world.county.waitlist();
    let preview = waitlist.batch_join_waitlist(preview).await.unwrap().into_inner();
    assert_eq!((preview.entry_ids.len(), people(&mut sql).await), (3, 0));
    let answer = waitlist.batch_join_waitlist(request.clone()).await.unwrap().into_inner();
    assert_eq!(seq(&mut sql, &ledger).await, before + 1);
    assert_eq!(answer.entry_ids.len(), 3);
    // The second stands before the first, and has not asked for anything.
    assert_eq!(answer.proposals, []);
    let position = world.position(&ledger, &answer.entry_ids[0]).await;
    assert_eq!(position.position_in_area, 2);
    let again = waitlist.batch_join_waitlist(request).await.unwrap().into_inner();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    assert!(!stored(&mut sql).await.contains("sykehus"));
    // The claims are taken: none of them joins again, and whoever joins with them neither.
    let people_before = people(&mut sql).await;
    let again = together(&ledger, vec![join(&ledger, 9), join(&ledger, 2)]);
    let refused = waitlist.batch_join_waitlist(again).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::AlreadyExists, "PERSON_ALREADY_WAITING"));
    assert_eq!(item(&refused), "joins[1]");
    assert!(refused.message().starts_with("joins[1]: "), "{}", refused.message());
    assert_eq!(people(&mut sql).await, people_before);
    world.join(&ledger, 9).await;
    // Of the preview and of the refusal it is written down whom they told of.
    let told_of: Vec<i32> = sqlx::query_scalar(
        "SELECT cardinality(person_ids) FROM access_log \
         WHERE method = 'BatchJoinWaitlist' ORDER BY access_id",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(told_of, [3, 2]);
    world.service.verify().await;
}

#[tokio::test]
async fn a_place_is_proposed_to_each_whose_turn_it_is() {
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    let hopeful = |person| JoinWaitlistRequest { propose_if_free: true, ..join(&ledger, person) };
    let request = together(&ledger, (1..4).map(hopeful).collect());
    let answer = world.office.waitlist().batch_join_waitlist(request).await.unwrap().into_inner();
    let proposed: Vec<&String> = answer.proposals.iter().map(|offer| &offer.entry_id).collect();
    assert_eq!(proposed, [&answer.entry_ids[0], &answer.entry_ids[1]]);
    world.service.verify().await;
}

#[tokio::test]
async fn each_of_them_must_be_the_callers_own() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request = || together(&ledger, vec![join(&ledger, 1), of_hemne(&ledger, 2)]);
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    for (caller, first) in [(&world.office, "joins[1]"), (&hemne, "joins[0]")] {
        let refused = caller.waitlist().batch_join_waitlist(request()).await.unwrap_err();
        assert_eq!((told(&refused), item(&refused).as_str()), (denied.clone(), first));
    }
    let mut sql = world.service.sql().await;
    assert_eq!(people(&mut sql).await, 0);
    world.county.waitlist().batch_join_waitlist(request()).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_place() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let good = together(&ledger, vec![join(&ledger, 1), join(&ledger, 2)]);
    let with = |change: fn(&mut JoinWaitlistRequest)| {
        let mut request = good.clone();
        change(&mut request.joins[1]);
        request
    };
    let many: Vec<_> = (0..501).map(|n| join(&ledger, n)).collect();
    for (request, field) in [
        (BatchJoinWaitlistRequest { joins: Vec::new(), ..good.clone() }, "joins"),
        (together(&ledger, many), "joins"),
        (with(|join| join.request_id = request_id()), "joins[1].request_id"),
        (with(|join| join.validate_only = true), "joins[1].validate_only"),
        (with(|join| join.ledger = Some(crate::world::vta())), "joins[1].ledger"),
        (with(|join| join.municipality_number = String::new()), "joins[1].municipality_number"),
        (
            with(|join| join.national_identity_number = identity(1)),
            "joins[1].national_identity_number",
        ),
    ] {
        use tonic_types::StatusExt;
        let refused = world.county.waitlist().batch_join_waitlist(request).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::InvalidArgument, "INVALID_FIELDS"));
        let bad = refused.get_details_bad_request().unwrap().field_violations;
        assert_eq!(bad.iter().map(|v| v.field.as_str()).collect::<Vec<_>>(), [field]);
        assert!(!format!("{refused:?}").contains(&identity(1)));
    }
}

/// As many as may be, with as much as most joins say; and a word more than fits.
#[tokio::test]
async fn five_hundred_fit_and_a_megabyte_is_too_much() {
    let world = World::new().await;
    let (ledger, group) = world.vta(1).await;
    let full = |person: u32| JoinWaitlistRequest {
        preferred_place_group_ids: vec![group.clone()],
        priority_class: "FIRST".into(),
        priority_ground: "x".repeat(500),
        external_references: vec![ExternalReference {
            system: "arena".into(),
            id: format!("entry {person}"),
        }],
        ..join(&ledger, person)
    };
    let request = together(&ledger, (0..500).map(full).collect());
    assert!(request.encoded_len() > 256 * 1024);
    let answer = world.office.waitlist().batch_join_waitlist(request).await.unwrap().into_inner();
    assert_eq!(answer.entry_ids.len(), 500);
    let last = world.position(&ledger, &answer.entry_ids[499]).await;
    assert_eq!((last.position_in_area, last.position_in_municipality), (500, 500));
    let huge = JoinWaitlistRequest { work_fields: vec!["x".repeat(1024 * 1024)], ..full(501) };
    let refused = world.office.waitlist().batch_join_waitlist(together(&ledger, vec![huge])).await;
    assert_eq!(told(&refused.unwrap_err()), is(Code::InvalidArgument, "MESSAGE_TOO_LARGE"));
    // Other calls of the service have the room of a call about one.
    let large = JoinWaitlistRequest { work_fields: vec!["x".repeat(256 * 1024)], ..full(502) };
    let large = JoinWaitlistRequest { request_id: request_id(), ..large };
    let refused = world.office.waitlist().join_waitlist(large).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::InvalidArgument, "MESSAGE_TOO_LARGE"));
    world.service.verify().await;
}
