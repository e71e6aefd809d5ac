//! The checker, checked: defects are planted, and it must find each; without one it
//! must find nothing.

use sqlx::PgConnection;

use tiltaksplass::domain::event::Event;

use crate::chaos::{
    call::ledger_name,
    check::check,
    fleet::Defect,
    history::{FinalState, Finding, History, LedgerState, Outcome},
    scenario::Scenario,
};

/// How many things each client does.
const THINGS: u32 = 12;

/// Runs clients over a wire with a defect; what the checker says.
async fn findings(
    defect: Option<Defect>,
    tamper: impl AsyncFnOnce(&mut PgConnection),
) -> Vec<Finding> {
    let (history, state) = run(defect, tamper).await;
    check(&history, &state)
}

async fn run(
    defect: Option<Defect>,
    tamper: impl AsyncFnOnce(&mut PgConnection),
) -> (History, FinalState) {
    let scenario = Scenario::new(defect).await;
    let replica = scenario.serve().await;
    scenario.run_calm(THINGS).await;
    let struck = scenario.office.wire.has_struck();
    assert_eq!(struck, defect.is_some(), "the defect was not planted");
    let outcome = scenario.outcome(false, tamper).await;
    drop(replica);
    outcome
}

fn says(findings: &[Finding], invariant: &str, words: &str) -> bool {
    findings.iter().any(|f| f.invariant == invariant && f.what.contains(words))
}

async fn as_it_is(_: &mut PgConnection) {}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_is_planted_nothing_is_found() {
    let (history, state) = run(None, as_it_is).await;
    assert_eq!(check(&history, &state), []);
    each_check_speaks_up(&history, &state);
}

type Harm = fn(&mut History, &mut FinalState);

/// One harm for each thing the checker looks at, done to a copy of what is right.
fn each_check_speaks_up(history: &History, state: &FinalState) {
    let harms: [(&str, &str, Harm); 13] = [
        ("I1", "beyond its limit", |_, state| lower_limits(state)),
        ("I2", "beyond its limit", |_, state| lower_limits(state)),
        ("I3", "two open entries", |_, state| copy_entry(state)),
        ("I3", "the claims", |_, state| drop(state.claims.pop_first())),
        ("I4", "is not there", |_, state| busiest(state).log.truncate(20)),
        ("I5", "more than once", |_, state| {
            let log = &mut busiest(state).log;
            let again = log.last().unwrap().clone();
            log.push(again);
        }),
        ("I5", "was refused", |history, _| {
            let reason = "WRONG_STATE".to_owned();
            first_acknowledged(history).outcome = Outcome::Refused { reason, clear: true };
        }),
        ("I5", "used a request id twice", |history, _| {
            let again = first_acknowledged(history).clone();
            history.records.push(again);
        }),
        ("I8", "offers", |_, state| drop(busiest(state).offers.pop_first())),
        ("I8", "placements", |_, state| {
            busiest(state).placements.insert("stray".into(), "RUNNING".into());
        }),
        ("I10", "not the log", |_, state| drop(busiest(state).feed.pop())),
        ("order in time", "began after", |history, _| {
            first_acknowledged(history).begun = u64::MAX;
        }),
        ("sessions", "left", |_, state| state.in_transaction.push("one".into())),
    ];
    for (invariant, words, harm) in harms {
        let (mut history, mut state) = (history.clone(), state.clone());
        harm(&mut history, &mut state);
        let found = check(&history, &state);
        assert!(says(&found, invariant, words), "{invariant} {words}: {found:#?}");
    }
}

fn busiest(state: &mut FinalState) -> &mut LedgerState {
    state.ledgers.values_mut().max_by_key(|ledger| ledger.log.len()).unwrap()
}

/// The first row that a client was told of, so that others follow it in its log.
fn first_acknowledged(history: &mut History) -> &mut crate::chaos::history::Record {
    let name = ledger_name(history.records[0].call.ledger());
    let records = history.records.iter_mut();
    let in_log = records.filter(|record| ledger_name(record.call.ledger()) == name);
    in_log
        .filter_map(|record| match record.outcome {
            Outcome::Acknowledged { seq, .. } => Some((seq, record)),
            Outcome::Refused { .. } | Outcome::Expired | Outcome::Unknown => None,
        })
        .min_by_key(|(seq, _)| *seq)
        .map(|(_, record)| record)
        .unwrap()
}

/// Every limit is a tenth of what it was when places were given.
fn lower_limits(state: &mut FinalState) {
    for row in &mut busiest(state).log {
        for event in &mut row.events {
            if let Event::LimitsSet { limits, .. } = event {
                for (_, limit) in limits {
                    *limit /= 10;
                }
            }
        }
    }
}

/// Somebody who waits in one county waits in the other too.
fn copy_entry(state: &mut FinalState) {
    let open = |(_, (_, state)): &(&String, &(String, String))| state != "CLOSED";
    let (_, one) = state.ledgers["NO-16/VTA"].entries.iter().find(open).unwrap();
    let one = one.clone();
    state.ledgers.get_mut("NO-17/VTA").unwrap().entries.insert("copy".into(), one);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_write_is_found() {
    let found = findings(Some(Defect::LostWrite), as_it_is).await;
    assert!(says(&found, "I4", "was acknowledged as"), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_twice_is_found() {
    let found = findings(Some(Defect::HappensTwice), as_it_is).await;
    assert!(says(&found, "I5", "nobody sent"), "{found:#?}");
    assert!(says(&found, "I5", "was told"), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_changed_on_its_way_is_found() {
    let found = findings(Some(Defect::SwappedAnswer), as_it_is).await;
    assert!(says(&found, "I5", "was told"), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_order_is_found() {
    let found = findings(None, swap_served).await;
    assert!(says(&found, "I6", "order of the queue"), "{found:#?}");
    assert!(says(&found, "I10", "chain breaks"), "{found:#?}");
    assert!(says(&found, "verify", "hash"), "{found:#?}");
}

/// Lets two who were served in one run change places, in the log itself.
async fn swap_served(sql: &mut PgConnection) {
    let rows: Vec<(String, String, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT county_id, measure_code, seq, payload FROM ledger_log \
         WHERE kind = 'ALLOCATE_PLACES' ORDER BY county_id, measure_code, seq",
    )
    .fetch_all(&mut *sql)
    .await
    .unwrap();
    for (county, measure, seq, payload) in rows {
        let mut payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let entry_of = |payload: &serde_json::Value, n: usize| {
            payload["events"][n]["PROPOSED"]["offer"]["entry_id"].as_str().map(str::to_owned)
        };
        let (Some(first), Some(second)) = (entry_of(&payload, 1), entry_of(&payload, 2)) else {
            continue;
        };
        payload["events"][1]["PROPOSED"]["offer"]["entry_id"] = second.into();
        payload["events"][2]["PROPOSED"]["offer"]["entry_id"] = first.into();
        sqlx::query(
            "UPDATE ledger_log SET payload = $4 \
             WHERE county_id = $1 AND measure_code = $2 AND seq = $3",
        )
        .bind(county)
        .bind(measure)
        .bind(seq)
        .bind(serde_json::to_vec(&payload).unwrap())
        .execute(&mut *sql)
        .await
        .unwrap();
        return;
    }
    panic!("no run has served two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_of_nobody_is_found() {
    let found = findings(None, async |sql: &mut PgConnection| {
        change_one(
            sql,
            "UPDATE account SET reserved_percent = reserved_percent + 100, ceiling_percent = \
             greatest(limit_percent, reserved_percent + in_use_percent + 100) \
             WHERE county_id = 'NO-16' AND measure_code = 'VTA' AND account_key LIKE '%1601'",
        )
        .await;
    })
    .await;
    assert!(says(&found, "I8", "NO-16/VTA: accounts"), "{found:#?}");
    assert!(says(&found, "verify", "accounts are not what the log says"), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_entry_is_found() {
    let found = findings(None, async |sql: &mut PgConnection| {
        change_one(
            sql,
            "WITH gone AS (SELECT county_id, measure_code, entry_id FROM entry e WHERE NOT EXISTS \
             (SELECT FROM offer o WHERE o.entry_id = e.entry_id) LIMIT 1), \
             lean AS (DELETE FROM waiting w USING gone WHERE w.entry_id = gone.entry_id), \
             claim AS (DELETE FROM person_claim c USING gone WHERE c.entry_id = gone.entry_id) \
             DELETE FROM entry e USING gone WHERE e.entry_id = gone.entry_id",
        )
        .await;
    })
    .await;
    assert!(says(&found, "I4", "the entries are not those of the log"), "{found:#?}");
    assert!(says(&found, "verify", "entries are not what the log says"), "{found:#?}");
}

async fn change_one(sql: &mut PgConnection, statement: &'static str) {
    let done = sqlx::query(statement).execute(sql).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
}
