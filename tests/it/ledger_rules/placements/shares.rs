//! The share of a place: what a change of it frees and needs, and which one holds when.

use super::*;

#[test]
fn a_smaller_share_frees_both_accounts_at_once() {
    let mut placed = Placed::new(100);
    let id = placed.id;
    placed.does(share(id, 40, TODAY));
    assert_eq!(placed.in_use(), (40, 40, 0));
    let registered_time = placed.ledger.head().at;
    let one = |percent| Share { percent, valid_from: TODAY, registered_time };
    assert_eq!(placed.placement().shares, [one(100), one(40)]);
    // Somebody else may have the rest.
    begin(&mut placed.ledger, commands::join_part(2, TRONDHEIM, 60));
    assert_eq!(placed.in_use(), (100, 100, 0));
}

#[test]
fn a_larger_share_needs_room_on_both_accounts() {
    let mut placed = Placed::new(40);
    let id = placed.id;
    // Of the group's two places 100 are left, of the quota 60.
    begin(&mut placed.ledger, commands::join_part(2, TRONDHEIM, 60));
    let quota = commands::quotas(vec![commands::quota(TRONDHEIM, from(1, TODAY))]);
    placed.does(quota);
    let no_room = |what, free_percent, needed_percent| Refusal::NoRoomForMore {
        what,
        free_percent,
        needed_percent,
    };
    let expected = no_room("the municipality's quota", 0, 60);
    assert_eq!(placed.refused(share(id, 100, TODAY)), expected);
    assert_eq!(
        expected.to_string(),
        "the municipality's quota has 0 per cent of a place free; 60 are needed; with \
         wait_if_full the larger share waits its turn"
    );
    placed.does(commands::quotas(vec![commands::quota(TRONDHEIM, from(2, TODAY))]));
    begin(&mut placed.ledger, commands::join_part(3, HEMNE, 70));
    assert_eq!(placed.refused(share(id, 100, TODAY)), no_room("the place group", 30, 60));
    placed.does(share(id, 70, TODAY));
    assert_eq!(placed.in_use(), (200, 130, 70));
    // The share that is used already needs no room.
    placed.does(share(id, 70, TODAY));
}

#[test]
fn a_share_registered_later_replaces_all_from_its_day_on() {
    let mut placed = Placed::new(100);
    let id = placed.id;
    let later = |days, command| (hour(days_on(days), 12), command);
    for (at, command) in [
        later(10, share(id, 50, days_on(10))),
        later(20, share(id, 80, days_on(20))),
        later(30, share(id, 60, days_on(5))),
    ] {
        happen(&mut placed.ledger, command, at).unwrap();
    }
    assert_eq!(placed.in_use(), (60, 60, 0));
    let on = |days| placed.placement().percent_on(days_on(days));
    assert_eq!([-1, 0, 4, 5, 10, 25, 99].map(on), [100, 100, 100, 60, 60, 60, 60]);
    // As registered, nothing was lost.
    let percents: Vec<u32> = placed.placement().shares.iter().map(|s| s.percent).collect();
    assert_eq!(percents, [100, 50, 80, 60]);
    // Accounts changed on the days of registration.
    let debits = &placed.placement().past_debits;
    let debits: Vec<_> = debits.iter().map(|d| (d.percent, d.from_date, d.until_date)).collect();
    let expected = [(100, 0, 10), (50, 10, 20), (80, 20, 30)];
    assert_eq!(debits, expected.map(|(p, from, until)| (p, days_on(from), days_on(until))));
}

#[test]
fn a_share_holds_from_the_start_to_today() {
    let mut placed = Placed::new(100);
    let id = placed.id;
    for day in [days_on(-1), days_on(1)] {
        let refused = placed.refused(share(id, 50, day));
        assert_eq!(out_of_range(&refused), "share.valid_from_date");
    }
    let mut ledger = avklaring();
    happen(&mut ledger, commands::budget(from(1, TODAY)), noon()).unwrap();
    add_group(&mut ledger, 1, &[]);
    let id = begin(&mut ledger, commands::join(1, TRONDHEIM));
    let refused = happen(&mut ledger, share(id, 50, TODAY), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::MeasureTypeRule(_)), "{refused:?}");
    happen(&mut ledger, share(id, 100, TODAY), noon()).unwrap();
}

#[test]
fn changes_of_one_placement_have_a_bound() {
    let mut placed = Placed::new(100);
    let id = placed.id;
    let other = add_group(&mut placed.ledger, 2, &[]);
    for n in 1..PLACEMENT_HISTORY_MAX {
        placed.does(share(id, if n % 2 == 0 { 100 } else { 50 }, TODAY));
    }
    assert_eq!(placed.placement().shares.len(), PLACEMENT_HISTORY_MAX);
    let (what, most) = (Limited::PlacementChanges, PLACEMENT_HISTORY_MAX);
    let expected = Refusal::LimitReached { what, would_be: most + 1, most };
    assert_eq!(placed.refused(share(id, 100, TODAY)), expected);
    assert_eq!(placed.refused(move_to(id, other)), expected);
    assert_eq!(placed.refused(reassign(id, HEMNE)), expected);
    // What ends is never too much.
    placed.does(commands::end(id, TODAY));
}
