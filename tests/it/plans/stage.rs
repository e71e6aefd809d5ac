//! What the tests about plans begin with: plans proposed, commented on and approved by callers of
//! their own, and people placed in two municipalities.

use tiltaksplass::{
    domain::access::Role,
    proto::{google::r#type::Date, v1::*},
};
use tonic::Status;

use crate::{
    support::{Caller, request_id},
    world::{COUNTY, HEMNE, HEMNE_OFFICE, OFFICE, TRONDHEIM, World, date, identity, join, vta},
};

/// A plan of ten years from a day on, which may be commented on today.
pub fn plan_terms(start: Date) -> PlanTerms {
    PlanTerms {
        name: "Etter folketall".into(),
        start_date: Some(start),
        horizon_years: 10,
        comment_until_date: Some(date(2026, 3, 2)),
        ..PlanTerms::default()
    }
}

/// The same from today on.
pub fn from_today() -> PlanTerms {
    plan_terms(date(2026, 3, 2))
}

pub fn proposing(ledger: &Ledger, terms: PlanTerms) -> ProposePlanRequest {
    ProposePlanRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        terms: Some(terms),
        ..ProposePlanRequest::default()
    }
}

pub fn commenting(plan_id: &str, number: &str, view: PlanView) -> CommentPlanRequest {
    let ground = if view == PlanView::Agrees { "" } else { "Køen er lengst hos oss" };
    CommentPlanRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        plan_id: plan_id.into(),
        municipality_number: number.into(),
        view: view.into(),
        text: ground.into(),
        ..CommentPlanRequest::default()
    }
}

pub fn approving(plan_id: &str) -> ApprovePlanRequest {
    ApprovePlanRequest {
        request_id: request_id(),
        ledger: Some(vta()),
        plan_id: plan_id.into(),
        ..ApprovePlanRequest::default()
    }
}

pub async fn propose(caller: &Caller, request: ProposePlanRequest) -> Result<Plan, Status> {
    Ok(caller.fair_share().propose_plan(request).await?.into_inner().plan.unwrap())
}

pub async fn comment(caller: &Caller, request: CommentPlanRequest) -> Result<Plan, Status> {
    Ok(caller.fair_share().comment_plan(request).await?.into_inner().plan.unwrap())
}

pub async fn approve(caller: &Caller, request: ApprovePlanRequest) -> Result<Plan, Status> {
    Ok(caller.fair_share().approve_plan(request).await?.into_inner().plan.unwrap())
}

pub async fn get(caller: &Caller, plan_id: &str) -> Result<Plan, Status> {
    let (ledger, plan_id) = (Some(vta()), plan_id.to_owned());
    let request = GetPlanRequest { ledger, plan_id, at_least_seq: 0 };
    Ok(caller.fair_share().get_plan(request).await?.into_inner().plan.unwrap())
}

pub async fn list(caller: &Caller, request: ListPlansRequest) -> Result<ListPlansResponse, Status> {
    let request = ListPlansRequest { ledger: Some(vta()), ..request };
    Ok(caller.fair_share().list_plans(request).await?.into_inner())
}

impl World {
    /// A municipality's staff.
    pub async fn municipality(&self, number: &str) -> Caller {
        self.service.caller_as(Role::Municipality, number, &format!("kommune-{number}")).await
    }

    /// The county's planner, who proposes.
    pub async fn planner(&self) -> Caller {
        self.service.caller_as(Role::County, COUNTY, "planlegger").await
    }

    /// A plan by the county's planner.
    pub async fn propose_plan(&self, ledger: &Ledger, terms: PlanTerms) -> Plan {
        propose(&self.planner().await, proposing(ledger, terms)).await.unwrap()
    }

    /// What a municipality thinks of a plan.
    pub async fn comment_plan(&self, plan: &Plan, number: &str, view: PlanView) -> Plan {
        let request = CommentPlanRequest {
            ledger: plan.ledger.clone(),
            ..commenting(&plan.plan_id, number, view)
        };
        comment(&self.municipality(number).await, request).await.unwrap()
    }

    /// The county approves a plan.
    pub async fn approve_plan(&self, ledger: &Ledger, plan_id: &str) -> Plan {
        let ledger = Some(ledger.clone());
        approve(&self.county, ApprovePlanRequest { ledger, ..approving(plan_id) }).await.unwrap()
    }

    /// A plan that both municipalities agree to, approved.
    pub async fn agreed(&self, terms: PlanTerms) -> Plan {
        let plan = self.propose_plan(&vta(), terms).await;
        for number in [TRONDHEIM, HEMNE] {
            self.comment_plan(&plan, number, PlanView::Agrees).await;
        }
        self.approve_plan(&vta(), &plan.plan_id).await
    }

    /// New tokens: time has passed.
    pub async fn refresh(&mut self) {
        self.directorate = self.service.caller(Role::Directorate, "NAV").await;
        self.county = self.service.caller(Role::County, COUNTY).await;
        self.office = self.service.caller(Role::Office, OFFICE).await;
    }

    /// Forty places of which Trondheim is entitled to 39, and has 30; Hemne has ten.
    pub async fn uneven() -> Self {
        let world = Self::new().await;
        world.budget(&vta(), 40).await;
        world.quotas(&vta(), &[(TRONDHEIM, 30), (HEMNE, 10)]).await;
        world.place_group(&vta(), 60).await;
        world
    }

    /// The places of each municipality's quota today.
    pub async fn quota_places(&self) -> Vec<(String, u32)> {
        let request = ListQuotasRequest { ledger: Some(vta()), ..ListQuotasRequest::default() };
        let found = self.county.fair_share().list_quotas(request).await.unwrap().into_inner();
        let quota = |one: QuotaInPeriod| one.quota.map(|q| (q.municipality_number, q.places));
        found.quotas.into_iter().filter_map(quota).collect()
    }

    /// People of a municipality who use a share of a place each; their placements.
    pub async fn placed(&self, number: &str, people: &[(u32, u32)]) -> Vec<String> {
        let office = if number == HEMNE { HEMNE_OFFICE } else { OFFICE };
        let mut placements = Vec::new();
        for (person, percent) in people {
            let request = JoinWaitlistRequest {
                national_identity_number: identity(*person),
                municipality_number: number.into(),
                following_office_number: office.into(),
                participation_percent: *percent,
                ..join(&vta(), *person)
            };
            self.county.waitlist().join_waitlist(request).await.unwrap();
            let offer = self.allocate(&vta(), 1).await.proposals.remove(0).offer_id;
            placements.push(self.started(&offer).await);
        }
        placements
    }

    /// A proposal that is confirmed, accepted and begun; the placement.
    async fn started(&self, offer_id: &str) -> String {
        let request = ConfirmProposalsRequest {
            request_id: request_id(),
            ledger: Some(vta()),
            offer_ids: vec![offer_id.into()],
            ..ConfirmProposalsRequest::default()
        };
        self.county.allocation().confirm_proposals(request).await.unwrap();
        self.answer(offer_id, OfferAnswer::Accept).await;
        let request = StartPlacementRequest {
            request_id: request_id(),
            ledger: Some(vta()),
            offer_id: offer_id.into(),
            start_date: Some(date(2026, 3, 2)),
            ..StartPlacementRequest::default()
        };
        let answer = self.county.allocation().start_placement(request).await.unwrap();
        answer.into_inner().placement.unwrap().placement_id
    }

    /// The county answers an offer.
    pub async fn answer(&self, offer_id: &str, answer: OfferAnswer) {
        let request = RespondToOfferRequest {
            request_id: request_id(),
            ledger: Some(vta()),
            offer_id: offer_id.into(),
            answer: answer.into(),
            reason: "avtalt".into(),
            ..RespondToOfferRequest::default()
        };
        self.county.allocation().respond_to_offer(request).await.unwrap();
    }

    /// The county ends a placement.
    pub async fn end(&self, placement_id: &str, day: Date) -> u64 {
        let request = EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(vta()),
            placement_id: placement_id.into(),
            end_date: Some(day),
            outcome: PlacementOutcome::Other.into(),
            ..EndPlacementRequest::default()
        };
        let ended = self.county.allocation().end_placement(request).await.unwrap();
        ended.into_inner().revision.unwrap().seq
    }
}
