//! What is another's answers like what is not there: an id that was guessed or found
//! tells nothing.

use std::collections::BTreeMap;

use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::{
    support::{Caller, request_id},
    world::{
        COUNTY, HEMNE, HEMNE_OFFICE, OTHER_COUNTY, OTHER_PROVIDER, TRONDHEIM, World, date, join,
        vta,
    },
};

/// A ledger of two municipalities, with a proposal, an accepted offer and a placement
/// in Trondheim and a proposal in Hemne.
struct Two {
    world: World,
    ledger: Ledger,
    entry: String,
    proposal: String,
    accepted: String,
    placement: String,
    hemne_entry: String,
    hemne_proposal: String,
    run: u64,
}

async fn two() -> Two {
    let world = World::new().await;
    let ledger = vta();
    world.budget(&ledger, 4).await;
    world.quotas(&ledger, &[(TRONDHEIM, 3), (HEMNE, 1)]).await;
    world.place_group(&ledger, 4).await;
    let entry = world.join(&ledger, 1).await;
    world.join(&ledger, 2).await;
    world.join(&ledger, 3).await;
    let request = JoinWaitlistRequest {
        municipality_number: HEMNE.into(),
        following_office_number: HEMNE_OFFICE.into(),
        ..join(&ledger, 4)
    };
    let joined = world.county.waitlist().join_waitlist(request).await.unwrap();
    let hemne_entry = joined.into_inner().entry_id;
    let run = world.allocate(&ledger, 4).await;
    let of = |index: usize| run.proposals[index].offer_id.clone();
    world.confirm(&ledger, vec![of(1), of(2)]).await;
    for offer in [of(1), of(2)] {
        world.respond(&ledger, &offer, OfferAnswer::Accept).await.unwrap();
    }
    let placement = world.start(&ledger, &of(2), date(2026, 3, 2)).await.placement_id;
    let (proposal, accepted, hemne_proposal) = (of(0), of(1), of(3));
    let run = run.revision.unwrap_or_default().seq;
    Two { world, ledger, entry, proposal, accepted, placement, hemne_entry, hemne_proposal, run }
}

/// What a refusal says, without the id that was asked for.
fn told(status: &Status, id: &str) -> (Code, String, BTreeMap<String, String>) {
    let info = status.get_details_error_info().unwrap();
    let metadata = info.metadata.into_iter().map(|(k, v)| (k, v.replace(id, "ID")));
    let reason = ("reason".to_owned(), info.reason);
    let metadata = metadata.chain([reason]).collect();
    (status.code(), status.message().replace(id, "ID"), metadata)
}

impl Two {
    async fn position(&self, caller: &Caller, id: &str) -> Status {
        let request = GetPositionRequest {
            ledger: Some(self.ledger.clone()),
            entry_id: id.into(),
            at_least_seq: 0,
            ..GetPositionRequest::default()
        };
        caller.waitlist().get_position(request).await.unwrap_err()
    }

    async fn confirm(&self, caller: &Caller, ids: &[&str]) -> Status {
        let request = ConfirmProposalsRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            ..ConfirmProposalsRequest::default()
        };
        caller.allocation().confirm_proposals(request).await.unwrap_err()
    }

    async fn respond(&self, caller: &Caller, id: &str) -> Status {
        let request = RespondToOfferRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: id.into(),
            answer: OfferAnswer::Accept.into(),
            reason: "nei".into(),
            ..RespondToOfferRequest::default()
        };
        caller.allocation().respond_to_offer(request).await.unwrap_err()
    }

    async fn start(&self, caller: &Caller, id: &str) -> Status {
        let request = StartPlacementRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            offer_id: id.into(),
            start_date: Some(date(2026, 3, 2)),
            ..StartPlacementRequest::default()
        };
        caller.allocation().start_placement(request).await.unwrap_err()
    }

    async fn end(&self, caller: &Caller, id: &str) -> Status {
        let request = EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            placement_id: id.into(),
            end_date: Some(date(2026, 3, 2)),
            outcome: PlacementOutcome::Other.into(),
            reason: "slutt".into(),
            ..EndPlacementRequest::default()
        };
        caller.allocation().end_placement(request).await.unwrap_err()
    }

    async fn leave(&self, caller: &Caller, id: &str) -> Status {
        let request = LeaveWaitlistRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            entry_id: id.into(),
            reason: LeaveReason::Other.into(),
            ..LeaveWaitlistRequest::default()
        };
        caller.waitlist().leave_waitlist(request).await.unwrap_err()
    }

    async fn entry(&self, caller: &Caller, id: &str) -> Status {
        let request = GetWaitlistEntryRequest {
            ledger: Some(self.ledger.clone()),
            entry_id: id.into(),
            with_person: true,
            purpose: "vedtak".into(),
            at_least_seq: 0,
        };
        caller.waitlist().get_waitlist_entry(request).await.unwrap_err()
    }

    async fn explain(
        &self,
        caller: &Caller,
        decision: explain_decision_request::Decision,
    ) -> Status {
        let request = ExplainDecisionRequest {
            ledger: Some(self.ledger.clone()),
            decision: Some(decision),
            at_least_seq: 0,
        };
        caller.allocation().explain_decision(request).await.unwrap_err()
    }

    async fn why_offer(&self, caller: &Caller, id: &str) -> Status {
        self.explain(caller, explain_decision_request::Decision::OfferId(id.into())).await
    }

    async fn why_run(&self, caller: &Caller, id: &str) -> Status {
        let run = RunAndEntry { seq: self.run, entry_id: id.into() };
        self.explain(caller, explain_decision_request::Decision::Run(run)).await
    }

    /// For each call that names something of Trondheim's: what is told of it, and of
    /// what is not there.
    async fn compare(
        &self,
        caller: &Caller,
    ) -> Vec<(&'static str, Status, String, Status, String)> {
        let nothing = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001).to_string();
        let (proposal, accepted) = (self.proposal.as_str(), self.accepted.as_str());
        let (placement, entry) = (self.placement.as_str(), self.entry.as_str());
        let none = nothing.as_str();
        let row =
            |what, id: &str, there, missing| (what, there, id.to_owned(), missing, nothing.clone());
        vec![
            row(
                "confirm",
                proposal,
                self.confirm(caller, &[proposal]).await,
                self.confirm(caller, &[none]).await,
            ),
            row(
                "respond",
                proposal,
                self.respond(caller, proposal).await,
                self.respond(caller, none).await,
            ),
            row(
                "start",
                accepted,
                self.start(caller, accepted).await,
                self.start(caller, none).await,
            ),
            row("end", placement, self.end(caller, placement).await, self.end(caller, none).await),
            row("leave", entry, self.leave(caller, entry).await, self.leave(caller, none).await),
            row("entry", entry, self.entry(caller, entry).await, self.entry(caller, none).await),
            row(
                "why offer",
                proposal,
                self.why_offer(caller, proposal).await,
                self.why_offer(caller, none).await,
            ),
            row(
                "why run",
                entry,
                self.why_run(caller, entry).await,
                self.why_run(caller, none).await,
            ),
        ]
    }
}

#[tokio::test]
async fn another_offices_rows_answer_like_none() {
    let two = two().await;
    let hemne = two.world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let nothing = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001).to_string();
    let there = two.position(&hemne, &two.entry).await;
    let missing = two.position(&hemne, &nothing).await;
    assert_eq!(there.code(), Code::NotFound);
    assert_eq!(told(&there, &two.entry), told(&missing, &nothing));
    for (what, there, id, missing, nothing) in two.compare(&hemne).await {
        assert_eq!(there.code(), Code::NotFound, "{what}");
        assert_eq!(told(&there, &id), told(&missing, &nothing), "{what}");
    }
    // Its own it sees.
    let request = GetPositionRequest {
        ledger: Some(two.ledger.clone()),
        entry_id: two.hemne_entry.clone(),
        at_least_seq: 0,
        ..GetPositionRequest::default()
    };
    hemne.waitlist().get_position(request).await.unwrap();
    let request =
        ListWaitlistEntriesRequest { ledger: Some(two.ledger.clone()), ..Default::default() };
    let request = ListWaitlistEntriesRequest { state: EntryState::Proposed.into(), ..request };
    let listed = hemne.waitlist().list_waitlist_entries(request).await.unwrap().into_inner();
    let listed: Vec<String> = listed.entries.into_iter().map(|entry| entry.entry_id).collect();
    assert_eq!(listed, std::slice::from_ref(&two.hemne_entry));
    two.world.service.verify().await;
}

#[tokio::test]
async fn another_offices_offer_among_ones_own_answers_like_none() {
    let two = two().await;
    let hemne = two.world.service.caller(Role::Office, HEMNE_OFFICE).await;
    let nothing = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001).to_string();
    let own = two.hemne_proposal.as_str();
    let there = two.confirm(&hemne, &[own, &two.proposal]).await;
    let missing = two.confirm(&hemne, &[own, &nothing]).await;
    assert_eq!(told(&there, &two.proposal), told(&missing, &nothing));
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
    assert_eq!(told(&there, &two.proposal), told(&missing, &nothing));
}

#[tokio::test]
async fn another_providers_groups_answer_like_none() {
    let two = two().await;
    let provider = two.world.service.caller(Role::Provider, OTHER_PROVIDER).await;
    for (what, there, id, missing, nothing) in two.compare(&provider).await {
        let expected = match what {
            "start" | "end" => Code::NotFound,
            _ => Code::PermissionDenied,
        };
        assert_eq!(there.code(), expected, "{what}");
        assert_eq!(told(&there, &id), told(&missing, &nothing), "{what}");
    }
    // Whose group it is may start and end.
    let (ledger, world) = (&two.ledger, &two.world);
    let request = StartPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        offer_id: two.accepted.clone(),
        start_date: Some(date(2026, 3, 2)),
        ..StartPlacementRequest::default()
    };
    let started = world.provider.allocation().start_placement(request).await.unwrap();
    let request = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        placement_id: started.into_inner().placement.unwrap().placement_id,
        end_date: Some(date(2026, 3, 2)),
        outcome: PlacementOutcome::Other.into(),
        ..EndPlacementRequest::default()
    };
    world.provider.allocation().end_placement(request).await.unwrap();
}

#[tokio::test]
async fn another_countys_rows_answer_like_none() {
    let two = two().await;
    let other = two.world.service.caller(Role::County, OTHER_COUNTY).await;
    let nothing = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001).to_string();
    let there = two.position(&other, &two.entry).await;
    let missing = two.position(&other, &nothing).await;
    assert_eq!(told(&there, &two.entry), told(&missing, &nothing));
    for (what, there, id, missing, nothing) in two.compare(&other).await {
        assert_eq!(told(&there, &id), told(&missing, &nothing), "{what}");
    }
    assert_eq!(two.ledger.county_id, COUNTY);
}
