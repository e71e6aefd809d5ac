//! What is refused leaves nothing behind, and tells nobody more than they may know.

use std::time::Duration as Pause;

use sqlx::PgConnection;
use tiltaksplass::{
    domain::access::Role,
    proto::v1::{waitlist_service_client::WaitlistServiceClient, *},
};
use tonic::{Code, Request, Status};

use crate::{
    support::{reason, request_id},
    world::{
        COUNTY, HEMNE_OFFICE, OFFICE, OTHER_COUNTY, TRONDHEIM, World, avklaring, date, identity,
        join, vta,
    },
};

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn denied() -> (Code, String) {
    (Code::PermissionDenied, "PERMISSION_DENIED".to_owned())
}

/// A request id that happens to be known is no way past the question of rights.
#[tokio::test]
async fn whoever_may_not_learns_nothing_of_a_request_id() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let joined = join(&ledger, 1);
    world.office.waitlist().join_waitlist(joined.clone()).await.unwrap();
    let run = AllocatePlacesRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        ..AllocatePlacesRequest::default()
    };
    let proposed = world.county.allocation().allocate_places(run.clone()).await.unwrap();
    let offer_id = proposed.into_inner().proposals[0].offer_id.clone();
    let confirm = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_ids: vec![offer_id],
        ..ConfirmProposalsRequest::default()
    };
    world.office.allocation().confirm_proposals(confirm.clone()).await.unwrap();

    let county = world.service.caller(Role::County, OTHER_COUNTY).await;
    let office = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    for used in [true, false] {
        let id = |id: &str| if used { id.to_owned() } else { request_id() };
        let joined = JoinWaitlistRequest { request_id: id(&joined.request_id), ..joined.clone() };
        let run = AllocatePlacesRequest { request_id: id(&run.request_id), ..run.clone() };
        let confirm =
            ConfirmProposalsRequest { request_id: id(&confirm.request_id), ..confirm.clone() };
        let refused = county.allocation().allocate_places(run).await.unwrap_err();
        assert_eq!(told(&refused), denied(), "used: {used}");
        let refused = county.waitlist().join_waitlist(joined.clone()).await.unwrap_err();
        assert_eq!(told(&refused), denied(), "used: {used}");
        let refused = office.waitlist().join_waitlist(joined).await.unwrap_err();
        assert_eq!(told(&refused), denied(), "used: {used}");
        let refused = office.allocation().confirm_proposals(confirm).await.unwrap_err();
        assert_eq!(told(&refused), (Code::NotFound, "NOT_FOUND".to_owned()), "used: {used}");
    }
    let mut sql = world.service.sql().await;
    let claims: i64 =
        sqlx::query_scalar("SELECT count(*) FROM person_claim").fetch_one(&mut sql).await.unwrap();
    assert_eq!(claims, 1);
    world.service.verify().await;
}

/// Waits until a session of the service waits for a lock.
async fn until_someone_waits(sql: &mut PgConnection) {
    for _ in 0..500 {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&mut *sql)
        .await
        .unwrap();
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(Pause::from_millis(10)).await;
    }
    panic!("nobody waits for a lock");
}

/// A ledger is made by its first command. One that is refused makes none, whatever else
/// of the county happens in the same transaction.
#[tokio::test]
async fn a_refused_first_command_leaves_no_ledger_behind() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let (mut holder, mut sql) = (world.service.sql().await, world.service.sql().await);
    sqlx::raw_sql("BEGIN; SELECT FROM ledger WHERE measure_code = 'VTA' FOR UPDATE")
        .execute(&mut holder)
        .await
        .unwrap();
    let joining = |person| {
        let (office, request) = (world.office.clone(), join(&ledger, person));
        tokio::spawn(async move { office.waitlist().join_waitlist(request).await })
    };
    let first = joining(1);
    until_someone_waits(&mut sql).await;
    // These are the next batch together.
    let quotas = SetQuotasRequest {
        request_id: request_id(),
        ledger: Some(avklaring()),
        valid_from_date: Some(date(2026, 3, 2)),
        quotas: vec![Quota {
            municipality_number: TRONDHEIM.into(),
            basis: QuotaBasis::History.into(),
            ..Quota::default()
        }],
        ..SetQuotasRequest::default()
    };
    let county = world.county.clone();
    let refused = tokio::spawn(async move { county.fair_share().set_quotas(quotas).await });
    let second = joining(2);
    tokio::time::sleep(Pause::from_millis(200)).await;
    sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    let refused = refused.await.unwrap().unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "MEASURE_TYPE_RULE".to_owned()));
    let ledgers: Vec<String> =
        sqlx::query_scalar("SELECT measure_code FROM ledger WHERE county_id = $1")
            .bind(COUNTY)
            .fetch_all(&mut sql)
            .await
            .unwrap();
    assert_eq!(ledgers, ["VTA"]);
    // And those that are right make it, also both at once with another's.
    world.budget(&avklaring(), 3).await;
    world.service.verify().await;
}

/// Texts are trimmed before they are compared, also where they name an area.
#[tokio::test]
async fn areas_that_differ_by_blanks_alone_are_one() {
    let world = World::new().await;
    let request = |ids: &[&str]| ApportionRequest {
        method: ApportionmentMethod::SainteLague.into(),
        seats: 3,
        areas: ids
            .iter()
            .map(|id| ApportionArea { area_id: (*id).into(), weight: 1, ..Default::default() })
            .collect(),
    };
    let refused = world.office.fair_share().apportion(request(&["a", " a"])).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "INVALID_FIELDS".to_owned()));
    assert!(refused.message().contains("areas[1].area_id stands twice"), "{refused:?}");
    // The tie goes to the lower of the names as they count, and they are given back so.
    let answer = world.office.fair_share().apportion(request(&["b", " a"])).await.unwrap();
    let shares: Vec<(String, u64)> =
        answer.into_inner().areas.into_iter().map(|area| (area.area_id, area.seats)).collect();
    assert_eq!(shares, [("b".to_owned(), 1), ("a".to_owned(), 2)]);
}

/// A time in a refusal has the form that times have on the wire.
#[tokio::test]
async fn a_refused_time_is_told_in_the_wires_form() {
    let world = World::new().await;
    world.vta(1).await;
    let request = JoinWaitlistRequest {
        registered_time: Some(prost_types::Timestamp { seconds: 1_900_000_000, nanos: 0 }),
        ..join(&vta(), 1)
    };
    let refused = world.county.waitlist().join_waitlist(request).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "DATE_OUT_OF_RANGE".to_owned()));
    let expected = "registered_time 2030-03-17T17:46:40Z must be now or earlier";
    assert_eq!(refused.message(), expected);
}

/// A number that names somebody is found in texts that are kept in the clear, however
/// people write it, and in the header that says why.
#[tokio::test]
async fn nobody_is_named_by_number_in_a_text() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let number = identity(7);
    let (date, rest) = number.split_at(6);
    let forms = [
        number.clone(),
        format!("{date} {rest}"),
        format!("sak {date}-{rest}, se vedlegg"),
        format!("{date}.{rest}"),
        format!("({date}\u{a0}{rest})"),
        format!("{date}  {rest}"),
        format!("{}.{}.{} {rest}", &date[..2], &date[2..4], &date[4..]),
        number.chars().map(|c| char::from_u32(u32::from(c) - 48 + 0xff10).unwrap()).collect(),
    ];
    for case_reference in forms {
        let request = JoinWaitlistRequest { case_reference, ..join(&ledger, 1) };
        let refused = world.office.waitlist().join_waitlist(request).await.unwrap_err();
        assert_eq!(reason(&refused), "INVALID_FIELDS", "{refused:?}");
        assert!(refused.message().starts_with("case_reference"), "{}", refused.message());
    }
    let harmless = format!("2026/{date} side 12345");
    let request = JoinWaitlistRequest { case_reference: harmless, ..join(&ledger, 1) };
    world.office.waitlist().join_waitlist(request).await.unwrap();
    let bearer = format!("Bearer {}", world.service.token(Role::Office, OFFICE, "someone"));
    let said = move |mut call: Request<()>| {
        call.metadata_mut().insert("authorization", bearer.parse().unwrap());
        call.metadata_mut().insert("x-purpose", number.parse().unwrap());
        Ok(call)
    };
    let channel = world.service.channel().await;
    let mut client = WaitlistServiceClient::with_interceptor(channel, said);
    let list = ListWaitlistEntriesRequest { ledger: Some(ledger), ..Default::default() };
    let refused = client.list_waitlist_entries(list).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_FIELDS", "{refused:?}");
    assert!(refused.message().starts_with("x-purpose"), "{}", refused.message());
}
