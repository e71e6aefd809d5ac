//! The steps around a decision: whose rows it is about, whose person, and its row in
//! the log.

use std::collections::BTreeSet;

use time::Date;

use crate::{
    domain::{
        access::{Actor, Role, Target},
        allocation::OutOfTurn,
        command::{
            Command, Correct, Correction, Eligibility, JoinWaitlist, PlacementAsk, RightPerson,
            Subject,
        },
        event::{Event, Header, Payload, RULES_VERSION},
        ids::{EntryId, PersonId, PlaceGroupId, RequestId},
        ledger::Ledger,
        log_chain::{payload_digest, row_hash},
        refusal::Refusal,
        registry::Registry,
        waitlist::{Adviser, Sealed},
    },
    keys::Keys,
    store::log::LogRow,
    write::{
        Joiner, Work, adviser,
        batch::Decided,
        existing,
        people::{People, person_of},
        staff,
    },
};

/// What the grounds of an entry are sealed for.
pub(super) const GROUNDS: &str = "entry.grounds";

/// The rows a command reaches for, for the question whether the caller may. Of a row
/// that is not there only the area is known: whoever may reach for any row of the area
/// is told by the decision that it is missing, and nobody else learns whether it is.
pub(super) fn targets(ledger: &Ledger, command: &Command) -> Vec<Target> {
    let area = Target { county_id: Some(ledger.id().county_id.clone()), ..Target::default() };
    let of_entry = |entry_id: EntryId, group: Option<PlaceGroupId>| {
        let entry = ledger.entry(entry_id)?;
        let provider = group.and_then(|id| ledger.place_group(id));
        Some(Target {
            municipality_number: Some(entry.municipality_number.clone()),
            following_office_number: Some(entry.following_office_number.clone()),
            organisation_number: provider.map(|group| group.organisation_number.clone()),
            ..area.clone()
        })
    };
    // What was only proposed is not a provider's to know: to it there is no such thing.
    let of_offer = |id| {
        let target = ledger.offer(id).and_then(|offer| {
            let group = offer.state.was_offered().then_some(offer.place_group_id);
            of_entry(offer.entry_id, group)
        });
        target.unwrap_or_else(|| area.clone())
    };
    match command.subject() {
        Subject::Area => vec![area],
        Subject::Provider(number) => {
            vec![Target { organisation_number: Some(number.clone()), ..area }]
        }
        Subject::Resident(number) => {
            vec![Target { municipality_number: Some(number.clone()), ..area }]
        }
        Subject::Entry(id) => vec![of_entry(id, None).unwrap_or(area)],
        Subject::Entries(ids) => {
            ids.iter().map(|id| of_entry(*id, None).unwrap_or_else(|| area.clone())).collect()
        }
        Subject::PlaceGroup(id) => {
            let group = ledger.place_group(id);
            let organisation_number = group.map(|group| group.organisation_number.clone());
            vec![Target { organisation_number, ..area }]
        }
        Subject::Plan(id) => {
            let plan = ledger.plan(id);
            let municipality_number = plan.and_then(|plan| plan.proposed_by_municipality.clone());
            vec![Target { municipality_number, ..area }]
        }
        Subject::Residents(numbers) => numbers
            .into_iter()
            .map(|number| Target { municipality_number: Some(number.clone()), ..area.clone() })
            .collect(),
        Subject::Office(number) => {
            vec![Target { following_office_number: Some(number.clone()), ..area }]
        }
        Subject::Offers(ids) => ids.iter().map(|id| of_offer(*id)).collect(),
        Subject::Placement(id) => {
            let found = ledger.placement(id);
            let target = found.and_then(|p| of_entry(p.entry_id, Some(p.place_group_id)));
            vec![target.unwrap_or(area)]
        }
    }
}

/// The entries a command's answer tells of when it leaves no log row: those it reaches for,
/// those a run would serve or pass over, and those who are placed where it would close.
pub(super) fn entries_of(ledger: &Ledger, command: &Command, events: &[Event]) -> Vec<EntryId> {
    let mut entries: BTreeSet<EntryId> = match command.subject() {
        Subject::Area
        | Subject::Provider(_)
        | Subject::PlaceGroup(_)
        | Subject::Plan(_)
        | Subject::Resident(_)
        | Subject::Office(_)
        | Subject::Residents(_) => BTreeSet::new(),
        Subject::Entry(id) => ledger.entry(id).map(|entry| entry.entry_id).into_iter().collect(),
        Subject::Entries(ids) => ids.into_iter().filter(|id| ledger.entry(*id).is_some()).collect(),
        Subject::Offers(ids) => {
            ids.iter().filter_map(|id| ledger.offer(*id)).map(|offer| offer.entry_id).collect()
        }
        Subject::Placement(id) => {
            ledger.placement(id).map(|placement| placement.entry_id).into_iter().collect()
        }
    };
    // Whoever is new in a preview is named by person: the entry's id is made up.
    let new = |event: &Event| {
        if let Event::Joined { entry } | Event::EntryChanged { entry, .. } = event {
            ledger.entry(entry.entry_id).is_none().then_some(entry.entry_id)
        } else {
            None
        }
    };
    let joined: BTreeSet<EntryId> = events.iter().filter_map(new).collect();
    for event in events {
        if let Event::Proposed { offer } = event {
            entries.insert(offer.entry_id);
        } else if let Event::RunMade { report } = event {
            entries.extend(report.passed_over.iter().map(|(entry_id, _)| *entry_id));
        } else if let Event::ClosureReported { place_group, .. }
        | Event::ClosureChanged { place_group, .. } = event
        {
            let there = ledger.placements_in(place_group.place_group_id);
            entries.extend(there.map(|placement| placement.entry_id));
        }
    }
    entries.difference(&joined).copied().collect()
}

/// What exists but is not the caller's answers like what does not exist. An area is
/// no secret: another county's is refused as such. `first` is the place of the first
/// target that is not the caller's.
pub(super) fn hidden_or_denied(work: &Work, first: usize) -> Refusal {
    let hidden = match work.draft.command.subject() {
        Subject::Offers(ids) => ids.get(first).map(|id| ("offer", id.to_string())),
        Subject::Placement(id) => Some(("placement", id.to_string())),
        Subject::Entry(id) => Some(("entry", id.to_string())),
        Subject::Entries(ids) => ids.get(first).map(|id| ("entry", id.to_string())),
        Subject::PlaceGroup(id) => Some(("place group", id.to_string())),
        Subject::Residents(_) => {
            return Refusal::PermissionDenied.of_join(first);
        }
        // Plans are no secret to who comes so far, either.
        Subject::Area
        | Subject::Plan(_)
        | Subject::Provider(_)
        | Subject::Resident(_)
        | Subject::Office(_) => None,
    };
    match hidden {
        Some((what, id)) if work.actor.role != Role::County => Refusal::NotFound { what, id },
        _ => Refusal::PermissionDenied,
    }
}

/// What the writer knows when it completes a command.
pub(super) struct Known<'a> {
    pub(super) keys: &'a Keys,
    pub(super) ledger: &'a Ledger,
    pub(super) people: &'a People,
    pub(super) registry: &'a Registry,
    pub(super) today: Date,
}

/// Fills in the people and seals what is about them. Somebody who has an open entry already is
/// refused here, since who that is stands in no ledger alone.
pub(super) fn complete(
    known: &Known<'_>,
    index: usize,
    work: &Work,
) -> Result<Result<Command, Refusal>, sqlx::Error> {
    let mut command = work.draft.command.clone();
    if let Command::JoinWaitlist(join) = &mut command {
        if let Err(refused) = known.fill_in(index, work, std::slice::from_mut(join))? {
            return Ok(Err(refused.refusal));
        }
    } else if let Command::BatchJoinWaitlist(c) = &mut command {
        if let Err(refused) = known.fill_in(index, work, &mut c.joins)? {
            return Ok(Err(refused.refusal.of_join(refused.index)));
        }
    } else if let Command::ImportExisting(c) = &mut command {
        existing::complete(known, index, work, c)?;
    } else if let Command::LinkStaff(c) = &mut command {
        staff::complete(known, index, work, c)?;
    } else {
        if let Err(refused) = known.complete_correction(index, work, &mut command)? {
            return Ok(Err(refused));
        }
        known.seal_text(work, &mut command)?;
    }
    Ok(Ok(command))
}

/// Which of several joins cannot be, and why.
struct Refused {
    index: usize,
    refusal: Refusal,
}

impl Known<'_> {
    /// Seals what a command says in words of somebody who is in the ledger.
    fn seal_text(&self, work: &Work, command: &mut Command) -> Result<(), sqlx::Error> {
        let Known { keys, ledger, people, .. } = *self;
        if let Command::UpdateEntry(c) = command {
            if let (Some(entry), Some(change)) = (ledger.entry(c.entry_id), &work.draft.plain) {
                let (person_id, before) = (entry.person_id, entry.grounds.as_ref());
                c.grounds = people.change_sealed(person_id, GROUNDS, before, change)?;
            }
            c.adviser = adviser::named(keys, ledger, people, work)?;
        } else if let Command::PlacePerson(c) = command {
            let context = format!("entry/{}/out_of_turn", c.entry_id);
            let text = seal(ledger, people, work, &context)?;
            let why = c.reason.zip(text);
            c.out_of_turn = why.map(|(reason, text)| OutOfTurn { reason, text });
        } else if let Some((context, text)) = words_of(command) {
            *text = seal(ledger, people, work, &context)?;
        }
        Ok(())
    }

    /// Says of each join who it is about, whether they are of those the measure type is for,
    /// and seals their grounds.
    fn fill_in(
        &self,
        index: usize,
        work: &Work,
        joins: &mut [JoinWaitlist],
    ) -> Result<Result<(), Refused>, sqlx::Error> {
        let (joiners, found) =
            (work.draft.identity.iter().flatten(), self.people.of_command(index));
        let mut joiners = joiners.zip(found);
        for (index, join) in joins.iter_mut().enumerate() {
            let claimed = joiners.next().and_then(|(joiner, person_id)| {
                let claim = ((*person_id)?, work.ledger.measure_code.clone());
                self.people.may_claim(&claim).then_some((joiner, claim.0))
            });
            let Some((joiner, person_id)) = claimed else {
                return Ok(Err(Refused { index, refusal: Refusal::PersonAlreadyWaiting }));
            };
            join.person_id = person_id;
            join.eligibility = self.eligibility(joiner);
            let plain = joiner.plain.as_deref();
            let seal = |plain| self.people.seal(person_id, GROUNDS, plain);
            join.grounds = plain.map(seal).transpose()?;
            join.adviser = self.sealed_adviser(person_id, joiner)?;
        }
        Ok(Ok(()))
    }

    /// The case worker of somebody who is to wait.
    pub(super) fn sealed_adviser(
        &self,
        person_id: PersonId,
        joiner: &Joiner,
    ) -> Result<Option<Adviser>, sqlx::Error> {
        let sealed = |ident| adviser::sealed(self.keys, self.people, person_id, ident);
        joiner.adviser.as_deref().map(sealed).transpose()
    }

    /// Whether somebody is of those the measure type is for. Where it is for anybody, nothing
    /// is said of them.
    pub(super) fn eligibility(&self, joiner: &Joiner) -> Option<Eligibility> {
        let rules = &self.registry.ledger_measure_on(self.ledger.id(), self.today)?.rules;
        if rules.need_groups.is_empty() && rules.minimum_age.is_none() {
            return None;
        }
        let is_among = |group| rules.need_groups.contains(&group);
        let asked = joiner.need_group.filter(|_| !rules.need_groups.is_empty());
        let is_old_enough = |age| joiner.identity.age_on(self.today) >= age;
        Some(Eligibility {
            need_group: asked.map(is_among),
            age: rules.minimum_age.is_none_or(is_old_enough),
        })
    }
}

/// Where a command keeps what it says in words, and the context it is sealed in.
fn words_of(command: &mut Command) -> Option<(String, &mut Option<Sealed>)> {
    Some(match command {
        Command::RespondToOffer(c) => (format!("offer/{}/reason", c.offer_id), &mut c.reason),
        Command::ObjectToOffer(c) => (format!("offer/{}/objection", c.offer_id), &mut c.text),
        Command::ResolveObjection(c) => (format!("offer/{}/resolution", c.offer_id), &mut c.text),
        Command::ExtendOffer(c) => (format!("offer/{}/extension", c.offer_id), &mut c.text),
        Command::WithdrawOffer(c) => (format!("offer/{}/withdrawn", c.offer_id), &mut c.text),
        Command::LeaveWaitlist(c) => (format!("entry/{}/left", c.entry_id), &mut c.grounds),
        Command::PauseEntry(c) => (format!("entry/{}/paused", c.entry_id), &mut c.reason),
        Command::PrioritizeEntry(c) => (format!("entry/{}/prioritized", c.entry_id), &mut c.text),
        Command::TransferEntry(c) => (format!("entry/{}/transferred", c.entry_id), &mut c.reason),
        Command::EndPlacement(c) => (format!("placement/{}/reason", c.placement_id), &mut c.reason),
        Command::MovePlacement(c) => (format!("placement/{}/moved", c.placement_id), &mut c.text),
        Command::ChangePlacement(c) => match &mut c.change {
            PlacementAsk::GoOnLeave(leave) => {
                (format!("placement/{}/leave", c.placement_id), &mut leave.reason)
            }
            PlacementAsk::Review(review) => {
                (format!("placement/{}/review", c.placement_id), &mut review.note)
            }
            PlacementAsk::Share { .. } | PlacementAsk::PlannedEnd { .. } | PlacementAsk::Return => {
                return None;
            }
        },
        Command::ChangeIdentityNumber(c) => {
            (format!("entry/{}/renumbered", c.entry_id), &mut c.reason)
        }
        Command::Correct(c) => (corrected_in(c), &mut c.text),
        Command::JoinWaitlist(_)
        | Command::BatchJoinWaitlist(_)
        | Command::UpdateEntry(_)
        | Command::PlacePerson(_)
        | Command::ImportRegistry(_)
        | Command::ImportExisting(_)
        | Command::SubmitCapacity(_)
        | Command::ReviewCapacity(_)
        | Command::SetPlaceBudget(_)
        | Command::SetQuotas(_)
        | Command::AllocatePlaces(_)
        | Command::ConfirmProposals(_)
        | Command::StartPlacement(_)
        | Command::ResumeEntry(_)
        | Command::ConfirmEntry(_)
        | Command::ReceiveEntry(_)
        | Command::SuspendEntry(_)
        | Command::ReassignAdviser(_)
        | Command::StartDirectly(_)
        | Command::ReassignPlacement(_)
        | Command::ReportClosure(_)
        | Command::SetEnforcement(_)
        | Command::ChangeClosure(_)
        | Command::LendQuota(_)
        | Command::GrantAccess(_)
        | Command::EndAccess(_)
        | Command::ProposePlan(_)
        | Command::CommentPlan(_)
        | Command::ApprovePlan(_)
        | Command::WithdrawPlan(_)
        | Command::BeginPlan { .. }
        | Command::LinkStaff(_)
        | Command::WakeEntry { .. }
        | Command::EndLeave { .. }
        | Command::BeginDay { .. }
        | Command::LapseProposal { .. }
        | Command::ExpireOffer { .. }
        | Command::HandOver(_)
        | Command::TakeOver(_)
        | Command::MoveQuota(_)
        | Command::FinishPlacement { .. } => return None,
    })
}

/// Where a correction says why.
fn corrected_in(c: &Correct) -> String {
    match &c.correction {
        Correction::ReinstateEntry { entry_id }
        | Correction::RegisteredTime { entry_id, .. }
        | Correction::Person(RightPerson { entry_id, .. })
        | Correction::Municipality { entry_id, .. }
        | Correction::RegisteredByMistake { entry_id } => format!("entry/{entry_id}/corrected"),
        Correction::ReinstatePlacement { placement_id }
        | Correction::StartDate { placement_id, .. }
        | Correction::EndDate { placement_id, .. } => format!("placement/{placement_id}/corrected"),
        Correction::Answer { offer_id, .. } => format!("offer/{offer_id}/corrected"),
    }
}

/// Seals the text of a command about an entry, an offer or a placement.
fn seal(
    ledger: &Ledger,
    people: &People,
    work: &Work,
    context: &str,
) -> Result<Option<Sealed>, sqlx::Error> {
    match (&work.draft.plain, person_of(ledger, &work.draft.command)) {
        (Some(plain), Some(person)) => people.seal(person, context, plain).map(Some),
        // Without a person there is no such entry, offer or placement, and the decision says so.
        _ => Ok(None),
    }
}

/// The row that follows a ledger's head.
pub(super) fn log_row(
    ledger: &Ledger,
    request_id: RequestId,
    command: Command,
    actor: &Actor,
    registry_version: u64,
    decided: &Decided,
) -> LogRow {
    let head = ledger.head();
    let kind = command.kind();
    let header = Header {
        ledger: ledger.id().clone(),
        seq: head.seq + 1,
        request_id,
        kind: kind.to_owned(),
        at: decided.at,
        rules_version: RULES_VERSION,
        registry_version,
        actor: actor.clone(),
        on_behalf_of: decided.on_behalf_of.clone(),
    };
    let events = decided.events.clone();
    let payload = Payload { command, id_seed: hex::encode(decided.seed), events };
    let (header, payload) = (to_json(&header), to_json(&payload));
    let hash = row_hash(&head.hash, &header, &payload_digest(&payload));
    let (seq, at) = (head.seq + 1, decided.at);
    LogRow {
        seq,
        request_id,
        kind: kind.to_owned(),
        header,
        payload,
        prev_hash: head.hash,
        hash,
        at,
    }
}

/// These types hold nothing JSON cannot say: no maps with keys other than text, no
/// floats. Should one ever, the batch is rolled back and only its command fails.
fn to_json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| panic!("a log row is not JSON: {error}"))
}
