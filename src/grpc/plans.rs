//! Redistribution plans: what is said of them, and how each stands.

use prost::Message;
use time::Date;
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        access::{Method, Role},
        apportionment,
        event::Event,
        ids::{MunicipalityNumber, PlanId},
        ledger::Ledger,
        plan::{Approval, Plan, PlanTerms, View, Withdrawal, last_day_of},
        plan_standing::{AreaStanding, PlanStanding, PlanState, affected, standing, state},
        prospect::MeanStay,
        redistribution::goal,
        refusal::Refusal,
        registry::Registry,
    },
    error::Error,
    grpc::{
        Api, Caller, Mutation, Reader, answer, area_of,
        fair_share::require_quotas,
        forecast,
        parse::plan::{Author, Parsed, PlanQuery, PlansQuery},
        require_ledger, respond,
        shares::empty,
    },
    proto::v1 as pb,
    store,
    write::{Done, Encode},
};

/// The most places to be moved of which a forecast is no heavy read: it grows with their square.
const LIGHT_DISTANCE: u64 = 200;
/// How many plans are read at once, until a page is full.
const PLANS_AT_ONCE: i64 = 20;

/// Who may do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Whoever has the right.
    Anybody,
    /// Of those, a person, who answers for it by name.
    APerson,
}

impl Api {
    /// A mutation of a plan, which keeps the name of who asks. That it is a person is the token's
    /// word and stands in no log, so it is asked here.
    pub(super) async fn plan<Q: Mutation, A: Message + Default>(
        &self,
        request: Request<Q>,
        method: Method,
        by: By,
        parse: fn(&Q, Author) -> Parsed,
        encode: Encode,
    ) -> Result<Response<A>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let outcome = async {
            caller.require(method)?;
            let (ledger, draft) = parse(&request, Author::of(&caller))?;
            if by == By::APerson && caller.standing.is_system {
                return Err(Refusal::PermissionDenied.into());
            }
            self.submit(&caller, &request, method, ledger, draft, encode).await
        };
        respond(method, outcome.await)
    }
}

pub(super) fn propose_plan(done: &Done<'_>) -> Vec<u8> {
    let (revision, plan) = (Some(answer::revision_of(done)), plan_set(done));
    pb::ProposePlanResponse { revision, plan }.encode_to_vec()
}

pub(super) fn comment_plan(done: &Done<'_>) -> Vec<u8> {
    let (revision, plan) = (Some(answer::revision_of(done)), plan_set(done));
    pb::CommentPlanResponse { revision, plan }.encode_to_vec()
}

pub(super) fn approve_plan(done: &Done<'_>) -> Vec<u8> {
    let (revision, plan) = (Some(answer::revision_of(done)), plan_set(done));
    pb::ApprovePlanResponse { revision, plan }.encode_to_vec()
}

pub(super) fn withdraw_plan(done: &Done<'_>) -> Vec<u8> {
    let (revision, plan) = (Some(answer::revision_of(done)), plan_set(done));
    pb::WithdrawPlanResponse { revision, plan }.encode_to_vec()
}

/// The plan as the command left it.
fn plan_set(done: &Done<'_>) -> Option<pb::Plan> {
    let plan_id = answer::from_events(done, |event| {
        if let Event::PlanSet { plan } = event {
            Some(plan.plan_id)
        } else if let Event::PlanCommented { plan_id, .. } | Event::PlanWithdrawn { plan_id, .. } =
            event
        {
            Some(*plan_id)
        } else {
            None
        }
    })?;
    let plan = done.ledger.plan(plan_id)?;
    let shown = Shown { ledger: done.ledger, registry: done.viewer.registry() };
    Some(shown.whole(plan, done.at.date_in_norway()))
}

/// One plan; one that is not approved is not there for who has no say in it.
pub(super) async fn plan(reader: Reader, query: PlanQuery) -> Result<pb::GetPlanResponse, Error> {
    let id = &query.ledger;
    let (mut snapshot, registry) = reader.snapshot(Some((id, query.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    require_ledger(id, &registry)?;
    require_quotas(id, &registry)?;
    let ledger = store::ledger::find(&mut snapshot, id).await?.unwrap_or_else(|| empty(id));
    let found = store::plans::find(&mut snapshot, id, query.plan_id).await?;
    let today = reader.today();
    let measured = store::stays::measured(&mut snapshot, id, today).await?;
    snapshot.rollback().await?;
    let seen = |plan: &Plan| sees(&reader, plan);
    let missing = || Refusal::NotFound { what: "plan", id: query.plan_id.to_string() };
    let plan = found.filter(seen).ok_or_else(missing)?;
    let shown = Shown { ledger: &ledger, registry: &registry };
    let whole = shown.whole(&plan, today);
    let before = forecast::before(&ledger, &plan, &registry, today);
    let forecast = match before {
        Some(outset) => {
            let mean_stay = MeanStay::of(None, &outset.terms, measured);
            let is_heavy = outset.distance() > LIGHT_DISTANCE;
            let _place = if is_heavy { Some(reader.heavy_place().await?) } else { None };
            Some(forecast::plan_forecast(outset, mean_stay).await?)
        }
        None => None,
    };
    Ok(pb::GetPlanResponse {
        revisions: vec![answer::revision(id, ledger.head().seq)],
        plan: Some(pb::Plan { forecast, ..whole }),
    })
}

/// A page of plans. States pass with time, so rows are read on until a page is full.
pub(super) async fn plans(
    reader: Reader,
    query: PlansQuery,
) -> Result<pb::ListPlansResponse, Error> {
    let (id, page) = (&query.ledger, &query.page);
    let (mut snapshot, registry) = reader.snapshot(Some((id, page.at_least_seq))).await?;
    reader.require(&area_of(id), &registry)?;
    require_ledger(id, &registry)?;
    require_quotas(id, &registry)?;
    let mut after: Option<PlanId> = page.after(&reader.app.keys)?;
    let ledger = store::ledger::find(&mut snapshot, id).await?.unwrap_or_else(|| empty(id));
    let today = reader.today();
    let shown = Shown { ledger: &ledger, registry: &registry };
    let mut rows: Vec<pb::Plan> = Vec::new();
    loop {
        let read = store::plans::page(&mut snapshot, id, after, PLANS_AT_ONCE).await?;
        let Some(last) = read.last() else { break };
        after = Some(last.plan_id);
        for plan in &read {
            let state = state(&ledger, plan, &registry, today);
            let is_asked_for = query.states.is_empty() || query.states.contains(&state);
            if is_asked_for && sees(&reader, plan) {
                rows.push(shown.brief(plan, today));
            }
        }
        if rows.len() > page.size {
            break;
        }
    }
    snapshot.rollback().await?;
    let key = |plan: &pb::Plan| plan.plan_id.parse::<uuid::Uuid>().map(PlanId).ok();
    let (plans, next_page_token) = page.fill(&reader.app.keys, rows, key, |plan| plan)?;
    let revisions = vec![answer::revision(id, ledger.head().seq)];
    Ok(pb::ListPlansResponse { revisions, plans, next_page_token })
}

/// Whether a plan is there for the caller: one that is not approved, for those who have a say in
/// it, and who looks after them.
pub(super) fn sees(reader: &Reader, plan: &Plan) -> bool {
    match reader.actor.role {
        Role::Directorate | Role::County | Role::Municipality | Role::Auditor => true,
        Role::Office | Role::Provider | Role::Service => plan.approval.is_some(),
    }
}

/// What plans are shown by.
pub(super) struct Shown<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) registry: &'a Registry,
}

impl Shown<'_> {
    /// A plan with all that is known of it.
    pub(super) fn whole(&self, plan: &Plan, today: Date) -> pb::Plan {
        let stands = standing(self.ledger, plan, self.registry, today);
        let goals = goals(&plan.terms, &stands);
        let positions = self.positions(plan, true);
        let areas = stands.areas.iter().map(|area| self.area(area)).collect();
        pb::Plan { positions, areas, goals, ..self.head(plan, &stands) }
    }

    /// A plan among others.
    fn brief(&self, plan: &Plan, today: Date) -> pb::Plan {
        let stands = standing(self.ledger, plan, self.registry, today);
        pb::Plan { positions: self.positions(plan, false), ..self.head(plan, &stands) }
    }

    fn head(&self, plan: &Plan, stands: &PlanStanding) -> pb::Plan {
        let measure = stands.superseded_by_measure.as_ref();
        let proposed_by = plan.proposed_by_municipality.as_ref();
        pb::Plan {
            plan_id: plan.plan_id.to_string(),
            ledger: Some(answer::ledger(self.ledger.id())),
            terms: Some(terms(&plan.terms)),
            state: plan_state(stands.state).into(),
            proposed_by: plan.proposed_by.clone(),
            proposed_by_name: plan.proposed_by_name.clone().unwrap_or_default(),
            proposed_time: Some(answer::timestamp(plan.proposed_time)),
            proposed_by_municipality_number: proposed_by
                .map(ToString::to_string)
                .unwrap_or_default(),
            approval: plan.approval.as_ref().map(approval),
            withdrawal: plan.withdrawal.as_ref().map(withdrawal),
            approve_until_date: Some(answer::date(plan.terms.approved_until())),
            begun_date: stands.begun.map(answer::date),
            ended_date: stands.ended.map(answer::date),
            superseded_by_plan_id: stands
                .superseded_by
                .map(|id| id.to_string())
                .unwrap_or_default(),
            superseded_by_measure_code: measure.map(ToString::to_string).unwrap_or_default(),
            place_budget: stands.places,
            remaining_places: whole(stands.remaining),
            distance_places: whole(stands.distance),
            moved_places: stands.moved,
            ..pb::Plan::default()
        }
    }

    /// What each affected municipality says; one that has moved to another area since, too.
    fn positions(&self, plan: &Plan, with_texts: bool) -> Vec<pb::PlanPosition> {
        let mut numbers: Vec<&MunicipalityNumber> =
            affected(self.ledger.id(), self.registry).chain(plan.comments.keys()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let of_one = |number: &MunicipalityNumber| {
            let named = pb::PlanPosition {
                municipality_number: number.to_string(),
                municipality_name: self.name(number),
                ..pb::PlanPosition::default()
            };
            let Some(comment) = plan.comments.get(number) else { return named };
            pb::PlanPosition {
                view: view(comment.view).into(),
                text: comment.text.clone().filter(|_| with_texts).unwrap_or_default(),
                commented_by: comment.commented_by.clone(),
                commented_by_name: comment.commented_by_name.clone().unwrap_or_default(),
                commented_time: Some(answer::timestamp(comment.commented_time)),
                ..named
            }
        };
        numbers.into_iter().map(of_one).collect()
    }

    fn area(&self, area: &AreaStanding) -> pb::PlanArea {
        let number = &area.holder.municipality_number;
        pb::PlanArea {
            municipality_number: number.to_string(),
            municipality_name: self.name(number),
            weight: area.holder.weight,
            held_places: whole(area.holder.held),
            target_places: whole(area.target),
            maximum_places: area.holder.maximum.map(whole),
            held_at_start_places: whole(area.held_at_start),
            given_places: area.given,
            got_places: area.got,
        }
    }

    fn name(&self, number: &MunicipalityNumber) -> String {
        self.registry.municipality(number).map(|m| m.name.clone()).unwrap_or_default()
    }
}

pub(super) fn whole(places: u64) -> u32 {
    u32::try_from(places).unwrap_or(u32::MAX)
}

fn goals(terms: &PlanTerms, stands: &PlanStanding) -> Vec<pb::PlanGoal> {
    let begun = stands.begun.map_or(terms.start_date, |begun| begun.max(terms.start_date));
    let of_year = |year| pb::PlanGoal {
        year,
        last_date: Some(answer::date(last_day_of(begun, year))),
        places: whole(goal(stands.distance, year, terms.horizon_years)),
    };
    (1..=terms.horizon_years).map(of_year).collect()
}

fn approval(approval: &Approval) -> pb::PlanApproval {
    pb::PlanApproval {
        approved_by: approval.approved_by.clone(),
        approved_by_name: approval.approved_by_name.clone().unwrap_or_default(),
        approved_time: Some(answer::timestamp(approval.approved_time)),
        reason_against_views: approval.reason_against_views.clone().unwrap_or_default(),
        silent_municipality_numbers: approval.silent.iter().map(ToString::to_string).collect(),
    }
}

fn withdrawal(withdrawal: &Withdrawal) -> pb::PlanWithdrawal {
    pb::PlanWithdrawal {
        withdrawn_by: withdrawal.withdrawn_by.clone(),
        withdrawn_by_name: withdrawal.withdrawn_by_name.clone().unwrap_or_default(),
        withdrawn_time: Some(answer::timestamp(withdrawal.withdrawn_time)),
        reason: withdrawal.reason.clone(),
    }
}

/// What is planned, as it was asked for.
pub(super) fn terms(terms: &PlanTerms) -> pb::PlanTerms {
    let committed = terms.committed_places.iter().map(|(number, places)| pb::CommittedPlaces {
        municipality_number: number.to_string(),
        places: *places,
    });
    pb::PlanTerms {
        name: terms.name.clone(),
        method: method(terms.method).into(),
        key_name: terms.key_name.clone(),
        key_date: terms.key_date.map(answer::date),
        start_date: Some(answer::date(terms.start_date)),
        horizon_years: terms.horizon_years,
        comment_until_date: Some(answer::date(terms.comment_until)),
        pace: if terms.pace_is_goal { pb::PlanPace::Goal } else { pb::PlanPace::Yardstick }.into(),
        cap_basis_points: terms.cap_basis_points,
        protect_at_target: Some(terms.protect_at_target),
        committed: committed.collect(),
        mean_stay_months: terms.mean_stay_months,
        new_places_a_year: terms.new_places_a_year,
        saving_nok_a_year: terms.saving_nok_a_year,
        discount_basis_points: terms.discount_basis_points,
    }
}

pub(super) fn method(method: apportionment::Method) -> pb::ApportionmentMethod {
    use apportionment::Method;
    match method {
        Method::SainteLague => pb::ApportionmentMethod::SainteLague,
        Method::ModifiedSainteLague => pb::ApportionmentMethod::ModifiedSainteLague,
        Method::DHondt => pb::ApportionmentMethod::Dhondt,
        Method::Adams => pb::ApportionmentMethod::Adams,
        Method::HuntingtonHill => pb::ApportionmentMethod::HuntingtonHill,
        Method::Dean => pb::ApportionmentMethod::Dean,
        Method::LargestRemainder => pb::ApportionmentMethod::LargestRemainder,
        Method::Quota => pb::ApportionmentMethod::Quota,
    }
}

fn view(view: View) -> pb::PlanView {
    match view {
        View::Agrees => pb::PlanView::Agrees,
        View::AgreesWithRemark => pb::PlanView::AgreesWithRemark,
        View::Disagrees => pb::PlanView::Disagrees,
    }
}

fn plan_state(state: PlanState) -> pb::PlanState {
    match state {
        PlanState::Draft => pb::PlanState::Draft,
        PlanState::Commented => pb::PlanState::Commented,
        PlanState::Approved => pb::PlanState::Approved,
        PlanState::Active => pb::PlanState::Active,
        PlanState::Completed => pb::PlanState::Completed,
        PlanState::Superseded => pb::PlanState::Superseded,
        PlanState::Lapsed => pb::PlanState::Lapsed,
        PlanState::Withdrawn => pb::PlanState::Withdrawn,
    }
}
