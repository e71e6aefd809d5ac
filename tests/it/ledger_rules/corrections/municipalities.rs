//! The entitled municipality was wrong from the start.

use super::*;

/// Held or used, a place goes on with the right quota if that has room.
#[test]
fn the_right_municipality_is_debited_if_it_has_room() {
    for state in ["PROPOSED", "OFFERED", "ACCEPTED", "PLACED"] {
        for is_full in [false, true] {
            let (mut ledger, entry_id, group) = at(state);
            if is_full {
                add_entry(&mut ledger, commands::join(2, HEMNE));
                allocate(&mut ledger, 1);
            }
            let waiting = add_entry(&mut ledger, commands::join(3, TRONDHEIM));
            let events = happen(&mut ledger, lives_in(entry_id, HEMNE), noon()).unwrap();
            let what = format!("{state} {is_full}: {events:?}");
            let changed = entry(&ledger, entry_id);
            assert_eq!(changed.municipality_number, municipality(HEMNE));
            let held = |number: &str| figures(&ledger, &quota_of(number));
            let own = if state == "PLACED" { (0, 100) } else { (100, 0) };
            match (state, is_full) {
                (_, false) => assert_eq!((held(HEMNE), held(TRONDHEIM)), (own, (0, 0)), "{what}"),
                ("PLACED", true) => {
                    let EntryState::Placed(id) = changed.state else { panic!("{what}") };
                    assert!(placement(&ledger, id).guest, "{what}");
                    assert_eq!(held(TRONDHEIM), (0, 100), "{what}");
                }
                (_, true) => {
                    assert_eq!(changed.state, EntryState::Waiting, "{what}");
                    assert_eq!(offers_of(&events).next().unwrap().entry_id, waiting, "{what}");
                }
            }
            assert!(group_figures(&ledger, group).0 <= 200);
            sound(&ledger).unwrap();
        }
    }
}

/// A group that is over its lowered limit is no hindrance: the place is held there already.
#[test]
fn a_held_place_changes_its_quota_in_a_group_that_is_over() {
    let (mut ledger, entry_id, group) = at("OFFERED");
    let mut lowered = commands::submission(from(0, TODAY));
    lowered.place_group_id = Some(group);
    lowered.name = None;
    lowered.site_municipality_number = None;
    lowered.external_references = Vec::new();
    let submission = submitted(&mut ledger, lowered);
    happen(&mut ledger, commands::review(submission, true), noon()).unwrap();
    assert_eq!(ledger.account(&AccountKey::PlaceGroup(group)).over(), 100);
    happen(&mut ledger, lives_in(entry_id, HEMNE), noon()).unwrap();
    assert_eq!(figures(&ledger, &quota_of(HEMNE)), (100, 0));
    sound(&ledger).unwrap();
}
