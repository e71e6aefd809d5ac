//! A closure that was reported wrongly is withdrawn or gets another end; what has been stays.

use tiltaksplass::domain::command::{ChangeClosure, ClosureAsk};

use super::*;

fn changing(group: PlaceGroupId, from: i64, ask: ClosureAsk) -> Command {
    Command::ChangeClosure(ChangeClosure {
        place_group_id: group,
        from_date: days_on(from),
        ask,
        reason: None,
        case_reference: None,
    })
}

fn until(group: PlaceGroupId, from: i64, day: Option<i64>) -> Command {
    changing(group, from, ClosureAsk::Until { date: day.map(days_on) })
}

fn withdraw(group: PlaceGroupId, from: i64) -> Command {
    changing(group, from, ClosureAsk::Withdraw)
}

/// First day and first day after, in days from today.
fn closures(placed: &Placed) -> Vec<(i64, Option<i64>)> {
    let day = |date: Date| (date - TODAY).whole_days();
    let group = placed.ledger.place_group(placed.group).unwrap();
    let of_one = |one: &Closure| (day(one.from_date), one.until_date.map(day));
    group.closures.iter().map(of_one).collect()
}

/// Closed from a day on, until another.
fn closed(from: i64, until: Option<i64>) -> Placed {
    let mut placed = Placed::new(100);
    let group = placed.group;
    placed.does(close(group, days_on(from), until.map(days_on)));
    placed
}

#[test]
fn a_closure_is_withdrawn_before_it_has_begun() {
    for (from, until) in [(5, Some(9)), (0, None), (0, Some(1))] {
        let mut placed = closed(from, until);
        let group = placed.group;
        let events = placed.happen(withdraw(group, from)).unwrap();
        let [Event::ClosureChanged { place_group, from_date, days }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((*from_date, &days[..]), (days_on(from), &[][..]));
        assert!(place_group.closures.is_empty() && closures(&placed).is_empty());
        // As if it had never been: another may fall on the same days.
        placed.does(close(group, days_on(from), until.map(days_on)));
    }
}

#[test]
fn one_that_runs_opens_on_another_day_and_no_sooner_than_today() {
    let mut placed = closed(-10, None);
    let (group, refusal) = (placed.group, "until_date");
    assert_eq!(out_of_range(&placed.refused(until(group, -10, Some(-1)))), refusal);
    assert_eq!(out_of_range(&placed.refused(until(group, -10, Some(-10)))), refusal);
    let state = |state, transition| wrong_state("the closure", state, transition);
    assert_eq!(placed.refused(withdraw(group, -10)), state("BEGUN", "WITHDRAW"));
    placed.does(until(group, -10, Some(7)));
    let due: Vec<Due> = rows(&placed.ledger).due.into_iter().map(|(due, _)| due).collect();
    assert!(due.contains(&Due::day(days_on(7))), "{due:?}");
    placed.does(until(group, -10, None));
    // Today it opens, and a run sees that.
    let waiting = add_entry(&mut placed.ledger, commands::join(2, HEMNE));
    assert_eq!(served(&placed.happen(commands::allocate(1, &[])).unwrap()), []);
    placed.does(until(group, -10, Some(0)));
    assert_eq!(closures(&placed), [(-10, Some(0))]);
    let run = placed.happen(commands::allocate(1, &[])).unwrap();
    assert_eq!(served(&run), [(waiting, group)]);
    // It is over now, and stays as it was.
    assert_eq!(placed.refused(until(group, -10, None)), state("OVER", "CHANGE_UNTIL_DATE"));
    assert_eq!(placed.refused(withdraw(group, -10)), state("OVER", "WITHDRAW"));
}

#[test]
fn one_to_come_gets_another_end_apart_from_the_others() {
    let mut placed = closed(5, Some(9));
    let group = placed.group;
    placed.does(close(group, days_on(20), Some(days_on(30))));
    let days = |from, until: Option<i64>| Days { from: days_on(from), until: until.map(days_on) };
    for day in [Some(21), None] {
        let refused = placed.refused(until(group, 5, day));
        let (asked, other) = (days(5, day), days(20, Some(30)));
        assert_eq!(refused, Refusal::ClosuresOverlap { asked, other });
    }
    assert_eq!(out_of_range(&placed.refused(until(group, 5, Some(5)))), "until_date");
    placed.does(until(group, 5, Some(20)));
    placed.does(until(group, 20, None));
    let mut all = closures(&placed);
    all.sort_unstable();
    assert_eq!(all, [(5, Some(20)), (20, None)]);
    let missing = placed.refused(withdraw(group, 6));
    let id = days_on(6).to_string();
    assert_eq!(missing, Refusal::NotFound { what: "closure", id });
    let elsewhere = PlaceGroupId(Uuid::nil());
    let missing = placed.refused(withdraw(elsewhere, 5));
    let id = elsewhere.to_string();
    assert_eq!(missing, Refusal::NotFound { what: "place group", id });
}

#[test]
fn the_reason_stays_unless_there_is_another() {
    let mut placed = closed(5, Some(9));
    let group = placed.group;
    let with = |reason: Option<&str>| {
        let Command::ChangeClosure(c) = until(group, 5, Some(12)) else { panic!() };
        let reason = reason.map(str::to_owned);
        Command::ChangeClosure(ChangeClosure { reason, ..c })
    };
    for (asked, kept) in [(Some("brann"), Some("brann")), (None, Some("brann"))] {
        placed.does(with(asked));
        let closure = &placed.ledger.place_group(group).unwrap().closures[0];
        assert_eq!(closure.reason.as_deref(), kept);
        assert!(closure.reported_by.contains("county"));
    }
}
