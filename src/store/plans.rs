//! Reads of redistribution plans.

use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::domain::{
    ids::{LedgerId, PlanId},
    plan::Plan,
};

/// One plan of a ledger.
pub async fn find(
    connection: &mut PgConnection,
    id: &LedgerId,
    plan_id: PlanId,
) -> Result<Option<Plan>, sqlx::Error> {
    let found: Option<Json<Plan>> = sqlx::query_scalar(
        "-- find_plan\n\
         SELECT doc FROM plan WHERE county_id = $1 AND measure_code = $2 AND plan_id = $3",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .bind(plan_id.0)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|Json(plan)| plan))
}

/// So many plans of a ledger behind one of them, in the order they were proposed: an id begins with
/// its time.
pub async fn page(
    connection: &mut PgConnection,
    id: &LedgerId,
    after: Option<PlanId>,
    most: i64,
) -> Result<Vec<Plan>, sqlx::Error> {
    let found: Vec<Json<Plan>> = sqlx::query_scalar(
        "-- page_of_plans\n\
         SELECT doc FROM plan WHERE county_id = $1 AND measure_code = $2 AND plan_id > $3 \
         ORDER BY plan_id LIMIT $4",
    )
    .bind(id.county_id.as_str())
    .bind(id.measure_code.as_str())
    .bind(after.map_or(Uuid::nil(), |after| after.0))
    .bind(most)
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(|Json(plan)| plan).collect())
}
