//! Reserving of fractions and the order of call-off over the port: what each call shows of
//! them, and that the log and its tables agree.

use super::*;
use crate::world::{TRONDHEIM, join};

struct Scene {
    offers: Offers,
    whole: String,
    halves: u32,
}

/// One place, used by two halves; one who wants a whole place waits, and reserves after having
/// been passed over twice.
async fn scene() -> Scene {
    let rules = MeasureRules { reserve_after_passes: Some(1), ..rules() };
    let offers = Offers::under(rules, 1).await;
    let whole = String::new();
    let mut scene = Scene { offers, whole, halves: 0 };
    for _ in 0..2 {
        scene.half(false).await;
    }
    scene.begin_all().await;
    scene.whole = scene.offers.world.join(&scene.offers.ledger, 100).await;
    scene
}

impl Scene {
    async fn half(&mut self, propose_if_free: bool) -> JoinWaitlistResponse {
        self.halves += 1;
        let request = JoinWaitlistRequest {
            participation_percent: 50,
            propose_if_free,
            ..join(&self.offers.ledger, self.halves)
        };
        self.offers.world.county.waitlist().join_waitlist(request).await.unwrap().into_inner()
    }

    async fn run(&self) -> AllocatePlacesResponse {
        self.offers.world.allocate(&self.offers.ledger, 9).await
    }

    async fn begin_all(&self) -> AllocatePlacesResponse {
        let run = self.run().await;
        for offer in &run.proposals {
            self.begin(&offer.offer_id).await;
        }
        run
    }

    async fn begin(&self, offer_id: &str) {
        let Offers { world, ledger, .. } = &self.offers;
        world.confirm(ledger, vec![offer_id.to_owned()]).await;
        self.offers.accept(offer_id).await.unwrap();
        world.start(ledger, offer_id, date(2026, 3, 2)).await;
    }

    /// One of the halves ends.
    async fn free(&self) {
        let Offers { world, ledger, .. } = &self.offers;
        let request = ListPlacementsRequest { ledger: Some(ledger.clone()), ..Default::default() };
        let found = world.county.allocation().list_placements(request).await.unwrap().into_inner();
        let running = |one: &&Placement| one.state() == PlacementState::Running;
        let request = EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            placement_id: found.placements.iter().find(running).unwrap().placement_id.clone(),
            end_date: Some(date(2026, 3, 2)),
            outcome: PlacementOutcome::Other.into(),
            ..EndPlacementRequest::default()
        };
        world.county.allocation().end_placement(request).await.unwrap();
    }

    async fn entry(&self) -> WaitlistEntry {
        let request = GetWaitlistEntryRequest {
            ledger: Some(self.offers.ledger.clone()),
            entry_id: self.whole.clone(),
            ..GetWaitlistEntryRequest::default()
        };
        let mut waitlist = self.offers.world.office.waitlist();
        waitlist.get_waitlist_entry(request).await.unwrap().into_inner().entry.unwrap()
    }

    /// Free, allocable and what keeps it, of the group and of the quota.
    async fn vacancies(&self) -> [(i64, i64, VacancyBlock); 2] {
        let request =
            ListVacanciesRequest { ledger: Some(self.offers.ledger.clone()), ..Default::default() };
        let mut allocation = self.offers.world.county.allocation();
        let found = allocation.list_vacancies(request).await.unwrap().into_inner();
        let (place, quota) = (&found.places[0], &found.quotas[0]);
        [
            (place.free_percent, place.allocable_percent, place.block()),
            (quota.free_percent, quota.allocable_percent, quota.block()),
        ]
    }
}

#[tokio::test]
async fn a_whole_place_is_reserved_by_and_by() {
    let mut scene = scene().await;
    for passes in 1..=2 {
        scene.free().await;
        // A join that is served at once passes the whole place over as a run does.
        let joined = scene.half(true).await;
        scene.begin(&joined.proposal.unwrap().offer_id).await;
        assert_eq!(scene.entry().await.reserving_since_time.is_some(), passes == 2);
    }
    scene.free().await;
    let half = scene.half(true).await;
    assert_eq!(half.proposal, None);
    let kept = VacancyBlock::ReservedForAnother;
    assert_eq!(scene.vacancies().await, [(50, 0, kept), (50, 0, kept)]);
    let run = scene.run().await;
    assert_eq!((run.proposals.len(), run.run_end()), (0, RunEnd::ReservedForAnother));
    // Who is kept out is told so.
    let seq = run.revision.as_ref().unwrap().seq;
    let decision = explain_decision_request::Decision::Run(RunAndEntry {
        seq,
        entry_id: half.entry_id.clone(),
    });
    let request = ExplainDecisionRequest {
        ledger: Some(scene.offers.ledger.clone()),
        decision: Some(decision),
        ..ExplainDecisionRequest::default()
    };
    let mut allocation = scene.offers.world.county.allocation();
    let told = allocation.explain_decision(request).await.unwrap().into_inner();
    let explanation = told.explanation.unwrap();
    assert_eq!(explanation.outcome(), DecisionOutcome::NotReached);
    assert_eq!(explanation.run_end(), RunEnd::ReservedForAnother);
    let words = told.texts[0].paragraphs.join(" ");
    assert!(words.contains("var holdt av til noen foran deg i køen"), "{words}");
    // Though the quota has room, what it would take beside it is kept.
    let Offers { world, ledger, .. } = &scene.offers;
    world.budget(ledger, 3).await;
    world.quotas(ledger, &[(TRONDHEIM, 3)]).await;
    assert_eq!(scene.vacancies().await, [(50, 0, kept), (250, 0, kept)]);
    scene.free().await;
    let run = scene.run().await;
    assert_eq!(run.proposals[0].entry_id, scene.whole);
    assert_eq!(scene.entry().await.reserving_since_time, None);
    scene.offers.world.service.verify().await;
}

/// A preview counts no pass, as it stores nothing.
#[tokio::test]
async fn a_preview_counts_nothing() {
    let mut scene = scene().await;
    scene.free().await;
    scene.half(false).await;
    for _ in 0..3 {
        let request = AllocatePlacesRequest {
            request_id: request_id(),
            validate_only: true,
            ledger: Some(scene.offers.ledger.clone()),
            max_proposals: 1,
            ..AllocatePlacesRequest::default()
        };
        let mut allocation = scene.offers.world.county.allocation();
        let preview = allocation.allocate_places(request).await.unwrap().into_inner();
        assert_eq!(preview.passed_over[0].entry_id, scene.whole);
    }
    scene.begin_all().await;
    assert_eq!(scene.entry().await.reserving_since_time, None);
    scene.offers.world.service.verify().await;
}

#[tokio::test]
async fn the_rank_that_is_approved_decides_where_a_place_is_given() {
    let rules = MeasureRules {
        provider_choice: Some(tiltaksplass::domain::measure::ProviderChoice::CallOffRank),
        ..rules()
    };
    let offers = Offers::under(rules, 2).await;
    let Offers { world, ledger, group } = &offers;
    let submit = |place_group_id: &str, call_off_rank| SubmitCapacityRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        place_group_id: place_group_id.into(),
        organisation_number: PROVIDER.into(),
        name: "Andre gruppe".into(),
        site_municipality_number: TRONDHEIM.into(),
        places: 1,
        valid_from_date: Some(date(2026, 3, 1)),
        call_off_rank: Some(call_off_rank),
        ..SubmitCapacityRequest::default()
    };
    let mut provider = world.provider.capacity();
    for rank in [0, 2_001] {
        let refused = provider.submit_capacity(submit("", rank)).await.unwrap_err();
        assert_eq!(reason(&refused), "INVALID_FIELDS");
    }
    let mut others = Vec::new();
    for (of, rank) in [("", 2), (group.as_str(), 2_000)] {
        let submitted = provider.submit_capacity(submit(of, rank)).await.unwrap().into_inner();
        let review = ReviewCapacityRequest {
            request_id: request_id(),
            ledger: Some(ledger.clone()),
            submission_id: submitted.submission_id,
            decision: ReviewDecision::Approve.into(),
            ..ReviewCapacityRequest::default()
        };
        world.county.capacity().review_capacity(review).await.unwrap();
        others.push(submitted.place_group_id);
    }
    let found = world.availability(ledger).await;
    let ranks: std::collections::BTreeMap<&str, Option<u32>> =
        found.place_groups.iter().map(|one| (&one.place_group_id[..], one.call_off_rank)).collect();
    assert_eq!(ranks[&others[0][..]], Some(2));
    assert_eq!(ranks[&group[..]], Some(2_000));
    for person in 1..=2 {
        world.join(ledger, person).await;
    }
    let run = world.allocate(ledger, 2).await;
    let given: Vec<&str> = run.proposals.iter().map(|one| &one.place_group_id[..]).collect();
    assert_eq!(given, [&others[0], group]);
    world.service.verify().await;
}
