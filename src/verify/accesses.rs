//! The access log: every chain goes on from row to row, to the end its recorder noted.

use sqlx::PgConnection;

use crate::{
    store::access_log::{ChainEnd, chain_ends, follow_chain},
    verify::{PAGE, Report},
};

/// Follows every chain; says what does not follow.
pub(super) async fn check(
    connection: &mut PgConnection,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    for noted in chain_ends(connection).await? {
        let begin = ChainEnd { number: 0, hash: [0; 32], ..noted.clone() };
        match follow(connection, begin, report).await? {
            Some(end) if end == noted => {}
            Some(end) => report.tell(format!(
                "accesses in {}: a recorder's chain ends at {} and not at {}",
                noted.county_id, end.number, noted.number
            )),
            None => report.tell(format!(
                "accesses in {}: a row does not follow the one before it",
                noted.county_id
            )),
        }
    }
    Ok(())
}

async fn follow(
    connection: &mut PgConnection,
    begin: ChainEnd,
    report: &mut Report,
) -> Result<Option<ChainEnd>, sqlx::Error> {
    let mut end = begin;
    loop {
        let Some(next) = follow_chain(connection, &end, PAGE).await? else { return Ok(None) };
        if next.number == end.number {
            return Ok(Some(end));
        }
        report.accesses += (next.number - end.number).unsigned_abs();
        end = next;
    }
}
