//! Who may call what, and on what.

use std::collections::BTreeSet;

use time::macros::date;

use super::*;
use crate::domain::registry::{Area, Municipality, Office, RegistryRow};

const TODAY: Date = date!(2026 - 03 - 02);

fn registry() -> Registry {
    let mut registry = Registry::default();
    let area =
        |id: &str| RegistryRow::Area(Area { county_id: id.parse().unwrap(), name: String::new() });
    let municipality = |number: &str, area: &str| {
        RegistryRow::Municipality(Municipality {
            municipality_number: number.parse().unwrap(),
            name: String::new(),
            county_id: area.parse().unwrap(),
        })
    };
    let office = RegistryRow::Office(Office {
        office_number: "5701".parse().unwrap(),
        name: String::new(),
        municipality_numbers: BTreeSet::from(["1601".parse().unwrap()]),
    });
    let rows = [
        area("NO-16"),
        area("NO-17"),
        municipality("1601", "NO-16"),
        municipality("1702", "NO-17"),
        office,
    ];
    registry.apply(1, &rows);
    registry
}

fn actor(role: Role, organisation: &str) -> Actor {
    Actor {
        issuer: "i".into(),
        subject: "s".into(),
        role,
        organisation: organisation.into(),
        employer: None,
    }
}

fn target(area: &str, municipality: &str, office: &str) -> Target {
    Target {
        county_id: area.parse().ok(),
        municipality_number: municipality.parse().ok(),
        following_office_number: office.parse().ok(),
        organisation_number: None,
    }
}

#[test]
fn every_method_and_role_has_an_answer_and_the_default_is_no() {
    let registry = registry();
    for method in Method::ALL {
        for role in Role::ALL {
            let allowed = permits(*method, &actor(role, "x"), &Target::default(), &registry, TODAY);
            assert_eq!(allowed, scope(*method, role) == Scope::All, "{method:?} {role:?}");
        }
    }
}

#[test]
fn own_means_own() {
    let registry = registry();
    let cases = [
        (Role::County, "NO-16", target("NO-16", "1601", "5701"), true),
        (Role::County, "NO-17", target("NO-16", "1601", "5701"), false),
        (Role::Office, "5701", target("NO-16", "1601", "9999"), true),
        (Role::Office, "5701", target("NO-17", "1702", "5701"), true),
        (Role::Office, "5701", target("NO-17", "1702", "9999"), false),
        (Role::Office, "9999", target("NO-16", "1601", "5701"), false),
        (Role::Municipality, "1601", target("NO-16", "1601", ""), false),
        (Role::Provider, "5701", target("NO-16", "1601", "5701"), false),
    ];
    for (role, organisation, target, expected) in cases {
        let who = actor(role, organisation);
        let allowed = permits(Method::JoinWaitlist, &who, &target, &registry, TODAY);
        assert_eq!(allowed, expected, "{role:?} {organisation} {target:?}");
    }
}

#[test]
fn own_area_is_where_the_organisation_lies() {
    let registry = registry();
    let here = target("NO-16", "", "");
    let there = target("NO-17", "", "");
    for (role, organisation) in [(Role::Office, "5701"), (Role::Municipality, "1601")] {
        let who = actor(role, organisation);
        assert!(permits(Method::GetAvailability, &who, &here, &registry, TODAY));
        assert!(!permits(Method::GetAvailability, &who, &there, &registry, TODAY));
    }
}
