//! `verify`.

use std::process::ExitCode;

use crate::{
    cli::{
        Failure,
        place::{PlaceArgs, keys_at_hand},
        say,
    },
    store::db::Db,
};

/// Checks a database and says what it found.
pub(super) async fn verify(place: &PlaceArgs) -> Result<ExitCode, Failure> {
    let database = place.database_beside().await?;
    let db = Db::open(&database.options);
    let keys = keys_at_hand(&place.folder()?)?;
    let report = crate::verify::verify(&db, keys.as_deref()).await?;
    db.close().await;
    database.stop().await?;
    say(format!(
        "{} ledgers, {} log rows recomputed, {} entries, offers and placements compared",
        report.ledgers, report.log_rows, report.state_rows
    ));
    say(match keys {
        Some(_) => {
            format!("{} accesses in their chains, {} people opened", report.accesses, report.people)
        }
        None => format!(
            "{} accesses in their chains; the keys are not at hand, so no person was opened \
             (give the service's --data-dir)",
            report.accesses
        ),
    });
    for finding in &report.findings {
        say(format!("WRONG: {finding}"));
    }
    if report.findings.is_empty() {
        say("all is well");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}
