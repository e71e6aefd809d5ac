//! From the domain's words to the wire's: the answers of mutations, and values that
//! several answers share. No answer of a mutation names a person.

pub(super) mod offers;
pub(super) mod provider;

use prost::Message;

use self::provider::placement_to_caller;
use crate::{
    domain::{
        account::{Account, AccountKey},
        allocation::{
            ObjectionCode, Offer, OfferState, OutOfTurnReason, Outcome, PassedOverReason,
            Placement, PlacementState, RunEnd, RunReport,
        },
        authority::Viewer,
        calendar::Timestamp,
        capacity::{StatedWait, places_on},
        event::Event,
        ids::{ExternalReference, LedgerId, MunicipalityNumber, OfferId, PlacementId},
        ledger::Ledger,
        measure::NeedGroup,
        shadow::Verdict,
        waitlist::EntryState,
    },
    proto::{google::r#type::Date as PbDate, v1 as pb},
    write::Done,
};

pub(super) fn ledger(id: &LedgerId) -> pb::Ledger {
    pb::Ledger { county_id: id.county_id.to_string(), measure_code: id.measure_code.to_string() }
}

pub(super) fn revision(id: &LedgerId, seq: u64) -> pb::Revision {
    pb::Revision { ledger: Some(ledger(id)), seq }
}

pub(super) fn revision_of(done: &Done<'_>) -> pb::Revision {
    revision(done.ledger.id(), done.ledger.head().seq)
}

#[allow(clippy::cast_possible_truncation, reason = "the remainder is below 10^9")]
pub(super) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let micros = at.micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: (micros.rem_euclid(1_000_000) * 1000) as i32,
    }
}

pub(super) fn date(date: time::Date) -> PbDate {
    PbDate {
        year: date.year(),
        month: i32::from(u8::from(date.month())),
        day: i32::from(date.day()),
    }
}

pub(super) fn usage(account: &Account) -> pb::Usage {
    pb::Usage {
        total_percent: account.limit,
        reserved_percent: account.reserved,
        in_use_percent: account.in_use,
        free_percent: account.free(),
        over_percent: account.over(),
        hidden_fields: Vec::new(),
    }
}

pub(super) fn stated_wait(wait: StatedWait) -> pb::StatedWait {
    use pb::stated_wait::Wait;
    let wait = match wait {
        StatedWait::Months(months) => Wait::Months(months),
        StatedWait::OnlyWhenSomeoneLeaves => Wait::OnlyWhenSomeoneLeaves(true),
    };
    pb::StatedWait { wait: Some(wait) }
}

pub(super) fn reference(reference: &ExternalReference) -> pb::ExternalReference {
    pb::ExternalReference { system: reference.system.clone(), id: reference.id.clone() }
}

pub(super) fn entry_state(state: EntryState) -> pb::EntryState {
    match state {
        EntryState::Waiting => pb::EntryState::Waiting,
        EntryState::Proposed(_) => pb::EntryState::Proposed,
        EntryState::Offered(_) => pb::EntryState::Offered,
        EntryState::Accepted(_) => pb::EntryState::Accepted,
        EntryState::Placed(_) => pb::EntryState::Placed,
        EntryState::Closed => pb::EntryState::Closed,
        EntryState::Paused { .. } => pb::EntryState::Paused,
        EntryState::CoolingDown { .. } => pb::EntryState::CoolingDown,
    }
}

pub(super) fn need_group(group: Option<NeedGroup>) -> pb::NeedGroup {
    match group {
        None => pb::NeedGroup::Unspecified,
        Some(NeedGroup::GoodChances) => pb::NeedGroup::GoodChances,
        Some(NeedGroup::NeedsGuidance) => pb::NeedGroup::NeedsGuidance,
        Some(NeedGroup::NeedsGuidanceReducedAbility) => pb::NeedGroup::NeedsGuidanceReducedAbility,
        Some(NeedGroup::WorkInPart) => pb::NeedGroup::WorkInPart,
        Some(NeedGroup::LittleChance) => pb::NeedGroup::LittleChance,
    }
}

/// The municipality whose quota it is; empty for the pool.
pub(super) fn account_municipality(key: &AccountKey) -> String {
    match key {
        AccountKey::Quota(number) => number.to_string(),
        AccountKey::Pool | AccountKey::PlaceGroup(_) => String::new(),
    }
}

pub(super) fn offer(offer: &Offer) -> pb::Offer {
    let (state, confirm_by, answer_by) = match &offer.state {
        OfferState::Proposed { confirm_by } => (pb::OfferState::Proposed, Some(*confirm_by), None),
        OfferState::Offered { answer_by, .. } => (pb::OfferState::Offered, None, Some(*answer_by)),
        OfferState::Accepted { .. } => (pb::OfferState::Accepted, None, None),
        OfferState::Declined { .. } => (pb::OfferState::Declined, None, None),
        OfferState::Expired => (pb::OfferState::Expired, None, None),
        OfferState::Lapsed => (pb::OfferState::Lapsed, None, None),
        OfferState::Started { .. } => (pb::OfferState::Started, None, None),
        OfferState::Withdrawn { .. } => (pb::OfferState::Withdrawn, None, None),
        OfferState::Objected => (pb::OfferState::Objected, None, None),
    };
    pb::Offer {
        offer_id: offer.offer_id.to_string(),
        entry_id: offer.entry_id.to_string(),
        place_group_id: offer.place_group_id.to_string(),
        municipality_number: account_municipality(&offer.account),
        participation_percent: offer.participation_percent,
        state: state.into(),
        proposed_time: Some(timestamp(offer.proposed_time)),
        confirm_by_time: confirm_by.map(timestamp),
        answer_by_time: answer_by.map(timestamp),
        object_by_time: offer.object_by.map(timestamp),
        objection_code: offer
            .objection
            .as_ref()
            .map_or(pb::ObjectionCode::Unspecified, |objection| objection_code(objection.code))
            .into(),
        objection_is_open: offer.is_objected_to(),
        was_extended: offer.extension.is_some(),
        out_of_turn_reason: offer
            .out_of_turn
            .as_ref()
            .map_or(pb::OutOfTurnReason::Unspecified, |why| out_of_turn_reason(why.reason))
            .into(),
        shadow_verdict: shadow_verdict(
            offer.shadow.as_ref().map(|shadow| shadow.verdict(offer.entry_id)),
        )
        .into(),
    }
}

/// How what was done by hand compares with the rules; unspecified where nothing is recorded.
pub(super) fn shadow_verdict(verdict: Option<Verdict>) -> pb::ShadowVerdict {
    match verdict {
        None => pb::ShadowVerdict::Unspecified,
        Some(Verdict::Agrees) => pb::ShadowVerdict::Agrees,
        Some(Verdict::Deviates) => pb::ShadowVerdict::Deviates,
        Some(Verdict::Nobody) => pb::ShadowVerdict::Nobody,
    }
}

fn objection_code(code: ObjectionCode) -> pb::ObjectionCode {
    match code {
        ObjectionCode::NotAvailable => pb::ObjectionCode::NotAvailable,
        ObjectionCode::WorkField => pb::ObjectionCode::WorkField,
        ObjectionCode::Safety => pb::ObjectionCode::Safety,
        ObjectionCode::Closed => pb::ObjectionCode::Closed,
        ObjectionCode::Other => pb::ObjectionCode::Other,
    }
}

pub(super) fn out_of_turn_reason(reason: OutOfTurnReason) -> pb::OutOfTurnReason {
    match reason {
        OutOfTurnReason::Health => pb::OutOfTurnReason::Health,
        OutOfTurnReason::PlaceWouldBeLost => pb::OutOfTurnReason::PlaceWouldBeLost,
        OutOfTurnReason::Returns => pb::OutOfTurnReason::Returns,
        OutOfTurnReason::Appeal => pb::OutOfTurnReason::Appeal,
        OutOfTurnReason::Correction => pb::OutOfTurnReason::Correction,
        OutOfTurnReason::Other => pb::OutOfTurnReason::Other,
    }
}

/// A placement, as far as the caller may know how it ended; `entitled` is the municipality of its
/// person, where it is known.
pub(super) fn placement(
    placement: &Placement,
    entitled: Option<&MunicipalityNumber>,
    viewer: &Viewer<'_>,
) -> pb::Placement {
    let outcome = match &placement.state {
        PlacementState::Running | PlacementState::OnLeave(_) => pb::PlacementOutcome::Unspecified,
        PlacementState::Ending(end) | PlacementState::Ended(end) => {
            outcome(viewer.outcome(end.outcome, entitled))
        }
    };
    let leave = match &placement.state {
        PlacementState::OnLeave(leave) => Some(leave),
        PlacementState::Running | PlacementState::Ending(_) | PlacementState::Ended(_) => None,
    };
    pb::Placement {
        placement_id: placement.placement_id.to_string(),
        entry_id: placement.entry_id.to_string(),
        offer_id: placement.offer_id.map(|id| id.to_string()).unwrap_or_default(),
        place_group_id: placement.place_group_id.to_string(),
        municipality_number: account_municipality(&placement.account),
        participation_percent: placement.participation_percent,
        start_date: Some(date(placement.start_date)),
        end_date: placement.state.end().map(|end| date(end.end_date)),
        outcome: outcome.into(),
        state: placement_state(&placement.state).into(),
        planned_end_date: placement.planned_end_date.map(date),
        leave_from_date: leave.map(|leave| date(leave.from_date)),
        leave_until_date: leave.map(|leave| date(leave.until_date)),
        is_guest: placement.guest,
        latest_review: placement.review.as_ref().map(|review| pb::LatestReview {
            review_date: Some(date(review.date)),
            next_review_date: review.next_date.map(date),
        }),
        waiting_increase_entry_id: placement.increase.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn placement_state(state: &PlacementState) -> pb::PlacementState {
    match state {
        PlacementState::Running => pb::PlacementState::Running,
        PlacementState::Ending(_) => pb::PlacementState::Ending,
        PlacementState::Ended(_) => pb::PlacementState::Ended,
        PlacementState::OnLeave(_) => pb::PlacementState::OnLeave,
    }
}

fn outcome(outcome: Outcome) -> pb::PlacementOutcome {
    match outcome {
        Outcome::OrdinaryWork => pb::PlacementOutcome::OrdinaryWork,
        Outcome::Education => pb::PlacementOutcome::Education,
        Outcome::PermanentIncomeSecurity => pb::PlacementOutcome::PermanentIncomeSecurity,
        Outcome::TemporaryIncomeSecurity => pb::PlacementOutcome::TemporaryIncomeSecurity,
        Outcome::SocialAssistance => pb::PlacementOutcome::SocialAssistance,
        Outcome::Other => pb::PlacementOutcome::Other,
        Outcome::SuitableWork => pb::PlacementOutcome::SuitableWork,
        Outcome::Ill => pb::PlacementOutcome::Ill,
        Outcome::DidNotMeet => pb::PlacementOutcome::DidNotMeet,
        Outcome::OtherMeasure => pb::PlacementOutcome::OtherMeasure,
    }
}

pub(super) fn offer_after(ledger: &Ledger, id: OfferId) -> Option<pb::Offer> {
    ledger.offer(id).map(offer)
}

/// What was proposed in the same step, as far as the people are the caller's: a place that is
/// passed on may go to somebody of another office.
pub(super) fn proposals(done: &Done<'_>) -> Vec<pb::Offer> {
    let proposed = done.events.iter().filter_map(|event| {
        if let Event::Proposed { offer } = event {
            done.viewer.sees(done.ledger, offer.entry_id).then_some(offer.offer_id)
        } else {
            None
        }
    });
    proposed.filter_map(|id| offer_after(done.ledger, id)).collect()
}

pub(super) fn placement_after(done: &Done<'_>, id: PlacementId) -> Option<pb::Placement> {
    done.ledger.placement(id).map(|found| placement_of(done, found))
}

/// A placement of the ledger a call was about.
pub(super) fn placement_of(done: &Done<'_>, found: &Placement) -> pb::Placement {
    let entry = done.ledger.entry(found.entry_id);
    placement(found, entry.map(|entry| &entry.municipality_number), done.viewer)
}

pub(super) fn passed_over_reason(reason: PassedOverReason) -> pb::PassedOverReason {
    match reason {
        PassedOverReason::NoQuota => pb::PassedOverReason::NoQuota,
        PassedOverReason::NoAcceptablePlace => pb::PassedOverReason::NoAcceptablePlace,
        PassedOverReason::ParticipationDoesNotFit => pb::PassedOverReason::ParticipationDoesNotFit,
        PassedOverReason::WorkField => pb::PassedOverReason::WorkField,
        PassedOverReason::DeclinedHere => pb::PassedOverReason::DeclinedHere,
        PassedOverReason::ObjectedHere => pb::PassedOverReason::ObjectedHere,
        PassedOverReason::OfferWithdrawn => pb::PassedOverReason::OfferWithdrawn,
        PassedOverReason::ReservedForAnother => pb::PassedOverReason::ReservedForAnother,
    }
}

pub(super) fn run_end(end: RunEnd) -> pb::RunEnd {
    match end {
        RunEnd::AllProposed => pb::RunEnd::AllProposed,
        RunEnd::NoFreePlace => pb::RunEnd::NoFreePlace,
        RunEnd::NoQuota => pb::RunEnd::NoQuota,
        RunEnd::NobodyEligible => pb::RunEnd::NobodyEligible,
        RunEnd::ReservedForAnother => pb::RunEnd::ReservedForAnother,
    }
}

/// The first value that `find` has for one of the events.
pub(super) fn from_events<'a, T>(
    done: &Done<'a>,
    find: impl Fn(&'a Event) -> Option<T>,
) -> Option<T> {
    done.events.iter().find_map(find)
}

pub(super) fn import_registry(done: &Done<'_>) -> Vec<u8> {
    let counts = done.events.iter().find_map(|event| {
        if let Event::RegistryImported { added, changed, unchanged, .. } = event {
            Some((*added, *changed, *unchanged))
        } else {
            None
        }
    });
    let (added_rows, changed_rows, unchanged_rows) = counts.unwrap_or_default();
    let revision = Some(revision_of(done));
    pb::ImportRegistryResponse { revision, added_rows, changed_rows, unchanged_rows }
        .encode_to_vec()
}

pub(super) fn submit_capacity(done: &Done<'_>) -> Vec<u8> {
    let submission = from_events(done, |event| {
        if let Event::CapacitySubmitted { submission, .. } = event {
            Some(submission)
        } else {
            None
        }
    });
    pb::SubmitCapacityResponse {
        revision: Some(revision_of(done)),
        submission_id: submission.map(|s| s.submission_id.to_string()).unwrap_or_default(),
        place_group_id: submission.map(|s| s.place_group_id.to_string()).unwrap_or_default(),
    }
    .encode_to_vec()
}

pub(super) fn review_capacity(done: &Done<'_>) -> Vec<u8> {
    let submission_id = from_events(done, |event| {
        if let Event::CapacityApproved { submission_id, .. }
        | Event::CapacityRejected { submission_id, .. } = event
        {
            Some(*submission_id)
        } else {
            None
        }
    });
    let group = submission_id
        .and_then(|id| done.ledger.submission(id))
        .map(|submission| submission.place_group_id);
    let account = group.map(|id| done.ledger.account(&AccountKey::PlaceGroup(id)));
    pb::ReviewCapacityResponse {
        revision: Some(revision_of(done)),
        place_group_id: group.map(|id| id.to_string()).unwrap_or_default(),
        usage: account.as_ref().map(usage),
    }
    .encode_to_vec()
}

pub(super) fn set_place_budget(done: &Done<'_>) -> Vec<u8> {
    let (frame, today) = (done.ledger.frame(), done.at.date_in_norway());
    pb::SetPlaceBudgetResponse {
        revision: Some(revision_of(done)),
        place_budget: places_on(&frame.budgets, today),
        quota_places: u32::try_from(frame.sum_of_quotas(today)).unwrap_or(u32::MAX),
        quotas_over_budget_places: frame.over_budget(today),
    }
    .encode_to_vec()
}

pub(super) fn set_quotas(done: &Done<'_>) -> Vec<u8> {
    let sum = done.ledger.frame().sum_of_quotas(done.at.date_in_norway());
    let total_places = u32::try_from(sum).unwrap_or(u32::MAX);
    pb::SetQuotasResponse { revision: Some(revision_of(done)), total_places }.encode_to_vec()
}

pub(super) fn join_waitlist(done: &Done<'_>) -> Vec<u8> {
    let entry =
        from_events(
            done,
            |event| if let Event::Joined { entry } = event { Some(entry) } else { None },
        );
    pb::JoinWaitlistResponse {
        revision: Some(revision_of(done)),
        entry_id: entry.map(|entry| entry.entry_id.to_string()).unwrap_or_default(),
        registered_time: entry.map(|entry| timestamp(entry.key.registered_time)),
        proposal: proposals(done).into_iter().next(),
    }
    .encode_to_vec()
}

pub(super) fn leave_waitlist(done: &Done<'_>) -> Vec<u8> {
    let entry_id = from_events(done, |event| {
        if let Event::Left { entry_id, .. } = event { Some(*entry_id) } else { None }
    });
    let withdrawn = from_events(done, |event| {
        if let Event::OfferWithdrawn { offer_id } = event { Some(*offer_id) } else { None }
    });
    pb::LeaveWaitlistResponse {
        revision: Some(revision_of(done)),
        entry_id: entry_id.map(|id| id.to_string()).unwrap_or_default(),
        withdrawn_offer: withdrawn.and_then(|id| offer_after(done.ledger, id)),
        proposals: proposals(done),
    }
    .encode_to_vec()
}

pub(super) fn allocate_places(done: &Done<'_>) -> Vec<u8> {
    let report =
        from_events(
            done,
            |event| if let Event::RunMade { report } = event { Some(report) } else { None },
        );
    let counts = |report: &RunReport| {
        let counts = report.passed_over_counts.iter();
        counts
            .map(|(reason, count)| pb::PassedOverCount {
                reason: passed_over_reason(*reason).into(),
                count: *count,
            })
            .collect()
    };
    let named = |report: &RunReport| {
        let named = report.passed_over.iter();
        named
            .map(|(entry_id, reason)| pb::PassedOver {
                entry_id: entry_id.to_string(),
                reason: passed_over_reason(*reason).into(),
            })
            .collect()
    };
    pb::AllocatePlacesResponse {
        revision: Some(revision_of(done)),
        proposals: proposals(done),
        passed_over: report.map(named).unwrap_or_default(),
        passed_over_counts: report.map(counts).unwrap_or_default(),
        run_end: report.map_or(pb::RunEnd::Unspecified, |report| run_end(report.end)).into(),
    }
    .encode_to_vec()
}

pub(super) fn confirm_proposals(done: &Done<'_>) -> Vec<u8> {
    let offers = done.events.iter().filter_map(|event| {
        if let Event::ProposalConfirmed { offer_id, .. } = event {
            offer_after(done.ledger, *offer_id)
        } else {
            None
        }
    });
    let offers = offers.collect();
    pb::ConfirmProposalsResponse { revision: Some(revision_of(done)), offers }.encode_to_vec()
}

pub(super) fn respond_to_offer(done: &Done<'_>) -> Vec<u8> {
    let offer_id = from_events(done, |event| {
        if let Event::OfferAccepted { offer_id, .. } | Event::OfferDeclined { offer_id, .. } = event
        {
            Some(*offer_id)
        } else {
            None
        }
    });
    let offer = offer_id.and_then(|id| offer_after(done.ledger, id));
    let (revision, proposals) = (Some(revision_of(done)), proposals(done));
    pb::RespondToOfferResponse { revision, offer, proposals }.encode_to_vec()
}

pub(super) fn start_placement(done: &Done<'_>) -> Vec<u8> {
    let id = from_events(done, |event| {
        if let Event::PlacementStarted { placement } | Event::PlacementChanged { placement, .. } =
            event
        {
            Some(placement.placement_id)
        } else {
            None
        }
    });
    let placement = id.and_then(|id| placement_to_caller(done, id));
    pb::StartPlacementResponse { revision: Some(revision_of(done)), placement }.encode_to_vec()
}

pub(super) fn end_placement(done: &Done<'_>) -> Vec<u8> {
    let id = from_events(done, |event| {
        if let Event::PlacementEndSet { placement_id, .. } = event {
            Some(*placement_id)
        } else {
            None
        }
    });
    let placement = id.and_then(|id| placement_to_caller(done, id));
    pb::EndPlacementResponse { revision: Some(revision_of(done)), placement }.encode_to_vec()
}
