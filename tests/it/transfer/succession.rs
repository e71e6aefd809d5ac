//! A queue that goes on in the measure type that took over, by itself once the day has come.

use std::collections::{BTreeMap, BTreeSet};

use tiltaksplass::{
    worker::HandOvers,
    write::{Lanes, Writer},
};
use time::{OffsetDateTime, macros::datetime};

use super::*;
use crate::world::{PROVIDER, registry};

mod told;

/// APS is taken over from on 9 March 2026, a week after the tests begin.
const EVE: OffsetDateTime = datetime!(2026-03-08 22:59:59 UTC);
const THE_DAY: OffsetDateTime = datetime!(2026-03-08 23:00 UTC);

fn ledger_of(code: &str) -> Ledger {
    Ledger { county_id: COUNTY.into(), measure_code: code.into() }
}

fn aps() -> Ledger {
    ledger_of("APS")
}

fn aft() -> Ledger {
    ledger_of("AFT")
}

fn superseded(by: &str) -> Supersession {
    Supersession { measure_code: by.into(), from_date: Some(date(2026, 3, 9)) }
}

/// A measure type like VTA, with what is named here.
fn like_vta(change: MeasureType) -> RegistryRow {
    let measure = |row: RegistryRow| {
        if let Some(registry_row::Row::MeasureType(vta)) = row.row { Some(vta) } else { None }
    };
    let vta = registry().into_iter().find_map(measure);
    let MeasureType { measure_code, superseded_by, valid_from_date, .. } = change;
    let name = measure_code.clone();
    let vta = vta.unwrap();
    let row = MeasureType { measure_code, name, superseded_by, valid_from_date, ..vta };
    RegistryRow { row: Some(registry_row::Row::MeasureType(row)) }
}

fn type_of(code: &str, superseded_by: Option<Supersession>) -> RegistryRow {
    let measure_code = code.into();
    like_vta(MeasureType { measure_code, superseded_by, ..MeasureType::default() })
}

async fn imported(world: &World, rows: Vec<RegistryRow>) {
    let pieces = tokio_stream::iter([ImportRegistryRequest {
        request_id: request_id(),
        validate_only: false,
        source: "test".into(),
        rows,
    }]);
    world.directorate.registry().import_registry(pieces).await.unwrap();
}

/// The small county with APS and KIA, which AFT takes over from.
async fn world() -> World {
    let world = World::new().await;
    let rows = vec![
        type_of("AFT", None),
        type_of("APS", Some(superseded("AFT"))),
        type_of("KIA", Some(superseded("AFT"))),
    ];
    imported(&world, rows).await;
    world
}

/// New tokens, since the clock has moved beyond the old ones.
async fn refresh(world: &mut World) {
    world.directorate = world.service.caller(Role::Directorate, "NAV").await;
    world.county = world.service.caller(Role::County, COUNTY).await;
    world.office = world.service.caller(Role::Office, OFFICE).await;
    world.provider = world.service.caller(Role::Provider, PROVIDER).await;
}

async fn comes(world: &mut World, at: OffsetDateTime) {
    world.service.clock.set(at);
    refresh(world).await;
}

/// Puts people on a list: the first a second before the next three, and so on by threes.
async fn joined(world: &World, ledger: &Ledger, people: std::ops::Range<u32>) -> Vec<String> {
    let now = world.service.app.clock.now().to_datetime().unix_timestamp();
    let registered = |person: u32| {
        let seconds = now - 100_000 + i64::from(person.div_ceil(3));
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    };
    let part = |person| JoinWaitlistRequest {
        request_id: String::new(),
        ledger: None,
        registered_time: registered(person),
        ..join(ledger, person)
    };
    let request = BatchJoinWaitlistRequest {
        request_id: request_id(),
        validate_only: false,
        ledger: Some(ledger.clone()),
        joins: people.map(part).collect(),
    };
    let answer = world.county.waitlist().batch_join_waitlist(request).await.unwrap();
    answer.into_inner().entry_ids
}

async fn paused(world: &World, ledger: &Ledger, entry_id: &str, until: Option<(i32, i32)>) {
    let request = PauseEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        until_date: until.map(|(month, day)| date(2026, month, day)),
        ..PauseEntryRequest::default()
    };
    world.county.waitlist().pause_entry(request).await.unwrap();
}

/// A budget, Trondheim's quota and one group of so many places.
async fn places(world: &World, ledger: &Ledger, places: u32) -> String {
    world.budget(ledger, places).await;
    world.quotas(ledger, &[(TRONDHEIM, places)]).await;
    world.place_group(ledger, places).await
}

/// What is open in a measure type, in all areas, in the order of the queue.
async fn open_in(sql: &mut PgConnection, code: &str) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT entry_id::text, state FROM entry WHERE measure_code = $1 AND state <> 'CLOSED' \
         ORDER BY order_time_us, registered_time_us, join_seq",
    )
    .bind(code)
    .fetch_all(sql)
    .await
    .unwrap()
}

fn ids(open: &[(String, String)]) -> Vec<&str> {
    open.iter().map(|(id, _)| id.as_str()).collect()
}

/// People with another number of open entries than one, in all measure types together.
async fn lost_or_doubled(sql: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT person_id FROM entry GROUP BY person_id \
         HAVING count(*) FILTER (WHERE state <> 'CLOSED') <> 1) p",
    )
    .fetch_one(sql)
    .await
    .unwrap()
}

/// Each row that hands over or takes over, with its ledger and how many entries it is about.
async fn pages(sql: &mut PgConnection) -> Vec<(String, String, String, i64)> {
    sqlx::query_as(
        "SELECT kind, measure_code, request_id::text, \
         jsonb_array_length(convert_from(payload, 'UTF8')::jsonb -> 'events')::bigint \
         FROM ledger_log WHERE kind IN ('HAND_OVER', 'TAKE_OVER') ORDER BY kind, measure_code, seq",
    )
    .fetch_all(sql)
    .await
    .unwrap()
}

/// The worker's part, asked for by hand.
struct Hand {
    worker: HandOvers,
    writer: Writer,
    _lanes: Lanes,
}

impl Hand {
    fn of(service: &Service) -> Self {
        let (writer, lanes) = Writer::start(&service.app);
        Self { worker: HandOvers::default(), writer, _lanes: lanes }
    }

    async fn next(&mut self, service: &Service) -> usize {
        self.worker.next_pages(&service.app, &self.writer).await.unwrap()
    }

    /// Page by page, until nobody is left who could go.
    async fn all(&mut self, service: &Service) {
        while self.next(service).await > 0 {}
    }
}

/// Until the worker of the service itself has left so many in a measure type.
async fn left_by_itself(sql: &mut PgConnection, code: &str, left: usize) {
    for _ in 0..300 {
        assert_eq!(lost_or_doubled(sql).await, 0);
        if open_in(sql, code).await.len() == left {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{} are left in {code}, not {left}", open_in(sql, code).await.len());
}

/// 450 wait, some on pause; one has an offer that runs on over the day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_goes_on_page_by_page_and_by_itself() {
    let mut world = world().await;
    places(&world, &aps(), 1).await;
    let all = joined(&world, &aps(), 0..450).await;
    paused(&world, &aps(), &all[7], None).await;
    paused(&world, &aps(), &all[300], Some((3, 20))).await;
    let offer = world.allocate(&aps(), 1).await.proposals.remove(0);
    let holder = offer.entry_id.clone();
    comes(&mut world, EVE).await;
    world.confirm(&aps(), vec![offer.offer_id]).await;
    let mut sql = world.service.sql().await;
    let before = open_in(&mut sql, "APS").await;
    assert_eq!((before.len(), &*before[0].0, &*before[0].1), (450, &*holder, "OFFERED"));
    assert!(open_in(&mut sql, "AFT").await.is_empty());
    comes(&mut world, THE_DAY).await;
    left_by_itself(&mut sql, "APS", 1).await;
    let after = open_in(&mut sql, "AFT").await;
    assert_eq!(after, before[1..], "the same people in the same order, as they stood");
    let pages = pages(&mut sql).await;
    let told: Vec<_> =
        pages.iter().map(|(kind, code, _, count)| (kind.as_str(), code.as_str(), *count)).collect();
    let expected = ["HAND_OVER/APS", "TAKE_OVER/AFT"].map(|row| row.split_once('/').unwrap());
    let expected: Vec<_> = expected
        .iter()
        .flat_map(|(kind, code)| [200, 200, 49].map(|count| (*kind, *code, count)))
        .collect();
    assert_eq!(told, expected);
    // The holder's offer expires and passes on to nobody; the holder goes on then, and first.
    comes(&mut world, datetime!(2026-03-20 12:00 UTC)).await;
    left_by_itself(&mut sql, "APS", 0).await;
    let after = open_in(&mut sql, "AFT").await;
    assert_eq!(ids(&after), ids(&before));
    assert_eq!(after[0].1, "WAITING");
    assert_eq!(entry(&world.service, &aft(), &all[300]).await.state(), EntryState::Waiting);
    let proposed: i64 = sqlx::query_scalar("SELECT count(*) FROM offer WHERE measure_code = 'APS'")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(proposed, 1);
    let claims: Vec<(String, i64)> =
        sqlx::query_as("SELECT measure_code, count(*) FROM person_claim GROUP BY 1")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    assert_eq!(claims, [("AFT".to_owned(), 450)]);
    // Each page is one transaction over both ledgers: no commit shows an entry in both or none.
    let torn: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT request_id FROM ledger_log \
         WHERE kind IN ('HAND_OVER', 'TAKE_OVER') GROUP BY request_id \
         HAVING count(*) <> 2 OR count(DISTINCT xmin::text) <> 1) t",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert_eq!(torn, 0);
    world.service.verify().await;
}

/// Two services at once, over two queues that go to the same ledger, page against page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_hand_each_entry_over_once() {
    let mut world = world().await;
    joined(&world, &aps(), 0..410).await;
    joined(&world, &ledger_of("KIA"), 1_000..1_410).await;
    let mut replica = world.service.replica().await;
    comes(&mut world, THE_DAY).await;
    let mut hands = [Hand::of(&world.service), Hand::of(&replica)];
    let mut sql = world.service.sql().await;
    let [one, other] = &mut hands;
    let watch = async {
        loop {
            assert_eq!(lost_or_doubled(&mut sql).await, 0);
            let waits = open_in(&mut sql, "APS").await.len() + open_in(&mut sql, "KIA").await.len();
            if waits == 0 {
                break;
            }
        }
    };
    futures::join!(one.all(&world.service), other.all(&replica), watch);
    let rows = pages(&mut sql).await;
    let mut counts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut requests = BTreeSet::new();
    for (kind, code, request, count) in &rows {
        *counts.entry((kind, code)).or_default() += count;
        requests.insert(request);
    }
    let expected =
        [(("HAND_OVER", "APS"), 410), (("HAND_OVER", "KIA"), 410), (("TAKE_OVER", "AFT"), 820)];
    assert_eq!(counts, BTreeMap::from(expected));
    assert_eq!(requests.len() * 2, rows.len());
    replica.stop().await;
    world.service.verify().await;
}

/// People who join in the other county while they are handed over here: whichever comes first,
/// each has one entry afterwards, and nobody waits for a lock for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_elsewhere_meanwhile_is_refused_or_gets_the_time() {
    let mut world = world().await;
    joined(&world, &aps(), 0..400).await;
    comes(&mut world, THE_DAY).await;
    let there = Ledger { county_id: OTHER_COUNTY.into(), ..aft() };
    let other = world.caller_of(&there).await;
    // From the end of the queue on, so that both come to the same people.
    let joins = (0..400).rev().map(|person| {
        let (mut waitlist, request) = (other.waitlist(), join(&there, person));
        async move {
            let joined = waitlist.join_waitlist(request).await;
            joined.map_err(|refused| assert_eq!(reason(&refused), "PERSON_ALREADY_WAITING")).is_ok()
        }
    });
    let joins = futures::StreamExt::buffered(futures::stream::iter(joins), 8);
    let mut hand = Hand::of(&world.service);
    let (joined, ()) =
        futures::join!(futures::StreamExt::collect::<Vec<bool>>(joins), hand.all(&world.service));
    let first_there = joined.iter().filter(|joined| **joined).count();
    hand.all(&world.service).await;
    let mut sql = world.service.sql().await;
    assert!(open_in(&mut sql, "APS").await.is_empty());
    assert_eq!(open_in(&mut sql, "AFT").await.len(), 400);
    assert_eq!(lost_or_doubled(&mut sql).await, 0);
    let in_the_other_county: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM person_claim WHERE county_id = $1 AND measure_code = 'AFT'",
    )
    .bind(OTHER_COUNTY)
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert_eq!(usize::try_from(in_the_other_county).unwrap(), first_there);
    world.service.verify().await;
}

/// A service that ends after some pages, and begins again a week later.
#[tokio::test]
async fn what_was_left_is_caught_up_with_later() {
    let mut world = world().await;
    let mut all = joined(&world, &aps(), 0..425).await;
    all.extend(joined(&world, &aps(), 425..850).await);
    world.service.stop().await;
    world.service.clock.set(THE_DAY);
    world.service.restart().await;
    let mut sql = world.service.sql().await;
    while open_in(&mut sql, "APS").await.len() == all.len() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    world.service.stop().await;
    let left = open_in(&mut sql, "APS").await.len();
    assert!(left > 0, "it was to end before all had gone on");
    assert_eq!(lost_or_doubled(&mut sql).await, 0);
    world.service.clock.set(datetime!(2026-03-17 12:00 UTC));
    world.service.restart().await;
    left_by_itself(&mut sql, "APS", 0).await;
    assert_eq!(ids(&open_in(&mut sql, "AFT").await), all);
    world.service.verify().await;
}

/// Who waits in AFT already, here or in the other county, has one entry afterwards, and the
/// earlier of the two times.
#[tokio::test]
async fn who_is_there_already_keeps_one_entry_and_the_earlier_time() {
    let mut world = world().await;
    let there = Ledger { county_id: OTHER_COUNTY.into(), ..aft() };
    let old = joined(&world, &aps(), 0..4).await;
    world.service.clock.advance(Duration::hours(1));
    let [own, elsewhere] = [world.join(&aft(), 0).await, world.join(&there, 1).await];
    places(&world, &aft(), 1).await;
    let waits = world.join(&aft(), 2).await;
    let early = JoinWaitlistRequest {
        registered_time: Some(prost_types::Timestamp { seconds: 1_500_000_000, nanos: 0 }),
        ..join(&aft(), 3)
    };
    let early = world.county.waitlist().join_waitlist(early).await.unwrap().into_inner().entry_id;
    // The first of AFT gets the place and begins: no time is of use any more.
    let offer = world.allocate(&aft(), 1).await.proposals.remove(0);
    assert_eq!(offer.entry_id, early);
    world.confirm(&aft(), vec![offer.offer_id.clone()]).await;
    world.respond(&aft(), &offer.offer_id, OfferAnswer::Accept).await.unwrap();
    world.start(&aft(), &offer.offer_id, date(2026, 3, 2)).await;
    let times = |entry: &WaitlistEntry| (entry.registered_time, entry.order_time);
    let mut before = Vec::new();
    for id in &old {
        before.push(times(&entry(&world.service, &aps(), id).await));
    }
    let registered = entry(&world.service, &aft(), &early).await.registered_time;
    comes(&mut world, THE_DAY).await;
    Hand::of(&world.service).all(&world.service).await;
    for (ledger, id, old) in [(&aft(), &own, 0), (&there, &elsewhere, 1), (&aft(), &waits, 2)] {
        assert_eq!(times(&entry(&world.service, ledger, id).await), before[old], "{id}");
    }
    let begun = entry(&world.service, &aft(), &early).await;
    assert_eq!((begun.state(), begun.registered_time), (EntryState::Placed, registered));
    let mut sql = world.service.sql().await;
    assert!(open_in(&mut sql, "APS").await.is_empty());
    assert_eq!(lost_or_doubled(&mut sql).await, 0);
    assert_eq!(open_in(&mut sql, "AFT").await.len(), 4);
    for id in &old {
        let ended = entry(&world.service, &aps(), id).await;
        assert_eq!((ended.state(), ended.moved_to_ledger), (EntryState::Closed, None));
    }
    // Three ledgers, one request.
    let rows: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM ledger_log WHERE request_id = (SELECT request_id FROM ledger_log \
         WHERE kind = 'HAND_OVER')",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert_eq!(rows, 3);
    world.service.verify().await;
}

/// Each ledger is whole by itself; only both together tell that one has lost its part.
#[tokio::test]
async fn half_a_hand_over_is_found() {
    for (kind, told) in [
        ("HAND_OVER", "1 queues that were handed over by nobody"),
        ("TAKE_OVER", "1 queues that nobody took over"),
    ] {
        let mut world = world().await;
        joined(&world, &aps(), 0..2).await;
        comes(&mut world, THE_DAY).await;
        Hand::of(&world.service).all(&world.service).await;
        world.service.verify().await;
        let mut sql = world.service.sql().await;
        let without = format!(
            "SET session_replication_role = replica; \
             DELETE FROM ledger_log WHERE kind = '{kind}'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(without)).execute(&mut sql).await.unwrap();
        let (db, keys) = (&world.service.app.db, &world.service.app.keys);
        let report = tiltaksplass::verify::verify(db, Some(keys)).await.unwrap();
        assert!(report.findings.iter().any(|finding| finding == told), "{:#?}", report.findings);
    }
}
