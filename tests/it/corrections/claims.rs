//! Who somebody is, and that they wait in one place only (I3).

use super::*;

/// Each claim's holder.
async fn claims(wrong: &Wrong) -> Vec<String> {
    let mut sql = wrong.world.service.sql().await;
    sqlx::query_scalar("SELECT entry_id::text FROM person_claim ORDER BY 1")
        .fetch_all(&mut sql)
        .await
        .unwrap()
}

#[tokio::test]
async fn who_waits_elsewhere_by_now_is_not_reinstated() {
    let wrong = Wrong::new(1).await;
    let entry_id = wrong.world.join(&wrong.ledger, 1).await;
    wrong.leave(&entry_id).await;
    let other = Ledger { county_id: OTHER_COUNTY.into(), ..wrong.ledger.clone() };
    let elsewhere = wrong.world.join(&other, 1).await;
    let refused = wrong.by(&wrong.world.office, reinstate(&entry_id)).await.unwrap_err();
    assert_eq!(told(&refused), (Code::AlreadyExists, "PERSON_ALREADY_WAITING".to_owned()));
    assert_eq!(claims(&wrong).await, [elsewhere.as_str()]);
    let request = LeaveWaitlistRequest {
        request_id: request_id(),
        ledger: Some(other.clone()),
        entry_id: elsewhere,
        reason: LeaveReason::NoLongerWanted.into(),
        ..LeaveWaitlistRequest::default()
    };
    wrong.world.caller_of(&other).await.waitlist().leave_waitlist(request).await.unwrap();
    let done = wrong.correct(reinstate(&entry_id)).await;
    assert_eq!(done.entry.unwrap().state(), EntryState::Waiting);
    assert_eq!(claims(&wrong).await, [entry_id]);
    let mut waitlist = wrong.world.caller_of(&other).await.waitlist();
    let refused = waitlist.join_waitlist(join(&other, 1)).await.unwrap_err();
    assert_eq!(told(&refused).1, "PERSON_ALREADY_WAITING");
    wrong.world.service.verify().await;
}

/// The right person has the turn and the claim; the wrong one may join for themselves. A
/// preview keeps nobody.
#[tokio::test]
async fn the_right_person_takes_the_turn_over() {
    let wrong = Wrong::new(1).await;
    let (entry_id, _) = wrong.offered(1).await;
    wrong.world.join(&wrong.ledger, 2).await;
    let preview = CorrectRequest { validate_only: true, ..wrong.request(is_another(&entry_id, 9)) };
    wrong.world.office.allocation().correct(preview).await.unwrap();
    let people: i64 = sqlx::query_scalar("SELECT count(*) FROM person")
        .fetch_one(&mut wrong.world.service.sql().await)
        .await
        .unwrap();
    assert_eq!(people, 2);
    for already in [1, 2] {
        let refused = wrong.by(&wrong.world.office, is_another(&entry_id, already)).await;
        assert_eq!(told(&refused.unwrap_err()).1, "PERSON_ALREADY_WAITING");
    }
    let done = wrong.correct(is_another(&entry_id, 9)).await;
    let (right, closed) = (done.entry.unwrap(), done.closed_entry.unwrap());
    assert_eq!((closed.entry_id.as_str(), closed.closed_by_mistake), (entry_id.as_str(), true));
    assert_eq!(
        (right.state(), right.registered_time),
        (EntryState::Proposed, closed.registered_time)
    );
    assert_eq!(done.offer.unwrap().state(), OfferState::Withdrawn);
    assert_eq!(done.proposals[0].entry_id, right.entry_id);
    assert!(done.affected_decisions.is_empty());
    let lookup = LookupPersonRequest {
        national_identity_number: identity(9),
        purpose: "rettelse".into(),
        ..LookupPersonRequest::default()
    };
    let found = wrong.world.office.waitlist().lookup_person(lookup).await.unwrap().into_inner();
    assert!(format!("{found:?}").contains(&right.entry_id));
    wrong.world.join(&wrong.ledger, 1).await;
    let refused = wrong.world.office.waitlist().join_waitlist(join(&wrong.ledger, 9)).await;
    assert_eq!(told(&refused.unwrap_err()).1, "PERSON_ALREADY_WAITING");
    wrong.world.service.verify().await;
}
