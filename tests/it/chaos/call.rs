//! A mutation of any kind and its answer.

use prost::Message;
use tiltaksplass::proto::v1::*;
use tonic::{Request, Status};

use crate::support::Caller;

macro_rules! calls {
    ($($kind:ident: $request:ident -> $response:ident by $client:ident.$method:ident;)*) => {
        /// A mutation.
        #[derive(Clone, Debug)]
        #[allow(clippy::large_enum_variant)] // Few are held at a time.
        pub enum Call {
            $($kind($request),)*
        }

        /// Its answer.
        #[derive(Clone, Debug)]
        pub enum Reply {
            $($kind($response),)*
        }

        impl Call {
            pub fn request_id(&self) -> &str {
                match self {
                    $(Self::$kind(request) => &request.request_id,)*
                }
            }

            pub fn ledger(&self) -> &Ledger {
                match self {
                    $(Self::$kind(request) => request.ledger.as_ref().unwrap(),)*
                }
            }

            /// The same under another request id.
            pub fn named(&self, request_id: String) -> Self {
                match self.clone() {
                    $(Self::$kind(request) => Self::$kind($request { request_id, ..request }),)*
                }
            }

            /// The same, to be decided and not stored.
            pub fn preview(&self) -> Self {
                match self.clone() {
                    $(Self::$kind(request) => {
                        Self::$kind($request { validate_only: true, ..request })
                    })*
                }
            }

            /// Sends it, with a deadline of its own if there is one.
            pub async fn send(
                &self,
                caller: &Caller,
                deadline: Option<std::time::Duration>,
            ) -> Result<Reply, Status> {
                match self.clone() {
                    $(Self::$kind(request) => {
                        let mut request = Request::new(request);
                        if let Some(deadline) = deadline {
                            request.set_timeout(deadline);
                        }
                        let answer = caller.$client().$method(request).await?;
                        Ok(Reply::$kind(answer.into_inner()))
                    })*
                }
            }
        }

        impl Reply {
            pub fn bytes(&self) -> Vec<u8> {
                match self {
                    $(Self::$kind(answer) => answer.encode_to_vec(),)*
                }
            }

            pub fn seq(&self) -> u64 {
                let revision = match self {
                    $(Self::$kind(answer) => &answer.revision,)*
                };
                revision.as_ref().map_or(0, |revision| revision.seq)
            }
        }
    };
}

calls! {
    Join: JoinWaitlistRequest -> JoinWaitlistResponse by waitlist.join_waitlist;
    Allocate: AllocatePlacesRequest -> AllocatePlacesResponse by allocation.allocate_places;
    Confirm: ConfirmProposalsRequest -> ConfirmProposalsResponse by allocation.confirm_proposals;
    Answer: RespondToOfferRequest -> RespondToOfferResponse by allocation.respond_to_offer;
    Start: StartPlacementRequest -> StartPlacementResponse by allocation.start_placement;
    End: EndPlacementRequest -> EndPlacementResponse by allocation.end_placement;
    Leave: LeaveWaitlistRequest -> LeaveWaitlistResponse by waitlist.leave_waitlist;
}

/// A ledger's name in one text.
pub fn ledger_name(ledger: &Ledger) -> String {
    format!("{}/{}", ledger.county_id, ledger.measure_code)
}
