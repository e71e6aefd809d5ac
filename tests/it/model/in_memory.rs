//! The model against `decide` and `apply`, without a database.

use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};
use tiltaksplass::domain::{
    calendar::{Timestamp, start_of_day_in_norway},
    event::Event,
    ids::EntryId,
    ledger::{Due, DueKind, rows},
    refusal::Refusal,
    registry::Registry,
};
use time::{Date, macros::date};

use super::{
    ops::{GROUPS, LENGTH, Op, Wish, beginning, wish},
    real::{Real, registry},
    reference::Model,
};
use crate::support::at_length;

const MONDAY: Date = date!(2011 - 02 - 28);

/// Lets everything happen that is due, in the model and in the ledger.
fn let_time_pass(real: &mut Real<'_>, model: &mut Model) -> Result<(), TestCaseError> {
    loop {
        let due = rows(&real.ledger).due.into_iter().filter(|(due, stands)| {
            *stands && due.at <= real.clock && due.kind != DueKind::BeginDay
        });
        let due: Option<Due> = due.map(|(due, _)| due).min();
        let kind = due.map(|due| (due.at, due.thing.as_u128()));
        let expected = model.due();
        prop_assert_eq!(kind, expected.map(|(at, _, id)| (at, id)));
        let (Some(due), Some((_, kind, id))) = (due, expected) else { return Ok(()) };
        model.happen(kind, id);
        real.happen("time", &due.command()).unwrap();
        real.ledger.dealt_with(due);
        model.row();
        real.name(model);
        real.is_as(model)?;
    }
}

fn passed_over(events: &[Event]) -> Vec<(EntryId, String)> {
    let named = events.iter().find_map(|event| {
        if let Event::RunMade { report } = event { Some(&report.passed_over) } else { None }
    });
    let word = |reason| serde_json::to_value(reason).unwrap().as_str().unwrap().to_owned();
    named.into_iter().flatten().map(|(id, reason)| (*id, word(reason))).collect()
}

/// One command to both; they must agree on what came of it.
fn step(real: &mut Real<'_>, model: &mut Model, op: &Op) -> Result<(), TestCaseError> {
    if let Op::Advance { hours } = op {
        let clock = real.clock.micros() + hours * 3_600_000_000;
        (real.clock, model.clock) = (Timestamp::from_micros(clock), Timestamp::from_micros(clock));
        return let_time_pass(real, model);
    }
    let before = model.clone();
    // The writer takes the claim before it asks: nobody who waits is asked about again.
    let expected = model.ask(op);
    if expected == Err("PERSON_ALREADY_WAITING") {
        *model = before;
        return Ok(());
    }
    let found = real.ask(op);
    match (&found, expected) {
        (Ok(events), Ok(())) => {
            if let Op::Allocate { .. } = op {
                let passed = model.passed_over.iter();
                let passed = passed.map(|(e, reason)| (real.entries[*e], (*reason).to_owned()));
                prop_assert_eq!(passed_over(events), passed.collect::<Vec<_>>(), "I6");
            }
            model.row();
            if let Op::Capacity { .. } = op {
                model.row();
            }
        }
        (Err(refusal), Err(reason)) => {
            *model = before;
            prop_assert_eq!(word(refusal), reason, "{:?}: {:?}", op, refusal);
        }
        (found, expected) => prop_assert!(false, "{op:?}: {found:?}, not {expected:?}"),
    }
    real.name(model);
    real.is_as(model)
}

fn word(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::WrongState { .. } => "WRONG_STATE",
        Refusal::DateOutOfRange { .. } | Refusal::NotLater { .. } => "DATE_OUT_OF_RANGE",
        Refusal::NoRoom { .. } | Refusal::NoRoomForMore { .. } => "NO_ROOM",
        _ => "ANOTHER",
    }
}

fn sequence(registry: &Registry, wishes: &[Wish]) -> Result<(), TestCaseError> {
    let clock = Timestamp::from_micros(start_of_day_in_norway(MONDAY).micros() + 36_000_000_000);
    let (mut real, mut model) = (Real::new(registry, clock), Model::new(clock));
    real.budget();
    model.row();
    for op in beginning() {
        step(&mut real, &mut model, &op)?;
    }
    assert_eq!(real.groups.len(), GROUPS);
    for wish in wishes {
        if let Some(op) = wish.mean(&model) {
            step(&mut real, &mut model, &op)?;
        }
    }
    Ok(())
}

#[test]
fn the_rules_are_the_plain_ones_in_memory() {
    let cases = at_length(400, 10_000);
    let config = ProptestConfig { cases, failure_persistence: None, ..Default::default() };
    let registry = registry();
    let sequences = prop::collection::vec(wish(), LENGTH);
    let outcome = TestRunner::new(config).run(&sequences, |wishes| sequence(&registry, &wishes));
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
