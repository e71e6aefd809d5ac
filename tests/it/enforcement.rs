//! `SetEnforcement`, what it asks of `PlacePerson`, and `GetShadowReport`.

use explain_decision_request::Decision;
use prost::Message;
use set_enforcement_request::Step;
use tiltaksplass::{domain::access::Role, proto::v1::*};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    support::{Caller, reason, request_id},
    world::{
        COUNTY, HEMNE, HEMNE_OFFICE, LEVANGER, OFFICE, OTHER_COUNTY, OTHER_OFFICE, PROVIDER,
        TRONDHEIM, World, date, join, vta,
    },
};

mod report;

const WHY: &str = "Vi prøver ordningen i et halvt år";

fn step(ledger: &Ledger, step: Step) -> SetEnforcementRequest {
    SetEnforcementRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        step: Some(step),
        ..SetEnforcementRequest::default()
    }
}

fn propose(ledger: &Ledger, level: Enforcement) -> SetEnforcementRequest {
    let propose = ProposeEnforcement { enforcement: level.into(), reason: WHY.into() };
    step(ledger, Step::Propose(propose))
}

fn approve(ledger: &Ledger, change_id: &str) -> SetEnforcementRequest {
    step(ledger, Step::Approve(ApproveEnforcement { change_id: change_id.into() }))
}

fn reject(ledger: &Ledger, change_id: &str) -> SetEnforcementRequest {
    let reject = RejectEnforcement { change_id: change_id.into(), reason: "Ikke nå".into() };
    step(ledger, Step::Reject(reject))
}

async fn set(caller: &Caller, request: SetEnforcementRequest) -> Result<LedgerEnforcement, Status> {
    let answer = caller.allocation().set_enforcement(request).await?;
    Ok(answer.into_inner().enforcement.unwrap())
}

impl World {
    /// A first person of the ledger's own county proposes a level; the change's name.
    pub async fn propose_enforcement(&self, ledger: &Ledger, level: Enforcement) -> String {
        let first = self.service.caller_as(Role::County, &ledger.county_id, "kari").await;
        let after = set(&first, propose(ledger, level)).await.unwrap();
        after.pending.unwrap().change_id
    }

    /// Two people set a level.
    pub async fn enforce(&self, ledger: &Ledger, level: Enforcement) {
        let change_id = self.propose_enforcement(ledger, level).await;
        let second = self.service.caller_as(Role::County, &ledger.county_id, "ola").await;
        set(&second, approve(ledger, &change_id)).await.unwrap();
    }
}

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn refused(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

async fn shown(caller: &Caller, ledger: &Ledger) -> Option<LedgerEnforcement> {
    let request = GetAvailabilityRequest { ledger: Some(ledger.clone()), ..Default::default() };
    caller.capacity().get_availability(request).await.unwrap().into_inner().enforcement
}

fn by_hand(ledger: &Ledger, entry_id: &str, group: &str) -> PlacePersonRequest {
    PlacePersonRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        place_group_id: group.into(),
        ..PlacePersonRequest::default()
    }
}

fn with_reason(request: PlacePersonRequest) -> PlacePersonRequest {
    let reason = OutOfTurnReason::Returns.into();
    PlacePersonRequest { reason, reason_text: "Kommer tilbake".into(), ..request }
}

/// What the rules would have done with the place that was given.
fn verdict(placed: &PlacePersonResponse) -> ShadowVerdict {
    placed.offer.as_ref().unwrap().shadow_verdict()
}

async fn place(
    caller: &Caller,
    request: PlacePersonRequest,
) -> Result<PlacePersonResponse, Status> {
    Ok(caller.allocation().place_person(request).await?.into_inner())
}

#[tokio::test]
async fn two_people_set_it_and_everybody_but_a_provider_sees_it() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    // A ledger in which nothing has happened is enforced too.
    for ledger in [&ledger, &crate::world::avklaring()] {
        let untouched = shown(&world.county, ledger).await.unwrap();
        let expected = LedgerEnforcement { enforcement: 3, ..LedgerEnforcement::default() };
        assert_eq!(untouched, expected, "it binds");
    }
    let request = propose(&ledger, Enforcement::Observe);
    let preview = SetEnforcementRequest { validate_only: true, ..request.clone() };
    set(&world.county, preview).await.unwrap();
    assert_eq!(shown(&world.county, &ledger).await.unwrap().pending, None);
    let mut client = world.county.allocation();
    let first = client.set_enforcement(request.clone()).await.unwrap().into_inner();
    let again = client.set_enforcement(request).await.unwrap().into_inner();
    assert_eq!(again.encode_to_vec(), first.encode_to_vec());
    let after = first.enforcement.unwrap();
    let pending = after.pending.clone().unwrap();
    assert_eq!((after.enforcement(), pending.enforcement()), {
        (Enforcement::Bind, Enforcement::Observe)
    });
    assert_eq!(pending.reason, WHY);
    let days = pending.lapse_time.unwrap().seconds - pending.proposed_time.unwrap().seconds;
    assert_eq!(days / 86_400, 14);
    assert_eq!(shown(&world.county, &ledger).await, Some(after));
    assert_eq!(shown(&world.office, &ledger).await.unwrap().pending, None);
    let own = set(&world.county, approve(&ledger, &pending.change_id)).await.unwrap_err();
    assert_eq!(told(&own), refused(Code::FailedPrecondition, "FOUR_EYES"));
    let second = world.service.caller_as(Role::County, COUNTY, "second").await;
    let holds = set(&second, approve(&ledger, &pending.change_id)).await.unwrap();
    assert_eq!((holds.enforcement(), &holds.reason[..]), (Enforcement::Observe, WHY));
    assert!(holds.since_time.is_some() && holds.pending.is_none());
    for caller in [&world.county, &world.office, &world.directorate] {
        assert_eq!(shown(caller, &ledger).await.as_ref(), Some(&holds));
    }
    assert_eq!(shown(&world.provider, &ledger).await, None);
    world.service.verify().await;
}

#[tokio::test]
async fn what_was_rejected_replaced_or_lapsed_is_not_approved() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let first = world.propose_enforcement(&ledger, Enforcement::Observe).await;
    let second = world.propose_enforcement(&ledger, Enforcement::Advise).await;
    let ola = world.service.caller_as(Role::County, COUNTY, "ola").await;
    let replaced = set(&ola, approve(&ledger, &first)).await.unwrap_err();
    assert_eq!(told(&replaced), refused(Code::NotFound, "NOT_FOUND"));
    let after = set(&ola, reject(&ledger, &second)).await.unwrap();
    assert_eq!((after.pending, after.enforcement), (None, Enforcement::Bind.into()));
    let rejected = set(&ola, approve(&ledger, &second)).await.unwrap_err();
    assert_eq!(told(&rejected), refused(Code::NotFound, "NOT_FOUND"));
    let third = world.propose_enforcement(&ledger, Enforcement::Observe).await;
    world.service.clock.advance(time::Duration::days(15));
    let ola = world.service.caller_as(Role::County, COUNTY, "ola").await;
    assert_eq!(shown(&ola, &ledger).await.unwrap().pending, None);
    let lapsed = set(&ola, approve(&ledger, &third)).await.unwrap_err();
    assert_eq!(told(&lapsed), refused(Code::FailedPrecondition, "WRONG_STATE"));
    let info = lapsed.get_details_error_info().unwrap();
    assert_eq!(info.metadata["state"], "LAPSED");
    world.service.verify().await;
}

#[tokio::test]
async fn a_step_says_what_it_is_and_why() {
    let world = World::new().await;
    let (ledger, _) = world.vta(1).await;
    let wordless = ProposeEnforcement { enforcement: 1, reason: String::new() };
    let of_nothing = ProposeEnforcement { enforcement: 0, reason: WHY.into() };
    let of_somebody = ProposeEnforcement {
        enforcement: 1,
        reason: format!("Gjelder {}", crate::world::identity(1)),
    };
    let mut requests: Vec<SetEnforcementRequest> =
        [wordless, of_nothing, of_somebody].map(|p| step(&ledger, Step::Propose(p))).into();
    requests.push(SetEnforcementRequest { step: None, ..propose(&ledger, Enforcement::Observe) });
    requests.push(approve(&ledger, "x"));
    let silent = RejectEnforcement { change_id: request_id(), reason: String::new() };
    requests.push(step(&ledger, Step::Reject(silent)));
    for request in requests {
        let invalid = set(&world.county, request.clone()).await.unwrap_err();
        assert_eq!(told(&invalid), refused(Code::InvalidArgument, "INVALID_FIELDS"), "{request:?}");
    }
    let other = world.service.caller(Role::County, OTHER_COUNTY).await;
    for caller in [&world.office, &world.directorate, &world.provider, &other] {
        let denied = set(caller, propose(&ledger, Enforcement::Observe)).await.unwrap_err();
        assert_eq!(told(&denied), refused(Code::PermissionDenied, "PERMISSION_DENIED"));
    }
}

#[tokio::test]
async fn a_reason_is_asked_for_as_the_ledger_is_enforced() {
    let world = World::new().await;
    let (ledger, group) = world.vta(9).await;
    let mut entries = Vec::new();
    for person in 1..=6 {
        entries.push(world.join(&ledger, person).await);
    }
    let of = |index: usize| by_hand(&ledger, &entries[index], &group);
    let without = async |index: usize| place(&world.county, of(index)).await;
    let is_refused = |status: Status| {
        assert_eq!(told(&status), refused(Code::InvalidArgument, "INVALID_FIELDS"));
        let named = status.get_details_bad_request().unwrap().field_violations;
        let fields: Vec<String> = named.into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["reason", "reason_text"]);
    };
    is_refused(without(1).await.unwrap_err());
    world.enforce(&ledger, Enforcement::Observe).await;
    // One without the other is refused at every level.
    let wordless = PlacePersonRequest { reason_text: String::new(), ..with_reason(of(1)) };
    let codeless = PlacePersonRequest { reason: 0, ..with_reason(of(1)) };
    for half in [wordless, codeless] {
        let half = place(&world.county, half).await.unwrap_err();
        assert_eq!(told(&half), refused(Code::InvalidArgument, "INVALID_FIELDS"));
    }
    let observed = without(1).await.unwrap();
    assert_eq!((verdict(&observed), observed.passed_over), (ShadowVerdict::Deviates, 1));
    let offer = observed.offer.unwrap();
    assert_eq!((offer.state(), offer.out_of_turn_reason()), {
        (OfferState::Offered, OutOfTurnReason::Unspecified)
    });
    let listed = async |caller: &Caller| {
        let request = ListOffersRequest { ledger: Some(ledger.clone()), ..Default::default() };
        let offers = caller.allocation().list_offers(request).await.unwrap().into_inner().offers;
        offers[0].shadow_verdict()
    };
    assert_eq!(listed(&world.office).await, ShadowVerdict::Deviates);
    assert_eq!(listed(&world.provider).await, ShadowVerdict::Unspecified);
    world.enforce(&ledger, Enforcement::Advise).await;
    is_refused(without(2).await.unwrap_err());
    let first = without(0).await.unwrap();
    assert_eq!((verdict(&first), first.passed_over), (ShadowVerdict::Agrees, 0));
    let reasoned = place(&world.county, with_reason(of(3))).await.unwrap();
    assert_eq!((verdict(&reasoned), reasoned.passed_over), (ShadowVerdict::Deviates, 1));
    world.enforce(&ledger, Enforcement::Bind).await;
    is_refused(without(2).await.unwrap_err());
    let bound = place(&world.county, with_reason(of(2))).await.unwrap();
    assert_eq!(verdict(&bound), ShadowVerdict::Agrees);
    world.service.verify().await;
}

/// The decision reads the queue on, page by page, until it has come to who is placed.
#[tokio::test]
async fn whoever_stands_far_behind_is_placed_too() {
    const BEHIND: usize = 80;
    let world = World::new().await;
    let (ledger, group) = world.vta(2).await;
    world.enforce(&ledger, Enforcement::Observe).await;
    let mut joins = Vec::new();
    for person in 1..=90 {
        joins.push(JoinWaitlistRequest {
            request_id: String::new(),
            ledger: None,
            ..join(&ledger, person)
        });
    }
    let batch = BatchJoinWaitlistRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        joins,
        ..BatchJoinWaitlistRequest::default()
    };
    let joined = world.county.waitlist().batch_join_waitlist(batch).await.unwrap().into_inner();
    let entry_id = joined.entry_ids[BEHIND].clone();
    let placed = place(&world.county, by_hand(&ledger, &entry_id, &group)).await.unwrap();
    let behind = u64::try_from(BEHIND).unwrap();
    assert_eq!((verdict(&placed), placed.passed_over), (ShadowVerdict::Deviates, behind));
    world.service.verify().await;
}

#[tokio::test]
async fn a_place_given_by_hand_is_explained_to_who_got_it_and_to_who_did_not() {
    let world = World::new().await;
    let (ledger, group) = world.vta(1).await;
    world.enforce(&ledger, Enforcement::Observe).await;
    let first = world.join(&ledger, 1).await;
    let second = world.join(&ledger, 2).await;
    let placed = place(&world.county, by_hand(&ledger, &second, &group)).await.unwrap();
    let seq = placed.revision.unwrap().seq;
    let why = async |decision| {
        let request = ExplainDecisionRequest {
            ledger: Some(ledger.clone()),
            decision: Some(decision),
            ..ExplainDecisionRequest::default()
        };
        let answer = world.office.allocation().explain_decision(request).await.unwrap();
        let answer = answer.into_inner();
        (answer.explanation.unwrap(), answer.texts[0].paragraphs[0].clone())
    };
    let (of_offer, words) = why(Decision::OfferId(placed.offer.unwrap().offer_id)).await;
    assert_eq!(of_offer.outcome(), DecisionOutcome::OutOfTurn);
    assert_eq!(of_offer.shadow_verdict(), ShadowVerdict::Deviates);
    assert!(words.contains("Reglene ville gitt plassen til en annen"), "{words}");
    let (of_first, words) = why(Decision::Run(RunAndEntry { seq, entry_id: first })).await;
    assert_eq!(of_first.outcome(), DecisionOutcome::NotReached);
    assert!(words.contains("Reglene ville gitt plassen til deg."), "{words}");
    assert!(!words.contains("bak deg"), "{words}");
    world.service.verify().await;
}
