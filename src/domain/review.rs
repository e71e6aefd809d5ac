//! When a placement is to be looked at: it plans to end, reaches the longest its measure type
//! has, or is due for one of its rounds.

use time::{Date, Duration};

use crate::domain::{
    allocation::{Placement, PlacementState},
    measure::{MeasureRules, Span},
};

/// How long a round of review is listed after its day; then it is the next one's turn, so that a
/// round nobody has said anything of is not overdue for ever.
pub const ROUND_LISTED_DAYS: i64 = 30;

/// The day on which a placement is to be looked at next; `None` where none is in sight, or its
/// end is known. A planned end stands in for the usual maximum (soft), which somebody has then
/// thought of; the hard one binds whatever is planned. Rounds are for what has none of them.
///
/// A review that was made (oppfølging) settles a usual maximum it did not come before, and rounds
/// are counted from it. The day that was named with it stands in for both: it is listed until
/// another review is made.
pub fn review_date(placement: &Placement, rules: &MeasureRules, today: Date) -> Option<Date> {
    match placement.state {
        PlacementState::Running | PlacementState::OnLeave(_) => {}
        PlacementState::Ending(_) | PlacementState::Ended(_) => return None,
    }
    let start = placement.start_date;
    let review = placement.review.as_ref();
    let named = review.and_then(|review| review.next_date);
    let is_settled =
        |usual: &Date| named.is_some() || review.is_some_and(|review| review.date >= *usual);
    let usual = rules.soft_maximum.map(|span| span.after(start)).filter(|day| !is_settled(day));
    let hard = rules.hard_maximum.map(|span| span.after(start));
    let end = placement.planned_end_date.or(usual).into_iter().chain(hard).chain(named).min();
    let from = review.map_or(start, |review| review.date);
    end.or_else(|| rules.review_every.and_then(|every| round(from, every, today)))
}

/// The first round that is to come, or whose day was not long ago.
fn round(start: Date, every: Span, today: Date) -> Option<Date> {
    let (Span::Weeks(n) | Span::Months(n)) = every;
    if n == 0 {
        return None;
    }
    let from = today.saturating_sub(Duration::days(ROUND_LISTED_DAYS));
    // No span is longer than this, so no round before is skipped.
    let longest = match every {
        Span::Weeks(weeks) => i64::from(weeks) * 7,
        Span::Months(months) => i64::from(months) * 31,
    };
    let passed = (from - start).whole_days() / longest;
    let first = u32::try_from(passed).unwrap_or(0).max(1);
    (first..=u32::MAX).map(|times| every.times_after(times, start)).find(|date| *date > from)
}

#[cfg(test)]
mod tests {
    use time::macros::date;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        account::AccountKey,
        allocation::{End, Leave, Outcome},
        ids::{EntryId, PlaceGroupId, PlacementId},
        placement::Review,
    };

    fn placement(start_date: Date) -> Placement {
        Placement {
            placement_id: PlacementId(Uuid::nil()),
            entry_id: EntryId(Uuid::nil()),
            offer_id: None,
            place_group_id: PlaceGroupId(Uuid::nil()),
            account: AccountKey::Pool,
            participation_percent: 100,
            start_date,
            shares: Vec::new(),
            past_debits: Vec::new(),
            planned_end_date: None,
            guest: false,
            review: None,
            increase: None,
            state: PlacementState::Running,
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let cases = [
            (date!(2026 - 01 - 31), Span::Months(1), 1, date!(2026 - 02 - 28)),
            // Counted from the start: the second month after has its 31st again.
            (date!(2026 - 01 - 31), Span::Months(1), 2, date!(2026 - 03 - 31)),
            (date!(2023 - 12 - 31), Span::Months(2), 1, date!(2024 - 02 - 29)),
            (date!(2024 - 02 - 29), Span::Months(12), 1, date!(2025 - 02 - 28)),
            (date!(2026 - 03 - 02), Span::Months(48), 1, date!(2030 - 03 - 02)),
            (date!(2026 - 03 - 02), Span::Weeks(4), 3, date!(2026 - 05 - 25)),
            (date!(2026 - 03 - 02), Span::Months(u32::MAX), u32::MAX, Date::MAX),
            (date!(2026 - 03 - 02), Span::Weeks(u32::MAX), u32::MAX, Date::MAX),
        ];
        for (start, span, times, expected) in cases {
            assert_eq!(span.times_after(times, start), expected, "{start} {span:?} x {times}");
        }
    }

    #[test]
    fn a_planned_end_stands_for_the_usual_maximum_and_the_hard_one_binds() {
        let rules = MeasureRules {
            soft_maximum: Some(Span::Months(12)),
            hard_maximum: Some(Span::Months(24)),
            review_every: Some(Span::Weeks(4)),
            ..MeasureRules::default()
        };
        let today = date!(2026 - 06 - 01);
        let mut one = placement(date!(2025 - 03 - 01));
        assert_eq!(review_date(&one, &rules, today), Some(date!(2026 - 03 - 01)));
        one.planned_end_date = Some(date!(2026 - 09 - 01));
        assert_eq!(review_date(&one, &rules, today), Some(date!(2026 - 09 - 01)));
        one.planned_end_date = Some(date!(2028 - 01 - 01));
        assert_eq!(review_date(&one, &rules, today), Some(date!(2027 - 03 - 01)));
        let unset = MeasureRules::default();
        assert_eq!(review_date(&one, &unset, today), Some(date!(2028 - 01 - 01)));
        one.planned_end_date = None;
        assert_eq!(review_date(&one, &unset, today), None);
    }

    fn reviewed(date: Date, next_date: Option<Date>) -> Review {
        Review { date, reviewed_by: "a".to_owned(), note: None, next_date }
    }

    #[test]
    fn rounds_are_counted_from_the_latest_review() {
        let rules = MeasureRules { review_every: Some(Span::Months(6)), ..MeasureRules::default() };
        let mut one = placement(date!(2026 - 01 - 31));
        let due = |one: &Placement, today| review_date(one, &rules, today);
        assert_eq!(due(&one, date!(2026 - 08 - 15)), Some(date!(2026 - 07 - 31)));
        one.review = Some(reviewed(date!(2026 - 08 - 15), None));
        assert_eq!(due(&one, date!(2026 - 08 - 15)), Some(date!(2027 - 02 - 15)));
        // Nobody has looked for a month: it is the next one's turn.
        assert_eq!(due(&one, date!(2027 - 03 - 16)), Some(date!(2027 - 02 - 15)));
        assert_eq!(due(&one, date!(2027 - 03 - 17)), Some(date!(2027 - 08 - 15)));
        // A day that was named comes in its place, and waits for as long as it takes.
        one.review = Some(reviewed(date!(2026 - 08 - 15), Some(date!(2026 - 10 - 01))));
        for today in [date!(2026 - 08 - 15), date!(2027 - 03 - 17)] {
            assert_eq!(due(&one, today), Some(date!(2026 - 10 - 01)), "{today}");
        }
        // Also where the measure type asks for none.
        let unset = MeasureRules::default();
        assert_eq!(review_date(&one, &unset, one.start_date), Some(date!(2026 - 10 - 01)));
        one.review = Some(reviewed(date!(2026 - 08 - 15), None));
        assert_eq!(review_date(&one, &unset, one.start_date), None);
    }

    #[test]
    fn a_review_settles_the_usual_maximum_and_nothing_harder() {
        let rules = MeasureRules {
            soft_maximum: Some(Span::Months(12)),
            hard_maximum: Some(Span::Months(24)),
            ..MeasureRules::default()
        };
        let mut one = placement(date!(2025 - 03 - 01));
        let (usual, hard) = (date!(2026 - 03 - 01), date!(2027 - 03 - 01));
        let today = date!(2026 - 03 - 10);
        for (date, next, expected) in [
            (date!(2026 - 02 - 28), None, usual),
            (usual, None, hard),
            (date!(2026 - 02 - 28), Some(date!(2026 - 06 - 01)), date!(2026 - 06 - 01)),
            (usual, Some(date!(2028 - 06 - 01)), hard),
        ] {
            one.review = Some(reviewed(date, next));
            assert_eq!(review_date(&one, &rules, today), Some(expected), "{date} {next:?}");
        }
        // A planned end is another's word: it is looked at when it comes.
        one.planned_end_date = Some(date!(2026 - 05 - 01));
        assert_eq!(review_date(&one, &rules, today), Some(date!(2026 - 05 - 01)));
    }

    #[test]
    fn whoever_is_away_is_looked_at_and_whoever_ends_is_not() {
        let rules = MeasureRules { soft_maximum: Some(Span::Months(1)), ..MeasureRules::default() };
        let today = date!(2026 - 06 - 01);
        let mut one = placement(date!(2026 - 05 - 15));
        let (from_date, until_date) = (date!(2026 - 05 - 20), date!(2026 - 07 - 01));
        one.state = PlacementState::OnLeave(Leave { from_date, until_date, reason: None });
        assert_eq!(review_date(&one, &rules, today), Some(date!(2026 - 06 - 15)));
        let end = End { end_date: date!(2026 - 06 - 20), outcome: Outcome::Other, reason: None };
        one.state = PlacementState::Ending(end);
        assert_eq!(review_date(&one, &rules, today), None);
    }

    #[test]
    fn a_round_is_listed_for_a_while_and_then_the_next_is() {
        let every = |span| MeasureRules { review_every: Some(span), ..MeasureRules::default() };
        let one = placement(date!(2020 - 01 - 31));
        let cases = [
            (Span::Months(6), date!(2020 - 01 - 31), Some(date!(2020 - 07 - 31))),
            (Span::Months(6), date!(2020 - 08 - 29), Some(date!(2020 - 07 - 31))),
            (Span::Months(6), date!(2020 - 08 - 30), Some(date!(2021 - 01 - 31))),
            (Span::Months(6), date!(2026 - 06 - 01), Some(date!(2026 - 07 - 31))),
            (Span::Months(1), date!(2026 - 03 - 29), Some(date!(2026 - 02 - 28))),
            (Span::Months(0), date!(2026 - 06 - 01), None),
        ];
        for (span, today, expected) in cases {
            assert_eq!(review_date(&one, &every(span), today), expected, "{span:?} {today}");
        }
        // Every day for ten years: the round listed is the first one late enough.
        for days in 0..3_650 {
            let today = one.start_date.saturating_add(Duration::days(days));
            for span in [Span::Weeks(1), Span::Weeks(5), Span::Months(1), Span::Months(7)] {
                let from = today.saturating_sub(Duration::days(ROUND_LISTED_DAYS));
                let first =
                    (1..=4_000).map(|n| span.times_after(n, one.start_date)).find(|d| *d > from);
                assert_eq!(review_date(&one, &every(span), today), first, "{span:?} {today}");
            }
        }
    }
}
