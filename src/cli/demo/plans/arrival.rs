//! Where a plan has arrived: what was seen on the way, and the time it took beside the forecast.

use time::{Duration, OffsetDateTime};

use crate::{
    cli::{
        Failure,
        demo::{
            page::{Page, say},
            plans::{
                field::{Field, WHOLE, places},
                years,
            },
            stage::Caller,
        },
    },
    proto::v1::ForecastBand,
};

/// What the plan says before the last vacancy and after it.
pub(super) const BEFORE_LAST: &str = "ACTIVE, 1 to go";
pub(super) const AFTER_LAST: &str = "COMPLETED, 0 to go";

/// How a plan ended, as the service says.
pub(super) struct Arrival {
    /// Municipalities whose quota is just their target.
    pub(super) at_target: usize,
    /// Placements that ended otherwise than by being drawn to.
    pub(super) put_out: usize,
    /// The places that moved.
    pub(super) moved: u32,
    /// What each municipality holds.
    pub(super) held: Vec<(String, i64)>,
}

impl Arrival {
    /// Asks the service.
    pub(super) async fn of(field: &Field, county: &Caller) -> Result<Self, Failure> {
        let held = places(county, &field.ledger).await?.accounts;
        let held: Vec<(String, i64)> =
            held.into_iter().map(|(number, account)| (number, account.total / WHOLE)).collect();
        Ok(Self {
            at_target: held.iter().filter(|(number, held)| *held == field.target(number)).count(),
            put_out: field.put_out(county).await?,
            moved: field.plan(county).await?.moved_places,
            held,
        })
    }

    /// What a municipality holds.
    pub(super) fn held_by(&self, number: &str) -> i64 {
        self.held.iter().find(|(other, _)| other == number).map_or(0, |(_, held)| *held)
    }
}

/// Checks what must hold of every plan that has arrived.
pub(super) fn check(page: &mut Page, what: &str, field: &Field, arrival: &Arrival) {
    let (over, seen) = (field.seen.over.len(), &field.seen);
    page.check(format!("{what}: vacancies above the target"), over, field.distance);
    page.check(format!("{what}: the plan before the last of them"), &seen.before_last, BEFORE_LAST);
    page.check(format!("{what}: the plan after it"), &seen.after_last, AFTER_LAST);
    let all = field.targets.len();
    page.check(format!("{what}: municipalities at their target"), arrival.at_target, all);
    page.check(format!("{what}: who left but was not drawn to"), arrival.put_out, 0);
    page.check(format!("{what}: times somebody fell below the target"), seen.below, 0);
    page.check(format!("{what}: quotas other than by the rule"), seen.unlike, 0);
}

/// In what times are told.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Years,
    Months,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Years => "years",
            Self::Months => "months",
        }
    }

    /// So many of them.
    pub(super) fn of(self, time: Duration) -> f64 {
        match self {
            Self::Years => years(time),
            Self::Months => years(time) * 12.0,
        }
    }
}

/// The time it took until half of D, nine tenths and all had moved, beside the forecast that the
/// plan had as it began.
pub(super) fn print_times(field: &Field, unit: Unit) {
    let told = &field.forecast;
    let part = |tenths: u64| (field.distance * tenths).div_ceil(10);
    let rows = [
        ("half", part(5), told.half),
        ("nine tenths", part(9), told.nine_tenths),
        ("all", part(10), told.all),
    ];
    let days = |days: Option<u32>| {
        let time = days.map(|days| unit.of(Duration::days(days.into())));
        time.map_or("-".to_owned(), |time| format!("{time:.1}"))
    };
    let (took, name) = (format!("took, {}", unit.name()), unit.name());
    say!("{:<13} {:>6} {took:>13}  forecast: p10 {:>6} {:>6}", "", "places", "p50", "p90");
    for (part, places, band) in rows {
        let took = moment(field, places).map_or(0.0, |at| unit.of(at - field.begun));
        let ForecastBand { p10_days, p50_days, p90_days } = band.unwrap_or_default();
        let [p10, p50, p90] = [p10_days, p50_days, p90_days].map(days);
        say!("{part:<13} {places:>6} {took:>13.1} {p10:>14} {p50:>6} {p90:>6}");
    }
    let bound = days(told.lower_bound_days);
    say!("What was drawn is one course of very many. The forecast is the plan's own as it began,");
    say!(
        "from GetPlan; its lower bound is {bound} {name}: as if all above their targets were one."
    );
}

/// When so many had moved.
fn moment(field: &Field, places: u64) -> Option<OffsetDateTime> {
    let index = usize::try_from(places).ok()?.checked_sub(1)?;
    field.seen.over.get(index).copied()
}
