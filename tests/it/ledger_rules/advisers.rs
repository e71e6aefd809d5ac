//! `ReassignAdviser`: another case worker, or a deputy until a date, and nothing else.

use tiltaksplass::domain::{
    command::ReassignAdviser,
    event::EntryChange,
    ledger::rows,
    waitlist::{Adviser, Deputy, EntryState, Sealed},
};

use super::*;

fn adviser(digest: &str) -> Adviser {
    Adviser { digest: digest.to_owned(), ident: Sealed(format!("{digest}, sealed")), deputy: None }
}

fn with_deputy(digest: &str, deputy: &str, until: Date) -> Adviser {
    let ident = Sealed(format!("{deputy}, sealed"));
    let deputy = Some(Deputy { digest: deputy.to_owned(), ident, until });
    Adviser { deputy, ..adviser(digest) }
}

fn reassign(advisers: &[(EntryId, Adviser)], until: Option<Date>) -> Command {
    let advisers = advisers.to_vec();
    Command::ReassignAdviser(ReassignAdviser { advisers, until, case_reference: None })
}

fn join(number: u32, adviser: Option<Adviser>) -> JoinWaitlist {
    JoinWaitlist { adviser, ..commands::join(number, TRONDHEIM) }
}

fn nobody() -> EntryId {
    EntryId(Uuid::from_u128(7))
}

#[test]
fn an_entry_gets_another_case_worker_and_keeps_all_else() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let first = add_entry(&mut ledger, join(1, Some(adviser("a"))));
    let second = add_entry(&mut ledger, join(2, None));
    let before = [first, second].map(|id| entry(&ledger, id).clone());
    let command = reassign(&[(first, adviser("b")), (second, adviser("b"))], None);
    let events = happen(&mut ledger, command, noon()).unwrap();
    let expected = before.map(|entry| Event::EntryChanged {
        entry: Entry { adviser: Some(adviser("b")), ..entry },
        change: EntryChange::AdviserSet,
    });
    assert_eq!(events, expected);
    // Whose turn it is has nothing to do with it.
    add_group(&mut ledger, 1, &[]);
    assert_eq!(served(&allocate(&mut ledger, 1))[0].0, first);
}

#[test]
fn a_deputy_stands_in_until_the_day_and_for_good_clears_them() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let id = add_entry(&mut ledger, join(1, Some(adviser("a"))));
    let until = days_on(10);
    let standing_in = with_deputy("a", "b", until);
    happen(&mut ledger, reassign(&[(id, standing_in)], Some(until)), noon()).unwrap();
    let now = entry(&ledger, id).adviser.clone().unwrap();
    assert_eq!(now.digest, "a");
    assert_eq!(now.deputy_on(days_on(9)).map(|deputy| deputy.digest.as_str()), Some("b"));
    // No event ends it: its time is over.
    assert_eq!(now.deputy_on(until), None);
    assert_eq!(rows(&ledger).due.iter().filter(|(_, stands)| *stands).count(), 0);
    let back = happen(&mut ledger, reassign(&[(id, adviser("a"))], None), noon()).unwrap();
    assert_eq!(back.len(), 1);
    assert_eq!(entry(&ledger, id).adviser, Some(adviser("a")));
}

#[test]
fn a_deputy_is_for_a_year_at_most_and_not_for_today() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let id = add_entry(&mut ledger, join(1, Some(adviser("a"))));
    let mut ask = |until: Date| {
        let command = reassign(&[(id, with_deputy("a", "b", until))], Some(until));
        happen(&mut ledger, command, noon())
    };
    for until in [days_on(-1), TODAY, days_on(367)] {
        let refused = Refusal::DateOutOfRange {
            field: "until_date",
            value: until.to_string(),
            expected: "from tomorrow to a year ahead",
        };
        assert_eq!(ask(until), Err(refused));
    }
    for until in [days_on(1), days_on(366)] {
        assert_eq!(ask(until).unwrap().len(), 1);
    }
}

#[test]
fn who_is_in_the_same_hands_already_is_left_as_they_are() {
    let mut ledger = vta_with_quotas(&[(TRONDHEIM, 1)]);
    let first = add_entry(&mut ledger, join(1, Some(adviser("a"))));
    let second = add_entry(&mut ledger, join(2, Some(adviser("b"))));
    // Sealed anew, the same ident reads differently.
    let again = Adviser { ident: Sealed("sealed anew".to_owned()), ..adviser("b") };
    let command = reassign(&[(first, again.clone()), (second, again.clone())], None);
    let events = happen(&mut ledger, command, noon()).unwrap();
    let changed: Vec<EntryId> = events
        .iter()
        .filter_map(|event| {
            if let Event::EntryChanged { entry, .. } = event { Some(entry.entry_id) } else { None }
        })
        .collect();
    assert_eq!(changed, [first]);
    let command = reassign(&[(first, again)], None);
    assert_eq!(happen(&mut ledger, command, noon()).unwrap(), [Event::NothingToDo]);
    assert_eq!(happen(&mut ledger, reassign(&[], None), noon()).unwrap(), [Event::NothingToDo]);
}

/// In every state an entry can be open in, and in none beside: all entries or none.
#[test]
fn an_entry_that_has_ended_refuses_the_others() {
    let refused = |state| Refusal::WrongState { what: "the entry", state, transition: "REASSIGN" };
    for step in [Step::Proposed, Step::Offered, Step::Accepted] {
        let mut one = one_place(step);
        let before = one.figures();
        let state = entry(&one.ledger, one.entry_id).state;
        one.happen(reassign(&[(one.entry_id, adviser("a"))], None), noon()).unwrap();
        let after = entry(&one.ledger, one.entry_id);
        assert_eq!((after.state, after.adviser.clone()), (state, Some(adviser("a"))));
        assert_eq!(one.figures(), before);
    }
    let (mut one, placement_id) = OnePlace::started(Step::Accepted);
    let (id, figures) = (one.entry_id, one.figures());
    let waits = add_entry(&mut one.ledger, commands::join(2, TRONDHEIM));
    one.happen(reassign(&[(id, adviser("a"))], None), noon()).unwrap();
    assert_eq!(entry(&one.ledger, id).state, EntryState::Placed(placement_id));
    assert_eq!(one.figures(), figures);
    one.happen(commands::end(placement_id, TODAY), noon()).unwrap();
    let both = reassign(&[(waits, adviser("b")), (id, adviser("b"))], None);
    assert_eq!(one.happen(both, noon()), Err(refused("CLOSED")));
    assert_eq!(entry(&one.ledger, waits).adviser, None);
    let missing = Refusal::NotFound { what: "entry", id: nobody().to_string() };
    let command = reassign(&[(waits, adviser("b")), (nobody(), adviser("b"))], None);
    assert_eq!(one.happen(command, noon()), Err(missing));
}
