//! The quota method's state at a number of seats, without the choice at every smaller one.
//!
//! # Why it is the same
//!
//! Let H(t) be the sum of all bounded quotas by the multiplier t ([`super::multiplier`]), and number
//! the seats of an area with the weight w from 0 on; those below its minimum are given beforehand,
//! and there are none from its maximum on. Seat k may be given from the size on at which the bounded
//! quota exceeds k: the *release* ⌊H(k/w)⌋ + 1. Among the seats that may be given, the method takes
//! the greatest w / (k + 1), that is the least (k + 1)/w: the earliest *deadline* H((k + 1)/w), ties
//! by the order of areas. So the method is a queue with one service at each size, the earliest
//! deadline first. There is always someone to serve, since the bounded quotas add up to the size. To
//! give every area its bounded quota at each size, in fractions, would meet all deadlines; so the
//! queue does, for the earliest deadline first meets all that can be met.
//!
//! Look at the state at size g. An area's seats fall into three: those with a deadline up to g
//! (its bounded quota rounded down: the *due*), at most one that was released by g with a later
//! deadline (the *open* one), and those not released. Every due seat comes before every open one.
//! Hence all due seats have been served, and a size serves an open seat just when no due seat waits,
//! and then the earliest deadline of the open ones that are released. How many due seats wait is a
//! count of releases, whichever they are. When the count has met as many open seats as are wanting to
//! g, the state is known.
//!
//! Until the first open seat is released every size serves a due one, so the count begins there:
//! without bounds the sizes counted are at most W / w of the lightest area, rounded up, however many
//! seats there are; W is the sum of weights. With bounds a seat may have to find its piece of H among
//! the others. docs/quota-method.md proves that some growth with the seats cannot be avoided.

use super::Area;
use super::divisor::{Claim, Divisor};
use super::multiplier::{BoundedQuota, Pieces};
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

/// The state at `size` seats, which are no fewer than the minimums.
pub(super) fn reach(problem: &Problem, pieces: &Pieces, size: u64) -> Reached {
    let quotas = quotas(problem, pieces, size);
    let held: Vec<u64> = quotas.iter().map(|quota| quota.whole).collect();
    let mut reached = Reached { served_at: vec![0; held.len()], held };
    let mut wanting = size - reached.held.iter().sum::<u64>();
    let open = open_seats(problem, pieces, &quotas);
    let Some(first) = open.first() else { return reached };
    let mut due = DueSeats::at(problem, pieces, &reached.held, first.release - 1);
    let mut counts = vec![0_u32; problem.areas.len().max(SIZES_AT_ONCE)];
    let mut coming = open.iter().peekable();
    let mut ready: BinaryHeap<Claim> = BinaryHeap::new();
    let mut from = first.release;
    while wanting > 0 && from <= size {
        counts.fill(0);
        due.to_come.iter_mut().for_each(|area| area.count(from, &mut counts));
        for (&released, at) in counts.iter().zip(from..=size) {
            due.waiting += u64::from(released);
            while let Some(seat) = coming.next_if(|seat| seat.release <= at) {
                ready.push(seat.claim);
            }
            if due.waiting > 0 {
                due.waiting -= 1;
            } else if let Some(claim) = ready.pop() {
                reached.held[claim.area] += 1;
                reached.served_at[claim.area] = at;
                wanting -= 1;
            }
        }
        from = from.saturating_add(u64::try_from(counts.len()).unwrap_or(u64::MAX));
    }
    reached
}

/// The size at which a seat of an area with a weight is released.
pub(super) fn release(pieces: &Pieces, area: &Area, seat: u64) -> u64 {
    Releases::new(pieces, area, seat, seat).next
}

/// The bounded quotas at `size` seats.
pub(super) fn quotas(problem: &Problem, pieces: &Pieces, size: u64) -> Vec<BoundedQuota> {
    let multiplier = pieces.multiplier(size);
    problem.areas.iter().map(|area| multiplier.bounded(problem, area)).collect()
}

/// A seat that may be had by the size looked at, but need not.
struct OpenSeat {
    release: u64,
    claim: Claim,
}

/// The open seats by release.
fn open_seats(problem: &Problem, pieces: &Pieces, quotas: &[BoundedQuota]) -> Vec<OpenSeat> {
    let areas = problem.areas.iter().zip(quotas).enumerate();
    let mut open: Vec<OpenSeat> = areas
        .filter(|(_, (_, quota))| quota.remainder > 0)
        .map(|(index, (area, quota))| OpenSeat {
            release: release(pieces, area, quota.whole),
            claim: Divisor::DHondt.claim(index, area, quota.whole),
        })
        .collect();
    open.sort_unstable_by_key(|seat| seat.release);
    open
}

/// The due seats after a size up to which nothing else was served.
struct DueSeats<'a> {
    waiting: u64,
    to_come: Vec<Releases<'a>>,
}

impl<'a> DueSeats<'a> {
    fn at(problem: &'a Problem, pieces: &'a Pieces, due: &[u64], size: u64) -> Self {
        let mut seats = Self { waiting: 0, to_come: Vec::with_capacity(due.len()) };
        let mut released = 0;
        let quotas = quotas(problem, pieces, size);
        for ((area, quota), &due) in problem.areas.iter().zip(quotas).zip(due) {
            let next = quota.rounded_up().min(due);
            released += next;
            if next < due {
                seats.to_come.push(Releases::new(pieces, area, next, due));
            }
        }
        seats.waiting = released - size;
        seats
    }
}

/// The releases of one area's due seats, in order. On a straight piece of H = fixed + slope · t,
/// each is slope / weight after the one before.
struct Releases<'a> {
    pieces: &'a Pieces,
    weight: u64,
    seat: u64,
    end: u64,
    /// The release of `seat`.
    next: u64,
    /// The part of H behind the point, in units of 1 / weight.
    rest: u64,
    step: u64,
    step_rest: u64,
    /// The last seat on this piece.
    last: u64,
}

impl<'a> Releases<'a> {
    /// Of the seats from `first` up to `end`.
    fn new(pieces: &'a Pieces, area: &Area, first: u64, end: u64) -> Self {
        let weight = area.weight.max(1);
        let mut releases = Self {
            pieces,
            weight,
            seat: first,
            end,
            next: 0,
            rest: 0,
            step: 0,
            step_rest: 0,
            last: 0,
        };
        releases.enter_piece();
        releases
    }

    fn enter_piece(&mut self) {
        let (piece, after) = self.pieces.at(self.seat, self.weight);
        let grown = u128::from(self.seat) * u128::from(piece.slope);
        let whole = grown / u128::from(self.weight);
        self.next = u64::try_from(whole).unwrap_or(u64::MAX).saturating_add(piece.fixed + 1);
        self.rest = u64::try_from(grown % u128::from(self.weight)).unwrap_or(0);
        (self.step, self.step_rest) = (piece.slope / self.weight, piece.slope % self.weight);
        self.last = after.map_or(u64::MAX, |piece| piece.whole_before(self.weight));
    }

    /// Counts those at the sizes from `from` on, as far as there are counts.
    fn count(&mut self, from: u64, counts: &mut [u32]) {
        while self.seat < self.end {
            let at = usize::try_from(self.next.saturating_sub(from)).ok();
            let Some(count) = at.and_then(|at| counts.get_mut(at)) else { return };
            *count += 1;
            self.advance();
        }
    }

    fn advance(&mut self) {
        self.seat += 1;
        if self.seat > self.last {
            return self.enter_piece();
        }
        self.next = self.next.saturating_add(self.step);
        self.rest += self.step_rest;
        if self.rest >= self.weight {
            self.rest -= self.weight;
            self.next = self.next.saturating_add(1);
        }
    }
}
