//! How a plan goes and why a place went where it went, through the port.

use tiltaksplass::{domain::access::Role, proto::v1::*};
use time::Duration;
use tonic::{Code, Status};

use crate::{
    plans::stage::from_today,
    support::{Caller, reason, request_id},
    world::{COUNTY, HEMNE, LEVANGER, OTHER_COUNTY, PROVIDER, TRONDHEIM, World, date, vta},
};

/// The most words of a sentence.
const WORDS_MAX: usize = 19;

async fn progress(
    caller: &Caller,
    plan_id: &str,
    nok: Option<u64>,
) -> Result<PlanProgress, Status> {
    let request = GetPlanProgressRequest {
        ledger: Some(vta()),
        plan_id: plan_id.into(),
        nok_per_place_year: nok,
        at_least_seq: 0,
    };
    Ok(caller.fair_share().get_plan_progress(request).await?.into_inner().progress.unwrap())
}

async fn explain(caller: &Caller, seq: u64) -> Result<ExplainRedirectionResponse, Status> {
    let request = ExplainRedirectionRequest { ledger: Some(vta()), seq, at_least_seq: 0 };
    Ok(caller.fair_share().explain_redirection(request).await?.into_inner())
}

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

/// Forty places, of which Hemne has ten and is entitled to one; three of the ten are used, so that
/// the plan moves seven on its first day. The plan, and the placements in Hemne.
async fn steering() -> (World, Plan, Vec<String>) {
    let world = World::uneven().await;
    let placements = world.placed(HEMNE, &[(1, 100), (2, 100), (3, 100)]).await;
    let terms = PlanTerms { mean_stay_months: Some(24), ..from_today() };
    let plan = world.agreed(terms).await;
    (world, plan, placements)
}

async fn import(world: &World, rows: Vec<registry_row::Row>) {
    let rows = rows.into_iter().map(|row| RegistryRow { row: Some(row) }).collect();
    let piece = ImportRegistryRequest {
        request_id: request_id(),
        validate_only: false,
        source: "test".into(),
        rows,
    };
    let pieces = tokio_stream::iter([piece]);
    world.directorate.registry().import_registry(pieces).await.unwrap();
}

fn weight(number: &str, weight: u64) -> registry_row::Row {
    registry_row::Row::DistributionWeight(DistributionWeight {
        key_name: "population".into(),
        key_date: Some(date(2026, 1, 1)),
        municipality_number: number.into(),
        weight,
        source: "SSB 07459".into(),
        ..Default::default()
    })
}

fn sentences(text: &ExplanationText) -> Vec<String> {
    let paragraphs = text.paragraphs.iter();
    paragraphs.flat_map(|one| one.split(". ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn a_redirection_is_told_by_what_it_was_decided_by() {
    let (world, plan, placements) = steering().await;
    world.end(&placements[0], date(2026, 3, 2)).await;
    let latest = progress(&world.county, &plan.plan_id, None).await.unwrap().latest;
    assert_eq!(latest.len(), 8);
    let seq = latest.last().unwrap().seq;
    let answer = explain(&world.county, seq).await.unwrap();
    assert_eq!((answer.seq, answer.recomputed, &answer.plan_id), (seq, true, &plan.plan_id));
    assert_eq!(answer.method(), ApportionmentMethod::SainteLague);
    let [one] = &answer.redirections[..] else { panic!("{answer:?}") };
    assert_eq!(one.ground(), RedirectionGround::GreatestClaim);
    let way = (&one.from_municipality_number[..], &one.to_municipality_number[..]);
    assert_eq!(way, (HEMNE, TRONDHEIM));
    assert_eq!((one.from_held_places, one.from_target_places, one.remaining_places), (3, 1, 1));
    let fraction = |claim: &RedirectionClaim| {
        (claim.weight, claim.divisor_numerator, claim.divisor_denominator)
    };
    // Trondheim held 37, and Hemne two without the one that became free.
    assert_eq!(one.claim.as_ref().map(fraction), Some((173_486, 75, 2)));
    assert_eq!(one.runner_up.as_ref().map(fraction), Some((4_232, 5, 2)));
    assert_eq!((one.may_give_places, one.may_move_places), (None, None));
    let languages: Vec<&str> = answer.texts.iter().map(|text| &text.language_code[..]).collect();
    assert_eq!(languages, ["nb", "nn", "en"]);
    let nb = answer.texts[0].paragraphs.join(" ");
    for sentence in [
        format!("Plassen går til {TRONDHEIM}, som hadde størst krav."),
        format!("Kravet til {TRONDHEIM} var 173486 delt på 75/2."),
        "Etter dette gjensto det å flytte 1 plass.".to_owned(),
    ] {
        assert!(nb.contains(&sentence), "{sentence}: {nb}");
    }
    for text in &answer.texts {
        for sentence in sentences(text) {
            let words = sentence.split_whitespace().count();
            assert!(words <= WORDS_MAX, "{words} words: {sentence}");
        }
    }
    // Places are told of, and nobody who had one.
    let all = format!("{answer:?}");
    assert!(placements.iter().all(|placement| !all.contains(placement)));
    // The first row of the plan moved seven.
    let first = explain(&world.county, latest[0].seq).await.unwrap();
    assert_eq!(first.redirections.len(), 7);
    assert!(first.redirections.iter().all(|one| one.stood_free) && !one.stood_free);
    let told = first.texts[0].paragraphs.join(" ");
    assert!(told.contains(&format!("En plass sto ledig i {HEMNE}.")), "{told}");
    // The last one that is to move ends the plan, and says so.
    world.end(&placements[1], date(2026, 3, 2)).await;
    let over = progress(&world.county, &plan.plan_id, None).await.unwrap();
    assert_eq!((over.is_active, over.moved_places, over.remaining_places), (false, 9, 0));
    assert_eq!(over.areas[1].given_places, 9);
    let last = explain(&world.county, seq + 1).await.unwrap();
    assert!(last.plan_completed);
    world.service.verify().await;
}

#[tokio::test]
async fn who_may_ask_and_what_is_not_there() {
    let (world, plan, _) = steering().await;
    let seq = progress(&world.county, &plan.plan_id, None).await.unwrap().latest[0].seq;
    let missing = (Code::NotFound, "NOT_FOUND".to_owned());
    for wrong in [1, seq - 1, seq + 1, 1_000_000] {
        assert_eq!(told(&explain(&world.county, wrong).await.unwrap_err()), missing, "{wrong}");
    }
    let nothing = "01980000-0000-7000-8000-000000000001";
    assert_eq!(told(&progress(&world.county, nothing, None).await.unwrap_err()), missing);
    let draft = world.propose_plan(&vta(), from_today()).await;
    assert_eq!(told(&progress(&world.county, &draft.plan_id, None).await.unwrap_err()), missing);
    let denied = (Code::PermissionDenied, "PERMISSION_DENIED".to_owned());
    let strangers = [
        world.municipality(LEVANGER).await,
        world.service.caller(Role::County, OTHER_COUNTY).await,
        world.service.caller(Role::Provider, PROVIDER).await,
    ];
    for stranger in &strangers {
        assert_eq!(told(&explain(stranger, seq).await.unwrap_err()), denied);
        assert_eq!(told(&progress(stranger, &plan.plan_id, None).await.unwrap_err()), denied);
    }
    let own = [world.municipality(HEMNE).await, world.service.caller(Role::County, COUNTY).await];
    for caller in &own {
        assert_eq!(explain(caller, seq).await.unwrap().redirections.len(), 7);
        assert_eq!(progress(caller, &plan.plan_id, None).await.unwrap().moved_places, 7);
    }
}

#[tokio::test]
async fn progress_is_held_to_the_goals_and_says_what_keeps_it() {
    let (mut world, plan, placements) = steering().await;
    let shown = progress(&world.county, &plan.plan_id, Some(365_000)).await.unwrap();
    assert_eq!((shown.year, shown.year_last_date), (1, Some(date(2027, 3, 1))));
    assert_eq!((shown.moved_places, shown.distance_places, shown.remaining_places), (7, 9, 2));
    assert_eq!((shown.goal_now_places, shown.goal_at_year_end_places), (0, 0));
    assert_eq!(shown.status(), PlanPaceStatus::Ahead);
    // Those that moved on the first day stood free: nobody had left them.
    assert_eq!((shown.vacancies_seen, shown.vacancies_expected), (0, Some(0)));
    let area = |area: &PlanProgressArea| {
        let (held, target) = (area.held_places, area.target_places);
        (held, target, area.given_places, area.got_places, area.to_give_places, area.to_get_places)
    };
    let areas: Vec<_> = shown.areas.iter().map(area).collect();
    assert_eq!(areas, [(37, 39, 0, 7, 0, 2), (3, 1, 7, 0, 2, 0)]);
    // 57 places are free and 37 of quota: twenty places have stood without quota since 2011.
    let apart = shown.apart.unwrap();
    let days = 5_539;
    assert_eq!((apart.is_hidden, apart.quotas.len()), (false, 0));
    assert_eq!(apart.places_cost_nok, Some(20 * days * 1_000));
    assert_eq!(apart.places.iter().map(|one| one.percent).collect::<Vec<_>>(), [2_000]);
    // Ten days later they have cost ten days of twenty places more, at a thousand a day.
    world.service.clock.advance(Duration::days(10));
    world.refresh().await;
    let apart = progress(&world.county, &plan.plan_id, Some(365_000)).await.unwrap().apart;
    let apart = apart.unwrap();
    let [one] = &apart.places[..] else { panic!("{apart:?}") };
    let days = days + 10;
    assert_eq!((u64::from(one.days_empty), one.place_days_empty), (days, 20 * days));
    assert_eq!(one.cost_nok, Some(20 * days * 1_000));
    // What is freed at the target stays, and is counted.
    let trondheim = world.placed(TRONDHEIM, &[(4, 100)]).await;
    world.end(&trondheim[0], date(2026, 3, 12)).await;
    let shown = progress(&world.county, &plan.plan_id, None).await.unwrap();
    let kept: Vec<_> = shown.kept.iter().map(|one| (one.ground(), one.places)).collect();
    assert_eq!(kept, [(RedirectionGround::Protected, 1)]);
    assert_eq!(shown.apart.unwrap().places_cost_nok, None);
    drop(placements);
    world.service.verify().await;
}

#[tokio::test]
async fn a_newer_key_shows_before_any_place_is_freed_and_since_when() {
    let (mut world, plan, placements) = steering().await;
    world.service.clock.advance(Duration::days(3));
    world.refresh().await;
    import(&world, vec![weight(TRONDHEIM, 140_000), weight(HEMNE, 10_000)]).await;
    // A row by which the plan takes no aim is no news of it, whatever registry it was written with.
    world.service.clock.advance(Duration::days(2));
    world.refresh().await;
    world.join(&vta(), 7).await;
    world.service.clock.advance(Duration::days(2));
    world.refresh().await;
    let shown = progress(&world.county, &plan.plan_id, None).await.unwrap();
    let [change] = &shown.changes[..] else { panic!("{shown:?}") };
    assert_eq!((change.date, change.is_pending), (Some(date(2026, 3, 5)), true));
    assert_eq!(change.causes().collect::<Vec<_>>(), [PlanChangeCause::Key]);
    assert_eq!(change.key_date, Some(date(2026, 1, 1)));
    // Of forty Hemne is entitled to three by now, and holds them: nothing has yet to move.
    let targets: Vec<u32> = shown.areas.iter().map(|area| area.target_places).collect();
    assert_eq!((targets, shown.remaining_places, shown.distance_places), (vec![37, 3], 0, 7));
    // The next row follows it; what has moved is not taken back, and the plan is over.
    world.end(&placements[0], date(2026, 3, 9)).await;
    let over = progress(&world.county, &plan.plan_id, None).await.unwrap();
    let [change] = &over.changes[..] else { panic!("{over:?}") };
    assert_eq!((change.date, change.is_pending), (Some(date(2026, 3, 9)), false));
    assert_eq!((over.is_active, over.moved_places), (false, 7));
    world.service.verify().await;
}

/// A row by which a plan got other targets says so, though no place went anywhere.
#[tokio::test]
async fn a_row_that_only_aims_anew_is_explained() {
    let (world, plan, _) = steering().await;
    world.budget(&vta(), 30).await;
    let changes =
        ListChangesRequest { ledger: Some(vta()), page_size: 500, ..ListChangesRequest::default() };
    let changes = world.county.change().list_changes(changes).await.unwrap().into_inner();
    let seq = changes.changes.last().unwrap().seq;
    let answer = explain(&world.county, seq).await.unwrap();
    assert_eq!((&answer.plan_id, &answer.redirections[..]), (&plan.plan_id, &[][..]));
    let [change] = &answer.changes[..] else { panic!("{answer:?}") };
    assert_eq!(change.causes().collect::<Vec<_>>(), [PlanChangeCause::Budget]);
    assert_eq!((change.place_budget, answer.plan_completed), (30, false));
    let nb = answer.texts[0].paragraphs.join(" ");
    for sentence in ["Plassrammen er en annen.", "Ingen plass ble flyttet da."] {
        assert!(nb.contains(sentence), "{sentence}: {nb}");
    }
    for text in &answer.texts {
        assert!(sentences(text).iter().all(|one| one.split_whitespace().count() <= WORDS_MAX));
    }
    world.service.verify().await;
}
