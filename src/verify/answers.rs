//! The kept answers: each belongs to a row of a log, each call of somebody's has one, and
//! what it says it is of is what it is of.

use prost::Message;
use sqlx::PgConnection;

use crate::{
    proto::v1::Revision,
    store::answers::{self, Kept},
    verify::{PAGE, Report},
};

/// What every answer of a mutation begins with.
#[derive(Clone, PartialEq, Message)]
struct Revised {
    #[prost(message, optional, tag = "1")]
    revision: Option<Revision>,
}

/// Compares answers with log rows.
pub(super) async fn check(
    connection: &mut PgConnection,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    for (what, count) in answers::strays(connection).await? {
        if count > 0 {
            report.tell(format!("{count} {what}"));
        }
    }
    let mut after = None;
    loop {
        let page = answers::page(connection, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.ledger.clone(), last.seq));
        for kept in page.iter().filter(|kept| !says_its_own(kept)) {
            report.find(&kept.ledger, format!("the answer to log row {} is another's", kept.seq));
        }
    }
}

fn says_its_own(kept: &Kept) -> bool {
    let Some(response) = &kept.response else { return true };
    let revision = Revised::decode(response.as_slice()).ok().and_then(|answer| answer.revision);
    revision.is_some_and(|revision| {
        let of = revision.ledger.unwrap_or_default();
        (of.county_id.as_str(), of.measure_code.as_str(), revision.seq)
            == (kept.ledger.county_id.as_str(), kept.ledger.measure_code.as_str(), kept.seq)
    })
}
