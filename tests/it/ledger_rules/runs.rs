//! `AllocatePlaces`: the order of a run, what it gives, and why it ends.

use tiltaksplass::domain::allocation::{PASSED_OVER_NAMED, PassedOverReason, RunEnd, RunReport};

use super::*;

fn report(events: &[Event]) -> &RunReport {
    let made = events
        .iter()
        .find_map(|event| if let Event::RunMade { report } = event { Some(report) } else { None });
    made.unwrap()
}

fn who(events: &[Event]) -> Vec<EntryId> {
    served(events).into_iter().map(|(entry_id, _)| entry_id).collect()
}

#[test]
fn a_run_goes_over_all_queues_in_the_one_order() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 2), (HEMNE, 2)]);
    add_group(&mut ledger, 4, &[]);
    let mut late = commands::join(3, TRONDHEIM);
    late.priority_class = Some("YOUNG".parse().unwrap());
    let joins = [commands::join(1, HEMNE), commands::join(2, TRONDHEIM), late];
    let [first, second, young] = joins.map(|join| add_entry(&mut ledger, join));
    let events = allocate(&mut ledger, 9);
    assert_eq!(who(&events), [young, first, second]);
    assert_eq!(report(&events).end, RunEnd::NobodyEligible);
    assert_eq!(report(&events).passed_over, []);
}

#[test]
fn a_proposal_says_where_from_what_and_until_when() {
    let one = one_place(Step::Proposed);
    let offer = one.ledger.offer(one.offer_id).unwrap();
    assert_eq!((offer.entry_id, offer.place_group_id), (one.entry_id, one.group));
    assert_eq!((&offer.account, offer.participation_percent), (&quota_of(TRONDHEIM), 100));
    assert_eq!(offer.proposed_seq, one.ledger.head().seq);
    assert_eq!(offer.proposed_time, one.ledger.head().at);
    // Proposed on Tuesday; Wednesday and Thursday count.
    let confirm_by = hour(days_on(3), 0);
    assert_eq!(offer.state, OfferState::Proposed { confirm_by });
    assert_eq!(one.figures(), (100, 0));
}

#[test]
fn deadlines_step_over_weekends_and_holidays() {
    // On the Wednesday before Easter; Thursday and Friday are holidays.
    let wednesday = date!(2011 - 04 - 20);
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    add_group(&mut ledger, 1, &[]);
    add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let events = happen(&mut ledger, commands::allocate(1, &[]), hour(wednesday, 12)).unwrap();
    let offer = offers_of(&events).next().unwrap();
    let confirm_by = start_of_day_in_norway(date!(2011 - 04 - 27));
    assert_eq!(offer.state, OfferState::Proposed { confirm_by });
}

#[test]
fn each_end_of_a_run() {
    // (quota, capacity, people, at most) and the end, with how many were served.
    let cases = [
        ((5, 5, 3, 2), RunEnd::AllProposed, 2),
        ((5, 5, 3, 3), RunEnd::AllProposed, 3),
        ((5, 5, 3, 4), RunEnd::NobodyEligible, 3),
        ((5, 2, 3, 4), RunEnd::NoFreePlace, 2),
        ((2, 5, 3, 4), RunEnd::NoQuota, 2),
        ((2, 2, 3, 4), RunEnd::NoFreePlace, 2),
        ((0, 5, 3, 4), RunEnd::NoQuota, 0),
        ((5, 0, 3, 4), RunEnd::NoFreePlace, 0),
        ((5, 5, 0, 4), RunEnd::NobodyEligible, 0),
        ((5, 5, 3, 0), RunEnd::AllProposed, 0),
    ];
    for ((quota, capacity, people, max), end, expected) in cases {
        let mut ledger = vta_with_quotas(&[(TRONDHEIM, quota)]);
        add_group(&mut ledger, capacity, &[]);
        for number in 0..people {
            add_entry(&mut ledger, commands::join(number, TRONDHEIM));
        }
        let events = allocate(&mut ledger, max);
        let found = (report(&events).end, who(&events).len());
        assert_eq!(found, (end, expected), "{quota} {capacity} {people} {max}");
    }
}

#[test]
fn the_pool_serves_everyone_and_has_its_own_end() {
    let mut ledger = avklaring();
    happen(&mut ledger, commands::budget(from(2, TODAY)), noon()).unwrap();
    add_group(&mut ledger, 9, &[]);
    let ids = [(1, HEMNE), (2, TRONDHEIM), (3, HEMNE)]
        .map(|(number, municipality)| add_entry(&mut ledger, commands::join(number, municipality)));
    let events = allocate(&mut ledger, 9);
    assert_eq!(who(&events), ids[..2]);
    assert_eq!(report(&events).end, RunEnd::NoQuota);
    assert_eq!(figures(&ledger, &AccountKey::Pool), (200, 0));
}

#[test]
fn only_the_groups_asked_for() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 9)]);
    let [a, b] = [1, 9].map(|places| add_group(&mut ledger, places, &[]));
    let mut wants_b = commands::join(1, TRONDHEIM);
    wants_b.preferred_place_groups = vec![b];
    let wants_b = add_entry(&mut ledger, wants_b);
    let [any, more] = [2, 3].map(|n| add_entry(&mut ledger, commands::join(n, TRONDHEIM)));
    let events = happen(&mut ledger, commands::allocate(9, &[a]), noon()).unwrap();
    assert_eq!(served(&events), [(any, a)]);
    assert_eq!(report(&events).end, RunEnd::NoFreePlace);
    assert_eq!(report(&events).passed_over, [(wants_b, PassedOverReason::NoAcceptablePlace)]);
    // What another run asked for is no one's.
    let events = happen(&mut ledger, commands::allocate(1, &[a, b]), noon()).unwrap();
    assert_eq!(served(&events), [(wants_b, b)]);
    let events = happen(&mut ledger, commands::allocate(1, &[b]), noon()).unwrap();
    assert_eq!(served(&events), [(more, b)]);
    let unknown = PlaceGroupId(Uuid::from_u128(7));
    let refusal = happen(&mut ledger, commands::allocate(1, &[a, unknown]), noon()).unwrap_err();
    assert_eq!(refusal, Refusal::NotFound { what: "place group", id: unknown.to_string() });
}

#[test]
fn two_municipalities_share_one_place_by_halves() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 1)]);
    let group = add_group(&mut ledger, 1, &[]);
    let halves = [(1, TRONDHEIM), (2, HEMNE), (3, HEMNE)]
        .map(|(n, m)| add_entry(&mut ledger, commands::join_part(n, m, 50)));
    let events = allocate(&mut ledger, 9);
    assert_eq!(served(&events), [(halves[0], group), (halves[1], group)]);
    assert_eq!(report(&events).end, RunEnd::NoFreePlace);
    assert_eq!(group_figures(&ledger, group), (100, 0));
    for number in [TRONDHEIM, HEMNE] {
        assert_eq!(figures(&ledger, &quota_of(number)), (50, 0));
    }
    // One half is given back to both and passed on: the next half fits, a whole does not.
    let whole =
        JoinWaitlist { registered_time: Some(hour(days_on(-9), 0)), ..commands::join(4, HEMNE) };
    let whole = add_entry(&mut ledger, whole);
    let offers: Vec<OfferId> = offers_of(&events).map(|offer| offer.offer_id).collect();
    happen(&mut ledger, commands::confirm(&offers), noon()).unwrap();
    let events = happen(&mut ledger, commands::respond(offers[1], false), noon()).unwrap();
    assert_eq!(figures(&ledger, &quota_of(HEMNE)), (50, 0));
    assert_eq!(served(&events), [(halves[2], group)]);
    let expected = [
        (whole, PassedOverReason::ParticipationDoesNotFit),
        (halves[1], PassedOverReason::DeclinedHere),
    ];
    assert_eq!(report(&events).passed_over, expected);
}

#[test]
fn the_first_hundred_passed_over_are_named_and_all_are_counted() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 0), (HEMNE, 1)]);
    add_group(&mut ledger, 1, &["Kantine"]);
    let mut ahead: Vec<EntryId> = Vec::new();
    for number in 0..130 {
        let quota = if number % 10 == 9 { HEMNE } else { TRONDHEIM };
        let mut join = commands::join(number, quota);
        if quota == HEMNE {
            join.work_fields = vec!["Gartneri".to_owned()];
        }
        ahead.push(add_entry(&mut ledger, join));
    }
    let last = add_entry(&mut ledger, commands::join(200, HEMNE));
    let behind = add_entry(&mut ledger, commands::join(201, HEMNE));
    let events = allocate(&mut ledger, 9);
    assert_eq!(who(&events), [last]);
    let report = report(&events);
    assert_eq!(report.passed_over.len(), PASSED_OVER_NAMED);
    let named: Vec<EntryId> = report.passed_over.iter().map(|(id, _)| *id).collect();
    assert_eq!(named, ahead[..PASSED_OVER_NAMED]);
    let counts = [(PassedOverReason::NoQuota, 117), (PassedOverReason::WorkField, 13)];
    assert_eq!(report.passed_over_counts, BTreeMap::from(counts));
    assert!(!named.contains(&behind));
}

#[test]
fn a_run_that_serves_nobody_passes_nobody_over() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 0), (HEMNE, 1)]);
    add_group(&mut ledger, 1, &[]);
    add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let events = allocate(&mut ledger, 9);
    assert_eq!(events.len(), 1);
    let report = report(&events);
    assert_eq!((report.end, report.passed_over.len()), (RunEnd::NobodyEligible, 0));
    assert_eq!(report.passed_over_counts, BTreeMap::new());
}
