//! The allocation service. Its mutations are told in `domain::ledger`.

use tonic::{Request, Response, Status};

use crate::{
    domain::access::Method,
    grpc::{Api, answer, explain, held, parse::allocation as parse, participation, vacancies},
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
        self.write(r, method, parse::start_placement, answer::start_placement).await
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
        _r: Request<pb::PlacePersonRequest>,
    ) -> Result<Response<pb::PlacePersonResponse>, Status> {
        Err(super::unauthenticated()) // NOT BUILT YET
    }

    async fn object_to_offer(
        &self,
        _r: Request<pb::ObjectToOfferRequest>,
    ) -> Result<Response<pb::ObjectToOfferResponse>, Status> {
        Err(super::unauthenticated()) // NOT BUILT YET
    }

    async fn resolve_objection(
        &self,
        _r: Request<pb::ResolveObjectionRequest>,
    ) -> Result<Response<pb::ResolveObjectionResponse>, Status> {
        Err(super::unauthenticated()) // NOT BUILT YET
    }

    async fn extend_offer(
        &self,
        _r: Request<pb::ExtendOfferRequest>,
    ) -> Result<Response<pb::ExtendOfferResponse>, Status> {
        Err(super::unauthenticated()) // NOT BUILT YET
    }

    async fn withdraw_offer(
        &self,
        _r: Request<pb::WithdrawOfferRequest>,
    ) -> Result<Response<pb::WithdrawOfferResponse>, Status> {
        Err(super::unauthenticated()) // NOT BUILT YET
    }

    async fn change_placement(
        &self,
        _r: Request<pb::ChangePlacementRequest>,
    ) -> Result<Response<pb::ChangePlacementResponse>, Status> {
        Err(super::unauthenticated()) // NOT BUILT YET
    }

    async fn move_placement(
        &self,
        _r: Request<pb::MovePlacementRequest>,
    ) -> Result<Response<pb::MovePlacementResponse>, Status> {
        Err(super::unauthenticated()) // NOT BUILT YET
    }

    async fn reassign_placement(
        &self,
        _r: Request<pb::ReassignPlacementRequest>,
    ) -> Result<Response<pb::ReassignPlacementResponse>, Status> {
        Err(super::unauthenticated()) // NOT BUILT YET
    }

    async fn check_participation(
        &self,
        r: Request<pb::CheckParticipationRequest>,
    ) -> Result<Response<pb::CheckParticipationResponse>, Status> {
        self.read(r, Method::CheckParticipation, participation::parse, participation::check).await
    }
}
