//! A story in which every command and every event happens, with every optional field filled in
//! somewhere: what the log's format is pinned with.

use tiltaksplass::domain::{
    capacity::StatedWait,
    command::ImportRegistry,
    event::Payload,
    ids::RequestId,
    measure::{Distribution, MeasureType, PriorityClass},
    registry::DistributionWeight,
    waitlist::{EntryState, Sealed},
};

use super::*;

/// A log row of the story, by a name of its own.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) who: Actor,
    pub(super) at: Timestamp,
    pub(super) payload: Payload,
}

struct Story {
    ledger: Ledger,
    samples: Vec<Sample>,
}

impl Story {
    fn happen(&mut self, name: &'static str, command: Command, at: Timestamp) -> Vec<Event> {
        let who = actor(if name.starts_with("submit") { "provider" } else { "county" });
        let id_seed = hex::encode(seed(self.ledger.head().seq));
        // The first rules wrote it, and it is what they wrote.
        let events = happen_by(&mut self.ledger, &who, &command, at, 1).unwrap();
        let payload = Payload { command, id_seed, events: events.clone() };
        let at = self.ledger.head().at;
        self.samples.push(Sample { name, who, at, payload });
        events
    }
}

pub(super) fn story() -> Vec<Sample> {
    let mut story = Story { ledger: vta(), samples: Vec::new() };
    places(&mut story);
    let offers = proposals(&mut story);
    answers(&mut story, &offers);
    let mut registry = Story {
        ledger: Ledger::new(LedgerId::registry(), Distribution::CountyPool, Head::EMPTY),
        samples: story.samples,
    };
    let import = ImportRegistry { source: "SSB, NAV".into(), rows: registry_sample() };
    registry.happen("import_registry", Command::ImportRegistry(import), noon());
    registry.samples
}

fn this_year(places: u32, valid_from: Date) -> PlacesInPeriod {
    PlacesInPeriod { valid_to: Some(date!(2012 - 01 - 01)), ..from(places, valid_from) }
}

fn places(story: &mut Story) {
    let case_reference = Some("2011/1".to_owned());
    let places = this_year(20, TODAY);
    let source = "Tildelingsbrev 2011".to_owned();
    let budget =
        SetPlaceBudget { places, source, case_reference: case_reference.clone(), rests_on: None };
    story.happen("set_place_budget", Command::SetPlaceBudget(budget), noon());
    let full = Quota {
        basis: QuotaBasis::NeedAssessment,
        basis_date: Some(date!(2011 - 01 - 01)),
        review_by: Some(date!(2011 - 12 - 31)),
        ..commands::quota(TRONDHEIM, this_year(4, TODAY))
    };
    let quotas = vec![
        full,
        commands::quota(HEMNE, from(0, TODAY)),
        commands::quota(ORKDAL, this_year(2, days_on(5))),
    ];
    let quotas = SetQuotas { quotas, case_reference: case_reference.clone() };
    story.happen("set_quotas", Command::SetQuotas(quotas), noon());
    for (name, approve) in [("review_capacity", true), ("review_capacity_rejected", false)] {
        let mut submit = commands::submission(from(4, TODAY));
        submit.work_fields = vec!["Kantine".into(), "Gartneri".into()];
        submit.agreement_reference = Some("Avtale 7".into());
        submit.stated_wait = Some(StatedWait::Months(18));
        submit.external_references = vec![reference(name)];
        let submit_name = if approve { "submit_capacity" } else { "submit_capacity_again" };
        let events = story.happen(submit_name, Command::SubmitCapacity(submit), noon());
        let [Event::CapacitySubmitted { submission, .. }] = events.as_slice() else {
            panic!("{events:?}")
        };
        let review = ReviewCapacity {
            submission_id: submission.submission_id,
            approve,
            reason: Some("Etter avtalen".into()),
            case_reference: case_reference.clone(),
        };
        story.happen(name, Command::ReviewCapacity(review), noon());
    }
    story.happen("begin_day", Command::BeginDay { date: days_on(5) }, hour(days_on(5), 1));
}

fn proposals(story: &mut Story) -> Vec<OfferId> {
    let at = hour(days_on(6), 9);
    let group = story.ledger.place_groups().next().unwrap().place_group_id;
    let join = JoinWaitlist {
        preferred_place_groups: vec![group],
        work_fields: vec!["Gartneri".into()],
        priority_class: Some("YOUNG".parse().unwrap()),
        grounds: Some(Sealed("c2VhbGVk".into())),
        registered_time: Some(hour(TODAY, 8)),
        external_references: vec![reference("entry 1")],
        case_reference: Some("2011/2".into()),
        ..commands::join_part(1, TRONDHEIM, 60)
    };
    story.happen("join_waitlist", Command::JoinWaitlist(join), at);
    // Nobody gets a place from a quota of 0.
    story.happen("join_waitlist_hemne", commands_join(2, HEMNE), at);
    for number in 3..6 {
        story.happen("join_waitlist_trondheim", commands_join(number, TRONDHEIM), at);
    }
    let allocate = AllocatePlaces {
        max_proposals: 9,
        place_groups: BTreeSet::from([group]),
        case_reference: Some("2011/3".into()),
    };
    let events = story.happen("allocate_places", Command::AllocatePlaces(allocate), at);
    offers_of(&events).map(|offer| offer.offer_id).collect()
}

fn commands_join(number: u32, municipality: &str) -> Command {
    Command::JoinWaitlist(commands::join(number, municipality))
}

fn answers(story: &mut Story, offers: &[OfferId]) {
    let at = hour(days_on(6), 10);
    let case = || Some("2011/4".to_owned());
    let sealed = || Some(Sealed("c2VhbGVk".into()));
    let confirm = ConfirmProposals { offer_ids: offers[..3].to_vec(), case_reference: case() };
    story.happen("confirm_proposals", Command::ConfirmProposals(confirm), at);
    let offer_id = offers[3];
    let late = hour(days_on(40), 0);
    for (name, offer_id, accept) in
        [("respond_to_offer", offers[0], true), ("respond_to_offer_no", offers[1], false)]
    {
        let (reason, case_reference) = (if accept { None } else { sealed() }, case());
        let answer = RespondToOffer { offer_id, accept, reason, case_reference };
        story.happen(name, Command::RespondToOffer(answer), at);
    }
    let start_date = days_on(6);
    let start = StartPlacement {
        offer_id: offers[0],
        start_date,
        case_reference: case(),
        elsewhere: Vec::new(),
    };
    let events = story.happen("start_placement", Command::StartPlacement(start), at);
    let [Event::PlacementStarted { placement }] = events.as_slice() else { panic!("{events:?}") };
    let placement_id = placement.placement_id;
    let end = EndPlacement {
        placement_id,
        end_date: days_on(40),
        outcome: Outcome::Education,
        reason: sealed(),
        case_reference: case(),
    };
    story.happen("end_placement", Command::EndPlacement(end), at);
    story.happen("finish_placement", Command::FinishPlacement { placement_id }, late);
    story.happen("lapse_proposal", Command::LapseProposal { offer_id }, late);
    story.happen("nothing_to_do", Command::LapseProposal { offer_id }, late);
    story.happen("expire_offer", Command::ExpireOffer { offer_id: offers[2] }, late);
    leaving(story, late);
}

/// Somebody leaves with a proposal, and somebody who only waits.
fn leaving(story: &mut Story, at: Timestamp) {
    let allocate = commands::allocate(1, &[]);
    let events = story.happen("allocate_places", allocate, at);
    let proposed = offers_of(&events).next().unwrap().entry_id;
    let waits = story.ledger.entries().find(|entry| entry.state == EntryState::Waiting);
    let waits = waits.unwrap().entry_id;
    for (name, entry_id) in [("leave_waitlist", proposed), ("leave_waitlist_waiting", waits)] {
        let (grounds, case_reference) = (Some(Sealed("c2VhbGVk".into())), Some("2011/5".into()));
        let leave = LeaveWaitlist { entry_id, grounds, case_reference };
        story.happen(name, Command::LeaveWaitlist(leave), at);
    }
}

/// A row of each kind.
fn registry_sample() -> Vec<RegistryRow> {
    let mut rows = vec![
        RegistryRow::MeasureType(MeasureType {
            code: "APS".parse().unwrap(),
            name: "Arbeidspraksis i skjermet virksomhet".into(),
            distribution: Distribution::ByMunicipality,
            part_time_allowed: true,
            confirm_working_days: 5,
            answer_working_days: 10,
            priority_classes: vec![PriorityClass {
                code: "YOUNG".parse().unwrap(),
                bonus_days: 30,
            }],
            aliases: vec![reference("ARBPRAKS")],
            rules: tiltaksplass::domain::measure::MeasureRules::default(),
        }),
        RegistryRow::DistributionWeight(DistributionWeight {
            key_name: "population".into(),
            key_date: date!(2012 - 01 - 01),
            municipality_number: municipality(TRONDHEIM),
            weight: 176_348,
            source: "SSB 07459".into(),
            borders_date: None,
        }),
    ];
    // What changed names and what is the same stand beside what is new.
    let named = |row: RegistryRow| {
        if let RegistryRow::Holiday(holiday) = row {
            RegistryRow::Holiday(Holiday { name: "Fri".into(), ..holiday })
        } else {
            row
        }
    };
    rows.extend(registry_rows().into_iter().map(named));
    rows.push(RegistryRow::Area(Area {
        county_id: "NO-18".parse().unwrap(),
        name: "Nordland".into(),
    }));
    rows.push(RegistryRow::Municipality(Municipality {
        municipality_number: municipality("1804"),
        name: "Bodø".into(),
        county_id: "NO-18".parse().unwrap(),
    }));
    rows.push(RegistryRow::Office(Office {
        office_number: "1804".parse().unwrap(),
        name: "NAV Bodø".into(),
        municipality_numbers: BTreeSet::from([municipality("1804")]),
    }));
    rows.push(RegistryRow::Provider(Provider {
        organisation_number: "889640782".parse().unwrap(),
        name: "Bodø Industri AS".into(),
    }));
    rows
}

/// The name clients give a call, for the header.
pub(super) fn request_id() -> RequestId {
    RequestId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001))
}
