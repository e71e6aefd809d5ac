//! Times, dates and working days as Norway counts them.

use std::{collections::BTreeSet, fmt};

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use time::{
    Date, Duration, OffsetDateTime, PrimitiveDateTime, Weekday,
    format_description::well_known::Rfc3339,
};

/// An instant in microseconds since 1970 in UTC, as PostgreSQL keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From a date and time; what is finer than a microsecond is dropped.
    pub fn from_datetime(at: OffsetDateTime) -> Self {
        let micros = at.unix_timestamp_nanos().div_euclid(1000);
        Self(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// As a date and time in UTC.
    pub fn to_datetime(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// So many days earlier; a day is 24 hours.
    #[must_use]
    pub fn minus_days(self, days: u32) -> Self {
        Self(self.0.saturating_sub(i64::from(days) * MICROS_PER_DAY))
    }

    /// So many days later; a day is 24 hours.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(i64::from(days) * MICROS_PER_DAY))
    }

    /// Whole days of 24 hours since an earlier time; 0 where it is not earlier.
    pub fn days_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0) / MICROS_PER_DAY).unwrap_or(0)
    }

    /// One microsecond earlier: the last moment before a deadline.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// One microsecond later: the least step of ledger time.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The date this instant falls on in Norway.
    pub fn date_in_norway(self) -> Date {
        self.clock_in_norway().date()
    }

    /// What calendar and clock show in Norway at this instant.
    pub fn clock_in_norway(self) -> PrimitiveDateTime {
        let offset = oslo_offset_seconds(self.0.div_euclid(1_000_000));
        let there = self.to_datetime().saturating_add(Duration::seconds(offset));
        PrimitiveDateTime::new(there.date(), there.time())
    }
}

/// As RFC 3339 has it, in UTC: the form of times on the wire.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_datetime().format(&Rfc3339) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "{} µs since 1970", self.0),
        }
    }
}

/// The instant a date begins in Norway.
pub fn start_of_day_in_norway(date: Date) -> Timestamp {
    let midnight = date.midnight().assume_utc().unix_timestamp();
    // The offset an hour or two before UTC midnight is the one in force: Norway's
    // changes of clock are at 01:00 UTC on Sundays.
    let offset = oslo_offset_seconds(midnight - 7200);
    Timestamp((midnight - offset) * 1_000_000)
}

/// The instant that ends the `days`-th working day after the day of `from`: a
/// deadline "within n working days" counts neither the day it starts on, nor
/// Saturdays, Sundays or public holidays, and holds to the end of its last day.
pub fn working_days_after(from: Timestamp, days: u32, holidays: &BTreeSet<Date>) -> Timestamp {
    let mut date = from.date_in_norway();
    let mut left = days;
    while left > 0 {
        date = date.saturating_add(Duration::DAY);
        if is_working_day(date, holidays) {
            left -= 1;
        }
    }
    start_of_day_in_norway(date.saturating_add(Duration::DAY))
}

fn is_working_day(date: Date, holidays: &BTreeSet<Date>) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !holidays.contains(&date)
}

/// Norway's offset from UTC. The table of changes comes with the program, so that
/// every replica and every later check counts alike.
fn oslo_offset_seconds(unix_seconds: i64) -> i64 {
    let Ok(zone) = TimeZone::get("Europe/Oslo") else {
        return 3600;
    };
    let Ok(instant) = jiff::Timestamp::from_second(unix_seconds) else {
        return 3600;
    };
    i64::from(zone.to_offset(instant).seconds())
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn days_begin_at_norwegian_midnight() {
        let cases = [
            (date!(2011 - 01 - 01), datetime!(2010-12-31 23:00 UTC)),
            (date!(2011 - 07 - 01), datetime!(2011-06-30 22:00 UTC)),
            // The days the clock changes on begin before it changes.
            (date!(2026 - 03 - 29), datetime!(2026-03-28 23:00 UTC)),
            (date!(2026 - 03 - 30), datetime!(2026-03-29 22:00 UTC)),
            (date!(2026 - 10 - 25), datetime!(2026-10-24 22:00 UTC)),
            (date!(2026 - 10 - 26), datetime!(2026-10-25 23:00 UTC)),
        ];
        for (day, start) in cases {
            assert_eq!(start_of_day_in_norway(day).to_datetime(), start, "{day}");
            assert_eq!(Timestamp::from_datetime(start).date_in_norway(), day);
            let just_before = Timestamp::from_micros(start_of_day_in_norway(day).micros() - 1);
            assert_eq!(just_before.date_in_norway(), day.saturating_sub(Duration::DAY));
        }
    }

    #[test]
    fn deadlines_skip_weekends_and_holidays() {
        let easter = [date!(2026 - 04 - 02), date!(2026 - 04 - 03), date!(2026 - 04 - 06)];
        let holidays = BTreeSet::from(easter);
        let wednesday = Timestamp::from_datetime(datetime!(2026-04-01 10:00 UTC));
        let deadline = working_days_after(wednesday, 2, &holidays);
        // Thursday to Monday are Easter; Tuesday and Wednesday count.
        assert_eq!(deadline, start_of_day_in_norway(date!(2026 - 04 - 09)));
        assert_eq!(
            working_days_after(wednesday, 2, &BTreeSet::new()),
            start_of_day_in_norway(date!(2026 - 04 - 04))
        );
    }
}
