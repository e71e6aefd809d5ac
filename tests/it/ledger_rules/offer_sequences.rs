//! Any sequence of what may be done with offers, under a measure type with every rule about
//! them, and what holds after each command.

use proptest::{prelude::*, test_runner::TestCaseError};
use tiltaksplass::domain::{
    ledger::{Due, rows},
    measure::{DeclineRule, MeasureRules},
};

use super::{invariants::Step, ruled::*, sequences::runner, *};

/// Commands in one sequence.
const LENGTH: usize = 120;
const PLACES: u32 = 3;

/// What to do, to something that is picked among what there is.
#[derive(Debug, Clone, Copy)]
enum Act {
    Advance(u32),
    Join,
    Allocate,
    Confirm,
    Respond(bool),
    Start,
    Object,
    Resolve(bool),
    Extend(u32),
    Withdraw,
    Place,
    StartDirectly,
    Leave,
    End,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (1..60_u32).prop_map(Act::Advance),
        1 => (60..2_500_u32).prop_map(Act::Advance),
        10 => Just(Act::Join),
        8 => Just(Act::Allocate),
        9 => Just(Act::Confirm),
        7 => prop::bool::weighted(0.6).prop_map(Act::Respond),
        5 => Just(Act::Start),
        6 => Just(Act::Object),
        5 => any::<bool>().prop_map(Act::Resolve),
        3 => (1..12_u32).prop_map(Act::Extend),
        4 => Just(Act::Withdraw),
        3 => Just(Act::Place),
        3 => Just(Act::StartDirectly),
        2 => Just(Act::Leave),
        3 => Just(Act::End),
    ]
}

struct World {
    ruled: Ruled,
    clock: Timestamp,
    people: u32,
}

impl World {
    fn due(&self) -> Vec<Due> {
        let due = rows(&self.ruled.ledger).due.into_iter();
        due.filter(|(due, stands)| *stands && due.at <= self.clock).map(|(due, _)| due).collect()
    }

    /// What an act means here; `None` where there is nothing to do it to.
    fn command(&mut self, act: Act, pick: usize) -> Option<Command> {
        let ledger = &self.ruled.ledger;
        let offers: Vec<OfferId> = ledger.offers().map(|offer| offer.offer_id).collect();
        // Mostly one of the latest, which may still be moved.
        let offer = || offers.get(offers.len().checked_sub(1 + pick % 4)?).copied();
        let entries: Vec<EntryId> = ledger.entries().map(|entry| entry.entry_id).collect();
        let entry = || entries.get(pick.checked_rem(entries.len())?).copied();
        let group = self.ruled.group;
        Some(match act {
            Act::Advance(_) => return None,
            Act::Join => {
                self.people += 1;
                let percent = [100, 100, 50, 30][pick % 4];
                let municipality = [TRONDHEIM, TRONDHEIM, HEMNE][pick % 3];
                let join = commands::join_part(self.people, municipality, percent);
                Command::JoinWaitlist(join)
            }
            Act::Allocate => commands::allocate(2, &[]),
            Act::Confirm => commands::confirm(&[offer()?]),
            Act::Respond(accept) => commands::respond(offer()?, accept),
            Act::Start => commands::start(offer()?, TODAY),
            Act::Object => object(offer()?),
            Act::Resolve(uphold) => resolve(offer()?, uphold),
            Act::Extend(days) => extend(offer()?, days),
            Act::Withdraw => withdraw(offer()?),
            Act::Place => place(entry()?, group),
            Act::StartDirectly => start_directly(entry()?, group),
            Act::Leave => commands::leave(entry()?),
            Act::End => {
                let placements: Vec<_> = ledger.placements().collect();
                let placement = placements.get(pick.checked_rem(placements.len())?)?;
                commands::end(placement.placement_id, self.clock.date_in_norway())
            }
        })
    }

    fn checked(&mut self, command: &Command) -> Result<(), TestCaseError> {
        let before = self.ruled.ledger.clone();
        let outcome = self.ruled.happen(command, self.clock);
        let after = &self.ruled.ledger;
        Step { before: &before, command, outcome: &outcome, after }.check()
    }
}

#[test]
fn the_invariants_hold_whatever_is_done_with_offers() {
    let decline_rule = prop_oneof![
        Just(DeclineRule::Nothing),
        Just(DeclineRule::Strike),
        Just(DeclineRule::LeaveAfter(2))
    ];
    let acts = prop::collection::vec((act(), any::<usize>()), LENGTH);
    let outcome = runner(150).run(&(decline_rule, acts), |(decline_rule, acts)| {
        let rules = MeasureRules { decline_rule, direct_start: true, ..rules() };
        let ruled = Ruled::new(&rules, PLACES);
        let mut world = World { ruled, clock: noon(), people: 0 };
        for (act, pick) in acts {
            if let Act::Advance(hours) = act {
                let micros = world.clock.micros() + i64::from(hours) * 3_600_000_000;
                world.clock = Timestamp::from_micros(micros);
                for due in world.due() {
                    world.checked(&due.command())?;
                }
                prop_assert_eq!(world.due(), []);
            }
            if let Some(command) = world.command(act, pick) {
                world.checked(&command)?;
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
