//! Which rows of a list may be told beside the sum of all, and beside other lists of the same sum.

/// The least figure of other people that is told; what lies between 0 and it is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold(u64);

impl Threshold {
    /// The least and the most that may be set.
    pub const RANGE: std::ops::RangeInclusive<u64> = 3..=100;

    /// A threshold of so many people; `None` outside of [`Self::RANGE`].
    pub fn new(people: u64) -> Option<Self> {
        Self::RANGE.contains(&people).then_some(Self(people))
    }

    /// How many people it is.
    pub fn people(self) -> u64 {
        self.0
    }

    /// Whether a figure is too small to be told, where each person counts for at most `unit`.
    pub fn is_small(self, figure: u64, unit: u64) -> bool {
        (1..self.0 * unit).contains(&figure)
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self(super::LEAST_TOLD)
    }
}

/// What is hidden of a list and its sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// Whether each row is, in the order it was given in.
    pub rows: Vec<bool>,
    /// Whether the sum is. Then so is every row but those with nobody in them.
    pub total: bool,
}

impl Hidden {
    /// Whether anything is.
    pub fn any(&self) -> bool {
        self.rows.contains(&true)
    }
}

/// Which rows are hidden. `rows` are figures of people the reader does not know of: what the reader
/// sees anyway is taken off before. A row of 0 is shown, so of a hidden one it is known that it is
/// not 0.
///
/// Where a row is small, all rows below the threshold are hidden; where that is not enough, all below
/// twice, four times, eight times as much, and so on. Which rows are hidden thus says of each no more
/// than that: were it the next smallest one, a row that is shown would tell what is less. It is enough
/// when what is hidden could be spread in many ways. Where no way is wide enough, the sum is hidden.
pub fn hide(rows: &[u64], unit: u64, threshold: Threshold) -> Hidden {
    let nothing = Hidden { rows: vec![false; rows.len()], total: false };
    if !rows.iter().any(|row| threshold.is_small(*row, unit)) {
        return nothing;
    }
    let all: u64 = rows.iter().sum();
    let mut below = threshold.0 * unit;
    loop {
        let is_hidden = |row: &u64| (1..below).contains(row);
        let spread = Spread {
            rows: rows.iter().filter(|row| is_hidden(row)).count() as u64,
            sum: rows.iter().filter(|row| is_hidden(row)).sum(),
            below,
        };
        let is_wide = spread.is_wide(unit, threshold);
        if is_wide || below > all {
            return Hidden { rows: rows.iter().map(is_hidden).collect(), total: !is_wide };
        }
        below *= 2;
    }
}

/// What is known of hidden rows: how many there are that are not 0, their sum, and what each is below.
struct Spread {
    rows: u64,
    sum: u64,
    below: u64,
}

impl Spread {
    /// Whether each row may be anything from 1 to the threshold for all that is shown; and, to who
    /// also knows what it is below, more than one number.
    fn is_wide(&self, unit: u64, threshold: Threshold) -> bool {
        let others = self.rows.saturating_sub(1);
        if others == 0 || self.sum < unit * (threshold.0 + others) {
            return false;
        }
        let most_of_one = self.below - unit;
        let most = most_of_one.min(self.sum - others * unit);
        let least = self.sum.saturating_sub(others * most_of_one).max(unit);
        most >= least + unit
    }
}

/// What is hidden of two lists that have the same sum. Where one cannot have its sum told, the other
/// tells none of its rows either: they would add up to it.
pub fn hide_linked(
    one: &[u64],
    other: &[u64],
    unit: u64,
    threshold: Threshold,
) -> (Hidden, Hidden) {
    let told = (hide(one, unit, threshold), hide(other, unit, threshold));
    if !told.0.total && !told.1.total {
        return told;
    }
    let all = |rows: &[u64]| Hidden { rows: rows.iter().map(|n| *n > 0).collect(), total: true };
    (all(one), all(other))
}
