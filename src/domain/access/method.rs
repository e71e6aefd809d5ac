//! Every RPC there is.

macro_rules! methods {
    ($($name:ident),* $(,)?) => {
        /// Every RPC there is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                $name,
            )*
        }

        impl Method {
            /// Every RPC there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name, as in the proto.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

methods!(
    ImportRegistry,
    SubmitCapacity,
    ReviewCapacity,
    GetAvailability,
    JoinWaitlist,
    GetPosition,
    ListWaitlistEntries,
    SummarizeQueues,
    AllocatePlaces,
    ConfirmProposals,
    RespondToOffer,
    StartPlacement,
    EndPlacement,
    Apportion,
    GetFairShare,
    SetPlaceBudget,
    SetQuotas,
    ListChanges,
    ListAreas,
    ListMunicipalities,
    ListOffices,
    ListMeasureTypes,
    ListProviders,
    ListDistributionKeys,
    ListCapacities,
    GetWaitlistEntry,
    LeaveWaitlist,
    LookupPerson,
    ListOffers,
    ListPlacements,
    ListVacancies,
    ExplainDecision,
    ListPlaceBudgets,
    ListQuotas,
    UpdateWaitlistEntry,
    PauseEntry,
    ResumeEntry,
    ConfirmEntry,
    PrioritizeEntry,
    TransferEntry,
    ReassignAdviser,
    BatchJoinWaitlist,
    ListMyWork,
    PlacePerson,
    ObjectToOffer,
    ResolveObjection,
    ExtendOffer,
    WithdrawOffer,
    ChangePlacement,
    MovePlacement,
    ReassignPlacement,
    CheckParticipation,
    SetEnforcement,
    GetShadowReport,
    Correct,
    EstimateWait,
    LendQuota,
    ReportClosure,
    GrantAccess,
    EndAccess,
    ListAccessGrants,
    GetAccessReport,
    LinkStaff,
    ListStaffLinks,
    ChangeIdentityNumber,
    ListHostAgreements,
    ListAccesses,
    ReviewAccesses,
    ProposePlan,
    CommentPlan,
    ApprovePlan,
    WithdrawPlan,
    GetPlan,
    ListPlans,
    SimulateRedistribution,
    MoveQuota,
    ExplainRedirection,
    GetPlanProgress,
    CompareFairShares,
    ImportExisting,
);
