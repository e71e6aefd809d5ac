//! What other services ask of somebody's participation.

use super::*;

fn check(number: &str, purpose: &str) -> CheckParticipationRequest {
    CheckParticipationRequest {
        national_identity_number: number.into(),
        purpose: purpose.into(),
        ..CheckParticipationRequest::default()
    }
}

/// Who takes part, who does not, and who is known nowhere.
pub(super) async fn answered(world: &World) {
    let service = world.service.caller(Role::Service, "aap").await;
    for person in [PERSON, OTHER_PERSON, REFUSED_PERSON] {
        let request = check(&identity(person), "vedtak");
        let told = service.allocation().check_participation(request).await.unwrap().into_inner();
        assert_clean("a small answer", &format!("{told:?}"), &needles());
    }
}

/// Of no number, with a number where something else belongs, and of what is not there.
pub(super) async fn refused(world: &World) -> Vec<Status> {
    let service = world.service.caller(Role::Service, "aap").await;
    let number = identity(REFUSED_PERSON);
    let of = |code: &str| CheckParticipationRequest {
        measure_codes: vec![code.to_owned()],
        ..check(&number, "vedtak")
    };
    let requests = [
        check(&wrong_check_digits(), "vedtak"),
        check(&number, &number),
        of(&number),
        of("UKJENT"),
    ];
    let mut told = Vec::new();
    for request in requests {
        told.push(service.allocation().check_participation(request.clone()).await.unwrap_err());
        told.push(world.office.allocation().check_participation(request).await.unwrap_err());
    }
    told
}

/// One that cannot be written down.
pub(super) async fn unanswered(world: &World) -> Status {
    let service = world.service.caller(Role::Service, "aap").await;
    let request = check(&identity(1), "vedtak");
    service.allocation().check_participation(request).await.unwrap_err()
}

/// Lookups that are refused: of no number, and with a number where the purpose belongs.
pub(super) async fn refused_lookups(world: &World) -> Vec<Status> {
    let lookup = |national_identity_number: String, purpose: String| LookupPersonRequest {
        national_identity_number,
        purpose,
        ..LookupPersonRequest::default()
    };
    let requests = [
        lookup(wrong_check_digits(), "vedtak".into()),
        lookup(identity(REFUSED_PERSON), identity(REFUSED_PERSON)),
        lookup(identity(REFUSED_PERSON), String::new()),
        LookupPersonRequest {
            page_token: "x".into(),
            ..lookup(identity(REFUSED_PERSON), "vedtak".into())
        },
    ];
    let (mut told, silent) = (Vec::new(), world.office.saying(&[]));
    for request in requests {
        told.push(silent.waitlist().lookup_person(request.clone()).await.unwrap_err());
        told.push(world.provider.waitlist().lookup_person(request).await.unwrap_err());
    }
    told.extend(refused(world).await);
    told
}
