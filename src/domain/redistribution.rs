//! Redirection (kanalisering): to whom a place goes that has become free or is new, so that in
//! time every municipality has its fair share and nobody is put out for it.
//!
//! # The rule
//!
//! Let area i have the weight wᵢ, hold hᵢ places and be entitled to tᵢ, where t is the
//! apportionment of all places by a divisor method with the rounding points d. A place that is
//! new, or freed by one that is allowed to give, goes to the area with the greatest claim
//! w/d(h) among those allowed to take.
//!
//! # The theorem
//!
//! Let D be the sum of what areas hold above their targets. If no caps bind, then after exactly D
//! vacancies in over-holding areas every area holds exactly its target, and no rule that puts
//! nobody out is faster.
//!
//! The proof is in `docs/fair-share.md`, and `tests/it/redistribution.rs` holds the rule to it.
//!
//! With `protect_at_target` nobody at or below the target loses a place, so nobody falls below it
//! on the way.

use serde::{Deserialize, Serialize};

use crate::domain::apportionment::{Claim, Method, claim};

/// An area as a plan sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its weight in the distribution key.
    pub weight: u64,
    /// The places it holds, the one that has just become free not among them.
    pub held: u64,
    /// The places it is entitled to.
    pub target: u64,
    /// The most it may come to hold: what the municipality co-finances. `None`: no bound.
    pub maximum: Option<u64>,
    /// How many more it may give up to now; `None`: as many as are freed.
    pub may_give: Option<u64>,
}

/// Where a place comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    /// The budget has risen: it is nobody's yet.
    New,
    /// It was this area's.
    By(usize),
}

/// How an active plan steers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steering {
    /// The divisor method by which the targets were computed.
    pub method: Method,
    /// Whether an area at or below its target keeps what is freed there.
    pub protect_at_target: bool,
    /// How many more places may move in all up to now; `None`: no ceiling.
    pub may_move: Option<u64>,
}

/// Why a place goes where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ground {
    /// Its area is not above its target, and what is freed there stays.
    Protected,
    /// Its area has given as much as the plan has it give by now.
    AreaCap,
    /// As many have moved as the plan lets move by now.
    PlanCap,
    /// The greatest claim of those that may take it.
    GreatestClaim,
    /// Nobody may take it: those with a claim are at their maximum, or nobody lacks any.
    NobodyMay,
    /// Its area cannot do without it on all days to come: its quota is lent, or set lower for
    /// later, or has no room for another dated decision.
    Bound,
}

/// Where a place goes, and what spoke for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Redirection {
    /// Who gets it; `None` for a new place that nobody may take.
    pub to: Option<usize>,
    /// Why.
    pub ground: Ground,
    /// The winner's claim, where claims decided.
    pub claim: Option<Claim>,
    /// The next greatest claim of another.
    pub runner_up: Option<Claim>,
}

/// Where a place goes. The order of `members` decides ties, so callers sort them by municipality
/// number. The method must be a divisor method: of the others there is no claim, and places stay.
pub fn redirect(steering: &Steering, members: &[Member], freed: Freed) -> Redirection {
    if let Some(ground) = stays(steering, members, freed) {
        return Redirection { to: owner(freed), ground, claim: None, runner_up: None };
    }
    let claims = members.iter().enumerate().filter_map(|(index, member)| {
        let may_take = member.maximum.is_none_or(|maximum| member.held < maximum);
        may_take.then(|| claim(steering.method, index, member.weight, member.held)).flatten()
    });
    let (mut first, mut second) = (None, None);
    for claim in claims {
        if first.is_none_or(|greatest| claim > greatest) {
            second = first;
            first = Some(claim);
        } else if second.is_none_or(|next| claim > next) {
            second = Some(claim);
        }
    }
    match first {
        Some(claim) => Redirection {
            to: Some(claim.area()),
            ground: Ground::GreatestClaim,
            claim: first,
            runner_up: second,
        },
        None => Redirection {
            to: owner(freed),
            ground: Ground::NobodyMay,
            claim: None,
            runner_up: None,
        },
    }
}

/// How far areas are from their targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Off {
    /// What they hold above them.
    pub over: u64,
    /// What they lack.
    pub under: u64,
}

impl Off {
    /// Of areas that hold so much, and are entitled to so much.
    pub fn of(areas: impl Iterator<Item = (u64, u64)>) -> Self {
        areas.fold(Self::default(), |off, (held, target)| Self {
            over: off.over + held.saturating_sub(target),
            under: off.under + target.saturating_sub(held),
        })
    }

    /// How many places have yet to move (D): the sum of what areas hold above their targets. Where
    /// all hold more than there is to share out, since the budget was lowered, no more than others
    /// lack.
    pub fn distance(self) -> u64 {
        self.over.min(self.under)
    }
}

/// How many places have yet to move between areas (D).
pub fn remaining(members: &[Member]) -> u64 {
    Off::of(members.iter().map(|one| (one.held, one.target))).distance()
}

/// How many of `distance` places shall have moved by the end of year `year` of `years`:
/// ⌊year · D / years⌋.
pub fn goal(distance: u64, year: u32, years: u32) -> u64 {
    let (distance, year, years) = (u128::from(distance), u128::from(year), u128::from(years));
    let goal = distance * year.min(years) / years.max(1);
    u64::try_from(goal).unwrap_or(u64::MAX)
}

/// How many places an area may have given by the end of year `year`, of those it held when the
/// plan began: ⌈year · c · h₀⌉ with c in hundredths of a per cent.
pub fn cap(held_at_start: u64, basis_points: u32, year: u32) -> u64 {
    let product = u128::from(held_at_start) * u128::from(basis_points) * u128::from(year);
    u64::try_from(product.div_ceil(10_000)).unwrap_or(u64::MAX)
}

fn owner(freed: Freed) -> Option<usize> {
    match freed {
        Freed::New => None,
        Freed::By(index) => Some(index),
    }
}

/// Why a place stays with the area it was freed in.
fn stays(steering: &Steering, members: &[Member], freed: Freed) -> Option<Ground> {
    let Freed::By(index) = freed else { return None };
    let member = members.get(index)?;
    if steering.protect_at_target && member.held < member.target {
        Some(Ground::Protected)
    } else if member.may_give == Some(0) {
        Some(Ground::AreaCap)
    } else if steering.may_move == Some(0) {
        Some(Ground::PlanCap)
    } else {
        None
    }
}
