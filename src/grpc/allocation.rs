//! The allocation service: each of its calls is a mutation, told in `domain::ledger`.

use tonic::{Request, Response, Status};

use crate::{
    domain::access::Method,
    grpc::{Api, answer, parse::allocation as parse, vacancies},
    proto::v1::{
        AllocatePlacesRequest, AllocatePlacesResponse, ConfirmProposalsRequest,
        ConfirmProposalsResponse, EndPlacementRequest, EndPlacementResponse, RespondToOfferRequest,
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
        _r: Request<crate::proto::v1::ListOffersRequest>,
    ) -> Result<Response<crate::proto::v1::ListOffersResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }

    async fn list_placements(
        &self,
        _r: Request<crate::proto::v1::ListPlacementsRequest>,
    ) -> Result<Response<crate::proto::v1::ListPlacementsResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }

    async fn list_vacancies(
        &self,
        r: Request<crate::proto::v1::ListVacanciesRequest>,
    ) -> Result<Response<crate::proto::v1::ListVacanciesResponse>, Status> {
        self.read(r, Method::ListVacancies, vacancies::parse, vacancies::vacancies).await
    }

    async fn explain_decision(
        &self,
        _r: Request<crate::proto::v1::ExplainDecisionRequest>,
    ) -> Result<Response<crate::proto::v1::ExplainDecisionResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }
}
