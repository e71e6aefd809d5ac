//! The database's tables as maps: they take rows in and give parts of a ledger back the way the
//! store does, and refuse what its constraints refuse.

use tiltaksplass::domain::{
    account::Account,
    capacity::{PlaceGroup, Submission},
    command::Needs,
    ledger::{Due, Frame, Rows},
    waitlist::{EntryState, OrderKey, QueueKey},
};

use super::*;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tables {
    id: LedgerId,
    distribution: Distribution,
    pub(super) head: Head,
    frame: Frame,
    place_groups: BTreeMap<PlaceGroupId, PlaceGroup>,
    accounts: BTreeMap<AccountKey, Account>,
    submissions: BTreeMap<SubmissionId, Submission>,
    entries: BTreeMap<EntryId, Entry>,
    offers: BTreeMap<OfferId, Offer>,
    placements: BTreeMap<PlacementId, Placement>,
    references: BTreeMap<ExternalReference, Uuid>,
    queues: BTreeMap<QueueKey, OrderKey>,
    waiting: BTreeMap<(QueueKey, OrderKey), EntryId>,
    schedule: BTreeSet<Due>,
}

impl Tables {
    pub(super) fn new(id: LedgerId, distribution: Distribution) -> Self {
        Self {
            id,
            distribution,
            head: Head::EMPTY,
            frame: Frame::default(),
            place_groups: BTreeMap::new(),
            accounts: BTreeMap::new(),
            submissions: BTreeMap::new(),
            entries: BTreeMap::new(),
            offers: BTreeMap::new(),
            placements: BTreeMap::new(),
            references: BTreeMap::new(),
            queues: BTreeMap::new(),
            waiting: BTreeMap::new(),
            schedule: BTreeSet::new(),
        }
    }

    // ---- Reading ----

    /// The frame, and queues of which nothing has been read.
    pub(super) fn open(&self) -> Ledger {
        let mut ledger = Ledger::new(self.id.clone(), self.distribution, self.head);
        ledger.load_frame(self.frame.clone());
        self.place_groups.values().for_each(|group| ledger.load_place_group(group.clone()));
        self.accounts.iter().for_each(|(key, account)| ledger.load_account(key.clone(), *account));
        self.queues.iter().for_each(|(key, mark)| ledger.load_queue(key.clone(), *mark));
        ledger
    }

    pub(super) fn load(&self, ledger: &mut Ledger, needs: &Needs, page: usize) {
        let mut entries: Vec<EntryId> = needs.entries.iter().copied().collect();
        let mut holders = needs.entries.clone();
        for offer in needs.offers.iter().filter_map(|id| self.offers.get(id)) {
            entries.push(offer.entry_id);
            ledger.load_offer(offer.clone());
        }
        for placement in needs.placements.iter().filter_map(|id| self.placements.get(id)) {
            entries.push(placement.entry_id);
            entries.extend(placement.increase);
            holders.extend(placement.increase);
            ledger.load_placement(placement.clone());
        }
        let held_by = |offer: &&Offer| holders.contains(&offer.entry_id);
        for offer in self.offers.values().filter(held_by).filter(|o| o.state.reserves()) {
            ledger.load_offer(offer.clone());
        }
        for entry in entries.iter().filter_map(|id| self.entries.get(id)) {
            ledger.load_entry(entry.clone());
            if let Some(placement) = entry.increase_of.and_then(|id| self.placements.get(&id)) {
                ledger.load_placement(placement.clone());
            }
        }
        for submission in needs.submissions.iter().filter_map(|id| self.submissions.get(id)) {
            ledger.load_submission(submission.clone());
        }
        for reference in &needs.references {
            if let Some(resource) = self.references.get(reference) {
                ledger.load_reference(reference.clone(), *resource);
            }
        }
        if needs.heads {
            for (queue, watermark) in &self.queues {
                let heads = self.heads(queue, *watermark, page);
                let whole = heads.len() < page;
                ledger.load_heads(queue, heads, whole);
            }
        }
    }

    /// Reads on in one queue.
    pub(super) fn read_on(&self, ledger: &mut Ledger, queue: &QueueKey, page: usize) {
        let from = ledger.read_to(queue).expect("all of the queue has been read");
        let heads = self.heads(queue, from, page);
        let whole = heads.len() < page;
        ledger.load_heads(queue, heads, whole);
    }

    fn heads(&self, queue: &QueueKey, from: OrderKey, page: usize) -> Vec<Entry> {
        self.waiting
            .range((queue.clone(), from)..)
            .take_while(|((of, _), _)| of == queue)
            .take(page)
            .map(|(_, id)| self.entries[id].clone())
            .collect()
    }

    pub(super) fn entry(&self, id: EntryId) -> &Entry {
        &self.entries[&id]
    }

    pub(super) fn watermarks(&self) -> Vec<OrderKey> {
        self.queues.values().copied().collect()
    }

    pub(super) fn due(&self, now: Timestamp) -> Vec<Due> {
        self.schedule.iter().take_while(|due| due.at <= now).copied().collect()
    }

    // ---- Writing ----

    /// `entered` are the keys that entries have had in this batch, also those that were written
    /// anew before its end.
    pub(super) fn write(&mut self, ledger: &Ledger, rows: Rows, entered: &[OrderKey]) {
        self.check_watermarks(ledger, &rows, entered);
        self.head = ledger.head();
        self.frame = ledger.frame().clone();
        assert!(rows.frame.is_none_or(|frame| frame == self.frame));
        self.place_groups.extend(rows.place_groups.into_iter().map(|g| (g.place_group_id, g)));
        self.accounts.extend(rows.accounts);
        self.submissions.extend(rows.submissions.into_iter().map(|s| (s.submission_id, s)));
        for entry in rows.entries {
            self.write_entry(ledger, entry);
        }
        self.queues.extend(rows.queues);
        self.offers.extend(rows.offers.into_iter().map(|offer| (offer.offer_id, offer)));
        self.placements.extend(rows.placements.into_iter().map(|p| (p.placement_id, p)));
        for reference in rows.gone_references {
            self.references.remove(&reference);
        }
        for (reference, resource) in rows.references {
            let before = self.references.insert(reference, resource);
            assert_eq!(before, None, "external_reference_names_one_resource");
        }
        for (due, stands) in rows.due {
            if stands {
                self.schedule.insert(due);
            } else {
                self.schedule.remove(&due);
            }
        }
        self.check_constraints();
    }

    fn write_entry(&mut self, ledger: &Ledger, entry: Entry) {
        let key = (ledger.queue_of(&entry), entry.key);
        // Where it stood before may be elsewhere.
        if let Some(before) = self.entries.get(&entry.entry_id) {
            self.waiting.remove(&(ledger.queue_of(before), before.key));
        }
        if entry.state == EntryState::Waiting {
            self.waiting.insert(key, entry.entry_id);
        }
        self.entries.insert(entry.entry_id, entry);
    }

    /// A watermark falls to let someone in, and for nothing else: the dead rows before it would be
    /// read again and again.
    fn check_watermarks(&self, ledger: &Ledger, rows: &Rows, entered: &[OrderKey]) {
        for (queue, mark) in &rows.queues {
            let Some(before) = self.queues.get(queue) else { continue };
            let moved = rows.entries.iter().filter(|entry| ledger.queue_of(entry) == *queue);
            // One that waited again may have got another key since.
            let both = |entry: &Entry| {
                let before = self.entries.get(&entry.entry_id).map(|before| before.key);
                [Some(entry.key), before].into_iter().flatten()
            };
            let keys = moved.flat_map(both).chain(entered.iter().copied());
            let least = keys.chain([*before]).min();
            assert!(Some(*mark) >= least, "{queue:?}'s watermark fell from {before:?} to {mark:?}");
        }
    }

    fn check_constraints(&self) {
        assert!(self.accounts.values().all(Account::is_sound), "account_*");
        let mut people = BTreeSet::new();
        let open = || self.entries.values().filter(|entry| entry.state.is_open());
        let claims = open().filter(|entry| entry.increase_of.is_none());
        let once = claims.map(|e| e.person_id).all(|id| people.insert(id));
        assert!(once, "entry_person_has_one_open");
        let mut increased = BTreeSet::new();
        let once = open().filter_map(|e| e.increase_of).all(|id| increased.insert(id));
        assert!(once, "entry_placement_has_one_increase");
        let mut entries = BTreeSet::new();
        let reserving = self.offers.values().filter(|offer| offer.state.reserves());
        let once = reserving.map(|o| o.entry_id).all(|id| entries.insert(id));
        assert!(once, "offer_entry_has_one_open");
        assert!(self.offers.values().all(|o| self.entries.contains_key(&o.entry_id)));
        for (queue, order) in self.waiting.keys() {
            assert!(self.queues[queue] <= *order, "{queue:?}'s watermark hides someone");
        }
    }

    /// What the tables must hold for a ledger that was folded whole from its log. Watermarks are
    /// apart: one of a part of a queue may be lower, and only has to be low enough.
    pub(super) fn are_those_of(&self, whole: &Ledger, rows: Rows) {
        let mut expected = Self::new(self.id.clone(), self.distribution);
        expected.write(whole, rows, &[]);
        expected.queues.clone_from(&self.queues);
        assert_eq!(*self, expected);
    }
}
