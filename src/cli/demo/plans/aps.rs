//! APS, where two people may share a place: quotas move in whole places only.

use time::Duration;

use crate::{
    cli::{
        Failure,
        demo::{
            audit::{self, AREA, CITY, YEARS},
            capacity::{Plan, establish},
            page::say,
            plans::{
                MONTH, SEED,
                arrival::{Arrival, Unit, check, print_times},
                existing::{Alike, take_in},
                field::{Account, Field, WHOLE, Ways, places},
                life,
                proposal::{self, Planned},
            },
            stage::{Stage, ledger, missing, together},
        },
    },
    domain::{access::Role, simulation::Chance},
    proto::v1::{self as pb, PlanView},
};

const APS: &str = "APS";
/// What Trondheim is entitled to of the assumed 418, counted by another program.
const CITY_TARGET: i64 = 247;
/// How many places move.
const DISTANCE: u32 = 38;
const HORIZON: u32 = 2;
const STAY_MONTHS: u32 = 10;
/// How far the clock goes at a time.
const STEP: Duration = Duration::WEEK;
/// The course that is drawn of those of the seed, and how many months it takes, counted by another
/// program.
const COURSE: u64 = 4;
const TOOK: &str = "10.1";
/// The first of the made-up people of this plan.
const PEOPLE_FROM: u32 = 200_000;
/// Half a place, in per cents.
const HALF: u32 = 50;
/// Whose made-up places those are outside Trondheim.
const PROVIDER: &str = "Tiltaksarrangør i Melhus ";
const SITE: &str = "1653";

pub(super) async fn carry_out(stage: &mut Stage) -> Result<(), Failure> {
    stage.page.heading("APS does the same in months, with places that two people share");
    let halves = bring_in(stage).await?;
    let plan = agree(stage).await?;
    let page = &mut stage.page;
    page.check("APS plan: places that have to move (D)", plan.distance_places, DISTANCE);
    let county = stage.county.clone();
    let ways = Ways { mean_stay: MONTH * STAY_MONTHS, halves: true };
    let with = (stage.now(), Chance::of(SEED, COURSE), PEOPLE_FROM + 50_000);
    let offices = audit::office_of_each()?;
    let mut field = [Field::begin(&county, &plan, offices, ways, with).await?];
    life::go_on(stage, &mut field, STEP).await?;
    arrived(stage, &field[0], halves).await
}

/// Somebody for each place of the 24 others: every other place is two people's. Answers how many
/// have half a place.
async fn bring_in(stage: &mut Stage) -> Result<u32, Failure> {
    let aps = ledger(APS).ok_or_else(|| missing("a ledger"))?;
    let accounts = places(&stage.county, &aps).await?.accounts;
    let others: i64 = accounts
        .iter()
        .filter(|(number, _)| *number != CITY)
        .map(|(_, account)| account.total / WHOLE)
        .sum();
    let plan = Plan {
        measure_code: APS.to_owned(),
        organisation_number: stage.audit.provider(PROVIDER)?,
        name: "APS utenfor Trondheim (oppdiktet)".to_owned(),
        site: SITE.to_owned(),
        dated: vec![(YEARS[0], u32::try_from(others)?)],
        wait: None,
    };
    let group = establish(stage, &[plan]).await?.groups.into_iter().next();
    let offices = audit::office_of_each()?;
    let mut all = Vec::new();
    for (number, Account { total, .. }) in accounts.iter().filter(|(number, _)| *number != CITY) {
        let held = u32::try_from(total / WHOLE)?;
        let alike = |participation_percent, people| Alike {
            municipality_number: number.clone(),
            office_number: offices.get(number).cloned().unwrap_or_default(),
            place_group_id: group.clone(),
            participation_percent,
            people,
        };
        all.push(alike(HALF, held / 2 * 2));
        all.push(alike(100, held - held / 2));
    }
    let came_in = take_in(&stage.county, &aps, stage.now(), &all, PEOPLE_FROM).await?;
    let is_half = |one: &&Alike| one.participation_percent == HALF;
    let halves: u32 = all.iter().filter(is_half).map(|one| one.people).sum();
    let city = accounts.get(CITY).map_or(0, |account| account.total / WHOLE);
    say!(
        "Trondheim has {city} APS places by the audit; that the county has twice as many is assumed, and"
    );
    say!(
        "so is the mean stay of {STAY_MONTHS} months. {came_in} made-up people use the {others} places elsewhere,"
    );
    say!("{halves} of them half a place each (participation_percent {HALF}).");
    Ok(halves)
}

/// Every municipality agrees, so that nobody has to wait for the deadline.
async fn agree(stage: &Stage) -> Result<pb::Plan, Failure> {
    let today = stage.day();
    let planned = Planned {
        ledger: ledger(APS).ok_or_else(|| missing("a ledger"))?,
        name: "APS i Trondheim",
        key_name: "population",
        key_year: 2011,
        start: today,
        comment_until: today,
        horizon_years: HORIZON,
        mean_stay_months: STAY_MONTHS,
    };
    agreed_by_all(stage, AREA, &planned).await
}

/// Proposed, agreed with by every municipality of the area, approved by another person.
pub(super) async fn agreed_by_all(
    stage: &Stage,
    area: &str,
    planned: &Planned,
) -> Result<pb::Plan, Failure> {
    let planner = stage.desk.caller(Role::County, area, "county-planner")?;
    let plan = proposal::propose(&planner, planned).await?;
    let calls = plan.positions.iter().map(|position| async {
        let number = position.municipality_number.as_str();
        let who = format!("municipality-{number}");
        let caller = stage.desk.caller(Role::Municipality, number, &who)?;
        let agrees = (PlanView::Agrees, "");
        proposal::comment(&caller, &planned.ledger, &plan.plan_id, number, agrees).await
    });
    together(calls).await?;
    let other = stage.desk.caller(Role::County, area, "county-allocator")?;
    let approved = proposal::approve(&other, &planned.ledger, &plan.plan_id, "").await?;
    let approved = approved.map_err(|status| format!("ApprovePlan failed: {status}"))?;
    // One that is over as it begins has no areas any more.
    let areas = if approved.areas.is_empty() { plan.areas } else { approved.areas };
    Ok(pb::Plan { areas, ..approved })
}

async fn arrived(stage: &mut Stage, field: &Field, halves: u32) -> Result<(), Failure> {
    let arrival = Arrival::of(field, &stage.county).await?;
    let city = arrival.held_by(CITY);
    let (left, over) = (field.seen.left.len(), field.seen.over.len());
    say!();
    say!(
        "{left} people left, with a week's steps of the clock. Half a place that is free above the"
    );
    say!(
        "target waits there for its other half, and both move as one: {over} places did. Trondheim has"
    );
    say!(
        "{city}, {} of 25 just their target; {} were put out.",
        arrival.at_target,
        arrival.put_out
    );
    say!();
    print_times(field, Unit::Months);
    say!(
        "The forecast knows whole placements only; with the {halves} halves it takes a quarter longer."
    );
    let page = &mut stage.page;
    let took = field.seen.over.last().map_or(0.0, |at| Unit::Months.of(*at - field.begun));
    page.check("APS plan: months by this seed", format!("{took:.1}"), TOOK);
    page.check("APS plan: places of Trondheim at the end", city, CITY_TARGET);
    page.check("APS plan: places that moved", arrival.moved, DISTANCE);
    check(page, "APS plan", field, &arrival);
    Ok(())
}
