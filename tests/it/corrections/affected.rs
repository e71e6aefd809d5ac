//! The decisions that rested on a mistake.

use super::*;

/// The place of a wrong no went to the next in the row of the no; that run is named, and who it
/// would have served. The same answer stays, whatever comes after.
#[tokio::test]
async fn the_run_that_gave_the_place_to_another_is_named() {
    let wrong = Wrong::new(1).await;
    let (first, offer_id) = wrong.offered(1).await;
    let second = wrong.world.join(&wrong.ledger, 2).await;
    let request = RespondToOfferRequest {
        request_id: request_id(),
        ledger: Some(wrong.ledger.clone()),
        offer_id: offer_id.clone(),
        answer: OfferAnswer::Decline.into(),
        ..RespondToOfferRequest::default()
    };
    let no = wrong.world.office.allocation().respond_to_offer(request).await.unwrap().into_inner();
    let row = no.revision.unwrap().seq;
    assert_eq!(no.proposals[0].entry_id, second);
    wrong.world.join(&wrong.ledger, 3).await;

    let request = wrong.request(answered(&offer_id, RightAnswer::Accept));
    let mut office = wrong.world.office.allocation();
    let preview = CorrectRequest { validate_only: true, ..request.clone() };
    let preview = office.correct(preview).await.unwrap().into_inner();
    let done = office.correct(request.clone()).await.unwrap().into_inner();
    assert_eq!(preview.affected_decisions, done.affected_decisions);
    let [affected] = &done.affected_decisions[..] else { panic!("{done:?}") };
    assert_eq!(affected.seq, row);
    assert_eq!(affected.served_entry_ids, [second.as_str()]);
    assert_eq!(affected.would_have_served_entry_ids, [first.as_str()]);
    assert!(!done.affected_truncated);
    // From there on the person would have had a place: no later row is looked at.
    assert_eq!(done.affected_until_seq, row);
    assert_eq!(done.result(), CorrectionResult::PriorityByCorrection);

    wrong.leave(&second).await;
    assert_eq!(wrong.world.position(&wrong.ledger, &first).await.state(), EntryState::Proposed);
    let again = office.correct(request).await.unwrap().into_inner();
    assert_eq!(again.encode_to_vec(), done.encode_to_vec());
    wrong.world.service.verify().await;
}

/// The read that finds them tells of other people's entries, and is written down for each.
#[tokio::test]
async fn whoever_is_named_is_written_down() {
    let wrong = Wrong::new(1).await;
    let first = wrong.world.join(&wrong.ledger, 1).await;
    let second = wrong.world.join(&wrong.ledger, 2).await;
    wrong.leave(&first).await;
    wrong.world.allocate(&wrong.ledger, 1).await;
    let done = wrong.correct(reinstate(&first)).await;
    assert_eq!(done.affected_decisions[0].served_entry_ids, [second.as_str()]);
    let mut sql = wrong.world.service.sql().await;
    let written: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT unnest(entry_ids)::text FROM access_log WHERE method = 'Correct' \
         ORDER BY 1",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    let mut expected = [first, second];
    expected.sort_unstable();
    assert_eq!(written, expected);
    wrong.world.service.verify().await;
}

/// Which decisions rested on a mistake is told to who corrects it; people of another office, whom
/// a run served instead, to the county alone.
#[tokio::test]
async fn people_of_another_office_are_named_to_the_county_alone() {
    let wrong = Wrong::new(1).await;
    wrong.world.budget(&wrong.ledger, 2).await;
    wrong.world.quotas(&wrong.ledger, &[(TRONDHEIM, 1), (HEMNE, 1)]).await;
    let first = wrong.world.join(&wrong.ledger, 1).await;
    let of_hemne = JoinWaitlistRequest {
        municipality_number: HEMNE.into(),
        following_office_number: HEMNE_OFFICE.into(),
        ..join(&wrong.ledger, 2)
    };
    let second = wrong.world.county.waitlist().join_waitlist(of_hemne).await.unwrap();
    let second = second.into_inner().entry_id;
    wrong.leave(&first).await;
    wrong.world.allocate(&wrong.ledger, 1).await;
    let request = wrong.request(reinstate(&first));
    let request = CorrectRequest { validate_only: true, ..request };
    let named = async |caller: &Caller| {
        let answer = caller.allocation().correct(request.clone()).await.unwrap().into_inner();
        let [affected] = &answer.affected_decisions[..] else { panic!("{answer:?}") };
        (affected.served_entry_ids.clone(), affected.would_have_served_entry_ids.clone())
    };
    assert_eq!(named(&wrong.world.county).await, (vec![second], vec![first.clone()]));
    assert_eq!(named(&wrong.world.office).await, (Vec::new(), vec![first]));
}
