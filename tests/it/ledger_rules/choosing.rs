//! Which of the groups that a person would take comes first: by preference, by the order of
//! call-off, or by what each has used of its volume.

use proptest::prelude::*;
use tiltaksplass::domain::measure::{MeasureRules, ProviderChoice};

use super::{
    ruled::{Ruled, start_directly},
    sequences::runner,
    *,
};

fn by(choice: Option<ProviderChoice>) -> MeasureRules {
    MeasureRules { provider_choice: choice, direct_start: true, ..MeasureRules::default() }
}

/// VTA with a large quota, where the measure type chooses so, and groups of these places and
/// ranks, in the order of their ids.
fn with_groups(
    choice: Option<ProviderChoice>,
    groups: &[(u32, Option<u32>)],
) -> (Ruled, Vec<PlaceGroupId>) {
    // The group that comes with the ledger has no place.
    let mut ruled = Ruled::new(&by(choice), 0);
    ruled.now(&commands::quotas(vec![commands::quota(TRONDHEIM, from(100, TODAY))]));
    let of = |(places, rank): &(u32, Option<u32>)| ranked(&mut ruled.ledger, *places, *rank);
    let ids: Vec<PlaceGroupId> = groups.iter().map(of).collect();
    assert!(ids.is_sorted());
    (ruled, ids)
}

/// A group that is made a second after all before it, so that its id is greater.
fn ranked(ledger: &mut Ledger, places: u32, call_off_rank: Option<u32>) -> PlaceGroupId {
    let submit = SubmitCapacity { call_off_rank, ..commands::submission(from(places, TODAY)) };
    let later = Timestamp::from_micros(ledger.head().at.micros() + 1_000_000);
    let events = happen_as(ledger, &actor("provider"), &Command::SubmitCapacity(submit), later);
    let Event::CapacitySubmitted { submission } = &events.unwrap()[0] else { panic!() };
    let submission_id = submission.submission_id;
    let place_group_id = ledger.submission(submission_id).unwrap().place_group_id;
    happen(ledger, commands::review(submission_id, true), noon()).unwrap();
    place_group_id
}

fn join(ruled: &mut Ruled, number: u32, percent: u32, groups: &[PlaceGroupId]) -> EntryId {
    let join = commands::join_part(number, TRONDHEIM, percent);
    let join = JoinWaitlist { preferred_place_groups: groups.to_vec(), ..join };
    let events = ruled.now(&Command::JoinWaitlist(join));
    let [Event::Joined { entry }] = &events[..] else { panic!("{events:?}") };
    entry.entry_id
}

/// Where a run puts everybody, in order.
fn run(ruled: &mut Ruled) -> Vec<PlaceGroupId> {
    let events = ruled.now(&commands::allocate(100, &[]));
    served(&events).into_iter().map(|(_, group)| group).collect()
}

#[test]
fn by_default_and_by_person_the_order_of_the_preferences_counts() {
    for choice in [None, Some(ProviderChoice::Person)] {
        let (mut ruled, ids) = with_groups(choice, &[(1, Some(3)), (1, Some(2)), (1, Some(1))]);
        join(&mut ruled, 1, 100, &[ids[1], ids[2], ids[0]]);
        join(&mut ruled, 2, 100, &[ids[1], ids[2], ids[0]]);
        join(&mut ruled, 3, 100, &[]);
        assert_eq!(run(&mut ruled), [ids[1], ids[2], ids[0]]);
    }
}

/// It could be imported before it did anything: what was decided then recomputes without it.
#[test]
fn before_rules_version_3_nobody_chose_for_the_person() {
    for (version, first) in [(2, 1), (3, 0)] {
        let groups = [(1, Some(1)), (1, Some(2))];
        let (ruled, ids) = with_groups(Some(ProviderChoice::CallOffRank), &groups);
        let mut ruled = ruled.by_version(version);
        join(&mut ruled, 1, 100, &[ids[1], ids[0]]);
        assert_eq!(run(&mut ruled), [ids[first]], "{version}");
    }
}

#[test]
fn the_order_of_call_off_counts_among_those_that_a_person_would_take() {
    let choice = Some(ProviderChoice::CallOffRank);
    let groups = [(1, None), (1, Some(2)), (1, Some(1)), (1, Some(2)), (1, None)];
    let (mut ruled, ids) = with_groups(choice, &groups);
    // Whatever comes first in the preferences; and one with no rank only where nothing else is.
    join(&mut ruled, 1, 100, &[ids[0], ids[3]]);
    for number in 2..6 {
        join(&mut ruled, number, 100, &[]);
    }
    assert_eq!(run(&mut ruled), [ids[3], ids[2], ids[1], ids[0], ids[4]]);
}

#[test]
fn a_rank_stands_until_another_is_approved() {
    let choice = Some(ProviderChoice::CallOffRank);
    let (mut ruled, ids) = with_groups(choice, &[(1, Some(1)), (1, Some(2))]);
    let rank = |ruled: &Ruled| ruled.ledger.place_group(ids[0]).unwrap().call_off_rank;
    for (submitted_rank, expected) in [(None, Some(1)), (Some(9), Some(9))] {
        let submit = SubmitCapacity {
            place_group_id: Some(ids[0]),
            call_off_rank: submitted_rank,
            ..commands::submission(from(1, TODAY))
        };
        let before = rank(&ruled);
        let submission_id = submitted(&mut ruled.ledger, submit);
        assert_eq!(rank(&ruled), before);
        ruled.now(&commands::review(submission_id, true));
        assert_eq!(rank(&ruled), expected);
    }
    join(&mut ruled, 1, 100, &[]);
    assert_eq!(run(&mut ruled), [ids[1]]);
}

/// Shares of what each has, not numbers of places; what the run itself gives counts at once, and
/// what is reserved counts as what is used.
#[test]
fn the_least_used_share_of_the_volume_comes_first() {
    let choice = Some(ProviderChoice::EvenByVolume);
    let (mut ruled, ids) = with_groups(choice, &[(2, None), (4, Some(1)), (1, None)]);
    for number in 1..8 {
        join(&mut ruled, number, 100, &[]);
    }
    let [two, four, one] = ids[..] else { panic!() };
    // All at 0; then 1/2, 0, 0; 1/2, 1/4, 0; 1/2, 1/4, 1; 1/2, 1/2, 1; 1, 1/2, 1; …
    assert_eq!(run(&mut ruled), [two, four, one, four, two, four, four]);
    let (mut ruled, ids) = with_groups(choice, &[(2, None), (4, None)]);
    let entry_id = join(&mut ruled, 1, 100, &[]);
    ruled.now(&start_directly(entry_id, ids[0]));
    let proposal = [join(&mut ruled, 2, 100, &[]), join(&mut ruled, 3, 100, &[])];
    assert_eq!(run(&mut ruled), [ids[1], ids[1]], "{proposal:?}");
    // 1/2 and 2/4 are equal, and 51/100 is more.
    join(&mut ruled, 4, 1, &[]);
    join(&mut ruled, 5, 100, &[]);
    assert_eq!(run(&mut ruled), [ids[0], ids[1]]);
}

/// What is passed on goes by the same rule, and so does an explanation, which makes the run
/// again: both stand on the one function.
#[test]
fn whoever_is_served_at_once_is_served_by_the_same_rule() {
    let choice = Some(ProviderChoice::CallOffRank);
    let (mut ruled, ids) = with_groups(choice, &[(1, Some(2)), (1, Some(1))]);
    let join = JoinWaitlist { propose_if_free: true, ..commands::join(1, TRONDHEIM) };
    let events = ruled.now(&Command::JoinWaitlist(join));
    assert_eq!(served(&events)[0].1, ids[1]);
}

/// The group that a run gives is the least, by the rule, of those that a person names or of all
/// that still have room; done again the plain way.
#[test]
fn a_run_gives_the_first_by_the_rule() {
    let group = (1..5_u32, prop::option::of(1..4_u32));
    let groups = prop::collection::vec(group, 1..5);
    let person =
        (prop::sample::select(vec![20_u32, 50, 100]), prop::collection::vec(0..5_usize, 0..3));
    let people = prop::collection::vec(person, 0..12);
    let choice = prop::sample::select(vec![
        ProviderChoice::Person,
        ProviderChoice::CallOffRank,
        ProviderChoice::EvenByVolume,
    ]);
    let outcome = runner(80).run(&(choice, groups, people), |(choice, groups, people)| {
        let (mut ruled, ids) = with_groups(Some(choice), &groups);
        let mut used = vec![0_u64; ids.len()];
        let mut expected = Vec::new();
        for (number, (percent, wishes)) in people.iter().enumerate() {
            let mut wanted: Vec<usize> = wishes.iter().map(|wish| wish % ids.len()).collect();
            wanted.dedup();
            let named: Vec<PlaceGroupId> = wanted.iter().map(|at| ids[*at]).collect();
            join(&mut ruled, u32::try_from(number).unwrap(), *percent, &named);
            if wanted.is_empty() {
                wanted = (0..ids.len()).collect();
            }
            let has_room =
                |at: &usize| used[*at] + u64::from(*percent) <= 100 * u64::from(groups[*at].0);
            let open: Vec<usize> = wanted.into_iter().filter(has_room).collect();
            // 12 is a multiple of every number of places here.
            let share = |at: usize| used[at] * 12 / u64::from(groups[at].0);
            let best = match choice {
                ProviderChoice::Person => open.first().copied(),
                ProviderChoice::CallOffRank => {
                    open.iter().copied().min_by_key(|at| (groups[*at].1.unwrap_or(99), *at))
                }
                ProviderChoice::EvenByVolume => {
                    open.iter().copied().min_by_key(|at| (share(*at), *at))
                }
            };
            if let Some(best) = best {
                used[best] += u64::from(*percent);
                expected.push(ids[best]);
            }
        }
        prop_assert_eq!(run(&mut ruled), expected);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
