//! Larger shares that wait, through the port and from the tables: who is told what, the claims
//! of the person, and what each change of the placement makes of it.

use tiltaksplass::proto::v1::change_placement_request::Change;

use super::*;
use crate::{
    transfer::combining::combines_only_with,
    world::{identity, join},
};

/// One place of which two have half each; the first waits for the other half.
struct Grown {
    world: World,
    ledger: Ledger,
    group: String,
    placed_entry: String,
    placement: Placement,
    other: Placement,
    increase: WaitingIncrease,
}

fn grow(percent: u32) -> Change {
    let valid_from_date = Some(today());
    Change::Share(PlacementShare {
        participation_percent: percent,
        valid_from_date,
        wait_if_full: true,
    })
}

impl Grown {
    async fn new() -> Self {
        let (world, ledger, group) = two_municipalities(1, [2, 1]).await;
        let (placed_entry, placement) = placed(&world, &ledger, 1, 50).await;
        let (_, other) = placed(&world, &ledger, 2, 50).await;
        let request = changing(&ledger, &placement.placement_id, grow(100));
        let answer = change(&world.office, request).await.unwrap();
        let increase = answer.waiting_increase.unwrap();
        Self { world, ledger, group, placed_entry, placement, other, increase }
    }

    /// With a place held for it as far as the state says.
    async fn at(state: EntryState) -> Self {
        let grown = Self::new().await;
        grown.ends(&grown.other).await;
        let offer_id = grown.world.allocate(&grown.ledger, 1).await.proposals[0].offer_id.clone();
        if state != EntryState::Proposed {
            grown.world.confirm(&grown.ledger, vec![offer_id.clone()]).await;
        }
        if state == EntryState::Accepted {
            let answer = OfferAnswer::Accept;
            grown.world.respond(&grown.ledger, &offer_id, answer).await.unwrap();
        }
        assert_eq!(grown.entry().await.state(), state);
        grown
    }

    async fn entry(&self) -> WaitlistEntry {
        crate::transfer::entry(&self.world.service, &self.ledger, &self.increase.entry_id).await
    }

    /// The placement as it is listed.
    async fn now(&self) -> Placement {
        let all = listed(&self.world.county, &self.ledger).await;
        let of_first = |one: &Placement| one.placement_id == self.placement.placement_id;
        all.into_iter().find(of_first).unwrap()
    }

    async fn ends(&self, placement: &Placement) {
        let end = EndPlacementRequest {
            request_id: request_id(),
            ledger: Some(self.ledger.clone()),
            placement_id: placement.placement_id.clone(),
            end_date: Some(today()),
            outcome: PlacementOutcome::Other.into(),
            ..EndPlacementRequest::default()
        };
        self.world.office.allocation().end_placement(end).await.unwrap();
    }

    async fn changes(&self, to: Change) -> ChangePlacementResponse {
        let request = changing(&self.ledger, &self.placement.placement_id, to);
        change(&self.world.office, request).await.unwrap()
    }

    /// The states of all offers there have been of an entry, by name.
    async fn offers(&self, entry_id: &str) -> Vec<String> {
        let mut sql = self.world.service.sql().await;
        sqlx::query_scalar("SELECT state FROM offer WHERE entry_id = $1 ORDER BY state")
            .bind(Uuid::parse_str(entry_id).unwrap())
            .fetch_all(&mut sql)
            .await
            .unwrap()
    }

    async fn own_offers(&self) -> Vec<String> {
        self.offers(&self.increase.entry_id).await
    }

    /// Whether the person may join anew.
    async fn may_join(&self) -> bool {
        let joined = self.world.county.waitlist().join_waitlist(join(&self.ledger, 1)).await;
        if let Err(refused) = &joined {
            assert_eq!(reason(refused), "PERSON_ALREADY_WAITING");
        }
        joined.is_ok()
    }

    async fn is_over(&self, percent: u32) {
        let entry = self.entry().await;
        assert_eq!((entry.state(), entry.strikes), (EntryState::Closed, 0));
        let now = self.now().await;
        let found = (now.participation_percent, now.waiting_increase_entry_id.as_str());
        assert_eq!(found, (percent, ""));
        assert!(!self.may_join().await);
        self.world.service.verify().await;
    }
}

#[tokio::test]
async fn it_waits_is_offered_and_holds() {
    let grown = Grown::new().await;
    let Grown { world, ledger, placement, increase, .. } = &grown;
    assert_eq!((increase.participation_percent, increase.state()), (50, EntryState::Waiting));
    let expected =
        Placement { waiting_increase_entry_id: increase.entry_id.clone(), ..placement.clone() };
    assert_eq!(grown.now().await, expected);
    let entry = grown.entry().await;
    assert_eq!(entry.increase_of_placement_id, placement.placement_id);
    assert_eq!(entry.preferred_place_group_ids, std::slice::from_ref(&grown.group));
    assert_eq!(entry.order_time, entry.registered_time);
    assert!(!grown.may_join().await);
    world.service.verify().await;
    grown.ends(&grown.other).await;
    let offer = world.allocate(ledger, 5).await.proposals.remove(0);
    assert_eq!((&offer.entry_id, offer.participation_percent), (&increase.entry_id, 50));
    world.confirm(ledger, vec![offer.offer_id.clone()]).await;
    world.respond(ledger, &offer.offer_id, OfferAnswer::Accept).await.unwrap();
    assert_eq!(in_use(world, ledger).await, (50, vec![50, 0]));
    let started = world.start(ledger, &offer.offer_id, today()).await;
    assert_eq!(started, Placement { participation_percent: 100, ..placement.clone() });
    assert_eq!(in_use(world, ledger).await, (100, vec![100, 0]));
    assert_eq!(grown.own_offers().await, ["STARTED"]);
    grown.is_over(100).await;
    grown.ends(placement).await;
    assert!(grown.may_join().await);
    world.service.verify().await;
}

#[tokio::test]
async fn asked_twice_it_happens_once_and_without_the_flag_not_at_all() {
    let (world, ledger, _) = two_municipalities(1, [2, 1]).await;
    let (_, placement) = placed(&world, &ledger, 1, 50).await;
    placed(&world, &ledger, 2, 50).await;
    let id = &placement.placement_id;
    let refused = change(&world.office, changing(&ledger, id, share(100, today()))).await;
    let refused = refused.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "NO_ROOM"));
    assert!(refused.message().contains("wait_if_full"), "{refused:?}");
    let request = changing(&ledger, id, grow(100));
    let preview = ChangePlacementRequest { validate_only: true, ..request.clone() };
    let preview = change(&world.office, preview).await.unwrap();
    assert_eq!(preview.waiting_increase.unwrap().participation_percent, 50);
    assert!(listed(&world.office, &ledger).await.contains(&placement));
    // Two at once, perhaps in one batch.
    let another = ChangePlacementRequest { request_id: request_id(), ..request.clone() };
    let (one, two) = tokio::join!(
        change(&world.office, request.clone()),
        change(&world.office, another.clone())
    );
    let (done, refused, request) =
        if one.is_ok() { (one, two, request) } else { (two, one, another) };
    assert_eq!(told(&refused.unwrap_err()), is(Code::FailedPrecondition, "WRONG_STATE"));
    let again = change(&world.office, request).await.unwrap();
    assert_eq!(again.encode_to_vec(), done.unwrap().encode_to_vec());
    world.service.verify().await;
}

#[tokio::test]
async fn it_is_told_apart_from_those_who_wait_for_a_place() {
    let grown = Grown::new().await;
    let Grown { world, ledger, increase, .. } = &grown;
    world.service.clock.advance(time::Duration::minutes(1));
    let behind = world.join(ledger, 3).await;
    let summary = SummarizeQueuesRequest {
        county_id: COUNTY.into(),
        measure_code: "VTA".into(),
        ..SummarizeQueuesRequest::default()
    };
    let summary = world.county.waitlist().summarize_queues(summary).await.unwrap().into_inner();
    let [queue] = &summary.queues[..] else { panic!("{summary:?}") };
    assert_eq!((queue.persons_waiting, queue.increases), (1, 1));
    assert_eq!((queue.municipalities[0].persons_waiting, &queue.place_groups[..]), (1, &[][..]));
    assert_eq!(queue.persons_without_preference, 1);
    let micros = |at: Option<prost_types::Timestamp>| at.map(|at| (at.seconds, at.nanos));
    let earliest = micros(queue.earliest_registered_time);
    assert!(earliest > micros(increase.registered_time), "{queue:?}");
    // It stands ahead all the same.
    assert_eq!(world.position(ledger, &behind).await.position_in_area, 2);
    let request = GetPositionRequest {
        ledger: Some(ledger.clone()),
        entry_id: increase.entry_id.clone(),
        with_explanation: true,
        ..GetPositionRequest::default()
    };
    let told = world.office.waitlist().get_position(request).await.unwrap().into_inner();
    assert_eq!((told.state(), told.position_in_area), (EntryState::Waiting, 1));
    for (text, sentence) in told.texts.iter().zip([
        "Du venter på en større del av plassen du har.",
        "Du ventar på ein større del av plassen du har.",
        "You are waiting for a larger share of the place you have.",
    ]) {
        assert!(text.paragraphs[0].contains(sentence), "{text:?}");
        assert!(!text.paragraphs[0].contains("ventelist"), "{text:?}");
    }
    // The person is found with both, and takes part with what holds.
    let lookup = LookupPersonRequest {
        national_identity_number: identity(1),
        purpose: "henvendelse".into(),
        ..LookupPersonRequest::default()
    };
    let found = world.county.waitlist().lookup_person(lookup).await.unwrap().into_inner();
    let found: Vec<_> = found.entries.iter().map(|one| one.entry.clone().unwrap()).collect();
    let ids: Vec<&str> = found.iter().map(|entry| entry.entry_id.as_str()).collect();
    assert!(ids.contains(&&*increase.entry_id) && ids.contains(&&*grown.placed_entry), "{ids:?}");
    let check = CheckParticipationRequest {
        national_identity_number: identity(1),
        purpose: "ytelse".into(),
        ..CheckParticipationRequest::default()
    };
    let service = world.service.caller(Role::Service, "another").await;
    let checked = service.allocation().check_participation(check).await.unwrap().into_inner();
    let percents: Vec<u32> =
        checked.participations.iter().map(|one| one.participation_percent).collect();
    assert_eq!(percents, [50]);
}

#[tokio::test]
async fn a_no_or_none_costs_nothing() {
    let grown = Grown::at(EntryState::Offered).await;
    let offers = OfferState::Offered;
    let request = ListOffersRequest {
        ledger: Some(grown.ledger.clone()),
        state: offers.into(),
        ..ListOffersRequest::default()
    };
    let offers = grown.world.office.allocation().list_offers(request).await.unwrap();
    let offer_id = offers.into_inner().offers[0].offer_id.clone();
    grown.world.respond(&grown.ledger, &offer_id, OfferAnswer::Decline).await.unwrap();
    grown.is_over(50).await;
    let mut grown = Grown::at(EntryState::Offered).await;
    grown.world.service.clock.set(datetime!(2026-04-20 09:00 UTC));
    refresh(&mut grown.world).await;
    grown.world.join(&grown.ledger, 9).await;
    assert_eq!(grown.own_offers().await, ["EXPIRED"]);
    grown.is_over(50).await;
}

#[tokio::test]
async fn it_is_over_with_the_placement_also_by_time() {
    for state in [EntryState::Proposed, EntryState::Offered, EntryState::Accepted] {
        let grown = Grown::at(state).await;
        let Grown { world, ledger, .. } = &grown;
        let half = JoinWaitlistRequest { participation_percent: 50, ..join(ledger, 3) };
        let next = world.county.waitlist().join_waitlist(half).await.unwrap();
        let next = next.into_inner().entry_id;
        grown.ends(&grown.placement).await;
        let found = (grown.offers(&next).await, grown.own_offers().await);
        let expected = (vec!["PROPOSED".to_owned()], vec!["WITHDRAWN".to_owned()]);
        assert_eq!(found, expected, "{state:?}");
        assert_eq!(grown.entry().await.state(), EntryState::Closed);
        world.service.verify().await;
        assert!(grown.may_join().await);
    }
    let mut grown = Grown::at(EntryState::Accepted).await;
    let end = EndPlacementRequest {
        request_id: request_id(),
        ledger: Some(grown.ledger.clone()),
        placement_id: grown.placement.placement_id.clone(),
        end_date: Some(date(2026, 3, 5)),
        outcome: PlacementOutcome::Other.into(),
        ..EndPlacementRequest::default()
    };
    grown.world.office.allocation().end_placement(end).await.unwrap();
    assert_eq!(grown.entry().await.state(), EntryState::Accepted);
    grown.world.service.clock.set(datetime!(2026-03-05 09:00 UTC));
    refresh(&mut grown.world).await;
    assert!(grown.may_join().await);
    assert_eq!(grown.entry().await.state(), EntryState::Closed);
    assert_eq!(in_use(&grown.world, &grown.ledger).await, (0, vec![0, 0]));
    grown.world.service.verify().await;
}

#[tokio::test]
async fn another_share_is_the_one_that_is_wanted() {
    let grown = Grown::at(EntryState::Accepted).await;
    let answer = grown.changes(share(30, today())).await;
    assert_eq!(answer.waiting_increase, None);
    assert_eq!(answer.placement.unwrap().waiting_increase_entry_id, "");
    assert_eq!(grown.own_offers().await, ["WITHDRAWN"]);
    grown.is_over(30).await;
}

#[tokio::test]
async fn it_goes_along_and_rests_while_the_person_is_away() {
    let grown = Grown::at(EntryState::Offered).await;
    let Grown { world, ledger, placement, .. } = &grown;
    let away = grown.changes(leave(today(), date(2026, 4, 1))).await;
    assert_eq!(away.waiting_increase.unwrap().state(), EntryState::Paused);
    world.service.verify().await;
    let back = grown.changes(Change::Return(PlacementReturn {})).await;
    assert_eq!(back.waiting_increase.unwrap().state(), EntryState::Waiting);
    world.allocate(ledger, 1).await;
    assert_eq!(grown.entry().await.state(), EntryState::Proposed);
    let new = world.place_group(ledger, 1).await;
    let moving = moving(ledger, &placement.placement_id, &new);
    world.office.allocation().move_placement(moving).await.unwrap();
    let entry = grown.entry().await;
    assert_eq!((entry.state(), entry.preferred_place_group_ids), (EntryState::Waiting, vec![new]));
    world.service.verify().await;
    world.allocate(ledger, 1).await;
    assert_eq!(grown.entry().await.state(), EntryState::Proposed);
    let request = reassigning(ledger, &placement.placement_id, HEMNE);
    let answer = world.county.allocation().reassign_placement(request).await.unwrap().into_inner();
    let moved = answer.placement.unwrap();
    assert_eq!(moved.waiting_increase_entry_id, grown.increase.entry_id);
    let entry = grown.entry().await;
    assert_eq!(
        (entry.state(), &entry.municipality_number[..], &entry.following_office_number[..]),
        (EntryState::Proposed, HEMNE, HEMNE_OFFICE)
    );
    // What was held is passed on, and comes back to it from the quota that pays for the rest.
    let found = world.availability(ledger).await;
    let reserved: Vec<i64> = found
        .second_accounts
        .iter()
        .map(|account| account.usage.as_ref().unwrap().reserved_percent)
        .collect();
    assert_eq!(reserved, [0, 50]);
    world.service.verify().await;
}

#[tokio::test]
async fn by_hand_it_is_left_or_put_on_pause_and_nothing_else_about_it_is_changed() {
    let grown = Grown::at(EntryState::Accepted).await;
    let Grown { world, ledger, increase, .. } = &grown;
    let entry_id = || increase.entry_id.clone();
    let to_hemne = crate::transfer::transfer(ledger, &entry_id(), (HEMNE, HEMNE_OFFICE));
    let refused = world.county.waitlist().transfer_entry(to_hemne).await.unwrap_err();
    assert_eq!(told(&refused), is(Code::FailedPrecondition, "WRONG_STATE"));
    let pause = PauseEntryRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id(),
        ..PauseEntryRequest::default()
    };
    world.office.waitlist().pause_entry(pause).await.unwrap();
    assert_eq!(grown.own_offers().await, ["WITHDRAWN"]);
    world.service.verify().await;
    let leave = LeaveWaitlistRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id(),
        reason: LeaveReason::NoLongerWanted.into(),
        ..LeaveWaitlistRequest::default()
    };
    world.office.waitlist().leave_waitlist(leave).await.unwrap();
    grown.is_over(50).await;
}

#[tokio::test]
async fn more_of_a_place_suspends_nothing_elsewhere() {
    let grown = Grown::at(EntryState::Accepted).await;
    let Grown { world, ledger, .. } = &grown;
    let waits = world.join(&avklaring(), 1).await;
    combines_only_with(&world.service, "AVKLARING", &[]).await;
    let offer_id: String = {
        let mut sql = world.service.sql().await;
        let held = "SELECT offer_id::text FROM offer WHERE state = 'ACCEPTED'";
        sqlx::query_scalar(held).fetch_one(&mut sql).await.unwrap()
    };
    world.start(ledger, &offer_id, today()).await;
    assert_eq!(world.position(&avklaring(), &waits).await.state(), EntryState::Waiting);
    grown.is_over(100).await;
}

/// What no decision lets happen the tables do not take either.
#[tokio::test]
async fn the_database_has_one_of_a_person_and_one_of_a_placement() {
    let grown = Grown::new().await;
    let mut sql = grown.world.service.sql().await;
    let copy = async |sql: &mut sqlx::PgConnection, of: &str| {
        let id = Uuid::parse_str(of).unwrap();
        let done = sqlx::query(
            "INSERT INTO entry (county_id, measure_code, entry_id, person_id, state, \
             municipality_number, following_office_number, order_time_us, registered_time_us, \
             join_seq, doc) SELECT county_id, measure_code, gen_random_uuid(), person_id, \
             'WAITING', municipality_number, following_office_number, order_time_us, \
             registered_time_us, join_seq, doc FROM entry WHERE entry_id = $1",
        )
        .bind(id)
        .execute(sql)
        .await;
        done.unwrap_err().as_database_error().unwrap().constraint().unwrap().to_owned()
    };
    let second = copy(&mut sql, &grown.increase.entry_id).await;
    assert_eq!(second, "entry_placement_has_one_increase");
    assert_eq!(copy(&mut sql, &grown.placed_entry).await, "entry_person_has_one_open");
}

/// A link that only one side has is found.
#[tokio::test]
async fn the_check_finds_a_placement_that_waits_for_nothing() {
    let grown = Grown::new().await;
    let mut sql = grown.world.service.sql().await;
    sqlx::query("UPDATE placement SET doc = doc - 'increase'").execute(&mut sql).await.unwrap();
    let app = &grown.world.service.app;
    let report = tiltaksplass::verify::verify(&app.db, Some(&app.keys)).await.unwrap();
    assert_eq!(report.findings, ["NO-16/VTA: placements are not what the log says"]);
}

/// A place and the wait for more of it that a mistake ended go on in one transaction; the
/// person's claim is the place's.
#[tokio::test]
async fn what_goes_on_together_leaves_the_claim_with_the_place() {
    use correct_request::Correction;
    use reinstatement::What;
    let grown = Grown::new().await;
    grown.ends(&grown.placement).await;
    let correct = |what| {
        let request = CorrectRequest {
            request_id: request_id(),
            ledger: Some(grown.ledger.clone()),
            reason: "Feil person sluttet.".into(),
            correction: Some(Correction::Reinstate(Reinstatement { what: Some(what) })),
            ..CorrectRequest::default()
        };
        let mut allocation = grown.world.county.allocation();
        tokio::spawn(async move { allocation.correct(request).await.unwrap().into_inner() })
    };
    // As long as the ledger's row is held here the lane waits with one batch, and the two come
    // together in the next.
    let mut sql = grown.world.service.sql().await;
    sqlx::raw_sql("BEGIN; SELECT FROM ledger FOR UPDATE").execute(&mut sql).await.unwrap();
    let mut waitlist = grown.world.county.waitlist();
    let first = join(&grown.ledger, 9);
    let first = tokio::spawn(async move { waitlist.join_waitlist(first).await });
    let pause = || tokio::time::sleep(std::time::Duration::from_millis(300));
    pause().await;
    let place = correct(What::PlacementId(grown.placement.placement_id.clone()));
    pause().await;
    let more = correct(What::EntryId(grown.increase.entry_id.clone()));
    pause().await;
    sqlx::raw_sql("COMMIT").execute(&mut sql).await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(place.await.unwrap().result(), CorrectionResult::Corrected);
    assert_eq!(more.await.unwrap().result(), CorrectionResult::Corrected);
    assert_eq!(grown.now().await.waiting_increase_entry_id, grown.increase.entry_id);
    let holders: Vec<String> = sqlx::query_scalar(
        "SELECT c.entry_id::text FROM person_claim c JOIN entry e USING (person_id) \
         WHERE e.doc->>'increase_of' IS NOT NULL",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert_eq!(holders, [grown.placed_entry.as_str()]);
    grown.world.service.verify().await;
}
