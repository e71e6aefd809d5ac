//! Which runs rested on a mistake, looked at row by row.

use tiltaksplass::domain::{
    event::Header,
    explanation::{AFFECTED_MAX, Affected, Row, Search},
    ids::RequestId,
};

use super::*;

/// A ledger whose rows are looked at as they are made.
struct Watched {
    ledger: Ledger,
    rows: Vec<(Ledger, Command, Vec<Event>, Timestamp)>,
}

impl Watched {
    fn new(quotas: &[(&str, u32)], places: u32) -> Self {
        let mut ledger = vta_with_quotas(quotas);
        add_group(&mut ledger, places, &[]);
        Self { ledger, rows: Vec::new() }
    }

    fn happen(&mut self, command: Command) -> Vec<Event> {
        let before = self.ledger.clone();
        let events = happen(&mut self.ledger, command.clone(), noon()).unwrap();
        self.rows.push((before, command, events.clone(), self.ledger.head().at));
        events
    }

    fn join(&mut self, number: u32, municipality: &str) -> EntryId {
        let events = self.happen(Command::JoinWaitlist(commands::join(number, municipality)));
        let [Event::Joined { entry }] = &events[..] else { panic!("{events:?}") };
        entry.entry_id
    }

    /// A run for one, confirmed: the entry and the offer.
    fn offered(&mut self) -> (EntryId, OfferId) {
        let events = self.happen(commands::allocate(1, &[]));
        let offer = offers_of(&events).next().unwrap().clone();
        self.happen(commands::confirm(&[offer.offer_id]));
        (offer.entry_id, offer.offer_id)
    }

    fn search(&self, correction: &Correction, entry_id: EntryId) -> Affected {
        let mut search = Search::new(correction.clone(), entry_id);
        for (before, command, events, at) in &self.rows {
            let header = Header {
                ledger: before.id().clone(),
                seq: before.head().seq + 1,
                request_id: RequestId(Uuid::nil()),
                kind: command.kind().to_owned(),
                at: *at,
                rules_version: RULES_VERSION,
                registry_version: 1,
                actor: actor("county"),
                on_behalf_of: BTreeSet::new(),
            };
            let row = Row { header: &header, command, events, registry: &REGISTRY };
            if !search.is_over() {
                search.look(before, &row).unwrap();
            }
        }
        search.finish(self.ledger.head().seq, true)
    }
}

fn of_one(affected: &Affected) -> (u64, Vec<EntryId>, Vec<EntryId>) {
    let [run] = &affected.runs[..] else { panic!("{affected:?}") };
    assert!(!affected.is_truncated);
    (run.seq, run.served.clone(), run.would_have_served.clone())
}

/// The place went on in the row of the no itself; what came after is as it was.
#[test]
fn a_no_that_was_a_yes_names_the_run_that_gave_the_place_on() {
    let mut watched = Watched::new(&[(TRONDHEIM, 2)], 1);
    let first = watched.join(1, TRONDHEIM);
    let second = watched.join(2, TRONDHEIM);
    let (served, offer_id) = watched.offered();
    assert_eq!(served, first);
    watched.happen(commands::respond(offer_id, false));
    let declined = watched.ledger.head().seq;
    add_group(&mut watched.ledger, 1, &[]);
    watched.join(3, TRONDHEIM);
    watched.happen(commands::allocate(1, &[]));
    let affected = watched.search(&Correction::Answer { offer_id, accept: true }, first);
    assert_eq!(of_one(&affected), (declined, vec![second], vec![first]));
    assert_eq!(affected.until_seq, watched.ledger.head().seq);
}

#[test]
fn who_left_by_mistake_would_have_been_served() {
    let mut watched = Watched::new(&[(TRONDHEIM, 1)], 1);
    let first = watched.join(1, TRONDHEIM);
    let second = watched.join(2, TRONDHEIM);
    watched.happen(commands::leave(first));
    watched.offered();
    let run = watched.ledger.head().seq - 1;
    let affected = watched.search(&Correction::ReinstateEntry { entry_id: first }, first);
    assert_eq!(of_one(&affected), (run, vec![second], vec![first]));
}

#[test]
fn who_was_registered_by_mistake_would_have_left_the_place_to_another() {
    let mut watched = Watched::new(&[(TRONDHEIM, 1)], 1);
    let first = watched.join(1, TRONDHEIM);
    let second = watched.join(2, TRONDHEIM);
    watched.offered();
    let run = watched.ledger.head().seq - 1;
    let affected = watched.search(&Correction::RegisteredByMistake { entry_id: first }, first);
    assert_eq!(of_one(&affected), (run, vec![first], vec![second]));
    // The last in the queue took nothing from anybody.
    let affected = watched.search(&Correction::RegisteredByMistake { entry_id: second }, second);
    assert!(affected.runs.is_empty() && !affected.is_truncated);
}

#[test]
fn another_time_or_municipality_is_another_turn() {
    let mut watched = Watched::new(&[(TRONDHEIM, 1), (HEMNE, 1)], 1);
    let first = watched.join(1, TRONDHEIM);
    let second = watched.join(2, ORKDAL);
    watched.offered();
    let run = watched.ledger.head().seq - 1;
    let time = hour(days_on(-9), 12);
    let earlier = |entry_id| Correction::RegisteredTime { entry_id, time };
    // Orkdal has no quota, whenever one is registered.
    assert!(watched.search(&earlier(second), second).runs.is_empty());
    let lives = |entry_id, number| Correction::Municipality {
        entry_id,
        municipality_number: municipality(number),
    };
    let affected = watched.search(&lives(first, ORKDAL), first);
    assert_eq!(of_one(&affected), (run, vec![first], vec![]));
    assert!(watched.search(&lives(second, HEMNE), second).runs.is_empty());
    let mut watched = Watched::new(&[(TRONDHEIM, 1)], 1);
    let first = watched.join(1, TRONDHEIM);
    let second = watched.join(2, TRONDHEIM);
    watched.offered();
    let run = watched.ledger.head().seq - 1;
    let affected = watched.search(&earlier(second), second);
    assert_eq!(of_one(&affected), (run, vec![first], vec![second]));
}

/// Without the end, or the yes, the run would have had another place less, or more.
#[test]
fn places_that_were_free_or_held_by_mistake() {
    let mut watched = Watched::new(&[(TRONDHEIM, 1)], 1);
    let first = watched.join(1, TRONDHEIM);
    let (_, offer_id) = watched.offered();
    watched.happen(commands::respond(offer_id, true));
    let second = watched.join(2, TRONDHEIM);
    watched.happen(commands::allocate(1, &[]));
    let run = watched.ledger.head().seq;
    let no = Correction::Answer { offer_id, accept: false };
    assert_eq!(of_one(&watched.search(&no, first)), (run, vec![], vec![second]));
    watched.happen(commands::start(offer_id, TODAY));
    let placement_id = watched.ledger.placements().next().unwrap().placement_id;
    watched.happen(commands::end(placement_id, TODAY));
    watched.happen(commands::allocate(1, &[]));
    let run = watched.ledger.head().seq;
    for correction in [
        Correction::ReinstatePlacement { placement_id },
        Correction::EndDate { placement_id, date: days_on(20) },
    ] {
        let affected = watched.search(&correction, first);
        assert_eq!(of_one(&affected), (run, vec![second], vec![]));
    }
    // The right person's turn is the wrong one's: no run would have come out otherwise.
    let Command::Correct(c) = is_another(first) else { panic!() };
    let search = Search::new(c.correction, first);
    assert!(search.is_over());
}

/// A list has an end, and says so.
#[test]
fn no_more_than_so_many_are_told_of() {
    let mut watched = Watched::new(&[(TRONDHEIM, 1)], 1);
    let first = watched.join(1, TRONDHEIM);
    watched.join(2, TRONDHEIM);
    for run in 0..=i64::try_from(AFFECTED_MAX).unwrap() {
        let events = watched.happen(commands::allocate(1, &[]));
        let offer_id = offers_of(&events).next().unwrap().offer_id;
        let lapse = Command::LapseProposal { offer_id };
        let at = hour(days_on(30 * (run + 1)), 12);
        happen(&mut watched.ledger, lapse, at).unwrap();
    }
    let affected = watched.search(&Correction::RegisteredByMistake { entry_id: first }, first);
    assert_eq!((affected.runs.len(), affected.is_truncated), (AFFECTED_MAX, true));
}
