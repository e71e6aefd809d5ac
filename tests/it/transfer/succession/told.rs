//! What callers are told of a queue that goes on elsewhere, or cannot.

use super::*;
use crate::{support::logs, world::identity};

#[tokio::test]
async fn the_old_type_gives_no_place_and_says_where_people_are() {
    let mut world = world().await;
    let group = places(&world, &aps(), 2).await;
    let request = JoinWaitlistRequest {
        preferred_place_group_ids: vec![group.clone()],
        priority_class: "FIRST".into(),
        priority_ground: "ung".into(),
        ..join(&aps(), 1)
    };
    let joined = world.office.waitlist().join_waitlist(request).await.unwrap();
    let first = joined.into_inner().entry_id;
    let second = world.join(&aps(), 2).await;
    let accepts = world.allocate(&aps(), 1).await.proposals.remove(0).offer_id;
    world.confirm(&aps(), vec![accepts.clone()]).await;
    world.respond(&aps(), &accepts, OfferAnswer::Accept).await.unwrap();
    let before = entry(&world.service, &aps(), &second).await;
    comes(&mut world, THE_DAY).await;
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: Some(aps()),
        max_proposals: 1,
        ..AllocatePlacesRequest::default()
    };
    let refused = world.county.allocation().allocate_places(request).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "MEASURE_TYPE_RULE"));
    let info = tonic_types::StatusExt::get_details_error_info(&refused).unwrap();
    assert_eq!(info.metadata["superseded_by"], "AFT");
    Hand::of(&world.service).all(&world.service).await;
    // What was accepted may be begun in the old type still.
    world.start(&aps(), &accepts, date(2026, 3, 9)).await;
    assert_eq!(entry(&world.service, &aps(), &first).await.state(), EntryState::Placed);
    // The other is where AFT is, and says so.
    let ended = entry(&world.service, &aps(), &second).await;
    assert_eq!((ended.state(), ended.moved_to_ledger), (EntryState::Closed, Some(aft())));
    let moved = transferred(&world.county, transfer(&aps(), &second, TO_HEMNE)).await.unwrap_err();
    assert_eq!(told(&moved), is(Code::FailedPrecondition, "MOVED"));
    let info = tonic_types::StatusExt::get_details_error_info(&moved).unwrap();
    assert_eq!((&*info.metadata["county_id"], &*info.metadata["measure_code"]), (COUNTY, "AFT"));
    let now = entry(&world.service, &aft(), &second).await;
    assert_eq!((now.registered_time, now.order_time), (before.registered_time, before.order_time));
    told_in_words(&world, &second).await;
    found_by_number(&world, &second).await;
    world.service.verify().await;
}

/// Where the person stands, in both ledgers, and why a run in the new one served them.
async fn told_in_words(world: &World, entry_id: &str) {
    let words = async |ledger: Ledger| {
        let request = GetPositionRequest {
            ledger: Some(ledger),
            entry_id: entry_id.into(),
            with_explanation: true,
            ..GetPositionRequest::default()
        };
        let answer = world.county.waitlist().get_position(request).await.unwrap().into_inner();
        (answer.position_in_area, answer.texts[0].paragraphs.join(" "))
    };
    let (_, text) = words(aps()).await;
    assert!(text.contains("Et annet tiltak har tatt over: AFT."), "{text}");
    let (position, text) = words(aft()).await;
    assert!(position == 1 && text.contains("Du står på ventelisten."), "{text}");
    places(world, &aft(), 1).await;
    let run = world.allocate(&aft(), 1).await;
    assert_eq!(run.proposals[0].entry_id, entry_id);
    let run = RunAndEntry { seq: run.revision.unwrap().seq, entry_id: entry_id.into() };
    let request = ExplainDecisionRequest {
        ledger: Some(aft()),
        decision: Some(explain_decision_request::Decision::Run(run)),
        at_least_seq: 0,
    };
    let answer = world.county.allocation().explain_decision(request).await.unwrap().into_inner();
    let explanation = answer.explanation.unwrap();
    assert_eq!(explanation.outcome(), DecisionOutcome::PlaceProposed);
    assert_eq!((explanation.position_in_area, explanation.recomputed), (1, true));
}

/// Both entries of one id, time and county, also where a page ends between them.
async fn found_by_number(world: &World, entry_id: &str) {
    let mut request = LookupPersonRequest {
        national_identity_number: identity(2),
        purpose: "henvendelse".into(),
        page_size: 1,
        ..LookupPersonRequest::default()
    };
    let mut found = Vec::new();
    loop {
        let page = world.county.waitlist().lookup_person(request.clone()).await.unwrap();
        let page = page.into_inner();
        for one in page.entries {
            let (ledger, entry) = (one.ledger.unwrap(), one.entry.unwrap());
            assert_eq!(entry.entry_id, entry_id);
            found.push((ledger.measure_code, entry.moved_to_ledger));
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(found, [("APS".to_owned(), Some(aft())), ("AFT".to_owned(), None)]);
}

/// Nothing happens where the type that took over has not begun, and that is told once.
#[tokio::test]
async fn what_cannot_go_on_stays_and_is_told_of_once() {
    let mut world = World::new().await;
    let late = like_vta(MeasureType {
        measure_code: "AFTNY".into(),
        valid_from_date: Some(date(2026, 5, 1)),
        ..MeasureType::default()
    });
    imported(&world, vec![late, type_of("APSGML", Some(superseded("AFTNY")))]).await;
    let ledger = ledger_of("APSGML");
    places(&world, &ledger, 1).await;
    let all = joined(&world, &ledger, 0..2).await;
    comes(&mut world, THE_DAY).await;
    let mut hand = Hand::of(&world.service);
    for _ in 0..3 {
        assert_eq!(hand.next(&world.service).await, 0);
    }
    let of_this = |line: &&str| line.contains("stays where it is") && line.contains("APSGML");
    // The service's own worker may have told of it, once too.
    let told = logs().lines().filter(of_this).count();
    assert!((1..=2).contains(&told), "{told}");
    let mut sql = world.service.sql().await;
    assert_eq!(ids(&open_in(&mut sql, "APSGML").await), all);
    assert_eq!(world.allocate(&ledger, 1).await.proposals[0].entry_id, all[0]);
    // When it begins, they go on; who holds what was proposed meanwhile later.
    comes(&mut world, datetime!(2026-05-02 12:00 UTC)).await;
    hand.all(&world.service).await;
    assert_eq!(ids(&open_in(&mut sql, "AFTNY").await), all);
    world.service.verify().await;
}
