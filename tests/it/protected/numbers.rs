//! Numbers and names beside the looks: a change of number finds nobody's entry, and a review tells
//! who has looked at somebody of the same name.

use super::*;
use crate::support::request_id;

async fn renumber(
    caller: &Caller,
    ledger: &Ledger,
    entry_id: &str,
    person: u32,
) -> Result<ChangeIdentityNumberResponse, Status> {
    let request = ChangeIdentityNumberRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        national_identity_number: identity(person),
        reason: "D-nummer ble til fødselsnummer".into(),
        validate_only: true,
        ..ChangeIdentityNumberRequest::default()
    };
    caller.waitlist().change_identity_number(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn no_entry_is_found_by_trying_a_protected_number_on_all() {
    let register = Register::default();
    let world = world_asking(register.source()).await;
    let (ledger, entries) = scene(&world).await;
    let everything: Grades = Protection::ALL.into_iter().collect();
    let caller = cleared(&world, Role::Office, &Grades::new()).await;
    let trusted = cleared(&world, Role::Office, &everything).await;
    let outcomes = async |caller: &Caller| {
        let mut outcomes = Vec::new();
        for entry_id in entries.values() {
            let outcome = renumber(caller, &ledger, entry_id, 1).await;
            outcomes.push(outcome.map_err(|status| reason(&status)).err().unwrap_or_default());
        }
        outcomes
    };
    // Somebody's number is nobody else's, and their own already; whether they are protected does
    // not show.
    let taken = || "IDENTITY_NUMBER_TAKEN".to_owned();
    for grades in grades_in_turn().into_iter().chain([Grades::new()]) {
        register.protect(1, &grades);
        assert_eq!(outcomes(&caller).await, [taken(), taken(), taken()], "{grades:?}");
        let known = [String::new(), taken(), taken()];
        assert_eq!(outcomes(&trusted).await, known, "{grades:?}");
    }
}

#[tokio::test]
async fn a_review_names_who_looked_at_somebody_of_the_same_surname() {
    let register = Register::default();
    register.name(1, "Moe");
    register.name(2, "Lund");
    let world = world_asking(register.source()).await;
    let (ledger, entries) = scene(&world).await;
    let moe = TokenRequest {
        name: Some("Kari Moe".to_owned()),
        ..TokenRequest::new("Z990001", Role::Office, OFFICE, time::Duration::hours(8))
    };
    let moe = world.service.caller_with(&moe).await;
    for person in [1, 2, 3] {
        told(&moe, &ledger, &entries[&person]).await.unwrap();
    }
    let auditor = cleared(&world, Role::Auditor, &Grades::new()).await;
    let request = ReviewAccessesRequest {
        from_date: Some(date(2026, 3, 1)),
        until_date: Some(date(2026, 3, 20)),
        purpose: "kontroll".into(),
        ..ReviewAccessesRequest::default()
    };
    let same = async || {
        let answer = auditor.audit().review_accesses(request.clone()).await.unwrap().into_inner();
        let found = |one: &&AccessFinding| one.rule() == AccessRule::SameSurname;
        answer.findings.iter().find(found).unwrap().clone()
    };
    let finding = same().await;
    assert_eq!(finding.count, 1, "{finding:?}");
    assert_eq!(finding.accesses[0].entry_ids, [entries[&1].clone()]);
    let judged_before = finding.not_judged;
    // Without the source nobody is judged; and the first review is an access too.
    register.set_down(true);
    let finding = same().await;
    assert_eq!((finding.count, finding.not_judged), (0, judged_before + 2 + 1));
}
