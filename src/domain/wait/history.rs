//! What the rates of a queue are told from: who has waited in it and how that ended, and how
//! often what would have been told turned out right.

use time::Date;

use crate::domain::{
    calendar::{Timestamp, start_of_day_in_norway},
    wait::{Estimate, Estimator, Evidence},
    waitlist::OrderKey,
};

/// How far back is counted: 24 months. Long enough that a queue with few starts a year has
/// some, short enough that what has changed since no longer counts.
pub const WINDOW_DAYS: u32 = 730;

/// How many of those who were served are measured at most, the latest.
pub const COVERAGE_MAX: usize = 200;

/// A day, in microseconds.
const DAY_MICROS: u64 = 86_400_000_000;

/// One person's time in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Its place in the order, as it is now.
    key: OrderKey,
    /// When it was put on the list.
    joined: Timestamp,
    end: End,
}

/// How an entry's time in the queue ended, as the tables tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It is on the list.
    Not,
    /// A placement began on this day.
    Started(Date),
    /// It was closed without a placement.
    Closed(Timestamp),
    /// It was closed without one, before it was kept when: nobody knows how long it waited.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Started { at: Timestamp, day: Date },
    Closed { at: Timestamp },
}

impl Stay {
    /// Of an entry; `None` where it is not known how long it waited here. Who had begun, or
    /// was closed, before being put on this list never waited in it: it came from elsewhere
    /// with its history.
    pub fn new(key: OrderKey, joined: Timestamp, left: Left) -> Option<Self> {
        let end = match left {
            Left::Not => End::Open,
            Left::Started(day) if day < joined.date_in_norway() => return None,
            Left::Started(day) => {
                // On the day of the join: at once.
                End::Started { at: start_of_day_in_norway(day).max(joined), day }
            }
            Left::Closed(at) if at < joined => return None,
            Left::Closed(at) => End::Closed { at },
            Left::Unknown => return None,
        };
        Some(Self { key, joined, end })
    }

    fn left_at(&self) -> Option<Timestamp> {
        match self.end {
            End::Open => None,
            End::Started { at, .. } | End::Closed { at } => Some(at),
        }
    }

    /// Whether it stands before a key in the order, and was on the list at a time.
    fn stood_before(&self, key: OrderKey, at: Timestamp) -> bool {
        self.key < key && self.joined <= at && self.left_at().is_none_or(|left| left > at)
    }

    /// How long it waited within a window, in microseconds.
    fn micros_within(&self, window: Window) -> u64 {
        let until = self.left_at().map_or(window.until, |left| left.min(window.until));
        let from = self.joined.max(window.from);
        u64::try_from(until.micros().saturating_sub(from.micros())).unwrap_or(0)
    }
}

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}

impl Window {
    fn has(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// Who has waited in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    stays: Vec<Stay>,
    /// When the first entry joined: before that there was no list to look at.
    first: Option<Timestamp>,
}

/// To the nearest day.
fn whole_days(micros: u64) -> u64 {
    micros.saturating_add(DAY_MICROS / 2) / DAY_MICROS
}

/// How many of the waits that are over lay in the band that would have been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// So many did.
    pub covered: u64,
    /// Of so many.
    pub measured: u64,
    /// So many more were served, to whom no band could have been told: nobody had been served
    /// before they joined, or the list was too young.
    pub without_band: u64,
}

impl History {
    /// Of a queue in a list whose first entry joined then.
    pub fn new(stays: Vec<Stay>, first: Option<Timestamp>) -> Self {
        Self { stays, first }
    }

    /// What is counted at a time: [`WINDOW_DAYS`], or less where the list is younger.
    pub fn window(&self, until: Timestamp) -> Window {
        let first = self.first.unwrap_or(until).min(until);
        Window { from: until.minus_days(WINDOW_DAYS).max(first), until }
    }

    /// What the rates are told from.
    pub fn evidence(&self, window: Window) -> Evidence {
        let (mut starts, mut departures, mut waiting) = (0, 0, 0_u64);
        for stay in &self.stays {
            waiting = waiting.saturating_add(stay.micros_within(window));
            match stay.end {
                End::Started { at, .. } if window.has(at) => starts += 1,
                End::Closed { at } if window.has(at) => departures += 1,
                End::Open | End::Started { .. } | End::Closed { .. } => {}
            }
        }
        let (from, until) = (window.from.micros(), window.until.micros());
        let looked = u64::try_from(until.saturating_sub(from)).unwrap_or(0);
        Evidence {
            starts,
            window_days: whole_days(looked),
            departures,
            waiting_days: whole_days(waiting),
        }
    }

    /// How the estimator would have done for those who were served in a window: the latest
    /// [`COVERAGE_MAX`]. Each is asked for the place it had when it joined, among all who were
    /// on the list then, and with the rates as they were known then. Two things are not kept
    /// and so are not as they were: who stood before but was not eligible for a while counts
    /// as before, and keys are those of now, also where somebody was moved by hand later.
    pub fn coverage(&self, window: Window, estimator: &mut Estimator) -> Coverage {
        let mut served: Vec<(&Stay, Timestamp, Date)> = self
            .stays
            .iter()
            .filter_map(|stay| match stay.end {
                End::Started { at, day } if window.has(at) => Some((stay, at, day)),
                End::Open | End::Started { .. } | End::Closed { .. } => None,
            })
            .collect();
        served.sort_by_key(|(stay, at, _)| (std::cmp::Reverse(*at), stay.key));
        let mut coverage = Coverage::default();
        for (stay, _, day) in served.into_iter().take(COVERAGE_MAX) {
            let evidence = self.evidence(self.window(stay.joined));
            if !evidence.tells_a_band() {
                coverage.without_band += 1;
                continue;
            }
            let before = self.stays.iter().filter(|s| s.stood_before(stay.key, stay.joined));
            let place = u64::try_from(before.count()).unwrap_or(u64::MAX).saturating_add(1);
            let waited = (day - stay.joined.date_in_norway()).whole_days();
            let waited = u32::try_from(waited).unwrap_or(0);
            coverage.measured += 1;
            coverage.covered += u64::from(estimator.is_in_band(&evidence, place, waited));
        }
        coverage
    }
}

/// All that is told of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// The place in the queue that it is of; the first is 1.
    pub place: u64,
    /// What was counted.
    pub window: Window,
    /// What came of it.
    pub evidence: Evidence,
    /// How long it will be.
    pub estimate: Estimate,
    /// How often such estimates were right.
    pub coverage: Coverage,
}

impl History {
    /// The wait at a place in the queue, by what happened until a time.
    pub fn forecast(&self, place: u64, until: Timestamp) -> Forecast {
        let mut estimator = Estimator::default();
        let window = self.window(until);
        let evidence = self.evidence(window);
        Forecast {
            place,
            window,
            evidence,
            estimate: estimator.estimate(&evidence, place),
            coverage: self.coverage(window, &mut estimator),
        }
    }
}
