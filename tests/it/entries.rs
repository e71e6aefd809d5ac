//! The life of an entry through the port: what the person wants, pauses, manual moves, and
//! joins with all they may say.

use prost::Message;
use sqlx::{PgConnection, Row};
use tiltaksplass::{domain::access::Role, proto::v1::*};
use time::{Duration, macros::datetime};
use tonic::{Code, Status};

use crate::{
    support::{Caller, reason, request_id},
    world::{HEMNE, HEMNE_OFFICE, OFFICE, OTHER_COUNTY, TRONDHEIM, World, date, identity, join},
};

mod joining;
mod together;

/// What nobody may find in the clear.
const CONFIDED: &str = "fortrolig: sykehusopphold";

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

fn update(ledger: &Ledger, entry_id: &str, paths: &[&str]) -> UpdateWaitlistEntryRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    UpdateWaitlistEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        update_mask: Some(prost_types::FieldMask { paths }),
        ..UpdateWaitlistEntryRequest::default()
    }
}

fn pause(ledger: &Ledger, entry_id: &str) -> PauseEntryRequest {
    PauseEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        reason: CONFIDED.into(),
        ..PauseEntryRequest::default()
    }
}

fn resume(ledger: &Ledger, entry_id: &str) -> ResumeEntryRequest {
    ResumeEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        ..ResumeEntryRequest::default()
    }
}

fn still_wanted(ledger: &Ledger, entry_id: &str) -> ConfirmEntryRequest {
    ConfirmEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        ..ConfirmEntryRequest::default()
    }
}

fn prioritize(ledger: &Ledger, entry_id: &str, bonus_days: u32) -> PrioritizeEntryRequest {
    PrioritizeEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        bonus_days,
        reason: OutOfTurnReason::Health.into(),
        reason_text: CONFIDED.into(),
        ..PrioritizeEntryRequest::default()
    }
}

async fn paused(caller: &Caller, request: PauseEntryRequest) -> PauseEntryResponse {
    caller.waitlist().pause_entry(request).await.unwrap().into_inner()
}

/// How far a ledger has come.
async fn seq(sql: &mut PgConnection, ledger: &Ledger) -> i64 {
    sqlx::query_scalar("SELECT seq FROM ledger WHERE county_id = $1 AND measure_code = $2")
        .bind(&ledger.county_id)
        .bind(&ledger.measure_code)
        .fetch_one(sql)
        .await
        .unwrap()
}

/// Every log row's payload and every entry, as they are stored.
async fn stored(sql: &mut PgConnection) -> String {
    let payloads = "SELECT convert_from(payload, 'UTF8') FROM ledger_log";
    let payloads: Vec<String> = sqlx::query_scalar(payloads).fetch_all(&mut *sql).await.unwrap();
    let entries = "SELECT doc::text FROM entry";
    let entries: Vec<String> = sqlx::query_scalar(entries).fetch_all(sql).await.unwrap();
    [payloads, entries].concat().join("\n")
}

/// New tokens, since the clock has moved beyond the old ones.
async fn refresh(world: &mut World) {
    world.county = world.service.caller(Role::County, &crate::world::vta().county_id).await;
    world.office = world.service.caller(Role::Office, OFFICE).await;
}

/// The two reasons of this test's story, as ciphertext, stand in the command and in its event.
async fn reasons_are_sealed(sql: &mut PgConnection) {
    let sealed = sqlx::query("SELECT convert_from(payload, 'UTF8') AS p FROM ledger_log")
        .fetch_all(sql)
        .await
        .unwrap();
    let reasons = sealed.iter().filter_map(|row| {
        let payload: serde_json::Value = serde_json::from_str(row.get("p")).unwrap();
        let command = payload["command"].as_object().unwrap().values().next().unwrap().clone();
        let event = payload["events"][0]["ENTRY_CHANGED"]["change"].clone();
        let texts = [
            (command["reason"].clone(), event["PAUSED"]["reason"].clone()),
            (command["text"].clone(), event["PRIORITIZED"]["text"].clone()),
        ];
        texts.into_iter().find(|(_, event)| event.is_string())
    });
    let reasons: Vec<_> = reasons.collect();
    assert_eq!(reasons.len(), 2);
    assert!(reasons.iter().all(|(command, event)| command == event));
}

/// A preview of each stores nothing, a retry is answered with the same bytes, and the reason is
/// nobody's to read.
#[tokio::test]
async fn each_move_is_previewed_made_once_and_told_again() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let mut sql = world.service.sql().await;
    let mut waitlist = world.county.waitlist();
    macro_rules! happens_once {
        ($call:ident, $request:expr, $state:ident) => {{
            let request = $request;
            let before = seq(&mut sql, &ledger).await;
            let mut preview = request.clone();
            preview.validate_only = true;
            let preview = waitlist.$call(preview).await.unwrap().into_inner();
            assert_eq!(seq(&mut sql, &ledger).await, before);
            let answer = waitlist.$call(request.clone()).await.unwrap().into_inner();
            assert_eq!(seq(&mut sql, &ledger).await, before + 1);
            let entry = answer.entry.clone().unwrap();
            assert_eq!(entry.state(), EntryState::$state);
            assert_eq!(preview.entry.unwrap().state(), EntryState::$state);
            let again = waitlist.$call(request).await.unwrap().into_inner();
            assert_eq!(again.encode_to_vec(), answer.encode_to_vec());
            assert_eq!(seq(&mut sql, &ledger).await, before + 1);
            entry
        }};
    }
    let key = happens_once!(confirm_entry, still_wanted(&ledger, &entry_id), Waiting);
    assert!(key.confirmed_time.is_some());
    let moved = happens_once!(prioritize_entry, prioritize(&ledger, &entry_id, 30), Waiting);
    assert_eq!(moved.registered_time, key.registered_time);
    let days = |entry: &WaitlistEntry| {
        let seconds = |time: Option<prost_types::Timestamp>| time.unwrap().seconds;
        (seconds(entry.registered_time) - seconds(entry.order_time)) / 86_400
    };
    assert_eq!((days(&key), days(&moved)), (0, 30));
    let request =
        PauseEntryRequest { until_date: Some(date(2026, 4, 1)), ..pause(&ledger, &entry_id) };
    let entry = happens_once!(pause_entry, request, Paused);
    let ends = entry.eligible_again_time.unwrap().seconds;
    assert_eq!(ends, datetime!(2026-03-31 22:00 UTC).unix_timestamp());
    // The programme is the municipality's to say.
    waitlist = world.municipal(TRONDHEIM).await.waitlist();
    let request = UpdateWaitlistEntryRequest {
        wants_by_date: Some(date(2026, 9, 1)),
        programme: "KVP".into(),
        // Not named, and so left alone.
        participation_percent: 50,
        ..update(&ledger, &entry_id, &["wants_by_date", "programme"])
    };
    let entry = happens_once!(update_waitlist_entry, request.clone(), Paused);
    assert_eq!((entry.programme.as_str(), entry.wants_by_date), ("KVP", Some(date(2026, 9, 1))));
    assert_eq!((entry.participation_percent, days(&entry)), (100, 30));
    // What changes nothing is answered with the entry all the same.
    let nothing = UpdateWaitlistEntryRequest { request_id: request_id(), ..request };
    assert_eq!(happens_once!(update_waitlist_entry, nothing, Paused), entry);
    let entry = happens_once!(resume_entry, resume(&ledger, &entry_id), Waiting);
    assert_eq!((entry.eligible_again_time, days(&entry)), (None, 30));
    assert!(!stored(&mut sql).await.contains("sykehus"));
    reasons_are_sealed(&mut sql).await;
    world.service.verify().await;
}

#[tokio::test]
async fn whose_entry_it_is_not_may_do_nothing_with_it() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let strangers = [
        (world.service.caller(Role::Office, HEMNE_OFFICE).await, is(Code::NotFound, "NOT_FOUND")),
        (
            world.service.caller(Role::County, OTHER_COUNTY).await,
            is(Code::PermissionDenied, "PERMISSION_DENIED"),
        ),
        (world.provider.clone(), is(Code::PermissionDenied, "PERMISSION_DENIED")),
    ];
    for (stranger, expected) in &strangers {
        let mut waitlist = stranger.waitlist();
        let request = update(&ledger, &entry_id, &["programme"]);
        let refusals = [
            waitlist.update_waitlist_entry(request).await.unwrap_err(),
            waitlist.pause_entry(pause(&ledger, &entry_id)).await.unwrap_err(),
            waitlist.resume_entry(resume(&ledger, &entry_id)).await.unwrap_err(),
            waitlist.confirm_entry(still_wanted(&ledger, &entry_id)).await.unwrap_err(),
        ];
        for refused in &refusals {
            assert_eq!(told(refused), *expected);
        }
    }
    // Nobody but the county moves anybody by hand.
    let own = world.office.waitlist().prioritize_entry(prioritize(&ledger, &entry_id, 1)).await;
    assert_eq!(told(&own.unwrap_err()), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    assert_eq!(world.position(&ledger, &entry_id).await.position_in_area, 1);
    world.service.verify().await;
}

#[tokio::test]
async fn whoever_pauses_with_an_offer_gives_it_to_the_next() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let (first, next) = (world.join(&ledger, 1).await, world.join(&ledger, 2).await);
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    world.confirm(&ledger, vec![offer.clone()]).await;
    world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap();
    let answer = paused(&world.office, pause(&ledger, &first)).await;
    let withdrawn = answer.withdrawn_offer.unwrap();
    assert_eq!((withdrawn.offer_id.as_str(), withdrawn.state()), (&*offer, OfferState::Withdrawn));
    let [proposal] = &answer.proposals[..] else { panic!("{:?}", answer.proposals) };
    assert_eq!(proposal.entry_id, next);
    let places = world.availability(&ledger).await;
    let (places, second) =
        (places.places.clone().unwrap(), places.second_accounts[0].usage.clone().unwrap());
    assert_eq!((places.reserved_percent, second.reserved_percent), (100, 100));
    // Neither of them stands in the queue; both are listed where they are.
    let position = world.position(&ledger, &first).await;
    assert_eq!((position.state(), position.position_in_area), (EntryState::Paused, 0));
    let summary = SummarizeQueuesRequest {
        county_id: ledger.county_id.clone(),
        measure_code: ledger.measure_code.clone(),
        ..SummarizeQueuesRequest::default()
    };
    let summary = world.county.waitlist().summarize_queues(summary).await.unwrap().into_inner();
    assert_eq!(summary.queues[0].persons_waiting, 0);
    let list = ListWaitlistEntriesRequest {
        ledger: Some(ledger.clone()),
        state: EntryState::Paused.into(),
        ..ListWaitlistEntriesRequest::default()
    };
    let list = world.office.waitlist().list_waitlist_entries(list).await.unwrap().into_inner();
    assert_eq!(list.entries.iter().map(|e| &e.entry_id).collect::<Vec<_>>(), [&first]);
    // The turn is kept: before the next when both wait again.
    world.county.waitlist().resume_entry(resume(&ledger, &first)).await.unwrap();
    assert_eq!(world.position(&ledger, &first).await.position_in_area, 1);
    world.service.verify().await;
}

/// A pause ends at midnight in Norway, by the worker alone; one who was away for a week finds
/// all that ended meanwhile.
#[tokio::test]
async fn a_pause_ends_at_midnight_in_norway() {
    let mut world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let [first, second] = [world.join(&ledger, 1).await, world.join(&ledger, 2).await];
    let until = |entry_id: &str, day| PauseEntryRequest {
        until_date: Some(date(2026, 3, day)),
        ..pause(&ledger, entry_id)
    };
    paused(&world.office, until(&first, 10)).await;
    paused(&world.office, until(&second, 12)).await;
    world.service.clock.set(datetime!(2026-03-09 22:59:59.999 UTC));
    refresh(&mut world).await;
    // Something is done, so that what is due takes effect.
    world.join(&ledger, 3).await;
    assert_eq!(world.position(&ledger, &first).await.state(), EntryState::Paused);
    world.service.clock.set(datetime!(2026-03-09 23:00 UTC));
    refresh(&mut world).await;
    world.join(&ledger, 4).await;
    let position = world.position(&ledger, &first).await;
    assert_eq!((position.state(), position.position_in_area), (EntryState::Waiting, 1));
    assert_eq!(world.position(&ledger, &second).await.state(), EntryState::Paused);
    world.service.stop().await;
    world.service.clock.advance(Duration::days(7));
    world.service.restart().await;
    refresh(&mut world).await;
    for _ in 0..100 {
        if world.position(&ledger, &second).await.state() == EntryState::Waiting {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let position = world.position(&ledger, &second).await;
    assert_eq!((position.state(), position.position_in_area), (EntryState::Waiting, 2));
    world.service.verify().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_name() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    let fields = |status: Status| {
        use tonic_types::StatusExt;
        assert_eq!(told(&status), is(Code::InvalidArgument, "INVALID_FIELDS"), "{status:?}");
        let bad = status.get_details_bad_request().unwrap().field_violations;
        bad.into_iter().map(|violation| violation.field).collect::<Vec<_>>()
    };
    let with = |paths: &[&str]| update(&ledger, &entry_id, paths);
    let both = with(&["priority_class"]);
    for (request, field) in [
        (UpdateWaitlistEntryRequest { update_mask: None, ..both.clone() }, "update_mask"),
        (with(&[]), "update_mask"),
        (with(&["entry_id"]), "update_mask"),
        (with(&["programme", "state"]), "update_mask"),
        (with(&["participation_percent"]), "participation_percent"),
        (
            UpdateWaitlistEntryRequest { participation_percent: 101, ..both.clone() },
            "participation_percent",
        ),
        (with(&["following_office_number"]), "following_office_number"),
        (
            UpdateWaitlistEntryRequest { programme: "kvp".into(), ..with(&["programme"]) },
            "programme",
        ),
        (
            UpdateWaitlistEntryRequest { programme: identity(1), ..with(&["programme"]) },
            "programme",
        ),
        (
            UpdateWaitlistEntryRequest { priority_class: "FIRST".into(), ..both.clone() },
            "priority_ground",
        ),
        (
            UpdateWaitlistEntryRequest { priority_ground: "haster".into(), ..both.clone() },
            "priority_ground",
        ),
    ] {
        let refused = world.office.waitlist().update_waitlist_entry(request).await.unwrap_err();
        assert_eq!(fields(refused), [field]);
    }
    for (request, field) in [
        (prioritize(&ledger, &entry_id, 3_651), "bonus_days"),
        (PrioritizeEntryRequest { reason: 0, ..prioritize(&ledger, &entry_id, 1) }, "reason"),
        (
            PrioritizeEntryRequest {
                reason_text: String::new(),
                ..prioritize(&ledger, &entry_id, 1)
            },
            "reason_text",
        ),
    ] {
        let refused = world.county.waitlist().prioritize_entry(request).await.unwrap_err();
        assert_eq!(fields(refused), [field]);
    }
    world.service.verify().await;
}

#[tokio::test]
async fn what_the_day_or_the_state_does_not_allow_is_refused() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let entry_id = world.join(&ledger, 1).await;
    for day in [2, 1] {
        let until_date = Some(date(2026, 3, day));
        let request = PauseEntryRequest { until_date, ..pause(&ledger, &entry_id) };
        let refused = world.office.waitlist().pause_entry(request).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE"));
    }
    let refused = world.office.waitlist().resume_entry(resume(&ledger, &entry_id)).await;
    assert_eq!(told(&refused.unwrap_err()), is(Code::FailedPrecondition, "WRONG_STATE"));
    // With a place held, what a place depends on stands still.
    world.allocate(&ledger, 1).await;
    let request = UpdateWaitlistEntryRequest {
        work_fields: vec!["Gartneri".into()],
        ..update(&ledger, &entry_id, &["work_fields"])
    };
    let refused = world.office.waitlist().update_waitlist_entry(request).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "WRONG_STATE"));
    let request = UpdateWaitlistEntryRequest {
        following_office_number: HEMNE_OFFICE.into(),
        ..update(&ledger, &entry_id, &["following_office_number"])
    };
    let answer = world.office.waitlist().update_waitlist_entry(request).await.unwrap();
    assert_eq!(answer.into_inner().entry.unwrap().following_office_number, HEMNE_OFFICE);
    world.service.verify().await;
}

/// The ground is changed with the class; who the case worker is and the need group, which are
/// sealed with it, stay.
#[tokio::test]
async fn a_new_class_brings_a_new_ground_and_keeps_the_rest() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let request = JoinWaitlistRequest {
        priority_class: "FIRST".into(),
        priority_ground: "haster".into(),
        adviser_ident: "Z990001".into(),
        need_group: NeedGroup::WorkInPart.into(),
        ..join(&ledger, 1)
    };
    let joined = world.office.waitlist().join_waitlist(request).await.unwrap().into_inner();
    let entry_id = joined.entry_id;
    let change = async |class: &str, ground: &str| {
        let request = UpdateWaitlistEntryRequest {
            priority_class: class.into(),
            priority_ground: ground.into(),
            ..update(&ledger, &entry_id, &["priority_class"])
        };
        let answer = world.office.waitlist().update_waitlist_entry(request).await.unwrap();
        let request = GetWaitlistEntryRequest {
            ledger: Some(ledger.clone()),
            entry_id: entry_id.clone(),
            with_person: true,
            purpose: "vedtak".into(),
            at_least_seq: 0,
        };
        let person = world.office.waitlist().get_waitlist_entry(request).await.unwrap();
        (answer.into_inner().entry.unwrap(), person.into_inner().person.unwrap())
    };
    let mut sql = world.service.sql().await;
    let before = seq(&mut sql, &ledger).await;
    for (class, ground) in [("FIRST", "haster"), ("FIRST", CONFIDED), ("", ""), ("FIRST", "igjen")]
    {
        let (entry, person) = change(class, ground).await;
        assert_eq!(
            (entry.priority_class.as_str(), person.priority_ground.as_str()),
            (class, ground)
        );
        assert_eq!(person.adviser_ident, "Z990001");
        assert_eq!(person.need_group(), NeedGroup::WorkInPart);
        let bonus = entry.registered_time != entry.order_time;
        assert_eq!(bonus, !class.is_empty());
    }
    assert_eq!(seq(&mut sql, &ledger).await, before + 4);
    // The first of them said what was there already.
    let changed: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM ledger_log \
         WHERE kind = 'UPDATE_WAITLIST_ENTRY' AND convert_from(payload, 'UTF8') LIKE '%\"NOTHING_TO_DO\"%'",
    )
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert_eq!(changed, 1);
    let stored = stored(&mut sql).await;
    for needle in ["sykehus", "haster", "igjen", "Z990001", "WORK_IN_PART"] {
        assert!(!stored.contains(needle), "{needle}");
    }
    world.service.verify().await;
}
