//! A queue that goes on in the measure type that took over: APS in AFT, from 1 March 2011 here.

use proptest::prelude::*;
use tiltaksplass::domain::{
    allocation::OutOfTurnReason,
    command::{
        HandOver, HeldThere, PlacePerson, ReceiveEntry, StartDirectly, TakeOver, TransferEntry,
        Waited,
    },
    event::EntryChange,
    explanation::{Now, explain_position},
    ids::MeasureCode,
    ledger::{Due, due_request_id, follow_ups, hand_over_request_id, rows},
    measure::{MeasureRules, Superseded},
    refusal::Stop,
    succession::{Succession, succession_on, successor_of, superseded_on},
    waitlist::{Closed, EntryState, OrderKey},
};

use super::*;

mod already_there;
mod stored;

/// The day before the queue goes on in AFT.
fn eve() -> Timestamp {
    hour(days_on(-1), 12)
}

fn by(code: &str, queue_follows: bool) -> Superseded {
    Superseded { by: code.parse().unwrap(), from: TODAY, queue_follows }
}

fn of_type(code: &str, rules: MeasureRules, class: &str) -> RegistryRow {
    let row = measure(code, Distribution::ByMunicipality, true);
    let RegistryRow::MeasureType(row) = row else { panic!("{row:?}") };
    let code = class.parse().unwrap();
    let priority_classes = vec![PriorityClass { code, bonus_days: BONUS_DAYS }];
    RegistryRow::MeasureType(MeasureType { rules, priority_classes, ..row })
}

/// A registry in which APS has been taken over from by AFT, and whatever else.
fn registry_with(superseded_by: Option<Superseded>, more: Vec<RegistryRow>) -> Registry {
    let aps = MeasureRules { superseded_by, direct_start: true, ..MeasureRules::default() };
    let mut rows = vec![of_type("APS", aps, "YOUNG")];
    rows.push(of_type("AFT", MeasureRules::default(), "YOUNG"));
    rows.extend(more);
    let mut registry = REGISTRY.clone();
    registry.apply(2, &rows);
    registry
}

static TAKEN_OVER: LazyLock<Registry> =
    LazyLock::new(|| registry_with(Some(by("AFT", true)), Vec::new()));

fn ledger(code: &str) -> Ledger {
    Ledger::new(ledger_id(code), Distribution::ByMunicipality, Head::EMPTY)
}

/// Decides by a registry, lets the events happen, and moves the log on.
fn happen_by(
    registry: &Registry,
    ledger: &mut Ledger,
    command: &Command,
    at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let (at, who) = (ledger.next_time(at), actor("county"));
    let context = Context { at, registry, actor: &who, rules: RULES_VERSION };
    let mut ids = IdSource::new(seed(ledger.head().seq), at);
    let events = match decide(ledger, command, &context, &mut ids) {
        Ok(events) => events,
        Err(Stop::Refused(refusal)) => return Err(refusal),
        Err(Stop::NeedMore(queue)) => panic!("a whole ledger misses some of {queue:?}"),
    };
    for event in &events {
        apply(ledger, event);
    }
    ledger.advance([0; 32], at);
    Ok(events)
}

fn now(ledger: &mut Ledger, command: &Command) -> Result<Vec<Event>, Refusal> {
    happen_by(&TAKEN_OVER, ledger, command, noon())
}

fn before(ledger: &mut Ledger, command: Command) -> Vec<Event> {
    happen_by(&TAKEN_OVER, ledger, &command, eve()).unwrap()
}

fn joined(ledger: &mut Ledger, join: JoinWaitlist) -> EntryId {
    let events = before(ledger, Command::JoinWaitlist(join));
    let [Event::Joined { entry }] = &events[..] else { panic!("{events:?}") };
    entry.entry_id
}

/// APS with a budget, Trondheim's quota of one, a group of one place, and its group.
fn aps() -> (Ledger, PlaceGroupId) {
    let mut aps = ledger("APS");
    let one = || from(1, days_on(-9));
    before(&mut aps, commands::budget(one()));
    before(&mut aps, commands::quotas(vec![commands::quota(TRONDHEIM, one())]));
    let (at, who) = (aps.next_time(eve()), actor("provider"));
    let context = Context { at, registry: &TAKEN_OVER, actor: &who, rules: RULES_VERSION };
    let submit = Command::SubmitCapacity(commands::submission(one()));
    let events = decide(&aps, &submit, &context, &mut IdSource::new(seed(99), at)).unwrap();
    for event in &events {
        apply(&mut aps, event);
    }
    aps.advance([0; 32], at);
    let [Event::CapacitySubmitted { submission }] = &events[..] else { panic!("{events:?}") };
    before(&mut aps, commands::review(submission.submission_id, true));
    let group = submission.place_group_id;
    (aps, group)
}

fn page(entries: impl IntoIterator<Item = (EntryId, Option<HeldThere>)>) -> HandOver {
    HandOver { to_ledger: ledger_id("AFT"), entries: entries.into_iter().collect() }
}

/// All of a page that hold nothing in AFT yet.
fn page_of(ids: &[EntryId]) -> Command {
    Command::HandOver(page(ids.iter().map(|id| (*id, None))))
}

/// Hands a page over to AFT: what happened there.
fn handed_over(aps: &mut Ledger, aft: &mut Ledger, command: &Command) -> Vec<Event> {
    let asked = follow_ups(aps, command);
    now(aps, command).unwrap();
    let [(to, take_over)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(to, aft.id());
    now(aft, take_over).unwrap()
}

fn in_order(ledger: &Ledger) -> Vec<EntryId> {
    let mut entries: Vec<&Entry> = ledger.entries().filter(|entry| entry.state.is_open()).collect();
    entries.sort_by_key(|entry| entry.key);
    entries.into_iter().map(|entry| entry.entry_id).collect()
}

#[test]
fn what_waits_goes_on_with_all_that_is_the_persons() {
    let (mut aps, group) = aps();
    let waits = joined(
        &mut aps,
        JoinWaitlist {
            preferred_place_groups: vec![group],
            external_references: vec![reference("1"), reference("2")],
            priority_class: Some("YOUNG".parse().unwrap()),
            programme: Some("KVP".to_owned()),
            ..commands::join_part(1, TRONDHEIM, 60)
        },
    );
    let paused = joined(&mut aps, commands::join(2, HEMNE));
    before(&mut aps, commands::pause(paused, Some(days_on(9))));
    let old = entry(&aps, waits).clone();
    let mut aft = ledger("AFT");
    aft.load_reference(reference("2"), Uuid::from_u128(7));
    let events = handed_over(&mut aps, &mut aft, &page_of(&[waits, paused]));
    let from_ledger = ledger_id("APS");
    for event in &events {
        let Event::EntryChanged { change, .. } = event else { panic!("{event:?}") };
        assert_eq!(*change, EntryChange::Received { from_ledger: from_ledger.clone() });
    }
    let new = entry(&aft, waits);
    let expected = Entry {
        preferred_place_groups: Vec::new(),
        // The second is another's there.
        external_references: vec![reference("1")],
        key: OrderKey { join_seq: new.key.join_seq, ..old.key },
        ..old.clone()
    };
    assert_eq!(*new, expected);
    assert_eq!(entry(&aft, paused).state, EntryState::Paused { until: Some(days_on(9)) });
    let wakes = Due::wake(paused, start_of_day_in_norway(days_on(9)));
    assert_eq!(rows(&aft).due, [(wakes, true)]);
    assert!(rows(&aps).due.contains(&(wakes, false)));
    let queues: Vec<String> =
        rows(&aft).queues.iter().map(|(queue, _)| queue.as_str().to_owned()).collect();
    assert_eq!(queues, [TRONDHEIM, HEMNE]);
    // There it has ended, and its claim with it.
    let ended = entry(&aps, waits);
    let to = ledger_id("AFT");
    assert_eq!(ended.closed.as_ref().unwrap().moved_to, Some(to.clone()));
    assert_eq!(ended.state, EntryState::Closed);
    assert_eq!(rows(&aps).ended_claims.len(), 2);
    assert_eq!(now(&mut aps, &commands::leave(waits)), Err(Refusal::Moved { to }));
}

/// The class that gave a key its bonus need not be there; the key is what was given.
#[test]
fn a_class_the_other_type_has_not_leaves_the_key_it_gave() {
    let (mut aps, _) = aps();
    let young = Some("YOUNG".parse().unwrap());
    let id =
        joined(&mut aps, JoinWaitlist { priority_class: young, ..commands::join(1, TRONDHEIM) });
    let key = entry(&aps, id).key;
    assert_eq!(key.order_time, key.registered_time.minus_days(BONUS_DAYS));
    let registry = registry_with(
        Some(by("AFT", true)),
        vec![of_type("AFT", MeasureRules::default(), "FIRST")],
    );
    let mut aft = ledger("AFT");
    let [(_, take_over)] = &follow_ups(&aps, &page_of(&[id]))[..] else { panic!() };
    happen_by(&registry, &mut aft, take_over, noon()).unwrap();
    let new = entry(&aft, id);
    assert_eq!((new.key.order_time, &new.priority_class), (key.order_time, &None));
}

#[test]
fn only_who_waits_goes_on_and_only_where_the_queue_goes() {
    let (mut aps, _) = aps();
    let holds = joined(&mut aps, commands::join(1, TRONDHEIM));
    let waits = joined(&mut aps, commands::join(2, TRONDHEIM));
    let offer = offers_of(&before(&mut aps, commands::allocate(1, &[]))).next().unwrap().offer_id;
    let wrong = |state| {
        let (what, transition) = ("the entry", "HAND_OVER");
        Err(Refusal::WrongState { what, state, transition })
    };
    for (step, state) in [
        (None, "PROPOSED"),
        (Some(commands::confirm(&[offer])), "OFFERED"),
        (Some(commands::respond(offer, true)), "ACCEPTED"),
        (Some(commands::start(offer, days_on(-1))), "PLACED"),
    ] {
        step.map(|step| before(&mut aps, step));
        assert_eq!(now(&mut aps.clone(), &page_of(&[waits, holds])), wrong(state));
    }
    let nobody = EntryId(Uuid::from_u128(7));
    let missing = Refusal::NotFound { what: "entry", id: nobody.to_string() };
    assert_eq!(now(&mut aps, &page_of(&[nobody])), Err(missing));
    // Not before its day, not to another type, and not twice.
    let not_there = Err(Refusal::MeasureTypeRule("its queue does not go on there"));
    assert_eq!(happen_by(&TAKEN_OVER, &mut aps.clone(), &page_of(&[waits]), eve()), not_there);
    let to_ledger = ledger_id("VTA");
    let elsewhere = Command::HandOver(HandOver { to_ledger, ..page([(waits, None)]) });
    assert_eq!(now(&mut aps, &elsewhere), not_there);
    now(&mut aps, &page_of(&[waits])).unwrap();
    assert_eq!(now(&mut aps, &page_of(&[waits])), wrong("CLOSED"));
    assert_eq!(now(&mut aps, &page_of(&[])), Ok(vec![Event::NothingToDo]));
}

#[test]
fn from_that_day_no_place_is_given_in_the_old_type() {
    let (mut aps, group) = aps();
    let id = joined(&mut aps, commands::join(1, TRONDHEIM));
    let (reason, case_reference) = (OutOfTurnReason::Other, None);
    let place = Command::PlacePerson(PlacePerson {
        entry_id: id,
        place_group_id: group,
        out_of_turn: None,
        reason: Some(reason),
        case_reference: case_reference.clone(),
    });
    let start = Command::StartDirectly(StartDirectly {
        entry_id: id,
        place_group_id: group,
        start_date: days_on(-1),
        case_reference,
        elsewhere: Vec::new(),
    });
    let elsewhere = LedgerId { county_id: "NO-17".parse().unwrap(), ..ledger_id("APS") };
    let comes = Entry { entry_id: EntryId(Uuid::from_u128(7)), ..entry(&aps, id).clone() };
    let receive = Command::ReceiveEntry(ReceiveEntry {
        from_ledger: elsewhere,
        entry: Box::new(comes),
        municipality_number: municipality(TRONDHEIM),
        following_office_number: "5701".parse().unwrap(),
    });
    let refused = Refusal::Superseded {
        measure: "APS".parse().unwrap(),
        by: "AFT".parse().unwrap(),
        from: TODAY,
    };
    // What was imported before queues followed changes nothing: those logs stand.
    let (stays, taken_over) = (registry_with(Some(by("AFT", false)), Vec::new()), &*TAKEN_OVER);
    for command in [commands::allocate(1, &[]), place, start, receive] {
        assert!(happen_by(taken_over, &mut aps.clone(), &command, eve()).is_ok(), "{command:?}");
        assert!(happen_by(&stays, &mut aps.clone(), &command, noon()).is_ok(), "{command:?}");
        assert_eq!(now(&mut aps.clone(), &command), Err(refused.clone()), "{command:?}");
    }
}

#[test]
fn what_is_offered_lives_on_and_is_passed_on_to_nobody() {
    let (mut aps, _) = aps();
    let holds = joined(&mut aps, commands::join(1, TRONDHEIM));
    let next = joined(&mut aps, commands::join(2, TRONDHEIM));
    let offer = offers_of(&before(&mut aps, commands::allocate(1, &[]))).next().unwrap().offer_id;
    let confirm = commands::confirm(&[offer]);
    // Accepted and begun in the old type, whatever the day.
    let mut begun = aps.clone();
    for step in [confirm.clone(), commands::respond(offer, true), commands::start(offer, TODAY)] {
        now(&mut begun, &step).unwrap();
    }
    assert!(matches!(entry(&begun, holds).state, EntryState::Placed(_)));
    // Declined: nobody is next, and the person goes on.
    now(&mut aps, &confirm).unwrap();
    let mut stays = aps.clone();
    let events = now(&mut aps, &commands::respond(offer, false)).unwrap();
    assert_eq!(events, [Event::OfferDeclined { offer_id: offer, reason: None, let_go: None }]);
    let stay = registry_with(Some(by("AFT", false)), Vec::new());
    let no = commands::respond(offer, false);
    let events = happen_by(&stay, &mut stays, &no, noon()).unwrap();
    assert_eq!(served(&events).first().map(|(entry, _)| *entry), Some(next));
    let mut aft = ledger("AFT");
    handed_over(&mut aps, &mut aft, &page_of(&[holds, next]));
    assert_eq!(in_order(&aft), [holds, next]);
    assert!(entry(&aft, holds).declined_here.is_empty(), "there are none of its groups there");
}

#[test]
fn a_queue_goes_to_the_end_of_the_chain_or_stays() {
    let day = |registry: &Registry, code: &str| {
        let to = successor_of(registry, &ledger_id(code), TODAY);
        to.map(|to| to.measure_code.to_string())
    };
    let superseded = |superseded_by| MeasureRules { superseded_by, ..MeasureRules::default() };
    let next = |rules| vec![of_type("AFT", rules, "YOUNG")];
    assert_eq!(day(&TAKEN_OVER, "APS").as_deref(), Some("AFT"));
    assert_eq!(day(&TAKEN_OVER, "AFT"), None);
    assert_eq!(successor_of(&TAKEN_OVER, &ledger_id("APS"), days_on(-1)), None);
    let codes: Vec<&str> =
        superseded_on(&TAKEN_OVER, TODAY).into_iter().map(MeasureCode::as_str).collect();
    assert_eq!(codes, ["APS"]);
    assert!(superseded_on(&TAKEN_OVER, days_on(-1)).is_empty());
    let chain = registry_with(Some(by("AFT", true)), next(superseded(Some(by("VTA", true)))));
    assert_eq!(day(&chain, "APS").as_deref(), Some("VTA"));
    // One that is not followed is the end of it.
    let chain = registry_with(Some(by("AFT", true)), next(superseded(Some(by("VTA", false)))));
    assert_eq!(day(&chain, "APS").as_deref(), Some("AFT"));
    // What leads back, or to what has not begun, leads nowhere: places are given as before.
    let late = MeasureRules { valid_from: Some(days_on(1)), ..MeasureRules::default() };
    let mut nothing_yet = REGISTRY.clone();
    let aps = of_type("APS", superseded(Some(by("AFT", true))), "YOUNG");
    nothing_yet.apply(2, &[aps, of_type("AFT", late, "YOUNG")]);
    let circle = registry_with(Some(by("AFT", true)), next(superseded(Some(by("APS", true)))));
    for registry in [circle, nothing_yet] {
        let code = "APS".parse().unwrap();
        let nowhere = Succession::HasNowhereToGo(&"AFT".parse().unwrap())
            == succession_on(&registry, &code, TODAY);
        assert!(nowhere && day(&registry, "APS").is_none());
        let (mut old, _) = self::aps();
        assert!(happen_by(&registry, &mut old, &commands::allocate(1, &[]), noon()).is_ok());
    }
}

/// Nobody takes over for a type that was itself taken over from: the queue goes to the end.
#[test]
fn what_was_itself_taken_over_from_takes_nothing_over() {
    let (mut aps, _) = aps();
    let id = joined(&mut aps, commands::join(1, TRONDHEIM));
    let [(_, take_over)] = &follow_ups(&aps, &page_of(&[id]))[..] else { panic!() };
    let rules = MeasureRules { superseded_by: Some(by("VTA", true)), ..MeasureRules::default() };
    let chain = registry_with(Some(by("AFT", true)), vec![of_type("AFT", rules, "YOUNG")]);
    let refused = happen_by(&chain, &mut ledger("AFT"), take_over, noon()).unwrap_err();
    assert!(matches!(refused, Refusal::Superseded { .. }), "{refused:?}");
    // And one that is there already is not put in twice.
    let mut aft = ledger("AFT");
    now(&mut aft, take_over).unwrap();
    assert_eq!(now(&mut aft, take_over), Err(Refusal::PersonAlreadyWaiting));
}

#[test]
fn where_somebody_stands_is_told_in_both_ledgers() {
    let (mut aps, _) = aps();
    let id = joined(&mut aps, commands::join(1, TRONDHEIM));
    let mut aft = ledger("AFT");
    handed_over(&mut aps, &mut aft, &page_of(&[id]));
    let told = |ledger: &Ledger| {
        let entry = entry(ledger, id);
        explain_position(ledger, &TAKEN_OVER, entry, None, (&[], &[]), noon()).unwrap().now
    };
    assert_eq!(told(&aps), Now::TakenOver { by: Some("AFT".to_owned()) });
    assert!(matches!(told(&aft), Now::Waits(_)));
    // Who then moves is not told of the type.
    let transfer = Command::TransferEntry(TransferEntry {
        entry_id: id,
        municipality_number: municipality(STEINKJER),
        following_office_number: "5701".parse().unwrap(),
        to_ledger: Some(LedgerId { county_id: "NO-17".parse().unwrap(), ..ledger_id("AFT") }),
        reason: None,
        case_reference: None,
    });
    now(&mut aft, &transfer).unwrap();
    assert_eq!(told(&aft), Now::Closed { moved: true });
}

proptest! {
    /// However long the pages are, and however many were registered at one time: whoever stood
    /// before another still does, with the same times, and nobody is lost or doubled.
    #[test]
    fn the_order_is_the_same_after_as_before(
        registered in prop::collection::vec((0_i64..6, any::<bool>()), 1..40),
        paused in prop::collection::btree_set(0_usize..40, 0..6),
        page in 1_usize..15,
    ) {
        let (mut aps, _) = aps();
        let mut ids = Vec::new();
        for (n, (days, is_young)) in registered.iter().enumerate() {
            let registered_time = Some(hour(days_on(-10 - days), 12));
            let priority_class = is_young.then(|| "YOUNG".parse().unwrap());
            let number = u32::try_from(n).unwrap();
            let municipality = [TRONDHEIM, HEMNE][n % 2];
            let join = commands::join(number, municipality);
            let join = JoinWaitlist { registered_time, priority_class, ..join };
            ids.push(joined(&mut aps, join));
        }
        for n in paused.into_iter().filter(|n| *n < ids.len()) {
            before(&mut aps, commands::pause(ids[n], None));
        }
        let all = in_order(&aps);
        let keys: Vec<OrderKey> = all.iter().map(|id| entry(&aps, *id).key).collect();
        let mut aft = ledger("AFT");
        for part in all.chunks(page) {
            handed_over(&mut aps, &mut aft, &page_of(part));
            let open = |ledger: &Ledger, id: &EntryId| {
                ledger.entry(*id).is_some_and(|entry| entry.state.is_open())
            };
            prop_assert!(all.iter().all(|id| open(&aps, id) != open(&aft, id)));
        }
        prop_assert_eq!(in_order(&aft), all.clone());
        for (id, old) in all.iter().zip(keys) {
            let new = entry(&aft, *id).key;
            prop_assert_eq!(
                (new.order_time, new.registered_time),
                (old.order_time, old.registered_time)
            );
        }
    }
}
