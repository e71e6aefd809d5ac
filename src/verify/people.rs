//! People, with the keys at hand: every key opens, every ciphertext is the person's own,
//! and every digest finds the one it was made of.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use crate::{
    domain::national_identity::NationalIdentityNumber,
    keys::Keys,
    store::{
        key_check, key_use,
        people::{Kept, page},
    },
    verify::{PAGE, Report},
};

/// What a service makes of its keys to know its own database by.
pub const KEY_CHECK: [&[u8]; 1] = [b"key check"];

/// Opens what is kept of each person.
pub(super) async fn check(
    connection: &mut PgConnection,
    keys: &Keys,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let value = key_check::find(connection).await?;
    if !value.is_some_and(|value| keys.fingerprint_matches(&KEY_CHECK, &value)) {
        report.tell("the keys are not those of this database, or nothing proves it".to_owned());
    }
    let (retired, in_use) = key_use::by_state(&key_use::used(connection).await?);
    if let Some(why) = keys.held().unfit(&in_use, &retired) {
        report.tell(format!("the key file is not the newest: {why}"));
    }
    let mut after = None;
    loop {
        let people = page(connection, after, PAGE).await?;
        let Some(last) = people.last() else { return Ok(()) };
        after = Some(last.person_id);
        for person in &people {
            report.people += 1;
            if !is_whole(keys, person) {
                report.tell(format!(
                    "person {}: the keys, the ciphertext and the digests do not belong together",
                    person.person_id
                ));
            }
        }
    }
}

fn is_whole(keys: &Keys, person: &Kept) -> bool {
    let id = person.person_id.0;
    let opens = keys.unwrap_data_key(&person.data_key, id).is_ok();
    let identity = keys.open_identity(&person.identity, id);
    let Ok(identity) = identity else { return false };
    let formers: Result<Vec<_>, _> =
        person.formers.iter().map(|former| keys.open_identity(former, id)).collect();
    let Ok(formers) = formers else { return false };
    let numbers = formers.iter().chain([&identity]);
    let own: BTreeSet<(i32, Vec<u8>)> = numbers
        .flat_map(|number| keys.identity_hmacs(number))
        .map(|(version, hmac)| (version, hmac.to_vec()))
        .collect();
    // Digests under a key that is gone find nobody, and are forgotten bit by bit.
    let retired = keys.held().retired;
    let mut digests = person.digests.iter().filter(|(version, _)| !retired.contains(version));
    // Each of the person's numbers finds them.
    let finds = |number: &NationalIdentityNumber| {
        let hmacs = keys.identity_hmacs(number);
        hmacs.into_iter().any(|(v, hmac)| person.digests.contains(&(v, hmac.to_vec())))
    };
    let is_found = formers.iter().chain([&identity]).all(finds);
    opens && is_found && digests.all(|digest| own.contains(digest))
}
