//! The allocation service. Its mutations are told in `domain::ledger`.

use tonic::{Request, Response, Status};

use crate::{
    domain::access::Method,
    grpc::{
        Api, answer, enforcement, explain, held,
        parse::{
            allocation as parse, enforcement as parse_enforcement, offer,
            placement as parse_placement,
        },
        participation, placements, vacancies,
    },
    proto::v1 as pb,
    proto::v1::{
        AllocatePlacesRequest, AllocatePlacesResponse, ConfirmProposalsRequest,
        ConfirmProposalsResponse, EndPlacementRequest, EndPlacementResponse,
        ExplainDecisionRequest, ExplainDecisionResponse, ListOffersRequest, ListOffersResponse,
        ListPlacementsRequest, ListPlacementsResponse, RespondToOfferRequest,
        RespondToOfferResponse, StartPlacementRequest, StartPlacementResponse,
        allocation_service_server::AllocationService,
    },
};

#[tonic::async_trait]
impl AllocationService for Api {
    async fn allocate_places(
        &self,
        r: Request<AllocatePlacesRequest>,
    ) -> Result<Response<AllocatePlacesResponse>, Status> {
        let method = Method::AllocatePlaces;
        self.write(r, method, parse::allocate_places, answer::allocate_places).await
    }

    async fn confirm_proposals(
        &self,
        r: Request<ConfirmProposalsRequest>,
    ) -> Result<Response<ConfirmProposalsResponse>, Status> {
        let method = Method::ConfirmProposals;
        self.write(r, method, parse::confirm_proposals, answer::confirm_proposals).await
    }

    async fn respond_to_offer(
        &self,
        r: Request<RespondToOfferRequest>,
    ) -> Result<Response<RespondToOfferResponse>, Status> {
        let method = Method::RespondToOffer;
        self.write(r, method, parse::respond_to_offer, answer::respond_to_offer).await
    }

    async fn start_placement(
        &self,
        r: Request<StartPlacementRequest>,
    ) -> Result<Response<StartPlacementResponse>, Status> {
        let method = Method::StartPlacement;
        self.write(r, method, offer::start_placement, answer::start_placement).await
    }

    async fn end_placement(
        &self,
        r: Request<EndPlacementRequest>,
    ) -> Result<Response<EndPlacementResponse>, Status> {
        let method = Method::EndPlacement;
        self.write(r, method, parse::end_placement, answer::end_placement).await
    }

    async fn list_offers(
        &self,
        r: Request<ListOffersRequest>,
    ) -> Result<Response<ListOffersResponse>, Status> {
        self.read(r, Method::ListOffers, parse::list_offers, held::offers).await
    }

    async fn list_placements(
        &self,
        r: Request<ListPlacementsRequest>,
    ) -> Result<Response<ListPlacementsResponse>, Status> {
        self.read(r, Method::ListPlacements, parse::list_placements, held::placements).await
    }

    async fn list_vacancies(
        &self,
        r: Request<crate::proto::v1::ListVacanciesRequest>,
    ) -> Result<Response<crate::proto::v1::ListVacanciesResponse>, Status> {
        self.read(r, Method::ListVacancies, vacancies::parse, vacancies::vacancies).await
    }

    async fn explain_decision(
        &self,
        r: Request<ExplainDecisionRequest>,
    ) -> Result<Response<ExplainDecisionResponse>, Status> {
        self.read(r, Method::ExplainDecision, parse::explain_decision, explain::decision).await
    }

    async fn place_person(
        &self,
        r: Request<pb::PlacePersonRequest>,
    ) -> Result<Response<pb::PlacePersonResponse>, Status> {
        let method = Method::PlacePerson;
        self.write(r, method, offer::place_person, answer::offers::place_person).await
    }

    async fn object_to_offer(
        &self,
        r: Request<pb::ObjectToOfferRequest>,
    ) -> Result<Response<pb::ObjectToOfferResponse>, Status> {
        let method = Method::ObjectToOffer;
        self.write(r, method, offer::object_to_offer, answer::offers::object_to_offer).await
    }

    async fn resolve_objection(
        &self,
        r: Request<pb::ResolveObjectionRequest>,
    ) -> Result<Response<pb::ResolveObjectionResponse>, Status> {
        let method = Method::ResolveObjection;
        self.write(r, method, offer::resolve_objection, answer::offers::resolve_objection).await
    }

    async fn extend_offer(
        &self,
        r: Request<pb::ExtendOfferRequest>,
    ) -> Result<Response<pb::ExtendOfferResponse>, Status> {
        let method = Method::ExtendOffer;
        self.write(r, method, offer::extend_offer, answer::offers::extend_offer).await
    }

    async fn withdraw_offer(
        &self,
        r: Request<pb::WithdrawOfferRequest>,
    ) -> Result<Response<pb::WithdrawOfferResponse>, Status> {
        let method = Method::WithdrawOffer;
        self.write(r, method, offer::withdraw_offer, answer::offers::withdraw_offer).await
    }

    async fn change_placement(
        &self,
        r: Request<pb::ChangePlacementRequest>,
    ) -> Result<Response<pb::ChangePlacementResponse>, Status> {
        let method = Method::ChangePlacement;
        self.write(r, method, parse_placement::change_placement, placements::change_placement).await
    }

    async fn move_placement(
        &self,
        r: Request<pb::MovePlacementRequest>,
    ) -> Result<Response<pb::MovePlacementResponse>, Status> {
        let method = Method::MovePlacement;
        self.write(r, method, parse_placement::move_placement, placements::move_placement).await
    }

    async fn reassign_placement(
        &self,
        r: Request<pb::ReassignPlacementRequest>,
    ) -> Result<Response<pb::ReassignPlacementResponse>, Status> {
        let method = Method::ReassignPlacement;
        self.write(r, method, parse_placement::reassign_placement, placements::reassign_placement)
            .await
    }

    async fn check_participation(
        &self,
        r: Request<pb::CheckParticipationRequest>,
    ) -> Result<Response<pb::CheckParticipationResponse>, Status> {
        let (parse, story) = (participation::parse, participation::check);
        self.read_for(r, Method::CheckParticipation, parse, story).await
    }

    async fn set_enforcement(
        &self,
        r: Request<pb::SetEnforcementRequest>,
    ) -> Result<Response<pb::SetEnforcementResponse>, Status> {
        let method = Method::SetEnforcement;
        self.write(r, method, parse_enforcement::set_enforcement, enforcement::set).await
    }

    async fn correct(
        &self,
        r: Request<pb::CorrectRequest>,
    ) -> Result<Response<pb::CorrectResponse>, Status> {
        self.correct_mistake(r).await
    }
}
