//! What takes effect by itself, exactly when it is due and not a microsecond before.

use tiltaksplass::domain::{
    allocation::PlacementState,
    ledger::{Due, DueKind, due_request_id, rows},
    waitlist::EntryState,
};

use super::*;

fn due(ledger: &Ledger) -> Vec<Due> {
    let due = rows(ledger).due.into_iter().filter(|(_, stands)| *stands);
    due.map(|(due, _)| due).collect()
}

#[test]
fn a_proposal_lapses_on_its_deadline() {
    let mut one = one_place(Step::Proposed);
    let [due] = due(&one.ledger)[..] else { panic!() };
    assert_eq!((due.kind, due.at), (DueKind::LapseProposal, hour(days_on(3), 0)));
    let early = one.happen(due.command(), just_before(due.at)).unwrap();
    assert_eq!(early, [Event::NothingToDo]);
    assert_eq!(one.figures(), (100, 0));
    let events = one.happen(due.command(), due.at).unwrap();
    assert_eq!(events, [Event::ProposalLapsed { offer_id: one.offer_id }]);
    assert_eq!(*one.offer_state(), OfferState::Lapsed);
    assert_eq!(one.figures(), (0, 0));
    assert_eq!(entry(&one.ledger, one.entry_id).state, EntryState::Waiting);
    assert!(entry(&one.ledger, one.entry_id).declined_here.is_empty());
    assert_eq!(one.happen(due.command(), due.at).unwrap(), [Event::NothingToDo]);
}

#[test]
fn an_offer_expires_on_its_deadline() {
    let mut one = one_place(Step::Offered);
    let [due] = due(&one.ledger)[..] else { panic!() };
    assert_eq!((due.kind, due.at), (DueKind::ExpireOffer, hour(days_on(4), 0)));
    let early = one.happen(due.command(), just_before(due.at)).unwrap();
    assert_eq!(early, [Event::NothingToDo]);
    let events = one.happen(due.command(), due.at).unwrap();
    assert_eq!(events, [Event::OfferExpired { offer_id: one.offer_id, let_go: None }]);
    assert_eq!(*one.offer_state(), OfferState::Expired);
    assert_eq!(one.figures(), (0, 0));
    let entry = entry(&one.ledger, one.entry_id);
    assert_eq!(entry.state, EntryState::Waiting);
    assert_eq!(entry.declined_here, BTreeSet::from([one.group]));
    assert_eq!(one.happen(due.command(), due.at).unwrap(), [Event::NothingToDo]);
}

#[test]
fn an_answer_takes_the_deadline_away() {
    let one = one_place(Step::Accepted);
    assert_eq!(due(&one.ledger), []);
    for at in [noon(), hour(days_on(99), 0)] {
        for command in [
            Command::LapseProposal { offer_id: one.offer_id },
            Command::ExpireOffer { offer_id: one.offer_id },
        ] {
            let events = happen(&mut one.ledger.clone(), command, at).unwrap();
            assert_eq!(events, [Event::NothingToDo]);
        }
    }
}

#[test]
fn a_placement_is_over_when_its_day_begins() {
    let (mut one, placement_id) = OnePlace::started(Step::Accepted);
    // The day summer time begins is as good as any.
    let end = date!(2011 - 03 - 27);
    one.happen(commands::end(placement_id, end), noon()).unwrap();
    let [due] = due(&one.ledger)[..] else { panic!() };
    assert_eq!((due.kind, due.at), (DueKind::FinishPlacement, start_of_day_in_norway(end)));
    let early = one.happen(due.command(), just_before(due.at)).unwrap();
    assert_eq!(early, [Event::NothingToDo]);
    let events = one.happen(due.command(), due.at).unwrap();
    let closed_time = Some(one.ledger.head().at);
    assert_eq!(events, [Event::PlacementEnded { placement_id, closed_time }]);
    let state = &placement(&one.ledger, placement_id).state;
    assert!(matches!(state, PlacementState::Ended(over) if over.end_date == end));
    assert_eq!(entry(&one.ledger, one.entry_id).state, EntryState::Closed);
    assert_eq!(one.figures(), (0, 0));
    assert_eq!(due_after(&one), []);
    assert_eq!(one.happen(due.command(), due.at).unwrap(), [Event::NothingToDo]);
}

fn due_after(one: &OnePlace) -> Vec<Due> {
    due(&one.ledger)
}

#[test]
fn a_running_placement_has_no_end() {
    let (mut one, placement_id) = OnePlace::started(Step::Accepted);
    let command = Command::FinishPlacement { placement_id };
    assert_eq!(one.happen(command, hour(days_on(999), 0)).unwrap(), [Event::NothingToDo]);
    assert_eq!(one.figures(), (0, 100));
}

#[test]
fn what_is_due_is_named_after_ledger_thing_and_time() {
    let id = OfferId(Uuid::from_u128(7));
    let due = [
        Due::day(TODAY),
        Due::day(days_on(1)),
        Due::lapse(id, noon()),
        Due::expiry(id, noon()),
        Due::expiry(id, noon().next()),
        Due::finish(PlacementId(id.0), TODAY),
    ];
    let mut names = BTreeSet::new();
    for ledger in [ledger_id("VTA"), ledger_id("AVKLARING")] {
        for due in &due {
            assert!(names.insert(due_request_id(&ledger, due)), "{due:?}");
            assert_eq!(due_request_id(&ledger, due), due_request_id(&ledger, due));
            assert_eq!(DueKind::from_text(due.kind.as_str()), Some(due.kind));
        }
    }
    assert_eq!(Due::day(TODAY).command(), Command::BeginDay { date: TODAY });
}

/// A worker that was away for weeks: days first, then ends of placements, then deadlines of
/// proposals, then of offers, each at its time.
#[test]
fn what_is_due_has_one_order() {
    let id = OfferId(Uuid::from_u128(7));
    let midnight = start_of_day_in_norway(TODAY);
    let mut due = [
        Due::expiry(id, midnight),
        Due::lapse(id, midnight),
        Due::finish(PlacementId(id.0), TODAY),
        Due::day(TODAY),
        Due::expiry(id, just_before(midnight)),
    ];
    due.sort_unstable();
    let kinds = due.map(|due| due.kind.as_str());
    let expected =
        ["EXPIRE_OFFER", "BEGIN_DAY", "FINISH_PLACEMENT", "LAPSE_PROPOSAL", "EXPIRE_OFFER"];
    assert_eq!(kinds, expected);
}
