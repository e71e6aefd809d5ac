//! The table of personal data against the protos, in both directions, and who may read what by it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use tiltaksplass::domain::{
    access::{Actor, Employer, Role},
    access_grant::{AccessGrant, AccessRole, Holder},
    allocation::Outcome,
    authority::{Act, Authority, Viewer, authority, item_of},
    calendar::Timestamp,
    ids::AccessGrantId,
    personal_data::{Controller, Item, NOTHING_OF_ANYBODY, Row, TABLE, fields},
    registry::{Registry, RegistryRow},
};
use time::{Date, macros::date};
use uuid::Uuid;

use crate::contract::{pool, rpcs};

/// What names somebody, or leads to them: a message with one of these tells of a person.
const LEADS_TO_SOMEBODY: &[&str] = &[
    "national_identity_number",
    "entry_id",
    "entry_ids",
    "offer_id",
    "offer_ids",
    "placement_id",
    "placement_ids",
    "adviser_ident",
    "subject",
];
/// What every message may have, and tells how it is sent.
const HOW_IT_IS_SENT: &[&str] = &[
    "request_id",
    "validate_only",
    "at_least_seq",
    "page_size",
    "page_token",
    "next_page_token",
    "update_mask",
];
/// Parts that tell of places and rules wherever they stand, and never of a person; of a name in
/// another system counts the field it stands in.
const PARTS_OF_NOBODY: &[&str] = &[
    "ExternalReference",
    "Ledger",
    "Revision",
    "Usage",
    "FreePlaceGroup",
    "MeasureVersion",
    "PassedOverCount",
    "ReconciliationLine",
    "OverAccount",
    "ControlTotal",
    "LeftOutRow",
    "LedgerEnforcement",
    "PendingEnforcement",
    "ShadowReasonCount",
    "ShadowMunicipality",
    "WaitCoverage",
    "WaitEvidence",
];

fn is_own(message: &MessageDescriptor) -> bool {
    message.package_name() == "tiltaksplass.v1"
}

fn leads(message: &MessageDescriptor) -> bool {
    message.fields().any(|field| LEADS_TO_SOMEBODY.contains(&field.name()))
}

/// A message and its parts.
fn with_parts(message: &MessageDescriptor, all: &mut Vec<MessageDescriptor>) {
    if !is_own(message) || PARTS_OF_NOBODY.contains(&message.name()) || all.contains(message) {
        return;
    }
    all.push(message.clone());
    for field in message.fields() {
        if let Kind::Message(part) = field.kind() {
            with_parts(&part, all);
        }
    }
}

/// Every field, as `Message.field`, of what tells of people: messages that lead to somebody, and
/// calls whose request or answer does.
fn told_of_people() -> BTreeSet<String> {
    let mut all = Vec::new();
    for message in pool().all_messages().filter(|message| is_own(message) && leads(message)) {
        with_parts(&message, &mut all);
    }
    for rpc in rpcs() {
        let mut both = Vec::new();
        with_parts(&rpc.input(), &mut both);
        with_parts(&rpc.output(), &mut both);
        if both.iter().any(leads) {
            for message in &both {
                with_parts(message, &mut all);
            }
        }
    }
    let leaf = |field: &FieldDescriptor| {
        let Kind::Message(part) = field.kind() else { return true };
        !is_own(&part) || part.name() == "ExternalReference"
    };
    let of_message = |message: &MessageDescriptor| {
        let name = message.name().to_owned();
        let told = message.fields().filter(leaf);
        let told = told.filter(|field| !HOW_IT_IS_SENT.contains(&field.name()));
        told.map(|field| format!("{name}.{}", field.name())).collect::<Vec<_>>()
    };
    all.iter().flat_map(of_message).collect()
}

#[test]
fn every_field_that_tells_of_people_is_in_the_table() {
    let told = told_of_people();
    assert!(told.len() > 300, "only {} fields were found", told.len());
    let in_table: BTreeSet<String> = TABLE.iter().flat_map(Row::fields).collect();
    let of_nobody: BTreeSet<String> = fields(NOTHING_OF_ANYBODY).collect();
    let missing: Vec<&String> = told
        .iter()
        .filter(|field| !in_table.contains(*field) && !of_nobody.contains(*field))
        .collect();
    assert!(
        missing.is_empty(),
        "domain/personal_data/table.rs says nothing of these: name the item each carries, or put \
         it among what tells nothing of anybody: {missing:#?}"
    );
    let both: Vec<&String> = in_table.intersection(&of_nobody).collect();
    assert!(both.is_empty(), "{both:?}");
}

#[test]
fn every_field_of_the_table_exists() {
    let named = TABLE.iter().flat_map(Row::fields).chain(fields(NOTHING_OF_ANYBODY));
    for name in named {
        let (message, field) = name.split_once('.').unwrap();
        let message = pool().get_message_by_name(&format!("tiltaksplass.v1.{message}"));
        let found = message.and_then(|message| message.get_field_by_name(field));
        assert!(found.is_some(), "there is no {name}");
    }
    for row in TABLE {
        let all: Vec<String> = row.fields().collect();
        let once: BTreeSet<&String> = all.iter().collect();
        assert_eq!(once.len(), all.len(), "{} names a field twice", row.name);
    }
}

const TODAY: Date = date!(2026 - 03 - 02);
const TRONDHEIM: &str = "1601";
const HEMNE: &str = "1612";
const OFFICE: &str = "5701";

fn of(municipality: &str) -> Employer {
    Employer::Municipal { municipality_number: municipality.to_owned() }
}

fn actor(role: Role, organisation: &str, employer: Option<Employer>) -> Actor {
    Actor {
        issuer: "entra".to_owned(),
        subject: "Z990001".to_owned(),
        role,
        organisation: organisation.to_owned(),
        employer,
    }
}

fn opens(opens: Employer, role: AccessRole, employer: Employer) -> AccessGrant {
    AccessGrant {
        grant_id: AccessGrantId(Uuid::from_u128(7)),
        office_number: OFFICE.parse().unwrap(),
        holder: Holder { issuer: "entra".to_owned(), subject: "Z990001".to_owned(), employer },
        role,
        opens,
        valid_from: TODAY,
        valid_to: date!(2026 - 06 - 01),
        ground: "x".to_owned(),
        given_by: "entra:Z990000".to_owned(),
        given_time: Timestamp::from_datetime(time::macros::datetime!(2026-03-02 08:00 UTC)),
        ended: None,
    }
}

fn registry(grant: Option<AccessGrant>) -> Registry {
    let mut registry = Registry::default();
    let rows: Vec<RegistryRow> = grant.into_iter().map(RegistryRow::AccessGrant).collect();
    registry.apply(1, &rows);
    registry
}

fn asked(actor: &Actor, item: Item, act: Act, registry: &Registry) -> Authority {
    authority(actor, item, &TRONDHEIM.parse().unwrap(), act, registry, TODAY)
}

/// Each item by each caller, without access that was given: as the table says.
#[test]
fn each_employer_reads_what_the_table_says() {
    let registry = registry(None);
    for row in TABLE {
        let expected = |own: Controller| {
            if row.controller == Controller::Joint || row.controller == own {
                Authority::OwnEmployer
            } else if row.is_shared {
                Authority::CommonTask
            } else {
                Authority::None
            }
        };
        let state = expected(Controller::State);
        let municipal = expected(Controller::Municipal);
        // Of another municipality: as of one that answers for nothing here.
        let foreign = match row.controller {
            Controller::Municipal => Authority::None,
            Controller::State | Controller::Joint => municipal,
        };
        let unemployed = match row.controller {
            Controller::Joint => Authority::OwnEmployer,
            Controller::State | Controller::Municipal => Authority::None,
        };
        for (caller, expected) in [
            (actor(Role::Office, OFFICE, Some(Employer::State)), state),
            (actor(Role::Office, OFFICE, Some(of(TRONDHEIM))), municipal),
            (actor(Role::Office, OFFICE, Some(of(HEMNE))), foreign),
            (actor(Role::Office, OFFICE, None), unemployed),
            (actor(Role::County, "NO-16", None), state),
            (actor(Role::Directorate, "NAV", None), state),
            (actor(Role::Municipality, TRONDHEIM, None), municipal),
            (actor(Role::Municipality, HEMNE, None), foreign),
            (actor(Role::Auditor, "NAV", None), Authority::OwnEmployer),
            (actor(Role::Provider, "100000008", None), unemployed),
            (actor(Role::Service, "x", None), unemployed),
        ] {
            let found = asked(&caller, row.item, Act::Read, &registry);
            assert_eq!(found, expected, "{} to {caller:?}", row.name);
        }
    }
}

#[test]
fn a_record_opens_what_it_says_to_whom_it_says() {
    let grant = |role| opens(of(TRONDHEIM), role, Employer::State);
    let by_record = Authority::Grant(AccessGrantId(Uuid::from_u128(7)));
    let one = actor(Role::Office, OFFICE, Some(Employer::State));
    let reader = registry(Some(grant(AccessRole::Reader)));
    let adviser = registry(Some(grant(AccessRole::Adviser)));
    assert_eq!(asked(&one, Item::Programme, Act::Read, &reader), by_record);
    assert_eq!(asked(&one, Item::Programme, Act::Write, &reader), Authority::None);
    assert_eq!(asked(&one, Item::SocialAssistance, Act::Write, &adviser), by_record);
    for other in [
        Actor { subject: "Z990002".to_owned(), ..one.clone() },
        Actor { issuer: "local".to_owned(), ..one.clone() },
        Actor { organisation: "5702".to_owned(), ..one.clone() },
        Actor { employer: Some(of(HEMNE)), ..one.clone() },
        Actor { role: Role::County, ..one.clone() },
    ] {
        assert_eq!(
            asked(&other, Item::Programme, Act::Read, &adviser),
            Authority::None,
            "{other:?}"
        );
    }
    // Of Trondheim's people, and from its first day until its last.
    let hemne = HEMNE.parse().unwrap();
    let elsewhere = authority(&one, Item::Programme, &hemne, Act::Read, &adviser, TODAY);
    assert_eq!(elsewhere, Authority::None);
    let trondheim = TRONDHEIM.parse().unwrap();
    for (day, expected) in [
        (date!(2026 - 03 - 01), Authority::None),
        (date!(2026 - 03 - 02), by_record),
        (date!(2026 - 05 - 31), by_record),
        (date!(2026 - 06 - 01), Authority::None),
    ] {
        let found = authority(&one, Item::Programme, &trondheim, Act::Read, &adviser, day);
        assert_eq!(found, expected, "{day}");
    }
    // What the state pays, opened to a municipality's employee.
    let municipal = actor(Role::Office, OFFICE, Some(of(TRONDHEIM)));
    let to_state = registry(Some(opens(Employer::State, AccessRole::Reader, of(TRONDHEIM))));
    assert_eq!(asked(&municipal, Item::StateBenefit, Act::Read, &to_state), by_record);
    assert_eq!(asked(&municipal, Item::StateBenefit, Act::Read, &adviser), Authority::None);
}

const OUTCOMES: [Outcome; 10] = [
    Outcome::OrdinaryWork,
    Outcome::Education,
    Outcome::PermanentIncomeSecurity,
    Outcome::TemporaryIncomeSecurity,
    Outcome::SocialAssistance,
    Outcome::Other,
    Outcome::SuitableWork,
    Outcome::Ill,
    Outcome::DidNotMeet,
    Outcome::OtherMeasure,
];

proptest! {
    /// What is told follows from what may be read: an outcome is itself or something else, and
    /// the record it rests on is remembered exactly where it rests on one.
    #[test]
    fn an_outcome_is_told_as_far_as_it_may_be_read(
        outcome in prop::sample::select(&OUTCOMES[..]),
        employer in prop::sample::select(vec![Employer::State, of(TRONDHEIM), of(HEMNE)]),
        opened in prop::option::of(prop::sample::select(vec![Employer::State, of(TRONDHEIM)])),
    ) {
        let one = actor(Role::Office, OFFICE, Some(employer.clone()));
        let grant = opened.map(|what| opens(what, AccessRole::Reader, employer));
        let registry = registry(grant);
        let trondheim = TRONDHEIM.parse().unwrap();
        let viewer = Viewer::new(&one, &registry, TODAY);
        let told = viewer.outcome(outcome, Some(&trondheim));
        let on = item_of(outcome).map(|item| asked(&one, item, Act::Read, &registry));
        let expected = if on == Some(Authority::None) { Outcome::Other } else { outcome };
        prop_assert_eq!(told, expected);
        let by_record = matches!(on, Some(Authority::Grant(_)));
        prop_assert_eq!(viewer.used().is_some(), by_record);
    }
}
