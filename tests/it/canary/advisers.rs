//! Who a case worker is, and who stands in, is told in confidence too.

use super::*;

/// Another case worker for one, a deputy for all of the other's, and what waits for both.
pub(super) async fn hand_over(world: &World, ledger: &Ledger, entry_id: &str) {
    let request = ReassignAdviserRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_ids: vec![entry_id.into()],
        to_adviser_ident: CONFIDED[5].into(),
        ..ReassignAdviserRequest::default()
    };
    world.office.waitlist().reassign_adviser(request).await.unwrap();
    let deputy = ReassignAdviserRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        from_adviser_ident: CONFIDED[1].into(),
        to_adviser_ident: CONFIDED[6].into(),
        until_date: Some(date(2026, 3, 20)),
        ..ReassignAdviserRequest::default()
    };
    let told = world.office.waitlist().reassign_adviser(deputy.clone()).await.unwrap().into_inner();
    assert!(!told.entry_ids.is_empty());
    assert_clean("a reassignment", &format!("{told:?}"), &needles());
    let longer = ReassignAdviserRequest {
        request_id: request_id(),
        ledger: None,
        county_id: ledger.county_id.clone(),
        until_date: Some(date(2026, 3, 21)),
        ..deputy
    };
    let told = world.office.waitlist().reassign_adviser(longer).await.unwrap().into_inner();
    assert!(!told.ledgers.is_empty());
    assert_clean("a reassignment in an area", &format!("{told:?}"), &needles());
    for ident in [CONFIDED[5], CONFIDED[6]] {
        let request = ListMyWorkRequest {
            county_id: ledger.county_id.clone(),
            adviser_ident: ident.into(),
            ..ListMyWorkRequest::default()
        };
        let told = world.office.waitlist().list_my_work(request).await.unwrap();
        assert_clean("a list of work", &format!("{told:?}"), &needles());
    }
}
