//! The request to correct a mistake.

use time::Date;
use uuid::Uuid;

use crate::{
    domain::{
        command::{Command, Correct, Correction, RightPerson},
        ids::{EntryId, LedgerId, OfferId, PersonId, PlacementId},
    },
    error::Error,
    grpc::parse::{
        SYSTEM_MAX, TEXT_MAX, Violations,
        join::{Grounds, need_group},
        waitlist::identity,
    },
    proto::v1::{
        self as pb, correct_request::Correction as Asked, reinstatement::What,
        wrong_date::What as Wrong,
    },
    write::{Draft, Joiner},
};

pub(in crate::grpc) fn correct(r: &pb::CorrectRequest) -> Result<(LedgerId, Draft), Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let ledger = v.ledger(r.ledger.as_ref());
    let reason = v.required_text("reason", &r.reason, TEXT_MAX);
    let case_reference = v.case(&r.case_reference);
    let asked = asked(&mut v, r.correction.as_ref());
    let parsed = (|| {
        let (correction, joiner) = asked?;
        let command = Command::Correct(Correct {
            correction,
            text: None,
            case_reference: case_reference?,
            may_claim: false,
            elsewhere: Vec::new(),
        });
        let identity = joiner.map(|joiner| vec![joiner]);
        Some((ledger?, Draft { identity, plain: Some(reason?), ..Draft::of(command) }))
    })();
    v.finish(parsed)
}

/// The correction; with the right person, where it was another's.
fn asked(v: &mut Violations, asked: Option<&Asked>) -> Option<(Correction, Option<Joiner>)> {
    let Some(asked) = asked else {
        v.add("correction", "is required: exactly one");
        return None;
    };
    let correction = match asked {
        Asked::Reinstate(r) => reinstate(v, r.what.as_ref())?,
        Asked::OtherAnswer(r) => other_answer(v, r)?,
        Asked::WrongDate(r) => wrong_date(v, r)?,
        Asked::WrongPerson(r) => return wrong_person(v, r),
        Asked::WrongMunicipality(r) => {
            let entry_id = v.uuid("wrong_municipality.entry_id", &r.entry_id);
            let field = "wrong_municipality.municipality_number";
            let number = v.value(field, &r.municipality_number);
            let entry_id = EntryId(entry_id?);
            Correction::Municipality { entry_id, municipality_number: number? }
        }
        Asked::RegisteredByMistake(r) => {
            let entry_id = v.uuid("registered_by_mistake.entry_id", &r.entry_id)?;
            Correction::RegisteredByMistake { entry_id: EntryId(entry_id) }
        }
    };
    Some((correction, None))
}

fn reinstate(v: &mut Violations, what: Option<&What>) -> Option<Correction> {
    match what {
        None => {
            v.add("reinstate", "must have entry_id or placement_id");
            None
        }
        Some(What::EntryId(id)) => {
            let entry_id = EntryId(v.uuid("reinstate.entry_id", id)?);
            Some(Correction::ReinstateEntry { entry_id })
        }
        Some(What::PlacementId(id)) => {
            let placement_id = PlacementId(v.uuid("reinstate.placement_id", id)?);
            Some(Correction::ReinstatePlacement { placement_id })
        }
    }
}

fn other_answer(v: &mut Violations, r: &pb::OtherAnswer) -> Option<Correction> {
    let offer_id = v.uuid("other_answer.offer_id", &r.offer_id);
    let answer: Option<pb::RightAnswer> = v.choice("other_answer.answer", r.answer);
    let accept = answer? == pb::RightAnswer::Accept;
    Some(Correction::Answer { offer_id: OfferId(offer_id?), accept })
}

fn wrong_date(v: &mut Violations, r: &pb::WrongDate) -> Option<Correction> {
    match &r.what {
        None => {
            v.add("wrong_date", "must have start, end or registered");
            None
        }
        Some(Wrong::Start(r)) => {
            let (placement_id, date) = placement_date(v, "wrong_date.start", r)?;
            Some(Correction::StartDate { placement_id, date })
        }
        Some(Wrong::End(r)) => {
            let (placement_id, date) = placement_date(v, "wrong_date.end", r)?;
            Some(Correction::EndDate { placement_id, date })
        }
        Some(Wrong::Registered(r)) => {
            let field = "wrong_date.registered.time";
            let entry_id = v.uuid("wrong_date.registered.entry_id", &r.entry_id);
            let time = v.optional_time(field, r.time.as_ref());
            if time == Some(None) {
                v.add(field, "is required");
            }
            Some(Correction::RegisteredTime { entry_id: EntryId(entry_id?), time: time?? })
        }
    }
}

fn placement_date(
    v: &mut Violations,
    part: &str,
    r: &pb::PlacementDate,
) -> Option<(PlacementId, Date)> {
    let placement_id = v.uuid(&format!("{part}.placement_id"), &r.placement_id);
    let date = v.date(&format!("{part}.date"), r.date.as_ref());
    Some((PlacementId(placement_id?), date?))
}

fn wrong_person(v: &mut Violations, r: &pb::WrongPerson) -> Option<(Correction, Option<Joiner>)> {
    let entry_id = v.uuid("wrong_person.entry_id", &r.entry_id);
    let mut part = Violations::default();
    let identity = identity(&mut part, &r.national_identity_number);
    v.of_part("wrong_person", part);
    let need_group = v.optional_choice("wrong_person.need_group", r.need_group).map(need_group);
    let ground = v.optional_text("wrong_person.priority_ground", &r.priority_ground, TEXT_MAX);
    let adviser = v.optional_text("wrong_person.adviser_ident", &r.adviser_ident, SYSTEM_MAX);
    let need_group = need_group?;
    let plain = Grounds { priority_ground: ground?, need_group, ..Grounds::default() }.plain();
    let joiner =
        Joiner { identity: identity?, need_group, plain, adviser: adviser?, original: None };
    let person = RightPerson {
        entry_id: EntryId(entry_id?),
        person_id: PersonId(Uuid::nil()),
        grounds: None,
        adviser: None,
        eligibility: None,
    };
    Some((Correction::Person(person), Some(joiner)))
}
