//! `ExplainDecision` over the port: each outcome against the run's own report, who may ask,
//! what is written down, and a log that somebody has changed.

use explain_decision_request::Decision;
use tiltaksplass::domain::{event::RULES_VERSION, measure::MeasureRules};

use super::*;
use crate::{
    support::Bearer,
    world::{COUNTY, OTHER_COUNTY, PROVIDER},
};

fn why(ledger: &Ledger, decision: Decision) -> ExplainDecisionRequest {
    ExplainDecisionRequest {
        ledger: Some(ledger.clone()),
        decision: Some(decision),
        at_least_seq: 0,
    }
}

fn in_run(run: &AllocatePlacesResponse, entry_id: &str) -> Decision {
    let seq = run.revision.as_ref().unwrap().seq;
    Decision::Run(RunAndEntry { seq, entry_id: entry_id.into() })
}

async fn explained(
    caller: &Caller,
    ledger: &Ledger,
    decision: Decision,
) -> (DecisionExplanation, Vec<ExplanationText>) {
    let answer = caller.allocation().explain_decision(why(ledger, decision)).await.unwrap();
    let answer = answer.into_inner();
    (answer.explanation.unwrap(), answer.texts)
}

async fn refused(caller: &Caller, ledger: &Ledger, decision: Decision) -> Status {
    caller.allocation().explain_decision(why(ledger, decision)).await.unwrap_err()
}

/// Two places: one of Hemne stands first without quota, then three of Trondheim's, and one
/// who joins when the run is over.
struct Scene {
    world: World,
    ledger: Ledger,
    hemne: String,
    trondheim: Vec<String>,
    later: String,
    run: AllocatePlacesResponse,
}

async fn scene() -> Scene {
    let (world, ledger, _) = two_municipalities([2, 0]).await;
    let hemne = join_hemne(&world, &ledger, 1).await;
    let mut trondheim = Vec::new();
    for person in 2..6 {
        trondheim.push(world.join(&ledger, person).await);
    }
    left(&world.office, &ledger, &trondheim[3]).await;
    world.service.clock.advance(time::Duration::hours(1));
    let run = world.allocate(&ledger, 2).await;
    let later = world.join(&ledger, 6).await;
    Scene { world, ledger, hemne, trondheim, later, run }
}

#[tokio::test]
async fn each_outcome_is_that_of_the_runs_own_report() {
    let Scene { world, ledger, hemne, trondheim, later, run } = scene().await;
    let passed = PassedOver { entry_id: hemne.clone(), reason: PassedOverReason::NoQuota.into() };
    assert_eq!(run.passed_over, [passed]);
    let rows = [
        (&trondheim[0], DecisionOutcome::PlaceProposed, (2, 1)),
        (&trondheim[1], DecisionOutcome::PlaceProposed, (3, 2)),
        (&hemne, DecisionOutcome::PassedOver, (1, 1)),
        (&trondheim[2], DecisionOutcome::NotReached, (4, 3)),
        (&trondheim[3], DecisionOutcome::NotEligible, (0, 0)),
        (&later, DecisionOutcome::NotEligible, (0, 0)),
    ];
    for (entry_id, outcome, position) in rows {
        let (e, texts) = explained(&world.county, &ledger, in_run(&run, entry_id)).await;
        assert_eq!((e.outcome(), &e.entry_id), (outcome, entry_id));
        assert_eq!((e.position_in_area, e.position_in_municipality), position);
        assert_eq!(e.seq, run.revision.as_ref().unwrap().seq);
        assert_eq!((e.run_end(), e.served), (run.run_end(), 2));
        assert_eq!(e.passed_over_counts, run.passed_over_counts);
        assert_eq!(e.passed_over_total, 1);
        assert!(!e.served_hidden && !e.passed_over_counts_hidden && !e.passed_over_total_hidden);
        assert!(e.recomputed && e.rules_version == RULES_VERSION && e.registry_version == 1);
        let own = run.proposals.iter().find(|offer| offer.entry_id == *entry_id);
        assert_eq!(e.offer.as_ref(), own);
        let reason = if outcome == DecisionOutcome::PassedOver {
            PassedOverReason::NoQuota
        } else {
            PassedOverReason::Unspecified
        };
        assert_eq!(e.passed_over_reason(), reason);
        let is_hemnes = *entry_id == hemne;
        assert_eq!(e.municipality_number, if is_hemnes { HEMNE } else { TRONDHEIM });
        assert_eq!(e.free_second_account_percent, if is_hemnes { 0 } else { 200 });
        assert_eq!(e.free_place_groups.len(), 1);
        assert_eq!(e.free_place_groups[0].free_percent, 200);
        assert_eq!(e.free_place_groups[0].provider_name, PROVIDER);
        assert!(e.free_place_groups[0].would_take);
        same_numbers(&texts);
    }
    world.service.verify().await;
}

fn same_numbers(texts: &[ExplanationText]) {
    let numbers = |text: &ExplanationText| {
        let text = text.paragraphs.join(" ");
        let parts = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        let mut numbers: Vec<u64> = parts.map(|part| part.parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    };
    let codes: Vec<&str> = texts.iter().map(|text| text.language_code.as_str()).collect();
    assert_eq!(codes, ["nb", "nn", "en"]);
    assert!(numbers(&texts[0]).len() > 5);
    for text in texts {
        assert_eq!(numbers(text), numbers(&texts[0]), "{texts:?}");
    }
}

/// Small counts are hidden from an office, which sees its own people; not from who sees all.
#[tokio::test]
async fn an_office_is_not_told_how_few_others_there_were() {
    let Scene { world, ledger, hemne, trondheim, run, .. } = scene().await;
    let own = in_run(&run, &trondheim[0]);
    let hidden = |e: &DecisionExplanation| {
        (e.served_hidden, e.passed_over_counts_hidden, e.passed_over_total_hidden)
    };
    // One other was served and one was passed over.
    let (e, office_texts) = explained(&world.office, &ledger, own.clone()).await;
    assert_eq!(hidden(&e), (true, true, true));
    assert_eq!((e.served, e.passed_over_total, e.passed_over_counts), (0, 0, Vec::new()));
    let auditor = world.service.caller(Role::Auditor, "Riksrevisjonen").await;
    for caller in [&world.county, &auditor] {
        let (e, texts) = explained(caller, &ledger, own.clone()).await;
        assert_eq!(hidden(&e), (false, false, false));
        assert_eq!((e.served, e.passed_over_total), (2, 1));
        assert_eq!(e.passed_over_counts, run.passed_over_counts);
        assert_eq!(texts, office_texts, "the words are for the person, whoever asks");
    }
    // Who was passed over alone is the only one: that may be told of oneself.
    let hemnes_office = self::hemne(&world).await;
    let (e, _) = explained(&hemnes_office, &ledger, in_run(&run, &hemne)).await;
    assert_eq!(hidden(&e), (true, false, false));
    assert_eq!((e.passed_over_total, e.passed_over_counts), (1, run.passed_over_counts));
}

/// Of many nothing is hidden, and of one reason among several enough that none can be
/// worked out.
#[tokio::test]
async fn an_office_is_told_of_many_and_not_of_the_few_among_them() {
    let (world, ledger, group) = two_municipalities([9, 0]).await;
    let declined = world.join(&ledger, 1).await;
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    world.confirm(&ledger, vec![offer.clone()]).await;
    world.respond(&ledger, &offer, OfferAnswer::Decline).await.unwrap();
    for person in 2..8 {
        join_hemne(&world, &ledger, person).await;
    }
    let mut served = Vec::new();
    for person in 8..14 {
        served.push(world.join(&ledger, person).await);
    }
    let run = world.allocate(&ledger, 6).await;
    assert_eq!((run.proposals.len(), run.passed_over.len()), (6, 7));
    // Of six and one, both are left out: the total would tell of the one.
    let (e, _) = explained(&world.office, &ledger, in_run(&run, &served[0])).await;
    assert_eq!((e.served, e.served_hidden), (6, false));
    assert_eq!((e.passed_over_total, e.passed_over_total_hidden), (7, false));
    assert_eq!((e.passed_over_counts, e.passed_over_counts_hidden), (Vec::new(), true));
    // To the one who declined the others are six of one reason.
    let (e, texts) = explained(&world.office, &ledger, in_run(&run, &declined)).await;
    assert_eq!(e.passed_over_reason(), PassedOverReason::DeclinedHere);
    assert_eq!((e.passed_over_total, e.passed_over_counts_hidden), (7, false));
    assert_eq!(e.passed_over_counts, run.passed_over_counts);
    assert!(!e.free_place_groups[0].would_take && e.free_place_groups[0].place_group_id == group);
    let words = texts[0].paragraphs.join(" ");
    assert!(words.contains("Du takket nei til «Vilje viser vei» hos"), "{words}");
    assert!(words.contains("For 6 av dem var andelen til kommunen brukt opp."), "{words}");
}

/// A place that somebody declined is passed on in the same row, which is then explained like
/// a run: to whoever got it, and to the one who let it go.
#[tokio::test]
async fn a_place_that_was_passed_on_is_explained_too() {
    let (world, ledger, _) = two_municipalities([1, 0]).await;
    let declined = world.join(&ledger, 1).await;
    let next = world.join(&ledger, 2).await;
    let offer = world.allocate(&ledger, 1).await.proposals.remove(0).offer_id;
    world.confirm(&ledger, vec![offer.clone()]).await;
    world.respond(&ledger, &offer, OfferAnswer::Decline).await.unwrap();
    let request = ListOffersRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let offers = world.office.allocation().list_offers(request).await.unwrap().into_inner().offers;
    let [offer] = &offers[..] else { panic!("{offers:?}") };
    let by_offer = Decision::OfferId(offer.offer_id.clone());
    let (e, texts) = explained(&world.office, &ledger, by_offer).await;
    assert_eq!((e.outcome(), &e.entry_id), (DecisionOutcome::PlaceProposed, &next));
    assert_eq!(e.offer.as_ref(), Some(offer));
    let words = texts[0].paragraphs.join(" ");
    assert!(words.contains("En plass ble gitt tilbake 2. mars 2026"), "{words}");
    let by_run = Decision::Run(RunAndEntry { seq: e.seq, entry_id: declined });
    let (e, texts) = explained(&world.office, &ledger, by_run).await;
    assert_eq!(e.passed_over_reason(), PassedOverReason::DeclinedHere);
    let words = texts[0].paragraphs.join(" ");
    assert!(words.contains("Du takket nei til «Vilje viser vei»"), "{words}");
}

#[tokio::test]
async fn an_offer_is_told_with_who_confirmed_it_and_how_it_stands_now() {
    let Scene { world, ledger, run, .. } = scene().await;
    let offer = |n: usize| Decision::OfferId(run.proposals[n].offer_id.clone());
    let (e, texts) = explained(&world.office, &ledger, offer(0)).await;
    assert_eq!((e.outcome(), e.confirmed_time), (DecisionOutcome::PlaceProposed, None));
    assert_eq!(e.offer.unwrap().state(), OfferState::Proposed);
    assert!(texts[2].paragraphs.join(" ").contains("Nobody has confirmed your proposal yet."));
    world.service.clock.advance(time::Duration::hours(1));
    world.confirm(&ledger, vec![run.proposals[0].offer_id.clone()]).await;
    world.respond(&ledger, &run.proposals[0].offer_id, OfferAnswer::Decline).await.unwrap();
    let auditor = world.service.caller(Role::Auditor, "Riksrevisjonen").await;
    let (e, texts) = explained(&auditor, &ledger, offer(0)).await;
    assert_eq!(e.offer.unwrap().state(), OfferState::Declined);
    assert_eq!(e.confirmed_by_organisation, "5701");
    let (decided, confirmed) = (e.decision_time.unwrap(), e.confirmed_time.unwrap());
    assert_eq!(confirmed.seconds - decided.seconds, 3600);
    // Nobody is named: neither who confirmed nor who else stood there.
    let text = format!("{texts:?}");
    assert!(text.contains("12.00") && !text.contains("office-1"), "{text}");
    // The other one's person leaves before anybody has confirmed.
    left(&world.county, &ledger, &run.proposals[1].entry_id).await;
    let (e, texts) = explained(&world.office, &ledger, offer(1)).await;
    assert_eq!(e.offer.unwrap().state(), OfferState::Withdrawn);
    assert_eq!((e.confirmed_time, e.confirmed_by_organisation), (None, String::new()));
    assert!(texts[1].paragraphs.join(" ").contains("Forslaget til deg vart trekt før"));
}

#[tokio::test]
async fn whoever_may_not_know_is_told_as_of_nothing_and_all_is_written_down() {
    let Scene { world, ledger, hemne: hemnes, trondheim, run, .. } = scene().await;
    let hemne = hemne(&world).await;
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    let offer = Decision::OfferId(run.proposals[0].offer_id.clone());
    let own = &trondheim[0];
    let seq = run.revision.as_ref().unwrap().seq;
    let at = |seq, entry_id: &str| Decision::Run(RunAndEntry { seq, entry_id: entry_id.into() });
    let rows = [
        (&hemne, offer.clone(), "offer", vec![own.clone()]),
        (&other, offer, "offer", vec![own.clone()]),
        (&world.county, Decision::OfferId(nothing()), "offer", Vec::new()),
        (&hemne, at(seq, own), "entry", vec![own.clone()]),
        (&world.county, at(seq, &nothing()), "entry", vec![nothing()]),
        (&world.county, at(seq - 1, own), "run", vec![own.clone()]),
        (&world.county, at(9_999, own), "run", vec![own.clone()]),
        // Whose entry it is not is not told either whether there was a run.
        (&hemne, at(seq - 1, own), "entry", vec![own.clone()]),
    ];
    let mut expected = Vec::new();
    for (caller, decision, what, entries) in rows {
        let status = refused(caller, &ledger, decision).await;
        assert_eq!(told(&status), is(Code::NotFound, "NOT_FOUND"));
        assert!(status.message().starts_with(&format!("no {what} ")), "{status:?}");
        expected.push((entries, false));
    }
    explained(&hemne, &ledger, in_run(&run, &hemnes)).await;
    expected.push((vec![hemnes], true));
    let logged = accesses(&mut world.service.sql().await).await;
    let logged: Vec<_> = logged
        .into_iter()
        .map(|access| {
            assert_eq!(
                (access.method.as_str(), access.purpose.as_str()),
                ("ExplainDecision", "test")
            );
            (access.entries, access.permitted)
        })
        .collect();
    assert_eq!(logged, expected);
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    for decision in [Decision::OfferId("x".into()), at(0, own), at(seq, "x")] {
        assert_eq!(told(&refused(&world.county, &ledger, decision).await), invalid);
    }
    let request = ExplainDecisionRequest { decision: None, ..why(&ledger, at(seq, own)) };
    let status = world.county.allocation().explain_decision(request).await.unwrap_err();
    assert_eq!(told(&status), invalid);
    assert_eq!(ledger.county_id, COUNTY);
}

/// A version that has not begun yet, or was imported later, decided nothing.
#[tokio::test]
async fn a_decision_names_the_version_of_the_measure_type_it_used() {
    let (mut world, ledger, _) = two_municipalities([2, 0]).await;
    let version = |valid_from, source: &str| MeasureRules {
        valid_from,
        source: Some(source.to_owned()),
        ..MeasureRules::default()
    };
    let from_tenth = Some(time::macros::date!(2026 - 03 - 10));
    world.rules("VTA", version(from_tenth, "Forskrift 2026")).await;
    let entries = [world.join(&ledger, 1).await, world.join(&ledger, 2).await];
    let first = world.allocate(&ledger, 1).await;
    world.service.clock.set(time::macros::datetime!(2026-03-09 23:00 UTC));
    world.county = world.service.caller(Role::County, COUNTY).await;
    // The proposal that nobody has confirmed has lapsed by then.
    let second = world.allocate(&ledger, 1).await;
    world.rules("VTA", version(from_tenth, "Rettet siden")).await;
    let named = |valid_from_date, source: &str| {
        Some(MeasureVersion { valid_from_date, source: source.to_owned() })
    };
    let tenth = Some(crate::world::date(2026, 3, 10));
    for (run, expected) in [(&first, named(None, "")), (&second, named(tenth, "Forskrift 2026"))] {
        for entry_id in &entries {
            let (e, _) = explained(&world.county, &ledger, in_run(run, entry_id)).await;
            assert_eq!(e.measure_version, expected, "{entry_id}");
        }
    }
    world.service.verify().await;
}

/// A decision that does not come out the same is no decision anybody could explain.
#[tokio::test]
async fn a_changed_log_is_a_fault_and_no_explanation() {
    let Scene { world, ledger, trondheim, run, .. } = scene().await;
    let seq = run.revision.as_ref().unwrap().seq;
    let mut sql = world.service.sql().await;
    let changes = [
        (
            "payload",
            format!("UPDATE ledger_log SET payload = payload || ' ' WHERE seq = {seq} - 2"),
        ),
        ("header", format!("UPDATE ledger_log SET header = header || ' ' WHERE seq = {seq}")),
        (
            "missing",
            format!("DELETE FROM ledger_log WHERE measure_code = 'VTA' AND seq = {seq} - 1"),
        ),
        (
            "registry",
            "UPDATE ledger_log SET hash = sha256(hash) WHERE measure_code = 'REGISTRY'".into(),
        ),
    ];
    for (what, change) in changes {
        run_sql(&mut sql, "CREATE TEMP TABLE before AS TABLE ledger_log").await;
        run_sql(&mut sql, &change).await;
        let decision = in_run(&run, &trondheim[0]);
        let status = refused(&world.county, &ledger, decision).await;
        assert_eq!(told(&status), is(Code::Internal, "INTERNAL"), "{what}");
        assert!(!status.message().contains("row"), "what is wrong stands in the log: {status:?}");
        run_sql(&mut sql, "DELETE FROM ledger_log").await;
        run_sql(&mut sql, "INSERT INTO ledger_log TABLE before").await;
        run_sql(&mut sql, "DROP TABLE before").await;
    }
    assert!(crate::support::logs().contains("its hash is not that of its bytes"));
    explained(&world.county, &ledger, in_run(&run, &trondheim[0])).await;
    let changed = accesses(&mut sql).await;
    assert_eq!(changed.len(), 5, "each question is written down, answered or not");
}

async fn run_sql(sql: &mut PgConnection, statement: &str) {
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(sql).await.unwrap();
}

/// More questions than are answered at once, of several who ask, each some: the others wait for
/// their turn.
#[tokio::test]
async fn many_questions_at_once_are_all_answered() {
    let Scene { world, ledger, trondheim, run, .. } = scene().await;
    let ask = |n: usize| {
        let token = world.service.token(Role::County, COUNTY, &format!("county-{}", n % 3));
        let caller = Caller { channel: world.county.channel.clone(), bearer: Bearer::new(&token) };
        let ledger = ledger.clone();
        let decision = in_run(&run, &trondheim[n % 4]);
        async move { explained(&caller, &ledger, decision).await.0.outcome() }
    };
    let outcomes = futures::future::join_all((0..12).map(ask)).await;
    let proposed = outcomes.iter().filter(|o| **o == DecisionOutcome::PlaceProposed).count();
    assert_eq!(proposed, 6);
}
