//! Whom an office serves on a day, across a county border too: Narvik (1806) of Nordland hosts
//! Evenes (1853) of Nordland and Gratangen (5516, until 2023 5414) of Troms. The numbers of the
//! municipalities and of NAV Narvik are the real ones; the days of the agreements, the areas by
//! county, and the office of Gratangen's own are made up.

use std::collections::BTreeMap;

use tiltaksplass::{
    domain::{
        access::{Actor, Employer, Method, Role, Scope, Target, permits, scope},
        calendar::Timestamp,
        host, registry as domain,
    },
    store::held::seen_by,
};
use time::{Date, OffsetDateTime, macros::datetime};

use super::*;
use crate::{support::Caller, world::identity};

pub const NORDLAND: &str = "NO-18";
pub const TROMS: &str = "NO-55";
pub const NARVIK: &str = "1806";
pub const EVENES: &str = "1853";
pub const GRATANGEN: &str = "5516";
pub const NAV_NARVIK: &str = "1806";
/// Made up: it follows Gratangen's people up, so that NAV Narvik does not.
pub const NAV_GRATANGEN: &str = "5516";

/// The agreements last from midnight to midnight in Norway, which is an hour before UTC's.
const BEFORE: OffsetDateTime = datetime!(2026-03-08 22:59:59 UTC);
pub const FIRST: OffsetDateTime = datetime!(2026-03-08 23:00 UTC);
const LAST: OffsetDateTime = datetime!(2026-03-22 22:59:59 UTC);
const ENDED: OffsetDateTime = datetime!(2026-03-22 23:00 UTC);

pub fn vta_of(area: &str) -> Ledger {
    Ledger { county_id: area.into(), measure_code: "VTA".into() }
}

fn hosts(number: &str) -> Row {
    Row::HostAgreement(HostAgreement {
        kind: HostKind::Host.into(),
        valid_from_date: Some(date(2026, 3, 9)),
        valid_to_date: Some(date(2026, 3, 23)),
        ..agreement(NARVIK, number)
    })
}

/// The north as the registry has it, with VTA of one place in each area.
pub async fn north() -> World {
    let world = World::new().await;
    let area = |id: &str| Row::Area(Area { county_id: id.into(), name: id.into() });
    let municipality = |number: &str, area: &str| {
        let (municipality_number, county_id) = (number.into(), area.into());
        Row::Municipality(Municipality { municipality_number, name: number.into(), county_id })
    };
    let office = |number: &str, serves: &str| {
        let (office_number, municipality_numbers) = (number.into(), vec![serves.into()]);
        Row::Office(Office { office_number, name: number.into(), municipality_numbers })
    };
    let rows = vec![
        area(NORDLAND),
        area(TROMS),
        municipality(NARVIK, NORDLAND),
        municipality(EVENES, NORDLAND),
        municipality(GRATANGEN, TROMS),
        office(NAV_NARVIK, NARVIK),
        office(NAV_GRATANGEN, GRATANGEN),
        hosts(EVENES),
        hosts(GRATANGEN),
    ];
    import(&world, rows).await.unwrap();
    for (area, number) in [(NORDLAND, EVENES), (TROMS, GRATANGEN)] {
        world.budget(&vta_of(area), 2).await;
        world.quotas(&vta_of(area), &[(number, 2)]).await;
    }
    world
}

pub fn join_of(area: &str, number: &str, person: u32) -> JoinWaitlistRequest {
    JoinWaitlistRequest {
        municipality_number: number.into(),
        following_office_number: NAV_GRATANGEN.into(),
        ..join(&vta_of(area), person)
    }
}

pub async fn joined(caller: &Caller, request: JoinWaitlistRequest) -> String {
    caller.waitlist().join_waitlist(request).await.unwrap().into_inner().entry_id
}

pub async fn narvik(world: &World) -> Caller {
    world.service.caller(Role::Office, NAV_NARVIK).await
}

/// One person of a hosted municipality, whom another office follows up.
struct Hosted {
    ledger: Ledger,
    number: &'static str,
    person: u32,
    entry_id: String,
}

/// What is answered, as a code, to each call about one of the hosted; a list that does not show
/// them is as good as one that says they are not there.
async fn asked(caller: &Caller, hosted: &Hosted) -> BTreeMap<&'static str, Code> {
    let Hosted { ledger, number, person, entry_id } = hosted;
    let (ledger, entry_id) = (|| Some(ledger.clone()), || entry_id.clone());
    let area = hosted.ledger.county_id.clone();
    let mut waitlist = caller.waitlist();
    let mut told = BTreeMap::new();
    let mut tell = |what, code| assert!(told.insert(what, code).is_none());
    let code = |status: Result<(), Status>| status.err().map_or(Code::Ok, |s| s.code());
    let shown = |any: bool| if any { Code::Ok } else { Code::NotFound };

    let request =
        GetPositionRequest { ledger: ledger(), entry_id: entry_id(), ..Default::default() };
    tell("GetPosition", code(waitlist.get_position(request).await.map(drop)));
    let request = GetWaitlistEntryRequest {
        ledger: ledger(),
        entry_id: entry_id(),
        with_person: true,
        purpose: "oppfølging".into(),
        ..Default::default()
    };
    tell("GetWaitlistEntry", code(waitlist.get_waitlist_entry(request).await.map(drop)));
    let who = Some(estimate_wait_request::Who::EntryId(entry_id()));
    let request = EstimateWaitRequest { ledger: ledger(), who, ..Default::default() };
    tell("EstimateWait", code(waitlist.estimate_wait(request).await.map(drop)));
    let request = ListWaitlistEntriesRequest { ledger: ledger(), ..Default::default() };
    let page = waitlist.list_waitlist_entries(request).await.unwrap().into_inner();
    let any = page.entries.iter().any(|entry| entry.entry_id == entry_id());
    tell("ListWaitlistEntries", shown(any));
    let request = LookupPersonRequest {
        national_identity_number: identity(*person),
        purpose: "oppfølging".into(),
        ..Default::default()
    };
    let found = waitlist.lookup_person(request).await.unwrap().into_inner();
    tell("LookupPerson", shown(!found.entries.is_empty()));
    let request = JoinWaitlistRequest { validate_only: true, ..join_of(&area, number, 90) };
    tell("JoinWaitlist", code(waitlist.join_waitlist(request).await.map(drop)));
    let request = PauseEntryRequest {
        request_id: request_id(),
        validate_only: true,
        ledger: ledger(),
        entry_id: entry_id(),
        reason: "syk".into(),
        ..Default::default()
    };
    tell("PauseEntry", code(waitlist.pause_entry(request).await.map(drop)));
    let request = SummarizeQueuesRequest { county_id: area, ..Default::default() };
    tell("SummarizeQueues", code(waitlist.summarize_queues(request).await.map(drop)));
    let request = GetAvailabilityRequest { ledger: ledger(), ..Default::default() };
    tell("GetAvailability", code(caller.capacity().get_availability(request).await.map(drop)));
    told
}

/// What is answered where nothing of it is the caller's; Nordland's figures are Narvik's anyway.
fn nothing_of(hosted: &Hosted) -> BTreeMap<&'static str, Code> {
    let figures =
        if hosted.ledger.county_id == NORDLAND { Code::Ok } else { Code::PermissionDenied };
    let by_row = [
        "GetPosition",
        "GetWaitlistEntry",
        "EstimateWait",
        "ListWaitlistEntries",
        "LookupPerson",
        "PauseEntry",
    ];
    let mut all: BTreeMap<_, _> = by_row.map(|what| (what, Code::NotFound)).into();
    all.extend([("JoinWaitlist", Code::PermissionDenied)]);
    all.extend(["SummarizeQueues", "GetAvailability"].map(|what| (what, figures)));
    all
}

#[tokio::test]
async fn an_agreement_gives_rights_from_its_first_day_until_its_last_is_over() {
    let world = north().await;
    let mut all = Vec::new();
    for (area, number, person) in [(NORDLAND, EVENES, 1), (TROMS, GRATANGEN, 2)] {
        let county = world.caller_of(&vta_of(area)).await;
        let entry_id = joined(&county, join_of(area, number, person)).await;
        all.push(Hosted { ledger: vta_of(area), number, person, entry_id });
    }
    for (at, lasts) in [(BEFORE, false), (FIRST, true), (LAST, true), (ENDED, false)] {
        world.service.clock.set(at);
        let office = narvik(&world).await;
        for hosted in &all {
            let nothing = nothing_of(hosted);
            let expected = if lasts {
                nothing.keys().map(|what| (*what, Code::Ok)).collect()
            } else {
                nothing
            };
            assert_eq!(asked(&office, hosted).await, expected, "{} at {at}", hosted.number);
        }
    }
    world.service.verify().await;
}

/// What the office holds for those it hosts: places, from the proposal to the end.
#[tokio::test]
async fn an_office_confirms_answers_starts_and_ends_for_those_it_hosts() {
    let mut world = north().await;
    world.service.clock.set(FIRST);
    world.directorate = world.service.caller(Role::Directorate, "NAV").await;
    world.provider = world.service.caller(Role::Provider, crate::world::PROVIDER).await;
    world.county = world.service.caller(Role::County, TROMS).await;
    world.office = narvik(&world).await;
    let ledger = vta_of(TROMS);
    let group = SubmitCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        organisation_number: crate::world::PROVIDER.into(),
        name: "Nord".into(),
        site_municipality_number: GRATANGEN.into(),
        places: 2,
        valid_from_date: Some(date(2026, 3, 1)),
        ..Default::default()
    };
    let submitted = world.provider.capacity().submit_capacity(group).await.unwrap().into_inner();
    let review = ReviewCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        submission_id: submitted.submission_id,
        decision: ReviewDecision::Approve.into(),
        ..Default::default()
    };
    world.county.capacity().review_capacity(review).await.unwrap();
    let entry_id = joined(&world.office, join_of(TROMS, GRATANGEN, 1)).await;
    let offer_id = world.allocate(&ledger, 1).await.proposals[0].offer_id.clone();
    let listing = |ledger: &Ledger| ListOffersRequest {
        ledger: Some(ledger.clone()),
        ..ListOffersRequest::default()
    };
    let mut allocation = world.office.allocation();
    let offers = allocation.list_offers(listing(&ledger)).await.unwrap().into_inner().offers;
    assert_eq!(offers.len(), 1);
    world.confirm(&ledger, vec![offer_id.clone()]).await;
    world.respond(&ledger, &offer_id, OfferAnswer::Accept).await.unwrap();
    let placement = world.start(&ledger, &offer_id, date(2026, 3, 9)).await;
    let listing = ListPlacementsRequest { ledger: Some(ledger.clone()), ..Default::default() };
    let placements = allocation.list_placements(listing.clone()).await.unwrap().into_inner();
    assert_eq!(placements.placements[0].placement_id, placement.placement_id);
    let work = ListMyWorkRequest { county_id: TROMS.into(), ..Default::default() };
    world.office.waitlist().list_my_work(work).await.unwrap();
    // On the day it ends the placement is still there, and not the office's.
    world.service.clock.set(ENDED);
    let office = narvik(&world).await;
    let none = office.allocation().list_placements(listing).await.unwrap().into_inner();
    assert_eq!(none.placements, []);
    let end = |placement_id: String| EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id,
        end_date: Some(date(2026, 3, 23)),
        outcome: PlacementOutcome::Other.into(),
        ..EndPlacementRequest::default()
    };
    let refused = office.allocation().end_placement(end(placement.placement_id)).await.unwrap_err();
    let missing = office.allocation().end_placement(end(entry_id.clone())).await.unwrap_err();
    assert_eq!((refused.code(), missing.code()), (Code::NotFound, Code::NotFound));
    world.service.verify().await;
}

/// Whom an office follows up itself stays its own, whoever hosts whom.
#[tokio::test]
async fn whom_an_office_follows_up_stays_its_own_when_the_agreement_is_over() {
    let world = north().await;
    world.service.clock.set(FIRST);
    let request = JoinWaitlistRequest {
        following_office_number: NAV_NARVIK.into(),
        ..join_of(TROMS, GRATANGEN, 1)
    };
    let entry_id = joined(&narvik(&world).await, request).await;
    world.service.clock.set(ENDED);
    let request = GetPositionRequest {
        ledger: Some(vta_of(TROMS)),
        entry_id,
        ..GetPositionRequest::default()
    };
    narvik(&world).await.waitlist().get_position(request).await.unwrap();
}

/// The north once more, as the domain has it.
fn known() -> domain::Registry {
    let area = |id: &str| {
        let county_id = id.parse().unwrap();
        domain::RegistryRow::Area(domain::Area { county_id, name: id.into() })
    };
    let municipality = |number: &str, area: &str| {
        domain::RegistryRow::Municipality(domain::Municipality {
            municipality_number: number.parse().unwrap(),
            name: number.into(),
            county_id: area.parse().unwrap(),
        })
    };
    let office = |number: &str| {
        domain::RegistryRow::Office(domain::Office {
            office_number: number.parse().unwrap(),
            name: number.into(),
            municipality_numbers: [number.parse().unwrap()].into(),
        })
    };
    let hosts = |number: &str| {
        domain::RegistryRow::HostAgreement(host::HostAgreement {
            host_municipality_number: NARVIK.parse().unwrap(),
            municipality_number: number.parse().unwrap(),
            kind: host::HostKind::Joint,
            valid_from: day_of(FIRST),
            valid_to: Some(day_of(ENDED)),
        })
    };
    let rows = [
        area(NORDLAND),
        area(TROMS),
        municipality(NARVIK, NORDLAND),
        municipality(EVENES, NORDLAND),
        municipality(GRATANGEN, TROMS),
        office(NAV_NARVIK),
        office(NAV_GRATANGEN),
        hosts(EVENES),
        hosts(GRATANGEN),
    ];
    let mut registry = domain::Registry::default();
    let plan = registry.plan_import(&rows).unwrap();
    registry.apply(1, &plan.rows);
    registry
}

fn day_of(at: OffsetDateTime) -> Date {
    Timestamp::from_datetime(at).date_in_norway()
}

/// What is said of one row and what a list is filtered by are one, for every method, on each side
/// of each border of the agreement; and an area is an office's where it serves somebody in it.
#[test]
fn lists_show_the_rows_that_are_permitted_and_no_others() {
    let registry = known();
    let served = [
        (NAV_NARVIK, BEFORE, &[NARVIK][..]),
        (NAV_NARVIK, FIRST, &[NARVIK, EVENES, GRATANGEN][..]),
        (NAV_NARVIK, LAST, &[NARVIK, EVENES, GRATANGEN][..]),
        (NAV_NARVIK, ENDED, &[NARVIK][..]),
        (NAV_GRATANGEN, BEFORE, &[GRATANGEN][..]),
        (NAV_GRATANGEN, FIRST, &[GRATANGEN][..]),
    ];
    let areas = [(NARVIK, NORDLAND), (EVENES, NORDLAND), (GRATANGEN, TROMS)];
    for (office, at, served) in served {
        let actor = Actor {
            issuer: "i".into(),
            subject: "s".into(),
            role: Role::Office,
            organisation: office.into(),
            employer: Some(Employer::State),
        };
        let day = day_of(at);
        let seen = seen_by(&actor, &registry, day).office.unwrap().municipalities;
        for (number, area) in areas {
            let is_served = served.contains(&number);
            assert_eq!(seen.iter().any(|one| one == number), is_served, "{office} {number} {day}");
            let county_id = Some(area.parse().unwrap());
            let municipality_number = Some(number.parse().unwrap());
            let in_area = Target { county_id, ..Target::default() };
            let target = Target { municipality_number, ..in_area.clone() };
            let has_area = areas.iter().any(|(n, a)| *a == area && served.contains(n));
            for method in Method::ALL {
                let (asked, expected) = match scope(*method, Role::Office) {
                    Scope::Own => (&target, is_served),
                    Scope::OwnArea => (&in_area, has_area),
                    Scope::No | Scope::All => continue,
                };
                let permitted = permits(*method, &actor, asked, &registry, day);
                assert_eq!(permitted, expected, "{method:?} {office} {number} {day}");
            }
        }
    }
}
