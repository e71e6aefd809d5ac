//! Decisions about closures of place groups.

use time::Date;

use crate::domain::{
    access::ActorKey,
    capacity::{Closure, PlaceGroup},
    command::{ChangeClosure, ClosureAsk, ReportClosure},
    event::Event,
    ids::PlaceGroupId,
    ledger::{Context, Ledger, decide::YEAR, decide_capacity::require_room},
    refusal::{Days, Limited, Refusal},
};

/// Nobody new comes in while a group is closed; those who are there stay (I9), and so do
/// the proposals and offers of its places: the provider may object to them.
pub(super) fn report(
    ledger: &Ledger,
    c: &ReportClosure,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let group = known_group(ledger, c.place_group_id)?;
    let today = context.today();
    require_dates(&c.closure, today)?;
    require_apart(&group.closures, &c.closure)?;
    require_room(Limited::Closures, group.closures.len())?;
    // From here it happens.
    let mut place_group = group.clone();
    let reported_by = ActorKey::of(context.actor).to_string();
    place_group.closures.push(Closure { reported_by, ..c.closure.clone() });
    let ends = [Some(c.closure.from_date), c.closure.until_date];
    let days = ends.into_iter().flatten().filter(|day| *day > today).collect();
    Ok(vec![Event::ClosureReported { place_group, days }])
}

/// A closure that was reported wrongly: one that has not begun is withdrawn, one that is not over
/// gets another end, from today on. What it kept from coming in by then is not made up for, and
/// places that open wait for a run.
pub(super) fn change(
    ledger: &Ledger,
    c: &ChangeClosure,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    let group = known_group(ledger, c.place_group_id)?;
    let missing = || Refusal::NotFound { what: "closure", id: c.from_date.to_string() };
    let is_meant = |closure: &&Closure| closure.from_date == c.from_date;
    let before = group.closures.iter().find(is_meant).ok_or_else(missing)?;
    let today = context.today();
    require_changeable(before, c.ask, today)?;
    let after = match c.ask {
        ClosureAsk::Withdraw => None,
        ClosureAsk::Until { date } => {
            let reason = c.reason.clone().or_else(|| before.reason.clone());
            let after = Closure { until_date: date, reason, ..before.clone() };
            require_end(&after, today)?;
            require_apart(group.closures.iter().filter(|other| *other != before), &after)?;
            Some(after)
        }
    };
    // From here it happens.
    let days = after.iter().filter_map(|closure| closure.until_date).filter(|day| *day > today);
    let days = days.collect();
    let others = group.closures.iter().filter(|other| *other != before).cloned();
    let place_group = PlaceGroup { closures: others.chain(after).collect(), ..group.clone() };
    Ok(vec![Event::ClosureChanged { place_group, from_date: c.from_date, days }])
}

/// One that is over stays as it was, and one that began before today is not withdrawn.
fn require_changeable(closure: &Closure, ask: ClosureAsk, today: Date) -> Result<(), Refusal> {
    let (transition, may_have_begun) = match ask {
        ClosureAsk::Withdraw => ("WITHDRAW", false),
        ClosureAsk::Until { .. } => ("CHANGE_UNTIL_DATE", true),
    };
    let state = if closure.until_date.is_some_and(|until| until <= today) {
        "OVER"
    } else if closure.from_date < today && !may_have_begun {
        "BEGUN"
    } else {
        return Ok(());
    };
    Err(Refusal::WrongState { what: "the closure", state, transition })
}

/// The past is not changed: it lasts until today at the least.
fn require_end(closure: &Closure, today: Date) -> Result<(), Refusal> {
    require_some_days(closure)?;
    match closure.until_date {
        Some(until) if until < today => Err(Refusal::DateOutOfRange {
            field: "until_date",
            value: until.to_string(),
            expected: "today or later",
        }),
        Some(_) | None => Ok(()),
    }
}

fn known_group(ledger: &Ledger, id: PlaceGroupId) -> Result<&PlaceGroup, Refusal> {
    let missing = || Refusal::NotFound { what: "place group", id: id.to_string() };
    ledger.place_group(id).ok_or_else(missing)
}

fn require_dates(closure: &Closure, today: Date) -> Result<(), Refusal> {
    let from = closure.from_date;
    if from < today.saturating_sub(YEAR) || from > today.saturating_add(2 * YEAR) {
        return Err(Refusal::DateOutOfRange {
            field: "from_date",
            value: from.to_string(),
            expected: "at most a year back or two years ahead",
        });
    }
    require_some_days(closure)
}

fn require_some_days(closure: &Closure) -> Result<(), Refusal> {
    match closure.until_date {
        Some(until) if until <= closure.from_date => Err(Refusal::DateOutOfRange {
            field: "until_date",
            value: until.to_string(),
            expected: "later than from_date",
        }),
        Some(_) | None => Ok(()),
    }
}

/// Two closures of one group would leave it unclear when it opens.
fn require_apart<'a>(
    closures: impl IntoIterator<Item = &'a Closure>,
    asked: &Closure,
) -> Result<(), Refusal> {
    let begins_before_end_of =
        |one: &Closure, other: &Closure| other.until_date.is_none_or(|until| one.from_date < until);
    let overlaps =
        |other: &&Closure| begins_before_end_of(asked, other) && begins_before_end_of(other, asked);
    let days = |closure: &Closure| Days { from: closure.from_date, until: closure.until_date };
    match closures.into_iter().find(overlaps) {
        None => Ok(()),
        Some(other) => Err(Refusal::ClosuresOverlap { asked: days(asked), other: days(other) }),
    }
}
