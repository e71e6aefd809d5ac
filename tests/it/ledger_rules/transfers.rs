//! What lies across ledgers, as each of them decides its part: transfers within an area and to
//! another, what comes in, and what a start in a measure that does not combine suspends.

use tiltaksplass::domain::{
    allocation::OutOfTurnReason,
    command::{
        ConfirmEntry, Elsewhere, ExtendOffer, ObjectToOffer, PauseEntry, PlacePerson,
        PrioritizeEntry, ReassignAdviser, ReceiveEntry, ResolveObjection, ResumeEntry,
        StartDirectly, SuspendEntry, TransferEntry, UpdateEntry, WithdrawOffer,
    },
    event::EntryChange,
    ledger::{Due, follow_ups, rows},
    measure::MeasureRules,
    waitlist::{EntryState, Sealed},
};

use super::*;

fn elsewhere() -> LedgerId {
    LedgerId { county_id: "NO-17".parse().unwrap(), ..ledger_id("VTA") }
}

fn transfer(entry_id: EntryId, number: &str, office: &str) -> TransferEntry {
    TransferEntry {
        entry_id,
        municipality_number: municipality(number),
        following_office_number: office.parse().unwrap(),
        to_ledger: None,
        reason: Some(Sealed("c2VhbGVk".into())),
        case_reference: None,
    }
}

fn away(entry_id: EntryId) -> TransferEntry {
    TransferEntry { to_ledger: Some(elsewhere()), ..transfer(entry_id, STEINKJER, "5702") }
}

fn paused(ledger: &mut Ledger, entry_id: EntryId, until: Option<Date>) {
    let state = EntryState::Paused { until };
    let before = entry(ledger, entry_id).clone();
    let change = EntryChange::Paused { reason: None };
    apply(ledger, &Event::EntryChanged { entry: Entry { state, ..before }, change });
}

#[test]
fn within_an_area_the_key_follows_and_what_is_held_is_passed_on() {
    for step in [Step::Proposed, Step::Offered, Step::Accepted] {
        let mut one = one_place(step);
        let next = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
        let before = entry(&one.ledger, one.entry_id).clone();
        let command = Command::TransferEntry(transfer(one.entry_id, HEMNE, "5702"));
        let events = one.happen(command, noon()).unwrap();
        let [
            Event::OfferWithdrawn { offer_id },
            Event::EntryChanged { .. },
            Event::RunMade { .. },
            _,
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(*offer_id, one.offer_id);
        let after = entry(&one.ledger, one.entry_id);
        assert_eq!((after.state, after.key), (EntryState::Waiting, before.key));
        assert_eq!(after.municipality_number, municipality(HEMNE));
        assert_eq!(served(&events), [(next, one.group)]);
        assert_eq!(one.figures(), (100, 0));
        // In the other municipality's queue, and in no other.
        let queues = rows(&one.ledger).queues;
        assert_eq!(queues.len(), 2);
    }
}

#[test]
fn a_pause_goes_on_and_the_same_again_does_nothing() {
    let mut one = one_place(Step::Proposed);
    let waits = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
    paused(&mut one.ledger, waits, Some(days_on(9)));
    let command = Command::TransferEntry(transfer(waits, HEMNE, "5702"));
    one.happen(command.clone(), noon()).unwrap();
    assert_eq!(entry(&one.ledger, waits).state, EntryState::Paused { until: Some(days_on(9)) });
    assert_eq!(one.happen(command, noon()).unwrap(), [Event::NothingToDo]);
    // Only another office: what is held stays.
    let office = Command::TransferEntry(transfer(one.entry_id, TRONDHEIM, "5702"));
    let events = one.happen(office, noon()).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(entry(&one.ledger, one.entry_id).state, EntryState::Proposed(one.offer_id));
}

#[test]
fn who_may_not_be_transferred_is_told_why() {
    let mut one = one_place(Step::Proposed);
    let id = one.entry_id;
    let mismatch = |field, value: &str, problem| Refusal::RegistryMismatch {
        field,
        value: value.to_owned(),
        problem,
    };
    let (field, not_here) = ("municipality_number", "is not a municipality of this area");
    let not_there = "is not a municipality of the area it would go to";
    let no_office = "is not an office of the registry";
    let other_type = LedgerId { county_id: elsewhere().county_id, ..ledger_id("AVKLARING") };
    for (command, expected) in [
        (transfer(id, STEINKJER, "5702"), mismatch(field, STEINKJER, not_here)),
        (transfer(id, HEMNE, "9999"), mismatch("following_office_number", "9999", no_office)),
        (
            TransferEntry { municipality_number: municipality(HEMNE), ..away(id) },
            mismatch(field, HEMNE, not_there),
        ),
        (
            TransferEntry { to_ledger: Some(other_type), ..away(id) },
            mismatch(field, STEINKJER, not_there),
        ),
    ] {
        assert_eq!(one.happen(Command::TransferEntry(command), noon()), Err(expected));
    }
    let (mut one, _) = OnePlace::started(Step::Accepted);
    for command in [transfer(one.entry_id, HEMNE, "5702"), away(one.entry_id)] {
        let refused = one.happen(Command::TransferEntry(command), noon());
        let (what, state, transition) = ("the entry", "PLACED", "TRANSFER");
        assert_eq!(refused, Err(Refusal::WrongState { what, state, transition }));
    }
}

/// What goes on there is what was asked of the other ledger, and waits there by its key.
#[test]
fn to_another_area_an_entry_closes_here_and_opens_there() {
    let mut one = one_place(Step::Offered);
    let next = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
    let before = entry(&one.ledger, one.entry_id).clone();
    let command = Command::TransferEntry(away(one.entry_id));
    let asked = follow_ups(&one.ledger, &command);
    let events = one.happen(command, noon()).unwrap();
    assert_eq!(served(&events), [(next, one.group)]);
    let sent = entry(&one.ledger, one.entry_id);
    assert_eq!(sent.state, EntryState::Closed);
    assert_eq!(sent.closed.as_ref().unwrap().moved_to, Some(elsewhere()));
    assert_eq!(one.offer_state().name(), "WITHDRAWN");
    let [(ledger, receive)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(*ledger, elsewhere());
    let mut there = Ledger::new(elsewhere(), Distribution::ByMunicipality, Head::EMPTY);
    happen(&mut there, receive.clone(), noon()).unwrap();
    let received = entry(&there, one.entry_id);
    assert_eq!((received.state, &received.closed), (EntryState::Waiting, &None));
    assert_eq!(received.person_id, before.person_id);
    assert_eq!(received.key.order_time, before.key.order_time);
    assert_eq!(received.key.registered_time, before.key.registered_time);
    assert_eq!(received.key.join_seq, 1);
    assert_eq!(received.municipality_number, municipality(STEINKJER));
    // Twice is once too often.
    assert_eq!(happen(&mut there, receive.clone(), noon()), Err(Refusal::PersonAlreadyWaiting));
}

#[test]
fn what_comes_in_leaves_the_old_areas_groups_behind_and_brings_its_names() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let group = add_group(&mut ledger, 1, &[]);
    let join = JoinWaitlist {
        preferred_place_groups: vec![group],
        external_references: vec![reference("42")],
        ..commands::join(1, TRONDHEIM)
    };
    let id = add_entry(&mut ledger, join);
    paused(&mut ledger, id, Some(days_on(9)));
    let command = Command::TransferEntry(away(id));
    let (_, receive) = follow_ups(&ledger, &command).remove(0);
    happen(&mut ledger, command, noon()).unwrap();
    assert_eq!(rows(&ledger).ended_claims.len(), 1);
    let mut there = Ledger::new(elsewhere(), Distribution::ByMunicipality, Head::EMPTY);
    happen(&mut there, receive.clone(), noon()).unwrap();
    let received = entry(&there, id);
    assert!(received.preferred_place_groups.is_empty());
    assert_eq!(received.state, EntryState::Paused { until: Some(days_on(9)) });
    let wakes = Due::wake(id, start_of_day_in_norway(days_on(9)));
    assert_eq!(rows(&there).due, [(wakes, true)]);
    assert_eq!(rows(&there).references, [(reference("42"), id.0)]);
    // A name that is another's refuses it.
    let mut taken = Ledger::new(elsewhere(), Distribution::ByMunicipality, Head::EMPTY);
    taken.load_reference(reference("42"), Uuid::from_u128(7));
    let refused = happen(&mut taken, receive, noon()).unwrap_err();
    assert!(matches!(refused, Refusal::ExternalReferenceTaken { .. }), "{refused:?}");
    // And back: the names are its own still.
    let back = TransferEntry { to_ledger: Some(ledger_id("VTA")), ..transfer(id, ORKDAL, "5702") };
    let command = Command::TransferEntry(back);
    let (_, receive) = follow_ups(&there, &command).remove(0);
    happen(&mut there, command, noon()).unwrap();
    happen(&mut ledger, receive, noon()).unwrap();
    let back = entry(&ledger, id);
    assert!(back.state.is_open() && back.closed.is_none());
    assert_eq!(back.key.join_seq, ledger.head().seq);
}

fn object(offer_id: OfferId) -> Command {
    let code = tiltaksplass::domain::allocation::ObjectionCode::Other;
    Command::ObjectToOffer(ObjectToOffer { offer_id, code, text: None, case_reference: None })
}

/// Every command that only names an entry that waits, and answers to an offer.
fn about(entry_id: EntryId, offer_id: OfferId) -> Vec<Command> {
    vec![
        commands::leave(entry_id),
        commands::confirm(&[offer_id]),
        commands::respond(offer_id, true),
        commands::start(offer_id, TODAY),
        Command::TransferEntry(transfer(entry_id, HEMNE, "5702")),
        Command::TransferEntry(away(entry_id)),
        Command::UpdateEntry(UpdateEntry {
            entry_id,
            preferred_place_groups: None,
            work_fields: None,
            participation_percent: None,
            priority_class: None,
            following_office_number: None,
            wants_by: None,
            programme: None,
            adviser: None,
            grounds: None,
            case_reference: None,
        }),
        Command::PauseEntry(PauseEntry {
            entry_id,
            until: None,
            reason: None,
            case_reference: None,
        }),
        Command::ResumeEntry(ResumeEntry { entry_id, case_reference: None }),
        Command::ConfirmEntry(ConfirmEntry { entry_id, case_reference: None }),
        Command::PrioritizeEntry(PrioritizeEntry {
            entry_id,
            bonus_days: 1,
            reason: OutOfTurnReason::Other,
            text: None,
            case_reference: None,
        }),
        Command::ReassignAdviser(ReassignAdviser {
            until: None,
            advisers: vec![(
                entry_id,
                tiltaksplass::domain::waitlist::Adviser {
                    digest: String::new(),
                    ident: Sealed(String::new()),
                    deputy: None,
                },
            )],
            case_reference: None,
        }),
    ]
}

/// Every command about a place for an entry, or an offer of one.
fn about_a_place(entry_id: EntryId, offer_id: OfferId, group: PlaceGroupId) -> Vec<Command> {
    vec![
        Command::PlacePerson(PlacePerson {
            entry_id,
            place_group_id: group,
            out_of_turn: None,
            reason: Some(OutOfTurnReason::Other),
            case_reference: None,
        }),
        Command::StartDirectly(StartDirectly {
            entry_id,
            place_group_id: group,
            start_date: TODAY,
            case_reference: None,
            elsewhere: Vec::new(),
        }),
        object(offer_id),
        Command::ResolveObjection(ResolveObjection {
            offer_id,
            uphold: true,
            text: None,
            case_reference: None,
        }),
        Command::ExtendOffer(ExtendOffer {
            offer_id,
            working_days: 1,
            text: None,
            case_reference: None,
        }),
        Command::WithdrawOffer(WithdrawOffer { offer_id, text: None, case_reference: None }),
    ]
}

#[test]
fn what_was_sent_on_says_where_it_is_to_all_but_providers() {
    let mut one = one_place(Step::Proposed);
    let (entry_id, offer_id, group) = (one.entry_id, one.offer_id, one.group);
    one.happen(Command::TransferEntry(away(entry_id)), noon()).unwrap();
    let mut named = about(entry_id, offer_id);
    named.extend(about_a_place(entry_id, offer_id, group));
    assert_eq!(named.len(), 18);
    for command in named {
        let refused = one.happen(command.clone(), noon());
        assert_eq!(refused, Err(Refusal::Moved { to: elsewhere() }), "{command:?}");
    }
    let provider = Actor { role: Role::Provider, ..actor("provider") };
    let refused = happen_as(&mut one.ledger, &provider, &object(offer_id), noon());
    assert!(!matches!(refused, Err(Refusal::Moved { .. })), "{refused:?}");
    let by_time = Command::LapseProposal { offer_id };
    let events = happen_as(&mut one.ledger, &Actor::by_time(), &by_time, noon()).unwrap();
    assert_eq!(events, [Event::NothingToDo]);
}

// ---- Measures that do not combine ----

/// Decides where VTA may be used alone only.
fn alone(ledger: &Ledger, command: &Command) -> Result<Vec<Event>, Stop> {
    let mut registry = REGISTRY.clone();
    let mut measure = registry.measure_versions(&"VTA".parse().unwrap()).next().unwrap().clone();
    measure.rules = MeasureRules { combines_with: Some(BTreeSet::new()), ..measure.rules };
    registry.apply(2, &[RegistryRow::MeasureType(measure)]);
    let (at, who) = (ledger.next_time(noon()), actor("county"));
    let context = Context { at, registry: &registry, actor: &who, rules: RULES_VERSION };
    decide(ledger, command, &context, &mut IdSource::new(seed(1), at))
}

#[test]
fn a_start_is_refused_while_a_place_that_does_not_combine_is_used() {
    let one = one_place(Step::Accepted);
    let other = EntryId(Uuid::from_u128(7));
    let start = |placed, code: &str| {
        let ledger = ledger_id(code);
        Command::StartPlacement(StartPlacement {
            offer_id: one.offer_id,
            start_date: TODAY,
            case_reference: None,
            elsewhere: vec![Elsewhere { ledger, entry_id: other, placed }],
        })
    };
    let refused = Stop::Refused(Refusal::NotCombinable { with: "AVKLARING".parse().unwrap() });
    assert_eq!(alone(&one.ledger, &start(true, "AVKLARING")), Err(refused));
    assert!(alone(&one.ledger, &start(false, "AVKLARING")).is_ok());
    // Where no rule leaves it out, it is of no account.
    let mut combines = one_place(Step::Accepted);
    combines.happen(start(true, "AVKLARING"), noon()).unwrap();
    // What begins suspends what waits, each in its own ledger.
    let [(ledger, Command::SuspendEntry(asked))] =
        &follow_ups(&one.ledger, &start(false, "AVKLARING"))[..]
    else {
        panic!("a start asks to suspend")
    };
    let expected = SuspendEntry { entry_id: other, begun_in: ledger_id("VTA") };
    assert_eq!((ledger, asked), (&ledger_id("AVKLARING"), &expected));
}

#[test]
fn what_is_suspended_keeps_its_turn_and_gives_back_what_it_holds() {
    for step in [Step::Proposed, Step::Offered, Step::Accepted] {
        let mut one = one_place(step);
        let next = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
        let key = entry(&one.ledger, one.entry_id).key;
        let begun_in = ledger_id("AVKLARING");
        let suspend = Command::SuspendEntry(SuspendEntry { entry_id: one.entry_id, begun_in });
        let events = one.happen(suspend.clone(), noon()).unwrap();
        assert_eq!(served(&events), [(next, one.group)]);
        let after = entry(&one.ledger, one.entry_id);
        assert_eq!((after.state, after.key), (EntryState::Paused { until: None }, key));
        assert_eq!(one.happen(suspend, noon()).unwrap(), [Event::NothingToDo]);
    }
    let (mut one, _) = OnePlace::started(Step::Accepted);
    let begun_in = ledger_id("AVKLARING");
    let suspend = Command::SuspendEntry(SuspendEntry { entry_id: one.entry_id, begun_in });
    let (what, state, transition) = ("the entry", "PLACED", "SUSPEND");
    let refused = Refusal::WrongState { what, state, transition };
    assert_eq!(one.happen(suspend, noon()), Err(refused));
}

#[test]
fn a_receipt_needs_a_municipality_of_its_own_area() {
    let mut one = one_place(Step::Proposed);
    let command = ReceiveEntry {
        from_ledger: elsewhere(),
        entry: Box::new(Entry {
            entry_id: EntryId(Uuid::from_u128(7)),
            ..entry(&one.ledger, one.entry_id).clone()
        }),
        municipality_number: municipality(STEINKJER),
        following_office_number: "5701".parse().unwrap(),
    };
    let refused = one.happen(Command::ReceiveEntry(command), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::RegistryMismatch { .. }), "{refused:?}");
}
