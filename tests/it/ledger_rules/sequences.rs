//! Any sequence of commands under a moving clock, and what holds after each of them.

use proptest::{prelude::*, test_runner::TestRunner};
use tiltaksplass::domain::{
    allocation::PlacementState,
    capacity::SubmissionState,
    ledger::{Due, rows},
    waitlist::EntryState,
};

use super::{invariants::Step, *};

const PEOPLE: u32 = 40;
const FIELDS: [&str; 3] = ["Kantine", "Gartneri", "Transport"];
/// Commands in one sequence.
pub(super) const LENGTH: usize = 200;

/// What to do, said so that it means something in any state of a ledger.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Advance { hours: u32 },
    Submit { group: u16, period: Period, fields: u8 },
    Review { pick: u16, approve: bool },
    Budget { period: Period },
    Quota { municipality: usize, period: Period },
    Join(Joining),
    Allocate { max: u32, groups: u16 },
    Confirm { pick: u16, two: bool },
    Respond { pick: u16, accept: bool },
    Start { pick: u16, days_back: i64 },
    End { pick: u16, days: i64 },
    Leave { pick: u16 },
    JoinTogether(Vec<Joining>),
    Update { pick: u16, groups: u16, fields: u8, percent: Option<u32>, class: Option<bool> },
    Pause { pick: u16, days: Option<i64> },
    Resume { pick: u16 },
    StillWanted { pick: u16 },
    Prioritize { pick: u16, bonus_days: u32 },
    Grow { pick: u16, percent: u32 },
}

#[derive(Debug, Clone)]
pub(super) struct Period {
    places: u32,
    from: i64,
    length: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Joining {
    person: u32,
    municipality: usize,
    percent: u32,
    groups: u16,
    fields: u8,
    young: bool,
    days_back: i64,
    hopeful: bool,
}

fn period() -> impl Strategy<Value = Period> {
    let length = proptest::option::weighted(0.3, 1..20_i64);
    (0..5_u32, -5..10_i64, length).prop_map(|(places, from, length)| Period {
        places,
        from,
        length,
    })
}

fn joining() -> impl Strategy<Value = Joining> {
    let percent = prop_oneof![3 => Just(100_u32), 2 => Just(50), 1 => 1..100_u32];
    let days_back = prop_oneof![2 => Just(0_i64), 1 => 1..60_i64];
    let flags = (any::<bool>(), any::<bool>());
    (0..PEOPLE, 0..3_usize, percent, any::<u16>(), any::<u8>(), flags, days_back).prop_map(
        |(person, municipality, percent, groups, fields, (young, hopeful), days_back)| Joining {
            person,
            municipality,
            percent,
            groups,
            fields,
            young,
            days_back,
            hopeful,
        },
    )
}

fn update() -> impl Strategy<Value = Op> {
    let percent = proptest::option::of(prop_oneof![Just(100_u32), Just(50)]);
    let class = proptest::option::of(any::<bool>());
    (any::<u16>(), any::<u16>(), any::<u8>(), percent, class).prop_map(
        |(pick, groups, fields, percent, class)| Op::Update {
            pick,
            groups,
            fields,
            percent,
            class,
        },
    )
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let pick = any::<u16>;
    prop_oneof![
        10 => (1..72_u32).prop_map(|hours| Op::Advance { hours }),
        1 => (72..500_u32).prop_map(|hours| Op::Advance { hours }),
        4 => (pick(), period(), any::<u8>())
            .prop_map(|(group, period, fields)| Op::Submit { group, period, fields }),
        5 => (pick(), prop::bool::weighted(0.8))
            .prop_map(|(pick, approve)| Op::Review { pick, approve }),
        2 => period().prop_map(|period| Op::Budget { period }),
        6 => (0..3_usize, period())
            .prop_map(|(municipality, period)| Op::Quota { municipality, period }),
        25 => joining().prop_map(Op::Join),
        12 => (0..5_u32, pick()).prop_map(|(max, groups)| Op::Allocate { max, groups }),
        14 => (pick(), any::<bool>()).prop_map(|(pick, two)| Op::Confirm { pick, two }),
        12 => (pick(), prop::bool::weighted(0.7))
            .prop_map(|(pick, accept)| Op::Respond { pick, accept }),
        9 => (pick(), -1..30_i64).prop_map(|(pick, days_back)| Op::Start { pick, days_back }),
        9 => (pick(), -20..20_i64).prop_map(|(pick, days)| Op::End { pick, days }),
        6 => pick().prop_map(|pick| Op::Leave { pick }),
        3 => prop::collection::vec(joining(), 1..4).prop_map(Op::JoinTogether),
        8 => update(),
        7 => (pick(), proptest::option::weighted(0.8, 0..20_i64))
            .prop_map(|(pick, days)| Op::Pause { pick, days }),
        4 => pick().prop_map(|pick| Op::Resume { pick }),
        1 => pick().prop_map(|pick| Op::StillWanted { pick }),
        4 => (pick(), 0..60_u32).prop_map(|(pick, bonus_days)| Op::Prioritize { pick, bonus_days }),
        10 => (pick(), prop_oneof![2 => Just(100_u32), 1 => 2..101_u32])
            .prop_map(|(pick, percent)| Op::Grow { pick, percent }),
    ]
}

/// A whole ledger in memory, and the clock beside it.
pub(super) struct World {
    pub(super) ledger: Ledger,
    pub(super) clock: Timestamp,
    submissions: Vec<SubmissionId>,
}

impl World {
    /// A few groups, and quotas or a pool.
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, clock: noon(), submissions: Vec::new() }
    }

    /// The commands every sequence begins with.
    pub(super) fn beginning() -> Vec<Op> {
        let period = |places| Period { places, from: 0, length: None };
        let mut ops = vec![Op::Budget { period: period(8) }];
        ops.extend((0..3).map(|municipality| Op::Quota { municipality, period: period(2) }));
        ops.extend([3, 2].map(|n| Op::Submit { group: 0, period: period(n), fields: 0 }));
        ops.extend([0, 1].map(|_| Op::Review { pick: 1, approve: true }));
        ops
    }

    /// What is due by now, in the order it takes effect.
    pub(super) fn due(&self) -> Vec<Due> {
        let due = rows(&self.ledger).due.into_iter();
        due.filter(|(due, stands)| *stands && due.at <= self.clock).map(|(due, _)| due).collect()
    }

    pub(super) fn move_clock(&mut self, hours: u32) {
        self.clock = Timestamp::from_micros(self.clock.micros() + i64::from(hours) * 3_600_000_000);
    }

    pub(super) fn happen(&mut self, command: &Command) -> Result<Vec<Event>, Refusal> {
        let who = actor(if matches!(command, Command::SubmitCapacity(_)) { "p" } else { "c" });
        let events = happen_as(&mut self.ledger, &who, command, self.clock)?;
        for event in &events {
            if let Event::CapacitySubmitted { submission, .. } = event {
                self.submissions.push(submission.submission_id);
            }
        }
        Ok(events)
    }

    /// What `op` means here; `None` where there is nothing to do it to.
    pub(super) fn command(&self, op: &Op) -> Option<Command> {
        Some(match op {
            Op::Advance { .. } => return None,
            Op::Submit { group, period, fields } => self.submit(*group, period, *fields),
            Op::Review { pick, approve } => commands::review(self.a_submission(*pick)?, *approve),
            Op::Budget { period } => {
                let places = period.places * 3;
                commands::budget(self.period(&Period { places, ..period.clone() }))
            }
            Op::Quota { municipality, period } => {
                let number = MUNICIPALITIES[*municipality];
                commands::quotas(vec![commands::quota(number, self.period(period))])
            }
            Op::Join(joining) => Command::JoinWaitlist(self.join(joining, &[])?),
            Op::JoinTogether(joining) => {
                let mut joins = Vec::new();
                for one in joining {
                    joins.push(self.join(one, &joins)?);
                }
                Command::BatchJoinWaitlist(BatchJoinWaitlist { joins })
            }
            Op::Update { pick, groups, fields, percent, class } => {
                let mut update = commands::update(self.an_entry(*pick)?);
                update.preferred_place_groups =
                    groups.is_multiple_of(3).then(|| self.groups(*groups / 3));
                update.work_fields = fields.is_multiple_of(2).then(|| work_fields(*fields / 2));
                update.participation_percent = *percent;
                update.priority_class = class.map(|young| young.then(|| "YOUNG".parse().unwrap()));
                Command::UpdateEntry(update)
            }
            Op::Pause { pick, days } => {
                let until = days.map(|days| self.today().saturating_add(Duration::days(days)));
                commands::pause(self.an_entry(*pick)?, until)
            }
            Op::Resume { pick } => commands::resume(self.an_entry(*pick)?),
            Op::StillWanted { pick } => commands::still_wanted(self.an_entry(*pick)?),
            Op::Prioritize { pick, bonus_days } => {
                commands::prioritize(self.an_entry(*pick)?, *bonus_days)
            }
            Op::Allocate { max, groups } => {
                let groups = if *groups % 4 == 0 { self.groups(*groups / 4) } else { Vec::new() };
                commands::allocate(*max, &groups)
            }
            Op::Confirm { pick, two } => {
                let first = self.an_offer(*pick, "PROPOSED")?;
                let second = self.an_offer(pick.wrapping_add(1), "PROPOSED")?;
                commands::confirm(&[first, second][..=usize::from(*two)])
            }
            Op::Respond { pick, accept } => {
                commands::respond(self.an_offer(*pick, "OFFERED")?, *accept)
            }
            Op::Start { pick, days_back } => {
                let start = self.today().saturating_sub(Duration::days(*days_back));
                commands::start(self.an_offer(*pick, "ACCEPTED")?, start)
            }
            Op::End { pick, days } => {
                let end = self.today().saturating_add(Duration::days(*days));
                commands::end(self.a_placement(*pick)?, end)
            }
            Op::Leave { pick } => commands::leave(self.an_entry(*pick)?),
            Op::Grow { pick, percent } => {
                commands::grow(self.a_placement(*pick)?, *percent, self.today())
            }
        })
    }

    fn today(&self) -> Date {
        self.clock.date_in_norway()
    }

    fn period(&self, period: &Period) -> PlacesInPeriod {
        let valid_from = self.today().saturating_add(Duration::days(period.from));
        let valid_to = period.length.map(|days| valid_from.saturating_add(Duration::days(days)));
        PlacesInPeriod { places: period.places, valid_from, valid_to }
    }

    fn submit(&self, group: u16, period: &Period, fields: u8) -> Command {
        let mut submit = commands::submission(self.period(period));
        submit.work_fields = work_fields(fields);
        let groups: Vec<_> = self.ledger.place_groups().map(|g| g.place_group_id).collect();
        if groups.len() >= 2 && !group.is_multiple_of(4) {
            submit.place_group_id = choose(&groups, group);
            submit.external_references = vec![reference(&format!("group {}", group % 7))];
        }
        Command::SubmitCapacity(submit)
    }

    /// Of somebody who does not wait, and is none of those who join with them.
    fn join(&self, joining: &Joining, together: &[JoinWaitlist]) -> Option<JoinWaitlist> {
        let mut open: BTreeSet<PersonId> =
            self.ledger.entries().filter(|e| e.state.is_open()).map(|e| e.person_id).collect();
        open.extend(together.iter().map(|join| join.person_id));
        let number = (0..PEOPLE)
            .map(|n| (joining.person + n) % PEOPLE)
            .find(|n| !open.contains(&commands::person(*n)))?;
        let mut join = commands::join(number, MUNICIPALITIES[joining.municipality]);
        join.participation_percent = joining.percent;
        if joining.groups.is_multiple_of(2) {
            join.preferred_place_groups = self.groups(joining.groups / 2);
        }
        join.work_fields = work_fields(joining.fields);
        join.priority_class = joining.young.then(|| "YOUNG".parse().unwrap());
        let back = joining.days_back * 86_400_000_000;
        join.registered_time =
            (back > 0).then(|| Timestamp::from_micros(self.clock.micros() - back));
        if joining.groups.is_multiple_of(5) {
            join.external_references = vec![reference(&format!("entry {}", joining.groups % 31))];
        }
        join.propose_if_free = joining.hopeful;
        Some(join)
    }

    /// A few groups in some order.
    fn groups(&self, bits: u16) -> Vec<PlaceGroupId> {
        let some = self.ledger.place_groups().enumerate().filter(|(i, _)| bits >> (i % 8) & 1 == 1);
        let mut some: Vec<_> = some.map(|(_, group)| group.place_group_id).collect();
        if bits >> 8 & 1 == 1 {
            some.reverse();
        }
        some
    }

    fn a_submission(&self, pick: u16) -> Option<SubmissionId> {
        let open = |id: &&SubmissionId| {
            let state = self.ledger.submission(**id).map(|s| &s.state);
            pick.is_multiple_of(16) || state == Some(&SubmissionState::Submitted)
        };
        let some: Vec<_> = self.submissions.iter().filter(open).copied().collect();
        choose(&some, pick / 16)
    }

    /// Mostly one in this state.
    fn an_offer(&self, pick: u16, state: &str) -> Option<OfferId> {
        let fits = |offer: &&Offer| pick.is_multiple_of(16) || offer.state.name() == state;
        let some: Vec<_> = self.ledger.offers().filter(fits).map(|offer| offer.offer_id).collect();
        choose(&some, pick / 16)
    }

    /// Mostly one that may leave, held for or not.
    fn an_entry(&self, pick: u16) -> Option<EntryId> {
        let may = |entry: &&Entry| {
            let stays = matches!(entry.state, EntryState::Placed(_) | EntryState::Closed);
            pick.is_multiple_of(16) || !stays
        };
        let some: Vec<_> = self.ledger.entries().filter(may).map(|entry| entry.entry_id).collect();
        choose(&some, pick / 16)
    }

    fn a_placement(&self, pick: u16) -> Option<PlacementId> {
        let fits = |placement: &&Placement| {
            pick.is_multiple_of(16) || !matches!(placement.state, PlacementState::Ended(_))
        };
        let some: Vec<_> = self.ledger.placements().filter(fits).map(|p| p.placement_id).collect();
        choose(&some, pick / 16)
    }
}

const MUNICIPALITIES: [&str; 3] = [TRONDHEIM, HEMNE, ORKDAL];

fn choose<T: Copy>(some: &[T], pick: u16) -> Option<T> {
    if some.is_empty() { None } else { Some(some[usize::from(pick) % some.len()]) }
}

fn work_fields(bits: u8) -> Vec<String> {
    let wanted = |(i, _): &(usize, &&str)| bits.is_multiple_of(3) && bits >> (i + 2) & 1 == 1;
    FIELDS.iter().enumerate().filter(wanted).map(|(_, field)| (*field).to_owned()).collect()
}

pub(super) fn runner(cases: u32) -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    TestRunner::new(ProptestConfig {
        cases: asked.unwrap_or(cases),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })
}

pub(super) fn either_ledger() -> impl Strategy<Value = Ledger> {
    prop_oneof![3 => Just(vta()), 1 => Just(avklaring())]
}

/// One command, and everything that must hold after it.
fn checked(world: &mut World, command: &Command) -> Result<(), TestCaseError> {
    let before = world.ledger.clone();
    let outcome = world.happen(command);
    Step { before: &before, command, outcome: &outcome, after: &world.ledger }.check()
}

#[test]
fn the_invariants_hold_after_any_sequence() {
    let sequences = (either_ledger(), prop::collection::vec(op(), LENGTH));
    let outcome = runner(150).run(&sequences, |(ledger, ops)| {
        let mut world = World::new(ledger);
        for op in World::beginning().iter().chain(&ops) {
            if let Op::Advance { hours } = op {
                world.move_clock(*hours);
                for due in world.due() {
                    checked(&mut world, &due.command())?;
                }
                prop_assert_eq!(world.due(), []);
            }
            if let Some(command) = world.command(op) {
                checked(&mut world, &command)?;
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
