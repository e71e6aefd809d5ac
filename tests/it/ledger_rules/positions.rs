//! What somebody who waits is found to wait for, and what is held for who does not.

use tiltaksplass::domain::{
    allocation::{Leave, Objection, ObjectionCode, PassedOverReason, PlacementState},
    event::{EntryChange, OfferChange, PlacementChange},
    explanation::{LastDay, Now, Position, PositionExplanation, explain_position},
    waitlist::{Closed, EntryState},
};

use super::{explained::NAMED, *};

/// An entry's position, with all that was ever held for it.
pub(super) fn explained(
    ledger: &Ledger,
    id: EntryId,
    place: Option<Position>,
) -> PositionExplanation {
    let offers: Vec<Offer> = ledger.offers().filter(|o| o.entry_id == id).cloned().collect();
    let placements: Vec<Placement> =
        ledger.placements().filter(|p| p.entry_id == id).cloned().collect();
    let held = (offers.as_slice(), placements.as_slice());
    explain_position(ledger, &NAMED, entry(ledger, id), place, held, ledger.head().at).unwrap()
}

#[test]
fn who_waits_is_told_what_a_run_would_find_missing() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 2), (HEMNE, 0)]);
    let kitchen = add_group(&mut ledger, 1, &["Kantine"]);
    let full = add_group(&mut ledger, 0, &["Gartneri"]);
    let wants = |number, work_fields: &[&str], groups: &[PlaceGroupId]| JoinWaitlist {
        work_fields: work_fields.iter().map(|&field| field.to_owned()).collect(),
        preferred_place_groups: groups.to_vec(),
        ..commands::join(number, TRONDHEIM)
    };
    let no_quota = add_entry(&mut ledger, commands::join(1, HEMNE));
    let no_field = add_entry(&mut ledger, wants(2, &["Gartneri"], &[]));
    let no_place = add_entry(&mut ledger, wants(3, &[], &[full]));
    let turn = add_entry(&mut ledger, wants(4, &[], &[kitchen]));
    let cases = [
        (no_quota, Err(PassedOverReason::NoQuota)),
        (no_field, Err(PassedOverReason::WorkField)),
        (no_place, Err(PassedOverReason::NoAcceptablePlace)),
        (turn, Ok(())),
    ];
    for (id, waits_for) in cases {
        assert_eq!(explained(&ledger, id, None).now, Now::Waits(waits_for));
    }
}

/// One place, half of which is held; one waits for a whole.
#[test]
fn who_waits_for_more_than_is_free_is_told_so() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 2)]);
    add_group(&mut ledger, 1, &[]);
    add_entry(&mut ledger, commands::join_part(1, TRONDHEIM, 50));
    allocate(&mut ledger, 1);
    let whole = add_entry(&mut ledger, commands::join(2, TRONDHEIM));
    let waits_for = Now::Waits(Err(PassedOverReason::ParticipationDoesNotFit));
    assert_eq!(explained(&ledger, whole, None).now, waits_for);
}

#[test]
fn who_does_not_wait_is_told_what_is_held() {
    let now = |one: &OnePlace| explained(&one.ledger, one.entry_id, None).now;
    assert_eq!(now(&one_place(Step::Proposed)), Now::Proposed);
    let one = one_place(Step::Offered);
    let OfferState::Offered { answer_by, .. } = *one.offer_state() else { panic!() };
    let Now::Offered { holding, answer_by: told, is_objected_to } = now(&one) else { panic!() };
    assert_eq!((holding.participation_percent, told, is_objected_to), (100, answer_by, false));
    let site = holding.site.clone().unwrap();
    assert_eq!(site.name, "Vilje viser vei");
    assert_eq!(now(&one_place(Step::Accepted)), Now::Accepted(holding.clone()));
    let (mut one, placement_id) = OnePlace::started(Step::Accepted);
    let placed = |last_day| Now::Placed {
        holding: holding.clone(),
        start_date: TODAY,
        last_day,
        on_leave_until: None,
    };
    assert_eq!(now(&one), placed(None));
    one.happen(commands::end(placement_id, days_on(10)), noon()).unwrap();
    assert_eq!(now(&one), placed(Some(LastDay::Set(days_on(9)))), "the end is the first day after");
    one.happen(Command::FinishPlacement { placement_id }, hour(days_on(10), 0)).unwrap();
    assert_eq!(now(&one), Now::Closed { moved: false });
}

/// Whatever an event says of the whole of an entry, an offer or a placement.
#[test]
fn who_is_away_for_a_while_is_told_until_when() {
    let mut one = one_place(Step::Offered);
    let objection = Objection {
        code: ObjectionCode::Safety,
        text: None,
        objected_by: "provider".to_owned(),
        objected_time: noon(),
        resolution: None,
    };
    let offer = one.ledger.offer(one.offer_id).unwrap().clone();
    let offer = Offer { objection: Some(objection), ..offer };
    apply(&mut one.ledger, &Event::OfferChanged { offer, change: OfferChange::ObjectedTo });
    let now = explained(&one.ledger, one.entry_id, None).now;
    assert!(matches!(now, Now::Offered { is_objected_to: true, .. }), "{now:?}");

    let (mut one, placement_id) = OnePlace::started(Step::Accepted);
    let (from_date, until_date) = (days_on(1), days_on(31));
    let state = PlacementState::OnLeave(Leave { from_date, until_date, reason: None });
    let planned_end_date = Some(days_on(100));
    let placement = placement(&one.ledger, placement_id).clone();
    let placement = Placement { state, planned_end_date, ..placement };
    let change = PlacementChange::WentOnLeave;
    apply(&mut one.ledger, &Event::PlacementChanged { placement, change });
    let Now::Placed { last_day, on_leave_until, .. } =
        explained(&one.ledger, one.entry_id, None).now
    else {
        panic!()
    };
    assert_eq!(
        (last_day, on_leave_until),
        (Some(LastDay::Planned(days_on(99))), Some(days_on(30)))
    );

    let elsewhere = LedgerId { county_id: "NO-17".parse().unwrap(), ..ledger_id("VTA") };
    let moved = Closed { moved_to: Some(elsewhere), ..Closed::at(noon()) };
    let cases = [
        (EntryState::Paused { until: None }, Now::Paused { until: None }),
        (EntryState::CoolingDown { until: noon() }, Now::CoolingDown { until: noon() }),
        (EntryState::Closed, Now::Closed { moved: true }),
    ];
    for (state, now) in cases {
        let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
        let id = add_entry(&mut ledger, commands::join(1, TRONDHEIM));
        let closed = Some(moved.clone());
        let entry = Entry { state, closed, ..entry(&ledger, id).clone() };
        apply(&mut ledger, &Event::EntryChanged { entry, change: EntryChange::Updated });
        assert_eq!(explained(&ledger, id, None).now, now);
    }
}

/// A state whose offer is not there has no words.
#[test]
fn what_is_held_and_missing_is_no_explanation() {
    let OnePlace { ledger, entry_id, .. } = one_place(Step::Offered);
    let entry = entry(&ledger, entry_id);
    assert_eq!(explain_position(&ledger, &NAMED, entry, None, (&[], &[]), noon()), None);
}
