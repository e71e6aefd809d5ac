//! Mistakes that are corrected over the port: by whom, until when, what becomes of the place,
//! and which decisions rested on them.

use prost::Message;
use tiltaksplass::{
    domain::{access::Role, measure::MeasureRules},
    proto::v1::{correct_request::Correction, *},
};
use time::Duration;
use tonic::{Code, Status};

use crate::{
    support::{Caller, reason, request_id},
    world::{
        COUNTY, HEMNE, HEMNE_OFFICE, LEVANGER, OFFICE, OTHER_COUNTY, OTHER_OFFICE, TRONDHEIM,
        World, date, identity, join,
    },
};

mod affected;
mod claims;
mod duels;

/// Days in which an office corrects by itself.
const DAYS: u32 = 14;
/// What is written in each reason, and must never be found in the clear.
const SECRET: &str = "hemmelig rettelse";

/// One VTA ledger with so many places.
struct Wrong {
    world: World,
    ledger: Ledger,
}

impl Wrong {
    async fn new(places: u32) -> Self {
        let rules = MeasureRules { correction_days: Some(DAYS), ..MeasureRules::default() };
        Self::under(rules, places).await
    }

    async fn under(rules: MeasureRules, places: u32) -> Self {
        let world = World::new().await;
        world.rules("VTA", rules).await;
        let (ledger, _) = world.vta(places).await;
        Self { world, ledger }
    }

    fn request(&self, correction: Correction) -> CorrectRequest {
        CorrectRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            reason: SECRET.into(),
            correction: Some(correction),
            ..CorrectRequest::default()
        }
    }

    async fn by(&self, caller: &Caller, correction: Correction) -> Result<CorrectResponse, Status> {
        let request = self.request(correction);
        Ok(caller.allocation().correct(request).await?.into_inner())
    }

    async fn correct(&self, correction: Correction) -> CorrectResponse {
        self.by(&self.world.office, correction).await.unwrap()
    }

    /// Somebody who is offered a place; the entry and the offer.
    async fn offered(&self, person: u32) -> (String, String) {
        let entry_id = self.world.join(&self.ledger, person).await;
        let proposal = self.world.allocate(&self.ledger, 1).await.proposals.remove(0);
        assert_eq!(proposal.entry_id, entry_id);
        self.world.confirm(&self.ledger, vec![proposal.offer_id.clone()]).await;
        (entry_id, proposal.offer_id)
    }

    async fn answer(&self, offer_id: &str, answer: OfferAnswer) {
        self.world.respond(&self.ledger, offer_id, answer).await.unwrap();
    }

    /// Somebody who uses a place; the entry and the placement.
    async fn placed(&self, person: u32) -> (String, String) {
        let (entry_id, offer_id) = self.offered(person).await;
        self.answer(&offer_id, OfferAnswer::Accept).await;
        let placement = self.world.start(&self.ledger, &offer_id, date(2026, 3, 2)).await;
        (entry_id, placement.placement_id)
    }

    async fn end(&self, placement_id: &str, day: i32) {
        let request = EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            placement_id: placement_id.into(),
            end_date: Some(date(2026, 3, day)),
            outcome: PlacementOutcome::Other.into(),
            ..EndPlacementRequest::default()
        };
        self.world.office.allocation().end_placement(request).await.unwrap();
    }

    async fn leave(&self, entry_id: &str) {
        let request = LeaveWaitlistRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            entry_id: entry_id.into(),
            reason: LeaveReason::NoLongerWanted.into(),
            ..LeaveWaitlistRequest::default()
        };
        self.world.office.waitlist().leave_waitlist(request).await.unwrap();
    }

    /// Later, with new tokens: the old ones are over.
    async fn later(&mut self, by: Duration) {
        let service = &self.world.service;
        service.clock.advance(by);
        let (county, office) = (
            service.caller(Role::County, COUNTY).await,
            service.caller(Role::Office, OFFICE).await,
        );
        (self.world.county, self.world.office) = (county, office);
    }

    /// Reserved and in use, alike on both accounts.
    async fn figures(&self) -> (i64, i64) {
        let usage = self.world.availability(&self.ledger).await;
        let places = usage.places.clone().unwrap();
        let sum = |figure: fn(&Usage) -> i64| {
            usage
                .second_accounts
                .iter()
                .map(|account| figure(account.usage.as_ref().unwrap()))
                .sum()
        };
        let figures = (places.reserved_percent, places.in_use_percent);
        assert_eq!(figures, (sum(|u| u.reserved_percent), sum(|u| u.in_use_percent)));
        figures
    }
}

fn by_mistake(entry_id: &str) -> Correction {
    Correction::RegisteredByMistake(RegisteredByMistake { entry_id: entry_id.into() })
}

fn reinstate(entry_id: &str) -> Correction {
    let what = Some(reinstatement::What::EntryId(entry_id.into()));
    Correction::Reinstate(Reinstatement { what })
}

fn goes_on(placement_id: &str) -> Correction {
    let what = Some(reinstatement::What::PlacementId(placement_id.into()));
    Correction::Reinstate(Reinstatement { what })
}

fn answered(offer_id: &str, answer: RightAnswer) -> Correction {
    Correction::OtherAnswer(OtherAnswer { offer_id: offer_id.into(), answer: answer.into() })
}

fn is_another(entry_id: &str, person: u32) -> Correction {
    Correction::WrongPerson(WrongPerson {
        entry_id: entry_id.into(),
        national_identity_number: identity(person),
        adviser_ident: "Z990001".into(),
        ..WrongPerson::default()
    })
}

fn lives_in(entry_id: &str, number: &str) -> Correction {
    let municipality_number = number.into();
    Correction::WrongMunicipality(WrongMunicipality {
        entry_id: entry_id.into(),
        municipality_number,
    })
}

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

fn refused(reason: &str) -> (Code, String) {
    (Code::FailedPrecondition, reason.to_owned())
}

#[tokio::test]
async fn each_mistake_is_corrected_once() {
    let wrong = Wrong::new(2).await;
    let (first, offer_id) = wrong.offered(1).await;
    wrong.answer(&offer_id, OfferAnswer::Decline).await;
    let request = wrong.request(answered(&offer_id, RightAnswer::Accept));
    let preview = CorrectRequest { validate_only: true, ..request.clone() };
    let preview = wrong.world.office.allocation().correct(preview).await.unwrap().into_inner();
    let correct = async || {
        let answer = wrong.world.office.allocation().correct(request.clone()).await;
        answer.unwrap().into_inner()
    };
    let done = correct().await;
    let corrected = CorrectionResult::Corrected;
    assert_eq!((done.result(), preview.result()), (corrected, corrected));
    assert_eq!(done.offer.as_ref().unwrap().state(), OfferState::Accepted);
    let entry = done.entry.clone().unwrap();
    assert_eq!((entry.entry_id.as_str(), entry.state()), (first.as_str(), EntryState::Accepted));
    assert_eq!(wrong.figures().await, (100, 0));
    // What has happened since changes no answer.
    wrong.world.join(&wrong.ledger, 2).await;
    assert_eq!(correct().await.encode_to_vec(), done.encode_to_vec());
    let again = wrong.by(&wrong.world.office, answered(&offer_id, RightAnswer::Accept)).await;
    assert_eq!(told(&again.unwrap_err()), refused("WRONG_STATE"));
    // The yes was a no after all.
    let no = wrong.correct(answered(&offer_id, RightAnswer::Decline)).await;
    assert_eq!(no.offer.unwrap().state(), OfferState::Declined);
    assert_eq!(no.proposals.len(), 1);
    wrong.world.service.verify().await;
}

#[tokio::test]
async fn a_placement_goes_on_or_its_person_stands_first() {
    let wrong = Wrong::new(1).await;
    let (entry_id, placement_id) = wrong.placed(1).await;
    wrong.end(&placement_id, 2).await;
    let done = wrong.correct(goes_on(&placement_id)).await;
    assert_eq!(done.placement.unwrap().state(), PlacementState::Running);
    assert_eq!(done.entry.unwrap().state(), EntryState::Placed);
    assert_eq!(wrong.figures().await, (0, 100));
    // The person's claim is held again.
    let refused = wrong.world.office.waitlist().join_waitlist(join(&wrong.ledger, 1)).await;
    assert_eq!(told(&refused.unwrap_err()).1, "PERSON_ALREADY_WAITING");

    wrong.end(&placement_id, 2).await;
    let other = wrong.world.join(&wrong.ledger, 2).await;
    wrong.world.allocate(&wrong.ledger, 1).await;
    let done = wrong.correct(goes_on(&placement_id)).await;
    assert_eq!(done.result(), CorrectionResult::PriorityByCorrection);
    let entry = done.entry.unwrap();
    assert!(entry.priority_by_correction && entry.state() == EntryState::Waiting);
    assert_eq!(done.placement.unwrap().state(), PlacementState::Ended);
    let position = wrong.world.position(&wrong.ledger, &entry_id).await;
    assert_eq!(position.position_in_area, 1);
    // Nobody was put out, and what is free next is theirs.
    assert_eq!(wrong.world.position(&wrong.ledger, &other).await.state(), EntryState::Proposed);
    wrong.world.join(&wrong.ledger, 3).await;
    wrong.leave(&other).await;
    let state = wrong.world.position(&wrong.ledger, &entry_id).await.state();
    assert_eq!(state, EntryState::Proposed);
    wrong.world.service.verify().await;
}

#[tokio::test]
async fn dates_are_corrected_with_their_accounts() {
    let mut wrong = Wrong::new(1).await;
    let (_, placement_id) = wrong.placed(1).await;
    let dated = |day: i32| PlacementDate {
        placement_id: placement_id.clone(),
        date: Some(date(2026, 3, day)),
    };
    let of = |what| Correction::WrongDate(WrongDate { what: Some(what) });
    let refused_at = wrong.by(&wrong.world.office, of(wrong_date::What::End(dated(9)))).await;
    assert_eq!(told(&refused_at.unwrap_err()), refused("WRONG_STATE"));
    wrong.end(&placement_id, 20).await;
    wrong.later(Duration::days(3)).await;
    let done = wrong.correct(of(wrong_date::What::End(dated(4)))).await;
    assert_eq!(done.placement.unwrap().end_date, Some(date(2026, 3, 4)));
    assert_eq!(wrong.figures().await, (0, 0));
    let done = wrong.correct(of(wrong_date::What::End(dated(25)))).await;
    assert_eq!(done.placement.unwrap().state(), PlacementState::Ending);
    assert_eq!(wrong.figures().await, (0, 100));
    let done = wrong.correct(of(wrong_date::What::Start(dated(1)))).await;
    assert_eq!(done.placement.unwrap().start_date, Some(date(2026, 3, 1)));
    let same = wrong.correct(of(wrong_date::What::Start(dated(1)))).await;
    assert_eq!(same.result(), CorrectionResult::NothingChanged);
    // By time, on the right day and not on the wrong one.
    wrong.later(Duration::days(19)).await;
    assert_eq!(wrong.figures().await, (0, 100));
    wrong.later(Duration::days(2)).await;
    wrong.world.join(&wrong.ledger, 2).await;
    assert_eq!(wrong.figures().await, (0, 0));
    wrong.world.service.verify().await;
}

#[tokio::test]
async fn the_registered_time_is_the_countys() {
    let wrong = Wrong::new(1).await;
    let first = wrong.world.join(&wrong.ledger, 1).await;
    let second = wrong.world.join(&wrong.ledger, 2).await;
    let time = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
    let earlier = || {
        let registered = RegisteredTime { entry_id: second.clone(), time };
        let what = Some(wrong_date::What::Registered(registered));
        Correction::WrongDate(WrongDate { what })
    };
    let denied = wrong.by(&wrong.world.office, earlier()).await.unwrap_err();
    assert_eq!(told(&denied), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()));
    let done = wrong.by(&wrong.world.county, earlier()).await.unwrap();
    assert_eq!(done.entry.unwrap().registered_time, time);
    for (entry_id, position) in [(&second, 1), (&first, 2)] {
        let found = wrong.world.position(&wrong.ledger, entry_id).await;
        assert_eq!(found.position_in_area, position);
    }
    wrong.world.service.verify().await;
}

#[tokio::test]
async fn a_wrong_municipality_goes_to_the_right_quota() {
    let wrong = Wrong::new(2).await;
    wrong.world.quotas(&wrong.ledger, &[(crate::world::TRONDHEIM, 1), (HEMNE, 1)]).await;
    let (first, _) = wrong.offered(1).await;
    let done = wrong.correct(lives_in(&first, HEMNE)).await;
    assert_eq!(done.offer.unwrap().municipality_number, HEMNE);
    assert_eq!(done.entry.unwrap().municipality_number, HEMNE);
    // Hemne's is full now, so the second one's is given back.
    let (second, _) = wrong.offered(2).await;
    let done = wrong.correct(lives_in(&second, HEMNE)).await;
    assert_eq!(done.offer.unwrap().state(), OfferState::Withdrawn);
    assert_eq!(done.entry.unwrap().state(), EntryState::Waiting);
    assert_eq!(wrong.figures().await, (100, 0));
    let elsewhere = wrong.by(&wrong.world.county, lives_in(&second, LEVANGER)).await;
    assert_eq!(told(&elsewhere.unwrap_err()), refused("REGISTRY_MISMATCH"));
    wrong.world.service.verify().await;
}

#[tokio::test]
async fn an_office_is_late_and_the_county_never() {
    let mut wrong = Wrong::new(1).await;
    let entry_id = wrong.world.join(&wrong.ledger, 1).await;
    wrong.later(Duration::days(i64::from(DAYS) + 1)).await;
    let late = wrong.by(&wrong.world.office, by_mistake(&entry_id)).await.unwrap_err();
    assert_eq!(told(&late), refused("CORRECTION_TOO_LATE"));
    let done = wrong.by(&wrong.world.county, by_mistake(&entry_id)).await.unwrap();
    let entry = done.entry.unwrap();
    assert!(entry.closed_by_mistake && entry.state() == EntryState::Closed);
    let shown = crate::transfer::entry(&wrong.world.service, &wrong.ledger, &entry_id).await;
    assert!(shown.closed_by_mistake);
    // The person may join anew.
    wrong.world.join(&wrong.ledger, 1).await;
    wrong.world.service.verify().await;
}

/// Whose it is not answers like what is not there; and the reason lies sealed.
#[tokio::test]
async fn a_correction_is_for_those_whose_it_is_and_its_reason_is_sealed() {
    let wrong = Wrong::new(1).await;
    let (entry_id, offer_id) = wrong.offered(1).await;
    let other = wrong.world.service.caller(Role::Office, OTHER_OFFICE).await;
    let hidden = wrong.by(&other, by_mistake(&entry_id)).await.unwrap_err();
    assert_eq!(told(&hidden), (Code::NotFound, "NOT_FOUND".to_owned()));
    let other = wrong.world.service.caller(Role::County, OTHER_COUNTY).await;
    let denied = wrong.by(&other, by_mistake(&entry_id)).await.unwrap_err();
    assert_eq!(told(&denied), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()));
    let provider = wrong.by(&wrong.world.provider, by_mistake(&entry_id)).await.unwrap_err();
    assert_eq!(told(&provider), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()));
    wrong.answer(&offer_id, OfferAnswer::Accept).await;
    wrong.correct(answered(&offer_id, RightAnswer::Decline)).await;
    wrong.correct(by_mistake(&entry_id)).await;
    let mut sql = wrong.world.service.sql().await;
    let clear: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM ledger_log WHERE position($1::bytea IN payload) > 0",
    )
    .bind(SECRET.as_bytes())
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert_eq!(clear, 0);
    wrong.world.service.verify().await;
}
