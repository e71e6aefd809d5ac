//! Access across employers through the port: who gives it, what it opens, how long it lasts, and
//! the report that counts it.

use prost::Message;
use tiltaksplass::{
    auth::TokenRequest,
    domain::access::{Employer, Role},
    proto::{
        google::r#type::Date,
        v1::{self as pb, *},
    },
};
use time::Duration;
use tonic::{Code, Status};

use crate::{
    support::{Caller, reason, request_id},
    world::{
        COUNTY, HEMNE, HEMNE_OFFICE, OFFICE, OTHER_COUNTY, TRONDHEIM, World, date, join, municipal,
        state,
    },
};

mod opened;

/// The audit's count.
const AUDIT: &str = include_str!("../data/access/trondheim_2011.csv");

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn is(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

async fn leader_of(world: &World, office: &str) -> Caller {
    let request = TokenRequest {
        leads_office: true,
        ..TokenRequest::new("leader-1", Role::Office, office, Duration::hours(8))
    };
    world.service.caller_with(&request).await
}

async fn give(leader: &Caller, request: GrantAccessRequest) -> Result<pb::AccessGrant, Status> {
    Ok(leader.access().grant_access(request).await?.into_inner().grant.unwrap())
}

async fn end(leader: &Caller, grant_id: &str, on: Date) -> Result<pb::AccessGrant, Status> {
    let request = EndAccessRequest {
        request_id: request_id(),
        validate_only: false,
        grant_id: grant_id.into(),
        valid_to_date: Some(on),
    };
    Ok(leader.access().end_access(request).await?.into_inner().grant.unwrap())
}

async fn listed(
    caller: &Caller,
    request: ListAccessGrantsRequest,
) -> Result<Vec<pb::AccessGrant>, Status> {
    Ok(caller.access().list_access_grants(request).await?.into_inner().grants)
}

async fn report(caller: &Caller, county: &str, on: Option<Date>) -> Vec<OfficeAccess> {
    let request = GetAccessReportRequest {
        county_id: county.into(),
        as_of_date: on,
        ..GetAccessReportRequest::default()
    };
    caller.access().get_access_report(request).await.unwrap().into_inner().offices
}

#[tokio::test]
async fn who_leads_the_office_gives_access_once_and_on_record() {
    let world = World::new().await;
    let leader = world.leader().await;
    let request = World::opened("Z990001");
    let preview = GrantAccessRequest { validate_only: true, ..request.clone() };
    give(&leader, preview).await.unwrap();
    assert_eq!(listed(&leader, ListAccessGrantsRequest::default()).await.unwrap(), []);
    let first = leader.access().grant_access(request.clone()).await.unwrap().into_inner();
    let again = leader.access().grant_access(request).await.unwrap().into_inner();
    assert_eq!(first.encode_to_vec(), again.encode_to_vec());
    let grant = first.grant.unwrap();
    assert_eq!(grant.office_number, OFFICE);
    assert_eq!(
        (grant.employer.clone(), grant.opens.clone()),
        (Some(state()), Some(municipal(TRONDHEIM)))
    );
    assert!(grant.given_by.ends_with(":leader-1"), "{}", grant.given_by);
    let all = listed(&leader, ListAccessGrantsRequest::default()).await.unwrap();
    assert_eq!(all, std::slice::from_ref(&grant));
    // It is a row of the registry's log, with its author, and survives the program.
    let ended = end(&leader, &grant.grant_id, date(2026, 3, 2)).await.unwrap();
    assert_eq!(ended.valid_to_date, Some(date(2026, 3, 2)));
    assert_eq!(ended.agreed_valid_to_date, Some(date(2027, 3, 1)));
    assert_eq!(listed(&leader, ListAccessGrantsRequest::default()).await.unwrap(), []);
    let with_past = ListAccessGrantsRequest { include_all: true, ..Default::default() };
    assert_eq!(listed(&leader, with_past).await.unwrap(), [ended]);
    let registry = Ledger { county_id: "NO".into(), measure_code: "REGISTRY".into() };
    let request = ListChangesRequest { ledger: Some(registry), ..Default::default() };
    let changes = world.directorate.change().list_changes(request).await.unwrap().into_inner();
    let kinds: Vec<&str> = changes.changes.iter().map(|change| change.kind.as_str()).collect();
    assert_eq!(kinds, ["IMPORT_REGISTRY", "GRANT_ACCESS", "END_ACCESS"]);
    world.service.verify().await;
}

#[tokio::test]
async fn what_may_not_be_given_is_refused_by_name() {
    let world = World::new().await;
    let leader = world.leader().await;
    let good = || World::opened("Z990001");
    let mismatch = is(Code::FailedPrecondition, "REGISTRY_MISMATCH");
    let out = is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE");
    let invalid = is(Code::InvalidArgument, "INVALID_FIELDS");
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    for (row, (request, expected)) in [
        (
            GrantAccessRequest { subject: "leader-1".into(), ..good() },
            is(Code::FailedPrecondition, "FOUR_EYES"),
        ),
        (GrantAccessRequest { opens: Some(state()), ..good() }, mismatch.clone()),
        (GrantAccessRequest { opens: Some(municipal(HEMNE)), ..good() }, denied),
        (GrantAccessRequest { employer: Some(municipal(TRONDHEIM)), ..good() }, mismatch),
        (GrantAccessRequest { valid_from_date: Some(date(2026, 3, 1)), ..good() }, out.clone()),
        (GrantAccessRequest { valid_from_date: Some(date(2027, 3, 4)), ..good() }, out.clone()),
        (GrantAccessRequest { valid_to_date: Some(date(2026, 3, 2)), ..good() }, out.clone()),
        (GrantAccessRequest { valid_to_date: Some(date(2027, 3, 4)), ..good() }, out),
        (GrantAccessRequest { ground: "x".repeat(501), ..good() }, invalid.clone()),
        (GrantAccessRequest { opens: Some(municipal("")), ..good() }, invalid.clone()),
        (
            GrantAccessRequest {
                employer: Some(pb::Employer { municipality_number: HEMNE.into(), ..state() }),
                ..good()
            },
            invalid,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(told(&give(&leader, request).await.unwrap_err()), expected, "row {row}");
    }
    // A year whole is not too long; and the same person has it once on a day.
    let year = GrantAccessRequest { valid_to_date: Some(date(2027, 3, 3)), ..good() };
    let grant = give(&leader, year).await.unwrap();
    let twice = give(&leader, good()).await.unwrap_err();
    assert_eq!(told(&twice), is(Code::FailedPrecondition, "WRONG_STATE"));
    // It ends from today on, and earlier than it would.
    for on in [date(2026, 3, 1), date(2027, 3, 3)] {
        let refused = end(&leader, &grant.grant_id, on).await.unwrap_err();
        assert_eq!(told(&refused), is(Code::FailedPrecondition, "DATE_OUT_OF_RANGE"));
    }
    end(&leader, &grant.grant_id, date(2026, 3, 2)).await.unwrap();
    let over = end(&leader, &grant.grant_id, date(2026, 3, 2)).await.unwrap_err();
    assert_eq!(told(&over), is(Code::FailedPrecondition, "WRONG_STATE"));
    world.service.verify().await;
}

#[tokio::test]
async fn nobody_else_gives_ends_or_sees_it() {
    let world = World::new().await;
    let leader = world.leader().await;
    let grant = give(&leader, World::opened("Z990001")).await.unwrap();
    let denied = is(Code::PermissionDenied, "PERMISSION_DENIED");
    for caller in [&world.office, &world.county, &world.directorate, &world.provider] {
        let refused = give(caller, World::opened("Z990002")).await.unwrap_err();
        assert_eq!(told(&refused), denied);
        let refused = end(caller, &grant.grant_id, date(2026, 3, 2)).await.unwrap_err();
        assert_eq!(told(&refused), denied);
    }
    for caller in [&world.office, &world.directorate, &world.provider] {
        let refused = listed(caller, ListAccessGrantsRequest::default()).await.unwrap_err();
        assert_eq!(told(&refused), denied);
    }
    // Another office's answers like one that is not there.
    let other = leader_of(&world, HEMNE_OFFICE).await;
    let refused = end(&other, &grant.grant_id, date(2026, 3, 2)).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::NotFound, "NOT_FOUND"));
    assert_eq!(listed(&other, ListAccessGrantsRequest::default()).await.unwrap(), []);
    let of_office = |office: &str| ListAccessGrantsRequest {
        office_number: office.into(),
        ..ListAccessGrantsRequest::default()
    };
    assert_eq!(told(&listed(&other, of_office(OFFICE)).await.unwrap_err()), denied);
    // The county of its area sees it, another does not; the auditor sees all.
    let auditor = world.service.caller(Role::Auditor, "NAV").await;
    for caller in [&world.county, &auditor, &leader] {
        let seen = listed(caller, of_office(OFFICE)).await.unwrap();
        assert_eq!(seen, std::slice::from_ref(&grant));
    }
    let other_county = world.service.caller(Role::County, OTHER_COUNTY).await;
    assert_eq!(listed(&other_county, ListAccessGrantsRequest::default()).await.unwrap(), []);
    assert_eq!(told(&listed(&other_county, of_office(OFFICE)).await.unwrap_err()), denied);
    let of_area = ListAccessGrantsRequest { county_id: COUNTY.into(), ..Default::default() };
    assert_eq!(told(&listed(&other_county, of_area.clone()).await.unwrap_err()), denied);
    assert_eq!(listed(&auditor, of_area).await.unwrap(), [grant]);
}

/// Each state employee the audit counted, from a leader of their own office; and some it would
/// not count.
#[tokio::test]
async fn the_report_counts_as_the_audit_did() {
    let world = World::new().await;
    let audit = audit();
    offices(&world, &audit).await;
    for (office, _, count) in &audit {
        let leader = leader_of(&world, office).await;
        for person in 0..*count {
            give(&leader, World::opened(&format!("Z{office}{person:02}"))).await.unwrap();
        }
    }
    // Who has two counts once; a municipal employee, one who is to come, and one whose access
    // has ended are no state employees with access.
    let heimdal = leader_of(&world, audit[0].0).await;
    let municipal_one = GrantAccessRequest {
        employer: Some(municipal(TRONDHEIM)),
        opens: Some(state()),
        ..World::opened("Z960490")
    };
    give(&heimdal, municipal_one).await.unwrap();
    let first = World::opened("Z960400");
    let later = GrantAccessRequest {
        valid_from_date: Some(date(2027, 3, 1)),
        valid_to_date: Some(date(2027, 9, 1)),
        ..first
    };
    give(&heimdal, later).await.unwrap();
    let brief = give(&heimdal, World::opened("Z960491")).await.unwrap();
    end(&heimdal, &brief.grant_id, date(2026, 3, 2)).await.unwrap();

    let auditor = world.service.caller(Role::Auditor, "NAV").await;
    for caller in [&world.county, &world.directorate, &auditor] {
        let offices = report(caller, COUNTY, None).await;
        let counts = |office: &OfficeAccess| {
            let number = office.office_number.clone();
            (number, office.name.clone(), office.state_employees_with_municipal_access)
        };
        let found: Vec<_> = offices.iter().map(counts).collect();
        for (office, name, count) in &audit {
            assert!(
                found.contains(&((*office).to_owned(), (*name).to_owned(), *count)),
                "{found:?}"
            );
        }
    }
    let of_heimdal = |offices: Vec<OfficeAccess>| {
        offices.into_iter().find(|office| office.office_number == audit[0].0).unwrap()
    };
    let now = of_heimdal(report(&auditor, COUNTY, None).await);
    assert_eq!((now.municipal_employees_with_state_access, now.grants_past), (1, 1));
    // Before, there was none; in a year's time they are over and old, but for the one to come.
    let before = of_heimdal(report(&auditor, COUNTY, Some(date(2026, 3, 1))).await);
    let figures = OfficeAccess {
        office_number: before.office_number.clone(),
        name: before.name.clone(),
        ..OfficeAccess::default()
    };
    assert_eq!(before, figures);
    let then = of_heimdal(report(&auditor, COUNTY, Some(date(2027, 4, 1))).await);
    assert_eq!(then.state_employees_with_municipal_access, 1);
    assert_eq!((then.grants_older_than_a_year, then.grants_past), (15, 14));
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    let request = GetAccessReportRequest { county_id: COUNTY.into(), ..Default::default() };
    let refused = other.access().get_access_report(request).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    world.service.verify().await;
}

/// Each office's number and name, and how many state employees had access there.
fn audit() -> Vec<(&'static str, &'static str, u32)> {
    let row = |line: &'static str| {
        let mut cells = line.split(',');
        let (office, name) = (cells.next().unwrap(), cells.next().unwrap());
        (office, name, cells.next().unwrap().parse().unwrap())
    };
    AUDIT.lines().skip(1).map(row).collect()
}

/// The audit's four offices, which all serve Trondheim.
async fn offices(world: &World, audit: &[(&str, &str, u32)]) {
    let office = |(number, name, _): &(&str, &str, u32)| RegistryRow {
        row: Some(registry_row::Row::Office(Office {
            office_number: (*number).into(),
            name: (*name).into(),
            municipality_numbers: vec![TRONDHEIM.into()],
        })),
    };
    let piece = ImportRegistryRequest {
        request_id: request_id(),
        rows: audit.iter().map(office).collect(),
        ..ImportRegistryRequest::default()
    };
    world.directorate.registry().import_registry(tokio_stream::iter([piece])).await.unwrap();
}
