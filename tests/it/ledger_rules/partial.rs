//! A ledger loaded in part decides what the whole one decides: the same sequence on a ledger that
//! stays in memory and on one that is read from tables anew for each batch, its queues a few
//! entries at a time.

use proptest::prelude::*;
use tiltaksplass::domain::{
    command::Needs,
    ledger::{Due, rows},
    waitlist::OrderKey,
};

use super::{
    sequences::{LENGTH, Op, World, either_ledger, op, runner},
    tables::Tables,
    *,
};

type Outcome = Result<Vec<Event>, Refusal>;

/// Decides on part of a ledger, reading on where it runs out, as the writer does.
fn decide_in_part(
    tables: &Tables,
    ledger: &mut Ledger,
    command: &Command,
    now: Timestamp,
    page: usize,
) -> Outcome {
    let who = actor(if matches!(command, Command::SubmitCapacity(_)) { "p" } else { "c" });
    let mut limit = page;
    loop {
        let at = ledger.next_time(now);
        let context = Context { at, registry: &REGISTRY, actor: &who, rules: RULES_VERSION };
        let mut ids = IdSource::new(seed(ledger.head().seq), at);
        match decide(ledger, command, &context, &mut ids) {
            Ok(events) => {
                for event in &events {
                    apply(ledger, event);
                }
                ledger.advance([0; 32], at);
                return Ok(events);
            }
            Err(Stop::Refused(refusal)) => return Err(refusal),
            Err(Stop::NeedMore(queue)) => {
                tables.read_on(ledger, &queue, limit);
                limit *= 2;
            }
        }
    }
}

/// One batch: what is due first, then the commands, then one write of all rows.
fn run_in_part(
    tables: &mut Tables,
    commands: &[Command],
    now: Timestamp,
    page: usize,
) -> (Vec<Due>, Vec<Outcome>) {
    let mut ledger = tables.open();
    let due = tables.due(now);
    let mut needs = Needs::default();
    for due in &due {
        needs.add(&due.command());
    }
    tables.load(&mut ledger, &needs, page);
    let mut outcomes = Vec::new();
    for command in due.iter().map(Due::command) {
        outcomes.push(decide_in_part(tables, &mut ledger, &command, now, page));
    }
    let mut needs = Needs::default();
    for command in commands {
        needs.add(command);
    }
    tables.load(&mut ledger, &needs, page);
    for command in commands {
        outcomes.push(decide_in_part(tables, &mut ledger, command, now, page));
    }
    let entered = |event: &Event| {
        if let Event::Joined { entry } | Event::EntryChanged { entry, .. } = event {
            Some(entry.key)
        } else {
            None
        }
    };
    let events = outcomes.iter().flatten().flatten();
    let entered: Vec<OrderKey> = events.filter_map(entered).collect();
    tables.write(&ledger, rows(&ledger), &entered);
    (due, outcomes)
}

/// The same batch on the whole ledger. What each operation means is looked up as it comes, so that
/// a command may be about what another of its batch has just made, or `early`: before what is due
/// has taken effect, as a caller sees it. (Who joins is known when the batch comes to it: the
/// writer takes the claim then.)
fn run_whole(world: &mut World, ops: &[Op], early: bool) -> (Vec<Due>, Vec<Command>, Vec<Outcome>) {
    let looked_up: Vec<Option<Command>> = ops
        .iter()
        .map(|op| {
            if early && !matches!(op, Op::Join(_) | Op::JoinTogether(_)) {
                world.command(op)
            } else {
                None
            }
        })
        .collect();
    let due = world.due();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for due in &due {
        outcomes.push(world.happen(&due.command()));
    }
    let mut commands = Vec::new();
    for (op, looked_up) in ops.iter().zip(looked_up) {
        if let Some(command) = looked_up.or_else(|| world.command(op)) {
            outcomes.push(world.happen(&command));
            commands.push(command);
        }
    }
    (due, commands, outcomes)
}

#[derive(Debug, Clone)]
struct Batches {
    ops: Vec<Op>,
    /// How many operations each batch takes, over and over.
    sizes: Vec<usize>,
    /// How many entries of a queue are read at once.
    page: usize,
    /// Whether commands are about what stood before what was due.
    early: bool,
}

fn batches() -> impl Strategy<Value = Batches> {
    let sizes = prop::collection::vec(1..6_usize, 1..8);
    (prop::collection::vec(op(), LENGTH), sizes, 1..4_usize, any::<bool>())
        .prop_map(|(ops, sizes, page, early)| Batches { ops, sizes, page, early })
}

/// Runs of operations between moves of the clock, none longer than its size.
fn split(batches: &Batches) -> Vec<Vec<Op>> {
    let mut split: Vec<Vec<Op>> = vec![Vec::new()];
    let mut sizes = batches.sizes.iter().cycle();
    let mut size = sizes.next().unwrap();
    for op in &batches.ops {
        let last = split.last_mut().unwrap();
        if matches!(op, Op::Advance { .. }) || last.len() == *size {
            split.push(vec![op.clone()]);
            size = sizes.next().unwrap();
        } else {
            last.push(op.clone());
        }
    }
    split
}

#[test]
fn a_ledger_in_part_decides_as_the_whole_one() {
    let outcome = runner(250).run(&(either_ledger(), batches()), |(ledger, batches)| {
        let mut tables = Tables::new(ledger.id().clone(), distribution_of(&ledger));
        let mut world = World::new(ledger);
        let beginning = World::beginning();
        for ops in std::iter::once(beginning).chain(split(&batches)) {
            if let Some(Op::Advance { hours }) = ops.first() {
                world.move_clock(*hours);
            }
            let (due, commands, whole) = run_whole(&mut world, &ops, batches.early);
            let in_part = run_in_part(&mut tables, &commands, world.clock, batches.page);
            prop_assert_eq!(&in_part, &(due, whole), "{:#?}", commands);
            prop_assert_eq!(tables.head, world.ledger.head());
        }
        tables.are_those_of(&world.ledger, rows(&world.ledger));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// The next read begins behind those who were served, also where nobody is left.
#[test]
fn a_queue_served_empty_is_read_from_behind_those_served() {
    let mut tables = Tables::new(ledger_id("AVKLARING"), Distribution::CountyPool);
    let mut world = World::new(avklaring());
    for op in World::beginning() {
        if let Some(command) = world.command(&op) {
            let whole = world.happen(&command);
            let (_, in_part) = run_in_part(&mut tables, &[command], noon(), 3);
            assert_eq!(in_part, [whole]);
        }
    }
    for number in 1..4 {
        let join = Command::JoinWaitlist(commands::join(number, TRONDHEIM));
        run_in_part(&mut tables, &[join], noon(), 3);
        let (_, outcomes) = run_in_part(&mut tables, &[commands::allocate(1, &[])], noon(), 3);
        let served = served(outcomes[0].as_ref().unwrap());
        let key = tables.entry(served[0].0).key;
        assert_eq!(tables.watermarks(), [key]);
    }
}

fn distribution_of(ledger: &Ledger) -> Distribution {
    REGISTRY.ledger_distribution(ledger.id()).unwrap()
}
