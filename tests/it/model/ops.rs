//! What may be asked, and how a wish becomes a question about what there is.

use proptest::prelude::*;

use super::reference::Model;

/// The municipalities of a sequence, each with a quota of its own.
pub const MUNICIPALITIES: [&str; 3] = ["1601", "1612", "1638"];
/// Its place groups.
pub const GROUPS: usize = 2;
/// Its people.
const PEOPLE: u32 = 25;
/// Commands in one sequence.
pub const LENGTH: usize = 200;

/// One thing to do; what it names is given by its place in the model's lists.
#[derive(Debug, Clone)]
pub enum Op {
    Advance { hours: i64 },
    Capacity { group: usize, places: i64 },
    Quota { municipality: usize, places: i64 },
    Join { person: u32, municipality: usize, percent: i64, wants: Vec<usize> },
    Prefer { entry: usize, wants: Vec<usize> },
    Pause { entry: usize, days: Option<u32> },
    Resume { entry: usize },
    Prioritize { entry: usize, days: u32 },
    Transfer { entry: usize, municipality: usize },
    Leave { entry: usize },
    Place { entry: usize, group: usize },
    Allocate { max: usize },
    Confirm { offer: usize },
    Respond { offer: usize, accept: bool },
    Withdraw { offer: usize },
    Object { offer: usize },
    Resolve { offer: usize, uphold: bool },
    Extend { offer: usize, days: u32 },
    Start { offer: usize },
    End { placement: usize },
    Share { placement: usize, percent: i64 },
    Change { placement: usize, group: usize },
    Reassign { placement: usize, municipality: usize },
}

/// A wish, before it is known what there is: what kind, of which, and how.
#[derive(Debug, Clone)]
pub struct Wish {
    kind: u8,
    pick: u16,
    how: u16,
}

/// Any wish, the usual ones more often.
pub fn wish() -> impl Strategy<Value = Wish> {
    let kind = prop_oneof![
        12 => Just(0_u8), 3 => Just(1), 3 => Just(2), 22 => Just(3), 3 => Just(4), 4 => Just(5),
        4 => Just(6), 3 => Just(7), 4 => Just(8), 3 => Just(9), 4 => Just(10), 10 => Just(11),
        12 => Just(12), 12 => Just(13), 3 => Just(14), 4 => Just(15), 4 => Just(16),
        3 => Just(17), 9 => Just(18), 6 => Just(19), 4 => Just(20), 3 => Just(21), 4 => Just(22),
    ];
    (kind, any::<u16>(), any::<u16>()).prop_map(|(kind, pick, how)| Wish { kind, pick, how })
}

impl Wish {
    /// What it means where the model stands; `None` where there is nothing to do it to.
    pub fn mean(&self, model: &Model) -> Option<Op> {
        let how = usize::from(self.how);
        let (municipality, group) = (how % MUNICIPALITIES.len(), how % GROUPS);
        let part = [100, 100, 50, 50, 30, 70][how / 7 % 6];
        Some(match self.kind {
            0 => Op::Advance { hours: if how.is_multiple_of(9) { 200 } else { 1 + part } },
            1 => Op::Capacity { group, places: i64::from(self.how / 3 % 4) },
            2 => Op::Quota { municipality, places: i64::from(self.how / 3 % 4) },
            3 => {
                let person = u32::from(self.pick) % PEOPLE;
                Op::Join { person, municipality, percent: part, wants: wants(how) }
            }
            4 => Op::Prefer { entry: self.entry(model)?, wants: wants(how) },
            5 => {
                let days = (how % 3 > 0).then(|| 1 + u32::from(self.how) % 12);
                Op::Pause { entry: self.entry(model)?, days }
            }
            6 => Op::Resume { entry: self.entry(model)? },
            7 => Op::Prioritize { entry: self.entry(model)?, days: u32::from(self.how) % 40 },
            8 => Op::Transfer { entry: self.entry(model)?, municipality },
            9 => Op::Leave { entry: self.entry(model)? },
            10 => Op::Place { entry: self.entry(model)?, group },
            11 => Op::Allocate { max: 1 + how % 4 },
            12 => Op::Confirm { offer: self.offer(model, "PROPOSED")? },
            13 => Op::Respond { offer: self.offer(model, "OFFERED")?, accept: how % 3 > 0 },
            14 => Op::Withdraw { offer: self.offer(model, "OFFERED")? },
            15 => Op::Object { offer: self.offer(model, "ACCEPTED")? },
            16 => {
                let open = model.offers.iter().rposition(|o| o.objection == Some(false));
                let offer = open.or_else(|| self.offer(model, "OFFERED"))?;
                Op::Resolve { offer, uphold: how.is_multiple_of(2) }
            }
            17 => {
                let days = 1 + u32::from(self.how) % 9;
                Op::Extend { offer: self.offer(model, "OFFERED")?, days }
            }
            18 => Op::Start { offer: self.offer(model, "ACCEPTED")? },
            19 => Op::End { placement: self.placement(model)? },
            20 => Op::Share { placement: self.placement(model)?, percent: part },
            21 => Op::Change { placement: self.placement(model)?, group },
            _ => Op::Reassign { placement: self.placement(model)?, municipality },
        })
    }

    /// Any entry, the latest more often.
    fn entry(&self, model: &Model) -> Option<usize> {
        let all = model.entries.len();
        let recent = all.min(if self.pick.is_multiple_of(4) { all } else { 8 });
        (recent > 0).then(|| all - 1 - usize::from(self.pick / 4) % recent)
    }

    /// Mostly one in this state.
    fn offer(&self, model: &Model, state: &str) -> Option<usize> {
        let fits = |i: &usize| self.pick.is_multiple_of(16) || model.offers[*i].state == state;
        choose((0..model.offers.len()).filter(fits), self.pick / 16)
    }

    /// Mostly one that runs.
    fn placement(&self, model: &Model) -> Option<usize> {
        let fits = |i: &usize| self.pick.is_multiple_of(16) || model.placements[*i].running;
        choose((0..model.placements.len()).filter(fits), self.pick / 16)
    }
}

fn choose(some: impl Iterator<Item = usize>, pick: u16) -> Option<usize> {
    let some: Vec<usize> = some.collect();
    (!some.is_empty()).then(|| some[usize::from(pick) % some.len()])
}

/// Which groups are wanted, the most wanted first; none means any.
fn wants(how: usize) -> Vec<usize> {
    [vec![], vec![], vec![0], vec![1], vec![1, 0]][how / 5 % 5].clone()
}

/// What every sequence begins with: room for a few.
pub fn beginning() -> Vec<Op> {
    let quotas = (0..MUNICIPALITIES.len()).map(|m| Op::Quota { municipality: m, places: 2 });
    let groups = (0..GROUPS).map(|group| Op::Capacity { group, places: 2 });
    quotas.chain(groups).collect()
}
