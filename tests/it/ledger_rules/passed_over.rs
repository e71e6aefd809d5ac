//! Why someone ahead is not served, one reason at a time (I6).

use tiltaksplass::domain::allocation::PassedOverReason;

use super::*;

/// Someone stands ahead of another who takes whatever is free.
struct Queue {
    ledger: Ledger,
    ahead: EntryId,
    behind: EntryId,
}

impl Queue {
    fn new(mut ledger: Ledger, ahead: JoinWaitlist, behind: JoinWaitlist) -> Self {
        let [ahead, behind] = [ahead, behind].map(|join| add_entry(&mut ledger, join));
        Self { ledger, ahead, behind }
    }

    fn passes_ahead_over(&mut self, reason: PassedOverReason) {
        let events = allocate(&mut self.ledger, 1);
        let [Event::RunMade { report }, Event::Proposed { offer }] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(offer.entry_id, self.behind);
        assert_eq!(report.passed_over, [(self.ahead, reason)]);
        assert_eq!(report.passed_over_counts, BTreeMap::from([(reason, 1)]));
    }
}

/// Quotas 1 and 1, and two groups: a whole place in the first, one in the second.
fn two_groups() -> (Ledger, PlaceGroupId, PlaceGroupId) {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 2), (HEMNE, 1), (ORKDAL, 0)]);
    let kitchen = add_group(&mut ledger, 1, &["Kantine"]);
    let garden = add_group(&mut ledger, 1, &["Gartneri"]);
    (ledger, kitchen, garden)
}

/// `number` has a whole place in `group`.
fn take(ledger: &mut Ledger, number: u32, percent: u32, group: PlaceGroupId) {
    let mut join = commands::join_part(number, TRONDHEIM, percent);
    join.preferred_place_groups = vec![group];
    add_entry(ledger, join);
    assert_eq!(served(&allocate(ledger, 1)).len(), 1);
}

fn join_for(groups: &[PlaceGroupId]) -> JoinWaitlist {
    let preferred_place_groups = groups.to_vec();
    JoinWaitlist { preferred_place_groups, ..commands::join(1, TRONDHEIM) }
}

fn anyone() -> JoinWaitlist {
    commands::join(2, HEMNE)
}

#[test]
fn no_quota() {
    for number in [ORKDAL, TRONDHEIM] {
        let (mut ledger, kitchen, _) = two_groups();
        let mut full = vec![commands::quota(TRONDHEIM, from(1, TODAY))];
        happen(&mut ledger, commands::quotas(std::mem::take(&mut full)), noon()).unwrap();
        take(&mut ledger, 9, 100, kitchen);
        let ahead = commands::join(1, number);
        Queue::new(ledger, ahead, anyone()).passes_ahead_over(PassedOverReason::NoQuota);
    }
}

#[test]
fn no_acceptable_place() {
    let (mut ledger, kitchen, _) = two_groups();
    take(&mut ledger, 9, 100, kitchen);
    let mut queue = Queue::new(ledger, join_for(&[kitchen]), anyone());
    queue.passes_ahead_over(PassedOverReason::NoAcceptablePlace);
}

#[test]
fn participation_does_not_fit_the_place() {
    let (mut ledger, kitchen, garden) = two_groups();
    take(&mut ledger, 8, 50, kitchen);
    take(&mut ledger, 9, 50, garden);
    let behind = commands::join_part(2, HEMNE, 50);
    let mut queue = Queue::new(ledger, join_for(&[]), behind);
    queue.passes_ahead_over(PassedOverReason::ParticipationDoesNotFit);
}

#[test]
fn participation_does_not_fit_the_quota() {
    let (mut ledger, kitchen, _) = two_groups();
    let quota = commands::quota(TRONDHEIM, from(1, TODAY));
    happen(&mut ledger, commands::quotas(vec![quota]), noon()).unwrap();
    take(&mut ledger, 9, 40, kitchen);
    let ahead = commands::join_part(1, TRONDHEIM, 61);
    let mut queue = Queue::new(ledger.clone(), ahead, anyone());
    queue.passes_ahead_over(PassedOverReason::ParticipationDoesNotFit);
    // What is left to the last per cent fits.
    let fits = add_entry(&mut ledger, commands::join_part(1, TRONDHEIM, 60));
    assert_eq!(served(&allocate(&mut ledger, 1))[0].0, fits);
}

#[test]
fn work_field() {
    let (mut ledger, kitchen, _) = two_groups();
    take(&mut ledger, 9, 100, kitchen);
    let ahead = JoinWaitlist { work_fields: vec!["Kantine".into()], ..join_for(&[]) };
    Queue::new(ledger, ahead, anyone()).passes_ahead_over(PassedOverReason::WorkField);
}

#[test]
fn declined_here() {
    for accept_in_time in [true, false] {
        let (mut ledger, _, garden) = two_groups();
        let ahead = add_entry(&mut ledger, join_for(&[garden]));
        let offer_id = offers_of(&allocate(&mut ledger, 1)).next().unwrap().offer_id;
        happen(&mut ledger, commands::confirm(&[offer_id]), noon()).unwrap();
        let (command, at) = if accept_in_time {
            (commands::respond(offer_id, false), noon())
        } else {
            (Command::ExpireOffer { offer_id }, hour(days_on(10), 0))
        };
        happen(&mut ledger, command, at).unwrap();
        let behind = add_entry(&mut ledger, anyone());
        Queue { ledger, ahead, behind }.passes_ahead_over(PassedOverReason::DeclinedHere);
    }
}

#[test]
fn the_first_of_the_wanted_groups_that_has_room() {
    let (mut ledger, kitchen, garden) = two_groups();
    let first = add_entry(&mut ledger, join_for(&[garden, kitchen]));
    let second = add_entry(
        &mut ledger,
        JoinWaitlist { person_id: commands::person(2), ..join_for(&[garden, kitchen]) },
    );
    let served = served(&allocate(&mut ledger, 9));
    assert_eq!(served, [(first, garden), (second, kitchen)]);
}

#[test]
fn one_wanted_work_field_is_enough() {
    let (mut ledger, _, garden) = two_groups();
    let work_fields = vec!["Transport".to_owned(), "Gartneri".to_owned()];
    let entry_id = add_entry(&mut ledger, JoinWaitlist { work_fields, ..join_for(&[]) });
    assert_eq!(served(&allocate(&mut ledger, 9)), [(entry_id, garden)]);
}

#[test]
fn a_lapsed_proposal_costs_nothing_and_keeps_the_turn() {
    let mut one = one_place(Step::Proposed);
    let behind = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
    let lapse = Command::LapseProposal { offer_id: one.offer_id };
    one.happen(lapse, hour(days_on(10), 0)).unwrap();
    let served = served(&allocate(&mut one.ledger, 1));
    assert_eq!(served, [(one.entry_id, one.group)]);
    assert!(served.iter().all(|(entry_id, _)| *entry_id != behind));
}
