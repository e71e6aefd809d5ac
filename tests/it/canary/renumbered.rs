//! A person who gets another number, a number that is another's, and a change of keys.

use std::path::Path;

use tiltaksplass::{
    keys::{add_version, retire_versions, use_version},
    rotation::seal_page,
};

use super::*;

/// Why there is another number.
pub(super) const REASON: &str = "kanarifugl-nummer";

fn change(ledger: &Ledger, entry_id: &str, number: String) -> ChangeIdentityNumberRequest {
    ChangeIdentityNumberRequest {
        request_id: request_id(),
        ledger: Some(ledger.clone()),
        entry_id: entry_id.into(),
        national_identity_number: number,
        reason: format!("fordi {REASON}"),
        ..ChangeIdentityNumberRequest::default()
    }
}

/// Somebody gets another number, after a preview; what is refused is told.
pub(super) async fn told(world: &World, ledger: &Ledger) -> Vec<Status> {
    let joined = world.office.waitlist().join_waitlist(join(ledger, RENUMBERED_PERSON)).await;
    let entry_id = joined.unwrap().into_inner().entry_id;
    let to = |person| change(ledger, &entry_id, identity(person));
    let request = to(RENUMBERED_PERSON + 1);
    let preview = ChangeIdentityNumberRequest { validate_only: true, ..request.clone() };
    for request in [preview, request.clone(), request] {
        let answer = world.office.waitlist().change_identity_number(request).await.unwrap();
        assert_clean("a change of number", &format!("{answer:?}"), &needles());
    }
    let misplaced = ChangeIdentityNumberRequest {
        reason: format!("var {}", identity(RENUMBERED_PERSON)),
        ..to(RENUMBERED_PERSON + 1)
    };
    let requests = [
        to(PERSON),
        misplaced,
        change(ledger, &entry_id, wrong_check_digits()),
        to(REFUSED_PERSON),
    ];
    let mut told = Vec::new();
    for request in requests {
        told.push(world.provider.waitlist().change_identity_number(request.clone()).await);
        // The last is free, and not refused.
        if request.national_identity_number != identity(REFUSED_PERSON) {
            told.push(world.office.waitlist().change_identity_number(request).await);
        }
    }
    told.into_iter().map(Result::unwrap_err).collect()
}

/// The whole way to another key; the main keys there were.
pub(super) async fn rotate(world: &World, file: &Path) -> Vec<String> {
    let app = &world.service.app;
    let main_keys = || {
        let contents: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let keys = contents["keys"].as_object().unwrap().values();
        keys.map(|key| key.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    add_version(file).unwrap();
    app.keys.reload().unwrap();
    let keys = main_keys();
    use_version(file, 2).unwrap();
    app.keys.reload().unwrap();
    let page = seal_page(&app.db, &app.keys, None).await.unwrap();
    assert!(page.sealed > 2 && page.failed.is_empty());
    retire_versions(file).unwrap();
    app.keys.reload().unwrap();
    assert_eq!((keys.len(), main_keys().len()), (2, 1));
    keys
}
