//! `ReviewAccesses`: a sample that can be drawn again, and what four rules find.

use time::Duration;

use super::*;
use crate::world::date;

fn review() -> ReviewAccessesRequest {
    ReviewAccessesRequest {
        from_date: Some(date(2026, 3, 1)),
        until_date: Some(date(2026, 4, 1)),
        purpose: "stikkprøve".into(),
        ..ReviewAccessesRequest::default()
    }
}

async fn reviewed(caller: &Caller, request: ReviewAccessesRequest) -> ReviewAccessesResponse {
    caller.audit().review_accesses(request).await.unwrap().into_inner()
}

fn finding(told: &ReviewAccessesResponse, rule: AccessRule) -> &AccessFinding {
    told.findings.iter().find(|one| one.rule() == rule).unwrap()
}

/// Six people at whom the county looks one by one, a minute after each other, the third time
/// without saying why; and one list.
async fn scene() -> (World, Ledger) {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    for person in 1..=6 {
        let entry_id = world.join(&ledger, person).await;
        let said: &[(&'static str, &str)] = if person == 3 { &[] } else { &[("x-purpose", "v")] };
        let county = world.county.saying(said);
        county.waitlist().get_position(position(&ledger, &entry_id)).await.unwrap();
        world.service.clock.advance(Duration::minutes(1));
    }
    let list = ListWaitlistEntriesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    world.county.waitlist().list_waitlist_entries(list).await.unwrap();
    (world, ledger)
}

#[tokio::test]
async fn the_rules_find_what_they_say() {
    let (world, _) = scene().await;
    let auditor = auditor(&world).await;
    let told = reviewed(&auditor, ReviewAccessesRequest { many_in_an_hour: 5, ..review() }).await;
    assert_eq!((told.looked_at, told.is_cut, told.findings.len()), (7, false, 4));
    let silent = finding(&told, AccessRule::WithoutACase);
    assert_eq!((silent.count, silent.not_judged, silent.accesses.len()), (1, 0, 1));
    let many = finding(&told, AccessRule::ManyInAnHour);
    assert_eq!((many.count, many.not_judged), (6, 1), "a page of a list is no look at one");
    assert!(many.accesses.iter().all(|one| one.subject == "county-1"));
    // We keep no names, and so far nobody's rights rest on a record.
    let surnames = finding(&told, AccessRule::SameSurname);
    assert_eq!((surnames.count, surnames.not_judged), (0, 7));
    let old = finding(&told, AccessRule::OldRights);
    assert_eq!((old.count, old.not_judged), (0, 0));
    // Six are not more than six; and the reviewer's own look is now one of them.
    let told = reviewed(&auditor, ReviewAccessesRequest { many_in_an_hour: 6, ..review() }).await;
    assert_eq!((told.looked_at, finding(&told, AccessRule::ManyInAnHour).count), (8, 0));
    world.service.verify().await;
}

#[tokio::test]
async fn a_sample_is_drawn_again_by_its_seed() {
    let (world, _) = scene().await;
    // A county's own review stands beside the registry's, and so is in no county's sample.
    let draw = async |seed: &str| {
        let request = ReviewAccessesRequest { seed: seed.into(), sample_size: 3, ..review() };
        reviewed(&world.county, request).await
    };
    let first = draw("").await;
    assert_eq!(first.sample.len(), 3);
    assert!(uuid::Uuid::try_parse(&first.seed).is_ok());
    let again = draw(&first.seed).await;
    assert_eq!((&again.sample, &again.seed), (&first.sample, &first.seed));
    let mut others = Vec::new();
    for seed in ["a", "b", "c", "d", "e", "f"] {
        others.push(draw(seed).await.sample);
    }
    assert!(others.iter().any(|other| *other != first.sample));
    let names = |one: &AccessRecord| one.subject.is_empty() && one.issuer.is_empty();
    assert!(first.sample.iter().all(names), "a county is told no names");
}

#[tokio::test]
async fn a_period_and_an_area_bound_what_is_looked_at() {
    let (world, _) = scene().await;
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    assert_eq!(reviewed(&other, review()).await.looked_at, 0);
    let foreign = ReviewAccessesRequest { county_id: COUNTY.into(), ..review() };
    let refused = other.audit().review_accesses(foreign.clone()).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    let auditor = auditor(&world).await;
    assert_eq!(reviewed(&auditor, foreign).await.looked_at, 7);
    // The two reviews so far and the refused one are written down.
    assert_eq!(reviewed(&auditor, review()).await.looked_at, 7 + 3);
    let later = ReviewAccessesRequest { from_date: Some(date(2026, 3, 3)), ..review() };
    assert_eq!(reviewed(&auditor, later).await.looked_at, 0);
    for until in [date(2026, 3, 1), date(2026, 4, 2)] {
        let request = ReviewAccessesRequest { until_date: Some(until), ..review() };
        let refused = auditor.audit().review_accesses(request).await.unwrap_err();
        assert!(refused.message().contains("1 to 31 days"), "{}", refused.message());
    }
    let mut sql = world.service.sql().await;
    let shown: Vec<i32> = sqlx::query_scalar(
        "SELECT cardinality(entry_ids) FROM access_log WHERE method = 'ReviewAccesses' \
         ORDER BY access_id",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(shown, [0, 0, 6, 6, 0], "whose accesses were shown is written down");
}

/// More than are looked at: the later ones are left out, and the answer says so.
#[tokio::test]
async fn a_review_of_too_much_is_cut_and_says_so() {
    let (world, _) = scene().await;
    let mut sql = world.service.sql().await;
    let rows = "INSERT INTO access_log (county_id, access_id, at, issuer, subject, role, \
                organisation, employer, method, measure_code, purpose, entry_ids, person_ids, \
                permitted) SELECT 'NO-17', ('01980000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, \
                '2026-03-20T09:00:00Z', 'i', 's', 'county', 'NO-17', '', 'GetPosition', 'VTA', \
                'v', '{}', '{}', true FROM generate_series(1, 20000) AS n";
    sqlx::raw_sql(rows).execute(&mut sql).await.unwrap();
    let auditor = auditor(&world).await;
    let told = reviewed(&auditor, review()).await;
    assert_eq!((told.looked_at, told.is_cut), (20_000, true));
    let all = ReviewAccessesRequest { county_id: OTHER_COUNTY.into(), ..review() };
    let told = reviewed(&auditor, all).await;
    assert_eq!((told.looked_at, told.is_cut), (20_000, false));
}
