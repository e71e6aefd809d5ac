//! Many possible courses of a plan, drawn by chance from a seed: what the forecast's closed forms
//! leave out, caps, goals and maximums, is in them.
//!
//! Time runs year by year. Each placement ends by itself, after a time that is exponential with the
//! mean stay; so of all places in use the next to be freed is any of them, and the gap before it is
//! exponential with the mean stay by the number of places. What is freed goes where
//! [`redirect`](crate::domain::redistribution::redirect) says and is used again at once. New places
//! come on the first day of a year, and the targets are those of all places there are then.
//!
//! A vacancy takes the same time however many areas there are. Where a place stays is told by its
//! own area and the greatest claim there is: of an area that holds the greatest one itself none is
//! greater when it has given one. Only a place that does move is noted in the tree of claims, in
//! as many steps as the number of areas has binary digits. Where nothing can move until the year's
//! end no vacancy is drawn.

use crate::domain::{
    apportionment::{ApportionmentError, Area, Claim, Method, apportion, claim},
    redistribution::{Off, cap, goal},
};

mod bands;
mod chance;
mod claims;

pub use bands::{AreaBand, Band, Bands, Tally, YearBands};
pub use chance::Chance;
use claims::Claims;

/// As many as are freed.
const UNBOUNDED: u64 = u64::MAX;

/// An area at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Its weight in the distribution key.
    pub weight: u64,
    /// The places it holds.
    pub held: u64,
    /// The most it may come to hold.
    pub maximum: Option<u64>,
    /// What it held when the plan began: its cap is a part of that.
    pub held_at_start: u64,
    /// How many it has given since.
    pub given: u64,
}

/// What a plan has behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// How many places were to move when it began.
    pub distance: u64,
    /// How many have moved since.
    pub moved: u64,
    /// How many of its years are over.
    pub years: u32,
}

/// What is simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The areas, by municipality number: their order decides ties.
    pub areas: Vec<Start>,
    /// The places that are shared out. What nobody holds of them is new on the first day.
    pub places: u64,
    /// The divisor method of the targets.
    pub method: Method,
    /// Whether an area at or below its target keeps what is freed there.
    pub protect_at_target: bool,
    /// How much of what it held at the start an area may give a year, in hundredths of a per cent.
    pub cap_basis_points: Option<u32>,
    /// Whether no more than the goal of each year moves.
    pub pace_is_goal: bool,
    /// In how many years all shall have moved.
    pub horizon_years: u32,
    /// What is behind a plan that steers already.
    pub behind: Option<Behind>,
    /// How many years are looked at.
    pub years: u32,
    /// How long a placement lasts on the average, in years.
    pub mean_stay_years: f64,
    /// How many places are new on the first day of each year; none beyond the last.
    pub new_places: Vec<u32>,
}

/// One future.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Future {
    /// How many places have moved by the end of each year, of those that move from now on.
    pub moved: Vec<u64>,
    /// How many have yet to, then.
    pub remaining: Vec<u64>,
    /// What each area holds at the end.
    pub held: Vec<u64>,
    /// Which areas lost a place when they stood at or below their target.
    pub pushed_below: Vec<bool>,
    /// When half, nine tenths and all of what is to move now have moved, in years.
    pub reached: [Option<f64>; 3],
    /// How many vacancies were drawn.
    pub vacancies: u64,
    /// How many of them in areas above their target.
    pub over_holding_vacancies: u64,
}

/// A scenario with all that is the same in each of its futures.
#[derive(Debug)]
pub struct Prepared {
    scenario: Scenario,
    /// The targets of each year, where they are others than in the year before.
    targets: Vec<Option<Vec<u64>>>,
    /// How many are to move.
    distance: u64,
    /// Whose each place is.
    owner: Vec<u32>,
    claims: Claims,
}

/// An area on the way.
#[derive(Debug, Clone, Copy)]
struct Standing {
    held: u64,
    target: u64,
    given: u64,
    may_give: u64,
}

/// A scenario under way.
#[derive(Debug)]
pub struct World<'a> {
    prepared: &'a Prepared,
    areas: Vec<Standing>,
    owner: Vec<u32>,
    claims: Claims,
    /// The places that are shared out.
    places: u64,
    off: Off,
    moved: u64,
    may_move: u64,
    /// How many are to move in all, what had moved before among them: the goals are parts of it.
    aimed: u64,
    future: Future,
}

/// Draws one future by itself; who draws many does so in one [`World`].
///
/// # Errors
///
/// What [`apportion`] refuses.
pub fn simulate(scenario: &Scenario, chance: Chance) -> Result<Future, ApportionmentError> {
    let prepared = Prepared::new(scenario.clone())?;
    Ok(World::new(&prepared).draw(chance, || true).unwrap_or_default())
}

impl Scenario {
    /// How many vacancies a future has on the average, at the most.
    pub fn vacancies(&self) -> f64 {
        let mut places = self.places.max(self.areas.iter().map(|area| area.held).sum());
        let mut sum = 0.0;
        for year in 0..self.years {
            places += u64::from(self.new_in(year));
            sum += float(places) / self.mean_stay_years;
        }
        sum
    }

    /// How many places are new on the first day of a year, 0 being the first one.
    fn new_in(&self, year: u32) -> u32 {
        let index = usize::try_from(year).unwrap_or(usize::MAX);
        self.new_places.get(index).copied().unwrap_or(0)
    }
}

impl Prepared {
    /// A scenario with its targets.
    ///
    /// # Errors
    ///
    /// What [`apportion`] refuses.
    pub fn new(scenario: Scenario) -> Result<Self, ApportionmentError> {
        let aim = |places| targets(&scenario, places);
        let first = aim(scenario.places)?;
        let held = scenario.areas.iter().map(|area| area.held);
        let distance = Off::of(held.zip(first.iter().copied())).distance();
        let mut places = scenario.places;
        let targets = (0..scenario.years).map(|year| {
            let new = scenario.new_in(year);
            places += u64::from(new);
            // What cannot be shared out so leaves the targets as they are.
            if new == 0 { None } else { aim(places).ok() }
        });
        let mut targets: Vec<Option<Vec<u64>>> = targets.collect();
        match targets.first_mut() {
            Some(year) => _ = year.get_or_insert(first),
            None => targets.push(Some(first)),
        }
        let mut owner = Vec::new();
        for (index, area) in (0..).zip(&scenario.areas) {
            owner.extend((0..area.held).map(|_| index));
        }
        let mut claims = Claims::new(scenario.areas.len());
        for (index, area) in scenario.areas.iter().enumerate() {
            claims.set(index, claim_of(&scenario, index, area.held));
        }
        Ok(Self { scenario, targets, distance, owner, claims })
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// How many places are to move.
    pub fn distance(&self) -> u64 {
        self.distance
    }
}

fn targets(scenario: &Scenario, places: u64) -> Result<Vec<u64>, ApportionmentError> {
    // Who is above the maximum already keeps it until places free themselves.
    let area = |area: &Start| Area { weight: area.weight, min_seats: 0, max_seats: area.maximum };
    let areas: Vec<Area> = scenario.areas.iter().map(area).collect();
    let answer = apportion(scenario.method, places, &areas)?;
    Ok(answer.shares.iter().map(|share| share.seats).collect())
}

/// The claim of an area to one more place; `None` at its maximum.
fn claim_of(scenario: &Scenario, index: usize, held: u64) -> Option<Claim> {
    let area = &scenario.areas[index];
    let has_room = area.maximum.is_none_or(|maximum| held < maximum);
    has_room.then(|| claim(scenario.method, index, area.weight, held)).flatten()
}

impl<'a> World<'a> {
    /// Where futures of a scenario are drawn, one after another.
    pub fn new(prepared: &'a Prepared) -> Self {
        Self {
            prepared,
            areas: Vec::new(),
            owner: Vec::new(),
            claims: prepared.claims.clone(),
            places: 0,
            off: Off::default(),
            moved: 0,
            may_move: UNBOUNDED,
            aimed: 0,
            future: Future::default(),
        }
    }

    /// Draws one future; `None` where `goes_on` says at the end of a year that nobody wants it
    /// any more.
    pub fn draw(&mut self, mut chance: Chance, goes_on: impl Fn() -> bool) -> Option<Future> {
        self.reset();
        let scenario = &self.prepared.scenario;
        let mut now = 0.0;
        for year in 0..scenario.years {
            self.begin(year);
            self.note(now);
            let end = f64::from(year + 1);
            while self.may_change() {
                now += chance.gap() * scenario.mean_stay_years / float(self.owner.len() as u64);
                if now >= end {
                    break;
                }
                let place = chance.below(self.owner.len());
                if self.vacate(place) {
                    self.note(now);
                }
            }
            // The exponential forgets: what was under way at the year's end begins anew.
            now = end;
            self.future.moved.push(self.moved);
            self.future.remaining.push(self.off.distance());
            if !goes_on() {
                return None;
            }
        }
        self.future.held = self.areas.iter().map(|area| area.held).collect();
        Some(std::mem::take(&mut self.future))
    }

    fn reset(&mut self) {
        let scenario = &self.prepared.scenario;
        let of_one = |area: &Start| Standing {
            held: area.held,
            target: 0,
            given: area.given,
            may_give: UNBOUNDED,
        };
        self.areas.clear();
        self.areas.extend(scenario.areas.iter().map(of_one));
        self.owner.clone_from(&self.prepared.owner);
        self.claims.clone_from(&self.prepared.claims);
        self.places = scenario.places;
        (self.moved, self.may_move) = (0, UNBOUNDED);
        self.aimed = scenario.behind.map_or(self.prepared.distance, |behind| behind.distance);
        self.future =
            Future { pushed_below: vec![false; scenario.areas.len()], ..Future::default() };
    }

    /// A new year: its targets, its new places, its caps. Where the targets are other ones than the
    /// year before, the goals follow, as those of a plan do.
    fn begin(&mut self, year: u32) {
        let prepared = self.prepared;
        let scenario = &prepared.scenario;
        let index = usize::try_from(year).unwrap_or(usize::MAX);
        let targets = prepared.targets.get(index).and_then(Option::as_ref);
        for (area, target) in self.areas.iter_mut().zip(targets.into_iter().flatten()) {
            area.target = *target;
        }
        self.places += u64::from(scenario.new_in(year));
        // As long as there are such as nobody holds, and somebody may take them.
        while (self.owner.len() as u64) < self.places {
            let Some(to) = self.claims.greatest().map(Claim::area) else { break };
            self.set_held(to, self.areas[to].held + 1);
            self.owner.push(u32::try_from(to).unwrap_or(u32::MAX));
        }
        self.off = Off::of(self.areas.iter().map(|area| (area.held, area.target)));
        let behind = scenario.behind;
        let of_plan = behind.map_or(0, |behind| behind.years) + year + 1;
        if let Some(basis_points) = scenario.cap_basis_points {
            for (area, start) in self.areas.iter_mut().zip(&scenario.areas) {
                let cap = cap(start.held_at_start, basis_points, of_plan);
                area.may_give = cap.saturating_sub(area.given);
            }
        }
        if scenario.pace_is_goal {
            let moved = behind.map_or(0, |behind| behind.moved) + self.moved;
            if year > 0 && targets.is_some() {
                self.aimed = moved + self.off.distance();
            }
            let goal = goal(self.aimed, of_plan, scenario.horizon_years);
            self.may_move = goal.saturating_sub(moved);
        }
    }

    /// Whether a vacancy may move anything before the year is over. It may not where nobody lacks a
    /// place: then all hold their targets, as the theorem of [`crate::domain::redistribution`] has
    /// it, or the budget was lowered and who holds more keeps it. Nor may it where as many have
    /// moved as may.
    fn may_change(&self) -> bool {
        !self.owner.is_empty() && self.off.under > 0 && self.may_move > 0
    }

    fn set_held(&mut self, index: usize, held: u64) {
        self.areas[index].held = held;
        self.claims.set(index, claim_of(&self.prepared.scenario, index, held));
    }

    /// Frees a place, and gives it where it goes; whether it has moved.
    fn vacate(&mut self, place: usize) -> bool {
        let scenario = &self.prepared.scenario;
        let from = self.owner[place] as usize;
        let area = self.areas[from];
        let is_over = area.held > area.target;
        self.future.vacancies += 1;
        self.future.over_holding_vacancies += u64::from(is_over);
        if scenario.protect_at_target && !is_over || area.may_give == 0 {
            return false;
        }
        let Some(greatest) = self.claims.greatest() else { return false };
        let own = claim_of(scenario, from, area.held - 1);
        let to = greatest.area();
        if to == from || own.is_some_and(|own| own > *greatest) {
            return false;
        }
        self.set_held(from, area.held - 1);
        self.set_held(to, self.areas[to].held + 1);
        self.owner[place] = u32::try_from(to).unwrap_or(u32::MAX);
        // What the giver had above its target, or lacks from now on; and the taker likewise.
        let is_lacking = self.areas[to].held <= self.areas[to].target;
        self.off.over = self.off.over - u64::from(is_over) + u64::from(!is_lacking);
        self.off.under = self.off.under + u64::from(!is_over) - u64::from(is_lacking);
        self.future.pushed_below[from] |= !is_over;
        self.moved += 1;
        self.areas[from].given += 1;
        let less = |left: &mut u64| {
            if *left != UNBOUNDED {
                *left -= 1;
            }
        };
        less(&mut self.areas[from].may_give);
        less(&mut self.may_move);
        true
    }

    /// Notes when so much had moved.
    fn note(&mut self, now: f64) {
        let distance = self.prepared.distance;
        let done = distance.saturating_sub(self.off.distance());
        let parts = [5, 9, 10].map(|tenths| (distance * tenths).div_ceil(10));
        for (reached, part) in self.future.reached.iter_mut().zip(parts) {
            if reached.is_none() && done >= part {
                *reached = Some(now);
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of places, far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
