//! `ListMyWork`: each kind appears and goes, who sees whose, deputies, pages, and the record.

use tiltaksplass::{
    domain::measure::{MeasureRules, Span},
    proto::google::r#type::Date,
};
use time::Duration;

use super::*;
use crate::world::{OTHER_COUNTY, avklaring, date};

/// No rule binds.
fn unset() -> MeasureRules {
    MeasureRules::default()
}

fn of(county_id: &str) -> ListMyWorkRequest {
    ListMyWorkRequest { county_id: county_id.into(), ..ListMyWorkRequest::default() }
}

fn for_adviser(ident: &str) -> ListMyWorkRequest {
    ListMyWorkRequest { adviser_ident: ident.into(), ..of(COUNTY) }
}

async fn listed(caller: &Caller, request: ListMyWorkRequest) -> Vec<WorkItem> {
    caller.waitlist().list_my_work(request).await.unwrap().into_inner().items
}

/// What waits for the county: the kind, whose, and the day it is due at the latest.
async fn work(world: &World) -> Vec<(WorkKind, String)> {
    told_of(&listed(&world.county, of(COUNTY)).await)
}

fn told_of(items: &[WorkItem]) -> Vec<(WorkKind, String)> {
    items.iter().map(|item| (item.kind(), item.entry_id.clone())).collect()
}

async fn join_with(world: &World, ledger: &Ledger, person: u32, ident: &str) -> String {
    let request = JoinWaitlistRequest { adviser_ident: ident.into(), ..join(ledger, person) };
    let joined = world.county.waitlist().join_waitlist(request).await.unwrap();
    joined.into_inner().entry_id
}

/// Changes something about a placement.
async fn change(
    world: &World,
    ledger: &Ledger,
    placement_id: &str,
    change: change_placement_request::Change,
) {
    let request = ChangePlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement_id.into(),
        change: Some(change),
        ..ChangePlacementRequest::default()
    };
    world.county.allocation().change_placement(request).await.unwrap();
}

fn planned_end(date: Date) -> change_placement_request::Change {
    change_placement_request::Change::PlannedEnd(PlannedEnd { date: Some(date) })
}

#[tokio::test]
async fn what_a_place_asks_for_is_listed_from_the_proposal_to_the_start() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    assert_eq!(work(&world).await, []);
    let run = world.allocate(&ledger, 1).await;
    let offer_id = run.proposals[0].offer_id.clone();
    let expected = |kind| vec![(kind, entry_id.clone())];
    let items = listed(&world.county, of(COUNTY)).await;
    assert_eq!(told_of(&items), expected(WorkKind::ConfirmProposal));
    let due = run.proposals[0].confirm_by_time;
    assert_eq!((items[0].due_time, items[0].is_overdue), (due, false));
    assert_eq!(items[0].ledger, Some(ledger.clone()));
    assert_eq!((&items[0].offer_id, items[0].placement_id.as_str()), (&offer_id, ""));
    let offers = world.confirm(&ledger, vec![offer_id.clone()]).await;
    let items = listed(&world.county, of(COUNTY)).await;
    assert_eq!(told_of(&items), expected(WorkKind::AnswerOffer));
    assert_eq!(items[0].due_time, offers[0].answer_by_time);
    world.respond(&ledger, &offer_id, OfferAnswer::Accept).await.unwrap();
    let items = listed(&world.county, of(COUNTY)).await;
    assert_eq!(told_of(&items), expected(WorkKind::StartPlacement));
    later(&mut world, Duration::days(8)).await;
    assert!(listed(&world.county, of(COUNTY)).await[0].is_overdue);
    world.start(&ledger, &offer_id, date(2026, 3, 2)).await;
    assert_eq!(work(&world).await, []);
    world.service.verify().await;
}

#[tokio::test]
async fn an_objection_is_listed_until_it_is_decided_on() {
    let world = World::new().await;
    world.rules("VTA", MeasureRules { object_working_days: Some(2), ..unset() }).await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let offer_id = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    world.confirm(&ledger, vec![offer_id.clone()]).await;
    let objection = ObjectToOfferRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_id: offer_id.clone(),
        code: ObjectionCode::Safety.into(),
        ..ObjectToOfferRequest::default()
    };
    world.provider.allocation().object_to_offer(objection).await.unwrap();
    let both = [WorkKind::AnswerOffer, WorkKind::ResolveObjection];
    assert_eq!(work(&world).await, both.map(|kind| (kind, entry_id.clone())));
    let only = ListMyWorkRequest { kind: WorkKind::ResolveObjection.into(), ..of(COUNTY) };
    assert_eq!(told_of(&listed(&world.office, only).await), [(both[1], entry_id.clone())]);
    let overruled = ResolveObjectionRequest {
        request_id: request_id(),
        ledger: Some(ledger),
        offer_id,
        reason: "Det er vurdert.".into(),
        ..ResolveObjectionRequest::default()
    };
    world.office.allocation().resolve_objection(overruled).await.unwrap();
    assert_eq!(work(&world).await, [(both[0], entry_id)]);
    world.service.verify().await;
}

#[tokio::test]
async fn entries_are_listed_when_somebody_should_have_confirmed_them() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let first = world.join(&ledger, 1).await;
    let elsewhere = world.join(&avklaring(), 1).await;
    assert_eq!(work(&world).await, [], "no rule asks for it");
    world.rules("VTA", MeasureRules { confirm_days: Some(60), ..unset() }).await;
    assert_eq!(work(&world).await, [], "not within 30 days");
    let far = ListMyWorkRequest { due_by_date: Some(date(2026, 5, 1)), ..of(COUNTY) };
    let expected = [(WorkKind::ConfirmEntry, first.clone())];
    assert_eq!(told_of(&listed(&world.county, far.clone()).await), expected);
    let day_before = ListMyWorkRequest { due_by_date: Some(date(2026, 4, 30)), ..far };
    assert_eq!(listed(&world.county, day_before).await, []);
    later(&mut world, Duration::days(31)).await;
    assert_eq!(work(&world).await, expected);
    let confirm = ConfirmEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: first.clone(),
        ..ConfirmEntryRequest::default()
    };
    world.office.waitlist().confirm_entry(confirm).await.unwrap();
    assert_eq!(work(&world).await, []);
    assert_ne!(elsewhere, first);
}

#[tokio::test]
async fn placements_are_listed_for_review_for_a_leave_and_for_a_closure() {
    let world = World::new().await;
    let (ledger, group) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let run_of = world.allocate(&ledger, 1).await;
    let offer_id = run_of.proposals[0].offer_id.clone();
    world.confirm(&ledger, vec![offer_id.clone()]).await;
    world.respond(&ledger, &offer_id, OfferAnswer::Accept).await.unwrap();
    let placement_id = world.start(&ledger, &offer_id, date(2026, 3, 2)).await.placement_id;
    assert_eq!(work(&world).await, []);
    change(&world, &ledger, &placement_id, planned_end(date(2026, 4, 1))).await;
    let items = listed(&world.county, of(COUNTY)).await;
    assert_eq!(told_of(&items), [(WorkKind::ReviewPlacement, entry_id.clone())]);
    assert_eq!(items[0].placement_id, placement_id);
    change(&world, &ledger, &placement_id, planned_end(date(2026, 9, 1))).await;
    assert_eq!(work(&world).await, []);
    let maximum = |span| MeasureRules { hard_maximum: Some(span), ..unset() };
    world.rules("VTA", maximum(Span::Weeks(4))).await;
    assert_eq!(work(&world).await, [(WorkKind::ReviewPlacement, entry_id.clone())]);
    world.rules("VTA", maximum(Span::Months(48))).await;
    assert_eq!(work(&world).await, []);
    let leave = PlacementLeave {
        from_date: Some(date(2026, 3, 2)),
        until_date: Some(date(2026, 3, 20)),
        ..PlacementLeave::default()
    };
    let leave = change_placement_request::Change::Leave(leave);
    change(&world, &ledger, &placement_id, leave).await;
    let leave = (WorkKind::EndOfLeave, entry_id.clone());
    assert_eq!(work(&world).await, std::slice::from_ref(&leave));
    let closure = ReportClosureRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        place_group_id: group,
        from_date: Some(date(2026, 3, 10)),
        ..ReportClosureRequest::default()
    };
    world.provider.capacity().report_closure(closure).await.unwrap();
    assert_eq!(work(&world).await, [(WorkKind::Closure, entry_id.clone()), leave]);
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id,
        end_date: Some(date(2026, 3, 2)),
        outcome: PlacementOutcome::OrdinaryWork.into(),
        ..EndPlacementRequest::default()
    };
    world.county.allocation().end_placement(end).await.unwrap();
    assert_eq!(work(&world).await, []);
    world.service.verify().await;
}

#[tokio::test]
async fn an_office_sees_its_own_people_and_a_county_its_area() {
    let (world, ledger, _) = two_municipalities([2, 2]).await;
    let own = world.join(&ledger, 1).await;
    let others = join_hemne(&world, &ledger, 2).await;
    // Of Hemne, and followed up in Trondheim.
    let request = JoinWaitlistRequest { municipality_number: HEMNE.into(), ..join(&ledger, 3) };
    let joined = world.county.waitlist().join_waitlist(request).await.unwrap();
    let followed = joined.into_inner().entry_id;
    assert_eq!(world.allocate(&ledger, 9).await.proposals.len(), 3);
    let seen = async |caller: &Caller| {
        let mut ids: Vec<String> =
            listed(caller, of(COUNTY)).await.into_iter().map(|item| item.entry_id).collect();
        ids.sort();
        ids
    };
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(seen(&world.county).await, sorted(&[&own, &others, &followed]));
    assert_eq!(seen(&world.office).await, sorted(&[&own, &followed]));
    assert_eq!(seen(&hemne(&world).await).await, sorted(&[&others, &followed]));
    let stranger = world.service.caller(Role::County, OTHER_COUNTY).await;
    let denied = stranger.waitlist().list_my_work(of(COUNTY)).await.unwrap_err();
    assert_eq!(told(&denied), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    assert_eq!(listed(&stranger, of(OTHER_COUNTY)).await, []);
}

#[tokio::test]
async fn a_case_worker_sees_their_own_and_those_they_stand_in_for() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(3).await;
    let first = join_with(&world, &ledger, 1, "Z990001").await;
    let second = join_with(&world, &ledger, 2, "Z990002").await;
    world.join(&ledger, 3).await;
    let proposals = world.allocate(&ledger, 3).await.proposals;
    let ids = proposals.iter().map(|offer| offer.offer_id.clone()).collect();
    world.confirm(&ledger, ids).await;
    for offer in &proposals {
        world.respond(&ledger, &offer.offer_id, OfferAnswer::Accept).await.unwrap();
    }
    let sees = async |world: &World, ident: &str| {
        let items = listed(&world.office, for_adviser(ident)).await;
        let mut ids: Vec<String> = items.into_iter().map(|item| item.entry_id).collect();
        ids.sort();
        ids
    };
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    let deputy = ReassignAdviserRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        from_adviser_ident: "Z990001".into(),
        to_adviser_ident: "Z990002".into(),
        until_date: Some(date(2026, 3, 5)),
        ..ReassignAdviserRequest::default()
    };
    assert_eq!(sees(&world, "z990002").await, std::slice::from_ref(&second));
    world.office.waitlist().reassign_adviser(deputy).await.unwrap();
    assert_eq!(
        sees(&world, "Z990001").await,
        std::slice::from_ref(&first),
        "away, and still theirs"
    );
    assert_eq!(sees(&world, "z990002").await, both);
    assert_eq!(sees(&world, "Z990003").await, [""; 0]);
    later(&mut world, Duration::days(2) + Duration::hours(13)).await;
    assert_eq!(sees(&world, "Z990002").await.len(), 2);
    later(&mut world, Duration::hours(1)).await;
    assert_eq!(sees(&world, "Z990002").await, [second]);
    let for_good = ReassignAdviserRequest {
        request_id: request_id(),
        ledger: Some(ledger),
        entry_ids: vec![first.clone()],
        to_adviser_ident: "Z990003".into(),
        ..ReassignAdviserRequest::default()
    };
    world.office.waitlist().reassign_adviser(for_good).await.unwrap();
    assert_eq!(sees(&world, "Z990003").await, [first]);
    assert_eq!(sees(&world, "Z990001").await, [""; 0]);
    world.service.verify().await;
}

#[tokio::test]
async fn pages_follow_each_other_over_all_ledgers_and_each_is_written_down() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(3).await;
    let other = avklaring();
    world.budget(&other, 2).await;
    world.place_group(&other, 2).await;
    for person in 1..=3 {
        world.join(&ledger, person).await;
    }
    for person in 4..=5 {
        world.join(&other, person).await;
    }
    world.allocate(&other, 2).await;
    later(&mut world, Duration::days(1)).await;
    world.allocate(&ledger, 3).await;
    let whole = world.county.waitlist().list_my_work(of(COUNTY)).await.unwrap().into_inner();
    assert_eq!(whole.items.len(), 5);
    let due = |item: &WorkItem| item.due_time.as_ref().map(|at| at.seconds);
    assert!(whole.items.is_sorted_by_key(|item| (due(item), item.entry_id.clone())));
    assert!(due(&whole.items[1]) < due(&whole.items[2]));
    let measures: Vec<String> = whole
        .revisions
        .iter()
        .filter_map(|revision| Some(revision.ledger.as_ref()?.measure_code.clone()))
        .collect();
    assert_eq!(measures, ["AVKLARING", "VTA"]);
    let mut request = ListMyWorkRequest { page_size: 2, ..of(COUNTY) };
    let mut items = Vec::new();
    loop {
        let page = world.office.waitlist().list_my_work(request.clone()).await.unwrap();
        let page = page.into_inner();
        items.extend(page.items);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
        let another = ListMyWorkRequest { kind: 1, ..request.clone() };
        let refused = world.office.waitlist().list_my_work(another).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::InvalidArgument, "PAGE_TOKEN_INVALID"));
    }
    assert_eq!(items, whole.items);
    let stranger = world.service.caller(Role::County, OTHER_COUNTY).await;
    stranger.waitlist().list_my_work(of(COUNTY)).await.unwrap_err();
    listed(&stranger, of(OTHER_COUNTY)).await;
    let ids = |range: std::ops::Range<usize>| -> Vec<String> {
        items[range].iter().map(|item| item.entry_id.clone()).collect()
    };
    let row = |organisation: &str, entries: Vec<String>, permitted| Access {
        organisation: organisation.into(),
        method: "ListMyWork".into(),
        purpose: "test".into(),
        entries,
        people: 0,
        permitted,
    };
    // One row a ledger: the two pages at the border of both have two.
    let expected = [
        row(COUNTY, ids(0..2), true),
        row(COUNTY, ids(2..5), true),
        row("5701", ids(0..2), true),
        row("5701", ids(2..4), true),
        row("5701", ids(4..5), true),
        row(OTHER_COUNTY, Vec::new(), false),
        row(OTHER_COUNTY, Vec::new(), true),
    ];
    assert_eq!(accesses(&mut world.service.sql().await).await, expected);
    world.service.verify().await;
}
