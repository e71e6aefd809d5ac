//! The allocation service. Its mutations are told in `domain::ledger`.

use tonic::{Request, Response, Status};

use crate::{
    domain::access::Method,
    grpc::{Api, answer, explain, held, parse::allocation as parse, vacancies},
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
}
