//! The model against the service: through the port, with a database, many ledgers in step
//! under one moving clock. What the service wrote to its logs is folded beside the model.

use futures::future::join_all;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{TestCaseError, TestRunner},
};
use sqlx::{PgConnection, Row};
use tiltaksplass::{
    app::Clock,
    domain::{
        access::Role,
        command::Command,
        event::{Header, Payload},
    },
    proto::v1::*,
};
use time::Duration;
use tonic::Status;

use super::{
    ops::{LENGTH, MUNICIPALITIES, Op, Wish, beginning, wish},
    real::{OFFICE, Real, registry},
    reference::Model,
    things::{ANSWER_DAYS, CONFIRM_DAYS, COOL_DOWN_DAYS, OBJECT_DAYS, STRIKES},
};
use crate::{
    support::{Caller, at_length, reason, request_id},
    world::{COUNTY, PROVIDER, World, date, join},
};

/// One ledger of the service, and what the model says of it.
struct Beside<'a> {
    ledger: Ledger,
    wishes: Vec<Wish>,
    model: Model,
    real: Real<'a>,
    /// The first person of this ledger: each has people of its own.
    people: u32,
    sql: PgConnection,
}

/// A request of any kind, made with the fields every one has.
macro_rules! request {
    ($name:ident of $beside:expr, { $($field:ident : $value:expr),* $(,)? }) => {
        $name {
            request_id: request_id(),
            ledger: Some($beside.ledger.clone()),
            $($field: $value,)*
            ..$name::default()
        }
    };
}

impl Beside<'_> {
    fn entry(&self, entry: usize) -> String {
        self.real.entries[entry].to_string()
    }

    fn offer(&self, offer: usize) -> String {
        self.real.offers[offer].to_string()
    }

    fn placement(&self, placement: usize) -> String {
        self.real.placements[placement].to_string()
    }

    fn groups(&self, groups: &[usize]) -> Vec<String> {
        groups.iter().map(|group| self.real.groups[*group].to_string()).collect()
    }

    fn group(&self, group: usize) -> String {
        self.groups(&[group]).remove(0)
    }

    fn today(&self, days: i64) -> tiltaksplass::proto::google::r#type::Date {
        let day = self.model.clock.date_in_norway().saturating_add(Duration::days(days));
        date(day.year(), u8::from(day.month()).into(), day.day().into())
    }

    /// Asks the service what the model is asked.
    async fn ask(&self, world: &World, op: &Op) -> Result<(), Status> {
        match op {
            Op::Advance { .. } => Ok(()),
            Op::Capacity { .. } | Op::Quota { .. } => self.ask_for_room(world, op).await,
            Op::Join { .. }
            | Op::Prefer { .. }
            | Op::Pause { .. }
            | Op::Resume { .. }
            | Op::Prioritize { .. }
            | Op::Transfer { .. }
            | Op::Leave { .. } => self.ask_of_entry(&world.county, op).await,
            Op::End { .. } | Op::Share { .. } | Op::Change { .. } | Op::Reassign { .. } => {
                self.ask_of_placement(&world.county, op).await
            }
            Op::Place { .. }
            | Op::Allocate { .. }
            | Op::Confirm { .. }
            | Op::Respond { .. }
            | Op::Withdraw { .. }
            | Op::Object { .. }
            | Op::Resolve { .. }
            | Op::Extend { .. }
            | Op::Start { .. } => self.ask_of_offer(world, op).await,
        }
    }

    async fn ask_for_room(&self, world: &World, op: &Op) -> Result<(), Status> {
        let (county, valid_from_date) = (&world.county, Some(self.today(0)));
        if let Op::Quota { municipality, places } = op {
            let quota = Quota {
                municipality_number: MUNICIPALITIES[*municipality].into(),
                places: u32::try_from(*places).unwrap(),
                basis: QuotaBasis::Population.into(),
                ..Quota::default()
            };
            let set = request!(SetQuotasRequest of self, {
                quotas: vec![quota], valid_from_date: valid_from_date
            });
            return county.fair_share().set_quotas(set).await.map(drop);
        }
        let Op::Capacity { group, places } = op else { unreachable!() };
        let is_new = *group >= self.real.groups.len();
        let submit = request!(SubmitCapacityRequest of self, {
            place_group_id: if is_new { String::new() } else { self.group(*group) },
            organisation_number: PROVIDER.into(),
            name: "g".into(),
            site_municipality_number: MUNICIPALITIES[0].into(),
            places: u32::try_from(*places).unwrap(),
            valid_from_date: valid_from_date,
        });
        let submitted = world.provider.capacity().submit_capacity(submit).await?.into_inner();
        let review = request!(ReviewCapacityRequest of self, {
            submission_id: submitted.submission_id, decision: ReviewDecision::Approve.into()
        });
        county.capacity().review_capacity(review).await.map(drop)
    }

    async fn ask_of_entry(&self, county: &Caller, op: &Op) -> Result<(), Status> {
        let mut waitlist = county.waitlist();
        match *op {
            Op::Join { person, municipality, percent, ref wants } => {
                let join = JoinWaitlistRequest {
                    municipality_number: MUNICIPALITIES[municipality].into(),
                    following_office_number: OFFICE.into(),
                    participation_percent: u32::try_from(percent).unwrap(),
                    preferred_place_group_ids: self.groups(wants),
                    ..join(&self.ledger, self.people + person)
                };
                waitlist.join_waitlist(join).await.map(drop)
            }
            Op::Prefer { entry, ref wants } => {
                let paths = vec!["preferred_place_group_ids".to_owned()];
                let update = request!(UpdateWaitlistEntryRequest of self, {
                    entry_id: self.entry(entry),
                    update_mask: Some(prost_types::FieldMask { paths }),
                    preferred_place_group_ids: self.groups(wants),
                });
                waitlist.update_waitlist_entry(update).await.map(drop)
            }
            Op::Pause { entry, days } => {
                let pause = request!(PauseEntryRequest of self, {
                    entry_id: self.entry(entry), until_date: days.map(|d| self.today(d.into()))
                });
                waitlist.pause_entry(pause).await.map(drop)
            }
            Op::Resume { entry } => {
                let resume = request!(ResumeEntryRequest of self, { entry_id: self.entry(entry) });
                waitlist.resume_entry(resume).await.map(drop)
            }
            Op::Prioritize { entry, days: bonus_days } => {
                let prioritize = request!(PrioritizeEntryRequest of self, {
                    entry_id: self.entry(entry),
                    bonus_days: bonus_days,
                    reason: OutOfTurnReason::Health.into(),
                    reason_text: "x".into(),
                });
                waitlist.prioritize_entry(prioritize).await.map(drop)
            }
            Op::Transfer { entry, municipality } => {
                let transfer = request!(TransferEntryRequest of self, {
                    entry_id: self.entry(entry),
                    municipality_number: MUNICIPALITIES[municipality].into(),
                    following_office_number: OFFICE.into(),
                });
                waitlist.transfer_entry(transfer).await.map(drop)
            }
            Op::Leave { entry } => {
                let leave = request!(LeaveWaitlistRequest of self, {
                    entry_id: self.entry(entry), reason: LeaveReason::Other.into()
                });
                waitlist.leave_waitlist(leave).await.map(drop)
            }
            _ => unreachable!("{op:?} is not about an entry"),
        }
    }

    async fn ask_of_offer(&self, world: &World, op: &Op) -> Result<(), Status> {
        let (mut county, reason) = (world.county.allocation(), "x".to_owned());
        match *op {
            Op::Place { entry, group } => {
                let place = request!(PlacePersonRequest of self, {
                    entry_id: self.entry(entry),
                    place_group_id: self.group(group),
                    reason: OutOfTurnReason::Health.into(),
                    reason_text: reason,
                });
                county.place_person(place).await.map(drop)
            }
            Op::Allocate { max } => {
                let max_proposals = u32::try_from(max).unwrap();
                let run = request!(AllocatePlacesRequest of self, { max_proposals: max_proposals });
                county.allocate_places(run).await.map(drop)
            }
            Op::Confirm { offer } => {
                let offer_ids = vec![self.offer(offer)];
                let confirm = request!(ConfirmProposalsRequest of self, { offer_ids: offer_ids });
                county.confirm_proposals(confirm).await.map(drop)
            }
            Op::Respond { offer, accept } => {
                let answer = if accept { OfferAnswer::Accept } else { OfferAnswer::Decline };
                let respond = request!(RespondToOfferRequest of self, {
                    offer_id: self.offer(offer), answer: answer.into()
                });
                county.respond_to_offer(respond).await.map(drop)
            }
            Op::Withdraw { offer } => {
                let withdraw = request!(WithdrawOfferRequest of self, {
                    offer_id: self.offer(offer), reason: reason
                });
                county.withdraw_offer(withdraw).await.map(drop)
            }
            Op::Object { offer } => {
                let object = request!(ObjectToOfferRequest of self, {
                    offer_id: self.offer(offer), code: ObjectionCode::Other.into(), reason: reason
                });
                world.provider.allocation().object_to_offer(object).await.map(drop)
            }
            Op::Resolve { offer, uphold } => {
                let resolve = request!(ResolveObjectionRequest of self, {
                    offer_id: self.offer(offer), uphold: uphold, reason: reason
                });
                county.resolve_objection(resolve).await.map(drop)
            }
            Op::Extend { offer, days } => {
                let extend = request!(ExtendOfferRequest of self, {
                    offer_id: self.offer(offer), working_days: days, reason: reason
                });
                county.extend_offer(extend).await.map(drop)
            }
            Op::Start { offer } => {
                let start = request!(StartPlacementRequest of self, {
                    offer_id: self.offer(offer), start_date: Some(self.today(0))
                });
                county.start_placement(start).await.map(drop)
            }
            _ => unreachable!("{op:?} is not about an offer"),
        }
    }

    async fn ask_of_placement(&self, county: &Caller, op: &Op) -> Result<(), Status> {
        use change_placement_request::Change;
        let mut allocation = county.allocation();
        match *op {
            Op::End { placement } => {
                let end = request!(EndPlacementRequest of self, {
                    placement_id: self.placement(placement),
                    end_date: Some(self.today(0)),
                    outcome: PlacementOutcome::Other.into(),
                });
                allocation.end_placement(end).await.map(drop)
            }
            Op::Share { placement, percent } => {
                let share = PlacementShare {
                    participation_percent: u32::try_from(percent).unwrap(),
                    valid_from_date: Some(self.today(0)),
                    wait_if_full: false,
                };
                let change = request!(ChangePlacementRequest of self, {
                    placement_id: self.placement(placement), change: Some(Change::Share(share))
                });
                allocation.change_placement(change).await.map(drop)
            }
            Op::Change { placement, group } => {
                let change = request!(MovePlacementRequest of self, {
                    placement_id: self.placement(placement),
                    place_group_id: self.group(group),
                    reason: "x".into(),
                });
                allocation.move_placement(change).await.map(drop)
            }
            Op::Reassign { placement, municipality } => {
                let reassign = request!(ReassignPlacementRequest of self, {
                    placement_id: self.placement(placement),
                    municipality_number: MUNICIPALITIES[municipality].into(),
                    following_office_number: OFFICE.into(),
                });
                allocation.reassign_placement(reassign).await.map(drop)
            }
            _ => unreachable!("{op:?} is not about a placement"),
        }
    }

    /// What every sequence begins with.
    async fn begin(&mut self, world: &World) -> Result<(), String> {
        self.catch_up(None).await.map_err(|failure| failure.to_string())?;
        for op in beginning() {
            self.do_one(world, &op).await?;
        }
        Ok(())
    }

    async fn do_one(&mut self, world: &World, op: &Op) -> Result<(), String> {
        let answer = self.ask(world, op).await;
        let expected = self.model.clone().ask(op);
        let mut found = answer.as_ref().copied().map_err(reason);
        // To a provider there is no proposal, and never was one.
        if matches!(op, Op::Object { .. }) && found == Err("NOT_FOUND".to_owned()) {
            found = Err("WRONG_STATE".to_owned());
        }
        if found != expected.map_err(str::to_owned) {
            return Err(format!("{op:?}: {answer:?}, not {expected:?}"));
        }
        let caught_up = self.catch_up(Some(op)).await;
        caught_up.map_err(|failure| format!("{op:?}: {failure}"))
    }

    /// Folds what the service has written since, row by row, and lets the same happen to the
    /// model: what was due, and at most one command that was asked.
    async fn catch_up(&mut self, asked: Option<&Op>) -> Result<(), TestCaseError> {
        let seq = i64::try_from(self.real.ledger.head().seq).unwrap();
        let rows = sqlx::query(
            "SELECT header, payload FROM ledger_log \
             WHERE county_id = $1 AND measure_code = $2 AND seq > $3 ORDER BY seq",
        )
        .bind(&self.ledger.county_id)
        .bind(&self.ledger.measure_code)
        .bind(seq)
        .fetch_all(&mut self.sql)
        .await
        .unwrap();
        for row in &rows {
            let header: Header = serde_json::from_slice(row.get("header")).unwrap();
            let payload: Payload = serde_json::from_slice(row.get("payload")).unwrap();
            prop_assert_eq!(header.at, self.model.at(), "the time of {}", header.kind);
            match payload.command {
                Command::LapseProposal { .. }
                | Command::ExpireOffer { .. }
                | Command::WakeEntry { .. } => {
                    let (_, kind, id) = self.model.due().unwrap();
                    self.model.happen(kind, id);
                }
                Command::ReviewCapacity(_) | Command::SetPlaceBudget(_) => {}
                _ => {
                    let outcome = self.model.ask(asked.unwrap());
                    prop_assert_eq!(outcome, Ok(()), "{:?}", asked);
                }
            }
            self.real.absorb(&payload.events, header.at);
            self.model.row();
            self.real.name(&mut self.model);
        }
        prop_assert_eq!(self.model.due(), None);
        self.real.is_as(&self.model)
    }
}

/// One command to one ledger; both must agree on what came of it.
async fn step(beside: &mut Beside<'_>, world: &World, wish: &Wish) -> Result<(), String> {
    let Some(op) = wish.mean(&beside.model) else { return Ok(()) };
    if let Op::Advance { .. } = op {
        return Ok(());
    }
    beside.do_one(world, &op).await
}

/// Lets what is due happen: a preview stores nothing of its own.
async fn settle(beside: &mut Beside<'_>, world: &World) -> Result<(), String> {
    let preview = request!(AllocatePlacesRequest of beside, { validate_only: true });
    world.county.allocation().allocate_places(preview).await.unwrap();
    beside.catch_up(None).await.map_err(|failure| failure.to_string())
}

/// The same for each ledger, all at once.
macro_rules! all {
    ($besides:expr, |$beside:ident| $step:expr) => {
        for outcome in join_all($besides.iter_mut().map(|$beside| $step)).await {
            outcome.unwrap();
        }
    };
}

fn measure_type(code: &str) -> RegistryRow {
    let row = MeasureType {
        measure_code: code.to_owned(),
        name: code.to_owned(),
        distribution: Distribution::ByMunicipality.into(),
        part_time_allowed: true,
        confirm_working_days: CONFIRM_DAYS,
        answer_working_days: ANSWER_DAYS,
        object_working_days: Some(OBJECT_DAYS),
        decline_rule: Some(DeclineRule { rule: Some(decline_rule::Rule::LeaveAfter(STRIKES)) }),
        cool_down_days: Some(COOL_DOWN_DAYS),
        ..MeasureType::default()
    };
    RegistryRow { row: Some(registry_row::Row::MeasureType(row)) }
}

/// One that the world has not.
fn municipality() -> RegistryRow {
    let row = Municipality {
        municipality_number: MUNICIPALITIES[2].into(),
        name: "Orkdal".into(),
        county_id: COUNTY.into(),
    };
    RegistryRow { row: Some(registry_row::Row::Municipality(row)) }
}

/// A world with so many ledgers of one county, each with a place budget.
async fn ledgers(count: u32) -> (World, Vec<Ledger>) {
    let world = World::new().await;
    let codes: Vec<String> = (0..count).map(|n| format!("M{n:03}")).collect();
    let pieces = tokio_stream::iter([ImportRegistryRequest {
        request_id: request_id(),
        validate_only: false,
        source: "test".into(),
        rows: codes.iter().map(|code| measure_type(code)).chain([municipality()]).collect(),
    }]);
    world.directorate.registry().import_registry(pieces).await.unwrap();
    let of = |code| Ledger { county_id: COUNTY.into(), measure_code: code };
    let ledgers: Vec<Ledger> = codes.into_iter().map(of).collect();
    for ledger in &ledgers {
        world.budget(ledger, 1_000).await;
    }
    (world, ledgers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_are_the_plain_ones_over_the_port() {
    // Each ledger has a connection of its own, and PostgreSQL a hundred for all.
    for _ in 0..at_length(1, 5) {
        ledgers_in_step(20).await;
    }
}

async fn ledgers_in_step(count: u32) {
    let (mut world, ledgers) = ledgers(count).await;
    let (registry, mut runner) = (registry(), TestRunner::default());
    let mut wishes = || prop::collection::vec(wish(), LENGTH).new_tree(&mut runner).unwrap();
    let mut besides = Vec::new();
    for (index, ledger) in ledgers.into_iter().enumerate() {
        let clock = world.service.clock.now();
        besides.push(Beside {
            sql: world.service.sql().await,
            wishes: wishes().current(),
            model: Model::new(clock),
            real: Real::new(&registry, clock),
            people: u32::try_from(index).unwrap() * 25,
            ledger,
        });
    }
    all!(besides, |beside| beside.begin(&world));
    for round in 0..LENGTH {
        if round % 5 == 4 {
            world.service.clock.advance(Duration::hours(if round % 20 == 4 { 100 } else { 17 }));
            world.county = world.service.caller(Role::County, COUNTY).await;
            world.provider = world.service.caller(Role::Provider, PROVIDER).await;
            let clock = world.service.clock.now();
            for beside in &mut besides {
                beside.model.clock = clock;
            }
            all!(besides, |beside| settle(beside, &world));
        }
        let wishes: Vec<Wish> = besides.iter().map(|beside| beside.wishes[round].clone()).collect();
        let steps = besides.iter_mut().zip(&wishes).map(|(b, wish)| step(b, &world, wish));
        for outcome in join_all(steps).await {
            outcome.unwrap();
        }
    }
    world.service.verify().await;
}
