//! That somebody has looked at a placement: when it may be said, and what it leaves alone.

use tiltaksplass::domain::{command::ReviewMade, placement::Review, waitlist::Sealed};

use super::*;

fn review(id: PlacementId, day: i64, next: Option<i64>) -> Command {
    let (note, next_date) = (Some(Sealed("c2VhbGVk".into())), next.map(days_on));
    change(id, PlacementAsk::Review(ReviewMade { date: days_on(day), note, next_date }))
}

#[test]
fn a_review_is_kept_and_changes_nothing_else() {
    for state in ["RUNNING", "ON_LEAVE", "ENDING"] {
        let mut placed = Placed::at(state);
        let (before, accounts) = (placed.placement().clone(), placed.in_use());
        let events = placed.happen(review(placed.id, 0, Some(30))).unwrap();
        let [Event::PlacementChanged { placement, change }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(*change, PlacementChange::Reviewed);
        let made = placement.review.clone().unwrap();
        let expected = Review {
            date: TODAY,
            reviewed_by: made.reviewed_by.clone(),
            note: Some(Sealed("c2VhbGVk".into())),
            next_date: Some(days_on(30)),
        };
        assert_eq!((made.reviewed_by.contains("county"), made), (true, expected));
        assert_eq!(Placement { review: None, ..placement.clone() }, before, "{state}");
        assert_eq!((placed.in_use(), placed.state()), (accounts, state));
    }
    let mut ended = Placed::at("ENDED");
    let refused = ended.refused(review(ended.id, 0, None));
    assert_eq!(refused, wrong_state("the placement", "ENDED", "REVIEW"));
}

/// The placement began today; a later day tells what is a year back.
#[test]
fn a_review_lies_between_the_latest_one_and_today() {
    let mut placed = Placed::new(100);
    let id = placed.id;
    for (day, next, field) in [
        (-1, None, "review.review_date"),
        (1, None, "review.review_date"),
        (0, Some(0), "review.next_review_date"),
        (0, Some(3_661), "review.next_review_date"),
    ] {
        assert_eq!(out_of_range(&placed.refused(review(id, day, next))), field, "{day} {next:?}");
    }
    placed.does(review(id, 0, Some(3_660)));
    placed.does(review(id, 0, None));
    let at = |day| hour(days_on(day), 12);
    let ledger = &mut placed.ledger;
    let refused = happen(ledger, review(id, 33, None), at(400)).unwrap_err();
    assert_eq!(out_of_range(&refused), "review.review_date");
    happen(ledger, review(id, 34, None), at(400)).unwrap();
    happen(ledger, review(id, 50, None), at(400)).unwrap();
    let refused = happen(ledger, review(id, 49, None), at(400)).unwrap_err();
    assert_eq!(out_of_range(&refused), "review.review_date");
    assert_eq!(placed.placement().review.as_ref().unwrap().date, days_on(50));
}

/// Old placements are read, and written as they were.
#[test]
fn a_placement_without_reviews_is_written_as_before_there_were_any() {
    let mut placed = Placed::new(100);
    let old = serde_json::to_string(placed.placement()).unwrap();
    assert!(!old.contains("review"), "{old}");
    assert_eq!(serde_json::from_str::<Placement>(&old).unwrap(), *placed.placement());
    placed.does(review(placed.id, 0, None));
    let new = serde_json::to_string(placed.placement()).unwrap();
    assert_eq!(serde_json::from_str::<Placement>(&new).unwrap(), *placed.placement());
}
