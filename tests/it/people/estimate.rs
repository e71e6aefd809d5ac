//! `EstimateWait`, over the port: a queue with a history and one without, who does not wait,
//! somebody new, and who may ask.

use time::Duration;

use super::*;
use crate::world::avklaring;

type Asked = Result<EstimateWaitResponse, Status>;

async fn asked(
    caller: &Caller,
    ledger: &Ledger,
    who: estimate_wait_request::Who,
    language: &str,
) -> Asked {
    let request = EstimateWaitRequest {
        ledger: Some(ledger.clone()),
        who: Some(who),
        language_code: language.into(),
        ..EstimateWaitRequest::default()
    };
    Ok(caller.waitlist().estimate_wait(request).await?.into_inner())
}

async fn of_entry(caller: &Caller, ledger: &Ledger, entry_id: &str) -> Asked {
    asked(caller, ledger, estimate_wait_request::Who::EntryId(entry_id.into()), "").await
}

async fn of_new(caller: &Caller, ledger: &Ledger, municipality: &str, class: &str) -> Asked {
    let new = PositionOfNew {
        municipality_number: municipality.into(),
        priority_class: class.into(),
        ..PositionOfNew::default()
    };
    asked(caller, ledger, estimate_wait_request::Who::PositionOfNew(new), "").await
}

/// Gives the next in the queue a place, which begins today.
async fn serve(world: &World, ledger: &Ledger) -> String {
    let offer = world.allocate(ledger, 1).await.proposals.remove(0);
    world.confirm(ledger, vec![offer.offer_id.clone()]).await;
    world.respond(ledger, &offer.offer_id, OfferAnswer::Accept).await.unwrap();
    let today = world.service.app.clock.now().date_in_norway();
    let (month, day) = (u8::from(today.month()).into(), today.day().into());
    world.start(ledger, &offer.offer_id, crate::world::date(today.year(), month, day)).await;
    offer.entry_id
}

/// Four wait from the first day. In each of nine months one of them gets a place, two come,
/// and from the second on one of those who came the month before leaves.
async fn nine_months() -> (World, Ledger, Vec<String>) {
    let (mut world, ledger, _) = two_municipalities([20, 5]).await;
    let mut queue = Vec::new();
    for person in 1..=4 {
        queue.push(world.join(&ledger, person).await);
    }
    let mut person = 4;
    for month in 1..=9 {
        later(&mut world, Duration::days(30)).await;
        let served = serve(&world, &ledger).await;
        assert_eq!(served, queue.remove(0));
        if month > 1 {
            let gone = queue.len() - 1;
            left(&world.office, &ledger, &queue.remove(gone)).await;
        }
        for _ in 0..2 {
            person += 1;
            queue.push(world.join(&ledger, person).await);
        }
    }
    (world, ledger, queue)
}

#[tokio::test]
async fn a_queue_with_a_history_has_a_band_and_says_what_it_is_from() {
    let (world, ledger, queue) = nine_months().await;
    // Another municipality's queue is another's.
    let elsewhere = join_hemne(&world, &ledger, 90).await;
    let told = of_entry(&world.office, &ledger, queue.last().unwrap()).await.unwrap();
    assert_eq!(told.state(), EntryState::Waiting);
    assert_eq!(told.position, u64::try_from(queue.len()).unwrap());
    let position = world.position(&ledger, queue.last().unwrap()).await;
    assert_eq!(told.position, position.position_in_municipality);
    assert_eq!(told.revisions, position.revisions);
    let evidence = told.evidence.clone().unwrap();
    assert_eq!((evidence.starts, evidence.departures), (9, 8));
    assert_eq!((evidence.window_days, evidence.entries_left_out), (270, 0));
    assert!(!evidence.is_shortened);
    // Four to start with, one more each month: between four and thirteen at a time.
    assert!((270 * 4..270 * 14).contains(&evidence.waiting_days), "{evidence:?}");
    let band = told.estimate.unwrap();
    assert!(!band.lower_only);
    assert!(0 < band.p10_days && band.p10_days < band.p50_days, "{band:?}");
    assert!(band.p50_days < band.p90_days, "{band:?}");
    // One a month is served and nearly one a month leaves: less than a month for each before.
    assert!((60..30 * 13).contains(&band.p50_days), "{band:?}");
    // The first four joined before anybody began.
    let coverage = told.coverage.clone().unwrap();
    assert_eq!((coverage.measured, coverage.without_band), (5, 4));
    assert!(coverage.covered <= 5);
    assert!(told.summary.starts_with("Ventetiden er trolig mellom "), "{}", told.summary);
    let codes: Vec<&str> = told.texts.iter().map(|text| text.language_code.as_str()).collect();
    assert_eq!(codes, ["nb", "nn", "en"]);
    let text = told.texts[0].paragraphs.join(" ");
    for sentence in [
        told.summary.as_str(),
        "I den tiden fikk 9 fra køen plass.",
        "I samme tid forlot 8 køen uten plass.",
        &format!("Av 5 slike anslag som er målt, traff {}.", coverage.covered),
    ] {
        assert!(text.contains(sentence), "no {sentence:?} in {text}");
    }
    // Who stands first waits less long, and the same question has the same answer.
    let first = of_entry(&world.office, &ledger, &queue[0]).await.unwrap();
    let first_band = first.estimate.unwrap();
    assert!(first_band.p90_days < band.p90_days, "{first_band:?}");
    assert_eq!(first.evidence, told.evidence);
    assert_eq!(of_entry(&world.office, &ledger, &queue[0]).await.unwrap(), first);
    // In the other queue nobody has begun.
    let other = of_entry(&world.county, &ledger, &elsewhere).await.unwrap();
    assert_eq!((other.position, other.evidence.unwrap().starts), (1, 0));
    assert!(other.estimate.unwrap().lower_only);
}

#[tokio::test]
async fn a_queue_without_a_history_is_told_the_lower_end_and_why() {
    let (mut world, ledger, _) = two_municipalities([0, 1]).await;
    let entry_id = world.join(&ledger, 1).await;
    let early = of_entry(&world.office, &ledger, &entry_id).await.unwrap();
    assert!(early.estimate.unwrap().lower_only);
    assert_eq!(early.summary, "Det er for tidlig å si hvor lang ventetiden blir.");
    later(&mut world, Duration::days(400)).await;
    let told = of_entry(&world.office, &ledger, &entry_id).await.unwrap();
    let estimate = told.estimate.unwrap();
    assert!(estimate.lower_only && estimate.p10_days > 0, "{estimate:?}");
    assert_eq!((estimate.p50_days, estimate.p90_days), (0, 0));
    assert_eq!(told.coverage, Some(WaitCoverage::default()));
    let evidence = told.evidence.unwrap();
    let figures = [evidence.starts, evidence.departures, evidence.window_days];
    assert_eq!((figures, evidence.waiting_days), ([0, 0, 400], 400));
    assert_eq!(told.summary, "Kun inntak om noen slutter.");
    let who = || estimate_wait_request::Who::EntryId(entry_id.clone());
    for (code, summary) in
        [("nn", "Berre inntak om nokon sluttar."), ("en", "Intake only if someone leaves.")]
    {
        let told = asked(&world.office, &ledger, who(), code).await.unwrap();
        assert_eq!(told.summary, summary);
    }
    let refused = asked(&world.office, &ledger, who(), "se").await.unwrap_err();
    assert_eq!(super::told(&refused), is(Code::InvalidArgument, "INVALID_FIELDS"));
}

#[tokio::test]
async fn who_does_not_wait_is_told_what_holds_instead() {
    let (world, ledger, _) = two_municipalities([2, 0]).await;
    let entry_id = world.join(&ledger, 1).await;
    let placed = serve(&world, &ledger).await;
    assert_eq!(placed, entry_id);
    let paused = world.join(&ledger, 2).await;
    let request = PauseEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: paused.clone(),
        ..PauseEntryRequest::default()
    };
    world.office.waitlist().pause_entry(request).await.unwrap();
    let gone = world.join(&ledger, 3).await;
    left(&world.office, &ledger, &gone).await;
    for (entry_id, state, summary) in [
        (paused, EntryState::Paused, "Du står ikke i køen nå, men du beholder ventetiden din."),
        (placed, EntryState::Placed, "Du har en plass."),
        (gone, EntryState::Closed, "Du står ikke på ventelisten lenger."),
    ] {
        let told = of_entry(&world.office, &ledger, &entry_id).await.unwrap();
        assert_eq!((told.state(), told.position), (state, 0));
        assert_eq!((told.estimate, told.evidence, told.coverage), (None, None, None));
        assert_eq!(told.summary, summary);
        assert_eq!(told.texts.len(), 3);
    }
}

/// The same as with the position: another's answers like nothing, and both are written down.
#[tokio::test]
async fn anothers_entry_answers_like_none_and_each_question_is_written_down() {
    let (world, ledger, _) = two_municipalities([1, 0]).await;
    let entry_id = world.join(&ledger, 1).await;
    of_entry(&world.office, &ledger, &entry_id).await.unwrap();
    let stranger = hemne(&world).await;
    let refused = of_entry(&stranger, &ledger, &entry_id).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
    let none = of_entry(&stranger, &ledger, &nothing()).await.unwrap_err();
    assert_eq!(told(&none), told(&refused));
    let auditor = world.service.caller(Role::Auditor, "Riksrevisjonen").await;
    let refused = of_entry(&auditor, &ledger, &entry_id).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    let row = |organisation: &str, entry_id: &str, permitted| Access {
        organisation: organisation.into(),
        method: "EstimateWait".into(),
        purpose: "test".into(),
        entries: vec![entry_id.into()],
        people: 0,
        permitted,
    };
    let expected = [
        row(OFFICE, &entry_id, true),
        row(HEMNE_OFFICE, &entry_id, false),
        row(HEMNE_OFFICE, &nothing(), false),
    ];
    assert_eq!(accesses(&mut world.service.sql().await).await, expected);
}

#[tokio::test]
async fn somebody_new_is_told_the_place_that_a_join_would_give() {
    let (mut world, ledger, _) = two_municipalities([1, 0]).await;
    for person in 1..=3 {
        world.join(&ledger, person).await;
    }
    later(&mut world, Duration::days(10)).await;
    let last = of_new(&world.office, &ledger, TRONDHEIM, "").await.unwrap();
    assert_eq!((last.state(), last.position), (EntryState::Unspecified, 4));
    assert!(last.texts[0].paragraphs[0].contains("blir nummer 4"), "{:?}", last.texts[0]);
    // A class's days put one ahead of those who have waited for fewer.
    let first = of_new(&world.office, &ledger, TRONDHEIM, "FIRST").await.unwrap();
    assert_eq!(first.position, 1);
    assert_eq!(of_new(&world.county, &ledger, HEMNE, "").await.unwrap().position, 1);
    let refused = of_new(&world.office, &ledger, HEMNE, "").await.unwrap_err();
    assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    let refused = of_new(&world.office, &ledger, TRONDHEIM, "SECOND").await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "REGISTRY_MISMATCH"));
    // In a pool all stand in one queue, and one that nobody has joined has a first place.
    let pool = of_new(&world.office, &avklaring(), TRONDHEIM, "").await.unwrap();
    assert_eq!((pool.position, pool.estimate.unwrap().lower_only), (1, true));
    assert_eq!(pool.evidence.unwrap().window_days, 0);
    world
        .county
        .waitlist()
        .join_waitlist(JoinWaitlistRequest {
            municipality_number: HEMNE.into(),
            following_office_number: HEMNE_OFFICE.into(),
            ..join(&avklaring(), 4)
        })
        .await
        .unwrap();
    let pool = of_new(&world.office, &avklaring(), TRONDHEIM, "").await.unwrap();
    assert_eq!(pool.position, 2);
    assert_eq!(accesses(&mut world.service.sql().await).await, [], "nobody was told of");
}

/// Entries of before it was kept when they were closed are counted as what they are: unknown.
#[tokio::test]
async fn who_was_closed_at_no_known_time_is_left_out() {
    let (mut world, ledger, _) = two_municipalities([1, 0]).await;
    let (stays, gone) = (world.join(&ledger, 1).await, world.join(&ledger, 2).await);
    let long_gone = world.join(&ledger, 3).await;
    later(&mut world, Duration::days(50)).await;
    left(&world.office, &ledger, &gone).await;
    left(&world.office, &ledger, &long_gone).await;
    let before = of_entry(&world.office, &ledger, &stays).await.unwrap().evidence.unwrap();
    assert_eq!((before.departures, before.waiting_days, before.entries_left_out), (2, 150, 0));
    let forgotten = "UPDATE entry SET doc = doc - 'closed' WHERE entry_id = $1";
    let id = Uuid::parse_str(&long_gone).unwrap();
    sqlx::query(forgotten).bind(id).execute(&mut world.service.sql().await).await.unwrap();
    let after = of_entry(&world.office, &ledger, &stays).await.unwrap().evidence.unwrap();
    assert_eq!((after.departures, after.waiting_days, after.entries_left_out), (1, 100, 1));
}

/// The latest joins are read by their index, and an entry is still looked up by its key, also
/// where a table has no statistics.
#[tokio::test]
async fn the_index_of_joins_stands_in_for_no_other() {
    let world = World::new().await;
    let mut sql = world.service.sql().await;
    sqlx::query("SET enable_seqscan = off").execute(&mut sql).await.unwrap();
    let of_ledger = "county_id = 'NO-16' AND measure_code = 'VTA'";
    let latest = format!(
        "EXPLAIN SELECT entry_id FROM entry WHERE {of_ledger} AND join_seq > 0 \
         ORDER BY join_seq DESC LIMIT 9"
    );
    let by_key = format!(
        "EXPLAIN SELECT doc FROM entry WHERE {of_ledger} \
         AND entry_id = '0198c0de-0000-7000-8000-000000000001'"
    );
    for (statement, index) in [(latest, "entry_by_join"), (by_key, "entry_pk")] {
        let plan: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_all(&mut sql).await.unwrap();
        assert!(plan.join("\n").contains(index), "no {index} in {plan:#?}");
    }
}
