//! `ImportExisting`: what stands elsewhere comes in as it is.

use std::fs;

use tiltaksplass::domain::{
    event::{EntryChange, OfferChange, Payload, PlacementChange},
    existing::{Existing, GroupName, ImportExisting, Row, Standing, State, Unchanged},
    waitlist::{EntryState, Sealed},
};

use super::*;

const CUT_OVER: Date = date!(2011 - 02 - 28);

fn row(person: u32, standing: Standing) -> Existing {
    Existing {
        reference: reference(&format!("D{person}")),
        person_id: commands::person(person),
        municipality_number: municipality(TRONDHEIM),
        following_office_number: "5701".parse().unwrap(),
        registered_time: hour(date!(2010 - 06 - 01), 9),
        participation_percent: 100,
        preferred_place_groups: Vec::new(),
        work_fields: Vec::new(),
        priority_class: None,
        grounds: Some(Sealed("c2VhbGVk".into())),
        adviser: None,
        original: Some(Sealed("c2VhbGVk".into())),
        case_reference: None,
        standing,
    }
}

fn import(rows: Vec<Existing>) -> ImportExisting {
    ImportExisting {
        source: "Arena".into(),
        cut_over_date: CUT_OVER,
        rows: rows.into_iter().map(|row| Row::New(Box::new(row))).collect(),
        control_totals: Vec::new(),
        is_preview: false,
    }
}

/// One of each state, in a group and a quota of one place.
fn of_each(group: PlaceGroupId) -> Vec<Existing> {
    let place_group = || GroupName::Id(group);
    let since = hour(date!(2011 - 02 - 01), 9);
    let answer_by = hour(days_on(3), 0);
    vec![
        row(1, Standing::Waiting),
        row(2, Standing::NotYetAssessed),
        row(3, Standing::Offered { place_group: place_group(), offered_time: since, answer_by }),
        row(4, Standing::Accepted { place_group: place_group(), accepted_time: since }),
        Existing {
            participation_percent: 50,
            preferred_place_groups: vec![place_group()],
            work_fields: vec!["Gartneri".into()],
            priority_class: Some("YOUNG".parse().unwrap()),
            case_reference: Some("2011/1".into()),
            ..row(
                5,
                Standing::Placed {
                    place_group: place_group(),
                    start_date: date!(2010 - 07 - 01),
                    planned_end_date: Some(date!(2012 - 07 - 01)),
                },
            )
        },
    ]
}

#[test]
fn each_state_comes_in_as_it_is_and_may_be_over() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let group = add_group(&mut ledger, 1, &[]);
    let command = Command::ImportExisting(import(of_each(group)));
    let events = happen(&mut ledger, command, noon()).unwrap();
    let states: Vec<&str> = ledger.entries().map(|entry| entry.state.name()).collect();
    for state in ["WAITING", "PAUSED", "OFFERED", "ACCEPTED", "PLACED"] {
        assert!(states.contains(&state), "{states:?}");
    }
    for event in &events {
        assert!(matches!(
            event,
            Event::EntryChanged { change: EntryChange::Imported, .. }
                | Event::OfferChanged { change: OfferChange::Imported, .. }
                | Event::PlacementChanged { change: PlacementChange::Imported, .. }
        ));
    }
    assert_eq!(events.len(), 8);
    for key in [AccountKey::PlaceGroup(group), quota_of(TRONDHEIM)] {
        let account = ledger.account(&key);
        assert_eq!((account.reserved, account.in_use, account.over()), (200, 50, 150));
        assert!(account.is_sound());
    }
    // All were registered at one time; each has a place of its own in the order.
    let keys: BTreeSet<_> = ledger.entries().map(|entry| entry.key).collect();
    assert_eq!(keys.len(), 5);
    assert!(served(&allocate(&mut ledger, 9)).is_empty());
}

#[test]
fn an_offer_that_came_in_over_the_limit_goes_its_way() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let group = add_group(&mut ledger, 1, &[]);
    let command = Command::ImportExisting(import(of_each(group)));
    happen(&mut ledger, command, noon()).unwrap();
    let of = |ledger: &Ledger, name: &str| {
        ledger.offers().find(|offer| offer.state.name() == name).unwrap().offer_id
    };
    let accepted = of(&ledger, "ACCEPTED");
    happen(&mut ledger, commands::start(accepted, TODAY), noon()).unwrap();
    let offered = of(&ledger, "OFFERED");
    happen(&mut ledger, commands::respond(offered, false), noon()).unwrap();
    assert_eq!(group_figures(&ledger, group), (0, 150));
    assert!(ledger.account(&AccountKey::PlaceGroup(group)).is_sound());
}

#[test]
fn what_came_in_before_changes_nothing() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    add_group(&mut ledger, 1, &[]);
    let waits = row(1, Standing::Waiting);
    let events =
        happen(&mut ledger, Command::ImportExisting(import(vec![waits.clone()])), noon()).unwrap();
    let [Event::EntryChanged { entry, .. }] = events.as_slice() else { panic!("{events:?}") };
    let unchanged = |entry_id| {
        Row::Unchanged(Unchanged {
            entry_id,
            reference: waits.reference.clone(),
            place_group: None,
            municipality_number: waits.municipality_number.clone(),
            state: State::Waiting,
            participation_percent: 100,
        })
    };
    let again = |rows| Command::ImportExisting(ImportExisting { rows, ..import(Vec::new()) });
    let events = happen(&mut ledger, again(vec![unchanged(entry.entry_id)]), noon()).unwrap();
    assert_eq!(events, [Event::NothingToDo]);
    // The rules do not take the writer's word for it.
    let joined = add_entry(&mut ledger, commands::join(2, TRONDHEIM));
    for rows in [
        vec![unchanged(joined)],
        vec![Row::New(Box::new(waits.clone()))],
        vec![Row::Bad("the person has an open entry".into())],
    ] {
        let refused = happen(&mut ledger, again(rows), noon()).unwrap_err();
        assert!(matches!(refused, Refusal::ExistingRowsInvalid(_)), "{refused:?}");
    }
    assert_eq!(ledger.entry(entry.entry_id).unwrap().state, EntryState::Waiting);
}

#[test]
fn nothing_comes_in_from_the_future() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let rows = || vec![row(1, Standing::Waiting)];
    let tomorrow = ImportExisting { cut_over_date: days_on(1), ..import(rows()) };
    let refused = happen(&mut ledger, Command::ImportExisting(tomorrow), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::DateOutOfRange { field: "cut_over_date", .. }));
    let today = ImportExisting { cut_over_date: TODAY, ..import(rows()) };
    happen(&mut ledger, Command::ImportExisting(today), noon()).unwrap();
}

/// The log's format: as `payloads` has it of the rest.
#[test]
fn the_payload_is_written_and_read_as_ever() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let group = add_group(&mut ledger, 1, &[]);
    let mut command = import(of_each(group));
    let reason = tiltaksplass::domain::existing::LeftOutReason::RegisteredByMistake;
    command.rows.push(Row::LeftOut { reference: reference("D6"), reason });
    let command = Command::ImportExisting(command);
    let id_seed = hex::encode(seed(ledger.head().seq));
    let events = happen(&mut ledger, command.clone(), noon()).unwrap();
    let payload = Payload { command, id_seed, events };
    let text = format!("{}\n", serde_json::to_string(&payload).unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/existing/import_existing.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(path).unwrap(), "the log's format changed");
    assert_eq!(serde_json::from_str::<Payload>(&text).unwrap(), payload);
}
