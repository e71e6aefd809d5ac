//! Chaos: many clients, a disturber, and a checker that compares what the clients were
//! told with what is there in the end.

use std::{collections::BTreeMap, time::Duration as Pause};

mod call;
mod cancel;
mod check;
mod client;
mod dice;
mod disturb;
mod fleet;
mod fold;
mod gather;
mod history;
mod planted;
mod scenario;
mod steer;

pub use dice::Dice;

use check::check;
use tiltaksplass::domain::event::Event;

use history::{FinalState, History, Outcome};
use scenario::Scenario;

/// How long the clients are disturbed, in seconds, unless the environment says.
const SECONDS: u64 = 20;
/// Says how long, in seconds.
const SECONDS_VARIABLE: &str = "TILTAKSPLASS_CHAOS_SECONDS";
/// How many days may pass in so many seconds: every answer is still kept then.
const DAYS: u64 = 26;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_bad_day() {
    let seconds = std::env::var(SECONDS_VARIABLE).ok().and_then(|text| text.parse().ok());
    let scenario = Scenario::new(None).await;
    let seconds = seconds.unwrap_or(SECONDS);
    let days = (DAYS * seconds / SECONDS).max(DAYS);
    let disturbed = scenario.run_wild(Pause::from_secs(seconds), days).await;
    let (history, mut state) = scenario.outcome(false, async |_| {}).await;
    state.days = disturbed.days_passed;
    println!("{disturbed:?}\n{}", summary(&history, &state));
    assert_eq!(check(&history, &state), []);
    a_place_that_went_twice_is_found(&history, state);
    let acknowledged = history
        .records
        .iter()
        .filter(|record| matches!(record.outcome, Outcome::Acknowledged { .. }));
    assert!(acknowledged.count() > 100, "too little happened to say anything");
}

/// The plan has moved places on the way, and the checker has followed it.
fn a_place_that_went_twice_is_found(history: &History, mut state: FinalState) {
    let steered = state.ledgers.get_mut("NO-16/VTA").unwrap();
    let went = |event: &Event| {
        let Event::Redirected { redirected } = event else { return false };
        redirected.from_municipality.is_some()
            && redirected.from_municipality != redirected.to_municipality
    };
    let row = steered.log.iter_mut().find(|row| row.events.iter().any(went)).unwrap();
    let again = row.events.iter().find(|event| went(event)).unwrap().clone();
    row.events.push(again);
    let found = check(history, &state);
    assert!(found.iter().any(|one| one.invariant == "redirection"), "{found:?}");
}

/// What happened, in figures.
fn summary(history: &History, state: &FinalState) -> String {
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for record in &history.records {
        let outcome = match &record.outcome {
            Outcome::Acknowledged { .. } => "acknowledged".to_owned(),
            Outcome::Refused { reason, clear } => format!("{reason}, clear: {clear}"),
            Outcome::Expired => "expired".to_owned(),
            Outcome::Unknown => "unknown".to_owned(),
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    let retries: u32 = history.records.iter().map(|record| record.attempts - 1).sum();
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for row in state.ledgers.values().flat_map(|ledger| &ledger.log) {
        *kinds.entry(row.kind.as_str()).or_default() += 1;
    }
    let in_vain = &history.in_vain;
    format!("{outcomes:?}, {retries} retries, in vain: {in_vain:?}, log: {kinds:?}")
}
