//! The table of rights.

use crate::domain::access::{Method, Role};

/// How far a role's right to a method reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Nowhere.
    No,
    /// Everywhere.
    All,
    /// What belongs to the actor's own organisation: a county's area; the municipalities
    /// an office serves and the people it follows up; a municipality; a provider's
    /// place groups.
    Own,
    /// The area the actor's organisation lies in.
    OwnArea,
}

/// The table: a method's scope for each role, in the order of [`Role::ALL`].
pub fn rights(method: Method) -> [Scope; 7] {
    use Method as M;
    use Scope::{All, No, Own, OwnArea};
    match method {
        //                        directorate county office municipality provider service auditor
        Method::ImportRegistry => [All, No, No, No, No, No, No],
        Method::SubmitCapacity => [No, Own, No, No, Own, No, No],
        Method::ReviewCapacity => [No, Own, No, No, No, No, No],
        Method::GetAvailability => [All, Own, OwnArea, OwnArea, Own, All, All],
        M::JoinWaitlist | M::GetPosition | M::ListWaitlistEntries => [No, Own, Own, No, No, No, No],
        Method::SummarizeQueues => [All, Own, OwnArea, OwnArea, No, All, All],
        Method::AllocatePlaces => [No, Own, No, No, No, No, No],
        Method::ConfirmProposals | Method::RespondToOffer => [No, Own, Own, No, No, No, No],
        Method::StartPlacement | Method::EndPlacement => [No, Own, Own, No, Own, No, No],
        Method::Apportion => [All, All, All, All, All, All, All],
        Method::GetFairShare => [All, All, All, All, No, All, All],
        Method::SetPlaceBudget => [All, No, No, No, No, No, No],
        Method::SetQuotas => [No, Own, No, No, No, No, No],
        Method::ListChanges => [All, Own, No, No, No, All, All],
        Method::ListAreas
        | Method::ListMunicipalities
        | Method::ListOffices
        | Method::ListMeasureTypes
        | Method::ListProviders
        | Method::ListDistributionKeys => [All, All, All, All, All, All, All],
        Method::ListCapacities => [All, Own, OwnArea, OwnArea, Own, All, All],
        Method::LeaveWaitlist | Method::LookupPerson => [No, Own, Own, No, No, No, No],
        M::GetWaitlistEntry | M::ListOffers | M::ListPlacements => [No, Own, Own, No, Own, No, No],
        M::ListVacancies | M::ListPlaceBudgets | M::ListQuotas | M::SimulateRedistribution => {
            [All, Own, OwnArea, OwnArea, No, All, All]
        }
        Method::ExplainDecision => [No, Own, Own, No, No, No, All],
        Method::UpdateWaitlistEntry
        | Method::PauseEntry
        | Method::ResumeEntry
        | Method::ConfirmEntry
        | Method::TransferEntry
        | Method::ReassignAdviser
        | Method::BatchJoinWaitlist
        | Method::ListMyWork
        | Method::ResolveObjection
        | Method::ExtendOffer
        | Method::WithdrawOffer
        | Method::ChangePlacement
        | Method::MovePlacement
        | Method::ReassignPlacement => [No, Own, Own, No, No, No, No],
        M::PrioritizeEntry | M::PlacePerson | M::ImportExisting => [No, Own, No, No, No, No, No],
        Method::ObjectToOffer => [No, No, No, No, Own, No, No],
        M::Correct | M::EstimateWait | M::ChangeIdentityNumber => [No, Own, Own, No, No, No, No],
        Method::ReportClosure => [No, Own, No, No, Own, No, No],
        M::SetEnforcement | M::LendQuota | M::MoveQuota | M::ApprovePlan => {
            [No, Own, No, No, No, No, No]
        }
        Method::GetShadowReport => [All, Own, OwnArea, OwnArea, No, No, All],
        Method::GrantAccess | Method::EndAccess => [No, No, Own, No, No, No, No],
        Method::ListAccessGrants | Method::ListAccesses => [No, Own, Own, No, No, No, All],
        Method::GetAccessReport => [All, Own, No, No, No, No, All],
        Method::LinkStaff => [All, No, Own, No, No, No, No],
        Method::ListStaffLinks => [All, No, No, No, No, No, All],
        Method::ListHostAgreements => [All, All, All, All, All, All, All],
        Method::ReviewAccesses => [No, Own, No, No, No, No, All],
        Method::ProposePlan => [No, Own, No, OwnArea, No, No, No],
        Method::WithdrawPlan => [No, Own, No, Own, No, No, No],
        Method::CommentPlan => [No, No, No, Own, No, No, No],
        Method::GetPlan
        | Method::ListPlans
        | Method::ExplainRedirection
        | Method::GetPlanProgress => [All, Own, OwnArea, OwnArea, No, All, All],
        Method::CompareFairShares => [All, All, All, All, No, All, All],
        Method::CheckParticipation => [No, No, No, No, No, All, No],
    }
}

/// The scope of `method` for `role`.
pub fn scope(method: Method, role: Role) -> Scope {
    let column = Role::ALL.iter().position(|r| *r == role);
    column.map_or(Scope::No, |column| rights(method)[column])
}
