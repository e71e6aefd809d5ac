//! What lies before a plan: what its forecast and its simulation begin with, and how long a
//! placement lasts.

use time::Date;

use crate::domain::{
    apportionment::{ApportionmentError, Area, MAX_SEATS, Method, apportion, claim},
    forecast::Course,
    plan::{ActivePlan, Holder, PlanTerms, targets},
    redistribution::{Off, goal},
    simulation::{Behind, Scenario, Start},
};

/// Days in a year, on the average of the calendar's four hundred.
pub const DAYS_A_YEAR: f64 = 365.2425;
/// How far back placements are looked at to tell how long one lasts, in days: three years.
pub const MEASURED_DAYS: i64 = 3 * 366;
/// How many placements must have ended in that time for it to be told: with so many it is within
/// about a third of the truth in nineteen of twenty cases, and nobody is to be found in it.
pub const MEASURED_MIN: u64 = 30;

/// How long a placement lasts on the average, and where that comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MeanStay {
    /// Whoever asks says so.
    Stated(f64),
    /// From what happened.
    Measured(Measured),
}

/// What happened to a ledger's placements in some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// How many days placements lasted in it, all together.
    pub placement_days: u64,
    /// How many ended.
    pub ended: u64,
    /// From which day on it was looked.
    pub since: Date,
}

impl MeanStay {
    /// What was said last counts: by who asks, by the plan, and else what was measured, where
    /// enough has ended.
    pub fn of(
        asked_months: Option<u32>,
        terms: &PlanTerms,
        measured: Option<Measured>,
    ) -> Option<Self> {
        let stated = asked_months.or(terms.mean_stay_months);
        let stated = stated.map(|months| Self::Stated(f64::from(months) / 12.0));
        let is_enough =
            |measured: &Measured| measured.ended >= MEASURED_MIN && measured.placement_days > 0;
        stated.or(measured.filter(is_enough).map(Self::Measured))
    }

    /// In years. Where it is measured it is all the time by how many ended in it: that counts
    /// those who are still there as well, and is right where how long one has yet to stay does
    /// not depend on how long one has.
    pub fn years(&self) -> f64 {
        match self {
            Self::Stated(years) => *years,
            Self::Measured(Measured { placement_days, ended, .. }) => {
                float(*placement_days) / float(*ended) / DAYS_A_YEAR
            }
        }
    }
}

/// A plan as it stands, or would, and what lies before it.
#[derive(Debug, Clone)]
pub struct Outset {
    /// What is planned.
    pub terms: PlanTerms,
    /// By municipality number, or by host.
    pub holders: Vec<Holder>,
    /// The places that are shared out.
    pub places: u64,
    /// What each holder is entitled to of them.
    pub targets: Vec<u64>,
    active: Option<ActivePlan>,
    /// How many of its years are over.
    years_over: u32,
}

impl Outset {
    /// Of a plan that steers, or of terms alone.
    ///
    /// # Errors
    ///
    /// What [`apportion`] refuses: the weights and the maximums do not allow it.
    pub fn new(
        terms: PlanTerms,
        holders: Vec<Holder>,
        places: u64,
        active: Option<ActivePlan>,
        today: Date,
    ) -> Result<Self, ApportionmentError> {
        let areas: Vec<Area> = holders.iter().map(area).collect();
        let told = apportion(terms.method, places, &areas)?;
        let targets = told.shares.iter().map(|share| share.seats).collect();
        let years_over = active.as_ref().map_or(0, |active| active.year_on(today) - 1);
        Ok(Self { terms, holders, places, targets, active, years_over })
    }

    /// How many places are to move (D).
    pub fn distance(&self) -> u64 {
        let both = self.holders.iter().zip(&self.targets);
        Off::of(both.map(|(holder, target)| (holder.held, *target))).distance()
    }

    /// How many are to move in all, those that have among them: what the goals are parts of. It is
    /// what the plan last took aim at, and where its next row aims anew, what that will say.
    pub fn distance_in_all(&self) -> u64 {
        let Some(active) = &self.active else { return self.distance() };
        let aimed_at = |holder: &Holder| active.targets.get(&holder.municipality_number);
        let mut both = self.holders.iter().zip(&self.targets);
        if both.all(|(one, now)| aimed_at(one).map_or(0, |target| u64::from(*target)) == *now) {
            active.distance
        } else {
            u64::from(active.moved) + self.distance()
        }
    }

    /// Which part of what is to move in all has yet to.
    pub fn share_left(&self) -> f64 {
        match self.distance_in_all() {
            0 => 0.0,
            distance => (float(self.distance()) / float(distance)).min(1.0),
        }
    }

    /// Which part of what is to move in all shall have by the end of a year, 1 being the first of
    /// those it has left.
    pub fn share_by_goal(&self, year: u32) -> f64 {
        match self.distance_in_all() {
            0 => 1.0,
            distance => {
                let goal = goal(distance, self.years_over + year, self.terms.horizon_years);
                float(goal) / float(distance)
            }
        }
    }

    /// How many years the plan has left, one at least.
    pub fn years_left(&self) -> u32 {
        self.terms.horizon_years.saturating_sub(self.years_over).max(1)
    }

    /// How many places are new in each year the plan has left. The first one's are in the budget
    /// already.
    fn new_places(&self) -> Vec<u32> {
        let a_year = self.terms.new_places_a_year.unwrap_or(0);
        (0..self.years_left()).map(|year| if year == 0 { 0 } else { a_year }).collect()
    }

    /// What the forecast is made from.
    pub fn course(&self, mean_stay_years: f64) -> Course {
        let mut all = vec![self.targets.clone()];
        if self.terms.new_places_a_year.is_some_and(|places| places > 0) {
            let mut places = self.places;
            for new in self.new_places().into_iter().skip(1) {
                places += u64::from(new);
                // What cannot be shared out so leaves the targets as they are.
                let Some(told) = targets(self.terms.method, places, &self.holders) else { break };
                all.push(told);
            }
        }
        Course {
            held: self.holders.iter().map(|holder| holder.held).collect(),
            targets: all,
            year: 1.0 / mean_stay_years,
        }
    }

    /// What is simulated.
    pub fn scenario(&self, years: u32, mean_stay_years: f64) -> Scenario {
        let active = self.active.as_ref();
        let start = |holder: &Holder| {
            let number = &holder.municipality_number;
            let of = |counts: &std::collections::BTreeMap<_, u32>| {
                counts.get(number).copied().map_or(0, u64::from)
            };
            Start {
                weight: holder.weight,
                held: holder.held,
                maximum: holder.maximum,
                held_at_start: active.map_or(holder.held, |active| of(&active.held_at_start)),
                given: active.map_or(0, |active| of(&active.given)),
            }
        };
        let behind = active.map(|active| Behind {
            distance: self.distance_in_all(),
            moved: active.moved.into(),
            years: self.years_over,
        });
        Scenario {
            areas: self.holders.iter().map(start).collect(),
            places: self.places,
            method: self.terms.method,
            protect_at_target: self.terms.protect_at_target,
            cap_basis_points: self.terms.cap_basis_points,
            pace_is_goal: self.terms.pace_is_goal,
            horizon_years: self.terms.horizon_years,
            behind,
            years,
            mean_stay_years,
            new_places: self.new_places(),
        }
    }

    /// How many new places it would take with nothing vacated.
    pub fn new_places_only(&self) -> Option<u64> {
        new_places_only(self.terms.method, self.places, &self.holders)
    }
}

fn area(holder: &Holder) -> Area {
    Area { weight: holder.weight, min_seats: 0, max_seats: holder.maximum }
}

/// The least number of new places by which everybody has the fair share and nobody gives any:
/// the smallest m such that of `places` + m each is entitled to at least what it holds. Whoever
/// holds more than its maximum keeps it. `None` where no number is enough, and for methods that
/// may take a place from somebody when there is one more: of them no number is the least.
pub fn new_places_only(method: Method, places: u64, holders: &[Holder]) -> Option<u64> {
    claim(method, 0, 1, 0)?;
    let of_one = |holder: &Holder| {
        let maximum = holder.maximum.map(|maximum| maximum.max(holder.held));
        Area { weight: holder.weight, min_seats: 0, max_seats: maximum }
    };
    let areas: Vec<Area> = holders.iter().map(of_one).collect();
    let is_enough = |more: u64| {
        let told = apportion(method, places + more, &areas).ok()?;
        let mut shares = told.shares.iter().zip(holders);
        Some(shares.all(|(share, holder)| share.seats >= holder.held))
    };
    // A divisor method gives nobody fewer of more places, so what is enough stays enough. With
    // maximums there may be more places than can be had: that is not enough, and stays so.
    let most = MAX_SEATS.saturating_sub(places);
    let mut step = 1;
    let (mut low, mut high) = (0, 0);
    loop {
        match is_enough(high) {
            Some(true) => break,
            Some(false) if high < most => {}
            Some(false) | None => return least_within(low, high, is_enough),
        }
        low = high + 1;
        high = (high + step).min(most);
        step *= 2;
    }
    least_within(low, high, is_enough)
}

/// The least number from `low` to `high` that is enough. Those that are too many to be shared out
/// lie above all others.
fn least_within(
    mut low: u64,
    mut high: u64,
    is_enough: impl Fn(u64) -> Option<bool>,
) -> Option<u64> {
    while low < high {
        let middle = u64::midpoint(low, high);
        match is_enough(middle) {
            Some(false) => low = middle + 1,
            Some(true) | None => high = middle,
        }
    }
    (is_enough(low) == Some(true)).then_some(low)
}

#[allow(clippy::cast_precision_loss, reason = "days and placements, far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}
