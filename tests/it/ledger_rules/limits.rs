//! Budgets, quotas and capacities as of a date, and what lowering them does: nothing to anybody.

use tiltaksplass::domain::ledger::{Due, rows};

use super::*;

/// Every day that is due, in order.
fn due_days(ledger: &Ledger) -> Vec<Date> {
    let due = rows(ledger).due.into_iter().filter(|(_, stands)| *stands);
    due.map(|(due, _)| due.at.date_in_norway()).collect()
}

fn begin_day(ledger: &mut Ledger, due: Date, at: Timestamp) -> Vec<Event> {
    happen(ledger, Due::day(due).command(), at).unwrap()
}

fn until(places: u32, valid_from: Date, valid_to: Date) -> PlacesInPeriod {
    PlacesInPeriod { valid_to: Some(valid_to), ..from(places, valid_from) }
}

#[test]
fn the_pool_holds_the_budget_of_the_day() {
    let mut ledger = avklaring();
    happen(&mut ledger, commands::budget(from(4, TODAY)), noon()).unwrap();
    assert_eq!(limit(&ledger, &AccountKey::Pool), 400);
    let closed = until(1, days_on(10), days_on(12));
    happen(&mut ledger, commands::budget(closed), noon()).unwrap();
    assert_eq!(limit(&ledger, &AccountKey::Pool), 400);
    assert_eq!(due_days(&ledger), [days_on(10), days_on(12)]);
    begin_day(&mut ledger, days_on(10), hour(days_on(10), 0));
    assert_eq!(limit(&ledger, &AccountKey::Pool), 100);
    assert_eq!(due_days(&ledger), [days_on(12)]);
    begin_day(&mut ledger, days_on(12), hour(days_on(12), 0));
    assert_eq!(limit(&ledger, &AccountKey::Pool), 400);
    assert_eq!(due_days(&ledger), []);
}

#[test]
fn a_budget_of_municipalities_sets_no_limit() {
    let mut ledger = vta();
    let events = happen(&mut ledger, commands::budget(from(4, TODAY)), noon()).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(ledger.accounts().count(), 0);
}

#[test]
fn a_late_worker_catches_up_on_the_first_day_due() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    for (day, places) in [(2, 2), (4, 5), (6, 3)] {
        let quota = commands::quota(TRONDHEIM, from(places, days_on(day)));
        happen(&mut ledger, commands::quotas(vec![quota]), noon()).unwrap();
    }
    assert_eq!(due_days(&ledger), [days_on(2), days_on(4), days_on(6)]);
    let late = hour(days_on(9), 8);
    let first = begin_day(&mut ledger, days_on(2), late);
    let limits = vec![(quota_of(TRONDHEIM), 300)];
    assert_eq!(first, [Event::LimitsSet { date: days_on(2), limits }]);
    for day in [4, 6] {
        let later = begin_day(&mut ledger, days_on(day), late);
        assert_eq!(later, [Event::LimitsSet { date: days_on(day), limits: Vec::new() }]);
    }
    assert_eq!(due_days(&ledger), []);
}

/// A decision may fall on a day that has begun while the batch was under way: what is due on that
/// day must still take effect.
#[test]
fn a_change_does_not_swallow_a_day_that_is_still_due() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 1)]);
    let tomorrow = days_on(1);
    let quota = commands::quota(TRONDHEIM, from(2, tomorrow));
    happen(&mut ledger, commands::quotas(vec![quota]), noon()).unwrap();
    let submission_id = submitted(&mut ledger, commands::submission(from(3, TODAY)));
    let changes = [
        commands::quotas(vec![commands::quota(HEMNE, from(3, tomorrow))]),
        commands::review(submission_id, true),
        commands::budget(from(50, tomorrow)),
    ];
    for change in changes {
        let mut ledger = ledger.clone();
        let kind = change.kind();
        happen(&mut ledger, change, hour(tomorrow, 0)).unwrap();
        let stands = due_days(&ledger).contains(&tomorrow);
        assert!(stands || limit(&ledger, &quota_of(TRONDHEIM)) == 200, "{kind}");
    }
}

#[test]
fn a_pools_budget_does_not_swallow_a_day_that_is_still_due() {
    let mut ledger = avklaring();
    let mut submit = commands::submission(from(3, days_on(1)));
    submit.work_fields = Vec::new();
    let submission_id = submitted(&mut ledger, submit);
    happen(&mut ledger, commands::review(submission_id, true), noon()).unwrap();
    let group = ledger.place_groups().next().unwrap().place_group_id;
    happen(&mut ledger, commands::budget(from(4, days_on(1))), hour(days_on(1), 0)).unwrap();
    let stands = due_days(&ledger).contains(&days_on(1));
    assert!(stands || limit(&ledger, &AccountKey::PlaceGroup(group)) == 300);
}

#[test]
fn capacity_holds_from_its_day_to_its_day() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 9)]);
    let submit = commands::submission(until(3, days_on(1), days_on(3)));
    let submission_id = submitted(&mut ledger, submit);
    let events = happen(&mut ledger, commands::review(submission_id, true), noon()).unwrap();
    let Event::CapacityApproved { place_group, days, .. } = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(*days, [days_on(1), days_on(3)]);
    let key = AccountKey::PlaceGroup(place_group.place_group_id);
    for (day, expected) in [(0, 0), (1, 300), (3, 0)] {
        begin_day(&mut ledger, days_on(day), hour(days_on(day), 13));
        assert_eq!(limit(&ledger, &key), expected, "day {day}");
    }
}

#[test]
fn quotas_are_for_measures_with_quotas_and_municipalities_of_the_area() {
    let quota = |number| commands::quotas(vec![commands::quota(number, from(1, TODAY))]);
    let refusal = happen(&mut avklaring(), quota(TRONDHEIM), noon()).unwrap_err();
    assert!(matches!(refusal, Refusal::MeasureTypeRule(_)), "{refusal:?}");
    for number in [STEINKJER, "9999"] {
        let refusal = happen(&mut vta_with_quotas(&[]), quota(number), noon()).unwrap_err();
        let (field, value) = ("quotas.municipality_number", number.to_owned());
        let problem = "is not a municipality of this area";
        assert_eq!(refusal, Refusal::RegistryMismatch { field, value, problem });
    }
}

/// I2, on each day by itself.
#[test]
fn quotas_fit_the_budget_on_every_day() {
    let mut ledger = vta();
    happen(&mut ledger, commands::budget(from(10, TODAY)), noon()).unwrap();
    happen(&mut ledger, commands::budget(until(8, days_on(20), days_on(30))), noon()).unwrap();
    let mut set = |number: &str, places| {
        let quotas = commands::quotas(vec![commands::quota(number, places)]);
        happen(&mut ledger, quotas, noon()).map(|_| ())
    };
    let over = |sum, budget, date| Err(Refusal::QuotasExceedBudget { sum, budget, date });
    assert_eq!(set(TRONDHEIM, from(6, TODAY)), Ok(()));
    assert_eq!(set(HEMNE, from(5, TODAY)), over(11, 10, TODAY));
    assert_eq!(set(HEMNE, from(4, TODAY)), over(10, 8, days_on(20)));
    assert_eq!(set(HEMNE, until(4, TODAY, days_on(20))), Ok(()));
    assert_eq!(set(HEMNE, from(3, days_on(25))), over(9, 8, days_on(25)));
    assert_eq!(set(HEMNE, from(4, days_on(30))), Ok(()));
    assert_eq!(set(ORKDAL, from(1, days_on(40))), over(11, 10, days_on(40)));
    // A period that began before today is looked at from today on.
    assert_eq!(set(ORKDAL, from(1, days_on(-40))), over(11, 10, TODAY));
}

#[test]
fn several_quotas_fit_together_or_none_is_set() {
    let mut ledger = vta();
    happen(&mut ledger, commands::budget(from(10, TODAY)), noon()).unwrap();
    let both = |a, b| {
        let quota = |number, places| commands::quota(number, from(places, TODAY));
        commands::quotas(vec![quota(TRONDHEIM, a), quota(HEMNE, b)])
    };
    happen(&mut ledger, both(7, 3), noon()).unwrap();
    let refusal = happen(&mut ledger, both(7, 4), noon()).unwrap_err();
    let (sum, budget, date) = (11, 10, TODAY);
    assert_eq!(refusal, Refusal::QuotasExceedBudget { sum, budget, date });
    // What one gives the other may take in the same command.
    happen(&mut ledger, both(2, 8), noon()).unwrap();
    assert_eq!(limit(&ledger, &quota_of(TRONDHEIM)), 200);
    assert_eq!(limit(&ledger, &quota_of(HEMNE)), 800);
}

#[test]
fn under_a_lowered_budget_quotas_may_fall_and_not_rise() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 6), (HEMNE, 4)]);
    happen(&mut ledger, commands::budget(from(5, TODAY)), noon()).unwrap();
    let set = |places| commands::quotas(vec![commands::quota(TRONDHEIM, from(places, TODAY))]);
    let refusal = happen(&mut ledger, set(7), noon()).unwrap_err();
    let (sum, budget, date) = (11, 5, TODAY);
    assert_eq!(refusal, Refusal::QuotasExceedBudget { sum, budget, date });
    happen(&mut ledger, set(6), noon()).unwrap();
    happen(&mut ledger, set(3), noon()).unwrap();
    assert_eq!(limit(&ledger, &quota_of(TRONDHEIM)), 300);
    assert!(happen(&mut ledger, set(4), noon()).is_err());
}

/// I9: capacity and quota below what is used, in every state a place can be in.
#[test]
fn lower_limits_put_nobody_out_and_let_nobody_in() {
    for step in [Step::Proposed, Step::Offered, Step::Accepted] {
        let mut one = one_place(step);
        add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
        lower_everything(&mut one);
        assert_eq!(one.figures(), (100, 0));
        assert!(served(&allocate(&mut one.ledger, 9)).is_empty());
        let account = one.ledger.account(&quota_of(TRONDHEIM));
        assert_eq!((account.over(), account.free(), account.ceiling), (100, 0, 100));
        // The one who has it goes all the way.
        if step == Step::Proposed {
            one.happen(commands::confirm(&[one.offer_id]), noon()).unwrap();
        }
        if step <= Step::Offered {
            one.happen(commands::respond(one.offer_id, true), noon()).unwrap();
        }
        one.happen(commands::start(one.offer_id, TODAY), noon()).unwrap();
        assert_eq!(one.figures(), (0, 100));
        begin_day(&mut one.ledger, days_on(1), hour(days_on(1), 0));
        assert_eq!(one.figures(), (0, 100));
    }
}

#[test]
fn what_is_given_back_under_a_lowered_limit_is_not_given_again() {
    let mut one = one_place(Step::Offered);
    lower_everything(&mut one);
    one.happen(commands::respond(one.offer_id, false), noon()).unwrap();
    assert_eq!(one.figures(), (0, 0));
    assert!(served(&allocate(&mut one.ledger, 9)).is_empty());
    assert_eq!(one.ledger.account(&quota_of(TRONDHEIM)).ceiling, 0);
}

fn lower_everything(one: &mut OnePlace) {
    let mut none = commands::submission(from(0, TODAY));
    none.place_group_id = Some(one.group);
    let submission_id = submitted(&mut one.ledger, none);
    one.happen(commands::review(submission_id, true), noon()).unwrap();
    let quota = commands::quota(TRONDHEIM, from(0, TODAY));
    one.happen(commands::quotas(vec![quota]), noon()).unwrap();
}
