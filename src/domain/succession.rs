//! Which measure types' queues go on in another one, since it has taken over (avløst av).

use std::collections::BTreeSet;

use time::Date;

use crate::domain::{
    ids::{LedgerId, MeasureCode},
    measure::Superseded,
    registry::Registry,
};

/// Where the queue of a measure type is on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession<'a> {
    /// Where it was: nothing has taken over, or those who wait are not to follow.
    Stays,
    /// In another type: the last of the chain, where one that took over was itself taken
    /// over from.
    GoesOn {
        /// What the type's own rules say.
        superseded: &'a Superseded,
        /// Where.
        to: &'a MeasureCode,
    },
    /// It cannot go on: the type that took over has not begun, or the chain leads back. So it
    /// stays, and places are given here as before.
    HasNowhereToGo(&'a MeasureCode),
}

/// Where the queue of a measure type is on a day.
pub fn succession_on<'a>(registry: &'a Registry, code: &MeasureCode, day: Date) -> Succession<'a> {
    let Some(superseded) = followed(registry, code, day) else { return Succession::Stays };
    let (mut to, mut passed) = (&superseded.by, BTreeSet::from([code]));
    loop {
        if !passed.insert(to) || registry.measure_type_on(to, day).is_none() {
            return Succession::HasNowhereToGo(&superseded.by);
        }
        match followed(registry, to, day) {
            Some(next) => to = &next.by,
            None => return Succession::GoesOn { superseded, to },
        }
    }
}

/// The ledger in which the queue of another goes on, in the same area.
pub fn successor_of(registry: &Registry, ledger: &LedgerId, day: Date) -> Option<LedgerId> {
    let to = match succession_on(registry, &ledger.measure_code, day) {
        Succession::GoesOn { to, .. } => to.clone(),
        Succession::Stays | Succession::HasNowhereToGo(_) => return None,
    };
    Some(LedgerId { county_id: ledger.county_id.clone(), measure_code: to })
}

/// The measure types whose queues do not stay on a day.
pub fn superseded_on(registry: &Registry, day: Date) -> BTreeSet<&MeasureCode> {
    let codes: BTreeSet<&MeasureCode> = registry.measure_types().map(|one| &one.code).collect();
    codes.into_iter().filter(|code| followed(registry, code, day).is_some()).collect()
}

/// What took over from a type by a day, where those who wait are to follow.
fn followed<'a>(registry: &'a Registry, code: &MeasureCode, day: Date) -> Option<&'a Superseded> {
    let superseded = registry.measure_type_on(code, day)?.superseded_on(day);
    superseded.filter(|superseded| superseded.queue_follows)
}
