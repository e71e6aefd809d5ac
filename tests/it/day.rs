//! A day at an office, in plain steps and by `tiltaksplass call` alone: what a county's
//! adviser, an office's adviser and a provider's manager do from morning to evening. No step
//! ends in a refusal, and each is told what it must know for the next.

use serde_json::{Value, json};
use tiltaksplass::{
    domain::access::Role,
    proto::v1::{Ledger, registry_row::Row},
};
use time::{Duration, macros::datetime};

use crate::{
    kept_log,
    world::{
        COUNTY, HEMNE, HEMNE_OFFICE, LEVANGER, OFFICE, OTHER_COUNTY, OTHER_OFFICE, PROVIDER,
        TRONDHEIM, World, avklaring, identity, registry, vta,
    },
};

pub mod worker;

use worker::{Worker, all, day, in_ledger, one};

/// The case worker, and who stands in for her.
const KARI: &str = "K123456";
const OLA: &str = "O654321";

/// Those of this day, by the numbers of their made-up identities. They joined in this order.
const ANNE: u32 = 1;
const BJORN: u32 = 2;
const CECILIE: u32 = 3;
const DAVID: u32 = 4;
const EVA: u32 = 5;
const FARID: u32 = 6;
const GRETE: u32 = 7;
const HANNE: u32 = 8;

/// Everybody at work.
struct Cast {
    world: World,
    county: Worker,
    office: Worker,
    manager: Worker,
    group: String,
    /// The VTA entries, in the order of the queue.
    entries: Vec<String>,
    /// Hanne's other one, in a measure that does not combine with VTA.
    other_entry: String,
}

impl Cast {
    fn entry(&self, person: u32) -> &str {
        &self.entries[person as usize - 1]
    }

    /// Which of the people an entry is of.
    fn person(&self, entry: &Value) -> u32 {
        let place = self.entries.iter().position(|known| entry == known.as_str());
        u32::try_from(place.unwrap_or_else(|| panic!("nobody's: {entry}"))).unwrap() + 1
    }

    fn people(&self, offers: &Value) -> Vec<u32> {
        all(offers).iter().map(|offer| self.person(&offer["entryId"])).collect()
    }

    /// The offer or proposal that is open for a person.
    async fn held(&self, person: u32) -> Value {
        let body = json!({ "ledger": in_ledger(&vta()), "entryId": self.entry(person) });
        self.office.asks("WaitlistService/GetWaitlistEntry", body).await["offer"].clone()
    }

    async fn confirm(&self, offer_ids: Vec<Value>) {
        let body = json!({ "ledger": in_ledger(&vta()), "offerIds": offer_ids });
        let confirmed = self.office.does("AllocationService/ConfirmProposals", body).await;
        for offer in all(&confirmed["offers"]) {
            assert_eq!(offer["state"], "OFFER_STATE_OFFERED");
        }
    }

    async fn says_yes(&self, person: u32) {
        let offer_id = self.held(person).await["offerId"].clone();
        let body = json!({
            "ledger": in_ledger(&vta()), "offerId": offer_id, "answer": "OFFER_ANSWER_ACCEPT",
        });
        let answered = self.office.does("AllocationService/RespondToOffer", body).await;
        assert_eq!(answered["offer"]["state"], "OFFER_STATE_ACCEPTED");
    }

    /// What waits for an adviser, by kind and person.
    async fn work_of(&self, ident: &str) -> Vec<(String, u32)> {
        let body = json!({ "countyId": COUNTY, "adviserIdent": ident });
        let listed = self.office.asks("WaitlistService/ListMyWork", body).await;
        let mut work: Vec<_> = all(&listed["items"])
            .iter()
            .map(|item| (item["kind"].as_str().unwrap().to_owned(), self.person(&item["entryId"])))
            .collect();
        work.sort();
        work
    }
}

#[tokio::test]
async fn a_day_has_no_dead_end() {
    let cast = the_day_before().await;
    free_places_and_their_causes(&cast).await;
    a_run_is_made_and_confirmed(&cast).await;
    an_objection_is_decided_on(&cast).await;
    yesterdays_wrong_answer_is_put_right(&cast).await;
    a_job_with_an_open_offer(&cast).await;
    somebody_moves_to_another_municipality(&cast).await;
    two_measures_at_once(&cast).await;
    a_colleague_is_away(&cast).await;
    the_evening(&cast).await;
    small_things(&cast).await;
    kept_log::keep(&mut cast.world.service.sql().await).await;
}

/// Four VTA places, seven who want one and an eighth who also wants another measure. Anne and
/// Bjørn were offered a place; Anne said yes, and Bjørn's yes was written down as a no.
async fn the_day_before() -> Cast {
    let world = World::new().await;
    let directorate = Worker::new(&world.service, Role::Directorate, "NAV");
    rules(&directorate).await;
    world.budget(&vta(), 5).await;
    world.quotas(&vta(), &[(TRONDHEIM, 4), (HEMNE, 1)]).await;
    let group = world.place_group(&vta(), 4).await;
    world.budget(&avklaring(), 2).await;
    world.place_group(&avklaring(), 2).await;
    let office = Worker::new(&world.service, Role::Office, OFFICE);
    let mut entries = Vec::new();
    for person in [ANNE, BJORN, CECILIE, DAVID, EVA, FARID, GRETE, HANNE] {
        entries.push(joins(&office, &vta(), person).await);
    }
    let other_entry = joins(&office, &avklaring(), HANNE).await;
    let county = Worker::new(&world.service, Role::County, COUNTY);
    let manager = Worker::new(&world.service, Role::Provider, PROVIDER);
    let mut cast = Cast { world, county, office, manager, group, entries, other_entry };

    let run = json!({ "ledger": in_ledger(&vta()), "maxProposals": 2 });
    let run = cast.county.does("AllocationService/AllocatePlaces", run).await;
    assert_eq!(cast.people(&run["proposals"]), [ANNE, BJORN]);
    cast.confirm(all(&run["proposals"]).iter().map(|o| o["offerId"].clone()).collect()).await;
    cast.says_yes(ANNE).await;
    let body = json!({
        "ledger": in_ledger(&vta()), "offerId": cast.held(BJORN).await["offerId"],
        "answer": "OFFER_ANSWER_DECLINE",
    });
    let wrong = cast.office.does("AllocationService/RespondToOffer", body).await;
    assert_eq!(cast.people(&wrong["proposals"]), [CECILIE], "passed on in the same row");

    cast.world.service.clock.set(datetime!(2026-03-03 07:00 UTC));
    // A night ends every token.
    for (worker, role, organisation) in [
        (&mut cast.county, Role::County, COUNTY),
        (&mut cast.office, Role::Office, OFFICE),
        (&mut cast.manager, Role::Provider, PROVIDER),
    ] {
        *worker = Worker::new(&cast.world.service, role, organisation);
    }
    cast
}

/// A provider may object, and nobody uses an AVKLARING place beside another.
async fn rules(directorate: &Worker) {
    let rows = registry().into_iter().filter_map(|row| {
        let Row::MeasureType(measure) = row.row? else { return None };
        Some(json!({
            "measureType": {
                "measureCode": measure.measure_code, "name": measure.name,
                "distribution": measure.distribution, "partTimeAllowed": measure.part_time_allowed,
                "confirmWorkingDays": 5, "answerWorkingDays": 5, "objectWorkingDays": 3,
                "combinesWith": {},
            }
        }))
    });
    let body = json!({ "source": "test", "rows": rows.collect::<Vec<_>>() });
    let imported = directorate.does("RegistryService/ImportRegistry", body).await;
    assert_eq!(imported["changedRows"], 2, "{imported}");
}

async fn joins(office: &Worker, ledger: &Ledger, person: u32) -> String {
    let body = json!({
        "ledger": in_ledger(ledger), "nationalIdentityNumber": identity(person),
        "municipalityNumber": TRONDHEIM, "followingOfficeNumber": OFFICE,
        "adviserIdent": KARI,
    });
    let joined = office.does("WaitlistService/JoinWaitlist", body).await;
    joined["entryId"].as_str().unwrap().to_owned()
}

/// The county looks for what is free, and why: two places for Trondheim, and none left
/// for Hemne's quota.
async fn free_places_and_their_causes(cast: &Cast) {
    let body = json!({ "ledger": in_ledger(&vta()) });
    let vacancies = cast.county.asks("AllocationService/ListVacancies", body).await;
    let place = one(&vacancies["places"]);
    let told = (&place["placeGroupId"], &place["freePercent"], &place["block"]);
    assert_eq!(told, (&json!(cast.group), &json!("200"), &json!("VACANCY_BLOCK_NONE")));
    let of = |number: &str| {
        let quotas = all(&vacancies["quotas"]);
        let quota = quotas.iter().find(|quota| quota["municipalityNumber"] == number);
        quota.unwrap_or_else(|| panic!("no {number} in {vacancies}")).clone()
    };
    assert_eq!(of(TRONDHEIM)["block"], "VACANCY_BLOCK_NONE");
    assert_eq!(of(HEMNE)["block"], "VACANCY_BLOCK_NO_PLACE");
}

/// A preview first, then the run: the two places go to David and Eva, since Bjørn is thought
/// to have said no here. The office confirms what waits for it.
async fn a_run_is_made_and_confirmed(cast: &Cast) {
    let run = json!({ "ledger": in_ledger(&vta()), "maxProposals": 2 });
    let method = "AllocationService/AllocatePlaces";
    let preview = cast.county.would(method, run.clone()).await;
    let made = cast.county.does(method, run).await;
    assert_eq!(cast.people(&made["proposals"]), [DAVID, EVA]);
    assert_eq!(cast.people(&preview["proposals"]), [DAVID, EVA]);
    let passed_over = one(&made["passedOver"]);
    assert_eq!(cast.person(&passed_over["entryId"]), BJORN);
    assert_eq!(passed_over["reason"], "PASSED_OVER_REASON_DECLINED_HERE");

    let confirm = "WORK_KIND_CONFIRM_PROPOSAL".to_owned();
    let work = cast.work_of(KARI).await;
    let proposals: Vec<u32> =
        work.iter().filter(|(kind, _)| *kind == confirm).map(|(_, person)| *person).collect();
    assert_eq!(proposals, [CECILIE, DAVID, EVA]);
    let mut offer_ids = Vec::new();
    for person in proposals {
        offer_ids.push(cast.held(person).await["offerId"].clone());
    }
    cast.confirm(offer_ids).await;
}

/// The manager sees who is offered a place, and has something against David. The office hears
/// of it, does not agree, and says why; David says yes.
async fn an_objection_is_decided_on(cast: &Cast) {
    let body = json!({ "ledger": in_ledger(&vta()), "state": "OFFER_STATE_OFFERED" });
    let offers = cast.manager.asks("AllocationService/ListOffers", body).await;
    let mut offered = cast.people(&offers["offers"]);
    offered.sort_unstable();
    assert_eq!(offered, [CECILIE, DAVID, EVA]);
    let of_david = cast.held(DAVID).await["offerId"].clone();
    let body = json!({
        "ledger": in_ledger(&vta()), "offerId": of_david,
        "code": "OBJECTION_CODE_WORK_FIELD", "reason": "Vi har bare plass på kjøkkenet.",
    });
    let objected = cast.manager.does("AllocationService/ObjectToOffer", body).await;
    assert_eq!(objected["offer"]["objectionIsOpen"], true);

    assert!(cast.work_of(KARI).await.contains(&("WORK_KIND_RESOLVE_OBJECTION".to_owned(), DAVID)));
    let body = json!({
        "ledger": in_ledger(&vta()), "offerId": of_david,
        "reason": "Kjøkken er det han har bedt om.",
    });
    let resolved = cast.office.does("AllocationService/ResolveObjection", body).await;
    assert_eq!(resolved["offer"]["objectionIsOpen"], Value::Null, "{resolved}");
    cast.says_yes(DAVID).await;
}

/// Bjørn said yes yesterday, and a no was written down. The places are all held by others now,
/// who keep them: he stands before everybody else from here on, and the county is told which
/// decisions rested on the mistake.
async fn yesterdays_wrong_answer_is_put_right(cast: &Cast) {
    let body = json!({
        "ledger": in_ledger(&vta()), "entryId": cast.entry(BJORN), "state": "OFFER_STATE_DECLINED",
    });
    let offers = cast.office.asks("AllocationService/ListOffers", body).await;
    let declined = one(&offers["offers"]);
    let body = json!({
        "ledger": in_ledger(&vta()), "reason": "Feil knapp: han takket ja.",
        "otherAnswer": { "offerId": declined["offerId"], "answer": "RIGHT_ANSWER_ACCEPT" },
    });
    let corrected = cast.office.does("AllocationService/Correct", body).await;
    assert_eq!(corrected["result"], "CORRECTION_RESULT_PRIORITY_BY_CORRECTION");
    assert_eq!(corrected["entry"]["priorityByCorrection"], true);
    assert!(!all(&corrected["affectedDecisions"]).is_empty(), "{corrected}");
    for person in [CECILIE, DAVID, EVA] {
        assert_ne!(cast.held(person).await, Value::Null, "nobody is put out");
    }
}

/// Eva has got a job while her offer is open: one call takes her off the list, gives the place
/// back and proposes it to the next, who is Bjørn since the mistake was put right.
async fn a_job_with_an_open_offer(cast: &Cast) {
    let body = json!({
        "ledger": in_ledger(&vta()), "entryId": cast.entry(EVA), "reason": "LEAVE_REASON_WORK",
    });
    let left = cast.office.does("WaitlistService/LeaveWaitlist", body).await;
    assert_eq!(left["withdrawnOffer"]["state"], "OFFER_STATE_WITHDRAWN");
    assert_eq!(cast.people(&left["proposals"]), [BJORN]);
    cast.confirm(vec![left["proposals"][0]["offerId"].clone()]).await;
    cast.says_yes(BJORN).await;
}

/// Farid moves within the county and Grete to another one. Their waiting time goes with them.
async fn somebody_moves_to_another_municipality(cast: &Cast) {
    let get = "WaitlistService/GetWaitlistEntry";
    let body = json!({ "ledger": in_ledger(&vta()), "entryId": cast.entry(FARID) });
    let before = cast.office.asks(get, body).await["entry"].clone();
    let body = json!({
        "ledger": in_ledger(&vta()), "entryId": cast.entry(FARID), "municipalityNumber": HEMNE,
        "followingOfficeNumber": HEMNE_OFFICE,
    });
    let moved = cast.office.does("WaitlistService/TransferEntry", body).await;
    assert_eq!(moved["entry"]["municipalityNumber"], HEMNE);
    assert_eq!(moved["entry"]["orderTime"], before["orderTime"]);
    let hemne = Worker::new(&cast.world.service, Role::Office, HEMNE_OFFICE);
    let body = json!({ "ledger": in_ledger(&vta()), "entryId": cast.entry(FARID) });
    let position = hemne.asks("WaitlistService/GetPosition", body).await;
    assert_eq!(position["positionInMunicipality"], "1");

    let body = json!({
        "ledger": in_ledger(&vta()), "entryId": cast.entry(GRETE), "municipalityNumber": LEVANGER,
        "followingOfficeNumber": OTHER_OFFICE,
    });
    cast.office.does("WaitlistService/TransferEntry", body).await;
    let there = Worker::new(&cast.world.service, Role::County, OTHER_COUNTY);
    let other = json!({ "countyId": OTHER_COUNTY, "measureCode": "VTA" });
    let body = json!({ "ledger": other, "entryId": cast.entry(GRETE) });
    let received = there.asks(get, body).await;
    assert_eq!(received["entry"]["state"], "ENTRY_STATE_WAITING");
    assert!(received["entry"]["orderTime"].as_str() > before["orderTime"].as_str());
}

/// Hanne begins in the other measure. What she waits for here rests with her turn kept, and
/// another service is told that she takes part.
async fn two_measures_at_once(cast: &Cast) {
    let ledger = in_ledger(&avklaring());
    let run = cast.county.does("AllocationService/AllocatePlaces", json!({ "ledger": ledger }));
    let proposal = one(&run.await["proposals"]);
    assert_eq!(proposal["entryId"], cast.other_entry.as_str());
    let offer_id = &proposal["offerId"];
    let body = json!({ "ledger": ledger, "offerIds": [offer_id] });
    cast.office.does("AllocationService/ConfirmProposals", body).await;
    let body = json!({
        "ledger": ledger, "offerId": offer_id, "answer": "OFFER_ANSWER_ACCEPT",
    });
    cast.office.does("AllocationService/RespondToOffer", body).await;
    let body = json!({ "ledger": ledger, "offerId": offer_id, "startDate": day(2026, 3, 3) });
    cast.manager.does("AllocationService/StartPlacement", body).await;

    let body = json!({
        "nationalIdentityNumber": identity(HANNE), "purpose": "Samtale om videre oppfølging",
    });
    let known = cast.office.asks("WaitlistService/LookupPerson", body).await;
    let mut states: Vec<_> = all(&known["entries"])
        .iter()
        .map(|one| [&one["ledger"]["measureCode"], &one["entry"]["state"]].map(Value::to_string))
        .collect();
    states.sort();
    let expected =
        [["\"AVKLARING\"", "\"ENTRY_STATE_PLACED\""], ["\"VTA\"", "\"ENTRY_STATE_PAUSED\""]];
    assert_eq!(states, expected);
    let service = Worker::new(&cast.world.service, Role::Service, "dagpenger");
    let body = json!({ "nationalIdentityNumber": identity(HANNE), "purpose": "dagpenger" });
    let answer = service.asks("AllocationService/CheckParticipation", body).await;
    assert_eq!(answer["participates"], true);
}

/// Kari is away to the end of the week; Ola stands in, and finds her work as his.
async fn a_colleague_is_away(cast: &Cast) {
    let body = json!({
        "ledger": in_ledger(&vta()), "fromAdviserIdent": KARI, "toAdviserIdent": OLA,
        "untilDate": day(2026, 3, 9),
    });
    let reassigned = cast.office.does("WaitlistService/ReassignAdviser", body).await;
    assert!(all(&reassigned["entryIds"]).len() >= 4, "{reassigned}");
    let work = cast.work_of(OLA).await;
    assert!(work.contains(&("WORK_KIND_ANSWER_OFFER".to_owned(), CECILIE)), "{work:?}");
    cast.says_yes(CECILIE).await;
}

/// Those with a yes begin, the places are full, and the person who was wronged is told why
/// the place is hers. Nothing of the day is left to do, and every figure agrees.
async fn the_evening(cast: &Cast) {
    for person in [ANNE, BJORN, CECILIE, DAVID] {
        let body = json!({
            "ledger": in_ledger(&vta()), "offerId": cast.held(person).await["offerId"],
            "startDate": day(2026, 3, 3),
        });
        let started = cast.manager.does("AllocationService/StartPlacement", body).await;
        assert_eq!(started["placement"]["state"], "PLACEMENT_STATE_RUNNING");
    }
    let body = json!({ "ledger": in_ledger(&vta()) });
    let available = cast.county.asks("CapacityService/GetAvailability", body.clone()).await;
    let usage = &one(&available["placeGroups"])["usage"];
    assert_eq!((&usage["inUsePercent"], &usage["freePercent"]), (&json!("400"), &Value::Null));
    let placements = cast.manager.asks("AllocationService/ListPlacements", body).await;
    let of_bjorn = all(&placements["placements"])
        .into_iter()
        .find(|placement| cast.person(&placement["entryId"]) == BJORN)
        .unwrap();
    let body = json!({ "ledger": in_ledger(&vta()), "offerId": of_bjorn["offerId"] });
    let explained = cast.office.asks("AllocationService/ExplainDecision", body).await;
    assert_eq!(explained["explanation"]["recomputed"], true);
    let languages: Vec<_> =
        all(&explained["texts"]).iter().map(|text| text["languageCode"].clone()).collect();
    assert_eq!(languages, ["nb", "nn", "en"]);
    assert_eq!(cast.work_of(KARI).await, []);
    cast.world.service.clock.advance(Duration::HOUR);
    cast.world.service.verify().await;
}

/// What else an office has on its desk: none of it ends in a refusal either.
async fn small_things(cast: &Cast) {
    let vta = in_ledger(&vta());
    let hanne = |more: Value| {
        let mut body = json!({ "ledger": vta, "entryId": cast.entry(HANNE) });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    cast.office.does("WaitlistService/ConfirmEntry", hanne(json!({}))).await;
    let wish = json!({ "updateMask": "wantsByDate", "wantsByDate": day(2026, 9, 1) });
    cast.office.does("WaitlistService/UpdateWaitlistEntry", hanne(wish)).await;
    let moved = json!({ "bonusDays": 30, "reason": "OUT_OF_TURN_REASON_HEALTH", "reasonText": "Legens råd." });
    cast.county.does("WaitlistService/PrioritizeEntry", hanne(moved)).await;
    cast.office.does("WaitlistService/ResumeEntry", hanne(json!({}))).await;
    let until = json!({ "untilDate": day(2026, 3, 20) });
    cast.office.does("WaitlistService/PauseEntry", hanne(until)).await;
    let newcomer = |person: u32| {
        json!({
            "nationalIdentityNumber": identity(person), "municipalityNumber": TRONDHEIM,
            "followingOfficeNumber": OFFICE,
        })
    };
    let joins = json!({ "ledger": vta, "joins": [newcomer(20), newcomer(21)] });
    let joined = cast.office.does("WaitlistService/BatchJoinWaitlist", joins).await;

    let body = json!({ "ledger": vta, "entryId": cast.entry(ANNE) });
    let placements = cast.office.asks("AllocationService/ListPlacements", body).await;
    let placement_id = one(&placements["placements"])["placementId"].clone();
    let share = json!({ "participationPercent": 50, "validFromDate": day(2026, 3, 3) });
    let body = json!({ "ledger": vta, "placementId": placement_id, "share": share });
    cast.office.does("AllocationService/ChangePlacement", body).await;
    let end = json!({
        "ledger": vta, "placementId": placement_id, "endDate": day(2026, 3, 3),
        "outcome": "PLACEMENT_OUTCOME_ORDINARY_WORK",
    });
    cast.manager.does("AllocationService/EndPlacement", end).await;
    let out_of_turn = json!({
        "ledger": vta, "entryId": joined["entryIds"][1], "placeGroupId": cast.group,
        "reason": "OUT_OF_TURN_REASON_RETURNS", "reasonText": "Hadde plass her før.",
    });
    let placed = cast.county.does("AllocationService/PlacePerson", out_of_turn).await;
    let offer_id = &placed["offer"]["offerId"];
    let later = json!({
        "ledger": vta, "offerId": offer_id, "workingDays": 10, "reason": "Er på reise.",
    });
    cast.office.does("AllocationService/ExtendOffer", later).await;
    let back = json!({ "ledger": vta, "offerId": offer_id, "reason": "Ombestemte seg." });
    cast.office.does("AllocationService/WithdrawOffer", back).await;
    // He is another office's now, so this one is not told.
    let proposed = json!({ "ledger": vta, "state": "OFFER_STATE_PROPOSED" });
    let list = cast.county.asks("AllocationService/ListOffers", proposed).await;
    assert_eq!(cast.people(&list["offers"]), [FARID], "he has waited longest");

    let lend = json!({
        "fromMunicipalityNumber": TRONDHEIM, "toMunicipalityNumber": HEMNE, "places": 1,
        "validFromDate": day(2026, 3, 3), "validToDate": day(2026, 9, 1),
        "reason": "Flere venter i Hemne.",
    });
    cast.county.does("FairShareService/LendQuota", json!({ "ledger": vta, "lend": lend })).await;
    let closure = json!({
        "ledger": vta, "placeGroupId": cast.group, "fromDate": day(2026, 7, 1),
        "untilDate": day(2026, 8, 1), "reason": "Fellesferie",
    });
    cast.manager.does("CapacityService/ReportClosure", closure).await;
    cast.world.service.verify().await;
}
