//! `JoinWaitlist`: who may stand in a queue, and where in it.

use tiltaksplass::domain::waitlist::{EntryState, OrderKey};

use super::*;

fn refusal_of(mut ledger: Ledger, join: JoinWaitlist) -> Refusal {
    happen(&mut ledger, Command::JoinWaitlist(join), noon()).unwrap_err()
}

#[test]
fn what_the_registry_lacks_nobody_joins_with() {
    let join = || commands::join(1, TRONDHEIM);
    let cases = [
        (
            JoinWaitlist { municipality_number: municipality(STEINKJER), ..join() },
            ("municipality_number", STEINKJER, "is not a municipality of this area"),
        ),
        (
            JoinWaitlist { following_office_number: "9999".parse().unwrap(), ..join() },
            ("following_office_number", "9999", "is not an office of the registry"),
        ),
        (
            JoinWaitlist { priority_class: Some("OLD".parse().unwrap()), ..join() },
            ("priority_class", "OLD", "is not a priority class of this measure type"),
        ),
    ];
    for (join, (field, value, problem)) in cases {
        let value = value.to_owned();
        let expected = Refusal::RegistryMismatch { field, value, problem };
        assert_eq!(refusal_of(vta(), join), expected);
    }
}

#[test]
fn half_a_place_is_for_measures_that_give_halves() {
    let refusal = refusal_of(avklaring(), commands::join_part(1, TRONDHEIM, 99));
    assert_eq!(
        refusal,
        Refusal::MeasureTypeRule("only whole places are given of this measure type")
    );
    add_entry(&mut avklaring(), commands::join_part(1, TRONDHEIM, 100));
    add_entry(&mut vta(), commands::join_part(1, TRONDHEIM, 1));
}

#[test]
fn unknown_groups_taken_references_and_coming_times_are_refused() {
    let unknown = PlaceGroupId(Uuid::from_u128(7));
    let mut join = commands::join(1, TRONDHEIM);
    join.preferred_place_groups = vec![unknown];
    let expected = Refusal::NotFound { what: "place group", id: unknown.to_string() };
    assert_eq!(refusal_of(vta(), join), expected);

    let mut ledger = vta();
    let mut join = commands::join(1, TRONDHEIM);
    join.external_references = vec![reference("e0"), reference("e1")];
    add_entry(&mut ledger, join);
    let mut join = commands::join(2, TRONDHEIM);
    join.external_references = vec![reference("e2"), reference("e1")];
    let expected = Refusal::ExternalReferenceTaken { system: "arena".into(), id: "e1".into() };
    assert_eq!(refusal_of(ledger, join), expected);

    let mut join = commands::join(1, TRONDHEIM);
    join.registered_time = Some(noon().next());
    let refusal = refusal_of(vta(), join.clone());
    let Refusal::DateOutOfRange { field, expected, .. } = refusal else { panic!("{refusal:?}") };
    assert_eq!((field, expected), ("registered_time", "now or earlier"));
    join.registered_time = Some(noon());
    add_entry(&mut vta(), join);
}

#[test]
fn an_entry_is_what_was_asked_for() {
    let mut ledger = vta();
    let group = add_group(&mut ledger, 1, &[]);
    let mut join = commands::join_part(1, HEMNE, 60);
    join.preferred_place_groups = vec![group];
    join.work_fields = vec!["Kantine".to_owned()];
    join.external_references = vec![reference("e1")];
    join.case_reference = Some("2011/17".to_owned());
    let entry_id = add_entry(&mut ledger, join.clone());
    let entry = entry(&ledger, entry_id);
    assert_eq!(entry.state, EntryState::Waiting);
    assert_eq!(entry.person_id, join.person_id);
    assert_eq!(entry.municipality_number, join.municipality_number);
    assert_eq!(entry.following_office_number, join.following_office_number);
    assert_eq!(entry.participation_percent, 60);
    assert_eq!(entry.preferred_place_groups, join.preferred_place_groups);
    assert_eq!(entry.work_fields, join.work_fields);
    assert_eq!(entry.external_references, join.external_references);
    assert_eq!(entry.case_reference, join.case_reference);
    assert!(entry.declined_here.is_empty());
}

#[test]
fn the_key_is_registered_time_less_the_bonus_then_registered_time_then_seq() {
    let mut ledger = vta();
    let mut key = |young: bool, days_back: Option<i64>| {
        let mut join = commands::join(1, TRONDHEIM);
        join.person_id = commands::person(u32::try_from(ledger.head().seq).unwrap());
        join.priority_class = young.then(|| "YOUNG".parse().unwrap());
        join.registered_time = days_back.map(|days| hour(days_on(-days), 12));
        let id = add_entry(&mut ledger, join);
        entry(&ledger, id).key
    };
    let now = key(false, None);
    let at = noon();
    let join_seq = OrderKey::join_seq(1, 0);
    assert_eq!(now, OrderKey { order_time: at, registered_time: at, join_seq });
    let young = key(true, None);
    // Ledger time never stands still.
    assert_eq!(young.registered_time, at.next());
    let bonus = i64::from(BONUS_DAYS) * 86_400_000_000;
    assert_eq!(young.registered_time.micros() - young.order_time.micros(), bonus);
    let bonus_days = i64::from(BONUS_DAYS);
    let as_long = key(false, Some(bonus_days));
    let longer = key(false, Some(bonus_days + 1));
    let both_back = [key(true, Some(1)), key(false, Some(bonus_days + 1))];
    // The same order time: who registered first is first; the same of both: who joined first.
    assert_eq!(both_back[0].order_time, both_back[1].order_time);
    let mut sorted = vec![now, young, as_long, longer, both_back[0], both_back[1]];
    sorted.sort_unstable();
    assert_eq!(sorted, [longer, both_back[1], both_back[0], as_long, young, now]);
}

#[test]
fn queues_are_of_municipalities_or_of_the_pool() {
    for (mut ledger, expected) in [(vta(), vec![TRONDHEIM, HEMNE]), (avklaring(), vec![""])] {
        add_entry(&mut ledger, commands::join(1, TRONDHEIM));
        add_entry(&mut ledger, commands::join(2, HEMNE));
        let queues: Vec<&str> = ledger.queues().map(|(key, _)| key.as_str()).collect();
        assert_eq!(queues, expected);
    }
}
