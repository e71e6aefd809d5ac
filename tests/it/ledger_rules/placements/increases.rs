//! Larger shares that wait: an entry of its own in the one order, what both accounts hold on
//! each way it may go, and what becomes of it with the placement.

use tiltaksplass::domain::{
    command::{SuspendEntry, TransferEntry},
    event::OfferChange,
    measure::{DeclineRule, MeasureRules},
    waitlist::{Adviser, OrderKey},
};

use super::{
    super::{
        invariants::{accounts_add_up, increases_agree},
        ruled::{Ruled, place, sealed},
    },
    *,
};

/// Somebody of Trondheim has half a place of two and waits for the other half; the rest of the
/// group is used by others, of whom one leaves when the test wants room.
pub(super) struct Grown {
    pub(super) placed: Placed,
    other: PlacementId,
    pub(super) increase: EntryId,
}

/// How far a larger share has come.
const STEPS: [&str; 5] = ["WAITING", "PAUSED", "PROPOSED", "OFFERED", "ACCEPTED"];

impl Grown {
    pub(super) fn new() -> Self {
        let mut placed = Placed::new(50);
        begin(&mut placed.ledger, commands::join(2, TRONDHEIM));
        let other = begin(&mut placed.ledger, commands::join_part(3, HEMNE, 50));
        let increase = asked(&placed.happen(grow(placed.id, 100)).unwrap());
        Self { placed, other, increase }
    }

    fn at(step: &str) -> Self {
        let mut grown = Self::new();
        match step {
            "WAITING" => {}
            "PAUSED" => grown.does(commands::pause(grown.increase, None)),
            _ => {
                let offer_id = grown.propose();
                if step != "PROPOSED" {
                    grown.does(commands::confirm(&[offer_id]));
                }
                if step == "ACCEPTED" {
                    grown.does(commands::respond(offer_id, true));
                }
            }
        }
        assert_eq!(grown.state(), step);
        grown
    }

    /// The other one leaves, and what was theirs is proposed.
    fn propose(&mut self) -> OfferId {
        self.does(commands::end(self.other, TODAY));
        let events = allocate(&mut self.placed.ledger, 9);
        assert_eq!(served(&events), [(self.increase, self.placed.group)]);
        offers_of(&events).next().unwrap().offer_id
    }

    pub(super) fn happen(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        let outcome = self.placed.happen(command);
        accounts_add_up(&self.placed.ledger).unwrap();
        increases_agree(&self.placed.ledger).unwrap();
        outcome
    }

    pub(super) fn does(&mut self, command: Command) {
        self.happen(command).unwrap();
    }

    pub(super) fn entry(&self) -> &Entry {
        entry(&self.placed.ledger, self.increase)
    }

    fn state(&self) -> &'static str {
        self.entry().state.name()
    }

    fn offer(&self) -> Option<&Offer> {
        self.placed.ledger.offers().find(|offer| offer.entry_id == self.increase)
    }

    fn offer_state(&self) -> Option<&'static str> {
        self.offer().map(|offer| offer.state.name())
    }

    /// The share that holds, and the larger one it waits for.
    pub(super) fn placement(&self) -> (u32, Option<EntryId>) {
        let placement = self.placed.placement();
        (placement.participation_percent, placement.increase)
    }

    /// What is reserved and in use in the group, and of the quota of Trondheim.
    fn held(&self) -> [(i64, i64); 2] {
        let ledger = &self.placed.ledger;
        [group_figures(ledger, self.placed.group), figures(ledger, &quota_of(TRONDHEIM))]
    }
}

fn asked(events: &[Event]) -> EntryId {
    let [Event::EntryChanged { entry, change: EntryChange::IncreaseAsked }] = events else {
        panic!("{events:?}")
    };
    entry.entry_id
}

// ---- The wait ----

#[test]
fn what_is_lacking_waits_in_the_order_of_all() {
    let mut placed = Placed::new(40);
    let id = placed.id;
    let first = placed.placement().entry_id;
    let adviser = Adviser { digest: "d".repeat(64), ident: sealed(), deputy: None };
    let mut update = commands::update(first);
    update.adviser = Some(adviser.clone());
    placed.does(Command::UpdateEntry(update));
    // Where there is room, nothing waits.
    placed.does(grow(id, 50));
    assert_eq!((placed.placement().participation_percent, placed.in_use().0), (50, 50));
    begin(&mut placed.ledger, commands::join(2, TRONDHEIM));
    begin(&mut placed.ledger, commands::join_part(3, HEMNE, 50));
    let mut young = commands::join(4, TRONDHEIM);
    young.priority_class = Some("YOUNG".parse().unwrap());
    let before = add_entry(&mut placed.ledger, young);
    let increase = asked(&placed.happen(grow(id, 100)).unwrap());
    let after = add_entry(&mut placed.ledger, commands::join(5, TRONDHEIM));
    let (ledger, now) = (&placed.ledger, entry(&placed.ledger, increase));
    let (owner, key) = (entry(ledger, first), now.key);
    assert_eq!(
        (now.person_id, &now.municipality_number, &now.following_office_number),
        (owner.person_id, &owner.municipality_number, &owner.following_office_number)
    );
    assert_eq!((now.increase_of, now.participation_percent), (Some(id), 50));
    assert_eq!(now.preferred_place_groups, [placed.group]);
    assert_eq!((now.state, now.adviser.as_ref()), (EntryState::Waiting, Some(&adviser)));
    // It has waited no day yet, and no class gives it any.
    assert_eq!((key.order_time, now.priority_class.clone()), (key.registered_time, None));
    assert_eq!(key.join_seq, OrderKey::join_seq(ledger.head().seq - 1, 0));
    assert!(entry(ledger, before).key < key && key < entry(ledger, after).key);
    assert_eq!(placed.placement().increase, Some(increase));
    assert_eq!(placed.in_use(), (200, 150, 50));
}

#[test]
fn a_placement_asks_for_one_at_a_time_and_for_none_on_leave() {
    let mut grown = Grown::new();
    let id = grown.placed.id;
    let transition = "WAIT_FOR_LARGER_SHARE";
    for percent in [100, 80] {
        let refused = grown.placed.refused(grow(id, percent));
        let state = "WAITING_FOR_LARGER_SHARE";
        assert_eq!(refused, wrong_state("the placement", state, transition));
    }
    let refused = grown.placed.refused(share(id, 100, TODAY));
    let (what, free_percent, needed_percent) = ("the place group", 0, 50);
    assert_eq!(refused, Refusal::NoRoomForMore { what, free_percent, needed_percent });
    // Once it is over there may be another, which has waited from then on.
    let first = grown.entry().key;
    grown.does(commands::leave(grown.increase));
    grown.increase = asked(&grown.happen(grow(id, 80)).unwrap());
    assert!(grown.entry().key > first);
    assert_eq!(grown.entry().participation_percent, 30);
    grown.does(commands::leave(grown.increase));
    grown.does(go_on_leave(id, TODAY, days_on(3)));
    let refused = grown.placed.refused(grow(id, 100));
    assert_eq!(refused, wrong_state("the placement", "ON_LEAVE", transition));
    // What would be wrong of a share that finds room is wrong of one that waits.
    let refused = grown.placed.refused(commands::grow(id, 100, days_on(1)));
    assert_eq!(out_of_range(&refused), "share.valid_from_date");
}

// ---- The way to it ----

#[test]
fn it_is_proposed_confirmed_and_accepted_like_a_place_and_then_holds() {
    let mut grown = Grown::new();
    assert_eq!(grown.held(), [(0, 200), (0, 150)]);
    // Whoever stood before it comes first, and whoever came later does not.
    let later = add_entry(&mut grown.placed.ledger, commands::join_part(6, TRONDHEIM, 50));
    let offer_id = grown.propose();
    assert_eq!(entry(&grown.placed.ledger, later).state, EntryState::Waiting);
    assert_eq!((grown.held(), grown.placement().0), ([(50, 150), (50, 150)], 50));
    grown.does(commands::confirm(&[offer_id]));
    grown.does(commands::respond(offer_id, true));
    assert_eq!((grown.held(), grown.placement().0), ([(50, 150), (50, 150)], 50));
    let early = grown.placed.refused(commands::start(offer_id, days_on(-1)));
    assert_eq!(out_of_range(&early), "start_date");
    let events = grown.happen(commands::start(offer_id, TODAY)).unwrap();
    let [
        Event::OfferChanged { change: OfferChange::IncreaseHolds, .. },
        Event::PlacementChanged { change: PlacementChange::Increased, .. },
        Event::EntryChanged { change: EntryChange::IncreaseHolds, .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((grown.held(), grown.placement()), ([(0, 200), (0, 200)], (100, None)));
    let started = OfferState::Started { placement_id: grown.placed.id };
    assert_eq!((&grown.offer().unwrap().state, grown.state()), (&started, "CLOSED"));
    assert!(grown.entry().closed.is_some());
    // Nothing else began, and the person holds the place as before.
    assert_eq!(grown.placed.ledger.placements().count(), 3);
    let first = entry(&grown.placed.ledger, grown.placed.placement().entry_id);
    assert_eq!(first.state, EntryState::Placed(grown.placed.id));
    let shares = grown.placed.placement().shares.iter();
    let shares: Vec<_> = shares.map(|share| (share.percent, share.valid_from)).collect();
    assert_eq!(shares, [(50, TODAY), (100, TODAY)]);
    // And another way it ends whole.
    grown.does(commands::end(grown.placed.id, TODAY));
    assert_eq!(grown.held(), [(0, 100), (0, 100)]);
}

#[test]
fn a_larger_share_is_debited_from_the_day_it_holds() {
    let mut grown = Grown::at("ACCEPTED");
    let (id, offer_id) = (grown.placed.id, grown.offer().unwrap().offer_id);
    let start = commands::start(offer_id, days_on(1));
    happen(&mut grown.placed.ledger, start, hour(days_on(2), 12)).unwrap();
    let placement = placement(&grown.placed.ledger, id);
    assert_eq!((placement.percent_on(TODAY), placement.percent_on(days_on(1))), (50, 100));
    let [past] = &placement.past_debits[..] else { panic!("{placement:?}") };
    assert_eq!((past.percent, past.from_date, past.until_date), (50, TODAY, days_on(2)));
}

#[test]
fn whoever_stood_before_comes_first() {
    let mut placed = Placed::new(50);
    begin(&mut placed.ledger, commands::join(2, TRONDHEIM));
    let other = begin(&mut placed.ledger, commands::join_part(3, HEMNE, 50));
    let before = add_entry(&mut placed.ledger, commands::join_part(4, TRONDHEIM, 50));
    let increase = asked(&placed.happen(grow(placed.id, 100)).unwrap());
    placed.does(commands::end(other, TODAY));
    let events = allocate(&mut placed.ledger, 9);
    assert_eq!(served(&events), [(before, placed.group)]);
    // The place has gone, and what the quota lacks is told of it as of anybody.
    assert_eq!(entry(&placed.ledger, increase).state, EntryState::Waiting);
}

#[test]
fn a_no_to_more_ends_the_wait_for_it_and_costs_nothing() {
    let cool_down_days = Some(30);
    let leaves = DeclineRule::LeaveAfter(1);
    let rules = MeasureRules { decline_rule: leaves, cool_down_days, ..MeasureRules::default() };
    let mut ruled = Ruled::new(&rules, 1);
    let id = begin(&mut ruled.ledger, commands::join_part(1, TRONDHEIM, 50));
    for says_no in [true, false] {
        let other = begin(&mut ruled.ledger, commands::join_part(2, TRONDHEIM, 50));
        let increase = asked(&ruled.now(&grow(id, 100)));
        ruled.now(&commands::end(other, TODAY));
        let offer_id = offers_of(&ruled.now(&commands::allocate(1, &[]))).next().unwrap().offer_id;
        ruled.now(&commands::confirm(&[offer_id]));
        // Whoever is next gets what is given back, in the same row.
        let next = add_entry(&mut ruled.ledger, commands::join_part(3, TRONDHEIM, 50));
        let (command, at) = if says_no {
            (commands::respond(offer_id, false), noon())
        } else {
            (Command::ExpireOffer { offer_id }, ruled.answer_by(offer_id))
        };
        let events = ruled.clone().happen(&command, at).unwrap();
        assert_eq!(served(&events), [(next, ruled.group)]);
        let mut after = ruled.clone();
        after.happen(&command, at).unwrap();
        let declined = after.entry(increase);
        assert_eq!((declined.state, declined.strikes), (EntryState::Closed, 0));
        let placement = placement(&after.ledger, id);
        assert_eq!((placement.participation_percent, placement.increase), (50, None));
        let first = after.entry(placement.entry_id);
        assert_eq!((first.state, first.strikes), (EntryState::Placed(id), 0));
        accounts_add_up(&after.ledger).unwrap();
        increases_agree(&after.ledger).unwrap();
        // For the other round.
        ruled.now(&commands::leave(next));
        ruled.now(&commands::leave(increase));
    }
}

#[test]
fn it_is_paused_left_and_moved_by_hand_like_any_entry() {
    let mut grown = Grown::at("ACCEPTED");
    let increase = grown.increase;
    grown.does(commands::pause(increase, None));
    assert_eq!((grown.offer_state(), grown.held()), (Some("WITHDRAWN"), [(0, 150), (0, 150)]));
    grown.does(commands::still_wanted(increase));
    grown.does(commands::resume(increase));
    let key = grown.entry().key;
    grown.does(commands::prioritize(increase, 5));
    assert!(grown.entry().key < key);
    assert_eq!(grown.placement(), (50, Some(increase)));
    for step in STEPS {
        let mut grown = Grown::at(step);
        grown.does(commands::leave(grown.increase));
        assert_eq!((grown.state(), grown.placement()), ("CLOSED", (50, None)));
        let (reserved, _) = grown.held()[0];
        assert_eq!(reserved, 0, "{step}");
    }
}

#[test]
fn what_it_waits_for_follows_from_the_placement_and_from_nothing_else() {
    let mut grown = Grown::new();
    let (entry_id, group) = (grown.increase, grown.placed.group);
    let refused = |transition| wrong_state("the entry", "INCREASE", transition);
    let update = commands::update(entry_id);
    for update in [
        UpdateEntry { participation_percent: Some(20), ..update.clone() },
        UpdateEntry { preferred_place_groups: Some(Vec::new()), ..update.clone() },
        UpdateEntry { work_fields: Some(Vec::new()), ..update.clone() },
        UpdateEntry { priority_class: Some(Some("YOUNG".parse().unwrap())), ..update.clone() },
    ] {
        let update = Command::UpdateEntry(update);
        assert_eq!(grown.placed.refused(update), refused("UPDATE_ENTRY"));
    }
    let transfer = Command::TransferEntry(TransferEntry {
        entry_id,
        municipality_number: municipality(HEMNE),
        following_office_number: "5702".parse().unwrap(),
        to_ledger: None,
        reason: None,
        case_reference: None,
    });
    assert_eq!(grown.placed.refused(transfer), refused("TRANSFER"));
    let begun_in = ledger_id("AVKLARING");
    let suspend = Command::SuspendEntry(SuspendEntry { entry_id, begun_in });
    assert_eq!(grown.placed.refused(suspend), refused("SUSPEND"));
    assert_eq!(grown.placed.refused(place(entry_id, group)), refused("PLACE"));
    let office = Some("5702".parse().unwrap());
    let update = UpdateEntry { following_office_number: office.clone(), ..update };
    grown.does(Command::UpdateEntry(update));
    assert_eq!(Some(grown.entry().following_office_number.clone()), office);
}

// ---- What becomes of it with the placement ----

#[test]
fn another_share_is_the_one_that_is_wanted() {
    for step in STEPS {
        for percent in [50, 30] {
            let mut grown = Grown::at(step);
            grown.does(share(grown.placed.id, percent, TODAY));
            assert_eq!((grown.state(), grown.placement()), ("CLOSED", (percent, None)));
            let expected = ["PROPOSED", "OFFERED", "ACCEPTED"].contains(&step);
            assert_eq!(grown.offer_state(), expected.then_some("WITHDRAWN"), "{step}");
        }
    }
}

#[test]
fn it_is_over_with_the_placement_and_what_was_held_goes_on_in_the_same_row() {
    for step in STEPS {
        for by_time in [false, true] {
            let mut grown = Grown::at(step);
            let (id, group) = (grown.placed.id, grown.placed.group);
            let next = add_entry(&mut grown.placed.ledger, commands::join_part(7, TRONDHEIM, 50));
            let events = if by_time {
                grown.does(commands::end(id, days_on(1)));
                // An end ahead leaves it waiting.
                assert_eq!((grown.state(), grown.placement().1), (step, Some(grown.increase)));
                let command = Command::FinishPlacement { placement_id: id };
                happen(&mut grown.placed.ledger, command, hour(days_on(1), 0)).unwrap()
            } else {
                grown.happen(commands::end(id, TODAY)).unwrap()
            };
            assert_eq!((grown.state(), grown.placement()), ("CLOSED", (50, None)));
            let held = ["PROPOSED", "OFFERED", "ACCEPTED"].contains(&step);
            let expected = held.then_some((next, group));
            assert_eq!(served(&events), expected.into_iter().collect::<Vec<_>>(), "{step}");
            accounts_add_up(&grown.placed.ledger).unwrap();
            increases_agree(&grown.placed.ledger).unwrap();
        }
    }
}

/// How it waits on where what was held for it is given back.
fn waits_on(step: &str) -> &str {
    if step == "PAUSED" { step } else { "WAITING" }
}

#[test]
fn it_goes_along_to_another_group_with_its_turn() {
    for step in STEPS {
        let mut grown = Grown::at(step);
        let (old, key) = (grown.placed.group, grown.entry().key);
        let new = add_group(&mut grown.placed.ledger, 1, &[]);
        let hopeful = JoinWaitlist {
            preferred_place_groups: vec![old],
            ..commands::join_part(7, TRONDHEIM, 50)
        };
        let next = add_entry(&mut grown.placed.ledger, hopeful);
        let events = grown.happen(move_to(grown.placed.id, new)).unwrap();
        assert_eq!((grown.state(), grown.entry().key), (waits_on(step), key));
        assert_eq!(grown.entry().preferred_place_groups, [new]);
        let held = ["PROPOSED", "OFFERED", "ACCEPTED"].contains(&step);
        let expected = held.then_some((next, old));
        assert_eq!(served(&events), expected.into_iter().collect::<Vec<_>>(), "{step}");
        assert_eq!(grown.placement(), (50, Some(grown.increase)));
    }
}

#[test]
fn it_waits_in_the_queue_of_whoever_pays() {
    for step in STEPS {
        let mut grown = Grown::at(step);
        let (id, key) = (grown.placed.id, grown.entry().key);
        let held = grown.offer().cloned();
        // The quota of Hemne has room for all of it: what is passed on may come to it anew.
        grown.does(reassign(id, HEMNE));
        assert_eq!(grown.placed.placement().account, quota_of(HEMNE));
        let at = |grown: &Grown| {
            let entry = grown.entry();
            (entry.municipality_number.clone(), entry.following_office_number.to_string())
        };
        assert_eq!(at(&grown), (municipality(HEMNE), "5702".to_owned()));
        let (anew, offers): (_, &[&str]) =
            if held.is_some() { ("PROPOSED", &["PROPOSED", "WITHDRAWN"]) } else { (step, &[]) };
        assert_eq!((grown.state(), grown.entry().key), (anew, key));
        let ledger = &grown.placed.ledger;
        let own = ledger.offers().filter(|offer| offer.entry_id == grown.increase);
        let states: BTreeSet<&str> = own.map(|offer| offer.state.name()).collect();
        assert!(states.iter().eq(offers), "{step}: {states:?}");
        // A guest's is paid where the guest's place is, and what is held there stays held.
        let mut guest = Grown::at(step);
        let none = commands::quotas(vec![commands::quota(HEMNE, from(0, TODAY))]);
        guest.does(none);
        guest.does(reassign(id, HEMNE));
        assert!(guest.placed.placement().guest);
        assert_eq!(at(&guest), (municipality(TRONDHEIM), "5702".to_owned()));
        assert_eq!((guest.state(), guest.offer().cloned()), (step, held));
    }
}

#[test]
fn it_rests_while_the_person_is_away() {
    for step in STEPS {
        let mut grown = Grown::at(step);
        let (id, key) = (grown.placed.id, grown.entry().key);
        grown.does(go_on_leave(id, TODAY, days_on(10)));
        let until = (step != "PAUSED").then_some(days_on(10));
        assert_eq!(grown.entry().state, EntryState::Paused { until });
        let expected = grown.offer().is_some().then_some("WITHDRAWN");
        assert_eq!((grown.offer_state(), grown.entry().key), (expected, key));
        // Back before its time, or on the day.
        let mut back = Grown { placed: clone(&grown.placed), ..grown };
        back.does(come_back(id));
        assert_eq!(back.state(), waits_on(step));
        for due in due(&grown.placed.ledger) {
            assert_eq!(due.at, hour(days_on(10), 0));
            happen(&mut grown.placed.ledger, due.command(), due.at).unwrap();
        }
        assert_eq!((grown.state(), grown.placed.state()), (waits_on(step), "RUNNING"));
    }
    // One that somebody has put on pause for another while stays so.
    let mut grown = Grown::new();
    let id = grown.placed.id;
    grown.does(commands::pause(grown.increase, Some(days_on(40))));
    grown.does(go_on_leave(id, TODAY, days_on(10)));
    grown.does(come_back(id));
    assert_eq!(grown.entry().state, EntryState::Paused { until: Some(days_on(40)) });
}

fn clone(placed: &Placed) -> Placed {
    Placed { ledger: placed.ledger.clone(), ..*placed }
}

#[test]
fn nothing_more_waits_where_another_type_has_taken_over() {
    let mut grown = Grown::new();
    grown.does(commands::leave(grown.increase));
    let mut registry = REGISTRY.clone();
    let RegistryRow::MeasureType(mut vta) = measure("VTA", Distribution::ByMunicipality, true)
    else {
        panic!()
    };
    let by = "AVKLARING".parse().unwrap();
    vta.rules.superseded_by =
        Some(tiltaksplass::domain::measure::Superseded { by, from: TODAY, queue_follows: true });
    registry.apply(2, &[RegistryRow::MeasureType(vta)]);
    let ledger = &grown.placed.ledger;
    let at = ledger.next_time(noon());
    let who = actor("county");
    let context = Context { at, registry: &registry, actor: &who, rules: RULES_VERSION };
    let command = grow(grown.placed.id, 100);
    let refused = decide(ledger, &command, &context, &mut IdSource::new(seed(1), at)).unwrap_err();
    assert!(matches!(refused, Stop::Refused(Refusal::Superseded { .. })), "{refused:?}");
}
