//! What has come in is found, told of and passed on like everything else.

use tiltaksplass::proto::v1::{explain_decision_request::Decision, *};
use tonic::Code;

use super::{accepted, entries, import, offered, placed, send, waiting};
use crate::{
    support::{reason, request_id},
    world::{COUNTY, World},
};

const BEFORE: &str = "Z111111";
const AFTER: &str = "Z222222";

async fn of_each(world: &World, ledger: &Ledger, group: &str) -> ImportExistingRequest {
    let rows = [waiting(1), offered(2, group), accepted(3, group), placed(4, group)];
    let rows = rows.map(|row| ExistingRow { adviser_ident: BEFORE.into(), ..row });
    let request = import(ledger, rows.into());
    send(&world.county, request.clone()).await.unwrap();
    request
}

async fn work(world: &World, adviser_ident: &str) -> Vec<WorkKind> {
    let request = ListMyWorkRequest {
        county_id: COUNTY.into(),
        adviser_ident: adviser_ident.into(),
        ..ListMyWorkRequest::default()
    };
    let items = world.county.waitlist().list_my_work(request).await.unwrap().into_inner().items;
    let mut kinds: Vec<WorkKind> = items.iter().map(WorkItem::kind).collect();
    kinds.sort_unstable();
    kinds
}

/// The case worker of the old system is the case worker here, found by ident, and can be
/// replaced; that makes no other row of it.
#[tokio::test]
async fn a_case_workers_people_are_found_and_passed_on() {
    let world = World::new().await;
    let (ledger, group) = world.vta(5).await;
    let request = of_each(&world, &ledger, &group).await;
    let waits_for_somebody = [WorkKind::AnswerOffer, WorkKind::StartPlacement];
    let found = work(&world, BEFORE).await;
    assert!(waits_for_somebody.iter().all(|kind| found.contains(kind)), "{found:?}");
    let reassign = ReassignAdviserRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        from_adviser_ident: BEFORE.into(),
        to_adviser_ident: AFTER.into(),
        ..ReassignAdviserRequest::default()
    };
    let changed = world.county.waitlist().reassign_adviser(reassign).await.unwrap().into_inner();
    assert_eq!(changed.entry_ids.len(), 4);
    assert_eq!(work(&world, BEFORE).await, []);
    assert_eq!(work(&world, AFTER).await, found);
    let again = ImportExistingRequest { request_id: request_id(), ..request };
    assert_eq!(send(&world.county, again).await.unwrap().unchanged_rows, 4);
    world.service.verify().await;
}

/// Where each stands is told in words; how it came to stand so was not decided here.
#[tokio::test]
async fn a_standing_is_told_and_no_decision_is_made_up() {
    let world = World::new().await;
    let (ledger, group) = world.vta(5).await;
    of_each(&world, &ledger, &group).await;
    for (state, words) in [
        (EntryState::Waiting, "You are on the waitlist"),
        (EntryState::Offered, "You have been offered"),
        (EntryState::Accepted, "You have accepted"),
        (EntryState::Placed, "You have a whole place"),
    ] {
        let [entry] = &entries(&world, &ledger, state).await[..] else { panic!("{state:?}") };
        let request = GetPositionRequest {
            ledger: Some(ledger.clone()),
            entry_id: entry.entry_id.clone(),
            with_explanation: true,
            ..GetPositionRequest::default()
        };
        let told = world.county.waitlist().get_position(request).await.unwrap().into_inner();
        let english = told.texts.iter().find(|text| text.language_code == "en").unwrap();
        assert!(english.paragraphs.join(" ").contains(words), "{state:?}: {english:?}");
    }
    let request = ListOffersRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let offers = world.county.allocation().list_offers(request).await.unwrap().into_inner().offers;
    assert_eq!(offers.len(), 2);
    for offer in offers {
        let request = ExplainDecisionRequest {
            ledger: Some(ledger.clone()),
            decision: Some(Decision::OfferId(offer.offer_id)),
            at_least_seq: 0,
        };
        let refused = world.county.allocation().explain_decision(request).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "NOT_FOUND"));
    }
    let request = ListVacanciesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let empty = world.county.allocation().list_vacancies(request).await.unwrap().into_inner();
    let [places] = &empty.places[..] else { panic!("{empty:?}") };
    assert_eq!((places.free_percent, places.allocable_percent), (200, 100));
    world.service.verify().await;
}
