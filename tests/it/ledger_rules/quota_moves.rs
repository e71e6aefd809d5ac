//! Moves of quotas by hand, what municipalities co-finance, and budgets below what is in use: what
//! may be done, and that nobody is put out and no place is lost by it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, test_runner::TestCaseError};
use tiltaksplass::domain::{
    capacity::{BudgetBasis, places_on},
    command::{LendQuota, LoanAsk, LoanTerms, MoveQuota},
    ledger::{Due, DueKind, Frame, HISTORY_MAX, rows},
    plan::{ActivePlan, ChangeCause, PlanTerms},
    quota_move::{MOVES_KEPT, QuotaMove},
    redistribution::Ground,
};

use super::{
    plans::{begin, end, placed, places, told, uneven},
    *,
};

/// A quota that is set for later begins on this day.
const LATER: i64 = 30;

fn moving(from: &str, to: &str, places: u32, day: i64) -> Command {
    Command::MoveQuota(MoveQuota {
        from_municipality: municipality(from),
        to_municipality: municipality(to),
        places,
        valid_from: days_on(day),
        reason: "Enige kommuner".to_owned(),
        case_reference: None,
    })
}

fn moved(ledger: &mut Ledger, command: Command) -> QuotaMove {
    let events = happen(ledger, command, noon()).unwrap();
    let Some(Event::QuotaMoved { quota_move, .. }) = events.first() else { panic!("{events:?}") };
    quota_move.clone()
}

fn refused(ledger: &mut Ledger, command: Command) -> Refusal {
    let before = ledger.clone();
    let refusal = happen(ledger, command, noon()).unwrap_err();
    assert_eq!(*ledger, before);
    refusal
}

fn set(number: &str, places: u32, day: i64, committed_places: Option<u32>) -> Command {
    let quota = commands::quota(number, from(places, days_on(day)));
    commands::quotas(vec![Quota { committed_places, ..quota }])
}

fn lend(from: &str, to: &str, places: u32, days: (i64, i64)) -> Command {
    let terms = LoanTerms {
        from_municipality: municipality(from),
        to_municipality: municipality(to),
        places,
        valid_from: days_on(days.0),
        valid_to: days_on(days.1),
        reason: "Ingen venter".to_owned(),
    };
    Command::LendQuota(LendQuota { ask: LoanAsk::Lend(terms), case_reference: None })
}

fn own(frame: &Frame, number: &str, day: i64) -> u32 {
    frame.own_places(&municipality(number), days_on(day))
}

/// Lets the days that are due begin, up to one.
fn let_days_begin(ledger: &mut Ledger, until: i64) {
    let due = rows(ledger).due.into_iter().filter(|(_, stands)| *stands).map(|(due, _)| due);
    let days: Vec<Due> = due.filter(|due| due.kind == DueKind::BeginDay).collect();
    for one in days.into_iter().filter(|one| one.at.date_in_norway() <= days_on(until)) {
        happen(ledger, one.command(), hour(one.at.date_in_norway(), 0)).unwrap();
    }
}

#[test]
fn a_move_changes_both_quotas_and_shifts_what_is_set_for_later() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5), (HEMNE, 2)]);
    happen(&mut ledger, set(TRONDHEIM, 4, LATER, None), noon()).unwrap();
    happen(&mut ledger, set(HEMNE, 9, LATER, None), noon()).unwrap();
    let one = moved(&mut ledger, moving(TRONDHEIM, HEMNE, 2, 0));
    assert_eq!((one.places, one.plan_id, one.moved_by.contains("county")), (2, None, true));
    let frame = ledger.frame();
    assert_eq!((own(frame, TRONDHEIM, 0), own(frame, HEMNE, 0)), (3, 4));
    assert_eq!((own(frame, TRONDHEIM, LATER), own(frame, HEMNE, LATER)), (2, 11));
    assert_eq!(own(frame, TRONDHEIM, -1), 0, "what was before stays");
    let limits = [TRONDHEIM, HEMNE].map(|number| limit(&ledger, &quota_of(number)));
    assert_eq!(limits, [300, 400]);
    assert_eq!(ledger.frame().moves, [one]);
    // One to come changes nothing until its day; then it does by itself.
    moved(&mut ledger, moving(TRONDHEIM, HEMNE, 1, 10));
    assert_eq!(limit(&ledger, &quota_of(TRONDHEIM)), 300);
    let_days_begin(&mut ledger, 10);
    let limits = [TRONDHEIM, HEMNE].map(|number| limit(&ledger, &quota_of(number)));
    assert_eq!(limits, [200, 500]);
    let_days_begin(&mut ledger, LATER);
    let limits = [TRONDHEIM, HEMNE].map(|number| limit(&ledger, &quota_of(number)));
    assert_eq!(limits, [100, 1_200]);
}

/// Who had no quota has one from then on, and what a quota rests on stays.
#[test]
fn a_quota_may_begin_with_a_move() {
    let mut ledger = vta();
    happen(&mut ledger, commands::budget(from(100, TODAY)), noon()).unwrap();
    let full = Quota {
        basis: QuotaBasis::NeedAssessment,
        review_by: Some(days_on(90)),
        committed_places: Some(7),
        ..commands::quota(TRONDHEIM, from(5, TODAY))
    };
    happen(&mut ledger, commands::quotas(vec![full]), noon()).unwrap();
    moved(&mut ledger, moving(TRONDHEIM, ORKDAL, 2, 5));
    let history = |number| &ledger.frame().quotas[&municipality(number)];
    let [before, after] = &history(TRONDHEIM)[..] else { panic!() };
    let expected = from(3, days_on(5));
    assert_eq!(*after, Quota { places: expected, ..before.clone() });
    let [first] = &history(ORKDAL)[..] else { panic!() };
    assert_eq!((first.places.clone(), first.basis), (from(2, days_on(5)), QuotaBasis::Other));
}

/// I9: places that are in use are no obstacle. Who uses them stays, and is shown as over.
#[test]
fn who_uses_a_place_that_is_moved_stays() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 2), (HEMNE, 0)]);
    placed(&mut ledger, &[(TRONDHEIM, 100), (TRONDHEIM, 100)]);
    moved(&mut ledger, moving(TRONDHEIM, HEMNE, 2, 0));
    let account = ledger.account(&quota_of(TRONDHEIM));
    assert_eq!((account.limit, account.in_use, account.over()), (0, 200, 200));
    assert_eq!(ledger.placements().filter(|one| one.state.uses()).count(), 2);
    assert_eq!(ledger.account(&quota_of(HEMNE)).free(), 200);
}

#[test]
fn what_cannot_be_moved_is_refused() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5), (HEMNE, 2)]);
    let mismatch = |refusal: Refusal| {
        let Refusal::RegistryMismatch { field, .. } = refusal else { panic!("{refusal:?}") };
        field
    };
    for (from, to, field) in [
        (STEINKJER, HEMNE, "from_municipality_number"),
        (TRONDHEIM, STEINKJER, "to_municipality_number"),
        (TRONDHEIM, TRONDHEIM, "to_municipality_number"),
    ] {
        assert_eq!(mismatch(refused(&mut ledger, moving(from, to, 1, 0))), field);
    }
    for day in [-1, 2 * 366 + 1] {
        let refusal = refused(&mut ledger, moving(TRONDHEIM, HEMNE, 1, day));
        assert!(matches!(refusal, Refusal::DateOutOfRange { field: "valid_from_date", .. }));
    }
    let few = |number, left, asked, day| Refusal::TooFewToMove {
        municipality: municipality(number),
        left,
        asked,
        date: days_on(day),
    };
    assert_eq!(refused(&mut ledger, moving(TRONDHEIM, HEMNE, 6, 0)), few(TRONDHEIM, 5, 6, 0));
    assert_eq!(refused(&mut ledger, moving(ORKDAL, HEMNE, 1, 3)), few(ORKDAL, 0, 1, 3));
    // On each later day it must have so many as well.
    happen(&mut ledger, set(TRONDHEIM, 1, LATER, None), noon()).unwrap();
    let later = few(TRONDHEIM, 1, 2, LATER);
    assert_eq!(refused(&mut ledger, moving(TRONDHEIM, HEMNE, 2, 0)), later);
    // What it has lent is not its own to give until it returns.
    happen(&mut ledger, lend(HEMNE, ORKDAL, 1, (2, 9)), noon()).unwrap();
    assert_eq!(refused(&mut ledger, moving(HEMNE, TRONDHEIM, 2, 0)), few(HEMNE, 1, 2, 2));
    moved(&mut ledger, moving(HEMNE, TRONDHEIM, 2, 9));
    let pool = &mut avklaring();
    let refusal = refused(pool, moving(TRONDHEIM, HEMNE, 1, 0));
    assert!(matches!(refusal, Refusal::MeasureTypeRule(_)), "{refusal:?}");
}

#[test]
fn a_history_that_is_full_takes_no_move_but_on_a_day_it_has() {
    let mut ledger = vta_with_quotas(&[(HEMNE, 9)]);
    for day in 0..i64::try_from(HISTORY_MAX).unwrap() {
        happen(&mut ledger, set(TRONDHEIM, 1, day - 2_000, None), noon()).unwrap();
    }
    let last = i64::try_from(HISTORY_MAX).unwrap() - 2_001;
    let refusal = refused(&mut ledger, moving(HEMNE, TRONDHEIM, 1, 0));
    let what = Limited::Quotas;
    let (would_be, most) = (HISTORY_MAX + 1, HISTORY_MAX);
    assert_eq!(refusal, Refusal::LimitReached { what, would_be, most });
    assert!(last < 0, "its last quota begins before today");
    // One that begins on the very day is changed as it stands.
    let mut ledger = vta_with_quotas(&[(HEMNE, 9)]);
    for day in 0..i64::try_from(HISTORY_MAX).unwrap() {
        let day = day - i64::try_from(HISTORY_MAX).unwrap() + 1;
        happen(&mut ledger, set(TRONDHEIM, 1, day, None), noon()).unwrap();
    }
    moved(&mut ledger, moving(HEMNE, TRONDHEIM, 1, 0));
    assert_eq!(own(ledger.frame(), TRONDHEIM, 0), 2);
    assert_eq!(ledger.frame().quotas[&municipality(TRONDHEIM)].len(), HISTORY_MAX);
}

/// The log has all moves; the frame, which each batch reads, the latest.
#[test]
fn the_latest_moves_are_kept_at_hand() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 1)]);
    for index in 0..=MOVES_KEPT {
        let (from, to) = if index % 2 == 0 { (TRONDHEIM, HEMNE) } else { (HEMNE, TRONDHEIM) };
        moved(&mut ledger, moving(from, to, 1, 0));
    }
    let moves = &ledger.frame().moves;
    assert_eq!((moves.len(), moves[0].from_municipality.as_str()), (MOVES_KEPT, HEMNE));
    assert_eq!(ledger.frame().quotas[&municipality(HEMNE)].len(), 1);
}

// ---- What municipalities co-finance ----

fn above(number: &str, places: u32, committed: u32, day: i64) -> Refusal {
    let (municipality, date) = (municipality(number), days_on(day));
    Refusal::QuotaAboveCommitted { municipality, places, committed, date }
}

#[test]
fn a_quota_is_not_raised_above_what_is_co_financed() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5)]);
    assert_eq!(refused(&mut ledger, set(HEMNE, 4, 0, Some(3))), above(HEMNE, 4, 3, 0));
    happen(&mut ledger, set(HEMNE, 3, 0, Some(3)), noon()).unwrap();
    // It stays what it is where nothing is said of it.
    assert_eq!(refused(&mut ledger, set(HEMNE, 4, 5, None)), above(HEMNE, 4, 3, 5));
    assert_eq!(refused(&mut ledger, set(HEMNE, 4, -5, None)), above(HEMNE, 4, 3, 0));
    assert_eq!(refused(&mut ledger, moving(TRONDHEIM, HEMNE, 1, 0)), above(HEMNE, 4, 3, 0));
    // Less is co-financed than there is: the quota may stay or be lowered, and is not raised.
    happen(&mut ledger, set(HEMNE, 3, 0, Some(1)), noon()).unwrap();
    happen(&mut ledger, set(HEMNE, 2, 0, None), noon()).unwrap();
    assert_eq!(refused(&mut ledger, set(HEMNE, 3, 0, None)), above(HEMNE, 3, 1, 0));
    // More is, from a day on, and less later.
    happen(&mut ledger, set(HEMNE, 2, 0, Some(9)), noon()).unwrap();
    happen(&mut ledger, set(HEMNE, 2, LATER, Some(4)), noon()).unwrap();
    assert_eq!(refused(&mut ledger, moving(TRONDHEIM, HEMNE, 3, 0)), above(HEMNE, 5, 4, LATER));
    moved(&mut ledger, moving(TRONDHEIM, HEMNE, 2, 0));
    let held = [0, LATER].map(|day| own(ledger.frame(), HEMNE, day));
    assert_eq!(held, [4, 4]);
    let committed = |day| ledger.frame().committed_places(&municipality(HEMNE), days_on(day));
    assert_eq!([committed(-1), committed(0), committed(LATER)], [None, Some(9), Some(4)]);
}

/// A plan heeds what quotas say where its terms say nothing, and the terms where they do.
#[test]
fn a_plan_never_gives_more_than_is_co_financed() {
    let committed = |terms: Option<u32>, now: u32, later: Option<u32>| {
        let mut ledger = uneven();
        happen(&mut ledger, set(TRONDHEIM, 4, 0, Some(now)), noon()).unwrap();
        if let Some(later) = later {
            happen(&mut ledger, set(TRONDHEIM, 4, LATER, Some(later)), noon()).unwrap();
        }
        let committed_places =
            terms.into_iter().map(|most| (municipality(TRONDHEIM), most)).collect();
        begin(&mut ledger, PlanTerms { committed_places, ..super::plans::terms() });
        let [trondheim, hemne, orkdal] = places(&ledger);
        assert_eq!(trondheim + hemne + orkdal, 20);
        trondheim
    };
    assert_eq!(committed(None, 6, None), 6);
    assert_eq!(committed(None, 100, None), 12);
    // What is set for later is shifted as well, and may not come above what is co-financed then.
    assert_eq!(committed(None, 100, Some(7)), 7);
    assert_eq!(committed(Some(9), 6, None), 9);
}

// ---- Plans ----

#[test]
fn a_move_by_hand_is_no_redirection_and_may_complete_a_plan() {
    let mut ledger = uneven();
    let all = [(HEMNE, 100); 8].into_iter().chain([(ORKDAL, 100); 8]).chain([(TRONDHEIM, 100); 4]);
    placed(&mut ledger, &all.collect::<Vec<_>>());
    begin(&mut ledger, super::plans::terms());
    let before = ledger.frame().plans.active.clone().unwrap();
    let one = moved(&mut ledger, moving(HEMNE, TRONDHEIM, 3, 0));
    assert_eq!(one.plan_id, Some(before.plan_id));
    // What has yet to move is less, and so are the goals; all else stays.
    let after = ledger.frame().plans.active.clone().unwrap();
    let causes: Vec<_> = after.changes.iter().map(|change| change.causes.clone()).collect();
    assert_eq!(causes, [BTreeSet::from([ChangeCause::Quotas])]);
    assert_eq!((after.distance, after.changes[0].remaining), (before.distance - 3, 5));
    let ActivePlan { changes, distance, .. } = before.clone();
    assert_eq!(ActivePlan { changes, distance, ..after }, before);
    let events = happen(&mut ledger, moving(ORKDAL, TRONDHEIM, 5, 0), noon()).unwrap();
    assert_eq!(told(&events), []);
    assert!(matches!(events.last(), Some(Event::PlanCompleted { .. })), "{events:?}");
    assert_eq!((places(&ledger), ledger.frame().plans.past[0].moved), ([12, 5, 3], 0));
}

/// A place that is freed today is not taken from a quota that has none left later.
#[test]
fn a_plan_takes_nothing_from_a_quota_that_is_nought_later() {
    let mut ledger = uneven();
    let placements = placed(&mut ledger, &[(HEMNE, 100); 8]);
    moved(&mut ledger, moving(ORKDAL, TRONDHEIM, 5, 0));
    begin(&mut ledger, super::plans::terms());
    moved(&mut ledger, moving(HEMNE, TRONDHEIM, 7, LATER));
    let sum = |ledger: &Ledger, day| ledger.frame().sum_of_quotas(days_on(day));
    let goes = [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)];
    assert_eq!(told(&end(&mut ledger, placements[0])), goes);
    let stays = [(Some(HEMNE), Some(HEMNE), Ground::Bound)];
    assert_eq!(told(&end(&mut ledger, placements[1])), stays);
    assert_eq!([sum(&ledger, 0), sum(&ledger, LATER)], [20, 20]);
    assert_eq!(own(ledger.frame(), HEMNE, LATER), 0);
}

// ---- Budgets ----

/// A budget is never refused because of what there is: quotas, people, loans or a plan.
#[test]
fn a_budget_may_fall_to_nought_under_full_use_and_rise_again() {
    let mut ledger = uneven();
    placed(&mut ledger, &[(TRONDHEIM, 100); 3]);
    happen(&mut ledger, lend(HEMNE, ORKDAL, 2, (0, 20)), noon()).unwrap();
    begin(&mut ledger, PlanTerms { cap_basis_points: Some(0), ..super::plans::terms() });
    let accounts = |ledger: &Ledger| {
        [TRONDHEIM, HEMNE, ORKDAL].map(|number| ledger.account(&quota_of(number)))
    };
    let before = accounts(&ledger);
    happen(&mut ledger, commands::budget(from(0, TODAY)), noon()).unwrap();
    assert_eq!((accounts(&ledger), ledger.frame().over_budget(TODAY)), (before, 20));
    // Quotas above it may stay, be lowered and moved; none is raised.
    let refusal = refused(&mut ledger, set(TRONDHEIM, 5, 0, None));
    assert!(matches!(refusal, Refusal::QuotasExceedBudget { sum: 21, budget: 0, .. }));
    moved(&mut ledger, moving(ORKDAL, TRONDHEIM, 1, 0));
    happen(&mut ledger, set(ORKDAL, 6, 0, None), noon()).unwrap();
    assert_eq!(ledger.frame().over_budget(TODAY), 19);
    happen(&mut ledger, commands::budget(from(19, TODAY)), noon()).unwrap();
    assert_eq!(ledger.frame().over_budget(TODAY), 0);
}

/// A pool is over, keeps whom it has, and takes nobody in until it fits.
#[test]
fn a_pool_may_be_lowered_below_what_is_in_use() {
    let mut ledger = avklaring();
    happen(&mut ledger, commands::budget(from(2, TODAY)), noon()).unwrap();
    placed(&mut ledger, &[(TRONDHEIM, 100), (HEMNE, 100)]);
    happen(&mut ledger, commands::budget(from(0, TODAY)), noon()).unwrap();
    let pool = ledger.account(&AccountKey::Pool);
    assert_eq!((pool.limit, pool.in_use, pool.over()), (0, 200, 200));
    add_entry(&mut ledger, commands::join(9, TRONDHEIM));
    assert_eq!(served(&allocate(&mut ledger, 1)), []);
    happen(&mut ledger, commands::budget(from(3, TODAY)), noon()).unwrap();
    assert_eq!(served(&allocate(&mut ledger, 1)).len(), 1);
}

/// What a budget rests on is kept with it; of rows from before nothing is.
#[test]
fn a_budget_keeps_what_it_rests_on_and_old_rows_recompute() {
    let mut ledger = vta();
    let old = commands::budget(from(3, TODAY));
    let json = serde_json::to_string(&old).unwrap();
    assert!(!json.contains("rests_on"), "{json}");
    let events = happen(&mut ledger, old, noon()).unwrap();
    let written = serde_json::to_string(&events[0]).unwrap();
    let places = r#"{"places":3,"valid_from":"2011-03-01","valid_to":null}"#;
    assert_eq!(written, format!(r#"{{"PLACE_BUDGET_SET":{{"places":{places},"days":[]}}}}"#));
    let rests_on = BudgetBasis {
        basis: Some(QuotaBasis::NeedAssessment),
        basis_date: Some(TODAY),
        review_by: Some(days_on(365)),
    };
    let Command::SetPlaceBudget(asked) = commands::budget(from(4, TODAY)) else { panic!() };
    let told = SetPlaceBudget { rests_on: Some(rests_on), ..asked };
    happen(&mut ledger, Command::SetPlaceBudget(told), noon()).unwrap();
    let [first, second] = &ledger.frame().budgets[..] else { panic!() };
    assert_eq!((first.source.as_str(), first.rests_on.is_untold()), ("", true));
    assert_eq!((second.source.as_str(), second.rests_on), ("Tildelingsbrev 2011", rests_on));
    // As the database keeps it.
    let kept = serde_json::to_string(ledger.frame()).unwrap();
    assert_eq!(serde_json::from_str::<Frame>(&kept).unwrap(), *ledger.frame());
    let before =
        r#"{"budgets":[{"places":3,"valid_from":"2011-03-01","valid_to":null}],"quotas":{}}"#;
    let before: Frame = serde_json::from_str(before).unwrap();
    assert_eq!((places_on(&before.budgets, TODAY), before.moves.len()), (3, 0));
}

// ---- The property ----

#[derive(Debug, Clone)]
enum Step {
    Set { municipality: usize, places: u32, day: i64 },
    Move { from: usize, to: usize, places: u32, day: i64 },
    Lend { from: usize, to: usize, days: (i64, i64) },
    Redirect,
}

fn step() -> impl Strategy<Value = Step> {
    let (of, places, day) = (0_usize..3, 0_u32..8, 0_i64..40);
    prop_oneof![
        2 => (of.clone(), places.clone(), day.clone())
            .prop_map(|(municipality, places, day)| Step::Set { municipality, places, day }),
        5 => (of.clone(), of.clone(), 1_u32..4, day.clone())
            .prop_map(|(from, to, places, day)| Step::Move { from, to, places, day }),
        1 => (of.clone(), of, day.clone(), 1_i64..20)
            .prop_map(|(from, to, day, long)| Step::Lend { from, to, days: (day, day + long) }),
        1 => Just(Step::Redirect),
    ]
}

proptest! {
    /// Whatever was set, lent and moved before: a move that is not refused leaves the sum of all
    /// quotas as it was on each day, and makes that of all limits no more (it is less where one
    /// gets that has lent more than it had). One that is refused changes nothing.
    #[test]
    fn a_move_leaves_every_days_sum_as_it_was(steps in prop::collection::vec(step(), 1..24)) {
        let numbers = [TRONDHEIM, HEMNE, ORKDAL];
        let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5), (HEMNE, 3)]);
        let sums = |ledger: &Ledger| -> (Vec<u64>, Vec<u64>) {
            let frame = ledger.frame();
            let of_day = |day| (frame.sum_of_quotas(days_on(day)), frame.sum_of_limits(days_on(day)));
            (0..60).map(of_day).unzip()
        };
        for step in steps {
            let before = ledger.clone();
            let (command, is_move) = match step {
                Step::Set { municipality, places, day } =>
                    (set(numbers[municipality], places, day, None), false),
                Step::Move { from, to, places, day } =>
                    (moving(numbers[from], numbers[to], places, day), true),
                Step::Lend { from, to, days } =>
                    (lend(numbers[from], numbers[to], 1, days), false),
                Step::Redirect => {
                    redirect(&mut ledger, &numbers)?;
                    continue;
                }
            };
            match happen(&mut ledger, command, noon()) {
                Err(_) => prop_assert_eq!(&ledger, &before),
                Ok(_) if is_move => {
                    let ((quotas, limits), (quotas_before, limits_before)) =
                        (sums(&ledger), sums(&before));
                    prop_assert_eq!(quotas, quotas_before);
                    prop_assert!(limits.iter().zip(limits_before).all(|(now, was)| *now <= was));
                }
                Ok(_) => {}
            }
            for number in numbers {
                let limit = ledger.frame().quota_limit(&municipality(number), TODAY);
                prop_assert_eq!(ledger.account(&quota_of(number)).limit, limit);
            }
        }
    }
}

/// A plan that begins lets what is free move: that leaves the sums as well.
fn redirect(ledger: &mut Ledger, numbers: &[&str]) -> Result<(), TestCaseError> {
    let budget = ledger.frame().sum_of_quotas(TODAY);
    let before = (0..60).map(|day| ledger.frame().sum_of_quotas(days_on(day))).collect::<Vec<_>>();
    let places = u32::try_from(budget).unwrap();
    let mut trial = ledger.clone();
    happen(&mut trial, commands::budget(from(places, TODAY)), noon()).unwrap();
    begin(&mut trial, super::plans::terms());
    let after = (0..60).map(|day| trial.frame().sum_of_quotas(days_on(day))).collect::<Vec<_>>();
    prop_assert_eq!(after, before);
    let held: BTreeMap<&str, u32> =
        numbers.iter().map(|number| (*number, own(trial.frame(), number, 0))).collect();
    prop_assert_eq!(u64::from(held.values().sum::<u32>()), budget);
    Ok(())
}
