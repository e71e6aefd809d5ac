//! Decisions about closures of place groups.

use time::Date;

use crate::domain::{
    access::ActorKey,
    capacity::{Closure, PlaceGroup},
    command::ReportClosure,
    event::Event,
    ledger::{Context, Ledger, decide::YEAR, decide_capacity::require_room},
    refusal::{Days, Refusal},
};

/// Nobody new comes in while a group is closed; those who are there stay (I9), and so do
/// the proposals and offers of its places: the provider may object to them.
pub(super) fn report(
    ledger: &Ledger,
    c: &ReportClosure,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let group = ledger.place_group(c.place_group_id).ok_or_else(|| Refusal::NotFound {
        what: "place group",
        id: c.place_group_id.to_string(),
    })?;
    let today = context.today();
    require_dates(&c.closure, today)?;
    require_apart(group, &c.closure)?;
    require_room("closures of this place group", group.closures.len())?;
    // From here it happens.
    let mut place_group = group.clone();
    let reported_by = ActorKey::of(context.actor).to_string();
    place_group.closures.push(Closure { reported_by, ..c.closure.clone() });
    let ends = [Some(c.closure.from_date), c.closure.until_date];
    let days = ends.into_iter().flatten().filter(|day| *day > today).collect();
    Ok(vec![Event::ClosureReported { place_group, days }])
}

fn require_dates(closure: &Closure, today: Date) -> Result<(), Refusal> {
    let Closure { from_date: from, until_date: until, .. } = closure;
    if *from < today.saturating_sub(YEAR) || *from > today.saturating_add(2 * YEAR) {
        return Err(Refusal::DateOutOfRange {
            field: "from_date",
            value: from.to_string(),
            expected: "at most a year back or two years ahead",
        });
    }
    match until {
        Some(until) if until <= from => Err(Refusal::DateOutOfRange {
            field: "until_date",
            value: until.to_string(),
            expected: "later than from_date",
        }),
        Some(_) | None => Ok(()),
    }
}

/// Two closures of one group would leave it unclear when it opens.
fn require_apart(group: &PlaceGroup, asked: &Closure) -> Result<(), Refusal> {
    let begins_before_end_of =
        |one: &Closure, other: &Closure| other.until_date.is_none_or(|until| one.from_date < until);
    let overlaps =
        |other: &&Closure| begins_before_end_of(asked, other) && begins_before_end_of(other, asked);
    let days = |closure: &Closure| Days { from: closure.from_date, until: closure.until_date };
    match group.closures.iter().find(overlaps) {
        None => Ok(()),
        Some(other) => Err(Refusal::ClosuresOverlap { asked: days(asked), other: days(other) }),
    }
}
