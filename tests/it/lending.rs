//! `LendQuota`, through the port: a quota nobody of its own waits for is lent, used by another
//! municipality, and returns by itself.

use prost::Message;
use tiltaksplass::{
    domain::access::Role,
    proto::{google::r#type::Date, v1::*},
};
use time::macros::datetime;
use tonic::{Code, Status};

use crate::{
    support::{Caller, reason, request_id},
    world::{
        COUNTY, HEMNE, LEVANGER, OFFICE, OTHER_COUNTY, TRONDHEIM, World, avklaring, date, join, vta,
    },
};

use lend_quota_request::Action;

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// A place of Hemne's for Trondheim, from today into April.
fn terms() -> QuotaLoanTerms {
    QuotaLoanTerms {
        from_municipality_number: HEMNE.into(),
        to_municipality_number: TRONDHEIM.into(),
        places: 1,
        valid_from_date: Some(date(2026, 3, 2)),
        valid_to_date: Some(date(2026, 4, 1)),
        reason: "Ingen venter i Hemne".into(),
    }
}

fn asking(ledger: &Ledger, action: Action) -> LendQuotaRequest {
    LendQuotaRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        action: Some(action),
        ..LendQuotaRequest::default()
    }
}

fn lending(terms: QuotaLoanTerms) -> LendQuotaRequest {
    asking(&vta(), Action::Lend(terms))
}

fn ending(loan_id: &str, day: Date) -> LendQuotaRequest {
    let loan_id = loan_id.to_owned();
    let end = QuotaLoanEnd { loan_id, valid_to_date: Some(day), reason: "Avtalt".into() };
    asking(&vta(), Action::EndEarly(end))
}

async fn lend(caller: &Caller, request: LendQuotaRequest) -> Result<LendQuotaResponse, Status> {
    Ok(caller.fair_share().lend_quota(request).await?.into_inner())
}

/// A place in a group, a quota of one for Hemne where nobody waits, and none for Trondheim.
async fn nobody_waits() -> World {
    let world = World::new().await;
    world.budget(&vta(), 1).await;
    world.quotas(&vta(), &[(TRONDHEIM, 0), (HEMNE, 1)]).await;
    world.place_group(&vta(), 1).await;
    world
}

async fn vacant_quotas(world: &World) -> Vec<(String, VacancyBlock, Option<LentPlaces>)> {
    let request = ListVacanciesRequest { ledger: Some(vta()), ..Default::default() };
    let found = world.county.allocation().list_vacancies(request).await.unwrap().into_inner();
    let told =
        |quota: &QuotaVacancy| (quota.municipality_number.clone(), quota.block(), quota.lending);
    found.quotas.iter().map(told).collect()
}

async fn quotas(world: &World, request: ListQuotasRequest) -> Vec<QuotaInPeriod> {
    let request = ListQuotasRequest { ledger: Some(vta()), ..request };
    world.county.fair_share().list_quotas(request).await.unwrap().into_inner().quotas
}

/// Of each quota that holds today: its own places, what it may use, and what is over.
async fn figures(world: &World) -> Vec<(String, u32, i64, i64)> {
    let of_one = |one: &QuotaInPeriod| {
        let (quota, usage) = (one.quota.clone().unwrap(), one.usage.clone().unwrap_or_default());
        (quota.municipality_number, quota.places, usage.total_percent, usage.over_percent)
    };
    quotas(world, ListQuotasRequest::default()).await.iter().map(of_one).collect()
}

/// What each municipality of the area has now, as its fair share counts it.
async fn current(world: &World) -> Vec<(String, u32)> {
    let request = GetFairShareRequest { ledger: Some(vta()), ..GetFairShareRequest::default() };
    let found = world.county.fair_share().get_fair_share(request).await.unwrap().into_inner();
    found.shares.into_iter().map(|s| (s.municipality_number, s.current_places)).collect()
}

async fn refresh(world: &mut World) {
    world.county = world.service.caller(Role::County, COUNTY).await;
    world.office = world.service.caller(Role::Office, OFFICE).await;
}

fn row(number: &str, own: u32, total: i64, over: i64) -> (String, u32, i64, i64) {
    (number.to_owned(), own, total, over)
}

#[tokio::test]
async fn a_quota_nobody_waits_for_is_lent_used_and_returns_by_itself() {
    let mut world = nobody_waits().await;
    let entry_id = world.join(&vta(), 1).await;
    let hemnes = (HEMNE.to_owned(), VacancyBlock::NobodyWaits, None);
    assert_eq!(vacant_quotas(&world).await, [hemnes]);
    assert_eq!(world.allocate(&vta(), 1).await.proposals, []);
    let request = lending(terms());
    let preview = LendQuotaRequest { validate_only: true, ..request.clone() };
    let preview = lend(&world.county, preview).await.unwrap();
    assert_eq!(figures(&world).await, [row(TRONDHEIM, 0, 0, 0), row(HEMNE, 1, 100, 0)]);
    let answer = lend(&world.county, request.clone()).await.unwrap();
    let again = lend(&world.county, request.clone()).await.unwrap();
    assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
    let other = LendQuotaRequest { case_reference: "2026/1".into(), ..request };
    let refused = lend(&world.county, other).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::InvalidArgument, "REQUEST_ID_REUSED"));
    let usage = |usage: Option<Usage>| usage.unwrap().total_percent;
    assert_eq!((usage(answer.from_usage.clone()), usage(answer.to_usage.clone())), (0, 100));
    assert_eq!((preview.from_usage, preview.to_usage), (answer.from_usage, answer.to_usage));
    // Nobody has got a place by it.
    assert_eq!(world.position(&vta(), &entry_id).await.state(), EntryState::Waiting);
    let borrowed = Some(LentPlaces { lent_places: 0, borrowed_places: 1 });
    let trondheims = (TRONDHEIM.to_owned(), VacancyBlock::None, borrowed);
    assert_eq!(vacant_quotas(&world).await, [trondheims]);
    assert_eq!(figures(&world).await, [row(TRONDHEIM, 0, 100, 0), row(HEMNE, 1, 0, 0)]);
    // It is Hemne's share all the same.
    let own = [(TRONDHEIM.to_owned(), 0), (HEMNE.to_owned(), 1)];
    assert_eq!(current(&world).await, own);
    let offer = world.allocate(&vta(), 1).await.proposals.remove(0);
    assert_eq!((&offer.entry_id, &offer.municipality_number[..]), (&entry_id, TRONDHEIM));
    world.confirm(&vta(), vec![offer.offer_id.clone()]).await;
    world.respond(&vta(), &offer.offer_id, OfferAnswer::Accept).await.unwrap();
    world.start(&vta(), &offer.offer_id, date(2026, 3, 2)).await;
    world.service.verify().await;
    // Summer time has begun by then: midnight is at ten.
    for (now, trondheim, hemne) in [
        (datetime!(2026-03-31 21:59:59 UTC), (100, 0), 0),
        (datetime!(2026-03-31 22:00 UTC), (0, 100), 100),
    ] {
        world.service.clock.set(now);
        refresh(&mut world).await;
        // Whatever is asked of the ledger, what is due comes first.
        assert_eq!(world.allocate(&vta(), 1).await.proposals, []);
        let (total, over) = trondheim;
        let expected = [row(TRONDHEIM, 0, total, over), row(HEMNE, 1, hemne, 0)];
        assert_eq!(figures(&world).await, expected, "{now}");
    }
    // Nobody is out.
    assert_eq!(world.position(&vta(), &entry_id).await.state(), EntryState::Placed);
    assert_eq!(current(&world).await, own);
    world.service.verify().await;
}

#[tokio::test]
async fn loans_are_listed_with_the_quotas_of_both() {
    let world = nobody_waits().await;
    let loan = lend(&world.county, lending(terms())).await.unwrap().loan.unwrap();
    assert_eq!(
        (&loan.reason[..], loan.valid_to_date),
        ("Ingen venter i Hemne", terms().valid_to_date)
    );
    let lendings = async |request: ListQuotasRequest| -> Vec<_> {
        let rows = quotas(&world, request).await;
        rows.into_iter().map(|row| row.lending.unwrap_or_default()).collect()
    };
    let both = lendings(ListQuotasRequest::default()).await;
    let places = |lent_places, borrowed_places| Some(LentPlaces { lent_places, borrowed_places });
    assert_eq!(both.iter().map(|l| l.places).collect::<Vec<_>>(), [places(0, 1), places(1, 0)]);
    for lending in &both {
        assert_eq!((&lending.loans[..], lending.loans_total), (&[loan.clone()][..], 1));
    }
    // On a day on which it no longer holds it is told of, and counts nothing.
    let later = ListQuotasRequest { as_of_date: Some(date(2026, 4, 1)), ..Default::default() };
    let later = lendings(later).await;
    assert_eq!(later.iter().map(|l| l.places).collect::<Vec<_>>(), [places(0, 0), places(0, 0)]);
    let ended = lend(&world.county, ending(&loan.loan_id, date(2026, 3, 20))).await.unwrap();
    let ended = ended.loan.unwrap();
    assert_eq!(ended.agreed_valid_to_date, loan.valid_to_date);
    assert_eq!((ended.valid_to_date, &ended.end_reason[..]), (Some(date(2026, 3, 20)), "Avtalt"));
    assert_eq!(lendings(ListQuotasRequest::default()).await[0].loans, [ended]);
    world.service.verify().await;
}

#[tokio::test]
async fn who_only_borrows_is_listed_without_a_quota() {
    let world = World::new().await;
    world.budget(&vta(), 2).await;
    world.quotas(&vta(), &[(HEMNE, 2)]).await;
    lend(&world.county, lending(terms())).await.unwrap();
    assert_eq!(figures(&world).await, [row(TRONDHEIM, 0, 100, 0), row(HEMNE, 2, 100, 0)]);
    let history = ListQuotasRequest { with_history: true, page_size: 1, ..Default::default() };
    let rows = quotas(&world, history).await;
    assert_eq!((rows.len(), rows[0].valid_from_date), (1, None));
    assert_eq!(rows[0].quota.clone().unwrap().basis(), QuotaBasis::Unspecified);
    let before = ListQuotasRequest { as_of_date: Some(date(2026, 3, 1)), ..Default::default() };
    assert_eq!(quotas(&world, before).await.len(), 1);
    world.service.verify().await;
}

#[tokio::test]
async fn more_loans_than_are_shown_are_counted() {
    let world = World::new().await;
    world.budget(&vta(), 30).await;
    world.quotas(&vta(), &[(TRONDHEIM, 0), (HEMNE, 30)]).await;
    for day in 1..=21 {
        let from = Some(date(2026, 5, day));
        let later = QuotaLoanTerms {
            valid_from_date: from,
            valid_to_date: Some(date(2026, 6, 1)),
            ..terms()
        };
        lend(&world.county, lending(later)).await.unwrap();
    }
    let shown = quotas(&world, ListQuotasRequest::default()).await.remove(1).lending.unwrap();
    assert_eq!((shown.loans.len(), shown.loans_total), (20, 21));
    assert_eq!(shown.places, Some(LentPlaces::default()));
    assert_eq!(shown.loans[0].valid_from_date, Some(date(2026, 5, 21)));
    assert_eq!(shown.loans[19].valid_from_date, Some(date(2026, 5, 2)));
}

#[tokio::test]
async fn what_may_not_be_lent_is_refused_and_changes_nothing() {
    let world = nobody_waits().await;
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    let out_of_range = is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE");
    let mismatch = is(Code::FailedPrecondition, "REGISTRY_MISMATCH");
    let no_room = is(Code::FailedPrecondition, "NO_ROOM");
    let to = |number: &str| QuotaLoanTerms { to_municipality_number: number.into(), ..terms() };
    let until = |day| QuotaLoanTerms { valid_to_date: day, ..terms() };
    let identity = QuotaLoanTerms { reason: crate::world::identity(1), ..terms() };
    let pool = asking(&avklaring(), Action::Lend(terms()));
    let nothing = lending(terms()).request_id;
    for (caller, request, expected) in [
        (&world.office, lending(terms()), &denied),
        (&world.directorate, lending(terms()), &denied),
        (&other, lending(terms()), &denied),
        (&world.county, lending(QuotaLoanTerms { places: 2, ..terms() }), &no_room),
        (&world.county, lending(QuotaLoanTerms { places: 0, ..terms() }), &invalid),
        (&world.county, lending(QuotaLoanTerms { places: 100_001, ..terms() }), &invalid),
        (&world.county, lending(to(LEVANGER)), &mismatch),
        (&world.county, lending(to(HEMNE)), &mismatch),
        (&world.county, lending(until(None)), &invalid),
        (&world.county, lending(until(Some(date(2028, 3, 4)))), &out_of_range),
        (&world.county, lending(identity), &invalid),
        (&world.county, lending(QuotaLoanTerms { reason: " ".into(), ..terms() }), &invalid),
        (&world.county, pool, &is(Code::FailedPrecondition, "MEASURE_TYPE_RULE")),
        (&world.county, ending(&nothing, date(2026, 3, 9)), &is(Code::NotFound, "NOT_FOUND")),
    ] {
        let refused = lend(caller, request.clone()).await.unwrap_err();
        assert_eq!(told(&refused), *expected, "{request:?}");
    }
    assert_eq!(figures(&world).await, [row(TRONDHEIM, 0, 0, 0), row(HEMNE, 1, 100, 0)]);
    // What somebody uses is not free to be lent.
    let hemnes = JoinWaitlistRequest { municipality_number: HEMNE.into(), ..join(&vta(), 1) };
    world.county.waitlist().join_waitlist(hemnes).await.unwrap();
    assert_eq!(world.allocate(&vta(), 1).await.proposals.len(), 1);
    let refused = lend(&world.county, lending(terms())).await.unwrap_err();
    assert_eq!(told(&refused), no_room);
    world.service.verify().await;
}
