//! Ledgers that share by host area: those a host runs NAV for stand in its queue and are given
//! places of its quota.

use tiltaksplass::domain::{
    command::{
        Correct, Correction, LendQuota, LoanAsk, LoanTerms, MoveQuota, ReassignPlacement,
        ReceiveEntry, TransferEntry,
    },
    host::{HostAgreement, HostKind},
    waitlist::{EntryState, QueueKey},
};

use super::{
    invariants::{accounts_add_up, increases_agree, queues_hold_the_eligible},
    *,
};

const CODE: &str = "TAO";

fn hosts(host: &str, number: &str, days: (i64, Option<i64>)) -> HostAgreement {
    HostAgreement {
        host_municipality_number: municipality(host),
        municipality_number: municipality(number),
        kind: HostKind::Host,
        valid_from: days_on(days.0),
        valid_to: days.1.map(days_on),
    }
}

fn with(agreements: &[HostAgreement]) -> Registry {
    let mut rows = vec![measure(CODE, Distribution::ByHostArea, true)];
    rows.extend(agreements.iter().cloned().map(RegistryRow::HostAgreement));
    let mut registry = REGISTRY.clone();
    let plan = registry.plan_import(&rows).unwrap();
    registry.apply(2, &plan.rows);
    registry
}

/// Trondheim hosts Hemne until ten days from now; nobody hosts Orkdal.
static HOSTED: LazyLock<Registry> =
    LazyLock::new(|| with(&[hosts(TRONDHEIM, HEMNE, (-30, Some(10)))]));

/// Decides, lets the events happen, moves the log on, and makes the decision again.
fn at(ledger: &mut Ledger, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    // Who submits places does not approve them.
    let is_submission = matches!(command, Command::SubmitCapacity(_));
    let who = actor(if is_submission { "provider" } else { "county" });
    let at = ledger.next_time(at);
    let context = Context { at, registry: &HOSTED, actor: &who, rules: RULES_VERSION };
    let again = |ledger: &Ledger| {
        decide(ledger, &command, &context, &mut IdSource::new(seed(ledger.head().seq), at))
    };
    let events = match again(ledger) {
        Ok(events) => events,
        Err(Stop::Refused(refusal)) => return Err(refusal),
        Err(Stop::NeedMore(queue)) => panic!("a whole ledger misses some of {queue:?}"),
    };
    assert_eq!(again(ledger).unwrap(), events);
    for event in &events {
        let kept: Event = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
        assert_eq!(kept, *event);
        apply(ledger, &kept);
    }
    ledger.advance([0; 32], at);
    for sound in [accounts_add_up, increases_agree, queues_hold_the_eligible] {
        sound(ledger).unwrap();
    }
    Ok(events)
}

fn now(ledger: &mut Ledger, command: Command) -> Vec<Event> {
    at(ledger, command, noon()).unwrap()
}

/// A budget of ten, these quotas, and a group of so many places.
fn tao(quotas: &[(&str, u32)], places: u32) -> Ledger {
    let mut ledger = Ledger::new(ledger_id(CODE), Distribution::ByHostArea, Head::EMPTY);
    now(&mut ledger, commands::budget(from(10, TODAY)));
    let quotas = quotas.iter().map(|(n, places)| commands::quota(n, from(*places, TODAY)));
    now(&mut ledger, commands::quotas(quotas.collect()));
    let submit = Command::SubmitCapacity(commands::submission(from(places, TODAY)));
    let events = now(&mut ledger, submit);
    let [Event::CapacitySubmitted { submission, .. }] = &events[..] else { panic!("{events:?}") };
    let review = commands::review(submission.submission_id, true);
    now(&mut ledger, review);
    ledger
}

fn joined(ledger: &mut Ledger, person: u32, number: &str) -> EntryId {
    let events = now(ledger, Command::JoinWaitlist(commands::join(person, number)));
    let [Event::Joined { entry }] = &events[..] else { panic!("{events:?}") };
    entry.entry_id
}

fn proposed(events: &[Event]) -> Vec<(EntryId, AccountKey)> {
    offers_of(events).map(|offer| (offer.entry_id, offer.account.clone())).collect()
}

fn transfer(entry_id: EntryId, number: &str) -> Command {
    Command::TransferEntry(TransferEntry {
        entry_id,
        municipality_number: municipality(number),
        following_office_number: "5701".parse().unwrap(),
        to_ledger: None,
        reason: None,
        case_reference: None,
    })
}

fn correct(entry_id: EntryId, number: &str) -> Command {
    let municipality_number = municipality(number);
    Command::Correct(Correct {
        correction: Correction::Municipality { entry_id, municipality_number },
        text: None,
        case_reference: None,
        elsewhere: Vec::new(),
        may_claim: false,
    })
}

fn queue_of(ledger: &Ledger, id: EntryId) -> QueueKey {
    ledger.queue_of(entry(ledger, id))
}

fn queue(number: &str) -> QueueKey {
    QueueKey::new(Distribution::ByHostArea, &municipality(number))
}

fn entitled(ledger: &Ledger, id: EntryId) -> (MunicipalityNumber, Option<MunicipalityNumber>) {
    let entry = entry(ledger, id);
    (entry.municipality_number.clone(), entry.quota_municipality.clone())
}

fn hosted(number: &str, host: &str) -> (MunicipalityNumber, Option<MunicipalityNumber>) {
    (municipality(number), Some(municipality(host)))
}

fn alone(number: &str) -> (MunicipalityNumber, Option<MunicipalityNumber>) {
    (municipality(number), None)
}

#[test]
fn one_queue_and_one_quota_for_a_host_and_those_it_hosts() {
    let mut ledger = tao(&[(TRONDHEIM, 2), (ORKDAL, 1)], 9);
    let first = joined(&mut ledger, 1, HEMNE);
    let second = joined(&mut ledger, 2, TRONDHEIM);
    let third = joined(&mut ledger, 3, HEMNE);
    let other = joined(&mut ledger, 4, ORKDAL);
    assert_eq!(entitled(&ledger, first), hosted(HEMNE, TRONDHEIM));
    assert_eq!(entitled(&ledger, second), alone(TRONDHEIM));
    let queues = [first, second, third, other].map(|id| queue_of(&ledger, id));
    assert_eq!(queues, [TRONDHEIM, TRONDHEIM, TRONDHEIM, ORKDAL].map(queue));
    let events = now(&mut ledger, commands::allocate(9, &[]));
    let hosts = quota_of(TRONDHEIM);
    let expected = [(first, hosts.clone()), (second, hosts.clone()), (other, quota_of(ORKDAL))];
    assert_eq!(proposed(&events), expected);
    assert_eq!(figures(&ledger, &hosts), (200, 0));
    assert_eq!(ledger.account(&quota_of(HEMNE)), Account::default());
    // What one of them gives back goes to whoever is next of both.
    let events = now(&mut ledger, commands::leave(second));
    assert_eq!(proposed(&events), [(third, hosts)]);
}

#[test]
fn within_a_host_area_what_is_held_stays_and_out_of_it_the_queue_is_another() {
    let mut ledger = tao(&[(TRONDHEIM, 1), (ORKDAL, 0)], 1);
    let moves = joined(&mut ledger, 1, HEMNE);
    let next = joined(&mut ledger, 2, HEMNE);
    let offer_id =
        offers_of(&now(&mut ledger, commands::allocate(1, &[]))).next().unwrap().offer_id;
    let events = now(&mut ledger, transfer(moves, TRONDHEIM));
    assert_eq!(events.len(), 1);
    assert_eq!(entry(&ledger, moves).state, EntryState::Proposed(offer_id));
    assert_eq!(entitled(&ledger, moves), alone(TRONDHEIM));
    now(&mut ledger, correct(moves, HEMNE));
    assert_eq!(entry(&ledger, moves).state, EntryState::Proposed(offer_id));
    assert_eq!(entitled(&ledger, moves), hosted(HEMNE, TRONDHEIM));
    assert_eq!(now(&mut ledger, transfer(moves, HEMNE)), [Event::NothingToDo]);
    let events = now(&mut ledger, transfer(moves, ORKDAL));
    assert_eq!(proposed(&events), [(next, quota_of(TRONDHEIM))]);
    assert_eq!(entry(&ledger, moves).state, EntryState::Waiting);
    assert_eq!(
        (entitled(&ledger, moves), queue_of(&ledger, moves)),
        (alone(ORKDAL), queue(ORKDAL))
    );
}

/// What was decided stays until somebody decides anew, whatever the registry says by then.
#[test]
fn an_agreement_that_ends_moves_nobody_by_itself() {
    let mut ledger = tao(&[(TRONDHEIM, 1)], 1);
    let (stays, corrected) = (joined(&mut ledger, 1, HEMNE), joined(&mut ledger, 2, HEMNE));
    let later = hour(days_on(10), 12);
    let newcomer = Command::JoinWaitlist(commands::join(3, HEMNE));
    let events = at(&mut ledger, newcomer, later).unwrap();
    let [Event::Joined { entry: new }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(ledger.queue_of(new), queue(HEMNE));
    assert_eq!(queue_of(&ledger, stays), queue(TRONDHEIM));
    let key = entry(&ledger, stays).key;
    at(&mut ledger, correct(corrected, HEMNE), later).unwrap();
    at(&mut ledger, transfer(stays, HEMNE), later).unwrap();
    assert_eq!([stays, corrected].map(|id| queue_of(&ledger, id)), [HEMNE, HEMNE].map(queue));
    assert_eq!(entry(&ledger, stays).key, key);
}

fn begun(ledger: &mut Ledger, join: JoinWaitlist) -> (EntryId, PlacementId) {
    let events = now(ledger, Command::JoinWaitlist(join));
    let [Event::Joined { entry }] = &events[..] else { panic!("{events:?}") };
    let id = entry.entry_id;
    let offer_id = offers_of(&now(ledger, commands::allocate(1, &[]))).next().unwrap().offer_id;
    now(ledger, commands::confirm(&[offer_id]));
    now(ledger, commands::respond(offer_id, true));
    let events = now(ledger, commands::start(offer_id, TODAY));
    let [Event::PlacementStarted { placement }] = &events[..] else { panic!("{events:?}") };
    (id, placement.placement_id)
}

fn reassign(placement_id: PlacementId, number: &str) -> Command {
    Command::ReassignPlacement(ReassignPlacement {
        placement_id,
        municipality_number: municipality(number),
        following_office_number: "5702".parse().unwrap(),
        case_reference: None,
    })
}

#[test]
fn a_place_in_use_stays_on_the_hosts_quota_until_its_user_leaves_the_host_area() {
    let mut ledger = tao(&[(TRONDHEIM, 1), (ORKDAL, 1)], 2);
    let (id, placed) = begun(&mut ledger, commands::join(1, HEMNE));
    now(&mut ledger, reassign(placed, TRONDHEIM));
    let debited = |ledger: &Ledger| {
        let one = placement(ledger, placed);
        (one.account.clone(), one.guest)
    };
    assert_eq!(debited(&ledger), (quota_of(TRONDHEIM), false));
    assert_eq!(entitled(&ledger, id), alone(TRONDHEIM));
    now(&mut ledger, reassign(placed, HEMNE));
    assert_eq!(debited(&ledger), (quota_of(TRONDHEIM), false));
    now(&mut ledger, reassign(placed, ORKDAL));
    assert_eq!(debited(&ledger), (quota_of(ORKDAL), false));
    assert_eq!(figures(&ledger, &quota_of(TRONDHEIM)), (0, 0));
    now(&mut ledger, correct(id, HEMNE));
    assert_eq!(debited(&ledger), (quota_of(TRONDHEIM), false));
}

#[test]
fn a_larger_share_waits_in_the_hosts_queue_for_somebody_entitled_elsewhere() {
    let mut ledger = tao(&[(TRONDHEIM, 1)], 1);
    let (id, placed) = begun(&mut ledger, commands::join_part(1, HEMNE, 50));
    begun(&mut ledger, commands::join_part(2, TRONDHEIM, 50));
    let events = now(
        &mut ledger,
        Command::ChangePlacement(ChangePlacement {
            placement_id: placed,
            change: PlacementAsk::Share { percent: 100, valid_from: TODAY, wait_if_full: true },
            case_reference: None,
        }),
    );
    let [Event::EntryChanged { entry: increase, .. }] = &events[..] else { panic!("{events:?}") };
    let increase = increase.entry_id;
    assert_eq!(entitled(&ledger, increase), hosted(HEMNE, TRONDHEIM));
    assert_eq!(queue_of(&ledger, increase), queue_of(&ledger, id));
    // A guest of the host area they have left: the rest is debited where the share in use is.
    now(&mut ledger, reassign(placed, ORKDAL));
    assert!(placement(&ledger, placed).guest);
    assert_eq!(entitled(&ledger, increase), alone(TRONDHEIM));
}

#[test]
fn who_comes_from_another_area_stands_in_the_hosts_queue_there() {
    let mut ledger = tao(&[(TRONDHEIM, 1)], 1);
    let mut other = tao(&[(TRONDHEIM, 1)], 1);
    let id = joined(&mut other, 1, ORKDAL);
    let sent = entry(&other, id).clone();
    let from_ledger = LedgerId { county_id: "NO-17".parse().unwrap(), ..ledger_id(CODE) };
    now(
        &mut ledger,
        Command::ReceiveEntry(ReceiveEntry {
            from_ledger,
            entry: Box::new(sent),
            municipality_number: municipality(HEMNE),
            following_office_number: "5702".parse().unwrap(),
        }),
    );
    assert_eq!(entitled(&ledger, id), hosted(HEMNE, TRONDHEIM));
}

#[test]
fn a_quota_is_the_hosts_and_one_that_is_hosted_has_none() {
    let mut ledger = tao(&[(TRONDHEIM, 2)], 1);
    let mut set = |places, day| {
        let quota = commands::quota(HEMNE, from(places, days_on(day)));
        at(&mut ledger, commands::quotas(vec![quota]), noon())
    };
    let refused = |field| {
        let problem = "is hosted by another municipality then, whose quota counts for both";
        Refusal::RegistryMismatch { field, value: HEMNE.to_owned(), problem }
    };
    for day in [-5, 0, 9] {
        assert_eq!(set(1, day), Err(refused("quotas.municipality_number")), "{day}");
    }
    // From the day it is hosted no more, and what it had may be taken away.
    assert!(set(1, 10).is_ok());
    assert!(set(0, 0).is_ok());
    let loan = Command::LendQuota(LendQuota {
        ask: LoanAsk::Lend(LoanTerms {
            from_municipality: municipality(TRONDHEIM),
            to_municipality: municipality(HEMNE),
            places: 1,
            valid_from: TODAY,
            valid_to: days_on(5),
            reason: "Lån".to_owned(),
        }),
        case_reference: None,
    });
    assert_eq!(at(&mut ledger, loan, noon()), Err(refused("lend.to_municipality_number")));
    let moved = |from: &str, to: &str, day| {
        Command::MoveQuota(MoveQuota {
            from_municipality: municipality(from),
            to_municipality: municipality(to),
            places: 1,
            valid_from: days_on(day),
            reason: "Avtalt".to_owned(),
            case_reference: None,
        })
    };
    let to_hosted = at(&mut ledger, moved(TRONDHEIM, HEMNE, 9), noon());
    assert_eq!(to_hosted, Err(refused("to_municipality_number")));
    // Hosted no more it may get one, and lose it again.
    assert!(at(&mut ledger, moved(TRONDHEIM, HEMNE, 10), noon()).is_ok());
    assert!(at(&mut ledger, moved(HEMNE, TRONDHEIM, 10), noon()).is_ok());
}

/// Whose host a municipality has on a day, and why an agreement cannot stand beside others.
#[test]
fn a_municipality_has_one_host_on_a_day_and_a_host_none() {
    let host_on =
        |number: &str, day: i64| HOSTED.host_of(&municipality(number), days_on(day)).to_string();
    let found = [-31, -30, 9, 10].map(|day| host_on(HEMNE, day));
    assert_eq!(found, [HEMNE, TRONDHEIM, TRONDHEIM, HEMNE]);
    assert_eq!([host_on(TRONDHEIM, 0), host_on(ORKDAL, 0)], [TRONDHEIM, ORKDAL]);
    let problem = |agreement: HostAgreement| {
        let bad = HOSTED.plan_import(&[RegistryRow::HostAgreement(agreement)]).unwrap_err();
        assert_eq!(bad[0].index, 0);
        bad[0].problem.clone()
    };
    let already = "a municipality has one host at most, and a host none: 1601 hosts 1612 from \
                   2011-01-30 until 2011-03-11 already";
    for (agreement, expected) in [
        (hosts(TRONDHEIM, TRONDHEIM, (0, None)), "a municipality does not host itself"),
        (hosts(TRONDHEIM, "9999", (0, None)), "there is no municipality 9999"),
        (hosts("9999", ORKDAL, (0, None)), "there is no municipality 9999"),
        (hosts(ORKDAL, HEMNE, (9, None)), already),
        (hosts(HEMNE, ORKDAL, (-40, Some(-29))), already),
        (hosts(ORKDAL, TRONDHEIM, (0, Some(1))), already),
    ] {
        assert_eq!(problem(agreement), expected);
    }
    let fits = [
        hosts(ORKDAL, HEMNE, (10, None)),
        hosts(ORKDAL, TRONDHEIM, (-40, Some(-30))),
        // Of another area: it counts for rights.
        hosts(STEINKJER, ORKDAL, (0, None)),
        // The same agreement, for longer.
        hosts(TRONDHEIM, HEMNE, (-30, Some(10))),
    ];
    for agreement in fits {
        assert!(HOSTED.plan_import(&[RegistryRow::HostAgreement(agreement)]).is_ok());
    }
}

/// Who runs NAV for a municipality may be of another area; whose quota it is never is.
#[test]
fn across_an_areas_border_rights_follow_the_host_and_quotas_do_not() {
    let registry =
        with(&[hosts(TRONDHEIM, STEINKJER, (-30, Some(10))), hosts(TRONDHEIM, HEMNE, (0, None))]);
    let steinkjer = municipality(STEINKJER);
    for (day, host) in [(-31, None), (-30, Some(TRONDHEIM)), (9, Some(TRONDHEIM)), (10, None)] {
        let day = days_on(day);
        assert_eq!(registry.runs_nav_for(&steinkjer, day), host.map(municipality).as_ref());
        assert_eq!(registry.host_of(&steinkjer, day), &steinkjer, "{day}");
        assert_eq!(registry.quota_of(Distribution::ByHostArea, &steinkjer, day), None, "{day}");
    }
    let hosted = |number: &str, day| -> Vec<String> {
        let host = municipality(number);
        registry.hosted_by(&host, days_on(day)).map(ToString::to_string).collect()
    };
    assert_eq!(hosted(TRONDHEIM, -1), [STEINKJER]);
    assert_eq!(hosted(TRONDHEIM, 0), [HEMNE, STEINKJER]);
    assert_eq!(hosted(TRONDHEIM, 10), [HEMNE]);
    assert_eq!(hosted(HEMNE, 0), [""; 0]);
}

/// An agreement that is imported again with another host, or another end, is that one.
#[test]
fn an_agreement_that_is_changed_leaves_nothing_of_what_it_was() {
    let mut registry = with(&[hosts(TRONDHEIM, HEMNE, (0, None))]);
    let rows = [RegistryRow::HostAgreement(hosts(ORKDAL, HEMNE, (0, Some(5))))];
    let plan = registry.plan_import(&rows).unwrap();
    registry.apply(3, &plan.rows);
    let hosted =
        |number: &str, day| registry.hosted_by(&municipality(number), days_on(day)).count();
    assert_eq!([hosted(TRONDHEIM, 0), hosted(ORKDAL, 0), hosted(ORKDAL, 5)], [0, 1, 0]);
}
