//! Whether somebody takes part in a measure on a day (deltar).

use time::Date;

use crate::domain::allocation::Placement;

/// What a placement is on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Participation {
    /// The first day.
    pub start_date: Date,
    /// The first day after the last one, if an end is known.
    pub end_date: Option<Date>,
    /// The share of a place on that day, 1-100.
    pub percent: u32,
}

/// What a placement is on `day`: nothing before its first day or after its last one. A leave
/// does not interrupt it, since the place is kept; and an end that is only planned ends
/// nothing.
pub fn on_day(placement: &Placement, day: Date) -> Option<Participation> {
    let end_date = placement.state.end().map(|end| end.end_date);
    let takes_part = placement.start_date <= day && end_date.is_none_or(|end| day < end);
    // A share that was registered later replaces all from its day on.
    let share = placement.shares.iter().rev().find(|share| share.valid_from <= day);
    let percent = share.map_or(placement.participation_percent, |share| share.percent);
    takes_part.then_some(Participation { start_date: placement.start_date, end_date, percent })
}

#[cfg(test)]
mod tests {
    use time::macros::date;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        account::AccountKey,
        allocation::{End, Leave, Outcome, PlacementState, Share},
        calendar::Timestamp,
        ids::{EntryId, PlaceGroupId, PlacementId},
    };

    fn placement(state: PlacementState) -> Placement {
        Placement {
            placement_id: PlacementId(Uuid::from_u128(1)),
            entry_id: EntryId(Uuid::from_u128(2)),
            offer_id: None,
            place_group_id: PlaceGroupId(Uuid::from_u128(3)),
            account: AccountKey::Pool,
            participation_percent: 80,
            start_date: date!(2026 - 03 - 02),
            shares: Vec::new(),
            past_debits: Vec::new(),
            planned_end_date: Some(date!(2026 - 03 - 10)),
            guest: false,
            review: None,
            increase: None,
            state,
        }
    }

    fn end() -> End {
        let end_date = date!(2026 - 04 - 01);
        End { end_date, outcome: Outcome::OrdinaryWork, reason: None }
    }

    #[test]
    fn the_first_day_counts_and_the_day_after_the_last_does_not() {
        let days = [
            date!(2026 - 03 - 01),
            date!(2026 - 03 - 02),
            date!(2026 - 03 - 31),
            date!(2026 - 04 - 01),
        ];
        let leave = Leave { from_date: days[1], until_date: date!(2026 - 05 - 01), reason: None };
        let cases = [
            (PlacementState::Running, [false, true, true, true]),
            (PlacementState::OnLeave(leave), [false, true, true, true]),
            (PlacementState::Ending(end()), [false, true, true, false]),
            (PlacementState::Ended(end()), [false, true, true, false]),
        ];
        for (state, expected) in cases {
            let placement = placement(state);
            assert_eq!(days.map(|day| on_day(&placement, day).is_some()), expected);
            let end_date = placement.state.end().map(|end| end.end_date);
            assert_eq!(on_day(&placement, days[1]).unwrap().end_date, end_date);
        }
    }

    #[test]
    fn the_share_is_that_of_the_day_as_it_was_registered_last() {
        let share = |percent, valid_from, registered| Share {
            percent,
            valid_from,
            registered_time: Timestamp::from_micros(registered),
        };
        let shares = vec![
            share(100, date!(2026 - 03 - 02), 1),
            share(50, date!(2026 - 03 - 20), 2),
            share(80, date!(2026 - 03 - 10), 3),
        ];
        let placement = Placement { shares, ..placement(PlacementState::Running) };
        let days = [date!(2026 - 03 - 09), date!(2026 - 03 - 10), date!(2026 - 03 - 25)];
        assert_eq!(days.map(|day| on_day(&placement, day).unwrap().percent), [100, 80, 80]);
        let only = Placement { shares: Vec::new(), ..placement };
        assert_eq!(on_day(&only, days[0]).unwrap().percent, 80);
    }
}
