//! `ListAccesses`: a person's own, everybody's, and who may ask.

use tiltaksplass::auth::TokenRequest;
use time::Duration;

use super::*;
use crate::{
    support::request_id,
    world::{OTHER_OFFICE, PROVIDER, avklaring},
};

/// Somebody who waits in two areas, and looks at the person and at another one, each a minute
/// after the last.
struct Scene {
    world: World,
    ledger: Ledger,
    entry_id: String,
    elsewhere: String,
    other: String,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let other = world.join(&ledger, 2).await;
    let there = Ledger { county_id: OTHER_COUNTY.into(), ..avklaring() };
    let elsewhere = world.join(&there, 1).await;
    let levanger = world.service.caller(Role::Office, OTHER_OFFICE).await;
    let clock = &world.service.clock;
    let minute = || clock.advance(Duration::minutes(1));
    let request = LookupPersonRequest { purpose: "vedtak".into(), ..lookup(1) };
    world.office.waitlist().lookup_person(request).await.unwrap();
    minute();
    levanger.waitlist().get_position(position(&there, &elsewhere)).await.unwrap();
    minute();
    world.county.waitlist().get_position(position(&ledger, &other)).await.unwrap();
    minute();
    let list = ListWaitlistEntriesRequest { ledger: Some(ledger.clone()), ..Default::default() };
    world.county.waitlist().list_waitlist_entries(list).await.unwrap();
    minute();
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    hemne.waitlist().get_position(position(&ledger, &entry_id)).await.unwrap_err();
    minute();
    Scene { world, ledger, entry_id, elsewhere, other }
}

/// All of one person's, in both areas and beside the registry's, the latest first: the refused
/// one too, and none of another person's.
const OF_PERSON_1: [(&str, &str); 4] = [
    ("GetPosition", HEMNE_OFFICE),
    ("ListWaitlistEntries", COUNTY),
    ("GetPosition", OTHER_OFFICE),
    ("LookupPerson", OFFICE),
];

#[tokio::test]
async fn a_person_is_told_of_every_look_in_every_area() {
    let Scene { world, ledger, entry_id, elsewhere, other } = scene().await;
    let told = listed(&world.office, of_number(1)).await;
    assert_eq!(who(&told), OF_PERSON_1);
    let permitted: Vec<bool> = told.iter().map(|one| one.permitted).collect();
    assert_eq!(permitted, [false, true, true, true]);
    assert_eq!((told[3].purpose.as_str(), told[3].employer.as_str()), ("vedtak", "STATE"));
    assert_eq!((&told[3].ledger, &told[1].ledger), (&None, &Some(ledger.clone())));
    // Of the page of a list, the person's own entry alone.
    assert_eq!((&told[1].entry_ids, told[1].entry_count), (&vec![entry_id.clone()], 2));
    assert_eq!(told[2].entry_ids, vec![elsewhere]);
    assert!(!format!("{told:?}").contains(&other));
    // Who it was is for auditors.
    for one in &told {
        let hidden = [&one.issuer, &one.subject, &one.name, &one.client, &one.cef];
        assert_eq!(hidden, [""; 5]);
    }
    // By entry as by number, for county as for office; each look into the log is one more.
    let by_entry = listed(&world.county, of_entry(&ledger, &entry_id)).await;
    assert_eq!(who(&by_entry)[..1], [("ListAccesses", OFFICE)]);
    assert_eq!(who(&by_entry)[1..], OF_PERSON_1);
    let again = listed(&world.office, of_number(1)).await;
    assert_eq!(who(&again)[..2], [("ListAccesses", COUNTY), ("ListAccesses", OFFICE)]);
    world.service.verify().await;
}

#[tokio::test]
async fn who_does_not_see_the_person_is_told_nothing_and_that_is_written_down() {
    let Scene { world, ledger, entry_id, .. } = scene().await;
    let hemne = world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let mut sql = world.service.sql().await;
    sqlx::raw_sql("DELETE FROM access_log").execute(&mut sql).await.unwrap();
    let refused = hemne.audit().list_accesses(of_entry(&ledger, &entry_id)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
    // Unseen and unknown answer alike.
    assert_eq!(listed(&hemne, of_number(1)).await, []);
    assert_eq!(listed(&hemne, of_number(99)).await, []);
    let refused = hemne.audit().list_accesses(of_everybody()).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::InvalidArgument, "INVALID_FIELDS"));
    assert!(refused.message().starts_with("person"), "{}", refused.message());
    for request in [
        ListAccessesRequest { subject: "office-1".into(), ..of_number(1) },
        ListAccessesRequest { with_cef: true, ..of_number(1) },
    ] {
        let refused = world.county.audit().list_accesses(request).await.unwrap_err();
        assert!(refused.message().ends_with("is for auditors"), "{}", refused.message());
    }
    assert_eq!(column(&mut sql, "permitted").await, ["false"; 3]);
    let people: Vec<i32> =
        sqlx::query_scalar("SELECT cardinality(person_ids) FROM access_log ORDER BY access_id")
            .fetch_all(&mut sql)
            .await
            .unwrap();
    assert_eq!(people, [0, 1, 0], "somebody who is known is named in the record");
}

#[tokio::test]
async fn without_a_person_a_county_sees_its_area_and_an_auditor_all() {
    let Scene { world, ledger, .. } = scene().await;
    let own = listed(&world.county, of_everybody()).await;
    let in_area =
        [("GetPosition", HEMNE_OFFICE), ("ListWaitlistEntries", COUNTY), ("GetPosition", COUNTY)];
    assert_eq!(who(&own), in_area);
    assert!(own.iter().all(|one| one.ledger == Some(ledger.clone()) && one.subject.is_empty()));
    let auditor = auditor(&world).await;
    let all = listed(&auditor, of_everybody()).await;
    assert_eq!(all.len(), 6, "{:?}", who(&all));
    assert_eq!(all[0].method, "ListAccesses");
    assert_eq!(
        (all[1].subject.as_str(), all[1].issuer.as_str()),
        ("office-1", "tiltaksplass-local")
    );
    // By unit, by actor, by time.
    let unit = ListAccessesRequest { organisation: OFFICE.into(), ..of_everybody() };
    assert_eq!(who(&listed(&auditor, unit).await), [("LookupPerson", OFFICE)]);
    let actor = ListAccessesRequest { subject: "county-1".into(), ..of_everybody() };
    let by_county = listed(&auditor, actor).await;
    assert!(by_county.len() == 3 && by_county.iter().all(|one| one.subject == "county-1"));
    let (from, until) = (all[4].access_time, all[2].access_time);
    let period = ListAccessesRequest { from_time: from, until_time: until, ..of_everybody() };
    let within = listed(&auditor, period).await;
    assert_eq!(who(&within), [("GetPosition", COUNTY), ("GetPosition", OTHER_OFFICE)]);
    let backwards = ListAccessesRequest { from_time: until, until_time: from, ..of_everybody() };
    let refused = auditor.audit().list_accesses(backwards).await.unwrap_err();
    assert!(refused.message().starts_with("until_time"), "{}", refused.message());
}

#[tokio::test]
async fn pages_follow_each_other_to_the_first_access() {
    let Scene { world, .. } = scene().await;
    let mut request = ListAccessesRequest { page_size: 1, ..of_number(1) };
    let mut found = Vec::new();
    loop {
        let page = world.office.audit().list_accesses(request.clone()).await.unwrap().into_inner();
        assert_eq!(page.accesses.len(), 1);
        found.extend(page.accesses);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(who(&found), OF_PERSON_1, "what is written down meanwhile is on no later page");
}

#[tokio::test]
async fn lines_for_a_collector_name_the_person_as_the_auditor_did() {
    let Scene { world, ledger, entry_id, .. } = scene().await;
    let request = TokenRequest {
        name: Some("Kari Nordmann".into()),
        ..TokenRequest::new("Z99=1", Role::County, COUNTY, Duration::hours(1))
    };
    let kari = world
        .service
        .caller_with(&request)
        .await
        .saying(&[("x-call-id", "kall-1"), ("x-purpose", "a|b=c")]);
    kari.waitlist().get_position(position(&ledger, &entry_id)).await.unwrap();
    let auditor = auditor(&world).await;
    let with_cef = |request| ListAccessesRequest { with_cef: true, ..request };
    let by_entry = listed(&auditor, with_cef(of_entry(&ledger, &entry_id))).await;
    assert_eq!(
        (by_entry[0].name.as_str(), by_entry[0].subject.as_str()),
        ("Kari Nordmann", "Z99=1")
    );
    let mut sql = world.service.sql().await;
    let person: String =
        sqlx::query_scalar("SELECT person_id::text FROM entry WHERE entry_id::text = $1")
            .bind(&entry_id)
            .fetch_one(&mut sql)
            .await
            .unwrap();
    let line = |duid: &str| {
        format!(
            "CEF:0|tiltaksplass|AuditLogger|1.0|audit:access|GetPosition: a\\|b=c|INFO|\
             suid=Z99\\=1 duid={duid} end=1772442300000 sproc=kall-1 \
             flexString1Label=Decision flexString1=Permit"
        )
    };
    assert_eq!(by_entry[0].cef, line(&person));
    let refused = &by_entry[1].cef;
    assert!(refused.contains("|WARN|") && refused.ends_with("flexString1=Deny"), "{refused}");
    assert!(by_entry.iter().all(|one| !one.cef.contains(&identity(1))));
    // Who asked by the number knows it.
    let by_number = listed(&auditor, with_cef(of_number(1))).await;
    assert_eq!(by_number[1].cef, line(&identity(1)));
    // Of everybody's, a row about one person names that one, and a page of a list counts.
    let all = listed(&auditor, with_cef(of_everybody())).await;
    let of = |method: &str| &all.iter().find(|one| one.method == method).unwrap().cef;
    assert!(of("GetPosition").contains(&format!(" duid={person} ")), "{}", of("GetPosition"));
    assert!(of("ListWaitlistEntries").contains(" cnt=2 "), "{}", of("ListWaitlistEntries"));
    let plain = listed(&auditor, of_everybody()).await;
    assert!(plain.iter().all(|one| one.cef.is_empty()));
}

/// A provider's look adds its organisation number.
#[tokio::test]
async fn a_providers_line_has_its_number() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    world.join(&ledger, 1).await;
    let run = world.allocate(&ledger, 1).await;
    world.confirm(&ledger, vec![run.proposals[0].offer_id.clone()]).await;
    let offers = ListOffersRequest { ledger: Some(ledger), ..ListOffersRequest::default() };
    world.provider.allocation().list_offers(offers).await.unwrap();
    let request = ListAccessesRequest { with_cef: true, ..of_number(1) };
    let told = listed(&auditor(&world).await, request).await;
    let line = &told.iter().find(|one| one.method == "ListOffers").unwrap().cef;
    assert!(line.ends_with(&format!(" cn1={PROVIDER}")), "{line}");
}

/// Somebody who moves away keeps what was written down where they were.
#[tokio::test]
async fn what_was_looked_at_before_a_transfer_is_told_after_it() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let there = Ledger { county_id: OTHER_COUNTY.into(), ..ledger.clone() };
    let entry_id = world.join(&ledger, 1).await;
    world.county.waitlist().get_position(position(&ledger, &entry_id)).await.unwrap();
    let leave = LeaveWaitlistRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.clone(),
        reason: LeaveReason::Moved.into(),
        ..LeaveWaitlistRequest::default()
    };
    world.county.waitlist().leave_waitlist(leave).await.unwrap();
    let joined = world.join(&there, 1).await;
    assert_ne!(joined, entry_id);
    let levanger = world.service.caller(Role::Office, OTHER_OFFICE).await;
    assert_eq!(who(&listed(&levanger, of_number(1)).await), [("GetPosition", COUNTY)]);
}
