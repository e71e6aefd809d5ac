//! Larger shares of who is away, and of whom it was ended by mistake.

use tiltaksplass::domain::command::{Correct, Correction};

use super::{increases::Grown, *};

/// Nobody is offered more of a place they are away from, whatever pause was there before.
#[test]
fn a_larger_share_rests_as_long_as_the_leave() {
    for pause in [None, Some(days_on(2)), Some(days_on(20))] {
        let mut grown = Grown::new();
        grown.does(commands::pause(grown.increase, pause));
        grown.does(go_on_leave(grown.placed.id, TODAY, days_on(10)));
        let longest = pause.map(|until| until.max(days_on(10)));
        assert_eq!(grown.entry().state, EntryState::Paused { until: longest });
        let id = grown.increase;
        for (command, transition) in
            [(commands::resume(id), "RESUME"), (commands::pause(id, Some(days_on(9))), "PAUSE")]
        {
            let (what, state) = ("the placement", "ON_LEAVE");
            let refused = Refusal::WrongState { what, state, transition };
            assert_eq!(grown.happen(command), Err(refused), "{pause:?}");
        }
        grown.does(commands::pause(id, Some(days_on(10))));
    }
}

/// What ended with a placement that was ended by mistake goes on in the turn it had.
#[test]
fn a_wait_that_was_ended_by_mistake_goes_on() {
    let mut grown = Grown::new();
    let key = grown.entry().key;
    let (id, increase) = (grown.placed.id, grown.increase);
    grown.does(commands::end(id, TODAY));
    assert_eq!(grown.entry().state, EntryState::Closed);
    let correct = |correction| {
        let (text, case_reference, elsewhere) = (None, None, Vec::new());
        Command::Correct(Correct { correction, text, case_reference, may_claim: true, elsewhere })
    };
    let again = || correct(Correction::ReinstateEntry { entry_id: increase });
    let ended =
        Refusal::WrongState { what: "the placement", state: "ENDED", transition: "REINSTATE" };
    assert_eq!(grown.happen(again()), Err(ended));
    grown.does(correct(Correction::ReinstatePlacement { placement_id: id }));
    grown.does(again());
    assert_eq!((grown.entry().state, grown.entry().key), (EntryState::Waiting, key));
    assert_eq!(grown.placement(), (50, Some(increase)));
}
