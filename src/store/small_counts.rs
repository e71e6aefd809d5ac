//! What an office knows anyway of the figures it is told.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row, types::Json};
use uuid::Uuid;

use crate::domain::{
    access::Own,
    account::AccountKey,
    disclosure::Use,
    ids::{LedgerId, MunicipalityNumber, OfficeNumber, PlaceGroupId},
};

/// What an office's own people hold of each account, place groups and second ones.
pub async fn held_by(
    connection: &mut PgConnection,
    ledger: &LedgerId,
    own: &Own,
) -> Result<BTreeMap<AccountKey, Use>, sqlx::Error> {
    let municipalities: Vec<&str> =
        own.municipalities.iter().map(MunicipalityNumber::as_str).collect();
    let rows = sqlx::query(
        "-- held_by_own\n\
         SELECT held.account, held.place_group_id, \
         coalesce(sum(held.percent) FILTER (WHERE held.is_reserved), 0)::bigint AS reserved, \
         coalesce(sum(held.percent) FILTER (WHERE NOT held.is_reserved), 0)::bigint AS in_use \
         FROM (SELECT entry_id, doc->'account' AS account, \
         (doc->>'place_group_id')::uuid AS place_group_id, \
         (doc->>'participation_percent')::bigint AS percent, true AS is_reserved \
         FROM offer WHERE county_id = $1 AND measure_code = $2 \
         AND state IN ('PROPOSED', 'OFFERED', 'ACCEPTED') \
         UNION ALL SELECT entry_id, doc->'account', (doc->>'place_group_id')::uuid, \
         (doc->>'participation_percent')::bigint, false \
         FROM placement WHERE county_id = $1 AND measure_code = $2 AND state <> 'ENDED') AS held \
         JOIN entry e ON e.county_id = $1 AND e.measure_code = $2 AND e.entry_id = held.entry_id \
         WHERE e.municipality_number = ANY($3) OR e.following_office_number = $4 \
         OR held.account->>'QUOTA' = ANY($3) GROUP BY 1, 2",
    )
    .bind(ledger.county_id.as_str())
    .bind(ledger.measure_code.as_str())
    .bind(municipalities)
    .bind(own.office.as_ref().map(OfficeNumber::as_str))
    .fetch_all(connection)
    .await?;
    let mut held: BTreeMap<AccountKey, Use> = BTreeMap::new();
    for row in &rows {
        let Json(account) = row.try_get("account")?;
        let group = PlaceGroupId(row.try_get::<Uuid, _>("place_group_id")?);
        for key in [account, AccountKey::PlaceGroup(group)] {
            let sum = held.entry(key).or_default();
            sum.reserved += row.try_get::<i64, _>("reserved")?.unsigned_abs();
            sum.in_use += row.try_get::<i64, _>("in_use")?.unsigned_abs();
        }
    }
    Ok(held)
}
