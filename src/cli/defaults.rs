//! The data that come with the program: Norway's measure types with their rules, and its
//! public holidays. They are sent through the service's own RPC like anybody's.

use std::ops::RangeInclusive;

use serde_json::json;

use crate::{
    cli::{
        Failure,
        import::{Row, read_measure_types},
    },
    domain::holidays::public_holidays,
};

/// The measure types, as `data/SOURCES.md` describes them.
const MEASURE_TYPES: &str = include_str!("../../data/measure_types.json");
/// The years whose holidays are sent: from before the first queue that is taken over to
/// farther than any deadline reaches.
const HOLIDAY_YEARS: RangeInclusive<i32> = 2010..=2035;
/// What the log says of where the rows come from.
pub const SOURCE: &str = "tiltaksplass import --defaults";

/// The rows.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = read_measure_types(MEASURE_TYPES)?;
    rows.extend(public_holidays(HOLIDAY_YEARS).into_iter().map(|holiday| {
        let (year, month, day) = holiday.date.to_calendar_date();
        let date = json!({ "year": year, "month": u8::from(month), "day": day });
        let value = json!({ "holiday": { "date": date, "name": holiday.name } });
        Row::new(format!("holiday {}", holiday.date), value)
    }));
    Ok(rows)
}
