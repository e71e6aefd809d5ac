//! `apply`: lets an event happen. It cannot refuse: whoever made the event has
//! checked it, and what is not there to change is left alone and found by `verify`.

use time::Date;

use crate::domain::{
    account::{Account, AccountKey},
    allocation::{LetGo, Offer, OfferState, Placement, PlacementState},
    calendar::Timestamp,
    capacity::{Budget, PlaceGroup, Quota, Submission, SubmissionState},
    event::{Event, OfferChange},
    ids::{EntryId, ExternalReference, OfferId, PlacementId, SubmissionId},
    ledger::{
        Due, Ledger, apply_plan,
        decide_capacity::put_quota,
        decide_loan::put_loan,
        due::{entry_due, offer_due, placement_due},
        walk::Queue,
    },
    lending::Loan,
    waitlist::{Closed, Entry, EntryState},
};

/// Lets `event` happen to `ledger`. The registry's rows are its own state, kept in `Registry`.
pub fn apply(ledger: &mut Ledger, event: &Event) {
    match event {
        Event::RegistryImported { .. }
        | Event::RunMade { .. }
        | Event::AccessSet { .. }
        | Event::StaffLinkSet { .. }
        | Event::NothingToDo => {}
        Event::CapacitySubmitted { submission } => ledger.submit(submission),
        Event::CapacityApproved { submission_id, place_group, days, .. } => {
            ledger.review(*submission_id, SubmissionState::Approved);
            ledger.put_place_group(place_group);
            ledger.schedule(days.iter().copied().map(Due::day));
        }
        Event::CapacityRejected { submission_id, .. } => {
            ledger.review(*submission_id, SubmissionState::Rejected);
            ledger.free_references_of(*submission_id);
        }
        Event::PlaceBudgetSet { places, days, source, rests_on } => {
            let (places, source, rests_on) = (places.clone(), source.clone(), *rests_on);
            ledger.set_budget(Budget { places, source, rests_on }, days);
        }
        Event::QuotasSet { quotas, days } => ledger.set_quotas(quotas, days),
        Event::LimitsSet { date, limits } => ledger.set_limits(*date, limits),
        Event::Joined { entry } => ledger.put_entry(entry.clone()),
        Event::Proposed { offer } => ledger.propose(offer),
        Event::ProposalConfirmed { .. }
        | Event::ProposalLapsed { .. }
        | Event::OfferAccepted { .. }
        | Event::OfferDeclined { .. }
        | Event::OfferExpired { .. }
        | Event::OfferWithdrawn { .. } => apply_to_offer(ledger, event),
        Event::Left { entry_id, closed_time, .. } => ledger.close(*entry_id, *closed_time),
        Event::PlacementStarted { placement } => ledger.start(placement),
        Event::PlacementEndSet { placement_id, end } => {
            ledger.unschedule_end(*placement_id);
            ledger.schedule([Due::finish(*placement_id, end.end_date)]);
            ledger.change_placement(*placement_id, PlacementState::Ending(end.clone()));
        }
        Event::PlacementEnded { placement_id, closed_time } => {
            ledger.finish(*placement_id, *closed_time);
        }
        Event::EntryChanged { entry, .. } => ledger.put_entry(entry.clone()),
        Event::OfferChanged { offer, change: OfferChange::Imported } => {
            ledger.put_offer(offer.clone(), Account::hold);
        }
        Event::OfferChanged { offer, .. } => ledger.put_offer(offer.clone(), Account::reserve),
        Event::PlacementChanged { placement, .. } => ledger.put_placement(placement.clone()),
        Event::ClosureReported { place_group, days }
        | Event::ClosureChanged { place_group, days, .. } => {
            ledger.put_place_group(place_group);
            ledger.schedule(days.iter().copied().map(Due::day));
        }
        Event::EnforcementSet { enforcement, .. } => {
            ledger.frame.enforcement = enforcement.clone();
            ledger.touched.frame = true;
        }
        Event::LoanSet { loan, days } => ledger.set_loan(loan, days),
        Event::PlanSet { .. }
        | Event::PlanCommented { .. }
        | Event::PlanBegun { .. }
        | Event::PlanAimed { .. }
        | Event::Redirected { .. }
        | Event::PlanCompleted { .. }
        | Event::QuotaMoved { .. }
        | Event::PlanLapsed { .. }
        | Event::PlanWithdrawn { .. } => apply_plan::apply(ledger, event),
    }
}

fn apply_to_offer(ledger: &mut Ledger, event: &Event) {
    match event {
        Event::ProposalConfirmed { offer_id, confirmed_by, answer_by, object_by } => {
            ledger.unschedule_offer(*offer_id);
            if let Some(offer) = ledger.offers.get_mut(offer_id) {
                offer.object_by = *object_by;
            }
            ledger.schedule([Due::expiry(*offer_id, *answer_by)]);
            let confirmed_by = confirmed_by.clone();
            let state = OfferState::Offered { answer_by: *answer_by, confirmed_by };
            ledger.change_offer(*offer_id, state, EntryState::Offered(*offer_id));
        }
        Event::OfferAccepted { offer_id, accepted_time } => {
            ledger.unschedule_offer(*offer_id);
            let state = OfferState::Accepted { accepted_time: *accepted_time };
            ledger.change_offer(*offer_id, state, EntryState::Accepted(*offer_id));
        }
        Event::ProposalLapsed { offer_id } => {
            ledger.give_back(*offer_id, OfferState::Lapsed, PersonSaid::Nothing);
        }
        Event::OfferDeclined { offer_id, reason, let_go } => {
            let state = OfferState::Declined { reason: reason.clone() };
            ledger.give_back(*offer_id, state, PersonSaid::No(*let_go));
        }
        Event::OfferExpired { offer_id, let_go } => {
            ledger.give_back(*offer_id, OfferState::Expired, PersonSaid::No(*let_go));
        }
        Event::OfferWithdrawn { offer_id } => ledger.withdraw(*offer_id),
        Event::RegistryImported { .. }
        | Event::CapacitySubmitted { .. }
        | Event::CapacityApproved { .. }
        | Event::CapacityRejected { .. }
        | Event::PlaceBudgetSet { .. }
        | Event::QuotasSet { .. }
        | Event::LimitsSet { .. }
        | Event::Joined { .. }
        | Event::Left { .. }
        | Event::RunMade { .. }
        | Event::Proposed { .. }
        | Event::PlacementStarted { .. }
        | Event::PlacementEndSet { .. }
        | Event::PlacementEnded { .. }
        | Event::EntryChanged { .. }
        | Event::OfferChanged { .. }
        | Event::PlacementChanged { .. }
        | Event::ClosureReported { .. }
        | Event::EnforcementSet { .. }
        | Event::ClosureChanged { .. }
        | Event::LoanSet { .. }
        | Event::AccessSet { .. }
        | Event::PlanSet { .. }
        | Event::PlanCommented { .. }
        | Event::PlanBegun { .. }
        | Event::PlanAimed { .. }
        | Event::Redirected { .. }
        | Event::PlanCompleted { .. }
        | Event::StaffLinkSet { .. }
        | Event::QuotaMoved { .. }
        | Event::PlanLapsed { .. }
        | Event::PlanWithdrawn { .. }
        | Event::NothingToDo => {}
    }
}

/// Whether the person had the offer and let it go.
#[derive(Clone, Copy)]
enum PersonSaid {
    No(Option<LetGo>),
    Nothing,
}

impl Ledger {
    fn set_budget(&mut self, budget: Budget, days: &[Date]) {
        self.frame.budgets.push(budget);
        self.touched.frame = true;
        self.schedule(days.iter().copied().map(Due::day));
    }

    fn set_quotas(&mut self, quotas: &[Quota], days: &[Date]) {
        for quota in quotas {
            let of = self.frame.quotas.entry(quota.municipality_number.clone());
            put_quota(of.or_default(), quota.clone());
        }
        self.touched.frame = true;
        self.schedule(days.iter().copied().map(Due::day));
    }

    fn set_limits(&mut self, date: Date, limits: &[(AccountKey, i64)]) {
        self.unschedule(Due::day(date));
        for (key, limit) in limits {
            self.change_account(key, |account| account.set_limit(*limit));
        }
    }

    fn set_loan(&mut self, loan: &Loan, days: &[Date]) {
        put_loan(&mut self.frame.loans, loan.clone());
        self.touched.frame = true;
        self.schedule(days.iter().copied().map(Due::day));
    }

    fn submit(&mut self, submission: &Submission) {
        self.touched.submissions.insert(submission.submission_id);
        self.submissions.insert(submission.submission_id, submission.clone());
        self.put_references(&submission.external_references, submission.place_group_id.0);
    }

    fn review(&mut self, id: SubmissionId, state: SubmissionState) {
        if let Some(submission) = self.submissions.get_mut(&id) {
            submission.state = state;
            self.touched.submissions.insert(id);
        }
    }

    fn put_place_group(&mut self, group: &PlaceGroup) {
        self.touched.place_groups.insert(group.place_group_id);
        self.place_groups.insert(group.place_group_id, group.clone());
    }

    /// A group that never came to be leaves its names in other systems free.
    fn free_references_of(&mut self, id: SubmissionId) {
        let Some(submission) = self.submissions.get(&id) else { return };
        if self.place_groups.contains_key(&submission.place_group_id) {
            return;
        }
        for reference in submission.external_references.clone() {
            self.references.remove(&reference);
            self.touched.gone_references.insert(reference);
        }
    }

    fn put_references(&mut self, references: &[ExternalReference], resource: uuid::Uuid) {
        for reference in references {
            // A change of a group may name its reference again: that row is there already.
            if self.references.get(reference) != Some(&resource) {
                self.touched.references.insert(reference.clone());
                self.references.insert(reference.clone(), resource);
            }
        }
    }

    fn propose(&mut self, offer: &Offer) {
        let percent = i64::from(offer.participation_percent);
        self.change_both(offer, |account| account.reserve(percent));
        if let OfferState::Proposed { confirm_by } = offer.state {
            self.schedule([Due::lapse(offer.offer_id, confirm_by)]);
        }
        self.touched.offers.insert(offer.offer_id);
        self.offers.insert(offer.offer_id, offer.clone());
        self.change_entry(offer.entry_id, EntryState::Proposed(offer.offer_id));
    }

    /// A reservation is given back on both accounts (I8); the person keeps the turn.
    fn give_back(&mut self, offer_id: OfferId, state: OfferState, said: PersonSaid) {
        let Some(offer) = self.offers.get(&offer_id).cloned() else { return };
        self.unschedule_offer(offer_id);
        let percent = i64::from(offer.participation_percent);
        self.change_both(&offer, |account| account.give_back(percent));
        if let PersonSaid::No(let_go) = said {
            if let Some(entry) = self.entries.get_mut(&offer.entry_id) {
                entry.declined_here.insert(offer.place_group_id);
            }
            if let Some(offer) = self.offers.get_mut(&offer_id) {
                offer.let_go = let_go;
            }
        }
        self.change_offer(offer_id, state, EntryState::Waiting);
    }

    /// The place goes back on both accounts (I8); the entry it was held for has ended.
    fn withdraw(&mut self, offer_id: OfferId) {
        let Some(offer) = self.offers.get(&offer_id).cloned() else { return };
        self.unschedule_offer(offer_id);
        let percent = i64::from(offer.participation_percent);
        self.change_both(&offer, |account| account.give_back(percent));
        let was_offered = !matches!(offer.state, OfferState::Proposed { .. });
        let state = OfferState::Withdrawn { was_offered };
        self.touched.offers.insert(offer_id);
        self.offers.insert(offer_id, Offer { state, ..offer });
    }

    fn start(&mut self, placement: &Placement) {
        let offer_id = placement.offer_id;
        let Some(offer) = offer_id.and_then(|id| self.offers.get(&id)).cloned() else { return };
        let percent = i64::from(placement.participation_percent);
        self.change_both(&offer, |account| account.begin(percent));
        self.touched.placements.insert(placement.placement_id);
        self.placements.insert(placement.placement_id, placement.clone());
        let placement_id = placement.placement_id;
        self.change_offer(
            offer.offer_id,
            OfferState::Started { placement_id },
            EntryState::Placed(placement_id),
        );
    }

    fn finish(&mut self, placement_id: PlacementId, closed_time: Option<Timestamp>) {
        let Some(placement) = self.placements.get(&placement_id).cloned() else { return };
        let Some(end) = placement.state.end().cloned() else { return };
        self.unschedule_end(placement_id);
        let percent = i64::from(placement.participation_percent);
        let group = AccountKey::PlaceGroup(placement.place_group_id);
        self.change_account(&group, |account| account.end(percent));
        self.change_account(&placement.account, |account| account.end(percent));
        self.change_placement(placement_id, PlacementState::Ended(end));
        self.close(placement.entry_id, closed_time);
    }

    /// An entry has ended, at a time that was not kept by the first rules.
    fn close(&mut self, id: EntryId, closed_time: Option<Timestamp>) {
        let Some(entry) = self.entries.get(&id) else { return };
        let closed = closed_time.map(Closed::at);
        self.put_entry(Entry { state: EntryState::Closed, closed, ..entry.clone() });
    }

    /// An entry as it is from now on: in the queue it belongs to, or in none, and scheduled for
    /// what it waits for.
    fn put_entry(&mut self, mut entry: Entry) {
        let id = entry.entry_id;
        if !entry.state.waits() {
            entry.stop_reserving();
        }
        // What the mistake cost has been made good.
        if let EntryState::Placed(_) = entry.state {
            entry.priority_by_correction = None;
        }
        let before = self.entries.get(&id).cloned();
        if let Some(before) = &before {
            if let Some(due) = entry_due(before) {
                self.unschedule(due);
            }
            let key = self.queue_of(before);
            self.queues.entry(key.clone()).or_insert_with(Queue::empty).leave(&before.key);
            self.touched.queues.insert(key);
        }
        // A name it had before is there already, loaded or not.
        let had = before.map(|before| before.external_references).unwrap_or_default();
        let new = entry.external_references.iter().filter(|name| !had.contains(name));
        self.put_references(&new.cloned().collect::<Vec<_>>(), id.0);
        self.schedule(entry_due(&entry));
        let key = self.queue_of(&entry);
        let queue = self.queues.entry(key.clone()).or_insert_with(Queue::empty);
        if entry.state == EntryState::Waiting {
            queue.enter(entry.key, id);
        }
        self.touched.queues.insert(key);
        self.touched.entries.insert(id);
        self.link_increase(&entry);
        self.entries.insert(id, entry);
    }

    /// A placement names the entry by which a larger share of it is waited for, as long as that
    /// is open.
    fn link_increase(&mut self, entry: &Entry) {
        let placement = entry.increase_of.and_then(|id| self.placements.get_mut(&id));
        let Some(placement) = placement else { return };
        let before = placement.increase;
        if entry.state.is_open() {
            placement.increase = Some(entry.entry_id);
        } else if before == Some(entry.entry_id) {
            placement.increase = None;
        }
        if placement.increase != before {
            self.touched.placements.insert(placement.placement_id);
        }
    }

    /// An offer as it is from now on: what it reserved is given back and what it reserves is
    /// reserved, on both accounts (I8). A new one is held by its entry.
    fn put_offer(&mut self, offer: Offer, reserve: fn(&mut Account, i64)) {
        let id = offer.offer_id;
        let before = self.offers.get(&id).cloned();
        let was_held = before.as_ref().map(held).unwrap_or_default();
        let is_held = held(&offer);
        self.unschedule_offer(id);
        // What stays held moves no account: given back and reserved anew, it would be new to an
        // account that is over, where nothing new fits.
        for (key, percent) in was_held.iter().filter(|one| !is_held.contains(one)) {
            self.change_account(key, |account| account.give_back(*percent));
        }
        for (key, percent) in is_held.iter().filter(|one| !was_held.contains(one)) {
            self.change_account(key, |account| reserve(account, *percent));
        }
        self.schedule(offer_due(&offer));
        if before.is_none() {
            match offer.state {
                OfferState::Proposed { .. } => {
                    self.change_entry(offer.entry_id, EntryState::Proposed(id));
                }
                OfferState::Offered { .. } => {
                    self.change_entry(offer.entry_id, EntryState::Offered(id));
                }
                OfferState::Accepted { .. } => {
                    self.change_entry(offer.entry_id, EntryState::Accepted(id));
                }
                OfferState::Declined { .. }
                | OfferState::Expired
                | OfferState::Lapsed
                | OfferState::Started { .. }
                | OfferState::Withdrawn { .. }
                | OfferState::Objected => {}
            }
        }
        self.touched.offers.insert(id);
        self.offers.insert(id, offer);
    }

    /// A placement as it is from now on: what it used is given back and what it uses is taken,
    /// on both accounts. A new one is held by its entry.
    fn put_placement(&mut self, placement: Placement) {
        let id = placement.placement_id;
        let before = self.placements.get(&id).cloned();
        if let Some(before) = &before {
            self.unschedule_end(id);
            self.change_used(before, Account::end);
        }
        self.change_used(&placement, Account::take);
        self.schedule(placement_due(&placement));
        if before.is_none() && placement.state.uses() {
            self.change_entry(placement.entry_id, EntryState::Placed(id));
        }
        self.touched.placements.insert(id);
        self.placements.insert(id, placement);
    }

    fn change_used(&mut self, placement: &Placement, change: impl Fn(&mut Account, i64)) {
        if !placement.state.uses() {
            return;
        }
        let percent = i64::from(placement.participation_percent);
        for key in [AccountKey::PlaceGroup(placement.place_group_id), placement.account.clone()] {
            self.change_account(&key, |account| change(account, percent));
        }
    }

    fn change_both(&mut self, offer: &Offer, change: impl Fn(&mut Account)) {
        self.change_account(&AccountKey::PlaceGroup(offer.place_group_id), &change);
        self.change_account(&offer.account, &change);
    }

    fn change_account(&mut self, key: &AccountKey, change: impl Fn(&mut Account)) {
        change(self.accounts.entry(key.clone()).or_default());
        self.touched.accounts.insert(key.clone());
    }

    fn change_offer(&mut self, id: OfferId, state: OfferState, entry_state: EntryState) {
        let Some(offer) = self.offers.get_mut(&id) else { return };
        offer.state = state;
        let entry_id = offer.entry_id;
        self.touched.offers.insert(id);
        self.change_entry(entry_id, entry_state);
    }

    fn change_placement(&mut self, id: PlacementId, state: PlacementState) {
        if let Some(placement) = self.placements.get_mut(&id) {
            placement.state = state;
            self.touched.placements.insert(id);
        }
    }

    fn change_entry(&mut self, id: EntryId, state: EntryState) {
        let Some(entry) = self.entries.get(&id) else { return };
        self.put_entry(Entry { state, ..entry.clone() });
    }

    pub(super) fn schedule(&mut self, due: impl IntoIterator<Item = Due>) {
        self.touched.due.extend(due.into_iter().map(|due| (due, true)));
    }

    pub(super) fn unschedule(&mut self, due: Due) {
        self.touched.due.insert(due, false);
    }

    fn unschedule_offer(&mut self, id: OfferId) {
        let due = self.offers.get(&id).and_then(offer_due);
        if let Some(due) = due {
            self.unschedule(due);
        }
    }

    fn unschedule_end(&mut self, id: PlacementId) {
        let due = self.placements.get(&id).and_then(placement_due);
        if let Some(due) = due {
            self.unschedule(due);
        }
    }
}

/// What an offer holds, on which accounts.
fn held(offer: &Offer) -> Vec<(AccountKey, i64)> {
    if !offer.state.reserves() {
        return Vec::new();
    }
    let percent = i64::from(offer.participation_percent);
    let group = AccountKey::PlaceGroup(offer.place_group_id);
    vec![(group, percent), (offer.account.clone(), percent)]
}
