//! How many links of the staff there may be.

use tiltaksplass::domain::{
    command::{LinkStaff, StaffLinkChange},
    ids::StaffLinkId,
    staff_link::{EndedLink, StaffLink, StaffName},
};

use super::*;

fn name(subject: String) -> StaffName {
    StaffName { issuer: "https://issuer.example".to_owned(), subject }
}

/// The ended links of an office.
fn ended(office: &str, count: u128) -> Vec<RegistryRow> {
    let by = "directorate".to_owned();
    let of = |index: u128| StaffLink {
        link_id: StaffLinkId(Uuid::from_u128(index)),
        staff: name(format!("ident-{index}")),
        person_id: PersonId(Uuid::from_u128(index)),
        office_number: Some(office.parse().unwrap()),
        set_by: by.clone(),
        set_time: noon(),
        ended: Some(EndedLink { by: by.clone(), time: noon() }),
    };
    (0..count).map(of).map(RegistryRow::StaffLink).collect()
}

fn link(registry: &Registry, office: Option<&str>) -> Result<Vec<Event>, Stop> {
    let (who, at) = (actor("leader"), noon());
    let ledger = Ledger::new(LedgerId::registry(), Distribution::CountyPool, Head::EMPTY);
    let command = Command::LinkStaff(LinkStaff {
        office_number: office.map(|number| number.parse().unwrap()),
        staff: name("ident".to_owned()),
        change: StaffLinkChange::Set { person_id: PersonId(Uuid::from_u128(7)) },
    });
    let context = Context { at, registry, actor: &who, rules: RULES_VERSION };
    decide(&ledger, &command, &context, &mut IdSource::new(seed(1), at))
}

/// Ended ones are kept, and so they count too.
#[test]
fn an_office_sets_so_many_and_then_the_directorate_does() {
    let mut registry = REGISTRY.clone();
    registry.apply(2, &ended("5701", 5_000));
    let refused = link(&registry, Some("5701"));
    let Err(Stop::Refused(Refusal::LimitReached { would_be, most, .. })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((would_be, most), (5_001, 5_000));
    assert!(link(&registry, Some("5702")).is_ok());
    assert!(link(&registry, None).is_ok());
    assert!(link(&REGISTRY, Some("5701")).is_ok());
}
