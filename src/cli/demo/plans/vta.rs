//! The audit's case: Trondheim's VTA places, 97 short of its share.

use std::collections::BTreeMap;

use time::Duration;

use crate::{
    cli::{
        Failure,
        demo::{
            audit::{self, AREA, CITY},
            page::say,
            plans::{
                MONTH, SEED,
                arrival::{Arrival, Unit, check, print_times},
                existing::{Alike, take_in},
                field::{Account, Field, WHOLE, Ways, places},
                life,
                proposal::{self, Planned},
                years,
            },
            stage::{Stage, ledger, missing, shown_date, together},
            vacancies::VTA,
        },
    },
    domain::{access::Role, simulation::Chance},
    proto::v1::{self as pb, PlanView},
};

/// How many places there are, and how many move.
const PLACES: i64 = 422;
const DISTANCE: u32 = 97;
/// What Trondheim is entitled to, and what the others are together.
const CITY_TARGET: i64 = 249;
const OTHERS_TARGET: i64 = 173;
/// What shall have moved by the end of each of ten years, counted by another program.
const GOALS: &str = "9, 19, 29, 38, 48, 58, 67, 77, 87, 97";
/// How many new places it would take where none moves, counted by another program.
const NEW_ONLY: u32 = 237;
/// How many years it takes by the seed, counted by another program.
const TOOK: &str = "22.5";
const HORIZON: u32 = 10;
/// With this mean stay the one-area form takes just the audit's ten years.
const STAY_MONTHS: u32 = 270;
/// How far the clock goes at a time.
const STEP: Duration = MONTH;
/// How long the municipalities may comment.
const COMMENT_DAYS: i64 = 42;
/// The first of the made-up people of this plan.
const PEOPLE_FROM: u32 = 100_000;
/// How many wait at first in each municipality, and in Trondheim.
const WAITING: u32 = 2;
const WAITING_IN_CITY: u32 = 20;
/// Municipalities by what they think: the last ones say nothing.
const DISAGREES: [&str; 2] = ["1638", "1653"];
const REMARKS: [&str; 2] = ["1662", "1663"];
const SILENT: [&str; 3] = ["1632", "1633", "1665"];

pub(super) async fn carry_out(stage: &mut Stage) -> Result<(), Failure> {
    stage.page.heading("A plan for Trondheim's VTA places (ProposePlan, CommentPlan, ApprovePlan)");
    let offices = audit::office_of_each()?;
    bring_in(stage, &offices).await?;
    let plan = agree(stage).await?;
    print_goals(stage, &plan);
    let county = stage.county.clone();
    let ways = Ways { mean_stay: MONTH * STAY_MONTHS, halves: false };
    let with = (stage.now(), Chance::of(SEED, 1), PEOPLE_FROM + 50_000);
    let mut field = [Field::begin(&county, &plan, offices, ways, with).await?];
    field[0].fill(&county, stage.now()).await?;
    stage
        .page
        .heading("Years go by in the 25 municipalities, and nobody is put out (EndPlacement …)");
    say!(
        "How long each placement lasts is drawn (seed {SEED}; exponential, {STAY_MONTHS} months on the"
    );
    say!(
        "average). The clock goes a month at a time. Who leaves, leaves by EndPlacement; the place"
    );
    say!("is given anew, in the municipality whose it is by then, by AllocatePlaces,");
    say!("ConfirmProposals, RespondToOffer and StartPlacement; another person joins the queue.");
    say!();
    life::go_on(stage, &mut field, STEP).await?;
    arrived(stage, &field[0]).await
}

/// Somebody for each place of the 24 others, and some who wait.
async fn bring_in(stage: &mut Stage, offices: &BTreeMap<String, String>) -> Result<(), Failure> {
    let vta = ledger(VTA).ok_or_else(|| missing("a ledger"))?;
    let there = places(&stage.county, &vta).await?;
    let mut all = Vec::new();
    for (number, Account { total, .. }) in &there.accounts {
        let alike = |place_group_id: Option<String>, people: u32| Alike {
            municipality_number: number.clone(),
            office_number: offices.get(number).cloned().unwrap_or_default(),
            place_group_id,
            participation_percent: 100,
            people,
        };
        if number == CITY {
            all.push(alike(None, WAITING_IN_CITY));
            continue;
        }
        let group = there.groups.iter().find(|(_, site, _)| site == number);
        let (group, ..) = group.ok_or_else(|| missing(number))?;
        all.push(alike(Some(group.clone()), u32::try_from(total / WHOLE)?));
        all.push(alike(None, WAITING));
    }
    let came_in = take_in(&stage.county, &vta, stage.now(), &all, PEOPLE_FROM).await?;
    let users: u32 = all.iter().filter(|a| a.place_group_id.is_some()).map(|a| a.people).sum();
    let city = there.accounts.get(CITY).map_or(0, |account| account.total / WHOLE);
    say!(
        "{came_in} made-up people come in (ImportExisting): {users} use the places of the 24 other"
    );
    say!(
        "municipalities, {} wait. That the 24 share their places by population is",
        came_in - users
    );
    say!("assumed; Trondheim has {city}, by the audit.");
    Ok(())
}

/// Proposed by one, commented, approved by another.
async fn agree(stage: &mut Stage) -> Result<pb::Plan, Failure> {
    let vta = ledger(VTA).ok_or_else(|| missing("a ledger"))?;
    let comment_until = stage.day() + Duration::days(COMMENT_DAYS);
    let start = comment_until + Duration::DAY;
    let planned = Planned {
        ledger: vta.clone(),
        name: "VTA i Trondheim",
        key_name: "population",
        key_year: 2011,
        start,
        comment_until,
        horizon_years: HORIZON,
        mean_stay_months: STAY_MONTHS,
    };
    let planner = stage.desk.caller(Role::County, AREA, "county-planner")?;
    let plan = proposal::propose(&planner, &planned).await?;
    say!();
    say!(
        "A planner of the county proposes it: {HORIZON} years, Sainte-Laguë, the population of 2011; whoever"
    );
    say!(
        "is at the target keeps what is freed there. {} places have to move (D).",
        plan.remaining_places
    );
    comments(stage, &vta, &plan).await?;
    stage.wait_until(start.midnight().assume_utc() + Duration::hours(12)).await?;
    let planner = stage.desk.caller(Role::County, AREA, "county-planner")?;
    let own = proposal::approve(&planner, &vta, &plan.plan_id, "").await?;
    let own = own.err().map_or("OK".to_owned(), |status| proposal::reason(&status));
    stage.page.check("VTA plan: its author approves it", &own, "FOUR_EYES");
    let why = "Byens innbyggere har ventet lenge nok; ingen mister plassen sin.";
    let approved = proposal::approve(&stage.county, &vta, &plan.plan_id, why).await?;
    let approved = approved.map_err(|status| format!("ApprovePlan failed: {status}"))?;
    print_positions(stage, &approved, &own);
    Ok(approved)
}

async fn comments(stage: &Stage, vta: &pb::Ledger, plan: &pb::Plan) -> Result<(), Failure> {
    let speak = plan
        .positions
        .iter()
        .filter(|position| !SILENT.contains(&position.municipality_number.as_str()));
    let calls = speak.map(|position| async move {
        let number = position.municipality_number.as_str();
        let said = if DISAGREES.contains(&number) {
            (PlanView::Disagrees, "Vi trenger plassene selv.")
        } else if REMARKS.contains(&number) {
            (PlanView::AgreesWithRemark, "Følg med på reiseveien.")
        } else {
            (PlanView::Agrees, "")
        };
        let who = format!("municipality-{number}");
        let caller = stage.desk.caller(Role::Municipality, number, &who)?;
        proposal::comment(&caller, vta, &plan.plan_id, number, said).await
    });
    together(calls).await?;
    Ok(())
}

fn print_positions(stage: &mut Stage, plan: &pb::Plan, own: &str) {
    let count = |view: PlanView| plan.positions.iter().filter(|p| p.view() == view).count();
    let (agree, remark) = (count(PlanView::Agrees), count(PlanView::AgreesWithRemark));
    let (disagree, silent) = (count(PlanView::Disagrees), count(PlanView::Unspecified));
    let day = shown_date(plan.begun_date);
    say!(
        "Its author may not approve it ({own}). Of {} municipalities {agree} agree, {remark} with a",
        plan.positions.len()
    );
    say!(
        "remark, {disagree} do not, {silent} say nothing. Another person approves it, with a reason that all"
    );
    say!("see, since some do not agree. It steers from {day} on.");
    let said = format!("{agree}, {remark}, {disagree}, {silent}");
    let others = plan.positions.len() - DISAGREES.len() - REMARKS.len() - SILENT.len();
    let expected = format!("{others}, {}, {}, {}", REMARKS.len(), DISAGREES.len(), SILENT.len());
    let what = "VTA plan: who agrees, with a remark, does not, is silent";
    stage.page.check(what, said, expected);
}

fn print_goals(stage: &mut Stage, plan: &pb::Plan) {
    let goals: Vec<String> = plan.goals.iter().map(|goal| goal.places.to_string()).collect();
    let goals = goals.join(", ");
    let target = |is_city: bool| -> i64 {
        let of = plan.areas.iter().filter(|area| (area.municipality_number == CITY) == is_city);
        of.map(|area| i64::from(area.target_places)).sum()
    };
    let page = &mut stage.page;
    let verdict = page.check("VTA plan: the goals of ten years", &goals, GOALS);
    page.check("VTA plan: places that have to move (D)", plan.distance_places, DISTANCE);
    page.check("VTA plan: Trondheim's target", target(true), CITY_TARGET);
    page.check("VTA plan: the 24 others' targets together", target(false), OTHERS_TARGET);
    say!("Goals of the years (årsmål): {goals} ({verdict}).");
}

/// What came of it.
async fn arrived(stage: &mut Stage, field: &Field) -> Result<(), Failure> {
    let arrival = Arrival::of(field, &stage.county).await?;
    let goals: Vec<&str> = GOALS.split(", ").collect();
    say!("{:<26} {}", "year", columns(1..=goals.len()));
    say!("{:<26} {}", "goal", columns(&goals));
    say!("{:<26} {}", "moved (GetPlan)", columns(field.seen.by_year.iter().take(goals.len())));
    say!();
    let city = arrival.held_by(CITY);
    let others: i64 = arrival.held.iter().map(|(_, held)| held).sum::<i64>() - city;
    let (left, over) = (field.seen.left.len(), field.seen.over.len());
    let others_targets = arrival.at_target;
    say!(
        "{left} people left in all; {over} of them left a municipality above its target, and each of"
    );
    say!(
        "these places moved. After {} it was not yet reached; then Trondheim has {city} and the 24",
        over - 1
    );
    say!(
        "others {others}, {others_targets} of 25 just their target; {} were put out.",
        arrival.put_out
    );
    say!();
    print_times(field, Unit::Years);
    let new_only = field.forecast.new_places_only.unwrap_or(0);
    say!("With new places alone and none vacated it would take {new_only} of them, not {over}.");
    let page = &mut stage.page;
    page.check("VTA plan: new places it would take instead", new_only, NEW_ONLY);
    let took = field.seen.over.last().map_or(0.0, |at| years(*at - field.begun));
    page.check("VTA plan: years by this seed", format!("{took:.1}"), TOOK);
    page.check("VTA plan: places of Trondheim at the end", city, CITY_TARGET);
    page.check("VTA plan: places of the 24 others at the end", others, PLACES - CITY_TARGET);
    page.check("VTA plan: places that moved", arrival.moved, DISTANCE);
    check(page, "VTA plan", field, &arrival);
    Ok(())
}

/// Figures side by side.
fn columns<T: std::fmt::Display>(figures: impl IntoIterator<Item = T>) -> String {
    let columns: Vec<String> = figures.into_iter().map(|figure| format!("{figure:>4}")).collect();
    columns.concat()
}
