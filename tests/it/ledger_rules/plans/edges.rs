//! What is freed and what is not, what a quota cannot do without, and changes under way.

use std::collections::BTreeSet;

use tiltaksplass::domain::{
    command::{LendQuota, LoanAsk, LoanTerms, ReassignPlacement},
    ledger::plan_holders,
    plan::{ChangeCause, Pace},
    prospect::Outset,
};

use super::*;

/// A registry in which these rows are other ones.
fn with(rows: &[RegistryRow]) -> Registry {
    let mut registry = REGISTRY.clone();
    let plan = registry.plan_import(rows).unwrap();
    registry.apply(2, &plan.rows);
    registry
}

fn happen_in(
    ledger: &mut Ledger,
    registry: &Registry,
    command: Command,
    at: Timestamp,
) -> Vec<Event> {
    let (who, at) = (actor("county"), ledger.next_time(at));
    let context = Context { at, registry, actor: &who, rules: RULES_VERSION };
    let mut ids = IdSource::new(seed(ledger.head().seq), at);
    let events = decide(ledger, &command, &context, &mut ids).unwrap();
    for event in &events {
        apply(ledger, event);
    }
    ledger.advance([0; 32], at);
    events
}

fn full(ledger: &mut Ledger, quotas: &[(&'static str, u32)]) -> Vec<PlacementId> {
    let each = quotas.iter().flat_map(|(number, places)| {
        std::iter::repeat_n((*number, 100), usize::try_from(*places).unwrap())
    });
    placed(ledger, &each.collect::<Vec<_>>())
}

fn set(ledger: &mut Ledger, number: &str, places: u32, day: Date) {
    let quotas = vec![commands::quota(number, from(places, day))];
    happen(ledger, commands::quotas(quotas), noon()).unwrap();
}

fn causes(events: &[Event]) -> Vec<ChangeCause> {
    let mut found = Vec::new();
    for event in events {
        if let Event::PlanAimed { causes, .. } = event {
            found.extend(causes.iter().copied());
        }
    }
    found
}

/// The sum of what may be used never exceeds the budget, today and later.
fn fits_the_budget(ledger: &Ledger) {
    for day in [0, 50, 150, 400].map(days_on) {
        let budget = ledger.frame().budgets.iter().rev().find(|budget| budget.places.covers(day));
        let budget = budget.map_or(0, |budget| u64::from(budget.places.places));
        assert!(ledger.frame().sum_of_limits(day) <= budget, "{day}");
    }
}

#[test]
fn what_an_offer_gives_back_in_the_row_of_an_end_is_not_freed() {
    let mut ledger = uneven();
    let group = add_group(&mut ledger, 20, &[]);
    let parts = [(HEMNE, 50), (HEMNE, 50)].into_iter().chain([(HEMNE, 100); 7]);
    let placements = placed(&mut ledger, &parts.collect::<Vec<_>>());
    assert_eq!(ledger.account(&quota_of(HEMNE)).free(), 0);
    // One of the halves waits for the rest of a place, and is offered what the other leaves.
    happen(&mut ledger, commands::grow(placements[0], 100, TODAY), noon()).unwrap();
    set(&mut ledger, ORKDAL, 0, TODAY);
    let plan = PlanTerms { protect_at_target: true, ..terms() };
    begin(&mut ledger, plan);
    end(&mut ledger, placements[1]);
    let offers: Vec<OfferId> = offers_of(&allocate(&mut ledger, 5)).map(|o| o.offer_id).collect();
    assert_eq!(offers.len(), 1, "{group:?}");
    let events = end(&mut ledger, placements[0]);
    assert!(events.iter().any(|event| matches!(event, Event::OfferWithdrawn { .. })));
    assert_eq!(ledger.account(&quota_of(HEMNE)).free(), 100);
    assert_eq!(told(&events), []);
}

#[test]
fn a_placement_that_ends_by_time_frees_its_place_and_one_that_moves_away_does_not() {
    let mut ledger = uneven();
    let placements = full(&mut ledger, &[(HEMNE, 8), (ORKDAL, 7)]);
    set(&mut ledger, ORKDAL, 7, TODAY);
    begin(&mut ledger, terms());
    // Paid for by Trondheim, which has room, the place in Hemne is free; nobody has left it.
    let reassign = Command::ReassignPlacement(ReassignPlacement {
        placement_id: placements[0],
        municipality_number: municipality(TRONDHEIM),
        following_office_number: "5701".parse().unwrap(),
        case_reference: None,
    });
    let events = happen(&mut ledger, reassign, noon()).unwrap();
    assert_eq!(told(&events), []);
    assert_eq!(ledger.account(&quota_of(HEMNE)).free(), 100);
    let last = days_on(40);
    happen(&mut ledger, commands::end(placements[1], last), noon()).unwrap();
    let finish = Command::FinishPlacement { placement_id: placements[1] };
    let events = happen(&mut ledger, finish, hour(last, 0)).unwrap();
    assert_eq!(told(&events), [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)]);
    // The one that moved frees the place it is paid for by now.
    let events = end(&mut ledger, placements[0]);
    assert_eq!(told(&events), [(Some(TRONDHEIM), Some(TRONDHEIM), Ground::Protected)]);
}

#[test]
fn a_place_that_is_lent_or_set_lower_for_later_stays() {
    let loan = LoanTerms {
        from_municipality: municipality(HEMNE),
        to_municipality: municipality(TRONDHEIM),
        places: 8,
        valid_from: days_on(100),
        valid_to: days_on(200),
        reason: "Ingen venter i Hemne".to_owned(),
    };
    let lend = Command::LendQuota(LendQuota { ask: LoanAsk::Lend(loan), case_reference: None });
    let lower = commands::quotas(vec![commands::quota(HEMNE, from(0, days_on(100)))]);
    for ahead in [lend, lower] {
        let mut ledger = uneven();
        let placements = full(&mut ledger, &[(HEMNE, 8), (ORKDAL, 8)]);
        happen(&mut ledger, ahead, noon()).unwrap();
        begin(&mut ledger, terms());
        let events = end(&mut ledger, placements[0]);
        assert_eq!(told(&events), [(Some(HEMNE), Some(HEMNE), Ground::Bound)]);
        let events = end(&mut ledger, placements[8]);
        assert_eq!(told(&events), [(Some(ORKDAL), Some(TRONDHEIM), Ground::GreatestClaim)]);
        fits_the_budget(&ledger);
    }
}

#[test]
fn new_places_are_those_the_budget_has_on_all_days_to_come() {
    let mut ledger = uneven();
    full(&mut ledger, &[(HEMNE, 8), (ORKDAL, 8)]);
    begin(&mut ledger, terms());
    // For a while there are five more; then the quotas fill the budget again.
    let while_ = PlacesInPeriod { places: 25, valid_from: TODAY, valid_to: Some(days_on(100)) };
    let events = happen(&mut ledger, commands::budget(while_), noon()).unwrap();
    assert_eq!(told(&events), []);
    assert_eq!(causes(&events), [ChangeCause::Budget]);
    fits_the_budget(&ledger);
    // They are new when it is known that they stay.
    let events = happen(&mut ledger, commands::budget(from(25, days_on(100))), noon()).unwrap();
    let new: Vec<_> = told(&events).into_iter().map(|(giver, _, ground)| (giver, ground)).collect();
    assert_eq!(new, vec![(None, Ground::GreatestClaim); 5]);
    fits_the_budget(&ledger);
    // The same at the first row of a plan.
    let mut ledger = uneven();
    full(&mut ledger, &[(HEMNE, 8), (ORKDAL, 8)]);
    let while_ = PlacesInPeriod { places: 25, valid_from: TODAY, valid_to: Some(days_on(100)) };
    happen(&mut ledger, commands::budget(while_), noon()).unwrap();
    assert_eq!(told(&begin(&mut ledger, terms())), []);
    fits_the_budget(&ledger);
}

#[test]
fn without_protection_what_is_free_follows_the_claims_from_the_first_day_on() {
    let mut ledger = vta();
    happen(&mut ledger, commands::budget(from(20, TODAY)), noon()).unwrap();
    let quotas = [(TRONDHEIM, 10), (HEMNE, 5), (ORKDAL, 5)];
    let quotas = quotas.iter().map(|(n, places)| commands::quota(n, from(*places, TODAY)));
    happen(&mut ledger, commands::quotas(quotas.collect()), noon()).unwrap();
    full(&mut ledger, &[(ORKDAL, 5)]);
    let mut protected = ledger.clone();
    let events = begin(&mut ledger, PlanTerms { protect_at_target: false, ..terms() });
    // Hemne holds what it is entitled to, but Trondheim's claim is greater than that to the fifth.
    // What stood free and stays, there and in Trondheim, is not told of.
    let expected = [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)];
    assert_eq!(told(&events), expected);
    assert_eq!(told(&begin(&mut protected, terms())), []);
}

#[test]
fn a_municipality_that_is_gone_gives_all_and_gets_nothing() {
    // No import moves a municipality to another area; a reform of borders does.
    let mut gone = REGISTRY.clone();
    let moved = RegistryRow::Municipality(Municipality {
        municipality_number: municipality(HEMNE),
        name: "Hemne".to_owned(),
        county_id: "NO-17".parse().unwrap(),
    });
    gone.apply(2, &[moved]);
    let mut ledger = uneven();
    let placements = full(&mut ledger, &[(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 8)]);
    begin(&mut ledger, terms());
    let events = happen_in(&mut ledger, &gone, commands::end(placements[4], TODAY), noon());
    assert_eq!(causes(&events), [ChangeCause::Borders]);
    assert_eq!(told(&events), [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)]);
    let active = ledger.frame().plans.active.as_ref().unwrap();
    assert_eq!(active.targets[&municipality(HEMNE)], 0);
    assert_eq!(active.targets.values().sum::<u32>(), 20);
    // 8 of Hemne's and 4 of Orkdal's were to go; one has.
    assert_eq!((active.distance, active.moved), (12, 1));
    // A plan that begins then does not give what the one that is gone holds a second time.
    let mut ledger = uneven();
    full(&mut ledger, &[(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 8)]);
    let plan_id = propose(&mut ledger, terms()).unwrap();
    for number in [TRONDHEIM, ORKDAL] {
        happen(&mut ledger, comment(plan_id, number, View::Agrees), noon()).unwrap();
    }
    let events = happen_in(&mut ledger, &gone, approve(plan_id, None), noon());
    assert_eq!(told(&events), []);
    fits_the_budget(&ledger);
    assert_eq!(ledger.frame().plans.active.as_ref().unwrap().distance, 12);
}

#[test]
fn a_newer_key_and_quotas_set_by_hand_are_said_in_the_plan() {
    let mut ledger = uneven();
    let placements = full(&mut ledger, &[(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 8)]);
    begin(&mut ledger, terms());
    let weight = |number: &str, weight| {
        RegistryRow::DistributionWeight(DistributionWeight {
            key_name: "population".to_owned(),
            key_date: date!(2012 - 01 - 01),
            municipality_number: municipality(number),
            weight,
            source: "SSB 07459".to_owned(),
            borders_date: None,
        })
    };
    let newer = with(&[weight(TRONDHEIM, 70_000), weight(HEMNE, 15_000), weight(ORKDAL, 15_000)]);
    let next = days_on(300);
    // What lies before it follows the targets of the day, and its goals with them: eight places
    // are above the targets it was begun with, and ten above the newer ones.
    let active = ledger.frame().plans.active.clone().unwrap();
    let lies_before = |registry: &Registry| {
        let holders = plan_holders(&ledger, &active.terms, registry, next);
        Outset::new(active.terms.clone(), holders, 20, Some(active.clone()), next).unwrap()
    };
    let behind = |outset: Outset| outset.scenario(1, 1.0).behind.unwrap().distance;
    assert_eq!((active.distance, behind(lies_before(&REGISTRY))), (8, 8));
    assert_eq!(lies_before(&newer).distance_in_all(), 10);
    assert_eq!(behind(lies_before(&newer)), 10);
    let ended = commands::end(placements[4], next);
    let events = happen_in(&mut ledger, &newer, ended, hour(next, 12));
    assert_eq!(causes(&events), [ChangeCause::Key]);
    assert_eq!(told(&events), [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)]);
    // Three of Hemne's more by hand, with Trondheim's quota as high as it is by then.
    let quotas = [(HEMNE, 4), (TRONDHEIM, 8)];
    let quotas = quotas.iter().map(|(n, places)| commands::quota(n, from(*places, next)));
    let set = commands::quotas(quotas.collect());
    let events = happen_in(&mut ledger, &newer, set, hour(next, 13));
    assert_eq!(causes(&events), [ChangeCause::Quotas]);
    let active = ledger.frame().plans.active.as_ref().unwrap();
    let said: Vec<_> = active
        .changes
        .iter()
        .map(|one| (one.date, one.key_date, one.places, one.remaining))
        .collect();
    let key = Some(date!(2012 - 01 - 01));
    assert_eq!(said, [(next, key, 20, 10), (next, key, 20, 6)]);
    // What has moved stays moved, and the goals follow: 1 of 7.
    assert_eq!((active.moved, active.distance), (1, 7));
    let steps: Vec<_> = active.latest.iter().map(|step| (step.seq, step.ground)).collect();
    assert_eq!(steps.len(), 1);
    // Nothing is said where nothing has changed.
    let again = commands::end(placements[5], next);
    assert_eq!(causes(&happen_in(&mut ledger, &newer, again, hour(next, 14))), []);
}

#[test]
fn a_lower_budget_moves_what_others_lack_and_a_plan_goes_on_when_it_rises_again() {
    let mut ledger = uneven();
    let placements = full(&mut ledger, &[(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 8)]);
    begin(&mut ledger, terms());
    // Of nine Trondheim is entitled to 6, Hemne to 2 and Orkdal to 1.
    let events = happen(&mut ledger, commands::budget(from(9, TODAY)), noon()).unwrap();
    assert_eq!(causes(&events), [ChangeCause::Budget]);
    let active = |ledger: &Ledger| ledger.frame().plans.active.clone().unwrap();
    assert_eq!(active(&ledger).targets.values().copied().collect::<Vec<_>>(), [6, 2, 1]);
    assert_eq!((active(&ledger).distance, active(&ledger).moved), (2, 0));
    let goes = [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim)];
    for placement in &placements[4..6] {
        assert_eq!(told(&end(&mut ledger, *placement)), goes);
    }
    let stays = [(Some(HEMNE), Some(HEMNE), Ground::NobodyMay)];
    assert_eq!(told(&end(&mut ledger, placements[6])), stays);
    happen(&mut ledger, commands::budget(from(20, TODAY)), noon()).unwrap();
    // The place that stayed free goes at once, since others lack some again.
    assert_eq!((active(&ledger).distance, active(&ledger).moved), (8, 3));
    for placement in &placements[12..17] {
        end(&mut ledger, *placement);
    }
    let [past] = &ledger.frame().plans.past[..] else { panic!("{:?}", ledger.frame().plans) };
    let ended_as = past.ended_as.as_ref().unwrap();
    assert_eq!((past.moved, ended_as.given[&municipality(HEMNE)]), (8, 3));
    assert_eq!(places(&ledger), [12, 5, 3]);
}

#[test]
fn without_protection_only_vacancies_above_a_target_are_held_to_the_forecast() {
    let mut ledger = uneven();
    let placements = full(&mut ledger, &[(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 8)]);
    begin(&mut ledger, PlanTerms { protect_at_target: false, ..terms() });
    let seen = |ledger: &Ledger| {
        let plan = ledger.frame().plans.active.as_ref().unwrap();
        (plan.vacancies_seen, plan.moved, plan.stayed.values().sum::<u32>())
    };
    // Trondheim lacks places, and its claim to its own is the greatest.
    end(&mut ledger, placements[0]);
    assert_eq!(seen(&ledger), (0, 0, 1));
    end(&mut ledger, placements[4]);
    assert_eq!(seen(&ledger), (1, 1, 1));
}

/// What stayed free since nobody lacked any goes as soon as somebody does: when the budget rises
/// again, in that very row.
#[test]
fn what_stands_free_goes_when_the_plan_aims_at_other_targets() {
    let mut ledger = uneven();
    let placements = full(&mut ledger, &[(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 8)]);
    begin(&mut ledger, terms());
    // Of seven nobody lacks any: Trondheim is entitled to four and has them.
    happen(&mut ledger, commands::budget(from(7, TODAY)), noon()).unwrap();
    let stays = [(Some(HEMNE), Some(HEMNE), Ground::NobodyMay)];
    for placement in &placements[4..6] {
        assert_eq!(told(&end(&mut ledger, *placement)), stays);
    }
    let events = happen(&mut ledger, commands::budget(from(20, TODAY)), noon()).unwrap();
    assert_eq!(causes(&events), [ChangeCause::Budget]);
    assert_eq!(told(&events), [(Some(HEMNE), Some(TRONDHEIM), Ground::GreatestClaim); 2]);
    assert!(redirections(&events).iter().all(|one| one.stood_free));
    assert_eq!(places(&ledger), [6, 6, 8]);
    let plan = ledger.frame().plans.active.as_ref().unwrap();
    // They became free once each, and are counted once.
    assert_eq!((plan.vacancies_seen, plan.moved), (2, 2));
    fits_the_budget(&ledger);
    assert_eq!(ledger.account(&quota_of(HEMNE)).free(), 0);
}

/// What a county has moved by hand the plan does not take back in the same row.
#[test]
fn quotas_set_by_hand_stand_until_something_becomes_free() {
    let mut ledger = uneven();
    full(&mut ledger, &[(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 7)]);
    begin(&mut ledger, terms());
    assert_eq!(places(&ledger), [5, 8, 7]);
    let back = [(TRONDHEIM, 4), (ORKDAL, 8)];
    let back = back.iter().map(|(n, places)| commands::quota(n, from(*places, TODAY)));
    let events = happen(&mut ledger, commands::quotas(back.collect()), noon()).unwrap();
    assert_eq!(causes(&events), [ChangeCause::Quotas]);
    assert_eq!(told(&events), []);
    assert_eq!(places(&ledger), [4, 8, 8]);
}

/// A row has so many events and no more; the rest stays in the budget.
#[test]
fn so_many_new_places_are_given_at_once() {
    let mut ledger = uneven();
    full(&mut ledger, &[(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 8)]);
    begin(&mut ledger, terms());
    let events = happen(&mut ledger, commands::budget(from(2_520, TODAY)), noon()).unwrap();
    let new = told(&events).iter().filter(|(from, ..)| from.is_none()).count();
    assert_eq!(new, 2_000);
    assert_eq!(places(&ledger).iter().sum::<u32>(), 2_020);
    fits_the_budget(&ledger);
}

#[test]
fn how_a_plan_goes_is_held_to_the_goals_of_its_years() {
    let mut ledger = uneven();
    let placements = full(&mut ledger, &[(TRONDHEIM, 4), (HEMNE, 8), (ORKDAL, 8)]);
    begin(&mut ledger, PlanTerms { horizon_years: 4, ..terms() });
    // Eight in four years.
    let plan = |ledger: &Ledger| ledger.frame().plans.active.clone().unwrap();
    let year = plan(&ledger).year_of_plan(TODAY);
    assert_eq!((year.year, year.first, year.last), (1, TODAY, date!(2012 - 02 - 29)));
    assert_eq!((year.goal_now, year.goal_at_end), (0, 2));
    let middle = days_on(184);
    assert_eq!(plan(&ledger).year_of_plan(middle).goal_now, 1);
    assert_eq!((plan(&ledger).pace(TODAY), plan(&ledger).pace(middle)), (Pace::On, Pace::Behind));
    for placement in &placements[4..6] {
        end(&mut ledger, *placement);
    }
    assert_eq!(plan(&ledger).pace(middle), Pace::On);
    end(&mut ledger, placements[6]);
    end(&mut ledger, placements[0]);
    assert_eq!((plan(&ledger).pace(middle), plan(&ledger).vacancies_seen), (Pace::Ahead, 3));
    let second = plan(&ledger).year_of_plan(date!(2012 - 03 - 01));
    assert_eq!((second.year, second.goal_now, second.goal_at_end), (2, 2, 4));
    assert_eq!(plan(&ledger).year_of_plan(date!(2020 - 01 - 01)).goal_now, 8);
    let grounds: BTreeSet<Ground> = plan(&ledger).stayed.keys().copied().collect();
    assert_eq!(grounds, BTreeSet::from([Ground::Protected]));
}
