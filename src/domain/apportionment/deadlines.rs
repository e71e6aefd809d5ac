//! The quota method's state at a number of seats, without the choice at every smaller one.
//!
//! # Why it is the same
//!
//! Let area i have the weight w, let W be the sum of weights, and number its seats 0, 1, 2, …
//! Seat k may be given from the size on at which the upper quota exceeds k: the *release*
//! ⌊kW/w⌋ + 1. Among the seats that may be given, the method takes the greatest w / (k + 1), that
//! is the least (k + 1)W/w: the earliest *deadline*, ties by the order of areas. So the method is
//! a queue with one service at each size, the earliest deadline first.
//!
//! Look at the state at size g. An area's seats fall into three: those with a deadline up to g
//! (they are ⌊gw/W⌋: the *due*), at most one that was released by g with a later deadline (the
//! *open* one), and those not released. Every due seat comes before every open one. Hence a size
//! serves an open seat just when no due seat waits, and then the earliest deadline of the open ones
//! that are released. How many due seats wait is a count of releases, whichever they are. If none
//! waits at g, all due ones have been served, and with the open ones served the state is known.
//!
//! Until the first open seat is released every size serves a due one, so the count may begin there:
//! the sizes walked are at most W / w of the lightest area, however many seats there are.
//!
//! This needs some area to be below its upper quota at each size. Without maximums that bind there
//! is one: the seats given are fewer than the size, which is the sum of the quotas. Minimums are
//! seats served before the start. Where they take so many that due seats still wait at g, the
//! count does not tell whose: then the walk is made.

use super::Area;
use super::divisor::{Claim, Divisor};
use super::problem::Problem;
use std::collections::BinaryHeap;

/// How many sizes are counted at once, unless there are more areas: the counts stay in a cache.
const SIZES_AT_ONCE: usize = 1 << 16;

/// Who has what at a size.
pub(super) struct Reached {
    /// The seats of each area.
    pub(super) held: Vec<u64>,
    /// The size at which an area got its open seat; 0 for those without.
    pub(super) served_at: Vec<u64>,
}

/// The state at `size` seats, not fewer than the minimums. `None` where a maximum may bind, or
/// where the minimums leave due seats waiting.
pub(super) fn reach(problem: &Problem, size: u64) -> Option<Reached> {
    let binds = |area: &Area| area.max_seats.is_some_and(|most| most < upper(problem, area));
    if problem.areas.iter().any(binds) {
        return None;
    }
    let mut open = open_seats(problem, size);
    let minimums: u64 = problem.areas.iter().map(|area| area.min_seats).sum();
    let start = open.first().map_or(size, |first| first.release - 1).max(minimums);
    let mut queue = Queue::at(problem, size, start);
    let mut from = start + 1;
    let mut counts = vec![0_u32; problem.areas.len().max(SIZES_AT_ONCE)];
    let mut coming = open.drain(..).peekable();
    let mut ready: BinaryHeap<Claim> = BinaryHeap::new();
    while from <= size && queue.waiting <= size - from + 1 {
        counts.fill(0);
        queue.releases.iter_mut().for_each(|area| area.count(from, &mut counts));
        for (&released, at) in counts.iter().zip(from..=size) {
            queue.waiting += u64::from(released);
            while let Some(seat) = coming.next_if(|seat| seat.release <= at) {
                ready.push(seat.claim);
            }
            if queue.waiting > 0 {
                queue.waiting -= 1;
                continue;
            }
            let area = ready.pop()?.area;
            queue.reached.held[area] += 1;
            queue.reached.served_at[area] = at;
        }
        from += u64::try_from(counts.len()).ok()?;
    }
    (queue.waiting == 0).then_some(queue.reached)
}

/// A seat that may be had by the size looked at, but need not.
struct OpenSeat {
    release: u64,
    claim: Claim,
}

/// The open seats that no minimum has taken, by release.
fn open_seats(problem: &Problem, size: u64) -> Vec<OpenSeat> {
    let weighted = problem.areas.iter().enumerate().filter(|(_, area)| area.weight > 0);
    let mut open: Vec<OpenSeat> = weighted
        .filter_map(|(index, area)| {
            let seat = due(problem, area, size);
            let is_released = seat < released(problem, area, size);
            (is_released && seat >= area.min_seats).then(|| OpenSeat {
                release: first_size(problem, area, seat),
                claim: Divisor::DHondt.claim(index, area, seat),
            })
        })
        .collect();
    open.sort_unstable_by_key(|seat| seat.release);
    open
}

/// The due seats that wait and those to come, from a size on.
struct Queue {
    waiting: u64,
    releases: Vec<Releases>,
    /// All that are due by the end, and the open seats served so far.
    reached: Reached,
}

impl Queue {
    /// All sizes from the minimums' up to `start` have served due seats.
    fn at(problem: &Problem, size: u64, start: u64) -> Self {
        let mut queue = Self {
            waiting: 0,
            releases: Vec::with_capacity(problem.areas.len()),
            reached: Reached { held: Vec::new(), served_at: vec![0; problem.areas.len()] },
        };
        let (mut seen, mut minimums) = (0, 0);
        for area in problem.areas {
            let due = due(problem, area, size).max(area.min_seats);
            let next = released(problem, area, start).clamp(area.min_seats, due);
            seen += next;
            minimums += area.min_seats;
            queue.reached.held.push(due);
            if next < due {
                queue.releases.push(Releases::new(problem, area, next, due));
            }
        }
        queue.waiting = seen - minimums - (start - minimums);
        queue
    }
}

/// The releases of one area's due seats, in order: each is W / w after the one before.
struct Releases {
    next: u64,
    /// The part of kW/w behind the point, in units of 1 / w.
    rest: u64,
    step: u64,
    step_rest: u64,
    weight: u64,
    left: u64,
}

impl Releases {
    /// Of the seats from `first` up to `end`.
    fn new(problem: &Problem, area: &Area, first: u64, end: u64) -> Self {
        let weight = u128::from(area.weight.max(1));
        let small = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
        Self {
            next: first_size(problem, area, first),
            rest: small(u128::from(first) * problem.total % weight),
            step: small(problem.total / weight),
            step_rest: small(problem.total % weight),
            weight: area.weight.max(1),
            left: end - first,
        }
    }

    /// Counts those at the sizes from `from` on, as far as there are counts.
    fn count(&mut self, from: u64, counts: &mut [u32]) {
        while self.left > 0 {
            let at = usize::try_from(self.next.saturating_sub(from)).ok();
            let Some(count) = at.and_then(|at| counts.get_mut(at)) else { return };
            *count += 1;
            self.left -= 1;
            self.next = self.next.saturating_add(self.step);
            self.rest += self.step_rest;
            if self.rest >= self.weight {
                self.rest -= self.weight;
                self.next = self.next.saturating_add(1);
            }
        }
    }
}

/// How many of an area's seats have a deadline up to `size`: its lower quota.
fn due(problem: &Problem, area: &Area, size: u64) -> u64 {
    let share = u128::from(size) * u128::from(area.weight) / problem.total.max(1);
    u64::try_from(share).unwrap_or(size)
}

/// How many of an area's seats are released by `size`: its upper quota.
fn released(problem: &Problem, area: &Area, size: u64) -> u64 {
    let share = (u128::from(size) * u128::from(area.weight)).div_ceil(problem.total.max(1));
    u64::try_from(share).unwrap_or(size)
}

/// The most an area without bounds can have in the end.
fn upper(problem: &Problem, area: &Area) -> u64 {
    released(problem, area, problem.seats)
}

/// The size at which a seat of an area with a weight is released.
pub(super) fn first_size(problem: &Problem, area: &Area, seat: u64) -> u64 {
    let size = u128::from(seat) * problem.total / u128::from(area.weight.max(1)) + 1;
    u64::try_from(size).unwrap_or(u64::MAX)
}
