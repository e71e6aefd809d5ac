//! `verify`.

use std::process::ExitCode;

use crate::{
    cli::{Failure, place::PlaceArgs, say},
    store::db::Db,
};

/// Checks a database and says what it found.
pub(super) async fn verify(place: &PlaceArgs) -> Result<ExitCode, Failure> {
    let database = place.database_beside().await?;
    let db = Db::open(&database.options);
    let report = crate::verify::verify(&db).await?;
    db.close().await;
    database.stop().await?;
    say(format!(
        "{} ledgers, {} log rows recomputed, {} entries, offers and placements compared",
        report.ledgers, report.log_rows, report.state_rows
    ));
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
