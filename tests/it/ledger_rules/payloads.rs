//! The log's format: every command and event comes back from its bytes as it was, and the bytes
//! are those that stand in `tests/data/log`. What is stored is hashed, so no release may write the
//! same thing another way. To take a deliberate change in: `UPDATE_GOLDEN=1`.

#![allow(clippy::wildcard_enum_match_arm)] // Commands of later rules have tests of their own.

use std::{fs, path::PathBuf};

use serde::Serialize;
use tiltaksplass::domain::{
    access::Employer,
    allocation::{PassedOverReason, RunEnd, RunReport},
    capacity::{StatedWait, SubmissionState},
    event::{Header, Payload},
    waitlist::EntryState,
};

use super::{
    samples::{Sample, story},
    *,
};

fn is_golden(name: &str, bytes: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/log")
        .join(format!("{name}.json"));
    let text = format!("{}\n", std::str::from_utf8(bytes).unwrap());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(text, golden, "the log's format changed: {name}");
}

/// Each file of `tests/data/log`, so that none is left behind.
fn golden_files() -> BTreeSet<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/log");
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
}

#[test]
fn payloads_are_written_and_read_as_ever() {
    let mut written = BTreeSet::from(["header".to_owned(), "words".to_owned()]);
    for sample in story() {
        // The first of each name stands for the rest.
        let bytes = serde_json::to_vec(&sample.payload).unwrap();
        if written.insert(sample.name.to_owned()) {
            is_golden(sample.name, &bytes);
        }
        let read: Payload = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read, sample.payload);
        assert_eq!(serde_json::to_vec(&read).unwrap(), bytes);
    }
    assert_eq!(golden_files(), written);
}

#[test]
fn headers_are_written_and_read_as_ever() {
    let employer = Employer::Municipal { municipality_number: TRONDHEIM.to_owned() };
    let header = Header {
        ledger: ledger_id("VTA"),
        seq: 17,
        request_id: samples::request_id(),
        kind: "JOIN_WAITLIST".to_owned(),
        at: noon(),
        rules_version: 1,
        registry_version: 3,
        actor: Actor { employer: Some(employer), ..actor("office") },
        on_behalf_of: BTreeSet::new(),
    };
    let bytes = serde_json::to_vec(&header).unwrap();
    is_golden("header", &bytes);
    assert_eq!(serde_json::from_slice::<Header>(&bytes).unwrap(), header);
}

/// Anyone with the log decides again: command, actor, time and seed give the same events (I7).
#[test]
fn every_sample_is_decided_again_from_its_row() {
    let mut ledger = vta();
    for Sample { name, who, at, payload } in story() {
        let Payload { command, id_seed, events } = payload;
        if let Command::ImportRegistry(_) = command {
            continue;
        }
        let seed: [u8; 16] = hex::decode(id_seed).unwrap().try_into().unwrap();
        // The story was written by the first rules, and recomputes by them.
        let context = Context { at, registry: &REGISTRY, actor: &who, rules: 1 };
        let again = decide(&ledger, &command, &context, &mut IdSource::new(seed, at)).unwrap();
        assert_eq!(again, events, "{name}");
        for event in &events {
            apply(&mut ledger, event);
        }
        ledger.advance([0; 32], at);
    }
}

/// A new variant does not compile until it is named here, and fails until the story has it.
#[test]
fn the_story_leaves_nothing_out() {
    let story = story();
    let commands: BTreeSet<&str> = story.iter().map(|s| command_name(&s.payload.command)).collect();
    assert_eq!(commands.len(), 16, "{commands:?}");
    let events = story.iter().flat_map(|sample| &sample.payload.events);
    let events: BTreeSet<&str> = events.map(event_name).collect();
    assert_eq!(events.len(), 21, "{events:?}");
}

fn command_name(command: &Command) -> &'static str {
    let name = match command {
        Command::ImportRegistry(_) => "IMPORT_REGISTRY",
        Command::SubmitCapacity(_) => "SUBMIT_CAPACITY",
        Command::ReviewCapacity(_) => "REVIEW_CAPACITY",
        Command::SetPlaceBudget(_) => "SET_PLACE_BUDGET",
        Command::SetQuotas(_) => "SET_QUOTAS",
        Command::JoinWaitlist(_) => "JOIN_WAITLIST",
        Command::AllocatePlaces(_) => "ALLOCATE_PLACES",
        Command::ConfirmProposals(_) => "CONFIRM_PROPOSALS",
        Command::RespondToOffer(_) => "RESPOND_TO_OFFER",
        Command::StartPlacement(_) => "START_PLACEMENT",
        Command::EndPlacement(_) => "END_PLACEMENT",
        Command::LeaveWaitlist(_) => "LEAVE_WAITLIST",
        Command::BeginDay { .. } => "BEGIN_DAY",
        Command::LapseProposal { .. } => "LAPSE_PROPOSAL",
        Command::ExpireOffer { .. } => "EXPIRE_OFFER",
        Command::FinishPlacement { .. } => "FINISH_PLACEMENT",
        _ => command.kind(),
    };
    assert_eq!(command.kind(), name);
    assert!(serde_json::to_string(command).unwrap().starts_with(&format!("{{\"{name}\":")));
    name
}

fn event_name(event: &Event) -> &'static str {
    let name = match event {
        Event::RegistryImported { .. } => "REGISTRY_IMPORTED",
        Event::CapacitySubmitted { .. } => "CAPACITY_SUBMITTED",
        Event::CapacityApproved { .. } => "CAPACITY_APPROVED",
        Event::CapacityRejected { .. } => "CAPACITY_REJECTED",
        Event::PlaceBudgetSet { .. } => "PLACE_BUDGET_SET",
        Event::QuotasSet { .. } => "QUOTAS_SET",
        Event::LimitsSet { .. } => "LIMITS_SET",
        Event::Joined { .. } => "JOINED",
        Event::RunMade { .. } => "RUN_MADE",
        Event::Proposed { .. } => "PROPOSED",
        Event::ProposalConfirmed { .. } => "PROPOSAL_CONFIRMED",
        Event::ProposalLapsed { .. } => "PROPOSAL_LAPSED",
        Event::OfferAccepted { .. } => "OFFER_ACCEPTED",
        Event::OfferDeclined { .. } => "OFFER_DECLINED",
        Event::OfferExpired { .. } => "OFFER_EXPIRED",
        Event::PlacementStarted { .. } => "PLACEMENT_STARTED",
        Event::PlacementEndSet { .. } => "PLACEMENT_END_SET",
        Event::PlacementEnded { .. } => "PLACEMENT_ENDED",
        Event::Left { .. } => "LEFT",
        Event::OfferWithdrawn { .. } => "OFFER_WITHDRAWN",
        Event::NothingToDo => "NOTHING_TO_DO",
        _ => "CHANGED",
    };
    assert!(serde_json::to_string(event).unwrap().contains(&format!("\"{name}\"")));
    name
}

/// The words a story need not have all of, in one file.
#[test]
fn words_are_written_as_ever() {
    let (offer_id, placement_id) = (OfferId(Uuid::nil()), PlacementId(Uuid::nil()));
    let report = RunReport {
        end: RunEnd::NobodyEligible,
        passed_over: Vec::new(),
        passed_over_counts: REASONS.into_iter().map(|reason| (reason, 1)).collect(),
    };
    let lines = [
        line(&[RunEnd::AllProposed, RunEnd::NoFreePlace, RunEnd::NoQuota, RunEnd::NobodyEligible]),
        line(&REASONS),
        line(&report),
        line(&[
            Outcome::OrdinaryWork,
            Outcome::Education,
            Outcome::PermanentIncomeSecurity,
            Outcome::TemporaryIncomeSecurity,
            Outcome::SocialAssistance,
            Outcome::Other,
        ]),
        line(&[
            QuotaBasis::Population,
            QuotaBasis::NeedAssessment,
            QuotaBasis::AlternativeService,
            QuotaBasis::History,
            QuotaBasis::Other,
        ]),
        line(&[StatedWait::Months(18), StatedWait::OnlyWhenSomeoneLeaves]),
        line(&[SubmissionState::Submitted, SubmissionState::Approved, SubmissionState::Rejected]),
        line(&[
            EntryState::Waiting,
            EntryState::Proposed(offer_id),
            EntryState::Offered(offer_id),
            EntryState::Accepted(offer_id),
            EntryState::Placed(placement_id),
            EntryState::Closed,
        ]),
        line(&[
            quota_of(TRONDHEIM),
            AccountKey::PlaceGroup(PlaceGroupId(Uuid::nil())),
            AccountKey::Pool,
        ]),
        line(&[Distribution::CountyPool, Distribution::ByMunicipality]),
        line(&Role::ALL),
        line(&Actor::by_time()),
        line(&[Employer::State]),
    ];
    is_golden("words", lines.join("\n").as_bytes());
}

const REASONS: [PassedOverReason; 5] = [
    PassedOverReason::NoQuota,
    PassedOverReason::NoAcceptablePlace,
    PassedOverReason::ParticipationDoesNotFit,
    PassedOverReason::WorkField,
    PassedOverReason::DeclinedHere,
];

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}
