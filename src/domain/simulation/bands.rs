//! What many futures have in common: of each figure the value that one in ten, half and nine in
//! ten do not exceed.

use super::{Future, Scenario};

/// The tenths of all futures that do not exceed a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band<T> {
    /// One in ten does not.
    pub p10: T,
    /// Half do not.
    pub p50: T,
    /// Nine in ten do not.
    pub p90: T,
}

/// The bands of a year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YearBands {
    /// How many have moved by its end.
    pub moved: Band<u64>,
    /// How many have yet to.
    pub remaining: Band<u64>,
}

/// What became of an area.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AreaBand {
    /// In how many futures it lost a place when it stood at or below its target.
    pub pushed_below: u64,
    /// What it holds at the end.
    pub held: Band<u64>,
}

/// What many futures have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Bands {
    /// How many there are.
    pub drawn: u64,
    /// How many vacancies were drawn in them.
    pub vacancies: u64,
    /// Year by year.
    pub years: Vec<YearBands>,
    /// When half, nine tenths and all have moved, in years; `None` for later than was looked.
    pub reached: [Band<Option<f64>>; 3],
    /// In how many futures they have, within the years that were looked at.
    pub reached_in: [u64; 3],
    /// Area by area.
    pub areas: Vec<AreaBand>,
}

/// Futures on a heap, figure by figure.
#[derive(Debug)]
pub struct Tally {
    drawn: u64,
    vacancies: u64,
    moved: Vec<Vec<u64>>,
    remaining: Vec<Vec<u64>>,
    reached: [Vec<f64>; 3],
    held: Vec<Vec<u64>>,
    pushed_below: Vec<u64>,
}

impl Tally {
    /// Of no future yet.
    pub fn new(scenario: &Scenario) -> Self {
        let years = usize::try_from(scenario.years).unwrap_or(usize::MAX);
        Self {
            drawn: 0,
            vacancies: 0,
            moved: vec![Vec::new(); years],
            remaining: vec![Vec::new(); years],
            reached: Default::default(),
            held: vec![Vec::new(); scenario.areas.len()],
            pushed_below: vec![0; scenario.areas.len()],
        }
    }

    /// One more.
    pub fn add(&mut self, future: &Future) {
        self.drawn += 1;
        self.vacancies += future.vacancies;
        let push = |to: &mut Vec<Vec<u64>>, values: &[u64]| {
            to.iter_mut().zip(values).for_each(|(all, value)| all.push(*value));
        };
        push(&mut self.moved, &future.moved);
        push(&mut self.remaining, &future.remaining);
        push(&mut self.held, &future.held);
        for (all, time) in self.reached.iter_mut().zip(future.reached) {
            all.push(time.unwrap_or(f64::INFINITY));
        }
        for (count, below) in self.pushed_below.iter_mut().zip(&future.pushed_below) {
            *count += u64::from(*below);
        }
    }

    /// What they have in common; `None` of none.
    pub fn bands(&mut self) -> Option<Bands> {
        if self.drawn == 0 {
            return None;
        }
        let whole = |values: &mut Vec<u64>| band(values, Ord::cmp);
        let years = self.moved.iter_mut().zip(&mut self.remaining);
        let years = years.map(|(moved, remaining)| YearBands {
            moved: whole(moved),
            remaining: whole(remaining),
        });
        let areas = self.held.iter_mut().zip(&self.pushed_below);
        let areas = areas
            .map(|(held, below)| AreaBand { pushed_below: *below, held: whole(held) })
            .collect();
        let within = |time: f64| time.is_finite().then_some(time);
        let counts = |times: &Vec<f64>| times.iter().filter(|time| time.is_finite()).count() as u64;
        let reached_in = [0, 1, 2].map(|at: usize| counts(&self.reached[at]));
        let reached = self.reached.each_mut().map(|times| {
            let Band { p10, p50, p90 } = band(times, f64::total_cmp);
            Band { p10: within(p10), p50: within(p50), p90: within(p90) }
        });
        Some(Bands {
            drawn: self.drawn,
            vacancies: self.vacancies,
            years: years.collect(),
            reached,
            reached_in,
            areas,
        })
    }
}

/// The nearest ranks of values, of which there is one at least.
fn band<T: Copy>(values: &mut [T], order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Band<T> {
    values.sort_unstable_by(order);
    let at = |tenths: usize| values[(values.len() * tenths).div_ceil(10).max(1) - 1];
    Band { p10: at(1), p50: at(5), p90: at(9) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_ranks() {
        let of = |values: &mut [u64]| band(values, Ord::cmp);
        assert_eq!(of(&mut [7]), Band { p10: 7, p50: 7, p90: 7 });
        let mut ten: Vec<u64> = (1..=10).rev().collect();
        assert_eq!(of(&mut ten), Band { p10: 1, p50: 5, p90: 9 });
        let mut eleven: Vec<u64> = (1..=11).collect();
        assert_eq!(of(&mut eleven), Band { p10: 2, p50: 6, p90: 10 });
    }
}
