//! What somebody who waits is found to wait for, and what is held for who does not.

use tiltaksplass::domain::{
    allocation::PassedOverReason,
    explanation::{Now, Position, PositionExplanation, explain_position},
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
    explain_position(ledger, &NAMED, entry(ledger, id), place, held).unwrap()
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
    let Now::Offered { holding, answer_by: told } = now(&one) else { panic!() };
    assert_eq!((holding.participation_percent, told), (100, answer_by));
    let site = holding.site.clone().unwrap();
    assert_eq!(site.name, "Vilje viser vei");
    assert_eq!(now(&one_place(Step::Accepted)), Now::Accepted(holding.clone()));
    let (mut one, placement_id) = OnePlace::started(Step::Accepted);
    let placed = |last_day| Now::Placed { holding: holding.clone(), start_date: TODAY, last_day };
    assert_eq!(now(&one), placed(None));
    one.happen(commands::end(placement_id, days_on(10)), noon()).unwrap();
    assert_eq!(now(&one), placed(Some(days_on(9))), "the end is the first day after");
    one.happen(Command::FinishPlacement { placement_id }, hour(days_on(10), 0)).unwrap();
    assert_eq!(now(&one), Now::Closed);
}

/// A state whose offer is not there has no words.
#[test]
fn what_is_held_and_missing_is_no_explanation() {
    let OnePlace { ledger, entry_id, .. } = one_place(Step::Offered);
    let entry = entry(&ledger, entry_id);
    assert_eq!(explain_position(&ledger, &NAMED, entry, None, (&[], &[])), None);
}
