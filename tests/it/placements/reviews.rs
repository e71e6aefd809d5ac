//! Reviews of placements: one that was made is no longer listed as work, and the next one is when
//! its day comes.

use tiltaksplass::domain::measure::{MeasureRules, Span};

use super::*;

fn review(day: Date, next: Option<Date>) -> change_placement_request::Change {
    change_placement_request::Change::Review(PlacementReview {
        review_date: Some(day),
        note: "trives i arbeidet".into(),
        next_review_date: next,
    })
}

/// The day each review that is listed is due on, as seconds.
async fn reviews_due(world: &World) -> Vec<i64> {
    let request = ListMyWorkRequest {
        county_id: COUNTY.into(),
        kind: WorkKind::ReviewPlacement.into(),
        ..ListMyWorkRequest::default()
    };
    let items = world.office.waitlist().list_my_work(request).await.unwrap().into_inner().items;
    items.iter().map(|item| item.due_time.unwrap().seconds).collect()
}

/// One person, placed on 2 March, of a measure type that is looked at every four weeks.
async fn every_four_weeks() -> (World, Ledger, Placement) {
    let (world, ledger, _) = two_municipalities(1, [1, 0]).await;
    let every = MeasureRules { review_every: Some(Span::Weeks(4)), ..MeasureRules::default() };
    world.rules("VTA", every).await;
    let (_, placement) = placed(&world, &ledger, 1, 100).await;
    (world, ledger, placement)
}

#[tokio::test]
async fn a_review_that_was_made_goes_from_the_list_and_the_next_comes_after_its_span() {
    let (mut world, ledger, placement) = every_four_weeks().await;
    let first = datetime!(2026-03-29 22:00 UTC).unix_timestamp();
    assert_eq!(reviews_due(&world).await, [first]);
    world.service.clock.set(datetime!(2026-03-31 09:00 UTC));
    refresh(&mut world).await;
    assert_eq!(reviews_due(&world).await, [first]);
    let id = &placement.placement_id;
    let made = changing(&ledger, id, review(date(2026, 3, 31), None));
    let answer = change(&world.office, made.clone()).await.unwrap();
    let again = change(&world.office, made).await.unwrap();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    let latest = LatestReview { review_date: Some(date(2026, 3, 31)), next_review_date: None };
    assert_eq!(answer.placement.unwrap().latest_review, Some(latest));
    assert_eq!(listed(&world.county, &ledger).await[0].latest_review, Some(latest));
    // Four weeks from the review, which is within the thirty days that are listed.
    let next = datetime!(2026-04-27 22:00 UTC).unix_timestamp();
    assert_eq!(reviews_due(&world).await, [next]);
    // A day that is named stands in for the round; beyond the thirty days nothing is listed.
    let named = changing(&ledger, id, review(date(2026, 3, 31), Some(date(2026, 9, 1))));
    change(&world.office, named).await.unwrap();
    assert!(reviews_due(&world).await.is_empty());
    for (now, due) in [
        (datetime!(2026-08-01 09:00 UTC), vec![]),
        (datetime!(2026-08-02 09:00 UTC), vec![datetime!(2026-08-31 22:00 UTC).unix_timestamp()]),
        (datetime!(2027-01-02 09:00 UTC), vec![datetime!(2026-08-31 22:00 UTC).unix_timestamp()]),
    ] {
        world.service.clock.set(now);
        refresh(&mut world).await;
        assert_eq!(reviews_due(&world).await, due, "{now}");
    }
    world.service.verify().await;
}

#[tokio::test]
async fn what_was_found_is_the_persons_own() {
    let (world, ledger, placement) = every_four_weeks().await;
    let id = &placement.placement_id;
    change(&world.office, changing(&ledger, id, review(today(), None))).await.unwrap();
    let (kind, payload) = last_payload(&world.service).await;
    assert_eq!(kind, "CHANGE_PLACEMENT");
    assert!(!payload.to_string().contains("trives"), "{payload}");
    let sealed = &payload["command"]["CHANGE_PLACEMENT"]["change"]["REVIEW"]["note"];
    let context = format!("placement/{id}/review");
    assert_eq!(opened(&world.service, &context, sealed).await, "trives i arbeidet");
    let changed = &payload["events"][0]["PLACEMENT_CHANGED"];
    assert_eq!(
        (&changed["placement"]["review"]["note"], &changed["change"]),
        (sealed, &"REVIEWED".into())
    );
    world.service.verify().await;
}

#[tokio::test]
async fn who_may_not_say_so_is_told_why() {
    let (world, ledger, placement) = every_four_weeks().await;
    let id = &placement.placement_id;
    let asking = |day, next| changing(&ledger, id, review(day, next));
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let out_of_range = is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE");
    let long = change_placement_request::Change::Review(PlacementReview {
        note: "x".repeat(501),
        review_date: Some(today()),
        next_review_date: None,
    });
    for (caller, request, expected) in [
        (&world.provider, asking(today(), None), is(Code::PermissionDenied, "PERMISSION_DENIED")),
        (&hemne, asking(today(), None), is(Code::NotFound, "NOT_FOUND")),
        (&world.office, asking(date(2026, 3, 1), None), out_of_range.clone()),
        (&world.office, asking(date(2026, 3, 3), None), out_of_range.clone()),
        (&world.office, asking(today(), Some(today())), out_of_range),
        (&world.office, changing(&ledger, id, long), is(Code::InvalidArgument, "INVALID_FIELDS")),
    ] {
        let refused = change(caller, request.clone()).await.unwrap_err();
        assert_eq!(told(&refused), expected, "{request:?}");
    }
    assert_eq!(listed(&world.county, &ledger).await[0].latest_review, None);
    world.service.verify().await;
}
