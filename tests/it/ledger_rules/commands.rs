//! Commands with everything a test does not care about filled in.

use super::*;

pub(super) fn submission(places: PlacesInPeriod) -> SubmitCapacity {
    SubmitCapacity {
        place_group_id: None,
        organisation_number: PROVIDER.parse().unwrap(),
        name: Some("Vilje viser vei".to_owned()),
        site_municipality_number: Some(municipality(TRONDHEIM)),
        work_fields: Vec::new(),
        places,
        agreement_reference: None,
        stated_wait: None,
        external_references: Vec::new(),
        call_off_rank: None,
    }
}

pub(super) fn review(submission_id: SubmissionId, approve: bool) -> Command {
    let (reason, case_reference) = (None, None);
    Command::ReviewCapacity(ReviewCapacity { submission_id, approve, reason, case_reference })
}

pub(super) fn budget(places: PlacesInPeriod) -> Command {
    let source = "Tildelingsbrev 2011".to_owned();
    Command::SetPlaceBudget(SetPlaceBudget { places, source, case_reference: None, rests_on: None })
}

pub(super) fn quota(number: &str, places: PlacesInPeriod) -> Quota {
    Quota {
        municipality_number: municipality(number),
        places,
        basis: QuotaBasis::Population,
        basis_date: None,
        source: "SSB 07459".to_owned(),
        review_by: None,
        committed_places: None,
    }
}

pub(super) fn quotas(quotas: Vec<Quota>) -> Command {
    Command::SetQuotas(SetQuotas { quotas, case_reference: None })
}

pub(super) fn person(number: u32) -> PersonId {
    PersonId(Uuid::from_u128(0x00_7065_7273_6f6e_0000 + u128::from(number)))
}

pub(super) fn join(number: u32, municipality_number: &str) -> JoinWaitlist {
    JoinWaitlist {
        person_id: person(number),
        municipality_number: municipality(municipality_number),
        following_office_number: "5701".parse().unwrap(),
        participation_percent: 100,
        preferred_place_groups: Vec::new(),
        work_fields: Vec::new(),
        priority_class: None,
        grounds: None,
        registered_time: None,
        external_references: Vec::new(),
        case_reference: None,
        propose_if_free: false,
        adviser: None,
        programme: None,
        on_behalf_of: None,
        wants_by: None,
        eligibility: None,
    }
}

/// Someone who wants so many per cent of a place.
pub(super) fn join_part(number: u32, municipality_number: &str, percent: u32) -> JoinWaitlist {
    JoinWaitlist { participation_percent: percent, ..join(number, municipality_number) }
}

pub(super) fn allocate(max_proposals: u32, groups: &[PlaceGroupId]) -> Command {
    let place_groups: BTreeSet<PlaceGroupId> = groups.iter().copied().collect();
    Command::AllocatePlaces(AllocatePlaces { max_proposals, place_groups, case_reference: None })
}

pub(super) fn confirm(offer_ids: &[OfferId]) -> Command {
    let offer_ids = offer_ids.to_vec();
    Command::ConfirmProposals(ConfirmProposals { offer_ids, case_reference: None })
}

pub(super) fn respond(offer_id: OfferId, accept: bool) -> Command {
    let (reason, case_reference) = (None, None);
    Command::RespondToOffer(RespondToOffer { offer_id, accept, reason, case_reference })
}

pub(super) fn start(offer_id: OfferId, start_date: Date) -> Command {
    Command::StartPlacement(StartPlacement {
        offer_id,
        start_date,
        case_reference: None,
        elsewhere: Vec::new(),
    })
}

pub(super) fn leave(entry_id: EntryId) -> Command {
    let (grounds, case_reference) = (None, None);
    Command::LeaveWaitlist(LeaveWaitlist { entry_id, grounds, case_reference })
}

pub(super) fn end(placement_id: PlacementId, end_date: Date) -> Command {
    Command::EndPlacement(EndPlacement {
        placement_id,
        end_date,
        outcome: Outcome::OrdinaryWork,
        reason: None,
        case_reference: None,
    })
}

/// An update that changes nothing yet.
pub(super) fn update(entry_id: EntryId) -> UpdateEntry {
    UpdateEntry {
        entry_id,
        preferred_place_groups: None,
        work_fields: None,
        participation_percent: None,
        priority_class: None,
        following_office_number: None,
        wants_by: None,
        programme: None,
        adviser: None,
        grounds: None,
        case_reference: None,
    }
}

/// A larger share of a placement, which waits where there is no room for it.
pub(super) fn grow(placement_id: PlacementId, percent: u32, valid_from: Date) -> Command {
    let change = PlacementAsk::Share { percent, valid_from, wait_if_full: true };
    Command::ChangePlacement(ChangePlacement { placement_id, change, case_reference: None })
}

pub(super) fn pause(entry_id: EntryId, until: Option<Date>) -> Command {
    Command::PauseEntry(PauseEntry { entry_id, until, reason: None, case_reference: None })
}

pub(super) fn resume(entry_id: EntryId) -> Command {
    Command::ResumeEntry(ResumeEntry { entry_id, case_reference: None })
}

pub(super) fn still_wanted(entry_id: EntryId) -> Command {
    Command::ConfirmEntry(ConfirmEntry { entry_id, case_reference: None })
}

pub(super) fn another_number(entry_id: EntryId) -> Command {
    let change = ChangeIdentityNumber { entry_id, reason: None, case_reference: None };
    Command::ChangeIdentityNumber(change)
}

pub(super) fn prioritize(entry_id: EntryId, bonus_days: u32) -> Command {
    Command::PrioritizeEntry(PrioritizeEntry {
        entry_id,
        bonus_days,
        reason: OutOfTurnReason::Health,
        text: None,
        case_reference: None,
    })
}

pub(super) fn together(joins: Vec<JoinWaitlist>) -> Command {
    Command::BatchJoinWaitlist(BatchJoinWaitlist { joins })
}
