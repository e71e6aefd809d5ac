//! Many possible courses of a plan, drawn by chance from a seed: what the forecast's closed forms
//! leave out, caps, goals and growth, is in them.
//!
//! Time runs year by year. Each placement ends by itself, after a time that is exponential with the
//! mean stay; so of all places in use the next to be freed is any of them, and the gap before it is
//! exponential with the mean stay by the number of places. What is freed goes where
//! [`redirect`] says and is used again at once. New places come on the first day of a year; the
//! targets are then computed anew.
//!
//! The generator is SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom
//! number generators", OOPSLA 2014), written out here: a seed that stands in a stored answer must
//! give the same draws in every version, and a library's generator may change.

use crate::domain::{
    apportionment::{ApportionmentError, Area, Method, apportion},
    redistribution::{Freed, Member, Steering, cap, goal, redirect, remaining},
};

/// An area at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Its weight in the distribution key.
    pub weight: u64,
    /// The places it holds.
    pub held: u64,
    /// The most it may come to hold.
    pub maximum: Option<u64>,
}

/// What is simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The areas, by municipality number: their order decides ties.
    pub areas: Vec<Start>,
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
    /// How many years are looked at, at least the horizon.
    pub years: u32,
    /// How long a placement lasts on the average, in years.
    pub mean_stay_years: f64,
    /// How many places are new on the first day of each year; none beyond the last.
    pub new_places: Vec<u32>,
}

/// One future.
#[derive(Debug, Clone, PartialEq)]
pub struct Future {
    /// How many places have moved by the end of each year.
    pub moved: Vec<u64>,
    /// How many have yet to, then.
    pub remaining: Vec<u64>,
    /// What each area holds at the end.
    pub held: Vec<u64>,
    /// When half, nine tenths and all of what was to move at the start had moved, in years.
    pub reached: [Option<f64>; 3],
    /// How many places were freed in all.
    pub vacancies: u64,
    /// How many of them in areas above their target.
    pub over_holding_vacancies: u64,
}

/// A seeded generator of chance (SplitMix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Of the future of this number, from this seed: no two numbers share a beginning.
    pub fn of(seed: u64, number: u64) -> Self {
        let mut chance = Self(seed);
        let start = chance.draw() ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03);
        Self(start)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `count`: the high half of a product, off by at most `count` in 2^64.
    fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.draw()) * count as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A time that is exponential with the mean 1.
    #[allow(clippy::cast_precision_loss, reason = "53 bits are taken")]
    fn gap(&mut self) -> f64 {
        let unit = ((self.draw() >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0;
        -unit.ln()
    }
}

/// A scenario under way.
struct World<'a> {
    scenario: &'a Scenario,
    members: Vec<Member>,
    /// What each area held at the start.
    at_start: Vec<u64>,
    /// What each has given.
    given: Vec<u64>,
    /// Whose each place is.
    owner: Vec<u32>,
    /// How many were to move at the start.
    distance: u64,
    remaining: u64,
    moved: u64,
    may_move: Option<u64>,
}

/// Draws one future.
///
/// # Errors
///
/// What [`apportion`] refuses.
pub fn simulate(scenario: &Scenario, mut chance: Chance) -> Result<Future, ApportionmentError> {
    let mut world = World::new(scenario)?;
    let mut future = Future {
        moved: Vec::new(),
        remaining: Vec::new(),
        held: Vec::new(),
        reached: [None; 3],
        vacancies: 0,
        over_holding_vacancies: 0,
    };
    let mut now = 0.0;
    world.note(now, &mut future);
    for year in 1..=scenario.years {
        world.begin(year)?;
        let end = f64::from(year);
        while !world.owner.is_empty() {
            now += chance.gap() * scenario.mean_stay_years / float(world.owner.len());
            if now >= end {
                break;
            }
            let place = chance.below(world.owner.len());
            future.vacancies += 1;
            if world.is_over(place) {
                future.over_holding_vacancies += 1;
            }
            if world.vacate(place) {
                world.note(now, &mut future);
            }
        }
        // The exponential forgets: what was under way at the year's end begins anew.
        now = end;
        future.moved.push(world.moved);
        future.remaining.push(world.remaining);
    }
    future.held = world.members.iter().map(|member| member.held).collect();
    Ok(future)
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario) -> Result<Self, ApportionmentError> {
        let members = scenario.areas.iter().map(|area| Member {
            weight: area.weight,
            held: area.held,
            target: 0,
            maximum: area.maximum,
            may_give: None,
        });
        let mut world = Self {
            scenario,
            members: members.collect(),
            at_start: scenario.areas.iter().map(|area| area.held).collect(),
            given: vec![0; scenario.areas.len()],
            owner: Vec::new(),
            distance: 0,
            remaining: 0,
            moved: 0,
            may_move: None,
        };
        for (index, area) in (0..).zip(&scenario.areas) {
            world.owner.extend((0..area.held).map(|_| index));
        }
        world.aim()?;
        world.distance = world.remaining;
        Ok(world)
    }

    /// Computes the targets anew, for all places there are now.
    fn aim(&mut self) -> Result<(), ApportionmentError> {
        let areas: Vec<Area> = self
            .members
            .iter()
            .map(|member| Area {
                weight: member.weight,
                min_seats: 0,
                // Who is above the maximum already keeps it until places free themselves.
                max_seats: member.maximum,
            })
            .collect();
        let answer = apportion(self.scenario.method, self.owner.len() as u64, &areas)?;
        for (member, share) in self.members.iter_mut().zip(answer.shares) {
            member.target = share.seats;
        }
        self.remaining = remaining(&self.members);
        Ok(())
    }

    /// A new year: its new places, its targets, its caps.
    fn begin(&mut self, year: u32) -> Result<(), ApportionmentError> {
        let index = usize::try_from(year - 1).unwrap_or(usize::MAX);
        let new = self.scenario.new_places.get(index).copied().unwrap_or(0);
        for _ in 0..new {
            let steering = self.steering();
            if let Some(to) = redirect(&steering, &self.members, Freed::New).to {
                self.members[to].held += 1;
                self.owner.push(u32::try_from(to).unwrap_or(u32::MAX));
            }
        }
        if new > 0 {
            self.aim()?;
        }
        if let Some(basis_points) = self.scenario.cap_basis_points {
            for ((member, held), given) in
                self.members.iter_mut().zip(&self.at_start).zip(&self.given)
            {
                member.may_give = Some(cap(*held, basis_points, year).saturating_sub(*given));
            }
        }
        if self.scenario.pace_is_goal {
            let goal = goal(self.distance, year, self.scenario.horizon_years);
            self.may_move = Some(goal.saturating_sub(self.moved));
        }
        Ok(())
    }

    fn steering(&self) -> Steering {
        Steering {
            method: self.scenario.method,
            protect_at_target: self.scenario.protect_at_target,
            may_move: self.may_move,
        }
    }

    fn is_over(&self, place: usize) -> bool {
        let member = &self.members[self.owner[place] as usize];
        member.held > member.target
    }

    /// Frees a place, and gives it where it goes; whether it has moved.
    fn vacate(&mut self, place: usize) -> bool {
        let from = self.owner[place] as usize;
        let member = &self.members[from];
        // What would stay needs no look at the others.
        if self.scenario.protect_at_target && member.held <= member.target
            || member.may_give == Some(0)
            || self.may_move == Some(0)
        {
            return false;
        }
        self.members[from].held -= 1;
        let to = redirect(&self.steering(), &self.members, Freed::By(from)).to.unwrap_or(from);
        self.members[to].held += 1;
        if to == from {
            return false;
        }
        self.owner[place] = u32::try_from(to).unwrap_or(u32::MAX);
        self.given[from] += 1;
        self.moved += 1;
        let less = |left: &mut Option<u64>| *left = left.map(|left| left.saturating_sub(1));
        less(&mut self.members[from].may_give);
        less(&mut self.may_move);
        self.remaining = remaining(&self.members);
        true
    }

    /// Notes when so much had moved.
    fn note(&self, now: f64, future: &mut Future) {
        let done = self.distance.saturating_sub(self.remaining);
        let parts = [5, 9, 10].map(|tenths| (self.distance * tenths).div_ceil(10));
        for (reached, part) in future.reached.iter_mut().zip(parts) {
            if reached.is_none() && done >= part {
                *reached = Some(now);
            }
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of places, far below 2^53")]
fn float(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trondheim's weight and 152 places against 24 others, whose 270 are shared as evenly as can
    /// be by weight: made up, as the audit does not say how they were.
    fn trondheim() -> Scenario {
        let weights: Vec<u64> =
            std::iter::once(173_486).chain((1..=24).map(|i| 2_000 + i * 242)).collect();
        let rest: Vec<Area> = weights[1..]
            .iter()
            .map(|weight| Area { weight: *weight, min_seats: 0, max_seats: None })
            .collect();
        let shares = apportion(Method::SainteLague, 270, &rest).unwrap().shares;
        let held = std::iter::once(152).chain(shares.iter().map(|share| share.seats));
        let areas = weights.iter().zip(held).map(|(weight, held)| Start {
            weight: *weight,
            held,
            maximum: None,
        });
        Scenario {
            areas: areas.collect(),
            method: Method::SainteLague,
            protect_at_target: true,
            cap_basis_points: None,
            pace_is_goal: false,
            horizon_years: 10,
            years: 60,
            mean_stay_years: 10.0,
            new_places: Vec::new(),
        }
    }

    #[test]
    fn exactly_as_many_vacancies_as_are_needed_and_then_the_shares() {
        let scenario = trondheim();
        let distance = World::new(&scenario).unwrap().distance;
        for number in 0..20 {
            let future = simulate(&scenario, Chance::of(7, number)).unwrap();
            assert_eq!(future.over_holding_vacancies, distance, "future {number}");
            assert_eq!(future.remaining.last(), Some(&0));
            assert_eq!(future.moved.last(), Some(&distance));
            let targets: Vec<u64> =
                World::new(&scenario).unwrap().members.iter().map(|m| m.target).collect();
            assert_eq!(future.held, targets);
            let [half, most, all] = future.reached.map(Option::unwrap);
            assert!(half < most && most < all, "{half} {most} {all}");
        }
    }

    #[test]
    fn a_seed_gives_its_future_again_and_another_another() {
        let scenario = trondheim();
        let draw = |seed, number| simulate(&scenario, Chance::of(seed, number)).unwrap();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2).reached, draw(1, 3).reached);
        assert_ne!(draw(1, 2).reached, draw(2, 2).reached);
    }

    /// The averages over many draws are those of the closed forms.
    #[test]
    fn the_forecast_tells_what_is_drawn() {
        use crate::domain::forecast::{Giver, forecast};
        let scenario = trondheim();
        let world = World::new(&scenario).unwrap();
        let givers: Vec<Giver> = world
            .members
            .iter()
            .filter(|member| member.held > member.target)
            .map(|member| Giver { held: member.held, target: member.target })
            .collect();
        let told = forecast(&givers);
        let draws = 400;
        let mut reached: [Vec<f64>; 3] = Default::default();
        for number in 0..draws {
            let future = simulate(&scenario, Chance::of(11, number)).unwrap();
            for (times, time) in reached.iter_mut().zip(future.reached) {
                times.push(time.unwrap() / scenario.mean_stay_years);
            }
        }
        for (times, expected) in reached.iter_mut().zip([told.half, told.nine_tenths, told.all]) {
            times.sort_by(f64::total_cmp);
            let at = |tenths: usize| times[times.len() * tenths / 10];
            for (drawn, expected) in
                [(at(1), expected.p10), (at(5), expected.p50), (at(9), expected.p90)]
            {
                assert!((drawn / expected - 1.0).abs() < 0.12, "{drawn} and not {expected}");
            }
        }
    }

    #[test]
    fn goals_caps_growth_and_maximums_bind() {
        let paced = Scenario { pace_is_goal: true, ..trondheim() };
        let distance = World::new(&paced).unwrap().distance;
        let future = simulate(&paced, Chance::of(3, 0)).unwrap();
        for (year, moved) in (1..).zip(&future.moved) {
            assert!(*moved <= goal(distance, year, 10), "year {year}: {moved}");
        }
        let capped = Scenario { cap_basis_points: Some(200), ..trondheim() };
        let future = simulate(&capped, Chance::of(3, 0)).unwrap();
        let most: u64 = capped.areas.iter().map(|area| cap(area.held, 200, 1)).sum();
        assert!(future.moved[0] <= most);
        let growing = Scenario { new_places: vec![20; 10], ..trondheim() };
        let future = simulate(&growing, Chance::of(3, 0)).unwrap();
        assert_eq!(future.held.iter().sum::<u64>(), 622);
        let mut full = trondheim();
        full.areas[0].maximum = Some(200);
        let future = simulate(&full, Chance::of(3, 0)).unwrap();
        assert_eq!(future.held[0], 200);
    }
}
