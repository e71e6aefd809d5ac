//! What is to be expected of a plan, as it is told.

use time::Date;

use crate::{
    domain::{
        apportionment::ApportionmentError,
        capacity::places_on,
        forecast::{Forecast, Saving, Shares, Times, curve, forecast_of, saving},
        ledger::{Ledger, plan_holders},
        plan::{ActivePlan, Holder, Plan, PlanTerms},
        plan_standing::state,
        prospect::{DAYS_A_YEAR, MeanStay, Outset},
        redistribution::goal,
        registry::Registry,
    },
    error::Error,
    grpc::answer,
    proto::v1 as pb,
};

/// The rate of discount of a plan that states none: 4 %, as the state's own analyses have it.
const DISCOUNT_BASIS_POINTS: u32 = 400;
/// A time beyond all that is looked at is not told; in mean stays.
const TOLD_STAYS: f64 = 39.9;

/// What lies before a plan; `None` of one that steers no more, and where the places cannot be
/// shared out as it says.
pub(super) fn before(
    ledger: &Ledger,
    plan: &Plan,
    registry: &Registry,
    today: Date,
) -> Option<Outset> {
    if !state(ledger, plan, registry, today).lies_before() {
        return None;
    }
    let active = ledger.frame().plans.active.as_ref();
    let active = active.filter(|active| active.plan_id == plan.plan_id);
    outset(ledger, &plan.terms, active, registry, today).ok()
}

/// What lies before terms, or before the plan that steers by them.
///
/// # Errors
///
/// Where the places cannot be shared out so.
pub(super) fn outset(
    ledger: &Ledger,
    terms: &PlanTerms,
    active: Option<&ActivePlan>,
    registry: &Registry,
    today: Date,
) -> Result<Outset, ApportionmentError> {
    let holders = plan_holders(ledger, terms, registry, today);
    let places = places_on(&ledger.frame().budgets, today);
    Outset::new(terms.clone(), holders, places.into(), active.cloned(), today)
}

/// What is to be expected of a plan. It is computed where it may take its time without holding
/// others up.
pub(super) async fn plan_forecast(
    outset: Outset,
    mean_stay: Option<MeanStay>,
) -> Result<pb::PlanForecast, Error> {
    let computed = tokio::task::spawn_blocking(move || told(&outset, mean_stay.as_ref()));
    computed.await.map_err(|_| Error::Internal("a panic".to_owned()))
}

fn told(outset: &Outset, mean_stay: Option<&MeanStay>) -> pb::PlanForecast {
    let timed = mean_stay.map(|stay| {
        let years = stay.years();
        (forecast_of(&outset.course(years)), years * DAYS_A_YEAR)
    });
    let timed = timed.as_ref();
    let expected = |index: usize| {
        let (told, stay) = timed?;
        told.expected.as_ref().map(|expected| days(expected[index] * stay))
    };
    let over = |(_, (holder, target)): &(usize, (&Holder, &u64))| holder.held > **target;
    let areas = outset.holders.iter().zip(&outset.targets).enumerate().filter(over);
    let areas = areas.map(|(index, (holder, target))| pb::AreaForecast {
        municipality_number: holder.municipality_number.to_string(),
        held_places: places(holder.held),
        target_places: places(*target),
        expected_days: expected(index),
    });
    let band = |of: fn(&Forecast) -> Times| timed.map(|(told, stay)| band(of(told), *stay));
    pb::PlanForecast {
        mean_stay: mean_stay.map(mean_stay_answer),
        distance_places: places(outset.distance()),
        areas: areas.collect(),
        half: band(|told| told.half),
        nine_tenths: band(|told| told.nine_tenths),
        all: band(|told| told.all),
        all_mean_days: timed.map(|(told, stay)| days(told.all_mean * stay)),
        lower_bound_days: timed.map(|(told, stay)| days(told.lower_bound * stay)),
        new_places_only: outset.new_places_only().map(places),
        saving_by_goals: saving_by_goals(outset),
        saving_by_forecast: mean_stay.and_then(|stay| saving_by_forecast(outset, stay.years())),
    }
}

/// Over the plan's whole horizon.
fn saving_by_goals(outset: &Outset) -> Option<pb::PlanSaving> {
    let (distance, horizon) = (outset.distance_in_all(), outset.terms.horizon_years);
    let goals: Vec<u64> = (1..=horizon).map(|year| goal(distance, year, horizon)).collect();
    saved(outset, 0.0, Shares::Goals(&goals, distance))
}

/// Over what is left of it.
fn saving_by_forecast(outset: &Outset, mean_stay_years: f64) -> Option<pb::PlanSaving> {
    let left = outset.share_left();
    let shares = curve(&outset.course(mean_stay_years), outset.years_left());
    let shares = (1..).zip(shares).map(|(year, share)| {
        let moved = 1.0 - (1.0 - share) * left;
        // No more than the year's goal where that is a ceiling.
        if outset.terms.pace_is_goal { moved.min(outset.share_by_goal(year)) } else { moved }
    });
    let shares: Vec<f64> = shares.collect();
    saved(outset, 1.0 - left, Shares::Expected(&shares))
}

/// Where nothing was to move nothing is saved by it.
fn saved(outset: &Outset, before: f64, shares: Shares<'_>) -> Option<pb::PlanSaving> {
    let nok = outset.terms.saving_nok_a_year.filter(|_| outset.distance_in_all() > 0)?;
    let discount = outset.terms.discount_basis_points.unwrap_or(DISCOUNT_BASIS_POINTS);
    let Saving { total_nok, present_value_nok } = saving(nok, discount, before, shares);
    Some(pb::PlanSaving { total_nok, present_value_nok, discount_basis_points: discount })
}

/// How long a placement lasts, and where that comes from.
pub(super) fn mean_stay_answer(stay: &MeanStay) -> pb::MeanStay {
    let (source, measured) = match stay {
        MeanStay::Stated(_) => (pb::MeanStaySource::Stated, None),
        MeanStay::Measured(measured) => (pb::MeanStaySource::Measured, Some(measured)),
    };
    pb::MeanStay {
        days: days(stay.years() * DAYS_A_YEAR),
        source: source.into(),
        ended_placements: measured.map(|measured| places(measured.ended)),
        measured_from_date: measured.map(|measured| answer::date(measured.since)),
    }
}

fn band(times: Times, stay_days: f64) -> pb::ForecastBand {
    let told = |stays: f64| (stays < TOLD_STAYS).then(|| days(stays * stay_days));
    pb::ForecastBand {
        p10_days: told(times.p10),
        p50_days: told(times.p50),
        p90_days: told(times.p90),
    }
}

/// A time to the nearest day.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and is not negative"
)]
pub(super) fn days(days: f64) -> u32 {
    days.round() as u32
}

pub(super) fn places(places: u64) -> u32 {
    u32::try_from(places).unwrap_or(u32::MAX)
}
