//! A plan's redirections, followed by other code than the service's own: each place goes from who
//! has more than its target to who has fewer, and brings the plan one place nearer.

use std::collections::BTreeMap;

use tiltaksplass::domain::{
    ids::MunicipalityNumber,
    plan::{ActivePlan, Redirected},
};

/// What each municipality holds and is entitled to, as a plan began and moved places.
pub struct Steered {
    targets: BTreeMap<MunicipalityNumber, u32>,
    held: BTreeMap<MunicipalityNumber, u32>,
}

impl Steered {
    pub fn by(plan: &ActivePlan) -> Self {
        Self { targets: plan.targets.clone(), held: plan.held_at_start.clone() }
    }

    /// How many places have yet to move (D).
    pub fn remaining(&self) -> u64 {
        let over = |(number, held): (_, &u32)| held.saturating_sub(self.target(number));
        self.held.iter().map(over).map(u64::from).sum()
    }

    fn target(&self, number: &MunicipalityNumber) -> u32 {
        self.targets.get(number).copied().unwrap_or(0)
    }

    /// What is wrong with where a place went.
    pub fn follow(&mut self, one: &Redirected) -> Option<String> {
        let (from, to) = (one.from_municipality.as_ref(), one.to_municipality.as_ref());
        let holds = |number| self.held.get(number).copied().unwrap_or(0);
        let has_too_many = |number| holds(number) > self.target(number);
        let lacks_some = |number| holds(number) < self.target(number);
        if from == to {
            if from.is_some_and(has_too_many) {
                return Some(format!("a place stayed in {from:?} of {:?}", self.held));
            }
        } else if !from.is_none_or(has_too_many) || !to.is_none_or(lacks_some) {
            return Some(format!("a place went from {from:?} to {to:?} of {:?}", self.held));
        } else {
            if let Some(held) = from.and_then(|from| self.held.get_mut(from)) {
                *held -= 1;
            }
            if let Some(to) = to {
                *self.held.entry(to.clone()).or_default() += 1;
            }
        }
        let remaining = self.remaining();
        (one.remaining != remaining)
            .then(|| format!("{remaining} have yet to move, and {} are told", one.remaining))
    }
}
