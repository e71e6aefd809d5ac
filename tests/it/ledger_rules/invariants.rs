//! What must hold of a ledger after each command, computed anew from its entries, offers and
//! placements, and an allocation run done again the plain way.

#![allow(clippy::wildcard_enum_match_arm)] // Commands of later rules have tests of their own.

use proptest::{prelude::*, test_runner::TestCaseError};
use tiltaksplass::domain::{
    allocation::{PASSED_OVER_NAMED, PassedOverReason, PlacementState, RunReport},
    capacity::PlaceGroup,
    ledger::{Due, rows},
    waitlist::{EntryState, OrderKey, QueueKey},
};

use super::*;

type Checked = Result<(), TestCaseError>;

/// One command and the ledger before and after it.
pub(super) struct Step<'a> {
    pub(super) before: &'a Ledger,
    pub(super) command: &'a Command,
    pub(super) outcome: &'a Result<Vec<Event>, Refusal>,
    pub(super) after: &'a Ledger,
}

impl Step<'_> {
    pub(super) fn check(&self) -> Checked {
        if let Ok(events) = self.outcome {
            prop_assert!(!events.is_empty());
        } else {
            prop_assert_eq!(self.before, self.after, "a refusal changed something");
            return Ok(());
        }
        self.accounts_only_fill_up_to_their_limits()?;
        self.reserved_places_are_used_or_given_back()?;
        self.nobody_is_put_out()?;
        self.nothing_is_offered_without_a_person()?;
        self.nobody_moves_in_the_order()?;
        self.the_run_is_the_plain_one()?;
        accounts_add_up(self.after)?;
        states_agree(self.after)?;
        increases_agree(self.after)?;
        queues_hold_the_eligible(self.after)?;
        what_is_due_is_what_waits(self.after)
    }

    /// I1, I2.
    fn accounts_only_fill_up_to_their_limits(&self) -> Checked {
        for (key, after) in self.after.accounts() {
            let before = self.before.account(key);
            if after.used() > before.used() {
                prop_assert!(after.used() <= after.limit, "{key:?}: {before:?}, then {after:?}");
            }
            if after.used() > after.limit {
                prop_assert!(after.used() <= before.used(), "{key:?}: {before:?}, then {after:?}");
            }
        }
        Ok(())
    }

    /// I8: a reservation ends by an answer, a deadline or a start, and by nothing else.
    fn reserved_places_are_used_or_given_back(&self) -> Checked {
        // What is held of a larger share is given back with what the placement becomes.
        let increased = self.placement_of_command().and_then(|id| self.before.placement(id));
        let increase = increased.and_then(|placement| placement.increase);
        for before in self.before.offers() {
            let after = &self.after.offer(before.offer_id).unwrap().state;
            if before.state == *after {
                continue;
            }
            let id = before.offer_id;
            let by_its_command = match self.command {
                Command::ConfirmProposals(c) => c.offer_ids.contains(&id),
                Command::RespondToOffer(c) => c.offer_id == id,
                Command::StartPlacement(c) => c.offer_id == id,
                Command::LapseProposal { offer_id } | Command::ExpireOffer { offer_id } => {
                    *offer_id == id
                }
                Command::LeaveWaitlist(c) => c.entry_id == before.entry_id,
                Command::PauseEntry(c) => c.entry_id == before.entry_id,
                Command::TransferEntry(c) => c.entry_id == before.entry_id,
                Command::SuspendEntry(c) => c.entry_id == before.entry_id,
                Command::ResolveObjection(c) => c.offer_id == id,
                Command::ExtendOffer(c) => c.offer_id == id,
                Command::WithdrawOffer(c) => c.offer_id == id,
                _ => increase == Some(before.entry_id),
            };
            prop_assert!(by_its_command, "{:?} moved {before:?} to {after:?}", self.command);
            let step = (before.state.name(), after.name());
            let known = [
                ("PROPOSED", "OFFERED"),
                ("PROPOSED", "LAPSED"),
                ("OFFERED", "ACCEPTED"),
                ("OFFERED", "DECLINED"),
                ("OFFERED", "EXPIRED"),
                ("ACCEPTED", "STARTED"),
                ("PROPOSED", "WITHDRAWN"),
                ("OFFERED", "WITHDRAWN"),
                ("ACCEPTED", "WITHDRAWN"),
                ("OFFERED", "OBJECTED"),
                ("ACCEPTED", "OBJECTED"),
                // An offer whose deadline was set anew.
                ("OFFERED", "OFFERED"),
            ];
            prop_assert!(known.contains(&step), "{step:?}");
        }
        Ok(())
    }

    fn placement_of_command(&self) -> Option<PlacementId> {
        match self.command {
            Command::EndPlacement(c) => Some(c.placement_id),
            Command::FinishPlacement { placement_id } => Some(*placement_id),
            Command::ChangePlacement(c) => Some(c.placement_id),
            Command::MovePlacement(c) => Some(c.placement_id),
            Command::ReassignPlacement(c) => Some(c.placement_id),
            Command::EndLeave { placement_id } => Some(*placement_id),
            Command::StartPlacement(c) => {
                let offer = self.before.offer(c.offer_id)?;
                entry(self.before, offer.entry_id).increase_of
            }
            _ => None,
        }
    }

    /// I9: a placement ends by its own command alone. Whatever becomes of the larger share it
    /// waits for, nothing else of it changes.
    fn nobody_is_put_out(&self) -> Checked {
        for before in self.before.placements() {
            let after = placement(self.after, before.placement_id);
            if *before == (Placement { increase: before.increase, ..after.clone() }) {
                continue;
            }
            let id = self.placement_of_command();
            prop_assert_eq!(id, Some(before.placement_id), "{:?}", self.command);
            prop_assert!(!matches!(before.state, PlacementState::Ended(_)));
            if let PlacementState::Ended(end) = &after.state {
                prop_assert!(end.end_date <= self.after.head().at.date_in_norway());
            }
        }
        Ok(())
    }

    /// I12: runs propose; only a confirmation offers.
    fn nothing_is_offered_without_a_person(&self) -> Checked {
        for after in self.after.offers() {
            let before = self.before.offer(after.offer_id).map(|offer| offer.state.name());
            match before {
                // A named person decided on it.
                None if matches!(self.command, Command::PlacePerson(_)) => {
                    prop_assert!(after.state.name() == "OFFERED" && after.out_of_turn.is_some());
                }
                None => {
                    prop_assert_eq!(after.state.name(), "PROPOSED");
                    // A run, or what a place given back is passed on by.
                    let report = |event: &Event| matches!(event, Event::RunMade { .. });
                    prop_assert!(self.outcome.as_ref().unwrap().iter().any(report));
                }
                Some("PROPOSED") if after.state.name() != "PROPOSED" => {
                    let confirmed = matches!(self.command, Command::ConfirmProposals(_));
                    let lapsed = matches!(self.command, Command::LapseProposal { .. });
                    let left = after.state == OfferState::Withdrawn { was_offered: false };
                    let withdraws = matches!(
                        self.command,
                        Command::LeaveWaitlist(_)
                            | Command::PauseEntry(_)
                            | Command::WithdrawOffer(_)
                            | Command::ChangePlacement(_)
                            | Command::MovePlacement(_)
                            | Command::ReassignPlacement(_)
                            | Command::EndPlacement(_)
                            | Command::FinishPlacement { .. }
                    );
                    prop_assert!(
                        confirmed && after.state.name() == "OFFERED"
                            || lapsed && after.state.name() == "LAPSED"
                            || withdraws && left
                    );
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// I6: a key is written anew by another class or by hand, and by nothing else; how long
    /// somebody has waited never changes, and no two have the same key.
    fn nobody_moves_in_the_order(&self) -> Checked {
        for before in self.before.entries() {
            let after = entry(self.after, before.entry_id);
            if before.key == after.key {
                continue;
            }
            let id = before.entry_id;
            let by_its_command = if let Command::PrioritizeEntry(c) = self.command {
                c.entry_id == id
            } else if let Command::UpdateEntry(c) = self.command {
                c.entry_id == id && before.priority_class != after.priority_class
            } else {
                false
            };
            prop_assert!(by_its_command, "{:?} moved {before:?} to {after:?}", self.command);
            prop_assert_eq!(before.key.registered_time, after.key.registered_time);
            prop_assert_eq!(before.key.join_seq, after.key.join_seq);
        }
        let keys: BTreeSet<OrderKey> = self.after.entries().map(|entry| entry.key).collect();
        prop_assert_eq!(keys.len(), self.after.entries().count());
        Ok(())
    }

    /// I6.
    fn the_run_is_the_plain_one(&self) -> Checked {
        let (Command::AllocatePlaces(command), Ok(events)) = (self.command, self.outcome) else {
            return Ok(());
        };
        let Event::RunMade { report } = &events[0] else { panic!("{events:?}") };
        let (expected, passed_over) = plain_run(self.before, command, self.after.head().at);
        prop_assert_eq!(served(events), expected);
        prop_assert!(report.passed_over.len() <= PASSED_OVER_NAMED);
        let RunReport { passed_over: named, passed_over_counts: counts, .. } = report;
        prop_assert_eq!(&named[..], &passed_over[..passed_over.len().min(PASSED_OVER_NAMED)]);
        let mut counted: BTreeMap<PassedOverReason, u64> = BTreeMap::new();
        for (_, reason) in &passed_over {
            *counted.entry(*reason).or_default() += 1;
        }
        prop_assert_eq!(counts, &counted);
        Ok(())
    }
}

type Judged = (Vec<(EntryId, PlaceGroupId)>, Vec<(EntryId, PassedOverReason)>);

/// Everyone who waits, one by one in the one order, to the end.
fn plain_run(ledger: &Ledger, command: &AllocatePlaces, at: Timestamp) -> Judged {
    let mut waiting: Vec<&Entry> =
        ledger.entries().filter(|entry| entry.state == EntryState::Waiting).collect();
    waiting.sort_by_key(|entry| entry.key);
    let mut free: BTreeMap<AccountKey, i64> =
        ledger.accounts().map(|(key, a)| (key.clone(), (a.limit - a.used()).max(0))).collect();
    let (mut served, mut passed_over, mut judged) = (Vec::new(), Vec::new(), Vec::new());
    for entry in waiting {
        if served.len() == usize::try_from(command.max_proposals).unwrap() {
            break;
        }
        match plain_judgement(ledger, command, at, &free, entry) {
            Ok(group) => {
                let percent = i64::from(entry.participation_percent);
                for key in [AccountKey::PlaceGroup(group), ledger.queue_of(entry).account()] {
                    *free.get_mut(&key).unwrap() -= percent;
                }
                served.push((entry.entry_id, group));
                passed_over.append(&mut judged);
            }
            Err(reason) => judged.push((entry.entry_id, reason)),
        }
    }
    (served, passed_over)
}

fn plain_judgement(
    ledger: &Ledger,
    command: &AllocatePlaces,
    at: Timestamp,
    free: &BTreeMap<AccountKey, i64>,
    entry: &Entry,
) -> Result<PlaceGroupId, PassedOverReason> {
    let percent = i64::from(entry.participation_percent);
    let free_on = |key: &AccountKey| free.get(key).copied().unwrap_or(0);
    let second = free_on(&ledger.queue_of(entry).account());
    let room_in = |group: &PlaceGroup| free_on(&AccountKey::PlaceGroup(group.place_group_id));
    let mut groups: Vec<&PlaceGroup> = if entry.preferred_place_groups.is_empty() {
        ledger.place_groups().collect()
    } else {
        let preferred = entry.preferred_place_groups.iter();
        preferred.filter_map(|id| ledger.place_group(*id)).collect()
    };
    let only = &command.place_groups;
    groups.retain(|group| only.is_empty() || only.contains(&group.place_group_id));
    groups.retain(|group| !group.is_closed(at.date_in_norway()));
    let open: Vec<_> = groups.into_iter().filter(|group| room_in(group) > 0).collect();
    let wanted = |group: &&PlaceGroup| {
        let fields = &entry.work_fields;
        fields.is_empty() || fields.iter().any(|field| group.work_fields.contains(field))
    };
    let in_field: Vec<_> = open.iter().copied().filter(wanted).collect();
    let not_declined = |group: &&PlaceGroup| !entry.declined_here.contains(&group.place_group_id);
    let accepted: Vec<_> = in_field.iter().copied().filter(not_declined).collect();
    let not_objected = |group: &&PlaceGroup| !entry.is_objected_to(group.place_group_id, at);
    let welcome: Vec<_> = accepted.iter().copied().filter(not_objected).collect();
    let fitting = welcome.iter().find(|group| room_in(group) >= percent);
    match fitting {
        Some(group) if second >= percent => Ok(group.place_group_id),
        _ if second == 0 => Err(PassedOverReason::NoQuota),
        _ if second < percent => Err(PassedOverReason::ParticipationDoesNotFit),
        _ if open.is_empty() => Err(PassedOverReason::NoAcceptablePlace),
        _ if in_field.is_empty() => Err(PassedOverReason::WorkField),
        _ if accepted.is_empty() => Err(PassedOverReason::DeclinedHere),
        _ if welcome.is_empty() => Err(PassedOverReason::ObjectedHere),
        _ => Err(PassedOverReason::ParticipationDoesNotFit),
    }
}

/// What holds of a ledger whatever has happened to it.
pub(super) fn sound(ledger: &Ledger) -> Checked {
    accounts_add_up(ledger)?;
    states_agree(ledger)?;
    queues_hold_the_eligible(ledger)?;
    what_is_due_is_what_waits(ledger)?;
    let keys: BTreeSet<OrderKey> = ledger.entries().map(|entry| entry.key).collect();
    prop_assert_eq!(keys.len(), ledger.entries().count());
    Ok(())
}

/// I2, I8: what accounts hold is what open offers reserve and placements use.
pub(super) fn accounts_add_up(ledger: &Ledger) -> Checked {
    let mut sums: BTreeMap<AccountKey, (i64, i64)> = BTreeMap::new();
    for offer in ledger.offers().filter(|offer| offer.state.reserves()) {
        for key in [AccountKey::PlaceGroup(offer.place_group_id), offer.account.clone()] {
            sums.entry(key).or_default().0 += i64::from(offer.participation_percent);
        }
    }
    let ended = |p: &Placement| matches!(p.state, PlacementState::Ended(_));
    for placement in ledger.placements().filter(|placement| !ended(placement)) {
        for key in [AccountKey::PlaceGroup(placement.place_group_id), placement.account.clone()] {
            sums.entry(key).or_default().1 += i64::from(placement.participation_percent);
        }
    }
    for (key, account) in ledger.accounts() {
        prop_assert!(account.is_sound(), "{key:?}: {account:?}");
        let sum = sums.remove(key).unwrap_or_default();
        prop_assert_eq!((account.reserved, account.in_use), sum, "{:?}", key);
    }
    prop_assert_eq!(sums.len(), 0, "places are held on accounts that are not there");
    Ok(())
}

/// I3, I8: each entry, its offer and its placement tell the same story.
fn states_agree(ledger: &Ledger) -> Checked {
    let mut people = BTreeSet::new();
    let mut reserving: BTreeMap<EntryId, (OfferId, &str)> = BTreeMap::new();
    for offer in ledger.offers().filter(|offer| offer.state.reserves()) {
        let before = reserving.insert(offer.entry_id, (offer.offer_id, offer.state.name()));
        prop_assert_eq!(before, None, "two places for one entry");
    }
    for entry in ledger.entries() {
        let is_claim = entry.state.is_open() && entry.increase_of.is_none();
        prop_assert!(!is_claim || people.insert(entry.person_id), "{entry:?}");
        let held = reserving.get(&entry.entry_id).copied();
        let mut placements = ledger.placements().filter(|p| p.entry_id == entry.entry_id);
        let running = placements.find(|p| !matches!(p.state, PlacementState::Ended(_)));
        match entry.state {
            EntryState::Waiting | EntryState::Paused { .. } | EntryState::CoolingDown { .. } => {
                prop_assert!(held.is_none() && running.is_none());
            }
            EntryState::Proposed(id) | EntryState::Offered(id) | EntryState::Accepted(id) => {
                prop_assert_eq!(held, Some((id, entry.state.name())));
                prop_assert!(running.is_none());
            }
            EntryState::Placed(id) => {
                prop_assert_eq!(held, None);
                prop_assert_eq!(running.map(|p| p.placement_id), Some(id));
            }
            // It may have had several places: a correction lets somebody wait for another one.
            EntryState::Closed => prop_assert!(held.is_none() && running.is_none()),
        }
    }
    Ok(())
}

/// I3: a larger share that waits is that of one placement under way, which waits for it and no
/// other; it is the same person's, debited to the same account, and lacks no more than there is.
pub(super) fn increases_agree(ledger: &Ledger) -> Checked {
    let mut waiting = BTreeMap::new();
    for one in ledger.entries().filter(|entry| entry.state.is_open()) {
        let Some(id) = one.increase_of else { continue };
        prop_assert_eq!(waiting.insert(id, one.entry_id), None, "two of one placement");
        let placement = placement(ledger, id);
        prop_assert!(placement.state.uses(), "{placement:?}");
        prop_assert_eq!(one.person_id, entry(ledger, placement.entry_id).person_id);
        prop_assert_eq!(&ledger.queue_of(one).account(), &placement.account);
        prop_assert_eq!(&one.preferred_place_groups, &vec![placement.place_group_id]);
        prop_assert!(one.participation_percent + placement.participation_percent <= 100);
        if let Some(offer) = one.state.offer().and_then(|id| ledger.offer(id)) {
            let held = (offer.place_group_id, &offer.account, offer.participation_percent);
            let wanted = (placement.place_group_id, &placement.account, one.participation_percent);
            prop_assert_eq!(held, wanted);
        }
    }
    for placement in ledger.placements() {
        let waits_for = waiting.get(&placement.placement_id).copied();
        prop_assert_eq!(placement.increase, waits_for);
    }
    Ok(())
}

/// Each queue holds those who wait, in order, and none of them before its watermark.
pub(super) fn queues_hold_the_eligible(ledger: &Ledger) -> Checked {
    let mut waiting: BTreeMap<QueueKey, Vec<(OrderKey, EntryId)>> = BTreeMap::new();
    for entry in ledger.entries().filter(|entry| entry.state == EntryState::Waiting) {
        waiting.entry(ledger.queue_of(entry)).or_default().push((entry.key, entry.entry_id));
    }
    for (key, queue) in ledger.queues() {
        let mut expected = waiting.remove(key).unwrap_or_default();
        expected.sort_unstable();
        let held: Vec<_> = queue.eligible().map(|(order, id)| (*order, *id)).collect();
        prop_assert_eq!(&held, &expected);
        prop_assert!(held.iter().all(|(order, _)| queue.watermark() <= *order));
    }
    prop_assert_eq!(waiting.len(), 0, "someone waits in a queue that is not there");
    Ok(())
}

/// Each deadline that stands is due once, and nothing else but days is.
fn what_is_due_is_what_waits(ledger: &Ledger) -> Checked {
    let mut expected: BTreeSet<Due> = BTreeSet::new();
    for offer in ledger.offers() {
        expected.extend(match &offer.state {
            OfferState::Proposed { confirm_by } => Some(Due::lapse(offer.offer_id, *confirm_by)),
            // While an objection waits no deadline runs.
            OfferState::Offered { answer_by, .. } => {
                (!offer.is_objected_to()).then(|| Due::expiry(offer.offer_id, *answer_by))
            }
            OfferState::Accepted { .. }
            | OfferState::Declined { .. }
            | OfferState::Expired
            | OfferState::Lapsed
            | OfferState::Started { .. }
            | OfferState::Withdrawn { .. }
            | OfferState::Objected => None,
        });
    }
    for placement in ledger.placements() {
        let id = placement.placement_id;
        if let PlacementState::Ending(end) = &placement.state {
            expected.insert(Due::finish(id, end.end_date));
        } else if let PlacementState::OnLeave(leave) = &placement.state {
            expected.insert(Due::end_leave(id, leave.until_date));
        }
    }
    for entry in ledger.entries() {
        let again = match entry.state {
            EntryState::Paused { until } => until.map(start_of_day_in_norway),
            EntryState::CoolingDown { until } => Some(until),
            EntryState::Waiting
            | EntryState::Proposed(_)
            | EntryState::Offered(_)
            | EntryState::Accepted(_)
            | EntryState::Placed(_)
            | EntryState::Closed => None,
        };
        expected.extend(again.map(|at| Due::wake(entry.entry_id, at)));
    }
    let due = rows(ledger).due.into_iter().filter(|(_, stands)| *stands).map(|(due, _)| due);
    let days = |due: &Due| *due == Due::day(due.at.date_in_norway());
    let found: BTreeSet<Due> = due.filter(|due| !days(due)).collect();
    prop_assert_eq!(found, expected);
    Ok(())
}
