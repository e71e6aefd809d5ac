//! Another's row among one's own answers like one that is not there, and what is passed on to
//! another's is not told of.

use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::Status;
use uuid::Uuid;

use super::said;
use crate::{
    support::{Caller, request_id},
    world::{HEMNE, HEMNE_OFFICE, TRONDHEIM, World, join, vta},
};

/// A ledger with a proposal in Trondheim and one in Hemne, and somebody else of Hemne's who
/// waits.
struct Two {
    world: World,
    ledger: Ledger,
    proposal: String,
    hemne_proposal: String,
    hemne_waits: String,
}

async fn two() -> Two {
    let world = World::new().await;
    let ledger = vta();
    world.budget(&ledger, 4).await;
    world.quotas(&ledger, &[(TRONDHEIM, 2), (HEMNE, 2)]).await;
    world.place_group(&ledger, 2).await;
    world.join(&ledger, 1).await;
    let of_hemne = async |person| {
        let request = JoinWaitlistRequest {
            municipality_number: HEMNE.into(),
            following_office_number: HEMNE_OFFICE.into(),
            ..join(&ledger, person)
        };
        let joined = world.county.waitlist().join_waitlist(request).await.unwrap();
        joined.into_inner().entry_id
    };
    of_hemne(2).await;
    let hemne_waits = of_hemne(3).await;
    let run = world.allocate(&ledger, 2).await;
    let [proposal, hemne_proposal] = [0, 1].map(|index| run.proposals[index].offer_id.clone());
    Two { world, ledger, proposal, hemne_proposal, hemne_waits }
}

impl Two {
    async fn confirm(&self, caller: &Caller, ids: &[&str]) -> Status {
        let request = ConfirmProposalsRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            ..ConfirmProposalsRequest::default()
        };
        caller.allocation().confirm_proposals(request).await.unwrap_err()
    }

    fn withdraw(&self) -> WithdrawOfferRequest {
        WithdrawOfferRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: self.proposal.clone(),
            reason: "feil".into(),
            ..WithdrawOfferRequest::default()
        }
    }
}

#[tokio::test]
async fn another_offices_offer_among_ones_own_answers_like_none() {
    let two = two().await;
    let hemne = two.world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let nothing = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001).to_string();
    let own = two.hemne_proposal.as_str();
    let there = two.confirm(&hemne, &[own, &two.proposal]).await;
    let missing = two.confirm(&hemne, &[own, &nothing]).await;
    assert_eq!(said(&there, &two.proposal), said(&missing, &nothing));
    // Also where one's own could not be confirmed anyway.
    let request = ConfirmProposalsRequest {
        request_id: request_id(),
        ledger: Some(two.ledger.clone()),
        offer_ids: vec![own.to_owned()],
        ..ConfirmProposalsRequest::default()
    };
    hemne.allocation().confirm_proposals(request).await.unwrap();
    let there = two.confirm(&hemne, &[own, &two.proposal]).await;
    let missing = two.confirm(&hemne, &[own, &nothing]).await;
    assert_eq!(said(&there, &two.proposal), said(&missing, &nothing));
}

/// A place that is passed on goes to whoever is next, of whatever office: it is told to who
/// sees them, by a preview as by the call itself.
#[tokio::test]
async fn to_whom_a_place_is_passed_on_is_told_to_whose_they_are() {
    let two = two().await;
    let previewed = |request| WithdrawOfferRequest { validate_only: true, ..request };
    let withdraw = async |caller: &Caller, request: WithdrawOfferRequest| {
        let answer = caller.allocation().withdraw_offer(request).await.unwrap().into_inner();
        answer.proposals.into_iter().map(|offer| offer.entry_id).collect::<Vec<String>>()
    };
    let (county, office) = (&two.world.county, &two.world.office);
    let next = withdraw(county, previewed(two.withdraw())).await;
    assert_eq!(next, std::slice::from_ref(&two.hemne_waits));
    assert!(withdraw(office, previewed(two.withdraw())).await.is_empty());
    let request = two.withdraw();
    assert!(withdraw(office, request.clone()).await.is_empty());
    // The same call again is answered in the same words.
    assert!(withdraw(office, request).await.is_empty());
    let listed = ListOffersRequest { ledger: Some(two.ledger.clone()), ..Default::default() };
    let hemne = two.world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let page = hemne.allocation().list_offers(listed).await.unwrap().into_inner();
    assert_eq!(page.offers.len(), 2);
    two.world.service.verify().await;
}

/// A request id that another has used tells nothing of what it was used for.
#[tokio::test]
async fn anothers_request_id_answers_like_a_new_one_where_the_row_is_not_the_callers() {
    let two = two().await;
    let request = two.withdraw();
    two.world.office.allocation().withdraw_offer(request.clone()).await.unwrap();
    let hemne = two.world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let again = hemne.allocation().withdraw_offer(request.clone()).await.unwrap_err();
    let new = WithdrawOfferRequest { request_id: request_id(), ..request };
    let new = hemne.allocation().withdraw_offer(new).await.unwrap_err();
    assert_eq!(said(&again, &two.proposal), said(&new, &two.proposal));
}

/// A token says where a page begins, and never whose rows stand on it.
#[tokio::test]
async fn anothers_page_token_shows_ones_own_rows_only() {
    let two = two().await;
    let request = ListWaitlistEntriesRequest {
        ledger: Some(two.ledger.clone()),
        state: EntryState::Proposed.into(),
        page_size: 1,
        ..ListWaitlistEntriesRequest::default()
    };
    let first = two.world.county.waitlist().list_waitlist_entries(request.clone()).await.unwrap();
    let page_token = first.into_inner().next_page_token;
    assert!(!page_token.is_empty());
    let request = ListWaitlistEntriesRequest { page_token, ..request };
    let listed = async |caller: &Caller| {
        let page = caller.waitlist().list_waitlist_entries(request.clone()).await.unwrap();
        page.into_inner().entries.len()
    };
    assert_eq!(listed(&two.world.county).await, 1);
    assert_eq!(listed(&two.world.office).await, 0, "the second is Hemne's");
}
