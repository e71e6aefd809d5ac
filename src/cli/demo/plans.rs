//! Redistribution plans (omfordelingsplaner): what was short is made up for by places that become
//! free, and nobody is put out.
//!
//! Life is simulated and the service is not: by a seed it is drawn how long each placement lasts,
//! and all that follows goes over the port.

use time::Duration;

use crate::cli::{Failure, demo::stage::Stage};

mod aps;
mod arrival;
mod existing;
mod field;
mod life;
mod norway;
mod proposal;
mod vta;

/// What every draw follows from.
const SEED: u64 = 2026;
/// A year on the average, and a month of it.
const YEAR: Duration = Duration::seconds(31_556_952);
const MONTH: Duration = Duration::seconds(31_556_952 / 12);

/// Three plans, from the proposal to the last place.
pub(super) async fn carry_out(stage: &mut Stage) -> Result<(), Failure> {
    vta::carry_out(stage).await?;
    aps::carry_out(stage).await?;
    norway::carry_out(stage).await
}

/// A time in years, for a reader.
fn years(time: Duration) -> f64 {
    time.as_seconds_f64() / YEAR.as_seconds_f64()
}
