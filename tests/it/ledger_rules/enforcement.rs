//! How far the order binds who places people by hand: two people's change of it, when a reason
//! is needed, and what the rules would have done.

use tiltaksplass::domain::{
    access::{Behind, Own},
    allocation::{OutOfTurn, PassedOverReason},
    command::{EnforcementAsk, PlacePerson, SetEnforcement},
    disclosure::{Disclosed, Threshold, Told},
    enforcement::{Change, Enforcement, Level},
    ids::EnforcementChangeId,
    ledger::Frame,
    shadow::{AHEAD_LOOKED_AT, Shadow, Verdict},
    shadow_report::{Cell, PassedOver, report},
    waitlist::Sealed,
};

use super::*;

const LEVELS: [Level; 3] = [Level::Observe, Level::Advise, Level::Bind];

fn step(ask: EnforcementAsk) -> Command {
    Command::SetEnforcement(SetEnforcement { ask, case_reference: None })
}

fn propose(level: Level) -> Command {
    step(EnforcementAsk::Propose { level, reason: "Prøvetid".to_owned() })
}

fn approve(change_id: EnforcementChangeId) -> Command {
    step(EnforcementAsk::Approve { change_id })
}

fn reject(change_id: EnforcementChangeId) -> Command {
    step(EnforcementAsk::Reject { change_id, reason: "Ikke nå".to_owned() })
}

fn by(
    ledger: &mut Ledger,
    who: &str,
    command: &Command,
    at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    happen_as(ledger, &actor(who), command, at)
}

fn enforcement(ledger: &Ledger) -> &Enforcement {
    &ledger.frame().enforcement
}

fn proposed(ledger: &mut Ledger, level: Level, at: Timestamp) -> EnforcementChangeId {
    by(ledger, "kari", &propose(level), at).unwrap();
    enforcement(ledger).pending.as_ref().unwrap().change_id
}

/// Two people set a level.
fn enforce(ledger: &mut Ledger, level: Level) {
    let change_id = proposed(ledger, level, noon());
    by(ledger, "ola", &approve(change_id), noon()).unwrap();
}

fn not_found(id: EnforcementChangeId) -> Refusal {
    Refusal::NotFound { what: "proposed change", id: id.to_string() }
}

fn wrong_state(state: &'static str, transition: &'static str) -> Refusal {
    Refusal::WrongState { what: "the proposed change", state, transition }
}

// ---- Two people ----

#[test]
fn a_change_holds_when_a_second_person_has_approved_it() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    assert_eq!(enforcement(&ledger).level(), Level::Bind);
    let change_id = proposed(&mut ledger, Level::Observe, noon());
    assert_eq!(enforcement(&ledger).level(), Level::Bind, "nobody has approved it");
    assert_eq!(by(&mut ledger, "kari", &approve(change_id), noon()), Err(Refusal::FourEyes));
    by(&mut ledger, "ola", &approve(change_id), noon()).unwrap();
    let Enforcement { holds: Some(holds), pending: None } = enforcement(&ledger) else {
        panic!("{:?}", enforcement(&ledger))
    };
    let Change { level, proposed_by, reason, .. } = &holds.change;
    assert_eq!((*level, reason.as_str()), (Level::Observe, "Prøvetid"));
    let key = |who| format!("https://issuer.example:{who}");
    assert_eq!((proposed_by, &holds.approved_by), (&key("kari"), &key("ola")));
    assert_eq!(holds.approved_time, ledger.head().at);
    for (command, transition) in [(approve(change_id), "APPROVE"), (reject(change_id), "REJECT")] {
        let again = by(&mut ledger, "eva", &command, noon());
        assert_eq!(again, Err(wrong_state("APPROVED", transition)));
    }
}

#[test]
fn what_holds_already_is_not_proposed() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let refused = |state| Refusal::WrongState { what: "the enforcement", state, transition: state };
    assert_eq!(by(&mut ledger, "kari", &propose(Level::Bind), noon()), Err(refused("BIND")));
    enforce(&mut ledger, Level::Advise);
    assert_eq!(by(&mut ledger, "kari", &propose(Level::Advise), noon()), Err(refused("ADVISE")));
    enforce(&mut ledger, Level::Bind);
    assert_eq!(enforcement(&ledger).level(), Level::Bind);
}

#[test]
fn one_change_waits_at_a_time() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let first = proposed(&mut ledger, Level::Observe, noon());
    let second = proposed(&mut ledger, Level::Advise, noon());
    for command in [approve(first), reject(first)] {
        assert_eq!(by(&mut ledger, "ola", &command, noon()), Err(not_found(first)));
    }
    // Who proposed it may take it back alone: nothing changes by that.
    by(&mut ledger, "kari", &reject(second), noon()).unwrap();
    assert_eq!(by(&mut ledger, "ola", &approve(second), noon()), Err(not_found(second)));
    assert_eq!((enforcement(&ledger).level(), enforcement(&ledger).is_untouched()), {
        (Level::Bind, true)
    });
}

#[test]
fn a_change_can_be_approved_for_fourteen_whole_days() {
    let lapse = hour(days_on(15), 0);
    for (at, expected) in [
        (just_before(lapse), Ok(Level::Observe)),
        (lapse, Err(wrong_state("LAPSED", "APPROVE"))),
        (hour(days_on(99), 0), Err(wrong_state("LAPSED", "APPROVE"))),
    ] {
        let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
        let change_id = proposed(&mut ledger, Level::Observe, noon());
        assert_eq!(enforcement(&ledger).pending_at(just_before(lapse)).unwrap().lapse_time, lapse);
        assert_eq!(enforcement(&ledger).pending_at(lapse), None);
        let outcome = by(&mut ledger, "ola", &approve(change_id), at);
        assert_eq!(outcome.map(|_| enforcement(&ledger).level()), expected);
    }
}

// ---- When a reason is needed ----

/// One place in one group, two who wait for it, and one whom it is not for.
struct Scene {
    ledger: Ledger,
    group: PlaceGroupId,
    hemne: EntryId,
    first: EntryId,
    second: EntryId,
}

fn scene() -> Scene {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, 0)]);
    let group = add_group(&mut ledger, 1, &[]);
    let hemne = add_entry(&mut ledger, commands::join(1, HEMNE));
    let first = add_entry(&mut ledger, commands::join(2, TRONDHEIM));
    let second = add_entry(&mut ledger, commands::join(3, TRONDHEIM));
    Scene { ledger, group, hemne, first, second }
}

fn place(entry_id: EntryId, place_group_id: PlaceGroupId, with_reason: bool) -> Command {
    let reason = with_reason.then_some(OutOfTurnReason::Returns);
    let text = Sealed("c2VhbGVk".to_owned());
    let out_of_turn = reason.map(|reason| OutOfTurn { reason, text });
    let case_reference = None;
    Command::PlacePerson(PlacePerson {
        entry_id,
        place_group_id,
        out_of_turn,
        reason,
        case_reference,
    })
}

/// The shadow of a place given by hand.
fn shadow_of(events: &[Event]) -> Option<Shadow> {
    offers_of(events).next().unwrap().shadow.clone()
}

#[test]
fn each_level_asks_for_a_reason_where_it_should() {
    let paused = |scene: &mut Scene| {
        for entry_id in [scene.first, scene.second] {
            let pause = PauseEntry { entry_id, until: None, reason: None, case_reference: None };
            happen(&mut scene.ledger, Command::PauseEntry(pause), noon()).unwrap();
        }
    };
    for level in LEVELS {
        for verdict in [Verdict::Agrees, Verdict::Deviates, Verdict::Nobody] {
            for with_reason in [true, false] {
                let mut scene = scene();
                if level == Level::Bind {
                    enforce(&mut scene.ledger, Level::Observe);
                }
                enforce(&mut scene.ledger, level);
                let entry_id = match verdict {
                    Verdict::Agrees => scene.first,
                    Verdict::Deviates => scene.second,
                    Verdict::Nobody => {
                        paused(&mut scene);
                        scene.second
                    }
                };
                let command = place(entry_id, scene.group, with_reason);
                let outcome = happen(&mut scene.ledger, command, noon());
                let what = format!("{level:?} {verdict:?} {with_reason}");
                let is_needed = match level {
                    Level::Observe => false,
                    Level::Advise => verdict == Verdict::Deviates,
                    Level::Bind => true,
                };
                if is_needed && !with_reason {
                    let refused = outcome.unwrap_err();
                    assert!(matches!(refused, Refusal::ReasonRequired(_)), "{what}: {refused:?}");
                    continue;
                }
                let events = outcome.unwrap_or_else(|refused| panic!("{what}: {refused}"));
                let offer = offers_of(&events).next().unwrap();
                assert_eq!(offer.out_of_turn.is_some(), with_reason, "{what}");
                let told = offer.shadow.as_ref().map(|shadow| shadow.verdict(entry_id));
                assert_eq!(told, Some(verdict), "{what}");
                assert_eq!(scene.ledger.entry(entry_id).unwrap().state.name(), "OFFERED");
            }
        }
    }
}

#[test]
fn where_nobody_has_set_anything_it_is_as_it_was() {
    let Scene { mut ledger, group, second, .. } = scene();
    let refused = happen(&mut ledger, place(second, group, false), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::ReasonRequired(_)), "{refused:?}");
    // What is only proposed changes nothing.
    proposed(&mut ledger, Level::Observe, noon());
    let refused = happen(&mut ledger, place(second, group, false), noon()).unwrap_err();
    assert!(matches!(refused, Refusal::ReasonRequired(_)), "{refused:?}");
    let events = happen(&mut ledger, place(second, group, true), noon()).unwrap();
    assert_eq!(shadow_of(&events), None);
}

/// No level lets more be given than there is.
#[test]
fn the_accounts_bind_at_every_level() {
    for level in [Level::Observe, Level::Advise] {
        let Scene { mut ledger, group, hemne, first, second } = scene();
        enforce(&mut ledger, level);
        let refused = happen(&mut ledger, place(hemne, group, true), noon()).unwrap_err();
        assert!(matches!(refused, Refusal::NoRoom { .. }), "{level:?} {refused:?}");
        happen(&mut ledger, place(first, group, true), noon()).unwrap();
        let refused = happen(&mut ledger, place(second, group, true), noon()).unwrap_err();
        assert!(matches!(refused, Refusal::NoRoom { .. }), "{level:?} {refused:?}");
    }
}

// ---- What the rules would have done ----

#[test]
fn a_shadow_tells_who_was_passed_over_and_who_could_not_have_the_place() {
    let mut scene = scene();
    enforce(&mut scene.ledger, Level::Observe);
    let third = add_entry(&mut scene.ledger, commands::join(4, TRONDHEIM));
    let events = happen(&mut scene.ledger, place(third, scene.group, false), noon()).unwrap();
    let expected = Shadow {
        would_have_served: Some(scene.first),
        municipality_number: municipality(TRONDHEIM),
        // Hemne's person stands ahead too, and has no quota.
        ahead: 2,
        ahead_is_least: false,
        passed_over_counts: BTreeMap::from([(PassedOverReason::NoQuota, 1)]),
    };
    assert_eq!(shadow_of(&events), Some(expected));
}

#[test]
fn of_those_ahead_no_more_are_looked_at_than_tell() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 2)]);
    let group = add_group(&mut ledger, 2, &[]);
    enforce(&mut ledger, Level::Observe);
    let most = u32::try_from(AHEAD_LOOKED_AT).unwrap();
    let entries: Vec<EntryId> =
        (0..most + 2).map(|n| add_entry(&mut ledger, commands::join(n, TRONDHEIM))).collect();
    for (index, expected) in [(AHEAD_LOOKED_AT, false), (AHEAD_LOOKED_AT + 1, true)] {
        let mut ledger = ledger.clone();
        let events = happen(&mut ledger, place(entries[index], group, false), noon()).unwrap();
        let shadow = shadow_of(&events).unwrap();
        assert_eq!((shadow.ahead, shadow.ahead_is_least), (u64::from(most), expected));
    }
}

/// Who is placed by hand is whom a run over the group would have proposed, or is not: the run
/// that `AllocatePlaces` makes on the same state tells.
#[test]
fn a_shadow_is_what_a_run_does() {
    let shares = [100, 50, 80, 20, 60, 100, 40];
    for seed in 0..40_u32 {
        let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1), (HEMNE, seed % 2)]);
        let groups = [add_group(&mut ledger, 1, &[]), add_group(&mut ledger, 1, &["Kantine"])];
        enforce(&mut ledger, Level::Observe);
        let entries: Vec<EntryId> = (0..7_u32)
            .map(|n| {
                let at = if (seed >> (n % 5)) & 1 == 0 { TRONDHEIM } else { HEMNE };
                let share = shares[usize::try_from((n + seed) % 7).unwrap()];
                let mut join = commands::join_part(n, at, share);
                if (n + seed) % 3 == 0 {
                    join.preferred_place_groups = vec![groups[1]];
                }
                add_entry(&mut ledger, join)
            })
            .collect();
        // A part of the place is taken already.
        drop(happen(&mut ledger, place(entries[3], groups[0], false), noon()));
        for group in groups {
            let run = commands::allocate(1, &[group]);
            let events = happen(&mut ledger.clone(), run, noon()).unwrap();
            let by_run = served(&events).first().map(|(entry_id, _)| *entry_id);
            for entry_id in &entries {
                let command = place(*entry_id, group, false);
                let Ok(events) = happen(&mut ledger.clone(), command, noon()) else { continue };
                let shadow = shadow_of(&events).unwrap();
                assert_eq!(shadow.would_have_served, by_run, "{seed}");
                // Somebody ahead could have had it if, and only if, the rules take one of them.
                let own = ledger.entry(*entry_id).unwrap().key;
                let before = by_run.is_some_and(|id| ledger.entry(id).unwrap().key < own);
                assert_eq!(shadow.ahead > 0, before, "{seed}");
            }
        }
    }
}

// ---- The log's format ----

#[test]
fn what_older_logs_hold_is_written_as_ever() {
    let frame = serde_json::to_string(&Frame::default()).unwrap();
    assert_eq!(frame, r#"{"budgets":[],"quotas":{}}"#);
    assert_eq!(serde_json::from_str::<Frame>(&frame).unwrap(), Frame::default());
    let Scene { mut ledger, group, second, .. } = scene();
    let id = second.to_string();
    let old = format!(
        r#"{{"PLACE_PERSON":{{"entry_id":"{id}","place_group_id":"{group}","out_of_turn":{{"reason":"RETURNS","text":"c2VhbGVk"}},"reason":"RETURNS","case_reference":null}}}}"#
    );
    let command: Command = serde_json::from_str(&old).unwrap();
    assert_eq!(command, place(second, group, true));
    assert_eq!(serde_json::to_string(&command).unwrap(), old);
    let events = happen(&mut ledger, command, noon()).unwrap();
    assert!(!serde_json::to_string(&events).unwrap().contains("shadow"));
}

#[test]
fn what_is_new_comes_back_from_its_bytes() {
    let mut scene = scene();
    let mut commands = vec![propose(Level::Advise)];
    enforce(&mut scene.ledger, Level::Observe);
    let change_id = proposed(&mut scene.ledger, Level::Advise, noon());
    commands.extend([
        approve(change_id),
        reject(change_id),
        place(scene.second, scene.group, false),
    ]);
    for command in commands {
        let bytes = serde_json::to_vec(&command).unwrap();
        assert_eq!(serde_json::from_slice::<Command>(&bytes).unwrap(), command);
        let name = format!("{{\"{}\":", command.kind());
        assert!(bytes.starts_with(name.as_bytes()));
        let events = by(&mut scene.ledger.clone(), "ola", &command, noon());
        let Ok(events) = events else { continue };
        let bytes = serde_json::to_vec(&events).unwrap();
        assert_eq!(serde_json::from_slice::<Vec<Event>>(&bytes).unwrap(), events);
    }
    let frame = serde_json::to_vec(scene.ledger.frame()).unwrap();
    assert_eq!(serde_json::from_slice::<Frame>(&frame).unwrap(), *scene.ledger.frame());
}

// ---- The report ----

/// Who knows none of the people.
fn nobody() -> Behind {
    Behind::Own(Own::default())
}

fn cell(place: &str, verdict: Verdict, reason: Option<OutOfTurnReason>, count: u64) -> Cell {
    let passed_over = if verdict == Verdict::Deviates { 3 * count } else { 0 };
    Cell {
        municipality_number: municipality(place),
        verdict,
        reason,
        count,
        passed_over,
        passed_over_most: passed_over.min(4),
        passed_over_is_least: false,
    }
}

#[test]
fn who_sees_the_people_is_told_every_figure() {
    let (health, other) = (Some(OutOfTurnReason::Health), Some(OutOfTurnReason::Other));
    let cells = [
        cell(TRONDHEIM, Verdict::Agrees, None, 1),
        cell(TRONDHEIM, Verdict::Deviates, health, 2),
        cell(HEMNE, Verdict::Deviates, None, 1),
        cell(HEMNE, Verdict::Nobody, other, 1),
    ];
    let told = report(&cells, &Behind::Everyone, Threshold::default());
    let whole = |n| (Told::Exactly(n), false);
    assert_eq!((told.verdicts.total, told.verdicts.is_hidden), whole(5));
    let verdicts = [(Verdict::Agrees, 1), (Verdict::Deviates, 3), (Verdict::Nobody, 1)];
    assert_eq!(told.verdicts.by_kind, BTreeMap::from(verdicts));
    assert_eq!((told.reasons.total, told.reasons.is_hidden), whole(3));
    assert_eq!(told.reasons.by_kind, BTreeMap::from([(None, 1), (health, 2)]));
    let passed_over = PassedOver { total: 9, most: Some(4), is_least: false };
    assert_eq!(told.passed_over, Some(passed_over));
    let (hemne, trondheim) = (municipality(HEMNE), municipality(TRONDHEIM));
    assert_eq!(told.municipalities.by_kind, BTreeMap::from([(&hemne, 2), (&trondheim, 3)]));
    assert_eq!(told.deviating, BTreeMap::from([(&hemne, 1), (&trondheim, 2)]));
}

/// What hangs on the deviations is told where their number is, and nowhere else.
#[test]
fn who_does_not_see_them_is_told_nothing_of_few() {
    let health = Some(OutOfTurnReason::Health);
    let many = [
        cell(TRONDHEIM, Verdict::Agrees, None, 20),
        cell(TRONDHEIM, Verdict::Deviates, health, 9),
        cell(HEMNE, Verdict::Deviates, None, 8),
    ];
    let told = report(&many, &nobody(), Threshold::default());
    assert_eq!(told.verdicts.total, Told::Exactly(37));
    let verdicts = BTreeMap::from([(Verdict::Agrees, 20), (Verdict::Deviates, 17)]);
    assert_eq!((told.verdicts.by_kind, told.verdicts.is_hidden), (verdicts, false));
    assert_eq!(told.reasons.by_kind, BTreeMap::from([(None, 8), (health, 9)]));
    let passed_over = PassedOver { total: 51, most: None, is_least: false };
    assert_eq!(told.passed_over, Some(passed_over));
    assert_eq!(told.deviating, BTreeMap::new());
    let few = [
        cell(TRONDHEIM, Verdict::Agrees, None, 20),
        cell(TRONDHEIM, Verdict::Deviates, health, 3),
        cell(HEMNE, Verdict::Deviates, None, 1),
    ];
    let told = report(&few, &nobody(), Threshold::default());
    let hidden = Disclosed { total: Told::Few, by_kind: BTreeMap::new(), is_hidden: true };
    // The total less the agreements would be the deviations.
    assert_eq!((told.verdicts.total, told.verdicts.is_hidden), (Told::Exactly(24), true));
    assert_eq!(told.verdicts.by_kind, BTreeMap::new());
    assert_eq!((told.reasons, told.passed_over), (hidden, None));
    // 23 of Trondheim would give Hemne's one away.
    assert_eq!((told.municipalities.by_kind, told.municipalities.is_hidden), {
        (BTreeMap::new(), true)
    });
    let none = report(&[], &nobody(), Threshold::default());
    assert_eq!((none.verdicts.total, none.reasons.is_hidden), (Told::Exactly(0), false));
    let nobody = PassedOver { total: 0, most: None, is_least: false };
    assert_eq!(none.passed_over, Some(nobody));
}

/// Two worlds that differ by one deviation among few look alike.
#[test]
fn few_deviations_look_like_other_few() {
    let with = |deviations: u64| {
        let cells = [
            cell(TRONDHEIM, Verdict::Agrees, None, 30 - deviations),
            cell(TRONDHEIM, Verdict::Deviates, None, deviations),
        ];
        format!("{:?}", report(&cells, &nobody(), Threshold::default()))
    };
    assert_eq!(with(1), with(4));
    assert_ne!(with(4), with(6));
}

// ---- Explanations ----

/// Who got the place, who would have, and who could not have it are each told their own.
#[test]
fn an_explanation_says_what_the_rules_would_have_done() {
    use tiltaksplass::domain::explanation::{Language, Occasion, Outcome, SaidNos, paragraphs};
    let mut scene = scene();
    enforce(&mut scene.ledger, Level::Observe);
    let told = |chosen: EntryId, asks: EntryId| {
        let (before, mut after) = (scene.ledger.clone(), scene.ledger.clone());
        let command = place(chosen, scene.group, false);
        let events = happen(&mut after, command.clone(), noon()).unwrap();
        let row = (&before, &after);
        let e = explained::row_explained(row, &command, &events, asks, &SaidNos::default());
        assert_eq!(e.occasion, Occasion::Chosen);
        let text = Language::ALL.map(|language| paragraphs(&e, language).remove(0));
        (e.outcome, e.by_rules.unwrap(), text)
    };
    let (outcome, by_rules, [nb, nn, en]) = told(scene.second, scene.second);
    assert_eq!((outcome, by_rules.verdict), (Outcome::OutOfTurn(None), Verdict::Deviates));
    assert!(nb.contains("utenfor tur") && nb.contains("en annen enn den som fikk den"), "{nb}");
    assert!(nn.contains("utanfor tur") && nn.contains("ein annan enn den som fekk han"), "{nn}");
    assert!(en.contains("out of turn") && en.contains("somebody other than"), "{en}");
    let (outcome, by_rules, [nb, _, en]) = told(scene.second, scene.first);
    assert_eq!((outcome, by_rules.to_this_one), (Outcome::NotReached(None), true));
    assert!(nb.contains("En ansatt ga plassen til en annen. Reglene ville gitt"), "{nb}");
    assert!(en.contains("The rules would have given the place to you."), "{en}");
    assert!(!nb.contains("bak deg") && !en.contains("behind you"), "somebody behind got it: {nb}");
    let (_, by_rules, [nb, _, _]) = told(scene.first, scene.first);
    assert_eq!((by_rules.verdict, by_rules.to_this_one), (Verdict::Agrees, true));
    assert!(!nb.contains("utenfor tur") && nb.contains("gitt plassen til deg"), "{nb}");
    let (_, by_rules, [_, _, en]) = told(scene.first, scene.second);
    assert_eq!((by_rules.verdict, by_rules.to_this_one), (Verdict::Agrees, false));
    assert!(en.contains("to the same person"), "{en}");
}
