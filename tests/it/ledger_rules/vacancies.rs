//! What stands empty after any sequence of commands: for how long, and why.

use std::collections::VecDeque;

use proptest::test_runner::TestCaseError;
use tiltaksplass::domain::{
    allocation::{PlacementState, RunRules, RunScope, run},
    capacity::places_on,
    vacancy::{Block, Changes, Outlook, Standing, open_queues, outlook, standing},
    waitlist::{OrderKey, QueueKey},
};

use super::{
    sequences::{LENGTH, Op, World, either_ledger, op, runner},
    *,
};
use proptest::prelude::*;

/// No sequence's dates lie farther back.
const DAYS_BACK: i64 = 400;

fn key(group: PlaceGroupId) -> AccountKey {
    AccountKey::PlaceGroup(group)
}

fn block(ledger: &Ledger, account: &AccountKey) -> (i64, Block) {
    outlook(ledger, true, RunRules::default()).unwrap().of(account)
}

#[test]
fn each_block_of_a_place_and_of_a_quota() {
    // Two places and one who waits, with a quota of one, then of three.
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 0)]);
    let group = add_group(&mut ledger, 2, &[]);
    let quota = quota_of(TRONDHEIM);
    assert_eq!(block(&ledger, &key(group)), (0, Block::NobodyWaits));
    assert_eq!(block(&ledger, &quota), (0, Block::NobodyWaits));
    // Whose quota has no room does not count as waiting.
    add_entry(&mut ledger, commands::join(1, HEMNE));
    assert_eq!(block(&ledger, &key(group)), (0, Block::NobodyWaits));
    add_entry(&mut ledger, commands::join(2, TRONDHEIM));
    assert_eq!(block(&ledger, &key(group)), (100, Block::NoQuota));
    assert_eq!(block(&ledger, &quota), (100, Block::None));
    let more = commands::quotas(vec![commands::quota(TRONDHEIM, from(3, TODAY))]);
    happen(&mut ledger, more, noon()).unwrap();
    assert_eq!(block(&ledger, &key(group)), (100, Block::NobodyWaits));
    add_entry(&mut ledger, commands::join(3, TRONDHEIM));
    assert_eq!(block(&ledger, &key(group)), (200, Block::None));
    assert_eq!(block(&ledger, &quota), (200, Block::NoPlace));
}

#[test]
fn who_would_not_take_it_keeps_a_place_empty() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5), (HEMNE, 5)]);
    let (wanted, other) = (add_group(&mut ledger, 1, &[]), add_group(&mut ledger, 1, &[]));
    for person in 1..=2 {
        let mut join = commands::join(person, TRONDHEIM);
        join.preferred_place_groups = vec![wanted];
        add_entry(&mut ledger, join);
    }
    assert_eq!(block(&ledger, &key(wanted)), (100, Block::None));
    assert_eq!(block(&ledger, &key(other)), (0, Block::NobodyAccepts));
    assert_eq!(block(&ledger, &quota_of(TRONDHEIM)), (100, Block::NobodyAccepts));
    // For a quota only its own people count.
    assert_eq!(block(&ledger, &quota_of(HEMNE)), (0, Block::NobodyWaits));
}

#[test]
fn where_too_many_wait_only_what_does_not_hang_on_them_is_told() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 2)]);
    let group = add_group(&mut ledger, 2, &[]);
    add_entry(&mut ledger, commands::join(1, TRONDHEIM));
    let some = outlook(&ledger, false, RunRules::default()).unwrap();
    assert!(!some.is_settled());
    assert_eq!(some.of(&key(group)), (100, Block::NotDetermined));
    assert_eq!(some.of(&quota_of(TRONDHEIM)), (100, Block::NotDetermined));
    // Whoever else waits, there is no second place and no second quota.
    add_entry(&mut ledger, commands::join(2, TRONDHEIM));
    let some = outlook(&ledger, false, RunRules::default()).unwrap();
    assert!(some.is_settled());
    assert_eq!(some.of(&key(group)), (200, Block::None));
}

#[test]
fn without_any_second_account_a_place_has_no_quota() {
    for mut ledger in [vta(), avklaring()] {
        let group = add_group(&mut ledger, 1, &[]);
        add_entry(&mut ledger, commands::join(1, TRONDHEIM));
        assert_eq!(open_queues(&ledger), []);
        assert_eq!(block(&ledger, &key(group)), (0, Block::NoQuota));
    }
}

// ---- After any sequence ----

/// The dated decisions of an account.
fn history(ledger: &Ledger, key: &AccountKey) -> Vec<PlacesInPeriod> {
    match key {
        AccountKey::PlaceGroup(id) => ledger.place_group(*id).unwrap().capacity.clone(),
        AccountKey::Quota(number) => {
            ledger.frame().quotas[number].iter().map(|quota| quota.places.clone()).collect()
        }
        AccountKey::Pool => {
            ledger.frame().budgets.iter().map(|budget| budget.places.clone()).collect()
        }
    }
}

fn placements_of<'a>(
    ledger: &'a Ledger,
    key: &'a AccountKey,
) -> impl Iterator<Item = &'a Placement> {
    ledger
        .placements()
        .filter(move |p| p.account == *key || AccountKey::PlaceGroup(p.place_group_id) == *key)
}

fn ended_on(placement: &Placement) -> Option<Date> {
    match &placement.state {
        PlacementState::Ended(end) => Some(end.end_date),
        PlacementState::Running | PlacementState::Ending(_) | PlacementState::OnLeave(_) => None,
    }
}

/// What the store sums from the placements.
fn changes_of_use(ledger: &Ledger, key: &AccountKey) -> Changes {
    let mut changes = Changes::new();
    for placement in placements_of(ledger, key) {
        let percent = i64::from(placement.participation_percent);
        *changes.entry(placement.start_date).or_default() += percent;
        if let Some(end) = ended_on(placement) {
            *changes.entry(end).or_default() -= percent;
        }
    }
    changes
}

/// The same as `standing`, with a queue of single per cents kept day by day.
fn plain_standing(ledger: &Ledger, key: &AccountKey, today: Date) -> Option<Standing> {
    let last = ledger.head().at.date_in_norway();
    let history = history(ledger, key);
    let mut empty: VecDeque<Date> = VecDeque::new();
    let mut date = TODAY.saturating_sub(Duration::days(DAYS_BACK));
    while date <= last {
        let used: i64 = placements_of(ledger, key)
            .filter(|p| p.start_date <= date && ended_on(p).is_none_or(|end| date < end))
            .map(|p| i64::from(p.participation_percent))
            .sum();
        let now = i64::from(places_on(&history, date)) * 100 - used;
        let now = usize::try_from(now.max(0)).unwrap();
        empty.drain(..empty.len().saturating_sub(now));
        empty.resize(now, date);
        date = date.saturating_add(Duration::DAY);
    }
    let reserved = usize::try_from(ledger.account(key).reserved).unwrap();
    empty.drain(..reserved.min(empty.len()));
    let days = |since: &Date| u64::try_from((today - *since).whole_days()).unwrap();
    let since = *empty.front()?;
    let place_days = empty.iter().map(days).sum::<u64>() / 100;
    Some(Standing { since, days: u32::try_from(days(&since)).unwrap(), place_days })
}

fn vacancies_are_the_plain_ones(ledger: &Ledger, today: Date) -> Result<(), TestCaseError> {
    let whole = outlook(ledger, true, RunRules::default()).unwrap();
    let (served, _) =
        run(ledger, &RunScope::all(ledger.head().at, usize::MAX, RunRules::default())).unwrap();
    for (key, account) in ledger.accounts() {
        let found = standing(ledger, key, &changes_of_use(ledger, key), today);
        prop_assert_eq!(found, plain_standing(ledger, key, today), "{:?} {:?}", key, account);
        prop_assert_eq!(found.is_some(), account.free() > 0);
        let (allocable, block) = whole.of(key);
        let expected: i64 = served
            .iter()
            .filter(|one| one.account == *key || AccountKey::PlaceGroup(one.place_group_id) == *key)
            .map(|one| i64::from(one.participation_percent))
            .sum();
        prop_assert_eq!(allocable, expected);
        prop_assert_eq!(block == Block::None, allocable == account.free(), "{:?}", block);
    }
    let waiting = waiting_in_order(ledger);
    for first in 0..=waiting.len() {
        let some = outlook(
            &read_in_part(ledger, &waiting[..first]),
            first == waiting.len(),
            RunRules::default(),
        );
        says_the_same_or_less(ledger, &some.unwrap(), &whole)?;
    }
    Ok(())
}

/// Those who wait for an account with room.
fn waiting_in_order(ledger: &Ledger) -> Vec<Entry> {
    let queues = open_queues(ledger);
    let waits = |entry: &&Entry| {
        entry.state.name() == "WAITING" && queues.contains(&ledger.queue_of(entry))
    };
    let mut waiting: Vec<Entry> = ledger.entries().filter(waits).cloned().collect();
    waiting.sort_by_key(|entry| entry.key);
    waiting
}

/// The ledger as a reader loads it, with the first of those who wait.
fn read_in_part(whole: &Ledger, first: &[Entry]) -> Ledger {
    let mut ledger = Ledger::new(whole.id().clone(), whole.distribution(), whole.head());
    ledger.load_frame(whole.frame().clone());
    whole.place_groups().for_each(|group| ledger.load_place_group(group.clone()));
    whole.accounts().for_each(|(key, account)| ledger.load_account(key.clone(), *account));
    for entry in first {
        let key: QueueKey = ledger.queue_of(entry);
        ledger.load_queue(key.clone(), OrderKey::MIN);
        ledger.load_heads(&key, vec![entry.clone()], true);
    }
    ledger
}

fn says_the_same_or_less(
    ledger: &Ledger,
    some: &Outlook,
    whole: &Outlook,
) -> Result<(), TestCaseError> {
    for (key, _) in ledger.accounts() {
        let ((part, block), (all, expected)) = (some.of(key), whole.of(key));
        if some.is_settled() {
            prop_assert_eq!((part, block), (all, expected), "{:?}", key);
        } else {
            prop_assert!(part <= all);
            prop_assert!([Block::None, Block::NotDetermined].contains(&block), "{block:?}");
        }
    }
    Ok(())
}

#[test]
fn vacancies_of_any_ledger_are_the_plain_ones() {
    let sequences = (either_ledger(), prop::collection::vec(op(), LENGTH));
    let outcome = runner(20).run(&sequences, |(ledger, ops)| {
        let mut world = World::new(ledger);
        for (number, op) in World::beginning().iter().chain(&ops).enumerate() {
            if let Op::Advance { hours } = op {
                world.move_clock(*hours);
                for due in world.due() {
                    // What can no longer happen is refused.
                    let _ = world.happen(&due.command());
                }
            }
            if let Some(command) = world.command(op) {
                let _ = world.happen(&command);
            }
            if number % 25 == 0 || number == LENGTH {
                vacancies_are_the_plain_ones(&world.ledger, world.clock.date_in_norway())?;
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
