//! Reasons that lie in who asks.

use tiltaksplass::{auth::TokenRequest, domain::access::Role, proto::v1::*};
use tonic::Status;

use super::{metadata, words};
use crate::{
    support::request_id,
    world::{OFFICE, World, identity},
};

pub async fn confirming_ones_own() -> Status {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    world.join(&ledger, 1).await;
    let offer_id = world.allocate(&ledger, 1).await.proposals[0].offer_id.clone();
    let lifetime = time::Duration::hours(8);
    let themself = TokenRequest {
        identity_number: Some(identity(1)),
        ..TokenRequest::new("office-2", Role::Office, OFFICE, lifetime)
    };
    let request = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(ledger),
        offer_ids: vec![offer_id],
        ..ConfirmProposalsRequest::default()
    };
    let office = world.service.caller_with(&themself).await;
    let refused = office.allocation().confirm_proposals(request).await.unwrap_err();
    assert_eq!(metadata(&refused, "item"), "offer_ids[0]");
    let [nb, en] = words(&refused);
    assert_eq!(nb, "Nummer 1 på listen: Dette gjelder deg selv. En annen må gjøre det.");
    assert!(en.ends_with("This is about yourself. Somebody else must do it."), "{en}");
    refused
}
