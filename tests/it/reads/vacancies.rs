//! `ListVacancies`: what stands empty, for how long, and what keeps it.

use time::{Duration, macros::datetime};

use super::*;
use crate::{
    support::{Bearer, MONDAY},
    world::{HEMNE, HEMNE_OFFICE, OTHER_COUNTY, OTHER_PROVIDER, avklaring, date, join, vta},
};

/// The day the clock stands on.
fn today() -> Date {
    date(2026, 3, 2)
}

fn listing(ledger: &Ledger) -> ListVacanciesRequest {
    ListVacanciesRequest { ledger: Some(ledger.clone()), ..ListVacanciesRequest::default() }
}

async fn list(caller: &Caller, request: ListVacanciesRequest) -> ListVacanciesResponse {
    caller.allocation().list_vacancies(request).await.unwrap().into_inner()
}

/// Free, of it allocable, and what keeps the rest: of each place group and each quota.
type Figures = (i64, i64, VacancyBlock);

async fn figures(world: &World, ledger: &Ledger) -> (Vec<Figures>, Vec<Figures>) {
    let found = list(&world.county, listing(ledger)).await;
    let places = found.places.iter().map(|p| (p.free_percent, p.allocable_percent, p.block()));
    let quotas = found.quotas.iter().map(|q| (q.free_percent, q.allocable_percent, q.block()));
    (places.collect(), quotas.collect())
}

/// New tokens, once the clock has moved beyond the old ones.
async fn refresh(world: &mut World) {
    world.county = world.service.caller(Role::County, COUNTY).await;
    world.office = world.service.caller(Role::Office, OFFICE).await;
    world.directorate = world.service.caller(Role::Directorate, "NAV").await;
}

/// The next in the queue begins today.
async fn begin(world: &World, ledger: &Ledger, day: Date) -> String {
    let offer = world.allocate(ledger, 1).await.proposals.remove(0).offer_id;
    world.confirm(ledger, vec![offer.clone()]).await;
    world.respond(ledger, &offer, OfferAnswer::Accept).await.unwrap();
    world.start(ledger, &offer, day).await.placement_id
}

async fn end(world: &World, ledger: &Ledger, placement_id: String, day: Date) {
    let request = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id,
        end_date: Some(day),
        outcome: PlacementOutcome::OrdinaryWork.into(),
        ..EndPlacementRequest::default()
    };
    world.office.allocation().end_placement(request).await.unwrap();
}

#[tokio::test]
async fn each_block_is_told() {
    use VacancyBlock::{NoPlace, NoQuota, NobodyWaits, None};
    let world = World::new().await;
    let ledger = vta();
    world.budget(&ledger, 10).await;
    quota(&world, &ledger, HEMNE, 1, today()).await;
    approved(&world, submission(&ledger, "", 2, today())).await;
    // People wait, but not those whose municipality has a quota.
    world.join(&ledger, 1).await;
    world.join(&ledger, 2).await;
    assert_eq!(
        figures(&world, &ledger).await,
        (vec![(200, 0, NobodyWaits)], vec![(100, 0, NobodyWaits)])
    );
    quota(&world, &ledger, HEMNE, 0, today()).await;
    quota(&world, &ledger, TRONDHEIM, 1, today()).await;
    assert_eq!(figures(&world, &ledger).await, (vec![(200, 100, NoQuota)], vec![(100, 100, None)]));
    quota(&world, &ledger, TRONDHEIM, 3, today()).await;
    assert_eq!(figures(&world, &ledger).await, (vec![(200, 200, None)], vec![(300, 200, NoPlace)]));
    // Nothing was stored: a real run serves just so many.
    assert_eq!(world.allocate(&ledger, 9).await.proposals.len(), 2);
    world.service.verify().await;
}

#[tokio::test]
async fn a_place_nobody_would_take_is_told_from_one_nobody_waits_for() {
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    let elsewhere = approved(&world, submission(&ledger, "", 1, today())).await;
    let picky = JoinWaitlistRequest {
        preferred_place_group_ids: vec![elsewhere.clone()],
        ..join(&ledger, 1)
    };
    world.county.waitlist().join_waitlist(picky).await.unwrap();
    let second = JoinWaitlistRequest {
        preferred_place_group_ids: vec![elsewhere.clone()],
        ..join(&ledger, 2)
    };
    world.county.waitlist().join_waitlist(second).await.unwrap();
    let found = list(&world.county, listing(&ledger)).await;
    let of = |id: &str| found.places.iter().find(|place| place.place_group_id == id).unwrap();
    let rows =
        [of(&group), of(&elsewhere)].map(|p| (p.free_percent, p.allocable_percent, p.block()));
    let expected = [(200, 0, VacancyBlock::NobodyAccepts), (100, 100, VacancyBlock::None)];
    assert_eq!(rows, expected);
    // The longest empty first.
    let order: Vec<&str> = found.places.iter().map(|p| p.place_group_id.as_str()).collect();
    assert_eq!(order, [group.as_str(), elsewhere.as_str()]);
    assert_eq!(found.places[0].empty_since_date, Some(date(2011, 1, 1)));
}

#[tokio::test]
async fn days_are_counted_while_a_place_stands_empty() {
    let mut world = World::new().await;
    let ledger = vta();
    world.budget(&ledger, 5).await;
    quota(&world, &ledger, TRONDHEIM, 3, date(2026, 2, 20)).await;
    let group = approved(&world, submission(&ledger, "", 2, date(2026, 2, 20))).await;
    for person in 1..=2 {
        world.join(&ledger, person).await;
    }
    // From the 20th of February to the 2nd of March: 10 days, of two places and three.
    let standing = async |world: &World| {
        let found = list(&world.county, listing(&ledger)).await;
        let place = found.places.first().map(|place| {
            assert_eq!(place.place_group_id, group);
            (place.free_percent, place.empty_since_date, place.days_empty, place.place_days_empty)
        });
        let quota = &found.quotas[0];
        assert_eq!((found.quotas.len(), quota.municipality_number.as_str()), (1, TRONDHEIM));
        (place, (quota.free_percent, quota.empty_since_date, quota.days_empty))
    };
    let since = |month, day| Some(date(2026, month, day));
    assert_eq!(
        standing(&world).await,
        (Some((200, since(2, 20), 10, 20)), (300, since(2, 20), 10))
    );
    // What is reserved counts as empty, and is of the oldest.
    let first = begin(&world, &ledger, today()).await;
    world.allocate(&ledger, 1).await;
    assert_eq!(standing(&world).await, (None, (100, since(2, 20), 10)));
    world.service.clock.set(datetime!(2026-03-09 12:00 UTC));
    refresh(&mut world).await;
    end(&world, &ledger, first, date(2026, 3, 6)).await;
    // The lot of the 20th is reserved; free is what became empty on the 6th.
    assert_eq!(standing(&world).await, (Some((100, since(3, 6), 3, 3)), (200, since(2, 20), 17)));
    world.service.clock.advance(Duration::days(40));
    refresh(&mut world).await;
    // The proposal has lapsed by then, once something wakes the ledger.
    world.join(&ledger, 3).await;
    assert_eq!(
        standing(&world).await,
        (Some((200, since(2, 20), 57, 57 + 43)), (300, since(2, 20), 57))
    );
    world.service.verify().await;
}

#[tokio::test]
async fn part_of_a_place_and_a_pool_count_too() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let half = JoinWaitlistRequest { participation_percent: 60, ..join(&ledger, 1) };
    world.county.waitlist().join_waitlist(half).await.unwrap();
    begin(&world, &ledger, date(2026, 2, 20)).await;
    let found = list(&world.county, listing(&ledger)).await;
    let place = &found.places[0];
    let days = (MONDAY.date() - time::macros::date!(2011 - 01 - 01)).whole_days();
    let days = u32::try_from(days).unwrap();
    assert_eq!((place.free_percent, place.days_empty), (40, days));
    assert_eq!(place.place_days_empty, u64::from(days) * 40 / 100);
    // Whoever wants a whole place is not served by the rest of one.
    world.join(&ledger, 2).await;
    let accepts = VacancyBlock::NobodyAccepts;
    assert_eq!(figures(&world, &ledger).await, (vec![(40, 0, accepts)], vec![(40, 0, accepts)]));
    let pool = avklaring();
    world.budget(&pool, 2).await;
    let found = list(&world.county, listing(&pool)).await;
    let [quota] = found.quotas.as_slice() else { panic!("{found:?}") };
    assert_eq!((quota.municipality_number.as_str(), quota.free_percent), ("", 200));
    assert_eq!((quota.block(), quota.days_empty), (VacancyBlock::NoPlace, days));
    assert_eq!(found.places, []);
}

#[tokio::test]
async fn what_stands_unused_of_a_pool_hangs_on_its_placements() {
    let world = World::new().await;
    let ledger = avklaring();
    world.budget(&ledger, 2).await;
    approved(&world, submission(&ledger, "", 5, today())).await;
    for person in 1..=2 {
        world.join(&ledger, person).await;
    }
    let first = begin(&world, &ledger, date(2026, 2, 20)).await;
    begin(&world, &ledger, date(2026, 2, 20)).await;
    end(&world, &ledger, first, date(2026, 2, 27)).await;
    let found = list(&world.county, listing(&ledger)).await;
    let [quota] = found.quotas.as_slice() else { panic!("{found:?}") };
    let told = (quota.free_percent, quota.empty_since_date, quota.days_empty);
    assert_eq!(told, (100, Some(date(2026, 2, 27)), 3));
    assert_eq!(quota.block(), VacancyBlock::NobodyWaits);
    assert_eq!((found.places[0].free_percent, found.places[0].days_empty), (400, 0));
}

#[tokio::test]
async fn a_provider_is_asked_for_and_the_run_is_over_all() {
    let world = World::new().await;
    let (ledger, group) = world.vta(1).await;
    let other = SubmitCapacityRequest {
        organisation_number: OTHER_PROVIDER.into(),
        ..submission(&ledger, "", 1, today())
    };
    let other = approved(&world, other).await;
    let wants_other =
        JoinWaitlistRequest { preferred_place_group_ids: vec![other], ..join(&ledger, 1) };
    world.county.waitlist().join_waitlist(wants_other).await.unwrap();
    world.join(&ledger, 2).await;
    // The one quota place goes to the first in the queue, who wants the other provider.
    let request = ListVacanciesRequest { organisation_number: PROVIDER.into(), ..listing(&ledger) };
    let found = list(&world.county, request).await;
    let [place] = found.places.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (place.place_group_id.as_str(), place.provider_name.as_str()),
        (group.as_str(), PROVIDER)
    );
    assert_eq!((place.allocable_percent, place.block()), (0, VacancyBlock::NoQuota));
    assert_eq!(
        (found.quotas[0].allocable_percent, found.quotas[0].block()),
        (100, VacancyBlock::None)
    );
    assert_eq!(list(&world.county, listing(&ledger)).await.places.len(), 2);
}

#[tokio::test]
async fn more_who_wait_than_are_read_at_once_are_read_on() {
    let world = World::new().await;
    let (ledger, group) = world.vta(3).await;
    let other = approved(&world, submission(&ledger, "", 1, today())).await;
    let mut joins = tokio::task::JoinSet::new();
    for person in 1..=600 {
        let mut waitlist = world.county.waitlist();
        let request = JoinWaitlistRequest {
            preferred_place_group_ids: vec![group.clone()],
            ..join(&ledger, person)
        };
        joins.spawn(async move { waitlist.join_waitlist(request).await.unwrap() });
    }
    joins.join_all().await;
    // The last in the queue, far behind those who want the other group.
    let last = JoinWaitlistRequest {
        preferred_place_group_ids: vec![other.clone()],
        ..join(&ledger, 601)
    };
    world.county.waitlist().join_waitlist(last).await.unwrap();
    quota(&world, &ledger, TRONDHEIM, 3, today()).await;
    world.budget(&ledger, 9).await;
    quota(&world, &ledger, TRONDHEIM, 9, today()).await;
    let found = list(&world.county, listing(&ledger)).await;
    let of = |id: &str| found.places.iter().find(|place| place.place_group_id == id).unwrap();
    assert_eq!((of(&group).allocable_percent, of(&group).block()), (300, VacancyBlock::None));
    assert_eq!((of(&other).allocable_percent, of(&other).block()), (100, VacancyBlock::None));
    assert_eq!(
        (found.quotas[0].allocable_percent, found.quotas[0].block()),
        (400, VacancyBlock::NoPlace)
    );
}

/// Copies the one entry there is so many times, each copy behind the last.
const COPY_ENTRY: &str = "\
    INSERT INTO entry SELECT county_id, measure_code, id, id, state, municipality_number, \
    following_office_number, at, at, seq, doc || jsonb_build_object('entry_id', id, \
    'person_id', id, 'key', \
    jsonb_build_object('order_time', at, 'registered_time', at, 'join_seq', seq)) \
    FROM entry, generate_series($1::int, $2::int) AS n, \
    LATERAL (SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid AS id, \
    order_time_us + n AS at, join_seq + n AS seq) AS copy \
    WHERE entry_id = (SELECT entry_id FROM entry ORDER BY order_time_us LIMIT 1)";
const LET_COPIES_WAIT: &str = "\
    INSERT INTO waiting SELECT e.county_id, e.measure_code, e.municipality_number, \
    e.order_time_us, e.registered_time_us, e.join_seq, e.entry_id, e.municipality_number, \
    w.preferred FROM entry e CROSS JOIN (SELECT preferred FROM waiting LIMIT 1) w \
    WHERE NOT EXISTS (SELECT FROM waiting o WHERE o.entry_id = e.entry_id)";

async fn copy_entry(world: &World, copies: std::ops::RangeInclusive<i32>) {
    let mut sql = world.service.sql().await;
    let copy = sqlx::query(COPY_ENTRY).bind(copies.start()).bind(copies.end());
    copy.execute(&mut sql).await.unwrap();
    sqlx::query(LET_COPIES_WAIT).execute(&mut sql).await.unwrap();
}

#[tokio::test]
async fn of_those_who_wait_the_first_20000_are_walked() {
    let world = World::new().await;
    let (ledger, full) = world.vta(1).await;
    world.join(&ledger, 1).await;
    begin(&world, &ledger, today()).await;
    world.budget(&ledger, 3).await;
    quota(&world, &ledger, TRONDHEIM, 3, today()).await;
    approved(&world, submission(&ledger, "", 1, today())).await;
    // All want the group that is full.
    let picky = JoinWaitlistRequest { preferred_place_group_ids: vec![full], ..join(&ledger, 2) };
    world.county.waitlist().join_waitlist(picky).await.unwrap();
    let mut sql = world.service.sql().await;
    sqlx::query("DELETE FROM placement").execute(&mut sql).await.unwrap();
    sqlx::query("DELETE FROM offer").execute(&mut sql).await.unwrap();
    sqlx::query("DELETE FROM entry WHERE state = 'PLACED'").execute(&mut sql).await.unwrap();
    copy_entry(&world, 1..=19_999).await;
    let accepts = VacancyBlock::NobodyAccepts;
    let expected = (vec![(100, 0, accepts)], vec![(200, 0, accepts)]);
    assert_eq!(figures(&world, &ledger).await, expected);
    copy_entry(&world, 20_000..=20_000).await;
    let unknown = VacancyBlock::NotDetermined;
    let expected = (vec![(100, 0, unknown)], vec![(200, 0, unknown)]);
    assert_eq!(figures(&world, &ledger).await, expected);
}

#[tokio::test]
async fn vacancies_are_shown_to_their_area_and_to_no_provider() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    for role in Role::ALL {
        let found = caller(&world, role).await.allocation().list_vacancies(listing(&ledger)).await;
        match (role, found) {
            (Role::Provider, found) => assert_eq!(told(&found.unwrap_err()), denied()),
            (_, found) => assert_eq!(found.unwrap().into_inner().places.len(), 1),
        }
    }
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    assert_eq!(list(&hemne, listing(&ledger)).await.places.len(), 1);
    let stranger = world.service.caller(Role::County, OTHER_COUNTY).await;
    let refused = stranger.allocation().list_vacancies(listing(&ledger)).await.unwrap_err();
    assert_eq!(told(&refused), denied());
    let unknown = Ledger { county_id: COUNTY.into(), measure_code: "AFT".into() };
    let refused = world.county.allocation().list_vacancies(listing(&unknown)).await.unwrap_err();
    assert_eq!(told(&refused), (Code::NotFound, "LEDGER_NOT_FOUND".to_owned()));
    let ahead = ListVacanciesRequest { at_least_seq: 99, ..listing(&ledger) };
    let refused = world.county.allocation().list_vacancies(ahead).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unavailable, "NOT_YET_AT_SEQ".to_owned()));
}

/// Heavy reads beyond their queue are refused, and none of them keeps another read from its
/// own.
#[tokio::test]
async fn heavy_reads_beyond_the_queue_are_refused_and_others_go_on() {
    const ASKED: usize = 50;
    const ANSWERED: usize = 2 + 32;
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    world.join(&ledger, 1).await;
    let mut sql = world.service.sql().await;
    // Nobody can see who waits, so each keeps its place.
    let held = "BEGIN; LOCK TABLE waiting IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(held).execute(&mut sql).await.unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..ASKED {
        let request = ListVacanciesRequest { ledger: Some(ledger.clone()), ..Default::default() };
        // Each of another caller: one alone has no such share.
        let token = world.service.token(Role::County, COUNTY, &format!("county-{number}"));
        let caller = Caller { channel: world.county.channel.clone(), bearer: Bearer::new(&token) };
        let (mut client, tell) = (caller.allocation(), tell.clone());
        tokio::spawn(async move { tell.send(client.list_vacancies(request).await.map(drop)) });
    }
    for _ in ANSWERED..ASKED {
        let refused = told.recv().await.unwrap().unwrap_err();
        assert_eq!(reason(&refused), "OVERLOADED", "{refused:?}");
    }
    let areas = world.county.registry().list_areas(ListAreasRequest::default()).await;
    assert!(!areas.unwrap().into_inner().areas.is_empty());
    sqlx::raw_sql("ROLLBACK").execute(&mut sql).await.unwrap();
    for _ in 0..ANSWERED {
        told.recv().await.unwrap().unwrap();
    }
}

/// One caller with many threads has a place and a few that wait; another's heavy read is answered
/// meanwhile.
#[tokio::test]
async fn one_caller_has_a_share_of_heavy_reads() {
    const ASKED: usize = 40;
    const OWN: usize = 1 + 4;
    let world = World::new().await;
    let (ledger, _) = world.vta(2).await;
    world.join(&ledger, 1).await;
    let mut sql = world.service.sql().await;
    let held = "BEGIN; LOCK TABLE waiting IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(held).execute(&mut sql).await.unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..ASKED {
        let request = ListVacanciesRequest { ledger: Some(ledger.clone()), ..Default::default() };
        let (mut client, tell) = (world.county.allocation(), tell.clone());
        tokio::spawn(async move { tell.send(client.list_vacancies(request).await.map(drop)) });
    }
    for _ in OWN..ASKED {
        let refused = told.recv().await.unwrap().unwrap_err();
        let reason_told = (refused.code(), reason(&refused));
        assert_eq!(reason_told, (Code::ResourceExhausted, "RATE_LIMITED".to_owned()));
    }
    // Work is a heavy read too, and looks at nothing that is locked here.
    let work = ListMyWorkRequest { county_id: COUNTY.into(), ..Default::default() };
    world.office.waitlist().list_my_work(work).await.unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut sql).await.unwrap();
    for _ in 0..OWN {
        told.recv().await.unwrap().unwrap();
    }
}
