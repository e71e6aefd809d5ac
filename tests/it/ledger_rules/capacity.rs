//! `SubmitCapacity` and `ReviewCapacity`.

use tiltaksplass::domain::{
    capacity::{PlaceGroup, Submission, SubmissionState},
    ledger::PLACE_GROUPS_MAX,
};

use super::*;

fn submit(ledger: &mut Ledger, submit: SubmitCapacity) -> Result<Vec<Event>, Refusal> {
    happen_as(ledger, &actor("provider"), &Command::SubmitCapacity(submit), noon())
}

fn group_not_found(id: PlaceGroupId) -> Refusal {
    Refusal::NotFound { what: "place group", id: id.to_string() }
}

#[test]
fn what_the_registry_lacks_is_not_submitted() {
    let unknown = "999999999".parse().unwrap_or_else(|_| "889640782".parse().unwrap());
    let cases = [
        (
            SubmitCapacity { organisation_number: unknown, ..commands::submission(from(1, TODAY)) },
            "organisation_number",
            "is not a provider of the registry",
        ),
        (
            SubmitCapacity {
                site_municipality_number: Some(municipality(STEINKJER)),
                ..commands::submission(from(1, TODAY))
            },
            "site_municipality_number",
            "is not a municipality of this area",
        ),
    ];
    for (command, field, problem) in cases {
        let refusal = submit(&mut vta(), command).unwrap_err();
        let Refusal::RegistryMismatch { field: found, problem: told, .. } = refusal else {
            panic!("{refusal:?}")
        };
        assert_eq!((found, told), (field, problem));
    }
}

#[test]
fn a_ledger_needs_its_area_and_its_measure_type() {
    let id = ledger_id("AFT");
    let commands = [
        Command::SubmitCapacity(commands::submission(from(1, TODAY))),
        commands::budget(from(1, TODAY)),
        commands::quotas(Vec::new()),
        Command::JoinWaitlist(commands::join(1, TRONDHEIM)),
        commands::allocate(1, &[]),
        commands::confirm(&[]),
        Command::BeginDay { date: TODAY },
    ];
    for command in commands {
        let mut ledger = Ledger::new(id.clone(), Distribution::CountyPool, Head::EMPTY);
        let kind = command.kind();
        let refusal = happen(&mut ledger, command, noon()).unwrap_err();
        assert_eq!(refusal, Refusal::LedgerNotFound(id.clone()), "{kind}");
    }
}

#[test]
fn a_submission_waits_and_holds_nothing() {
    let mut ledger = vta();
    let mut command = commands::submission(from(4, TODAY));
    command.external_references = vec![reference("g1")];
    let events = submit(&mut ledger, command.clone()).unwrap();
    let [Event::CapacitySubmitted { submission }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(submission.state, SubmissionState::Submitted);
    assert_eq!(submission.places, from(4, TODAY));
    assert_eq!(submission.submitted_by, "https://issuer.example:provider");
    assert_eq!(submission.external_references, [reference("g1")]);
    assert_eq!((ledger.place_groups().count(), ledger.accounts().count()), (0, 0));
    let refusal = submit(&mut ledger, command).unwrap_err();
    let taken = Refusal::ExternalReferenceTaken { system: "arena".into(), id: "g1".into() };
    assert_eq!(refusal, taken);
}

#[test]
fn a_rejected_new_group_leaves_its_name_elsewhere_free() {
    let mut ledger = vta();
    let mut command = commands::submission(from(4, TODAY));
    command.external_references = vec![reference("g1")];
    let events = submit(&mut ledger, command.clone()).unwrap();
    let [Event::CapacitySubmitted { submission }] = events.as_slice() else { panic!("{events:?}") };
    let reject = ReviewCapacity {
        submission_id: submission.submission_id,
        approve: false,
        reason: Some("dobbelt".into()),
        case_reference: None,
    };
    happen(&mut ledger, Command::ReviewCapacity(reject), noon()).unwrap();
    submit(&mut ledger, command).unwrap();
}

#[test]
fn a_group_is_its_own_providers() {
    let mut ledger = vta();
    let group = add_group(&mut ledger, 3, &[]);
    let unknown = PlaceGroupId(Uuid::from_u128(7));
    let mut more = commands::submission(from(5, TODAY));
    more.place_group_id = Some(unknown);
    assert_eq!(submit(&mut ledger, more.clone()).unwrap_err(), group_not_found(unknown));
    more.place_group_id = Some(group);
    more.organisation_number = OTHER_PROVIDER.parse().unwrap();
    assert_eq!(submit(&mut ledger, more).unwrap_err(), group_not_found(group));
}

#[test]
fn a_change_of_a_group_may_name_the_groups_own_reference_again() {
    let mut ledger = vta();
    let mut first = commands::submission(from(3, TODAY));
    first.external_references = vec![reference("g1")];
    let submission_id = submitted(&mut ledger, first.clone());
    happen(&mut ledger, commands::review(submission_id, true), noon()).unwrap();
    let group = ledger.place_groups().next().unwrap().place_group_id;
    first.place_group_id = Some(group);
    submitted(&mut ledger, first.clone());
    // Another group may not.
    let other = add_group(&mut ledger, 1, &[]);
    first.place_group_id = Some(other);
    let refusal = submit(&mut ledger, first).unwrap_err();
    assert!(matches!(refusal, Refusal::ExternalReferenceTaken { .. }), "{refusal:?}");
}

#[test]
fn who_submitted_does_not_review() {
    let mut ledger = vta();
    let submission_id = submitted(&mut ledger, commands::submission(from(3, TODAY)));
    for approve in [true, false] {
        let review = commands::review(submission_id, approve);
        let refusal = happen_as(&mut ledger, &actor("provider"), &review, noon()).unwrap_err();
        assert_eq!(refusal, Refusal::FourEyes);
    }
}

#[test]
fn a_submission_is_reviewed_once() {
    for (first, state) in [(true, "APPROVED"), (false, "REJECTED")] {
        let mut ledger = vta();
        let submission_id = submitted(&mut ledger, commands::submission(from(3, TODAY)));
        happen(&mut ledger, commands::review(submission_id, first), noon()).unwrap();
        for (again, transition) in [(true, "APPROVE"), (false, "REJECT")] {
            let review = commands::review(submission_id, again);
            let refusal = happen(&mut ledger, review, noon()).unwrap_err();
            let what = "the submission";
            assert_eq!(refusal, Refusal::WrongState { what, state, transition });
        }
    }
    let unknown = SubmissionId(Uuid::from_u128(7));
    let refusal = happen(&mut vta(), commands::review(unknown, true), noon()).unwrap_err();
    assert_eq!(refusal, Refusal::NotFound { what: "submission", id: unknown.to_string() });
}

#[test]
fn a_rejected_submission_never_holds() {
    let mut ledger = vta();
    let submission_id = submitted(&mut ledger, commands::submission(from(3, TODAY)));
    let events = happen(&mut ledger, commands::review(submission_id, false), noon()).unwrap();
    assert_eq!(events, [Event::CapacityRejected { submission_id, reason: None }]);
    assert_eq!((ledger.place_groups().count(), ledger.accounts().count()), (0, 0));
}

#[test]
fn a_new_group_needs_a_name_and_a_site() {
    let unnamed = SubmitCapacity { name: None, ..commands::submission(from(1, TODAY)) };
    let nowhere =
        SubmitCapacity { site_municipality_number: None, ..commands::submission(from(1, TODAY)) };
    for (command, expected) in [(unnamed, "name"), (nowhere, "site_municipality_number")] {
        let mut ledger = vta();
        let submission_id = submitted(&mut ledger, command);
        let review = commands::review(submission_id, true);
        let refusal = happen(&mut ledger, review, noon()).unwrap_err();
        let Refusal::RegistryMismatch { field, problem, .. } = refusal else {
            panic!("{refusal:?}")
        };
        assert_eq!((field, problem), (expected, "is required for a new place group"));
    }
}

#[test]
fn an_approved_change_keeps_what_it_does_not_name() {
    let mut ledger = vta();
    let group = add_group(&mut ledger, 3, &["Kantine"]);
    let mut change = commands::submission(from(5, TODAY));
    change.place_group_id = Some(group);
    change.name = None;
    change.site_municipality_number = None;
    change.work_fields = vec!["Gartneri".to_owned()];
    let submission_id = submitted(&mut ledger, change);
    happen(&mut ledger, commands::review(submission_id, true), noon()).unwrap();
    let PlaceGroup { name, site_municipality_number, work_fields, capacity, .. } =
        ledger.place_group(group).unwrap();
    assert_eq!((name.as_str(), site_municipality_number.as_str()), ("Vilje viser vei", TRONDHEIM));
    assert_eq!(*work_fields, ["Gartneri"]);
    assert_eq!(*capacity, [from(3, TODAY), from(5, TODAY)]);
    assert_eq!(limit(&ledger, &AccountKey::PlaceGroup(group)), 500);
}

#[test]
fn a_ledger_has_so_many_groups_and_no_more() {
    let mut ledger = vta();
    let first = add_group(&mut ledger, 1, &[]);
    let template = ledger.place_group(first).unwrap().clone();
    for number in 1..PLACE_GROUPS_MAX as u128 {
        let place_group_id = PlaceGroupId(Uuid::from_u128(number));
        ledger.load_place_group(PlaceGroup { place_group_id, ..template.clone() });
    }
    let submission_id = submitted(&mut ledger, commands::submission(from(1, TODAY)));
    let refusal = happen(&mut ledger, commands::review(submission_id, true), noon()).unwrap_err();
    let would_be = PLACE_GROUPS_MAX + 1;
    let (what, most) = (Limited::PlaceGroups, PLACE_GROUPS_MAX);
    assert_eq!(refusal, Refusal::LimitReached { what, would_be, most });
    // A change of one that is there is not one more.
    let mut change = commands::submission(from(2, TODAY));
    change.place_group_id = Some(first);
    let submission_id = submitted(&mut ledger, change);
    happen(&mut ledger, commands::review(submission_id, true), noon()).unwrap();
    let Submission { state, .. } = ledger.submission(submission_id).unwrap();
    assert_eq!(*state, SubmissionState::Approved);
}
