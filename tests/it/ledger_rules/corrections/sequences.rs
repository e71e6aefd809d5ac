//! Any sequence of corrections among all other moves, under a moving clock: each account holds
//! what is held and nothing else, none goes over its limit, and nobody else loses a place.

use proptest::{prelude::*, test_runner::TestCaseError};

use super::{
    super::sequences::{LENGTH, Op, World, either_ledger, op, runner},
    *,
};

/// A correction of something that is there.
#[derive(Debug, Clone)]
enum Any {
    Other(Op),
    Correct { kind: u8, pick: u16, days: i64 },
}

fn any_op() -> impl Strategy<Value = Any> {
    let correct = (0..10_u8, any::<u16>(), -20..20_i64);
    prop_oneof![
        2 => op().prop_map(Any::Other),
        1 => correct.prop_map(|(kind, pick, days)| Any::Correct { kind, pick, days }),
    ]
}

fn choose<T: Copy>(some: &[T], pick: u16) -> Option<T> {
    if some.is_empty() { None } else { Some(some[usize::from(pick) % some.len()]) }
}

/// What a correction means here; the claim is looked up as the writer does.
fn command_of(world: &World, kind: u8, pick: u16, days: i64) -> Option<Command> {
    let ledger = &world.ledger;
    let entries: Vec<EntryId> = ledger.entries().map(|entry| entry.entry_id).collect();
    let offers: Vec<OfferId> = ledger.offers().map(|offer| offer.offer_id).collect();
    let placements: Vec<_> = ledger.placements().map(|one| one.placement_id).collect();
    let day = world.clock.date_in_norway().saturating_add(Duration::days(days));
    let command = match kind {
        0 => reinstate(choose(&entries, pick)?),
        1 => goes_on(choose(&placements, pick)?),
        2 => answer(choose(&offers, pick)?, true),
        3 => answer(choose(&offers, pick)?, false),
        4 => began(choose(&placements, pick)?, day),
        5 => ends(choose(&placements, pick)?, day),
        6 => registered(choose(&entries, pick)?, hour(day, 12)),
        7 => is_another(choose(&entries, pick)?),
        8 => lives_in(choose(&entries, pick)?, [TRONDHEIM, HEMNE, ORKDAL][usize::from(pick) % 3]),
        _ => by_mistake(choose(&entries, pick)?),
    };
    let Command::Correct(mut c) = command else { return None };
    let entry = ledger.entry_of(&Command::Correct(c.clone()).subject())?;
    let is_open = |person| ledger.entries().any(|e| e.person_id == person && e.state.is_open());
    c.may_claim = !is_open(entry.person_id);
    if let Correction::Person(right) = &mut c.correction {
        right.person_id = commands::person(1_000 + u32::from(pick));
        if is_open(right.person_id) {
            return None;
        }
    }
    Some(Command::Correct(c))
}

/// I1, I2, I8, I9 and the rest after one command.
fn checked(
    world: &mut World,
    command: &Command,
    happened: &mut BTreeSet<u8>,
    kind: u8,
) -> Result<(), TestCaseError> {
    let before = world.ledger.clone();
    let outcome = world.happen(command);
    if outcome.as_ref().is_ok_and(|events| *events != [Event::NothingToDo]) {
        happened.insert(kind);
    }
    sound(&world.ledger)?;
    for (key, after) in world.ledger.accounts() {
        let was = before.account(key);
        let fills = after.used() > was.used();
        prop_assert!(!fills || after.used() <= after.limit, "{key:?}: {was:?}, then {after:?}");
    }
    // A larger share of the person's place goes with the place.
    let person = |id| before.entry(id).map(|entry| entry.person_id);
    let own = before.entry_of(&command.subject()).map(|entry| entry.person_id);
    for was in before.placements().filter(|placement| placement.state.uses()) {
        let is = placement(&world.ledger, was.placement_id);
        prop_assert!(person(was.entry_id) == own || was == is, "{was:?} became {is:?}");
    }
    for was in before.offers().filter(|offer| offer.state.reserves()) {
        let is = world.ledger.offer(was.offer_id).unwrap();
        prop_assert!(person(was.entry_id) == own || was == is, "{was:?} became {is:?}");
    }
    Ok(())
}

#[test]
fn the_invariants_hold_after_any_sequence_of_corrections() {
    let sequences = (either_ledger(), prop::collection::vec(any_op(), LENGTH));
    let happened = std::cell::RefCell::new(BTreeSet::new());
    let outcome = runner(100).run(&sequences, |(ledger, ops)| {
        let mut happened = happened.borrow_mut();
        let mut world = World::new(ledger);
        for op in World::beginning().into_iter().map(Any::Other).chain(ops) {
            match &op {
                Any::Other(Op::Advance { hours }) => {
                    world.move_clock(*hours);
                    for due in world.due() {
                        world.happen(&due.command()).unwrap();
                    }
                }
                Any::Other(op) => {
                    if let Some(command) = world.command(op) {
                        drop(world.happen(&command));
                        sound(&world.ledger)?;
                    }
                }
                Any::Correct { kind, pick, days } => {
                    if let Some(command) = command_of(&world, *kind, *pick, *days) {
                        checked(&mut world, &command, &mut happened, *kind)?;
                    }
                }
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    assert_eq!(happened.borrow().len(), 10, "{happened:?}");
}
