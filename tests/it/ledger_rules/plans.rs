//! Redistribution plans: who may make one the plan that steers, and what it makes of places that
//! become free.

use std::collections::BTreeMap;

use tiltaksplass::domain::{
    apportionment::Method,
    command::{ApprovePlan, CommentPlan, ProposePlan},
    ids::PlanId,
    ledger::{Due, DueKind, rows},
    plan::{PlanTerms, Redirected, View, last_day_of, year_of},
    redistribution::Ground,
};

use super::*;

mod edges;
mod hold;
mod withdrawn;

/// Half a year after today.
const LATER: i64 = 183;

pub(super) fn terms() -> PlanTerms {
    PlanTerms {
        name: "Etter folketall".to_owned(),
        method: Method::SainteLague,
        key_name: "population".to_owned(),
        key_date: None,
        start_date: TODAY,
        horizon_years: 10,
        comment_until: days_on(30),
        pace_is_goal: false,
        cap_basis_points: None,
        protect_at_target: true,
        committed_places: BTreeMap::new(),
        mean_stay_months: None,
        new_places_a_year: None,
        saving_nok_a_year: None,
        discount_basis_points: None,
    }
}

fn propose(ledger: &mut Ledger, terms: PlanTerms) -> Result<PlanId, Refusal> {
    let command = Command::ProposePlan(ProposePlan {
        terms,
        case_reference: None,
        by_name: None,
        by_municipality: None,
    });
    let events = happen_as(ledger, &actor("author"), &command, noon())?;
    let [Event::PlanSet { plan }] = events.as_slice() else { panic!("{events:?}") };
    Ok(plan.plan_id)
}

fn comment(plan_id: PlanId, number: &str, view: View) -> Command {
    Command::CommentPlan(CommentPlan {
        plan_id,
        municipality_number: municipality(number),
        view,
        text: None,
        by_name: None,
    })
}

fn approve(plan_id: PlanId, reason: Option<&str>) -> Command {
    Command::ApprovePlan(ApprovePlan {
        plan_id,
        reason_against_views: reason.map(str::to_owned),
        case_reference: None,
        by_name: None,
    })
}

/// A plan that everybody agrees to, approved: what that row made happen.
pub(super) fn begin(ledger: &mut Ledger, terms: PlanTerms) -> Vec<Event> {
    let plan_id = propose(ledger, terms).unwrap();
    for number in [TRONDHEIM, HEMNE, ORKDAL] {
        happen(ledger, comment(plan_id, number, View::Agrees), noon()).unwrap();
    }
    happen(ledger, approve(plan_id, None), noon()).unwrap()
}

fn redirections(events: &[Event]) -> Vec<&Redirected> {
    let mut found = Vec::new();
    for event in events {
        if let Event::Redirected { redirected } = event {
            found.push(redirected);
        }
    }
    found
}

/// From whom to whom, and why.
pub(super) fn told(events: &[Event]) -> Vec<(Option<&str>, Option<&str>, Ground)> {
    redirections(events)
        .into_iter()
        .map(|one| {
            let from = one.from_municipality.as_ref().map(MunicipalityNumber::as_str);
            (from, one.to_municipality.as_ref().map(MunicipalityNumber::as_str), one.ground)
        })
        .collect()
}

pub(super) fn places(ledger: &Ledger) -> [u32; 3] {
    [TRONDHEIM, HEMNE, ORKDAL].map(|n| ledger.frame().own_places(&municipality(n), TODAY))
}

/// People who use places of these municipalities' quotas, in the order they joined.
pub(super) fn placed(ledger: &mut Ledger, of: &[(&str, u32)]) -> Vec<PlacementId> {
    let group = add_group(ledger, 100, &[]);
    let mut placements = Vec::new();
    for (number, (municipality, percent)) in (1..).zip(of) {
        add_entry(ledger, commands::join_part(number, municipality, *percent));
        let offer = offers_of(&allocate(ledger, 1)).next().unwrap().offer_id;
        happen(ledger, commands::confirm(&[offer]), noon()).unwrap();
        happen(ledger, commands::respond(offer, true), noon()).unwrap();
        let events = happen(ledger, commands::start(offer, TODAY), noon()).unwrap();
        let [Event::PlacementStarted { placement }] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(placement.place_group_id, group);
        placements.push(placement.placement_id);
    }
    placements
}

pub(super) fn end(ledger: &mut Ledger, placement: PlacementId) -> Vec<Event> {
    happen(ledger, commands::end(placement, TODAY), noon()).unwrap()
}

/// Twelve places of 20: Trondheim is entitled to 12 and has 4, Hemne to 5 and has 8, Orkdal to
/// 3 and has 8.
pub(super) fn uneven() -> Ledger {
    let mut ledger = vta();
    happen(&mut ledger, commands::budget(from(20, TODAY)), noon()).unwrap();
    let quotas = [(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 8)];
    let quotas = quotas.iter().map(|(n, places)| commands::quota(n, from(*places, TODAY)));
    happen(&mut ledger, commands::quotas(quotas.collect()), noon()).unwrap();
    ledger
}

#[test]
fn what_is_free_already_moves_on_the_first_day_and_then_the_plan_is_over() {
    let mut ledger = uneven();
    let events = begin(&mut ledger, terms());
    let moved = [HEMNE; 3].into_iter().chain([ORKDAL; 5]);
    let expected: Vec<_> =
        moved.map(|number| (Some(number), Some(TRONDHEIM), Ground::GreatestClaim)).collect();
    assert_eq!(told(&events), expected);
    let left: Vec<u64> = redirections(&events).iter().map(|one| one.remaining).collect();
    assert_eq!(left, [7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(places(&ledger), [12, 5, 3]);
    assert_eq!(limit(&ledger, &quota_of(TRONDHEIM)), 1_200);
    let [past] = &ledger.frame().plans.past[..] else { panic!("{:?}", ledger.frame().plans) };
    assert_eq!((past.moved, past.superseded_by), (8, None));
    assert!(ledger.frame().plans.active.is_none());
    // Nothing steers any more.
    let placements = placed(&mut ledger, &[(HEMNE, 100)]);
    assert_eq!(told(&end(&mut ledger, placements[0])), []);
}

#[test]
fn a_place_that_is_freed_goes_in_the_row_that_frees_it() {
    let mut ledger = uneven();
    let all = [(HEMNE, 100); 8].into_iter().chain([(ORKDAL, 100); 8]).chain([(TRONDHEIM, 100); 4]);
    let placements = placed(&mut ledger, &all.collect::<Vec<_>>());
    assert_eq!(told(&begin(&mut ledger, terms())), []);
    // Hemne's first three go to Trondheim, and what is freed at the target stays.
    let goes = [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)];
    for placement in &placements[..3] {
        assert_eq!(told(&end(&mut ledger, *placement)), goes);
    }
    let stays = [(Some(HEMNE), Some(HEMNE), Ground::Protected)];
    assert_eq!(told(&end(&mut ledger, placements[3])), stays);
    let protected = [(Some(TRONDHEIM), Some(TRONDHEIM), Ground::Protected)];
    assert_eq!(told(&end(&mut ledger, placements[16])), protected);
    assert_eq!(places(&ledger), [7, 5, 8]);
    assert_eq!(ledger.account(&quota_of(TRONDHEIM)).free(), 400);
    // A row tells what it was decided by.
    let events = end(&mut ledger, placements[8]);
    let [one] = redirections(&events)[..] else { panic!("{events:?}") };
    let claim = one.claim.as_ref().unwrap();
    assert_eq!((claim.weight, claim.held, claim.target), (60_000, 7, 12));
    assert_eq!(one.runner_up.as_ref().unwrap().municipality_number, municipality(HEMNE));
    assert_eq!((one.remaining, one.may_give, one.may_move), (4, None, None));
    for placement in &placements[9..13] {
        end(&mut ledger, *placement);
    }
    assert_eq!(places(&ledger), [12, 5, 3]);
    assert_eq!(ledger.frame().plans.past[0].moved, 8);
}

#[test]
fn only_whole_places_move_and_what_an_offer_gives_back_does_not() {
    let mut ledger = uneven();
    let others = [(HEMNE, 50), (HEMNE, 50)].into_iter().chain([(HEMNE, 100); 7]);
    let placements = placed(&mut ledger, &others.collect::<Vec<_>>());
    // Orkdal's eight are free at once; all of Hemne's are used.
    let events = begin(&mut ledger, terms());
    assert_eq!(told(&events).len(), 5);
    assert_eq!(told(&end(&mut ledger, placements[0])), []);
    let goes = [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)];
    assert_eq!(told(&end(&mut ledger, placements[1])), goes);
    // An offer in Orkdal that is declined frees nothing.
    let mut ledger = uneven();
    let full = [(HEMNE, 100); 8].into_iter().chain([(ORKDAL, 100); 7]);
    placed(&mut ledger, &full.collect::<Vec<_>>());
    add_entry(&mut ledger, commands::join(99, ORKDAL));
    let offer = offers_of(&allocate(&mut ledger, 1)).next().unwrap().offer_id;
    happen(&mut ledger, commands::confirm(&[offer]), noon()).unwrap();
    assert_eq!(told(&begin(&mut ledger, terms())), []);
    let declined = happen(&mut ledger, commands::respond(offer, false), noon()).unwrap();
    assert_eq!(told(&declined), []);
}

#[test]
fn a_rise_of_the_budget_is_new_and_aims_anew() {
    let mut ledger = uneven();
    let all = [(HEMNE, 100); 8].into_iter().chain([(ORKDAL, 100); 8]);
    placed(&mut ledger, &all.collect::<Vec<_>>());
    begin(&mut ledger, terms());
    let events = happen(&mut ledger, commands::budget(from(22, TODAY)), noon()).unwrap();
    let aimed = events.iter().find(|event| matches!(event, Event::PlanAimed { .. }));
    let Some(Event::PlanAimed { places: 22, targets, .. }) = aimed else { panic!("{events:?}") };
    assert_eq!(targets[&municipality(TRONDHEIM)], 13);
    let new = (None, Some(TRONDHEIM), Ground::GreatestClaim);
    assert_eq!(told(&events), [new, new]);
    assert_eq!(places(&ledger), [6, 8, 8]);
    // A lower one takes nothing back.
    let events = happen(&mut ledger, commands::budget(from(10, TODAY)), noon()).unwrap();
    assert_eq!(told(&events), []);
    assert_eq!(places(&ledger), [6, 8, 8]);
}

#[test]
fn caps_goals_and_committed_places_bind() {
    let full = |ledger: &mut Ledger| {
        let all = [(HEMNE, 100); 8].into_iter().chain([(ORKDAL, 100); 8]);
        placed(ledger, &all.collect::<Vec<_>>())
    };
    let cases = [
        (PlanTerms { cap_basis_points: Some(1_000), ..terms() }, Ground::AreaCap),
        (PlanTerms { pace_is_goal: true, horizon_years: 8, ..terms() }, Ground::PlanCap),
    ];
    for (terms, ground) in cases {
        let mut ledger = uneven();
        let placements = full(&mut ledger);
        begin(&mut ledger, terms);
        let goes = [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)];
        assert_eq!(told(&end(&mut ledger, placements[0])), goes);
        let stays = [(Some(HEMNE), Some(HEMNE), ground)];
        assert_eq!(told(&end(&mut ledger, placements[1])), stays);
        // A year later as much again may go.
        let next = days_on(366);
        let ended = commands::end(placements[2], next);
        let events = happen(&mut ledger, ended, hour(next, 12)).unwrap();
        assert_eq!(told(&events), goes, "{ground:?}");
    }
    // Who co-finances no more gets no more, and the others' targets are higher for it.
    let committed_places = BTreeMap::from([(municipality(TRONDHEIM), 6)]);
    let mut ledger = uneven();
    begin(&mut ledger, PlanTerms { committed_places, ..terms() });
    assert_eq!(places(&ledger)[0], 6);
}

#[test]
fn a_plan_begins_on_its_first_day_and_supersedes_the_one_before() {
    let mut ledger = uneven();
    placed(&mut ledger, &[(HEMNE, 100); 8]);
    let start_date = days_on(LATER);
    let first = PlanTerms { key_date: Some(date!(2011 - 01 - 01)), ..terms() };
    begin(&mut ledger, first);
    let before = ledger.frame().plans.active.as_ref().unwrap().plan_id;
    let events = begin(&mut ledger, PlanTerms { start_date, ..terms() });
    assert_eq!(events.len(), 1);
    let due: Vec<Due> = rows(&ledger)
        .due
        .into_iter()
        .filter(|(due, stands)| *stands && due.kind == DueKind::BeginPlan)
        .map(|(due, _)| due)
        .collect();
    let [due] = &due[..] else { panic!("{due:?}") };
    let command = due.command();
    let early = happen(&mut ledger, command.clone(), noon()).unwrap();
    assert_eq!(early, [Event::NothingToDo]);
    happen(&mut ledger, command.clone(), hour(start_date, 0)).unwrap();
    let plans = &ledger.frame().plans;
    let active = plans.active.as_ref().unwrap().plan_id;
    assert_eq!((plans.past[0].plan_id, plans.past[0].superseded_by), (before, Some(active)));
    let again = happen(&mut ledger, command, hour(start_date, 1)).unwrap();
    assert_eq!(again, [Event::NothingToDo]);
}

#[test]
fn who_may_approve_what_and_when() {
    let mut ledger = uneven();
    let id = propose(&mut ledger, terms()).unwrap();
    let by_author = happen_as(&mut ledger, &actor("author"), &approve(id, None), noon());
    assert_eq!(by_author, Err(Refusal::FourEyes));
    let state = |result: Result<Vec<Event>, Refusal>| match result {
        Err(Refusal::WrongState { state, .. }) => state,
        other => panic!("{other:?}"),
    };
    let early = happen(&mut ledger, approve(id, None), noon());
    assert!(matches!(early, Err(Refusal::CommentsOpen { silent: 3, .. })), "{early:?}");
    happen(&mut ledger, comment(id, TRONDHEIM, View::Disagrees), noon()).unwrap();
    // The time to comment is over: two have said nothing, and one does not agree.
    let after = hour(days_on(31), 9);
    let late = happen(&mut ledger, comment(id, HEMNE, View::Agrees), after);
    assert!(matches!(late, Err(Refusal::DateOutOfRange { .. })), "{late:?}");
    let unreasoned = happen(&mut ledger, approve(id, None), after);
    assert!(matches!(unreasoned, Err(Refusal::FieldRequired { .. })), "{unreasoned:?}");
    let events = happen(&mut ledger, approve(id, Some("Fylkets samlede behov")), after).unwrap();
    let Some(Event::PlanSet { plan }) = events.first() else { panic!("{events:?}") };
    let silent = &plan.approval.as_ref().unwrap().silent;
    assert_eq!(*silent, [municipality(HEMNE), municipality(ORKDAL)]);
    assert_eq!(state(happen(&mut ledger, approve(id, None), after)), "APPROVED");
    assert_eq!(state(happen(&mut ledger, comment(id, HEMNE, View::Agrees), after)), "APPROVED");
}

#[test]
fn what_cannot_be_planned_is_refused() {
    let mut ledger = uneven();
    let cases = [
        PlanTerms { method: Method::LargestRemainder, ..terms() },
        PlanTerms { method: Method::Quota, ..terms() },
        PlanTerms { key_name: "antall".to_owned(), ..terms() },
        PlanTerms { start_date: days_on(-1), ..terms() },
        PlanTerms { comment_until: days_on(800), ..terms() },
        PlanTerms { committed_places: BTreeMap::from([(municipality(STEINKJER), 1)]), ..terms() },
        PlanTerms {
            committed_places: [TRONDHEIM, HEMNE, ORKDAL]
                .into_iter()
                .map(|number| (municipality(number), 1))
                .collect(),
            ..terms()
        },
    ];
    for terms in cases {
        assert!(propose(&mut ledger, terms.clone()).is_err(), "{terms:?}");
    }
    let mut pool = avklaring();
    assert!(matches!(propose(&mut pool, terms()), Err(Refusal::MeasureTypeRule(_))));
    let unknown = PlanId(Uuid::from_u128(1));
    let missing = happen(&mut ledger, approve(unknown, None), noon());
    assert!(matches!(missing, Err(Refusal::NotFound { what: "plan", .. })), "{missing:?}");
}

#[test]
fn a_year_of_a_plan_ends_where_the_next_one_begins() {
    for begun in [date!(2024 - 02 - 29), date!(2026 - 03 - 02), date!(2025 - 12 - 31)] {
        for year in 1..=8 {
            let last = last_day_of(begun, year);
            let next = last.next_day().unwrap();
            assert_eq!((year_of(begun, last), year_of(begun, next)), (year, year + 1), "{begun}");
        }
    }
}

#[test]
fn a_plan_that_cannot_be_followed_on_its_first_day_lapses() {
    let mut ledger = uneven();
    let start_date = days_on(LATER);
    let committed_places =
        [TRONDHEIM, HEMNE, ORKDAL].map(|number| (municipality(number), 8)).into_iter().collect();
    let events = begin(&mut ledger, PlanTerms { start_date, committed_places, ..terms() });
    let Some(Event::PlanSet { plan }) = events.first() else { panic!("{events:?}") };
    let plan_id = plan.plan_id;
    assert_eq!(ledger.frame().plans.approved, BTreeMap::from([(plan_id, start_date)]));
    // More places than those who co-finance them will have.
    happen(&mut ledger, commands::budget(from(30, TODAY)), noon()).unwrap();
    let command = Command::BeginPlan { plan_id };
    let lapsed = happen(&mut ledger, command.clone(), hour(start_date, 0)).unwrap();
    assert_eq!(lapsed, [Event::PlanLapsed { plan_id, date: start_date }]);
    let book = &ledger.frame().plans;
    assert!(book.past[0].lapsed && book.approved.is_empty() && book.active.is_none());
    let again = happen(&mut ledger, command, hour(start_date, 1)).unwrap();
    assert_eq!(again, [Event::NothingToDo]);
}

#[test]
fn what_is_kept_of_plans_is_bounded() {
    let mut ledger = uneven();
    for _ in 0..20 {
        propose(&mut ledger, terms()).unwrap();
    }
    let refused = propose(&mut ledger, terms());
    assert!(matches!(refused, Err(Refusal::LimitReached { would_be: 21, most: 20, .. })));
    let mut ledger = uneven();
    placed(&mut ledger, &[(HEMNE, 100); 8]);
    for _ in 0..200 {
        begin(&mut ledger, terms());
    }
    assert_eq!(ledger.frame().plans.decided(), 200);
    let plan_id = propose(&mut ledger, terms()).unwrap();
    for number in [TRONDHEIM, HEMNE, ORKDAL] {
        happen(&mut ledger, comment(plan_id, number, View::Agrees), noon()).unwrap();
    }
    let refused = happen(&mut ledger, approve(plan_id, None), noon());
    assert!(matches!(refused, Err(Refusal::LimitReached { would_be: 201, most: 200, .. })));
}
