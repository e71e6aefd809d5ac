//! The checker: compares what clients were told with what is there. Pure, so that it
//! can be tested itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::chaos::{
    call::ledger_name,
    fold::fold,
    history::{FinalState, Finding, History, LedgerState, Outcome, Record},
};

/// Kinds of rows that nobody asks for: time makes them.
const BY_TIME: [&str; 5] =
    ["BEGIN_DAY", "BEGIN_PLAN", "FINISH_PLACEMENT", "LAPSE_PROPOSAL", "EXPIRE_OFFER"];
/// Refusals that are right when many want the same.
const EXPECTED_REFUSALS: [&str; 2] = ["PERSON_ALREADY_WAITING", "WRONG_STATE"];

/// Everything that is not as it must be; nothing when all is well.
pub fn check(history: &History, state: &FinalState) -> Vec<Finding> {
    let mut findings = Vec::new();
    acknowledged_are_logged(history, state, &mut findings);
    nothing_happened_twice(history, state, &mut findings);
    refusals_are_known(history, &mut findings);
    replays_repeat(history, state, &mut findings);
    later_calls_come_later(history, &mut findings);
    for (name, ledger) in &state.ledgers {
        feed_is_the_log(name, ledger, &mut findings);
        fold(name, ledger, &mut findings);
    }
    one_open_entry(state, &mut findings);
    for session in &state.in_transaction {
        findings.push(Finding::new("sessions", format!("left in a transaction: {session}")));
    }
    for what in &state.verify {
        findings.push(Finding::new("verify", what.clone()));
    }
    findings
}

/// Each row of each log by its request.
fn rows_by_request(state: &FinalState) -> BTreeMap<&str, Vec<(&str, u64)>> {
    let mut rows: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
    for (name, ledger) in &state.ledgers {
        for row in &ledger.log {
            rows.entry(row.request_id.as_str()).or_default().push((name, row.seq));
        }
    }
    rows
}

/// I4: what was acknowledged is in its ledger's log, at the row the answer names.
fn acknowledged_are_logged(history: &History, state: &FinalState, findings: &mut Vec<Finding>) {
    let rows = rows_by_request(state);
    for record in &history.records {
        let Outcome::Acknowledged { seq, .. } = &record.outcome else { continue };
        let (id, name) = (record.call.request_id(), ledger_name(record.call.ledger()));
        let found = rows.get(id).is_some_and(|rows| rows.contains(&(name.as_str(), *seq)));
        if !found {
            let what = format!("{id} was acknowledged as {name} {seq} and is not there");
            findings.push(Finding::new("I4", what));
        }
    }
}

/// I5: no request is in the logs twice, none that was refused is in them at all, and
/// none that nobody sent.
fn nothing_happened_twice(history: &History, state: &FinalState, findings: &mut Vec<Finding>) {
    for (id, rows) in rows_by_request(state) {
        if rows.len() > 1 {
            findings.push(Finding::new("I5", format!("{id} happened more than once: {rows:?}")));
        }
    }
    let sent: BTreeMap<&str, &Record> =
        history.records.iter().map(|record| (record.call.request_id(), record)).collect();
    if sent.len() != history.records.len() {
        findings.push(Finding::new("I5", "a client has used a request id twice"));
    }
    for (name, ledger) in &state.ledgers {
        let asked = ledger.log.iter().filter(|row| row.seq > ledger.baseline);
        for row in asked.filter(|row| !BY_TIME.contains(&row.kind.as_str())) {
            let (id, seq) = (&row.request_id, row.seq);
            match sent.get(id.as_str()).map(|record| &record.outcome) {
                None => {
                    let what = format!("nobody sent {id}, which is {name} {seq}");
                    findings.push(Finding::new("I5", what));
                }
                Some(Outcome::Refused { clear: true, reason }) => {
                    let what = format!("{id} was refused ({reason}) and is {name} {seq}");
                    findings.push(Finding::new("I5", what));
                }
                Some(_) => {}
            }
        }
    }
}

fn refusals_are_known(history: &History, findings: &mut Vec<Finding>) {
    for record in &history.records {
        if let Outcome::Refused { reason, .. } = &record.outcome
            && !EXPECTED_REFUSALS.contains(&reason.as_str())
        {
            let what = format!("{:?} was refused: {reason}", record.call);
            findings.push(Finding::new("refusals", what));
        }
    }
    for fault in &history.faults {
        findings.push(Finding::new("faults", fault.clone()));
    }
}

/// I5: who asks again within thirty days is told the same, byte for byte.
fn replays_repeat(history: &History, state: &FinalState, findings: &mut Vec<Finding>) {
    for record in &history.records {
        let id = record.call.request_id();
        let Some(again) = state.replays.get(id) else { continue };
        let may_be_gone = state.days >= 30 && *again == Outcome::Expired;
        if *again != record.outcome && !may_be_gone {
            let what = format!("{id} was told {:?} and then {again:?}", record.outcome);
            findings.push(Finding::new("I5", what));
        }
    }
}

/// What began after something else was acknowledged stands behind it in the log.
fn later_calls_come_later(history: &History, findings: &mut Vec<Finding>) {
    let mut by_ledger: BTreeMap<String, Vec<(u64, &Record)>> = BTreeMap::new();
    for record in &history.records {
        if let Outcome::Acknowledged { seq, .. } = &record.outcome {
            by_ledger.entry(ledger_name(record.call.ledger())).or_default().push((*seq, record));
        }
    }
    for (name, mut records) in by_ledger {
        records.sort_by_key(|(seq, _)| *seq);
        let mut earliest_end = u64::MAX;
        for (seq, record) in records.into_iter().rev() {
            if earliest_end < record.begun {
                let what = format!("{name} {seq} began after a later row was acknowledged");
                findings.push(Finding::new("order in time", what));
            }
            earliest_end = earliest_end.min(record.ended);
        }
    }
}

/// I10: the feed has every row of the log once and in order, and its chain holds.
fn feed_is_the_log(name: &str, ledger: &LedgerState, findings: &mut Vec<Finding>) {
    let told: Vec<_> =
        ledger.feed.iter().map(|c| (c.seq, c.kind.as_str(), c.hash.as_slice())).collect();
    let logged: Vec<_> =
        ledger.log.iter().map(|r| (r.seq, r.kind.as_str(), r.hash.as_slice())).collect();
    if told != logged {
        findings.push(Finding::new("I10", format!("{name}: the feed is not the log")));
    }
    let mut prev: Vec<u8> = vec![0; 32];
    for (seq, change) in (1..).zip(&ledger.feed) {
        if change.seq != seq {
            findings.push(Finding::new("I10", format!("{name}: a gap or repeat before {seq}")));
            return;
        }
        if change.prev_hash != prev || change.hash != change.recomputed {
            findings.push(Finding::new("I10", format!("{name}: the chain breaks at {seq}")));
        }
        prev.clone_from(&change.hash);
    }
}

/// I3: a person has one open entry per measure type in all areas together, and the
/// claims say which.
fn one_open_entry(state: &FinalState, findings: &mut Vec<Finding>) {
    let mut open = BTreeSet::new();
    let mut people = BTreeSet::new();
    for (name, ledger) in &state.ledgers {
        let (county, measure) = name.split_once('/').unwrap_or((name, ""));
        for (entry, (person, entry_state)) in &ledger.entries {
            if entry_state == "CLOSED" {
                continue;
            }
            let texts = [person, measure, county, entry].map(ToOwned::to_owned);
            open.insert(<(String, String, String, String)>::from(texts));
            if !people.insert((person, measure)) {
                let what = format!("person {person} has two open entries in {measure}");
                findings.push(Finding::new("I3", what));
            }
        }
    }
    if open != state.claims {
        findings.push(Finding::new("I3", "the claims are not those of the open entries"));
    }
}
