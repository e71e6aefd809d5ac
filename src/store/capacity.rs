//! Reads of what was submitted for place groups.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row, types::Json};
use uuid::Uuid;

use crate::{
    domain::{
        capacity::{Submission, SubmissionState},
        ids::{LedgerId, OrganisationNumber, PlaceGroupId},
    },
    store::rows::submission_state,
};

/// Which place groups a page shows.
#[derive(Debug, Clone)]
pub struct GroupFilter {
    /// Of this provider only.
    pub organisation_number: Option<OrganisationNumber>,
    /// With a submission in this state only.
    pub state: Option<SubmissionState>,
}

/// Place groups after `after`, by id. Each group, approved or not yet, began with a
/// submission, so that those name them all.
pub async fn group_ids(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    filter: &GroupFilter,
    after: Option<PlaceGroupId>,
    limit: i64,
) -> Result<Vec<PlaceGroupId>, sqlx::Error> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "-- page_of_groups\n\
         SELECT DISTINCT (doc->>'place_group_id')::uuid AS place_group_id \
         FROM capacity_submission WHERE county_id = $1 AND measure_code = $2 \
         AND ($3::text IS NULL OR doc->>'organisation_number' = $3) \
         AND ($4::text IS NULL OR state = $4) AND (doc->>'place_group_id')::uuid > $5 \
         ORDER BY place_group_id LIMIT $6",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(filter.organisation_number.as_ref().map(OrganisationNumber::as_str))
    .bind(filter.state.as_ref().map(submission_state))
    .bind(after.map_or(Uuid::nil(), |id| id.0))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(PlaceGroupId).collect())
}

/// The latest submissions of each of these groups, the latest first.
pub async fn latest_submissions(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    groups: &[PlaceGroupId],
    of_each: i64,
) -> Result<BTreeMap<PlaceGroupId, Vec<Submission>>, sqlx::Error> {
    let ids: Vec<Uuid> = groups.iter().map(|id| id.0).collect();
    let rows = sqlx::query(
        "-- latest_submissions\n\
         SELECT g.id, s.doc FROM unnest($3::uuid[]) AS g (id) CROSS JOIN LATERAL (\
         SELECT doc, (doc->>'submitted_time')::bigint AS submitted FROM capacity_submission \
         WHERE county_id = $1 AND measure_code = $2 AND (doc->>'place_group_id')::uuid = g.id \
         ORDER BY submitted DESC LIMIT $4) s ORDER BY g.id, s.submitted DESC",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(ids)
    .bind(of_each)
    .fetch_all(connection)
    .await?;
    let mut found: BTreeMap<PlaceGroupId, Vec<Submission>> = BTreeMap::new();
    for row in &rows {
        let Json(submission) = row.try_get("doc")?;
        found.entry(PlaceGroupId(row.try_get("id")?)).or_default().push(submission);
    }
    Ok(found)
}
