//! Decisions about moves of quotas (flytting av kvoteplasser). Both quotas change in one event,
//! from one day on, so their sum is the same on each day. Whoever uses a place stays: what a
//! municipality uses beyond its quota is shown as over (I9).
//!
//! A move is a correction by hand. The active plan's targets and what it has moved stay as they
//! are; what has yet to move follows from the quotas as they are then.

use std::collections::BTreeSet;

use time::{Date, Duration};

use crate::domain::{
    access::ActorKey,
    capacity::QuotaBasis,
    command::MoveQuota,
    event::Event,
    ids::MunicipalityNumber,
    ledger::{
        Context, Frame, Ledger,
        decide_capacity::{limits_on, require_quotas, require_room},
        quotas::shift,
    },
    quota_move::{MOVES_KEPT, QuotaMove},
    refusal::{Limited, Refusal},
};

/// How far ahead a quota may be moved: two years.
const AHEAD_MAX: Duration = Duration::days(2 * 366);

/// Moves whole places of one municipality's quota to another's.
pub(super) fn move_quota(
    ledger: &Ledger,
    c: &MoveQuota,
    context: &Context<'_>,
) -> Result<Vec<Event>, Refusal> {
    context.measure(ledger)?;
    require_quotas(ledger)?;
    require_ends(ledger, c, context)?;
    require_held(&ledger.frame, c)?;
    require_committed(&ledger.frame, c)?;
    // From here it happens.
    let today = context.today();
    let quota_move = QuotaMove {
        from_municipality: c.from_municipality.clone(),
        to_municipality: c.to_municipality.clone(),
        places: c.places,
        valid_from: c.valid_from,
        reason: c.reason.clone(),
        moved_by: ActorKey::of(context.actor).to_string(),
        moved_time: context.at,
        plan_id: ledger.frame.plans.active.as_ref().map(|plan| plan.plan_id),
    };
    let mut frame = ledger.frame.clone();
    put_move(&mut frame, &quota_move);
    let limits = limits_on(ledger, today, ledger.place_groups.values(), &frame, |_| false);
    let days = Some(c.valid_from).filter(|day| *day > today).into_iter().collect();
    Ok(vec![Event::QuotaMoved { quota_move, days }, Event::LimitsSet { date: today, limits }])
}

/// Lets a move happen to both quotas, and remembers it.
pub(super) fn put_move(frame: &mut Frame, quota_move: &QuotaMove) {
    let (places, from) = (i64::from(quota_move.places), quota_move.valid_from);
    shift(frame, &quota_move.from_municipality, from, -places, QuotaBasis::Other);
    shift(frame, &quota_move.to_municipality, from, places, QuotaBasis::Other);
    frame.moves.push(quota_move.clone());
    let too_many = frame.moves.len().saturating_sub(MOVES_KEPT);
    frame.moves.drain(..too_many);
}

/// Who gives and who gets, from which day on, and that both histories have room for it.
fn require_ends(ledger: &Ledger, c: &MoveQuota, context: &Context<'_>) -> Result<(), Refusal> {
    let (from, to) = (&c.from_municipality, &c.to_municipality);
    context.require_in_area(ledger, "from_municipality_number", from)?;
    context.require_in_area(ledger, "to_municipality_number", to)?;
    if from == to {
        return Err(Refusal::RegistryMismatch {
            field: "to_municipality_number",
            value: to.to_string(),
            problem: "is the municipality that gives",
        });
    }
    let (today, day) = (context.today(), c.valid_from);
    if day < today || day > today.saturating_add(AHEAD_MAX) {
        return Err(Refusal::DateOutOfRange {
            field: "valid_from_date",
            value: day.to_string(),
            expected: "today at the earliest, and at most two years ahead",
        });
    }
    context.require_not_hosted(ledger, "to_municipality_number", to, day)?;
    for number in [from, to] {
        require_room_on(&ledger.frame, number, day)?;
    }
    Ok(())
}

/// A quota that begins on the very day needs no row of its own.
fn require_room_on(frame: &Frame, number: &MunicipalityNumber, day: Date) -> Result<(), Refusal> {
    let begins = frame.quotas_from(number, day).first();
    if begins.is_some_and(|quota| quota.places.valid_from == day) {
        return Ok(());
    }
    require_room(Limited::Quotas, frame.quotas.get(number).map_or(0, Vec::len))
}

/// On each day from then on the giving municipality must have so many, what it has lent not among
/// them: a loan stands until it returns. What people use is no obstacle.
fn require_held(frame: &Frame, c: &MoveQuota) -> Result<(), Refusal> {
    let from = &c.from_municipality;
    let later: BTreeSet<Date> = frame.quota_days_after(from, c.valid_from);
    for date in [c.valid_from].into_iter().chain(later) {
        let left = frame.own_places(from, date).saturating_sub(frame.lent_places(from, date));
        if left < c.places {
            let (municipality, asked) = (from.clone(), c.places);
            return Err(Refusal::TooFewToMove { municipality, left, asked, date });
        }
    }
    Ok(())
}

/// On each day from then on the getting municipality must not have more than it co-finances.
fn require_committed(frame: &Frame, c: &MoveQuota) -> Result<(), Refusal> {
    for quota in frame.quotas_from(&c.to_municipality, c.valid_from) {
        let Some(committed) = quota.committed_places else { continue };
        let places = quota.places.places.saturating_add(c.places);
        if places > committed {
            let (municipality, date) =
                (c.to_municipality.clone(), quota.places.valid_from.max(c.valid_from));
            return Err(Refusal::QuotaAboveCommitted { municipality, places, committed, date });
        }
    }
    Ok(())
}
