//! A ledger folded once more, by other code than the service's own: accounts, offers,
//! placements and who stood in the queue when somebody was served.

use std::collections::{BTreeMap, BTreeSet};

use tiltaksplass::{
    domain::{
        account::AccountKey,
        allocation::{Offer, Placement, RunReport},
        event::Event,
        ids::{EntryId, OfferId, PersonId, PlacementId},
        waitlist::{Entry, OrderKey},
    },
    store::rows::account_key_text,
};

use crate::chaos::{
    history::{Finding, LedgerState},
    steer::Steered,
};

/// What a ledger holds, as its events tell.
#[derive(Default)]
struct Model {
    /// Limit, reserved and in use.
    accounts: BTreeMap<AccountKey, [i64; 3]>,
    entries: BTreeMap<EntryId, (PersonId, OrderKey, &'static str)>,
    eligible: BTreeSet<(OrderKey, EntryId)>,
    offers: BTreeMap<OfferId, (Offer, &'static str)>,
    placements: BTreeMap<PlacementId, (Placement, &'static str)>,
    plan: Option<Steered>,
    wrong: Vec<Finding>,
}

/// Folds a ledger's log and compares it with what is stored.
pub fn fold(name: &str, ledger: &LedgerState, findings: &mut Vec<Finding>) {
    let mut model = Model::default();
    for row in &ledger.log {
        let before = model.wrong.len();
        for (index, event) in row.events.iter().enumerate() {
            if let Event::RunMade { report } = event {
                model.judge_run(report, &row.events[index + 1..]);
            }
            model.apply(event);
        }
        model.nobody_is_put_out(&row.events);
        for finding in &mut model.wrong[before..] {
            finding.what = format!("{name} {}: {}", row.seq, finding.what);
        }
    }
    findings.append(&mut model.wrong);
    model.compare(name, ledger, findings);
}

impl Model {
    fn find(&mut self, invariant: &'static str, what: impl Into<String>) {
        self.wrong.push(Finding::new(invariant, what));
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::LimitsSet { limits, .. } => {
                for (key, limit) in limits {
                    self.accounts.entry(key.clone()).or_default()[0] = *limit;
                }
            }
            Event::Joined { entry } => self.join(entry),
            Event::Proposed { offer } => self.propose(offer),
            Event::ProposalConfirmed { offer_id, .. } => {
                self.change_offer(*offer_id, &["PROPOSED"], "OFFERED", "OFFERED");
            }
            Event::OfferAccepted { offer_id, .. } => {
                self.change_offer(*offer_id, &["OFFERED"], "ACCEPTED", "ACCEPTED");
            }
            Event::ProposalLapsed { offer_id } => self.give_back(*offer_id, "PROPOSED", "LAPSED"),
            Event::OfferDeclined { offer_id, .. } => {
                self.give_back(*offer_id, "OFFERED", "DECLINED");
            }
            Event::OfferExpired { offer_id, .. } => self.give_back(*offer_id, "OFFERED", "EXPIRED"),
            Event::PlacementStarted { placement } => self.start(placement),
            Event::PlacementEndSet { placement_id, .. } => {
                self.change_placement(*placement_id, "ENDING");
            }
            Event::PlacementEnded { placement_id, .. } => self.end(*placement_id),
            Event::Left { entry_id, .. } => self.leave(*entry_id),
            Event::OfferWithdrawn { offer_id } => self.withdraw(*offer_id),
            Event::PlanBegun { plan } => self.plan = Some(Steered::by(plan)),
            Event::Redirected { redirected } => match self.plan.as_mut() {
                None => self.find("redirection", "a place moved without a plan"),
                Some(plan) => {
                    if let Some(wrong) = plan.follow(redirected) {
                        self.find("redirection", wrong);
                    }
                }
            },
            Event::PlanCompleted { .. } => {
                if self.plan.take().is_none_or(|plan| plan.remaining() > 0) {
                    self.find("redirection", "a plan is over before all have moved");
                }
            }
            Event::RegistryImported { .. }
            | Event::AccessSet { .. }
            | Event::StaffLinkSet { .. }
            | Event::CapacitySubmitted { .. }
            | Event::CapacityApproved { .. }
            | Event::CapacityRejected { .. }
            | Event::PlaceBudgetSet { .. }
            | Event::QuotasSet { .. }
            | Event::RunMade { .. }
            | Event::EntryChanged { .. }
            | Event::OfferChanged { .. }
            | Event::PlacementChanged { .. }
            | Event::ClosureReported { .. }
            | Event::EnforcementSet { .. }
            | Event::ClosureChanged { .. }
            | Event::LoanSet { .. }
            | Event::PlanSet { .. }
            | Event::PlanCommented { .. }
            | Event::PlanAimed { .. }
            | Event::QuotaMoved { .. }
            | Event::PlanLapsed { .. }
            | Event::PlanWithdrawn { .. }
            | Event::NothingToDo => {}
        }
    }

    /// I9: where a place has left, those who are there have room.
    fn nobody_is_put_out(&mut self, events: &[Event]) {
        for event in events {
            let Event::Redirected { redirected } = event else { continue };
            let Some(from) = redirected.from_municipality.clone() else { continue };
            let key = AccountKey::Quota(from);
            let [limit, reserved, in_use] = self.accounts.get(&key).copied().unwrap_or_default();
            if reserved + in_use > limit {
                self.find("I9", format!("{key:?} has {reserved} and {in_use} of {limit}"));
            }
        }
    }

    fn join(&mut self, entry: &Entry) {
        let mut others = self.entries.values();
        if others.any(|(person, _, state)| *person == entry.person_id && *state != "CLOSED") {
            self.find("I3", format!("{} joins while waiting", entry.person_id));
        }
        self.entries.insert(entry.entry_id, (entry.person_id, entry.key, "WAITING"));
        self.eligible.insert((entry.key, entry.entry_id));
    }

    /// I6: those served stand in the order of the key, and whoever stood before the
    /// last of them was served or is counted as passed over, with a reason.
    fn judge_run(&mut self, report: &RunReport, after: &[Event]) {
        let mut served = Vec::new();
        for event in after {
            if let Event::Proposed { offer } = event {
                let key = self.entries.get(&offer.entry_id).map(|(_, key, _)| *key);
                served.push((key.unwrap_or(OrderKey::MIN), offer.entry_id));
            }
        }
        if !served.is_sorted() {
            self.find("I6", "a run did not serve in the order of the queue");
        }
        let ahead: Vec<EntryId> = match served.iter().max() {
            None => Vec::new(),
            Some(last) => self.eligible.range(..*last).map(|(_, entry_id)| *entry_id).collect(),
        };
        let served: BTreeSet<EntryId> = served.into_iter().map(|(_, entry_id)| entry_id).collect();
        let passed: Vec<EntryId> = ahead.into_iter().filter(|id| !served.contains(id)).collect();
        let counted: u64 = report.passed_over_counts.values().sum();
        let named: Vec<EntryId> = report.passed_over.iter().map(|(id, _)| *id).collect();
        if counted != passed.len() as u64 || !passed.starts_with(&named) {
            let what = format!("{} were passed over, {counted} are counted", passed.len());
            self.find("I6", what);
        }
    }

    /// I1, I2: a place is only given where both accounts have room.
    fn propose(&mut self, offer: &Offer) {
        let percent = i64::from(offer.participation_percent);
        for key in [AccountKey::PlaceGroup(offer.place_group_id), offer.account.clone()] {
            let account = self.accounts.entry(key.clone()).or_default();
            account[1] += percent;
            if account[1] + account[2] > account[0] {
                let invariant = if key == offer.account { "I2" } else { "I1" };
                self.find(invariant, format!("{key:?} was given beyond its limit"));
            }
        }
        let known = self.entries.get(&offer.entry_id).copied();
        let was_eligible =
            known.is_some_and(|(_, key, _)| self.eligible.remove(&(key, offer.entry_id)));
        if !was_eligible {
            self.find("I6", format!("{} was served and not eligible", offer.entry_id));
        }
        self.set_entry(offer.entry_id, "PROPOSED");
        self.offers.insert(offer.offer_id, (offer.clone(), "PROPOSED"));
    }

    fn set_entry(&mut self, entry_id: EntryId, state: &'static str) {
        if let Some(entry) = self.entries.get_mut(&entry_id) {
            entry.2 = state;
        }
    }

    /// I8: an offer goes on from where it stands, and nowhere else.
    fn change_offer(
        &mut self,
        id: OfferId,
        from: &[&str],
        to: &'static str,
        entry_state: &'static str,
    ) -> Option<Offer> {
        let Some((offer, state)) = self.offers.get_mut(&id) else {
            self.find("I8", format!("offer {id} was never proposed"));
            return None;
        };
        let (was, offer) = (*state, offer.clone());
        *state = to;
        if !from.contains(&was) {
            self.find("I8", format!("offer {id} went from {was} to {to}"));
        }
        self.set_entry(offer.entry_id, entry_state);
        Some(offer)
    }

    fn move_both(&mut self, offer: &Offer, reserved: i64, in_use: i64) {
        for key in [AccountKey::PlaceGroup(offer.place_group_id), offer.account.clone()] {
            let account = self.accounts.entry(key).or_default();
            account[1] += reserved;
            account[2] += in_use;
        }
    }

    fn give_back(&mut self, id: OfferId, from: &str, to: &'static str) {
        let Some(offer) = self.change_offer(id, &[from], to, "WAITING") else { return };
        self.move_both(&offer, -i64::from(offer.participation_percent), 0);
        if let Some((_, key, _)) = self.entries.get(&offer.entry_id) {
            self.eligible.insert((*key, offer.entry_id));
        }
    }

    /// I3: who has a place leaves by its end, and nobody leaves twice.
    fn leave(&mut self, id: EntryId) {
        let Some((_, key, state)) = self.entries.get(&id).copied() else {
            return self.find("I4", format!("{id} left and never joined"));
        };
        if ["PLACED", "CLOSED"].contains(&state) {
            self.find("I3", format!("{id} left while {state}"));
        }
        self.eligible.remove(&(key, id));
        self.set_entry(id, "CLOSED");
    }

    /// I8: the place of who left goes back.
    fn withdraw(&mut self, id: OfferId) {
        let from = &["PROPOSED", "OFFERED", "ACCEPTED"];
        let Some(offer) = self.change_offer(id, from, "WITHDRAWN", "CLOSED") else { return };
        self.move_both(&offer, -i64::from(offer.participation_percent), 0);
    }

    fn start(&mut self, placement: &Placement) {
        let to = ("STARTED", "PLACED");
        let Some(offer_id) = placement.offer_id else { return };
        let changed = self.change_offer(offer_id, &["ACCEPTED"], to.0, to.1);
        let Some(offer) = changed else { return };
        let percent = i64::from(placement.participation_percent);
        self.move_both(&offer, -percent, percent);
        self.placements.insert(placement.placement_id, (placement.clone(), "RUNNING"));
    }

    fn change_placement(&mut self, id: PlacementId, to: &'static str) -> Option<Placement> {
        let Some((placement, state)) = self.placements.get_mut(&id) else {
            self.find("I8", format!("placement {id} never began"));
            return None;
        };
        let (was, placement) = (*state, placement.clone());
        *state = to;
        if was == "ENDED" {
            self.find("I8", format!("placement {id} had ended and is {to}"));
        }
        Some(placement)
    }

    fn end(&mut self, id: PlacementId) {
        let Some(placement) = self.change_placement(id, "ENDED") else { return };
        let offer = placement.offer_id.and_then(|id| self.offers.get(&id));
        let offer = offer.map(|(offer, _)| offer.clone());
        if let Some(offer) = offer {
            self.move_both(&offer, 0, -i64::from(placement.participation_percent));
        }
        self.set_entry(placement.entry_id, "CLOSED");
    }

    /// The tables must hold just this.
    fn compare(&self, name: &str, ledger: &LedgerState, findings: &mut Vec<Finding>) {
        let accounts: BTreeMap<String, (i64, i64, i64)> = self
            .accounts
            .iter()
            .map(|(key, [limit, reserved, in_use])| {
                (account_key_text(key), (*limit, *reserved, *in_use))
            })
            .collect();
        if accounts != ledger.accounts {
            let what = format!("{name}: accounts {:?}, not {accounts:?}", ledger.accounts);
            findings.push(Finding::new("I8", what));
        }
        let entries: BTreeMap<String, (String, String)> = self
            .entries
            .iter()
            .map(|(id, (person, _, state))| {
                (id.to_string(), (person.to_string(), (*state).to_owned()))
            })
            .collect();
        if entries != ledger.entries {
            let what = format!("{name}: the entries are not those of the log");
            findings.push(Finding::new("I4", what));
        }
        let offers = self.offers.iter().map(|(id, (_, s))| (id.to_string(), (*s).to_owned()));
        if offers.collect::<BTreeMap<_, _>>() != ledger.offers {
            findings.push(Finding::new("I8", format!("{name}: offers are not those of the log")));
        }
        let placements =
            self.placements.iter().map(|(id, (_, s))| (id.to_string(), (*s).to_owned()));
        if placements.collect::<BTreeMap<_, _>>() != ledger.placements {
            let what = format!("{name}: placements are not those of the log");
            findings.push(Finding::new("I8", what));
        }
    }
}
