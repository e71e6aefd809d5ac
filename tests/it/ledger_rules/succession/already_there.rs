//! People of the old queue who have an entry in the measure type that took over.

use super::*;

/// One who was registered ten days ago, and in AFT so many days later, where a place is
/// accepted or not.
fn in_both(days: i64, accepted: bool) -> (Ledger, Ledger, EntryId, EntryId) {
    let join = |days: i64| JoinWaitlist {
        registered_time: Some(hour(days_on(days - 10), 12)),
        ..commands::join(1, TRONDHEIM)
    };
    let (mut old, _) = aps();
    let from_entry = joined(&mut old, join(0));
    // The same ledger once more serves as the other one: with a place to be offered.
    let (mut aft, _) = aps();
    let own = joined(&mut aft, join(days));
    if accepted {
        let run = before(&mut aft, commands::allocate(1, &[]));
        let offer = offers_of(&run).next().unwrap().offer_id;
        before(&mut aft, commands::confirm(&[offer]));
        before(&mut aft, commands::respond(offer, true));
    }
    (old, aft, from_entry, own)
}

fn waited(old: &Ledger, from_entry: EntryId, own: EntryId) -> Command {
    let key = entry(old, from_entry).key;
    Command::TakeOver(TakeOver {
        from_ledger: ledger_id("APS"),
        entries: Vec::new(),
        waited: vec![Waited { entry_id: own, from_entry, key }],
    })
}

#[test]
fn who_is_there_already_gets_the_earlier_time() {
    // Nothing has taken over from what serves as the new ledger here.
    let registry = registry_with(None, Vec::new());
    for (days, accepted) in [(1, false), (1, true), (-5, false)] {
        let (mut old, mut aft, from_entry, own) = in_both(days, accepted);
        let (old_key, own_key) = (entry(&old, from_entry).key, entry(&aft, own).key);
        let held = Some(HeldThere { ledger: ledger_id("AFT"), entry_id: own });
        let command = Command::HandOver(page([(from_entry, held)]));
        let asked = follow_ups(&old, &command);
        assert_eq!(asked, [(ledger_id("AFT"), waited(&old, from_entry, own))]);
        let events = happen_by(&registry, &mut aft, &asked[0].1, noon()).unwrap();
        let times = |key: OrderKey| (key.order_time, key.registered_time);
        let is_earlier = times(old_key) < times(own_key);
        assert_eq!(is_earlier, days > 0);
        let key = entry(&aft, own).key;
        assert_eq!(times(key), times(old_key).min(times(own_key)));
        assert_eq!(key.join_seq, own_key.join_seq);
        assert_eq!(events == [Event::NothingToDo], !is_earlier);
        // The old one ends, and nobody is sent after it.
        let events = now(&mut old, &command).unwrap();
        let [Event::EntryChanged { entry: ended, change }] = &events[..] else {
            panic!("{events:?}")
        };
        let ledger = ledger_id("AFT");
        assert_eq!(*change, EntryChange::ContinuedIn { ledger, entry_id: own });
        let closed = Some(Closed::at(old.head().at));
        assert_eq!((ended.state, &ended.closed), (EntryState::Closed, &closed));
    }
}

#[test]
fn who_has_a_place_there_already_needs_no_turn() {
    let registry = registry_with(None, Vec::new());
    let (old, mut aft, from_entry, own) = in_both(1, true);
    let offer = aft.offers().next().unwrap().offer_id;
    before(&mut aft, commands::start(offer, days_on(-1)));
    let key = entry(&aft, own).key;
    let asked = waited(&old, from_entry, own);
    let events = happen_by(&registry, &mut aft, &asked, noon()).unwrap();
    assert_eq!(events, [Event::NothingToDo]);
    assert_eq!(entry(&aft, own).key, key);
}

/// Each area's part is asked of its own ledger, and where nobody new comes in only the time is.
#[test]
fn who_is_in_another_area_already_is_told_of_there() {
    let (mut old, _) = aps();
    let [here, there] = [1, 2].map(|n| joined(&mut old, commands::join(n, TRONDHEIM)));
    let other = LedgerId { county_id: "NO-17".parse().unwrap(), ..ledger_id("AFT") };
    let own = EntryId(Uuid::from_u128(7));
    let held = HeldThere { ledger: other.clone(), entry_id: own };
    let command = Command::HandOver(page([(here, None), (there, Some(held))]));
    let asked = follow_ups(&old, &command);
    let [(first, Command::TakeOver(comes)), (second, waits)] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!((first, comes.entries.len(), comes.waited.len()), (&ledger_id("AFT"), 1, 0));
    assert_eq!((second, waits), (&other, &waited(&old, there, own)));
}
