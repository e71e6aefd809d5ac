//! For how long an office corrects by itself.

use super::*;

const DAYS: u32 = 14;

fn office() -> Actor {
    Actor { role: Role::Office, organisation: "5701".into(), ..actor("office") }
}

/// Each kind of mistake, made today: an office corrects it to the end of the last day, the
/// county later too, and where no days are set nobody is late.
#[test]
fn an_office_has_some_days_and_the_county_any() {
    for limit in [Some(DAYS), None] {
        let rules = MeasureRules { correction_days: limit, ..MeasureRules::default() };
        for kind in 0..6 {
            let mut ruled = ruled::Ruled::new(&rules, 1);
            let (entry_id, id) = ruled.offered(1);
            let way = match kind {
                0 => vec![commands::leave(entry_id)],
                1 => vec![commands::respond(id, false)],
                2 => vec![commands::respond(id, true)],
                3 => {
                    let start = commands::start(id, TODAY);
                    vec![commands::respond(id, true), start]
                }
                _ => Vec::new(),
            };
            for command in way {
                ruled.now(&command);
            }
            let last = ruled.ledger.placements().next().map(|one| one.placement_id);
            if let Some(placement_id) = last {
                ruled.now(&commands::end(placement_id, TODAY));
            }
            let command = match kind {
                0 => reinstate(entry_id),
                1 => answer(id, true),
                2 => answer(id, false),
                3 => goes_on(last.unwrap()),
                4 => by_mistake(entry_id),
                _ => is_another(entry_id),
            };
            let until = days_on(DAYS.into());
            let (in_time, late) = (hour(until, 23), hour(until, 24));
            let by_office = |at| ruled.clone().happen_as(&office(), &command, at);
            by_office(in_time).unwrap();
            let too_late = Err(Refusal::CorrectionTooLate { until: Some(until) });
            if limit.is_some() {
                assert_eq!(by_office(late), too_late, "{kind}");
            } else {
                by_office(late).unwrap();
            }
            ruled.clone().happen(&command, late).unwrap();
        }
    }
}

/// What was let go before the rule came has no time that was kept: that is the county's.
#[test]
fn without_a_time_it_is_the_countys() {
    let mut ruled = ruled::Ruled::new(&MeasureRules::default(), 1);
    let (_, id) = ruled.offered(1);
    ruled.now(&commands::respond(id, false));
    assert_eq!(ruled.offer(id).let_go, None);
    let rules = MeasureRules { correction_days: Some(DAYS), ..MeasureRules::default() };
    let mut ruled = ruled.under(&rules);
    let refused = ruled.happen_as(&office(), &answer(id, true), noon());
    assert_eq!(refused, Err(Refusal::CorrectionTooLate { until: None }));
    ruled.happen(&answer(id, true), noon()).unwrap();
}

/// An end ahead has not taken effect: nothing rests on it, and nobody is late.
#[test]
fn an_end_ahead_is_taken_back_at_any_time() {
    let rules = MeasureRules { correction_days: Some(1), ..MeasureRules::default() };
    let mut ruled = ruled::Ruled::new(&rules, 1);
    let (_, id) = ruled.offered(1);
    ruled.now(&commands::respond(id, true));
    ruled.now(&commands::start(id, TODAY));
    let placement_id = ruled.ledger.placements().next().unwrap().placement_id;
    ruled.now(&commands::end(placement_id, days_on(90)));
    ruled.happen_as(&office(), &goes_on(placement_id), hour(days_on(60), 12)).unwrap();
    assert_eq!(placement(&ruled.ledger, placement_id).state, PlacementState::Running);
}
