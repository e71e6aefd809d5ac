//! Whoever names what went on elsewhere is told where, if they may see it.

use super::*;

#[tokio::test]
async fn every_write_to_what_moved_is_told_where_it_is() {
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    let moves = world.join(&ledger, 1).await;
    let offer_id = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    transferred(&world.office, transfer(&ledger, &moves, TO_LEVANGER)).await.unwrap();
    let ledger = Some(ledger);
    let leave = LeaveWaitlistRequest {
        request_id: request_id(),
        ledger: ledger.clone(),
        entry_id: moves.clone(),
        reason: LeaveReason::NoLongerWanted.into(),
        ..LeaveWaitlistRequest::default()
    };
    let confirm = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: ledger.clone(),
        offer_ids: vec![offer_id.clone()],
        ..ConfirmProposalsRequest::default()
    };
    let respond = RespondToOfferRequest {
        request_id: request_id(),
        ledger: ledger.clone(),
        offer_id: offer_id.clone(),
        answer: OfferAnswer::Accept.into(),
        ..RespondToOfferRequest::default()
    };
    let start = StartPlacementRequest {
        request_id: request_id(),
        ledger,
        offer_id,
        start_date: Some(date(2026, 3, 2)),
        ..StartPlacementRequest::default()
    };
    let county = &world.county;
    let refused = [
        county.waitlist().leave_waitlist(leave.clone()).await.map(drop),
        transferred(county, transfer(&vta(), &moves, TO_HEMNE)).await.map(drop),
        county.allocation().confirm_proposals(confirm).await.map(drop),
        county.allocation().respond_to_offer(respond).await.map(drop),
        county.allocation().start_placement(start.clone()).await.map(drop),
    ];
    for status in refused.map(Result::unwrap_err) {
        assert_eq!(told(&status), is(Code::FailedPrecondition, "MOVED"));
        let info = tonic_types::StatusExt::get_details_error_info(&status).unwrap();
        assert_eq!(info.metadata["county_id"], OTHER_COUNTY);
        assert_eq!(info.metadata["measure_code"], "VTA");
    }
    // Who may not see the old entry learns nothing; and a provider not where people moved: to it
    // there never was an offer.
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let refused = hemne.waitlist().leave_waitlist(leave).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
    let refused = world.provider.allocation().start_placement(start).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
}
