//! Joins beyond the first one: several people in one row, a place proposed in the same row, and
//! measure types that are not for everybody.

use tiltaksplass::domain::{
    command::Eligibility,
    measure::{MeasureRules, NeedGroup},
    waitlist::EntryState,
};

use super::*;

fn joined(events: &[Event]) -> Vec<Entry> {
    let entry = |event: &Event| {
        if let Event::Joined { entry } = event { Some(entry.clone()) } else { None }
    };
    events.iter().filter_map(entry).collect()
}

fn hopeful(number: u32, municipality: &str) -> JoinWaitlist {
    JoinWaitlist { propose_if_free: true, ..commands::join(number, municipality) }
}

fn join(ledger: &mut Ledger, join: JoinWaitlist) -> Vec<Event> {
    happen(ledger, Command::JoinWaitlist(join), noon()).unwrap()
}

#[test]
fn a_free_place_is_proposed_to_whoever_joins_when_it_is_their_turn() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3), (HEMNE, 0)]);
    // Nothing is free.
    let first = join(&mut ledger, hopeful(1, TRONDHEIM));
    assert!(matches!(first[..], [Event::Joined { .. }]), "{first:?}");
    add_group(&mut ledger, 1, &[]);
    // Somebody stands before them, who would take it.
    let second = join(&mut ledger, hopeful(2, TRONDHEIM));
    assert!(matches!(second[..], [Event::Joined { .. }]), "{second:?}");
    assert_eq!(served(&allocate(&mut ledger, 1))[0].0, joined(&first)[0].entry_id);
    let other = add_group(&mut ledger, 1, &[]);
    happen(&mut ledger, commands::pause(joined(&second)[0].entry_id, None), noon()).unwrap();
    // Hemne has no quota: whoever of Hemne stands before is passed over, with a reason.
    let hemne = add_entry(&mut ledger, commands::join(3, HEMNE));
    let events = join(&mut ledger, hopeful(4, TRONDHEIM));
    let [Event::Joined { entry }, Event::RunMade { report }, Event::Proposed { offer }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((offer.entry_id, offer.place_group_id), (entry.entry_id, other));
    assert_eq!(report.passed_over.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [hemne]);
    invariants::accounts_add_up(&ledger).unwrap();
}

#[test]
fn whoever_does_not_ask_gets_nothing_proposed() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 3)]);
    add_group(&mut ledger, 1, &[]);
    assert_eq!(join(&mut ledger, commands::join(1, TRONDHEIM)).len(), 1);
}

#[test]
fn all_join_in_the_order_they_stand_in() {
    let mut ledger = vta();
    let back = Some(hour(days_on(-3), 12));
    let registered = |number, registered_time| JoinWaitlist {
        registered_time,
        ..commands::join(number, TRONDHEIM)
    };
    // One more joins before them and one after them, all registered at the same instant.
    let before = joined(&join(&mut ledger, registered(1, back)));
    let together = vec![registered(2, back), registered(3, None), registered(4, back)];
    let events = happen(&mut ledger, commands::together(together), noon()).unwrap();
    let after = joined(&join(&mut ledger, registered(5, back)));
    let mut all: Vec<Entry> = [before, joined(&events), after].concat();
    all.sort_by_key(|entry| entry.key);
    let order: Vec<PersonId> = all.iter().map(|entry| entry.person_id).collect();
    assert_eq!(order, [1, 2, 4, 5, 3].map(commands::person));
    let keys: BTreeSet<_> = all.iter().map(|entry| entry.key).collect();
    assert_eq!(keys.len(), all.len());
}

#[test]
fn the_first_who_may_not_join_refuses_all() {
    let mut ledger = vta();
    let good = |number| commands::join(number, TRONDHEIM);
    let named = |number, name: &str| JoinWaitlist {
        external_references: vec![reference(name)],
        ..good(number)
    };
    let taken = Refusal::ExternalReferenceTaken { system: "arena".into(), id: "a".into() };
    let abroad = JoinWaitlist { municipality_number: municipality(STEINKJER), ..good(2) };
    let mismatch = Refusal::RegistryMismatch {
        field: "municipality_number",
        value: STEINKJER.to_owned(),
        problem: "is not a municipality of this area",
    };
    for (joins, index, refusal) in [
        (vec![good(1), abroad], 1, mismatch),
        (vec![good(1), good(2), good(1)], 2, Refusal::PersonAlreadyWaiting),
        (vec![named(1, "a"), named(2, "b"), named(3, "a")], 2, taken),
    ] {
        let before = ledger.clone();
        let refused = happen(&mut ledger, commands::together(joins), noon()).unwrap_err();
        assert_eq!(refused, refusal.of_join(index));
        assert!(refused.to_string().starts_with(&format!("joins[{index}]: ")), "{refused}");
        assert_eq!(ledger, before);
    }
}

/// A later one of the list may stand before an earlier one, and then gets the place.
#[test]
fn places_are_proposed_when_all_are_in() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5)]);
    add_group(&mut ledger, 2, &[]);
    let young =
        JoinWaitlist { priority_class: Some("YOUNG".parse().unwrap()), ..hopeful(3, TRONDHEIM) };
    let together = vec![hopeful(1, TRONDHEIM), commands::join(2, TRONDHEIM), young];
    let events = happen(&mut ledger, commands::together(together), noon()).unwrap();
    let entries = joined(&events);
    // The third is first and the first is second; the second asked for nothing, and had it
    // stood before, nobody behind it would have been proposed anything.
    let ids: Vec<EntryId> = served(&events).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [entries[2].entry_id, entries[0].entry_id]);
    assert_eq!(entry(&ledger, entries[1].entry_id).state, EntryState::Waiting);
    let runs = events.iter().filter(|event| matches!(event, Event::RunMade { .. })).count();
    assert_eq!(runs, 1);
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 5)]);
    add_group(&mut ledger, 2, &[]);
    let together = vec![hopeful(1, TRONDHEIM), commands::join(2, TRONDHEIM), hopeful(3, TRONDHEIM)];
    let events = happen(&mut ledger, commands::together(together), noon()).unwrap();
    assert_eq!(served(&events).len(), 1);
    invariants::accounts_add_up(&ledger).unwrap();
}

#[test]
fn a_measure_type_may_be_for_some_only() {
    let rules = |need_groups: &[NeedGroup], minimum_age| MeasureRules {
        need_groups: need_groups.iter().copied().collect(),
        minimum_age,
        ..MeasureRules::default()
    };
    let little = [NeedGroup::LittleChance];
    let says = |need_group, age| Some(Eligibility { need_group, age });
    let anybody = rules(&[], None);
    let (some, adults) = (rules(&little, None), rules(&[], Some(18)));
    for (rules, eligibility, ok) in [
        (&anybody, None, true),
        (&some, None, false),
        (&some, says(None, true), false),
        (&some, says(Some(false), true), false),
        (&some, says(Some(true), true), true),
        (&adults, None, false),
        (&adults, says(None, false), false),
        (&adults, says(None, true), true),
    ] {
        let join = JoinWaitlist { eligibility, ..commands::join(1, TRONDHEIM) };
        let outcome = join_under(rules.clone(), join);
        let is_rule = matches!(outcome, Err(Stop::Refused(Refusal::MeasureTypeRule(_))));
        assert_eq!((outcome.is_ok(), is_rule), (ok, !ok), "{eligibility:?} under {rules:?}");
    }
}

fn join_under(rules: MeasureRules, join: JoinWaitlist) -> Result<Vec<Event>, Stop> {
    let RegistryRow::MeasureType(measure) = measure("VTA", Distribution::ByMunicipality, true)
    else {
        panic!()
    };
    let mut registry = REGISTRY.clone();
    registry.apply(2, &[RegistryRow::MeasureType(MeasureType { rules, ..measure })]);
    let who = actor("county");
    let context = Context { at: noon(), registry: &registry, actor: &who, rules: RULES_VERSION };
    let mut ids = IdSource::new(seed(0), noon());
    decide(&vta(), &Command::JoinWaitlist(join), &context, &mut ids)
}

#[test]
fn a_host_acts_for_a_municipality_of_the_registry() {
    let on_behalf_of = |number: &str| JoinWaitlist {
        on_behalf_of: Some(municipality(number)),
        programme: Some("KVP".to_owned()),
        wants_by: Some(days_on(90)),
        ..commands::join(1, TRONDHEIM)
    };
    let mut ledger = vta();
    let refused = happen(&mut ledger, Command::JoinWaitlist(on_behalf_of("9999")), noon());
    let Err(Refusal::RegistryMismatch { field, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(field, "on_behalf_of_municipality_number");
    // It may lie in another area.
    let entry = joined(&join(&mut ledger, on_behalf_of(STEINKJER))).remove(0);
    assert_eq!(entry.on_behalf_of, Some(municipality(STEINKJER)));
    assert_eq!((entry.programme.as_deref(), entry.wants_by), (Some("KVP"), Some(days_on(90))));
}

/// The first rules let one person in with each row, whose number was all their place in the log.
#[test]
fn a_join_by_the_first_rules_keeps_its_number() {
    let who = actor("county");
    let key = |rules| {
        let context = Context { at: noon(), registry: &REGISTRY, actor: &who, rules };
        let command = Command::JoinWaitlist(commands::join(1, TRONDHEIM));
        let events = decide(&vta(), &command, &context, &mut IdSource::new(seed(0), noon()));
        joined(&events.unwrap())[0].key
    };
    assert_eq!(key(1).join_seq, 1);
    assert!(key(1) < key(2));
}
