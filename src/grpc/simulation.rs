//! `SimulateRedistribution`: what is read is read once, then futures are drawn where that holds
//! nobody up, and what they have in common is told again and again until all are drawn.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tracing::Instrument;

use crate::{
    domain::{
        access::Method,
        apportionment::claim,
        ids::LedgerId,
        ledger::Ledger,
        plan::{ActivePlan, Holder, Plan, PlanTerms},
        plan_standing::state,
        prospect::{DAYS_A_YEAR, MeanStay},
        refusal::Refusal,
        registry::Registry,
        simulation::{AreaBand, Band, Bands, Chance, Prepared, Tally, World, YearBands},
    },
    error::{Error, Violation},
    grpc::{
        Api, Reader, answer, area_of,
        fair_share::require_quotas,
        forecast::{days, mean_stay_answer, outset, places, plan_forecast},
        heavy::Place,
        parse::simulation::{self as parse, Planned, SimulationQuery},
        plans::sees,
        refusal, require_ledger,
        shares::empty,
    },
    proto::v1 as pb,
    store,
};

/// How many vacancies may be drawn in all, taken on the average: what takes half of [`RUN_MAX`]
/// where ten million are drawn in a second.
const VACANCIES_MAX: f64 = 50_000_000.0;
/// How long may be drawn: no longer than any call may take, so that the end of the service need not
/// wait longer for it.
const RUN_MAX: Duration = Duration::from_secs(10);
/// How many answers there are, each with as many more futures.
const ANSWERS: u32 = 20;
/// How many answers may wait to be taken: all, and how it ended. They are some kilobytes each, and
/// so nobody who takes them slowly keeps a place among the heavy reads.
const AHEAD: usize = ANSWERS as usize + 1;
/// The most years that are looked at.
const YEARS_MAX: u32 = 100;
/// All of a whole, in hundredths of a per cent.
const BASIS_POINTS: u64 = 10_000;

type Told = Result<pb::SimulateRedistributionResponse, Status>;
/// What a caller is told, one after another.
pub(super) type Answers = ReceiverStream<Told>;

/// A simulation under way.
struct Simulation {
    prepared: Arc<Prepared>,
    tally: Tally,
    seed: u64,
    drawn: u32,
    draws: u32,
    scene: Scene,
    /// It is a heavy read as long as it lasts.
    _place: Place,
}

/// What each answer repeats.
struct Scene {
    revision: pb::Revision,
    mean_stay: pb::MeanStay,
    /// Each with its target.
    holders: Vec<(Holder, u64)>,
    forecast: pb::PlanForecast,
}

/// How drawing some futures ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Drawn,
    /// Nobody waits for more.
    Unwanted,
    TooLate,
}

impl Api {
    pub(super) async fn simulate(
        &self,
        request: Request<pb::SimulateRedistributionRequest>,
    ) -> Result<Response<Answers>, Status> {
        let method = Method::SimulateRedistribution;
        let begun = self.read(request, method, parse::simulate_redistribution, begin).await?;
        Ok(begun.map(|simulation| {
            let (sender, answers) = mpsc::channel(AHEAD);
            tokio::spawn(tell(simulation, sender).in_current_span());
            ReceiverStream::new(answers)
        }))
    }
}

/// All that is read, and checked.
async fn begin(reader: Reader, query: SimulationQuery) -> Result<Simulation, Error> {
    let id = &query.ledger;
    let place = reader.simulation_place().await?;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    require_ledger(id, &registry)?;
    require_quotas(id, &registry)?;
    let ledger = store::ledger::find(&mut snapshot, id).await?.unwrap_or_else(|| empty(id));
    let found = match &query.planned {
        Planned::Plan(plan_id) => store::plans::find(&mut snapshot, id, *plan_id).await?,
        Planned::Terms(_) => None,
    };
    let today = reader.today();
    let measured = store::stays::measured(&mut snapshot, id, today).await?;
    snapshot.rollback().await?;
    let (terms, active) = planned(&reader, &query.planned, found, &ledger, &registry)?;
    require_known(id, &terms, &registry)?;
    let mean_stay = MeanStay::of(query.mean_stay_months, &terms, measured).ok_or_else(unknown)?;
    let outset = outset(&ledger, &terms, active, &registry, today)?;
    let years = query.years.unwrap_or_else(|| (2 * outset.years_left()).min(YEARS_MAX));
    let scenario = outset.scenario(years, mean_stay.years());
    require_bounded(scenario.vacancies(), query.draws)?;
    let tally = Tally::new(&scenario);
    let prepared = tokio::task::spawn_blocking(move || Prepared::new(scenario));
    let prepared = prepared.await.map_err(|_| Error::Internal("a panic".to_owned()))??;
    // Both halves of it, one over the other.
    let fold = |seed: u64, byte: &u8| seed.rotate_left(8) ^ u64::from(*byte);
    let drawn_seed = reader.app.ids.seed().iter().fold(0, fold);
    Ok(Simulation {
        prepared: Arc::new(prepared),
        tally,
        seed: query.seed.unwrap_or(drawn_seed),
        drawn: 0,
        draws: query.draws,
        scene: Scene {
            revision: answer::revision(id, ledger.head().seq),
            mean_stay: mean_stay_answer(&mean_stay),
            holders: outset.holders.iter().cloned().zip(outset.targets.iter().copied()).collect(),
            forecast: plan_forecast(outset, Some(mean_stay)).await?,
        },
        _place: place,
    })
}

/// What is planned, and the plan if it steers. What lies behind a plan that does no more is no
/// chance.
fn planned<'a>(
    reader: &Reader,
    planned: &Planned,
    found: Option<Plan>,
    ledger: &'a Ledger,
    registry: &Registry,
) -> Result<(PlanTerms, Option<&'a ActivePlan>), Refusal> {
    let plan_id = match planned {
        Planned::Terms(terms) => return Ok((terms.as_ref().clone(), None)),
        Planned::Plan(plan_id) => *plan_id,
    };
    let state = |plan: &Plan| state(ledger, plan, registry, reader.today());
    let missing = || Refusal::NotFound { what: "plan", id: plan_id.to_string() };
    let plan = found.filter(|plan| sees(reader, plan)).ok_or_else(missing)?;
    if !state(&plan).lies_before() {
        let (what, transition) = ("the plan", "SIMULATE");
        return Err(Refusal::WrongState { what, state: "OVER", transition });
    }
    let active = ledger.frame().plans.active.as_ref();
    Ok((plan.terms, active.filter(|active| active.plan_id == plan_id)))
}

/// What terms that nobody has proposed may lack.
fn require_known(id: &LedgerId, terms: &PlanTerms, registry: &Registry) -> Result<(), Error> {
    let mut wrong = Vec::new();
    let mut add = |field: &str, description: &str| {
        let (field, description) = (field.to_owned(), description.to_owned());
        wrong.push(Violation { field, description });
    };
    if claim(terms.method, 0, 1, 0).is_none() {
        add("terms.method", "must be a divisor method: by others no place has a claim of its own");
    }
    let is_here =
        |number| registry.municipality(number).is_some_and(|m| m.county_id == id.county_id);
    if !terms.committed_places.keys().all(is_here) {
        add("terms.committed.municipality_number", "must be a municipality of the area");
    }
    if !wrong.is_empty() {
        return Err(Error::InvalidFields(wrong));
    }
    if registry.distribution_key(&terms.key_name, terms.key_date).is_none() {
        let (name, date) = (terms.key_name.clone(), terms.key_date);
        return Err(Error::DistributionKeyNotFound { name, date });
    }
    Ok(())
}

fn unknown() -> Error {
    invalid(
        "mean_stay_months",
        "is required: the plan does not say it, and too few placements of the ledger have ended \
         to tell",
    )
}

fn require_bounded(of_one: f64, draws: u32) -> Result<(), Error> {
    let vacancies = of_one * f64::from(draws);
    if vacancies <= VACANCIES_MAX {
        return Ok(());
    }
    let told = format!(
        "would be {vacancies:.0} vacancies with these years and this mean stay; the most is \
         {VACANCIES_MAX:.0}"
    );
    Err(invalid("draws", &told))
}

fn invalid(field: &str, description: &str) -> Error {
    let (field, description) = (field.to_owned(), description.to_owned());
    Error::InvalidFields(vec![Violation { field, description }])
}

/// Draws and tells, until all is drawn, nobody waits for it, or it has taken too long.
async fn tell(mut simulation: Simulation, answers: mpsc::Sender<Told>) {
    let until = Instant::now() + RUN_MAX;
    let method = Method::SimulateRedistribution.as_str();
    loop {
        let waits = answers.clone();
        let drawing = tokio::task::spawn_blocking(move || {
            let end = simulation.draw_more(&waits, until);
            let told = simulation.answer();
            (simulation, end, told)
        });
        let (next, end, told) = match drawing.await {
            Ok((next, End::Drawn, told)) => (next, End::Drawn, Ok(told)),
            Ok((next, End::TooLate, _)) => (next, End::TooLate, Err(Error::DeadlineExceeded)),
            Ok((_, End::Unwanted, _)) => return,
            Err(_) => {
                let error = Error::Internal("a panic".to_owned());
                drop(answers.send(Err(refusal(method, &error))).await);
                return;
            }
        };
        simulation = next;
        let is_last = end != End::Drawn || simulation.drawn == simulation.draws;
        let told = told.map_err(|error| refusal(method, &error));
        if answers.send(told).await.is_err() || is_last {
            return;
        }
    }
}

impl Simulation {
    /// The futures of one answer more.
    fn draw_more(&mut self, waits: &mpsc::Sender<Told>, until: Instant) -> End {
        let prepared = Arc::clone(&self.prepared);
        let mut world = World::new(&prepared);
        let more = self.draws.div_ceil(ANSWERS).min(self.draws - self.drawn);
        for _ in 0..more {
            let chance = Chance::of(self.seed, self.drawn.into());
            let goes_on = || !waits.is_closed() && Instant::now() < until;
            let Some(future) = world.draw(chance, goes_on) else {
                return if waits.is_closed() { End::Unwanted } else { End::TooLate };
            };
            self.tally.add(&future);
            self.drawn += 1;
        }
        End::Drawn
    }

    fn answer(&mut self) -> pb::SimulateRedistributionResponse {
        let bands = self.tally.bands();
        let time = |at: usize| bands.as_ref().map(|bands| time(bands, at));
        let of_year = |(year, bands): (u32, &YearBands)| pb::SimulatedYear {
            year,
            moved_places: Some(band(bands.moved)),
            remaining_places: Some(band(bands.remaining)),
        };
        let years = bands.iter().flat_map(|bands| (1..).zip(&bands.years).map(of_year));
        let of_area = |((holder, target), area): (&(Holder, u64), &AreaBand)| pb::SimulatedArea {
            municipality_number: holder.municipality_number.to_string(),
            held_places: places(holder.held),
            target_places: places(*target),
            final_places: Some(band(area.held)),
            pushed_below_basis_points: places(
                (area.pushed_below * BASIS_POINTS).div_ceil(u64::from(self.drawn).max(1)),
            ),
        };
        let areas = bands.iter().flat_map(|bands| self.scene.holders.iter().zip(&bands.areas));
        pb::SimulateRedistributionResponse {
            revisions: vec![self.scene.revision.clone()],
            done: self.drawn == self.draws,
            seed: self.seed,
            drawn: self.drawn,
            draws: self.draws,
            vacancies: bands.as_ref().map_or(0, |bands| bands.vacancies),
            mean_stay: Some(self.scene.mean_stay),
            distance_places: places(self.prepared.distance()),
            half: time(0),
            nine_tenths: time(1),
            all: time(2),
            years: years.collect(),
            areas: areas.map(of_area).collect(),
            forecast: (self.drawn == self.draws).then(|| self.scene.forecast.clone()),
        }
    }
}

fn time(bands: &Bands, at: usize) -> pb::SimulatedTime {
    let told = |years: Option<f64>| years.map(|years| days(years * DAYS_A_YEAR));
    let Band { p10, p50, p90 } = bands.reached[at];
    pb::SimulatedTime {
        days: Some(pb::ForecastBand {
            p10_days: told(p10),
            p50_days: told(p50),
            p90_days: told(p90),
        }),
        reached_basis_points: places(bands.reached_in[at] * BASIS_POINTS / bands.drawn.max(1)),
    }
}

fn band(of: Band<u64>) -> pb::SimulatedPlaces {
    pb::SimulatedPlaces { p10: places(of.p10), p50: places(of.p50), p90: places(of.p90) }
}
