//! `CheckParticipation`: one small answer for other services, and a record of each question.

use prost::Message;
use tiltaksplass::proto::google::r#type::Date;

use super::*;
use crate::world::{OTHER_COUNTY, avklaring, date, identity};

fn check(person: u32) -> CheckParticipationRequest {
    CheckParticipationRequest {
        national_identity_number: identity(person),
        purpose: "beregning av AAP".into(),
        ..CheckParticipationRequest::default()
    }
}

async fn checked(
    caller: &Caller,
    request: CheckParticipationRequest,
) -> CheckParticipationResponse {
    caller.allocation().check_participation(request).await.unwrap().into_inner()
}

async fn refused(caller: &Caller, request: CheckParticipationRequest) -> (Code, String) {
    told(&caller.saying(&[]).allocation().check_participation(request).await.unwrap_err())
}

/// A person who began with half a place on Monday, and one who only waits.
async fn scene() -> (World, Caller, Ledger, Placement) {
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    let half = JoinWaitlistRequest { participation_percent: 50, ..join(&ledger, 1) };
    world.county.waitlist().join_waitlist(half).await.unwrap();
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    world.join(&ledger, 2).await;
    world.confirm(&ledger, vec![offer.clone()]).await;
    world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap();
    let placement = world.start(&ledger, &offer, date(2026, 3, 2)).await;
    let service = world.service.caller(Role::Service, "aap").await;
    (world, service, ledger, placement)
}

fn participation(end_date: Option<Date>) -> Participation {
    Participation {
        measure_code: "VTA".into(),
        start_date: Some(date(2026, 3, 2)),
        end_date,
        participation_percent: 50,
    }
}

#[tokio::test]
async fn somebody_takes_part_from_the_first_day_to_the_last() {
    let (world, service, ledger, placement) = scene().await;
    let on = |year, month, day| CheckParticipationRequest {
        on_date: Some(date(year, month, day)),
        ..check(1)
    };
    let none = CheckParticipationResponse::default();
    let some = |end| CheckParticipationResponse {
        participates: true,
        participations: vec![participation(end)],
    };
    // Before it began, and while it runs.
    assert_eq!(checked(&service, on(2026, 3, 1)).await, none);
    assert_eq!(checked(&service, on(2026, 3, 2)).await, some(None));
    assert_eq!(checked(&service, check(1)).await, some(None), "today, where no day is named");
    // An end that is set and has not come, and one that has.
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: placement.placement_id,
        end_date: Some(date(2026, 3, 10)),
        outcome: PlacementOutcome::OrdinaryWork.into(),
        ..EndPlacementRequest::default()
    };
    world.office.allocation().end_placement(end).await.unwrap();
    let end = Some(date(2026, 3, 10));
    assert_eq!(checked(&service, check(1)).await, some(end));
    world.service.clock.advance(time::Duration::days(20));
    let service = world.service.caller(Role::Service, "aap").await;
    world.join(&ledger, 3).await;
    for (day, expected) in [(9, some(end)), (10, none.clone()), (1, none.clone())] {
        assert_eq!(checked(&service, on(2026, 3, day)).await, expected, "{day}");
    }
    assert_eq!(checked(&service, check(1)).await, none);
}

#[tokio::test]
async fn only_the_measures_that_are_asked_for_count() {
    let (world, service, _, _) = scene().await;
    world.join(&avklaring(), 1).await;
    let of = |codes: &[&str]| CheckParticipationRequest {
        measure_codes: codes.iter().map(|&code| code.to_owned()).collect(),
        ..check(1)
    };
    for (codes, participates) in [
        (vec![], true),
        (vec!["VTA"], true),
        (vec!["AVKLARING"], false),
        (vec!["AVKLARING", "VTA"], true),
    ] {
        assert_eq!(checked(&service, of(&codes)).await.participates, participates, "{codes:?}");
    }
    // A code that was mistyped is not answered as if the person took no part.
    let mistyped = refused(&service, of(&["VTA", "VTB"])).await;
    assert_eq!(mistyped, is(Code::FailedPrecondition, "REGISTRY_MISMATCH"));
}

/// Byte for byte, and by the same steps: whoever only waits, whoever is known nowhere.
#[tokio::test]
async fn an_unknown_person_answers_like_one_who_takes_part_in_nothing() {
    let (world, service, _, placement) = scene().await;
    let [waits, unknown] = [checked(&service, check(2)).await, checked(&service, check(9)).await];
    assert_eq!(waits, CheckParticipationResponse::default());
    assert_eq!(waits.encode_to_vec(), unknown.encode_to_vec());
    checked(&service, check(1)).await;
    let row = |entries: Vec<String>, people| Access {
        organisation: "aap".into(),
        method: "CheckParticipation".into(),
        purpose: "beregning av AAP".into(),
        entries,
        people,
        permitted: true,
    };
    let expected = [row(Vec::new(), 1), row(Vec::new(), 0), row(vec![placement.entry_id], 1)];
    assert_eq!(accesses(&mut world.service.sql().await).await, expected);
}

/// A service asks about people, not areas: both placements of one person are told, by
/// measure type.
#[tokio::test]
async fn every_area_counts() {
    let (world, service, _, _) = scene().await;
    let there = Ledger { county_id: OTHER_COUNTY.into(), measure_code: "AVKLARING".into() };
    world.budget(&there, 1).await;
    world.place_group(&there, 1).await;
    world.join(&there, 1).await;
    let county = world.caller_of(&there).await;
    let request = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: Some(there.clone()),
        ..AllocatePlacesRequest::default()
    };
    let run = county.allocation().allocate_places(request).await.unwrap().into_inner();
    let offer_id = run.proposals[0].offer_id.clone();
    let request = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(there.clone()),
        offer_ids: vec![offer_id.clone()],
        ..ConfirmProposalsRequest::default()
    };
    county.allocation().confirm_proposals(request).await.unwrap();
    let request = RespondToOfferRequest {
        request_id: request_id(),
        ledger: Some(there.clone()),
        offer_id: offer_id.clone(),
        answer: OfferAnswer::Accept.into(),
        ..RespondToOfferRequest::default()
    };
    county.allocation().respond_to_offer(request).await.unwrap();
    let request = StartPlacementRequest {
        request_id: request_id(),
        ledger: Some(there),
        offer_id,
        start_date: Some(date(2026, 3, 1)),
        ..StartPlacementRequest::default()
    };
    county.allocation().start_placement(request).await.unwrap();
    let told = checked(&service, check(1)).await.participations;
    let clarified = Participation {
        measure_code: "AVKLARING".into(),
        start_date: Some(date(2026, 3, 1)),
        end_date: None,
        participation_percent: 100,
    };
    assert_eq!(told, [clarified, participation(None)]);
}

#[tokio::test]
async fn services_alone_may_ask_and_must_say_why() {
    let (world, service, _, _) = scene().await;
    let auditor = world.service.caller(Role::Auditor, "Riksrevisjonen").await;
    for caller in [&world.directorate, &world.county, &world.office, &world.provider, &auditor] {
        let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
        assert_eq!(refused(caller, check(1)).await, denied);
    }
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    for request in [
        CheckParticipationRequest { purpose: String::new(), ..check(1) },
        CheckParticipationRequest { purpose: "x".repeat(201), ..check(1) },
        CheckParticipationRequest { national_identity_number: "12345678901".into(), ..check(1) },
        CheckParticipationRequest { measure_codes: vec!["VTA".into(); 21], ..check(1) },
        CheckParticipationRequest { measure_codes: vec!["vta".into()], ..check(1) },
    ] {
        assert_eq!(refused(&service, request).await, invalid);
    }
    for day in [date(2026, 3, 3), date(2016, 2, 29)] {
        let request = CheckParticipationRequest { on_date: Some(day), ..check(1) };
        let out_of_range = is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE");
        assert_eq!(refused(&service, request).await, out_of_range);
    }
    let longest = CheckParticipationRequest { on_date: Some(date(2016, 3, 1)), ..check(1) };
    assert_eq!(checked(&service, longest).await, CheckParticipationResponse::default());
    assert_eq!(accesses(&mut world.service.sql().await).await.len(), 1);
}
