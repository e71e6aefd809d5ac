//! Norway's public holidays (offentlige høytidsdager), computed. What a ledger counts by are
//! the rows of the registry; this makes such rows, and no decision calls it.

use std::{collections::BTreeMap, ops::RangeInclusive};

use time::{Date, Duration, Month};

use crate::domain::registry::Holiday;

/// The days that stand in the calendar, by month and day: lov om 1 og 17 mai som
/// høgtidsdager, and helligdagsfredloven § 2.
const FIXED: [(Month, u8, &str); 5] = [
    (Month::January, 1, "første nyttårsdag"),
    (Month::May, 1, "offentlig høytidsdag 1. mai"),
    (Month::May, 17, "grunnlovsdagen 17. mai"),
    (Month::December, 25, "første juledag"),
    (Month::December, 26, "andre juledag"),
];

/// The days that follow Easter, by days after Easter Sunday: helligdagsfredloven § 2.
const MOVABLE: [(i64, &str); 7] = [
    (-3, "skjærtorsdag"),
    (-2, "langfredag"),
    (0, "første påskedag"),
    (1, "andre påskedag"),
    (39, "Kristi himmelfartsdag"),
    (49, "første pinsedag"),
    (50, "andre pinsedag"),
];

/// The public holidays of these years, by date. Two that fall on one day are one row with
/// both names.
pub fn public_holidays(years: RangeInclusive<i32>) -> Vec<Holiday> {
    let mut days: BTreeMap<Date, String> = BTreeMap::new();
    for (date, name) in years.flat_map(days_of_year) {
        days.entry(date)
            .and_modify(|names| *names = format!("{names} og {name}"))
            .or_insert_with(|| capitalised(name));
    }
    days.into_iter().map(|(date, name)| Holiday { date, name }).collect()
}

fn days_of_year(year: i32) -> impl Iterator<Item = (Date, &'static str)> {
    let fixed = FIXED.into_iter().filter_map(move |(month, day, name)| {
        Some((Date::from_calendar_date(year, month, day).ok()?, name))
    });
    let movable = MOVABLE.into_iter().filter_map(move |(days, name)| {
        Some((easter_sunday(year)?.checked_add(Duration::days(days))?, name))
    });
    fixed.chain(movable)
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// Easter Sunday (første påskedag) by the Gregorian computus, in the form that Meeus gives:
/// the Sunday after the ecclesiastical full moon on or after 21 March.
fn easter_sunday(year: i32) -> Option<Date> {
    let (century, of_century) = (year / 100, year % 100);
    let golden = year % 19;
    let moon_drift = (century - (century + 8) / 25 + 1) / 3;
    let full_moon = (19 * golden + century - century / 4 - moon_drift + 15) % 30;
    let to_sunday =
        (32 + 2 * (century % 4) + 2 * (of_century / 4) - full_moon - of_century % 4) % 7;
    // Two full moons of the cycle would come too late; they count a day or more earlier.
    let too_late = (golden + 11 * full_moon + 22 * to_sunday) / 451;
    let earliest = Date::from_calendar_date(year, Month::March, 22).ok()?;
    earliest.checked_add(Duration::days(i64::from(full_moon + to_sunday - 7 * too_late)))
}

#[cfg(test)]
mod tests {
    use time::{Weekday, macros::date};

    use super::*;

    /// The dates of each row, against a printed almanac.
    fn days(year: i32) -> Vec<Date> {
        public_holidays(year..=year).into_iter().map(|holiday| holiday.date).collect()
    }

    #[test]
    fn the_days_of_2011_and_2026_are_those_of_the_almanac() {
        let almanac_2011 = [
            date!(2011 - 01 - 01),
            date!(2011 - 04 - 21),
            date!(2011 - 04 - 22),
            date!(2011 - 04 - 24),
            date!(2011 - 04 - 25),
            date!(2011 - 05 - 01),
            date!(2011 - 05 - 17),
            date!(2011 - 06 - 02),
            date!(2011 - 06 - 12),
            date!(2011 - 06 - 13),
            date!(2011 - 12 - 25),
            date!(2011 - 12 - 26),
        ];
        assert_eq!(days(2011), almanac_2011);
        let named: Vec<(Date, String)> =
            public_holidays(2026..=2026).into_iter().map(|row| (row.date, row.name)).collect();
        let almanac_2026 = [
            (date!(2026 - 01 - 01), "Første nyttårsdag"),
            (date!(2026 - 04 - 02), "Skjærtorsdag"),
            (date!(2026 - 04 - 03), "Langfredag"),
            (date!(2026 - 04 - 05), "Første påskedag"),
            (date!(2026 - 04 - 06), "Andre påskedag"),
            (date!(2026 - 05 - 01), "Offentlig høytidsdag 1. mai"),
            (date!(2026 - 05 - 14), "Kristi himmelfartsdag"),
            (date!(2026 - 05 - 17), "Grunnlovsdagen 17. mai"),
            (date!(2026 - 05 - 24), "Første pinsedag"),
            (date!(2026 - 05 - 25), "Andre pinsedag"),
            (date!(2026 - 12 - 25), "Første juledag"),
            (date!(2026 - 12 - 26), "Andre juledag"),
        ]
        .map(|(date, name)| (date, name.to_owned()));
        assert_eq!(named, almanac_2026);
    }

    #[test]
    fn two_holidays_on_one_day_are_one_row() {
        for (year, day, name) in [
            (2012, date!(2012 - 05 - 17), "Grunnlovsdagen 17. mai og Kristi himmelfartsdag"),
            (2027, date!(2027 - 05 - 17), "Grunnlovsdagen 17. mai og andre pinsedag"),
        ] {
            let rows = public_holidays(year..=year);
            assert_eq!(rows.len(), 11);
            let row = rows.into_iter().find(|row| row.date == day);
            assert_eq!(row.map(|row| row.name).as_deref(), Some(name));
        }
    }

    /// Easter in years that a computus goes wrong in: the earliest and the latest there is, and
    /// those where the full moon would come too late.
    #[test]
    fn easter_is_on_the_known_days_and_always_a_sunday() {
        for easter in [
            date!(1818 - 03 - 22),
            date!(1943 - 04 - 25),
            date!(1954 - 04 - 18),
            date!(1981 - 04 - 19),
            date!(2000 - 04 - 23),
            date!(2008 - 03 - 23),
            date!(2011 - 04 - 24),
            date!(2016 - 03 - 27),
            date!(2019 - 04 - 21),
            date!(2026 - 04 - 05),
            date!(2035 - 03 - 25),
            date!(2038 - 04 - 25),
            date!(2049 - 04 - 18),
            date!(2076 - 04 - 19),
        ] {
            assert_eq!(easter_sunday(easter.year()), Some(easter));
        }
        for year in 1900..=2200 {
            let easter = easter_sunday(year).unwrap();
            assert_eq!(easter.weekday(), Weekday::Sunday, "{easter}");
            let (first, last) = ((Month::March, 22), (Month::April, 25));
            assert!((first..=last).contains(&(easter.month(), easter.day())), "{easter}");
        }
    }
}
