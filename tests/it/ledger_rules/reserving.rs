//! Whoever is passed over too often since their share does not fit reserves what becomes free,
//! and gets it after a bounded number of freed fractions.

use proptest::prelude::*;
use tiltaksplass::domain::{
    allocation::{RunEnd, RunReport},
    event::{EntryChange, Payload},
    measure::MeasureRules,
    waitlist::EntryState,
};

use super::{
    invariants::accounts_add_up,
    ruled::{Ruled, start_directly},
    sequences::runner,
    *,
};

pub(super) fn reserving_after(passes: u32) -> MeasureRules {
    MeasureRules { reserve_after_passes: Some(passes), ..MeasureRules::default() }
}

/// Some groups of one place each, all of it used by halves; and one who wants a whole place
/// and waits ahead of all halves to come.
#[derive(Clone)]
pub(super) struct Stream {
    pub(super) ruled: Ruled,
    pub(super) groups: Vec<PlaceGroupId>,
    pub(super) whole: EntryId,
    people: u32,
}

impl Stream {
    pub(super) fn new(rules: &MeasureRules, groups: u32) -> Self {
        let mut ruled = Ruled::new(rules, 1);
        for _ in 1..groups {
            add_group(&mut ruled.ledger, 1, &[]);
        }
        let quota = commands::quota(TRONDHEIM, from(groups, TODAY));
        ruled.now(&commands::quotas(vec![quota]));
        let groups = ruled.ledger.place_groups().map(|group| group.place_group_id).collect();
        let whole = EntryId(Uuid::nil());
        let mut stream = Self { ruled, groups, whole, people: 0 };
        for _ in 0..2 * stream.groups.len() {
            stream.half();
        }
        stream.begin_all();
        stream.whole = stream.join(100, &[]);
        stream
    }

    pub(super) fn join(&mut self, percent: u32, groups: &[PlaceGroupId]) -> EntryId {
        self.people += 1;
        let join = commands::join_part(self.people, TRONDHEIM, percent);
        let join = JoinWaitlist { preferred_place_groups: groups.to_vec(), ..join };
        let events = self.ruled.now(&Command::JoinWaitlist(join));
        let [Event::Joined { entry }] = &events[..] else { panic!("{events:?}") };
        entry.entry_id
    }

    pub(super) fn half(&mut self) -> EntryId {
        self.join(50, &[])
    }

    /// A run over all; everybody it served begins today.
    pub(super) fn begin_all(&mut self) -> Vec<Event> {
        let events = self.run();
        self.begin();
        events
    }

    /// Everybody who has a proposal begins today.
    pub(super) fn begin(&mut self) {
        let is_proposed = |offer: &&Offer| matches!(offer.state, OfferState::Proposed { .. });
        let proposals = self.ruled.ledger.offers().filter(is_proposed);
        for offer_id in proposals.map(|offer| offer.offer_id).collect::<Vec<_>>() {
            self.ruled.now(&commands::confirm(&[offer_id]));
            self.ruled.now(&commands::respond(offer_id, true));
            self.ruled.now(&commands::start(offer_id, TODAY));
        }
    }

    /// The first that a run served says no, and the place is passed on.
    pub(super) fn decline(&mut self, events: &[Event]) -> Vec<Event> {
        let Some((offer_id, _)) = proposed(events).first().copied() else { return Vec::new() };
        self.ruled.now(&commands::confirm(&[offer_id]));
        self.ruled.now(&commands::respond(offer_id, false))
    }

    pub(super) fn run(&mut self) -> Vec<Event> {
        self.ruled.now(&commands::allocate(9, &[]))
    }

    /// The placement of a half in one of the groups ends, if there is one.
    pub(super) fn free_in(&mut self, group: PlaceGroupId) -> bool {
        let there = self.ruled.ledger.placements_in(group).next();
        let id = there.map(|placement| placement.placement_id);
        if let Some(id) = id {
            self.ruled.now(&commands::end(id, TODAY));
        }
        id.is_some()
    }

    /// A half is freed somewhere, another half joins, and a run is made.
    pub(super) fn round(&mut self, group: usize) -> Vec<Event> {
        self.free_in(self.groups[group % self.groups.len()]);
        self.half();
        self.begin_all()
    }

    pub(super) fn passes(&self) -> (u32, bool) {
        let entry = self.ruled.entry(self.whole);
        (entry.passes, entry.reserving_since.is_some())
    }

    pub(super) fn free(&self, key: &AccountKey) -> i64 {
        self.ruled.ledger.account(key).free()
    }
}

pub(super) fn proposed(events: &[Event]) -> Vec<(OfferId, EntryId)> {
    offers_of(events).map(|offer| (offer.offer_id, offer.entry_id)).collect()
}

pub(super) fn report(events: &[Event]) -> &RunReport {
    let made = events
        .iter()
        .find_map(|event| if let Event::RunMade { report } = event { Some(report) } else { None });
    made.unwrap()
}

/// What the row says of passes: whose, and whether they reserve from now on.
pub(super) fn counted(events: &[Event]) -> Vec<(EntryId, bool)> {
    let of = |event: &Event| {
        let Event::EntryChanged { entry, change } = event else { return None };
        let reserves = *change == EntryChange::ReservesFractions;
        (reserves || *change == EntryChange::PassedOver).then_some((entry.entry_id, reserves))
    };
    events.iter().filter_map(of).collect()
}

// ---- It is served in the end ----

#[test]
fn a_whole_place_waits_behind_halves_for_ever_without_the_rule_and_not_with_it() {
    let mut endless = Stream::new(&MeasureRules::default(), 1);
    for _ in 0..40 {
        let events = endless.round(0);
        assert_eq!((proposed(&events).len(), counted(&events)), (1, Vec::new()));
    }
    assert_eq!(endless.ruled.state(endless.whole), EntryState::Waiting);
    for passes in [1, 3, 7] {
        let mut stream = Stream::new(&reserving_after(passes), 1);
        for round in 1..=passes + 1 {
            let events = stream.round(0);
            let reserves = round > passes;
            assert_eq!(counted(&events), [(stream.whole, reserves)]);
            assert_eq!(stream.passes(), (round, reserves));
            assert_ne!(proposed(&events)[0].1, stream.whole);
        }
        // The next half is kept, and with the one after it the place is whole.
        let events = stream.round(0);
        assert_eq!(
            (proposed(&events), report(&events).end),
            (Vec::new(), RunEnd::ReservedForAnother)
        );
        assert_eq!((counted(&events), stream.passes()), (Vec::new(), (passes + 1, true)));
        let events = stream.round(0);
        assert_eq!(proposed(&events)[0].1, stream.whole);
        // Whoever has a place reserves nothing.
        assert_eq!(stream.passes(), (0, false));
    }
}

/// Halves are freed in several groups, in any order, and others wait for each; runs are made
/// over all groups or over one, and places that are declined are passed on. What is kept is kept
/// in the first group that has anything free: two halves freed there are enough.
#[test]
fn a_whole_place_is_served_after_a_bounded_number_of_freed_fractions() {
    let rounds = prop::collection::vec((0..9_usize, 0..3_u8), 40);
    let outcome = runner(60).run(&(1..4_u32, 1..4_u32, rounds), |(passes, groups, rounds)| {
        let mut stream = Stream::new(&reserving_after(passes), groups);
        let mut freed_in_first = 0;
        for (group, how) in rounds {
            let group = group % stream.groups.len();
            let reserved = stream.passes().1;
            stream.half();
            let freed = stream.free_in(stream.groups[group]);
            freed_in_first += u32::from(freed && reserved && group == 0);
            let only = stream.groups[group];
            let mut given = if how == 0 {
                stream.ruled.now(&commands::allocate(1, &[only]))
            } else {
                stream.run()
            };
            if how == 1 && !is_served(&given, stream.whole) {
                given = stream.decline(&given);
            }
            for (_, account) in stream.ruled.ledger.accounts() {
                prop_assert!(account.used() <= account.limit, "{account:?}");
            }
            accounts_add_up(&stream.ruled.ledger)?;
            if is_served(&given, stream.whole) {
                return Ok(());
            }
            prop_assert!(freed_in_first < 2, "{:?}", stream.passes());
            stream.begin();
        }
        prop_assert!(stream.passes().1, "40 rounds passed it over: {:?}", stream.passes());
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn is_served(events: &[Event], entry_id: EntryId) -> bool {
    proposed(events).iter().any(|(_, served)| *served == entry_id)
}

// ---- What counts as a pass ----

#[test]
fn only_a_run_that_served_somebody_behind_counts_and_a_row_counts_once() {
    let mut stream = Stream::new(&reserving_after(3), 1);
    stream.free_in(stream.groups[0]);
    // Nobody behind is there to be served.
    assert_eq!(counted(&stream.run()), []);
    let half = stream.half();
    // Passing a place on counts as well: the one who gets it stands behind.
    let offer = offers_of(&stream.run()).next().unwrap().clone();
    assert_eq!((offer.entry_id, stream.passes()), (half, (1, false)));
    stream.half();
    stream.ruled.now(&commands::confirm(&[offer.offer_id]));
    let events = stream.ruled.now(&commands::respond(offer.offer_id, false));
    assert_eq!(counted(&events), [(stream.whole, false)]);
    assert_eq!((proposed(&events).len(), stream.passes()), (1, (2, false)));
    // So does a join that is served at once.
    stream.free_in(stream.groups[0]);
    let join = JoinWaitlist { propose_if_free: true, ..commands::join_part(90, TRONDHEIM, 50) };
    let events = stream.ruled.now(&Command::JoinWaitlist(join));
    let newest = proposed(&events)[0].1;
    assert!(newest != half && newest != stream.whole);
    assert_eq!((counted(&events), stream.passes()), (vec![(stream.whole, false)], (3, false)));
}

#[test]
fn a_direct_start_counts_and_may_not_take_what_is_kept() {
    let rules = MeasureRules { direct_start: true, ..reserving_after(1) };
    let mut stream = Stream::new(&rules, 1);
    let group = stream.groups[0];
    for reserves in [false, true] {
        stream.free_in(group);
        let half = stream.half();
        let events = stream.ruled.now(&start_directly(half, group));
        assert_eq!(counted(&events), [(stream.whole, reserves)]);
    }
    stream.free_in(group);
    let half = stream.half();
    let refused = stream.ruled.happen(&start_directly(half, group), noon());
    assert_eq!(refused, Err(Refusal::NotFirst));
}

/// What the rule keeps in the log is read back as it was written; a row without it has the
/// bytes it always had.
#[test]
fn passes_are_kept_in_the_log() {
    let mut stream = Stream::new(&reserving_after(1), 1);
    for (passes, change) in [(1, "PASSED_OVER"), (2, "RESERVES_FRACTIONS")] {
        let events = stream.round(0);
        let command = commands::allocate(9, &[]);
        let payload = Payload { command, id_seed: String::new(), events };
        let json = serde_json::to_string(&payload).unwrap();
        assert!(json.contains(&format!("\"passes\":{passes}")), "{json}");
        assert!(json.contains(&format!("\"change\":\"{change}\"")), "{json}");
        assert_eq!(json.contains("reserving_since"), passes == 2);
        assert_eq!(serde_json::from_str::<Payload>(&json).unwrap(), payload);
    }
    let events = Stream::new(&MeasureRules::default(), 1).round(0);
    let json = serde_json::to_string(&events).unwrap();
    assert!(!json.contains("passes") && !json.contains("reserving"), "{json}");
}
