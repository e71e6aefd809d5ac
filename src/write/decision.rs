//! The steps around a decision: whose rows it is about, whose person, and its row in
//! the log.

use std::collections::BTreeSet;

use crate::{
    domain::{
        access::{Actor, Role, Target},
        allocation::OutOfTurn,
        command::{Command, PlacementAsk, Subject},
        event::{Event, Header, Payload, RULES_VERSION},
        ids::{EntryId, PlaceGroupId, RequestId},
        ledger::Ledger,
        log_chain::{payload_digest, row_hash},
        refusal::Refusal,
        waitlist::Sealed,
    },
    keys::Keys,
    store::log::LogRow,
    write::{
        Work, adviser,
        batch::Decided,
        people::{People, person_of},
    },
};

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
    let of_offer = |id| {
        let found = ledger.offer(id);
        let target = found.and_then(|o| of_entry(o.entry_id, Some(o.place_group_id)));
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
        Subject::Residents(numbers) => numbers
            .into_iter()
            .map(|number| Target { municipality_number: Some(number.clone()), ..area.clone() })
            .collect(),
        Subject::Offers(ids) => ids.iter().map(|id| of_offer(*id)).collect(),
        Subject::Placement(id) => {
            let found = ledger.placement(id);
            let target = found.and_then(|p| of_entry(p.entry_id, Some(p.place_group_id)));
            vec![target.unwrap_or(area)]
        }
    }
}

/// The entries a command's answer tells of when it leaves no log row: those it reaches for,
/// and those a run would serve or pass over.
pub(super) fn entries_of(ledger: &Ledger, command: &Command, events: &[Event]) -> Vec<EntryId> {
    let mut entries: BTreeSet<EntryId> = match command.subject() {
        Subject::Area
        | Subject::Provider(_)
        | Subject::PlaceGroup(_)
        | Subject::Resident(_)
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
    for event in events {
        if let Event::Proposed { offer } = event {
            entries.insert(offer.entry_id);
        } else if let Event::RunMade { report } = event {
            entries.extend(report.passed_over.iter().map(|(entry_id, _)| *entry_id));
        }
    }
    entries.into_iter().collect()
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
        Subject::Area | Subject::Provider(_) | Subject::Resident(_) | Subject::Residents(_) => None,
    };
    match hidden {
        Some((what, id)) if work.actor.role != Role::County => Refusal::NotFound { what, id },
        _ => Refusal::PermissionDenied,
    }
}

/// Fills in the person and seals what is about the person. `None` where the person has
/// an open entry already.
pub(super) fn complete(
    keys: &Keys,
    ledger: &Ledger,
    people: &People,
    index: usize,
    work: &Work,
) -> Result<Option<Command>, sqlx::Error> {
    let mut command = work.draft.command.clone();
    let plain = work.draft.plain.as_deref();
    match &mut command {
        Command::JoinWaitlist(join) => {
            let Some(person_id) = people.of_join(index) else { return Ok(None) };
            if !people.may_claim(&(person_id, work.ledger.measure_code.clone())) {
                return Ok(None);
            }
            join.person_id = person_id;
            join.grounds = plain.map(|p| people.seal(person_id, "entry.grounds", p)).transpose()?;
            let ident = work.draft.adviser.as_deref();
            let adviser = ident.map(|ident| adviser::sealed(keys, people, person_id, ident));
            join.adviser = adviser.transpose()?;
        }
        Command::RespondToOffer(c) => {
            let context = format!("offer/{}/reason", c.offer_id);
            c.reason = seal(ledger, people, work, &context)?;
        }
        Command::EndPlacement(c) => {
            let context = format!("placement/{}/reason", c.placement_id);
            c.reason = seal(ledger, people, work, &context)?;
        }
        Command::LeaveWaitlist(c) => {
            let context = format!("entry/{}/left", c.entry_id);
            c.grounds = seal(ledger, people, work, &context)?;
        }
        Command::UpdateEntry(c) => c.adviser = adviser::named(keys, ledger, people, work)?,
        Command::PauseEntry(c) => {
            c.reason = seal(ledger, people, work, &format!("entry/{}/paused", c.entry_id))?;
        }
        Command::PrioritizeEntry(c) => {
            c.text = seal(ledger, people, work, &format!("entry/{}/prioritized", c.entry_id))?;
        }
        Command::TransferEntry(c) => {
            c.reason = seal(ledger, people, work, &format!("entry/{}/transferred", c.entry_id))?;
        }
        Command::PlacePerson(c) => {
            let text = seal(ledger, people, work, &format!("entry/{}/out_of_turn", c.entry_id))?;
            c.out_of_turn = text.map(|text| OutOfTurn { reason: c.reason, text });
        }
        Command::ObjectToOffer(c) => {
            c.text = seal(ledger, people, work, &format!("offer/{}/objection", c.offer_id))?;
        }
        Command::ResolveObjection(c) => {
            c.text = seal(ledger, people, work, &format!("offer/{}/resolution", c.offer_id))?;
        }
        Command::ExtendOffer(c) => {
            c.text = seal(ledger, people, work, &format!("offer/{}/extension", c.offer_id))?;
        }
        Command::WithdrawOffer(c) => {
            c.text = seal(ledger, people, work, &format!("offer/{}/withdrawn", c.offer_id))?;
        }
        Command::MovePlacement(c) => {
            c.text = seal(ledger, people, work, &format!("placement/{}/moved", c.placement_id))?;
        }
        Command::ChangePlacement(c) => {
            if let PlacementAsk::GoOnLeave(leave) = &mut c.change {
                let context = format!("placement/{}/leave", c.placement_id);
                leave.reason = seal(ledger, people, work, &context)?;
            }
        }
        Command::ImportRegistry(_)
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
        | Command::BatchJoinWaitlist(_)
        | Command::StartDirectly(_)
        | Command::ReassignPlacement(_)
        | Command::ReportClosure(_)
        | Command::WakeEntry { .. }
        | Command::EndLeave { .. }
        | Command::BeginDay { .. }
        | Command::LapseProposal { .. }
        | Command::ExpireOffer { .. }
        | Command::FinishPlacement { .. } => {}
    }
    Ok(Some(command))
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
